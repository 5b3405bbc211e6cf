/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/station.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/store.h"
#include "evidence/bytes.h"
#include "recorder/announce.h"
#include "recorder/clock.h"
#include "recorder/preview.h"
#include "recorder/sight.h"
#include "recorder/weigh.h"

#define TICK_MS 100
#define READY_PATIENCE_NS \
    5000000000LL /* cameras that are slow to open do not keep the station from starting */
#define SEAL_AT_END_MS 30000
#define SEAL_WITHOUT_SIGNER_MS 2000 /* what is left is sealed at the next start */
#define POLLS 64

static void __attribute__((format(printf, 2, 0))) print_line(int level, const char *fmt, va_list ap) {
    char line[1024];

    vsnprintf(line, sizeof line, fmt, ap);
    fprintf(stderr, "%spackseal-recorder: %s\n", ps_manager_prefix(level), line);
}

void ps_station_say(const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    print_line(PS_MANAGER_INFO, fmt, ap);
    va_end(ap);
}

void ps_station_alarm(const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    print_line(PS_MANAGER_ERR, fmt, ap);
    va_end(ap);
}

/* ---- opening and closing ---- */

static int read_boot_id(uint8_t out[16]) {
    char text[64] = "", hex[33];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC), k = 0;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;

    if (fd >= 0)
        close(fd);
    for (ssize_t i = 0; i < n && k < 32; i++)
        if (text[i] != '-' && text[i] != '\n')
            hex[k++] = text[i];
    return k == 32 ? ps_bytes_unhex(out, 16, hex, 32) : PS_EIO;
}

static int open_lane(struct ps_station *st, unsigned i) {
    const struct ps_config_camera *c = &st->config.cameras[i];
    struct ps_lane_spec s = {
        .number = i,
        .of = st->config.n_cameras,
        .segment_seconds = st->config.segment_seconds,
        .qp = st->config.qp,
        .max_mbit = st->config.max_mbit,
        .originals_every = st->config.originals_every,
        .preroll_seconds = st->config.preroll_seconds,
        .camera = {.width = c->width, .height = c->height, .fps = c->fps},
    };

    snprintf(s.camera.name, sizeof s.camera.name, "%s", c->name);
    snprintf(s.camera.source, sizeof s.camera.source, "%s", c->source);
    s.camera.n_fallback = c->n_fallback;
    for (unsigned k = 0; k < c->n_fallback; k++)
        s.camera.fallback[k] = (struct ps_camera_step){
            .width = c->fallback[k].width, .height = c->fallback[k].height, .fps = c->fallback[k].fps};
    snprintf(s.font, sizeof s.font, "%s", st->config.font);
    int err = ps_lane_start(&st->lane[i], &s, st->letters);
    if (!err)
        st->n_lanes++;
    return err;
}

static void list_scanners(struct ps_station *st) {
    for (unsigned i = 0; i < st->config.n_scanners; i++)
        if (!ps_sight_is_source(st->config.scanners[i].source))
            st->scanner[st->n_scanners++].config = st->config.scanners[i];
    if (st->scan_stdin) {
        struct ps_station_scanner *s = &st->scanner[st->n_scanners++];
        snprintf(s->config.name, sizeof s->config.name, "stdin");
        snprintf(s->config.source, sizeof s->config.source, "stdin:");
    }
}

static void ask_lane(void *ctx, unsigned camera, int fd) {
    const struct ps_station *st = ctx;

    ps_lane_ask(st->lane[camera], fd);
}

static bool fetch_from_lane(void *ctx, unsigned camera, struct ps_frame *f) {
    const struct ps_station *st = ctx;

    return ps_lane_fetch(st->lane[camera], f);
}

static int open_preview(struct ps_station *st, struct ps_why *why) {
    struct ps_preview_spec s = {
        .n_cameras = st->n_lanes, .ask = ask_lane, .fetch = fetch_from_lane, .ctx = st};
    char path[PS_ROOT_PATH];

    _Static_assert(PS_CONFIG_CAMERAS <= PS_PREVIEW_CAMERAS, "each camera may be looked at");
    for (unsigned i = 0; i < st->n_lanes; i++)
        s.camera[i] = st->config.cameras[i].name;
    int err = ps_root_path(st->root, PS_ROOT_PREVIEW_SOCKET, path);
    if (err < 0)
        return ps_error_why(why, err, st->root, "%s", ps_error_text(err));
    s.path = path;
    return ps_preview_new(&st->preview, &s, why);
}

static int open_all(struct ps_station *st, struct ps_why *why) {
    struct ps_session_rules rules = {
        .same_code_ns = 5000000000LL,
        .idle_ns = (int64_t)st->config.idle_seconds * 1000000000,
        .maximum_ns = (int64_t)st->config.max_seconds * 1000000000,
        .minimum_ns = (int64_t)st->config.min_seconds * 1000000000,
    };
    char signer[PS_ROOT_PATH], control[PS_ROOT_PATH];
    int err;

    ps_session_init(&st->session, &rules, st->config.operator_id);
    st->began_mono_ns = ps_clock_mono_ns();
    err = read_boot_id(st->boot_id);
    if (err < 0)
        return ps_error_why(why, err, "/proc/sys/kernel/random/boot_id", "cannot be read");
    err = ps_store_init(st->root, why);
    if (err < 0)
        return err;
    err = ps_desk_open(&st->desk, st->root, st->config.orders_file, st->config.site);
    if (err < 0)
        return ps_error_why(why, err, st->root, "%s", ps_error_text(err));
    err = ps_root_path(st->root, PS_ROOT_SIGNER_SOCKET, signer);
    if (!err)
        err = ps_root_path(st->root, PS_ROOT_CONTROL_SOCKET, control);
    if (!err)
        err = ps_announce_new(&st->announce);
    if (!err)
        err = ps_mailbox_new(&st->letters, 256);
    if (!err)
        err = ps_mailbox_new(&st->results, 1024);
    if (!err)
        err = ps_notary_new(&st->notary, signer);
    if (err < 0)
        return ps_error_why(why, err, st->root, "%s", ps_error_text(err));
    err = ps_sealer_start(&st->sealer, st->root, signer, st->boot_id, st->results, why);
    if (err < 0)
        return err;
    for (unsigned i = 0; i < st->config.n_cameras; i++) {
        err = open_lane(st, i);
        if (err < 0)
            return ps_error_why(why, err, st->config.cameras[i].name, "%s", ps_error_text(err));
    }
    list_scanners(st);
    err = ps_weigh_start(st);
    if (err < 0)
        return ps_error_why(why, err, "scale", "%s", ps_error_text(err));
    ps_plug_start(st);
    ps_sight_start(st);
    err = open_preview(st, why);
    if (err < 0)
        return err;
    return ps_control_new(&st->control, control, why);
}

static void close_all(struct ps_station *st) {
    ps_sight_stop(st);
    ps_preview_free(st->preview);
    ps_weigh_stop(st);
    for (unsigned i = 0; i < st->n_lanes; i++)
        ps_lane_stop(st->lane[i]);
    ps_sealer_stop(st->sealer, ps_notary_reachable(st->notary) ? SEAL_AT_END_MS : SEAL_WITHOUT_SIGNER_MS);
    for (unsigned i = 0; i < st->n_scanners; i++)
        ps_scanner_close(st->scanner[i].dev);
    ps_plug_stop(st);
    if (st->letters)
        for (struct ps_letter *l; (l = ps_mailbox_take(st->letters));) {
            ps_mp4w_close(l->film);
            free(l);
        }
    if (st->results)
        for (struct ps_sealed *s; (s = ps_mailbox_take(st->results));) {
            if (s->what == PS_SEALED_DONE)
                ps_station_say("sealed %s", s->name);
            json_decref(s->facts);
            ps_recording_free(s->recording);
            free(s);
        }
    for (unsigned i = 0; i < st->n_unopened; i++)
        ps_recording_free(st->unopened[i]);
    ps_recording_free(st->rec);
    ps_control_free(st->control);
    ps_announce_free(st->announce);
    ps_desk_close(&st->desk);
    ps_notary_free(st->notary);
    ps_mailbox_free(st->letters);
    ps_mailbox_free(st->results);
}

/* ---- the loop ---- */

static bool cameras_settled(struct ps_station *st) {
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        if (f.state == PS_FEED_OPENING)
            return false;
    }
    return true;
}

static void say_ready(struct ps_station *st, bool *said) {
    if (*said || (!cameras_settled(st) && ps_clock_mono_ns() - st->began_mono_ns < READY_PATIENCE_NS))
        return;
    *said = true;
    struct ps_wire_status *s = malloc(sizeof *s);
    if (s && ps_notary_status(st->notary, s, NULL) == 0)
        st->confined = s->confined;
    free(s);
    if (!ps_notary_reachable(st->notary))
        ps_station_alarm("the signer does not answer: clips will be sealed late");
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        ps_lane_feed(st->lane[i], &f);
        if (f.state != PS_FEED_LIVE)
            ps_station_alarm("camera %s gives no picture: %s: clips will show NO CAMERA until it does",
                             st->config.cameras[i].name, f.why.text);
    }
    printf("ready\n");
    fflush(stdout);
    ps_manager_send(&st->manager, "READY=1");
}

/* The service manager's line about us, and its watchdog. */
static void tell_manager(struct ps_station *st, bool ready) {
    int64_t now = ps_clock_mono_ns(), waiting = 0;
    unsigned live = 0;
    char clip[40] = "", text[128];

    if (st->manager.fd < 0)
        return;
    for (unsigned i = 0; i < st->n_lanes; i++) {
        struct ps_feed_status f;
        struct ps_counts c;
        ps_lane_feed(st->lane[i], &f);
        ps_lane_counts(st->lane[i], &c);
        live += f.state == PS_FEED_LIVE;
        int64_t w = ps_manager_pulse(&st->pulse[i], st->rec && !st->ending, f.frames, c.encoded, now);
        waiting = w > waiting ? w : waiting;
    }
    ps_manager_feed(&st->manager, waiting, now);
    if (!ready || st->manager.stalled)
        return;
    if (st->rec && st->rec->opened)
        ps_statement_clip_name(st->rec->clip->opening.station, st->rec->clip->number, clip);
    snprintf(text, sizeof text, "%s%s%s, %u of %u cameras%s", st->rec ? "recording" : "waiting for a scan",
             clip[0] ? " " : "", clip, live, st->n_lanes,
             ps_notary_reachable(st->notary) ? "" : ", the signer is away");
    ps_manager_status(&st->manager, text);
}

static void turn(struct ps_station *st, const sigset_t *waiting) {
    struct pollfd p[POLLS];
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    unsigned n = 0, scanners, i;

    p[n++] = (struct pollfd){.fd = ps_mailbox_fd(st->letters), .events = POLLIN};
    p[n++] = (struct pollfd){.fd = ps_mailbox_fd(st->results), .events = POLLIN};
    for (i = 0; i < st->n_scanners; i++) /* a negative fd is skipped by ppoll */
        p[n++] = (struct pollfd){.fd = st->scanner[i].dev ? ps_scanner_fd(st->scanner[i].dev) : -1,
                                 .events = POLLIN};
    scanners = n;
    p[n++] = (struct pollfd){.fd = ps_plug_fd(st), .events = POLLIN};
    p[n++] = (struct pollfd){.fd = ps_sight_fd(st), .events = POLLIN}; /* only wakes */
    p[n++] = (struct pollfd){.fd = ps_preview_fd(st->preview), .events = POLLIN};
    n += ps_control_poll(st->control, p + n, POLLS - n);
    if (ppoll(p, n, &tick, waiting) < 0)
        for (i = 0; i < n; i++)
            p[i].revents = 0; /* a signal: the caller looks at its flag */
    for (struct ps_letter *l; (l = ps_mailbox_take(st->letters));)
        ps_conduct_letter(st, l);
    for (struct ps_sealed *s; (s = ps_mailbox_take(st->results));)
        ps_conduct_sealed(st, s);
    for (i = 2; i < scanners; i++)
        if (p[i].revents && st->scanner[i - 2].dev)
            ps_plug_scan(st, &st->scanner[i - 2]);
    if (p[scanners].revents)
        ps_plug_came(st);
    if (p[scanners + 2].revents)
        ps_preview_accept(st->preview);
    ps_control_serve(st, st->control, p + scanners + 3, n - scanners - 3);
    ps_plug_tick(st);
    ps_weigh_tick(st);
    ps_sight_serve(st);
    ps_conduct_tick(st);
    ps_announce_tick(st, ps_clock_mono_ns());
}

static bool busy(const struct ps_station *st) {
    return st->rec || st->n_todo;
}

/* Nothing is open or half-done: who ends now loses no frame. */
static bool idle(const struct ps_station *st) {
    return !busy(st) && !ps_sealer_busy(st->sealer) && st->n_unopened == 0;
}

int ps_station_run(struct ps_station *st, const volatile int *stop) {
    struct ps_why why;
    sigset_t waiting;
    bool ready = false;

    ps_manager_open(&st->manager);
    int err = open_all(st, &why);

    if (err < 0) {
        ps_station_alarm("%s: %s: run packseal doctor", why.text, why.where);
        goto out;
    }
    pthread_sigmask(SIG_SETMASK, NULL, &waiting);
    sigdelset(&waiting, SIGTERM);
    sigdelset(&waiting, SIGINT);
    sigdelset(&waiting, SIGHUP);
    while (*stop == PS_STATION_GO_ON || (*stop == PS_STATION_STOP_IDLE && !idle(st))) {
        turn(st, &waiting);
        say_ready(st, &ready);
        tell_manager(st, ready);
    }
    ps_manager_send(&st->manager, "STOPPING=1\nSTATUS=ending");
    ps_conduct_event(st, PS_SESSION_SHUTDOWN, ps_clock_mono_ns(), 0);
    while (busy(st)) {
        turn(st, &waiting);
        tell_manager(st, false);
    }
out:
    close_all(st);
    ps_manager_close(&st->manager);
    return err < 0 ? 1 : 0;
}
