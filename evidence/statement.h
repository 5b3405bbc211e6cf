/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_STATEMENT_H
#define PS_EVIDENCE_STATEMENT_H
/*
 * The clip statement, clip.json (docs/FORMAT.md section 5): the exact bytes are signed; nobody
 * canonicalises. This struct is its content; the writer makes the same bytes from the same struct.
 */
#include "evidence/error.h"
#include "evidence/leaf.h"
#include "evidence/minisign.h"
#include "evidence/opening.h"
#include "evidence/record.h"
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

enum ps_end_reason {
    PS_END_NEXT_CODE = 1, /* another parcel's code */
    PS_END_SAME_CODE,     /* the same code again */
    PS_END_STOP,          /* command, control socket, api */
    PS_END_CANCELLED,
    PS_END_IDLE,
    PS_END_MAXIMUM,
    PS_END_SHUTDOWN,
    PS_END_POWER_LOSS,  /* recovered after a boot */
    PS_END_CRASH,       /* recovered within the same boot: the recorder died */
    PS_END_CAMERA_LOST, /* all cameras gone */
    PS_END_DISK_FULL,
    PS_END_FAULT /* anything else; see events */
};
const char *ps_statement_end_reason(uint8_t reason); /* "next-code", "same-code", "stop", … NULL */
int ps_statement_end_reason_of(const char *word);

enum ps_label { PS_LABEL_NOT_SEEN = 0, PS_LABEL_MATCHED = 1, PS_LABEL_OTHER = 2, PS_LABEL_NOT_CHECKED = 3 };

struct ps_time { /* one moment, of one machine */
    int64_t wall_ns;
    int64_t boot_ns;
    uint8_t clock; /* enum ps_clock_state */
    uint32_t max_error_us;
};

struct ps_range { /* sequences, both ends included */
    uint32_t first, last;
};

struct ps_gap {
    uint64_t start, duration;     /* ticks on the track's time line */
    char reason[PS_MAX_NAME + 1]; /* "camera-lost", "driver-dropped", "queue-full", "damaged" … */
    uint64_t frames;              /* lost in it, 0 when unknown */
};

struct ps_file_ref {
    char name[PS_MAX_FILE_NAME + 1];
    uint64_t size;
    uint8_t sha256[32];
};

struct ps_counts {
    /* encoded = captured - dropped - damaged + repeated */
    uint64_t captured; /* delivered by the source, and those that its sequence numbers say it lost */
    uint64_t encoded;
    uint64_t dropped;  /* lost by the driver (sequence gap) or by our queue */
    uint64_t damaged;  /* rejected: error flag, short, does not decode */
    uint64_t repeated; /* last good picture again, or a slate */
};

struct ps_banner {
    char layout[PS_MAX_NAME + 1]; /* "top-v1" */
    uint16_t x, y, w, h;          /* luma pixels of the picture that were overwritten */
    char fields[256];             /* "codes time station operator clip frame freshness" */
};

struct ps_banner_change {       /* docs/FORMAT.md section 5.2 */
    uint32_t from;              /* seq of the first segment that has it */
    struct ps_banner b;         /* its layout is the track's */
    char text[PS_MAX_CODE + 1]; /* in the place of the codes: a code's value, or "" */
};

struct ps_track {
    char camera[PS_MAX_NAME + 1]; /* name in the configuration, of opening.tracks */
    char model[PS_MAX_NAME + 1], serial[PS_MAX_NAME + 1], path[PS_MAX_NAME + 1], driver[PS_MAX_NAME + 1];
    char source_format[PS_MAX_NAME + 1]; /* "MJPG 1280x720" as the camera delivered */
    struct ps_file_ref file;             /* top.mp4, top-2.mp4, side.mp4 */
    char codec[PS_MAX_NAME + 1];         /* RFC 6381: "avc1.64001F" */
    uint16_t width, height;
    struct ps_banner banner; /* what holds for every picture */
    uint32_t n_banners;      /* 0, or at least 2 */
    struct ps_banner_change *banners;
    struct ps_time first; /* of the first frame: capture time, mapped to wall and boot clock */
    struct ps_counts counts;
    uint32_t n_gaps, n_records, n_unwitnessed, n_lost;
    struct ps_gap *gaps;
    uint8_t (*records)[PS_RECORD_SIZE]; /* in order of seq, from 0 */
    struct ps_range *unwitnessed;       /* ranges of seq that the signer did not see as they closed */
    struct ps_range *lost; /* ranges that the signer journaled and the disk lost: always a tail */
    uint32_t n_preroll;    /* of the first records: recorded before the clip was opened (section 5.1) */
    uint8_t head[32];      /* final head of this track's chain */
};

struct ps_original { /* the camera's own JPEG bytes */
    struct ps_file_ref file;
    uint32_t track;
    uint64_t ticks;            /* on the track's time line */
    char why[PS_MAX_NAME + 1]; /* "start", "end", "periodic", "mark" */
};

struct ps_event {
    uint64_t ms;                /* from the clip's start */
    char what[PS_MAX_NAME + 1]; /* "scan", "ignored", "camera-lost", "camera-back", "signer-lost", … */
    char text[PS_MAX_CODE + 1]; /* a code or a camera; may be "" */
};

struct ps_clip {
    struct ps_opening opening; /* salt, station, kind, operator, codes fixed at open, cameras, freshness */
    uint16_t n_added_codes;    /* codes that came later */
    struct ps_code *added_codes;
    uint64_t number; /* index of the open leaf */
    uint32_t take;
    uint8_t open_leaf[PS_MAX_LEAF];
    uint16_t open_leaf_len;
    char station_name[PS_MAX_NAME + 1]; /* for people, UTF-8 */
    struct ps_time started, ended;
    uint8_t end_reason; /* enum ps_end_reason */
    uint8_t label;      /* enum ps_label */
    uint16_t n_tracks;  /* >= opening.n_tracks when a camera changed its format */
    struct ps_track *tracks;
    uint32_t n_originals, n_events;
    struct ps_original *originals;
    struct ps_event *events;
    char software[PS_MAX_NAME + 1];                 /* "PackSeal 0.1.0" */
    uint8_t recorder_sha256[32], signer_sha256[32]; /* of the running executables */
    struct ps_pubkey key;                           /* clip key that signs; stating it trusts nothing */
    uint8_t ledger_key[32];                         /* its hash is the leaf's log */
};

/* Writes the statement. b->err tells of bounds and memory; the text ends with one newline. */
void ps_statement_write(const struct ps_clip *c, struct ps_buf *b);

/* Strict reading: every rule of docs/FORMAT.md section 5, all bounds, contiguous sequences, starts equal to
 * the sum of durations, heads recomputed from the open leaf, opening digest equal to the leaf's, counts that
 * add up. *out is owned by the caller: ps_statement_free. */
int ps_statement_parse(struct ps_clip **out, const void *p, size_t n, struct ps_why *why);
void ps_statement_free(struct ps_clip *c);

/* The rules that hold between fields, as ps_statement_parse applies them last; for a struct that is about to
 * be written. 0, or an error with why->where a JSON path such as "tracks[0].segments[3]". */
int ps_statement_check(const struct ps_clip *c, struct ps_why *why);

/* The signed comment: printable ASCII, made from the statement alone, without the order:
 * "packseal v1 clip ST03-0000123 ended 2026-11-21T08:15:30.123Z sha256 <64 hex of clip.json>". */
int ps_statement_comment(const struct ps_clip *c, const uint8_t statement_sha256[32],
                         char out[PS_MAX_TRUSTED_COMMENT + 1]);
/* "ST03-0000123": folder and display name of a clip; out takes 40. */
void ps_statement_clip_name(const char *station, uint64_t number, char out[40]);
/* Head of a seal leaf: SHA-256("packseal/heads/v1\0" ‖ for each track: u32 index ‖ head). */
void ps_statement_heads(const struct ps_clip *c, uint8_t out[32]);
/* RFC 3339, UTC, with milliseconds: "2026-11-21T08:15:30.123Z"; out takes 32. Parse is strict. */
void ps_statement_time_text(int64_t wall_ns, char out[32]);
int ps_statement_time_of(const char *text, int64_t *wall_ns);

#endif
