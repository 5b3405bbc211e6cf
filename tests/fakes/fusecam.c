/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fusecam: a file that is a camera. See README.md for options, commands and limits.
 *
 * FUSE passes ioctl, poll and mmap of an ordinary file on to us. Ioctls whose argument holds no pointer
 * arrive whole, and those are nearly all a capture program needs. Frames are pushed into the page cache of
 * the file (a "store"), where the program's mapping finds them without a copy of its own.
 *
 * Two sorts of thread: FUSE's answer requests, one other makes frames. Everything in `cam` is under
 * cam.lock. Never hold it over a store: the kernel may first wait for our answer to a read of that page.
 */
#define FUSE_USE_VERSION 312
#include "tests/fakes/fusecam_control.h"
#include "tests/fakes/fusecam_device.h"
#include "tests/fakes/fusecam_picture.h"
#include <errno.h>
#include <fuse_lowlevel.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

static struct picture picture; /* of the frame thread */
static atomic_bool ending;     /* set by a signal, read by the frame thread */

/* ---- the frames ---------------------------------------------------------------------------------- */

/*
 * Puts a frame into the file's pages. Whole pages only: the kernel would take a partly stored page as not
 * yet read, and read zeros over it.
 */
static void store(fuse_ino_t ino, uint32_t index, const uint8_t *bytes, size_t size) {
    static uint8_t last[PAGE];
    off_t offset = (off_t)index * STRIDE;
    while (size > 0) {
        const uint8_t *from = bytes;
        size_t length = size > STORE_MAX ? STORE_MAX : size / PAGE * PAGE;
        size_t used = length;
        if (length == 0) {
            memset(last, 0, sizeof last);
            memcpy(last, bytes, size);
            from = last;
            length = PAGE;
            used = size;
        }
        struct fuse_bufvec vec = FUSE_BUFVEC_INIT(length);
        vec.buf[0].mem = (void *)(uintptr_t)from;
        int result = fuse_lowlevel_notify_store(cam.session, ino, offset, &vec, 0);
        if (result != 0) { /* ENOENT: the last descriptor was closed meanwhile */
            if (result != -ENOENT)
                fprintf(stderr, "fusecam: frame not stored: %s\n", strerror(-result));
            return;
        }
        offset += (off_t)length;
        bytes += used;
        size -= used;
    }
}

struct job {
    fuse_ino_t ino;
    uint32_t index, epoch, number, fourcc;
    struct size size;
    bool truncate, corrupt, empty;
};

static bool take_one(uint32_t *left, uint64_t *count) {
    if (*left == 0)
        return false;
    (*left)--;
    (*count)++;
    return true;
}

/* One frame time has come. True: a buffer is to be filled as *job says. */
static bool begin_frame(struct job *job, int64_t now_ns) {
    if (!cam.streaming || now_ns < cam.faults.stall_until_ns)
        return false;
    cam.sequence++;
    cam.counts.frames++;
    if (take_one(&cam.faults.gap, &cam.counts.skipped_gap))
        return false;
    int i = oldest_buffer(BUFFER_QUEUED);
    if (i < 0) {
        cam.counts.skipped_no_buffer++;
        return false;
    }
    bool mjpeg = cam.fourcc == V4L2_PIX_FMT_MJPEG;
    struct buffer *b = &cam.buffers[i];
    *job = (struct job){.ino = cam.ino,
                        .index = (uint32_t)i,
                        .epoch = cam.epoch,
                        .number = (uint32_t)cam.counts.frames - 1,
                        .fourcc = cam.fourcc,
                        .size = cam.size,
                        .truncate = mjpeg && take_one(&cam.faults.truncate, &cam.counts.truncated),
                        .corrupt = mjpeg && take_one(&cam.faults.corrupt, &cam.counts.corrupted),
                        .empty = take_one(&cam.faults.empty, &cam.counts.empty)};
    b->state = BUFFER_FILLING;
    b->sequence = (uint32_t)cam.sequence;
    b->mono_ns = now_ns;
    b->flags = take_one(&cam.faults.error, &cam.counts.errors) ? V4L2_BUF_FLAG_ERROR : 0;
    return true;
}

/* Makes the picture and puts it where the program sees it; gives the bytes used. */
static uint32_t fill_buffer(const struct job *job) {
    static uint8_t copy[STRIDE];
    const struct picture_bytes *made =
        picture_make(&picture, (int)job->size.width, (int)job->size.height, job->fourcc, job->number);
    if (!made || made->size > (size_t)job->size.width * job->size.height * 2) {
        fprintf(stderr, "fusecam: frame %u cannot be made\n", job->number);
        return 0;
    }
    const uint8_t *bytes = made->data;
    size_t size = job->empty ? 0 : made->size;
    if (size > 0 && job->corrupt) {
        memcpy(copy, bytes, size);
        picture_corrupt(copy, size);
        bytes = copy;
    }
    if (size > 0 && job->truncate)
        size = picture_truncated(bytes, size);
    store(job->ino, job->index, bytes, size);
    return (uint32_t)size;
}

/* Sends the mount one request, for a name (names are never cached), and gives errno: ENOENT when it lives. */
static int ask_mount(const char *mount_point) {
    char path[4096];
    snprintf(path, sizeof path, "%s/.fusecam", mount_point);
    return access(path, F_OK) == 0 ? 0 : errno;
}

/*
 * Ends the loop of FUSE's threads, which look at the flag only after a request: so here is one. It is done
 * from the frame thread, and last, because a store that nobody serves any more could never be ended.
 */
static void end_session(void) {
    fuse_session_exit(cam.session);
    ask_mount(cam.mount_point);
}

static void *make_frames(UNUSED void *unused) {
    uint32_t epoch = 0;
    int64_t next_ns = mono_ns();
    struct job job;

    pthread_mutex_lock(&cam.lock);
    while (!cam.stop && !atomic_load(&ending)) {
        const int64_t period_ns = NS_PER_S / (cam.streaming ? cam.rate : 50);
        if (epoch != cam.epoch) { /* a stream's first frame comes one period after its start */
            epoch = cam.epoch;
            next_ns = mono_ns();
        }
        next_ns += period_ns;
        if (mono_ns() - next_ns > 4 * period_ns) { /* the machine was too slow; tests may want to know */
            cam.counts.late++;
            next_ns = mono_ns();
        }
        pthread_mutex_unlock(&cam.lock);
        const struct timespec until = {.tv_sec = next_ns / NS_PER_S, .tv_nsec = next_ns % NS_PER_S};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);

        pthread_mutex_lock(&cam.lock);
        if (epoch == cam.epoch && begin_frame(&job, next_ns)) {
            pthread_mutex_unlock(&cam.lock);
            uint32_t bytesused = fill_buffer(&job);
            pthread_mutex_lock(&cam.lock);
            if (job.epoch == cam.epoch) {
                cam.buffers[job.index].bytesused = bytesused;
                cam.buffers[job.index].state = BUFFER_DONE;
                cam.counts.filled++;
                wake();
            }
        }
        if (cam.waiting && fuse_req_interrupted(cam.waiting))
            wake();
    }
    unplug();
    cam.stop = true;
    pthread_mutex_unlock(&cam.lock);
    end_session();
    return NULL;
}

/* ---- the file system ----------------------------------------------------------------------------- */

static struct handle *handle_of(const struct fuse_file_info *fi) {
    return (struct handle *)(uintptr_t)fi->fh;
}

static void fill_attr(struct stat *st, fuse_ino_t ino) {
    *st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_uid = getuid(), .st_gid = getgid()};
    st->st_mode = ino == ROOT ? S_IFDIR | 0755 : S_IFREG | 0666;
    st->st_size = ino >= FIRST_VIDEO ? (off_t)STRIDE * BUFFERS_MAX : 0;
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
    struct fuse_entry_param entry = {.generation = 1,
                                     .attr_timeout = 3600}; /* names are asked for each time */
    pthread_mutex_lock(&cam.lock);
    if (parent == ROOT && strcmp(name, "control") == 0)
        entry.ino = CONTROL;
    else if (parent == ROOT && strcmp(name, "video0") == 0 && cam.plugged)
        entry.ino = cam.ino;
    pthread_mutex_unlock(&cam.lock);
    fill_attr(&entry.attr, entry.ino);
    if (entry.ino == 0)
        fuse_reply_err(req, ENOENT);
    else
        fuse_reply_entry(req, &entry);
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, UNUSED struct fuse_file_info *fi) {
    struct stat st;
    fill_attr(&st, ino);
    fuse_reply_attr(req, &st, 3600);
}

/* Truncation on open, chmod and the like: granted, ignored. */
static void fs_setattr(fuse_req_t req, fuse_ino_t ino, UNUSED struct stat *st, UNUSED int which,
                       struct fuse_file_info *fi) {
    fs_getattr(req, ino, fi);
}

static void fs_readdir(fuse_req_t req, UNUSED fuse_ino_t ino, size_t size, off_t offset,
                       UNUSED struct fuse_file_info *fi) {
    static const char *const names[] = {".", "..", "control", "video0"};
    char list[512];
    size_t used = 0;
    pthread_mutex_lock(&cam.lock);
    const fuse_ino_t inos[] = {ROOT, ROOT, CONTROL, cam.ino};
    const off_t count = cam.plugged ? 4 : 3;
    pthread_mutex_unlock(&cam.lock);
    for (off_t i = offset; i < count; i++) {
        struct stat st;
        fill_attr(&st, inos[i]);
        size_t need = fuse_add_direntry(req, list + used, sizeof list - used, names[i], &st, i + 1);
        if (used + need > size || used + need > sizeof list)
            break;
        used += need;
    }
    fuse_reply_buf(req, list, used);
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
    struct handle *h = calloc(1, sizeof *h);
    int error = h ? 0 : ENOMEM;
    if (h) {
        h->ino = ino;
        h->nonblock = fi->flags & O_NONBLOCK;
        pthread_mutex_lock(&cam.lock);
        if (ino != CONTROL && is_dead(h)) {
            error = ENODEV;
            free(h);
        } else {
            h->next = cam.handles;
            cam.handles = h;
        }
        pthread_mutex_unlock(&cam.lock);
    }
    if (error) {
        fuse_reply_err(req, error);
        return;
    }
    fi->fh = (uintptr_t)h;
    fi->direct_io = ino == CONTROL;
    fi->keep_cache = ino != CONTROL; /* a second program that looks must not drop the first one's frames */
    fuse_reply_open(req, fi);
}

static void fs_release(fuse_req_t req, UNUSED fuse_ino_t ino, struct fuse_file_info *fi) {
    struct handle *h = handle_of(fi);
    pthread_mutex_lock(&cam.lock);
    if (cam.owner == h)
        free_buffers();
    for (struct handle **at = &cam.handles; *at; at = &(*at)->next) {
        if (*at == h) {
            *at = h->next;
            break;
        }
    }
    if (h->poll)
        fuse_pollhandle_destroy(h->poll);
    pthread_mutex_unlock(&cam.lock);
    free(h->text);
    free(h);
    fuse_reply_err(req, 0);
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi) {
    if (ino != CONTROL) { /* a page of a buffer before its first frame */
        void *zeros = calloc(1, size);
        if (zeros)
            fuse_reply_buf(req, zeros, size);
        else
            fuse_reply_err(req, ENOMEM);
        free(zeros);
        return;
    }
    struct handle *h = handle_of(fi);
    pthread_mutex_lock(&cam.lock);
    if (offset == 0) {
        free(h->text);
        h->text = report();
    }
    size_t length = h->text ? strlen(h->text) : 0, from = (uint64_t)offset < length ? (size_t)offset : length;
    fuse_reply_buf(req, h->text ? h->text + from : NULL, length - from < size ? length - from : size);
    pthread_mutex_unlock(&cam.lock);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *bytes, size_t size, UNUSED off_t offset,
                     UNUSED struct fuse_file_info *fi) {
    char *lines = ino == CONTROL ? strndup(bytes, size) : NULL, *rest = lines, *line;
    bool ok = true;
    pthread_mutex_lock(&cam.lock);
    while (ok && rest && (line = strsep(&rest, "\n")))
        ok = obey(line);
    pthread_mutex_unlock(&cam.lock);
    free(lines);
    if (ok)
        fuse_reply_write(req, size);
    else
        fuse_reply_err(req, EINVAL);
}

static void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int request, UNUSED void *arg,
                     struct fuse_file_info *fi, UNUSED unsigned int flags, const void *in, size_t in_size,
                     size_t out_size) {
    struct handle *h = handle_of(fi);
    union argument a;
    memset(&a, 0, sizeof a);
    if (ino == CONTROL || in_size > sizeof a || out_size > sizeof a) {
        fuse_reply_err(req, ENOTTY);
        return;
    }
    if (in_size > 0)
        memcpy(&a, in, in_size);
    pthread_mutex_lock(&cam.lock);
    int result = answer_request(h, request, &a);
    if (result == -EAGAIN && !h->nonblock) {
        if (!cam.waiting)
            cam.waiting = req; /* transferred to wake() */
        else
            fuse_reply_err(req, EBUSY);
    } else if (result < 0) {
        fuse_reply_err(req, -result);
    } else {
        fuse_reply_ioctl(req, 0, &a, out_size);
    }
    if (request == VIDIOC_STREAMOFF && result == 0)
        wake();
    pthread_mutex_unlock(&cam.lock);
}

static void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph) {
    struct handle *h = handle_of(fi);
    unsigned int events = 0;
    pthread_mutex_lock(&cam.lock);
    if (ph) {
        if (h->poll)
            fuse_pollhandle_destroy(h->poll);
        h->poll = ph;
    }
    if (ino == CONTROL)
        events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
    else if (is_dead(h))
        events = POLLERR | POLLHUP;
    else if (!cam.streaming || is_others(h))
        events = POLLERR;
    else if (oldest_buffer(BUFFER_DONE) >= 0)
        events = POLLIN | POLLRDNORM;
    fuse_reply_poll(req, events);
    pthread_mutex_unlock(&cam.lock);
}

static const struct fuse_lowlevel_ops operations = {.lookup = fs_lookup,
                                                    .getattr = fs_getattr,
                                                    .setattr = fs_setattr,
                                                    .readdir = fs_readdir,
                                                    .open = fs_open,
                                                    .release = fs_release,
                                                    .read = fs_read,
                                                    .write = fs_write,
                                                    .ioctl = fs_ioctl,
                                                    .poll = fs_poll};

/* ---- the program --------------------------------------------------------------------------------- */

static int usage(FILE *to) {
    fprintf(to, "usage: fusecam [options] MOUNTPOINT\n"
                "  --serial S              in QUERYCAP's bus_info and the report (FC0001)\n"
                "  --card NAME             in QUERYCAP (Fuse Camera)\n"
                "  --formats LIST          of MJPG, YUYV, UYVY; the first is the default (MJPG,YUYV)\n"
                "  --sizes LIST            (1280x720,640x480)\n"
                "  --fps LIST              (30)\n"
                "  --pattern NAME          bars, patches or counter (bars)\n"
                "  --frames DIR            the .jpg files of DIR in a loop; their size is the only one\n"
                "  --print-patches         column, row, red, green, blue of each colour patch; then exit\n");
    return to == stdout ? 0 : 2;
}

/* Gives each part of a comma-separated list to add(); false when one is refused or there are too many. */
static bool each(char *list, uint32_t *count, bool (*add)(const char *part, uint32_t index)) {
    char *part;
    *count = 0;
    while ((part = strsep(&list, ",")))
        if (*count == LIST_MAX || !add(part, (*count)++))
            return false;
    return true;
}

static bool add_format(const char *part, uint32_t index) {
    return parse_format(part, &cam.offer.formats[index]);
}

static bool add_size(const char *part, uint32_t index) {
    return parse_size(part, &cam.offer.sizes[index]);
}

static bool add_rate(const char *part, uint32_t index) {
    return parse_number(part, 1, 240, &cam.offer.rates[index]);
}

static bool parse_pattern(const char *name) {
    static const char *const names[] = {"bars", "patches", "counter"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            picture.pattern = (enum picture_pattern)i;
            return true;
        }
    }
    return false;
}

static bool load_frames(const char *folder) {
    int width = 0, height = 0;
    char text[32];
    if (!picture_load(&picture, folder, &width, &height)) {
        fprintf(stderr, "fusecam: %s: no usable .jpg files\n", folder);
        return false;
    }
    snprintf(text, sizeof text, "%dx%d", width, height);
    cam.offer.size_count = 1;
    cam.fixed_size = true;
    return parse_size(text, &cam.offer.sizes[0]);
}

static void print_patches(void) {
    for (int i = 0; i < PATCH_COLUMNS * PATCH_ROWS; i++)
        printf("%d %d %d %d %d\n", i % PATCH_COLUMNS, i / PATCH_COLUMNS, picture_patches[i][0],
               picture_patches[i][1], picture_patches[i][2]);
}

/* The mount point, or NULL when the program is to end with *status. */
static const char *parse_options(int argc, char **argv, int *status) {
    enum { SERIAL = 1, CARD, FORMATS, SIZES, FPS, PATTERN, FRAMES, PATCHES, HELP };
    static const struct option options[] = {
        {"serial", required_argument, NULL, SERIAL},
        {"card", required_argument, NULL, CARD},
        {"formats", required_argument, NULL, FORMATS},
        {"sizes", required_argument, NULL, SIZES},
        {"fps", required_argument, NULL, FPS},
        {"pattern", required_argument, NULL, PATTERN},
        {"frames", required_argument, NULL, FRAMES},
        {"print-patches", no_argument, NULL, PATCHES},
        {"help", no_argument, NULL, HELP},
        {0},
    };
    static char formats[] = "MJPG,YUYV", sizes[] = "1280x720,640x480", rates[] = "30";
    const char *frames = NULL;
    bool ok = each(formats, &cam.offer.format_count, add_format) &&
              each(sizes, &cam.offer.size_count, add_size) && each(rates, &cam.offer.rate_count, add_rate);
    int option;

    *status = 2;
    while (ok && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case SERIAL:
            cam.serial = optarg;
            ok = !strpbrk(optarg, "\"\\");
            break;
        case CARD: cam.card = optarg; break;
        case FORMATS: ok = each(optarg, &cam.offer.format_count, add_format); break;
        case SIZES: ok = each(optarg, &cam.offer.size_count, add_size); break;
        case FPS: ok = each(optarg, &cam.offer.rate_count, add_rate); break;
        case PATTERN: ok = parse_pattern(optarg); break;
        case FRAMES: frames = optarg; break;
        case PATCHES:
            print_patches();
            *status = 0;
            return NULL;
        case HELP: *status = usage(stdout); return NULL;
        default: ok = false; break;
        }
    }
    if (!ok || argc - optind != 1) {
        usage(stderr);
        return NULL;
    }
    if (frames && !load_frames(frames))
        return NULL;
    return argv[optind];
}

static void end(UNUSED int signo) {
    atomic_store(&ending, true);
}

static struct fuse_session *mount_at(const char *mount_point) {
    char options[] = "fsname=fusecam,default_permissions,allow_other", o[] = "-o", name[] = "fusecam";
    if (geteuid() != 0) /* only root may let others in, unless fuse.conf says so */
        *strrchr(options, ',') = '\0';
    char *argv[] = {name, o, options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);

    if (ask_mount(mount_point) == ENOTCONN)
        umount2(mount_point, MNT_DETACH); /* a former fusecam was killed */
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (session && fuse_session_mount(session, mount_point) != 0) {
        fuse_session_destroy(session);
        session = NULL;
    }
    fuse_opt_free_args(&args);
    return session;
}

int main(int argc, char **argv) {
    int status;
    cam.mount_point = parse_options(argc, argv, &status);
    if (!cam.mount_point)
        return status;
    cam.next_offer = cam.offer;
    set_defaults();

    const struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    status = 1;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return status;
    pthread_t frames;
    cam.session = mount_at(cam.mount_point);
    if (!cam.session)
        goto free_config;
    if (pthread_create(&frames, NULL, make_frames, NULL) != 0)
        goto unmount;
    puts("ready");
    fflush(stdout);

    status = fuse_session_loop_mt(cam.session, config) < 0;
    pthread_mutex_lock(&cam.lock);
    cam.stop = true; /* so it is, unless somebody else unmounted us */
    pthread_mutex_unlock(&cam.lock);
unmount:
    fuse_session_unmount(cam.session);
    if (status == 0)
        pthread_join(frames, NULL);
    fuse_session_destroy(cam.session);
free_config:
    fuse_loop_cfg_destroy(config);
    return status;
}
