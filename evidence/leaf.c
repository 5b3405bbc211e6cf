/* SPDX-License-Identifier: ISC */
#include "evidence/leaf.h"

#include <stdbool.h>
#include <string.h>

#include "evidence/bytes.h"
#include "evidence/error.h"
#include "evidence/sha256.h"

static bool is_zero(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

/* u64 size ‖ str origin: the checkpoint that a recovery goes on from. */
static bool is_recovery(const struct ps_leaf *l) {
    struct ps_rd r = ps_rd_of(l->extra, l->extra_len);
    char origin[PS_MAX_LEAF];
    uint64_t size = ps_rd_u64(&r);
    ps_rd_str(&r, origin, sizeof origin);
    return ps_rd_end(&r) == 0 && size <= PS_MAX_JSON_INT && origin[0] != '\0' && l->index == 0;
}

/* The types whose digest says it all; they may carry a few bytes that their own sections explain. */
static bool is_short(const struct ps_leaf *l) {
    return l->extra_len <= PS_LEAF_FREE_EXTRA && is_zero(l->head, 32);
}

/* What holds of a leaf of this type, beyond its layout. The reserved type is not judged. */
static int check_type(const struct ps_leaf *l) {
    bool ok = true;
    switch (l->type) {
    case PS_LEAF_STARTUP: ok = l->extra_len == 0 && l->subject == l->index && is_zero(l->head, 32); break;
    case PS_LEAF_OPEN:
        ok = l->extra_len == 4 && l->subject == l->index && is_zero(l->head, 32) && ps_leaf_take(l) > 0;
        break;
    case PS_LEAF_SEAL: ok = l->extra_len == 0 && l->subject < l->index; break;
    case PS_LEAF_ABORT:
        ok = l->extra_len == 1 && l->subject < l->index && is_zero(l->digest, 32) &&
             l->extra[0] >= PS_ABORT_NOTHING_RECORDED && l->extra[0] <= PS_ABORT_REFUSED;
        break;
    case PS_LEAF_TOMBSTONE:
        ok = l->extra_len == 1 && l->subject < l->index && is_zero(l->head, 32) &&
             l->extra[0] >= PS_TOMBSTONE_RETENTION && l->extra[0] <= PS_TOMBSTONE_SPACE;
        break;
    case PS_LEAF_CLOCK_STEP:
        ok = l->extra_len == 8 && !is_zero(l->extra, 8) && l->subject == l->index && is_zero(l->head, 32) &&
             is_zero(l->digest, 32);
        break;
    case PS_LEAF_HEALTH:
        ok = l->extra_len == PS_LEAF_HEALTH_EXTRA && l->subject == l->index && is_zero(l->head, 32);
        break;
    case PS_LEAF_EXPORT:
    case PS_LEAF_LINK: ok = l->subject < l->index && is_short(l); break;
    case PS_LEAF_INTAKE:
    case PS_LEAF_ANCHOR: ok = l->subject == l->index && is_short(l); break;
    case PS_LEAF_RECOVERY: ok = is_recovery(l) && l->subject == 0 && is_zero(l->head, 32); break;
    default: break;
    }
    return ok ? 0 : PS_EFORMAT;
}

static int check(const struct ps_leaf *l) {
    if (l->type < PS_LEAF_STARTUP || l->type > PS_LEAF_RECOVERY)
        return PS_EVERSION;
    if (l->clock > PS_CLOCK_UNSYNCED)
        return PS_EFORMAT;
    if (l->index > PS_MAX_JSON_INT || l->subject > PS_MAX_JSON_INT || l->extra_len > sizeof l->extra)
        return PS_ELIMIT;
    return check_type(l);
}

static uint8_t *put(uint8_t *at, uint64_t v, size_t n) {
    for (size_t i = n; i > 0; i--, v >>= 8)
        at[i - 1] = (uint8_t)v;
    return at + n;
}

static uint8_t *copy(uint8_t *at, const void *p, size_t n) {
    memcpy(at, p, n);
    return at + n;
}

int ps_leaf_encode(const struct ps_leaf *l, uint8_t out[PS_MAX_LEAF]) {
    if (check(l) != 0)
        return PS_EINVAL;
    uint8_t *at = copy(out, "PSL1", 4);
    at = put(at, l->type, 1);
    at = put(at, l->clock, 1);
    at = put(at, 0, 2);
    at = copy(at, l->log, 16);
    at = put(at, l->index, 8);
    at = put(at, l->subject, 8);
    at = put(at, (uint64_t)l->wall_ns, 8);
    at = put(at, (uint64_t)l->boot_ns, 8);
    at = copy(at, l->boot_id, 16);
    at = put(at, l->max_error_us, 4);
    at = copy(at, l->head, 32);
    at = copy(at, l->digest, 32);
    at = put(at, l->extra_len, 2);
    at = copy(at, l->extra, l->extra_len);
    return (int)(at - out);
}

int ps_leaf_decode(struct ps_leaf *l, const void *p, size_t n) {
    struct ps_rd r = ps_rd_of(p, n);
    uint8_t magic[4];
    *l = (struct ps_leaf){0};
    ps_rd_bytes(&r, magic, 4);
    if (r.err == 0 && memcmp(magic, "PSL1", 4) != 0)
        return PS_EFORMAT;
    l->type = ps_rd_u8(&r);
    l->clock = ps_rd_u8(&r);
    uint16_t reserved = ps_rd_u16(&r);
    ps_rd_bytes(&r, l->log, 16);
    l->index = ps_rd_u64(&r);
    l->subject = ps_rd_u64(&r);
    l->wall_ns = (int64_t)ps_rd_u64(&r);
    l->boot_ns = (int64_t)ps_rd_u64(&r);
    ps_rd_bytes(&r, l->boot_id, 16);
    l->max_error_us = ps_rd_u32(&r);
    ps_rd_bytes(&r, l->head, 32);
    ps_rd_bytes(&r, l->digest, 32);
    l->extra_len = ps_rd_u16(&r);
    if (r.err != 0)
        return r.err;
    if (l->extra_len > sizeof l->extra)
        return PS_ELIMIT;
    ps_rd_bytes(&r, l->extra, l->extra_len);
    int err = ps_rd_end(&r);
    if (err != 0)
        return err;
    return reserved == 0 ? check(l) : PS_EFORMAT;
}

void ps_leaf_hash(uint8_t out[32], const void *p, size_t n) {
    static const uint8_t leaf_prefix = 0x00; /* RFC 6962 section 2.1: leaves and nodes never look alike */
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, &leaf_prefix, 1);
    ps_sha256_update(&h, p, n);
    ps_sha256_final(&h, out);
}

void ps_leaf_log_id(uint8_t out[16], const uint8_t ledger_pk[32]) {
    static const char name[] = "packseal/log/v1"; /* with its NUL */
    uint8_t digest[32];
    struct ps_sha256 h;
    ps_sha256_init(&h);
    ps_sha256_update(&h, name, sizeof name);
    ps_sha256_update(&h, ledger_pk, 32);
    ps_sha256_final(&h, digest);
    memcpy(out, digest, 16);
}

uint32_t ps_leaf_take(const struct ps_leaf *l) {
    struct ps_rd r = ps_rd_of(l->extra, l->extra_len <= sizeof l->extra ? l->extra_len : 0);
    if (l->type == PS_LEAF_ABORT)
        return ps_rd_u8(&r);
    return l->type == PS_LEAF_OPEN ? ps_rd_u32(&r) : 0;
}

const char *ps_leaf_type_name(uint8_t type) {
    static const char *const names[] = {"?",         "start-up", "open",       "seal",    "abort",
                                        "tombstone", "key",      "clock-step", "health",  "export",
                                        "link",      "intake",   "anchor",     "recovery"};
    return names[type < sizeof names / sizeof names[0] ? type : 0];
}
