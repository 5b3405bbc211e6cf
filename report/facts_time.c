/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a report tells of time: the bounds, from whom they come, and all moments on one line.
 */
#include "report/facts_internal.h"

#include <stdio.h>
#include <string.h>

static void moment(struct ps_facts_gathering *g, enum ps_facts_moment_kind kind, enum ps_facts_who who,
                   int64_t ns, bool day_only) {
    struct ps_facts *f = g->f;
    char time[40];
    size_t at = f->n_moments;
    while (at > 0 && f->moments[at - 1].wall_ns > ns) {
        f->moments[at] = f->moments[at - 1];
        at--;
    }
    struct ps_facts_moment *m = &f->moments[at];
    *m = (struct ps_facts_moment){.kind = kind, .who = who, .wall_ns = ns};
    m->name = ps_facts_text_of(g, ps_facts_moment_name(kind, true), ps_facts_moment_name(kind, false));
    f->n_moments++;
    ps_facts_time(ns, time);
    (void)snprintf(m->day, sizeof m->day, "%.10s", time);
    if (!day_only && strlen(time) > 11)
        (void)snprintf(m->time, sizeof m->time, "%.20s", time + 11);
}

static void entered(struct ps_facts_gathering *g, enum ps_facts_moment_kind kind,
                    const struct ps_facts_date *d, const char *zh, const char *en) {
    char time[40];
    if (!d->given)
        return;
    moment(g, kind, PS_FACTS_MERCHANT, d->wall_ns, d->day_only);
    ps_facts_time(d->wall_ns, time);
    if (d->day_only)
        time[10] = '\0';
    ps_facts_same(g, PS_FACTS_TIME, PS_FACTS_MERCHANT, 0, zh, en, time);
}

/* Who says so: as an authority is called in the trust file, else in its certificate. */
static const char *authority(const struct ps_enclosed_token *t) {
    return t->name[0] != '\0' ? t->name : t->ts.authority;
}

struct sources {
    char zh[PS_FACTS_LINE], en[PS_FACTS_LINE];
};

static void source(struct sources *s, const char *zh, const char *en, const char *name) {
    size_t a = strlen(s->zh), b = strlen(s->en);
    (void)snprintf(s->zh + a, sizeof s->zh - a, "%s%s“%s”", a > 0 ? "、" : "，由", zh, name);
    (void)snprintf(s->en + b, sizeof s->en - b, "%s%s “%s”", b > 0 ? " and " : ", by ", en, name);
}

/* Whoever gives this very bound; several may. */
static void sources_of(const struct ps_facts_gathering *g, bool after, struct sources *s) {
    const struct ps_verdict *v = g->in->v;
    const struct ps_enclosed *e = g->in->enclosed;
    *s = (struct sources){{0}, {0}};
    for (unsigned i = 0; e != NULL && i < e->n_tokens; i++) {
        const struct ps_enclosed_token *t = &e->tokens[i];
        bool gives = after ? t->stamps && t->ts.time_ns + t->ts.accuracy_ns == v->not_after_ns
                           : t->fresh && t->ts.time_ns - t->ts.accuracy_ns == v->not_before_ns;
        if (t->trusted && gives)
            source(s, "时间戳机构", "the time-stamp authority", authority(t));
    }
    for (unsigned i = 0; after && i < v->n_witnesses; i++)
        if (v->witnesses[i].time_ns != INT64_MIN &&
            v->witnesses[i].time_ns + PS_FACTS_WITNESS_NS == v->not_after_ns)
            source(s, "见证方", "the witness", v->witnesses[i].name);
}

static void bound(struct ps_facts_gathering *g, bool after, int64_t ns) {
    struct sources from;
    char time[40];
    sources_of(g, after, &from);
    moment(g, after ? PS_FACTS_NOT_AFTER : PS_FACTS_NOT_BEFORE, PS_FACTS_OUTSIDE, ns, false);
    ps_facts_time(ns, time);
    ps_facts_say(g, PS_FACTS_TIME, PS_FACTS_OUTSIDE, 0, after ? "不晚于" : "不早于",
                 after ? "not after" : "not before", "%s%s%.0s", "%s%.0s%s", time, from.zh, from.en);
}

static void bounds(struct ps_facts_gathering *g) {
    const struct ps_verdict *v = g->in->v;
    char zh[64], en[64];
    if (v->not_before_ns != INT64_MIN) {
        bound(g, false, v->not_before_ns);
        if (g->c->started.wall_ns >= v->not_before_ns) {
            ps_facts_duration(g->c->started.wall_ns - v->not_before_ns, zh, en);
            ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_REPORT, 0, "时间码在开始时已有",
                          "age of the freshness code", zh, en);
        }
    } else {
        ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_REPORT, PS_FACTS_WARN, "不早于", "not before",
                      "没有外部时间码：最早时间只有本机自述",
                      "no freshness code from outside: the earliest time is the station's own word");
    }
    if (v->not_after_ns != INT64_MAX)
        bound(g, true, v->not_after_ns);
    else
        ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_REPORT, PS_FACTS_WARN, "不晚于", "not after",
                      "没有外部时间戳或见证：最晚时间只有本机自述",
                      "no time stamp or witness from outside: the latest time is the station's own word");
}

/* ---- who says so ------------------------------------------------------------------------------------------------ */

static void accuracy(int64_t ns, char zh[48], char en[48]) {
    double s = (double)ns / 1e9;
    (void)snprintf(zh, 48, ns > 0 ? "精度 %g 秒" : "未声明精度", s);
    (void)snprintf(en, 48, ns > 0 ? "accurate to %g s" : "no accuracy stated", s);
}

static void stamp(struct ps_facts_gathering *g, const struct ps_enclosed_token *t) {
    char time[40], zh[48], en[48], a[PS_FACTS_LINE], b[PS_FACTS_LINE];
    const char *for_zh = t->fresh && t->stamps ? "取作画面时间码，也盖在含本录像的检查点上"
                         : t->fresh            ? "取作画面时间码"
                                               : "盖在含本录像的检查点上",
               *for_en = t->fresh && t->stamps
                             ? "the code in the picture is made from it, and it is over the ledger's "
                               "checkpoint that holds this clip"
                         : t->fresh ? "the code in the picture is made from it"
                                    : "over the ledger's checkpoint that holds this clip";
    ps_facts_time(t->ts.time_ns, time);
    accuracy(t->ts.accuracy_ns, zh, en);
    (void)snprintf(a, sizeof a, "“%s”，%s，%s；%s%s", authority(t), time, zh, for_zh,
                   t->trusted ? "" : "；此机构未登记或令牌未能核实，不作为界限");
    (void)snprintf(b, sizeof b, "“%s”, %s, %s; %s%s", authority(t), time, en, for_en,
                   t->trusted ? "" : "; not registered, or not verified: it bounds nothing");
    ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_OUTSIDE, t->trusted ? 0 : PS_FACTS_WARN, "时间戳", "time stamp",
                  a, b);
}

static void witnesses(struct ps_facts_gathering *g) {
    const struct ps_verdict *v = g->in->v;
    for (unsigned i = 0; i < v->n_witnesses; i++) {
        const struct ps_verdict_witness *w = &v->witnesses[i];
        char time[40];
        bool timed = w->time_ns != INT64_MIN;
        if (timed)
            ps_facts_time(w->time_ns, time);
        ps_facts_say(g, PS_FACTS_TIME, PS_FACTS_OUTSIDE, 0, "见证方联署", "witness",
                     "“%s”，%s%.0s；联署了含本录像的检查点；见证方只联署与其以前所见相接续的账本",
                     "“%s”, %.0s%s; cosigned the ledger's checkpoint that holds this clip; a witness cosigns "
                     "only what extends the ledger that it saw before",
                     w->name, timed ? time : "没有时间", timed ? time : "at no time");
    }
    if (v->n_witnesses == 0)
        ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_REPORT, 0, "见证方联署", "witnesses",
                      "没有已登记见证方的联署：账本只有一份，未经外部见证",
                      "none that is registered: that there is one ledger only, nobody outside has confirmed");
}

/* The same in one line, for a card: whoever bounds the time. */
static void in_short(struct ps_facts_gathering *g) {
    const struct ps_verdict *v = g->in->v;
    const struct ps_enclosed *e = g->in->enclosed;
    struct sources s = {{0}, {0}};
    for (unsigned i = 0; e != NULL && i < e->n_tokens; i++) {
        const struct ps_enclosed_token *t = &e->tokens[i];
        bool again = !t->trusted;
        for (unsigned k = 0; k < i; k++)
            again = again || (e->tokens[k].trusted && strcmp(authority(t), authority(&e->tokens[k])) == 0);
        size_t a = strlen(s.zh), b = strlen(s.en);
        if (again)
            continue;
        (void)snprintf(s.zh + a, sizeof s.zh - a, "%s“%s”", a > 0 ? "、" : "时间戳机构", authority(t));
        (void)snprintf(s.en + b, sizeof s.en - b, "%s“%s”", b > 0 ? ", " : "time stamps by ", authority(t));
    }
    for (unsigned i = 0; i < v->n_witnesses; i++) {
        size_t a = strlen(s.zh), b = strlen(s.en);
        char time[40] = "";
        if (v->witnesses[i].time_ns != INT64_MIN)
            ps_facts_time(v->witnesses[i].time_ns, time);
        (void)snprintf(s.zh + a, sizeof s.zh - a, "%s见证方“%s” %s 联署", a > 0 ? "；" : "",
                       v->witnesses[i].name, time);
        (void)snprintf(s.en + b, sizeof s.en - b, "%switness “%s” %s", b > 0 ? "; " : "",
                       v->witnesses[i].name, time);
    }
    g->f->outside = ps_facts_text_of(g, s.zh, s.en);
}

static void outside(struct ps_facts_gathering *g) {
    const struct ps_enclosed *e = g->in->enclosed;
    for (unsigned i = 0; e != NULL && i < e->n_tokens; i++)
        stamp(g, &e->tokens[i]);
    witnesses(g);
    in_short(g);
}

/* ---- the line --------------------------------------------------------------------------------------------------- */

/* Dates in an order that cannot be: told, not mended. */
static void contradictions(struct ps_facts_gathering *g) {
    const struct ps_facts *f = g->f;
    for (size_t i = 0; i < f->n_moments; i++)
        for (size_t k = i + 1; k < f->n_moments; k++) {
            const struct ps_facts_moment *a = &f->moments[i], *b = &f->moments[k];
            bool same_day = strcmp(a->day, b->day) == 0 && (a->time[0] == 0 || b->time[0] == 0);
            /* A label may be printed before the freshness code was made, and a stamp may come after the courier. */
            bool apart = (a->kind == PS_FACTS_NOT_BEFORE && b->kind == PS_FACTS_PRINTED) ||
                         (a->kind > PS_FACTS_NOT_AFTER && b->kind == PS_FACTS_NOT_AFTER);
            if (a->kind <= b->kind || same_day || apart || g->err < 0)
                continue;
            char zh[PS_FACTS_LINE], en[PS_FACTS_LINE];
            (void)snprintf(zh, sizeof zh, "“%s”早于“%s”", a->name.zh, b->name.zh);
            (void)snprintf(en, sizeof en, "“%s” is earlier than “%s”", a->name.en, b->name.en);
            ps_facts_tell(g, PS_FACTS_TIME, PS_FACTS_REPORT, PS_FACTS_WARN, "先后矛盾", "out of order", zh,
                          en);
        }
}

void ps_facts_times(struct ps_facts_gathering *g) {
    const struct ps_facts_input *in = g->in;
    const struct ps_opening *o = &g->c->opening;
    char time[40];
    entered(g, PS_FACTS_PRINTED, &in->printed, "面单打印", "label printed");
    bounds(g);
    moment(g, PS_FACTS_STARTED, PS_FACTS_RECORDER, g->c->started.wall_ns, false);
    moment(g, PS_FACTS_ENDED, PS_FACTS_RECORDER, g->c->ended.wall_ns, false);
    ps_facts_time(g->c->started.wall_ns, time);
    ps_facts_same(g, PS_FACTS_TIME, PS_FACTS_RECORDER, 0, "录像开始", "film starts", time);
    ps_facts_time(g->c->ended.wall_ns, time);
    ps_facts_same(g, PS_FACTS_TIME, PS_FACTS_RECORDER, 0, "录像结束", "film ends", time);
    entered(g, PS_FACTS_PICKED_UP, &in->picked_up, "快递揽收", "picked up");
    entered(g, PS_FACTS_DELIVERED, &in->delivered, "签收", "delivered");
    entered(g, PS_FACTS_CLAIMED, &in->claimed, "申请售后", "claim");
    if (o->freshness[0] != '\0')
        ps_facts_say(g, PS_FACTS_TIME, PS_FACTS_RECORDER, 0, "画面上的时间码",
                     "freshness code in the picture", "%s，印在每帧画面的字幕条里",
                     "%s, in the banner of every frame", o->freshness);
    outside(g);
    contradictions(g);
}
