/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of the plugged-in devices is meant, and how often a loose plug is told. */
#include "recorder/devices.h"

#include <string.h>

#include "recorder/plug.h"
#include "tests/unit/tap.h"

#define CAM(n, s, p)                                                                                  \
    {                                                                                                 \
        .kind = PS_DEVICES_CAMERA, .node = "/dev/video" n, .model = "Cam " n, .serial = s, .port = p, \
        .usb = "1-" p                                                                                 \
    }

static struct ps_device out;
static struct ps_why why;

static int pick(const struct ps_device *all, size_t n, const char *wanted,
                const struct ps_devices_seen *seen) {
    memset(&out, 0, sizeof out);
    memset(&why, 0, sizeof why);
    return ps_devices_pick(PS_DEVICES_CAMERA, all, n, wanted, seen, &out, &why);
}

static void by_number(void) {
    const struct ps_device before[] = {CAM("0", "A1", "1")},
                           moved[] = {CAM("0", "B2", "2"), CAM("1", "A1", "3")};
    const struct ps_device other[] = {CAM("0", "B2", "1")}, bare[] = {CAM("0", "", "1")};
    struct ps_devices_seen seen = {0}, portly = {0};
    tap_is_int(pick(before, 1, "/dev/video0", &seen), 0, "a number is taken as it is at first");
    ps_devices_remember(&seen, &out);
    tap_ok(seen.known && strcmp(seen.serial, "A1") == 0, "and who was there is remembered");
    tap_is_int(pick(moved, 2, "/dev/video0", &seen), 0, "the numbers were dealt anew");
    tap_is_str(out.node, "/dev/video1", "the same camera is found, by its serial number");
    tap_is_int(pick(other, 1, "/dev/video0", &seen), PS_EGONE,
               "another camera on the same port is not taken for it");
    tap_ok(strstr(why.text, "another camera is there now (Cam 0, serial B2)") != NULL, "which is said: %s",
           why.text);
    tap_is_int(pick(bare, 1, "/dev/video0", &seen), PS_EGONE, "nor is one without a serial number");
    tap_is_int(pick(NULL, 0, "/dev/video0", &seen), 0, "where udev knows nothing a path is a path");
    tap_is_str(out.node, "/dev/video0", "as it was written");
    pick(bare, 1, "/dev/video0", NULL);
    ps_devices_remember(&portly, &out);
    tap_is_int(pick(other, 1, "/dev/video0", &portly), PS_EGONE,
               "without serial number: by port; one with a number is another");
    tap_is_int(pick(bare, 1, "/dev/video0", &portly), 0, "one without is the same");
    tap_is_int(pick(other, 1, "/dev/v4l/by-path/x", &seen), 0,
               "a name that says itself whom it means is left alone");
    tap_is_str(out.node, "/dev/v4l/by-path/x", "whoever is there");
    tap_is_int(pick(other, 1, "/dev/videotape", &seen), 0, "so is what only looks like a number");
}

static void by_words(void) {
    const struct ps_device two[] = {CAM("0", "A1", "1"), CAM("1", "B2", "2")};
    const struct ps_device twins[] = {CAM("0", "A1", "1"), CAM("1", "A1", "2")};
    const struct ps_device nameless[] = {CAM("0", "", "1")};
    const struct ps_devices_seen at_2 = {.known = true, .serial = "A1", .port = "2"};
    const struct ps_devices_seen at_9 = {.known = true, .serial = "A1", .port = "9"};
    tap_is_int(pick(two, 2, "serial=B2", NULL), 0, "by serial number");
    tap_is_str(out.node, "/dev/video1", "that one");
    tap_is_int(pick(two, 2, "serial=b2", NULL), PS_ENOENT, "no other case");
    tap_is_int(pick(nameless, 1, "serial=", NULL), PS_EINVAL, "an empty one is none");
    tap_is_int(pick(two, 2, "port=1", NULL), 0, "by port");
    tap_is_int(pick(two, 2, "port=1-2", NULL), 0, "or the kernel's name of it");
    tap_is_str(out.node, "/dev/video1", "that one");
    tap_is_int(pick(twins, 2, "serial=A1", NULL), PS_EBUSY, "twins are not told apart by a serial number");
    tap_is_int(pick(twins, 2, "serial=A1", &at_2), 0, "but by the port where the one was");
    tap_is_str(out.node, "/dev/video1", "that one");
    tap_is_int(pick(twins, 2, "serial=A1", &at_9), PS_EBUSY, "if one is still there");
    tap_is_int(pick(two, 2, "auto", NULL), PS_EBUSY, "auto with two");
    tap_is_int(pick(two, 1, "auto", NULL), 0, "auto with one");
    tap_is_int(pick(two, 2, "auto", &at_9), 0, "auto, one of which was there before");
    tap_is_str(out.node, "/dev/video0", "that one");
    tap_is_int(pick(two + 1, 1, "auto", &at_9), 0, "auto, and only another is there: that");
    tap_is_int(pick(two, 2, "video0", NULL), PS_EINVAL, "no other words");
}

static void keyboards(void) {
    struct ps_device all[] = {{.kind = PS_DEVICES_KEYS, .node = "/dev/input/event0", .serial = "K"},
                              {.kind = PS_DEVICES_KEYS, .node = "/dev/input/event1", .serial = "S"}};
    int err = ps_devices_pick(PS_DEVICES_KEYS, all, 1, "auto", NULL, &out, &why);
    tap_is_int(err, PS_ENOENT, "somebody's keyboard is never taken by itself");
    all[1].scanner = true;
    err = ps_devices_pick(PS_DEVICES_KEYS, all, 2, "auto", NULL, &out, &why);
    tap_is_int(err, 0, "a scanner of the list is");
    tap_is_str(out.node, "/dev/input/event1", "that one");
    err = ps_devices_pick(PS_DEVICES_KEYS, all, 1, "serial=K", NULL, &out, &why);
    tap_is_int(err, 0, "what is named is taken");
}

static void lines(void) {
    struct ps_plug_told told = {0};
    const int64_t second = 1000000000;
    unsigned said = 0, later = 0, untold = 0;
    tap_ok(!ps_plug_may_say(&told, 1000 * second), "nothing happened: nothing is said");
    for (int i = 0; i < 600; i++) { /* a change each tenth of a second, a minute long */
        told.changes++;
        untold++;
        if (ps_plug_may_say(&told, 1000 * second + i * second / 10)) {
            said++;
            told.changes = untold = 0;
        }
    }
    tap_ok(said >= 14 && said <= 16, "600 changes in a minute are told in %u lines", said);
    tap_is_uint(told.changes, untold, "the others are counted");
    tap_ok(untold > 0 && ps_plug_may_say(&told, 1075 * second), "and how it ended is told, though later");
    for (int i = 0; i < 10; i++)
        later += ps_plug_may_say(&told, 1300 * second + i);
    tap_is_uint(later, 10, "after a quiet time each is told again");
}

int main(void) {
    by_number();
    by_words();
    keyboards();
    lines();
    return tap_done();
}
