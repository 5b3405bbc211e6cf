/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "evidence/statement.h"

#include <jansson.h>

#include "tests/golden/sample.h"
#include "tests/unit/tap.h"

static struct ps_buf written(const struct ps_clip *c) {
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_STATEMENT);
    ps_statement_write(c, &b);
    return b;
}

/* Parses a copy of just that size, for the address sanitizer. */
static int parse(const void *p, size_t n, struct ps_clip **c, struct ps_why *why) {
    uint8_t *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, p, n);
    *why = (struct ps_why){"", ""};
    int err = ps_statement_parse(c, copy, n, why);
    free(copy);
    return err;
}

static int accepts(const void *p, size_t n) {
    struct ps_clip *c = NULL;
    struct ps_why why;
    int err = parse(p, n, &c, &why);
    ps_statement_free(c);
    return err;
}

/* ---- golden ---- */

static void same_track(const struct ps_track *a, const struct ps_track *b) {
    tap_is_str(a->camera, b->camera, "camera");
    tap_is_str(a->model, b->model, "model, with quotes and backslashes");
    tap_is_str(a->serial, b->serial, "serial");
    tap_is_str(a->path, b->path, "path");
    tap_is_str(a->driver, b->driver, "driver");
    tap_is_str(a->source_format, b->source_format, "source format");
    tap_is_str(a->codec, b->codec, "codec");
    tap_is_mem(&a->file, &b->file, sizeof a->file, "file");
    tap_ok(a->width == b->width && a->height == b->height, "picture size");
    tap_is_mem(&a->banner, &b->banner, sizeof a->banner, "banner");
    tap_is_mem(&a->counts, &b->counts, sizeof a->counts, "counts");
    tap_is_mem(a->head, b->head, 32, "head");
    tap_ok(a->n_gaps == b->n_gaps && a->n_records == b->n_records && a->n_unwitnessed == b->n_unwitnessed &&
               a->n_lost == b->n_lost,
           "lengths of lists");
    tap_is_mem(a->records, b->records, a->n_records * sizeof *a->records, "records");
    if (a->n_gaps > 0)
        tap_is_mem(a->gaps, b->gaps, a->n_gaps * sizeof *a->gaps, "gaps");
    if (a->n_unwitnessed > 0)
        tap_is_mem(a->unwitnessed, b->unwitnessed, a->n_unwitnessed * sizeof *a->unwitnessed, "unwitnessed");
    tap_is_uint(a->n_preroll, b->n_preroll, "pre-roll");
    tap_is_uint(a->n_banners, b->n_banners, "banners");
    if (a->n_lost > 0)
        tap_is_mem(a->lost, b->lost, a->n_lost * sizeof *a->lost, "lost");
}

static void same_clip(const struct ps_clip *a, const struct ps_clip *b) {
    tap_is_mem(&a->opening, &b->opening, sizeof a->opening, "opening");
    tap_is_mem(a->added_codes, b->added_codes, a->n_added_codes * sizeof *a->added_codes, "added codes");
    tap_ok(a->number == b->number && a->take == b->take && a->end_reason == b->end_reason &&
               a->label == b->label,
           "number, take, reason, label");
    tap_is_mem(a->open_leaf, b->open_leaf, sizeof a->open_leaf, "open leaf");
    tap_is_str(a->station_name, b->station_name, "name of the station");
    tap_is_mem(&a->key, &b->key, sizeof a->key, "key");
    tap_is_mem(a->ledger_key, b->ledger_key, 32, "ledger key");
    tap_ok(a->started.wall_ns == b->started.wall_ns && a->started.boot_ns == b->started.boot_ns &&
               a->ended.clock == b->ended.clock && a->ended.max_error_us == b->ended.max_error_us,
           "times");
    tap_is_str(a->software, b->software, "software");
    tap_is_mem(a->originals, b->originals, a->n_originals * sizeof *a->originals, "originals");
    tap_is_mem(a->events, b->events, a->n_events * sizeof *a->events, "events");
    for (size_t i = 0; i < a->n_tracks; i++)
        same_track(&a->tracks[i], &b->tracks[i]);
}

static void golden(void) {
    size_t n = 0, leaf_n = 0, sig_n = 0;
    uint8_t *p = sample_golden("clip.json", &n), *leaf = sample_golden("leaf-seal.bin", &leaf_n),
            *sig = sample_golden("clip.json.minisig", &sig_n);
    struct sample *s = sample_new();
    struct ps_clip *c = NULL;
    struct ps_why why;
    if (!tap_ok(p != NULL && leaf != NULL && sig != NULL, "the golden files are there"))
        goto out;
    if (!tap_is_int(parse(p, n, &c, &why), 0, "the golden statement is read"))
        tap_bail("%s: %s", why.where, why.text);
    same_clip(c, &s->clip);
    struct ps_buf b = written(c);
    tap_ok(b.err == 0 && b.n == n && memcmp(b.p, p, n) == 0, "what was read is written to the same bytes");
    ps_buf_free(&b);
    b = written(&s->clip);
    tap_ok(b.err == 0 && b.n == n && memcmp(b.p, p, n) == 0, "so is what it was made from");
    ps_buf_free(&b);

    uint8_t digest[32], heads[32];
    char comment[PS_MAX_TRUSTED_COMMENT + 1];
    struct ps_leaf l;
    struct ps_minisig m;
    ps_sha256(digest, p, n);
    ps_statement_heads(c, heads);
    tap_is_int(ps_leaf_decode(&l, leaf, leaf_n), 0, "the seal leaf");
    tap_is_mem(l.digest, digest, 32, "holds the statement's digest");
    tap_is_mem(l.head, heads, 32, "and the head of its tracks");
    tap_is_int(ps_statement_comment(c, digest, comment), 0, "the comment is made from the statement");
    tap_is_int(ps_minisign_sig_parse(&m, sig, sig_n), 0, "the signature");
    tap_is_str(comment, m.comment, "carries just that comment");
    tap_ok(strstr(comment, "SF1234567890123") == NULL, "which holds no order");
    c->opening.station[0] = '/';
    tap_is_int(ps_statement_comment(c, digest, comment), PS_EINVAL, "no comment for a station that is none");

    size_t wrong = 0;
    for (size_t len = 0; len + 1 < n; len++)
        wrong += accepts(p, len) == 0;
    tap_is_uint(wrong, 0, "no shorter text is a statement");
    for (int byte = 0; byte < 256; byte++) {
        p[n] = (uint8_t)byte; /* sample_golden leaves room */
        wrong += accepts(p, n + 1) == 0;
    }
    tap_is_uint(wrong, 0, "nor one with a byte more");
out:
    ps_statement_free(c);
    free(s);
    free(p);
    free(leaf);
    free(sig);
}

/* Every bit of everything that a digest covers: the statement refuses itself, even without its signature. */
static void self_consistent(void) {
    static const char *const covered[] = {
        "\"salt\":\"",   "\"open_leaf\":\"", "\"ledger_key\":\"", "\"id\":\"",
        "\"clip\":",     "\"take\":",        "\"operator\":\"",   "\"value\":\"",
        "\"raw\":\"",    "\"carrier\":\"",   "\"device\":\"",     "\"kind\":\"",
        "\"camera\":\"", "\"code\":\"",      "\"head\":\"",       "\"segments\":[\n   \"",
        "\"encoded\":",  "\"captured\":",    "\"dropped\":",      "\"token_sha256\":\""};
    size_t n = 0;
    uint8_t *p = sample_golden("clip.json", &n);
    for (size_t i = 0; p != NULL && i < sizeof covered / sizeof covered[0]; i++) {
        char *at = strstr((char *)p, covered[i]);
        size_t accepted = 0, flips = 0;
        if (!tap_ok(at != NULL, "%s is there", covered[i]))
            continue;
        at += strlen(covered[i]);
        for (size_t j = 0; strchr("\",}", at[j]) == NULL; j++) {
            for (int bit = 0; bit < 8; bit++, flips++) {
                at[j] ^= (char)(1 << bit);
                accepted += accepts(p, n) == 0;
                at[j] ^= (char)(1 << bit);
            }
        }
        tap_ok(accepted == 0 && flips > 0, "%s no bit of it can change alone (%zu tried)", covered[i], flips);
    }
    free(p);
}

/* ---- layout ---- */

/* The same tokens with other white space between them. */
static char *spaced(const char *p, size_t n, const char *space) {
    char *out = malloc(n * 6 + 16), *to = out;
    bool string = false;
    to = stpcpy(to, space);
    for (size_t i = 0; i < n; i++) {
        if (!string && strchr(" \n", p[i]) != NULL)
            continue;
        if (string && p[i] == '\\')
            *to++ = p[i++];
        else if (p[i] == '"')
            string = !string;
        *to++ = p[i];
        if (!string && i + 2 < n && strchr("{}[],:\"", p[i]) != NULL)
            to = stpcpy(to, space);
    }
    *to = '\0';
    return out;
}

static void white_space(void) {
    static const char *const spaces[] = {"", " ", "\r\n\t"};
    size_t n = 0;
    uint8_t *p = sample_golden("clip.json", &n);
    for (size_t i = 0; p != NULL && i < 3; i++) {
        char *text = spaced((const char *)p, n, spaces[i]);
        struct ps_clip *c = NULL;
        struct ps_why why;
        if (tap_is_int(parse(text, strlen(text), &c, &why), 0, "white space %zu is read", i)) {
            struct ps_buf b = written(c);
            tap_ok(b.n == n && memcmp(b.p, p, n) == 0, "and means the same");
            ps_buf_free(&b);
        } else {
            tap_diag("%s: %s", why.where, why.text);
        }
        ps_statement_free(c);
        free(text);
    }
    free(p);
}

/* ---- keys and types, each in turn ---- */

struct walk {
    json_t *root;
    size_t keys, wrong;
};

static int try_text(const json_t *root, struct ps_why *why) {
    char *text = json_dumps(root, JSON_COMPACT);
    struct ps_clip *c = NULL;
    int err = parse(text, strlen(text), &c, why);
    ps_statement_free(c);
    free(text);
    return err;
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static void expect(struct walk *w, const char *key, int want, const char *what) {
    struct ps_why why;
    int err = try_text(w->root, &why);
    if (err != want || (err != 0 && !ends_with(why.where, key))) {
        tap_diag("%s %s: %d at %s: %s", key, what, err, why.where, why.text);
        w->wrong++;
    }
}

static void walk(struct walk *w, json_t *v) {
    const char *key;
    json_t *child, *names = json_array();
    size_t i;
    if (json_is_array(v)) {
        json_array_foreach(v, i, child) walk(w, child);
    }
    json_object_foreach(v, key, child) json_array_append_new(names, json_string(key));
    json_array_foreach(names, i, child) {
        key = json_string_value(child);
        json_t *value = json_incref(json_object_get(v, key));
        w->keys++;
        json_object_del(v, key);
        expect(w, key, PS_EFORMAT, "is missing");
        json_object_set_new(v, key, json_object());
        if (!json_is_object(value))
            expect(w, key, PS_EFORMAT, "is an object");
        json_object_set_new(v, key, json_string("\xc3\xbc"));
        if (!json_is_string(value))
            expect(w, key, PS_EFORMAT, "is a string");
        json_object_set(v, key, value);
        walk(w, value);
        json_decref(value);
    }
    if (json_is_object(v)) {
        /* A later version's key is passed over, unless the statement says that it matters. */
        json_object_set_new(v, "later", json_true());
        expect(w, "later", 0, "is unknown");
        json_object_del(v, "later");
    }
    json_decref(names);
}

static void every_key(void) {
    size_t n = 0;
    uint8_t *p = sample_golden("clip.json", &n);
    struct walk w = {.root = json_loadb((const char *)p, n, 0, NULL)};
    if (!tap_ok(w.root != NULL, "the golden statement is JSON"))
        return;
    walk(&w, w.root);
    tap_is_uint(w.wrong, 0, "each of %zu keys is needed, with its type; each object may have others", w.keys);

    struct ps_why why;
    json_t *track = json_array_get(json_object_get(w.root, "tracks"), 0);
    json_object_set_new(w.root, "crit", json_pack("[s]", "later"));
    tap_is_int(try_text(w.root, &why), PS_EVERSION, "crit that names an unknown key");
    tap_is_str(why.where, "crit[0]", "and where");
    json_object_set_new(w.root, "crit", json_pack("[ss]", "tracks", "type version"));
    tap_is_int(try_text(w.root, &why), PS_EVERSION, "crit that names no key");
    tap_is_str(why.where, "crit[1]", "and where, again");
    json_object_set_new(w.root, "crit", json_pack("[s]", "clip"));
    tap_is_int(try_text(w.root, &why), 0, "crit that names a known key");
    json_object_set_new(track, "clip", json_true());
    tap_is_int(try_text(w.root, &why), PS_EVERSION, "but not where that key is unknown");
    tap_is_str(why.where, "tracks[0].clip", "and where that is");
    json_object_del(track, "clip");
    json_object_set_new(w.root, "crit", json_pack("[i]", 1));
    tap_is_int(try_text(w.root, &why), PS_EFORMAT, "crit of numbers");
    json_object_set_new(w.root, "crit", json_array());
    json_object_set_new(w.root, "version", json_integer(2));
    tap_is_int(try_text(w.root, &why), PS_EVERSION, "version 2");
    json_object_set_new(w.root, "version", json_integer(1));
    json_object_set_new(w.root, "type", json_string("packseal-ship"));
    tap_is_int(try_text(w.root, &why), PS_EFORMAT, "another type");
    json_decref(w.root);
    free(p);
}

/* ---- one text for another ---- */

static const struct {
    const char *from, *to, *where;
    int err;
} changes[] = {
    {"\"salt\":\"a0", "\"salt\":\"A0", "salt", PS_EFORMAT},
    {"\"salt\":\"a0", "\"salt\":\"a", "salt", PS_EFORMAT},
    {"\"id\":\"ST03\"", "\"id\":\"ST 3\"", "station.id", PS_EFORMAT},
    {"\"id\":\"ST03\"", "\"id\":\"\"", "station.id", PS_EFORMAT},
    {"\"id\":\"ST03\"", "\"id\":\"ST03456789012345678\"", "station.id", PS_ELIMIT},
    {"\"id\":\"ST03\"", "\"id\":\"ST04\"", "open_leaf", PS_EFORMAT},
    {"\"clip\":123", "\"clip\":-1", "clip", PS_ELIMIT},
    {"\"clip\":123", "\"clip\":124", "clip", PS_EFORMAT},
    {"\"take\":1", "\"take\":0", "take", PS_EFORMAT},
    {"\"take\":1", "\"take\":4294967296", "take", PS_ELIMIT},
    {"\"kind\":\"pack\"", "\"kind\":\"Pack\"", "kind", PS_EFORMAT},
    {"\"kind\":\"pack\"", "\"kind\":\"return\"", "open_leaf", PS_EFORMAT},
    {"\"operator\":\"0017\"", "\"operator\":\"0018\"", "open_leaf", PS_EFORMAT},
    {"\"open_leaf\":\"50", "\"open_leaf\":\"51", "open_leaf", PS_EFORMAT},
    {"\"open_leaf\":\"50", "\"open_leaf\":\"5", "open_leaf", PS_EFORMAT},
    {"\"open_leaf\":\"50534c3102", "\"open_leaf\":\"50534c3103", "open_leaf", PS_EFORMAT},
    {"\"open_leaf\":\"50534c3102", "\"open_leaf\":\"50534c3105", "open_leaf", PS_EFORMAT},
    {"\"key\":\"RWR", "\"key\":\"RWR\\\\n", "key", PS_EFORMAT},
    {"\"key\":\"RWR", "\"key\":\"RUR", "key", PS_EFORMAT},
    {"\"key\":\"", "\"key\":\"untrusted comment: ", "key", PS_EFORMAT},
    {"\"value\":\"SF1234567890123\"", "\"value\":\"\"", "codes[0].value", PS_EFORMAT},
    {"\"type\":\"order\"", "\"type\":\"orders\"", "codes[1].type", PS_EFORMAT},
    {"\"entry\":\"scanner\"", "\"entry\":\"guess\"", "codes[0].entry", PS_EFORMAT},
    {"\"at\":\"2026-11-21T08:15:30.123Z\"", "\"at\":\"2026-11-31T08:15:30.123Z\"", "codes[0].at", PS_EFORMAT},
    {"\"opening\":true", "\"opening\":1", "codes[0].opening", PS_EFORMAT},
    {"\"opening\":true", "\"opening\":false", "codes[1].opening", PS_EFORMAT},
    {"\"opening\":true}", "\"opening\":false}", "codes[1].opening", PS_EFORMAT},
    {"\"opening\":false", "\"opening\":true", "open_leaf", PS_EFORMAT},
    {"\"code\":\"7ZK3M0QA\"", "\"code\":\"7ZK3M0QB\"", "open_leaf", PS_EFORMAT},
    {"\"code\":\"7ZK3M0QA\"", "\"code\":\"7ZK3M0Q\"", "freshness", PS_EFORMAT},
    {"\"code\":\"7ZK3M0QA\"", "\"code\":\"7zk3m0qa\"", "freshness", PS_EFORMAT},
    {"\"code\":\"7ZK3M0QA\"", "\"code\":\"\"", "freshness", PS_EFORMAT},
    {"\"wall\":\"2026-11-21T08:15:30.123Z\"", "\"wall\":\"2026-11-21T08:15:30Z\"", "started.wall",
     PS_EFORMAT},
    {"\"boot_ms\":86400007", "\"boot_ms\":86405050", "ended.boot_ms", PS_EFORMAT},
    {"\"boot_ms\":86400007", "\"boot_ms\":9223372036855", "started.boot_ms", PS_ELIMIT},
    {"\"boot_ms\":86405049", "\"boot_ms\":86400006", "ended.boot_ms", PS_EFORMAT},
    {"\"clock\":\"synced\"", "\"clock\":\"ntp\"", "started.clock", PS_EFORMAT},
    {"\"max_error_us\":1500", "\"max_error_us\":4294967296", "started.max_error_us", PS_ELIMIT},
    {"\"end_reason\":\"power-loss\"", "\"end_reason\":\"powerloss\"", "end_reason", PS_EFORMAT},
    {"\"label\":\"not-checked\"", "\"label\":\"\"", "label", PS_EFORMAT},
    {"\"camera\":\"top\",\"opening\":true", "\"camera\":\"top\",\"opening\":false", "tracks[1].opening",
     PS_EFORMAT},
    {"\"camera\":\"top\"", "\"camera\":\"side\"", "tracks[1].camera", PS_EFORMAT},
    {"\"camera\":\"top\"", "\"camera\":\"tap\"", "open_leaf", PS_EFORMAT},
    {"\"camera\":\"top\"", "\"camera\":\"\"", "tracks[0].camera", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"../top.mp4\"", "tracks[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"SIDE.mp4\"", "tracks[1].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"Clip.JSON\"", "tracks[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"clip.json.minisig\"", "tracks[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"Excerpt.json\"", "tracks[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"seal.tlog-proof\"", "tracks[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"Originals\"", "originals[0].file.name", PS_EFORMAT},
    {"\"name\":\"top.mp4\"", "\"name\":\"clip.json/a\"", "tracks[0].file.name", PS_EFORMAT},
    {"originals/side-0001.jpg", "originals/TOP-0001.jpg", "originals[1].file.name", PS_EFORMAT},
    {"\"size\":100000", "\"size\":-1", "tracks[0].file.size", PS_ELIMIT},
    {"\"codec\":\"avc1", "\"codec\":\"hvc1", "tracks[0].codec", PS_EFORMAT},
    {"\"width\":1280", "\"width\":8193", "tracks[0].width", PS_ELIMIT},
    {"\"width\":1280", "\"width\":1279", "tracks[0].banner", PS_EFORMAT},
    {"\"height\":720", "\"height\":63", "tracks[0].banner", PS_EFORMAT},
    {"\"x\":0", "\"x\":1", "tracks[0].banner", PS_EFORMAT},
    {"\"captured\":53", "\"captured\":54", "tracks[0].counts", PS_EFORMAT},
    {"\"captured\":53,\"encoded\":50", "\"captured\":54,\"encoded\":51", "tracks[0].counts.encoded",
     PS_EFORMAT},
    {"\"captured\":53,\"encoded\":50,\"dropped\":4", "\"captured\":3,\"encoded\":50,\"dropped\":4",
     "tracks[0].counts", PS_EFORMAT},
    {"\"gaps\":[]", "\"gaps\":[{\"start\":0,\"duration\":449996,\"frames\":0,\"reason\":\"x\"}]",
     "tracks[0].gaps[0]", PS_EFORMAT},
    {"\"gaps\":[]", "\"gaps\":[{\"start\":0,\"duration\":1,\"frames\":0,\"reason\":\"\"}]",
     "tracks[0].gaps[0].reason", PS_EFORMAT},
    {"\"start\":9000,", "\"start\":90001,", "tracks[1].gaps[1]", PS_EFORMAT},
    {"\"gaps\":[]", "\"gaps\":[1]", "tracks[0].gaps[0]", PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,0],[3,5]]", "tracks[0].unwitnessed[1]",
     PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,0],[4,3]]", "tracks[0].unwitnessed[1]",
     PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[3,4],[0,0]]", "tracks[0].unwitnessed[1]",
     PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,3],[3,4]]", "tracks[0].unwitnessed[1]",
     PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0]]", "tracks[0].unwitnessed[0]", PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,0,0]]", "tracks[0].unwitnessed[0]", PS_EFORMAT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[-1,0]]", "tracks[0].unwitnessed[0]", PS_ELIMIT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,12000]]", "tracks[0].unwitnessed[0]", PS_ELIMIT},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,\"1\"]]", "tracks[0].unwitnessed[0]", PS_EFORMAT},
    {"\"lost\":[[2,2]]", "\"lost\":[[1,1]]", "tracks[1].lost", PS_EFORMAT},
    {"\"lost\":[[2,2]]", "\"lost\":[[1,1],[2,2]]", "tracks[1].lost", PS_EFORMAT},
    {"\"lost\":[[2,2]]", "\"lost\":[[2,3]]", "tracks[1].lost[0]", PS_EFORMAT},
    {"\"track\":1", "\"track\":2", "originals[1].track", PS_EFORMAT},
    {"\"track\":1", "\"track\":16", "originals[1].track", PS_ELIMIT},
    {"\"why\":\"end\"", "\"why\":\"\"", "originals[1].why", PS_EFORMAT},
    {"\"what\":\"scan\"", "\"what\":\"\"", "events[0].what", PS_EFORMAT},
    {"\"ms\":1002", "\"ms\":-1", "events[1].ms", PS_ELIMIT},
    {"\"name\":\"PackSeal 0.1.0\"", "\"name\":\"\"", "software.name", PS_EFORMAT},
    {"\"type\":\"packseal-clip\"", "\"type\":\"packseal-clip\",\"type\":\"packseal-clip\"", "", PS_EFORMAT},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":2", "tracks[0].preroll", PS_EFORMAT},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":6", "tracks[0].preroll", PS_EFORMAT},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":12001", "tracks[0].preroll", PS_ELIMIT},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":-1", "tracks[0].preroll", PS_ELIMIT},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":[[0,0]]", "tracks[0].preroll", PS_EFORMAT},
    {"\"counts\":", "\"banners\":[],\"counts\":", "tracks[0].banners", PS_EFORMAT},
    {"\"counts\":", "\"banners\":{},\"counts\":", "tracks[0].banners", PS_EFORMAT},
    {"\"counts\":", "\"banners\":[1,2],\"counts\":", "tracks[0].banners[0]", PS_EFORMAT},
    {"\"counts\":",
     "\"banners\":[{\"from\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"fields\":\"\",\"text\":\"\"}],\"counts\":",
     "tracks[0].banners", PS_EFORMAT},
    {"\"counts\":",
     "\"banners\":[{\"from\":0,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"fields\":\"\"},{}],\"counts\":",
     "tracks[0].banners[0].text", PS_EFORMAT},
    {"\"counts\":",
     "\"banners\":[{\"from\":12001,\"x\":0,\"y\":0,\"w\":1,\"h\":1,\"fields\":\"\",\"text\":\"\"},{}],"
     "\"counts\":",
     "tracks[0].banners[0].from", PS_ELIMIT},
    {"\"counts\":", "\"banners\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],\"counts\":", "tracks[0].banners",
     PS_ELIMIT},
    /* and what is allowed */
    {"\"lost\":[]", "\"lost\":[],\"preroll\":1", NULL, 0},
    {"\"lost\":[]", "\"lost\":[],\"preroll\":0", NULL, 0},
    {"\"lost\":[[2,2]]", "\"lost\":[[1,2]]", NULL, 0},
    {"\"unwitnessed\":[[0,0],[3,4]]", "\"unwitnessed\":[[0,4]]", NULL, 0},
    {"\"boot_ms\":86405049", "\"boot_ms\":86400007", NULL, 0},
    {"\"name\":\"top.mp4\"", "\"name\":\"film/top-2.mp4\"", NULL, 0},
    {"\"gaps\":[]", "\"gaps\":[{\"start\":0,\"duration\":449995,\"frames\":0,\"reason\":\"x\"}]", NULL, 0},
    {"\"wall\":\"2026-11-21T08:15:35.165Z\"", "\"wall\":\"2026-11-21T08:15:29.000Z\"", NULL,
     0}, /* the clock was set back */
};

static char *replaced(const char *p, const char *from, const char *to) {
    const char *at = strstr(p, from);
    if (at == NULL)
        return NULL;
    char *out = malloc(strlen(p) + strlen(to) + 1);
    memcpy(out, p, (size_t)(at - p));
    strcpy(stpcpy(out + (at - p), to), at + strlen(from));
    return out;
}

static void each_change(void) {
    size_t n = 0;
    char *p = (char *)sample_golden("clip.json", &n);
    for (size_t i = 0; p != NULL && i < sizeof changes / sizeof changes[0]; i++) {
        char *text = replaced(p, changes[i].from, changes[i].to);
        struct ps_clip *c = NULL;
        struct ps_why why;
        if (!tap_ok(text != NULL, "%s is in the golden statement", changes[i].from))
            continue;
        tap_is_int(parse(text, strlen(text), &c, &why), changes[i].err, "%s", changes[i].to);
        if (changes[i].where != NULL && changes[i].where[0] != '\0')
            tap_is_str(why.where, changes[i].where, "  (%s)", why.text);
        tap_ok((c != NULL) == (changes[i].err == 0), "  and a result only when it is read");
        ps_statement_free(c);
        free(text);
    }
    free(p);
}

/* ---- what only a writer with the keys could make ---- */

static void bend_none(struct sample *s) {
    (void)s;
}
static void bend_order(struct sample *s) {
    uint8_t swap[PS_RECORD_SIZE];
    memcpy(swap, s->records[0][1], sizeof swap);
    memcpy(s->records[0][1], s->records[0][2], sizeof swap);
    memcpy(s->records[0][2], swap, sizeof swap);
}
static void bend_track(struct sample *s) {
    memcpy(s->records[1][1], s->records[0][1], PS_RECORD_SIZE);
}
static void bend_start(struct sample *s) {
    s->records[0][3][15] ^= 1;
}
static void bend_bound(struct sample *s) {
    memset(s->records[0][4] + 24, 0, 4); /* no frames */
}
static void bend_hole(struct sample *s) {
    memmove(s->records[0][2], s->records[0][3], 2 * PS_RECORD_SIZE);
    s->tracks[0].n_records = 4;
}
static void bend_number(struct sample *s) {
    s->clip.number = 200;
}
static void bend_stranger(struct sample *s) {
    s->clip.n_tracks = 3;
    sample_track(s, 2, "door", "door.mp4", 1);
}
static void bend_second_format(struct sample *s) {
    s->clip.n_tracks = 3;
    sample_track(s, 2, "side", "side-2.mp4", 4);
    s->originals[1].track = 2;
}
static void bend_no_picture(struct sample *s) {
    s->tracks[0].n_records = s->tracks[0].n_unwitnessed = 0;
    s->tracks[0].counts = (struct ps_counts){0};
    s->tracks[0].codec[0] = '\0';
}
static void bend_all_lost(struct sample *s) {
    s->lost[0] = (struct ps_range){0, 2};
}
static void bend_bare(struct sample *s) {
    s->clip.n_added_codes = s->clip.opening.n_codes = 0;
    s->clip.n_originals = 0;
    s->clip.n_events = 0;
    s->clip.station_name[0] = '\0';
    s->clip.opening.freshness[0] = '\0';
    memset(s->clip.opening.token, 0, 32);
}
static void bend_no_width(struct sample *s) {
    s->tracks[1].width = s->tracks[1].banner.w = 0;
}
static void bend_counts(struct sample *s) {
    s->tracks[0].counts.captured = s->tracks[0].counts.dropped = PS_MAX_JSON_INT;
    s->tracks[0].counts.damaged = 1;
}

/* Segments of 10 s, the first n of them before the clip. */
static void preroll(struct sample *s, uint32_t n) {
    for (uint32_t i = 0; i < 5; i++) {
        struct ps_record r;
        ps_record_decode(&r, s->records[0][i]);
        r.start = i * 900000ull;
        r.duration = 900000;
        ps_record_encode(&r, s->records[0][i]);
    }
    s->unwitnessed[0] = (struct ps_range){0, 1};
    s->unwitnessed[1] = (struct ps_range){2, 4};
    s->tracks[0].n_preroll = n;
}
static void bend_preroll(struct sample *s) {
    preroll(s, 3);
}
static void bend_long_preroll(struct sample *s) {
    preroll(s, 4);
}
static void bend_witnessed_preroll(struct sample *s) {
    preroll(s, 3);
    s->unwitnessed[1].first = 3;
}
static void bend_late_preroll(struct sample *s) {
    bend_second_format(s);
    s->tracks[2].unwitnessed = s->unwitnessed;
    s->tracks[2].n_unwitnessed = 1;
    s->tracks[2].n_preroll = 1;
}

static struct ps_banner_change banners[3];

static void bend_banners(struct sample *s) {
    const struct ps_banner b = {.w = 1280, .h = 32, .fields = "time freshness kind"};
    banners[0] = (struct ps_banner_change){.from = 0, .b = b};
    banners[1] = (struct ps_banner_change){.from = 2, .b = s->tracks[0].banner};
    banners[2] = (struct ps_banner_change){.from = 4, .b = b};
    SAMPLE_PUT(banners[1].text, s->clip.opening.codes[0].value);
    SAMPLE_PUT(banners[2].text, s->clip.added_codes[0].value);
    banners[1].b.layout[0] = '\0';
    s->tracks[0].banners = banners;
    s->tracks[0].n_banners = 3;
}
static void bend_banner_first(struct sample *s) {
    bend_banners(s);
    banners[0].from = 1;
}
static void bend_banner_order(struct sample *s) {
    bend_banners(s);
    banners[2].from = 2;
}
static void bend_banner_beyond(struct sample *s) {
    bend_banners(s);
    banners[2].from = 5;
}
static void bend_banner_outside(struct sample *s) {
    bend_banners(s);
    banners[1].b.h = (uint16_t)(s->tracks[0].banner.h + 1);
}
static void bend_banner_stranger(struct sample *s) {
    bend_banners(s);
    SAMPLE_PUT(banners[1].text, "SF0000000000000");
}

static void bent(void) {
    static const struct {
        void (*bend)(struct sample *);
        int err;
        const char *where, *what;
    } t[] = {
        {bend_none, 0, NULL, "the sample"},
        {bend_order, PS_EFORMAT, "tracks[0].segments[1]", "two segments swapped, heads made anew"},
        {bend_track, PS_EFORMAT, "tracks[1].segments[1]", "a segment of another track"},
        {bend_start, PS_EFORMAT, "tracks[0].segments[3]", "a start that is not the sum"},
        {bend_bound, PS_ELIMIT, "tracks[0].segments[4]", "a record out of bounds"},
        {bend_hole, PS_EFORMAT, "tracks[0].segments[2]", "a hole in the sequence"},
        {bend_number, 0, NULL, "another number, with its leaf"},
        {bend_stranger, PS_EFORMAT, "tracks[2].camera", "a camera that the opening does not know"},
        {bend_second_format, 0, NULL, "a camera that came back in another format"},
        {bend_no_picture, 0, NULL, "a camera that never gave a picture"},
        {bend_all_lost, 0, NULL, "a track of which all is lost"},
        {bend_bare, 0, NULL, "no codes, originals, events, name or freshness"},
        {bend_no_width, PS_EFORMAT, "tracks[1].width", "a picture without a width"},
        {bend_counts, PS_EFORMAT, "tracks[0].counts", "counts that wrap around"},
        {bend_preroll, 0, NULL, "30 s of pre-roll, in two ranges that the signer did not see"},
        {bend_long_preroll, PS_ELIMIT, "tracks[0].preroll", "40 s of it"},
        {bend_witnessed_preroll, PS_EFORMAT, "tracks[0].preroll", "pre-roll that was witnessed"},
        {bend_late_preroll, PS_EFORMAT, "tracks[2].preroll", "pre-roll of a format that came later"},
        {bend_banners, 0, NULL, "a banner that changes twice"},
        {bend_banner_first, PS_EFORMAT, "tracks[0].banners[0]", "none for the first segment"},
        {bend_banner_order, PS_EFORMAT, "tracks[0].banners[2]", "two for one segment"},
        {bend_banner_beyond, PS_EFORMAT, "tracks[0].banners[2]", "one behind the last segment"},
        {bend_banner_outside, PS_EFORMAT, "tracks[0].banners[1]", "one outside the banner"},
        {bend_banner_stranger, PS_EFORMAT, "tracks[0].banners[1]", "one with a strange code"},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        struct sample *s = sample_new();
        struct ps_clip *c = NULL;
        struct ps_why why = {"", ""}, check = {"", ""};
        t[i].bend(s);
        sample_close(s);
        struct ps_buf b = written(&s->clip);
        tap_is_int(b.err, 0, "written: %s", t[i].what);
        tap_is_int(ps_statement_check(&s->clip, &check), t[i].err, "checked before");
        tap_is_int(parse(b.p, b.n, &c, &why), t[i].err, "and read (%s: %s)", why.where, why.text);
        tap_is_str(check.where, why.where, "with one reason");
        if (t[i].where != NULL)
            tap_is_str(why.where, t[i].where, "where");
        if (c != NULL) {
            struct ps_buf again = written(c);
            tap_ok(again.n == b.n && memcmp(again.p, b.p, b.n) == 0, "written again, the same");
            ps_buf_free(&again);
        }
        ps_statement_free(c);
        ps_buf_free(&b);
        free(s);
    }
}

/* ---- what is not written ---- */

static void unwritable(void) {
    static const char *const what[] = {
        "a label without a word",     "a reason without a word", "a clock without a word",
        "a name that does not end",   "text with a newline",     "a code without a value",
        "a file outside the folder",  "a number beyond 2^53",    "a time before the boot",
        "a time beyond the calendar", "text that is no UTF-8"};
    for (size_t i = 0; i < sizeof what / sizeof what[0]; i++) {
        struct sample *s = sample_new();
        struct ps_clip *c = &s->clip;
        switch (i) {
        case 0: c->label = 4; break;
        case 1: c->end_reason = 0; break;
        case 2: c->started.clock = 3; break;
        case 3: memset(c->station_name, 'x', sizeof c->station_name); break;
        case 4: SAMPLE_PUT(s->events[0].text, "a\nb"); break;
        case 5: s->added[0].value[0] = '\0'; break;
        case 6: SAMPLE_PUT(s->originals[0].file.name, "../x"); break;
        case 7: s->tracks[0].file.size = (uint64_t)PS_MAX_JSON_INT + 1; break;
        case 8: c->ended.boot_ns = -1; break;
        case 9: c->ended.wall_ns = INT64_MAX; break;
        default: SAMPLE_PUT(s->tracks[0].model, "\xff"); break;
        }
        struct ps_buf b = written(c);
        tap_ok(b.err == (i == 7 ? PS_ELIMIT : PS_EINVAL), "not written: %s", what[i]);
        ps_buf_free(&b);
        free(s);
    }
    struct sample *s = sample_new();
    struct ps_buf b;
    ps_buf_init(&b, 5000);
    ps_statement_write(&s->clip, &b);
    tap_is_int(b.err, PS_ELIMIT, "nor into a buffer that is too small");
    ps_buf_free(&b);
    free(s);
}

/* ---- the largest clip ---- */

static void largest(void) {
    struct sample *s = sample_new();
    struct ps_clip *c = NULL;
    struct ps_why why;
    uint64_t start[2] = {0, 0};
    uint8_t(*records[2])[PS_RECORD_SIZE];
    for (uint32_t i = 0; i < 2; i++) {
        struct ps_track *t = &s->tracks[i];
        uint32_t n = i == 0 ? 3600 : PS_MAX_SEGMENTS - 3600;
        records[i] = calloc(n + 1, PS_RECORD_SIZE);
        for (uint32_t seq = 0; seq < n; seq++) {
            struct ps_record r = {
                .track = i, .seq = seq, .start = start[i], .duration = 27000, .frames = 9, .bytes = 90};
            ps_record_encode(&r, records[i][seq]);
            start[i] += r.duration;
        }
        t->records = records[i];
        t->n_records = n;
        t->n_unwitnessed = 0;
        t->n_lost = 0;
        t->counts = (struct ps_counts){.captured = 9ULL * n, .encoded = 9ULL * n};
        ps_leaf_hash(t->head, s->clip.open_leaf, s->clip.open_leaf_len);
        for (uint32_t seq = 0; seq < n; seq++)
            ps_record_chain(t->head, records[i][seq]);
    }
    struct ps_buf b = written(&s->clip);
    tap_is_int(b.err, 0, "%d segments are written (%zu bytes)", PS_MAX_SEGMENTS, b.n);
    tap_is_int(parse(b.p, b.n, &c, &why), 0, "and read (%s: %s)", why.where, why.text);
    ps_statement_free(c);
    s->tracks[1].n_records++;
    tap_is_int(ps_statement_check(&s->clip, &why), PS_ELIMIT, "one more is too many");
    ps_buf_reset(&b);
    ps_statement_write(&s->clip, &b);
    tap_is_int(parse(b.p, b.n, &c, &why), PS_ELIMIT, "for the reader too");
    tap_is_str(why.where, "tracks[1].segments", "and where");
    ps_buf_free(&b);
    free(records[0]);
    free(records[1]);
    free(s);
}

/* ---- times, names, words ---- */

static void times(void) {
    static const struct {
        int64_t s;
        const char *text;
    } t[] = {
        {0, "1970-01-01T00:00:00.000Z"},          {-1, "1969-12-31T23:59:59.000Z"},
        {951782399, "2000-02-28T23:59:59.000Z"},  {951782400, "2000-02-29T00:00:00.000Z"},
        {951868800, "2000-03-01T00:00:00.000Z"},  {4107542399, "2100-02-28T23:59:59.000Z"},
        {4107542400, "2100-03-01T00:00:00.000Z"}, {1795248930, "2026-11-21T08:15:30.000Z"},
        {1798761599, "2026-12-31T23:59:59.000Z"}, {-9214560000, "1678-01-01T00:00:00.000Z"},
        {9214646399, "2261-12-31T23:59:59.000Z"},
    };
    char text[32];
    int64_t ns = 0;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        ps_statement_time_text(t[i].s * 1000000000, text);
        tap_is_str(text, t[i].text, "time %lld", (long long)t[i].s);
        tap_is_int(ps_statement_time_of(t[i].text, &ns), 0, "is read");
        tap_is_int(ns, t[i].s * 1000000000, "the same");
    }
    ps_statement_time_text(1999999, text);
    tap_is_str(text, "1970-01-01T00:00:00.001Z", "parts of a millisecond are cut off");
    ps_statement_time_text(-1, text);
    tap_is_str(text, "1969-12-31T23:59:59.999Z", "downwards");
    ps_statement_time_text(INT64_MIN, text);
    tap_is_str(text, "1677-09-21T00:12:43.145Z", "the earliest");
    ps_statement_time_text(INT64_MAX, text);
    tap_is_str(text, "2262-04-11T23:47:16.854Z", "the latest");
    size_t wrong = 0;
    for (int64_t day = -100000; day <= 100000; day++) {
        int64_t want = day * 86400000000000 + 45296789000000;
        ps_statement_time_text(want, text);
        wrong += ps_statement_time_of(text, &ns) != 0 || ns != want;
    }
    tap_is_uint(wrong, 0, "every day of five centuries, both ways");
    static const char *const bad[] = {"",
                                      "2026-11-21T08:15:30Z",
                                      "2026-11-21T08:15:30.12Z",
                                      "2026-11-21T08:15:30.1234Z",
                                      "2026-11-21T08:15:30.123",
                                      "2026-11-21T08:15:30.123z",
                                      "2026-11-21t08:15:30.123Z",
                                      "2026-11-21 08:15:30.123Z",
                                      "2026-11-21T08:15:30,123Z",
                                      "2026-11-21T08:15:30.123+",
                                      "2026-13-21T08:15:30.123Z",
                                      "2026-00-21T08:15:30.123Z",
                                      "2026-11-00T08:15:30.123Z",
                                      "2026-11-31T08:15:30.123Z",
                                      "2026-02-29T08:15:30.123Z",
                                      "2026-11-21T24:00:00.000Z",
                                      "2026-11-21T08:60:30.123Z",
                                      "2016-12-31T23:59:60.000Z",
                                      " 026-11-21T08:15:30.123Z",
                                      "2026-11-21T08:15:30.123Z "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        tap_is_int(ps_statement_time_of(bad[i], &ns), PS_EFORMAT, "no time: \"%s\"", bad[i]);
    tap_is_int(ps_statement_time_of("1677-12-31T23:59:59.999Z", &ns), PS_ELIMIT, "a year before the first");
    tap_is_int(ps_statement_time_of("2262-01-01T00:00:00.000Z", &ns), PS_ELIMIT, "a year after the last");
}

static void names(void) {
    char name[40];
    ps_statement_clip_name("ST03", 123, name);
    tap_is_str(name, "ST03-0000123", "name of a clip");
    ps_statement_clip_name("A", 12345678, name);
    tap_is_str(name, "A-12345678", "with a larger number");
    ps_statement_clip_name("ABCDEFGHIJKLMNOP", UINT64_MAX, name);
    tap_is_str(name, "ABCDEFGHIJKLMNOP-18446744073709551615", "the longest");
    size_t reasons = 0;
    for (int i = 0; i < 256; i++) {
        const char *w = ps_statement_end_reason((uint8_t)i);
        if (w != NULL)
            reasons += ps_statement_end_reason_of(w) == i;
    }
    tap_is_uint(reasons, 12, "twelve reasons of the end, both ways");
    tap_is_str(ps_statement_end_reason(PS_END_CAMERA_LOST), "camera-lost", "one of them");
    tap_is_int(ps_statement_end_reason_of("camera_lost"), -1, "and what is none");
}

int main(void) {
    if (sodium_init() < 0)
        tap_bail("sodium_init");
    golden();
    self_consistent();
    white_space();
    every_key();
    each_change();
    bent();
    unwritable();
    largest();
    times();
    names();
    return tap_done();
}
