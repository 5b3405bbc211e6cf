/* SPDX-License-Identifier: ISC */
#include "evidence/trust.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/statement.h"

#define MAX_LINE 1024

struct reader {
    struct ps_trust *t;
    size_t cap;
    size_t line_no;
    struct ps_why *why;
};

static int fail(const struct reader *r, int err, const char *text, const char *what) {
    char where[40];
    snprintf(where, sizeof where, "line %zu", r->line_no);
    return ps_error_why(r->why, err, where, "%s%s%s", what, what[0] != '\0' ? ": " : "", text);
}

/* ---- words and attributes of one line, which is changed in place ---- */

/* The next word, by spaces or tabs; NULL at the end. Quotes hold spaces together and stay where they are. */
static char *next_word(char **at) {
    char *s = *at + strspn(*at, " \t");
    if (*s == '\0')
        return NULL;
    char *end = s;
    bool quoted = false;
    for (; *end != '\0' && (quoted || (*end != ' ' && *end != '\t')); end++) {
        if (*end == '"')
            quoted = !quoted;
    }
    *at = *end != '\0' ? end + 1 : end;
    *end = '\0';
    return s;
}

/* Takes the quotes off a value; an unquoted value holds none. */
static char *unquote(char *v) {
    size_t n = strlen(v);
    if (v[0] != '"')
        return strchr(v, '"') == NULL ? v : NULL;
    if (n < 2 || strchr(v + 1, '"') != v + n - 1)
        return NULL;
    v[n - 1] = '\0';
    return v + 1;
}

/* A time to the second, or to the millisecond as in statements. */
static int read_time(const char *v, int64_t *out) {
    char full[32];
    if (strlen(v) == 20 && v[19] == 'Z') {
        snprintf(full, sizeof full, "%.19s.000Z", v);
        v = full;
    }
    return ps_statement_time_of(v, out);
}

static int read_text(const char *v, char *out, size_t cap) {
    size_t n = strlen(v);
    if (n >= cap)
        return PS_ELIMIT;
    memcpy(out, v, n + 1);
    return n > 0 ? 0 : PS_EFORMAT;
}

/* One "name=value" of a clip line (revoked: of a revoked line). */
static int read_attribute(struct reader *r, char *word, struct ps_trust_key *k, bool revoked,
                          unsigned *seen) {
    static const char *const names[] = {"station", "merchant", "from", "until", "since"};
    char *eq = strchr(word, '=');
    size_t which = 0;
    if (eq == NULL)
        return fail(r, PS_EFORMAT, "is no attribute", word);
    *eq = '\0';
    while (which < 5 && strcmp(word, names[which]) != 0)
        which++;
    /* A misspelt limit must not be passed over. */
    if (which == 5 || (which == 4) != revoked)
        return fail(r, PS_EFORMAT, "is no attribute of this line", word);
    if (*seen & 1u << which)
        return fail(r, PS_EFORMAT, "stands twice", word);
    *seen |= 1u << which;
    char *v = unquote(eq + 1);
    int err = PS_EFORMAT;
    if (v != NULL) {
        switch (which) {
        case 0: err = read_text(v, k->station, sizeof k->station); break;
        case 1: err = read_text(v, k->merchant, sizeof k->merchant); break;
        case 2: err = read_time(v, &k->from_ns); break;
        case 3: err = read_time(v, &k->until_ns); break;
        default: err = read_time(v, &k->revoked_ns); break;
        }
    }
    if (err == 0 && which == 0 && !ps_opening_station_ok(k->station))
        err = PS_EFORMAT;
    return err == 0 ? 0 : fail(r, err, "has a value that cannot be read", word);
}

/* ---- entries ---- */

static struct ps_trust_key *find(const struct ps_trust *t, const struct ps_pubkey *k) {
    for (size_t i = 0; i < t->n; i++) {
        if (memcmp(t->keys[i].key.id, k->id, 8) == 0 && memcmp(t->keys[i].key.key, k->key, 32) == 0)
            return &t->keys[i];
    }
    return NULL;
}

static int add(struct reader *r, const struct ps_trust_key *k) {
    struct ps_trust *t = r->t;
    if (t->n >= PS_MAX_TRUST_KEYS)
        return fail(r, PS_ELIMIT, "too many keys", "");
    if (t->n == r->cap) {
        size_t cap = r->cap == 0 ? 8 : r->cap * 2;
        struct ps_trust_key *keys = realloc(t->keys, cap * sizeof *keys);
        if (keys == NULL)
            return fail(r, PS_ENOMEM, "out of memory", "");
        t->keys = keys;
        r->cap = cap;
    }
    t->keys[t->n++] = *k;
    return 0;
}

/* from_ns of a key that has a revoked line but, so far, no clip line: the revocation may stand first. */
#define ONLY_REVOKED INT64_MAX

static int add_clip(struct reader *r, const struct ps_trust_key *k) {
    struct ps_trust_key *old = find(r->t, &k->key);
    if (k->from_ns >= k->until_ns)
        return fail(r, PS_EFORMAT, "ends before it begins", "until");
    if (old == NULL)
        return add(r, k);
    if (old->from_ns != ONLY_REVOKED)
        return fail(r, PS_EFORMAT, "this key stands twice", "");
    int64_t revoked_ns = old->revoked_ns;
    *old = *k;
    old->revoked_ns = revoked_ns;
    return 0;
}

static int add_revoked(struct reader *r, struct ps_trust_key *k) {
    struct ps_trust_key *old = find(r->t, &k->key);
    if (old != NULL) {
        if (k->revoked_ns < old->revoked_ns)
            old->revoked_ns = k->revoked_ns;
        return 0;
    }
    k->from_ns = ONLY_REVOKED;
    return add(r, k);
}

static int read_entry(struct reader *r, char *rest, bool revoked) {
    struct ps_trust_key k = {
        .from_ns = INT64_MIN, .until_ns = INT64_MAX, .revoked_ns = revoked ? INT64_MIN : INT64_MAX};
    unsigned seen = 0;
    char *word = next_word(&rest);
    if (word == NULL || strlen(word) != 56 || ps_minisign_pubkey_parse(&k.key, word, 56) != 0)
        return fail(r, PS_EFORMAT, "a minisign public key was expected", "");
    while ((word = next_word(&rest)) != NULL) {
        int err = read_attribute(r, word, &k, revoked, &seen);
        if (err != 0)
            return err;
    }
    return revoked ? add_revoked(r, &k) : add_clip(r, &k);
}

static int read_line(struct reader *r, char *line) {
    char *rest = line;
    char *word = next_word(&rest);
    if (word == NULL || word[0] == '#')
        return 0;
    if (strcmp(word, "clip") == 0)
        return read_entry(r, rest, false);
    if (strcmp(word, "revoked") == 0)
        return read_entry(r, rest, true);
    if (strcmp(word, "log") == 0) /* judged by later versions */
        return next_word(&rest) != NULL ? 0 : fail(r, PS_EFORMAT, "a vkey was expected", "");
    return fail(r, PS_EFORMAT, "is neither clip nor revoked nor log", word);
}

/* Copies the next line, without its end (LF or CR LF), and checks that it is text. */
static int next_line(struct reader *r, struct ps_rd *rd, char line[MAX_LINE]) {
    const uint8_t *nl = memchr(rd->p, '\n', rd->left);
    size_t n = nl != NULL ? (size_t)(nl - rd->p) : rd->left;
    const uint8_t *p = ps_rd_skip(rd, n + (nl != NULL));
    r->line_no++;
    if (n > 0 && p[n - 1] == '\r')
        n--;
    if (n >= MAX_LINE)
        return fail(r, PS_ELIMIT, "the line is too long", "");
    memcpy(line, p, n);
    line[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (line[i] == '\t')
            line[i] = ' ';
    }
    return ps_bytes_is_text(line, n) ? 0 : fail(r, PS_EFORMAT, "is not UTF-8 text", "");
}

static int read_header(struct reader *r, const char *line) {
    static const char name[] = "packseal-trust ";
    if (strncmp(line, name, sizeof name - 1) != 0)
        return fail(r, PS_EFORMAT, "neither a trust file nor a minisign public key", "");
    if (strcmp(line + sizeof name - 1, "1") != 0)
        return fail(r, PS_EVERSION, "this version of trust files is not known", "");
    return 0;
}

int ps_trust_parse(struct ps_trust *out, const void *p, size_t n, struct ps_why *why) {
    struct reader r = {.t = out, .why = why};
    struct ps_trust_key bare = {.from_ns = INT64_MIN, .until_ns = INT64_MAX, .revoked_ns = INT64_MAX};
    char line[MAX_LINE];
    *out = (struct ps_trust){0};
    if (n > PS_MAX_TRUST)
        return fail(&r, PS_ELIMIT, "the file is too long", "");
    if (ps_minisign_pubkey_parse(&bare.key, p, n) == 0)
        return add(&r, &bare);
    struct ps_rd rd = ps_rd_of(p, n);
    int err = n > 0 ? next_line(&r, &rd, line) : fail(&r, PS_ESHORT, "the file is empty", "");
    if (err == 0)
        err = read_header(&r, line);
    while (err == 0 && rd.left > 0) {
        err = next_line(&r, &rd, line);
        if (err == 0)
            err = read_line(&r, line);
    }
    for (size_t i = 0; i < out->n; i++) {
        if (out->keys[i].from_ns == ONLY_REVOKED)
            out->keys[i].from_ns = INT64_MIN;
    }
    if (err != 0)
        ps_trust_free(out);
    return err;
}

void ps_trust_free(struct ps_trust *t) {
    free(t->keys);
    *t = (struct ps_trust){0};
}

const struct ps_trust_key *ps_trust_find(const struct ps_trust *t, const struct ps_pubkey *k) {
    return find(t, k);
}

const struct ps_trust_key *ps_trust_by_id(const struct ps_trust *t, const uint8_t id[8], size_t *from) {
    for (size_t i = from != NULL ? *from : 0; i < t->n; i++) {
        if (memcmp(t->keys[i].key.id, id, 8) == 0) {
            if (from != NULL)
                *from = i + 1;
            return &t->keys[i];
        }
    }
    if (from != NULL)
        *from = t->n;
    return NULL;
}
