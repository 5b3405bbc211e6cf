/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/range.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Up to 18 digits, which 64 bits hold; false when there are none or more. */
static bool number(const char **s, uint64_t *out) {
    size_t n = strspn(*s, "0123456789");
    uint64_t v = 0;
    if (n == 0 || n > 18)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (uint64_t)((*s)[i] - '0');
    *s += n;
    *out = v;
    return true;
}

int ps_range_parse(const char *header, uint64_t size, uint64_t *from, uint64_t *n) {
    uint64_t first = 0, last = 0;
    if (strncasecmp(header, "bytes=", 6) != 0)
        return 0;
    const char *s = header + 6;
    s += strspn(s, " \t");
    bool begins = number(&s, &first);
    if (*s++ != '-')
        return 0;
    bool ends = number(&s, &last);
    s += strspn(s, " \t");
    if (*s != '\0' || (!begins && !ends) || (begins && ends && last < first))
        return 0;
    if (!begins) { /* the last so many */
        if (last == 0 || size == 0)
            return -1;
        *n = last < size ? last : size;
        *from = size - *n;
        return 1;
    }
    if (first >= size)
        return -1;
    *from = first;
    *n = (ends && last < size - 1 ? last : size - 1) - first + 1;
    return 1;
}

bool ps_range_has_tag(const char *header, const char *tag) {
    size_t len = strlen(tag);
    for (const char *s = header; *s != '\0';) {
        s += strspn(s, " \t,");
        if (*s == '*')
            return true;
        if (strncmp(s, "W/", 2) == 0)
            s += 2;
        if (*s != '"')
            return false;
        const char *end = strchr(++s, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end - s) == len && memcmp(s, tag, len) == 0)
            return true;
        s = end + 1;
    }
    return false;
}
