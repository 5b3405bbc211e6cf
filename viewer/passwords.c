/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "viewer/passwords.h"
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

_Static_assert(PS_VIEWER_DB_HASH >= crypto_pwhash_STRBYTES, "the database keeps the whole string");

#define AT_ONCE 2
#define WAITING 4 /* each holds one of the workers */
#define OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define MEM crypto_pwhash_MEMLIMIT_INTERACTIVE

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static unsigned running, waiting;
static char nobody[PS_VIEWER_DB_HASH]; /* of a password that nobody knows */

static bool enter(void) {
    pthread_mutex_lock(&lock);
    bool in = waiting < WAITING;
    waiting += in;
    while (in && running >= AT_ONCE)
        pthread_cond_wait(&left, &lock);
    waiting -= in;
    running += in;
    pthread_mutex_unlock(&lock);
    return in;
}

static void leave(void) {
    pthread_mutex_lock(&lock);
    running--;
    pthread_cond_signal(&left);
    pthread_mutex_unlock(&lock);
}

int ps_passwords_init(void) {
    char secret[33];
    unsigned char raw[16];
    randombytes_buf(raw, sizeof(raw));
    sodium_bin2hex(secret, sizeof(secret), raw, sizeof(raw));
    return ps_passwords_hash(secret, nobody);
}

const char *ps_passwords_weak(const char *name, const char *password) {
    static const char *const common[] = {"1234567890",  "0123456789",    "0987654321", "12345678910",
                                         "password123", "password1234",  "qwertyuiop", "1q2w3e4r5t",
                                         "packseal123", "administrator", "admin12345", "admin123456",
                                         "11223344556", "woaini1314520"};
    size_t n = strlen(password), characters = 0, name_n = strlen(name);
    bool varied = false;
    for (size_t i = 0; i < n; i++) {
        characters += ((unsigned char)password[i] & 0xC0) != 0x80;
        varied |= password[i] != password[0];
    }
    if (characters < PS_PASSWORDS_LEAST)
        return "at least 10 characters";
    if (n > PS_PASSWORDS_MOST)
        return "at most 256 bytes";
    if (!varied)
        return "more than one character again and again";
    for (const char *p = password; name_n > 0 && (p = strcasestr(p, name)) != NULL; p += name_n)
        n -= name_n;
    if (n < 6 && n < strlen(password))
        return "something else than the name";
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (strcasecmp(password, common[i]) == 0)
            return "none of those that everybody tries first";
    return NULL;
}

int ps_passwords_hash(const char *password, char out[PS_VIEWER_DB_HASH]) {
    if (!enter())
        return PS_EBUSY;
    memset(out, 0, PS_VIEWER_DB_HASH);
    int rc = crypto_pwhash_str(out, password, strlen(password), OPS, MEM) == 0 ? 0 : PS_ENOMEM;
    leave();
    return rc;
}

int ps_passwords_check(const char *hash, const char *password) {
    if (!enter())
        return PS_EBUSY;
    bool is = crypto_pwhash_str_verify(hash != NULL ? hash : nobody, password, strlen(password)) == 0;
    leave();
    return is && hash != NULL ? 0 : PS_EPERM;
}
