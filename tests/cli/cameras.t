#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# packseal cameras and doctor on a machine with devices: names that stay, port and controller, bandwidth, who holds a device,
# which section means it; in both languages. libudev is real, the bus is not (tests/fakes/udevtree.py).
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
SRC = os.environ.get("PACKSEAL_SRC", os.path.abspath("."))
sys.path.insert(0, os.path.join(SRC, "tests", "fakes"))
sys.path.insert(0, os.path.join(SRC, "tests", "e2e"))
import rig
import udevtree
from station import PACKSEAL, Station, need_programs, run, skip_all, tap

rig.need_cameras()
need_programs()
missing = udevtree.enter()
if missing:
    skip_all(missing)

# A streaming interface with 1280x720 motion JPEG of at most 6 MB/s, and 3 x 1024 bytes a microframe.
DESCRIPTORS = bytes([18, 1, 0, 2, 0xef, 2, 1, 64, 0x6b, 0x1d, 2, 1, 0, 1, 1, 2, 3, 1, 9, 2, 0, 0, 2, 1, 0, 0x80, 250,
                     9, 4, 1, 0, 0, 14, 2, 0, 0, 30, 0x24, 7, 1, 0, 0, 5, 0xd0, 2, 0, 0, 0, 1]) + \
    (48000000).to_bytes(4, "little") + bytes(13) + bytes([9, 4, 1, 1, 1, 14, 2, 0, 0, 7, 5, 0x81, 5, 0, 0x14, 1])
PORT = "pci-0000:00:14.0-usb-0:%d:1.0"


def devices(s, *args):
    r = s.cli("cameras", "--json", *args)
    return [json.loads(x) for x in r.stdout.decode().splitlines()]


def find(all_, **want):
    return next((d for d in all_ if all(d.get(k) == v for k, v in want.items())), {})


bus = udevtree.Bus()
keyboard, line = (os.path.join("/dev/shm", "packseal-%s-%d" % (n, os.getpid())) for n in ("kbd", "tty"))
for path in (keyboard, line):
    open(path, "w", encoding="ascii").close()
try:
    with rig.Camera("--serial", "A1") as one, rig.Camera("--serial", "B2") as two, \
            Station({"top": "v4l2:serial=A1"}, scanners={"gun": "serial:serial=S7"}) as s:
        bus.plug("1", one.path, serial="A1", model="Top Cam", links=["packseal/cam-A1"], descriptors=DESCRIPTORS)
        bus.plug("2", two.path, serial="B2", model="Side Cam", control="auto", speed="12")
        bus.plug("3", keyboard, "input", serial="K3", model="Keys", ID_INPUT_KEYBOARD="1")
        bus.plug("4", keyboard, "input", serial="", model="Wedge", ID_INPUT_KEYBOARD="1", PACKSEAL_SCANNER="wedge")
        bus.plug("5", line, "tty", serial="S7", model="Gun")
        holder = subprocess.Popen(["sleep", "60"], stdin=open(two.path, "rb"))
        all_ = devices(s)
        top, side = find(all_, name="top"), find(all_, kind="camera", model="Side Cam")
        d = top.get("device", {})
        tap.same((top.get("kind"), top.get("state"), d.get("section")), ("camera", "configured", "camera top"),
                 "a configured camera knows its device")
        tap.same((d.get("name"), d.get("serial"), d.get("port"), d.get("usb"), d.get("controller"), d.get("bus"), d.get("mbit")),
                 ("/dev/packseal/cam-A1", "A1", PORT % 1, "1-1", "0000:00:14.0", 1, 480), "names, port, controller, speed")
        tap.same((d.get("bus_gives"), d.get("endpoint_gives"), d.get("transfer")), (48000000, 24576000, "isochronous"),
                 "what the line gives")
        formats = {(f["format"], f["width"]): f["needs"] for f in d.get("formats", [])}
        tap.same((formats.get(("YUYV", 1280)), formats.get(("YUYV", 640))), (1280 * 720 * 2 * 30, 640 * 480 * 2 * 30),
                 "raw pictures need their size")
        tap.same((formats.get(("MJPG", 1280)), formats.get(("MJPG", 640), 0)), (6000000, None),
                 "compressed ones what the camera says at most, or nobody knows")
        tap.same((side.get("state"), side.get("source"), side["device"].get("power_control")),
                 ("found", "v4l2:serial=B2", "auto"), "another one is found, with words to configure it")
        tap.same(side["device"].get("holder"), "sleep (pid %d)" % holder.pid, "who holds it is named")
        gun = find(all_, name="gun")
        tap.same((gun.get("kind"), gun.get("device", {}).get("node")), ("scanner", line), "a configured scanner")
        tap.same((find(all_, model="Keys").get("kind"), find(all_, model="Wedge").get("kind"), find(all_, model="Wedge").get("source")),
                 ("keyboard", "scanner", "evdev:port=" + PORT % 4), "a keyboard is no scanner unless the list says so")
        text = s.cli("cameras").stdout.decode()
        for words in ("1-1 on bus 1, controller 0000:00:14.0", "480 Mbit/s: 48.0 MB/s for all cameras", "configured as camera top",
                      "YUYV  1280x720 @30  55.3 MB/s  too much for its line", "MJPG  1280x720 @30  <= 6.0 MB/s", "in use by     sleep (pid",
                      "MJPG  640x480 @30  unknown", "the kernel may put it to sleep"):
            tap.ok(words in text, "in words: " + words, text)
        text = s.cli("cameras", "--lang", "zh").stdout.decode()
        tap.ok("配置为" in text and "控制器 0000:00:14.0" in text and "超出线路带宽" in text, "and in Chinese", text)

        # ---- the doctor

        def doctor(*more):
            r = s.cli("doctor", "--json", *more)
            return [json.loads(x) for x in r.stdout.decode().splitlines()]

        said = doctor()
        camera = find(said, check="camera")
        tap.same((camera.get("state"), camera.get("text", "").split("  ")[0]), ("ok", "top v4l2:serial=A1"), "doctor: the camera is there")
        tap.same(find(said, check="scanner").get("state"), "ok", "the scanner too")
        tap.same((find(said, check="sleep"), find(said, check="udev").get("state")), ({}, "note"), "nothing of ours sleeps; rules are missing")
        tap.ok("no time-stamp authority" in find(said, check="authority").get("text", ""), "no authority is told", said)
        conf = s.path("packseal.conf")
        with open(conf, encoding="utf-8") as f:
            text = f.read()
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text.replace("serial=A1", "serial=B2").replace("serial=S7", "serial=S8") +
                    "[time]\nauthority = http://127.0.0.1:9/\n")
        said = doctor()
        camera, gun = find(said, check="camera"), find(said, check="scanner")
        tap.ok(camera.get("state") == "note" and "in use by sleep (pid" in camera.get("text", ""), "who holds it is told", camera)
        tap.ok("camera top (1-2)" in find(said, check="sleep").get("text", ""), "and that it may fall asleep", said)
        tap.ok(gun.get("state") == "mend" and "no such serial scanner is plugged in; there is: Gun (serial S7" in gun.get("text", ""),
               "a scanner that is not there, and which one is", gun)
        tap.ok("no time-stamp token yet" in find(said, check="authority").get("text", ""), "an authority without a token", said)
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text.replace("v4l2:serial=A1", "v4l2:/dev/video0"))
        said = doctor("--lang", "zh")
        tap.ok(any("serial=" in x["todo"] and "重启后" in x["text"] for x in said), "a number for a name is warned of, in Chinese", said)
        holder.kill()
        holder.wait()
finally:
    for path in (keyboard, line):
        os.unlink(path)
tap.done()
