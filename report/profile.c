/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"

#define MAX_FILE 65536
#define MAX_LINE 190 /* inih cuts lines of 200 bytes in two without a word */

struct reading {
    struct ps_profile *p;
    const char *name;
    struct ps_why *why;
    int rc;
};

static int wrong(struct reading *r, const char *section, const char *key, const char *text) {
    if (r->rc == 0)
        r->rc = ps_error_why(r->why, PS_EFORMAT, r->name, "[%.40s] %.40s: %s", section, key, text);
    return 0;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool number(const char *value, uint64_t least, uint64_t most, uint64_t *out) {
    if (value[0] < '0' || value[0] > '9' || strlen(value) > 12 ||
        strspn(value, "0123456789") != strlen(value))
        return false;
    *out = strtoull(value, NULL, 10);
    return *out >= least && *out <= most;
}

/* The first value fills, further lines (and continuations) are added below. */
static bool line(char *to, size_t cap, const char *value) {
    size_t n = strlen(to), more = strlen(value);
    if (!ps_bytes_is_text(value, more) || more + 2 > cap - n)
        return false;
    (void)snprintf(to + n, cap - n, "%s%s", n > 0 ? "\n" : "", value);
    return true;
}

static const char *const variables[] = {"codes", "clip",   "take", "station", "operator", "started",
                                        "ended", "length", "lost", "digest",  "not-after"};
#define VARIABLES (sizeof variables / sizeof variables[0])

/* Index of the variable at "{…}" and the length of the whole; -1 when it is none. */
static int variable(const char *s, size_t *n) {
    const char *end = strchr(s, '}');
    for (size_t i = 0; end != NULL && i < VARIABLES; i++)
        if (strlen(variables[i]) == (size_t)(end - s - 1) &&
            strncmp(s + 1, variables[i], strlen(variables[i])) == 0) {
            *n = (size_t)(end - s) + 1;
            return (int)i;
        }
    return -1;
}

static bool variables_known(const char *s) {
    size_t n;
    for (; (s = strchr(s, '{')) != NULL; s += n)
        if (variable(s, &n) < 0)
            return false;
    return true;
}

/* ---- sections --------------------------------------------------------------------------------------------------- */

static int profile_key(struct reading *r, const char *key, const char *value) {
    struct ps_profile *p = r->p;
    if (strcmp(key, "name") == 0)
        return line(p->name, sizeof p->name, value) ? 1 : wrong(r, "profile", key, "is too long");
    if (strcmp(key, "source") == 0)
        return line(p->source, sizeof p->source, value) ? 1 : wrong(r, "profile", key, "is too long");
    return wrong(r, "profile", key, "is no known key");
}

static int numbers(struct reading *r, const char *section, const char *key, const char *value) {
    struct ps_profile *p = r->p;
    uint64_t n = 0;
    bool film = strcmp(section, "film") == 0;
    if (!film && strcmp(key, "most") == 0 && number(value, 1, 50, &n))
        p->pictures_most = (unsigned)n;
    else if (!film && strcmp(key, "max_bytes") == 0 && number(value, 20000, 1000000000, &n))
        p->picture_bytes = n;
    else if (film && strcmp(key, "max_bytes") == 0 && number(value, 50000, 100000000000, &n))
        p->film_bytes = n;
    else if (film && strcmp(key, "max_seconds") == 0 && number(value, 1, 86400, &n))
        p->film_seconds = (unsigned)n;
    else if (film && strcmp(key, "width") == 0 && number(value, 320, 3840, &n) && n % 2 == 0)
        p->film_width = (int)n;
    else if (film && strcmp(key, "most_speed") == 0 && number(value, 1, 64, &n))
        p->most_speed = (unsigned)n;
    else if (film && strcmp(key, "codec") == 0 && strcmp(value, "h264") == 0)
        ; /* the one that every form plays */
    else
        return wrong(r, section, key, "is no known key, or its value is out of range");
    return 1;
}

static int reason_key(struct reading *r, const char *section, const char *key, const char *value) {
    struct ps_profile *p = r->p;
    const char *name = section + strlen("reason ");
    struct ps_profile_reason *to = NULL;
    for (unsigned i = 0; i < p->n_reasons; i++)
        if (strcmp(p->reasons[i].key, name) == 0)
            to = &p->reasons[i];
    if (to == NULL) {
        if (p->n_reasons == PS_PROFILE_REASONS || name[0] == '\0' || strlen(name) > PS_PROFILE_NAME ||
            !ps_bytes_is_text(name, strlen(name)))
            return wrong(r, section, "", "one reason too many, or one without a name");
        to = &p->reasons[p->n_reasons++];
        (void)snprintf(to->key, sizeof to->key, "%s", name);
    }
    if (strcmp(key, "title") == 0)
        return line(to->title, sizeof to->title, value) ? 1 : wrong(r, section, key, "is too long");
    if (strcmp(key, "needs") == 0)
        return line(to->needs, sizeof to->needs, value) ? 1 : wrong(r, section, key, "is too long");
    if (strcmp(key, "text") != 0)
        return wrong(r, section, key, "is no known key");
    if (!variables_known(value))
        return wrong(r, section, key, "holds a {variable} that is not known");
    return line(to->text, sizeof to->text, value) ? 1 : wrong(r, section, key, "is too long");
}

static int handler(void *ctx, const char *section, const char *key, const char *value) {
    struct reading *r = ctx;
    if (r->rc != 0)
        return 0;
    if (strcmp(section, "profile") == 0)
        return profile_key(r, key, value);
    if (strcmp(section, "pictures") == 0 || strcmp(section, "film") == 0)
        return numbers(r, section, key, value);
    if (strncmp(section, "reason ", 7) == 0)
        return reason_key(r, section, key, value);
    return wrong(r, section, key, "is no known section");
}

/* ---- the file --------------------------------------------------------------------------------------------------- */

static int lines_fit(const char *text, size_t n, const char *name, struct ps_why *why) {
    unsigned at = 1;
    for (size_t from = 0; from < n; at++) {
        const char *end = memchr(text + from, '\n', n - from);
        size_t len = end != NULL ? (size_t)(end - text) - from : n - from;
        if (len > MAX_LINE)
            return ps_error_why(why, PS_EFORMAT, name,
                                "line %u is longer than %d bytes: go on in a second text = line", at,
                                MAX_LINE);
        from += len + 1;
    }
    return 0;
}

int ps_profile_parse(struct ps_profile *p, const char *text, size_t n, const char *name, struct ps_why *why) {
    struct reading r = {.p = p, .name = name, .why = why};
    *p = (struct ps_profile){.film_width = 1280, .most_speed = 8};
    if (n > MAX_FILE || memchr(text, '\0', n) != NULL)
        return ps_error_why(why, PS_EFORMAT, name, "is no profile: too large, or not text");
    int rc = lines_fit(text, n, name, why);
    if (rc < 0)
        return rc;
    char *copy = strndup(text, n);
    if (copy == NULL)
        return ps_error_why(why, PS_ENOMEM, name, "out of memory");
    int bad = ini_parse_string(copy, handler, &r);
    free(copy);
    if (r.rc < 0)
        return r.rc;
    if (bad != 0)
        return ps_error_why(why, PS_EFORMAT, name, "cannot be read near line %d", bad);
    if (p->name[0] == '\0')
        return ps_error_why(why, PS_EFORMAT, name, "[profile] name is missing");
    for (unsigned i = 0; i < p->n_reasons; i++)
        if (p->reasons[i].text[0] == '\0' || p->reasons[i].title[0] == '\0')
            return ps_error_why(why, PS_EFORMAT, name, "[reason %.60s] title or text is missing",
                                p->reasons[i].key);
    return 0;
}

int ps_profile_load(struct ps_profile *p, const char *path, struct ps_why *why) {
    struct stat st;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    if (fd < 0)
        return ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, path, "%s", strerrordesc_np(errno));
    char *text = malloc(MAX_FILE + 1);
    if (text == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = ps_error_why(why, text == NULL ? PS_ENOMEM : PS_EFORMAT, path, "is no ordinary file");
    while (rc == 0 && n <= MAX_FILE) {
        ssize_t got = read(fd, text + n, MAX_FILE + 1 - n);
        if (got < 0 && errno != EINTR)
            rc = ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
        else if (got == 0)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    if (rc == 0)
        rc = ps_profile_parse(p, text, n, path, why);
    free(text);
    close(fd);
    return rc;
}

const struct ps_profile_reason *ps_profile_reason(const struct ps_profile *p, const char *key) {
    for (unsigned i = 0; i < p->n_reasons; i++)
        if (strcmp(p->reasons[i].key, key) == 0)
            return &p->reasons[i];
    return NULL;
}

/* ---- use -------------------------------------------------------------------------------------------------------- */

char *ps_profile_fill(const struct ps_profile_reason *r, const struct ps_profile_words *w) {
    const char *const values[VARIABLES] = {w->codes,       w->clip,    w->take,     w->station,
                                           w->operator_id, w->started, w->ended,    w->length,
                                           w->lost,        w->digest,  w->not_after};
    struct ps_buf b;
    size_t n;
    ps_buf_init(&b, (size_t)1 << 20);
    for (const char *s = r->text; *s != '\0';) {
        int i = *s == '{' ? variable(s, &n) : -1;
        if (i >= 0) {
            ps_buf_text(&b, values[i]);
            s += n;
        } else {
            ps_buf_u8(&b, (uint8_t)*s++);
        }
    }
    ps_buf_u8(&b, 0);
    if (b.err == 0)
        return (char *)b.p; /* transferred */
    ps_buf_free(&b);
    return NULL;
}

unsigned ps_profile_speed(const struct ps_profile *p, uint64_t film_ms, struct ps_why *why) {
    unsigned speed = 1;
    if (p->film_seconds == 0)
        return 1;
    while (film_ms > (uint64_t)p->film_seconds * 1000 * speed && speed * 2 <= p->most_speed)
        speed *= 2;
    if (film_ms <= (uint64_t)p->film_seconds * 1000 * speed)
        return speed;
    (void)ps_error_why(why, PS_ELIMIT, p->name,
                       "the film lasts %" PRIu64
                       " s, and the form takes %u s: even %u times as fast it is too long",
                       film_ms / 1000, p->film_seconds, speed);
    return 0;
}
