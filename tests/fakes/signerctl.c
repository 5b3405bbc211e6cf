/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * signerctl [-r] SOCKET: a recorder without cameras. Reads commands from standard input, says them to a signer,
 * and prints one line for each. With -r it outlives the signer: when the connection breaks it waits for the next
 * one and says the same again, as a recorder would.
 *
 *   status                      what STATUS says
 *   open CODE [TRACKS]          a new clip of 1 track or more; the salt follows from the code
 *   segment TRACK MS [late|preroll]  the track's next segment
 *   again TRACK                 its last one once more, byte for byte
 *   bad KIND                    a segment that is wrong: seq, start, digest, duration
 *   records | end | abort N     as the words
 *   seal [TWIST] | reseal       a statement of what was taken; the last statement again
 *   save PREFIX                 PREFIX.json, PREFIX.json.minisig and PREFIX.checkpoint of the last seal
 *   append TYPE SUBJECT TEXT [HEX]   a leaf: its digest is that of TEXT, or of the last statement when that is "-"
 *   load FILE NUMBER            take this statement for the next reseal
 *   raw HEX | fds N             a datagram as it is; a STATUS that carries N descriptors
 *   loose | unsealed            SEAL without a memfd; with one that is not sealed
 *   flood N                     N times SEAL of no clip, until that is too much
 *   sleep MS | reconnect
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "evidence/bytes.h"
#include "evidence/sha256.h"
#include "evidence/statement.h"
#include "evidence/wire.h"

#define MOST 512 /* records of one track in a test */

static struct {
    uint32_t n, late_n;
    uint64_t ticks, frames;
    uint8_t records[MOST][PS_RECORD_SIZE];
    uint8_t late[MOST]; /* enum ps_wire_late */
    uint8_t head[32];
} tracks[PS_MAX_TRACKS];

static struct ps_opening opening;
static struct ps_wire_opened opened;
static struct ps_wire_status last_status;
static struct ps_wire_sealed sealed;
static uint8_t *statement;
static size_t statement_n;
static uint64_t statement_clip;

static const char *socket_path;
static int sock = -1;
static bool outlive;

static _Noreturn void die(const char *what) {
    fprintf(stderr, "signerctl: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void nap(int64_t ms) {
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

static void dial(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (sock >= 0)
        close(sock);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
    for (int tries = 0; tries < 600; tries++) {
        sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (sock >= 0 && connect(sock, (struct sockaddr *)&a, sizeof(a)) == 0)
            return;
        close(sock);
        sock = -1;
        nap(50);
    }
    die("connect");
}

/* ---- one exchange ----------------------------------------------------------------------------------- */

static uint8_t reply[PS_MAX_WIRE];
static const uint8_t *body;
static size_t body_n;

static bool exchange(const void *p, size_t n, const int *fds, int n_fds) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int) * 16)];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        h.msg_control = control.room;
        h.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)n_fds);
    }
    if (sendmsg(sock, &h, MSG_NOSIGNAL) != (ssize_t)n)
        return false;
    ssize_t k = recv(sock, reply, sizeof(reply), 0);
    if (k <= 0)
        return false;
    body_n = (size_t)k;
    return true;
}

/* The word of the reply; 0 when the signer hung up. */
static int ask(const void *p, size_t n, const int *fds, int n_fds) {
    while (!exchange(p, n, fds, n_fds)) {
        if (!outlive)
            return 0;
        dial();
    }
    return ps_wire_word(reply, body_n, &body, &body_n);
}

static int ask_buf(struct ps_buf *b, int fd) {
    if (b->err != 0)
        die("the request is too long");
    int word = ask(b->p, b->n, &fd, fd >= 0);
    ps_buf_free(b);
    return word;
}

static const char *reason_name(uint8_t r) {
    static const char *const names[] = {"?",     "FORMAT",    "PEER", "STATE", "SEQUENCE",
                                        "AHEAD", "STATEMENT", "RATE", "DISK"};
    return names[r < sizeof(names) / sizeof(names[0]) ? r : 0];
}

/* Prints ACK, a refusal, or that the connection ended. True when the word is the wanted one. */
static bool expect(int word, int wanted) {
    struct ps_wire_refused no;

    if (word == wanted) {
        if (word == PS_WIRE_ACK)
            puts("ACK");
        return true;
    }
    if (word == PS_WIRE_REFUSED && ps_wire_get_refused(body, body_n, &no) == 0)
        printf("REFUSED %s %s\n", reason_name(no.reason), no.text);
    else
        puts(word == 0 ? "HUNG-UP" : "UNEXPECTED");
    return false;
}

static void buf(struct ps_buf *b) {
    ps_buf_init(b, PS_MAX_WIRE);
}

static void print_hex(const char *label, const void *p, size_t n) {
    printf(" %s=", label);
    for (size_t i = 0; i < n; i++)
        printf("%02x", ((const uint8_t *)p)[i]);
}

/* ---- words -------------------------------------------------------------------------------------------- */

static bool get_status(void) {
    struct ps_buf b;

    buf(&b);
    ps_wire_put_simple(&b, PS_WIRE_STATUS);
    return expect(ask_buf(&b, -1), PS_WIRE_STATUS_IS) &&
           ps_wire_get_status_is(body, body_n, &last_status) == 0;
}

static void do_status(void) {
    if (!get_status())
        return;
    printf("STATUS station=%s leaves=%" PRIu64 " confined=%u", last_status.station, last_status.leaves,
           last_status.confined);
    print_hex("root", last_status.root, 32);
    print_hex("exe", last_status.signer_sha256, 32);
    for (int i = 0; i < last_status.n_pending; i++) {
        const struct ps_wire_pending *p = &last_status.pending[i];
        printf(" clip=%" PRIu64 ":%s:%s:%u:%u", p->clip, p->ended ? "ended" : "open",
               p->same_boot ? "same" : "other", p->records, p->late);
    }
    puts("");
}

static void do_open(const char *code, int n_tracks) {
    struct ps_buf b, o;
    uint8_t digest[32];

    if (last_status.station[0] == '\0' && !get_status())
        return;
    memset(&opening, 0, sizeof(opening));
    memset(tracks, 0, sizeof(tracks));
    ps_sha256(digest, code, strlen(code));
    memcpy(opening.salt, digest, sizeof(opening.salt));
    memcpy(opening.station, last_status.station, sizeof(opening.station));
    opening.kind = PS_KIND_PACK;
    opening.n_codes = 1;
    /* All before a '#' is the code: "SF1#2" is another opening of SF1. */
    snprintf(opening.codes[0].value, sizeof(opening.codes[0].value), "%.*s", (int)strcspn(code, "#"), code);
    snprintf(opening.codes[0].raw, sizeof(opening.codes[0].raw), "%.*s", (int)strcspn(code, "#"), code);
    opening.codes[0].entry = PS_ENTRY_API;
    opening.n_tracks = (uint16_t)n_tracks;
    for (int i = 0; i < n_tracks; i++)
        snprintf(opening.tracks[i], sizeof(opening.tracks[i]), "cam%d", i);
    ps_buf_init(&o, PS_MAX_OPENING);
    ps_opening_encode(&opening, &o);
    buf(&b);
    ps_wire_put_open(&b, o.p, o.n);
    ps_buf_free(&o);
    if (!expect(ask_buf(&b, -1), PS_WIRE_OPENED) || ps_wire_get_opened(body, body_n, &opened) != 0)
        return;
    for (int i = 0; i < PS_MAX_TRACKS; i++)
        ps_leaf_hash(tracks[i].head, opened.leaf, opened.leaf_len);
    printf("OPENED clip=%" PRIu64 " take=%u", opened.clip, opened.take);
    print_hex("leaf", opened.leaf, opened.leaf_len);
    puts("");
}

static struct ps_record next_record(int track, uint64_t ms) {
    struct ps_record r = {.track = (uint32_t)track,
                          .seq = tracks[track].n,
                          .start = tracks[track].ticks,
                          .duration = ms * 90,
                          .frames = 30,
                          .bytes = 4000};
    char text[64];

    int n = snprintf(text, sizeof(text), "clip %" PRIu64 " track %d segment %u", opened.clip, track, r.seq);
    ps_sha256(r.samples, text, (size_t)n);
    ps_sha256(r.timing, text, 4);
    ps_sha256(r.avcc, "avcc", 4);
    return r;
}

static int say_record(const struct ps_record *r, uint8_t late) {
    struct ps_wire_segment s = {.clip = opened.clip, .late = late};
    struct ps_buf b;

    ps_record_encode(r, s.record);
    buf(&b);
    ps_wire_put_segment(&b, &s);
    return ask_buf(&b, -1);
}

static void do_segment(int track, uint64_t ms, uint8_t late) {
    struct ps_record r = next_record(track, ms);

    if (tracks[track].n == MOST || !expect(say_record(&r, late), PS_WIRE_ACK))
        return;
    uint8_t *p = tracks[track].records[r.seq];
    ps_record_encode(&r, p);
    ps_record_chain(tracks[track].head, p);
    tracks[track].late[r.seq] = late;
    tracks[track].late_n += late != PS_WIRE_WITNESSED;
    tracks[track].n++;
    tracks[track].ticks += r.duration;
    tracks[track].frames += r.frames;
}

static void do_again(int track) {
    struct ps_record r;

    ps_record_decode(&r, tracks[track].records[tracks[track].n - 1]);
    expect(say_record(&r, tracks[track].late[r.seq]), PS_WIRE_ACK);
}

static void do_bad(const char *kind) {
    struct ps_record r = next_record(0, 100), before;

    if (strcmp(kind, "seq") == 0)
        r.seq++;
    if (strcmp(kind, "start") == 0)
        r.start++;
    if (strcmp(kind, "duration") == 0)
        r.duration = PS_MAX_SEGMENT_TICKS + 1;
    if (strcmp(kind, "digest") == 0) {
        ps_record_decode(&before, tracks[0].records[0]);
        memcpy(r.samples, before.samples, 32);
    }
    expect(say_record(&r, false), PS_WIRE_ACK);
}

static void do_records(void) {
    static struct ps_wire_records r;
    uint32_t n = 0, late = 0;

    do {
        struct ps_buf b;
        buf(&b);
        ps_wire_put_records_from(&b, opened.clip, n);
        if (!expect(ask_buf(&b, -1), PS_WIRE_RECORDS_ARE) || ps_wire_get_records(body, body_n, &r) != 0)
            return;
        for (uint32_t i = 0; i < r.n; i++)
            late += r.r[i].late != PS_WIRE_WITNESSED;
        n += r.n;
    } while (r.n > 0);
    printf("RECORDS n=%u late=%u\n", n, late);
}

static void do_clip(uint8_t word, uint8_t reason) {
    struct ps_buf b;

    buf(&b);
    if (word == PS_WIRE_END)
        ps_wire_put_clip(&b, word, opened.clip);
    else
        ps_wire_put_abort(&b, opened.clip, reason);
    expect(ask_buf(&b, -1), PS_WIRE_ACK);
}

/* ---- statements ---------------------------------------------------------------------------------------- */

static struct ps_time now(void) {
    struct timespec wall, boot;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (struct ps_time){.wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec,
                            .boot_ns = (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec,
                            .clock = PS_CLOCK_UNSYNCED};
}

static struct ps_range late_ranges[PS_MAX_TRACKS][MOST];
static struct ps_range lost_ranges[PS_MAX_TRACKS];

static void fill_track(struct ps_track *t, int i, const struct ps_time *first) {
    snprintf(t->camera, sizeof(t->camera), "cam%d", i);
    snprintf(t->file.name, sizeof(t->file.name), "cam%d.mp4", i);
    snprintf(t->codec, sizeof(t->codec), "avc1.64001F");
    t->file.size = 1000;
    t->width = 640;
    t->height = 480;
    t->first = *first;
    t->counts = (struct ps_counts){.captured = tracks[i].frames, .encoded = tracks[i].frames};
    t->n_records = tracks[i].n;
    t->records = tracks[i].records;
    memcpy(t->head, tracks[i].head, 32);
    t->unwitnessed = late_ranges[i];
    for (uint32_t k = 0; k < tracks[i].n; k++) {
        t->n_preroll += tracks[i].late[k] == PS_WIRE_PREROLL;
        if (!tracks[i].late[k])
            continue;
        if (k > 0 && tracks[i].late[k - 1])
            t->unwitnessed[t->n_unwitnessed - 1].last = k;
        else
            t->unwitnessed[t->n_unwitnessed++] = (struct ps_range){k, k};
    }
}

/* Recomputes what the parser recomputes, so that only the signer's own rule is left to refuse it. */
static void refit(struct ps_track *t) {
    uint64_t ticks = 0, frames = 0;

    ps_leaf_hash(t->head, opened.leaf, opened.leaf_len);
    for (uint32_t k = 0; k < t->n_records; k++) {
        struct ps_record r;
        ps_record_decode(&r, t->records[k]);
        r.start = ticks;
        ps_record_encode(&r, t->records[k]);
        ticks += r.duration;
        frames += r.frames;
        ps_record_chain(t->head, t->records[k]);
    }
    t->counts.captured = t->counts.encoded = frames;
}

static void twist(struct ps_clip *c, const char *how) {
    struct ps_track *t = &c->tracks[0];
    struct ps_record r;

    if (strcmp(how, "other-words") == 0) {
        snprintf(c->software, sizeof(c->software), "PackSeal 9.9.9");
    } else if (strcmp(how, "station") == 0) {
        snprintf(c->opening.station, sizeof(c->opening.station), "XX99");
    } else if (strcmp(how, "key") == 0) {
        c->key.key[0] ^= 1;
    } else if (strcmp(how, "exe") == 0) {
        c->signer_sha256[0] ^= 1;
    } else if (strcmp(how, "future") == 0) {
        c->ended.boot_ns += (int64_t)60 * 1000000000;
    } else if (strcmp(how, "backwards") == 0) {
        c->ended.boot_ns = c->started.boot_ns - 1000000000;
    } else if (strcmp(how, "cut") == 0) {
        t->n_records--;
        refit(t);
    } else if (strcmp(how, "extra") == 0) {
        struct ps_record more = next_record(0, 500);
        ps_record_encode(&more, t->records[t->n_records++]);
        refit(t);
    } else if (strcmp(how, "forged") == 0) {
        ps_record_decode(&r, t->records[0]);
        r.samples[0] ^= 1;
        ps_record_encode(&r, t->records[0]);
        refit(t);
    } else if (strcmp(how, "upgraded") == 0) {
        t->n_unwitnessed = 0;
    } else if (strcmp(how, "downgraded") == 0) {
        t->n_unwitnessed = 1;
        t->unwitnessed[0] = (struct ps_range){0, t->n_records - 1};
    } else if (strcmp(how, "less-preroll") == 0) {
        t->n_preroll--;
    } else if (strcmp(how, "more-preroll") == 0) {
        t->n_preroll++;
    } else if (strcmp(how, "lost") == 0) {
        t->n_lost = 1;
        t->lost = lost_ranges;
        t->lost[0] = (struct ps_range){t->n_records - 1, t->n_records - 1};
    } else if (how[0] != '\0') {
        die("no such twist");
    }
}

static void make_statement(const char *how) {
    static uint8_t saved[MOST][PS_RECORD_SIZE];
    struct ps_clip *c = calloc(1, sizeof(*c));
    struct ps_buf b;

    if (c == NULL || (c->tracks = calloc(PS_MAX_TRACKS, sizeof(*c->tracks))) == NULL)
        die("memory");
    memcpy(saved, tracks[0].records, sizeof(saved));
    c->opening = opening;
    c->started = c->ended = now();
    c->started.boot_ns -= 1000000;
    c->opening.codes[0].wall_ns = c->started.wall_ns;
    c->number = opened.clip;
    c->take = opened.take;
    memcpy(c->open_leaf, opened.leaf, opened.leaf_len);
    c->open_leaf_len = opened.leaf_len;
    snprintf(c->station_name, sizeof(c->station_name), "打包台");
    c->end_reason = PS_END_STOP;
    c->label = PS_LABEL_NOT_CHECKED;
    c->n_tracks = opening.n_tracks;
    for (int i = 0; i < c->n_tracks; i++)
        fill_track(&c->tracks[i], i, &c->started);
    snprintf(c->software, sizeof(c->software), "PackSeal 0.1.0");
    memcpy(c->signer_sha256, last_status.signer_sha256, 32);
    c->key = last_status.key;
    memcpy(c->ledger_key, last_status.ledger_key, 32);
    twist(c, how);
    ps_buf_init(&b, PS_MAX_STATEMENT);
    ps_statement_write(c, &b);
    if (b.err != 0)
        die(ps_error_text(b.err));
    free(statement);
    statement = b.p; /* transferred */
    statement_n = b.n;
    statement_clip = opened.clip;
    memcpy(tracks[0].records, saved, sizeof(saved));
    free(c->tracks);
    free(c);
}

static int memfd_of(const void *p, size_t n, bool closed) {
    int fd = memfd_create("statement", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || write(fd, p, n) != (ssize_t)n)
        die("memfd");
    if (closed && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        die("seals");
    return fd;
}

static void do_reseal(bool closed) {
    uint8_t digest[32];
    struct ps_buf b;
    int fd = memfd_of(statement, statement_n, closed);

    buf(&b);
    ps_wire_put_seal(&b, statement_clip, (uint32_t)statement_n);
    int word = ask_buf(&b, fd);
    close(fd);
    if (!expect(word, PS_WIRE_SEALED) || ps_wire_get_sealed(body, body_n, &sealed) != 0)
        return;
    ps_sha256(digest, statement, statement_n);
    printf("SEALED clip=%" PRIu64, statement_clip);
    print_hex("leaf", sealed.leaf, sealed.leaf_len);
    print_hex("statement", digest, 32);
    ps_sha256(digest, sealed.sig, sealed.sig_len);
    print_hex("signature", digest, 32);
    ps_sha256(digest, sealed.note, sealed.note_len);
    print_hex("checkpoint", digest, 32);
    puts("");
}

static void put_file(const char *prefix, const char *suffix, const void *p, size_t n) {
    char name[512];

    snprintf(name, sizeof(name), "%s%s", prefix, suffix);
    FILE *f = fopen(name, "wb");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        die(name);
}

static void do_load(const char *file, uint64_t clip) {
    FILE *f = fopen(file, "rb");

    statement = realloc(statement, PS_MAX_STATEMENT);
    if (f == NULL || statement == NULL)
        die(file);
    statement_n = fread(statement, 1, PS_MAX_STATEMENT, f);
    fclose(f);
    statement_clip = clip;
    puts("LOADED");
}

static void do_append(const char *type, const char *subject, const char *text, const char *hex) {
    struct ps_wire_append a = {.type = (uint8_t)strtoul(type, NULL, 10),
                               .subject = strtoull(subject, NULL, 10)};
    struct ps_wire_appended done;
    struct ps_buf b;

    if (strcmp(text, "-") == 0)
        ps_sha256(a.digest, statement, statement_n);
    else if (strcmp(text, "0") != 0)
        ps_sha256(a.digest, text, strlen(text));
    a.extra_len = (uint16_t)(strlen(hex) / 2);
    if (ps_bytes_unhex(a.extra, a.extra_len, hex, strlen(hex)) != 0)
        die("append takes hexadecimal digits");
    buf(&b);
    ps_wire_put_append(&b, &a);
    if (!expect(ask_buf(&b, -1), PS_WIRE_APPENDED) || ps_wire_get_appended(body, body_n, &done) != 0)
        return;
    printf("APPENDED index=%" PRIu64, done.index);
    print_hex("leaf", done.leaf, done.leaf_len);
    puts("");
}

/* ---- what no recorder does ------------------------------------------------------------------------------- */

static void do_raw(const char *hex) {
    uint8_t bytes[PS_MAX_WIRE + 64];
    size_t n = strlen(hex) / 2;

    if (n > sizeof(bytes) || ps_bytes_unhex(bytes, n, hex, 2 * n) != 0)
        die("raw takes hexadecimal digits");
    expect(ask(bytes, n, NULL, 0), PS_WIRE_ACK);
}

static void do_fds(int n) {
    struct ps_buf b;
    int fds[16];

    buf(&b);
    ps_wire_put_simple(&b, PS_WIRE_STATUS);
    for (int i = 0; i < n; i++)
        fds[i] = 0;
    expect(ask(b.p, b.n, fds, n), PS_WIRE_ACK);
    ps_buf_free(&b);
}

static void do_loose(void) {
    struct ps_buf b;

    buf(&b);
    ps_wire_put_seal(&b, opened.clip, 100);
    expect(ask_buf(&b, -1), PS_WIRE_SEALED);
}

static void do_flood(int n) {
    int fd = memfd_of("x", 1, true), i = 0;
    struct ps_wire_refused no = {0};

    for (; i < n && no.reason != PS_REFUSED_RATE; i++) {
        struct ps_buf b;
        buf(&b);
        ps_wire_put_seal(&b, (uint64_t)1 << 40, 1);
        if (ask_buf(&b, fd) != PS_WIRE_REFUSED || ps_wire_get_refused(body, body_n, &no) != 0 ||
            (no.reason != PS_REFUSED_STATE && no.reason != PS_REFUSED_RATE))
            die(no.text[0] != 0 ? no.text : "flood");
    }
    close(fd);
    printf("FLOOD %s\n", no.reason == PS_REFUSED_RATE ? "refused" : "taken");
}

/* ---- commands ---------------------------------------------------------------------------------------------- */

static bool do_test_word(const char *word, const char *a) {
    if (strcmp(word, "raw") == 0)
        do_raw(a);
    else if (strcmp(word, "fds") == 0)
        do_fds((int)strtol(a, NULL, 10));
    else if (strcmp(word, "loose") == 0)
        do_loose();
    else if (strcmp(word, "flood") == 0)
        do_flood((int)strtol(a, NULL, 10));
    else if (strcmp(word, "bad") == 0)
        do_bad(a);
    else if (strcmp(word, "sleep") == 0)
        nap(strtol(a, NULL, 10));
    else if (strcmp(word, "reconnect") == 0)
        dial();
    else
        return false;
    return true;
}

static bool do_file_word(const char *word, const char *a, const char *b) {
    if (strcmp(word, "save") == 0) {
        put_file(a, ".json", statement, statement_n);
        put_file(a, ".json.minisig", sealed.sig, sealed.sig_len);
        put_file(a, ".checkpoint", sealed.note, sealed.note_len);
    } else if (strcmp(word, "load") == 0) {
        do_load(a, strtoull(b, NULL, 10));
    } else {
        return false;
    }
    return true;
}

static void command(const char *word, const char *a, const char *b, const char *c, const char *d) {
    if (strcmp(word, "append") == 0) {
        do_append(a, b, c, d);
        return;
    }
    if (strcmp(word, "status") == 0) {
        do_status();
    } else if (strcmp(word, "open") == 0) {
        do_open(a, b[0] == '\0' ? 1 : (int)strtol(b, NULL, 10));
    } else if (strcmp(word, "segment") == 0) {
        do_segment((int)strtol(a, NULL, 10), strtoull(b, NULL, 10),
                   strcmp(c, "late") == 0      ? PS_WIRE_LATE
                   : strcmp(c, "preroll") == 0 ? PS_WIRE_PREROLL
                                               : PS_WIRE_WITNESSED);
    } else if (strcmp(word, "again") == 0) {
        do_again((int)strtol(a, NULL, 10));
    } else if (strcmp(word, "records") == 0) {
        do_records();
    } else if (strcmp(word, "end") == 0) {
        do_clip(PS_WIRE_END, 0);
    } else if (strcmp(word, "abort") == 0) {
        do_clip(PS_WIRE_ABORT, (uint8_t)strtol(a, NULL, 10));
    } else if (strcmp(word, "seal") == 0 || strcmp(word, "unsealed") == 0) {
        if (last_status.station[0] != '\0' || get_status()) {
            make_statement(a);
            do_reseal(word[0] == 's');
        }
    } else if (strcmp(word, "reseal") == 0) {
        do_reseal(true);
    } else if (!do_file_word(word, a, b) && !do_test_word(word, a)) {
        fprintf(stderr, "signerctl: %s: no such command\n", word);
        exit(2);
    }
}

int main(int argc, char **argv) {
    char line[32768];

    outlive = argc == 3 && strcmp(argv[1], "-r") == 0;
    if (argc != 2 + outlive) {
        fputs("usage: signerctl [-r] SOCKET <COMMANDS\n", stderr);
        return 2;
    }
    socket_path = argv[argc - 1];
    setvbuf(stdout, NULL, _IOLBF, 0);
    dial();
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *words[5] = {0}, *rest = line;
        int n = 0;
        line[strcspn(line, "\n")] = '\0';
        while (n < 5 && (words[n] = strsep(&rest, " ")) != NULL)
            n++;
        for (; n < 5; n++)
            words[n] = line + strlen(line);
        if (words[0][0] != '\0' && words[0][0] != '#')
            command(words[0], words[1], words[2], words[3], words[4]);
    }
    free(statement);
    return 0;
}
