/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/index.h"
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
    tap_is_int(sqlite3_exec(db, "PRAGMA user_version=2", NULL, NULL, NULL), SQLITE_OK, "a later schema");
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

int main(void) {
    umask(0077);
    shelf_make();
    searching();
    readers();
    versions();
    rebuilding();
    while_writing();
    return tap_done();
}
