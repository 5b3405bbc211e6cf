/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal verify on real files: each tampering gets its verdict, its place and its exit status, from a child with
 * bounded memory and time. Films come from tests/golden/v1/film; copies are made by ffmpeg where there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "tests/unit/maker.h"
#include "tests/unit/tap.h"
#include "tests/unit/zipper.h"

/* The sanitizers' shadow memory is not ours to bound. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define MOST_MEMORY_KB (200 * 1024)
#define PATH 512

static char dir[64], trust[PATH];

struct result {
    int exit;
    json_t *answers; /* an array, one for each line */
    char err[512];
    long memory_kb;
    double seconds;
};

static void path_of(char out[PATH], const char *name) {
    (void)snprintf(out, PATH, "%s/%s", dir, name);
}

static void put_file(const char *path, const void *p, size_t n) {
    char folder[PATH];
    for (const char *s = strchr(path + strlen(dir) + 1, '/'); s != NULL; s = strchr(s + 1, '/')) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(s - path), path);
        (void)mkdir(folder, 0700);
    }
    FILE *f = fopen(path, "wb");
    if (f == NULL || (n > 0 && fwrite(p, 1, n, f) != n) || fclose(f) != 0)
        tap_bail("%s: %s", path, strerror(errno));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_all(const char *path) {
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void child(char **argv, int argc, const char *out, const char *err) {
    const struct rlimit memory = {(rlim_t)512 << 20, (rlim_t)512 << 20}, seconds = {60, 60};
    if (!SANITIZED)
        (void)setrlimit(RLIMIT_AS, &memory);
    (void)setrlimit(RLIMIT_CPU, &seconds);
    if (freopen(out, "w", stdout) == NULL || freopen(err, "w", stderr) == NULL)
        _exit(99);
    int status = ps_cmd_verify(argc, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(status);
}

static struct result run(char **argv) {
    struct result r = {.exit = -1, .answers = json_array()};
    char out[PATH], err[PATH], line[65536];
    struct rusage use;
    int status, argc = 0;
    path_of(out, "out");
    path_of(err, "err");
    while (argv[argc] != NULL)
        argc++;
    double start = now();
    pid_t pid = fork();
    if (pid == 0)
        child(argv, argc, out, err);
    if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
        tap_bail("fork: %s", strerror(errno));
    r.seconds = now() - start;
    r.memory_kb = use.ru_maxrss;
    r.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    FILE *f = fopen(out, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        json_t *j = json_loads(line, 0, NULL);
        if (j != NULL)
            (void)json_array_append_new(r.answers, j);
    }
    if (f != NULL)
        fclose(f);
    f = fopen(err, "r");
    if (f != NULL) {
        r.err[fread(r.err, 1, sizeof r.err - 1, f)] = 0;
        fclose(f);
    }
    return r;
}

static struct result verify(const char *path) {
    char *argv[] = {"verify", "--json", "--trust", trust, (char *)(uintptr_t)path, NULL};
    return run(argv);
}

static const char *answer(const struct result *r, size_t i, const char *key) {
    const char *s = json_string_value(json_object_get(json_array_get(r->answers, i), key));
    return s != NULL ? s : "";
}

static bool has_problem(const struct result *r, size_t i, const char *code, const char *where) {
    size_t k;
    json_t *p;
    json_array_foreach(json_object_get(json_array_get(r->answers, i), "problems"), k, p) {
        if (strncmp(json_string_value(json_object_get(p, "code")), code, strlen(code)) == 0 &&
            strstr(json_string_value(json_object_get(p, "where")), where) != NULL)
            return true;
    }
    return false;
}

static void forget(struct result *r) {
    json_decref(r->answers);
}

static void show(const struct result *r) {
    char *text = json_dumps(r->answers, JSON_INDENT(1));
    tap_diag("exit %d, %ld KB, %.2f s, %s\n%s", r->exit, r->memory_kb, r->seconds, r->err,
             text != NULL ? text : "");
    free(text);
}

/* One line of a table: what was done, and what the answer must be. */
struct want {
    int exit;
    const char *content, *key, *code, *where;
};

static void check(struct result *r, const char *what, const struct want *w) {
    bool ok = tap_is_int(r->exit, w->exit, "%s: exit", what);
    ok &= tap_ok(strcmp(answer(r, 0, "content"), w->content) == 0 && strcmp(answer(r, 0, "key"), w->key) == 0,
                 "%s: content %s, key %s", what, w->content, w->key);
    if (w->code != NULL)
        ok &= tap_ok(has_problem(r, 0, w->code, w->where), "%s: %s at %s", what, w->code, w->where);
    ok &= tap_ok(SANITIZED || r->memory_kb < MOST_MEMORY_KB, "%s: %ld KB of memory", what, r->memory_kb);
    if (!ok)
        show(r);
    forget(r);
}

static void put_clip(struct maker *m, const char *name) {
    char path[PATH];
    path_of(path, name);
    remove_all(path);
    for (size_t i = 0; i < m->n; i++) {
        (void)snprintf(path, sizeof path, "%s/%s/%s", dir, name, m->files[i].name);
        put_file(path, m->files[i].p, m->files[i].n);
    }
}

/* Judged as a folder. */
static void judge(struct maker *m, const char *what, int exit, const char *content, const char *key,
                  const char *code, const char *where) {
    char path[PATH];
    put_clip(m, "clip");
    path_of(path, "clip");
    struct result r = verify(path);
    check(&r, what, &(struct want){exit, content, key, code, where});
}

/* ---- the clip's own files ------------------------------------------------------------------------ */

static void test_untouched(void) {
    struct maker *m = maker_new("film/a.mp4");
    char path[PATH];
    judge(m, "untouched", 0, "intact", "trusted", NULL, NULL);
    path_of(path, "clip");
    struct result r = verify(path);
    tap_is_str(answer(&r, 0, "container"), "as-recorded", "untouched: container");
    tap_is_str(answer(&r, 0, "ledger"), "absent", "untouched: ledger");
    tap_is_str(answer(&r, 0, "clip"), "ST03-0000123", "untouched: clip");
    tap_is_str(answer(&r, 0, "trust"), trust, "untouched: the trust file is named");
    json_t *time = json_object_get(json_array_get(r.answers, 0), "time");
    tap_is_str(json_string_value(json_object_get(time, "basis")), "self-declared", "untouched: time");
    tap_ok(json_is_null(json_object_get(time, "not_before")) &&
               json_is_null(json_object_get(time, "not_after")),
           "untouched: no bounds");
    forget(&r);
    static const struct {
        const char *list;
        int exit;
    } need[] = {{"trusted", 0}, {"bounded", 1}, {"included", 1}, {"not-after", 1}, {"trusted,not-before", 1},
                {"x", 2}};
    for (size_t i = 0; i < sizeof need / sizeof need[0]; i++) {
        char *argv[] = {"verify", "--json", "--trust", trust, "--require", (char *)(uintptr_t)need[i].list,
                        path,     NULL};
        r = run(argv);
        tap_is_int(r.exit, need[i].exit, "--require %s", need[i].list);
        tap_is_int(has_problem(&r, 0, "require", ""), need[i].exit == 1, "--require %s: told or not",
                   need[i].list);
        forget(&r);
    }
    maker_free(m);
}

static void test_words(void) {
    struct maker *m = maker_new("film/a.mp4");
    char path[PATH], out[PATH], text[8192];
    static const char *const never[] = {"真实", "通过", "合格"};
    put_clip(m, "clip");
    path_of(path, "clip");
    path_of(out, "out");
    char *langs[] = {"en", "zh"};
    for (size_t l = 0; l < 2; l++) {
        char *argv[] = {"verify", "--lang", langs[l], "--trust", trust, path, NULL};
        struct result r = run(argv);
        tap_is_int(r.exit, 0, "--lang %s", langs[l]);
        forget(&r);
        FILE *f = fopen(out, "r");
        text[f != NULL ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
        if (f != NULL)
            fclose(f);
        tap_ok(strstr(text, l == 0 ? "intact" : "完好") != NULL &&
                   strstr(text, l == 0 ? "trusted" : "已登记") != NULL &&
                   strstr(text, l == 0 ? "self-declared" : "仅本机时间") != NULL &&
                   strstr(text, l == 0 ? "absent" : "无入账证明") != NULL,
               "--lang %s: four answers", langs[l]);
        tap_ok(strstr(text, l == 0 ? "does not show" : "不能证明") != NULL && strstr(text, trust) != NULL,
               "--lang %s: what it does not show, and whose keys were used", langs[l]);
        for (size_t i = 0; i < 3; i++)
            tap_ok(strstr(text, never[i]) == NULL, "--lang %s: a word that is never said", langs[l]);
    }
    maker_free(m);
}

static void flip(struct maker *m, const char *name, size_t at) {
    maker_file(m, name)->p[at] ^= 1;
}

static void test_bits(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct ps_mp4 mp4;
    const struct maker_file *f = maker_file(m, "top.mp4");
    struct ps_blob b = ps_blob_of_memory(f->p, f->n);
    if (ps_mp4_read(&mp4, &b, false, NULL) < 0)
        tap_bail("own film does not read");
    size_t at = mp4.samples[47].offset + mp4.samples[47].size - 2;
    flip(m, "top.mp4", at);
    judge(m, "one bit of video", 1, "altered", "trusted", "segment-altered",
          "top.mp4 segment 2 (00:04.000-00:06.000)");
    flip(m, "top.mp4", at);
    const struct maker_file *s = maker_file(m, "clip.json");
    at = (size_t)((uint8_t *)strstr((char *)s->p, "SF1234567890123") - s->p) + 5;
    flip(m, "clip.json", at);
    judge(m, "one bit of the statement, a waybill digit", 1, "altered", "unknown", "statement-broken",
          "clip.json");
    judge(m, "the same, as its signature sees it", 1, "altered", "unknown", "signature-invalid",
          "clip.json.minisig");
    flip(m, "clip.json", at);
    at = (size_t)((uint8_t *)strstr((char *)s->p, "打包") - s->p) + 2;
    flip(m, "clip.json", at);
    judge(m, "one bit of the statement, the station's name", 1, "altered", "unknown", "signature-invalid",
          "clip.json.minisig");
    flip(m, "clip.json", at);
    at = strlen("untrusted comment: signature by a test\n") + 20;
    maker_file(m, "clip.json.minisig")->p[at] ^= 2;
    judge(m, "one bit of the signature", 1, "altered", "unknown", "signature-", "clip.json.minisig");
    ps_mp4_free(&mp4);
    maker_free(m);
}

static void test_segments(void) {
    struct film *b = film_open("film/b.mp4");
    struct maker *m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    film_cut(m->film, 3);
    maker_film(m);
    judge(m, "a segment cut out", 1, "incomplete", "trusted", "segment-missing",
          "top.mp4 segment 3 (00:06.000-00:08.000)");
    maker_free(m);
    m = maker_new("film/a.mp4");
    film_insert(m->film, 1, m->film, 2);
    film_cut(m->film, 3);
    maker_film(m);
    judge(m, "two swapped", 1, "altered", "trusted", "segment-order", "top.mp4 segment");
    maker_free(m);
    m = maker_new("film/a.mp4");
    film_insert(m->film, 1, b, 1);
    film_cut(m->film, 2);
    maker_film(m);
    judge(m, "one replayed from another clip", 1, "altered", "trusted", "segment-foreign",
          "top.mp4 segment 1 (00:02.000-00:04.000)");
    maker_free(m);
    m = maker_new("film/a.mp4");
    m->film->s[50].ticks += 4500;
    m->film->s[51].ticks -= 4500;
    maker_film(m);
    judge(m, "sample times changed", 1, "altered", "trusted", "segment-altered",
          "top.mp4 segment 2 (00:04.000-00:06.000)");
    maker_free(m);
    m = maker_new("film/a.mp4");
    m->film->layout = FILM_ORDINARY;
    m->film->turned = true;
    maker_film(m);
    judge(m, "rotation added", 1, "altered", "trusted", "film-rules", "tkhd");
    m->film->turned = false;
    m->film->edit = true;
    m->film->edit_duration = 450000;
    maker_film(m);
    judge(m, "edit list added", 1, "altered", "trusted", "film-rules", "elst");
    maker_free(m);
    film_close(b);
}

static void test_files(void) {
    struct maker *m = maker_new("film/a.mp4");
    maker_text(m, "side.mp4", "x");
    judge(m, "file added", 0, "intact", "trusted", "unauthenticated", "side.mp4");
    maker_drop(m, "side.mp4");
    maker_drop(m, "originals/top-0001.jpg");
    judge(m, "original missing", 1, "incomplete", "trusted", "file-missing", "originals/top-0001.jpg");
    maker_drop(m, "top.mp4");
    judge(m, "film missing", 1, "incomplete", "trusted", "file-missing", "top.mp4");
    maker_drop(m, "clip.json");
    judge(m, "statement missing", 2, "unreadable", "unknown", "statement-missing", "clip.json");
    maker_free(m);
    m = maker_new("film/a.mp4");
    maker_text(m, "clip.json.minisig", "");
    judge(m, "empty signature", 1, "altered", "unknown", "signature-malformed", "clip.json.minisig");
    maker_drop(m, "clip.json.minisig");
    judge(m, "signature missing", 1, "unsigned", "unknown", "signature-missing", "clip.json.minisig");
    maker_free(m);
    m = maker_new("film/a.mp4");
    char *text = strndup((char *)maker_file(m, "clip.json")->p, maker_file(m, "clip.json")->n),
         *twice = malloc(strlen(text) + 64);
    (void)snprintf(twice, strlen(text) + 64, "{\"version\":1,%s", text + 1);
    maker_text(m, "clip.json", twice);
    judge(m, "JSON with a duplicate key", 2, "unreadable", "unknown", "statement-unreadable", "clip.json");
    maker_put(m, "clip.json", (uint8_t *)twice, strlen(text) / 2);
    judge(m, "JSON cut off", 2, "unreadable", "unknown", "statement-unreadable", "clip.json");
    free(text);
    maker_free(m);
}

static void test_other_station(void) {
    struct maker *m = maker_new("film/a.mp4");
    crypto_sign_keypair(m->s->clip.key.key, m->s->clip_secret);
    memcpy(m->s->clip.key.id, "another!", 8);
    maker_sign(m);
    judge(m, "another station's key", 3, "intact", "unknown", NULL, NULL);
    maker_free(m);
    m = maker_new("film/a.mp4");
    SAMPLE_PUT(m->s->clip.opening.station, "ST04");
    maker_sign(m);
    judge(m, "a registered key for another station", 3, "intact", "unknown", "key-station", "RW");
    maker_free(m);
}

/* The signer saw film A; a recorder hands in file B with its digest. */
static void test_other_film(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct film *b = film_open("film/b.mp4");
    size_t n;
    uint8_t *p = film_write(b, &n);
    maker_put(m, "top.mp4", p, n);
    maker_state_film(m);
    maker_sign(m);
    judge(m, "records of film A, digest of film B, file B", 1, "altered", "trusted", "segment-",
          "top.mp4 segment");
    m->film->layout = FILM_HYBRID;
    maker_film(m);
    judge(m, "records of film A, digest of film B, file A", 0, "intact", "trusted", NULL, NULL);
    film_close(b);
    maker_free(m);
}

/* ---- copies -------------------------------------------------------------------------------------- */

static void test_copies(void) {
    static const char *const copies[][2] = {
        {"another MP4", "-f mp4"},
        {"faststart", "-movflags +faststart -f mp4"},
        {"fragmented", "-movflags frag_keyframe+empty_moov -f mp4"},
        {"fragmented, CMAF", "-movflags frag_keyframe+empty_moov+default_base_moof+cmaf -f mp4"},
        {"QuickTime", "-f mov"},
    };
    struct maker *m = maker_new("film/a.mp4");
    char path[PATH], from[PATH], command[3 * PATH];
    put_clip(m, "clip");
    path_of(path, "clip");
    path_of(from, "original.mp4");
    put_file(from, maker_file(m, "top.mp4")->p, maker_file(m, "top.mp4")->n);
    bool have = system("ffmpeg -version >/dev/null 2>&1") == 0;
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
        if (!have) {
            tap_skip("ffmpeg is missing");
            continue;
        }
        (void)snprintf(
            command, sizeof command,
            "ffmpeg -nostdin -y -v error -i '%s' -c copy -video_track_timescale 90000 %s '%s/top.mp4'", from,
            copies[i][1], path);
        tap_is_int(system(command), 0, "ffmpeg copies to %s", copies[i][0]);
        struct result r = verify(path);
        tap_is_str(answer(&r, 0, "container"), "remuxed", "%s: remuxed", copies[i][0]);
        check(&r, copies[i][0], &(struct want){0, "intact", "trusted", NULL, NULL});
    }
    maker_free(m);
}

/* ---- bundles ------------------------------------------------------------------------------------- */

#define BASE "packseal-ST03-0000123/"

struct bundle {
    struct zipper z;
    struct ps_buf keep[2];
};

/* Entries in an order that a writer could choose; tag files after. */
static void bundle_clip(struct bundle *b, struct maker *m, const char *name) {
    char entry[PATH];
    for (size_t i = 0; i < m->n; i++) {
        (void)snprintf(entry, sizeof entry, BASE "data/%s/%s", name, m->files[i].name);
        zipper_add(&b->z, entry, m->files[i].p, m->files[i].n);
    }
}

static struct zipper_entry *bundle_entry(struct bundle *b, const char *end) {
    for (size_t i = 0; i < b->z.n; i++)
        if (strstr(b->z.e[i].name, end) != NULL)
            return &b->z.e[i];
    return NULL;
}

static void bundle_close(struct bundle *b) {
    zipper_add(&b->z, BASE "data/HOW-TO-VERIFY.txt", "how to\n", 7);
    zipper_bag(&b->z, BASE, b->keep);
}

static void bundle_put(struct bundle *b, const char *path) {
    size_t n;
    uint8_t *p = zipper_write(&b->z, &n);
    put_file(path, p, n);
    free(p);
}

static void bundle_free(struct bundle *b) {
    ps_buf_free(&b->keep[0]);
    ps_buf_free(&b->keep[1]);
}

static void judge_zip(struct bundle *b, const char *what, int exit, const char *content, const char *key,
                      const char *code, const char *where) {
    char path[PATH];
    path_of(path, "bundle.zip");
    bundle_put(b, path);
    struct result r = verify(path);
    check(&r, what, &(struct want){exit, content, key, code, where});
}

static void test_bundle(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct bundle b = {0};
    bundle_clip(&b, m, "ST03-0000123");
    bundle_close(&b);
    judge_zip(&b, "bundle", 0, "intact", "trusted", NULL, NULL);
    b.z.zip64 = true;
    judge_zip(&b, "bundle, ZIP64", 0, "intact", "trusted", NULL, NULL);
    b.z.zip64 = false;

    struct zipper_entry *e = bundle_entry(&b, "top-0001.jpg"), was = *e;
    e->p = (const uint8_t *)"\xff\xd8 another picture     \xff\xd9";
    judge_zip(&b, "bundle: original replaced", 1, "altered", "trusted", "manifest-mismatch",
              "originals/top-0001.jpg");
    *e = was;
    e = bundle_entry(&b, "HOW-TO");
    was = *e;
    e->p = (const uint8_t *)"HOW TO\n";
    char path[PATH];
    path_of(path, "bundle.zip");
    bundle_put(&b, path);
    struct result r = verify(path);
    tap_ok(r.exit == 1 && strcmp(answer(&r, 0, "content"), "intact") == 0 &&
               strcmp(answer(&r, 1, "content"), "altered") == 0 &&
               has_problem(&r, 1, "manifest-mismatch", "HOW-TO-VERIFY.txt"),
           "bundle: instructions replaced: the clip is intact, the bundle is not");
    forget(&r);
    *e = was;
    zipper_add(&b.z, BASE "data/ST03-0000123/side.mp4", "x", 1);
    judge_zip(&b, "bundle: file added", 0, "intact", "trusted", "unauthenticated", "side.mp4");
    judge_zip(&b, "bundle: file in no manifest", 0, "intact", "trusted", "bag-unlisted", "side.mp4");
    b.z.n--;
    e = bundle_entry(&b, "/top.mp4");
    was = *e;
    *e = b.z.e[--b.z.n];
    struct zipper_entry tag = b.z.e[b.z.n];
    judge_zip(&b, "bundle: film missing", 1, "incomplete", "trusted", "file-missing", "top.mp4");
    *e = was;
    b.z.e[b.z.n++] = tag;
    zipper_add(&b.z, BASE "data/ST03-0000123/clip.json", "{}", 2);
    judge_zip(&b, "bundle: two entries of one name", 2, "unreadable", "unknown", "zip-refused", "clip.json");
    b.z.n--;
    zipper_add(&b.z, BASE "fetch.txt", "x", 1);
    judge_zip(&b, "bundle: fetch.txt", 2, "unreadable", "unknown", "bag-refused", "fetch.txt");
    b.z.n--;
    bundle_free(&b);
    maker_free(m);
}

/* Tag files removed with the film above would be refused; here two clips, the second one cut. */
static void test_two_clips(void) {
    struct maker *a = maker_new("film/a.mp4"), *c = maker_new("film/a.mp4");
    struct bundle b = {0};
    char path[PATH];
    film_cut(c->film, 1);
    maker_film(c);
    bundle_clip(&b, a, "ST03-0000123");
    bundle_clip(&b, c, "ST03-0000124");
    bundle_close(&b);
    path_of(path, "bundle.zip");
    bundle_put(&b, path);
    struct result r = verify(path);
    tap_ok(json_array_size(r.answers) == 2 && strcmp(answer(&r, 0, "content"), "intact") == 0 &&
               strcmp(answer(&r, 1, "content"), "incomplete") == 0 && r.exit == 1,
           "two clips, two answers, the worse exit");
    forget(&r);
    /* Each length: never intact, never a crash. */
    size_t n, bad = 0, tried = 0;
    uint8_t *p = zipper_write(&b.z, &n);
    for (size_t cut = 0; cut < n; cut += n / 12) {
        put_file(path, p, cut);
        r = verify(path);
        bad += r.exit != 2 || strcmp(answer(&r, 0, "content"), "unreadable") != 0;
        tried++;
        forget(&r);
    }
    tap_ok(bad == 0 && tried > 10, "a truncated zip cannot be judged, at %zu lengths", tried);
    free(p);
    bundle_free(&b);
    maker_free(a);
    maker_free(c);
}

/* The same bag, unpacked. */
static void test_unpacked(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct bundle b = {0};
    char path[PATH];
    bundle_clip(&b, m, "ST03-0000123");
    bundle_close(&b);
    for (size_t i = 0; i < b.z.n; i++) {
        path_of(path, b.z.e[i].name);
        put_file(path, b.z.e[i].p, b.z.e[i].n);
    }
    path_of(path, "packseal-ST03-0000123");
    struct result r = verify(path);
    check(&r, "unpacked bag", &(struct want){0, "intact", "trusted", NULL, NULL});
    char link[PATH];
    path_of(link, BASE "data/ST03-0000123/link");
    if (symlink("/etc/passwd", link) != 0)
        tap_bail("symlink: %s", strerror(errno));
    r = verify(path);
    tap_ok(r.exit == 2 && strstr(r.err, "link") != NULL && strncmp(r.err, "packseal: ", 10) == 0,
           "a symbolic link inside is refused: %s", r.err);
    forget(&r);
    (void)unlink(link);
    if (mkfifo(link, 0600) != 0)
        tap_bail("mkfifo: %s", strerror(errno));
    r = verify(path);
    tap_is_int(r.exit, 2, "a named pipe inside is refused, and nobody waits for it");
    forget(&r);
    bundle_free(&b);
    maker_free(m);
}

/* ---- hostile files ------------------------------------------------------------------------------- */

#define TEN_GB 10000000000LL

static void sparse(const char *path) {
    if (truncate(path, TEN_GB) != 0)
        tap_bail("%s: %s", path, strerror(errno));
}

static void quick(struct result *r, const char *what) {
    tap_ok(r->seconds < (SANITIZED ? 6 : 2), "%s: judged in %.2f s", what, r->seconds);
}

static void test_sparse(void) {
    struct maker *m = maker_new("film/a.mp4");
    struct bundle b = {0};
    char path[PATH], file[PATH];
    struct result r;
    put_clip(m, "clip");
    path_of(path, "clip");
    path_of(file, "clip/top.mp4");
    sparse(file);
    r = verify(path);
    quick(&r, "film grown to 10 GB");
    check(&r, "film grown to 10 GB", &(struct want){1, "altered", "trusted", "film-rules", "top.mp4"});
    put_clip(m, "clip");
    path_of(file, "clip/clip.json");
    sparse(file);
    r = verify(path);
    quick(&r, "statement of 10 GB");
    check(&r, "statement of 10 GB",
          &(struct want){2, "unreadable", "unknown", "statement-unreadable", "clip.json"});
    put_clip(m, "clip");
    path_of(file, "clip/clip.json.minisig");
    sparse(file);
    r = verify(path);
    quick(&r, "signature of 10 GB");
    check(&r, "signature of 10 GB",
          &(struct want){1, "altered", "unknown", "signature-malformed", "minisig"});
    put_clip(m, "clip");
    path_of(file, "clip/originals/top-0001.jpg");
    sparse(file);
    r = verify(path);
    quick(&r, "original of 10 GB");
    check(&r, "original of 10 GB",
          &(struct want){1, "altered", "trusted", "original-altered", "top-0001.jpg"});

    path_of(path, "empty.mp4");
    put_file(path, "", 0);
    sparse(path);
    r = verify(path);
    quick(&r, "10 GB of zeros as a film");
    check(&r, "10 GB of zeros as a film",
          &(struct want){2, "unreadable", "unknown", "film-unreadable", "byte 0"});
    bundle_clip(&b, m, "ST03-0000123");
    bundle_close(&b);
    path_of(path, "bundle.zip");
    bundle_put(&b, path);
    sparse(path);
    r = verify(path);
    quick(&r, "bundle grown to 10 GB");
    check(&r, "bundle grown to 10 GB",
          &(struct want){2, "unreadable", "unknown", "zip-refused", "end of the zip"});
    for (size_t i = 0; i < b.z.n; i++) {
        char name[PATH];
        path_of(name, b.z.e[i].name);
        (void)remove(name);
        put_file(name, b.z.e[i].p, b.z.e[i].n);
    }
    path_of(file, BASE "data/ST03-0000123/link");
    (void)unlink(file);
    path_of(file, BASE "data/ST03-0000123/top.mp4");
    sparse(file);
    path_of(path, "packseal-ST03-0000123");
    r = verify(path);
    quick(&r, "unpacked bag with a film of 10 GB");
    check(&r, "unpacked bag with a film of 10 GB",
          &(struct want){1, "altered", "trusted", "film-rules", "top.mp4"});
    bundle_free(&b);
    maker_free(m);
}

/* A sample table that claims all of a 10 GB file: refused by what the statement can hold, not by reading it. */
static void test_claims(void) {
    struct maker *m = maker_new("film/a.mp4");
    char path[PATH], file[PATH];
    size_t n;
    m->film->layout = FILM_ORDINARY;
    uint8_t *p = film_write(m->film, &n), *moov = memmem(p, n, "moov", 4), *end = p + n;
    size_t moov_n = (size_t)(end - moov) + 4;
    /* All samples 16 MB, one after the other, in an mdat of 64-bit size; moov at the end of a sparse file. */
    uint8_t *stsz = memmem(moov, (size_t)(end - moov), "stsz", 4);
    for (uint32_t i = 0; i < m->film->n; i++) {
        stsz[16 + 4 * i] = 0;
        stsz[17 + 4 * i] = 0xff;
    }
    uint8_t head[64] = {0};
    memcpy(head, p, 32);
    head[35] = 1;
    memcpy(head + 36, "mdat", 4);
    uint64_t mdat = (uint64_t)m->film->n * (16 << 20);
    for (int i = 0; i < 8; i++)
        head[40 + i] = (uint8_t)(mdat >> (56 - 8 * i));
    uint8_t *co64 = memmem(moov, (size_t)(end - moov), "co64", 4);
    memset(co64 + 12, 0, 8);
    co64[19] = 48;
    put_clip(m, "clip");
    path_of(file, "clip/top.mp4");
    int fd = open(file, O_RDWR | O_TRUNC);
    if (fd < 0 || pwrite(fd, head, 48, 0) != 48 ||
        pwrite(fd, moov - 4, moov_n, (off_t)(32 + mdat)) != (ssize_t)moov_n)
        tap_bail("%s: %s", file, strerror(errno));
    close(fd);
    path_of(path, "clip");
    struct result r = verify(path);
    quick(&r, "samples of 2 GB");
    check(&r, "samples of 2 GB", &(struct want){1, "altered", "trusted", "segment-", "top.mp4"});
    free(p);
    maker_free(m);
}

static void test_noise(void) {
    static const char *const names[] = {"noise.zip", "noise.mp4", "noise.bin", "noise"};
    uint8_t noise[5000];
    char path[PATH];
    size_t bad = 0;
    for (int round = 0; round < 6; round++) {
        uint8_t seed[randombytes_SEEDBYTES] = {(uint8_t)round};
        randombytes_buf_deterministic(noise, sizeof noise, seed);
        if (round == 4)
            memcpy(noise, "PK\3\4", 4);
        if (round == 5)
            memcpy(noise,
                   "\0\0\0\x20"
                   "ftyp",
                   8);
        for (size_t i = 0; i < 4; i++) {
            path_of(path, names[i]);
            put_file(path, noise, sizeof noise);
            struct result r = verify(path);
            bad += r.exit != 2 || strcmp(answer(&r, 0, "content"), "unreadable") != 0;
            forget(&r);
        }
    }
    tap_is_uint(bad, 0, "random bytes under any name cannot be judged");
    path_of(path, "empty.zip");
    put_file(path, "", 0);
    struct result r = verify(path);
    tap_is_int(r.exit, 2, "an empty file cannot be judged");
    forget(&r);
    path_of(path, "nowhere.zip");
    r = verify(path);
    tap_ok(r.exit == 2 && strstr(r.err, "nowhere.zip") != NULL, "a file that is not there: %s", r.err);
    forget(&r);
    r = verify("/dev/zero");
    tap_is_int(r.exit, 2, "a device is refused");
    forget(&r);
}

static void test_lone_film(void) {
    char path[PATH];
    path_of(path, "root/nothing/x");
    put_file(path, "x", 1);
    path_of(path, "root");
    struct result f = verify(path);
    check(&f, "some folder", &(struct want){2, "unreadable", "unknown", "format-unknown", "clip.json"});
    size_t n;
    uint8_t *p = film_slurp("film/a.mp4", &n);
    path_of(path, "lone.mp4");
    put_file(path, p, n);
    struct result r = verify(path);
    check(&r, "a film alone", &(struct want){1, "unsigned", "unknown", "statement-missing", "clip.json"});
    free(p);
}

static void write_trust(void) {
    struct sample *s = sample_new();
    char key[57], text[256];
    ps_minisign_pubkey_text(&s->clip.key, key);
    (void)snprintf(text, sizeof text, "packseal-trust 1\nclip %s station=ST03 merchant=\"小店\"\n", key);
    path_of(trust, "trust");
    put_file(trust, text, strlen(text));
    free(s);
}

static void test_trust_files(void) {
    struct maker *m = maker_new("film/a.mp4");
    char path[PATH], pub[PATH], nowhere[PATH];
    struct ps_buf b;
    put_clip(m, "clip");
    path_of(path, "clip");
    path_of(pub, "clip.pub");
    path_of(nowhere, "nowhere");
    ps_buf_init(&b, 1024);
    ps_minisign_pubkey_write(&b, &m->s->clip.key, "a key");
    put_file(pub, b.p, b.n);
    ps_buf_free(&b);
    char *with_pub[] = {"verify", "--json", "--trust", pub, path, NULL};
    struct result r = run(with_pub);
    tap_is_int(r.exit, 0, "a minisign public key serves as trust");
    forget(&r);
    char *without[] = {"verify", "--json", path, NULL};
    unsetenv("PACKSEAL_ROOT");
    r = run(without);
    tap_ok(access("/etc/packseal/trust", F_OK) == 0 || (r.exit == 3 && answer(&r, 0, "trust")[0] == 0),
           "without registered keys: intact, key unknown, exit 3");
    forget(&r);
    char *missing[] = {"verify", "--json", "--trust", nowhere, path, NULL};
    r = run(missing);
    tap_ok(r.exit == 2 && strstr(r.err, "nowhere") != NULL, "a trust file that is not there: %s", r.err);
    forget(&r);
    char *broken[] = {"verify", "--json", "--trust", path, path, NULL};
    r = run(broken);
    tap_is_int(r.exit, 2, "a folder as trust file");
    forget(&r);
    char root_trust[PATH];
    path_of(root_trust, "root/public/trust");
    put_file(root_trust, "packseal-trust 1\n", 17);
    path_of(nowhere, "root");
    char *root[] = {"verify", "--json", "--root", nowhere, path, NULL};
    r = run(root);
    tap_ok(r.exit == 3 && strstr(answer(&r, 0, "trust"), "root/public/trust") != NULL,
           "--root takes that root's trust file, and says so");
    forget(&r);
    maker_free(m);
}

int main(void) {
    if (sodium_init() < 0)
        tap_bail("libsodium does not start");
    (void)snprintf(dir, sizeof dir, "/tmp/ps-tamper-XXXXXX");
    if (mkdtemp(dir) == NULL)
        tap_bail("mkdtemp: %s", strerror(errno));
    write_trust();
    test_untouched();
    test_words();
    test_bits();
    test_segments();
    test_files();
    test_other_station();
    test_other_film();
    test_copies();
    test_bundle();
    test_two_clips();
    test_unpacked();
    test_sparse();
    test_claims();
    test_noise();
    test_lone_film();
    test_trust_files();
    remove_all(dir);
    return tap_done();
}
