/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/profile.h"
#include "tests/unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(struct ps_profile *p, const char *text, struct ps_why *why) {
    memset(why, 0, sizeof *why);
    return ps_profile_parse(p, text, strlen(text), "x.conf", why);
}

#define HEAD "[profile]\nname = 某平台\n"

static void good(void) {
    static struct ps_profile p;
    struct ps_why why;
    int rc = parse(
        &p,
        HEAD "[pictures]\nmost = 5\nmax_bytes = 10000000\n[film]\nmax_seconds = 60\nmax_bytes = 30000000\n"
             "[reason 少件]\ntitle = 买家称少件\ntext = 运单 {codes}\ntext = {clip}{clip}\n",
        &why);
    tap_is_int(rc, 0, "a profile is read");
    tap_is_int((long)p.pictures_most, 5, "number of pictures");
    tap_is_int((long)p.film_seconds, 60, "seconds");
    tap_is_int((long)p.film_bytes, 30000000, "bytes");
    const struct ps_profile_reason *r = ps_profile_reason(&p, "少件");
    tap_ok(r != NULL && strcmp(r->title, "买家称少件") == 0, "a reason by its key");
    tap_ok(ps_profile_reason(&p, "其他") == NULL, "no reason of another key");
    const struct ps_profile_words w = {"A{clip}", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"};
    char *text = r != NULL ? ps_profile_fill(r, &w) : NULL;
    tap_is_str(text, "运单 A{clip}\nBB",
               "variables are filled in once: what a code holds is not looked at again");
    free(text);
}

static void unknown(void) {
    static struct ps_profile p;
    struct ps_why why;
    tap_is_int(parse(&p, HEAD, &why), 0, "a profile without limits is read");
    tap_ok(p.film_bytes == 0 && p.film_seconds == 0 && p.pictures_most == 0 && p.picture_bytes == 0,
           "what the file does not say stays unknown");
    tap_is_int(ps_profile_speed(&p, 3600000, &why), 1, "without a limit of seconds a film is not sped up");
}

static void refused(void) {
    static const struct {
        const char *text, *what;
    } bad[] = {
        {"", "no name"},
        {HEAD "[film]\nmax_second = 60\n", "a mistyped key"},
        {HEAD "[films]\nmax_seconds = 60\n", "a mistyped section"},
        {HEAD "[film]\nmax_seconds = 0\n", "zero seconds"},
        {HEAD "[film]\nmax_seconds = 60s\n", "a number with a unit"},
        {HEAD "[film]\nmax_bytes = -5\n", "a negative number"},
        {HEAD "[film]\nmax_bytes = 99999999999999999999\n", "a number too long"},
        {HEAD "[film]\nwidth = 641\n", "an odd width"},
        {HEAD "[film]\ncodec = h265\n", "another codec"},
        {HEAD "[reason a]\ntitle = t\ntext = {nobody}\n", "an unknown variable"},
        {HEAD "[reason a]\ntitle = t\ntext = {codes\n", "an open brace"},
        {HEAD "[reason a]\ntitle = t\n", "a reason without a text"},
        {HEAD "[reason a]\ntext = t\n", "a reason without a title"},
        {HEAD "[profile\n", "a torn section"},
        {HEAD "[film]\nmax_bytes = 100000 \x01\n", "a control character"},
    };
    static struct ps_profile p;
    struct ps_why why;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int rc = parse(&p, bad[i].text, &why);
        tap_ok(rc == PS_EFORMAT && why.text[0] != '\0', "refused: %s", bad[i].what);
    }
    char line[512];
    (void)snprintf(line, sizeof line, HEAD "source = %0250d\n", 1);
    tap_ok(parse(&p, line, &why) == PS_EFORMAT && strstr(why.text, "line 3") != NULL,
           "a line that the reader would cut in two is named");
    static char many[9000] = HEAD;
    for (int i = 0; i < 40; i++)
        (void)snprintf(many + strlen(many), sizeof many - strlen(many), "[reason %d]\ntitle = t\ntext = t\n",
                       i);
    tap_is_int(parse(&p, many, &why), PS_EFORMAT, "refused: too many reasons");
}

static void speed(void) {
    static struct ps_profile p;
    struct ps_why why;
    tap_is_int(parse(&p, HEAD "[film]\nmax_seconds = 60\nmost_speed = 8\n", &why), 0, "a limit of a minute");
    tap_is_int(ps_profile_speed(&p, 60000, &why), 1, "a minute stays as it is");
    tap_is_int(ps_profile_speed(&p, 60001, &why), 2, "a millisecond more is shown twice as fast");
    tap_is_int(ps_profile_speed(&p, 200000, &why), 4, "over three minutes: four times");
    tap_is_int(ps_profile_speed(&p, 480000, &why), 8, "eight minutes: eight times");
    memset(&why, 0, sizeof why);
    tap_is_int(ps_profile_speed(&p, 480001, &why), 0, "longer cannot be met");
    tap_ok(strstr(why.text, "480 s") != NULL && strstr(why.text, "60 s") != NULL,
           "and the refusal names both lengths");
}

static void shipped(void) {
    static const char *const names[] = {"generic-20mb", "pdd", "shopee"};
    const char *src = getenv("PACKSEAL_SRC");
    static struct ps_profile p;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[1024];
        struct ps_why why = {0};
        (void)snprintf(path, sizeof path, "%s/report/profiles/%s.conf", src != NULL ? src : ".", names[i]);
        int rc = ps_profile_load(&p, path, &why);
        if (!tap_ok(rc == 0 && p.source[0] != '\0' && p.n_reasons > 0,
                    "%s is read, names the source of its numbers, and has reasons", names[i]))
            tap_diag("%s: %s", why.where, why.text);
        if (strcmp(names[i], "pdd") == 0)
            tap_ok(p.film_bytes == 0 && p.film_seconds == 0 && p.picture_bytes == 0 && p.pictures_most == 0,
                   "pdd invents no limit");
    }
}

int main(void) {
    good();
    unknown();
    refused();
    speed();
    shipped();
    return tap_done();
}
