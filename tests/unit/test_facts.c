/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of facts, and that no name or code gets out of the text it belongs to.
 */
#include "report/document.h"
#include "report/paint.h"
#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

#include <time.h>

#define HOUR INT64_C(3600000000000)

static struct sample *sample;
static struct ps_verdict verdict;
static struct ps_facts facts;

static struct ps_facts_input fresh(void) {
    free(sample);
    sample = sample_new();
    verdict = (struct ps_verdict){.clip = &sample->clip,
                                  .time = PS_TIME_SELF,
                                  .ledger = PS_LEDGER_ABSENT,
                                  .not_before_ns = INT64_MIN,
                                  .not_after_ns = INT64_MAX,
                                  .signer = sample->clip.key};
    return (struct ps_facts_input){.v = &verdict};
}

/* The first fact of a section whose English label or value holds this, or NULL. */
static const struct ps_fact *find(enum ps_facts_section s, const char *what) {
    for (size_t i = 0; i < facts.n; i++)
        if (facts.facts[i].section == s &&
            (strstr(facts.facts[i].label.en, what) != NULL || strstr(facts.facts[i].value.en, what) != NULL))
            return &facts.facts[i];
    return NULL;
}

static bool says(enum ps_facts_section s, const char *what, enum ps_facts_who who, bool warn) {
    const struct ps_fact *f = find(s, what);
    if (f == NULL)
        tap_diag("no fact holds: %s", what);
    else if (f->who != who || f->warn != warn)
        tap_diag("%s: who %d, warn %d", what, (int)f->who, f->warn);
    return f != NULL && f->who == who && f->warn == warn;
}

static void gathered(void) {
    struct ps_facts_input in = fresh();
    tap_is_int(ps_facts_gather(&facts, &in), 0, "facts of the golden clip");
    tap_is_str(facts.clip, "ST03-0000123", "its name");
    tap_ok(says(PS_FACTS_CLIP, "opened in the ledger", PS_FACTS_SIGNER, false),
           "the signer observed the opening");
    tap_ok(says(PS_FACTS_CLIP, "ST03  ", PS_FACTS_RECORDER, false), "the recorder stated the station");
    tap_ok(says(PS_FACTS_FILMS, "captured", PS_FACTS_RECORDER, true),
           "lost frames are told by the recorder, and marked");
    tap_ok(says(PS_FACTS_FILMS, "not seen by the signer", PS_FACTS_SIGNER, true),
           "unwitnessed segments are marked");
    tap_ok(says(PS_FACTS_FILMS, "LOST", PS_FACTS_SIGNER, true), "lost segments are marked");
    tap_ok(says(PS_FACTS_TIME, "earliest time is the station's own word", PS_FACTS_REPORT, true) &&
               says(PS_FACTS_TIME, "latest time is the station's own word", PS_FACTS_REPORT, true),
           "without time from outside both bounds are told to be missing");
    tap_ok(says(PS_FACTS_TAKES, "were not looked for", PS_FACTS_REPORT, true),
           "takes that nobody looked for are told");
    tap_ok(find(PS_FACTS_COURT, "method of extraction") && find(PS_FACTS_COURT, "device") &&
               find(PS_FACTS_COURT, "software") && find(PS_FACTS_COURT, "recorder's SHA-256"),
           "what a court's list asks: device, software, its digest, extraction");
    bool whole = facts.n > 40;
    for (size_t i = 0; i < facts.n; i++)
        whole = whole && facts.facts[i].label.zh[0] != 0 && facts.facts[i].label.en[0] != 0 &&
                (facts.facts[i].head || (facts.facts[i].value.zh[0] != 0 && facts.facts[i].value.en[0] != 0));
    tap_ok(whole, "each of %zu facts has words in both languages", facts.n);
    tap_is_int((long)facts.n_moments, 2, "two moments: the film's start and end");
    ps_facts_free(&facts);
    in.v = NULL;
    tap_is_int(ps_facts_gather(&facts, &in), PS_EINVAL, "without a statement there are no facts");
    ps_facts_free(&facts);
}

static void in_order(void) {
    struct ps_facts_input in = fresh();
    int64_t start = sample->clip.started.wall_ns, end = sample->clip.ended.wall_ns;
    verdict.time = PS_TIME_BOUNDED;
    verdict.not_before_ns = start - HOUR / 6;
    verdict.not_after_ns = end + HOUR / 4;
    in.printed = (struct ps_facts_date){true, false, start - HOUR};
    in.picked_up = (struct ps_facts_date){true, false, end + 5 * HOUR};
    in.delivered = (struct ps_facts_date){true, false, end + 48 * HOUR};
    in.claimed = (struct ps_facts_date){true, true, end + 96 * HOUR};
    tap_is_int(ps_facts_gather(&facts, &in), 0, "with all dates");
    bool grows = facts.n_moments == PS_FACTS_MOMENTS;
    for (size_t i = 0; i < facts.n_moments; i++)
        grows = grows && facts.moments[i].kind == (enum ps_facts_moment_kind)i;
    tap_ok(grows, "eight moments from print to claim, in their order");
    tap_ok(facts.moments[PS_FACTS_NOT_AFTER].who == PS_FACTS_OUTSIDE &&
               facts.moments[PS_FACTS_CLAIMED].who == PS_FACTS_MERCHANT &&
               facts.moments[PS_FACTS_STARTED].who == PS_FACTS_RECORDER,
           "outside dates, the merchant's entries and the recorder's are told apart");
    tap_is_str(facts.moments[PS_FACTS_CLAIMED].time, "", "a whole day has no time of day");
    tap_ok(find(PS_FACTS_TIME, "out of order") == NULL, "nothing contradicts");
    tap_ok(find(PS_FACTS_TIME, "10 min 0 s") != NULL, "the age of the freshness code is told");
    tap_ok(facts.good[2], "bounded on both sides is good");
    ps_facts_free(&facts);

    in.delivered.wall_ns = start - 2 * HOUR;
    tap_is_int(ps_facts_gather(&facts, &in), 0, "delivered before it was packed");
    tap_ok(says(PS_FACTS_TIME, "“delivered” is earlier than “film starts”", PS_FACTS_REPORT, true),
           "is told");
    ps_facts_free(&facts);
}

static void takes(void) {
    struct ps_facts_take three[] = {
        {.clip = "ST03-0000100", .take = 2, .end_reason = "cancelled"},
        {.clip = "ST03-0000123", .take = 5, .end_reason = "stop", .here = true},
        {.clip = "ST03-0000130", .take = 6, .end_reason = "stop", .included = true},
    };
    struct ps_facts_input in = fresh();
    in.takes = three;
    in.n_takes = 3;
    tap_is_int(ps_facts_gather(&facts, &in), 0, "three takes of six");
    tap_ok(says(PS_FACTS_TAKES, "take 1: not found", PS_FACTS_REPORT, true) &&
               says(PS_FACTS_TAKES, "takes 3 to 4: not found", PS_FACTS_REPORT, true),
           "missing takes are named");
    tap_ok(says(PS_FACTS_TAKES, "cancelled; NOT delivered", PS_FACTS_REPORT, true),
           "a take that is kept back is told");
    tap_ok(says(PS_FACTS_TAKES, "this report", PS_FACTS_REPORT, false) &&
               says(PS_FACTS_TAKES, "; delivered with it", PS_FACTS_REPORT, false),
           "this one and one more that comes with it");
    ps_facts_free(&facts);

    three[0].removed = true;
    three[0].why = PS_TOMBSTONE_RETENTION;
    three[0].tombstone = 140;
    tap_is_int(ps_facts_gather(&facts, &in), 0, "a take that was removed");
    tap_ok(says(PS_FACTS_TAKES, "its days were over (entry 140 of the ledger)", PS_FACTS_REPORT, true),
           "is told with the reason and the ledger's entry");
    ps_facts_free(&facts);
    three[0].why = 0;
    tap_is_int(ps_facts_gather(&facts, &in), 0, "a take that was removed, nobody knows why");
    tap_ok(says(PS_FACTS_TAKES, "films REMOVED", PS_FACTS_REPORT, true) &&
               find(PS_FACTS_TAKES, "(entry") == NULL,
           "is told without");
    ps_facts_free(&facts);
}

static void problems(void) {
    struct ps_facts_input in = fresh();
    ps_verdict_worsen(&verdict, PS_CONTENT_ALTERED);
    ps_verdict_problem(&verdict, "segment-altered", "top.mp4 segment 3", "other pictures");
    ps_verdict_problem(&verdict, "some-new-code", "x", "something later");
    tap_is_int(ps_facts_gather(&facts, &in), 0, "of an altered clip");
    tap_ok(!facts.good[0] && strcmp(facts.content.zh, "已改动") == 0, "the answer is altered");
    const struct ps_fact *f = find(PS_FACTS_VERDICT, "top.mp4 segment 3");
    tap_ok(f != NULL && f->warn && strstr(f->value.zh, "片段已改动") != NULL,
           "the place is named, in Chinese too");
    f = find(PS_FACTS_VERDICT, "some-new-code");
    tap_ok(f != NULL && strstr(f->value.zh, "something later") != NULL,
           "a code without a translation keeps its text");
    ps_facts_free(&facts);
}

static void cleaned(void) {
    char *s = ps_facts_clean("a\xE2\x80\xAE"
                             "b\nc\x7F"
                             "\xEF\xBB\xBF"
                             "打包\xFF");
    tap_is_str(s, "a<U+202E>b<U+000A>c<U+007F><U+FEFF>打包\xEF\xBF\xBD",
               "marks that turn the writing or hide, controls and broken bytes are shown");
    free(s);
    s = ps_facts_clean("\xE2\x80");
    tap_ok(s != NULL && strstr(s, "\xEF\xBF\xBD") != NULL, "a cut character does not read past the end");
    free(s);
}

/* ---- pages */

#define EVIL "\"><script>alert(1)</script><img src=http://x.example/ onerror=y>'&"

static void make_evil(void) {
    struct ps_clip *c = &sample->clip;
    (void)snprintf(c->station_name, sizeof c->station_name, "%.64s", EVIL);
    (void)snprintf(c->opening.operator_id, sizeof c->opening.operator_id, "%.64s", "</td><iframe>");
    for (unsigned i = 0; i < c->opening.n_codes; i++)
        (void)snprintf(c->opening.codes[i].value, sizeof c->opening.codes[i].value, "%s", EVIL);
    (void)snprintf(c->tracks[0].camera, sizeof c->tracks[0].camera, "%.64s", EVIL);
    (void)snprintf(c->tracks[0].model, sizeof c->tracks[0].model, "%.64s", EVIL);
    memset(c->software, '<', sizeof c->software - 1);
    if (c->n_added_codes > 0)
        memset(c->added_codes[0].value, 'W', PS_MAX_CODE); /* as long as a code can be, nowhere to break */
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void pages(void) {
    struct ps_facts_input in = fresh();
    static uint8_t jpeg[] = "\xff\xd8 no picture";
    struct ps_stills stills = {.n = 1, .v = {{.width = 16, .height = 9, .jpeg = jpeg, .n = sizeof jpeg}}};
    struct ps_document d = {.facts = &facts, .stills = &stills, .clip = &sample->clip, .lang = PS_FACTS_BOTH};
    struct ps_buf html, pdf, again, card;
    struct ps_why why = {0};
    make_evil();
    tap_is_int(ps_facts_gather(&facts, &in), 0, "facts of a hostile clip");
    ps_buf_init(&html, PS_DOCUMENT_MAX);
    ps_html_write(&d, &html);
    ps_buf_u8(&html, 0);
    const char *text = (const char *)html.p;
    tap_ok(html.err == 0 && strstr(text, "</html>") != NULL, "HTML is written whole");
    tap_ok(strstr(text, "<script") == NULL && strstr(text, "<iframe") == NULL && count(text, "<img ") == 1,
           "no element of a name or code becomes one of the page");
    tap_ok(strstr(text, "&lt;script&gt;") != NULL && strstr(text, "onerror=y&gt;&#39;&amp;") != NULL,
           "they are shown as text");
    tap_is_int((long)count(text, "src="), 1 + (long)count(text, "&lt;img src="),
               "one source: the picture's own data");
    tap_ok(strstr(text, "default-src 'none'") != NULL && strstr(text, "style=") == NULL &&
               strstr(text, "href") == NULL,
           "nothing is loaded from elsewhere, by policy and in fact");
    bool all = true;
    for (unsigned i = 0; i < PS_VERDICT_LIMITS; i++) {
        struct ps_buf esc;
        ps_buf_init(&esc, 4096);
        for (const char *s = ps_verdict_limit(i, false); *s; s++)
            *s == '\'' ? ps_buf_text(&esc, "&#39;") : ps_buf_u8(&esc, (uint8_t)*s);
        ps_buf_u8(&esc, 0);
        all = all && strstr(text, (const char *)esc.p) != NULL &&
              strstr(text, ps_verdict_limit(i, true)) != NULL;
        ps_buf_free(&esc);
    }
    tap_ok(all, "the five sentences stand in it in both languages");

    stills.n = 0; /* a page without pictures */
    ps_buf_init(&pdf, PS_DOCUMENT_MAX);
    ps_buf_init(&again, PS_DOCUMENT_MAX);
    ps_buf_init(&card, PS_CARD_MAX);
    int rc = ps_pdf_write(&d, &pdf, &why);
    if (!tap_is_int(rc, 0, "PDF of the hostile clip"))
        tap_diag("%s: %s", why.where, why.text);
    tap_is_int(ps_pdf_write(&d, &again, &why), 0, "and once more");
    tap_ok(pdf.n == again.n && pdf.n > 1000 && memcmp(pdf.p, again.p, pdf.n) == 0, "the same bytes");
    tap_is_int(ps_card_write(&d, &card, &why), 0, "evidence card without pictures");
    tap_ok(card.n > 1000 && card.n < PS_CARD_MAX && memcmp(card.p, "\xff\xd8\xff", 3) == 0,
           "is a JPEG below 1 MB");
    ps_buf_free(&card);
    ps_buf_free(&again);
    ps_buf_free(&pdf);
    ps_buf_free(&html);
    ps_facts_free(&facts);
}

int main(void) {
    (void)setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    gathered();
    in_order();
    takes();
    problems();
    cleaned();
    pages();
    free(sample);
    return tap_done();
}
