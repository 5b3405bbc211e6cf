/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "evidence/origin.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "signer/clock.h"
#include "signer/file.h"
#include "signer/key.h"
#include "signer/request.h"

#define NOTE_MAX (PS_ROOT_LIST * 1024)

/* ---- files ---- */

static int open_folder(const char *path, struct ps_why *why) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd : ps_error_why(why, PS_EIO, path, "%s", strerror(errno));
}

static ssize_t load(const char *path, void *p, size_t cap, struct ps_why *why) {
    ssize_t n = ps_file_load(AT_FDCWD, path, p, cap);

    if (n >= 0)
        return n;
    return ps_error_why(why, (int)n, path, "cannot be read: %s",
                        n == PS_ELIMIT ? "it is too long" : strerror(errno));
}

/* A signed file and its signature, which lies beside it. */
struct pair {
    char text[PS_CERT_MAX], sig[PS_MAX_MINISIG];
    ssize_t n, sig_n;
};

static int load_pair(struct pair *p, const char *path, struct ps_why *why) {
    char name[4096];

    int k = snprintf(name, sizeof(name), "%s.minisig", path);
    if (k < 0 || (size_t)k >= sizeof(name))
        return ps_error_why(why, PS_EINVAL, "path", "is too long");
    if ((p->n = load(path, p->text, sizeof(p->text), why)) < 0)
        return (int)p->n;
    p->sig_n = load(name, p->sig, sizeof(p->sig), why);
    return p->sig_n < 0 ? (int)p->sig_n : 0;
}

static int put(int dir, const char *name, const struct ps_buf *b, struct ps_why *why) {
    int err = b->err != 0 ? b->err : ps_file_create(dir, name, b->p, b->n, 0644);

    if (err == PS_EEXIST)
        return ps_error_why(why, err, name, "is there already: choose another folder");
    return err == 0 ? 0
                    : ps_error_why(why, err, name, "cannot be written: %s",
                                   err == PS_EIO ? strerror(errno) : ps_error_text(err));
}

static int put_public(int dir, const struct ps_pubkey *k, const char *merchant, struct ps_why *why) {
    char comment[PS_MAX_NAME + 32], there[PS_MAX_MINISIG];
    struct ps_pubkey old;
    struct ps_buf b;

    ssize_t n = ps_file_load(dir, "root.pub", there, sizeof(there));
    if (n > 0 && ps_minisign_pubkey_parse(&old, there, (size_t)n) == 0 && memcmp(&old, k, sizeof(old)) == 0)
        return 0;
    ps_buf_init(&b, PS_MAX_MINISIG);
    snprintf(comment, sizeof(comment), "PackSeal root key of %s", merchant);
    ps_minisign_pubkey_write(&b, k, comment);
    int err = put(dir, "root.pub", &b, why);
    ps_buf_free(&b);
    return err;
}

/* Signs the text and writes both files. */
static int put_signed(int dir, const char *name, const struct ps_key_root *k, const struct ps_buf *text,
                      const char *comment, struct ps_why *why) {
    char sig_name[4096];
    struct ps_minisig sig;
    struct ps_buf b;

    if (text->err != 0)
        return ps_error_why(why, text->err, name, "cannot be made: %s", ps_error_text(text->err));
    int err = ps_key_root_sign(k, text->p, text->n, comment, &sig);
    if (err != 0)
        return ps_error_why(why, err, name, "cannot be signed: %s", ps_error_text(err));
    ps_buf_init(&b, PS_MAX_MINISIG);
    ps_minisign_sig_write(&b, &sig, "signature from the PackSeal root key");
    snprintf(sig_name, sizeof(sig_name), "%s.minisig", name);
    err = put(dir, name, text, why);
    if (err == 0)
        err = put(dir, sig_name, &b, why);
    ps_buf_free(&b);
    return err;
}

static void tell_root(struct ps_buf *report, const struct ps_pubkey *k, const char *merchant) {
    char text[57], print[40];

    ps_minisign_pubkey_text(k, text);
    ps_minisign_fingerprint(k, print);
    ps_buf_fmt(report, "merchant     %s\nroot key     %s\nfingerprint  %s\n", merchant, text, print);
}

/* ---- the four jobs ---- */

int ps_root_new(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why) {
    struct ps_keyfile_lock lock = {j->passphrase,
                                   j->moderate ? ps_keyfile_cost_station : ps_keyfile_cost_root};
    struct ps_pubkey pub;
    size_t n = strlen(j->merchant);

    /* Quotes would end the name in a trust file. */
    if (n == 0 || n > PS_MAX_NAME || !ps_bytes_is_text(j->merchant, n) ||
        strpbrk(j->merchant, "\"\\") != NULL)
        return ps_error_why(why, PS_EINVAL, "--merchant",
                            "takes 1 to %d bytes of text without quotes and backslashes", PS_MAX_NAME);
    int dir = open_folder(j->out, why);
    if (dir < 0)
        return dir;
    int err = 0;
    if (faccessat(dir, "root.pub", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = ps_error_why(why, PS_EEXIST, "root.pub", "is there already: choose another folder");
    if (err == 0)
        err = ps_key_root_create(dir, &lock, j->merchant, &pub, why);
    if (err == 0)
        err = put_public(dir, &pub, j->merchant, why);
    if (err == 0)
        tell_root(report, &pub, j->merchant);
    close(dir);
    return err;
}

static int time_of(const char *text, const char *option, int64_t *out, struct ps_why *why) {
    return ps_statement_time_of(text, out) == 0
               ? 0
               : ps_error_why(why, PS_EINVAL, option, "is no time such as 2026-11-21T08:15:30.000Z");
}

static int compose_cert(struct ps_cert *c, const struct ps_root_job *j, const struct ps_key_root *k,
                        struct ps_why *why) {
    struct ps_request r;
    struct ps_clock now;
    struct pair *p = malloc(sizeof(*p));

    int err =
        p != NULL ? load_pair(p, j->request, why) : ps_error_why(why, PS_ENOMEM, "request", "no memory");
    if (err == 0)
        err = ps_request_open(&r, p->text, (size_t)p->n, p->sig, (size_t)p->sig_n, why);
    free(p);
    if (err == 0)
        err = time_of(j->from, "--from", &c->from_ns, why);
    if (err == 0)
        err = time_of(j->until, "--until", &c->until_ns, why);
    if (err == 0 && c->from_ns >= c->until_ns)
        err = ps_error_why(why, PS_EINVAL, "--until", "does not lie after --from");
    if (err != 0)
        return err;
    ps_clock_read(&now);
    snprintf(c->merchant, sizeof(c->merchant), "%s", ps_key_root_merchant(k));
    snprintf(c->station, sizeof(c->station), "%s", r.station);
    c->clip_key = r.clip_key;
    c->ledger_key = r.ledger_key;
    /* Grows without a counter that would have to be kept. */
    c->serial = now.wall_ns > 0 ? (uint64_t)(now.wall_ns / 1000000) : 0;
    return 0;
}

int ps_root_certify(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why) {
    struct ps_key_root *k = NULL;
    struct ps_cert c = {0};
    struct ps_buf b;
    char comment[PS_CERT_COMMENT], clip[57], from[32], until[32];

    ps_buf_init(&b, PS_CERT_MAX);
    int dir = open_folder(j->out, why);
    int err = dir < 0 ? dir : ps_key_root_load(&k, j->key, j->passphrase, why);
    if (err == 0)
        err = compose_cert(&c, j, k, why);
    if (err != 0)
        goto out;
    ps_cert_write(&c, &b);
    ps_cert_comment(&c, b.p, b.n, comment);
    err = put_public(dir, ps_key_root_public(k), c.merchant, why);
    if (err == 0)
        err = put_signed(dir, "cert.json", k, &b, comment, why);
    if (err != 0)
        goto out;
    ps_minisign_pubkey_text(&c.clip_key, clip);
    ps_statement_time_text(c.from_ns, from);
    ps_statement_time_text(c.until_ns, until);
    tell_root(report, ps_key_root_public(k), c.merchant);
    ps_buf_fmt(report, "station      %s\nclip key     %s\nvalid        %s to %s\nserial       %" PRIu64 "\n",
               c.station, clip, from, until, c.serial);
out:
    ps_key_root_free(k);
    ps_buf_free(&b);
    if (dir >= 0)
        close(dir);
    return err;
}

int ps_root_revoke(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why) {
    struct ps_key_root *k = NULL;
    struct ps_revocation r = {0};
    struct ps_buf b;
    char comment[PS_CERT_COMMENT], name[64], id[17], clip[57], since[32];
    int dir = -1, err;

    if (strlen(j->clip_key) != 56 || ps_minisign_pubkey_parse(&r.clip_key, j->clip_key, 56) != 0)
        return ps_error_why(why, PS_EINVAL, "--clip-key", "is no minisign public key (RWQ…)");
    if ((err = time_of(j->since, "--since", &r.since_ns, why)) != 0)
        return err;
    snprintf(r.reason, sizeof(r.reason), "%s", j->reason);
    ps_buf_init(&b, PS_CERT_MAX);
    err = dir = open_folder(j->out, why);
    if (dir >= 0)
        err = ps_key_root_load(&k, j->key, j->passphrase, why);
    if (err != 0)
        goto out;
    snprintf(r.merchant, sizeof(r.merchant), "%s", ps_key_root_merchant(k));
    ps_cert_write_revocation(&r, &b);
    if (b.err != 0) {
        err = ps_error_why(why, b.err, "--reason", "is lost, stolen, replaced or closed");
        goto out;
    }
    ps_cert_comment_revocation(&r, b.p, b.n, comment);
    ps_minisign_id_text(r.clip_key.id, id);
    snprintf(name, sizeof(name), "revocation-%s.json", id);
    if ((err = put_signed(dir, name, k, &b, comment, why)) != 0)
        goto out;
    ps_minisign_pubkey_text(&r.clip_key, clip);
    ps_statement_time_text(r.since_ns, since);
    ps_buf_fmt(report, "revoked %s since=%s\n", clip, since);
out:
    ps_key_root_free(k);
    ps_buf_free(&b);
    if (dir >= 0)
        close(dir);
    return err;
}

/* ---- enrolment ---- */

static const char how_en[] =
    "\nHow a platform checks this note\n"
    "  1. Call the merchant on a number that you did not take from here, and have the root fingerprint read\n"
    "     out. It is the first 32 digits of: sed -n 2p root.pub | base64 -d | sha256sum\n"
    "  2. minisign -V -H -P ROOT-KEY -m enrolment.note (its signature is the file with .minisig)\n"
    "  3. Register the root key, for instance by the line in the file with .trust. Whom it certifies is "
    "then\n"
    "     known: every bundle carries the certificate of its station. Ask again for revocations.\n"
    "What registration says: clips signed by these stations come from this merchant. It says nothing about\n"
    "what a camera saw, nor about who holds the keys.\n";
static const char how_zh[] =
    "\n平台如何核对本登记书\n"
    "  1. 用并非取自本文件的号码致电商家,请对方读出根公钥指纹(root-fingerprint)。指纹即下列命令结果的\n"
    "     前 32 位:sed -n 2p root.pub | base64 -d | sha256sum\n"
    "  2. minisign -V -H -P 根公钥 -m enrolment.note(签名为同名的 .minisig 文件)\n"
    "  3. 登记根公钥,例如采用 .trust "
    "文件中的那一行。其所认证的工位随即可识别:每个证据包都附有该工位的证书。\n"
    "     请定期索取吊销清单。\n"
    "登记的含义:由这些工位签名的录像来自该商家。登记不说明摄像头看到了什么,也不说明密钥由谁掌握。\n";

struct enrolment {
    const struct ps_root_job *job;
    const struct ps_key_root *key;
    struct ps_buf note, trust;
    struct pair pair; /* in hand */
};

static int same_merchant(const struct enrolment *e, const char *merchant, const char *path,
                         struct ps_why *why) {
    return strcmp(merchant, ps_key_root_merchant(e->key)) == 0
               ? 0
               : ps_error_why(why, PS_EPERM, path, "is of another merchant");
}

/* The station's ledger for whoever registers it. A renewed certificate names the same once more. The names of the first
 * version are not unique: a `log` line for one would speak against every other merchant's ledger of that name. */
static int add_ledger(struct enrolment *e, const struct ps_cert *c, const char *path, struct ps_why *why) {
    struct ps_origin o;
    struct ps_buf line;

    bool ours = ps_origin_parse(&o, c->ledger_key.name) == 0;
    if (ours && !ps_origin_fits(&o, c->ledger_key.key))
        return ps_error_why(why, PS_EPERM, path, "names a ledger %s that is another key's",
                            c->ledger_key.name);
    ps_buf_init(&line, 1024);
    ps_buf_text(&line, ours && o.mark[0] == '\0' ? "# not unique, and not registered: log " : "log ");
    ps_note_vkey_write(&line, &c->ledger_key);
    ps_buf_text(&line, "\n");
    int err = line.err != 0 ? ps_error_why(why, line.err, path, "cannot be registered") : 0;
    if (err == 0 && (e->trust.n == 0 || memmem(e->trust.p, e->trust.n, line.p, line.n) == NULL))
        ps_buf_bytes(&e->trust, line.p, line.n);
    ps_buf_free(&line);
    return err;
}

static int add_station(struct enrolment *e, const char *path, struct ps_why *why) {
    struct ps_cert c;
    char clip[57], id[17], print[40], from[32], until[32];

    int err = load_pair(&e->pair, path, why);
    if (err == 0)
        err = ps_cert_open(&c, e->pair.text, (size_t)e->pair.n, e->pair.sig, (size_t)e->pair.sig_n,
                           ps_key_root_public(e->key), why);
    if (err == 0)
        err = same_merchant(e, c.merchant, path, why);
    if (err != 0)
        return err;
    ps_minisign_pubkey_text(&c.clip_key, clip);
    ps_minisign_id_text(c.clip_key.id, id);
    ps_minisign_fingerprint(&c.clip_key, print);
    ps_statement_time_text(c.from_ns, from);
    ps_statement_time_text(c.until_ns, until);
    ps_buf_fmt(&e->note,
               "\nstation: %s\nclip-key: %s\nclip-key-id: %s\nclip-fingerprint: %s\nledger-key: ", c.station,
               clip, id, print);
    ps_note_vkey_write(&e->note, &c.ledger_key);
    ps_buf_fmt(&e->note, "\nfrom: %s\nuntil: %s\nserial: %" PRIu64 "\n", from, until, c.serial);
    return add_ledger(e, &c, path, why);
}

static int add_revocation(struct enrolment *e, const char *path, struct ps_why *why) {
    struct ps_revocation r;
    char clip[57], since[32];

    int err = load_pair(&e->pair, path, why);
    if (err == 0)
        err = ps_cert_open_revocation(&r, e->pair.text, (size_t)e->pair.n, e->pair.sig, (size_t)e->pair.sig_n,
                                      ps_key_root_public(e->key), why);
    if (err == 0)
        err = same_merchant(e, r.merchant, path, why);
    if (err != 0)
        return err;
    ps_minisign_pubkey_text(&r.clip_key, clip);
    ps_statement_time_text(r.since_ns, since);
    ps_buf_fmt(&e->note, "\nrevoked: %s\nsince: %s\nreason: %s\n", clip, since, r.reason);
    ps_buf_fmt(&e->trust, "revoked %s since=%s\n", clip, since);
    return 0;
}

static int add_authority(struct enrolment *e, const char *text, struct ps_why *why) {
    uint8_t sum[32];
    size_t n = strlen(text);

    if (n < 66 || n > 65 + PS_MAX_NAME || text[64] != ' ' || ps_bytes_unhex(sum, 32, text, 64) != 0 ||
        !ps_bytes_is_text(text + 65, n - 65) || strpbrk(text + 65, "\"\\") != NULL)
        return ps_error_why(why, PS_EINVAL, "--authority", "is not \"SHA256 NAME\"");
    ps_buf_fmt(&e->note, "\ntime-authority: %s\nanchor-sha256: %.64s\n", text + 65, text);
    ps_buf_fmt(&e->trust, "tsa %.64s name=\"%s\"\n", text, text + 65);
    return 0;
}

static int compose_note(struct enrolment *e, const char *made, struct ps_why *why) {
    const struct ps_root_job *j = e->job;
    const char *merchant = ps_key_root_merchant(e->key);
    char root[57], print[40];
    int err = 0;

    ps_minisign_pubkey_text(ps_key_root_public(e->key), root);
    ps_minisign_fingerprint(ps_key_root_public(e->key), print);
    ps_buf_fmt(&e->note,
               "packseal-enrolment 1\n\nmerchant: %s\nmade: %s\nroot-key: %s\nroot-fingerprint: %s\n",
               merchant, made, root, print);
    ps_buf_fmt(&e->trust,
               "packseal-trust 1\n# %s, as enrolled %s. Compare the root key's fingerprint by telephone: %s\n"
               "root %s merchant=\"%s\"\n",
               merchant, made, print, root, merchant);
    for (size_t i = 0; i < j->n_certs && err == 0; i++)
        err = add_station(e, j->certs[i], why);
    for (size_t i = 0; i < j->n_revocations && err == 0; i++)
        err = add_revocation(e, j->revocations[i], why);
    for (size_t i = 0; i < j->n_authorities && err == 0; i++)
        err = add_authority(e, j->authorities[i], why);
    ps_buf_text(&e->note, how_en);
    ps_buf_text(&e->note, how_zh);
    return err;
}

static int write_note(struct enrolment *e, const char *made, struct ps_why *why) {
    char comment[PS_MAX_TRUSTED_COMMENT + 1], hex[65], trust[PATH_MAX], folder[PATH_MAX + 1];
    uint8_t sum[32];

    ps_sha256(sum, e->note.p, e->note.n);
    ps_bytes_hex(hex, sum, sizeof(sum));
    snprintf(comment, sizeof(comment), "packseal v1 enrolment stations %zu made %s sha256 %s",
             e->job->n_certs, made, hex);
    const char *slash = strrchr(e->job->out, '/');
    const char *name = slash != NULL ? slash + 1 : e->job->out;
    int n = snprintf(trust, sizeof(trust), "%s.trust", name);
    if (name[0] == '\0' || n < 0 || (size_t)n > NAME_MAX || strlen(e->job->out) >= PATH_MAX)
        return ps_error_why(why, PS_EINVAL, "--out", "is no file's name");
    snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - e->job->out + 1) : 1,
             slash != NULL ? e->job->out : ".");
    int dir = open_folder(folder, why);
    if (dir < 0)
        return dir;
    int err = put_signed(dir, name, e->key, &e->note, comment, why);
    if (err == 0)
        err = put(dir, trust, &e->trust, why);
    close(dir);
    return err;
}

int ps_root_enrol(const struct ps_root_job *j, struct ps_buf *report, struct ps_why *why) {
    struct enrolment *e = calloc(1, sizeof(*e));
    struct ps_key_root *k = NULL;
    struct ps_clock now;
    char made[32];

    if (e == NULL)
        return ps_error_why(why, PS_ENOMEM, "enrolment", "no memory");
    e->job = j;
    ps_buf_init(&e->note, NOTE_MAX);
    ps_buf_init(&e->trust, NOTE_MAX);
    ps_clock_read(&now);
    ps_statement_time_text(now.wall_ns, made);
    int err = ps_key_root_load(&k, j->key, j->passphrase, why);
    e->key = k;
    if (err == 0)
        err = compose_note(e, made, why);
    if (err == 0)
        err = write_note(e, made, why);
    if (err == 0) {
        tell_root(report, ps_key_root_public(k), ps_key_root_merchant(k));
        ps_buf_fmt(report, "stations     %zu\nnote         %s\ntrust file   %s.trust\n", j->n_certs, j->out,
                   j->out);
    }
    ps_key_root_free(k);
    ps_buf_free(&e->trust);
    ps_buf_free(&e->note);
    free(e);
    return err;
}
