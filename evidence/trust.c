/* SPDX-License-Identifier: ISC */
#include "evidence/trust.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/statement.h"

#define MAX_LINE 1024

struct reader {
    struct ps_trust *t;
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

/* The attributes of all kinds of lines; a line tells by bits which it takes. */
enum attribute { STATION, MERCHANT, FROM, UNTIL, SINCE, NAME, ATTRIBUTES };
static const char *const attribute_names[] = {"station", "merchant", "from", "until", "since", "name"};
#define BIT(a) (1u << (a))

struct attributes {
    unsigned seen;
    char station[PS_MAX_STATION_ID + 1];
    char merchant[PS_MAX_NAME + 1];
    char name[sizeof((struct ps_timestamp_anchor *)0)->name];
    int64_t from_ns, until_ns, since_ns;
};

static int read_value(struct attributes *a, enum attribute which, const char *v) {
    int err = 0;
    switch (which) {
    case STATION:
        err = read_text(v, a->station, sizeof a->station);
        return err == 0 && !ps_opening_station_ok(a->station) ? PS_EFORMAT : err;
    case MERCHANT: return read_text(v, a->merchant, sizeof a->merchant);
    case FROM: return read_time(v, &a->from_ns);
    case UNTIL: return read_time(v, &a->until_ns);
    case SINCE: return read_time(v, &a->since_ns);
    default: return read_text(v, a->name, sizeof a->name);
    }
}

/* The rest of a line: "name=value" each, among those it takes. */
static int read_attributes(struct reader *r, char *rest, unsigned takes, struct attributes *a) {
    *a = (struct attributes){.from_ns = INT64_MIN, .until_ns = INT64_MAX, .since_ns = INT64_MIN};
    for (char *word = next_word(&rest); word != NULL; word = next_word(&rest)) {
        char *eq = strchr(word, '=');
        unsigned which = 0;
        if (eq == NULL)
            return fail(r, PS_EFORMAT, "is no attribute", word);
        *eq = '\0';
        while (which < ATTRIBUTES && strcmp(word, attribute_names[which]) != 0)
            which++;
        /* A misspelt limit must not be passed over. */
        if (which == ATTRIBUTES || !(takes & BIT(which)))
            return fail(r, PS_EFORMAT, "is no attribute of this line", word);
        if (a->seen & BIT(which))
            return fail(r, PS_EFORMAT, "stands twice", word);
        a->seen |= BIT(which);
        char *v = unquote(eq + 1);
        int err = v != NULL ? read_value(a, which, v) : PS_EFORMAT;
        if (err != 0)
            return fail(r, err, "has a value that cannot be read", word);
    }
    return 0;
}

/* ---- entries ---- */

static struct ps_trust_key *find(const struct ps_trust *t, const struct ps_pubkey *k) {
    for (size_t i = 0; i < t->n; i++) {
        if (memcmp(t->keys[i].key.id, k->id, 8) == 0 && memcmp(t->keys[i].key.key, k->key, 32) == 0)
            return &t->keys[i];
    }
    return NULL;
}

/* The list with room for one element more; NULL with *err set, and then the old one stays. Lists grow by doubling,
 * so their number tells whether they are full. */
static void *room(struct reader *r, void *list, size_t n, size_t size, int *err) {
    void *grown = NULL;
    if (n >= PS_MAX_TRUST_KEYS) {
        *err = fail(r, PS_ELIMIT, "too many entries of one kind", "");
        return NULL;
    }
    if (n > 0 && (n < 8 || (n & (n - 1)) != 0))
        return list;
    grown = realloc(list, (n < 8 ? 8 : 2 * n) * size);
    if (grown == NULL)
        *err = fail(r, PS_ENOMEM, "out of memory", "");
    return grown;
}

static int add(struct reader *r, const struct ps_trust_key *k) {
    int err = 0;
    struct ps_trust_key *list = room(r, r->t->keys, r->t->n, sizeof *list, &err);
    if (list == NULL)
        return err;
    list[r->t->n++] = *k;
    r->t->keys = list;
    return 0;
}

static int add_clip(struct reader *r, const struct ps_trust_key *k) {
    struct ps_trust_key *old = find(r->t, &k->key);
    if (k->from_ns >= k->until_ns)
        return fail(r, PS_EFORMAT, "ends before it begins", "until");
    if (ps_trust_root(r->t, &k->key) != NULL)
        return fail(r, PS_EFORMAT, "this key is a root already", "");
    if (old == NULL)
        return add(r, k);
    if (!old->only_revoked)
        return fail(r, PS_EFORMAT, "this key stands twice", "");
    int64_t revoked_ns = old->revoked_ns; /* the revocation may stand first */
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
    k->only_revoked = true;
    return add(r, k);
}

static int add_root(struct reader *r, const struct ps_trust_root *root) {
    const struct ps_trust_key *k = find(r->t, &root->key);
    int err = 0;
    if (ps_trust_root(r->t, &root->key) != NULL)
        return fail(r, PS_EFORMAT, "this root stands twice", "");
    if (k != NULL && !k->only_revoked)
        return fail(r, PS_EFORMAT, "this key is a clip key already", "");
    struct ps_trust_root *list = room(r, r->t->roots, r->t->n_roots, sizeof *list, &err);
    if (list == NULL)
        return err;
    list[r->t->n_roots++] = *root;
    r->t->roots = list;
    return 0;
}

enum kind { CLIP, REVOKED, ROOT };

/* A line that begins with a minisign key. */
static int read_key(struct reader *r, char *rest, enum kind kind) {
    static const unsigned takes[] = {
        [CLIP] = BIT(STATION) | BIT(MERCHANT) | BIT(FROM) | BIT(UNTIL),
        [REVOKED] = BIT(SINCE),
        [ROOT] = BIT(MERCHANT),
    };
    struct ps_pubkey key;
    struct attributes a;
    char *word = next_word(&rest);
    if (word == NULL || strlen(word) != 56 || ps_minisign_pubkey_parse(&key, word, 56) != 0)
        return fail(r, PS_EFORMAT, "a minisign public key was expected", "");
    int err = read_attributes(r, rest, takes[kind], &a);
    if (err != 0)
        return err;
    if (kind == ROOT) {
        struct ps_trust_root root = {.key = key, .revoked_ns = INT64_MAX};
        memcpy(root.merchant, a.merchant, sizeof root.merchant);
        return add_root(r, &root);
    }
    struct ps_trust_key k = {.key = key, .from_ns = a.from_ns, .until_ns = a.until_ns};
    k.revoked_ns = kind == REVOKED ? a.since_ns : INT64_MAX;
    memcpy(k.station, a.station, sizeof k.station);
    memcpy(k.merchant, a.merchant, sizeof k.merchant);
    return kind == REVOKED ? add_revoked(r, &k) : add_clip(r, &k);
}

static int read_anchor(struct reader *r, char *rest) {
    struct ps_timestamp_anchor anchor, *list;
    struct ps_trust *t = r->t;
    struct attributes a;
    char *word = next_word(&rest);
    if (word == NULL || ps_bytes_unhex(anchor.sha256, 32, word, strlen(word)) != 0)
        return fail(r, PS_EFORMAT, "a SHA-256 of 64 lower-case digits was expected", "");
    int err = read_attributes(r, rest, BIT(NAME), &a);
    if (err != 0)
        return err;
    memcpy(anchor.name, a.name, sizeof anchor.name);
    for (size_t i = 0; i < t->n_anchors; i++) {
        if (memcmp(t->anchors[i].sha256, anchor.sha256, 32) == 0)
            return fail(r, PS_EFORMAT, "this authority stands twice", "");
    }
    list = room(r, t->anchors, t->n_anchors, sizeof *list, &err);
    if (list == NULL)
        return err;
    list[t->n_anchors++] = anchor;
    t->anchors = list;
    return 0;
}

/* A verifier key of this type into a list. Two of one name and number would take each other's signatures. */
static int read_vkey(struct reader *r, char *rest, uint8_t type, struct ps_vkey **list, size_t *n) {
    struct ps_vkey k;
    char *word = next_word(&rest);
    int err = word != NULL ? ps_note_vkey_parse(&k, word, strlen(word)) : PS_EFORMAT;
    if (err == 0 && k.type != type)
        err = PS_EFORMAT;
    if (err != 0)
        return fail(r, err,
                    type == PS_NOTE_ED25519 ? "a log's vkey was expected" : "a witness's vkey was expected",
                    "");
    if (next_word(&rest) != NULL)
        return fail(r, PS_EFORMAT, "more than a vkey", "");
    for (size_t i = 0; i < *n; i++) {
        /* A cosignature does not tell its witness's name, so one key under two names would count as two. A ledger
         * that was begun anew may keep its key. */
        bool same_key = type == PS_NOTE_COSIGNATURE && memcmp((*list)[i].key, k.key, 32) == 0;
        if (same_key || (strcmp((*list)[i].name, k.name) == 0 && memcmp((*list)[i].id, k.id, 4) == 0))
            return fail(r, PS_EFORMAT, "this vkey stands twice", "");
    }
    struct ps_vkey *grown = room(r, *list, *n, sizeof *grown, &err);
    if (grown == NULL)
        return err;
    grown[(*n)++] = k;
    *list = grown;
    return 0;
}

static int read_line(struct reader *r, char *line) {
    struct ps_trust *t = r->t;
    char *rest = line;
    char *word = next_word(&rest);
    if (word == NULL || word[0] == '#')
        return 0;
    if (strcmp(word, "clip") == 0)
        return read_key(r, rest, CLIP);
    if (strcmp(word, "revoked") == 0)
        return read_key(r, rest, REVOKED);
    if (strcmp(word, "root") == 0)
        return read_key(r, rest, ROOT);
    if (strcmp(word, "tsa") == 0)
        return read_anchor(r, rest);
    if (strcmp(word, "witness") == 0)
        return read_vkey(r, rest, PS_NOTE_COSIGNATURE, &t->witnesses, &t->n_witnesses);
    if (strcmp(word, "log") == 0)
        return read_vkey(r, rest, PS_NOTE_ED25519, &t->logs, &t->n_logs);
    return fail(r, PS_EFORMAT, "is none of clip, revoked, root, tsa, witness, log", word);
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
    for (size_t i = 0; i < out->n_roots; i++) {
        const struct ps_trust_key *k = find(out, &out->roots[i].key);
        if (k != NULL)
            out->roots[i].revoked_ns = k->revoked_ns;
    }
    if (err != 0)
        ps_trust_free(out);
    return err;
}

void ps_trust_free(struct ps_trust *t) {
    free(t->keys);
    free(t->roots);
    free(t->anchors);
    free(t->witnesses);
    free(t->logs);
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

const struct ps_trust_root *ps_trust_root(const struct ps_trust *t, const struct ps_pubkey *k) {
    for (size_t i = 0; i < t->n_roots; i++) {
        if (memcmp(t->roots[i].key.id, k->id, 8) == 0 && memcmp(t->roots[i].key.key, k->key, 32) == 0)
            return &t->roots[i];
    }
    return NULL;
}

int ps_trust_certified(const struct ps_trust *t, const struct ps_trust_root *root, const struct ps_cert *c,
                       struct ps_trust_key *out) {
    const struct ps_trust_key *own = find(t, &c->clip_key);
    *out =
        (struct ps_trust_key){.from_ns = c->from_ns, .until_ns = c->until_ns, .revoked_ns = root->revoked_ns};
    if (root->merchant[0] != '\0' && strcmp(root->merchant, c->merchant) != 0)
        return PS_EPERM;
    if (ps_trust_root(t, &c->clip_key) != NULL)
        return PS_EPERM;
    out->key = c->clip_key;
    memcpy(out->station, c->station, sizeof out->station);
    memcpy(out->merchant, c->merchant, sizeof out->merchant);
    if (own != NULL && own->revoked_ns < out->revoked_ns)
        out->revoked_ns = own->revoked_ns;
    return 0;
}
