/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proofs beside a statement that cannot be judged by one answer: the golden clip, whose seal proof is there alone. */
#include "evidence/verdict.h"

#include "tests/unit/maker.h"
#include "tests/unit/tap.h"

static struct ps_verdict v;

static void give(struct maker *m, const char *name, const char *golden) {
    size_t n = 0;
    uint8_t *p = sample_golden(golden, &n);
    if (p == NULL)
        tap_bail("no golden clip");
    maker_put(m, name, p, n);
}

static size_t judge(struct maker *m, const char *code) {
    struct ps_tree t = maker_tree(m);
    struct ps_verdict_input in = {.files = &t, .prefix = ""};
    size_t n = 0;
    tap_is_int(ps_verdict_clip(&v, &in), 0, "there is a verdict");
    for (size_t i = 0; i < v.n_problems; i++)
        n += strcmp(v.problems[i].code, code) == 0;
    ps_verdict_free(&v);
    return n;
}

/* The ledger's own line once more, at the end. */
static void sign_twice(struct maker *m) {
    static const char begin[] = "\xe2\x80\x94 packseal.invalid/ST03 ";
    struct maker_file *f = maker_file(m, "seal.tlog-proof");
    uint8_t *line = memmem(f->p, f->n, begin, sizeof begin - 1);
    if (line == NULL)
        tap_bail("the golden proof bears no signature of its ledger");
    size_t n = (size_t)((uint8_t *)memchr(line, '\n', f->n - (size_t)(line - f->p)) - line) + 1;
    uint8_t *p = malloc(f->n + n);
    memcpy(p, f->p, f->n);
    memcpy(p + f->n, line, n);
    maker_put(m, "seal.tlog-proof", p, f->n + n);
}

int main(void) {
    struct maker *m = calloc(1, sizeof *m);
    give(m, "clip.json", "clip.json");
    give(m, "clip.json.minisig", "clip.json.minisig");
    give(m, "seal.tlog-proof", "clip.tlog-proof");

    tap_ok(judge(m, "proof-invalid") == 0, "the golden proof holds");
    tap_ok(judge(m, "proof-missing") == 1, "its companion is missed");
    tap_is_str(ps_verdict_ledger(v.ledger, false), "inconsistent", "which is a contradiction");

    sign_twice(m);
    tap_ok(judge(m, "proof-invalid") == 1, "a checkpoint with two lines of its ledger is no proof");
    tap_is_str(ps_verdict_ledger(v.ledger, false), "inconsistent", "and a verdict all the same");

    for (size_t i = 0; i < m->n; i++)
        free(m->files[i].p);
    free(m);
    return tap_done();
}
