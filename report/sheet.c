/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/sheet.h"
#include "report/barcodes.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct option options[] = {{"barcodes", 1, NULL, 'b'},
                                        {"station", 1, NULL, 's'},
                                        {"operator", 1, NULL, 'o'},
                                        {"out", 1, NULL, 'f'},
                                        {NULL, 0, NULL, 0}};

static bool take(struct ps_barcodes *s, const char **out, int argc, char **argv) {
    bool good = true;
    for (int o; good && (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'b': s->site = optarg; break;
        case 's': s->station = optarg; break;
        case 'o':
            good = s->n_people < PS_BARCODES_PEOPLE;
            if (good)
                s->people[s->n_people++] = optarg;
            break;
        case 'f': *out = optarg; break;
        default: good = false; break;
        }
    }
    return good && optind == argc && *out != NULL;
}

/* Whole or not at all; what is there already stays. */
static int put(const char *path, const struct ps_buf *b, struct ps_why *why) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return ps_error_why(why, PS_EIO, path, "%s",
                            errno == EEXIST ? "is there already" : strerrordesc_np(errno));
    size_t at = 0;
    ssize_t n = 0;
    while (at < b->n && ((n = write(fd, b->p + at, b->n - at)) > 0 || (n < 0 && errno == EINTR)))
        at += n > 0 ? (size_t)n : 0;
    int bad = at < b->n || fsync(fd) != 0 ? errno : 0;
    bad = close(fd) != 0 && bad == 0 ? errno : bad;
    if (bad == 0)
        return 0;
    unlink(path);
    return ps_error_why(why, PS_EIO, path, "cannot be written: %s", strerrordesc_np(bad));
}

int ps_sheet_main(int argc, char **argv) {
    struct ps_barcodes s = {.site = "", .station = ""};
    const char *out = NULL;
    struct ps_why why = {0};
    struct ps_buf b;
    if (!take(&s, &out, argc, argv)) {
        fputs("packseal: packseal-report --barcodes is started by packseal barcodes\n", stderr);
        return 2;
    }
    ps_buf_init(&b, PS_BARCODES_MAX);
    int rc = ps_barcodes_write(&s, &b, &why);
    if (rc == 0)
        rc = put(out, &b, &why);
    ps_buf_free(&b);
    if (rc < 0) {
        fprintf(stderr, "packseal: %s: %s\n", why.text, why.where);
        return rc == PS_EINVAL ? 2 : 1;
    }
    puts(out);
    return fflush(stdout) == 0 ? 0 : 1;
}
