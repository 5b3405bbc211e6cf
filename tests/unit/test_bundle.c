/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/bundle.h"
#include "archive/zipw.h"
#include "evidence/bag.h"
#include "evidence/zip.h"
#include "tests/unit/shelf.h"
#include <sys/file.h>

static struct ps_why why;
static char one[PS_ROOT_PATH], two[PS_ROOT_PATH];

static int write_bundle(const char *const *paths, unsigned n, const char *out) {
    struct ps_bundle_spec s = {.root = shelf_root, .paths = paths, .n = n, .out = out};
    memset(&why, 0, sizeof(why));
    return ps_bundle_write(&s, NULL, NULL, &why);
}

static char *out_path(const char *name) {
    static char path[4][PS_ROOT_PATH + 16];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof(path[0]), "%s/%s", shelf_root, name);
    return p;
}

static uint8_t *load(const char *path, size_t *n) {
    uint8_t *p = NULL;
    *n = 0;
    ps_store_read_file(AT_FDCWD, path, 1 << 26, &p, n, &why);
    return p;
}

static void crc(void) {
    uint8_t all[1000];
    uint32_t c = 0;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (uint8_t)(i * 7);
    tap_is_uint(ps_zipw_crc(0, "123456789", 9), 0xCBF43926, "CRC-32 of the check string");
    tap_is_uint(ps_zipw_crc(0, "", 0), 0, "and of nothing");
    for (size_t at = 0, step = 1; at < sizeof(all); at += step, step = step % 13 + 1) {
        if (step > sizeof(all) - at)
            step = sizeof(all) - at;
        c = ps_zipw_crc(c, all + at, step);
    }
    tap_is_uint(c, ps_zipw_crc(0, all, sizeof(all)), "pieces give the same");
}

/* Names of all entries, joined by blanks, with the base folder cut off. */
static void entries(const struct ps_zip *z, char *out, size_t cap) {
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < z->n; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i > 0 ? " " : "",
                               strchr(z->entries[i].name, '/') + 1);
}

static void content(void) {
    const char *paths[] = {one};
    char names[2048];
    size_t n;
    tap_is_int(write_bundle(paths, 1, out_path("one.zip")), 0, "a clip is exported");
    tap_ok(access(out_path("one.zip.part"), F_OK) != 0, "nothing half-done is left");
    uint8_t *p = load(out_path("one.zip"), &n);
    struct ps_blob blob = ps_blob_of_memory(p, n);
    struct ps_zip z;
    if (!tap_is_int(ps_zip_open(&z, &blob, &why), 0, "the strict reader takes the zip"))
        tap_bail("%s: %s", why.where, why.text);
    entries(&z, names, sizeof(names));
    tap_is_str(
        names,
        "bag-info.txt bagit.txt data/HOW-TO-VERIFY.txt data/ST03-0000123/clip.json "
        "data/ST03-0000123/clip.json.minisig data/ST03-0000123/originals/side-0001.jpg "
        "data/ST03-0000123/originals/top-0001.jpg data/ST03-0000123/side.mp4 data/ST03-0000123/top.mp4 "
        "data/keys/clip.pub manifest-sha256.txt tagmanifest-sha256.txt",
        "its entries are sorted and complete");
    tap_ok(strncmp(z.entries[0].name, "packseal-ST03-0000123/", 22) == 0, "in a folder named after the clip");
    bool crcs = true;
    for (size_t i = 0; i < z.n; i++)
        crcs &= ps_zipw_crc(0, p + z.entries[i].offset, z.entries[i].size) == z.entries[i].crc32;
    tap_ok(crcs, "each CRC is that of its data");
    struct ps_tree tree = ps_zip_tree(&z);
    struct ps_bag bag;
    tap_is_int(ps_bag_open(&bag, &tree, &why), 0, "it is a bag");
    tap_is_uint(bag.n, 8, "of eight files");
    bool digests = true;
    for (size_t i = 0; i < bag.n; i++)
        digests &= ps_bag_check(&bag, i) == 0;
    tap_ok(digests, "whose digests hold");
    tap_ok(memmem(p, n, "Payload-Oxum: ", 14) != NULL &&
               memmem(p, n, "Bagging-Date: 2026-11-21\n", 25) != NULL,
           "dated by the clip, not by the clock");
    const uint8_t *info = p + z.entries[0].offset, *how = p + z.entries[2].offset;
    tap_ok(memmem(info, z.entries[0].size, "SF123", 5) == NULL &&
               memmem(how, z.entries[2].size, "SF123", 5) == NULL,
           "its own texts name no order");
    tap_ok(memmem(how, z.entries[2].size,
                  "minisign -V -H -p data/keys/clip.pub -m data/ST03-0000123/clip.json\n", 68) != NULL,
           "the text tells the exact command");
    ps_bag_free(&bag);
    ps_zip_free(&z);
    free(p);
}

static void determinism(void) {
    const char *forth[] = {one, two}, *back[] = {two, one}, *twice[] = {one, one};
    size_t n, m;
    tap_is_int(write_bundle(forth, 2, out_path("a.zip")), 0, "two clips");
    sleep(1);
    tap_is_int(write_bundle(back, 2, out_path("b.zip")), 0, "a second later, in another order");
    uint8_t *p = load(out_path("a.zip"), &n), *q = load(out_path("b.zip"), &m);
    tap_ok(n == m && memcmp(p, q, n) == 0, "give the same bytes");
    tap_ok(memmem(p, n, "packseal-ST03-0000123-2/bagit.txt", 33) != NULL, "in a folder that tells how many");
    free(p);
    free(q);
    tap_is_int(write_bundle(twice, 2, out_path("c.zip")), PS_EEXIST, "a clip given twice is refused");
    tap_is_int(write_bundle(forth, 0, out_path("c.zip")), PS_ELIMIT, "and no clip");
}

static int stop_half(void *ctx, uint64_t done, uint64_t total) {
    (void)ctx;
    return done > total / 2;
}

static void failures(void) {
    const char *paths[] = {one}, *none[] = {"clips/2026/11/21/ST03-0000999"};
    char film[2 * PS_ROOT_PATH + 16], moved[PS_ROOT_PATH + 16];
    tap_is_int(write_bundle(paths, 1, out_path("one.zip")), PS_EEXIST,
               "a file that is there is not overwritten");
    tap_is_int(write_bundle(none, 1, out_path("c.zip")), PS_ENOENT, "a clip that is not there");
    struct ps_bundle_spec s = {.root = shelf_root, .paths = paths, .n = 1, .out = out_path("c.zip")};
    tap_is_int(ps_bundle_write(&s, stop_half, NULL, &why), PS_ETIME, "an export can be stopped");
    tap_ok(access(out_path("c.zip"), F_OK) != 0 && access(out_path("c.zip.part"), F_OK) != 0,
           "and leaves nothing");
    snprintf(film, sizeof(film), "%s/%s/top.mp4", shelf_root, one);
    snprintf(moved, sizeof(moved), "%s/top.mp4", shelf_root);
    tap_is_int(rename(film, moved), 0, "a film is missing");
    tap_is_int(write_bundle(paths, 1, out_path("c.zip")), PS_ENOENT, "no bundle without it");
    tap_ok(strstr(why.where, "ST03-0000123/top.mp4") != NULL, "and it is named");
    tap_is_int(symlink(moved, film), 0, "a link in its place");
    tap_ok(write_bundle(paths, 1, out_path("c.zip")) < 0, "is not followed");
    unlink(film);
    tap_is_int(rename(moved, film), 0, "it is back");
    tap_ok(access(out_path("c.zip"), F_OK) != 0 && access(out_path("c.zip.part"), F_OK) != 0,
           "nothing was left");
    int held = open(out_path("c.zip.part"), O_RDWR | O_CREAT, 0600);
    tap_is_int(flock(held, LOCK_EX), 0, "another export writes the same name");
    tap_is_int(write_bundle(paths, 1, out_path("c.zip")), PS_EBUSY, "and is not disturbed");
    tap_ok(write(held, "left behind", 11) == 11, "it is killed");
    close(held);
    tap_is_int(write_bundle(paths, 1, out_path("c.zip")), 0, "what it left behind is used again");
    size_t n, m;
    uint8_t *p = load(out_path("c.zip"), &n), *q = load(out_path("one.zip"), &m);
    tap_ok(n == m && memcmp(p, q, n) == 0, "without a trace");
    free(p);
    free(q);
    unlink(shelf_path("public/clip.pub"));
    tap_is_int(write_bundle(paths, 1, out_path("d.zip")), PS_ENOENT, "no bundle without the public key");
}

static int grow(void *ctx, uint64_t done, uint64_t total) {
    (void)total;
    if (done > 0 && ctx != NULL) {
        int fd = open(ctx, O_WRONLY | O_APPEND);
        (void)!write(fd, "x", 1);
        close(fd);
    }
    return 0;
}

static void changing(void) {
    const char *paths[] = {two};
    char film[2 * PS_ROOT_PATH + 16];
    snprintf(film, sizeof(film), "%s/%s/top.mp4", shelf_root, two);
    struct ps_bundle_spec s = {.root = shelf_root, .paths = paths, .n = 1, .out = out_path("e.zip")};
    tap_is_int(ps_bundle_write(&s, grow, film, &why), PS_EFORMAT,
               "a film that grows while it is copied is refused");
    tap_ok(strstr(why.where, "top.mp4") != NULL && access(s.out, F_OK) != 0, "named, and no bundle made");
}

/* A zip whose first entry is larger than 4 GiB and whose second therefore begins beyond them; the data are
 * holes. */
static void zip64(void) {
    const uint64_t big = (UINT64_C(4) << 30) + 5;
    int fd = open(out_path("big.zip"), O_RDWR | O_CREAT | O_EXCL, 0600);
    struct ps_zipw z;
    ps_zipw_init(&z, fd, 0);
    tap_is_int(ps_zipw_begin(&z, "bag/film.mp4", big), 0, "an entry of 4 GiB and 5 bytes");
    tap_is_int(ps_zipw_end(&z), PS_ESTATE, "does not end before its data");
    z.at += big, z.left = 0; /* a hole instead of writing zeros; the reader does not look at CRCs */
    tap_is_int(ps_zipw_end(&z), 0, "ends");
    tap_is_int(ps_zipw_begin(&z, "bag/next.txt", 5), 0, "an entry after it");
    tap_is_int(ps_zipw_data(&z, "hello!", 6), PS_ESTATE, "takes no more than it said");
    tap_is_int(ps_zipw_data(&z, "hello", 5), 0, "takes what it said");
    tap_ok(ps_zipw_end(&z) == 0 && ps_zipw_finish(&z) == 0, "the zip is finished");
    tap_ok(z.at > big && z.at < big + 1000, "and no larger than needed");
    ps_zipw_free(&z);
    close(fd);
    FILE *p = popen("python3 - 2>&1", "w");
    fprintf(p,
            "import sys,zipfile\nz=zipfile.ZipFile('%s')\ni=z.infolist()\n"
            "ok=[e.filename for e in i]==['bag/film.mp4','bag/next.txt'] and i[0].file_size==%llu and "
            "i[1].header_offset>2**32 and z.read(i[1])==b'hello'\nsys.exit(0 if ok else 1)\n",
            out_path("big.zip"), (unsigned long long)big);
    tap_is_int(pclose(p), 0, "python's zipfile reads sizes, offset and data");
}

static int read_file(void *ctx, uint64_t off, void *buf, size_t n) {
    return pread(*(int *)ctx, buf, n, (off_t)off) == (ssize_t)n ? 0 : PS_EIO;
}

static void zip64_strict(void) {
    int fd = open(out_path("big.zip"), O_RDONLY);
    struct stat st;
    fstat(fd, &st);
    struct ps_blob blob = {.ctx = &fd, .size = (uint64_t)st.st_size, .read = read_file};
    struct ps_zip z;
    tap_is_int(ps_zip_open(&z, &blob, &why), 0, "and so does the strict reader");
    tap_ok(z.n == 2 && z.entries[0].size == (UINT64_C(4) << 30) + 5 && z.entries[1].size == 5,
           "with the same sizes");
    ps_zip_free(&z);
    close(fd);
    unlink(out_path("big.zip"));
}

int main(void) {
    struct sample *s = shelf_sample(123, SAMPLE_WALL_NS, "SF1234567890123");
    umask(0027);
    shelf_make();
    tap_is_int(shelf_publish(s, 3000000, one, &why), 0, "a clip");
    free(s);
    s = shelf_sample(130, SAMPLE_WALL_NS + 60000000000, "SF1234567890123");
    tap_is_int(shelf_publish(s, 2500000, two, &why), 0, "and another");
    free(s);
    static const char key[] = "untrusted comment: a key\nRWQ...\n";
    tap_is_int(ps_store_write_file(AT_FDCWD, shelf_path("public/clip.pub"), key, sizeof(key) - 1, &why), 0,
               "a public key");
    crc();
    content();
    determinism();
    changing();
    failures();
    zip64();
    zip64_strict();
    return tap_done();
}
