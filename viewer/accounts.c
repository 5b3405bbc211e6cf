/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators do: accounts, bearer tokens, screens.
 */
#include "viewer/answer_internal.h"
#include "viewer/passwords.h"
#include "viewer/sessions.h"
#include "viewer/signin.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACCOUNTS 1000

static void failed(struct ps_answer *a, int rc, const char *where) {
    switch (rc) {
    case PS_EEXIST: ps_answer_error(a, "conflict", "the name is taken", where, "choose another"); return;
    case PS_ENOENT:
        ps_answer_error(a, "not-found", "there is none of that name", where, "see the list");
        return;
    case PS_EPERM:
        ps_answer_error(a, "conflict", "no administrator would be left", where, "make another one first");
        return;
    case PS_EFULL: ps_answer_error(a, "conflict", "there are too many", where, "remove one first"); return;
    case PS_ESTATE:
        ps_answer_error(a, "conflict", "somebody else changed it meanwhile", where, "look again");
        return;
    case PS_EBUSY: ps_answer_error(a, "busy", "too much at once", where, "try again in a moment"); return;
    default: ps_answer_error(a, "internal", ps_error_text(rc), where, "see the log");
    }
}

static json_t *time_or_null(int64_t ns) {
    char text[40];
    if (ns == 0)
        return json_null();
    ps_times_text(ns, text);
    return json_string(text);
}

/* ---- accounts */

static int account_row(void *ctx, const struct ps_viewer_db_account *k) {
    json_array_append_new(ctx, json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", k->name, "role", k->role,
                                         "language", k->language, "disabled", k->disabled, "last_seen",
                                         time_or_null(k->seen_ns)));
    return 0;
}

static void get_accounts(struct ps_request *r, struct ps_answer *a) {
    json_t *rows = json_array();
    int rc = ps_viewer_db_accounts(r->viewer->db, account_row, rows);
    if (rc < 0) {
        json_decref(rows);
        failed(a, rc, "accounts");
        return;
    }
    ps_answer_json(a, 200, json_pack("{s:o}", "accounts", rows));
}

static int count_row(void *ctx, const struct ps_viewer_db_account *k) {
    (void)k;
    ++*(unsigned *)ctx;
    return 0;
}

static const struct ps_member account_members[] = {{"name", 's', true, 1, PS_VIEWER_DB_NAME},
                                                   {"role", 's', true, 1, 16},
                                                   {"password", 's', true, 1, 1024},
                                                   {"language", 's', false, 2, 5},
                                                   {NULL, 0, false, 0, 0}};

/* What is wrong with it; NULL: nothing. Members that are missing are not looked at. */
static const char *wrong(const char *name, const char *role, const char *password, const char *language) {
    if (!ps_signin_is_name(name))
        return "a name is 1 to 32 letters, digits, dots and hyphens";
    if (role != NULL && !ps_signin_is_role(role))
        return "a role is packer, clerk, auditor or admin";
    if (language != NULL && !ps_signin_is_language(language))
        return "a language is zh-CN or en";
    return password != NULL ? ps_passwords_weak(name, password) : NULL;
}

static void post_accounts(struct ps_request *r, struct ps_answer *a) {
    struct ps_viewer_db_account k = {.made_ns = ps_times_now_ns()};
    unsigned n = 0;
    if (!ps_request_members(r, a, account_members))
        return;
    const char *name = ps_request_text(r, "name"), *role = ps_request_text(r, "role"),
               *password = ps_request_text(r, "password"), *language = ps_request_text(r, "language");
    const char *bad = wrong(name, role, password, language);
    if (bad != NULL) {
        ps_answer_error(a, "bad-request", "not an account", "accounts", bad);
        return;
    }
    snprintf(k.name, sizeof(k.name), "%s", name);
    snprintf(k.role, sizeof(k.role), "%s", role);
    snprintf(k.language, sizeof(k.language), "%s", language != NULL ? language : "zh-CN");
    int rc = ps_viewer_db_accounts(r->viewer->db, count_row, &n);
    if (rc == 0 && n >= ACCOUNTS)
        rc = PS_EFULL;
    if (rc == 0)
        rc = ps_passwords_hash(password, k.hash);
    if (rc == 0)
        rc = ps_viewer_db_account_add(r->viewer->db, &k);
    if (rc == 0) {
        char detail[96];
        snprintf(detail, sizeof(detail), "%s, %s", k.name, k.role);
        rc = ps_viewer_audit(r, "account-made", NULL, detail);
    }
    if (rc < 0)
        failed(a, rc, "accounts");
    else
        ps_answer_json(a, 201, json_pack("{s:s}", "name", k.name));
}

/* Row and sessions change together: of two changes at once the sessions follow the later one. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

static int change(struct ps_viewer *v, const struct ps_viewer_db_account *was,
                  const struct ps_viewer_db_account *k, bool ends) {
    pthread_mutex_lock(&changing);
    int rc = ps_viewer_db_account_change(v->db, was, k);
    if (rc == 0 && ends)
        ps_sessions_drop_name(v->sessions, k->name, NULL);
    else if (rc == 0)
        ps_sessions_change(v->sessions, k->name, k->role, k->language);
    pthread_mutex_unlock(&changing);
    return rc;
}

static void note_change(const struct ps_request *r, const struct ps_viewer_db_account *k, bool password) {
    char detail[160];
    snprintf(detail, sizeof(detail), "%s: %s%s%s", k->name, k->role, k->disabled ? ", disabled" : "",
             password ? ", new password" : "");
    (void)ps_viewer_audit(r, "account-changed", NULL, detail);
}

static void post_account(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"role", 's', false, 1, 16},
                                               {"password", 's', false, 1, 1024},
                                               {"disabled", 'b', false, 0, 0},
                                               {"language", 's', false, 2, 5},
                                               {NULL, 0, false, 0, 0}};
    struct ps_viewer_db_account k, was;
    struct ps_viewer *v = r->viewer;
    if (!ps_request_members(r, a, members))
        return;
    int rc = ps_viewer_db_account_get(v->db, r->arg[0], &k);
    if (rc < 0) {
        failed(a, rc, "accounts");
        return;
    }
    const char *role = ps_request_text(r, "role"), *password = ps_request_text(r, "password"),
               *language = ps_request_text(r, "language");
    const json_t *disabled = json_object_get(r->body, "disabled");
    const char *bad = wrong(k.name, role, password, language);
    if (bad != NULL) {
        ps_answer_error(a, "bad-request", "not an account", "accounts", bad);
        return;
    }
    was = k;
    if (role != NULL)
        snprintf(k.role, sizeof(k.role), "%s", role);
    if (language != NULL)
        snprintf(k.language, sizeof(k.language), "%s", language);
    if (disabled != NULL)
        k.disabled = json_is_true(disabled);
    if (password != NULL)
        rc = ps_passwords_hash(password, k.hash);
    if (rc == 0)
        rc = change(v, &was, &k, k.disabled || password != NULL);
    if (rc < 0) {
        failed(a, rc, "accounts");
        return;
    }
    note_change(r, &k, password != NULL);
    ps_answer_nothing(a);
}

/* ---- bearer tokens */

static int token_row(void *ctx, const struct ps_viewer_db_token *k) {
    json_array_append_new(ctx, json_pack("{s:I, s:s, s:s, s:o, s:o}", "id", (json_int_t)k->id, "name",
                                         k->name, "scope", k->scope, "made", time_or_null(k->made_ns),
                                         "last_used", time_or_null(k->used_ns)));
    return 0;
}

static void get_tokens(struct ps_request *r, struct ps_answer *a) {
    json_t *rows = json_array();
    ps_sessions_flush(r->viewer->sessions, ps_times_now_ns()); /* when each was last used */
    int rc = ps_viewer_db_tokens(r->viewer->db, token_row, rows);
    if (rc < 0) {
        json_decref(rows);
        failed(a, rc, "tokens");
        return;
    }
    ps_answer_json(a, 200, json_pack("{s:o}", "tokens", rows));
}

static void post_tokens(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {
        {"name", 's', true, 1, PS_VIEWER_DB_NAME}, {"scope", 's', true, 1, 16}, {NULL, 0, false, 0, 0}};
    char token[PS_SESSIONS_TOKEN], detail[96];
    int64_t id = 0;
    if (!ps_request_members(r, a, members))
        return;
    const char *name = ps_request_text(r, "name"), *scope = ps_request_text(r, "scope");
    unsigned tokens = PS_ROLE_SCAN | PS_ROLE_READ | PS_ROLE_EXPORT | PS_ROLE_METRICS;
    if (!ps_signin_is_name(name) || (ps_sessions_role(scope) & tokens) == 0) {
        ps_answer_error(a, "bad-request", "not a token", "tokens",
                        "a name of letters, digits, dots and hyphens; scan, read, export or metrics");
        return;
    }
    int rc = ps_sessions_bearer_make(r->viewer->sessions, name, scope, ps_times_now_ns(), &id, token);
    if (rc < 0) {
        failed(a, rc, "tokens");
        return;
    }
    snprintf(detail, sizeof(detail), "%s, %s", name, scope);
    (void)ps_viewer_audit(r, "token-made", NULL, detail);
    ps_answer_json(a, 201, json_pack("{s:I, s:s}", "id", (json_int_t)id, "token", token));
}

static void delete_token(struct ps_request *r, struct ps_answer *a) {
    const char *s = r->arg[0];
    size_t n = strspn(s, "0123456789");
    int rc = n == 0 || n > 15 || s[n] != '\0'
                 ? PS_ENOENT
                 : ps_sessions_bearer_drop(r->viewer->sessions, strtoll(s, NULL, 10));
    if (rc < 0) {
        failed(a, rc, "tokens");
        return;
    }
    (void)ps_viewer_audit(r, "token-dropped", NULL, s);
    ps_answer_nothing(a);
}

/* ---- screens */

static int screen_row(void *ctx, const struct ps_viewer_db_session *k) {
    if (k->screen)
        json_array_append_new(ctx,
                              json_pack("{s:s, s:o, s:o}", "name", k->name, "paired",
                                        time_or_null(k->made_ns), "last_seen", time_or_null(k->seen_ns)));
    return 0;
}

static void get_screens(struct ps_request *r, struct ps_answer *a) {
    json_t *rows = json_array();
    ps_sessions_flush(r->viewer->sessions, ps_times_now_ns());
    int rc = ps_viewer_db_sessions(r->viewer->db, screen_row, rows);
    if (rc < 0) {
        json_decref(rows);
        failed(a, rc, "screens");
        return;
    }
    ps_answer_json(a, 200, json_pack("{s:o}", "screens", rows));
}

static void delete_screen(struct ps_request *r, struct ps_answer *a) {
    if (strncmp(r->arg[0], "screen-", 7) != 0) {
        failed(a, PS_ENOENT, "screens");
        return;
    }
    if (ps_viewer_audit(r, "unpair", NULL, r->arg[0]) < 0) {
        failed(a, PS_EIO, "viewer.db");
        return;
    }
    ps_sessions_drop_name(r->viewer->sessions, r->arg[0], NULL);
    ps_answer_nothing(a);
}

const struct ps_route ps_accounts_routes[] = {
    {"GET", "/api/v1/accounts", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, get_accounts},
    {"POST", "/api/v1/accounts", PS_ROLE_ADMIN, PS_BODY_JSON, 0, NULL, post_accounts},
    {"POST", "/api/v1/accounts/{name}", PS_ROLE_ADMIN, PS_BODY_JSON, 0, NULL, post_account},
    {"GET", "/api/v1/tokens", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, get_tokens},
    {"POST", "/api/v1/tokens", PS_ROLE_ADMIN, PS_BODY_JSON, 0, NULL, post_tokens},
    {"DELETE", "/api/v1/tokens/{id}", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, delete_token},
    {"GET", "/api/v1/screens", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, get_screens},
    {"DELETE", "/api/v1/screens/{name}", PS_ROLE_ADMIN, PS_BODY_NONE, 0, NULL, delete_screen},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
