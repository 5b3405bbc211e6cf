/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packseal-setup FILE: reads a set-up file, as it lies on a USB stick, and becomes `packseal init --service` with what stands
 * there. The stick is anybody's: one small regular file is read, each line must be known, and values are arguments of one
 * program, never words of a shell.
 *
 *   # comment
 *   station = 打包三号台
 *   id = ST03
 *   operator = 0017
 *   camera.top = v4l2:auto
 *   scanner.gun = evdev:auto
 *   listen = 0.0.0.0:8480
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 8192, MAX_LINES = 24, MAX_VALUE = 256 };

static const char program[] = "/usr/bin/packseal";

struct setup {
    char text[MAX_FILE + 1];
    char words[MAX_LINES][MAX_VALUE + 64]; /* NAME=SOURCE of cameras and scanners */
    char *argv[2 * MAX_LINES + 10];
    int argc, lines;
    const char *station, *id, *operator_id, *listen;
};

static int refuse(const char *path, int line, const char *what) {
    fprintf(stderr, "packseal: the set-up file is not used: %s:%d: %s\n", path, line, what);
    return -1;
}

static int read_file(struct setup *s, const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc = -1;
    if (fd < 0 || fstat(fd, &st) < 0) {
        refuse(path, 0, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
        refuse(path, 0, "not a file of at most 8192 bytes");
        goto out;
    }
    size_t len = 0;
    for (ssize_t n; len < MAX_FILE && (n = read(fd, s->text + len, MAX_FILE - len)) > 0;)
        len += (size_t)n;
    s->text[len] = '\0';
    rc = strlen(s->text) == len ? 0 : refuse(path, 0, "holds bytes of value zero");
out:
    if (fd >= 0)
        close(fd);
    return rc;
}

static char *trimmed(char *p) {
    p += strspn(p, " \t");
    for (size_t n = strlen(p); n > 0 && strchr(" \t\r", p[n - 1]) != NULL; n--)
        p[n - 1] = '\0';
    return p;
}

static int plain_name(const char *name) {
    static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t n = strlen(name);
    return n > 0 && n <= 32 && name[0] != '-' && strspn(name, known) == n;
}

static int once(const char **slot, const char *value) {
    if (*slot != NULL)
        return -1;
    *slot = value;
    return 0;
}

static void add(struct setup *s, char *option, char *value) {
    s->argv[s->argc++] = option;
    s->argv[s->argc++] = value;
}

static int device(struct setup *s, const char *name, const char *value, char *option) {
    if (!plain_name(name))
        return -1;
    char *word = s->words[s->lines];
    snprintf(word, sizeof s->words[0], "%s=%s", name, value);
    add(s, option, word);
    return 0;
}

static int take_line(struct setup *s, const char *path, int number, char *line) {
    char *value = strchr(line, '=');
    if (value == NULL)
        return refuse(path, number, "expected NAME = VALUE");
    *value++ = '\0';
    char *key = trimmed(line);
    value = trimmed(value);
    size_t len = strlen(value);
    if (len == 0 || len > MAX_VALUE || value[0] == '-')
        return refuse(path, number, "the value is empty, too long, or begins with a hyphen");
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
            return refuse(path, number, "a control character");
    }
    if (s->lines == MAX_LINES)
        return refuse(path, number, "too many lines");
    int rc = -1;
    if (strcmp(key, "station") == 0)
        rc = once(&s->station, value);
    else if (strcmp(key, "id") == 0)
        rc = once(&s->id, value);
    else if (strcmp(key, "operator") == 0)
        rc = once(&s->operator_id, value);
    else if (strcmp(key, "listen") == 0)
        rc = once(&s->listen, value);
    else if (strncmp(key, "camera.", 7) == 0)
        rc = device(s, key + 7, value, "--camera");
    else if (strncmp(key, "scanner.", 8) == 0)
        rc = device(s, key + 8, value, "--scanner");
    s->lines++;
    return rc < 0 ? refuse(path, number, "unknown, or given twice, or a name that is not a-z 0-9 -") : 0;
}

int main(int argc, char **argv) {
    static struct setup s;
    if (argc != 2 && !(argc == 3 && strcmp(argv[1], "--check") == 0)) {
        fputs("usage: packseal-setup [--check] FILE\n", stderr);
        return 2;
    }
    const char *path = argv[argc - 1];
    if (read_file(&s, path) < 0)
        return 1;
    s.argv[s.argc++] = "packseal";
    s.argv[s.argc++] = "init";
    s.argv[s.argc++] = "--service";
    int number = 0;
    for (char *rest = s.text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        number++;
        line = trimmed(line);
        if (line[0] != '\0' && line[0] != '#' && take_line(&s, path, number, line) < 0)
            return 1;
    }
    if (s.station == NULL || s.id == NULL) {
        refuse(path, number, "station and id are needed");
        return 1;
    }
    add(&s, "--station", (char *)s.station);
    add(&s, "--id", (char *)s.id);
    if (s.operator_id != NULL)
        add(&s, "--operator", (char *)s.operator_id);
    if (s.listen != NULL)
        add(&s, "--listen", (char *)s.listen);
    if (argc == 3) {
        for (int i = 0; i < s.argc; i++)
            puts(s.argv[i]);
        return 0;
    }
    execv(program, s.argv);
    refuse(path, 0, strerror(errno));
    return 1;
}
