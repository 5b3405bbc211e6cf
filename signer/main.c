/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-signer: the only holder of a station's keys. It signs what it has seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/init.h"
#include "signer/key.h"
#include "signer/keymode.h"
#include "signer/notify.h"
#include "signer/options.h"
#include "signer/recover.h"
#include "signer/sandbox.h"
#include "signer/service.h"
#include "signer/state.h"

static int complain(const struct ps_why *why) {
    fprintf(stderr, "%spackseal-signer: %s: %s\n", ps_notify_error_prefix(), why->where, why->text);
    return 1;
}

/* The passphrase that the command line points to; none is no error. */
static int take_passphrase(const struct ps_options *o, struct ps_keyfile_passphrase **p, struct ps_why *why) {
    int fd = o->passphrase_fd;

    *p = NULL;
    if (o->passphrase_file != NULL && (fd = open(o->passphrase_file, O_RDONLY | O_CLOEXEC)) < 0)
        return ps_error_why(why, PS_EIO, o->passphrase_file, "%s", strerror(errno));
    if (fd < 0)
        return 0;
    int err = ps_keyfile_passphrase_read(p, fd, why);
    close(fd);
    return err;
}

/* A new station, or a new ledger for an old one. */
static int new_station(struct ps_options *o) {
    char report[1024];
    struct ps_why why = {0};
    struct ps_keyfile_passphrase *p;

    int err = take_passphrase(o, &p, &why);
    o->passphrase = p;
    if (err == 0)
        err = o->recover ? ps_recover_station(o, report, &why) : ps_init_station(o, report, &why);
    ps_keyfile_passphrase_free(p);
    if (err != 0)
        return complain(&why);
    return fputs(report, stdout) < 0 || fflush(stdout) != 0;
}

static int open_folder(const char *path, struct ps_why *why) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd
                   : ps_error_why(why, PS_EIO, path, "%s: has the station been set up?", strerror(errno));
}

static int open_listener(const struct ps_options *o, struct ps_why *why) {
    if (o->fd >= 0)
        return ps_service_adopt(o->fd, why) == 0 ? o->fd : PS_EINVAL;
    if (o->run[0] != '\0' && mkdir(o->run, 0750) != 0 && errno != EEXIST)
        return ps_error_why(why, PS_EIO, o->run, "%s", strerror(errno));
    return ps_service_listen(o->socket, why);
}

/* Everything is open: give up the rest, or refuse to run. */
static int confine(const struct ps_options *o, int ledger, uint8_t *bits, struct ps_why *why) {
    const uint8_t needed = PS_SANDBOX_NO_NEW_PRIVS | PS_SANDBOX_LIMITS | PS_SANDBOX_MEMORY;

    /* One wall more where the kernel has it; sanitizers read files of their own. */
    if (!o->no_seccomp && ps_sandbox_paths(ledger))
        *bits |= PS_SANDBOX_PATHS;
    if (o->no_seccomp)
        fputs(
            "packseal-signer: seccomp: left out by --no-seccomp: not for evidence that others shall trust\n",
            stderr);
    else if (ps_sandbox_filter(ledger, why) == 0)
        *bits |= PS_SANDBOX_SECCOMP;
    else if (!o->allow_unconfined)
        return PS_EPERM;
    if ((*bits & needed) == needed || o->allow_unconfined)
        return 0;
    return ps_error_why(
        why, PS_EPERM, "confinement",
        (*bits & PS_SANDBOX_MEMORY) == 0
            ? "the keys cannot be locked in memory: raise the memlock limit, or --allow-unconfined"
            : "the kernel refuses limits or no_new_privs: see --allow-unconfined");
}

static int serve(const struct ps_options *o) {
    struct ps_why why = {0};
    struct ps_state *state = NULL;
    struct ps_keyfile_passphrase *p = NULL;
    int dir = -1, ledger = -1, listener = -1, status = 1;

    ps_service_signals();
    json_object_seed(0); /* else the first statement would have jansson open /dev/urandom */
    uint8_t bits = ps_sandbox_limits(!o->no_seccomp);
    if (take_passphrase(o, &p, &why) != 0)
        goto out;
    ps_key_unlock(p);
    if ((dir = open_folder(o->dir, &why)) < 0 || (ledger = open_folder(o->ledger, &why)) < 0 ||
        ps_state_open(&state, dir, ledger, &why) != 0 || (listener = open_listener(o, &why)) < 0)
        goto out;
    ps_key_unlock(NULL); /* the keys are open: it is needed no more */
    ps_keyfile_passphrase_free(p);
    p = NULL;
    int notify = ps_notify_open();
    if (ps_key_locked(state->key))
        bits |= PS_SANDBOX_MEMORY;
    uid_t own = geteuid();
    if (confine(o, ledger, &bits, &why) != 0)
        goto out;
    state->separate = o->recorder != (uid_t)-1 && o->recorder != own;
    state->confined = bits | (state->separate ? PS_SANDBOX_SEPARATE : 0);
    uid_t recorder = state->separate ? o->recorder : own;
    struct ps_service service = {.listener = listener,
                                 .recorder = recorder,
                                 .viewer = o->viewer != (uid_t)-1 ? o->viewer : recorder,
                                 .stamp = o->stamp != (uid_t)-1 ? o->stamp : recorder,
                                 .pruner = o->pruner != (uid_t)-1 ? o->pruner : recorder,
                                 .state = state};
    ps_notify_ready(notify);
    status = ps_service_run(&service, &why) == 0 ? 0 : 1;
out:
    if (status != 0)
        complain(&why);
    ps_keyfile_passphrase_free(p);
    ps_state_close(state);
    if (listener >= 0)
        close(listener);
    if (ledger >= 0)
        close(ledger);
    if (dir >= 0)
        close(dir);
    return status;
}

int main(int argc, char **argv) {
    struct ps_options options;
    struct ps_why why = {0};

    umask(0027);
    if (sodium_init() < 0) {
        fputs("packseal-signer: libsodium: cannot start\n", stderr);
        return 1;
    }
    if (ps_keymode_wanted(argc, argv))
        return ps_keymode_run(argc, argv);
    if (ps_options_read(&options, argc, argv, &why) != 0) {
        complain(&why);
        return 2;
    }
    if (options.help)
        return fputs(ps_options_usage, stdout) < 0 || fflush(stdout) != 0;
    if (options.version)
        return puts("packseal-signer " PS_VERSION) < 0 || fflush(stdout) != 0;
    return options.init || options.recover ? new_station(&options) : serve(&options);
}
