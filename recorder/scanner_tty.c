/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner_tty.h"

#include "recorder/scanner_source.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int find_speed(long baud, speed_t *speed) {
    static const struct {
        long baud;
        speed_t speed;
    } known[] = {{1200, B1200},   {2400, B2400},   {4800, B4800},   {9600, B9600},
                 {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].baud == baud) {
            *speed = known[i].speed;
            return 0;
        }
    }
    return PS_EINVAL;
}

/* No flow control, no modem lines, not one byte altered. */
static int make_raw(int fd, speed_t speed, const struct ps_scanner_tty *line) {
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return -1;
    cfmakeraw(&t); /* 8 bits, no parity */
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB);
    t.c_iflag &= ~(tcflag_t)(IXOFF | INPCK);
    if (line->data_bits == 7)
        t.c_cflag = (t.c_cflag & ~(tcflag_t)CSIZE) | CS7;
    if (line->parity != 'n') {
        t.c_cflag |= PARENB | (line->parity == 'o' ? (tcflag_t)PARODD : 0);
        t.c_iflag |= INPCK;
    }
    if (line->stop_bits == 2)
        t.c_cflag |= CSTOPB;
    t.c_cc[VMIN] = 1; /* so that 0 means hung up */
    t.c_cc[VTIME] = 0;
    if (cfsetspeed(&t, speed) != 0 || tcsetattr(fd, TCSANOW, &t) != 0)
        return -1;
    return 0;
}

int ps_scanner_tty_open(const char *where, const struct ps_scanner_tty *line, struct ps_devices_seen *seen,
                        struct ps_why *why) {
    char path[PS_SCANNER_PATH];
    struct ps_device found;
    long baud = 9600;
    speed_t speed;
    int err = ps_scanner_option(where, path, "baud", 1200, 115200, &baud, why);
    if (err != 0)
        return err;
    if (find_speed(baud, &speed) != 0)
        return ps_error_why(why, PS_EINVAL, where, "%ld baud is no usual speed", baud);
    int fd = ps_scanner_open_node(PS_DEVICES_LINE, path, O_RDWR | O_NOCTTY, seen, &found, why);
    if (fd < 0)
        return fd;
    if (make_raw(fd, speed, line) != 0) {
        err = ps_error_why(why, PS_EFORMAT, found.node, "not a serial line: %s", strerror(errno));
        close(fd);
        return err;
    }
    /* ModemManager likes to try new ports; what came while nobody listened is not for a clip of now. */
    ioctl(fd, TIOCEXCL);
    tcflush(fd, TCIFLUSH);
    return fd;
}
