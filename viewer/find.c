/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GET /clips: search.
 */
#include "archive/flags.h"
#include "archive/holds.h"
#include "evidence/opening.h"
#include "viewer/rows.h"
#include "viewer/viewer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 50
#define PAGE_MOST 200
#define PAGES_MOST 1000000
#define BUDGET_MS 5000
#define NAMES_MOST 100000 /* clips of one tag, or held */
#define TAIL_LEAST 4
#define DAY_NS INT64_C(86400000000000)

/* A form sends what was left empty, too. */
static const char *given_text(const struct ps_request *r, const char *name) {
    const char *text = ps_request_query(r, name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* ---- clips that are tagged or held: few, and not the index's to know */

struct names {
    char **v;
    unsigned n, room;
    bool full, lost;  /* more than NAMES_MOST; no memory */
    const char *root; /* of holds that each must have; NULL: none */
};

static int add_name(struct names *l, const char *clip) {
    if (l->n == NAMES_MOST) {
        l->full = true;
        return 1;
    }
    if (l->n == l->room) {
        unsigned room = l->room > 0 ? 2 * l->room : 64;
        char **more = reallocarray(l->v, room, sizeof(*more));
        if (more == NULL) {
            l->lost = true;
            return 1;
        }
        l->v = more;
        l->room = room;
    }
    l->v[l->n] = strdup(clip);
    l->lost = l->v[l->n] == NULL;
    l->n += !l->lost;
    return l->lost;
}

static int add_tagged(void *ctx, const char *clip) {
    struct names *l = ctx;
    struct ps_hold hold;
    if (l->root != NULL && ps_holds_get(l->root, clip, &hold) == PS_ENOENT)
        return 0;
    return add_name(l, clip);
}

static int add_held(void *ctx, const struct ps_hold *h) {
    return add_name(ctx, h->clip);
}

static void names_free(struct names *l) {
    for (unsigned i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
}

/* True when the query may go on. */
static bool named(struct ps_request *r, struct ps_answer *a, struct names *l, struct ps_index_query *q) {
    static const char *const none[1] = {""};
    const char *tag = given_text(r, "tag");
    const char *asked = ps_request_query(r, "held");
    bool held = asked != NULL && strcmp(asked, "1") == 0;
    if (tag == NULL && !held)
        return true;
    l->root = held ? r->viewer->root : NULL;
    int err = tag != NULL ? ps_viewer_db_tagged(r->viewer->db, tag, add_tagged, l)
                          : ps_holds_each(r->viewer->root, add_held, l);
    if (l->full) {
        ps_answer_error(a, "too-large", "too many clips", tag != NULL ? tag : "held", "ask without it");
        return false;
    }
    if (l->lost || err < 0) {
        ps_answer_error(a, "internal", ps_error_text(l->lost ? PS_ENOMEM : err), tag != NULL ? tag : "held",
                        "look at the disk");
        return false;
    }
    q->names = l->n > 0 ? (const char *const *)l->v : none;
    q->n_names = l->n;
    return true;
}

/* ---- the other parameters */

static bool bad(struct ps_answer *a, const char *what, const char *where, const char *todo) {
    ps_answer_error(a, "bad-request", what, where, todo);
    return false;
}

/* "1", or words of docs/API.md with commas between. */
static bool flags_of(struct ps_answer *a, const char *text, uint32_t *out) {
    char words[PS_REQUEST_VALUE + 1], *rest = NULL;
    if (text == NULL || strcmp(text, "0") == 0 || text[0] == '\0')
        return true;
    if (strcmp(text, "1") == 0) {
        *out = PS_FLAGS_WORTH_A_LOOK;
        return true;
    }
    if (strlen(text) >= sizeof(words))
        return bad(a, "is too long", "flagged", "give words of docs/API.md");
    snprintf(words, sizeof(words), "%s", text);
    for (char *w = strtok_r(words, ",", &rest); w != NULL; w = strtok_r(NULL, ",", &rest)) {
        uint32_t bit = ps_flags_bit(w);
        if (bit == 0)
            return bad(a, "is no flag", w, "give 1, or words of docs/API.md");
        *out |= bit;
    }
    return true;
}

static bool limits(struct ps_request *r, struct ps_answer *a, struct ps_index_query *q, int64_t *page) {
    int64_t limit = PAGE;
    const char *to = ps_request_query(r, "to");
    if (ps_request_number(r, "limit", 1, PAGE_MOST, &limit) < 0)
        return bad(a, "is no number from 1 to 200", "limit", "leave it out");
    if (ps_request_number(r, "page", 1, PAGES_MOST, page) < 0)
        return bad(a, "is no number from 1", "page", "leave it out");
    if (ps_request_time(r, "from", &q->from_ns) < 0)
        return bad(a, "is no time", "from", "give 2026-11-22 or 2026-11-22T08:15:30Z");
    int given = ps_request_time(r, "to", &q->to_ns);
    if (given < 0)
        return bad(a, "is no time", "to", "give 2026-11-22 or 2026-11-22T08:15:30Z");
    if (given > 0 && strlen(to) == strlen("2026-11-22")) /* a bare day is meant with all its hours */
        q->to_ns += DAY_NS - 1;
    q->kind = given_text(r, "kind");
    if (q->kind != NULL && ps_opening_kind_of(q->kind) < 0)
        return bad(a, "is no kind", q->kind, "give pack, return or audit");
    q->operator_id = given_text(r, "operator");
    q->limit = (unsigned)limit + 1; /* is there more? */
    q->offset = (uint64_t)((*page - 1) * limit);
    return flags_of(a, ps_request_query(r, "flagged"), &q->flags);
}

/* What a person typed: a whole number of some order, the name of a clip, or the end of a number. The same for each page. */
static const char *read_number(struct ps_index *x, const char *text, struct ps_index_query *q) {
    const struct ps_index_query whole = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .code = text, .limit = 1},
                                name = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .clip = text, .limit = 1};
    if (ps_index_find(x, &whole, NULL, NULL, NULL) == 1) {
        q->code = text;
        return "number";
    }
    if (ps_index_find(x, &name, NULL, NULL, NULL) == 1) {
        q->clip = text;
        return "clip";
    }
    if (strlen(text) < TAIL_LEAST) {
        q->code = text;
        return "number";
    }
    q->suffix = text;
    return "end";
}

struct listing {
    const struct ps_request *r;
    json_t *rows;
    unsigned most;
    bool more, lost; /* no memory */
};

static int add_row(void *ctx, const struct ps_index_row *row) {
    struct listing *l = ctx;
    if (json_array_size(l->rows) == l->most) {
        l->more = true;
        return 1;
    }
    l->lost = json_array_append_new(l->rows, ps_rows_json(l->r, row)) != 0;
    return l->lost;
}

static void search(struct ps_request *r, struct ps_answer *a, struct ps_index_query *q, int64_t page) {
    struct ps_index *x = ps_rows_open(r, a);
    struct listing l = {.r = r, .rows = json_array(), .most = q->limit - 1};
    struct ps_why why = {0};
    const char *number = given_text(r, "number"), *by = "";
    if (x == NULL)
        goto out;
    if (number != NULL)
        by = read_number(x, number, q);
    int n = ps_index_find(x, q, add_row, &l, &why);
    if (n < 0)
        ps_rows_failed(a, n, &why);
    else if (l.lost)
        ps_answer_error(a, "internal", "out of memory", "search", "try again");
    else
        ps_answer_json(a, 200,
                       json_pack("{s:O, s:I, s:b, s:s}", "clips", l.rows, "page", (json_int_t)page, "more",
                                 l.more, "by", by));
out:
    json_decref(l.rows);
    ps_index_close(x);
}

static void get_clips(struct ps_request *r, struct ps_answer *a) {
    struct ps_index_query q = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .budget_ms = BUDGET_MS};
    struct names l = {0};
    int64_t page = 1;
    if (limits(r, a, &q, &page) && named(r, a, &l, &q))
        search(r, a, &q, page);
    names_free(&l);
}

const struct ps_route ps_find_routes[] = {
    {"GET", "/api/v1/clips", PS_ROLE_PERSON | PS_ROLE_READ, PS_BODY_NONE, 0, NULL, get_clips},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
