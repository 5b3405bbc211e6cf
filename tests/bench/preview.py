#!/usr/bin/env python3
# What live pictures cost a recording: CPU time of the recorder and frames that it dropped, with nobody, one and several
# looking. Figures only; on a machine that is not idle under `nice -n -15`. PREVIEW_BEFORE=BUILD: another build of the programs in turn with this one, with nobody looking.
#
#   PREVIEW_SECONDS=20   PREVIEW_TURNS=3   PREVIEW_SIZE=1920x1080
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import station
from senses import Preview
from station import Station, mjpeg_film, statement

SECONDS = int(os.environ.get("PREVIEW_SECONDS", "20"))
TURNS = int(os.environ.get("PREVIEW_TURNS", "3"))
SIZE = os.environ.get("PREVIEW_SIZE", "1920x1080")
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of user and system time of a process, all threads."""
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def look(p, counts, i):
    try:
        while p.frame():
            counts[i] += 1
    except OSError:
        pass  # closed at the end


def one(build, film, lookers):
    """CPU per second of film, dropped and captured frames, pictures that were looked at."""
    station.BUILD, station.PACKSEAL = build, os.path.join(build, "packseal")
    counts = [0] * len(lookers)
    with Station({"top": "lavf:" + film}) as s:
        s.start()
        views = [Preview(s, camera="top", **w) for w in lookers]
        for i, p in enumerate(views):
            threading.Thread(target=look, args=(p, counts, i), daemon=True).start()
        time.sleep(1)
        pid = s.children()["recorder"]
        s.scan("SF1234567890123")
        begun, used = time.monotonic(), cpu(pid)
        time.sleep(SECONDS)
        used = (cpu(pid) - used) / (time.monotonic() - begun)
        s.stop()
        for p in views:
            p.close()
        c = statement(s.clips()[0])["tracks"][0]["counts"]
        return used, c["dropped"], c["captured"], sum(counts)


def main():
    cases = [("nobody looks", station.BUILD, [])]
    if os.environ.get("PREVIEW_BEFORE"):
        cases.insert(0, ("before there was a preview", os.environ["PREVIEW_BEFORE"], []))
    cases += [("one, 640 wide, 5 a second", station.BUILD, [{"width": 640, "fps": 5}]),
              ("one, 1280 wide, 15 a second", station.BUILD, [{"width": 1280, "fps": 15}]),
              ("20, 640 wide, 5 a second", station.BUILD, [{"width": 640, "fps": 5}] * 20)]
    film = mjpeg_film("/tmp/packseal-preview-%d.avi" % os.getpid(), size=SIZE, fps=30, seconds=5)
    rows = {name: [] for name, _, _ in cases}
    try:
        for _ in range(TURNS):
            for name, build, lookers in cases:
                rows[name].append(one(build, film, lookers))
    finally:
        os.unlink(film)
    print("%s at 30/s, %d s, %d turns, load %.1f of %d processors\n" % (SIZE, SECONDS, TURNS, os.getloadavg()[0], os.cpu_count()))
    print("%-32s %8s %8s %8s   %s" % ("", "CPU", "least", "most", "dropped of captured; pictures sent"))
    for name, _, _ in cases:
        r = sorted(rows[name])
        print("%-32s %8.3f %8.3f %8.3f   %d of %d; %d" % (name, r[len(r) // 2][0], r[0][0], r[-1][0], sum(x[1] for x in r),
                                                       sum(x[2] for x in r), sum(x[3] for x in r)))


main()
