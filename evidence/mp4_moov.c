/* SPDX-License-Identifier: ISC */
/*
 * moov: one video track that every player shows alike. The boxes that may stand here are listed; any other
 * is refused, for it might change what is shown (clap, tapt, cmov, sv3d, clefs, reference movies …).
 */
#include <string.h>

#include "evidence/mp4_internal.h"

static int refuse(struct ps_mp4_reader *r, const char *where, const char *text) {
    return ps_error_why(r->why, PS_EFORMAT, where, "%s", text);
}

static int unknown(struct ps_mp4_reader *r, const char *parent, const struct ps_mp4_box *b) {
    return ps_error_why(r->why, PS_EFORMAT, parent, "box %s may not stand in a judged film", b->type);
}

static bool padding(const struct ps_mp4_box *b) {
    return ps_mp4_is(b, "free") || ps_mp4_is(b, "skip");
}

/* Remarks and metadata that change no picture. */
static bool remark(const struct ps_mp4_box *b) {
    return padding(b) || ps_mp4_is(b, "udta") || ps_mp4_is(b, "meta");
}

static bool identity(struct ps_rd *r) {
    static const uint32_t want[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    bool same = true;
    for (int i = 0; i < 9; i++)
        same &= ps_rd_u32(r) == want[i];
    return same;
}

/* ---- headers ------------------------------------------------------------------------------------- */

static int mvhd(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/mvhd";
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    if (v > 1)
        return refuse(r, where, "unknown version");
    ps_rd_skip(&b, v == 1 ? 16 : 8);
    r->movie_scale = ps_rd_u32(&b);
    r->movie_duration = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    uint32_t rate = ps_rd_u32(&b);
    ps_rd_skip(&b, 2 + 10);
    bool same = identity(&b);
    ps_rd_skip(&b, 24 + 4);
    if (ps_rd_end(&b) < 0 || r->movie_scale == 0)
        return refuse(r, where, "broken");
    if (rate != 0x10000)
        return refuse(r, where, "plays at another speed");
    if (!same)
        return refuse(r, where, "the picture is turned, moved or scaled");
    return 0;
}

static int tkhd(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/trak/tkhd";
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    if (v > 1)
        return refuse(r, where, "unknown version");
    ps_rd_skip(&b, v == 1 ? 16 : 8);
    r->track_id = ps_rd_u32(&b);
    ps_rd_skip(&b, 4);
    r->track_duration = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    ps_rd_skip(&b, 8 + 2 + 2 + 2 + 2);
    bool same = identity(&b);
    r->track_width = ps_rd_u32(&b);
    r->track_height = ps_rd_u32(&b);
    if (ps_rd_end(&b) < 0 || r->track_id == 0)
        return refuse(r, where, "broken");
    if ((flags & 1) == 0)
        return refuse(r, where, "the track is disabled");
    if (!same)
        return refuse(r, where, "the picture is turned, moved or scaled");
    return 0;
}

static int mdhd(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/trak/mdia/mdhd";
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    if (v > 1)
        return refuse(r, where, "unknown version");
    ps_rd_skip(&b, v == 1 ? 16 : 8);
    r->scale = ps_rd_u32(&b);
    r->media_duration = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    ps_rd_skip(&b, 4);
    if (ps_rd_end(&b) < 0 || r->scale == 0)
        return refuse(r, where, "broken");
    return 0;
}

static int hdlr(struct ps_mp4_reader *r, struct ps_rd b) {
    ps_rd_skip(&b, 8);
    uint32_t kind = ps_rd_u32(&b);
    if (b.err != 0 || kind != 0x76696465) /* vide */
        return refuse(r, "moov/trak/mdia/hdlr", "not a video track");
    return 0;
}

/* One entry, from the first tick, at normal speed; its length is compared when the samples are known. */
static int elst(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/trak/edts/elst";
    uint32_t flags;
    uint8_t v = ps_mp4_full(&b, &flags);
    uint32_t n = ps_rd_u32(&b);
    if (v > 1 || n != 1)
        return refuse(r, where, "an edit list: parts of the film are left out or repeated");
    uint64_t start;
    r->edit_duration = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    start = v == 1 ? ps_rd_u64(&b) : ps_rd_u32(&b);
    uint32_t rate = ps_rd_u32(&b);
    if (ps_rd_end(&b) < 0)
        return refuse(r, where, "broken");
    if (start != 0 || rate != 0x10000)
        return refuse(r, where, "an edit list that shifts the film or changes its speed");
    r->have_edit = true;
    return 0;
}

static int edts(struct ps_mp4_reader *r, struct ps_rd in) {
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, "moov/trak/edts")) > 0) {
        if (padding(&b))
            continue;
        if (!ps_mp4_is(&b, "elst"))
            return unknown(r, "moov/trak/edts", &b);
        if ((err = ps_mp4_once(r, &seen, 1, "moov/trak/edts/elst")) < 0 || (err = elst(r, b.body)) < 0)
            return err;
    }
    return got;
}

/* The samples are in this very file. */
static int dinf(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia/minf/dinf";
    struct ps_mp4_box b;
    uint32_t flags;
    int got = ps_mp4_next_box(r, &in, &b, where);
    if (got < 0)
        return got;
    if (got == 0 || !ps_mp4_is(&b, "dref") || in.left != 0)
        return refuse(r, where, "dref and nothing else is expected");
    struct ps_rd d = b.body;
    (void)ps_mp4_full(&d, &flags);
    uint32_t n = ps_rd_u32(&d);
    got = ps_mp4_next_box(r, &d, &b, where);
    if (got < 0)
        return got;
    if (got == 0 || n != 1 || d.left != 0)
        return refuse(r, where, "more than one place for the samples");
    (void)ps_mp4_full(&b.body, &flags);
    if ((flags & 1) == 0 || b.body.err != 0)
        return refuse(r, where, "the samples are in another file");
    return 0;
}

/* ---- sample entry -------------------------------------------------------------------------------- */

static int avcc(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/trak/mdia/minf/stbl/stsd/avc1/avcC";
    struct ps_mp4 *m = r->out;
    if (b.left > sizeof m->avcc)
        return ps_error_why(r->why, PS_ELIMIT, where, "too large");
    m->avcc_len = (uint16_t)b.left;
    const uint8_t *p = ps_rd_skip(&b, b.left);
    if (p != NULL)
        memcpy(m->avcc, p, m->avcc_len);
    struct ps_rd c = ps_rd_of(m->avcc, m->avcc_len);
    uint8_t version = ps_rd_u8(&c);
    ps_rd_skip(&c, 3);
    uint8_t length = ps_rd_u8(&c) & 3;
    unsigned sps = ps_rd_u8(&c) & 31;
    for (unsigned i = 0; i < sps; i++)
        ps_rd_skip(&c, ps_rd_u16(&c));
    unsigned pps = ps_rd_u8(&c);
    for (unsigned i = 0; i < pps; i++)
        ps_rd_skip(&c, ps_rd_u16(&c));
    if (c.err != 0 || version != 1 || length != 3 || sps == 0 || pps == 0)
        return refuse(r, where, "broken, or with NAL lengths of other than 4 bytes");
    return 0;
}

static int pasp(struct ps_mp4_reader *r, struct ps_rd b) {
    uint32_t h = ps_rd_u32(&b), v = ps_rd_u32(&b);
    if (ps_rd_end(&b) < 0 || h != v || h == 0)
        return refuse(r, "moov/trak/mdia/minf/stbl/stsd/avc1/pasp", "pixels that are not square");
    return 0;
}

/* No colour changes the verdict: the records cover what a decoder is told (avcC). A cut tells it on. */
static void colr(struct ps_mp4_reader *r, struct ps_rd b) {
    uint32_t kind = ps_rd_u32(&b);
    ps_rd_skip(&b, 6);
    r->out->full_range = kind == 0x6e636c78 && (ps_rd_u8(&b) & 0x80) != 0 && b.err == 0; /* nclx */
}

static int entry_boxes(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia/minf/stbl/stsd/avc1";
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err = 0;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "avcC"))
            err = (err = ps_mp4_once(r, &seen, 1, where)) < 0 ? err : avcc(r, b.body);
        else if (ps_mp4_is(&b, "pasp"))
            err = (err = ps_mp4_once(r, &seen, 2, where)) < 0 ? err : pasp(r, b.body);
        else if (ps_mp4_is(&b, "colr"))
            err = ps_mp4_once(r, &seen, 4, where), colr(r, b.body);
        else if (ps_mp4_is(&b, "fiel")) /* 0 unknown, 1 progressive; more would be torn apart by a player */
            err = ps_rd_u8(&b.body) > 1 ? refuse(r, where, "pictures made of fields") : 0;
        else if (!ps_mp4_is(&b, "btrt") && !padding(&b))
            err = unknown(r, where, &b);
        if (err < 0)
            return err;
    }
    if (got == 0 && (seen & 1) == 0)
        return refuse(r, where, "no avcC");
    return got;
}

static int avc1(struct ps_mp4_reader *r, struct ps_rd b) {
    const char *where = "moov/trak/mdia/minf/stbl/stsd/avc1";
    struct ps_mp4 *m = r->out;
    ps_rd_skip(&b, 6);
    uint16_t place = ps_rd_u16(&b);
    ps_rd_skip(&b, 16);
    m->width = ps_rd_u16(&b);
    m->height = ps_rd_u16(&b);
    ps_rd_skip(&b, 12);
    uint16_t frames = ps_rd_u16(&b);
    ps_rd_skip(&b, 32 + 2);
    uint16_t palette = ps_rd_u16(&b);
    if (b.err != 0 || place != 1 || frames != 1 || palette != 0xffff)
        return refuse(r, where, "broken");
    if (m->width == 0 || m->height == 0 || m->width > PS_MAX_PICTURE || m->height > PS_MAX_PICTURE)
        return ps_error_why(r->why, PS_ELIMIT, where, "picture of %u x %u", m->width, m->height);
    return entry_boxes(r, b);
}

static int stsd(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia/minf/stbl/stsd";
    struct ps_mp4_box b;
    uint32_t flags;
    (void)ps_mp4_full(&in, &flags);
    uint32_t n = ps_rd_u32(&in);
    int got = ps_mp4_next_box(r, &in, &b, where);
    if (got < 0)
        return got;
    if (got == 0 || n != 1 || in.left != 0)
        return refuse(r, where, "not exactly one sample entry");
    if (!ps_mp4_is(&b, "avc1"))
        return ps_error_why(r->why, PS_EFORMAT, where, "sample entry %s, expected avc1", b.type);
    return avc1(r, b.body);
}

/* ---- the tree ------------------------------------------------------------------------------------ */

enum { STSD = 1, STTS = 2, STSS = 4, STSC = 8, STSZ = 16, CHUNKS = 32, CTTS = 64 };

static int table(struct ps_mp4_reader *r, struct ps_rd *to, struct ps_rd body, const char *where) {
    uint32_t flags;
    if (ps_mp4_full(&body, &flags) > 1 || body.err != 0)
        return refuse(r, where, "broken");
    *to = body;
    return 0;
}

static int stbl_box(struct ps_mp4_reader *r, struct ps_mp4_box *b, uint32_t *seen) {
    const char *where = "moov/trak/mdia/minf/stbl";
    struct {
        const char *type;
        uint32_t bit;
        struct ps_rd *to;
    } const tables[] = {
        {"stts", STTS, &r->stts},     {"stss", STSS, &r->stss}, {"stsc", STSC, &r->stsc},
        {"stsz", STSZ, &r->stsz},     {"ctts", CTTS, &r->ctts}, {"stco", CHUNKS, &r->chunks},
        {"co64", CHUNKS, &r->chunks},
    };
    int err;
    if (ps_mp4_is(b, "stsd"))
        return (err = ps_mp4_once(r, seen, STSD, where)) < 0 ? err : stsd(r, b->body);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (ps_mp4_is(b, tables[i].type)) {
            r->co64 = r->co64 || ps_mp4_is(b, "co64");
            err = ps_mp4_once(r, seen, tables[i].bit, where);
            return err < 0 ? err : table(r, tables[i].to, b->body, where);
        }
    if (padding(b) || ps_mp4_is(b, "sdtp") || ps_mp4_is(b, "sgpd") || ps_mp4_is(b, "sbgp"))
        return 0;
    return unknown(r, where, b);
}

static int stbl(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia/minf/stbl";
    const uint32_t need = STSD | STTS | STSC | STSZ | CHUNKS;
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0)
        if ((err = stbl_box(r, &b, &seen)) < 0)
            return err;
    if (got == 0 && (seen & need) != need)
        return refuse(r, where, "a table is missing");
    return got;
}

static int minf(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia/minf";
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "dinf"))
            err = (err = ps_mp4_once(r, &seen, 1, where)) < 0 ? err : dinf(r, b.body);
        else if (ps_mp4_is(&b, "stbl"))
            err = (err = ps_mp4_once(r, &seen, 2, where)) < 0 ? err : stbl(r, b.body);
        else if (ps_mp4_is(&b, "vmhd"))
            err = ps_mp4_once(r, &seen, 4, where);
        else if (ps_mp4_is(&b, "hdlr") || padding(&b)) /* QuickTime's data handler */
            err = 0;
        else
            err = unknown(r, where, &b);
        if (err < 0)
            return err;
    }
    return got == 0 && (seen & 3) != 3 ? refuse(r, where, "dinf or stbl is missing") : got;
}

static int mdia(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak/mdia";
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "mdhd"))
            err = (err = ps_mp4_once(r, &seen, 1, where)) < 0 ? err : mdhd(r, b.body);
        else if (ps_mp4_is(&b, "hdlr"))
            err = (err = ps_mp4_once(r, &seen, 2, where)) < 0 ? err : hdlr(r, b.body);
        else if (ps_mp4_is(&b, "minf"))
            err = (err = ps_mp4_once(r, &seen, 4, where)) < 0 ? err : minf(r, b.body);
        else
            err = remark(&b) ? 0 : unknown(r, where, &b);
        if (err < 0)
            return err;
    }
    return got == 0 && seen != 7 ? refuse(r, where, "mdhd, hdlr or minf is missing") : got;
}

static int trak(struct ps_mp4_reader *r, struct ps_rd in) {
    const char *where = "moov/trak";
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "tkhd"))
            err = (err = ps_mp4_once(r, &seen, 1, where)) < 0 ? err : tkhd(r, b.body);
        else if (ps_mp4_is(&b, "mdia"))
            err = (err = ps_mp4_once(r, &seen, 2, where)) < 0 ? err : mdia(r, b.body);
        else if (ps_mp4_is(&b, "edts"))
            err = (err = ps_mp4_once(r, &seen, 4, where)) < 0 ? err : edts(r, b.body);
        else
            err = remark(&b) ? 0 : unknown(r, where, &b);
        if (err < 0)
            return err;
    }
    if (got == 0 && (seen & 3) != 3)
        return refuse(r, where, "tkhd or mdia is missing");
    if (got == 0 && (r->track_width != (uint32_t)r->out->width << 16 ||
                     r->track_height != (uint32_t)r->out->height << 16))
        return refuse(r, "moov/trak/tkhd", "the picture is shown in another size than it was coded");
    return got;
}

static int trex(struct ps_mp4_reader *r, struct ps_rd b, uint32_t *track) {
    const char *where = "moov/mvex/trex";
    uint32_t flags;
    (void)ps_mp4_full(&b, &flags);
    uint32_t id = ps_rd_u32(&b), entry = ps_rd_u32(&b);
    r->trex_ticks = ps_rd_u32(&b);
    r->trex_size = ps_rd_u32(&b);
    r->trex_flags = ps_rd_u32(&b);
    if (ps_rd_end(&b) < 0 || entry != 1)
        return refuse(r, where, "broken");
    *track = id; /* trak may come after mvex: compared at the end of moov */
    return 0;
}

static int mvex(struct ps_mp4_reader *r, struct ps_rd in, uint32_t *track) {
    const char *where = "moov/mvex";
    struct ps_mp4_box b;
    uint32_t seen = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, where)) > 0) {
        if (ps_mp4_is(&b, "trex")) {
            if ((err = ps_mp4_once(r, &seen, 1, where)) < 0 || (err = trex(r, b.body, track)) < 0)
                return err;
        } else if (!ps_mp4_is(&b, "mehd") && !padding(&b)) {
            return unknown(r, where, &b);
        }
    }
    return got == 0 && seen == 0 ? refuse(r, where, "no trex") : got;
}

int ps_mp4_moov(struct ps_mp4_reader *r, const uint8_t *p, size_t n) {
    struct ps_rd in = ps_rd_of(p, n);
    struct ps_mp4_box b;
    uint32_t seen = 0, trex_track = 0;
    int got, err;
    while ((got = ps_mp4_next_box(r, &in, &b, "moov")) > 0) {
        if (ps_mp4_is(&b, "mvhd"))
            err = (err = ps_mp4_once(r, &seen, 1, "moov/mvhd")) < 0 ? err : mvhd(r, b.body);
        else if (ps_mp4_is(&b, "trak"))
            err = (err = ps_mp4_once(r, &seen, 2, "moov/trak")) < 0 ? err : trak(r, b.body);
        else if (ps_mp4_is(&b, "mvex"))
            err = (err = ps_mp4_once(r, &seen, 4, "moov/mvex")) < 0 ? err : mvex(r, b.body, &trex_track);
        else
            err = remark(&b) || ps_mp4_is(&b, "uuid") || ps_mp4_is(&b, "iods") ? 0 : unknown(r, "moov", &b);
        if (err < 0)
            return err;
    }
    if (got < 0)
        return got;
    if ((seen & 3) != 3)
        return refuse(r, "moov", "mvhd or trak is missing");
    r->fragments = (seen & 4) != 0;
    if (r->fragments && trex_track != r->track_id)
        return refuse(r, "moov/mvex/trex", "for another track");
    return 0;
}
