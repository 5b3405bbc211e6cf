/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_CLI_PRUNE_H
#define PS_CLI_PRUNE_H
/*
 * The work of packseal-prune(1): who may go is judged in archive/retention.h, the signer enters each removal in the ledger,
 * archive/removal.h takes the films away. Nothing is printed here.
 */
#include "archive/config.h"
#include "archive/removal.h"
#include "archive/retention.h"

enum ps_prune_did { PS_PRUNE_REMOVED, PS_PRUNE_WOULD, PS_PRUNE_KEPT, PS_PRUNE_FAILED };

struct ps_prune_told {
    enum ps_prune_did did;
    const char *clip;
    const char *reason; /* days, space, manual, erasure; of a kept one held, unstamped, unknown, unarchived */
    int64_t ended_ns;   /* 0: not known */
    uint64_t bytes, entry;
    const struct ps_why *why; /* of a failure, else NULL */
};

struct ps_prune_ask {
    const char *root;
    const struct ps_config *config;
    bool dry_run;
    /* By hand: these folders, "clips/2026/…", whatever their age; n 0: what the rules say. */
    const char *const *paths;
    unsigned n;
    uint8_t reason; /* PS_TOMBSTONE_OPERATOR or _ERASURE */
    const char *text;
    void (*tell)(void *ctx, const struct ps_prune_told *told);
    void *ctx;
};

struct ps_prune_sum {
    unsigned removed, failed;
    unsigned kept[PS_RETENTION_SPACE + 1]; /* by enum ps_retention_word */
    uint64_t freed, free_bytes, reserve;
    bool by_age;   /* the clock was believed */
    bool is_short; /* the reserve is not met */
};

/* 0, or why nothing could be done or it ended early; single failures are told and counted. */
int ps_prune(const struct ps_prune_ask *ask, struct ps_prune_sum *sum, struct ps_why *why);

#endif
