/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signer/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer/file.h"

/* All that must not leave this file. Lives in sodium_malloc memory. */
struct secret {
    uint8_t clip[crypto_sign_SECRETKEYBYTES];
    uint8_t ledger[crypto_sign_SECRETKEYBYTES];
    struct ps_keyfile file; /* while a file is read or written */
    char line[PS_KEYFILE_MAX];
};

struct ps_key {
    struct secret *secret; /* no access but while signing */
    int locked;
    struct ps_pubkey clip, ledger;
};

struct ps_key_root {
    struct secret *secret; /* its clip is the root key */
    struct ps_pubkey pub;
    char merchant[PS_MAX_NAME + 1];
};

static const char *const names[] = {"clip", "ledger"};

static struct secret *secret_new(struct ps_why *why) {
    struct secret *s = sodium_malloc(sizeof(*s));

    if (s == NULL)
        ps_error_why(why, PS_ENOMEM, "keys", "no memory for them");
    return s;
}

/* minisign's prehashed signature by the secret key in s->clip. */
static int sign(struct secret *s, const struct ps_pubkey *pub, const void *p, size_t n, const char *comment,
                struct ps_minisig *out) {
    uint8_t hash[64], both[64 + PS_MAX_TRUSTED_COMMENT];
    size_t c = strlen(comment);

    if (c > PS_MAX_TRUSTED_COMMENT)
        return PS_EINVAL;
    memcpy(out->id, pub->id, sizeof(out->id));
    memcpy(out->comment, comment, c + 1);
    ps_minisign_prehash(hash, p, n);
    if (sodium_mprotect_readonly(s) != 0)
        return PS_EIO;
    crypto_sign_detached(out->sig, NULL, hash, sizeof(hash), s->clip);
    memcpy(both, out->sig, 64);
    memcpy(both + 64, comment, c);
    crypto_sign_detached(out->global, NULL, both, 64 + c, s->clip);
    sodium_mprotect_noaccess(s);
    return 0;
}

/* ---- key files ---- */

/* A fresh key in s->file. */
static void make(struct secret *s, const char *name, const char *label) {
    memset(&s->file, 0, sizeof(s->file));
    snprintf(s->file.name, sizeof(s->file.name), "%s", name);
    snprintf(s->file.label, sizeof(s->file.label), "%s", label);
    randombytes_buf(s->file.id, sizeof(s->file.id));
    randombytes_buf(s->file.seed, sizeof(s->file.seed));
    crypto_sign_seed_keypair(s->file.pub, s->clip, s->file.seed);
}

static int write_new(int dir, struct secret *s, const char *file, const struct ps_keyfile_lock *lock,
                     struct ps_why *why) {
    size_t n;

    int err = ps_keyfile_encode(s->line, &n, &s->file, lock, why);
    if (err != 0)
        return err;
    err = ps_file_create(dir, file, s->line, n, 0600);
    if (err == PS_EEXIST)
        return ps_error_why(why, err, file, "is there already: a key is never overwritten");
    if (err != 0)
        return ps_error_why(why, err, file, "cannot be written: %s", strerror(errno));
    return 0;
}

/* What the file system keeps of a replaced file is out of our hands; what we can reach is made zeros. */
static void wipe(int fd) {
    static const char zeros[PS_KEYFILE_MAX];
    struct stat st;

    if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= (off_t)sizeof(zeros) &&
        ps_file_write_at(fd, zeros, (size_t)st.st_size, 0) == 0)
        fsync(fd);
}

/* Puts the line of s->file in the place of an existing key file, whole or not at all. */
static int replace(int dir, struct secret *s, const char *file, const struct ps_keyfile_lock *lock,
                   struct ps_why *why) {
    char fresh[24];

    snprintf(fresh, sizeof(fresh), "%s.new", file);
    unlinkat(dir, fresh, 0); /* of an earlier attempt that did not come to the rename: never in use */
    int err = write_new(dir, s, fresh, lock, why);
    if (err != 0)
        return err;
    int old = openat(dir, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (renameat(dir, fresh, dir, file) != 0 || fsync(dir) != 0)
        err = ps_error_why(why, PS_EIO, file, "cannot be replaced: %s", strerror(errno));
    if (old >= 0) {
        if (err == 0)
            wipe(old);
        close(old);
    }
    return err;
}

int ps_key_create(int dir, const struct ps_keyfile_lock *lock, const char *station, struct ps_why *why) {
    int err = 0;
    struct secret *s = secret_new(why);

    if (s == NULL)
        return PS_ENOMEM;
    /* Both or none, as far as can be told beforehand. */
    if (faccessat(dir, "clip.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = ps_error_why(why, PS_EEXIST, "clip.key", "is there already: a key is never overwritten");
    else if (faccessat(dir, "ledger.key", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        err = ps_error_why(why, PS_EEXIST, "ledger.key", "is there already: a key is never overwritten");
    for (size_t i = 0; i < 2 && err == 0; i++) {
        char file[16];
        snprintf(file, sizeof(file), "%s.key", names[i]);
        make(s, names[i], station);
        err = write_new(dir, s, file, lock, why);
    }
    sodium_free(s); /* wipes */
    return err;
}

/* Root in another user's folder. */
static bool is_foreign(int dir) {
    struct stat st;

    return geteuid() == 0 && fstat(dir, &st) == 0 && st.st_uid != 0;
}

/* Refuses a file that others can read: its key is no secret any more. Root, who recovers a station, looks at the folder's
 * owner's. */
static int check_mode(int dir, const char *file, struct ps_why *why) {
    struct stat st, folder;

    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ps_error_why(why, PS_ENOENT, file, "%s: has the station been set up (--init)?",
                            strerror(errno));
    bool own =
        st.st_uid == geteuid() || (is_foreign(dir) && fstat(dir, &folder) == 0 && st.st_uid == folder.st_uid);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || !own)
        return ps_error_why(why, PS_EPERM, file, "must be a file of the signer's user alone, mode 0600");
    return 0;
}

/* The folder where systemd puts this unit's credentials (systemd.exec(5)); -1 without. */
static int credentials(void) {
    const char *path = secure_getenv("CREDENTIALS_DIRECTORY");

    return path != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* The file's bytes in s->line. A credential comes before the file: its modes are systemd's affair. */
static ssize_t read_line(int dir, struct secret *s, const char *file, bool *credential, struct ps_why *why) {
    int c = credentials();
    ssize_t n = PS_ENOENT;

    *credential = false;
    if (c >= 0) {
        n = ps_file_load(c, file, s->line, sizeof(s->line));
        close(c);
        *credential = n != PS_ENOENT;
    }
    if (n == PS_ENOENT) {
        int err = check_mode(dir, file, why);
        if (err != 0)
            return err;
        n = ps_file_load(dir, file, s->line, sizeof(s->line));
    }
    if (n < 0)
        return ps_error_why(why, (int)n, file, "cannot be read: %s",
                            n == PS_ELIMIT ? "it is no key file" : strerror(errno));
    return n;
}

/* The named key's file in s->file, its public half checked. */
static int read_file(int dir, struct secret *s, const char *name, const struct ps_keyfile_passphrase *p,
                     struct ps_why *why) {
    char file[16];
    uint8_t pub[32];
    bool credential;

    snprintf(file, sizeof(file), "%s.key", name);
    ssize_t n = read_line(dir, s, file, &credential, why);
    if (n < 0)
        return (int)n;
    int err = ps_keyfile_decode(&s->file, s->line, (size_t)n, name, p, file, why);
    sodium_memzero(s->line, sizeof(s->line));
    if (err != 0)
        return err;
    crypto_sign_seed_keypair(pub, s->clip, s->file.seed);
    /* Of version 1 the line does not tell. */
    if (!sodium_is_zero(s->file.pub, 32) && memcmp(pub, s->file.pub, 32) != 0)
        return ps_error_why(why, PS_EFORMAT, file, "its two halves do not belong together");
    memcpy(s->file.pub, pub, 32);
    return 0;
}

/* ---- passphrases ---- */

static const struct ps_keyfile_passphrase *given; /* the caller's, for all loads of this process */

void ps_key_unlock(const struct ps_keyfile_passphrase *p) {
    given = p;
}

/* Given, or systemd's; *own is to be freed. Neither is no error: plain files need none. */
static const struct ps_keyfile_passphrase *passphrase(struct ps_keyfile_passphrase **own, int *err,
                                                      struct ps_why *why) {
    *own = NULL;
    *err = 0;
    int c = given == NULL ? credentials() : -1;
    int fd = c >= 0 ? openat(c, "packseal-passphrase", O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd >= 0) {
        *err = ps_keyfile_passphrase_read(own, fd, why);
        close(fd);
    }
    if (c >= 0)
        close(c);
    return given != NULL ? given : *own;
}

/* ---- the station's keys ---- */

static int load_one(int dir, struct secret *s, const char *name, const struct ps_keyfile_passphrase *p,
                    struct ps_pubkey *pub, struct ps_why *why) {
    int err = read_file(dir, s, name, p, why);

    if (err != 0)
        return err;
    memcpy(pub->id, s->file.id, 8);
    memcpy(pub->key, s->file.pub, 32);
    return 0;
}

int ps_key_load(struct ps_key **out, int dir, struct ps_why *why) {
    struct ps_keyfile_passphrase *own = NULL;
    struct ps_key *k = calloc(1, sizeof(*k));
    int err;

    if (k == NULL || (k->secret = secret_new(why)) == NULL) {
        free(k);
        return ps_error_why(why, PS_ENOMEM, "keys", "no memory for them");
    }
    if (is_foreign(dir)) { /* journal and ledger would become root's */
        ps_key_free(k);
        return ps_error_why(why, PS_EPERM, "keys", "belong to another user: start the signer as that user");
    }
    /* sodium_malloc has asked for this already, but does not tell how it went. */
    k->locked = sodium_mlock(k->secret, sizeof(*k->secret)) == 0;
    const struct ps_keyfile_passphrase *p = passphrase(&own, &err, why);
    /* Reading leaves the secret key in clip: the ledger's is moved on, then comes the clip's own. */
    if (err == 0)
        err = load_one(dir, k->secret, "ledger", p, &k->ledger, why);
    if (err == 0) {
        memcpy(k->secret->ledger, k->secret->clip, sizeof(k->secret->ledger));
        err = load_one(dir, k->secret, "clip", p, &k->clip, why);
    }
    ps_keyfile_passphrase_free(own);
    if (err != 0) {
        ps_key_free(k);
        return err;
    }
    sodium_memzero(&k->secret->file, sizeof(k->secret->file));
    sodium_mprotect_noaccess(k->secret);
    *out = k;
    return 0;
}

int ps_key_look(int dir, const char *name, struct ps_pubkey *pub, enum ps_key_rest *rest,
                struct ps_why *why) {
    char file[16];
    bool credential;
    struct secret *s = secret_new(why);

    if (s == NULL)
        return PS_ENOMEM;
    snprintf(file, sizeof(file), "%s.key", name);
    ssize_t n = read_line(dir, s, file, &credential, why);
    int err = n < 0 ? (int)n : ps_keyfile_peek(&s->file, s->line, (size_t)n, name);
    if (err == PS_KEYFILE_PLAIN) {
        /* Read again, this time with its seed, from which the public half follows. */
        err = ps_keyfile_decode(&s->file, s->line, (size_t)n, name, NULL, file, why);
        if (err == 0)
            crypto_sign_seed_keypair(s->file.pub, s->clip, s->file.seed);
        *rest = credential ? PS_KEY_CREDENTIAL : PS_KEY_PLAIN;
    } else if (err == PS_KEYFILE_PASSPHRASE) {
        *rest = PS_KEY_PASSPHRASE;
        err = 0;
    } else if (n >= 0) {
        err = ps_error_why(why, PS_EFORMAT, file, "is no key file");
    }
    memcpy(pub->id, s->file.id, 8);
    memcpy(pub->key, s->file.pub, 32);
    sodium_free(s);
    return err;
}

int ps_key_relock(int dir, const struct ps_keyfile_passphrase *old, const struct ps_keyfile_lock *lock,
                  const char *station, struct ps_why *why) {
    int err = 0;
    struct secret *s = secret_new(why);

    if (s == NULL)
        return PS_ENOMEM;
    for (size_t i = 0; i < 2 && err == 0; i++) {
        char file[16];
        snprintf(file, sizeof(file), "%s.key", names[i]);
        err = read_file(dir, s, names[i], old, why);
        /* An earlier attempt may have come as far as this file: then it is done. */
        if (err == PS_EPERM && lock != NULL && read_file(dir, s, names[i], lock->passphrase, NULL) == 0) {
            err = 0;
            continue;
        }
        if (err == 0) {
            snprintf(s->file.label, sizeof(s->file.label), "%s", station);
            err = replace(dir, s, file, lock, why);
        }
    }
    sodium_free(s);
    return err;
}

int ps_key_fresh_clip(int dir, const struct ps_keyfile_lock *lock, const char *station,
                      struct ps_pubkey *fresh, struct ps_why *why) {
    struct secret *s = secret_new(why);

    if (s == NULL)
        return PS_ENOMEM;
    make(s, "clip", station);
    memcpy(fresh->id, s->file.id, 8);
    memcpy(fresh->key, s->file.pub, 32);
    unlinkat(dir, PS_KEY_FRESH, 0); /* of an earlier attempt: never in use */
    int err = write_new(dir, s, PS_KEY_FRESH, lock, why);
    sodium_free(s);
    return err;
}

int ps_key_take_fresh(int dir, struct ps_why *why) {
    int old = openat(dir, "clip.key", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    int err = 0;

    if (renameat(dir, PS_KEY_FRESH, dir, "clip.key") != 0 || fsync(dir) != 0)
        err = ps_error_why(why, PS_EIO, "clip.key", "cannot be replaced: %s", strerror(errno));
    if (old >= 0) {
        if (err == 0)
            wipe(old);
        close(old);
    }
    return err;
}

/* ---- the merchant's root key ---- */

int ps_key_root_create(int dir, const struct ps_keyfile_lock *lock, const char *merchant,
                       struct ps_pubkey *pub, struct ps_why *why) {
    struct secret *s = secret_new(why);

    if (s == NULL)
        return PS_ENOMEM;
    make(s, "root", merchant);
    memcpy(pub->id, s->file.id, 8);
    memcpy(pub->key, s->file.pub, 32);
    int err = lock != NULL ? write_new(dir, s, "root.key", lock, why)
                           : ps_error_why(why, PS_EINVAL, "root.key", "is never kept without a passphrase");
    sodium_free(s);
    return err;
}

int ps_key_root_load(struct ps_key_root **out, const char *path, const struct ps_keyfile_passphrase *p,
                     struct ps_why *why) {
    struct ps_key_root *k = calloc(1, sizeof(*k));
    int err;

    *out = NULL;
    if (k == NULL || (k->secret = secret_new(why)) == NULL) {
        free(k);
        return ps_error_why(why, PS_ENOMEM, "root key", "no memory for it");
    }
    struct secret *s = k->secret;
    /* Its modes are not looked at: it is encrypted, and a USB stick may know none. */
    ssize_t n = ps_file_load(AT_FDCWD, path, s->line, sizeof(s->line));
    if (n < 0)
        err = ps_error_why(why, (int)n, path, "cannot be read: %s",
                           n == PS_ELIMIT ? "it is no key file" : strerror(errno));
    else
        err = ps_keyfile_decode(&s->file, s->line, (size_t)n, "root", p, path, why);
    if (err == 0 && s->file.label[0] == '\0')
        err = ps_error_why(why, PS_EFORMAT, path, "is no root key");
    if (err == 0) {
        crypto_sign_seed_keypair(k->pub.key, s->clip, s->file.seed);
        memcpy(k->pub.id, s->file.id, 8);
        snprintf(k->merchant, sizeof(k->merchant), "%s", s->file.label);
        if (memcmp(k->pub.key, s->file.pub, 32) != 0)
            err = ps_error_why(why, PS_EFORMAT, path, "its two halves do not belong together");
    }
    sodium_memzero(&s->file, sizeof(s->file));
    if (err != 0) {
        ps_key_root_free(k);
        return err;
    }
    sodium_mprotect_noaccess(s);
    *out = k;
    return 0;
}

void ps_key_root_free(struct ps_key_root *k) {
    if (k == NULL)
        return;
    sodium_free(k->secret);
    free(k);
}

const struct ps_pubkey *ps_key_root_public(const struct ps_key_root *k) {
    return &k->pub;
}

const char *ps_key_root_merchant(const struct ps_key_root *k) {
    return k->merchant;
}

int ps_key_root_sign(const struct ps_key_root *k, const void *p, size_t n, const char *comment,
                     struct ps_minisig *out) {
    return sign(k->secret, &k->pub, p, n, comment, out);
}

void ps_key_free(struct ps_key *k) {
    if (k == NULL)
        return;
    sodium_free(k->secret);
    free(k);
}

const struct ps_pubkey *ps_key_clip(const struct ps_key *k) {
    return &k->clip;
}

const uint8_t *ps_key_ledger(const struct ps_key *k) {
    return k->ledger.key;
}

int ps_key_locked(const struct ps_key *k) {
    return k->locked;
}

int ps_key_sign_clip(const struct ps_key *k, const void *p, size_t n, const char *comment,
                     struct ps_minisig *out) {
    return sign(k->secret, &k->clip, p, n, comment, out);
}

int ps_key_sign_checkpoint(const struct ps_key *k, const char *text, size_t n, uint8_t sig[64]) {
    if (n == 0)
        return PS_EINVAL;
    if (sodium_mprotect_readonly(k->secret) != 0)
        return PS_EIO;
    crypto_sign_detached(sig, NULL, (const unsigned char *)text, n, k->secret->ledger);
    sodium_mprotect_noaccess(k->secret);
    return 0;
}
