/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys/ of a bundle: public keys, certificates and revocations out of ROOT/public.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/outside.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/note.h"
#include "evidence/sha256.h"

#define KEYS "keys"
#define VKEY_MAX 65536
#define LEDGERS 99 /* earlier ones that are looked through */

struct source {
    struct ps_outside *o;
    int dir; /* ROOT/public */
    const struct ps_clip *clip;
    bool first; /* the plain names are this clip's */
    struct ps_why *why;
};

static int read_public(const struct source *s, const char *name, size_t max, uint8_t **p, size_t *n,
                       struct ps_why *why) {
    *p = NULL;
    return ps_store_read_file(s->dir, name, max, p, n, why);
}

static const struct ps_outside_file *there(const struct ps_outside *o, const char *name) {
    for (unsigned i = 0; i < o->n; i++)
        if (strcmp(o->files[i].folder, KEYS) == 0 && strcmp(o->files[i].name, name) == 0)
            return &o->files[i];
    return NULL;
}

/* Is it in the bundle under its plain name? */
static bool same(const struct ps_outside *o, const char *plain, const void *p, size_t n) {
    const struct ps_outside_file *f = there(o, plain);
    return f && f->n == n && memcmp(f->p, p, n) == 0;
}

/* The plain name for the first clip, else the other one, unless the bundle has it already. */
static int put(const struct source *s, const char *plain, const char *other, const void *p, size_t n) {
    if (same(s->o, plain, p, n))
        return 0;
    return ps_outside_add(s->o, KEYS, s->first ? plain : other, p, n);
}

/* ---- keys -------------------------------------------------------------------------------------------- */

/* The clip's key: the one in use, unless the clip is older than it. */
static int add_key(const struct source *s) {
    struct ps_pubkey k;
    char id[17], name[48];
    uint8_t *p = NULL, *old = NULL;
    size_t n = 0, old_n = 0;
    int err = read_public(s, "clip.pub", PS_MAX_MINISIG, &p, &n, s->why);

    if (err)
        return err;
    ps_minisign_id_text(s->clip->key.id, id);
    if (ps_minisign_pubkey_parse(&k, p, n) != 0 || memcmp(&k, &s->clip->key, sizeof k) != 0) {
        snprintf(name, sizeof name, "old/clip-%s.pub", id);
        if (read_public(s, name, PS_MAX_MINISIG, &old, &old_n, NULL) == 0) {
            free(p);
            p = old;
            n = old_n;
        }
    }
    snprintf(name, sizeof name, "clip-%s.pub", id);
    err = put(s, "clip.pub", name, p, n);
    free(p);
    return err;
}

/* log.vkey, or log.vkey.N of an earlier ledger: that of the clip's, else the present one. */
static int add_ledger(const struct source *s) {
    char name[32], id[9];
    uint8_t *p = NULL, *old = NULL;
    size_t n = 0, old_n = 0;
    struct ps_vkey k = {.type = 0};
    int err = read_public(s, "log.vkey", VKEY_MAX, &p, &n, s->why);

    if (err)
        return err == PS_ENOENT ? 0 : err;
    for (unsigned i = 1; (ps_note_vkey_parse(&k, (const char *)p, n) != 0 ||
                          memcmp(k.key, s->clip->ledger_key, sizeof k.key) != 0) &&
                         i <= LEDGERS;
         i++) {
        snprintf(name, sizeof name, "log.vkey.%u", i);
        if (read_public(s, name, VKEY_MAX, &old, &old_n, NULL) != 0)
            break;
        if (ps_note_vkey_parse(&k, (const char *)old, old_n) == 0 &&
            memcmp(k.key, s->clip->ledger_key, sizeof k.key) == 0) {
            free(p);
            p = old;
            n = old_n;
        } else {
            free(old);
        }
    }
    ps_bytes_hex(id, k.id, sizeof k.id);
    snprintf(name, sizeof name, "log-%s.vkey", id);
    err = put(s, "log.vkey", name, p, n);
    free(p);
    return err;
}

/* ---- what the root key signed ------------------------------------------------------------------------ */

/* A file and its signature beside it, under these names in the bundle. */
static int add_signed(const struct source *s, const char *from, const char *plain, const char *other) {
    char name[300], plain_sig[PS_OUTSIDE_NAME + 8], other_sig[PS_OUTSIDE_NAME + 8];
    uint8_t *p = NULL, *sig = NULL;
    size_t n = 0, sig_n = 0;

    snprintf(name, sizeof name, "%.290s.minisig", from);
    snprintf(plain_sig, sizeof plain_sig, "%s.minisig", plain);
    snprintf(other_sig, sizeof other_sig, "%s.minisig", other);
    int err = read_public(s, from, PS_CERT_MAX, &p, &n, s->why);
    if (!err)
        err = read_public(s, name, PS_MAX_MINISIG, &sig, &sig_n, s->why);
    if (!err && !same(s->o, plain, p, n)) {
        err = put(s, plain, other, p, n);
        if (!err)
            err = ps_outside_add(s->o, KEYS, s->first ? plain_sig : other_sig, sig, sig_n);
    }
    free(sig);
    free(p);
    return err;
}

/* Is this the certificate to bring for the clip: of its keys and station? *best keeps the choice's serial; one that is
 * valid at the clip's end comes before one that is not, then the newer. id gets its name's digits. */
static bool better(const struct source *s, const char *name, uint64_t *best, char id[17]) {
    const struct ps_clip *clip = s->clip;
    struct ps_cert c;
    uint8_t *p = NULL, sum[32];
    size_t n = 0;
    bool ours = read_public(s, name, PS_CERT_MAX, &p, &n, NULL) == 0 && ps_cert_parse(&c, p, n, NULL) == 0 &&
                memcmp(&c.clip_key, &clip->key, sizeof c.clip_key) == 0 &&
                memcmp(c.ledger_key.key, clip->ledger_key, 32) == 0 &&
                strcmp(c.station, clip->opening.station) == 0;
    if (ours) {
        bool valid = c.from_ns <= clip->ended.wall_ns && clip->ended.wall_ns <= c.until_ns;
        uint64_t rank = c.serial + 1 + (valid ? (uint64_t)1 << 60 : 0); /* serials end at 2^53 */
        ours = rank > *best;
        *best = ours ? rank : *best;
    }
    if (ours) {
        ps_sha256(sum, p, n);
        ps_bytes_hex(id, sum, 8);
    }
    free(p);
    return ours;
}

/* The certificate in use, or one that it replaced: a clip is judged by what held when it was made. */
static int add_cert(const struct source *s) {
    char name[300], chosen[300] = "", id[17] = "", other[PS_OUTSIDE_NAME];
    uint64_t best = 0;

    if (better(s, "cert.json", &best, id))
        snprintf(chosen, sizeof chosen, "cert.json");
    int fd = openat(s->dir, "old", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d && fd >= 0)
        close(fd);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (strncmp(e->d_name, "cert-", 5) != 0 || len < 10 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        snprintf(name, sizeof name, "old/%s", e->d_name);
        if (better(s, name, &best, id))
            memcpy(chosen, name, sizeof chosen);
    }
    if (d)
        closedir(d);
    if (chosen[0] == '\0')
        return 0;
    snprintf(other, sizeof other, "cert-%s.json", id);
    return add_signed(s, chosen, "cert.json", other);
}

/* What speaks against the clip's key goes along as well. */
static int add_revocation(const struct source *s) {
    char id[17], name[40];

    ps_minisign_id_text(s->clip->key.id, id);
    snprintf(name, sizeof name, "revocation-%s.json", id);
    int err = add_signed(s, name, name, name);
    return err == PS_ENOENT ? 0 : err;
}

int ps_outside_keys(struct ps_outside *o, const char *root, const struct ps_clip *clip, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    struct source s = {.o = o, .clip = clip, .first = !there(o, "clip.pub"), .why = why};

    s.dir =
        ps_root_path(root, PS_ROOT_PUBLIC, path) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.dir < 0)
        return ps_error_why(why, PS_ENOENT, PS_ROOT_PUBLIC, "is not there");
    int err = add_key(&s);
    if (!err)
        err = add_ledger(&s);
    if (!err)
        err = add_cert(&s);
    if (!err)
        err = add_revocation(&s);
    close(s.dir);
    return err;
}
