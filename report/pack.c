/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/pack.h"
#include "report/paint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/store.h"
#include "evidence/record.h"

#define CARD "证据卡.jpg"
#define FILM "影片.mp4"
#define TEXT "申诉说明.txt"
#define CHECK "提交前请看.txt"
#define STILLS 6
#define OVERHEAD 40000 /* bytes of an MP4 beside its pictures */

struct packing {
    const struct ps_pack *k;
    struct ps_why *why;
    int dir;
    unsigned stills;
    unsigned speed;
    unsigned track;      /* whose film is shown */
    struct ps_buf check; /* CHECK */
    struct ps_film *film;
};

/* ---- what to look at -------------------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 4), format(printf, 3, 4)))
note(struct packing *p, const char *zh, const char *en, ...) {
    char a[1024], b[1024];
    va_list ap;
    va_start(ap, en);
    (void)vsnprintf(a, sizeof a, zh, ap);
    va_end(ap);
    va_start(ap, en);
    (void)vsnprintf(b, sizeof b, en, ap);
    va_end(ap);
    ps_buf_fmt(&p->check, "- %s\n", a);
    if (p->k->note != NULL)
        p->k->note(p->k->ctx, a, b);
}

static void label_notes(struct packing *p) {
    const struct ps_clip *c = p->k->v->clip;
    const struct ps_banner *b = &c->tracks[p->track].banner;
    if (c->label == PS_LABEL_OTHER)
        note(p, "声明写明画面中看到的是另一张面单：请先弄清原因，再决定是否提交",
             "the statement says that ANOTHER label was seen: find out why before you send this");
    else if (c->label != PS_LABEL_MATCHED)
        note(p,
             "%.0s声明没有写明画面中看到面单（%s）：请自己看影片和截图，面单要清晰可见，且没有被上方 %u "
             "像素高的字幕条盖住",
             "the statement does not say that the label was seen (%s)%.0s: look yourself whether it can be "
             "read and is not below the banner of %u pixels",
             c->label == PS_LABEL_NOT_SEEN ? "not seen" : "not checked",
             c->label == PS_LABEL_NOT_SEEN ? "未看到" : "未检查", b->h);
    if (p->k->v->content == PS_CONTENT_EXCERPT)
        note(p, "这是节选：请确认其中有面单", "this is an excerpt: make sure that the label is in it");
}

static void limit_notes(struct packing *p) {
    const struct ps_profile *f = p->k->profile;
    if (f->film_bytes == 0 || f->film_seconds == 0 || f->pictures_most == 0 || f->picture_bytes == 0)
        note(p, "方案“%s”没有写明全部限制（未知的不猜测）：请看表单的实际提示",
             "profile \"%s\" does not know all limits, and none is guessed: look at the form", f->name);
    if (p->k->reason != NULL && p->k->reason->needs[0] != '\0')
        note(p, "表单可能另要求：%s", "the form may ask for more: %s", p->k->reason->needs);
}

static void verdict_notes(struct packing *p) {
    const struct ps_verdict *v = p->k->v;
    if (v->time == PS_TIME_SELF)
        note(p, "没有外部时间：时间只是本机自述",
             "no time from outside: the times are the station's own word");
    if (p->speed > 1)
        note(p, "影片为 %u 倍快放，画面下方有标注", "the film is shown %u times as fast, and says so",
             p->speed);
    note(p, "这些文件是上传用副本，不能核验；请保留证据包，平台要求时提供",
         "these files are copies and cannot be verified; keep the bundle and hand it over when asked");
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static int put(struct packing *p, const char *name, const void *bytes, size_t n) {
    return ps_store_write_file(p->dir, name, bytes, n, p->why);
}

static int put_still(struct packing *p, const struct ps_film_picture *picture) {
    const uint64_t most = p->k->profile->picture_bytes;
    struct ps_film_picture small = *picture;
    char name[32];
    uint8_t *jpeg = NULL;
    size_t n = 0;
    int rc = 0, quality = 92;
    bool fits = false;
    while (rc == 0 && !fits) {
        rc = ps_stills_jpeg(&small, quality, false, &jpeg, &n);
        fits = rc == 0 && (most == 0 || n <= most);
        if (fits || rc < 0)
            break;
        free(jpeg);
        jpeg = NULL;
        quality -= 12;
        if (quality < 50) { /* smaller instead of ever coarser */
            struct ps_film_picture half;
            if (small.width < 480) {
                rc = ps_error_why(p->why, PS_ELIMIT, p->k->profile->name,
                                  "no readable picture is below %" PRIu64 " bytes", most);
                break;
            }
            rc = ps_stills_shrink(&small, small.width * 3 / 4, &half);
            if (small.p != picture->p)
                free(small.p);
            small = rc == 0 ? half : *picture;
            quality = 80;
        }
    }
    (void)snprintf(name, sizeof name, "图%u.jpg", p->stills + 1);
    if (rc == 0)
        rc = put(p, name, jpeg, n);
    p->stills += rc == 0;
    free(jpeg);
    if (small.p != picture->p)
        free(small.p);
    return rc;
}

static int open_film(struct packing *p, unsigned track, struct ps_blob *blob, struct ps_film **film) {
    char name[PS_MAX_ZIP_NAME + PS_MAX_FILE_NAME + 2];
    (void)snprintf(name, sizeof name, "%s%s", p->k->prefix, p->k->v->clip->tracks[track].file.name);
    int64_t at = ps_tree_find(p->k->files, name);
    int rc = at < 0 ? PS_ENOENT : p->k->files->open(p->k->files->ctx, (size_t)at, blob);
    if (rc < 0)
        return ps_error_why(p->why, rc, name, "%s", ps_error_text(rc));
    return ps_film_open(film, blob, p->why);
}

/* Recorded, and not left out of an excerpt. */
static bool has_film(const struct packing *p, unsigned track) {
    const struct ps_track *t = &p->k->v->clip->tracks[track];
    char name[PS_MAX_ZIP_NAME + PS_MAX_FILE_NAME + 2];
    (void)snprintf(name, sizeof name, "%s%s", p->k->prefix, t->file.name);
    return t->n_records > 0 && ps_tree_find(p->k->files, name) >= 0;
}

/* Pictures of one film, evenly from its start to its end. */
static int film_stills(struct packing *p, unsigned track, unsigned n) {
    struct ps_blob blob;
    struct ps_film *film = NULL;
    int rc = open_film(p, track, &blob, &film);
    for (unsigned i = 0; i < n && rc == 0; i++) {
        struct ps_film_picture picture = {0};
        uint64_t end = ps_film_ticks(film);
        rc = ps_film_picture(film, n > 1 ? (end > 0 ? end - 1 : 0) * i / (n - 1) : end / 2, &picture, p->why);
        if (rc == 0)
            rc = put_still(p, &picture);
        free(picture.p);
    }
    ps_film_close(film);
    return rc;
}

static int stills(struct packing *p) {
    const struct ps_clip *c = p->k->v->clip;
    unsigned most = p->k->profile->pictures_most, films = 0, done = 0;
    /* The card is a picture too. */
    unsigned n = most == 0 || most - 1 > STILLS ? STILLS : most - 1;
    int rc = 0;
    for (unsigned i = 0; i < c->n_tracks; i++)
        films += has_film(p, i);
    if (n > 0 && films == 1 && n > 4)
        n = 4;
    for (unsigned i = 0; i < c->n_tracks && rc == 0 && n > 0; i++) {
        if (!has_film(p, i))
            continue;
        unsigned share = n / (films - done > 0 ? films - done : 1);
        rc = film_stills(p, i, share > 0 ? share : 1);
        n -= share > 0 ? share : 1;
        done++;
    }
    return rc;
}

/* ---- the film --------------------------------------------------------------------------------------------------- */

/* The strip below the picture: what this is, and the digest of what it was made from. */
static int make_edge(const struct packing *p, int width, struct ps_film_picture *out) {
    const struct ps_clip *c = p->k->v->clip;
    const struct ps_track *t = &c->tracks[p->track];
    double size = width / 72.0 > 11 ? width / 72.0 : 11;
    int height = ((int)(size * 3.3) + 1) & ~1;
    char hex[65], mark[64] = "", line[512];
    const struct ps_paint_colour white = {1, 1, 1}, yellow = {1, 0.86, 0.35};
    struct ps_paint_text text = {.size = size, .width = width - size, .lines = 1, .colour = yellow};
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create(s);
    ps_bytes_hex(hex, t->file.sha256, 32);
    (void)snprintf(mark, sizeof mark, "%s",
                   p->k->v->content == PS_CONTENT_EXCERPT ? "节选"
                   : p->speed == 1                        ? "副本"
                                                          : "");
    if (p->speed > 1)
        (void)snprintf(mark + strlen(mark), sizeof mark - strlen(mark), "%s×%u 快放", mark[0] != 0 ? " " : "",
                       p->speed);
    (void)snprintf(line, sizeof line, "%s · 上传用，不是原件，核验请用证据包 · %s %s", mark,
                   p->k->d->facts->clip, t->file.name);
    double h = ps_paint_text(cr, &text, size / 2, size * 0.25, line, true, NULL);
    text.colour = white;
    text.mono = true;
    (void)snprintf(line, sizeof line, "SHA-256 %s", hex);
    double w;
    do { /* the digest is told whole, however small */
        struct ps_paint_text free_width = text;
        free_width.width = 0;
        free_width.lines = 0;
        (void)ps_paint_text(cr, &free_width, 0, 0, line, false, &w);
        text.size *= w > width - size ? 0.96 : 1;
    } while (w > width - size && text.size > 5);
    text.width = 0;
    text.lines = 0;
    (void)ps_paint_text(cr, &text, size / 2, size * 0.35 + h, line, true, NULL);
    cairo_surface_flush(s);
    int stride = cairo_image_surface_get_stride(s);
    *out = (struct ps_film_picture){.width = width, .height = height, .stride = stride};
    out->p = cairo_status(cr) == CAIRO_STATUS_SUCCESS ? malloc((size_t)stride * (size_t)height + 64) : NULL;
    if (out->p != NULL)
        memcpy(out->p, cairo_image_surface_get_data(s), (size_t)stride * (size_t)height);
    cairo_destroy(cr);
    cairo_surface_destroy(s);
    return out->p != NULL ? 0 : PS_ENOMEM;
}

static int64_t size_of(int dir, const char *name) {
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : -1;
}

static int one_film(struct packing *p, int width, int64_t rate) {
    char path[PS_ROOT_PATH];
    struct ps_film_picture edge = {0};
    int w, h, n = snprintf(path, sizeof path, "%s/" FILM, p->k->folder);
    if (n < 0 || n >= (int)sizeof path)
        return ps_error_why(p->why, PS_ELIMIT, p->k->folder, "the path is too long");
    ps_film_copy_size(p->film, width, &w, &h);
    int rc = make_edge(p, w, &edge);
    const struct ps_film_copy copy = {.speed = p->speed,
                                      .width = width,
                                      .bits_per_second = rate,
                                      .edge = &edge,
                                      .progress = p->k->progress,
                                      .progress_ctx = p->k->ctx};
    if (rc == 0)
        rc = ps_film_copy(p->film, &copy, path, p->why);
    free(edge.p);
    return rc;
}

/* Bits a second below which a picture of this width is mud: 0.02 bits a pixel at 30 pictures. */
static int64_t floor_rate(const struct packing *p, int width) {
    int w, h;
    ps_film_copy_size(p->film, width, &w, &h);
    return (int64_t)w * h * 6 / 10;
}

static int fit_film(struct packing *p) {
    const struct ps_profile *f = p->k->profile;
    double seconds = (double)ps_film_ticks(p->film) / PS_TICKS_PER_SECOND / p->speed;
    seconds = seconds < 1 ? 1 : seconds;
    int width = f->film_width, rc = 0;
    if (f->film_bytes == 0)
        return one_film(p, width, 0);
    double room = f->film_bytes > OVERHEAD ? (double)(f->film_bytes - OVERHEAD) : 0;
    int64_t rate = room * 8 / seconds < 1e9 ? (int64_t)(room * 8 * 0.95 / seconds) : 1000000000;
    for (int tries = 0; tries < 6; tries++) {
        while (width > 480 && rate < floor_rate(p, width))
            width = width * 3 / 4 & ~1;
        if (rate < floor_rate(p, width))
            return ps_error_why(p->why, PS_ELIMIT, f->name,
                                "%.0f s of film in %" PRIu64 " bytes leave %" PRId64
                                " kbit/s: too little to see anything",
                                seconds, f->film_bytes, rate / 1000);
        rc = one_film(p, width, rate);
        if (rc < 0)
            return rc;
        if (size_of(p->dir, FILM) >= 0 && (uint64_t)size_of(p->dir, FILM) <= f->film_bytes)
            return 0;
        rate = rate * 8 / 10;
    }
    return ps_error_why(p->why, PS_ELIMIT, f->name, "the film cannot be made to fit into %" PRIu64 " bytes",
                        f->film_bytes);
}

static int film(struct packing *p) {
    const struct ps_clip *c = p->k->v->clip;
    struct ps_blob blob;
    while (p->track < c->n_tracks && !has_film(p, p->track))
        p->track++;
    if (p->track == c->n_tracks)
        return ps_error_why(p->why, PS_ENOENT, p->k->d->facts->clip, "holds no film");
    int rc = open_film(p, p->track, &blob, &p->film);
    if (rc == 0) {
        p->speed =
            ps_profile_speed(p->k->profile, ps_film_ticks(p->film) / (PS_TICKS_PER_SECOND / 1000), p->why);
        rc = p->speed == 0 ? PS_ELIMIT : fit_film(p);
    }
    ps_film_close(p->film);
    p->film = NULL;
    int fd = rc == 0 ? openat(p->dir, FILM, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (fsync(fd) != 0)
            rc = ps_error_why(p->why, PS_EIO, FILM, "%s", strerrordesc_np(errno));
        close(fd);
    }
    return rc;
}

/* ---- the text --------------------------------------------------------------------------------------------------- */

static int text(struct packing *p) {
    const struct ps_clip *c = p->k->v->clip;
    const struct ps_facts *f = p->k->d->facts;
    char started[40], ended[40], length[48], lost[96], take[32], not_after[96], after[40];
    uint64_t frames = 0, holes = 0;
    if (p->k->reason == NULL)
        return 0;
    for (unsigned i = 0; i < c->n_tracks; i++) {
        frames += c->tracks[i].counts.dropped + c->tracks[i].counts.damaged;
        holes += c->tracks[i].n_gaps;
    }
    ps_facts_time(c->started.wall_ns, started);
    ps_facts_time(c->ended.wall_ns, ended);
    int64_t s = (c->ended.boot_ns - c->started.boot_ns) / 1000000000;
    (void)snprintf(length, sizeof length, "%" PRId64 " 分 %" PRId64 " 秒", s / 60, s % 60);
    if (frames + holes == 0)
        (void)snprintf(lost, sizeof lost, "无");
    else
        (void)snprintf(lost, sizeof lost, "丢失或损坏 %" PRIu64 " 帧，缺口 %" PRIu64 " 处，均已写入声明",
                       frames, holes);
    (void)snprintf(take, sizeof take, "第 %" PRIu32 " 次", c->take);
    ps_facts_time(p->k->v->not_after_ns, after);
    if (p->k->v->not_after_ns == INT64_MAX)
        (void)snprintf(not_after, sizeof not_after, "工位本机时钟，没有外部时间戳");
    else
        (void)snprintf(not_after, sizeof not_after, "外部时间戳证明不晚于 %s", after);
    char *station = ps_facts_clean(c->station_name[0] != 0 ? c->station_name : c->opening.station),
         *operator_id = ps_facts_clean(c->opening.operator_id[0] != 0 ? c->opening.operator_id : "未登录");
    const struct ps_profile_words w = {.codes = f->codes,
                                       .clip = f->clip,
                                       .take = take,
                                       .station = station,
                                       .operator_id = operator_id,
                                       .started = started,
                                       .ended = ended,
                                       .length = length,
                                       .lost = lost,
                                       .digest = f->statement,
                                       .not_after = not_after};
    char *filled = station != NULL && operator_id != NULL ? ps_profile_fill(p->k->reason, &w) : NULL;
    struct ps_buf b;
    ps_buf_init(&b, (size_t)2 << 20);
    ps_buf_fmt(&b, "申诉原因：%s\n\n%s\n", p->k->reason->title, filled != NULL ? filled : "");
    int rc = filled == NULL || b.err != 0 ? PS_ENOMEM : put(p, TEXT, b.p, b.n);
    ps_buf_free(&b);
    free(filled);
    free(station);
    free(operator_id);
    return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static void remove_all(struct packing *p) {
    static const char *const names[] = {CARD, FILM, TEXT, CHECK};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlinkat(p->dir, names[i], 0);
    for (unsigned i = 1; i <= STILLS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "图%u.jpg", i);
        unlinkat(p->dir, name, 0);
    }
    rmdir(p->k->folder);
}

static int card(struct packing *p) {
    const struct ps_profile *f = p->k->profile;
    if (f->picture_bytes != 0 && p->k->card->n > f->picture_bytes)
        return ps_error_why(p->why, PS_ELIMIT, f->name,
                            "the evidence card has %zu bytes, and the form takes %" PRIu64, p->k->card->n,
                            f->picture_bytes);
    return put(p, CARD, p->k->card->p, p->k->card->n);
}

int ps_pack_write(const struct ps_pack *k, struct ps_why *why) {
    struct packing p = {.k = k, .why = why, .dir = -1, .speed = 1};
    if (k->v->content > PS_CONTENT_EXCERPT)
        return ps_error_why(why, PS_EPERM, k->d->facts->clip,
                            "is %s: no appeal is made of it; look at it: packseal verify",
                            ps_verdict_content(k->v->content, false));
    if (mkdir(k->folder, 0750) != 0)
        return ps_error_why(why, errno == EEXIST ? PS_EEXIST : PS_EIO, k->folder, "%s",
                            errno == EEXIST ? "is there already" : strerrordesc_np(errno));
    p.dir = open(k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ps_buf_init(&p.check, 65536);
    int rc = p.dir < 0 ? ps_error_why(why, PS_EIO, k->folder, "%s", strerrordesc_np(errno)) : film(&p);
    if (rc == 0)
        rc = card(&p);
    if (rc == 0)
        rc = stills(&p);
    if (rc == 0)
        rc = text(&p);
    if (rc == 0) {
        label_notes(&p);
        limit_notes(&p);
        verdict_notes(&p);
        rc = p.check.err != 0 ? p.check.err : put(&p, CHECK, p.check.p, p.check.n);
    }
    if (rc == 0 && fsync(p.dir) != 0)
        rc = ps_error_why(why, PS_EIO, k->folder, "%s", strerrordesc_np(errno));
    if (rc < 0 && p.dir >= 0)
        remove_all(&p);
    if (p.dir >= 0)
        close(p.dir);
    ps_buf_free(&p.check);
    if (rc < 0 && why->text[0] == '\0')
        (void)ps_error_why(why, rc, k->folder, "%s", ps_error_text(rc));
    return rc;
}
