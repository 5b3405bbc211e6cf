#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Cameras and scanners come, go and return in the middle of a clip; keys do not reach the console.
# Real here: uvcvideo, usbhid, evdev, udev, the kernel's console, the programs as installed, a machine restored from its
# saved life. Emulated: the processor and the electronics of the USB devices: killing them is pulling the plug.
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import tap  # noqa: E402
from station_vm import CODES, ready_station  # noqa: E402


def newest(m):
    return json.loads(m.must("cat $(ls -td /var/lib/packseal/clips/[0-9]*/*/*/*/ | head -1)/clip.json"))


def count(text):
    return int(text.strip().split()[0]) if text.strip() else 0


with ready_station() as m:
    tap.ok(m.able(60), "the station is able to record", m.state())

    # The keyboard is grabbed: what is typed must not come out at the console, where a shell may wait.
    m.must("systemctl stop getty@tty1 2>/dev/null; (setsid sh -c 'exec cat </dev/tty1 >/tmp/console.typed' &); sleep 1")
    event = m.must("readlink -f /dev/input/by-id/*GUN0001*event-kbd").strip()
    m.type("gun", CODES[0] + "\n")
    tap.ok(m.until('"state":"recording".*%s' % CODES[0]), "a code typed by the USB keyboard starts a clip", m.state())
    tap.same(m.must("cat /tmp/console.typed").strip(), "", "nothing of it reaches the console")
    _, said = m.status("timeout 3 evtest --grab %s" % event, 30)
    tap.ok("grabbed" in said or "busy" in said.lower(), "the kernel refuses the keyboard to a second program", said[-200:])

    # The camera is pulled out and put back.
    m.run("sleep 4")
    m.unplug("top")
    tap.ok(m.until('camera-lost|"state":"(lost|away|gone|absent)"', 30), "a camera pulled out is an alarm at once", m.state())
    tap.ok('"state":"recording"' in m.run("packseal status --json"), "the clip goes on without it")
    m.run("sleep 3")
    m.replug("top")
    tap.ok(m.wait("packseal status --json | grep -q '\"state\":\"live\"' && ! packseal status --json | grep -q camera-lost",
                  60), "put back, it is taken again", m.state())
    m.run("sleep 4")

    # The scanner too; on another port.
    m.unplug("gun")
    tap.ok(m.until("scanner-lost", 30), "a scanner pulled out is an alarm", m.state())
    m.put("/etc/rig/usb/gun", "keyboard --serial GUN0001 --port 11\n")
    m.replug("gun")
    tap.ok(m.wait("! packseal status --json | grep -q scanner-lost", 60), "back at another port, it is taken again", m.state())
    m.type("gun", CODES[0] + "\n")
    tap.ok(m.until('"state":"idle"', 90), "the same code by that scanner ends the clip", m.state())
    first = newest(m)
    track = first["tracks"][0]
    tap.diag("end %s, gaps %s" % (first.get("end_reason"), json.dumps(track.get("gaps"))))
    tap.same(first["end_reason"], "same-code", "the clip's end is the scan's")
    tap.ok(any(g["reason"] == "camera-lost" for t in first["tracks"] for g in t["gaps"]), "the gap is stated: camera-lost")
    tap.same(len(first["tracks"]), 1, "a camera that returns as it was goes on in its track")

    # It comes back with another format.
    m.type("gun", CODES[1] + "\n")
    tap.ok(m.until('"state":"recording".*%s' % CODES[1]), "the next clip starts", m.state())
    m.run("sleep 4")
    m.unplug("top")
    m.until("camera-lost", 30)
    m.plug_camera("top", port=0, serial="CAM0001", sizes=("352x288",))
    tap.ok(m.wait("packseal status --json | grep -q '\"state\":\"live\"' && ! packseal status --json | grep -q camera-lost",
                  60), "a camera that offers only another size is taken back", m.state())
    m.run("sleep 5")
    m.must("packseal stop", 180)
    second = newest(m)
    tap.same([(t["width"], t["height"]) for t in second["tracks"]], [(320, 240), (352, 288)], "its new pictures are a new track")

    # What it costs to be away: lines, descriptors.
    recorder = m.must("pgrep -f packseal-recorder | head -1").strip()
    m.unplug("top")
    m.until("camera-lost|lost", 30)
    m.run("sleep 2")
    before = count(m.run("journalctl -b --no-pager -t packseal -t packseal-recorder | wc -l"))
    fds = count(m.run("ls /proc/%s/fd | wc -l" % recorder))
    m.run("sleep 40")
    lines = count(m.run("journalctl -b --no-pager -t packseal -t packseal-recorder | wc -l")) - before
    now = count(m.run("ls /proc/%s/fd | wc -l" % recorder))
    tap.ok(lines <= 10, "40 s without the camera cost at most ten lines in the journal (%d)" % lines)
    tap.ok(now <= fds, "and no file descriptors (%d, then %d)" % (fds, now))
    m.plug_camera("top", port=0, serial="CAM0001")
    tap.ok(m.able(60), "afterwards it can record again", m.state())
    tap.same(m.status("packseal ledger check")[0], 0, "the ledger is in order")
tap.done()
