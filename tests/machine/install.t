#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# INSTALL.md, followed to the letter by somebody who reads nothing else: each command of its sections 1 to 5, from a bare
# Debian 12 to the first verified clip.
# Real here: the commands as they stand there, Debian's archive, the build, then a machine of its own with kernel, systemd,
# udev and a camera of the serial number that INSTALL.md names. Not real: the processor that compiles is this machine's (the
# first two sections run in a container of the same root), and somebody says yes to apt and sudo.
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import BUILD, HOME, SRC, prepare, skip_all, tap  # noqa: E402
from station_vm import Station  # noqa: E402
from station import run  # noqa: E402

WHO, WHERE = "bench", "/home/bench"
# The container forbids what a machine does not: locked keys, and the signer's own confinement.
CALLS = "@memlock seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"


def commands(section):
    """The lines of a section's code blocks, without their comments; and sudo commands in its text."""
    with open(os.path.join(SRC, "INSTALL.md"), encoding="utf-8") as f:
        text = f.read()
    body = re.search(r"^## %d\. .*?\n(.*?)(?=^##)" % section, text, re.M | re.S).group(1)
    found = []
    for block, inline in re.findall(r"^```\n(.*?)^```|`(sudo [^`]+)`", body, re.M | re.S):
        for line in (block or inline).splitlines():
            line = re.sub(r"\s{2,}#.*$", "", line).strip()
            if line:
                found.append(line)
    return found


def bare_root():
    """A Debian with what its installer leaves, and nothing for us: kept."""
    tar, new = os.path.join(HOME, "bare.tar"), os.path.join(HOME, "new-bare.tar")
    if not os.path.exists(tar):
        r = run("mmdebstrap", "--quiet", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,udev,kmod,sudo,adduser,"
                "util-linux,procps,iproute2,e2fsprogs", "--aptopt=Apt::Install-Recommends \"false\"",
                "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm",
                new, timeout=1800)
        if r.returncode != 0:
            skip_all("no Debian root could be made: " + r.stderr.decode(errors="replace")[-300:].replace("\n", " "))
        os.rename(new, tar)
    return tar


def put(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def set_up_root(root):
    os.makedirs(root)
    subprocess.run(["tar", "-C", root, "-xf", bare_root(), "--exclude=./dev/*"], check=True)
    put(root + "/etc/apt/apt.conf.d/90yes", 'APT::Get::Assume-Yes "true";\n')
    put(root + "/etc/hosts", "127.0.0.1 localhost station\n")
    subprocess.run(["chroot", root, "useradd", "-m", "-s", "/bin/bash", "-G", "sudo,video", WHO], check=True)
    put(root + "/etc/sudoers.d/bench", "%s ALL=(ALL) NOPASSWD: ALL\n" % WHO, 0o440)
    tree = root + WHERE + "/packseal"
    os.mkdir(tree)
    listed = run("git", "-C", SRC, "ls-files", "--cached", "--others", "--exclude-standard")
    names = listed.stdout.decode().splitlines() if listed.returncode == 0 else \
        run("find", ".", "-path", "./build", "-prune", "-o", "-type", "f", "-print", cwd=SRC).stdout.decode().splitlines()
    names = [n for n in names if os.path.isfile(os.path.join(SRC, n))]
    tar = subprocess.run(["tar", "-C", SRC, "-cf", "-", "-T", "-"], input="\n".join(names).encode(), stdout=subprocess.PIPE,
                         check=True)
    subprocess.run(["tar", "-C", tree, "-xf", "-", "--no-same-owner"], input=tar.stdout, check=True)
    subprocess.run(["chroot", root, "chown", "-R", "%s:" % WHO, WHERE], check=True)


def in_container(root, lines):
    """The lines as one session of a person; its exit status, and what it said."""
    put(root + WHERE + "/session", "set -ex\ncd ~\n%s\n" % "\n".join(lines))
    r = subprocess.run(["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--as-pid2", "--system-call-filter=" + CALLS,
                        "--setenv=DEBIAN_FRONTEND=noninteractive", "--hostname=station", "-D", root, "--user=" + WHO, "/bin/bash",
                        WHERE + "/session"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=3000, check=False)
    return r.returncode, r.stdout.decode(errors="replace")


def built_and_installed(root):
    lines = commands(1) + commands(2)
    tap.diag("sections 1 and 2: " + " ; ".join(lines))
    code, said = in_container(root, lines)
    if not tap.same(code, 0, "sections 1 and 2, to the letter: tried, built, installed"):
        tap.diag(said[-3000:])
        tap.done()
    tap.ok(re.search(r"^packseal \d+\.\d+", said, re.M), "packseal says its version", said[-300:])
    for name in ("usr/bin/packseal", "usr/libexec/packseal/packseal-recorder"):
        tap.ok(os.path.exists(os.path.join(root, name)), "there is /" + name)


def as_person(m, line, seconds=300):
    m.put("/home/bench/line", "cd ~/packseal && %s\n" % line)
    return m.status("su - %s /home/bench/line" % WHO, seconds)


def first_clip(m):
    source = re.search(r"--camera (\w+)=v4l2:serial=(\w+)", " ".join(commands(4)))
    m.plug_camera("cam", port=0, serial=source.group(2))
    tap.ok(m.wait("test -e /dev/v4l/by-id/*%s*index0" % source.group(2), 90), "the camera that INSTALL.md names is there")
    for line in commands(3) + commands(4):
        code, said = as_person(m, line)
        tap.ok(code == 0, line, said[-800:])
        if line == "packseal cameras":
            tap.ok("serial=" + source.group(2) in said, "it names the camera by its serial number", said)
    tap.ok(m.able(180), "the station is ready", m.run("packseal status; journalctl -b -n 40 --no-pager"))
    for line in commands(5):
        code, said = as_person(m, line)
        # Units that ran and ended make `systemctl status` say 3.
        tap.ok(code == 0 or (code == 3 and line.startswith("systemctl status")), line, code, said[-800:])
        if " scan " in line:
            m.film(40)
        if " verify " in line:
            tap.diag(said)
            tap.ok("intact" in said and "trusted" in said, "the first verified clip: intact, trusted", said)
        if line.startswith("journalctl"):
            tap.diag(said)


if shutil.which("systemd-nspawn") is None:
    skip_all("no systemd-nspawn: package systemd-container")
prepare()
home = os.path.join(HOME, "install")
shutil.rmtree(home, ignore_errors=True)
os.makedirs(home)
os.symlink("../kernel", os.path.join(home, "kernel"))
root = os.path.join(home, "new-root")
set_up_root(root)
built_and_installed(root)
shutil.rmtree(root + "/var/cache/apt/archives", ignore_errors=True)
r = run("bash", os.path.join(SRC, "tests", "machine", "prepare.sh"), home, root, timeout=900,
        env={**os.environ, "PACKSEAL_SRC": SRC, "PACKSEAL_BUILD": BUILD})
tap.same(r.returncode, 0, "that root becomes a machine's disk")
tap.diag((r.stdout + r.stderr).decode(errors="replace").rstrip())
with Station(home=home) as m:
    m.boot()
    first_clip(m)
    m.power_off()
shutil.rmtree(home, ignore_errors=True)
tap.done()
