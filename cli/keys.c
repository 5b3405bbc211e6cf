/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/keys.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void ps_keys_arg(struct ps_keys_job *j, const char *name, const char *value) {
    if (j->n + 2 >= PS_KEYS_ARGS - 3) /* the program, --passphrase-fd N and the end have room, too */
        return;
    j->args[j->n++] = name;
    if (value != NULL)
        j->args[j->n++] = value;
}

static int wait_for(pid_t pid) {
    char text[96];
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status))
        return WEXITSTATUS(status); /* it has said why */
    ps_spawn_status_text(status, text);
    return ps_words_fail(1, ps_words("packseal-signer ended", "packseal-signer 异常退出"), text, NULL);
}

int ps_keys_run(struct ps_keys_job *j, struct ps_buf *out) {
    char path[PATH_MAX], piece[4096], option[] = "--passphrase-fd", fd[16];
    char *argv[PS_KEYS_ARGS + 1];
    struct ps_why why = {0};
    unsigned n = 0;
    pid_t pid;
    int from, status = 1;
    argv[n++] = path;
    for (unsigned i = 0; i < j->n; i++)
        argv[n++] = (char *)(uintptr_t)j->args[i];
    if (j->fd > 0) {
        snprintf(fd, sizeof(fd), "%d", j->fd);
        argv[n++] = option;
        argv[n++] = fd;
    }
    argv[n] = NULL;
    const struct ps_spawn_how how = {.keep = j->fd};
    if (ps_spawn_find("packseal-signer", path, &why) < 0)
        ps_words_fail(1, why.text, why.where, ps_words("install packseal again", "请重新安装"));
    else if (ps_spawn_start(path, argv, &how, &pid, &from, &why) < 0)
        ps_words_fail(1, why.text, why.where, NULL);
    else
        status = -1;
    if (j->fd > 0)
        close(j->fd);
    j->fd = 0;
    if (status != -1)
        return status;
    for (ssize_t got; (got = read(from, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR);)
        if (got > 0)
            ps_buf_bytes(out, piece, (size_t)got);
    close(from);
    status = wait_for(pid);
    if (status == 0 && out->err != 0)
        return ps_words_fail(1, ps_error_text(out->err), "packseal-signer", NULL);
    return status;
}

void ps_keys_tell(const struct ps_buf *report) {
    static const char *const words[][2] = {
        {"merchant", "商家"}, {"root key", "根公钥"},     {"fingerprint", "指纹"},
        {"station", "工位"},  {"clip key", "录像公钥"},   {"clip key id", "公钥编号"},
        {"valid", "有效期"},  {"serial", "序号"},         {"stations", "工位数"},
        {"note", "登记书"},   {"trust file", "信任文件"}, {"revoked", "已吊销"},
        {"since", "自"}};
    const char *p = (const char *)report->p, *end = p + report->n;
    while (p != NULL && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        int n = (int)(nl != NULL ? nl - p : end - p);
        size_t label = 0;
        while (label + 1 < (size_t)n && memcmp(p + label, "  ", 2) != 0)
            label++;
        size_t value = label + strspn(p + label, " ");
        const char *word = NULL;
        for (size_t i = 0; ps_words_zh() && i < sizeof(words) / sizeof(words[0]); i++)
            if (strlen(words[i][0]) == label && memcmp(words[i][0], p, label) == 0)
                word = words[i][1];
        if (word != NULL) {
            ps_words_pad(stdout, word, 13);
            printf("%.*s\n", n - (int)value, p + value);
        } else {
            printf("%.*s\n", n, p);
        }
        p += n + 1;
    }
}

int ps_keys_sealed(const char *root) {
    char dir[PS_ROOT_PATH];
    struct ps_keys_job j = {0};
    struct ps_buf out;
    if (ps_root_path(root, PS_ROOT_SIGNER, dir) < 0)
        return ps_words_fail(-1, ps_words("the path is too long", "路径过长"), root, NULL);
    ps_buf_init(&out, 65536);
    ps_keys_arg(&j, "--key-list", NULL);
    ps_keys_arg(&j, "--dir", dir);
    int sealed = -1;
    if (ps_keys_run(&j, &out) == 0)
        sealed = out.n > 0 && memmem(out.p, out.n, "\"passphrase\"", 12) != NULL;
    ps_buf_free(&out);
    return sealed;
}
