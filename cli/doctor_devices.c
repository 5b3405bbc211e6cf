/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/attached.h"
#include "cli/doctor.h"
#include "cli/words.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* The device file or film of a source, without its options; "" for what is named otherwise. */
static const char *path_of(const char *source, char out[512]) {
    const char *colon = strchr(source, ':'), *path = colon != NULL ? colon + 1 : source;
    snprintf(out, 512, "%s", path[0] == '/' ? path : "");
    if (strncmp(source, "lavf:", 5) != 0)
        out[strcspn(out, "?")] = '\0';
    return out;
}

static void check_path(struct ps_doctor *d, const char *what, const char *name, const char *source) {
    char path[512];
    if (path_of(source, path)[0] != '\0' && access(path, R_OK) != 0)
        ps_doctor_say(d, what, PS_DOCTOR_MEND,
                      errno == EACCES ? ps_words("add this user to its group (video, dialout or input)",
                                                 "请将用户加入设备的组(video、dialout 或 input)")
                                      : ps_words("plug it in, or see: packseal cameras",
                                                 "请插好,或运行 packseal cameras"),
                      "%s %s: %s", name, source, strerrordesc_np(errno));
    else
        ps_doctor_say(d, what, PS_DOCTOR_OK, NULL, "%s %s", name, source);
}

/* What is plugged in for a section, when no recorder tells. */
static void check_plugged(struct ps_doctor *d, const json_t *devices, const char *what, const char *name,
                          const char *source) {
    char section[PS_MAX_NAME + 16];
    snprintf(section, sizeof(section), "%s %s", what, name);
    const json_t *device = ps_attached_of(devices, section);
    const char *problem = text_of(device, "problem"), *holder = text_of(device, "holder");
    if (device == NULL) {
        check_path(d, what, name, source);
        return;
    }
    if (problem[0] != '\0')
        ps_doctor_say(d, what, PS_DOCTOR_MEND, ps_words("see: packseal cameras", "参见:packseal cameras"),
                      "%s %s: %s", name, source, problem);
    else if (holder[0] != '\0')
        ps_doctor_say(d, what, PS_DOCTOR_NOTE, ps_words("close it there", "请在该程序中关闭"),
                      ps_words("%s %s is in use by %s", "%s %s 正被 %s 占用"), name, source, holder);
    else
        ps_doctor_say(d, what, PS_DOCTOR_OK, NULL, "%s %s  %s", name, source, text_of(device, "node"));
}

/* Whatever the recorder sees: a device that may fall asleep, or whose name will be another one's tomorrow. */
static void check_habits(struct ps_doctor *d, const json_t *devices) {
    size_t i;
    json_t *o;
    json_array_foreach(devices, i, o) {
        const char *section = text_of(o, "section");
        if (section[0] != '\0' && strcmp(text_of(o, "power_control"), "auto") == 0)
            ps_doctor_say(
                d, "sleep", PS_DOCTOR_NOTE,
                ps_words("install the udev rules, then plug it in anew", "请安装 udev 规则后重新插拔"),
                ps_words("the kernel may put %s (%s) to sleep", "内核可能使 %s(%s)休眠"), section,
                text_of(o, "usb"));
    }
}

static void check_name(struct ps_doctor *d, const char *what, const char *name, const char *source) {
    static const char *const numbered[] = {"v4l2:/dev/video", "evdev:/dev/input/event", "serial:/dev/ttyACM",
                                           "serial:/dev/ttyUSB", "hidraw:/dev/hidraw"};
    for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++)
        if (strncmp(source, numbered[i], strlen(numbered[i])) == 0)
            ps_doctor_say(
                d, what, PS_DOCTOR_NOTE,
                ps_words("name it by serial= or port=: packseal cameras says how",
                         "请改用 serial= 或 port=,写法见 packseal cameras"),
                ps_words("%s: %s may be another device after a restart", "%s:重启后 %s 可能是另一设备"), name,
                source);
}

void ps_doctor_devices(struct ps_doctor *d) {
    struct ps_why why = {0};
    const struct ps_config *c = &d->config;
    json_t *devices = d->configured ? ps_attached_list(c, &why) : NULL, *o;
    size_t i;
    json_array_foreach(json_object_get(d->status, "cameras"), i, o) {
        bool live = strcmp(text_of(o, "state"), "live") == 0;
        ps_doctor_say(d, "camera", live ? PS_DOCTOR_OK : PS_DOCTOR_MEND,
                      live ? NULL
                           : ps_words("look at plug and cable; it is taken back when it returns",
                                      "请检查插头和线缆;恢复后自动接续"),
                      "%s %s %s%s%s", text_of(o, "name"), text_of(o, "state"), text_of(o, "source"),
                      text_of(o, "why")[0] != '\0' ? ": " : "", text_of(o, "why"));
    }
    for (unsigned k = 0; d->configured && k < c->n_cameras; k++) {
        if (d->status == NULL)
            check_plugged(d, devices, "camera", c->cameras[k].name, c->cameras[k].source);
        check_name(d, "camera", c->cameras[k].name, c->cameras[k].source);
    }
    for (unsigned k = 0; d->configured && k < c->n_scanners; k++) {
        check_plugged(d, devices, "scanner", c->scanners[k].name, c->scanners[k].source);
        check_name(d, "scanner", c->scanners[k].name, c->scanners[k].source);
    }
    for (unsigned k = 0; d->configured && k < c->n_scales; k++) {
        check_plugged(d, devices, "scale", c->scales[k].name, c->scales[k].source);
        check_name(d, "scale", c->scales[k].name, c->scales[k].source);
    }
    check_habits(d, devices);
    json_decref(devices);
}
