/* SPDX-License-Identifier: ISC */
#ifndef PS_EVIDENCE_NOTE_H
#define PS_EVIDENCE_NOTE_H
/*
 * Signed notes (C2SP signed-note) and checkpoints (C2SP tlog-checkpoint): docs/FORMAT.md section 13. Text, blank line,
 * then lines "— NAME BASE64(key id ‖ signature)". Making a signature is in signer/key.c alone.
 */
#include "evidence/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ps_buf;

#define PS_NOTE_NAME 128  /* bytes of a key name: no white space, no '+' */
#define PS_NOTE_MAX 65536 /* bytes of a note */
#define PS_NOTE_SIGNATURES 32

#define PS_NOTE_ED25519 0x01 /* key types of the specification */
#define PS_NOTE_COSIGNATURE 0x04

struct ps_vkey { /* a verifier key: NAME+HASH+BASE64(type ‖ public key) */
    char name[PS_NOTE_NAME + 1];
    uint8_t type;  /* PS_NOTE_ED25519 or PS_NOTE_COSIGNATURE */
    uint8_t id[4]; /* SHA-256(name ‖ '\n' ‖ type ‖ key)[:4] */
    uint8_t key[32];
};

struct ps_note_signature {
    char name[PS_NOTE_NAME + 1];
    uint8_t id[4];
    uint8_t sig[76]; /* 64, or 72 with a cosignature's time */
    size_t n;        /* as it came; what is longer than sig is of a kind that is not judged here */
};

struct ps_note {      /* borrows from the text that was parsed */
    const char *text; /* up to and with the line feed before the blank line */
    size_t text_len;
    unsigned n;
    struct ps_note_signature sigs[PS_NOTE_SIGNATURES];
};

/* PS_EFORMAT for a name that is none, PS_EVERSION for another type. */
int ps_note_vkey_make(struct ps_vkey *out, const char *name, uint8_t type, const uint8_t key[32]);
/* An optional line feed at the end. The HASH must be that of name, type and key. */
int ps_note_vkey_parse(struct ps_vkey *out, const char *line, size_t n);
void ps_note_vkey_write(struct ps_buf *b, const struct ps_vkey *k); /* without line feed */
/* Name, type and key are the same. */
bool ps_note_vkey_same(const struct ps_vkey *a, const struct ps_vkey *b);

/* At least one signature line; those of unknown kinds are kept by length and beginning alone. */
int ps_note_parse(struct ps_note *out, const void *p, size_t n);
/* 0 when a signature of this key over the text verifies; PS_ENOENT when it bears none; PS_ESIG when one fails.
 * *time gets a cosignature's time in seconds, the earliest of several (0 for plain signatures; NULL allowed).
 * Cosignature v1 signs "cosignature/v1\ntime N\n" ‖ text. */
int ps_note_verify(const struct ps_note *note, const struct ps_vkey *k, uint64_t *time);
/* The bytes that cosignature v1 signs. */
void ps_note_cosigned(struct ps_buf *b, const char *text, size_t n, uint64_t time);
/* One signature line, after the text and a blank line; of a key of type PS_NOTE_ED25519. */
void ps_note_append(struct ps_buf *b, const struct ps_vkey *k, const uint8_t sig[64]);
/* The same of a key of type PS_NOTE_COSIGNATURE. */
void ps_note_append_cosignature(struct ps_buf *b, const struct ps_vkey *k, uint64_t time,
                                const uint8_t sig[64]);

struct ps_checkpoint {
    char origin[PS_NOTE_NAME + 1];
    uint64_t size;
    uint8_t root[32];
};

/* The text alone: "origin\nsize\nbase64 root\n", further lines are extensions and are ignored. Strict decimal
 * below 2^63; the origin is a key name; a tree of no leaves has the digest of nothing. */
int ps_checkpoint_parse(struct ps_checkpoint *out, const char *text, size_t n);
void ps_checkpoint_write(struct ps_buf *b, const struct ps_checkpoint *c);
/* Parses a note, checks the origin's key (name = origin) and reads the text. The usual way in. PS_ENOENT when the
 * log has not signed, PS_ESIG when its signature fails or the origin is another. */
int ps_checkpoint_open(struct ps_checkpoint *out, const void *note, size_t n, const struct ps_vkey *log);
/* The bytes that a time-stamp token covers: text, blank line, and the log's own signature line (cosignatures excluded).
 * Checked as ps_checkpoint_open does. Two lines of the log's are PS_EFORMAT: there would be two answers. */
int ps_checkpoint_stamped(struct ps_buf *b, const void *note, size_t n, const struct ps_vkey *log);

#endif
