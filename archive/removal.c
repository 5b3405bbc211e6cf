/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/removal.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE "removed.json"
#define NOTE_MAX 8192
#define DEPTH 4 /* folders in a clip's folder: originals/, signatures/ */
#define FOLDER_MODE 0750
#define DAY_LENGTH 10 /* "2026/11/21" */

/* clips is setgid on an installed station, and new folders inherit that. */
static int make_below(const char *root, const char *rest, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, rest, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    if (mkdir(path, FOLDER_MODE) != 0)
        return errno == EEXIST ? 0 : ps_root_failed_or_denied(why, rest, "cannot be made");
    *strrchr(path, '/') = '\0';
    int fd = ps_root_open_folder(AT_FDCWD, path);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : ps_root_failed_or_denied(why, rest, "fsync");
    if (fd >= 0)
        close(fd);
    return rc;
}

static int sync_below(const char *root, const char *rest, struct ps_why *why) {
    int fd = ps_root_open(root, rest, why);
    if (fd < 0)
        return fd;
    int rc = fsync(fd) == 0 ? 0 : ps_root_failed_or_denied(why, rest, "fsync");
    close(fd);
    return rc;
}

/* ---- names */

/* "clips/2026/11/21/ST03-0000123"? */
static bool is_published(const char *path) {
    static const char form[] = "clips/dddd/dd/dd/";
    for (size_t i = 0; form[i] != '\0'; i++)
        if (form[i] == 'd' ? path[i] < '0' || path[i] > '9' : path[i] != form[i])
            return false;
    return ps_store_is_clip_name(path + sizeof(form) - 1);
}

int ps_removal_names(const char *aside, char clip[40], char place[PS_ROOT_PATH], char now[PS_ROOT_PATH]) {
    char path[PS_REMOVAL_ASIDE + 16];
    if (strlen(aside) <= DAY_LENGTH + 1 || strlen(aside) >= PS_REMOVAL_ASIDE || aside[4] != '-' ||
        aside[7] != '-' || aside[DAY_LENGTH] != '-')
        return PS_EINVAL;
    snprintf(path, sizeof(path), "clips/%.4s/%.2s/%.2s/%s", aside, aside + 5, aside + 8,
             aside + DAY_LENGTH + 1);
    if (!is_published(path))
        return PS_EINVAL;
    snprintf(clip, 40, "%s", aside + DAY_LENGTH + 1);
    snprintf(place, PS_ROOT_PATH, "%s%s", PS_ROOT_REMOVED, path + strlen(PS_ROOT_CLIPS));
    snprintf(now, PS_ROOT_PATH, "%s/%s", PS_ROOT_REMOVING, aside);
    return 0;
}

bool ps_removal_is(const char *path) {
    return strncmp(path, PS_ROOT_REMOVED "/", sizeof(PS_ROOT_REMOVED)) == 0 ||
           strncmp(path, PS_ROOT_REMOVING "/", sizeof(PS_ROOT_REMOVING)) == 0;
}

/* ---- what is told */

const char *ps_removal_reason(uint8_t reason) {
    static const char *const names[] = {"?", "days", "erasure", "manual", "space"};
    return names[reason <= PS_TOMBSTONE_SPACE ? reason : 0];
}

int ps_removal_of_leaf(struct ps_removal *r, const char *clip, const uint8_t *leaf, size_t n) {
    if (n > sizeof(r->bytes) || ps_leaf_decode(&r->leaf, leaf, n) < 0 || r->leaf.type != PS_LEAF_TOMBSTONE)
        return PS_EFORMAT;
    snprintf(r->clip, sizeof(r->clip), "%s", clip);
    memcpy(r->bytes, leaf, n);
    r->n = n;
    return 0;
}

static int write_note(int dir, const struct ps_removal *r, struct ps_why *why) {
    char at[32], hex[2 * PS_MAX_LEAF + 1];
    ps_statement_time_text(r->leaf.wall_ns, at);
    ps_bytes_hex(hex, r->bytes, r->n);
    json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:s}", "type", "packseal-removed", "version",
                          1, "clip", r->clip, "at", at, "reason", ps_removal_reason(r->leaf.extra[0]), "text",
                          r->text, "entry", (json_int_t)r->leaf.index, "leaf", hex);
    char *text = o != NULL ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(o);
    if (text == NULL)
        return ps_error_why(why, PS_EINVAL, r->clip, "the reason is no plain UTF-8 text");
    int rc = ps_store_write_file(dir, NOTE, text, strlen(text), why);
    free(text);
    return rc;
}

static int read_note(int dir, struct ps_removal *r, struct ps_why *why) {
    uint8_t *p = NULL, leaf[PS_MAX_LEAF];
    size_t n = 0;
    *r = (struct ps_removal){.n = 0};
    int rc = ps_store_read_file(dir, NOTE, NOTE_MAX, &p, &n, why);
    if (rc < 0)
        return rc;
    json_t *o = json_loadb((const char *)p, n, JSON_REJECT_DUPLICATES, NULL);
    free(p);
    const char *clip = json_string_value(json_object_get(o, "clip")),
               *text = json_string_value(json_object_get(o, "text")),
               *hex = json_string_value(json_object_get(o, "leaf"));
    n = hex != NULL ? strlen(hex) : 0;
    if (clip == NULL || !ps_store_is_clip_name(clip) || text == NULL || strlen(text) > PS_REMOVAL_TEXT ||
        !ps_bytes_is_text(text, strlen(text)) || n == 0 || n % 2 != 0 || n / 2 > sizeof(leaf) ||
        ps_bytes_unhex(leaf, n / 2, hex, n) < 0 || ps_removal_of_leaf(r, clip, leaf, n / 2) < 0)
        rc = ps_error_why(why, PS_EFORMAT, NOTE, "is no note of a removal");
    else
        snprintf(r->text, sizeof(r->text), "%s", text);
    json_decref(o);
    return rc;
}

int ps_removal_read(const char *root, const char *path, struct ps_removal *out, struct ps_why *why) {
    int dir = ps_root_open(root, path, why);
    if (dir < 0)
        return dir;
    int rc = read_note(dir, out, why);
    close(dir);
    return rc;
}

/* ---- the steps */

int ps_removal_lock(const char *root, struct ps_why *why) {
    int rc = make_below(root, PS_ROOT_REMOVING, why);
    int fd = rc < 0 ? rc : ps_root_open(root, PS_ROOT_REMOVING, why);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    rc = errno == EWOULDBLOCK ? PS_EBUSY : PS_EIO;
    close(fd);
    return ps_error_why(why, rc, PS_ROOT_REMOVING, "%s",
                        rc == PS_EBUSY ? "another one is removing clips" : "cannot be locked");
}

int ps_removal_aside(const char *root, const char *path, char aside[PS_REMOVAL_ASIDE], struct ps_why *why) {
    char day[24], there[PS_ROOT_PATH], from[PS_ROOT_PATH], to[PS_ROOT_PATH];
    if (!is_published(path))
        return ps_error_why(why, PS_EINVAL, path, "is no published clip");
    snprintf(aside, PS_REMOVAL_ASIDE, "%.4s-%.2s-%.2s-%.40s", path + 6, path + 11, path + 14, path + 17);
    snprintf(day, sizeof(day), "%.*s", (int)strlen("clips/2026/11/21"), path);
    int rc = ps_root_path(PS_ROOT_REMOVING, aside, there);
    if (rc == 0)
        rc = ps_root_path(root, there, to);
    if (rc == 0)
        rc = ps_root_path(root, path, from);
    if (rc < 0)
        return ps_error_why(why, rc, path, "the path is too long");
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0 &&
        ((errno != EINVAL && errno != ENOSYS) || rename(from, to) != 0))
        return ps_root_failed_or_denied(why, path, "cannot be renamed");
    rc = sync_below(root, PS_ROOT_REMOVING, why);
    return rc < 0 ? rc : sync_below(root, day, why);
}

static int is_plain(const struct dirent *e) {
    return e->d_name[0] != '.';
}

int ps_removal_each_aside(const char *root, int (*found)(void *ctx, const char *aside), void *ctx) {
    char path[PS_ROOT_PATH];
    struct dirent **list = NULL;
    int rc = ps_root_path(root, PS_ROOT_REMOVING, path);
    if (rc < 0)
        return rc;
    int n = scandir(path, &list, is_plain, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : PS_EIO;
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = found(ctx, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return rc;
}

static bool is_kept(const char *name, bool statement) {
    static const char *const always[] = {NOTE, "checkpoint"}, *const of_statement[] = {"clip.json",
                                                                                       "clip.json.minisig",
                                                                                       "signatures"};
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (strcmp(name, always[i]) == 0)
            return true;
    for (size_t i = 0; statement && i < sizeof(of_statement) / sizeof(of_statement[0]); i++)
        if (strcmp(name, of_statement[i]) == 0)
            return true;
    return false;
}

static bool is_folder(int at, const char *name) {
    struct stat st;
    return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Takes away all that is not kept; what lies in a folder that goes goes, too. Takes fd. */
static int empty(int fd, unsigned depth, bool top, bool statement, struct ps_why *why) {
    DIR *d = fdopendir(fd);
    int rc = 0;
    if (d == NULL) {
        close(fd);
        return ps_root_failed_or_denied(why, "clip folder", "cannot be listed");
    }
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        const char *name = e->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (top && is_kept(name, statement)))
            continue;
        bool folder = is_folder(dirfd(d), name);
        if (folder && depth == 0)
            rc = ps_error_why(why, PS_ELIMIT, name, "folders too deep");
        if (folder && rc == 0) {
            int below = ps_root_open_folder(dirfd(d), name);
            rc = below < 0 ? ps_root_failed_or_denied(why, name, "cannot be opened")
                           : empty(below, depth - 1, false, false, why);
        }
        if (rc == 0 && unlinkat(dirfd(d), name, folder ? AT_REMOVEDIR : 0) != 0)
            rc = ps_root_failed_or_denied(why, name, "cannot be removed");
    }
    if (rc == 0 && fsync(dirfd(d)) != 0)
        rc = ps_root_failed_or_denied(why, "clip folder", "fsync");
    closedir(d);
    return rc;
}

/* A note that was cut off is no note. */
static int note_down(int dir, const struct ps_removal *r, struct ps_why *why) {
    struct ps_removal there;
    int rc = read_note(dir, &there, NULL);
    if (rc == 0)
        return 0;
    if (rc != PS_ENOENT && unlinkat(dir, NOTE, 0) != 0)
        return ps_root_failed_or_denied(why, NOTE, "cannot be replaced");
    rc = write_note(dir, r, why);
    return rc == 0 && fsync(dir) != 0 ? ps_root_failed_or_denied(why, r->clip, "fsync") : rc;
}

int ps_removal_clear(const char *root, const char *aside, const struct ps_removal *r, struct ps_why *why) {
    char clip[40], place[PS_ROOT_PATH], now[PS_ROOT_PATH];
    int list = -1, rc = ps_removal_names(aside, clip, place, now);
    if (rc < 0 || strcmp(clip, r->clip) != 0)
        return ps_error_why(why, PS_EINVAL, aside, "is no clip that is being removed");
    int dir = ps_root_open(root, now, why);
    if (dir < 0)
        return dir;
    rc = note_down(dir, r, why);
    if (rc < 0 && rc != PS_EFULL)
        goto out;
    bool full = rc == PS_EFULL; /* the films make room for the note */
    list = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = list < 0 ? ps_root_failed_or_denied(why, now, "cannot be listed")
                  : empty(list, DEPTH, true, r->leaf.extra[0] != PS_TOMBSTONE_ERASURE, why);
    if (rc == 0 && full)
        rc = note_down(dir, r, why);
out:
    close(dir);
    return rc;
}

int ps_removal_settle(const char *root, const char *aside, struct ps_why *why) {
    char clip[40], place[PS_ROOT_PATH], now[PS_ROOT_PATH], from[PS_ROOT_PATH], to[PS_ROOT_PATH];
    int rc = ps_removal_names(aside, clip, place, now);
    if (rc < 0)
        return ps_error_why(why, rc, aside, "is no clip that is being removed");
    if (ps_root_path(root, now, from) < 0 || ps_root_path(root, place, to) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    /* clips/.removed, then its years, months and days. */
    for (char *p = place + strlen(PS_ROOT_REMOVED); p != NULL && rc == 0; p = strchr(p + 1, '/')) {
        *p = '\0';
        rc = make_below(root, place, why);
        *p = '/';
    }
    if (rc < 0)
        return rc;
    if (rename(from, to) != 0)
        return ps_root_failed_or_denied(why, place, "cannot take its place");
    *strrchr(place, '/') = '\0';
    rc = sync_below(root, place, why);
    return rc < 0 ? rc : sync_below(root, PS_ROOT_REMOVING, why);
}

/* ---- weight */

/* Takes fd. */
static uint64_t weigh(int fd, unsigned depth) {
    DIR *d = fdopendir(fd);
    uint64_t sum = 0;
    if (d == NULL) {
        close(fd);
        return 0;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        sum += (uint64_t)st.st_blocks * 512;
        int below = S_ISDIR(st.st_mode) && depth > 0 ? ps_root_open_folder(dirfd(d), e->d_name) : -1;
        if (below >= 0)
            sum += weigh(below, depth - 1);
    }
    closedir(d);
    return sum;
}

uint64_t ps_removal_weigh(const char *root, const char *path) {
    int fd = ps_root_open(root, path, NULL);
    return fd < 0 ? 0 : weigh(fd, DEPTH);
}
