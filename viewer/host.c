/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/host.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_port(const char *s) {
    size_t n = strspn(s, "0123456789");
    return n >= 1 && n <= 5 && s[n] == '\0';
}

bool ps_host_name(const char *header, char *out, size_t cap) {
    const char *from = header, *end;
    if (*from == '[') {
        end = strchr(++from, ']');
        if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
            return false;
    } else {
        end = from + strcspn(from, ":");
        if (*end == ':' && !is_port(end + 1))
            return false;
    }
    size_t n = (size_t)(end - from);
    if (n == 0 || n >= cap)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)from[i]) && strchr(*header == '[' ? ":." : ".-_", from[i]) == NULL)
            return false;
    memcpy(out, from, n);
    out[n] = '\0';
    if (out[n - 1] == '.' && n > 1)
        out[n - 1] = '\0';
    return true;
}

static bool is_address(const char *s) {
    struct in6_addr six;
    struct in_addr four;
    return inet_pton(AF_INET, s, &four) == 1 || inet_pton(AF_INET6, s, &six) == 1;
}

bool ps_host_allowed(const char *header, const char *names, const char *machine) {
    char name[256];
    if (!ps_host_name(header, name, sizeof(name)))
        return false;
    size_t n = strlen(name), m = strlen(machine);
    if (is_address(name) || strcasecmp(name, "localhost") == 0)
        return true;
    /* mDNS gives each machine of a house its name below .local */
    if (m > 0 && n >= m && strncasecmp(name, machine, m) == 0 &&
        (name[m] == '\0' || strcasecmp(name + m, ".local") == 0))
        return true;
    for (const char *p = names; *p != '\0';) {
        p += strspn(p, " ,\t");
        size_t len = strcspn(p, " ,\t");
        if (len == n && strncasecmp(p, name, n) == 0)
            return true;
        p += len;
    }
    return false;
}

bool ps_host_same_origin(const char *origin, const char *host) {
    const char *s = strstr(origin, "://");
    return s != NULL && strcasecmp(s + 3, host) == 0;
}

bool ps_host_is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0 ||
           strncmp(address, "::ffff:127.", 11) == 0;
}
