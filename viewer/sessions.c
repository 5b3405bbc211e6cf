/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/sessions.h"
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define NS 1000000000LL

struct session {
    struct ps_viewer_db_session kept;
    unsigned role; /* 0: a free place */
    char language[8];
    bool dirty; /* seen has changed since it was written */
};

struct ps_sessions {
    pthread_mutex_t lock;
    struct ps_viewer_db *db;
    struct session all[PS_SESSIONS_MOST];
    struct ps_viewer_db_token tokens[PS_SESSIONS_TOKENS]; /* id 0: free */
    bool used[PS_SESSIONS_TOKENS];
};

static const struct {
    unsigned role;
    const char *word;
} roles[] = {{PS_ROLE_SCREEN, "screen"},   {PS_ROLE_PACKER, "packer"}, {PS_ROLE_CLERK, "clerk"},
             {PS_ROLE_AUDITOR, "auditor"}, {PS_ROLE_ADMIN, "admin"},   {PS_ROLE_SCAN, "scan"},
             {PS_ROLE_READ, "read"},       {PS_ROLE_EXPORT, "export"}, {PS_ROLE_METRICS, "metrics"}};

unsigned ps_sessions_role(const char *word) {
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(roles[i].word, word) == 0)
            return roles[i].role;
    return 0;
}

const char *ps_sessions_role_word(unsigned role) {
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
        if (roles[i].role == role)
            return roles[i].word;
    return "";
}

static void digest(const char *token, uint8_t out[PS_VIEWER_DB_DIGEST]) {
    crypto_generichash(out, PS_VIEWER_DB_DIGEST, (const unsigned char *)token, strlen(token), NULL, 0);
}

static void random_token(const char *prefix, char out[PS_SESSIONS_TOKEN]) {
    uint8_t raw[32];
    randombytes_buf(raw, sizeof(raw));
    size_t n = (size_t)snprintf(out, PS_SESSIONS_TOKEN, "%s", prefix);
    sodium_bin2base64(out + n, PS_SESSIONS_TOKEN - n, raw, sizeof(raw),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(raw, sizeof(raw));
}

/* What a page must say beside the cookie, which it learns from GET /session alone. Made from the token: nothing to keep. */
static void csrf_of(const char *token, char out[48]) {
    static const char what[] = "packseal/csrf/v1";
    uint8_t raw[16];
    crypto_generichash(raw, sizeof(raw), (const unsigned char *)what, sizeof(what),
                       (const unsigned char *)token, strlen(token));
    sodium_bin2hex(out, 48, raw, sizeof(raw));
}

static bool is_over(const struct session *s, int64_t now_ns) {
    return !s->kept.screen && (now_ns - s->kept.seen_ns > PS_SESSIONS_IDLE_S * NS ||
                               now_ns - s->kept.made_ns > PS_SESSIONS_ABSOLUTE_S * NS);
}

/* ---- opening */

struct loading {
    struct ps_sessions *s;
    size_t n;
};

static int load(void *ctx, const struct ps_viewer_db_session *k) {
    struct loading *l = ctx;
    if (l->n == PS_SESSIONS_MOST)
        return 1;
    l->s->all[l->n++] = (struct session){.kept = *k};
    return 0;
}

static int load_token(void *ctx, const struct ps_viewer_db_token *k) {
    struct loading *l = ctx;
    if (l->n == PS_SESSIONS_TOKENS)
        return 1;
    l->s->tokens[l->n++] = *k;
    return 0;
}

/* A session is worth what its account is now. */
static void look_up(struct ps_sessions *s, struct session *x) {
    struct ps_viewer_db_account a;
    if (x->kept.screen) {
        x->role = PS_ROLE_SCREEN;
        snprintf(x->language, sizeof(x->language), "zh-CN");
    } else if (ps_viewer_db_account_get(s->db, x->kept.name, &a) == 0 && !a.disabled) {
        x->role = ps_sessions_role(a.role);
        snprintf(x->language, sizeof(x->language), "%s", a.language);
    }
    if (x->role == 0)
        (void)ps_viewer_db_session_drop(s->db, x->kept.digest);
}

int ps_sessions_open(struct ps_sessions **out, struct ps_viewer_db *db, struct ps_why *why) {
    struct ps_sessions *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ps_error_why(why, PS_ENOMEM, "sessions", "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->db = db;
    struct loading l = {s, 0}, t = {s, 0};
    int rc = ps_viewer_db_sessions(db, load, &l);
    if (rc == 0)
        rc = ps_viewer_db_tokens(db, load_token, &t);
    for (size_t i = 0; i < l.n && rc == 0; i++)
        look_up(s, &s->all[i]);
    if (rc < 0) {
        ps_sessions_close(s);
        return ps_error_why(why, rc, "viewer.db", "sessions cannot be read");
    }
    *out = s;
    return 0;
}

void ps_sessions_close(struct ps_sessions *s) {
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- sessions; a place is taken and given up under the lock, the database is written after it */

static struct session *find(struct ps_sessions *s, const char *token) {
    uint8_t d[PS_VIEWER_DB_DIGEST];
    digest(token, d);
    for (size_t i = 0; i < PS_SESSIONS_MOST; i++)
        if (s->all[i].role != 0 && memcmp(s->all[i].kept.digest, d, sizeof(d)) == 0)
            return &s->all[i];
    return NULL;
}

/* A free place; else the one to give up: of the same account when it has too many, else the longest unused of all. */
static struct session *place(struct ps_sessions *s, const char *name) {
    struct session *unused = NULL, *oldest = NULL, *own = NULL;
    unsigned of_one = 0;
    for (size_t i = 0; i < PS_SESSIONS_MOST; i++) {
        struct session *x = &s->all[i];
        if (x->role == 0) {
            unused = x;
            continue;
        }
        if (!x->kept.screen && (oldest == NULL || x->kept.seen_ns < oldest->kept.seen_ns))
            oldest = x;
        if (strcasecmp(x->kept.name, name) == 0) {
            of_one++;
            if (own == NULL || x->kept.seen_ns < own->kept.seen_ns)
                own = x;
        }
    }
    return of_one >= PS_SESSIONS_OF_ONE ? own : unused != NULL ? unused : oldest;
}

int ps_sessions_make(struct ps_sessions *s, const char *name, const char *role, const char *language,
                     int64_t now_ns, char token[PS_SESSIONS_TOKEN]) {
    struct ps_viewer_db_session old = {0};
    struct session x = {.kept = {.screen = strcmp(role, "screen") == 0, .made_ns = now_ns, .seen_ns = now_ns},
                        .role = ps_sessions_role(role)};
    snprintf(x.kept.name, sizeof(x.kept.name), "%s", name);
    snprintf(x.language, sizeof(x.language), "%s", language);
    random_token("", token);
    digest(token, x.kept.digest);
    pthread_mutex_lock(&s->lock);
    struct session *at = place(s, name);
    bool replaced = at != NULL && at->role != 0;
    if (replaced)
        old = at->kept;
    if (at != NULL)
        *at = x;
    pthread_mutex_unlock(&s->lock);
    if (at == NULL)
        return PS_EFULL;
    if (replaced)
        (void)ps_viewer_db_session_drop(s->db, old.digest);
    return ps_viewer_db_session_put(s->db, &x.kept);
}

bool ps_sessions_find(struct ps_sessions *s, const char *token, int64_t now_ns, struct ps_person *who) {
    pthread_mutex_lock(&s->lock);
    struct session *x = find(s, token);
    bool found = x != NULL && !is_over(x, now_ns);
    if (found) {
        if (now_ns - x->kept.seen_ns > 60 * NS) {
            x->kept.seen_ns = now_ns;
            x->dirty = true;
        }
        who->role = x->role;
        snprintf(who->name, sizeof(who->name), "%s", x->kept.name);
        snprintf(who->language, sizeof(who->language), "%s", x->language);
    }
    pthread_mutex_unlock(&s->lock);
    if (found)
        csrf_of(token, who->csrf);
    return found;
}

bool ps_sessions_alive(struct ps_sessions *s, const char *token) {
    struct timespec t;
    uint8_t d[PS_VIEWER_DB_DIGEST];
    clock_gettime(CLOCK_REALTIME, &t);
    digest(token, d);
    pthread_mutex_lock(&s->lock);
    const struct session *x = find(s, token);
    bool alive = x != NULL && !is_over(x, (int64_t)t.tv_sec * NS + t.tv_nsec);
    for (size_t i = 0; i < PS_SESSIONS_TOKENS && !alive; i++)
        alive = s->tokens[i].id != 0 && memcmp(s->tokens[i].digest, d, sizeof(d)) == 0;
    pthread_mutex_unlock(&s->lock);
    return alive;
}

void ps_sessions_drop(struct ps_sessions *s, const char *token) {
    uint8_t d[PS_VIEWER_DB_DIGEST];
    digest(token, d);
    pthread_mutex_lock(&s->lock);
    struct session *x = find(s, token);
    if (x != NULL)
        x->role = 0;
    pthread_mutex_unlock(&s->lock);
    if (x != NULL)
        (void)ps_viewer_db_session_drop(s->db, d);
}

void ps_sessions_drop_name(struct ps_sessions *s, const char *name, const char *spare) {
    uint8_t d[PS_VIEWER_DB_DIGEST] = {0};
    if (spare != NULL)
        digest(spare, d);
    for (size_t i = 0; i < PS_SESSIONS_MOST; i++) {
        struct ps_viewer_db_session gone;
        pthread_mutex_lock(&s->lock);
        struct session *x = &s->all[i];
        bool drop = x->role != 0 && strcasecmp(x->kept.name, name) == 0 &&
                    (spare == NULL || memcmp(x->kept.digest, d, sizeof(d)) != 0);
        gone = x->kept;
        if (drop)
            x->role = 0;
        pthread_mutex_unlock(&s->lock);
        if (drop)
            (void)ps_viewer_db_session_drop(s->db, gone.digest);
    }
}

void ps_sessions_change(struct ps_sessions *s, const char *name, const char *role, const char *language) {
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < PS_SESSIONS_MOST; i++)
        if (s->all[i].role != 0 && strcasecmp(s->all[i].kept.name, name) == 0) {
            if (role != NULL)
                s->all[i].role = ps_sessions_role(role);
            snprintf(s->all[i].language, sizeof(s->all[i].language), "%s", language);
        }
    pthread_mutex_unlock(&s->lock);
}

void ps_sessions_screen_name(struct ps_sessions *s, char out[PS_VIEWER_DB_NAME + 1]) {
    pthread_mutex_lock(&s->lock);
    for (unsigned n = 1;; n++) {
        bool taken = false;
        snprintf(out, PS_VIEWER_DB_NAME + 1, "screen-%u", n);
        for (size_t i = 0; i < PS_SESSIONS_MOST && !taken; i++)
            taken = s->all[i].role != 0 && strcmp(s->all[i].kept.name, out) == 0;
        if (!taken)
            break;
    }
    pthread_mutex_unlock(&s->lock);
}

void ps_sessions_flush(struct ps_sessions *s, int64_t now_ns) {
    for (size_t i = 0; i < PS_SESSIONS_MOST; i++) {
        struct ps_viewer_db_session k;
        pthread_mutex_lock(&s->lock);
        struct session *x = &s->all[i];
        bool over = x->role != 0 && is_over(x, now_ns), write = x->role != 0 && x->dirty;
        k = x->kept;
        x->dirty = false;
        if (over)
            x->role = 0;
        pthread_mutex_unlock(&s->lock);
        if (over)
            (void)ps_viewer_db_session_drop(s->db, k.digest);
        else if (write)
            (void)ps_viewer_db_session_put(s->db, &k);
    }
    for (size_t i = 0; i < PS_SESSIONS_TOKENS; i++) {
        pthread_mutex_lock(&s->lock);
        int64_t id = s->used[i] ? s->tokens[i].id : 0, used_ns = s->tokens[i].used_ns;
        s->used[i] = false;
        pthread_mutex_unlock(&s->lock);
        if (id != 0)
            (void)ps_viewer_db_token_used(s->db, id, used_ns);
    }
}

/* ---- bearer tokens */

int ps_sessions_bearer_make(struct ps_sessions *s, const char *name, const char *scope, int64_t now_ns,
                            int64_t *id, char token[PS_SESSIONS_TOKEN]) {
    struct ps_viewer_db_token k = {.made_ns = now_ns};
    size_t n = 0;
    snprintf(k.name, sizeof(k.name), "%s", name);
    snprintf(k.scope, sizeof(k.scope), "%s", scope);
    random_token("pst_", token);
    digest(token, k.digest);
    pthread_mutex_lock(&s->lock);
    while (n < PS_SESSIONS_TOKENS && s->tokens[n].id != 0)
        n++;
    int rc = n == PS_SESSIONS_TOKENS ? PS_EFULL : ps_viewer_db_token_add(s->db, &k);
    if (rc == 0)
        s->tokens[n] = k;
    pthread_mutex_unlock(&s->lock);
    *id = k.id;
    return rc;
}

bool ps_sessions_bearer_find(struct ps_sessions *s, const char *token, int64_t now_ns,
                             struct ps_person *who) {
    uint8_t d[PS_VIEWER_DB_DIGEST];
    bool found = false;
    digest(token, d);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < PS_SESSIONS_TOKENS && !found; i++) {
        struct ps_viewer_db_token *k = &s->tokens[i];
        found = k->id != 0 && memcmp(k->digest, d, sizeof(d)) == 0;
        if (!found)
            continue;
        k->used_ns = now_ns;
        s->used[i] = true;
        who->role = ps_sessions_role(k->scope);
        snprintf(who->name, sizeof(who->name), "token:%s", k->name);
    }
    pthread_mutex_unlock(&s->lock);
    return found && who->role != 0;
}

int ps_sessions_bearer_drop(struct ps_sessions *s, int64_t id) {
    pthread_mutex_lock(&s->lock);
    int rc = ps_viewer_db_token_drop(s->db, id);
    for (size_t i = 0; i < PS_SESSIONS_TOKENS && rc == 0; i++)
        if (s->tokens[i].id == id)
            s->tokens[i] = (struct ps_viewer_db_token){0};
    pthread_mutex_unlock(&s->lock);
    return rc;
}
