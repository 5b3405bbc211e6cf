/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ledger.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include "evidence/tile.h"

/* One side: a folder with checkpoint and tiles, or a checkpoint alone. */
struct side {
    const char *name;
    int dir; /* -1: no tiles */
    struct ps_checkpoint head;
};

enum result { SAME, EXTENDS, FORK, UNKNOWN };

static int open_side(struct side *s, const char *name, const struct ps_vkey *key) {
    size_t n = 0;

    s->name = name;
    s->dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *note = s->dir >= 0 ? ps_ledger_read(s->dir, "checkpoint", PS_NOTE_MAX, &n)
                             : ps_ledger_read(AT_FDCWD, name, PS_NOTE_MAX, &n);
    if (note == NULL)
        return ps_words_fail(
            2, strerror(errno), name,
            ps_words("name a ledger folder or a checkpoint", "请指定账本文件夹或检查点文件"));
    int err = ps_checkpoint_open(&s->head, note, n, key);
    free(note);
    if (err == 0)
        return 0;
    return ps_words_fail(2,
                         err == PS_ENOENT || err == PS_ESIG
                             ? ps_words("is not signed by this ledger's key", "没有该账本密钥的有效签名")
                             : ps_words("is no checkpoint", "不是检查点"),
                         name, ps_words("name the key with --key", "请用 --key 指定公钥"));
}

/* ---- tiles -------------------------------------------------------------------------------------------- */

static int read_tile(void *ctx, int level, uint64_t index, unsigned width, uint8_t *hashes) {
    const struct side *s = ctx;
    char path[PS_TILE_PATH];
    size_t n = 0;

    /* A partial tile gives way to a wider one. */
    for (unsigned w = width; w <= PS_TILE_WIDTH; w++) {
        ps_tile_path(path, level, index, w);
        char *text = ps_ledger_read(s->dir, path, PS_TILE_WIDTH * 32, &n);
        if (text == NULL)
            continue;
        bool enough = n >= (size_t)width * 32;
        if (enough)
            memcpy(hashes, text, (size_t)width * 32);
        free(text);
        return enough ? 0 : PS_EFORMAT;
    }
    return PS_ENOENT;
}

/* Does the longer ledger, by its own tiles, contain the shorter one's head? */
static enum result judge(const struct side *shorter, const struct side *longer, const char **why) {
    struct ps_tile_source source = {.ctx = (void *)(uintptr_t)longer, .read = read_tile};
    uint64_t m = shorter->head.size, n = longer->head.size;
    uint8_t root[32], proof[64][32];
    unsigned count = 0;

    if (m == n) {
        *why = ps_words("two roots of one size, both signed", "同一大小出现两个已签名的根哈希");
        return memcmp(shorter->head.root, longer->head.root, 32) == 0 ? SAME : FORK;
    }
    if (m == 0)
        return EXTENDS;
    *why = ps_words("the tiles of the longer ledger are needed", "需要较长账本的瓦片文件");
    if (longer->dir < 0)
        return UNKNOWN;
    *why = ps_words("the longer ledger's tiles do not make its own root", "较长账本的瓦片文件与其根哈希不符");
    if (ps_tile_root(&source, n, n, root) != 0 || memcmp(root, longer->head.root, 32) != 0)
        return UNKNOWN;
    if (ps_tile_consistency(&source, n, m, n, proof, &count) != 0)
        return UNKNOWN;
    *why =
        ps_words("the longer ledger, which makes its signed root, has another root at the shorter one's size",
                 "较长账本与其已签名的根哈希一致,但在较短账本的大小处根哈希不同");
    return ps_tile_consistent(m, shorter->head.root, n, longer->head.root, (const uint8_t(*)[32])proof,
                              count) == 0
               ? EXTENDS
               : FORK;
}

/* ---- telling ------------------------------------------------------------------------------------------ */

static json_t *json_side(const struct side *s) {
    char hex[65];

    ps_bytes_hex(hex, s->head.root, 32);
    return json_pack("{sssIss}", "path", ps_bytes_is_text(s->name, strlen(s->name)) ? s->name : "?", "size",
                     (json_int_t)s->head.size, "root", hex);
}

static void tell_json(const char *result, const struct side *a, const struct side *b, const char *why) {
    json_t *o = json_pack("{sssssososs}", "result", result, "origin", a->head.origin, "a", json_side(a), "b",
                          json_side(b), "text", why);
    char *line = o == NULL ? NULL : json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);

    if (line != NULL)
        puts(line);
    free(line);
    json_decref(o);
}

static void tell_side(const char *which, const struct side *s) {
    char hex[65];

    ps_bytes_hex(hex, s->head.root, 32);
    printf("%s  %" PRIu64 "  %s  %s\n", which, s->head.size, hex, s->name);
}

static int tell(enum result r, const struct side *a, const struct side *b, const char *why, bool json) {
    static const char *const words[] = {"same", "extends", "fork", "unknown"};
    static const char *const said[][2] = {
        {"the same: both are one ledger of one size", "相同:同一账本,大小一致"},
        {"one history: the longer one extends the shorter", "同一历史:较长账本延续较短账本"},
        {"FORK: this key signed two histories", "分叉:该密钥签署了两个历史"},
        {"cannot be told", "无法判断"}};

    if (json) {
        tell_json(words[r], a, b, r == FORK || r == UNKNOWN ? why : "");
    } else {
        puts(said[r][ps_words_zh()]);
        if (r == FORK || r == UNKNOWN)
            puts(why);
        printf("%s\n", a->head.origin);
        tell_side("A", a);
        tell_side("B", b);
    }
    return r == FORK ? 1 : r == UNKNOWN ? 2 : 0;
}

int ps_ledger_compare(const char *a, const char *b, const struct ps_vkey *key, bool json) {
    struct side s[2] = {{.dir = -1}, {.dir = -1}};
    const char *why = "";
    int status = open_side(&s[0], a, key);

    if (status == 0)
        status = open_side(&s[1], b, key);
    if (status == 0) {
        bool swap = s[0].head.size > s[1].head.size;
        enum result r = judge(&s[swap], &s[!swap], &why);
        status = tell(r, &s[0], &s[1], why, json);
    }
    for (int i = 0; i < 2; i++)
        if (s[i].dir >= 0)
            close(s[i].dir);
    return status;
}
