#!/usr/bin/env python3
# verify.html in a real Chromium against `packseal verify`: two programs, written apart, must say the same of every bent
# bundle of tests/corpus. With WebCrypto's Ed25519, without it, without WebCrypto, over http and from a file.
import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "corpus")]
import webdriver
from station import BUILD, PACKSEAL, SANITIZED, SRC, Station, mjpeg_film, need_programs, run, skip_all, tap, wait_for

PAGE = os.path.join(BUILD, "verify.html")
BATCH = 25
FORBIDDEN = ["真实", "通过", "合格", "genuine", "authentic ", "passed", "qualified"]

# Each case's files are picked with one input; the verdicts come through the page's door for programs.
JUDGE = """
const [cases, trusts] = args, files = new Map(Array.from(document.getElementById('corpus').files, f => [f.name, f]));
const out = [];
for (const c of cases) {
    try {
        out.push(await packsealVerify([files.get(c.file)], c.trust ? trusts[c.trust] : ''));
    } catch (e) {
        out.push(String(e.stack || e));
    }
}
return out;
"""

INPUT = """
const i = document.createElement('input');
i.type = 'file'; i.multiple = true; i.id = 'corpus';
document.body.append(i);
"""

WITHOUT_ED25519 = """
const real = crypto.subtle.importKey.bind(crypto.subtle);
window.refused = 0;
crypto.subtle.importKey = (format, key, algorithm, ...more) => {
    if ((algorithm.name || algorithm) !== 'Ed25519')
        return real(format, key, algorithm, ...more);
    window.refused++;
    return Promise.reject(new DOMException('no Ed25519', 'NotSupportedError'));
};
"""

WITHOUT_WEBCRYPTO = "Object.defineProperty(crypto, 'subtle', {value: undefined}); return crypto.subtle === undefined;"


def record(work):
    """Two clips of two cameras by the real programs."""
    films = {n: mjpeg_film(os.path.join(work, n + ".avi"), size="320x240", fps=15, seconds=6) for n in ("top", "side")}
    out = os.path.join(work, "recorded")
    with Station({n: "lavf:" + f for n, f in films.items()}) as s:
        s.start()
        tap.same(s.scan("SF1234567890123").returncode, 0, "a clip is recorded")
        time.sleep(9)
        s.scan("YT7654321098765")
        time.sleep(5)
        tap.same(s.stop().returncode, 0, "and another one")
        for i, folder in enumerate(s.clips()):
            shutil.copytree(folder, os.path.join(out, "clip%d" % i))
        shutil.copytree(s.path("public"), os.path.join(out, "public"))
        r = s.cli("export", "SF1234567890123", "-o", os.path.join(out, "as-exported.zip"))
        tap.same(r.returncode, 0, "and exported")
    return out


def by_program(folder, case):
    trust = ["--trust", os.path.join(folder, case["trust"])] if case["trust"] else []
    r = run(PACKSEAL, "verify", "--json", *trust, os.path.join(folder, case["file"]))
    return [json.loads(line) for line in r.stdout.decode().splitlines()] or r.stderr.decode()


def essence(lines):
    """What two checkers must agree on, a tuple a verdict."""
    if isinstance(lines, str):
        return lines
    out = []
    for v in lines:
        own = v["bundle"]
        basis = None if own else v["time"]["basis"] if isinstance(v["time"], dict) else v["time"]
        out.append((v["clip"], v["content"], None if own else v["key"], basis, None if own else v["ledger"],
                    None if own else v["container"], tuple(sorted({p["code"] for p in v["problems"]}))))
    return out


def by_page(browser, folder, cases):
    trusts = {}
    for c in cases:
        if c["trust"] and c["trust"] not in trusts:
            with open(os.path.join(folder, c["trust"]), encoding="utf-8") as f:
                trusts[c["trust"]] = f.read()
    browser.call(INPUT)
    browser.attach("#corpus", [os.path.join(folder, c["file"]) for c in cases])
    out = []
    for i in range(0, len(cases), BATCH):
        out += browser.call(JUDGE, cases[i:i + BATCH], trusts)
    return out


def row(name, said):
    if isinstance(said, str):
        return "%-44s %s" % (name, said)
    return "\n".join("%-44s %-11s %-8s %-13s %-12s %s" % (name if i == 0 else "", v[1], v[2] or "(bundle)", v[3] or "", v[4] or "", " ".join(v[6]))
                     for i, v in enumerate(said))


def compare(name, cases, program, page, table=False):
    differ = []
    if table:
        tap.diag("%-44s %-11s %-8s %-13s %-12s %s" % ("case", "content", "key", "time", "ledger", "problems"))
    for c, a, b in zip(cases, map(essence, program), map(essence, page)):
        if table:
            tap.diag(row(c["name"], a))
        if a != b:
            differ.append("%s\n  packseal verify:\n%s\n  verify.html:\n%s" % (c["name"], row("", a), row("", b)))
    tap.ok(not differ and len(page) == len(cases), "%s: %d bundles, the same answers from both" % (name, len(cases)), *differ)


def wait_result(browser):
    return wait_for(lambda: browser.call("return [...document.querySelectorAll('.clip [data-question]')].map("
                                         "e => [e.dataset.question, e.dataset.answer, e.querySelector('.answer').textContent])"), 30)


def visible(browser):
    return browser.call("return document.body.innerText")


def check_page(browser, url, folder, zipped, trust):
    """As a clerk uses it."""
    browser.open(url)
    english = browser.call("return document.documentElement.lang") == "en"
    browser.attach("#trust-file", [trust])
    browser.attach("#files", [zipped])
    shown = wait_result(browser)
    tap.same([(q, a) for q, a, _w in shown][:2], [("content", "intact"), ("key", "trusted")], "the page shows the answers of a dropped bundle")
    said = {}
    for _ in range(2):
        said["en" if browser.call("return document.documentElement.lang") == "en" else "zh"] = visible(browser)
        browser.call("document.getElementById('language').click()")
    for lang, wanted in (("zh", ["完好", "已登记", "签名程序观察", "录制程序自述", "SF1234567890123", "采集", "0017"]),
                         ("en", ["intact", "trusted", "signer observed", "recorder stated", "SF1234567890123", "captured", "0017"])):
        tap.ok(all(w in said[lang] for w in wanted), lang + ": answers, codes, operator, counts, and who says so",
               [w for w in wanted if w not in said[lang]])
    limits = {"zh": ["镜头拍到的就是送达", "旧影片上", "另一份账本", "控制工位", "独立取得"],
              "en": ["parcel that was delivered", "fresh code over old film", "copy of the ledger", "whoever controls the station", "independently obtained"]}
    for lang, parts in limits.items():
        tap.ok(all(p in said[lang] for p in parts), lang + ": the five sentences of what it does not show")
    with open(PAGE, encoding="utf-8") as f:
        source = f.read()
    used = [w for w in FORBIDDEN if w in source or w in said["zh"] or w in said["en"]]
    tap.same(used, [], "no word that promises more than was compared")
    played = browser.call("""
        const button = [...document.querySelectorAll('.clip button')][0];
        button.click();
        for (let i = 0; i < 200 && !document.querySelector('video'); i++) await new Promise(r => setTimeout(r, 50));
        const v = document.querySelector('video');
        v.muted = true;
        await v.play();
        await new Promise(r => setTimeout(r, 700));
        return [v.src.slice(0, 5), v.videoWidth, v.currentTime > 0.2, v.duration];""")
    tap.ok(played[0] == "blob:" and played[1] == 320 and played[2], "a film that was found whole plays, from a copy of the bytes that were hashed", played)
    stills = browser.call("""
        const all = [...document.querySelectorAll('.stills img')];
        await Promise.all(all.map(i => i.decode()));
        return all.map(i => [i.src.slice(0, 5), i.naturalWidth, i.alt.length > 0]);""")
    tap.ok(len(stills) >= 2 and all(s == ["blob:", 320, True] for s in stills), "the original photographs are shown", stills)
    unlabelled = browser.call("""return [...document.querySelectorAll('input,textarea,button,video,img,[role=img]')].filter(e =>
        e.id !== 'corpus' && !(e.labels && e.labels.length && e.labels[0].textContent.trim()) && !e.textContent.trim() &&
        !e.getAttribute('aria-label') && !e.alt).map(e => e.outerHTML.slice(0, 80))""")
    tap.same(unlabelled, [], "every control has a name for a screen reader")
    tap.ok(english, "the browser's language is taken to begin with")


def check_policy(browser, url):
    browser.open(url)
    policy = browser.call("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    tap.ok(policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy and "http" not in policy,
           "the policy allows the page's own script and style and nothing else", policy)
    tried = browser.call("""
        const seen = [];
        document.addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
        await fetch(location.href).catch(() => 0);
        const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);
        const i = new Image(); i.src = '/picture.png'; document.body.append(i);
        await new Promise(r => setTimeout(r, 200));
        return [seen.sort(), window.ran === undefined];""")
    tap.ok({"connect-src", "img-src", "script-src-elem"} <= set(tried[0]) and tried[1], "no network, no other script, no picture from elsewhere", tried)


def check_changed(browser, url, work, zipped, trust):
    """A film that changes between the check and the play is not played."""
    copy = os.path.join(work, "changing.zip")
    shutil.copy(zipped, copy)
    browser.open(url)
    browser.attach("#trust-file", [trust])
    browser.attach("#files", [copy])
    wait_result(browser)
    with open(copy, "r+b") as f:
        f.seek(20000)
        f.write(bytes(100))
    said = browser.call("""
        document.querySelector('.clip button').click();
        for (let i = 0; i < 100 && !document.querySelector('.clip p.warning') && !document.querySelector('video'); i++)
            await new Promise(r => setTimeout(r, 50));
        return [!!document.querySelector('video'), !!document.querySelector('.clip p.warning')];""")
    tap.same(said, [False, True], "a file that changed after it was checked is not played")


def check_large(browser, url, work, clip):
    """More than 2 GiB, most of it a hole: read by slices, to the end."""
    import bag
    size = (2 << 30) + (200 << 20)
    tap.diag("%d MiB, sparse" % (size >> 20))
    h, zeros, left = hashlib.sha256(), bytes(8 << 20), size
    while left:
        h.update(zeros[:min(left, len(zeros))])
        left -= min(left, len(zeros))
    small = bag.bag(clip)
    base = "packseal-ST03-0000001/"
    manifest = small[base + "manifest-sha256.txt"] + ("%s  data/zz-large.bin\n" % h.hexdigest()).encode()
    files = bag.bag(clip, manifest=manifest)
    path, crc = os.path.join(work, "large.zip"), 0
    big = base + "data/zz-large.bin"
    names = sorted([*files, big])
    directory, at = b"", 0
    with open(path, "wb") as f:
        for n in names:
            data, length = files.get(n), len(files[n]) if n in files else size
            common = struct.pack("<HHHHHIIIHH", 10, 0, 0, 0, 33, zlib.crc32(data) if data is not None else crc, length, length, len(n), 0)
            directory += b"PK\1\2\x1e\3" + common + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, at) + n.encode()
            f.seek(at)
            f.write(b"PK\3\4" + common + n.encode() + (data or b""))
            at += 30 + len(n) + length
        f.seek(at)
        f.write(directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), at, 0))
    case = {"name": "large", "file": "large.zip", "trust": None}
    program = [by_program(work, case)]
    browser.open(url)
    browser.ask("POST", "/session/%s/timeouts" % browser.session, {"script": 85000})
    began = time.monotonic()
    page = by_page(browser, work, [case])
    tap.diag("verify.html took %.1f s" % (time.monotonic() - began))
    compare("a bundle of more than 2 GiB", [case], program, page)
    tap.same(essence(page[0])[0][1] if not isinstance(page[0], str) else page[0], "intact", "and it is intact")
    os.remove(path)


def main():
    need_programs()
    for what, there in (("chromium", webdriver.CHROMIUM), ("chromedriver", webdriver.DRIVER)):
        if not there:
            print("# NOT CHECKED: verify.html ran in no browser: %s is missing: run: make deps-check" % what, file=sys.stderr)
            skip_all(what + " is missing")
    if not os.path.exists(PAGE):
        print("Bail out! %s is not built: run: make" % PAGE)
        sys.exit(1)
    work = tempfile.mkdtemp(prefix="packseal-verify.")
    browser = files = None
    try:
        recorded = record(work)
        folder = os.path.join(work, "corpus")
        r = run(sys.executable, os.path.join(SRC, "tests", "corpus", "make.py"), recorded, folder, timeout=200)
        tap.same((r.returncode, r.stderr.decode()), (0, ""), "the corpus is made")
        with open(os.path.join(folder, "cases.json"), encoding="utf-8") as f:
            cases = json.load(f)
        tap.ok(len(cases) >= 60, "of at least 60 bundles", len(cases))
        shutil.copy(os.path.join(recorded, "as-exported.zip"), folder)
        shutil.copy(os.path.join(recorded, "public", "trust"), os.path.join(folder, "station-trust"))
        cases.append({"name": "as-exported", "file": "as-exported.zip", "trust": "station-trust"})
        program = [by_program(folder, c) for c in cases]

        files = webdriver.Files({"verify.html": PAGE})
        browser = webdriver.Browser()
        tap.diag("Chromium " + browser.version)
        url = files.url + "verify.html"
        check_policy(browser, url)
        browser.open(url)
        compare("over http", cases, program, by_page(browser, folder, cases), table=True)
        browser.open(url)
        browser.call(WITHOUT_ED25519)
        compare("without WebCrypto's Ed25519", cases, program, by_page(browser, folder, cases))
        tap.ok(browser.call("return window.refused") > 0, "which was asked for, and refused")
        browser.open("file://" + PAGE)
        compare("from a file", cases, program, by_page(browser, folder, cases))
        browser.open(url)
        tap.ok(browser.call(WITHOUT_WEBCRYPTO), "without any WebCrypto")
        plain = [i for i, c in enumerate(cases) if not c["name"].startswith("time-")]
        compare("without any WebCrypto", [cases[i] for i in plain], [program[i] for i in plain],
                by_page(browser, folder, [cases[i] for i in plain]))

        zipped, trust = os.path.join(folder, "as-exported.zip"), os.path.join(folder, "station-trust")
        check_page(browser, url, folder, zipped, trust)
        check_changed(browser, url, work, zipped, trust)
        if not SANITIZED:
            clip = {}
            for name in ("clip.json", "clip.json.minisig", "top.mp4", "side.mp4"):
                with open(os.path.join(recorded, "clip0", name), "rb") as f:
                    clip["ST03-0000001/" + name] = f.read()
            for name in os.listdir(os.path.join(recorded, "clip0", "originals")):
                with open(os.path.join(recorded, "clip0", "originals", name), "rb") as f:
                    clip["ST03-0000001/originals/" + name] = f.read()
            check_large(browser, url, work, clip)
    finally:
        if browser:
            browser.close()
        if files:
            files.close()
        if os.environ.get("KEEP"):
            tap.diag("kept: " + work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
