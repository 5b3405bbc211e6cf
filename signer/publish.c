/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/publish.h"

#include <string.h>

#include "evidence/bytes.h"
#include "signer/state.h"

int ps_publish_checkpoint(const struct ps_state *s, uint64_t size, char *out) {
    struct ps_checkpoint c = {.size = size};
    struct ps_buf note;
    uint8_t sig[64];

    memcpy(c.origin, s->vkey.name, sizeof(c.origin));
    int err = ps_ledger_root_at(s->ledger, size, c.root);
    if (err != 0)
        return err;
    ps_buf_init(&note, PS_PUBLISH_NOTE);
    ps_checkpoint_write(&note, &c);
    err = note.err;
    if (err == 0)
        err = ps_key_sign_checkpoint(s->key, (const char *)note.p, note.n, sig);
    if (err == 0) {
        ps_buf_text(&note, "\n");
        ps_note_append(&note, &s->vkey, sig);
        err = note.err;
    }
    if (err == 0) {
        memcpy(out, note.p, note.n);
        err = (int)note.n;
    }
    ps_buf_free(&note);
    return err;
}

int ps_publish_all(struct ps_state *s) {
    uint64_t size = ps_ledger_size(s->ledger);
    char note[PS_PUBLISH_NOTE];

    if (s->published == size)
        return 0;
    int err = ps_tiles_sync(s->tiles, s->ledger);
    if (err != 0)
        return err;
    int n = ps_publish_checkpoint(s, size, note);
    if (n < 0)
        return n == PS_ENOMEM ? PS_EFULL : PS_EIO;
    err = ps_tiles_checkpoint(s->tiles, note, (size_t)n);
    if (err == 0)
        s->published = size;
    return err;
}
