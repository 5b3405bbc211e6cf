/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the headers that the viewer reads itself: cookie, range, tags, host, origin; and as a time. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "viewer/host.h"
#include "viewer/range.h"
#include "viewer/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char out[48], name[64], *s = malloc(size + 1);
    uint64_t from = 0, n = 0;
    int64_t ns = 0;
    if (s == NULL)
        return 0;
    memcpy(s, data, size);
    s[size] = '\0';
    if (ps_request_cookie(s, "packseal", out, sizeof(out)) &&
        (out[0] == '\0' || strpbrk(out, " ;=\"\r\n") != NULL))
        abort();
    for (uint64_t length = 0; length < 3000; length += 999)
        if (ps_range_parse(s, length, &from, &n) > 0 && (n == 0 || from >= length || n > length - from))
            abort();
    (void)ps_range_has_tag(s, "0123456789abcdef");
    if (ps_host_name(s, name, sizeof(name)) && (name[0] == '\0' || strpbrk(name, "/@ []\r\n") != NULL))
        abort();
    if (ps_host_allowed(s, "a.example b.example", "box") && !ps_host_name(s, name, sizeof(name)))
        abort();
    (void)ps_host_allowed("c.example", s, s);
    (void)ps_host_same_origin(s, "box:8480");
    (void)ps_host_is_loopback(s);
    (void)ps_request_iso(s, &ns);
    free(s);
    return 0;
}
