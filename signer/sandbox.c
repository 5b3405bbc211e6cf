/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "signer/bounds.h"

static bool limit(int what, rlim_t most) {
    struct rlimit r;

    /* Never more than there was: raising needs a privilege that we want to be without. */
    if (getrlimit(what, &r) != 0)
        return false;
    if (r.rlim_max != RLIM_INFINITY && r.rlim_max < most)
        most = r.rlim_max;
    r.rlim_cur = r.rlim_max = most;
    return setrlimit(what, &r) == 0;
}

uint8_t ps_sandbox_limits(bool undumpable) {
    uint8_t bits = 0;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        bits |= PS_SANDBOX_NO_NEW_PRIVS;
    bool ok = limit(RLIMIT_CORE, 0); /* a core would hold the keys */
    ok = limit(RLIMIT_NOFILE, PS_SANDBOX_FILES) && ok;
    ok = limit(RLIMIT_FSIZE, PS_SANDBOX_FILE_BYTES) && ok;
    ok = (!undumpable || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) && ok;
    if (ok)
        bits |= PS_SANDBOX_LIMITS;
    return bits;
}

/* What is left after all files are open. No socket, no exec, no clone, no ioctl, no kill; no open but the one below. */
static const int allowed[] = {
    SCMP_SYS(ppoll),           /* the loop */
    SCMP_SYS(accept4),         /* clients */
    SCMP_SYS(getsockopt),      /* their user (SO_PEERCRED) */
    SCMP_SYS(recvmsg),         /* requests, with the statement's memfd */
    SCMP_SYS(sendto),          /* replies, and READY=1 */
    SCMP_SYS(close),           /* clients, memfds */
    SCMP_SYS(fstat),           /* size of the memfd */
    SCMP_SYS(newfstatat),      /* the same, as newer libcs ask for it */
    SCMP_SYS(pread64),         /* statements; ledger entries for a repeated seal */
    SCMP_SYS(pwrite64),        /* journal, ledger, takes */
    SCMP_SYS(ftruncate),       /* taking back a failed append; emptying the old journal */
    SCMP_SYS(fdatasync),       /* durability */
    SCMP_SYS(fsync),           /* the same, of tiles, which are new files, and of the ledger's folder */
    SCMP_SYS(clock_gettime),   /* where the vDSO has no fast path */
    SCMP_SYS(adjtimex),        /* is the clock synchronised? (setting it needs a capability) */
    SCMP_SYS(clock_adjtime),   /* the same, as newer libcs ask for it */
    SCMP_SYS(getrandom),       /* the journal's next identity */
    SCMP_SYS(brk),             /* memory */
    SCMP_SYS(munmap),          /* memory */
    SCMP_SYS(mremap),          /* memory: realloc of large arrays */
    SCMP_SYS(madvise),         /* memory: free, and libsodium's dump exclusion */
    SCMP_SYS(munlock),         /* libsodium gives the key's pages back at the end */
    SCMP_SYS(futex),           /* libc's locks */
    SCMP_SYS(rt_sigreturn),    /* after SIGTERM's handler */
    SCMP_SYS(rt_sigprocmask),  /* around it */
    SCMP_SYS(restart_syscall), /* ppoll after a stop and continue */
    SCMP_SYS(exit_group),      /* the end */
};

static int rules(scmp_filter_ctx f) {
    int err = 0;

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && err == 0; i++)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, allowed[i], 0);
    /* One line of text to stdout or stderr; files are written by pwrite. */
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LE, 2, 0));
    /* Memory, but never code; never a file. libsodium opens and closes the keys' pages with mprotect. */
    if (err == 0)
        err =
            seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                             SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* Is the memfd sealed? */
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS, 0));
    return err;
}

/* Tiles and the checkpoint are new files: each is made under one name, written, synced and given its own, all below
 * the ledger's folder. The filter cannot read a path, but it sees from where it counts and that nothing that exists
 * is ever opened; an absolute path is what Landlock and the unit's ReadWritePaths= are for. */
static int ledger_rules(scmp_filter_ctx f, int ledger) {
    const scmp_datum_t dir = (scmp_datum_t)(unsigned)ledger;
    const int kind = O_ACCMODE | O_CREAT | O_EXCL | O_NOFOLLOW | O_TRUNC | O_APPEND | O_PATH | O_DIRECTORY;
    int err = seccomp_rule_add(
        f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2, SCMP_A0(SCMP_CMP_EQ, dir, 0),
        SCMP_A2(SCMP_CMP_MASKED_EQ, (scmp_datum_t)kind, (scmp_datum_t)(PS_SANDBOX_NEW_FILE & ~O_CLOEXEC)));

    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mkdirat), 1, SCMP_A0(SCMP_CMP_EQ, dir, 0));
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(renameat2), 2, SCMP_A0(SCMP_CMP_EQ, dir, 0),
                               SCMP_A2(SCMP_CMP_EQ, dir, 0));
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(renameat), 2, SCMP_A0(SCMP_CMP_EQ, dir, 0),
                               SCMP_A2(SCMP_CMP_EQ, dir, 0));
    if (err == 0)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(unlinkat), 2, SCMP_A0(SCMP_CMP_EQ, dir, 0),
                               SCMP_A2(SCMP_CMP_EQ, 0, 0));
    return err;
}

bool ps_sandbox_paths(int ledger) {
    /* Of the first version of Landlock: what exists in every kernel that has it. Directories and regular files are
     * made and removed below the ledger's folder; nothing is read, run or listed anywhere. */
    const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    struct landlock_ruleset_attr ruleset = {.handled_access_fs = all};
    struct landlock_path_beneath_attr below = {
        .allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                          LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE,
        .parent_fd = ledger,
    };
    /* A file moves from one folder to another: only the second version can allow that, the first never does. */
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
        return false;
    ruleset.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
    below.allowed_access |= LANDLOCK_ACCESS_FS_REFER;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
    if (fd < 0)
        return false;
    bool ok = syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0 &&
              syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    close(fd);
    return ok;
}

int ps_sandbox_filter(int ledger, struct ps_why *why) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);

    if (f == NULL)
        return ps_error_why(why, PS_ENOMEM, "seccomp", "no filter can be made");
    int err = rules(f);
    if (err == 0)
        err = ledger_rules(f, ledger);
    if (err == 0)
        err = seccomp_load(f);
    seccomp_release(f);
    if (err != 0)
        return ps_error_why(why, PS_EPERM, "seccomp", "the filter cannot be set: %s", strerror(-err));
    return 0;
}
