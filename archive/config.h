/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_ARCHIVE_CONFIG_H
#define PS_ARCHIVE_CONFIG_H
/*
 * packseal.conf (packseal.conf(5)): INI by inih. An unknown section or key, or a value out of range, is an error that
 * names file and line. Here because both the recorder and the command line read it.
 */
#include "archive/config_viewer.h"
#include "evidence/error.h"
#include "evidence/limits.h"
#include "evidence/note.h"
#include <stdbool.h>
#include <stdint.h>

#define PS_CONFIG_CAMERAS 8
#define PS_CONFIG_SCANNERS 8
#define PS_CONFIG_SCALES 2
#define PS_CONFIG_AUTHORITIES 8
#define PS_CONFIG_WITNESSES 8

#define PS_CONFIG_STEPS 8
#define PS_CONFIG_LABEL_CODE128 1
#define PS_CONFIG_LABEL_CODE39 2
#define PS_CONFIG_LABEL_CODE93 4
#define PS_CONFIG_LABEL_QR 8
struct ps_config_step {
    uint16_t width, height, fps;
};
struct ps_config_camera { /* [camera NAME]; NAME is [a-z0-9-]{1,32}: it names files */
    char name[PS_MAX_NAME + 1];
    char source[512];
    uint16_t width, height, fps; /* 0: default */
    /* fallback = 1280x720@15 640x480@30: while the USB line has no room for more; none: what the camera offers */
    unsigned n_fallback;
    struct ps_config_step fallback[PS_CONFIG_STEPS];
};
enum ps_config_end { PS_CONFIG_END_ANY, PS_CONFIG_END_ENTER, PS_CONFIG_END_TAB, PS_CONFIG_END_NONE };
struct ps_config_scanner { /* [scanner NAME] source = stdin: | serial:… | evdev:… | hidraw:… | camera:NAME */
    char name[PS_MAX_NAME + 1];
    char source[512];
    bool share;      /* no: grabbed. yes: other programs get its keys as well, and what is typed is no scan */
    uint8_t end;     /* enum ps_config_end: what ends a code, besides a pause where it is none */
    uint16_t gap_ms; /* pause that ends or breaks off a code, 10-2000; 0: as the kind of scanner has it */
    uint16_t min_length; /* shorter ones are no codes, 1-128; 0: shared 6, else 1 */
    char prefix[33];     /* what the scanner puts before and after each code: taken away; "" nothing */
    char suffix[33];
};
/* How a scale writes its weight (recorder/scale_frame.h names the sources). */
enum ps_config_weight {
    PS_CONFIG_WEIGHT_MISSING,
    PS_CONFIG_WEIGHT_ST,         /* st: "ST,GS,+ 0.123 kg" */
    PS_CONFIG_WEIGHT_SICS,       /* sics: "S S 0.123 kg" */
    PS_CONFIG_WEIGHT_TOLEDO,     /* toledo: continuous output as of the Toledo 8142 */
    PS_CONFIG_WEIGHT_TOLEDO_SUM, /* toledo-sum: the same with its checksum */
    PS_CONFIG_WEIGHT_YAOHUA,     /* yaohua: continuous output of XK3190 indicators */
    PS_CONFIG_WEIGHT_PLAIN       /* plain: "0.123 kg" */
};
enum ps_config_unit {
    PS_CONFIG_UNIT_ANY, /* as the scale says */
    PS_CONFIG_UNIT_G,
    PS_CONFIG_UNIT_KG,
    PS_CONFIG_UNIT_LB,
    PS_CONFIG_UNIT_OZ,
    PS_CONFIG_UNIT_T
};
struct ps_config_scale { /* [scale NAME] source = serial:… */
    char name[PS_MAX_NAME + 1];
    char source[512];
    uint8_t protocol;  /* enum ps_config_weight; needed */
    uint8_t unit;      /* enum ps_config_unit; needed where the protocol tells none */
    uint8_t data_bits; /* line = 8n1, 7e1, 7o1, 8e1, 8o1, 7n2 … */
    char parity;       /* n, e, o */
    uint8_t stop_bits; /* 1, 2 */
    char ask[33];      /* what makes it tell its weight, sent with CR LF; "": it tells by itself */
    uint16_t ask_ms;   /* so often, 50-60000; 0: once, when it is opened; default 500 */
#define PS_CONFIG_SETTLE_UNSET UINT16_MAX /* while a file is read: it depends on the protocol */
    uint16_t settle_ms;    /* so long it stands still to be stable; 1000, 0 where the scale says it */
    uint16_t change_grams; /* 5: weights so near to the last stated one are the same */
};
struct ps_config_authority { /* [time] authority.NAME, ca.NAME, crl.NAME; without .NAME it is "main" */
    char name[33];           /* [a-z0-9-]{1,32}: it names folders */
    char url[512];           /* http or https */
    char ca[512];            /* PEM file, "" none; a relative path starts at ROOT */
    char crl[512];           /* URL or file of a revocation list, "" what the certificates name */
};
struct ps_config_witness { /* [time] witness.NAME, witness-key.NAME; without .NAME it is "main" */
    char name[33];         /* [a-z0-9-]{1,32}: it names files */
    char url[512];         /* http or https; its add-checkpoint lies below */
    struct ps_vkey key;    /* of type PS_NOTE_COSIGNATURE */
};
struct ps_config {
    char station_id[PS_MAX_STATION_ID + 1]; /* [station] id */
    char station_name[PS_MAX_NAME + 1];     /* name, UTF-8 */
    char site[5];                           /* site: 4 characters for command barcodes */
    char operator_id[PS_MAX_NAME + 1];      /* operator: who is signed in at start, "" nobody */
    unsigned n_cameras, n_scanners, n_scales;
    struct ps_config_camera cameras[PS_CONFIG_CAMERAS];
    struct ps_config_scanner scanners[PS_CONFIG_SCANNERS];
    struct ps_config_scale scales[PS_CONFIG_SCALES];
    /* [recording] */
    uint16_t segment_seconds; /* 2, 1-10 */
    uint16_t qp;              /* 29, 18-40 */
    uint16_t max_mbit;        /* 12: the bitrate guard raises qp above it, a camera; 0 off */
    uint32_t idle_seconds;    /* 0 = never; default 300 */
    uint32_t max_seconds;     /* 1800, at most 3600 */
    uint32_t min_seconds;     /* 3: a clip that a scan ends sooner is told as short; 0 never */
    uint32_t originals_every; /* seconds, default 60; 0: start and end only */
    uint16_t preroll_seconds; /* 0: none; film of the idle station put before the next clip, 0-30 */
    uint32_t min_free_mb;     /* 1024: refuse to start a clip below it, end one at a quarter of it */
    char font[512];           /* "" : look for one */
    /* [time] */
    unsigned n_authorities;
    struct ps_config_authority authorities[PS_CONFIG_AUTHORITIES];
    unsigned n_witnesses;
    struct ps_config_witness witnesses[PS_CONFIG_WITNESSES];
    uint32_t
        refresh_minutes; /* 60: a token that old is made anew over the same checkpoint; 0 never, at most 10080 */
    uint16_t stamp_timeout; /* 20 seconds for each question, 1-300 */
    uint16_t stamp_retries; /* 2 more attempts, 0-10 */
    /* [label] */
    uint8_t label_read;     /* sum of PS_CONFIG_LABEL_…; code128 and qr. 0, "none": labels are not read */
    uint16_t label_density; /* 3: every third line of a picture is looked at, 1-8 */
    uint16_t
        label_seconds; /* 10: so long into a clip without its label a person is told, 0 never, at most 600 */
    uint16_t label_away; /* 10: a camera's code counts again after so many seconds out of sight, 1-600 */
    bool picture_alarms; /* yes: dark, covered, blurred, frozen, moved */
    /* [retention] */
    uint32_t days;            /* 180: clips go so long after their end; 0 never, at most 36500 */
    uint32_t min_days;        /* 30: younger ones do not even go for room, 0-36500 */
    uint32_t reserve_mb;      /* 2048: room to keep free; the larger of it and the next counts */
    uint16_t reserve_percent; /* 5 of the disk, 0-50 */
    bool trust_clock;         /* no: nothing goes for its age while nobody outside confirms the clock */
    char archive_list[512];   /* "": no copy is asked for; else only what this file lists may go */
    char orders_file
        [512]; /* [orders] file: the list of expected orders; "" none; a relative path starts at ROOT */
    struct ps_config_viewer viewer;
};

int ps_config_load(struct ps_config *c, const char *path, struct ps_why *why);
int ps_config_parse(struct ps_config *c, const char *text, size_t n, const char *name, struct ps_why *why);
void ps_config_default(struct ps_config *c);

#endif
