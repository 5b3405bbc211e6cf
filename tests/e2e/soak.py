#!/usr/bin/env python3
# Two cameras, 1280x720 at 30 frames a second, ten minutes (or SOAK_MINUTES): do the counts add up, what does it cost,
# does memory stay. Film of a packing table when SOAK_FILM names one. By hand, never part of `make check`:
#   python3 tests/e2e/soak.py
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import SRC, TICKS, Station, mjpeg_film, need_programs, record_fields, statement, tap, track_ticks

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
EARLY = min(2.0, MINUTES / 2)
CODE = "SF1234567890123"


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_kb(pid, what):
    with open("/proc/%d/status" % pid, encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(what + ":"))


def main():
    need_programs()
    work = tempfile.mkdtemp(prefix="packseal-soak.")
    film = os.environ.get("SOAK_FILM", os.path.join(SRC, "..", "shared", "footage", "box-640x480.mp4"))
    try:
        avi = mjpeg_film(os.path.join(work, "film.avi"), "1280x720", 30, 20, film if os.path.exists(film) else None)
        with Station({"top": "lavf:" + avi, "side": "lavf:" + avi}, settings={"idle_seconds": 0}) as s:
            s.start()
            if s.scan(CODE).returncode != 0:
                raise RuntimeError("scan")
            began = time.monotonic()
            pids = s.children()
            first = {n: cpu_seconds(p) for n, p in pids.items()}
            time.sleep(max(0.0, EARLY * 60 - (time.monotonic() - began)))
            early = {n: memory_kb(p, "VmRSS") for n, p in pids.items()}
            time.sleep(max(0.0, MINUTES * 60 - (time.monotonic() - began)))
            late = {n: memory_kb(p, "VmRSS") for n, p in pids.items()}
            peak = {n: memory_kb(p, "VmHWM") for n, p in pids.items()}
            took = time.monotonic() - began
            used = {n: cpu_seconds(p) - first[n] for n, p in pids.items()}
            tap.same(s.children(), pids, "no program was restarted")
            tap.same(s.stop(120).returncode, 0, "stop")
            folder = s.clips()[0]
            tap.same(s.verify(folder).returncode, 0, "the clip verifies")
            clip = statement(folder)
            tap.diag("%.0f s, two cameras 1280x720 at 30/s" % took)
            for name in sorted(pids):
                tap.diag("%-9s CPU %7.1f s = %.3f of a core; memory %.1f MB at minute %g, %.1f MB at minute %g, peak %.1f MB"
                         % (name, used[name], used[name] / took, early[name] / 1024, EARLY, late[name] / 1024, MINUTES,
                            peak[name] / 1024))
            for t in clip["tracks"]:
                c = t["counts"]
                seconds = track_ticks(t) / TICKS
                tap.diag("%-9s %.1f s, %s, %d gaps, %.2f Mbit/s" % (t["camera"], seconds, c, len(t["gaps"]),
                                                                 t["file"]["size"] * 8 / seconds / 1e6))
                tap.ok(c["encoded"] == c["captured"] - c["dropped"] - c["damaged"] + c["repeated"],
                       "%s: encoded = captured - dropped - damaged + repeated" % t["camera"], c)
                tap.same(sum(record_fields(r)["frames"] for r in t["segments"]), c["encoded"],
                         "%s: the records hold as many frames" % t["camera"])
                expected = seconds * 30
                tap.ok(abs(c["captured"] + c["repeated"] - expected) <= 0.01 * expected + 30,
                       "%s: 30 frames a second came in" % t["camera"], c, expected)
            tap.ok(late["recorder"] <= early["recorder"] + 1024,
                   "memory of the recorder at minute %g is at most 1 MB over minute %g" % (MINUTES, EARLY))
            s.end()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
