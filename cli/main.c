/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cmd.h"
#include "cli/words.h"
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *en, *zh;
};

static const struct command commands[] = {
    {"init", ps_cmd_init, "make a new station: folders, keys, configuration", "新建工位:文件夹、密钥、配置"},
    {"run", ps_cmd_run, "run signer and recorder in the foreground", "在前台运行签名程序和录像程序"},
    {"status", ps_cmd_status, "tell what the station is doing", "显示工位状态"},
    {"events", ps_cmd_events, "print what happens at the station, as it happens", "实时显示工位上发生的事"},
    {"scan", ps_cmd_scan, "as if a code had been scanned", "等同于扫描一个条码"},
    {"stop", ps_cmd_stop, "end the clip and wait until it is sealed", "结束当前录像并等待签名封存"},
    {"cancel", ps_cmd_cancel, "end the clip as cancelled", "将当前录像作为已取消结束"},
    {"cameras", ps_cmd_cameras, "list cameras", "列出摄像头"},
    {"barcodes", ps_cmd_barcodes, "print the barcodes of the bench: commands, staff numbers",
     "打印工位条码:命令、工号"},
    {"code", ps_cmd_code, "print the code for the web pages: set-up, or a screen to pair",
     "打印网页用的代码:首次设置或屏幕配对"},
    {"find", ps_cmd_find, "find clips by any number of the order", "按订单的任一号码查找录像"},
    {"link", ps_cmd_link, "add a number that was learned later", "补记事后得知的号码"},
    {"orders", ps_cmd_orders, "check the list of expected orders", "检查待发订单表"},
    {"show", ps_cmd_show, "tell in plain words what a clip's statement says", "用文字说明录像的声明内容"},
    {"verify", ps_cmd_verify, "judge clips and bundles", "核验录像和证据包"},
    {"export", ps_cmd_export, "write a bundle for a platform or court", "导出证据包"},
    {"report", ps_cmd_report, "write a report for people: PDF, HTML, evidence card",
     "生成报告:PDF、HTML、证据卡"},
    {"intake", ps_cmd_intake, "take product photographs in, straight from the camera",
     "收存相机直出的商品照片"},
    {"stamp", ps_cmd_stamp, "have the ledger stamped by time-stamp authorities", "请时间戳机构为账本盖戳"},
    {"ledger", ps_cmd_ledger, "audit the ledger, or compare two copies", "审计账本,或比较两个副本"},
    {"hold", ps_cmd_hold, "keep clips from retention", "保留录像,不让其被自动删除"},
    {"prune", ps_cmd_prune, "remove clips whose time is over", "删除到期的录像"},
    {"reindex", ps_cmd_reindex, "make the search index anew from the clips", "由录像重建检索索引"},
    {"key", ps_cmd_key, "keys: list, certify, rotate, revoke, enrol", "密钥:列表、认证、更换、吊销、登记"},
    {"trust", ps_cmd_trust, "a platform's trust file: add, list, check", "平台的信任文件:加入、列出、检查"},
    {"doctor", ps_cmd_doctor, "look for what must be mended", "检查需要处理的问题"},
    {"selftest", ps_cmd_selftest, "doctor, ledger check, and clips picked at random",
     "自检:doctor、账本、随机核验录像"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(void) {
    printf("%s\n\n", ps_words("usage: packseal COMMAND [--root DIR] [--lang en|zh] [--help] ...",
                              "用法:packseal 命令 [--root 文件夹] [--lang en|zh] [--help] ……"));
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-9s %s\n", commands[i].name, ps_words(commands[i].en, commands[i].zh));
    printf("\n%s\n", ps_words("packseal COMMAND --help tells more; so do packseal(1) and packseal.conf(5).",
                              "详见 packseal 命令 --help,以及 packseal(1)、packseal.conf(5)。"));
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "");
    ps_words_choose(NULL);
    umask(0027);
    /* A reader that goes away is an error of the write. */
    signal(SIGPIPE, SIG_IGN);
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return usage();
    if (strcmp(name, "--version") == 0)
        return puts("packseal " PS_VERSION) < 0 || fflush(stdout) != 0;
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0) {
            int status = commands[i].run(argc - 1, argv + 1);
            if (fflush(stdout) != 0 || ferror(stdout))
                return ps_words_fail(status != 0 ? status : 1, ps_words("output", "输出"),
                                     ps_words("cannot be written", "无法写入"), NULL);
            return status;
        }
    return ps_words_fail(
        2, name[0] == '\0' ? ps_words("no command", "没有命令") : ps_words("unknown command", "未知命令"),
        name, ps_words("see: packseal --help", "参见:packseal --help"));
}
