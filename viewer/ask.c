/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/ask.h"
#include "archive/socket.h"
#include "viewer/viewer.h"

int ps_ask_recorder(const char *root, json_t *request, unsigned seconds, json_t **reply, struct ps_why *why) {
    int rc = ps_socket_ask(root, request, seconds, reply, why);
    json_decref(request);
    return rc;
}

void ps_ask_answer(struct ps_request *r, struct ps_answer *a, json_t *request, unsigned seconds) {
    struct ps_why why = {0};
    json_t *reply = NULL;
    int rc = ps_ask_recorder(r->viewer->root, request, seconds, &reply, &why);
    if (rc == 0 && json_is_true(json_object_get(reply, "ok"))) {
        ps_answer_json(a, 200, reply);
        return;
    }
    if (rc == 0) { /* its words are WHAT: WHERE: WHAT TO DO already */
        json_t *error = json_object_get(reply, "error");
        ps_answer_json(a, 409,
                       json_pack("{s:s, s:s}", "error",
                                 json_is_string(error) ? json_string_value(error) : "refused", "code",
                                 "conflict"));
    } else if (rc == PS_ENOENT || rc == PS_EGONE) {
        ps_answer_error(a, "no-recorder", "no recorder is running", why.where,
                        "start it, or look at its log");
    } else if (rc == PS_ETIME) {
        ps_answer_error(a, "busy", why.text, why.where, "look at the station; it may still happen");
    } else {
        ps_answer_error(a, rc == PS_ELIMIT ? "too-large" : "internal", why.text, why.where, "see the log");
    }
    json_decref(reply);
}
