/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/proof.h"

#include "tests/golden/sample_tlog.h"
#include "tests/unit/tap.h"

/* What a reader says of these bytes, which lie at the very end of their memory. */
static int judge(const void *p, size_t n, const struct ps_vkey *log) {
    uint8_t *exact = malloc(n > 0 ? n : 1);
    struct ps_proof proof;
    struct ps_checkpoint c;
    memcpy(exact, p, n);
    int err = ps_proof_parse(&proof, exact, n);
    if (err == 0)
        err = ps_proof_check(&proof, log, &c);
    free(exact);
    return err;
}

static void golden(const struct sample_tlog *t, const uint8_t *p, size_t n) {
    struct ps_proof proof, made;
    struct ps_checkpoint c;
    struct ps_vkey other;
    struct ps_buf note, b;
    size_t leaf_len = 0;
    uint8_t *leaf = sample_golden("leaf-seal.bin", &leaf_len);
    tap_is_int(ps_proof_parse(&proof, p, n), 0, "the golden proof is read");
    tap_ok(proof.index == 124 && proof.n == 8, "its place and number of siblings");
    tap_ok(leaf != NULL && proof.leaf_len == leaf_len && memcmp(proof.leaf, leaf, leaf_len) == 0,
           "it holds the seal leaf");
    tap_is_int(ps_proof_check(&proof, &t->log, &c), 0, "it proves");
    tap_ok(c.size == 130 && strcmp(c.origin, t->log.name) == 0, "in this checkpoint");
    tap_is_int(ps_proof_check(&proof, &t->log, NULL), 0, "nobody need ask for it");

    ps_buf_init(&note, PS_NOTE_MAX);
    ps_buf_init(&b, PS_PROOF_MAX);
    sample_tlog_cosigned(t, &note);
    made = sample_tlog_proof(t, &note);
    ps_proof_write(&b, &made);
    tap_ok(b.err == 0 && b.n == n && memcmp(b.p, p, n) == 0, "it is written the same");

    ps_note_vkey_make(&other, "packseal.invalid/ST03/2", PS_NOTE_ED25519, t->log.key);
    tap_is_int(ps_proof_check(&proof, &other, &c), PS_ENOENT,
               "a ledger begun anew with the same key is another");
    tap_ok(c.size == 0 && c.origin[0] == '\0', "and nothing is told of its checkpoint");
    other = t->log;
    other.key[5] ^= 1;
    tap_is_int(ps_proof_check(&proof, &other, NULL), PS_ESIG, "another key under the same name");
    ps_buf_free(&b);
    ps_buf_free(&note);
    free(leaf);
}

static void mutations(const struct sample_tlog *t, const uint8_t *p, size_t n) {
    size_t accepted = 0, without = n - 1, cut = 0;
    uint8_t *q = malloc(n + 1);
    while (p[without - 1] != '\n')
        without--;
    for (size_t bit = 0; bit < without * 8;
         bit++) { /* the witness's line is judged by who knows the witness */
        memcpy(q, p, n);
        q[bit / 8] ^= (uint8_t)(1u << bit % 8);
        accepted += judge(q, n, &t->log) == 0;
    }
    tap_is_uint(accepted, 0, "every bit of leaf, place, siblings and checkpoint counts");
    for (size_t len = 0; len < n; len++)
        cut += len != without && judge(p, len, &t->log) == 0;
    tap_is_uint(cut, 0, "no shorter file proves, but that without the witness");
    for (int byte = 0; byte < 256; byte++) {
        memcpy(q, p, n);
        q[n] = (uint8_t)byte;
        accepted += judge(q, n + 1, &t->log) == 0;
    }
    tap_is_uint(accepted, 0, "nor one with a byte more");
    free(q);
}

/* A proof that is right but for what `bend` does to it. */
struct bent {
    const char *what;
    void (*bend)(struct ps_proof *p);
    int err;
};

static void nothing(struct ps_proof *p) {
    (void)p;
}
static void next_index(struct ps_proof *p) {
    p->index++;
}
static void far_index(struct ps_proof *p) {
    p->index = INT64_MAX;
}
static void same_as_size(struct ps_proof *p) {
    p->index = SAMPLE_TLOG_SIZE;
}
static void one_less(struct ps_proof *p) {
    p->n--;
}
static void none(struct ps_proof *p) {
    p->n = 0;
}
static void one_more(struct ps_proof *p) {
    p->n++;
}
static void as_many_as_can_be(struct ps_proof *p) {
    p->n = 64;
}
static void swapped(struct ps_proof *p) {
    memcpy(p->hash[20], p->hash[0], 32);
    memcpy(p->hash[0], p->hash[1], 32);
    memcpy(p->hash[1], p->hash[20], 32);
    memset(p->hash[20], 0, 32);
}
static void longer_leaf(struct ps_proof *p) {
    p->leaf[p->leaf_len++] = 0;
}
static void node_as_leaf(struct ps_proof *p) {
    /* The children of an inner node, offered as a leaf one level up. */
    ps_leaf_hash(p->leaf, p->leaf, p->leaf_len);
    memcpy(p->leaf + 32, p->hash[0], 32);
    p->leaf_len = 64;
    p->index /= 2;
    memmove(p->hash[0], p->hash[1], (size_t)--p->n * 32);
}

static void bent(const struct sample_tlog *t) {
    static const struct bent cases[] = {
        {"nothing bent", nothing, 0},
        {"the next index", next_index, PS_ESIG},
        {"a far index", far_index, PS_ESIG},
        {"the index behind the last", same_as_size, PS_ESIG},
        {"a sibling less", one_less, PS_ESIG},
        {"no siblings", none, PS_ESIG},
        {"a sibling more", one_more, PS_ESIG},
        {"64 siblings", as_many_as_can_be, PS_ESIG},
        {"two siblings swapped", swapped, PS_ESIG},
        {"a longer leaf", longer_leaf, PS_ESIG},
        {"an inner node as a leaf", node_as_leaf, PS_ESIG},
    };
    struct ps_buf note, b;
    ps_buf_init(&note, PS_NOTE_MAX);
    sample_tlog_checkpoint(t, SAMPLE_TLOG_SIZE, &note);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_proof p = sample_tlog_proof(t, &note);
        cases[i].bend(&p);
        ps_buf_init(&b, PS_PROOF_MAX);
        ps_proof_write(&b, &p);
        tap_is_int(b.err, 0, "%s: is written", cases[i].what);
        tap_is_int(judge(b.p, b.n, &t->log), cases[i].err, "%s", cases[i].what);
        ps_buf_free(&b);
    }
    ps_buf_free(&note);
}

/* Every leaf of the ledger, in trees of every size. */
static void all_places(const struct sample_tlog *t) {
    size_t refused = 0;
    for (uint64_t size = 1; size <= SAMPLE_TLOG_SIZE; size += size < 20 ? 1 : 11) {
        struct ps_buf note, b;
        ps_buf_init(&note, PS_NOTE_MAX);
        sample_tlog_checkpoint(t, size, &note);
        for (uint64_t i = 0; i < size; i += size < 20 ? 1 : 5) {
            struct ps_proof p = {.index = i, .note = (const char *)note.p, .note_len = note.n};
            p.leaf_len = sample_tlog_leaf(t, i, p.leaf);
            p.n = (unsigned)ps_merkle_proof(&t->tree, i, size, p.hash);
            ps_buf_init(&b, PS_PROOF_MAX);
            ps_proof_write(&b, &p);
            refused += judge(b.p, b.n, &t->log) != 0;
            ps_buf_free(&b);
        }
        ps_buf_free(&note);
    }
    tap_is_uint(refused, 0, "each leaf is proven in each tree, the first of one leaf too");
}

/* What a log may hold, by its own hand, and what is still no leaf of this ledger: a tree of one. */
static int lone_leaf(const struct sample_tlog *t, const void *leaf, size_t n) {
    struct ps_checkpoint c = {.size = 1};
    struct ps_proof p = {.leaf_len = n};
    struct ps_buf text, note, b;
    memcpy(p.leaf, leaf, n);
    snprintf(c.origin, sizeof c.origin, "%s", t->log.name);
    ps_leaf_hash(c.root, leaf, n);
    ps_buf_init(&text, PS_NOTE_MAX);
    ps_buf_init(&note, PS_NOTE_MAX);
    ps_buf_init(&b, PS_PROOF_MAX);
    ps_checkpoint_write(&text, &c);
    sample_tlog_note(t, (char *)text.p, text.n, &note);
    p.note = (char *)note.p;
    p.note_len = note.n;
    ps_proof_write(&b, &p);
    int err = b.err != 0 ? b.err : judge(b.p, b.n, &t->log);
    ps_buf_free(&text);
    ps_buf_free(&note);
    ps_buf_free(&b);
    return err;
}

static void leaves(const struct sample_tlog *t) {
    uint8_t leaf[PS_MAX_LEAF] = {0};
    size_t n = sample_tlog_leaf(t, 0, leaf);
    tap_is_int(lone_leaf(t, leaf, n), 0, "a tree of one leaf");
    n = sample_tlog_leaf(t, 1, leaf);
    tap_is_int(lone_leaf(t, leaf, n), PS_ESIG, "a leaf that says another index");
    n = sample_tlog_leaf(t, 0, leaf);
    leaf[8] ^= 1;
    tap_is_int(lone_leaf(t, leaf, n), PS_ESIG, "a leaf of another key's log");
    leaf[8] ^= 1;
    leaf[4] = 200;
    tap_is_int(lone_leaf(t, leaf, n), PS_EVERSION, "a type that is not known");
    leaf[4] = 1;
    tap_is_int(lone_leaf(t, leaf, n - 1), PS_EFORMAT, "a leaf too short");
    tap_is_int(lone_leaf(t, leaf, n + 1), PS_EFORMAT, "a leaf too long");
    tap_is_int(lone_leaf(t, "no leaf", 7), PS_EFORMAT, "what is no leaf");
    tap_is_int(lone_leaf(t, "", 0), PS_EINVAL, "nothing at all is not written");
}

/* ---- the text ---- */

static void forms(const uint8_t *p, size_t n, const struct ps_vkey *log) {
    static const struct {
        const char *from, *to;
        int err;
        const char *what;
    } cases[] = {
        {"tlog-proof@v1", "tlog-proof@v2", PS_EFORMAT, "another version"},
        {"c2sp.org", " c2sp.org", PS_EFORMAT, "a space before"},
        {"@v1\n", "@v1\r\n", PS_EFORMAT, "CR LF"},
        {"extra ", "Extra ", PS_EFORMAT, "another word"},
        {"extra ", "extra  ", PS_EFORMAT, "two spaces"},
        {"extra UFNM", "extra UF=M", PS_EFORMAT, "no base64"},
        {"AAA==\nindex", "AAB==\nindex", PS_EFORMAT, "spare bits"},
        {"AAA==\nindex", "AAA\nindex", PS_EFORMAT, "no padding"},
        {"index 124\n", "index 0124\n", PS_EFORMAT, "a leading zero"},
        {"index 124\n", "index -124\n", PS_EFORMAT, "a sign"},
        {"index 124\n", "index 124 \n", PS_EFORMAT, "a space after"},
        {"index 124\n", "index \n", PS_EFORMAT, "no number"},
        {"index 124\n", "index 99999999999999999999\n", PS_EFORMAT, "a number that is too large"},
        {"index 124\n", "", PS_EFORMAT, "no index"},
        {"index 124\n", "index 124\nindex 124\n", PS_EFORMAT, "an index twice"},
        {"index 124\n", "index 124\n\n", PS_ESIG, "the checkpoint too early"},
        {"index 124\n", "index 124\nAAAA\n", PS_EFORMAT, "a sibling too short"},
        {"\n\npackseal", "\npackseal", PS_EFORMAT, "no blank line"},
        {"\n\npackseal", "\n\n\npackseal", PS_ESIG, "two blank lines"},
    };
    struct ps_buf b;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *at = memmem(p, n, cases[i].from, strlen(cases[i].from));
        if (at == NULL) {
            tap_fail("%s: the golden proof has it", cases[i].what);
            continue;
        }
        size_t before = (size_t)(at - p), after = before + strlen(cases[i].from);
        ps_buf_init(&b, PS_PROOF_MAX);
        ps_buf_bytes(&b, p, before);
        ps_buf_text(&b, cases[i].to);
        ps_buf_bytes(&b, p + after, n - after);
        tap_is_int(judge(b.p, b.n, log), cases[i].err, "%s", cases[i].what);
        ps_buf_free(&b);
    }
    tap_is_int(judge("", 0, log), PS_ESHORT, "nothing");

    const uint8_t *index = memmem(p, n, "index 124\n", 10);
    size_t head = (size_t)(index - p) + 10;
    ps_buf_init(&b, PS_PROOF_MAX + 1);
    ps_buf_bytes(&b, p, head);
    for (int i = 0; i < 65 - 8; i++)
        ps_buf_text(&b, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    ps_buf_bytes(&b, p + head, n - head);
    tap_is_int(judge(b.p, b.n, log), PS_ELIMIT, "65 siblings");
    while (b.n <= PS_PROOF_MAX)
        ps_buf_text(&b, "x");
    tap_is_int(judge(b.p, b.n, log), PS_ELIMIT, "a file too long");
    ps_buf_free(&b);
    ps_buf_init(&b, PS_PROOF_MAX);
    ps_buf_text(&b, "c2sp.org/tlog-proof@v1\nextra ");
    for (int i = 0; i < 700 / 4; i++)
        ps_buf_text(&b, "AAAA");
    ps_buf_text(&b, "\nindex 0\n\n");
    tap_is_int(judge(b.p, b.n, log), PS_ELIMIT, "a leaf too long");
    ps_buf_free(&b);
}

int main(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("clip.tlog-proof", &n);
    if (sodium_init() < 0 || p == NULL)
        tap_bail("the golden proof is not there");
    struct sample_tlog *t = sample_tlog_new();
    golden(t, p, n);
    mutations(t, p, n);
    bent(t);
    all_places(t);
    leaves(t);
    forms(p, n, &t->log);
    sample_tlog_free(t);
    free(p);
    return tap_done();
}
