/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who owns what of a station and who may touch it, against docs/APPLIANCE.md. What is wrong is told with the command that
 * mends it. What this user may not look at is passed over.
 */
#include "archive/links.h"
#include "cli/appliance.h"
#include "cli/doctor.h"
#include "cli/words.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK "permissions"
#define LINES_MOST 12       /* findings in words; the others are counted */
#define ENTRIES_MOST 50000u /* of one folder, the newest first: more would make a doctor slow */
#define DEPTH 6             /* clips/2026/11/21/ST03-0000123/originals */
#define MODE_BITS 07777

struct rule { /* for what lies in a folder */
    uid_t uid;
    gid_t gid;
    bool any_group;   /* of a station that one user runs */
    mode_t forbidden; /* bits that must not be */
    const char *fix;  /* for chmod */
};

struct look {
    struct ps_doctor *d;
    const struct rule *rule;
    unsigned wrong, left; /* findings; entries that may still be looked at */
};

/* ---- texts */

static void owner_text(char out[80], uid_t uid, gid_t gid, bool any_group) {
    char user[32], group[32];
    const struct passwd *pw = getpwuid(uid);
    snprintf(user, sizeof(user), "%s", pw != NULL ? pw->pw_name : "");
    if (pw == NULL)
        snprintf(user, sizeof(user), "%u", (unsigned)uid);
    const struct group *gr = any_group ? NULL : getgrgid(gid);
    snprintf(group, sizeof(group), "%s", gr != NULL ? gr->gr_name : "");
    if (gr == NULL && !any_group)
        snprintf(group, sizeof(group), "%u", (unsigned)gid);
    snprintf(out, 80, "%s%s%s", user, any_group ? "" : ":", group);
}

/* As a shell takes it. False for a name that would not fit. */
static bool quoted(char *out, size_t cap, const char *path) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@";
    bool quote = path[strspn(path, plain)] != '\0';
    size_t n = 0;
    if (quote)
        out[n++] = '\'';
    for (; *path != '\0' && n + 6 < cap; path++) {
        if (*path == '\'') {
            memcpy(out + n, "'\\''", 4);
            n += 4;
        } else {
            out[n++] = *path;
        }
    }
    if (quote)
        out[n++] = '\'';
    out[n] = '\0';
    return *path == '\0';
}

/* One finding: what is, and the command for what should be. chmod NULL: the mode is well. */
static void wrong(struct look *l, const char *path, const struct stat *st, const struct rule *r,
                  const char *chmod_to) {
    char is[80], want[80], name[PS_ROOT_PATH + 64], todo[2 * sizeof(name) + 192];
    bool owner = st->st_uid != r->uid || (!r->any_group && st->st_gid != r->gid);
    if (l->wrong++ >= LINES_MOST || !quoted(name, sizeof(name), path))
        return;
    owner_text(is, st->st_uid, st->st_gid, false);
    owner_text(want, r->uid, r->gid, r->any_group);
    size_t n = 0;
    todo[0] = '\0';
    if (owner)
        n = (size_t)snprintf(todo, sizeof(todo), "chown -h %s %s", want, name);
    if (chmod_to != NULL && n < sizeof(todo))
        snprintf(todo + n, sizeof(todo) - n, "%schmod %s %s", owner ? " && " : "", chmod_to, name);
    ps_doctor_say(l->d, CHECK, PS_DOCTOR_MEND, todo, ps_words("%s is %s, mode %04o", "%s 属于 %s,权限 %04o"),
                  path, is, (unsigned)st->st_mode & 07777u);
}

/* ---- what lies in folders */

static int newest_first(const struct dirent **a, const struct dirent **b) {
    return strcmp((*b)->d_name, (*a)->d_name);
}

static int no_dots(const struct dirent *e) {
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* One entry; true for a folder to be looked into. */
static bool judge_entry(struct look *l, int dir, const char *name, const char *path) {
    const struct rule *r = l->rule;
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    bool owner = st.st_uid != r->uid || (!r->any_group && st.st_gid != r->gid);
    bool mode = !S_ISLNK(st.st_mode) && (st.st_mode & r->forbidden) != 0;
    if (owner || mode)
        wrong(l, path, &st, r, mode ? r->fix : NULL);
    return S_ISDIR(st.st_mode);
}

static void look_into(struct look *l, const char *path, unsigned depth) {
    struct dirent **v = NULL;
    char below[PS_ROOT_PATH];
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int n = fd < 0 ? -1 : scandirat(fd, ".", &v, no_dots, newest_first);
    for (int i = 0; i < n; i++) {
        int len = snprintf(below, sizeof(below), "%s/%s", path, v[i]->d_name);
        if (l->left > 0 && len < (int)sizeof(below)) {
            l->left--;
            if (judge_entry(l, fd, v[i]->d_name, below) && depth > 0)
                look_into(l, below, depth - 1);
        }
        free(v[i]);
    }
    free(v);
    if (fd >= 0)
        close(fd);
}

static void check_content(struct look *l, const char *folder, const struct rule *r) {
    char path[PS_ROOT_PATH];
    if (ps_root_path(l->d->root, folder, path) < 0)
        return;
    l->rule = r;
    l->left = ENTRIES_MOST;
    look_into(l, path, DEPTH);
}

/* ---- an installed station */

/* A path of its own: folder, file, socket or link. Missing is told where must is set. */
static void check_path(struct look *l, const char *path, uid_t uid, gid_t gid, mode_t mode, bool must) {
    const struct rule r = {.uid = uid, .gid = gid};
    struct stat st;
    char octal[8];
    if (lstat(path, &st) != 0) {
        if (must && errno == ENOENT && l->wrong++ < LINES_MOST)
            ps_doctor_say(l->d, CHECK, PS_DOCTOR_MEND,
                          ps_words("packseal init --service --station NAME --id ID makes it",
                                   "请运行 packseal init --service --station 名称 --id 编号"),
                          ps_words("%s is not there", "缺少 %s"), path);
        return;
    }
    if (st.st_uid == 0 && (st.st_mode & MODE_BITS) == 0) /* what a unit hides looks like this inside */
        return;
    bool other_mode = !S_ISLNK(st.st_mode) && (st.st_mode & MODE_BITS) != mode;
    snprintf(octal, sizeof(octal), "%04o", (unsigned)mode);
    if (other_mode || st.st_uid != uid || st.st_gid != gid)
        wrong(l, path, &st, &r, other_mode ? octal : NULL);
}

static void check_link(struct look *l, const char *path, const char *to) {
    char there[PS_ROOT_PATH], name[PS_ROOT_PATH + 64], target[PS_ROOT_PATH + 64], todo[2 * sizeof(name) + 16];
    ssize_t n = readlink(path, there, sizeof(there) - 1);
    if (n >= 0)
        there[n] = '\0';
    if ((n >= 0 && strcmp(there, to) == 0) || l->wrong++ >= LINES_MOST || !quoted(name, sizeof(name), path) ||
        !quoted(target, sizeof(target), to))
        return;
    snprintf(todo, sizeof(todo), "ln -sfn %s %s", target, name);
    ps_doctor_say(l->d, CHECK, PS_DOCTOR_MEND, todo, ps_words("%s is no link to %s", "%s 没有指向 %s"), path,
                  to);
}

static void check_around(struct look *l, const struct ps_appliance *a) {
    const uid_t r = a->recorder.uid;
    char path[PS_ROOT_PATH], run[96];
    snprintf(run, sizeof(run), "/run/packseal/%s", a->id);
    check_path(l, run, r, a->readers, 02770, true);
    if (ps_root_path(a->root, PS_ROOT_RUN, path) == 0)
        check_link(l, path, run);
    snprintf(path, sizeof(path), "%s/signer.sock", run);
    check_path(l, path, 0, a->readers, 0660, false);
    snprintf(path, sizeof(path), "%s/control.sock", run);
    check_path(l, path, r, a->readers, 0660, false);
    snprintf(path, sizeof(path), "/var/lib/packseal-%s", a->id);
    if (strcmp(path, a->root) != 0)
        check_link(l, path, a->root);
    snprintf(path, sizeof(path), "/etc/packseal/%s.env", a->id);
    check_path(l, path, 0, 0, 0644, true);
    check_path(l, a->config, 0, a->readers, 0640, true);
    snprintf(path, sizeof(path), "/etc/credstore/packseal-%s.passphrase", a->id);
    check_path(l, path, 0, 0, 0600, false);
}

static void check_installed(struct look *l, const struct ps_appliance *a) {
    struct ps_appliance_place places[PS_APPLIANCE_PLACES];
    char path[PS_ROOT_PATH];
    ps_appliance_list(a, places);
    for (size_t i = 0; i < PS_APPLIANCE_PLACES; i++) {
        int n = snprintf(path, sizeof(path), "%s%s%s", a->root, places[i].name[0] != '\0' ? "/" : "",
                         places[i].name);
        if (n < (int)sizeof(path))
            check_path(l, path, places[i].uid, places[i].gid, places[i].mode, true);
    }
    check_around(l, a);
    const struct rule recorder = {a->recorder.uid, a->readers, false, 0027, "u=rwX,g=rX,o="},
                      ledger = {a->signer.uid, a->readers, false, 0027, "u=rwX,g=rX,o="},
                      open_to_all = {a->signer.uid, a->readers, false, 0022, "go-w"},
                      secret = {a->signer.uid, a->signer.gid, false, 0077, "go="};
    static const char *const recorders[] = {PS_ROOT_CLIPS,   PS_ROOT_INDEX_FOLDER, PS_ROOT_TOKENS,
                                            PS_ROOT_WITNESS, PS_ROOT_HOLDS,        PS_LINKS_FOLDER,
                                            "intake"};
    for (size_t i = 0; i < sizeof(recorders) / sizeof(recorders[0]); i++)
        check_content(l, recorders[i], &recorder);
    check_content(l, PS_ROOT_LEDGER, &ledger);
    check_content(l, PS_ROOT_PUBLIC, &open_to_all);
    check_content(l, PS_ROOT_SIGNER, &secret);
}

/* ---- a station that one user runs */

/* All of it is the user's whose clips are there; root's files among them are what a sudo left behind. */
static void check_own(struct look *l) {
    char path[PS_ROOT_PATH], name[PS_ROOT_PATH + 64], todo[sizeof(name) + 16];
    struct stat st;
    if (ps_root_path(l->d->root, PS_ROOT_RUN, path) == 0 && access(path, F_OK) != 0 && errno == ENOENT &&
        quoted(name, sizeof(name), path)) {
        l->wrong++;
        snprintf(todo, sizeof(todo), "mkdir -m 2750 %s", name);
        ps_doctor_say(l->d, CHECK, PS_DOCTOR_MEND, todo, ps_words("%s is not there", "缺少 %s"), path);
    }
    if (ps_root_path(l->d->root, PS_ROOT_CLIPS, path) < 0 || lstat(path, &st) != 0)
        return;
    const struct rule all = {st.st_uid, st.st_gid, true, 0002, "o-w"};
    l->rule = &all;
    l->left = ENTRIES_MOST;
    look_into(l, l->d->root, DEPTH);
}

void ps_doctor_places(struct ps_doctor *d) {
    struct look l = {.d = d};
    struct ps_appliance a;
    bool installed = d->configured && ps_appliance_is(&a, d->config.station_id, d->root);
    if (installed)
        check_installed(&l, &a);
    else
        check_own(&l);
    if (l.wrong > LINES_MOST)
        ps_doctor_say(d, CHECK, PS_DOCTOR_MEND, NULL,
                      ps_words("and %u more like these", "另有 %u 处同类问题"), l.wrong - LINES_MOST);
    if (l.wrong == 0 && installed)
        ps_doctor_say(d, CHECK, PS_DOCTOR_OK, NULL, "%s",
                      ps_words("owners and modes are as installed", "属主与权限与安装时一致"));
    else if (l.wrong == 0)
        ps_doctor_say(d, CHECK, PS_DOCTOR_OK, NULL, "%s",
                      ps_words("all files are one user's, and nobody else may write them",
                               "所有文件属于同一用户,他人不可写"));
}
