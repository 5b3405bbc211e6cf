/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two children that last: the recorder must live, the signer is started again when it dies, for recording goes on
 * without it. At the end the recorder goes first, because it needs the signer to seal what is open. `packseal prune` comes
 * and goes, and where somebody outside is configured so does `packseal stamp`.
 */
#include "archive/config.h"
#include "archive/root.h"
#include "archive/store.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RECORDER_END_MS 60000 /* it seals, which may take as long */
#define SIGNER_END_MS 10000
#define SIGNER_READY_MS 30000
#define BACK_OFF_MS 200 /* doubled up to */
#define BACK_OFF_MOST_MS 30000
#define STEADY_MS 60000     /* a signer that lived so long was well */
#define STAMP_FIRST_MS 2000 /* after "ready": the checkpoint is there by then */
#define STAMP_EVERY_MS (15 * 60000)
#define STAMP_LOOK_MS 1000   /* whether somebody wants one */
#define STAMP_AGAIN_MS 60000 /* after one that failed: what it left wanted does not make it run on and on */

#define VIEWER_AGAIN_MS 1000 /* doubled up to BACK_OFF_MOST_MS */

#define PRUNE_FIRST_MS 60000
#define PRUNE_EVERY_MS (10 * 60000)

/* The sanitizers need system calls that the signer's filter refuses; such a build is for tests. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

static const char help_en[] =
    "usage: packseal run [--root DIR] [--scan-stdin] [--unconfined] [--passphrase-file FILE]\n"
    "\n"
    "Runs signer and recorder in the foreground and prints \"ready\" when the station can record. Ctrl-C or "
    "SIGTERM\n"
    "ends the clip, seals it and stops both. Where [time] of packseal.conf names an authority or a witness, "
    "it "
    "runs\n"
    "packseal stamp every 15 minutes and after an export; packseal prune every 10 minutes. Where [viewer] "
    "has listen, "
    "it runs\n"
    "the viewer, and prints its address.\n"
    "\n"
    "  --root DIR     where the station lives ($PACKSEAL_ROOT, else /var/lib/packseal)\n"
    "  --scan-stdin   lines of standard input are scanned codes\n"
    "  --unconfined   let the signer run where the kernel does not let it be confined; doctor tells\n"
    "  --passphrase-file FILE   its first line opens the secret keys; read again when the signer is "
    "restarted\n";
static const char help_zh[] =
    "用法:packseal run [--root 文件夹] [--scan-stdin] [--unconfined] [--passphrase-file 文件]\n"
    "\n"
    "在前台运行签名程序和录像程序,可以录像时显示 \"ready\"。Ctrl-C 或 SIGTERM 会结束并封存当前录像,\n"
    "然后停止二者。packseal.conf 的 [time] 中有时间戳机构或见证方时,每 15 分钟和导出之后运行 packseal "
    "stamp;\n每 10 分钟运行 packseal prune。[viewer] 设置了 listen 时还会运行网页查看程序并打印其地址。\n"
    "\n"
    "  --root 文件夹   工位所在($PACKSEAL_ROOT,否则 /var/lib/packseal)\n"
    "  --scan-stdin    标准输入的每一行视为扫描的条码\n"
    "  --unconfined    内核不支持限制签名程序时仍然运行;doctor 会指出\n"
    "  --passphrase-file 文件   首行为私钥口令;签名程序重启时会再次读取\n";

struct child {
    const char *name;
    char path[PATH_MAX];
    char *argv[16];
    struct ps_spawn_how how;
    pid_t pid;  /* 0: not running */
    int out;    /* -1: closed */
    FILE *to;   /* where what it says goes on to */
    bool ready; /* said so */
    int64_t since_ms;
    char line[4096];
    size_t n;
};

struct run {
    char root[PS_ROOT_PATH], socket[PS_ROOT_PATH], dir[PS_ROOT_PATH], wanted[PS_ROOT_PATH];
    bool scan_stdin, unconfined;
    const char *passphrase; /* its file, or NULL */
    struct child signer, recorder, stamp, prune, viewer;
    int signals;
    int64_t again_ms; /* when to start the signer again; 0: not waiting */
    int64_t back_off_ms;
    bool stamps;              /* there is somebody to ask */
    int64_t stamp_ms;         /* when to ask them regardless; 0: not known yet */
    int64_t stamp_not_before; /* however wanted */
    int64_t prune_ms;         /* when to look what may go; 0: not known yet */
    bool views;               /* [viewer] listen */
    int64_t viewer_ms;        /* when to start it (again) */
    int64_t viewer_wait_ms;   /* after it ended */
    int64_t kill_ms;          /* stopping: when patience ends; 0: not stopping */
    bool stopping, told_ready;
    int status;
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- children */

static int start(struct child *c) {
    struct ps_why why = {0};
    c->ready = false;
    c->n = 0;
    c->since_ms = now_ms();
    if (ps_spawn_start(c->path, c->argv, &c->how, &c->pid, &c->out, &why) == 0)
        return 0;
    c->pid = 0;
    c->out = -1;
    return ps_words_fail(1, why.text, why.where, NULL);
}

/* Lines of a child's standard output; all but its "ready" go on to ours. */
static void relay(struct child *c) {
    ssize_t got = read(c->out, c->line + c->n, sizeof(c->line) - 1 - c->n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got <= 0) {
        close(c->out);
        c->out = -1;
        return;
    }
    c->n += (size_t)got;
    c->line[c->n] = '\0';
    char *from = c->line;
    for (char *end; (end = strchr(from, '\n')) != NULL; from = end + 1) {
        *end = '\0';
        if (strcmp(from, "ready") == 0)
            c->ready = true;
        else
            fprintf(c->to, "%s\n", from);
    }
    c->n -= (size_t)(from - c->line);
    memmove(c->line, from, c->n + 1);
    if (c->n == sizeof(c->line) - 1) { /* no line that long is one of ours */
        fprintf(c->to, "%s\n", c->line);
        c->n = 0;
    }
    fflush(c->to);
}

static void drain(struct child *c) {
    while (c->out >= 0)
        relay(c);
}

static void recorder_gone(struct run *r, int status) {
    char text[96];
    ps_spawn_status_text(status, text);
    if (!r->stopping || status != 0) {
        r->status = 1;
        ps_words_fail(0, ps_words("the recorder ended", "录像程序已退出"), text,
                      ps_words("clips that were open are recovered at the next start: packseal run",
                               "未完成的录像会在下次启动时恢复:packseal run"));
    }
    r->stopping = true;
    r->kill_ms = now_ms() + SIGNER_END_MS;
    if (r->signer.pid > 0)
        kill(r->signer.pid, SIGTERM);
}

static void signer_gone(struct run *r, int status) {
    char text[160], how[96];
    ps_spawn_status_text(status, how);
    if (r->recorder.pid == 0) {
        if (!r->stopping) { /* nothing is recorded yet: no reason to go on without it */
            r->status = ps_words_fail(
                1, ps_words("the signer ended before it was ready", "签名程序未能启动"), how,
                ps_words("see the line above, or: packseal doctor", "见上一行,或运行 packseal doctor"));
            r->stopping = true;
        }
        return;
    }
    int64_t now = now_ms();
    if (now - r->signer.since_ms > STEADY_MS)
        r->back_off_ms = BACK_OFF_MS;
    r->again_ms = now + r->back_off_ms;
    snprintf(text, sizeof(text),
             ps_words("recording goes on; it is started again in %.1f s", "录像继续;%.1f 秒后重新启动"),
             (double)r->back_off_ms / 1000);
    ps_words_fail(0, ps_words("the signer ended", "签名程序已退出"), how, text);
    r->back_off_ms = r->back_off_ms * 2 > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : r->back_off_ms * 2;
}

/* Recording does not depend on it. */
static void viewer_gone(struct run *r, int status) {
    char text[96], how[96];
    if (r->stopping)
        return;
    int64_t now = now_ms();
    if (now - r->viewer.since_ms > STEADY_MS)
        r->viewer_wait_ms = VIEWER_AGAIN_MS;
    r->viewer_ms = now + r->viewer_wait_ms;
    ps_spawn_status_text(status, how);
    snprintf(text, sizeof(text), ps_words("it is started again in %d s", "%d 秒后重新启动"),
             (int)(r->viewer_wait_ms / 1000));
    ps_words_fail(0, ps_words("the viewer ended", "网页查看程序已退出"), how, text);
    r->viewer_wait_ms = r->viewer_wait_ms * 2 > BACK_OFF_MOST_MS ? BACK_OFF_MOST_MS : r->viewer_wait_ms * 2;
}

static void reap(struct run *r) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        struct child *c = pid == r->signer.pid     ? &r->signer
                          : pid == r->recorder.pid ? &r->recorder
                          : pid == r->stamp.pid    ? &r->stamp
                          : pid == r->prune.pid    ? &r->prune
                          : pid == r->viewer.pid   ? &r->viewer
                                                   : NULL;
        if (c == NULL)
            continue;
        drain(c);
        c->pid = 0;
        if (c == &r->signer)
            signer_gone(r, status);
        else if (c == &r->recorder)
            recorder_gone(r, status);
        else if (c == &r->viewer)
            viewer_gone(r, status);
        else if (c == &r->stamp)
            r->stamp_not_before = now_ms() + (status == 0 ? 0 : STAMP_AGAIN_MS);
    }
}

/* ---- times from outside */

/* It says itself what went wrong; recording does not depend on it. */
static void stamp(struct run *r) {
    int64_t now = now_ms();
    if (r->stopping && r->stamp.pid > 0)
        kill(r->stamp.pid, SIGTERM); /* what it writes appears whole or not at all */
    if (!r->stamps || r->stopping || !r->told_ready || r->stamp.pid > 0)
        return;
    if (r->stamp_ms == 0)
        r->stamp_ms = now + STAMP_FIRST_MS;
    if (now < r->stamp_ms && (now < r->stamp_not_before || access(r->wanted, F_OK) != 0))
        return;
    r->stamp_ms = now + STAMP_EVERY_MS;
    if (start(&r->stamp) != 0)
        r->stamp_not_before = now + STAMP_AGAIN_MS;
}

/* Retention. What it was cut off in it finishes the next time. */
static void prune(struct run *r) {
    int64_t now = now_ms();
    if (r->stopping && r->prune.pid > 0)
        kill(r->prune.pid, SIGTERM);
    if (r->stopping || !r->told_ready || r->prune.pid > 0)
        return;
    if (r->prune_ms == 0)
        r->prune_ms = now + PRUNE_FIRST_MS;
    if (now < r->prune_ms)
        return;
    r->prune_ms = now + PRUNE_EVERY_MS;
    (void)start(&r->prune);
}

/* ---- pages */

static void view(struct run *r) {
    if (r->stopping && r->viewer.pid > 0)
        kill(r->viewer.pid, SIGTERM);
    if (!r->views || r->stopping || !r->told_ready || r->viewer.pid > 0 || now_ms() < r->viewer_ms)
        return;
    if (start(&r->viewer) != 0)
        r->viewer_ms = now_ms() + BACK_OFF_MOST_MS;
}

/* ---- the loop */

static void stop(struct run *r) {
    if (r->stopping)
        return;
    r->stopping = true;
    r->kill_ms = now_ms() + (r->recorder.pid > 0 ? RECORDER_END_MS : SIGNER_END_MS);
    if (r->recorder.pid > 0)
        kill(r->recorder.pid, SIGTERM);
    else if (r->signer.pid > 0)
        kill(r->signer.pid, SIGTERM);
}

static void patience(struct run *r) {
    struct child *c = r->recorder.pid > 0 ? &r->recorder
                      : r->signer.pid > 0 ? &r->signer
                      : r->viewer.pid > 0 ? &r->viewer
                      : r->stamp.pid > 0  ? &r->stamp
                                          : &r->prune;
    if (!r->stopping || r->kill_ms == 0 || now_ms() < r->kill_ms || c->pid == 0)
        return;
    ps_words_fail(0, ps_words("does not end", "没有退出"), c->name, ps_words("it is killed", "强制结束"));
    kill(c->pid, SIGKILL);
    r->kill_ms = now_ms() + SIGNER_END_MS;
    r->status = 1;
}

static void proceed(struct run *r) {
    if (r->signer.ready && r->recorder.pid == 0 && !r->stopping && r->recorder.since_ms == 0 &&
        start(&r->recorder)) {
        r->status = 1;
        stop(r);
    }
    if (!r->signer.ready && r->recorder.pid == 0 && r->signer.pid > 0 && !r->stopping &&
        now_ms() - r->signer.since_ms > SIGNER_READY_MS) {
        r->status = ps_words_fail(1, ps_words("the signer does not get ready", "签名程序未就绪"), r->dir,
                                  ps_words("run: packseal doctor", "请运行 packseal doctor"));
        stop(r);
    }
    if (r->recorder.ready && !r->told_ready) {
        r->told_ready = true;
        puts("ready");
        fflush(stdout);
    }
    if (r->again_ms != 0 && now_ms() >= r->again_ms) {
        r->again_ms = 0;
        if (r->recorder.pid > 0 && start(&r->signer) != 0)
            r->again_ms = now_ms() + r->back_off_ms;
    }
    stamp(r);
    prune(r);
    view(r);
    patience(r);
}

static int timeout_ms(const struct run *r) {
    int64_t now = now_ms(), next = now + 60000;
    if (r->again_ms != 0 && r->again_ms < next)
        next = r->again_ms;
    if (r->stopping && r->kill_ms != 0 && r->kill_ms < next)
        next = r->kill_ms;
    if (r->recorder.since_ms == 0 && r->signer.since_ms + SIGNER_READY_MS + 1 < next)
        next = r->signer.since_ms + SIGNER_READY_MS + 1;
    if (r->prune_ms != 0 && r->prune_ms < next)
        next = r->prune_ms > now ? r->prune_ms : now + STAMP_LOOK_MS; /* one runs longer than its time */
    if (r->views && r->told_ready && r->viewer.pid == 0 && r->viewer_ms < next)
        next = r->viewer_ms;
    if (r->stamps && r->told_ready && next > now + STAMP_LOOK_MS)
        next = now + STAMP_LOOK_MS;
    return next <= now ? 0 : (int)(next - now);
}

static void loop(struct run *r) {
    while (!(r->stopping && r->signer.pid == 0 && r->recorder.pid == 0 && r->stamp.pid == 0 &&
             r->prune.pid == 0 && r->viewer.pid == 0)) {
        struct pollfd p[] = {
            {.fd = r->signals, .events = POLLIN},      {.fd = r->signer.out, .events = POLLIN},
            {.fd = r->recorder.out, .events = POLLIN}, {.fd = r->stamp.out, .events = POLLIN},
            {.fd = r->prune.out, .events = POLLIN},    {.fd = r->viewer.out, .events = POLLIN}};
        if (poll(p, 6, timeout_ms(r)) < 0 && errno != EINTR)
            break;
        if (p[1].revents != 0)
            relay(&r->signer);
        if (p[2].revents != 0)
            relay(&r->recorder);
        if (p[3].revents != 0)
            relay(&r->stamp);
        if (p[4].revents != 0)
            relay(&r->prune);
        if (p[5].revents != 0)
            relay(&r->viewer);
        struct signalfd_siginfo s;
        while (read(r->signals, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
            if (s.ssi_signo == SIGCHLD)
                reap(r);
            else
                stop(r);
        }
        proceed(r);
    }
}

/* ---- setting up */

/* A configuration that cannot be read is the recorder's to refuse. */
static void look_at_config(struct run *r) {
    char path[PS_ROOT_PATH];
    struct ps_config *c = malloc(sizeof(*c));
    if (c != NULL && ps_root_config(r->root, path) == 0 && ps_config_load(c, path, NULL) == 0) {
        r->stamps = c->n_authorities + c->n_witnesses > 0;
        r->views = c->viewer.listen_is_set && strcmp(c->viewer.listen, "off") != 0;
    }
    free(c);
}

static int prepare(struct run *r) {
    struct ps_why why = {0};
    if (ps_root_path(r->root, PS_ROOT_SIGNER, r->dir) < 0 ||
        ps_root_path(r->root, PS_ROOT_SIGNER_SOCKET, r->socket) < 0 ||
        ps_root_path(r->root, PS_ROOT_STAMP_WANTED, r->wanted) < 0)
        return ps_words_fail(2, ps_words("the path is too long", "路径过长"), r->root, NULL);
    if (access(r->dir, F_OK) != 0)
        return ps_words_fail(
            1, ps_words("there is no station", "此处没有工位"), r->root,
            ps_words("make one: packseal init --station NAME", "请先新建:packseal init --station 名称"));
    if (ps_store_init(r->root, &why) < 0)
        return ps_words_fail(1, why.text, why.where,
                             ps_words("is this user allowed to write there?", "当前用户可写吗?"));
    if (ps_spawn_find("packseal-signer", r->signer.path, &why) < 0 ||
        ps_spawn_find("packseal-recorder", r->recorder.path, &why) < 0 ||
        ps_spawn_find("packseal", r->stamp.path, &why) < 0 ||
        ps_spawn_find("packseal", r->prune.path, &why) < 0)
        return ps_words_fail(1, why.text, why.where, ps_words("install packseal again", "请重新安装"));
    look_at_config(r);
    if (r->views && ps_spawn_find("packseal-viewer", r->viewer.path, &why) < 0)
        return ps_words_fail(1, why.text, why.where, ps_words("install packseal again", "请重新安装"));
    return 0;
}

static void arguments(struct run *r) {
    static char dir[] = "--dir", sock[] = "--socket", unconfined[] = "--allow-unconfined",
                filter[] = "--no-seccomp", root[] = "--root", input[] = "--scan-stdin",
                pass[] = "--passphrase-file", word[] = "stamp", prune_word[] = "prune";
    char **a = r->signer.argv;
    *a++ = r->signer.path;
    *a++ = dir;
    *a++ = r->dir;
    *a++ = sock;
    *a++ = r->socket;
    if (r->unconfined || SANITIZED) {
        *a++ = unconfined;
        *a++ = filter;
    }
    if (r->passphrase != NULL) {
        *a++ = pass;
        *a++ = (char *)(uintptr_t)r->passphrase;
    }
    *a = NULL;
    a = r->recorder.argv;
    *a++ = r->recorder.path;
    *a++ = root;
    *a++ = r->root;
    if (r->scan_stdin)
        *a++ = input;
    *a = NULL;
    a = r->stamp.argv;
    *a++ = r->stamp.path;
    *a++ = word;
    *a++ = root;
    *a++ = r->root;
    *a = NULL;
    a = r->viewer.argv;
    *a++ = r->viewer.path;
    *a++ = root;
    *a++ = r->root;
    *a = NULL;
    a = r->prune.argv;
    *a++ = r->prune.path;
    *a++ = prune_word;
    *a++ = root;
    *a++ = r->root;
    *a = NULL;
}

/* Held as long as we live, and by the children as long as they do: should we be killed, the next run waits
 * for them. */
static int lock(struct run *r) {
    char path[PS_ROOT_PATH], pid[32];
    if (ps_root_path(r->root, PS_ROOT_RUN "/lock", path) < 0)
        return ps_words_fail(2, ps_words("the path is too long", "路径过长"), r->root, NULL), -1;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return ps_words_fail(1, strerrordesc_np(errno), path,
                             ps_words("is this user allowed to write there?", "当前用户可写吗?")),
               -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        ps_words_fail(1, ps_words("this station runs already", "该工位已在运行"), r->root,
                      ps_words("ask it: packseal status", "查看:packseal status"));
        return -1;
    }
    int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        ps_words_note("%s: %s", path, strerrordesc_np(errno)); /* for people only; the lock counts */
    return fd;
}

static int signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int ps_cmd_run(int argc, char **argv) {
    const char *root = NULL;
    struct run r = {
        .back_off_ms = BACK_OFF_MS,
        .viewer_wait_ms = VIEWER_AGAIN_MS,
        .viewer = {.name = "packseal-viewer", .out = -1, .to = stdout, .how = {.own_group = true}},
        .stamp = {.name = "packseal stamp", .out = -1, .to = stderr, .how = {.own_group = true}},
        .prune = {.name = "packseal prune", .out = -1, .to = stderr, .how = {.own_group = true}},
        .signer = {.name = "packseal-signer", .out = -1, .to = stdout, .how = {.own_group = true}},
        .recorder = {.name = "packseal-recorder", .out = -1, .to = stdout, .how = {.keep_stdin = true}}};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root},
                                             {"--scan-stdin", NULL, PS_ARGS_FLAG, &r.scan_stdin},
                                             {"--unconfined", NULL, PS_ARGS_FLAG, &r.unconfined},
                                             {"--passphrase-file", NULL, PS_ARGS_TEXT, &r.passphrase},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"run", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root, r.root))
        return 2;
    if ((status = prepare(&r)) != 0)
        return status;
    int held = lock(&r);
    if (held < 0)
        return 1;
    r.signer.how.keep = r.recorder.how.keep = held;
    arguments(&r);
    r.signals = signals();
    if (r.signals < 0)
        return ps_words_fail(1, "signalfd", strerrordesc_np(errno), NULL);
    if (start(&r.signer) == 0)
        loop(&r);
    else
        r.status = 1;
    close(r.signals);
    close(held);
    return r.status;
}
