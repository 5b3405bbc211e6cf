/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-kiosk: the station screen on a monitor of the box itself. Waits until the viewer serves, then becomes cage (a Wayland
 * compositor for one window) with Chromium in it. It knows an address and a code for pairing, and nothing else of the station.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define URL "http://127.0.0.1:8480/station"
#define CODE_MAX 32
#define ARGS 48

static const char help[] =
    "usage: packseal-kiosk [--url URL] [--code-file FILE] [--language LANGUAGE] [--browser PROGRAM]\n"
    "                      [--compositor PROGRAM] [-- OPTION...]\n"
    "\n"
    "Shows the station screen of packseal-viewer on this machine's monitor, once the viewer serves.\n"
    "\n"
    "  --url URL            which page (" URL ")\n"
    "  --code-file FILE     a pairing code, as packseal code prints one; not needed once the screen is "
    "paired\n"
    "  --language LANGUAGE  of the page, until somebody chooses another there: zh-CN (default) or en\n"
    "  --browser PROGRAM    Chromium (/usr/bin/chromium)\n"
    "  --compositor PROGRAM cage (/usr/bin/cage)\n"
    "  -- OPTION...         more options for the browser\n";

static int fail(const char *what, const char *where, const char *todo) {
    fprintf(stderr, "packseal-kiosk: %s: %s: %s\n", what, where, todo);
    return 1;
}

/* host and port of http://HOST[:PORT]/…; false when it is none. */
static bool split(const char *url, char host[256], char port[6]) {
    static const char scheme[] = "http://";
    const char *h = url + sizeof(scheme) - 1;

    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
        return false;
    size_t n = h[0] == '[' ? strcspn(h, "]") + 1 : strcspn(h, ":/");
    if (n < 1 || n > 255)
        return false;
    bool bracket = h[0] == '[';
    snprintf(host, 256, "%.*s", (int)(bracket ? n - 2 : n), h + bracket);
    snprintf(port, 6, "80");
    if (h[n] == ':') {
        size_t digits = strspn(h + n + 1, "0123456789");
        if (digits < 1 || digits > 5)
            return false;
        snprintf(port, 6, "%.*s", (int)digits, h + n + 1);
        n += 1 + digits;
    }
    return h[n] == '/' || h[n] == '\0';
}

static bool serves(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    bool ok = false;

    if (getaddrinfo(host, port, &hints, &all) != 0)
        return false;
    for (struct addrinfo *a = all; a && !ok; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ok = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;
        if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(all);
    return ok;
}

/* A browser that starts before the viewer would show its own page of excuses, for ever. */
static void wait_for(const char *host, const char *port) {
    const struct timespec half = {.tv_nsec = 500000000};

    for (unsigned tries = 0; !serves(host, port); tries++) {
        if (tries == 4)
            fprintf(stderr, "packseal-kiosk: waiting for the viewer at %s port %s\n", host, port);
        nanosleep(&half, NULL);
    }
}

/* A code that is there; "" without. Letters and digits alone: it goes into an address. */
static void read_code(const char *path, char out[CODE_MAX]) {
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, out, CODE_MAX - 1);
    size_t k = 0;

    if (fd >= 0)
        close(fd);
    while (n > 0 && k < (size_t)n && isalnum((unsigned char)out[k]))
        k++;
    out[k] = '\0';
}

static int become(const char *compositor, const char *browser, const char *language, const char *url,
                  char *const more[]) {
    char data[512], accept[64];
    const char *state = getenv("STATE_DIRECTORY");

    if (!state) /* started by hand: the compositor's folder, which is ours alone */
        state = getenv("XDG_RUNTIME_DIR");
    if (!state)
        return fail("no folder for the browser", "STATE_DIRECTORY, XDG_RUNTIME_DIR", "set one of them");

    const char *argv[ARGS];
    size_t n = 0;
    const char *const fixed[] = {compositor,
                                 "-s", /* other consoles stay reachable with Ctrl-Alt-F2 */
                                 "--",
                                 browser,
                                 "--kiosk",
                                 "--ozone-platform=wayland",
                                 "--no-first-run",
                                 "--noerrdialogs",
                                 "--password-store=basic",
                                 "--autoplay-policy=no-user-gesture-required", /* the words must be heard */
                                 "--disable-features=Translate,MediaRouter",
                                 "--disable-component-update",
                                 "--disable-pinch",
                                 "--overscroll-history-navigation=0"};

    snprintf(data, sizeof(data), "--user-data-dir=%s/browser", state);
    for (; n < sizeof(fixed) / sizeof(fixed[0]); n++)
        argv[n] = fixed[n];
    /* What the page is asked in; the browser itself shows no word. */
    snprintf(accept, sizeof(accept), "--accept-lang=%s", language);
    argv[n++] = data;
    argv[n++] = accept;
    for (size_t i = 0; more[i]; i++) {
        if (n > ARGS - 3)
            return fail("too many options for the browser", more[i], "at most 30");
        argv[n++] = more[i];
    }
    argv[n++] = url;
    argv[n] = NULL;
    execv(compositor, (char *const *)(uintptr_t)argv); /* execv's older signature; it changes nothing */
    return fail(strerrordesc_np(errno), compositor, "install the package cage");
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"url", required_argument, NULL, 'u'},
                                            {"code-file", required_argument, NULL, 'c'},
                                            {"language", required_argument, NULL, 'l'},
                                            {"browser", required_argument, NULL, 'b'},
                                            {"compositor", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *url = URL, *code_file = NULL, *browser = "/usr/bin/chromium", *compositor = "/usr/bin/cage",
               *language = "zh-CN";
    char host[256], port[6], code[CODE_MAX], page[1024];

    for (int o; (o = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        switch (o) {
        case 'u': url = optarg; break;
        case 'c': code_file = optarg; break;
        case 'l': language = optarg; break;
        case 'b': browser = optarg; break;
        case 'w': compositor = optarg; break;
        case 'h': fputs(help, stdout); return 0;
        default: return 2;
        }
    if (strlen(url) > 900 || !split(url, host, port)) {
        fail("not an address", url, "as " URL);
        return 2;
    }
    if (strcmp(language, "zh-CN") != 0 && strcmp(language, "en") != 0) {
        fail("not a language of the pages", language, "zh-CN or en");
        return 2;
    }
    wait_for(host, port);
    read_code(code_file, code);
    snprintf(page, sizeof(page), "%s%s%s", url, code[0] ? "#pair=" : "", code);
    return become(compositor, browser, language, page, argv + optind);
}
