/* SPDX-License-Identifier: ISC */
#include "evidence/zip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"

/*
 * Read from the end: end record, its ZIP64 form where needed, then the central directory in one piece. The local
 * headers must stand in the same order, the first at 0, each where the data before it ends, and say the same: so
 * that every unpacker, whichever of the two it believes, sees the same files, and no byte belongs to none.
 */
enum {
    END_SIZE = 22,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    LOCAL_SIZE = 30,
    MAX_EXTRA = 28 + 4, /* the ZIP64 field with all it may hold */
    UTF8_NAMES = 0x800
};

struct directory {
    uint64_t off, size, n;
    uint64_t end; /* where the end records begin */
};

/* What central and local header say alike. */
struct header {
    uint16_t version, flags, method, time, date;
    uint32_t crc;
    uint64_t packed, size, offset;
    uint16_t name_len, extra_len;
};

static int refuse(struct ps_why *why, const char *where, const char *text) {
    return ps_error_why(why, PS_EFORMAT, where, "%s", text);
}

/* ---- names --------------------------------------------------------------------------------------- */

int ps_zip_name_ok(const char *name, size_t n) {
    if (n == 0 || n > PS_MAX_ZIP_NAME)
        return PS_EFORMAT;
    size_t start = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && name[i] != '/') {
            if (name[i] < 0x20 || name[i] > 0x7e || strchr("\\:*?\"<>|%", name[i]) != NULL)
                return PS_EFORMAT;
            continue;
        }
        /* No empty part, no "." or "..", none that Windows would shorten. */
        if (i == start || name[i - 1] == '.' || name[i - 1] == ' ')
            return PS_EFORMAT;
        start = i + 1;
    }
    return 0;
}

/* Case folded, and '/' before all else: then what a folder holds stands together, behind a file of its name. */
static int fold(char c) {
    if (c == '/')
        return 1;
    return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c;
}

static int compare_folded(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    for (;; x++, y++) {
        int d = fold(*x) - fold(*y);
        if (d != 0 || *x == 0)
            return d;
    }
}

/* Two neighbours in the order above: the same name, a file that is also a folder, or folders that differ in case. */
static bool collide(const char *a, const char *b) {
    size_t i = 0, differs = SIZE_MAX;
    for (; a[i] != 0 && fold(a[i]) == fold(b[i]); i++) {
        if (a[i] != b[i] && differs == SIZE_MAX)
            differs = i;
        if (a[i] == '/' && differs != SIZE_MAX)
            return true;
    }
    return a[i] == 0 && (b[i] == 0 || b[i] == '/');
}

static int check_names(const struct ps_zip *z, struct ps_why *why) {
    const char **names = malloc((z->n + 1) * sizeof *names);
    if (names == NULL)
        return ps_error_why(why, PS_ENOMEM, "names", "out of memory");
    for (size_t i = 0; i < z->n; i++)
        names[i] = z->entries[i].name;
    qsort(names, z->n, sizeof *names, compare_folded);
    int err = 0;
    for (size_t i = 1; i < z->n && err == 0; i++)
        if (collide(names[i - 1], names[i]))
            err = ps_error_why(why, PS_EFORMAT, names[i], "two entries of one name");
    free(names);
    return err;
}

/* ---- end records --------------------------------------------------------------------------------- */

static int read_end64(const struct ps_blob *f, struct directory *d, struct ps_why *why) {
    uint8_t buf[END64_SIZE + LOCATOR_SIZE];
    if (d->end < sizeof buf || ps_blob_read(f, d->end - sizeof buf, buf, sizeof buf) < 0)
        return refuse(why, "end of the zip", "no ZIP64 end record");
    struct ps_rd r = ps_rd_of(buf, sizeof buf);
    uint32_t sig = ps_rd_u32le(&r);
    uint64_t rest = ps_rd_u64le(&r);
    ps_rd_u16le(&r); /* made by */
    uint16_t needs = ps_rd_u16le(&r);
    uint32_t disk = ps_rd_u32le(&r), first_disk = ps_rd_u32le(&r);
    uint64_t here = ps_rd_u64le(&r);
    d->n = ps_rd_u64le(&r);
    d->size = ps_rd_u64le(&r);
    d->off = ps_rd_u64le(&r);
    uint32_t locator = ps_rd_u32le(&r), locator_disk = ps_rd_u32le(&r);
    uint64_t at = ps_rd_u64le(&r);
    uint32_t disks = ps_rd_u32le(&r);
    d->end -= sizeof buf;
    if (sig != 0x06064b50 || rest != END64_SIZE - 12 || needs > 45 || disk != 0 || first_disk != 0 ||
        here != d->n || locator != 0x07064b50 || locator_disk != 0 || at != d->end || disks > 1)
        return refuse(why, "end of the zip", "broken ZIP64 end record");
    return 0;
}

static int read_end(const struct ps_blob *f, struct directory *d, struct ps_why *why) {
    const char *where = "end of the zip";
    uint8_t buf[END_SIZE];
    if (f->size < END_SIZE)
        return ps_error_why(why, PS_ESHORT, where, "too short for a zip");
    d->end = f->size - END_SIZE;
    if (ps_blob_read(f, d->end, buf, sizeof buf) < 0)
        return ps_error_why(why, PS_EIO, where, "cannot be read");
    struct ps_rd r = ps_rd_of(buf, sizeof buf);
    uint32_t sig = ps_rd_u32le(&r);
    uint16_t disk = ps_rd_u16le(&r), first_disk = ps_rd_u16le(&r), here = ps_rd_u16le(&r),
             n = ps_rd_u16le(&r);
    uint32_t size = ps_rd_u32le(&r), off = ps_rd_u32le(&r);
    uint16_t comment = ps_rd_u16le(&r);
    if (sig != 0x06054b50)
        return refuse(why, where, "no end record there: cut off, or bytes after it");
    if (comment != 0 || disk != 0 || first_disk != 0 || here != n)
        return refuse(why, where, "a comment, or more than one disk");
    d->n = n;
    d->size = size;
    d->off = off;
    if (n == UINT16_MAX || size == UINT32_MAX || off == UINT32_MAX) {
        int err = read_end64(f, d, why);
        if (err < 0)
            return err;
    }
    if (d->n > PS_MAX_ZIP_ENTRIES || d->size > PS_MAX_ZIP_DIRECTORY)
        return ps_error_why(why, PS_ELIMIT, where, "more entries than a bundle has");
    if (d->off > d->end || d->size != d->end - d->off)
        return refuse(why, where, "bytes before or after the directory");
    return 0;
}

/* ---- headers ------------------------------------------------------------------------------------- */

static void common(struct ps_rd *r, struct header *h) {
    h->version = ps_rd_u16le(r);
    h->flags = ps_rd_u16le(r);
    h->method = ps_rd_u16le(r);
    h->time = ps_rd_u16le(r);
    h->date = ps_rd_u16le(r);
    h->crc = ps_rd_u32le(r);
    h->packed = ps_rd_u32le(r);
    h->size = ps_rd_u32le(r);
    h->name_len = ps_rd_u16le(r);
    h->extra_len = ps_rd_u16le(r);
}

/* The one extra field allowed: ZIP64, holding those values in order that the header marks with all ones. */
static int extra(struct ps_rd r, struct header *h, bool central) {
    bool size = h->size == UINT32_MAX, packed = h->packed == UINT32_MAX;
    bool offset = central && h->offset == UINT32_MAX;
    if (r.left == 0)
        return size || packed || offset ? PS_EFORMAT : 0;
    uint16_t id = ps_rd_u16le(&r), n = ps_rd_u16le(&r);
    if (id != 1 || n != r.left)
        return PS_EFORMAT;
    if (size)
        h->size = ps_rd_u64le(&r);
    if (packed)
        h->packed = ps_rd_u64le(&r);
    if (offset)
        h->offset = ps_rd_u64le(&r);
    return ps_rd_end(&r);
}

/* Permission bits are let be; what else a Unix or DOS system could make of the entry is not. */
static bool plain_file(uint32_t attributes) {
    uint32_t type = attributes >> 16 & 0170000;
    return (attributes & 0x18) == 0 && (type == 0 || type == 0100000);
}

static int central_header(struct ps_rd *r, struct header *h, struct ps_zip_entry *e, struct ps_why *why) {
    const char *where = "directory of the zip";
    uint32_t sig = ps_rd_u32le(r);
    ps_rd_u16le(r); /* made by */
    common(r, h);
    uint16_t comment = ps_rd_u16le(r), disk = ps_rd_u16le(r);
    ps_rd_u16le(r); /* text or binary */
    uint32_t attributes = ps_rd_u32le(r);
    h->offset = ps_rd_u32le(r);
    const uint8_t *name = ps_rd_skip(r, h->name_len);
    struct ps_rd x = ps_rd_sub(r, h->extra_len);
    if (r->err != 0 || sig != 0x02014b50)
        return refuse(why, where, "broken");
    if (ps_zip_name_ok((const char *)name, h->name_len) < 0)
        return refuse(why, where, "an entry's name is not allowed");
    memcpy(e->name, name, h->name_len);
    e->name[h->name_len] = 0;
    if (comment != 0 || disk != 0 || h->version > 45 || (h->flags & ~UTF8_NAMES) != 0)
        return refuse(why, e->name, "encrypted, with a data descriptor or a comment");
    if (h->method != 0)
        return refuse(why, e->name, "compressed; a bundle is stored");
    if (!plain_file(attributes))
        return refuse(why, e->name, "not a plain file");
    if (extra(x, h, true) < 0)
        return refuse(why, e->name, "extra fields");
    if (h->packed != h->size)
        return refuse(why, e->name, "two sizes");
    return 0;
}

static int local_header(const struct ps_blob *f, uint64_t off, const struct header *h, struct ps_zip_entry *e,
                        struct ps_why *why) {
    uint8_t buf[LOCAL_SIZE + PS_MAX_ZIP_NAME + MAX_EXTRA];
    struct header l = {0};
    if (ps_blob_read(f, off, buf, LOCAL_SIZE) < 0)
        return ps_error_why(why, PS_ESHORT, e->name, "cannot be read");
    struct ps_rd r = ps_rd_of(buf, LOCAL_SIZE);
    uint32_t sig = ps_rd_u32le(&r);
    common(&r, &l);
    size_t more = (size_t)l.name_len + l.extra_len;
    if (sig != 0x04034b50 || l.name_len != h->name_len || more > sizeof buf - LOCAL_SIZE)
        return refuse(why, e->name, "local header unlike the directory");
    if (ps_blob_read(f, off + LOCAL_SIZE, buf + LOCAL_SIZE, more) < 0)
        return ps_error_why(why, PS_ESHORT, e->name, "cannot be read");
    r = ps_rd_of(buf + LOCAL_SIZE + l.name_len, l.extra_len);
    if (extra(r, &l, false) < 0 || memcmp(buf + LOCAL_SIZE, e->name, l.name_len) != 0 ||
        l.version != h->version || l.flags != h->flags || l.method != h->method || l.time != h->time ||
        l.date != h->date || l.crc != h->crc || l.packed != h->packed || l.size != h->size)
        return refuse(why, e->name, "local header unlike the directory");
    e->offset = off + LOCAL_SIZE + more;
    e->size = h->size;
    e->crc32 = h->crc;
    return 0;
}

static int read_entries(struct ps_zip *z, const struct directory *d, struct ps_rd r, struct ps_why *why) {
    uint64_t at = 0;
    for (; z->n < d->n; z->n++) {
        struct ps_zip_entry *e = &z->entries[z->n];
        struct header h = {0};
        int err = central_header(&r, &h, e, why);
        if (err == 0 && h.offset != at)
            err = refuse(why, e->name, "bytes between the entries, or entries out of order");
        if (err == 0)
            err = local_header(z->file, at, &h, e, why);
        if (err == 0 && (e->offset > d->off || e->size > d->off - e->offset))
            err = refuse(why, e->name, "larger than the zip");
        if (err < 0)
            return err;
        at = e->offset + e->size;
    }
    if (r.left != 0 || at != d->off)
        return refuse(why, "directory of the zip", "bytes that belong to no entry");
    return 0;
}

int ps_zip_open(struct ps_zip *out, const struct ps_blob *file, struct ps_why *why) {
    struct directory d = {0};
    *out = (struct ps_zip){.file = file};
    int err = read_end(file, &d, why);
    if (err < 0)
        return err;
    size_t size = (size_t)d.size, n = (size_t)d.n;
    uint8_t *central = malloc(size + 1);
    out->entries = calloc(n + 1, sizeof *out->entries);
    out->parts = calloc(n + 1, sizeof *out->parts);
    if (central == NULL || out->entries == NULL || out->parts == NULL)
        err = ps_error_why(why, PS_ENOMEM, "directory of the zip", "out of memory");
    else if (ps_blob_read(file, d.off, central, size) < 0)
        err = ps_error_why(why, PS_EIO, "directory of the zip", "cannot be read");
    else
        err = read_entries(out, &d, ps_rd_of(central, size), why);
    free(central);
    if (err == 0)
        err = check_names(out, why);
    if (err < 0)
        ps_zip_free(out);
    return err;
}

void ps_zip_free(struct ps_zip *z) {
    free(z->entries);
    free(z->parts);
    *z = (struct ps_zip){0};
}

static const char *tree_name(void *ctx, size_t i) {
    const struct ps_zip *z = ctx;
    return z->entries[i].name;
}

static int tree_open(void *ctx, size_t i, struct ps_blob *out) {
    struct ps_zip *z = ctx;
    return ps_blob_part(out, &z->parts[i], z->file, z->entries[i].offset, z->entries[i].size);
}

struct ps_tree ps_zip_tree(struct ps_zip *z) {
    return (struct ps_tree){.ctx = z, .n = z->n, .name = tree_name, .open = tree_open};
}
