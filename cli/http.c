/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/http.h"
#include "evidence/bytes.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_SECONDS 10
#define MAX_REDIRECTS 3

void ps_http_public(const char *url, char out[PS_HTTP_URL]) {
    const char *host = strstr(url, "://");
    size_t scheme = host != NULL ? (size_t)(host - url) + 3 : 0;
    const char *rest = url + scheme, *slash = rest + strcspn(rest, "/?#");
    for (const char *at; (at = memchr(rest, '@', (size_t)(slash - rest))) != NULL;)
        rest = at + 1;
    snprintf(out, PS_HTTP_URL, "%.*s%s", (int)scheme, url, rest);
}

static size_t take(char *p, size_t size, size_t n, void *ctx) {
    struct ps_buf *b = ctx;
    ps_buf_bytes(b, p, size * n);
    return b->err == 0 ? size * n : 0;
}

/* any: a status that is no error of the exchange is the caller's to judge */
static int judge(CURLcode c, long status, bool any, const struct ps_buf *answer, const char *where,
                 const char *detail, struct ps_why *why) {
    if (answer->err != 0)
        return ps_error_why(why, answer->err, where, "the answer is larger than %zu bytes", answer->max);
    if (c == CURLE_OPERATION_TIMEDOUT)
        return ps_error_why(why, PS_ETIME, where, "no answer in time");
    if (c == CURLE_UNSUPPORTED_PROTOCOL || c == CURLE_URL_MALFORMAT || c == CURLE_TOO_MANY_REDIRECTS)
        return ps_error_why(why, PS_EINVAL, where, "the address, or where it leads to, is not served: %s",
                            detail[0] != '\0' ? detail : curl_easy_strerror(c));
    if (c != CURLE_OK)
        return ps_error_why(why, PS_EGONE, where, "cannot be reached: %s",
                            detail[0] != '\0' ? detail : curl_easy_strerror(c));
    if (status == 429 || status == 408 || status >= 500)
        return ps_error_why(why, PS_EBUSY, where, "the server answers HTTP %ld", status);
    if (!any && (status < 200 || status > 299))
        return ps_error_why(why, PS_EPERM, where, "the server answers HTTP %ld", status);
    return 0;
}

static void set_common(CURL *h, const char *url, unsigned seconds, struct ps_buf *answer, char *detail) {
    /* What came over a protected way is not asked for over an open one. */
    const char *schemes = strncmp(url, "https://", 8) == 0 ? "https" : "http,https";
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, schemes);
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(h, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    curl_easy_setopt(h, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT,
                     (long)(seconds < CONNECT_SECONDS ? seconds : CONNECT_SECONDS));
    curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)seconds);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)answer->max);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "packseal/" PS_VERSION);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, detail);
}

static int ask(const char *url, const char *type, const void *body, size_t n, unsigned seconds,
               struct ps_buf *answer, struct ps_http_reply *reply, struct ps_why *why) {
    char where[PS_HTTP_URL], detail[CURL_ERROR_SIZE] = "", header[128];
    struct curl_slist *headers = NULL;
    long status = 0;
    ps_http_public(url, where);
    CURL *h = curl_easy_init();
    if (h == NULL)
        return ps_error_why(why, PS_ENOMEM, where, "out of memory");
    set_common(h, url, seconds, answer, detail);
    if (type != NULL) {
        snprintf(header, sizeof(header), "Content-Type: %s", type);
        headers = curl_slist_append(NULL, header);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    }
    CURLcode c = curl_easy_perform(h);
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    if (reply != NULL) {
        const char *got = NULL;
        curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &got);
        reply->status = status;
        snprintf(reply->type, sizeof(reply->type), "%s", got != NULL ? got : "");
    }
    int rc = c == CURLE_FILESIZE_EXCEEDED
                 ? ps_error_why(why, PS_ELIMIT, where, "the answer is larger than %zu bytes", answer->max)
                 : judge(c, status, reply != NULL, answer, where, detail, why);
    curl_slist_free_all(headers);
    curl_easy_cleanup(h);
    return rc;
}

int ps_http_post(const char *url, const char *type, const void *body, size_t n, unsigned seconds,
                 struct ps_buf *answer, struct ps_why *why) {
    return ask(url, type, body, n, seconds, answer, NULL, why);
}

int ps_http_exchange(const char *url, const char *type, const void *body, size_t n, unsigned seconds,
                     struct ps_buf *answer, struct ps_http_reply *reply, struct ps_why *why) {
    *reply = (struct ps_http_reply){0};
    return ask(url, type, body, n, seconds, answer, reply, why);
}

int ps_http_get(const char *url, unsigned seconds, struct ps_buf *answer, struct ps_why *why) {
    return ask(url, NULL, NULL, 0, seconds, answer, NULL, why);
}
