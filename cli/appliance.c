/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/appliance.h"
#include "archive/config.h"
#include "archive/store.h"
#include "cli/spawn.h"
#include "cli/words.h"
#include "evidence/bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ETC "/etc/packseal"
#define RUN "/run/packseal"
#define STATE "/var/lib"

static int failed(const char *path) {
    return ps_words_fail(1, strerrordesc_np(errno), path,
                         ps_words("mend it, and say the same again", "处理后重新运行"));
}

static int too_long(const char *path) {
    return ps_words_fail(2, ps_words("the path is too long", "路径过长"), path, NULL);
}

/* ---- where ---- */

/* The station that a configuration is of; false when there is none to read. */
static bool is_of(const char *path, const char *id) {
    struct ps_why why = {0};
    struct ps_config *c = malloc(sizeof(*c));
    bool same = c != NULL && ps_config_load(c, path, &why) == 0 && strcmp(c->station_id, id) == 0;
    free(c);
    return same;
}

/* The root that an earlier init wrote down. */
static bool written_down(const char *id, char root[PS_ROOT_PATH]) {
    static const char name[] = "PACKSEAL_ROOT=";
    char path[PS_ROOT_PATH], line[sizeof(name) + PS_ROOT_PATH];
    snprintf(path, sizeof(path), ETC "/%s.env", id);
    FILE *f = fopen(path, "re");
    bool found = false;
    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *value = line + sizeof(name) - 1;
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, name, sizeof(name) - 1) == 0 && value[0] == '/' && strlen(value) < PS_ROOT_PATH;
        if (found)
            memcpy(root, value, strlen(value) + 1);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static bool choose_root(struct ps_appliance *a, const char *root_arg) {
    if (root_arg != NULL || getenv("PACKSEAL_ROOT") != NULL) {
        struct ps_why why = {0};
        if (ps_root_resolve(root_arg, a->root, &why) == 0)
            return true;
        ps_words_fail(2, why.text, why.where, ps_words("give --root DIR", "请用 --root 指定文件夹"));
        return false;
    }
    if (written_down(a->id, a->root))
        return true;
    if (access(ETC "/packseal.conf", F_OK) != 0 || is_of(ETC "/packseal.conf", a->id))
        snprintf(a->root, sizeof(a->root), "%s", PS_ROOT_DEFAULT);
    else
        snprintf(a->root, sizeof(a->root), STATE "/packseal-%s", a->id);
    return true;
}

/* The units see no home folders, and temporary ones of their own. */
static bool is_hidden(const char *root) {
    static const char *const folders[] = {"/home/", "/root/", "/run/", "/tmp/", "/var/tmp/"};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (strncmp(root, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

bool ps_appliance_find(struct ps_appliance *a, const char *id, const char *root_arg) {
    struct ps_why why = {0};
    *a = (struct ps_appliance){.id = id};
    if (geteuid() != 0) {
        ps_words_fail(2, ps_words("only root can make users' folders and start units", "只有 root 能执行"),
                      "--service", ps_words("run it with sudo", "请用 sudo 运行"));
        return false;
    }
    const struct group *readers = getgrnam(PS_USER_READERS);
    int rc = ps_user_find(&a->recorder, PS_USER_RECORDER, &why);
    if (rc == 0)
        rc = ps_user_find(&a->signer, PS_USER_SIGNER, &why);
    if (rc == 0)
        rc = ps_user_find(&a->viewer, PS_USER_VIEWER, &why);
    if (rc == 0 && readers == NULL)
        rc = ps_error_why(&why, PS_ENOENT, PS_USER_READERS, "there is no such group");
    if (rc < 0) {
        ps_words_fail(1, why.text, why.where,
                      ps_words("run systemd-sysusers, or install packseal again",
                               "请运行 systemd-sysusers,或重新安装 packseal"));
        return false;
    }
    a->readers = readers->gr_gid;
    if (!choose_root(a, root_arg))
        return false;
    if (is_hidden(a->root)) {
        ps_words_fail(
            2, ps_words("home and temporary folders are hidden from services", "服务看不到家目录和临时目录"),
            a->root,
            ps_words("choose a folder below /srv or /var/lib", "请选择 /srv 或 /var/lib 下的文件夹"));
        return false;
    }
    /* As the programs will look for it. */
    if (strcmp(a->root, PS_ROOT_DEFAULT) == 0)
        snprintf(a->config, sizeof(a->config), ETC "/packseal.conf");
    else if (ps_root_path(a->root, "packseal.conf", a->config) < 0)
        return too_long(a->root) == 0;
    char env[PS_ROOT_PATH];
    snprintf(env, sizeof(env), ETC "/%s.env", id);
    a->there = access(env, F_OK) == 0 || access(a->config, F_OK) == 0;
    return true;
}

bool ps_appliance_is(struct ps_appliance *a, const char *id, const char *root) {
    char theirs[PS_ROOT_PATH];
    const struct group *readers = getgrnam(PS_USER_READERS);
    *a = (struct ps_appliance){.id = id};
    if (readers == NULL || ps_user_find(&a->recorder, PS_USER_RECORDER, NULL) < 0 ||
        ps_user_find(&a->signer, PS_USER_SIGNER, NULL) < 0 ||
        ps_user_find(&a->viewer, PS_USER_VIEWER, NULL) < 0)
        return false;
    a->readers = readers->gr_gid;
    snprintf(a->root, sizeof(a->root), "%s", root);
    return written_down(id, theirs) && strcmp(theirs, root) == 0 && ps_root_config(root, a->config) == 0;
}

/* ---- folders ---- */

/* A station that is being made has its result told at the end; one that is there, each change. */
static void told(struct ps_appliance *a, const char *en, const char *zh, const char *path) {
    a->made++;
    if (a->there)
        printf("%s %s\n", ps_words(en, zh), path);
}

static void owner_text(char out[96], uid_t uid, gid_t gid, mode_t mode) {
    snprintf(out, 96, "chown %u:%u, chmod %04o", (unsigned)uid, (unsigned)gid, (unsigned)mode);
}

/* One of root's, or with mkdir's mode, is where an earlier init was cut short. Another that is not as it should be may be
 * somebody's choice. */
static int settle_place(struct ps_appliance *a, int fd, bool made, const char *path,
                        const struct ps_appliance_place *p) {
    struct stat st;
    char todo[96];
    if (fstat(fd, &st) != 0)
        return failed(path);
    if (st.st_uid != 0 && st.st_uid != p->uid) {
        snprintf(todo, sizeof(todo),
                 ps_words("chown %s%u:%u it, and say the same again", "请 chown %s%u:%u 后重新运行"),
                 p->uid != 0 ? "-R " : "", (unsigned)p->uid, (unsigned)p->gid);
        return ps_words_fail(1, ps_words("belongs to another user", "属于其他用户"), path, todo);
    }
    bool other = st.st_uid != p->uid || st.st_gid != p->gid || (st.st_mode & 07777) != p->mode;
    if (other && !made && st.st_uid != 0 && (st.st_mode & 07777) != 0700) {
        owner_text(todo, p->uid, p->gid, p->mode);
        ps_words_note(ps_words("%s is left as it is; it should be: %s", "%s 保持不变;应为:%s"), path, todo);
        return 0;
    }
    if (other && (fchown(fd, p->uid, p->gid) != 0 || fchmod(fd, p->mode) != 0))
        return failed(path);
    if (fsync(fd) != 0)
        return failed(path);
    if (made)
        told(a, "made       ", "新建       ", path);
    else if (other)
        told(a, "owner, mode", "属主、权限", path);
    return 0;
}

static int make_place(struct ps_appliance *a, const char *path, const struct ps_appliance_place *p) {
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return failed(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed(path);
    int status = settle_place(a, fd, made, path, p);
    close(fd);
    return status;
}

void ps_appliance_list(const struct ps_appliance *a, struct ps_appliance_place out[PS_APPLIANCE_PLACES]) {
    const uid_t r = a->recorder.uid, s = a->signer.uid;
    const struct ps_appliance_place places[PS_APPLIANCE_PLACES] = {
        {"", 0, a->readers, 0755}, /* else the recorder could rename the signer's folders */
        {PS_ROOT_SIGNER, s, a->signer.gid, 0700},
        {PS_ROOT_LEDGER, s, a->readers, 02750},
        {PS_ROOT_PUBLIC, s, a->readers, 02755},
        {PS_ROOT_CLIPS, r, a->readers, 02750},
        {PS_ROOT_PART, r, a->readers, 02750},
        {PS_ROOT_CLIPS "/.aborted", r, a->readers, 02750},
        {PS_ROOT_INDEX_FOLDER, r, a->readers, 02750},
        {PS_ROOT_TOKENS, r, a->readers, 02750},
        {PS_ROOT_WITNESS, r, a->readers, 02750},
        {"intake", r, a->readers, 02750},
        {PS_ROOT_HOLDS, r, a->readers, 02750},
        {"links", r, a->readers, 02750},
        {PS_ROOT_EXPORTS, r, a->readers, 02770},
        {"viewer", a->viewer.uid, a->readers, 02750}, /* the recorder reads the list of orders in it */
    };
    memcpy(out, places, sizeof(places));
}

static int make_places(struct ps_appliance *a) {
    struct ps_appliance_place places[PS_APPLIANCE_PLACES];
    char path[PS_ROOT_PATH];
    int status = 0;
    ps_appliance_list(a, places);
    for (size_t i = 0; i < PS_APPLIANCE_PLACES && status == 0; i++) {
        int n = snprintf(path, sizeof(path), "%s%s%s", a->root, places[i].name[0] != '\0' ? "/" : "",
                         places[i].name);
        status = n < (int)sizeof(path) ? make_place(a, path, &places[i]) : too_long(a->root);
    }
    return status;
}

/* Folders of root's above the root and in /etc; never changed when they are there. */
static int make_parents(const char *path) {
    char part[PS_ROOT_PATH];
    for (const char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
        if (mkdir(part, 0755) == 0 ? chmod(part, 0755) != 0 : errno != EEXIST)
            return failed(part);
    }
    return 0;
}

/* ---- links and files ---- */

static int make_link(struct ps_appliance *a, const char *path, const char *to) {
    char there[PS_ROOT_PATH];
    if (symlink(to, path) == 0) {
        told(a, "made       ", "新建       ", path);
        return 0;
    }
    if (errno != EEXIST)
        return failed(path);
    ssize_t n = readlink(path, there, sizeof(there) - 1);
    if (n >= 0)
        there[n] = '\0';
    if (n >= 0 && strcmp(there, to) == 0)
        return 0;
    /* ROOT/run of a station that was run by hand. */
    if (n < 0 && rmdir(path) == 0 && symlink(to, path) == 0) {
        told(a, "made       ", "新建       ", path);
        return 0;
    }
    return ps_words_fail(1, ps_words("something else is there", "此处已有其他内容"), path,
                         ps_words("move it away, and say the same again", "请移开后重新运行"));
}

int ps_appliance_file(struct ps_appliance *a, const char *path, gid_t gid, unsigned mode, const void *p,
                      size_t n, bool *kept) {
    char part[PS_ROOT_PATH];
    struct ps_why why = {0};
    *kept = access(path, F_OK) == 0;
    if (*kept)
        return 0;
    if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
        return too_long(path);
    int status = make_parents(path);
    if (status != 0)
        return status;
    unlink(part); /* of an init that was cut short */
    if (ps_store_write_file(AT_FDCWD, part, p, n, &why) < 0)
        return ps_words_fail(1, why.text, path, NULL);
    if (chown(part, 0, gid) != 0 || chmod(part, mode) != 0 || rename(part, path) != 0) {
        status = failed(path);
        unlink(part);
    } else {
        told(a, "made       ", "新建       ", path);
    }
    return status;
}

static int write_text(struct ps_appliance *a, const char *path, const char *text) {
    bool kept;
    return ps_appliance_file(a, path, 0, 0644, text, strlen(text), &kept);
}

static int make_run(struct ps_appliance *a) {
    const struct ps_appliance_place top = {"", 0, 0, 0755}, own = {"", a->recorder.uid, a->readers, 02770};
    char path[PS_ROOT_PATH], link[PS_ROOT_PATH], text[256];
    snprintf(path, sizeof(path), "/etc/tmpfiles.d/packseal-%s.conf", a->id);
    snprintf(text, sizeof(text),
             "# Sockets of PackSeal station %s.\n"
             "d " RUN " 0755 root root -\n"
             "d " RUN "/%s 2770 " PS_USER_RECORDER " " PS_USER_READERS " -\n",
             a->id, a->id);
    int status = write_text(a, path, text);
    if (status == 0)
        status = make_place(a, RUN, &top);
    snprintf(path, sizeof(path), RUN "/%s", a->id);
    if (status == 0)
        status = make_place(a, path, &own);
    if (status == 0)
        status = ps_root_path(a->root, PS_ROOT_RUN, link) < 0 ? too_long(a->root) : make_link(a, link, path);
    return status;
}

int ps_appliance_places(struct ps_appliance *a) {
    char path[PS_ROOT_PATH], text[PS_ROOT_PATH + 32];
    int status = make_parents(a->root);
    if (status == 0)
        status = make_places(a);
    if (status == 0)
        status = make_run(a);
    /* The units know a station by its id alone. */
    snprintf(path, sizeof(path), STATE "/packseal-%s", a->id);
    if (status == 0 && strcmp(path, a->root) != 0)
        status = make_link(a, path, a->root);
    snprintf(path, sizeof(path), ETC "/%s.env", a->id);
    snprintf(text, sizeof(text), "PACKSEAL_ROOT=%s\n", a->root);
    return status == 0 ? write_text(a, path, text) : status;
}

/* ---- units ---- */

int ps_appliance_enable(const struct ps_appliance *a, bool start) {
    static char program[] = "/usr/bin/systemctl";
    char target[64], line[512], text[96];
    struct ps_why why = {0};
    pid_t pid;
    int out, status;
    snprintf(target, sizeof(target), "packseal@%s.target", a->id);
    bool running = access("/run/systemd/system", F_OK) == 0;
    if (access(program, X_OK) != 0) {
        ps_words_note(ps_words("there is no systemctl: the units of %s are not enabled",
                               "没有 systemctl,%s 的服务未启用"),
                      target);
        return 0;
    }
    char *argv[] = {program, (char[]){"enable"}, start && running ? (char[]){"--now"} : target, NULL, NULL};
    if (start && running)
        argv[3] = target;
    if (ps_spawn_start(program, argv, &(struct ps_spawn_how){0}, &pid, &out, &why) < 0)
        return ps_words_fail(1, why.text, why.where, NULL);
    for (ssize_t n; (n = read(out, line, sizeof(line))) > 0 || (n < 0 && errno == EINTR);)
        if (n > 0)
            fwrite(line, 1, (size_t)n, stdout);
    close(out);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    ps_spawn_status_text(status, text);
    return status == 0
               ? 0
               : ps_words_fail(1, ps_words("the units were not started", "服务未能启动"), text,
                               ps_words("see: journalctl -u 'packseal*'", "参见:journalctl -u 'packseal*'"));
}
