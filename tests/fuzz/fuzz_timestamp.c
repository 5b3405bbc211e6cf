/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A token and the PEM kept beside it: u16 length of the token ‖ token ‖ PEM. Nothing verifies under a strange anchor,
 * and judging reads what reading reads. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/timestamp.h"
#include "evidence/timestamp_chain.h"
#include "tests/fuzz/fuzz.h"

static int look(void *ctx, const char *url) {
    (void)ctx;
    if (!ps_bytes_is_ascii(url, strlen(url)))
        abort();
    return 0;
}

static void lists(const uint8_t *pem, size_t n) {
    struct ps_buf b;
    ps_timestamp_chain_lists(pem, n, look, NULL, NULL);
    ps_buf_init(&b, PS_TIMESTAMP_CHAIN_MAX);
    ps_buf_bytes(&b, pem, n);
    ps_timestamp_chain_add_list(&b, pem, n, NULL);
    ps_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ps_timestamp_anchor stranger = {.name = "stranger"};
    struct ps_timestamp_anchor own[PS_TIMESTAMP_ANCHORS];
    struct ps_timestamp read, judged;
    struct ps_why why = {0};
    unsigned n_own = 0;
    struct ps_rd r = ps_rd_of(data, size);
    size_t n = ps_rd_u16(&r);
    struct ps_rd token = ps_rd_sub(&r, n);
    if (r.err != 0)
        return 0;
    int rc = ps_timestamp_read(&read, token.p, n, &why);
    if (ps_timestamp_verify(&judged, token.p, n, r.p, r.left, &stranger, 1, &why) == 0)
        abort();
    if (ps_timestamp_chain_anchors(own, &n_own, r.p, r.left, &why) == 0 &&
        ps_timestamp_verify(&judged, token.p, n, r.p, r.left, own, n_own, &why) == 0 &&
        (rc != 0 || read.time_ns != judged.time_ns || strcmp(read.code, judged.code) != 0))
        abort();
    ps_timestamp_answers(token.p, n, read.imprint, 1, &why);
    lists(r.p, r.left);
    return 0;
}
