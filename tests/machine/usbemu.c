/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A USB device, made inside the machine under test: the kernel's vhci_hcd (USB/IP without a network) is given one end of a
 * socket pair, this program answers the other. Everything above is the real kernel: uvcvideo, usbhid, cdc-acm, udev. Killing
 * the program is pulling the plug.
 *
 *   usbemu camera   [--serial S] [--port N] --film WxH=FILE.mjpeg [--film …] [--fps N]
 *   usbemu keyboard [--serial S] [--port N]     standard input is typed
 *   usbemu serial   [--serial S] [--port N]     standard input is sent
 *   usbemu pos      [--serial S] [--port N]     its lines are point-of-sale reports, one or more each
 *   usbemu com      [--serial S] [--port N]     it is sent in counted reports ("Simple COM")
 *
 * Formats: USB 2.0 chapter 9; UVC 1.0a sections 3 and 4.3; HID 1.11 appendix B; HID Point of Sale Usage Tables 1.02; CDC PSTN 1.2; the datagrams of USB/IP in
 * the kernel's Documentation/usb/usbip_protocol.rst. The camera streams by a bulk endpoint, which UVC allows, for vhci_hcd
 * has no bandwidth to reserve.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LE16(x) (uint8_t)((x)&255), (uint8_t)((x) >> 8 & 255)
#define LE32(x) LE16(x), LE16((uint32_t)(x) >> 16)

enum {
    MAX_FILMS = 4,
    MAX_PICTURES = 256,
    MAX_WAITING = 64,
    MAX_TRANSFER = 1 << 16,
    MAX_FILM_BYTES = 64 << 20,
    PAYLOAD = 16384, /* of one bulk transfer of the camera, its 2-byte header included */
    PROBE = 26,      /* bytes of a video probe control, UVC 1.0 */
};
enum { CMD_SUBMIT = 1, CMD_UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4 };
enum { EP_IN = 1, EP_NOTIFY = 2 };
enum { KEY_NS = 10000000 };

struct film {
    unsigned width, height;
    uint8_t *bytes;
    size_t at[MAX_PICTURES + 1]; /* picture i is bytes at[i] to at[i + 1] */
    unsigned pictures;
};

struct waiting {
    uint32_t seq, endpoint, length;
};

struct usb {
    int (*control)(struct usb *u, const uint8_t setup[8], const uint8_t *out, size_t out_len, uint8_t *in);
    void (*pump)(struct usb *u);
    const uint8_t *device;
    uint8_t config[512];
    size_t config_len;
    const uint8_t *report; /* HID */
    size_t report_len;
    const char *product, *serial;
    unsigned port, speed;
    int socket;
    struct waiting waiting[MAX_WAITING];
    unsigned waiting_len;
    /* camera */
    struct film film[MAX_FILMS];
    unsigned films, fps;
    uint8_t probe[PROBE];
    int streaming; /* something is due at due_ns: a picture, or a key */
    uint8_t frame_id;
    unsigned picture;
    size_t sent;
    int64_t due_ns; /* monotonic */
    /* scanners: what is to be typed or sent */
    uint8_t queue[MAX_TRANSFER];
    size_t queue_len;
    int released; /* the key last typed is up again */
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t mono_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void send_all(int fd, const void *bytes, size_t len) {
    for (const uint8_t *p = bytes; len > 0;) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("usbemu: the kernel went away");
        p += n;
        len -= (size_t)n;
    }
}

static int read_all(int fd, void *bytes, size_t len) {
    for (uint8_t *p = bytes; len > 0;) {
        ssize_t n = read(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static void answer(struct usb *u, uint32_t word, uint32_t seq, int status, size_t actual, const void *data,
                   size_t len) {
    uint32_t head[12] = {htonl(word), htonl(seq), 0, 0, 0, htonl((uint32_t)status), htonl((uint32_t)actual)};
    send_all(u->socket, head, sizeof head);
    if (len > 0)
        send_all(u->socket, data, len);
}

static int take(struct usb *u, uint32_t endpoint, struct waiting *out) {
    for (unsigned i = 0; i < u->waiting_len; i++) {
        if (u->waiting[i].endpoint != endpoint)
            continue;
        *out = u->waiting[i];
        memmove(u->waiting + i, u->waiting + i + 1, (--u->waiting_len - i) * sizeof *u->waiting);
        return 1;
    }
    return 0;
}

/* ---- descriptors -------------------------------------------------------------------------------- */

/* The camera has the Linux Foundation's number for such, the scanners have Honeywell's, so that rules by vendor apply. */
static const uint8_t camera_device[] = {18,           1,           LE16(0x200), 0xef, 2, 1, 64, LE16(0x1d6b),
                                        LE16(0x0102), LE16(0x100), 1,           2,    3, 1};
static const uint8_t keyboard_device[] = {18,           1,           LE16(0x200), 0, 0, 0, 64, LE16(0x0c2e),
                                          LE16(0x0b61), LE16(0x100), 1,           2, 3, 1};
static const uint8_t serial_device[] = {18,           1,           LE16(0x200), 2, 0, 0, 64, LE16(0x0c2e),
                                        LE16(0x0b6a), LE16(0x100), 1,           2, 3, 1};

/* The boot keyboard: eight modifier bits, a spare byte, six keys at once. */
static const uint8_t key_report[] = {0x05, 1, 0x09, 6, 0xa1, 1,    0x05, 7, 0x19, 0xe0, 0x29, 0xe7,
                                     0x15, 0, 0x25, 1, 0x75, 1,    0x95, 8, 0x81, 2,    0x95, 1,
                                     0x75, 8, 0x81, 1, 0x95, 6,    0x75, 8, 0x15, 0,    0x25, 0x65,
                                     0x05, 7, 0x19, 0, 0x29, 0x65, 0x81, 0, 0xc0};

/* Newland's number for a scanner in its HID POS mode, which the list of known scanners has. */
static const uint8_t pos_device[] = {18,           1,           LE16(0x200), 0, 0, 0, 64, LE16(0x1eab),
                                     LE16(0x0110), LE16(0x100), 1,           2, 3, 1};
static const uint8_t com_device[] = {18,           1,           LE16(0x200), 0, 0, 0, 64, LE16(0x1eab),
                                     LE16(0x0c10), LE16(0x100), 1,           2, 3, 1};

/* Usage page 0x8C; report 2 is length, 3 bytes of symbology, 56 of data, 2 spare, and a bit: the code goes on. */
static const uint8_t pos_report[] = {0x05, 0x8c,       0x09, 2,    0xa1, 1,    0x09,
                                     0x12, 0xa1,       2,    0x85, 2,    0x15, 0,
                                     0x26, LE16(0xff), 0x75, 8,    0x95, 1,    0x05,
                                     1,    0x09,       0x3b, 0x81, 2,    0x05, 0x8c,
                                     0x09, 0xfb,       0x09, 0xfc, 0x09, 0xfd, 0x95,
                                     3,    0x81,       2,    0x09, 0xfe, 0x95, 56,
                                     0x82, 2,          1,    0x95, 2,    0x06, LE16(0xff66),
                                     0x09, 4,          0x09, 0,    0x81, 2,    0x05,
                                     0x8c, 0x09,       0xff, 0x95, 1,    0x75, 1,
                                     0x81, 2,          0x75, 7,    0x81, 3,    0xc0,
                                     0xc0};
/* A vendor's page: a count, and so many bytes. */
static const uint8_t com_report[] = {0x06, LE16(0xff00), 0x09, 1, 0xa1, 1,  0x09, 2, 0x15, 0,
                                     0x26, LE16(0xff),   0x75, 8, 0x95, 64, 0x81, 2, 0xc0};

static void put(struct usb *u, const uint8_t *bytes, size_t len) {
    if (len > sizeof u->config - u->config_len)
        die("usbemu: descriptors too long");
    memcpy(u->config + u->config_len, bytes, len);
    u->config_len += len;
}
#define PUT(u, ...) put(u, (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void end_config(struct usb *u) {
    u->config[2] = (uint8_t)u->config_len;
    u->config[3] = (uint8_t)(u->config_len >> 8);
}

static void camera_config(struct usb *u) {
    PUT(u, 9, 2, LE16(0), 2, 1, 0, 0x80, 250);
    PUT(u, 8, 11, 0, 2, 0x0e, 3, 0, 2);
    PUT(u, 9, 4, 0, 0, 0, 0x0e, 1, 0, 2);
    PUT(u, 13, 0x24, 1, LE16(0x100), LE16(13 + 18 + 9), LE32(48000000), 1, 1);
    PUT(u, 18, 0x24, 2, 1, LE16(0x201), 0, 0, LE16(0), LE16(0), LE16(0), 3, 0, 0, 0);
    PUT(u, 9, 0x24, 3, 2, LE16(0x101), 0, 1, 0);
    PUT(u, 9, 4, 1, 0, 1, 0x0e, 2, 0, 0);
    PUT(u, 14, 0x24, 1, 1, LE16(14 + 11 + 30 * u->films + 6), 0x81, 0, 2, 0, 0, 0, 1, 0);
    PUT(u, 11, 0x24, 6, 1, (uint8_t)u->films, 1, 1, 0, 0, 0, 0);
    for (unsigned i = 0; i < u->films; i++) {
        uint32_t w = u->film[i].width, h = u->film[i].height, interval = 10000000 / u->fps;
        PUT(u, 30, 0x24, 7, (uint8_t)(i + 1), 0, LE16(w), LE16(h), LE32(w * h * u->fps),
            LE32(w * h * 8 * u->fps), LE32(w * h * 2), LE32(interval), 1, LE32(interval));
    }
    PUT(u, 6, 0x24, 0x0d, 1, 1, 4);
    PUT(u, 7, 5, 0x81, 2, LE16(512), 0);
    end_config(u);
}

/* boot: 1 for what a keyboard is before anybody has read its report descriptor. */
static void hid_config(struct usb *u, uint8_t boot, const uint8_t *report, size_t len, unsigned size) {
    u->report = report;
    u->report_len = len;
    PUT(u, 9, 2, LE16(0), 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 3, boot, boot, 0);
    PUT(u, 9, 0x21, LE16(0x111), 0, 1, 0x22, LE16(len), 7, 5, 0x81, 3, LE16(size), 10);
    end_config(u);
}

static void serial_config(struct usb *u) {
    PUT(u, 9, 2, LE16(0), 2, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 2, 2, 1, 0);
    PUT(u, 5, 0x24, 0, LE16(0x110), 5, 0x24, 1, 0, 1, 4, 0x24, 2, 2, 5, 0x24, 6, 0, 1);
    PUT(u, 7, 5, 0x80 | EP_NOTIFY, 3, LE16(8), 10);
    PUT(u, 9, 4, 1, 0, 2, 10, 0, 0, 0, 7, 5, 0x81, 2, LE16(512), 0, 7, 5, 3, 2, LE16(512), 0);
    end_config(u);
}

static int text_descriptor(const struct usb *u, unsigned number, uint8_t *in) {
    if (number == 0) {
        memcpy(in, (const uint8_t[]){4, 3, LE16(0x0409)}, 4);
        return 4;
    }
    const char *text = number == 1 ? "Emulated" : number == 2 ? u->product : u->serial;
    size_t n = strnlen(text, 100);
    in[0] = (uint8_t)(2 + 2 * n);
    in[1] = 3;
    for (size_t i = 0; i < n; i++) {
        in[2 + 2 * i] = (uint8_t)text[i];
        in[3 + 2 * i] = 0;
    }
    return in[0];
}

static int descriptor(const struct usb *u, const uint8_t setup[8], uint8_t *in) {
    if (setup[0] == 0x81) { /* of an interface */
        if (setup[3] != 0x22 || u->report_len == 0)
            return -1;
        memcpy(in, u->report, u->report_len);
        return (int)u->report_len;
    }
    switch (setup[3]) {
    case 1: memcpy(in, u->device, 18); return 18;
    case 2: memcpy(in, u->config, u->config_len); return (int)u->config_len;
    case 3: return text_descriptor(u, setup[2], in);
    case 6: memcpy(in, (const uint8_t[]){10, 6, LE16(0x200), 0, 0, 0, 64, 1, 0}, 10); return 10;
    default: return -1;
    }
}

/* Gives the bytes of the answer, or -1: the device stalls, as real ones do on what they do not know. */
static int control(struct usb *u, const uint8_t setup[8], const uint8_t *out, size_t out_len, uint8_t *in) {
    if ((setup[0] & 0x7f) <= 1 && setup[1] == 6)
        return descriptor(u, setup, in);
    if ((setup[0] & 0x60) == 0x20)
        return u->control(u, setup, out, out_len, in);
    if (setup[0] & 0x80) { /* GET_STATUS, GET_INTERFACE */
        in[0] = in[1] = 0;
        return setup[1] == 0 ? 2 : 1;
    }
    if (setup[0] == 2 && setup[1] == 1) /* CLEAR_FEATURE of the endpoint: so uvcvideo ends a bulk stream */
        u->streaming = 0;
    return 0;
}

/* ---- camera ------------------------------------------------------------------------------------- */

static const struct film *camera_film(const struct usb *u) {
    return &u->film[u->probe[3] - 1];
}

/* Makes the probe one that this camera can do. */
static void camera_settle(struct usb *u) {
    u->probe[2] = 1;
    if (u->probe[3] < 1 || u->probe[3] > u->films)
        u->probe[3] = 1;
    uint32_t area = camera_film(u)->width * camera_film(u)->height;
    memcpy(u->probe + 4, (const uint8_t[]){LE32(10000000 / u->fps)}, 4);
    memcpy(u->probe + 18, (const uint8_t[]){LE32(area * 2)}, 4);
    memcpy(u->probe + 22, (const uint8_t[]){LE32(PAYLOAD)}, 4);
}

static int camera_control(struct usb *u, const uint8_t setup[8], const uint8_t *out, size_t out_len,
                          uint8_t *in) {
    if (setup[4] != 1) /* the control interface has no controls */
        return -1;
    if (setup[0] == 0x21) {
        memcpy(u->probe, out, out_len < PROBE ? out_len : PROBE);
        camera_settle(u);
        if (setup[3] == 2) { /* VS_COMMIT_CONTROL */
            u->streaming = 1;
            u->sent = 0;
            u->due_ns = mono_now();
        }
        return 0;
    }
    switch (setup[1]) {
    case 0x85: memcpy(in, (const uint8_t[]){LE16(PROBE)}, 2); return 2; /* GET_LEN */
    case 0x86: in[0] = 3; return 1;                                     /* GET_INFO */
    case 0x81:
    case 0x82:
    case 0x83:
    case 0x87: memcpy(in, u->probe, PROBE); return PROBE;
    default: return -1;
    }
}

static void camera_pump(struct usb *u) {
    struct waiting w;
    while (u->streaming && mono_now() >= u->due_ns && take(u, EP_IN, &w)) {
        const struct film *f = camera_film(u);
        unsigned i = u->picture % f->pictures;
        size_t left = f->at[i + 1] - f->at[i] - u->sent, room = (w.length < PAYLOAD ? w.length : PAYLOAD) - 2;
        size_t n = left < room ? left : room;
        uint8_t packet[PAYLOAD] = {2, (uint8_t)(0x80 | u->frame_id)};
        memcpy(packet + 2, f->bytes + f->at[i] + u->sent, n);
        u->sent += n;
        if (n == left) { /* the end of a picture */
            packet[1] |= 2;
            u->frame_id ^= 1;
            u->sent = 0;
            u->picture++;
            u->due_ns += 1000000000 / u->fps;
            if (mono_now() - u->due_ns >
                500000000) /* a slow machine: pictures are left out, not sent in a burst */
                u->due_ns = mono_now();
        }
        answer(u, RET_SUBMIT, w.seq, 0, n + 2, packet, n + 2);
    }
}

/* WxH=FILE: a motion JPEG stream as ffmpeg -f mjpeg writes it. In a JPEG's own data FF D8 does not occur. */
static void film_load(struct usb *u, const char *given) {
    if (u->films == MAX_FILMS)
        die("usbemu: too many films");
    struct film *f = &u->film[u->films++];
    int at = 0;
    if (sscanf(given, "%4ux%4u=%n", &f->width, &f->height, &at) != 2 || at == 0)
        die("usbemu: --film WxH=FILE");
    FILE *file = fopen(given + at, "rbe");
    f->bytes = malloc(MAX_FILM_BYTES);
    if (file == NULL || f->bytes == NULL)
        die(given);
    size_t len = fread(f->bytes, 1, MAX_FILM_BYTES, file);
    fclose(file);
    for (size_t i = 0; i + 2 < len && f->pictures < MAX_PICTURES; i++) {
        if (f->bytes[i] == 0xff && f->bytes[i + 1] == 0xd8 && f->bytes[i + 2] == 0xff)
            f->at[f->pictures++] = i;
    }
    f->at[f->pictures] = len;
    if (f->pictures > 1) /* the last may be cut by the limit */
        f->pictures--;
    if (f->pictures == 0)
        die("usbemu: no pictures in the film");
}

/* ---- scanners ----------------------------------------------------------------------------------- */

/* HID usage tables, keyboard page, US layout; 0: not on this keyboard. */
static void key_of(int c, uint8_t report[8]) {
    static const char plain[] = "\n\033\b\t -=[]\\#;'`,./", shifted[] = "\1\1\1\1\1_+{}|~:\"\1<>?";
    const char *p;
    memset(report, 0, 8);
    if (c >= 'a' && c <= 'z') {
        report[2] = (uint8_t)(4 + c - 'a');
    } else if (c >= 'A' && c <= 'Z') {
        report[0] = 2;
        report[2] = (uint8_t)(4 + c - 'A');
    } else if (c >= '1' && c <= '9') {
        report[2] = (uint8_t)(30 + c - '1');
    } else if (c == '0') {
        report[2] = 39;
    } else if (c != 0 && (p = strchr(plain, c)) != NULL) {
        report[2] = (uint8_t)(40 + (p - plain));
    } else if (c > 1 && (p = strchr(shifted, c)) != NULL) {
        report[0] = 2;
        report[2] = (uint8_t)(40 + (p - shifted));
    }
}

static void queue_drop(struct usb *u, size_t n) {
    memmove(u->queue, u->queue + n, u->queue_len - n);
    u->queue_len -= n;
}

/* A keyboard is asked every KEY_NS, which is what its endpoint's interval is for; vhci_hcd asks as fast as it is answered, and
 * the kernel keeps ten keys for a program. */
static void keyboard_pump(struct usb *u) {
    struct waiting w;
    while ((u->queue_len > 0 || !u->released) && mono_now() >= u->due_ns && take(u, EP_IN, &w)) {
        uint8_t report[8] = {0};
        if (u->released) {
            key_of(u->queue[0], report);
            queue_drop(u, 1);
        }
        u->released = !u->released;
        u->due_ns = mono_now() + KEY_NS;
        answer(u, RET_SUBMIT, w.seq, 0, sizeof report, report, sizeof report);
    }
    u->streaming = u->queue_len > 0 || !u->released;
}

static void serial_pump(struct usb *u) {
    struct waiting w;
    while (u->queue_len > 0 && take(u, EP_IN, &w)) {
        size_t n = u->queue_len < w.length ? u->queue_len : w.length;
        answer(u, RET_SUBMIT, w.seq, 0, n, u->queue, n);
        queue_drop(u, n);
    }
}

/* A line of what is to be sent is a code; what does not fit one report goes on in the next. */
static void pos_pump(struct usb *u) {
    struct waiting w;
    const uint8_t *end;
    while ((end = memchr(u->queue, '\n', u->queue_len)) != NULL && take(u, EP_IN, &w)) {
        uint8_t report[64] = {2, 0, ']', 'C', '0'};
        size_t left = (size_t)(end - u->queue), n = left < 56 ? left : 56;
        report[1] = (uint8_t)n;
        memcpy(report + 5, u->queue, n);
        report[61] = 's';
        report[63] = n < left;
        queue_drop(u, n + (n == left));
        answer(u, RET_SUBMIT, w.seq, 0, sizeof report, report, sizeof report);
    }
}

static void com_pump(struct usb *u) {
    struct waiting w;
    while (u->queue_len > 0 && take(u, EP_IN, &w)) {
        uint8_t report[64] = {0};
        size_t n = u->queue_len < 63 ? u->queue_len : 63;
        report[0] = (uint8_t)n;
        memcpy(report + 1, u->queue, n);
        queue_drop(u, n);
        answer(u, RET_SUBMIT, w.seq, 0, sizeof report, report, sizeof report);
    }
}

static int scanner_control(struct usb *u, const uint8_t setup[8], const uint8_t *out, size_t out_len,
                           uint8_t *in) {
    (void)u, (void)out, (void)out_len;
    if (setup[0] == 0xa1 && setup[1] == 0x21) { /* GET_LINE_CODING: 9600 8N1 */
        memcpy(in, (const uint8_t[]){LE32(9600), 0, 0, 8}, 7);
        return 7;
    }
    return setup[0] & 0x80 ? -1 : 0;
}

/* ---- USB/IP ------------------------------------------------------------------------------------- */

static void submit(struct usb *u, const uint32_t head[12]) {
    static uint8_t out[MAX_TRANSFER], in[512];
    uint32_t seq = ntohl(head[1]), to_host = ntohl(head[3]), endpoint = ntohl(head[4]),
             length = ntohl(head[6]);
    size_t out_len = to_host ? 0 : length;
    if (out_len > sizeof out || read_all(u->socket, out, out_len) < 0)
        die("usbemu: request");
    if (endpoint == 0) {
        int n = control(u, (const uint8_t *)&head[10], out, out_len, in);
        if (n < 0)
            answer(u, RET_SUBMIT, seq, -EPIPE, 0, NULL, 0);
        else if (!to_host)
            answer(u, RET_SUBMIT, seq, 0, length, NULL, 0);
        else
            answer(u, RET_SUBMIT, seq, 0, (size_t)n < length ? (size_t)n : length, in,
                   (size_t)n < length ? (size_t)n : length);
    } else if (!to_host) {
        answer(u, RET_SUBMIT, seq, 0, length, NULL, 0);
    } else if (u->waiting_len < MAX_WAITING) {
        u->waiting[u->waiting_len++] = (struct waiting){seq, endpoint, length};
    } else {
        answer(u, RET_SUBMIT, seq, -EPIPE, 0, NULL, 0);
    }
}

static void unlink_request(struct usb *u, const uint32_t head[12]) {
    uint32_t victim = ntohl(head[5]);
    int status = 0; /* answered already */
    for (unsigned i = 0; i < u->waiting_len; i++) {
        if (u->waiting[i].seq != victim)
            continue;
        memmove(u->waiting + i, u->waiting + i + 1, (--u->waiting_len - i) * sizeof *u->waiting);
        status = -ECONNRESET;
        break;
    }
    answer(u, RET_UNLINK, ntohl(head[1]), status, 0, NULL, 0);
}

static void plug_in(struct usb *u) {
    int pair[2], attach = open("/sys/devices/platform/vhci_hcd.0/attach", O_WRONLY | O_CLOEXEC);
    if (attach < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        die("usbemu: vhci_hcd");
    char line[64];
    int n = snprintf(line, sizeof line, "%u %d %u %u", u->port, pair[1], 0x10001 + u->port, u->speed);
    if (write(attach, line, (size_t)n) != n)
        die("usbemu: attach");
    close(attach);
    close(pair[1]);
    u->socket = pair[0];
}

static void serve(struct usb *u) {
    for (int input = 0;;) {
        struct pollfd fds[] = {{.fd = u->socket, .events = POLLIN}, {.fd = input, .events = POLLIN}};
        int64_t left_ns = u->due_ns - mono_now();
        int timeout = !u->streaming || u->waiting_len == 0 ? -1
                      : left_ns < 0                        ? 0
                                                           : (int)(left_ns / 1000000 + 1);
        if (poll(fds, 2, timeout) < 0 && errno != EINTR)
            die("usbemu: poll");
        if (fds[1].revents) {
            ssize_t n = read(input, u->queue + u->queue_len, sizeof u->queue - u->queue_len);
            if (n <= 0)
                input = -1;
            else
                u->queue_len += (size_t)n;
        }
        if (fds[0].revents) {
            uint32_t head[12];
            if (read_all(u->socket, head, sizeof head) < 0)
                return;
            if (ntohl(head[0]) == CMD_SUBMIT)
                submit(u, head);
            else if (ntohl(head[0]) == CMD_UNLINK)
                unlink_request(u, head);
        }
        u->pump(u);
    }
}

int main(int argc, char **argv) {
    static struct usb u = {.serial = "EMU0001", .fps = 10, .speed = 3, .released = 1};
    const char *what = argc > 1 ? argv[1] : "";
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--serial") == 0)
            u.serial = argv[i + 1];
        else if (strcmp(argv[i], "--port") == 0)
            u.port = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--fps") == 0)
            u.fps = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--film") == 0)
            film_load(&u, argv[i + 1]);
    }
    if (strcmp(what, "camera") == 0 && u.films > 0 && u.fps > 0) {
        u.device = camera_device, u.product = "Bench Camera", u.control = camera_control,
        u.pump = camera_pump;
        camera_config(&u);
        camera_settle(&u);
    } else if (strcmp(what, "keyboard") == 0) {
        u.device = keyboard_device, u.product = "Scanner HID", u.control = scanner_control,
        u.pump = keyboard_pump;
        u.speed = 2;
        hid_config(&u, 1, key_report, sizeof key_report, 8);
    } else if (strcmp(what, "pos") == 0 || strcmp(what, "com") == 0) {
        const int pos = what[0] == 'p';
        u.device = pos ? pos_device : com_device, u.product = "Scanner HID POS", u.control = scanner_control,
        u.pump = pos ? pos_pump : com_pump;
        u.speed = 2;
        hid_config(&u, 0, pos ? pos_report : com_report, pos ? sizeof pos_report : sizeof com_report, 64);
    } else if (strcmp(what, "serial") == 0) {
        u.device = serial_device, u.product = "Scanner CDC", u.control = scanner_control,
        u.pump = serial_pump;
        serial_config(&u);
    } else {
        fprintf(stderr,
                "usage: usbemu camera|keyboard|serial|pos|com [--serial S] [--port N] [--fps N] [--film "
                "WxH=FILE.mjpeg]...\n");
        return 2;
    }
    plug_in(&u);
    serve(&u);
    return 0;
}
