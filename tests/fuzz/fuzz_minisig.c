/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A signature file and a public key file: what is read is written and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/minisign.h"
#include "tests/fuzz/fuzz.h"

static void signature(const uint8_t *data, size_t size) {
    static const struct ps_pubkey zeros;
    struct ps_minisig sig, back;
    struct ps_buf b;
    if (ps_minisign_sig_parse(&sig, data, size) != 0)
        return;
    struct ps_pubkey same_number = zeros;
    memcpy(same_number.id, sig.id, sizeof sig.id);
    if (ps_minisign_verify(&sig, &same_number, data, size) == 0) /* zeros are a point of small order */
        abort();
    ps_buf_init(&b, PS_MAX_MINISIG);
    ps_minisign_sig_write(&b, &sig, "x");
    if (b.err != 0 || ps_minisign_sig_parse(&back, b.p, b.n) != 0 || memcmp(&sig, &back, sizeof sig) != 0)
        abort();
    ps_buf_free(&b);
}

static void key(const uint8_t *data, size_t size) {
    struct ps_pubkey k, back;
    char text[57], id[17];
    struct ps_buf b;
    if (ps_minisign_pubkey_parse(&k, data, size) != 0)
        return;
    ps_minisign_pubkey_text(&k, text);
    ps_minisign_id_text(k.id, id);
    ps_buf_init(&b, PS_MAX_MINISIG);
    ps_minisign_pubkey_write(&b, &k, id);
    if (ps_minisign_pubkey_parse(&back, text, 56) != 0 || memcmp(&k, &back, sizeof k) != 0)
        abort();
    if (b.err != 0 || ps_minisign_pubkey_parse(&back, b.p, b.n) != 0 || memcmp(&k, &back, sizeof k) != 0)
        abort();
    ps_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    signature(data, size);
    key(data, size);
    return 0;
}
