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
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import SRC, Station, mjpeg_film, need_programs, run, statement, tap, verdict, wait_for
sys.path.append(os.path.join(SRC, "tests", "browser"))
import checkers

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


def found(s):
    """What `ledger check` complains of, as (code, where), and its summary."""
    r = s.cli("ledger", "check", "--json")
    lines = [json.loads(x) for x in r.stdout.decode().splitlines()]
    return r.returncode, [(x["problem"], x["where"]) for x in lines[:-1]], lines[-1]


def change(path, at, what=None):
    """One bit, or a text."""
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(what or bytes([byte ^ 1]))


def audited(s, o):
    status, problems, last = found(s)
    tap.same((status, problems, last["intakes"]), (0, [], 2), "ledger check: in order, both intakes")
    folder, aside = s.path(o["path"]), os.path.join(s.dir, "aside")
    entry = "entry %d" % o["leaf"]
    missing = ("intake-missing", entry)

    def case(name, what, wanted):
        shutil.copytree(folder, aside)
        what()
        status, problems, _ = found(s)
        tap.same((status, sorted(problems)), (1, sorted(wanted)), "ledger check: " + name)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(aside, folder)

    def at(name):
        return os.path.join(o["path"], name)
    case("a photograph was changed", lambda: change(os.path.join(folder, "0002.jpg"), 5000),
         [("intake-altered", at("0002.jpg"))])
    case("one is gone", lambda: os.unlink(os.path.join(folder, "0001.jpg")), [("intake-incomplete", at("0001.jpg"))])
    with open(os.path.join(folder, "intake.json"), "rb") as f:
        note = f.read().index("正面".encode())
    case("the statement was changed", lambda: change(os.path.join(folder, "intake.json"), note, "背".encode()),
         [("intake-altered", at("intake.json")), missing])
    case("the leaf tells another time", lambda: change(os.path.join(folder, "leaf.bin"), 45),
         [("intake-unknown", at("leaf.bin")), missing])
    case("it is gone", lambda: shutil.rmtree(folder), [missing])
    case("under another number", lambda: os.rename(folder, folder + "9"), [("intake-altered", at("leaf.bin").replace("/leaf", "9/leaf")), missing])
    shutil.rmtree(folder + "9", ignore_errors=True)
    part = s.path("intake", ".part-0123")
    shutil.move(folder, part)
    tap.same(found(s)[:2], (0, []), "what an interrupted intake left is not missing")
    shutil.move(part, folder)
    tap.same(found(s)[:2], (0, []), "and all is in order again")


def taken(s, good, twin):
    before = len(s.leaves())
    status, out, err = intake(s, "--order", "订单20261121-7", "--note", "正面和侧面", good, twin)
    if not tap.ok(status == 0 and len(out) == 1, "two photographs are taken in", status, out, err):
        return
    o = out[0]
    folder = s.path(o["path"])
    tap.same(sorted(os.listdir(folder)), ["0001.jpg", "0002.jpg", "checkpoint", "intake.json", "leaf.bin"], "their folder")
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
    audited(s, o)


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


def commands(folder):
    """What HOW-TO-VERIFY.txt has somebody type, in English: the indented lines."""
    with open(os.path.join(folder, "HOW-TO-VERIFY.txt"), encoding="utf-8") as f:
        text = f.read().split("[English]")[1].split("[中文]")[0]
    return [line.strip() for line in text.splitlines() if line.startswith("       ")]


def by_hand(folder, ca):
    """Those commands by sh, and the path in the Merkle tree by tests/golden/tlog.py: what holds."""
    with open(os.path.join(folder, "intake.json"), encoding="utf-8") as f:
        statement_text = f.read()

    def sh(line):
        r = run("sh", "-c", line, cwd=folder)
        return r.stdout.decode() if r.returncode == 0 else ""
    photos, digest, named, proved_leaf, stamp, verify = commands(folder)
    shas = [line.split()[0] for line in sh(photos).splitlines()]
    sh(stamp)
    log = run(sys.executable, os.path.join(SRC, "tests", "golden", "tlog.py"), "check", os.path.join(folder, "leaf.bin"),
              os.path.join(folder, "leaf.tlog-proof"))
    return {"photographs": bool(shas) and all(x in statement_text for x in shas),
            "statement": sh(digest).split()[:1] == [sh(named).strip()] and len(sh(named).strip()) == 64,
            "leaf": sh(proved_leaf).strip() == "1",
            "inclusion": log.returncode == 0,
            "token": sh(verify.replace("AUTHORITY.pem", ca) + " 2>&1").find("Verification: OK") >= 0}


def proved(s, o, ca):
    """A photograph by stock tools alone: file, statement, leaf, proof, token; and each link of a twin that was bent."""
    out = os.path.join(s.dir, "proof")
    r = s.cli("intake", "--proof", out, o["intake"], "--json")
    said = json.loads(r.stdout.decode() or "{}")
    if not tap.ok(r.returncode == 0 and said["stamped"] is True and said["leaf"] == o["leaf"], "intake --proof", said, r.stderr.decode()):
        return
    tap.same(sorted(os.listdir(out)), ["0001.jpg", "HOW-TO-VERIFY.txt", "chain.pem", "checkpoint", "intake.json", "leaf.bin",
                                       "leaf.tlog-proof", "log.vkey", "token.tsr"], "photograph, statement, leaf, proof, token")
    good = by_hand(out, ca)
    tap.ok(all(good.values()), "sha256sum, od, base64, an RFC 6962 script and openssl agree", good)
    with open(os.path.join(out, "leaf.tlog-proof"), encoding="utf-8") as f:
        proof = f.read()
    with open(os.path.join(out, "checkpoint"), encoding="utf-8") as f:
        tap.ok(proof.endswith("\n\n" + f.read()), "the proof ends in that checkpoint")
    for name, at, broken in (("0001.jpg", 9000, "photographs"), ("intake.json", 60, "statement"), ("leaf.bin", 120, "statement"),
                             ("leaf.bin", 50, "leaf"), ("leaf.bin", 50, "inclusion"), ("checkpoint", 30, "token")):
        twin = os.path.join(s.dir, "twin")
        shutil.copytree(out, twin)
        change(os.path.join(twin, name), at)
        bad = by_hand(twin, ca)
        tap.ok(not bad[broken], "a bit of %s changed: the link \"%s\" breaks" % (name, broken), bad)
        shutil.rmtree(twin)
    r = s.cli("intake", "--proof", out, o["intake"])
    tap.ok(r.returncode == 1 and "File exists" in r.stderr.decode(), "into a new folder only", r.stderr.decode())
    r = s.cli("intake", "--proof", os.path.join(s.dir, "none"), "ST03-I0999999")
    tap.ok(r.returncode == 1 and not os.path.exists(os.path.join(s.dir, "none")), "of what was never taken in there is none")
    r = s.cli("intake", "--proof", os.path.join(s.dir, "none"), o["intake"], "--order", "7")
    tap.ok(r.returncode == 2, "a proof takes no order", r.stderr.decode())


def bundled(s, o):
    path = [os.path.join(s.dir, "photos-%d.zip" % i) for i in range(3)]
    clip = os.path.basename(s.clips()[0])
    r = s.cli("export", "--json", "-o", path[0], "--intake", o["intake"], clip)
    said = json.loads(r.stdout.decode() or "{}")
    if not tap.ok(r.returncode == 0 and said["intakes"] == [o["intake"]], "photographs go along with a clip", said, r.stderr.decode()):
        return
    with zipfile.ZipFile(path[0]) as z:
        prefix = "packseal-%s/data/intake/%s/" % (clip, o["intake"])
        files = {n[len(prefix):]: z.read(n) for n in z.namelist() if n.startswith(prefix)}
    folder = os.path.join(s.dir, "proof")
    wanted = {}
    for n in os.listdir(folder):
        if n not in ("HOW-TO-VERIFY.txt", "log.vkey", "stamped"):
            with open(os.path.join(folder, n), "rb") as f:
                wanted[n] = f.read()
    tap.ok(files == wanted, "with the same files as in their proof", sorted(files), sorted(wanted))
    s.cli("export", "-o", path[2], clip)
    r = s.verify(path[0])
    lines = [json.loads(x) for x in r.stdout.decode().splitlines()]
    bare = verdict(s.verify(path[2]))
    os.unlink(path[2])
    tap.ok((r.returncode, lines[0]["content"], lines[0]["key"]) == (0, "intact", "trusted") and
           {**lines[0], "path": ""} == {**bare, "path": ""}, "verify judges the clip as without them", lines[0], bare)
    tap.same({(p["code"], p["where"].split("/")[1]) for p in lines[1]["problems"]}, {("unauthenticated", "intake")},
             "and says that it does not judge the photographs")
    by_page(s, os.path.basename(path[0]))
    s.cli("export", "-o", path[1], "--intake", o["path"], clip)
    with open(path[0], "rb") as a, open(path[1], "rb") as b:
        tap.ok(a.read() == b.read(), "the same again, named by path: the same bytes")
    change(s.path(o["path"], "0001.jpg"), 7000)
    r = s.cli("export", "-o", path[2], "--intake", o["intake"], clip)
    tap.ok(r.returncode == 1 and "another file" in r.stderr.decode() and not os.path.exists(path[2]),
           "a photograph that was changed is not exported", r.stderr.decode())
    change(s.path(o["path"], "0001.jpg"), 7000)


def by_page(s, name):
    if not (checkers.webdriver.CHROMIUM and checkers.webdriver.DRIVER):
        tap.diag("NOT CHECKED: verify.html ran in no browser: chromium or chromedriver is missing: run: make deps-check")
        return
    shutil.copy(s.path("public", "trust"), os.path.join(s.dir, "trust"))
    case = {"name": "with photographs", "file": name, "trust": "trust"}
    browser = checkers.webdriver.Browser()
    try:
        browser.open("file://" + checkers.PAGE)
        checkers.compare("verify.html", [case], [checkers.by_program(s.dir, case)], checkers.by_page(browser, s.dir, [case]))
    finally:
        browser.close()


def stamped(s, good):
    tsa = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", "tsad.py"), "--algorithm", "rsa"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = json.loads(tsa.stdout.readline())
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write("\n[time]\ntimeout = 10\nretries = 0\nauthority = %s\nca = %s\n" % (said["url"], said["ca"]))
    status, out, err = intake(s, "--stamp", good)
    if status == 0:
        proved(s, out[0], said["ca"])
        bundled(s, out[0])
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
