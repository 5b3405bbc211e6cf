#!/usr/bin/env python3
# The whole chain through the real programs: init, run, two scans, stop, find, show, export, verify; and what stock
# tools say of the same files. Two cameras, a Chinese station name.
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from station import (BUILD, SANITIZED, TICKS, Station, need_programs, record_fields, run, seconds_of,
                     statement, tap, track_ticks, verdict, wait_for)
import tempfile
import time

A, B = "SF1234567890123", "YT7654321098765"
WIDTH, HEIGHT, FPS = (320, 240, 15) if SANITIZED else (640, 360, 30)
CELLS = 16


def counter_film(path, frames):
    """Each frame shows its number as 16 white or black columns, so that a frame can be known again in the clip."""
    ffmpeg = subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "fatal", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s",
         "%dx%d" % (WIDTH, HEIGHT), "-r", str(FPS), "-i", "-", "-vf", "scale=out_range=full,format=yuvj422p",
         "-c:v", "mjpeg", "-huffman", "default", "-q:v", "3", path], stdin=subprocess.PIPE)
    for n in range(frames):
        row = b"".join((b"\xf0" if n >> (CELLS - 1 - i) & 1 else b"\x10") * (WIDTH // CELLS) for i in range(CELLS))
        ffmpeg.stdin.write(row * HEIGHT)
    ffmpeg.stdin.close()
    if ffmpeg.wait() != 0:
        raise RuntimeError("ffmpeg made no film")


def counters(film):
    """The numbers seen in the frames of a recorded clip, well below the banner."""
    r = run("ffmpeg", "-nostdin", "-v", "error", "-i", film, "-vf", "crop=%d:2:0:%d" % (WIDTH, HEIGHT * 3 // 4),
            "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-")
    size, seen = WIDTH * 2, []
    for at in range(0, len(r.stdout) - size + 1, size):
        row = r.stdout[at:at + WIDTH]
        n = 0
        for i in range(CELLS):
            n = n * 2 + (row[i * (WIDTH // CELLS) + WIDTH // CELLS // 2] > 128)
        seen.append(n)
    return seen, r.stderr.decode()


def check_tracks(name, folder, clip):
    """What a statement says of its films against the films themselves."""
    tap.same([t["camera"] for t in clip["tracks"]], ["top", "side"], name + ": two cameras in one clip")
    for t in clip["tracks"]:
        film = os.path.join(folder, t["file"]["name"])
        c = t["counts"]
        tap.ok(c["encoded"] > 0 and c["encoded"] == c["captured"] - c["dropped"] - c["damaged"] + c["repeated"],
               "%s: %s: the counts add up" % (name, t["camera"]), c)
        frames = sum(record_fields(r)["frames"] for r in t["segments"])
        with open(film, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()
        tap.same((digest, os.path.getsize(film)), (t["file"]["sha256"], t["file"]["size"]),
                 "%s: %s: digest and size as stated" % (name, t["camera"]))
        r = run("ffprobe", "-v", "warning", "-count_packets", "-show_entries", "stream=nb_read_packets,duration,codec_name",
                "-of", "json", film)
        tap.same(r.stderr.decode(), "", "%s: %s: ffprobe warns of nothing" % (name, t["camera"]))
        stream = json.loads(r.stdout)["streams"][0]
        tap.same((stream["codec_name"], int(stream["nb_read_packets"])), ("h264", frames),
                 "%s: %s: as many pictures as the records say" % (name, t["camera"]))
        tap.ok(abs(float(stream["duration"]) - track_ticks(t) / TICKS) <= 1 / FPS,
               "%s: %s: duration within one frame" % (name, t["camera"]), stream["duration"], track_ticks(t) / TICKS)
        r = run("ffmpeg", "-nostdin", "-v", "warning", "-i", film, "-f", "null", "-")
        tap.same((r.returncode, r.stderr.decode()), (0, ""), "%s: %s: ffmpeg decodes it without a warning" % (name, t["camera"]))


def check_switch(a, b, folder_a, folder_b):
    """The next code ends one clip and starts the other: every frame is in one of them, or counted as lost."""
    ta, tb = a["tracks"][0], b["tracks"][0]
    seen_a, _ = counters(os.path.join(folder_a, "top.mp4"))
    seen_b, _ = counters(os.path.join(folder_b, "top.mp4"))
    tap.ok(len(seen_a) > FPS and len(seen_b) > FPS, "numbered frames in both clips", len(seen_a), len(seen_b))
    both = seen_a + seen_b
    steps = [y - x for x, y in zip(both, both[1:])]
    lost = sum(s - 1 for s in steps if s > 1)
    stated = sum(t["counts"][k] for t in (ta, tb) for k in ("dropped", "damaged"))
    tap.ok(all(s >= 1 for s in steps), "frame numbers only grow, across the switch too",
           [(i, both[i], both[i + 1]) for i, s in enumerate(steps) if s < 1][:5])
    tap.ok(lost <= stated, "no frame is missing that the statements do not count", "missing %d, stated %d" % (lost, stated))
    tap.same(seen_b[0], seen_a[-1] + 1, "the next clip starts with the very next frame") if not stated else \
        tap.diag("the machine was too busy to keep up: %d frames stated as lost" % stated)
    end_a = seconds_of(ta["first"]["wall"]) + track_ticks(ta) / TICKS
    tap.ok(abs(seconds_of(tb["first"]["wall"]) - end_a) <= 1 / FPS + 0.01, "one film ends where the next begins",
           ta["first"], track_ticks(ta), tb["first"])


def check_find(s, clip_b):
    rows = s.find(B)
    tap.same(len(rows), 1, "find knows one clip of the second code")
    row = rows[0]
    tap.same(row["codes"] if isinstance(row["codes"][0], str) else [c["value"] for c in row["codes"]], [B], "find: its codes")
    tap.same((row["kind"], row["reason"], row["started"]), ("pack", "stop", clip_b["started"]["wall"]), "find: kind, reason, start")
    tap.same(len(s.find()), 2, "find without a number lists both")
    tap.same(s.find("SF0000000000000"), [], "find knows no clip of a strange number")
    before = s.cli("find", "--json").stdout
    os.unlink(s.path("index.db"))
    for more in ("index.db-wal", "index.db-shm"):
        if os.path.exists(s.path(more)):
            os.unlink(s.path(more))
    r = s.cli("reindex")
    tap.same(r.returncode, 0, "reindex from the folders alone")
    tap.same(s.cli("find", "--json").stdout, before, "reindex: find says the same, byte for byte")
    for lang, words in (("en", (B, "ST" if "ST" in row["clip"] else row["clip"])), ("zh-CN", (B, s.name))):
        r = s.cli("show", row["clip"], "--lang", lang)
        text = r.stdout.decode()
        tap.ok(r.returncode == 0 and all(w in text for w in words), "show in %s names code and station" % lang, text[:500],
               r.stderr.decode())
    r = s.cli("show", row["clip"], "--json")
    with open(os.path.join(s.folder(row), "clip.json"), "rb") as f:
        tap.same(r.stdout, f.read(), "show --json is the statement as it is")
    return row


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def exported(s, out, *args):
    """`export --json`: status, its object, what it said besides, the bundle."""
    r = s.cli("export", "--json", "-o", out, *args)
    said = json.loads(r.stdout.decode() or "{}")
    return r.returncode, said, r.stderr.decode(), contents(out) if os.path.exists(out) else b""


def check_export(s):
    """While the signer runs: each export is an entry, and what that appends changes no later bundle."""
    out = os.path.join(s.dir, "out")
    os.mkdir(out)
    before = len(s.leaves())
    status, first, err, data = exported(s, os.path.join(out, "1.zip"), A)
    if not tap.ok(status == 0 and first.get("ledgered") is True and err == "", "an export is entered in the ledger", first, err):
        return
    number = int(first["clips"][0].rsplit("-", 1)[1])
    tap.same(s.leaves()[before:], [(9, first["leaf"], number)], "one entry, of the clip")
    with open(s.path("ledger", "entries"), "rb") as f:
        f.seek(-146, os.SEEK_END)
        leaf = f.read()
    tap.same((leaf[108:140].hex(), leaf[140:]), (hashlib.sha256(data).hexdigest(), b"\0\4\0\0\0\1"),
             "which holds the bundle's SHA-256 and the number of clips")
    tap.same(first["sha256"], leaf[108:140].hex(), "as export tells it")
    status, second, err, other = exported(s, os.path.join(out, "2.zip"), A, B)
    tap.ok(status == 0 and second["leaf"] > first["leaf"] and s.leaves()[-1][2] == number, "of two clips the first is named",
           second, err, s.leaves()[-1])
    tap.ok(wait_for(lambda: int(contents(s.path("ledger", "checkpoint")).split(b"\n")[1]) > second["leaf"], 10),
           "the checkpoint has moved on")
    status, third, err, again = exported(s, os.path.join(out, "3.zip"), A)
    tap.ok(status == 0 and again == data, "and the same clip still gives the same bytes", third, err)
    tap.same(third.get("leaf"), first["leaf"], "which are one entry, not two")
    page = os.path.join(out, "verify.html")
    tap.ok(first["page"] == page and contents(page) == contents(os.path.join(BUILD, "verify.html")),
           "verify.html lies beside the bundle", first)
    tap.ok(third["page"] == page and sorted(os.listdir(out)) == ["1.zip", "2.zip", "3.zip", "verify.html"], "once", os.listdir(out))
    with open(page, "ab") as f:
        f.write(b"<!-- mine -->")
    mine = contents(page)
    status, fourth, err, again = exported(s, os.path.join(out, "4.zip"), A)
    tap.ok(status == 0 and again == data and fourth["page"] is None and contents(page) == mine and page in err,
           "another file of that name is left alone, and named", fourth, err)
    os.unlink(page)
    status, fifth, err, again = exported(s, os.path.join(out, "5.zip"), A, "--no-page")
    tap.ok(status == 0 and fifth["page"] is None and err == "" and not os.path.exists(page), "--no-page leaves it out", fifth, err)
    tap.ok(not os.path.exists(s.path("run", "stamp-wanted")), "no stamp is asked for where nobody stamps")


def check_alone(s):
    """A signer without a recorder: what it answers to whom, and who is told that a stamp is wanted."""
    def signer(*more):
        p = subprocess.Popen([os.path.join(BUILD, "packseal-signer"), "--dir", s.path("signer"), "--allow-unconfined",
                              *(["--no-seccomp"] if SANITIZED else []), *more],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: p.poll() is not None or listens(), 20)
        return p

    def listens():
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
                probe.connect(s.path("run", "signer.sock"))
            return True
        except OSError:
            return False

    def case(n, *more):
        p = signer(*more)
        try:
            return exported(s, os.path.join(s.dir, "alone-%d.zip" % n), A)
        finally:
            p.terminate()
            p.wait(20)
    wanted = s.path("run", "stamp-wanted")
    other = str(os.getuid() + 1)
    before = len(s.leaves())
    status, said, err, data = case(1, "--recorder-uid", other, "--viewer-uid", other)
    tap.ok(status == 0 and said.get("ledgered") is False and "not for you" in said["why"] and err == "",
           "a clerk from whom the signer takes no entry exports all the same, and is told", said, err)
    tap.same([t for t, _i, _s in s.leaves()[before:]], [1], "and there is no entry")
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        f.write("\n[time]\nauthority = http://127.0.0.1:9/\nca = none.pem\n")
    status, said, err, again = case(2, "--recorder-uid", other, "--viewer-uid", str(os.getuid()))
    tap.ok(status == 0 and said.get("ledgered") is True and err == "" and again == data, "from the viewer's user it takes one",
           said, err)
    tap.ok(os.path.exists(wanted) and os.path.getsize(wanted) == 0, "where an authority is named, a stamp is asked for")


def check_away(s):
    """The same without a signer."""
    path = os.path.join(s.dir, "away.zip")
    status, said, err, data = exported(s, path, A)
    tap.ok(status == 0 and said.get("ledgered") is False and "leaf" not in said, "without a signer an export succeeds, unledgered", said)
    r = s.cli("export", A, "-o", os.path.join(s.dir, "words.zip"))
    tap.same([line.split()[1:5] for line in r.stdout.decode().splitlines() if line.startswith("ledger ")],
             [["has", "no", "entry", "of"]], "and says so in one line")
    tap.same(data, contents(os.path.join(s.dir, "out", "1.zip")), "with the same bytes")
    r = run("sha256sum", path)
    tap.same(r.stdout.decode().split()[0], said.get("sha256"), "whose SHA-256 it tells")


def check_recovered(s):
    """Another ledger was begun: clips of the old one are proved by what was kept of it, and none of the new one's leaves
    speaks of them."""
    r = run(os.path.join(BUILD, "packseal-signer"), "--dir", s.path("signer"), "--recover")
    tap.same(r.returncode, 0, "a station that goes on with another ledger")
    path = os.path.join(s.dir, "recovered.zip")
    status, said, err, _ = exported(s, path, A)
    tap.ok(status == 0 and said.get("ledgered") is False and "another ledger" in said["why"], "exports its old clips", said, err)
    r = s.verify(path)
    v = verdict(r)
    tap.same((r.returncode, v["content"], v["key"], v["ledger"]), (0, "intact", "trusted", "included"),
             "which are in the ledger that was given up")


def check_bundle(s, row):
    bundle = os.path.join(s.dir, "b.zip")
    r = s.cli("export", B, "-o", bundle)
    tap.same(r.returncode, 0, "export")
    again = os.path.join(s.dir, "again.zip")
    s.cli("export", row["clip"], "-o", again)
    with open(bundle, "rb") as one, open(again, "rb") as two:
        tap.ok(one.read() == two.read(), "export by number and by clip gives the same bytes")
    r = s.cli("export", B, "-o", bundle)
    tap.ok(r.returncode != 0, "export overwrites nothing")

    r = s.verify(bundle)
    tap.same(r.returncode, 0, "verify with trust: exit 0")
    v = verdict(r)
    tap.same((v["content"], v["key"], v["time"]["basis"], v["ledger"], v["problems"]),
             ("intact", "trusted", "self-declared", "included", []), "verify: four answers, no problem")
    r = s.verify(bundle, trust=False)
    tap.same(r.returncode, 3, "verify without trust: exit 3")
    tap.same(verdict(r)["key"], "unknown", "verify without trust: the key is unknown")

    tap.same(zipfile.ZipFile(bundle).testzip(), None, "zipfile reads the bundle")
    out = os.path.join(s.dir, "bag")
    r = run("unzip", "-q", bundle, "-d", out)
    tap.same(r.returncode, 0, "unzip takes the bundle")
    bag = os.path.join(out, os.listdir(out)[0])
    r = run("sha256sum", "--strict", "--quiet", "-c", "manifest-sha256.txt", cwd=bag)
    tap.same((r.returncode, r.stdout.decode()), (0, ""), "sha256sum agrees with the manifest")
    r = run("sha256sum", "--strict", "--quiet", "-c", "tagmanifest-sha256.txt", cwd=bag)
    tap.same(r.returncode, 0, "sha256sum agrees with the tag manifest")
    clip = os.path.join(bag, "data", row["clip"])
    keys = [k for k in ("keys/clip.pub", "data/keys/clip.pub") if os.path.exists(os.path.join(bag, k))]
    tap.same(len(keys), 1, "the bundle holds the public key")
    r = run("minisign", "-V", "-H", "-p", os.path.join(bag, keys[0]), "-m", os.path.join(clip, "clip.json"))
    tap.same(r.returncode, 0, "minisign agrees with the signature")
    tap.ok(B not in r.stdout.decode() and row["clip"] in r.stdout.decode(), "the signed comment names the clip, not the order",
           r.stdout.decode())
    for path in (bag, clip):
        tap.same(s.verify(path).returncode, 0, "verify takes the folder %s too" % os.path.relpath(path, out).split("/")[-1])
    return clip


def check_changes(s, clip):
    """Copies with one thing changed, and a stream copy, which changes nothing that is signed."""
    def judged(change):
        copy = os.path.join(s.dir, "copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(clip, copy)
        change(copy)
        r = s.verify(copy)
        return r.returncode, verdict(r)

    def stream_copy(copy):
        film = os.path.join(copy, "top.mp4")
        r = run("ffmpeg", "-nostdin", "-v", "warning", "-i", film, "-c", "copy", "-movflags", "+faststart", film + ".new.mp4")
        tap.same((r.returncode, r.stderr.decode()), (0, ""), "ffmpeg -c copy without a warning")
        os.rename(film + ".new.mp4", film)
    status, v = judged(stream_copy)
    tap.same((status, v["content"], v["problems"]), (0, "intact", []), "a stream copy to another MP4 keeps every record")

    def flip(copy):
        film = os.path.join(copy, "top.mp4")
        r = run("ffprobe", "-v", "error", "-show_entries", "packet=pos,size", "-of", "csv=p=0", film)
        packets = [[int(n) for n in line.split(",")[:2]] for line in r.stdout.decode().split()]
        size, pos = packets[len(packets) // 2]
        with open(film, "r+b") as f:
            f.seek(pos + size // 2)
            byte = f.read(1)[0]
            f.seek(pos + size // 2)
            f.write(bytes([byte ^ 1]))
        done = 0
        for r in statement(copy)["tracks"][0]["segments"]:
            done += record_fields(r)["frames"]
            if done > len(packets) // 2:
                flip.segment = record_fields(r)["seq"]
                break
    status, v = judged(flip)
    tap.same((status, v["content"]), (1, "altered"), "one changed bit of video: altered, exit 1")
    where = [p["where"] for p in v["problems"]]
    tap.ok(any("top.mp4 segment %d" % flip.segment in w for w in where), "and the segment is named", where, flip.segment)

    def pen(copy):
        path = os.path.join(copy, "clip.json")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(B, B[:-1] + "6"))
    status, v = judged(pen)
    tap.same((status, v["content"]), (1, "altered"), "another number in the statement: altered")
    tap.ok(v["key"] != "trusted", "and then the key is not trusted", v["key"])
    status, v = judged(lambda copy: os.unlink(os.path.join(copy, "clip.json.minisig")))
    tap.same((status, v["content"]), (1, "unsigned"), "no signature: unsigned")
    status, v = judged(lambda copy: os.unlink(os.path.join(copy, "side.mp4")))
    tap.same((status, v["content"]), (1, "incomplete"), "a missing film: incomplete")


def main():
    need_programs()
    work = tempfile.mkdtemp(prefix="packseal-film.")
    try:
        film = os.path.join(work, "counter.avi")
        counter_film(film, FPS * 90)
        cameras = {"top": "lavf:" + film, "side": "lavf:lavfi:testsrc2=size=%dx%d:rate=%d" % (WIDTH, HEIGHT, FPS)}
        with Station(cameras) as s:
            s.start()
            state = json.loads(s.cli("status", "--json").stdout)
            tap.same((state["state"], s.cli("status").returncode), ("idle", 0), "status: idle, and able to record")
            r = s.scan(A)
            tap.same(r.returncode, 0, "scan")
            state = json.loads(s.cli("status", "--json").stdout)
            tap.same(state["state"], "recording", "status: recording")
            time.sleep(5.3)
            tap.same(s.scan(B).returncode, 0, "another code")
            time.sleep(5)
            tap.same(s.stop().returncode, 0, "stop")
            tap.same(s.stop().returncode != 0, True, "a second stop has nothing to stop, and says so")
            clips = s.clips()
            tap.same(len(clips), 2, "stop returns when the clips are in their place")
            tap.same(s.half_done(), [], "nothing half done is left")
            a, b = (statement(c) for c in clips)
            tap.same([a["codes"][0]["value"], a["end_reason"], a["kind"]], [A, "next-code", "pack"], "first clip: code and reason")
            tap.same([b["codes"][0]["value"], b["end_reason"], b["codes"][0]["entry"]], [B, "stop", "api"], "second clip")
            tap.same((a["station"]["name"], a["take"]), (s.name, 1), "station and take")
            tap.same([t["unwitnessed"] + t["lost"] for c in (a, b) for t in c["tracks"]], [[]] * 4,
                     "the signer saw every segment as it closed")
            check_tracks("first", clips[0], a)
            check_tracks("second", clips[1], b)
            check_switch(a, b, *clips)
            tap.ok(len(a["originals"]) >= 1 and all(o["file"]["name"].endswith(".jpg") for o in a["originals"]),
                   "the camera's own JPEGs are kept", a["originals"])
            check_export(s)
            tap.same(s.end(), 0, "run ends with 0 on SIGTERM")
            check_alone(s)
            check_away(s)
            types = [t for t, _i, _s in s.leaves()]
            tap.same((types.count(2), types.count(3), types.count(4)), (2, 2, 0), "ledger: two opens, two seals, no abort")
            row = check_find(s, b)
            clip = check_bundle(s, row)
            check_changes(s, clip)
            check_recovered(s)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
