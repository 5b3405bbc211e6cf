/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/stationkey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "signer/clock.h"
#include "signer/file.h"
#include "signer/journal.h"
#include "signer/key.h"
#include "signer/request.h"
#include "signer/root.h"

#define NEXT_KEY "next-key" /* public key of a rotation whose leaf is still to come */
#define FOLDER_MODE 0755

int ps_stationkey_open(struct ps_stationkey *s, struct ps_why *why) {
    char text[PS_MAX_STATION_ID + 2];
    ssize_t n = ps_file_load(s->dir, "station", text, sizeof(text));

    if (n < 2 || text[n - 1] != '\n')
        return ps_error_why(why, n < 0 ? (int)n : PS_EFORMAT, "station",
                            "holds no station: has the station been set up (--init)?");
    memcpy(s->station, text, (size_t)n - 1);
    s->station[n - 1] = '\0';
    return ps_opening_station_ok(s->station) ? 0
                                             : ps_error_why(why, PS_EFORMAT, "station", "holds no station");
}

/* ---- files ---- */

/* In the place of what is there, whole or not at all. */
static int replace(int dir, const char *name, const void *p, size_t n, mode_t mode, struct ps_why *why) {
    char fresh[64];

    snprintf(fresh, sizeof(fresh), "%s.new", name);
    unlinkat(dir, fresh, 0); /* of an attempt that was cut short */
    if (ps_file_create(dir, fresh, p, n, mode) != 0 || renameat(dir, fresh, dir, name) != 0 ||
        fsync(dir) != 0)
        return ps_error_why(why, PS_EIO, name, "cannot be written: %s", strerror(errno));
    return 0;
}

static int open_old(int public_dir, struct ps_why *why) {
    bool made = mkdirat(public_dir, "old", 0700) == 0;
    int fd = openat(public_dir, "old", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || (made && fchmod(fd, FOLDER_MODE) != 0)) {
        if (fd >= 0)
            close(fd);
        return ps_error_why(why, PS_EIO, "public/old", "%s", strerror(errno));
    }
    return fd;
}

/* Nothing old is lost: what is there under the name already is the same, or stays. */
static int keep(int old, const char *name, const void *p, size_t n, struct ps_why *why) {
    int err = ps_file_create(old, name, p, n, 0644);

    return err == 0 || err == PS_EEXIST
               ? 0
               : ps_error_why(why, err, name, "cannot be kept in public/old: %s", strerror(errno));
}

/* Moves cert.json and its signature to old/. No certificate is no error. */
static int retire_cert(int public_dir, struct ps_why *why) {
    char cert[PS_CERT_MAX], sig[PS_MAX_MINISIG], name[64];
    struct ps_cert c;
    uint64_t serial = 0;
    int err = 0;

    ssize_t n = ps_file_load(public_dir, "cert.json", cert, sizeof(cert));
    ssize_t sig_n = ps_file_load(public_dir, "cert.json.minisig", sig, sizeof(sig));
    if (n < 0)
        return n == PS_ENOENT ? 0 : ps_error_why(why, (int)n, "cert.json", "%s", strerror(errno));
    int old = open_old(public_dir, why);
    if (old < 0)
        return old;
    if (ps_cert_parse(&c, cert, (size_t)n, NULL) == 0)
        serial = c.serial;
    snprintf(name, sizeof(name), "cert-%" PRIu64 ".json", serial);
    err = keep(old, name, cert, (size_t)n, why);
    snprintf(name, sizeof(name), "cert-%" PRIu64 ".json.minisig", serial);
    if (err == 0 && sig_n >= 0)
        err = keep(old, name, sig, (size_t)sig_n, why);
    if (err == 0 && (unlinkat(public_dir, "cert.json", 0) != 0 || fsync(public_dir) != 0))
        err = ps_error_why(why, PS_EIO, "cert.json", "%s", strerror(errno));
    if (err == 0)
        unlinkat(public_dir, "cert.json.minisig", 0);
    close(old);
    return err;
}

/* ---- what is public, after the key has changed ---- */

static int add_to_trust(const struct ps_stationkey *s, const struct ps_pubkey *clip, struct ps_why *why) {
    char there[PS_MAX_TRUST], text[57];
    struct ps_buf b;
    int err = 0;

    ssize_t n = ps_file_load(s->public_dir, "trust", there, sizeof(there) - 1);
    if (n < 0)
        return ps_error_why(why, (int)n, "public/trust", "cannot be read: %s", strerror(errno));
    there[n] = '\0';
    ps_minisign_pubkey_text(clip, text);
    if (strstr(there, text) != NULL)
        return 0;
    ps_buf_init(&b, PS_MAX_TRUST);
    ps_buf_bytes(&b, there, (size_t)n);
    if (n > 0 && there[n - 1] != '\n')
        ps_buf_u8(&b, '\n');
    ps_buf_fmt(&b, "clip %s station=%s\n", text, s->station);
    err = b.err != 0 ? ps_error_why(why, b.err, "public/trust", "is full")
                     : replace(s->public_dir, "trust", b.p, b.n, 0644, why);
    ps_buf_free(&b);
    return err;
}

/* Brings public/ into agreement with the clip key: what a rotation does last, and what a later one or a request
 * completes when it was cut short. clip.pub changes at the end, so that until then there is work to be seen. */
static int publish(const struct ps_stationkey *s, const struct ps_pubkey *clip, struct ps_why *why) {
    char text[PS_MAX_MINISIG], name[64], id[17], comment[96];
    struct ps_pubkey there;
    struct ps_buf b;

    ssize_t n = ps_file_load(s->public_dir, "clip.pub", text, sizeof(text));
    bool readable = n > 0 && ps_minisign_pubkey_parse(&there, text, (size_t)n) == 0;
    if (readable && memcmp(&there, clip, sizeof(there)) == 0)
        return 0;
    int err = 0;
    if (readable) {
        int old = open_old(s->public_dir, why);
        if (old < 0)
            return old;
        ps_minisign_id_text(there.id, id);
        snprintf(name, sizeof(name), "clip-%s.pub", id);
        err = keep(old, name, text, (size_t)n, why);
        close(old);
    }
    if (err == 0)
        err = retire_cert(s->public_dir, why);
    if (err == 0)
        err = add_to_trust(s, clip, why);
    if (err != 0)
        return err;
    ps_buf_init(&b, PS_MAX_MINISIG);
    snprintf(comment, sizeof(comment), "PackSeal clip key of station %s", s->station);
    ps_minisign_pubkey_write(&b, clip, comment);
    err = b.err != 0 ? b.err : replace(s->public_dir, "clip.pub", b.p, b.n, 0644, why);
    ps_buf_free(&b);
    return err;
}

/* public/log.vkey, whose key must be the ledger's: its name may be more than the station's id. */
static int load_vkey(const struct ps_stationkey *s, const uint8_t ledger[32], struct ps_vkey *out,
                     struct ps_why *why) {
    char text[PS_NOTE_NAME + 128];

    ssize_t n = ps_file_load(s->public_dir, "log.vkey", text, sizeof(text));
    if (n < 0)
        return ps_error_why(why, (int)n, "public/log.vkey", "cannot be read: %s", strerror(errno));
    if (ps_note_vkey_parse(out, text, (size_t)n) != 0 || out->type != PS_NOTE_ED25519 ||
        memcmp(out->key, ledger, 32) != 0)
        return ps_error_why(why, PS_EFORMAT, "public/log.vkey", "is not this station's ledger key");
    return 0;
}

/* ---- request ---- */

int ps_stationkey_request(const struct ps_stationkey *s, struct ps_buf *out, struct ps_why *why) {
    struct ps_key *key = NULL;
    struct ps_request r = {0};
    struct ps_clock now;
    struct ps_minisig sig;
    char comment[PS_MAX_TRUSTED_COMMENT + 1];

    ps_key_unlock(s->passphrase);
    int err = ps_key_load(&key, s->dir, why);
    if (err == 0)
        err = publish(s, ps_key_clip(key), why);
    if (err == 0)
        err = load_vkey(s, ps_key_ledger(key), &r.ledger_key, why);
    if (err != 0)
        goto out;
    ps_clock_read(&now);
    snprintf(r.station, sizeof(r.station), "%s", s->station);
    r.clip_key = *ps_key_clip(key);
    r.made_ns = now.wall_ns;
    ps_request_write(&r, out);
    ps_request_comment(&r, out->p, out->n, comment);
    err = out->err != 0 ? out->err : ps_key_sign_clip(key, out->p, out->n, comment, &sig);
    if (err == 0) {
        ps_minisign_sig_write(out, &sig, "signature from a PackSeal clip key");
        err = out->err;
    }
    if (err != 0)
        ps_error_why(why, err, "request", "cannot be made: %s", ps_error_text(err));
out:
    ps_key_free(key);
    return err;
}

/* ---- certificate ---- */

static int choose_root(const struct ps_stationkey *s, const struct ps_stationkey_cert *c,
                       struct ps_pubkey *root, struct ps_why *why) {
    char text[PS_MAX_MINISIG];
    struct ps_pubkey installed;

    if (ps_minisign_pubkey_parse(root, c->root, c->root_n) != 0)
        return ps_error_why(why, PS_EFORMAT, "root.pub", "is no minisign public key");
    ssize_t n = ps_file_load(s->public_dir, "root.pub", text, sizeof(text));
    if (n == PS_ENOENT || c->new_root)
        return 0;
    if (n < 0 || ps_minisign_pubkey_parse(&installed, text, (size_t)n) != 0 ||
        memcmp(&installed, root, sizeof(installed)) != 0)
        return ps_error_why(why, PS_EPERM, "root.pub",
                            "is another root key than the installed one: --new-root if that is meant");
    return 0;
}

static int is_ours(const struct ps_stationkey *s, const struct ps_cert *c, struct ps_why *why) {
    struct ps_pubkey clip, ledger;
    struct ps_vkey vkey;
    enum ps_key_rest rest;

    int err = ps_key_look(s->dir, "clip", &clip, &rest, why);
    if (err == 0)
        err = ps_key_look(s->dir, "ledger", &ledger, &rest, why);
    if (err == 0)
        err = load_vkey(s, ledger.key, &vkey, why);
    if (err != 0)
        return err;
    if (strcmp(c->station, s->station) != 0)
        return ps_error_why(why, PS_EPERM, "cert.json", "is for station %s, this is %s", c->station,
                            s->station);
    if (memcmp(&c->clip_key, &clip, sizeof(clip)) != 0)
        return ps_error_why(why, PS_EPERM, "cert.json",
                            "is for another clip key: make a new request (packseal key request)");
    if (memcmp(c->ledger_key.key, ledger.key, 32) != 0 || strcmp(c->ledger_key.name, vkey.name) != 0)
        return ps_error_why(why, PS_EPERM, "cert.json",
                            "is for another ledger key: make a new request (packseal key request)");
    return 0;
}

/* A revocation is kept by the number of the key that it revokes, beside the certificates; a later one of the same key takes its
 * place unless it says less. */
static int install_revocation(const struct ps_stationkey *s, const struct ps_stationkey_cert *c,
                              const struct ps_pubkey *root, struct ps_buf *report, struct ps_why *why) {
    char name[64], sig_name[80], id[17], since[32], clip[57], there[PS_CERT_MAX];
    struct ps_revocation r, old;

    int err = ps_cert_open_revocation(&r, c->cert, c->cert_n, c->sig, c->sig_n, root, why);
    if (err != 0)
        return err;
    ps_minisign_id_text(r.clip_key.id, id);
    snprintf(name, sizeof(name), "revocation-%s.json", id);
    snprintf(sig_name, sizeof(sig_name), "%s.minisig", name);
    ssize_t n = ps_file_load(s->public_dir, name, there, sizeof(there));
    if (n > 0 && ps_cert_parse_revocation(&old, there, (size_t)n, NULL) == 0 && old.since_ns < r.since_ns)
        return ps_error_why(why, PS_EPERM, name,
                            "is there already, of an earlier time: remove it by hand if this is meant");
    err = replace(s->public_dir, sig_name, c->sig, c->sig_n, 0644, why);
    if (err == 0)
        err = replace(s->public_dir, name, c->cert, c->cert_n, 0644, why);
    if (err != 0)
        return err;
    ps_minisign_pubkey_text(&r.clip_key, clip);
    ps_statement_time_text(r.since_ns, since);
    ps_buf_fmt(report, "merchant     %s\nrevoked      %s\nsince        %s\n", r.merchant, clip, since);
    return 0;
}

int ps_stationkey_install(const struct ps_stationkey *s, const struct ps_stationkey_cert *c,
                          struct ps_buf *report, struct ps_why *why) {
    struct ps_pubkey root;
    struct ps_revocation revocation;
    struct ps_cert cert;
    char print[40], from[32], until[32];

    int err = choose_root(s, c, &root, why);
    if (err == 0 && ps_cert_parse_revocation(&revocation, c->cert, c->cert_n, NULL) == 0)
        return install_revocation(s, c, &root, report, why);
    if (err == 0)
        err = ps_cert_open(&cert, c->cert, c->cert_n, c->sig, c->sig_n, &root, why);
    if (err == 0)
        err = is_ours(s, &cert, why);
    if (err == 0)
        err = retire_cert(s->public_dir, why);
    /* The signature first: a certificate is there when cert.json is. */
    if (err == 0)
        err = replace(s->public_dir, "cert.json.minisig", c->sig, c->sig_n, 0644, why);
    if (err == 0)
        err = replace(s->public_dir, "root.pub", c->root, c->root_n, 0644, why);
    if (err == 0)
        err = replace(s->public_dir, "cert.json", c->cert, c->cert_n, 0644, why);
    if (err != 0)
        return err;
    ps_minisign_fingerprint(&root, print);
    ps_statement_time_text(cert.from_ns, from);
    ps_statement_time_text(cert.until_ns, until);
    ps_buf_fmt(report, "merchant     %s\nfingerprint  %s\nstation      %s\nvalid        %s to %s\n",
               cert.merchant, print, cert.station, from, until);
    return 0;
}

/* ---- rotation, passphrases ---- */

static int hold(const struct ps_stationkey *s, struct ps_why *why) {
    return flock(s->dir, LOCK_EX | LOCK_NB) == 0
               ? 0
               : ps_error_why(why, PS_EBUSY, "signer", "runs on this folder: stop the station first");
}

/* Openings less endings. */
static int count_pending(void *ctx, uint8_t kind, const uint8_t *p, size_t n) {
    int64_t *pending = ctx;

    (void)p;
    (void)n;
    *pending += kind == PS_JOURNAL_OPEN ? 1 : kind == PS_JOURNAL_SEAL || kind == PS_JOURNAL_ABORT ? -1 : 0;
    return 0;
}

/* The key that a clip was opened with is the one that seals it. */
static int none_pending(const struct ps_stationkey *s, struct ps_why *why) {
    struct ps_journal *j = NULL;
    int64_t pending = 0;
    int fresh = 0;

    int err = ps_journal_open(&j, s->dir, &fresh, why);
    if (err == 0 && !fresh)
        err = ps_journal_replay(j, count_pending, &pending);
    ps_journal_close(j);
    if (err == 0 && pending != 0)
        err = ps_error_why(why, PS_ESTATE, "journal",
                           "a clip is not sealed yet: start the station, let it finish, and stop it");
    return err;
}

static int look(const struct ps_stationkey *s, enum ps_key_rest *rest, struct ps_why *why) {
    struct ps_pubkey k;
    enum ps_key_rest other;

    int err = ps_key_look(s->dir, "clip", &k, rest, why);
    if (err == 0)
        err = ps_key_look(s->dir, "ledger", &k, &other, why);
    if (err == 0 && (*rest == PS_KEY_CREDENTIAL || other == PS_KEY_CREDENTIAL))
        return ps_error_why(why, PS_EPERM, "credentials",
                            "systemd keeps these keys: change them where they came from");
    return err;
}

int ps_stationkey_rotate(const struct ps_stationkey *s, struct ps_buf *report, struct ps_why *why) {
    struct ps_keyfile_lock lock = {s->passphrase, ps_keyfile_cost_station};
    struct ps_key *key = NULL;
    struct ps_pubkey fresh;
    enum ps_key_rest rest;
    char text[58], id[17];

    int err = hold(s, why);
    if (err == 0)
        err = look(s, &rest, why);
    if (err == 0)
        err = none_pending(s, why);
    /* Loading shows that the passphrase is the right one before a new key is put under it. */
    ps_key_unlock(s->passphrase);
    if (err == 0)
        err = ps_key_load(&key, s->dir, why);
    if (err == 0)
        err = publish(s, ps_key_clip(key), why);
    ps_key_free(key);
    if (err == 0)
        err = ps_key_fresh_clip(s->dir, rest == PS_KEY_PASSPHRASE ? &lock : NULL, s->station, &fresh, why);
    if (err != 0)
        return err;
    ps_minisign_pubkey_text(&fresh, text);
    text[56] = '\n';
    /* Ignored by a start that still finds the old key. */
    err = replace(s->dir, NEXT_KEY, text, 57, 0600, why);
    if (err == 0)
        err = ps_key_take_fresh(s->dir, why);
    if (err == 0)
        err = publish(s, &fresh, why);
    if (err == 0) {
        ps_minisign_id_text(fresh.id, id);
        ps_buf_fmt(report, "station      %s\nclip key     %.56s\nclip key id  %s\n", s->station, text, id);
    }
    return err;
}

int ps_stationkey_relock(const struct ps_stationkey *s, const struct ps_keyfile_passphrase *fresh,
                         struct ps_why *why) {
    struct ps_keyfile_lock lock = {fresh, ps_keyfile_cost_station};
    enum ps_key_rest rest;

    int err = hold(s, why);
    if (err == 0)
        err = look(s, &rest, why);
    return err == 0 ? ps_key_relock(s->dir, s->passphrase, fresh != NULL ? &lock : NULL, s->station, why)
                    : err;
}

int ps_stationkey_pending(int dir, const struct ps_pubkey *clip, uint8_t digest[32]) {
    char text[64];
    struct ps_pubkey k;

    ssize_t n = ps_file_load(dir, NEXT_KEY, text, sizeof(text));
    if (n <= 0 || ps_minisign_pubkey_parse(&k, text, (size_t)n) != 0 || memcmp(&k, clip, sizeof(k)) != 0)
        return 0;
    ps_sha256(digest, clip->key, sizeof(clip->key));
    return 1;
}

void ps_stationkey_recorded(int dir) {
    unlinkat(dir, NEXT_KEY, 0);
    fsync(dir);
}

/* ---- list ---- */

int ps_stationkey_list(const struct ps_stationkey *s, struct ps_buf *out, struct ps_why *why) {
    static const char *const names[] = {"clip", "ledger"};
    static const char *const rests[] = {
        [PS_KEY_PLAIN] = "plain", [PS_KEY_PASSPHRASE] = "passphrase", [PS_KEY_CREDENTIAL] = "credential"};

    for (size_t i = 0; i < 2; i++) {
        struct ps_pubkey k;
        enum ps_key_rest rest = PS_KEY_PLAIN;
        char text[57];

        int err = ps_key_look(s->dir, names[i], &k, &rest, why);
        if (err != 0)
            return err;
        ps_minisign_pubkey_text(&k, text);
        ps_buf_fmt(out, "{\"key\":\"%s\",\"public\":\"%s\",\"at_rest\":\"%s\"}\n", names[i], text,
                   rests[rest]);
    }
    return out->err;
}
