#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A camera that goes away, comes back, is in use, is silent: what the feed says and does.
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ.get("PACKSEAL_SRC", "."), "tests", "fakes"))
from rig import Camera, FAKES, Probe, between, diag, need_cameras, ok, same, done

need_cameras()

# ---- unplugged, and back

with Camera() as camera:
    probe = Probe("v4l2:" + camera.path, "--frames")
    probe.state("live", 1)
    time.sleep(1)
    files = probe.counts()["files"]
    camera.order("unplug")
    unplugged_ms = probe.counts()["ms"]
    away = probe.state("away", 1)
    between(away["ms"] - unplugged_ms, -100, 500, "an unplugged camera is noticed at once, ms")
    same(away["why"], "the camera was unplugged", "in words")
    before = probe.counts()
    time.sleep(3)
    after = probe.counts()
    share = (after["cpu_ms"] - before["cpu_ms"]) / (after["ms"] - before["ms"])
    ok(share < 0.01, f"an absent camera costs less than 1 % of a processor ({100 * share:.2f} %)")
    camera.order("plug")
    live = probe.state("live", 2)
    between(live["ms"] - after["ms"], 0, 4500, "it comes back with the next try, ms")
    time.sleep(1)
    again = probe.counts()
    ok(again["frames"] > before["frames"] + 15, "and delivers")
    same(again["files"], files, "no descriptor is left behind")

    # ---- with another picture

    camera.order("size 640x480", "unplug")
    probe.state("away", 2)
    camera.order("plug")
    live = probe.state("live", 3)
    same((live.get("width"), live.get("height")), (640, 480), "what returns in another size is told as such")
    last = probe.end()
    same((last["backwards"], last["noise"]), (0, ""), "stamps grow over all of it, stderr is empty")

# ---- silent

with Camera() as camera:
    probe = Probe("v4l2:" + camera.path)
    probe.state("live", 1)
    stalled_ms = probe.counts()["ms"]
    camera.order("stall 3600")
    away = probe.state("away", 1)
    between(away["ms"] - stalled_ms, 2900, 3600, "3 s of silence are an absence, ms")
    same(away["why"], "no picture for 3 seconds", "in words")
    probe.state("live", 2)
    ok(probe.counts()["generation"] == 2, "opened anew, it lives")
    camera.order("stall 60000")
    time.sleep(0.3)
    ok(probe.end()["stop_ms"] < 1000, "a silent camera does not hold up a stop")

# ---- in use, no bandwidth

with Camera() as camera:
    holder = subprocess.Popen(["sleep", "60"], stdin=open(camera.path, "rb"))
    camera.order("busy on")
    probe = Probe("v4l2:" + camera.path)
    away = probe.state("away", 0)
    same(away["why"], f"the camera is in use by sleep (pid {holder.pid}): close it there", "the holder is named")
    same(away.get("where"), camera.path, "and the camera")
    holder.kill()
    holder.wait()
    camera.order("busy off", "nospace on")
    probe.end()

    probe = Probe("v4l2:" + camera.path)
    away = probe.state("away", 0)
    ok(away["why"].startswith("not enough USB bandwidth: "), "a full USB bus is told as such: " + away["why"])
    time.sleep(2)
    ok(probe.counts()["files"] <= 6, "failed openings leave no descriptors")
    camera.order("nospace off")
    probe.state("live", 1)
    ok(probe.end()["generation"] == 1, "once there is room it runs")

# ---- not there at all; not a camera

with tempfile.NamedTemporaryFile() as plain:
    for source, words in (("v4l2:/dev/video-none", "no such device: is the camera plugged in"),
                          ("v4l2:" + plain.name, "this is no camera (not a V4L2 device)"),
                          ("usb:1", "a camera is v4l2:/dev/video0 or lavf:FILE-OR-URL")):
        probe = Probe(source)
        same(probe.state("away", 0)["why"], words, source.replace(plain.name, "FILE"))
        ok(probe.end()["stop_ms"] < 1000, "and it can be stopped")

# ---- opens well and fails at once: the back-off must grow all the same

probe = Probe("lavf:lavfi:testsrc2=size=320x240:rate=25:duration=0.04?loop=0")
time.sleep(6)
last = probe.end()
between(last["generation"], 3, 6, "a camera that fails right after opening is not opened in a circle")
ok(last["cpu_ms"] < 1500, f"and costs little ({last['cpu_ms']} ms in 6 s)")

done()
