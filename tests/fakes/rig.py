# SPDX-License-Identifier: GPL-3.0-or-later
"""What the camera tests share: a fake camera, the probe that watches it through the recorder's code, TAP."""
import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("PACKSEAL_BUILD", "build/release")
FAKES = os.path.join(BUILD, "tests", "fakes")

_run = 0
_failed = 0


def ok(passed, text):
    global _run, _failed
    _run += 1
    _failed += not passed
    print(f"{'ok' if passed else 'not ok'} {_run} - {text}".replace("#", "\\#"), flush=True)
    return passed


def same(got, want, text):
    if not ok(got == want, text):
        diag(f"got {got!r}, expected {want!r}")


def between(got, low, high, text):
    if not ok(low <= got <= high, f"{text} ({got})"):
        diag(f"expected {low} to {high}")


def diag(text):
    print("# " + str(text).replace("\n", "\n# "), file=sys.stderr, flush=True)


def done():
    print(f"1..{_run}", flush=True)
    sys.exit(1 if _failed or _run == 0 else 0)


def skip_all(reason):
    diag(f"NOT CHECKED: {os.path.basename(sys.argv[0])}: {reason}")
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def need_cameras():
    if not os.path.exists("/dev/fuse"):
        skip_all("no /dev/fuse: the fake camera needs it")
    if os.geteuid() != 0:
        skip_all("not root: the fake camera cannot be mounted")
    for name in ("fusecam", "camprobe"):
        if not os.access(os.path.join(FAKES, name), os.X_OK):
            skip_all(f"{name} is not built")


class Camera:
    """A mounted fake camera; `path` is its device."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="packseal-cam-")
        self.path = os.path.join(self.folder, "video0")
        self.process = subprocess.Popen([os.path.join(FAKES, "fusecam"), *options, self.folder],
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            self.process.wait()
            shutil.rmtree(self.folder)
            skip_all("the fake camera cannot be mounted here")

    def order(self, *commands):
        # Never creates it: a camera that died must be noticed.
        control = os.open(os.path.join(self.folder, "control"), os.O_WRONLY)
        try:
            os.write(control, ("\n".join(commands) + "\n").encode())
        finally:
            os.close(control)

    def report(self):
        with open(os.path.join(self.folder, "control")) as control:
            return json.load(control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is not None:
            diag(f"the fake camera ended by itself, status {self.process.returncode}")
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Probe:
    """camprobe on a source; `events` grows as it speaks."""

    def __init__(self, source, *options):
        self.events = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([os.path.join(FAKES, "camprobe"), *options, source], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        atexit.register(self.process.kill)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait(self, fits, seconds, start=0):
        """The first event from number `start` on that fits, or None."""
        until = time.monotonic() + seconds
        with self.changed:
            while True:
                for event in self.events[start:]:
                    if fits(event):
                        return event
                left = until - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    return None

    def state(self, state, generation, seconds=15):
        found = self.wait(lambda e: e["event"] == "state" and e["state"] == state and
                          e["generation"] == generation, seconds)
        if found is None:
            diag(f"no state {state} of generation {generation}: {[e for e in self.events if e['event'] == 'state']}")
            return {"why": "", "format": "", "ms": -1}
        return found

    def counts(self):
        start = len(self.events)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found = self.wait(lambda e: e["event"] == "counts", 10, start)
        if found is None:
            raise RuntimeError("camprobe does not answer")
        return found

    def frames(self):
        return [e for e in self.events if e["event"] == "frame"]

    def end(self):
        """Ends it; the last counts, what it took to stop, and its stderr."""
        self.process.stdin.close()
        self.reader.join(20)
        self.process.wait(20)
        errors = self.process.stderr.read()
        self.process.stderr.close()
        self.process.stdout.close()
        self.status = self.process.returncode
        if errors:
            diag(errors[:2000])
        last = [e for e in self.events if e["event"] == "counts"][-1]
        last.update(stop_ms=self.events[-1].get("stop_ms", 99999), noise=errors, status=self.status)
        return last
