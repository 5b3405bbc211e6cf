/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evidence/bytes.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "evidence/wire.h"
#include "signer/append.h"
#include "signer/clock.h"
#include "signer/file.h"
#include "signer/keyleaf.h"
#include "signer/publish.h"
#include "signer/seal_check.h"
#include "signer/state.h"

#define SEALS_NEEDED (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* A request being answered. Each word's function returns 0 with the reply in out, or a refusal (enum
 * ps_wire_refusal) with its text in `no`; it sets stop when the process must end. */
struct request {
    struct ps_state *s;
    const uint8_t *body;
    size_t n;
    int fd;
    unsigned roles;
    struct ps_buf *out;
    struct ps_wire_refused no;
    bool stop;
};

#define refuse(rq, reason, ...) ps_witness_refuse(&(rq)->no, reason, __VA_ARGS__)

static int malformed(struct request *rq, const char *what) {
    return refuse(rq, PS_REFUSED_FORMAT, "%s", what);
}

static int no_clip(struct request *rq, uint64_t clip) {
    return refuse(rq, PS_REFUSED_STATE, "clip %" PRIu64 " is neither open nor waiting for its seal", clip);
}

/* A result of the journal or of a commit. */
static int disk(struct request *rq, int err) {
    if (err == 0)
        return 0;
    rq->stop = err != PS_EFULL;
    return refuse(rq, PS_REFUSED_DISK, "the journal cannot be written: %s", ps_file_error_text());
}

/* ---- STATUS, RECORDS ------------------------------------------------------------------------------ */

static int status(struct request *rq) {
    const struct ps_state *s = rq->s;
    struct ps_wire_status st = {.leaves = ps_ledger_size(s->ledger), .confined = s->confined};

    memcpy(st.station, s->station, sizeof(st.station));
    ps_ledger_root(s->ledger, st.root);
    memcpy(st.signer_sha256, s->exe_sha256, sizeof(st.signer_sha256));
    memcpy(st.boot_id, s->boot_id, sizeof(st.boot_id));
    st.key = *ps_key_clip(s->key);
    memcpy(st.ledger_key, ps_key_ledger(s->key), sizeof(st.ledger_key));
    for (size_t i = 0; i < s->witness.n; i++) {
        const struct ps_witness_clip *c = s->witness.clips[i];
        st.pending[st.n_pending++] = (struct ps_wire_pending){
            .clip = c->clip, .ended = c->ended, .same_boot = c->same_boot, .records = c->n, .late = c->late};
    }
    ps_wire_put_status_is(rq->out, &st);
    return 0;
}

static int records(struct request *rq) {
    struct ps_wire_records r = {0};

    if (ps_wire_get_records_from(rq->body, rq->n, &r.clip, &r.first) != 0)
        return malformed(rq, "RECORDS does not parse");
    const struct ps_witness_clip *c = ps_witness_find(&rq->s->witness, r.clip);
    if (c == NULL)
        return no_clip(rq, r.clip);
    for (uint32_t i = r.first; i < c->n && r.n < sizeof(r.r) / sizeof(r.r[0]); i++, r.n++) {
        r.r[r.n].late = c->records[i].late;
        memcpy(r.r[r.n].record, c->records[i].record, PS_RECORD_SIZE);
    }
    ps_wire_put_records(rq->out, &r);
    return 0;
}

/* ---- OPEN, SEGMENT, END, ABORT --------------------------------------------------------------------- */

static void put_opened(struct request *rq, const struct ps_witness_clip *c) {
    struct ps_wire_opened o = {
        .clip = c->clip, .take = ps_leaf_take(&c->open), .leaf_len = (uint16_t)c->leaf_len};

    memcpy(o.leaf, c->leaf, c->leaf_len);
    ps_wire_put_opened(rq->out, &o);
}

/* Everything that can fail comes before the commit. */
static int open_clip(struct request *rq, const uint8_t digest[32], const char *first_code) {
    struct ps_state *s = rq->s;
    struct ps_leaf leaf;
    uint8_t hash[PS_TAKES_HASH], encoded[PS_MAX_LEAF];
    size_t n;

    ps_takes_hash(s->takes, first_code, hash);
    uint32_t take = ps_takes_count(s->takes, hash) + 1;
    ps_state_leaf(s, PS_LEAF_OPEN, &leaf);
    memcpy(leaf.digest, digest, sizeof(leaf.digest));
    leaf.extra_len = 4;
    for (int i = 0; i < 4; i++)
        leaf.extra[i] = (uint8_t)(take >> (24 - 8 * i));
    int len = ps_leaf_encode(&leaf, encoded);
    struct ps_witness_clip *c =
        len < 0 ? NULL : ps_witness_new(encoded, (size_t)len, hash, s->boot_id, leaf.boot_ns);
    if (c == NULL || ps_takes_reserve(s->takes) != 0) {
        ps_witness_drop(c);
        return refuse(rq, PS_REFUSED_DISK, "out of memory");
    }
    int err = ps_state_commit(s, PS_JOURNAL_OPEN, hash, sizeof(hash), &leaf, encoded, &n);
    if (err == 0 && ps_takes_add(s->takes, hash, leaf.index) != 0)
        err = PS_EIO;
    if (err != 0) {
        ps_witness_drop(c);
        return disk(rq, err);
    }
    ps_witness_add(&s->witness, c); /* transferred; there is room, may_open said so */
    put_opened(rq, c);
    return 0;
}

static int open_word(struct request *rq) {
    struct ps_opening *o = malloc(sizeof(*o)); /* 32 kB: too much for the stack of a small process */
    uint8_t digest[32];
    int no;

    if (o == NULL)
        return refuse(rq, PS_REFUSED_DISK, "out of memory");
    int err = ps_opening_decode(o, rq->body, rq->n);
    ps_sha256(digest, rq->body, rq->n);
    const struct ps_witness_clip *current = ps_witness_current(&rq->s->witness);
    if (err != 0) {
        no = refuse(rq, PS_REFUSED_FORMAT, "the opening does not parse: %s", ps_error_text(err));
    } else if (strcmp(o->station, rq->s->station) != 0) {
        no = refuse(rq, PS_REFUSED_STATE, "this signer is station %s", rq->s->station);
    } else if (current != NULL && memcmp(current->open.digest, digest, sizeof(digest)) == 0) {
        /* The same salt: the recorder lost the reply and asks again. */
        put_opened(rq, current);
        no = 0;
    } else {
        no = ps_witness_may_open(&rq->s->witness, &rq->no);
        if (no == 0)
            no = open_clip(rq, digest, o->n_codes > 0 ? o->codes[0].value : "");
    }
    free(o);
    return no;
}

static int segment(struct request *rq) {
    struct ps_wire_segment seg;
    struct ps_clock now;

    if (ps_wire_get_segment(rq->body, rq->n, &seg) != 0)
        return malformed(rq, "SEGMENT does not parse");
    struct ps_witness_clip *c = ps_witness_find(&rq->s->witness, seg.clip);
    if (c == NULL)
        return no_clip(rq, seg.clip);
    ps_clock_read(&now);
    int no = ps_witness_judge(c, &seg, now.boot_ns, &rq->no);
    if (no == 0) {
        no = disk(rq, ps_journal_append(rq->s->journal, PS_JOURNAL_SEGMENT, rq->body, rq->n));
        if (no != 0)
            return no;
        ps_witness_take(c, &seg, false);
    } else if (no != PS_WITNESS_AGAIN) {
        return no;
    }
    ps_wire_put_simple(rq->out, PS_WIRE_ACK);
    return 0;
}

static int end(struct request *rq) {
    uint64_t clip;

    if (ps_wire_get_clip(rq->body, rq->n, &clip) != 0)
        return malformed(rq, "END does not parse");
    struct ps_witness_clip *c = ps_witness_find(&rq->s->witness, clip);
    if (c == NULL)
        return no_clip(rq, clip);
    if (!c->ended) {
        int no = disk(rq, ps_journal_append(rq->s->journal, PS_JOURNAL_END, rq->body, rq->n));
        if (no != 0)
            return no;
        c->ended = true;
    }
    ps_wire_put_simple(rq->out, PS_WIRE_ACK);
    return 0;
}

/* The leaf that ended a clip: 0 and the leaf, or a refusal. */
static int ended_leaf(struct request *rq, uint64_t clip, struct ps_leaf *leaf, uint8_t *encoded, size_t *n) {
    uint64_t index;

    if (ps_ledger_end_of(rq->s->ledger, clip, &index) != 0)
        return no_clip(rq, clip);
    int len = ps_ledger_get(rq->s->ledger, index, encoded);
    if (len < 0 || ps_leaf_decode(leaf, encoded, (size_t)len) != 0) {
        rq->stop = true;
        return refuse(rq, PS_REFUSED_DISK, "ledger entry %" PRIu64 " cannot be read back", index);
    }
    *n = (size_t)len;
    return 0;
}

static int abort_again(struct request *rq, uint64_t clip, uint8_t reason) {
    struct ps_leaf leaf;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;

    int no = ended_leaf(rq, clip, &leaf, encoded, &n);
    if (no != 0)
        return no;
    if (leaf.type != PS_LEAF_ABORT || leaf.extra_len != 1 || leaf.extra[0] != reason)
        return refuse(rq, PS_REFUSED_STATE, "clip %" PRIu64 " was %s already", clip,
                      leaf.type == PS_LEAF_ABORT ? "aborted for another reason" : "sealed");
    ps_wire_put_simple(rq->out, PS_WIRE_ACK);
    return 0;
}

static int abort_word(struct request *rq) {
    uint64_t clip;
    uint8_t reason, encoded[PS_MAX_LEAF];
    size_t n;
    struct ps_leaf leaf;

    if (ps_wire_get_abort(rq->body, rq->n, &clip, &reason) != 0 || reason < PS_ABORT_NOTHING_RECORDED ||
        reason > PS_ABORT_REFUSED)
        return malformed(rq, "ABORT does not parse");
    const struct ps_witness_clip *c = ps_witness_find(&rq->s->witness, clip);
    if (c == NULL)
        return abort_again(rq, clip, reason);
    ps_state_leaf(rq->s, PS_LEAF_ABORT, &leaf);
    leaf.subject = clip;
    ps_witness_heads(c, leaf.head);
    leaf.extra_len = 1;
    leaf.extra[0] = reason;
    int no = disk(rq, ps_state_commit(rq->s, PS_JOURNAL_ABORT, NULL, 0, &leaf, encoded, &n));
    if (no != 0)
        return no;
    ps_witness_remove(&rq->s->witness, clip);
    ps_wire_put_simple(rq->out, PS_WIRE_ACK);
    return 0;
}

/* ---- SEAL ------------------------------------------------------------------------------------------ */

/* The statement out of the memfd: its size and bytes cannot change any more, so what is checked is what is
 * signed. The caller frees. */
static int load_statement(struct request *rq, uint32_t size, uint8_t **out) {
    struct stat st;

    if (rq->fd < 0)
        return malformed(rq, "SEAL came without its memfd");
    int seals = fcntl(rq->fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED)
        return malformed(rq, "the statement is no memfd sealed against write, shrink and grow");
    if (size == 0 || size > PS_MAX_STATEMENT || fstat(rq->fd, &st) != 0 || st.st_size != (off_t)size)
        return malformed(rq, "the memfd is not of the stated size, or too large");
    uint8_t *p = malloc(size);
    if (p == NULL)
        return refuse(rq, PS_REFUSED_DISK, "out of memory");
    if (ps_file_read_at(rq->fd, p, size, 0) != 0) {
        free(p);
        return malformed(rq, "the memfd cannot be read");
    }
    *out = p;
    return 0;
}

/* Tiles and checkpoint reach as far as the seal before its signature is given away; the reply holds the checkpoint that
 * ends with it, whatever came later. */
static int publish(struct request *rq, uint64_t seal, struct ps_wire_sealed *reply) {
    int err = ps_publish_all(rq->s);

    _Static_assert(PS_PUBLISH_NOTE <= PS_WIRE_MAX_NOTE, "a checkpoint fits the reply");
    if (err != 0) {
        rq->stop = err != PS_EFULL;
        return refuse(rq, PS_REFUSED_DISK, "the ledger's tiles cannot be written: %s", ps_file_error_text());
    }
    int n = ps_publish_checkpoint(rq->s, seal + 1, reply->note);
    if (n < 0) {
        rq->stop = true;
        return refuse(rq, PS_REFUSED_DISK, "no checkpoint can be made: %s", ps_error_text(n));
    }
    reply->note_len = (uint16_t)n;
    return 0;
}

/* The reply, once the seal leaf is in the ledger. Signing is deterministic, so asking again gives the same. */
static int put_sealed(struct request *rq, const uint8_t *p, size_t n, const char *comment,
                      const uint8_t *leaf, size_t leaf_n) {
    struct ps_minisig sig;
    struct ps_leaf seal;
    struct ps_wire_sealed reply = {.leaf_len = (uint16_t)leaf_n};
    struct ps_buf text;
    char untrusted[64];

    if (ps_leaf_decode(&seal, leaf, leaf_n) != 0)
        return refuse(rq, PS_REFUSED_DISK, "the seal cannot be read back");
    int no = publish(rq, seal.index, &reply);
    if (no != 0)
        return no;
    ps_buf_init(&text, PS_MAX_MINISIG);
    memcpy(reply.leaf, leaf, leaf_n);
    int err = ps_key_sign_clip(rq->s->key, p, n, comment, &sig);
    if (err == 0) {
        snprintf(untrusted, sizeof(untrusted), "signature by PackSeal station %s", rq->s->station);
        ps_minisign_sig_write(&text, &sig, untrusted);
        err = text.err;
    }
    if (err == 0) {
        memcpy(reply.sig, text.p, text.n);
        reply.sig_len = (uint16_t)text.n;
        ps_wire_put_sealed(rq->out, &reply);
    }
    ps_buf_free(&text);
    if (err == 0)
        return 0;
    rq->stop = true; /* the ledger says sealed: the next start can sign it */
    return refuse(rq, PS_REFUSED_DISK, "the signature cannot be made: %s", ps_error_text(err));
}

static int seal_now(struct request *rq, const struct ps_clip *clip, const struct ps_witness_clip *w,
                    const uint8_t digest[32], const char *comment, uint8_t *encoded, size_t *encoded_n) {
    struct ps_state *s = rq->s;
    struct ps_seal_check_me me = {.station = s->station,
                                  .key = ps_key_clip(s->key),
                                  .ledger_key = ps_key_ledger(s->key),
                                  .signer_sha256 = s->exe_sha256};
    struct ps_leaf leaf;
    struct ps_why why = {0};
    struct ps_buf before;

    ps_state_leaf(s, PS_LEAF_SEAL, &leaf);
    if (ps_seal_check_against(clip, w, &me, leaf.boot_ns, &why) != 0)
        return refuse(rq, PS_REFUSED_STATEMENT, "%s: %s", why.where, why.text);
    leaf.subject = w->clip;
    memcpy(leaf.digest, digest, sizeof(leaf.digest));
    ps_statement_heads(clip, leaf.head);
    ps_buf_init(&before, 2 + PS_MAX_TRUSTED_COMMENT);
    ps_buf_str(&before, comment);
    int err = before.err;
    if (err == 0)
        err = ps_state_commit(s, PS_JOURNAL_SEAL, before.p, before.n, &leaf, encoded, encoded_n);
    ps_buf_free(&before);
    if (err == 0)
        ps_witness_remove(&s->witness, w->clip);
    return disk(rq, err);
}

static int seal_statement(struct request *rq, uint64_t number, const uint8_t *p, size_t n) {
    struct ps_why why = {0};
    struct ps_clip *clip = NULL;
    struct ps_leaf leaf;
    uint8_t digest[32], encoded[PS_MAX_LEAF];
    char comment[PS_MAX_TRUSTED_COMMENT + 1];
    size_t encoded_n = 0;
    int no = 0;

    ps_sha256(digest, p, n);
    const struct ps_witness_clip *w = ps_witness_find(&rq->s->witness, number);
    if (w == NULL) {
        no = ended_leaf(rq, number, &leaf, encoded, &encoded_n);
        if (no == 0 && (leaf.type != PS_LEAF_SEAL || memcmp(leaf.digest, digest, sizeof(digest)) != 0))
            no = refuse(rq, PS_REFUSED_STATE, "clip %" PRIu64 " was %s already", number,
                        leaf.type == PS_LEAF_SEAL ? "sealed with other bytes" : "aborted");
        if (no != 0)
            return no;
    }
    if (ps_statement_parse(&clip, p, n, &why) != 0)
        return refuse(rq, PS_REFUSED_STATEMENT, "%s: %s", why.where, why.text);
    if (ps_statement_comment(clip, digest, comment) != 0)
        no = refuse(rq, PS_REFUSED_STATEMENT, "no trusted comment can be made of it");
    if (no == 0 && w != NULL)
        no = seal_now(rq, clip, w, digest, comment, encoded, &encoded_n);
    if (no == 0)
        no = put_sealed(rq, p, n, comment, encoded, encoded_n);
    ps_statement_free(clip);
    return no;
}

static int seal(struct request *rq) {
    uint64_t clip;
    uint32_t size;
    uint8_t *p = NULL;

    if (ps_wire_get_seal(rq->body, rq->n, &clip, &size) != 0)
        return malformed(rq, "SEAL does not parse");
    int no = load_statement(rq, size, &p);
    if (no == 0)
        no = seal_statement(rq, clip, p, size);
    free(p);
    return no;
}

/* ---- APPEND ---------------------------------------------------------------------------------------- */

static int put_appended(struct request *rq, const uint8_t *encoded, size_t n) {
    struct ps_wire_appended reply = {.leaf_len = (uint16_t)n};
    struct ps_leaf leaf;

    memcpy(reply.leaf, encoded, n);
    if (ps_leaf_decode(&leaf, encoded, n) != 0)
        return refuse(rq, PS_REFUSED_DISK, "the leaf cannot be read back");
    reply.index = leaf.index;
    ps_wire_put_appended(rq->out, &reply);
    return 0;
}

static int append(struct request *rq) {
    struct ps_wire_append a;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;

    if (ps_wire_get_append(rq->body, rq->n, &a) != 0)
        return malformed(rq, "APPEND does not parse");
    int no = ps_append_leaf(rq->s, &a, rq->roles, encoded, &n, &rq->no, &rq->stop);
    return no != 0 ? no : put_appended(rq, encoded, n);
}

/* ---- KEY ------------------------------------------------------------------------------------------- */

/* Whoever brings it: the root's signature counts. */
static int key(struct request *rq) {
    struct ps_wire_key k;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;

    if (ps_wire_get_key(rq->body, rq->n, &k) != 0)
        return malformed(rq, "KEY does not parse");
    int no = ps_keyleaf_append(rq->s, &k, encoded, &n, &rq->no, &rq->stop);
    return no != 0 ? no : put_appended(rq, encoded, n);
}

/* ---- the table ------------------------------------------------------------------------------------- */

static const struct {
    int word;
    unsigned roles; /* one of these; 0: for all */
    int (*answer)(struct request *rq);
} words[] = {
    {PS_WIRE_STATUS, 0, status},
    {PS_WIRE_OPEN, PS_ROLE_RECORDER, open_word},
    {PS_WIRE_SEGMENT, PS_ROLE_RECORDER, segment},
    {PS_WIRE_END, PS_ROLE_RECORDER, end},
    {PS_WIRE_SEAL, PS_ROLE_RECORDER, seal},
    {PS_WIRE_ABORT, PS_ROLE_RECORDER, abort_word},
    {PS_WIRE_RECORDS, PS_ROLE_RECORDER, records},
    {PS_WIRE_APPEND, ~0u, append},
    {PS_WIRE_KEY, ~0u, key},
};

enum ps_words_next ps_words_answer(struct ps_state *s, const void *msg, size_t n, int fd, unsigned roles,
                                   struct ps_buf *out) {
    struct request rq = {.s = s, .fd = fd, .roles = roles, .out = out};
    int word = ps_wire_word(msg, n, &rq.body, &rq.n);
    int no = -1;

    /* Before anything is said of a time: was the clock set? A full disk refuses the word itself soon enough. */
    int stepped = ps_append_clock_step(s);
    rq.stop = stepped != 0 && stepped != PS_EFULL;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].word != word)
            continue;
        if (words[i].roles != 0 && (words[i].roles & roles) == 0)
            no = refuse(&rq, PS_REFUSED_PEER, "this word is not for you");
        else if (fd >= 0 && word != PS_WIRE_SEAL)
            no = malformed(&rq, "a descriptor came with a word that takes none");
        else
            no = words[i].answer(&rq);
        break;
    }
    if (no < 0)
        no = refuse(&rq, PS_REFUSED_FORMAT, word == PS_EVERSION ? "unknown version" : "unknown word");
    if (no == 0 && out->err != 0)
        no = refuse(&rq, PS_REFUSED_DISK, "the reply cannot be made: %s", ps_error_text(out->err));
    if (no != 0) {
        ps_buf_reset(out);
        ps_wire_put_refused(out, rq.no.reason, rq.no.text);
    }
    if (rq.stop)
        return PS_WORDS_STOP;
    return no == PS_REFUSED_FORMAT ? PS_WORDS_HANG_UP : PS_WORDS_GO_ON;
}
