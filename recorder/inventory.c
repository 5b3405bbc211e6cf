/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "recorder/inventory.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/camera.h"
#include "recorder/camera_device.h"
#include "recorder/usb_line.h"

#define OFFERS_MAX 512
#define DESCRIPTORS_MAX 65536

static const char *const kinds[] = {[PS_DEVICES_CAMERA] = "camera",
                                    [PS_DEVICES_KEYS] = "keyboard",
                                    [PS_DEVICES_LINE] = "serial",
                                    [PS_DEVICES_HID] = "hid"};
static const char *const schemes[] = {[PS_DEVICES_CAMERA] = "v4l2:",
                                      [PS_DEVICES_KEYS] = "evdev:",
                                      [PS_DEVICES_LINE] = "serial:",
                                      [PS_DEVICES_HID] = "hidraw:"};
#define KINDS 4

/* ---- the USB line ---- */

static void read_line(const struct ps_device *d, struct ps_usb_line *line) {
    char path[PS_DEVICES_PATH + 16];
    *line = (struct ps_usb_line){0};
    if (d->usb_path[0] == '\0')
        return;
    snprintf(path, sizeof path, "%s/descriptors", d->usb_path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *p = fd >= 0 ? malloc(DESCRIPTORS_MAX) : NULL;
    size_t n = 0;
    for (ssize_t got; p && n < DESCRIPTORS_MAX && (got = read(fd, p + n, DESCRIPTORS_MAX - n)) > 0;)
        n += (size_t)got;
    if (p)
        ps_usb_line_parse(line, p, n, d->mbit);
    free(p);
    if (fd >= 0)
        close(fd);
}

/* Of raw pictures it is their size. Compressed ones are as large as the scene makes them: the camera's own upper bound, or
 * unknown. */
static json_t *need_of(const struct ps_camera_offer *o, const struct ps_usb_line *line) {
    if (o->bits)
        return json_integer((json_int_t)o->step.width * o->step.height * o->bits / 8 * o->step.fps);
    for (unsigned i = 0; i < line->n_frames && strcmp(o->format, "MJPG") == 0; i++)
        if (line->frames[i].width == o->step.width && line->frames[i].height == o->step.height &&
            line->frames[i].bytes > 0)
            return json_integer(line->frames[i].bytes);
    return json_null();
}

/* ---- one device ---- */

static void add_formats(json_t *o, const struct ps_device *d, const struct ps_camera_offer *offers,
                        unsigned n) {
    struct ps_usb_line line;
    json_t *all = json_array();
    read_line(d, &line);
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(all,
                              json_pack("{s:s, s:i, s:i, s:i, s:o, s:s}", "format", offers[i].format, "width",
                                        (int)offers[i].step.width, "height", (int)offers[i].step.height,
                                        "fps", (int)offers[i].step.fps, "needs", need_of(&offers[i], &line),
                                        "basis", offers[i].bits ? "size" : "camera"));
    json_object_set_new(o, "formats", all);
    json_object_set_new(o, "transfer",
                        json_string(line.bulk         ? "bulk"
                                    : line.most_bytes ? "isochronous"
                                                      : ""));
    json_object_set_new(o, "endpoint_gives", json_integer(line.most_bytes));
    json_object_set_new(o, "bus_gives", json_integer((json_int_t)ps_usb_line_gives(d->mbit)));
}

static void look_at_camera(json_t *o, struct ps_device *d) {
    struct ps_camera_info info = {.fps = 0};
    struct ps_camera_offer *offers = calloc(OFFERS_MAX, sizeof *offers);
    char holder[96] = "";
    unsigned n = 0;
    int err = offers ? ps_camera_v4l2_formats_list(d->node, &info, offers, OFFERS_MAX, &n) : PS_ENOMEM;
    if (err == 0) {
        add_formats(o, d, offers, n);
        if (d->model[0] == '\0')
            json_object_set_new(o, "model", json_string(info.model));
        json_object_set_new(o, "driver", json_string(info.driver));
    } else {
        json_object_set_new(
            o, "problem",
            json_string(err == PS_EPERM ? "may not be opened by this user" : ps_error_text(err)));
    }
    ps_camera_device_holder(d->node, holder, sizeof holder);
    json_object_set_new(o, "holder", json_string(holder));
    free(offers);
}

static json_t *entry(struct ps_device *d) {
    char id[16] = "";
    if (d->vendor || d->product)
        snprintf(id, sizeof id, "%04x:%04x", d->vendor, d->product);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:[]}", "kind",
                          kinds[d->kind], "node", d->node, "name", d->name, "model", d->model, "serial",
                          d->serial, "port", d->port, "usb", d->usb, "usb_id", id, "controller",
                          d->controller, "bus", (int)d->bus, "mbit", (int)d->mbit, "power_control",
                          d->suspend, "scanner", d->scanner, "sources");
    if (o && d->kind == PS_DEVICES_CAMERA)
        look_at_camera(o, d);
    return o;
}

/* ---- what the configuration means ---- */

static bool same_node(const char *a, const char *b) {
    char x[PATH_MAX], y[PATH_MAX];
    return strcmp(a, b) == 0 || (realpath(a, x) && realpath(b, y) && strcmp(x, y) == 0);
}

static void add_source(json_t *all, enum ps_devices_kind kind, const char *source) {
    char wanted[512];
    struct ps_device d;
    struct ps_why why = {{0}, {0}};
    size_t i;
    json_t *o;
    snprintf(wanted, sizeof wanted, "%s", source + strlen(schemes[kind]));
    wanted[strcspn(wanted, "?")] = '\0';
    int err = ps_devices_find(kind, wanted, NULL, &d, &why);
    json_array_foreach(all, i, o) {
        const char *node = json_string_value(json_object_get(o, "node"));
        if (err == 0 && node && same_node(node, d.node)) {
            json_array_append_new(json_object_get(o, "sources"), json_string(source));
            return;
        }
    }
    /* A file that plays a camera, a pseudo terminal: there, though udev does not know it. */
    if (err == 0 && access(d.node, F_OK) == 0)
        o = entry(&d);
    else
        o = json_pack("{s:s, s:s, s:[]}", "kind", kinds[kind], "problem",
                      err == 0 ? "no such device: is it plugged in" : why.text, "sources");
    json_array_append_new(json_object_get(o, "sources"), json_string(source));
    json_array_append_new(all, o);
}

int ps_inventory_print(char *const *sources, int n) {
    struct ps_device *found = calloc(PS_DEVICES_MAX, sizeof *found);
    json_t *all = json_array(), *o;
    size_t i;
    for (int kind = 0; found && kind < KINDS; kind++) {
        size_t count = ps_devices_list((enum ps_devices_kind)kind, found, PS_DEVICES_MAX);
        for (size_t k = 0; k < count; k++)
            json_array_append_new(all, entry(&found[k]));
    }
    for (int k = 0; k < n; k++)
        for (int kind = 0; kind < KINDS; kind++)
            if (strncmp(sources[k], schemes[kind], strlen(schemes[kind])) == 0)
                add_source(all, (enum ps_devices_kind)kind, sources[k]);
    json_array_foreach(all, i, o) {
        json_dumpf(o, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    }
    json_decref(all);
    int status = found && fflush(stdout) == 0 ? 0 : 1;
    free(found);
    return status;
}
