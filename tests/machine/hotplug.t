#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Cameras and scanners come, go and return in the middle of a clip, at other ports and with other formats; two cameras; the
# machine starts anew with its ports swapped.
# Real here: uvcvideo, usbhid, evdev, udev, the programs as installed, a machine restored from its saved life, and a
# reboot. Emulated: the processor and the electronics of the USB devices: killing them is pulling the plug.
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import tap  # noqa: E402
from station_vm import CODES, ready_station  # noqa: E402

TAKEN_BACK = "packseal status --json | grep -q '\"state\":\"live\"' && ! packseal status --json | grep -q camera-lost"
SIDE = """
[camera side]
source = v4l2:serial=CAM0002
width = 320
height = 240
fps = 10
"""


def away(track):
    """Why pictures are missing in a track, but for those that a slow machine left out, which it states."""
    return sorted({g["reason"] for g in track["gaps"]} - {"queue-full"})


def count(m, command):
    return int(m.must(command).split()[0])


def pulled_and_put_back(m):
    tap.ok(m.scan(CODES[0], '"state":"recording".*%s' % CODES[0]), "a clip starts", m.state())
    m.film(30)
    m.unplug("top")
    tap.ok(m.until("camera-lost"), "a camera pulled out is an alarm", m.state())
    tap.same(m.state()["state"], "recording", "the clip goes on without it")
    m.run("sleep 3")
    m.replug("top")
    tap.ok(m.wait(TAKEN_BACK, 60), "put back, it is taken again", m.state())
    m.film(30)
    m.unplug("gun")
    tap.ok(m.until("scanner-lost"), "a scanner pulled out is an alarm", m.state())
    m.put("/etc/rig/usb/gun", "keyboard --serial GUN0001 --port 11\n")
    m.replug("gun")
    tap.ok(m.wait("! packseal status --json | grep -q scanner-lost", 60), "back at another port, it is taken again", m.state())
    tap.ok(m.scan(CODES[0], '"state":"idle"'), "the same code by that scanner ends the clip", m.state())
    clip = m.newest()
    tap.diag("end %s, gaps %s" % (clip["end_reason"], json.dumps(clip["tracks"][0]["gaps"])))
    tap.same(clip["end_reason"], "same-code", "the clip's end is the scan's")
    tap.same([away(t) for t in clip["tracks"]], [["camera-lost"]],
             "it has one track, whose gap is stated: camera-lost")
    counts = clip["tracks"][0]["counts"]
    tap.ok(counts["captured"] >= 60 and counts["repeated"] >= 2, "with film before and after, and a slate between", counts)


def another_format(m):
    tap.ok(m.scan(CODES[1], '"state":"recording".*%s' % CODES[1]), "the next clip starts", m.state())
    m.film(30)
    m.unplug("top")
    m.until("camera-lost")
    m.plug_camera("top", port=0, serial="CAM0001", sizes=("352x288",))
    tap.ok(m.wait(TAKEN_BACK, 60), "a camera that offers only another size is taken back", m.state())
    m.film(30)
    m.must("packseal stop", 180)
    clip = m.newest()
    tap.same([(t["width"], t["height"]) for t in clip["tracks"]], [(320, 240), (352, 288)], "its new pictures are a new track")
    tap.same([t["serial"] for t in clip["tracks"]], ["CAM0001", "CAM0001"], "of the same camera")
    tap.ok(clip["tracks"][1]["counts"]["captured"] >= 30, "with film", clip["tracks"][1]["counts"])


def cost_of_being_away(m):
    recorder = m.must("systemctl show -P MainPID packseal-recorder@ST03").strip()
    m.unplug("top")
    m.until('"able":false', 60)
    m.run("sleep 2")
    lines, fds = "journalctl -b --no-pager -t packseal-recorder | wc -l", "ls /proc/%s/fd | wc -l" % recorder
    cpu = "awk '{ print $14 + $15 }' /proc/%s/stat" % recorder
    before = count(m, lines), count(m, fds), count(m, cpu)
    m.run("sleep 40")
    after = count(m, lines), count(m, fds), count(m, cpu)
    tap.ok(after[0] - before[0] <= 10, "40 s without the camera: at most ten lines in the journal (%d)" % (after[0] - before[0]))
    tap.ok(after[1] <= before[1], "no file descriptors (%d, then %d)" % (before[1], after[1]))
    tap.ok(after[2] - before[2] <= 1000, "a quarter of the processor at most (%d ticks of 4000)" % (after[2] - before[2]))
    m.plug_camera("top", port=0, serial="CAM0001")
    tap.ok(m.able(60), "afterwards it can record again", m.state())


def of_two(m, code, ports):
    """One clip of both cameras; the serial number and port that it states for each name."""
    tap.ok(m.scan(code, '"state":"recording".*%s' % code), "a clip of two cameras", m.state())
    m.film(20)
    m.film(20, camera=1)
    m.must("packseal stop", 180)
    clip = m.newest()
    tap.same({t["camera"]: (t["serial"], t["path"].split(":")[-2]) for t in clip["tracks"]},
             {"top": ("CAM0001", ports[0]), "side": ("CAM0002", ports[1])}, "each name is its camera's, at ports %s" % (ports,))
    tap.ok(all(t["counts"]["captured"] >= 20 for t in clip["tracks"]), "both have film", [t["counts"] for t in clip["tracks"]])
    names = m.must("for s in CAM0001 CAM0002; do udevadm info -q property -n /dev/packseal/cam-$s | sed -n 's/^ID_SERIAL_SHORT=//p'; done")
    tap.same(names.split(), ["CAM0001", "CAM0002"], "the links of /dev/packseal too")


def two_cameras(m):
    m.plug_camera("side", port=1, serial="CAM0002")
    m.must("printf '%s' >>/etc/packseal/packseal.conf; systemctl restart packseal-recorder@ST03" % SIDE.replace("\n", "\\n"), 240)
    tap.ok(m.until('"name":"top"[^}]*"state":"live".*"name":"side"[^}]*"state":"live"', 90), "a second camera is there",
           m.state())
    of_two(m, CODES[2], ("1", "2"))
    tap.ok(m.scan(CODES[3], '"state":"recording".*%s' % CODES[3]), "the next clip starts", m.state())
    m.film(20)
    m.unplug("top")
    tap.ok(m.until("camera-lost"), "one of two pulled out is an alarm", m.state())
    m.film(30, camera=1)
    m.must("packseal stop", 180)
    tracks = {t["camera"]: t for t in m.newest()["tracks"]}
    tap.same({k: away(t) for k, t in tracks.items()}, {"top": ["camera-lost"], "side": []},
             "its gap is stated, and the other has none")


def ports_swapped(m):
    m.unplug("side")
    m.plug_camera("top", port=1, serial="CAM0001")
    m.plug_camera("side", port=0, serial="CAM0002")
    m.power_off()
    m.boot()
    tap.ok(m.until('"name":"top"[^}]*"state":"live".*"name":"side"[^}]*"state":"live"', 180), "after a start with the ports "
           "swapped both cameras are there", m.state())
    of_two(m, "SF2222222222222", ("2", "1"))


with ready_station() as m:
    tap.ok(m.able(60), "the station is able to record", m.state())
    pulled_and_put_back(m)
    another_format(m)
    cost_of_being_away(m)
    two_cameras(m)
    ports_swapped(m)
    tap.same(m.status("packseal ledger check", 240)[0], 0, "the ledger is in order")
    m.power_off()
tap.done()
