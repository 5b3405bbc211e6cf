/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_CONFIG_VIEWER_H
#define PS_ARCHIVE_CONFIG_VIEWER_H
/*
 * The section [viewer] of packseal.conf.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_config_viewer {
    char listen[80];    /* address:port, [address]:port; "off" */
    bool listen_is_set; /* packseal run starts the viewer then, unless it is "off" */
    char names[512];    /* by which browsers may reach it, with blanks between */
    char tls_cert
        [512]; /* PEM, the server's first, then its chain; "" no TLS; a relative path starts at ROOT */
    char tls_key[512];     /* PEM */
    bool behind_proxy;     /* X-Forwarded-For and -Proto of a proxy on this machine count */
    uint32_t check_max_mb; /* 512: the largest bundle to check, 1-16384 */
    uint32_t audit_days;   /* 730: entries of the audit trail are kept so long, 30-36500; 0 for ever */
};

void ps_config_viewer_default(struct ps_config_viewer *c);
/* NULL, or what the value must be. */
const char *ps_config_viewer_set(struct ps_config_viewer *c, const char *key, const char *value);
/* Takes "127.0.0.1:8480" apart; false when it is none ("off" is none). host has no brackets. */
bool ps_config_viewer_listen(const char *listen, char host[64], uint16_t *port);

#endif
