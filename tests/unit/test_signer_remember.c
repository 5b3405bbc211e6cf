/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which remembered checkpoints are looked at first, and whether the newest are among those that are looked at. */
#include "signer/remember.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/golden/sample_tlog.h"
#include "tests/unit/tap.h"

#define KEY "packseal.invalid/ST03+6cee08c0+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void put(int root, const char *folder, const uint8_t *note, size_t n) {
    char path[128];
    snprintf(path, sizeof(path), "%s/checkpoint", folder);
    int fd = mkdirat(root, folder, 0755) == 0 ? openat(root, path, O_WRONLY | O_CREAT, 0644) : -1;
    if (fd < 0 || write(fd, note, n) != (ssize_t)n)
        tap_bail("cannot write %s", path);
    close(fd);
}

struct seen {
    unsigned n;
    char names[PS_REMEMBER_FILES + 1][80];
};

static int see(void *ctx, const struct ps_remember_found *f) {
    struct seen *s = ctx;
    snprintf(s->names[s->n++], sizeof(s->names[0]), "%s", f->name);
    return s->n > PS_REMEMBER_FILES;
}

int main(void) {
    static const char *const order[] = {
        "tokens/000000000130-a/checkpoint",          "tokens/000000000099-a.10/checkpoint",
        "tokens/000000000099-a.2/checkpoint",        "tokens/000000000099-b/checkpoint",
        "tokens/000000000099-a/checkpoint",          "tokens/000000000012-main/checkpoint",
        "tokens/000000000009-a-long-name/checkpoint"};
    char dir[] = "/tmp/packseal-remember.XXXXXX", name[64];
    struct seen *s = calloc(1, sizeof(*s));
    struct ps_vkey key;
    struct ps_why why = {0};
    size_t n = 0;
    uint8_t *note = sample_golden("checkpoint", &n);
    int root = mkdtemp(dir) != NULL ? open(dir, O_RDONLY | O_DIRECTORY) : -1;

    if (s == NULL || note == NULL || root < 0 || ps_note_vkey_parse(&key, KEY, strlen(KEY)) != 0 ||
        mkdirat(root, "tokens", 0755) != 0 || mkdirat(root, "ledger", 0755) != 0)
        tap_bail("no folder to test in");
    int ledger = openat(root, "ledger", O_RDONLY | O_DIRECTORY);
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        snprintf(name, sizeof(name), "%.*s", (int)(strlen(order[i]) - strlen("/checkpoint")), order[i]);
        put(root, name, note, n);
    }
    tap_is_int(ps_remember_walk(root, ledger, &key, see, s, &why), 0, "the tokens are looked through");
    tap_is_uint(s->n, sizeof(order) / sizeof(order[0]), "each of them");
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]) && i < s->n; i++)
        tap_is_str(s->names[i], order[i], "%u: the larger checkpoint first", i);

    /* More than are looked at, all small but with longer names than the great one's. */
    for (unsigned i = 0; i < PS_REMEMBER_FILES + 10; i++) {
        snprintf(name, sizeof(name), "tokens/%012u-an-authority", i + 10);
        put(root, name, note, n);
    }
    put(root, "tokens/000000009999-z", note, n);
    s->n = 0;
    tap_is_int(ps_remember_walk(root, ledger, &key, see, s, &why), 0, "of very many");
    tap_is_uint(s->n, PS_REMEMBER_FILES, "as many as are looked at");
    tap_is_str(s->names[0], "tokens/000000009999-z/checkpoint", "the greatest is not passed over");
    close(ledger);
    close(root);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(note);
    free(s);
    return tap_done();
}
