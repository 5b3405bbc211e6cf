/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/bundle_text.h"
#include "evidence/statement.h"
#include <inttypes.h>

static const char begin[] =
    "HOW TO CHECK THIS BUNDLE / 如何核验本证据包\n"
    "\n"
    "[English]\n"
    "\n"
    "This folder holds recordings of a packing station, each with a signed statement. Do not take the "
    "sender's word for\n"
    "it, nor this text's: get the checking program and the merchant's public key yourself, from the platform "
    "where the\n"
    "merchant registered it or from an earlier, trusted delivery. data/keys/clip.pub is a copy for "
    "convenience; a\n"
    "dishonest sender could have put another key there.\n"
    "\n"
    "1. PackSeal's own checker, got from its release page, with the key you registered:\n"
    "       packseal verify FILE.zip --trust MERCHANT.pub\n"
    "   It answers four questions apart: content, key, time, ledger; and names the place where something "
    "differs.\n"
    "   A verify.html beside the zip is the same as a page for a browser, enclosed as a courtesy by the "
    "sender: "
    "take the one\n"
    "   of the release page, and compare its SHA-256.\n"
    "\n"
    "2. With stock tools, inside the unpacked folder (where bagit.txt lies):\n"
    "       sha256sum -c manifest-sha256.txt\n"
    "       sha256sum -c tagmanifest-sha256.txt\n"
    "   and the signature of each statement (minisign, https://jedisct1.github.io/minisign/):\n";

static const char middle[] =
    "   \"Signature and comment signature verified\" is the answer to expect. clip.json holds the SHA-256 of "
    "each film and\n"
    "   photograph; compare them with the lines of manifest-sha256.txt.\n"
    "\n"
    "What this shows: the station that holds the key signed exactly these files. What it does not show: that "
    "the camera\n"
    "saw the parcel that was delivered; when the scene happened; that no other recording exists; anything "
    "against whoever\n"
    "controls the station or its keys.\n"
    "\n"
    "[中文]\n"
    "\n"
    "本文件夹是打包工位的录像,每段录像附有签名的声明。请不要只凭发送者的说法,也不要只凭本文:"
    "核验程序和商家公钥\n"
    "请自行取得,例如从商家登记公钥的平台,或从以往可信的交付中取得。data/keys/clip.pub "
    "只是方便使用的副本,不诚实的\n"
    "发送者可以放入另一把公钥。\n"
    "\n"
    "1. 用从发布页取得的 PackSeal 核验程序,和您自己登记的公钥:\n"
    "       packseal verify 文件.zip --trust 商家公钥.pub\n"
    "   它分别回答四个问题:内容、密钥、时间、账本;如有不同,会指出位置。\n"
    "   zip 旁的 verify.html 是供浏览器使用的同类核验页,由发送者附上,仅供方便:请用发布页上的那一份,并核对其 "
    "SHA-256。\n"
    "\n"
    "2. 用通用工具,在解压后的文件夹中(bagit.txt 所在处)运行第一部分列出的命令:\n"
    "       sha256sum -c manifest-sha256.txt\n"
    "       sha256sum -c tagmanifest-sha256.txt\n"
    "   再用 minisign 核对每份声明的签名(命令同上)。应看到 \"Signature and comment signature verified\"。\n"
    "   clip.json 中写有每个录像和照片的 SHA-256,请与 manifest-sha256.txt 的各行对照。\n"
    "\n"
    "它说明:持有该密钥的工位签署的正是这些文件。它不说明:镜头所见就是送达的包裹;画面发生的时间;没有别的录像;"
    "\n"
    "也不能用来对抗控制工位或密钥的人。\n";

static const char excerpt[] =
    "\n"
    "THIS IS AN EXCERPT / 本证据包是节选\n"
    "\n"
    "The films hold a part of what was recorded, cut at segment borders without changing a picture; "
    "excerpt.json "
    "tells which\n"
    "segments. clip.json is whole: it holds a record of every segment, those left out included. The SHA-256 "
    "of a film "
    "in it is\n"
    "that of the whole film; the cut one's stands in manifest-sha256.txt. packseal verify compares each "
    "segment with "
    "its record.\n"
    "\n"
    "影片只是录像的一部分,按片段边界截取,画面没有任何改动;excerpt.json 写明是哪些片段。clip.json 是完整的,"
    "其中有每个片段\n"
    "(包括未收入的)的记录。clip.json 中的影片 SHA-256 属于完整影片;节选影片的摘要见 manifest-sha256.txt。"
    "packseal verify\n"
    "会逐个片段与记录核对。\n";

/* Of the commands none needs PackSeal. */
static const char intake[] =
    "PHOTOGRAPHS THAT WERE TAKEN IN / 收存的照片\n"
    "\n"
    "[English]\n"
    "\n"
    "A folder intake.json lies in holds photographs as they were given to the station, their statement, and "
    "the "
    "proof that an\n"
    "entry of the station's ledger was made of it. No clip names them. Inside that folder (in a bundle: "
    "data/intake/NAME):\n"
    "1. the photographs are those of the statement: each of these stands in intake.json\n"
    "       sha256sum *.jpg\n"
    "2. the entry was made of the statement: the two give the same 64 digits\n"
    "       sha256sum intake.json\n"
    "       tail -c +109 leaf.bin | head -c 32 | od -An -v -tx1 | tr -d ' \\n'; echo\n"
    "3. the entry is the one that is proved\n"
    "       grep -c \"^extra $(base64 -w0 leaf.bin)\\$\" leaf.tlog-proof\n"
    "4. leaf.tlog-proof (c2sp.org/tlog-proof, RFC 6962) leads from it to the root in checkpoint; any tool "
    "for "
    "such logs tells\n"
    "5. the checkpoint bears a valid signature by the station's ledger key (c2sp.org/signed-note), which you "
    "got yourself\n"
    "6. if token.tsr is here: the checkpoint existed at the time that the authority tells\n"
    "       awk 'NR==1{o=$0} !s{print} /^$/{s=1} s&&index($0,\"\xe2\x80\x94 \" o \" \")==1{print}' "
    "checkpoint "
    ">stamped\n"
    "       openssl ts -verify -data stamped -in token.tsr -untrusted chain.pem -CAfile AUTHORITY.pem\n"
    "Then these bytes existed at that time. It does not show when, by whom, of what or with which camera "
    "they "
    "were made.\n"
    "\n"
    "[中文]\n"
    "\n"
    "含有 intake.json "
    "的文件夹是交给工位收存的照片原文件、其声明,以及工位账本中有该声明记录的证明。录像的声明不涉及这些"
    "照片。\n"
    "请在该文件夹内(证据包中为 data/intake/名称)依次运行上面的命令:1 照片的 SHA-256 均写在 intake.json 中;2 "
    "两个命令"
    "结果相同;\n"
    "3 输出为 1;4、5 用任何同类账本工具核对 leaf.tlog-proof 及 checkpoint 的签名,账本公钥请自行取得;6 如有 "
    "token.tsr,用\n"
    "openssl "
    "核对时间戳。以上成立,说明这些字节在该时刻已经存在;不说明照片何时、由何人、用何相机、拍摄何物。\n";

void ps_bundle_text_begin(struct ps_buf *b) {
    ps_buf_text(b, begin);
}

void ps_bundle_text_clip(struct ps_buf *b, const char *clip) {
    ps_buf_fmt(b, "       minisign -V -H -p data/keys/clip.pub -m data/%s/clip.json\n", clip);
}

void ps_bundle_text_end(struct ps_buf *b) {
    ps_buf_text(b, middle);
}

void ps_bundle_text_excerpt(struct ps_buf *b) {
    ps_buf_text(b, excerpt);
}

void ps_bundle_text_intake(struct ps_buf *b) {
    ps_buf_text(b, b->n > 0 ? "\n" : "");
    ps_buf_text(b, intake);
}

void ps_bundle_text_info(struct ps_buf *b, uint64_t bytes, unsigned files, int64_t ended_ns) {
    char time[32];
    ps_statement_time_text(ended_ns, time);
    ps_buf_fmt(b,
               "Bag-Software-Agent: PackSeal %s\n"
               "Bagging-Date: %.10s\n"
               "Payload-Oxum: %" PRIu64 ".%u\n",
               PS_VERSION, time, bytes, files);
}

void ps_bundle_text_line(struct ps_buf *b, const uint8_t sha256[32], const char *name) {
    char hex[65];
    ps_bytes_hex(hex, sha256, 32);
    ps_buf_fmt(b, "%s  %s\n", hex, name);
}
