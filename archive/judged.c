/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/judged.h"
#include "archive/files.h"
#include "archive/outside.h"
#include "archive/root.h"
#include "archive/store.h"
#include "evidence/limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA "data/"

/* ---- the clip's files and what stands beside them, as one tree */

struct joint {
    struct ps_tree disk; /* first those on disk, then the others */
    struct ps_outside outside;
    char (*names)[PS_MAX_ZIP_NAME + 1];
    size_t n;
};

static const char *joint_name(void *ctx, size_t i) {
    const struct joint *t = ctx;
    return t->names[i];
}

static int joint_open(void *ctx, size_t i, struct ps_blob *out) {
    const struct joint *t = ctx;
    if (i < t->disk.n)
        return t->disk.open(t->disk.ctx, i, out);
    const struct ps_outside_file *f = &t->outside.files[i - t->disk.n];
    *out = ps_blob_of_memory(f->p, f->n);
    return 0;
}

static int join(struct joint *t, const char *clip) {
    t->n = t->disk.n + t->outside.n;
    t->names = calloc(t->n + 1, sizeof(*t->names));
    if (t->names == NULL)
        return PS_ENOMEM;
    for (size_t i = 0; i < t->n; i++) {
        const struct ps_outside_file *f = i < t->disk.n ? NULL : &t->outside.files[i - t->disk.n];
        int n = snprintf(t->names[i], sizeof(t->names[i]), DATA "%s/%s", f != NULL ? f->folder : clip,
                         f != NULL ? f->name : t->disk.name(t->disk.ctx, i));
        if (n < 0 || n >= (int)sizeof(t->names[i]))
            return PS_ELIMIT;
    }
    return 0;
}

static int judge(struct ps_verdict *v, const struct ps_judged *j, struct joint *t, const char *clip) {
    char prefix[PS_MAX_ZIP_NAME + 1];
    int err = join(t, clip);
    if (err < 0)
        return err;
    snprintf(prefix, sizeof(prefix), DATA "%s/", clip);
    const struct ps_tree tree = {.ctx = t, .n = t->n, .name = joint_name, .open = joint_open};
    const struct ps_verdict_input in = {.files = &tree,
                                        .prefix = prefix,
                                        .bundle = DATA,
                                        .trust = j->trust,
                                        .progress = j->progress,
                                        .progress_ctx = j->ctx};
    return ps_verdict_clip(v, &in);
}

/* What cannot be had (no ledger here, a damaged token) leaves the answers that need it open, as in a bundle without it. */
static int stand_beside(struct joint *t, const struct ps_judged *j) {
    struct ps_clip *clip = NULL;
    int err = ps_store_load(j->root, j->path, &clip, NULL);
    if (err == 0)
        err = ps_outside_clip(&t->outside, j->root, j->path, clip, NULL);
    if (err != PS_ENOMEM && clip != NULL)
        err = ps_outside_keys(&t->outside, j->root, clip, NULL);
    ps_statement_free(clip);
    return err == PS_ENOMEM ? err : 0;
}

int ps_judged_clip(struct ps_verdict *v, const struct ps_judged *j, struct ps_why *why) {
    char folder[PS_ROOT_PATH];
    const char *slash = strrchr(j->path, '/');
    struct ps_files *files = NULL;
    struct joint t = {.n = 0};
    int err = ps_root_path(j->root, j->path, folder);
    if (err < 0)
        return ps_error_why(why, err, j->path, "the path is too long");
    err = ps_files_open(&files, folder, why);
    if (err < 0)
        return err;
    t.disk = ps_files_tree(files);
    err = stand_beside(&t, j);
    if (err == 0)
        err = judge(v, j, &t, slash != NULL ? slash + 1 : j->path);
    if (err < 0)
        ps_error_why(why, err, j->path, "%s", ps_error_text(err));
    free(t.names);
    ps_outside_free(&t.outside);
    ps_files_close(files);
    return err;
}

int ps_judged_trust(struct ps_trust *trust, const char *root, struct ps_why *why) {
    uint8_t *p = NULL;
    size_t n = 0;
    int dir = ps_root_open(root, PS_ROOT_PUBLIC, why);
    if (dir < 0)
        return dir;
    int err = ps_store_read_file(dir, "trust", PS_MAX_TRUST, &p, &n, why);
    if (err == 0)
        err = ps_trust_parse(trust, p, n, why);
    free(p);
    close(dir);
    return err;
}

/* ---- for programs */

static json_t *json_bound(int64_t wall_ns, int64_t none) {
    char text[32];
    if (wall_ns == none)
        return json_null();
    ps_statement_time_text(wall_ns, text);
    return json_string(text);
}

static json_t *json_problems(const struct ps_verdict *v) {
    json_t *list = json_array();
    for (size_t i = 0; i < v->n_problems; i++) {
        const struct ps_problem *p = &v->problems[i];
        json_t *one = json_pack("{ssssss}", "code", p->code, "where", p->where, "text", p->text);
        if (one == NULL || json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Those of the caller's that cosigned; the time is null where it is none. */
static json_t *json_witnesses(const struct ps_verdict *v) {
    json_t *list = json_array();
    for (unsigned i = 0; i < v->n_witnesses; i++) {
        json_t *one = json_pack("{ssso}", "name", v->witnesses[i].name, "time",
                                json_bound(v->witnesses[i].time_ns, INT64_MIN));
        if (one == NULL || json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void ps_judged_signer(const struct ps_verdict *v, char out[57]) {
    static const struct ps_pubkey none;
    out[0] = 0;
    if (memcmp(v->signer.key, none.key, sizeof(none.key)) != 0)
        ps_minisign_pubkey_text(&v->signer, out);
}

json_t *ps_judged_json(const struct ps_verdict *v, bool bundle) {
    char key[57];
    json_t *o = json_pack("{ss}", "content", ps_verdict_content(v->content, false));
    int bad = o == NULL;
    if (!bad && !bundle) {
        ps_judged_signer(v, key);
        bad |= json_object_set_new(o, "key", json_string(ps_verdict_key(v->key, false)));
        bad |= json_object_set_new(
            o, "time",
            json_pack("{sososs}", "not_before", json_bound(v->not_before_ns, INT64_MIN), "not_after",
                      json_bound(v->not_after_ns, INT64_MAX), "basis", ps_verdict_time(v->time, false)));
        bad |= json_object_set_new(o, "ledger", json_string(ps_verdict_ledger(v->ledger, false)));
        bad |= json_object_set_new(o, "witnesses", json_witnesses(v));
        bad |= json_object_set_new(o, "container", json_string(ps_verdict_container(v->container)));
        bad |= json_object_set_new(o, "signer", json_string(key));
    }
    if (!bad) {
        bad |= json_object_set_new(o, "problems", json_problems(v));
        bad |= json_object_set_new(o, "problems_more", json_integer((json_int_t)v->n_more));
    }
    if (bad)
        json_decref(o);
    return bad ? NULL : o;
}
