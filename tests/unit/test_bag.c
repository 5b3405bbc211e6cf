/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "evidence/bag.h"
#include "evidence/zip.h"
#include "tests/unit/tap.h"
#include "tests/unit/zipper.h"

/* A bag held in a zip, which a test may bend between making and reading. */
struct held {
    struct zipper z;
    struct ps_buf keep[2];
    uint8_t *p;
    size_t n;
    struct ps_blob blob;
    struct ps_zip zip;
    struct ps_tree tree;
    struct ps_bag bag;
    struct ps_why why;
};

static void make(struct held *h, const char *base) {
    char name[300];
    *h = (struct held){0};
    (void)snprintf(name, sizeof name, "%sdata/clip/clip.json", base);
    zipper_add(&h->z, name, "{}\n", 3);
    (void)snprintf(name, sizeof name, "%sdata/clip/top.mp4", base);
    zipper_add(&h->z, name, "film", 4);
    zipper_bag(&h->z, base, h->keep);
}

static int read_bag(struct held *h) {
    h->p = zipper_write(&h->z, &h->n);
    h->blob = ps_blob_of_memory(h->p, h->n);
    if (ps_zip_open(&h->zip, &h->blob, &h->why) < 0) {
        tap_diag("zip: %s: %s", h->why.where, h->why.text);
        return PS_EINVAL;
    }
    h->tree = ps_zip_tree(&h->zip);
    return ps_bag_open(&h->bag, &h->tree, &h->why);
}

static void drop(struct held *h) {
    ps_bag_free(&h->bag);
    ps_zip_free(&h->zip);
    ps_buf_free(&h->keep[0]);
    ps_buf_free(&h->keep[1]);
    free(h->p);
}

static struct zipper_entry *entry(struct held *h, const char *name) {
    for (size_t i = 0; i < h->z.n; i++)
        if (strcmp(h->z.e[i].name, name) == 0)
            return &h->z.e[i];
    return NULL;
}

static void test_good(const char *base) {
    struct held h;
    make(&h, base);
    if (!tap_is_int(read_bag(&h), 0, "a bag with base '%s' is read", base))
        tap_diag("%s: %s", h.why.where, h.why.text);
    tap_is_str(h.bag.base, base, "its base");
    tap_is_uint(h.bag.n, 2, "its entries");
    tap_ok(h.bag.n_unlisted == 0 && h.bag.n_tags == 0, "nothing unlisted, all tag files hold");
    tap_is_str(h.bag.entries[0].name, "data/clip/clip.json", "names below the base");
    tap_is_int(ps_bag_check(&h.bag, 0), 0, "first digest");
    tap_is_int(ps_bag_check(&h.bag, 1), 0, "second digest");
    drop(&h);
}

static void test_judged(void) {
    struct held h;
    make(&h, "b/");
    entry(&h, "b/data/clip/top.mp4")->p = (const uint8_t *)"FILM";
    tap_is_int(read_bag(&h), 0, "another payload can be judged");
    tap_is_int(ps_bag_check(&h.bag, 1), PS_ESIG, "and is found");
    drop(&h);

    make(&h, "b/");
    memmove(&h.z.e[1], &h.z.e[2], (--h.z.n - 1) * sizeof h.z.e[0]);
    tap_is_int(read_bag(&h), 0, "a missing payload can be judged");
    tap_ok(h.bag.entries[1].file == PS_BAG_MISSING, "and is told");
    tap_is_int(ps_bag_check(&h.bag, 1), PS_ENOENT, "its digest cannot be checked");
    drop(&h);

    make(&h, "b/");
    zipper_add(&h.z, "b/data/clip/added.mp4", "x", 1);
    zipper_add(&h.z, "b/note.txt", "x", 1);
    tap_is_int(read_bag(&h), 0, "an added file can be judged");
    tap_is_uint(h.bag.n_unlisted, 2, "and is told");
    tap_is_str(h.tree.name(h.tree.ctx, h.bag.unlisted[0]), "b/data/clip/added.mp4", "by name");
    drop(&h);

    make(&h, "b/");
    entry(&h, "b/bag-info.txt")->n--;
    tap_is_int(read_bag(&h), 0, "another tag file can be judged");
    tap_ok(h.bag.n_tags == 1 && strcmp(h.bag.tags[0].name, "bag-info.txt") == 0, "and is told");
    drop(&h);
}

static void refused(struct held *h, const char *what) {
    tap_ok(read_bag(h) < 0, "%s is refused (%s: %s)", what, h->why.where, h->why.text);
    drop(h);
}

static void with_manifest(const char *text, const char *what) {
    struct held h;
    make(&h, "b/");
    struct zipper_entry *e = entry(&h, "b/manifest-sha256.txt");
    e->p = (const uint8_t *)text;
    e->n = strlen(text);
    refused(&h, what);
}

#define D64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static void test_refused(void) {
    struct held h;
    make(&h, "b/");
    zipper_add(&h.z, "b/fetch.txt", "x", 1);
    refused(&h, "fetch.txt");
    make(&h, "b/");
    zipper_add(&h.z, "b/manifest-md5.txt", "x", 1);
    refused(&h, "another manifest");
    make(&h, "b/");
    zipper_add(&h.z, "b/tagmanifest-sha512.txt", "x", 1);
    refused(&h, "another tag manifest");
    make(&h, "b/");
    zipper_add(&h.z, "beside.txt", "x", 1);
    refused(&h, "a file beside the bag");
    make(&h, "b/");
    entry(&h, "b/bagit.txt")->n--;
    refused(&h, "another declaration");
    make(&h, "b/");
    h.z.n--;
    refused(&h, "a bag without tag manifest");
    make(&h, "b/");
    memcpy(entry(&h, "b/bagit.txt")->name, "b/other", 7);
    refused(&h, "a bag without declaration");
    with_manifest(D64 "  bagit.txt\n", "a manifest that names a tag file");
    with_manifest(D64 "  data/x\n" D64 "  data/x\n", "a name twice");
    with_manifest(D64 "  data/../x\n", "a name upwards");
    with_manifest(D64 "  data/x", "a line without end");
    with_manifest(D64 " data/x\n", "one blank");
    with_manifest("0123  data/x\n", "a short digest");
    with_manifest("\n", "an empty line");
    with_manifest("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef  data/x\n",
                  "upper-case digits");
}

int main(void) {
    test_good("packseal-ST03-0000123/");
    test_good("");
    test_judged();
    test_refused();
    return tap_done();
}
