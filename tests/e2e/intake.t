#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Product photographs from a camera's card into the ledger: what is kept is what was given, what is no photograph is
# refused whole, what looks odd is said; and two cameras' own pictures of one start are of one moment.
import hashlib
import json
import os
import random
import stat
import struct
import subprocess
import sys
import tempfile
import time
import atexit
import shutil

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import SRC, Station, mjpeg_film, need_programs, run, statement, tap, wait_for

need_programs()
SLOWER = 10  # frames a second
WORK = tempfile.mkdtemp(prefix="packseal-intake.")
atexit.register(shutil.rmtree, WORK, True)


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def exif(width, height, software=b"Firmware 1.8.2"):
    """EXIF as a camera writes it: make, model, software, time, size (little-endian TIFF)."""
    texts, at = b"", 8 + 2 + 4 * 12 + 4 + 2 + 3 * 12 + 4

    def text(tag, value):
        nonlocal texts
        where = at + len(texts)
        texts += value + b"\0"
        return struct.pack("<HHII", tag, 2, len(value) + 1, where)
    first = text(0x10F, b"NIKON CORPORATION") + text(0x110, b"NIKON Z 5") + text(0x131, software)
    first += struct.pack("<HHII", 0x8769, 4, 1, 8 + 2 + 4 * 12 + 4)
    second = text(0x9003, b"2026:11:21 08:15:30") + struct.pack("<HHIIHHII", 0xA002, 4, 1, width, 0xA003, 4, 1, height)
    return segment(0xE1, b"Exif\0\0II*\0" + struct.pack("<IH", 8, 4) + first + struct.pack("<IH", 0, 3) + second +
                   struct.pack("<I", 0) + texts)


def put(name, data):
    path = os.path.join(WORK, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def picture(size="1600x1200", *more):
    """A JPEG of ffmpeg's, full of noise so that it has a photograph's weight, and without what ffmpeg adds to it."""
    path = os.path.join(WORK, "made.jpg")
    r = run("ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=%s,noise=alls=60:allf=t" % size,
            "-frames:v", "1", "-bitexact", *more, "-q:v", "3", path)
    with open(path, "rb") as f:
        data = f.read()
    if r.returncode != 0 or data[:2] != b"\xff\xd8":
        print("Bail out! ffmpeg made no picture: " + r.stderr.decode(errors="replace"))
        sys.exit(1)
    kept, at = b"\xff\xd8", 2
    while data[at + 1] != 0xDA:
        size = 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[at + 1] not in (0xE0, 0xFE):
            kept += data[at:at + size]
        at += size
    return kept + data[at:]


def after_soi(data, more):
    return data[:2] + more + data[2:]


def intake(s, *args):
    r = s.cli("intake", "--json", *args)
    lines = [json.loads(x) for x in r.stdout.decode().splitlines() if x.startswith("{")]
    return r.returncode, lines, r.stderr.decode()


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).digest()


def kept(s):
    found = []
    for folder, _dirs, files in os.walk(s.path("intake")):
        found += [os.path.join(folder, f) for f in files]
    return sorted(found)


def taken(s, good, twin):
    before = len(s.leaves())
    status, out, err = intake(s, "--order", "订单20261121-7", "--note", "正面和侧面", good, twin)
    if not tap.ok(status == 0 and len(out) == 1, "two photographs are taken in", status, out, err):
        return
    o = out[0]
    folder = s.path(o["path"])
    tap.same(sorted(os.listdir(folder)), ["0001.jpg", "0002.jpg", "intake.json", "leaf.bin"], "their folder")
    tap.same([sha256(os.path.join(folder, n)) for n in ("0001.jpg", "0002.jpg")], [sha256(good), sha256(twin)],
             "the same bytes as on the card")
    tap.ok(all(stat.S_IMODE(os.stat(os.path.join(folder, f)).st_mode) == 0o640 for f in os.listdir(folder)) and
           stat.S_IMODE(os.stat(folder).st_mode) == 0o2750, "for the group to read")
    with open(os.path.join(folder, "intake.json"), "rb") as f:
        raw = f.read()
    j = json.loads(raw)
    tap.same((j["type"], j["version"], j["crit"], j["order"], j["note"], j["station"]["id"]),
             ("packseal-intake", 1, [], "订单20261121-7", "正面和侧面", "ST03"), "the statement")
    tap.same([(f["file"]["name"], f["file"]["sha256"], f["file"]["size"], f["given"], f["signs"]) for f in j["files"]],
             [(n, sha256(p).hex(), os.path.getsize(p), os.path.basename(p), [])
              for n, p in (("0001.jpg", good), ("0002.jpg", twin))], "names each file by its digest")
    tap.same([j["files"][0]["exif"][k] for k in ("make", "model", "taken")],
             ["NIKON CORPORATION", "NIKON Z 5", "2026:11:21 08:15:30"], "and tells what its EXIF says")
    with open(os.path.join(folder, "leaf.bin"), "rb") as f:
        leaf = f.read()
    index, subject = struct.unpack(">QQ", leaf[24:40])
    tap.same((leaf[:4], leaf[4], index, subject, leaf[108:140]), (b"PSL1", 11, o["leaf"], o["leaf"], hashlib.sha256(raw).digest()),
             "the leaf holds the statement's SHA-256")
    with open(s.path("ledger", "entries"), "rb") as f:
        ledger = f.read()
    tap.ok(leaf in ledger and s.leaves()[before:] == [(11, index, index)], "and is one entry of the ledger", s.leaves()[before:])
    tap.ok("订单".encode() not in ledger and b"NIKON" not in ledger, "which holds neither order nor camera")
    tap.ok(o["path"].endswith("/ST03-I%07d" % index), "the folder bears the entry's number", o["path"])
    again, out, err = intake(s, "--order", "订单20261121-7", good)
    tap.ok(again == 0 and out[0]["leaf"] != index, "the same again is another intake, with a salt of its own", out, err)
    r = s.cli("ledger", "check")
    tap.same(r.returncode, 0, "ledger check: in order")


def refused(s, good, data):
    before, leaves = kept(s), s.leaves()
    os.mkfifo(os.path.join(WORK, "pipe.jpg"))
    cases = {
        "too small": (put("small.jpg", picture("320x240", "-frames:v", "1")), "200 kB"),
        "too large": (put("large.jpg", data[:-2] + random.Random(7).randbytes(20000000).replace(b"\xff", b"\0") + data[-2:]), "20 MB"),
        "PNG": (put("shot.jpg", b"\x89PNG\r\n\x1a\n" + b"x" * 300000), "PNG"),
        "padded to size": (put("padded.jpg", data + b"PADDING!" * 30000), "after the picture"),
        "cut off": (put("cut.jpg", data[:-2000]), "cut off"),
        "no file": (WORK, "is no file"),
        "a pipe": (os.path.join(WORK, "pipe.jpg"), "is no file"),
        "not there": (os.path.join(WORK, "none.jpg"), "No such file"),
    }
    for name, (path, word) in cases.items():
        status, out, err = intake(s, good, path)
        tap.ok(status == 1 and word in err and not out, "refused: " + name, status, out, err)
    tap.ok(kept(s) == before and s.leaves() == leaves, "nothing was kept of what stood beside them, and no entry made",
           kept(s), s.leaves())
    status, out, err = intake(s, "--order", "a\nb", good)
    tap.ok(status == 2, "an order with a line break is asked wrongly", status, err)


def signs(s, data):
    w, h = 1600, 1200
    mjpeg = picture("1600x1200", "-huffman", "default", "-pix_fmt", "yuvj422p")
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    cases = [("as a messenger leaves it", after_soi(data, jfif), {"no-exif", "jfif-only"}),
             ("edited", after_soi(data, exif(w, h, b"Adobe Photoshop 25.1")), {"editor"}),
             ("cropped since", after_soi(data, exif(4000, 3000)), {"exif-size-differs"}),
             ("motion JPEG with tables added", after_soi(mjpeg, segment(0xE0, b"AVI1" + b"\0" * 10)), {"no-exif", "huffman-added"}),
             ("a screen", picture("1080x1920"), {"no-exif", "screen-size"})]
    before = len(s.leaves())
    for i, (name, bytes_, wanted) in enumerate(cases):
        status, out, err = intake(s, "--check", put("sign%d.jpg" % i, bytes_))
        tap.ok(status == 0 and out and set(out[0]["signs"]) == wanted, "a sign, no refusal: " + name, status, out, err)
    tap.same(len(s.leaves()), before, "--check keeps nothing")


def one_moment(s):
    """The "other angles of the same time": originals of all cameras at the start are within a frame of the slower one."""
    for i in range(3):  # the cameras' clocks are not in step: each clip meets them at another phase
        s.scan("SF123456789012%d" % i)
        time.sleep(1 + 0.13 * i)
        s.stop()
    clips = wait_for(lambda: s.clips() if len(s.clips()) == 3 else None, 20)
    tap.ok(clips, "three clips by two cameras", s.said())
    for folder in clips or []:
        clip, first = statement(folder), {}
        for o in clip["originals"]:
            track = clip["tracks"][o["track"]]
            if o["why"] == "start":
                first[track["camera"]] = track["first"]["boot_ms"] + o["ticks"] / 90
        tap.same(sorted(first), ["side", "top"], "each camera's own JPEG of the start is kept")
        apart = max(first.values()) - min(first.values())
        # Milliseconds in the statement: two of them round. No picture is older than the clip.
        tap.ok(apart <= 1000 / SLOWER + 2 and min(first.values()) >= clip["started"]["boot_ms"] - 1,
               "and they are of one moment, to a frame's time (%.1f ms)" % apart, first, clip["started"])


def stamped(s, good):
    tsa = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", "tsad.py"), "--algorithm", "rsa"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = json.loads(tsa.stdout.readline())
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write("\n[time]\ntimeout = 10\nretries = 0\nauthority = %s\nca = %s\n" % (said["url"], said["ca"]))
    status, out, err = intake(s, "--stamp", good)
    tsa.stdin.close()
    tsa.wait()
    tap.ok(status == 0 and len(out) == 2 and out[1]["state"] == "stamped" and out[1]["size"] > out[0]["leaf"],
           "--stamp: a token over a checkpoint that covers the entry", status, out, err)


DATA = picture()
GOOD = put("DSC_0001.JPG", after_soi(DATA, exif(1600, 1200)))
TWIN = put("DSC_0002.JPG", after_soi(DATA, exif(1600, 1200)) + b"\0" * 512)
films = {n: mjpeg_film(os.path.join(WORK, n + ".avi"), "320x240", fps, 5) for n, fps in (("top", 15), ("side", SLOWER))}
with Station({n: "lavf:" + f for n, f in films.items()}) as station:
    status, out, err = intake(station, GOOD)
    tap.ok(status == 1 and "packseal run" in err and kept(station) == [], "without a signer nothing is taken in", status, out, err)
    station.start()
    taken(station, GOOD, TWIN)
    refused(station, GOOD, DATA)
    signs(station, DATA)
    one_moment(station)
    stamped(station, GOOD)
tap.done()
