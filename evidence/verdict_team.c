/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/verdict_internal.h"

/*
 * What can be done beside the judging thread, by one more that the caller lends (verdict.h, `both`). First the digests of
 * whole files, each one long chain, so the largest first and from the very beginning, before the statement is parsed;
 * then segments of the film in work, each a chain of its own, so that both threads end together. Without a helper the
 * judging thread does all of it, and reads each film once for both (verdict_film.c).
 *
 * Nothing here decides: a digest that was worked out is looked at only where the rules ask for it.
 */

#define PIECE ((size_t)256 << 10)
#define WORTH_EARLY ((uint64_t)32 << 10) /* smaller files are read before a thread has come */
#define WORTH_TWO ((uint64_t)1 << 20)    /* a clip with a file from this size on is worth a second thread */
#define WAIT_NS 100000000L               /* between two words of progress while the other thread works */

/* ---- reading ------------------------------------------------------------------------------------- */

int ps_verdict_room(struct ps_verdict_hand *h, size_t n) {
    if (n <= h->cap)
        return 0;
    free(h->buf); /* nothing in it is kept */
    h->held = h->cap = 0;
    h->buf = malloc(n);
    if (h->buf == NULL)
        return PS_ENOMEM;
    h->cap = n;
    return 0;
}

int ps_verdict_step(struct ps_verdict_job *j, const struct ps_verdict_hand *h, uint64_t bytes) {
    if (h->beside) {
        atomic_fetch_add(&j->beside, bytes);
        return atomic_load(&j->stop) ? PS_ETIME : 0;
    }
    j->done += bytes;
    const uint64_t done = j->done + atomic_load(&j->beside);
    /* Before the statement is read nobody knows how much there is. */
    if (j->in->progress == NULL || j->total == 0 ||
        (done - j->told < PIECE && (done < j->total || j->told >= j->total)))
        return 0;
    j->told = done;
    /* A film may be larger than it was stated. */
    return j->in->progress(j->in->progress_ctx, done < j->total ? done : j->total, j->total) != 0 ? PS_ETIME
                                                                                                  : 0;
}

int ps_verdict_hash(struct ps_verdict_job *j, struct ps_verdict_hand *h, const struct ps_blob *b,
                    uint64_t from, uint64_t to, struct ps_sha256 *sum, const atomic_bool *drop) {
    int err = 0;
    h->held = 0;
    if (from < to)
        err = ps_verdict_room(h, to - from < PIECE ? (size_t)(to - from) : PIECE);
    while (err == 0 && from < to) {
        size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;
        if (drop != NULL && atomic_load(drop))
            return PS_ETIME;
        err = ps_blob_read(b, from, h->buf, n);
        if (err < 0)
            break;
        ps_sha256_update(sum, h->buf, n);
        from += n;
        err = ps_verdict_step(j, h, n);
    }
    return err;
}

/* ---- digests of whole files ---------------------------------------------------------------------- */

bool ps_verdict_digest_take(struct ps_verdict_job *j, size_t file) {
    struct ps_verdict_digest *d = &j->digests[file];
    pthread_mutex_lock(&j->team.lock);
    bool mine = d->state == PS_VERDICT_FREE;
    if (mine)
        d->state = PS_VERDICT_TAKEN;
    pthread_mutex_unlock(&j->team.lock);
    return mine;
}

void ps_verdict_digest_put(struct ps_verdict_job *j, size_t file, struct ps_sha256 *sum, int err) {
    struct ps_verdict_digest *d = &j->digests[file];
    pthread_mutex_lock(&j->team.lock);
    ps_sha256_final(sum, d->sha256);
    d->err = err;
    d->state = err == PS_ETIME || err == PS_ENOMEM ? PS_VERDICT_FREE : PS_VERDICT_KNOWN;
    pthread_mutex_unlock(&j->team.lock);
}

static int digest(struct ps_verdict_job *j, struct ps_verdict_hand *h, size_t file, const struct ps_blob *b,
                  const atomic_bool *drop) {
    struct ps_sha256 sum;
    ps_sha256_init(&sum);
    int err = ps_verdict_hash(j, h, b, 0, b->size, &sum, drop);
    ps_verdict_digest_put(j, file, &sum, err);
    return err;
}

int ps_verdict_digest(struct ps_verdict_job *j, size_t file, const struct ps_blob *b) {
    for (unsigned i = 0; i < j->team.n_early; i++)
        j->team.early[i].wanted |= j->team.early[i].file == file;
    int err = ps_verdict_digest_take(j, file) ? digest(j, &j->hand, file, b, NULL) : 0;
    return err == PS_ETIME || err == PS_ENOMEM ? err : 0;
}

/* ---- what the helper begins with ----------------------------------------------------------------- */

static int larger_first(const void *a, const void *b) {
    const struct ps_verdict_early *x = a, *y = b;
    if (x->blob.size != y->blob.size)
        return x->blob.size < y->blob.size ? 1 : -1;
    return x->file > y->file ? 1 : -1;
}

const struct ps_blob *ps_verdict_team_blob(const struct ps_verdict_job *j, size_t file) {
    for (unsigned i = 0; i < j->team.n_early; i++)
        if (j->team.early[i].file == file)
            return &j->team.early[i].blob;
    return NULL;
}

/* The clip's larger files, opened: blobs of a tree are opened by the judging thread alone. */
static bool list_early(struct ps_verdict_job *j) {
    struct ps_verdict_team *m = &j->team;
    const struct ps_tree *t = j->in->files;
    const size_t len = strlen(j->in->prefix);
    for (size_t i = 0; i < t->n && m->n_early < PS_VERDICT_EARLY; i++) {
        struct ps_verdict_early *e = &m->early[m->n_early];
        const char *name = t->name(t->ctx, i);
        /* The statement is needed whole, and hashed by who reads it. */
        if (strncmp(name, j->in->prefix, len) != 0 || strcmp(name + len, "clip.json") == 0 ||
            j->digests[i].state != PS_VERDICT_FREE || t->open(t->ctx, i, &e->blob) < 0 ||
            e->blob.size < WORTH_EARLY)
            continue;
        e->file = i;
        m->n_early++;
    }
    for (unsigned i = 0; i < m->n_early; i++)
        atomic_init(&m->early[i].drop, false);
    qsort(m->early, m->n_early, sizeof *m->early, larger_first);
    return m->n_early > 0 && m->early[0].blob.size >= WORTH_TWO;
}

void ps_verdict_team_drop(struct ps_verdict_job *j, size_t file) {
    for (unsigned i = 0; i < j->team.n_early; i++)
        if (j->team.early[i].file == file)
            atomic_store(&j->team.early[i].drop, true);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

/* For the helper, with the lock held; the caller hears of progress meanwhile and may end it. */
static int wait_for(struct ps_verdict_job *j) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += WAIT_NS;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    (void)pthread_cond_clockwait(&j->team.moved, &j->team.lock, CLOCK_MONOTONIC, &t);
    int err = ps_verdict_step(j, &j->hand, 0);
    if (err < 0)
        atomic_store(&j->stop, true);
    return err;
}

/* ---- segments of a film -------------------------------------------------------------------------- */

/* With the lock held, which is given up while a piece is in work. */
static void pieces(struct ps_verdict_job *j, struct ps_verdict_hand *h) {
    struct ps_verdict_team *m = &j->team;
    m->busy++;
    while (m->next < m->n && m->err == 0) {
        uint32_t i = m->next++;
        pthread_mutex_unlock(&m->lock);
        int err = m->piece(m->ctx, h, i);
        pthread_mutex_lock(&m->lock);
        if (err < 0 && m->err == 0)
            m->err = err;
    }
    m->busy--;
    h->held = 0; /* of that film */
    pthread_cond_broadcast(&m->moved);
}

int ps_verdict_team_share(struct ps_verdict_job *j, uint32_t n,
                          int (*piece)(void *ctx, struct ps_verdict_hand *h, uint32_t i), void *ctx) {
    struct ps_verdict_team *m = &j->team;
    pthread_mutex_lock(&m->lock);
    m->piece = piece;
    m->ctx = ctx;
    m->next = 0;
    m->n = n;
    m->err = 0;
    pthread_cond_broadcast(&m->moved);
    pieces(j, &j->hand);
    while (m->busy > 0) {
        int err = wait_for(j);
        if (err < 0 && m->err == 0)
            m->err = err;
    }
    m->n = 0;
    int err = m->err;
    pthread_mutex_unlock(&m->lock);
    return err;
}

/* ---- the two threads ----------------------------------------------------------------------------- */

bool ps_verdict_team_alone(struct ps_verdict_job *j) {
    pthread_mutex_lock(&j->team.lock);
    bool alone = !j->team.here;
    pthread_mutex_unlock(&j->team.lock);
    return alone;
}

static struct ps_verdict_early *next_early(struct ps_verdict_job *j) {
    for (unsigned i = 0; i < j->team.n_early; i++) {
        struct ps_verdict_early *e = &j->team.early[i];
        if (j->digests[e->file].state == PS_VERDICT_FREE && !atomic_load(&e->drop)) {
            j->digests[e->file].state = PS_VERDICT_TAKEN;
            return e;
        }
    }
    return NULL;
}

static void help(void *arg) {
    struct ps_verdict_job *j = arg;
    struct ps_verdict_team *m = &j->team;
    struct ps_verdict_hand h = {.beside = true};
    pthread_mutex_lock(&m->lock);
    m->here = true;
    while (!m->closed) {
        struct ps_verdict_early *e = next_early(j);
        if (e != NULL) {
            pthread_mutex_unlock(&m->lock);
            int err = digest(j, &h, e->file, &e->blob, &e->drop);
            pthread_mutex_lock(&m->lock);
            if (err == PS_ENOMEM)
                break; /* the judging thread will say so, if it has none either */
        } else if (m->next < m->n && m->err == 0) {
            pieces(j, &h);
        } else {
            pthread_cond_wait(&m->moved, &m->lock);
        }
    }
    m->here = false;
    pthread_cond_broadcast(&m->moved);
    pthread_mutex_unlock(&m->lock);
    free(h.buf);
}

static void judge(void *arg) {
    struct ps_verdict_job *j = arg;
    j->err = j->judge(j);
    if (j->err < 0)
        atomic_store(&j->stop, true);
    for (unsigned i = 0; i < j->team.n_early; i++) /* what somebody made large, and no rule asks for */
        if (!j->team.early[i].wanted)
            atomic_store(&j->team.early[i].drop, true);
    pthread_mutex_lock(&j->team.lock);
    j->team.closed = true;
    pthread_cond_broadcast(&j->team.moved);
    while (j->team.here) { /* with what it has begun */
        int err = wait_for(j);
        if (err < 0 && j->err == 0)
            j->err = err;
    }
    pthread_mutex_unlock(&j->team.lock);
}

int ps_verdict_team_begin(struct ps_verdict_job *j) {
    if (pthread_mutex_init(&j->team.lock, NULL) != 0)
        return PS_ENOMEM;
    if (pthread_cond_init(&j->team.moved, NULL) == 0)
        return 0;
    pthread_mutex_destroy(&j->team.lock);
    return PS_ENOMEM;
}

int ps_verdict_team_run(struct ps_verdict_job *j) {
    if (j->in->both != NULL && list_early(j))
        j->in->both(j->in->both_ctx, judge, j, help, j);
    else
        judge(j);
    j->done += atomic_exchange(&j->beside, 0);
    return j->err;
}

void ps_verdict_team_end(struct ps_verdict_job *j) {
    pthread_cond_destroy(&j->team.moved);
    pthread_mutex_destroy(&j->team.lock);
    free(j->hand.buf);
}
