/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/trust_merge.h"
#include "cli/keys.h"
#include "cli/words.h"
#include "evidence/origin.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include <stdio.h>
#include <string.h>

#define HEADER "packseal-trust 1\n"
#define LINE_BYTES 1024

/* ---- lines ------------------------------------------------------------------------------------------- */

/* An entry on its way: the line, and what is compared. */
struct line {
    const char *kind;
    struct ps_buf text;
    char print[80];
    const char *conflict; /* NULL: none */
    const char *left;     /* why it is not taken; NULL */
    bool there;
};

static void begin(struct line *l, const char *kind) {
    *l = (struct line){.kind = kind};
    ps_buf_init(&l->text, LINE_BYTES);
    ps_buf_fmt(&l->text, "%s ", kind);
}

static void put_key(struct line *l, const struct ps_pubkey *k) {
    char text[57];
    ps_minisign_pubkey_text(k, text);
    ps_buf_text(&l->text, text);
    ps_minisign_fingerprint(k, l->print);
}

static void put_time(struct line *l, const char *name, int64_t ns, int64_t absent) {
    char text[32];
    if (ns == absent)
        return;
    ps_statement_time_text(ns, text);
    ps_buf_fmt(&l->text, " %s=%s", name, text);
}

/* A value never holds quotes: the reader of a trust file takes none. */
static void put_text(struct line *l, const char *name, const char *value) {
    if (value[0] != '\0')
        ps_buf_fmt(&l->text, " %s=\"%s\"", name, value);
}

static const char *doubled(void) {
    return ps_words("is registered with other limits: change that line by hand if this is meant",
                    "已按其他条件登记;如确需更改,请手工修改该行");
}

static void line_of_clip(struct line *l, const struct ps_trust *all, const struct ps_trust_key *k) {
    const struct ps_trust_key *old = ps_trust_find(all, &k->key);
    begin(l, "clip");
    put_key(l, &k->key);
    put_text(l, "station", k->station);
    put_text(l, "merchant", k->merchant);
    put_time(l, "from", k->from_ns, INT64_MIN);
    put_time(l, "until", k->until_ns, INT64_MAX);
    if (ps_trust_root(all, &k->key) != NULL)
        l->conflict = ps_words("is registered as a root key", "已登记为根公钥");
    else if (old != NULL && !old->only_revoked) {
        l->there = strcmp(old->station, k->station) == 0 && strcmp(old->merchant, k->merchant) == 0 &&
                   old->from_ns == k->from_ns && old->until_ns == k->until_ns;
        l->conflict = l->there ? NULL : doubled();
    }
}

static void line_of_revoked(struct line *l, const struct ps_trust *all, const struct ps_trust_key *k) {
    const struct ps_trust_key *old = ps_trust_find(all, &k->key);
    begin(l, "revoked");
    put_key(l, &k->key);
    put_time(l, "since", k->revoked_ns, INT64_MIN);
    l->there = old != NULL && old->revoked_ns <= k->revoked_ns;
}

static void line_of_root(struct line *l, const struct ps_trust *all, const struct ps_trust_root *r) {
    const struct ps_trust_root *old = ps_trust_root(all, &r->key);
    const struct ps_trust_key *key = ps_trust_find(all, &r->key);
    begin(l, "root");
    put_key(l, &r->key);
    put_text(l, "merchant", r->merchant);
    l->there = old != NULL && strcmp(old->merchant, r->merchant) == 0;
    if (old != NULL && !l->there)
        l->conflict = ps_words("is registered as another merchant's", "已登记在另一商家名下");
    else if (old == NULL && key != NULL && !key->only_revoked)
        l->conflict = ps_words("is registered as a clip key", "已登记为录像公钥");
    for (size_t i = 0; old == NULL && r->merchant[0] != '\0' && i < all->n_roots; i++)
        if (strcmp(all->roots[i].merchant, r->merchant) == 0)
            l->conflict = ps_words(
                "this merchant has another root key here: ask by telephone, then change that line by hand",
                "该商家已登记另一根公钥;请电话核实后手工修改该行");
}

static void line_of_anchor(struct line *l, const struct ps_trust *all, const struct ps_timestamp_anchor *a) {
    char hex[65];
    begin(l, "tsa");
    ps_bytes_hex(hex, a->sha256, sizeof(a->sha256));
    ps_buf_text(&l->text, hex);
    put_text(l, "name", a->name);
    for (size_t i = 0; i < all->n_anchors; i++)
        l->there |= memcmp(all->anchors[i].sha256, a->sha256, sizeof(a->sha256)) == 0;
}

static void line_of_vkey(struct line *l, const char *kind, const struct ps_vkey *list, size_t n,
                         const struct ps_vkey *k) {
    char hex[65];
    uint8_t sum[32];
    begin(l, kind);
    ps_note_vkey_write(&l->text, k);
    ps_sha256(sum, k->key, sizeof(k->key));
    ps_bytes_hex(hex, sum, sizeof(sum));
    snprintf(l->print, sizeof(l->print), "sha256 %s", hex);
    for (size_t i = 0; i < n; i++) {
        bool name = strcmp(list[i].name, k->name) == 0,
             key = memcmp(list[i].key, k->key, sizeof(k->key)) == 0;
        l->there |= name && key;
        if (name != key)
            l->conflict =
                name ? ps_words("this name is registered with another key", "此名称已登记另一把公钥")
                     : ps_words("this key is registered under another name", "此公钥已登记在另一名称下");
    }
    if (l->there)
        l->conflict = NULL; /* of two ledgers of one key the other one */
}

static void line_of_log(struct line *l, const struct ps_trust *all, const struct ps_vkey *k) {
    struct ps_origin o;
    line_of_vkey(l, "log", all->logs, all->n_logs, k);
    if (ps_origin_parse(&o, k->name) != 0)
        return;
    if (!ps_origin_fits(&o, k->key))
        l->conflict = ps_words("its name is that of another key", "名称属于另一把公钥");
    else if (o.mark[0] == '\0' && !l->there)
        l->left =
            ps_words("left out: a name of the first version, which stations of other merchants bear as well",
                     "未采用:旧版名称,其他商家的工位也可能同名");
}

/* ---- merging ----------------------------------------------------------------------------------------- */

static int tell(struct ps_trust_merge *m, const struct line *l, enum ps_trust_merge_said said,
                const char *why) {
    const struct ps_trust_merge_entry e = {said, l->kind, (const char *)l->text.p, l->print, why};
    m->tell(m->ctx, &e);
    return 0;
}

/* Decides about one line and lets it go. The file is read again with it: what would not be read is not written. */
static int settle(struct ps_trust_merge *m, struct line *l, struct ps_why *why) {
    int err = 0;
    ps_buf_u8(&l->text, '\0');
    if ((err = l->text.err) != 0)
        ps_error_why(why, err, l->kind, "the line is too long");
    else if (l->conflict != NULL) {
        m->conflicts++;
        err = tell(m, l, PS_TRUST_MERGE_CONFLICT, l->conflict);
    } else if (l->there || l->left != NULL) {
        err = tell(m, l, l->there ? PS_TRUST_MERGE_THERE : PS_TRUST_MERGE_LEFT, l->there ? "" : l->left);
    } else {
        struct ps_trust next;
        ps_buf_fmt(&m->text, "%s\n", (const char *)l->text.p);
        err = m->text.err != 0 ? ps_error_why(why, m->text.err, "trust file", "is full")
                               : ps_trust_parse(&next, m->text.p, m->text.n, why);
        if (err == 0) {
            ps_trust_free(&m->all);
            m->all = next;
            m->fresh++;
            err = tell(m, l, PS_TRUST_MERGE_NEW, "");
        }
    }
    ps_buf_free(&l->text);
    return err;
}

static const char *not_asked(void) {
    return ps_words("left out: whom you believe in time is your own affair (--authorities)",
                    "未采用:时间戳机构与见证方由您自行决定(--authorities)");
}

int ps_trust_merge_file(struct ps_trust_merge *m, const struct ps_trust *in, struct ps_why *why) {
    struct line l;
    int err = 0;
    for (size_t i = 0; i < in->n_roots && err == 0; i++) {
        line_of_root(&l, &m->all, &in->roots[i]);
        err = settle(m, &l, why);
    }
    for (size_t i = 0; i < 2 * in->n && err == 0; i++) {
        const struct ps_trust_key *k = &in->keys[i / 2];
        if (i % 2 == 0 ? k->only_revoked : k->revoked_ns == INT64_MAX)
            continue;
        if (i % 2 == 0)
            line_of_clip(&l, &m->all, k);
        else
            line_of_revoked(&l, &m->all, k);
        err = settle(m, &l, why);
    }
    for (size_t i = 0; i < in->n_logs && err == 0; i++) {
        line_of_log(&l, &m->all, &in->logs[i]);
        err = settle(m, &l, why);
    }
    for (size_t i = 0; i < in->n_anchors && err == 0; i++) {
        line_of_anchor(&l, &m->all, &in->anchors[i]);
        l.left = m->authorities ? NULL : not_asked();
        err = settle(m, &l, why);
    }
    for (size_t i = 0; i < in->n_witnesses && err == 0; i++) {
        line_of_vkey(&l, "witness", m->all.witnesses, m->all.n_witnesses, &in->witnesses[i]);
        l.left = m->authorities ? NULL : not_asked();
        err = settle(m, &l, why);
    }
    return err;
}

int ps_trust_merge_list(struct ps_trust_merge *m) {
    /* Each entry against itself: all of them are there. */
    struct ps_why why;
    bool authorities = m->authorities;
    m->authorities = true;
    int err = ps_trust_merge_file(m, &m->all, &why);
    m->authorities = authorities;
    return err;
}

int ps_trust_merge_begin(struct ps_trust_merge *m, const void *p, size_t n, struct ps_why *why) {
    struct ps_pubkey bare;
    m->fresh = m->conflicts = 0;
    m->all = (struct ps_trust){.n = 0};
    ps_buf_init(&m->text, PS_MAX_TRUST);
    if (p == NULL)
        ps_buf_text(&m->text, HEADER);
    else if (ps_minisign_pubkey_parse(&bare, p, n) == 0)
        return ps_error_why(why, PS_EFORMAT, "trust file", "is a single public key");
    else
        ps_buf_bytes(&m->text, p, n);
    if (p != NULL && n > 0 && ((const char *)p)[n - 1] != '\n')
        ps_buf_u8(&m->text, '\n');
    return m->text.err != 0 ? ps_error_why(why, m->text.err, "trust file", "is too long")
                            : ps_trust_parse(&m->all, m->text.p, m->text.n, why);
}

void ps_trust_merge_end(struct ps_trust_merge *m) {
    ps_trust_free(&m->all);
    ps_buf_free(&m->text);
}

/* ---- enrolment notes ---------------------------------------------------------------------------------- */

#define NOTE "packseal-enrolment 1\n"

bool ps_trust_merge_is_note(const void *p, size_t n) {
    return n >= strlen(NOTE) && memcmp(p, NOTE, strlen(NOTE)) == 0;
}

/* The values of a block, as far as they were said; empty again at the next one. */
struct block {
    char merchant[PS_MAX_NAME + 1], revoked[64], authority[PS_MAX_NAME + 1];
};

/* The note is signed, but by whom it introduces: a value must not become more than a value. */
static bool plain(const char *v) {
    return v[0] != '\0' && strpbrk(v, " \"\\") == NULL;
}

static int keep(char *out, size_t cap, const char *v) {
    size_t n = strlen(v);
    if (n == 0 || n >= cap || strpbrk(v, "\"\\") != NULL)
        return PS_EFORMAT;
    memcpy(out, v, n + 1);
    return 0;
}

static int read_value(struct block *b, const char *key, const char *v, struct ps_pubkey *root,
                      struct ps_buf *out) {
    if (strcmp(key, "merchant") == 0)
        return keep(b->merchant, sizeof(b->merchant), v);
    if (strcmp(key, "revoked") == 0)
        return plain(v) ? keep(b->revoked, sizeof(b->revoked), v) : PS_EFORMAT;
    if (strcmp(key, "time-authority") == 0)
        return keep(b->authority, sizeof(b->authority), v);
    bool known = strcmp(key, "root-key") == 0 || strcmp(key, "since") == 0 ||
                 strcmp(key, "ledger-key") == 0 || strcmp(key, "anchor-sha256") == 0;
    if (known && !plain(v))
        return PS_EFORMAT;
    if (strcmp(key, "root-key") == 0) {
        if (b->merchant[0] == '\0' || strlen(v) != 56 || ps_minisign_pubkey_parse(root, v, 56) != 0)
            return PS_EFORMAT;
        ps_buf_fmt(out, "root %s merchant=\"%s\"\n", v, b->merchant);
    } else if (strcmp(key, "since") == 0 && b->revoked[0] != '\0') {
        ps_buf_fmt(out, "revoked %s since=%s\n", b->revoked, v);
    } else if (strcmp(key, "anchor-sha256") == 0 && b->authority[0] != '\0') {
        ps_buf_fmt(out, "tsa %s name=\"%s\"\n", v, b->authority);
    } else if (strcmp(key, "ledger-key") == 0 &&
               (out->n == 0 ||
                memmem(out->p, out->n, v, strlen(v)) == NULL)) { /* a renewed certificate's, too */
        ps_buf_fmt(out, "log %s\n", v);
    }
    return 0;
}

/* Blocks of "key: value" lines after the first one, up to the prose. */
static int read_note(const char *p, size_t n, struct ps_pubkey *root, struct ps_buf *out) {
    struct block b = {.merchant = ""};
    const char *end = p + n;
    for (p += strlen(NOTE); p < end;) {
        char line[LINE_BYTES];
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = nl != NULL ? (size_t)(nl - p) : sizeof(line);
        if (len >= sizeof(line) || !ps_bytes_is_text(p, len))
            return PS_EFORMAT;
        memcpy(line, p, len);
        line[len] = '\0';
        p = nl + 1;
        char *value = strstr(line, ": ");
        if (len == 0)
            memset(b.revoked, 0, sizeof(b.revoked));
        else if (value == NULL)
            break; /* how to check it */
        else {
            *value = '\0';
            int err = read_value(&b, line, value + 2, root, out);
            if (err != 0)
                return err;
        }
    }
    return out->err;
}

int ps_trust_merge_note(struct ps_buf *out, const void *p, size_t n, const void *sig, size_t sig_n,
                        struct ps_why *why) {
    struct ps_pubkey root;
    struct ps_minisig s;
    memset(&root, 0, sizeof(root));
    ps_buf_text(out, HEADER);
    int err = read_note(p, n, &root, out);
    if (err != 0)
        return ps_error_why(why, err, "enrolment note", "cannot be read: %s", ps_error_text(err));
    err = ps_minisign_sig_parse(&s, sig, sig_n);
    if (err == 0)
        err = ps_minisign_verify(&s, &root, p, n);
    return err == 0 ? 0
                    : ps_error_why(why, PS_ESIG, "enrolment note",
                                   "is not signed by the root key that it names, or was changed");
}
