/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_REPORT_FACTS_H
#define PS_REPORT_FACTS_H
/*
 * What a report says of one clip, as a plain table: report.html, report.pdf and the evidence card all draw from it, so that
 * nothing is written twice and none says more than another. Each fact names who says it.
 */
#include "evidence/verdict.h"
#include "report/enclosed.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ps_facts_lang { PS_FACTS_ZH = 1, PS_FACTS_EN = 2, PS_FACTS_BOTH = 3 };

/* Who says it (docs/FORMAT.md section 5, "who says what"). */
enum ps_facts_who {
    PS_FACTS_SIGNER,   /* the signing process saw it happen */
    PS_FACTS_RECORDER, /* the recording program stated it */
    PS_FACTS_MERCHANT, /* typed in by the merchant for this report */
    PS_FACTS_OUTSIDE,  /* a time-stamp authority or witness outside the merchant */
    PS_FACTS_REPORT    /* compared or computed by the program that made this report */
};
#define PS_FACTS_WHO 5

enum ps_facts_section {
    PS_FACTS_VERDICT,
    PS_FACTS_CLIP,
    PS_FACTS_CODES,
    PS_FACTS_TIME,
    PS_FACTS_FILMS,
    PS_FACTS_SIGNATURE,
    PS_FACTS_TAKES,
    PS_FACTS_FILES,
    PS_FACTS_ENCLOSED,
    PS_FACTS_COURT
};
#define PS_FACTS_SECTIONS 10

struct ps_facts_text { /* UTF-8 without control characters or marks that turn the direction of writing */
    char *zh, *en;
};

struct ps_fact {
    enum ps_facts_section section;
    enum ps_facts_who who;
    bool warn; /* something a reader must not miss */
    bool mono; /* a digest or key */
    bool head; /* begins a group: the label is its title */
    struct ps_facts_text label, value;
};

enum ps_facts_moment_kind {
    PS_FACTS_PRINTED,
    PS_FACTS_NOT_BEFORE,
    PS_FACTS_STARTED,
    PS_FACTS_ENDED,
    PS_FACTS_NOT_AFTER,
    PS_FACTS_PICKED_UP,
    PS_FACTS_DELIVERED,
    PS_FACTS_CLAIMED
};
#define PS_FACTS_MOMENTS 8

struct ps_facts_moment {
    enum ps_facts_moment_kind kind;
    enum ps_facts_who who;
    int64_t wall_ns;
    char day[16], time[24]; /* "2026-11-21", "16:15:30 +08:00"; time "" for a whole day */
    struct ps_facts_text name;
};

/* A date that the merchant enters. */
struct ps_facts_date {
    bool given, day_only;
    int64_t wall_ns;
};

/* One take of the same order on this station. */
struct ps_facts_take {
    char clip[40];
    uint32_t take;
    int64_t started_ns, ended_ns;
    char end_reason[24]; /* word of the statement */
    bool here;           /* the clip that the report is about */
    bool included;       /* in the same delivery */
    bool removed;        /* its films are gone, by a tombstone in the ledger; */
    uint8_t why;         /* its reason (evidence/leaf.h), 0 when that cannot be read, */
    uint64_t tombstone;  /* its entry, */
    int64_t removed_ns;  /* and time */
};

struct ps_facts_input {
    const struct ps_verdict *v; /* v->clip is there */
    uint8_t statement_sha256[32];
    struct ps_facts_date printed, picked_up, delivered, claimed;
    const struct ps_facts_take *takes; /* sorted by take; NULL: nobody looked */
    size_t n_takes;
    const struct ps_enclosed *enclosed;
    bool trust; /* the key was compared with a list of keys */
};

struct ps_facts {
    char clip[40];
    struct ps_fact *facts;
    size_t n;
    struct ps_facts_moment moments[PS_FACTS_MOMENTS]; /* in order of time */
    size_t n_moments;
    char *codes; /* joined by ", ": the title */
    char statement[65];
    int64_t ended_ns;
    struct ps_facts_text content, key, time, ledger; /* the four answers */
    struct ps_facts_text
        outside;  /* who outside says something of the time: authorities, witnesses with their times; "" */
    bool good[4]; /* intact or excerpt; trusted; bounded; included */
};

/* PS_ENOMEM; PS_EINVAL without a statement. ps_facts_free after any result. */
int ps_facts_gather(struct ps_facts *f, const struct ps_facts_input *in);
void ps_facts_free(struct ps_facts *f);

/* The fixed texts; zh picks the language. */
const char *ps_facts_section_name(enum ps_facts_section s, bool zh);
const char *ps_facts_who_name(enum ps_facts_who w, bool zh); /* "签名程序所见" */
const char *ps_facts_who_text(enum ps_facts_who w, bool zh); /* one sentence */
#define PS_FACTS_STEPS 5
const char *ps_facts_step(unsigned i, bool zh); /* how to check */
const char *ps_facts_end_reason(const char *word, bool zh);

/* "2026-11-21 16:15:30 +08:00" in the time zone of this process; out takes 40. */
void ps_facts_time(int64_t wall_ns, char out[40]);
/* A copy that cannot turn the direction of writing or hide: U+202E and its like become "<U+202E>". malloc. */
char *ps_facts_clean(const char *text);

#endif
