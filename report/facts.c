/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a report tells, gathered from verdict, statement and what the merchant entered. What it tells of time and of the rest of
 * the bundle is gathered in facts_time.c and facts_enclosed.c; the words that stand for values are in facts_words.c.
 */
#include "report/facts_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/leaf.h"
#include "evidence/record.h"

#define FILES_TOLD 24 /* films and originals; the rest is counted, its digests stand in clip.json */

/* ---- verdict --------------------------------------------------------------------------------------------------- */

static void problem(struct ps_facts_gathering *g, const struct ps_problem *p) {
    const char *zh = ps_verdict_problem_zh(p->code);
    char a[PS_FACTS_LINE], b[PS_FACTS_LINE];
    (void)snprintf(a, sizeof a, "%s  %s（%s）", p->where, zh[0] != '\0' ? zh : p->text, p->code);
    (void)snprintf(b, sizeof b, "%s  %s (%s)", p->where, p->text, p->code);
    ps_facts_tell(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, PS_FACTS_WARN, "问题", "problem", a, b);
}

/* In a bundle of several clips each has time stamps of its own: those of the others are no fault of this one. Whether it
 * lacks a bound the answer about time tells. */
static void problems(struct ps_facts_gathering *g) {
    const struct ps_verdict *v = g->in->v;
    size_t others = 0;
    for (size_t i = 0; i < v->n_problems; i++)
        if (strcmp(v->problems[i].code, "token-other") == 0)
            others++;
        else
            problem(g, &v->problems[i]);
    if (v->n_more > 0)
        ps_facts_say(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, PS_FACTS_WARN, "问题", "problem", "另有 %zu 处",
                     "%zu more", v->n_more);
    if (others > 0)
        ps_facts_say(
            g, PS_FACTS_VERDICT, PS_FACTS_REPORT, 0, "说明", "note",
            "随附的时间戳中有 %zu 个盖在其他检查点上，与本录像无关（token-other）",
            "%zu of the enclosed time stamps are over other checkpoints and say nothing of this clip "
            "(token-other)",
            others);
}

static void verdict(struct ps_facts_gathering *g) {
    const struct ps_verdict *v = g->in->v;
    struct ps_facts *f = g->f;
    f->content =
        ps_facts_text_of(g, ps_verdict_content(v->content, true), ps_verdict_content(v->content, false));
    f->key = ps_facts_text_of(g, ps_verdict_key(v->key, true), ps_verdict_key(v->key, false));
    f->time = ps_facts_text_of(g, ps_verdict_time(v->time, true), ps_verdict_time(v->time, false));
    f->ledger = ps_facts_text_of(g, ps_verdict_ledger(v->ledger, true), ps_verdict_ledger(v->ledger, false));
    f->good[0] = v->content <= PS_CONTENT_EXCERPT;
    f->good[1] = v->key == PS_KEY_TRUSTED;
    f->good[2] = v->time == PS_TIME_BOUNDED;
    f->good[3] = v->ledger == PS_LEDGER_INCLUDED;
    if (g->err < 0)
        return;
    char zh[PS_FACTS_LINE], en[PS_FACTS_LINE];
    (void)snprintf(zh, sizeof zh, "%s：%s", f->content.zh, ps_facts_container(v->container, true));
    (void)snprintf(en, sizeof en, "%s: %s", f->content.en, ps_facts_container(v->container, false));
    ps_facts_tell(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, f->good[0] ? 0 : PS_FACTS_WARN, "内容", "content", zh,
                  en);
    bool asked = g->in->trust;
    (void)snprintf(zh, sizeof zh, "%s：%s", f->key.zh,
                   asked ? "与制作者给出的密钥表比对" : "没有给出登记密钥");
    (void)snprintf(en, sizeof en, "%s: %s", f->key.en,
                   asked ? "compared with the list of keys that the maker of this report gave"
                         : "no registered keys were given");
    ps_facts_tell(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, f->good[1] ? 0 : PS_FACTS_WARN, "密钥", "key", zh,
                  en);
    ps_facts_bounds(v, zh, en);
    ps_facts_tell(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, f->good[2] ? 0 : PS_FACTS_WARN, "时间", "time", zh,
                  en);
    ps_facts_tell(g, PS_FACTS_VERDICT, PS_FACTS_REPORT, f->good[3] ? 0 : PS_FACTS_WARN, "账本", "ledger",
                  f->ledger.zh, f->ledger.en);
    problems(g);
}

/* ---- clip and codes -------------------------------------------------------------------------------------------- */

static void moment_of_clip(struct ps_facts_gathering *g, const char *zh, const char *en,
                           const struct ps_time *t) {
    char time[40], a[PS_FACTS_LINE], b[PS_FACTS_LINE];
    ps_facts_time(t->wall_ns, time);
    (void)snprintf(a, sizeof a, "%s（%s）", time, ps_facts_clock(t->clock, true));
    (void)snprintf(b, sizeof b, "%s (%s)", time, ps_facts_clock(t->clock, false));
    ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, t->clock == PS_CLOCK_UNSYNCED ? PS_FACTS_WARN : 0, zh,
                  en, a, b);
}

static void label(struct ps_facts_gathering *g) {
    const uint8_t seen = g->c->label;
    ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, seen == PS_LABEL_MATCHED ? 0 : PS_FACTS_WARN,
                  "画面中的面单", "label in the picture", ps_facts_label(seen, true),
                  ps_facts_label(seen, false));
}

static bool ended_well(uint8_t reason) {
    return reason == PS_END_NEXT_CODE || reason == PS_END_SAME_CODE || reason == PS_END_STOP;
}

static void clip(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    struct ps_leaf leaf;
    ps_facts_say(g, PS_FACTS_CLIP, PS_FACTS_SIGNER, 0, "录像编号", "clip",
                 "%s，该订单在本工位第 %" PRIu32 " 次", "%s, take %" PRIu32 " of this order at this station",
                 g->f->clip, c->take);
    if (ps_leaf_decode(&leaf, c->open_leaf, c->open_leaf_len) == 0) {
        char time[40], a[PS_FACTS_LINE], b[PS_FACTS_LINE];
        ps_facts_time(leaf.wall_ns, time);
        (void)snprintf(a, sizeof a, "%s，账本第 %" PRIu64 " 条（%s）", time, leaf.index,
                       ps_facts_clock(leaf.clock, true));
        (void)snprintf(b, sizeof b, "%s, entry %" PRIu64 " of the ledger (%s)", time, leaf.index,
                       ps_facts_clock(leaf.clock, false));
        ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_SIGNER, 0, "入账开启", "opened in the ledger", a, b);
    }
    ps_facts_say(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, 0, "工位", "station", "%s  %s", "%s  %s",
                 c->opening.station, c->station_name);
    ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, 0, "类型", "kind",
                  ps_facts_kind(c->opening.kind, true), ps_facts_kind(c->opening.kind, false));
    ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, 0, "操作员工号", "operator",
                  c->opening.operator_id[0] != 0 ? c->opening.operator_id : "没有登录",
                  c->opening.operator_id[0] != 0 ? c->opening.operator_id : "nobody was signed in");
    moment_of_clip(g, "开始", "started", &c->started);
    moment_of_clip(g, "结束", "ended", &c->ended);
    const char *reason = ps_statement_end_reason(c->end_reason);
    reason = reason != NULL ? reason : "?";
    ps_facts_tell(g, PS_FACTS_CLIP, PS_FACTS_RECORDER, ended_well(c->end_reason) ? 0 : PS_FACTS_WARN,
                  "结束原因", "ended by", ps_facts_end_reason(reason, true),
                  ps_facts_end_reason(reason, false));
    label(g);
}

static void codes(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    struct ps_buf all;
    ps_buf_init(&all, (PS_MAX_CODES + 8) * (PS_MAX_CODE + 2));
    for (unsigned i = 0; i < c->opening.n_codes + (unsigned)c->n_added_codes; i++) {
        bool open = i < c->opening.n_codes;
        const struct ps_code *k = open ? &c->opening.codes[i] : &c->added_codes[i - c->opening.n_codes];
        char a[PS_FACTS_LINE], b[PS_FACTS_LINE], time[40];
        ps_facts_time(k->wall_ns, time);
        const char *gap = k->carrier[0] != '\0' ? " " : "";
        (void)snprintf(a, sizeof a, "%s%s%s，%s，%s，%s", ps_facts_code_type(k->type, true), gap, k->carrier,
                       ps_facts_entry(k->entry, true), time, open ? "首帧之前已确定" : "录制中加入");
        (void)snprintf(b, sizeof b, "%s%s%s, %s, %s, %s", ps_facts_code_type(k->type, false), gap, k->carrier,
                       ps_facts_entry(k->entry, false), time,
                       open ? "fixed before the first frame" : "added while recording");
        ps_facts_tell(g, PS_FACTS_CODES, PS_FACTS_RECORDER, k->entry == PS_ENTRY_MANUAL ? PS_FACTS_WARN : 0,
                      k->value, k->value, a, b);
        if (i < 8)
            ps_buf_fmt(&all, "%s%s", i > 0 ? ", " : "", k->value);
    }
    ps_buf_u8(&all, 0);
    g->f->codes = all.err == 0 ? ps_facts_cleaned(g, (const char *)all.p) : ps_facts_cleaned(g, "?");
    ps_buf_free(&all);
}

/* ---- films ----------------------------------------------------------------------------------------------------- */

static void position(uint64_t ticks, char out[24]) {
    uint64_t ms = ticks / (PS_TICKS_PER_SECOND / 1000);
    (void)snprintf(out, 24, "%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, ms / 60000, ms / 1000 % 60, ms % 1000);
}

static uint64_t ticks_of(const struct ps_track *t) {
    struct ps_record r;
    return t->n_records == 0 || ps_record_decode(&r, t->records[t->n_records - 1]) != 0
               ? 0
               : r.start + r.duration;
}

static uint64_t count_ranges(const struct ps_range *r, uint32_t n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (uint64_t)r[i].last - r[i].first + 1;
    return sum;
}

/* Pre-roll never is witnessed, and is told by itself. */
static uint64_t count_late(const struct ps_track *t) {
    return count_ranges(t->unwitnessed, t->n_unwitnessed) - t->n_preroll;
}

static void preroll(struct ps_facts_gathering *g, const struct ps_track *t) {
    struct ps_record r;
    char length[24];
    if (t->n_preroll == 0 || ps_record_decode(&r, t->records[t->n_preroll - 1]) != 0)
        return;
    position(r.start + r.duration, length);
    ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_SIGNER, 0, "预录", "pre-roll",
                 "最前 %" PRIu32 " 段（至 %s）录于开单之前，画面上有 PRE-ROLL 字样，签名程序没有见证",
                 "the first %" PRIu32
                 " segments (up to %s) were recorded before the clip was opened and show "
                 "PRE-ROLL; the signer did not see them",
                 t->n_preroll, length);
}

static void gaps(struct ps_facts_gathering *g, const struct ps_track *t) {
    for (uint32_t i = 0; i < t->n_gaps && i < 12; i++) {
        const struct ps_gap *p = &t->gaps[i];
        char from[24], a[PS_FACTS_LINE], b[PS_FACTS_LINE];
        position(p->start, from);
        double s = (double)p->duration / PS_TICKS_PER_SECOND;
        (void)snprintf(a, sizeof a, "自 %s 起 %.1f 秒：%s，丢 %" PRIu64 " 帧", from, s,
                       ps_facts_gap(p->reason), p->frames);
        (void)snprintf(b, sizeof b, "from %s for %.1f s: %s, %" PRIu64 " frames", from, s, p->reason,
                       p->frames);
        ps_facts_tell(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, PS_FACTS_WARN, "缺口", "gap", a, b);
    }
    if (t->n_gaps > 12)
        ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, PS_FACTS_WARN, "缺口", "gap",
                     "另有 %" PRIu32 " 处，见 clip.json", "%" PRIu32 " more, see clip.json", t->n_gaps - 12);
}

static void film(struct ps_facts_gathering *g, const struct ps_track *t) {
    char length[24];
    uint64_t late = count_late(t), lost = count_ranges(t->lost, t->n_lost);
    const struct ps_counts *n = &t->counts;
    position(ticks_of(t), length);
    ps_facts_same(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, PS_FACTS_HEAD, t->file.name, t->file.name, "");
    ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, 0, "画面", "picture", "%ux%u，时长 %s，%s",
                 "%ux%u, length %s, %s", t->width, t->height, length, t->codec);
    ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_SIGNER, late > 0 ? PS_FACTS_WARN : 0, "分段见证",
                 "segments seen", "共 %" PRIu32 " 段，签名程序当时未见证 %" PRIu64 " 段",
                 "%" PRIu32 " in all, %" PRIu64 " not seen by the signer as they closed", t->n_records, late);
    preroll(g, t);
    if (lost > 0)
        ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_SIGNER, PS_FACTS_WARN, "丢失分段", "segments LOST",
                     "%" PRIu64 " 段已记账，但磁盘丢失", "%" PRIu64 " journaled and lost by the disk", lost);
    ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, n->dropped + n->damaged > 0 ? PS_FACTS_WARN : 0,
                 "帧数", "frames",
                 "采集 %" PRIu64 "，编码 %" PRIu64 "，丢失 %" PRIu64 "，损坏 %" PRIu64 "，重复 %" PRIu64,
                 "captured %" PRIu64 ", encoded %" PRIu64 ", dropped %" PRIu64 ", damaged %" PRIu64
                 ", repeated %" PRIu64,
                 n->captured, n->encoded, n->dropped, n->damaged, n->repeated);
    if (t->n_gaps == 0)
        ps_facts_tell(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, 0, "缺口", "gaps", "无", "none");
    gaps(g, t);
    ps_facts_say(g, PS_FACTS_FILMS, PS_FACTS_RECORDER, 0, "字幕条", "banner",
                 "位于 (%u,%u)，%ux%u 像素，盖住了那里的画面",
                 "at (%u,%u), %ux%u pixels; the picture beneath is covered", t->banner.x, t->banner.y,
                 t->banner.w, t->banner.h);
}

/* ---- signature, takes, files ----------------------------------------------------------------------------------- */

static void signature(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    const struct ps_verdict *v = g->in->v;
    static const struct ps_pubkey none;
    char key[57], number[17];
    uint8_t digest[32];
    bool verified = memcmp(v->signer.key, none.key, sizeof none.key) != 0;
    ps_minisign_pubkey_text(verified ? &v->signer : &c->key, key);
    ps_minisign_id_text(verified ? v->signer.id : c->key.id, number);
    ps_facts_tell(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, verified ? 0 : PS_FACTS_WARN, "签名", "signature",
                  verified ? "与 clip.json 相符（Ed25519，minisign 格式）" : "没有与 clip.json 相符的签名",
                  verified ? "fits clip.json (Ed25519, minisign format)" : "none that fits clip.json");
    ps_facts_same(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, PS_FACTS_MONO,
                  verified ? "签名公钥" : "声明所称公钥",
                  verified ? "signer's public key" : "public key it names", key);
    ps_facts_same(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, PS_FACTS_MONO, "密钥编号", "key number", number);
    ps_facts_say(g, PS_FACTS_SIGNATURE, PS_FACTS_SIGNER, 0, "账本位置", "place in the ledger",
                 "第 %" PRIu64 " 条（开启）", "entry %" PRIu64 " (open)", c->number);
    ps_leaf_hash(digest, c->open_leaf, c->open_leaf_len);
    ps_facts_hex(g, PS_FACTS_SIGNATURE, PS_FACTS_SIGNER, "该条目的散列", "hash of that entry", digest);
    ps_facts_hex(g, PS_FACTS_SIGNATURE, PS_FACTS_SIGNER, "账本公钥", "ledger's public key", c->ledger_key);
    ps_facts_tell(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, g->f->good[3] ? 0 : PS_FACTS_WARN, "入账证明",
                  "proof of inclusion", g->f->ledger.zh, g->f->ledger.en);
    ps_facts_certificate(g);
    ps_statement_heads(c, digest);
    ps_facts_hex(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, "全部分段链头", "head over all segments", digest);
}

/* Numbers of takes count per station and first code; a number without a clip is an omission and is named. */
static void missing_takes(struct ps_facts_gathering *g, uint32_t from, uint32_t to) {
    if (from > to)
        return;
    if (from == to)
        ps_facts_say(g, PS_FACTS_TAKES, PS_FACTS_REPORT, PS_FACTS_WARN, "缺少", "omitted",
                     "第 %" PRIu32 " 次：存储中没有找到", "take %" PRIu32 ": not found in this archive",
                     from);
    else
        ps_facts_say(g, PS_FACTS_TAKES, PS_FACTS_REPORT, PS_FACTS_WARN, "缺少", "omitted",
                     "第 %" PRIu32 " 至 %" PRIu32 " 次：存储中没有找到",
                     "takes %" PRIu32 " to %" PRIu32 ": not found in this archive", from, to);
}

/* What became of it. */
static void fate(const struct ps_facts_take *t, char zh[PS_FACTS_LINE], char en[PS_FACTS_LINE]) {
    char when[40];
    ps_facts_time(t->removed_ns, when);
    if (t->removed && t->why != 0) {
        (void)snprintf(zh, PS_FACTS_LINE, "影片已于 %s 删除：%s（账本第 %" PRIu64 " 条）", when,
                       ps_facts_removed(t->why, true), t->tombstone);
        (void)snprintf(en, PS_FACTS_LINE, "films REMOVED at %s: %s (entry %" PRIu64 " of the ledger)", when,
                       ps_facts_removed(t->why, false), t->tombstone);
    } else {
        (void)snprintf(zh, PS_FACTS_LINE, "%s",
                       t->removed    ? "影片已删除"
                       : t->here     ? "即本报告"
                       : t->included ? "一并交付"
                                     : "未一并交付");
        (void)snprintf(en, PS_FACTS_LINE, "%s",
                       t->removed    ? "films REMOVED"
                       : t->here     ? "this report"
                       : t->included ? "delivered with it"
                                     : "NOT delivered with it");
    }
}

static void take(struct ps_facts_gathering *g, const struct ps_facts_take *t) {
    char from[40], to[40], zh[64], en[64], a[PS_FACTS_LINE], b[PS_FACTS_LINE], c[PS_FACTS_LINE],
        d[PS_FACTS_LINE];
    ps_facts_time(t->started_ns, from);
    ps_facts_time(t->ended_ns, to);
    fate(t, c, d);
    (void)snprintf(a, sizeof a, "%s 至 %.8s，%s；%.600s", from, strlen(to) > 11 ? to + 11 : to,
                   ps_facts_end_reason(t->end_reason, true), c);
    (void)snprintf(b, sizeof b, "%s to %.8s, %s; %.600s", from, strlen(to) > 11 ? to + 11 : to,
                   ps_facts_end_reason(t->end_reason, false), d);
    (void)snprintf(zh, sizeof zh, "第 %" PRIu32 " 次  %s", t->take, t->clip);
    (void)snprintf(en, sizeof en, "take %" PRIu32 "  %s", t->take, t->clip);
    ps_facts_tell(g, PS_FACTS_TAKES, PS_FACTS_REPORT, t->here || t->included ? 0 : PS_FACTS_WARN, zh, en, a,
                  b);
}

static void takes(struct ps_facts_gathering *g) {
    const struct ps_facts_input *in = g->in;
    uint32_t next = 1;
    if (in->takes == NULL) {
        ps_facts_say(g, PS_FACTS_TAKES, PS_FACTS_REPORT, PS_FACTS_WARN, "其他拍摄", "other takes",
                     "没有查找；本录像为第 %" PRIu32 " 次", "were not looked for; this clip is take %" PRIu32,
                     g->c->take);
        return;
    }
    for (size_t i = 0; i < in->n_takes; i++) {
        const struct ps_facts_take *t = &in->takes[i];
        if (t->take > next)
            missing_takes(g, next, t->take - 1);
        next = t->take >= next ? t->take + 1 : next;
        take(g, t);
    }
    missing_takes(g, next, g->c->take);
}

static void file(struct ps_facts_gathering *g, const struct ps_file_ref *f) {
    char value[96], hash[65];
    if (f->size == 0)
        return;
    ps_bytes_hex(hash, f->sha256, 32);
    (void)snprintf(value, sizeof value, "%s  %" PRIu64 " B", hash, f->size);
    ps_facts_same(g, PS_FACTS_FILES, PS_FACTS_RECORDER, PS_FACTS_MONO, f->name, f->name, value);
}

static void files(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    ps_facts_hex(g, PS_FACTS_FILES, PS_FACTS_REPORT, "clip.json（签名的声明）",
                 "clip.json (the signed statement)", g->in->statement_sha256);
    for (unsigned i = 0; i < c->n_tracks; i++)
        file(g, &c->tracks[i].file);
    for (uint32_t i = 0; i < c->n_originals && i < FILES_TOLD; i++)
        file(g, &c->originals[i].file);
    if (c->n_originals > FILES_TOLD)
        ps_facts_say(g, PS_FACTS_FILES, PS_FACTS_RECORDER, 0, "原始照片", "photographs",
                     "另有 %" PRIu32 " 张，摘要见 clip.json", "%" PRIu32 " more, digests in clip.json",
                     c->n_originals - FILES_TOLD);
}

/* ---- what a court's list asks ---------------------------------------------------------------------------------- */

static const char *or_dash(const char *s) {
    return s[0] != '\0' ? s : "–";
}

static void devices(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    for (unsigned i = 0; i < c->n_tracks; i++) {
        const struct ps_track *t = &c->tracks[i];
        char zh[64 + PS_MAX_NAME], en[64 + PS_MAX_NAME];
        (void)snprintf(zh, sizeof zh, "采集设备 %s", t->camera);
        (void)snprintf(en, sizeof en, "device %s", t->camera);
        ps_facts_say(g, PS_FACTS_COURT, PS_FACTS_RECORDER, 0, zh, en,
                     "型号 %s，序列号 %s，接口 %s，驱动 %s，格式 %s",
                     "model %s, serial %s, port %s, driver %s, format %s", or_dash(t->model),
                     or_dash(t->serial), or_dash(t->path), or_dash(t->driver), or_dash(t->source_format));
    }
}

static void running(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    uint64_t lost = 0, late = 0, holes = 0;
    for (unsigned i = 0; i < c->n_tracks; i++) {
        const struct ps_track *t = &c->tracks[i];
        lost += t->counts.dropped + t->counts.damaged;
        late += count_late(t);
        holes += t->n_gaps;
    }
    ps_facts_say(g, PS_FACTS_COURT, PS_FACTS_RECORDER, lost + late + holes > 0 ? PS_FACTS_WARN : 0,
                 "运行是否正常", "was it running normally",
                 "丢失或损坏 %" PRIu64 " 帧，缺口 %" PRIu64 " 处，未见证 %" PRIu64 " 段",
                 "%" PRIu64 " frames lost or damaged, %" PRIu64 " gaps, %" PRIu64 " segments not witnessed",
                 lost, holes, late);
}

static void court(struct ps_facts_gathering *g) {
    const struct ps_clip *c = g->c;
    devices(g);
    ps_facts_same(g, PS_FACTS_COURT, PS_FACTS_RECORDER, 0, "采集软件", "software", c->software);
    ps_facts_hex(g, PS_FACTS_COURT, PS_FACTS_RECORDER, "录像程序 SHA-256", "recorder's SHA-256",
                 c->recorder_sha256);
    ps_facts_hex(g, PS_FACTS_COURT, PS_FACTS_SIGNER, "签名程序 SHA-256", "signer's SHA-256",
                 c->signer_sha256);
    ps_facts_tell(
        g, PS_FACTS_COURT, PS_FACTS_RECORDER, 0, "生成主体与时间", "who and when",
        "工号、起止时间见上文；录制由录入运单号自动开始，属日常打包流程",
        "operator and times as above; recording begins with the waybill's number, in the ordinary course of "
        "packing");
    running(g);
    ps_facts_tell(
        g, PS_FACTS_COURT, PS_FACTS_REPORT, 0, "防差错", "error prevention",
        "每段画面（约 2 秒）落盘后即由独立签名进程记账；结束时只对已记账的分段签名",
        "each segment (about 2 s) is journaled by a separate signing process once it is on disk; only "
        "journaled segments are signed at the end");
    ps_facts_tell(g, PS_FACTS_COURT, PS_FACTS_REPORT, g->f->good[0] ? 0 : PS_FACTS_WARN, "保存是否完整",
                  "kept whole", g->f->content.zh, g->f->content.en);
    ps_facts_tell(
        g, PS_FACTS_COURT, PS_FACTS_REPORT, 0, "提取方法", "method of extraction",
        "由 packseal export 从录像文件夹逐字节复制为证据包；本报告由 PackSeal " PS_VERSION
        " 从同一文件夹生成，自身未签名",
        "packseal export copies the clip's folder byte for byte into the bundle; PackSeal " PS_VERSION
        " made this report from the same folder; the report itself is not signed");
    ps_facts_tell(g, PS_FACTS_COURT, PS_FACTS_REPORT, 0, "可验证性", "verifiability",
                  "见“如何核验”；摘要见“文件与摘要”",
                  "see “How to check”; digests under “Files and digests”");
}

/* ---- all of it ------------------------------------------------------------------------------------------------- */

int ps_facts_gather(struct ps_facts *f, const struct ps_facts_input *in) {
    *f = (struct ps_facts){0};
    if (in->v == NULL || in->v->clip == NULL)
        return PS_EINVAL;
    struct ps_facts_gathering g = {.f = f, .in = in, .c = in->v->clip};
    ps_statement_clip_name(g.c->opening.station, g.c->number, f->clip);
    ps_bytes_hex(f->statement, in->statement_sha256, 32);
    f->ended_ns = g.c->ended.wall_ns;
    verdict(&g);
    clip(&g);
    codes(&g);
    ps_facts_times(&g);
    for (unsigned i = 0; i < g.c->n_tracks; i++)
        film(&g, &g.c->tracks[i]);
    signature(&g);
    takes(&g);
    files(&g);
    ps_facts_enclosed(&g);
    court(&g);
    return g.err;
}

static void text_free(struct ps_facts_text *t) {
    free(t->zh);
    free(t->en);
}

void ps_facts_free(struct ps_facts *f) {
    for (size_t i = 0; i < f->n; i++) {
        text_free(&f->facts[i].label);
        text_free(&f->facts[i].value);
    }
    for (size_t i = 0; i < f->n_moments; i++)
        text_free(&f->moments[i].name);
    text_free(&f->content);
    text_free(&f->key);
    text_free(&f->time);
    text_free(&f->ledger);
    text_free(&f->outside);
    free(f->facts);
    free(f->codes);
    *f = (struct ps_facts){0};
}
