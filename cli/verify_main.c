/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-verify: the command verify as a program of its own, for whoever judges bundles and has no station. It links
 * libsodium, jansson, libcrypto and libc: no database, no codecs, no network.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/words.h"

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");
    ps_words_choose(NULL);
    /* A reader that goes away is an error of the write. */
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("packseal-verify " PS_VERSION) < 0 || fflush(stdout) != 0;
    return ps_cmd_verify(argc, argv);
}
