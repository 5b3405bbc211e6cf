/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a list of orders: refused, or numbers that are found again, text, and bounds kept. */
#include <stdlib.h>
#include <string.h>

#include "archive/orders.h"
#include "evidence/bytes.h"
#include "tests/fuzz/fuzz.h"

static void text(const char *s, size_t cap) {
    size_t n = strnlen(s, cap);
    if (n == cap || !ps_bytes_is_text(s, n))
        abort();
}

static void look(const struct ps_orders *o, const char *number, unsigned depth) {
    struct ps_orders_found f;
    ps_orders_find(o, number, &f);
    if (f.n_links > PS_ORDERS_LINKS || (f.n_links > 0 && !f.known))
        abort();
    text(f.note, sizeof(f.note));
    text(f.waybill, sizeof(f.waybill));
    text(f.refunded_order, sizeof(f.refunded_order));
    for (unsigned i = 0; i < f.n_links; i++) {
        text(f.links[i].value, sizeof(f.links[i].value));
        if (depth > 0)
            look(o, f.links[i].value, depth - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ps_orders *o = NULL;
    struct ps_orders_summary s;
    struct ps_why why = {0};
    char word[PS_MAX_CODE + 1];
    char *copy = malloc(size + 1); /* of its exact size: a read past the end is seen */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    int rc = ps_orders_parse(&o, copy, size, "orders.csv", &why);
    if (rc < 0 && (o != NULL || why.text[0] == '\0'))
        abort();
    if (rc == 0) {
        ps_orders_summary(o, &s);
        if (s.kept > PS_ORDERS_BAD || s.kept > s.n_bad)
            abort();
        /* Words of the input itself are the numbers that may be there. */
        for (size_t i = 0, n = 0, asked = 0; i < size && asked < 64; i++) {
            if (data[i] > ' ' && data[i] < 0x7F && strchr(",;\t\"'=/|:", data[i]) == NULL &&
                n < PS_MAX_CODE) {
                word[n++] = (char)data[i];
            } else if (n > 0) {
                word[n] = '\0';
                look(o, word, 1);
                n = 0;
                asked++;
            }
        }
    }
    ps_orders_free(o);
    free(copy);
    return 0;
}
