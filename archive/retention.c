/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/retention.h"
#include "archive/proofs.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#define DAY_NS (INT64_C(86400) * 1000000000)
#define CONFIRMED_DAYS 35     /* a token so old still says that the clock is not years ahead */
#define LINE_MAX_BYTES 4400   /* digest, two characters, and a path */
#define COPIES_MAX (1u << 24) /* digests: 512 MiB would be more than is sensible to hold */

/* ---- the judgement */

const char *ps_retention_word(enum ps_retention_word w) {
    static const char *const names[] = {"young",      "held", "unknown", "unstamped",
                                        "unarchived", "days", "space"};
    return names[w];
}

enum ps_retention_word ps_retention_judge(const struct ps_config *c, bool by_age, bool need_room,
                                          const struct ps_retention_clip *clip) {
    int64_t wait_ns = c->n_authorities > 0 && !clip->stamped ? PS_RETENTION_UNSTAMPED_DAYS * DAY_NS : 0;
    bool over = by_age && c->days > 0 && clip->age_ns >= (int64_t)c->days * DAY_NS;
    bool roomy = need_room && clip->age_ns >= (int64_t)c->min_days * DAY_NS;
    if (!over && !roomy)
        return PS_RETENTION_YOUNG;
    if (!clip->known)
        return PS_RETENTION_UNKNOWN;
    if (clip->held)
        return PS_RETENTION_HELD;
    if (c->archive_list[0] != '\0' && !clip->archived)
        return PS_RETENTION_UNARCHIVED;
    if (over && clip->age_ns >= (int64_t)c->days * DAY_NS + wait_ns)
        return PS_RETENTION_DAYS;
    if (roomy && clip->age_ns >= (int64_t)c->min_days * DAY_NS + wait_ns)
        return PS_RETENTION_SPACE;
    return PS_RETENTION_UNSTAMPED;
}

uint64_t ps_retention_reserve(const struct ps_config *c, uint64_t disk_bytes) {
    uint64_t reserve = disk_bytes / 100 * c->reserve_percent;
    uint64_t mb = c->reserve_mb > c->min_free_mb ? c->reserve_mb : c->min_free_mb;
    return reserve > mb << 20 ? reserve : mb << 20;
}

bool ps_retention_clock_is_sure(const struct ps_config *c, int64_t token_ns, int64_t now_ns) {
    struct timex t = {.modes = 0};
    if (c->trust_clock)
        return true;
    if (adjtimex(&t) >= 0 && (t.status & STA_UNSYNC) == 0)
        return true;
    return token_ns != 0 && now_ns < token_ns + CONFIRMED_DAYS * DAY_NS;
}

/* ---- what the ledger says */

struct ps_retention_ledger {
    struct ps_proofs proofs;
    struct ps_retention_entry *v; /* by clip, once all are read */
    size_t n, room;
};

static int by_clip(const void *a, const void *b) {
    const struct ps_retention_entry *x = a, *y = b;
    return x->clip < y->clip ? -1 : x->clip > y->clip;
}

/* One row for each seal and each tombstone; rows of one clip are joined afterwards. */
static int take(void *ctx, uint64_t index, const uint8_t *bytes, size_t n) {
    struct ps_retention_ledger *l = ctx;
    struct ps_leaf leaf;
    if (n < PS_LEAF_FIXED || (bytes[4] != PS_LEAF_SEAL && bytes[4] != PS_LEAF_TOMBSTONE))
        return 0;
    if (ps_leaf_decode(&leaf, bytes, n) < 0 || leaf.index != index)
        return PS_EFORMAT;
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 1024 : l->room * 2;
        struct ps_retention_entry *v = reallocarray(l->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        l->v = v;
        l->room = room;
    }
    struct ps_retention_entry *e = &l->v[l->n++];
    *e = (struct ps_retention_entry){.clip = leaf.subject};
    memcpy(e->digest, leaf.digest, sizeof(e->digest));
    *(leaf.type == PS_LEAF_SEAL ? &e->seal : &e->tomb) = index;
    return 0;
}

/* The signer lets no leaf be a clip's seal or tombstone that is not the first of its kind. */
static void join(struct ps_retention_ledger *l) {
    size_t kept = 0;
    if (l->n > 1)
        qsort(l->v, l->n, sizeof(*l->v), by_clip);
    for (size_t i = 0; i < l->n; i++) {
        if (kept > 0 && l->v[kept - 1].clip == l->v[i].clip) {
            l->v[kept - 1].seal |= l->v[i].seal; /* one of the two is 0 */
            l->v[kept - 1].tomb |= l->v[i].tomb;
        } else {
            l->v[kept++] = l->v[i];
        }
    }
    l->n = kept;
}

int ps_retention_ledger_open(struct ps_retention_ledger **out, const char *root, struct ps_why *why) {
    struct ps_retention_ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ps_error_why(why, PS_ENOMEM, "ledger", "out of memory");
    int rc = ps_proofs_open(&l->proofs, root, why);
    if (rc < 0) {
        free(l);
        return rc;
    }
    rc = ps_proofs_each(&l->proofs, take, l);
    if (rc < 0) {
        ps_retention_ledger_close(l);
        return ps_error_why(why, rc, "ledger", "%s", ps_error_text(rc));
    }
    join(l);
    *out = l;
    return 0;
}

void ps_retention_ledger_close(struct ps_retention_ledger *l) {
    if (l == NULL)
        return;
    ps_proofs_close(&l->proofs);
    free(l->v);
    free(l);
}

const struct ps_retention_entry *ps_retention_ledger_clip(const struct ps_retention_ledger *l,
                                                          uint64_t number) {
    const struct ps_retention_entry key = {.clip = number};
    const struct ps_retention_entry *e = l->n > 0 ? bsearch(&key, l->v, l->n, sizeof(*l->v), by_clip) : NULL;
    return e != NULL && e->seal != 0 ? e : NULL;
}

int ps_retention_ledger_tomb(struct ps_retention_ledger *l, const struct ps_retention_entry *e,
                             uint8_t *out) {
    return e->tomb == 0 ? PS_ENOENT : ps_proofs_leaf(&l->proofs, e->tomb, out);
}

/* ---- copies elsewhere */

struct ps_retention_copies {
    uint8_t (*v)[32]; /* sorted */
    size_t n, room;
};

static int by_digest(const void *a, const void *b) {
    return memcmp(a, b, 32);
}

/* "HEX  name" or "HEX *name", and sha256sum's "\HEX" before names that it had to escape. Other lines are passed over: they
 * can only keep more. */
static int take_line(struct ps_retention_copies *l, const char *line) {
    uint8_t digest[32];
    line += line[0] == '\\';
    if (strnlen(line, 66) < 66 || line[64] != ' ' || (line[65] != ' ' && line[65] != '*') ||
        ps_bytes_unhex(digest, sizeof(digest), line, 64) < 0)
        return 0;
    if (l->n == l->room) {
        size_t room = l->room == 0 ? 1024 : l->room * 2;
        uint8_t(*v)[32] = room > COPIES_MAX ? NULL : reallocarray(l->v, room, sizeof(*v));
        if (v == NULL)
            return PS_ENOMEM;
        l->v = v;
        l->room = room;
    }
    memcpy(l->v[l->n++], digest, sizeof(digest));
    return 0;
}

int ps_retention_copies_open(struct ps_retention_copies **out, const char *path, struct ps_why *why) {
    char line[LINE_MAX_BYTES];
    struct ps_retention_copies *l = calloc(1, sizeof(*l));
    FILE *f = l != NULL ? fopen(path, "re") : NULL;
    if (f == NULL) {
        int rc = l == NULL ? PS_ENOMEM : errno == ENOENT ? PS_ENOENT : PS_EIO;
        free(l);
        return ps_error_why(why, rc, path, "cannot be read: %s", strerrordesc_np(errno));
    }
    int rc = 0;
    bool whole = true; /* what follows begins a line */
    while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
        if (whole)
            rc = take_line(l, line);
        whole = strchr(line, '\n') != NULL;
    }
    if (rc == 0 && ferror(f))
        rc = PS_EIO;
    fclose(f);
    if (rc < 0) {
        ps_retention_copies_close(l);
        return ps_error_why(why, rc, path, "cannot be read: %s", ps_error_text(rc));
    }
    if (l->n > 1)
        qsort(l->v, l->n, sizeof(*l->v), by_digest);
    *out = l;
    return 0;
}

void ps_retention_copies_close(struct ps_retention_copies *l) {
    if (l != NULL)
        free(l->v);
    free(l);
}

static bool listed(const struct ps_retention_copies *l, const uint8_t digest[32]) {
    return l->n > 0 && bsearch(digest, l->v, l->n, 32, by_digest) != NULL;
}

bool ps_retention_copies_have(const struct ps_retention_copies *l, const struct ps_clip *clip,
                              const uint8_t digest[32]) {
    bool all = listed(l, digest);
    for (unsigned i = 0; all && i < clip->n_tracks; i++)
        all = listed(l, clip->tracks[i].file.sha256);
    for (unsigned i = 0; all && i < clip->n_originals; i++)
        all = listed(l, clip->originals[i].file.sha256);
    return all;
}
