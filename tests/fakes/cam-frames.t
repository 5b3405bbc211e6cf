#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# libv4l2 against the fake camera: frames, their counts, and what is wrong with them.
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("PACKSEAL_SRC", "."), "tests", "fakes"))
from rig import Camera, Probe, between, diag, need_cameras, ok, same, done

need_cameras()


def settle(seconds):
    time.sleep(seconds)


# ---- MJPEG, and every kind of bad frame

with Camera("--serial", "SN42") as camera:
    probe = Probe("v4l2:" + camera.path, "--size", "1280x720", "--fps", "30", "--frames")
    live = probe.state("live", 1)
    same(live["format"], "MJPG 1280x720", "MJPEG is preferred")
    same((live.get("model"), live.get("path"), live.get("driver")), ("Fuse Camera", "usb-fake-SN42", "uvcvideo"),
         "model, bus and driver, from the device itself")
    settle(2)
    before = probe.counts()
    between(before["frames"] * 1000 / max(before["span_ms"], 1), 27, 32, "30 frames a second")
    same((before["lost"], before["damaged"], before["queue_lost"]), (0, 0, 0), "all of them well")
    between(before["bytes"] / max(before["frames"], 1), 20000, 400000, "as JPEGs, not decoded")

    camera.order("gap 7")
    settle(1)
    after = probe.counts()
    same(after["lost"], 7, "7 frames lost in the driver are 7 frames told")
    ok(any(f["lost"] == 7 for f in probe.frames()), "with the frame after the gap")

    for order, what in (("error 3", "the driver's error flag"), ("truncate 2", "JPEGs without an end"),
                        ("short 2", "empty buffers")):
        expected = probe.counts()["damaged"] + int(order.split()[1])
        camera.order(order)
        settle(0.7)
        same(probe.counts()["damaged"], expected, what + ": damaged, each counted")
    report = camera.report()
    last = probe.end()
    same(last["lost"], 7, "nothing else was lost")
    same(last["backwards"], 0, "time stamps only grow")
    steps = [b["ns"] - a["ns"] for a, b in zip(probe.frames(), probe.frames()[1:]) if b["lost"] == 0]
    between(sorted(steps)[len(steps) // 2] // 1000, 33000, 33700, "and are the camera's own, in microseconds")
    same(report["skipped_no_buffer"], 0, "the camera never waited for a buffer")
    same((last["status"], last["noise"]), (0, ""), "not a word on stderr")
    ok(last["stop_ms"] < 1000, "stops within a second")

# ---- YUYV

with Camera("--formats", "YUYV") as camera:
    probe = Probe("v4l2:" + camera.path, "--size", "1280x720", "--frames")
    same(probe.state("live", 1)["format"], "YUYV 1280x720", "YUYV as it is")
    settle(2)
    counts = probe.counts()
    between(counts["frames"] * 1000 / max(counts["span_ms"], 1), 27, 32, "30 frames a second")
    camera.order("gap 4", "error 2")
    settle(0.5)
    camera.order("short 3")
    settle(0.7)
    last = probe.end()
    same((last["lost"], last["damaged"]), (4, 5), "gaps, errors and empty buffers counted")
    frame = next(f for f in probe.frames() if not f["damaged"])
    same((frame["size"], frame["pixels"], frame["full_range"]), (1280 * 720 * 2, "yuyv", False),
         "two bytes a pixel, limited range")

# ---- a format that must be converted

with Camera("--formats", "UYVY", "--sizes", "640x480") as camera:
    probe = Probe("v4l2:" + camera.path, "--frames")
    same(probe.state("live", 1)["format"], "YU12 640x480 converted", "UYVY goes through libv4l2's conversion")
    settle(1)
    camera.order("gap 5")
    settle(0.7)
    last = probe.end()
    frame = probe.frames()[0]
    same((frame["size"], frame["pixels"], frame["width"]), (640 * 480 * 3 // 2, "i420", 640), "to 4:2:0")
    same(last["lost"], 5, "losses are counted there too")
    same(last["noise"], "", "and libv4l2 is quiet")

# ---- sizes

with Camera("--sizes", "640x480,800x600,1920x1080") as camera:
    probe = Probe("v4l2:" + camera.path, "--size", "1280x720")
    live = probe.state("live", 1)
    same((live.get("width"), live.get("height")), (800, 600), "a size that is not there: the nearest smaller")
    same(live["format"], "MJPG 800x600 (wanted 1280x720)", "and it is said")
    probe.end()

done()
