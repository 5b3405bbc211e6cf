/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/zipw.h"
#include "evidence/limits.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define LOCAL_SIGNATURE 0x04034B50u
#define CENTRAL_SIGNATURE 0x02014B50u
#define END64_SIGNATURE 0x06064B50u
#define LOCATOR_SIGNATURE 0x07064B50u
#define END_SIGNATURE 0x06054B50u
#define CRC_IN_LOCAL 14     /* offset of the CRC in a local header */
#define UTF8_NAME 0x0800    /* bit 11; none in a bundle, whose names are ASCII */
#define MADE_BY_UNIX 0x032D /* version 4.5, so that the modes below are understood */
#define DATE_1980 0x0021
#define PLAIN_FILE 0100644u

/* ---- CRC-32, eight bytes a step: the common table way would take longer than reading the film */

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xFF];
}

uint32_t ps_zipw_crc(uint32_t crc, const void *data, size_t n) {
    const uint8_t *p = data;
    pthread_once(&table_once, make_table);
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t a =
            crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][a & 0xFF] ^ table[6][a >> 8 & 0xFF] ^ table[5][a >> 16 & 0xFF] ^ table[4][a >> 24] ^
              table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xFF];
    return ~crc;
}

/* ---- writing */

static int put(struct ps_zipw *z, const void *data, size_t n) {
    const uint8_t *p = data;
    while (n > 0) {
        ssize_t did = pwrite(z->fd, p, n, (off_t)z->at);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? PS_EFULL : PS_EIO;
        p += did;
        n -= (size_t)did;
        z->at += (uint64_t)did;
    }
    return 0;
}

static bool large(uint64_t v) {
    return v >= UINT32_MAX;
}

static uint32_t small(uint64_t v) {
    return large(v) ? UINT32_MAX : (uint32_t)v;
}

/* What local and central header have in common. The version of both is that of the one that needs more. */
static void put_common(const struct ps_zipw *z, struct ps_buf *b, size_t extra) {
    ps_buf_u16le(b, large(z->size) || large(z->offset) ? 45 : 10);
    ps_buf_u16le(b, ps_bytes_is_ascii(z->name, strlen(z->name)) ? 0 : UTF8_NAME);
    ps_buf_u16le(b, 0); /* stored */
    ps_buf_u16le(b, 0); /* midnight */
    ps_buf_u16le(b, DATE_1980);
    ps_buf_u32le(b, z->crc);
    ps_buf_u32le(b, small(z->size));
    ps_buf_u32le(b, small(z->size));
    ps_buf_u16le(b, (uint16_t)strlen(z->name));
    ps_buf_u16le(b, (uint16_t)extra);
}

/* APPNOTE 4.5.3: only the values that do not fit. */
static void put_extra(const struct ps_zipw *z, struct ps_buf *b, bool size, bool offset) {
    if (!size && !offset)
        return;
    ps_buf_u16le(b, 1);
    ps_buf_u16le(b, (uint16_t)(16 * size + 8 * offset));
    if (size) {
        ps_buf_u64le(b, z->size);
        ps_buf_u64le(b, z->size);
    }
    if (offset)
        ps_buf_u64le(b, z->offset);
}

void ps_zipw_init(struct ps_zipw *z, int fd, uint64_t at) {
    *z = (struct ps_zipw){.fd = fd, .at = at};
    ps_buf_init(&z->directory, PS_MAX_ZIP_DIRECTORY);
}

void ps_zipw_free(struct ps_zipw *z) {
    ps_buf_free(&z->directory);
}

int ps_zipw_begin(struct ps_zipw *z, const char *name, uint64_t size) {
    size_t n = strlen(name);
    if (n >= sizeof(z->name) || z->n >= PS_MAX_ZIP_ENTRIES)
        return PS_ELIMIT;
    memcpy(z->name, name, n + 1);
    z->offset = z->at;
    z->size = z->left = size;
    z->crc = 0;
    struct ps_buf b;
    ps_buf_init(&b, 512);
    ps_buf_u32le(&b, LOCAL_SIGNATURE);
    put_common(z, &b, large(size) ? 20 : 0);
    ps_buf_text(&b, name);
    put_extra(z, &b, large(size), false);
    int rc = b.err != 0 ? b.err : put(z, b.p, b.n);
    ps_buf_free(&b);
    return rc;
}

int ps_zipw_data(struct ps_zipw *z, const void *p, size_t n) {
    if (n > z->left)
        return PS_ESTATE;
    z->crc = ps_zipw_crc(z->crc, p, n);
    z->left -= n;
    return put(z, p, n);
}

int ps_zipw_end(struct ps_zipw *z) {
    if (z->left != 0)
        return PS_ESTATE;
    uint8_t crc[4] = {(uint8_t)z->crc, (uint8_t)(z->crc >> 8), (uint8_t)(z->crc >> 16),
                      (uint8_t)(z->crc >> 24)};
    struct ps_zipw patch = {.fd = z->fd, .at = z->offset + CRC_IN_LOCAL};
    int rc = put(&patch, crc, sizeof(crc));
    if (rc < 0)
        return rc;
    struct ps_buf *b = &z->directory;
    ps_buf_u32le(b, CENTRAL_SIGNATURE);
    ps_buf_u16le(b, MADE_BY_UNIX);
    put_common(z, b,
               large(z->size) || large(z->offset) ? 4u + 16u * large(z->size) + 8u * large(z->offset) : 0);
    ps_buf_u16le(b, 0); /* comment */
    ps_buf_u16le(b, 0); /* disk */
    ps_buf_u16le(b, 0); /* internal attributes */
    ps_buf_u32le(b, PLAIN_FILE << 16);
    ps_buf_u32le(b, small(z->offset));
    ps_buf_text(b, z->name);
    put_extra(z, b, large(z->size), large(z->offset));
    z->n++;
    return b->err;
}

int ps_zipw_finish(struct ps_zipw *z) {
    uint64_t start = z->at, size = z->directory.n;
    int rc = put(z, z->directory.p, z->directory.n);
    if (rc < 0)
        return rc;
    struct ps_buf b;
    ps_buf_init(&b, 128);
    if (large(start)) {
        uint64_t end64 = z->at;
        ps_buf_u32le(&b, END64_SIGNATURE);
        ps_buf_u64le(&b, 44);
        ps_buf_u16le(&b, MADE_BY_UNIX);
        ps_buf_u16le(&b, 45);
        ps_buf_u32le(&b, 0);
        ps_buf_u32le(&b, 0);
        ps_buf_u64le(&b, z->n);
        ps_buf_u64le(&b, z->n);
        ps_buf_u64le(&b, size);
        ps_buf_u64le(&b, start);
        ps_buf_u32le(&b, LOCATOR_SIGNATURE);
        ps_buf_u32le(&b, 0);
        ps_buf_u64le(&b, end64);
        ps_buf_u32le(&b, 1);
    }
    ps_buf_u32le(&b, END_SIGNATURE);
    ps_buf_u16le(&b, 0);
    ps_buf_u16le(&b, 0);
    ps_buf_u16le(&b, (uint16_t)z->n); /* PS_MAX_ZIP_ENTRIES fits */
    ps_buf_u16le(&b, (uint16_t)z->n);
    ps_buf_u32le(&b, (uint32_t)size); /* PS_MAX_ZIP_DIRECTORY fits */
    ps_buf_u32le(&b, small(start));
    ps_buf_u16le(&b, 0);
    rc = b.err != 0 ? b.err : put(z, b.p, b.n);
    ps_buf_free(&b);
    return rc;
}
