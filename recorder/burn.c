/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The banner is kept ready as one canvas of luma. Per frame only the cells whose character changed are copied into
 * it from an atlas, and then the canvas goes into the picture.
 */
#include "recorder/burn.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/limits.h"

#define BLACK 16 /* limits of video range: right in full range too, and never clipped by a player */
#define WHITE 235
#define MAX_ROWS 8
#define MAX_TEXT 4400 /* code points of one field: 512 bytes, each at worst shown as U+10FFFF */
#define MAX_CELLS 40
#define ATLAS "0123456789-+~:.?#"
#define MINUS '~' /* a minus as wide as a plus, for the UTC offset */
#define N_ATLAS ((int)sizeof ATLAS - 1)

/* What is drawn in each frame, and how wide each place is: 0 for any digit. */
static const char *const templates[] = {"0000-00-00", "00:00:00.000", "+00:00?", "#000000"};
enum { T_DATE, T_CLOCK, T_OFFSET, T_FRAME, N_TEMPLATES };

enum field {
    F_TIME = 1,
    F_FRAME = 2,
    F_CODES = 4,
    F_CLIP = 8,
    F_STATION = 16,
    F_OPERATOR = 32,
    F_FRESH = 64,
    F_KIND = 128
};

struct cell {
    int x, y, width;
    char shown;
};

struct surface { /* luma that glyphs may touch: columns 0 to width, rows top to bottom */
    uint8_t *p;
    int stride, width, top, bottom;
};

struct ps_burn {
    FT_Library library;
    FT_Face face;
    int width, height, px, row_height, max_rows, margin;
    uint8_t *canvas;          /* max_rows rows of text, stride width */
    int rows, used[MAX_ROWS]; /* rows in use, and columns of each */
    unsigned fields;
    struct cell cells[MAX_CELLS];
    int n_cells, first_cell[N_TEMPLATES + 1];
    uint8_t *atlas[N_ATLAS];
    int atlas_width[N_ATLAS];
    uint32_t text[MAX_TEXT];
};

/* ---- fonts ---- */

static const char *const font_paths[] = {
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJKsc-Regular.otf",
};

/* Noto's collection begins with the Japanese face, whose forms of many characters differ: look for the simplified one. */
static FT_Face open_face(FT_Library library, const char *path) {
    FT_Face face = NULL;
    if (FT_New_Face(library, path, 0, &face) != 0)
        return NULL;
    for (FT_Long i = 1, n = face->num_faces; i < n; i++) {
        FT_Face other = NULL;
        if (FT_New_Face(library, path, i, &other) != 0)
            break;
        if (other->family_name && strcmp(other->family_name, "Noto Sans CJK SC") == 0) {
            FT_Done_Face(face);
            return other;
        }
        FT_Done_Face(other);
    }
    return face;
}

static int open_font(struct ps_burn *b, const char *path, struct ps_why *why) {
    if (FT_Init_FreeType(&b->library) != 0)
        return ps_error_why(why, PS_ENOMEM, "freetype", "does not start");
    if (path != NULL) {
        b->face = open_face(b->library, path);
        if (b->face == NULL)
            return ps_error_why(why, PS_ENOENT, path, "cannot be opened as a font");
        return 0;
    }
    for (size_t i = 0; i < sizeof font_paths / sizeof font_paths[0] && b->face == NULL; i++)
        b->face = open_face(b->library, font_paths[i]);
    if (b->face == NULL)
        return ps_error_why(why, PS_ENOENT, "font",
                            "no Chinese font for the banner: install fonts-wqy-zenhei (or fonts-noto-cjk)");
    return 0;
}

/* ---- text ---- */

/* One code point of *s, which moves on; U+FFFD for each byte that is not UTF-8 (RFC 3629). */
static uint32_t next_char(const char **s) {
    const unsigned char *p = (const unsigned char *)*s;
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    int more = p[0] < 0x80                   ? 0
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 1
               : (p[0] & 0xf0) == 0xe0       ? 2
               : (p[0] & 0xf8) == 0xf0       ? 3
                                             : -1;
    uint32_t c = more <= 0 ? p[0] : p[0] & (0x3fu >> more);
    *s += 1;
    if (more < 0)
        return 0xfffd;
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) /* also at the terminating zero */
            return 0xfffd;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0xfffd;
    *s += more;
    return c;
}

static int advance(const struct ps_burn *b, uint32_t c) {
    if (FT_Load_Char(b->face, c, FT_LOAD_DEFAULT | FT_LOAD_NO_BITMAP) != 0)
        return 0;
    return (int)((b->face->glyph->advance.x + 32) >> 6);
}

/* A character without a shape or without a width would let a hostile label hide itself or smear another one. */
static bool drawable(const struct ps_burn *b, uint32_t c) {
    return c >= 0x20 && FT_Get_Char_Index(b->face, c) != 0 && advance(b, c) > 0;
}

/* UTF-8 to code points that can all be drawn, in b->text from `at`; returns the new end. */
static int spell(struct ps_burn *b, int at, const char *s, int *missing) {
    while (*s != 0) {
        uint32_t c = next_char(&s);
        char code[12];
        if (drawable(b, c)) {
            if (at < MAX_TEXT)
                b->text[at++] = c;
            continue;
        }
        ++*missing;
        int n = snprintf(code, sizeof code, "U+%04X", (unsigned)c);
        for (int i = 0; i < n && at < MAX_TEXT; i++)
            b->text[at++] = (uint32_t)code[i];
    }
    return at;
}

static int text_width(const struct ps_burn *b, const uint32_t *t, int n) {
    int width = 0;
    for (int i = 0; i < n; i++)
        width += advance(b, t[i]);
    return width;
}

/* ---- drawing ---- */

static void put_glyph(const struct surface *s, const FT_GlyphSlotRec *g, int x, int baseline) {
    const FT_Bitmap *m = &g->bitmap;
    for (int row = 0; row < (int)m->rows; row++) {
        int y = baseline - g->bitmap_top + row;
        if (y < s->top || y >= s->bottom)
            continue;
        const unsigned char *line = m->buffer + (ptrdiff_t)row * m->pitch;
        for (int i = 0; i < (int)m->width; i++) {
            int at = x + g->bitmap_left + i;
            if (at < 0 || at >= s->width)
                continue;
            int cover =
                m->pixel_mode == FT_PIXEL_MODE_MONO ? (line[i / 8] >> (7 - i % 8) & 1) * 255 : line[i];
            uint8_t v = (uint8_t)(BLACK + cover * (WHITE - BLACK) / 255);
            uint8_t *out = s->p + (ptrdiff_t)y * s->stride + at;
            if (v > *out) /* neighbours may overlap by a pixel */
                *out = v;
        }
    }
}

static void put_text(const struct ps_burn *b, const struct surface *s, int x, int baseline, const uint32_t *t,
                     int n) {
    for (int i = 0; i < n; i++) {
        if (FT_Load_Char(b->face, t[i], FT_LOAD_RENDER | FT_LOAD_NO_BITMAP) != 0)
            continue;
        put_glyph(s, b->face->glyph, x, baseline);
        x += (int)((b->face->glyph->advance.x + 32) >> 6);
    }
}

/* Where letters stand in a box of text that is `height` high. */
static int baseline_of(int px, int height) {
    return (height - px) / 2 + px * 86 / 100;
}

static int atlas_index(char c) {
    const char *at = c ? strchr(ATLAS, c) : NULL;
    return at ? (int)(at - ATLAS) : -1;
}

static int widest(const struct ps_burn *b, const char *set) {
    int width = 1;
    for (; *set; set++) {
        int w = advance(b, (uint32_t)*set);
        if (w > width)
            width = w;
    }
    return width;
}

/* Equal width for all digits, and for both signs, so that nothing jumps when they change. */
static int cell_width(const struct ps_burn *b, char c) {
    if (c >= '0' && c <= '9')
        return widest(b, "0123456789");
    if (c == '+' || c == MINUS)
        return widest(b, "+-");
    return widest(b, (char[2]){c});
}

static int make_atlas(struct ps_burn *b) {
    for (int i = 0; i < N_ATLAS; i++) {
        char c = ATLAS[i];
        int width = b->atlas_width[i] = cell_width(b, c);
        b->atlas[i] = malloc((size_t)width * (size_t)b->row_height);
        if (b->atlas[i] == NULL)
            return PS_ENOMEM;
        memset(b->atlas[i], BLACK, (size_t)width * (size_t)b->row_height);
        struct surface s = {b->atlas[i], width, width, 0, b->row_height};
        const uint32_t text[1] = {(uint32_t)(c == MINUS ? '-' : c)};
        put_text(b, &s, (width - advance(b, text[0])) / 2, baseline_of(b->px, b->row_height), text, 1);
    }
    return 0;
}

static void put_cell(struct ps_burn *b, struct cell *k, char c) {
    if (k->shown == c)
        return;
    k->shown = c;
    int i = atlas_index(c);
    for (int y = 0; y < b->row_height; y++) {
        uint8_t *out = b->canvas + (ptrdiff_t)(k->y + y) * b->width + k->x;
        if (i < 0)
            memset(out, BLACK, (size_t)k->width);
        else
            memcpy(out, b->atlas[i] + (ptrdiff_t)y * k->width, (size_t)k->width);
    }
}

/* ---- layout ---- */

/* First row with room for `width` columns, a new one if allowed; -1: none. *x gets the column. */
static int place(struct ps_burn *b, int width, int gap, int *x) {
    for (int r = 0; r < b->max_rows; r++) {
        if (r == b->rows)
            b->used[b->rows++] = 0;
        int at = b->used[r] > 0 ? b->used[r] + gap : b->margin;
        if (width <= b->width - b->margin - at) {
            b->used[r] = at + width;
            *x = at;
            return r;
        }
        if (b->used[r] == 0) { /* too wide even for an empty row */
            b->rows--;
            return -1;
        }
    }
    return -1;
}

static int template_width(const struct ps_burn *b, const char *t) {
    int width = 0;
    for (; *t; t++)
        width += b->atlas_width[atlas_index(*t)];
    return width;
}

static bool place_template(struct ps_burn *b, int which) {
    const char *t = templates[which];
    int x, row = place(b, template_width(b, t), which == T_FRAME ? b->px : b->px / 2, &x);
    b->first_cell[which] = b->n_cells;
    for (; row >= 0 && *t; t++) {
        int width = b->atlas_width[atlas_index(*t)];
        b->cells[b->n_cells++] =
            (struct cell){.x = x, .y = row * b->row_height, .width = width, .shown = ' '};
        x += width;
    }
    return row >= 0;
}

static bool place_text(struct ps_burn *b, int n) {
    int x, row = n > 0 ? place(b, text_width(b, b->text, n), b->px, &x) : -1;
    if (row < 0)
        return false;
    struct surface s = {b->canvas, b->width, b->width, row * b->row_height, (row + 1) * b->row_height};
    put_text(b, &s, x, row * b->row_height + baseline_of(b->px, b->row_height), b->text, n);
    return true;
}

static void place_label(struct ps_burn *b, unsigned field, const char *label, const char *s, int *missing) {
    if (s[0] != 0 && place_text(b, spell(b, spell(b, 0, label, missing), s, missing)))
        b->fields |= field;
}

/* Room for one more text: the widest rest of a row, or a whole new row. */
static int widest_room(const struct ps_burn *b) {
    int room = b->rows < b->max_rows ? b->width - 2 * b->margin : 0;
    for (int r = 0; r < b->rows; r++) {
        int left = b->width - b->margin - b->used[r] - b->px;
        if (left > room)
            room = left;
    }
    return room;
}

/* Shortens the n code points of b->text, codes between two blanks each, to `room`: whole codes while one fits, then "… (count)". */
static int cut_codes(struct ps_burn *b, int n, int room) {
    int codes = 1, keep = 0, whole = 0, width = 0;
    char count[24];
    for (int i = 0; i + 1 < n; i++)
        if (b->text[i] == ' ' && b->text[i + 1] == ' ') {
            codes++;
            i++;
        }
    snprintf(count, sizeof count, codes > 1 ? "… (%d)" : "…", codes);
    uint32_t tail[24];
    int tail_n = 0;
    for (const char *s = count; *s != 0 && tail_n < 24;) {
        uint32_t c = next_char(&s);
        tail[tail_n++] = drawable(b, c) ? c : '.';
    }
    room -= text_width(b, tail, tail_n);
    for (; keep < n; keep++) {
        width += advance(b, b->text[keep]);
        if (width > room)
            break;
        if (keep + 1 < n && b->text[keep] == ' ' && b->text[keep + 1] == ' ')
            whole = keep + 1;
    }
    if (whole > 0)
        keep = whole;
    memcpy(b->text + keep, tail, (size_t)tail_n * sizeof tail[0]);
    return keep + tail_n;
}

static void place_codes(struct ps_burn *b, const char *codes, int *missing) {
    int n = spell(b, 0, codes, missing), room = widest_room(b);
    if (n > MAX_TEXT - 24)
        n = MAX_TEXT - 24;
    if (n > 0 && text_width(b, b->text, n) > room)
        n = room > 8 * b->px ? cut_codes(b, n, room) : 0;
    if (place_text(b, n))
        b->fields |= F_CODES;
}

int ps_burn_set(struct ps_burn *b, const struct ps_banner_text *t) {
    int missing = 0;
    b->rows = b->n_cells = 0;
    b->fields = 0;
    memset(b->canvas, BLACK, (size_t)b->width * (size_t)(b->max_rows * b->row_height));
    bool all = true;
    for (int i = T_DATE; i <= T_OFFSET; i++)
        all &= place_template(b, i);
    b->fields |= all ? F_TIME : 0;
    b->first_cell[T_FRAME] = b->n_cells;
    b->fields |= !t->uncounted && place_template(b, T_FRAME) ? F_FRAME : 0;
    b->first_cell[N_TEMPLATES] = b->n_cells;
    /* In order of weight: where the picture is small the last ones have no place. */
    place_codes(b, t->codes, &missing);
    place_label(b, F_CLIP, "No. ", t->clip, &missing);
    place_label(b, F_KIND, "", t->kind, &missing);
    place_label(b, F_STATION, "", t->station, &missing);
    place_label(b, F_OPERATOR, "OP ", t->operator_id, &missing);
    place_label(b, F_FRESH, "FRESH ", t->freshness[0] ? t->freshness : "--------", &missing);
    return missing;
}

/* ---- the object ---- */

static void choose_size(struct ps_burn *b) {
    int side = b->width < b->height ? b->width : b->height;
    b->px = (side + 14) / 28;
    if (b->px < 14)
        b->px = 14;
    b->row_height = (b->px * 5 / 4 + 1) / 2 * 2;
    if (b->row_height > b->height)
        b->row_height = b->height / 2 * 2;
    b->max_rows = b->height / 2 / b->row_height; /* never more than half of the picture */
    if (b->max_rows > MAX_ROWS)
        b->max_rows = MAX_ROWS;
    if (b->max_rows < 1)
        b->max_rows = 1;
    b->margin = b->px / 4;
}

int ps_burn_new(struct ps_burn **out, uint16_t width, uint16_t height, const char *font_path,
                struct ps_why *why) {
    if (width < 2 || height < 2 || width > PS_MAX_PICTURE || height > PS_MAX_PICTURE || width % 2 ||
        height % 2)
        return ps_error_why(why, PS_EINVAL, "banner", "no banner for a picture of %ux%u", width, height);
    struct ps_burn *b = calloc(1, sizeof *b);
    if (b == NULL)
        return ps_error_why(why, PS_ENOMEM, "banner", "out of memory");
    b->width = width;
    b->height = height;
    choose_size(b);
    int rc = open_font(b, font_path, why);
    if (rc == 0 && FT_Set_Pixel_Sizes(b->face, 0, (FT_UInt)b->px) != 0)
        rc = ps_error_why(why, PS_EFORMAT, font_path ? font_path : "font", "has no letters %d pixels high",
                          b->px);
    if (rc == 0) {
        b->canvas = malloc((size_t)width * (size_t)(b->max_rows * b->row_height));
        rc = b->canvas ? make_atlas(b) : PS_ENOMEM;
        if (rc < 0)
            ps_error_why(why, rc, "banner", "out of memory");
    }
    if (rc < 0) {
        ps_burn_free(b);
        return rc;
    }
    ps_burn_set(b, &(struct ps_banner_text){.codes = ""});
    *out = b;
    return 0;
}

void ps_burn_free(struct ps_burn *b) {
    if (b == NULL)
        return;
    for (int i = 0; i < N_ATLAS; i++)
        free(b->atlas[i]);
    free(b->canvas);
    if (b->face != NULL)
        FT_Done_Face(b->face);
    if (b->library != NULL)
        FT_Done_FreeType(b->library);
    free(b);
}

static void put_template(struct ps_burn *b, int which, const char *s) {
    for (int i = b->first_cell[which]; i < b->first_cell[which + 1] && *s; i++)
        put_cell(b, &b->cells[i], *s++);
}

static void put_time(struct ps_burn *b, int64_t wall_ns, int offset_s, bool unsynced) {
    char s[64];
    int64_t seconds = wall_ns / 1000000000, rest = wall_ns % 1000000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000000;
    }
    if (offset_s < -86340 || offset_s > 86340)
        offset_s = 0;
    time_t local = (time_t)(seconds + offset_s);
    struct tm tm;
    if (gmtime_r(&local, &tm) == NULL)
        return;
    snprintf(s, sizeof s, "%04d-%02d-%02d", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday);
    put_template(b, T_DATE, s);
    snprintf(s, sizeof s, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(rest / 1000000));
    put_template(b, T_CLOCK, s);
    int minutes = abs(offset_s) / 60;
    snprintf(s, sizeof s, "%c%02d:%02d%c", offset_s < 0 ? MINUS : '+', minutes / 60, minutes % 60,
             unsynced ? '?' : ' ');
    put_template(b, T_OFFSET, s);
}

static void copy_rect(struct ps_picture *p, const uint8_t *luma, int stride, int height) {
    for (int y = 0; y < height; y++)
        memcpy(p->plane[0] + (ptrdiff_t)y * p->stride[0], luma + (ptrdiff_t)y * stride, p->width);
    for (int i = 1; i < 3; i++)
        for (int y = 0; y < height / 2; y++)
            memset(p->plane[i] + (ptrdiff_t)y * p->stride[i], 128, p->width / 2u);
}

void ps_burn_draw(struct ps_burn *b, struct ps_picture *p, int64_t wall_ns, int offset_s, bool unsynced,
                  uint64_t frame_number) {
    char s[16];
    if (p->width != b->width || p->height != b->height)
        return;
    put_time(b, wall_ns, offset_s, unsynced);
    /* No clip is that long; should one be, no number is better than a wrong one. */
    if (frame_number <= 999999)
        snprintf(s, sizeof s, "#%06u", (unsigned)frame_number);
    else
        snprintf(s, sizeof s, "#      ");
    put_template(b, T_FRAME, s);
    copy_rect(p, b->canvas, b->width, b->rows * b->row_height);
}

void ps_burn_describe(const struct ps_burn *b, struct ps_banner *out) {
    static const struct {
        unsigned field;
        const char *name;
    } names[] = {{F_CODES, "codes"}, {F_TIME, "time"},   {F_STATION, "station"}, {F_OPERATOR, "operator"},
                 {F_CLIP, "clip"},   {F_FRAME, "frame"}, {F_FRESH, "freshness"}, {F_KIND, "kind"}};
    *out = (struct ps_banner){.w = (uint16_t)b->width, .h = (uint16_t)(b->rows * b->row_height)};
    snprintf(out->layout, sizeof out->layout, "top-v1");
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (b->fields & names[i].field)
            n += (size_t)snprintf(out->fields + n, sizeof out->fields - n, "%s%s", n ? " " : "",
                                  names[i].name);
}

void ps_burn_words(struct ps_burn *b, struct ps_picture *p, const char *words) {
    int missing = 0, n = spell(b, 0, words, &missing), px = b->height / 8, width = 0;
    if (p->width != b->width || p->height != b->height || n == 0)
        return;
    for (;; px = px * 9 / 10) {
        if (px < b->px)
            px = b->px;
        if (FT_Set_Pixel_Sizes(b->face, 0, (FT_UInt)px) != 0)
            break;
        width = text_width(b, b->text, n);
        if (width <= b->width * 9 / 10 || px == b->px)
            break;
    }
    int height = px * 3 / 2 / 2 * 2, top = (b->height - height) / 4 * 2, x = (b->width - width) / 2;
    if (top < 0 || height > b->height) {
        top = 0;
        height = b->height;
    }
    for (int y = top; y < top + height; y++)
        memset(p->plane[0] + (ptrdiff_t)y * p->stride[0], BLACK, p->width);
    for (int i = 1; i < 3; i++)
        for (int y = top / 2; y < (top + height) / 2; y++)
            memset(p->plane[i] + (ptrdiff_t)y * p->stride[i], 128, p->width / 2u);
    struct surface s = {p->plane[0], p->stride[0], b->width, top, top + height};
    put_text(b, &s, x > 0 ? x : 0, top + baseline_of(px, height), b->text, n);
    FT_Set_Pixel_Sizes(b->face, 0, (FT_UInt)b->px);
}
