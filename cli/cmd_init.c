/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/store.h"
#include "cli/appliance.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal init --station NAME [--id ID] [--camera NAME=SOURCE]... [--scanner NAME=SOURCE]...\n"
    "                     [--operator ID] [--listen ADDRESS:PORT] [--passphrase-file FILE] [--root DIR]\n"
    "                     [--service [--no-start]]\n"
    "\n"
    "Makes a new station: folders, keys and packseal.conf. Prints the keys' fingerprints. Nothing is "
    "overwritten.\n"
    "\n"
    "  --station NAME         name for people; Chinese is fine\n"
    "  --id ID                up to 16 letters, digits and hyphens; part of every clip's name\n"
    "                         (default: NAME where it is one, else ST01)\n"
    "  --camera NAME=SOURCE   v4l2:/dev/video0 or lavf:URL; NAME is [a-z0-9-]\n"
    "  --scanner NAME=SOURCE  serial:/dev/ttyACM0, evdev:/dev/input/event5, hidraw:auto or stdin:\n"
    "  --operator ID          staff number of who is signed in at start\n"
    "  --listen ADDRESS:PORT  where the web pages are; 0.0.0.0:8480 lets other machines in\n"
    "  --passphrase-file FILE the secret keys are put under the passphrase in its first line\n"
    "  --root DIR             where the station lives ($PACKSEAL_ROOT, else /var/lib/packseal)\n"
    "  --service              as root: an installed station, with users of its own, that records after every "
    "boot;\n"
    "                         said again it completes what is missing\n"
    "  --no-start             with --service: from the next boot on\n";
static const char help_zh[] =
    "用法:packseal init --station 名称 [--id 编号] [--camera 名=来源]… [--scanner 名=来源]… [--operator "
    "工号]\n"
    "                   [--listen 地址:端口] [--root 文件夹] [--service [--no-start]]\n"
    "\n"
    "新建工位:文件夹、密钥和 packseal.conf,并显示密钥指纹。不覆盖任何已有内容。\n"
    "\n"
    "  --station 名称       工位名称,可用中文\n"
    "  --id 编号            至多 16 个字母、数字、连字符,用于录像编号(缺省:名称合规时取名称,否则 ST01)\n"
    "  --camera 名=来源     v4l2:/dev/video0 或 lavf:URL;名由 a-z、0-9、- 组成\n"
    "  --scanner 名=来源    serial:/dev/ttyACM0、evdev:/dev/input/event5、hidraw:auto 或 stdin:\n"
    "  --operator 工号      启动时登录的员工\n"
    "  --listen 地址:端口   网页所在;0.0.0.0:8480 允许其他机器访问\n"
    "  --passphrase-file 文件 以其首行为口令加密私钥\n"
    "  --root 文件夹        工位所在($PACKSEAL_ROOT,否则 /var/lib/packseal)\n"
    "  --service            由 root "
    "运行:安装为系统服务,各程序使用独立用户,开机即可录像;再次运行会补齐缺少的部分\n"
    "  --no-start           与 --service 合用:下次开机起生效\n";

struct init {
    const char *station, *id, *operator_id, *listen, *passphrase;
    struct ps_args_list cameras, scanners;
    char root[PS_ROOT_PATH], config[PS_ROOT_PATH];
    struct ps_appliance *service; /* NULL: one user for all */
    int passphrase_fd;            /* for another user, who may not open the file; 0: none */
};

static bool id_ok(const char *s) {
    size_t n = strlen(s);
    return n >= 1 && n <= PS_MAX_STATION_ID &&
           strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == n;
}

/* A film file keeps being found from another working folder. */
static void put_source(struct ps_buf *b, const char *source) {
    char *real = strncmp(source, "lavf:", 5) == 0 ? realpath(source + 5, NULL) : NULL;
    if (real != NULL)
        ps_buf_fmt(b, "source = lavf:%s\n", real);
    else
        ps_buf_fmt(b, "source = %s\n", source);
    free(real);
}

static int put_devices(struct ps_buf *b, const char *kind, const struct ps_args_list *l) {
    for (unsigned i = 0; i < l->n; i++) {
        const char *equals = strchr(l->v[i], '=');
        if (equals == NULL || equals == l->v[i])
            return ps_words_fail(
                2, ps_words("is not NAME=SOURCE", "不是 名=来源 的形式"), l->v[i],
                ps_words("for example: --camera top=v4l2:/dev/video0", "例如:--camera top=v4l2:/dev/video0"));
        if (!ps_bytes_is_text(l->v[i], strlen(l->v[i])) || strstr(l->v[i], " ;") != NULL)
            return ps_words_fail(
                2, ps_words("control characters, or a blank and a semicolon", "含控制字符或“ ;”"), l->v[i],
                ps_words("use another name for the device", "请改用其他设备名"));
        ps_buf_fmt(b, "\n[%s %.*s]\n", kind, (int)(equals - l->v[i]), l->v[i]);
        put_source(b, equals + 1);
    }
    return 0;
}

static int compose(const struct init *in, struct ps_buf *b) {
    ps_buf_text(b,
                "# PackSeal; what each line means: packseal.conf(5). Restart the recorder after a change.\n"
                "\n[station]\n");
    ps_buf_fmt(b, "id = %s\nname = %s\n", in->id, in->station);
    ps_buf_fmt(b,
               "# Four letters or digits of your site, for command barcodes:\n# site = HZ01\n"
               "# Staff number of who is signed in at start:\n%soperator = %s\n",
               in->operator_id != NULL ? "" : "# ", in->operator_id != NULL ? in->operator_id : "0017");
    int status = put_devices(b, "camera", &in->cameras);
    if (status != 0)
        return status;
    if (in->cameras.n == 0)
        ps_buf_text(
            b, "\n# packseal cameras lists what is plugged in.\n# [camera top]\n# source = v4l2:/dev/video0\n"
               "# width = 1280\n# height = 720\n# fps = 30\n");
    status = put_devices(b, "scanner", &in->scanners);
    if (status != 0)
        return status;
    if (in->scanners.n == 0)
        ps_buf_text(b, "\n# [scanner main]\n# source = serial:/dev/ttyACM0\n");
    ps_buf_text(b,
                "\n[recording]\n"
                "# A parcel that is idle for so many seconds ends its clip; 0: never.\nidle_seconds = 300\n"
                "# No clip is longer.\nmax_seconds = 1800\n"
                "# The camera's own picture, besides start and end, every so many seconds; 0: not.\n"
                "originals_every = 60\n"
                "# No new clip with less room on the disk, in MB.\nmin_free_mb = 1024\n"
                "\n[retention]\n# Clips are removed so many days after their end; 0: never.\n# days = 180\n"
                "# Younger ones do not go even when the disk is full.\n# min_days = 30\n"
                "\n[viewer]\n# The web pages. Without listen, packseal run has none; a service listens at "
                "127.0.0.1:8480.\n");
    ps_buf_fmt(b, "%slisten = %s\n", in->listen != NULL ? "" : "# ",
               in->listen != NULL ? in->listen : "127.0.0.1:8480");
    return 0;
}

/* The text as the recorder will read it; and the values as they were given. */
static int check(const struct init *in, const struct ps_buf *b) {
    struct ps_why why = {0};
    struct ps_config *c = malloc(sizeof(*c));
    int rc = c == NULL ? PS_ENOMEM : b->err;
    if (rc == 0)
        rc = ps_config_parse(c, (const char *)b->p, b->n, "packseal.conf", &why);
    /* "name = a ; b" would lose its end. */
    if (rc == 0 && (strcmp(c->station_name, in->station) != 0 ||
                    (in->operator_id != NULL && strcmp(c->operator_id, in->operator_id) != 0)))
        rc = ps_error_why(&why, PS_EINVAL, "packseal.conf",
                          "a name begins or ends with a blank, or holds ' ;'");
    if (rc == 0 && in->listen != NULL && strcmp(c->viewer.listen, in->listen) != 0)
        rc = ps_error_why(&why, PS_EINVAL, "--listen", "is not ADDRESS:PORT");
    free(c);
    if (rc == 0)
        return 0;
    return ps_words_fail(2, why.text[0] != '\0' ? why.text : ps_error_text(rc), why.where,
                         ps_words("see: packseal init --help", "参见:packseal init --help"));
}

static int write_config(const struct init *in, const struct ps_buf *b) {
    struct ps_why why = {0};
    int rc = ps_store_write_file(AT_FDCWD, in->config, b->p, b->n, &why);
    if (rc == PS_EEXIST)
        return ps_words_fail(1, ps_words("there is a station already", "此处已有工位"), in->config,
                             ps_words("choose another --root", "请另选 --root"));
    return rc < 0 ? ps_words_fail(1, why.text, in->config, ps_words("choose another --root", "请另选 --root"))
                  : 0;
}

static int run_signer(const struct init *in) {
    char path[PATH_MAX], dir[PS_ROOT_PATH], ledger[PS_ROOT_PATH], line[1024], text[96];
    char option[] = "--passphrase-file", option_fd[] = "--passphrase-fd", number[16];
    struct ps_spawn_how how = {.keep = in->passphrase_fd,
                               .user = in->service != NULL ? &in->service->signer : NULL};
    struct ps_why why = {0};
    pid_t pid;
    int out, status = 0;
    if (ps_spawn_find("packseal-signer", path, &why) < 0 || ps_root_path(in->root, PS_ROOT_SIGNER, dir) < 0 ||
        ps_root_path(in->root, PS_ROOT_LEDGER, ledger) < 0)
        return ps_words_fail(1, why.text, why.where, ps_words("install packseal again", "请重新安装"));
    char *argv[] = {path,   (char[]){"--init"},    (char[]){"--dir"},         dir,  (char[]){"--ledger"},
                    ledger, (char[]){"--station"}, (char *)(uintptr_t)in->id, NULL, NULL,
                    NULL};
    if (in->passphrase_fd > 0) {
        snprintf(number, sizeof(number), "%d", in->passphrase_fd);
        argv[8] = option_fd;
        argv[9] = number;
    } else if (in->passphrase != NULL) {
        argv[8] = option;
        argv[9] = (char *)(uintptr_t)in->passphrase;
    }
    if (ps_spawn_start(path, argv, &how, &pid, &out, &why) < 0)
        return ps_words_fail(1, why.text, why.where, NULL);
    for (ssize_t n; (n = read(out, line, sizeof(line))) > 0 || (n < 0 && errno == EINTR);)
        if (n > 0)
            fwrite(line, 1, (size_t)n, stdout);
    close(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    ps_spawn_status_text(status, text);
    return status == 0 ? 0
                       : ps_words_fail(1, ps_words("no keys were made", "未能生成密钥"), text,
                                       ps_words("see the line above", "见上一行"));
}

/* ---- an installed station ---- */

/* The signer makes its keys last of all but the public files, so those tell that it came to the end. */
static int make_keys(const struct init *in) {
    char trust[PS_ROOT_PATH], key[PS_ROOT_PATH];
    if (ps_root_path(in->root, PS_ROOT_PUBLIC "/trust", trust) < 0 ||
        ps_root_path(in->root, PS_ROOT_SIGNER "/clip.key", key) < 0)
        return ps_words_fail(2, ps_words("the path is too long", "路径过长"), in->root, NULL);
    if (access(trust, F_OK) == 0) {
        ps_words_note(ps_words("%s: the keys are there, and stay", "%s:密钥已存在,保持不变"), in->root);
        return 0;
    }
    if (access(key, F_OK) == 0)
        return ps_words_fail(
            1, ps_words("an earlier init was cut short while it made keys", "之前的 init 在生成密钥时中断"),
            key,
            ps_words(
                "nothing was signed with them: empty signer/, ledger/ and public/, and say the same again",
                "尚未用其签名:请清空 signer/、ledger/ 和 public/ 后重新运行"));
    return run_signer(in);
}

/* What opens the keys at each start, where only root reads it and systemd hands it over. */
static int keep_passphrase(const struct init *in) {
    char path[PS_ROOT_PATH], line[4096];
    bool kept;
    if (in->passphrase == NULL)
        return 0;
    snprintf(path, sizeof(path), "/etc/credstore/packseal-%s.passphrase", in->id);
    ssize_t n = pread(in->passphrase_fd, line, sizeof(line), 0);
    if (n < 0)
        return ps_words_fail(1, strerrordesc_np(errno), in->passphrase, NULL);
    int status = ps_appliance_file(in->service, path, 0, 0600, line, (size_t)n, &kept);
    explicit_bzero(line, sizeof(line));
    if (status == 0 && kept)
        ps_words_note(ps_words("%s is there, and stays", "%s 已存在,保持不变"), path);
    return status;
}

static int make_service(struct init *in, bool start) {
    struct ps_buf text;
    bool kept = false;
    ps_buf_init(&text, 65536);
    int status = compose(in, &text);
    if (status == 0)
        status = check(in, &text);
    if (status == 0 && in->passphrase != NULL) {
        in->passphrase_fd = open(in->passphrase, O_RDONLY | O_CLOEXEC);
        if (in->passphrase_fd < 0)
            status = ps_words_fail(2, strerrordesc_np(errno), in->passphrase, NULL);
    }
    if (status == 0)
        status = ps_appliance_places(in->service);
    if (status == 0)
        status =
            ps_appliance_file(in->service, in->config, in->service->readers, 0640, text.p, text.n, &kept);
    if (status == 0 && kept)
        ps_words_note(ps_words("%s is there, and stays", "%s 已存在,保持不变"), in->config);
    if (status == 0)
        status = keep_passphrase(in);
    if (status == 0)
        status = make_keys(in);
    if (status == 0 && in->service->there && in->service->made == 0)
        ps_words_note("%s",
                      ps_words("nothing was missing, nothing was changed", "没有缺少的内容,未作任何改动"));
    if (status == 0)
        printf(ps_words("root        %s\nconfigured  %s\n", "所在        %s\n配置        %s\n"), in->root,
               in->config);
    fflush(stdout); /* before the lines of systemctl */
    if (status == 0)
        status = ps_appliance_enable(in->service, start);
    if (in->passphrase_fd > 0)
        close(in->passphrase_fd);
    ps_buf_free(&text);
    return status;
}

static int make(struct init *in) {
    char path[PS_ROOT_PATH];
    struct stat st;
    struct ps_why why = {0};
    struct ps_buf text;
    ps_buf_init(&text, 65536);
    int status = compose(in, &text);
    if (status == 0)
        status = check(in, &text);
    if (status != 0)
        goto out;
    if (lstat(in->config, &st) == 0 ||
        (ps_root_path(in->root, PS_ROOT_SIGNER, path) == 0 && lstat(path, &st) == 0)) {
        status = ps_words_fail(1, ps_words("there is a station already", "此处已有工位"), in->root,
                               ps_words("choose another --root", "请另选 --root"));
        goto out;
    }
    if (ps_store_init(in->root, &why) < 0) {
        status = ps_words_fail(1, why.text, why.where, ps_words("choose another --root", "请另选 --root"));
        goto out;
    }
    status = write_config(in, &text);
    if (status == 0 && (status = run_signer(in)) != 0)
        unlink(in->config); /* ours, made just now; without keys there is no station */
out:
    ps_buf_free(&text);
    return status;
}

int ps_cmd_init(int argc, char **argv) {
    struct init in = {0};
    const char *root = NULL;
    bool service = false, no_start = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root},
                                             {"--station", NULL, PS_ARGS_TEXT, &in.station},
                                             {"--id", NULL, PS_ARGS_TEXT, &in.id},
                                             {"--operator", NULL, PS_ARGS_TEXT, &in.operator_id},
                                             {"--listen", NULL, PS_ARGS_TEXT, &in.listen},
                                             {"--passphrase-file", NULL, PS_ARGS_TEXT, &in.passphrase},
                                             {"--service", NULL, PS_ARGS_FLAG, &service},
                                             {"--no-start", NULL, PS_ARGS_FLAG, &no_start},
                                             {"--camera", NULL, PS_ARGS_LIST, &in.cameras},
                                             {"--scanner", NULL, PS_ARGS_LIST, &in.scanners},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"init", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (in.station == NULL || in.station[0] == '\0')
        return ps_words_fail(2, ps_words("the station has no name", "工位没有名称"), "--station",
                             ps_words("see: packseal init --help", "参见:packseal init --help"));
    if (in.id == NULL)
        in.id = id_ok(in.station) ? in.station : "ST01";
    if (no_start && !service)
        return ps_words_fail(2, ps_words("goes together with --service", "须与 --service 合用"), "--no-start",
                             NULL);
    if (service) {
        struct ps_appliance a;
        if (!id_ok(in.id) || in.id[0] == '-')
            return ps_words_fail(2, ps_words("is no station id", "不是有效的工位编号"), in.id,
                                 ps_words("see: packseal init --help", "参见:packseal init --help"));
        if (!ps_appliance_find(&a, in.id, root))
            return 1;
        in.service = &a;
        snprintf(in.root, sizeof(in.root), "%s", a.root);
        snprintf(in.config, sizeof(in.config), "%s", a.config);
        return make_service(&in, !no_start);
    }
    if (!ps_args_root(root, in.root))
        return 2;
    /* An installed station keeps its configuration in /etc/packseal, where that folder is. */
    bool etc = strcmp(in.root, PS_ROOT_DEFAULT) == 0 && access("/etc/packseal", F_OK) == 0;
    if (etc)
        snprintf(in.config, sizeof(in.config), "/etc/packseal/packseal.conf");
    else if (ps_root_path(in.root, "packseal.conf", in.config) < 0)
        return ps_words_fail(2, ps_words("the path is too long", "路径过长"), in.root, NULL);
    status = make(&in);
    if (status == 0)
        printf(ps_words("root        %s\nnext        packseal run --root %s\n",
                        "所在        %s\n下一步      packseal run --root %s\n"),
               in.root, in.root);
    return status;
}
