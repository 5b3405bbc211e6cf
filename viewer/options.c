/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/options.h"
#include "archive/store.h"
#include "viewer/host.h"
#include "viewer/log.h"
#include "viewer/routes.h"
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MOST 65536

static void usage(FILE *to) {
    fputs("usage: packseal-viewer [--root DIR] [--listen ADDRESS:PORT]\n"
          "       packseal-viewer --verify-only [--listen ADDRESS:PORT] [--trust FILE]\n"
          "       packseal-viewer --routes\n"
          "Serves the station screen, the search, and the checking page to browsers.\n"
          "  --root DIR      where the station lives (else $PACKSEAL_ROOT, else " PS_ROOT_DEFAULT ")\n"
          "  --listen A:P    instead of [viewer] listen of packseal.conf; port 0 takes a free one\n"
          "  --verify-only   the checking page alone: no station, no accounts\n"
          "  --trust FILE    what keys are compared with then\n"
          "  --routes        which requests are answered, and to whom; docs/API.md says the same\n"
          "  --help, --version\n"
          "Started by packseal run or systemd; see packseal-viewer(8).\n",
          to);
}

int ps_options_parse(struct ps_options *o, int argc, char **argv) {
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'},  {"listen", required_argument, NULL, 'l'},
        {"verify-only", no_argument, NULL, 'o'}, {"trust", required_argument, NULL, 't'},
        {"routes", no_argument, NULL, 'p'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},     {NULL, 0, NULL, 0},
    };
    int c;
    *o = (struct ps_options){0};
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'r': o->root = optarg; break;
        case 'l': o->listen = optarg; break;
        case 'o': o->verify_only = true; break;
        case 't': o->trust = optarg; break;
        case 'p': ps_routes_print(stdout); return fflush(stdout) == 0 ? 0 : 1;
        case 'h': usage(stdout); return 0;
        case 'v': puts("packseal-viewer " PS_VERSION); return 0;
        default: usage(stderr); return 2;
        }
    if (optind == argc)
        return PS_OPTIONS_GO;
    usage(stderr);
    return 2;
}

static int fail(const struct ps_why *why, const char *todo) {
    ps_log_line(PS_LOG_ERROR, why->text, why->where, todo);
    return 2;
}

/* The text of a PEM file, of ROOT where its path is relative. */
static char *pem(const struct ps_viewer *v, const char *name, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    uint8_t *p = NULL;
    size_t n = 0;
    if (name[0] != '/' && ps_root_path(v->root, name, path) < 0) {
        ps_error_why(why, PS_ELIMIT, name, "the path is too long");
        return NULL;
    }
    if (ps_store_read_file(AT_FDCWD, name[0] == '/' ? name : path, PEM_MOST, &p, &n, why) < 0)
        return NULL;
    if (strlen((const char *)p) == n && strstr((const char *)p, "-----BEGIN ") != NULL)
        return (char *)p;
    ps_error_why(why, PS_EFORMAT, name, "is no PEM file");
    free(p);
    return NULL;
}

static int tls(struct ps_options *o, struct ps_viewer *v) {
    const struct ps_config_viewer *c = &v->config.viewer;
    struct ps_why why = {0};
    if (c->tls_cert[0] == '\0' && c->tls_key[0] == '\0') {
        if (!ps_host_is_loopback(o->host) && !c->behind_proxy && !o->verify_only)
            ps_log_line(PS_LOG_INFO, "passwords and film travel in the clear", o->host,
                        "give [viewer] tls_cert and tls_key in packseal.conf");
        return PS_OPTIONS_GO;
    }
    if (c->tls_cert[0] == '\0' || c->tls_key[0] == '\0') {
        ps_error_why(&why, PS_EFORMAT, "[viewer]", "tls_cert and tls_key go together");
        return fail(&why, "give both in packseal.conf");
    }
    o->cert = pem(v, c->tls_cert, &why);
    o->key = o->cert != NULL ? pem(v, c->tls_key, &why) : NULL;
    if (o->key == NULL)
        return fail(&why, "look at [viewer] of packseal.conf; the viewer's user must be able to read it");
    v->tls = true;
    return PS_OPTIONS_GO;
}

int ps_options_apply(struct ps_options *o, struct ps_viewer *v) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    v->verify_only = o->verify_only;
    snprintf(v->trust, sizeof(v->trust), "%s", o->trust != NULL ? o->trust : "");
    ps_config_default(&v->config);
    if (!o->verify_only) {
        if (ps_root_resolve(o->root, v->root, &why) < 0)
            return fail(&why, "give --root DIR");
        if (ps_root_config(v->root, path) < 0 || ps_config_load(&v->config, path, &why) < 0)
            return fail(&why, "mend the configuration, or run packseal init");
    }
    const char *listen = o->listen != NULL ? o->listen : v->config.viewer.listen;
    o->off = strcmp(listen, "off") == 0;
    if (!o->off && !ps_config_viewer_listen(listen, o->host, &o->port)) {
        ps_error_why(&why, PS_EINVAL, listen, "is no address and port");
        return fail(&why, "give --listen 127.0.0.1:8480");
    }
    return o->off ? PS_OPTIONS_GO : tls(o, v);
}

void ps_options_free(struct ps_options *o) {
    free(o->cert);
    if (o->key != NULL)
        sodium_memzero(o->key, strlen(o->key));
    free(o->key);
}
