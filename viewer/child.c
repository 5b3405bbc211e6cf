/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 200
#define ENV_MAX 8

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if !defined(SANITIZED) && (defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__))
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int ps_child_find(const char *name, char out[PATH_MAX], struct ps_why *why) {
    static const char *const places[] = {"", "../../bin/", "../libexec/packseal/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return ps_error_why(why, PS_EIO, "/proc/self/exe", "%s", strerrordesc_np(errno));
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int len = snprintf(out, PATH_MAX, "%s%s%s", self, places[i], name);
        if (len > 0 && len < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    }
    return ps_error_why(why, PS_ENOENT, name, "is neither beside packseal-viewer nor in ../../bin");
}

static int64_t now_ms(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void limit(int what, uint64_t value) {
    struct rlimit r = {.rlim_cur = value, .rlim_max = value};

    if (value)
        setrlimit(what, &r);
}

/* A child's environment: language and path, nothing of ours; but a sanitizer's child is told what the tests tell us. */
static void environment(char *env[ENV_MAX], bool chinese) {
    static const char *const kept[] = {"ASAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS=", "UBSAN_OPTIONS="};
    static char path[] = "PATH=/usr/bin:/bin", en[] = "LANG=C.UTF-8", zh[] = "LANG=zh_CN.UTF-8";
    size_t n = 0;

    env[n++] = path;
    env[n++] = chinese ? zh : en;
    for (size_t k = 0; SANITIZED && k < sizeof(kept) / sizeof(kept[0]); k++)
        for (char **e = environ; *e; e++)
            if (strncmp(*e, kept[k], strlen(kept[k])) == 0 && n < ENV_MAX - 1) {
                env[n++] = *e;
                break;
            }
    env[n] = NULL;
}

/* In the child: nothing here that is unsafe after a fork of a process with threads. Descriptors 0 to 3 are set one by one, and all
 * others are closed. */
static _Noreturn void become(const char *path, const struct ps_child_ask *ask, char *const *env, pid_t parent,
                             int out, int err) {
    sigset_t none;

    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    limit(RLIMIT_CPU, ask->cpu_seconds);
    limit(RLIMIT_AS, SANITIZED ? 0 : ask->memory); /* a sanitizer's shadow is larger than any bound */
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0 ||
        dup2(null, STDIN_FILENO) < 0)
        _exit(127);
    if (ask->keep >= 0 &&
        (ask->keep == PS_CHILD_KEEP ? fcntl(PS_CHILD_KEEP, F_SETFD, 0) : dup2(ask->keep, PS_CHILD_KEEP)) < 0)
        _exit(127);
    if (null > PS_CHILD_KEEP)
        close(null);
    /* A library's socket of another thread may be open without O_CLOEXEC just now. */
    (void)close_range(ask->keep >= 0 ? PS_CHILD_KEEP + 1 : PS_CHILD_KEEP, ~0U, 0);
    /* execve's older signature; it writes to neither list. */
    execve(path, (char *const *)(uintptr_t)ask->argv, env);
    _exit(127);
}

/* A pipe whose ends lie above the numbers that the child sets. */
static int make_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        int high = fcntl(ends[i], F_DUPFD_CLOEXEC, PS_CHILD_KEEP + 1);
        close(ends[i]);
        if (high < 0) {
            close(ends[1 - i]);
            return -1;
        }
        ends[i] = high;
    }
    return 0;
}

static int start(const char *path, const struct ps_child_ask *ask, pid_t *pid, int *out, int *err) {
    char *env[ENV_MAX];
    int o[2], e[2];

    environment(env, ask->chinese);
    if (make_pipe(o) != 0)
        return -1;
    if (make_pipe(e) != 0) {
        close(o[0]);
        close(o[1]);
        return -1;
    }
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0)
        become(path, ask, env, parent, o[1], e[1]);
    close(o[1]);
    close(e[1]);
    if (*pid < 0) {
        close(o[0]);
        close(e[0]);
        return -1;
    }
    setpgid(*pid, *pid); /* whichever of the two comes first */
    *out = o[0];
    *err = e[0];
    return 0;
}

struct reading {
    const struct ps_child_ask *ask;
    struct ps_child_told *told;
    char line[PS_CHILD_LINE];
    size_t n;
};

static void end_line(struct reading *r) {
    r->line[r->n] = '\0';
    if (r->n) {
        memcpy(r->told->last, r->line, r->n + 1);
        if (r->ask->line)
            r->ask->line(r->ask->ctx, r->line);
    }
    r->n = 0;
}

static void take_errors(struct reading *r, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] == '\n' || p[i] == '\r')
            end_line(r);
        else if (r->n < sizeof(r->line) - 1)
            r->line[r->n++] = p[i];
}

/* Reads both ends until both are closed; PS_ETIME, PS_ELIMIT. */
static int listen_to(struct reading *r, int fds[2], int64_t until) {
    struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    char block[16384];

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if ((r->ask->stop && r->ask->stop(r->ask->ctx)) || now_ms() > until)
            return PS_ETIME;
        if (poll(p, 2, LOOK_MS) < 0 && errno != EINTR)
            return PS_EIO;
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || !p[i].revents)
                continue;
            ssize_t got = read(p[i].fd, block, sizeof(block));
            if (got <= 0) {
                p[i].fd = -1;
                continue;
            }
            if (i == 1)
                take_errors(r, block, (size_t)got);
            else
                ps_buf_bytes(&r->told->out, block, (size_t)got);
            if (r->told->out.err)
                return r->told->out.err;
        }
    }
    end_line(r);
    return 0;
}

/* Its end, within the time. It is left unreaped until its group was killed, so that the number is nobody else's by then. */
static int reap(const struct ps_child_ask *ask, pid_t pid, int err, int64_t until, int *status) {
    for (siginfo_t si = {0}; err == 0 && si.si_pid != pid;) {
        if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) != 0 && errno != EINTR)
            err = PS_EIO;
        else if (si.si_pid != pid && (now_ms() > until || (ask->stop && ask->stop(ask->ctx))))
            err = PS_ETIME;
        else if (si.si_pid != pid)
            poll(NULL, 0, 10);
    }
    kill(-pid, SIGKILL); /* grandchildren too */
    kill(pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return err;
}

int ps_child_run(const struct ps_child_ask *ask, struct ps_child_told *told, struct ps_why *why) {
    char path[PATH_MAX];
    int fds[2], status = 0;
    pid_t pid;

    *told = (struct ps_child_told){.status = -1};
    ps_buf_init(&told->out, ask->out_max);
    int err = ps_child_find(ask->program, path, why);
    if (err < 0)
        return err;
    if (start(path, ask, &pid, &fds[0], &fds[1]) != 0)
        return ps_error_why(why, PS_EIO, ask->program, "cannot be started: %s", strerrordesc_np(errno));
    struct reading r = {.ask = ask, .told = told};
    int64_t until = now_ms() + (int64_t)ask->seconds * 1000;
    err = reap(ask, pid, listen_to(&r, fds, until), until, &status);
    close(fds[0]);
    close(fds[1]);
    if (err == PS_ETIME)
        return ps_error_why(why, err, ask->program, "took longer than %u s, or was stopped", ask->seconds);
    if (err < 0)
        return ps_error_why(why, err, ask->program, "%s", ps_error_text(err));
    told->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}
