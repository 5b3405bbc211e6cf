/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every failed attempt costs the same time and is answered with the same words, whether the name exists or not; it counts
 * against the name and against the address, also where the name is nobody's.
 */
#include "viewer/signin.h"
#include "archive/viewer_code.h"
#include "evidence/bytes.h"
#include "viewer/answer_internal.h"
#include "viewer/gate.h"
#include "viewer/host.h"
#include "viewer/limits.h"
#include "viewer/passwords.h"
#include "viewer/server.h"
#include "viewer/sessions.h"
#include "viewer/times.h"
#include "viewer/viewer.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NAME_FREE 5
#define NAME_MOST_MS (5 * 60000) /* a name is also locked for its owner: not too long */
#define ADDRESS_FREE 10
#define ADDRESS_MOST_MS (15 * 60000)
#define CODE_FREE 5
#define SCREEN_AGE_S \
    (400 * 86400) /* the longest that browsers keep a cookie; given anew each time it asks who it is */

struct ps_accounts {
    struct ps_limits *limits;
    pthread_mutex_t setup; /* one first administrator */
    atomic_bool has_admin;
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int ps_signin_open(struct ps_accounts **out, struct ps_viewer *v, struct ps_why *why) {
    char code[PS_VIEWER_CODE_TEXT], text[96];
    uint64_t admins = 0;
    int rc = ps_viewer_db_admins(v->db, &admins);
    if (rc == 0)
        rc = ps_passwords_init();
    struct ps_accounts *a = rc == 0 ? calloc(1, sizeof(*a)) : NULL;
    if (a == NULL || (a->limits = ps_limits_new()) == NULL) {
        free(a);
        return ps_error_why(why, rc < 0 ? rc : PS_ENOMEM, "viewer.db", "accounts cannot be read");
    }
    pthread_mutex_init(&a->setup, NULL);
    atomic_init(&a->has_admin, admins > 0);
    *out = a;
    if (admins > 0) {
        /* One that an interrupted set-up left: nobody is to take it for good. */
        if (ps_viewer_code_read(v->root, PS_VIEWER_CODE_SETUP, time(NULL), code) == 0)
            (void)ps_viewer_code_take(v->root, PS_VIEWER_CODE_SETUP, code, time(NULL));
        return 0;
    }
    rc = ps_viewer_code_read(v->root, PS_VIEWER_CODE_SETUP, time(NULL), code);
    if (rc < 0)
        rc = ps_viewer_code_make(v->root, PS_VIEWER_CODE_SETUP, 0, code, why);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "open /setup and give the code %.4s-%s", code, code + 4);
    ps_viewer_log(6, "there is no administrator yet", v->root, text);
    return 0;
}

void ps_signin_close(struct ps_accounts *a) {
    if (a == NULL)
        return;
    ps_limits_free(a->limits);
    pthread_mutex_destroy(&a->setup);
    free(a);
}

bool ps_signin_is_role(const char *role) {
    return (ps_sessions_role(role) & PS_ROLE_PERSON) != 0;
}

bool ps_signin_is_language(const char *language) {
    return strcmp(language, "zh-CN") == 0 || strcmp(language, "en") == 0;
}

bool ps_signin_is_name(const char *name) {
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n >= 1 && n <= PS_VIEWER_DB_NAME && name[n] == '\0' && strncasecmp(name, "screen-", 7) != 0 &&
           strspn(name, ".") != n;
}

/* ---- who is signed in */

static void tell(struct ps_request *r, struct ps_answer *a, const struct ps_person *who) {
    const struct ps_viewer *v = r->viewer;
    bool setup = v->accounts != NULL && !atomic_load(&v->accounts->has_admin);
    ps_answer_json(a, 200,
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "user", who->name, "role",
                             ps_sessions_role_word(who->role), "csrf", who->csrf, "language", who->language,
                             "station", v->config.station_name, "setup", setup));
}

static void cookie(const struct ps_request *r, struct ps_answer *a, const char *token, int age_s) {
    char text[256];
    const struct ps_gate *g = ps_server_gate(r);
    bool secure = r->viewer->tls || (r->viewer->config.viewer.behind_proxy && ps_host_is_loopback(g->peer) &&
                                     strcasecmp(g->forwarded_proto, "https") == 0);
    snprintf(text, sizeof(text), "packseal=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", token, age_s,
             secure ? "; Secure" : "");
    ps_answer_header(a, "Set-Cookie", text);
}

static void get_session(struct ps_request *r, struct ps_answer *a) {
    if (r->who.role == PS_ROLE_SCREEN)
        cookie(r, a, ps_server_gate(r)->session, SCREEN_AGE_S);
    tell(r, a, &r->who);
}

/* A new session in place of the one that asked: a token that somebody planted before is worth nothing after. is: the account as
 * it was judged, NULL for a screen. Who closes it ends the sessions that there are: one that is made just then must look again. */
static void sign_in(struct ps_request *r, struct ps_answer *a, const char *name, const char *role,
                    const char *language, const struct ps_viewer_db_account *is) {
    char token[PS_SESSIONS_TOKEN];
    struct ps_sessions *s = r->viewer->sessions;
    struct ps_person who = r->who;
    int64_t now = ps_times_now_ns();
    const char *old = ps_server_gate(r)->session;
    if (old[0] != '\0')
        ps_sessions_drop(s, old);
    if (ps_sessions_make(s, name, role, language, now, token) < 0 || !ps_sessions_find(s, token, now, &who)) {
        ps_answer_error(a, "internal", "the session was not kept", "viewer.db", "look at the disk");
        return;
    }
    if (is != NULL && ps_viewer_db_account_change(r->viewer->db, is, is) < 0) {
        ps_sessions_drop(s, token);
        ps_answer_error(a, "conflict", "the account was changed just now", "sign-in", "try again");
        return;
    }
    cookie(r, a, token, who.role == PS_ROLE_SCREEN ? SCREEN_AGE_S : PS_SESSIONS_ABSOLUTE_S);
    tell(r, a, &who);
}

/* ---- attempts */

/* Of version 6 the network counts: its owner has 2^64 addresses in it. */
static void address_key(const struct ps_request *r, const char *what, char out[80]) {
    const char *s = r->who.address;
    uint8_t raw[16];
    char net[17];
    /* By its bytes: as text, a gap may stand before, in or behind them. */
    if (inet_pton(AF_INET6, s, raw) == 1 && !ps_host_is_loopback(s)) {
        ps_bytes_hex(net, raw, 8);
        s = net;
    }
    snprintf(out, 80, "%s %s", what, s);
}

static void name_key(const char *name, char out[80]) {
    snprintf(out, 80, "name %.64s", name);
    for (char *p = out; *p != '\0'; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
}

static bool must_wait(struct ps_request *r, struct ps_answer *a, const char *key) {
    char seconds[24];
    int64_t wait = ps_limits_wait(r->viewer->accounts->limits, key, now_ms());
    if (wait == 0)
        return false;
    snprintf(seconds, sizeof(seconds), "%lld", (long long)(wait + 999) / 1000);
    ps_answer_header(a, "Retry-After", seconds);
    ps_answer_error(a, "too-many", "too many attempts", "sign-in", "wait, and try again");
    return true;
}

/* what: "sign-in-failed", ...; who is blamed is the address: a name that was typed may be anybody's. */
static void failed(struct ps_request *r, const char *key, unsigned free_tries, int64_t most_ms,
                   const char *detail) {
    int64_t wait = ps_limits_failed(r->viewer->accounts->limits, key, free_tries, most_ms, now_ms());
    if (wait > 0) {
        char text[160];
        snprintf(text, sizeof(text), "%s: %lld s", detail, (long long)wait / 1000);
        (void)ps_viewer_audit(r, "locked-out", NULL, text);
    }
}

static void post_session(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {
        {"name", 's', true, 1, 64}, {"password", 's', true, 1, PS_PASSWORDS_MOST}, {NULL, 0, false, 0, 0}};
    struct ps_viewer_db_account account;
    char by_name[80], by_address[80];
    struct ps_viewer *v = r->viewer;
    if (!ps_request_members(r, a, members))
        return;
    const char *name = ps_request_text(r, "name");
    name_key(name, by_name);
    address_key(r, "sign-in", by_address);
    if (must_wait(r, a, by_address) || must_wait(r, a, by_name))
        return;
    int found = ps_viewer_db_account_get(v->db, name, &account);
    bool able = found == 0 && !account.disabled;
    int rc = ps_passwords_check(able ? account.hash : NULL, ps_request_text(r, "password"));
    if (rc == PS_EBUSY) {
        ps_answer_error(a, "busy", "too many sign in at once", "sign-in", "try again in a moment");
        return;
    }
    if (rc < 0) {
        const char *whose = found == 0 ? account.name : "a name that is nobody's";
        (void)ps_viewer_audit(r, "sign-in-failed", NULL, whose);
        failed(r, by_name, NAME_FREE, NAME_MOST_MS, whose);
        failed(r, by_address, ADDRESS_FREE, ADDRESS_MOST_MS, "this address");
        ps_answer_error(a, "sign-in", "name or password is wrong", "sign-in", "try again");
        return;
    }
    ps_limits_forget(v->accounts->limits, by_name);
    account.seen_ns = ps_times_now_ns();
    snprintf(r->who.name, sizeof(r->who.name), "%s", account.name);
    rc = ps_viewer_db_account_change(v->db, &account, &account);
    if (rc == PS_ESTATE) { /* closed, or given another password, while this one was looked at */
        ps_answer_error(a, "conflict", "the account was changed just now", "sign-in", "try again");
        return;
    }
    if (rc < 0 || ps_viewer_audit(r, "sign-in", NULL, NULL) < 0) {
        ps_answer_error(a, "internal", "the audit trail cannot be written", "viewer.db", "look at the disk");
        return;
    }
    sign_in(r, a, account.name, account.role, account.language, &account);
}

static void delete_session(struct ps_request *r, struct ps_answer *a) {
    if (ps_viewer_audit(r, r->who.role == PS_ROLE_SCREEN ? "unpair" : "sign-out", NULL, NULL) < 0) {
        ps_answer_error(a, "internal", "the audit trail cannot be written", "viewer.db", "look at the disk");
        return;
    }
    ps_sessions_drop(r->viewer->sessions, ps_server_gate(r)->session);
    cookie(r, a, "", 0);
    ps_answer_nothing(a);
}

/* ---- codes of the box */

/* 0 when the code is right and used up; else it has answered. */
static int take_code(struct ps_request *r, struct ps_answer *a, const char *which) {
    char key[80];
    address_key(r, which, key);
    if (must_wait(r, a, key))
        return PS_ETIME;
    int rc = ps_viewer_code_take(r->viewer->root, which, ps_request_text(r, "code"), time(NULL));
    if (rc == 0) {
        ps_limits_forget(r->viewer->accounts->limits, key);
        return 0;
    }
    (void)ps_viewer_audit(r, "code-wrong", NULL, which);
    failed(r, key, CODE_FREE, ADDRESS_MOST_MS, "this address, codes");
    ps_answer_error(a, "sign-in", "not the code of this box", "code", "say `packseal code` on the box");
    return rc;
}

static void make_admin(struct ps_request *r, struct ps_answer *a, const char *language) {
    struct ps_viewer_db_account admin = {.made_ns = ps_times_now_ns()};
    struct ps_viewer *v = r->viewer;
    snprintf(admin.name, sizeof(admin.name), "%s", ps_request_text(r, "name"));
    snprintf(admin.role, sizeof(admin.role), "admin");
    snprintf(admin.language, sizeof(admin.language), "%s", language);
    admin.seen_ns = admin.made_ns;
    int rc = ps_passwords_hash(ps_request_text(r, "password"), admin.hash);
    /* The code last: what failed before leaves it good. */
    if (rc == 0 && take_code(r, a, PS_VIEWER_CODE_SETUP) < 0)
        return;
    if (rc == 0)
        rc = ps_viewer_db_account_add(v->db, &admin);
    if (rc < 0) {
        ps_answer_error(a,
                        rc == PS_EEXIST  ? "conflict"
                        : rc == PS_EBUSY ? "busy"
                                         : "internal",
                        rc == PS_EEXIST ? "the name is taken" : ps_error_text(rc), "setup", "try again");
        return;
    }
    atomic_store(&v->accounts->has_admin, true);
    snprintf(r->who.name, sizeof(r->who.name), "%s", admin.name);
    (void)ps_viewer_audit(r, "setup", NULL, admin.name);
    sign_in(r, a, admin.name, admin.role, admin.language, &admin);
}

static void post_setup(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"code", 's', true, 1, 16},
                                               {"name", 's', true, 1, PS_VIEWER_DB_NAME},
                                               {"password", 's', true, 1, 1024},
                                               {"language", 's', false, 2, 5},
                                               {NULL, 0, false, 0, 0}};
    struct ps_accounts *accounts = r->viewer->accounts;
    char key[80];
    if (!ps_request_members(r, a, members))
        return;
    const char *language = ps_request_text(r, "language");
    language = language != NULL ? language : r->who.language;
    const char *weak = ps_passwords_weak(ps_request_text(r, "name"), ps_request_text(r, "password"));
    if (atomic_load(&accounts->has_admin)) {
        ps_answer_error(a, "conflict", "there is an administrator", "setup", "sign in");
        return;
    }
    if (weak != NULL || !ps_signin_is_name(ps_request_text(r, "name")) || !ps_signin_is_language(language)) {
        ps_answer_error(a, "bad-request",
                        weak != NULL ? "the password is too weak" : "not a name or language", "setup",
                        weak != NULL ? weak : "1 to 32 letters, digits, dots, hyphens; zh-CN or en");
        return;
    }
    /* Before the mutex and the password's digest: who guesses is to cost nothing. */
    address_key(r, PS_VIEWER_CODE_SETUP, key);
    if (must_wait(r, a, key))
        return;
    pthread_mutex_lock(&accounts->setup);
    if (atomic_load(&accounts->has_admin))
        ps_answer_error(a, "conflict", "there is an administrator", "setup", "sign in");
    else
        make_admin(r, a, language);
    pthread_mutex_unlock(&accounts->setup);
}

static void post_pair(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"code", 's', true, 1, 16}, {NULL, 0, false, 0, 0}};
    char name[PS_VIEWER_DB_NAME + 1];
    if (!ps_request_members(r, a, members) || take_code(r, a, PS_VIEWER_CODE_PAIR) < 0)
        return;
    ps_sessions_screen_name(r->viewer->sessions, name);
    snprintf(r->who.name, sizeof(r->who.name), "%s", name);
    if (ps_viewer_audit(r, "pair", NULL, name) < 0)
        ps_answer_error(a, "internal", "the audit trail cannot be written", "viewer.db", "look at the disk");
    else
        sign_in(r, a, name, "screen", r->who.language, NULL);
}

/* ---- one's own account */

static void post_me(struct ps_request *r, struct ps_answer *a) {
    static const struct ps_member members[] = {{"password", 's', false, 1, PS_PASSWORDS_MOST},
                                               {"new_password", 's', false, 1, 1024},
                                               {"language", 's', false, 2, 5},
                                               {NULL, 0, false, 0, 0}};
    struct ps_viewer_db_account me = {0}, was;
    struct ps_viewer *v = r->viewer;
    char key[80];
    if (!ps_request_members(r, a, members))
        return;
    const char *old = ps_request_text(r, "password"), *new = ps_request_text(r, "new_password"),
               *language = ps_request_text(r, "language");
    if ((old == NULL) != (new == NULL) || (new == NULL &&language == NULL) ||
        (language != NULL && !ps_signin_is_language(language))) {
        ps_answer_error(a, "bad-request", "password and new_password, or language", "me", "see docs/API.md");
        return;
    }
    const char *weak = new != NULL ? ps_passwords_weak(r->who.name, new) : NULL;
    if (weak != NULL) {
        ps_answer_error(a, "bad-request", "the password is too weak", "new_password", weak);
        return;
    }
    int rc = ps_viewer_db_account_get(v->db, r->who.name, &me);
    was = me;
    name_key(r->who.name, key);
    if (rc == 0 && new != NULL) {
        if (must_wait(r, a, key))
            return;
        rc = ps_passwords_check(me.hash, old);
        if (rc == PS_EPERM) { /* a browser left alone is no way to guess */
            (void)ps_viewer_audit(r, "password-wrong", NULL, NULL);
            failed(r, key, NAME_FREE, NAME_MOST_MS, r->who.name);
            ps_answer_error(a, "forbidden", "the password is wrong", "password", "try again");
            return;
        }
        if (rc == 0)
            rc = ps_passwords_hash(new, me.hash);
    }
    if (rc == 0 && language != NULL)
        snprintf(me.language, sizeof(me.language), "%s", language);
    if (rc == 0)
        rc = ps_viewer_db_account_change(v->db, &was, &me);
    if (rc == 0 && new != NULL)
        rc = ps_viewer_audit(r, "password", NULL, NULL);
    if (rc < 0) {
        ps_answer_error(a, rc == PS_EBUSY || rc == PS_ESTATE ? "busy" : "internal", ps_error_text(rc), "me",
                        "try again");
        return;
    }
    if (new != NULL) /* who knew the old one is out */
        ps_sessions_drop_name(v->sessions, me.name, ps_server_gate(r)->session);
    ps_sessions_change(v->sessions, me.name, NULL, me.language);
    ps_answer_nothing(a);
}

const struct ps_route ps_signin_routes[] = {
    {"GET", "/api/v1/session", PS_ROLE_ANYBODY, PS_BODY_NONE, 0, NULL, get_session},
    {"POST", "/api/v1/session", PS_ROLE_NOBODY | PS_ROLE_SIGNED_IN, PS_BODY_JSON, 0, NULL, post_session},
    {"DELETE", "/api/v1/session", PS_ROLE_SIGNED_IN, PS_BODY_NONE, 0, NULL, delete_session},
    {"POST", "/api/v1/setup", PS_ROLE_NOBODY | PS_ROLE_SIGNED_IN, PS_BODY_JSON, 0, NULL, post_setup},
    {"POST", "/api/v1/pair", PS_ROLE_NOBODY | PS_ROLE_SIGNED_IN, PS_BODY_JSON, 0, NULL, post_pair},
    {"POST", "/api/v1/me", PS_ROLE_PERSON, PS_BODY_JSON, 0, NULL, post_me},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
