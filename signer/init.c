/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/minisign.h"
#include "evidence/opening.h"
#include "evidence/origin.h"
#include "evidence/sha256.h"
#include "signer/file.h"
#include "signer/key.h"
#include "signer/options.h"
#include "signer/takes.h"

/* The folder, made when it is missing; its fd or an error. */
static int folder(const char *path, mode_t mode, struct ps_why *why) {
    int made = mkdir(path, 0700) == 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return ps_error_why(why, PS_EIO, path, "%s: make the folder around it first", strerror(errno));
    if (made && fchmod(fd, mode) != 0) {
        close(fd);
        return ps_error_why(why, PS_EIO, path, "%s", strerror(errno));
    }
    return fd;
}

static int put(int dir, const char *name, const void *p, size_t n, mode_t mode, struct ps_why *why) {
    int err = ps_file_create(dir, name, p, n, mode);

    if (err == PS_EEXIST)
        return ps_error_why(why, err, name, "is there already: this folder belongs to a station");
    return err == 0 ? 0 : ps_error_why(why, err, name, "cannot be written: %s", strerror(errno));
}

/* The first ledger's name, from its key: the same everywhere, and no other station's. */
static int name_ledger(const struct ps_key *k, const char *station, struct ps_vkey *out) {
    struct ps_origin origin;
    char name[PS_NOTE_NAME + 1];

    ps_origin_first(&origin, station, ps_key_ledger(k));
    ps_origin_name(&origin, name);
    return ps_note_vkey_make(out, name, PS_NOTE_ED25519, ps_key_ledger(k));
}

static int write_public(int dir, const struct ps_key *k, const char *station, const struct ps_vkey *ledger,
                        struct ps_why *why) {
    struct ps_buf pub, vkey, trust;
    char text[57], comment[96];
    int err;

    ps_buf_init(&pub, 1024);
    ps_buf_init(&vkey, 1024);
    ps_buf_init(&trust, 4096);
    snprintf(comment, sizeof(comment), "PackSeal clip key of station %s", station);
    ps_minisign_pubkey_write(&pub, ps_key_clip(k), comment);
    ps_note_vkey_write(&vkey, ledger);
    ps_minisign_pubkey_text(ps_key_clip(k), text);
    ps_buf_fmt(&trust, "packseal-trust 1\nclip %s station=%s\nlog %.*s\n", text, station, (int)vkey.n,
               (const char *)vkey.p);
    ps_buf_text(&vkey, "\n");
    err = pub.err != 0 ? pub.err : vkey.err != 0 ? vkey.err : trust.err;
    if (err != 0)
        ps_error_why(why, err, "public", "cannot be made: %s", ps_error_text(err));
    if (err == 0)
        err = put(dir, "clip.pub", pub.p, pub.n, 0644, why);
    if (err == 0)
        err = put(dir, "log.vkey", vkey.p, vkey.n, 0644, why);
    if (err == 0)
        err = put(dir, "trust", trust.p, trust.n, 0644, why);
    ps_buf_free(&trust);
    ps_buf_free(&vkey);
    ps_buf_free(&pub);
    return err;
}

static void describe(const struct ps_key *k, const char *station, char report[1024]) {
    char id[17], clip[57], ledger[65];
    uint8_t sum[32];

    ps_minisign_id_text(ps_key_clip(k)->id, id);
    ps_minisign_pubkey_text(ps_key_clip(k), clip);
    ps_sha256(sum, ps_key_ledger(k), 32);
    ps_bytes_hex(ledger, sum, sizeof(sum));
    snprintf(report, 1024,
             "station     %s\n"
             "clip key    %s\n"
             "clip key id %s\n"
             "ledger key  sha256 %s\n",
             station, clip, id, ledger);
}

/* All but the keys. The station's name comes last of what the signer needs: without it none starts, so that one whose
 * origin is missing is never half made but old. */
static int write_all(const struct ps_options *o, const struct ps_key *key, int dir, int ledger,
                     int public_dir, struct ps_why *why) {
    char station[PS_MAX_STATION_ID + 2], origin[PS_NOTE_NAME + 2];
    struct ps_vkey vkey;
    int err = name_ledger(key, o->station, &vkey);

    if (err != 0)
        return ps_error_why(why, err, "origin", "cannot be made: %s", ps_error_text(err));
    int n = snprintf(origin, sizeof(origin), "%s\n", vkey.name);
    err = put(dir, "origin", origin, (size_t)n, 0600, why);
    if (err == 0 && (err = ps_takes_create(dir)) != 0)
        ps_error_why(why, err, "takes", "cannot be made: %s", strerror(errno));
    if (err == 0)
        err = put(ledger, "entries", "", 0, 0640, why);
    if (err == 0)
        err = write_public(public_dir, key, o->station, &vkey, why);
    n = snprintf(station, sizeof(station), "%s\n", o->station);
    return err == 0 ? put(dir, "station", station, (size_t)n, 0600, why) : err;
}

int ps_init_station(const struct ps_options *o, char report[1024], struct ps_why *why) {
    const struct ps_keyfile_lock lock = {o->passphrase, ps_keyfile_cost_station};
    struct ps_key *key = NULL;
    int dir = -1, ledger = -1, public_dir = -1;
    int err;

    if (!ps_opening_station_ok(o->station))
        return ps_error_why(why, PS_EINVAL, "--station",
                            "takes 1 to %d letters, digits and hyphens, no hyphen first", PS_MAX_STATION_ID);
    err = dir = folder(o->dir, 0700, why);
    if (dir >= 0)
        err = ledger = folder(o->ledger, 02750, why);
    if (ledger >= 0)
        err = public_dir = folder(o->public_dir, 0755, why);
    if (public_dir < 0)
        goto out;
    /* The keys come first: whoever finds some stops here, before anything else is touched. */
    err = ps_key_create(dir, o->passphrase != NULL ? &lock : NULL, o->station, why);
    ps_key_unlock(o->passphrase);
    if (err == 0)
        err = ps_key_load(&key, dir, why);
    if (err == 0)
        err = write_all(o, key, dir, ledger, public_dir, why);
    if (err == 0)
        describe(key, o->station, report);
    ps_key_free(key);
out:
    if (public_dir >= 0)
        close(public_dir);
    if (ledger >= 0)
        close(ledger);
    if (dir >= 0)
        close(dir);
    return err;
}
