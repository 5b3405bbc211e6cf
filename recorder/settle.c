/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/settle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/sha256.h"

/* ---- disk ---- */

static int read_at(int fd, uint64_t off, uint8_t *p, size_t n) {
    while (n) {
        ssize_t k = pread(fd, p, n, (off_t)off);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return PS_EIO;
        p += k;
        off += (uint64_t)k;
        n -= (size_t)k;
    }
    return 0;
}

struct film {
    int fd;
    const struct ps_mp4 *m;
    uint8_t avcc[32];
    uint8_t *buf;
    size_t cap;
};

static int load_sample(struct film *f, const struct ps_mp4_sample *s) {
    if (s->size > f->cap) {
        uint8_t *p = realloc(f->buf, s->size);
        if (!p)
            return PS_ENOMEM;
        f->buf = p;
        f->cap = s->size;
    }
    return read_at(f->fd, s->offset, f->buf, s->size);
}

/* The record of the segment that begins at sample *at; *at moves past it. */
static int record_from_film(struct film *f, uint32_t *at, uint32_t track, uint32_t seq, uint64_t start,
                            struct ps_record *out) {
    struct ps_record_builder b;

    ps_record_begin(&b, track, seq, start, f->avcc);
    do {
        const struct ps_mp4_sample *s = &f->m->samples[*at];
        int err = load_sample(f, s);
        if (!err)
            err = ps_record_add(&b, f->buf, s->size, s->ticks);
        if (err)
            return err;
        ++*at;
    } while (*at < f->m->n_samples && !f->m->samples[*at].sync);
    return ps_record_end(&b, out);
}

/* How far the film can be believed: samples up to the first segment that is not what was logged, for the disk may have
 * lost what it had promised to keep. A segment beyond the log was never known to be durable: after a boot it may hold
 * anything, within the same boot it is whole. Records beyond the film are forgotten here; those that the signer
 * journaled come back as lost. */
static int match_film(struct ps_recording *r, uint32_t i, struct film *f, bool same_boot, uint32_t *good) {
    struct ps_track *t = &r->clip->tracks[i];
    uint32_t at = 0, seq = 0;
    uint64_t start = 0;

    for (*good = 0; at < f->m->n_samples; *good = at, seq++) {
        struct ps_record rec;
        uint8_t bytes[PS_RECORD_SIZE];
        int err = record_from_film(f, &at, i, seq, start, &rec);
        if (err)
            return err;
        ps_record_encode(&rec, bytes);
        if (seq < t->n_records ? memcmp(t->records[seq], bytes, sizeof bytes) != 0 : !same_boot)
            break;
        if (seq == t->n_records) {
            struct ps_counts c = t->counts;
            c.encoded += rec.frames;
            c.captured += rec.frames;
            err = ps_recording_segment(r, &rec, &c);
            if (err)
                return err;
        }
        start += rec.duration;
    }
    r->segments -= t->n_records - seq;
    t->n_records = seq;
    return 0;
}

/* A head without a segment, or nothing: not a film. */
static int no_film(struct ps_recording *r, struct ps_track *t) {
    unlinkat(r->dirfd, t->file.name, 0);
    r->segments -= t->n_records;
    t->n_records = 0;
    return 0;
}

/* Cuts the film behind its good samples and takes it up again. */
static int cut_film(struct ps_recording *r, uint32_t i, const struct ps_mp4 *m, uint32_t good,
                    struct ps_why *why) {
    struct ps_track *t = &r->clip->tracks[i];
    struct ps_mp4 again = {0};
    int fd, err;

    ps_mp4w_close(r->track[i].film);
    r->track[i].film = NULL;
    if (!good)
        return no_film(r, t);
    fd = openat(r->dirfd, t->file.name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || ftruncate(fd, (off_t)(m->samples[good - 1].offset + m->samples[good - 1].size)) < 0)
        err = ps_error_why(why, PS_EIO, t->file.name, "%s", strerror(errno));
    else
        err = ps_mp4w_recover(&r->track[i].film, r->dirfd, t->file.name, &again, why);
    if (fd >= 0)
        close(fd);
    ps_mp4_free(&again);
    return err;
}

static int settle_film(struct ps_recording *r, uint32_t i, bool same_boot, struct ps_why *why) {
    struct ps_track *t = &r->clip->tracks[i];
    struct ps_mp4 m = {0};
    struct film f = {.fd = -1, .m = &m};
    uint32_t good = 0;
    int err = ps_mp4w_recover(&r->track[i].film, r->dirfd, t->file.name, &m, why);

    if (err == PS_ENOENT)
        return no_film(r, t);
    if (err < 0)
        return err;
    f.fd = openat(r->dirfd, t->file.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f.fd < 0) {
        err = ps_error_why(why, PS_EIO, t->file.name, "%s", strerror(errno));
        goto out;
    }
    ps_sha256(f.avcc, m.avcc, m.avcc_len);
    err = match_film(r, i, &f, same_boot, &good);
    if (err < 0)
        ps_error_why(why, err, t->file.name, "%s", ps_error_text(err));
    else if (good < m.n_samples)
        err = cut_film(r, i, &m, good, why);
    close(f.fd);
out:
    free(f.buf);
    ps_mp4_free(&m);
    return err;
}

static void settle_originals(struct ps_recording *r) {
    struct ps_clip *c = r->clip;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < c->n_originals; i++) {
        struct stat st;
        const struct ps_original *o = &c->originals[i];
        bool there = fstatat(r->dirfd, o->file.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
                     (uint64_t)st.st_size == o->file.size;
        if (there)
            c->originals[kept++] = *o;
        else
            ps_recording_event(r, r->started_mono_ns, "original-lost", o->file.name);
    }
    c->n_originals = kept;
}

static uint64_t track_ticks(const struct ps_track *t) {
    uint64_t sum = 0;
    struct ps_record rec;

    for (uint32_t i = 0; i < t->n_records; i++)
        if (ps_record_decode(&rec, t->records[i]) == 0)
            sum += rec.duration;
    return sum;
}

/* The clip ended, as far as anyone knows, with the last picture that survived. */
static int settle_end(struct ps_recording *r, bool same_boot) {
    struct ps_time ended = r->clip->started;

    if (r->ended)
        return 0;
    for (int i = 0; i < r->clip->n_tracks; i++) {
        const struct ps_track *t = &r->clip->tracks[i];
        int64_t ns = (int64_t)(track_ticks(t) * 100000 / 9);
        if (t->first.boot_ns + ns > ended.boot_ns) {
            ended.boot_ns = t->first.boot_ns + ns;
            ended.wall_ns = t->first.wall_ns + ns;
            ended.clock = t->first.clock;
            ended.max_error_us = t->first.max_error_us;
        }
    }
    return ps_recording_end(r, same_boot ? PS_END_CRASH : PS_END_POWER_LOSS, &ended);
}

/* A camera whose first picture never came: it has a track all the same, without segments and without a film. */
static int settle_silent(struct ps_recording *r) {
    for (uint32_t i = 0; i < r->clip->opening.n_tracks; i++) {
        struct ps_track t = {.first = r->clip->started};
        if (r->track[i].declared)
            continue;
        snprintf(t.camera, sizeof t.camera, "%s", r->clip->opening.tracks[i]);
        snprintf(t.file.name, sizeof t.file.name, "%s.mp4", t.camera);
        int err = ps_recording_track(r, i, &t);
        if (err < 0)
            return err;
    }
    return 0;
}

int ps_settle_disk(struct ps_recording *r, const uint8_t boot_id[16], struct ps_why *why) {
    bool same_boot = memcmp(r->boot_id, boot_id, 16) == 0;
    uint32_t records = 0;

    for (uint32_t i = 0; i < r->clip->n_tracks; i++) {
        int err = r->track[i].declared ? settle_film(r, i, same_boot, why) : 0;
        if (err < 0)
            return err;
        records += r->clip->tracks[i].n_records;
    }
    settle_originals(r);
    int err = settle_silent(r);
    if (!err)
        err = settle_end(r, same_boot);
    if (err < 0)
        return ps_error_why(why, err, r->id, "cannot write the log");
    return records ? 0 : ps_error_why(why, PS_ENOENT, r->id, "not one whole segment on the disk");
}

/* ---- journal ---- */

static int lose(struct ps_recording *r, const struct ps_record *rec) {
    struct ps_track *t = &r->clip->tracks[rec->track];
    struct ps_counts c = t->counts;
    uint32_t seq = t->n_records;

    if (!t->n_lost) {
        free(t->lost);
        t->lost = calloc(1, sizeof *t->lost);
        if (!t->lost)
            return PS_ENOMEM;
        t->n_lost = 1;
        t->lost[0].first = seq;
    }
    t->lost[0].last = seq;
    c.encoded += rec->frames;
    c.captured += rec->frames;
    return ps_recording_segment(r, rec, &c);
}

/* One journaled record against what we have. */
static int settle_record(struct ps_recording *r, const uint8_t bytes[PS_RECORD_SIZE], uint8_t late,
                         struct ps_why *why) {
    struct ps_record rec;

    if (ps_record_decode(&rec, bytes) < 0 || rec.track >= PS_MAX_TRACKS || !r->track[rec.track].declared)
        return ps_error_why(why, PS_ESIG, r->id,
                            "the journal has a record of a track that the disk does not have");
    struct ps_track *t = &r->clip->tracks[rec.track];
    if (rec.seq > t->n_records)
        return ps_error_why(why, PS_ESIG, t->file.name, "the journal lacks segments before %u", rec.seq);
    if (rec.seq == t->n_records) {
        int err = lose(r, &rec);
        if (err < 0)
            return ps_error_why(why, err, t->file.name, "%s", ps_error_text(err));
    } else if (memcmp(t->records[rec.seq], bytes, PS_RECORD_SIZE) != 0) {
        return ps_error_why(why, PS_ESIG, t->file.name, "segment %u is not the one that the signer saw",
                            rec.seq);
    }
    r->track[rec.track].late[rec.seq] = late;
    if (r->track[rec.track].sent <= rec.seq)
        r->track[rec.track].sent = rec.seq + 1;
    return 0;
}

static int hear_journal(struct ps_recording *r, struct ps_notary *n, struct ps_why *why) {
    struct ps_wire_records *batch = malloc(sizeof *batch);
    struct ps_wire_refused refused;
    uint32_t first = 0;
    int err = batch ? 0 : PS_ENOMEM;

    for (int i = 0; i < PS_MAX_TRACKS; i++)
        r->track[i].sent = 0;
    while (!err) {
        err = ps_notary_records(n, r->clip->number, first, batch, &refused);
        if (err == PS_EPERM)
            ps_error_why(why, err, r->id, "%s", refused.text);
        if (err || !batch->n)
            break;
        for (uint32_t i = 0; i < batch->n && !err; i++)
            err = settle_record(r, batch->r[i].record, batch->r[i].late, why);
        first += batch->n;
    }
    free(batch);
    return err;
}

static int tell_journal(struct ps_recording *r, struct ps_notary *n, struct ps_why *why) {
    struct ps_wire_refused refused;

    for (uint32_t i = 0; i < r->clip->n_tracks; i++) {
        const struct ps_track *t = &r->clip->tracks[i];
        for (uint32_t seq = r->track[i].sent; seq < t->n_records; seq++) {
            ps_recording_late(r, i, seq);
            struct ps_wire_segment s = {.clip = r->clip->number, .late = r->track[i].late[seq]};
            memcpy(s.record, t->records[seq], PS_RECORD_SIZE);
            int err = ps_notary_segment(n, &s, &refused);
            if (err == PS_EPERM)
                return ps_error_why(why,
                                    refused.reason == PS_REFUSED_DISK || refused.reason == PS_REFUSED_RATE
                                        ? PS_EGONE
                                        : PS_ESIG,
                                    t->file.name, "%s", refused.text);
            if (err)
                return err;
            r->track[i].sent = seq + 1;
        }
    }
    return 0;
}

int ps_settle_journal(struct ps_recording *r, struct ps_notary *n, struct ps_why *why) {
    struct ps_wire_refused refused;
    int err = ps_notary_end(n, r->clip->number, &refused); /* said before, perhaps: it may be said again */

    if (err == PS_EGONE)
        return ps_error_why(why, err, "signer", "cannot be reached");
    err = hear_journal(r, n, why);
    if (!err)
        err = tell_journal(r, n, why);
    if (err == PS_EGONE)
        ps_error_why(why, err, "signer", "cannot be reached");
    return err;
}
