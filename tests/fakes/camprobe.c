/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * camprobe: opens a camera as the recorder does and tells what it sees, one JSON object a line:
 *
 *     {"event":"state", …}   whenever the feed's state changes
 *     {"event":"frame", …}   for each frame, with --frames
 *     {"event":"counts", …}  for each line on standard input, and at the end of it, which ends the program
 */
#include "recorder/clock.h"
#include "recorder/feed.h"

#include <dirent.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct counts {
    unsigned long frames, damaged, lost, queue_lost, backwards, bytes;
    int64_t first_ns, last_ns;
};

static const char *const state_names[] = {"opening", "live", "away"};
static const char *const pixel_names[] = {"jpeg", "yuyv", "i420"};
static int64_t start_ns;

static long long ms_since_start(void) {
    return (ps_clock_mono_ns() - start_ns) / 1000000;
}

/* A JSON string; what came from the device is printable ASCII already. */
static void print_text(const char *key, const char *text) {
    printf(",\"%s\":\"", key);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

static void print_state(const struct ps_feed_status *s) {
    printf("{\"event\":\"state\",\"ms\":%lld,\"state\":\"%s\",\"generation\":%u", ms_since_start(),
           state_names[s->state], s->generation);
    if (s->state == PS_FEED_LIVE) {
        print_text("format", s->info.format);
        print_text("model", s->info.model);
        print_text("serial", s->info.serial);
        print_text("path", s->info.path);
        print_text("driver", s->info.driver);
        printf(",\"width\":%u,\"height\":%u,\"fps\":%u", s->info.width, s->info.height, s->info.fps);
    } else if (s->state == PS_FEED_AWAY) {
        print_text("where", s->why.where);
        print_text("why", s->why.text);
    }
    puts("}");
}

static void print_frame(const struct ps_frame *f, uint32_t queue_lost) {
    printf("{\"event\":\"frame\",\"ms\":%lld,\"ns\":%lld,\"lost\":%u,\"queue_lost\":%u,\"damaged\":%s,"
           "\"size\":%zu,"
           "\"width\":%u,\"height\":%u,\"pixels\":\"%s\",\"full_range\":%s}\n",
           ms_since_start(), (long long)f->mono_ns, f->lost_before, queue_lost, f->damaged ? "true" : "false",
           f->size, f->width, f->height, pixel_names[f->pixels], f->full_range ? "true" : "false");
}

static int count_files(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n - 3; /* ".", ".." and the folder itself */
}

static void print_counts(const struct counts *c, const struct ps_feed_status *s) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    printf(
        "{\"event\":\"counts\",\"ms\":%lld,\"state\":\"%s\",\"generation\":%u,\"frames\":%lu,\"damaged\":%lu,"
        "\"lost\":%lu,\"queue_lost\":%lu,\"backwards\":%lu,\"bytes\":%lu,\"span_ms\":%lld,\"cpu_ms\":%lld,"
        "\"files\":%d}\n",
        ms_since_start(), state_names[s->state], s->generation, c->frames, c->damaged, c->lost, c->queue_lost,
        c->backwards, c->bytes, (long long)(c->last_ns - c->first_ns) / 1000000,
        t.tv_sec * 1000LL + t.tv_nsec / 1000000, count_files());
}

static void count(struct counts *c, const struct ps_frame *f, uint32_t queue_lost) {
    if (c->frames > 0 && f->mono_ns <= c->last_ns)
        c->backwards++;
    if (c->frames++ == 0)
        c->first_ns = f->mono_ns;
    c->last_ns = f->mono_ns;
    c->damaged += f->damaged;
    c->lost += f->lost_before;
    c->queue_lost += queue_lost;
    c->bytes += f->size;
}

/* Lines that came on standard input; -1 at its end. */
static int take_orders(void) {
    char bytes[256];
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0)
        return 0;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0)
        return -1;
    int lines = 0;
    for (ssize_t i = 0; i < n; i++)
        lines += bytes[i] == '\n';
    return lines;
}

/* The state may have changed more than once since; what counts is what it is. */
static void watch(struct ps_feed *feed, bool each_frame) {
    struct ps_feed_status now, told = {.state = PS_FEED_OPENING};
    struct counts counts = {0};
    struct ps_frame frame = {0};
    uint32_t queue_lost;
    int orders = 0;
    while (orders >= 0) {
        ps_queue_wait(ps_feed_queue(feed), 50, NULL);
        ps_feed_status(feed, &now);
        if (now.state != told.state || now.generation != told.generation)
            print_state(&now);
        told = now;
        while (ps_queue_take(ps_feed_queue(feed), &frame, &queue_lost) == 1) {
            count(&counts, &frame, queue_lost);
            if (each_frame)
                print_frame(&frame, queue_lost);
        }
        orders = take_orders();
        for (int i = 0; i < orders; i++)
            print_counts(&counts, &now);
        fflush(stdout);
    }
    print_counts(&counts, &now);
    ps_frame_free(&frame);
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"size", required_argument, NULL, 's'},
                                            {"fps", required_argument, NULL, 'r'},
                                            {"frames", no_argument, NULL, 'f'},
                                            {0}};
    struct ps_camera_spec spec = {.name = "top"};
    struct ps_feed *feed;
    bool each_frame = false, ok = true;
    int option;
    while (ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's': ok = sscanf(optarg, "%hux%hu", &spec.width, &spec.height) == 2; break;
        case 'r': ok = sscanf(optarg, "%hu", &spec.fps) == 1; break;
        case 'f': each_frame = true; break;
        default: ok = false; break;
        }
    }
    if (!ok || argc - optind != 1) {
        fputs("usage: camprobe [--size WxH] [--fps N] [--frames] SOURCE\n", stderr);
        return 2;
    }
    snprintf(spec.source, sizeof spec.source, "%s", argv[optind]);
    start_ns = ps_clock_mono_ns();
    if (ps_feed_start(&feed, &spec, 60, (size_t)64 << 20, NULL, NULL) != 0) {
        fputs("camprobe: cannot start\n", stderr);
        return 1;
    }
    watch(feed, each_frame);
    const int64_t stop_ns = ps_clock_mono_ns();
    ps_feed_stop(feed);
    printf("{\"event\":\"end\",\"stop_ms\":%lld}\n", (long long)(ps_clock_mono_ns() - stop_ns) / 1000000);
    return 0;
}
