/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/tokens.h"
#include "archive/store.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_DIGITS 12
#define MAX_NTH 9999
#define PART ".part" /* begins with a dot: no reader looks at it */
#define LOCK ".lock"
#define FOLDER_MODE 02750

static const char *const files[] = {"checkpoint", "token.tsr", "chain.pem", "info"};
#define FILES (sizeof(files) / sizeof(files[0]))

/* ---- names */

static bool entry_of(const char *name, struct ps_tokens_entry *e) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    *e = (struct ps_tokens_entry){.nth = 1};
    if (strlen(name) >= sizeof(e->name) || strspn(name, "0123456789") != SIZE_DIGITS ||
        name[SIZE_DIGITS] != '-')
        return false;
    const char *id = name + SIZE_DIGITS + 1;
    size_t n = strspn(id, letters);
    if (n == 0 || n > PS_TOKENS_AUTHORITY)
        return false;
    if (id[n] == '.') {
        char *end;
        unsigned long nth = id[n + 1] >= '1' && id[n + 1] <= '9' ? strtoul(id + n + 1, &end, 10) : 0;
        if (nth < 2 || nth > MAX_NTH || *end != '\0')
            return false;
        e->nth = (unsigned)nth;
    } else if (id[n] != '\0') {
        return false;
    }
    memcpy(e->name, name, strlen(name) + 1);
    memcpy(e->authority, id, n);
    e->size = strtoull(name, NULL, 10);
    return true;
}

static int by_size(const void *a, const void *b) {
    const struct ps_tokens_entry *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    int c = strcmp(x->authority, y->authority);
    return c != 0 ? c : x->nth < y->nth ? -1 : x->nth > y->nth;
}

int ps_tokens_list(const char *root, struct ps_tokens_list *out, struct ps_why *why) {
    *out = (struct ps_tokens_list){0};
    int fd = ps_root_open(root, PS_ROOT_TOKENS, why), rc = 0;
    if (fd == PS_ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return ps_root_failed(why, PS_ROOT_TOKENS, "cannot be read");
    }
    size_t room = 0;
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        struct ps_tokens_entry entry;
        if (!entry_of(e->d_name, &entry))
            continue;
        if (out->n == room) {
            room = room == 0 ? 256 : room * 2;
            struct ps_tokens_entry *v = reallocarray(out->v, room, sizeof(*v));
            if (v == NULL) {
                rc = ps_error_why(why, PS_ENOMEM, PS_ROOT_TOKENS, "out of memory");
                break;
            }
            out->v = v;
        }
        out->v[out->n++] = entry;
    }
    closedir(d);
    if (rc < 0)
        ps_tokens_list_free(out);
    else if (out->n > 0)
        qsort(out->v, out->n, sizeof(out->v[0]), by_size);
    return rc;
}

void ps_tokens_list_free(struct ps_tokens_list *l) {
    free(l->v);
    *l = (struct ps_tokens_list){0};
}

/* ---- reading */

static int read_parts(int dir, struct ps_token *out, struct ps_why *why) {
    struct ps_note note;
    int rc = ps_store_read_file(dir, files[0], PS_NOTE_MAX, &out->note, &out->note_n, why);
    if (rc == 0)
        rc = ps_store_read_file(dir, files[1], PS_TIMESTAMP_MAX, &out->token, &out->token_n, why);
    if (rc == 0)
        rc = ps_store_read_file(dir, files[2], PS_TIMESTAMP_CHAIN_MAX, &out->chain, &out->chain_n, why);
    if (rc < 0)
        return rc;
    rc = ps_note_parse(&note, out->note, out->note_n);
    if (rc == 0)
        rc = ps_checkpoint_parse(&out->checkpoint, note.text, note.text_len);
    if (rc == 0 && out->checkpoint.size != out->entry.size)
        rc = PS_EFORMAT;
    if (rc < 0)
        return ps_error_why(why, rc, files[0], "is not the checkpoint that the folder names");
    ps_sha256(out->sha256, out->token, out->token_n);
    return ps_timestamp_read(&out->time, out->token, out->token_n, why);
}

int ps_tokens_read(const char *root, const char *name, struct ps_token *out, struct ps_why *why) {
    *out = (struct ps_token){0};
    if (!entry_of(name, &out->entry))
        return ps_error_why(why, PS_EINVAL, name, "is no name of a token");
    int tokens = ps_root_open(root, PS_ROOT_TOKENS, why);
    if (tokens < 0)
        return tokens;
    int dir = openat(tokens, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = dir >= 0 ? read_parts(dir, out, why) : ps_root_failed(why, name, "cannot be opened");
    if (dir >= 0)
        close(dir);
    close(tokens);
    if (rc < 0)
        ps_tokens_free(out);
    return rc;
}

void ps_tokens_free(struct ps_token *t) {
    free(t->note);
    free(t->token);
    free(t->chain);
    *t = (struct ps_token){0};
}

/* ---- finding */

static bool fits(const char *root, const struct ps_tokens_entry *e, const char *origin, const char *authority,
                 struct ps_token *t) {
    if (authority != NULL && strcmp(authority, e->authority) != 0)
        return false;
    if (ps_tokens_read(root, e->name, t, NULL) < 0)
        return false;
    if (origin == NULL || strcmp(origin, t->checkpoint.origin) == 0)
        return true;
    ps_tokens_free(t);
    return false;
}

/* Of the tokens of one checkpoint, v[from..to-1], the latest or earliest. */
static bool best(const char *root, const struct ps_tokens_entry *v, size_t n, const char *origin,
                 const char *authority, bool latest, struct ps_token *out) {
    bool have = false;
    for (size_t i = 0; i < n; i++) {
        struct ps_token t;
        if (!fits(root, &v[i], origin, authority, &t))
            continue;
        /* Of two in one second the further one is the later. */
        if (have && (latest ? t.time.time_ns < out->time.time_ns : t.time.time_ns >= out->time.time_ns)) {
            ps_tokens_free(&t);
            continue;
        }
        if (have)
            ps_tokens_free(out);
        *out = t;
        have = true;
    }
    return have;
}

static int none(struct ps_why *why) {
    return ps_error_why(why, PS_ENOENT, PS_ROOT_TOKENS, "there is no such token");
}

static bool newest_of(const char *root, const struct ps_tokens_list *l, const char *origin,
                      const char *authority, struct ps_token *out) {
    for (size_t to = l->n, from; to > 0; to = from) {
        for (from = to - 1; from > 0 && l->v[from - 1].size == l->v[to - 1].size;)
            from--;
        if (best(root, &l->v[from], to - from, origin, authority, true, out))
            return true;
    }
    return false;
}

/* The name of the ledger that the station keeps now. */
static bool present_origin(const char *root, struct ps_vkey *log) {
    char path[PS_ROOT_PATH];
    uint8_t *p = NULL;
    size_t n = 0;
    bool ok = ps_root_path(root, PS_ROOT_PUBLIC "/log.vkey", path) == 0 &&
              ps_store_read_file(AT_FDCWD, path, 1024, &p, &n, NULL) == 0 &&
              ps_note_vkey_parse(log, (const char *)p, n) == 0;
    free(p);
    return ok;
}

int ps_tokens_newest(const char *root, const char *origin, const char *authority, struct ps_token *out,
                     struct ps_why *why) {
    struct ps_tokens_list l;
    struct ps_vkey log;
    *out = (struct ps_token){0};
    int rc = ps_tokens_list(root, &l, why);
    if (rc < 0)
        return rc;
    /* A ledger that was begun anew counts from nothing: the greater checkpoints are the old one's. */
    bool have = origin == NULL && l.n > 0 && present_origin(root, &log) &&
                newest_of(root, &l, log.name, authority, out);
    have = have || newest_of(root, &l, origin, authority, out);
    ps_tokens_list_free(&l);
    return have ? 0 : none(why);
}

int ps_tokens_covering(const char *root, const char *origin, const char *authority, uint64_t leaf,
                       struct ps_token *out, struct ps_why *why) {
    struct ps_tokens_list l;
    *out = (struct ps_token){0};
    int rc = ps_tokens_list(root, &l, why);
    if (rc < 0)
        return rc;
    rc = PS_ENOENT;
    for (size_t from = 0, to; from < l.n && rc != 0; from = to) {
        for (to = from + 1; to < l.n && l.v[to].size == l.v[from].size;)
            to++;
        if (l.v[from].size > leaf && best(root, &l.v[from], to - from, origin, authority, false, out))
            rc = 0;
    }
    ps_tokens_list_free(&l);
    return rc == 0 ? 0 : none(why);
}

int ps_tokens_expiring(const char *root, const char *origin, int64_t until_ns,
                       int (*found)(void *ctx, const struct ps_token *t), void *ctx, struct ps_why *why) {
    struct ps_tokens_list l;
    int rc = ps_tokens_list(root, &l, why);
    for (size_t i = 0; i < l.n && rc == 0; i++) {
        struct ps_token t;
        if (!fits(root, &l.v[i], origin, NULL, &t))
            continue;
        /* A token without its certificate tells no end; its chain was verified once, so it is asked for there. */
        struct ps_timestamp_anchor nobody = {0};
        if (t.time.authority[0] == '\0')
            (void)ps_timestamp_verify(&t.time, t.token, t.token_n, t.chain, t.chain_n, &nobody, 0, NULL);
        if (t.time.until_ns < until_ns)
            rc = found(ctx, &t);
        ps_tokens_free(&t);
    }
    ps_tokens_list_free(&l);
    return rc;
}

/* ---- writing */

int ps_tokens_lock(const char *root, struct ps_why *why) {
    int dir = ps_root_make(root, PS_ROOT_TOKENS, why);
    if (dir < 0)
        return dir;
    int fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    close(dir);
    if (fd < 0)
        return ps_root_failed(why, PS_ROOT_TOKENS, "cannot be written");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int rc = errno == EWOULDBLOCK
                     ? ps_error_why(why, PS_EBUSY, PS_ROOT_TOKENS, "another packseal stamp is at work")
                     : ps_root_failed(why, PS_ROOT_TOKENS, "cannot be locked");
        close(fd);
        return rc;
    }
    return fd;
}

/* For lists and people; nothing is judged by it. */
static int put_info(int dir, const struct ps_tokens_new *in, struct ps_why *why) {
    char time[32], asked[32], until[32], digest[65], root[65];
    uint8_t d[32];
    ps_statement_time_text(in->time->time_ns, time);
    ps_statement_time_text(in->asked_ns, asked);
    ps_statement_time_text(in->time->until_ns, until);
    ps_sha256(d, in->token, in->token_n);
    ps_bytes_hex(digest, d, 32);
    ps_bytes_hex(root, in->time->root, 32);
    json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "type",
                          "packseal-token", "version", 1, "authority", in->authority, "url", in->url,
                          "signer", in->time->authority, "origin", in->checkpoint->origin, "size",
                          (json_int_t)in->checkpoint->size, "time", time, "accuracy_us",
                          (json_int_t)(in->time->accuracy_ns / 1000), "asked", asked, "code", in->time->code,
                          "token_sha256", digest, "anchor_sha256", root, "until", until);
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(1)) : NULL;
    int rc = text != NULL ? ps_store_write_file(dir, files[3], text, strlen(text), why)
                          : ps_error_why(why, PS_ENOMEM, files[3], "out of memory");
    free(text);
    json_decref(o);
    return rc;
}

static void clear_part(int tokens) {
    int dir = openat(tokens, PART, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return;
    for (size_t i = 0; i < FILES; i++)
        unlinkat(dir, files[i], 0);
    close(dir);
    unlinkat(tokens, PART, AT_REMOVEDIR);
}

static int fill_part(int tokens, const struct ps_tokens_new *in, struct ps_why *why) {
    clear_part(tokens); /* of one that was interrupted */
    if (mkdirat(tokens, PART, 0700) != 0 || fchmodat(tokens, PART, FOLDER_MODE, 0) != 0)
        return ps_root_failed(why, PS_ROOT_TOKENS "/" PART, "cannot be made");
    int dir = openat(tokens, PART, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return ps_root_failed(why, PS_ROOT_TOKENS "/" PART, "cannot be opened");
    int rc = ps_store_write_file(dir, files[0], in->note, in->note_n, why);
    if (rc == 0)
        rc = ps_store_write_file(dir, files[1], in->token, in->token_n, why);
    if (rc == 0)
        rc = ps_store_write_file(dir, files[2], in->chain, in->chain_n, why);
    if (rc == 0)
        rc = put_info(dir, in, why);
    if (rc == 0 && fsync(dir) != 0)
        rc = ps_root_failed(why, PS_ROOT_TOKENS "/" PART, "cannot be written");
    close(dir);
    return rc;
}

/* Not every file system knows RENAME_NOREPLACE; a folder never replaces one that holds something. */
static int rename_new(int dir, const char *name) {
    if (renameat2(dir, PART, dir, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return mkdirat(dir, name, 0700) == 0 ? renameat(dir, PART, dir, name) : -1;
}

int ps_tokens_write(const char *root, const struct ps_tokens_new *in, char name[PS_TOKENS_NAME],
                    struct ps_why *why) {
    struct ps_tokens_entry check;
    int tokens = -1, rc = 0,
        n = snprintf(name, PS_TOKENS_NAME, "%012llu-%s", (unsigned long long)in->checkpoint->size,
                     in->authority);
    if (n < 0 || n >= PS_TOKENS_NAME || !entry_of(name, &check))
        return ps_error_why(why, PS_EINVAL, in->authority, "makes no name of a token");
    tokens = ps_root_open(root, PS_ROOT_TOKENS, why);
    if (tokens < 0)
        return tokens;
    rc = fill_part(tokens, in, why);
    if (rc < 0)
        goto out;
    for (unsigned nth = 2; rename_new(tokens, name) != 0; nth++) {
        if (errno != EEXIST || nth > MAX_NTH) {
            rc = ps_root_failed(why, name, "cannot get its name");
            goto out;
        }
        snprintf(name + n, (size_t)(PS_TOKENS_NAME - n), ".%u", nth);
    }
    if (fsync(tokens) != 0)
        rc = ps_root_failed(why, PS_ROOT_TOKENS, "cannot be written");
out:
    if (rc < 0)
        clear_part(tokens);
    close(tokens);
    return rc;
}
