/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-viewer: pages and an interface for browsers; reads the archive, asks the recorder, signs nothing.
 */
#include "viewer/events.h"
#include "viewer/hooks.h"
#include "viewer/jobs.h"
#include "viewer/log.h"
#include "viewer/options.h"
#include "viewer/pages.h"
#include "viewer/server.h"
#include "viewer/sessions.h"
#include "viewer/signin.h"
#include "viewer/times.h"
#include <locale.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FLUSH_S 60
#define DAY_NS (86400 * 1000000000LL)

static volatile sig_atomic_t stop;

static void on_signal(int sig) {
    (void)sig;
    stop = 1;
}

/* The signals stay blocked but while the loop waits, so none is missed. Threads inherit the mask. */
static void take_signals(sigset_t *waiting) {
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, waiting);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int open_station(struct ps_viewer *v, struct ps_why *why) {
    int rc = ps_viewer_db_open(&v->db, v->root, why);
    if (rc == 0)
        rc = ps_sessions_open(&v->sessions, v->db, why);
    if (rc == 0)
        rc = ps_signin_open(&v->accounts, v, why);
    if (rc == 0)
        rc = ps_jobs_new(&v->jobs, v, why);
    if (rc == 0)
        rc = ps_hooks_new(&v->hooks, v->db, v->config.station_id, why);
    if (rc == 0)
        rc = ps_events_open(&v->events, v, why);
    return rc;
}

static void close_all(struct ps_viewer *v) {
    atomic_store(&v->stopping, true);
    ps_server_stop(v->server);
    ps_events_close(v->events);
    ps_hooks_free(v->hooks);
    ps_jobs_free(v->jobs);
    ps_signin_close(v->accounts);
    if (v->sessions != NULL)
        ps_sessions_flush(v->sessions, ps_times_now_ns());
    ps_sessions_close(v->sessions);
    ps_viewer_db_close(v->db);
    ps_pages_close(v->pages);
}

/* Once a minute: what is kept in memory goes to the disk, what is over goes away. */
static void tidy(struct ps_viewer *v) {
    uint64_t gone = 0;
    int64_t now = ps_times_now_ns();
    if (v->verify_only)
        return;
    ps_sessions_flush(v->sessions, now);
    if (v->config.viewer.audit_days > 0)
        (void)ps_viewer_db_audit_prune(v->db, now - v->config.viewer.audit_days * DAY_NS, &gone);
}

static void loop(struct ps_viewer *v, const sigset_t *waiting) {
    struct timespec second = {.tv_sec = 1};
    for (unsigned n = 1; !stop; n++) {
        pselect(0, NULL, NULL, NULL, &second, waiting);
        ps_server_tick(v->server);
        if (n % FLUSH_S == 0)
            tidy(v);
    }
}

static int fail(const struct ps_why *why, const char *todo) {
    ps_log_line(PS_LOG_ERROR, why->text, why->where, todo);
    return 1;
}

static void tell_address(const struct ps_options *o, const struct ps_viewer *v) {
    bool six = strchr(o->host, ':') != NULL;
    printf("http%s://%s%s%s:%u/\n", v->tls ? "s" : "", six ? "[" : "", o->host, six ? "]" : "", o->port);
    fflush(stdout);
}

int main(int argc, char **argv) {
    static struct ps_viewer v;
    struct ps_options o;
    struct ps_why why = {0};
    sigset_t waiting;
    setlocale(LC_CTYPE, "C.UTF-8");
    umask(0027);
    tzset();
    int status = ps_options_parse(&o, argc, argv);
    if (status != PS_OPTIONS_GO)
        return status;
    if (sodium_init() < 0) {
        ps_error_why(&why, PS_EIO, "libsodium", "cannot start");
        return fail(&why, "reinstall libsodium23");
    }
    status = ps_options_apply(&o, &v);
    if (status != PS_OPTIONS_GO)
        goto out;
    status = 0;
    take_signals(&waiting);
    if (o.off) {
        ps_log_line(PS_LOG_INFO, "nothing to serve", "[viewer] listen = off",
                    "set an address to have the pages");
        ps_log_ready(); /* as it was asked for: no reason to be started again and again */
        while (!stop)
            sigsuspend(&waiting);
        goto out;
    }
    if (ps_pages_open(&v.pages, &why) < 0) {
        status = fail(&why, "install packseal again");
        goto out;
    }
    if ((!v.verify_only && open_station(&v, &why) < 0) ||
        ps_server_start(&v.server, &v, o.host, &o.port, o.cert, o.key, &why) < 0) {
        status = fail(&why, "see packseal-viewer(8)");
        goto out;
    }
    tell_address(&o, &v);
    ps_log_ready();
    loop(&v, &waiting);
out:
    close_all(&v);
    ps_options_free(&o);
    return status;
}
