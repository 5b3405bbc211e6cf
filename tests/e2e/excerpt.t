#!/usr/bin/env python3
# Excerpts of a real clip of two cameras: cut at the start, in the middle, at the end, one segment, all of it. What
# verify says of each, that no sample changed, what stock players say, and what becomes of copies with one thing changed.
import datetime
import hashlib
import json
import os
import shutil
import struct
import sys
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from station import SANITIZED, TICKS, Station, record_fields, run, seconds_of, statement, tap, track_ticks, verdict
import time

A, B = "SF1234567890123", "YT7654321098765"
SIZE, FPS = ("320x240", 15) if SANITIZED else ("640x360", 30)


def samples(film):
    """(size, ticks, SHA-256) of each sample, by a second reader: ffprobe tells where, the file's own bytes are hashed."""
    r = run("ffprobe", "-v", "warning", "-show_entries", "packet=pos,size,duration", "-of", "json", film)
    if r.stderr:
        tap.diag(r.stderr.decode())
    with open(film, "rb") as f:
        data = f.read()
    out = []
    for p in json.loads(r.stdout)["packets"]:
        at, size = int(p["pos"]), int(p["size"])
        out.append((size, int(p["duration"]), hashlib.sha256(data[at:at + size]).hexdigest()))
    return out


def boxes(film):
    with open(film, "rb") as f:
        data = f.read()
    at, found = 0, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if size == 1:
            size = struct.unpack(">Q", data[at + 8:at + 16])[0]
        found.append(kind.decode())
        at += size
    return found


def run_of(track, first, last):
    """Samples [a, b) of segments first to last."""
    n = [record_fields(r)["frames"] for r in track["segments"]]
    return sum(n[:first]), sum(n[:last + 1])


class Excerpts:
    def __init__(self, s, folder):
        self.s, self.folder, self.clip = s, folder, statement(folder)
        self.name = os.path.basename(folder)
        self.n = 0
        self.whole = {t["file"]["name"]: samples(os.path.join(folder, t["file"]["name"])) for t in self.clip["tracks"]}

    def export(self, *args, json_too=True):
        self.n += 1
        out = os.path.join(self.s.dir, "%s-%d.zip" % (self.name, self.n))
        r = self.s.cli("export", self.name, "-o", out, *args, *(["--json"] if json_too else []))
        return out, r

    def unpack(self, bundle):
        out = bundle[:-4]
        with zipfile.ZipFile(bundle) as z:
            z.extractall(out)
        return os.path.join(out, os.listdir(out)[0], "data", self.name)

    def check(self, what, args, expected):
        """expected: of each film the first and last segment; a film that is not named is left out."""
        bundle, r = self.export(*args)
        if not tap.same((r.returncode, r.stderr.decode()), (0, ""), "%s: export" % what):
            return None
        said = json.loads(r.stdout)["excerpt"]
        tap.same({t["file"]: (t["first"], t["last"]) for t in said["tracks"]}, expected, "%s: the segments" % what)
        r = self.s.verify(bundle)
        v = verdict(r)
        tap.same((r.returncode, v["content"], v["key"]), (0, "excerpt", "trusted"), "%s: verify: excerpt, exit 0" % what)
        tap.same(sorted({p["code"] for p in v["problems"]}), ["excerpt"], "%s: nothing else to tell" % what)
        wanted = []
        for t in self.clip["tracks"]:
            name, last = t["file"]["name"], len(t["segments"]) - 1
            first_kept, last_kept = expected.get(name, (last + 1, last))
            for a, b in ((0, first_kept - 1), (last_kept + 1, last)):
                if a <= b:
                    wanted.append("%s segment%s" % (name, "s %d-%d " % (a, b) if a < b else " %d " % a))
        got = [p["where"] for p in v["problems"] if ".mp4" in p["where"]]
        tap.ok(len(got) == len(wanted) and all(g.startswith(w) for g, w in zip(got, wanted)),
               "%s: verify names what was left out" % what, got, wanted)
        folder = self.unpack(bundle)
        films = sorted(f for f in os.listdir(folder) if f.endswith(".mp4"))
        tap.same(films, sorted(expected), "%s: the films" % what)
        for name, (first, last) in expected.items():
            self.check_film("%s: %s" % (what, name), os.path.join(folder, name), name, first, last)
        with open(os.path.join(folder, "excerpt.json"), "rb") as f:
            x = json.load(f)
        with open(os.path.join(folder, "clip.json"), "rb") as f:
            text = f.read()
        with open(os.path.join(self.folder, "clip.json"), "rb") as f:
            tap.ok(f.read() == text, "%s: the statement is whole" % what)
        tap.same((x["type"], x["version"], x["statement_sha256"]), ("packseal-excerpt", 1, hashlib.sha256(text).hexdigest()),
                 "%s: the descriptor names the statement" % what)
        inside = [o["file"]["name"] for o in self.clip["originals"]
                  for t in x["tracks"] if o["track"] == t["track"]
                  and self.start(t["track"], t["first"]) <= o["ticks"] < self.start(t["track"], t["last"] + 1)]
        tap.same(x["originals"], inside, "%s: the originals of its time" % what)
        tap.same(sorted(os.listdir(os.path.join(folder, "originals"))) if inside else [],
                 sorted(o.split("/")[1] for o in inside), "%s: and no others" % what)
        return folder

    def start(self, track, seq):
        return sum(record_fields(r)["duration"] for r in self.clip["tracks"][track]["segments"][:seq])

    def check_film(self, what, film, name, first, last):
        track = next(t for t in self.clip["tracks"] if t["file"]["name"] == name)
        a, b = run_of(track, first, last)
        tap.ok(samples(film) == self.whole[name][a:b], "%s: every sample and its time as in the original" % what)
        tap.same(boxes(film), ["ftyp", "moov", "mdat"], "%s: an ordinary MP4, its table first" % what)
        r = run("ffprobe", "-v", "warning", "-show_entries",
                "stream=width,height,color_range,color_space,color_transfer,color_primaries,time_base,duration_ts,start_pts",
                "-of", "json", film)
        cut = json.loads(r.stdout)["streams"][0]
        tap.same(r.stderr.decode(), "", "%s: ffprobe warns of nothing" % what)
        whole = json.loads(run("ffprobe", "-v", "error", "-show_entries",
                               "stream=width,height,color_range,color_space,color_transfer,color_primaries,time_base,duration_ts,start_pts",
                               "-of", "json", os.path.join(self.folder, name)).stdout)["streams"][0]
        ticks = sum(record_fields(r)["duration"] for r in track["segments"][first:last + 1])
        tap.same((cut.pop("duration_ts"), whole.pop("duration_ts") > 0, cut), (ticks, True, whole),
                 "%s: picture, colours and 90 kHz as in the original" % what)
        r = run("ffmpeg", "-nostdin", "-v", "warning", "-i", film, "-f", "null", "-")
        tap.same((r.returncode, r.stderr.decode()), (0, ""), "%s: ffmpeg decodes it without a warning" % what)


def place_of(track, clip):
    """Seconds from the clip's first picture to that of a track."""
    return (track["first"]["boot_ms"] - min(t["first"]["boot_ms"] for t in clip["tracks"] if t["segments"])) / 1000


def middle_of(e, seq):
    """A second in the middle of a segment of the first film, from the clip's first picture."""
    return place_of(e.clip["tracks"][0], e.clip) + (e.start(0, seq) + e.start(0, seq + 1)) / 2 / TICKS


def touched(e, a, b):
    """The rule of FORMAT.md section 11 by other words: of each film the segments that touch [a, b) seconds."""
    out = {}
    for i, t in enumerate(e.clip["tracks"]):
        at = place_of(t, e.clip)
        hit = [k for k in range(len(t["segments"])) if at + e.start(i, k) / TICKS < b and at + e.start(i, k + 1) / TICKS > a]
        if hit:
            out[t["file"]["name"]] = (hit[0], hit[-1])
    return out


def check_cuts(e):
    n = len(e.clip["tracks"][0]["segments"])
    tap.ok(n >= 4, "a clip of at least four segments", n)
    end = track_ticks(e.clip["tracks"][0]) / TICKS + 60
    a, b = middle_of(e, 1), middle_of(e, 2)
    folder = e.check("middle", ["--from", "%.3f" % a, "--to", "0:%06.3f" % b], touched(e, a, b))
    a = middle_of(e, 1)
    e.check("start", ["--to", "%.3f" % a], touched(e, 0, a))
    a = middle_of(e, n - 2)
    e.check("end", ["--from", "0:00:%06.3f" % a], touched(e, a, end))
    a = middle_of(e, 2)
    e.check("one segment", ["--from", "%.3f" % a, "--to", "%.3f" % (a + 0.001)], touched(e, a, a + 0.001))
    e.check("all of it", ["--from", "0"], touched(e, 0, end))
    # By the wall clock: the moment of the first picture is where seconds begin.
    first = min(seconds_of(t["first"]["wall"]) for t in e.clip["tracks"])
    a, b = middle_of(e, 1), middle_of(e, 2)
    at = [datetime.datetime.fromtimestamp(first + x, datetime.timezone(datetime.timedelta(hours=8))) for x in (a, b)]
    e.check("by the clock", ["--from", at[0].isoformat(timespec="milliseconds"),
                             "--to", at[1].astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")],
            touched(e, a, b))
    one, _ = e.export("--from", "%.3f" % a, "--to", "%.3f" % b)
    two, _ = e.export("--from", "%.3f" % a, "--to", "%.3f" % b)
    with open(one, "rb") as f, open(two, "rb") as g:
        tap.ok(f.read() == g.read(), "the same cut gives the same bytes")
    return folder


def check_words(e):
    a, b = middle_of(e, 1), middle_of(e, 2)
    bundle, r = e.export("--from", "%.3f" % a, "--to", "%.3f" % b, json_too=False)
    text, warned = r.stdout.decode(), r.stderr.decode()
    hit = touched(e, a, b)
    start, stop = (pick(place_of(t, e.clip) * 1000 + e.start(i, hit[t["file"]["name"]][side] + side) // 90
                        for i, t in enumerate(e.clip["tracks"])) for side, pick in ((0, min), (1, max)))
    tap.ok("excerpt   0:%06.3f - 0:%06.3f" % (start / 1000, stop / 1000) in text and "top.mp4: segments 1-2 of 0-" in text,
           "export tells the range as it became", text, start, stop)
    tap.ok("the start of the clip is not" in warned and "the end of the clip is not" in warned, "and warns of what is not in it", warned)
    tap.ok("looked for the label" in warned or "label was not seen" in warned, "and of the label", warned)
    _, r = e.export("--from", "0", json_too=False)
    tap.ok("the start of" not in r.stderr.decode() and "the end of" not in r.stderr.decode(), "of a whole clip neither",
           r.stderr.decode())
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    r = run(os.path.join(os.environ.get("PACKSEAL_BUILD", "build/release"), "packseal"), "verify", "--lang", "zh", bundle, env=env)
    tap.ok("节选(未改动)" in r.stdout.decode() and "节选时略去的部分" in r.stdout.decode(), "verify in Chinese", r.stdout.decode())
    with zipfile.ZipFile(bundle) as z:
        how = next(z.read(n) for n in z.namelist() if n.endswith("HOW-TO-VERIFY.txt")).decode()
    tap.ok("THIS IS AN EXCERPT / 本证据包是节选" in how, "the instructions say that it is an excerpt")


def check_refusals(e):
    length = "%d" % (track_ticks(e.clip["tracks"][0]) // TICKS + 100)
    for args, status, words in (
            (["--from", "5", "--to", "5"], 2, "ends before it begins"),
            (["--from", "5", "--to", "2"], 2, "ends before it begins"),
            (["--from", length], 2, "outside the clip"),
            (["--to", "0"], 2, "outside the clip"),
            (["--to", "2020-01-01T00:00:00Z"], 2, "outside the clip"),
            (["--from", "2199-01-01T00:00:00Z"], 2, "outside the clip"),
            (["--from", "1:75"], 2, "is no time"),
            (["--from", "-3"], 2, "is no time"),
            (["--from", "1:2:3:4"], 2, "is no time"),
            (["--from", "1."], 2, "is no time"),
            (["--from", "1,5"], 2, "is no time"),
            (["--from", ""], 2, "is no time"),
            (["--from", "2026-02-30x"], 2, "is no time"),
            (["--to", "1", "--to", "2"], 2, "given twice")):
        bundle, r = e.export(*args, json_too=False)
        tap.ok(r.returncode == status and words in r.stderr.decode() and not os.path.exists(bundle),
               "export %s: %s" % (" ".join(args), words), r.returncode, r.stderr.decode())
    out = os.path.join(e.s.dir, "two.zip")
    r = e.s.cli("export", A, B, "-o", out, "--from", "1")
    tap.ok(r.returncode == 2 and "of one clip" in r.stderr.decode() and not os.path.exists(out), "an excerpt is of one clip",
           r.stderr.decode())


def check_changes(s, e, other, folder):
    """Copies of the middle cut with one thing changed."""
    def judged(name, change, wanted, code, trust=True):
        copy = os.path.join(s.dir, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        change(copy)
        r = s.verify(copy, trust=trust)
        v = verdict(r)
        codes = [p["code"] for p in v["problems"]]
        tap.same((r.returncode, v["content"], code in codes), (0 if wanted == "excerpt" else 1, wanted, True),
                 "%s: %s, %s" % (name, wanted, code)) or [tap.diag(p) for p in v["problems"]]
        return v

    def film_of(*args):
        return os.path.join(e.unpack(e.export(*args)[0]), "top.mp4")

    def descriptor(change):
        def do(copy):
            path = os.path.join(copy, "excerpt.json")
            with open(path, encoding="utf-8") as f:
                x = json.load(f)
            change(x)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(x, f)
        return do

    def put(film, name="top.mp4"):
        return lambda copy: shutil.copy(film, os.path.join(copy, name))

    with open(os.path.join(folder, "excerpt.json"), encoding="utf-8") as f:
        run_now = next((t["first"], t["last"]) for t in json.load(f)["tracks"] if t["file"] == "top.mp4")
    more = film_of("--from", "%.3f" % middle_of(e, run_now[0]), "--to", "%.3f" % middle_of(e, run_now[1] + 1))
    less = film_of("--from", "%.3f" % middle_of(e, run_now[0]), "--to", "%.3f" % (middle_of(e, run_now[0]) + 0.001))
    judged("untouched", lambda copy: None, "excerpt", "excerpt")
    judged("one segment more", put(more), "altered", "excerpt-broken")
    judged("one segment less", put(less), "altered", "excerpt-broken")
    judged("the whole film", put(os.path.join(e.folder, "top.mp4")), "altered", "excerpt-broken")
    v = judged("the other camera's film", put(os.path.join(folder, "side.mp4")), "altered", "segment-foreign")
    tap.ok(any("top.mp4" in p["where"] for p in v["problems"]), "and it is named")
    judged("a stream copy", lambda copy: remux(os.path.join(copy, "top.mp4")), "excerpt", "excerpt")
    judged("swapped segments", lambda copy: swap(os.path.join(copy, "top.mp4")), "altered", "segment-order")
    judged("one bit", lambda copy: flip(os.path.join(copy, "top.mp4")), "altered", "segment-altered")
    judged("descriptor: one more", descriptor(lambda x: x["tracks"][0].update(last=x["tracks"][0]["last"] + 1)), "altered", "excerpt-broken")
    judged("descriptor: one less", descriptor(lambda x: x["tracks"][0].update(last=x["tracks"][0]["last"] - 1)), "altered", "excerpt-broken")
    judged("descriptor: beyond the clip", descriptor(lambda x: x["tracks"][0].update(last=9999)), "altered", "excerpt-broken")
    judged("descriptor: without a camera", descriptor(lambda x: x["tracks"].pop()), "altered", "excerpt-broken")
    judged("descriptor: another statement", descriptor(lambda x: x.update(statement_sha256="00" * 32)), "altered", "excerpt-broken")
    judged("descriptor: a later version", descriptor(lambda x: x.update(version=2)), "altered", "excerpt-broken")
    judged("descriptor: a key of later programs", descriptor(lambda x: x.update(remark=["x"])), "excerpt", "excerpt")
    judged("descriptor: one that must be understood", descriptor(lambda x: x.update(crit=["speed"], speed=2)), "altered", "excerpt-broken")
    judged("descriptor: no JSON", lambda copy: open(os.path.join(copy, "excerpt.json"), "w").close(), "altered", "excerpt-broken")
    judged("descriptor gone", lambda copy: os.unlink(os.path.join(copy, "excerpt.json")), "incomplete", "segment-missing")
    judged("a film gone", lambda copy: os.unlink(os.path.join(copy, "side.mp4")), "incomplete", "file-missing")
    judged("signature gone", lambda copy: os.unlink(os.path.join(copy, "clip.json.minisig")), "unsigned", "signature-missing")
    original = next((o["file"]["name"] for o in e.clip["originals"] if not os.path.exists(os.path.join(folder, o["file"]["name"]))), None)
    if original is not None:
        def bring(copy):
            os.makedirs(os.path.join(copy, "originals"), exist_ok=True)
            shutil.copy(os.path.join(e.folder, original), os.path.join(copy, original))
        judged("an original that was left out", bring, "altered", "excerpt-broken")
    stranger = os.path.join(other.unpack(other.export("--from", "%.3f" % middle_of(other, 1), "--to", "%.3f" % middle_of(other, 2))[0]))
    judged("another clip's film", put(os.path.join(stranger, "top.mp4")), "altered", "segment-foreign")
    judged("another clip's descriptor", put(os.path.join(stranger, "excerpt.json"), "excerpt.json"), "altered", "excerpt-broken")

    def exchange(copy):
        for name in ("top.mp4", "side.mp4", "excerpt.json"):
            shutil.copy(os.path.join(stranger, name), os.path.join(copy, name))
    judged("another clip's excerpt under this statement", exchange, "altered", "excerpt-broken")

    whole = os.path.join(s.dir, "whole")
    shutil.copytree(e.folder, whole)
    shutil.copy(os.path.join(folder, "excerpt.json"), whole)
    r = s.verify(whole)
    tap.same((r.returncode, verdict(r)["content"]), (1, "altered"), "a whole clip with a descriptor of a part: altered")

    damaged = os.path.join(s.root, os.path.relpath(e.folder, s.root), "top.mp4")
    with open(damaged, "rb") as f:
        kept = f.read()
    try:
        shutil.copy(os.path.join(folder, "top.mp4"), damaged)
        bundle, r = e.export("--from", "1")
        tap.ok(r.returncode == 1 and "does not hold what was recorded" in r.stderr.decode() and not os.path.exists(bundle),
               "nothing is cut out of a film that is not the recorded one", r.stderr.decode())
    finally:
        os.chmod(damaged, 0o640)
        with open(damaged, "wb") as f:
            f.write(kept)


def remux(film):
    run("ffmpeg", "-nostdin", "-v", "error", "-i", film, "-c", "copy", film + ".new.mp4")
    os.rename(film + ".new.mp4", film)


def boxed(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def retable(moov, tables):
    """The moov's bytes with other sample tables."""
    out, at = b"", 0
    while at < len(moov):
        size, kind = struct.unpack(">I4s", moov[at:at + 8])
        body = moov[at + 8:at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            out += boxed(kind, retable(body, tables))
        else:
            out += boxed(kind, b"\0\0\0\0" + tables[kind]) if kind in tables else moov[at:at + size]
        at += size
    return out


def swap(film):
    """The first segment behind all others: the same samples, each with its time."""
    with open(film, "rb") as f:
        data = f.read()
    packets = json.loads(run("ffprobe", "-v", "error", "-show_entries", "packet=pos,size,duration,flags", "-of", "json", film).stdout)
    s = [(int(p["pos"]), int(p["size"]), int(p["duration"]), p["flags"][0] == "K") for p in packets["packets"]]
    second = [i for i, x in enumerate(s) if x[3]][1]
    s = s[second:] + s[:second]
    keys = [i + 1 for i, x in enumerate(s) if x[3]]
    moov = data[32:32 + struct.unpack(">I", data[32:36])[0]]
    new = b""
    for _ in range(2):  # the second time its own length is known
        new = retable(moov, {
            b"stts": struct.pack(">I", len(s)) + b"".join(struct.pack(">II", 1, x[2]) for x in s),
            b"stss": struct.pack(">I%dI" % len(keys), len(keys), *keys), b"stsc": struct.pack(">IIII", 1, 1, len(s), 1),
            b"stsz": struct.pack(">II", 0, len(s)) + b"".join(struct.pack(">I", x[1]) for x in s),
            b"co64": struct.pack(">IQ", 1, 32 + len(new) + 8)})
    with open(film, "wb") as f:
        f.write(data[:32] + new + boxed(b"mdat", b"".join(data[x[0]:x[0] + x[1]] for x in s)))


def flip(film):
    with open(film, "r+b") as f:
        f.seek(os.path.getsize(film) * 3 // 4)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte ^ 1]))


def main():
    cameras = {"top": "lavf:lavfi:testsrc2=size=%s:rate=%d" % (SIZE, FPS), "side": "lavf:lavfi:mandelbrot=size=%s:rate=%d" % (SIZE, FPS)}
    with Station(cameras) as s:
        s.start()
        s.scan(A)
        time.sleep(9.5)
        s.scan(B)
        time.sleep(7)
        s.stop()
        clips = s.clips()
        tap.same((len(clips), s.end()), (2, 0), "two clips of two cameras")
        e, other = (Excerpts(s, c) for c in clips)
        folder = check_cuts(e)
        check_words(e)
        check_refusals(e)
        check_changes(s, e, other, folder)
    tap.done()


main()
