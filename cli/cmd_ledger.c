/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/ledger.h"
#include "cli/words.h"

static const char help_en[] =
    "usage: packseal ledger check [--json] [--root DIR]\n"
    "       packseal ledger compare A B [--key FILE] [--json] [--root DIR]\n"
    "\n"
    "check audits this station's ledger: every entry, the tiles made of them, the checkpoint, every other "
    "checkpoint\n"
    "that is kept below the root, clips without an end, each clip folder and the photographs of each intake "
    "against their\n"
    "entries. Exit status 1 when something is wrong.\n"
    "\n"
    "compare holds two copies of a ledger against each other, each a ledger folder or a checkpoint file. "
    "Exit status 0\n"
    "when one history holds both, 1 when they prove a fork, 2 when it cannot be told.\n"
    "\n"
    "  --key FILE  public key of the ledger (default: public/log.vkey below the root)\n"
    "  --json      one object a line\n";
static const char help_zh[] =
    "用法:packseal ledger check [--json] [--root 文件夹]\n"
    "      packseal ledger compare 甲 乙 [--key 文件] [--json] [--root 文件夹]\n"
    "\n"
    "check "
    "审计本工位的账本:每条记录、由其生成的瓦片文件、检查点、根文件夹下保存的其他检查点、没有结束的录像,\n"
    "以及每个录像文件夹、每次收存的照片与其账本记录是否一致。有问题时返回 1。\n"
    "\n"
    "compare 比较账本的两个副本,各为账本文件夹或检查点文件。同一历史返回 0,证明分叉返回 1,无法判断返回 2。\n"
    "\n"
    "  --key 文件  账本公钥(默认:根文件夹下的 public/log.vkey)\n"
    "  --json      每行一个对象\n";

static int compare(const char *root_arg, const char *key_arg, const char *a, const char *b, bool json) {
    char root[PS_ROOT_PATH], path[PS_ROOT_PATH];
    struct ps_vkey key;

    if (key_arg == NULL) {
        if (!ps_args_root(root_arg, root) || ps_root_path(root, PS_ROOT_PUBLIC "/log.vkey", path) < 0)
            return 2;
        key_arg = path;
    }
    int err = ps_ledger_key(key_arg, &key);
    if (err != 0)
        return ps_words_fail(2,
                             err == PS_ENOENT ? ps_words("there is no ledger key", "没有账本公钥")
                                              : ps_words("is no ledger key", "不是账本公钥"),
                             key_arg, ps_words("name it with --key", "请用 --key 指定"));
    return ps_ledger_compare(a, b, &key, json);
}

int ps_cmd_ledger(int argc, char **argv) {
    const char *root_arg = NULL, *key_arg = NULL;
    char root[PS_ROOT_PATH];
    bool json = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--key", NULL, PS_ARGS_TEXT, &key_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"ledger", help_en, help_zh, options, 1, 3};
    int n, status = ps_args_parse(&spec, argc, argv, &n);

    if (status != PS_ARGS_GO)
        return status;
    if (strcmp(argv[0], "compare") == 0 && n == 3)
        return compare(root_arg, key_arg, argv[1], argv[2], json);
    if (strcmp(argv[0], "check") != 0 || n != 1 || key_arg != NULL)
        return ps_words_fail(2, ps_words("unknown command", "未知命令"), argv[0],
                             ps_words("see: packseal ledger --help", "参见:packseal ledger --help"));
    if (!ps_args_root(root_arg, root))
        return 2;
    return ps_ledger_check(root, json);
}
