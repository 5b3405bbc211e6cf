/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/append.h"

#include <inttypes.h>
#include <string.h>

#include "signer/bounds.h"
#include "signer/file.h"
#include "signer/state.h"

static const struct {
    uint8_t type;
    unsigned roles;
    bool of_clip; /* the subject is a sealed clip; else the leaf's own index */
} kinds[] = {
    {PS_LEAF_EXPORT, PS_ROLE_VIEWER | PS_ROLE_RECORDER, true},
    {PS_LEAF_LINK, PS_ROLE_RECORDER, true},
    {PS_LEAF_TOMBSTONE, PS_ROLE_PRUNER, true},
    {PS_LEAF_HEALTH, PS_ROLE_RECORDER, false},
    {PS_LEAF_INTAKE, PS_ROLE_RECORDER, false},
    {PS_LEAF_ANCHOR, PS_ROLE_STAMP, false},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static size_t kind_of(uint8_t type) {
    size_t i = 0;

    while (i < KINDS && kinds[i].type != type)
        i++;
    return i;
}

/* ---- asked once more -------------------------------------------------------------------------------- */

static void remember(struct ps_state *s, uint64_t index) {
    s->appends[s->n_appends++ % PS_STATE_APPENDS] = index;
}

static int leaf_at(const struct ps_state *s, uint64_t index, struct ps_leaf *leaf, uint8_t *encoded,
                   size_t *n) {
    int len = ps_ledger_get(s->ledger, index, encoded);

    if (len < 0 || ps_leaf_decode(leaf, encoded, (size_t)len) != 0)
        return PS_EIO;
    *n = (size_t)len;
    return 0;
}

/* 1 and the leaf when the same was appended lately, 0 when not, or an error. */
static int again(const struct ps_state *s, const struct ps_wire_append *a, bool of_clip, uint8_t *encoded,
                 size_t *n) {
    struct ps_leaf leaf;

    for (uint64_t i = 0; i < s->n_appends && i < PS_STATE_APPENDS; i++) {
        uint64_t index = s->appends[i];
        if (ps_ledger_type(s->ledger, index) != a->type)
            continue;
        int err = leaf_at(s, index, &leaf, encoded, n);
        if (err != 0)
            return err;
        if (memcmp(leaf.digest, a->digest, sizeof(leaf.digest)) == 0 &&
            (!of_clip || leaf.subject == a->subject))
            return 1;
    }
    return 0;
}

int ps_append_recall(struct ps_state *s, struct ps_why *why) {
    uint64_t size = ps_ledger_size(s->ledger), found[PS_STATE_APPENDS];
    unsigned n = 0;
    struct ps_leaf leaf;
    uint8_t encoded[PS_MAX_LEAF];
    size_t len;

    for (uint64_t i = size; i-- > 0 && n < PS_STATE_APPENDS;)
        if (kind_of(ps_ledger_type(s->ledger, i)) < KINDS)
            found[n++] = i;
    while (n > 0)
        remember(s, found[--n]);
    if (size == 0)
        return 0;
    if (leaf_at(s, size - 1, &leaf, encoded, &len) != 0)
        return ps_error_why(why, PS_EIO, "ledger/entries", "cannot be read back");
    /* What the clock did while no signer ran; after a reboot the start-up leaf has to do. */
    if (memcmp(leaf.boot_id, s->boot_id, sizeof(leaf.boot_id)) == 0)
        ps_clock_step(&s->watch, leaf.wall_ns, leaf.boot_ns);
    return 0;
}

/* ---- APPEND ------------------------------------------------------------------------------------------ */

/* Does the ledger let such a leaf speak of this clip? */
static int of_clip(const struct ps_state *s, const struct ps_wire_append *a, struct ps_wire_refused *no) {
    struct ps_leaf seal;
    uint8_t encoded[PS_MAX_LEAF];
    uint64_t end;
    size_t n;

    int err = ps_ledger_may_mark(s->ledger, a->type, a->subject);
    if (err != 0)
        return ps_witness_refuse(no, PS_REFUSED_STATE, "clip %" PRIu64 " %s", a->subject,
                                 err == PS_EEXIST ? "has a tombstone already" : "is not a sealed clip");
    if (a->type != PS_LEAF_TOMBSTONE)
        return 0;
    if (ps_ledger_end_of(s->ledger, a->subject, &end) != 0 || leaf_at(s, end, &seal, encoded, &n) != 0)
        return ps_witness_refuse(no, PS_REFUSED_DISK, "the seal of clip %" PRIu64 " cannot be read back",
                                 a->subject);
    if (memcmp(seal.digest, a->digest, sizeof(seal.digest)) != 0)
        return ps_witness_refuse(no, PS_REFUSED_STATE, "clip %" PRIu64 " was sealed with another digest",
                                 a->subject);
    return 0;
}

static int judge(const struct ps_wire_append *a, unsigned roles, struct ps_wire_refused *no) {
    size_t kind = kind_of(a->type);

    if (kind == KINDS)
        return ps_witness_refuse(no, PS_REFUSED_PEER, "%s leaves are not appended by request",
                                 ps_leaf_type_name(a->type));
    if ((kinds[kind].roles & roles) == 0)
        return ps_witness_refuse(no, PS_REFUSED_PEER, "%s leaves are not for you",
                                 ps_leaf_type_name(a->type));
    if (!kinds[kind].of_clip && a->subject != 0)
        return ps_witness_refuse(no, PS_REFUSED_FORMAT, "%s leaves speak of no clip",
                                 ps_leaf_type_name(a->type));
    return 0;
}

int ps_append_leaf(struct ps_state *s, const struct ps_wire_append *a, unsigned roles, uint8_t *encoded,
                   size_t *n, struct ps_wire_refused *no, bool *stop) {
    struct ps_leaf leaf;

    int refused = judge(a, roles, no);
    if (refused != 0)
        return refused;
    bool clip = kinds[kind_of(a->type)].of_clip;
    int known = again(s, a, clip, encoded, n);
    if (known > 0)
        return 0;
    if (known < 0) {
        *stop = true;
        return ps_witness_refuse(no, PS_REFUSED_DISK, "the ledger cannot be read back");
    }
    if (clip && (refused = of_clip(s, a, no)) != 0)
        return refused;
    ps_state_leaf(s, a->type, &leaf);
    if (clip)
        leaf.subject = a->subject;
    memcpy(leaf.digest, a->digest, sizeof(leaf.digest));
    leaf.extra_len = a->extra_len;
    memcpy(leaf.extra, a->extra, a->extra_len);
    int err = ps_leaf_encode(&leaf, encoded) < 0 ? PS_EINVAL : 0;
    if (err != 0)
        return ps_witness_refuse(no, PS_REFUSED_FORMAT, "is no %s leaf: see docs/FORMAT.md section 4",
                                 ps_leaf_type_name(a->type));
    err = ps_state_commit(s, PS_JOURNAL_LEAF, NULL, 0, &leaf, encoded, n);
    if (err != 0) {
        *stop = err != PS_EFULL;
        return ps_witness_refuse(no, PS_REFUSED_DISK, "the journal cannot be written: %s",
                                 ps_file_error_text());
    }
    remember(s, leaf.index);
    return 0;
}

/* ---- the clock --------------------------------------------------------------------------------------- */

int ps_append_clock_step(struct ps_state *s) {
    struct ps_leaf leaf;
    struct ps_clock_watch before = s->watch;
    uint8_t encoded[PS_MAX_LEAF];
    size_t n;

    ps_state_leaf(s, PS_LEAF_CLOCK_STEP, &leaf);
    int64_t step = ps_clock_step(&s->watch, leaf.wall_ns, leaf.boot_ns);
    if (step == 0)
        return 0;
    leaf.extra_len = 8;
    for (int i = 0; i < 8; i++)
        leaf.extra[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    int err = ps_state_commit(s, PS_JOURNAL_LEAF, NULL, 0, &leaf, encoded, &n);
    if (err == PS_EFULL)
        s->watch = before; /* told when there is room again */
    return err;
}
