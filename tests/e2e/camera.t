#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A real libv4l2 camera path under the whole recorder: losses and damage are counted as the camera made them, an unplug
# mid-clip is stated and the clip goes on, a camera that comes back with another format gets a new track.
import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fakes"))
sys.path.insert(0, HERE)
import rig
from station import Station, need_programs, statement, tap, track_ticks, verdict, wait_for

rig.need_cameras()
need_programs()


def judged(s, folder, name):
    r = s.verify(folder)
    v = verdict(r)
    tap.same((r.returncode, v["content"], v["key"]), (0, "intact", "trusted"), name + ": intact, trusted")


def state(s):
    import json
    r = s.cli("cameras", "--json")
    lines = [json.loads(x) for x in r.stdout.decode().splitlines() if x.strip()]
    return next((c for c in lines if c.get("name") == "top"), {})


def adds_up(track):
    c = track["counts"]
    return c["encoded"] == c["captured"] - c["dropped"] - c["damaged"] + c["repeated"]


with rig.Camera("--pattern", "counter") as camera, Station({"top": "v4l2:" + camera.path}) as s:
    s.start()
    s.scan("SF1234567890123")
    time.sleep(1.5)
    for order in ("gap 5", "error 3", "truncate 4", "corrupt 2", "short 1"):
        camera.order(order)
        time.sleep(1)
    s.stop()
    folder = s.clips()[-1]
    track = statement(folder)["tracks"][0]
    c = track["counts"]
    tap.same((c["dropped"], c["damaged"]), (5, 10), "lost and damaged frames are counted as the camera made them")
    tap.same(c["repeated"], 10, "a damaged frame is replaced by the last good one")
    tap.ok(adds_up(track), "encoded = captured - dropped - damaged + repeated", c)
    tap.same([(g["reason"], g["frames"]) for g in track["gaps"]], [("driver-dropped", 5)], "the gap is stated")
    why = [o["why"] for o in statement(folder)["originals"]]
    tap.same(why, ["start", "end"], "the camera's own JPEG at start and end")
    judged(s, folder, "losses and damage")

    s.scan("SF1234567890124")
    time.sleep(1.5)
    camera.order("unplug")
    tap.ok(wait_for(lambda: "camera-lost: top" in s.said(), 4), "an unplug mid-clip is said at once")
    time.sleep(3)
    camera.order("plug")
    tap.ok(wait_for(lambda: "camera-back: top" in s.said(), 12), "and that it is back")
    time.sleep(1.5)
    s.stop()
    folder = s.clips()[-1]
    clip = statement(folder)
    track = clip["tracks"][0]
    tap.same(len(clip["tracks"]), 1, "same camera, same format: the same track goes on")
    gaps = [g for g in track["gaps"] if g["reason"] == "camera-lost"]
    tap.ok(len(gaps) == 1 and gaps[0]["duration"] > 3 * 90000, "the absence is a gap", gaps)
    tap.ok(track["counts"]["repeated"] >= 2 and adds_up(track), "the slate is counted as repeated", track["counts"])
    length = clip["ended"]["boot_ms"] - clip["started"]["boot_ms"]
    tap.ok(abs(track_ticks(track) / 90 - length) < 150, "the track is as long as the clip, to 150 ms", length)
    judged(s, folder, "unplugged and back")

    s.scan("SF1234567890125")
    time.sleep(1.5)
    camera.order("unplug")
    time.sleep(1.2)
    camera.order("size 640x480")
    camera.order("plug")
    tap.ok(wait_for(lambda: "format-changed: top" in s.said(), 12), "another format is said")
    time.sleep(1.5)
    s.stop()
    folder = s.clips()[-1]
    clip = statement(folder)
    tap.same([(t["file"]["name"], t["width"], t["opening"]) for t in clip["tracks"]],
             [("top.mp4", 1280, True), ("top-2.mp4", 640, False)], "a camera back with another format starts a track")
    tap.ok(all(adds_up(t) for t in clip["tracks"]), "counts of both tracks add up")
    judged(s, folder, "another format")

    camera.order("unplug")
    wait_for(lambda: state(s).get("state") == "away", 4)
    s.scan("SF1234567890126")
    time.sleep(2.2)
    s.stop()
    track = statement(s.clips()[-1])["tracks"][0]
    c = track["counts"]
    tap.ok(c["captured"] == 0 and c["repeated"] == c["encoded"] > 1, "no camera at all: slates, counted as repeated", c)
    judged(s, s.clips()[-1], "no camera")
tap.done()
