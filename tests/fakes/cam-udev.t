#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Cameras found by what udev knows of them: serial number, port, the only one; the same one again after an unplug, on any
# port, at once when udev says so; and never another one in its place.
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("PACKSEAL_SRC", "."), "tests", "fakes"))
import udevtree
from rig import Camera, Probe, between, need_cameras, ok, same, skip_all, done

need_cameras()
missing = udevtree.enter()
if missing:
    skip_all(missing)

bus = udevtree.Bus()
PORT = "pci-0000:00:14.0-usb-0:%s:1.0"


def seen(source, state="live", generation=1):
    """What a probe of this source says first; it is ended."""
    probe = Probe(source)
    found = probe.state(state, generation, 8)
    probe.end()
    return found


with Camera("--serial", "A1") as one, Camera("--serial", "B2", "--sizes", "640x480") as two:
    same(seen("v4l2:auto", "away", 0)["why"], "no camera is plugged in", "auto, with none plugged in")
    first = bus.plug("1", one.path, serial="A1", model="Top Cam", links=["packseal/cam-A1"])
    # A UVC camera's second node describes pictures and gives none.
    bus.plug("1", one.path + "-none", serial="A1", index="1", kernel="video90", ID_V4L_CAPABILITIES=":")
    found = seen("v4l2:auto")
    same((found.get("serial"), found.get("model"), found.get("path")), ("A1", "Top Cam", PORT % 1),
         "the only camera is found, with udev's words for it")

    second = bus.plug("2", two.path, serial="B2", model="Side Cam")
    same(seen("v4l2:serial=B2").get("width"), 640, "by serial number")
    same(seen("v4l2:port=" + PORT % 2).get("width"), 640, "by ID_PATH")
    same(seen("v4l2:port=1-2").get("width"), 640, "by the kernel's name of the port")
    why = seen("v4l2:auto", "away", 0)["why"]
    ok("Top Cam (serial A1" in why and "Side Cam (serial B2" in why, "several: auto names them: " + why)
    why = seen("v4l2:serial=C3", "away", 0)["why"]
    ok(why.startswith("no such camera is plugged in; there is: ") and "Top Cam (serial A1" in why, "none: what is there is named: " + why)
    same(seen("v4l2:serial=", "away", 0)["why"], "a device is /dev/..., serial=..., port=... or auto", "an empty name")

    # ---- away and back, on another port

    probe = Probe("v4l2:serial=A1")
    probe.state("live", 1)
    bus.pull(first)
    one.order("unplug")
    away = probe.state("away", 1)
    same(away["why"], "the camera was unplugged", "unplugged")
    time.sleep(2.5)  # the back-off has grown to seconds by now
    one.order("plug")
    before = probe.counts()["ms"]
    first = bus.plug("3", one.path, serial="A1", model="Top Cam")
    live = probe.state("live", 2)
    between(live["ms"] - before, 0, 1500, "udev's word wakes it, ms")
    same(live.get("path"), PORT % 3, "on its new port")
    files = probe.counts()["files"]
    bus.say("change", second)
    time.sleep(0.5)
    same(probe.counts()["state"], "live", "what happens to others does not disturb it")
    probe.end()

    # ---- two of one kind with one serial number

    bus.pull(second)
    second = bus.plug("2", two.path, serial="A1", model="Top Cam")
    why = seen("v4l2:serial=A1", "away", 0)["why"]
    ok(why.startswith("several would do") and PORT % 2 in why and PORT % 3 in why, "one serial number twice: " + why)
    probe = Probe("v4l2:serial=A1")
    probe.state("away", 0)
    bus.pull(second)
    probe.state("live", 1)
    bus.plug("2", two.path, serial="A1", model="Top Cam")
    one.order("unplug", "plug")
    live = probe.state("live", 2)
    same(live.get("path"), PORT % 3, "the one on the port where it was is the same")
    same(probe.counts()["files"], files, "no descriptor is left behind")
    last = probe.end()
    same((last["noise"], last["status"]), ("", 0), "nothing on stderr")
done()
