/* SPDX-License-Identifier: ISC */
/* What must hold between the fields of a statement, whoever made the struct. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/statement_internal.h"

/* `where` is a JSON path, as printf makes it. */
static int __attribute__((format(printf, 4, 5)))
refuse(struct ps_why *why, int err, const char *text, const char *where, ...) {
    char path[128];
    va_list ap;
    va_start(ap, where);
    vsnprintf(path, sizeof path, where, ap);
    va_end(ap);
    return ps_error_why(why, err, path, "%s", text);
}

/* ---- the opening and its leaf ---- */

static int check_leaf(const struct ps_clip *c, struct ps_leaf *leaf, struct ps_why *why) {
    uint8_t log[16];
    int err = ps_leaf_decode(leaf, c->open_leaf, c->open_leaf_len);
    if (err != 0)
        return refuse(why, err, ps_error_text(err), "open_leaf");
    if (leaf->type != PS_LEAF_OPEN)
        return refuse(why, PS_EFORMAT, "is not an open leaf", "open_leaf");
    if (leaf->index != c->number) /* ps_leaf_decode: its subject is its index */
        return refuse(why, PS_EFORMAT, "is not the index of the open leaf", "clip");
    if (ps_leaf_take(leaf) != c->take)
        return refuse(why, PS_EFORMAT, "is not the take of the open leaf", "take");
    ps_leaf_log_id(log, c->ledger_key);
    if (memcmp(log, leaf->log, sizeof log) != 0)
        return refuse(why, PS_EFORMAT, "is not the key of the open leaf's ledger", "ledger_key");
    return 0;
}

static int check_opening(const struct ps_clip *c, const struct ps_leaf *leaf, struct ps_why *why) {
    struct ps_buf b;
    uint8_t digest[32];
    ps_buf_init(&b, PS_MAX_OPENING);
    ps_opening_encode(&c->opening, &b);
    int err = b.err;
    if (err == 0)
        ps_sha256(digest, b.p, b.n);
    ps_buf_free(&b);
    if (err == PS_ENOMEM)
        return refuse(why, err, "out of memory", "codes");
    if (err == PS_ELIMIT)
        return refuse(why, err, "the opening is too long", "codes");
    if (err != 0) /* texts, kinds and cameras were looked at before */
        return refuse(why, PS_EFORMAT,
                      "a code of 8 characters and its token's digest come together or not at all",
                      "freshness");
    if (memcmp(digest, leaf->digest, 32) != 0)
        return refuse(why, PS_EFORMAT, "is not the leaf of this opening", "open_leaf");
    return 0;
}

/* ---- tracks ---- */

static int check_records(const struct ps_clip *c, size_t i, uint64_t *ticks, struct ps_why *why) {
    const struct ps_track *t = &c->tracks[i];
    uint8_t head[32];
    uint64_t frames = 0;
    ps_leaf_hash(head, c->open_leaf, c->open_leaf_len);
    *ticks = 0;
    for (size_t j = 0; j < t->n_records; j++) {
        struct ps_record r;
        const char *bad = NULL;
        if (ps_record_decode(&r, t->records[j]) != 0)
            return refuse(why, PS_ELIMIT, "a field is out of bounds", "tracks[%zu].segments[%zu]", i, j);
        if (r.track != i)
            bad = "is of another track";
        else if (r.seq != j)
            bad = "is out of sequence";
        else if (r.start != *ticks)
            bad = "does not start where the one before ends";
        if (bad != NULL)
            return refuse(why, PS_EFORMAT, bad, "tracks[%zu].segments[%zu]", i, j);
        *ticks += r.duration;
        frames += r.frames;
        ps_record_chain(head, t->records[j]);
    }
    if (memcmp(head, t->head, 32) != 0)
        return refuse(why, PS_EFORMAT, "is not the head of these segments", "tracks[%zu].head", i);
    if (frames != t->counts.encoded)
        return refuse(why, PS_EFORMAT, "is not the sum of the segments' frames", "tracks[%zu].counts.encoded",
                      i);
    return 0;
}

static int check_ranges(const struct ps_range *r, size_t n, uint32_t n_records, size_t track,
                        const char *name, struct ps_why *why) {
    for (size_t j = 0; j < n; j++) {
        const char *bad = NULL;
        if (r[j].first > r[j].last)
            bad = "ends before it begins";
        else if (r[j].last >= n_records)
            bad = "is beyond the segments";
        else if (j > 0 && r[j].first <= r[j - 1].last)
            bad = "is out of order or overlaps";
        if (bad != NULL)
            return refuse(why, PS_EFORMAT, bad, "tracks[%zu].%s[%zu]", track, name, j);
    }
    return 0;
}

static int check_gaps(const struct ps_track *t, size_t track, uint64_t ticks, struct ps_why *why) {
    for (size_t j = 0; j < t->n_gaps; j++) {
        const struct ps_gap *g = &t->gaps[j];
        const char *bad = NULL;
        if (g->start > ticks || g->duration > ticks - g->start)
            bad = "is beyond the segments";
        else if (j > 0 && g->start < t->gaps[j - 1].start)
            bad = "is out of order";
        if (bad != NULL)
            return refuse(why, PS_EFORMAT, bad, "tracks[%zu].gaps[%zu]", track, j);
    }
    return 0;
}

static int check_counts(const struct ps_counts *n, size_t track, struct ps_why *why) {
    const uint64_t max = PS_MAX_JSON_INT;
    /* Within 2^53 no sum of two overflows. */
    if (n->captured > max || n->encoded > max || n->dropped > max || n->damaged > max || n->repeated > max)
        return refuse(why, PS_ELIMIT, "a count is beyond 2^53 - 1", "tracks[%zu].counts", track);
    if (n->dropped + n->damaged > n->captured ||
        n->encoded != n->captured - n->dropped - n->damaged + n->repeated)
        return refuse(why, PS_EFORMAT, "encoded is not captured - dropped - damaged + repeated",
                      "tracks[%zu].counts", track);
    return 0;
}

/* Cameras of the opening are as the opening has them; others are one of those, come back in another format. */
static int check_camera(const struct ps_clip *c, size_t i, struct ps_why *why) {
    const struct ps_opening *o = &c->opening;
    size_t same = 0;
    while (same < o->n_tracks && strcmp(o->tracks[same], c->tracks[i].camera) != 0)
        same++;
    if (i < o->n_tracks && same != i)
        return refuse(why, PS_EFORMAT, "is not the camera of the opening, or stands there twice",
                      "tracks[%zu].camera", i);
    if (same == o->n_tracks)
        return refuse(why, PS_EFORMAT, "is no camera of the opening", "tracks[%zu].camera", i);
    return 0;
}

static int check_picture(const struct ps_track *t, size_t i, struct ps_why *why) {
    const struct ps_banner *b = &t->banner;
    if (b->w > t->width || b->x > t->width - b->w || b->h > t->height || b->y > t->height - b->h)
        return refuse(why, PS_EFORMAT, "is not inside the picture", "tracks[%zu].banner", i);
    if (t->n_records == 0) /* a camera that never gave a picture */
        return 0;
    if (t->width == 0 || t->height == 0)
        return refuse(why, PS_EFORMAT, "is 0", "tracks[%zu].%s", i, t->width == 0 ? "width" : "height");
    if (strncmp(t->codec, "avc1.", 5) != 0)
        return refuse(why, PS_EFORMAT, "is not avc1", "tracks[%zu].codec", i);
    return 0;
}

static bool has_code(const struct ps_clip *c, const char *value) {
    for (size_t i = 0; i < c->opening.n_codes; i++)
        if (strcmp(c->opening.codes[i].value, value) == 0)
            return true;
    for (size_t i = 0; i < c->n_added_codes; i++)
        if (strcmp(c->added_codes[i].value, value) == 0)
            return true;
    return false;
}

static int check_banners(const struct ps_clip *c, size_t track, struct ps_why *why) {
    const struct ps_track *t = &c->tracks[track];
    const struct ps_banner *all = &t->banner;
    for (size_t i = 0; i < t->n_banners; i++) {
        const struct ps_banner_change *k = &t->banners[i];
        const char *bad = NULL;
        if (i == 0 ? k->from != 0 : k->from <= t->banners[i - 1].from)
            bad = "is out of order";
        else if (k->from >= t->n_records)
            bad = "is beyond the segments";
        else if (k->b.x < all->x || k->b.y < all->y || k->b.x + k->b.w > all->x + all->w ||
                 k->b.y + k->b.h > all->y + all->h)
            bad = "is not inside the banner";
        else if (k->text[0] != '\0' && !has_code(c, k->text))
            bad = "shows what is no code of the clip";
        if (bad != NULL)
            return refuse(why, PS_EFORMAT, bad, "tracks[%zu].banners[%zu]", track, i);
    }
    return 0;
}

static int check_preroll(const struct ps_clip *c, size_t track, struct ps_why *why) {
    const struct ps_track *t = &c->tracks[track];
    struct ps_record last;
    uint32_t late = 0; /* so many of the first segments are unwitnessed */
    if (t->n_preroll == 0)
        return 0;
    if (track >= c->opening.n_tracks)
        return refuse(why, PS_EFORMAT, "is of a track that was added later", "tracks[%zu].preroll", track);
    if (t->n_preroll > t->n_records)
        return refuse(why, PS_EFORMAT, "is beyond the segments", "tracks[%zu].preroll", track);
    for (size_t i = 0; i < t->n_unwitnessed && t->unwitnessed[i].first == late; i++)
        late = t->unwitnessed[i].last + 1;
    if (late < t->n_preroll)
        return refuse(why, PS_EFORMAT, "is not all among the unwitnessed", "tracks[%zu].preroll", track);
    (void)ps_record_decode(&last, t->records[t->n_preroll - 1]); /* looked at before */
    if (last.start + last.duration > (uint64_t)PS_MAX_PREROLL_SECONDS * PS_TICKS_PER_SECOND)
        return refuse(why, PS_ELIMIT, "is longer than 30 s", "tracks[%zu].preroll", track);
    return 0;
}

static int check_track(const struct ps_clip *c, size_t i, struct ps_why *why) {
    const struct ps_track *t = &c->tracks[i];
    uint64_t ticks = 0;
    int err = check_camera(c, i, why);
    if (err == 0)
        err = check_picture(t, i, why);
    if (err == 0)
        err = check_counts(&t->counts, i, why);
    if (err == 0)
        err = check_records(c, i, &ticks, why);
    if (err == 0)
        err = check_gaps(t, i, ticks, why);
    if (err == 0)
        err = check_ranges(t->unwitnessed, t->n_unwitnessed, t->n_records, i, "unwitnessed", why);
    if (err == 0)
        err = check_ranges(t->lost, t->n_lost, t->n_records, i, "lost", why);
    if (err != 0)
        return err;
    /* A tail is one range; written as several it would only hide from whoever compares. */
    if (t->n_lost > 1 || (t->n_lost == 1 && t->lost[0].last + 1 != t->n_records))
        return refuse(why, PS_EFORMAT, "is not the tail of the segments", "tracks[%zu].lost", i);
    err = check_preroll(c, i, why);
    return err != 0 ? err : check_banners(c, i, why);
}

/* ---- files ---- */

static char folded(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Whether two names cannot both be files of one folder, on a system that does not tell cases apart either:
 * equal, or one is a folder of the other. */
static bool collide(const char *a, const char *b) {
    while (*a != '\0' && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return (*a == '\0' && (*b == '\0' || *b == '/')) || (*b == '\0' && *a == '/');
}

static const char *file_name(const struct ps_clip *c, size_t i) {
    return i < c->n_tracks ? c->tracks[i].file.name : c->originals[i - c->n_tracks].file.name;
}

/* What lies beside the films and is judged by rules of its own. */
static bool reserved(const char *name) {
    static const char *const own[] = {"clip.json",       "clip.json.minisig", "checkpoint",
                                      "open.tlog-proof", "seal.tlog-proof",   "excerpt.json"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (collide(name, own[i]))
            return true;
    return false;
}

static int check_files(const struct ps_clip *c, struct ps_why *why) {
    size_t n = (size_t)c->n_tracks + c->n_originals;
    for (size_t i = 0; i < n; i++) {
        const char *name = file_name(c, i);
        const char *list = i < c->n_tracks ? "tracks" : "originals";
        size_t at = i < c->n_tracks ? i : i - c->n_tracks;
        bool ok = ps_statement_file_name_ok(name) && !reserved(name);
        for (size_t j = 0; ok && j < i; j++)
            ok = !collide(name, file_name(c, j));
        if (!ok)
            return refuse(why, PS_EFORMAT, "is not a plain name, or is taken", "%s[%zu].file.name", list, at);
    }
    for (size_t i = 0; i < c->n_originals; i++) {
        if (c->originals[i].track >= c->n_tracks)
            return refuse(why, PS_EFORMAT, "is no track", "originals[%zu].track", i);
    }
    return 0;
}

int ps_statement_check(const struct ps_clip *c, struct ps_why *why) {
    size_t segments = 0, ranges = 0, gaps = 0;
    if (c->n_tracks == 0 || c->n_tracks > PS_MAX_TRACKS || c->opening.n_tracks > c->n_tracks ||
        c->opening.n_tracks == 0)
        return refuse(why, PS_EFORMAT, "has no track of the opening, or too many", "tracks");
    if ((size_t)c->opening.n_codes + c->n_added_codes > PS_MAX_CODES)
        return refuse(why, PS_ELIMIT, "has too many elements", "codes");
    if (c->n_originals > PS_MAX_ORIGINALS || c->n_events > PS_MAX_EVENTS)
        return refuse(why, PS_ELIMIT, "has too many elements",
                      c->n_events > PS_MAX_EVENTS ? "events" : "originals");
    for (size_t i = 0; i < c->n_tracks; i++) {
        const struct ps_track *t = &c->tracks[i];
        segments += t->n_records;
        ranges += (size_t)t->n_unwitnessed + t->n_lost;
        gaps += t->n_gaps;
        if (segments > PS_MAX_SEGMENTS || ranges > PS_MAX_RANGES || gaps > PS_MAX_GAPS)
            return refuse(why, PS_ELIMIT, "has too many segments, ranges or gaps", "tracks[%zu]", i);
    }
    if (c->started.boot_ns > c->ended.boot_ns)
        return refuse(why, PS_EFORMAT, "is before the start", "ended.boot_ms");
    struct ps_leaf leaf;
    int err = check_leaf(c, &leaf, why);
    for (size_t i = 0; err == 0 && i < c->n_tracks; i++)
        err = check_track(c, i, why);
    if (err == 0)
        err = check_opening(c, &leaf, why);
    if (err == 0)
        err = check_files(c, why);
    return err;
}

void ps_statement_heads(const struct ps_clip *c, uint8_t out[32]) {
    static const char name[] = "packseal/heads/v1"; /* with its NUL */
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, name, sizeof name);
    for (size_t i = 0; i < c->n_tracks; i++) {
        const uint8_t index[4] = {0, 0, 0, (uint8_t)i}; /* u32, and i < PS_MAX_TRACKS */
        ps_sha256_update(&h, index, sizeof index);
        ps_sha256_update(&h, c->tracks[i].head, 32);
    }
    ps_sha256_final(&h, out);
}
