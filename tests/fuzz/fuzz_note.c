/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A note, a checkpoint and a verifier key from the same bytes: what is read is written and read again as the same, and
 * nothing verifies but what the golden log has signed.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/note.h"
#include "tests/fuzz/fuzz.h"

#define LOG "packseal.invalid/ST03+6cee08c0+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define SIZE 130 /* of the one checkpoint that this log has signed, tests/golden/v1/checkpoint */

static void note(const uint8_t *data, size_t size, const struct ps_vkey *log) {
    static const struct ps_vkey zeros = {.name = "x", .type = PS_NOTE_COSIGNATURE};
    struct ps_note n;
    struct ps_checkpoint c;
    struct ps_buf stamped;
    uint64_t time = 0;
    if (ps_note_parse(&n, data, size) != 0)
        return;
    if (n.n < 1 || n.n > PS_NOTE_SIGNATURES || n.text != (const char *)data || n.text_len >= size ||
        n.text[n.text_len - 1] != '\n' || n.text[n.text_len] != '\n')
        abort();
    for (unsigned i = 0; i < n.n; i++) {
        struct ps_vkey k = zeros; /* a point of small order, which takes no signature */
        memcpy(k.name, n.sigs[i].name, sizeof k.name);
        memcpy(k.id, n.sigs[i].id, sizeof k.id);
        if (ps_note_verify(&n, &k, &time) == 0)
            abort();
    }
    if (ps_checkpoint_open(&c, data, size, log) == 0 && (c.size != SIZE || strcmp(c.origin, log->name) != 0))
        abort();
    ps_buf_init(&stamped, PS_NOTE_MAX + 1);
    if (ps_checkpoint_stamped(&stamped, data, size, log) == 0 &&
        ps_checkpoint_open(&c, stamped.p, stamped.n, log) != 0)
        abort();
    ps_buf_free(&stamped);
}

static void checkpoint(const uint8_t *data, size_t size) {
    struct ps_checkpoint c, back;
    struct ps_buf b;
    if (ps_checkpoint_parse(&c, (const char *)data, size) != 0)
        return;
    ps_buf_init(&b, PS_NOTE_MAX);
    ps_checkpoint_write(&b, &c);
    /* What was read without extensions begins with just these bytes. */
    if (b.err != 0 || b.n > size || memcmp(b.p, data, b.n) != 0 ||
        ps_checkpoint_parse(&back, (char *)b.p, b.n) != 0 || memcmp(&c, &back, sizeof c) != 0)
        abort();
    ps_buf_free(&b);
}

static void vkey(const uint8_t *data, size_t size) {
    struct ps_vkey k;
    struct ps_buf b;
    if (ps_note_vkey_parse(&k, (const char *)data, size) != 0)
        return;
    ps_buf_init(&b, PS_NOTE_MAX);
    ps_note_vkey_write(&b, &k);
    if (b.err != 0 || b.n > size || size - b.n > 1 || memcmp(b.p, data, b.n) != 0)
        abort();
    ps_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_vkey log;
    if (ps_note_vkey_parse(&log, LOG, strlen(LOG)) != 0)
        abort();
    note(data, size, &log);
    checkpoint(data, size);
    vkey(data, size);
    return 0;
}
