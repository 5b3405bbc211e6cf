/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The texts of a report, in both languages: fixed ones, and how values read. The words 真实, 通过, 合格 never stand here: a report tells what was
 * compared with what.
 */
#include "report/facts_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "evidence/bytes.h"
#include "evidence/leaf.h"

static const char *const sections[PS_FACTS_SECTIONS][2] = {
    [PS_FACTS_VERDICT] = {"核验结果", "Verdict"},
    [PS_FACTS_CLIP] = {"录像", "Clip"},
    [PS_FACTS_CODES] = {"号码", "Codes"},
    [PS_FACTS_TIME] = {"时间", "Time"},
    [PS_FACTS_FILMS] = {"影片与丢帧", "Films and lost frames"},
    [PS_FACTS_SIGNATURE] = {"签名与账本", "Signature and ledger"},
    [PS_FACTS_TAKES] = {"本订单的全部拍摄", "All takes of this order"},
    [PS_FACTS_FILES] = {"文件与摘要", "Files and digests"},
    [PS_FACTS_ENCLOSED] = {"证据包内的其他内容", "What else the bundle holds"},
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
    [PS_FACTS_OUTSIDE] = {"外部机构", "outside", "商家以外的时间戳机构或见证方给出，由其令牌或联署推算。",
                          "Given by a time-stamp authority or witness outside the merchant, computed from "
                          "its token or cosignature."},
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

/* ---- words for values ------------------------------------------------------------------------------------------ */

static const char *word(const char *const (*words)[2], size_t n, unsigned i, unsigned other, bool zh) {
    return words[i < n ? i : other][zh ? 0 : 1];
}
#define WORD(words, i, other, zh) word(words, sizeof(words) / sizeof(words)[0], i, other, zh)

const char *ps_facts_clock(uint8_t clock, bool zh) {
    if (clock == PS_CLOCK_SYNCED)
        return zh ? "系统时钟已同步" : "clock synchronised";
    if (clock == PS_CLOCK_UNSYNCED)
        return zh ? "系统时钟未同步" : "clock NOT synchronised";
    return zh ? "系统时钟状态未知" : "clock state unknown";
}

const char *ps_facts_label(uint8_t label, bool zh) {
    static const char *const words[][2] = {
        [PS_LABEL_NOT_SEEN] = {"未看到面单", "no label was seen"},
        [PS_LABEL_MATCHED] = {"与号码一致", "matches the code"},
        [PS_LABEL_OTHER] = {"看到的是另一张面单", "ANOTHER label was seen"},
        [PS_LABEL_NOT_CHECKED] = {"程序没有检查，请自行观看画面",
                                  "not checked by program: look at the pictures"},
    };
    return WORD(words, label, PS_LABEL_NOT_CHECKED, zh);
}

const char *ps_facts_kind(uint8_t kind, bool zh) {
    static const char *const words[][2] = {
        {"?", "?"}, {"打包", "packing"}, {"退货开箱", "opening a return"}, {"盘点", "audit"}};
    return WORD(words, kind, 0, zh);
}

const char *ps_facts_code_type(uint8_t type, bool zh) {
    static const char *const words[][2] = {{"类型未知", "unknown type"},
                                           {"运单号", "waybill"},
                                           {"包裹号", "parcel"},
                                           {"订单号", "order"},
                                           {"商品码", "item"}};
    return WORD(words, type, 0, zh);
}

const char *ps_facts_entry(uint8_t entry, bool zh) {
    static const char *const words[][2] = {{"来源未知", "unknown source"},
                                           {"扫描枪", "scanner"},
                                           {"镜头识别", "seen by the camera"},
                                           {"人工输入", "typed"},
                                           {"程序传入", "from a program"}};
    return WORD(words, entry, 0, zh);
}

const char *ps_facts_moment_name(enum ps_facts_moment_kind kind, bool zh) {
    static const char *const words[PS_FACTS_MOMENTS][2] = {
        {"面单打印", "label printed"}, {"不早于", "not before"}, {"录像开始", "film starts"},
        {"录像结束", "film ends"},     {"不晚于", "not after"},  {"揽收", "picked up"},
        {"签收", "delivered"},         {"申请售后", "claim"}};
    return words[kind][zh ? 0 : 1];
}

const char *ps_facts_container(enum ps_container container, bool zh) {
    static const char *const words[][2] = {
        [PS_CONTAINER_AS_RECORDED] = {"文件与录制时相同", "the files as recorded"},
        [PS_CONTAINER_REMUXED] = {"文件已换封装，画面另行逐段比对",
                                  "another container; pictures compared segment by segment"},
        [PS_CONTAINER_UNKNOWN] = {"文件未能比对", "the files could not be compared"},
    };
    return WORD(words, container, PS_CONTAINER_UNKNOWN, zh);
}

const char *ps_facts_removed(uint8_t reason, bool zh) {
    static const char *const words[][2] = {
        {"原因不明", "for no reason that can be read"},
        [PS_TOMBSTONE_RETENTION] = {"保存期满", "its days were over"},
        [PS_TOMBSTONE_ERASURE] = {"当事人要求删除", "somebody in it asked for it"},
        [PS_TOMBSTONE_OPERATOR] = {"人工删除", "by hand"},
        [PS_TOMBSTONE_SPACE] = {"需要空间", "room was needed"},
    };
    return WORD(words, reason, 0, zh);
}

const char *ps_facts_gap(const char *reason) {
    static const char *const words[][2] = {{"camera-lost", "摄像头断开"}, {"driver-dropped", "驱动丢帧"},
                                           {"queue-full", "处理不及"},    {"damaged", "画面损坏"},
                                           {"encoder", "编码失败"},       {"disk-full", "磁盘已满"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], reason) == 0)
            return words[i][1];
    return reason;
}

void ps_facts_bounds(const struct ps_verdict *v, char zh[PS_FACTS_LINE], char en[PS_FACTS_LINE]) {
    char a[40], b[40];
    ps_facts_time(v->not_before_ns, a);
    ps_facts_time(v->not_after_ns, b);
    if (v->time == PS_TIME_BOUNDED) {
        (void)snprintf(zh, PS_FACTS_LINE, "介于 %s 与 %s", a, b);
        (void)snprintf(en, PS_FACTS_LINE, "%s: between %s and %s", ps_verdict_time(v->time, false), a, b);
    } else if (v->time == PS_TIME_SELF) {
        (void)snprintf(zh, PS_FACTS_LINE, "%s", ps_verdict_time(v->time, true));
        (void)snprintf(en, PS_FACTS_LINE, "%s", ps_verdict_time(v->time, false));
    } else {
        (void)snprintf(zh, PS_FACTS_LINE, "%s %s", v->time == PS_TIME_NOT_AFTER ? "不晚于" : "不早于",
                       v->time == PS_TIME_NOT_AFTER ? b : a);
        (void)snprintf(en, PS_FACTS_LINE, "%s %s", ps_verdict_time(v->time, false),
                       v->time == PS_TIME_NOT_AFTER ? b : a);
    }
}

void ps_facts_duration(int64_t ns, char zh[64], char en[64]) {
    int64_t s = ns / 1000000000;
    if (s >= 86400) {
        (void)snprintf(zh, 64, "%" PRId64 " 天 %" PRId64 " 小时", s / 86400, s % 86400 / 3600);
        (void)snprintf(en, 64, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
    } else if (s >= 3600) {
        (void)snprintf(zh, 64, "%" PRId64 " 小时 %" PRId64 " 分", s / 3600, s % 3600 / 60);
        (void)snprintf(en, 64, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
    } else {
        (void)snprintf(zh, 64, "%" PRId64 " 分 %" PRId64 " 秒", s / 60, s % 60);
        (void)snprintf(en, 64, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    }
}

/* ---- strings --------------------------------------------------------------------------------------------------- */

void ps_facts_time(int64_t wall_ns, char out[40]) {
    time_t t = (time_t)(wall_ns / 1000000000 - (wall_ns % 1000000000 < 0));
    struct tm tm;
    char zone[8] = "";
    if (localtime_r(&t, &tm) == NULL || strftime(out, 40, "%Y-%m-%d %H:%M:%S", &tm) == 0 ||
        strftime(zone, sizeof zone, "%z", &tm) == 0) {
        (void)snprintf(out, 40, "?");
        return;
    }
    size_t n = strlen(out);
    (void)snprintf(out + n, 40 - n, " %.3s:%.2s", zone, strlen(zone) > 3 ? zone + 3 : "00");
}

/* Marks that turn the direction of writing (Unicode Standard Annex 9), are invisible, or break a line. */
static bool deceives(uint32_t c) {
    return c == 0x061C || c == 0x180E || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c < 0x20 || (c >= 0x7F && c <= 0x9F) ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

/* One character of UTF-8 from *s; what is none is one byte, told as U+FFFD. */
static uint32_t next_char(const unsigned char **s) {
    const unsigned char *p = *s;
    unsigned more = *p < 0x80 ? 0 : *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 4;
    uint32_t c = more == 0 ? *p : *p & (0x3Fu >> more);
    *s = ++p;
    if (more == 4)
        return 0xFFFD;
    for (unsigned i = 0; i < more; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0xFFFD;
        c = c << 6 | (p[i] & 0x3F);
    }
    *s = p + more;
    return c;
}

char *ps_facts_clean(const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    struct ps_buf b;
    ps_buf_init(&b, 12 * strlen(text) + 1);
    while (*s != 0) {
        const unsigned char *from = s;
        uint32_t c = next_char(&s);
        if (deceives(c))
            ps_buf_fmt(&b, "<U+%04" PRIX32 ">", c);
        else if (c == 0xFFFD)
            ps_buf_text(&b, "\xEF\xBF\xBD");
        else
            ps_buf_bytes(&b, from, (size_t)(s - from));
    }
    ps_buf_u8(&b, 0);
    if (b.err == 0)
        return (char *)b.p; /* transferred */
    ps_buf_free(&b);
    return NULL;
}
