/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/orders.h"
#include "archive/orders_csv.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS_MAX (PS_ORDERS_ROWS * 4)
#define NUMBER_BYTES 64
#define NONE UINT32_MAX

struct number {
    uint32_t text; /* offset of it, terminated, upper case */
    uint32_t next; /* with the same hash */
    uint32_t row;
    uint8_t type;
};

struct row {
    uint32_t first; /* of its numbers, which follow one another */
    uint32_t note;  /* offset, NONE for none */
    uint8_t n;
    bool refunded;
};

struct ps_orders {
    struct ps_orders_summary summary;
    struct ps_buf text;
    struct row *rows;
    struct number *numbers;
    uint32_t n_rows, n_numbers, room_rows, room_numbers, mask;
    uint32_t *heads;
};

/* ---- headings ---- */

enum column { OTHER, ORDER, WAYBILL, PARCELS, ITEMS, NOTE, REFUNDED };

static const struct {
    const char *heading;
    enum column column;
} headings[] = {
    {"order", ORDER},       {"order number", ORDER},
    {"order_id", ORDER},    {"order id", ORDER},
    {"订单号", ORDER},      {"订单编号", ORDER},
    {"主订单编号", ORDER},  {"子订单编号", ORDER},
    {"waybill", WAYBILL},   {"tracking number", WAYBILL},
    {"运单号", WAYBILL},    {"快递单号", WAYBILL},
    {"物流单号", WAYBILL},  {"运单编号", WAYBILL},
    {"面单号", WAYBILL},    {"parcels", PARCELS},
    {"parcel", PARCELS},    {"包裹号", PARCELS},
    {"子单号", PARCELS},    {"子运单号", PARCELS},
    {"items", ITEMS},       {"item", ITEMS},
    {"sku", ITEMS},         {"商品编码", ITEMS},
    {"商品条码", ITEMS},    {"货号", ITEMS},
    {"note", NOTE},         {"memo", NOTE},
    {"备注", NOTE},         {"商家备注", NOTE},
    {"卖家备注", NOTE},     {"订单备注", NOTE},
    {"refunded", REFUNDED}, {"refund", REFUNDED},
    {"退款", REFUNDED},     {"退款状态", REFUNDED},
    {"售后状态", REFUNDED}, {"已退款", REFUNDED},
};

static enum column column_of(const char *s) {
    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        if (strcasecmp(s, headings[i].heading) == 0)
            return headings[i].column;
    return OTHER;
}

/* 1, 0, or -1 when it is neither. */
static int yes_or_no(const char *s) {
    static const char *const yes[] = {"1",        "yes",    "y",          "true",     "x",       "refunded",
                                      "是",       "√",      "已退款",     "退款成功", "退款中",  "退款完成",
                                      "全额退款", "仅退款", "退款处理中", "申请退款", "退货退款"};
    static const char *const no[] = {
        "",         "0",        "no",           "n",          "false",           "否",
        "无",       "-",        "无退款",       "未退款",     "无售后",          "退款关闭",
        "售后关闭", "退款失败", "没有申请退款", "未发起售后", "无售后或售后关闭"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        if (strcasecmp(s, yes[i]) == 0)
            return 1;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (strcasecmp(s, no[i]) == 0)
            return 0;
    return -1;
}

/* ---- building ---- */

static int tell(struct ps_orders *o, uint64_t line, const char *text) {
    struct ps_orders_summary *s = &o->summary;
    if (s->kept < PS_ORDERS_BAD) {
        s->bad[s->kept].line = line;
        snprintf(s->bad[s->kept++].text, sizeof(s->bad[0].text), "%s", text);
    }
    s->n_bad++;
    return 0;
}

static int grow(void *list, uint32_t *room, uint32_t n, size_t size, uint32_t most) {
    void **v = list;
    if (n < *room)
        return 0;
    if (n >= most)
        return PS_ELIMIT;
    uint32_t want = *room == 0 ? 1024 : *room * 2;
    void *p = reallocarray(*v, want, size);
    if (p == NULL)
        return PS_ENOMEM;
    *v = p;
    *room = want;
    return 0;
}

static uint32_t hash_of(const char *s) { /* FNV-1a */
    uint32_t h = 2166136261U;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 16777619U;
    return h;
}

static int put_text(struct ps_orders *o, const char *s, uint32_t *at) {
    *at = (uint32_t)o->text.n;
    ps_buf_bytes(&o->text, s, strlen(s) + 1);
    return o->text.err;
}

static const char *text_at(const struct ps_orders *o, uint32_t at) {
    return (const char *)o->text.p + at;
}

/* What a cell of numbers may hold besides: ="…", '…, several of them. */
static size_t token(const char **p, char out[NUMBER_BYTES + 1], bool *sane) {
    static const char chars[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.#+";
    static const char *const between[] = {" ", ";",  ",",  "/",  "|",  "'", "\"",
                                          "=", "、", "；", "，", "：", ":"};
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
            size_t n = strlen(between[i]);
            if (strncmp(*p, between[i], n) == 0) {
                *p += n;
                again = true;
            }
        }
    }
    size_t n = strspn(*p, chars);
    *sane = n >= 4 && n <= NUMBER_BYTES;
    for (size_t i = 0; i < n && i < NUMBER_BYTES; i++)
        out[i] = (*p)[i] >= 'a' && (*p)[i] <= 'z' ? (char)((*p)[i] - 'a' + 'A') : (*p)[i];
    out[n < NUMBER_BYTES ? n : NUMBER_BYTES] = '\0';
    if (n == 0 && **p != '\0') { /* other text: step over one character */
        *sane = false;
        for (n = 1; ((*p)[n] & 0xC0) == 0x80; n++)
            continue;
    }
    *p += n;
    return n;
}

/* "6.92E+18": digits are gone for good. */
static bool rounded(const char *s) {
    size_t n = strspn(s, "0123456789.");
    return n > 0 && strncmp(s + n, "E+", 2) == 0 && strspn(s + n + 2, "0123456789") == strlen(s + n + 2) &&
           s[n + 2] != '\0';
}

/* 0, an error, or 1 after telling of a bad line. */
static int put_cell(struct ps_orders *o, struct row *r, uint64_t line, const char *cell, uint8_t type) {
    char t[NUMBER_BYTES + 1];
    bool sane;
    for (const char *p = cell; token(&p, t, &sane) > 0;) {
        if (sane && rounded(t))
            return tell(o, line, "a spreadsheet has rounded a number: keep the column as text") + 1;
        if (!sane && type == PS_CODE_SKU)
            continue; /* names and counts of goods */
        if (!sane)
            return tell(o, line, "holds something that is no number") + 1;
        if (r->n == PS_ORDERS_NUMBERS)
            return tell(o, line, "has too many numbers") + 1;
        int rc = grow(&o->numbers, &o->room_numbers, o->n_numbers, sizeof(*o->numbers), NUMBERS_MAX);
        struct number k = {.row = o->n_rows, .type = type};
        if (rc == 0)
            rc = put_text(o, t, &k.text);
        if (rc < 0)
            return rc;
        o->numbers[o->n_numbers++] = k;
        r->n++;
    }
    return 0;
}

static int put_note(struct ps_orders *o, struct row *r, const char *s) {
    char note[PS_ORDERS_NOTE + 1];
    size_t n = strlen(s);
    if (n == 0 || r->note != NONE)
        return 0;
    if (n > PS_ORDERS_NOTE) /* not within a character */
        for (n = PS_ORDERS_NOTE; n > 0 && (s[n] & 0xC0) == 0x80;)
            n--;
    memcpy(note, s, n);
    note[n] = '\0';
    return put_text(o, note, &r->note);
}

static int put_field(struct ps_orders *o, struct row *r, uint64_t line, enum column column, const char *s) {
    int is;
    switch (column) {
    case ORDER: return put_cell(o, r, line, s, PS_CODE_ORDER);
    case WAYBILL: return put_cell(o, r, line, s, PS_CODE_WAYBILL);
    case PARCELS: return put_cell(o, r, line, s, PS_CODE_PARCEL);
    case ITEMS: return put_cell(o, r, line, s, PS_CODE_SKU);
    case NOTE: return put_note(o, r, s);
    case REFUNDED:
        is = yes_or_no(s);
        r->refunded |= is == 1;
        return is < 0 ? tell(o, line, "whether it was refunded is neither yes nor no; its numbers count") : 0;
    case OTHER: return 0;
    }
    return 0;
}

static bool names_something(const struct ps_orders *o, const struct row *r) {
    for (unsigned i = 0; i < r->n; i++)
        if (o->numbers[r->first + i].type != PS_CODE_SKU)
            return true;
    return false;
}

static int put_row(struct ps_orders *o, const struct ps_orders_csv *c, const enum column *columns) {
    struct row r = {.first = o->n_numbers, .note = NONE};
    int rc = grow(&o->rows, &o->room_rows, o->n_rows, sizeof(*o->rows), PS_ORDERS_ROWS);
    for (unsigned i = 0; i < c->n && rc == 0; i++)
        rc = put_field(o, &r, c->record_line, columns[i], c->field[i]);
    if (rc == 0 && !names_something(o, &r))
        rc = tell(o, c->record_line, "has neither order nor waybill") + 1;
    if (rc != 0) {
        o->n_numbers = r.first; /* nothing of a bad line counts */
        return rc < 0 ? rc : 0;
    }
    o->rows[o->n_rows++] = r;
    o->summary.rows++;
    o->summary.refunded += r.refunded;
    return 0;
}

static int build_hash(struct ps_orders *o) {
    uint32_t size = 16;
    while (size < o->n_numbers)
        size *= 2;
    o->heads = malloc(size * sizeof(*o->heads));
    if (o->heads == NULL)
        return PS_ENOMEM;
    memset(o->heads, 0xFF, size * sizeof(*o->heads));
    o->mask = size - 1;
    for (uint32_t i = o->n_numbers; i-- > 0;) { /* so that a chain is in the order of the file */
        uint32_t *head = &o->heads[hash_of(text_at(o, o->numbers[i].text)) & o->mask];
        o->numbers[i].next = *head;
        *head = i;
    }
    return 0;
}

static int read_headings(struct ps_orders_csv *c, enum column *columns, const char *name,
                         struct ps_why *why) {
    char text[96];
    bool known = false;
    int rc = ps_orders_csv_next(c, text);
    if (rc < 0)
        return ps_error_why(why, PS_EFORMAT, name, "its headings cannot be read: the first line %s", text);
    for (unsigned i = 0; rc == 1 && i < c->n; i++) {
        columns[i] = column_of(c->field[i]);
        known |= columns[i] == ORDER || columns[i] == WAYBILL;
    }
    return known ? 0
                 : ps_error_why(why, PS_EFORMAT, name,
                                "the first line names neither an order nor a waybill column");
}

static int read_rows(struct ps_orders *o, struct ps_orders_csv *c, const enum column *columns) {
    char text[96];
    for (;;) {
        int rc = ps_orders_csv_next(c, text);
        if (rc == 0)
            return build_hash(o);
        rc = rc < 0 ? tell(o, c->record_line, text) : put_row(o, c, columns);
        if (rc < 0)
            return rc;
    }
}

int ps_orders_parse(struct ps_orders **out, const void *p, size_t n, const char *name, struct ps_why *why) {
    enum column columns[PS_ORDERS_CSV_FIELDS] = {OTHER};
    struct ps_orders_csv *c = calloc(1, sizeof(*c));
    struct ps_orders *o = calloc(1, sizeof(*o));
    int rc = c == NULL || o == NULL ? PS_ENOMEM : 0;
    if (rc < 0) {
        free(c);
        free(o);
        return ps_error_why(why, rc, name, "out of memory");
    }
    ps_buf_init(&o->text, 2 * PS_ORDERS_FILE_MAX);
    rc = ps_orders_csv_open(c, p, n, name, why);
    if (rc < 0)
        goto out;
    o->summary.encoding = c->gb ? "GB18030" : "UTF-8";
    rc = read_headings(c, columns, name, why);
    if (rc < 0)
        goto out;
    rc = read_rows(o, c, columns);
    if (rc < 0)
        ps_error_why(why, rc, name, rc == PS_ELIMIT ? "has more than 200000 rows" : "%s", ps_error_text(rc));
out:
    ps_orders_csv_close(c);
    free(c);
    if (rc < 0)
        ps_orders_free(o);
    else
        *out = o;
    return rc;
}

void ps_orders_free(struct ps_orders *o) {
    if (o == NULL)
        return;
    ps_buf_free(&o->text);
    free(o->rows);
    free(o->numbers);
    free(o->heads);
    free(o);
}

void ps_orders_summary(const struct ps_orders *o, struct ps_orders_summary *out) {
    *out = o->summary;
}

/* ---- asking ---- */

static void add_link(const struct ps_orders *o, const struct number *k, struct ps_orders_found *f) {
    const char *s = text_at(o, k->text);
    for (unsigned i = 0; i < f->n_links; i++)
        if (strcmp(f->links[i].value, s) == 0)
            return;
    if (f->n_links == PS_ORDERS_LINKS)
        return;
    f->links[f->n_links].type = k->type;
    snprintf(f->links[f->n_links++].value, sizeof(f->links[0].value), "%s", s);
}

static void add_row(const struct ps_orders *o, const struct row *r, struct ps_orders_found *f) {
    for (unsigned i = 0; i < r->n; i++) {
        const struct number *k = &o->numbers[r->first + i];
        if (k->type == PS_CODE_SKU)
            continue;
        if ((f->type == PS_CODE_ORDER) != (k->type == PS_CODE_ORDER))
            add_link(o, k, f);
        if (f->type == PS_CODE_PARCEL && k->type == PS_CODE_WAYBILL && f->waybill[0] == '\0')
            snprintf(f->waybill, sizeof(f->waybill), "%s", text_at(o, k->text));
        if (r->refunded && k->type == PS_CODE_ORDER && f->refunded_order[0] == '\0')
            snprintf(f->refunded_order, sizeof(f->refunded_order), "%s", text_at(o, k->text));
    }
    f->refunded |= r->refunded;
    if (f->note[0] == '\0' && r->note != NONE)
        snprintf(f->note, sizeof(f->note), "%s", text_at(o, r->note));
}

/* A number that stands in several columns is what is said of it first here. */
static unsigned rank(uint8_t type) {
    return type == PS_CODE_WAYBILL ? 4 : type == PS_CODE_PARCEL ? 3 : type == PS_CODE_ORDER ? 2 : 1;
}

void ps_orders_find(const struct ps_orders *o, const char *number, struct ps_orders_found *out) {
    char key[PS_MAX_CODE + 1];
    size_t n = 0;
    memset(out, 0, sizeof(*out));
    number += strspn(number, " ");
    for (; number[n] != '\0' && n < PS_MAX_CODE; n++)
        key[n] = number[n] >= 'a' && number[n] <= 'z' ? (char)(number[n] - 'a' + 'A') : number[n];
    while (n > 0 && key[n - 1] == ' ')
        n--;
    key[n] = '\0';
    if (o == NULL || n == 0)
        return;
    uint32_t head = o->heads[hash_of(key) & o->mask];
    for (uint32_t i = head; i != NONE; i = o->numbers[i].next)
        if (strcmp(text_at(o, o->numbers[i].text), key) == 0 &&
            (!out->known || rank(o->numbers[i].type) > rank(out->type))) {
            out->known = true;
            out->type = o->numbers[i].type;
        }
    if (out->type == PS_CODE_SKU) /* which of the orders that have it is meant, nobody knows */
        return;
    for (uint32_t i = out->known ? head : NONE; i != NONE; i = o->numbers[i].next)
        if (o->numbers[i].type != PS_CODE_SKU && strcmp(text_at(o, o->numbers[i].text), key) == 0)
            add_row(o, &o->rows[o->numbers[i].row], out);
}

/* ---- a file that changes ---- */

int ps_orders_path(const char *root, const char *file, char out[PS_ROOT_PATH]) {
    if (file[0] != '/')
        return ps_root_path(root, file[0] != '\0' ? file : PS_ROOT_ORDERS, out);
    return snprintf(out, PS_ROOT_PATH, "%s", file) < PS_ROOT_PATH ? 0 : PS_ELIMIT;
}

int ps_orders_load(struct ps_orders **out, const char *path, struct ps_why *why) {
    struct stat st;
    uint8_t *p = NULL;
    size_t n = 0;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = ps_error_why(why, errno == ENOENT ? PS_ENOENT : PS_EIO, path, "%s", strerrordesc_np(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)PS_ORDERS_FILE_MAX) {
        rc =
            ps_error_why(why, PS_ELIMIT, path, "is no file, or larger than %zu MB", PS_ORDERS_FILE_MAX >> 20);
        goto out;
    }
    size_t room = (size_t)st.st_size + 1; /* one more: a file that grows is seen */
    p = malloc(room);
    ssize_t did = p != NULL ? 1 : 0;
    while (p != NULL && n < room && (did = read(fd, p + n, room - n)) > 0)
        n += (size_t)did;
    if (p == NULL || did < 0 || n != (size_t)st.st_size)
        rc = ps_error_why(why, p == NULL ? PS_ENOMEM : PS_EIO, path, "could not be read whole");
    else
        rc = ps_orders_parse(out, p, n, path, why);
out:
    free(p);
    if (fd >= 0)
        close(fd);
    return rc;
}

int ps_orders_file_look(struct ps_orders_file *f, struct ps_why *why) {
    struct stat st;
    struct ps_orders *o = NULL;
    if (f->path[0] == '\0')
        return 0;
    if (stat(f->path, &st) != 0) {
        if (f->missing)
            return 0;
        f->missing = true;
        memset(f->read, 0, sizeof(f->read));
        return ps_error_why(why, PS_ENOENT, f->path, "%s", strerrordesc_np(errno));
    }
    const int64_t now[4] = {st.st_size, (int64_t)st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    f->missing = false;
    if (memcmp(now, f->read, sizeof(now)) == 0)
        return 0;
    bool still = memcmp(now, f->seen, sizeof(now)) == 0;
    memcpy(f->seen, now, sizeof(now));
    if (!still && f->orders != NULL)
        return 0;
    memcpy(f->read, now, sizeof(now));
    int rc = ps_orders_load(&o, f->path, why);
    if (rc < 0)
        return rc;
    ps_orders_free(f->orders);
    f->orders = o;
    return 1;
}

void ps_orders_file_close(struct ps_orders_file *f) {
    ps_orders_free(f->orders);
    f->orders = NULL;
}
