/* SPDX-License-Identifier: ISC */
#include "evidence/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/merkle.h"
#include "evidence/tile.h"

#define NO_CLIP UINT32_MAX
#define TYPES (PS_LEAF_RECOVERY + 1)

struct ps_audit {
    uint8_t log[16];
    bool have_log;
    struct ps_merkle tree;
    uint32_t *clip_of; /* of each leaf: place in clips when it opens one, else NO_CLIP */
    size_t cap;
    struct ps_audit_clip *clips;
    size_t n_clips, cap_clips;
    uint64_t count[TYPES];
};

int ps_audit_new(struct ps_audit **out, const uint8_t log[16]) {
    struct ps_audit *a = calloc(1, sizeof *a);
    if (a == NULL)
        return PS_ENOMEM;
    ps_merkle_init(&a->tree);
    if (log != NULL) {
        memcpy(a->log, log, sizeof a->log);
        a->have_log = true;
    }
    *out = a;
    return 0;
}

void ps_audit_free(struct ps_audit *a) {
    if (a == NULL)
        return;
    ps_merkle_free(&a->tree);
    free(a->clip_of);
    free(a->clips);
    free(a);
}

/* ---- leaves ---- */

static struct ps_audit_clip *clip_at(const struct ps_audit *a, uint64_t index) {
    if (index >= a->tree.size || a->clip_of[index] == NO_CLIP)
        return NULL;
    return &a->clips[a->clip_of[index]];
}

static int room(struct ps_audit *a) {
    if (a->tree.size == a->cap) {
        size_t cap = a->cap == 0 ? 1024 : a->cap * 2;
        uint32_t *p = reallocarray(a->clip_of, cap, sizeof *p);
        if (p == NULL)
            return PS_ENOMEM;
        a->clip_of = p;
        a->cap = cap;
    }
    if (a->n_clips == a->cap_clips) {
        size_t cap = a->cap_clips == 0 ? 256 : a->cap_clips * 2;
        struct ps_audit_clip *p = cap < NO_CLIP ? reallocarray(a->clips, cap, sizeof *p) : NULL;
        if (p == NULL)
            return PS_ENOMEM;
        a->clips = p;
        a->cap_clips = cap;
    }
    return 0;
}

static int broken(struct ps_why *why, const struct ps_leaf *l, const char *text) {
    char where[64];
    snprintf(where, sizeof where, "entry %" PRIu64, l->index);
    return ps_error_why(why, PS_ESTATE, where, "%s %" PRIu64 ", %s", ps_leaf_type_name(l->type), l->subject,
                        text);
}

static int end_clip(struct ps_audit *a, const struct ps_leaf *l, struct ps_why *why) {
    struct ps_audit_clip *c = clip_at(a, l->subject);
    if (c == NULL)
        return broken(why, l, "which opens no clip");
    if (c->end != 0)
        return broken(why, l, "which had ended before");
    c->end = l->index;
    c->end_type = l->type;
    memcpy(c->head, l->head, sizeof c->head);
    memcpy(c->digest, l->digest, sizeof c->digest);
    return 0;
}

static int mark_clip(struct ps_audit *a, const struct ps_leaf *l, struct ps_why *why) {
    struct ps_audit_clip *c = clip_at(a, l->subject);
    if (c == NULL || c->end == 0 || c->end_type != PS_LEAF_SEAL)
        return broken(why, l, "which is no sealed clip");
    if (l->type != PS_LEAF_TOMBSTONE)
        return 0;
    if (c->tomb != 0)
        return broken(why, l, "which has a tombstone already");
    c->tomb = l->index;
    return memcmp(c->digest, l->digest, sizeof c->digest) == 0
               ? 0
               : broken(why, l, "whose seal has another digest");
}

static int judge(struct ps_audit *a, const struct ps_leaf *l, struct ps_why *why) {
    switch (l->type) {
    case PS_LEAF_OPEN:
        a->clip_of[l->index] = (uint32_t)a->n_clips;
        a->clips[a->n_clips++] = (struct ps_audit_clip){.number = l->index};
        return 0;
    case PS_LEAF_SEAL:
    case PS_LEAF_ABORT: return end_clip(a, l, why);
    case PS_LEAF_TOMBSTONE:
    case PS_LEAF_EXPORT:
    case PS_LEAF_LINK: return mark_clip(a, l, why);
    default: return 0;
    }
}

int ps_audit_leaf(struct ps_audit *a, const void *p, size_t n, struct ps_why *why) {
    struct ps_leaf l;
    uint8_t hash[32];
    char where[64];
    uint64_t index = a->tree.size;

    snprintf(where, sizeof where, "entry %" PRIu64, index);
    int err = ps_leaf_decode(&l, p, n);
    if (err != 0)
        return ps_error_why(why, err, where, "is no leaf: %s", ps_error_text(err));
    if (l.index != index)
        return ps_error_why(why, PS_EFORMAT, where, "says that it is entry %" PRIu64, l.index);
    if (a->have_log && memcmp(l.log, a->log, sizeof a->log) != 0)
        return ps_error_why(why, PS_EFORMAT, where, "belongs to another ledger key");
    memcpy(a->log, l.log, sizeof a->log);
    a->have_log = true;
    ps_leaf_hash(hash, p, n);
    if (room(a) != 0 || ps_merkle_append(&a->tree, hash) != 0)
        return ps_error_why(why, PS_ENOMEM, where, "out of memory");
    a->clip_of[index] = NO_CLIP;
    a->count[l.type]++;
    return judge(a, &l, why);
}

/* ---- answers ---- */

uint64_t ps_audit_size(const struct ps_audit *a) {
    return a->tree.size;
}

uint64_t ps_audit_count(const struct ps_audit *a, uint8_t type) {
    return type < TYPES ? a->count[type] : 0;
}

int ps_audit_root(const struct ps_audit *a, uint64_t n, uint8_t out[32]) {
    return ps_merkle_root(&a->tree, n, out);
}

int ps_audit_checkpoint(const struct ps_audit *a, const struct ps_checkpoint *c) {
    uint8_t root[32];
    if (ps_merkle_root(&a->tree, c->size, root) != 0)
        return PS_ELIMIT;
    return memcmp(root, c->root, sizeof root) == 0 ? 0 : PS_ESIG;
}

int ps_audit_tile(const struct ps_audit *a, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    uint8_t below[PS_TILE_WIDTH][32];
    if (level < 0 || level > 7 || width > PS_TILE_WIDTH || index > UINT64_MAX / PS_TILE_WIDTH)
        return PS_EINVAL;
    uint64_t first = index * PS_TILE_WIDTH, have = a->tree.size >> 8 * level;
    if (first > have || width > have - first)
        return PS_EINVAL;
    if (level == 0) {
        memcpy(hashes, a->tree.leaf[first], (size_t)width * 32);
        return 0;
    }
    for (unsigned i = 0; i < width; i++) {
        int err = ps_audit_tile(a, level - 1, first + i, PS_TILE_WIDTH, below[0]);
        if (err != 0)
            return err;
        ps_tile_fold(hashes + (size_t)i * 32, (const uint8_t(*)[32])below);
    }
    return 0;
}

const struct ps_audit_clip *ps_audit_clips(const struct ps_audit *a, size_t *n) {
    *n = a->n_clips;
    return a->clips;
}

int ps_audit_statement(struct ps_audit *a, const struct ps_clip *c, const uint8_t digest[32],
                       struct ps_why *why) {
    uint8_t hash[32], head[32];
    char where[64];
    snprintf(where, sizeof where, "clip %" PRIu64, c->number);
    struct ps_audit_clip *have = clip_at(a, c->number);
    if (have == NULL)
        return ps_error_why(why, PS_ENOENT, where, "is not opened in this ledger");
    ps_leaf_hash(hash, c->open_leaf, c->open_leaf_len);
    if (memcmp(hash, a->tree.leaf[c->number], sizeof hash) != 0)
        return ps_error_why(why, PS_EFORMAT, where, "was opened by another leaf than the statement holds");
    if (have->end == 0 || have->end_type != PS_LEAF_SEAL)
        return ps_error_why(why, PS_ESTATE, where,
                            have->end == 0 ? "is not sealed in the ledger" : "was aborted in the ledger");
    if (memcmp(digest, have->digest, sizeof have->digest) != 0)
        return ps_error_why(why, PS_ESIG, where, "was sealed with another clip.json: entry %" PRIu64,
                            have->end);
    ps_statement_heads(c, head);
    if (memcmp(head, have->head, sizeof head) != 0)
        return ps_error_why(why, PS_ESIG, where, "was sealed with other heads: entry %" PRIu64, have->end);
    have->seen = true;
    return 0;
}
