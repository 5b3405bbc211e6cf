/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/wire.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "tests/unit/tap.h"

/* One reader for all words, so that cuts and flips can be tried on each: reads a whole datagram and writes
 * what it understood. 0 or an error. */
static int again(const void *p, size_t n, struct ps_buf *out) {
    static union {
        struct ps_wire_segment segment;
        struct ps_wire_status status;
        struct ps_wire_opened opened;
        struct ps_wire_sealed sealed;
        struct ps_wire_records records;
        struct ps_wire_refused refused;
        struct ps_wire_append append;
        struct ps_wire_key key;
        struct ps_wire_appended appended;
    } u;
    const uint8_t *body = NULL;
    size_t body_n = 0;
    uint64_t clip = 0;
    uint32_t number = 0;
    uint8_t reason = 0;
    int word = ps_wire_word(p, n, &body, &body_n), err = 0;
    memset(&u, 0xee, sizeof u); /* what a reader does not set shows */
    switch (word) {
    case PS_WIRE_STATUS:
    case PS_WIRE_ACK: ps_wire_put_simple(out, (uint8_t)word); break;
    case PS_WIRE_OPEN: ps_wire_put_open(out, body, body_n); break;
    case PS_WIRE_END:
        err = ps_wire_get_clip(body, body_n, &clip);
        ps_wire_put_clip(out, PS_WIRE_END, clip);
        break;
    case PS_WIRE_SEGMENT:
        err = ps_wire_get_segment(body, body_n, &u.segment);
        if (err == 0)
            ps_wire_put_segment(out, &u.segment);
        break;
    case PS_WIRE_SEAL:
        err = ps_wire_get_seal(body, body_n, &clip, &number);
        ps_wire_put_seal(out, clip, number);
        break;
    case PS_WIRE_ABORT:
        err = ps_wire_get_abort(body, body_n, &clip, &reason);
        ps_wire_put_abort(out, clip, reason);
        break;
    case PS_WIRE_RECORDS:
        err = ps_wire_get_records_from(body, body_n, &clip, &number);
        ps_wire_put_records_from(out, clip, number);
        break;
    case PS_WIRE_STATUS_IS:
        err = ps_wire_get_status_is(body, body_n, &u.status);
        if (err == 0)
            ps_wire_put_status_is(out, &u.status);
        break;
    case PS_WIRE_OPENED:
        err = ps_wire_get_opened(body, body_n, &u.opened);
        if (err == 0)
            ps_wire_put_opened(out, &u.opened);
        break;
    case PS_WIRE_SEALED:
        err = ps_wire_get_sealed(body, body_n, &u.sealed);
        if (err == 0)
            ps_wire_put_sealed(out, &u.sealed);
        break;
    case PS_WIRE_RECORDS_ARE:
        err = ps_wire_get_records(body, body_n, &u.records);
        if (err == 0)
            ps_wire_put_records(out, &u.records);
        break;
    case PS_WIRE_APPEND:
        err = ps_wire_get_append(body, body_n, &u.append);
        if (err == 0)
            ps_wire_put_append(out, &u.append);
        break;
    case PS_WIRE_KEY:
        err = ps_wire_get_key(body, body_n, &u.key);
        if (err == 0)
            ps_wire_put_key(out, &u.key);
        break;
    case PS_WIRE_APPENDED:
        err = ps_wire_get_appended(body, body_n, &u.appended);
        if (err == 0)
            ps_wire_put_appended(out, &u.appended);
        break;
    case PS_WIRE_REFUSED:
        err = ps_wire_get_refused(body, body_n, &u.refused);
        if (err == 0)
            ps_wire_put_refused(out, u.refused.reason, u.refused.text);
        break;
    default: return word;
    }
    return err != 0 ? err : out->err;
}

/* A message is read and written the same; cut anywhere or longer by a byte it is refused; with a bit turned
 * it is refused or means something else. */
static void message(struct ps_buf *m, bool any_length, const char *name) {
    struct ps_buf out;
    size_t accepted = 0, same = 0;
    ps_buf_init(&out, PS_MAX_WIRE);
    if (!tap_ok(m->err == 0 && m->n <= PS_MAX_WIRE, "%s is written", name))
        return;
    tap_is_int(again(m->p, m->n, &out), 0, "%s is read", name);
    tap_ok(out.n == m->n && memcmp(out.p, m->p, m->n) == 0, "%s means the same", name);
    for (size_t n = 0; n < m->n; n++) {
        uint8_t *part = malloc(n + 1);
        memcpy(part, m->p, n);
        ps_buf_reset(&out);
        accepted += again(part, n, &out) == 0;
        free(part);
    }
    uint8_t *more = malloc(m->n + 1);
    memcpy(more, m->p, m->n);
    for (int byte = 0; byte < 256; byte++) {
        more[m->n] = (uint8_t)byte;
        ps_buf_reset(&out);
        accepted += again(more, m->n + 1, &out) == 0;
    }
    if (!any_length)
        tap_is_uint(accepted, 0, "%s ends where it says", name);
    for (size_t bit = 0; bit < m->n * 8; bit++) {
        memcpy(more, m->p, m->n);
        more[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ps_buf_reset(&out);
        if (again(more, m->n, &out) == 0)
            same += out.n != m->n || memcmp(out.p, more, m->n) != 0;
    }
    tap_is_uint(same, 0, "%s: every bit has a meaning", name);
    free(more);
    ps_buf_free(&out);
    ps_buf_reset(m);
}

static void fill(void *p, size_t n, uint8_t from) {
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)(from + i);
}

static void requests(struct ps_buf *b) {
    struct ps_wire_segment s = {.clip = 77, .late = true};
    fill(s.record, sizeof s.record, 3);
    ps_wire_put_simple(b, PS_WIRE_STATUS);
    tap_is_mem(b->p, "\1\1\0\0", 4, "STATUS byte by byte");
    message(b, false, "STATUS");
    ps_wire_put_open(b, "opening", 7);
    message(b, true, "OPEN");
    ps_wire_put_segment(b, &s);
    tap_is_mem(b->p, "\1\3\0\0\0\0\0\0\0\0\0\x4d\1\3\4", 15, "SEGMENT byte by byte");
    message(b, false, "SEGMENT");
    ps_wire_put_clip(b, PS_WIRE_END, 77);
    message(b, false, "END");
    ps_wire_put_seal(b, 77, PS_MAX_STATEMENT);
    message(b, false, "SEAL");
    ps_wire_put_abort(b, PS_MAX_JSON_INT, PS_ABORT_REFUSED);
    message(b, false, "ABORT");
    ps_wire_put_records_from(b, 77, 5);
    message(b, false, "RECORDS");
    struct ps_wire_append a = {.type = PS_LEAF_TOMBSTONE, .subject = 77, .extra_len = 1, .extra = {2}};
    fill(a.digest, sizeof a.digest, 9);
    ps_wire_put_append(b, &a);
    tap_is_mem(b->p, "\1\x08\0\0\5\0\0\0\0\0\0\0\x4d\x09\x0a", 15, "APPEND byte by byte");
    message(b, false, "APPEND");
    a = (struct ps_wire_append){.type = PS_LEAF_INTAKE, .extra_len = sizeof a.extra};
    ps_wire_put_append(b, &a);
    message(b, false, "APPEND with all that a leaf holds");
    struct ps_wire_key k = {(const uint8_t *)"{}", (const uint8_t *)"sig", 2, 3};
    ps_wire_put_key(b, &k);
    tap_is_mem(b->p, "\1\x09\0\0\0\2{}\0\3sig", 13, "KEY byte by byte");
    message(b, false, "KEY");
}

static void answers(struct ps_buf *b) {
    static struct ps_wire_status status = {
        .station = "ST03", .leaves = 5, .confined = 31, .n_pending = PS_WIRE_MAX_PENDING + 1};
    static struct ps_wire_opened opened = {.clip = 9, .take = 2, .leaf_len = PS_MAX_LEAF};
    static struct ps_wire_sealed sealed = {.leaf_len = PS_LEAF_FIXED, .sig_len = PS_MAX_MINISIG};
    static struct ps_wire_records records = {.clip = 9, .first = 100, .n = 48};
    fill(status.root, 32, 1);
    fill(status.signer_sha256, 32, 2);
    fill(status.boot_id, 16, 3);
    fill(&status.key, sizeof status.key, 4);
    fill(status.ledger_key, 32, 5);
    for (size_t i = 0; i < status.n_pending; i++)
        status.pending[i] =
            (struct ps_wire_pending){.clip = i, .ended = i > 0, .same_boot = 1, .records = 40, .late = 3};
    ps_wire_put_status_is(b, &status);
    message(b, false, "STATUS_IS");
    status.n_pending = 0;
    ps_wire_put_status_is(b, &status);
    message(b, false, "STATUS_IS of an idle signer");
    fill(opened.leaf, sizeof opened.leaf, 7);
    ps_wire_put_opened(b, &opened);
    message(b, false, "OPENED");
    ps_wire_put_simple(b, PS_WIRE_ACK);
    message(b, false, "ACK");
    memset(sealed.sig, 's', PS_MAX_MINISIG);
    sealed.sig[10] = '\n';
    ps_wire_put_sealed(b, &sealed);
    message(b, false, "SEALED without a checkpoint");
    sealed.note_len = PS_WIRE_MAX_NOTE;
    memset(sealed.note, 'n', PS_WIRE_MAX_NOTE);
    sealed.note[10] = '\n';
    ps_wire_put_sealed(b, &sealed);
    message(b, false, "SEALED");
    struct ps_wire_appended appended = {.index = 10, .leaf_len = PS_LEAF_FIXED};
    fill(appended.leaf, sizeof appended.leaf, 7);
    ps_wire_put_appended(b, &appended);
    message(b, false, "APPENDED");
    for (size_t i = 0; i < 48; i++) {
        records.r[i].late = i % 3;
        fill(records.r[i].record, PS_RECORD_SIZE, (uint8_t)i);
    }
    ps_wire_put_records(b, &records);
    message(b, false, "RECORDS_ARE");
    records.n = 0;
    ps_wire_put_records(b, &records);
    message(b, false, "RECORDS_ARE with none");
    ps_wire_put_refused(b, PS_REFUSED_STATEMENT, "tracks[0].segments[3]: 签名");
    message(b, false, "REFUSED");
    ps_wire_put_refused(b, PS_REFUSED_RATE, "");
    message(b, false, "REFUSED without a text");
}

static void heads(void) {
    const uint8_t *body = NULL;
    size_t n = 0;
    static uint8_t large[PS_MAX_WIRE + 1] = {1, PS_WIRE_OPEN};
    tap_is_int(ps_wire_word("\1\x02\0\0xyz", 7, &body, &n), PS_WIRE_OPEN, "a word");
    tap_ok(n == 3 && memcmp(body, "xyz", 3) == 0, "and its body");
    tap_is_int(ps_wire_word("\2\x02\0\0", 4, &body, &n), PS_EVERSION, "another version");
    tap_is_int(ps_wire_word("\1\x02\1\0", 4, &body, &n), PS_EFORMAT, "a reserved byte");
    tap_is_int(ps_wire_word("\1\x02\0\1", 4, &body, &n), PS_EFORMAT, "the other one");
    tap_is_int(ps_wire_word("\1\x02\0", 3, &body, &n), PS_EFORMAT, "half a head");
    tap_is_int(ps_wire_word("", 0, &body, &n), PS_EFORMAT, "nothing");
    tap_is_int(ps_wire_word(large, PS_MAX_WIRE, &body, &n), PS_WIRE_OPEN, "the largest datagram");
    tap_is_int(ps_wire_word(large, PS_MAX_WIRE + 1, &body, &n), PS_EFORMAT, "a byte more");
    int known = 0;
    for (int word = 0; word < 256; word++) {
        uint8_t head[4] = {1, (uint8_t)word};
        int got = ps_wire_word(head, 4, &body, &n);
        known += got == word;
        if (got != word && got != PS_EFORMAT)
            tap_fail("word %d gives %d", word, got);
    }
    tap_is_int(known, 16, "sixteen words are known");
}

static void bounds(struct ps_buf *b) {
    uint64_t clip = 0;
    uint32_t number = 0;
    uint8_t reason = 0;
    static struct ps_wire_segment segment;
    static struct ps_wire_records records;
    static struct ps_wire_sealed sealed;
    static struct ps_wire_opened opened;
    static struct ps_wire_status status;
    static struct ps_wire_refused refused;
    static uint8_t body[PS_MAX_WIRE + 1];
    tap_is_int(ps_wire_get_clip("\0\x20\0\0\0\0\0\0", 8, &clip), PS_ELIMIT, "a clip number beyond 2^53");
    body[8] = PS_WIRE_PREROLL;
    tap_is_int(ps_wire_get_segment(body, 9 + PS_RECORD_SIZE, &segment), 0, "pre-roll");
    tap_is_int(segment.late, PS_WIRE_PREROLL, "is told apart from late");
    body[8] = 3;
    tap_is_int(ps_wire_get_segment(body, 9 + PS_RECORD_SIZE, &segment), PS_EFORMAT,
               "neither witnessed nor late nor pre-roll");
    memset(body, 0, sizeof body);
    tap_is_int(ps_wire_get_seal(body, 12, &clip, &number), PS_ELIMIT, "an empty statement");
    memcpy(body + 8, "\0\x40\0\1", 4);
    tap_is_int(ps_wire_get_seal(body, 12, &clip, &number), PS_ELIMIT, "a statement beyond 4 MiB");
    body[8] = 0;
    tap_is_int(ps_wire_get_abort(body, 9, &clip, &reason), PS_EFORMAT, "an abort without a reason");
    body[8] = 4;
    tap_is_int(ps_wire_get_abort(body, 9, &clip, &reason), PS_EFORMAT, "or for an unknown one");
    memset(body, 0, sizeof body);
    body[13] = 49;
    tap_is_int(ps_wire_get_records(body, 14 + 49 * 133, &records), PS_ELIMIT, "49 records");
    body[13] = 0;
    tap_is_int(ps_wire_get_opened(body, 14, &opened), PS_ELIMIT, "an empty leaf");
    memcpy(body + 12, "\2\1", 2);
    tap_is_int(ps_wire_get_opened(body, 14 + 513, &opened), PS_ELIMIT, "a leaf of 513 bytes");
    memset(body, 0, sizeof body);
    memcpy(body, "\0\1x\0\2a\0\0\0", 9);
    tap_is_int(ps_wire_get_sealed(body, 9, &sealed), PS_EFORMAT, "a signature with NUL in it");
    memcpy(body, "\0\1x\0\1a\0\2b\0", 10);
    tap_is_int(ps_wire_get_sealed(body, 10, &sealed), PS_EFORMAT, "a checkpoint with NUL in it");
    memcpy(body, "\0\1x\0\1a\4\1", 8);
    memset(body + 8, 'a', 1025);
    tap_is_int(ps_wire_get_sealed(body, 8 + 1025, &sealed), PS_ELIMIT, "a checkpoint that is too long");
    static struct ps_wire_append append;
    memset(body, 0, sizeof body);
    tap_is_int(ps_wire_get_append(body, 43, &append), PS_EFORMAT, "a leaf of type 0");
    body[0] = PS_LEAF_RECOVERY + 1;
    tap_is_int(ps_wire_get_append(body, 43, &append), PS_EFORMAT, "a leaf of an unknown type");
    memcpy(body + 41, "\1\x73", 2);
    tap_is_int(ps_wire_get_append(body, 43 + 371, &append), PS_ELIMIT, "more than a leaf holds");
    memcpy(body, "\0\1x\x08\1", 5);
    memset(body + 5, 'a', 2049);
    tap_is_int(ps_wire_get_sealed(body, 5 + 2049, &sealed), PS_ELIMIT, "a signature that is too long");
    tap_is_int(ps_wire_get_refused("\0\0\0", 3, &refused), PS_EFORMAT, "a refusal without a reason");
    tap_is_int(ps_wire_get_refused("\1\0\1\n", 4, &refused), PS_EFORMAT, "a refusal with a newline");

    ps_wire_put_open(b, body, PS_MAX_WIRE - 3);
    tap_is_int(b->err, PS_ELIMIT, "an opening that no datagram holds is not written");
    ps_buf_reset(b);
    records.n = 49;
    ps_wire_put_records(b, &records);
    tap_is_int(b->err, PS_EINVAL, "nor 49 records");
    ps_buf_reset(b);
    memcpy(status.station, "ST/3", 5);
    ps_wire_put_status_is(b, &status);
    tap_is_int(b->err, PS_EINVAL, "nor a station that is none");
    ps_buf_reset(b);
    memcpy(status.station, "ST03", 5);
    status.n_pending = PS_WIRE_MAX_PENDING + 2;
    ps_wire_put_status_is(b, &status);
    tap_is_int(b->err, PS_EINVAL, "nor too many clips");
    ps_buf_reset(b);
    opened.leaf_len = 0;
    ps_wire_put_opened(b, &opened);
    tap_is_int(b->err, PS_EINVAL, "nor an empty leaf");
    ps_buf_reset(b);
    sealed.leaf_len = 1;
    sealed.sig_len = PS_MAX_MINISIG + 1;
    ps_wire_put_sealed(b, &sealed);
    tap_is_int(b->err, PS_EINVAL, "nor a signature that is too long");
    ps_buf_reset(b);

    append.extra_len = sizeof append.extra + 1;
    ps_wire_put_append(b, &append);
    tap_is_int(b->err, PS_EINVAL, "nor more than a leaf holds");
    ps_buf_reset(b);
    sealed = (struct ps_wire_sealed){.leaf_len = 1, .sig_len = 1, .note_len = PS_WIRE_MAX_NOTE + 1};
    ps_wire_put_sealed(b, &sealed);
    tap_is_int(b->err, PS_EINVAL, "nor a checkpoint that is too long");
    ps_buf_reset(b);

    char text[600];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    text[3] = '\n';
    ps_wire_put_refused(b, PS_REFUSED_STATE, text);
    tap_ok(b->err == 0 && ps_wire_get_refused(b->p + 4, b->n - 4, &refused) == 0,
           "a refusal arrives whatever it says");
    tap_ok(strlen(refused.text) == 255 && memcmp(refused.text, "xxx?x", 5) == 0, "cut and made printable");
    ps_buf_reset(b);
}

int main(void) {
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_WIRE);
    heads();
    requests(&b);
    answers(&b);
    bounds(&b);
    ps_buf_free(&b);
    return tap_done();
}
