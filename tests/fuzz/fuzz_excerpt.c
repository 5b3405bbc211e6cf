/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The descriptor of an excerpt: what is read is written, and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/excerpt.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_excerpt *x = NULL, *back = NULL;
    struct ps_buf first, second;
    struct ps_why why;
    int err = ps_excerpt_parse(&x, data, size, &why);
    if (err == PS_ENOMEM) /* what the lexer accepts, jansson must */
        abort();
    if (err != 0) {
        if (x != NULL || !ps_bytes_is_text(why.where, strlen(why.where)) ||
            !ps_bytes_is_text(why.text, strlen(why.text)))
            abort();
        return 0;
    }
    for (uint32_t i = 0; i < x->n_tracks; i++) {
        const struct ps_excerpt_track *t = &x->tracks[i];
        if (t->first > t->last || ps_excerpt_track(x, t->track) != t)
            abort();
    }
    for (uint32_t i = 0; i < x->n_originals; i++)
        if (!ps_excerpt_has_original(x, x->originals[i]))
            abort();
    ps_buf_init(&first, PS_MAX_EXCERPT);
    ps_buf_init(&second, PS_MAX_EXCERPT);
    ps_excerpt_write(x, &first);
    /* Quotes in names are told by two bytes, so that the longest text may grow past the bound. */
    if (first.err == 0) {
        if (ps_excerpt_parse(&back, first.p, first.n, &why) != 0)
            abort();
        ps_excerpt_write(back, &second);
        if (second.err != 0 || second.n != first.n || memcmp(second.p, first.p, first.n) != 0)
            abort();
    } else if (size < PS_MAX_EXCERPT / 2) {
        abort();
    }
    ps_excerpt_free(back);
    ps_excerpt_free(x);
    ps_buf_free(&second);
    ps_buf_free(&first);
    return 0;
}
