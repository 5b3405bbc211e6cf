/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a film: what is read lies inside, and its parts add up. */
#include <stdlib.h>

#include "evidence/mp4.h"
#include "evidence/verdict.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct ps_mp4 *m, const uint8_t *data, size_t size) {
    uint64_t ticks = 0, end = 0;
    for (uint32_t i = 0; i < m->n_samples; i++) {
        const struct ps_mp4_sample *s = &m->samples[i];
        if (s->offset < end || s->offset > size || s->size > size - s->offset)
            abort();
        (void)ps_mp4_nal_ok(data + s->offset, s->size, s->sync);
        end = s->offset + s->size;
        ticks += s->ticks;
    }
    if (ticks != m->duration || m->tail > size || m->avcc_len > sizeof m->avcc)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_blob b = ps_blob_of_memory(data, size);
    struct ps_mp4 strict, torn;
    struct ps_why why;
    struct ps_verdict v;
    int err = ps_mp4_read(&strict, &b, false, &why);
    int err_torn = ps_mp4_read(&torn, &b, true, &why);
    if (err == 0) {
        check(&strict, data, size);
        /* What a strict reader takes, the other takes alike. */
        if (err_torn != 0 || torn.n_samples != strict.n_samples)
            abort();
        ps_mp4_free(&strict);
    }
    if (err_torn == 0) {
        check(&torn, data, size);
        ps_mp4_free(&torn);
    }
    (void)ps_mp4_nal_ok(data, size, size % 2 != 0);
    if (ps_verdict_film(&v, &b) == 0) {
        if ((v.content == PS_CONTENT_UNREADABLE) != (err < 0))
            abort();
        ps_verdict_free(&v);
    }
    return 0;
}
