/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the target of a request: refused, or a path without dots and values that are text. */
#include <stdlib.h>
#include <string.h>

#include "evidence/bytes.h"
#include "tests/fuzz/fuzz.h"
#include "viewer/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ps_request r;
    char path[PS_REQUEST_PATH], arg[PS_REQUEST_ARGS][PS_REQUEST_ARG], *target = malloc(size + 1);
    int64_t v = 5;
    if (target == NULL)
        return 0;
    memcpy(target, data, size);
    target[size] = '\0';
    if (ps_request_target(&r, path, target) == 0) {
        size_t n = strlen(path);
        if (path[0] != '/' || n >= PS_REQUEST_PATH || strstr(path, "/.") == path + n - 2 ||
            strstr(path, "/../") != NULL || strstr(path, "//") != NULL ||
            strpbrk(path, "%\\?: \r\n") != NULL || r.n_query > PS_REQUEST_QUERIES)
            abort();
        for (unsigned i = 0; i < r.n_query; i++) {
            const char *s = r.query[i].value;
            if (strlen(s) > PS_REQUEST_VALUE || !ps_bytes_is_text(s, strlen(s)) ||
                ps_request_query(&r, r.query[i].name) != s)
                abort();
            if (ps_request_number(&r, r.query[i].name, -10, 10, &v) > 0 && (v < -10 || v > 10))
                abort();
            (void)ps_request_time(&r, r.query[i].name, &v);
        }
        if (ps_request_match("/api/v1/clips/{clip}/files/{file}", path, arg) &&
            (strchr(arg[0], '/') != NULL || arg[1][0] == '\0'))
            abort();
    }
    free(target);
    return 0;
}
