/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that is a HID scanner: MOUNTPOINT/hidraw0 answers open, read, poll and the descriptor's ioctls as the kernel's hidraw
 * does (one report a read). See README.md.
 */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fuse_lowlevel.h>
#include <linux/hidraw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NODE 2
#define QUEUE 256
#define REPORT 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint8_t p[REPORT];
    size_t n;
} queue[QUEUE];
static unsigned head, tail; /* of the queue; they only grow */
static struct fuse_pollhandle *waiting;
static struct hidraw_report_descriptor descriptor;
static bool gone;

/* ---- the file ---- */

static void describe(fuse_ino_t ino, struct stat *st) {
    *st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0600};
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fuse_entry_param e = {.ino = NODE};
    pthread_mutex_lock(&lock);
    bool there = parent == 1 && !gone && strcmp(name, "hidraw0") == 0;
    pthread_mutex_unlock(&lock);
    describe(NODE, &e.attr);
    if (there)
        fuse_reply_entry(req, &e);
    else
        fuse_reply_err(req, ENOENT);
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    struct stat st;
    (void)fi;
    describe(ino, &st);
    fuse_reply_attr(req, &st, 0);
}

static void open_node(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    (void)ino;
    fi->direct_io = fi->nonseekable = 1;
    fuse_reply_open(req, fi);
}

static void read_report(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *fi) {
    uint8_t p[REPORT];
    size_t n = 0;
    (void)ino;
    (void)at;
    (void)fi;
    pthread_mutex_lock(&lock);
    int err = gone           ? EIO
              : head == tail ? EAGAIN
                             : 0; /* the kernel's hidraw says EIO for one that was pulled out */
    if (err == 0) {
        n = queue[head % QUEUE].n < size ? queue[head % QUEUE].n : size;
        memcpy(p, queue[head++ % QUEUE].p, n);
    }
    pthread_mutex_unlock(&lock);
    if (err)
        fuse_reply_err(req, err);
    else
        fuse_reply_buf(req, (const char *)p, n);
}

static void answer_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
                         unsigned flags, const void *in, size_t in_n, size_t out_n) {
    (void)ino, (void)arg, (void)fi, (void)flags, (void)in, (void)in_n, (void)out_n;
    const int size = (int)descriptor.size;
    if (cmd == HIDIOCGRDESCSIZE)
        fuse_reply_ioctl(req, 0, &size, sizeof size);
    else if (cmd == HIDIOCGRDESC)
        fuse_reply_ioctl(req, 0, &descriptor, sizeof descriptor);
    else
        fuse_reply_err(req, EINVAL);
}

static void answer_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
                        struct fuse_pollhandle *ph) {
    (void)ino, (void)fi;
    pthread_mutex_lock(&lock);
    if (ph) {
        if (waiting)
            fuse_pollhandle_destroy(waiting);
        waiting = ph;
    }
    unsigned events = gone ? POLLERR | POLLHUP : head != tail ? POLLIN : 0;
    pthread_mutex_unlock(&lock);
    fuse_reply_poll(req, events);
}

/* ---- what a test says ---- */

static size_t from_hex(const char *hex, uint8_t *out, size_t most) {
    size_t n = 0;
    unsigned byte;
    while (n < most && sscanf(hex + 2 * n, "%2x", &byte) == 1)
        out[n++] = (uint8_t)byte;
    return n;
}

static void obey(const char *line) {
    pthread_mutex_lock(&lock);
    if (strncmp(line, "report ", 7) == 0 && tail - head < QUEUE) {
        queue[tail % QUEUE].n = from_hex(line + 7, queue[tail % QUEUE].p, REPORT);
        tail++;
    } else if (strcmp(line, "unplug\n") == 0) {
        gone = true;
    } else if (strcmp(line, "plug\n") == 0) {
        gone = false;
        head = tail;
    }
    struct fuse_pollhandle *ph = waiting;
    waiting = NULL;
    pthread_mutex_unlock(&lock);
    if (ph) {
        fuse_lowlevel_notify_poll(ph);
        fuse_pollhandle_destroy(ph);
    }
}

/* Until standard input ends; then the scanner is no longer needed. */
static void *listen_to_test(void *session) {
    char line[2 * REPORT + 16];
    while (fgets(line, sizeof line, stdin))
        obey(line);
    fuse_session_exit(session);
    kill(getpid(), SIGTERM); /* wakes the loop, which waits for the kernel */
    return NULL;
}

int main(int argc, char **argv) {
    static const struct fuse_lowlevel_ops ops = {.lookup = look_up,
                                                 .getattr = get_attributes,
                                                 .open = open_node,
                                                 .read = read_report,
                                                 .ioctl = answer_ioctl,
                                                 .poll = answer_poll};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    pthread_t thread;
    int status = 1;
    if (argc != 3) {
        fputs("usage: fusehid MOUNTPOINT DESCRIPTOR-IN-HEX <COMMANDS\n", stderr);
        return 2;
    }
    descriptor.size = (unsigned)from_hex(argv[2], descriptor.value, sizeof descriptor.value);
    struct fuse_session *s = fuse_session_new(&args, &ops, sizeof ops, NULL);
    if (!s)
        return 1;
    if (fuse_set_signal_handlers(s) != 0 || fuse_session_mount(s, argv[1]) != 0)
        goto destroy;
    if (pthread_create(&thread, NULL, listen_to_test, s) == 0) {
        puts("ready");
        fflush(stdout);
        fuse_session_loop(s);
        status = 0;
    }
    fuse_session_unmount(s);
destroy:
    fuse_remove_signal_handlers(s);
    fuse_session_destroy(s);
    return status;
}
