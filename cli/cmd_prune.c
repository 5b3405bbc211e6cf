/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/prune.h"
#include "cli/removed.h"
#include "cli/user.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal prune [--dry-run] [--json] [--root DIR]\n"
    "       packseal prune CLIP... --reason TEXT --yes [--erase] [--dry-run] [--json] [--root DIR]\n"
    "\n"
    "Removes what [retention] of packseal.conf lets go: clips whose days are over, and, while the disk's "
    "reserve\n"
    "is not met, the oldest ones. Each removal is an entry of the ledger first. Never an open or unsealed "
    "clip,\n"
    "nor one that is held. Statement and signature stay. Run by a timer.\n"
    "Exit status 1 when the reserve is not met and nothing more may go, or a removal failed.\n"
    "\n"
    "  --dry-run       say what would go, and what would but is kept, and why\n"
    "  CLIP...         these, whatever their age: path, name, code or clip number\n"
    "  --reason TEXT   why, for those who look for them later; it stays on this station\n"
    "  --erase         somebody in them asked for it: their statements and signatures go, too\n"
    "  --yes           really\n"
    "  --json          one object a clip, then one of all\n";
static const char help_zh[] =
    "用法:packseal prune [--dry-run] [--json] [--root 文件夹]\n"
    "      packseal prune 录像… --reason 原因 --yes [--erase] [--dry-run] [--json] [--root 文件夹]\n"
    "\n"
    "删除 packseal.conf 的 [retention] 允许删除的录像:保存期满的;磁盘预留空间不足时,从最早的开始。\n"
    "每次删除都先记入账本。未结束、未封存、被保留的录像绝不删除。声明和签名保留。由定时器运行。\n"
    "预留空间不足而又没有可删除的录像,或删除失败时,返回 1。\n"
    "\n"
    "  --dry-run       只说明将删除哪些,以及哪些到期而保留及其原因\n"
    "  录像…           指定的录像,不论时间:路径、编号、号码或序号\n"
    "  --reason 原因   供日后查询;仅保存在本工位\n"
    "  --erase         当事人要求删除:声明和签名也一并删除\n"
    "  --yes           确认\n"
    "  --json          每段录像一个对象,最后一个为汇总\n";

struct telling {
    bool json, dry_run;
};

static void tell_json(const struct ps_prune_told *t) {
    static const char *const did[] = {"removed", "would-remove", "kept", "failed"};
    char ended[32];
    json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "clip", t->clip, "did", did[t->did], "reason", t->reason,
                          "bytes", (json_int_t)t->bytes);
    if (t->ended_ns != 0) {
        ps_statement_time_text(t->ended_ns, ended);
        json_object_set_new(o, "ended", json_string(ended));
    }
    if (t->did == PS_PRUNE_REMOVED)
        json_object_set_new(o, "entry", json_integer((json_int_t)t->entry));
    if (t->why != NULL) {
        json_object_set_new(o, "error", json_string(t->why->text));
        json_object_set_new(o, "where", json_string(t->why->where));
    }
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static const char *kept_because(const char *word) {
    static const char *const words[][3] = {
        {"held", "it is held", "被保留"},
        {"unknown", "the ledger does not know it as it is", "与账本不符"},
        {"unstamped", "no time from outside yet", "尚无外部时间戳"},
        {"unarchived", "archive_list does not name all its files", "archive_list 未列出其全部文件"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i][0], word) == 0)
            return ps_words(words[i][1], words[i][2]);
    return word;
}

/* What was removed is told always: it is the line in the log. */
static void tell(void *ctx, const struct ps_prune_told *t) {
    const struct telling *how = ctx;
    char ended[32];
    if (how->json) {
        tell_json(t);
        return;
    }
    ps_clips_time(t->ended_ns, ended);
    if (t->did == PS_PRUNE_FAILED)
        ps_words_fail(1, t->why->text, t->clip, t->why->where);
    else if (t->did == PS_PRUNE_KEPT && how->dry_run)
        printf(ps_words("kept       %s  %s  %s\n", "保留    %s  %s  %s\n"), t->clip, ended,
               kept_because(t->reason));
    else if (t->did == PS_PRUNE_WOULD)
        printf(ps_words("would go   %s  %s  %" PRIu64 " KB  %s\n", "将删除  %s  %s  %" PRIu64 " KB  %s\n"),
               t->clip, ended, t->bytes >> 10, ps_removed_because(t->reason));
    else if (t->did == PS_PRUNE_REMOVED)
        printf(ps_words("removed    %s  %s  %" PRIu64 " KB  %s, entry %" PRIu64 "\n",
                        "已删除  %s  %s  %" PRIu64 " KB  %s,账本第 %" PRIu64 " 条\n"),
               t->clip, ended, t->bytes >> 10, ps_removed_because(t->reason), t->entry);
    fflush(stdout);
}

static void sum_json(const struct ps_prune_sum *s) {
    json_t *kept = json_object();
    for (int w = PS_RETENTION_HELD; w < PS_RETENTION_DAYS; w++)
        json_object_set_new(kept, ps_retention_word((enum ps_retention_word)w),
                            json_integer((json_int_t)s->kept[w]));
    json_t *o = json_pack("{s:i, s:i, s:o, s:I, s:I, s:I, s:b, s:b}", "removed", (int)s->removed, "failed",
                          (int)s->failed, "kept", kept, "freed_mb", (json_int_t)(s->freed >> 20), "free_mb",
                          (json_int_t)(s->free_bytes >> 20), "reserve_mb", (json_int_t)(s->reserve >> 20),
                          "by_age", (int)s->by_age, "short", (int)s->is_short);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

/* by hand: nobody asked about the reserve. */
static int conclude(const struct telling *how, const struct ps_prune_ask *ask, const struct ps_prune_sum *s) {
    bool by_hand = ask->n > 0;
    unsigned kept = s->kept[PS_RETENTION_HELD] + s->kept[PS_RETENTION_UNKNOWN] +
                    s->kept[PS_RETENTION_UNSTAMPED] + s->kept[PS_RETENTION_UNARCHIVED];
    if (how->json)
        sum_json(s);
    else if (how->dry_run || isatty(STDOUT_FILENO))
        printf(ps_words("%u clips, %" PRIu64 " MB; %" PRIu64 " MB free, %" PRIu64 " to keep free\n",
                        "%u 段录像,%" PRIu64 " MB;可用 %" PRIu64 " MB,应预留 %" PRIu64 " MB\n"),
               s->removed, s->freed >> 20, s->free_bytes >> 20, s->reserve >> 20);
    if (!by_hand && ask->config->days > 0 && !s->by_age && (how->dry_run || isatty(STDERR_FILENO)))
        ps_words_note("%s", ps_words("nobody outside confirms the clock: nothing goes for its age (see "
                                     "trust_clock in packseal.conf)",
                                     "时钟未经外部确认:不按时间删除(参见 packseal.conf 的 trust_clock)"));
    if (by_hand || !s->is_short)
        return s->failed > 0 || (by_hand && s->removed < ask->n) ? 1 : 0;
    char where[PS_ROOT_PATH + 96];
    snprintf(where, sizeof(where),
             ps_words("%s: %" PRIu64 " MB free of %" PRIu64 ", %u clips are kept though old",
                      "%s:可用 %" PRIu64 " MB,应预留 %" PRIu64 " MB,%u 段到期而保留"),
             ask->root, s->free_bytes >> 20, s->reserve >> 20, kept);
    return ps_words_fail(1,
                         ps_words("the disk's reserve is not met and nothing more may go",
                                  "磁盘预留空间不足,且没有可删除的录像"),
                         where,
                         ps_words("make room, or see: packseal prune --dry-run",
                                  "请腾出空间,或查看:packseal prune --dry-run"));
}

static const char *advice(int rc) {
    switch (rc) {
    case PS_EBUSY: return ps_words("wait for it to end", "请等其结束");
    case PS_EPERM: return ps_words("run it as the user packseal", "请以 packseal 用户运行");
    default: return ps_words("see: packseal doctor", "参见:packseal doctor");
    }
}

static int run(struct ps_prune_ask *ask, struct telling *how) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    struct ps_prune_sum sum;
    struct ps_config *c = malloc(sizeof(*c));
    int status;
    if (c == NULL || ps_root_config(ask->root, path) < 0)
        status = ps_words_fail(1, ps_words("out of memory", "内存不足"), NULL, NULL);
    else if (ps_config_load(c, path, &why) < 0)
        status = ps_words_fail(2, why.text, why.where, ps_words("mend it", "请修正"));
    else {
        ask->config = c;
        ask->tell = tell;
        ask->ctx = how;
        int rc = ps_prune(ask, &sum, &why);
        status = conclude(how, ask, &sum);
        if (rc < 0)
            status = ps_words_fail(1, why.text, why.where, advice(rc));
    }
    free(c);
    return status;
}

struct asked {
    char root[PS_ROOT_PATH];
    const char *reason;
    bool erase, yes, dry_run, json;
};

/* Which clips a person means; those that were removed already are told and left out. */
static int by_hand(const struct asked *a, int argc, char **argv) {
    struct ps_clips l = {0};
    struct telling how = {.json = a->json, .dry_run = a->dry_run};
    struct ps_index *x = ps_clips_index(a->root);
    int status = x != NULL ? 0 : 1;
    for (int i = 0; i < argc && status == 0; i++)
        status = ps_clips_add(&l, a->root, x, argv[i]);
    ps_index_close(x);
    if (status == 0)
        status = ps_removed_leave_out(a->root, &l, NULL);
    for (unsigned i = 0; i < l.n && status == 0 && !a->yes && !a->dry_run; i++)
        ps_words_note("%s", l.v[i]);
    if (status == 0 && !a->yes && !a->dry_run)
        status = ps_words_fail(2, ps_words("these would be removed for ever", "以上录像将被永久删除"),
                               a->reason, ps_words("say --yes", "请加 --yes"));
    struct ps_prune_ask ask = {.root = a->root,
                               .dry_run = a->dry_run,
                               .paths = (const char *const *)l.v,
                               .n = l.n,
                               .reason = a->erase ? PS_TOMBSTONE_ERASURE : PS_TOMBSTONE_OPERATOR,
                               .text = a->reason};
    if (status == 0)
        status = run(&ask, &how);
    ps_clips_free(&l);
    return status;
}

int ps_cmd_prune(int argc, char **argv) {
    const char *root_arg = NULL;
    struct asked a = {.json = false};
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &a.json},
                                             {"--dry-run", NULL, PS_ARGS_FLAG, &a.dry_run},
                                             {"--reason", NULL, PS_ARGS_TEXT, &a.reason},
                                             {"--erase", NULL, PS_ARGS_FLAG, &a.erase},
                                             {"--yes", NULL, PS_ARGS_FLAG, &a.yes},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"prune", help_en, help_zh, options, 0, PS_ARGS_LIST_MAX};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (n == 0 && (a.reason != NULL || a.erase || a.yes))
        return ps_words_fail(2, ps_words("no clip is named", "没有指定录像"), "--reason, --erase, --yes",
                             ps_words("see: packseal prune --help", "参见:packseal prune --help"));
    if (n > 0 && (a.reason == NULL || a.reason[0] == '\0' || strlen(a.reason) > PS_REMOVAL_TEXT ||
                  !ps_bytes_is_text(a.reason, strlen(a.reason))))
        return ps_words_fail(2, ps_words("needs a reason, up to 256 bytes of text", "需要原因,最多 256 字节"),
                             "--reason", NULL);
    if (!ps_args_root(root_arg, a.root) || !ps_user_of_station(a.root))
        return 2;
    if (n > 0)
        return by_hand(&a, n, argv);
    struct telling how = {.json = a.json, .dry_run = a.dry_run};
    struct ps_prune_ask ask = {.root = a.root, .dry_run = a.dry_run};
    return run(&ask, &how);
}
