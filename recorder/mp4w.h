/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PS_RECORDER_MP4W_H
#define PS_RECORDER_MP4W_H
/*
 * Writer of crash-safe MP4 (docs/FORMAT.md section 7): fragments while recording, an ordinary file after the end,
 * and no sample byte moves.
 */
#include "evidence/error.h"
#include "evidence/mp4.h"
#include <stddef.h>
#include <stdint.h>

struct ps_mp4w_spec {
    uint16_t width, height;
    bool full_range; /* colr: primaries 1, transfer 13, matrix 6, full range flag */
    const uint8_t *avcc;
    size_t avcc_len;
};

struct ps_mp4w_sample {
    uint32_t size, ticks; /* the first of a fragment is the sync sample */
};

struct ps_mp4w;

/* Creates the file (O_EXCL) in the folder, writes its head and syncs file and folder (dirfd is open for reading). After
 * an error no file is left. PS_EEXIST; PS_EFULL: no room on the disk; PS_EIO: why tells errno. */
int ps_mp4w_create(struct ps_mp4w **out, int dirfd, const char *name, const struct ps_mp4w_spec *s,
                   struct ps_why *why);
/* One closed GOP: moof + mdat in one write, then fdatasync. The samples' bytes lie one after another in data.
 * *offset gets where the moof began. After an error (PS_EFULL, PS_EIO, PS_EINVAL for samples
 * that do not add up) the file is cut back to its last whole fragment, and the writer can go on; PS_ESTATE: it cannot. */
int ps_mp4w_fragment(struct ps_mp4w *w, const struct ps_mp4w_sample *s, uint32_t n, const uint8_t *data,
                     size_t size, uint64_t *offset, struct ps_why *why);
/* Full moov, fsync, the 16-byte patch, fsync. Then size and SHA-256 of the file are given (one pass of reading). Frees w
 * in every case. After an error ps_mp4w_recover takes the film up again. PS_ESTATE: not one fragment. */
int ps_mp4w_finish(struct ps_mp4w *w, uint64_t *size, uint8_t sha256[32], struct ps_why *why);
/* Closes without finishing and frees. */
void ps_mp4w_close(struct ps_mp4w *w);
/* For recovery: opens an unfinished film, cuts a torn tail, and gives what is there in *m (the caller frees it by
 * ps_mp4_free) and a writer ready for ps_mp4w_finish. A file that died between the two writes of finish, or that is finished
 * already, is handled: finish is idempotent. PS_ENOENT when no whole fragment is left; PS_EFORMAT for a
 * file that is not ours, which is left as it is. The structure alone is looked at: a last fragment whose payload the disk
 * lost may still be there, and only its record tells. */
int ps_mp4w_recover(struct ps_mp4w **out, int dirfd, const char *name, struct ps_mp4 *m, struct ps_why *why);

#endif
