/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trust file: each key that is read is found, by itself and among those of its number. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/trust.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_trust t;
    struct ps_why why;
    int err = ps_trust_parse(&t, data, size, &why);
    if (err != 0 && (t.n != 0 || t.keys != NULL || !ps_bytes_is_text(why.text, strlen(why.text))))
        abort();
    for (size_t i = 0; i < t.n; i++) {
        const struct ps_trust_key *k = &t.keys[i], *found = NULL;
        size_t from = 0;
        if (ps_trust_find(&t, &k->key) != k || k->from_ns >= k->until_ns ||
            !ps_bytes_is_text(k->merchant, strlen(k->merchant)))
            abort();
        do {
            found = ps_trust_by_id(&t, k->key.id, &from);
        } while (found != NULL && found != k);
        if (found == NULL)
            abort();
    }
    ps_trust_free(&t);
    return 0;
}
