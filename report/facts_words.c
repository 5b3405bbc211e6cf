/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fixed texts of a report, in both languages. The words 真实, 通过, 合格 never stand here: a report tells what was
 * compared with what.
 */
#include "report/facts.h"
#include <string.h>

static const char *const sections[PS_FACTS_SECTIONS][2] = {
    [PS_FACTS_VERDICT] = {"核验结果", "Verdict"},
    [PS_FACTS_CLIP] = {"录像", "Clip"},
    [PS_FACTS_CODES] = {"号码", "Codes"},
    [PS_FACTS_TIME] = {"时间", "Time"},
    [PS_FACTS_FILMS] = {"影片与丢帧", "Films and lost frames"},
    [PS_FACTS_SIGNATURE] = {"签名与账本", "Signature and ledger"},
    [PS_FACTS_TAKES] = {"本订单的全部拍摄", "All takes of this order"},
    [PS_FACTS_FILES] = {"文件与摘要", "Files and digests"},
    [PS_FACTS_COURT] = {"电子数据审查要点", "What a court's list asks"},
};

const char *ps_facts_section_name(enum ps_facts_section s, bool zh) {
    return sections[s][zh ? 0 : 1];
}

static const char *const who[PS_FACTS_WHO][4] = {
    [PS_FACTS_SIGNER] = {"签名程序所见", "signer observed", "独立的签名进程在事情发生时亲见并记入账本。",
                         "Seen by the separate signing process as it happened, and put into its ledger."},
    [PS_FACTS_RECORDER] = {"录像程序所述", "recorder stated",
                           "录像程序的陈述，随声明一并签名；签名只固定这句话，并不担保其内容。",
                           "Stated by the recording program and signed with the statement: the signature "
                           "fixes the words, it does not vouch for them."},
    [PS_FACTS_MERCHANT] = {"商家填写", "merchant's entry", "商家在制作本报告时填写，没有签名，也没有核对。",
                           "Typed in by the merchant for this report; neither signed nor compared with "
                           "anything."},
    [PS_FACTS_OUTSIDE] = {"外部机构", "outside", "商家以外的时间戳机构或见证方给出，由令牌推算。",
                          "Given by a time-stamp authority or witness outside the merchant, computed from "
                          "its token."},
    [PS_FACTS_REPORT] = {"本报告计算", "computed here",
                         "制作本报告的程序比对或计算得出，请用独立取得的核验程序重做。",
                         "Compared or computed by the program that made this report; do it again with a "
                         "checker of your own."},
};

const char *ps_facts_who_name(enum ps_facts_who w, bool zh) {
    return who[w][zh ? 0 : 1];
}

const char *ps_facts_who_text(enum ps_facts_who w, bool zh) {
    return who[w][zh ? 2 : 3];
}

static const char *const steps[PS_FACTS_STEPS][2] = {
    {"从发布页取得核验程序并核对其 SHA-256；商家公钥取自平台登记处，不要用发送者随附的。",
     "Get the checker from its release page and compare its SHA-256; take the merchant's public key from "
     "where the platform registered it, not from the sender."},
    {"核验证据包：packseal verify --trust 商家公钥 证据包.zip，内容、密钥、时间、账本四问分别作答。",
     "Check the bundle: packseal verify --trust MERCHANT.pub BUNDLE.zip answers content, key, time and "
     "ledger apart."},
    {"也可用通用工具复核：sha256sum -c manifest-sha256.txt；minisign -V -H -p 商家公钥 -m clip.json。",
     "A second opinion by stock tools: sha256sum -c manifest-sha256.txt; minisign -V -H -p MERCHANT.pub -m "
     "clip.json."},
    {"把本报告中声明 clip.json 的 SHA-256 与证据包中的文件比对，不同则本报告不属于该证据包。",
     "Compare the SHA-256 of clip.json in this report with the file in the bundle; if they differ, this "
     "report does not belong to it."},
    {"播放证据包中的影片，把每帧画面上的号码、时间、时间码与声明比对。",
     "Play the films of the bundle and compare codes, time and freshness code in each picture with the "
     "statement."},
};

const char *ps_facts_step(unsigned i, bool zh) {
    return steps[i][zh ? 0 : 1];
}

const char *ps_facts_end_reason(const char *word, bool zh) {
    static const char *const words[][3] = {
        {"next-code", "扫描了下一个包裹", "the next parcel was scanned"},
        {"same-code", "再次扫描同一号码", "the same code was scanned again"},
        {"stop", "操作员停止", "stopped by the operator"},
        {"cancelled", "已取消", "cancelled"},
        {"idle", "长时间无动作", "nothing happened for long"},
        {"maximum", "达到最长时间", "longest time reached"},
        {"shutdown", "工位关机", "the station was shut down"},
        {"power-loss", "断电后恢复", "recovered after a power loss"},
        {"crash", "程序中断后恢复", "recovered after the recorder died"},
        {"camera-lost", "全部摄像头断开", "all cameras were lost"},
        {"disk-full", "磁盘已满", "the disk was full"},
        {"fault", "故障", "a fault"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], word) == 0)
            return words[i][zh ? 1 : 2];
    return word;
}
