/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/spawn.h"
#include "cli/user.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int ps_spawn_find(const char *name, char out[PATH_MAX], struct ps_why *why) {
    static const char *const places[] = {"", "../libexec/packseal/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return ps_error_why(why, PS_EIO, "/proc/self/exe", "%s", strerrordesc_np(errno));
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        slash[1] = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int len = snprintf(out, PATH_MAX, "%s%s%s", self, places[i], name);
        if (len > 0 && len < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    }
    return ps_error_why(why, PS_ENOENT, name, "is neither beside packseal nor in ../libexec/packseal");
}

/* In the child, before exec: only what is safe after fork. */
static _Noreturn void become(const char *path, char *const argv[], const struct ps_spawn_how *how,
                             pid_t parent, int out) {
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (how->own_group)
        setpgid(0, 0);
    if (how->user != NULL && ps_user_become(how->user) != 0)
        _exit(127);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* afterwards: another user clears it */
    if (getppid() != parent)
        _exit(127);
    if (!how->keep_stdin) {
        int null = open("/dev/null", O_RDONLY);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
            _exit(127);
        if (null > STDERR_FILENO)
            close(null);
    }
    if (dup2(out, STDOUT_FILENO) < 0 || (how->keep > STDERR_FILENO && fcntl(how->keep, F_SETFD, 0) != 0))
        _exit(127);
    execv(path, argv);
    _exit(127);
}

int ps_spawn_start(const char *path, char *const argv[], const struct ps_spawn_how *how, pid_t *pid, int *out,
                   struct ps_why *why) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
    pid_t parent = getpid();
    *pid = fork(); /* posix_spawn(3) cannot ask for a signal when the parent dies */
    if (*pid == 0)
        become(path, argv, how, parent, ends[1]);
    close(ends[1]);
    if (*pid < 0) {
        close(ends[0]);
        return ps_error_why(why, PS_EIO, path, "%s", strerrordesc_np(errno));
    }
    *out = ends[0];
    return 0;
}

void ps_spawn_status_text(int status, char out[96]) {
    if (WIFSIGNALED(status)) {
        const char *text = sigdescr_np(WTERMSIG(status));
        snprintf(out, 96, "killed by signal %d (%s)", WTERMSIG(status), text != NULL ? text : "?");
    } else {
        snprintf(out, 96, "exit status %d", WEXITSTATUS(status));
    }
}

int ps_spawn_follow(pid_t pid, int fd, const char *program, bool quiet) {
    char line[4096], text[96];
    int status;
    FILE *f = fdopen(fd, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (!quiet)
            fputs(line, stdout);
    if (f != NULL)
        fclose(f);
    else
        close(fd);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    ps_spawn_status_text(status, text);
    return ps_words_fail(1, text, program, NULL);
}
