/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "cli/args.h"
#include "cli/attached.h"
#include "cli/cameras.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help_en[] =
    "usage: packseal cameras [--json] [--root DIR]\n"
    "\n"
    "Lists the station's cameras and scanners as the recorder sees them; without a running recorder\n"
    "those of packseal.conf; and what else is plugged in: names that stay, USB port and controller,\n"
    "formats with the bandwidth that each needs, who holds it, and which section means it.\n"
    "\n"
    "  --json   one object a device: kind, source, name, state, model, device, ...\n";
static const char help_zh[] =
    "用法:packseal cameras [--json] [--root 文件夹]\n"
    "\n"
    "列出录像程序所见的摄像头和扫描枪;录像程序未运行时列出 packseal.conf 中的设备。另列出其他已插入的设备:\n"
    "固定名称、USB 端口和控制器、各格式所需带宽、占用者,以及对应的配置段。\n"
    "\n"
    "  --json   每行一个设备:kind、source、name、state、model、device……\n";

/* ---- output */

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static const char *state_words(const char *state) {
    static const char *const words[][3] = {{"live", "live", "正常"},
                                           {"opening", "opening", "打开中"},
                                           {"away", "AWAY", "已断开"},
                                           {"configured", "configured", "已配置"},
                                           {"found", "plugged in", "已插入"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(state, words[i][0]) == 0)
            return ps_words(words[i][1], words[i][2]);
    return state;
}

static const char *kind_words(const char *kind) {
    if (strcmp(kind, "scanner") == 0)
        return ps_words("scanner", "扫描枪");
    if (strcmp(kind, "scale") == 0)
        return ps_words("scale", "电子秤");
    if (strcmp(kind, "keyboard") == 0)
        return ps_words("keyboard", "键盘");
    if (strcmp(kind, "serial") == 0)
        return ps_words("serial", "串口");
    if (strcmp(kind, "hid") == 0)
        return ps_words("HID scanner", "HID 扫描枪");
    return ps_words("camera", "摄像头");
}

void ps_cameras_print(const json_t *cameras) {
    size_t i;
    json_t *c;
    json_array_foreach(cameras, i, c) {
        const char *name = text_of(c, "name"), *format = text_of(c, "format");
        ps_words_pad(stdout, kind_words(text_of(c, "kind")), 10);
        ps_words_pad(stdout, name[0] != '\0' ? name : "-", 10);
        ps_words_pad(stdout, state_words(text_of(c, "state")), 12);
        ps_words_pad(stdout, text_of(c, "source"), 0);
        if (text_of(c, "model")[0] != '\0')
            printf("  %s", text_of(c, "model"));
        if (format[0] != '\0')
            printf("  %s @%lld", format, (long long)json_integer_value(json_object_get(c, "fps")));
        if (json_is_integer(json_object_get(c, "captured")))
            printf(ps_words("  captured %lld dropped %lld damaged %lld", "  采集 %lld 丢失 %lld 损坏 %lld"),
                   (long long)json_integer_value(json_object_get(c, "captured")),
                   (long long)json_integer_value(json_object_get(c, "dropped")),
                   (long long)json_integer_value(json_object_get(c, "damaged")));
        if (text_of(c, "why")[0] != '\0')
            printf("  (%s)", text_of(c, "why"));
        putchar('\n');
        if (json_object_get(c, "device") != NULL)
            ps_attached_print(json_object_get(c, "device"));
    }
}

/* ---- gathering */

/* The best words to put behind "source =" for a device that no section means. */
static json_t *source_for(const json_t *devices, const json_t *device, const char *scheme) {
    const char *serial = text_of(device, "serial"), *port = text_of(device, "port");
    unsigned same = 0;
    size_t i;
    json_t *o;
    json_array_foreach(devices, i, o) {
        same += strcmp(text_of(o, "serial"), serial) == 0 &&
                strcmp(text_of(o, "kind"), text_of(device, "kind")) == 0;
    }
    if (serial[0] != '\0' && same == 1)
        return json_sprintf("%sserial=%s", scheme, serial);
    if (port[0] != '\0')
        return json_sprintf("%sport=%s", scheme, port);
    return json_sprintf("%s%s", scheme, text_of(device, "node"));
}

/* The station's cameras: as the recorder sees them, else as configured. */
static json_t *known_cameras(const char *root, const struct ps_config *c) {
    struct ps_why why = {0};
    json_t *request = json_pack("{s:s}", "do", "cameras"), *reply = NULL, *all = NULL;
    int rc = ps_control_ask(root, request, 10, &reply, &why);
    json_decref(request);
    if (rc == 0) {
        all = json_incref(json_object_get(reply, "cameras"));
        json_decref(reply);
        return all;
    }
    all = json_array();
    for (unsigned i = 0; c != NULL && i < c->n_cameras; i++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", c->cameras[i].name, "source",
                                             c->cameras[i].source, "state", "configured"));
    return all;
}

static void add_device(json_t *o, const json_t *devices, const char *kind) {
    char section[PS_MAX_NAME + 16];
    snprintf(section, sizeof(section), "%s %s", kind, text_of(o, "name"));
    json_object_set_new(o, "kind", json_string(kind));
    json_t *device = ps_attached_of(devices, section);
    if (device == NULL)
        return;
    json_object_set(o, "device", device);
    if (text_of(o, "model")[0] == '\0')
        json_object_set(o, "model", json_object_get(device, "model"));
}

/* Devices that no section means. Keyboards are shown too: one of them may be the scanner that is looked for. */
static void add_others(json_t *all, json_t *devices) {
    static const struct {
        const char *kind, *scheme, *as;
    } kinds[] = {{"camera", "v4l2:", "camera"},
                 {"keyboard", "evdev:", "keyboard"},
                 {"serial", "serial:", "serial"},
                 {"hid", "hidraw:", "hid"}};
    size_t i;
    json_t *o;
    json_array_foreach(devices, i, o) {
        if (text_of(o, "section")[0] != '\0')
            continue;
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            if (strcmp(text_of(o, "kind"), kinds[k].kind) == 0)
                json_array_append_new(
                    all, json_pack("{s:s, s:o, s:s, s:s, s:O}", "kind",
                                   json_is_true(json_object_get(o, "scanner")) ? "scanner" : kinds[k].as,
                                   "source", source_for(devices, o, kinds[k].scheme), "state", "found",
                                   "model", text_of(o, "model"), "device", o));
    }
}

static json_t *gather(const char *root) {
    struct ps_why why = {0};
    char path[PS_ROOT_PATH];
    struct ps_config *c = malloc(sizeof(*c));
    int rc = c == NULL ? PS_ENOMEM : ps_root_config(root, path);
    if (rc == 0)
        rc = ps_config_load(c, path, &why);
    if (rc < 0 && rc != PS_ENOENT)
        ps_words_fail(0, why.text, why.where,
                      ps_words("mend it: packseal.conf(5)", "请修正:packseal.conf(5)"));
    const struct ps_config *config = rc == 0 ? c : NULL;
    json_t *all = known_cameras(root, config), *devices = ps_attached_list(config, &why), *o;
    size_t i;
    if (devices == NULL)
        ps_words_fail(0, why.text, why.where, NULL);
    json_array_foreach(all, i, o) {
        add_device(o, devices, "camera");
    }
    for (unsigned k = 0; config != NULL && k < config->n_scanners; k++) {
        o = json_pack("{s:s, s:s, s:s}", "name", c->scanners[k].name, "source", c->scanners[k].source,
                      "state", "configured");
        add_device(o, devices, "scanner");
        json_array_append_new(all, o);
    }
    for (unsigned k = 0; config != NULL && k < config->n_scales; k++) {
        o = json_pack("{s:s, s:s, s:s}", "name", c->scales[k].name, "source", c->scales[k].source, "state",
                      "configured");
        add_device(o, devices, "scale");
        json_array_append_new(all, o);
    }
    if (devices != NULL)
        add_others(all, devices);
    json_decref(devices);
    free(c);
    return all;
}

int ps_cmd_cameras(int argc, char **argv) {
    char root[PS_ROOT_PATH];
    bool json;
    const struct ps_args_spec spec = {"cameras", help_en, help_zh, NULL, 0, 0};
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    json_t *all = gather(root), *c;
    size_t i;
    if (all == NULL)
        return ps_words_fail(1, ps_error_text(PS_ENOMEM), "cameras", NULL);
    json_array_foreach(all, i, c) {
        if (!json)
            continue;
        json_dumpf(c, stdout, JSON_COMPACT);
        putchar('\n');
    }
    if (!json)
        ps_cameras_print(all);
    if (json_array_size(all) == 0)
        ps_words_note("%s", ps_words("no camera is configured and none is plugged in",
                                     "没有配置摄像头,也没有插入摄像头"));
    json_decref(all);
    return 0;
}
