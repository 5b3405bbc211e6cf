/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/control.h"
#include "archive/socket.h"
#include "cli/words.h"

int ps_control_ask(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why) {
    json_t *o;
    int rc = ps_socket_ask(root, request, seconds, &o, why);
    if (rc == 0 && json_is_false(json_object_get(o, "ok"))) {
        const char *error = json_string_value(json_object_get(o, "error"));
        rc = ps_error_why(why, PS_EPERM, "", "%s", error != NULL ? error : "refused");
        json_decref(o);
    }
    if (rc == 0)
        *reply = o;
    return rc;
}

json_t *ps_control_request(const char *root, const char *what, const char *code, bool manual,
                           unsigned seconds) {
    struct ps_why why = {0};
    json_t *request = json_object(), *reply = NULL;
    int rc = json_object_set_new(request, "do", json_string(what));
    if (rc == 0 && code != NULL)
        rc = json_object_set_new(request, "code", json_string(code));
    if (rc == 0 && manual)
        rc = json_object_set_new(request, "manual", json_true());
    rc = rc != 0 ? PS_EINVAL : ps_control_ask(root, request, seconds, &reply, &why);
    json_decref(request);
    if (rc == PS_EINVAL)
        ps_words_fail(0, ps_words("not plain UTF-8 text", "不是 UTF-8 文本"), code != NULL ? code : what,
                      NULL);
    else if (rc == PS_ENOENT)
        ps_words_fail(0, ps_words("no recorder is running", "录像程序没有运行"), root,
                      ps_words("start it: packseal run", "请启动:packseal run"));
    else if (rc == PS_EPERM)
        ps_words_fail(0, why.text, why.where, NULL);
    else if (rc < 0)
        ps_words_fail(0, why.text, why.where, ps_words("see: packseal status", "参见:packseal status"));
    return reply;
}
