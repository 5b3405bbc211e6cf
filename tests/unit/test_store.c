/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/store.h"
#include "tests/unit/shelf.h"

static struct ps_why why;

static unsigned mode_of(const char *rest) {
    struct stat st;
    return lstat(shelf_path(rest), &st) == 0 ? st.st_mode & 07777u : 0;
}

static void folders(void) {
    static const char *const all[] = {"clips",   "clips/.part", "clips/.aborted", "public",
                                      "exports", "run",         "holds"};
    bool good = true;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        good &= mode_of(all[i]) == 02750;
    tap_ok(good, "folders are 2750 whatever the umask");
    tap_is_int(chmod(shelf_path("exports"), 0700), 0, "an administrator changes a mode");
    tap_is_int(ps_store_init(shelf_root, &why), 0, "folders that are there are left");
    tap_is_int(mode_of("exports"), 0700, "with the mode they have");
    char deep[PS_ROOT_PATH];
    snprintf(deep, sizeof(deep), "%s", shelf_path("a/b/root"));
    tap_is_int(ps_store_init(deep, &why), 0, "folders above a root are made");
    tap_is_int(mode_of("a/b/root/clips/.part"), 02750, "and those below");
}

static void small_files(void) {
    char id[40];
    int dir = -1;
    uint8_t *text = NULL;
    size_t n = 0;
    tap_is_int(ps_store_part_new(shelf_root, id, &dir, &why), 0, "a half-done clip is begun");
    tap_is_uint(strlen(id), 36, "its id is a UUID");
    tap_is_int(ps_store_write_file(dir, "x", "hello", 5, &why), 0, "a small file is written");
    tap_is_int(ps_store_write_file(dir, "x", "other", 5, &why), PS_EEXIST, "and never overwritten");
    tap_is_int(ps_store_read_file(dir, "x", 5, &text, &n, &why), 0, "it is read");
    tap_ok(n == 5 && strcmp((char *)text, "hello") == 0, "as it was written");
    free(text);
    struct stat st;
    tap_ok(fstatat(dir, "x", &st, 0) == 0 && (st.st_mode & 07777) == 0640, "with mode 0640");
    tap_is_int(ps_store_read_file(dir, "x", 4, &text, &n, &why), PS_ELIMIT,
               "a file above the limit is refused");
    tap_is_int(ps_store_read_file(dir, "y", 4, &text, &n, &why), PS_ENOENT,
               "a missing one is told as missing");
    tap_is_int(symlinkat("x", dir, "link"), 0, "a link");
    tap_ok(ps_store_read_file(dir, "link", 5, &text, &n, &why) < 0, "is not read");
    tap_is_int(ps_store_write_file(dir, "link", "z", 1, &why), PS_EEXIST, "nor written through");
    tap_is_int(ps_store_read_file(dir, "originals", 5, &text, &n, &why), PS_EFORMAT, "a folder is no file");
    tap_is_int(mkfifoat(dir, "fifo", 0600), 0, "a fifo");
    tap_is_int(ps_store_read_file(dir, "fifo", 5, &text, &n, &why), PS_EFORMAT, "does not hang the reader");
    close(dir);
    tap_is_int(ps_store_part_abandon(shelf_root, id, &why), 0, "it is put aside");
    char aside[100];
    snprintf(aside, sizeof(aside), "clips/.aborted/%s/x", id);
    tap_is_int(access(shelf_path(aside), F_OK), 0, "with what it holds");
    tap_is_int(ps_store_part_open(shelf_root, id, &dir, &why), PS_ENOENT,
               "and is no half-done clip any more");
    tap_is_int(ps_store_part_open(shelf_root, "../../x", &dir, &why), PS_EINVAL, "a path is no id");
    tap_is_int(ps_store_part_open(shelf_root, "", &dir, &why), PS_EINVAL, "nor is nothing");
}

struct seen {
    char names[8][PS_ROOT_PATH];
    int n, stop_after;
};

static int see_id(void *ctx, const char *id) {
    struct seen *s = ctx;
    if (s->n < 8)
        snprintf(s->names[s->n], sizeof(s->names[0]), "%s", id);
    return ++s->n == s->stop_after ? 7 : 0;
}

static int see(void *ctx, const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    return slash != NULL && strcmp(slash + 1, name) == 0 ? see_id(ctx, path) : -1;
}

static void half_done(void) {
    struct seen s = {0};
    char id[3][40];
    int dir;
    for (int i = 0; i < 3; i++) {
        ps_store_part_new(shelf_root, id[i], &dir, &why);
        close(dir);
        usleep(3000);
    }
    mkdir(shelf_path("clips/.part/lost+found"), 0700);
    tap_is_int(ps_store_part_each(shelf_root, see_id, &s), 0, "half-done clips are listed");
    tap_is_int(s.n, 3, "all of them and nothing else");
    tap_ok(strcmp(s.names[0], id[0]) == 0 && strcmp(s.names[1], id[1]) == 0 && strcmp(s.names[2], id[2]) == 0,
           "the oldest first");
    for (int i = 0; i < 3; i++)
        ps_store_part_abandon(shelf_root, id[i], &why);
}

static void publication(void) {
    char path[PS_ROOT_PATH], again[PS_ROOT_PATH], file[PS_ROOT_PATH + 32];
    struct sample *s = shelf_sample(123, SAMPLE_WALL_NS, "SF1234567890123");
    tap_is_int(shelf_publish(s, 5000, path, &why), 0, "a clip is published");
    tap_is_str(path, "clips/2026/11/21/ST03-0000123", "in the folder of its day and number");
    tap_is_int(mode_of("clips/2026/11/21"), 02750, "whose mode lets the group read");
    struct ps_clip *c = NULL;
    tap_is_int(ps_store_load(shelf_root, path, &c, &why), 0, "its statement is loaded");
    tap_ok(c != NULL && c->number == 123, "and is that clip's");
    ps_statement_free(c);
    tap_is_int(shelf_publish(s, 6000, again, &why), PS_EEXIST, "a second clip of that number is refused");
    struct stat st;
    snprintf(file, sizeof(file), "%s/top.mp4", path);
    tap_ok(stat(shelf_path(file), &st) == 0 && st.st_size == 5000, "and the first is untouched");
    struct seen left = {0};
    ps_store_part_each(shelf_root, see_id, &left);
    tap_is_int(left.n, 1, "the second is kept as half-done");
    free(s);
    /* One nanosecond before and at midnight, UTC; and before 1970. */
    s = shelf_sample(124, SAMPLE_WALL_NS / 86400000000000 * 86400000000000 + 86400000000000 - 1000000, "A");
    tap_ok(shelf_publish(s, 10, path, &why) == 0 && strncmp(path, "clips/2026/11/21/", 17) == 0,
           "the last moment of a day belongs to it");
    free(s);
    s = shelf_sample(10000000, SAMPLE_WALL_NS / 86400000000000 * 86400000000000 + 86400000000000, "A");
    tap_ok(shelf_publish(s, 10, path, &why) == 0 && strcmp(path, "clips/2026/11/22/ST03-10000000") == 0,
           "the next does not");
    free(s);
    s = shelf_sample(2, 1000000000, "A");
    tap_ok(shelf_publish(s, 10, path, &why) == 0 && strcmp(path, "clips/1970/01/01/ST03-0000002") == 0,
           "a clock without battery has a folder too");
    free(s);
    tap_is_int(ps_store_load(shelf_root, "clips/1970/01/01/ST03-0000009", &c, &why), PS_ENOENT,
               "no clip, no statement");
}

static void strange_files(void) {
    char path[PS_ROOT_PATH], id[40];
    int dir;
    struct sample *s = shelf_sample(200, SAMPLE_WALL_NS, "A");
    ps_store_part_new(shelf_root, id, &dir, &why);
    tap_is_int(symlinkat("/etc/passwd", dir, "top.mp4"), 0, "a link in a half-done clip");
    tap_ok(ps_store_publish(shelf_root, id, &s->clip, path, &why) < 0, "is not published");
    close(dir);
    free(s);
}

static void walk(void) {
    struct seen s = {0};
    mkdir(shelf_path("clips/2026/11/21/notes"), 0700);
    mkdir(shelf_path("clips/lost+found"), 0700);
    tap_is_int(symlink("/", shelf_path("clips/2025")), 0, "a link where a year would be");
    tap_is_int(close(creat(shelf_path("clips/2026/12"), 0600)), 0, "a file where a month would be");
    tap_is_int(ps_store_each(shelf_root, see, &s), 0, "the clips are walked");
    tap_is_int(s.n, 4, "all of them and nothing else");
    tap_is_str(s.names[0], "clips/1970/01/01/ST03-0000002", "the oldest day first");
    tap_is_str(s.names[1], "clips/2026/11/21/ST03-0000123", "then by number");
    tap_is_str(s.names[3], "clips/2026/11/22/ST03-10000000", "to the newest");
    s = (struct seen){.stop_after = 2};
    tap_is_int(ps_store_each(shelf_root, see, &s), 7, "a walk ends when told");
    tap_is_int(s.n, 2, "at once");
    uint64_t bytes = 0;
    tap_ok(ps_store_free_bytes(shelf_root, &bytes) == 0 && bytes > 0, "free bytes are told");
    tap_is_int(ps_store_free_bytes("/nonexistent", &bytes), PS_EIO, "of a folder that is there");
}

/* A ledger that was begun anew on the day of its first clips counts from nothing. */
static void another_ledger(void) {
    char path[PS_ROOT_PATH], again[PS_ROOT_PATH], file[PS_ROOT_PATH + 32];
    struct stat st;
    shelf_remove();
    shelf_make();
    struct sample *s = shelf_sample(123, SAMPLE_WALL_NS, "SF1234567890123");
    tap_is_int(shelf_publish(s, 5000, path, &why), 0, "a clip of one ledger is published");
    s->clip.ledger_key[0] ^= 1;
    tap_is_int(shelf_publish(s, 6000, again, &why), 0,
               "and one of that number and day, but of another ledger");
    tap_is_str(again, "clips/2026/11/22/ST03-0000123", "beside it, in the next day's folder");
    tap_is_int(shelf_publish(s, 6000, again, &why), PS_EEXIST, "but once");
    snprintf(file, sizeof(file), "%s/top.mp4", path);
    tap_ok(stat(shelf_path(file), &st) == 0 && st.st_size == 5000, "and the first is untouched");
    free(s);
}

int main(void) {
    umask(0077);
    shelf_make();
    folders();
    small_files();
    half_done();
    publication();
    strange_files();
    walk();
    another_ledger();
    return tap_done();
}
