/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/wire.h"
#include "recorder/recording_log.h"

#define LOG_NAME "recording.log"

void ps_recording_time(const struct ps_clock_map *m, int64_t mono_ns, struct ps_time *out) {
    out->wall_ns = ps_clock_wall_of(m, mono_ns);
    out->boot_ns = ps_clock_boot_of(m, mono_ns);
    out->clock = m->state;
    out->max_error_us = m->max_error_us;
}

static struct ps_recording *blank(void) {
    struct ps_recording *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->dirfd = r->log = -1;
    r->clip = calloc(1, sizeof *r->clip);
    if (r->clip)
        r->clip->tracks = calloc(PS_MAX_TRACKS, sizeof *r->clip->tracks);
    if (!r->clip || !r->clip->tracks) {
        ps_recording_free(r);
        return NULL;
    }
    r->clip->label = PS_LABEL_NOT_CHECKED;
    return r;
}

void ps_recording_free(struct ps_recording *r) {
    if (!r)
        return;
    for (int i = 0; i < PS_MAX_TRACKS; i++) {
        ps_mp4w_close(r->track[i].film);
        free(r->track[i].late);
    }
    if (r->log >= 0)
        close(r->log);
    if (r->dirfd >= 0)
        close(r->dirfd);
    ps_statement_free(r->clip);
    free(r);
}

/* Appends one line whole, or not at all. */
static int append(struct ps_recording *r, struct ps_buf *line) {
    int err = line->err;

    if (!err) {
        ps_buf_u8(line, '\n');
        ssize_t k = line->err ? -1 : write(r->log, line->p, line->n);
        if (k == (ssize_t)line->n)
            r->log_size += k;
        else
            err = line->err ? line->err : k >= 0 || errno == ENOSPC ? PS_EFULL : PS_EIO;
        if (err && ftruncate(r->log, r->log_size) < 0) /* a torn line would hide what comes after it */
            err = PS_EIO;
    }
    ps_buf_free(line);
    return err;
}

static int apply(struct ps_recording *r, struct ps_buf *line) {
    struct ps_why why;
    int err = line->err;

    if (!err)
        err = ps_recording_log_apply(r, line->p, line->n, &why);
    if (err) {
        ps_buf_free(line);
        return err;
    }
    return append(r, line);
}

int ps_recording_new(struct ps_recording **out, const char *root, const struct ps_opening *o,
                     const char *station_name, const struct ps_clock_map *map, int64_t mono_ns,
                     const uint8_t boot_id[16], struct ps_why *why) {
    struct ps_recording *r = blank();
    struct ps_buf line;
    struct ps_time started;
    int err;

    if (!r)
        return ps_error_why(why, PS_ENOMEM, "clip", "out of memory");
    err = ps_store_part_new(root, r->id, &r->dirfd, why);
    if (err < 0)
        goto fail;
    r->log = openat(r->dirfd, LOG_NAME, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);
    if (r->log < 0) {
        err = ps_error_why(why, PS_EIO, LOG_NAME, "cannot create: %s", strerror(errno));
        goto fail;
    }
    ps_recording_time(map, mono_ns, &started);
    r->started_mono_ns = mono_ns;
    ps_recording_log_start(&line, o, station_name, &started, mono_ns, boot_id);
    err = apply(r, &line);
    if (!err)
        err = ps_recording_sync(r);
    if (!err && fsync(r->dirfd) < 0)
        err = PS_EIO;
    if (err < 0) {
        ps_error_why(why, err, LOG_NAME, "cannot write: %s", strerror(errno));
        goto fail;
    }
    *out = r;
    return 0;
fail:
    ps_recording_free(r);
    return err;
}

/* Applies each whole line; a torn or foreign line ends the replay, for nothing after it can be believed. Gives the
 * length of what was applied. */
static int replay(struct ps_recording *r, const uint8_t *p, size_t n, size_t *good, struct ps_why *why) {
    const uint8_t *at = p, *end = p + n, *nl;

    while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
        if (ps_recording_log_apply(r, at, (size_t)(nl - at), why) < 0)
            break;
        at = nl + 1;
    }
    *good = (size_t)(at - p);
    return at > p ? 0 : ps_error_why(why, PS_ENOENT, LOG_NAME, "holds no start of a clip");
}

/* The log ready to be gone on with: what cannot be read is cut off, so that later lines can be. */
static int reopen_log(struct ps_recording *r, size_t good) {
    r->log = openat(r->dirfd, LOG_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    r->log_size = (off_t)good;
    return r->log >= 0 && ftruncate(r->log, r->log_size) == 0 ? 0 : PS_EIO;
}

int ps_recording_load(struct ps_recording **out, const char *root, const char *id, struct ps_why *why) {
    struct ps_recording *r = blank();
    uint8_t *text = NULL;
    size_t n = 0, good = 0;
    int err;

    if (!r)
        return ps_error_why(why, PS_ENOMEM, "clip", "out of memory");
    snprintf(r->id, sizeof r->id, "%s", id);
    err = ps_store_part_open(root, id, &r->dirfd, why);
    if (err < 0)
        goto out;
    err = ps_store_read_file(r->dirfd, LOG_NAME, PS_RECORDING_LOG_MAX, &text, &n, why);
    if (err < 0)
        goto out;
    err = replay(r, text, n, &good, why);
    if (err < 0)
        goto out;
    err = reopen_log(r, good);
    if (err < 0)
        ps_error_why(why, err, LOG_NAME, "cannot go on with it: %s", strerror(errno));
out:
    free(text);
    if (err < 0)
        ps_recording_free(r);
    else
        *out = r;
    return err;
}

int ps_recording_sync(struct ps_recording *r) {
    return fdatasync(r->log) == 0 ? 0 : errno == ENOSPC ? PS_EFULL : PS_EIO;
}

int ps_recording_opened(struct ps_recording *r, uint64_t clip, uint32_t take, const uint8_t *leaf,
                        uint16_t leaf_len) {
    struct ps_buf line;

    ps_recording_log_opened(&line, clip, take, leaf, leaf_len);
    return apply(r, &line);
}

int ps_recording_track(struct ps_recording *r, uint32_t index, const struct ps_track *t) {
    struct ps_buf line;

    ps_recording_log_track(&line, index, t);
    return apply(r, &line);
}

int ps_recording_banner(struct ps_recording *r, uint32_t index, const struct ps_banner_change *k) {
    struct ps_buf line;

    ps_recording_log_banner(&line, index, k);
    return apply(r, &line);
}

int ps_recording_segment(struct ps_recording *r, const struct ps_record *s, const struct ps_counts *so_far) {
    struct ps_buf line;

    ps_recording_log_segment(&line, s, so_far);
    return apply(r, &line);
}

int ps_recording_gap(struct ps_recording *r, uint32_t track, const struct ps_gap *g) {
    struct ps_buf line;

    ps_recording_log_gap(&line, track, g);
    return apply(r, &line);
}

int ps_recording_original(struct ps_recording *r, const struct ps_original *o) {
    struct ps_buf line;

    ps_recording_log_original(&line, o);
    return apply(r, &line);
}

/* Events have a bound of their own: what does not fit is lost as a remark, never as a clip. */
static int remark(struct ps_recording *r, int64_t mono_ns, const char *what, const char *text) {
    int err = ps_recording_event(r, mono_ns, what, text);

    return err == PS_ELIMIT ? 0 : err;
}

int ps_recording_original_room(struct ps_recording *r, const struct ps_original *o, uint32_t ends,
                               int64_t mono_ns) {
    uint32_t most =
        strcmp(o->why, "end") == 0 || ends > PS_MAX_ORIGINALS ? PS_MAX_ORIGINALS : PS_MAX_ORIGINALS - ends;

    if (r->clip->n_originals < most)
        return ps_recording_original(r, o);
    /* A file that the statement does not name would look like somebody's addition. */
    if (unlinkat(r->dirfd, o->file.name, 0) != 0 && errno != ENOENT)
        return PS_EIO;
    return r->originals_left_out++ ? 0 : remark(r, mono_ns, "originals-full", o->file.name);
}

int ps_recording_originals_told(struct ps_recording *r, int64_t mono_ns) {
    char text[16];

    if (!r->originals_left_out)
        return 0;
    snprintf(text, sizeof text, "%" PRIu32, r->originals_left_out);
    return remark(r, mono_ns, "originals-left-out", text);
}

int ps_recording_code(struct ps_recording *r, const struct ps_code *c) {
    struct ps_buf line;

    ps_recording_log_code(&line, c);
    return apply(r, &line);
}

int ps_recording_event(struct ps_recording *r, int64_t mono_ns, const char *what, const char *text) {
    struct ps_buf line;
    int64_t ns = mono_ns - r->started_mono_ns;

    ps_recording_log_event(&line, ns > 0 ? (uint64_t)ns / 1000000 : 0, what, text);
    return apply(r, &line);
}

int ps_recording_label(struct ps_recording *r, uint8_t label) {
    struct ps_buf line;

    ps_recording_log_label(&line, label);
    return apply(r, &line);
}

int ps_recording_end(struct ps_recording *r, uint8_t reason, const struct ps_time *ended) {
    struct ps_buf line;

    ps_recording_log_end(&line, reason, ended);
    int err = apply(r, &line);
    return err ? err : ps_recording_sync(r);
}

void ps_recording_late(struct ps_recording *r, uint32_t track, uint32_t seq) {
    if (track < PS_MAX_TRACKS && seq < r->clip->tracks[track].n_records &&
        r->track[track].late[seq] == PS_WIRE_WITNESSED)
        r->track[track].late[seq] = PS_WIRE_LATE;
}

static int late_ranges(struct ps_track *t, const uint8_t *late) {
    uint32_t n = 0;

    free(t->unwitnessed);
    t->unwitnessed = calloc(t->n_records ? t->n_records : 1, sizeof *t->unwitnessed);
    if (!t->unwitnessed)
        return PS_ENOMEM;
    for (uint32_t i = 0; i < t->n_records; i++) {
        if (!late[i])
            continue;
        if (n && t->unwitnessed[n - 1].last + 1 == i)
            t->unwitnessed[n - 1].last = i;
        else
            t->unwitnessed[n++] = (struct ps_range){i, i};
    }
    t->n_unwitnessed = n;
    return 0;
}

/* A gap that was logged before its segment closed can reach past what a crash left of the track. */
static void trim_gaps(struct ps_track *t, uint64_t ticks) {
    uint32_t kept = 0;

    for (uint32_t i = 0; i < t->n_gaps; i++) {
        struct ps_gap g = t->gaps[i];
        if (g.start >= ticks)
            continue;
        if (g.duration > ticks - g.start)
            g.duration = ticks - g.start;
        t->gaps[kept++] = g;
    }
    t->n_gaps = kept;
}

/* As many as the signer has as such: a crash may have left less of it than was announced. */
static void count_preroll(struct ps_track *t, const uint8_t *late) {
    t->n_preroll = 0;
    while (t->n_preroll < t->n_records && late[t->n_preroll] == PS_WIRE_PREROLL)
        t->n_preroll++;
}

/* The fields of a that are in b, too. */
static void common_fields(char *a, const char *b) {
    char kept[sizeof((struct ps_banner *)0)->fields] = "", wanted[sizeof kept + 2], *word, *rest = a;

    snprintf(wanted, sizeof wanted, " %s ", b);
    while ((word = strsep(&rest, " "))) {
        char one[sizeof kept + 2];
        snprintf(one, sizeof one, " %s ", word);
        if (!word[0] || !strstr(wanted, one))
            continue;
        size_t n = strlen(kept);
        snprintf(kept + n, sizeof kept - n, "%s%s", n ? " " : "", word);
    }
    memcpy(a, kept, sizeof kept);
}

/* `banner` holds for every picture that there is: what it never leaves, and what it always shows. */
static void fold_banners(struct ps_track *t) {
    while (t->n_banners && t->banners[t->n_banners - 1].from >= t->n_records)
        t->n_banners--; /* a crash left nothing of it */
    for (uint32_t i = 0; i < t->n_banners; i++) {
        const struct ps_banner *b = &t->banners[i].b;
        if (i == 0) {
            struct ps_banner first = *b;
            memcpy(first.layout, t->banner.layout, sizeof first.layout);
            t->banner = first;
            continue;
        }
        int x = b->x < t->banner.x ? b->x : t->banner.x, y = b->y < t->banner.y ? b->y : t->banner.y;
        int right = t->banner.x + t->banner.w, bottom = t->banner.y + t->banner.h;
        if (b->x + b->w > right)
            right = b->x + b->w;
        if (b->y + b->h > bottom)
            bottom = b->y + b->h;
        t->banner.x = (uint16_t)x;
        t->banner.y = (uint16_t)y;
        t->banner.w = (uint16_t)(right - x);
        t->banner.h = (uint16_t)(bottom - y);
        common_fields(t->banner.fields, b->fields);
    }
    if (t->n_banners == 1)
        t->n_banners = 0;
}

static int finish_track(struct ps_recording *r, uint32_t i, const uint8_t head0[32]) {
    struct ps_track *t = &r->clip->tracks[i];
    uint64_t frames = 0, ticks = 0;

    memcpy(t->head, head0, 32);
    for (uint32_t k = 0; k < t->n_records; k++) {
        struct ps_record rec;
        ps_record_chain(t->head, t->records[k]);
        if (ps_record_decode(&rec, t->records[k]) < 0)
            return PS_EFORMAT;
        frames += rec.frames;
        ticks += rec.duration;
    }
    trim_gaps(t, ticks);
    /* Counts were logged with the last segment that reached the log; the film may hold one more, or the disk may have
     * lost some: what was encoded is what the records say, and the source's count follows. */
    if (frames != t->counts.encoded) {
        t->counts.captured += frames - t->counts.encoded;
        t->counts.encoded = frames;
    }
    count_preroll(t, r->track[i].late);
    fold_banners(t);
    return late_ranges(t, r->track[i].late);
}

int ps_recording_statement(struct ps_recording *r, const struct ps_wire_status *signer,
                           const uint8_t recorder_sha256[32], struct ps_buf *b, struct ps_why *why) {
    struct ps_clip *c = r->clip;
    uint8_t head0[32];

    if (!r->opened || !r->ended)
        return ps_error_why(why, PS_ESTATE, r->id, "not opened or not ended");
    ps_leaf_hash(head0, c->open_leaf, c->open_leaf_len);
    for (uint32_t i = 0; i < c->n_tracks; i++) {
        int err = finish_track(r, i, head0);
        if (err < 0)
            return ps_error_why(why, err, c->tracks[i].file.name, "%s", ps_error_text(err));
    }
    snprintf(c->software, sizeof c->software, "PackSeal %s", PS_VERSION);
    memcpy(c->recorder_sha256, recorder_sha256, 32);
    memcpy(c->signer_sha256, signer->signer_sha256, 32);
    c->key = signer->key;
    memcpy(c->ledger_key, signer->ledger_key, 32);
    ps_statement_write(c, b);
    return b->err ? ps_error_why(why, b->err, "clip.json", "%s", ps_error_text(b->err)) : 0;
}
