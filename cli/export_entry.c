/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/export_entry.h"
#include "archive/config.h"
#include "archive/store.h"
#include "cli/appending.h"
#include "cli/ledger.h"
#include "evidence/leaf.h"
#include "evidence/sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 18)

/* What is on the disk now, not what was meant to be written. */
static int digest_file(const char *path, uint8_t out[32], struct ps_why *why) {
    struct ps_sha256 h;
    ssize_t n = -1;
    uint8_t *piece = malloc(PIECE);
    int fd = piece == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (piece == NULL)
        errno = ENOMEM;
    ps_sha256_init(&h);
    while (fd >= 0 && ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            ps_sha256_update(&h, piece, (size_t)n);
    int rc = n == 0 ? 0 : ps_error_why(why, PS_EIO, path, "cannot be read back: %s", strerrordesc_np(errno));
    ps_sha256_final(&h, out);
    if (fd >= 0)
        close(fd);
    free(piece);
    return rc;
}

/* The clip that the entry names: of this ledger, the one with the smallest number. */
static int subject_of(const char *root, const char *const *paths, unsigned n, const uint8_t key[32],
                      uint64_t *subject, struct ps_why *why) {
    bool have = false;
    for (unsigned i = 0; i < n; i++) {
        struct ps_clip *c;
        int rc = ps_store_load(root, paths[i], &c, why);
        if (rc < 0)
            return rc;
        if (memcmp(c->ledger_key, key, 32) == 0 && (!have || c->number < *subject)) {
            *subject = c->number;
            have = true;
        }
        ps_statement_free(c);
    }
    return have ? 0
                : ps_error_why(why, PS_ENOENT, "ledger", "the clip is of another ledger than the present");
}

static int append(struct ps_export_entry *e, const char *root, const struct ps_wire_append *ask,
                  const uint8_t key[32]) {
    struct ps_wire_appended got;
    struct ps_leaf leaf;
    uint8_t log[16];
    int fd = ps_appending_open(root, &e->why);
    if (fd < 0)
        return fd;
    int rc = ps_appending_ask(fd, ask, &got, &e->why);
    close(fd);
    if (rc < 0)
        return rc;
    ps_leaf_log_id(log, key);
    if (ps_leaf_decode(&leaf, got.leaf, got.leaf_len) < 0 || leaf.type != PS_LEAF_EXPORT ||
        leaf.index != got.index || leaf.subject != ask->subject || memcmp(leaf.log, log, sizeof(log)) != 0 ||
        memcmp(leaf.digest, ask->digest, sizeof(leaf.digest)) != 0)
        return ps_error_why(&e->why, PS_ESIG, "signer", "answered with a leaf of something else");
    e->index = got.index;
    return 0;
}

int ps_export_entry_make(struct ps_export_entry *e, const char *root, const char *const *paths, unsigned n,
                         const char *zip, struct ps_why *why) {
    struct ps_wire_append ask = {.type = PS_LEAF_EXPORT, .extra_len = 4};
    char path[PS_ROOT_PATH];
    struct ps_vkey log;
    *e = (struct ps_export_entry){.ledgered = false};
    int rc = digest_file(zip, e->sha256, why);
    if (rc < 0)
        return rc;
    memcpy(ask.digest, e->sha256, sizeof(ask.digest));
    for (int i = 0; i < 4; i++)
        ask.extra[i] = (uint8_t)(n >> (24 - 8 * i));
    rc = ps_root_path(root, PS_ROOT_PUBLIC "/log.vkey", path);
    if (rc == 0 && (rc = ps_ledger_key(path, &log)) < 0)
        ps_error_why(&e->why, rc, PS_ROOT_PUBLIC "/log.vkey", "%s", ps_error_text(rc));
    if (rc == 0)
        rc = subject_of(root, paths, n, log.key, &ask.subject, &e->why);
    if (rc == 0)
        rc = append(e, root, &ask, log.key);
    e->ledgered = rc == 0;
    return 0;
}

void ps_export_entry_want_stamp(const char *root) {
    char path[PS_ROOT_PATH];
    struct ps_config *c = malloc(sizeof(*c));
    if (c != NULL && ps_root_config(root, path) == 0 && ps_config_load(c, path, NULL) == 0 &&
        c->n_authorities + c->n_witnesses > 0 && ps_root_path(root, PS_ROOT_STAMP_WANTED, path) == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
        if (fd >= 0)
            close(fd);
    }
    free(c);
}
