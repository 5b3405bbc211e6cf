/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/clock.h"

#include <fcntl.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "evidence/leaf.h"

static int64_t read_ns(clockid_t id) {
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void ps_clock_read(struct ps_clock *out) {
    struct timex tx = {.modes = 0}; /* modes 0 only reads and needs no privilege */
    int state = adjtimex(&tx);

    out->wall_ns = read_ns(CLOCK_REALTIME);
    out->boot_ns = read_ns(CLOCK_BOOTTIME);
    out->state = PS_CLOCK_UNKNOWN;
    out->max_error_us = 0;
    if (state < 0)
        return;
    out->state = (tx.status & STA_UNSYNC) != 0 || state == TIME_ERROR ? PS_CLOCK_UNSYNCED : PS_CLOCK_SYNCED;
    out->max_error_us = tx.maxerror < 0 || tx.maxerror > UINT32_MAX ? UINT32_MAX : (uint32_t)tx.maxerror;
}

int ps_clock_boot_id(uint8_t out[16]) {
    char text[64], hex[32];
    size_t n_hex = 0;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return PS_EIO;
    ssize_t n = read(fd, text, sizeof(text));
    close(fd);
    if (n < 0)
        return PS_EIO;
    for (ssize_t i = 0; i < n; i++) {
        if (text[i] == '-' || text[i] == '\n')
            continue;
        if (n_hex == sizeof(hex))
            return PS_EFORMAT;
        hex[n_hex++] = text[i];
    }
    return ps_bytes_unhex(out, 16, hex, n_hex);
}

int64_t ps_clock_step(struct ps_clock_watch *w, int64_t wall_ns, int64_t boot_ns) {
    int64_t now = wall_ns - boot_ns;

    if (!w->set) {
        *w = (struct ps_clock_watch){.set = true, .offset_ns = now, .boot_ns = boot_ns};
        return 0;
    }
    int64_t elapsed = boot_ns > w->boot_ns ? boot_ns - w->boot_ns : 0;
    int64_t slew = elapsed / PS_CLOCK_SLEW;
    int64_t moved = now - w->offset_ns;
    w->boot_ns = boot_ns;
    if (moved > PS_CLOCK_STEP_NS + slew || moved < -PS_CLOCK_STEP_NS - slew) {
        w->offset_ns = now;
        return moved;
    }
    w->offset_ns += moved > slew ? slew : moved < -slew ? -slew : moved;
    return 0;
}
