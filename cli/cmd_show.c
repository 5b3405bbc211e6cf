/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/links.h"
#include "archive/store.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/removed.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_en[] = "usage: packseal show CLIP [--json] [--lang en|zh] [--root DIR]\n"
                              "\n"
                              "Tells in plain words what a clip's statement says, and who says it: [S] the "
                              "signer observed it, [R] the recorder\n"
                              "stated it. This judges nothing; packseal verify does. CLIP is a clip's name, "
                              "its number, its folder, or a code.\n"
                              "\n"
                              "  --json   the statement as it is, byte for byte\n";
static const char help_zh[] = "用法:packseal show 录像 [--json] [--lang en|zh] [--root 文件夹]\n"
                              "\n"
                              "用文字说明录像的声明内容,并标明由谁陈述:[S] 签名程序所见,[R] "
                              "录像程序所述。这不是核验,核验请用 packseal verify。\n"
                              "录像可用名称、编号、文件夹或号码指定。\n"
                              "\n"
                              "  --json   原样输出声明,一字节不差\n";

enum who { SIGNER, RECORDER, NOBODY };

static void __attribute__((format(printf, 3, 4)))
line(enum who who, const char *label, const char *fmt, ...) {
    static const char *const marks[] = {"[S] ", "[R] ", "    "};
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    fputs(marks[who], stdout);
    ps_words_pad(stdout, label, 16);
    ps_words_pad(stdout, text, 0);
    putchar('\n');
}

static void time_line(enum who who, const char *label, const struct ps_time *t) {
    char local[32], utc[32];
    const char *clock = t->clock == PS_CLOCK_SYNCED     ? ps_words("clock synchronised", "时钟已同步")
                        : t->clock == PS_CLOCK_UNSYNCED ? ps_words("clock NOT synchronised", "时钟未同步")
                                                        : ps_words("clock unknown", "时钟状态未知");
    ps_clips_time(t->wall_ns, local);
    ps_statement_time_text(t->wall_ns, utc);
    line(who, label, "%s (%s; %s)", local, utc, clock);
}

static const char *or_dash(const char *s) {
    return s[0] != '\0' ? s : "-";
}

static const char *code_type(uint8_t type) {
    switch (type) {
    case PS_CODE_WAYBILL: return ps_words("waybill", "运单号");
    case PS_CODE_PARCEL: return ps_words("parcel", "包裹号");
    case PS_CODE_ORDER: return ps_words("order", "订单号");
    case PS_CODE_SKU: return ps_words("item", "商品码");
    default: return ps_words("unknown type", "类型未知");
    }
}

static const char *code_entry(uint8_t entry) {
    switch (entry) {
    case PS_ENTRY_SCANNER: return ps_words("scanner", "扫描枪");
    case PS_ENTRY_CAMERA: return ps_words("seen by camera", "镜头识别");
    case PS_ENTRY_MANUAL: return ps_words("typed", "人工输入");
    default: return ps_words("from a program", "程序传入");
    }
}

static void codes(const struct ps_clip *c) {
    for (unsigned i = 0; i < c->opening.n_codes + (unsigned)c->n_added_codes; i++) {
        bool at_open = i < c->opening.n_codes;
        const struct ps_code *k = at_open ? &c->opening.codes[i] : &c->added_codes[i - c->opening.n_codes];
        line(RECORDER, ps_words("code", "号码"), "%s  %s%s%s, %s%s%s, %s", k->value, code_type(k->type),
             k->carrier[0] != '\0' ? " " : "", k->carrier, code_entry(k->entry),
             k->device[0] != '\0' ? " " : "", k->device,
             at_open ? ps_words("fixed before the first frame", "首帧之前已确定")
                     : ps_words("added later", "之后加入"));
    }
}

static uint64_t seconds_of(const struct ps_track *t) {
    struct ps_record r;
    if (t->n_records == 0 || ps_record_decode(&r, t->records[t->n_records - 1]) != 0)
        return 0;
    return (r.start + r.duration) / PS_TICKS_PER_SECOND;
}

static void ranges(const char *label, enum who who, const struct ps_range *r, uint32_t n) {
    struct ps_buf b;
    if (n == 0)
        return;
    ps_buf_init(&b, 65536);
    for (uint32_t i = 0; i < n; i++)
        ps_buf_fmt(&b, "%s%" PRIu32 "-%" PRIu32, i > 0 ? ", " : "", r[i].first, r[i].last);
    ps_buf_u8(&b, 0);
    if (b.err == 0)
        line(who, label, "%s", (const char *)b.p);
    ps_buf_free(&b);
}

static void preroll(const struct ps_track *t) {
    struct ps_record r;
    if (t->n_preroll == 0 || ps_record_decode(&r, t->records[t->n_preroll - 1]) != 0)
        return;
    line(SIGNER, ps_words("PRE-ROLL", "预录"),
         ps_words("the first %" PRIu32 " segments, %.1f s: recorded before the clip was opened",
                  "最前 %" PRIu32 " 段,%.1f 秒:开单之前所录"),
         t->n_preroll, (double)(r.start + r.duration) / PS_TICKS_PER_SECOND);
}

static void track(const struct ps_track *t) {
    uint64_t late = 0, s = seconds_of(t);
    for (uint32_t i = 0; i < t->n_unwitnessed; i++)
        late += (uint64_t)t->unwitnessed[i].last - t->unwitnessed[i].first + 1;
    putchar('\n');
    line(NOBODY, ps_words("film", "影片"), "%s", t->file.name);
    line(SIGNER, ps_words("segments", "分段"),
         ps_words("%" PRIu64 " of %" PRIu32 " seen by the signer as they closed",
                  "%" PRIu64 " 段由签名程序在产生时看到,共 %" PRIu32 " 段"),
         t->n_records - late, t->n_records);
    ranges(ps_words("not seen", "未见证"), SIGNER, t->unwitnessed, t->n_unwitnessed);
    preroll(t);
    ranges(ps_words("LOST", "已丢失"), SIGNER, t->lost, t->n_lost);
    line(RECORDER, ps_words("camera", "摄像头"), "%s  %s %s %s  %s", t->camera, or_dash(t->model),
         or_dash(t->serial), or_dash(t->path), t->source_format);
    line(RECORDER, ps_words("picture", "画面"), "%ux%u  %s  %" PRIu64 ":%02" PRIu64 "  %" PRIu64 " bytes",
         t->width, t->height, t->codec, s / 60, s % 60, t->file.size);
    line(RECORDER, ps_words("frames", "帧数"),
         ps_words("%" PRIu64 " captured, %" PRIu64 " encoded, %" PRIu64 " dropped, %" PRIu64
                  " damaged, %" PRIu64 " repeated",
                  "采集 %" PRIu64 ",编码 %" PRIu64 ",丢失 %" PRIu64 ",损坏 %" PRIu64 ",重复 %" PRIu64),
         t->counts.captured, t->counts.encoded, t->counts.dropped, t->counts.damaged, t->counts.repeated);
    for (uint32_t i = 0; i < t->n_banners; i++)
        line(RECORDER, ps_words("banner", "字幕条"),
             ps_words("from segment %" PRIu32 " on: %s", "自第 %" PRIu32 " 段起:%s"), t->banners[i].from,
             t->banners[i].text[0] != '\0' ? t->banners[i].text : ps_words("no code", "无号码"));
    for (uint32_t i = 0; i < t->n_gaps; i++)
        line(RECORDER, ps_words("gap", "缺口"),
             ps_words("at %.1f s for %.1f s: %s (%" PRIu64 " frames)",
                      "第 %.1f 秒,持续 %.1f 秒:%s(%" PRIu64 " 帧)"),
             (double)t->gaps[i].start / PS_TICKS_PER_SECOND,
             (double)t->gaps[i].duration / PS_TICKS_PER_SECOND, t->gaps[i].reason, t->gaps[i].frames);
}

static const char *label_words(uint8_t label) {
    switch (label) {
    case PS_LABEL_MATCHED: return ps_words("matches the code", "与号码一致");
    case PS_LABEL_OTHER: return ps_words("ANOTHER label was seen", "看到的是其他面单");
    case PS_LABEL_NOT_SEEN: return ps_words("not seen", "未看到");
    default: return ps_words("not looked for", "未检查");
    }
}

static void heading(const struct ps_clip *c) {
    char name[40], leaf_time[32], key[57];
    struct ps_leaf leaf;
    ps_statement_clip_name(c->opening.station, c->number, name);
    line(SIGNER, ps_words("clip", "录像"), ps_words("%s, take %" PRIu32, "%s,第 %" PRIu32 " 次"), name,
         c->take);
    if (ps_leaf_decode(&leaf, c->open_leaf, c->open_leaf_len) == 0) {
        ps_clips_time(leaf.wall_ns, leaf_time);
        line(SIGNER, ps_words("opened", "入账开启"),
             ps_words("%s, entry %" PRIu64 " of the ledger", "%s,账本第 %" PRIu64 " 条"), leaf_time,
             leaf.index);
    }
    line(RECORDER, ps_words("station", "工位"), "%s  %s", c->opening.station, c->station_name);
    line(RECORDER, ps_words("kind", "类型"), "%s", ps_clips_kind(ps_opening_kind(c->opening.kind)));
    line(RECORDER, ps_words("operator", "工号"), "%s", or_dash(c->opening.operator_id));
    codes(c);
    time_line(RECORDER, ps_words("started", "开始"), &c->started);
    time_line(RECORDER, ps_words("ended", "结束"), &c->ended);
    line(RECORDER, ps_words("ended by", "结束原因"), "%s",
         ps_clips_reason(ps_statement_end_reason(c->end_reason)));
    line(RECORDER, ps_words("label", "面单"), "%s", label_words(c->label));
    line(RECORDER, ps_words("freshness", "时间码"), "%s",
         c->opening.freshness[0] != '\0' ? c->opening.freshness : ps_words("none", "无"));
    ps_minisign_pubkey_text(&c->key, key);
    line(NOBODY, ps_words("key it names", "所称公钥"), "%s", key);
}

static void tell(const struct ps_clip *c) {
    heading(c);
    for (unsigned i = 0; i < c->n_tracks; i++)
        track(&c->tracks[i]);
    putchar('\n');
    line(RECORDER, ps_words("photographs", "原始照片"), "%" PRIu32, c->n_originals);
    for (uint32_t i = 0; i < c->n_originals; i++)
        if (strcmp(c->originals[i].why, "mark") == 0)
            line(RECORDER, ps_words("MARK", "标记"), ps_words("%s  %s at %.1f s", "%s  %s 第 %.1f 秒"),
                 c->originals[i].file.name, c->tracks[c->originals[i].track].file.name,
                 (double)c->originals[i].ticks / PS_TICKS_PER_SECOND);
    for (uint32_t i = 0; i < c->n_events; i++)
        line(RECORDER, ps_words("event", "事件"), "%" PRIu64 ".%03" PRIu64 " s  %s %s",
             c->events[i].ms / 1000, c->events[i].ms % 1000, c->events[i].what, c->events[i].text);
    line(RECORDER, ps_words("software", "软件"), "%s", c->software);
    printf(
        "\n%s\n",
        ps_words("[S] the signer observed it; [R] the recorder stated it. Nothing is judged here: packseal "
                 "verify.",
                 "[S] 签名程序所见;[R] 录像程序所述。此处不作核验,请用 packseal verify。"));
}

/* Not of the statement: what somebody entered in the ledger later. */
static void tell_links(const char *root, const char *clip) {
    struct ps_link *all = calloc(PS_LINKS_MOST, sizeof(*all));
    unsigned n = all != NULL ? ps_links_of(root, clip, all, PS_LINKS_MOST) : 0;
    for (unsigned i = 0; i < n; i++) {
        char at[32];
        ps_clips_time(all[i].at_ns, at);
        printf(ps_words("\nmerchant's entry  %s  %s, entry %" PRIu64 " of the ledger: not part of the clip\n",
                        "\n商家补记  %s  %s,账本第 %" PRIu64 " 条:不属于录像本身\n"),
               all[i].number, at, all[i].leaf);
    }
    free(all);
}

static int show(const char *root, const char *path, bool json) {
    char name[40], folder[PS_ROOT_PATH], removed[512];
    struct ps_why why = {0};
    struct ps_clip *clip = NULL;
    uint8_t *text = NULL;
    size_t n = 0;
    int dir = ps_root_path(root, path, folder) < 0 ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = dir < 0 ? ps_error_why(&why, PS_ENOENT, path, "is no folder")
                     : ps_store_read_file(dir, "clip.json", PS_MAX_STATEMENT, &text, &n, &why);
    if (dir >= 0)
        close(dir);
    if (rc == 0 && json)
        fwrite(text, 1, n, stdout);
    else if (rc == 0 && (rc = ps_statement_parse(&clip, text, n, &why)) == 0)
        tell(clip);
    if (clip != NULL) {
        ps_statement_clip_name(clip->opening.station, clip->number, name);
        tell_links(root, name);
    }
    if (rc == 0 && !json && ps_removed_text(root, path, removed))
        printf("\n%s\n", removed);
    ps_statement_free(clip);
    free(text);
    if (rc == 0)
        return 0;
    return ps_words_fail(1, why.text, why.where,
                         ps_words("look at it: packseal verify", "请核验:packseal verify"));
}

int ps_cmd_show(int argc, char **argv) {
    char root[PS_ROOT_PATH];
    bool json;
    const struct ps_args_spec spec = {"show", help_en, help_zh, NULL, 1, 1};
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    struct ps_clips l = {0};
    struct ps_index *x = strchr(argv[0], '/') != NULL ? NULL : ps_clips_index(root);
    if (x == NULL && strchr(argv[0], '/') == NULL)
        return 1;
    status = ps_clips_add(&l, root, x, argv[0]);
    if (status == 0 && l.n > 1) {
        for (unsigned i = 0; i < l.n; i++)
            ps_words_note("%s", l.v[i]);
        status = ps_words_fail(1, ps_words("more than one clip", "不止一段录像"), argv[0],
                               ps_words("name one of those above", "请指定上面的一段"));
    } else if (status == 0) {
        status = show(root, l.v[0], json);
    }
    ps_index_close(x);
    ps_clips_free(&l);
    return status;
}
