/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/witness.h"
#include "archive/cosigned.h"
#include "archive/proofs.h"
#include "cli/http.h"
#include "evidence/bytes.h"
#include "evidence/tile.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS INT64_C(1000000000)
#define MAX_SKEW_S (24 * 3600) /* as for time-stamp authorities */
#define MAX_ANSWER 16384
#define MAX_TIME (INT64_MAX / NS) /* seconds: the year 2262 */
#define OK 200
#define CONFLICT 409

struct asking {
    struct ps_stamp *s;
    const struct ps_config_witness *w;
    struct ps_witness_result *out;
    struct ps_cosigned last; /* what it cosigned last, when out->have */
    uint64_t last_time;      /* seconds */
    struct ps_buf own;       /* the checkpoint with the ledger's line alone */
    struct ps_buf answer;
    struct ps_http_reply reply;
    struct ps_why *why;
};

/* ---- what it cosigned last */

static void remember(struct asking *a) {
    struct ps_note note;
    uint64_t time;
    if (ps_cosigned_newest(a->s->root, a->s->checkpoint.origin, a->w->name, &a->last, NULL) < 0)
        return;
    /* Kept under another key, which the witness has given up: it may not know what that one cosigned. */
    if (ps_note_parse(&note, a->last.note, a->last.note_n) < 0 ||
        ps_note_verify(&note, &a->w->key, &time) < 0 || time > (uint64_t)MAX_TIME) {
        ps_cosigned_free(&a->last);
        return;
    }
    a->last_time = time;
    a->out->have = true;
    a->out->size = a->last.checkpoint.size;
    a->out->time_ns = (int64_t)time * NS;
}

static int restored(struct asking *a, const char *where, uint64_t size) {
    a->out->restored = true;
    return ps_error_why(a->why, PS_ESTATE, where,
                        "knows %" PRIu64 " entries of this ledger, which has %" PRIu64
                        ": an old copy of it was put back",
                        size, a->s->checkpoint.size);
}

/* Against what lies here; 1: it has cosigned this very checkpoint. */
static int compare_kept(struct asking *a) {
    const struct ps_checkpoint *now = &a->s->checkpoint, *then = &a->last.checkpoint;
    char where[sizeof(a->why->where)];
    if (!a->out->have)
        return 0;
    snprintf(where, sizeof(where), PS_ROOT_WITNESS "/%s", a->last.name);
    if (then->size > now->size)
        return restored(a, where, then->size);
    if (then->size < now->size)
        return 0;
    if (memcmp(then->root, now->root, sizeof(now->root)) != 0)
        return ps_error_why(a->why, PS_ESTATE, where, "is of another history than this ledger");
    return 1;
}

/* ---- asking */

static void put_proof(struct ps_buf *b, uint8_t hash[64][32], unsigned n) {
    char line[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
    for (unsigned i = 0; i < n; i++) {
        sodium_bin2base64(line, sizeof(line), hash[i], 32, sodium_base64_VARIANT_ORIGINAL);
        ps_buf_fmt(b, "%s\n", line);
    }
}

/* The lines that prove that this checkpoint extends the tree of `old` entries. */
static int prove(struct asking *a, uint64_t old, struct ps_buf *b) {
    const struct ps_checkpoint *now = &a->s->checkpoint;
    struct ps_proofs ledger;
    uint8_t hash[64][32], root[32];
    unsigned n = 0;
    if (old == 0 || old == now->size)
        return 0;
    int rc = ps_proofs_open(&ledger, a->s->root, a->why);
    if (rc < 0)
        return rc;
    struct ps_tile_source tiles = ps_proofs_source(&ledger);
    rc = ps_tile_consistency(&tiles, ledger.size, old, now->size, hash, &n);
    if (rc == 0)
        rc = ps_tile_root(&tiles, ledger.size, old, root);
    if (rc == 0)
        rc = ps_tile_consistent(old, root, now->size, now->root, (const uint8_t(*)[32])hash, n);
    ps_proofs_close(&ledger);
    if (rc < 0)
        return ps_error_why(a->why, rc == PS_ENOMEM ? rc : PS_EFORMAT, "ledger/tile",
                            "no proof from %" PRIu64 " entries to the checkpoint: %s", old,
                            ps_error_text(rc));
    if (a->out->have && a->last.checkpoint.size == old &&
        memcmp(a->last.checkpoint.root, root, sizeof(root)) != 0)
        return ps_error_why(a->why, PS_ESTATE, a->last.name,
                            "was cosigned of another history than this ledger");
    put_proof(b, hash, n);
    return b->err;
}

static int post(struct asking *a, const char *url, const struct ps_buf *body) {
    for (unsigned attempt = 0;; attempt++) {
        ps_buf_reset(&a->answer);
        int rc = ps_http_exchange(url, "text/plain; charset=utf-8", body->p, body->n, a->s->timeout,
                                  &a->answer, &a->reply, a->why);
        if ((rc != PS_EGONE && rc != PS_ETIME && rc != PS_EBUSY) || attempt >= a->s->retries)
            return rc;
        ps_stamp_pause(attempt);
    }
}

static int exchange(struct asking *a, uint64_t old) {
    char url[PS_HTTP_URL + 32];
    size_t n = strlen(a->w->url);
    struct ps_buf body;
    ps_buf_init(&body, PS_NOTE_MAX + 8192);
    ps_buf_fmt(&body, "old %" PRIu64 "\n", old);
    int rc = prove(a, old, &body);
    ps_buf_text(&body, "\n");
    ps_buf_bytes(&body, a->own.p, a->own.n);
    if (rc == 0)
        rc = body.err;
    while (n > 0 && a->w->url[n - 1] == '/')
        n--;
    snprintf(url, sizeof(url), "%.*s/add-checkpoint", (int)n, a->w->url);
    if (rc == 0)
        rc = post(a, url, &body);
    ps_buf_free(&body);
    return rc;
}

/* ---- judging */

/* The size that a conflict tells: decimal and a line feed, as text/x.tlog.size. */
static bool told_size(const struct asking *a, uint64_t *size) {
    static const char type[] = "text/x.tlog.size";
    uint64_t v = 0;
    size_t n = a->answer.n;
    if (strncmp(a->reply.type, type, sizeof(type) - 1) != 0 ||
        strchr("; \t", a->reply.type[sizeof(type) - 1]) == NULL)
        return false;
    if (n < 2 || n > 19 || a->answer.p[n - 1] != '\n' || (a->answer.p[0] == '0' && n > 2))
        return false;
    for (size_t i = 0; i + 1 < n; i++) {
        if (a->answer.p[i] < '0' || a->answer.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(a->answer.p[i] - '0');
    }
    *size = v;
    return true;
}

static int refused(const struct asking *a) {
    uint64_t told;
    switch (a->reply.status) {
    case 403:
        return ps_error_why(a->why, PS_EPERM, "witness",
                            "does not accept this ledger's key: it knows another one of this name");
    case 404: return ps_error_why(a->why, PS_EPERM, "witness", "does not know this ledger");
    case CONFLICT:
        if (!told_size(a, &told))
            return ps_error_why(a->why, PS_EFORMAT, "witness", "a conflict that does not tell a size");
        return told == a->s->checkpoint.size
                   ? ps_error_why(a->why, PS_ESTATE, "witness",
                                  "remembers another history of this ledger at the same size")
                   : ps_error_why(a->why, PS_EFORMAT, "witness", "contradicts itself about what it cosigned");
    case 422:
        return ps_error_why(a->why, PS_ESTATE, "witness",
                            "remembers another history: this ledger does not extend what it cosigned");
    default: return ps_error_why(a->why, PS_EPERM, "witness", "the server answers HTTP %ld", a->reply.status);
    }
}

static int plausible(struct asking *a, uint64_t t) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t == 0 || t > (uint64_t)MAX_TIME)
        return ps_error_why(a->why, PS_ETIME, "clock", "the witness's time is none");
    int64_t skew = (int64_t)t - now.tv_sec;
    if (skew > MAX_SKEW_S || skew < -MAX_SKEW_S)
        return ps_error_why(a->why, PS_ETIME, "clock",
                            "the witness's clock and this station's differ by %" PRId64 " hours",
                            skew / 3600);
    if (a->out->have && t < a->last_time)
        return ps_error_why(a->why, PS_ETIME, "clock", "the witness's time is before that of its %s",
                            a->last.name);
    a->out->skew_ns = skew * NS - now.tv_nsec;
    return 0;
}

/* The witness's own line of this time, behind the checkpoint with the ledger's line. */
static void keep_line(const struct asking *a, const struct ps_note *note, uint64_t t, struct ps_buf *kept) {
    ps_buf_bytes(kept, a->own.p, a->own.n);
    for (unsigned i = 0; i < note->n; i++) {
        const struct ps_note_signature *sig = &note->sigs[i];
        struct ps_rd r = ps_rd_of(sig->sig, 8);
        if (sig->n != 72 || memcmp(sig->id, a->w->key.id, 4) != 0 || strcmp(sig->name, a->w->key.name) != 0 ||
            ps_rd_u64(&r) != t)
            continue;
        ps_note_append_cosignature(kept, &a->w->key, t, sig->sig + 8);
        return;
    }
}

/* The answer is signature lines; those of others are not kept. */
static int take(struct asking *a, struct ps_buf *kept) {
    struct ps_buf whole;
    struct ps_note own, note;
    uint64_t t = 0;
    ps_buf_init(&whole, PS_NOTE_MAX);
    ps_buf_bytes(&whole, a->own.p, a->own.n);
    ps_buf_bytes(&whole, a->answer.p, a->answer.n);
    int rc = whole.err;
    if (rc == 0)
        rc = ps_note_parse(&own, a->own.p, a->own.n);
    if (rc == 0)
        rc = ps_note_parse(&note, whole.p, whole.n);
    if (rc == 0 && note.text_len != own.text_len)
        rc = PS_EFORMAT; /* a blank line in it would end another text */
    if (rc == 0)
        rc = ps_note_verify(&note, &a->w->key, &t);
    if (rc == PS_ESIG || rc == PS_ENOENT)
        rc = ps_error_why(a->why, PS_ESIG, "cosignature",
                          "does not verify by witness-key over this checkpoint");
    else if (rc < 0)
        ps_error_why(a->why, rc, "cosignature", "%s", ps_error_text(rc));
    if (rc == 0)
        rc = plausible(a, t);
    if (rc == 0) {
        keep_line(a, &note, t, kept);
        rc = kept->err;
        a->out->time_ns = (int64_t)t * NS;
    }
    ps_buf_free(&whole);
    return rc;
}

static int keep(struct asking *a, const struct ps_buf *kept) {
    char name[PS_COSIGNED_NAME];
    struct ps_buf note;
    ps_buf_init(&note, PS_NOTE_MAX);
    ps_buf_bytes(&note, a->s->note, a->s->note_n);
    ps_buf_bytes(&note, kept->p + a->own.n, kept->n - a->own.n);
    int rc = ps_cosigned_write(a->s->root, a->w->name, a->s->checkpoint.size, kept->p, kept->n, name, a->why);
    if (rc == 0)
        rc = ps_stamp_take_note(a->s, &note);
    ps_buf_free(&note);
    return rc;
}

/* Asked again once when it has another size in mind: it cosigned through another way, or was put back itself. */
static int ask(struct asking *a) {
    uint64_t old = a->out->have ? a->last.checkpoint.size : 0, told;
    struct ps_buf kept;
    a->out->asked = true;
    int rc = exchange(a, old);
    if (rc == 0 && a->reply.status == CONFLICT && told_size(a, &told) && told != old) {
        if (told > a->s->checkpoint.size)
            return restored(a, "witness", told);
        rc = exchange(a, told);
    }
    if (rc == 0 && a->reply.status != OK)
        rc = refused(a);
    if (rc < 0)
        return rc;
    ps_buf_init(&kept, PS_NOTE_MAX);
    rc = take(a, &kept);
    if (rc == 0)
        rc = keep(a, &kept);
    if (rc == 0) {
        a->out->have = true;
        a->out->size = a->s->checkpoint.size;
    }
    ps_buf_free(&kept);
    return rc;
}

int ps_witness_ask(struct ps_stamp *s, const struct ps_config_witness *w, struct ps_witness_result *out,
                   struct ps_why *why) {
    struct ps_why unused;
    struct asking a = {.s = s, .w = w, .out = out, .why = why != NULL ? why : &unused};
    *out = (struct ps_witness_result){0};
    ps_buf_init(&a.own, PS_NOTE_MAX);
    ps_buf_init(&a.answer, MAX_ANSWER);
    remember(&a);
    int rc = ps_checkpoint_stamped(&a.own, s->note, s->note_n, &s->log);
    if (rc == 0)
        rc = compare_kept(&a);
    else
        ps_error_why(a.why, rc, "ledger/checkpoint", "%s", ps_error_text(rc));
    if (rc == 0)
        rc = ask(&a);
    ps_cosigned_free(&a.last);
    ps_buf_free(&a.answer);
    ps_buf_free(&a.own);
    return rc < 0 ? rc : 0;
}
