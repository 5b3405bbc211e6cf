#!/usr/bin/env python3
# Reports and appeal packs of a real clip, through the real programs, looked at with other tools: poppler, ffprobe, a parser
# of HTML. A hostile station name, two takes under two keys, an authority and a witness outside, photographs taken in.
import hashlib
import glob
import html.parser
import json
import os
import re
import shutil
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
from bundles import Authority, config_of
from signing import Server
from station import (PACKSEAL, SANITIZED, Station, mjpeg_film, need_programs, run, seconds_of, statement, tap, verdict)
import tempfile

CODE = "SF1234567890123"
EVIL = "<b>三号台</b> \"'&<script>"
DATES = ["--printed", "2026-01-05 08:00", "--picked-up", "2036-01-05T10:30:00Z", "--delivered", "2036-01-07", "--claimed", "2036-01-09"]
LIMITS_EN = ["That the camera saw the parcel that was delivered", "a dishonest station can lay a fresh code over old film",
             "no other recording, take or copy of the ledger", "Anything against whoever controls the station or its keys",
             "use independently obtained software, keys and roots"]
LIMITS_ZH = ["镜头拍到的就是最后送达的那个包裹", "把新的时间码叠在旧画面上", "不存在另外的录像", "控制工位或其密钥的人没有作假",
             "请使用独立取得的软件"]


class Outside:
    """An authority and a witness on loopback, known to one station."""

    def __init__(self, s):
        self.authority, self.witness = Authority(), None
        try:
            with open(s.path("public", "log.vkey"), encoding="utf-8") as f:
                self.witness = Server("witnessd.py", "--log", f.read().strip(), "--name", "witness.example/w1")
        except BaseException:
            self.end()
            raise
        self.lines = ["tsa %s name=\"loopback authority\"" % self.authority.anchor(), "witness " + self.witness.said["vkey"]]
        config_of(s, self.authority)
        with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
            f.write("witness = %s\nwitness-key = %s\n" % (self.witness.url, self.witness.said["vkey"]))
        self.trust = os.path.join(s.dir, "own")
        with open(s.path("public", "trust"), encoding="utf-8") as f, open(self.trust, "w", encoding="utf-8") as g:
            g.write(f.read().rstrip("\n") + "\n" + "\n".join(self.lines) + "\n")

    def end(self):
        self.authority.__exit__()
        if self.witness is not None:
            self.witness.end()


class Office:
    """A merchant with a root key, who certifies the station's keys, each in its turn, and revokes one."""

    def __init__(self, s, name):
        self.s, self.name, self.at, self.certificates = s, name, os.path.join(s.dir, "office"), []
        self.word = os.path.join(s.dir, "pass")
        with open(self.word, "w", encoding="utf-8") as f:
            f.write("korrekt pferd batterie\n")
        self.key("root", "--merchant", name, "-o", self.at, "--passphrase-file", self.word, "--moderate")

    def key(self, *args):
        r = run(PACKSEAL, "key", *args)
        tap.ok(r.returncode == 0, "key " + args[0], r.stderr.decode())

    def by_root(self, command, *args):
        self.key(command, "--root-key", self.at + "/root.key", "--passphrase-file", self.word, *args)

    def certify(self):
        n = "%s-%d" % (self.at, len(self.certificates))
        self.key("request", "--root", self.s.root, "-o", n + ".json")
        self.by_root("certify", "--request", n + ".json", "--from", "2026-01-01", "--until", "2099-01-01", "-o", n)
        self.certificates.append(n + "/cert.json")
        self.key("install", "--root", self.s.root, n + "/cert.json")

    def revoke(self, clip_key):
        self.by_root("revoke", "--clip-key", clip_key, "--since", "2098-01-01", "--reason", "replaced", "-o", self.at + "/gone")
        self.key("install", "--root", self.s.root, *glob.glob(self.at + "/gone/revocation-*.json"))

    def trust(self, name, *lines):
        if not glob.glob(self.at + "/enrolment*.trust"):
            self.by_root("enrol", *[a for c in self.certificates for a in ("--cert", c)], "-o", self.at + "/enrolment.note")
        path = os.path.join(self.s.dir, name)
        shutil.copy(glob.glob(self.at + "/enrolment*.trust")[0], path)
        with open(path, "a", encoding="utf-8") as f:
            f.write("".join(x + "\n" for x in lines))
        return path


def flat(text):
    """Pages break lines where they like."""
    return re.sub(r"\s+", "", text)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def pdf_text(path):
    r = run("pdftotext", "-enc", "UTF-8", path, "-")
    return flat(r.stdout.decode("utf-8", "replace"))


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.policy = set(), [], "", ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag == "meta" and ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        self.text += data


def check_pdf(name, path, pages_least, wanted, absent=()):
    r = run("pdfinfo", path)
    info = r.stdout.decode()
    tap.ok(r.returncode == 0 and r.stderr == b"" and "A4" in info, name + ": poppler reads it, A4", info, r.stderr.decode())
    pages = int(re.search(r"Pages:\s+(\d+)", info).group(1))
    tap.ok(pages >= pages_least, name + ": %d pages" % pages)
    text = pdf_text(path)
    missing = [w for w in wanted if flat(w) not in text]
    tap.same(missing, [], name + ": says what it must")
    tap.same([w for w in absent if flat(w) in text], [], name + ": in its language alone")
    last = run("pdftotext", "-f", pages, "-l", pages, path, "-").stdout.decode()
    tap.ok(flat("第%d页，共%d页" % (pages, pages)) in flat(last) or flat("page %d of %d" % (pages, pages)) in flat(last),
           name + ": pages are numbered")


def check_html(name, path, wanted):
    page = Page()
    page.feed(read(path).decode("utf-8"))
    tap.same(sorted(page.tags & {"script", "iframe", "object", "embed", "link", "form", "base", "b" if "三号台" in page.text else ""} -
                    {"b"}), [], name + ": no script, frame, form or outside style")
    outside = [a for a in page.attributes if a[1] in ("src", "href", "srcset", "action", "style", "data", "xlink:href") and
               not (a[0] == "img" and a[1] == "src" and a[2].startswith("data:image/jpeg;base64,"))]
    tap.same(outside, [], name + ": no reference to anything outside")
    tap.same([a for a in page.attributes if a[1].startswith("on")], [], name + ": no event handler")
    style = re.search(rb"<style>(.*?)</style>", read(path), re.S).group(1)
    import base64
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    tap.ok("default-src 'none'" in page.policy and "sha256-" + digest in page.policy, name + ": its policy allows its own style alone",
           page.policy)
    tap.ok(EVIL in page.text, name + ": a hostile name is shown as it is")
    tap.same([w for w in wanted if flat(w) not in flat(page.text)], [], name + ": says what it must")


def check_report(s, clip, folder):
    out = os.path.join(s.dir, "r")
    r = s.cli("report", clip, "-o", out, *DATES, timeout=300)
    tap.same((r.returncode, sorted(os.listdir(out))), (0, ["report.html", "report.pdf", "证据卡.jpg"]), "report: three files, nothing left over")
    st = statement(folder)
    digest = hashlib.sha256(read(os.path.join(folder, "clip.json"))).hexdigest()
    common = [CODE, clip, digest, st["tracks"][0]["file"]["sha256"], st["key"], st["open_leaf"] and "0017", "签名程序所见", "signer observed",
              "录像程序所述", "recorder stated", "商家填写", "merchant's entry", "面单打印", "2026-01-05 08:00:00", "2036-01-09", "take 1", "NOT delivered",
              st["software"]["recorder_sha256"], "PackSeal 0."]
    # The station's trust file names nobody outside: whom its configuration asks for the time is believed in its own reports.
    bounded = verdict(run(PACKSEAL, "verify", "--json", "--trust", s.outside.trust, s.bounded))
    tap.same(bounded["time"]["basis"], "bounded", "the clip lies between two stamps")
    env = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(seconds_of(bounded["time"][k])))) for k in ("not_before", "not_after")]
    common += env + ["外部机构", "不早于", "不晚于", "bounded", st["freshness"]["code"]]
    check_pdf("both", os.path.join(out, "report.pdf"), 3, common + LIMITS_EN + LIMITS_ZH)
    check_html("both", os.path.join(out, "report.html"), common + LIMITS_EN + LIMITS_ZH)
    card = os.path.join(out, "证据卡.jpg")
    r = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "json", card)
    picture = json.loads(r.stdout)["streams"][0]
    tap.ok(picture["codec_name"] == "mjpeg" and picture["width"] == 1080 and os.path.getsize(card) < 1000000,
           "card: a JPEG below 1 MB", picture, os.path.getsize(card))

    again = os.path.join(s.dir, "again")
    s.cli("report", clip, "-o", again, *DATES, timeout=300)
    tap.same([n for n in os.listdir(out) if read(os.path.join(out, n)) != read(os.path.join(again, n))], [],
             "the same clip and dates give the same bytes")
    r = s.cli("report", clip, "-o", out, timeout=300)
    tap.ok(r.returncode == 1 and b"is there already" in r.stderr, "a report overwrites nothing", r.stderr.decode())
    tap.same(sorted(os.listdir(out)), ["report.html", "report.pdf", "证据卡.jpg"], "and leaves nothing behind when it refuses")

    for lang, wanted, absent in (("zh", LIMITS_ZH + ["核验结果", "如何核验"], LIMITS_EN), ("en", LIMITS_EN + ["How to check"], LIMITS_ZH)):
        one = os.path.join(s.dir, lang)
        s.cli("report", clip, "-o", one, "--lang", lang, timeout=300)
        check_pdf(lang, os.path.join(one, "report.pdf"), 3, wanted + [CODE], absent)


def check_bundle(s, clip):
    bundle = os.path.join(s.dir, "b.zip")
    r = s.cli("export", clip, "-o", bundle, "--report", "--claimed", "2036-01-09", timeout=300)
    tap.same((r.returncode, r.stderr.decode()), (0, ""), "export --report")
    r = s.verify(bundle)
    lines = [json.loads(line) for line in r.stdout.decode().splitlines()]
    tap.same((r.returncode, lines[0]["content"], lines[0]["key"]), (0, "intact", "trusted"), "the bundle is as trusted with a report as without")
    tap.same(sorted((p["code"], p["where"]) for v in lines if v["bundle"] for p in v["problems"]),
             [("unauthenticated", "data/report/%s/%s" % (clip, n)) for n in ("card.jpg", "report.html", "report.pdf")],
             "its report is told as unauthenticated")
    tap.same([n for n in os.listdir(s.dir) if "report" in n], [], "nothing is left beside it")
    out = os.path.join(s.dir, "bag")
    run("unzip", "-q", bundle, "-d", out)
    bag = os.path.join(out, os.listdir(out)[0])
    r = run("sha256sum", "--strict", "--quiet", "-c", "manifest-sha256.txt", cwd=bag)
    tap.same((r.returncode, r.stdout), (0, b""), "the manifest lists the report")
    tap.ok("2036-01-09" in pdf_text(os.path.join(bag, "data", "report", clip, "report.pdf")), "with the date that was entered")
    return bundle


def check_pack(s, clip, folder):
    os.makedirs(s.path("profiles"), exist_ok=True)
    with open(s.path("profiles", "small.conf"), "w", encoding="utf-8") as f:
        f.write("[profile]\nname = 小表单\n[pictures]\nmost = 4\nmax_bytes = 900000\n[film]\nmax_bytes = 400000\nmax_seconds = 2\n"
                "most_speed = 16\nwidth = 480\n[reason 少件]\ntitle = 买家称少件\nneeds = 称重图\ntext = 运单 {codes}，{clip}，{started}，{digest}\n")
    bundle = os.path.join(s.dir, "p.zip")
    r = s.cli("export", clip, "-o", bundle, "--profile", "small", "--reason", "少件", "--json", timeout=300)
    if not tap.ok(r.returncode == 0, "export --profile", r.stderr.decode()):
        return
    pack = json.loads(r.stdout)["pack"]
    tap.same(pack, os.path.join(s.dir, "p-small"), "the pack lies beside the bundle")
    names = sorted(os.listdir(pack))
    tap.same(names, sorted(["证据卡.jpg", "图1.jpg", "图2.jpg", "图3.jpg", "影片.mp4", "申诉说明.txt", "提交前请看.txt"]),
             "card, three pictures (four with the card), one film, two texts")
    film = os.path.join(pack, "影片.mp4")
    r = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height,pix_fmt,duration", "-of", "json", film)
    stream = json.loads(r.stdout)["streams"]
    tap.ok(r.stderr == b"" and len(stream) == 1 and stream[0]["codec_name"] == "h264" and stream[0]["pix_fmt"] == "yuv420p", "film: H.264 that phones play",
           r.stdout.decode(), r.stderr.decode())
    tap.ok(float(stream[0]["duration"]) <= 2.0 and os.path.getsize(film) <= 400000 and stream[0]["width"] <= 480, "film: within seconds, bytes and width",
           stream[0], os.path.getsize(film))
    track = statement(folder)["tracks"][0]
    shown = track["height"] * stream[0]["width"] // track["width"]
    tap.ok(stream[0]["height"] > shown, "film: a strip is set below the picture, which it does not cover", stream[0])
    tap.ok(max(os.path.getsize(os.path.join(pack, n)) for n in names if n.endswith(".jpg")) <= 900000, "pictures: within bytes")
    text = read(os.path.join(pack, "申诉说明.txt")).decode()
    tap.ok(all(w in text for w in ("买家称少件", CODE, clip, hashlib.sha256(read(os.path.join(folder, "clip.json"))).hexdigest())) and "{" not in text,
           "the text of the reason, its variables filled in", text)
    look = read(os.path.join(pack, "提交前请看.txt")).decode()
    tap.ok("面单" in look and "快放" in look and "称重图" in look and "副本" in look, "what to look at before sending: label, speed, what else is asked", look)
    v = verdict(s.verify(film))
    tap.same(v["content"] in ("intact", "excerpt"), False, "the film of a pack is never called intact")

    def refused(name, conf, word):
        with open(s.path("profiles", "no.conf"), "w", encoding="utf-8") as f:
            f.write("[profile]\nname = 不行\n" + conf)
        to = os.path.join(s.dir, name + ".zip")
        r = s.cli("export", clip, "-o", to, "--profile", "no", timeout=300)
        tap.ok(r.returncode == 1 and word in r.stderr.decode() and not os.path.exists(to[:-4] + "-no"),
               "a profile that cannot be met is refused with the reason: " + name, r.stderr.decode())
    refused("seconds", "[film]\nmax_seconds = 1\nmost_speed = 2\n", "too long")
    refused("bytes", "[film]\nmax_bytes = 50000\nmost_speed = 1\n", "too little to see")
    refused("card", "[pictures]\nmax_bytes = 20000\n", "card")
    for args, word in ((["--profile", "nobody"], "no such profile"), (["--profile", "small", "--reason", "别的"], "少件"), (["--reason", "x"], "--profile"),
                       (["--report", "--claimed", "soon"], "is no time")):
        r = s.cli("export", clip, "-o", os.path.join(s.dir, "x-%d.zip" % len(word)), *args, timeout=300)
        tap.ok(r.returncode != 0 and word in r.stderr.decode(), "refused: " + " ".join(args), r.stderr.decode())


def check_altered(s, bundle):
    """What is altered is reported as altered, and no appeal is made of it."""
    bag = os.path.join(s.dir, "bent")
    run("unzip", "-q", bundle, "-d", bag)
    base = os.path.join(bag, os.listdir(bag)[0])
    film = next(os.path.join(d, n) for d, _, names in os.walk(base) for n in names if n == "top.mp4")
    bent = bytearray(read(film))
    bent[len(bent) // 2] ^= 1
    with open(film, "wb") as f:
        f.write(bent)
    import zipfile
    out = os.path.join(s.dir, "bent.zip")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for i in old.infolist():
            info = zipfile.ZipInfo(i.filename, (1980, 1, 1, 0, 0, 0))
            new.writestr(info, read(os.path.join(bag, i.filename)))
    to = os.path.join(s.dir, "bent-report")
    r = s.cli("report", out, "-o", to, timeout=300)
    tap.same(r.returncode, 0, "an altered bundle is reported too")
    text = pdf_text(os.path.join(to, "report.pdf"))
    tap.ok("已改动" in text and "segment-altered" in text and flat("top.mp4 segment") in text, "and the report says what was altered", text[:400])


def photograph(path):
    """A JPEG of a photograph's weight."""
    r = run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1600x1200,noise=alls=60:allf=t", "-frames:v", "1", "-q:v", "3", path)
    tap.ok(r.returncode == 0 and os.path.getsize(path) > 200000, "a photograph", r.stderr.decode())
    return path


def local(text):
    """A moment of a verdict as reports write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(seconds_of(text))))


def check_enclosed(s, clips, office, outside, intake):
    """What the bundle holds beside the clip, and who outside says something of its time."""
    bundle = os.path.join(s.dir, "all.zip")
    tap.same(s.cli("export", *clips, "--intake", intake["intake"], "-o", bundle).returncode, 0, "export of two clips and photographs")
    both = office.trust("both.trust", *outside.lines)
    v = [json.loads(x) for x in run(PACKSEAL, "verify", "--json", "--trust", both, bundle).stdout.decode().splitlines()]
    old = next(x for x in v if x["clip"] == clips[0])
    witness = old["witnesses"][0]
    digest = hashlib.sha256(read(s.path(intake["path"], "intake.json"))).hexdigest()

    def report(name, trust, lang="en"):
        out = os.path.join(s.dir, "report-" + name)
        r = s.cli("report", bundle, "-o", out, "--lang", lang, "--trust", trust, timeout=300)
        tap.ok(r.returncode == 0, "report " + name, r.stderr.decode())
        return [flat(html_text(read(os.path.join(out, c, "report.html")).decode())) for c in clips] + [pdf_text(os.path.join(out, clips[0], "report.pdf"))]

    def says(text, name, *wanted):
        tap.same([w for w in wanted if flat(w) not in text], [], name)
    one, two, pages = report("both", both)
    says(one, "en: authority and witness, each with its time", "time stamp", "“loopback authority”", "accurate to 1 s",
         "“%s”, %s" % (witness["name"], local(witness["time"])), "cosigned the ledger's checkpoint that holds this clip")
    says(one, "en: the clip's certificate, and the keys of both", "merchant “%s”, station ST03" % office.name, "signed by a root key of the list",
         "key number", "signed this clip", "of another clip in the bundle")
    says(one, "en: a revocation that the clip is older than", "(this clip's) from 2098-01-01", "replaced", "by the time from outside this clip is older")
    says(two, "en: which is not of the other clip's key", "(not this clip's) from 2098-01-01")
    says(one, "en: photographs that were taken in", intake["intake"], "order E2026-77 (merchant's entry)", "listed, not judged", digest)
    says(pages, "en: the PDF says the same", "“%s”, %s" % (witness["name"], local(witness["time"])), digest, office.name, "E2026-77")
    one, _, pages = report("zh", both, "zh")
    says(one, "zh: all of it", "见证方联署", "“%s”，%s" % (witness["name"], local(witness["time"])), "时间戳机构“loopback authority”", "由密钥表中的根密钥签发",
         "同包其他录像的签名密钥", "本录像由外部时间证明早于吊销", "照片ST03-I", "订单E2026-77（商家填写）", digest)
    says(pages, "zh: the PDF says the same", "“%s”，%s" % (witness["name"], local(witness["time"])), digest, office.name, "见证方联署")
    one, _, pages = report("witness", office.trust("witness.trust", outside.lines[1]))
    says(one, "who trusts the witness alone: the bound is its", "by the witness “%s”" % witness["name"], "not registered, or not verified: it bounds nothing")
    one, _, pages = report("none", office.trust("none.trust"))
    says(one, "who trusts nobody outside: says so", "none that is registered", "the latest time is the station's own word")
    tap.ok(flat("“%s”" % witness["name"]) not in one, "and names no witness")


def html_text(text):
    page = Page()
    page.feed(text)
    return page.text


def main():
    need_programs()
    if shutil.which("pdftotext") is None:
        tap.ok(False, "poppler-utils is here: make deps-check")
        tap.done()
    films = tempfile.mkdtemp(prefix="packseal-report.")
    try:
        size = ("320x240", 10) if SANITIZED else ("640x360", 25)
        film = os.path.join(films, "top.avi")
        mjpeg_film(film, size=size[0], fps=size[1], seconds=6)
        with Station(cameras={"top": "lavf:" + film}, name=EVIL) as s:
            s.outside = outside = Outside(s)
            office = Office(s, "义乌<b>示例</b>商贸")
            office.certify()
            for again in (False, True):
                if again:
                    first_key = read(s.path("public", "clip.pub")).decode().split("\n")[1]
                    tap.same(s.end(), 0, "the station ends")
                    office.key("rotate", "--root", s.root)
                    office.certify()
                s.start()
                tap.same(s.cli("stamp").returncode, 0, "stamp")
                time.sleep(6)  # the recorder looks for the newest token every few seconds
                tap.same(s.scan(CODE).returncode, 0, "scan")
                time.sleep(3.5)
                tap.same(s.stop().returncode, 0, "stop")
                time.sleep(1.5)  # tokens tell whole seconds
                tap.same(s.cli("stamp").returncode, 0, "stamp")
            r = s.cli("intake", "--json", "--order", "E2026-77", photograph(os.path.join(films, "DSC_0001.JPG")))
            intake = json.loads(r.stdout)
            tap.same(s.end(), 0, "the station ends")
            office.revoke(first_key)
            clips = [os.path.basename(f) for f in s.clips()]
            folder = s.clips()[1]
            s.bounded = os.path.join(s.dir, "bounded.zip")
            tap.same(s.cli("export", clips[1], "-o", s.bounded).returncode, 0, "export")
            check_report(s, clips[1], folder)
            bundle = check_bundle(s, clips[1])
            check_pack(s, clips[1], folder)
            check_altered(s, bundle)
            check_enclosed(s, clips, office, outside, intake)
            outside.end()
            both = os.path.join(s.dir, "two")
            r = s.cli("report", CODE, "-o", both, "--lang", "zh", timeout=300)
            tap.same((r.returncode, sorted(os.listdir(both))), (0, clips), "of a number each take gets a folder")
    finally:
        shutil.rmtree(films, ignore_errors=True)
    tap.done()


main()
