/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/jobs.h"
#include "archive/root.h"
#include "evidence/bytes.h"
#include "viewer/child.h"
#include "viewer/parcel.h"
#include "viewer/room.h"
#include "viewer/times.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "viewer/exports"
#define DOWNLOAD "download.zip"
#define NO_ROOM "keeps the room that is left for recording; export to another disk with packseal export"
#define KEEP_BYTES ((uint64_t)16 << 30)
#define OUT_MAX ((size_t)64 << 10)

struct ps_jobs {
    const struct ps_viewer *viewer;
    int folder;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    atomic_bool stop;
    struct ps_job *job[PS_JOBS]; /* oldest first */
    unsigned n;
};

static struct ps_job *by_id(struct ps_jobs *j, const char *id) {
    for (unsigned i = 0; i < j->n; i++)
        if (strcmp(j->job[i]->id, id) == 0)
            return j->job[i];
    return NULL;
}

static bool finished(const struct ps_job *k) {
    return k->state == PS_JOB_DONE || k->state == PS_JOB_FAILED;
}

/* The oldest that is finished goes; false when none is. */
static bool forget_one(struct ps_jobs *j) {
    for (unsigned i = 0; i < j->n; i++) {
        if (!finished(j->job[i]))
            continue;
        ps_parcel_remove(j->folder, j->job[i]->id);
        free(j->job[i]);
        memmove(&j->job[i], &j->job[i + 1], (j->n - i - 1) * sizeof(j->job[0]));
        j->n--;
        return true;
    }
    return false;
}

static uint64_t kept_bytes(const struct ps_jobs *j) {
    uint64_t sum = 0;

    for (unsigned i = 0; i < j->n; i++)
        sum += j->job[i]->bytes;
    return sum;
}

/* ---- running one */

struct running {
    struct ps_jobs *jobs;
    struct ps_job *job; /* not freed while it runs: only finished ones are */
    bool full;          /* it was ended, for the disk */
};

static void on_line(void *ctx, const char *line) {
    struct running *r = ctx;
    unsigned percent;

    if (sscanf(line, "progress %3u", &percent) == 1 && percent <= 100) {
        pthread_mutex_lock(&r->jobs->lock);
        r->job->percent = percent;
        pthread_mutex_unlock(&r->jobs->lock);
    }
}

static bool must_end(void *ctx) {
    struct running *r = ctx;

    r->full = !ps_room_for(r->jobs->viewer, 0);
    return r->full || atomic_load(&r->jobs->stop);
}

struct words {
    const char *argv[PS_JOBS_CLIPS + 24];
    unsigned n;
    char out[PS_ROOT_PATH + 128], from[32], to[32];
};

static void word(struct words *w, const char *s) {
    w->argv[w->n++] = s;
    w->argv[w->n] = NULL;
}

static void words_of(struct words *w, const struct ps_jobs *j, const struct ps_job *k) {
    w->n = 0;
    snprintf(w->out, sizeof(w->out), "%s/" FOLDER "/%s/%s", j->viewer->root, k->id, k->name);
    snprintf(w->from, sizeof(w->from), "%" PRId64 ".%03d", k->ask.from_ms / 1000,
             (int)(k->ask.from_ms % 1000));
    snprintf(w->to, sizeof(w->to), "%" PRId64 ".%03d", k->ask.to_ms / 1000, (int)(k->ask.to_ms % 1000));
    word(w, "packseal");
    word(w, "export");
    word(w, "--root");
    word(w, j->viewer->root);
    word(w, "--json");
    word(w, "--progress");
    word(w, "-o");
    word(w, w->out);
    if (k->ask.cut) {
        word(w, "--from");
        word(w, w->from);
        word(w, "--to");
        word(w, w->to);
    }
    if (k->ask.profile[0]) {
        word(w, "--profile");
        word(w, k->ask.profile);
    }
    if (k->ask.reason[0]) {
        word(w, "--reason");
        word(w, k->ask.reason);
    }
    if (k->ask.report)
        word(w, "--report");
    if (!k->ask.page)
        word(w, "--no-page");
    for (unsigned i = 0; i < k->ask.n_clips; i++)
        word(w, k->ask.clip[i]); /* ps_store_is_clip_name: none begins with a dash */
}

/* What the command said of the bundle: digest and entry of the ledger. */
static int read_told(struct ps_job *done, const struct ps_buf *out) {
    json_error_t e;
    json_t *o = json_loadb((const char *)out->p, out->n, JSON_REJECT_DUPLICATES, &e);
    const char *sha256 = json_string_value(json_object_get(o, "sha256"));
    const json_t *leaf = json_object_get(o, "leaf");
    const char *why = json_string_value(json_object_get(o, "why"));
    int err = sha256 && strlen(sha256) == 64 ? 0 : PS_EFORMAT;

    if (err == 0)
        snprintf(done->sha256, sizeof(done->sha256), "%s", sha256);
    done->leaf = json_is_integer(leaf) ? (int64_t)json_integer_value(leaf) : -1;
    snprintf(done->unledgered, sizeof(done->unledgered), "%s", why ? why : "");
    json_decref(o);
    return err;
}

static int export_in(struct ps_jobs *j, struct ps_job *k, struct ps_job *done, int dir, struct ps_why *why) {
    struct words w;
    struct running r = {.jobs = j, .job = k};
    struct ps_child_told told;

    words_of(&w, j, k);
    const struct ps_child_ask ask = {.program = "packseal",
                                     .argv = w.argv,
                                     .chinese = k->ask.chinese,
                                     .keep = -1,
                                     .seconds = PS_JOBS_SECONDS,
                                     .out_max = OUT_MAX,
                                     .stop = must_end,
                                     .line = on_line,
                                     .ctx = &r};
    int err = ps_child_run(&ask, &told, why);
    if (err < 0 && r.full)
        err = ps_error_why(why, PS_EFULL, "disk", NO_ROOM);
    if (err == 0 && told.status != 0)
        err = ps_error_why(why, PS_EIO, "packseal export", "%.200s", told.last);
    if (err == 0 && read_told(done, &told.out) < 0)
        err = ps_error_why(why, PS_EFORMAT, "packseal export", "did not say what it made");
    ps_buf_free(&told.out);
    if (err == 0)
        err = ps_parcel_make(dir, DOWNLOAD, j->viewer, &done->bytes, why);
    return err == PS_EFULL ? ps_error_why(why, err, "disk", NO_ROOM) : err;
}

static void run(struct ps_jobs *j, struct ps_job *k) {
    struct ps_job done = *k; /* fields of what it became; the list's own is changed under the lock */
    struct ps_why why = {0};
    int err = 0, dir = -1;

    if (mkdirat(j->folder, k->id, 0700) != 0 ||
        (dir = openat(j->folder, k->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        err = ps_error_why(&why, PS_EIO, FOLDER, "%s", strerrordesc_np(errno));
    if (err == 0)
        err = export_in(j, k, &done, dir, &why);
    if (dir >= 0)
        close(dir);
    if (err < 0)
        ps_parcel_remove(j->folder, k->id);
    pthread_mutex_lock(&j->lock);
    k->bytes = err < 0 ? 0 : done.bytes;
    k->leaf = done.leaf;
    memcpy(k->sha256, done.sha256, sizeof(k->sha256));
    memcpy(k->unledgered, done.unledgered, sizeof(k->unledgered));
    if (err < 0)
        snprintf(k->error, sizeof(k->error), "%s", why.text);
    k->percent = err < 0 ? k->percent : 100;
    k->state = err < 0 ? PS_JOB_FAILED : PS_JOB_DONE;
    while (kept_bytes(j) > KEEP_BYTES && j->n > 1 && forget_one(j))
        ;
    pthread_mutex_unlock(&j->lock);
}

static void *work(void *ctx) {
    struct ps_jobs *j = ctx;

    pthread_mutex_lock(&j->lock);
    while (!atomic_load(&j->stop)) {
        struct ps_job *next = NULL;
        for (unsigned i = 0; i < j->n && !next; i++)
            next = j->job[i]->state == PS_JOB_WAITING ? j->job[i] : NULL;
        if (!next) {
            pthread_cond_wait(&j->more, &j->lock);
            continue;
        }
        next->state = PS_JOB_RUNNING;
        pthread_mutex_unlock(&j->lock);
        run(j, next);
        pthread_mutex_lock(&j->lock);
    }
    pthread_mutex_unlock(&j->lock);
    return NULL;
}

/* ---- for the handlers */

static int open_folder(struct ps_jobs *j, struct ps_why *why) {
    char path[PS_ROOT_PATH];

    if (ps_root_path(j->viewer->root, FOLDER, path) < 0)
        return ps_error_why(why, PS_ELIMIT, j->viewer->root, "the path is too long");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
    j->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int list = j->folder < 0 ? -1 : openat(j->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = list < 0 ? NULL : fdopendir(list);
    if (!d) {
        if (list >= 0)
            close(list);
        return ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
    }
    for (struct dirent *e; (e = readdir(d));) /* only what this file made has such names */
        if (strlen(e->d_name) == 16 && strspn(e->d_name, "0123456789abcdef") == 16)
            ps_parcel_remove(j->folder, e->d_name);
    closedir(d);
    return 0;
}

int ps_jobs_new(struct ps_jobs **out, const struct ps_viewer *v, struct ps_why *why) {
    struct ps_jobs *j = calloc(1, sizeof(*j));

    if (!j)
        return ps_error_why(why, PS_ENOMEM, FOLDER, "out of memory");
    j->folder = -1;
    j->viewer = v;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->more, NULL);
    int err = open_folder(j, why);
    if (err == 0 && pthread_create(&j->thread, NULL, work, j) != 0)
        err = ps_error_why(why, PS_ENOMEM, FOLDER, "no thread");
    if (err < 0) {
        if (j->folder >= 0)
            close(j->folder);
        free(j);
        return err;
    }
    *out = j;
    return 0;
}

void ps_jobs_free(struct ps_jobs *j) {
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    atomic_store(&j->stop, true);
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    for (unsigned i = 0; i < j->n; i++)
        free(j->job[i]);
    close(j->folder);
    pthread_cond_destroy(&j->more);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

int ps_jobs_add(struct ps_jobs *j, const struct ps_job_ask *ask, char id[17]) {
    struct ps_job *k = calloc(1, sizeof(*k));
    uint8_t random[8];
    unsigned waiting = 0;
    int err = 0;

    if (!k)
        return PS_ENOMEM;
    randombytes_buf(random, sizeof(random));
    ps_bytes_hex(k->id, random, sizeof(random));
    k->made_ns = ps_times_now_ns();
    k->leaf = -1;
    k->ask = *ask;
    snprintf(k->name, sizeof(k->name), ask->n_clips > 1 ? "%s-and-%u.zip" : "%s.zip", ask->clip[0],
             ask->n_clips - 1);
    memcpy(id, k->id, sizeof(k->id));
    pthread_mutex_lock(&j->lock);
    for (unsigned i = 0; i < j->n; i++)
        waiting += j->job[i]->state == PS_JOB_WAITING;
    if (waiting >= PS_JOBS_WAITING || (j->n == PS_JOBS && !forget_one(j)))
        err = PS_EFULL;
    else
        j->job[j->n++] = k;
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->lock);
    if (err < 0)
        free(k);
    return err;
}

unsigned ps_jobs_list(struct ps_jobs *j, struct ps_job *out, unsigned max) {
    unsigned n = 0;

    pthread_mutex_lock(&j->lock);
    for (unsigned i = j->n; i > 0 && n < max; i--)
        out[n++] = *j->job[i - 1];
    pthread_mutex_unlock(&j->lock);
    return n;
}

bool ps_jobs_get(struct ps_jobs *j, const char *id, struct ps_job *out) {
    pthread_mutex_lock(&j->lock);
    const struct ps_job *k = by_id(j, id);
    if (k)
        *out = *k;
    pthread_mutex_unlock(&j->lock);
    return k != NULL;
}

int ps_jobs_open(struct ps_jobs *j, const char *id, int *fd) {
    char path[17 + sizeof("/" DOWNLOAD)];

    pthread_mutex_lock(&j->lock); /* so that it is not forgotten meanwhile */
    const struct ps_job *k = by_id(j, id);
    int err = !k ? PS_ENOENT : k->state != PS_JOB_DONE ? PS_ESTATE : 0;
    if (err == 0) {
        snprintf(path, sizeof(path), "%s/" DOWNLOAD, k->id);
        *fd = openat(j->folder, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        err = *fd < 0 ? PS_EIO : 0;
    }
    pthread_mutex_unlock(&j->lock);
    return err;
}
