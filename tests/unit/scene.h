/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures and films for the tests of the recorder: a scene that moves, and what the ffmpeg programs say of a file.
 */
#ifndef PS_TESTS_SCENE_H
#define PS_TESTS_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/picture.h"

/* A gradient, a square that wanders, and texture; luma 30 to 220. */
static inline void scene_draw(struct ps_picture *p, int n) {
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int v = 40 + (x * 90) / p->width + (y * 60) / p->height + ((x / 4 * 7 + y / 4 * 5) & 15);
            int dx = x - (n * 3) % p->width, dy = y - p->height / 2;
            if (dx >= 0 && dx < p->width / 6 && dy >= 0 && dy < p->height / 6)
                v = 190 + (dx & 15);
            p->plane[0][y * p->stride[0] + x] = (uint8_t)v;
        }
    for (int i = 1; i < 3; i++)
        for (int y = 0; y < p->height / 2; y++)
            for (int x = 0; x < p->width / 2; x++)
                p->plane[i][y * p->stride[i] + x] = (uint8_t)(100 + (i == 1 ? x : y) * 60 / (p->width / 2));
}

/* Everything the command printed, on either channel; "" when it was silent. Static storage. */
static inline const char *scene_run(const char *cmd) {
    static char out[8192];
    char line[4096];
    snprintf(line, sizeof line, "{ %s; } 2>&1", cmd);
    FILE *f = popen(line, "r");
    if (f == NULL)
        return "popen failed";
    size_t n = fread(out, 1, sizeof out - 1, f);
    out[n] = 0;
    int rc = pclose(f);
    if (rc != 0 && n == 0)
        snprintf(out, sizeof out, "exit status %d", rc);
    return out;
}

static inline int scene_has_ffmpeg(void) {
    return system("command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null") == 0;
}

/* Real film: $PACKSEAL_FOOTAGE, else beside the source tree. NULL: none here. */
static inline const char *scene_footage(const char *name) {
    static char path[1024];
    const char *dir = getenv("PACKSEAL_FOOTAGE"), *src = getenv("PACKSEAL_SRC");
    if (dir != NULL)
        snprintf(path, sizeof path, "%s/%s", dir, name);
    else
        snprintf(path, sizeof path, "%s/../shared/footage/%s", src ? src : ".", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

/* A fresh folder, in memory where possible: some tests sync thousands of times. */
static inline const char *scene_folder(void) {
    static char dir[256];
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/packseal-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm"
             : tmp != NULL                 ? tmp
                                           : "/tmp");
    return mkdtemp(dir);
}

static inline void scene_remove(const char *dir) {
    char line[512];
    snprintf(line, sizeof line, "rm -rf '%s'", dir);
    if (system(line) != 0)
        fprintf(stderr, "# %s stays\n", dir);
}

#endif
