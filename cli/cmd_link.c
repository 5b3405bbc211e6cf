/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "archive/links.h"
#include "archive/store.h"
#include "cli/appending.h"
#include "cli/args.h"
#include "cli/clips.h"
#include "cli/cmd.h"
#include "cli/ledger.h"
#include "cli/user.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include "evidence/leaf.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char help_en[] =
    "usage: packseal link CLIP NUMBER [--json] [--root DIR]\n"
    "\n"
    "Adds a number that was learned after the clip was sealed (a claim's, a new waybill's): find then finds "
    "the clip by\n"
    "it. The ledger gets an entry with a salted digest of the number. It is the merchant's entry and told as "
    "that: the\n"
    "clip's own statement is not touched. The same link again is the same entry.\n"
    "\n"
    "  CLIP     path, name, code or clip number; of a number with several takes name one\n"
    "  --json   one object: clip, number, leaf, new\n";
static const char help_zh[] =
    "用法:packseal link 录像 号码 [--json] [--root 文件夹]\n"
    "\n"
    "为已封存的录像补记事后得知的号码(如售后单号、新运单号),此后可按该号码查到录像。\n"
    "账本会增加一条含加盐摘要的记录。它是商家补记,并如此显示;录像本身的声明不变。重复补记视为同一条。\n"
    "\n"
    "  录像     路径、编号、号码或序号;号码有多次录像时请指定一段\n"
    "  --json   输出一个对象:clip、number、leaf、new\n";

struct link {
    char root[PS_ROOT_PATH];
    struct ps_link l;
    bool is_new;
};

static int known(struct link *k) {
    struct ps_link *all = calloc(PS_LINKS_MOST, sizeof(*all));
    if (all == NULL)
        return PS_ENOMEM;
    unsigned n = ps_links_of(k->root, k->l.clip, all, PS_LINKS_MOST);
    int rc = n == PS_LINKS_MOST ? PS_ELIMIT : 0;
    for (unsigned i = 0; i < n; i++)
        if (strcasecmp(all[i].number, k->l.number) == 0) {
            k->l = all[i];
            rc = 1;
        }
    free(all);
    return rc;
}

static int append(struct link *k, uint64_t clip, struct ps_why *why) {
    struct ps_wire_append ask = {.type = PS_LEAF_LINK, .subject = clip};
    struct ps_wire_appended got;
    struct ps_leaf leaf;
    uint8_t log[16];
    int rc = ps_links_digest(&k->l, ask.digest);
    if (rc < 0)
        return ps_error_why(why, rc, "number", "%s", ps_error_text(rc));
    int fd = ps_appending_open(k->root, why);
    if (fd < 0)
        return fd;
    rc = ps_appending_ask(fd, &ask, &got, why);
    close(fd);
    if (rc < 0)
        return rc;
    ps_leaf_log_id(log, k->l.ledger_key);
    if (ps_leaf_decode(&leaf, got.leaf, got.leaf_len) < 0 || leaf.type != PS_LEAF_LINK ||
        leaf.index != got.index || leaf.subject != clip || memcmp(leaf.log, log, sizeof(log)) != 0 ||
        memcmp(leaf.digest, ask.digest, sizeof(leaf.digest)) != 0)
        return ps_error_why(why, PS_ESIG, "signer", "answered with a leaf of something else");
    k->l.leaf = got.index;
    return 0;
}

/* The clip's own ledger must be the present one: in another, that index is another thing. */
static int prepare(struct link *k, const struct ps_clip *c, struct ps_why *why) {
    struct timespec now;
    struct ps_vkey log;
    char path[PS_ROOT_PATH];
    int rc = ps_root_path(k->root, PS_ROOT_PUBLIC "/log.vkey", path);
    if (rc == 0)
        rc = ps_ledger_key(path, &log);
    if (rc < 0)
        return ps_error_why(why, rc, PS_ROOT_PUBLIC "/log.vkey", "%s", ps_error_text(rc));
    if (memcmp(log.key, c->ledger_key, sizeof(c->ledger_key)) != 0)
        return ps_error_why(why, PS_ESTATE, k->l.clip, "is of another ledger than the present");
    memcpy(k->l.ledger_key, c->ledger_key, sizeof(k->l.ledger_key));
    clock_gettime(CLOCK_REALTIME, &now);
    k->l.at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (getrandom(k->l.salt, sizeof(k->l.salt), 0) != (ssize_t)sizeof(k->l.salt))
        return ps_error_why(why, PS_EIO, "getrandom", "no random number");
    return 0;
}

/* The index is a cache: what fails here reindex mends. */
static int index_again(const struct link *k, const struct ps_clip *c, const char *path, struct ps_why *why) {
    struct ps_index *x = NULL;
    int rc = ps_index_open(&x, k->root, true, why);
    if (rc == 0 && (rc = ps_index_put(x, c, path)) < 0)
        ps_error_why(why, rc, PS_ROOT_INDEX, "%s", ps_error_text(rc));
    ps_index_close(x);
    return rc;
}

static int make(struct link *k, const char *path, struct ps_why *why) {
    struct ps_clip *c = NULL;
    int rc = ps_store_load(k->root, path, &c, why);
    if (rc < 0)
        return rc;
    ps_statement_clip_name(c->opening.station, c->number, k->l.clip);
    rc = known(k);
    if (rc != 0) {
        ps_statement_free(c);
        return rc > 0 ? 0
                      : ps_error_why(why, rc, k->l.clip, rc == PS_ELIMIT ? "has 64 links already" : "%s",
                                     ps_error_text(rc));
    }
    k->is_new = true;
    rc = prepare(k, c, why);
    if (rc == 0)
        rc = append(k, c->number, why);
    if (rc == 0)
        rc = ps_links_put(k->root, &k->l, why);
    if (rc == 0)
        rc = index_again(k, c, path, why);
    ps_statement_free(c);
    return rc;
}

static int tell(const struct link *k, bool json) {
    if (!json) {
        printf(ps_words("linked    %s  to %s, entry %" PRIu64 " of the ledger%s\n",
                        "已补记  %s  于 %s,账本第 %" PRIu64 " 条%s\n"),
               k->l.number, k->l.clip, k->l.leaf,
               k->is_new ? "" : ps_words(" (known already)", "(早已补记)"));
        return 0;
    }
    json_t *o = json_pack("{s:s, s:s, s:I, s:b}", "clip", k->l.clip, "number", k->l.number, "leaf",
                          (json_int_t)k->l.leaf, "new", (int)k->is_new);
    json_dumpf(o, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(o);
    return 0;
}

int ps_cmd_link(int argc, char **argv) {
    struct link k = {.is_new = false};
    struct ps_clips l = {0};
    struct ps_why why = {0};
    bool json;
    const struct ps_args_spec spec = {"link", help_en, help_zh, NULL, 2, 2};
    int status = ps_args_parse_plain(&spec, argc, argv, k.root, &json);
    if (status != PS_ARGS_GO)
        return status;
    size_t n = strlen(argv[1]);
    if (n == 0 || n > PS_MAX_CODE || !ps_bytes_is_text(argv[1], n))
        return ps_words_fail(2, ps_words("is no number", "不是号码"), argv[1],
                             ps_words("1 to 128 bytes of plain text", "1 至 128 字节的文字"));
    memcpy(k.l.number, argv[1], n + 1);
    if (!ps_user_of_station(k.root))
        return 2;
    struct ps_index *x = strchr(argv[0], '/') != NULL ? NULL : ps_clips_index(k.root);
    if (x == NULL && strchr(argv[0], '/') == NULL)
        return 1;
    status = ps_clips_add(&l, k.root, x, argv[0]);
    ps_index_close(x);
    if (status == 0 && l.n > 1) {
        for (unsigned i = 0; i < l.n; i++)
            ps_words_note("%s", l.v[i]);
        status = ps_words_fail(1, ps_words("more than one clip", "不止一段录像"), argv[0],
                               ps_words("name one of those above", "请指定上面的一段"));
    } else if (status == 0) {
        status = make(&k, l.v[0], &why) == 0
                     ? tell(&k, json)
                     : ps_words_fail(1, why.text, why.where,
                                     ps_words("is the station running? see packseal status",
                                              "工位在运行吗?参见 packseal status"));
    }
    ps_clips_free(&l);
    return status;
}
