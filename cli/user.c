/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/user.h"
#include "archive/root.h"
#include "cli/words.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fill(struct ps_user *u, const struct passwd *pw, struct ps_why *why) {
    u->uid = pw->pw_uid;
    u->gid = pw->pw_gid;
    u->n_groups = PS_USER_GROUPS;
    return getgrouplist(pw->pw_name, pw->pw_gid, u->groups, &u->n_groups) >= 0
               ? 0
               : ps_error_why(why, PS_ELIMIT, pw->pw_name, "is in more than %d groups", PS_USER_GROUPS);
}

int ps_user_find(struct ps_user *u, const char *name, struct ps_why *why) {
    const struct passwd *pw = getpwnam(name);
    return pw != NULL ? fill(u, pw, why) : ps_error_why(why, PS_ENOENT, name, "there is no such user");
}

int ps_user_become(const struct ps_user *u) {
    /* Groups first: afterwards it is not allowed any more. */
    return setgroups((size_t)u->n_groups, u->groups) == 0 && setresgid(u->gid, u->gid, u->gid) == 0 &&
                   setresuid(u->uid, u->uid, u->uid) == 0
               ? 0
               : -1;
}

bool ps_user_of_station(const char *root) {
    char path[PS_ROOT_PATH];
    struct ps_why why = {0};
    struct ps_user u;
    struct stat st;
    /* No such folder, or root's own: what follows says what there is to say. */
    if (geteuid() != 0 || ps_root_path(root, PS_ROOT_CLIPS, path) < 0 || stat(path, &st) != 0 ||
        st.st_uid == 0)
        return true;
    const struct passwd *pw = getpwuid(st.st_uid);
    if (pw != NULL && fill(&u, pw, &why) == 0 && ps_user_become(&u) == 0)
        return true;
    ps_words_fail(2,
                  ps_words("root cannot become the user whom this folder belongs to",
                           "root 无法切换为该文件夹所属的用户"),
                  path, ps_words("run it as that user", "请以该用户运行"));
    return false;
}
