# A whole station under test: our real programs in a temporary folder, on film instead of cameras.
#
#   with Station(cameras={"top": film}) as s:
#       s.start(); s.scan("SF1234567890123"); ...; s.stop(); s.end()
#
# Test programs say with tap.ok() what they found and end with tap.done().
import glob
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

SRC = os.environ.get("PACKSEAL_SRC", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
BUILD = os.environ.get("PACKSEAL_BUILD", os.path.join(SRC, "build", "release"))
PACKSEAL = os.path.join(BUILD, "packseal")
SANITIZED = os.environ.get("PACKSEAL_SAN", "") != ""
TICKS = 90000


class Tap:
    def __init__(self):
        self.n = 0
        self.bad = 0

    def ok(self, good, name, *more):
        self.n += 1
        print("%sok %d - %s" % ("" if good else "not ", self.n, name))
        if not good:
            self.bad += 1
            for line in more:
                self.diag(str(line))
        sys.stdout.flush()
        return bool(good)

    def same(self, got, wanted, name):
        return self.ok(got == wanted, name, "got:    %r" % (got,), "wanted: %r" % (wanted,))

    def diag(self, text):
        for line in str(text).splitlines() or [""]:
            print("# " + line)
        sys.stdout.flush()

    def done(self):
        print("1..%d" % self.n)
        sys.exit(1 if self.bad else 0)


tap = Tap()


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def need_programs():
    """Ends the test loudly when the programs are not there: that is no reason to skip."""
    for name in ("packseal", "packseal-recorder", "packseal-signer"):
        if not os.access(os.path.join(BUILD, name), os.X_OK):
            print("Bail out! %s/%s is not built: run: make" % (BUILD, name))
            sys.exit(1)


def on_term(number, _frame):
    sys.exit(128 + number)  # so that `finally` and `with` clean up


for _s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_s, on_term)


def run(*args, timeout=120, **more):
    """Runs a program to its end; never raises for its exit status."""
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, check=False, **more)


def wait_for(what, seconds, every=0.05):
    """The first true value of what() within so many seconds, else its last one."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def mjpeg_film(path, size="640x360", fps=30, seconds=10, source=None, scene="testsrc2=size=%s:rate=%d"):
    """A film as a USB camera delivers it: motion JPEG, 4:2:2, full range, standard Huffman tables."""
    given = ["-i", source] if source else ["-f", "lavfi", "-i", scene % (size, fps)]
    w, h = size.split("x")
    turn = "scale=%s:%s:force_original_aspect_ratio=increase:flags=bicubic:out_range=full,crop=%s:%s,format=yuvj422p"
    r = run("ffmpeg", "-nostdin", "-v", "fatal", "-y", *given, "-t", seconds, "-an", "-r", fps, "-fps_mode", "cfr", "-vf",
            turn % (w, h, w, h), "-c:v", "mjpeg", "-huffman", "default", "-q:v", 5, path, timeout=300)
    if r.returncode != 0 or not os.path.getsize(path):
        raise RuntimeError("ffmpeg made no film: " + r.stderr.decode(errors="replace"))
    return path


class Station:
    def __init__(self, cameras, name="打包三号台", settings=None, scanners=None):
        need_programs()
        self.dir = tempfile.mkdtemp(prefix="packseal-e2e.")
        self.root = os.path.join(self.dir, "root")
        self.cameras, self.name, self.scanners = cameras, name, scanners or {}
        self.settings = settings or {}  # of [recording], instead of what init wrote
        self.process = None
        self.log = os.path.join(self.dir, "run.log")

    def __enter__(self):
        try:
            self.init()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, _value, _trace):
        self.end()
        if kind not in (None, SystemExit) or tap.bad:
            tap.diag("the station said last:")
            tap.diag(self.said()[-3000:])
        if os.environ.get("KEEP"):
            tap.diag("kept: " + self.dir)
        else:
            self.remove()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def cli(self, command, *args, timeout=60):
        return run(PACKSEAL, command, "--root", self.root, *args, timeout=timeout, env={**os.environ, "LC_ALL": "C.UTF-8"})

    def init(self):
        args = ["--station", self.name, "--id", "ST03", "--operator", "0017"]
        for name, source in self.cameras.items():
            args += ["--camera", "%s=%s" % (name, source)]
        for name, source in self.scanners.items():
            args += ["--scanner", "%s=%s" % (name, source)]
        r = self.cli("init", *args)
        if r.returncode != 0:
            raise RuntimeError("init: " + r.stderr.decode(errors="replace"))
        for key, value in self.settings.items():
            with open(self.path("packseal.conf"), encoding="utf-8") as f:
                text = f.read()
            line = "%s = %s" % (key, value)
            text, n = re.subn("(?m)^%s = .*$" % re.escape(key), line, text)
            if n == 0:
                text = text.replace("[recording]\n", "[recording]\n" + line + "\n")
            with open(self.path("packseal.conf"), "w", encoding="utf-8") as f:
                f.write(text)

    def said(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def start(self, seconds=40, more=(), env=None):
        """Starts `packseal run` and waits until it says ready. more: further options; env: further variables."""
        before = self.said().count("\nready") + self.said().startswith("ready")
        with open(self.log, "ab") as log:
            # A process group of its own, so that nothing of it outlives the test.
            self.process = subprocess.Popen([PACKSEAL, "run", "--root", self.root, *more], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            env={**os.environ, **(env or {})})

        def ready():
            said = self.said()
            return said.count("\nready") + said.startswith("ready") > before or self.process.poll() is not None
        wait_for(ready, seconds)
        if self.process.poll() is not None or not ready():
            raise RuntimeError("packseal run did not get ready")

    def end(self, seconds=60):
        """Ends `packseal run` as an operator does; gives its exit status."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                tap.diag("packseal run did not end within %d s" % seconds)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None
        return status

    def children(self):
        """Process ids of the programs that `packseal run` started, by name."""
        found = {}
        if self.process is None:
            return found
        for status in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(status, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                rest = text[text.rindex(")") + 2:].split()
                if int(rest[1]) != self.process.pid or rest[0] == "Z":
                    continue
                pid = int(text.split(" ", 1)[0])
                exe = os.path.basename(os.readlink("/proc/%d/exe" % pid))
                # A program that was built anew meanwhile is shown as "… (deleted)".
                found[exe.split(" ")[0].replace("packseal-", "")] = pid
            except (OSError, ValueError):
                continue
        return found

    def scan(self, code, seconds=30):
        return self.cli("scan", code, timeout=seconds)

    def stop(self, seconds=60):
        return self.cli("stop", timeout=seconds)

    def find(self, *args):
        r = self.cli("find", "--json", *args)
        if r.returncode not in (0, 1):
            raise RuntimeError("find: " + r.stderr.decode(errors="replace"))
        return [json.loads(line) for line in r.stdout.decode().splitlines() if line.strip()]

    def folder(self, row):
        return row["path"] if os.path.isabs(row["path"]) else self.path(row["path"])

    def clips(self):
        """Published clip folders, oldest number first."""
        found = glob.glob(self.path("clips", "[0-9]*", "*", "*", "*", "clip.json"))
        return sorted((os.path.dirname(f) for f in found), key=lambda f: int(f.rsplit("-", 1)[1]))

    def half_done(self):
        return sorted(glob.glob(self.path("clips", ".part", "*")))

    def verify(self, *paths, trust=True):
        args = ["--trust", self.path("public", "trust")] if trust else []
        return run(PACKSEAL, "verify", "--json", *args, *paths)

    def leaves(self):
        """(type, index, subject) of each entry of the ledger, read by FORMAT.md section 4 alone."""
        out = []
        with open(self.path("ledger", "entries"), "rb") as f:
            while True:
                head = f.read(2)
                if len(head) < 2:
                    return out
                leaf = f.read(struct.unpack(">H", head)[0])
                if leaf[:4] != b"PSL1":
                    raise RuntimeError("no leaf where one should be")
                index, subject = struct.unpack(">QQ", leaf[24:40])
                out.append((leaf[4], index, subject))


def verdict(r):
    """Of `verify --json` of one clip: the clip's own line."""
    lines = [json.loads(line) for line in r.stdout.decode().splitlines()]
    return next((v for v in lines if "key" in v), lines[0] if lines else {"content": "nothing said", "problems": []})


def statement(folder):
    with open(os.path.join(folder, "clip.json"), encoding="utf-8") as f:
        return json.load(f)


def record_fields(text):
    """A segment record in hex -> its numbers (FORMAT.md section 3)."""
    track, seq, start, duration, frames, size = struct.unpack(">IIQQIQ", bytes.fromhex(text)[:36])
    return {"track": track, "seq": seq, "start": start, "duration": duration, "frames": frames, "bytes": size}


def track_ticks(track):
    return sum(record_fields(r)["duration"] for r in track["segments"])


def seconds_of(text):
    """RFC 3339, UTC -> seconds since 1970."""
    import datetime
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
