/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal key …: the life of keys (docs/KEYS.md). Secret keys are handled by packseal-signer alone; here options are
 * read, passphrases asked, and files put where the user wants them.
 */
#include "archive/store.h"
#include "cli/appending.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/keys.h"
#include "cli/passphrase.h"
#include "cli/words.h"
#include "evidence/cert.h"
#include "evidence/statement.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_NS ((int64_t)86400 * 1000000000)
#define VALID_DAYS 730

static const char help_en[] =
    "usage: packseal key list    [--json] [--root DIR]\n"
    "\n"
    "The merchant, on a machine that is no station:\n"
    "       packseal key root    --merchant NAME -o DIR [--moderate]\n"
    "       packseal key certify --root-key FILE --request FILE [--from T] [--until T] -o DIR\n"
    "       packseal key revoke  --root-key FILE --clip-key RWQ... --since T --reason WORD -o DIR\n"
    "       packseal key enrol   --root-key FILE [--cert FILE]... [--revocation FILE]... [--tsa "
    "NAME=CA.pem]... -o "
    "FILE\n"
    "\n"
    "The station:\n"
    "       packseal key request [-o FILE]\n"
    "       packseal key install CERT|REVOCATION [SIGNATURE] [--root-pub FILE] [--new-root]\n"
    "       packseal key rotate                    while the station is stopped: a new clip key\n"
    "       packseal key protect | unprotect       while it is stopped: secret keys under a passphrase, or "
    "not\n"
    "\n"
    "  -o, --out PATH           where new files go; nothing is overwritten\n"
    "  --passphrase-file FILE   its first line, instead of asking on the terminal\n"
    "  --current-passphrase-file FILE   protect: the one that the keys have now\n"
    "  --moderate               the passphrase costs 256 MiB instead of 1 GiB of memory\n"
    "  --from, --until T        a date or RFC 3339 (default: today, and 730 days)\n"
    "  --reason WORD            lost, stolen, replaced or closed\n"
    "  --new-root               another root key than the installed one is meant\n"
    "\n"
    "What each is for, and what to do when a station is lost: packseal-key(1), docs/KEYS.md.\n";
static const char help_zh[] =
    "用法:packseal key list    [--json] [--root 文件夹]\n"
    "\n"
    "商家,在非工位的电脑上:\n"
    "      packseal key root    --merchant 名称 -o 文件夹 [--moderate]\n"
    "      packseal key certify --root-key 文件 --request 文件 [--from 时间] [--until 时间] -o 文件夹\n"
    "      packseal key revoke  --root-key 文件 --clip-key RWQ… --since 时间 --reason 原因 -o 文件夹\n"
    "      packseal key enrol   --root-key 文件 [--cert 文件]… [--revocation 文件]… [--tsa 名=CA.pem]… -o "
    "文件\n"
    "\n"
    "工位:\n"
    "      packseal key request [-o 文件]\n"
    "      packseal key install 证书或吊销文件 [签名] [--root-pub 文件] [--new-root]\n"
    "      packseal key rotate                    停机时:更换录像密钥\n"
    "      packseal key protect | unprotect       停机时:用口令加密私钥,或取消\n"
    "\n"
    "  -o, --out 路径           新文件的位置;不覆盖任何已有内容\n"
    "  --passphrase-file 文件   取其首行,不在终端询问\n"
    "  --current-passphrase-file 文件   protect:密钥现有的口令\n"
    "  --moderate               口令运算占用 256 MiB 内存(缺省 1 GiB)\n"
    "  --from、--until 时间     日期或 RFC 3339(缺省:今天起 730 天)\n"
    "  --reason 原因            lost 丢失、stolen 被盗、replaced 更换、closed 停用\n"
    "  --new-root               确实更换为另一根公钥\n"
    "\n"
    "各命令的用途,以及工位丢失时的处理:packseal-key(1)、docs/KEYS.md。\n";

struct key {
    const char *root_arg, *out, *passphrase, *current, *merchant, *root_key, *request, *from, *until,
        *clip_key, *since, *reason, *root_pub;
    struct ps_args_list certs, revocations, authorities;
    bool moderate, new_root, json;
    int n; /* other arguments, the first of them is the subcommand */
    char **argv;
    char root[PS_ROOT_PATH], dir[PS_ROOT_PATH]; /* of the station, where one is meant */
};

static int missing(const char *option) {
    return ps_words_fail(2, ps_words("something is missing", "缺少参数"), option,
                         ps_words("see: packseal key --help", "参见:packseal key --help"));
}

static int on_station(struct key *k) {
    if (!ps_args_root(k->root_arg, k->root))
        return 2;
    if (ps_root_path(k->root, PS_ROOT_SIGNER, k->dir) < 0)
        return ps_words_fail(2, ps_words("the path is too long", "路径过长"), k->root, NULL);
    return 0;
}

/* Runs it and tells what it says. */
static int run_and_tell(struct ps_keys_job *j) {
    struct ps_buf out;
    ps_buf_init(&out, 65536);
    int status = ps_keys_run(j, &out);
    if (status == 0)
        ps_keys_tell(&out);
    ps_buf_free(&out);
    return status;
}

static int ask_one(struct ps_keys_job *j, const char *file, const char *prompt, bool fresh) {
    const struct ps_passphrase_ask a = {file, prompt, fresh};
    j->fd = ps_passphrase_pipe(&a, 1);
    return j->fd > 0 ? 0 : 1;
}

static int make_folder(const char *path, mode_t mode) {
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return 0;
    return ps_words_fail(1, strerrordesc_np(errno), path,
                         ps_words("choose another folder with -o", "请用 -o 另选文件夹"));
}

/* ---- the merchant ---- */

static int key_root(struct key *k) {
    struct ps_keys_job j = {0};
    if (k->merchant == NULL)
        return missing("--merchant");
    if (k->out == NULL)
        return missing("-o");
    if (make_folder(k->out, 0700) != 0 ||
        ask_one(&j, k->passphrase, ps_words("New passphrase for the root key", "根密钥的新口令"), true) != 0)
        return 1;
    ps_keys_arg(&j, "--root-key-new", NULL);
    ps_keys_arg(&j, "--merchant", k->merchant);
    ps_keys_arg(&j, "--out", k->out);
    if (k->moderate)
        ps_keys_arg(&j, "--moderate", NULL);
    int status = run_and_tell(&j);
    if (status == 0)
        puts(ps_words(
            "Keep root.key off every station and off the network, copy it to a second place, and "
            "remember the passphrase:\nwithout them no station can be certified any more.",
            "请将 root.key 存放在工位和网络之外,另存一份副本,并牢记口令:\n缺少任何一项都无法再认证工位。"));
    return status;
}

/* An instant as packseal-signer takes it. */
static int time_text(const char *text, bool end, int64_t otherwise, const char *option, char out[32]) {
    int64_t ns = otherwise;
    if (text != NULL && !ps_clips_time_of(text, end, &ns))
        return ps_words_fail(2, ps_words("is no time", "不是时间"), option,
                             ps_words("for example 2026-11-21 or 2026-11-21T08:15:30.000Z",
                                      "例如 2026-11-21 或 2026-11-21T08:15:30.000Z"));
    ps_statement_time_text(ns, out);
    return 0;
}

/* A job of the root key, whose passphrase is asked. */
static int begin_root(struct key *k, struct ps_keys_job *j, const char *mode) {
    if (ask_one(j, k->passphrase, ps_words("Passphrase of the root key", "根密钥的口令"), false) != 0)
        return 1;
    ps_keys_arg(j, mode, NULL);
    ps_keys_arg(j, "--key", k->root_key);
    return 0;
}

static int key_certify(struct key *k) {
    struct ps_keys_job j = {0};
    char from[32], until[32];
    int64_t today = (int64_t)(time(NULL) / 86400) * DAY_NS;
    if (k->root_key == NULL)
        return missing("--root-key");
    if (k->request == NULL)
        return missing("--request");
    if (k->out == NULL)
        return missing("-o");
    if (time_text(k->from, false, today, "--from", from) != 0 ||
        time_text(k->until, true, today + VALID_DAYS * DAY_NS, "--until", until) != 0)
        return 2;
    if (make_folder(k->out, 0755) != 0 || begin_root(k, &j, "--root-key-certify") != 0)
        return 1;
    ps_keys_arg(&j, "--request", k->request);
    ps_keys_arg(&j, "--from", from);
    ps_keys_arg(&j, "--until", until);
    ps_keys_arg(&j, "--out", k->out);
    return run_and_tell(&j);
}

static int key_revoke(struct key *k) {
    struct ps_keys_job j = {0};
    char since[32];
    const char *const needed[][2] = {{k->root_key, "--root-key"},
                                     {k->clip_key, "--clip-key"},
                                     {k->since, "--since"},
                                     {k->reason, "--reason"},
                                     {k->out, "-o"}};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (needed[i][0] == NULL)
            return missing(needed[i][1]);
    if (time_text(k->since, false, 0, "--since", since) != 0)
        return 2;
    if (make_folder(k->out, 0755) != 0 || begin_root(k, &j, "--root-key-revoke") != 0)
        return 1;
    ps_keys_arg(&j, "--clip-key", k->clip_key);
    ps_keys_arg(&j, "--since", since);
    ps_keys_arg(&j, "--reason", k->reason);
    ps_keys_arg(&j, "--out", k->out);
    return run_and_tell(&j);
}

/* "NAME=CA.pem" as "SHA256 NAME": of the first certificate's DER. */
static char *authority(const char *text) {
    const char *equals = strchr(text, '=');
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned sum_n = 0;
    char hex[65], *out = NULL;
    X509 *x = NULL;
    FILE *f = equals != NULL ? fopen(equals + 1, "re") : NULL;
    if (f != NULL) {
        x = PEM_read_X509(f, NULL, NULL, NULL);
        fclose(f);
    }
    if (x != NULL && X509_digest(x, EVP_sha256(), sum, &sum_n) == 1 && sum_n == 32) {
        ps_bytes_hex(hex, sum, 32);
        if (asprintf(&out, "%s %.*s", hex, (int)(equals - text), text) < 0)
            out = NULL;
    }
    X509_free(x);
    if (out == NULL)
        ps_words_fail(1, ps_words("is not NAME=FILE with a PEM certificate", "不是 名=文件(PEM 证书)"), text,
                      ps_words("give the authority's own root certificate", "请给出时间戳机构的根证书"));
    return out;
}

static int key_enrol(struct key *k) {
    struct ps_keys_job j = {0};
    char *authorities[PS_ARGS_LIST_MAX];
    unsigned n = 0;
    int status = 1;
    if (k->root_key == NULL)
        return missing("--root-key");
    if (k->out == NULL)
        return missing("-o");
    for (; n < k->authorities.n; n++)
        if ((authorities[n] = authority(k->authorities.v[n])) == NULL)
            goto out;
    if (begin_root(k, &j, "--root-key-enrol") != 0)
        goto out;
    for (unsigned i = 0; i < k->certs.n; i++)
        ps_keys_arg(&j, "--cert", k->certs.v[i]);
    for (unsigned i = 0; i < k->revocations.n; i++)
        ps_keys_arg(&j, "--revocation", k->revocations.v[i]);
    for (unsigned i = 0; i < n; i++)
        ps_keys_arg(&j, "--authority", authorities[i]);
    ps_keys_arg(&j, "--out", k->out);
    status = run_and_tell(&j);
out:
    for (unsigned i = 0; i < n; i++)
        free(authorities[i]);
    return status;
}

/* ---- the station ---- */

/* A job on the station's keys: its folder, and its passphrase where the keys have one. */
static int begin_station(struct key *k, struct ps_keys_job *j, const char *mode) {
    int status = on_station(k);
    int sealed = status == 0 ? ps_keys_sealed(k->root) : 0;
    if (status != 0 || sealed < 0)
        return status != 0 ? status : 1;
    if (sealed &&
        (status = ask_one(j, k->passphrase, ps_words("Passphrase of this station's keys", "本工位密钥的口令"),
                          false)) != 0)
        return status;
    ps_keys_arg(j, mode, NULL);
    ps_keys_arg(j, "--dir", k->dir);
    return 0;
}

static int write_out(const char *path, const void *p, size_t n) {
    struct ps_why why = {0};
    if (ps_store_write_file(AT_FDCWD, path, p, n, &why) == 0)
        return 0;
    return ps_words_fail(1, why.text, path, ps_words("choose another name with -o", "请用 -o 另取文件名"));
}

static int key_request(struct key *k) {
    struct ps_keys_job j = {0};
    struct ps_buf out;
    char name[PS_ROOT_PATH], sig[PS_ROOT_PATH + 16];
    int status = begin_station(k, &j, "--key-request");
    if (status != 0)
        return status;
    ps_buf_init(&out, 65536);
    status = ps_keys_run(&j, &out);
    /* The request, and then its signature, which begins as no line of the request does. */
    const uint8_t *at = status == 0 ? memmem(out.p, out.n, "\nuntrusted comment: ", 20) : NULL;
    if (status == 0 && at == NULL)
        status = ps_words_fail(1, ps_words("said nothing", "没有输出"), "packseal-signer", NULL);
    if (status == 0) {
        size_t n = (size_t)(at + 1 - out.p);
        snprintf(name, sizeof(name), "%s", k->out != NULL ? k->out : "request.json");
        snprintf(sig, sizeof(sig), "%s.minisig", name);
        status = write_out(name, out.p, n);
        if (status == 0)
            status = write_out(sig, out.p + n, out.n - n);
    }
    if (status == 0)
        printf(ps_words("request  %s\nnext     take it and %s to the root key: packseal key certify\n",
                        "申请    %s\n下一步  连同 %s 交给根密钥:packseal key certify\n"),
               name, sig);
    ps_buf_free(&out);
    return status;
}

/* The running signer has its ledger tell what was installed; one that starts later finds it by itself. */
static void tell_ledger(const struct key *k, const char *signature) {
    struct ps_wire_appended leaf;
    struct ps_why why = {0};
    uint8_t *text = NULL, *sig = NULL;
    size_t n = 0, sig_n = 0;
    int fd = ps_appending_open(k->root, &why), err = fd;
    if (fd >= 0)
        err = ps_store_read_file(AT_FDCWD, k->argv[1], PS_CERT_MAX, &text, &n, &why);
    if (err >= 0)
        err = ps_store_read_file(AT_FDCWD, signature, PS_MAX_MINISIG, &sig, &sig_n, &why);
    if (err >= 0) {
        const struct ps_wire_key file = {text, sig, (uint16_t)n, (uint16_t)sig_n};
        err = ps_appending_key(fd, &file, &leaf, &why);
    }
    if (err >= 0)
        printf(ps_words("ledger       entry %" PRIu64 "\n", "账本         第 %" PRIu64 " 条\n"), leaf.index);
    else
        puts(ps_words("ledger       tells it when the signer starts next",
                      "账本         签名程序下次启动时记入"));
    free(sig);
    free(text);
    if (fd >= 0)
        close(fd);
}

static int key_install(struct key *k) {
    struct ps_keys_job j = {0};
    char root_pub[PS_ROOT_PATH], signature[PS_ROOT_PATH];
    if (k->n < 2)
        return missing(ps_words("the certificate", "证书"));
    int status = on_station(k);
    if (status != 0)
        return status;
    const char *slash = strrchr(k->argv[1], '/'); /* certify puts root.pub beside the certificate */
    snprintf(root_pub, sizeof(root_pub), "%.*sroot.pub", slash != NULL ? (int)(slash - k->argv[1] + 1) : 0,
             k->argv[1]);
    /* A revocation comes without: it is by the installed one. */
    if (access(root_pub, F_OK) != 0 && !k->new_root)
        (void)ps_root_path(k->root, PS_ROOT_PUBLIC "/root.pub", root_pub);
    snprintf(signature, sizeof(signature), "%s%s", k->n > 2 ? k->argv[2] : k->argv[1],
             k->n > 2 ? "" : ".minisig");
    ps_keys_arg(&j, "--key-install", NULL);
    ps_keys_arg(&j, "--dir", k->dir);
    ps_keys_arg(&j, "--cert", k->argv[1]);
    ps_keys_arg(&j, "--signature", signature);
    ps_keys_arg(&j, "--root-pub", k->root_pub != NULL ? k->root_pub : root_pub);
    if (k->new_root)
        ps_keys_arg(&j, "--new-root", NULL);
    status = run_and_tell(&j);
    if (status == 0)
        tell_ledger(k, signature);
    return status;
}

static int key_rotate(struct key *k) {
    struct ps_keys_job j = {0};
    int status = begin_station(k, &j, "--key-rotate");
    if (status != 0)
        return status;
    status = run_and_tell(&j);
    if (status == 0)
        puts(ps_words("next         packseal key request: the new key has no certificate yet",
                      "下一步       packseal key request:新密钥尚未认证"));
    return status;
}

static int key_protect(struct key *k) {
    struct ps_keys_job j = {0};
    struct ps_passphrase_ask asks[2];
    unsigned n = 0;
    int status = on_station(k);
    int sealed = status == 0 ? ps_keys_sealed(k->root) : -1;
    if (sealed < 0)
        return status != 0 ? status : 1;
    if (sealed)
        asks[n++] = (struct ps_passphrase_ask){
            k->current, ps_words("Current passphrase of this station's keys", "本工位密钥的现有口令"), false};
    asks[n++] = (struct ps_passphrase_ask){
        k->passphrase, ps_words("New passphrase for this station's keys", "本工位密钥的新口令"), true};
    if ((j.fd = ps_passphrase_pipe(asks, n)) < 0)
        return 1;
    ps_keys_arg(&j, "--key-protect", NULL);
    ps_keys_arg(&j, "--dir", k->dir);
    status = run_and_tell(&j);
    if (status == 0)
        puts(ps_words(
            "From now on the signer needs the passphrase: the systemd credential packseal-passphrase, or\n"
            "packseal run --passphrase-file. Older copies of signer/ still hold the keys as they were.",
            "此后签名程序启动时需要口令:systemd 凭据 packseal-passphrase,或 packseal run "
            "--passphrase-file。\nsigner/ 的旧备份中密钥仍为原样。"));
    return status;
}

static int key_unprotect(struct key *k) {
    struct ps_keys_job j = {0};
    int status = begin_station(k, &j, "--key-unprotect");
    return status == 0 ? run_and_tell(&j) : status;
}

static int key_list(struct key *k) {
    return ps_args_root(k->root_arg, k->root) ? ps_keys_list(k->root, k->json) : 2;
}

static const struct {
    const char *name;
    int (*run)(struct key *);
    int most; /* other arguments */
} commands[] = {{"list", key_list, 0},          {"root", key_root, 0},     {"certify", key_certify, 0},
                {"revoke", key_revoke, 0},      {"enrol", key_enrol, 0},   {"request", key_request, 0},
                {"install", key_install, 2},    {"rotate", key_rotate, 0}, {"protect", key_protect, 0},
                {"unprotect", key_unprotect, 0}};

int ps_cmd_key(int argc, char **argv) {
    struct key k = {.argv = argv};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &k.root_arg},
                                             {"--out", "-o", PS_ARGS_TEXT, &k.out},
                                             {"--passphrase-file", NULL, PS_ARGS_TEXT, &k.passphrase},
                                             {"--current-passphrase-file", NULL, PS_ARGS_TEXT, &k.current},
                                             {"--merchant", NULL, PS_ARGS_TEXT, &k.merchant},
                                             {"--moderate", NULL, PS_ARGS_FLAG, &k.moderate},
                                             {"--root-key", NULL, PS_ARGS_TEXT, &k.root_key},
                                             {"--request", NULL, PS_ARGS_TEXT, &k.request},
                                             {"--from", NULL, PS_ARGS_TEXT, &k.from},
                                             {"--until", NULL, PS_ARGS_TEXT, &k.until},
                                             {"--clip-key", NULL, PS_ARGS_TEXT, &k.clip_key},
                                             {"--since", NULL, PS_ARGS_TEXT, &k.since},
                                             {"--reason", NULL, PS_ARGS_TEXT, &k.reason},
                                             {"--cert", NULL, PS_ARGS_LIST, &k.certs},
                                             {"--revocation", NULL, PS_ARGS_LIST, &k.revocations},
                                             {"--tsa", NULL, PS_ARGS_LIST, &k.authorities},
                                             {"--root-pub", NULL, PS_ARGS_TEXT, &k.root_pub},
                                             {"--new-root", NULL, PS_ARGS_FLAG, &k.new_root},
                                             {"--json", NULL, PS_ARGS_FLAG, &k.json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"key", help_en, help_zh, options, 1, 3};
    int status = ps_args_parse(&spec, argc, argv, &k.n);
    if (status != PS_ARGS_GO)
        return status;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[0], commands[i].name) == 0) {
            if (k.n - 1 > commands[i].most)
                return ps_words_fail(2, ps_words("one argument too many", "参数过多"),
                                     argv[commands[i].most + 1],
                                     ps_words("see: packseal key --help", "参见:packseal key --help"));
            return commands[i].run(&k);
        }
    return ps_words_fail(2, ps_words("unknown command", "未知命令"), argv[0],
                         ps_words("see: packseal key --help", "参见:packseal key --help"));
}
