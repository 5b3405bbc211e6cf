/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service manager hears, over a socket of its kind; and when the watchdog is fed. */
#include "recorder/manager.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* The service manager's end; its name goes into NOTIFY_SOCKET. */
static int listen_as_manager(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(name, sizeof(name), "@packseal-test-%d", (int)getpid());

    memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
    if (fd < 0 ||
        bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) != 0)
        tap_bail("no abstract socket");
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

/* The next message, "" when there is none. */
static const char *heard(int fd) {
    static char text[512];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_without(void) {
    struct ps_manager m;

    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "4000000", 1);
    ps_manager_open(&m);
    tap_ok(m.fd < 0 && m.period_ns == 0, "nobody listens: no socket and no watchdog");
    ps_manager_send(&m, "READY=1");
    ps_manager_close(&m);
    setenv("NOTIFY_SOCKET", "relative", 1);
    ps_manager_open(&m);
    tap_ok(m.fd < 0, "a name that is no path is no socket");
}

static void test_messages(void) {
    struct ps_manager m;
    int fd = listen_as_manager();

    unsetenv("WATCHDOG_PID");
    ps_manager_open(&m);
    tap_is_int(m.period_ns, 4 * SECOND, "the watchdog's period");
    ps_manager_send(&m, "READY=1");
    tap_is_str(heard(fd), "READY=1", "a message arrives whole");
    ps_manager_status(&m, "waiting");
    tap_is_str(heard(fd), "STATUS=waiting", "a status");
    ps_manager_status(&m, "waiting");
    tap_is_str(heard(fd), "", "... is told once");
    ps_manager_close(&m);
    setenv("WATCHDOG_PID", "1", 1);
    ps_manager_open(&m);
    tap_is_int(m.period_ns, 0, "another process's watchdog is not ours");
    ps_manager_close(&m);
    setenv("WATCHDOG_USEC", "-1", 1);
    unsetenv("WATCHDOG_PID");
    ps_manager_open(&m);
    tap_is_int(m.period_ns, 0, "a period that is no number is none");
    ps_manager_close(&m);
    close(fd);
}

static void test_feeding(void) {
    struct ps_manager m;
    int fd = listen_as_manager();

    setenv("WATCHDOG_USEC", "4000000", 1);
    ps_manager_open(&m);
    ps_manager_feed(&m, 0, 10 * SECOND);
    tap_is_str(heard(fd), "WATCHDOG=1", "fed at once");
    ps_manager_feed(&m, 0, 10 * SECOND + SECOND / 2);
    tap_is_str(heard(fd), "", "... and not with every turn");
    ps_manager_feed(&m, SECOND, 11 * SECOND);
    tap_is_str(heard(fd), "WATCHDOG=1",
               "fed again a quarter of the period later, though something takes long");
    ps_manager_feed(&m, 2 * SECOND + 1, 13 * SECOND);
    tap_ok(strncmp(heard(fd), "STATUS=frames arrive", 20) == 0,
           "no progress for half the period: that is said");
    ps_manager_feed(&m, 3 * SECOND, 14 * SECOND);
    tap_is_str(heard(fd), "", "... once, and it is fed no more");
    ps_manager_feed(&m, 0, 14 * SECOND + 1);
    tap_is_str(heard(fd), "WATCHDOG=1", "until it gets on");
    ps_manager_close(&m);
    close(fd);
}

static void test_pulse(void) {
    struct ps_manager_pulse p = {0};

    tap_is_int(ps_manager_pulse(&p, false, 100, 0, 1 * SECOND), 0, "without a clip frames may pass");
    tap_is_int(ps_manager_pulse(&p, false, 900, 0, 90 * SECOND), 0, "... for as long as they like");
    tap_is_int(ps_manager_pulse(&p, true, 901, 0, 91 * SECOND), SECOND, "a clip, and a frame that waits");
    tap_is_int(ps_manager_pulse(&p, true, 902, 1, 92 * SECOND), 0, "it was encoded");
    tap_is_int(ps_manager_pulse(&p, true, 902, 1, 999 * SECOND), 0, "a silent camera is no reason");
    tap_is_int(ps_manager_pulse(&p, true, 903, 1, 1000 * SECOND), SECOND,
               "its next frame is waited for from the last moment at which all was well");
    tap_is_int(ps_manager_pulse(&p, true, 960, 1, 1030 * SECOND), 31 * SECOND,
               "frames arrive, and no film is made");
}

static void test_prefix(void) {
    struct stat st;
    char stream[64];

    unsetenv("JOURNAL_STREAM");
    tap_is_str(ps_manager_prefix(PS_MANAGER_ERR), "", "on a terminal a line has no level");
    if (fstat(STDERR_FILENO, &st) != 0)
        tap_bail("no standard error");
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    tap_is_str(ps_manager_prefix(PS_MANAGER_ERR), "<3>", "in the journal an error is one");
    tap_is_str(ps_manager_prefix(PS_MANAGER_INFO), "<6>", "... and the rest is not");
    setenv("JOURNAL_STREAM", "1:2", 1);
    tap_is_str(ps_manager_prefix(PS_MANAGER_ERR), "", "somebody else's journal is not ours");
    setenv("JOURNAL_STREAM", "nonsense", 1);
    tap_is_str(ps_manager_prefix(PS_MANAGER_ERR), "", "a variable that says nothing");
}

int main(void) {
    test_without();
    test_messages();
    test_feeding();
    test_pulse();
    test_prefix();
    return tap_done();
}
