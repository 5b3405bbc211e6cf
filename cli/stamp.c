/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/stamp.h"
#include "archive/cosigned.h"
#include "archive/store.h"
#include "cli/http.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/timestamp_chain.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NS INT64_C(1000000000)
#define MAX_SKEW_NS (24 * 3600 * NS) /* a clock that far off poisons every later freshness code */
#define MAX_LISTS 4
#define MAX_LIST (PS_TIMESTAMP_CHAIN_MAX / 2)
#define FIRST_PAUSE 1 /* seconds; doubled with every attempt */
#define MAX_PAUSE 30

static int64_t wall_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

/* ---- what is to be stamped */

static int read_below(const char *root, const char *rest, size_t max, uint8_t **p, size_t *n,
                      struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (rest[0] == '/')
        snprintf(path, sizeof(path), "%s", rest);
    else if (ps_root_path(root, rest, path) < 0)
        return ps_error_why(why, PS_ELIMIT, rest, "the path is too long");
    return ps_store_read_file(AT_FDCWD, path, max, p, n, why);
}

static int stamped_bytes(struct ps_stamp *s, struct ps_why *why) {
    struct ps_buf b;
    int rc = ps_checkpoint_open(&s->checkpoint, s->note, s->note_n, &s->log);
    if (rc < 0)
        return ps_error_why(why, rc, "ledger/checkpoint", "is not signed by the key of public/log.vkey: %s",
                            ps_error_text(rc));
    ps_buf_init(&b, PS_NOTE_MAX);
    rc = ps_checkpoint_stamped(&b, s->note, s->note_n, &s->log);
    if (rc == 0)
        rc = b.err;
    if (rc == 0)
        ps_sha256(s->imprint, b.p, b.n);
    else
        ps_error_why(why, rc, "ledger/checkpoint", "cannot be stamped: %s", ps_error_text(rc));
    ps_buf_free(&b);
    return rc;
}

int ps_stamp_take_note(struct ps_stamp *s, struct ps_buf *note) {
    uint8_t *p = note->err == 0 ? malloc(note->n) : NULL;
    if (p == NULL)
        return note->err != 0 ? note->err : PS_ENOMEM;
    memcpy(p, note->p, note->n);
    free(s->note);
    s->note = p;
    s->note_n = note->n;
    return 0;
}

/* What witnesses have said of this very checkpoint, when somebody asked them before. */
static int cosignatures(struct ps_stamp *s, struct ps_why *why) {
    struct ps_buf b;
    ps_buf_init(&b, PS_NOTE_MAX);
    ps_buf_bytes(&b, s->note, s->note_n);
    int rc = b.err != 0 ? b.err : ps_cosigned_gather(s->root, &b, why);
    if (rc == 0)
        rc = ps_stamp_take_note(s, &b);
    ps_buf_free(&b);
    return rc;
}

int ps_stamp_open(struct ps_stamp *s, const char *root, const struct ps_config *c, struct ps_why *why) {
    uint8_t *key = NULL;
    size_t n = 0;
    *s = (struct ps_stamp){.timeout = c->stamp_timeout, .retries = c->stamp_retries};
    snprintf(s->root, sizeof(s->root), "%s", root);
    int rc = read_below(root, "public/log.vkey", 1024, &key, &n, why);
    if (rc == 0 && ps_note_vkey_parse(&s->log, (const char *)key, n) < 0)
        rc = ps_error_why(why, PS_EFORMAT, "public/log.vkey", "is no key of a ledger");
    if (rc == 0)
        rc = read_below(root, "ledger/checkpoint", PS_NOTE_MAX, &s->note, &s->note_n, why);
    if (rc == 0)
        rc = stamped_bytes(s, why);
    if (rc == 0)
        rc = cosignatures(s, why);
    free(key);
    if (rc < 0)
        ps_stamp_close(s);
    return rc;
}

void ps_stamp_close(struct ps_stamp *s) {
    free(s->note);
    s->note = NULL;
}

/* ---- asking */

void ps_stamp_pause(unsigned attempt) {
    time_t seconds = attempt < 6 ? (time_t)FIRST_PAUSE << attempt : MAX_PAUSE;
    struct timespec t = {.tv_sec = seconds < MAX_PAUSE ? seconds : MAX_PAUSE};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

/* What comes from the network may pass and is asked for again; a wrong answer is none the better the second time. */
static int ask(const struct ps_stamp *s, const char *url, struct ps_buf *answer, struct ps_why *why) {
    uint64_t nonce;
    uint8_t *request = NULL;
    size_t n = 0;
    if (getrandom(&nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        return ps_error_why(why, PS_EIO, "nonce", "no random number");
    int rc = ps_timestamp_request(s->imprint, nonce, &request, &n);
    if (rc < 0)
        return ps_error_why(why, rc, "request", "out of memory");
    for (unsigned attempt = 0;; attempt++) {
        ps_buf_reset(answer);
        rc = ps_http_post(url, "application/timestamp-query", request, n, s->timeout, answer, why);
        if ((rc != PS_EGONE && rc != PS_ETIME && rc != PS_EBUSY) || attempt >= s->retries)
            break;
        ps_stamp_pause(attempt);
    }
    free(request);
    return rc < 0 ? rc : ps_timestamp_answers(answer->p, answer->n, s->imprint, nonce, why);
}

/* ---- judging */

/* An authority whose clock jumps would put its mistake into codes and bounds; ours may be the wrong one, and then it
 * wants to be set. */
static int plausible(const struct ps_stamp *s, const struct ps_config_authority *a,
                     const struct ps_timestamp *t, int64_t skew_ns, struct ps_why *why) {
    struct ps_token last;
    int rc = 0;
    if (skew_ns > MAX_SKEW_NS || skew_ns < -MAX_SKEW_NS)
        return ps_error_why(why, PS_ETIME, "clock",
                            "the authority\'s clock and this station's differ by %" PRId64 " hours",
                            skew_ns / NS / 3600);
    if (ps_tokens_newest(s->root, s->checkpoint.origin, a->name, &last, NULL) < 0)
        return 0;
    if (t->time_ns + t->accuracy_ns < last.time.time_ns - last.time.accuracy_ns)
        rc = ps_error_why(why, PS_ETIME, "clock", "the authority's time is before that of its token %s",
                          last.entry.name);
    ps_tokens_free(&last);
    return rc;
}

struct urls {
    char v[MAX_LISTS][PS_HTTP_URL];
    unsigned n;
};

static int keep_url(void *ctx, const char *url) {
    struct urls *u = ctx;
    if (strlen(url) < sizeof(u->v[0]))
        memcpy(u->v[u->n++], url, strlen(url) + 1);
    return u->n == MAX_LISTS;
}

static int add_list(const struct ps_stamp *s, const char *from, struct ps_buf *chain, struct ps_why *why) {
    struct ps_buf list;
    uint8_t *p = NULL;
    size_t n = 0;
    ps_buf_init(&list, MAX_LIST);
    int rc;
    if (strncmp(from, "http://", 7) == 0 || strncmp(from, "https://", 8) == 0) {
        rc = ps_http_get(from, s->timeout, &list, why);
        if (rc == 0)
            rc = ps_timestamp_chain_add_list(chain, list.p, list.n, why);
    } else {
        rc = read_below(s->root, from, MAX_LIST, &p, &n, why);
        if (rc == 0)
            rc = ps_timestamp_chain_add_list(chain, p, n, why);
    }
    free(p);
    ps_buf_free(&list);
    return rc;
}

/* Revocation lists make a token last longer; it stands without them. */
static void add_lists(const struct ps_stamp *s, const struct ps_config_authority *a, struct ps_buf *chain,
                      struct ps_stamp_result *out) {
    struct urls u = {.n = 0};
    if (a->crl[0] != '\0')
        (void)keep_url(&u, a->crl);
    else
        (void)ps_timestamp_chain_lists(chain->p, chain->n, keep_url, &u, NULL);
    for (unsigned i = 0; i < u.n; i++)
        if (add_list(s, u.v[i], chain, &out->later) == 0)
            out->lists++;
}

static int judge(const struct ps_stamp *s, const struct ps_config_authority *a, const struct ps_buf *answer,
                 struct ps_buf *chain, struct ps_stamp_result *out, struct ps_why *why) {
    struct ps_timestamp_anchor anchors[PS_TIMESTAMP_ANCHORS];
    uint8_t *ca = NULL;
    size_t ca_n = 0;
    unsigned n = 0;
    int rc = read_below(s->root, a->ca, PS_TIMESTAMP_CHAIN_MAX, &ca, &ca_n, why);
    if (rc == 0)
        rc = ps_timestamp_chain_anchors(anchors, &n, ca, ca_n, why);
    if (rc == 0)
        rc = ps_timestamp_chain_make(&out->time, chain, answer->p, answer->n, ca, ca_n, anchors, n, why);
    free(ca);
    if (rc < 0)
        return rc;
    out->skew_ns = out->time.time_ns - wall_ns();
    rc = plausible(s, a, &out->time, out->skew_ns, why);
    if (rc < 0)
        return rc;
    add_lists(s, a, chain, out);
    /* Once more, as a later reader will: from what is kept alone, the lists included. */
    rc = ps_timestamp_verify(&out->time, answer->p, answer->n, chain->p, chain->n, anchors, n, why);
    if (rc == 0 && memcmp(out->time.imprint, s->imprint, sizeof(s->imprint)) != 0)
        rc = ps_error_why(why, PS_ESTATE, "messageImprint", "the token is for other bytes");
    return rc;
}

int ps_stamp_ask(const struct ps_stamp *s, const struct ps_config_authority *a, struct ps_stamp_result *out,
                 struct ps_why *why) {
    struct ps_buf answer, chain;
    char url[PS_HTTP_URL];
    *out = (struct ps_stamp_result){0};
    ps_buf_init(&answer, PS_TIMESTAMP_MAX);
    ps_buf_init(&chain, PS_TIMESTAMP_CHAIN_MAX);
    int rc = a->ca[0] != '\0'
                 ? ask(s, a->url, &answer, why)
                 : ps_error_why(why, PS_EINVAL, "ca", "no certificate to check it with is configured");
    if (rc == 0)
        rc = judge(s, a, &answer, &chain, out, why);
    if (rc == 0) {
        ps_http_public(a->url, url);
        const struct ps_tokens_new in = {.authority = a->name,
                                         .url = url,
                                         .asked_ns = wall_ns(),
                                         .checkpoint = &s->checkpoint,
                                         .time = &out->time,
                                         .note = s->note,
                                         .note_n = s->note_n,
                                         .token = answer.p,
                                         .token_n = answer.n,
                                         .chain = chain.p,
                                         .chain_n = chain.n};
        rc = ps_tokens_write(s->root, &in, out->name, why);
    }
    ps_buf_free(&chain);
    ps_buf_free(&answer);
    return rc;
}
