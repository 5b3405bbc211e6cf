/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/scanner.h"
#include "tests/unit/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define MS INT64_C(1000000)

/* ---- lines ---------------------------------------------------------------------------------------- */

/* Feeds bytes; the codes that came out, each followed by '|'. */
static const char *codes_of(struct ps_scanner_line *l, const void *bytes, size_t n) {
    static char out[4096];
    const uint8_t *p = bytes;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (ps_scanner_line_byte(l, p[i])) {
            size_t used = strlen(out);
            snprintf(out + used, sizeof out - used, "%s|", l->text);
        }
    }
    return out;
}

static const char *codes(struct ps_scanner_line *l, const char *text) {
    return codes_of(l, text, strlen(text));
}

static void test_lines(void) {
    struct ps_scanner_line l = {0};
    tap_is_str(codes(&l, "SF1234567890123\r"), "SF1234567890123|", "CR ends a code");
    tap_is_str(codes(&l, "A\nB\n"), "A|B|", "so does LF");
    tap_is_str(codes(&l, "A\r\nB\r\n\r\n\r\n"), "A|B|", "CR LF is one end, empty lines are nothing");
    tap_is_uint(l.dropped, 0, "and nothing was dropped");
    tap_is_str(codes(&l, "JD001-1-1-\r"), "JD001-1-1-|", "signs stay");
    tap_is_str(codes_of(&l,
                        "]C1\x1d"
                        "01\x02\xe5\x0d",
                        9),
               "]C1%1D01%02%E5|", "other bytes are shown in hex");
    tap_is_str(codes_of(&l, "a\0b\n", 4), "a%00b|", "a zero byte too");
    tap_is_str(codes(&l, "100%\n"), "100%|", "a percent sign is printable");
    tap_is_str(codes(&l, "   \r\x01\x02\r"), "", "blanks and control bytes alone are no code");
    tap_is_uint(l.dropped, 2, "but counted");
}

static void test_overlong(void) {
    struct ps_scanner_line l = {0};
    char text[400];
    memset(text, 'x', sizeof text);
    text[PS_MAX_CODE] = '\n';
    tap_is_uint(strlen(codes_of(&l, text, PS_MAX_CODE + 1)), PS_MAX_CODE + 1, "the longest code passes");
    memset(text, 'x', sizeof text);
    text[PS_MAX_CODE + 1] = '\n';
    tap_is_str(codes_of(&l, text, PS_MAX_CODE + 2), "", "one more byte does not");
    tap_is_uint(l.dropped, 1, "and is counted");
    tap_is_str(codes(&l, "NEXT\r"), "NEXT|", "the next code is whole, nothing is glued to it");
    memset(text, 1, sizeof text);
    text[43] = '\n'; /* 43 escapes of three bytes are 129 */
    tap_is_str(codes_of(&l, text, 44), "", "escapes count with their full length");
    memset(text, 'y', 50);
    codes_of(&l, text, 50);
    ps_scanner_line_drop(&l);
    tap_is_str(codes(&l, "Z\r"), "Z|", "a partial code can be forgotten");
    tap_is_uint(l.dropped, 3, "and is counted");
    ps_scanner_line_drop(&l);
    tap_is_uint(l.dropped, 3, "after a whole code there is nothing to forget");
}

/* ---- keys ----------------------------------------------------------------------------------------- */

struct typing {
    struct ps_scanner_keys keys;
    int64_t now_ns;
    int64_t step_ns;
    char out[1024];
    bool manual;
};

static void event(struct typing *t, uint16_t code, int value) {
    if (ps_scanner_keys_event(&t->keys, code, value, t->now_ns)) {
        size_t used = strlen(t->out);
        snprintf(t->out + used, sizeof t->out - used, "%s|", t->keys.line.text);
        t->manual = ps_scanner_keys_manual(&t->keys);
    }
}

static void tap_key(struct typing *t, uint16_t code) {
    t->now_ns += t->step_ns;
    event(t, code, 1);
    event(t, code, 0);
}

static void held(struct typing *t, uint16_t modifier, uint16_t code) {
    event(t, modifier, 1);
    tap_key(t, code);
    event(t, modifier, 0);
}

static struct typing scanner(void) {
    return (struct typing){.now_ns = 5000 * MS, .step_ns = 8 * MS};
}

static void test_keys(void) {
    struct typing t = scanner();
    held(&t, KEY_LEFTSHIFT, KEY_S);
    held(&t, KEY_RIGHTSHIFT, KEY_F);
    tap_key(&t, KEY_1);
    tap_key(&t, KEY_0);
    tap_key(&t, KEY_MINUS);
    held(&t, KEY_LEFTSHIFT, KEY_MINUS);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "SF10-_|", "letters by shift, digits, signs");
    tap_ok(!t.manual, "8 ms apart: a scanner");

    t = scanner();
    for (uint16_t code = KEY_KP7; code <= KEY_KPDOT; code++)
        tap_key(&t, code);
    tap_key(&t, KEY_KPSLASH);
    tap_key(&t, KEY_KPASTERISK);
    tap_key(&t, KEY_KPENTER);
    tap_is_str(t.out, "789-456+1230./*|", "the numpad, and its Enter");

    t = scanner();
    tap_key(&t, KEY_CAPSLOCK);
    tap_key(&t, KEY_Y);
    held(&t, KEY_LEFTSHIFT, KEY_T);
    tap_key(&t, KEY_2);
    tap_key(&t, KEY_CAPSLOCK);
    tap_key(&t, KEY_O);
    tap_key(&t, KEY_TAB);
    tap_is_str(t.out, "Yt2o|", "caps lock turns letters only; Tab ends a code");

    t = scanner();
    event(&t, KEY_A, 1);
    for (int i = 0; i < 20; i++)
        event(&t, KEY_A, 2);
    event(&t, KEY_A, 0);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "a|", "repeats of a held key are not typed");

    t = scanner();
    tap_key(&t, KEY_1);
    held(&t, KEY_LEFTCTRL, KEY_RIGHTBRACE);
    event(&t, KEY_LEFTALT, 1);
    tap_key(&t, KEY_KP0);
    tap_key(&t, KEY_KP2);
    tap_key(&t, KEY_KP9);
    event(&t, KEY_LEFTALT, 0);
    tap_key(&t, KEY_2);
    held(&t, KEY_LEFTCTRL, KEY_M);
    tap_is_str(t.out, "1%1D%1D2|", "GS by Ctrl and by Alt with the numpad; Ctrl and M is Enter");
}

static void test_keys_dropped(void) {
    struct typing t = scanner();
    tap_key(&t, KEY_1);
    tap_key(&t, KEY_2);
    t.now_ns += 213 * MS; /* and the key's own 8 make 221 */
    tap_key(&t, KEY_3);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "", "a pause over 220 ms: the rest of a torn scan is no code");
    tap_ok(t.keys.dropped == 1 && t.keys.torn_n == 1, "and it is counted, once, as torn");
    tap_key(&t, KEY_4);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "4|", "the next is well");
    tap_key(&t, KEY_1);
    t.now_ns += 1213 * MS;
    tap_key(&t, KEY_3);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "4|3|", "what came more than a second before is not glued to it");
    tap_ok(t.keys.dropped == 2 && t.keys.torn_n == 1 && t.keys.long_ago_n == 1, "and is counted as long ago");

    t = scanner();
    tap_key(&t, KEY_1);
    t.now_ns += 212 * MS;
    tap_key(&t, KEY_2);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "12|", "220 ms are still one code");

    t = scanner();
    tap_key(&t, KEY_1);
    tap_key(&t, KEY_F5);
    tap_key(&t, KEY_2);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "", "a key that is no character spoils its code");
    tap_is_uint(t.keys.dropped, 1, "and it is counted");
    tap_key(&t, KEY_3);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "3|", "the next is well");

    t = scanner();
    tap_key(&t, KEY_1);
    event(&t, KEY_LEFTSHIFT, 1);
    ps_scanner_keys_lost(&t.keys, t.now_ns);
    tap_key(&t, KEY_2);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "", "lost events: the rest of a code is none");
    tap_is_uint(t.keys.dropped, 1, "and counted, once");
    tap_key(&t, KEY_3);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "3|", "the next is well, and shift is taken as released");

    t = scanner();
    ps_scanner_keys_lost(&t.keys, t.now_ns);
    t.now_ns += 1213 * MS;
    tap_key(&t, KEY_4);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "4|", "a code whose end was lost ends with a second's pause before the next");
    tap_is_uint(t.keys.dropped, 1, "and is counted");

    t = scanner();
    for (int i = 0; i < PS_MAX_CODE + 10; i++)
        tap_key(&t, KEY_9);
    tap_key(&t, KEY_ENTER);
    tap_key(&t, KEY_7);
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "7|", "too long: dropped");
    tap_is_uint(t.keys.line.dropped, 1, "once");
}

static void test_manual(void) {
    struct typing t = scanner();
    t.step_ns = 150 * MS;
    for (int i = 0; i < 8; i++)
        tap_key(&t, KEY_5);
    tap_key(&t, KEY_ENTER);
    tap_ok(t.manual, "150 ms apart: a person");
    t.out[0] = '\0';
    t.step_ns = 8 * MS;
    t.now_ns += 1000 * MS;
    for (int i = 0; i < 8; i++)
        tap_key(&t, KEY_5);
    t.now_ns += 150 * MS;
    tap_key(&t, KEY_ENTER);
    tap_is_str(t.out, "55555555|", "then a scanner");
    tap_ok(!t.manual, "is one, even when its Enter is late");
}

/* ---- devices -------------------------------------------------------------------------------------- */

static struct ps_config_scanner config_of(const char *name, const char *source) {
    struct ps_config_scanner c = {.share = false};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.source, sizeof c.source, "%s", source);
    return c;
}

static int open_scanner(struct ps_scanner **out, const char *name, const char *source, struct ps_why *why) {
    const struct ps_config_scanner c = config_of(name, source);
    return ps_scanner_open(out, &c, why);
}

static void wait_for(const struct ps_scanner *s) {
    struct pollfd p = {.fd = ps_scanner_fd(s), .events = POLLIN};
    poll(&p, 1, 2000);
}

static void put(int fd, const char *text) {
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        tap_bail("write: %s", strerror(errno));
}

static void test_serial(void) {
    char source[128], slave[64];
    int master, fd;
    struct ps_scanner *s = NULL;
    struct ps_scan scan;
    struct ps_why why = {{0}, {0}};
    if (openpty(&master, &fd, slave, NULL, NULL) != 0) {
        tap_skip("no pseudo-terminal: %s", strerror(errno));
        return;
    }
    snprintf(source, sizeof source, "serial:%s?baud=115200", slave);
    tap_is_int(open_scanner(&s, "main", source, &why), 0, "a pty is a serial line (%s)", why.text);
    close(fd);
    tap_is_int(ps_scanner_read(s, &scan, &why), 0, "nothing yet");
    put(master, "SF1234567890123\r\nYT");
    wait_for(s);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "a code");
    tap_is_str(scan.text, "SF1234567890123", "as it was sent");
    tap_is_str(scan.device, "main", "with its device");
    tap_ok(scan.mono_ns > 0 && !scan.manual, "stamped, not typed by hand");
    tap_is_int(ps_scanner_read(s, &scan, &why), 0, "half a code is none");
    put(master, "9\x03\x04\x11\x13\r");
    wait_for(s);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "its second half");
    tap_is_str(scan.text, "YT9%03%04%11%13", "the line passes control bytes on, ^C and ^S too");
    put(master, "BROKEN");
    wait_for(s);
    ps_scanner_read(s, &scan, &why);
    usleep(600000);
    put(master, "REST\rJD0001\r");
    wait_for(s);
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EFORMAT, "a code that was torn is told (%s)", why.text);
    /* On a machine that is late the pause was longer than a second: then REST is a code, as it has to be. */
    const bool torn = scan.lost == PS_SCAN_TORN;
    tap_ok(torn || scan.lost == PS_SCAN_LONG_AGO, "as torn");
    if (!torn)
        tap_is_int(ps_scanner_read(s, &scan, &why), 1, "REST");
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "the next one comes");
    tap_is_str(scan.text, "JD0001", "alone");
    close(master);
    wait_for(s);
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EGONE, "pulled out");
    tap_is_int(ps_scanner_fd(s), -1, "away");
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EGONE, "still away");
    tap_ok(ps_scanner_reopen(s, &why) < 0, "and not to be opened: %s", why.text);
    ps_scanner_close(s);
}

static void test_stdin(void) {
    int pipes[2], kept = dup(STDIN_FILENO);
    struct ps_scanner *s = NULL;
    struct ps_scan scan;
    struct ps_why why;
    if (pipe(pipes) != 0 || dup2(pipes[0], STDIN_FILENO) != 0)
        tap_bail("pipe: %s", strerror(errno));
    close(pipes[0]);
    tap_is_int(open_scanner(&s, "keys", "stdin:", &why), 0, "standard input");
    tap_is_int(ps_scanner_read(s, &scan, &why), 0, "does not block");
    put(pipes[1], "A1\nB2\nrest");
    close(pipes[1]);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "first line");
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "second line");
    tap_is_str(scan.text, "B2", "in order");
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EGONE, "a line without an end is no code");
    ps_scanner_close(s);
    tap_ok(fcntl(STDIN_FILENO, F_GETFD) >= 0, "standard input is not closed");
    if (kept >= 0) {
        dup2(kept, STDIN_FILENO);
        close(kept);
    }
}

static void put_event(int fd, uint16_t type, uint16_t code, int32_t value, int64_t mono_ns) {
    struct input_event e = {.type = type, .code = code, .value = value};
    e.input_event_sec = mono_ns / 1000000000;
    e.input_event_usec = mono_ns % 1000000000 / 1000;
    if (write(fd, &e, sizeof e) != (ssize_t)sizeof e)
        tap_bail("write: %s", strerror(errno));
}

/* A pipe of events instead of a kernel device: the reading is the same, the ioctls are not asked. */
static void test_evdev(const char *folder) {
    char path[256], source[300];
    struct ps_scanner *s = NULL;
    struct ps_scan scan;
    struct ps_why why = {{0}, {0}};
    snprintf(path, sizeof path, "%s/event0", folder);
    snprintf(source, sizeof source, "evdev:%s?grab=0", path);
    tap_is_int(open_scanner(&s, "gun", source, &why), PS_ENOENT, "not there: %s", why.text);
    if (mkfifo(path, 0600) != 0)
        tap_bail("mkfifo: %s", strerror(errno));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    tap_is_int(open_scanner(&s, "gun", source, &why), 0, "a stream of events (%s)", why.text);
    tap_is_int(ps_scanner_read(s, &scan, &why), 0, "nothing yet");
    put_event(fd, EV_MSC, MSC_SCAN, 30, 1000 * MS);
    put_event(fd, EV_KEY, KEY_4, 1, 1000 * MS);
    put_event(fd, EV_SYN, SYN_REPORT, 0, 1000 * MS);
    put_event(fd, EV_KEY, KEY_4, 0, 1002 * MS);
    put_event(fd, EV_KEY, KEY_2, 1, 1010 * MS);
    put_event(fd, EV_KEY, KEY_ENTER, 1, 1020 * MS);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "keys become a code");
    tap_is_str(scan.text, "42", "the right one");
    tap_is_int(scan.mono_ns, 1020 * MS, "with the event's own time");
    put_event(fd, EV_KEY, KEY_7, 1, 2000 * MS);
    put_event(fd, EV_SYN, SYN_DROPPED, 0, 2001 * MS);
    put_event(fd, EV_KEY, KEY_8, 1, 2002 * MS);
    put_event(fd, EV_SYN, SYN_REPORT, 0, 2003 * MS);
    put_event(fd, EV_KEY, KEY_9, 1, 2004 * MS);
    put_event(fd, EV_KEY, KEY_ENTER, 1, 2005 * MS);
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EFORMAT, "events that the kernel dropped: so is the code");
    tap_is_int(ps_scanner_read(s, &scan, &why), 0, "and what is left of it");
    put_event(fd, EV_KEY, KEY_6, 1, 2010 * MS);
    put_event(fd, EV_KEY, KEY_ENTER, 1, 2015 * MS);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "the next code is read");
    tap_is_str(scan.text, "6", "without what came before it");
    close(fd);
    tap_is_int(ps_scanner_read(s, &scan, &why), PS_EGONE, "gone");
    fd = open(path, O_RDWR | O_CLOEXEC);
    tap_is_int(ps_scanner_reopen(s, &why), 0, "and back");
    put_event(fd, EV_KEY, KEY_6, 1, 3000 * MS);
    put_event(fd, EV_KEY, KEY_KPENTER, 1, 3005 * MS);
    tap_is_int(ps_scanner_read(s, &scan, &why), 1, "it reads again");
    tap_is_str(scan.text, "6", "from its beginning");
    close(fd);
    ps_scanner_close(s);
    unlink(path);
}

static void test_sources(const char *folder) {
    struct ps_scanner *s;
    struct ps_why why;
    char source[300];
    tap_is_int(open_scanner(&s, "x", "bluetooth:1", &why), PS_EINVAL, "unknown kind");
    tap_is_int(open_scanner(&s, "x", "serial:/dev/null?baud=77", &why), PS_EINVAL, "strange speed");
    tap_is_int(open_scanner(&s, "x", "serial:/dev/null?bits=7", &why), PS_EINVAL, "unknown option");
    tap_is_int(open_scanner(&s, "x", "serial:/dev/null", &why), PS_EFORMAT, "no serial line: %s", why.text);
    tap_is_int(open_scanner(&s, "x", "evdev:/dev/null", &why), PS_EFORMAT, "no input device: %s", why.text);
    tap_is_int(open_scanner(&s, "x", "evdev:", &why), PS_EINVAL, "no path");
    snprintf(source, sizeof source, "serial:%s/nothing", folder);
    tap_is_int(open_scanner(&s, "x", source, &why), PS_ENOENT, "not plugged in: %s", why.text);
    ps_scanner_close(NULL);
}

int main(void) {
    char folder[] = "/tmp/packseal-test-XXXXXX";
    if (!mkdtemp(folder))
        tap_bail("mkdtemp: %s", strerror(errno));
    test_lines();
    test_overlong();
    test_keys();
    test_keys_dropped();
    test_manual();
    test_serial();
    test_stdin();
    test_evdev(folder);
    test_sources(folder);
    rmdir(folder);
    return tap_done();
}
