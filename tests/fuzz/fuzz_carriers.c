/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a carrier table and, behind a zero byte, as a code: refused, or matched within bounds. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "recorder/codes.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ps_carriers c;
    struct ps_codes_scan s;
    struct ps_why why = {0};
    const uint8_t *zero = memchr(data, 0, size);
    size_t n = zero != NULL ? (size_t)(zero - data) : size, left = zero != NULL ? size - n - 1 : 0;
    char raw[PS_MAX_CODE + 1], *copy = malloc(n + 1);
    if (copy == NULL)
        return 0;
    memcpy(copy, data, n);
    int rc = ps_carriers_parse(&c, copy, n, "carriers.conf", &why);
    free(copy);
    if (rc < 0 && (why.text[0] == '\0' || c.n_rules != 0))
        abort();
    left = left < PS_MAX_CODE ? left : PS_MAX_CODE;
    if (left > 0)
        memcpy(raw, zero + 1, left);
    raw[left] = '\0';
    if (!ps_bytes_is_text(raw, strlen(raw)))
        return 0;
    ps_codes_read(&c, NULL, "HZ01", raw, &s);
    s.code.entry = PS_ENTRY_SCANNER;
    if (s.code.value[0] != '\0' && !ps_opening_code_ok(&s.code))
        abort();
    if (s.part > s.of || s.parcel[PS_MAX_CODE] != '\0' || (s.of > 0 && s.parcel[0] == '\0'))
        abort();
    return 0;
}
