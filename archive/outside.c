/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/outside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/cosigned.h"
#include "archive/proofs.h"
#include "archive/store.h"
#include "archive/tokens.h"
#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/proof.h"

#define MAX_LEDGERS 64       /* that were given up: more than one is a bad year */
#define FRESHNESS_TRIES 1024 /* newest tokens before the clip among which its freshness is looked for */

void ps_outside_free(struct ps_outside *o) {
    for (unsigned i = 0; i < o->n; i++)
        free(o->files[i].p);
    free(o->files);
    memset(o, 0, sizeof *o);
}

static bool has(const struct ps_outside *o, const char *folder, const char *name) {
    for (unsigned i = 0; i < o->n; i++)
        if (strcmp(o->files[i].folder, folder) == 0 && strcmp(o->files[i].name, name) == 0)
            return true;
    return false;
}

/* Copies the bytes. */
static int add(struct ps_outside *o, const char *folder, const char *name, const void *p, size_t n) {
    if (has(o, folder, name))
        return 0;
    if (o->n == o->capacity) {
        unsigned more = o->capacity ? o->capacity * 2 : 16;
        struct ps_outside_file *files = realloc(o->files, more * sizeof *files);
        if (!files)
            return PS_ENOMEM;
        o->files = files;
        o->capacity = more;
    }
    struct ps_outside_file *f = &o->files[o->n];
    snprintf(f->folder, sizeof f->folder, "%s", folder);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->p = malloc(n ? n : 1);
    if (!f->p)
        return PS_ENOMEM;
    memcpy(f->p, p, n);
    f->n = n;
    o->n++;
    return 0;
}

int ps_outside_add(struct ps_outside *o, const char *folder, const char *name, const void *p, size_t n) {
    return add(o, folder, name, p, n);
}

static int add_token(struct ps_outside *o, const struct ps_token *t) {
    char folder[PS_OUTSIDE_NAME], id[17];

    ps_bytes_hex(id, t->sha256, 8);
    snprintf(folder, sizeof folder, "tokens/%s", id);
    int err = add(o, folder, "checkpoint", t->note, t->note_n);
    if (!err)
        err = add(o, folder, "token.tsr", t->token, t->token_n);
    if (!err)
        err = add(o, folder, "chain.pem", t->chain, t->chain_n);
    return err;
}

/* The token whose code was burned in: it was the newest when the clip opened. */
static int add_freshness(struct ps_outside *o, const char *root, const struct ps_tokens_list *all,
                         const struct ps_clip *clip, struct ps_why *why) {
    unsigned tries = 0;

    for (size_t i = all->n; clip->opening.freshness[0] && i-- > 0 && tries < FRESHNESS_TRIES;) {
        struct ps_token t;
        if (all->v[i].size > clip->number)
            continue;
        tries++;
        if (ps_tokens_read(root, all->v[i].name, &t, why) < 0)
            continue;
        bool same = memcmp(t.sha256, clip->opening.token, sizeof t.sha256) == 0;
        int err = same ? add_token(o, &t) : 0;
        ps_tokens_free(&t);
        if (same || err)
            return err;
    }
    return 0;
}

/* The first token of every authority over this checkpoint: further ones were made for a fresh code, and bound nothing
 * more. One ledger has one checkpoint of a size. */
static int add_stamps(struct ps_outside *o, const char *root, const struct ps_tokens_list *all,
                      const struct ps_checkpoint *cp, struct ps_why *why) {
    const char *last = "";
    int err = 0;

    for (size_t i = 0; i < all->n && !err; i++) {
        struct ps_token t;
        if (all->v[i].size != cp->size || strcmp(all->v[i].authority, last) == 0 ||
            ps_tokens_read(root, all->v[i].name, &t, why) < 0)
            continue;
        if (strcmp(t.checkpoint.origin, cp->origin) == 0) {
            err = add_token(o, &t);
            last = all->v[i].authority;
        }
        ps_tokens_free(&t);
    }
    return err;
}

static int read_below(const char *root, const char *folder, const char *name, size_t max, uint8_t **p,
                      size_t *n, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int fd = ps_root_path(root, folder, path) < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return ps_error_why(why, PS_ENOENT, folder, "is not there");
    int err = ps_store_read_file(fd, name, max, p, n, why);
    close(fd);
    return err;
}

/* One of the station's ledgers. */
struct home {
    char folder[32];    /* "ledger"; one that was given up: "ledger.1" … (docs/FORMAT.md section 4.6) */
    const char *origin; /* its name, or NULL when nobody knows */
    struct ps_vkey log;
};

/* The ledger with this key. Without public/log.vkey it is taken for the present one, and the tiles have to tell. */
static bool find_home(struct home *h, const char *root, const uint8_t key[32]) {
    char name[32];

    for (unsigned i = 0; i <= MAX_LEDGERS; i++) {
        uint8_t *p = NULL;
        size_t n = 0;
        snprintf(h->folder, sizeof h->folder, i ? PS_ROOT_LEDGER ".%u" : PS_ROOT_LEDGER, i);
        snprintf(name, sizeof name, i ? "log.vkey.%u" : "log.vkey", i);
        bool known = read_below(root, PS_ROOT_PUBLIC, name, 1024, &p, &n, NULL) == 0 &&
                     ps_note_vkey_parse(&h->log, (const char *)p, n) == 0;
        free(p);
        h->origin = known ? h->log.name : NULL;
        if (!known || memcmp(h->log.key, key, sizeof h->log.key) == 0)
            return known || !i;
    }
    return false;
}

/* What witnesses said of this checkpoint, should they have been asked after it was stamped. */
static int add_cosignatures(const char *root, struct ps_outside_file *note, struct ps_why *why) {
    struct ps_buf b;

    ps_buf_init(&b, PS_NOTE_MAX);
    ps_buf_bytes(&b, note->p, note->n);
    int err = b.err ? b.err : ps_cosigned_gather(root, &b, why);
    if (!err && b.n > note->n) {
        free(note->p);
        note->p = b.p;
        note->n = b.n;
        b.p = NULL; /* transferred */
    }
    ps_buf_free(&b);
    return err;
}

/* Which checkpoint the proofs of a leaf end in: the earliest stamped one that covers it, and *t gets its earliest token; else
 * the earliest that a witness cosigned; else the one that was kept beside what the leaf speaks of. All stay what they are
 * while the ledger grows, so that the same export gives the same bytes. Only what has none of them gets the newest. note->p
 * is the caller's to free. */
static int choose_note(const char *root, const struct home *home, uint64_t leaf, const char *folder,
                       struct ps_outside_file *note, struct ps_token *t, struct ps_why *why) {
    struct ps_cosigned c = {.note = NULL};
    int err = ps_tokens_covering(root, home->origin, NULL, leaf, t, why);

    if (!err) {
        note->p = t->note;
        note->n = t->note_n;
        t->note = NULL; /* transferred */
    } else if (err == PS_ENOENT) {
        err = ps_cosigned_covering(root, home->origin, leaf, &c, why);
        note->p = c.note; /* transferred */
        note->n = c.note_n;
    }
    if (err == PS_ENOENT)
        err = read_below(root, folder, "checkpoint", PS_NOTE_MAX, &note->p, &note->n, why);
    if (err == PS_ENOENT)
        err = read_below(root, home->folder, "checkpoint", PS_NOTE_MAX, &note->p, &note->n, why);
    return err ? err : add_cosignatures(root, note, why);
}

static int add_proofs(struct ps_outside *o, const char *root, const struct ps_tokens_list *all,
                      struct ps_proofs *ledger, const struct home *home, const char *path,
                      const struct ps_clip *clip, struct ps_why *why) {
    struct ps_outside_file note = {.p = NULL};
    struct ps_token t = {.note = NULL};
    struct ps_buf open, seal;
    uint64_t end;
    char name[40];

    if (ps_proofs_end_of(ledger, clip->number, &end) < 0)
        return 0; /* not covered by a checkpoint yet, or the ledger that was given up has lost it */
    ps_statement_clip_name(clip->opening.station, clip->number, name);
    ps_buf_init(&open, PS_PROOF_MAX);
    ps_buf_init(&seal, PS_PROOF_MAX);
    int err = choose_note(root, home, end, path, &note, &t, why);
    if (!err && t.token)
        err = add_stamps(o, root, all, &t.checkpoint, why);
    if (!err)
        err = ps_proofs_of_clip(ledger, clip->number, (const char *)note.p, note.n, &open, &seal, why);
    if (!err)
        err = add(o, name, "open.tlog-proof", open.p, open.n);
    if (!err)
        err = add(o, name, "seal.tlog-proof", seal.p, seal.n);
    ps_buf_free(&open);
    ps_buf_free(&seal);
    ps_tokens_free(&t);
    free(note.p);
    return err;
}

int ps_outside_clip(struct ps_outside *o, const char *root, const char *path, const struct ps_clip *clip,
                    struct ps_why *why) {
    struct ps_tokens_list all = {0};
    struct ps_proofs ledger;
    struct home home;
    int err = ps_tokens_list(root, &all, why);

    if (!err)
        err = add_freshness(o, root, &all, clip, why);
    if (!err && find_home(&home, root, clip->ledger_key) &&
        ps_proofs_open_in(&ledger, root, home.folder, why) == 0) {
        err = add_proofs(o, root, &all, &ledger, &home, path, clip, why);
        ps_proofs_close(&ledger);
    }
    ps_tokens_list_free(&all);
    return err == PS_ENOMEM ? ps_error_why(why, err, "bundle", "out of memory") : err;
}

static int add_leaf(struct ps_outside *o, const char *folder, const struct ps_outside_file *note,
                    const struct ps_token *t, const struct ps_buf *proof) {
    int err = add(o, folder, "leaf.tlog-proof", proof->p, proof->n);

    if (!err)
        err = add(o, folder, "checkpoint", note->p, note->n);
    if (!err && t->token)
        err = add(o, folder, "token.tsr", t->token, t->token_n);
    if (!err && t->token)
        err = add(o, folder, "chain.pem", t->chain, t->chain_n);
    return err;
}

int ps_outside_intake(struct ps_outside *o, const char *root, const char *path,
                      const struct ps_intake_kept *intake, const char *folder, struct ps_why *why) {
    struct ps_outside_file note = {.p = NULL};
    struct ps_token t = {.note = NULL};
    struct ps_proofs ledger;
    struct ps_buf proof;
    struct home home;

    if (!find_home(&home, root, intake->ledger_key))
        return ps_error_why(why, PS_ENOENT, path, "is of a ledger that is not here");
    int err = ps_proofs_open_in(&ledger, root, home.folder, why);
    if (err)
        return err;
    ps_buf_init(&proof, PS_PROOF_MAX);
    err = choose_note(root, &home, intake->leaf.index, path, &note, &t, why);
    if (!err)
        err = ps_proofs_of_leaf(&ledger, intake->leaf.index, (const char *)note.p, note.n, &proof, why);
    if (!err)
        err = add_leaf(o, folder, &note, &t, &proof);
    ps_buf_free(&proof);
    ps_tokens_free(&t);
    free(note.p);
    ps_proofs_close(&ledger);
    return err == PS_ENOMEM ? ps_error_why(why, err, path, "out of memory") : err;
}
