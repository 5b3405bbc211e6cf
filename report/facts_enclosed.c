/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a report tells of the rest of the bundle: the keys of its clips, certificates, revocations, photographs taken in.
 */
#include "report/facts_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void ps_facts_certificate(struct ps_facts_gathering *g) {
    const struct ps_enclosed *e = g->in->enclosed;
    for (unsigned i = 0; e != NULL && i < e->n_certs; i++) {
        const struct ps_enclosed_cert *c = &e->certs[i];
        char from[40], until[40], zh[PS_FACTS_LINE], en[PS_FACTS_LINE];
        ps_facts_time(c->cert.from_ns, from);
        ps_facts_time(c->cert.until_ns, until);
        (void)snprintf(zh, sizeof zh, "商家“%s”，工位 %s，%s 至 %s，序号 %" PRIu64 "；%s", c->cert.merchant,
                       c->cert.station, from, until, c->cert.serial,
                       c->trusted ? "由密钥表中的根密钥签发" : "签发的根密钥不在密钥表中，只是自称");
        (void)snprintf(en, sizeof en, "merchant “%s”, station %s, %s to %s, serial %" PRIu64 "; %s",
                       c->cert.merchant, c->cert.station, from, until, c->cert.serial,
                       c->trusted ? "signed by a root key of the list"
                                  : "its root key is not in the list: a claim only");
        ps_facts_tell(g, PS_FACTS_SIGNATURE, PS_FACTS_REPORT, c->trusted ? 0 : PS_FACTS_WARN, "密钥证书",
                      "certificate of the key", zh, en);
    }
}

/* Words of evidence/cert.h. */
static const char *reason_zh(const char *reason) {
    static const char *const words[][2] = {
        {"lost", "遗失"}, {"stolen", "被盗"}, {"replaced", "已更换"}, {"closed", "已停用"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], reason) == 0)
            return words[i][1];
    return reason;
}

static void keys(struct ps_facts_gathering *g, const struct ps_enclosed *e) {
    for (unsigned i = 0; i < e->n_keys; i++) {
        const struct ps_enclosed_key *k = &e->keys[i];
        char number[17];
        ps_minisign_id_text(k->key.id, number);
        ps_facts_say(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, 0, k->file, k->file, "密钥编号 %s，%s%.0s",
                     "key number %s, %.0s%s", number, k->own ? "本录像的签名密钥" : "同包其他录像的签名密钥",
                     k->own ? "signed this clip" : "of another clip in the bundle");
    }
    if (e->n_keys == 0)
        ps_facts_tell(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, 0, "公钥", "public keys", "没有随附", "none");
}

/* What it means for this clip; the answer about the key stands in the verdict. */
static void revocation(struct ps_facts_gathering *g, const struct ps_enclosed_revocation *r) {
    const struct ps_verdict *v = g->in->v;
    bool before = r->own && v->not_after_ns != INT64_MAX && v->not_after_ns < r->r.since_ns;
    char number[17], since[40], zh[PS_FACTS_LINE], en[PS_FACTS_LINE];
    ps_minisign_id_text(r->r.clip_key.id, number);
    ps_facts_time(r->r.since_ns, since);
    (void)snprintf(zh, sizeof zh, "密钥 %s（%s）自 %s 起吊销，原因：%s；%s%s", number,
                   r->own ? "即本录像的密钥" : "不是本录像的密钥", since, reason_zh(r->r.reason),
                   r->trusted ? "由密钥表中的根密钥签发" : "签发的根密钥不在密钥表中",
                   before ? "；本录像由外部时间证明早于吊销" : "");
    (void)snprintf(en, sizeof en, "key %s (%s) from %s on: %s; %s%s", number,
                   r->own ? "this clip's" : "not this clip's", since, r->r.reason,
                   r->trusted ? "signed by a root key of the list" : "its root key is not in the list",
                   before ? "; by the time from outside this clip is older" : "");
    ps_facts_tell(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, r->own && !before ? PS_FACTS_WARN : 0, "吊销声明",
                  "revocation", zh, en);
}

static void intake(struct ps_facts_gathering *g, const struct ps_enclosed_intake *k) {
    char time[40], zh[PS_FACTS_LINE], en[PS_FACTS_LINE], label[2][80];
    const char *order = k->order[0] != '\0' ? k->order : "–";
    ps_facts_time(k->wall_ns, time);
    (void)snprintf(label[0], sizeof label[0], "照片 %s", k->name);
    (void)snprintf(label[1], sizeof label[1], "photographs %s", k->name);
    (void)snprintf(zh, sizeof zh,
                   "%u 张，订单 %s（商家填写），%s 入账第 %" PRIu64
                   " 条；只列出，不作判断：核对方法见 HOW-TO-VERIFY.txt",
                   k->photos, order, time, k->entry);
    (void)snprintf(en, sizeof en,
                   "%u, order %s (merchant's entry), in the ledger at %s as entry %" PRIu64
                   "; listed, not judged: HOW-TO-VERIFY.txt tells how to check",
                   k->photos, order, time, k->entry);
    if (k->whole)
        ps_facts_tell(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, 0, label[0], label[1], zh, en);
    else
        ps_facts_tell(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, PS_FACTS_WARN, label[0], label[1],
                      "与其账本条目不符，或无法读取",
                      "do not fit their entry of the ledger, or cannot be read");
    if (k->whole)
        ps_facts_hex(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, "其 intake.json 的 SHA-256",
                     "SHA-256 of their intake.json", k->sha256);
}

void ps_facts_enclosed(struct ps_facts_gathering *g) {
    const struct ps_enclosed *e = g->in->enclosed;
    if (e == NULL)
        return;
    keys(g, e);
    for (unsigned i = 0; i < e->n_revocations; i++)
        revocation(g, &e->revocations[i]);
    for (unsigned i = 0; i < e->n_intakes; i++)
        intake(g, &e->intakes[i]);
    if (e->more_intakes > 0)
        ps_facts_say(g, PS_FACTS_ENCLOSED, PS_FACTS_REPORT, 0, "照片", "photographs", "另有 %u 组",
                     "%u more sets", e->more_intakes);
}
