/* SPDX-License-Identifier: ISC */
/*
 * Bodies of the answers, big-endian (requests stand beside their words in wire.h):
 *   STATUS_IS    str station ‖ u64 leaves ‖ u8 confined ‖ root[32] ‖ signer_sha256[32] ‖ boot_id[16]
 *                ‖ key id[8] ‖ key[32] ‖ ledger_key[32] ‖ u8 n ‖ n × (u64 clip ‖ u8 ended ‖ u8 same_boot
 *                ‖ u32 records ‖ u32 late)
 *   OPENED       u64 clip ‖ u32 take ‖ u16 length ‖ leaf
 *   SEALED       u16 length ‖ leaf ‖ u16 length ‖ signature file ‖ u16 length ‖ checkpoint
 *   RECORDS_ARE  u64 clip ‖ u32 first ‖ u16 n ‖ n × (u8 late ‖ record[132])
 *   APPENDED     u64 index ‖ u16 length ‖ leaf
 *   REFUSED      u8 reason ‖ str text
 */
#include "evidence/wire.h"

#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "evidence/opening.h"

#define VERSION 1
#define MAX_RECORDS (sizeof((struct ps_wire_records *)0)->r / sizeof((struct ps_wire_records *)0)->r[0])

_Static_assert(4 + 14 + MAX_RECORDS * (1 + PS_RECORD_SIZE) <= PS_MAX_WIRE,
               "the longest answer fits a datagram");

static bool known(uint8_t word) {
    switch (word) {
    case PS_WIRE_STATUS:
    case PS_WIRE_OPEN:
    case PS_WIRE_SEGMENT:
    case PS_WIRE_END:
    case PS_WIRE_SEAL:
    case PS_WIRE_ABORT:
    case PS_WIRE_RECORDS:
    case PS_WIRE_APPEND:
    case PS_WIRE_KEY:
    case PS_WIRE_STATUS_IS:
    case PS_WIRE_OPENED:
    case PS_WIRE_ACK:
    case PS_WIRE_SEALED:
    case PS_WIRE_RECORDS_ARE:
    case PS_WIRE_APPENDED:
    case PS_WIRE_REFUSED: return true;
    default: return false;
    }
}

int ps_wire_word(const void *p, size_t n, const uint8_t **body, size_t *body_n) {
    struct ps_rd r = ps_rd_of(p, n);
    uint8_t version = ps_rd_u8(&r), word = ps_rd_u8(&r);
    uint16_t reserved = ps_rd_u16(&r);
    if (r.err != 0 || n > PS_MAX_WIRE)
        return PS_EFORMAT;
    if (version != VERSION)
        return PS_EVERSION;
    if (reserved != 0 || !known(word))
        return PS_EFORMAT;
    /* These two have no reader of their own that could refuse trailing bytes. */
    if ((word == PS_WIRE_STATUS || word == PS_WIRE_ACK) && r.left > 0)
        return PS_EFORMAT;
    *body = r.p;
    *body_n = r.left;
    return word;
}

/* ---- writing ---- */

static void fail(struct ps_buf *b, int err) {
    if (b->err == 0)
        b->err = err;
}

static void put_head(struct ps_buf *b, uint8_t word) {
    ps_buf_u8(b, VERSION);
    ps_buf_u8(b, word);
    ps_buf_u16(b, 0);
}

void ps_wire_put_simple(struct ps_buf *b, uint8_t word) {
    put_head(b, word);
}

void ps_wire_put_clip(struct ps_buf *b, uint8_t word, uint64_t clip) {
    put_head(b, word);
    ps_buf_u64(b, clip);
}

void ps_wire_put_open(struct ps_buf *b, const void *opening, size_t n) {
    if (n > PS_MAX_WIRE - 4)
        fail(b, PS_ELIMIT);
    put_head(b, PS_WIRE_OPEN);
    ps_buf_bytes(b, opening, n);
}

void ps_wire_put_segment(struct ps_buf *b, const struct ps_wire_segment *s) {
    ps_wire_put_clip(b, PS_WIRE_SEGMENT, s->clip);
    ps_buf_u8(b, s->late);
    ps_buf_bytes(b, s->record, sizeof s->record);
}

void ps_wire_put_seal(struct ps_buf *b, uint64_t clip, uint32_t size) {
    ps_wire_put_clip(b, PS_WIRE_SEAL, clip);
    ps_buf_u32(b, size);
}

void ps_wire_put_abort(struct ps_buf *b, uint64_t clip, uint8_t reason) {
    ps_wire_put_clip(b, PS_WIRE_ABORT, clip);
    ps_buf_u8(b, reason);
}

void ps_wire_put_records_from(struct ps_buf *b, uint64_t clip, uint32_t first) {
    ps_wire_put_clip(b, PS_WIRE_RECORDS, clip);
    ps_buf_u32(b, first);
}

void ps_wire_put_status_is(struct ps_buf *b, const struct ps_wire_status *s) {
    size_t n = s->n_pending;
    if (n > PS_WIRE_MAX_PENDING + 1 || !ps_opening_station_ok(s->station)) {
        fail(b, PS_EINVAL);
        return;
    }
    put_head(b, PS_WIRE_STATUS_IS);
    ps_buf_str(b, s->station);
    ps_buf_u64(b, s->leaves);
    ps_buf_u8(b, s->confined);
    ps_buf_bytes(b, s->root, 32);
    ps_buf_bytes(b, s->signer_sha256, 32);
    ps_buf_bytes(b, s->boot_id, 16);
    ps_buf_bytes(b, s->key.id, 8);
    ps_buf_bytes(b, s->key.key, 32);
    ps_buf_bytes(b, s->ledger_key, 32);
    ps_buf_u8(b, s->n_pending);
    for (size_t i = 0; i < n; i++) {
        const struct ps_wire_pending *p = &s->pending[i];
        ps_buf_u64(b, p->clip);
        ps_buf_u8(b, p->ended);
        ps_buf_u8(b, p->same_boot);
        ps_buf_u32(b, p->records);
        ps_buf_u32(b, p->late);
    }
}

static void put_counted(struct ps_buf *b, const void *p, size_t n, size_t max) {
    if (n == 0 || n > max) {
        fail(b, PS_EINVAL);
        return;
    }
    ps_buf_u16(b, (uint16_t)n);
    ps_buf_bytes(b, p, n);
}

void ps_wire_put_opened(struct ps_buf *b, const struct ps_wire_opened *o) {
    ps_wire_put_clip(b, PS_WIRE_OPENED, o->clip);
    ps_buf_u32(b, o->take);
    put_counted(b, o->leaf, o->leaf_len, sizeof o->leaf);
}

void ps_wire_put_sealed(struct ps_buf *b, const struct ps_wire_sealed *s) {
    put_head(b, PS_WIRE_SEALED);
    put_counted(b, s->leaf, s->leaf_len, sizeof s->leaf);
    put_counted(b, s->sig, s->sig_len, PS_MAX_MINISIG);
    if (s->note_len > 0)
        put_counted(b, s->note, s->note_len, PS_WIRE_MAX_NOTE);
    else
        ps_buf_u16(b, 0);
}

void ps_wire_put_records(struct ps_buf *b, const struct ps_wire_records *r) {
    if (r->n > MAX_RECORDS) {
        fail(b, PS_EINVAL);
        return;
    }
    ps_wire_put_clip(b, PS_WIRE_RECORDS_ARE, r->clip);
    ps_buf_u32(b, r->first);
    ps_buf_u16(b, (uint16_t)r->n);
    for (size_t i = 0; i < r->n; i++) {
        ps_buf_u8(b, r->r[i].late);
        ps_buf_bytes(b, r->r[i].record, PS_RECORD_SIZE);
    }
}

void ps_wire_put_append(struct ps_buf *b, const struct ps_wire_append *a) {
    if (a->extra_len > sizeof a->extra) {
        fail(b, PS_EINVAL);
        return;
    }
    put_head(b, PS_WIRE_APPEND);
    ps_buf_u8(b, a->type);
    ps_buf_u64(b, a->subject);
    ps_buf_bytes(b, a->digest, sizeof a->digest);
    ps_buf_u16(b, a->extra_len);
    ps_buf_bytes(b, a->extra, a->extra_len);
}

void ps_wire_put_key(struct ps_buf *b, const struct ps_wire_key *k) {
    put_head(b, PS_WIRE_KEY);
    ps_buf_u16(b, k->n);
    ps_buf_bytes(b, k->text, k->n);
    ps_buf_u16(b, k->sig_n);
    ps_buf_bytes(b, k->sig, k->sig_n);
}

void ps_wire_put_appended(struct ps_buf *b, const struct ps_wire_appended *a) {
    ps_wire_put_clip(b, PS_WIRE_APPENDED, a->index);
    put_counted(b, a->leaf, a->leaf_len, sizeof a->leaf);
}

void ps_wire_put_refused(struct ps_buf *b, uint8_t reason, const char *text) {
    /* A refusal must arrive, whatever it quotes: this cuts the text and makes it printable. */
    struct ps_why clean;
    ps_error_why(&clean, 0, "", "%s", text);
    put_head(b, PS_WIRE_REFUSED);
    ps_buf_u8(b, reason);
    ps_buf_str(b, clean.text);
}

/* ---- reading ---- */

static uint64_t get_clip(struct ps_rd *r) {
    uint64_t clip = ps_rd_u64(r);
    if (r->err == 0 && clip > PS_MAX_JSON_INT)
        r->err = PS_ELIMIT;
    return clip;
}

static uint8_t get_flag(struct ps_rd *r) {
    uint8_t v = ps_rd_u8(r);
    if (r->err == 0 && v > 1)
        r->err = PS_EFORMAT;
    return v;
}

static uint8_t get_late(struct ps_rd *r) {
    uint8_t v = ps_rd_u8(r);
    if (r->err == 0 && v > PS_WIRE_PREROLL)
        r->err = PS_EFORMAT;
    return v;
}

int ps_wire_get_clip(const void *body, size_t n, uint64_t *clip) {
    struct ps_rd r = ps_rd_of(body, n);
    *clip = get_clip(&r);
    return ps_rd_end(&r);
}

int ps_wire_get_segment(const void *body, size_t n, struct ps_wire_segment *s) {
    struct ps_rd r = ps_rd_of(body, n);
    s->clip = get_clip(&r);
    s->late = get_late(&r);
    ps_rd_bytes(&r, s->record, sizeof s->record);
    return ps_rd_end(&r);
}

int ps_wire_get_seal(const void *body, size_t n, uint64_t *clip, uint32_t *size) {
    struct ps_rd r = ps_rd_of(body, n);
    *clip = get_clip(&r);
    *size = ps_rd_u32(&r);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return *size > 0 && *size <= PS_MAX_STATEMENT ? 0 : PS_ELIMIT;
}

int ps_wire_get_abort(const void *body, size_t n, uint64_t *clip, uint8_t *reason) {
    struct ps_rd r = ps_rd_of(body, n);
    *clip = get_clip(&r);
    *reason = ps_rd_u8(&r);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return *reason >= PS_ABORT_NOTHING_RECORDED && *reason <= PS_ABORT_REFUSED ? 0 : PS_EFORMAT;
}

int ps_wire_get_records_from(const void *body, size_t n, uint64_t *clip, uint32_t *first) {
    struct ps_rd r = ps_rd_of(body, n);
    *clip = get_clip(&r);
    *first = ps_rd_u32(&r);
    return ps_rd_end(&r);
}

int ps_wire_get_status_is(const void *body, size_t n, struct ps_wire_status *s) {
    struct ps_rd r = ps_rd_of(body, n);
    *s = (struct ps_wire_status){0};
    ps_rd_str(&r, s->station, sizeof s->station);
    s->leaves = ps_rd_u64(&r);
    s->confined = ps_rd_u8(&r);
    ps_rd_bytes(&r, s->root, 32);
    ps_rd_bytes(&r, s->signer_sha256, 32);
    ps_rd_bytes(&r, s->boot_id, 16);
    ps_rd_bytes(&r, s->key.id, 8);
    ps_rd_bytes(&r, s->key.key, 32);
    ps_rd_bytes(&r, s->ledger_key, 32);
    s->n_pending = ps_rd_u8(&r);
    if (r.err == 0 && s->n_pending > PS_WIRE_MAX_PENDING + 1)
        r.err = PS_ELIMIT;
    for (size_t i = 0; r.err == 0 && i < s->n_pending; i++) {
        struct ps_wire_pending *p = &s->pending[i];
        p->clip = get_clip(&r);
        p->ended = get_flag(&r);
        p->same_boot = get_flag(&r);
        p->records = ps_rd_u32(&r);
        p->late = ps_rd_u32(&r);
    }
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return ps_opening_station_ok(s->station) ? 0 : PS_EFORMAT;
}

/* u16 length ‖ bytes, from 1 to max. */
static uint16_t get_counted(struct ps_rd *r, void *out, size_t max) {
    uint16_t n = ps_rd_u16(r);
    if (r->err == 0 && (n == 0 || n > max))
        r->err = PS_ELIMIT;
    if (r->err == 0)
        ps_rd_bytes(r, out, n);
    return r->err == 0 ? n : 0;
}

int ps_wire_get_opened(const void *body, size_t n, struct ps_wire_opened *o) {
    struct ps_rd r = ps_rd_of(body, n);
    o->clip = get_clip(&r);
    o->take = ps_rd_u32(&r);
    o->leaf_len = get_counted(&r, o->leaf, sizeof o->leaf);
    return ps_rd_end(&r);
}

int ps_wire_get_sealed(const void *body, size_t n, struct ps_wire_sealed *s) {
    struct ps_rd r = ps_rd_of(body, n);
    s->leaf_len = get_counted(&r, s->leaf, sizeof s->leaf);
    s->sig_len = get_counted(&r, s->sig, PS_MAX_MINISIG);
    s->sig[s->sig_len] = '\0';
    s->note_len = ps_rd_u16(&r);
    if (r.err == 0 && s->note_len > PS_WIRE_MAX_NOTE)
        r.err = PS_ELIMIT;
    s->note_len = r.err == 0 ? s->note_len : 0;
    ps_rd_bytes(&r, s->note, s->note_len);
    s->note[s->note_len] = '\0';
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return memchr(s->sig, '\0', s->sig_len) == NULL && memchr(s->note, '\0', s->note_len) == NULL
               ? 0
               : PS_EFORMAT;
}

int ps_wire_get_records(const void *body, size_t n, struct ps_wire_records *rs) {
    struct ps_rd r = ps_rd_of(body, n);
    rs->clip = get_clip(&r);
    rs->first = ps_rd_u32(&r);
    rs->n = ps_rd_u16(&r);
    if (r.err == 0 && rs->n > MAX_RECORDS)
        r.err = PS_ELIMIT;
    for (size_t i = 0; r.err == 0 && i < rs->n; i++) {
        rs->r[i].late = get_late(&r);
        ps_rd_bytes(&r, rs->r[i].record, PS_RECORD_SIZE);
    }
    return ps_rd_end(&r);
}

int ps_wire_get_append(const void *body, size_t n, struct ps_wire_append *a) {
    struct ps_rd r = ps_rd_of(body, n);
    *a = (struct ps_wire_append){0};
    a->type = ps_rd_u8(&r);
    a->subject = get_clip(&r);
    ps_rd_bytes(&r, a->digest, sizeof a->digest);
    a->extra_len = ps_rd_u16(&r);
    if (r.err == 0 && a->extra_len > sizeof a->extra)
        r.err = PS_ELIMIT;
    if (r.err == 0)
        ps_rd_bytes(&r, a->extra, a->extra_len);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return a->type >= PS_LEAF_STARTUP && a->type <= PS_LEAF_RECOVERY ? 0 : PS_EFORMAT;
}

int ps_wire_get_key(const void *body, size_t n, struct ps_wire_key *k) {
    struct ps_rd r = ps_rd_of(body, n);
    *k = (struct ps_wire_key){.n = ps_rd_u16(&r)};
    k->text = ps_rd_skip(&r, k->n);
    k->sig_n = ps_rd_u16(&r);
    k->sig = ps_rd_skip(&r, k->sig_n);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return k->n > 0 && k->sig_n > 0 ? 0 : PS_EFORMAT;
}

int ps_wire_get_appended(const void *body, size_t n, struct ps_wire_appended *a) {
    struct ps_rd r = ps_rd_of(body, n);
    a->index = get_clip(&r);
    a->leaf_len = get_counted(&r, a->leaf, sizeof a->leaf);
    return ps_rd_end(&r);
}

int ps_wire_get_refused(const void *body, size_t n, struct ps_wire_refused *rf) {
    struct ps_rd r = ps_rd_of(body, n);
    rf->reason = ps_rd_u8(&r);
    ps_rd_str(&r, rf->text, sizeof rf->text);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return rf->reason != 0 ? 0 : PS_EFORMAT;
}
