/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/film.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/limits.h"

#define IO_PIECE 65536
#define MAX_FPS 30 /* of a copy: what phones and forms play */

struct ps_film {
    const struct ps_blob *blob;
    int64_t at;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame, *ahead; /* ahead: decoded, not yet due */
    bool have_ahead, draining, ended;
    int stream;
    int64_t first; /* time stamp of the first picture, in ticks */
    uint64_t ticks;
};

static int bad(struct ps_why *why, const char *where, int averror) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (averror == AVERROR(ENOMEM))
        return ps_error_why(why, PS_ENOMEM, where, "out of memory");
    av_strerror(averror, text, sizeof text);
    return ps_error_why(why, PS_EFORMAT, where, "%s", text);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static int io_read(void *ctx, uint8_t *buf, int n) {
    struct ps_film *f = ctx;
    uint64_t left = (uint64_t)f->at < f->blob->size ? f->blob->size - (uint64_t)f->at : 0;
    if (left == 0)
        return AVERROR_EOF;
    if ((uint64_t)n > left)
        n = (int)left;
    if (ps_blob_read(f->blob, (uint64_t)f->at, buf, (size_t)n) < 0)
        return AVERROR(EIO);
    f->at += n;
    return n;
}

static int64_t io_seek(void *ctx, int64_t off, int whence) {
    struct ps_film *f = ctx;
    if (whence == AVSEEK_SIZE)
        return (int64_t)f->blob->size;
    int64_t to = whence == SEEK_CUR ? f->at + off : whence == SEEK_END ? (int64_t)f->blob->size + off : off;
    if (to < 0)
        return AVERROR(EINVAL);
    f->at = to;
    return to;
}

static int64_t to_ticks(const struct ps_film *f, int64_t pts) {
    return av_rescale_q(pts, f->format->streams[f->stream]->time_base, (AVRational){1, PS_TICKS_PER_SECOND});
}

static int open_format(struct ps_film *f) {
    uint8_t *buf = av_malloc(IO_PIECE);
    if (buf == NULL)
        return AVERROR(ENOMEM);
    f->io = avio_alloc_context(buf, IO_PIECE, 0, f, io_read, NULL, io_seek);
    if (f->io == NULL) {
        av_free(buf);
        return AVERROR(ENOMEM);
    }
    f->format = avformat_alloc_context();
    if (f->format == NULL)
        return AVERROR(ENOMEM);
    f->format->pb = f->io;
    f->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    /* The demuxer is named, so that nothing is guessed from bytes, and references to other files are off. */
    return avformat_open_input(&f->format, NULL, av_find_input_format("mov"), NULL);
}

static int open_decoder(struct ps_film *f) {
    const AVCodecParameters *par;
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    if (f->format->nb_streams != 1)
        return AVERROR_INVALIDDATA;
    par = f->format->streams[0]->codecpar;
    if (codec == NULL || par->codec_id != AV_CODEC_ID_H264 || par->width < 2 || par->height < 2 ||
        par->width > PS_MAX_PICTURE || par->height > PS_MAX_PICTURE)
        return AVERROR_INVALIDDATA;
    f->decoder = avcodec_alloc_context3(codec);
    if (f->decoder == NULL)
        return AVERROR(ENOMEM);
    int rc = avcodec_parameters_to_context(f->decoder, par);
    f->decoder->pkt_timebase = f->format->streams[0]->time_base;
    f->decoder->max_pixels = (int64_t)PS_MAX_PICTURE * PS_MAX_PICTURE;
    return rc < 0 ? rc : avcodec_open2(f->decoder, codec, NULL);
}

int ps_film_open(struct ps_film **out, const struct ps_blob *film, struct ps_why *why) {
    struct ps_film *f = calloc(1, sizeof *f);
    if (f == NULL)
        return ps_error_why(why, PS_ENOMEM, "film", "out of memory");
    av_log_set_level(AV_LOG_QUIET);
    f->blob = film;
    f->packet = av_packet_alloc();
    f->frame = av_frame_alloc();
    f->ahead = av_frame_alloc();
    int rc = f->packet == NULL || f->frame == NULL || f->ahead == NULL ? AVERROR(ENOMEM) : open_format(f);
    if (rc >= 0)
        rc = open_decoder(f);
    if (rc < 0) {
        ps_film_close(f);
        return bad(why, "film", rc);
    }
    const AVStream *s = f->format->streams[0];
    f->first = s->start_time != AV_NOPTS_VALUE ? to_ticks(f, s->start_time) : 0;
    int64_t n = s->duration > 0 ? to_ticks(f, s->duration) : 0;
    f->ticks = n > 0 ? (uint64_t)n : 0;
    *out = f;
    return 0;
}

void ps_film_close(struct ps_film *f) {
    if (f == NULL)
        return;
    avcodec_free_context(&f->decoder);
    avformat_close_input(&f->format);
    if (f->io != NULL)
        av_freep(&f->io->buffer);
    avio_context_free(&f->io);
    av_packet_free(&f->packet);
    av_frame_free(&f->frame);
    av_frame_free(&f->ahead);
    free(f);
}

uint64_t ps_film_ticks(const struct ps_film *f) {
    return f->ticks;
}

/* The next decoded picture in f->ahead; AVERROR_EOF at the end. */
static int decode_next(struct ps_film *f) {
    for (;;) {
        int rc = avcodec_receive_frame(f->decoder, f->ahead);
        if (rc != AVERROR(EAGAIN))
            return rc;
        rc = f->draining ? AVERROR_EOF : av_read_frame(f->format, f->packet);
        if (rc == AVERROR_EOF) {
            if (f->draining)
                return AVERROR_EOF;
            f->draining = true;
            rc = avcodec_send_packet(f->decoder, NULL);
        } else if (rc >= 0) {
            rc = avcodec_send_packet(f->decoder, f->packet);
            av_packet_unref(f->packet);
            /* A damaged picture costs itself, not the report. */
            if (rc == AVERROR_INVALIDDATA)
                rc = 0;
        }
        if (rc < 0)
            return rc;
    }
}

static int64_t ticks_of_frame(const struct ps_film *f, const AVFrame *p) {
    return p->best_effort_timestamp == AV_NOPTS_VALUE ? 0 : to_ticks(f, p->best_effort_timestamp) - f->first;
}

/* Moves to the keyframe at or before this time. */
static int rewind_to(struct ps_film *f, uint64_t ticks) {
    const AVStream *s = f->format->streams[0];
    int64_t ts = av_rescale_q((int64_t)ticks + f->first, (AVRational){1, PS_TICKS_PER_SECOND}, s->time_base);
    int rc = av_seek_frame(f->format, 0, ts, AVSEEK_FLAG_BACKWARD);
    if (rc < 0)
        rc = av_seek_frame(f->format, 0, 0, AVSEEK_FLAG_BACKWARD | AVSEEK_FLAG_ANY);
    avcodec_flush_buffers(f->decoder);
    av_frame_unref(f->frame);
    av_frame_unref(f->ahead);
    f->draining = false;
    return rc;
}

/* ---- colours ---------------------------------------------------------------------------------------------------- */

static bool full_range(const AVFrame *p) {
    return p->color_range == AVCOL_RANGE_JPEG || p->format == AV_PIX_FMT_YUVJ420P ||
           p->format == AV_PIX_FMT_YUVJ422P || p->format == AV_PIX_FMT_YUVJ444P;
}

/* swscale knows ranges by option; the old "J" formats say the same once more and make it warn. */
static enum AVPixelFormat plain(enum AVPixelFormat f) {
    return f == AV_PIX_FMT_YUVJ420P   ? AV_PIX_FMT_YUV420P
           : f == AV_PIX_FMT_YUVJ422P ? AV_PIX_FMT_YUV422P
           : f == AV_PIX_FMT_YUVJ444P ? AV_PIX_FMT_YUV444P
                                      : f;
}

static const int *matrix_of(const AVFrame *p) {
    return sws_getCoefficients(p->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601);
}

static struct SwsContext *scaler(const AVFrame *from, int w, int h, enum AVPixelFormat to) {
    struct SwsContext *s = sws_getContext(from->width, from->height, plain(from->format), w, h, to,
                                          SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (s != NULL)
        (void)sws_setColorspaceDetails(s, matrix_of(from), full_range(from),
                                       sws_getCoefficients(SWS_CS_ITU709), 0, 0, 1 << 16, 1 << 16);
    return s;
}

static int to_picture(const struct ps_film *f, const AVFrame *p, struct ps_film_picture *out) {
    struct SwsContext *s = scaler(p, p->width, p->height, AV_PIX_FMT_BGR0);
    int stride = p->width * 4;
    uint8_t *pixels = s != NULL ? malloc((size_t)stride * (size_t)p->height + 64) : NULL;
    if (pixels == NULL) {
        sws_freeContext(s);
        return AVERROR(ENOMEM);
    }
    uint8_t *const planes[4] = {pixels};
    const int strides[4] = {stride};
    sws_scale(s, (const uint8_t *const *)p->data, p->linesize, 0, p->height, planes, strides);
    sws_freeContext(s);
    *out = (struct ps_film_picture){.p = pixels, .width = p->width, .height = p->height, .stride = stride};
    int64_t t = ticks_of_frame(f, p);
    out->ticks = t > 0 ? (uint64_t)t : 0;
    return 0;
}

int ps_film_picture(struct ps_film *f, uint64_t ticks, struct ps_film_picture *out, struct ps_why *why) {
    bool any = false;
    int rc = rewind_to(f, ticks);
    while (rc >= 0) {
        rc = decode_next(f);
        if (rc < 0)
            break;
        /* The picture before the first one that is too late. */
        if (any && ticks_of_frame(f, f->ahead) > (int64_t)ticks)
            break;
        av_frame_unref(f->frame);
        av_frame_move_ref(f->frame, f->ahead);
        any = true;
    }
    if (any && (rc >= 0 || rc == AVERROR_EOF))
        rc = to_picture(f, f->frame, out);
    av_frame_unref(f->frame);
    av_frame_unref(f->ahead);
    return rc < 0 ? bad(why, "film", rc) : 0;
}

/* ---- a copy ----------------------------------------------------------------------------------------------------- */

struct copying {
    struct ps_film *f;
    const struct ps_film_copy *c;
    AVFormatContext *format;
    AVCodecContext *encoder;
    AVFrame *canvas; /* picture and edge */
    AVPacket *packet;
    struct SwsContext *scaler;
    int from_w, from_h, from_format;
    int w, h; /* of the picture, without edge */
    int64_t next, last;
};

void ps_film_copy_size(const struct ps_film *f, int width, int *w, int *h) {
    int sw = f->decoder->width, sh = f->decoder->height;
    *w = (width > 0 && width < sw ? width : sw) & ~1;
    *h = (int)((int64_t)sh * *w / sw) & ~1;
    *h = *h < 2 ? 2 : *h;
}

static int open_encoder(struct copying *k, int height) {
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (codec == NULL)
        return AVERROR_ENCODER_NOT_FOUND;
    AVCodecContext *e = k->encoder = avcodec_alloc_context3(codec);
    if (e == NULL)
        return AVERROR(ENOMEM);
    e->width = k->w;
    e->height = height;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){1, PS_TICKS_PER_SECOND};
    e->framerate = (AVRational){MAX_FPS, 1};
    e->gop_size = 2 * MAX_FPS;
    e->color_range = AVCOL_RANGE_MPEG;
    e->colorspace = AVCOL_SPC_BT709;
    e->color_primaries = AVCOL_PRI_BT709;
    e->color_trc = AVCOL_TRC_BT709;
    e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    if (k->c->bits_per_second > 0) {
        e->rc_max_rate = k->c->bits_per_second;
        e->rc_buffer_size =
            (int)(k->c->bits_per_second < INT32_MAX / 2 ? k->c->bits_per_second : INT32_MAX / 2);
    }
    av_opt_set(e->priv_data, "preset", "medium", 0);
    av_opt_set(e->priv_data, "crf", "23", 0);
    return avcodec_open2(e, codec, NULL);
}

static int open_output(struct copying *k, const char *path) {
    char url[4096];
    int n = snprintf(url, sizeof url, "file:%s", path);
    if (n < 0 || n >= (int)sizeof url)
        return AVERROR(ENAMETOOLONG);
    int rc = avformat_alloc_output_context2(&k->format, NULL, "mp4", url);
    if (rc < 0)
        return rc;
    k->format->flags |= AVFMT_FLAG_BITEXACT;
    AVStream *s = avformat_new_stream(k->format, NULL);
    if (s == NULL)
        return AVERROR(ENOMEM);
    s->time_base = k->encoder->time_base;
    rc = avcodec_parameters_from_context(s->codecpar, k->encoder);
    if (rc >= 0)
        rc = avio_open(&k->format->pb, url, AVIO_FLAG_WRITE);
    AVDictionary *options = NULL;
    av_dict_set(&options, "movflags", "+faststart", 0);
    if (rc >= 0)
        rc = avformat_write_header(k->format, &options);
    av_dict_free(&options);
    return rc;
}

/* The strip never changes: it is converted once and copied into each canvas. */
static int put_edge(struct copying *k) {
    const struct ps_film_picture *e = k->c->edge;
    if (e == NULL)
        return 0;
    struct SwsContext *s =
        sws_getContext(e->width, e->height, AV_PIX_FMT_BGR0, k->w, e->height, AV_PIX_FMT_YUV420P,
                       SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (s == NULL)
        return AVERROR(ENOMEM);
    (void)sws_setColorspaceDetails(s, sws_getCoefficients(SWS_CS_ITU709), 1,
                                   sws_getCoefficients(SWS_CS_ITU709), 0, 0, 1 << 16, 1 << 16);
    AVFrame *f = k->canvas;
    uint8_t *const planes[4] = {f->data[0] + (ptrdiff_t)k->h * f->linesize[0],
                                f->data[1] + (ptrdiff_t)(k->h / 2) * f->linesize[1],
                                f->data[2] + (ptrdiff_t)(k->h / 2) * f->linesize[2]};
    const uint8_t *const from[4] = {e->p};
    const int from_stride[4] = {e->stride};
    sws_scale(s, from, from_stride, 0, e->height, planes, f->linesize);
    sws_freeContext(s);
    return 0;
}

static int drain(struct copying *k, const AVFrame *frame) {
    int rc = avcodec_send_frame(k->encoder, frame);
    while (rc >= 0) {
        rc = avcodec_receive_packet(k->encoder, k->packet);
        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF)
            return 0;
        if (rc < 0)
            return rc;
        k->packet->stream_index = 0;
        av_packet_rescale_ts(k->packet, k->encoder->time_base, k->format->streams[0]->time_base);
        rc = av_interleaved_write_frame(k->format, k->packet);
    }
    return rc;
}

static int take_picture(struct copying *k, const AVFrame *p, int64_t pts) {
    if (k->scaler == NULL || p->width != k->from_w || p->height != k->from_h || p->format != k->from_format) {
        sws_freeContext(k->scaler);
        k->scaler = scaler(p, k->w, k->h, AV_PIX_FMT_YUV420P);
        k->from_w = p->width;
        k->from_h = p->height;
        k->from_format = p->format;
        if (k->scaler == NULL)
            return AVERROR(ENOMEM);
    }
    int rc = av_frame_make_writable(k->canvas); /* the encoder may still look at the last one */
    if (rc < 0)
        return rc;
    sws_scale(k->scaler, (const uint8_t *const *)p->data, p->linesize, 0, p->height, k->canvas->data,
              k->canvas->linesize);
    k->canvas->pts = pts;
    return drain(k, k->canvas);
}

static int copy_pictures(struct copying *k, int64_t to, bool *stopped) {
    const struct ps_film_copy *c = k->c;
    int64_t from = (int64_t)c->from, step = PS_TICKS_PER_SECOND / MAX_FPS;
    int rc = rewind_to(k->f, c->from);
    while (rc >= 0 && (rc = decode_next(k->f)) >= 0) {
        int64_t t = ticks_of_frame(k->f, k->f->ahead);
        if (t >= to)
            break;
        int64_t pts = (t - from) / (int64_t)c->speed;
        /* Half a step of grace: time stamps of cameras tremble. */
        if (t >= from && pts > k->last && pts + step / 2 >= k->next) {
            rc = take_picture(k, k->f->ahead, pts);
            k->last = pts;
            k->next = pts + step;
        }
        av_frame_unref(k->f->ahead);
        if (c->progress != NULL && t > from &&
            c->progress(c->progress_ctx, (uint64_t)(t - from), (uint64_t)(to - from)) != 0) {
            *stopped = true;
            return AVERROR_EXIT;
        }
    }
    return rc == AVERROR_EOF ? 0 : rc;
}

static int begin_copy(struct copying *k, const char *path) {
    int height = k->h + (k->c->edge != NULL ? k->c->edge->height : 0);
    k->canvas = av_frame_alloc();
    k->packet = av_packet_alloc();
    if (k->canvas == NULL || k->packet == NULL)
        return AVERROR(ENOMEM);
    k->canvas->width = k->w;
    k->canvas->height = height;
    k->canvas->format = AV_PIX_FMT_YUV420P;
    int rc = av_frame_get_buffer(k->canvas, 0);
    if (rc >= 0)
        rc = put_edge(k);
    if (rc >= 0)
        rc = open_encoder(k, height);
    return rc < 0 ? rc : open_output(k, path);
}

int ps_film_copy(struct ps_film *f, const struct ps_film_copy *c, const char *path, struct ps_why *why) {
    struct copying k = {.f = f, .c = c, .last = -1};
    int64_t to = c->to != 0 ? (int64_t)c->to : INT64_MAX;
    bool stopped = false;
    ps_film_copy_size(f, c->width, &k.w, &k.h);
    if (c->speed == 0 || (c->edge != NULL && (c->edge->width != k.w || c->edge->height % 2 != 0)))
        return ps_error_why(why, PS_EINVAL, path, "a copy of this shape cannot be made");
    if (c->to == 0 && f->ticks > 0)
        to = (int64_t)f->ticks + 1;
    int rc = begin_copy(&k, path);
    if (rc >= 0)
        rc = copy_pictures(&k, to, &stopped);
    if (rc >= 0 && k.last < 0)
        rc = AVERROR_INVALIDDATA;
    if (rc >= 0)
        rc = drain(&k, NULL);
    if (rc >= 0)
        rc = av_write_trailer(k.format);
    if (k.format != NULL && k.format->pb != NULL) {
        int closed = avio_closep(&k.format->pb);
        rc = rc >= 0 && closed < 0 ? closed : rc;
    }
    avformat_free_context(k.format);
    avcodec_free_context(&k.encoder);
    av_frame_free(&k.canvas);
    av_packet_free(&k.packet);
    sws_freeContext(k.scaler);
    if (stopped)
        return ps_error_why(why, PS_ETIME, path, "was stopped");
    return rc < 0 ? bad(why, path, rc) : 0;
}
