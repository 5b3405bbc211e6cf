/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/passphrase.h"
#include "cli/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSPHRASE_MIN 8 /* as packseal-signer wants it */
#define PASSPHRASE_MAX 1024

struct line { /* in guarded memory */
    char text[PASSPHRASE_MAX + 1];
    size_t n;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

static bool put(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* Up to a line feed or the end. False when it is too long or cannot be read. */
static bool take_line(int fd, struct line *l) {
    char c = 0;
    ssize_t got;
    l->n = 0;
    while ((got = read(fd, &c, 1)) != 0 && c != '\n') {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || l->n == PASSPHRASE_MAX)
            return false;
        l->text[l->n++] = c;
        c = 0;
    }
    if (l->n > 0 && l->text[l->n - 1] == '\r')
        l->n--;
    return true;
}

static int refuse(const char *what, const char *where) {
    return ps_words_fail(
        1, what, where, ps_words("or give it by --passphrase-file FILE", "或用 --passphrase-file 文件 给出"));
}

/* One prompt and one line, without echo. The terminal is as before when this returns, whatever comes between. */
static int prompt(int tty, const char *text, const char *again, struct line *l) {
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct sigaction act = {.sa_handler = on_signal}, before[5];
    struct termios kept, silent;
    sigset_t blocked, unblocked;
    bool ok = false;
    if (tcgetattr(tty, &kept) != 0)
        return refuse(ps_words("the terminal cannot be asked", "无法在终端询问"), "/dev/tty");
    silent = kept;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ICANON;
    interrupted = 0;
    /* Blocked but while waiting: a signal just before the wait would else be waited for in vain. */
    sigemptyset(&blocked);
    for (size_t i = 0; i < 5; i++)
        sigaddset(&blocked, caught[i]);
    sigprocmask(SIG_BLOCK, &blocked, &unblocked);
    for (size_t i = 0; i < 5; i++)
        sigaction(caught[i], &act, &before[i]);
    /* Flushed: what was typed ahead was not meant for this. */
    if (tcsetattr(tty, TCSAFLUSH, &silent) == 0) {
        put(tty, text, strlen(text));
        put(tty, again, strlen(again));
        put(tty, ": ", 2);
        struct pollfd p = {.fd = tty, .events = POLLIN};
        ok = ppoll(&p, 1, NULL, &unblocked) == 1 && take_line(tty, l); /* it gives whole lines */
        put(tty, "\n", 1);
        tcsetattr(tty, TCSAFLUSH, &kept);
    }
    for (size_t i = 0; i < 5; i++)
        sigaction(caught[i], &before[i], NULL);
    sigprocmask(SIG_SETMASK, &unblocked, NULL);
    if (interrupted != 0)
        return 128 + interrupted;
    return ok ? 0
              : ps_words_fail(1, ps_words("the passphrase cannot be read", "无法读取口令"), "/dev/tty", NULL);
}

static int ask_tty(const struct ps_passphrase_ask *a, struct line *l, struct line *second) {
    int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (tty < 0)
        return refuse(ps_words("there is no terminal to ask for the passphrase", "没有可输入口令的终端"),
                      a->prompt);
    int status = prompt(tty, a->prompt, "", l);
    if (status == 0 && a->fresh && l->n >= PASSPHRASE_MIN)
        status = prompt(tty, a->prompt, ps_words(", once more", "(再次输入)"), second);
    close(tty);
    if (status == 0 && a->fresh && l->n >= PASSPHRASE_MIN &&
        (l->n != second->n || sodium_memcmp(l->text, second->text, l->n) != 0))
        status = ps_words_fail(1, ps_words("the two are not the same", "两次输入不一致"), a->prompt,
                               ps_words("try again", "请重试"));
    return status;
}

static int ask_file(const struct ps_passphrase_ask *a, struct line *l) {
    int fd = open(a->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ps_words_fail(1, strerrordesc_np(errno), a->file, NULL);
    bool ok = take_line(fd, l);
    close(fd);
    return ok ? 0
              : ps_words_fail(1, ps_words("its first line is no passphrase", "首行不是口令"), a->file,
                              ps_words("at most 1024 bytes", "最多 1024 字节"));
}

static int ask(const struct ps_passphrase_ask *a, struct line *l, struct line *second, int to) {
    int status = a->file != NULL ? ask_file(a, l) : ask_tty(a, l, second);
    if (status == 0 && l->n < (a->fresh ? PASSPHRASE_MIN : 1))
        return ps_words_fail(
            1,
            a->fresh ? ps_words("the passphrase is too short", "口令过短")
                     : ps_words("it is empty", "口令为空"),
            a->file != NULL ? a->file : a->prompt,
            a->fresh ? ps_words("at least 8 bytes; several words are better", "至少 8 字节,多个词更好")
                     : NULL);
    /* Far less than a pipe holds: nobody need read yet. */
    if (status == 0 && (!put(to, l->text, l->n) || !put(to, "\n", 1)))
        status = ps_words_fail(1, strerrordesc_np(errno), a->prompt, NULL);
    return status;
}

int ps_passphrase_pipe(const struct ps_passphrase_ask *asks, unsigned n) {
    int ends[2] = {-1, -1}, status = 1;
    struct line *l = sodium_init() < 0 ? NULL : sodium_allocarray(2, sizeof(*l));
    if (l == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        ps_words_fail(1, strerrordesc_np(errno), "passphrase", NULL);
        goto out;
    }
    status = 0;
    for (unsigned i = 0; i < n && status == 0; i++)
        status = ask(&asks[i], &l[0], &l[1], ends[1]);
out:
    sodium_free(l); /* wipes */
    if (ends[1] >= 0)
        close(ends[1]);
    if (status != 0 && ends[0] >= 0) {
        close(ends[0]);
        ends[0] = -1;
    }
    return ends[0];
}
