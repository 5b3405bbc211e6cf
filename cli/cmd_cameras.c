/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "cli/args.h"
#include "cli/cameras.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSFS "/sys/class/video4linux"

static const char help_en[] =
    "usage: packseal cameras [--json] [--root DIR]\n"
    "\n"
    "Lists the station's cameras as the recorder sees them; without a running recorder those\n"
    "of packseal.conf, and in any case what else is plugged in.\n"
    "\n"
    "  --json   one object a camera: source, name, state, model, …\n";
static const char help_zh[] =
    "用法:packseal cameras [--json] [--root 文件夹]\n"
    "\n"
    "列出录像程序所见的摄像头;录像程序未运行时列出 packseal.conf 中的摄像头。另列出其他已插入的设备。\n"
    "\n"
    "  --json   每行一个摄像头:source、name、state、model……\n";

/* ---- what the kernel shows */

static bool small_file(int at, const char *path, char *out, size_t cap) {
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' '))
        n--;
    out[n] = '\0';
    return ps_bytes_is_text(out, (size_t)n);
}

static int by_source(const void *a, const void *b) {
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

json_t *ps_cameras_found(void) {
    json_t *all = json_array();
    DIR *d = opendir(SYSFS);
    char *names[64];
    size_t n = 0;
    for (struct dirent *e; d != NULL && n < 64 && (e = readdir(d)) != NULL;)
        if (strncmp(e->d_name, "video", 5) == 0 && (names[n] = strdup(e->d_name)) != NULL)
            n++;
    qsort(names, n, sizeof(names[0]), by_source);
    for (size_t i = 0; i < n; i++) {
        char path[300], text[128], source[300];
        /* The second node of a UVC camera gives descriptions of frames, not frames. */
        snprintf(path, sizeof(path), "%s/index", names[i]);
        if (!small_file(dirfd(d), path, text, sizeof(text)) || strcmp(text, "0") == 0) {
            snprintf(path, sizeof(path), "%s/name", names[i]);
            bool named = small_file(dirfd(d), path, text, sizeof(text));
            snprintf(source, sizeof(source), "v4l2:/dev/%s", names[i]);
            json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "source", source, "state", "found",
                                                 "model", named ? text : ""));
        }
        free(names[i]);
    }
    if (d != NULL)
        closedir(d);
    return all;
}

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

void ps_cameras_print(const json_t *cameras) {
    size_t i;
    json_t *c;
    json_array_foreach(cameras, i, c) {
        const char *name = text_of(c, "name"), *format = text_of(c, "format");
        fputs(ps_words("camera    ", "摄像头  "), stdout);
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
    }
}

/* What is configured, or seen by the recorder. */
static json_t *known(const char *root) {
    struct ps_why why = {0};
    char path[PS_ROOT_PATH];
    json_t *request = json_pack("{s:s}", "do", "cameras"), *reply = NULL, *all = NULL;
    int rc = ps_control_ask(root, request, 10, &reply, &why);
    json_decref(request);
    if (rc == 0) {
        all = json_incref(json_object_get(reply, "cameras"));
        json_decref(reply);
        return all;
    }
    struct ps_config *c = malloc(sizeof(*c));
    all = json_array();
    if (c != NULL && ps_root_config(root, path) == 0) {
        rc = ps_config_load(c, path, &why);
        if (rc < 0 && rc != PS_ENOENT)
            ps_words_fail(0, why.text, why.where,
                          ps_words("mend it: packseal.conf(5)", "请修正:packseal.conf(5)"));
        for (unsigned i = 0; rc == 0 && i < c->n_cameras; i++)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", c->cameras[i].name, "source",
                                                 c->cameras[i].source, "state", "configured"));
    }
    free(c);
    return all;
}

static bool has_source(const json_t *all, const char *source) {
    size_t i, n = strlen(source);
    json_t *c;
    json_array_foreach(all, i, c) {
        const char *s = text_of(c, "source");
        if (strncmp(s, source, n) == 0 && (s[n] == '\0' || s[n] == '?'))
            return true;
    }
    return false;
}

int ps_cmd_cameras(int argc, char **argv) {
    char root[PS_ROOT_PATH];
    bool json;
    const struct ps_args_spec spec = {"cameras", help_en, help_zh, NULL, 0, 0};
    int status = ps_args_parse_plain(&spec, argc, argv, root, &json);
    if (status != PS_ARGS_GO)
        return status;
    json_t *all = known(root), *found = ps_cameras_found(), *c;
    size_t i;
    if (all == NULL || found == NULL) {
        status = ps_words_fail(1, ps_error_text(PS_ENOMEM), "cameras", NULL);
        goto out;
    }
    json_array_foreach(found, i, c) {
        if (!has_source(all, text_of(c, "source")))
            json_array_append(all, c);
    }
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
    status = 0;
out:
    json_decref(all);
    json_decref(found);
    return status;
}
