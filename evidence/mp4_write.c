/* SPDX-License-Identifier: ISC */
/*
 * Boxes of ISO/IEC 14496-12; numbers in comments are its sections.
 */
#include "evidence/mp4_write.h"

#include <string.h>

#include "evidence/bytes.h"
#include "evidence/limits.h"

#define NOT_SYNC 0x01010000u /* sample_depends_on 1, sample_is_non_sync (8.8.3.1) */
#define SYNC 0x02000000u     /* sample_depends_on 2: on no other */

static size_t box(struct ps_buf *b, const char *type) {
    size_t at = b->n;
    ps_buf_u32(b, 0);
    ps_buf_bytes(b, type, 4);
    return at;
}

static size_t full_box(struct ps_buf *b, const char *type, uint8_t version, uint32_t flags) {
    size_t at = box(b, type);
    ps_buf_u32(b, (uint32_t)version << 24 | flags);
    return at;
}

static void put_u32_at(struct ps_buf *b, size_t at, uint32_t v) {
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    if (b->err == 0)
        memcpy(b->p + at, bytes, 4);
}

static void end_box(struct ps_buf *b, size_t at) {
    put_u32_at(b, at, (uint32_t)(b->n - at));
}

static void zeros(struct ps_buf *b, size_t n) {
    while (n-- > 0)
        ps_buf_u8(b, 0);
}

static void identity(struct ps_buf *b) {
    static const uint32_t m[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++)
        ps_buf_u32(b, m[i]);
}

void ps_mp4_write_ftyp(struct ps_buf *b) {
    size_t at = box(b, "ftyp");
    ps_buf_text(b, "isom");
    ps_buf_u32(b, 0x200);
    ps_buf_text(b, "isomiso6avc1mp41");
    end_box(b, at);
}

void ps_mp4_write_front(struct ps_buf *b) {
    ps_mp4_write_ftyp(b);
    size_t at = box(b, "free");
    zeros(b, 8);
    end_box(b, at);
}

static void put_stsd(struct ps_buf *b, const struct ps_mp4_write_film *f) {
    size_t stsd = full_box(b, "stsd", 0, 0);
    ps_buf_u32(b, 1);
    size_t avc1 = box(b, "avc1"); /* 12.1.3 */
    zeros(b, 6);
    ps_buf_u16(b, 1);
    zeros(b, 16);
    ps_buf_u16(b, f->width);
    ps_buf_u16(b, f->height);
    ps_buf_u32(b, 72 << 16);
    ps_buf_u32(b, 72 << 16);
    ps_buf_u32(b, 0);
    ps_buf_u16(b, 1);
    zeros(b, 32);
    ps_buf_u16(b, 24);
    ps_buf_u16(b, 0xffff);
    size_t at = box(b, "avcC");
    ps_buf_bytes(b, f->avcc, f->avcc_len);
    end_box(b, at);
    at = box(b, "colr"); /* 12.1.5: BT.709 primaries, sRGB transfer, BT.601 matrix */
    ps_buf_text(b, "nclx");
    ps_buf_u16(b, 1);
    ps_buf_u16(b, 13);
    ps_buf_u16(b, 6);
    ps_buf_u8(b, f->full_range ? 0x80 : 0);
    end_box(b, at);
    end_box(b, avc1);
    end_box(b, stsd);
}

/* Sample tables (8.6, 8.7) of the first n samples and chunks; none of either while recording. */
static void put_tables(struct ps_buf *b, const struct ps_mp4_write_film *f, uint32_t n_samples,
                       uint32_t n_chunks) {
    size_t at = full_box(b, "stts", 0, 0), count_at = b->n;
    uint32_t runs = 0;
    ps_buf_u32(b, 0);
    for (uint32_t i = 0, j; i < n_samples; i = j, runs++) {
        for (j = i; j < n_samples && f->samples[j].ticks == f->samples[i].ticks;)
            j++;
        ps_buf_u32(b, j - i);
        ps_buf_u32(b, f->samples[i].ticks);
    }
    put_u32_at(b, count_at, runs);
    end_box(b, at);
    if (n_samples > 0) { /* without this box every sample would be a sync sample */
        at = full_box(b, "stss", 0, 0);
        ps_buf_u32(b, n_chunks);
        for (uint32_t i = 0; i < n_chunks; i++)
            ps_buf_u32(b, f->chunks[i].first + 1);
        end_box(b, at);
    }
    at = full_box(b, "stsc", 0, 0);
    count_at = b->n;
    ps_buf_u32(b, runs = 0);
    for (uint32_t i = 0; i < n_chunks; i++) {
        if (i > 0 && f->chunks[i].n == f->chunks[i - 1].n)
            continue;
        ps_buf_u32(b, i + 1);
        ps_buf_u32(b, f->chunks[i].n);
        ps_buf_u32(b, 1);
        runs++;
    }
    put_u32_at(b, count_at, runs);
    end_box(b, at);
    at = full_box(b, "stsz", 0, 0);
    ps_buf_u32(b, 0);
    ps_buf_u32(b, n_samples);
    for (uint32_t i = 0; i < n_samples; i++)
        ps_buf_u32(b, f->samples[i].size);
    end_box(b, at);
    at = full_box(b, "co64", 0, 0);
    ps_buf_u32(b, n_chunks);
    for (uint32_t i = 0; i < n_chunks; i++)
        ps_buf_u64(b, f->chunks[i].offset);
    end_box(b, at);
}

static void put_media(struct ps_buf *b, const struct ps_mp4_write_film *f, uint64_t ticks, bool fragments) {
    size_t mdia = box(b, "mdia");
    size_t at = full_box(b, "mdhd", 1, 0);
    zeros(b, 16); /* times: the statement tells them, and two copies could differ */
    ps_buf_u32(b, PS_TICKS_PER_SECOND);
    ps_buf_u64(b, ticks);
    ps_buf_u16(b, 0x55c4); /* "und" */
    ps_buf_u16(b, 0);
    end_box(b, at);
    at = full_box(b, "hdlr", 0, 0);
    ps_buf_u32(b, 0);
    ps_buf_text(b, "vide");
    zeros(b, 12);
    ps_buf_text(b, "VideoHandler");
    zeros(b, 1);
    end_box(b, at);
    size_t minf = box(b, "minf");
    at = full_box(b, "vmhd", 0, 1);
    zeros(b, 8);
    end_box(b, at);
    at = box(b, "dinf");
    size_t dref = full_box(b, "dref", 0, 0);
    ps_buf_u32(b, 1);
    end_box(b, full_box(b, "url ", 0, 1)); /* in this file */
    end_box(b, dref);
    end_box(b, at);
    at = box(b, "stbl");
    put_stsd(b, f);
    put_tables(b, f, fragments ? 0 : f->n_samples, fragments ? 0 : f->n_chunks);
    end_box(b, at);
    end_box(b, minf);
    end_box(b, mdia);
}

void ps_mp4_write_moov(struct ps_buf *b, const struct ps_mp4_write_film *f, bool fragments) {
    uint64_t ticks = fragments ? 0 : f->ticks;
    size_t moov = box(b, "moov");
    size_t at = full_box(b, "mvhd", 1, 0);
    zeros(b, 16);
    ps_buf_u32(b, PS_TICKS_PER_SECOND);
    ps_buf_u64(b, ticks);
    ps_buf_u32(b, 0x10000);
    ps_buf_u16(b, 0x100);
    zeros(b, 10);
    identity(b);
    zeros(b, 24);
    ps_buf_u32(b, 2); /* next track */
    end_box(b, at);
    size_t trak = box(b, "trak");
    at = full_box(b, "tkhd", 1, 3); /* enabled, in the movie */
    zeros(b, 16);
    ps_buf_u32(b, 1);
    ps_buf_u32(b, 0);
    ps_buf_u64(b, ticks);
    zeros(b, 16);
    identity(b);
    ps_buf_u32(b, (uint32_t)f->width << 16);
    ps_buf_u32(b, (uint32_t)f->height << 16);
    end_box(b, at);
    put_media(b, f, ticks, fragments);
    end_box(b, trak);
    if (fragments) {
        at = box(b, "mvex");
        size_t trex = full_box(b, "trex", 0, 0);
        ps_buf_u32(b, 1);
        ps_buf_u32(b, 1);
        zeros(b, 12);
        end_box(b, trex);
        end_box(b, at);
    }
    end_box(b, moov);
}

/* 8.8 */
void ps_mp4_write_moof(struct ps_buf *b, uint32_t sequence, uint64_t decode,
                       const struct ps_mp4_write_sample *s, uint32_t n, uint32_t bytes) {
    size_t moof = box(b, "moof");
    size_t at = full_box(b, "mfhd", 0, 0);
    ps_buf_u32(b, sequence);
    end_box(b, at);
    size_t traf = box(b, "traf");
    at = full_box(b, "tfhd", 0, 0x020000); /* offsets count from the moof */
    ps_buf_u32(b, 1);
    end_box(b, at);
    at = full_box(b, "tfdt", 1, 0);
    ps_buf_u64(b, decode);
    end_box(b, at);
    at = full_box(b, "trun", 0, 0x701); /* data offset; duration, size and flags of each */
    ps_buf_u32(b, n);
    size_t offset_at = b->n;
    ps_buf_u32(b, 0);
    for (uint32_t i = 0; i < n; i++) {
        ps_buf_u32(b, s[i].ticks);
        ps_buf_u32(b, s[i].size);
        ps_buf_u32(b, i == 0 ? SYNC : NOT_SYNC);
    }
    end_box(b, at);
    end_box(b, traf);
    end_box(b, moof);
    put_u32_at(b, offset_at, (uint32_t)(b->n - moof) + 8);
    ps_buf_u32(b, bytes + 8);
    ps_buf_text(b, "mdat");
}

void ps_mp4_write_mdat(struct ps_buf *b, uint64_t size) {
    ps_buf_u32(b, 1); /* the size is the 64-bit one behind the type */
    ps_buf_text(b, "mdat");
    ps_buf_u64(b, size);
}
