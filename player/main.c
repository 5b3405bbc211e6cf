/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-player: what the packer hears. Reads the recorder's events, sounds their tones and says their words.
 */
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/root.h"
#include "player/card.h"
#include "player/choice.h"
#include "player/sound.h"
#include "player/stream.h"

#define MS INT64_C(1000000)
#define STREAM_BACK_OFF_NS (200 * MS)
#define STREAM_BACK_OFF_MAX_NS (5000 * MS)
#define CARD_BACK_OFF_NS (1000 * MS)
#define CARD_BACK_OFF_MAX_NS (30000 * MS)
#define CARD_IDLE_NS (5000 * MS) /* open so long after the last sound: the next is faster by an opening */
#define FOLDERS PS_SOUND_FOLDERS

struct retry {
    int64_t next_ns, back_off_ns;
    bool said; /* that it is away */
};

struct player {
    const char *lang; /* "zh-CN", "en", or "none" */
    bool trace;
    char socket[PS_ROOT_PATH];
    struct ps_sounds *sounds;
    struct ps_card *card;
    struct ps_choice choice;
    struct ps_stream stream;
    struct retry to_card, to_recorder;
    int64_t quiet_since_ns;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig) {
    (void)sig;
    stop = 1;
}

static int64_t mono_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void say(const char *what, const char *where, const char *todo) {
    fprintf(stderr, "packseal-player: %s: %s: %s\n", what, where, todo);
}

/* Once, until it is there again. */
static void failed(struct retry *r, int64_t now, int64_t first_ns, int64_t most_ns, const struct ps_why *why,
                   const char *todo) {
    if (!r->said)
        say(why->text, why->where, todo);
    r->said = true;
    r->back_off_ns = r->back_off_ns == 0            ? first_ns
                     : 2 * r->back_off_ns < most_ns ? 2 * r->back_off_ns
                                                    : most_ns;
    r->next_ns = now + r->back_off_ns;
}

static void came(struct retry *r, const char *what, const char *where) {
    if (r->said)
        fprintf(stderr, "packseal-player: %s: %s\n", what, where);
    *r = (struct retry){0};
}

static void card_failed(struct player *p, const struct ps_why *why) {
    p->choice = (struct ps_choice){0}; /* it is all stale when there is a card again */
    failed(&p->to_card, mono_ns(), CARD_BACK_OFF_NS, CARD_BACK_OFF_MAX_NS, why,
           "plug one in, or name another with --device; it is waited for");
}

static bool card_ready(struct player *p) {
    struct ps_why why = {{0}, {0}};

    if (ps_card_is_open(p->card))
        return true;
    if (mono_ns() < p->to_card.next_ns)
        return false;
    if (ps_card_open(p->card, &why) < 0) {
        card_failed(p, &why);
        return false;
    }
    came(&p->to_card, "there is a sound card", "it plays");
    p->quiet_since_ns = mono_ns();
    return true;
}

/* One line of JSON for measurements: when the first samples were at the card. */
static void trace(const struct ps_choice_sound *s) {
    printf("{\"seq\":%llu,\"tone\":\"%s\",\"say\":\"%s\",\"event_mono_ns\":%lld,\"card_mono_ns\":%lld}\n",
           (unsigned long long)s->seq, s->tone ? s->tone->name : "", s->word ? s->word->name : "",
           (long long)s->mono_ns, (long long)mono_ns());
    fflush(stdout);
}

static void play(struct player *p) {
    struct ps_why why = {{0}, {0}};

    if (!card_ready(p)) {
        p->choice = (struct ps_choice){0};
        return;
    }
    if (ps_card_play(p->card, p->choice.now.tone, p->choice.now.word, &why) < 0)
        card_failed(p, &why);
    else if (p->trace)
        trace(&p->choice.now);
}

static const struct ps_sound *sound(struct player *p, const char *kind, const char *stem) {
    struct ps_why why = {{0}, {0}};
    const struct ps_sound *s =
        stem[0] && strcmp(kind, "none") != 0 ? ps_sound_get(p->sounds, kind, stem, &why) : NULL;

    if (why.text[0])
        say(why.text, why.where, "another file of this name is played, if there is one: replace it");
    return s;
}

static void on_event(struct player *p, const struct ps_stream_event *e) {
    struct ps_choice_sound s = {.tone = sound(p, "tones", e->tone),
                                .word = sound(p, p->lang, e->say),
                                .alarm = strcmp(e->tone, "alarm") == 0,
                                .seq = e->seq,
                                .mono_ns = e->mono_ns};

    if (ps_choice_come(&p->choice, &s, mono_ns()))
        play(p);
}

static void go_on(struct player *p) {
    struct ps_why why = {{0}, {0}};
    int r = p->choice.sounding ? ps_card_go_on(p->card, &why) : 0;

    if (r < 0) {
        card_failed(p, &why);
    } else if (p->choice.sounding && r == 0) {
        p->quiet_since_ns = mono_ns();
        if (ps_choice_ended(&p->choice, mono_ns()))
            play(p);
    } else if (ps_card_is_open(p->card) && r == 0 && mono_ns() - p->quiet_since_ns > CARD_IDLE_NS) {
        ps_card_shut(p->card);
    }
}

static void recorder_failed(struct player *p, const struct ps_why *why) {
    failed(&p->to_recorder, mono_ns(), STREAM_BACK_OFF_NS, STREAM_BACK_OFF_MAX_NS, why,
           "it is waited for: packseal status tells more");
}

static void listen_to(struct player *p) {
    struct ps_why why = {{0}, {0}};
    struct ps_stream_event e;
    int r;

    if (p->stream.fd < 0) {
        if (mono_ns() < p->to_recorder.next_ns)
            return;
        if (ps_stream_connect(&p->stream, p->socket, &why) < 0)
            recorder_failed(p, &why);
        return;
    }
    if (ps_stream_fill(&p->stream, &why) < 0) {
        recorder_failed(p, &why);
        return;
    }
    while ((r = ps_stream_next(&p->stream, &e, &why)) == 1) {
        came(&p->to_recorder, "the recorder is there", p->socket);
        on_event(p, &e);
    }
    if (r < 0)
        recorder_failed(p, &why);
}

/* What is due first: samples, the recorder, the end of an opening. A card is looked for only when something is to be heard. */
static int patience_ms(const struct player *p) {
    int64_t now = mono_ns(), until = now + 60000 * MS;
    int ms = ps_card_wait_ms(p->card);

    if (p->choice.sounding && ms >= 0)
        return ms;
    if (p->stream.fd < 0 && p->to_recorder.next_ns < until)
        until = p->to_recorder.next_ns;
    if (ps_card_is_open(p->card) && p->quiet_since_ns + CARD_IDLE_NS < until)
        until = p->quiet_since_ns + CARD_IDLE_NS;
    return until <= now ? 0 : (int)((until - now) / MS + 1);
}

static void run(struct player *p, const sigset_t *waiting) {
    card_ready(p); /* that there is none is said now, and not with the first parcel */
    while (!stop) {
        struct pollfd s = {.fd = p->stream.fd, .events = POLLIN};
        int ms = patience_ms(p);
        struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS};
        int got = ppoll(&s, 1, &t, waiting);
        if (p->stream.fd < 0 || got > 0)
            listen_to(p);
        go_on(p);
    }
}

/* ROOT/sounds, /etc/packseal/sounds, what was installed beside this program, what was built beside it. */
static int open_sounds(struct player *p, const char *given, const char *root) {
    static char folder[FOLDERS][PATH_MAX + 32];
    const char *list[FOLDERS] = {folder[0], folder[1], folder[2], folder[3]};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    if (given)
        return ps_sound_open(&p->sounds, &given, 1);
    snprintf(folder[0], sizeof folder[0], "%s/sounds", root);
    snprintf(folder[1], sizeof folder[1], "/etc/packseal/sounds");
    snprintf(folder[2], sizeof folder[2], "%s/../../share/packseal/sounds", self);
    snprintf(folder[3], sizeof folder[3], "%s/sounds", self);
    return ps_sound_open(&p->sounds, list, FOLDERS);
}

static void usage(FILE *to) {
    fputs("usage: packseal-player [--root DIR | --socket PATH] [--lang zh-CN|en|none] [--device NAME] "
          "[--sounds DIR]\n"
          "Sounds what happens at the packing station.\n"
          "  --root DIR     the station's root (else $PACKSEAL_ROOT, else " PS_ROOT_DEFAULT ")\n"
          "  --socket PATH  its control socket, where the root is not to be seen\n"
          "  --lang LANG    of the words; none: tones alone (else $PACKSEAL_LANG, else zh-CN)\n"
          "  --device NAME  of ALSA (else $PACKSEAL_SOUND_DEVICE, else default)\n"
          "  --sounds DIR   only this folder with tones/, zh-CN/, en/\n"
          "  --trace        a line of JSON for each sound, when it begins\n"
          "  --help, --version\n"
          "Started by systemd or by hand; see packseal-player(8).\n",
          to);
}

static void take_signals(sigset_t *waiting) {
    struct sigaction a = {.sa_handler = on_signal};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, waiting); /* they come while it waits, so none is missed */
    sigdelset(waiting, SIGTERM);
    sigdelset(waiting, SIGINT);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static const char *or_environment(const char *given, const char *name, const char *usual) {
    const char *v = given ? given : getenv(name);

    return v && *v ? v : usual;
}

struct options {
    const char *root, *socket, *lang, *device, *sounds;
    bool trace;
};

/* 0: go on; else the exit status and one. */
static int parse(int argc, char **argv, struct options *o) {
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'},
        {"socket", required_argument, NULL, 's'},
        {"lang", required_argument, NULL, 'l'},
        {"device", required_argument, NULL, 'd'},
        {"sounds", required_argument, NULL, 'f'},
        {"trace", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'r': o->root = optarg; break;
        case 's': o->socket = optarg; break;
        case 'l': o->lang = optarg; break;
        case 'd': o->device = optarg; break;
        case 'f': o->sounds = optarg; break;
        case 't': o->trace = true; break;
        case 'h': usage(stdout); return 1;
        case 'v': puts("packseal-player " PS_VERSION); return 1;
        default: usage(stderr); return 3;
        }
    if (optind == argc)
        return 0;
    usage(stderr);
    return 3;
}

static int fail(const char *what, const char *where, const char *todo) {
    say(what, where, todo);
    return 2;
}

int main(int argc, char **argv) {
    static struct player p;
    struct options o = {0};
    char root[PS_ROOT_PATH];
    struct ps_why why = {{0}, {0}};
    sigset_t waiting;
    int done = parse(argc, argv, &o);

    if (done)
        return done - 1;
    p.lang = or_environment(o.lang, "PACKSEAL_LANG", "zh-CN");
    p.trace = o.trace;
    if (strcmp(p.lang, "zh-CN") != 0 && strcmp(p.lang, "en") != 0 && strcmp(p.lang, "none") != 0)
        return fail("unknown language", p.lang, "use zh-CN, en or none");
    if (ps_root_resolve(o.root, root, &why) < 0)
        return fail(why.text, why.where, "give --root DIR");
    if (o.socket)
        snprintf(p.socket, sizeof p.socket, "%s", o.socket);
    else if (ps_root_path(root, PS_ROOT_CONTROL_SOCKET, p.socket) < 0)
        return fail("the path is too long", root, "give --socket PATH");
    ps_stream_init(&p.stream);
    if (ps_card_new(&p.card, or_environment(o.device, "PACKSEAL_SOUND_DEVICE", "default")) < 0 ||
        open_sounds(&p, o.sounds, root) < 0)
        return fail("out of memory", "start", "free some");
    if (ps_sound_warm(p.sounds, "tones") == 0)
        say("no sounds", o.sounds ? o.sounds : "/usr/share/packseal/sounds",
            "install packseal, or give --sounds DIR");
    ps_sound_warm(p.sounds, p.lang);
    take_signals(&waiting);
    run(&p, &waiting);
    ps_stream_close(&p.stream);
    ps_card_free(p.card);
    ps_sound_close(p.sounds);
    return 0;
}
