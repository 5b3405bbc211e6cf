/* SPDX-License-Identifier: ISC */
/*
 * The words of a verdict that every form of it shares: command line, report, pages.
 */
#include <string.h>

#include "evidence/verdict.h"

/* The texts of problems are English; these say in Chinese what a code means. docs/FORMAT.md section 9 lists them. */
static const char *const code_zh[][2] = {
    {"bag-refused", "证据包结构不合规定"},
    {"bag-unlisted", "清单中没有列出的文件"},
    {"bounds-order", "两个时间界限先后颠倒"},
    {"cert-invalid", "工位证书无效"},
    {"cert-other", "工位证书属于另一把密钥或另一本账本"},
    {"cert-unknown", "工位证书的根密钥未登记"},
    {"clock-step", "录像期间本机时钟被调整"},
    {"excerpt", "节选时略去的部分"},
    {"excerpt-broken", "节选说明与影片不符"},
    {"file-missing", "缺少声明中的文件"},
    {"file-unreadable", "文件读取失败"},
    {"film-nal", "画面数据含不允许的单元"},
    {"film-parameters", "解码参数与录制时不同"},
    {"film-rules", "影片结构不合规定"},
    {"film-torn", "影片末尾被截断"},
    {"film-unreadable", "影片无法读取"},
    {"format-unknown", "不是证据包、录像目录或 MP4"},
    {"freshness-mismatch", "画面上的时间码与令牌不符"},
    {"freshness-token", "没有附上时间码的令牌"},
    {"freshness-untrusted", "时间码的时间戳机构未登记"},
    {"key-expired", "密钥不在登记的有效期内"},
    {"key-number", "密钥编号与登记的相同，但不是同一把密钥"},
    {"key-revoked", "密钥已吊销"},
    {"key-station", "密钥登记在另一个工位名下"},
    {"log-key", "同名账本登记的是另一把密钥"},
    {"manifest-mismatch", "文件与清单的摘要不符"},
    {"manifest-unchecked", "未与清单核对"},
    {"original-altered", "原始图片已改动"},
    {"proof-fork", "两份入账证明指向两本不同的账本"},
    {"proof-invalid", "入账证明无效"},
    {"proof-leaf", "入账证明证明的不是本录像"},
    {"proof-missing", "两份入账证明缺一份"},
    {"require", "没有满足调用者的要求"},
    {"revocation-invalid", "吊销文件无效，已忽略"},
    {"revocation-other", "吊销文件属于其他商家，已忽略"},
    {"revocation-unknown", "吊销文件的根密钥未登记，已忽略"},
    {"segment-altered", "片段已改动"},
    {"segment-foreign", "片段不属于这段录像"},
    {"segment-lost-stated", "声明已写明丢失的片段"},
    {"segment-missing", "缺少片段"},
    {"segment-order", "片段顺序不对或重复"},
    {"segments-preroll", "开单之前的预录片段，签名程序没有见证"},
    {"segments-unwitnessed", "签名程序当时没有见证的片段"},
    {"signature-comment", "签名注释与声明不符"},
    {"signature-invalid", "签名无效"},
    {"signature-key", "签名密钥与声明中的不同"},
    {"signature-malformed", "签名文件损坏或为空"},
    {"signature-missing", "没有签名文件"},
    {"statement-broken", "声明不合规定或自相矛盾"},
    {"statement-missing", "没有声明文件"},
    {"statement-unreadable", "声明文件无法读取"},
    {"token-expired", "时间戳证书已过期或已吊销"},
    {"token-invalid", "时间戳无效"},
    {"token-other", "时间戳对应另一个检查点"},
    {"token-unreadable", "时间戳无法读取"},
    {"token-untrusted", "时间戳机构未登记"},
    {"token-without-ledger", "没有入账证明，时间戳与本录像无关"},
    {"unauthenticated", "声明没有提到的文件，未经签名"},
    {"zip-refused", "压缩包结构不合规定或已损坏"},
};

const char *ps_verdict_problem_zh(const char *code) {
    for (size_t i = 0; i < sizeof code_zh / sizeof code_zh[0]; i++)
        if (strcmp(code, code_zh[i][0]) == 0)
            return code_zh[i][1];
    return "";
}

static const char *const limits[PS_VERDICT_LIMITS][2] = {
    {"That the camera saw the parcel that was delivered.", "镜头拍到的就是最后送达的那个包裹。"},
    {"When the scene happened: the bounds are about when these encoded bytes were made, and a dishonest "
     "station can "
     "lay a fresh code over old film.",
     "画面里的事发生在何时：时间界限说的是这些编码数据何时产生；不诚实的工位可以把新的时间码叠在旧画面上。"},
    {"That no other recording, take or copy of the ledger exists.",
     "不存在另外的录像、另一次拍摄或另一份账本。"},
    {"Anything against whoever controls the station or its keys: camera, counts, operator and software are "
     "the "
     "station's own statements.",
     "控制工位或其密钥的人没有作假：摄像头、计数、工号和软件都是工位自己的陈述。"},
    {"Reports, upload copies and an included checker themselves: use independently obtained software, keys "
     "and roots.",
     "报告、上传用的副本和随附的核验程序自身：请使用独立取得的软件、密钥和根证书。"},
};

const char *ps_verdict_limit(unsigned i, bool zh) {
    return limits[i][zh ? 1 : 0];
}
