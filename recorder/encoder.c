/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/encoder.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/limits.h"

#define MAX_AVCC 1024 /* bytes; what evidence/mp4.h reads */
#define SILENT \
    100 /* added to the level of each message of libavcodec (its low byte counts): none is printed */
#define ENDLESS (1 << 30) /* GOP length that x264 takes as "keyframes only when asked" */

enum nal_type { NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9 };

struct ps_encoder {
    AVCodecContext *codec;
    AVFrame *frame;
    AVPacket *packet;
    int width, height;
    bool full_range;
    int64_t last_pts;
    uint8_t avcc[MAX_AVCC];
    size_t avcc_len;
    uint8_t *unit; /* the access unit, length-prefixed */
    size_t unit_cap;
};

/* ---- Annex B (ITU-T H.264, B.1) ---- */

/* Next NAL unit at or after *at: its start, *n its length, *at moved behind it. NULL: no more. */
static const uint8_t *next_nal(const uint8_t **at, const uint8_t *end, size_t *n) {
    const uint8_t *p = *at, *start = NULL;
    while (end - p >= 3) {
        const uint8_t *one = memchr(p + 2, 1, (size_t)(end - p - 2));
        if (one == NULL)
            break;
        if (one[-1] != 0 || one[-2] != 0) {
            p = one - 1;
            continue;
        }
        if (start != NULL) {
            *at = one - 2;
            break;
        }
        start = p = one + 1;
        *at = end;
    }
    if (start == NULL)
        return NULL;
    /* zeros before the next start code are no part of the unit (B.1.1 trailing_zero_8bits) */
    const uint8_t *stop = *at;
    while (stop > start && stop[-1] == 0)
        stop--;
    *n = (size_t)(stop - start);
    return start;
}

static bool is_parameter_set(uint8_t first_byte) {
    return (first_byte & 31) == NAL_SPS || (first_byte & 31) == NAL_PPS;
}

/* Length-prefixed units in e->unit; a 3-byte start code gives way to 4 bytes of length. */
static int pack_unit(struct ps_encoder *e, const uint8_t *p, size_t size, struct ps_access_unit *out) {
    const uint8_t *at = p, *end = p + size, *nal;
    size_t n, used = 0, units = size / 3 + 1;
    if (size > PS_MAX_SAMPLE - units)
        return PS_ELIMIT;
    if (size + units > e->unit_cap) {
        uint8_t *grown = realloc(e->unit, 2 * (size + units));
        if (grown == NULL)
            return PS_ENOMEM;
        e->unit = grown;
        e->unit_cap = 2 * (size + units);
    }
    out->idr = false;
    while ((nal = next_nal(&at, end, &n)) != NULL) {
        if (n == 0 || is_parameter_set(nal[0]))
            continue;
        out->idr |= (nal[0] & 31) == NAL_IDR;
        const uint8_t length[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        memcpy(e->unit + used, length, 4);
        memcpy(e->unit + used + 4, nal, n);
        used += 4 + n;
    }
    out->data = e->unit;
    out->size = (uint32_t)used;
    return used ? 0 : PS_EFORMAT;
}

/* avcC payload, ISO/IEC 14496-15 5.3.3.1.2, from the encoder's own Annex B headers: one SPS, one PPS. */
static int make_avcc(struct ps_encoder *e, const uint8_t *headers, size_t size) {
    const uint8_t *at = headers, *end = headers + size, *nal, *sps = NULL, *pps = NULL;
    size_t n, sps_len = 0, pps_len = 0;
    while ((nal = next_nal(&at, end, &n)) != NULL) {
        if (n >= 4 && (nal[0] & 31) == NAL_SPS && sps == NULL)
            sps = nal, sps_len = n;
        else if (n >= 2 && (nal[0] & 31) == NAL_PPS && pps == NULL)
            pps = nal, pps_len = n;
        else if (n > 0 && is_parameter_set(nal[0]))
            return PS_EFORMAT;
    }
    if (sps == NULL || pps == NULL || sps_len + pps_len + 16 > sizeof e->avcc)
        return PS_EFORMAT;
    uint8_t *o = e->avcc;
    *o++ = 1; /* configurationVersion */
    memcpy(o, sps + 1, 3);
    o += 3;
    *o++ = 0xff; /* lengths of 4 bytes */
    *o++ = 0xe1; /* one SPS */
    *o++ = (uint8_t)(sps_len >> 8);
    *o++ = (uint8_t)sps_len;
    memcpy(o, sps, sps_len);
    o += sps_len;
    *o++ = 1;
    *o++ = (uint8_t)(pps_len >> 8);
    *o++ = (uint8_t)pps_len;
    memcpy(o, pps, pps_len);
    o += pps_len;
    if (sps[1] == 100) { /* High: 4:2:0, 8 bits, no SPS extension */
        const uint8_t more[4] = {0xfc | 1, 0xf8, 0xf8, 0};
        memcpy(o, more, 4);
        o += 4;
    }
    e->avcc_len = (size_t)(o - e->avcc);
    return 0;
}

/* ---- libavcodec ---- */

static int open_codec(struct ps_encoder *e, const struct ps_encoder_spec *s, struct ps_why *why) {
    static const char tuning[] =
        "aq-mode=0:weightp=0:scenecut=0:sliced-threads=0:sync-lookahead=0:rc-lookahead=0:"
        "stitchable=1";
    const AVCodec *x264 = avcodec_find_encoder_by_name("libx264");
    if (x264 == NULL)
        return ps_error_why(why, PS_ENOENT, "libx264", "this libavcodec was built without libx264");
    AVCodecContext *c = e->codec = avcodec_alloc_context3(x264);
    if (c == NULL)
        return PS_ENOMEM;
    c->log_level_offset = SILENT;
    c->width = s->width;
    c->height = s->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    /* A USB camera's JPEG is BT.601 whatever its size; players guess 709 for large pictures unless told. */
    c->color_range = s->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    c->colorspace = AVCOL_SPC_SMPTE170M;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = AVCOL_TRC_IEC61966_2_1;
    c->sample_aspect_ratio = (AVRational){1, 1};
    c->time_base = (AVRational){1, PS_TICKS_PER_SECOND};
    c->framerate = (AVRational){s->fps, 1};
    c->gop_size = ENDLESS;
    c->max_b_frames = 0;
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_CLOSED_GOP;
    AVDictionary *o = NULL;
    av_dict_set(&o, "preset", "superfast", 0);
    av_dict_set(&o, "tune", "zerolatency", 0);
    av_dict_set(&o, "profile", "high", 0);
    av_dict_set_int(&o, "qp", s->qp, 0);
    av_dict_set(&o, "forced-idr", "1", 0);
    av_dict_set(&o, "x264-params", tuning, 0);
    int rc = avcodec_open2(c, x264, &o);
    int unknown = av_dict_count(o);
    av_dict_free(&o);
    if (rc < 0)
        return ps_error_why(why, rc == AVERROR(ENOMEM) ? PS_ENOMEM : PS_EINVAL, "libx264",
                            "refuses %ux%u at %u pictures a second, qp %u", s->width, s->height, s->fps,
                            s->qp);
    if (unknown != 0)
        return ps_error_why(why, PS_EVERSION, "libx264", "does not know %d of our settings", unknown);
    return 0;
}

static int open_frame(struct ps_encoder *e) {
    AVFrame *f = e->frame = av_frame_alloc();
    e->packet = av_packet_alloc();
    if (f == NULL || e->packet == NULL)
        return PS_ENOMEM;
    f->format = e->codec->pix_fmt;
    f->width = e->width;
    f->height = e->height;
    f->color_range = e->codec->color_range;
    /* libavcodec copies pictures that no AVBuffer owns. The caller's picture is only lent for one call, and x264 takes
     * its own copy within it, so one byte in the owner's place saves a copy of 3 MB a picture at 1080p. */
    f->buf[0] = av_buffer_allocz(1);
    return f->buf[0] ? 0 : PS_ENOMEM;
}

int ps_encoder_new(struct ps_encoder **out, const struct ps_encoder_spec *s, struct ps_why *why) {
    if (s->width < 16 || s->height < 16 || s->width > PS_MAX_PICTURE || s->height > PS_MAX_PICTURE ||
        s->width % 2 || s->height % 2 || s->fps == 0 || s->qp == 0 || s->qp > 51)
        return ps_error_why(why, PS_EINVAL, "encoder", "cannot do %ux%u at %u pictures a second, qp %u",
                            s->width, s->height, s->fps, s->qp);
    struct ps_encoder *e = calloc(1, sizeof *e);
    if (e == NULL)
        return ps_error_why(why, PS_ENOMEM, "encoder", "out of memory");
    e->width = s->width;
    e->height = s->height;
    e->full_range = s->full_range;
    e->last_pts = INT64_MIN;
    int rc = open_codec(e, s, why);
    if (rc == 0 && (rc = open_frame(e)) < 0)
        ps_error_why(why, rc, "encoder", "out of memory");
    if (rc == 0 && (rc = make_avcc(e, e->codec->extradata, (size_t)e->codec->extradata_size)) < 0)
        ps_error_why(why, rc, "libx264", "gave other headers than one SPS and one PPS");
    if (rc < 0) {
        ps_encoder_free(e);
        return rc;
    }
    *out = e;
    return 0;
}

void ps_encoder_free(struct ps_encoder *e) {
    if (e == NULL)
        return;
    av_packet_free(&e->packet);
    av_frame_free(&e->frame);
    avcodec_free_context(&e->codec);
    free(e->unit);
    free(e);
}

const uint8_t *ps_encoder_avcc(const struct ps_encoder *e, size_t *n) {
    *n = e->avcc_len;
    return e->avcc;
}

void ps_encoder_codec(const struct ps_encoder *e, char out[16]) {
    snprintf(out, 16, "avc1.%02X%02X%02X", e->avcc[1], e->avcc[2], e->avcc[3]);
}

int ps_encoder_encode(struct ps_encoder *e, const struct ps_picture *p, int64_t pts, bool idr,
                      struct ps_access_unit *out) {
    /* Another range than the stream is flagged with would show wrong colours for ever. */
    if (p->width != e->width || p->height != e->height || p->full_range != e->full_range)
        return PS_EINVAL;
    if (pts <= e->last_pts)
        return PS_EINVAL;
    AVFrame *f = e->frame;
    for (int i = 0; i < 3; i++) {
        f->data[i] = p->plane[i];
        f->linesize[i] = p->stride[i];
    }
    f->pts = pts;
    f->pict_type = idr ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    int rc = avcodec_send_frame(e->codec, f);
    if (rc == 0)
        rc = avcodec_receive_packet(e->codec, e->packet);
    if (rc < 0)
        return rc == AVERROR(ENOMEM) ? PS_ENOMEM : PS_EFORMAT;
    e->last_pts = pts;
    rc = e->packet->pts == pts ? pack_unit(e, e->packet->data, (size_t)e->packet->size, out) : PS_ESTATE;
    av_packet_unref(e->packet);
    return rc;
}
