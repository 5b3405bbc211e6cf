/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/carriers.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/root.h"
#include "evidence/bytes.h"

/* ---- check digits ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return c >= 'A' && c <= 'Z';
}

static unsigned digit(char c) {
    return (unsigned)(c - '0');
}

bool ps_carriers_gs1_valid(const char *s) {
    size_t n = strlen(s);
    unsigned sum = 0;

    for (size_t i = 0; i < n; i++) { /* weight 1 for the check digit, then 3, 1, 3 … leftwards */
        if (!is_digit(s[i]))
            return false;
        sum += digit(s[n - 1 - i]) * (i % 2 ? 3 : 1);
    }
    return n > 0 && sum % 10 == 0;
}

static bool s10_valid(const char *s) {
    static const unsigned weight[] = {8, 6, 4, 2, 3, 5, 9, 7};
    unsigned sum = 0;

    for (int i = 0; i < 8; i++)
        sum += digit(s[2 + i]) * weight[i];
    unsigned r = sum % 11, want = r == 0 ? 5 : r == 1 ? 0 : 11 - r;
    return digit(s[10]) == want;
}

static bool ups_valid(const char *s) {
    unsigned sum = 0;

    for (int i = 0; i < 15; i++) {
        char c = s[2 + i];
        unsigned v = is_digit(c) ? digit(c) : ((unsigned)c - 3) % 10;
        sum += v * (i % 2 ? 2 : 1);
    }
    return is_digit(s[17]) && digit(s[17]) == (10 - sum % 10) % 10;
}

static bool fedex_valid(const char *s) {
    static const unsigned weight[] = {3, 1, 7};
    unsigned sum = 0;

    for (int i = 0; i < 11; i++)
        sum += digit(s[i]) * weight[i % 3];
    return digit(s[11]) == sum % 11 % 10;
}

static bool mod7_valid(const char *s) {
    unsigned r = 0;
    size_t n = strlen(s);

    for (size_t i = 0; i + 1 < n; i++)
        r = (r * 10 + digit(s[i])) % 7;
    return digit(s[n - 1]) == r;
}

/* What a check asks of its shape, so that no check reads what is not there: length (0: any from 2 on), digits from, to. */
static const struct {
    const char *word;
    size_t length, from, to;
    bool (*valid)(const char *s);
} checks[] = {
    [PS_CARRIERS_ANY] = {"", 0, 0, 0, NULL},
    [PS_CARRIERS_S10] = {"s10", 13, 2, 11, s10_valid},
    [PS_CARRIERS_UPS] = {"ups", 18, 0, 0, ups_valid},
    [PS_CARRIERS_FEDEX] = {"fedex", 12, 0, 12, fedex_valid},
    [PS_CARRIERS_MOD7] = {"mod7", 0, 0, SIZE_MAX, mod7_valid},
    [PS_CARRIERS_GS1] = {"gs1", 0, 0, SIZE_MAX, ps_carriers_gs1_valid},
};
#define CHECKS (sizeof checks / sizeof checks[0])

static bool check_ok(uint8_t which, const char *s) {
    size_t n = strlen(s);

    if (which == PS_CARRIERS_ANY)
        return true;
    if (n < 2 || (checks[which].length && n != checks[which].length))
        return false;
    for (size_t i = checks[which].from; i < checks[which].to && i < n; i++)
        if (!is_digit(s[i]))
            return false;
    return checks[which].valid(s);
}

/* ---- matching ---- */

static bool fits_one(const struct ps_carriers_item *it, char c) {
    if (it->plain)
        return c == it->what;
    return (it->what != '@' && is_digit(c)) || (it->what != '#' && is_letter(c));
}

static bool fits(const struct ps_carriers_rule *r, const char *s) {
    for (unsigned i = 0; i < r->n; i++) {
        unsigned had = 0;
        while (had < r->item[i].most && *s && fits_one(&r->item[i], *s)) {
            had++;
            s++;
        }
        if (had < r->item[i].least)
            return false;
    }
    return *s == '\0';
}

static size_t number(const char *s, unsigned *out) {
    size_t n = strspn(s, "0123456789");

    if (n == 0 || n > 3)
        return 0;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        *out = *out * 10 + digit(s[i]);
    return n;
}

/* "JDVA00123456789-2-3-": the waybill, parcel 2, of 3. What stands behind the last hyphen is a sorting centre's. */
static bool split(const char *value, char base[PS_MAX_CODE + 1], unsigned *part, unsigned *of) {
    const char *dash = strchr(value, '-');
    unsigned p = 0, o = 0;

    if (!dash || dash == value)
        return false;
    const char *s = dash + 1;
    size_t n = number(s, &p);
    if (!n || s[n] != '-')
        return false;
    s += n + 1;
    n = number(s, &o);
    if (!n || s[n] != '-' || strlen(s + n + 1) > 8 || strchr(s + n + 1, '-') || p == 0 || p > o)
        return false;
    memcpy(base, value, (size_t)(dash - value));
    base[dash - value] = '\0';
    *part = p;
    *of = o;
    return true;
}

void ps_carriers_match(const struct ps_carriers *c, const char *value, bool weak,
                       struct ps_carriers_match *out) {
    char base[PS_MAX_CODE + 1] = "";
    unsigned part = 0, of = 0, types = 0;
    bool parted = split(value, base, &part, &of);

    *out = (struct ps_carriers_match){.carrier = ""};
    for (unsigned i = 0; i < c->n_rules; i++) {
        const struct ps_carriers_rule *r = &c->rules[i];
        const char *s = r->parts && parted ? base : value;
        if (r->weak != weak || !fits(r, s) || !check_ok(r->check, s))
            continue;
        const char *id = c->names[r->name].id;
        if (types && strcmp(out->carrier, id) != 0)
            id = "";
        out->carrier = id;
        types |= 1u << r->type;
        snprintf(out->base, sizeof out->base, "%s", s);
        out->part = s == base ? part : 0;
        out->of = s == base ? of : 0;
    }
    if (types == 1u << PS_CODE_WAYBILL || types == 1u << PS_CODE_ORDER) {
        out->type = types == 1u << PS_CODE_WAYBILL ? PS_CODE_WAYBILL : PS_CODE_ORDER;
        return;
    }
    *out = (struct ps_carriers_match){.carrier = ""}; /* nothing, or both alike */
}

const struct ps_carriers_name *ps_carriers_name(const struct ps_carriers *c, const char *id) {
    for (unsigned i = 0; *id && i < c->n_names; i++)
        if (strcmp(c->names[i].id, id) == 0)
            return &c->names[i];
    return NULL;
}

/* ---- reading the table ---- */

struct reading {
    struct ps_carriers *c;
    const char *name;
    unsigned line;
    struct ps_why *why;
};

static int refuse(const struct reading *r, const char *text, const char *found) {
    char where[128];

    snprintf(where, sizeof where, "%.100s line %u", r->name, r->line);
    return ps_error_why(r->why, PS_EFORMAT, where, "%s: %.80s", text, found);
}

/* "{13}", "{10,20}" at *p, which is stepped over; false when it is neither. */
static bool counts(const char **p, struct ps_carriers_item *it) {
    char *end;

    if (**p != '{')
        return true;
    unsigned long least = is_digit((*p)[1]) ? strtoul(*p + 1, &end, 10) : 0, most = least;
    if (least == 0 || least > PS_MAX_CODE)
        return false;
    if (*end == ',') {
        if (!is_digit(end[1]))
            return false;
        most = strtoul(end + 1, &end, 10);
    }
    if (*end != '}' || most < least || most > PS_MAX_CODE)
        return false;
    it->least = (uint8_t)least;
    it->most = (uint8_t)most;
    *p = end + 1;
    return true;
}

static int shape(const struct reading *r, const char *s, struct ps_carriers_rule *out) {
    unsigned longest = 0;

    for (const char *p = s; *p;) {
        if (out->n == PS_CARRIERS_ITEMS)
            return refuse(r, "the shape has too many parts", s);
        struct ps_carriers_item *it = &out->item[out->n++];
        char c = *p++;
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        *it = (struct ps_carriers_item){.what = c, .plain = !strchr("#@*", c), .least = 1, .most = 1};
        if (it->plain && !is_digit(c) && !is_letter(c) && !strchr("-./_:+ ", c))
            return refuse(r, "a shape is made of letters, digits, # @ * and {n}", s);
        if (!counts(&p, it))
            return refuse(r, "a number of characters is {n} or {n,m}", s);
        /* Only a range at the end can be read without trying several ways. */
        if (it->least != it->most && *p)
            return refuse(r, "{n,m} can only stand at the end of a shape", s);
        longest += it->most;
    }
    return out->n && longest <= PS_MAX_CODE ? 0 : refuse(r, "the shape is empty or too long", s);
}

static int option(const struct reading *r, const char *word, struct ps_carriers_rule *out) {
    if (strcmp(word, "weak") == 0) {
        out->weak = true;
        return 0;
    }
    if (strcmp(word, "parts=dash") == 0) {
        out->parts = true;
        return 0;
    }
    for (size_t i = 1; i < CHECKS; i++)
        if (strncmp(word, "check=", 6) == 0 && strcmp(word + 6, checks[i].word) == 0) {
            out->check = (uint8_t)i;
            return 0;
        }
    return refuse(r, "after a shape come weak, parts=dash, check=s10|ups|fedex|mod7|gs1", word);
}

static int rule(const struct reading *r, uint8_t type, char *value) {
    struct ps_carriers *c = r->c;
    struct ps_carriers_rule *k = &c->rules[c->n_rules];
    char *rest = value, *word = strsep(&rest, " \t");

    if (c->n_rules == PS_CARRIERS_RULES)
        return refuse(r, "too many shapes", value);
    *k = (struct ps_carriers_rule){.name = (uint8_t)(c->n_names - 1), .type = type};
    int err = shape(r, word, k);
    while (!err && (word = strsep(&rest, " \t")))
        err = *word ? option(r, word, k) : 0;
    if (!err)
        c->n_rules++;
    return err;
}

static int section(const struct reading *r, char *line) {
    struct ps_carriers *c = r->c;
    size_t n = strlen(line);

    if (line[n - 1] != ']' || n < 3 || n - 2 > PS_MAX_NAME)
        return refuse(r, "a section is [NAME]", line);
    line[n - 1] = '\0';
    if (c->n_names == PS_CARRIERS_NAMES)
        return refuse(r, "too many names", line);
    const char *id = strcmp(line + 1, "*") == 0 ? "" : line + 1;
    for (unsigned i = 0; i < c->n_names; i++)
        if (strcmp(c->names[i].id, id) == 0)
            return refuse(r, "given twice", line + 1);
    c->names[c->n_names] = (struct ps_carriers_name){.id = ""};
    snprintf(c->names[c->n_names++].id, sizeof c->names[0].id, "%s", id);
    return 0;
}

static int text(const struct reading *r, const char *value, char out[PS_MAX_NAME + 1]) {
    if (strlen(value) > PS_MAX_NAME || out[0])
        return refuse(r, "too long, or given twice", value);
    snprintf(out, PS_MAX_NAME + 1, "%s", value);
    return 0;
}

static char *trim(char *s) {
    s += strspn(s, " \t\r");
    for (size_t n = strlen(s); n && strchr(" \t\r", s[n - 1]); n--)
        s[n - 1] = '\0';
    return s;
}

static int on_line(const struct reading *r, char *line) {
    struct ps_carriers *c = r->c;
    char *s = trim(line), *eq;

    if (!*s || *s == '#' || *s == ';')
        return 0;
    if (!ps_bytes_is_text(s, strlen(s)) && !strchr(s, '\t'))
        return refuse(r, "is not plain UTF-8 text", "");
    if (*s == '[')
        return section(r, s);
    eq = strchr(s, '=');
    if (!eq || !c->n_names)
        return refuse(r, c->n_names ? "is no KEY = VALUE" : "stands before the first [NAME]", s);
    *eq = '\0';
    char *key = trim(s), *value = trim(eq + 1);
    struct ps_carriers_name *k = &c->names[c->n_names - 1];
    if (strcmp(key, "waybill") == 0)
        return rule(r, PS_CODE_WAYBILL, value);
    if (strcmp(key, "order") == 0)
        return rule(r, PS_CODE_ORDER, value);
    if (strcmp(key, "en") == 0)
        return text(r, value, k->en);
    if (strcmp(key, "zh") == 0)
        return text(r, value, k->zh);
    return refuse(r, "unknown key", key);
}

int ps_carriers_parse(struct ps_carriers *c, const char *bytes, size_t n, const char *name,
                      struct ps_why *why) {
    struct reading r = {.c = c, .name = name, .why = why};
    char line[256];
    int err = 0;

    *c = (struct ps_carriers){.n_names = 0};
    if (n > PS_CARRIERS_TEXT)
        return ps_error_why(why, PS_ELIMIT, name, "is larger than %zu bytes", PS_CARRIERS_TEXT);
    for (const char *p = bytes, *end = bytes + n; !err && p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl : end) - p);
        r.line++;
        if (len >= sizeof line || memchr(p, '\0', len)) {
            err = refuse(&r, "the line is too long, or no text", "");
            break;
        }
        memcpy(line, p, len);
        line[len] = '\0';
        err = on_line(&r, line);
        p += len + 1;
        if (!nl)
            break;
    }
    if (!err && !c->n_rules)
        err = ps_error_why(why, PS_EFORMAT, name, "holds no shape");
    if (err)
        *c = (struct ps_carriers){.n_names = 0};
    return err;
}

int ps_carriers_load(struct ps_carriers *c, const char *path, struct ps_why *why) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;
    char *bytes = malloc(PS_CARRIERS_TEXT + 1);
    size_t n = 0;
    ssize_t got = fd < 0 ? -1 : 0;

    *c = (struct ps_carriers){.n_names = 0};
    while (bytes && got >= 0 && n <= PS_CARRIERS_TEXT &&
           (got = read(fd, bytes + n, PS_CARRIERS_TEXT + 1 - n)) > 0)
        n += (size_t)got;
    if (!bytes)
        err = ps_error_why(why, PS_ENOMEM, path, "out of memory");
    else if (got < 0)
        err = ps_error_why(why, fd < 0 ? PS_ENOENT : PS_EIO, path, "cannot be read");
    else
        err = ps_carriers_parse(c, bytes, n, path, why);
    free(bytes);
    if (fd >= 0)
        close(fd);
    return err;
}

static bool there(const char *path, int n, size_t cap) {
    return n > 0 && (size_t)n < cap && access(path, F_OK) == 0;
}

int ps_carriers_find(const char *root, char *path, size_t cap, bool own) {
    static const char *const places[] = {"", "../../share/packseal/", "../share/packseal/"};
    char self[PATH_MAX];

    if (own) {
        if (there(path, snprintf(path, cap, "%s/" PS_CARRIERS_FILE, root), cap))
            return 0;
        if (strcmp(root, PS_ROOT_DEFAULT) == 0 &&
            there(path, snprintf(path, cap, "/etc/packseal/" PS_CARRIERS_FILE), cap))
            return 0;
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (there(path, snprintf(path, cap, "%s%s" PS_CARRIERS_FILE, self, places[i]), cap))
            return 0;
    return PS_ENOENT;
}

void ps_carriers_fallback(struct ps_carriers *c) {
    static const char table[] = "[*]\nwaybill = *{10,32} weak\n";

    (void)ps_carriers_parse(c, table, sizeof table - 1, "fallback", NULL);
}
