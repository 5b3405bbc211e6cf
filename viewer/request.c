/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/request.h"
#include "evidence/bytes.h"
#include "evidence/error.h"
#include "viewer/answer.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400
#define NS 1000000000LL

/* ---- target */

static int digit_of(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* n bytes of a form's text, as application/x-www-form-urlencoded writes it. */
static int decode(const char *s, size_t n, char out[PS_REQUEST_VALUE + 1]) {
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i] == '+' ? ' ' : s[i];
        if (s[i] == '%') {
            if (n - i < 3 || digit_of(s[i + 1]) < 0 || digit_of(s[i + 2]) < 0)
                return PS_EFORMAT;
            c = (char)(digit_of(s[i + 1]) * 16 + digit_of(s[i + 2]));
            i += 2;
        }
        if (m == PS_REQUEST_VALUE)
            return PS_ELIMIT;
        out[m++] = c;
    }
    out[m] = '\0';
    return ps_bytes_is_text(out, m) ? 0 : PS_EFORMAT; /* refuses a NUL as well */
}

static int query(struct ps_request *r, const char *s) {
    while (*s != '\0') {
        size_t n = strcspn(s, "&"), name = 0;
        while (name < n && s[name] != '=')
            name++;
        if (n > 0) {
            if (r->n_query == PS_REQUEST_QUERIES || name > PS_REQUEST_NAME)
                return PS_ELIMIT;
            for (size_t i = 0; i < name; i++)
                if (!(s[i] >= 'a' && s[i] <= 'z') && s[i] != '_')
                    return PS_EFORMAT;
            char *to = r->query[r->n_query].name;
            memcpy(to, s, name);
            to[name] = '\0';
            if (name == 0 || ps_request_query(r, to) != NULL)
                return PS_EFORMAT; /* which of two was meant? */
            size_t skip = name < n ? name + 1 : n;
            int rc = decode(s + skip, n - skip, r->query[r->n_query].value);
            if (rc < 0)
                return rc;
            r->n_query++;
        }
        s += n + (s[n] == '&');
    }
    return 0;
}

int ps_request_target(struct ps_request *r, char path[PS_REQUEST_PATH], const char *target) {
    size_t n = strcspn(target, "?"), all = strlen(target);
    r->n_query = 0;
    if (all > PS_REQUEST_TARGET || n >= PS_REQUEST_PATH)
        return PS_ELIMIT;
    if (target[0] != '/')
        return PS_EFORMAT;
    for (size_t i = 0; i < n; i++) {
        char c = target[i];
        if (c == '/') {
            size_t m = strcspn(target + i + 1, "/?");
            bool dots = (m == 1 || m == 2) && target[i + 1] == '.' && target[i + m] == '.';
            if (dots || (m == 0 && i + 1 < n))
                return PS_EFORMAT;
        } else if (!isalnum((unsigned char)c) && strchr("._-", c) == NULL) {
            return PS_EFORMAT;
        }
    }
    memcpy(path, target, n);
    path[n] = '\0';
    return target[n] == '?' ? query(r, target + n + 1) : 0;
}

bool ps_request_match(const char *pattern, const char *path, char arg[PS_REQUEST_ARGS][PS_REQUEST_ARG]) {
    unsigned args = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t n = strcspn(path, "/");
        if (args == PS_REQUEST_ARGS || n == 0 || n >= PS_REQUEST_ARG)
            return false;
        memcpy(arg[args], path, n);
        arg[args++][n] = '\0';
        path += n;
        pattern += strcspn(pattern, "}");
        pattern += *pattern == '}';
    }
    return *path == '\0';
}

/* ---- query */

const char *ps_request_query(const struct ps_request *r, const char *name) {
    for (unsigned i = 0; i < r->n_query; i++)
        if (strcmp(r->query[i].name, name) == 0)
            return r->query[i].value;
    return NULL;
}

int ps_request_number(const struct ps_request *r, const char *name, int64_t min, int64_t max, int64_t *out) {
    const char *s = ps_request_query(r, name);
    int64_t v = 0;
    if (s == NULL)
        return 0;
    bool minus = *s == '-';
    const char *p = s + minus;
    size_t n = strspn(p, "0123456789");
    if (n == 0 || n > 18 || p[n] != '\0')
        return PS_EFORMAT;
    for (; *p != '\0'; p++)
        v = v * 10 + (*p - '0');
    v = minus ? -v : v;
    if (v < min || v > max)
        return PS_ELIMIT;
    *out = v;
    return 1;
}

int ps_request_time(const struct ps_request *r, const char *name, int64_t *out_ns) {
    const char *s = ps_request_query(r, name);
    if (s == NULL)
        return 0;
    int rc = ps_request_iso(s, out_ns);
    return rc < 0 ? rc : 1;
}

/* ---- times */

/* Exactly n digits; -1 else. */
static int digits(const char **s, int n) {
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}

static bool step(const char **s, char c) {
    bool is = **s == c;
    *s += is;
    return is;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days(int y, int m, int d) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t leaps = (y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return (int64_t)(y - 1) * 365 + leaps + before[m - 1] + (m > 2 && leap) + d - 1 - 719162;
}

static bool day_is(int y, int m, int d) {
    static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    /* Nanoseconds since 1970 fit 64 bits until 2262. */
    return y >= 1970 && y <= 2261 && m >= 1 && m <= 12 && d >= 1 && d <= of[m - 1] + (m == 2 && leap);
}

/* ".123456789"; nanoseconds, or -1. */
static int64_t fraction(const char **s) {
    int64_t v = 0;
    int n = 0;
    for (; isdigit((unsigned char)**s) && n < 9; (*s)++, n++)
        v = v * 10 + (**s - '0');
    for (int i = n; i < 9; i++)
        v *= 10;
    return n == 0 ? -1 : v;
}

/* "Z", "+08:00" or nothing: seconds east of Greenwich, *local when nothing; false when it is something else. */
static bool zone(const char **s, int64_t *east, bool *local) {
    *east = 0;
    *local = **s == '\0';
    if (*local || step(s, 'Z'))
        return true;
    int sign = **s == '+' || **s == ' ' ? 1 : **s == '-' ? -1 : 0; /* " ": a plus that nobody escaped */
    if (sign == 0)
        return false;
    (*s)++;
    int h = digits(s, 2);
    bool colon = step(s, ':');
    int m = digits(s, 2);
    *east = (int64_t)sign * (h * 3600 + m * 60);
    return colon && h >= 0 && h <= 14 && m >= 0 && m <= 59;
}

int ps_request_iso(const char *s, int64_t *wall_ns) {
    int64_t ns = 0, east = 0;
    int h = 0, min = 0, sec = 0;
    bool local = true;
    int y = digits(&s, 4);
    bool ok = y >= 0 && step(&s, '-');
    int m = ok ? digits(&s, 2) : -1;
    ok = ok && m >= 0 && step(&s, '-');
    int d = ok ? digits(&s, 2) : -1;
    if (!ok || !day_is(y, m, d))
        return PS_EFORMAT;
    if (step(&s, 'T')) {
        h = digits(&s, 2);
        min = h >= 0 && step(&s, ':') ? digits(&s, 2) : -1;
        if (min >= 0 && step(&s, ':')) {
            sec = digits(&s, 2);
            if (sec >= 0 && step(&s, '.'))
                ns = fraction(&s);
        }
        if (h < 0 || h > 23 || min < 0 || min > 59 || sec < 0 || sec > 59 || ns < 0 ||
            !zone(&s, &east, &local))
            return PS_EFORMAT;
    }
    if (*s != '\0')
        return PS_EFORMAT;
    int64_t t = days(y, m, d) * DAY_S + h * 3600 + min * 60 + sec - east;
    if (local) {
        struct tm tm = {.tm_year = y - 1900,
                        .tm_mon = m - 1,
                        .tm_mday = d,
                        .tm_hour = h,
                        .tm_min = min,
                        .tm_sec = sec,
                        .tm_isdst = -1};
        t = (int64_t)mktime(&tm);
    }
    *wall_ns = t * NS + ns;
    return 0;
}

/* ---- cookies */

bool ps_request_cookie(const char *header, const char *name, char *out, size_t cap) {
    size_t len = strlen(name);
    bool found = false;
    for (const char *p = header; *p != '\0';) {
        p += strspn(p, " \t;");
        size_t n = strcspn(p, ";");
        if (n > len && strncmp(p, name, len) == 0 && p[len] == '=') {
            size_t m = n - len - 1;
            const char *v = p + len + 1;
            while (m > 0 && (v[m - 1] == ' ' || v[m - 1] == '\t'))
                m--;
            if (found || m == 0 || m >= cap)
                return false;
            for (size_t i = 0; i < m; i++)
                if (!isalnum((unsigned char)v[i]) && v[i] != '-' && v[i] != '_')
                    return false;
            memcpy(out, v, m);
            out[m] = '\0';
            found = true;
        }
        p += n;
    }
    return found;
}

/* ---- members of a body */

static bool is_text(const json_t *v, const struct ps_member *m) {
    const char *s = json_string_value(v);
    size_t n = json_string_length(v), most = m->max != 0 ? m->max : 256;
    if (s == NULL || n < m->min || n > most || strlen(s) != n)
        return false;
    if (m->type == 's')
        return ps_bytes_is_text(s, n);
    for (size_t at = 0; at <= n;) { /* line by line */
        size_t line = strcspn(s + at, "\n");
        if (!ps_bytes_is_text(s + at, line))
            return false;
        at += line + 1;
    }
    return true;
}

static bool is_of_type(const json_t *v, const struct ps_member *m) {
    switch (m->type) {
    case 's':
    case 't': return is_text(v, m);
    case 'b': return json_is_boolean(v);
    case 'i': return json_is_integer(v);
    case 'a': return json_is_array(v);
    case 'o': return json_is_object(v);
    default: return false;
    }
}

bool ps_request_members(const struct ps_request *r, struct ps_answer *a, const struct ps_member *members) {
    const char *key;
    json_t *v;
    size_t known = 0;
    for (const struct ps_member *m = members; m->name != NULL; m++) {
        v = json_object_get(r->body, m->name);
        known += v != NULL;
        if (v == NULL && m->needed) {
            ps_answer_error(a, "bad-request", "a member is missing", m->name, "see docs/API.md");
            return false;
        }
        if (v != NULL && !is_of_type(v, m)) {
            ps_answer_error(a, "bad-request", "a member has the wrong type or length", m->name,
                            "see docs/API.md");
            return false;
        }
    }
    if (known == json_object_size(r->body))
        return true;
    json_object_foreach((json_t *)(uintptr_t)r->body, key, v) {
        const struct ps_member *m = members;
        while (m->name != NULL && strcmp(m->name, key) != 0)
            m++;
        if (m->name == NULL) {
            /* The stranger's own word is not repeated: it may be anything. */
            ps_answer_error(a, "bad-request", "an unknown member", r->path, "see docs/API.md");
            return false;
        }
    }
    return true;
}

const char *ps_request_text(const struct ps_request *r, const char *name) {
    return json_string_value(json_object_get(r->body, name));
}
