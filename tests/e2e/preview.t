#!/usr/bin/env python3
# Live pictures for the screen: the camera's own or smaller ones, only sound ones, and a thread that is there only while
# somebody looks.
import glob
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from senses import Preview, jpeg_size
from station import SANITIZED, Station, mjpeg_film, statement, tap, wait_for

WIDTH, HEIGHT, FPS = (640, 360, 15) if SANITIZED else (1280, 720, 30)


def break_some(film, out):
    """Every third picture of the film loses bytes in its middle: each is as long as before, and no decoder takes it."""
    with open(film, "rb") as f:
        data = bytearray(f.read())
    at, n = data.find(b"\xff\xd8\xff"), 0
    while at >= 0:
        end = data.find(b"\xff\xd9", at)
        if n % 3 == 2:
            middle = (at + end) // 2
            data[middle:middle + 40] = b"\xff\xd0\xff\xd3" * 10  # restart marks where none may be
        n += 1
        at = data.find(b"\xff\xd8\xff", end)
    with open(out, "wb") as f:
        f.write(data)
    return out


def all_sound(pictures):
    """A strict decoder has no remark on any of them, and finds as many."""
    r = subprocess.run(["ffmpeg", "-nostdin", "-v", "warning", "-err_detect", "explode", "-f", "mjpeg", "-i", "-", "-fps_mode",
                        "passthrough", "-f", "framecrc", "-"], input=b"".join(pictures), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=60, check=False)
    shown = [line for line in r.stdout.splitlines() if not line.startswith(b"#")]
    return r.returncode == 0 and b"rror" not in r.stderr and len(shown) == len(pictures)


def threads(s):
    names = []
    for path in glob.glob("/proc/%d/task/*/comm" % s.children()["recorder"]):
        try:
            with open(path, encoding="utf-8") as f:
                names.append(f.read().strip())
        except OSError:
            pass
    return names


def check_sizes(s):
    half = (WIDTH // 2, HEIGHT // 2)
    for camera, wanted, size in (("top", WIDTH, (WIDTH, HEIGHT)), ("top", WIDTH // 2, (WIDTH, HEIGHT)),
                                 ("top", WIDTH // 2 - 1, half), ("top", WIDTH // 4, (WIDTH // 4, HEIGHT // 4)),
                                 ("raw", 640, (640, 360)), ("raw", 320, (320, 180)), ("raw", 1, (160, 90)), ("raw", 99999, (640, 360))):
        p = Preview(s, camera=camera, width=wanted, fps=15)
        frames = [p.frame() for _ in range(3)]
        p.close()
        good = all(frames) and all_sound([f[1] for f in frames])
        tap.same((good, jpeg_size(frames[0][1]) if good else None), (True, size), "%s for a width of %d" % (camera, wanted))
        stamps = [f[0] for f in frames]
        tap.ok(stamps == sorted(set(stamps)) and 0 < time.monotonic_ns() - stamps[-1] < 60e9, "with the driver's stamps", stamps)
        steps = [b - a for a, b in zip(stamps, stamps[1:])]
        tap.ok(all(x > 1e9 / 15 * 0.4 for x in steps), "and no more of them than were asked for", steps)


def check_own(s):
    """The camera's own JPEG goes to people as it is, and only when it is whole."""
    p = Preview(s, camera="bad", width=640, fps=15)
    frames = [p.frame()[1] for _ in range(12)]
    p.close()
    with open(s.bad_film, "rb") as f:
        film = f.read()
    tap.ok(all(f in film for f in frames), "the camera's own bytes")
    tap.ok(all_sound(frames), "and none that is damaged, though every third one is")
    at = [film.find(b"\xff\xd8\xff")]
    while at[-1] >= 0:
        at.append(film.find(b"\xff\xd8\xff", at[-1] + 3))
    tap.ok(not all_sound([film[a:film.find(b"\xff\xd9", a) + 2] for a in at[:3]]), "which a strict decoder would have said")
    p = Preview(s, camera="bad", width=160, fps=15)
    frames = [p.frame()[1] for _ in range(8)]
    p.close()
    tap.ok(all_sound(frames) and all(jpeg_size(f) == (160, 90) for f in frames), "nor a smaller one made of a damaged one",
           [jpeg_size(f) for f in frames])


def check_refusals(s):
    for name, line in {"a camera that is not there": b'{"camera":"none"}\n', "no JSON": b"hello\n", "no object": b"[1]\n", "no camera": b"{}\n",
                       "a line without end": b"x" * 4096, "something behind the line": b'{"camera":"top"}\nmore'}.items():
        tap.ok(Preview(s, line).frame() is None, "ended without a picture: " + name)


def check_many(s):
    """All places taken; a slow one gets the newest pictures, and keeps nobody waiting."""
    wait_for(lambda: "preview" not in threads(s), 15)  # who looked before has left his place
    slow = Preview(s, camera="top", width=WIDTH, fps=15)
    many = [Preview(s, camera="top", width=320, fps=1) for _ in range(31)]  # slowly: each waits for its turn to read
    tap.ok(all(m.frame() for m in many), "31 more look at the same time")
    tap.ok(Preview(s, camera="top").frame() is None, "the 33rd is turned away")
    before = many[0].frame()[0]
    wait_for(lambda: many[0].frame()[0] - before > 3e9, 20, 0)
    first, stamps = slow.frame(), []
    while first and len(stamps) < 40:  # what lay in its socket, then the newest
        stamps.append(first[0])
        if time.monotonic_ns() - first[0] < 1.5e9:
            break
        first = slow.frame()
    tap.ok(first and len(stamps) < 40, "who reads nothing for seconds does not get all that was missed", len(stamps))
    for p in many + [slow]:
        p.close()


def main():
    with Station({"top": "lavf:TOP", "raw": "lavf:lavfi:testsrc2=size=640x360:rate=%d" % FPS, "bad": "lavf:BAD"}) as s:
        film = mjpeg_film(os.path.join(s.dir, "top.avi"), size="%dx%d" % (WIDTH, HEIGHT), fps=FPS, seconds=4)
        small = mjpeg_film(os.path.join(s.dir, "small.avi"), size="640x360", fps=FPS, seconds=4)
        s.bad_film = break_some(small, os.path.join(s.dir, "bad.avi"))
        with open(s.path("packseal.conf"), encoding="utf-8") as f:
            text = f.read()
        with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(text.replace("lavf:TOP", "lavf:" + film).replace("lavf:BAD", "lavf:" + s.bad_film))
        s.start()
        tap.ok("preview" not in threads(s), "nobody looks: there is no thread for it")
        mode = os.stat(s.path("run", "preview.sock")).st_mode & 0o777
        tap.same(mode, 0o660, "the socket is the group's")
        p = Preview(s, camera="top")
        tap.ok(p.frame() and "preview" in threads(s), "somebody looks: there is one")
        p.close()
        tap.ok(wait_for(lambda: "preview" not in threads(s), 10), "and none after that")
        s.scan("SF1234567890123")
        check_sizes(s)
        check_own(s)
        check_refusals(s)
        check_many(s)
        tap.ok(wait_for(lambda: "preview" not in threads(s), 15), "all have gone, and so has the thread")
        last = Preview(s, camera="top")
        last.frame()
        s.stop()
        c = statement(s.clips()[0])
        counts = {t["camera"]: t["counts"] for t in c["tracks"]}
        tap.ok(counts["bad"]["damaged"] > 0 and counts["top"]["damaged"] == 0, "the recording counted the damaged ones for itself", counts)
        tap.same(s.end(), 0, "run ends with 0 while somebody looks")
        tap.ok(last.frame() is None or wait_for(lambda: last.frame() is None, 5, 0), "who is told so")
        tap.ok(not os.path.exists(s.path("run", "preview.sock")), "and the socket is gone")
    tap.done()


main()
