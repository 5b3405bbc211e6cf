/* SPDX-License-Identifier: ISC */
/*
 * Fragments: one traf of the one track, with as many truns as it likes. ISO/IEC 14496-12 section 8.8.
 */
#include "evidence/mp4_internal.h"

enum {
    TFHD_BASE = 0x1,
    TFHD_ENTRY = 0x2,
    TFHD_TICKS = 0x8,
    TFHD_SIZE = 0x10,
    TFHD_FLAGS = 0x20,
    TFHD_EMPTY = 0x10000,
    TFHD_MOOF_BASE = 0x20000,
    TFHD_KNOWN = 0x2003b,
    TRUN_OFFSET = 0x1,
    TRUN_FIRST_FLAGS = 0x4,
    TRUN_TICKS = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_SHIFT = 0x800,
    TRUN_KNOWN = 0xf05
};
#define SAMPLE_NOT_SYNC 0x10000

struct fragment {
    uint64_t base; /* what data offsets count from */
    uint64_t next; /* after the last sample; UINT64_MAX before the first trun */
    uint32_t ticks, size, flags;
};

static int refuse(struct ps_mp4_reader *r, const char *where, const char *text) {
    return ps_error_why(r->why, PS_EFORMAT, where, "%s", text);
}

static int tfhd(struct ps_mp4_reader *r, struct ps_rd b, struct fragment *f, uint64_t at) {
    const char *where = "moof/traf/tfhd";
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    uint32_t track = ps_rd_u32(&b);
    if (v != 0 || (flags & ~(uint32_t)TFHD_KNOWN) != 0)
        return refuse(r, where, "unknown version or flags");
    if (track != r->track_id)
        return refuse(r, where, "for another track");
    f->base = flags & TFHD_BASE ? ps_rd_u64(&b) : at;
    if ((flags & TFHD_ENTRY) != 0 && ps_rd_u32(&b) != 1)
        return refuse(r, where, "another sample entry");
    f->ticks = flags & TFHD_TICKS ? ps_rd_u32(&b) : r->trex_ticks;
    f->size = flags & TFHD_SIZE ? ps_rd_u32(&b) : r->trex_size;
    f->flags = flags & TFHD_FLAGS ? ps_rd_u32(&b) : r->trex_flags;
    f->next = UINT64_MAX;
    return ps_rd_end(&b) < 0 ? refuse(r, where, "broken") : 0;
}

static int tfdt(struct ps_mp4_reader *r, struct ps_rd b) {
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    uint64_t t = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    if (v > 1 || ps_rd_end(&b) < 0)
        return refuse(r, "moof/traf/tfdt", "broken");
    if (t != r->decode)
        return refuse(r, "moof/traf/tfdt", "the fragment does not begin where the one before ends");
    return 0;
}

static int trun_samples(struct ps_mp4_reader *r, struct ps_rd *b, struct fragment *f, uint32_t flags,
                        uint32_t n, uint32_t first) {
    for (uint32_t i = 0; i < n; i++) {
        uint32_t units = flags & TRUN_TICKS ? ps_rd_u32(b) : f->ticks;
        uint32_t size = flags & TRUN_SIZE ? ps_rd_u32(b) : f->size;
        uint32_t own = flags & TRUN_FLAGS ? ps_rd_u32(b) : f->flags;
        if (i == 0 && (flags & TRUN_FIRST_FLAGS) != 0)
            own = first;
        if ((flags & TRUN_SHIFT) != 0 && ps_rd_u32(b) != 0)
            return refuse(r, "moof/traf/trun", "pictures are shown at other times than coded");
        int err = ps_mp4_add(r, f->next, size, units, (own & SAMPLE_NOT_SYNC) == 0, "moof/traf/trun");
        if (err < 0)
            return err;
        f->next += size;
    }
    return 0;
}

static int trun(struct ps_mp4_reader *r, struct ps_rd b, struct fragment *f) {
    const char *where = "moof/traf/trun";
    uint32_t flags, first = 0;
    uint8_t v = ps_mp4_full(&b, &flags);
    uint32_t n = ps_rd_u32(&b);
    if (v > 1 || (flags & ~(uint32_t)TRUN_KNOWN) != 0)
        return refuse(r, where, "unknown version or flags");
    if ((flags & TRUN_FIRST_FLAGS) != 0 && (flags & TRUN_FLAGS) != 0)
        return refuse(r, where, "flags of the first sample twice");
    if ((flags & TRUN_OFFSET) != 0) {
        int32_t d = (int32_t)ps_rd_u32(&b);
        uint64_t up = d < 0 ? (uint64_t) - (int64_t)d : (uint64_t)d;
        if (d < 0 ? up > f->base : up > UINT64_MAX - f->base)
            return refuse(r, where, "data offset outside the file");
        f->next = d < 0 ? f->base - up : f->base + up;
    } else if (f->next == UINT64_MAX) {
        return refuse(r, where, "no data offset");
    }
    if ((flags & TRUN_FIRST_FLAGS) != 0)
        first = ps_rd_u32(&b);
    uint32_t width =
        4 * (uint32_t)__builtin_popcount(flags & (TRUN_TICKS | TRUN_SIZE | TRUN_FLAGS | TRUN_SHIFT));
    if (b.err != 0 || b.left != (uint64_t)width * n)
        return refuse(r, where, "the count is not what the box holds");
    return trun_samples(r, &b, f, flags, n, first);
}

static int traf(struct ps_mp4_reader *r, struct ps_rd in, uint64_t at) {
    const char *where = "moof/traf";
    struct ps_mp4_box b;
    struct fragment f = {0};
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "tfhd"))
            err = (err = ps_mp4_once(r, &seen, 1, where)) < 0 ? err : tfhd(r, b.body, &f, at);
        else if ((seen & 1) == 0)
            err = refuse(r, where, "does not begin with tfhd");
        else if (ps_mp4_is(&b, "tfdt"))
            /* It gives the time of the first trun, so it comes before it. */
            err = seen & 4 ? refuse(r, where, "tfdt after trun")
                           : ((err = ps_mp4_once(r, &seen, 2, where)) < 0 ? err : tfdt(r, b.body));
        else if (ps_mp4_is(&b, "trun"))
            err = trun(r, b.body, &f), seen |= 4;
        else if (ps_mp4_is(&b, "sdtp") || ps_mp4_is(&b, "sgpd") || ps_mp4_is(&b, "sbgp") ||
                 ps_mp4_is(&b, "free"))
            err = 0;
        else
            err = ps_error_why(r->why, PS_EFORMAT, where, "box %s may not stand in a judged film", b.type);
        if (err < 0)
            return err;
    }
    return got == 0 && (seen & 1) == 0 ? refuse(r, where, "no tfhd") : got;
}

int ps_mp4_moof(struct ps_mp4_reader *r, const uint8_t *p, size_t n, uint64_t at) {
    struct ps_rd in = ps_rd_of(p, n);
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, "moof")) > 0) {
        if (ps_mp4_is(&b, "mfhd"))
            err = ps_mp4_once(r, &seen, 1, "moof/mfhd");
        else if (ps_mp4_is(&b, "traf"))
            err = (err = ps_mp4_once(r, &seen, 2, "moof/traf")) < 0 ? err : traf(r, b.body, at);
        else if (ps_mp4_is(&b, "free"))
            err = 0;
        else
            err = ps_error_why(r->why, PS_EFORMAT, "moof", "box %s may not stand in a judged film", b.type);
        if (err < 0)
            return err;
    }
    return got == 0 && seen != 3 ? refuse(r, "moof", "mfhd or traf is missing") : got;
}
