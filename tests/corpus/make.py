#!/usr/bin/env python3
# Bundles bent in one way each, from one that real programs recorded: make.py RECORDED OUT writes them and cases.json.
# RECORDED holds clip0/, clip1/ and clip2/ (two cameras each; the third with pre-roll, and named by its label). The clips are signed anew with keys of the corpus, so that it can
# also hold what no station would sign. What a checker should say of each is not written here but compared between two.
import copy
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bag
import film
import outside
import seal

STATION, OTHER, LEDGER, ROOT = (seal.Key(n) for n in ("station", "other", "ledger", "root"))
MINISIG = "clip.json.minisig"


class Clip:
    """A recorded clip under the corpus' key: c is the statement, files the rest."""

    def __init__(self, folder):
        self.files = {}
        for at, _folders, names in os.walk(folder):
            for n in names:
                path = os.path.join(at, n)
                with open(path, "rb") as f:
                    self.files[os.path.relpath(path, folder)] = f.read()
        self.c = json.loads(self.files.pop("clip.json"))
        del self.files[MINISIG]
        for other in [n for n in self.files if n.startswith(("checkpoint", "open.", "seal.", "signatures"))]:
            del self.files[other]
        self.c["key"], self.c["ledger_key"] = STATION.text, LEDGER.public.hex()
        seal.rebind(self.c)

    @property
    def name(self):
        return "%s-%07d" % (self.c["station"]["id"], self.c["clip"])

    def film(self, name="top.mp4"):
        return film.Film(self.files[name])

    def folder(self, change=None, text=None, rebind=False, key=STATION, comment=None, sign=True, **files):
        """name -> bytes of the clip's folder. change(c) alters the statement, text(bytes) its bytes, both before it is
        signed; files replace others (None removes; "." is written "__", "/" is "___")."""
        c = copy.deepcopy(self.c)
        if change:
            change(c)
        if rebind:
            seal.rebind(c)
        raw = seal.write(c)
        if text:
            raw = text(raw)
        out = dict(self.files)
        out["clip.json"] = raw
        if sign:
            out[MINISIG] = seal.minisig(key, raw, comment or seal.comment(c, raw))
        for k, v in files.items():
            name = k.replace("___", "/").replace("__", ".")
            if v is None:
                del out[name]
            else:
                out[name] = v
        return out


class Corpus:
    def __init__(self, recorded, out):
        self.a, self.b, self.pre = (Clip(os.path.join(recorded, n)) for n in ("clip0", "clip1", "clip2"))
        self.out, self.cases = out, []
        self.station, self.ledger, self.root = STATION, LEDGER, ROOT
        os.makedirs(out, exist_ok=True)
        clip = "clip %s" % STATION.text
        self.trusts = {}
        for name, lines in (("station", clip + ' station=ST03 merchant="商家"'), ("other-key", "clip " + OTHER.text),
                            ("other-station", clip + " station=ST99"),
                            ("revoked", clip + "\nrevoked %s since=2026-01-01T00:00:00Z" % STATION.text),
                            ("revoked-later", clip + "\nrevoked %s since=2126-01-01T00:00:00Z" % STATION.text),
                            ("only-revoked-later", "revoked %s since=2126-01-01T00:00:00Z" % STATION.text),
                            ("expired", clip + " from=2020-01-01T00:00:00Z until=2021-01-01T00:00:00Z"),
                            ("not-yet", clip + " from=2120-01-01T00:00:00Z"), ("roots", "root %s" % ROOT.text)):
            self.trusts[name] = self.put("trust-" + name, ("packseal-trust 1\n# corpus\n%s\n" % lines).encode())
        self.trusts["bare"] = self.put("trust-bare.pub", STATION.file)
        imposter = seal.Key("imposter")
        imposter.id = STATION.id
        self.trusts["number"] = self.put("trust-number", ("packseal-trust 1\nclip %s\n" % imposter.text).encode())
        self.trusts[None] = None

    def trust(self, name, text):
        self.trusts[name] = self.put("trust-" + name, text.encode())

    def put(self, name, data):
        with open(os.path.join(self.out, name), "wb") as f:
            f.write(data)
        return name

    def case(self, name, data, trust="station", ending=".zip"):
        assert name not in [c["name"] for c in self.cases], name
        self.cases.append({"name": name, "file": self.put(name + ending, data), "trust": self.trusts[trust]})

    def bundle(self, folder=None, payload=None, **more):
        """The files of a bag around one clip's folder."""
        if payload is None:
            payload = {"keys/clip.pub": STATION.file, "HOW-TO-VERIFY.txt": b"see docs\n"}
        payload = {**payload, **{"%s/%s" % (self.a.name, n): d for n, d in (folder or {}).items()}}
        return bag.bag(payload, **more)

    def clip(self, name, folder, trust="station", **more):
        self.case(name, bag.Zip(self.bundle(folder, **more)).bytes(), trust)

    def statement(self, name, change, trust="station", **more):
        self.clip(name, self.a.folder(change, **more), trust)

    def film(self, name, data, track="top.mp4"):
        self.clip(name, {**self.a.folder(), track: data})


def at(data, where, value):
    """One byte, or some, changed."""
    b = bytearray(data)
    b[where:where + len(value)] = value
    return bytes(b)


def flip(data, where, bit=0):
    return at(data, where, bytes([data[where] ^ 1 << bit]))


# ---- key and trust

def keys(k):
    whole = k.a.folder()
    for trust in ("station", "bare", None, "other-key", "other-station", "revoked", "revoked-later", "only-revoked-later", "expired",
                  "not-yet", "number", "roots"):
        k.clip("trust-is-%s" % (trust or "none"), whole, trust)
    k.statement("signed-by-another-key", None, key=OTHER)
    k.statement("states-and-signed-by-another-key", lambda c: c.update(key=OTHER.text), key=OTHER)
    k.clip("two-clips", {}, payload={"%s/%s" % (clip.name, n): d for clip in (k.a, k.b) for n, d in clip.folder().items()})
    k.clip("two-clips-one-unsigned", {}, payload={**{"%s/%s" % (k.a.name, n): d for n, d in whole.items()},
                                                  **{"%s/%s" % (k.b.name, n): d for n, d in k.b.folder(sign=False).items()}})


# ---- signature

def signatures(k):
    whole = k.a.folder()
    sig, lines = whole[MINISIG], whole[MINISIG].split(b"\n")

    def with_sig(name, data):
        k.clip("signature-" + name, {**whole, MINISIG: data})
    k.clip("signature-missing", {n: d for n, d in whole.items() if n != MINISIG})
    with_sig("empty", b"")
    with_sig("cut", sig[:150])
    with_sig("without-last-newline", sig[:-1])
    with_sig("with-a-fifth-line", sig + b"x\n")
    with_sig("with-crlf", sig.replace(b"\n", b"\r\n"))
    with_sig("of-other-untrusted-comment", sig.replace(b"signature from the corpus", "任意\tx".encode()))
    with_sig("with-control-in-comment", sig.replace(b"from the", b"from\x01the"))
    with_sig("bit-of-signature", b"\n".join([lines[0], flip(lines[1], 40), *lines[2:]]))
    with_sig("bit-of-global", b"\n".join([*lines[:3], flip(lines[3], 40), lines[4]]))
    with_sig("comment-changed", sig.replace(b"packseal v1 clip ST03", b"packseal v1 clip ST04"))
    with_sig("not-prehashed", sig.replace(b"\nRUR", b"\nRWR") if b"\nRUR" in sig else at(sig, sig.index(b"\n") + 2, b"W"))
    with_sig("with-spare-bits", b"\n".join([lines[0], lines[1][:-2] + b"3=" if lines[1].endswith(b"=") else lines[1] + b"A", *lines[2:]]))
    with_sig("too-long", sig[:19] + b"x" * 2100 + sig[19:])
    k.statement("signature-of-another-comment", None, comment="packseal v1 clip ST03-0000001 ended never sha256 00")
    k.clip("signature-of-another-clip", {**whole, MINISIG: k.b.folder()[MINISIG]})
    # S + L is the same equation; a second spelling of the same signature must not be one.
    import base64
    raw = base64.b64decode(lines[1])
    more = (int.from_bytes(raw[42:], "little") + seal.L).to_bytes(32, "little")
    with_sig("with-s-beyond-the-order", b"\n".join([lines[0], base64.b64encode(raw[:42] + more), *lines[2:]]))


# ---- statement

def statements(k):
    raw = k.a.folder()["clip.json"]
    whole = k.a.folder()
    k.clip("statement-missing", {n: d for n, d in whole.items() if n != "clip.json"})
    k.clip("statement-empty", {**whole, "clip.json": b""})
    k.clip("statement-bit", {**whole, "clip.json": flip(raw, raw.index(b"SF123"), 1)})
    k.clip("statement-bit-of-no-meaning", {**whole, "clip.json": flip(raw, raw.index(b'"model"') + 2, 0)})
    k.clip("statement-cut", {**whole, "clip.json": raw[:-40]})
    k.clip("statement-with-a-blank-more", {**whole, "clip.json": raw[:-1] + b" \n"})

    def text(name, change, **more):
        k.clip("json-" + name, k.a.folder(text=change, **more))
    text("duplicate-key", lambda t: t.replace(b'"take":', b'"take":7,"take":', 1))
    text("duplicate-key-deep", lambda t: t.replace(b'"captured":', b'"captured":0,"captured":', 1))
    text("float", lambda t: t.replace(b'"take":1', b'"take":1.0', 1))
    text("exponent", lambda t: t.replace(b'"take":1', b'"take":1e0', 1))
    text("null", lambda t: t.replace(b'"crit":[]', b'"crit":null', 1))
    text("bom", lambda t: b"\xef\xbb\xbf" + t)
    text("trailing-brace", lambda t: t + b"}")
    text("two-newlines", lambda t: t + b"\n")
    text("no-newline", lambda t: t[:-1])
    text("white-space", lambda t: t.replace(b",", b" ,\r\n\t"))
    text("escape-u", lambda t: t.replace(b'"carrier":"', b'"carrier":"\\u0041', 1))
    text("escape-slash", lambda t: t.replace(b'"model":"', b'"model":"\\/', 1))
    text("escaped-quote", lambda t: t.replace(b'"model":"', b'"model":"\\"\\\\', 1))
    text("control", lambda t: t.replace(b'"model":"', b'"model":"\x02', 1))
    text("c1-control", lambda t: t.replace(b'"model":"', b'"model":"\xc2\x85', 1))
    text("bad-utf8", lambda t: t.replace(b'"model":"', b'"model":"\xc0\x80', 1))
    text("surrogate", lambda t: t.replace(b'"model":"', b'"model":"\xed\xa0\x80', 1))
    text("huge-number", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":9007199254740992', 1))
    text("largest-number", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":-9007199254740991', 1))
    text("absurd-number", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":' + b"9" * 400, 1))
    text("minus-zero", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":-0', 1))
    text("leading-zero", lambda t: t.replace(b'"take":1', b'"take":01', 1))
    text("key-with-capital", lambda t: t.replace(b'"crit":[]', b'"crit":[],"Later":1', 1))
    text("depth-8", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":' + b"[" * 7 + b"]" * 7, 1))
    text("depth-9", lambda t: t.replace(b'"crit":[]', b'"crit":[],"later":' + b"[" * 8 + b"]" * 8, 1))
    text("array", lambda t: b"[" + t[:-1] + b"]\n")
    text("proto-key", lambda t: t.replace(b'"crit":[]', b'"crit":[],"__proto__":{"take":9},"constructor":1', 1))
    text("too-large", lambda t: t[:-1] + b" " * (4 << 20) + b"\n")
    k.statement("crit-unknown", lambda c: c.update(crit=["shutter"], shutter=1))
    k.statement("crit-known", lambda c: c.update(crit=["codes"]))
    k.statement("later-key-not-critical", lambda c: c.update(shutter=1))
    k.statement("later-version", lambda c: c.update(version=2))
    k.statement("other-type", lambda c: c.update(type="packseal-photo"))


def fields(k):
    def top(c):
        return c["tracks"][0]

    def one(name, change, rebind=False, **more):
        k.statement("field-" + name, change, rebind=rebind, **more)
    one("count-one-more", lambda c: top(c)["counts"].update(encoded=top(c)["counts"]["encoded"] + 1))
    one("counts-shifted", lambda c: top(c)["counts"].update(encoded=top(c)["counts"]["encoded"] + 1, repeated=top(c)["counts"]["repeated"] + 1))
    one("dropped-beyond-captured", lambda c: top(c)["counts"].update(dropped=10**6))
    one("negative-count", lambda c: top(c)["counts"].update(damaged=-1))
    one("missing-key", lambda c: c.pop("label"))
    one("wrong-type", lambda c: c.update(take="1"))
    one("unknown-word", lambda c: c.update(end_reason="bored"))
    one("bad-date", lambda c: c["ended"].update(wall="2026-02-30T08:00:00.000Z"))
    one("leap-second", lambda c: c["ended"].update(wall="2026-12-31T23:59:60.000Z"))
    one("time-without-ms", lambda c: c["ended"].update(wall="2026-12-31T23:59:59Z"))
    one("year-9999", lambda c: c["ended"].update(wall="9999-12-31T23:59:59.000Z"))
    one("ends-before-start", lambda c: c["ended"].update(boot_ms=c["started"]["boot_ms"] - 1))
    one("wall-clock-back", lambda c: c["ended"].update(wall="2020-01-01T00:00:00.000Z"))
    one("another-number", lambda c: c.update(clip=c["clip"] + 1))
    one("another-take", lambda c: c.update(take=c["take"] + 1))
    one("another-waybill", lambda c: c["codes"][0].update(value="SF0000000000000"))
    one("another-waybill-rebound", lambda c: c["codes"][0].update(value="SF0000000000000"), rebind=True)
    one("added-code", lambda c: c["codes"].append({**c["codes"][0], "value": "JD1", "opening": False}))
    one("added-code-first", lambda c: c["codes"].insert(0, {**c["codes"][0], "value": "JD1", "opening": False}))
    one("another-ledger-key", lambda c: c.update(ledger_key="11" * 32))
    one("capital-hex", lambda c: c.update(ledger_key=c["ledger_key"].upper()))
    one("open-leaf-cut", lambda c: c.update(open_leaf=c["open_leaf"][:-2]))
    one("open-leaf-longer", lambda c: c.update(open_leaf=c["open_leaf"] + "00"))
    one("open-leaf-odd", lambda c: c.update(open_leaf=c["open_leaf"][:-1]))
    one("open-leaf-of-a-seal", lambda c: c.update(open_leaf=c["open_leaf"][:8] + "03" + c["open_leaf"][10:]))
    one("open-leaf-of-later-type", lambda c: c.update(open_leaf=c["open_leaf"][:8] + "55" + c["open_leaf"][10:]))
    one("head-changed", lambda c: top(c).update(head="00" * 32))
    one("record-changed", lambda c: top(c)["segments"].__setitem__(1, top(c)["segments"][1][:-2] + "00"))
    one("record-too-many-frames", lambda c: top(c)["segments"].__setitem__(1, top(c)["segments"][1][:48] + "ffffffff" + top(c)["segments"][1][56:]))
    one("record-swapped-rebound", lambda c: top(c)["segments"].insert(0, top(c)["segments"].pop(1)), rebind=True)
    one("record-short", lambda c: top(c)["segments"].__setitem__(1, top(c)["segments"][1][:-2]))
    one("segments-fewer-rebound", lambda c: top(c)["segments"].pop(), rebind=True)
    one("banner-outside", lambda c: top(c)["banner"].update(y=8000))
    one("width-of-zero", lambda c: (top(c).update(width=0), top(c)["banner"].update(x=0, w=0)))
    one("other-width", lambda c: top(c).update(width=top(c)["width"] + 16))
    one("codec-hevc", lambda c: top(c).update(codec="hvc1.1"))
    one("gap-beyond", lambda c: top(c)["gaps"].append({"start": 10**9, "duration": 1, "frames": 0, "reason": "camera-lost"}))
    one("gap-inside", lambda c: top(c)["gaps"].append({"start": 90000, "duration": 90000, "frames": 3, "reason": "camera-lost"}))
    one("unwitnessed", lambda c: top(c).update(unwitnessed=[[1, 2]]))
    one("unwitnessed-overlap", lambda c: top(c).update(unwitnessed=[[1, 2], [2, 3]]))
    one("unwitnessed-beyond", lambda c: top(c).update(unwitnessed=[[1, 200]]))
    one("lost-in-the-middle", lambda c: top(c).update(lost=[[1, 1]]))
    one("name-is-a-path", lambda c: top(c)["file"].update(name="../top.mp4"))
    one("name-is-the-statement", lambda c: top(c)["file"].update(name="Clip.json"))
    one("two-films-of-one-name", lambda c: c["tracks"][1]["file"].update(name="TOP.mp4"))
    one("camera-not-of-the-opening", lambda c: c["tracks"][1].update(opening=False))
    one("original-of-no-track", lambda c: c["originals"][0].update(track=7))
    one("station-with-a-dot", lambda c: c["station"].update(id="ST.3"), rebind=True)
    one("freshness-half", lambda c: c["freshness"].update(code="0123ABCD"), rebind=True)
    one("long-name", lambda c: c["station"].update(name="名" * 40))
    lost = k.a.film().segments()
    data = k.a.film().made_of(sum(lost[:-2], []))
    n = len(lost)
    k.clip("lost-stated", k.a.folder(lambda c: top(c).update(lost=[[n - 2, n - 1]]), top__mp4=data))
    k.clip("lost-all-stated", k.a.folder(lambda c: top(c).update(lost=[[0, n - 1]]), top__mp4=None))
    k.clip("lost-and-one-more", k.a.folder(lambda c: top(c).update(lost=[[n - 1, n - 1]]), top__mp4=data))


# ---- pre-roll, and a banner that changes

def preroll(k):
    def top(c):
        return c["tracks"][0]

    def bundle(name, folder):
        k.clip("preroll-" + name, {}, payload={"%s/%s" % (k.pre.name, n): d for n, d in folder.items()})

    def one(name, change, **more):
        bundle(name, k.pre.folder(change, **more))

    def after_signing(name, change):
        c = copy.deepcopy(k.pre.c)
        change(c)
        bundle(name, k.pre.folder(clip__json=seal.write(c)))
    n, banners = top(k.pre.c)["preroll"], top(k.pre.c)["banners"]
    assert 1 <= n <= 2 and [b["text"] for b in banners] == ["", *(x["value"] for x in k.pre.c["codes"])], (n, banners)
    one("as-recorded", None)
    after_signing("mark-removed", lambda c: top(c).pop("preroll"))
    after_signing("called-witnessed", lambda c: top(c).update(unwitnessed=[]))
    after_signing("longer", lambda c: top(c).update(preroll=n + 1, unwitnessed=[[0, n]]))
    after_signing("other-code-shown", lambda c: top(c)["banners"][-1].update(text=c["codes"][0]["value"]))
    one("mark-removed-signed", lambda c: top(c).pop("preroll"))
    one("called-witnessed-signed", lambda c: top(c).update(unwitnessed=[]))
    one("partly-witnessed-signed", lambda c: top(c).update(preroll=n + 1))
    one("and-more-unwitnessed", lambda c: top(c).update(unwitnessed=[[0, n]]))
    one("in-two-ranges", lambda c: top(c).update(preroll=n + 1, unwitnessed=[[0, n - 1], [n, n]]))
    one("behind-a-witnessed-one", lambda c: top(c).update(unwitnessed=[[1, n]]))
    one("none-stated", lambda c: top(c).update(preroll=0))
    one("beyond-the-segments", lambda c: top(c).update(preroll=len(top(c)["segments"]) + 1))
    one("beyond-the-bound", lambda c: top(c).update(preroll=12001))
    one("negative", lambda c: top(c).update(preroll=-1))
    one("as-a-list", lambda c: top(c).update(preroll=[[0, n - 1]]))
    one("critical", lambda c: c.update(crit=["preroll"]))

    def lengthen(c, ticks):
        records, at = [], 0
        for i, r in enumerate(top(c)["segments"]):
            raw = bytearray.fromhex(r)
            length = ticks if i < n else int.from_bytes(raw[16:24], "big")
            raw[8:16], raw[16:24] = at.to_bytes(8, "big"), length.to_bytes(8, "big")
            records.append(raw.hex())
            at += length
        top(c)["segments"] = records
    one("of-30-seconds", lambda c: lengthen(c, 30 * 90000 // n), rebind=True)
    one("of-more-than-30-seconds", lambda c: lengthen(c, 30 * 90000 // n + 1), rebind=True)
    f = k.pre.film()
    parts = f.segments()
    bundle("cut-off", k.pre.folder(top__mp4=f.made_of(sum(parts[n:], []))))
    bundle("bit-of-a-picture", k.pre.folder(top__mp4=flip(f.data, parts[0][3]["at"] + 60)))
    bundle("exchanged", k.pre.folder(top__mp4=f.made_of(sum([*parts[n:n + 1], *parts[:n], *parts[n + 1:]], []))))

    def banner(name, change):
        one("banner-" + name, lambda c: change(top(c)["banners"], c))
    banner("without-the-first", lambda b, c: b.pop(0))
    banner("alone", lambda b, c: b.__delitem__(slice(1, None)))
    banner("none", lambda b, c: b.clear())
    banner("out-of-order", lambda b, c: b.reverse())
    banner("twice", lambda b, c: b.append(dict(b[-1])))
    banner("beyond-the-segments", lambda b, c: b[-1].update({"from": len(top(c)["segments"])}))
    banner("beyond-the-bound", lambda b, c: b[-1].update({"from": 12001}))
    banner("outside", lambda b, c: b[-1].update(h=top(c)["banner"]["h"] + 2))
    banner("of-a-strange-code", lambda b, c: b[-1].update(text="SF0000000000000"))
    banner("of-no-code", lambda b, c: b[-1].update(text=""))
    banner("without-text", lambda b, c: b[-1].pop("text"))
    banner("with-a-later-key", lambda b, c: b[-1].update(colour="red"))
    banner("with-a-critical-key", lambda b, c: (b[-1].update(events=1), c.update(crit=["events"])))
    banner("seventeen", lambda b, c: b.extend([b[0]] * (17 - len(b))))
    banner("no-objects", lambda b, c: b.__setitem__(0, 7))


# ---- films

def pictures(k):
    f, g = k.a.film(), k.b.film()
    s, other = f.segments(), g.segments()
    data = f.data
    k.film("film-bit-of-a-picture", flip(data, s[2][3]["at"] + 60))
    k.film("film-bit-of-a-length", flip(data, s[2][3]["at"] + 1))
    k.film("film-bit-of-the-last-byte", flip(data, s[-1][-1]["at"] + len(s[-1][-1]["data"]) - 1))
    k.film("film-bits-in-two-segments", flip(flip(data, s[0][3]["at"] + 60), s[3][3]["at"] + 60))
    k.film("film-bit-in-the-header", flip(data, f.at + 40))
    k.film("film-cut-in-the-moov", data[:-100])
    k.film("film-cut-in-a-picture", data[:len(data) // 2])
    k.film("film-empty", b"")
    k.film("film-is-text", b"not a film, whatever its name says\n" * 20)
    k.film("film-zeros-behind", data + bytes(64))
    k.film("film-free-box-behind", data + film.box(b"free", b"x" * 20))
    k.film("film-made-anew", f.made_of(f.samples))
    k.film("film-segment-cut-out", f.made_of(sum(s[:2] + s[3:], [])))
    k.film("film-two-segments-cut-out", f.made_of(sum([s[0], s[2]] + s[4:], [])))
    k.film("film-first-segment-cut", f.made_of(sum(s[1:], [])))
    k.film("film-tail-cut", f.made_of(sum(s[:-1], [])))
    k.film("film-segments-swapped", f.made_of(sum([s[0], s[2], s[1]] + s[3:], [])))
    k.film("film-segments-reversed", f.made_of(sum(reversed(s), [])))
    k.film("film-segment-twice", f.made_of(sum(s[:2] + [s[1]] + s[2:], [])))
    k.film("film-segment-of-another-clip", f.made_of(sum(s[:2] + [other[1]] + s[3:], [])))
    k.film("film-segment-of-another-clip-added", f.made_of(sum(s + [other[1]], [])))
    k.film("film-of-another-clip", g.data)
    k.film("film-of-the-other-camera", k.a.files["side.mp4"])
    k.film("film-frame-cut-out", f.made_of([x for x in f.samples if x is not s[1][4]]))
    k.film("film-frame-twice", f.made_of([y for x in f.samples for y in ([x, x] if x is s[1][4] else [x])]))
    k.film("film-two-frames-swapped", f.made_of(sum([s[0], s[1][:3] + [s[1][4], s[1][3]] + s[1][5:]] + s[2:], [])))

    def changed(i, j, **what):
        return f.made_of([{**x, **what} if x is s[i][j] else x for x in f.samples])
    k.film("film-one-time-changed", changed(1, 3, ticks=s[1][3]["ticks"] + 90))
    k.film("film-two-times-changed", f.made_of([{**x, "ticks": x["ticks"] + (90 if x is s[1][3] else -90 if x is s[1][4] else 0)} for x in f.samples]))
    k.film("film-all-times-doubled", f.made_of([{**x, "ticks": 2 * x["ticks"]} for x in f.samples]))
    k.film("film-one-time-zero", changed(1, 3, ticks=0))
    k.film("film-sync-mark-added", changed(1, 3, sync=True))
    k.film("film-sync-mark-removed", changed(1, 0, sync=False))
    sps = bytes.fromhex("67640014acd9405005bb011000000300100000030300f1429960")
    units = film.nals(s[1][3]["data"])
    k.film("film-parameter-set-inside", changed(1, 3, data=film.of_nals([sps] + units)))
    k.film("film-filler-in-another-sample", changed(1, 3, data=film.of_nals(units + [b"\x0c\xff\x80"])))
    slim = film.of_nals(units[:-1] + [b"\x67" + units[-1][1:]])
    k.film("film-slice-became-a-parameter-set", changed(1, 3, data=slim))
    k.film("film-unit-beyond-the-sample", changed(1, 3, data=at(s[1][3]["data"], 0, b"\x7f")))


def headers(k):
    def bent(name, change, track="top.mp4"):
        f = k.a.film(track)
        more = change(f)
        k.film("header-" + name, f.with_moov(more or b""), track)
    trak, stbl = (b"moov", b"trak"), film.STBL
    words = lambda *v: film.struct.pack(">%dI" % len(v), *v)

    def edit(*entries):
        return [b"edts", [[b"elst", words(0, len(entries)) + b"".join(words(*e) for e in entries)]]]

    def movie(f):
        body = f.node(b"moov", b"mvhd")[1]
        return film.struct.unpack(">Q", body[24:32])[0] if body[0] == 1 else film.struct.unpack(">I", body[16:20])[0]

    def put(path, node):
        return lambda f: f.node(*path)[1].append(node(f) if callable(node) else node)

    def patch(path, where, value):
        def change(f):
            node = f.node(*path)
            body = node[1]
            node[1] = at(body, where + (12 if body[0] == 1 and path[-1] in (b"mvhd", b"tkhd") else 0), value)
        return change
    bent("edit-list-identity", put(trak, lambda f: edit((movie(f), 0, 0x10000))))
    bent("edit-list-one-tick-off", put(trak, lambda f: edit((movie(f) + 1, 0, 0x10000))))
    bent("edit-list-shorter", put(trak, lambda f: edit((movie(f) // 2, 0, 0x10000))))
    bent("edit-list-shifted", put(trak, lambda f: edit((movie(f), 900, 0x10000))))
    bent("edit-list-slow", put(trak, lambda f: edit((movie(f), 0, 0x8000))))
    bent("edit-list-of-two", put(trak, lambda f: edit((movie(f) // 2, 0, 0x10000), (movie(f) // 2, 0, 0x10000))))
    bent("edit-list-empty-edit", put(trak, lambda f: edit((movie(f), 0xffffffff, 0x10000))))
    bent("rotation", patch((*trak, b"tkhd"), 40, words(0, 0x10000, 0, 0xffff0000, 0, 0)))
    bent("movie-matrix", patch((b"moov", b"mvhd"), 36, words(0x20000)))
    bent("movie-rate", patch((b"moov", b"mvhd"), 20, words(0x20000)))
    bent("track-disabled", lambda f: f.node(*trak, b"tkhd").__setitem__(1, at(f.node(*trak, b"tkhd")[1], 1, b"\0\0\2")))
    bent("shown-smaller", patch((*trak, b"tkhd"), 76, words(160 << 16)))
    bent("movie-duration", lambda f: film.Film.set_duration(f.node(b"moov", b"mvhd"), movie(f) * 2, 16))
    bent("media-duration", lambda f: film.Film.set_duration(f.node(*trak, b"mdia", b"mdhd"), 5, 16))
    bent("second-track", lambda f: f.moov[0][1].append(copy.deepcopy(f.node(*trak))))
    bent("second-track-sound", lambda f: (f.moov[0][1].append(copy.deepcopy(f.node(*trak))),
                                          film.find(f.moov[0][1][-1][1], b"mdia", b"hdlr").__setitem__(1, bytes(8) + b"soun" + bytes(13)))[0])
    bent("not-a-video-track", patch((*trak, b"mdia", b"hdlr"), 8, b"soun"))
    bent("clean-aperture", lambda f: entry(f, film.box(b"clap", bytes(32))))
    bent("pixels-not-square", lambda f: entry(f, film.box(b"pasp", words(4, 3))))
    bent("pixels-square", lambda f: entry(f, film.box(b"pasp", words(7, 7))))
    bent("spherical", lambda f: entry(f, film.box(b"sv3d", bytes(8))))
    bent("two-sample-entries", lambda f: f.node(*stbl, b"stsd").__setitem__(1, words(0, 2) + 2 * f.node(*stbl, b"stsd")[1][8:]))
    bent("entry-is-hevc", patch((*stbl, b"stsd"), 12, b"hvc1"))
    bent("avcc-changed", lambda f: avcc(f))
    bent("composition-offsets", put(stbl, lambda f: [b"ctts", words(0, 1, len(f.samples), 3000)]))
    bent("composition-offsets-zero", put(stbl, lambda f: [b"ctts", words(0, 1, len(f.samples), 0)]))
    bent("composition-offsets-short", put(stbl, [b"ctts", words(0, 1, 3, 0)]))
    bent("unknown-box-in-stbl", put(stbl, [b"abcd", bytes(8)]))
    bent("free-box-in-stbl", put(stbl, [b"free", bytes(8)]))
    bent("unknown-box-in-trak", put(trak, [b"tapt", bytes(8)]))
    bent("user-data", put((b"moov",), [b"udta", film.box(b"name", b"anything")]))
    bent("unknown-box-in-moov", put((b"moov",), [b"rmra", bytes(8)]))
    bent("samples-elsewhere", lambda f: f.node(*trak, b"mdia", b"minf", b"dinf").__setitem__(
        1, [[b"dref", words(0, 1) + film.box(b"url ", words(0) + b"http://example.org/x.mp4\0")]]))
    bent("second-moov", lambda f: film.flat(f.moov))
    bent("mvex-beside-tables", put((b"moov",), [b"mvex", film.box(b"trex", words(0, 1, 1, 0, 0, 0))]))
    bent("time-scale-odd", patch((*trak, b"mdia", b"mdhd"), 12, words(90001)))
    bent("tables-too-short", lambda f: f.node(*stbl, b"stts").__setitem__(1, words(0, 1, 3, 6000)))
    bent("tables-count-lies", lambda f: f.node(*stbl, b"stsz").__setitem__(1, words(0, 0, 0x40000000)))
    bent("table-twice", put(stbl, lambda f: [b"stss", f.table(b"stss")]))
    bent("sync-out-of-order", lambda f: f.node(*stbl, b"stss").__setitem__(1, words(0, 2, 31, 1)))
    bent("chunk-outside-the-file", lambda f: f.node(*stbl, b"co64").__setitem__(1, f.table(b"co64")[:-8] + film.struct.pack(">Q", 1 << 40)))
    bent("chunks-overlap", lambda f: f.node(*stbl, b"co64").__setitem__(
        1, f.table(b"co64")[:16] + f.table(b"co64")[8:16] + f.table(b"co64")[24:]))
    f = k.a.film()
    k.film("header-no-ftyp", at(f.data, 4, b"free"))
    k.film("header-box-of-size-two", at(f.data, f.at, words(2)))
    k.film("header-no-type", at(f.data, f.at + 4, b"\0\1\2\3"))


def entry(f, more):
    """A box at the end of the one sample entry."""
    node = f.node(*film.STBL, b"stsd")
    body = node[1]
    size = film.struct.unpack(">I", body[8:12])[0] + len(more)
    node[1] = body[:8] + film.struct.pack(">I", size) + body[12:] + more


def avcc(f):
    node = f.node(*film.STBL, b"stsd")
    where = node[1].index(b"avcC")
    node[1] = flip(node[1], where + 4 + 3, 3)


def stream_copies(k, work):
    source = os.path.join(work, "source.mp4")
    with open(source, "wb") as f:
        f.write(k.a.files["top.mp4"])
    for name, ending, options in (
            ("mp4", "mp4", []), ("faststart", "mp4", ["-movflags", "+faststart"]), ("mov", "mov", []),
            ("fragmented", "mp4", ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"]),
            ("fragmented-ordinary-moov", "mp4", ["-movflags", "+frag_keyframe"]),
            ("every-frame-a-fragment", "mp4", ["-movflags", "+frag_every_frame+empty_moov"]),
            ("dash", "mp4", ["-movflags", "+dash+frag_keyframe"]), ("timescale-1000", "mp4", ["-video_track_timescale", "1000"]),
            ("from-2s", "mp4", ["-ss", "2"]), ("until-4s", "mp4", ["-t", "4"]), ("rotated", "mp4", ["-metadata:s:v", "rotate=90"]),
            ("mkv", "mkv", []), ("ts", "ts", [])):
        target = os.path.join(work, "copy." + ending)
        before = [o for o in options if o == "-ss"] and options or []
        after = [] if before else options
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *before, "-i", source, "-c", "copy", *after, target], check=True)
        with open(target, "rb") as f:
            data = f.read()
        k.film("copy-" + name, data)
        if name == "fragmented":
            k.film("copy-fragmented-torn", data[:len(data) * 2 // 3])
            k.film("copy-fragmented-torn-by-zeros", data[:len(data) * 2 // 3] + bytes(4096))
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", target[:-3] + ".mp4"],
                   check=True)
    with open(target[:-3] + ".mp4", "rb") as f:
        k.film("copy-encoded-anew", f.read())
    os.remove(source)


# ---- files, bag, zip

def files(k):
    whole = k.a.folder()
    photo = sorted(n for n in whole if n.endswith(".jpg"))[0]
    k.clip("original-bit", {**whole, photo: flip(whole[photo], 500)})
    k.clip("original-missing", {n: d for n, d in whole.items() if n != photo})
    k.clip("original-longer", {**whole, photo: whole[photo] + b"\0"})
    k.clip("film-missing", {n: d for n, d in whole.items() if n != "side.mp4"})
    k.clip("both-films-missing", {n: d for n, d in whole.items() if not n.endswith(".mp4")})
    k.clip("file-added", {**whole, "extra.mp4": whole["top.mp4"]})
    k.clip("signature-by-others", {**whole, "signatures/court.p7s": b"x"})
    k.clip("three-problems", {**{n: d for n, d in whole.items() if n != photo}, "side.mp4": flip(whole["side.mp4"], 5000), "note.txt": b"hello"})
    base = k.bundle(whole)
    name = [n for n in base if n.endswith("top.mp4")][0]
    raw = bag.Zip({**base, name: flip(base[name], 9000)})
    k.case("manifest-old-film-bit", raw.bytes())
    k.case("manifest-old-photo-bit", bag.Zip({**base, [n for n in base if n.endswith(photo)][0]: flip(whole[photo], 500)}).bytes())
    k.case("manifest-old-how-to", bag.Zip({**base, [n for n in base if n.endswith("HOW-TO-VERIFY.txt")][0]: b"trust me\n"}).bytes())
    k.case("manifest-old-remuxed", bag.Zip({**base, name: k.a.film().made_of(k.a.film().samples)}).bytes())
    k.case("file-gone-from-the-zip", bag.Zip({n: d for n, d in base.items() if not n.endswith(photo)}).bytes())
    k.case("key-gone-from-the-zip", bag.Zip({n: d for n, d in base.items() if not n.endswith("clip.pub")}).bytes())
    k.case("file-in-no-manifest", bag.Zip({**base, "packseal-ST03-0000001/data/%s/more.txt" % k.a.name: b"x"}).bytes())
    k.case("tag-file-in-no-manifest", bag.Zip({**base, "packseal-ST03-0000001/about.txt": b"x"}).bytes())
    k.case("tag-file-changed", bag.Zip({**base, "packseal-ST03-0000001/bag-info.txt": b"x\n"}).bytes())
    k.case("tag-file-gone", bag.Zip({n: d for n, d in base.items() if not n.endswith("bag-info.txt")}).bytes())


def bags(k):
    whole = k.a.folder()
    base = k.bundle(whole)
    prefix = "packseal-ST03-0000001/"

    def bent(name, **change):
        k.case("bag-" + name, bag.Zip({n: d for n, d in {**base, **{prefix + x.replace("__", "."): d for x, d in change.items()}}.items()
                                       if d is not None}).bytes())
    manifest = base[prefix + "manifest-sha256.txt"]
    bent("no-declaration", bagit__txt=None)
    bent("other-declaration", bagit__txt=b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n")
    bent("fetch", fetch__txt=b"https://example.org/a 3 data/a\n")
    bent("md5-manifest", **{"manifest-md5__txt": b""})
    bent("no-manifest", **{"manifest-sha256__txt": None})
    bent("no-tag-manifest", **{"tagmanifest-sha256__txt": None})

    def manifests(name, text):
        k.case("bag-manifest-" + name, bag.Zip(k.bundle(whole, manifest=text)).bytes())
    manifests("line-twice", manifest + manifest.split(b"\n")[0] + b"\n")
    manifests("without-last-newline", manifest[:-1])
    manifests("with-crlf", manifest.replace(b"\n", b"\r\n"))
    manifests("with-star", manifest.replace(b"  data", b" *data"))
    manifests("in-capitals", manifest.replace(b"a", b"A", 5))
    manifests("of-outside", manifest + b"0" * 64 + b"  bagit.txt\n")
    manifests("climbing", manifest + b"0" * 64 + b"  data/../x\n")
    manifests("empty", b"")
    k.case("bag-without-base", bag.Zip(k.bundle(whole, base="")).bytes())
    k.case("bag-file-beside", bag.Zip({**base, "readme.txt": b"x"}).bytes())
    k.case("bag-without-a-clip", bag.Zip(bag.bag({"keys/clip.pub": STATION.file})).bytes())
    k.case("bag-empty-zip", bag.Zip({}).bytes())


def zips(k):
    base = k.bundle(k.a.folder())
    names = sorted(base)
    first, some = names[0], [n for n in names if n.endswith("clip.json")][0]
    good = bag.Zip(base).bytes()

    def bent(name, change=None, data=None):
        z = bag.Zip(base)
        if change:
            change(z)
        k.case("zip-" + name, data if data is not None else z.bytes())

    def field(which, **values):
        return lambda z: [getattr(z, w).update({some: values}) for w in which.split()]
    bent("prefix", data=b"MZ" + good)
    bent("trailing", data=good + b"\0")
    bent("cut", data=good[:-30])
    bent("cut-in-half", data=good[:len(good) // 2])
    bent("empty-file", data=b"")
    bent("comment", lambda z: setattr(z, "comment", b"hello"))
    bent("gap", lambda z: setattr(z, "between", b"gap!"))
    bent("encrypted", field("local central", flags=1))
    bent("data-descriptor", field("local central", flags=8))
    bent("utf8-names", field("local central", flags=0x800))
    bent("compressed", field("local central", method=8))
    bent("local-says-another-size", field("local", size=5))
    bent("local-says-another-crc", field("local", crc=5))
    bent("local-says-another-time", field("local", time=5))
    bent("local-has-another-name", field("local", name=b"x" * len(some)))
    bent("packed-unlike-size", field("local central", packed=3))
    bent("crc-wrong-in-both", field("local central", crc=5))
    bent("version-99", field("local central", version=99))
    bent("symlink", lambda z: z.attributes.update({some: 0o120777 << 16}))
    bent("folder-attribute", lambda z: z.attributes.update({some: 0x10}))
    bent("device", lambda z: z.attributes.update({some: 0o060644 << 16}))
    bent("no-attributes", lambda z: z.attributes.update({some: 0}))
    bent("extra-field", lambda z: (z.extra.update({some: b"UT\1\0\0"}), z.local_extra.update({some: b"UT\1\0\0"})))
    bent("extra-only-local", lambda z: z.local_extra.update({some: b"UT\1\0\0"}))
    bent("folder-entry", lambda z: z.entries.append(("zz/", b"")))
    bent("duplicate-name", lambda z: z.entries.append((some, b"{}")))
    bent("case-colliding", lambda z: z.entries.append((some.replace("clip.json", "CLIP.JSON"), b"{}")))
    bent("folder-of-other-case", lambda z: z.entries.append((some.replace("/data/", "/DATA/") + "x", b"{}")))
    bent("file-that-is-a-folder", lambda z: z.entries.append((some + "/x", b"{}")))
    bent("climbing-name", lambda z: z.entries.append(("../x", b"{}")))
    bent("absolute-name", lambda z: z.entries.append(("/etc/x", b"{}")))
    bent("backslash-name", lambda z: z.entries.append(("zz\\x", b"{}")))
    bent("non-ascii-name", lambda z: z.entries.append(("zz名".encode(), b"{}")))
    bent("name-ends-in-dot", lambda z: z.entries.append(("zz./x", b"{}")))
    bent("count-lies", lambda z: z.end.update(n=len(base) - 1, here=len(base) - 1))
    bent("directory-elsewhere", lambda z: z.end.update(off=100))
    bent("zip64-sign-without-record", lambda z: z.end.update(off=0xffffffff))
    bent("header-bit", data=flip(good, 6))
    bent("directory-bit", data=flip(good, len(good) - 40))
    bent("first-byte", data=flip(good, 0))
    assert first != some


def alone(k):
    k.case("alone-film", k.a.files["top.mp4"], ending=".mp4")
    k.case("alone-film-cut", k.a.files["top.mp4"][:5000], ending=".mp4")
    k.case("alone-photo", [d for n, d in k.a.files.items() if n.endswith(".jpg")][0], ending=".jpg")
    k.case("alone-empty", b"", ending=".bin")
    k.case("alone-noise", bytes((i * 73 + i // 7) & 255 for i in range(5000)), ending=".bin")


def main():
    recorded, out = sys.argv[1:]
    k = Corpus(recorded, out)
    for part in (keys, signatures, statements, fields, preroll, pictures, headers, files, bags, zips, alone):
        part(k)
    stream_copies(k, out)
    outside.cases(k)
    with open(os.path.join(out, "cases.json"), "w", encoding="utf-8") as f:
        json.dump(k.cases, f, indent=1)
    print(len(k.cases))


if __name__ == "__main__":
    main()
