/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/attached.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)1 << 20)
#define ANSWER_MS 15000 /* a camera that hangs in its driver must not hang us */

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static long long number_of(const json_t *o, const char *key) {
    return (long long)json_integer_value(json_object_get(o, key));
}

/* ---- asking */

/* All that the child says, NUL-terminated; NULL when it says too much or nothing for too long. */
static char *read_all(int fd) {
    char *p = malloc(ANSWER_MAX + 1);
    size_t n = 0;
    while (p != NULL) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&waiting, 1, ANSWER_MS) == 1 ? read(fd, p + n, ANSWER_MAX - n) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0) {
            p[n] = '\0';
            return p;
        }
        if (got < 0 || (n += (size_t)got) == ANSWER_MAX)
            break;
    }
    free(p);
    return NULL;
}

static json_t *parse(char *text) {
    json_t *all = json_array();
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        json_t *o = *line != '\0' ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (json_is_object(o))
            json_array_append_new(all, o);
        else
            json_decref(o);
    }
    return all;
}

static json_t *ask(char *const *argv, const char *program, struct ps_why *why) {
    const struct ps_spawn_how how = {.own_group = false};
    pid_t pid;
    int out, status;
    if (ps_spawn_start(program, argv, &how, &pid, &out, why) < 0)
        return NULL;
    char *text = read_all(out);
    close(out);
    if (text == NULL)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (text == NULL || status != 0) {
        free(text);
        ps_error_why(why, PS_EIO, program, "does not say what is plugged in");
        return NULL;
    }
    json_t *all = parse(text);
    free(text);
    return all;
}

static void name_section(json_t *devices, const char *kind, const char *name, const char *source) {
    size_t i, k;
    json_t *o, *s;
    json_array_foreach(devices, i, o) {
        json_array_foreach(json_object_get(o, "sources"), k, s) {
            const char *text = json_string_value(s);
            if (text != NULL && strcmp(text, source) == 0)
                json_object_set_new(o, "section", json_sprintf("%s %s", kind, name));
        }
    }
}

json_t *ps_attached_list(const struct ps_config *c, struct ps_why *why) {
    char program[PATH_MAX], first[] = "packseal-recorder", second[] = "--list-devices";
    char *argv[3 + PS_CONFIG_CAMERAS + PS_CONFIG_SCANNERS + PS_CONFIG_SCALES] = {first, second};
    size_t n = 2;
    if (ps_spawn_find("packseal-recorder", program, why) < 0)
        return NULL;
    struct ps_config *copy = c != NULL ? malloc(sizeof(*copy)) : NULL; /* argv wants what may be written to */
    if (copy != NULL) {
        *copy = *c;
        for (unsigned i = 0; i < copy->n_cameras; i++)
            argv[n++] = copy->cameras[i].source;
        for (unsigned i = 0; i < copy->n_scanners; i++)
            argv[n++] = copy->scanners[i].source;
        for (unsigned i = 0; i < copy->n_scales; i++)
            argv[n++] = copy->scales[i].source;
    }
    json_t *all = ask(argv, program, why);
    for (unsigned i = 0; all != NULL && copy != NULL && i < copy->n_cameras; i++)
        name_section(all, "camera", copy->cameras[i].name, copy->cameras[i].source);
    for (unsigned i = 0; all != NULL && copy != NULL && i < copy->n_scanners; i++)
        name_section(all, "scanner", copy->scanners[i].name, copy->scanners[i].source);
    for (unsigned i = 0; all != NULL && copy != NULL && i < copy->n_scales; i++)
        name_section(all, "scale", copy->scales[i].name, copy->scales[i].source);
    free(copy);
    return all;
}

json_t *ps_attached_of(const json_t *devices, const char *section) {
    size_t i;
    json_t *o;
    json_array_foreach(devices, i, o) {
        if (strcmp(text_of(o, "section"), section) == 0)
            return o;
    }
    return NULL;
}

/* ---- for people */

static void line(const char *key, const char *text) {
    if (text[0] == '\0')
        return;
    fputs("          ", stdout);
    ps_words_pad(stdout, key, 14);
    ps_words_pad(stdout, text, 0);
    putchar('\n');
}

static double megabytes(long long bytes) {
    return (double)bytes / 1e6;
}

static void print_formats(const json_t *device) {
    const json_t *formats = json_object_get(device, "formats");
    long long bus = number_of(device, "bus_gives"), endpoint = number_of(device, "endpoint_gives");
    long long gives = endpoint > 0 ? endpoint : bus;
    char text[160];
    size_t i;
    json_t *f;
    json_array_foreach(formats, i, f) {
        json_t *needs = json_object_get(f, "needs");
        int n = snprintf(text, sizeof(text), "%-5.8s %lldx%lld @%lld", text_of(f, "format"),
                         number_of(f, "width"), number_of(f, "height"), number_of(f, "fps"));
        const char *bound = strcmp(text_of(f, "basis"), "camera") == 0 ? "<= " : "";
        if (json_is_integer(needs))
            snprintf(text + n, sizeof(text) - (size_t)n, "  %s%.1f MB/s%s", bound,
                     megabytes(json_integer_value(needs)),
                     gives > 0 && json_integer_value(needs) > gives && *bound == '\0'
                         ? ps_words("  too much for its line", "  超出线路带宽")
                         : "");
        else
            snprintf(text + n, sizeof(text) - (size_t)n, "  %s",
                     ps_words("unknown: as large as the picture makes it", "未知:取决于画面"));
        line(i == 0 ? ps_words("formats", "格式") : "", text);
    }
}

static void print_bus(const json_t *device) {
    long long mbit = number_of(device, "mbit"), bus = number_of(device, "bus_gives"),
              endpoint = number_of(device, "endpoint_gives");
    char text[256];
    if (text_of(device, "usb")[0] == '\0')
        return;
    snprintf(text, sizeof(text), ps_words("%s on bus %lld, controller %s", "%s,总线 %lld,控制器 %s"),
             text_of(device, "usb"), number_of(device, "bus"),
             text_of(device, "controller")[0] != '\0' ? text_of(device, "controller") : "?");
    line("USB", text);
    snprintf(text, sizeof(text), ps_words("%lld Mbit/s", "%lld Mbit/s"), mbit);
    if (bus > 0)
        snprintf(text, sizeof(text),
                 ps_words("%lld Mbit/s: %.1f MB/s for all cameras on this bus",
                          "%lld Mbit/s:该总线上全部摄像头共 %.1f MB/s"),
                 mbit, megabytes(bus));
    line(ps_words("speed", "速度"), text);
    if (endpoint > 0) {
        snprintf(text, sizeof(text), "%.1f MB/s", megabytes(endpoint));
        line(ps_words("takes at most", "最多占用"), text);
    }
    if (strcmp(text_of(device, "power_control"), "auto") == 0)
        line(ps_words("sleep", "休眠"), ps_words("the kernel may put it to sleep: install the udev rules",
                                                 "内核可能使其休眠:请安装 udev 规则"));
}

void ps_attached_print(const json_t *device) {
    const char *name = text_of(device, "name"), *node = text_of(device, "node");
    line(ps_words("node", "设备"), node);
    if (strcmp(name, node) != 0)
        line(ps_words("name", "名称"), name);
    line(ps_words("serial", "序列号"), text_of(device, "serial"));
    line(ps_words("port", "端口"), text_of(device, "port"));
    print_bus(device);
    line(ps_words("in use by", "占用者"), text_of(device, "holder"));
    line(ps_words("configured as", "配置为"), text_of(device, "section"));
    line(ps_words("problem", "问题"), text_of(device, "problem"));
    print_formats(device);
}
