/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/options.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_HANDED_OVER 3 /* SD_LISTEN_FDS_START */

const char ps_options_usage[] =
    "usage: packseal-signer --dir DIR [option ...]\n"
    "       packseal-signer --dir DIR --init --station ID\n"
    "       packseal-signer --dir DIR --recover\n"
    "\n"
    "Keeps a packing station's keys and ledger, and signs the clips it has witnessed.\n"
    "\n"
    "  --dir DIR            keys and journal (ROOT/signer, mode 0700)\n"
    "  --ledger DIR         the ledger (default: DIR/../ledger)\n"
    "  --public DIR         where --init writes what others register (default: DIR/../public)\n"
    "  --socket PATH        where to listen (default: DIR/../run/signer.sock)\n"
    "  --fd N               listen on this inherited socket instead\n"
    "  --recorder-uid USER  name or number of the only user who may record; default: the signer's own\n"
    "  --viewer-uid USER    who may have exports noted; default: the recorder's user\n"
    "  --stamp-uid USER     who may have anchors noted; default: the recorder's user\n"
    "  --pruner-uid USER    who may have deletions noted; default: the recorder's user\n"
    "  --init               make keys for a new station; nothing is overwritten\n"
    "  --station ID         its name: up to 16 letters, digits and hyphens\n"
    "  --recover            after a loss: set the ledger aside and begin another one that names it\n"
    "  --passphrase-file F  the keys' passphrase is the first line of F; with --init they are put under it\n"
    "  --passphrase-fd N    the same, from an inherited descriptor\n"
    "  --allow-unconfined   run even where the kernel does not let the signer be confined\n"
    "  --no-seccomp         leave out the system call filter (for sanitizer builds)\n"
    "  --help, --version\n";

enum {
    DIR_ = 1,
    LEDGER,
    PUBLIC,
    SOCKET,
    FD,
    RECORDER,
    VIEWER,
    STAMP,
    PRUNER,
    RECOVER,
    INIT,
    STATION,
    PASS_FILE,
    PASS_FD,
    UNCONFINED,
    NO_SECCOMP,
    HELP,
    VERSION
};

static const struct option table[] = {
    {"dir", required_argument, NULL, DIR_},
    {"ledger", required_argument, NULL, LEDGER},
    {"public", required_argument, NULL, PUBLIC},
    {"socket", required_argument, NULL, SOCKET},
    {"fd", required_argument, NULL, FD},
    {"recorder-uid", required_argument, NULL, RECORDER},
    {"viewer-uid", required_argument, NULL, VIEWER},
    {"stamp-uid", required_argument, NULL, STAMP},
    {"pruner-uid", required_argument, NULL, PRUNER},
    {"recover", no_argument, NULL, RECOVER},
    {"init", no_argument, NULL, INIT},
    {"station", required_argument, NULL, STATION},
    {"passphrase-file", required_argument, NULL, PASS_FILE},
    {"passphrase-fd", required_argument, NULL, PASS_FD},
    {"allow-unconfined", no_argument, NULL, UNCONFINED},
    {"no-seccomp", no_argument, NULL, NO_SECCOMP},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {0},
};

static int copy(char *out, const char *path, const char *option, struct ps_why *why) {
    if (strlen(path) >= PATH_MAX || path[0] == '\0')
        return ps_error_why(why, PS_EINVAL, option, "is no path");
    memcpy(out, path, strlen(path) + 1);
    return 0;
}

/* A decimal number up to max. */
static int number(const char *text, unsigned long max, unsigned long *out) {
    char *end;

    errno = 0;
    *out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out <= max ? 0 : PS_EINVAL;
}

static int user(const char *text, const char *option, uid_t *out, struct ps_why *why) {
    unsigned long n;

    if (number(text, (unsigned long)UINT_MAX - 1, &n) == 0) {
        *out = (uid_t)n;
        return 0;
    }
    const struct passwd *pw = getpwnam(text);
    if (pw == NULL)
        return ps_error_why(why, PS_EINVAL, option, "there is no such user");
    *out = pw->pw_uid;
    return 0;
}

static int take(struct ps_options *o, int option, struct ps_why *why) {
    unsigned long n;

    switch (option) {
    case DIR_: o->dir = optarg; return 0;
    case LEDGER: return copy(o->ledger, optarg, "--ledger", why);
    case PUBLIC: return copy(o->public_dir, optarg, "--public", why);
    case SOCKET: return copy(o->socket, optarg, "--socket", why);
    case FD:
        if (number(optarg, INT_MAX, &n) != 0)
            return ps_error_why(why, PS_EINVAL, "--fd", "is no descriptor number");
        o->fd = (int)n;
        return 0;
    case RECORDER: return user(optarg, "--recorder-uid", &o->recorder, why);
    case VIEWER: return user(optarg, "--viewer-uid", &o->viewer, why);
    case STAMP: return user(optarg, "--stamp-uid", &o->stamp, why);
    case PRUNER: return user(optarg, "--pruner-uid", &o->pruner, why);
    case RECOVER: o->recover = true; return 0;
    case INIT: o->init = true; return 0;
    case STATION: o->station = optarg; return 0;
    case PASS_FILE: o->passphrase_file = optarg; return 0;
    case PASS_FD:
        if (number(optarg, INT_MAX, &n) != 0)
            return ps_error_why(why, PS_EINVAL, "--passphrase-fd", "is no descriptor number");
        o->passphrase_fd = (int)n;
        return 0;
    case UNCONFINED: o->allow_unconfined = true; return 0;
    case NO_SECCOMP: o->no_seccomp = true; return 0;
    case HELP: o->help = true; return 0;
    case VERSION: o->version = true; return 0;
    default: return ps_error_why(why, PS_EINVAL, "command line", "unknown or incomplete option: see --help");
    }
}

static int beside(char *out, const char *dir, const char *name, struct ps_why *why) {
    int n = snprintf(out, PATH_MAX, "%s/../%s", dir, name);

    return n > 0 && n < PATH_MAX ? 0 : ps_error_why(why, PS_EINVAL, "--dir", "is no path");
}

/* sd_listen_fds(3): the service manager opened one socket for us, and for this process alone. */
static int handed_over(struct ps_options *o, struct ps_why *why) {
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    unsigned long n;

    if (pid == NULL || fds == NULL || number(pid, INT_MAX, &n) != 0 || (pid_t)n != getpid())
        return 0;
    if (number(fds, INT_MAX, &n) != 0 || n != 1)
        return ps_error_why(why, PS_EINVAL, "LISTEN_FDS", "is not 1: a signer serves one socket");
    o->fd = FIRST_HANDED_OVER;
    return 0;
}

int ps_options_read(struct ps_options *o, int argc, char **argv, struct ps_why *why) {
    int option, err = 0;

    *o = (struct ps_options){.fd = -1,
                             .passphrase_fd = -1,
                             .recorder = (uid_t)-1,
                             .viewer = (uid_t)-1,
                             .stamp = (uid_t)-1,
                             .pruner = (uid_t)-1};
    opterr = 0;
    while (err == 0 && (option = getopt_long(argc, argv, "", table, NULL)) != -1)
        err = take(o, option, why);
    if (err != 0 || o->help || o->version)
        return err;
    if (optind < argc)
        return ps_error_why(why, PS_EINVAL, "command line", "takes options only: see --help");
    if (o->dir == NULL || o->dir[0] == '\0')
        return ps_error_why(why, PS_EINVAL, "--dir", "is needed");
    if (o->init != (o->station != NULL))
        return ps_error_why(why, PS_EINVAL, "--init", "goes together with --station");
    if (o->init && o->recover)
        return ps_error_why(why, PS_EINVAL, "--init", "excludes --recover");
    if (o->fd >= 0 && o->socket[0] != '\0')
        return ps_error_why(why, PS_EINVAL, "--fd", "excludes --socket");
    if (!o->init && !o->recover && o->fd < 0 && o->socket[0] == '\0')
        err = handed_over(o, why);
    if (err == 0 && o->ledger[0] == '\0')
        err = beside(o->ledger, o->dir, "ledger", why);
    if (err == 0 && o->public_dir[0] == '\0')
        err = beside(o->public_dir, o->dir, "public", why);
    if (err == 0 && o->fd < 0 && o->socket[0] == '\0' && (err = beside(o->run, o->dir, "run", why)) == 0)
        err = beside(o->socket, o->dir, "run/signer.sock", why);
    return err;
}
