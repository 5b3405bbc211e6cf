/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/sealer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/index.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/wire.h"
#include "recorder/announce.h"
#include "recorder/clock.h"
#include "recorder/notary.h"
#include "recorder/settle.h"
#include "recorder/station.h"

#define JOBS 256
#define RETRY_MS 300
#define CATCH_UP 16       /* clips of an earlier version, each time that there is nothing else to do */
#define CATCH_UP_SAY 2000 /* and a word each time that so many are read */
#define SAY_WAITING_NS 3000000000LL /* a signer that is started anew is back by then */

struct job {
    struct job *next;
    struct ps_recording *r; /* NULL: of an earlier run, not loaded yet */
    char id[40];
    uint64_t serial;
    int64_t since_ns; /* of the first try that failed */
    bool recovered, waiting_said;
};

struct ps_sealer {
    char root[PS_ROOT_PATH];
    uint8_t boot_id[16], recorder_sha256[32];
    struct ps_mailbox *in, *results;
    struct ps_notary *notary;
    struct ps_index *index;
    uint64_t
        unread; /* clips in it that an earlier version has put: read again while there is nothing to seal */
    json_t *facts; /* of the clip that was published last, until its result takes them */
    pthread_t thread;
    pthread_mutex_t lock;
    unsigned busy;
    bool quit;
    int64_t quit_at_ns;
    /* the thread's own */
    struct job *first, **last;
    unsigned recovering;                    /* jobs of earlier runs */
    uint64_t left[PS_WIRE_MAX_PENDING + 1]; /* clips that the signer had pending at the start */
    unsigned n_left;
};

static struct ps_sealed *result(const struct job *j, enum ps_sealed_what what) {
    struct ps_sealed *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->what = what;
    s->serial = j->serial;
    if (j->r && j->r->opened) {
        s->clip = j->r->clip->number;
        ps_statement_clip_name(j->r->clip->opening.station, s->clip, s->name);
    } else {
        snprintf(s->name, sizeof s->name, "%s", j->id);
    }
    return s;
}

static void tell(struct ps_sealer *z, const struct job *j, enum ps_sealed_what what, const char *path,
                 const struct ps_why *why) {
    struct ps_sealed *s = result(j, what);

    if (!s)
        return;
    if (path)
        snprintf(s->path, sizeof s->path, "%s", path);
    if (why)
        s->why = *why;
    if (what == PS_SEALED_DONE) {
        s->facts = z->facts;
        z->facts = NULL; /* transferred */
    }
    ps_mailbox_put(z->results, s);
}

/* ---- one recording ---- */

static uint32_t on_disk(const struct ps_track *t) {
    return t->n_lost ? t->lost[0].first : t->n_records;
}

/* A film whose finishing failed, on a full disk say, is taken up again from the disk. */
static int take_up(struct ps_recording *r, uint32_t i, struct ps_why *why) {
    struct ps_mp4 m = {0};
    int err = ps_mp4w_recover(&r->track[i].film, r->dirfd, r->clip->tracks[i].file.name, &m, why);

    ps_mp4_free(&m);
    return err;
}

static int finish_film(struct ps_recording *r, uint32_t i, struct ps_why *why) {
    struct ps_file_ref *f = &r->clip->tracks[i].file;
    struct ps_mp4w *film = r->track[i].film;

    r->track[i].film = NULL; /* finish frees it in every case */
    int err = ps_mp4w_finish(film, &f->size, f->sha256, why);
    if (err < 0)
        f->size = 0;
    return err;
}

static int finish_films(struct ps_recording *r, struct ps_why *why) {
    for (uint32_t i = 0; i < r->clip->n_tracks; i++) {
        if (r->clip->tracks[i].file.size || !on_disk(&r->clip->tracks[i]))
            continue;
        int err = r->track[i].film ? finish_film(r, i, why) : PS_ESTATE;
        if (err == PS_ESTATE) { /* a write failed half way: what the disk holds decides */
            err = take_up(r, i, why);
            if (!err)
                err = finish_film(r, i, why);
        }
        if (err < 0)
            return err;
    }
    return 0;
}

/* The statement as it was written before a crash, or a new one, durable before the signer is asked. */
static int statement_of(struct ps_sealer *z, struct ps_recording *r, struct ps_buf *b, struct ps_why *why) {
    struct ps_wire_status *st = malloc(sizeof *st);
    struct ps_wire_refused refused;
    int err = st ? ps_notary_status(z->notary, st, &refused) : PS_ENOMEM;

    if (err < 0)
        ps_error_why(why, err, "signer", "cannot be reached");
    if (!err)
        err = ps_recording_statement(r, st, z->recorder_sha256, b, why);
    free(st);
    if (err)
        return err;
    if (unlinkat(r->dirfd, "clip.json", 0) < 0 && errno != ENOENT) /* one that was never signed */
        return ps_error_why(why, PS_EIO, "clip.json", "%s", strerror(errno));
    return ps_store_write_file(r->dirfd, "clip.json", b->p, b->n, why);
}

/* What an interrupted run left gives way. */
static int write_again(int dirfd, const char *name, const void *p, size_t n, struct ps_why *why) {
    if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
        return ps_error_why(why, PS_EIO, name, "%s", strerror(errno));
    return ps_store_write_file(dirfd, name, p, n, why);
}

static int publish(struct ps_sealer *z, int dirfd, const char *id, const struct ps_clip *clip,
                   const struct ps_wire_sealed *sealed, char path[PS_ROOT_PATH], struct ps_why *why) {
    int err = write_again(dirfd, "clip.json.minisig", sealed->sig, sealed->sig_len, why);

    /* A memory of the ledger that does not lie in the ledger: the signer looks for it when it starts. */
    if (!err && sealed->note_len > 0)
        err = write_again(dirfd, "checkpoint", sealed->note, sealed->note_len, why);
    if (err < 0)
        return err;
    if (unlinkat(dirfd, "recording.log", 0) < 0 && errno != ENOENT)
        return ps_error_why(why, PS_EIO, "recording.log", "%s", strerror(errno));
    err = ps_store_publish(z->root, id, clip, path, why);
    if (err < 0)
        return err;
    if (z->index)
        ps_index_put(z->index, clip, path); /* a cache: reindex mends what fails here */
    json_decref(z->facts);
    z->facts = ps_announce_facts(clip);
    return 0;
}

static int seal_statement(struct ps_sealer *z, uint64_t clip, const void *p, size_t n,
                          struct ps_wire_sealed *out, struct ps_why *why) {
    struct ps_wire_refused refused;
    int err = ps_notary_seal(z->notary, clip, p, n, out, &refused);

    if (err == PS_EPERM) {
        bool later = refused.reason == PS_REFUSED_DISK || refused.reason == PS_REFUSED_RATE;
        return ps_error_why(why, later ? PS_EGONE : PS_ESIG, "signer", "%s", refused.text);
    }
    return err < 0 ? ps_error_why(why, err, "signer", "cannot be reached") : 0;
}

/* A recording whose log was already removed, or whose statement the signer already knows: the same bytes again give the
 * same signature. PS_ENOENT when there is no such statement. */
static int seal_again(struct ps_sealer *z, const char *id, char path[PS_ROOT_PATH], struct ps_why *why) {
    struct ps_wire_sealed *sealed = NULL;
    struct ps_clip *clip = NULL;
    uint8_t *text = NULL;
    size_t n = 0;
    int dirfd = -1, err = ps_store_part_open(z->root, id, &dirfd, why);

    if (err < 0)
        return err;
    err = ps_store_read_file(dirfd, "clip.json", PS_MAX_STATEMENT, &text, &n, why);
    if (!err)
        err = ps_statement_parse(&clip, text, n, why);
    if (err < 0) {
        err = err == PS_ENOMEM ? err : PS_ENOENT; /* torn while it was written: never signed */
        goto out;
    }
    sealed = malloc(sizeof *sealed);
    err = sealed ? seal_statement(z, clip->number, text, n, sealed, why) : PS_ENOMEM;
    if (err == PS_ESIG)
        err = PS_ENOENT; /* not what the journal holds by now: make it anew from log and films */
    if (!err)
        err = publish(z, dirfd, id, clip, sealed, path, why);
out:
    free(sealed);
    ps_statement_free(clip);
    free(text);
    close(dirfd);
    return err;
}

static int seal_recording(struct ps_sealer *z, struct ps_recording *r, char path[PS_ROOT_PATH],
                          struct ps_why *why) {
    struct ps_wire_sealed *sealed = malloc(sizeof *sealed);
    struct ps_buf b;
    int err = sealed ? 0 : PS_ENOMEM;

    ps_buf_init(&b, PS_MAX_STATEMENT);
    if (!err)
        err = finish_films(r, why);
    if (!err)
        err = ps_settle_journal(r, z->notary, why);
    if (!err)
        err = statement_of(z, r, &b, why);
    if (!err)
        err = seal_statement(z, r->clip->number, b.p, b.n, sealed, why);
    if (!err)
        err = publish(z, r->dirfd, r->id, r->clip, sealed, path, why);
    ps_buf_free(&b);
    free(sealed);
    return err;
}

/* Nothing that can be sealed: the ledger says so, the folder is kept aside. */
static int set_aside(struct ps_sealer *z, struct job *j, uint8_t reason, struct ps_why *why) {
    struct ps_wire_refused refused;
    struct ps_why aside;

    if (j->r && j->r->opened) {
        ps_notary_end(z->notary, j->r->clip->number, &refused);
        int err = ps_notary_abort(z->notary, j->r->clip->number, reason, &refused);
        if (err == PS_EGONE)
            return err;
    }
    if (ps_store_part_abandon(z->root, j->id, &aside) < 0)
        *why = aside;
    tell(z, j, PS_SEALED_ABORTED, NULL, why);
    return 0;
}

/* Loads what an earlier run left. 0: j->r is set; 1: done already; else an error. */
static int bring_back(struct ps_sealer *z, struct job *j, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int err = seal_again(z, j->id, path, why);

    if (!err) {
        tell(z, j, PS_SEALED_DONE, path, NULL);
        return 1;
    }
    if (err != PS_ENOENT)
        return err;
    err = ps_recording_load(&j->r, z->root, j->id, why);
    if (err < 0)
        return err == PS_ENOENT || err == PS_EFORMAT ? PS_ENOENT : err;
    err = ps_settle_disk(j->r, z->boot_id, why);
    if (err < 0 && err != PS_ENOENT && err != PS_ENOMEM)
        err = PS_ESIG; /* a film that cannot be read is set aside, not tried for ever */
    return err;
}

static uint8_t reason_of(struct ps_sealer *z, const struct job *j, int err) {
    struct ps_wire_records *batch = malloc(sizeof *batch);
    uint8_t reason = PS_ABORT_NOTHING_RECORDED;

    if (err != PS_ENOENT)
        reason = PS_ABORT_REFUSED;
    else if (batch && j->r && j->r->opened &&
             ps_notary_records(z->notary, j->r->clip->number, 0, batch, NULL) == 0 && batch->n)
        reason = PS_ABORT_LOST;
    free(batch);
    return reason;
}

/* Faults that time can mend; the rest would be tried for ever. */
static bool passes(int err) {
    return err == PS_EGONE || err == PS_EIO || err == PS_EFULL || err == PS_ENOMEM || err == PS_EBUSY ||
           err == PS_ETIME;
}

/* True when the job is over, whatever became of it. */
static bool work(struct ps_sealer *z, struct job *j) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    int err = j->r ? 0 : bring_back(z, j, &why);

    if (err > 0)
        return true;
    if (!err && !j->r->opened) {
        struct ps_sealed *s = result(j, PS_SEALED_UNOPENED);
        if (!s)
            return false;
        s->recording = j->r;
        j->r = NULL; /* transferred */
        ps_mailbox_put(z->results, s);
        return true;
    }
    if (!err)
        err = seal_recording(z, j->r, path, &why);
    if (!err) {
        tell(z, j, PS_SEALED_DONE, path, NULL);
        return true;
    }
    if (!passes(err) && set_aside(z, j, reason_of(z, j, err), &why) == 0)
        return true;
    int64_t now = ps_clock_mono_ns();
    if (!j->since_ns)
        j->since_ns = now;
    if (!j->waiting_said && now - j->since_ns > SAY_WAITING_NS) {
        tell(z, j, PS_SEALED_WAITING, NULL, &why);
        j->waiting_said = true;
    }
    return false;
}

/* ---- the thread ---- */

static void enqueue(struct ps_sealer *z, struct job *j) {
    j->next = NULL;
    *z->last = j;
    z->last = &j->next;
}

/* Pending clips of earlier runs that no folder speaks of: the disk lost them, and the ledger says so. */
static void abort_orphans(struct ps_sealer *z) {
    struct ps_wire_status *st = malloc(sizeof *st);

    if (st && ps_notary_status(z->notary, st, NULL) == 0) {
        for (unsigned i = 0; i < z->n_left; i++)
            for (int k = 0; k < st->n_pending; k++)
                if (st->pending[k].clip == z->left[i])
                    ps_notary_abort(z->notary, z->left[i],
                                    st->pending[k].records ? PS_ABORT_LOST : PS_ABORT_NOTHING_RECORDED, NULL);
        z->n_left = 0;
    }
    free(st);
}

static void done(struct ps_sealer *z, struct job *j) {
    if (j->recovered)
        z->recovering--;
    ps_recording_free(j->r);
    free(j);
    pthread_mutex_lock(&z->lock);
    z->busy--;
    pthread_mutex_unlock(&z->lock);
}

/* Goes once through all that waits. */
static void round_of_work(struct ps_sealer *z) {
    struct job *j = z->first;

    z->first = NULL;
    z->last = &z->first;
    while (j) {
        struct job *next = j->next;
        if (work(z, j))
            done(z, j);
        else
            enqueue(z, j);
        j = next;
    }
}

/* A few at a time: whoever else writes the index, or wants a clip sealed, waits no longer than that. */
static void catch_up(struct ps_sealer *z) {
    uint64_t before = z->unread;

    if (ps_index_catch_up(z->index, CATCH_UP, &z->unread) < 0)
        return;
    if (z->unread == 0)
        ps_station_say("index: all clips of the earlier version are read");
    else if (before / CATCH_UP_SAY != z->unread / CATCH_UP_SAY)
        ps_station_say("index: %" PRIu64 " clips of an earlier version are still to be read", z->unread);
}

static void *run(void *arg) {
    struct ps_sealer *z = arg;

    pthread_setname_np(pthread_self(), "sealer");

    for (;;) {
        struct job *j = ps_mailbox_wait(z->in, z->first ? RETRY_MS : 200);
        for (; j; j = ps_mailbox_take(z->in))
            enqueue(z, j);
        round_of_work(z);
        if (z->unread && !z->first)
            catch_up(z);
        if (z->n_left && !z->recovering)
            abort_orphans(z);
        pthread_mutex_lock(&z->lock);
        bool quit = z->quit && (!z->busy || ps_clock_mono_ns() >= z->quit_at_ns);
        pthread_mutex_unlock(&z->lock);
        if (quit)
            return NULL;
    }
}

static void add(struct ps_sealer *z, struct job *j) {
    pthread_mutex_lock(&z->lock);
    z->busy++;
    pthread_mutex_unlock(&z->lock);
    ps_mailbox_put(z->in, j);
}

void ps_sealer_put(struct ps_sealer *z, struct ps_recording *r, uint64_t serial) {
    struct job *j = calloc(1, sizeof *j);

    if (!j) { /* the half-done folder stays for the next start */
        ps_recording_free(r);
        return;
    }
    j->r = r;
    j->serial = serial;
    snprintf(j->id, sizeof j->id, "%s", r->id);
    add(z, j);
}

unsigned ps_sealer_busy(struct ps_sealer *z) {
    pthread_mutex_lock(&z->lock);
    unsigned n = z->busy;
    pthread_mutex_unlock(&z->lock);
    return n;
}

/* ---- start ---- */

static int found(void *ctx, const char *id) {
    struct ps_sealer *z = ctx;
    struct job *j = calloc(1, sizeof *j);

    if (!j)
        return PS_ENOMEM;
    snprintf(j->id, sizeof j->id, "%s", id);
    j->recovered = true;
    enqueue(z, j);
    z->recovering++;
    z->busy++;
    return 0;
}

/* Clips that the signer still has open belong to a run that is over. */
static void end_left_open(struct ps_sealer *z) {
    struct ps_wire_status *st = malloc(sizeof *st);
    struct ps_wire_refused refused;

    if (st && ps_notary_status(z->notary, st, &refused) == 0)
        for (int i = 0; i < st->n_pending; i++) {
            z->left[z->n_left++] = st->pending[i].clip;
            if (!st->pending[i].ended)
                ps_notary_end(z->notary, st->pending[i].clip, &refused);
        }
    free(st);
}

static int digest_of_self(uint8_t out[32]) {
    uint8_t buf[65536];
    struct ps_sha256 h;
    ssize_t k;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return PS_EIO;
    ps_sha256_init(&h);
    while ((k = read(fd, buf, sizeof buf)) > 0)
        ps_sha256_update(&h, buf, (size_t)k);
    ps_sha256_final(&h, out);
    close(fd);
    return k < 0 ? PS_EIO : 0;
}

static void destroy(struct ps_sealer *z) {
    for (struct job *j = z->first, *next; j; j = next) {
        next = j->next;
        ps_recording_free(j->r);
        free(j);
    }
    ps_index_close(z->index);
    json_decref(z->facts);
    ps_notary_free(z->notary);
    ps_mailbox_free(z->in);
    pthread_mutex_destroy(&z->lock);
    free(z);
}

int ps_sealer_start(struct ps_sealer **out, const char *root, const char *socket_path,
                    const uint8_t boot_id[16], struct ps_mailbox *results, struct ps_why *why) {
    struct ps_sealer *z = calloc(1, sizeof *z);
    int err;

    if (!z)
        return ps_error_why(why, PS_ENOMEM, "sealer", "out of memory");
    snprintf(z->root, sizeof z->root, "%s", root);
    memcpy(z->boot_id, boot_id, 16);
    z->results = results;
    z->last = &z->first;
    pthread_mutex_init(&z->lock, NULL);
    err = digest_of_self(z->recorder_sha256);
    if (!err)
        err = ps_mailbox_new(&z->in, JOBS);
    if (!err)
        err = ps_notary_new(&z->notary, socket_path);
    if (err < 0) {
        ps_error_why(why, err, "sealer", "%s", ps_error_text(err));
        goto fail;
    }
    err = ps_index_open(&z->index, root, true, why);
    if (err < 0)
        goto fail;
    if (ps_index_catch_up(z->index, 0, &z->unread) == 0 && z->unread > 0)
        ps_station_say("index: of an earlier version; its %" PRIu64 " clips are read again beside the work",
                       z->unread);
    end_left_open(z);
    err = ps_store_part_each(root, found, z);
    if (err < 0 || pthread_create(&z->thread, NULL, run, z) != 0) {
        err = ps_error_why(why, err < 0 ? err : PS_ENOMEM, "sealer", "cannot start");
        goto fail;
    }
    *out = z;
    return 0;
fail:
    destroy(z);
    return err;
}

void ps_sealer_stop(struct ps_sealer *z, int timeout_ms) {
    if (!z)
        return;
    pthread_mutex_lock(&z->lock);
    z->quit = true;
    z->quit_at_ns = ps_clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    pthread_mutex_unlock(&z->lock);
    pthread_join(z->thread, NULL);
    for (struct job *j; (j = ps_mailbox_take(z->in));)
        enqueue(z, j);
    destroy(z);
}
