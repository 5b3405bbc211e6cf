/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive/store.h"
#include "cli/ledger.h"
#include "cli/ledger_link.h"
#include "cli/words.h"
#include "evidence/audit.h"
#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/tile.h"

#define ENTRIES_PIECE ((size_t)1 << 20)
#define BUNDLE_MAX ((size_t)PS_TILE_WIDTH * (2 + PS_MAX_LEAF))
#define PENDING_MAX 64 /* half-done clips that are looked into */

struct check {
    const char *root;
    int root_fd, ledger; /* folders */
    bool json, shown;    /* shown: progress on a terminal */
    struct ps_vkey key;
    uint8_t log[16];
    struct ps_audit *audit;
    struct ps_ledger_intakes intakes;
    struct ps_ledger_links links;
    uint64_t *offset; /* of each entry in the file, and the end of the last */
    size_t offset_cap;
    uint64_t read; /* bytes of entries that were audited */
    int entries;
    struct ps_checkpoint head; /* ledger/checkpoint */
    bool have_head;
    char note[PS_NOTE_MAX];
    uint64_t problems, folders, earlier, remembered, pending[PENDING_MAX], done;
    size_t n_pending;
    uint8_t want[BUNDLE_MAX], got[BUNDLE_MAX];
};

/* ---- telling ------------------------------------------------------------------------------------------ */

static void progress(struct check *c) {
    if (c->shown && ++c->done % 1000 == 0)
        fprintf(stderr, "\r%" PRIu64, c->done);
}

static void problem(struct check *c, const char *code, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void problem(struct check *c, const char *code, const char *where, const char *fmt, ...) {
    char text[512];
    struct ps_why clean;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)ps_error_why(&clean, 0, where, "%s", text);
    c->problems++;
    if (c->shown)
        fputs("\r          \r", stderr);
    if (!c->json) {
        printf("%s: %s: %s\n", code, clean.where, clean.text);
        return;
    }
    json_t *o = json_pack("{ssssss}", "problem", code, "where", clean.where, "text", clean.text);
    char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    if (line != NULL)
        puts(line);
    free(line);
    json_decref(o);
}

/* Has the signer written more since the entries were read? Then what is newer than they is no fault. */
static bool grown(const struct check *c) {
    struct stat st;

    return fstat(c->entries, &st) == 0 && (uint64_t)st.st_size > c->read;
}

/* ---- entries ------------------------------------------------------------------------------------------ */

static int note_offset(struct check *c, uint64_t at) {
    uint64_t i = ps_audit_size(c->audit);

    if (i >= c->offset_cap) {
        size_t cap = c->offset_cap == 0 ? 1024 : c->offset_cap * 2;
        uint64_t *p = reallocarray(c->offset, cap, sizeof(*p));
        if (p == NULL)
            return PS_ENOMEM;
        c->offset = p;
        c->offset_cap = cap;
    }
    c->offset[i] = at;
    return 0;
}

/* As many whole entries as p holds; *used gets their bytes. */
static int audit_piece(struct check *c, const uint8_t *p, size_t n, size_t *used) {
    struct ps_why why;

    for (*used = 0; n - *used >= 2;) {
        size_t len = (size_t)p[*used] << 8 | p[*used + 1];
        if (n - *used - 2 < len)
            return 0;
        int err = ps_audit_leaf(c->audit, p + *used + 2, len, &why);
        if (err == PS_ESTATE) {
            problem(c, "entry-rule", why.where, "%s", why.text);
        } else if (err != 0) {
            problem(c, "entry-broken", why.where, "%s", why.text);
            return err;
        }
        if (ps_ledger_intake_leaf(&c->intakes, p + *used + 2, len) < 0 ||
            ps_ledger_link_leaf(&c->links, p + *used + 2, len) < 0)
            return PS_ENOMEM;
        *used += 2 + len;
        c->read += 2 + len;
        if (note_offset(c, c->read) != 0)
            return PS_ENOMEM;
        progress(c);
    }
    return 0;
}

static int audit_entries(struct check *c) {
    uint8_t *piece = malloc(ENTRIES_PIECE);
    size_t used = 1;
    ssize_t n = 0;
    int err = piece == NULL || note_offset(c, 0) != 0 ? PS_ENOMEM : 0;

    while (err == 0 && used > 0 && (n = pread(c->entries, piece, ENTRIES_PIECE, (off_t)c->read)) > 0)
        err = audit_piece(c, piece, (size_t)n, &used);
    if (err == 0 && n < 0) {
        problem(c, "entries-unreadable", "ledger/entries", "%s", strerror(errno));
        err = PS_EIO;
    } else if (err == 0 && n > 0) {
        /* An entry in the making is whole a moment later. */
        const struct timespec moment = {.tv_nsec = 300000000};
        nanosleep(&moment, NULL);
        if (!grown(c) || pread(c->entries, piece, ENTRIES_PIECE, (off_t)c->read) == n)
            problem(c, "entry-broken", "ledger/entries", "%zd bytes at the end are no entry", n);
    }
    free(piece);
    return err;
}

/* ---- checkpoints -------------------------------------------------------------------------------------- */

static void judge_checkpoint(struct check *c, const struct ps_checkpoint *k, const char *where) {
    int err = ps_audit_checkpoint(c->audit, k);

    if (err == PS_ELIMIT && !grown(c))
        problem(c, "checkpoint-ahead", where,
                "is of a ledger with %" PRIu64 " entries, this one has %" PRIu64
                ": entries were removed, or an old copy restored",
                k->size, ps_audit_size(c->audit));
    if (err == PS_ESIG)
        problem(c, "checkpoint-fork", where,
                "is signed, and of another history than this ledger's first %" PRIu64 " entries", k->size);
}

/* A checkpoint that somebody kept. Those of other origins, of earlier ledgers for instance, are counted. */
static void remembered(struct check *c, int dir, const char *name, const char *where) {
    struct ps_checkpoint k;
    struct ps_note note;
    size_t n = 0;
    char *text = ps_ledger_read(dir, name, PS_NOTE_MAX, &n);

    if (text == NULL) {
        if (errno != ENOENT)
            problem(c, "checkpoint-unreadable", where, "%s", strerror(errno));
        return;
    }
    progress(c);
    int err = ps_checkpoint_open(&k, text, n, &c->key);
    if (err == 0) {
        c->remembered++;
        judge_checkpoint(c, &k, where);
    } else if (ps_note_parse(&note, text, n) != 0 || ps_checkpoint_parse(&k, note.text, note.text_len) != 0) {
        problem(c, "checkpoint-invalid", where, "is no checkpoint");
    } else if (strcmp(k.origin, c->key.name) == 0) {
        problem(c, "checkpoint-invalid", where, "bears no valid signature of this ledger's key");
    } else {
        c->earlier++;
    }
    free(text);
}

static void remembered_in(struct check *c, const char *folder, const char *inside) {
    char name[512], where[640];
    int fd = openat(c->root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s%s", e->d_name, inside);
        snprintf(where, sizeof(where), "%s/%s", folder, name);
        remembered(c, fd, name, where);
    }
    closedir(d);
}

/* Before the entries are read, so that they reach at least as far. */
static void read_head(struct check *c) {
    size_t n = 0;
    char *text = ps_ledger_read(c->ledger, "checkpoint", PS_NOTE_MAX, &n);

    if (text == NULL) {
        problem(c, "checkpoint-missing", "ledger/checkpoint", "%s: start the signer, it makes one",
                strerror(errno));
        return;
    }
    int err = ps_checkpoint_open(&c->head, text, n, &c->key);
    free(text);
    if (err != 0)
        problem(c, "checkpoint-invalid", "ledger/checkpoint", "bears no valid signature of public/log.vkey");
    c->have_head = err == 0;
}

/* ---- tiles -------------------------------------------------------------------------------------------- */

/* What the tile must hold, into c->want: its length, or PS_EINVAL when the entries do not reach so far. */
static int wanted(struct check *c, int level, uint64_t index, unsigned width) {
    if (level != PS_TILE_ENTRIES) {
        int err = ps_audit_tile(c->audit, level, index, width, c->want);
        return err == 0 ? (int)width * 32 : err;
    }
    uint64_t first = index * PS_TILE_WIDTH, size = ps_audit_size(c->audit);
    if (first > size || width > size - first)
        return PS_EINVAL;
    uint64_t n = c->offset[first + width] - c->offset[first];
    if (n > sizeof(c->want) || pread(c->entries, c->want, n, (off_t)c->offset[first]) != (ssize_t)n)
        return PS_EIO;
    return (int)n;
}

static void check_tile(struct check *c, const char *path, int level, uint64_t index, unsigned width) {
    char where[600];
    size_t n = 0;
    int want = wanted(c, level, index, width);

    snprintf(where, sizeof(where), "ledger/%s", path);
    progress(c);
    if (want < 0) {
        if (!grown(c))
            problem(c, "tile-ahead", where, "is of a longer ledger than ledger/entries");
        return;
    }
    char *text = ps_ledger_read(c->ledger, path, BUNDLE_MAX, &n);
    if (text == NULL && errno != ENOENT)
        problem(c, "tile-unreadable", where, "%s", strerror(errno));
    if (text != NULL && (n != (size_t)want || memcmp(text, c->want, n) != 0))
        problem(c, "tile-differs", where, "is not what the entries make");
    free(text);
}

/* The tile of a path like tile/0/x001/234.p/5: the one whose name is just this. */
static bool parse_tile(const char *path, int *level, uint64_t *index, unsigned *width) {
    char again[PS_TILE_PATH];
    const char *p = path + strlen("tile/");

    *width = PS_TILE_WIDTH;
    *index = 0;
    if (strncmp(p, "entries/", 8) == 0) {
        *level = PS_TILE_ENTRIES;
        p += 8;
    } else {
        if (p[0] < '0' || p[0] > '7' || p[1] != '/')
            return false;
        *level = p[0] - '0';
        p += 2;
    }
    for (; *p != '\0' && *p != '.'; p++) {
        if (*p >= '0' && *p <= '9' && *index < UINT64_MAX / 20)
            *index = *index * 10 + (uint64_t)(*p - '0');
        else if (*p != 'x' && *p != '/')
            return false;
    }
    if (*p == '.') {
        if (strncmp(p, ".p/", 3) != 0)
            return false;
        *width = (unsigned)strtoul(p + 3, NULL, 10);
    }
    return *width >= 1 && *width <= PS_TILE_WIDTH && ps_tile_path(again, *level, *index, *width) == 0 &&
           strcmp(again, path) == 0;
}

/* Every file below ledger/tile is a tile, and right. */
static void walk_tiles(struct check *c, const char *folder, int depth) {
    char path[512], where[600];
    int fd = openat(c->ledger, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (d == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        int level;
        uint64_t index;
        unsigned width;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (n < (int)sizeof(path) && depth < 12 && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode)) {
            walk_tiles(c, path, depth + 1);
        } else if (n < (int)sizeof(path) && parse_tile(path, &level, &index, &width)) {
            check_tile(c, path, level, index, width);
        } else {
            snprintf(where, sizeof(where), "ledger/%s", path);
            problem(c, "tile-unknown", where, "is no tile");
        }
    }
    closedir(d);
}

static int tile_is_there(void *ctx, int level, uint64_t index, unsigned width) {
    struct check *c = ctx;
    char path[PS_TILE_PATH], full[PS_TILE_PATH], where[PS_TILE_PATH + 16];

    ps_tile_path(path, level, index, width);
    ps_tile_path(full, level, index, PS_TILE_WIDTH);
    if (faccessat(c->ledger, path, F_OK, 0) == 0 || faccessat(c->ledger, full, F_OK, 0) == 0)
        return 0;
    snprintf(where, sizeof(where), "ledger/%s", path);
    problem(c, "tile-missing", where, "is missing: start the signer, it makes it anew");
    return 0;
}

/* ---- clips -------------------------------------------------------------------------------------------- */

static const char *code_of(int err) {
    switch (err) {
    case PS_ENOENT: return "clip-unknown";
    case PS_EFORMAT: return "clip-open-leaf";
    case PS_ESTATE: return "clip-unsealed";
    default: return "clip-seal";
    }
}

static int on_folder(void *ctx, const char *path, const char *name) {
    struct check *c = ctx;
    struct ps_clip *clip = NULL;
    struct ps_why why = {0};
    uint8_t *text = NULL, digest[32];
    char where[PS_ROOT_PATH + 32];
    size_t n = 0;
    int dir = openat(c->root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    (void)name;
    c->folders++;
    progress(c);
    int err = dir < 0 ? PS_EIO : ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &text, &n, &why);
    if (err == 0)
        err = ps_statement_parse(&clip, text, n, &why);
    if (err < 0) {
        problem(c, "clip-unreadable", path, "%s: %s", why.where, why.text);
        goto out;
    }
    snprintf(where, sizeof(where), "%s/checkpoint", path);
    remembered(c, dir, "checkpoint", where);
    if (memcmp(clip->ledger_key, c->key.key, sizeof(clip->ledger_key)) != 0) {
        c->earlier++;
        goto out;
    }
    ps_sha256(digest, text, n);
    err = ps_audit_statement(c->audit, clip, digest, &why);
    if (err != 0 && !(err == PS_ENOENT && clip->number >= ps_audit_size(c->audit) && grown(c)) &&
        !(err == PS_ESTATE && grown(c)))
        problem(c, code_of(err), path, "%s %s", why.where, why.text);
out:
    ps_statement_free(clip);
    free(text);
    if (dir >= 0)
        close(dir);
    return 0;
}

/* The clip's number in a half-done clip's log, so that a clip that is just being recorded is no problem. */
static int on_part(void *ctx, const char *id) {
    struct check *c = ctx;
    int dir = -1;
    char *line = NULL;
    size_t cap = 0;

    if (c->n_pending == PENDING_MAX || ps_store_part_open(c->root, id, &dir, NULL) < 0)
        return 0;
    int fd = openat(dir, "recording.log", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (f == NULL && fd >= 0)
        close(fd);
    for (int i = 0; f != NULL && i < 64 && getline(&line, &cap, f) > 0; i++) {
        json_t *o = json_loads(line, 0, NULL);
        const char *what = json_string_value(json_object_get(o, "log"));
        if (what != NULL && strcmp(what, "opened") == 0 && c->n_pending < PENDING_MAX)
            c->pending[c->n_pending++] = (uint64_t)json_integer_value(json_object_get(o, "clip"));
        json_decref(o);
    }
    free(line);
    if (f != NULL)
        fclose(f);
    close(dir);
    return 0;
}

static bool is_pending(const struct check *c, uint64_t clip) {
    for (size_t i = 0; i < c->n_pending; i++)
        if (c->pending[i] == clip)
            return true;
    return false;
}

static void check_clips(struct check *c) {
    size_t n;
    char where[64];
    const struct ps_audit_clip *clips = ps_audit_clips(c->audit, &n);

    for (size_t i = 0; i < n; i++) {
        const struct ps_audit_clip *k = &clips[i];
        snprintf(where, sizeof(where), "clip %" PRIu64, k->number);
        if (is_pending(c, k->number))
            continue;
        if (k->end == 0 && !grown(c))
            problem(c, "open-without-end", where, "was opened, and neither sealed nor aborted since");
        else if (k->end_type == PS_LEAF_SEAL && !k->seen && k->tomb == 0)
            problem(c, "clip-missing", where,
                    "was sealed in entry %" PRIu64
                    ", but no folder holds what was sealed, and no tombstone says why",
                    k->end);
    }
}

/* ---- intakes, links ------------------------------------------------------------------------------------ */

static void intake_problem(void *ctx, const char *code, const char *where, const char *text) {
    problem(ctx, code, where, "%s", text);
}

static void intake_checkpoint(void *ctx, int dir, const char *name, const char *where) {
    remembered(ctx, dir, name, where);
}

static int intake_newer(void *ctx, uint64_t index) {
    struct check *c = ctx;

    return index >= ps_audit_size(c->audit) && grown(c);
}

static void check_beside(struct check *c) {
    const struct ps_ledger_intake_tell tell = {
        .ctx = c, .problem = intake_problem, .checkpoint = intake_checkpoint, .newer = intake_newer};

    ps_ledger_intake_check(&c->intakes, c->root, c->key.key, &tell);
    ps_ledger_link_check(&c->links, c->root, c->key.key, &tell);
    c->earlier += c->intakes.earlier + c->links.earlier;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static void summary(const struct check *c) {
    uint8_t root[32];
    char hex[65];
    size_t n;
    uint64_t open = 0, tombs = 0;
    const struct ps_audit_clip *clips = ps_audit_clips(c->audit, &n);

    for (size_t i = 0; i < n; i++) {
        open += clips[i].end == 0;
        tombs += clips[i].tomb != 0;
    }
    ps_audit_root(c->audit, ps_audit_size(c->audit), root);
    ps_bytes_hex(hex, root, 32);
    if (c->json) {
        json_t *o = json_pack(
            "{sssIsIsssIsIsIsIsIsIsIsIsIsIsIsI}", "ledger", c->key.name, "entries",
            (json_int_t)ps_audit_size(c->audit), "checkpoint", (json_int_t)(c->have_head ? c->head.size : 0),
            "root", hex, "clips", (json_int_t)n, "sealed", (json_int_t)ps_audit_count(c->audit, PS_LEAF_SEAL),
            "aborted", (json_int_t)ps_audit_count(c->audit, PS_LEAF_ABORT), "open", (json_int_t)open,
            "tombstones", (json_int_t)tombs, "keys", (json_int_t)ps_audit_count(c->audit, PS_LEAF_KEY),
            "folders", (json_int_t)c->folders, "checkpoints", (json_int_t)c->remembered, "earlier",
            (json_int_t)c->earlier, "intakes", (json_int_t)c->intakes.folders, "links",
            (json_int_t)c->links.files, "problems", (json_int_t)c->problems);
        char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
        if (line != NULL)
            puts(line);
        free(line);
        json_decref(o);
        return;
    }
    printf(ps_words("ledger      %s\n"
                    "entries     %" PRIu64 ", in the checkpoint %" PRIu64 "\n"
                    "root        %s\n"
                    "clips       %zu: %" PRIu64 " sealed, %" PRIu64 " aborted, %" PRIu64 " open, %" PRIu64
                    " with a tombstone\n"
                    "keys        %" PRIu64 " entries: changed, certified, revoked\n"
                    "compared    %" PRIu64 " clip folders, %" PRIu64 " intakes, %" PRIu64 " links, %" PRIu64
                    " checkpoints; %" PRIu64 " of other ledgers\n"
                    "problems    %" PRIu64 "\n",
                    "账本        %s\n"
                    "记录        %" PRIu64 " 条,检查点包含 %" PRIu64 " 条\n"
                    "根哈希      %s\n"
                    "录像        %zu 段:已封存 %" PRIu64 ",已中止 %" PRIu64 ",未结束 %" PRIu64
                    ",有删除记录 %" PRIu64 "\n"
                    "密钥        %" PRIu64 " 条:更换、认证、吊销\n"
                    "已比对      %" PRIu64 " 个录像文件夹,%" PRIu64 " 次照片收存,%" PRIu64
                    " 个补记号码,%" PRIu64 " 个检查点;属于其他账本的 %" PRIu64 " 个\n"
                    "问题        %" PRIu64 " 个\n"),
           c->key.name, ps_audit_size(c->audit), c->have_head ? c->head.size : 0, hex, n,
           ps_audit_count(c->audit, PS_LEAF_SEAL), ps_audit_count(c->audit, PS_LEAF_ABORT), open, tombs,
           ps_audit_count(c->audit, PS_LEAF_KEY), c->folders, c->intakes.folders, c->links.files,
           c->remembered, c->earlier, c->problems);
}

static void run(struct check *c) {
    ps_store_part_each(c->root, on_part,
                       c); /* before the entries: a clip that is sealed meanwhile is seen as that */
    read_head(c);
    if (audit_entries(c) != 0)
        return;
    if (c->have_head)
        judge_checkpoint(c, &c->head, "ledger/checkpoint");
    walk_tiles(c, "tile", 0);
    if (c->have_head && c->head.size <= ps_audit_size(c->audit))
        ps_tile_new(0, c->head.size, tile_is_there, c);
    remembered_in(c, "tokens", "/checkpoint");
    remembered_in(c, "witness", "");
    if (faccessat(c->root_fd, PS_ROOT_CLIPS, F_OK, 0) == 0 && ps_store_each(c->root, on_folder, c) < 0)
        problem(c, "clips-unreadable", "clips", "cannot be looked through");
    check_clips(c);
    check_beside(c);
    if (c->shown)
        fputs("\r          \r", stderr);
    if (!c->json && c->problems == 0)
        puts(ps_words("nothing to mend", "没有问题"));
    summary(c);
}

int ps_ledger_check(const char *root, bool json) {
    char path[PS_ROOT_PATH];
    int status = 1;
    struct check *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return ps_words_fail(1, ps_words("out of memory", "内存不足"), NULL, NULL);
    *c = (struct check){.root = root,
                        .json = json,
                        .shown = !json && isatty(STDERR_FILENO) == 1,
                        .ledger = -1,
                        .entries = -1};
    c->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->root_fd >= 0)
        c->ledger = openat(c->root_fd, PS_ROOT_LEDGER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->ledger >= 0)
        c->entries = openat(c->ledger, "entries", O_RDONLY | O_CLOEXEC);
    if (c->entries < 0) {
        ps_words_fail(1, ps_words("there is no ledger", "此处没有账本"), root,
                      ps_words("name the station's folder with --root", "请用 --root 指定工位文件夹"));
        goto out;
    }
    if (ps_root_path(root, PS_ROOT_PUBLIC "/log.vkey", path) < 0 || ps_ledger_key(path, &c->key) != 0) {
        ps_words_fail(1, ps_words("there is no ledger key", "没有账本公钥"), "public/log.vkey",
                      ps_words("restore it", "请恢复该文件"));
        goto out;
    }
    ps_leaf_log_id(c->log, c->key.key);
    if (ps_audit_new(&c->audit, c->log) != 0)
        goto out;
    run(c);
    status = c->problems > 0 ? 1 : 0;
out:
    ps_audit_free(c->audit);
    ps_ledger_intake_free(&c->intakes);
    ps_ledger_link_free(&c->links);
    free(c->offset);
    if (c->entries >= 0)
        close(c->entries);
    if (c->ledger >= 0)
        close(c->ledger);
    if (c->root_fd >= 0)
        close(c->root_fd);
    free(c);
    return status;
}
