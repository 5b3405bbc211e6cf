#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# What an idle station costs without pre-roll, with it, and while it records: CPU and memory of the recorder on one camera of
# 720p30, played from film. Figures only: nothing here passes or fails.
#
#   preroll.py [SECONDS [WxH]]     of each turn, 20; 1280x720
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True
SRC = os.environ.get("PACKSEAL_SRC", os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..")))
sys.path.insert(0, os.path.join(SRC, "tests", "e2e"))
from station import Station, mjpeg_film, statement

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 20
SIZE = sys.argv[2] if len(sys.argv) > 2 else "1280x720"
FILM = os.environ.get("BENCH_FILM", os.path.join(SRC, "..", "shared", "footage", "box-640x480.mp4"))


def cpu(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak(pid):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        return next(int(line.split()[1]) // 1024 for line in f if line.startswith("VmHWM"))


def measure(pid):
    before, at = cpu(pid), time.monotonic()
    time.sleep(SECONDS)
    return (cpu(pid) - before) / (time.monotonic() - at)


def turn(film, seconds):
    """CPU idle, CPU recording, peak memory while idle, seconds before the scan, pictures dropped."""
    with Station({"top": "lavf:" + film}, settings={"preroll_seconds": seconds}) as s:
        s.start()
        pid = s.children()["recorder"]
        time.sleep(2 + seconds)
        idle, memory = measure(pid), peak(pid)
        s.scan("SF1234567890123")
        recording = measure(pid)
        s.stop()
        clip = statement(s.clips()[0])
        before = (clip["started"]["boot_ms"] - clip["tracks"][0]["first"]["boot_ms"]) / 1000
        return idle, recording, memory, before, clip["tracks"][0]["counts"]["dropped"]


def main():
    with tempfile.TemporaryDirectory(prefix="packseal-bench.") as work:
        film = mjpeg_film(os.path.join(work, "film.avi"), size=SIZE, seconds=20, source=FILM if os.path.exists(FILM) else None)
        print("%s, %g s a turn; load %.1f" % (SIZE, SECONDS, os.getloadavg()[0]))
        print("%-10s %10s %10s %10s %12s %8s" % ("pre-roll", "CPU idle", "CPU rec.", "peak MB", "before scan", "dropped"))
        for seconds in (0, 5, 30):
            print("%8d s %10.3f %10.3f %10d %10.1f s %8d" % (seconds, *turn(film, seconds)))
            sys.stdout.flush()


main()
