/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/socket.h"
#include "archive/store.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/doctor.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include "evidence/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define SIGNER_MS 3000

static const char help_en[] = "usage: packseal doctor [--json] [--lang en|zh] [--root DIR]\n"
                              "\n"
                              "Looks at the station: folders, configuration, keys, signer, recorder, "
                              "cameras, scanners, disk, owners and modes, font, clock, index.\n"
                              "Exit status 1 when something must be mended.\n"
                              "\n"
                              "  --json   one object a check: check, state (ok, note, mend), text, todo\n";
static const char help_zh[] =
    "用法:packseal doctor [--json] [--lang en|zh] [--root 文件夹]\n"
    "\n"
    "检查工位:文件夹、配置、密钥、签名程序、录像程序、摄像头、扫描枪、磁盘、属主与权限、字体、时钟、索引。\n"
    "有必须处理的问题时返回 1。\n"
    "\n"
    "  --json   每项检查一个对象:check、state(ok、note、mend)、text、todo\n";

/* ---- folders, configuration, keys */

static void check_root(struct ps_doctor *d) {
    static const char *const folders[] = {PS_ROOT_CLIPS, PS_ROOT_PART, PS_ROOT_PUBLIC, PS_ROOT_LEDGER,
                                          PS_ROOT_SIGNER};
    char path[PS_ROOT_PATH];
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (ps_root_path(d->root, folders[i], path) < 0 || access(path, F_OK) != 0) {
            ps_doctor_say(d, "root", PS_DOCTOR_MEND,
                          ps_words("make a station: packseal init", "请新建工位:packseal init"),
                          ps_words("%s is not there", "缺少 %s"), path);
            return;
        }
    d->station = true;
    ps_doctor_say(d, "root", PS_DOCTOR_OK, NULL, "%s", d->root);
}

static void check_config(struct ps_doctor *d) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    int rc = ps_root_config(d->root, path);
    if (rc == 0)
        rc = ps_config_load(&d->config, path, &why);
    d->configured = rc == 0;
    if (rc < 0)
        ps_doctor_say(d, "configuration", PS_DOCTOR_MEND,
                      ps_words("see packseal.conf(5)", "参见 packseal.conf(5)"), "%s: %s", why.where,
                      why.text);
    else if (d->config.n_cameras == 0)
        ps_doctor_say(d, "configuration", PS_DOCTOR_MEND,
                      ps_words("see: packseal cameras", "参见:packseal cameras"),
                      ps_words("%s names no camera", "%s 没有配置摄像头"), path);
    else
        ps_doctor_say(
            d, "configuration", PS_DOCTOR_OK, NULL,
            ps_words("station %s (%s), %u cameras, %u scanners", "工位 %s(%s),%u 个摄像头,%u 把扫描枪"),
            d->config.station_id, d->config.station_name, d->config.n_cameras, d->config.n_scanners);
}

static bool secret_file(struct ps_doctor *d, int dir, const char *name) {
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        ps_doctor_say(d, "keys", PS_DOCTOR_MEND, ps_words("restore it from your backup", "请从备份恢复"),
                      ps_words("signer/%s: %s", "signer/%s:%s"), name, strerrordesc_np(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        ps_doctor_say(
            d, "keys", PS_DOCTOR_MEND,
            ps_words("make it readable by the signer alone: chmod 600", "只应由签名程序读取:chmod 600"),
            ps_words("signer/%s has mode %04o", "signer/%s 的权限为 %04o"), name, st.st_mode & 07777u);
        return false;
    }
    return true;
}

static void check_keys(struct ps_doctor *d) {
    char path[PS_ROOT_PATH], id[17];
    struct ps_why why = {0};
    struct ps_pubkey key;
    uint8_t *text = NULL;
    size_t n = 0;
    ps_root_path(d->root, PS_ROOT_PUBLIC "/clip.pub", path);
    int rc = ps_store_read_file(AT_FDCWD, path, PS_MAX_MINISIG, &text, &n, &why);
    if (rc == 0)
        rc = ps_minisign_pubkey_parse(&key, text, n);
    free(text);
    if (rc < 0) {
        ps_doctor_say(d, "keys", PS_DOCTOR_MEND, ps_words("restore it from your backup", "请从备份恢复"),
                      "%s: %s", path, why.text[0] != '\0' ? why.text : ps_error_text(rc));
        return;
    }
    ps_minisign_id_text(key.id, id);
    ps_root_path(d->root, PS_ROOT_SIGNER, path);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (dir < 0 && errno == EACCES) {
        ps_doctor_say(
            d, "keys", PS_DOCTOR_OK, NULL,
            ps_words("clip key %s; secret keys are out of this user's sight", "公钥 %s;私钥对当前用户不可见"),
            id);
        return;
    }
    bool good = dir >= 0 && fstat(dir, &st) == 0;
    if (good && (st.st_mode & 077) != 0) {
        ps_doctor_say(d, "keys", PS_DOCTOR_MEND,
                      ps_words("make it the signer's alone: chmod 700", "只应由签名程序进入:chmod 700"),
                      ps_words("%s has mode %04o", "%s 的权限为 %04o"), path, st.st_mode & 07777u);
        good = false;
    }
    good = good && secret_file(d, dir, "clip.key") && secret_file(d, dir, "ledger.key");
    if (dir >= 0)
        close(dir);
    if (good)
        ps_doctor_say(d, "keys", PS_DOCTOR_OK, NULL,
                      ps_words("clip key %s; secret keys have the right mode", "公钥 %s;私钥权限正确"), id);
}

/* ---- signer */

static int ask_signer(const char *root, struct ps_wire_status *s, struct ps_why *why) {
    uint8_t reply[PS_MAX_WIRE];
    const uint8_t *body;
    size_t body_n;
    int fd = ps_socket_connect(root, PS_ROOT_SIGNER_SOCKET, SOCK_SEQPACKET, why);
    if (fd < 0)
        return fd;
    struct ps_buf b;
    ps_buf_init(&b, PS_MAX_WIRE);
    ps_wire_put_simple(&b, PS_WIRE_STATUS);
    int rc = b.err;
    if (rc == 0 && send(fd, b.p, b.n, MSG_NOSIGNAL) != (ssize_t)b.n)
        rc = ps_error_why(why, PS_EGONE, PS_ROOT_SIGNER_SOCKET, "%s", strerrordesc_np(errno));
    ps_buf_free(&b);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = rc == 0 && poll(&p, 1, SIGNER_MS) == 1 ? recv(fd, reply, sizeof(reply), 0) : -1;
    close(fd);
    if (rc < 0)
        return rc;
    if (n <= 0)
        return ps_error_why(why, PS_ETIME, PS_ROOT_SIGNER_SOCKET, "no answer");
    int word = ps_wire_word(reply, (size_t)n, &body, &body_n);
    struct ps_wire_refused no;
    if (word == PS_WIRE_REFUSED && ps_wire_get_refused(body, body_n, &no) == 0)
        return ps_error_why(why, PS_EPERM, "signer", "%s", no.text);
    if (word != PS_WIRE_STATUS_IS || ps_wire_get_status_is(body, body_n, s) < 0)
        return ps_error_why(why, PS_EFORMAT, "signer", "the answer is not understood");
    return 0;
}

static void check_confined(struct ps_doctor *d, const struct ps_wire_status *s) {
    static const char *const names[][2] = {{"no_new_privs", "no_new_privs"},
                                           {"resource limits", "资源限制"},
                                           {"system call filter", "系统调用过滤"},
                                           {"locked memory", "内存锁定"}};
    struct ps_buf b;
    ps_buf_init(&b, 512);
    for (unsigned i = 0; i < 4; i++)
        if ((s->confined & 1u << i) == 0)
            ps_buf_fmt(&b, "%s%s", b.n > 0 ? ", " : "", ps_words(names[i][0], names[i][1]));
    bool whole = b.n == 0;
    ps_buf_u8(&b, 0);
    if (!whole && b.err == 0)
        ps_doctor_say(d, "confinement", PS_DOCTOR_MEND,
                      ps_words("run it without --unconfined; raise the memlock limit",
                               "请勿使用 --unconfined;提高 memlock 限制"),
                      ps_words("the signer runs without: %s", "签名程序缺少:%s"), (const char *)b.p);
    else if ((s->confined & 16) == 0)
        ps_doctor_say(d, "confinement", PS_DOCTOR_NOTE,
                      ps_words("an installed station has a user for it", "安装版使用独立用户"), "%s",
                      ps_words("the signer is confined, but unseparated: it runs as the recorder's user",
                               "签名程序已受限,但未分离:与录像程序同一用户"));
    else
        ps_doctor_say(
            d, "confinement", PS_DOCTOR_OK, NULL, "%s",
            ps_words("the signer is confined, as a user of its own", "签名程序已受限并使用独立用户"));
    ps_buf_free(&b);
}

static void check_signer(struct ps_doctor *d) {
    struct ps_wire_status s;
    struct ps_why why = {0};
    int rc = ask_signer(d->root, &s, &why);
    if (rc == PS_ENOENT && d->status == NULL) {
        ps_doctor_say(d, "signer", PS_DOCTOR_NOTE, ps_words("start it: packseal run", "请启动:packseal run"),
                      "%s", ps_words("is not running", "没有运行"));
        return;
    }
    if (rc < 0) {
        ps_doctor_say(d, "signer", rc == PS_EPERM ? PS_DOCTOR_NOTE : PS_DOCTOR_MEND,
                      rc == PS_EPERM ? ps_words("ask as the recorder's user", "请用录像程序的用户运行")
                                     : ps_words("start it again; clips are sealed late meanwhile",
                                                "请重新启动;其间录像稍后封存"),
                      "%s: %s", why.where, why.text);
        return;
    }
    if (d->configured && strcmp(s.station, d->config.station_id) != 0)
        ps_doctor_say(
            d, "signer", PS_DOCTOR_MEND,
            ps_words("set [station] id to what its keys were made for",
                     "请将 [station] id 改为建立密钥时的编号"),
            ps_words("signs for station %s, packseal.conf says %s", "签名工位为 %s,packseal.conf 为 %s"),
            s.station, d->config.station_id);
    else
        ps_doctor_say(d, "signer", PS_DOCTOR_OK, NULL,
                      ps_words("station %s, %" PRIu64 " ledger entries", "工位 %s,账本 %" PRIu64 " 条"),
                      s.station, s.leaves);
    check_confined(d, &s);
}

/* ---- recorder and devices */

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

static void check_recorder(struct ps_doctor *d) {
    size_t i;
    json_t *v;
    if (d->status == NULL) {
        ps_doctor_say(d, "recorder", PS_DOCTOR_NOTE,
                      ps_words("start it: packseal run", "请启动:packseal run"), "%s",
                      ps_words("is not running", "没有运行"));
        return;
    }
    const char *state = text_of(d->status, "state");
    bool faulted = strcmp(state, "faulted") == 0;
    ps_doctor_say(d, "recorder", faulted ? PS_DOCTOR_MEND : PS_DOCTOR_OK,
                  faulted ? ps_words("see the alarms", "参见告警") : NULL, "%s", state);
    json_array_foreach(json_object_get(d->status, "alarms"), i, v) {
        const char *text = json_is_string(v) ? json_string_value(v) : "";
        /* The clock has a check of its own; a station without network is a station all the same. */
        ps_doctor_say(d, "alarm", strncmp(text, "clock-", 6) == 0 ? PS_DOCTOR_NOTE : PS_DOCTOR_MEND, NULL,
                      "%s", text);
    }
}

/* ---- font, clock */

static void check_font(struct ps_doctor *d) {
    static const char *const known[] = {"/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
                                        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
                                        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"};
    if (d->configured && d->config.font[0] != '\0') {
        if (access(d->config.font, R_OK) == 0)
            ps_doctor_say(d, "font", PS_DOCTOR_OK, NULL, "%s", d->config.font);
        else
            ps_doctor_say(d, "font", PS_DOCTOR_MEND,
                          ps_words("mend font in packseal.conf", "请修正 packseal.conf 的 font"), "%s: %s",
                          d->config.font, strerrordesc_np(errno));
        return;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (access(known[i], R_OK) == 0) {
            ps_doctor_say(d, "font", PS_DOCTOR_OK, NULL, "%s", known[i]);
            return;
        }
    ps_doctor_say(d, "font", PS_DOCTOR_MEND, ps_words("install fonts-wqy-zenhei", "请安装 fonts-wqy-zenhei"),
                  "%s", ps_words("no font with Chinese characters was found", "没有找到中文字体"));
}

static void check_clock(struct ps_doctor *d) {
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);
    if (state < 0 || state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
        ps_doctor_say(d, "clock", PS_DOCTOR_NOTE,
                      ps_words("enable NTP: timedatectl set-ntp true", "请启用 NTP:timedatectl set-ntp true"),
                      "%s",
                      ps_words("the kernel says that it is not synchronised; statements say so too",
                               "内核报告未同步;声明中也会如此记载"));
    else
        ps_doctor_say(d, "clock", PS_DOCTOR_OK, NULL,
                      ps_words("synchronised, error at most %ld ms", "已同步,误差不超过 %ld 毫秒"),
                      t.maxerror / 1000);
}

int ps_cmd_doctor(int argc, char **argv) {
    const char *root_arg = NULL;
    struct ps_doctor *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ps_words_fail(1, ps_error_text(PS_ENOMEM), "doctor", NULL);
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &d->json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"doctor", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        goto out;
    status = 2;
    if (!ps_args_root(root_arg, d->root))
        goto out;
    struct ps_why why = {0};
    json_t *request = json_pack("{s:s}", "do", "status");
    if (ps_control_ask(d->root, request, 10, &d->status, &why) < 0)
        d->status = NULL;
    json_decref(request);
    check_root(d);
    if (d->station) {
        check_config(d);
        check_keys(d);
        check_signer(d);
        check_recorder(d);
        ps_doctor_devices(d);
        ps_doctor_disk(d);
        ps_doctor_places(d);
        ps_doctor_time(d);
        ps_doctor_machine(d);
    }
    check_font(d);
    check_clock(d);
    status = d->mend > 0 ? 1 : 0;
    json_decref(d->status);
out:
    free(d);
    return status;
}
