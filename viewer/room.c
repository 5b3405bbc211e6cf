/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/room.h"
#include "archive/store.h"

bool ps_room_for(const struct ps_viewer *v, uint64_t bytes) {
    uint64_t left = 0, keep = v->verify_only ? 0 : (uint64_t)v->config.min_free_mb << 21;
    if (ps_store_free_bytes(v->verify_only ? "/tmp" : v->root, &left) < 0)
        return true; /* the write itself will tell */
    return left >= keep && left - keep >= bytes;
}
