/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * POST /orders: the list of expected orders, sent by a clerk or an ERP (docs/CODES.md). It is read as the recorder reads it, and
 * takes the place of the one before only when every line is good; the recorder sees the new file within seconds.
 */
#include "archive/orders.h"
#include "archive/root.h"
#include "viewer/answer.h"
#include "viewer/viewer.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW "viewer/.orders.new" /* beside it, so that the name changes at once */

static int read_all(int fd, uint8_t *p, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t got = pread(fd, p + at, n - at, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return PS_EIO;
        at += (size_t)got;
    }
    return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t did = write(fd, p + at, n - at);
        if (did < 0 && errno == EINTR)
            continue;
        if (did <= 0)
            return PS_EIO;
        at += (size_t)did;
    }
    return fsync(fd) == 0 ? 0 : PS_EIO;
}

/* O_TMPFILE would do without a name, but cannot take the place of another file. */
static int put(const char *root, const uint8_t *p, size_t n, struct ps_why *why) {
    char new[PS_ROOT_PATH], path[PS_ROOT_PATH];

    if (ps_root_path(root, NEW, new) < 0 || ps_root_path(root, PS_ROOT_ORDERS, path) < 0)
        return ps_error_why(why, PS_ELIMIT, root, "the path is too long");
    unlink(new); /* of one that was interrupted */
    int fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    int err = fd < 0 ? PS_EIO : write_all(fd, p, n);
    if (fd >= 0 && fchmod(fd, 0640) != 0)
        err = PS_EIO;
    if (err == 0 && rename(new, path) != 0)
        err = PS_EIO;
    if (err < 0)
        ps_error_why(why, err, PS_ROOT_ORDERS, "%s", strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

static json_t *summary_json(const struct ps_orders_summary *s) {
    json_t *bad = json_array();

    for (unsigned i = 0; i < s->kept; i++)
        json_array_append_new(
            bad, json_pack("{s:I, s:s}", "line", (json_int_t)s->bad[i].line, "text", s->bad[i].text));
    return json_pack("{s:I, s:I, s:s, s:o, s:I}", "orders", (json_int_t)s->rows, "refunded",
                     (json_int_t)s->refunded, "encoding", s->encoding, "problems", bad, "more",
                     (json_int_t)(s->n_bad - s->kept));
}

/* One at a time: two lists at once would write the same new file. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void take(struct ps_request *r, struct ps_answer *a, const uint8_t *p, size_t n) {
    struct ps_orders *o = NULL;
    struct ps_orders_summary s;
    struct ps_why why = {0};

    if (ps_orders_parse(&o, p, n, "orders", &why) < 0) {
        ps_answer_error(a, "bad-request", why.text, why.where,
                        "see docs/CODES.md for what the list may look like");
        return;
    }
    ps_orders_summary(o, &s);
    if (s.n_bad > 0) {
        ps_answer_json(a, 409, summary_json(&s));
    } else if (put(r->viewer->root, p, n, &why) < 0) {
        ps_answer_error(a, "internal", why.text, why.where, "look at the disk");
    } else {
        char detail[64];
        snprintf(detail, sizeof(detail), "%llu rows", (unsigned long long)s.rows);
        if (ps_viewer_audit(r, "orders", NULL, detail) < 0)
            ps_viewer_log(3, "the audit trail cannot be written", "orders", "look at the disk");
        ps_answer_json(a, 200, summary_json(&s));
    }
    ps_orders_free(o);
}

static void post(struct ps_request *r, struct ps_answer *a) {
    size_t n = (size_t)r->body_bytes;
    uint8_t *p = NULL;

    if (r->viewer->config.orders_file[0])
        ps_answer_error(a, "conflict", "the list lies where packseal.conf says",
                        r->viewer->config.orders_file,
                        "change that file, or take [orders] file out of packseal.conf");
    else if (n == 0 || !(p = malloc(n)) || read_all(r->body_fd, p, n) < 0)
        ps_answer_error(a, "bad-request", "an empty list, or one that cannot be read", "orders",
                        "send a CSV file");
    else {
        pthread_mutex_lock(&one);
        take(r, a, p, n);
        pthread_mutex_unlock(&one);
    }
    free(p);
}

const struct ps_route ps_orders_routes[] = {
    {"POST", "/api/v1/orders", PS_ROLE_CLERK | PS_ROLE_ADMIN | PS_ROLE_SCAN, PS_BODY_FILE, PS_ORDERS_FILE_MAX,
     "text/csv", post},
    {NULL, NULL, 0, PS_BODY_NONE, 0, NULL, NULL},
};
