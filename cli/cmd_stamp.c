/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/anchor.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/stamp.h"
#include "cli/user.h"
#include "cli/witness.h"
#include "cli/words.h"
#include "evidence/statement.h"
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS INT64_C(1000000000)
#define SKEW_TOLD_NS (60 * NS)

static const char help_en[] =
    "usage: packseal stamp [--force] [--if-configured] [--json] [--root DIR]\n"
    "\n"
    "Has the newest checkpoint of the ledger cosigned by each witness, and stamped by each time-stamp "
    "authority, of\n"
    "packseal.conf that has not done it yet, and a token made anew that is older than refresh_minutes. An "
    "answer is\n"
    "kept only when it verifies. Run by a timer; what fails now is made up for later, since a newer "
    "checkpoint "
    "serves\n"
    "all clips before it.\n"
    "Exit status: 0 done or nothing new, 1 an authority or witness failed, 2 nothing can be stamped.\n"
    "\n"
    "  --force   stamp again what is stamped, for a fresh code\n"
    "  --if-configured   do nothing, and say nothing, when no authority and no witness is configured\n"
    "  --json    one object for each authority: authority, state, size, token, time, accuracy_us, code, "
    "skew_ms,\n"
    "            age_seconds, error, where; before them those that were anchored: state, token, until, "
    "leaf;\n"
    "            then one for each witness: witness, state, size, time, cosigned, skew_ms, age_seconds, "
    "error, "
    "where\n";
static const char help_zh[] =
    "用法:packseal stamp [--force] [--if-configured] [--json] [--root 文件夹]\n"
    "\n"
    "请 packseal.conf 中的各见证方为账本最新的检查点联署、各时间戳机构加盖时间戳,已办过的跳过;\n"
    "早于 refresh_minutes 的时间戳会重盖。只保存核验无误的答复。\n"
    "由定时器运行;这次失败,下次补上:较新的检查点对之前所有录像都有效。\n"
    "返回值:0 已办或无新内容,1 有机构或见证方失败,2 无法进行。\n"
    "\n"
    "  --force   已盖过的再盖一次,以取得新的新鲜码\n"
    "  --if-configured   未配置任何机构或见证方时不做任何事,也不提示\n"
    "  --json    每个机构输出一个对象:authority、state、size、token、time、accuracy_us、code、skew_ms、\n"
    "            age_seconds、error、where;之前是已锚定的时间戳:state、token、until、leaf;\n"
    "            "
    "然后每个见证方一个:witness、state、size、time、cosigned、skew_ms、age_seconds、error、where\n";

struct line { /* what is told of one authority */
    const struct ps_config_authority *a;
    const char *state; /* stamped, current, failed */
    const char *token;
    const struct ps_timestamp *time; /* of the newest token; NULL: there is none */
    uint64_t size;
    int64_t age_seconds;
    const int64_t *skew_ns;
    const struct ps_why *error;
};

static void tell_json(const struct line *l) {
    char time[32];
    json_t *o =
        json_pack("{s:s, s:s, s:I}", "authority", l->a->name, "state", l->state, "size", (json_int_t)l->size);
    if (l->time != NULL) {
        ps_statement_time_text(l->time->time_ns, time);
        json_object_set_new(o, "token", json_string(l->token));
        json_object_set_new(o, "time", json_string(time));
        json_object_set_new(o, "accuracy_us", json_integer(l->time->accuracy_ns / 1000));
        json_object_set_new(o, "code", json_string(l->time->code));
        json_object_set_new(o, "age_seconds", json_integer(l->age_seconds));
    }
    if (l->skew_ns != NULL)
        json_object_set_new(o, "skew_ms", json_integer(*l->skew_ns / 1000000));
    if (l->error != NULL) {
        json_object_set_new(o, "error", json_string(l->error->text));
        json_object_set_new(o, "where", json_string(l->error->where));
    }
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void tell_words(const struct line *l) {
    char time[32] = "";
    if (l->time == NULL) {
        printf(ps_words("%-10s no token yet\n", "%-10s 尚无时间戳\n"), l->a->name);
        return;
    }
    ps_statement_time_text(l->time->time_ns, time);
    if (strcmp(l->state, "stamped") == 0)
        printf(ps_words("%-10s stamped  %s  checkpoint %" PRIu64 "  code %s\n",
                        "%-10s 已盖戳  %s  检查点 %" PRIu64 "  新鲜码 %s\n"),
               l->a->name, time, l->size, l->time->code);
    else
        printf(ps_words("%-10s %s  newest token of %s, %" PRId64 " minutes old, code %s\n",
                        "%-10s %s  最新时间戳 %s,已有 %" PRId64 " 分钟,新鲜码 %s\n"),
               l->a->name,
               strcmp(l->state, "current") == 0 ? ps_words("nothing new", "无新内容")
                                                : ps_words("failed", "失败"),
               time, l->age_seconds / 60, l->time->code);
}

static void tell(const struct line *l, bool json) {
    if (json)
        tell_json(l);
    else
        tell_words(l);
}

static const char *advice(int rc) {
    switch (rc) {
    case PS_EGONE:
    case PS_ETIME:
    case PS_EBUSY: return ps_words("it is asked again at the next run", "下次运行时重试");
    case PS_EINVAL: return ps_words("see [time] in packseal.conf(5)", "参见 packseal.conf(5) 的 [time]");
    case PS_EFULL: return ps_words("make room on the disk", "请腾出磁盘空间");
    case PS_ESTATE:
    case PS_ESIG:
        return ps_words("do not trust this authority until it explains", "在该机构说明原因前勿信任");
    default:
        return ps_words("look at ca in [time] and ask the authority", "请检查 [time] 的 ca 并询问该机构");
    }
}

static int64_t age_of(int64_t time_ns) {
    return ((int64_t)time(NULL) * NS - time_ns) / NS;
}

static void tell_skew(const char *name, int64_t skew_ns) {
    ps_words_note(ps_words("%s: this station's clock is off by %" PRId64 " seconds: set it",
                           "%s:本工位时钟相差 %" PRId64 " 秒,请校时"),
                  name, skew_ns / NS);
}

/* A ledger at rest would leave the code that the next clip shows as old as the night. */
static bool grown_old(const struct ps_config *c, int64_t age_seconds) {
    return c->refresh_minutes > 0 && age_seconds >= (int64_t)c->refresh_minutes * 60;
}

/* One authority; 0 or 1. */
static int stamp_by(const struct ps_stamp *s, const struct ps_config *c, const struct ps_config_authority *a,
                    bool force, bool json) {
    struct ps_token newest;
    struct ps_stamp_result r;
    struct ps_why why = {0};
    char where[320];
    bool have = ps_tokens_newest(s->root, s->checkpoint.origin, a->name, &newest, NULL) == 0;
    struct line l = {.a = a, .size = s->checkpoint.size};
    if (have) {
        l.token = newest.entry.name;
        l.time = &newest.time;
        l.age_seconds = age_of(newest.time.time_ns);
    }
    int rc = 0;
    if (have && newest.checkpoint.size == s->checkpoint.size && !force && !grown_old(c, l.age_seconds)) {
        l.state = "current";
    } else if ((rc = ps_stamp_ask(s, a, &r, &why)) == 0) {
        l.state = "stamped";
        l.token = r.name;
        l.time = &r.time;
        l.age_seconds = age_of(r.time.time_ns);
        l.skew_ns = &r.skew_ns;
    } else {
        l.state = "failed";
        l.error = &why;
        snprintf(where, sizeof(where), "%s: %s", a->name, why.where);
        ps_words_fail(1, why.text, where, advice(rc));
    }
    if (rc == 0 && l.skew_ns != NULL && (*l.skew_ns > SKEW_TOLD_NS || *l.skew_ns < -SKEW_TOLD_NS))
        tell_skew(a->name, *l.skew_ns);
    if (rc == 0 && l.skew_ns != NULL && r.later.text[0] != '\0')
        ps_words_note(ps_words("%s: no revocation list, the token stands without: %s: %s",
                               "%s:未取得吊销列表,时间戳仍有效:%s:%s"),
                      a->name, r.later.where, r.later.text);
    tell(&l, json);
    if (have)
        ps_tokens_free(&newest);
    return rc == 0 ? 0 : 1;
}

/* ---- witnesses */

static void tell_witness_json(const struct ps_stamp *s, const struct ps_config_witness *w, const char *state,
                              const struct ps_witness_result *r, const struct ps_why *error) {
    char time[32];
    json_t *o = json_pack("{s:s, s:s, s:I}", "witness", w->name, "state", state, "size",
                          (json_int_t)s->checkpoint.size);
    if (r->have) {
        ps_statement_time_text(r->time_ns, time);
        json_object_set_new(o, "time", json_string(time));
        json_object_set_new(o, "cosigned", json_integer((json_int_t)r->size));
        json_object_set_new(o, "age_seconds", json_integer(age_of(r->time_ns)));
    }
    if (error == NULL && r->asked)
        json_object_set_new(o, "skew_ms", json_integer(r->skew_ns / 1000000));
    if (error != NULL) {
        json_object_set_new(o, "error", json_string(error->text));
        json_object_set_new(o, "where", json_string(error->where));
    }
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
}

static void tell_witness_words(const struct ps_config_witness *w, const char *state,
                               const struct ps_witness_result *r) {
    char time[32];
    ps_statement_time_text(r->time_ns, time);
    if (!r->have)
        printf(ps_words("%-10s no cosignature yet\n", "%-10s 尚无联署\n"), w->name);
    else
        printf(ps_words("%-10s %s  %s  checkpoint %" PRIu64 "\n", "%-10s %s  %s  检查点 %" PRIu64 "\n"),
               w->name,
               strcmp(state, "cosigned") == 0  ? ps_words("cosigned", "已联署")
               : strcmp(state, "current") == 0 ? ps_words("nothing new", "无新内容")
                                               : ps_words("failed; cosigned last", "失败;上次联署"),
               time, r->size);
}

static const char *witness_advice(int rc, const struct ps_witness_result *r) {
    if (r->restored)
        return ps_words(
            "STOP: what is recorded on an old copy forks the ledger: put the newer one back, or see "
            "packseal-signer --recover",
            "请停止录像:在旧副本上录像会使账本分叉;请恢复较新的账本,或参见 packseal-signer --recover");
    switch (rc) {
    case PS_EGONE:
    case PS_ETIME:
    case PS_EBUSY: return ps_words("it is asked again at the next run", "下次运行时重试");
    case PS_EPERM:
        return ps_words("have public/log.vkey registered with the witness", "请在见证方登记 public/log.vkey");
    case PS_ESTATE:
        return ps_words(
            "there are two histories of this ledger: packseal ledger check, and ask who put a copy back",
            "该账本有两份历史:运行 packseal ledger check,并查明谁恢复过旧副本");
    case PS_ESIG:
        return ps_words("compare witness-key in [time] with what the witness publishes",
                        "请将 [time] 的 witness-key 与见证方公布的密钥核对");
    case PS_EFULL: return ps_words("make room on the disk", "请腾出磁盘空间");
    default: return ps_words("see [time] in packseal.conf(5)", "参见 packseal.conf(5) 的 [time]");
    }
}

/* One witness; 0 or 1. */
static int cosign_by(struct ps_stamp *s, const struct ps_config_witness *w, bool json) {
    struct ps_witness_result r;
    struct ps_why why = {0};
    char where[320];
    int rc = ps_witness_ask(s, w, &r, &why);
    const char *state = rc < 0 ? "failed" : r.asked ? "cosigned" : "current";
    if (rc < 0) {
        snprintf(where, sizeof(where), "%s: %s", w->name, why.where);
        ps_words_fail(1, why.text, where, witness_advice(rc, &r));
    } else if (r.skew_ns > SKEW_TOLD_NS || r.skew_ns < -SKEW_TOLD_NS) {
        tell_skew(w->name, r.skew_ns);
    }
    if (json)
        tell_witness_json(s, w, state, &r, rc < 0 ? &why : NULL);
    else
        tell_witness_words(w, state, &r);
    return rc < 0 ? 1 : 0;
}

/* ---- anchors */

static void tell_anchor(const struct ps_anchor *a, bool json) {
    char until[32];
    ps_statement_time_text(a->until_ns, until);
    if (json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "state", "anchored", "token", a->token, "until", until,
                              "leaf", (json_int_t)a->index);
        json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        return;
    }
    printf(ps_words("anchored  %s, whose certificate ends %s, in leaf %" PRIu64 "\n",
                    "已锚定    %s,证书于 %s 到期,叶 %" PRIu64 "\n"),
           a->token, until, a->index);
}

static int read_again(struct ps_stamp *s, const struct ps_config *c, struct ps_why *why) {
    char root[PS_ROOT_PATH];
    memcpy(root, s->root, sizeof(root));
    ps_stamp_close(s);
    return ps_stamp_open(s, root, c, why);
}

/* Whoever wants a time leaves a file. It goes before the checkpoint is read: what is left later wants another run. */
static int answer_wanted(struct ps_stamp *s, const struct ps_config *c, struct ps_why *why) {
    char path[PS_ROOT_PATH];
    int rc = ps_root_path(s->root, PS_ROOT_STAMP_WANTED, path);
    if (rc == 0 && unlink(path) != 0 && errno != ENOENT)
        rc = ps_error_why(why, PS_EIO, path, "cannot be removed: %s", strerrordesc_np(errno));
    return rc == 0 ? read_again(s, c, why) : rc;
}

/* Then the checkpoint to stamp is the one that covers them. What fails is made up for at the next run: there are weeks
 * of them. */
static int anchor(struct ps_stamp *s, const struct ps_config *c, bool json, struct ps_why *why) {
    struct ps_anchors made;
    struct ps_why missed = {0};
    int rc = ps_anchor_make(&made, s->root, &s->checkpoint, &missed);
    for (size_t i = 0; i < made.n; i++)
        tell_anchor(&made.v[i], json);
    if (rc < 0)
        ps_words_note(ps_words("tokens whose certificate ends soon are not anchored yet: %s: %s",
                               "证书将到期的时间戳尚未锚定:%s:%s"),
                      missed.where, missed.text);
    rc = 0;
    if (made.n > 0)
        rc = read_again(s, c, why);
    ps_anchor_free(&made);
    return rc;
}

static int cannot(const struct ps_why *why, const char *todo) {
    return ps_words_fail(2, why->text, why->where, todo);
}

static int stamp(const char *root, const struct ps_config *c, bool force, bool json) {
    struct ps_stamp s;
    struct ps_why why = {0};
    if (c->n_authorities == 0 && c->n_witnesses == 0)
        return ps_words_fail(
            2, ps_words("no time-stamp authority and no witness is configured", "没有配置时间戳机构或见证方"),
            "[time]",
            ps_words("name one in packseal.conf(5): authority = URL, ca = FILE",
                     "请在 packseal.conf(5) 中填写:authority = 网址,ca = 文件"));
    int rc = ps_stamp_open(&s, root, c, &why);
    if (rc < 0)
        return cannot(
            &why, ps_words("is there a station that has run? see --root", "工位是否已运行过?参见 --root"));
    int lock = ps_tokens_lock(root, &why), status = 0;
    if (lock < 0) {
        ps_stamp_close(&s);
        return cannot(&why, lock == PS_EBUSY
                                ? ps_words("wait for it to end", "请等它结束")
                                : ps_words("run it as the user of the station", "请以工位的用户运行"));
    }
    rc = answer_wanted(&s, c, &why);
    if (rc == 0)
        rc = anchor(&s, c, json, &why);
    if (rc < 0) {
        ps_stamp_close(&s);
        close(lock);
        return cannot(&why, ps_words("run packseal ledger check", "请运行 packseal ledger check"));
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    /* First, so that what is stamped is kept with their cosignatures. */
    for (unsigned i = 0; i < c->n_witnesses; i++)
        status |= cosign_by(&s, &c->witnesses[i], json);
    for (unsigned i = 0; i < c->n_authorities; i++)
        status |= stamp_by(&s, c, &c->authorities[i], force, json);
    curl_global_cleanup();
    close(lock);
    ps_stamp_close(&s);
    return status;
}

int ps_cmd_stamp(int argc, char **argv) {
    const char *root_arg = NULL;
    char root[PS_ROOT_PATH], path[PS_ROOT_PATH];
    bool json = false, force = false, if_configured = false;
    const struct ps_args_option options[] = {{"--root", NULL, PS_ARGS_TEXT, &root_arg},
                                             {"--json", NULL, PS_ARGS_FLAG, &json},
                                             {"--force", NULL, PS_ARGS_FLAG, &force},
                                             {"--if-configured", NULL, PS_ARGS_FLAG, &if_configured},
                                             {NULL, NULL, PS_ARGS_FLAG, NULL}};
    const struct ps_args_spec spec = {"stamp", help_en, help_zh, options, 0, 0};
    int n, status = ps_args_parse(&spec, argc, argv, &n);
    if (status != PS_ARGS_GO)
        return status;
    if (!ps_args_root(root_arg, root) || !ps_user_of_station(root))
        return 2;
    struct ps_why why = {0};
    struct ps_config *c = malloc(sizeof(*c));
    int rc = c == NULL ? PS_ENOMEM : ps_root_config(root, path);
    if (rc == 0)
        rc = ps_config_load(c, path, &why);
    bool idle = rc == 0 && if_configured && c->n_authorities == 0 && c->n_witnesses == 0;
    status = idle      ? 0
             : rc == 0 ? stamp(root, c, force, json)
                       : cannot(&why, ps_words("see packseal.conf(5)", "参见 packseal.conf(5)"));
    free(c);
    return status;
}
