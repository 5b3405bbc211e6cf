/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/keymode.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <seccomp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/cert.h"
#include "signer/file.h"
#include "signer/keyfile.h"
#include "signer/root.h"
#include "signer/sandbox.h"
#include "signer/stationkey.h"

/* Leak checking traces the process, which a filter forbids; such a build is for tests. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define REPORT_MAX 65536

struct mode {
    struct ps_root_job root;
    const char *dir, *public_dir, *signature, *root_pub;
    bool new_root;
    int fd;
    struct ps_keyfile_passphrase *first, *second;
    struct ps_buf report;
};

enum {
    OUT = 1,
    MERCHANT,
    MODERATE,
    KEY,
    REQUEST,
    FROM,
    UNTIL,
    CLIP_KEY,
    SINCE,
    REASON,
    CERT,
    REVOCATION,
    AUTHORITY,
    DIR_,
    PUBLIC,
    SIGNATURE,
    ROOT_PUB,
    NEW_ROOT,
    FD
};

static const struct option table[] = {
    {"out", required_argument, NULL, OUT},
    {"merchant", required_argument, NULL, MERCHANT},
    {"moderate", no_argument, NULL, MODERATE},
    {"key", required_argument, NULL, KEY},
    {"request", required_argument, NULL, REQUEST},
    {"from", required_argument, NULL, FROM},
    {"until", required_argument, NULL, UNTIL},
    {"clip-key", required_argument, NULL, CLIP_KEY},
    {"since", required_argument, NULL, SINCE},
    {"reason", required_argument, NULL, REASON},
    {"cert", required_argument, NULL, CERT},
    {"revocation", required_argument, NULL, REVOCATION},
    {"authority", required_argument, NULL, AUTHORITY},
    {"dir", required_argument, NULL, DIR_},
    {"public", required_argument, NULL, PUBLIC},
    {"signature", required_argument, NULL, SIGNATURE},
    {"root-pub", required_argument, NULL, ROOT_PUB},
    {"new-root", no_argument, NULL, NEW_ROOT},
    {"passphrase-fd", required_argument, NULL, FD},
    {0},
};

static int add(const char **list, size_t *n, struct ps_why *why) {
    if (*n == PS_ROOT_LIST)
        return ps_error_why(why, PS_ELIMIT, optarg, "is one too many: at most %d", PS_ROOT_LIST);
    list[(*n)++] = optarg;
    return 0;
}

static int take(struct mode *m, int option, struct ps_why *why) {
    struct ps_root_job *j = &m->root;
    char *end;

    switch (option) {
    case OUT: j->out = optarg; return 0;
    case MERCHANT: j->merchant = optarg; return 0;
    case MODERATE: j->moderate = true; return 0;
    case KEY: j->key = optarg; return 0;
    case REQUEST: j->request = optarg; return 0;
    case FROM: j->from = optarg; return 0;
    case UNTIL: j->until = optarg; return 0;
    case CLIP_KEY: j->clip_key = optarg; return 0;
    case SINCE: j->since = optarg; return 0;
    case REASON: j->reason = optarg; return 0;
    case CERT: return add(j->certs, &j->n_certs, why);
    case REVOCATION: return add(j->revocations, &j->n_revocations, why);
    case AUTHORITY: return add(j->authorities, &j->n_authorities, why);
    case DIR_: m->dir = optarg; return 0;
    case PUBLIC: m->public_dir = optarg; return 0;
    case SIGNATURE: m->signature = optarg; return 0;
    case ROOT_PUB: m->root_pub = optarg; return 0;
    case NEW_ROOT: m->new_root = true; return 0;
    case FD: {
        long n = strtol(optarg, &end, 10);
        if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || n > INT_MAX)
            return ps_error_why(why, PS_EINVAL, "--passphrase-fd", "is no descriptor number");
        m->fd = (int)n;
        return 0;
    }
    default: return ps_error_why(why, PS_EINVAL, "command line", "unknown or incomplete option");
    }
}

/* ---- giving up what is not needed ---- */

/* No network, no other program, no look at other processes, whatever a file may do to its reader. */
static int go_offline(struct ps_why *why) {
    static const int refused[] = {SCMP_SYS(socket),
                                  SCMP_SYS(connect),
                                  SCMP_SYS(execve),
                                  SCMP_SYS(execveat),
                                  SCMP_SYS(fork),
                                  SCMP_SYS(vfork),
                                  SCMP_SYS(clone),
                                  SCMP_SYS(clone3),
                                  SCMP_SYS(ptrace),
                                  SCMP_SYS(bpf),
                                  SCMP_SYS(kill),
                                  SCMP_SYS(process_vm_readv),
                                  SCMP_SYS(process_vm_writev)};
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int err = f == NULL ? -ENOMEM : 0;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && err == 0; i++)
        err = seccomp_rule_add(f, SCMP_ACT_KILL_PROCESS, refused[i], 0);
    if (err == 0)
        err = seccomp_load(f);
    seccomp_release(f);
    return err == 0 ? 0
                    : ps_error_why(why, PS_EPERM, "seccomp", "the filter cannot be set: %s", strerror(-err));
}

static int confine(struct ps_why *why) {
    const uint8_t needed = PS_SANDBOX_NO_NEW_PRIVS | PS_SANDBOX_LIMITS;
    static char page[16384]; /* as much as keys and passphrases take */

    /* sodium_malloc locks as well, but does not tell how it went. */
    if (sodium_mlock(page, sizeof(page)) != 0)
        return ps_error_why(why, PS_EPERM, "confinement",
                            "keys cannot be locked in memory: raise the memlock limit (ulimit -l)");
    sodium_munlock(page, sizeof(page));
    if ((ps_sandbox_limits(!SANITIZED) & needed) != needed)
        return ps_error_why(why, PS_EPERM, "confinement", "the kernel refuses limits or no_new_privs");
    return SANITIZED ? 0 : go_offline(why);
}

/* A station's keys belong to the signer's user; what root would write there, that user could not read. */
static int become_owner(int dir, struct ps_why *why) {
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (fstat(dir, &st) != 0)
        return ps_error_why(why, PS_EIO, "--dir", "%s", strerror(errno));
    if (st.st_uid != 0 && (setgroups(0, NULL) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
                           setresuid(st.st_uid, st.st_uid, st.st_uid) != 0))
        return ps_error_why(why, PS_EPERM, "--dir", "its owner cannot be become: %s", strerror(errno));
    return 0;
}

/* ---- the root key's modes ---- */

/* Each option that a mode needs, by name. */
static int need(const char *value, const char *option, struct ps_why *why) {
    return value != NULL && value[0] != '\0' ? 0 : ps_error_why(why, PS_EINVAL, option, "is needed");
}

static int take_passphrase(struct mode *m, struct ps_why *why) {
    if (m->fd < 0)
        return ps_error_why(why, PS_EINVAL, "--passphrase-fd", "is needed");
    int err = ps_keyfile_passphrase_read(&m->first, m->fd, why);
    m->root.passphrase = m->first;
    return err;
}

static int root_new(struct mode *m, struct ps_why *why) {
    int err = need(m->root.out, "--out", why);

    if (err == 0)
        err = need(m->root.merchant, "--merchant", why);
    if (err == 0)
        err = take_passphrase(m, why);
    return err == 0 ? ps_root_new(&m->root, &m->report, why) : err;
}

static int root_certify(struct mode *m, struct ps_why *why) {
    const char *const values[] = {m->root.key, m->root.request, m->root.from, m->root.until, m->root.out};
    static const char *const options[] = {"--key", "--request", "--from", "--until", "--out"};
    int err = 0;

    for (size_t i = 0; i < 5 && err == 0; i++)
        err = need(values[i], options[i], why);
    if (err == 0)
        err = take_passphrase(m, why);
    return err == 0 ? ps_root_certify(&m->root, &m->report, why) : err;
}

static int root_revoke(struct mode *m, struct ps_why *why) {
    const char *const values[] = {m->root.key, m->root.clip_key, m->root.since, m->root.reason, m->root.out};
    static const char *const options[] = {"--key", "--clip-key", "--since", "--reason", "--out"};
    int err = 0;

    for (size_t i = 0; i < 5 && err == 0; i++)
        err = need(values[i], options[i], why);
    if (err == 0)
        err = take_passphrase(m, why);
    return err == 0 ? ps_root_revoke(&m->root, &m->report, why) : err;
}

static int root_enrol(struct mode *m, struct ps_why *why) {
    int err = need(m->root.key, "--key", why);

    if (err == 0)
        err = need(m->root.out, "--out", why);
    if (err == 0)
        err = take_passphrase(m, why);
    return err == 0 ? ps_root_enrol(&m->root, &m->report, why) : err;
}

/* ---- the station's modes ---- */

static int open_folder(const char *path, struct ps_why *why) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd
                   : ps_error_why(why, PS_EIO, path, "%s: has the station been set up?", strerror(errno));
}

static int open_station(struct mode *m, struct ps_stationkey *s, struct ps_why *why) {
    char beside[PATH_MAX];

    *s = (struct ps_stationkey){.dir = -1, .public_dir = -1};
    int err = need(m->dir, "--dir", why);
    if (err != 0)
        return err;
    int n = snprintf(beside, sizeof(beside), "%s/../public", m->dir);
    if (n < 0 || (size_t)n >= sizeof(beside))
        return ps_error_why(why, PS_EINVAL, "--dir", "is no path");
    if ((err = s->dir = open_folder(m->dir, why)) < 0 || (err = become_owner(s->dir, why)) != 0)
        return err;
    err = s->public_dir = open_folder(m->public_dir != NULL ? m->public_dir : beside, why);
    return err < 0 ? err : ps_stationkey_open(s, why);
}

static void close_station(struct ps_stationkey *s) {
    if (s->dir >= 0)
        close(s->dir);
    if (s->public_dir >= 0)
        close(s->public_dir);
}

/* Runs one of the modes that need but the current passphrase, where there is one. */
static int station(struct mode *m,
                   int (*what)(const struct ps_stationkey *, struct ps_buf *, struct ps_why *),
                   struct ps_why *why) {
    struct ps_stationkey s;

    int err = m->fd >= 0 ? ps_keyfile_passphrase_read(&m->first, m->fd, why) : 0;
    if (err != 0)
        return err;
    err = open_station(m, &s, why);
    s.passphrase = m->first;
    if (err == 0)
        err = what(&s, &m->report, why);
    close_station(&s);
    return err;
}

static int key_request(struct mode *m, struct ps_why *why) {
    return station(m, ps_stationkey_request, why);
}

static int key_rotate(struct mode *m, struct ps_why *why) {
    return station(m, ps_stationkey_rotate, why);
}

static int key_list(struct mode *m, struct ps_why *why) {
    return station(m, ps_stationkey_list, why);
}

/* The lines of --passphrase-fd: of encrypted keys the current one first. */
static int relock(struct mode *m, bool protect, struct ps_why *why) {
    struct ps_stationkey s;
    struct ps_buf list;

    if (protect && m->fd < 0)
        return ps_error_why(why, PS_EINVAL, "--passphrase-fd", "is needed");
    ps_buf_init(&list, REPORT_MAX);
    int err = open_station(m, &s, why);
    if (err == 0)
        err = ps_stationkey_list(&s, &list, why);
    if (err == 0)
        ps_buf_u8(&list, '\0');
    if (err == 0 && (err = list.err) == 0 && strstr((char *)list.p, "\"passphrase\"") != NULL && m->fd >= 0)
        err = ps_keyfile_passphrase_read(&m->first, m->fd, why);
    if (err == 0 && protect)
        err = ps_keyfile_passphrase_read(&m->second, m->fd, why);
    s.passphrase = m->first;
    if (err == 0)
        err = ps_stationkey_relock(&s, m->second, why);
    ps_buf_free(&list);
    close_station(&s);
    return err;
}

static int key_protect(struct mode *m, struct ps_why *why) {
    return relock(m, true, why);
}

static int key_unprotect(struct mode *m, struct ps_why *why) {
    return relock(m, false, why);
}

static ssize_t load(const char *path, void *p, size_t cap, struct ps_why *why) {
    ssize_t n = ps_file_load(AT_FDCWD, path, p, cap);

    return n >= 0 ? n
                  : ps_error_why(why, (int)n, path, "cannot be read: %s",
                                 n == PS_ELIMIT ? "it is too long" : strerror(errno));
}

/* What was brought is read before the station's user is become, who may not. */
static int key_install(struct mode *m, struct ps_why *why) {
    char cert[PS_CERT_MAX], sig[PS_MAX_MINISIG], root[PS_MAX_MINISIG], beside[PATH_MAX];
    struct ps_stationkey s;
    ssize_t n, sig_n, root_n;

    if (m->root.n_certs != 1)
        return ps_error_why(why, PS_EINVAL, "--cert", "is needed, once");
    int err = need(m->root_pub, "--root-pub", why);
    if (err != 0)
        return err;
    int k = snprintf(beside, sizeof(beside), "%s.minisig", m->root.certs[0]);
    if (k < 0 || (size_t)k >= sizeof(beside))
        return ps_error_why(why, PS_EINVAL, "--cert", "is no path");
    if ((n = load(m->root.certs[0], cert, sizeof(cert), why)) < 0)
        return (int)n;
    if ((sig_n = load(m->signature != NULL ? m->signature : beside, sig, sizeof(sig), why)) < 0)
        return (int)sig_n;
    if ((root_n = load(m->root_pub, root, sizeof(root), why)) < 0)
        return (int)root_n;
    struct ps_stationkey_cert c = {cert, sig, root, (size_t)n, (size_t)sig_n, (size_t)root_n, m->new_root};
    err = open_station(m, &s, why);
    if (err == 0)
        err = ps_stationkey_install(&s, &c, &m->report, why);
    close_station(&s);
    return err;
}

static const struct {
    const char *name;
    int (*run)(struct mode *, struct ps_why *);
} modes[] = {{"--root-key-new", root_new},       {"--root-key-certify", root_certify},
             {"--root-key-revoke", root_revoke}, {"--root-key-enrol", root_enrol},
             {"--key-request", key_request},     {"--key-install", key_install},
             {"--key-rotate", key_rotate},       {"--key-protect", key_protect},
             {"--key-unprotect", key_unprotect}, {"--key-list", key_list}};
#define MODES (sizeof(modes) / sizeof(modes[0]))

bool ps_keymode_wanted(int argc, char **argv) {
    for (size_t i = 0; i < MODES; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0)
            return true;
    return false;
}

int ps_keymode_run(int argc, char **argv) {
    struct mode *m = calloc(1, sizeof(*m));
    struct ps_why why = {0};
    int err = 0, option;

    if (m == NULL)
        return 1;
    m->fd = -1;
    ps_buf_init(&m->report, REPORT_MAX);
    opterr = 0;
    optind = 2; /* after the mode */
    while (err == 0 && (option = getopt_long(argc, argv, "", table, NULL)) != -1)
        err = take(m, option, &why);
    if (err == 0 && optind < argc)
        err = ps_error_why(&why, PS_EINVAL, "command line", "takes options only");
    if (err == 0)
        err = confine(&why);
    for (size_t i = 0; i < MODES && err == 0; i++)
        if (strcmp(argv[1], modes[i].name) == 0) {
            err = modes[i].run(m, &why);
            break;
        }
    ps_keyfile_passphrase_free(m->second);
    ps_keyfile_passphrase_free(m->first);
    if (err != 0)
        fprintf(stderr, "packseal-signer: %s: %s\n", why.where, why.text);
    else if ((m->report.n > 0 && fwrite(m->report.p, m->report.n, 1, stdout) != 1) || fflush(stdout) != 0)
        err = PS_EIO;
    ps_buf_free(&m->report);
    free(m);
    return err == 0 ? 0 : err == PS_EINVAL ? 2 : 1;
}
