/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/doctor.h"
#include "cli/words.h"
#include <stdarg.h>
#include <stdio.h>

void ps_doctor_say(struct ps_doctor *d, const char *check, enum ps_doctor_state state, const char *todo,
                   const char *fmt, ...) {
    static const char *const words[] = {"ok", "note", "mend"};
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    d->mend += state == PS_DOCTOR_MEND;
    json_t *facts = d->facts;
    d->facts = NULL;
    if (d->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "check", check, "state", words[state], "text", text,
                              "todo", todo != NULL ? todo : "");
        json_object_update(o, facts);
        if (o != NULL)
            json_dumpf(o, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(o);
        json_decref(facts);
        return;
    }
    json_decref(facts);
    ps_words_pad(stdout,
                 state == PS_DOCTOR_OK     ? "ok"
                 : state == PS_DOCTOR_NOTE ? ps_words("note", "提示")
                                           : ps_words("MEND", "处理"),
                 6);
    ps_words_pad(stdout, check, 15);
    ps_words_pad(stdout, text, 0);
    if (todo != NULL) {
        fputs(": ", stdout);
        ps_words_pad(stdout, todo, 0);
    }
    putchar('\n');
}
