/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A trust file: each key that is read is found, by itself and among those of its number; no list holds one twice. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/trust.h"
#include "tests/fuzz/fuzz.h"

static void keys(const struct ps_trust *t) {
    for (size_t i = 0; i < t->n; i++) {
        const struct ps_trust_key *k = &t->keys[i], *found = NULL;
        size_t from = 0;
        if (ps_trust_find(t, &k->key) != k || k->from_ns >= k->until_ns ||
            !ps_bytes_is_text(k->merchant, strlen(k->merchant)) ||
            (k->only_revoked && k->revoked_ns == INT64_MAX))
            abort();
        do {
            found = ps_trust_by_id(t, k->key.id, &from);
        } while (found != NULL && found != k);
        if (found == NULL)
            abort();
    }
}

static void roots(const struct ps_trust *t) {
    struct ps_cert c = {.merchant = "x", .station = "A", .until_ns = 1};
    struct ps_trust_key k;
    for (size_t i = 0; i < t->n_roots; i++) {
        const struct ps_trust_root *r = &t->roots[i];
        const struct ps_trust_key *line = ps_trust_find(t, &r->key);
        if (ps_trust_root(t, &r->key) != r || (line != NULL && !line->only_revoked))
            abort();
        c.clip_key = r->key;
        if (ps_trust_certified(t, r, &c, &k) == 0)
            abort();
    }
}

static void vkeys(const struct ps_vkey *list, size_t n, uint8_t type) {
    for (size_t i = 0; i < n; i++) {
        if (list[i].type != type)
            abort();
        for (size_t j = 0; j < i; j++) {
            if (ps_note_vkey_same(&list[i], &list[j]))
                abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_trust t;
    struct ps_why why;
    int err = ps_trust_parse(&t, data, size, &why);
    if (err != 0 && (t.n + t.n_roots + t.n_anchors + t.n_witnesses + t.n_logs != 0 || t.keys != NULL ||
                     !ps_bytes_is_text(why.text, strlen(why.text))))
        abort();
    keys(&t);
    roots(&t);
    vkeys(t.witnesses, t.n_witnesses, PS_NOTE_COSIGNATURE);
    vkeys(t.logs, t.n_logs, PS_NOTE_ED25519);
    for (size_t i = 0; i < t.n_anchors; i++) {
        if (!ps_bytes_is_text(t.anchors[i].name, strlen(t.anchors[i].name)))
            abort();
    }
    ps_trust_free(&t);
    return 0;
}
