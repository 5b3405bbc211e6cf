# What a screen and a player read: the recorder's events and its live pictures (docs/PROTOCOL.md).
import json
import os
import select
import socket
import struct
import subprocess
import time

from station import BUILD, run, statement


class Events:
    """A listener. .status is what it was welcomed with; .all what came since."""

    def __init__(self, station):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(station.path("run", "control.sock"))
        self.sock.sendall(b'{"do":"events"}\n')
        self.rest, self.all, self.ended = b"", [], False
        self.welcome = self.line(10)
        self.status = self.welcome.get("status", {})

    def line(self, seconds):
        """The next line, or {} when none came in time."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or self.ended or not select.select([self.sock], [], [], left)[0]:
                return {}
            data = self.sock.recv(65536)
            self.ended = not data
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def until(self, seconds=15, **wanted):
        """The first event from here on with these members, else {}."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            e = self.line(end - time.monotonic())
            if not e:
                break
            self.all.append(e)
            if all(e.get(k) == v for k, v in wanted.items()):
                return e
        return {}

    def drain(self, seconds=0.3):
        """All that comes until it is quiet for so long."""
        e = self.line(seconds)
        while e:
            self.all.append(e)
            e = self.line(seconds)
        return self.all

    def close(self):
        self.sock.close()


class Preview:
    """Somebody who looks."""

    def __init__(self, station, line=None, **wanted):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(15)
        self.sock.connect(station.path("run", "preview.sock"))
        try:
            self.sock.sendall(json.dumps(wanted).encode() + b"\n" if line is None else line)
        except (BrokenPipeError, ConnectionResetError):
            pass  # turned away: read tells

    def read(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.sock.recv(n - len(data))
            except (ConnectionResetError, BrokenPipeError):
                more = b""
            if not more:
                return None
            data += more
        return data

    def frame(self):
        """(driver's stamp, JPEG), or None at the end."""
        head = self.read(12)
        if head is None:
            return None
        n, mono_ns = struct.unpack(">IQ", head)
        return mono_ns, self.read(n)

    def close(self):
        self.sock.close()


def jpeg_size(data):
    """Width and height of a JPEG, from its first frame header."""
    at = 2
    while data[at] == 0xFF and not 0xC0 <= data[at + 1] <= 0xC2:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return width, height


def banners(clip, frames):
    """The columns of the banner in these pictures of a clip's first film: a list of bytes for each."""
    track = statement(clip)["tracks"][0]
    rect = track["banner"]
    r = run("ffmpeg", "-nostdin", "-v", "error", "-i", os.path.join(clip, track["file"]["name"]), "-vf",
            "select=%s,crop=%d:%d:%d:%d" % ("+".join("eq(n\\,%d)" % n for n in frames), rect["w"], rect["h"], rect["x"], rect["y"]),
            "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    size = rect["w"] * rect["h"]
    whole = [r.stdout[at:at + size] for at in range(0, len(r.stdout), size)]
    return [[p[x::rect["w"]] for x in range(rect["w"])] for p in whole]


def unlike(a, b):
    """Mean difference of two columns, in grey levels."""
    return sum(abs(x - y) for x, y in zip(a, b)) / max(1, len(a))


def code_columns(one, two):
    """Where the code stands: of two clips' pictures the columns that hold still within each and are others in the other."""
    if len(one) < 3 or len(two) < 3 or len(one[0]) != len(two[0]):
        return []
    return [x for x in range(len(one[0])) if unlike(one[1][x], one[2][x]) < 6 and unlike(two[1][x], two[2][x]) < 6
            and unlike(one[2][x], two[2][x]) > 12]


def bears(first, own, other, columns):
    """Does this picture show there what its own clip shows, not what the other does? A few columns of the clock, whose seconds
    went on, may stand among those of the code."""
    mine, theirs = (sum(unlike(first[x], p[x]) for x in columns) for p in (own, other))
    return len(columns) > 40 and mine * 4 < theirs


class Player:
    """packseal-player on ALSA's own plug-ins: what it plays is a file, whose samples the real library wrote."""

    def __init__(self, station, *more, device="heard", env=None):
        self.heard = os.path.join(station.dir, "heard.raw")
        self.conf = os.path.join(station.dir, "asound.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write('pcm.heard { type file slave.pcm { type null } file "%s" format "raw" }\n' % self.heard)
        self.log = open(os.path.join(station.dir, "player.log"), "wb+")
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "packseal-player"), "--root", station.root, "--device", device, "--trace", *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, "ALSA_CONFIG_PATH": "/usr/share/alsa/alsa.conf:" + self.conf, **(env or {})})
        self.rest = b""

    def next(self, seconds=15):
        """The next sound that began, else {}."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return {}
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return {}
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def said(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(20)
        self.process.stdout.close()
        self.log.close()
        return status
