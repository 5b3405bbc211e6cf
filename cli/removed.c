/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/removed.h"
#include "archive/holds.h"
#include "archive/removal.h"
#include "cli/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ps_removed_because(const char *reason) {
    static const char *const words[][3] = {
        {"days", "its days were over", "保存期满"},
        {"space", "room was needed", "需要空间"},
        {"erasure", "somebody in it asked for it", "当事人要求删除"},
        {"manual", "by hand", "人工删除"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i][0], reason) == 0)
            return ps_words(words[i][1], words[i][2]);
    return reason;
}

bool ps_removed_text(const char *root, const char *path, char out[512]) {
    struct ps_removal r;
    char at[32];
    if (!ps_removal_is(path))
        return false;
    if (ps_removal_read(root, path, &r, NULL) < 0) {
        snprintf(out, 512, "%s", ps_words("is being removed", "正在删除"));
        return true;
    }
    ps_clips_time(r.leaf.wall_ns, at);
    snprintf(out, 512, ps_words("removed on %s: %s%s%s", "已于 %s 删除:%s%s%s"), at,
             ps_removed_because(ps_removal_reason(r.leaf.extra[0])), r.text[0] != '\0' ? ": " : "", r.text);
    return true;
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

int ps_removed_leave_out(const char *root, struct ps_clips *l, json_t *gone) {
    char text[512], last[512 + 64] = "";
    unsigned kept = 0, before = l->n;
    for (unsigned i = 0; i < l->n; i++) {
        if (!ps_removed_text(root, l->v[i], text)) {
            l->v[kept++] = l->v[i];
            continue;
        }
        snprintf(last, sizeof(last), "%.40s", name_of(l->v[i]));
        ps_words_note("%s: %s", last, text);
        if (gone != NULL)
            json_array_append_new(gone, json_string(last));
        free(l->v[i]);
    }
    l->n = kept;
    return kept > 0 || before == 0
               ? 0
               : ps_words_fail(1, ps_words("nothing is left of it but its statement", "仅存声明,影片已删除"),
                               last, ps_words("see: packseal show", "参见:packseal show"));
}

void ps_removed_json(const char *root, const struct ps_index_row *r, json_t *o) {
    struct ps_removal gone;
    struct ps_hold held;
    char at[32];
    if (ps_holds_get(root, r->clip, &held) != PS_ENOENT)
        json_object_set_new(o, "held", json_string(held.note));
    if (!ps_removal_is(r->path))
        return;
    if (ps_removal_read(root, r->path, &gone, NULL) < 0) {
        json_object_set_new(o, "removed", json_object());
        return;
    }
    ps_statement_time_text(gone.leaf.wall_ns, at);
    json_object_set_new(o, "removed",
                        json_pack("{s:s, s:s, s:s, s:I}", "at", at, "reason",
                                  ps_removal_reason(gone.leaf.extra[0]), "text", gone.text, "entry",
                                  (json_int_t)gone.leaf.index));
}
