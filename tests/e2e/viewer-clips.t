#!/usr/bin/env python3
# The clerk's half of the viewer: search, a clip with all that belongs to it, films in ranges, the verdict, notes, tags, holds;
# and what a hostile parcel may carry: SQL and HTML in codes, notes, tags and names. Real: station, signer, viewer.
import concurrent.futures
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundles import Authority
from station import BUILD, SANITIZED, TICKS, Station, mjpeg_film, record_fields, seconds_of, statement, tap, verdict, wait_for
from web import PASSWORD, Web, free_port

SIZE = "320x240" if SANITIZED else "640x360"
SQL = "x' OR '1'='1"
HTML = "<img src=x onerror=alert(1)>"
A = "SF1234567890123"


class Viewer:
    def __init__(self, station):
        self.port = free_port()
        self.log = open(os.path.join(station.dir, "viewer.log"), "ab")
        self.process = subprocess.Popen([os.path.join(BUILD, "packseal-viewer"), "--root", station.root, "--listen",
                                         "127.0.0.1:%d" % self.port], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def end(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.log.close()
        return status


def seal_times(s):
    """Number of a clip -> the signer's clock at its seal, of the ledger's entries."""
    out = {}
    with open(s.path("ledger", "entries"), "rb") as f:
        while True:
            head = f.read(2)
            if len(head) < 2:
                return out
            leaf = f.read(struct.unpack(">H", head)[0])
            subject, wall = struct.unpack(">Qq", leaf[32:48])
            if leaf[4] == 3:
                out[subject] = wall / 1e9


def record(s, web, code, seconds, shown):
    """One clip; how long after its seal search had it goes to shown."""
    known = {r["clip"] for r in web.json("GET", "/clips?limit=200")[1]["clips"]}
    seen = {}
    over = threading.Event()

    def watch():
        while not over.is_set():
            now = time.time()
            for r in web.json("GET", "/clips?limit=5")[1]["clips"]:
                if r["clip"] not in known:
                    seen.setdefault(r["clip"], (r["number"], now))
            if seen:
                return
            time.sleep(0.01)

    s.scan(code)
    time.sleep(seconds)
    watcher = threading.Thread(target=watch)
    watcher.start()
    s.stop()
    watcher.join(30)
    over.set()
    if not seen:
        raise RuntimeError("the clip did not come up in search: " + code)
    (clip, (number, at)), = seen.items()
    shown.append(at - seal_times(s)[number])
    return clip


def folder_of(s, clip):
    return next(f for f in s.clips() if f.endswith(clip))


def clips(web, query):
    status, o = web.json("GET", "/clips?" + query)
    return [r["clip"] for r in o["clips"]] if status == 200 else status


def quote(text):
    return "".join("%%%02X" % b for b in text.encode())


# ---- search

def searching(s, web, names):
    first, second, returned, sql, html = names
    newest = [html, sql, returned, second, first]
    tap.same(clips(web, ""), newest, "all clips, newest first")
    tap.same(clips(web, "number=" + A), [returned, second, first], "by a whole number")
    tap.same(clips(web, "number=" + A.lower()), [returned, second, first], "letters of either case are the same")
    tap.same(clips(web, "number=890123"), [returned, second, first], "by its last six digits")
    tap.same(clips(web, "number=" + first.lower()), [first], "by the clip's name")
    tap.same(clips(web, "number=123"), [], "three digits are too few to be an end")
    tap.same([clips(web, "limit=2&page=%d" % n) for n in (1, 2, 3, 4)], [newest[0:2], newest[2:4], newest[4:5], []], "pages")
    tap.same([web.json("GET", "/clips?limit=2&page=%d" % n)[1]["more"] for n in (1, 2, 3)], [True, True, False], "and whether more follow")
    tap.same(clips(web, "kind=return"), [returned], "by kind")
    tap.same(clips(web, "operator=0017"), newest, "by operator")
    tap.same(clips(web, "operator=0018"), [], "of another operator there are none")
    tap.same(clips(web, "flagged=take"), [returned, second], "later takes")
    tap.ok(second in clips(web, "flagged=1"), "a duplicate was warned of and is worth a look")
    tap.same([r["clip"] for r in s.find("--flag", "take,warned")], clips(web, "flagged=take,warned"), "packseal find --flag gives the same")
    tap.same([r["clip"] for r in s.find("--flagged")], clips(web, "flagged=1"), "and packseal find --flagged")
    tap.same([r["flags"] for r in s.find()], [r["flags"] for r in web.json("GET", "/clips")[1]["clips"]], "by the same words")
    tap.same(s.cli("find", "--flag", "nonsense").returncode, 2, "others are refused")
    rows = web.json("GET", "/clips")[1]["clips"]
    tap.same([r["clip"] for r in rows if "label-not-seen" in r["flags"]], clips(web, "flagged=label-not-seen"), "a word gives those that have it")
    middle = rows[2]["started"]
    tap.same(clips(web, "from=" + middle), newest[:3], "from a moment on")
    tap.same(clips(web, "to=" + middle), newest[2:], "up to a moment")
    day = time.strftime("%Y-%m-%d", time.localtime())
    tap.same(clips(web, "from=1999-01-01&to=1999-01-02"), [], "of another day there are none")
    tap.same(clips(web, "to=2199-12-31&from=1999-01-01"), newest, "days with all their hours (today is %s)" % day)
    for wrong in ("page=0", "page=x", "limit=201", "limit=-1", "kind=parcel", "flagged=nonsense", "from=yesterday", "to=2026-13-01"):
        tap.same(clips(web, wrong), 400, "refused: " + wrong)
    return rows


def injections(web, names):
    """Bytes of strangers are data: they find what holds them and nothing else, and come back as they were."""
    first, second, returned, sql, html = names
    tap.same(clips(web, "number=" + quote(SQL)), [sql], "SQL in a number is a number")
    tap.same(clips(web, "number=" + quote(HTML)), [html], "HTML in a number is a number")
    o = web.json("GET", "/clips/" + html)[1]
    tap.same(o["codes"], [HTML.upper()], "and comes back as it was scanned, in capitals as codes are")
    for hostile in ("' OR 1=1 --", "%", "____", "\";DROP TABLE clips;--", "1 UNION SELECT hash FROM accounts"):
        for field in ("number", "operator", "tag"):
            tap.same(clips(web, "%s=%s" % (field, quote(hostile))), [], "nothing is found by %s=%s" % (field, hostile))
    tap.same(len(clips(web, "")), 5, "and nothing is lost")
    for path in ("/clips/%2e%2e", "/clips/" + quote(SQL), "/clips/ST03-9999999", "/clips/" + first + "'", "/clips/" + first + "/../" + first):
        status = web.ask("GET", "/api/v1" + path)[0]
        tap.ok(status in (400, 404), "no clip: " + path, status)
    status, headers, body = web.ask("GET", "/api/v1/clips/" + html)
    tap.same((headers["content-type"].split(";")[0], headers.get("x-content-type-options")), ("application/json", "nosniff"),
             "what holds HTML is JSON, and no browser takes it for anything else")
    tap.ok(HTML.upper().encode() in body, "unchanged, to be shown as text")


# ---- one clip

def one_clip(s, web, names):
    first, second, returned, sql, html = names
    status, o = web.json("GET", "/clips/" + first)
    folder = folder_of(s, first)
    stated = statement(folder)
    tap.same((status, o["clip"], o["codes"]), (200, first, [A]), "a clip")
    tap.same(o["statement"], stated, "its statement is clip.json as it is")
    tap.same([r["clip"] for r in o["takes"]], [second, first], "all takes of the order, itself included")
    tap.same([r["clip"] for r in o["related"]], [returned], "and what came back")
    tap.same([r["clip"] for r in web.json("GET", "/clips/" + returned)[1]["related"]], [second, first], "of what came back, what went out")
    tap.same(([r["clip"] for r in web.json("GET", "/clips/" + sql)[1]["takes"]]), [sql], "another order is alone")
    tap.same((o["notes"], o["tags"], o["hold"], o["held"]), ([], [], None, False), "nobody has added anything yet")
    tap.same(clips(web, "held=1"), [], "nor held a clip")
    wanted = []
    for t in stated["tracks"]:
        fields = [record_fields(r) for r in t["segments"]]
        ms = sum(f["duration"] for f in fields) * 1000 // TICKS
        wanted.append((t["file"]["name"], t["camera"], t["first"]["boot_ms"] - stated["started"]["boot_ms"], ms, t["width"], t["height"]))
    got = [(t["file"], t["camera"], t["start_ms"], t["ms"], t["width"], t["height"]) for t in o["tracks"]]
    near = all(w[:2] == g[:2] and abs(w[2] - g[2]) <= 1 and abs(w[3] - g[3]) <= 1 and w[4:] == g[4:] for w, g in zip(wanted, got))
    tap.ok(near and len(got) == 2, "each film's place on the clip's time line", wanted, got)
    tap.ok(all(10 < t["fps"] < 40 for t in o["tracks"]), "and its pictures a second", [t["fps"] for t in o["tracks"]])
    tap.diag("the two films begin %d ms apart; a picture is %.0f ms" % (abs(got[0][2] - got[1][2]), 1000 / o["tracks"][0]["fps"]))


def same_as_bundle(s, web, clip, name):
    """The verdict over the clip's folder, and the one over a bundle of it: the same, but for what only a bundle can have."""
    bundle = os.path.join(s.dir, name + ".zip")
    s.cli("export", clip, "-o", bundle)
    told, now = verdict(s.verify(bundle)), web.json("GET", "/clips/%s/verdict" % clip)[1]
    keys = ("content", "key", "time", "ledger", "container", "signer", "witnesses")
    tap.same({k: now[k] for k in keys}, {k: told[k] for k in keys}, name + ": the verdict is the one of its exported bundle")
    return now


def stamped(s, web, clip):
    """A token that came later bounds the clip, and the next verdict has it."""
    with Authority() as authority:
        with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
            f.write("\n[time]\ntimeout = 10\nretries = 0\nauthority = %s\nca = %s\n" % (authority.url, authority.ca))
        with open(s.path("public", "trust"), "a", encoding="utf-8") as f:
            f.write("tsa %s name=\"loopback\"\n" % authority.anchor())
        tap.same(s.cli("stamp").returncode, 0, "the ledger is stamped")
        now = same_as_bundle(s, web, clip, "stamped")
        tap.ok(now["time"]["basis"] == "not-after" and now["time"]["not_after"] > statement(folder_of(s, clip))["ended"]["wall"],
               "and the clip has a bound from above", now["time"], now["problems"])


def verdicts(s, web, clip):
    folder = folder_of(s, clip)
    status, now = web.json("GET", "/clips/%s/verdict" % clip)
    tap.same((status, now["content"], now["key"], now["problems"]), (200, "intact", "trusted", []), "the verdict, computed now")
    now = same_as_bundle(s, web, clip, "fresh")
    tap.same(now["ledger"], "included", "with the proof of its entry")
    film = os.path.join(folder, "top.mp4")
    with open(film, "rb") as f:
        whole = f.read()
    at = whole.index(b"mdat") + len(whole) // 3
    with open(film, "r+b") as f:
        f.seek(at)
        f.write(bytes([whole[at] ^ 1]))
    now = web.json("GET", "/clips/%s/verdict" % clip)[1]
    tap.same((now["content"], any(p["where"].startswith("top.mp4") for p in now["problems"])), ("altered", True), "one bit of a film, and the next one says so")
    with open(film, "r+b") as f:
        f.seek(at)
        f.write(whole[at:at + 1])
    tap.same(web.json("GET", "/clips/%s/verdict" % clip)[1]["content"], "intact", "nothing was remembered")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda _: web.json("GET", "/clips/%s/verdict" % clip), range(8)))
    good = [o for status, o in many if status == 200]
    busy = [o for status, o in many if status != 200]
    tap.ok(good and all(o["content"] == "intact" for o in good) and all(o["code"] == "busy" for o in busy),
           "eight at once: each is judged, or told to wait", [(st, o.get("code")) for st, o in many])


# ---- files

def moov_of(data):
    """(offset, size) of each box on the top level."""
    at, out = 0, {}
    while at + 8 <= len(data):
        size, = struct.unpack(">I", data[at:at + 4])
        kind = data[at + 4:at + 8].decode()
        if size == 1:
            size, = struct.unpack(">Q", data[at + 8:at + 16])
        out[kind] = (at, size or len(data) - at)
        at += size or len(data)
    return out


def files(s, web, clip):
    folder = folder_of(s, clip)
    base = "/api/v1/clips/%s/files/" % clip
    for name, kind in (("top.mp4", "video/mp4"), ("side.mp4", "video/mp4"), ("clip.json", "application/json"), ("clip.json.minisig", "text/plain")):
        with open(os.path.join(folder, name), "rb") as f:
            whole = f.read()
        status, headers, body = web.ask("GET", base + name)
        tap.ok(status == 200 and body == whole and headers["content-type"].startswith(kind), name + ", byte for byte", status, headers)
    with open(os.path.join(folder, "top.mp4"), "rb") as f:
        whole = f.read()
    n = len(whole)
    for spec, part in (("bytes=0-99", whole[:100]), ("bytes=%d-" % (n - 7), whole[-7:]), ("bytes=-5", whole[-5:]), ("bytes=%d-%d" % (n // 2, n // 2), whole[n // 2:n // 2 + 1])):
        status, headers, body = web.ask("GET", base + "top.mp4", headers={"Range": spec})
        tap.ok(status == 206 and body == part and headers["content-range"].endswith("/%d" % n), "a range: " + spec, status, headers.get("content-range"))
    tap.same(web.ask("GET", base + "top.mp4", headers={"Range": "bytes=%d-" % n})[0], 416, "past the end there is none")
    etag = web.ask("GET", base + "top.mp4", headers={"Range": "bytes=0-0"})[1]["etag"]
    tap.same(web.ask("GET", base + "top.mp4", headers={"If-None-Match": etag})[0], 304, "what a browser has is not sent again")
    saved = web.ask("GET", base + "top.mp4?save=1", headers={"Range": "bytes=0-0"})[1].get("content-disposition", "")
    tap.ok("%s-top.mp4" % clip in saved, "a name to save it by", saved)
    originals = [o["file"]["name"] for o in statement(folder)["originals"]]
    if tap.ok(originals, "the station keeps the camera's own pictures"):
        with open(os.path.join(folder, originals[0]), "rb") as f:
            whole = f.read()
        tap.same(web.ask("GET", base + originals[0])[2], whole, "one of them, byte for byte")
    for name in ("checkpoint", "recording.log", "nothing.mp4", "originals", "originals/nothing.jpg", "..", "../" + clip + "/top.mp4", "originals/../clip.json", "%2e%2e/x",
                 "..%2f..%2findex.db", "top.mp4%00.jpg", quote("/etc/passwd"), "TOP.MP4"):
        status = web.ask("GET", base + name)[0]
        tap.ok(status in (400, 404), "no file of the clip: " + name, status)


def strange_files(s, web, clip):
    """What somebody with the archive's rights may lay in a film's place is no film."""
    folder = folder_of(s, clip)
    film, kept = os.path.join(folder, "side.mp4"), os.path.join(s.dir, "kept.mp4")
    url = "/api/v1/clips/%s/files/side.mp4" % clip
    os.rename(film, kept)
    os.symlink(kept, film)
    tap.same(web.ask("GET", url)[0], 404, "a link in a film's place is not followed")
    os.unlink(film)
    os.mkfifo(film)
    tap.same(web.ask("GET", url, timeout=20)[0], 404, "nor is a pipe waited for")
    os.unlink(film)
    tap.same(web.ask("GET", url)[0], 404, "a film that is gone is said to be")
    os.rename(kept, film)
    tap.same(web.ask("GET", url, headers={"Range": "bytes=0-9"})[0], 206, "and is there again")


def seeking(web, clip):
    """What a player asks for: the front, the sample table, then the place. One request each, and nothing before the place."""
    base = "/api/v1/clips/%s/files/top.mp4" % clip
    size = int(web.ask("HEAD", base)[1]["content-length"])
    front = web.ask("GET", base, headers={"Range": "bytes=0-4095"})[2]
    boxes = {}
    at = 0
    while at + 16 <= len(front):
        n, = struct.unpack(">I", front[at:at + 4])
        n = struct.unpack(">Q", front[at + 8:at + 16])[0] if n == 1 else n
        boxes[front[at + 4:at + 8]] = (at, n)
        at += n
    tap.ok(at < size or b"moov" in boxes, "where the sample table lies is told by the film's first bytes", boxes, size)
    if b"moov" not in boxes:
        tail = web.ask("GET", base, headers={"Range": "bytes=%d-" % at})[2]
        tap.ok(tail[4:8] == b"moov" and len(tail) < size // 4, "it is behind the samples, and one range fetches it", tail[:8], len(tail))
        tap.diag("film %d bytes, sample table %d bytes" % (size, len(tail)))


def pictures(web, clip):
    status, headers, small = web.ask("GET", "/api/v1/clips/%s/thumb.jpg" % clip)
    height, width = struct.unpack(">HH", small[small.index(b"\xff\xc0") + 5:][:4]) if status == 200 else (0, 0)
    tap.ok(status == 200 and headers["content-type"] == "image/jpeg" and 320 <= width <= 640 and len(small) < 96 << 10, "a small picture of the clip",
           status, width, height, len(small))
    tap.same(web.ask("GET", "/api/v1/clips/%s/thumb.jpg" % clip)[2], small, "the same again")
    tap.same(web.ask("GET", "/api/v1/clips/ST03-9999999/thumb.jpg")[0], 404, "of no clip there is none")


# ---- what people add

def adding(s, web, chef, names):
    first, second, returned, sql, html = names
    status, o = web.json("POST", "/clips/%s/notes" % first, {"text": HTML + "\n" + SQL})
    tap.same((status, isinstance(o.get("id"), int)), (201, True), "a note")
    note = web.json("GET", "/clips/" + first)[1]["notes"]
    tap.same([(n["who"], n["text"]) for n in note], [("clerk", HTML + "\n" + SQL)], "is there, with who wrote it, as it was written")
    for wrong in ({"text": ""}, {"text": 5}, {}, {"text": "x" * 5000}, {"text": "a", "who": "chef"}, {"text": "a\x07"}):
        tap.same(web.json("POST", "/clips/%s/notes" % first, wrong)[0], 400, "no note: %.40s" % json.dumps(wrong))
    tap.same(web.json("POST", "/clips/ST03-9999999/notes", {"text": "a"})[0], 404, "no clip, no note")
    tags = ["仅退款", "<b>x</b>", "a'b\"; --", "仅退款"]
    tap.same(web.json("POST", "/clips/%s/tags" % first, {"tags": tags})[0], 204, "tags")
    tap.same(web.json("POST", "/clips/%s/tags" % html, {"tags": ["仅退款"]})[0], 204, "on another clip, too")
    tap.same(sorted(web.json("GET", "/clips/" + first)[1]["tags"]), sorted(set(tags)), "are there once each, as they were written")
    tap.same(clips(web, "tag=" + quote("仅退款")), [html, first], "and found")
    tap.same(clips(web, "tag=" + quote("a'b\"; --")), [first], "by each of them")
    tap.same(clips(web, "tag=" + quote("仅退款") + "&number=" + A), [first], "with a number")
    tap.same(clips(web, "tag=" + quote("仅退款") + "&kind=return"), [], "with a kind")
    for wrong in ({"tags": "a"}, {"tags": [1]}, {"tags": [""]}, {"tags": ["x" * 49]}, {"tags": ["a\nb"]}, {"tags": ["t%d" % i for i in range(17)]}, {}):
        tap.same(web.json("POST", "/clips/%s/tags" % first, wrong)[0], 400, "no tags: %.40s" % json.dumps(wrong))
    status, o = web.json("POST", "/clips/%s/hold" % second, {"held": True, "note": "退款争议 <i>"})
    tap.same((status, os.path.exists(s.path("holds", second))), (200, True), "a hold, which the recorder keeps")
    o = web.json("GET", "/clips/" + second)[1]
    tap.same((o["held"], o["hold"]["note"]), (True, "退款争议 <i>"), "is told, with its reason")
    tap.same(clips(web, "held=1"), [second], "and found")
    tap.same(clips(web, "held=1&tag=" + quote("仅退款")), [], "held and tagged is neither alone")
    tap.same(web.json("POST", "/clips/%s/hold" % second, {"held": False})[0], 200, "released")
    tap.same((web.json("GET", "/clips/" + second)[1]["hold"], clips(web, "held=1")), (None, []), "and no more held")
    entries = chef.json("GET", "/audit")[1]["entries"]
    said = {(e["who"], e["what"], e["clip"]) for e in entries}
    wanted = {("clerk", "view", first), ("clerk", "note", first), ("clerk", "tag", html), ("clerk", "hold", second), ("clerk", "release", second),
              ("clerk", "play", first), ("clerk", "verdict", first)}
    tap.same(wanted - said, set(), "each view and each change is in the audit trail")


def nothing_written(s, before):
    """The viewer reads the archive and never writes it."""
    tap.same(state_of(s), before, "no file of a clip was made, changed or taken away")


def state_of(s):
    out = {}
    for folder in s.clips():
        for at, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(at, name)
                with open(path, "rb") as f:
                    out[path] = hash(f.read())
    return out


def removing(s, web, clip):
    """What retention or a person took away is told, and nothing of it is served as if it were there."""
    tap.same(s.cli("prune", clip, "--reason", "样品 <b>", "--yes").returncode, 0, "a clip is removed")
    status, o = web.json("GET", "/clips/" + clip)
    tap.same((status, o["removed"]["reason"], o["removed"]["text"], o["thumb"]), (200, "manual", "样品 <b>", False), "it says so, and why")
    tap.ok(o["statement"]["clip"] and clip in clips(web, ""), "its statement stays, and it is found", o["statement"] and o["statement"]["clip"])
    base = "/api/v1/clips/" + clip
    tap.same([web.ask("GET", base + rest)[0] for rest in ("/files/top.mp4", "/files/originals/top-0001.jpg", "/thumb.jpg", "/verdict")], [404] * 4,
             "film, pictures and verdict are gone")
    tap.same(web.ask("GET", base + "/files/clip.json")[0], 200, "the signed statement can be read")


SCHEMA_1 = """
CREATE TABLE clips(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, clip TEXT NOT NULL, number INTEGER NOT NULL, station TEXT NOT NULL,
 take INTEGER NOT NULL, kind TEXT NOT NULL, operator TEXT NOT NULL, reason TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
 tracks TEXT NOT NULL, generation INTEGER NOT NULL);
CREATE INDEX clips_started ON clips(started);
CREATE INDEX clips_number ON clips(number);
CREATE INDEX clips_name ON clips(clip COLLATE NOCASE);
CREATE TABLE codes(value TEXT NOT NULL COLLATE NOCASE, clip INTEGER NOT NULL, pos INTEGER NOT NULL, alias INTEGER NOT NULL,
 turned TEXT NOT NULL COLLATE NOCASE, PRIMARY KEY(value, clip, pos)) WITHOUT ROWID;
CREATE INDEX codes_turned ON codes(turned, clip);
CREATE INDEX codes_clip ON codes(clip, pos);
CREATE TABLE state(generation INTEGER NOT NULL);
INSERT INTO state VALUES(0);
PRAGMA user_version=1;
"""


def index_files(s):
    folder = s.path("index") if os.path.isdir(s.path("index")) else s.root
    return [os.path.join(folder, name) for name in ("index.db", "index.db-wal", "index.db-shm")]


def index_of_earlier(s, rows):
    """What the program before this one would have left."""
    for path in index_files(s):
        if os.path.exists(path):
            os.unlink(path)
    db = sqlite3.connect(index_files(s)[0])
    db.executescript(SCHEMA_1)
    for n, r in enumerate(reversed(rows)):
        times = [int(round(seconds_of(r[k]) * 1000)) * 1000000 for k in ("started", "ended")]
        db.execute("INSERT INTO clips VALUES(?,?,?,?,?,?,?,?,?,?,?,?,0)",
                   (n + 1, r["path"], r["clip"], r["number"], r["station"], r["take"], r["kind"], r["operator"], r["reason"], *times, "\n".join(r["tracks"])))
        for k, code in enumerate(r["codes"]):
            db.execute("INSERT INTO codes VALUES(?,?,?,0,?)", (code, n + 1, 2 * k, code[::-1]))
    db.commit()
    db.close()
    os.chmod(index_files(s)[0], 0o640)


def after_an_update(s, web):
    """An index that an earlier version has left: said in words, brought up to date by the recorder, or made anew by hand."""
    rows = web.json("GET", "/clips")[1]["clips"]
    index_of_earlier(s, rows)
    status, o = web.json("GET", "/clips")
    tap.ok(status == 500 and "reindex" in o["error"], "an index of an earlier version: what to do is said", status, o)
    r = s.cli("find", "--json", A)
    tap.ok(r.returncode == 1 and b"packseal reindex" in r.stderr, "on the command line, too", r.stderr)
    s.start()
    tap.ok(wait_for(lambda: "all clips of the earlier version are read" in s.said(), 30), "the recorder reads its clips beside the work")
    tap.ok("index: of an earlier version; its 5 clips are read again" in s.said(), "and says so")
    tap.same(web.json("GET", "/clips")[1]["clips"], rows, "after which it answers the same")
    s.end()
    index_of_earlier(s, rows[:2])
    r = s.cli("reindex", "--json")
    tap.same((r.returncode, json.loads(r.stdout)), (0, {"clips": 5, "bad": 0}), "made anew from the folders")
    tap.same(web.json("GET", "/clips")[1]["clips"], rows, "it answers the same, too")


def main():
    shown = []
    with tempfile.TemporaryDirectory(prefix="packseal-film.") as folder:
        top = mjpeg_film(os.path.join(folder, "top.mkv"), SIZE, 15, 6)
        side = mjpeg_film(os.path.join(folder, "side.mkv"), SIZE, 15, 6, scene="testsrc=size=%s:rate=%d")
        with Station({"top": "lavf:" + top, "side": "lavf:" + side}) as s:
            with open(s.path("packseal.conf"), encoding="utf-8") as f:
                text = f.read()
            with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
                f.write(text.replace("# site = HZ01", "site = HZ01"))
            s.start()
            viewer = Viewer(s)
            chef, web = Web(viewer.port), Web(viewer.port)
            try:
                chef.wait()
                chef.set_up(s.root)
                chef.json("POST", "/accounts", {"name": "clerk", "role": "clerk", "password": PASSWORD, "language": "en"})
                web.sign_in("clerk")
                names = [record(s, web, A, 1.5, shown), record(s, web, A, 0.6, shown)]
                s.scan("PS-HZ01-RETURN")
                names.append(record(s, web, A, 0.6, shown))
                s.scan("PS-HZ01-PACK")
                names += [record(s, web, SQL, 0.6, shown), record(s, web, HTML, 0.6, shown)]
                tap.ok(max(shown) < 20, "a clip is found soon after its seal", shown)
                tap.diag("from the seal to search: %s ms" % ", ".join("%.0f" % (1e3 * t) for t in shown))
                before = state_of(s)
                searching(s, web, names)
                injections(web, names)
                one_clip(s, web, names)
                verdicts(s, web, names[0])
                files(s, web, names[0])
                strange_files(s, web, names[1])
                seeking(web, names[0])
                pictures(web, names[0])
                stamped(s, web, names[0])
                adding(s, web, chef, names)
                nothing_written(s, before)
                removing(s, web, names[3])
                tap.same(s.end(), 0, "the station ends")
                after_an_update(s, web)
            finally:
                tap.same(viewer.end(), 0, "the viewer ends when told")
    tap.done()


main()
