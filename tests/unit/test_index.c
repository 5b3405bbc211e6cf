/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/flags.h"
#include "archive/index_internal.h"
#include "evidence/bytes.h"
#include "tests/unit/shelf.h"
#include <sqlite3.h>
#include <sys/wait.h>

static struct ps_why why;
#define MINUTE INT64_C(60000000000)

struct found {
    char text[4096];
    int n, stop_after;
};

static int take(void *ctx, const struct ps_index_row *r) {
    struct found *f = ctx;
    size_t at = strlen(f->text);
    snprintf(f->text + at, sizeof(f->text) - at, "%s%s", f->n > 0 ? " " : "", r->clip);
    return ++f->n == f->stop_after;
}

static struct ps_index_query any(void) {
    return (struct ps_index_query){.from_ns = INT64_MIN, .to_ns = INT64_MAX};
}

/* The clips that a query gives, by their names. */
static void finds(struct ps_index *x, struct ps_index_query q, const char *want, const char *name) {
    struct found f = {.n = 0};
    int n = ps_index_find(x, &q, take, &f, &why);
    tap_ok(n == f.n && strcmp(f.text, want) == 0, "%s", name);
    if (strcmp(f.text, want) != 0)
        tap_diag("got '%s' (%d), wanted '%s'", f.text, n, want);
}

static void by_code(struct ps_index *x, const char *code, const char *want, const char *name) {
    struct ps_index_query q = any();
    q.code = code;
    finds(x, q, want, name);
}

static void by_suffix(struct ps_index *x, const char *suffix, const char *want, const char *name) {
    struct ps_index_query q = any();
    q.suffix = suffix;
    finds(x, q, want, name);
}

static void put(struct ps_index *x, uint64_t number, int64_t at, const char *code, const char *operator_id,
                uint8_t kind) {
    char path[PS_ROOT_PATH];
    struct sample *s = shelf_sample(number, SAMPLE_WALL_NS + at, code);
    SAMPLE_PUT(s->clip.opening.operator_id, operator_id);
    s->clip.opening.kind = kind;
    snprintf(path, sizeof(path), "clips/2026/11/21/ST03-%07u", (unsigned)number);
    tap_is_int(ps_index_put(x, &s->clip, path), 0, "clip %u is put", (unsigned)number);
    free(s);
}

static int look(void *ctx, const struct ps_index_row *r) {
    (void)ctx;
    tap_is_str(r->clip, "ST03-0000001", "a row has the clip's name");
    tap_ok(r->number == 1 && r->take == 1, "its number and take");
    tap_is_str(r->station, "ST03", "station");
    tap_is_str(r->path, "clips/2026/11/21/ST03-0000001", "path");
    tap_is_str(r->operator_id, "0017", "operator");
    tap_is_str(r->kind, "pack", "kind");
    tap_is_str(r->end_reason, "power-loss", "reason of the end");
    tap_is_str(r->codes, "SF1111111111111\n订单-42\nSF1234567890124",
               "codes in order, those that came later last");
    tap_is_str(r->tracks, "top.mp4\nside.mp4", "films");
    tap_is_str(r->thumb, "originals/top-0001.jpg", "the picture that stands for it");
    tap_ok(r->flags & PS_FLAG_REASON && !(r->flags & PS_FLAG_TAKE), "what to look at in it");
    tap_ok(r->started_ns == SAMPLE_WALL_NS && r->ended_ns == SAMPLE_WALL_NS + 5042000000,
           "start and end to the nanosecond");
    return 0;
}

static void searching(void) {
    struct ps_index *x = NULL;
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), PS_ENOENT,
               "a reader is told that there is no index yet");
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), 0, "a writer makes it");
    put(x, 1, 0, "SF1111111111111", "0017", PS_KIND_PACK);
    put(x, 3, 10 * MINUTE, "yt7654321098765", "0018", PS_KIND_RETURN);
    put(x, 5, 20 * MINUTE, "SF1111111111111", "0017", PS_KIND_RETURN);
    put(x, 7, 30 * MINUTE, "100%_'A", "", PS_KIND_PACK);
    struct ps_index_query q = any();
    q.number = &(uint64_t){1};
    tap_is_int(ps_index_find(x, &q, look, NULL, &why), 1, "one clip has number 1");
    finds(x, any(), "ST03-0000007 ST03-0000005 ST03-0000003 ST03-0000001", "all, the newest first");
    by_code(x, "SF1111111111111", "ST03-0000005 ST03-0000001", "both takes of a code");
    by_code(x, "YT7654321098765", "ST03-0000003", "letters of either case are the same");
    by_code(x, "SF111111111111", "", "a part of a code is not the code");
    by_code(x, "订单-42", "ST03-0000007 ST03-0000005 ST03-0000003 ST03-0000001",
            "an order number in Chinese");
    by_code(x, "%1B订单-42", "ST03-0000007 ST03-0000005 ST03-0000003 ST03-0000001", "a code as it came");
    by_code(x, "100%_'A", "ST03-0000007", "signs of SQL are signs");
    by_code(x, "", "", "no code is no clip's");
    by_suffix(x, "8765", "ST03-0000003", "the last four digits");
    by_suffix(x, "111111", "ST03-0000005 ST03-0000001", "the last six");
    by_suffix(x, "SF1111111111111", "ST03-0000005 ST03-0000001", "or all of them");
    by_suffix(x, "单-42", "ST03-0000007 ST03-0000005 ST03-0000003 ST03-0000001", "characters, not bytes");
    by_suffix(x, "%_'a", "ST03-0000007", "no wildcards");
    by_suffix(x, "____", "", "none at all");
    q = any();
    q.suffix = "765";
    tap_is_int(ps_index_find(x, &q, take, NULL, &why), PS_EINVAL, "three digits are too few");
    q = any();
    q.from_ns = SAMPLE_WALL_NS + 10 * MINUTE;
    q.to_ns = SAMPLE_WALL_NS + 20 * MINUTE;
    finds(x, q, "ST03-0000005 ST03-0000003", "within a time, both ends included");
    q.kind = "return", q.operator_id = "0017";
    finds(x, q, "ST03-0000005", "time, kind and operator together");
    q = any();
    q.limit = 2;
    q.offset = 1;
    finds(x, q, "ST03-0000005 ST03-0000003", "a page of two");
    q = any();
    q.clip = "st03-0000003";
    finds(x, q, "ST03-0000003", "by name");
    uint64_t n = 0;
    tap_ok(ps_index_count(x, "sf1111111111111", &n) == 0 && n == 2, "two clips hold the code");
    tap_ok(ps_index_count(x, "nothing", &n) == 0 && n == 0, "none holds another");
    struct found f = {.stop_after = 1};
    q = any();
    tap_is_int(ps_index_find(x, &q, take, &f, &why), 1, "a search ends when told");
    put(x, 5, 20 * MINUTE, "NEWCODE", "0017", PS_KIND_RETURN);
    by_code(x, "SF1111111111111", "ST03-0000001", "a clip that is put again loses its old codes");
    by_code(x, "NEWCODE", "ST03-0000005", "and has its new ones");
    finds(x, any(), "ST03-0000007 ST03-0000005 ST03-0000003 ST03-0000001", "once");
    ps_index_close(x);
}

static void readers(void) {
    struct ps_index *x = NULL;
    struct stat st;
    tap_ok(stat(shelf_path("index.db"), &st) == 0 && (st.st_mode & 07777) == 0640,
           "the group may read the index");
    tap_ok(stat(shelf_path("index.db-wal"), &st) == 0 && (st.st_mode & 07777) == 0640,
           "its log stays when the writer closes");
    if (geteuid() != 0) {
        tap_is_int(ps_index_open(&x, shelf_root, false, &why), 0, "a reader opens what a closed writer left");
        ps_index_close(x);
        tap_skip("another user: only root can become one");
        return;
    }
    chmod(shelf_root, 0755);
    chmod(shelf_path("index.db"), 0644), chmod(shelf_path("index.db-wal"), 0644),
        chmod(shelf_path("index.db-shm"), 0644);
    pid_t pid = fork();
    if (pid == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(2);
        struct ps_index_query q = any();
        struct found f = {.n = 0};
        int rc = ps_index_open(&x, shelf_root, false, &why);
        if (rc == 0)
            rc = ps_index_find(x, &q, take, &f, &why) == 4 ? 0 : 1;
        if (rc != 0)
            tap_diag("%d %s: %s", rc, why.where, why.text);
        _exit(rc == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    tap_is_int(status, 0, "another user reads what a closed writer left, without write permission");
}

static void versions(void) {
    struct ps_index *x = NULL;
    sqlite3 *db = NULL;
    sqlite3_open(shelf_path("index.db"), &db);
    tap_is_int(sqlite3_exec(db, "PRAGMA user_version=3", NULL, NULL, NULL), SQLITE_OK, "a later schema");
    sqlite3_close(db);
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), PS_EVERSION, "is not read");
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), PS_EVERSION, "nor written");
    uint64_t done, bad;
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, NULL, NULL, &why), PS_EVERSION, "nor dropped");
    unlink(shelf_path("index.db")), unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
}

static char bad_path[PS_ROOT_PATH];

static void progress(void *ctx, uint64_t done, const char *path, const struct ps_why *w) {
    (void)ctx, (void)done, (void)w;
    if (path != NULL)
        snprintf(bad_path, sizeof(bad_path), "%s", path);
}

static void rebuilding(void) {
    struct ps_index *x = NULL;
    char path[PS_ROOT_PATH];
    uint64_t done = 0, bad = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct sample *s =
            shelf_sample(11 + 2 * i, SAMPLE_WALL_NS + i * MINUTE, i < 2 ? "SF1111111111111" : "JD0099");
        tap_is_int(shelf_publish(s, 100, path, &why), 0, "a clip on disk");
        free(s);
    }
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), 0, "an index");
    put(x, 99, 0, "GHOST", "", PS_KIND_PACK);
    ps_index_close(x);
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, progress, NULL, &why), 0,
               "is made anew from the folders");
    tap_ok(done == 3 && bad == 0, "of three clips");
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), 0, "it opens");
    finds(x, any(), "ST03-0000015 ST03-0000013 ST03-0000011", "and holds what is on disk, and no more");
    by_code(x, "GHOST", "", "not even a code");
    by_suffix(x, "0099", "ST03-0000015", "codes are found");
    ps_index_close(x);

    char from[PS_ROOT_PATH];
    snprintf(from, sizeof(from), "%s", shelf_path("clips/2026/11/21/ST03-0000013"));
    tap_is_int(rename(from, shelf_path("clips/2026/11/21/ST03-0000014")), 0,
               "a folder that was given another name");
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, progress, NULL, &why), 0, "does not stop a rebuild");
    tap_ok(done == 2 && bad == 1, "but is counted as bad");
    tap_is_str(bad_path, "clips/2026/11/21/ST03-0000014", "and named");
    int fd = open(shelf_path("clips/2026/11/21/ST03-0000011/clip.json"), O_WRONLY | O_TRUNC);
    tap_is_int(close(fd), 0, "an empty statement");
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, progress, NULL, &why), 0, "does not either");
    tap_ok(done == 1 && bad == 2, "and its old row is gone");

    fd = open(shelf_path("index.db"), O_WRONLY | O_TRUNC);
    tap_is_int(write(fd, "this is no database, but a text that is long enough to be one", 61), 61,
               "a damaged database");
    close(fd);
    unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, progress, NULL, &why), 0, "is replaced");
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), 0, "by a good one");
    finds(x, any(), "ST03-0000015", "with what the folders hold");
    ps_index_close(x);
}

static void while_writing(void) {
    struct ps_index *w = NULL, *r = NULL;
    struct ps_index_query q = any();
    tap_is_int(ps_index_open(&w, shelf_root, true, &why), 0, "a writer");
    tap_is_int(ps_index_open(&r, shelf_root, false, &why), 0, "and a reader at once");
    put(w, 21, MINUTE, "LATE", "", PS_KIND_PACK);
    by_code(r, "LATE", "ST03-0000021", "the reader sees what was put after it opened");
    uint64_t done, bad;
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, NULL, NULL, &why), 0,
               "a rebuild while both are open");
    by_code(r, "LATE", "", "drops what is on no disk");
    put(w, 23, MINUTE, "LATER", "", PS_KIND_PACK);
    by_code(r, "LATER", "ST03-0000023", "and the writer goes on");
    struct found f = {.n = 0};
    tap_is_int(ps_index_find(r, &q, take, &f, &why), 2, "in the same database");
    ps_index_close(r);
    ps_index_close(w);
}

/* ---- what to look at */

static uint32_t flags_after(void (*bend)(struct sample *s)) {
    struct sample *s = shelf_sample(1, SAMPLE_WALL_NS, "SF1111111111111");
    bend(s);
    uint32_t flags = ps_flags_of(&s->clip);
    free(s);
    return flags;
}

/* The sample has most of what can be flagged; a good clip has nothing of it. */
static void clean(struct sample *s) {
    struct ps_clip *c = &s->clip;
    c->end_reason = PS_END_NEXT_CODE;
    c->label = PS_LABEL_MATCHED;
    c->started.clock = c->ended.clock = PS_CLOCK_SYNCED;
    c->n_events = 0;
    c->take = 1;
    for (unsigned i = 0; i < c->n_tracks; i++) {
        c->tracks[i].n_gaps = c->tracks[i].n_lost = c->tracks[i].n_unwitnessed = 0;
        c->tracks[i].counts.dropped = c->tracks[i].counts.damaged = 0;
    }
}

static void not_seen(struct sample *s) {
    clean(s), s->clip.label = PS_LABEL_NOT_SEEN;
}
static void not_checked(struct sample *s) {
    clean(s), s->clip.label = PS_LABEL_NOT_CHECKED;
}
static void other(struct sample *s) {
    clean(s), s->clip.label = PS_LABEL_OTHER;
}
static void dropped(struct sample *s) {
    clean(s), s->clip.tracks[1].counts.dropped = 1;
}
static void damaged(struct sample *s) {
    clean(s), s->clip.tracks[0].counts.damaged = 1;
}
static void unwitnessed(struct sample *s) {
    clean(s);
    s->unwitnessed[0] = (struct ps_range){0, 1};
    s->clip.tracks[1].unwitnessed = s->unwitnessed;
    s->clip.tracks[1].n_unwitnessed = 1;
}
static void preroll(struct sample *s) {
    unwitnessed(s), s->clip.tracks[1].n_preroll = 2;
}
static void preroll_and_more(struct sample *s) {
    preroll(s), s->unwitnessed[0].last = 2;
}
static void gap(struct sample *s) {
    clean(s), s->clip.tracks[0].n_gaps = 1;
}
static void lost(struct sample *s) {
    clean(s), s->clip.tracks[0].n_lost = 1;
}
static void clock_out(struct sample *s) {
    clean(s), s->clip.ended.clock = PS_CLOCK_UNSYNCED;
}
static void cancelled(struct sample *s) {
    clean(s), s->clip.end_reason = PS_END_CANCELLED;
}
static void idle(struct sample *s) {
    clean(s), s->clip.end_reason = PS_END_IDLE;
}
static void take_2(struct sample *s) {
    clean(s), s->clip.take = 2;
}

static void with_event(struct sample *s, const char *what) {
    clean(s);
    s->clip.n_events = 1;
    SAMPLE_PUT(s->clip.events[0].what, what);
}
static void dark(struct sample *s) {
    with_event(s, "picture-dark");
}
static void moved(struct sample *s) {
    with_event(s, "camera-moved");
}
static void over(struct sample *s) {
    with_event(s, "picture-dark-over");
}
static void refunded(struct sample *s) {
    with_event(s, "refunded");
}
static void scan(struct sample *s) {
    with_event(s, "scan");
}

static void flagging(void) {
    static const struct {
        void (*bend)(struct sample *s);
        uint32_t want;
        const char *name;
    } all[] = {
        {clean, 0, "a good clip has no flag"},
        {not_seen, PS_FLAG_LABEL_NOT_SEEN, "a label that was not seen"},
        {not_checked, 0, "nobody looked for a label: nothing to tell"},
        {other, PS_FLAG_LABEL_OTHER, "another's label"},
        {dropped, PS_FLAG_DROPPED, "a lost picture"},
        {damaged, PS_FLAG_DROPPED, "a damaged one"},
        {unwitnessed, PS_FLAG_UNWITNESSED, "segments that the signer did not see"},
        {preroll, PS_FLAG_PREROLL, "pre-roll, which nobody can witness"},
        {preroll_and_more, PS_FLAG_PREROLL | PS_FLAG_UNWITNESSED, "and more that nobody did"},
        {gap, PS_FLAG_GAP, "a gap"},
        {lost, PS_FLAG_GAP, "a tail that the disk lost"},
        {clock_out, PS_FLAG_CLOCK, "a clock without synchronisation"},
        {cancelled, PS_FLAG_REASON, "cancelled"},
        {idle, 0, "idle is a usual end"},
        {take_2, PS_FLAG_TAKE, "a second take"},
        {dark, PS_FLAG_PICTURE, "a dark picture"},
        {moved, PS_FLAG_PICTURE, "a camera that was moved"},
        {over, 0, "the end of an alarm is none"},
        {refunded, PS_FLAG_WARNED, "a warning"},
        {scan, 0, "a scan is none"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        tap_is_int(flags_after(all[i].bend), all[i].want, "%s", all[i].name);
    for (unsigned i = 0; i < PS_FLAGS_COUNT; i++)
        tap_is_int(ps_flags_bit(ps_flags_word(i)), 1 << i, "the word %s has its bit", ps_flags_word(i));
    tap_ok(ps_flags_word(PS_FLAGS_COUNT) == NULL && ps_flags_bit("") == 0 && ps_flags_bit("gap2") == 0,
           "there are no others");
}

static void put_bent(struct ps_index *x, uint64_t number, const char *code, const char *operator_id,
                     void (*bend)(struct sample *s)) {
    char path[PS_ROOT_PATH];
    struct sample *s = shelf_sample(number, SAMPLE_WALL_NS + (int64_t)number * MINUTE, code);
    SAMPLE_PUT(s->clip.opening.operator_id, operator_id);
    bend(s);
    snprintf(path, sizeof(path), "clips/2026/11/21/ST03-%07u", (unsigned)number);
    tap_is_int(ps_index_put(x, &s->clip, path), 0, "clip %u is put", (unsigned)number);
    free(s);
}

/* Another index, beside the first. */
static void picking(void) {
    struct ps_index *x = NULL;
    struct ps_index_query q = any();
    uint64_t n = 0;
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), 0, "an index of clips with flags");
    put_bent(x, 201, "AA1", "0017", clean);
    put_bent(x, 202, "AA2", "0018", dark);
    put_bent(x, 203, "AA3", "0017", take_2);
    put_bent(x, 204, "AA4", "0017", gap);
    q.flags = PS_FLAGS_WORTH_A_LOOK;
    finds(x, q, "ST03-0000204 ST03-0000202", "what is worth a look; a second take is not");
    q.operator_id = "0017";
    finds(x, q, "ST03-0000204", "of one operator");
    q = any(), q.flags = PS_FLAG_PICTURE;
    finds(x, q, "ST03-0000202", "by one word");
    q.kind = "return";
    finds(x, q, "", "of another kind there is none");
    q = any(), q.flags = PS_FLAG_TAKE;
    finds(x, q, "ST03-0000203", "second takes, when asked for");
    const char *const names[] = {"ST03-0000203", "ST03-0000201", "nonsense", "ST03-9999999", "ST04-0000202"};
    q = any(), q.names = names, q.n_names = 5;
    finds(x, q, "ST03-0000203 ST03-0000201", "those of a list of names, newest first");
    q.limit = 1, q.offset = 1;
    finds(x, q, "ST03-0000201", "its second page");
    q.limit = 0, q.offset = 0, q.code = "aa1";
    finds(x, q, "ST03-0000201", "and a number");
    q.code = NULL, q.n_names = 0;
    finds(x, q, "", "of an empty list there are none");
    q = any(), q.suffix = "订单-42", q.limit = 2, q.offset = 1;
    finds(x, q, "ST03-0000203 ST03-0000202", "a page of those that end alike");
    q.kind = "pack", q.flags = PS_FLAG_GAP, q.offset = 0;
    finds(x, q, "ST03-0000204", "with filters");
    tap_ok(ps_index_total(x, SAMPLE_WALL_NS + 202 * MINUTE, SAMPLE_WALL_NS + 203 * MINUTE, &n) == 0 && n == 2,
           "two started within");
    ps_index_close(x);
    unlink(shelf_path("index.db")), unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
}

/* ---- no question reads all clips */

static void plan_of(sqlite3 *db, const struct ps_index_query *q, char out[2048]) {
    struct ps_buf text;
    sqlite3_stmt *s = NULL;
    char sql[4400];
    out[0] = '\0';
    ps_buf_init(&text, 4096);
    ps_index_find_text(q, &text);
    snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", (const char *)text.p);
    ps_buf_free(&text);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        snprintf(out, 2048, "SCAN %s: %.1000s", sqlite3_errmsg(db), sql);
    while (s != NULL && sqlite3_step(s) == SQLITE_ROW) {
        size_t at = strlen(out);
        snprintf(out + at, 2048 - at, "%s; ", (const char *)sqlite3_column_text(s, 3));
    }
    sqlite3_finalize(s);
}

/* A scan of a list that was asked for, or of what a search gave, is none of the clips. */
static bool scans(const char *plan) {
    for (const char *p = plan; (p = strstr(p, "SCAN")) != NULL; p += 4)
        if (strncmp(p, "SCAN json_each", 14) != 0 && strncmp(p, "SCAN k;", 7) != 0)
            return true;
    return false;
}

enum {
    CODE = 1,
    SUFFIX = 2,
    OPERATOR = 4,
    KIND = 8,
    WORTH = 16,
    TAKES = 32,
    NAMES = 64,
    CLIP = 128,
    FORMS = 256
};

static void plans(void) {
    struct ps_index *x = NULL;
    sqlite3 *db = NULL;
    static const char *const names[] = {"ST03-0000203"};
    unsigned bad = 0, sorted = 0, forms = 0;
    char plan[2048];
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), 0, "an index");
    sqlite3_open(shelf_path("index.db"), &db);
    for (unsigned f = 0; f < FORMS; f++) {
        struct ps_index_query q = any();
        q.limit = 50;
        q.code = f & CODE ? "A" : NULL, q.suffix = f & SUFFIX ? "1234" : NULL;
        q.operator_id = f & OPERATOR ? "0017" : NULL, q.kind = f & KIND ? "pack" : NULL;
        q.flags = (f & WORTH ? PS_FLAG_GAP : 0) | (f & TAKES ? PS_FLAG_TAKE : 0);
        q.names = f & NAMES ? names : NULL, q.n_names = 1, q.clip = f & CLIP ? names[0] : NULL;
        plan_of(db, &q, plan);
        forms++;
        bool first = !(f & (SUFFIX | NAMES | CLIP)) && strstr(plan, "TEMP B-TREE FOR ORDER BY") != NULL;
        bad += scans(plan), sorted += first;
        if (scans(plan) || first)
            tap_diag("form %u: %s", f, plan);
    }
    tap_is_int(forms, FORMS, "each form of a question");
    tap_is_int(bad, 0, "goes by an index, none through all clips");
    tap_is_int(sorted, 0, "and those that find many need no sorting");
    sqlite3_exec(db, "DROP INDEX clips_number; CREATE TABLE other(number INTEGER)", NULL, NULL, NULL);
    sqlite3_stmt *s = NULL;
    sqlite3_prepare_v2(db, "EXPLAIN QUERY PLAN SELECT * FROM clips WHERE number=1", -1, &s, NULL);
    tap_ok(sqlite3_step(s) == SQLITE_ROW && scans((const char *)sqlite3_column_text(s, 3)),
           "without an index this would tell");
    sqlite3_finalize(s);
    sqlite3_close(db);
    ps_index_close(x);
    unlink(shelf_path("index.db")), unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
}

/* ---- an index of schema 1 */

static const char *const schema_1 =
    "CREATE TABLE clips(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, clip TEXT NOT NULL,"
    " number INTEGER NOT NULL, station TEXT NOT NULL, take INTEGER NOT NULL, kind TEXT NOT NULL,"
    " operator TEXT NOT NULL, reason TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " tracks TEXT NOT NULL, generation INTEGER NOT NULL);"
    "CREATE INDEX clips_started ON clips(started);"
    "CREATE INDEX clips_number ON clips(number);"
    "CREATE INDEX clips_name ON clips(clip COLLATE NOCASE);"
    "CREATE TABLE codes(value TEXT NOT NULL COLLATE NOCASE, clip INTEGER NOT NULL, pos INTEGER NOT NULL,"
    " alias INTEGER NOT NULL, turned TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY(value, clip, pos)) WITHOUT "
    "ROWID;"
    "CREATE INDEX codes_turned ON codes(turned, clip);"
    "CREATE INDEX codes_clip ON codes(clip, pos);"
    "CREATE TABLE state(generation INTEGER NOT NULL);"
    "INSERT INTO state VALUES(3);"
    "INSERT INTO clips VALUES(1,'clips/2026/11/21/ST03-0000015','ST03-0000015',15,'ST03',1,'pack','0017',"
    "'power-loss',5,6,'top.mp4',3);"
    "INSERT INTO clips VALUES(2,'clips/2026/11/21/ST03-0000099','ST03-0000099',99,'ST03',1,'pack','0017',"
    "'stop',7,8,'top.mp4',3);"
    "INSERT INTO codes VALUES('SF1111111111111',1,0,0,'1111111111111FS');"
    "INSERT INTO codes VALUES('OLD-7788',1,2,0,'8877-DLO'); INSERT INTO codes VALUES('%1BX',1,3,1,'XB1%');"
    "INSERT INTO codes VALUES('LATER99',2,1000,2,'99RETAL');"
    "PRAGMA user_version=1;";

static void older(void) {
    struct ps_index *x = NULL;
    sqlite3 *db = NULL;
    uint64_t left = 99;
    sqlite3_open(shelf_path("index.db"), &db);
    tap_is_int(sqlite3_exec(db, schema_1, NULL, NULL, NULL), SQLITE_OK, "an index of an earlier version");
    sqlite3_close(db);
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), PS_ESTATE, "a reader is told so");
    tap_is_int(ps_index_open(&x, shelf_root, true, &why), 0, "a writer brings it up to date");
    finds(x, any(), "ST03-0000099 ST03-0000015", "with all its clips");
    by_code(x, "old-7788", "ST03-0000015", "their numbers");
    by_code(x, "%1bx", "ST03-0000015", "spellings");
    by_suffix(x, "er99", "ST03-0000099", "links and ends");
    struct ps_index_query q = any();
    q.flags = PS_FLAGS_WORTH_A_LOOK;
    finds(x, q, "", "flags are not known before the statements are read");
    tap_is_int(ps_index_catch_up(x, 0, &left), 0, "how many?");
    tap_is_int(left, 2, "two");
    tap_is_int(ps_index_catch_up(x, 1, &left), 1, "the newest is looked for");
    tap_is_int(left, 1, "which leaves one");
    tap_is_int(ps_index_catch_up(x, 16, &left), 1, "and that");
    tap_is_int(left, 0, "none is left");
    tap_is_int(ps_index_catch_up(x, 16, &left), 0, "nor looked for again");
    finds(x, q, "ST03-0000015", "the one on disk has its flags now");
    by_code(x, "OLD-7788", "", "and what its statement says");
    by_code(x, "LATER99", "ST03-0000099", "one that is on no disk keeps its numbers until a rebuild");
    ps_index_close(x);
    uint64_t done, bad;
    tap_is_int(ps_index_rebuild(shelf_root, &done, &bad, NULL, NULL, &why), 0, "which comes");
    tap_is_int(ps_index_open(&x, shelf_root, false, &why), 0, "a reader opens it");
    by_code(x, "LATER99", "", "and they are gone");
    ps_index_close(x);
    unlink(shelf_path("index.db")), unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
}

int main(void) {
    umask(0077);
    shelf_make();
    flagging();
    searching();
    readers();
    versions();
    picking();
    plans();
    rebuilding();
    while_writing();
    unlink(shelf_path("index.db")), unlink(shelf_path("index.db-wal")), unlink(shelf_path("index.db-shm"));
    older();
    return tap_done();
}
