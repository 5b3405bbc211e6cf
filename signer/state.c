/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "signer/append.h"
#include "signer/bounds.h"
#include "signer/file.h"
#include "signer/keyleaf.h"
#include "signer/publish.h"
#include "signer/recover.h"
#include "signer/remember.h"
#include "signer/stationkey.h"

/* ---- replay ------------------------------------------------------------------------------------- */

struct replay {
    struct ps_state *s;
    uint64_t next; /* index of the next leaf that the journal brings */
    int64_t boot_ns;
    struct ps_why *why;
};

static int contradicts(const struct replay *r, const char *what) {
    return ps_error_why(r->why, PS_EFORMAT, "journal",
                        "%s, before ledger entry %" PRIu64 ": restore the folder", what, r->next);
}

/* A journaled leaf: completes the ledger when it is missing there. Type 0: any that is journaled alone. */
static int replay_leaf(struct replay *r, const uint8_t *p, size_t n, uint8_t type, struct ps_leaf *leaf) {
    if (ps_leaf_decode(leaf, p, n) != 0 || (type == 0 ? leaf->type <= PS_LEAF_ABORT : leaf->type != type))
        return contradicts(r, "it holds a leaf that is none");
    /* Only an open leaf is carried into the next generation. */
    bool carried = type == PS_LEAF_OPEN && leaf->index < ps_journal_base(r->s->journal)->leaves;
    if (!carried && leaf->index != r->next)
        return contradicts(r, "it holds a leaf out of order");
    int err = ps_ledger_put(r->s->ledger, p, n);
    if (err != 0)
        return ps_error_why(r->why, err, "ledger", "entry %" PRIu64 " is not what was journaled: %s",
                            leaf->index, ps_error_text(err));
    r->next += !carried;
    return 0;
}

static int replay_open(struct replay *r, const uint8_t *p, size_t n) {
    struct ps_state *s = r->s;
    struct ps_leaf leaf;

    if (n <= PS_TAKES_HASH)
        return contradicts(r, "it holds a short opening");
    int err = replay_leaf(r, p + PS_TAKES_HASH, n - PS_TAKES_HASH, PS_LEAF_OPEN, &leaf);
    if (err != 0)
        return err;
    if (!ps_takes_has(s->takes, leaf.index) && ps_takes_add(s->takes, p, leaf.index) != 0)
        return ps_error_why(r->why, PS_EIO, "takes", "cannot be completed: %s", strerror(errno));
    struct ps_witness_clip *c =
        ps_witness_new(p + PS_TAKES_HASH, n - PS_TAKES_HASH, p, s->boot_id, r->boot_ns);
    if (c == NULL || ps_witness_add(&s->witness, c) != 0) {
        ps_witness_drop(c);
        return contradicts(r, "it holds one open clip too many");
    }
    return 0;
}

static int replay_segment(struct replay *r, const uint8_t *p, size_t n) {
    struct ps_wire_segment seg;
    struct ps_wire_refused no;

    if (ps_wire_get_segment(p, n, &seg) != 0)
        return contradicts(r, "it holds a segment that is none");
    struct ps_witness_clip *c = ps_witness_find(&r->s->witness, seg.clip);
    if (c == NULL || ps_witness_judge_replayed(c, &seg, &no) != 0)
        return contradicts(r, "it holds a segment out of order");
    ps_witness_take(c, &seg, true);
    return 0;
}

static int replay_end(struct replay *r, const uint8_t *p, size_t n) {
    struct ps_rd rd = ps_rd_of(p, n);
    struct ps_witness_clip *c = ps_witness_find(&r->s->witness, ps_rd_u64(&rd));

    if (ps_rd_end(&rd) != 0 || c == NULL)
        return contradicts(r, "it ends a clip that is not open");
    c->ended = true;
    return 0;
}

static int replay_last(struct replay *r, const uint8_t *p, size_t n, uint8_t type) {
    struct ps_leaf leaf;

    int err = replay_leaf(r, p, n, type, &leaf);
    if (err != 0)
        return err;
    if (ps_witness_find(&r->s->witness, leaf.subject) == NULL)
        return contradicts(r, "it seals a clip that is not open");
    ps_witness_remove(&r->s->witness, leaf.subject);
    return 0;
}

static int replay_one(void *ctx, uint8_t kind, const uint8_t *p, size_t n) {
    struct replay *r = ctx;
    struct ps_leaf leaf;

    switch (kind) {
    case PS_JOURNAL_STARTUP: return replay_leaf(r, p, n, PS_LEAF_STARTUP, &leaf);
    case PS_JOURNAL_LEAF: return replay_leaf(r, p, n, 0, &leaf);
    case PS_JOURNAL_OPEN: return replay_open(r, p, n);
    case PS_JOURNAL_SEGMENT: return replay_segment(r, p, n);
    case PS_JOURNAL_END: return replay_end(r, p, n);
    case PS_JOURNAL_ABORT: return replay_last(r, p, n, PS_LEAF_ABORT);
    case PS_JOURNAL_SEAL: {
        char comment[PS_MAX_TRUSTED_COMMENT + 1];
        struct ps_rd rd = ps_rd_of(p, n);
        ps_rd_str(&rd, comment, sizeof(comment));
        return rd.err != 0 ? contradicts(r, "it holds a seal that is none")
                           : replay_last(r, rd.p, rd.left, PS_LEAF_SEAL);
    }
    default: return contradicts(r, "it holds an entry that this version does not know");
    }
}

/* ---- the journal's next generation -------------------------------------------------------------- */

static void put_u64(uint8_t *out, uint64_t v) {
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static size_t segment_payload(const struct ps_witness_clip *c, uint32_t i, uint8_t *out) {
    put_u64(out, c->clip);
    out[8] = c->records[i].late;
    memcpy(out + 9, c->records[i].record, PS_RECORD_SIZE);
    return 9 + PS_RECORD_SIZE;
}

static void carry_pending(void *ctx, struct ps_journal *j) {
    const struct ps_state *s = ctx;
    uint8_t payload[PS_JOURNAL_PAYLOAD];

    for (size_t i = 0; i < s->witness.n; i++) {
        const struct ps_witness_clip *c = s->witness.clips[i];
        memcpy(payload, c->take_hash, PS_TAKES_HASH);
        memcpy(payload + PS_TAKES_HASH, c->leaf, c->leaf_len);
        ps_journal_carry(j, PS_JOURNAL_OPEN, payload, PS_TAKES_HASH + c->leaf_len);
        for (uint32_t k = 0; k < c->n; k++)
            ps_journal_carry(j, PS_JOURNAL_SEGMENT, payload, segment_payload(c, k, payload));
        if (c->ended) {
            put_u64(payload, c->clip);
            ps_journal_carry(j, PS_JOURNAL_END, payload, 8);
        }
    }
}

static int rotate(struct ps_state *s) {
    struct ps_journal_base base = {.leaves = ps_ledger_size(s->ledger)};

    ps_ledger_root(s->ledger, base.root);
    return ps_journal_rotate(s->journal, &base, carry_pending, s);
}

int ps_state_tidy(struct ps_state *s) {
    uint64_t needed = 0;

    for (size_t i = 0; i < s->witness.n; i++)
        needed += PS_MAX_LEAF + (uint64_t)s->witness.clips[i]->n * (PS_RECORD_SIZE + 33);
    if (ps_journal_bytes(s->journal) < needed + s->rotate_bytes)
        return 0;
    return rotate(s) == PS_EIO ? PS_EIO : 0; /* a full disk leaves the old one in use */
}

/* ---- commit ------------------------------------------------------------------------------------- */

void ps_state_leaf(const struct ps_state *s, uint8_t type, struct ps_leaf *out) {
    struct ps_clock now;

    ps_clock_read(&now);
    memset(out, 0, sizeof(*out));
    out->type = type;
    out->clock = now.state;
    memcpy(out->log, s->log, sizeof(out->log));
    out->index = out->subject = ps_ledger_size(s->ledger);
    out->wall_ns = now.wall_ns;
    out->boot_ns = now.boot_ns;
    memcpy(out->boot_id, s->boot_id, sizeof(out->boot_id));
    out->max_error_us = now.max_error_us;
}

int ps_state_commit(struct ps_state *s, uint8_t kind, const void *before, size_t before_n,
                    const struct ps_leaf *leaf, uint8_t *encoded, size_t *encoded_n) {
    uint8_t payload[PS_JOURNAL_PAYLOAD];
    int n = ps_leaf_encode(leaf, encoded);

    if (n < 0 || before_n > sizeof(payload) - (size_t)n)
        return PS_EINVAL;
    if (before_n > 0)
        memcpy(payload, before, before_n);
    memcpy(payload + before_n, encoded, (size_t)n);
    *encoded_n = (size_t)n;
    int err = ps_journal_append(s->journal, kind, payload, before_n + (size_t)n);
    if (err != 0)
        return err;
    /* Committed. Whatever fails from here on, the next start finishes. */
    return ps_ledger_put(s->ledger, encoded, (size_t)n) == 0 ? 0 : PS_EIO;
}

/* ---- open and close ------------------------------------------------------------------------------- */

static int read_station(struct ps_state *s, int dir, struct ps_why *why) {
    char text[PS_MAX_STATION_ID + 2];
    ssize_t n = ps_file_load(dir, "station", text, sizeof(text));

    if (n < 2 || text[n - 1] != '\n')
        return ps_error_why(why, n < 0 ? (int)n : PS_EFORMAT, "station",
                            "holds no station: has the station been set up (--init)?");
    memcpy(s->station, text, (size_t)n - 1);
    if (!ps_opening_station_ok(s->station))
        return ps_error_why(why, PS_EFORMAT, "station", "holds no station");
    return 0;
}

static int hash_executable(struct ps_state *s, struct ps_why *why) {
    uint8_t piece[65536];
    struct ps_sha256 h;
    ssize_t n;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return ps_error_why(why, PS_EIO, "/proc/self/exe", "cannot be read: %s", strerror(errno));
    ps_sha256_init(&h);
    while ((n = read(fd, piece, sizeof(piece))) > 0)
        ps_sha256_update(&h, piece, (size_t)n);
    close(fd);
    if (n < 0)
        return ps_error_why(why, PS_EIO, "/proc/self/exe", "cannot be read: %s", strerror(errno));
    ps_sha256_final(&h, s->exe_sha256);
    return 0;
}

/* The clip key was changed while no signer ran. */
static int tell_rotation(struct ps_state *s, int dir) {
    struct ps_leaf leaf;
    uint8_t encoded[PS_MAX_LEAF], digest[32];
    size_t n;

    if (!ps_stationkey_pending(dir, ps_key_clip(s->key), digest))
        return 0;
    ps_state_leaf(s, PS_LEAF_KEY, &leaf);
    memcpy(leaf.digest, digest, sizeof(leaf.digest));
    int err = ps_state_commit(s, PS_JOURNAL_LEAF, NULL, 0, &leaf, encoded, &n);
    if (err == 0)
        ps_stationkey_recorded(dir);
    return err;
}

static int start_up(struct ps_state *s, int dir, const struct ps_recover *r, struct ps_why *why) {
    struct ps_leaf leaf;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;
    int err = 0;

    if (r->after && ps_ledger_size(s->ledger) == 0) {
        ps_state_leaf(s, PS_LEAF_RECOVERY, &leaf);
        ps_recover_leaf(r, &leaf);
        err = ps_state_commit(s, PS_JOURNAL_LEAF, NULL, 0, &leaf, encoded, &n);
    }
    if (err == 0) {
        ps_state_leaf(s, PS_LEAF_STARTUP, &leaf);
        randombytes_buf(leaf.digest, sizeof(leaf.digest));
        err = ps_state_commit(s, PS_JOURNAL_STARTUP, NULL, 0, &leaf, encoded, &n);
    }
    if (err == 0)
        err = tell_rotation(s, dir);
    if (err == 0)
        err = ps_keyleaf_installed(s, dir);
    if (err == 0)
        err = ps_append_clock_step(s);
    if (err == 0)
        err = ps_publish_all(s);
    if (err != 0)
        return ps_error_why(why, err, "ledger", "the start cannot be recorded: %s", strerror(errno));
    return 0;
}

/* The ledger against the world: what others remember of it, and the tiles that were made of it. */
static int compare(struct ps_state *s, int dir, const struct ps_recover *r, struct ps_why *why) {
    int root = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return ps_error_why(why, PS_EIO, "folder of the station", "cannot be read: %s", strerror(errno));
    int err = ps_recover_agrees(&s->vkey, r, root, s->ledger_dir, why);
    if (err == 0)
        err = ps_remember_check(root, s->ledger_dir, &s->vkey, s->ledger, why);
    close(root);
    if (err == 0)
        err = ps_tiles_open(&s->tiles, s->ledger_dir, s->ledger, why);
    if (err == 0)
        err = ps_append_recall(s, why);
    return err;
}

static int name_ledger(struct ps_state *s, const struct ps_recover *r, struct ps_why *why) {
    ps_leaf_log_id(s->log, ps_key_ledger(s->key));
    int err = ps_note_vkey_make(&s->vkey, r->origin, PS_NOTE_ED25519, ps_key_ledger(s->key));
    return err == 0 ? 0 : ps_error_why(why, err, "origin", "is no name of a ledger");
}

/* Journal, ledger, takes: opened, compared, completed. */
static int agree(struct ps_state *s, int dir, int ledger_dir, struct ps_why *why) {
    struct ps_clock now;
    int fresh = 0;

    int err = ps_journal_open(&s->journal, dir, &fresh, why);
    if (err != 0)
        return err;
    struct ps_journal_base base = *ps_journal_base(s->journal);
    if (fresh) {
        ps_sha256(base.root, "", 0);
        base.leaves = 0;
    }
    err = ps_ledger_open(&s->ledger, ledger_dir, s->log, base.leaves, base.root, why);
    if (err != 0)
        return err;
    if (fresh && ps_ledger_size(s->ledger) > 0)
        return ps_error_why(why, PS_EFORMAT, "journal",
                            "is missing or damaged, but the ledger has entries: restore the folder");
    err = ps_takes_open(&s->takes, dir, why);
    if (err != 0)
        return err;
    ps_clock_read(&now);
    struct replay r = {.s = s, .next = base.leaves, .boot_ns = now.boot_ns, .why = why};
    err = ps_journal_replay(s->journal, replay_one, &r);
    if (err != 0)
        return err;
    if (r.next != ps_ledger_size(s->ledger))
        return ps_error_why(why, PS_EFORMAT, "ledger",
                            "has %" PRIu64 " entries, the journal knows of %" PRIu64
                            ": restore the signer's folder",
                            ps_ledger_size(s->ledger), r.next);
    if (ps_takes_entries(s->takes) != ps_ledger_opens(s->ledger))
        return ps_error_why(why, PS_EFORMAT, "takes",
                            "counts %" PRIu64 " clips, the ledger has %" PRIu64 ": restore it",
                            ps_takes_entries(s->takes), ps_ledger_opens(s->ledger));
    if (!fresh && s->witness.n > 0)
        return 0;
    err = rotate(s);
    return err == 0 ? 0 : ps_error_why(why, err, "journal", "cannot be written: %s", strerror(errno));
}

int ps_state_open(struct ps_state **out, int dir, int ledger_dir, struct ps_why *why) {
    int err;
    struct ps_recover recover;
    struct ps_state *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return ps_error_why(why, PS_ENOMEM, "signer", "out of memory");
    s->ledger_dir = ledger_dir;
    s->rotate_bytes = PS_STATE_ROTATE_BYTES;
    if (flock(dir, LOCK_EX | LOCK_NB) != 0) {
        err = ps_error_why(why, PS_EBUSY, "signer", "another signer runs on this folder");
        goto fail;
    }
    if ((err = read_station(s, dir, why)) != 0 ||
        (err = ps_recover_read(&recover, dir, s->station, why)) != 0 ||
        (err = ps_key_load(&s->key, dir, why)) != 0 || (err = name_ledger(s, &recover, why)) != 0)
        goto fail;
    if (ps_clock_boot_id(s->boot_id) != 0) {
        err = ps_error_why(why, PS_EIO, "/proc/sys/kernel/random/boot_id", "cannot be read");
        goto fail;
    }
    if ((err = hash_executable(s, why)) != 0 || (err = agree(s, dir, ledger_dir, why)) != 0 ||
        (err = compare(s, dir, &recover, why)) != 0 || (err = start_up(s, dir, &recover, why)) != 0)
        goto fail;
    *out = s;
    return 0;
fail:
    ps_state_close(s);
    return err;
}

void ps_state_close(struct ps_state *s) {
    if (s == NULL)
        return;
    ps_witness_free(&s->witness);
    ps_tiles_close(s->tiles);
    ps_takes_close(s->takes);
    ps_ledger_close(s->ledger);
    ps_journal_close(s->journal);
    ps_key_free(s->key);
    free(s);
}
