/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a search takes among ten million clips.
 *
 *     search [CLIPS] [TURNS]        (10000000, 300)
 *
 * The database lies below the build folder and is made once, in minutes, with 0.5 GB of memory. Its tables are those that
 * ps_index_open makes; rows are put in bulk, in the order of each table and before its indexes, which is the only thing that
 * ps_index_put does otherwise: that one is timed on the full database. Searches are ps_index_find's own.
 *
 * The station: a clip each 12.6 s for four years, 40 operators; one clip in 16 a return, one in 50 an audit; one in 12 flagged; each
 * has a waybill, each second one an order number besides.
 */
#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/flags.h"
#include "archive/index_internal.h"
#include "tests/golden/sample.h"

#define FIRST_NS 1668988800000000000LL /* 2022-11-21 */
#define STEP_NS 12600000000LL
#define OPERATORS 40
#define DAY_NS 86400000000000LL
#define PAGE 50
#define MAX_TURNS 5000

struct entry { /* a number of a clip */
    char text[20];
    uint32_t clip;
};

static uint32_t n_clips = 10000000;
static char root[PS_ROOT_PATH];

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "search: %s: %s\n", what, why);
    exit(1);
}

static double now_on(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now_s(void) {
    return now_on(CLOCK_MONOTONIC);
}

/* Of this thread: what a search costs on a machine that is busy otherwise, too. */
static double cpu_s(void) {
    return now_on(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- the clips, each from its place alone */

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) */
static uint64_t mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

static int64_t started_of(uint32_t i) {
    return FIRST_NS + (int64_t)i * STEP_NS + (int64_t)(mix(i) % 5000000000);
}

static bool has_order(uint32_t i) {
    return i % 2 == 0;
}

static void waybill_of(uint32_t i, char out[20]) {
    snprintf(out, 20, "SF%013llu", (unsigned long long)(mix(i + UINT64_C(1000000000)) % 10000000000000));
}

static void order_of(uint32_t i, char out[20]) {
    snprintf(out, 20, "%018llu", (unsigned long long)(mix(i + UINT64_C(2000000000)) % 1000000000000000000));
}

static const char *kind_of(uint32_t i) {
    uint64_t r = mix(i + UINT64_C(3000000000)) % 400;
    return r < 25 ? "return" : r < 33 ? "audit" : "pack";
}

static uint32_t flags_of(uint32_t i) {
    uint64_t r = mix(i + UINT64_C(4000000000));
    uint32_t flags = r % 12 == 0 ? UINT32_C(1) << (r >> 8) % 9 : 0;
    return flags | (r % 33 == 1 ? PS_FLAG_TAKE : 0);
}

static void operator_of(uint32_t i, char out[8]) {
    snprintf(out, 8, "%04u", (unsigned)(mix(i + UINT64_C(5000000000)) % OPERATORS));
}

/* ---- making them */

static void sql(sqlite3 *db, const char *text) {
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
}

static sqlite3_stmt *statement(sqlite3 *db, const char *text) {
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
        die(text, sqlite3_errmsg(db));
    return s;
}

static void step(sqlite3 *db, sqlite3_stmt *s) {
    if (sqlite3_step(s) != SQLITE_DONE)
        die("a row", sqlite3_errmsg(db));
    sqlite3_reset(s);
}

static void put_clips(sqlite3 *db) {
    char path[64], day[16], name[40], codes[48], one[20], operator_id[8];
    sqlite3_stmt *s =
        statement(db, "INSERT INTO clips(id,path,clip,number,station,take,kind,operator,reason,started,ended,"
                      "tracks,generation,codes,thumb,flags) VALUES(?1,?2,?3,?4,'ST03',1,?5,?6,'next-code',?7,"
                      "?8,'top.mp4'||char(10)||'side.mp4',0,?9,'originals/top-0001.jpg',?10)");
    for (uint32_t i = 0; i < n_clips; i++) {
        int64_t at = started_of(i);
        time_t seconds = (time_t)(at / 1000000000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(day, sizeof(day), "%Y/%m/%d", &tm);
        snprintf(name, sizeof(name), "ST03-%07u", 2 * i + 1);
        snprintf(path, sizeof(path), "clips/%s/%s", day, name);
        waybill_of(i, codes);
        order_of(i, one);
        if (has_order(i))
            snprintf(codes + strlen(codes), sizeof(codes) - strlen(codes), "\n%s", one);
        operator_of(i, operator_id);
        sqlite3_bind_int64(s, 1, i + 1);
        sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 4, 2 * (int64_t)i + 1);
        sqlite3_bind_text(s, 5, kind_of(i), -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 6, operator_id, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 7, at);
        sqlite3_bind_int64(s, 8, at + 9000000000);
        sqlite3_bind_text(s, 9, codes, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 10, flags_of(i));
        step(db, s);
    }
    sqlite3_finalize(s);
}

static int by_text(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    int c = memcmp(x->text, y->text, sizeof(x->text));
    return c != 0 ? c : x->clip < y->clip ? -1 : x->clip > y->clip;
}

static void put_numbers(sqlite3 *db, struct entry *all, size_t n, const char *insert) {
    sqlite3_stmt *s = statement(db, insert);
    qsort(all, n, sizeof(*all), by_text);
    for (size_t k = 0; k < n; k++) {
        sqlite3_bind_text(s, 1, all[k].text, -1, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, started_of(all[k].clip));
        sqlite3_bind_int64(s, 3, all[k].clip + 1);
        step(db, s);
    }
    sqlite3_finalize(s);
}

static void put_all_numbers(sqlite3 *db) {
    size_t n = 0;
    struct entry *all = calloc((size_t)n_clips + n_clips / 2 + 1, sizeof(*all));
    if (all == NULL)
        die("numbers", "out of memory");
    for (uint32_t i = 0; i < n_clips; i++) {
        all[n].clip = i;
        waybill_of(i, all[n++].text);
        if (has_order(i)) {
            all[n].clip = i;
            order_of(i, all[n++].text);
        }
    }
    put_numbers(db, all, n, "INSERT INTO codes VALUES(?1,?2,?3)");
    for (size_t k = 0; k < n; k++) {
        char text[20] = "";
        memcpy(text, all[k].text, sizeof(text));
        memset(all[k].text, 0, sizeof(all[k].text));
        ps_index_turn(text, all[k].text);
    }
    put_numbers(db, all, n, "INSERT INTO tails VALUES(?1,?2,?3)");
    free(all);
}

/* Each index as the archive made it, after the rows. */
static void set_aside_indexes(sqlite3 *db, char *again, size_t cap) {
    char drop[512] = "";
    sqlite3_stmt *s =
        statement(db, "SELECT name, sql FROM sqlite_master WHERE type='index' AND sql IS NOT NULL");
    again[0] = '\0';
    while (sqlite3_step(s) == SQLITE_ROW) {
        snprintf(drop + strlen(drop), sizeof(drop) - strlen(drop), "DROP INDEX %s;",
                 sqlite3_column_text(s, 0));
        snprintf(again + strlen(again), cap - strlen(again), "%s;", sqlite3_column_text(s, 1));
    }
    sqlite3_finalize(s);
    sql(db, drop);
}

static void make(const char *path) {
    struct ps_index *x = NULL;
    struct ps_why why = {0};
    sqlite3 *db = NULL;
    char again[2048], part[PS_ROOT_PATH + 32];
    double began = now_s();
    unlink(path);
    if (ps_index_open(&x, root, true, &why) < 0)
        die(why.where, why.text);
    ps_index_close(x);
    for (int i = 0; i < 2; i++) { /* it stays for readers, and would be read as newer than what is put now */
        snprintf(part, sizeof(part), "%s%s", path, i == 0 ? "-wal" : "-shm");
        unlink(part);
    }
    snprintf(part, sizeof(part), "%s.part", path);
    if (rename(path, part) != 0 || sqlite3_open(part, &db) != SQLITE_OK)
        die(part, "cannot be opened");
    sql(db, "PRAGMA journal_mode=DELETE; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA "
            "locking_mode=EXCLUSIVE;"
            "PRAGMA cache_size=-400000; PRAGMA temp_store=FILE;");
    set_aside_indexes(db, again, sizeof(again));
    sql(db, "BEGIN");
    put_clips(db);
    put_all_numbers(db);
    sql(db, again);
    sql(db, "COMMIT");
    sqlite3_close(db);
    if (rename(part, path) != 0) /* whole, or not there */
        die(path, strerror(errno));
    printf("made in %.0f s\n", now_s() - began);
}

/* ---- asking */

struct asked {
    uint64_t rows, bytes;
};

static int take(void *ctx, const struct ps_index_row *r) {
    struct asked *a = ctx;
    a->rows++;
    a->bytes += strlen(r->codes) + strlen(r->path) + strlen(r->tracks) + strlen(r->thumb);
    return 0;
}

enum form {
    NUMBER,
    MISSING,
    NAME,
    TAIL_6,
    TAIL_4,
    NEWEST,
    DAY,
    PAGE_1000,
    OPERATOR_DAY,
    RETURNS_MONTH,
    FLAGGED_WEEK,
    FLAGGED_OPERATOR,
    FLAGGED_1000,
    ONE_FLAG,
    NOBODY,
    TAGGED,
    FORMS
};
static const char *const form_words[FORMS] = {
    [NUMBER] = "by number",
    [MISSING] = "by a number that no clip has",
    [NAME] = "by the clip's name",
    [TAIL_6] = "by the last 6 digits",
    [TAIL_4] = "by the last 4 digits",
    [NEWEST] = "newest, page 1",
    [DAY] = "one day, page 1",
    [PAGE_1000] = "all dates, page 1000",
    [OPERATOR_DAY] = "operator and day",
    [RETURNS_MONTH] = "returns of a month",
    [FLAGGED_WEEK] = "flagged, a week",
    [FLAGGED_OPERATOR] = "flagged, operator, a week",
    [FLAGGED_1000] = "flagged, all dates, page 1000",
    [ONE_FLAG] = "one flag, all dates",
    [NOBODY] = "audits of an operator that has none, all dates",
    [TAGGED] = "500 tagged clips",
};

#define TAGS 500
static char tag_names[TAGS][40], *tags[TAGS];

static void question(enum form f, uint64_t r, struct ps_index_query *q, char text[40], char operator_id[8]) {
    uint32_t i = (uint32_t)(mix(r) % n_clips);
    *q = (struct ps_index_query){.from_ns = INT64_MIN, .to_ns = INT64_MAX, .limit = PAGE};
    int64_t day = started_of(i) / DAY_NS * DAY_NS;
    operator_of(i, operator_id);
    waybill_of(i, text);
    switch (f) {
    case NUMBER: q->code = text; break;
    case MISSING: text[0] = 'X', q->code = text; break;
    case NAME: snprintf(text, 40, "ST03-%07u", 2 * i + 1), q->clip = text; break;
    case TAIL_6: q->suffix = text + strlen(text) - 6; break;
    case TAIL_4: q->suffix = text + strlen(text) - 4; break;
    case DAY: q->from_ns = day, q->to_ns = day + DAY_NS - 1; break;
    case PAGE_1000: q->offset = 999 * PAGE; break;
    case OPERATOR_DAY: q->from_ns = day, q->to_ns = day + DAY_NS - 1, q->operator_id = operator_id; break;
    case RETURNS_MONTH: q->from_ns = day, q->to_ns = day + 30 * DAY_NS - 1, q->kind = "return"; break;
    case FLAGGED_WEEK:
        q->from_ns = day, q->to_ns = day + 7 * DAY_NS - 1, q->flags = PS_FLAGS_WORTH_A_LOOK;
        break;
    case FLAGGED_OPERATOR:
        q->from_ns = day, q->to_ns = day + 7 * DAY_NS - 1, q->flags = PS_FLAGS_WORTH_A_LOOK;
        q->operator_id = operator_id;
        break;
    case FLAGGED_1000: q->offset = 999 * PAGE, q->flags = PS_FLAGS_WORTH_A_LOOK; break;
    case ONE_FLAG: q->flags = PS_FLAG_LABEL_OTHER; break;
    case NOBODY: q->operator_id = operator_id, q->kind = "none"; break;
    case TAGGED: q->names = (const char *const *)tags, q->n_names = TAGS; break;
    default: break;
    }
}

static int by_time(const void *a, const void *b) {
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

struct times {
    unsigned n;
    double wall[MAX_TURNS], cpu[MAX_TURNS], wall_began, cpu_began;
};

static void begin(struct times *t) {
    t->wall_began = now_s();
    t->cpu_began = cpu_s();
}

static void end(struct times *t) {
    t->cpu[t->n] = (cpu_s() - t->cpu_began) * 1e3;
    t->wall[t->n++] = (now_s() - t->wall_began) * 1e3;
}

static void row(const char *what, struct times *t, double rows) {
    qsort(t->wall, t->n, sizeof(t->wall[0]), by_time);
    qsort(t->cpu, t->n, sizeof(t->cpu[0]), by_time);
    printf("| %-47s | %8.2f | %8.2f | %8.2f | %8.2f | %6.1f |\n", what, t->wall[t->n / 2],
           t->wall[t->n * 99 / 100], t->cpu[t->n / 2], t->cpu[t->n * 99 / 100], rows);
}

static void ask(struct ps_index *x, enum form f, unsigned turns) {
    static struct times t;
    struct asked a = {0};
    t.n = 0;
    for (unsigned i = 0; i < turns; i++) {
        struct ps_index_query q;
        struct ps_why why = {0};
        char text[40], operator_id[8];
        question(f, (uint64_t)f * MAX_TURNS + i, &q, text, operator_id);
        begin(&t);
        if (ps_index_find(x, &q, take, &a, &why) < 0)
            die(why.where, why.text);
        end(&t);
    }
    row(form_words[f], &t, (double)a.rows / turns);
    if (a.rows == 0 && f != MISSING && f != NOBODY && (f != FLAGGED_1000 || n_clips > 1000000))
        die(form_words[f], "found nothing at all");
}

/* What the recorder does at each clip's publication, and what takes them away again. */
static void put_some(unsigned n) {
    static struct times t;
    struct ps_index *x = NULL;
    struct ps_why why = {0};
    struct sample *s = sample_new();
    if (ps_index_open(&x, root, true, &why) < 0)
        die(why.where, why.text);
    for (int put = 1; put >= 0; put--) {
        t.n = 0;
        for (unsigned i = 0; i < n; i++) {
            char path[64];
            struct ps_code *code = &s->clip.opening.codes[0];
            s->clip.number = UINT32_C(4000000000) + i;
            waybill_of((uint32_t)s->clip.number, code->value);
            snprintf(path, sizeof(path), "clips/2026/11/22/ST03-%u", UINT32_C(4000000000) + i);
            begin(&t);
            int rc = put ? ps_index_put(x, &s->clip, path) : ps_index_moved(x, NULL, path, path);
            if (rc < 0)
                die(path, ps_error_text(rc));
            end(&t);
        }
        row(put ? "a clip is put (synced)" : "a clip is taken away (synced)", &t, 1);
    }
    ps_index_close(x);
    free(s);
}

int main(int argc, char **argv) {
    const char *build = getenv("PACKSEAL_BUILD");
    char path[PS_ROOT_PATH + 16];
    struct ps_index *x = NULL;
    struct ps_why why = {0};
    struct stat st;
    if (argc > 1)
        n_clips = (uint32_t)strtoul(argv[1], NULL, 10);
    unsigned turns = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 300;
    if (n_clips < 1000 || n_clips > 50000000 || turns < 10 || turns > MAX_TURNS)
        die("usage", "search [CLIPS] [TURNS]");
    snprintf(root, sizeof(root), "%s/search-%u-schema-%d", build != NULL ? build : "build/release", n_clips,
             PS_INDEX_SCHEMA);
    if (mkdir(root, 0755) != 0 && errno != EEXIST)
        die(root, strerror(errno));
    snprintf(path, sizeof(path), "%s/%s", root, PS_ROOT_INDEX);
    if (stat(path, &st) != 0)
        make(path);
    if (ps_index_open(&x, root, false, &why) < 0 || stat(path, &st) != 0)
        die(why.where, why.text);
    for (unsigned i = 0; i < TAGS; i++) {
        snprintf(tag_names[i], sizeof(tag_names[i]), "ST03-%07u", 2 * (uint32_t)(mix(i) % n_clips) + 1);
        tags[i] = tag_names[i];
    }
    printf("%u clips, %.2f GB, %u turns; milliseconds\n\n", n_clips, (double)st.st_size / 1e9, turns);
    printf("| %-47s | %8s | %8s | %8s | %8s | %6s |\n|---|---|---|---|---|---|\n", "", "p50", "p99",
           "CPU p50", "CPU p99", "rows");
    for (enum form f = 0; f < FORMS; f++)
        ask(x, f, turns);
    ps_index_close(x);
    put_some(turns < 100 ? turns : 100);
    return 0;
}
