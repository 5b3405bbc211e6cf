/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/keyleaf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence/cert.h"
#include "evidence/sha256.h"
#include "signer/file.h"
#include "signer/state.h"

#define REVOCATIONS_MAX 64 /* files that are looked at when the signer starts */

enum what { CERTIFICATE = 1, REVOCATION = 2 }; /* first byte of the leaf's extra; then the key's number */

/* What a file signed by the root says, as the leaf has it. PS_ENOENT when it speaks of another station, or is neither. */
static int read_signed(const struct ps_state *s, const struct ps_wire_key *k, struct ps_leaf *leaf,
                       struct ps_why *why) {
    struct ps_revocation r;
    struct ps_cert c;
    const struct ps_pubkey *key = &c.clip_key;

    leaf->extra[0] = CERTIFICATE;
    int err = ps_cert_open(&c, k->text, k->n, k->sig, k->sig_n, &s->root, why);
    if (err == 0 && (strcmp(c.station, s->station) != 0 || !ps_note_vkey_same(&c.ledger_key, &s->vkey) ||
                     memcmp(&c.clip_key, ps_key_clip(s->key), sizeof(c.clip_key)) != 0))
        return ps_error_why(why, PS_ENOENT, "certificate", "is for another station, ledger or clip key");
    /* Signed all the same, but no certificate: a revocation? */
    if (err != 0 && err != PS_ENOENT && err != PS_ESIG) {
        leaf->extra[0] = REVOCATION;
        key = &r.clip_key;
        err = ps_cert_open_revocation(&r, k->text, k->n, k->sig, k->sig_n, &s->root, why);
    }
    if (err != 0)
        return err;
    memcpy(leaf->extra + 1, key->id, sizeof(key->id));
    leaf->extra_len = 1 + sizeof(key->id);
    ps_sha256(leaf->digest, k->text, k->n);
    return 0;
}

/* 1 and the leaf when the ledger tells this file already; 0; or PS_EIO. */
static int told(const struct ps_state *s, const uint8_t digest[32], uint8_t *encoded, size_t *n) {
    struct ps_leaf leaf;

    for (uint64_t i = ps_ledger_size(s->ledger); i-- > 0;) {
        if (ps_ledger_type(s->ledger, i) != PS_LEAF_KEY)
            continue;
        int len = ps_ledger_get(s->ledger, i, encoded);
        if (len < 0 || ps_leaf_decode(&leaf, encoded, (size_t)len) != 0)
            return PS_EIO;
        *n = (size_t)len;
        if (memcmp(leaf.digest, digest, sizeof(leaf.digest)) == 0)
            return 1;
    }
    return 0;
}

static int commit(struct ps_state *s, const struct ps_leaf *said, uint8_t *encoded, size_t *n) {
    struct ps_leaf leaf;
    int err = told(s, said->digest, encoded, n);

    if (err != 0)
        return err > 0 ? 0 : err;
    ps_state_leaf(s, PS_LEAF_KEY, &leaf);
    memcpy(leaf.digest, said->digest, sizeof(leaf.digest));
    memcpy(leaf.extra, said->extra, said->extra_len);
    leaf.extra_len = said->extra_len;
    return ps_state_commit(s, PS_JOURNAL_LEAF, NULL, 0, &leaf, encoded, n);
}

/* ---- at the start ------------------------------------------------------------------------------------- */

static int tell_file(struct ps_state *s, int folder, const char *name) {
    uint8_t text[PS_CERT_MAX], sig[PS_MAX_MINISIG], encoded[PS_MAX_LEAF];
    char beside[300];
    struct ps_leaf said = {.type = PS_LEAF_KEY};
    size_t len;

    snprintf(beside, sizeof(beside), "%.280s.minisig", name);
    ssize_t n = ps_file_load(folder, name, text, sizeof(text));
    ssize_t sig_n = n > 0 ? ps_file_load(folder, beside, sig, sizeof(sig)) : -1;
    if (sig_n <= 0)
        return 0;
    struct ps_wire_key k = {text, sig, (uint16_t)n, (uint16_t)sig_n};
    return read_signed(s, &k, &said, NULL) == 0 ? commit(s, &said, encoded, &len) : 0;
}

static bool is_revocation(const char *name) {
    size_t n = strlen(name);
    return strncmp(name, "revocation-", 11) == 0 && n > 5 && strcmp(name + n - 5, ".json") == 0;
}

int ps_keyleaf_installed(struct ps_state *s, int dir) {
    char text[PS_MAX_MINISIG];
    unsigned looked = 0;
    int folder = openat(dir, "../public", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return 0;
    ssize_t n = ps_file_load(folder, "root.pub", text, sizeof(text));
    s->rooted = n > 0 && ps_minisign_pubkey_parse(&s->root, text, (size_t)n) == 0;
    int err = s->rooted ? tell_file(s, folder, "cert.json") : 0;
    int again = s->rooted ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = again >= 0 ? fdopendir(again) : NULL;
    if (d == NULL && again >= 0)
        close(again);
    for (struct dirent *e; err == 0 && d != NULL && looked < REVOCATIONS_MAX && (e = readdir(d)) != NULL;)
        if (is_revocation(e->d_name)) {
            looked++;
            err = tell_file(s, folder, e->d_name);
        }
    if (d != NULL)
        closedir(d);
    close(folder);
    return err;
}

/* ---- KEY ---------------------------------------------------------------------------------------------- */

int ps_keyleaf_append(struct ps_state *s, const struct ps_wire_key *k, uint8_t *encoded, size_t *n,
                      struct ps_wire_refused *no, bool *stop) {
    struct ps_leaf said = {.type = PS_LEAF_KEY};
    struct ps_why why = {0};

    if (!s->rooted)
        return ps_witness_refuse(no, PS_REFUSED_STATE, "no root key was installed when this signer started");
    if (read_signed(s, k, &said, &why) != 0)
        return ps_witness_refuse(no, PS_REFUSED_PEER, "%s: %s", why.where, why.text);
    int err = commit(s, &said, encoded, n);
    if (err == 0)
        return 0;
    *stop = err != PS_EFULL;
    return ps_witness_refuse(no, PS_REFUSED_DISK, "the journal cannot be written: %s", ps_file_error_text());
}
