/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A datagram between the signer and its clients, and the opening inside one: what is read is written to the
 * same bytes, so that no two datagrams mean the same.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/opening.h"
#include "evidence/wire.h"
#include "tests/fuzz/fuzz.h"

static void opening(struct ps_buf *b, const uint8_t *body, size_t n) {
    struct ps_opening o;
    struct ps_buf inner;
    if (ps_opening_decode(&o, body, n) == 0) {
        ps_buf_init(&inner, PS_MAX_OPENING);
        ps_opening_encode(&o, &inner);
        if (inner.err != 0 || inner.n != n || memcmp(inner.p, body, n) != 0)
            abort();
        ps_buf_free(&inner);
    }
    ps_wire_put_open(b, body, n);
}

static int request(struct ps_buf *b, int word, const uint8_t *body, size_t n) {
    static struct ps_wire_append append;
    struct ps_wire_segment segment;
    struct ps_wire_key key;
    uint64_t clip = 0;
    uint32_t number = 0;
    uint8_t reason = 0;
    int err = 0;
    switch (word) {
    case PS_WIRE_OPEN: opening(b, body, n); break;
    case PS_WIRE_SEGMENT:
        if ((err = ps_wire_get_segment(body, n, &segment)) == 0)
            ps_wire_put_segment(b, &segment);
        break;
    case PS_WIRE_END:
        if ((err = ps_wire_get_clip(body, n, &clip)) == 0)
            ps_wire_put_clip(b, PS_WIRE_END, clip);
        break;
    case PS_WIRE_SEAL:
        if ((err = ps_wire_get_seal(body, n, &clip, &number)) == 0)
            ps_wire_put_seal(b, clip, number);
        break;
    case PS_WIRE_ABORT:
        if ((err = ps_wire_get_abort(body, n, &clip, &reason)) == 0)
            ps_wire_put_abort(b, clip, reason);
        break;
    case PS_WIRE_RECORDS:
        if ((err = ps_wire_get_records_from(body, n, &clip, &number)) == 0)
            ps_wire_put_records_from(b, clip, number);
        break;
    case PS_WIRE_APPEND:
        if ((err = ps_wire_get_append(body, n, &append)) == 0)
            ps_wire_put_append(b, &append);
        break;
    case PS_WIRE_KEY:
        if ((err = ps_wire_get_key(body, n, &key)) == 0)
            ps_wire_put_key(b, &key);
        break;
    default: ps_wire_put_simple(b, (uint8_t)word); break; /* STATUS, ACK */
    }
    return err;
}

static int answer(struct ps_buf *b, int word, const uint8_t *body, size_t n) {
    static struct ps_wire_status status;
    static struct ps_wire_opened opened;
    static struct ps_wire_sealed sealed;
    static struct ps_wire_records records;
    static struct ps_wire_refused refused;
    static struct ps_wire_appended appended;
    int err = 0;
    switch (word) {
    case PS_WIRE_STATUS_IS:
        if ((err = ps_wire_get_status_is(body, n, &status)) == 0)
            ps_wire_put_status_is(b, &status);
        break;
    case PS_WIRE_OPENED:
        if ((err = ps_wire_get_opened(body, n, &opened)) == 0)
            ps_wire_put_opened(b, &opened);
        break;
    case PS_WIRE_SEALED:
        if ((err = ps_wire_get_sealed(body, n, &sealed)) == 0)
            ps_wire_put_sealed(b, &sealed);
        break;
    case PS_WIRE_RECORDS_ARE:
        if ((err = ps_wire_get_records(body, n, &records)) == 0)
            ps_wire_put_records(b, &records);
        break;
    case PS_WIRE_APPENDED:
        if ((err = ps_wire_get_appended(body, n, &appended)) == 0)
            ps_wire_put_appended(b, &appended);
        break;
    case PS_WIRE_REFUSED:
        if ((err = ps_wire_get_refused(body, n, &refused)) == 0)
            ps_wire_put_refused(b, refused.reason, refused.text);
        break;
    default: return request(b, word, body, n);
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *body = NULL;
    size_t n = 0;
    struct ps_buf b;
    int word = ps_wire_word(data, size, &body, &n);
    if (word < 0)
        return 0;
    ps_buf_init(&b, PS_MAX_WIRE);
    if (answer(&b, word, body, n) == 0 && (b.err != 0 || b.n != size || memcmp(b.p, data, size) != 0))
        abort();
    ps_buf_free(&b);
    return 0;
}
