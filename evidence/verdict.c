/* SPDX-License-Identifier: ISC */
#include "evidence/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/note.h"
#include "evidence/verdict_internal.h"

#define MS INT64_C(1000000) /* of nanoseconds; wall and boot clocks are stated in whole ones */

/* ---- words and numbers --------------------------------------------------------------------------- */

static const char *word(const char *const (*words)[2], size_t n, unsigned i, bool zh) {
    return i < n ? words[i][zh] : "?";
}
#define WORD(words, i, zh) word(words, sizeof(words) / sizeof(words)[0], (unsigned)(i), zh)

const char *ps_verdict_content(enum ps_content c, bool zh) {
    static const char *const words[][2] = {{"intact", "完好"},       {"excerpt", "节选(未改动)"},
                                           {"incomplete", "不完整"}, {"altered", "已改动"},
                                           {"unsigned", "无签名"},   {"unreadable", "无法读取"}};
    return WORD(words, c, zh);
}

const char *ps_verdict_key(enum ps_key_verdict k, bool zh) {
    static const char *const words[][2] = {
        {"trusted", "已登记"}, {"unknown", "未登记"}, {"revoked", "已吊销"}, {"expired", "已过期"}};
    return WORD(words, k, zh);
}

const char *ps_verdict_time(enum ps_time_basis t, bool zh) {
    static const char *const words[][2] = {{"bounded", "介于A与B"},
                                           {"not-after", "不晚于B"},
                                           {"not-before", "不早于A"},
                                           {"self-declared", "仅本机时间"}};
    return WORD(words, t, zh);
}

const char *ps_verdict_ledger(enum ps_ledger_verdict l, bool zh) {
    static const char *const words[][2] = {
        {"included", "已入账"}, {"absent", "无入账证明"}, {"inconsistent", "前后矛盾"}};
    return WORD(words, l, zh);
}

const char *ps_verdict_container(enum ps_container c) {
    static const char *const words[][2] = {{"as-recorded", ""}, {"remuxed", ""}, {"unknown", ""}};
    return WORD(words, c, false);
}

int ps_verdict_exit(const struct ps_verdict *v) {
    if (v->content == PS_CONTENT_UNREADABLE)
        return 2;
    if (v->content != PS_CONTENT_INTACT && v->content != PS_CONTENT_EXCERPT)
        return 1;
    if (v->ledger == PS_LEDGER_INCONSISTENT || v->key == PS_KEY_REVOKED || v->key == PS_KEY_EXPIRED)
        return 1;
    if (v->not_before_ns > v->not_after_ns)
        return 1;
    return v->key == PS_KEY_TRUSTED ? 0 : 3;
}

int ps_verdict_worst(int a, int b) {
    static const int order[] = {1, 2, 3};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return 0;
}

void ps_verdict_worsen(struct ps_verdict *v, enum ps_content c) {
    if (c > v->content)
        v->content = c;
}

void ps_verdict_problem(struct ps_verdict *v, const char *code, const char *where, const char *fmt, ...) {
    if (v->n_problems == PS_MAX_PROBLEMS) {
        v->n_more++;
        return;
    }
    struct ps_problem *p = &v->problems[v->n_problems++];
    struct ps_why clean;
    char text[sizeof p->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)ps_error_why(&clean, 0, where, "%s", text); /* makes both printable */
    p->code = code;
    memcpy(p->where, clean.where, sizeof p->where);
    memcpy(p->text, clean.text, sizeof p->text);
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* The name inside the clip, or NULL when the file lies elsewhere in the tree. */
static const char *inside(const struct ps_verdict_job *j, size_t i) {
    const char *name = j->in->files->name(j->in->files->ctx, i);
    size_t len = strlen(j->in->prefix);
    return strncmp(name, j->in->prefix, len) == 0 ? name + len : NULL;
}

int64_t ps_verdict_find(struct ps_verdict_job *j, const char *name) {
    for (size_t i = 0; i < j->in->files->n; i++) {
        const char *have = inside(j, i);
        if (have != NULL && strcmp(have, name) == 0)
            return (int64_t)i;
    }
    return PS_ENOENT;
}

int ps_verdict_open(struct ps_verdict_job *j, const char *name, struct ps_blob *out) {
    const int64_t i = ps_verdict_find(j, name);
    if (i < 0)
        return PS_ENOENT;
    const struct ps_blob *open = ps_verdict_team_blob(j, (size_t)i);
    if (open == NULL)
        return j->in->files->open(j->in->files->ctx, (size_t)i, out);
    *out = *open;
    return 0;
}

int ps_verdict_load(struct ps_verdict_job *j, const char *name, size_t max, uint8_t **p, size_t *n) {
    struct ps_blob b;
    *p = NULL;
    *n = 0;
    int err = ps_verdict_open(j, name, &b);
    return err < 0 ? err : ps_blob_load(&b, max, p, n);
}

/* ---- statement and signature --------------------------------------------------------------------- */

static void altered(struct ps_verdict *v, const char *code, const char *where, const char *text) {
    ps_verdict_worsen(v, PS_CONTENT_ALTERED);
    ps_verdict_problem(v, code, where, "%s", text);
}

/* The key that the statement states is the one that must have signed it; trust is another question. */
static void check_signature(struct ps_verdict *v, const uint8_t *sig, size_t sig_n, const uint8_t *p,
                            size_t n) {
    const char *where = "clip.json.minisig";
    struct ps_minisig s;
    char comment[PS_MAX_TRUSTED_COMMENT + 1];
    uint8_t digest[32];
    int err = ps_minisign_sig_parse(&s, sig, sig_n);
    if (err < 0) {
        altered(v, "signature-malformed", where,
                err == PS_ESHORT     ? "the signature is empty or cut off"
                : err == PS_EVERSION ? "not a prehashed minisign signature"
                                     : "not a minisign signature");
        return;
    }
    err = ps_minisign_verify(&s, &v->clip->key, p, n);
    if (err == PS_ENOENT) {
        altered(v, "signature-key", where, "made with another key than the statement states");
        return;
    }
    if (err < 0) {
        altered(v, "signature-invalid", where,
                "the signature does not fit clip.json: one of both was changed");
        return;
    }
    ps_sha256(digest, p, n);
    if (ps_statement_comment(v->clip, digest, comment) < 0 || strcmp(comment, s.comment) != 0) {
        altered(v, "signature-comment", where, "the trusted comment is not made from this statement");
        return;
    }
    v->signer = v->clip->key;
}

/* The signature file, or a problem. 1 when there is one to check. */
static int load_signature(struct ps_verdict_job *j, uint8_t **sig, size_t *n) {
    int err = ps_verdict_load(j, "clip.json.minisig", PS_MAX_MINISIG, sig, n);
    if (err == PS_ENOMEM)
        return err;
    if (err == 0)
        return 1;
    if (err == PS_ENOENT) {
        ps_verdict_worsen(j->v, PS_CONTENT_UNSIGNED);
        ps_verdict_problem(j->v, "signature-missing", "clip.json.minisig", "nobody signed this statement");
    } else {
        altered(j->v, "signature-malformed", "clip.json.minisig", ps_error_text(err));
    }
    return 0;
}

/* The key that a broken statement states, if it is one of ours at all. */
static bool stated_key(const uint8_t *p, size_t n, struct ps_pubkey *key) {
    json_t *root;
    if (ps_json_parse(&root, p, n, NULL) < 0)
        return false;
    const char *type = json_string_value(json_object_get(root, "type"));
    const char *text = json_string_value(json_object_get(root, "key"));
    bool ours = type != NULL && strcmp(type, "packseal-clip") == 0 &&
                json_integer_value(json_object_get(root, "version")) == 1 && text != NULL &&
                ps_minisign_pubkey_parse(key, text, strlen(text)) == 0;
    json_decref(root);
    return ours;
}

/* It reads, but breaks the rules or contradicts itself. The signature tells whether it was born so. */
static int broken_statement(struct ps_verdict_job *j, const char *where, const struct ps_why *why,
                            const uint8_t *p, size_t n, const struct ps_pubkey *key) {
    struct ps_minisig s;
    uint8_t *sig;
    size_t sig_n;
    altered(j->v, "statement-broken", where, why->text);
    int err = load_signature(j, &sig, &sig_n);
    if (err > 0 && (ps_minisign_sig_parse(&s, sig, sig_n) < 0 || ps_minisign_verify(&s, key, p, n) < 0))
        altered(j->v, "signature-invalid", "clip.json.minisig", "the signature does not fit clip.json");
    free(sig);
    return err < 0 ? err : 0;
}

static int parse_statement(struct ps_verdict_job *j, const uint8_t *p, size_t n) {
    struct ps_verdict *v = j->v;
    struct ps_why why = {{0}, {0}};
    struct ps_pubkey key;
    char where[140];
    int err = ps_statement_parse(&v->clip, p, n, &why);
    if (err == 0)
        return 1;
    v->clip = NULL;
    if (err == PS_ENOMEM)
        return err;
    (void)snprintf(where, sizeof where, "clip.json %s", why.where);
    if (err == PS_EFORMAT && stated_key(p, n, &key))
        return broken_statement(j, where, &why, p, n, &key);
    ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
    ps_verdict_problem(v, "statement-unreadable", where, "%s", why.text);
    return 0;
}

static int read_statement(struct ps_verdict_job *j) {
    uint8_t *p = NULL, *sig = NULL;
    size_t n, sig_n;
    int err = ps_verdict_load(j, "clip.json", PS_MAX_STATEMENT, &p, &n);
    if (err < 0 && err != PS_ENOMEM) {
        ps_verdict_worsen(j->v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(j->v, err == PS_ENOENT ? "statement-missing" : "statement-unreadable", "clip.json",
                           "%s", ps_error_text(err));
        return 0;
    }
    if (err == 0) {
        struct ps_verdict_digest *d = &j->digests[ps_verdict_find(j, "clip.json")];
        ps_sha256(j->statement, p, n);
        memcpy(d->sha256, j->statement, sizeof d->sha256);
        d->state = PS_VERDICT_KNOWN;
        err = parse_statement(j, p, n);
    }
    if (err > 0)
        err = load_signature(j, &sig, &sig_n);
    if (err > 0) {
        check_signature(j->v, sig, sig_n, p, n);
        err = 0;
    }
    free(sig);
    free(p);
    return err;
}

/* ---- files --------------------------------------------------------------------------------------- */

/* Sees to its digest, if that will be asked for. */
static int read_original(struct ps_verdict_job *j, const struct ps_file_ref *f) {
    struct ps_blob b;
    const int64_t i = ps_verdict_find(j, f->name);
    if (i < 0 || ps_verdict_open(j, f->name, &b) < 0)
        return 0;
    if (b.size == f->size)
        return ps_verdict_digest(j, (size_t)i, &b);
    ps_verdict_team_drop(j, (size_t)i);
    return 0;
}

static int check_original(struct ps_verdict_job *j, const struct ps_file_ref *f) {
    struct ps_blob b;
    const int64_t i = ps_verdict_find(j, f->name);
    if (i < 0) {
        ps_verdict_worsen(j->v, PS_CONTENT_INCOMPLETE);
        ps_verdict_problem(j->v, "file-missing", f->name, "the statement names it, and it is not there");
        return 0;
    }
    int err = ps_verdict_open(j, f->name, &b);
    bool same = err == 0 && b.size == f->size;
    if (same) {
        err = ps_verdict_digest(j, (size_t)i, &b);
        if (err == 0)
            err = j->digests[i].err;
        same = err == 0 && memcmp(j->digests[i].sha256, f->sha256, 32) == 0;
    }
    if (err == PS_ENOMEM || err == PS_ETIME)
        return err;
    if (err < 0) {
        ps_verdict_worsen(j->v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(j->v, "file-unreadable", f->name, "%s", ps_error_text(err));
    } else if (!same) {
        altered(j->v, "original-altered", f->name, "another file than the statement names");
    }
    return 0;
}

/* Films and originals: what has a digest in the statement. */
static bool is_stated(const struct ps_clip *c, const char *name) {
    for (uint32_t i = 0; i < c->n_tracks; i++)
        if (strcmp(name, c->tracks[i].file.name) == 0)
            return true;
    for (uint32_t i = 0; i < c->n_originals; i++)
        if (strcmp(name, c->originals[i].file.name) == 0)
            return true;
    return false;
}

static bool is_named(const struct ps_clip *c, const char *name) {
    /* These are judged by rules of their own. */
    static const char *const own[] = {"clip.json",       "clip.json.minisig", "checkpoint",
                                      "open.tlog-proof", "seal.tlog-proof",   "excerpt.json"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return is_stated(c, name);
}

/* Wall clock against boot clock, from start to end; as the signer's rule for a clock step (section 4.4): a clock that is
 * steered gains or loses a thousandth at most. */
static void tell_clock(struct ps_verdict *v) {
    const struct ps_time *a = &v->clip->started, *b = &v->clip->ended;
    const int64_t took_ms = (b->boot_ns - a->boot_ns) / MS;
    const int64_t step_ms = b->wall_ns / MS - a->wall_ns / MS - took_ms;
    if (step_ms > 1000 + took_ms / 1000 || step_ms < -1000 - took_ms / 1000)
        ps_verdict_problem(v, "clock-step", "clip.json ended.wall",
                           "the station's clock was moved by %+" PRId64 ".%03" PRId64
                           " s while it recorded: its own times mean little",
                           step_ms / 1000, (step_ms < 0 ? -step_ms : step_ms) % 1000);
}

static void tell_unnamed(struct ps_verdict_job *j) {
    for (size_t i = 0; i < j->in->files->n; i++) {
        const char *name = inside(j, i);
        if (name != NULL && !is_named(j->v->clip, name))
            ps_verdict_problem(j->v, "unauthenticated", name,
                               "lies in the clip's folder, but the statement does not name it");
    }
}

/* Bytes that will be read: films twice (file and pictures), originals once. */
static uint64_t work(struct ps_verdict_job *j) {
    const struct ps_clip *c = j->v->clip;
    uint64_t sum = 1;
    struct ps_blob b;
    for (uint32_t i = 0; j->excerpt != NULL && i < j->excerpt->n_tracks; i++)
        if (ps_verdict_open(j, j->excerpt->tracks[i].file, &b) == 0)
            sum += b.size * (j->in->bundle != NULL ? 2 : 1); /* the file only where a manifest names it */
    if (j->excerpt != NULL)
        return sum;
    for (uint32_t i = 0; i < c->n_tracks; i++)
        sum += c->tracks[i].file.size * 2;
    for (uint32_t i = 0; i < c->n_originals; i++)
        sum += c->originals[i].file.size;
    return sum;
}

void ps_verdict_start(struct ps_verdict *v) {
    *v = (struct ps_verdict){.key = PS_KEY_UNKNOWN,
                             .time = PS_TIME_SELF,
                             .ledger = PS_LEDGER_ABSENT,
                             .container = PS_CONTAINER_UNKNOWN,
                             .not_before_ns = INT64_MIN,
                             .not_after_ns = INT64_MAX};
}

/* Ledger, time and key, in this order: a bound counts only by the ledger, and a key's validity by the bound. A statement
 * whose signature does not hold states no key to follow. */
static int judge_outside(struct ps_verdict_job *j) {
    static const struct ps_pubkey none;
    struct ps_buf stamped;
    int err = 0;
    if (memcmp(j->v->signer.key, none.key, sizeof none.key) == 0)
        return 0;
    ps_buf_init(&stamped, PS_NOTE_MAX);
    err = ps_verdict_ledger_proofs(j, &stamped);
    if (err == 0)
        err = ps_verdict_time_bounds(j, &stamped);
    ps_buf_free(&stamped);
    return err < 0 ? err : ps_verdict_key_trust(j);
}

/* Now that it is known what is to be compared, the helper reads nothing else. */
static void drop_others(struct ps_verdict_job *j) {
    for (size_t i = 0; i < j->in->files->n; i++) {
        const char *name = inside(j, i);
        if (name != NULL && !is_stated(j->v->clip, name))
            ps_verdict_team_drop(j, i);
    }
}

/* All that reads much. */
static int judge_inside(struct ps_verdict_job *j) {
    struct ps_verdict *v = j->v;
    int err = read_statement(j);
    if (err == 0 && v->clip != NULL)
        err = judge_outside(j);
    if (err < 0 || v->clip == NULL)
        return err;
    v->container = PS_CONTAINER_AS_RECORDED;
    drop_others(j);
    err = ps_verdict_excerpt_read(j);
    j->total = work(j);
    for (uint32_t i = 0; i < v->clip->n_tracks && err == 0; i++)
        if (ps_verdict_excerpt_film(j, i))
            err = ps_verdict_film_track(j, i);
    for (uint32_t i = 0; i < v->clip->n_originals && err == 0; i++) {
        j->original[i] = ps_verdict_excerpt_original(j, v->clip->originals[i].file.name);
        if (j->original[i])
            err = read_original(j, &v->clip->originals[i].file);
    }
    return err;
}

/* What the digests say, which are all there now, and what the statement says itself. */
static int judge_digests(struct ps_verdict_job *j) {
    struct ps_verdict *v = j->v;
    int err = 0;
    for (uint32_t i = 0; i < v->clip->n_tracks && err == 0; i++)
        err = ps_verdict_film_container(j, i);
    for (uint32_t i = 0; i < v->clip->n_originals && err == 0; i++)
        if (j->original[i])
            err = check_original(j, &v->clip->originals[i].file);
    if (err < 0)
        return err;
    ps_verdict_excerpt_stated(j);
    tell_clock(j->v);
    for (uint32_t i = 0; i < v->clip->n_tracks; i++)
        ps_verdict_film_stated(j, i);
    tell_unnamed(j);
    return 0;
}

int ps_verdict_clip_known(struct ps_verdict *v, const struct ps_verdict_input *in,
                          struct ps_verdict_digest *digests) {
    ps_verdict_start(v);
    struct ps_verdict_job j = {.v = v, .in = in, .digests = digests, .judge = judge_inside};
    for (size_t i = 0; i < PS_MAX_TRACKS; i++)
        j.film[i] = -1;
    int err = ps_verdict_team_begin(&j);
    if (err < 0)
        return err;
    err = ps_verdict_team_run(&j);
    if (err == 0 && v->clip != NULL)
        err = judge_digests(&j);
    ps_verdict_team_end(&j);
    ps_excerpt_free(j.excerpt);
    if (err < 0)
        ps_verdict_free(v);
    return err;
}

int ps_verdict_clip(struct ps_verdict *v, const struct ps_verdict_input *in) {
    ps_verdict_start(v);
    struct ps_verdict_digest *digests = calloc(in->files->n + 1, sizeof *digests);
    int err = digests == NULL ? PS_ENOMEM : ps_verdict_clip_known(v, in, digests);
    free(digests);
    return err;
}

int ps_verdict_film(struct ps_verdict *v, const struct ps_blob *film) {
    struct ps_mp4 m;
    struct ps_why why = {{0}, {0}};
    ps_verdict_start(v);
    int err = ps_mp4_read(&m, film, false, &why);
    if (err == PS_ENOMEM)
        return err;
    if (err < 0) {
        ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(v, "film-unreadable", why.where, "%s", why.text);
        return 0;
    }
    ps_mp4_free(&m);
    ps_verdict_worsen(v, PS_CONTENT_UNSIGNED);
    ps_verdict_problem(v, "statement-missing", "clip.json", "a film alone: nothing says what was recorded");
    return 0;
}

void ps_verdict_free(struct ps_verdict *v) {
    ps_statement_free(v->clip);
    v->clip = NULL;
}
