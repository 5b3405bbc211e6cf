/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal key list: from what is public, and from what packseal-signer tells of how the secret halves are kept, where
 * this user may ask.
 */
#include "archive/store.h"
#include "cli/keys.h"
#include "cli/words.h"
#include "evidence/cert.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listing {
    int dir; /* public/ */
    const char *root;
    bool json, certified;
    struct ps_cert cert;
    struct ps_pubkey root_key;
    struct ps_vkey ledger;
    char clip_rest[16], ledger_rest[16];
    unsigned shown;
};

/* A file of public/, with a zero behind it; NULL when it is not there. */
static char *load(const struct listing *l, const char *name, size_t max, size_t *n) {
    uint8_t *p = NULL;
    struct ps_why why = {0};
    *n = 0;
    return ps_store_read_file(l->dir, name, max, &p, n, &why) == 0 ? (char *)p : NULL;
}

static bool load_key(const struct listing *l, const char *name, struct ps_pubkey *k) {
    size_t n;
    char *text = load(l, name, PS_MAX_MINISIG, &n);
    bool ok = text != NULL && ps_minisign_pubkey_parse(k, text, n) == 0;
    free(text);
    return ok;
}

static void load_cert(struct listing *l) {
    size_t n, sig_n;
    char *cert = load(l, "cert.json", PS_CERT_MAX, &n);
    char *sig = load(l, "cert.json.minisig", PS_MAX_MINISIG, &sig_n);
    l->certified = cert != NULL && sig != NULL && load_key(l, "root.pub", &l->root_key) &&
                   ps_cert_open(&l->cert, cert, n, sig, sig_n, &l->root_key, NULL) == 0;
    free(sig);
    free(cert);
}

/* How the secret halves are kept, where this user may know. */
static void ask_signer(struct listing *l) {
    char dir[PS_ROOT_PATH];
    struct ps_keys_job j = {0};
    struct ps_buf out;
    snprintf(l->clip_rest, sizeof(l->clip_rest), "unseen");
    snprintf(l->ledger_rest, sizeof(l->ledger_rest), "unseen");
    if (ps_root_path(l->root, PS_ROOT_SIGNER, dir) < 0 || access(dir, R_OK | X_OK) != 0)
        return;
    ps_buf_init(&out, 65536);
    ps_keys_arg(&j, "--key-list", NULL);
    ps_keys_arg(&j, "--dir", dir);
    size_t at = 0;
    if (ps_keys_run(&j, &out) == 0)
        for (json_t *o; at < out.n; json_decref(o)) {
            json_error_t e;
            o = json_loadb((const char *)out.p + at, out.n - at, JSON_DISABLE_EOF_CHECK, &e);
            if (o == NULL)
                break;
            const char *key = json_string_value(json_object_get(o, "key"));
            const char *rest = json_string_value(json_object_get(o, "at_rest"));
            if (key != NULL && rest != NULL)
                snprintf(strcmp(key, "clip") == 0 ? l->clip_rest : l->ledger_rest, sizeof(l->clip_rest), "%s",
                         rest);
            at += (size_t)e.position;
        }
    ps_buf_free(&out);
}

static const char *rest_text(const char *rest) {
    static const char *const words[][3] = {
        {"plain", "not encrypted", "未加密"},
        {"passphrase", "under a passphrase", "口令加密"},
        {"credential", "a systemd credential", "systemd 凭据"},
        {"unseen", "out of this user's sight", "当前用户不可见"},
        {"elsewhere", "the secret key is not on this station", "私钥不在本工位"},
        {"gone", "the secret key was destroyed", "私钥已销毁"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(rest, words[i][0]) == 0)
            return ps_words(words[i][1], words[i][2]);
    return rest;
}

struct entry {
    const char *key, *id, *public_text, *fingerprint, *file, *rest;
    bool certified;
};

static void show(struct listing *l, const struct entry *e) {
    char from[32] = "", until[32] = "";
    if (e->certified) {
        ps_statement_time_text(l->cert.from_ns, from);
        ps_statement_time_text(l->cert.until_ns, until);
    }
    if (l->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "key", e->key, "id", e->id, "public",
                              e->public_text, "fingerprint", e->fingerprint, "file", e->file, "at_rest",
                              e->rest, "certified", e->certified);
        if (e->certified) {
            json_object_set_new(o, "merchant", json_string(l->cert.merchant));
            json_object_set_new(o, "station", json_string(l->cert.station));
            json_object_set_new(o, "from", json_string(from));
            json_object_set_new(o, "until", json_string(until));
            json_object_set_new(o, "serial", json_integer((json_int_t)l->cert.serial));
        }
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    printf("%s%s  %s\n", l->shown++ > 0 ? "\n" : "", e->key, e->id);
    printf("  %s\n  %s\n", e->public_text, e->fingerprint);
    printf("  %s: %s\n", e->file, rest_text(e->rest));
    if (e->certified)
        printf(ps_words("  certified by %s for %s, %s to %s\n", "  由 %s 认证(%s),%s 至 %s\n"),
               l->cert.merchant, l->cert.station, from, until);
}

static void show_minisign(struct listing *l, const char *key, const struct ps_pubkey *k, const char *file,
                          const char *rest, bool certified) {
    char id[17], text[57], print[40];
    ps_minisign_id_text(k->id, id);
    ps_minisign_pubkey_text(k, text);
    ps_minisign_fingerprint(k, print);
    show(l, &(struct entry){key, id, text, print, file, rest, certified});
}

static void show_ledger(struct listing *l) {
    size_t n;
    char id[9], print[65];
    uint8_t sum[32];
    char *text = load(l, "log.vkey", 1024, &n);
    if (text != NULL && ps_note_vkey_parse(&l->ledger, text, n) == 0) {
        text[strcspn(text, "\n")] = '\0';
        ps_bytes_hex(id, l->ledger.id, 4);
        ps_sha256(sum, l->ledger.key, 32);
        ps_bytes_hex(print, sum, 32);
        bool certified = l->certified && memcmp(l->cert.ledger_key.key, l->ledger.key, 32) == 0;
        show(l, &(struct entry){"ledger", id, text, print, "signer/ledger.key", l->ledger_rest, certified});
    }
    free(text);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Clip keys that were replaced. */
static void show_old(struct listing *l) {
    char *names[256], path[512];
    size_t n = 0;
    int fd = openat(l->dir, "old", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0)
        close(fd);
    for (struct dirent *e; d != NULL && n < 256 && (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (strncmp(e->d_name, "clip-", 5) == 0 && len > 9 && strcmp(e->d_name + len - 4, ".pub") == 0 &&
            (names[n] = strdup(e->d_name)) != NULL)
            n++;
    }
    if (d != NULL)
        closedir(d);
    qsort(names, n, sizeof(names[0]), by_name);
    for (size_t i = 0; i < n; i++) {
        struct ps_pubkey k;
        snprintf(path, sizeof(path), "old/%s", names[i]);
        if (load_key(l, path, &k)) {
            char shown[520];
            snprintf(shown, sizeof(shown), "public/%s", path);
            show_minisign(l, "old-clip", &k, shown, "gone", false);
        }
        free(names[i]);
    }
}

int ps_keys_list(const char *root, bool json) {
    char path[PS_ROOT_PATH];
    struct listing l = {.root = root, .json = json, .dir = -1};
    struct ps_pubkey clip;
    if (ps_root_path(root, PS_ROOT_PUBLIC, path) < 0 ||
        (l.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return ps_words_fail(
            1, ps_words("there is no station", "此处没有工位"), root,
            ps_words("make one: packseal init --station NAME", "请先新建:packseal init --station 名称"));
    load_cert(&l);
    ask_signer(&l);
    bool ok = load_key(&l, "clip.pub", &clip);
    if (ok)
        show_minisign(&l, "clip", &clip, "signer/clip.key", l.clip_rest,
                      l.certified && memcmp(&l.cert.clip_key, &clip, sizeof(clip)) == 0);
    show_ledger(&l);
    if (load_key(&l, "root.pub", &l.root_key))
        show_minisign(&l, "root", &l.root_key, "public/root.pub", "elsewhere", false);
    show_old(&l);
    close(l.dir);
    return ok ? 0
              : ps_words_fail(1, ps_words("cannot be read", "无法读取"), "public/clip.pub",
                              ps_words("restore it from your backup", "请从备份恢复"));
}
