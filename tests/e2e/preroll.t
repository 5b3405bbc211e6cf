#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# What was before the scan, through the whole station: pre-roll in film, statement, verdict and words, and where there must
# be none; a banner that changes when an item's clip gets its label; the picture that MARK keeps; a recorder that dies.
# The banner is read from the decoded film, against letters that ffmpeg drew.
import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundles import Authority, config_of
from station import PACKSEAL, SANITIZED, TICKS, Station, need_programs, record_fields, run, seconds_of, skip_all, statement, tap, verdict, wait_for

A, ITEM, B, C = "SF1234567890123", "6901234567892", "YT7654321098765", "JDVA00012345678"
WIDTH, HEIGHT, FPS = 640, 360, 8 if SANITIZED else 15
SIDE = "lavf:lavfi:testsrc2=size=320x180:rate=5"  # a camera that gives no JPEG
BEFORE = 2  # seconds of pre-roll
CELLS, PX = 16, 14  # the banner's letters at this size of picture
FONT = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"

if not os.path.exists(FONT):
    skip_all("fonts-wqy-zenhei is missing: run: make deps")
need_programs()


def counter_film(path, frames):
    """Each picture shows its number as 16 white or black columns."""
    ffmpeg = subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "fatal", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "%dx%d" % (WIDTH, HEIGHT), "-r", str(FPS),
         "-i", "-", "-vf", "scale=out_range=full,format=yuvj422p", "-c:v", "mjpeg", "-huffman", "default", "-q:v", "3", path],
        stdin=subprocess.PIPE)
    for n in range(frames):
        row = b"".join((b"\xf0" if n >> (CELLS - 1 - i) & 1 else b"\x10") * (WIDTH // CELLS) for i in range(CELLS))
        ffmpeg.stdin.write(row * HEIGHT)
    ffmpeg.stdin.close()
    if ffmpeg.wait() != 0:
        raise RuntimeError("ffmpeg made no film")
    return "lavf:" + path


def pictures(film):
    """Of each picture: its number, and its upper half as one integer of bits a row."""
    rows, seen = HEIGHT // 2, []
    r = run("ffmpeg", "-nostdin", "-v", "error", "-i", film, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    tap.same(r.stderr.decode(), "", os.path.basename(os.path.dirname(film)) + ": the film decodes without a word")
    for at in range(0, len(r.stdout) - WIDTH * HEIGHT + 1, WIDTH * HEIGHT):
        row = r.stdout[at + WIDTH * (HEIGHT * 3 // 4):][:WIDTH]
        n = 0
        for i in range(CELLS):
            n = n * 2 + (row[i * (WIDTH // CELLS) + WIDTH // CELLS // 2] > 128)
        seen.append((n, r.stdout[at:at + WIDTH * rows]))
    return seen


def bits(gray, width, rows):
    table = bytes(1 if v > 125 else 0 for v in range(256))
    return [int("".join(map(str, gray[y * width:(y + 1) * width].translate(table))), 2) for y in range(rows)]


GLYPHS = {}


def glyphs(text):
    """The text as ffmpeg draws it with the same font: its ink, a row an integer, and its width."""
    if text not in GLYPHS:
        draw = "drawtext=fontfile=%s:fontsize=%d:fontcolor=white:x=4:y=4:text='%s'" % (FONT, PX, text.replace(":", "\\:"))
        r = run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=black:size=320x28:duration=1:rate=1", "-vf", draw, "-frames:v", "1",
                "-f", "rawvideo", "-pix_fmt", "gray", "-")
        rows = bits(r.stdout, 320, 28)
        every = 0
        for row in rows:
            every |= row
        low = (every & -every).bit_length() - 1
        width = every.bit_length() - low
        GLYPHS[text] = [row >> low for row in rows if row], width
    return GLYPHS[text]


def reads(picture, text):
    """Is the text in the picture's upper half? At its best place at most a seventh of its pixels may differ from the ink."""
    ink, width = glyphs(text)
    rows = bits(picture, WIDTH, HEIGHT // 2)
    total = sum(r.bit_count() for r in ink)
    mask = (1 << width) - 1
    for y in range(len(rows) - len(ink) + 1):
        for x in range(WIDTH - width):
            wrong = 0
            for i, want in enumerate(ink):
                wrong += ((rows[y + i] >> x & mask) ^ want).bit_count()
                if wrong * 7 > total:
                    break
            else:
                return True
    return False


def status(s):
    return json.loads(s.cli("status", "--json").stdout or b"{}")


def starts(track):
    """Number of the first picture of each segment, and of all."""
    out = [0]
    for r in track["segments"]:
        out.append(out[-1] + record_fields(r)["frames"])
    return out


def judged(s, folder, name, codes=()):
    r = s.verify(folder)
    v = verdict(r)
    tap.same((r.returncode, v["content"], v["key"]), (0, "intact", "trusted"), name + ": intact, trusted")
    tap.same(sorted({p["code"] for p in v["problems"]}), sorted(codes), name + ": told: " + (", ".join(codes) or "nothing"))
    return v


def seconds_before(clip):
    t = clip["tracks"][0]
    return (clip["started"]["boot_ms"] - t["first"]["boot_ms"]) / 1000


def first_clip(s, folder, fresh):
    clip = statement(folder)
    t = clip["tracks"][0]
    n, first = t.get("preroll", 0), starts(t)
    ticks = sum(record_fields(r)["duration"] for r in t["segments"][:n])
    tap.ok(1 <= n <= BEFORE + 1 and TICKS / 2 < ticks <= BEFORE * TICKS, "pre-roll is there, and not longer than configured", n, ticks / TICKS)
    tap.ok(0.5 < seconds_before(clip) <= BEFORE + 0.5, "the film begins before the scan", seconds_before(clip))
    tap.same((t["unwitnessed"], t["lost"]), ([[0, n - 1]], []), "pre-roll alone is unwitnessed")
    tap.ok(len(t["segments"]) > n, "the clip itself follows", len(t["segments"]))
    seen = pictures(os.path.join(folder, "top.mp4"))
    tap.same(len(seen), first[-1], "as many pictures as the records say")
    numbers = [m for m, _ in seen]
    missing = sum(b - a - 1 for a, b in zip(numbers, numbers[1:]))
    tap.ok(missing == t["counts"]["dropped"] + t["counts"]["damaged"] and all(b > a for a, b in zip(numbers, numbers[1:])),
           "picture follows picture across the scan; what is missing is counted", missing, t["counts"])
    before, after = seen[first[n] - 1][1], seen[first[n]][1]
    tap.same([reads(before, x) for x in ("PRE-ROLL", fresh, A, "0017")], [True, True, False, False],
             "the last picture before the clip: PRE-ROLL, the freshness code, no number, no operator")
    tap.same([reads(seen[0][1], x) for x in ("PRE-ROLL", fresh, A)], [True, True, False], "so does the first one")
    tap.same([reads(after, x) for x in ("PRE-ROLL", fresh, A, "0017", "#000001")], [False, True, True, True, True],
             "the next picture is the clip's first: number, operator, the same freshness code, no PRE-ROLL")
    tap.same(clip["freshness"]["code"], fresh, "which is the clip's")
    tap.same([(b["from"], b["text"], "kind" in b["fields"].split(), "frame" in b["fields"].split()) for b in t["banners"]],
             [(0, "", True, False), (n, A, False, True)], "the statement says which banner was when")
    fields = t["banner"]["fields"].split()
    tap.ok("time" in fields and "freshness" in fields and "codes" not in fields and "kind" not in fields,
           "and of the whole film what holds for the whole film", fields)
    tap.ok(all(t["banner"]["h"] >= b["h"] for b in t["banners"]), "the rectangle too", t["banners"])
    side = clip["tracks"][1]
    tap.ok(side.get("preroll", 0) >= 1 and side["unwitnessed"] == [[0, side["preroll"] - 1]], "the other camera has its own", side.get("preroll"))
    v = judged(s, folder, "pre-roll", ["segments-preroll"])
    place = v["problems"][0]["where"]
    tap.ok(place.startswith("top.mp4 segment") and "00:00.000" in place, "and where", place)
    out = os.path.join(s.dir, "report")
    r = s.cli("report", os.path.basename(folder), "-o", out, "--lang", "both")
    with open(os.path.join(out, "report.html"), encoding="utf-8") as f:
        html = f.read()
    tap.ok(r.returncode == 0 and "录于开单之前" in html and "were recorded before the clip was opened" in html, "the report says it, in both languages",
           r.stderr.decode())
    stills = [base64.b64decode(x) for x in re.findall(r'src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"', html)]
    if tap.same(len(stills), 6, "with three pictures of each film"):
        r = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-vf", "scale=out_range=full", "-f", "rawvideo", "-pix_fmt", "gray", "-"],
                           input=stills[0], stdout=subprocess.PIPE, check=False)
        tap.same((len(r.stdout), reads(r.stdout, A), reads(r.stdout, "PRE-ROLL")), (WIDTH * HEIGHT, True, False),
                 "the first one is the clip's own, not of its pre-roll")
    for lang, words in (("en", "PRE-ROLL"), ("zh", "预录")):
        text = s.cli("show", os.path.basename(folder), "--lang", lang).stdout.decode()
        tap.ok(words in text, "show says it (%s)" % lang, text)
    return v


def bent_twins(s, folder):
    """The statement is signed: whoever takes the mark away, or calls pre-roll witnessed, alters it."""
    twin = os.path.join(s.dir, "twin")
    for name, change in (("without its mark", lambda t: t.pop("preroll")), ("called witnessed", lambda t: t.update(unwitnessed=[]))):
        shutil.rmtree(twin, ignore_errors=True)
        shutil.copytree(folder, twin)
        clip = statement(twin)
        change(clip["tracks"][0])
        with open(os.path.join(twin, "clip.json"), "w", encoding="utf-8") as f:
            f.write(json.dumps(clip, ensure_ascii=False, separators=(",", ":")) + "\n")
        r = s.verify(twin)
        v = verdict(r)
        tap.same((r.returncode, v["content"], v["key"] == "trusted"), (1, "altered", False), "pre-roll %s: altered" % name)


def second_clip(s, folder):
    clip = statement(folder)
    t = clip["tracks"][0]
    first = starts(t)
    tap.same(clip["kind"], "return", "the clip of a return")
    tap.ok("preroll" not in t and seconds_before(clip) <= 0.001, "a clip right after another one has no pre-roll", seconds_before(clip))
    seen = pictures(os.path.join(folder, "top.mp4"))
    named = [b for b in t.get("banners", []) if b["text"] == B]
    if tap.ok(len(named) == 1 and named[0]["from"] > 0 and t["banners"][0]["text"] == ITEM,
              "the statement says from which segment on the label's code is shown", t.get("banners")):
        at = first[named[0]["from"]]
        tap.same([reads(seen[i][1], x) for i in (at - 1, at) for x in (ITEM, B, "RETURN")], [True, False, True, False, True, True],
                 "up to there the item's code is in the picture, from there on the label's; RETURN in both")
        scanned = next(e["ms"] for e in clip["events"] if e["what"] == "named")
        begins = record_fields(t["segments"][named[0]["from"]])["start"] / 90 - 1000 * seconds_before(clip)
        tap.ok(-500 < begins - scanned < 1500, "which begins at once, not with the next keyframe that was due", scanned, begins)
    tap.same(t["unwitnessed"], [], "all of it was witnessed")
    marks = [o for o in clip["originals"] if o["why"] == "mark"]
    tap.same([e["text"] for e in clip["events"] if e["what"] == "mark-no-original"], ["side"], "a camera that gives no JPEG has none of a mark, and the clip says so")
    if tap.same(len(marks), 1, "MARK keeps one original"):
        path = os.path.join(folder, marks[0]["file"]["name"])
        with open(path, "rb") as f:
            data = f.read()
        tap.same((hashlib.sha256(data).hexdigest(), data[:2]), (marks[0]["file"]["sha256"], b"\xff\xd8"), "a JPEG, as the statement names it")
        asked = next(e["ms"] for e in clip["events"] if e["what"] == "mark")
        at = marks[0]["ticks"] / 90 - 1000 * seconds_before(clip)
        tap.ok(-2 <= at - asked < 1500, "of that moment", asked, at)
        r = run("ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "gray", "-")
        row = r.stdout[WIDTH * (HEIGHT * 3 // 4):][:WIDTH]
        n = 0
        for i in range(CELLS):
            n = n * 2 + (row[i * (WIDTH // CELLS) + WIDTH // CELLS // 2] > 128)
        shown, ticks = None, 0
        for k, record in enumerate(t["segments"]):
            r = record_fields(record)
            if r["start"] <= marks[0]["ticks"] < r["start"] + r["duration"]:
                shown = seen[first[k] + round((marks[0]["ticks"] - r["start"]) * r["frames"] / r["duration"])][0]
        tap.ok(shown is not None and abs(shown - n) <= 1, "the picture that the film shows there, before banner and coding", n, shown)
    text = s.cli("show", os.path.basename(folder)).stdout.decode()
    tap.ok(marks and marks[0]["file"]["name"] in text and "MARK" in text, "show names it", text)
    judged(s, folder, "items first, label last")


def killed(s, wait):
    """kill -9 of the recorder when the open leaf is in the ledger."""
    time.sleep(BEFORE + 1.5)
    opened = len([1 for t, _i, _s in s.leaves() if t == 2])
    s.scan(C + str(wait)[0])
    time.sleep(wait)
    pid = s.children().get("recorder")
    os.kill(pid, signal.SIGKILL)
    s.end()
    s.start()
    tap.ok(wait_for(lambda: not s.half_done() and status(s).get("state") == "idle", 30), "a recorder killed %g s into a clip comes back" % wait)
    leaves = s.leaves()
    tap.same(len([1 for t, _i, _s in leaves if t == 2]), opened + 1, "one clip was opened")
    number = [i for t, i, _s in leaves if t == 2][-1]
    ends = [t for t, _i, subject in leaves if t in (3, 4) and subject == number]
    tap.same(len(ends), 1, "and ended, once")
    if ends != [3]:
        return tap.ok(wait == 0, "nothing of it was on the disk yet: an abort")
    folder = next(f for f in s.clips() if f.endswith("-%07d" % number))
    clip = statement(folder)
    t = clip["tracks"][0]
    n = t.get("preroll", 0)
    tap.same(clip["end_reason"], "crash", "sealed with its true reason")
    tap.ok(n >= 1 and t["unwitnessed"] and t["unwitnessed"][0][0] == 0 and t["unwitnessed"][0][1] >= n - 1, "with its pre-roll, marked as such",
           n, t["unwitnessed"], len(t["segments"]))
    tap.ok(seconds_of(clip["ended"]["wall"]) <= time.time(), "that ended when it did")
    v = verdict(s.verify(folder))
    tap.same((v["content"], v["key"]), ("intact", "trusted"), "it verifies")
    return tap.ok("segments-preroll" in {p["code"] for p in v["problems"]}, "and is told", v["problems"])


def main():
    work = tempfile.mkdtemp(prefix="packseal-film.")
    try:
        film = counter_film(os.path.join(work, "counter.avi"), FPS * 120)
        with Authority() as authority, Station({"top": film, "side": SIDE}, settings={"preroll_seconds": BEFORE, "min_seconds": 0}) as s:
            config_of(s, authority)
            with open(s.path("packseal.conf"), encoding="utf-8") as f:
                text = f.read()
            with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
                f.write(text.replace("# site = HZ01", "site = HZ01"))
            s.start()
            wait_for(lambda: "  code " in s.said(), 20)
            fresh = (s.said().rsplit("  code ", 1) + [""])[1][:8]
            tap.same(len(fresh), 8, "the station has a freshness code")
            s.end()
            s.start()  # it looks for the newest token now, and every 5 s; film with another code is let go
            time.sleep(BEFORE + 1.5)
            tap.same(s.scan(A).returncode, 0, "a waybill, out of idle")
            time.sleep(2.5)
            s.stop()
            s.scan("PS-HZ01-RETURN")
            tap.same(s.scan(ITEM).returncode, 0, "an item, right after the end of that clip")
            time.sleep(0.8)
            tap.same(s.scan("PS-HZ01-MARK").returncode, 0, "MARK")
            time.sleep(0.8)
            tap.same(s.scan(B).returncode, 0, "then its label")
            time.sleep(2.2)
            s.stop()
            tap.ok(wait_for(lambda: len(s.clips()) == 2, 10), "both are sealed")
            first_clip(s, s.clips()[0], fresh)
            bent_twins(s, s.clips()[0])
            second_clip(s, s.clips()[1])
            s.end()
            s.start()
            s.scan("PS-HZ01-PACK")
            killed(s, 1.5)
            killed(s, 0)
            tap.same(s.end(), 0, "run ends with 0 on SIGTERM")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
