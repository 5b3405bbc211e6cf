/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A .tlog-proof: what is read is written and read again as the same bytes, and nothing is proven but the golden leaf. Its
 * siblings, offered as a consistency proof of made-up sizes, prove nothing either.
 */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/proof.h"
#include "evidence/tile.h"
#include "tests/fuzz/fuzz.h"

#define LOG "packseal.invalid/ST03+6cee08c0+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
#define INDEX 124 /* the leaf that the golden proof proves */

static void consistency(const struct ps_proof *p) {
    static const uint8_t old_root[32] = {1}, new_root[32] = {2};
    const uint8_t(*h)[32] = (const uint8_t(*)[32])p->hash;
    for (uint64_t m = 1; m < 10; m++) {
        if (ps_tile_consistent(m, old_root, m + p->index, new_root, h, p->n) == 0 ||
            ps_tile_consistent(p->index, old_root, p->index + m, new_root, h, p->n) == 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_vkey log;
    struct ps_proof p;
    struct ps_checkpoint c;
    struct ps_buf b;
    if (ps_note_vkey_parse(&log, LOG, strlen(LOG)) != 0)
        abort();
    if (ps_proof_parse(&p, data, size) != 0)
        return 0;
    if (ps_proof_check(&p, &log, &c) == 0 && (p.index != INDEX || c.size != 130))
        abort();
    ps_buf_init(&b, PS_PROOF_MAX);
    ps_proof_write(&b, &p);
    if (b.err != 0 || b.n != size || memcmp(b.p, data, size) != 0)
        abort();
    ps_buf_free(&b);
    consistency(&p);
    return 0;
}
