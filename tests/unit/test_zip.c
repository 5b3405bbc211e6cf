/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "evidence/zip.h"
#include "tests/unit/tap.h"
#include "tests/unit/zipper.h"

static const char hello[] = "hello, world", more[] = "some more bytes";

static void sample(struct zipper *z) {
    *z = (struct zipper){0};
    zipper_add(z, "bag/a.txt", hello, sizeof hello - 1);
    zipper_add(z, "bag/data/b.bin", more, sizeof more - 1);
    zipper_add(z, "bag/data/empty", more, 0);
}

static int open_zip(const struct zipper *z, struct ps_why *why) {
    struct ps_zip out;
    size_t n;
    uint8_t *p = zipper_write(z, &n);
    struct ps_blob b = ps_blob_of_memory(p, n);
    int err = ps_zip_open(&out, &b, why);
    if (err == 0)
        ps_zip_free(&out);
    free(p);
    return err;
}

static void test_good(bool zip64) {
    struct zipper z;
    struct ps_zip out;
    struct ps_why why = {{0}, {0}};
    uint8_t *p, buf[16];
    size_t n;
    sample(&z);
    z.zip64 = zip64;
    p = zipper_write(&z, &n);
    struct ps_blob b = ps_blob_of_memory(p, n), f;
    if (!tap_is_int(ps_zip_open(&out, &b, &why), 0, "a stored zip is read%s", zip64 ? " (ZIP64)" : ""))
        tap_diag("%s: %s", why.where, why.text);
    struct ps_tree t = ps_zip_tree(&out);
    tap_is_uint(t.n, 3, "all entries");
    tap_is_str(t.name(t.ctx, 1), "bag/data/b.bin", "their names");
    tap_is_int(ps_tree_find(&t, "bag/data/b.bin"), 1, "found by name");
    tap_is_int(ps_tree_find(&t, "b.bin"), PS_ENOENT, "only by the whole name");
    tap_is_int(t.open(t.ctx, 1, &f), 0, "an entry opens");
    tap_is_uint(f.size, sizeof more - 1, "its size");
    tap_is_int(ps_blob_read(&f, 5, buf, 4), 0, "its bytes are read");
    tap_is_mem(buf, more + 5, 4, "and are those put in");
    tap_is_int(ps_blob_read(&f, f.size - 1, buf, 2), PS_ESHORT, "not past its end, where the next entry is");
    ps_zip_free(&out);
    free(p);
}

static void test_refused(void) {
    struct zipper z;
    struct ps_why why = {{0}, {0}};
#define REFUSED(what, ...)                                                                   \
    do {                                                                                     \
        sample(&z);                                                                          \
        __VA_ARGS__;                                                                         \
        tap_ok(open_zip(&z, &why) < 0, "%s is refused (%s: %s)", what, why.where, why.text); \
    } while (0)
    REFUSED("deflate", z.e[0].method = 8);
    REFUSED("encryption", z.e[1].flags = 1);
    REFUSED("a data descriptor", z.e[1].flags = 8);
    REFUSED("a symbolic link", z.e[1].attributes = 0120777u << 16);
    REFUSED("a device", z.e[1].attributes = 0060600u << 16);
    REFUSED("a folder by its attribute", z.e[1].attributes = 0x10);
    REFUSED("a folder by its name", zipper_add(&z, "bag/dir/", hello, 0));
    REFUSED("a gap between entries", z.e[1].gap = 1);
    REFUSED("a prefix", z.prefix = "MZ");
    REFUSED("bytes after the end", z.suffix = "x");
    REFUSED("a comment", z.comment = "hello");
    REFUSED("another name in the local header", z.e[1].local = "bag/data/c.bin");
    REFUSED("another size in the local header", z.e[1].grow = 1);
    REFUSED("two entries of one name", zipper_add(&z, "bag/a.txt", more, 3));
    REFUSED("names that differ in case", zipper_add(&z, "bag/A.txt", more, 3));
    REFUSED("folders that differ in case", zipper_add(&z, "bag/Data/c", more, 3));
    REFUSED("a file that is a folder, too", zipper_add(&z, "bag/a.txt/b", more, 3));
    REFUSED("an absolute name", zipper_add(&z, "/etc/passwd", more, 3));
    REFUSED("a name upwards", zipper_add(&z, "bag/../x", more, 3));
    REFUSED("a backslash", zipper_add(&z, "bag\\x", more, 3));
    REFUSED("a drive letter", zipper_add(&z, "C:x", more, 3));
    REFUSED("a control character", zipper_add(&z, "bag/x\ny", more, 3));
    REFUSED("a non-ASCII name", zipper_add(&z, "bag/\xc3\xa9", more, 3));
    REFUSED("a trailing dot", zipper_add(&z, "bag/x.", more, 3));
    REFUSED("an empty name", zipper_add(&z, "", more, 3));
    z = (struct zipper){0};
    tap_is_int(open_zip(&z, &why), 0, "a zip of nothing is a zip");
}

/* Each bit of a small zip flipped, and each length: nothing crashes; what still opens stays inside. */
static void test_mutations(bool zip64) {
    struct zipper z;
    struct ps_zip out;
    size_t n, opened = 0, outside = 0, cut_ok = 0;
    sample(&z);
    z.zip64 = zip64;
    uint8_t *p = zipper_write(&z, &n);
    struct ps_blob b = ps_blob_of_memory(p, n);
    for (size_t i = 0; i < n * 8; i++) {
        p[i / 8] ^= (uint8_t)(1 << i % 8);
        if (ps_zip_open(&out, &b, NULL) == 0) {
            opened++;
            for (size_t k = 0; k < out.n; k++)
                outside += out.entries[k].offset > n || out.entries[k].size > n - out.entries[k].offset;
            ps_zip_free(&out);
        }
        p[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, p, cut);
        struct ps_blob c = ps_blob_of_memory(exact, cut);
        if (ps_zip_open(&out, &c, NULL) == 0) {
            cut_ok++;
            ps_zip_free(&out);
        }
        free(exact);
    }
    tap_is_uint(outside, 0, "no bit flipped makes an entry leave the file");
    tap_is_uint(cut_ok, 0, "no cut zip opens");
    /* Data (27 bytes), permission bits, times told twice alike, names told twice … only data and mode bits are free. */
    tap_ok(opened < n * 8 / 3, "few flips go unseen: %zu of %zu", opened, n * 8);
    free(p);
}

int main(void) {
    test_good(false);
    test_good(true);
    test_refused();
    test_mutations(false);
    test_mutations(true);
    return tap_done();
}
