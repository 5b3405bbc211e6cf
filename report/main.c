/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-report: started by packseal, never by hand. A program of its own because it decodes film and lays out pages: none
 * of those libraries is to be in the checker.
 */
#include "report/make.h"
#include "report/sheet.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

struct talk {
    bool zh, shown;
    unsigned percent;
};

static void on_signal(int number) {
    interrupted = number;
}

/* What came from files must not move the cursor. */
static void say(FILE *f, const char *s) {
    for (; *s != '\0'; s++)
        putc((unsigned char)*s < 0x20 || *s == 0x7F ? ' ' : *s, f);
}

static void made(void *ctx, const char *path) {
    (void)ctx;
    puts(path);
}

static void note(void *ctx, const char *zh, const char *en) {
    const struct talk *t = ctx;
    fputs("packseal: ", stderr);
    say(stderr, t->zh ? zh : en);
    putc('\n', stderr);
}

static int progress(void *ctx, uint64_t done, uint64_t total) {
    struct talk *t = ctx;
    unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 100;
    if (t->shown && percent != t->percent) {
        t->percent = percent;
        fprintf(stderr, percent < 100 ? "\r%3u %%" : "\r     \r", percent);
    }
    return interrupted != 0;
}

/* "NANOSECONDS", or "NANOSECONDSd" for a day without a time. */
static bool date(const char *text, struct ps_facts_date *out) {
    char *end;
    errno = 0;
    out->wall_ns = strtoll(text, &end, 10);
    out->given = true;
    out->day_only = strcmp(end, "d") == 0;
    return errno == 0 && end != text && (*end == '\0' || out->day_only);
}

static bool language(const char *text, enum ps_facts_lang *out) {
    *out = strcmp(text, "zh") == 0 ? PS_FACTS_ZH : strcmp(text, "en") == 0 ? PS_FACTS_EN : PS_FACTS_BOTH;
    return *out != PS_FACTS_BOTH || strcmp(text, "both") == 0;
}

static const struct option options[] = {
    {"bundle", 1, NULL, 'b'},  {"clip", 1, NULL, 'c'},      {"root", 1, NULL, 'r'},
    {"trust", 1, NULL, 't'},   {"lang", 1, NULL, 'l'},      {"words", 1, NULL, 'w'},
    {"out", 1, NULL, 'o'},     {"ascii", 0, NULL, 'a'},     {"folders", 0, NULL, 'f'},
    {"profile", 1, NULL, 'p'}, {"reason", 1, NULL, 'n'},    {"pack", 1, NULL, 'k'},
    {"printed", 1, NULL, '1'}, {"picked-up", 1, NULL, '2'}, {"delivered", 1, NULL, '3'},
    {"claimed", 1, NULL, '4'}, {"own", 0, NULL, '5'},       {NULL, 0, NULL, 0}};

static bool take(struct ps_make *m, struct talk *t, int argc, char **argv) {
    bool good = true;
    for (int o; good && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'b': m->bundle = optarg; break;
        case 'c': m->clip = optarg; break;
        case 'r': m->root = optarg; break;
        case 't': m->trust = optarg; break;
        case '5': m->own = true; break;
        case 'l': good = language(optarg, &m->lang); break;
        case 'w': t->zh = strcmp(optarg, "zh") == 0; break;
        case 'o': m->out = optarg; break;
        case 'a': m->ascii = true; break;
        case 'f': m->folders = true; break;
        case 'p': m->profile = optarg; break;
        case 'n': m->reason = optarg; break;
        case 'k': m->pack = optarg; break;
        case '1': good = date(optarg, &m->printed); break;
        case '2': good = date(optarg, &m->picked_up); break;
        case '3': good = date(optarg, &m->delivered); break;
        case '4': good = date(optarg, &m->claimed); break;
        default: good = false; break;
        }
    }
    return good && optind == argc && m->bundle != NULL && (m->profile == NULL) == (m->pack == NULL);
}

int main(int argc, char **argv) {
    struct talk t = {.shown = isatty(STDERR_FILENO), .percent = 101};
    struct ps_make m = {.lang = PS_FACTS_BOTH, .made = made, .note = note, .progress = progress, .ctx = &t};
    struct ps_why why = {0};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    setlocale(LC_CTYPE, "C.UTF-8");
    umask(0027);
    if (argc > 1 && strcmp(argv[1], "--barcodes") == 0)
        return ps_sheet_main(argc, argv);
    if (!take(&m, &t, argc, argv)) {
        fputs("packseal: packseal-report is started by packseal report and packseal export\n", stderr);
        return 2;
    }
    int rc = ps_make_all(&m, &why);
    if (rc == 0)
        return fflush(stdout) == 0 ? 0 : 1;
    if (interrupted != 0)
        return 128 + interrupted;
    fputs("packseal: ", stderr);
    say(stderr, why.text);
    fputs(": ", stderr);
    say(stderr, why.where);
    putc('\n', stderr);
    return 1;
}
