/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/seal_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "signer/bounds.h"

static int no(struct ps_why *why, const char *where, const char *text) {
    return ps_error_why(why, PS_EPERM, where, "%s", text);
}

static int check_who(const struct ps_clip *c, const struct ps_witness_clip *w,
                     const struct ps_seal_check_me *me, struct ps_why *why) {
    if (c->number != w->clip)
        return no(why, "clip", "is another clip's number");
    if (c->open_leaf_len != w->leaf_len || memcmp(c->open_leaf, w->leaf, w->leaf_len) != 0)
        return no(why, "open_leaf", "is not the leaf of this clip");
    if (c->take != ps_leaf_take(&w->open))
        return no(why, "take", "is not the take of the open leaf");
    if (strcmp(c->opening.station, me->station) != 0)
        return no(why, "station.id", "is not this station");
    if (memcmp(c->key.id, me->key->id, sizeof(c->key.id)) != 0 || memcmp(c->key.key, me->key->key, 32) != 0)
        return no(why, "key", "is not this signer's clip key");
    if (memcmp(c->ledger_key, me->ledger_key, 32) != 0)
        return no(why, "ledger_key", "is not this signer's ledger key");
    if (memcmp(c->signer_sha256, me->signer_sha256, 32) != 0)
        return no(why, "software.signer_sha256", "is not the running signer");
    return 0;
}

/* Wall clocks may step; the boot clock does not. Statements hold it in whole milliseconds. */
static int check_times(const struct ps_clip *c, const struct ps_witness_clip *w, int64_t boot_ns,
                       struct ps_why *why) {
    const int64_t slack = (int64_t)PS_WITNESS_SLACK_TICKS * 100000 / 9;

    if (c->ended.boot_ns < c->started.boot_ns)
        return no(why, "ended", "is before started, by the boot clock");
    if (w->same_boot && c->ended.boot_ns > boot_ns && c->ended.boot_ns - boot_ns > slack)
        return no(why, "ended", "is in the future, by the boot clock");
    return 0;
}

/* Is seq in one of these ranges? *at moves along; both come in growing order. */
static int in_ranges(const struct ps_range *r, uint32_t n, uint32_t *at, uint32_t seq) {
    while (*at < n && r[*at].last < seq)
        ++*at;
    return *at < n && r[*at].first <= seq;
}

static int no_segment(struct ps_why *why, uint32_t track, uint32_t seq, const char *text) {
    char where[64];

    snprintf(where, sizeof(where), "tracks[%" PRIu32 "] segment %" PRIu32, track, seq);
    return no(why, where, text);
}

static int no_preroll(struct ps_why *why, uint32_t track) {
    char where[64];

    snprintf(where, sizeof(where), "tracks[%" PRIu32 "].preroll", track);
    return no(why, where, "is not the number of segments that came as pre-roll");
}

static int check_ranges(const struct ps_track *t, uint32_t track, struct ps_why *why) {
    for (uint32_t i = 0; i < t->n_lost; i++)
        if (t->lost[i].first > t->lost[i].last || t->lost[i].last >= t->n_records)
            return no_segment(why, track, t->lost[i].last, "is listed as lost and was never journaled");
    for (uint32_t i = 0; i < t->n_unwitnessed; i++)
        if (t->unwitnessed[i].first > t->unwitnessed[i].last || t->unwitnessed[i].last >= t->n_records ||
            (i > 0 && t->unwitnessed[i].first <= t->unwitnessed[i - 1].last))
            return no_segment(why, track, t->unwitnessed[i].first, "a range of unwitnessed is out of order");
    return 0;
}

static int check_records(const struct ps_clip *c, const struct ps_witness_clip *w, struct ps_why *why) {
    uint32_t next[PS_MAX_TRACKS] = {0}, range[PS_MAX_TRACKS] = {0};

    for (uint32_t i = 0; i < w->n; i++) {
        struct ps_record r;
        ps_record_decode(&r, w->records[i].record);
        if (r.track >= c->n_tracks)
            return no_segment(why, r.track, r.seq, "was journaled, and the statement lacks the track");
        const struct ps_track *t = &c->tracks[r.track];
        uint32_t seq = next[r.track]++;
        if (seq >= t->n_records)
            return no_segment(why, r.track, seq, "was journaled, and the statement lacks it");
        if (memcmp(t->records[seq], w->records[i].record, PS_RECORD_SIZE) != 0)
            return no_segment(why, r.track, seq, "is not the one that was journaled");
        int late = in_ranges(t->unwitnessed, t->n_unwitnessed, &range[r.track], seq);
        if (late != (w->records[i].late != 0))
            return no_segment(why, r.track, seq,
                              late ? "is listed as unwitnessed and was witnessed"
                                   : "came late and must be listed as unwitnessed");
    }
    return 0;
}

int ps_seal_check_against(const struct ps_clip *c, const struct ps_witness_clip *w,
                          const struct ps_seal_check_me *me, int64_t boot_ns, struct ps_why *why) {
    int err = check_who(c, w, me, why);

    if (err == 0)
        err = check_times(c, w, boot_ns, why);
    if (err == 0 && w->n == 0)
        err = no(why, "tracks", "nothing was journaled: abort the clip");
    if (err == 0 && c->n_tracks > PS_MAX_TRACKS)
        err = no(why, "tracks", "too many");
    for (uint32_t i = 0; err == 0 && i < c->n_tracks; i++)
        err = check_ranges(&c->tracks[i], i, why);
    if (err == 0)
        err = check_records(c, w, why);
    for (uint32_t i = 0; err == 0 && i < c->n_tracks; i++) {
        if (c->tracks[i].n_records != w->tracks[i].n)
            err = no_segment(why, i, w->tracks[i].n, "was never journaled: send it as late");
        else if (c->tracks[i].n_preroll != w->tracks[i].preroll)
            err = no_preroll(why, i);
        else if (memcmp(c->tracks[i].head, w->tracks[i].head, 32) != 0)
            err = no_segment(why, i, w->tracks[i].n, "the head is not that of the journaled records");
    }
    return err;
}
