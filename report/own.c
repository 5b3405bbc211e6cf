/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/config.h"
#include "archive/root.h"
#include "archive/store.h"
#include "evidence/timestamp_chain.h"

static int add_anchor(struct ps_trust *t, const struct ps_timestamp_anchor *a) {
    for (size_t i = 0; i < t->n_anchors; i++)
        if (memcmp(t->anchors[i].sha256, a->sha256, sizeof a->sha256) == 0)
            return 0;
    struct ps_timestamp_anchor *more = realloc(t->anchors, (t->n_anchors + 1) * sizeof *more);
    if (more == NULL)
        return PS_ENOMEM;
    t->anchors = more;
    more[t->n_anchors] = *a;
    more[t->n_anchors++].name[0] = '\0'; /* as its certificate calls it */
    return 0;
}

static int add_witness(struct ps_trust *t, const struct ps_vkey *k) {
    for (size_t i = 0; i < t->n_witnesses; i++)
        if (memcmp(t->witnesses[i].key, k->key, sizeof k->key) == 0)
            return 0;
    struct ps_vkey *more = realloc(t->witnesses, (t->n_witnesses + 1) * sizeof *more);
    if (more == NULL)
        return PS_ENOMEM;
    t->witnesses = more;
    more[t->n_witnesses++] = *k;
    return 0;
}

static int add_authority(struct ps_trust *t, int dirfd, const struct ps_config_authority *a) {
    struct ps_timestamp_anchor *found = calloc(PS_TIMESTAMP_ANCHORS, sizeof *found);
    struct ps_why why = {{0}, {0}};
    uint8_t *pem = NULL;
    unsigned n = 0;
    size_t pem_n = 0;
    int rc = found == NULL ? PS_ENOMEM : 0;
    if (rc == 0 && a->ca[0] != '\0' &&
        ps_store_read_file(dirfd, a->ca, PS_TIMESTAMP_CHAIN_MAX, &pem, &pem_n, &why) == 0 &&
        ps_timestamp_chain_anchors(found, &n, pem, pem_n, &why) == 0)
        for (unsigned i = 0; i < n && rc == 0; i++)
            rc = add_anchor(t, &found[i]);
    free(pem);
    free(found);
    return rc;
}

int ps_own_add(struct ps_trust *t, const char *root) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {{0}, {0}};
    struct ps_config *c = malloc(sizeof *c);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = c == NULL ? PS_ENOMEM : 0;
    if (rc == 0 && fd >= 0 && ps_root_config(root, path) == 0 && ps_config_load(c, path, &why) == 0) {
        for (unsigned i = 0; i < c->n_authorities && rc == 0; i++)
            rc = add_authority(t, fd, &c->authorities[i]);
        for (unsigned i = 0; i < c->n_witnesses && rc == 0; i++)
            rc = c->witnesses[i].url[0] == '\0' ? 0 : add_witness(t, &c->witnesses[i].key);
    }
    if (fd >= 0)
        close(fd);
    free(c);
    return rc;
}
