/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Photographs built marker by marker: what is one, what is none, and which signs each carries. */
#include "evidence/jpeg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "tests/unit/tap.h"

struct look { /* of a picture to build; {0} is a camera's photograph of 4:3 with EXIF */
    bool no_exif, jfif, avi1, mpf, motion, photoshop, progressive, big_endian, no_make, no_time;
    bool no_tables, standard_tables, tables_first;
    const char *software, *tool, *comment;
    uint16_t width, height, thumb_width, thumb_height, exif_width;
    uint8_t sof;
};

static void marker(struct ps_buf *b, uint8_t m, const void *p, size_t n) {
    ps_buf_u8(b, 0xFF);
    ps_buf_u8(b, m);
    ps_buf_u16(b, (uint16_t)(n + 2));
    ps_buf_bytes(b, p, n);
}

/* The four tables of T.81 annex K.3, as libjpeg and every motion-JPEG camera has them. */
static void standard(struct ps_buf *b) {
    static const char hex[] =
        "0000010501010101010100000000000000000102030405060708090a0b01000301010101010101010100000000000001"
        "02030405060708090a0b100002010303020403050504040000017d010203000411051221314106135161072271143281"
        "91a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a53545556"
        "5758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3"
        "b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa110002"
        "0102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f01562"
        "72d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a"
        "737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
        "c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa";
    uint8_t tables[416];
    if (ps_bytes_unhex(tables, sizeof(tables), hex, sizeof(hex) - 1) != 0)
        tap_bail("the tables are no hexadecimal");
    ps_buf_bytes(b, tables, sizeof(tables));
}

static void frame(struct ps_buf *b, uint8_t sof, uint16_t w, uint16_t h) {
    uint8_t f[15] = {
        8, (uint8_t)(h >> 8), (uint8_t)h, (uint8_t)(w >> 8), (uint8_t)w, 3, 1, 0x21, 0, 2, 0x11, 1, 3, 0x11,
        1};
    marker(b, sof, f, sizeof(f));
}

static void coded(struct ps_buf *b) {
    static const uint8_t scan[10] = {3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0};
    marker(b, 0xDA, scan, sizeof(scan));
    ps_buf_bytes(b, "\x12\xFF\x00\x34\xFF\xD0\x56\xFF\xFF\xD9", 10);
}

static void small(struct ps_buf *b, uint16_t w, uint16_t h) {
    ps_buf_bytes(b, "\xFF\xD8", 2);
    frame(b, 0xC0, w, h);
    coded(b);
}

struct tiff {
    struct ps_buf b;
    bool big;
};

static void t16(struct tiff *t, uint16_t v) {
    if (t->big)
        ps_buf_u16(&t->b, v);
    else
        ps_buf_u16le(&t->b, v);
}

static void t32(struct tiff *t, uint32_t v) {
    if (t->big)
        ps_buf_u32(&t->b, v);
    else
        ps_buf_u32le(&t->b, v);
}

static void entry(struct tiff *t, uint16_t tag, uint16_t type, uint32_t count, uint32_t value) {
    t16(t, tag);
    t16(t, type);
    t32(t, count);
    t32(t, value);
}

/* IFD0 at 8 (5 entries: 66 bytes), EXIF at 74 (3: 42), IFD1 at 116 (2: 30), texts at 146 in slots of 32, thumbnail. */
static void exif(struct ps_buf *out, const struct look *l) {
    struct tiff t = {.big = l->big_endian};
    struct ps_buf thumb;
    const char *texts[4] = {l->no_make ? "" : "Canon", l->no_make ? "" : "Canon EOS R6  ",
                            l->software != NULL ? l->software : "Firmware 1.8.2",
                            l->no_time ? "" : "2026:11:21 08:15:30"};
    ps_buf_init(&t.b, 65536);
    ps_buf_init(&thumb, 65536);
    if (l->thumb_width != 0)
        small(&thumb, l->thumb_width, l->thumb_height);
    ps_buf_bytes(&t.b, l->big_endian ? "MM\0*" : "II*\0", 4);
    t32(&t, 8);
    t16(&t, 5);
    entry(&t, 0x010F, 2, 32, 146);
    entry(&t, 0x0110, 2, 32, 146 + 32);
    entry(&t, 0x0131, 2, 32, 146 + 64);
    entry(&t, 0x8769, 4, 1, 74);
    entry(&t, 0x9999, 7, 4, 0);
    t32(&t, thumb.n > 0 ? 116 : 0);
    t16(&t, 3);
    entry(&t, 0x9003, 2, 32, 146 + 96);
    entry(&t, 0xA002, 4, 1, l->exif_width != 0 ? l->exif_width : l->width);
    entry(&t, 0xA003, 4, 1, l->height);
    t32(&t, 0);
    t16(&t, 2);
    entry(&t, 0x0201, 4, 1, 146 + 128);
    entry(&t, 0x0202, 4, 1, (uint32_t)thumb.n);
    t32(&t, 0);
    for (int i = 0; i < 4; i++) {
        char slot[32] = "";
        snprintf(slot, sizeof(slot), "%s", texts[i]);
        ps_buf_bytes(&t.b, slot, sizeof(slot));
    }
    ps_buf_bytes(&t.b, thumb.p, thumb.n);
    struct ps_buf all;
    ps_buf_init(&all, 65536);
    ps_buf_bytes(&all, "Exif\0\0", 6);
    ps_buf_bytes(&all, t.b.p, t.b.n);
    marker(out, 0xE1, all.p, all.n);
    ps_buf_free(&all);
    ps_buf_free(&thumb);
    ps_buf_free(&t.b);
}

static void huffman(struct ps_buf *b, const struct look *l) {
    struct ps_buf t;
    ps_buf_init(&t, 1024);
    standard(&t);
    if (l->standard_tables) {
        marker(b, 0xC4, t.p, t.n);
    } else if (!l->no_tables) {
        marker(b, 0xC4, t.p, 29);
        marker(b, 0xC4, t.p + 29, t.n - 29);
    }
    ps_buf_free(&t);
}

static void build(struct ps_buf *b, struct look l) {
    static const uint8_t table[65] = {0};
    if (l.width == 0) {
        l.width = 4000;
        l.height = 3000;
    }
    ps_buf_init(b, 1 << 20);
    ps_buf_bytes(b, "\xFF\xD8", 2);
    if (l.jfif)
        marker(b, 0xE0, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
    if (l.avi1)
        marker(b, 0xE0, "AVI1\0\0\0\0", 8);
    if (!l.no_exif)
        exif(b, &l);
    if (l.motion)
        marker(b, 0xE1, "http://ns.adobe.com/xap/1.0/\0<x GCamera:MotionPhoto=\"1\"/>", 57);
    if (l.tool != NULL) {
        char packet[256];
        int n = snprintf(packet, sizeof(packet), "http://ns.adobe.com/xap/1.0/%c<x xmp:CreatorTool=\"%s\"/>",
                         0, l.tool);
        marker(b, 0xE1, packet, (size_t)n);
    }
    if (l.mpf)
        marker(b, 0xE2, "MPF\0II*\0", 8);
    if (l.photoshop)
        marker(b, 0xED, "Photoshop 3.0\0", 14);
    if (l.comment != NULL)
        marker(b, 0xFE, l.comment, strlen(l.comment));
    if (l.tables_first)
        huffman(b, &l);
    marker(b, 0xDB, table, sizeof(table));
    frame(b, l.sof != 0 ? l.sof : l.progressive ? 0xC2 : 0xC0, l.width, l.height);
    if (!l.tables_first)
        huffman(b, &l);
    coded(b);
}

/* Exactly as many bytes as there are, so that the sanitizer sees one too many. */
static int parse(struct ps_jpeg *j, const void *p, size_t n, struct ps_why *why) {
    uint8_t *exact = malloc(n > 0 ? n : 1);
    memcpy(exact, p, n);
    int err = ps_jpeg_parse(j, exact, n, why);
    if (err == 0)
        (void)ps_jpeg_signs(j);
    j->exif.thumb = NULL;
    free(exact);
    return err;
}

static void signs(struct look l, unsigned want, const char *name) {
    struct ps_buf b;
    struct ps_jpeg j;
    struct ps_why why = {0};
    build(&b, l);
    int err = parse(&j, b.p, b.n, &why);
    tap_ok(err == 0 && ps_jpeg_signs(&j) == want, "%s (%d %s, %#x, wanted %#x)", name, err, why.text,
           err == 0 ? ps_jpeg_signs(&j) : 0, want);
    ps_buf_free(&b);
}

static void fields(bool big_endian) {
    struct ps_buf b;
    struct ps_jpeg j;
    struct ps_why why;
    build(&b, (struct look){.big_endian = big_endian, .thumb_width = 320, .thumb_height = 240});
    tap_is_int(parse(&j, b.p, b.n, &why), 0, "a photograph, %s", big_endian ? "big-endian" : "little-endian");
    tap_ok(j.width == 4000 && j.height == 3000 && j.components == 3 && j.sampling == 0x21, "its size");
    tap_is_str(j.exif.make, "Canon", "maker");
    tap_is_str(j.exif.model, "Canon EOS R6", "model, without the blanks behind");
    tap_is_str(j.exif.software, "Firmware 1.8.2", "software");
    tap_is_str(j.exif.taken, "2026:11:21 08:15:30", "time");
    tap_ok(j.exif.width == 4000 && j.exif.height == 3000 && !j.exif.damaged, "size in EXIF");
    tap_ok(j.thumb_width == 320 && j.thumb_height == 240, "thumbnail");
    tap_is_int(j.tail, PS_JPEG_TAIL_NONE, "nothing after it");
    ps_buf_free(&b);
}

static void tails(void) {
    struct ps_buf sef, two;
    ps_buf_init(&sef, 64);
    ps_buf_bytes(&sef, "somethingSEFH\1\0\0\0\0\0\0\0\x0c\0\0\0SEFT", 29);
    ps_buf_init(&two, 256);
    ps_buf_bytes(&two, "\0\0\0", 3);
    small(&two, 64, 48);
    small(&two, 32, 24);
    const struct {
        struct look l;
        const void *p;
        size_t n;
        int err;
        enum ps_jpeg_tail tail;
        const char *name;
    } t[] = {
        {{0}, "\0\0\0\0", 4, 0, PS_JPEG_TAIL_PADDING, "padding"},
        {{.mpf = true}, two.p, two.n, 0, PS_JPEG_TAIL_PICTURES, "previews that are announced"},
        {{0}, two.p, two.n, PS_ETRAIL, 0, "previews that are not"},
        {{.mpf = true}, two.p, two.n - 1, PS_ESHORT, 0, "a preview cut off"},
        {{.motion = true},
         "\0\0\0\x14"
         "ftypmp42",
         12,
         0,
         PS_JPEG_TAIL_FILM,
         "the film of a motion photo"},
        {{0},
         "\0\0\0\x14"
         "ftypmp42",
         12,
         PS_ETRAIL,
         0,
         "a film that is not announced"},
        {{0}, sef.p, sef.n, 0, PS_JPEG_TAIL_MAKER, "a maker's blocks"},
        {{0}, sef.p, sef.n - 1, PS_ETRAIL, 0, "half of them"},
        {{0}, "PK\3\4", 4, PS_ETRAIL, 0, "an archive"},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct ps_buf b;
        struct ps_jpeg j;
        struct ps_why why;
        build(&b, t[i].l);
        ps_buf_bytes(&b, t[i].p, t[i].n);
        int err = parse(&j, b.p, b.n, &why);
        tap_ok(err == t[i].err && (err != 0 || (j.tail == t[i].tail && j.tail_n == t[i].n)),
               "after the end: %s (%d)", t[i].name, err);
        ps_buf_free(&b);
    }
    ps_buf_free(&sef);
    ps_buf_free(&two);
}

static void none(void) {
    static const struct {
        const char *p;
        size_t n;
        const char *word;
    } t[] = {{"\x89PNG\r\n\x1a\n", 8, "PNG"},
             {"\0\0\0\x18"
              "ftypheic\0\0\0\0",
              16, "HEIC"},
             {"RIFF\1\2\3\4WEBPVP8 ", 16, "WebP"},
             {"II*\0\0\0\0\0", 8, "raw"},
             {"", 0, "not JPEG"},
             {"\xFF\xD8\xFF\xD9", 4, "without a picture"}};
    struct ps_jpeg j;
    struct ps_why why;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
        tap_ok(parse(&j, t[i].p, t[i].n, &why) == PS_EFORMAT && strstr(why.text, t[i].word) != NULL,
               "refused: %s", why.text);
    for (unsigned sof = 0xC1; sof <= 0xCF; sof++) {
        struct ps_buf b;
        if (sof == 0xC2 || sof == 0xC4 || sof == 0xC8 || sof == 0xCC)
            continue;
        build(&b, (struct look){.sof = (uint8_t)sof});
        tap_is_int(parse(&j, b.p, b.n, &why), PS_EVERSION, "process %#x is refused", sof);
        ps_buf_free(&b);
    }
}

/* Cut anywhere it is no whole picture; a flipped byte is judged one way or the other, within its bounds. */
static void bent(void) {
    struct ps_buf b;
    struct ps_jpeg j;
    struct ps_why why;
    size_t whole = 0, judged = 0;
    build(&b, (struct look){.jfif = true, .thumb_width = 160, .thumb_height = 120, .mpf = true, .tool = "x"});
    for (size_t n = 0; n < b.n; n++)
        whole += parse(&j, b.p, n, &why) == 0;
    tap_is_uint(whole, 0, "cut at each of its %zu bytes: refused", b.n);
    for (size_t i = 0; i < b.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            b.p[i] ^= (uint8_t)(1u << bit);
            int err = parse(&j, b.p, b.n, &why);
            judged +=
                err == 0 || err == PS_EFORMAT || err == PS_ESHORT || err == PS_ETRAIL || err == PS_EVERSION;
            b.p[i] ^= (uint8_t)(1u << bit);
        }
    tap_is_uint(judged, 8 * b.n, "each bit flipped: judged");
    ps_buf_free(&b);
}

int main(void) {
    fields(false);
    fields(true);
    signs((struct look){0}, 0, "a camera's photograph carries no sign");
    signs((struct look){.no_exif = true}, PS_JPEG_NO_EXIF, "no EXIF");
    signs((struct look){.no_exif = true, .jfif = true}, PS_JPEG_NO_EXIF | PS_JPEG_JFIF_ONLY,
          "as a messenger leaves it");
    signs((struct look){.no_make = true}, PS_JPEG_NO_CAMERA, "no camera named");
    signs((struct look){.no_time = true}, PS_JPEG_NO_TIME, "no time");
    signs((struct look){.software = "Adobe Photoshop 25.0"}, PS_JPEG_EDITOR, "an editor's software tag");
    signs((struct look){.software = "美图秀秀"}, PS_JPEG_EDITOR, "a Chinese one");
    signs((struct look){.tool = "GIMP 2.10"}, PS_JPEG_EDITOR, "an editor in XMP");
    signs((struct look){.tool = "Firmware 2"}, 0, "a camera in XMP");
    signs((struct look){.comment = "Lavc59.37.100"}, PS_JPEG_EDITOR, "an encoder's comment");
    signs((struct look){.photoshop = true}, PS_JPEG_EDITOR, "an editor's segment");
    signs((struct look){.no_exif = true, .width = 1080, .height = 2400}, PS_JPEG_NO_EXIF | PS_JPEG_SCREEN,
          "a telephone's screen");
    signs((struct look){.width = 1920, .height = 1080}, 0, "a camera may have a screen's size");
    signs((struct look){.progressive = true}, PS_JPEG_PROGRESSIVE, "progressive");
    signs((struct look){.no_tables = true, .no_exif = true}, PS_JPEG_NO_EXIF | PS_JPEG_NO_HUFFMAN,
          "a bare motion-JPEG frame");
    signs((struct look){.standard_tables = true, .no_exif = true, .avi1 = true},
          PS_JPEG_NO_EXIF | PS_JPEG_HUFFMAN, "the same with tables added");
    signs((struct look){.standard_tables = true, .tables_first = true}, PS_JPEG_HUFFMAN,
          "tables before all else");
    signs((struct look){.standard_tables = true}, 0, "a camera with EXIF may have the standard tables");
    signs((struct look){.thumb_width = 160, .thumb_height = 120, .width = 3000, .height = 2000}, 0,
          "a DCF thumbnail has bars");
    signs((struct look){.thumb_width = 320, .thumb_height = 213, .width = 3000, .height = 2000}, 0,
          "a thumbnail of 3:2");
    signs((struct look){.thumb_width = 240, .thumb_height = 320}, 0, "a thumbnail turned");
    signs((struct look){.thumb_width = 320, .thumb_height = 320}, PS_JPEG_THUMBNAIL,
          "a thumbnail of other proportions");
    signs((struct look){.exif_width = 4032}, PS_JPEG_SIZE, "EXIF tells another size");
    tails();
    none();
    bent();
    return tap_done();
}
