/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_STATION_H
#define PS_RECORDER_STATION_H
/*
 * The recorder's loop: scanners and control socket in, session in the middle, lanes and sealer out. One thread; the
 * lanes and the sealer are others, and talk by letters.
 */
#include "archive/config.h"
#include "archive/root.h"
#include "recorder/desk.h"
#include "recorder/lane.h"
#include "recorder/manager.h"
#include "recorder/notary.h"
#include "recorder/plug.h"
#include "recorder/recording.h"
#include "recorder/scanner.h"
#include "recorder/sealer.h"
#include "recorder/session.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PS_STATION_ACTIONS 64  /* waiting for a clip to end or the signer to be free */
#define PS_STATION_UNOPENED 64 /* ended while the signer was away */

struct ps_announce;
struct ps_control;
struct ps_preview;
struct ps_sight;
struct ps_weigh;

struct ps_station_action {
    struct ps_session_action a;
    int64_t mono_ns;
    uint64_t client;   /* of the control socket that waits for it; 0: nobody */
    uint32_t warnings; /* bits of enum ps_session_warning that came with it */
};

struct ps_station_scanner {
    struct ps_config_scanner config;
    struct ps_scanner *dev; /* NULL: away */
    int64_t next_try_ns, back_off_ns;
    struct ps_plug_told told;
};

struct ps_station {
    struct ps_config config;
    char root[PS_ROOT_PATH];
    bool scan_stdin;
    uint8_t boot_id[16];
    int64_t began_mono_ns;
    /* devices */
    unsigned n_lanes, n_scanners;
    struct ps_lane *lane[PS_CONFIG_CAMERAS];
    struct ps_station_scanner scanner[PS_CONFIG_SCANNERS + 1];
    struct ps_plug_told told[PS_CONFIG_CAMERAS];
    struct ps_devices_watch *watch; /* NULL: no udev */
    struct ps_mailbox *letters, *results;
    /* the session and what it asked for */
    struct ps_session session;
    struct ps_station_action todo[PS_STATION_ACTIONS];
    unsigned n_todo;
    struct ps_station_action doing;
    struct ps_desk desk;
    /* the clip that is recording or ending */
    struct ps_recording *rec;
    uint64_t serial; /* of rec, then of the next */
    bool ending;
    uint8_t end_reason;
    int64_t end_mono_ns;
    uint64_t end_client;
    unsigned lanes_busy;
    atomic_uint next_track;
    /* ended, and not in the signer's ledger yet */
    struct ps_recording *unopened[PS_STATION_UNOPENED];
    uint64_t unopened_serial[PS_STATION_UNOPENED];
    unsigned n_unopened;
    /* clips at the sealer whose end somebody waits for */
    struct {
        uint64_t serial, client;
    } waiting[PS_STATION_ACTIONS];
    unsigned n_waiting;
    struct ps_sealer *sealer;
    struct ps_notary *notary;
    int64_t next_open_ns;
    uint8_t confined;  /* of the signer's last STATUS */
    char freshness[9]; /* code of the newest time-stamp token, "" when there is none, and its digest */
    uint8_t token[32];
    int64_t next_token_ns, next_disk_ns;
    bool disk_full; /* as was last said */
    struct ps_control *control;
    struct ps_announce *announce;
    struct ps_preview *preview;
    struct ps_sight *sight; /* NULL: nobody looks at the pictures */
    struct ps_weigh *weigh; /* NULL: no scale */
    struct ps_manager manager;
    struct ps_manager_pulse pulse[PS_CONFIG_CAMERAS];
    char last_clip[40], fault[256];
    bool quitting;
};

/* One line on stderr: what happened, and what somebody has to look after; the journal tells them apart. */
void ps_station_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void ps_station_alarm(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

enum ps_station_stop {
    PS_STATION_GO_ON,
    PS_STATION_STOP_IDLE, /* between two clips: an upgrade cuts none */
    PS_STATION_STOP
};

/* Opens everything, prints "ready" on stdout when it can record, runs until *stop (enum ps_station_stop) says otherwise,
 * ends and seals what is open. Returns the exit status. */
int ps_station_run(struct ps_station *st, const volatile int *stop);

/* ---- conduct.c: what happens to clips ---- */

/* A code from a scanner, the control socket or the camera. */
void ps_conduct_code(struct ps_station *st, const char *raw, enum ps_entry entry, const char *device,
                     int64_t mono_ns, uint64_t client);
void ps_conduct_event(struct ps_station *st, enum ps_session_event_type type, int64_t mono_ns,
                      uint64_t client);
/* Letters from the lanes and the sealer, and what became possible by them or by time. */
void ps_conduct_letter(struct ps_station *st, struct ps_letter *l);
void ps_conduct_sealed(struct ps_station *st, struct ps_sealed *s);
void ps_conduct_tick(struct ps_station *st);

/* ---- control.c: the control socket (docs/PROTOCOL.md) ---- */

struct pollfd;
int ps_control_new(struct ps_control **out, const char *path, struct ps_why *why);
void ps_control_free(struct ps_control *c);
/* Fills at most max entries to poll; returns how many. */
unsigned ps_control_poll(struct ps_control *c, struct pollfd *p, unsigned max);
void ps_control_serve(struct ps_station *st, struct ps_control *c, const struct pollfd *p, unsigned n);
/* Answers a client that waits; ok with the given members (stolen reference), or an error. No-op when it went away. */
struct json_t;
void ps_control_ok(struct ps_control *c, uint64_t client, struct json_t *members);
void ps_control_error(struct ps_control *c, uint64_t client, const char *what, const char *where,
                      const char *todo);
/* From its next answer on this client gets what is told, and is asked nothing more. */
void ps_control_listen(struct ps_control *c, uint64_t client);
unsigned ps_control_listeners(const struct ps_control *c); /* 0 for NULL */
/* One line, its terminator becomes the line feed. Who does not read is dropped. */
void ps_control_tell(struct ps_control *c, char *text);

/* ---- status.c ---- */
struct json_t *ps_status_json(struct ps_station *st);
/* Of it the members of the event "state", and the alarms. */
struct json_t *ps_status_state(struct ps_station *st);
struct json_t *ps_status_alarms(struct ps_station *st);
const char *ps_status_feed(enum ps_feed_state s);
struct json_t *ps_status_cameras(struct ps_station *st);
bool ps_status_disk_low(struct ps_station *st, unsigned divisor, uint64_t *free_mb);

#endif
