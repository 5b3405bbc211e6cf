/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-recorder: cameras and scanner in, signed clips out.
 */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "archive/config.h"
#include "archive/root.h"
#include "recorder/inventory.h"
#include "recorder/manager.h"
#include "recorder/station.h"

static volatile int stop;

static void on_signal(int sig) {
    if (sig != SIGHUP)
        stop = PS_STATION_STOP;
    else if (stop == PS_STATION_GO_ON)
        stop = PS_STATION_STOP_IDLE;
}

static void usage(FILE *to) {
    fputs("usage: packseal-recorder [--root DIR] [--scan-stdin]\n"
          "       packseal-recorder --list-devices [SOURCE...]\n"
          "Records the cameras of packseal.conf; a scanned code starts and ends a clip.\n"
          "  --root DIR     where everything lies (else $PACKSEAL_ROOT, else " PS_ROOT_DEFAULT ")\n"
          "  --scan-stdin   lines of standard input are scans too\n"
          "  --list-devices what is plugged in, one JSON object a line, and which of it each SOURCE means\n"
          "  --help, --version\n"
          "Started by packseal run or systemd; see packseal-recorder(8).\n",
          to);
}

static int fail(const struct ps_why *why, const char *todo) {
    fprintf(stderr, "%spackseal-recorder: %s: %s: %s\n", ps_manager_prefix(PS_MANAGER_ERR), why->text,
            why->where, todo);
    return 2;
}

/* The signals stay blocked but while the loop waits, so none is missed. Threads inherit the mask. */
static void take_signals(void) {
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGHUP, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'},   {"scan-stdin", no_argument, NULL, 's'},
        {"list-devices", no_argument, NULL, 'l'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    static struct ps_station station;
    const char *root = NULL;
    bool list = false;
    char path[PS_ROOT_PATH];
    struct ps_why why;
    int c;

    setlocale(LC_CTYPE, "C.UTF-8");
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'r': root = optarg; break;
        case 's': station.scan_stdin = true; break;
        case 'l': list = true; break;
        case 'h': usage(stdout); return 0;
        case 'v': puts("packseal-recorder " PS_VERSION); return 0;
        default: usage(stderr); return 2;
        }
    if (list)
        return ps_inventory_print(argv + optind, argc - optind);
    if (optind < argc) {
        usage(stderr);
        return 2;
    }
    umask(0027);
    tzset();
    if (sodium_init() < 0) {
        ps_error_why(&why, PS_EIO, "libsodium", "cannot start");
        return fail(&why, "reinstall libsodium23");
    }
    if (ps_root_resolve(root, station.root, &why) < 0)
        return fail(&why, "give --root DIR");
    if (ps_root_config(station.root, path) < 0 || ps_config_load(&station.config, path, &why) < 0)
        return fail(&why, "mend the configuration, or run packseal init");
    take_signals();
    return ps_station_run(&station, &stop);
}
