/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/holds.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/control.h"
#include "cli/removed.h"
#include "cli/user.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_SECONDS 30
#define BUSY_TRIES 150 /* of a tenth of a second: retention enters one clip in the ledger */

static const char help_en[] =
    "usage: packseal hold [CLIP... [--note TEXT | --release]] [--json] [--root DIR]\n"
    "\n"
    "Held clips are not touched by retention, whatever their age and however full the disk. Of a number all "
    "takes\n"
    "are held. Without CLIP it lists what is held. It asks the recorder; when none runs it needs the user "
    "who may\n"
    "write to the station.\n"
    "\n"
    "  CLIP         path, name, code or clip number\n"
    "  --note TEXT  why, for people; once more: another note\n"
    "  --release    hold them no longer\n"
    "  --json       one object a clip: clip, held, since, note\n";
static const char help_zh[] =
    "用法:packseal hold [录像… [--note 说明 | --release]] [--json] [--root 文件夹]\n"
    "\n"
    "被保留的录像不会被自动删除,"
    "不论时间长短和磁盘多满。号码对应的各次录像全部保留。不带参数时列出已保留的。\n"
    "由录像程序执行;录像程序未运行时,需以有权写入该工位的用户运行。\n"
    "\n"
    "  录像         路径、编号、号码或序号\n"
    "  --note 说明  供人阅读的原因;再次执行可更换\n"
    "  --release    取消保留\n"
    "  --json       每段录像一个对象:clip、held、since、note\n";

struct asked {
    char root[PS_ROOT_PATH];
    const char *note;
    bool release, json;
};

static void tell_json(const char *clip, bool held, int64_t since_ns, const char *note) {
    char since[32];
    json_t *o = json_pack("{s:s, s:b}", "clip", clip, "held", (int)held);
    if (since_ns != 0) {
        ps_statement_time_text(since_ns, since);
        json_object_set_new(o, "since", json_string(since));
    }
    if (held)
        json_object_set_new(o, "note", json_string(note));
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static int list_one(void *ctx, const struct ps_hold *h) {
    const struct asked *a = ctx;
    char since[32] = "?";
    if (a->json) {
        tell_json(h->clip, true, h->since_ns, h->note);
        return ferror(stdout);
    }
    if (h->since_ns != 0)
        ps_clips_time(h->since_ns, since);
    printf("%-16s %s  %s\n", h->clip, since, h->note);
    return ferror(stdout);
}

static int list(struct asked *a) {
    int rc = ps_holds_each(a->root, list_one, a);
    return rc >= 0 ? 0
                   : ps_words_fail(1, ps_words("cannot be listed", "无法列出"), PS_ROOT_HOLDS,
                                   ps_words("may this user read it?", "当前用户可读吗?"));
}

/* ---- holding */

static int ask_recorder(const struct asked *a, const char *clip, struct ps_why *why) {
    json_t *request = json_pack("{s:s, s:s, s:s}", "do", a->release ? "release" : "hold", "clip", clip,
                                "note", a->note != NULL ? a->note : "");
    json_t *reply = NULL;
    int rc = request == NULL ? PS_EINVAL : ps_control_ask(a->root, request, ANSWER_SECONDS, &reply, why);
    bool busy = rc == 0 && json_is_true(json_object_get(reply, "busy"));
    json_decref(reply);
    json_decref(request);
    return busy ? ps_error_why(why, PS_EBUSY, clip, "retention is at work") : rc;
}

/* No recorder runs: this user does it, if he may. */
static int do_it(const struct asked *a, const char *clip, struct ps_why *why) {
    struct ps_hold h = {.since_ns = 0};
    struct timespec now;
    int lock = ps_holds_lock(a->root, why);
    if (lock < 0)
        return lock;
    clock_gettime(CLOCK_REALTIME, &now);
    h.since_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    snprintf(h.clip, sizeof(h.clip), "%s", clip);
    snprintf(h.note, sizeof(h.note), "%s", a->note != NULL ? a->note : "");
    int rc = a->release ? ps_holds_drop(a->root, clip, why) : ps_holds_put(a->root, &h, why);
    close(lock);
    return rc;
}

static int hold_one(const struct asked *a, const char *clip) {
    const struct timespec tenth = {.tv_nsec = 100000000};
    struct ps_why why = {0};
    int rc = PS_EBUSY;
    for (int i = 0; rc == PS_EBUSY && i < BUSY_TRIES; i++) {
        if (i > 0)
            nanosleep(&tenth, NULL);
        rc = ask_recorder(a, clip, &why);
        if (rc == PS_ENOENT) {
            if (!ps_user_of_station(a->root))
                return 2;
            rc = do_it(a, clip, &why);
        }
    }
    if (rc < 0)
        return ps_words_fail(1, why.text, why.where,
                             rc == PS_EBUSY ? ps_words("try again", "请重试")
                             : rc == PS_EPERM && why.where[0] != '\0'
                                 ? ps_words("no recorder runs: run it as the user packseal",
                                            "录像程序未运行:请以 packseal 用户运行")
                                 : NULL);
    if (a->json)
        tell_json(clip, !a->release, 0, a->note != NULL ? a->note : "");
    else
        printf("%s  %s\n", a->release ? ps_words("released", "已取消保留") : ps_words("held    ", "已保留"),
               clip);
    return 0;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int hold(const struct asked *a, int argc, char **argv) {
    struct ps_clips l = {0};
    struct ps_index *x = ps_clips_index(a->root);
    int status = x != NULL ? 0 : 1;
    for (int i = 0; i < argc && status == 0; i++)
        status = ps_clips_add(&l, a->root, x, argv[i]);
    ps_index_close(x);
    if (status == 0 && !a->release)
        status = ps_removed_leave_out(a->root, &l, NULL);
    int worst = 0;
    for (unsigned i = 0; i < l.n && status == 0; i++) {
        int one = hold_one(a, name_of(l.v[i]));
        worst = one > worst ? one : worst;
    }
    ps_clips_free(&l);
    return status != 0 ? status : worst;
}

int ps_cmd_hold(int argc, char **argv) {
    const char *root_arg = NULL;
    struct asked a = {.json = false};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &a.json},
                                             {"--note", NULL, PS_ARGS_TEXT, &a.note},
                                             {"--release", NULL, PS_ARGS_FLAG, &a.release},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"hold", help_en, help_zh, options, 0, PS_ARGS_LIST_MAX};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if ((n == 0 && (a.release || a.note != NULL)) || (a.release && a.note != NULL))
        return ps_words_fail(
            2,
            n == 0 ? ps_words("no clip is named", "没有指定录像") : ps_words("not together", "不能同时使用"),
            "--release, --note", ps_words("see: packseal hold --help", "参见:packseal hold --help"));
    if (a.note != NULL && (strlen(a.note) > PS_HOLD_NOTE || !ps_bytes_is_text(a.note, strlen(a.note))))
        return ps_words_fail(2, ps_words("is longer than 256 bytes, or no text", "超过 256 字节,或不是文本"),
                             "--note", NULL);
    if (!ps_args_root(root_arg, a.root))
        return 2;
    return n == 0 ? list(&a) : hold(&a, n, argv);
}
