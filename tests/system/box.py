# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with a real systemd and no kernel of its own: Debian from make-root.sh under an overlay, booted by
systemd-nspawn, with this build installed by `make install`. What is in it: PID 1, units, journal, sandboxing, users,
sockets, watchdog. What is not: udev, devices, cgroup limits, another network than loopback."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("PACKSEAL_SRC") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("PACKSEAL_BUILD") or os.path.join(SRC, "build", "release")
CACHE = os.path.join(SRC, "build", "system")
MAKE_ROOT = os.path.join(SRC, "tests", "system", "make-root.sh")
# nspawn refuses these, which a machine of its own does not: locked keys, and the signer's own confinement.
CALLS = "@memlock seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def own_mounts():
    """Runs this script again where its mounts are nobody else's; they end with it."""
    if os.environ.get("SYSTEM_BOX") == "1":
        return
    if os.environ.get("PACKSEAL_SAN"):
        skip("a build with sanitizers needs libraries and system calls that the units refuse")
    if os.geteuid() != 0:
        skip("only root boots a machine with systemd-nspawn: run it with sudo")
    for tool, package in (("systemd-nspawn", "systemd-container"), ("mmdebstrap", "mmdebstrap"),
                          ("unshare", "util-linux"), ("nsenter", "util-linux")):
        if shutil.which(tool) is None:
            skip(f"{tool} is not here: package {package} (make deps-check)")
    os.environ["SYSTEM_BOX"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable] + sys.argv)


class Box:
    def __init__(self):
        made = subprocess.run(["sh", MAKE_ROOT, CACHE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if made.returncode != 0:
            skip("no Debian root could be made: " + made.stderr.strip().replace("\n", " | "))
        self.dir = tempfile.mkdtemp(prefix="run.", dir=CACHE)
        self.root = os.path.join(self.dir, "root")
        for name in ("root", "upper", "work"):
            os.mkdir(os.path.join(self.dir, name))
        layers = f"lowerdir={made.stdout.strip()},upperdir={self.dir}/upper,workdir={self.dir}/work"
        mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root],
                                 stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            shutil.rmtree(self.dir)
            skip("no overlay can be mounted here: " + mounted.stderr.strip())
        os.chmod(os.path.join(self.dir, "upper"), 0o755)
        self.nspawn = self.leader = None
        self.install()

    def install(self):
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        # What was built is what is tested: -o all, so that other flags do not build it anew.
        subprocess.run(["make", "-s", "-C", SRC, "-o", "all", "VARIANT=" + os.path.basename(BUILD), "install",
                        "DESTDIR=" + self.root], env=env, stdout=subprocess.DEVNULL, check=True)

    def boot(self):
        self.console = open(os.path.join(self.dir, "console"), "ab")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network",
             "--system-call-filter=" + CALLS, "-D", self.root, "-b", "--console=pipe"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT, start_new_session=True)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.nspawn.poll() is None:
            children = subprocess.run(["pgrep", "-P", str(self.nspawn.pid)], stdout=subprocess.PIPE, text=True)
            if children.stdout.strip():
                self.leader = children.stdout.split()[0]
                if self.run("systemctl", "is-system-running", check=False)[1].strip() in ("running", "degraded"):
                    return True
            time.sleep(0.1)
        return False

    def run(self, *argv, check=True, timeout=120, text=None):
        done = subprocess.run(["nsenter", "-t", self.leader, "-m", "-p", "-n", "-u", "-i", "--", *argv], input=text,
                              stdin=subprocess.DEVNULL if text is None else None, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout)
        if check and done.returncode != 0:
            print("# " + " ".join(argv) + f": {done.returncode}\n# " + (done.stdout + done.stderr).replace("\n", "\n# "))
        return done.returncode, done.stdout, done.stderr

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit)[1].strip()

    def wait(self, what, seconds=60):
        """Until what() is true; its last answer."""
        end = time.monotonic() + seconds
        while True:
            answer = what()
            if answer or time.monotonic() > end:
                return answer
            time.sleep(0.2)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def halt(self):
        if self.nspawn is not None and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)    # as a power button
            try:
                self.nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.nspawn = self.leader = None

    def close(self):
        self.halt()
        subprocess.run(["umount", self.root], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)
