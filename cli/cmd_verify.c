/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/files.h"
#include "cli/args.h"
#include "cli/verify_report.h"
#include "cli/words.h"
#include "evidence/bag.h"
#include "evidence/zip.h"

#define SYSTEM_TRUST "/etc/packseal/trust"

static const char help_en[] =
    "usage: packseal verify PATH... [--trust FILE] [--root DIR] [--require LIST] [--json] [--lang en|zh]\n"
    "\n"
    "Judges bundles (zip, or unpacked), clip folders and lone films. Four questions are answered apart:\n"
    "content, key, time, ledger. Needs no station, no network and no database.\n"
    "\n"
    "  --trust FILE     registered keys: a trust file or a minisign public key\n"
    "  --root DIR       take DIR/public/trust instead\n"
    "  --require LIST   words bounded,included,not-after,not-before,trusted: exit 1 unless all hold\n"
    "  --json           one object a line\n"
    "\n"
    "Exit: 0 intact or excerpt and key trusted; 1 altered, incomplete, unsigned, revoked or expired;\n"
    "2 cannot judge; 3 intact or excerpt, key unknown. Of several paths the worst of 1, 2, 3, 0.\n";

static const char help_zh[] =
    "用法:packseal verify 路径... [--trust 文件] [--root 目录] [--require 列表] [--json] [--lang en|zh]\n"
    "\n"
    "核验证据包(zip 或已解开的目录)、录像目录或单个影片。内容、密钥、时间、账本四个问题分别回答。\n"
    "不需要工位、网络或数据库。\n"
    "\n"
    "  --trust 文件     登记的密钥:信任文件或 minisign 公钥\n"
    "  --root 目录      改用 目录/public/trust\n"
    "  --require 列表   bounded,included,not-after,not-before,trusted,有一项不满足则返回 1\n"
    "  --json           每行一个对象\n"
    "\n"
    "返回:0 完好或节选且密钥已登记;1 已改动、不完整、无签名、已吊销或已过期;2 无法判断;\n"
    "3 完好或节选,密钥未登记。多个路径取 1、2、3、0 中最靠前的。\n";

enum { NEED_BOUNDED = 1, NEED_NOT_AFTER = 2, NEED_NOT_BEFORE = 4, NEED_INCLUDED = 8, NEED_TRUSTED = 16 };

static const struct {
    const char *word;
    unsigned bit;
} needs[] = {{"bounded", NEED_BOUNDED},
             {"included", NEED_INCLUDED},
             {"not-after", NEED_NOT_AFTER},
             {"not-before", NEED_NOT_BEFORE},
             {"trusted", NEED_TRUSTED}};

struct verify {
    bool json;
    unsigned need;
    struct ps_trust trust;
    bool have_trust;
    char trust_name[PS_ROOT_PATH];
    int exit; /* the worst so far; -1 before the first */
};

/* ---- what the caller asks ------------------------------------------------------------------------ */

static int parse_needs(const char *list, unsigned *need) {
    while (list != NULL && *list != 0) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < sizeof needs / sizeof needs[0] &&
               (strlen(needs[i].word) != n || strncmp(needs[i].word, list, n) != 0))
            i++;
        if (i == sizeof needs / sizeof needs[0])
            return ps_words_fail(2, ps_words("unknown requirement", "未知的要求"), list,
                                 "bounded, included, not-after, not-before, trusted");
        *need |= needs[i].bit;
        list += n + (list[n] == ',');
    }
    return 0;
}

static bool holds(const struct ps_verdict *v, unsigned bit) {
    switch (bit) {
    case NEED_BOUNDED: return v->time == PS_TIME_BOUNDED;
    case NEED_NOT_AFTER: return v->time == PS_TIME_BOUNDED || v->time == PS_TIME_NOT_AFTER;
    case NEED_NOT_BEFORE: return v->time == PS_TIME_BOUNDED || v->time == PS_TIME_NOT_BEFORE;
    case NEED_INCLUDED: return v->ledger == PS_LEDGER_INCLUDED;
    default: return v->key == PS_KEY_TRUSTED;
    }
}

static int check_needs(const struct verify *c, struct ps_verdict *v) {
    int status = 0;
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if ((c->need & needs[i].bit) == 0 || holds(v, needs[i].bit))
            continue;
        ps_verdict_problem(v, "require", needs[i].word, "asked for with --require, and it does not hold");
        status = 1;
    }
    return status;
}

static int load_trust(struct verify *c, const char *name, bool must) {
    struct ps_files *files;
    struct ps_blob b;
    struct ps_why why = {{0}, {0}};
    uint8_t *p = NULL;
    size_t n = 0;
    int err = ps_files_open(&files, name, &why);
    if (err == PS_ENOENT && !must)
        return 0;
    if (err < 0)
        return ps_words_fail(2, ps_words("cannot read the registered keys", "无法读取登记密钥"), name,
                             why.text);
    struct ps_tree t = ps_files_tree(files);
    err = ps_files_is_folder(files) ? ps_error_why(&why, PS_EFORMAT, name, "is a folder")
                                    : t.open(t.ctx, 0, &b);
    if (err == 0)
        err = ps_blob_load(&b, PS_MAX_TRUST, &p, &n);
    if (err < 0)
        (void)ps_error_why(&why, err, name, "%s", ps_error_text(err));
    else
        err = ps_trust_parse(&c->trust, p, n, &why);
    free(p);
    ps_files_close(files);
    if (err < 0) {
        char where[PS_ROOT_PATH + 160];
        (void)snprintf(where, sizeof where, "%s %s", name, why.where);
        return ps_words_fail(2, ps_words("not a trust file or public key", "不是信任文件或公钥"), where,
                             why.text);
    }
    c->have_trust = true;
    (void)snprintf(c->trust_name, sizeof c->trust_name, "%s", name);
    return 0;
}

/* --trust, else the root that was named, else the machine's. Never a root that nobody named: a checker's verdict must
 * not depend on what happens to be installed beside it. */
static int choose_trust(struct verify *c, const char *trust, const char *root_arg) {
    char root[PS_ROOT_PATH], name[PS_ROOT_PATH];
    const char *env = getenv("PACKSEAL_ROOT");
    if (trust != NULL)
        return load_trust(c, trust, true);
    if (root_arg == NULL && (env == NULL || env[0] == 0))
        return load_trust(c, SYSTEM_TRUST, false);
    if (!ps_args_root(root_arg, root))
        return 2;
    if (ps_root_path(root, PS_ROOT_PUBLIC "/trust", name) < 0)
        return ps_words_fail(2, ps_words("path too long", "路径过长"), root, NULL);
    return load_trust(c, name, root_arg != NULL);
}

/* ---- one verdict --------------------------------------------------------------------------------- */

static void count(struct verify *c, int status) {
    c->exit = c->exit < 0 ? status : ps_verdict_worst(c->exit, status);
}

static void report(struct verify *c, const char *path, const char *clip, bool bundle, struct ps_verdict *v) {
    struct ps_verify_report r = {.path = path,
                                 .clip = clip,
                                 .bundle = bundle,
                                 .v = v,
                                 .k = c->have_trust ? ps_trust_find(&c->trust, &v->signer) : NULL,
                                 .trust = c->have_trust ? c->trust_name : NULL};
    int status = bundle ? 0 : ps_verdict_exit(v);
    if (bundle && v->content != PS_CONTENT_INTACT)
        status = v->content == PS_CONTENT_UNREADABLE ? 2 : 1;
    if (!bundle && v->content != PS_CONTENT_UNREADABLE && check_needs(c, v) != 0)
        status = 1;
    if (!c->json)
        ps_verify_report_text(&r);
    else if (ps_verify_report_json(&r) < 0)
        status = ps_words_fail(2, ps_words("cannot write the answer", "无法输出结果"), path, NULL);
    count(c, status);
}

static void blank(struct ps_verdict *v) {
    *v = (struct ps_verdict){.key = PS_KEY_UNKNOWN,
                             .time = PS_TIME_SELF,
                             .ledger = PS_LEDGER_ABSENT,
                             .container = PS_CONTAINER_UNKNOWN,
                             .not_before_ns = INT64_MIN,
                             .not_after_ns = INT64_MAX};
}

static void unreadable(struct verify *c, const char *path, const char *code, const struct ps_why *why) {
    struct ps_verdict *v = malloc(sizeof *v);
    if (v == NULL) {
        count(c, ps_words_fail(2, ps_words("out of memory", "内存不足"), path, NULL));
        return;
    }
    blank(v);
    ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
    ps_verdict_problem(v, code, why->where, "%s", why->text);
    report(c, path, "", false, v);
    free(v);
}

/* The clip's name by its statement, else the folder it lies in. */
static void clip_name(const struct ps_verdict *v, const char *prefix, char out[PS_MAX_ZIP_NAME + 1]) {
    if (v->clip != NULL) {
        ps_statement_clip_name(v->clip->opening.station, v->clip->number, out);
        return;
    }
    size_t n = strlen(prefix), start;
    n -= n > 0;
    for (start = n; start > 0 && prefix[start - 1] != '/'; start--)
        ;
    (void)snprintf(out, PS_MAX_ZIP_NAME + 1, "%.*s", (int)(n - start), prefix + start);
}

static int judge_clip(struct verify *c, const struct ps_tree *t, const char *prefix, const char *data,
                      struct ps_verdict *v) {
    struct ps_verdict_input in = {
        .files = t, .prefix = prefix, .bundle = data, .trust = c->have_trust ? &c->trust : NULL};
    return ps_verdict_clip(v, &in);
}

static void clip_folder(struct verify *c, const char *path, const struct ps_tree *t) {
    char name[PS_MAX_ZIP_NAME + 1];
    struct ps_verdict *v = malloc(sizeof *v);
    if (v == NULL || judge_clip(c, t, "", NULL, v) < 0) {
        count(c, ps_words_fail(2, ps_words("out of memory", "内存不足"), path, NULL));
    } else {
        clip_name(v, "", name);
        report(c, path, name, false, v);
        ps_verdict_free(v);
    }
    free(v);
}

/* ---- bundles ------------------------------------------------------------------------------------- */

struct bundle {
    struct verify *c;
    const char *path;
    const struct ps_tree *tree;
    struct ps_bag bag;
    char (*clips)[PS_MAX_ZIP_NAME + 1]; /* prefixes in the tree, with the base */
    size_t n;
    struct ps_verdict *v, *own; /* of a clip; of the bundle itself */
};

static const char *ending(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 ? name + n - m : NULL;
}

static int compare_prefix(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A clip is where a clip.json lies, or is listed, or where one was signed. `below` is a name below the base. */
static void add_clip(struct bundle *b, const char *below) {
    const char *end = ending(below, "/clip.json");
    if (end == NULL)
        end = ending(below, "/clip.json.minisig");
    if (end == NULL || strncmp(below, "data/", 5) != 0)
        return;
    size_t base = strlen(b->bag.base), n = (size_t)(end - below) + 1;
    if (base + n > PS_MAX_ZIP_NAME)
        return;
    memcpy(b->clips[b->n], b->bag.base, base);
    memcpy(b->clips[b->n] + base, below, n);
    b->clips[b->n++][base + n] = 0;
}

static int find_clips(struct bundle *b) {
    size_t most = b->tree->n + b->bag.n, kept = 0;
    b->clips = calloc(most + 1, sizeof *b->clips);
    if (b->clips == NULL)
        return PS_ENOMEM;
    for (size_t i = 0; i < b->tree->n; i++)
        add_clip(b, b->tree->name(b->tree->ctx, i) + strlen(b->bag.base));
    for (size_t i = 0; i < b->bag.n; i++)
        if (b->bag.entries[i].file == PS_BAG_MISSING)
            add_clip(b, b->bag.entries[i].name);
    qsort(b->clips, b->n, sizeof *b->clips, compare_prefix);
    for (size_t i = 0; i < b->n; i++)
        if (i == 0 || strcmp(b->clips[i], b->clips[i - 1]) != 0)
            memmove(b->clips[kept++], b->clips[i], sizeof *b->clips);
    b->n = kept;
    return 0;
}

/* A film whose digest the verdict has just compared need not be read a third time; one of another size than the
 * statement's may be anything, and the verdict has said so. */
static int check_entry(const struct bundle *b, const struct ps_verdict *v, const struct ps_bag_entry *e,
                       size_t i, const char *name) {
    struct ps_blob blob;
    const struct ps_clip *clip = v->clip;
    for (uint32_t k = 0; clip != NULL && k < clip->n_tracks; k++) {
        const struct ps_file_ref *f = &clip->tracks[k].file;
        if (strcmp(f->name, name) != 0)
            continue;
        if (v->container == PS_CONTAINER_AS_RECORDED)
            return memcmp(f->sha256, e->sha256, 32) == 0 ? 0 : PS_ESIG;
        bool cut = v->content == PS_CONTENT_EXCERPT; /* smaller than recorded, as it should be */
        if (b->tree->open(b->tree->ctx, e->file, &blob) == 0 && blob.size != f->size &&
            (!cut || blob.size > f->size))
            return memcmp(f->sha256, e->sha256, 32) == 0 ? PS_ESIG : PS_ELIMIT;
    }
    return ps_bag_check(&b->bag, i);
}

static void tell_entry(struct ps_verdict *v, const char *name, int err) {
    if (err == PS_ESIG) {
        ps_verdict_worsen(v, PS_CONTENT_ALTERED);
        ps_verdict_problem(v, "manifest-mismatch", name, "another file than manifest-sha256.txt lists");
    } else if (err == PS_ELIMIT) {
        ps_verdict_problem(v, "manifest-unchecked", name,
                           "not of the recorded size; only its pictures were compared");
    } else if (err < 0) {
        ps_verdict_worsen(v, PS_CONTENT_UNREADABLE);
        ps_verdict_problem(v, "file-unreadable", name, "%s", ps_error_text(err));
    }
}

static bool told(const struct ps_verdict *v, const char *code, const char *where) {
    for (size_t i = 0; i < v->n_problems; i++)
        if (strcmp(v->problems[i].code, code) == 0 && strcmp(v->problems[i].where, where) == 0)
            return true;
    return false;
}

/* Manifest entries below a prefix, or those below no clip. */
static void check_entries(struct bundle *b, const char *prefix, struct ps_verdict *v) {
    size_t base = strlen(b->bag.base), n = strlen(prefix) - (prefix[0] != 0 ? base : 0);
    const char *below = prefix[0] != 0 ? prefix + base : "";
    for (size_t i = 0; i < b->bag.n; i++) {
        const struct ps_bag_entry *e = &b->bag.entries[i];
        bool mine = strncmp(e->name, below, n) == 0;
        for (size_t k = 0; prefix[0] == 0 && mine && k < b->n; k++)
            mine = strncmp(e->name, b->clips[k] + base, strlen(b->clips[k] + base)) != 0;
        if (!mine)
            continue;
        if (e->file != PS_BAG_MISSING) {
            tell_entry(v, e->name + n, check_entry(b, v, e, i, e->name + n));
        } else if (!told(v, "file-missing", e->name + n)) {
            ps_verdict_worsen(v, PS_CONTENT_INCOMPLETE);
            ps_verdict_problem(v, "file-missing", e->name + n, "the manifest lists it, and it is not there");
        }
    }
}

static void check_unlisted(struct bundle *b, const char *prefix, struct ps_verdict *v) {
    for (size_t i = 0; i < b->bag.n_unlisted; i++) {
        const char *name = b->tree->name(b->tree->ctx, b->bag.unlisted[i]);
        size_t n = strlen(prefix);
        bool mine = strncmp(name, prefix, n) == 0;
        for (size_t k = 0; n == 0 && mine && k < b->n; k++)
            mine = strncmp(name, b->clips[k], strlen(b->clips[k])) != 0;
        if (mine)
            ps_verdict_problem(v, "bag-unlisted", name + n, "in the bundle, but in no manifest");
    }
}

static int bundle_clip(struct bundle *b, size_t i) {
    char name[PS_MAX_ZIP_NAME + 1];
    char data[PS_MAX_ZIP_NAME + 8];
    (void)snprintf(data, sizeof data, "%sdata/", b->bag.base);
    int err = judge_clip(b->c, b->tree, b->clips[i], data, b->v);
    if (err < 0)
        return err;
    check_entries(b, b->clips[i], b->v);
    check_unlisted(b, b->clips[i], b->v);
    clip_name(b->v, b->clips[i], name);
    report(b->c, b->path, name, false, b->v);
    ps_verdict_free(b->v);
    return 0;
}

/* What concerns no clip: instructions, keys, manifests. Told only when there is something to tell. */
static void bundle_itself(struct bundle *b) {
    struct ps_verdict *v = b->own;
    blank(v);
    for (size_t i = 0; i < b->bag.n_tags; i++) {
        bool gone = b->bag.tags[i].file == PS_BAG_MISSING;
        ps_verdict_worsen(v, gone ? PS_CONTENT_INCOMPLETE : PS_CONTENT_ALTERED);
        ps_verdict_problem(v, gone ? "file-missing" : "manifest-mismatch", b->bag.tags[i].name,
                           gone ? "tagmanifest-sha256.txt lists it, and it is not there"
                                : "another file than tagmanifest-sha256.txt lists");
    }
    check_entries(b, "", v);
    check_unlisted(b, "", v);
    if (v->n_problems > 0)
        report(b->c, b->path, "", true, v);
}

static void bundle(struct verify *c, const char *path, const struct ps_tree *t) {
    struct bundle b = {.c = c, .path = path, .tree = t};
    struct ps_why why = {{0}, {0}};
    int err = ps_bag_open(&b.bag, t, &why);
    if (err < 0 && err != PS_ENOMEM) {
        unreadable(c, path, "bag-refused", &why);
        return;
    }
    b.v = malloc(sizeof *b.v);
    b.own = malloc(sizeof *b.own);
    if (err == 0)
        err = b.v == NULL || b.own == NULL ? PS_ENOMEM : find_clips(&b);
    if (err == 0 && b.n == 0) {
        (void)ps_error_why(&why, 0, "data/", "no clip in this bundle");
        unreadable(c, path, "bag-refused", &why);
    }
    for (size_t i = 0; err == 0 && i < b.n; i++)
        err = bundle_clip(&b, i);
    if (err == 0)
        bundle_itself(&b);
    if (err < 0)
        count(c, ps_words_fail(2, ps_words("cannot judge", "无法判断"), path, ps_error_text(err)));
    free(b.clips);
    free(b.own);
    free(b.v);
    ps_bag_free(&b.bag);
}

/* ---- paths --------------------------------------------------------------------------------------- */

static void zip_file(struct verify *c, const char *path, const struct ps_blob *file) {
    struct ps_zip z;
    struct ps_why why = {{0}, {0}};
    if (ps_zip_open(&z, file, &why) < 0) {
        unreadable(c, path, "zip-refused", &why);
        return;
    }
    struct ps_tree t = ps_zip_tree(&z);
    bundle(c, path, &t);
    ps_zip_free(&z);
}

static void film_file(struct verify *c, const char *path, const struct ps_blob *file) {
    struct ps_verdict *v = malloc(sizeof *v);
    if (v == NULL || ps_verdict_film(v, file) < 0)
        count(c, ps_words_fail(2, ps_words("out of memory", "内存不足"), path, NULL));
    else
        report(c, path, "", false, v);
    free(v);
}

/* What a file is, its first bytes say, else its name: a torn zip is still to be called a zip. */
static void one_file(struct verify *c, const char *path, const struct ps_tree *t) {
    struct ps_blob b;
    struct ps_why why;
    uint8_t head[8] = {0};
    if (t->open(t->ctx, 0, &b) < 0 || ps_blob_read(&b, 0, head, b.size < 8 ? (size_t)b.size : 8) < 0) {
        count(c, ps_words_fail(2, ps_words("cannot read", "无法读取"), path,
                               ps_words("check the file", "请检查该文件")));
        return;
    }
    if (memcmp(head, "PK", 2) == 0 || ending(path, ".zip") != NULL) {
        zip_file(c, path, &b);
    } else if (memcmp(head + 4, "ftyp", 4) == 0 || ending(path, ".mp4") != NULL) {
        film_file(c, path, &b);
    } else {
        (void)ps_error_why(&why, 0, "byte 0", "neither a zip nor an MP4 film");
        unreadable(c, path, "format-unknown", &why);
    }
}

/* A declaration directly in it, or in its one folder. */
static bool is_bag(const struct ps_tree *t) {
    for (size_t i = 0; i < t->n; i++) {
        const char *name = t->name(t->ctx, i), *slash = strchr(name, '/');
        if (strcmp(slash != NULL ? slash + 1 : name, "bagit.txt") == 0)
            return true;
    }
    return false;
}

static void one_folder(struct verify *c, const char *path, const struct ps_tree *t) {
    struct ps_why why;
    if (ps_tree_find(t, "clip.json") >= 0 || ps_tree_find(t, "clip.json.minisig") >= 0) {
        clip_folder(c, path, t);
    } else if (is_bag(t)) {
        bundle(c, path, t);
    } else {
        (void)ps_error_why(&why, 0, "clip.json", "not there: neither a clip's folder nor an unpacked bundle");
        unreadable(c, path, "format-unknown", &why);
    }
}

static void one_path(struct verify *c, const char *path) {
    struct ps_files *files;
    struct ps_why why = {{0}, {0}};
    int err = ps_files_open(&files, path, &why);
    if (err < 0) {
        char where[PS_ROOT_PATH + 160];
        bool same = strncmp(path, why.where, sizeof why.where - 1) == 0;
        (void)snprintf(where, sizeof where, "%.1000s%s%s", path, same ? "" : " ", same ? "" : why.where);
        count(c, ps_words_fail(2, ps_words("cannot read", "无法读取"), where, why.text));
        return;
    }
    struct ps_tree t = ps_files_tree(files);
    if (ps_files_is_folder(files))
        one_folder(c, path, &t);
    else
        one_file(c, path, &t);
    ps_files_close(files);
}

int ps_cmd_verify(int argc, char **argv) {
    struct verify c = {.exit = -1};
    const char *trust = NULL, *root = NULL, *require = NULL;
    int n = 0;
    const struct ps_args_option options[] = {
        {"--trust", NULL, PS_ARGS_TEXT, &trust},
        {"--root", NULL, PS_ARGS_TEXT, &root},
        {"--require", NULL, PS_ARGS_TEXT, &require},
        {"--json", NULL, PS_ARGS_FLAG, &c.json},
        {0},
    };
    const struct ps_args_spec spec = {"verify", help_en, help_zh, options, 1, UINT32_MAX};
    int status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    status = parse_needs(require, &c.need);
    if (status == 0)
        status = choose_trust(&c, trust, root);
    if (status == 0) {
        for (int i = 0; i < n; i++)
            one_path(&c, argv[i]);
        if (!c.json)
            ps_verify_report_end(c.have_trust ? c.trust_name : NULL);
        status = c.exit;
    }
    if (fflush(stdout) != 0)
        status = ps_words_fail(2, ps_words("cannot write the answer", "无法输出结果"), strerror(errno), NULL);
    ps_trust_free(&c.trust);
    return status;
}
