/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/intake.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER_MODE 02750

/* ---- reading */

static int size_ok(uint64_t size, const char *where, struct ps_why *why) {
    if (size >= PS_INTAKE_LEAST && size <= PS_INTAKE_MOST)
        return 0;
    return ps_error_why(
        why, PS_ELIMIT, where,
        "has %" PRIu64 " bytes, and picture complaints take 200 kB to 20 MB as the camera wrote them", size);
}

/* Cards and telephones come over FUSE, which gives what it has: read until the end, and compare. */
static int read_whole(int fd, uint8_t *p, size_t n, const char *where, struct ps_why *why) {
    for (size_t at = 0;;) {
        ssize_t did = read(fd, p + at, n + 1 - at);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return ps_root_failed_or_denied(why, where, "cannot be read");
        at += (size_t)did;
        if (at > n || (did == 0 && at < n))
            return ps_error_why(why, PS_EIO, where, "changed while it was read");
        if (did == 0)
            return 0;
    }
}

static void describe(struct ps_intake_photo *o, const char *path, const uint8_t *p, size_t n) {
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    if (strlen(name) < sizeof(o->given) && ps_bytes_is_text(name, strlen(name)))
        snprintf(o->given, sizeof(o->given), "%s", name);
    o->file.size = n;
    ps_sha256(o->file.sha256, p, n);
    o->signs = ps_jpeg_signs(&o->jpeg);
    o->jpeg.exif.thumb = NULL; /* borrowed from bytes that go */
    o->jpeg.exif.thumb_n = 0;
}

int ps_intake_read(struct ps_intake_photo *out, const char *path, uint8_t **bytes, struct ps_why *why) {
    struct stat st;
    uint8_t *p = NULL;
    memset(out, 0, sizeof(*out));
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = ps_root_failed_or_denied(why, path, "cannot be opened");
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = ps_error_why(why, PS_EFORMAT, path, "is no file");
        goto out;
    }
    /* A small file is read all the same: that it is PNG says more than that it is too small. */
    size_t n = (uint64_t)st.st_size > PS_INTAKE_MOST ? 0 : (size_t)st.st_size;
    if (n == 0) {
        rc = size_ok((uint64_t)st.st_size, path, why);
        goto out;
    }
    p = malloc(n + 1);
    rc = p == NULL ? ps_error_why(why, PS_ENOMEM, path, "out of memory") : read_whole(fd, p, n, path, why);
    if (rc == 0)
        rc = ps_jpeg_parse(&out->jpeg, p, n, why);
    if (rc == 0)
        rc = size_ok(n, path, why);
    if (rc == 0) {
        describe(out, path, p, n);
        *bytes = p;
        p = NULL; /* transferred */
    }
out:
    free(p);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- folders */

static int make_folder(int at, const char *name) {
    if (mkdirat(at, name, 0750) != 0)
        return errno == EEXIST ? 0 : -1;
    return fchmodat(at, name, FOLDER_MODE, 0) != 0 || fsync(at) != 0 ? -1 : 0;
}

/* ROOT/intake, made where missing, or an error. */
static int top(const char *root, struct ps_why *why) {
    int at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return ps_root_failed_or_denied(why, root, "cannot be opened");
    int fd = make_folder(at, PS_INTAKE_FOLDER) == 0 ? ps_root_open_folder(at, PS_INTAKE_FOLDER) : -1;
    if (fd < 0)
        fd = ps_root_failed_or_denied(why, PS_INTAKE_FOLDER, "cannot be made");
    close(at);
    return fd;
}

int ps_intake_begin(const char *root, char part[48], int *dirfd, struct ps_why *why) {
    uint8_t id[16];
    char hex[33];
    int at = top(root, why);
    if (at < 0)
        return at;
    int rc = 0;
    if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
        rc = ps_root_failed_or_denied(why, PS_INTAKE_FOLDER, "no random number");
    ps_bytes_hex(hex, id, sizeof(id));
    snprintf(part, 48, ".part-%s", hex);
    if (rc == 0 && (mkdirat(at, part, 0700) != 0 || fchmodat(at, part, FOLDER_MODE, 0) != 0 ||
                    (*dirfd = ps_root_open_folder(at, part)) < 0))
        rc = ps_root_failed_or_denied(why, PS_INTAKE_FOLDER, "no new folder");
    close(at);
    return rc;
}

void ps_intake_abandon(const char *root, const char *part) {
    char name[32];
    int at = top(root, NULL), dir = at < 0 ? -1 : ps_root_open_folder(at, part);
    if (dir >= 0) {
        for (unsigned i = 1; i <= PS_INTAKE_FILES; i++) {
            snprintf(name, sizeof(name), "%04u.jpg", i);
            unlinkat(dir, name, 0);
        }
        unlinkat(dir, PS_INTAKE_STATEMENT, 0);
        unlinkat(dir, PS_INTAKE_LEAF, 0);
        unlinkat(dir, PS_INTAKE_CHECKPOINT, 0);
        close(dir);
        unlinkat(at, part, AT_REMOVEDIR);
    }
    if (at >= 0)
        close(at);
}

/* Opens YYYY/MM/DD below at, which it takes. */
static int day_folder(int at, const char *day) {
    char copy[16], *rest = copy;
    snprintf(copy, sizeof(copy), "%s", day);
    for (const char *step; at >= 0 && (step = strsep(&rest, "/")) != NULL;) {
        int next = make_folder(at, step) == 0 ? ps_root_open_folder(at, step) : -1;
        close(at);
        at = next;
    }
    return at;
}

int ps_intake_publish(const char *root, const char *part, const struct ps_intake *in,
                      const struct ps_leaf *leaf, char path[PS_ROOT_PATH], struct ps_why *why) {
    char text[32], day[16], name[64];
    ps_statement_time_text(in->at.wall_ns, text);
    snprintf(day, sizeof(day), "%.4s/%.2s/%.2s", text, text + 5, text + 8);
    snprintf(name, sizeof(name), "%s-I%07" PRIu64, in->station, leaf->index);
    snprintf(path, PS_ROOT_PATH, PS_INTAKE_FOLDER "/%s/%s", day, name);
    int from = top(root, why);
    if (from < 0)
        return from;
    int rc = 0, dir = ps_root_open_folder(from, part), to = day_folder(dup(from), day);
    if (dir < 0 || fsync(dir) != 0 || to < 0)
        rc = ps_root_failed_or_denied(why, path, "cannot be made");
    /* A file system without RENAME_NOREPLACE: a folder never replaces one that holds something. */
    else if (renameat2(from, part, to, name, RENAME_NOREPLACE) != 0 &&
             ((errno != EINVAL && errno != ENOSYS) || renameat(from, part, to, name) != 0))
        rc = ps_root_failed_or_denied(why, path, "cannot take its final name");
    else if (fsync(to) != 0 || fsync(from) != 0)
        rc = ps_root_failed_or_denied(why, path, "fsync");
    if (to >= 0)
        close(to);
    if (dir >= 0)
        close(dir);
    close(from);
    return rc;
}

/* ---- the statement */

static void text_member(struct ps_buf *b, const char *label, const char *value) {
    ps_buf_text(b, label);
    ps_json_quote(b, value);
}

static void hex_member(struct ps_buf *b, const char *label, const uint8_t *p, size_t n) {
    char hex[65];
    ps_bytes_hex(hex, p, n);
    ps_buf_fmt(b, "%s\"%s\"", label, hex);
}

static void photo(struct ps_buf *b, const struct ps_intake_photo *p) {
    const struct ps_jpeg *j = &p->jpeg;
    const char *comma = "";
    text_member(b, "{\"file\":{\"name\":", p->file.name);
    ps_buf_fmt(b, ",\"size\":%" PRIu64, p->file.size);
    hex_member(b, ",\"sha256\":", p->file.sha256, sizeof(p->file.sha256));
    text_member(b, "},\"given\":", p->given);
    ps_buf_fmt(b, ",\"width\":%u,\"height\":%u,\"process\":\"%s\"", j->width, j->height,
               j->progressive ? "progressive" : "baseline");
    ps_buf_fmt(b, ",\"tail\":{\"kind\":\"%s\",\"size\":%zu}", ps_jpeg_tail_name(j->tail), j->tail_n);
    text_member(b, ",\n   \"exif\":{\"make\":", j->exif.make);
    text_member(b, ",\"model\":", j->exif.model);
    text_member(b, ",\"software\":", j->exif.software);
    text_member(b, ",\"taken\":", j->exif.taken);
    text_member(b, ",\"offset\":", j->exif.offset);
    ps_buf_text(b, "},\"signs\":[");
    for (unsigned i = 0; i < PS_JPEG_SIGNS; i++)
        if ((p->signs & 1u << i) != 0) {
            ps_buf_fmt(b, "%s\"%s\"", comma, ps_jpeg_sign_name(i));
            comma = ",";
        }
    ps_buf_text(b, "]}");
}

static const char *clock_word(uint8_t clock) {
    return clock == PS_CLOCK_SYNCED ? "synced" : clock == PS_CLOCK_UNSYNCED ? "unsynced" : "unknown";
}

void ps_intake_write(const struct ps_intake *in, struct ps_buf *b) {
    char wall[32];
    ps_buf_text(b, "{\"type\":\"packseal-intake\",\"version\":1,\"crit\":[],\n");
    hex_member(b, " \"salt\":", in->salt, sizeof(in->salt));
    text_member(b, ",\"station\":{\"id\":", in->station);
    text_member(b, ",\"name\":", in->station_name);
    hex_member(b, "},\"ledger_key\":", in->ledger_key, sizeof(in->ledger_key));
    ps_statement_time_text(in->at.wall_ns, wall);
    ps_buf_fmt(b,
               ",\n \"at\":{\"wall\":\"%s\",\"boot_ms\":%" PRId64
               ",\"clock\":\"%s\",\"max_error_us\":%" PRIu32 "}",
               wall, in->at.boot_ns / 1000000, clock_word(in->at.clock), in->at.max_error_us);
    text_member(b, ",\n \"order\":", in->order);
    text_member(b, ",\"note\":", in->note);
    ps_buf_text(b, ",\n \"files\":[");
    for (unsigned i = 0; i < in->n; i++) {
        ps_buf_text(b, i > 0 ? ",\n  " : "\n  ");
        photo(b, &in->photos[i]);
    }
    ps_buf_text(b, "],\n \"software\":{\"name\":\"PackSeal " PS_VERSION "\"}}\n");
}
