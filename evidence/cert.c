/* SPDX-License-Identifier: ISC */
#include "evidence/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/opening.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"

#define CERT_TYPE "packseal-cert"
#define REVOCATION_TYPE "packseal-revocation"

static const char *const reasons[] = {"lost", "stolen", "replaced", "closed"};

static bool is_reason(const char *word) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(word, reasons[i]) == 0)
            return true;
    }
    return false;
}

/* ---- writing: one layout, a key a line ---- */

static void refuse(struct ps_buf *b, int err) {
    if (b->err == 0)
        b->err = err;
}

static void put_text(struct ps_buf *b, const char *key, const char *s, size_t cap) {
    size_t n = strnlen(s, cap);
    if (n == 0 || n == cap || !ps_bytes_is_text(s, n)) {
        refuse(b, PS_EINVAL);
        return;
    }
    ps_buf_fmt(b, ",\n\"%s\":", key);
    ps_json_quote(b, s);
}

static void put_key(struct ps_buf *b, const struct ps_pubkey *k) {
    char text[57];
    ps_minisign_pubkey_text(k, text);
    ps_buf_fmt(b, ",\n\"clip_key\":\"%s\"", text);
}

static void put_time(struct ps_buf *b, const char *key, int64_t wall_ns) {
    char text[32];
    int64_t back = 0;
    ps_statement_time_text(wall_ns, text);
    if (ps_statement_time_of(text, &back) != 0)
        refuse(b, PS_EINVAL);
    ps_buf_fmt(b, ",\n\"%s\":\"%s\"", key, text);
}

void ps_cert_write(const struct ps_cert *c, struct ps_buf *b) {
    if (!ps_opening_station_ok(c->station) || c->from_ns >= c->until_ns || c->serial > PS_MAX_JSON_INT ||
        c->ledger_key.type != PS_NOTE_ED25519)
        refuse(b, PS_EINVAL);
    ps_buf_text(b, "{\"type\":\"" CERT_TYPE "\",\"version\":1,\"crit\":[]");
    put_text(b, "merchant", c->merchant, sizeof c->merchant);
    put_text(b, "station", c->station, sizeof c->station);
    put_key(b, &c->clip_key);
    ps_buf_text(b, ",\n\"ledger_key\":\"");
    ps_note_vkey_write(b, &c->ledger_key);
    ps_buf_text(b, "\"");
    put_time(b, "from", c->from_ns);
    put_time(b, "until", c->until_ns);
    ps_buf_fmt(b, ",\n\"serial\":%" PRIu64 "}\n", c->serial);
}

void ps_cert_write_revocation(const struct ps_revocation *r, struct ps_buf *b) {
    if (!is_reason(r->reason))
        refuse(b, PS_EINVAL);
    ps_buf_text(b, "{\"type\":\"" REVOCATION_TYPE "\",\"version\":1,\"crit\":[]");
    put_text(b, "merchant", r->merchant, sizeof r->merchant);
    put_key(b, &r->clip_key);
    put_time(b, "since", r->since_ns);
    put_text(b, "reason", r->reason, sizeof r->reason);
    ps_buf_text(b, "}\n");
}

/* ---- reading: after the first failure err stays set and every fetch gives nothing ---- */

struct in {
    const json_t *root;
    struct ps_why *why;
    int err;
};

static void fail(struct in *in, int err, const char *key, const char *text) {
    if (in->err == 0)
        in->err = ps_error_why(in->why, err, key, "%s", text);
}

static const char *get_text(struct in *in, const char *key, size_t max) {
    const json_t *v = in->err == 0 ? json_object_get(in->root, key) : NULL;
    if (!json_is_string(v))
        fail(in, PS_EFORMAT, key, v == NULL ? "is missing" : "is not a string");
    else if (json_string_length(v) == 0)
        fail(in, PS_EFORMAT, key, "is empty");
    else if (json_string_length(v) > max)
        fail(in, PS_ELIMIT, key, "is too long");
    return in->err == 0 ? json_string_value(v) : "";
}

static void copy_text(struct in *in, const char *key, char *out, size_t cap) {
    const char *s = get_text(in, key, cap - 1);
    memcpy(out, s, strlen(s) + 1);
}

static uint64_t get_number(struct in *in, const char *key) {
    const json_t *v = in->err == 0 ? json_object_get(in->root, key) : NULL;
    if (!json_is_integer(v) || json_integer_value(v) < 0) {
        fail(in, PS_EFORMAT, key, v == NULL ? "is missing" : "is not a positive integer");
        return 0;
    }
    return (uint64_t)json_integer_value(v);
}

static int64_t get_time(struct in *in, const char *key) {
    int64_t wall_ns = 0;
    const char *s = get_text(in, key, 24);
    if (in->err == 0 && ps_statement_time_of(s, &wall_ns) != 0)
        fail(in, PS_EFORMAT, key, "is not a time like 2026-11-21T08:15:30.123Z");
    return wall_ns;
}

static void get_clip_key(struct in *in, struct ps_pubkey *k) {
    const char *s = get_text(in, "clip_key", 56);
    if (in->err == 0 && (strlen(s) != 56 || ps_minisign_pubkey_parse(k, s, 56) != 0))
        fail(in, PS_EFORMAT, "clip_key", "is not a minisign public key");
}

/* Type, version, and that `crit` lists nothing but keys that are known (words with a space on either side). */
static void read_version(struct in *in, const char *type, const char *known) {
    if (strcmp(get_text(in, "type", 64), type) != 0)
        fail(in, PS_EFORMAT, "type", "is another");
    if (get_number(in, "version") != 1)
        fail(in, PS_EVERSION, "version", "is not 1");
    const json_t *crit = in->err == 0 ? json_object_get(in->root, "crit") : NULL;
    if (!json_is_array(crit)) {
        fail(in, PS_EFORMAT, "crit", "is not an array");
        return;
    }
    for (size_t i = 0; i < json_array_size(crit); i++) {
        const json_t *name = json_array_get(crit, i);
        char between[64];
        if (!json_is_string(name)) {
            fail(in, PS_EFORMAT, "crit", "holds what is not a string");
            return;
        }
        const char *word = json_string_value(name);
        snprintf(between, sizeof between, " %s ", word);
        if (strlen(word) > 48 || strchr(word, ' ') != NULL || strstr(known, between) == NULL)
            fail(in, PS_EVERSION, "crit", "names what this program does not know");
    }
}

static json_t *begin(struct in *in, const void *p, size_t n, struct ps_why *why) {
    json_t *root = NULL;
    *in = (struct in){.why = why};
    if (n > PS_CERT_MAX)
        fail(in, PS_ELIMIT, "file", "is too long");
    else
        in->err = ps_json_parse(&root, p, n, why);
    in->root = root;
    return root;
}

int ps_cert_parse(struct ps_cert *out, const void *p, size_t n, struct ps_why *why) {
    struct ps_cert c = {.serial = 0};
    struct in in;
    *out = c;
    json_t *root = begin(&in, p, n, why);
    read_version(&in, CERT_TYPE,
                 " type version crit merchant station clip_key ledger_key from until serial ");
    copy_text(&in, "merchant", c.merchant, sizeof c.merchant);
    copy_text(&in, "station", c.station, sizeof c.station);
    if (in.err == 0 && !ps_opening_station_ok(c.station))
        fail(&in, PS_EFORMAT, "station", "is not made of A-Z, a-z, 0-9 and -");
    get_clip_key(&in, &c.clip_key);
    const char *vkey = get_text(&in, "ledger_key", PS_NOTE_NAME + 64);
    if (in.err == 0 &&
        (ps_note_vkey_parse(&c.ledger_key, vkey, strlen(vkey)) != 0 || c.ledger_key.type != PS_NOTE_ED25519))
        fail(&in, PS_EFORMAT, "ledger_key", "is not a log's verifier key");
    c.from_ns = get_time(&in, "from");
    c.until_ns = get_time(&in, "until");
    if (in.err == 0 && c.from_ns >= c.until_ns)
        fail(&in, PS_EFORMAT, "until", "is not after from");
    c.serial = get_number(&in, "serial");
    json_decref(root);
    if (in.err == 0)
        *out = c;
    return in.err;
}

int ps_cert_parse_revocation(struct ps_revocation *out, const void *p, size_t n, struct ps_why *why) {
    struct ps_revocation r = {.since_ns = 0};
    struct in in;
    *out = r;
    json_t *root = begin(&in, p, n, why);
    read_version(&in, REVOCATION_TYPE, " type version crit merchant clip_key since reason ");
    copy_text(&in, "merchant", r.merchant, sizeof r.merchant);
    get_clip_key(&in, &r.clip_key);
    r.since_ns = get_time(&in, "since");
    copy_text(&in, "reason", r.reason, sizeof r.reason);
    if (in.err == 0 && !is_reason(r.reason))
        fail(&in, PS_EFORMAT, "reason", "is none of lost, stolen, replaced, closed");
    json_decref(root);
    if (in.err == 0)
        *out = r;
    return in.err;
}

/* ---- signatures ---- */

static int verify(const void *p, size_t n, const void *sig, size_t sig_n, const struct ps_pubkey *root,
                  struct ps_why *why) {
    struct ps_minisig s;
    int err = ps_minisign_sig_parse(&s, sig, sig_n);
    if (err != 0)
        return ps_error_why(why, err, "signature", "cannot be read: %s", ps_error_text(err));
    err = ps_minisign_verify(&s, root, p, n);
    if (err == PS_ENOENT)
        return ps_error_why(why, err, "signature", "was made with another key than the root's");
    return err == 0 ? 0 : ps_error_why(why, err, "signature", "does not verify");
}

int ps_cert_open(struct ps_cert *out, const void *p, size_t n, const void *sig, size_t sig_n,
                 const struct ps_pubkey *root, struct ps_why *why) {
    *out = (struct ps_cert){.serial = 0};
    int err = verify(p, n, sig, sig_n, root, why);
    return err == 0 ? ps_cert_parse(out, p, n, why) : err;
}

int ps_cert_open_revocation(struct ps_revocation *out, const void *p, size_t n, const void *sig, size_t sig_n,
                            const struct ps_pubkey *root, struct ps_why *why) {
    *out = (struct ps_revocation){.since_ns = 0};
    int err = verify(p, n, sig, sig_n, root, why);
    return err == 0 ? ps_cert_parse_revocation(out, p, n, why) : err;
}

static void digest_text(const void *p, size_t n, char hex[65]) {
    uint8_t sum[32];
    ps_sha256(sum, p, n);
    ps_bytes_hex(hex, sum, sizeof sum);
}

void ps_cert_comment(const struct ps_cert *c, const void *p, size_t n, char out[PS_CERT_COMMENT]) {
    char hex[65];
    digest_text(p, n, hex);
    snprintf(out, PS_CERT_COMMENT, "packseal v1 cert %s serial %" PRIu64 " sha256 %s", c->station, c->serial,
             hex);
}

void ps_cert_comment_revocation(const struct ps_revocation *r, const void *p, size_t n,
                                char out[PS_CERT_COMMENT]) {
    char hex[65], id[17];
    digest_text(p, n, hex);
    ps_minisign_id_text(r->clip_key.id, id);
    snprintf(out, PS_CERT_COMMENT, "packseal v1 revocation %s sha256 %s", id, hex);
}
