# SPDX-License-Identifier: GPL-3.0-or-later
# A station without cameras: the real signer, clips by tests/fakes/signerctl, and the servers outside that `packseal
# stamp` asks.
import json
import os
import shutil
import subprocess
import sys
import tempfile

from station import BUILD, PACKSEAL, SANITIZED, SRC, run, wait_for

SIGNER = os.path.join(BUILD, "packseal-signer")
CONTROL = os.path.join(BUILD, "tests", "fakes", "signerctl")


def need_signer():
    for path in (PACKSEAL, SIGNER, CONTROL):
        if not os.access(path, os.X_OK):
            print("Bail out! %s is not built: run: make test" % path)
            sys.exit(1)


class Server:
    """A fake of tests/fakes, which says in JSON where it serves and ends with its standard input."""

    def __init__(self, name, *options):
        self.p = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", name), *map(str, options)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said = json.loads(self.p.stdout.readline())
        self.url = self.said["url"]

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)


class Signing:
    def __init__(self, station="ST03"):
        need_signer()
        self.dir = tempfile.mkdtemp(prefix="packseal-signing.")
        self.root = self.path()
        self.station, self.p, self.codes = station, None, 0
        for d in ("", "run", "clips"):
            os.makedirs(self.path(d), exist_ok=True)
        os.mkdir(self.path("signer"), 0o700)
        r = run(SIGNER, "--dir", self.path("signer"), "--station", station, "--init")
        if r.returncode != 0:
            raise RuntimeError("signer --init: " + r.stderr.decode(errors="replace"))
        self.conf("")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.dir, "root", *parts)

    def start(self):
        more = ["--no-seccomp"] if SANITIZED else []
        self.p = subprocess.Popen([SIGNER, "--dir", self.path("signer"), "--allow-unconfined", *more],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(lambda: self.p.poll() is not None or self.say("status")[:1] == ["STATUS"], 20)
        if self.say("status")[:1] != ["STATUS"]:
            raise RuntimeError("the signer does not start: " + self.stop())

    def stop(self):
        """Ends the signer; what it said on standard error."""
        if self.p is None:
            return ""
        self.p.terminate()
        said = self.p.communicate(timeout=20)[1].decode(errors="replace")
        self.p = None
        return said

    def say(self, *lines):
        """First word of each answer."""
        r = subprocess.run([CONTROL, self.path("run", "signer.sock")], input="\n".join(lines).encode() + b"\n",
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=False)
        return [(x.split() or [""])[0] for x in r.stdout.decode().splitlines()]

    def clip(self):
        """One more sealed clip, and the checkpoint that covers it."""
        self.codes += 1
        before = self.size()
        self.say("open SF%d" % self.codes, "segment 0 500", "end", "seal")
        if not wait_for(lambda: self.size() >= before + 2, 10):
            raise RuntimeError("no checkpoint over the clip")

    def checkpoint(self):
        try:
            with open(self.path("ledger", "checkpoint"), encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return "\n0\n"

    def size(self):
        return int(self.checkpoint().split("\n")[1])

    def conf(self, text, patience="timeout = 10\nretries = 0\n"):
        with open(self.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write("[station]\nid = %s\n[time]\n%s%s" % (self.station, patience, text))

    def stamp(self, *args, timeout=60):
        """Exit status, the objects told, standard error."""
        r = run(PACKSEAL, "stamp", "--json", "--root", self.root, *args, timeout=timeout,
                env={**os.environ, "LC_ALL": "C.UTF-8"})
        return r.returncode, [json.loads(x) for x in r.stdout.decode().splitlines()], r.stderr.decode()

    def leaves(self):
        """Every leaf of the ledger, in order."""
        with open(self.path("ledger", "entries"), "rb") as f:
            data = f.read()
        out = []
        while data:
            n = int.from_bytes(data[:2], "big")
            out.append(data[2:2 + n])
            data = data[2 + n:]
        return out
