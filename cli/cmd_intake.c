/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/config.h"
#include "archive/intake.h"
#include "archive/store.h"
#include "cli/appending.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/export_entry.h"
#include "cli/intake_proof.h"
#include "cli/ledger.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include "evidence/json.h"
#include "evidence/sha256.h"
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define CHECKPOINT_MS 10000
#define STATEMENT_MAX ((size_t)256 << 10)

static const char help_en[] =
    "usage: packseal intake FILE... [--order NUMBER] [--note TEXT] [--check] [--stamp] [--json] [--root "
    "DIR]\n"
    "       packseal intake --proof DIR ID [--json] [--root DIR]\n"
    "\n"
    "Takes product photographs in, straight from the camera's card, byte for byte, and puts their digest "
    "into the\n"
    "ledger. A picture complaint takes JPEG of 200 kB to 20 MB as the camera wrote it; anything else is "
    "refused, and\n"
    "nothing of it is taken. What looks like no camera's original is said, and taken all the same.\n"
    "Exit status: 0 taken (or, with --check, could be), 1 not, 2 asked wrongly.\n"
    "\n"
    "  --order   the number that the photographs belong to; stands in intake.json alone, not in the ledger\n"
    "  --note    a remark, the same\n"
    "  --check   only look; nothing is kept\n"
    "  --stamp   run packseal stamp afterwards, instead of leaving that to its timer\n"
    "  --proof   a new folder DIR with the photographs of an intake (ID, as ST03-I0000131), its statement "
    "and its "
    "proof,\n"
    "            to be checked with stock tools; into a bundle they go by packseal export --intake\n"
    "  --json    one object: intake, path, leaf, files; with --check, one for each file\n";
static const char help_zh[] =
    "用法:packseal intake 文件… [--order 号码] [--note 文字] [--check] [--stamp] [--json] [--root 文件夹]\n"
    "      packseal intake --proof 文件夹 编号 [--json] [--root 文件夹]\n"
    "\n"
    "从相机存储卡直接收存商品照片,逐字节不变,并将其摘要记入账本。图片投诉只接受相机直出的 JPEG,\n"
    "200 kB 至 20 MB;其他一律拒收,且整批不收存。看似并非相机原图的迹象会列出,但仍予收存。\n"
    "返回值:0 已收存(--check 时为可收存),1 未收存,2 用法错误。\n"
    "\n"
    "  --order   照片所属号码;只写入 intake.json,不进账本\n"
    "  --note    备注,同上\n"
    "  --check   只检查,不保存\n"
    "  --stamp   随后立即执行 packseal stamp,不等定时器\n"
    "  --proof   新建文件夹,放入一次收存(编号如 ST03-I0000131)的照片、声明和证明,可用通用工具核验;\n"
    "            放入证据包请用 packseal export --intake\n"
    "  --json    输出一个对象:intake、path、leaf、files;--check 时每个文件一个对象\n";

struct intake {
    char root[PS_ROOT_PATH];
    bool json, check, stamp;
    const char *order, *note, *proof;
    struct ps_intake in;
    bool covered; /* by a checkpoint, so that it can be stamped */
};

/* ---- telling */

static const char *sign_text(unsigned sign) {
    switch (sign) {
    case PS_JPEG_NO_EXIF: return ps_words("no EXIF: a camera writes it", "没有 EXIF,相机直出应有");
    case PS_JPEG_EXIF_DAMAGED: return ps_words("its EXIF is damaged", "EXIF 已损坏");
    case PS_JPEG_NO_CAMERA: return ps_words("EXIF names no camera", "EXIF 没有相机型号");
    case PS_JPEG_NO_TIME: return ps_words("EXIF has no time of the photograph", "EXIF 没有拍摄时间");
    case PS_JPEG_EDITOR:
        return ps_words("a program that changes pictures has left its name", "留有图片编辑软件的名称");
    case PS_JPEG_JFIF_ONLY:
        return ps_words("JFIF alone, as messengers leave it: send the file from the card",
                        "仅有 JFIF,像是聊天软件转发的图片:请用存储卡中的文件");
    case PS_JPEG_SCREEN: return ps_words("the size of a screen: a screenshot?", "尺寸与屏幕相同:是否为截图?");
    case PS_JPEG_HUFFMAN:
        return ps_words(
            "a motion-JPEG frame with Huffman tables added, as it seems: such a copy is not an original",
            "像是补加了霍夫曼表的 MJPEG 帧:这样的副本不是原图");
    case PS_JPEG_NO_HUFFMAN:
        return ps_words("a motion-JPEG frame without Huffman tables: some programs cannot show it",
                        "不含霍夫曼表的 MJPEG 帧:部分软件无法显示");
    case PS_JPEG_THUMBNAIL:
        return ps_words("its thumbnail has other proportions: cropped since?", "缩略图比例不同:是否裁剪过?");
    case PS_JPEG_SIZE:
        return ps_words("EXIF tells another size: cropped or scaled since?",
                        "EXIF 记载的尺寸不同:是否裁剪或缩放过?");
    default: return ps_words("progressive JPEG, which hardly a camera writes", "渐进式 JPEG,相机很少这样写");
    }
}

static json_t *photo_json(const struct ps_intake_photo *p) {
    const struct ps_jpeg *j = &p->jpeg;
    char hex[65];
    json_t *signs = json_array();
    for (unsigned i = 0; i < PS_JPEG_SIGNS; i++)
        if ((p->signs & 1u << i) != 0)
            json_array_append_new(signs, json_string(ps_jpeg_sign_name(i)));
    ps_bytes_hex(hex, p->file.sha256, sizeof(p->file.sha256));
    return json_pack("{s:s, s:s, s:I, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "given", p->given,
                     "name", p->file.name, "size", (json_int_t)p->file.size, "sha256", hex, "width",
                     (int)j->width, "height", (int)j->height, "make", j->exif.make, "model", j->exif.model,
                     "software", j->exif.software, "taken", j->exif.taken, "tail", ps_jpeg_tail_name(j->tail),
                     "tail_size", (json_int_t)j->tail_n, "signs", signs);
}

static void print_json(json_t *o) {
    if (o != NULL)
        json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void photo_words(const struct ps_intake_photo *p) {
    const struct ps_jpeg *j = &p->jpeg;
    printf("  %s%s%s  %ux%u  %" PRIu64 " kB", p->file.name, p->file.name[0] != '\0' ? "  " : "", p->given,
           j->width, j->height, p->file.size / 1000);
    if (j->exif.make[0] != '\0' || j->exif.model[0] != '\0' || j->exif.taken[0] != '\0')
        printf(ps_words("  by the camera's own word: %s %s, %s", "  相机自称:%s %s,%s"), j->exif.make,
               j->exif.model, j->exif.taken[0] != '\0' ? j->exif.taken : "?");
    putchar('\n');
    if (j->tail_n > 0)
        printf(ps_words("    after the picture: %s, %zu bytes\n", "    图片之后:%s,%zu 字节\n"),
               ps_jpeg_tail_name(j->tail), j->tail_n);
    for (unsigned i = 0; i < PS_JPEG_SIGNS; i++)
        if ((p->signs & 1u << i) != 0)
            printf(ps_words("    sign, no verdict: %s: %s\n", "    迹象(并非结论):%s:%s\n"),
                   ps_jpeg_sign_name(i), sign_text(1u << i));
}

static const char *advice(int rc) {
    switch (rc) {
    case PS_ELIMIT:
        return ps_words("set the camera's quality; never pad or save anew", "请调整相机画质;不要填充或另存");
    case PS_ENOENT:
    case PS_EPERM:
    case PS_EIO: return ps_words("look at the card and the file's rights", "请检查存储卡和文件权限");
    default: return ps_words("take the file from the camera's card", "请从相机存储卡取原文件");
    }
}

/* ---- taking */

/* Reads them all, so that all that is wrong is told at once; keeps them below dir unless that is -1. 0 or 1. */
static int take(struct intake *t, char **files, unsigned n, int dir) {
    int status = 0;
    for (unsigned i = 0; i < n; i++) {
        struct ps_intake_photo *p = &t->in.photos[i];
        struct ps_why why = {0};
        uint8_t *bytes = NULL;
        int rc = ps_intake_read(p, files[i], &bytes, &why);
        if (rc < 0) {
            status = ps_words_fail(1, why.text, files[i], advice(rc));
            if (t->check && t->json)
                print_json(json_pack("{s:s, s:b, s:s}", "given", files[i], "ok", 0, "error", why.text));
            continue;
        }
        if (dir >= 0) {
            snprintf(p->file.name, sizeof(p->file.name), "%04u.jpg", i + 1);
            rc = ps_store_write_file(dir, p->file.name, bytes, p->file.size, &why);
            if (rc < 0)
                status = ps_words_fail(1, why.text, why.where,
                                       ps_words("make room on the disk", "请腾出磁盘空间"));
        } else if (t->json) {
            json_t *o = photo_json(p);
            json_object_set_new(o, "ok", json_true());
            print_json(o);
        } else {
            photo_words(p);
        }
        free(bytes);
    }
    t->in.n = n;
    return status;
}

static void now(struct ps_time *out) {
    struct timespec wall, boot;
    struct timex x = {.modes = 0};
    int state = adjtimex(&x);
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    out->wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
    out->boot_ns = (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec;
    out->clock = state < 0                                             ? PS_CLOCK_UNKNOWN
                 : state == TIME_ERROR || (x.status & STA_UNSYNC) != 0 ? PS_CLOCK_UNSYNCED
                                                                       : PS_CLOCK_SYNCED;
    out->max_error_us =
        state >= 0 && x.maxerror >= 0 && x.maxerror < UINT32_MAX ? (uint32_t)x.maxerror : UINT32_MAX;
}

/* Who takes them in: the station and its ledger. */
static int prepare(struct intake *t, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    struct ps_vkey log;
    struct ps_config *c = malloc(sizeof(*c));
    int rc = c == NULL ? PS_ENOMEM : ps_root_config(t->root, path);
    if (rc == 0)
        rc = ps_config_load(c, path, why);
    if (rc == 0) {
        snprintf(t->in.station, sizeof(t->in.station), "%s", c->station_id);
        snprintf(t->in.station_name, sizeof(t->in.station_name), "%s", c->station_name);
        rc = ps_root_path(t->root, PS_ROOT_PUBLIC "/log.vkey", path);
    }
    free(c);
    if (rc == 0 && (rc = ps_ledger_key(path, &log)) < 0)
        ps_error_why(why, rc, path, "%s", ps_error_text(rc));
    if (rc < 0)
        return rc;
    memcpy(t->in.ledger_key, log.key, sizeof(t->in.ledger_key));
    t->in.order = t->order != NULL ? t->order : "";
    t->in.note = t->note != NULL ? t->note : "";
    now(&t->in.at);
    if (getrandom(t->in.salt, sizeof(t->in.salt), 0) != (ssize_t)sizeof(t->in.salt))
        return ps_error_why(why, PS_EIO, "getrandom", "no random number");
    return 0;
}

/* The signer publishes a checkpoint shortly after the entry, not with it; an older one would not cover it. It is kept beside the
 * photographs, so that their proof does not depend on what comes later. Without one they are taken in all the same. */
static bool keep_checkpoint(const char *root, int dir, uint64_t leaf) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(root, PS_ROOT_LEDGER "/checkpoint", path) < 0)
        return false;
    for (unsigned ms = 0; ms <= CHECKPOINT_MS; ms += 50) {
        struct ps_note note;
        struct ps_checkpoint cp = {.size = 0};
        uint8_t *p = NULL;
        size_t n = 0;
        bool covers = ps_store_read_file(AT_FDCWD, path, PS_NOTE_MAX, &p, &n, NULL) == 0 &&
                      ps_note_parse(&note, p, n) == 0 &&
                      ps_checkpoint_parse(&cp, note.text, note.text_len) == 0 && cp.size > leaf;
        if (covers && ps_store_write_file(dir, PS_INTAKE_CHECKPOINT, p, n, NULL) < 0)
            unlinkat(dir, PS_INTAKE_CHECKPOINT, 0);
        free(p);
        if (covers)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return false;
}

/* The leaf that the signer gave is the one asked for, of this ledger. */
static bool is_ours(const struct intake *t, const struct ps_wire_append *a,
                    const struct ps_wire_appended *got, struct ps_leaf *leaf) {
    uint8_t log[16];
    ps_leaf_log_id(log, t->in.ledger_key);
    return ps_leaf_decode(leaf, got->leaf, got->leaf_len) == 0 && leaf->type == PS_LEAF_INTAKE &&
           leaf->index == got->index && memcmp(leaf->log, log, sizeof(log)) == 0 &&
           memcmp(leaf->digest, a->digest, sizeof(leaf->digest)) == 0;
}

/* Statement and leaf beside the photographs. */
static int enter(struct intake *t, int signer, int dir, struct ps_leaf *leaf, struct ps_why *why) {
    struct ps_wire_append a = {.type = PS_LEAF_INTAKE};
    struct ps_wire_appended got;
    struct ps_buf b;
    ps_buf_init(&b, STATEMENT_MAX);
    ps_intake_write(&t->in, &b);
    int rc = b.err;
    if (rc == 0)
        rc = ps_json_check(b.p, b.n, why);
    if (rc == 0)
        rc = ps_store_write_file(dir, PS_INTAKE_STATEMENT, b.p, b.n, why);
    if (rc == 0) {
        ps_sha256(a.digest, b.p, b.n);
        rc = ps_appending_ask(signer, &a, &got, why);
    }
    ps_buf_free(&b);
    if (rc == 0 && !is_ours(t, &a, &got, leaf))
        rc = ps_error_why(why, PS_ESIG, "signer", "answered with a leaf of something else");
    if (rc == 0)
        rc = ps_store_write_file(dir, PS_INTAKE_LEAF, got.leaf, got.leaf_len, why);
    if (rc == 0)
        t->covered = keep_checkpoint(t->root, dir, leaf->index);
    return rc;
}

static void tell(const struct intake *t, const struct ps_leaf *leaf, const char *path) {
    const char *name = strrchr(path, '/') + 1;
    if (t->json) {
        json_t *files = json_array();
        for (unsigned i = 0; i < t->in.n; i++)
            json_array_append_new(files, photo_json(&t->in.photos[i]));
        print_json(json_pack("{s:s, s:s, s:I, s:o}", "intake", name, "path", path, "leaf",
                             (json_int_t)leaf->index, "files", files));
        return;
    }
    printf(ps_words("%s  %u photographs, ledger entry %" PRIu64 "  %s\n",
                    "%s  照片 %u 张,账本第 %" PRIu64 " 条  %s\n"),
           name, t->in.n, leaf->index, path);
    for (unsigned i = 0; i < t->in.n; i++)
        photo_words(&t->in.photos[i]);
    if (!t->stamp)
        puts(ps_words("not yet stamped: the next packseal stamp bounds its time",
                      "尚未盖时间戳:下一次 packseal stamp 时加盖"));
}

static int fail(const struct ps_why *why, const char *todo) {
    return ps_words_fail(1, why->text, why->where, todo);
}

static int intake(struct intake *t, char **files, unsigned n) {
    struct ps_why why = {0};
    struct ps_leaf leaf;
    char part[48], path[PS_ROOT_PATH];
    int dir = -1;
    if (prepare(t, &why) < 0)
        return fail(&why, ps_words("is there a station? see --root", "这里有工位吗?参见 --root"));
    int signer = ps_appending_open(t->root, &why);
    if (signer < 0)
        return fail(&why, ps_words("start the station: packseal run", "请启动工位:packseal run"));
    if (ps_intake_begin(t->root, part, &dir, &why) < 0) {
        close(signer);
        return fail(&why, ps_words("run it as the user of the station", "请以工位的用户运行"));
    }
    int status = take(t, files, n, dir);
    if (status == 0 && enter(t, signer, dir, &leaf, &why) < 0)
        status = fail(
            &why,
            ps_words("nothing was taken in; run it as the user of the station, or look at packseal doctor",
                     "没有收存;请以工位的用户运行,或运行 packseal doctor"));
    if (status != 0)
        ps_intake_abandon(t->root, part);
    else if (ps_intake_publish(t->root, part, &t->in, &leaf, path, &why) < 0)
        status = fail(&why, ps_words("the photographs are kept in intake/ under a name with a dot",
                                     "照片保存在 intake/ 下以点开头的文件夹中"));
    else {
        if (!t->stamp)
            ps_export_entry_want_stamp(t->root);
        tell(t, &leaf, path);
    }
    close(dir);
    close(signer);
    return status;
}

static int stamp(struct intake *t) {
    char name[] = "stamp", option[] = "--root", json[] = "--json";
    char *argv[] = {name, option, t->root, t->json ? json : NULL, NULL};
    fflush(stdout);
    if (!t->covered)
        return ps_words_fail(
            1, ps_words("does not cover the new entry yet", "尚未包含新记录"), PS_ROOT_LEDGER "/checkpoint",
            ps_words("taken in, not stamped: run packseal stamp", "已收存,尚未盖戳:请运行 packseal stamp"));
    return ps_cmd_stamp(t->json ? 4 : 3, argv);
}

static bool text_ok(const char *what, const char *s, size_t most) {
    if (s == NULL || (strlen(s) <= most && ps_bytes_is_text(s, strlen(s))))
        return true;
    ps_words_fail(2, ps_words("too long, or not plain UTF-8 text", "过长,或不是 UTF-8 文本"), what, NULL);
    return false;
}

int ps_cmd_intake(int argc, char **argv) {
    const char *root_arg = NULL;
    struct intake *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ps_words_fail(1, ps_error_text(PS_ENOMEM), "intake", NULL);
    const struct ps_args_option options[] = {
        {"--root", NULL, PS_ARGS_TEXT, &root_arg},  {"--proof", NULL, PS_ARGS_TEXT, &t->proof},
        {"--order", NULL, PS_ARGS_TEXT, &t->order}, {"--note", NULL, PS_ARGS_TEXT, &t->note},
        {"--check", NULL, PS_ARGS_FLAG, &t->check}, {"--stamp", NULL, PS_ARGS_FLAG, &t->stamp},
        {"--json", NULL, PS_ARGS_FLAG, &t->json},   {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"intake", help_en, help_zh, options, 1, PS_INTAKE_FILES};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        goto out;
    status = 2;
    if (!text_ok("--order", t->order, PS_MAX_CODE) || !text_ok("--note", t->note, PS_MAX_TEXT))
        goto out;
    if (t->proof != NULL) {
        if (n != 1 || t->check || t->stamp || t->order != NULL || t->note != NULL)
            ps_words_fail(
                2, ps_words("takes one intake and no other option", "只接受一个收存编号,不与其他选项同用"),
                "--proof", ps_words("see: packseal intake --help", "参见:packseal intake --help"));
        else if (ps_args_root(root_arg, t->root))
            status = ps_intake_proof(t->root, argv[0], t->proof, t->json);
    } else if (t->check) {
        status = take(t, argv, (unsigned)n, -1);
    } else if (ps_args_root(root_arg, t->root)) {
        status = intake(t, argv, (unsigned)n);
        if (status == 0 && t->stamp)
            status = stamp(t) == 0 ? 0 : 1;
    }
out:
    free(t);
    return status;
}
