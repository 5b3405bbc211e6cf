/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config_viewer.h"
#include "evidence/bytes.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void ps_config_viewer_default(struct ps_config_viewer *c) {
    *c = (struct ps_config_viewer){.listen = "127.0.0.1:8480", .check_max_mb = 512, .audit_days = 730};
}

static bool number(const char *s, uint32_t least, uint32_t most, uint32_t *out) {
    uint32_t v = 0;
    size_t n = strspn(s, "0123456789");
    if (n == 0 || n > 8 || s[n] != '\0')
        return false;
    for (; *s != '\0'; s++)
        v = v * 10 + (uint32_t)(*s - '0');
    *out = v;
    return v >= least && v <= most;
}

bool ps_config_viewer_listen(const char *listen, char host[64], uint16_t *port) {
    struct in_addr four;
    struct in6_addr six;
    const char *colon = strrchr(listen, ':');
    uint32_t p = 0;
    if (colon == NULL || !number(colon + 1, 0, 65535, &p))
        return false;
    size_t n = (size_t)(colon - listen);
    bool brackets = n >= 2 && listen[0] == '[' && listen[n - 1] == ']';
    n -= brackets ? 2 : 0;
    if (n >= 64)
        return false;
    memcpy(host, listen + brackets, n);
    host[n] = '\0';
    *port = (uint16_t)p;
    return brackets ? inet_pton(AF_INET6, host, &six) == 1 : inet_pton(AF_INET, host, &four) == 1;
}

/* Names of hosts, with blanks between. */
static bool is_names(const char *s) {
    return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_ ")] == '\0';
}

static bool copy(char *to, size_t cap, const char *value) {
    size_t n = strlen(value);
    if (n >= cap || !ps_bytes_is_text(value, n))
        return false;
    memcpy(to, value, n + 1);
    return true;
}

const char *ps_config_viewer_set(struct ps_config_viewer *c, const char *key, const char *value) {
    char host[64];
    uint16_t port;
    if (strcmp(key, "listen") == 0) {
        c->listen_is_set = true;
        return (strcmp(value, "off") == 0 || ps_config_viewer_listen(value, host, &port)) &&
                       copy(c->listen, sizeof(c->listen), value)
                   ? NULL
                   : "listen is ADDRESS:PORT, [ADDRESS]:PORT or off";
    }
    if (strcmp(key, "names") == 0)
        return is_names(value) && copy(c->names, sizeof(c->names), value)
                   ? NULL
                   : "names are names of hosts, with blanks between";
    if (strcmp(key, "tls_cert") == 0)
        return copy(c->tls_cert, sizeof(c->tls_cert), value) ? NULL : "tls_cert is a file";
    if (strcmp(key, "tls_key") == 0)
        return copy(c->tls_key, sizeof(c->tls_key), value) ? NULL : "tls_key is a file";
    if (strcmp(key, "check_max_mb") == 0)
        return number(value, 1, 16384, &c->check_max_mb) ? NULL : "check_max_mb is a number from 1 to 16384";
    if (strcmp(key, "audit_days") == 0) {
        uint32_t days = 0;
        if (!number(value, 0, 36500, &days) || (days != 0 && days < 30))
            return "audit_days is 0, or a number from 30 to 36500";
        c->audit_days = days;
        return NULL;
    }
    if (strcmp(key, "behind_proxy") != 0)
        return "unknown key in [viewer]";
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return "behind_proxy is yes or no";
    c->behind_proxy = value[0] == 'y';
    return NULL;
}
