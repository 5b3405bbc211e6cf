#!/usr/bin/env python3
# verify.html in a real Chromium against `packseal verify`: two programs, written apart, must say the same of every bent
# bundle of tests/corpus. Once with all that a browser has; and what ends in a signature, with a quarter of the rest, from a
# file without WebCrypto's Ed25519, and without any WebCrypto.
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import webdriver
from checkers import PAGE, all_by_program, by_page, compare, need_browser, record
from station import SANITIZED, SRC, need_programs, run, tap, wait_for

FORBIDDEN = ["真实", "通过", "合格", "genuine", "authentic ", "passed", "qualified"]

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


SIGNED = ("signature-", "ledger-", "cert-", "trust-", "key-", "as-exported")


def of(places, *lists):
    return [[x[i] for i in places] for x in lists]


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


def main():
    need_programs()
    need_browser()
    work = tempfile.mkdtemp(prefix="packseal-verify.")
    browser = files = None
    try:
        recorded = record(work, preroll=True)
        folder = os.path.join(work, "corpus")
        r = run(sys.executable, os.path.join(SRC, "tests", "corpus", "make.py"), recorded, folder, timeout=200)
        tap.same((r.returncode, r.stderr.decode()), (0, ""), "the corpus is made")
        with open(os.path.join(folder, "cases.json"), encoding="utf-8") as f:
            cases = json.load(f)
        tap.ok(len(cases) >= 60, "of at least 60 bundles", len(cases))
        shutil.copy(os.path.join(recorded, "as-exported.zip"), folder)
        shutil.copy(os.path.join(recorded, "public", "trust"), os.path.join(folder, "station-trust"))
        cases.append({"name": "as-exported", "file": "as-exported.zip", "trust": "station-trust"})
        answers = all_by_program(folder, cases)

        files = webdriver.Files({"verify.html": PAGE})
        browser = webdriver.Browser()
        tap.diag("Chromium " + browser.version)
        url = files.url + "verify.html"
        check_policy(browser, url)
        browser.open(url)
        page = by_page(browser, folder, cases)
        program = answers()
        compare("over http", cases, program, page, table=True)
        # A sanitizer looks at our program, which has answered by now.
        if not SANITIZED:
            some = [i for i, c in enumerate(cases) if i % 4 == 0 or c["name"].startswith(SIGNED)]
            browser.open("file://" + PAGE)
            browser.call(WITHOUT_ED25519)
            compare("from a file, without WebCrypto's Ed25519", *of(some, cases, program),
                    by_page(browser, folder, *of(some, cases)))
            tap.ok(browser.call("return window.refused") > 0, "which was asked for, and refused")
            browser.open(url)
            tap.ok(browser.call(WITHOUT_WEBCRYPTO), "no WebCrypto")
            plain = [i for i in some if not cases[i]["name"].startswith("time-")]  # authorities' signatures need it
            compare("without any WebCrypto", *of(plain, cases, program), by_page(browser, folder, *of(plain, cases)))

        zipped, trust = os.path.join(folder, "as-exported.zip"), os.path.join(folder, "station-trust")
        check_page(browser, url, folder, zipped, trust)
        check_changed(browser, url, work, zipped, trust)
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
