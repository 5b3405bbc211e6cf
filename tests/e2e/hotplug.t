#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A USB line without room for the wanted picture: the ladder, and who is told of the step. A camera and a scanner that stay
# away, and a loose plug: what that costs in lines of the log, in descriptors and in processor time.
# HOTPLUG_SECONDS=60 has them away for a minute.
import json
import os
import pty
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fakes"))
sys.path.insert(0, HERE)
import rig
from station import Station, need_programs, statement, tap, verdict, wait_for

rig.need_cameras()
need_programs()
SECONDS = int(os.environ.get("HOTPLUG_SECONDS", "5"))


def status(s):
    r = s.cli("status", "--json")
    return json.loads(r.stdout.decode() or "{}")


def camera_of(s, name="top"):
    return next((c for c in status(s).get("cameras", []) if c["name"] == name), {})


def files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def cpu(pid):
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
        rest = f.read().rsplit(")", 1)[1].split()
    return (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")


def lines(s):
    return [x for x in s.said().splitlines() if x.startswith("packseal-recorder: ")]


def clip(s, code, seconds=1.2):
    s.scan(code)
    time.sleep(seconds)
    s.stop()
    return s.clips()[-1]


def configure(s, text):
    path = s.path("packseal.conf")
    with open(path, encoding="utf-8") as f:
        conf = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(conf.replace("[camera top]\n", "[camera top]\n" + text))


master, slave = pty.openpty()
gone = os.path.join("/dev/shm", "packseal-scanner-%d" % os.getpid())
with rig.Camera("--sizes", "1280x720,640x480,320x240", "--fps", "30,15") as camera, \
        Station({"top": "v4l2:" + camera.path}, scanners={"gun": "serial:" + gone}) as s:
    os.symlink(os.ttyname(slave), gone)

    # ---- no room on the line: a ladder of what the camera lists

    camera.order("budget 10000000")  # 1280x720@30 needs 27.6 million, @15 13.8, 640x480@30 9.2
    s.start()
    c = camera_of(s)
    tap.same((c.get("state"), c.get("format"), c.get("fps"), c.get("reduced")),
             ("live", "MJPG 640x480@30 (wanted 1280x720@30: USB bandwidth)", 30, True), "the largest picture that has room")
    alarms = status(s)["alarms"]
    tap.ok("camera-reduced: top: " + c.get("format", "-") in alarms, "an alarm says so", alarms)
    tap.same(sum("not enough room on its USB line" in x for x in lines(s)), 1, "and one line of the log")
    folder = clip(s, "SF1234567890123")
    track = statement(folder)["tracks"][0]
    tap.same((track["source_format"], track["width"]), (c.get("format"), 640), "the signed statement says it")
    tap.same((verdict(s.verify(folder))["content"], s.verify(folder).returncode), ("intact", 0), "the clip is intact")
    s.end()

    # ---- a declared ladder; mid-clip

    configure(s, "width = 1280\nheight = 720\nfallback = 1280x720@15 320x240@30\n")
    camera.order("budget 14000000")
    s.start()
    tap.same(camera_of(s).get("format"), "MJPG 1280x720@15 (wanted 1280x720@30: USB bandwidth)", "a declared step")
    s.scan("SF1234567890124")
    time.sleep(1)
    camera.order("unplug", "budget 3000000", "plug")
    tap.ok(wait_for(lambda: "MJPG 320x240@30 (wanted" in s.said(), 10), "back with less room: further down")
    time.sleep(1)
    s.stop()
    tracks = statement(s.clips()[-1])["tracks"]
    tap.same([t["source_format"].split(" (")[0] for t in tracks], ["MJPG 1280x720@15", "MJPG 320x240@30"],
             "a smaller picture is a new track, and says why")
    events = [e for e in statement(s.clips()[-1])["events"] if e["what"] == "camera-reduced"]
    tap.ok(len(events) == 2 and "320x240@30" in events[1]["text"], "both steps stand in the clip's time line", events)

    # ---- away for long

    pid = s.children()["recorder"]
    camera.order("budget 0", "unplug", "plug")
    tap.ok(wait_for(lambda: camera_of(s).get("reduced") is False, 10), "with room again, the wanted picture")
    before, lines_before, cpu_before = files(pid), len(lines(s)), cpu(pid)
    os.unlink(gone)
    os.close(slave)
    os.close(master)
    camera.order("unplug")
    wait_for(lambda: camera_of(s).get("state") == "away", 5)
    most = 0
    for _ in range(SECONDS * 10):
        time.sleep(0.1)
        most = max(most, files(pid))
    told = lines(s)[lines_before:]
    tap.ok(len(told) == 2 and any("camera top is away: the camera was unplugged" in x for x in told) and
           any("scanner gun went away" in x for x in told), "%d s of absence: one line a device" % SECONDS, *told)
    tap.ok(most <= before + 6, "and no descriptors pile up (%d at most, before %d)" % (most, before))
    tap.ok(wait_for(lambda: files(pid) <= before, 5), "none is left behind", files(pid), before)
    tap.ok(cpu(pid) - cpu_before < 0.2 * SECONDS, "and little work", cpu(pid) - cpu_before)
    alarms = status(s)["alarms"]
    tap.ok(any(a.startswith("camera-lost: top: ") and len(a) > 20 for a in alarms), "the alarm says why", alarms)

    # ---- a loose plug

    master, slave = pty.openpty()
    os.symlink(os.ttyname(slave), gone)
    camera.order("plug")
    tap.ok(wait_for(lambda: "camera top is back: MJPG 1280x720" in s.said(), 40), "the camera is back")
    tap.ok(wait_for(lambda: "scanner gun is there" in s.said(), 40), "the scanner too")
    lines_before = len(lines(s))
    for _ in range(12):
        camera.order("unplug")
        time.sleep(0.1)
        camera.order("plug")
        time.sleep(0.3)
    time.sleep(0.5)
    told = lines(s)[lines_before:]
    tap.ok(1 <= len(told) <= 12, "a loose plug is told in few lines (%d)" % len(told), *told)
    wait_for(lambda: camera_of(s).get("state") == "live", 40)
    wait_for(lambda: files(pid) <= before + 1, 5)
    tap.ok(files(pid) <= before + 1, "and leaves nothing open", files(pid), before)
    folder = clip(s, "SF1234567890125")
    tap.same(verdict(s.verify(folder))["content"], "intact", "and the station records")
    tap.same(s.end(), 0, "and ends in order")
    os.unlink(gone)
tap.done()
