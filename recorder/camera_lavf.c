/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whatever libavformat opens, as if it were a camera. A film file runs in real time, over and over; a stream from
 * the network comes when it comes. MJPEG is passed on as it is, all else is decoded to planar 4:2:0.
 *
 * Films and streams are damaged now and then. A packet that does not decode is a damaged frame and no reason
 * to stop.
 */
#include "recorder/camera.h"
#include "recorder/clock.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavdevice/avdevice.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
#define OPEN_NS (10 * SECOND)
#define SILENT_NS (3 * SECOND)
#define BEHIND_NS (2 * SECOND) /* a film that cannot keep up is slowed down instead of chased */
#define PACKETS_WITHOUT_PICTURE 500

struct lavf {
    AVFormatContext *format;
    AVCodecContext *decoder; /* NULL: MJPEG is passed on */
    AVPacket *packet;
    AVFrame *picture;
    struct SwsContext *scaler;
    const atomic_bool *stop;
    int stream;
    bool live, loop, paced;
    bool draining, in_hand; /* in_hand: `next` is complete and waits for its time */
    uint16_t want_w, want_h, width, height;
    int64_t deadline_ns;          /* for the interrupt callback */
    int64_t base_ns;              /* CLOCK_MONOTONIC of film time 0 */
    int64_t film_ns, duration_ns; /* of the newest picture, from the start of this round; of one picture */
    int64_t first_pts;            /* AV_NOPTS_VALUE until the first picture of the film */
    unsigned rounds_without_picture;
    struct ps_frame next;
};

/* ---- libav's manners ------------------------------------------------------------------------------ */

static _Thread_local char last_error[160];

/* libav writes to stderr by default. The newest error of this thread is kept for `why` instead. */
__attribute__((format(printf, 3, 0))) static void keep_error(void *ctx, int level, const char *fmt,
                                                             va_list args) {
    (void)ctx;
    if (level > AV_LOG_ERROR)
        return;
    char line[sizeof last_error];
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] != '\0')
        memcpy(last_error, line, sizeof last_error);
}

static void set_up_libav(void) {
    av_log_set_callback(keep_error);
    avdevice_register_all();
    avformat_network_init();
}

static int interrupted(void *opaque) {
    const struct lavf *l = opaque;
    return (l->stop && atomic_load(l->stop)) || ps_clock_mono_ns() > l->deadline_ns;
}

static int failed(struct ps_why *why, const char *url, int averror) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    int err = PS_EIO;
    switch (averror) {
    case AVERROR(ENOENT):
    case AVERROR_HTTP_NOT_FOUND: err = PS_ENOENT; break;
    case AVERROR(EACCES):
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN: err = PS_EPERM; break;
    case AVERROR(ENOMEM): err = PS_ENOMEM; break;
    case AVERROR_INVALIDDATA:
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_STREAM_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND: err = PS_EFORMAT; break;
    case AVERROR_EXIT: return ps_error_why(why, PS_EIO, url, "no answer");
    default: break;
    }
    av_strerror(averror, text, sizeof text);
    if (last_error[0] != '\0')
        return ps_error_why(why, err, url, "cannot be opened: %s (%s)", text, last_error);
    return ps_error_why(why, err, url, "cannot be opened: %s", text);
}

/* ---- opening -------------------------------------------------------------------------------------- */

/* Takes our own options off the end of the source; others belong to the URL. */
static void take_options(struct lavf *l, char *url) {
    char *question = strrchr(url, '?');
    bool pace = l->paced, loop = l->loop;
    if (!question)
        return;
    for (const char *p = question + 1; *p != '\0';) {
        size_t n = strcspn(p, "&");
        bool on = n == 6 && p[5] == '1', off = n == 6 && p[5] == '0';
        if (!on && !off)
            return;
        if (strncmp(p, "pace=", 5) == 0)
            pace = on;
        else if (strncmp(p, "loop=", 5) == 0)
            loop = on;
        else
            return;
        p += n + (p[n] == '&');
    }
    *question = '\0';
    l->paced = pace;
    l->loop = loop;
}

static bool is_live(const char *url) {
    static const char *const schemes[] = {
        "rtsp:", "rtsps:", "http:", "https:", "udp:", "rtp:", "tcp:", "rtmp:"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

/* The URL as it may be shown and signed: without user, password and query, where cameras carry secrets. */
static void make_public(char *out, size_t cap, const char *url) {
    const char *host = is_live(url) ? strstr(url, "://") : NULL;
    if (!host) {
        snprintf(out, cap, "%s", url);
        return;
    }
    host += 3;
    const char *at = memrchr(host, '@', strcspn(host, "/?#"));
    const char *from = at ? at + 1 : host;
    snprintf(out, cap, "%.*s%.*s", (int)(host - url), url, (int)strcspn(from, "?#"), from);
}

static int open_input(struct lavf *l, const char *url) {
    const AVInputFormat *demuxer = NULL;
    AVDictionary *options = NULL;
    if (strncmp(url, "lavfi:", 6) == 0) {
        demuxer = av_find_input_format("lavfi");
        if (!demuxer)
            return AVERROR_DEMUXER_NOT_FOUND;
        url += 6;
    }
    l->format = avformat_alloc_context();
    if (!l->format)
        return AVERROR(ENOMEM);
    l->format->interrupt_callback = (AVIOInterruptCB){.callback = interrupted, .opaque = l};
    if (l->live) {
        l->format->flags |= AVFMT_FLAG_NOBUFFER;
        av_dict_set(&options, "rtsp_transport", "tcp", 0); /* UDP loses packets without a word */
        av_dict_set(&options, "analyzeduration", "2000000", 0);
    }
    int result =
        avformat_open_input(&l->format, url, demuxer, &options); /* frees the context when it fails */
    av_dict_free(&options);
    return result < 0 ? result : avformat_find_stream_info(l->format, NULL);
}

static int open_decoder(struct lavf *l, const AVCodecParameters *par) {
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (!codec)
        return AVERROR_DECODER_NOT_FOUND;
    l->decoder = avcodec_alloc_context3(codec);
    l->picture = av_frame_alloc();
    if (!l->decoder || !l->picture)
        return AVERROR(ENOMEM);
    int result = avcodec_parameters_to_context(l->decoder, par);
    if (result < 0)
        return result;
    l->decoder->pkt_timebase = l->format->streams[l->stream]->time_base;
    l->decoder->thread_count = 1;
    l->decoder->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT; /* so that they are counted as damaged, not lost */
    if (l->live)
        l->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    return avcodec_open2(l->decoder, codec, NULL);
}

static void describe(struct lavf *l, const char *shown, struct ps_camera_info *info) {
    const AVStream *s = l->format->streams[l->stream];
    AVRational rate =
        s->avg_frame_rate.num > 0 && s->avg_frame_rate.den > 0 ? s->avg_frame_rate : s->r_frame_rate;
    double fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 30;
    if (fps < 1 || fps > 1000)
        fps = 30;
    l->duration_ns = (int64_t)(SECOND / fps);
    const char *file = strrchr(shown, '/');
    bool generated = strncmp(shown, "lavfi:", 6) == 0;
    ps_camera_name(info->model, file && !generated && !l->live ? file + 1 : shown, PS_MAX_NAME);
    if (l->live)
        ps_camera_name(info->path, shown, PS_MAX_NAME);
    snprintf(info->driver, sizeof info->driver, "lavf");
    char codec[PS_MAX_NAME + 1];
    ps_camera_name(codec, avcodec_get_name(s->codecpar->codec_id), PS_MAX_NAME);
    snprintf(info->format, sizeof info->format, "%.20s %dx%d", l->decoder ? codec : "MJPG",
             s->codecpar->width, s->codecpar->height);
    info->width = l->width;
    info->height = l->height;
    info->fps = (uint16_t)(fps + 0.5);
    info->pixels = l->decoder ? PS_PIXELS_I420 : PS_PIXELS_JPEG;
}

static int open_film(struct lavf *l, const struct ps_camera_spec *spec, const char *url,
                     struct ps_camera_info *info, struct ps_why *why) {
    char shown[sizeof spec->source];
    make_public(shown, sizeof shown, url);
    l->deadline_ns = ps_clock_mono_ns() + OPEN_NS;
    int result = open_input(l, url);
    if (result < 0)
        return failed(why, shown, result);
    result = av_find_best_stream(l->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (result < 0)
        return failed(why, shown, result);
    l->stream = result;
    for (unsigned i = 0; i < l->format->nb_streams; i++)
        l->format->streams[i]->discard = (int)i == l->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    const AVCodecParameters *par = l->format->streams[l->stream]->codecpar;
    if (par->width < 16 || par->height < 16 || par->width > PS_MAX_PICTURE || par->height > PS_MAX_PICTURE)
        return ps_error_why(why, PS_EFORMAT, shown, "pictures of %dx%d cannot be recorded", par->width,
                            par->height);
    l->want_w = spec->width;
    l->want_h = spec->height;
    l->width = spec->width ? spec->width : (uint16_t)par->width;
    l->height = spec->height ? spec->height : (uint16_t)par->height;
    bool as_is = par->codec_id == AV_CODEC_ID_MJPEG && l->width == par->width && l->height == par->height;
    if (!as_is && (result = open_decoder(l, par)) < 0)
        return failed(why, shown, result);
    l->packet = av_packet_alloc();
    if (!l->packet)
        return ps_error_why(why, PS_ENOMEM, shown, "out of memory");
    describe(l, shown, info);
    return 0;
}

static void close_lavf(void *state) {
    struct lavf *l = state;
    sws_freeContext(l->scaler);
    av_frame_free(&l->picture);
    av_packet_free(&l->packet);
    avcodec_free_context(&l->decoder);
    l->deadline_ns = ps_clock_mono_ns() + SECOND / 2; /* saying good-bye to a server */
    avformat_close_input(&l->format);
    ps_frame_free(&l->next);
    free(l);
}

static int open_lavf(void **state, const struct ps_camera_spec *spec, struct ps_camera_info *info,
                     struct ps_why *why) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char url[sizeof spec->source];
    pthread_once(&once, set_up_libav);
    last_error[0] = '\0';
    snprintf(url, sizeof url, "%s", spec->source + strlen("lavf:"));
    struct lavf *l = calloc(1, sizeof *l);
    if (!l)
        return ps_error_why(why, PS_ENOMEM, "lavf", "out of memory");
    l->stop = spec->stop;
    l->live = is_live(url);
    l->loop = l->paced = !l->live;
    l->first_pts = AV_NOPTS_VALUE;
    if (!l->live)
        take_options(l, url);
    int err = open_film(l, spec, url, info, why);
    if (err != 0) {
        close_lavf(l);
        return err;
    }
    l->base_ns = ps_clock_mono_ns();
    *state = l; /* transferred */
    return 0;
}

/* ---- pictures ------------------------------------------------------------------------------------- */

static void copy_plane(uint8_t *to, const uint8_t *from, int stride, size_t row, size_t rows) {
    for (size_t y = 0; y < rows; y++)
        memcpy(to + y * row, from + (ptrdiff_t)y * stride, row);
}

/* Scaling keeps the range; what is no YUV becomes full range. The matrix becomes BT.601, as of every track. */
static int scale(struct lavf *l, const AVFrame *p, uint8_t *const planes[4], const int strides[4],
                 bool *full_range) {
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(p->format);
    bool yuv = d && !(d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
    l->scaler = sws_getCachedContext(l->scaler, p->width, p->height, p->format, l->width, l->height,
                                     AV_PIX_FMT_YUV420P, SWS_BILINEAR | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!l->scaler)
        return PS_EFORMAT;
    *full_range = *full_range || !yuv;
    sws_setColorspaceDetails(l->scaler, sws_getCoefficients(p->colorspace), *full_range,
                             sws_getCoefficients(SWS_CS_ITU601), *full_range, 0, 1 << 16, 1 << 16);
    int rows =
        sws_scale(l->scaler, (const uint8_t *const *)p->data, p->linesize, 0, p->height, planes, strides);
    return rows == l->height ? 0 : PS_EFORMAT;
}

static int take_picture(struct lavf *l, const AVFrame *p) {
    struct ps_frame *f = &l->next;
    if (!l->want_w && (p->width != l->width || p->height != l->height))
        return PS_EIO; /* another size in mid-stream: opened anew it is another track */
    const size_t w = l->width, h = l->height, cw = (w + 1) / 2, ch = (h + 1) / 2;
    int err = ps_frame_reserve(f, w * h + 2 * cw * ch);
    if (err != 0)
        return err;
    uint8_t *const planes[4] = {f->data, f->data + w * h, f->data + w * h + cw * ch};
    const int strides[4] = {(int)w, (int)cw, (int)cw};
    bool same_size = p->width == l->width && p->height == l->height;
    f->full_range = p->color_range == AVCOL_RANGE_JPEG || p->format == AV_PIX_FMT_YUVJ420P ||
                    p->format == AV_PIX_FMT_YUVJ422P || p->format == AV_PIX_FMT_YUVJ444P;
    if (same_size && p->colorspace != AVCOL_SPC_BT709 &&
        (p->format == AV_PIX_FMT_YUV420P || p->format == AV_PIX_FMT_YUVJ420P)) {
        for (int i = 0; i < 3; i++)
            copy_plane(planes[i], p->data[i], p->linesize[i], (size_t)strides[i], i ? ch : h);
    } else if ((err = scale(l, p, planes, strides, &f->full_range)) != 0) {
        return err;
    }
    f->size = w * h + 2 * cw * ch;
    f->damaged = (p->flags & AV_FRAME_FLAG_CORRUPT) || p->decode_error_flags != 0;
    f->pixels = PS_PIXELS_I420;
    return 0;
}

static int take_jpeg(struct lavf *l, const AVPacket *p) {
    struct ps_frame *f = &l->next;
    size_t n = p->size > 0 ? (size_t)p->size : 0;
    int err = ps_frame_reserve(f, n);
    if (err != 0)
        return err;
    if (n > 0)
        memcpy(f->data, p->data, n);
    f->size = n;
    f->damaged = !ps_camera_jpeg_whole(f->data, n) || (p->flags & AV_PKT_FLAG_CORRUPT);
    f->full_range = true;
    f->pixels = PS_PIXELS_JPEG;
    return 0;
}

/* The frame is complete but for its time: now for what is live, else its place in the film. */
static void stamp(struct lavf *l, int64_t pts, int64_t duration) {
    struct ps_frame *f = &l->next;
    const AVRational base = l->format->streams[l->stream]->time_base, ns = {1, (int)SECOND};
    f->lost_before = 0;
    f->width = l->width;
    f->height = l->height;
    l->in_hand = true;
    l->rounds_without_picture = 0;
    if (l->live) {
        f->mono_ns = ps_clock_mono_ns();
        return;
    }
    int64_t at = l->film_ns + l->duration_ns;
    if (l->first_pts == AV_NOPTS_VALUE) {
        at = 0;
        l->first_pts = pts != AV_NOPTS_VALUE ? pts : 0;
    } else if (pts != AV_NOPTS_VALUE) {
        int64_t told = av_rescale_q(pts - l->first_pts, base, ns);
        /* Stamps that run back or leap are not followed. */
        if (told > l->film_ns && told < l->film_ns + 10 * SECOND)
            at = told;
    }
    l->film_ns = at;
    if (duration > 0 && av_rescale_q(duration, base, ns) < SECOND)
        l->duration_ns = av_rescale_q(duration, base, ns);
    f->mono_ns = l->base_ns + at;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* From the beginning again: time goes on, as if the film had no end. */
static int next_round(struct lavf *l) {
    if (!l->loop || l->live || ++l->rounds_without_picture > 2)
        return PS_EGONE;
    const AVStream *s = l->format->streams[l->stream];
    int64_t from = s->start_time != AV_NOPTS_VALUE ? s->start_time : 0;
    if (avformat_seek_file(l->format, l->stream, INT64_MIN, from, from, 0) < 0 &&
        av_seek_frame(l->format, l->stream, 0, AVSEEK_FLAG_BYTE) < 0)
        return PS_EGONE;
    if (l->decoder)
        avcodec_flush_buffers(l->decoder);
    l->draining = false;
    if (l->first_pts != AV_NOPTS_VALUE)
        l->base_ns += l->film_ns + l->duration_ns;
    l->film_ns = 0;
    l->first_pts = AV_NOPTS_VALUE;
    return 0;
}

/* A packet that gave no picture for it is broken. */
static void take_damage(struct lavf *l, int64_t pts, int64_t duration) {
    l->next.size = 0;
    l->next.damaged = true;
    l->next.pixels = l->decoder ? PS_PIXELS_I420 : PS_PIXELS_JPEG;
    stamp(l, pts, duration);
}

/* 1: next is in hand; 0: the decoder wants more; else an error. */
static int receive(struct lavf *l) {
    int result = avcodec_receive_frame(l->decoder, l->picture);
    if (result == AVERROR(EAGAIN))
        return 0;
    if (result == AVERROR_EOF)
        return next_round(l);
    if (result < 0) {
        take_damage(l, AV_NOPTS_VALUE, 0);
        return 1;
    }
    int err = take_picture(l, l->picture);
    if (err == 0)
        stamp(l, l->picture->best_effort_timestamp, l->picture->pkt_duration);
    av_frame_unref(l->picture);
    return err != 0 ? err : 1;
}

/* Gives one packet to the decoder, or takes it as the picture. As receive(). */
static int use_packet(struct lavf *l) {
    const AVPacket *p = l->packet;
    if (!l->decoder) {
        int err = take_jpeg(l, p);
        if (err == 0)
            stamp(l, p->pts, p->duration);
        return err != 0 ? err : 1;
    }
    int result = avcodec_send_packet(l->decoder, p);
    if (result == AVERROR(ENOMEM))
        return PS_ENOMEM;
    if (result < 0 && result != AVERROR(EAGAIN)) {
        take_damage(l, p->pts, p->duration);
        return 1;
    }
    return 0;
}

static int step(struct lavf *l) {
    if (l->decoder) {
        int result = receive(l);
        if (result != 0 || l->draining)
            return result;
    }
    int result = av_read_frame(l->format, l->packet);
    if (result == AVERROR(EAGAIN))
        return 0;
    if (result == AVERROR_EXIT)
        return PS_ETIME;
    if (result < 0) { /* the end; an error in mid-film ends this round too */
        if (l->live)
            return result == AVERROR_EOF || (l->format->pb && l->format->pb->eof_reached) ? PS_EGONE : PS_EIO;
        if (!l->decoder)
            return next_round(l);
        l->draining = true;
        avcodec_send_packet(l->decoder, NULL);
        return 0;
    }
    result = l->packet->stream_index == l->stream ? use_packet(l) : 0;
    av_packet_unref(l->packet);
    return result;
}

/* Waits for the time of the frame in hand. True: it has come. */
static bool wait_for_time(struct lavf *l, int64_t until_ns) {
    int64_t now = ps_clock_mono_ns(), due = l->next.mono_ns;
    if (!l->paced)
        return true;
    if (now - due > BEHIND_NS) {
        l->base_ns += now - due;
        l->next.mono_ns = now;
        return true;
    }
    if (due > now) {
        int64_t to = due < until_ns ? due : until_ns;
        const struct timespec t = {.tv_sec = to / SECOND, .tv_nsec = to % SECOND};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    return ps_clock_mono_ns() >= due;
}

static int read_lavf(void *state, struct ps_frame *f, int timeout_ms) {
    struct lavf *l = state;
    const int64_t start = ps_clock_mono_ns(), until = start + timeout_ms * INT64_C(1000000);
    /* A network read that is broken off cannot be taken up again: it gets its time, whatever the caller's is. */
    l->deadline_ns = start + (until - start > SILENT_NS ? until - start : SILENT_NS);
    for (unsigned i = 0; !l->in_hand; i++) {
        int result = step(l);
        if (result < 0)
            return result;
        if (i == PACKETS_WITHOUT_PICTURE || (result == 0 && l->stop && atomic_load(l->stop)))
            return 0;
    }
    if (!l->live && !wait_for_time(l, until))
        return 0;
    struct ps_frame empty = *f;
    *f = l->next; /* transferred, and the caller's buffer taken for it */
    l->next = (struct ps_frame){.data = empty.data, .cap = empty.cap};
    l->in_hand = false;
    return 1;
}

const struct ps_camera_ops ps_camera_lavf = {
    .scheme = "lavf:", .open = open_lavf, .read = read_lavf, .close = close_lavf};
