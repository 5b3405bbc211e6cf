/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/gauge.h"

#include <math.h>
#include <string.h>

#define SECOND 1000000000LL

/* The alarms. A picture must be on the wrong side of `enter` for `hold` to raise one, and beyond `leave` for CLEAR_NS to
 * end it; between the two it stays as it is. All values are of the small or middle picture, so that a sensor's noise counts
 * little. docs/PERFORMANCE.md has the figures of real film that these stand between. */
#define CLEAR_NS (2 * SECOND)
static const struct rule {
    const char *word;
    double enter, leave;
    int64_t hold_ns;
} rules[PS_GAUGE_ALARMS] = {
    /* mean luma: a bench by the light of a screen has about 30, with the lamps off under 10. A hand may pass. */
    {"picture-dark", 20, 28, 3 * SECOND},
    /* spread of luma: a sheet or box before the lens leaves under 5, the barest bench has over 15 */
    {"picture-covered", 6, 9, 3 * SECOND},
    /* percent of the reference's detail: what the picture shows moves it by a sixth, a lens that is so far out of focus that
     * no label can be read by two fifths and more. Lenses that hunt find it within seconds. */
    {"picture-blurred", 55, 70, 8 * SECOND},
    /* 0 identical, 1 not: sensors have noise, so no two pictures are the same; a network camera's still picture may be
     * repeated until its next keyframe, which comes within 10 s as they are set up */
    {"picture-frozen", 0.5, 0.5, 30 * SECOND},
    /* percent of likeness round the middle: people and parcels come and go within seconds, a knocked camera stays */
    {"camera-moved", 30, 50, 20 * SECOND},
};

/* A cell is 8 x 8 squares of the small picture. 6 of luma: ten times the noise of a mean of so many samples. */
#define CELL 8
#define MOVES 6.0

/* Lines of the reference's rim must stand out by this much (mean square of differences) to be compared: a bare table
 * has no place by which its camera could be seen to move. */
#define RIM_LEAST 4.0
/* Where the strongest edges are no higher there is nothing that could be sharp. */
#define EDGES_LEAST 30
#define SHIFTS 8 /* squares of two by two: 5 % of the width */

const char *ps_gauge_alarm_word(unsigned number) {
    return number < PS_GAUGE_ALARMS ? rules[number].word : "";
}

/* ---- smaller pictures ---- */

struct mid {
    int w, h;
    uint8_t y[PS_GAUGE_MID_W * PS_GAUGE_MID_H];
};

static uint8_t full(unsigned v, bool full_range) {
    int s = full_range ? (int)v : ((int)v - 16) * 255 / 219;

    return (uint8_t)(s < 0 ? 0 : s > 255 ? 255 : s);
}

/* Means of k x k samples, the smallest k that fits. Columns are summed first, which a compiler makes vectors of. */
static void shrink(const uint8_t *luma, int stride, int width, int height, bool full_range, struct mid *m) {
    static _Thread_local uint16_t sum[PS_MAX_PICTURE];
    int k = 1;

    while (width / k > PS_GAUGE_MID_W || height / k > PS_GAUGE_MID_H)
        k++;
    m->w = width / k;
    m->h = height / k;
    for (int y = 0; y < m->h; y++) {
        const uint8_t *row = luma + (size_t)y * (size_t)k * (size_t)stride;
        memset(sum, 0, sizeof sum[0] * (size_t)(m->w * k));
        for (int i = 0; i < k; i++, row += stride)
            for (int x = 0; x < m->w * k; x++)
                sum[x] = (uint16_t)(sum[x] + row[x]);
        for (int x = 0; x < m->w; x++) {
            unsigned s = 0;
            for (int i = 0; i < k; i++)
                s += sum[x * k + i];
            m->y[y * m->w + x] = full(s / (unsigned)(k * k), full_range);
        }
    }
}

/* Means of k x k of an 8-bit picture. */
static void reduce(const uint8_t *in, int w, int h, int k, uint8_t *out, int *ow, int *oh) {
    *ow = w / k;
    *oh = h / k;
    for (int y = 0; y < *oh; y++)
        for (int x = 0; x < *ow; x++) {
            unsigned s = 0;
            for (int i = 0; i < k; i++)
                for (int j = 0; j < k; j++)
                    s += in[(y * k + i) * w + x * k + j];
            out[y * *ow + x] = (uint8_t)((s + (unsigned)(k * k) / 2) / (unsigned)(k * k));
        }
}

/* ---- figures ---- */

/* The difference that one in SHARPEST pairs of samples, so far apart in the row, reaches: the strongest edges. */
#define SHARPEST 200
static unsigned edges(const struct mid *m, int apart) {
    uint32_t count[256] = {0}, above = 0, n = 0;
    int v = 256;

    for (int y = 0; y < m->h; y++)
        for (int x = 0; x + apart < m->w; x++) {
            int d = m->y[y * m->w + x + apart] - m->y[y * m->w + x];
            count[d < 0 ? -d : d]++;
            n++;
        }
    while (v > 0 && above <= n / SHARPEST)
        above += count[--v];
    return (unsigned)v;
}

/* How much of the strongest edges' height lies within two samples. Noise and coding hardly change it, nor does what the
 * picture shows, as long as it has an edge somewhere; a mean of all lines would be full of noise where a blurred picture
 * has none. */
static double detail_of(const struct mid *m) {
    unsigned broad = edges(m, 12);

    return broad < EDGES_LEAST ? -1 : 100.0 * edges(m, 2) / broad;
}

static void tone(const struct ps_gauge_small *s, struct ps_gauge_look *l) {
    double sum = 0, square = 0;
    int n = s->w * s->h;

    for (int i = 0; i < n; i++) {
        sum += s->y[i];
        square += (double)s->y[i] * s->y[i];
    }
    l->mean = n ? sum / n : 0;
    l->spread = n ? sqrt(fmax(0, square / n - l->mean * l->mean)) : 0;
}

/* Lamps on 50 Hz make dark bands across the rows that wander: each row is compared apart from its own mean. */
static double motion_of(const struct ps_gauge_small *a, const struct ps_gauge_small *b) {
    static _Thread_local int16_t diff[PS_GAUGE_SMALL_W * PS_GAUGE_SMALL_H];
    double most = 0;

    if (a->w != b->w || a->h != b->h || a->w == 0)
        return 0;
    for (int y = 0; y < a->h; y++) {
        int sum = 0;
        for (int x = 0; x < a->w; x++)
            sum += diff[y * a->w + x] = (int16_t)(a->y[y * a->w + x] - b->y[y * a->w + x]);
        for (int x = 0; x < a->w; x++)
            diff[y * a->w + x] = (int16_t)(diff[y * a->w + x] - sum / a->w);
    }
    for (int y = 0; y + CELL <= a->h; y += CELL)
        for (int x = 0; x + CELL <= a->w; x += CELL) {
            int sum = 0;
            for (int i = 0; i < CELL * CELL; i++) {
                int d = diff[(y + i / CELL) * a->w + x + i % CELL];
                sum += d < 0 ? -d : d;
            }
            most = fmax(most, (double)sum / (CELL * CELL));
        }
    return most;
}

/* ---- has the camera moved ---- */

#define LINES_W (PS_GAUGE_SMALL_W / 2)
#define LINES_H (PS_GAUGE_SMALL_H / 2)

struct lines {
    int w, h;
    int16_t v[LINES_W * LINES_H];
};

/* Differences to the neighbours: light and shade go, edges stay. */
static void lines_of(const struct ps_gauge_small *s, struct lines *l) {
    uint8_t p[LINES_W * LINES_H];

    memset(l, 0, sizeof *l);
    reduce(s->y, s->w, s->h, 2, p, &l->w, &l->h);
    for (int y = 1; y < l->h - 1; y++)
        for (int x = 1; x < l->w - 1; x++) {
            int dx = p[y * l->w + x + 1] - p[y * l->w + x - 1];
            int dy = p[(y + 1) * l->w + x] - p[(y - 1) * l->w + x];
            l->v[y * l->w + x] = (int16_t)((dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy));
        }
}

/* Correlation of a, moved by (dx, dy), with b on the rim: hands and parcels are mostly in the middle. -1 to 1; less than
 * -1: b has no lines there. */
static double rim_likeness(const struct lines *a, const struct lines *b, int dx, int dy) {
    double n = 0, sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;

    for (int y = SHIFTS; y < b->h - SHIFTS; y++)
        for (int x = SHIFTS; x < b->w - SHIFTS; x++) {
            if (x >= b->w / 4 && x < b->w - b->w / 4 && y >= b->h / 4 && y < b->h - b->h / 4)
                continue;
            double va = a->v[(y + dy) * a->w + x + dx], vb = b->v[y * b->w + x];
            n++;
            sa += va;
            sb += vb;
            saa += va * va;
            sbb += vb * vb;
            sab += va * vb;
        }
    double da = saa - sa * sa / fmax(n, 1), db = sbb - sb * sb / fmax(n, 1);
    if (db < RIM_LEAST * n)
        return -2;
    return da < 1 ? 0 : (sab - sa * sb / n) / sqrt(da * db);
}

/* A picture that fits clearly better when it is shifted is one of a camera that was knocked. */
static double likeness_of(const struct ps_gauge_small *now, const struct ps_gauge_small *reference) {
    struct lines a, b;
    double best = -1;

    if (now->w != reference->w || now->h != reference->h)
        return 100;
    lines_of(now, &a);
    lines_of(reference, &b);
    double here = rim_likeness(&a, &b, 0, 0);
    if (here < -1 || here > 0.6)
        return here < -1 ? 100 : 100 * here;
    for (int dy = -SHIFTS; dy <= SHIFTS; dy++)
        for (int dx = -SHIFTS; dx <= SHIFTS; dx++)
            best = fmax(best, rim_likeness(&a, &b, dx, dy));
    return best > 0.5 && best > here + 0.25 ? 0 : fmax(0, 100 * here);
}

/* ---- the whole ---- */

/* FNV-1a: two pictures that differ in noise alone differ in it. */
static uint64_t digest(const uint8_t *luma, int stride, int width, int height) {
    uint64_t h = 14695981039346656037u;

    for (int y = 0; y < height; y += 4)
        for (int x = 0; x + 8 <= width; x += 8) {
            uint64_t v;
            memcpy(&v, luma + (size_t)y * (size_t)stride + x, 8);
            h = (h ^ v) * 1099511628211u;
        }
    return h;
}

void ps_gauge_measure(struct ps_gauge_eye *e, const uint8_t *luma, int stride, int width, int height,
                      bool full_range, struct ps_gauge_look *out) {
    static _Thread_local struct mid m;
    struct ps_gauge_small small;
    uint64_t d = digest(luma, stride, width, height);

    memset(out, 0, sizeof *out);
    shrink(luma, stride, width, height, full_range, &m);
    reduce(m.y, m.w, m.h, 4, small.y, &small.w, &small.h);
    tone(&small, out);
    out->detail = detail_of(&m);
    out->sharpness = out->likeness = 100;
    if (e->has_last) {
        out->motion = motion_of(&small, &e->last);
        out->same = d == e->last_digest;
    }
    if (e->has_reference) {
        if (e->reference_detail > 0 && out->detail >= 0)
            out->sharpness = 100 * out->detail / e->reference_detail;
        out->likeness = likeness_of(&small, &e->reference);
    }
    e->last = small;
    e->last_digest = d;
    e->has_last = true;
}

void ps_gauge_refer(struct ps_gauge_eye *e, double detail) {
    e->reference = e->last;
    e->reference_detail = detail;
    e->has_reference = e->has_last;
}

bool ps_gauge_moves(const struct ps_gauge_look *l) {
    return l->motion >= MOVES;
}

unsigned ps_gauge_judge(struct ps_gauge_eye *e, const struct ps_gauge_look *l, int64_t mono_ns) {
    const double value[PS_GAUGE_ALARMS] = {l->mean, l->spread, l->sharpness, l->same ? 0 : 1, l->likeness};

    for (unsigned i = 0; i < PS_GAUGE_ALARMS; i++) {
        unsigned bit = 1u << i;
        bool on = e->alarms & bit;
        /* In the dark nothing else can be told, and behind a cover neither focus nor place. */
        bool cannot_tell = (i > 0 && bit != PS_GAUGE_FROZEN && l->mean < rules[0].leave) ||
                           (i > 1 && bit != PS_GAUGE_FROZEN && l->spread < rules[1].leave);
        bool crossed = on ? value[i] >= rules[i].leave : value[i] < rules[i].enter;
        if (cannot_tell)
            crossed = on && i == 1; /* lamps went off: no longer the cover's fault, as far as can be seen */
        if (!crossed) {
            e->since_ns[i] = 0;
            continue;
        }
        if (e->since_ns[i] == 0)
            e->since_ns[i] = mono_ns;
        if (mono_ns - e->since_ns[i] >= (on ? CLEAR_NS : rules[i].hold_ns)) {
            e->alarms ^= bit;
            e->since_ns[i] = 0;
        }
    }
    return e->alarms;
}
