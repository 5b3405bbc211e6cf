/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "signer/file.h"
#include "signer/handover.h"
#include "signer/key.h"
#include "signer/options.h"
#include "signer/remember.h"
#include "signer/takes.h"

#define NOTE_MAX 65536
#define TRUST_MAX PS_MAX_TRUST

/* ---- which ledger ------------------------------------------------------------------------------------ */

static int read_origin(struct ps_recover *r, int dir, const char *station, struct ps_why *why) {
    char text[PS_NOTE_NAME + 2];
    ssize_t n = ps_file_load(dir, "origin", text, sizeof(text));

    if (n == PS_ENOENT) {
        r->name = (struct ps_origin){.generation = 1};
        snprintf(r->name.station, sizeof(r->name.station), "%s", station);
        ps_origin_name(&r->name, r->origin);
        return 0;
    }
    if (n < 2 || text[n - 1] != '\n' || memchr(text, '\0', (size_t)n) != NULL)
        return ps_error_why(why, PS_EFORMAT, "origin", "is no name of a ledger");
    memcpy(r->origin, text, (size_t)n - 1);
    r->origin[n - 1] = '\0';
    return ps_origin_parse(&r->name, r->origin) == 0 && strcmp(r->name.station, station) == 0
               ? 0
               : ps_error_why(why, PS_EFORMAT, "origin", "is no name of a ledger of this station");
}

static int read_old(struct ps_recover *r, int dir, struct ps_why *why) {
    static char text[NOTE_MAX];
    struct ps_note note;
    ssize_t n = ps_file_load(dir, "recovery", text, sizeof(text));

    if (n == PS_ENOENT)
        return 0;
    if (n < 0 || ps_note_parse(&note, text, (size_t)n) != 0 ||
        ps_checkpoint_parse(&r->old, note.text, note.text_len) != 0)
        return ps_error_why(why, PS_EFORMAT, "recovery", "is no checkpoint of an earlier ledger");
    r->after = true;
    r->half = strcmp(r->old.origin, r->origin) == 0;
    ps_sha256(r->digest, text, (size_t)n);
    return 0;
}

static int read_both(struct ps_recover *r, int dir, const char *station, struct ps_why *why) {
    *r = (struct ps_recover){0};
    int err = read_origin(r, dir, station, why);
    return err == 0 ? read_old(r, dir, why) : err;
}

int ps_recover_read(struct ps_recover *r, int dir, const char *station, struct ps_why *why) {
    int err = read_both(r, dir, station, why);

    if (err == 0 && r->half)
        err = ps_error_why(why, PS_ESTATE, "recovery",
                           "was begun and not ended: say packseal-signer --recover again");
    return err;
}

static int named(const char *where, const char *other, const struct ps_recover *r, struct ps_why *why) {
    return strcmp(other, r->origin) == 0
               ? 0
               : ps_error_why(why, PS_EPERM, "origin",
                              "this ledger is %s, but %s says %s: restore the signer's folder", r->origin,
                              where, other);
}

int ps_recover_agrees(const struct ps_vkey *key, const struct ps_recover *r, int root, int ledger,
                      struct ps_why *why) {
    static char text[NOTE_MAX];
    struct ps_checkpoint c;
    struct ps_vkey other;
    struct ps_note note;
    int err = 0;

    if (!ps_origin_fits(&r->name, key->key))
        return ps_error_why(why, PS_EPERM, "origin",
                            "%s is the name of another key's ledger: restore the signer's folder", r->origin);
    ssize_t n = ps_file_load(ledger, "checkpoint", text, sizeof(text));
    if (n > 0 && ps_note_parse(&note, text, (size_t)n) == 0 &&
        ps_checkpoint_parse(&c, note.text, note.text_len) == 0 &&
        ps_note_vkey_make(&other, c.origin, PS_NOTE_ED25519, key->key) == 0 &&
        ps_checkpoint_open(&c, text, (size_t)n, &other) == 0)
        err = named("ledger/checkpoint", c.origin, r, why);
    n = err == 0 ? ps_file_load(root, "public/log.vkey", text, sizeof(text)) : PS_ENOENT;
    if (n > 0 && ps_note_vkey_parse(&other, text, (size_t)n) == 0 && memcmp(other.key, key->key, 32) == 0)
        err = named("public/log.vkey", other.name, r, why);
    return err;
}

void ps_recover_leaf(const struct ps_recover *r, struct ps_leaf *leaf) {
    struct ps_buf extra;

    memcpy(leaf->digest, r->digest, sizeof(leaf->digest));
    ps_buf_init(&extra, sizeof(leaf->extra));
    ps_buf_u64(&extra, r->old.size);
    ps_buf_str(&extra, r->old.origin);
    if (extra.err == 0) {
        memcpy(leaf->extra, extra.p, extra.n);
        leaf->extra_len = (uint16_t)extra.n;
    }
    ps_buf_free(&extra);
}

/* ---- another one ------------------------------------------------------------------------------------- */

struct job {
    const struct ps_options *o;
    int dir, pub, old; /* old: DIR/old.N */
    char station[PS_MAX_STATION_ID + 2];
    struct ps_recover now;
    char next[PS_NOTE_NAME + 1];
    char note[NOTE_MAX];
    size_t note_len;
    uint64_t size; /* of the checkpoint in note */
    struct ps_why *why;
};

static int failed(const struct job *j, const char *where) {
    return ps_error_why(j->why, PS_EIO, where, "%s", strerror(errno));
}

static bool there(int dir, const char *name) {
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int newest(void *ctx, const struct ps_remember_found *f) {
    struct job *j = ctx;

    if (j->note_len > 0 && f->checkpoint.size <= j->size)
        return 0;
    memcpy(j->note, f->note, f->note_len);
    j->note_len = f->note_len;
    j->size = f->checkpoint.size;
    return 0;
}

/* The newest checkpoint of the old ledger goes to DIR/recovery: from then on the recovery has begun. */
static int begin(struct job *j, int ledger) {
    struct ps_pubkey key;
    struct ps_vkey vkey;
    enum ps_key_rest rest;
    int err = ps_key_look(j->dir, "ledger", &key, &rest, j->why);

    if (err != 0)
        return err;
    if (ps_note_vkey_make(&vkey, j->now.origin, PS_NOTE_ED25519, key.key) != 0)
        return ps_error_why(j->why, PS_EFORMAT, "origin", "is no name of a ledger");
    int root = openat(j->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return failed(j, "folder of the station");
    err = ps_recover_agrees(&vkey, &j->now, root, ledger, j->why);
    if (err == 0)
        err = ps_remember_walk(root, ledger, &vkey, newest, j, j->why);
    close(root);
    if (err == 0 && j->note_len == 0)
        err = ps_error_why(j->why, PS_ENOENT, "checkpoint",
                           "no copy of one is left that could be named: start a new station with --init");
    if (err != 0)
        return err;
    if (unlinkat(j->dir, "recovery", 0) != 0 && errno != ENOENT) /* of the recovery before this one */
        return failed(j, "recovery");
    err = ps_file_create(j->dir, "recovery", j->note, j->note_len, 0600);
    return err == 0 ? 0 : failed(j, "recovery");
}

/* Moves what is not moved yet. */
static int set_aside(struct job *j, const char *name) {
    if (there(j->old, name) || !there(j->dir, name))
        return 0;
    return renameat(j->dir, name, j->old, name) == 0 ? 0 : failed(j, name);
}

/* A new ledger key: made with a clip key that is thrown away, in a folder of its own, and then moved. */
static int new_key(struct job *j, enum ps_key_rest rest) {
    const struct ps_keyfile_lock lock = {j->o->passphrase, ps_keyfile_cost_station};

    if (there(j->dir, "ledger.key"))
        return 0;
    if (rest == PS_KEY_PASSPHRASE && j->o->passphrase == NULL)
        return ps_error_why(j->why, PS_ENOENT, "ledger.key",
                            "is under a passphrase: give it with --passphrase-file, for the new one");
    if (mkdirat(j->dir, "fresh", 0700) != 0 && errno != EEXIST)
        return failed(j, "fresh");
    int fresh = openat(j->dir, "fresh", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fresh < 0)
        return failed(j, "fresh");
    unlinkat(fresh, "clip.key", 0);
    unlinkat(fresh, "ledger.key", 0);
    int err = ps_key_create(fresh, rest == PS_KEY_PASSPHRASE ? &lock : NULL, j->station, j->why);
    if (err == 0 && (renameat(fresh, "ledger.key", j->dir, "ledger.key") != 0 || fsync(j->dir) != 0))
        err = failed(j, "ledger.key");
    unlinkat(fresh, "clip.key", 0);
    close(fresh);
    unlinkat(j->dir, "fresh", AT_REMOVEDIR);
    return err;
}

/* Journal, takes and key of the old ledger go to DIR/old.N, new ones take their place. */
static int own_files(struct job *j) {
    static const char *const names[] = {"journal.a", "journal.b", "takes", "ledger.key"};
    struct ps_pubkey key;
    enum ps_key_rest rest;
    char name[24];
    int err = 0;

    snprintf(name, sizeof(name), "old.%u", j->now.name.generation);
    if (mkdirat(j->dir, name, 0700) != 0 && errno != EEXIST)
        return failed(j, name);
    j->old = openat(j->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (j->old < 0)
        return failed(j, name);
    if (ps_key_look(there(j->old, "ledger.key") ? j->old : j->dir, "ledger", &key, &rest, j->why) != 0)
        return PS_EFORMAT;
    if (rest == PS_KEY_CREDENTIAL)
        return ps_error_why(j->why, PS_EPERM, "ledger.key",
                            "is a credential of the unit: take it out of there, and put its file back first");
    for (size_t i = 0; err == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        err = set_aside(j, names[i]);
    if (err == 0 && fsync(j->old) != 0)
        err = failed(j, name);
    if (err == 0)
        err = new_key(j, rest);
    if (err == 0 && !there(j->dir, "takes") && ps_takes_create(j->dir) != 0)
        err = failed(j, "takes");
    return err;
}

/* ROOT/ledger becomes ROOT/ledger.N; an empty one takes its place. */
static int ledger_folder(struct job *j) {
    char kept[PATH_MAX + 16];
    int err = 0;

    snprintf(kept, sizeof(kept), "%s.%u", j->o->ledger, j->now.name.generation);
    if (access(kept, F_OK) != 0 && rename(j->o->ledger, kept) != 0)
        return failed(j, kept);
    if (mkdir(j->o->ledger, 0700) != 0 && errno != EEXIST)
        return failed(j, j->o->ledger);
    int fd = open(j->o->ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(j, j->o->ledger);
    if (!there(fd, "entries") && ps_file_create(fd, "entries", "", 0, 0640) != 0)
        err = failed(j, "ledger/entries");
    if (err == 0 && (fchmod(fd, 02750) != 0 || fsync(fd) != 0))
        err = failed(j, "ledger");
    close(fd);
    return err;
}

/* ---- what others register ---------------------------------------------------------------------------- */

static int replace(struct job *j, int dir, const char *name, const void *p, size_t n, mode_t mode) {
    char fresh[32];

    snprintf(fresh, sizeof(fresh), ".%s.new", name);
    if (unlinkat(dir, fresh, 0) != 0 && errno != ENOENT)
        return failed(j, fresh);
    if (ps_file_create(dir, fresh, p, n, mode) != 0 || ps_handover_entry(dir, fresh) != 0 ||
        renameat(dir, fresh, dir, name) != 0 || fsync(dir) != 0)
        return failed(j, name);
    return 0;
}

/* log.vkey of the new ledger, and a line for it in the trust file; the old one stays there, for its clips. */
static int public_files(struct job *j, char *report) {
    static char trust[TRUST_MAX];
    struct ps_pubkey key;
    enum ps_key_rest rest;
    struct ps_vkey vkey;
    struct ps_buf line, all;
    char kept[24];
    int err = ps_key_look(j->dir, "ledger", &key, &rest, j->why);

    if (err != 0 || ps_note_vkey_make(&vkey, j->next, PS_NOTE_ED25519, key.key) != 0)
        return PS_EFORMAT;
    ps_buf_init(&line, 1024);
    ps_buf_init(&all, TRUST_MAX + 1024);
    ps_note_vkey_write(&line, &vkey);
    ps_buf_text(&line, "\n");
    snprintf(kept, sizeof(kept), "log.vkey.%u", j->now.name.generation);
    if (!there(j->pub, kept) && there(j->pub, "log.vkey") && renameat(j->pub, "log.vkey", j->pub, kept) != 0)
        err = failed(j, kept);
    if (err == 0)
        err = line.err != 0 ? line.err : replace(j, j->pub, "log.vkey", line.p, line.n, 0644);
    ssize_t n = err == 0 ? ps_file_load(j->pub, "trust", trust, sizeof(trust)) : PS_ENOENT;
    if (n > 0 && line.n > 0 && memmem(trust, (size_t)n, line.p, line.n) == NULL) {
        ps_buf_bytes(&all, trust, (size_t)n);
        ps_buf_text(&all, "log ");
        ps_buf_bytes(&all, line.p, line.n);
        err = all.err != 0 ? all.err : replace(j, j->pub, "trust", all.p, all.n, 0644);
    }
    if (err == 0)
        snprintf(report, 1024,
                 "station     %s\n"
                 "new ledger  %.*s"
                 "old ledger  %s, %" PRIu64 " entries known: kept in ledger.%u\n"
                 "next        have the new ledger key certified, and register it where the old one is\n",
                 j->station, (int)line.n, (const char *)line.p, j->now.origin, j->now.old.size,
                 j->now.name.generation);
    ps_buf_free(&all);
    ps_buf_free(&line);
    return err;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

/* Root did it, for only root may rename in ROOT; the signer has to open all of it. */
static int hand_over(struct job *j) {
    char kept[PATH_MAX + 16];

    snprintf(kept, sizeof(kept), "%s.%u", j->o->ledger, j->now.name.generation);
    if (ps_handover_made(j->o->ledger, j->dir, j->pub) != 0 || ps_handover_made(kept, j->dir, j->pub) != 0)
        return failed(j, j->o->ledger);
    return ps_handover_folder(j->dir, true) == 0 && ps_handover_folder(j->pub, false) == 0
               ? 0
               : failed(j, "owner of the new files");
}

static int run(struct job *j, char *report) {
    char origin[PS_NOTE_NAME + 2];
    int err = read_both(&j->now, j->dir, j->station, j->why);

    if (err == 0 && !j->now.half) {
        int ledger = open(j->o->ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ledger < 0 && (errno != ENOENT || (mkdir(j->o->ledger, 0700) != 0) ||
                           (ledger = open(j->o->ledger, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0))
            return failed(j, j->o->ledger);
        err = begin(j, ledger);
        close(ledger);
        if (err == 0)
            err = read_both(&j->now, j->dir, j->station, j->why);
    }
    if (err == 0) {
        struct ps_origin next = j->now.name;
        next.generation++;
        ps_origin_name(&next, j->next);
        err = next.generation <= PS_ORIGIN_GENERATIONS
                  ? own_files(j)
                  : ps_error_why(j->why, PS_ELIMIT, "origin",
                                 "has been begun anew too often: make a new station");
    }
    if (err == 0)
        err = ledger_folder(j);
    if (err == 0)
        err = public_files(j, report);
    if (err == 0)
        err = hand_over(j);
    if (err == 0) {
        /* The end of the recovery. */
        int n = snprintf(origin, sizeof(origin), "%s\n", j->next);
        err = replace(j, j->dir, "origin", origin, (size_t)n, 0600);
    }
    return err;
}

int ps_recover_station(const struct ps_options *o, char report[1024], struct ps_why *why) {
    int err;
    struct job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return ps_error_why(why, PS_ENOMEM, "recovery", "out of memory");
    j->o = o;
    j->why = why;
    j->old = -1;
    j->dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    j->pub = open(o->public_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->dir < 0 || j->pub < 0) {
        err = failed(j, j->dir < 0 ? o->dir : o->public_dir);
        goto out;
    }
    if (flock(j->dir, LOCK_EX | LOCK_NB) != 0) {
        err = ps_error_why(why, PS_EBUSY, "signer", "runs on this folder: end it first");
        goto out;
    }
    ssize_t n = ps_file_load(j->dir, "station", j->station, sizeof(j->station) - 1);
    if (n > 0 && j->station[n - 1] == '\n')
        j->station[n - 1] = '\0';
    err = n > 0 && ps_opening_station_ok(j->station)
              ? run(j, report)
              : ps_error_why(why, PS_EFORMAT, "station", "holds no station");
out:
    if (j->old >= 0)
        close(j->old);
    if (j->pub >= 0)
        close(j->pub);
    if (j->dir >= 0)
        close(j->dir);
    free(j);
    return err;
}
