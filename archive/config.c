/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/config_check.h"
#include "archive/config_internal.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILE 65536

int ps_config_refuse(struct ps_config_reading *r, unsigned line, const char *rule, const char *found) {
    if (r->rc == 0) {
        char where[128];
        snprintf(where, sizeof(where), "%.100s line %u", r->name, line);
        r->rc =
            ps_error_why(r->why, PS_EFORMAT, where, "%s%s%.100s", rule, found[0] != '\0' ? ": " : "", found);
    }
    return 0;
}

/* inih hands over a key, or one more piece of the value before. A value is taken when the next one begins. */
static int handler(void *user, const char *section, const char *name, const char *value) {
    struct ps_config_reading *r = user;
    if (r->rc != 0)
        return 0;
    size_t had = r->has_value && r->piece ? strlen(r->value) : 0;
    if (had == 0) {
        ps_config_keys_take(r);
        snprintf(r->section, sizeof(r->section), "%s", section);
        snprintf(r->key, sizeof(r->key), "%s", name);
        r->has_value = true;
        r->value_line = r->line;
    }
    size_t n = strlen(value);
    if (n >= sizeof(r->value) - had)
        return ps_config_refuse(r, r->line, "the line is too long", r->key);
    memcpy(r->value + had, value, n + 1);
    return 1;
}

/* A place to cut a long line where inih takes no blank off and sees no comment. */
static size_t cut(const char *p, size_t room) {
    while (room > 1 && !(isalnum((unsigned char)p[room]) && isalnum((unsigned char)p[room - 1])))
        room--;
    return room;
}

/* Begins a line. inih takes an indented line for a continuation, which would hide a mistyped key in a value,
 * and does not tell where it met what is no line of a configuration. */
static bool begin_line(struct ps_config_reading *r) {
    const char *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
    r->line_end = nl != NULL ? nl : r->end;
    if (r->line++ == 0 && r->line_end - r->p >= 3 && memcmp(r->p, "\xEF\xBB\xBF", 3) == 0)
        r->p += 3;
    while (r->p < r->line_end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r'))
        r->p++;
    size_t n = (size_t)(r->line_end - r->p);
    if (n == 0 || *r->p == '#' || *r->p == ';')
        return true;
    if (*r->p == '[' ? memchr(r->p, ']', n) == NULL
                     : memchr(r->p, '=', n) == NULL && memchr(r->p, ':', n) == NULL)
        return ps_config_refuse(r, r->line, "neither [section], key = value nor a remark", "") != 0;
    return true;
}

static char *give(char *to, int num, void *user) {
    struct ps_config_reading *r = user;
    size_t room = num > 3 ? (size_t)num - 3 : 0; /* a blank before, a line break and the NUL after */
    if (r->rc != 0 || room < 32)
        return NULL;
    r->piece = r->line_end != NULL;
    if (!r->piece) {
        if (r->p == r->end || !begin_line(r))
            return NULL;
    }
    size_t left = (size_t)(r->line_end - r->p), n = left;
    bool remark = !r->piece && left > 0 && (*r->p == '#' || *r->p == ';' || *r->p == '[');
    if (n > room)
        n = remark ? room : cut(r->p, room);
    size_t at = 0;
    if (r->piece)
        to[at++] = ' ';
    memcpy(to + at, r->p, n);
    to[at + n] = '\n';
    to[at + n + 1] = '\0';
    if (n == 1 && left > 1 && !remark) {
        ps_config_refuse(r, r->line, "the line is too long", "");
        return NULL;
    }
    r->p += remark ? left : n;
    if (r->p == r->line_end) {
        r->p += r->line_end < r->end;
        r->line_end = NULL;
    }
    return to;
}

void ps_config_default(struct ps_config *c) {
    memset(c, 0, sizeof(*c));
    c->segment_seconds = 2;
    c->qp = 29;
    c->max_mbit = 12;
    c->idle_seconds = 300;
    c->max_seconds = 1800;
    c->min_seconds = 3;
    c->originals_every = 60;
    c->min_free_mb = 1024;
    c->label_read = PS_CONFIG_LABEL_CODE128 | PS_CONFIG_LABEL_QR;
    c->label_density = 3;
    c->label_seconds = 10;
    c->label_away = 10;
    c->picture_alarms = true;
    c->stamp_timeout = 20;
    c->stamp_retries = 2;
    c->refresh_minutes = 60;
    c->days = 180;
    c->min_days = 30;
    c->reserve_mb = 2048;
    c->reserve_percent = 5;
    ps_config_viewer_default(&c->viewer);
}

int ps_config_parse(struct ps_config *c, const char *txt, size_t n, const char *name, struct ps_why *why) {
    ps_config_default(c);
    if (n > MAX_FILE)
        return ps_error_why(why, PS_ELIMIT, name, "larger than 64 KiB");
    if (memchr(txt, '\0', n) != NULL)
        return ps_error_why(why, PS_EFORMAT, name, "holds a NUL byte");
    struct ps_config_reading *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ps_error_why(why, PS_ENOMEM, name, "out of memory");
    *r = (struct ps_config_reading){.c = c, .p = txt, .end = txt + n, .name = name, .why = why};
    int bad = ini_parse_stream(give, r, handler, r);
    ps_config_keys_take(r);
    if (bad < 0 && r->rc == 0)
        r->rc = ps_error_why(why, PS_ENOMEM, name, "out of memory");
    if (bad > 0 && r->rc == 0)
        r->rc = ps_error_why(why, PS_EFORMAT, name, "cannot be read near line %d", bad);
    if (r->rc == 0)
        r->rc = ps_config_check(c, name, why);
    int rc = r->rc;
    free(r);
    return rc;
}

int ps_config_load(struct ps_config *c, const char *path, struct ps_why *why) {
    ps_config_default(c);
    int rc = 0;
    char *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, path, "cannot be opened: %s",
                            strerrordesc_np(errno));
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = ps_error_why(why, PS_EIO, path, "is no ordinary file");
        goto out;
    }
    buf = malloc(MAX_FILE + 1);
    if (buf == NULL) {
        rc = ps_error_why(why, PS_ENOMEM, path, "out of memory");
        goto out;
    }
    size_t n = 0;
    while (n < MAX_FILE + 1) {
        ssize_t got = read(fd, buf + n, MAX_FILE + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = ps_error_why(why, PS_EIO, path, "cannot be read: %s", strerrordesc_np(errno));
            goto out;
        }
        if (got == 0)
            break;
        n += (size_t)got;
    }
    rc = ps_config_parse(c, buf, n, path, why);
out:
    free(buf);
    close(fd);
    return rc;
}
