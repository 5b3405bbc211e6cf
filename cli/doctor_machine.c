/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an installed station needs of its machine, and time from outside.
 */
#include "archive/tokens.h"
#include "cli/doctor.h"
#include "cli/spawn.h"
#include "cli/user.h"
#include "cli/words.h"
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_HOUR (INT64_C(3600) * 1000000000)
#define TOKEN_OLD_HOURS \
    2 /* the timer stamps every 15 minutes when there is something new, by the hour at least */
#define SYSTEMCTL_MS 5000

/* ---- time from outside */

void ps_doctor_time(struct ps_doctor *d) {
    struct ps_token token;
    struct ps_why why = {0};
    struct timespec now;
    if (!d->configured || d->config.n_authorities == 0) {
        if (d->configured)
            ps_doctor_say(d, "authority", PS_DOCTOR_NOTE,
                          ps_words("see packseal-stamp(1)", "参见 packseal-stamp(1)"), "%s",
                          ps_words("no time-stamp authority is configured: clips have no bound from outside",
                                   "未配置时间戳机构:录像没有外部时间界限"));
        return;
    }
    int rc = ps_tokens_newest(d->root, NULL, NULL, &token, &why);
    if (rc < 0) {
        ps_doctor_say(
            d, "authority", PS_DOCTOR_NOTE, ps_words("run: packseal stamp", "请运行:packseal stamp"), "%s",
            rc == PS_ENOENT ? ps_words("there is no time-stamp token yet", "还没有时间戳") : why.text);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (int64_t)now.tv_sec * 1000000000 - token.time.time_ns, hours = age / NS_PER_HOUR;
    bool old = hours >= TOKEN_OLD_HOURS;
    ps_doctor_say(d, "authority", old ? PS_DOCTOR_NOTE : PS_DOCTOR_OK,
                  old ? ps_words("is the timer running: packseal stamp tells what is wrong",
                                 "请检查定时器;packseal stamp 会说明原因")
                      : NULL,
                  ps_words("the newest token, by %s, is %" PRId64 " hours and %" PRId64 " minutes old",
                           "最新时间戳来自 %s,距今 %" PRId64 " 小时 %" PRId64 " 分"),
                  token.entry.authority, hours, age % NS_PER_HOUR / (NS_PER_HOUR / 60));
    ps_tokens_free(&token);
}

/* ---- groups */

static bool uses(const struct ps_config *c, const char *scheme) {
    bool found = false;
    for (unsigned i = 0; i < c->n_cameras; i++)
        found = found || strncmp(c->cameras[i].source, scheme, strlen(scheme)) == 0;
    for (unsigned i = 0; i < c->n_scanners; i++)
        found = found || strncmp(c->scanners[i].source, scheme, strlen(scheme)) == 0;
    return found;
}

/* Of the recorder's user on an installed machine, where there is one. */
static void check_groups(struct ps_doctor *d) {
    static const struct {
        const char *scheme, *group;
    } needs[] = {{"v4l2:", "video"}, {"evdev:", "input"}, {"serial:", "dialout"}, {"hidraw:", "input"}};
    struct ps_user u;
    bool well = true, any = false;
    if (ps_user_find(&u, PS_USER_RECORDER, NULL) < 0)
        return;
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        const struct group *g = uses(&d->config, needs[i].scheme) ? getgrnam(needs[i].group) : NULL;
        if (g == NULL)
            continue;
        bool member = u.gid == g->gr_gid;
        for (int k = 0; k < u.n_groups; k++)
            member = member || u.groups[k] == g->gr_gid;
        any = true;
        well = well && member;
        if (!member)
            ps_doctor_say(
                d, "groups", PS_DOCTOR_MEND,
                ps_words("add it, and restart the recorder: adduser packseal GROUP",
                         "请加入后重启录像程序:adduser packseal 组名"),
                ps_words("user %s is not in group %s, which %s needs", "用户 %s 不在组 %s 中,而 %s 需要"),
                PS_USER_RECORDER, needs[i].group, needs[i].scheme);
    }
    if (any && well)
        ps_doctor_say(
            d, "groups", PS_DOCTOR_OK, NULL,
            ps_words("user %s may open the configured kinds of devices", "用户 %s 可打开所配置的设备类型"),
            PS_USER_RECORDER);
}

/* ---- udev rules */

static bool rule_there(const char *name) {
    static const char *const places[] = {"/etc/udev/rules.d", "/run/udev/rules.d",
                                         "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
                                         "/lib/udev/rules.d"};
    char path[128];
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", places[i], name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static void check_rules(struct ps_doctor *d) {
    if (!uses(&d->config, "v4l2:") && !uses(&d->config, "evdev:") && !uses(&d->config, "serial:") &&
        !uses(&d->config, "hidraw:"))
        return;
    if (access("/run/udev/control", F_OK) != 0)
        ps_doctor_say(
            d, "udev", PS_DOCTOR_NOTE, NULL, "%s",
            ps_words("udev does not run here: devices are found by path alone, and again by looking",
                     "这里没有运行 udev:只能按路径查找设备,并靠轮询重新发现"));
    else if (!rule_there("65-packseal-scanners.rules") || !rule_there("66-packseal.rules"))
        ps_doctor_say(d, "udev", PS_DOCTOR_NOTE,
                      ps_words("make install puts them there; then: udevadm control --reload",
                               "make install 会安装;然后运行 udevadm control --reload"),
                      "%s", ps_words("the udev rules are not installed", "udev 规则未安装"));
    else
        ps_doctor_say(d, "udev", PS_DOCTOR_OK, NULL, "%s", ps_words("the rules are installed", "规则已安装"));
}

/* ---- units */

/* What systemctl says, at most cap - 1 bytes; false when it cannot be asked. */
static bool ask_systemctl(char *const argv[], char *out, size_t cap) {
    struct ps_why why;
    pid_t pid;
    int fd, status;
    size_t n = 0;
    if (ps_spawn_start("/usr/bin/systemctl", argv, &(struct ps_spawn_how){0}, &pid, &fd, &why) < 0)
        return false;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got = n + 1 < cap && poll(&p, 1, SYSTEMCTL_MS) == 1 ? read(fd, out + n, cap - 1 - n) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    out[n] = '\0';
    close(fd);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return n > 0;
}

/* A block of lines KEY=VALUE a unit, an empty line between. */
static void judge_unit(struct ps_doctor *d, char *block) {
    const char *id = "", *load = "", *active = "", *result = "";
    for (char *line; (line = strsep(&block, "\n")) != NULL;) {
        char *value = strchr(line, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        const char **to = strcmp(line, "Id") == 0            ? &id
                          : strcmp(line, "LoadState") == 0   ? &load
                          : strcmp(line, "ActiveState") == 0 ? &active
                          : strcmp(line, "Result") == 0      ? &result
                                                             : NULL;
        if (to != NULL)
            *to = value;
    }
    if (id[0] == '\0')
        return;
    /* A service that a timer starts is inactive in between. */
    bool waits = strstr(id, ".service") != NULL && strncmp(id, "packseal-recorder", 17) != 0;
    bool well = strcmp(load, "loaded") == 0 &&
                (strcmp(active, "active") == 0 || strcmp(active, "activating") == 0 ||
                 (waits && strcmp(active, "inactive") == 0 && strcmp(result, "success") == 0));
    ps_doctor_say(d, "unit", well ? PS_DOCTOR_OK : PS_DOCTOR_MEND,
                  well ? NULL
                       : ps_words("systemctl status and journalctl -u tell why",
                                  "原因见 systemctl status 和 journalctl -u"),
                  "%s: %s%s%s", id, strcmp(load, "loaded") == 0 ? active : load,
                  strcmp(result, "success") == 0 || result[0] == '\0' ? "" : ", ",
                  strcmp(result, "success") == 0 ? "" : result);
}

static void check_units(struct ps_doctor *d) {
    static const char *const units[] = {"packseal-signer@%s.socket", "packseal-recorder@%s.service",
                                        "packseal-stamp@%s.timer", "packseal-stamp@%s.service",
                                        "packseal-selftest@%s.timer"};
    char env[64], names[sizeof(units) / sizeof(units[0])][64], out[8192];
    char *argv[3 + sizeof(units) / sizeof(units[0]) + 1] = {
        (char[]){"systemctl"}, (char[]){"show"}, (char[]){"--property=Id,LoadState,ActiveState,Result"}};
    snprintf(env, sizeof(env), "/etc/packseal/%s.env", d->config.station_id);
    /* Only where systemd runs, and this station is its own. */
    if (access("/run/systemd/system", F_OK) != 0 || access(env, F_OK) != 0)
        return;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char *at = names[i], *end = at + sizeof(names[i]);
        const char *mark = strstr(units[i], "%s");
        snprintf(at, (size_t)(end - at), "%.*s%s%s", (int)(mark - units[i]), units[i], d->config.station_id,
                 mark + 2);
        argv[3 + i] = names[i];
    }
    if (!ask_systemctl(argv, out, sizeof(out))) {
        ps_doctor_say(d, "unit", PS_DOCTOR_NOTE, NULL, "%s",
                      ps_words("systemctl does not answer", "systemctl 没有回答"));
        return;
    }
    for (char *p = out, *next; p != NULL; p = next) {
        next = strstr(p, "\n\n");
        if (next != NULL) {
            *next = '\0';
            next += 2;
        }
        judge_unit(d, p);
    }
}

void ps_doctor_machine(struct ps_doctor *d) {
    if (!d->configured)
        return;
    check_groups(d);
    check_rules(d);
    check_units(d);
}
