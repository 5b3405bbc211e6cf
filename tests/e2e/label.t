#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The label in the picture: real film of a bench with a printed label laid in, through the whole station. What the clip says
# of it, what the station says while there is time, a camera as the scanner, and alarms of pictures.
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from station import PACKSEAL, SRC, Station, need_programs, run, skip_all, statement, tap, verdict, wait_for

OWN, NEXT = "SF1234567890123", "YT7654321098765"
SIZE = "960x540"

if shutil.which("zint") is None:
    skip_all("zint is missing: run: make deps-check")
need_programs()


def footage():
    where = os.environ.get("PACKSEAL_FOOTAGE", os.path.join(SRC, "..", "shared", "footage"))
    path = os.path.join(where, "bottles-640x360.mp4")
    return ["-i", path] if os.access(path, os.R_OK) else ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"]


def make(*args):
    r = run(*args)
    if r.returncode != 0:
        raise RuntimeError("%s: %s" % (args[0], r.stderr.decode(errors="replace")))


def label(folder, code):
    """A label of 420 x 240 with the code as bars, and as QR with an address round it."""
    bars, qr, out = (os.path.join(folder, "%s-%s.png" % (code, x)) for x in ("bars", "qr", "label"))
    make("zint", "-b", "CODE128", "-d", code, "--height=24", "--scale=1", "--whitesp=10", "--notext", "-o", bars)
    make("zint", "-b", "QRCODE", "-d", "https://example.invalid/" + code, "--scale=1", "--whitesp=4", "--vwhitesp=4", "-o", qr)
    make("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "color=white:size=420x240", "-i", bars, "-i", qr, "-filter_complex",
         "[1]format=rgb24[b];[2]format=rgb24[q];[0][b]overlay=30:30[x];[x][q]overlay=300:130", "-frames:v", "1", out)
    return out


def film(path, seconds, shown, more="null"):
    """shown: (label, x, y, from, to) each; as a USB camera gives it: motion JPEG with a sensor's noise."""
    inputs, graph, last = footage(), ["[0]scale=%s:flags=bicubic,%s[v0]" % (SIZE.replace("x", ":"), more)], "v0"
    for i, (picture, x, y, begin, end) in enumerate(shown, 1):
        inputs += ["-i", picture]
        graph.append("[%s][%d]overlay=%d:%d:enable='between(t,%s,%s)'[v%d]" % (last, i, x, y, begin, end, i))
        last = "v%d" % i
    graph.append("[%s]noise=c0s=5:c0f=t,scale=out_range=full,format=yuvj422p[out]" % last)
    make("ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, "-filter_complex", ";".join(graph), "-map", "[out]", "-an", "-t", str(seconds),
         "-r", "15", "-fps_mode", "cfr", "-c:v", "mjpeg", "-huffman", "default", "-q:v", "5", path)
    return "lavf:" + path


def configure(s, text):
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write(text)


def status(s):
    return json.loads(s.cli("status", "--json").stdout)


def alarms(s, word):
    return [a for a in status(s)["alarms"] if a.startswith(word + ":")]


def events(clip, what):
    return [e["text"] for e in clip["events"] if e["what"] == what]


def judged(s, folder, name):
    v = verdict(s.verify(folder))
    tap.same((v["content"], v["key"]), ("intact", "trusted"), name + ": intact, trusted")


def ledger_digests(s):
    """SHA-256 that health leaves name."""
    found = []
    with open(s.path("ledger", "entries"), "rb") as f:
        data = f.read()
    at = 0
    while at + 2 <= len(data):
        n = int.from_bytes(data[at:at + 2], "big")
        leaf = data[at + 2:at + 2 + n]
        if leaf[4] == 8:
            found.append(leaf[108:140].hex())
        at += 2 + n
    return found


def test_clips(folder):
    own, other = label(folder, OWN), label(folder, NEXT)
    # Films are played again and again; the camera at the side has its lamp put out after 6 s.
    top = film(os.path.join(folder, "top.avi"), 6, [(own, 500, 280, 0, 600)])
    side = film(os.path.join(folder, "side.avi"), 30, [], "eq=brightness=-1:enable='gt(t,6)'")
    with Station({"top": top, "side": side}) as s:
        configure(s, "\n[label]\nnot_seen_seconds = 2\n")
        s.start()
        s.scan(OWN)
        tap.ok(wait_for(lambda: "label seen: " + OWN in s.said(), 10), "the station says that it saw the label")
        tap.same(alarms(s, "label-not-seen"), [], "and has no alarm about it")
        s.stop()
        clip = statement(s.clips()[-1])
        tap.same(clip["label"], "matched", "the clip's own number in the picture: matched")
        tap.same(events(clip, "label"), [OWN], "an event tells when; the QR code on the same label is not told")
        tap.same(events(clip, "label-other"), [], "and nothing else was seen")
        judged(s, s.clips()[-1], "matched")

        s.scan("SF1234567890999")
        tap.ok(wait_for(lambda: "another label seen: " + OWN in s.said(), 10), "another parcel's label is said")
        tap.ok(wait_for(lambda: alarms(s, "label-not-seen"), 10), "that its own was not seen is an alarm while it records")
        r = run(PACKSEAL, "status", "--root", s.root, env={**os.environ, "LC_ALL": "zh_CN.UTF-8"})
        tap.ok("面单未拍清" in r.stdout.decode(), "in Chinese: 面单未拍清", r.stdout.decode())
        tap.ok(wait_for(lambda: alarms(s, "picture-dark") == ["picture-dark: side"], 20), "a camera in the dark is an alarm, by name")
        s.stop()
        clip = statement(s.clips()[-1])
        tap.same(clip["label"], "other", "its own never, another one seen: other")
        tap.same(events(clip, "label-other"), [OWN], "which one, and when, is an event")
        tap.same(events(clip, "label-not-seen"), ["SF1234567890999"], "so is the alarm")
        tap.same(events(clip, "picture-dark"), ["side"], "and that a camera's picture was dark")
        tap.ok(all(t["counts"]["dropped"] == 0 for t in clip["tracks"]), "no frame was dropped", [t["counts"] for t in clip["tracks"]])
        judged(s, s.clips()[-1], "other")
        show = s.cli("show", clip_name(s)).stdout.decode()
        tap.ok("ANOTHER label was seen" in show, "packseal show says so", show)

        if not tap.ok(wait_for(lambda: ledger_digests(s), 15), "the ledger remembers the day's reference picture"):
            return other
        camera = status(s)["cameras"][0]
        day = s.path("reference", camera["reference_day"])
        with open(os.path.join(day, "top.jpg"), "rb") as f:
            picture = f.read()
        tap.same(hashlib.sha256(picture).hexdigest(), camera["reference"], "status names the picture by its SHA-256")
        kept = [x for x in os.listdir(day) if x.startswith("status-")]
        with open(os.path.join(day, kept[0]), "rb") as f:
            text = f.read()
        tap.ok(hashlib.sha256(text).hexdigest() in ledger_digests(s), "the leaf's digest is that of the status beside it")
        tap.same(json.loads(text)["cameras"][0]["reference"], camera["reference"], "which names the picture")
        s.end()
        s.start()
        wait_for(lambda: status(s)["cameras"][0].get("reference"), 10)
        tap.same(status(s)["cameras"][0]["reference"], camera["reference"], "started anew on the same day, it has the same reference")
    return other


def clip_name(s):
    return os.path.basename(s.clips()[-1])


def test_camera_scans(folder, other):
    own = label(folder, OWN)
    top = film(os.path.join(folder, "scan.avi"), 40, [(own, 60, 280, 1, 5), (other, 500, 280, 5.2, 600)])
    with Station({"top": top}, scanners={"eye": "camera:top"}) as s:
        configure(s, "\n[label]\naway_seconds = 2\n")
        s.start()
        tap.same(alarms(s, "scanner-lost"), [], "a camera that scans is no lost scanner")
        tap.ok(wait_for(lambda: "recording " + OWN in s.said(), 15), "a label that stays before the camera starts its clip")
        tap.ok(wait_for(lambda: "recording " + NEXT in s.said(), 15), "the next label starts the next one")
        time.sleep(3)
        s.stop()
        clips = [statement(c) for c in s.clips()]
        tap.same([c["codes"][0]["value"] for c in clips], [OWN, NEXT], "two clips: a label that lies there counts once")
        tap.same([c["end_reason"] for c in clips], ["next-code", "stop"], "and ends nothing by being seen again")
        tap.same([(c["codes"][0]["entry"], c["codes"][0]["device"]) for c in clips], [("camera", "eye")] * 2,
                 "the statement says that a camera scanned")
        tap.same([c["label"] for c in clips], ["matched", "matched"], "whose label was seen, of course")
        time.sleep(2.5)
        tap.same(status(s)["state"], "idle", "the label that is still in sight starts nothing after the stop")


work = tempfile.mkdtemp(prefix="packseal-label.")
try:
    test_camera_scans(work, test_clips(work))
finally:
    shutil.rmtree(work, ignore_errors=True)
tap.done()
