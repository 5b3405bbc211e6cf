#!/usr/bin/env python3
# The viewer's pages in a real Chromium, over a real station with two cameras: set-up, accounts, pairing, the bench from scan
# to seal, search, a clip with its films in step, notes, hold, export; in both languages, by keyboard, at four sizes. A dialog,
# an error of the console or a breach of the content security policy fails it. Pictures are left in build/…/screenshots.
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import zipfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
import webdriver
from desk import DOWN, ENTER, ESCAPE, TAB, UP, Desk
from station import BUILD, SANITIZED, SRC, Station, mjpeg_film, need_programs, run, skip_all, tap, wait_for
from web import PASSWORD, free_port, listen_at

HOSTILE = "<img src=x onerror=alert(1)>"
HOSTILE_CODE = HOSTILE.upper()  # as the station spells what it scans; the browser makes no difference
WAYBILL = "SF1234567890123"
ITEM = "6901234567892"
NEXT = "YT7654321098765"
REFUNDED = "SF9876543210987"
SIZE = "320x240" if SANITIZED else "640x360"
FPS = 10 if SANITIZED else 15


def need_browser():
    for what, there in (("chromium", webdriver.CHROMIUM), ("chromedriver", webdriver.DRIVER)):
        if not there:
            print("# NOT CHECKED: the viewer's pages in a browser: %s is missing: run: make deps-check" % what, file=sys.stderr)
            skip_all(what + " is missing")


def films(work):
    """Two cameras. PACKSEAL_FILMS=one.mp4:two.mp4 takes others, for pictures that people look at."""
    given = os.environ.get("PACKSEAL_FILMS", "").split(":")
    return {name: "lavf:" + mjpeg_film(os.path.join(work, name + ".mjpeg"), size=SIZE, fps=FPS, seconds=8, source=source or None,
                                       scene="testsrc2=size=%s:rate=%d" if name == "top" else "mandelbrot=size=%s:rate=%d:maxiter=200")
            for name, source in zip(("top", "side"), given + ["", ""])}


def box_code(station):
    """What `packseal code` shows: for set-up, later for a screen."""
    r = station.cli("code")
    found = re.search(rb"\b[0-9A-HJKMNP-TV-Z]{4}-?[0-9A-HJKMNP-TV-Z]{4}\b", r.stdout)
    if not found:
        raise RuntimeError("packseal code: %r %r" % (r.stdout, r.stderr))
    return found.group().decode()


def check_page(d, name, widths=True):
    """Axe, no sideways scrolling at phone width, on a 10-inch touch screen, and at 200 % zoom; once in each language."""
    # What a sanitizer looks for is in the server: there the pages need not be judged once more.
    for language in () if SANITIZED else ("en", "zh-CN"):
        d.language(language)
        found = d.serious()
        tap.ok(found["checked"] > 10 and not found["bad"], "%s, %s: axe-core finds nothing serious (%d rules hold)" % (name, language, found["checked"]), *found["bad"])
        if not widths:
            continue
        wide = {}
        for label, width, height, scale in (("phone 360", 360, 740, 2), ("touch 1024x600", 1024, 600, 1), ("1280 at 200 %", 640, 400, 2)):
            d.size(width, height, scale)
            wide.update({label: w for w in [d.too_wide()] if w})
        d.size(1280, 860)
        tap.ok(not wide, "%s, %s: no sideways scrolling on phone, 10-inch touch screen and at 200 %%" % (name, language), wide)


def set_up(d, s):
    d.size(1280, 860)
    d.open("/")
    tap.ok(d.at("/setup"), "the first visit leads to the set-up", d.value("location.href"))
    tap.ok(d.says("h1", "首次设置"), "in the browser's own language", d.text("h1"))
    check_page(d, "set-up")
    d.type("input[name=code]", "0000 0000")
    d.type("input[name=name]", "chefin")
    d.type("input[name=password]", "short")
    d.type("input[name=again]", "short")
    d.click("button[type=submit]")
    tap.ok(d.says(".notice", "至少 10 个字符"), "set-up: a short password is refused at once", d.text("main"))
    d.type("input[name=password]", PASSWORD)
    d.type("input[name=again]", PASSWORD)
    d.click("button[type=submit]")
    tap.ok(d.there(".notice.bad") and d.at("/setup"), "set-up: a wrong code is refused", d.text("main"))
    code = box_code(s)
    d.type("input[name=code]", code.lower())
    d.click("button[type=submit]")
    tap.ok(d.at("/settings") and d.says("#me", "chefin"), "set-up: the first administrator is signed in", d.text("main"))


def orders(d, work):
    """The list of expected orders: refused as a whole with what is wrong, then taken."""
    for name, text in (("bad.csv", "订单号,运单号,退款状态\n1234567890123456789,SF98,\"no end\n"), ("good.csv", "订单号,运单号,退款状态\n1234567890123456789,%s,已退款\n" % REFUNDED)):
        with open(os.path.join(work, name), "w", encoding="utf-8") as f:
            f.write(text)
    d.browser.attach("#orders-form input[type=file]", [os.path.join(work, "bad.csv")])
    tap.ok(d.says("#orders-form output", "bad.csv"), "orders: the chosen file is named", d.text("#orders"))
    d.click("#orders-form button[type=submit]")
    tap.ok(d.says("#orders", "没有替换") and d.there("#orders tbody tr"), "orders: a list with a fault is refused, line by line", d.text("#orders"))
    d.browser.attach("#orders-form input[type=file]", [os.path.join(work, "good.csv")])
    d.click("#orders-form button[type=submit]")
    tap.ok(d.says("#orders", "已收下 1 个订单"), "orders: a good one is taken", d.text("#orders"))


# Each state of the issue's list that a film cannot bring about: events as PROTOCOL.md has them, and what the screen makes of them.
MODEL = """
const {newModel, take, view} = await import('/web/station-model.js'), {hasWord} = await import('/web/words.js');
const idle = {state: 'idle', able: true, codes: [], cameras: [{name: 'top', state: 'live'}], alarms: []}, out = {};
const after = (...events) => {
    const m = newModel();
    let now = 1000;
    for (const [name, data] of [['status', structuredClone(idle)], ...events]) take(m, name, data, now += 10);
    const v = view(m, now + 10);
    return [v.state, ...v.alarms.map(a => (a.large ? '!' : '') + a.what)];
};
const recording = ['state', {state: 'recording', able: true, codes: ['A'], started: '2026-11-22T05:00:00.000Z', label: ''}];
const alarm = (what, detail = '') => ['alarm', {alarm: what, detail, on: true}];
out.ready = after();
out.unable = after(['state', {state: 'idle', able: false}]);
out.fault = after(['state', {state: 'faulted', able: false}], alarm('fault', 'x'));
out.full = after(['state', {state: 'faulted', able: false}], alarm('disk-full'));
out.sealing = after(recording, ['state', {state: 'sealing'}]);
out.sealed = after(recording, ['state', {state: 'idle', able: true}], ['sealed', {}]);
out.other = after(recording, ['label', {verdict: 'other', code: 'B'}]);
out.camera = after(recording, alarm('camera-lost', 'top: gone'), alarm('camera-lost', 'side: gone'));
out.back = after(recording, alarm('camera-lost', 'top: gone'), ['alarm', {alarm: 'camera-lost', detail: 'top: gone', on: false}]);
out.disk = after(alarm('disk-low'));
out.signer = after(recording, alarm('signer-away'));
out.clock = after(alarm('clock-unsynced'));
out.gone = after(['no-recorder', {}]);
out.foreign = after(['scan', {code: 'PS-X', said: 'refused', why: 'foreign-command'}]);
const words = ['state.idle', 'state.recording', 'state.sealing', 'state.sealed', 'state.faulted', 'state.other', 'state.refunded', 'alarm.duplicate', 'alarm.camera-lost', 'alarm.disk-low',
               'alarm.signer-away', 'alarm.clock-unsynced', 'alarm.label-not-seen'];
out.words = words.filter(w => !hasWord(w));
return out;
"""

# A scanner that types, key by key: [[key, ms since the one before], …] and what comes of it.
WEDGE = """
const {newReader} = await import('/web/wedge.js');
return args[0].map(keys => {
    const read = newReader(), out = [];
    let now = 1000;
    for (const [key, ms] of keys) { const got = read(key, now += ms); if (got) out.push(got.torn ? 'torn' : got.code + (got.manual ? ' by hand' : '')); }
    return out;
});
"""


def keys(text, ms, pause=None, at=None):
    return [[c, pause if i == at else ms] for i, c in enumerate(text)] + [["Enter", ms]]


WEDGE_CASES = [(keys("SF123456", 8), ["SF123456"]), (keys("SF123456", 90), ["SF123456 by hand"]), (keys("SF123456", 8, 300, 4), ["torn"]), (keys("SF123456", 8, 1000, 4), ["torn"]),
               (keys("SF123456", 8, 300, 4) + keys("YT99", 8), ["torn", "YT99"]), (keys("SF12", 300), ["torn"]), (keys("x", 8), []), ([["S", 8], ["F", 8], ["1", 8], ["Enter", 400]], ["torn"]),
               ([["a", 8]] + [["S", 2000]] + keys("F123", 8), ["SF123"]), (keys("A" * 128, 5), ["A" * 128]), (keys("A" * 129, 5), ["torn"])]

MODEL_WANTED = {
    "ready": ["idle"], "unable": ["unable"], "fault": ["faulted", "!fault"], "full": ["faulted", "!disk-full"], "sealing": ["sealing"], "sealed": ["sealed"],
    "other": ["recording", "!label-other"], "camera": ["recording", "!camera-lost", "!camera-lost"], "back": ["recording"], "disk": ["idle", "!disk-low"],
    "signer": ["recording", "!signer-away"], "clock": ["idle", "!clock-unsynced"], "gone": ["no-recorder"], "foreign": ["idle", "!refused"], "words": [],
}


def settings(d):
    for name, role in (("lisi", "clerk"), ("wang", "packer")):
        d.type("#account-form input[name=name]", name)
        d.call("document.querySelector('#account-form select').value = args[0]", role)
        d.type("#account-form input[name=password]", PASSWORD)
        d.click("#account-form button[type=submit]")
        tap.ok(d.there("[data-account=%s]" % name), "settings: account %s is made" % name, d.text("#accounts"))
    d.type("#token-form input[name=name]", "erp")
    d.click("#token-form button[type=submit]")
    tap.ok(d.until("(document.querySelector('#tokens .secret')?.textContent || '').length >= 20"), "settings: a token is shown once", d.text("#tokens"))
    tap.ok(d.says("#tokens tbody", "erp"), "settings: and stands in the list", d.text("#tokens"))
    check_page(d, "settings")
    d.picture("settings")
    tap.ok(d.says("#audit tbody", "chefin"), "settings: the audit trail names who did it", d.text("#audit"))


def sign_out_and_in(d, name, home="/"):
    d.click("#sign-out")
    d.at("/login")
    d.there("input[name=password]")
    d.type("input[name=name]", name)
    d.type("input[name=password]", "not the password")
    d.click("button[type=submit]")
    tap.ok(d.says(".notice.bad", "用户名或密码不对" if d.value("document.documentElement.lang") == "zh-CN" else "The name or the password is wrong"),
           "sign-in: a wrong password is told without saying what was wrong", d.text("main"))
    d.type("input[name=password]", PASSWORD)
    d.press(ENTER)
    tap.ok(d.at(home), "sign-in: Enter is enough, and leads to %s" % home, d.value("location.href"))


def pair(d, s):
    d.click("#sign-out")
    d.at("/login")
    d.there("input[name=name]")
    check_page(d, "sign-in")
    d.open("/login?pair")
    d.there("input[name=code]")
    check_page(d, "pairing", widths=False)
    d.type("input[name=code]", box_code(s))
    d.press(ENTER)
    tap.ok(d.at("/station"), "pairing: the code from the box makes this a station screen", d.value("location.href"))


def state(d):
    return d.value("document.body.dataset.state")


def bench(d, s):
    """From scan to seal, as the packer sees it."""
    tap.ok(d.until("document.body.dataset.state === 'idle'"), "station: ready", state(d), d.text("#now"))
    check_page(d, "station, idle")
    tap.ok(d.says("#word", "就绪"), "station: the word is 就绪", d.text("#word"))
    d.size(1024, 600)
    s.scan(WAYBILL)
    tap.ok(d.until("document.body.dataset.state === 'recording'") and d.says("#word", "录像中"), "station: a scan shows 录像中", d.text("#now"))
    tap.same(d.text("#code .code"), WAYBILL, "station: with the code in full")
    tap.ok(d.value("getComputedStyle(document.getElementById('edge')).borderTopColor") == "rgb(211, 40, 29)", "station: inside a red frame")
    tap.ok(d.value("parseFloat(getComputedStyle(document.getElementById('word')).fontSize)") >= 48, "station: in letters of 48 px or more at 1024x600",
           d.value("getComputedStyle(document.getElementById('word')).fontSize"))
    first = d.text("#time")
    tap.ok(d.until("(k => k && k !== args[0])(document.getElementById('time')?.textContent)", first), "station: the time runs", first)
    # A scanner at the tablet types faster than fingers.
    # On a busy machine its keys may come apart; then the page asks for the scan once more, as it would a person.
    for _ in range(5):
        d.press(*ITEM, ENTER)
        if d.says("#said", ITEM, seconds=6):
            break
    tap.ok(d.says("#said", ITEM) and d.says("#said", "已加入本单"), "station: a scanner that types into the page is a scan", d.text("#said"))
    tap.same(set(d.text("#code .others").split()), {ITEM}, "station: and no part of it became a code")
    live = d.until("[...document.querySelectorAll('.camera img')].filter(i => i.naturalWidth > 0).length === 2")
    tap.ok(live, "station: both cameras are shown live", d.value("[...document.querySelectorAll('.camera')].map(c => c.outerHTML.slice(0, 200))"))
    tap.ok(d.says("#notices", "面单未拍清", seconds=40), "station: 面单未拍清 while the label was not seen", d.text("#notices"))
    found = d.serious()
    tap.ok(not found["bad"], "station, recording: axe-core finds nothing serious", *found["bad"])
    d.picture("station-recording")
    d.language("en")
    tap.ok(d.says("#word", "Recording"), "station: the same in English, while it records", d.text("#word"))
    d.picture("station-recording-en")
    d.language("zh-CN")
    s.scan(NEXT)
    tap.ok(d.says("#code", NEXT), "station: the next scan shows the next code", d.text("#code"))
    tap.ok(d.says("#latest", WAYBILL), "station: the last clip is in the list", d.text("#latest"))
    s.scan(HOSTILE)
    tap.ok(d.says("#said", HOSTILE_CODE) and d.says("#code", HOSTILE_CODE) and not d.value("Boolean(document.querySelector('#said img, #code img'))"),
           "station: a hostile code is text", d.text("#said"))
    d.click("#mark")
    tap.ok(d.says("#said", "已标记"), "station: the button MARK", d.text("#said"))
    d.click("#return")
    tap.ok(d.says("#facts", "退货"), "station: the button RETURN sets the kind of the next clip", d.text("#facts"))
    d.call("document.getElementById('return').focus()")
    d.press(" ")
    tap.ok(d.until("!document.getElementById('facts').innerText.includes('退货')"), "station: and back, by the space bar", d.text("#facts"))
    d.minimized(True)
    tap.ok(d.until("document.hidden && !document.querySelector('.camera img[src]')"), "station: nobody sees it, nothing is fetched")
    d.minimized(False)
    tap.ok(d.until("document.querySelectorAll('.camera img[src]').length === 2"), "station: and live again")
    d.click("#stop")
    tap.ok(d.until("['sealing', 'sealed'].includes(document.body.dataset.state)"), "station: the button STOP seals", state(d))
    tap.ok(d.until("document.body.dataset.state === 'sealed'") and d.says("#word", "已封存"), "station: 已封存", d.text("#now"))
    tap.ok(d.until("document.body.dataset.state === 'idle'"), "station: and ready again", state(d))
    tap.ok(d.says("#latest", NEXT) and d.says("#latest .n", "2"), "station: two clips today", d.text("#latest"))
    d.click("#sound")
    tap.ok(d.until("document.getElementById('sound').getAttribute('aria-pressed') === 'true'"), "station: the button unlocks the sound")
    d.type("#typed-code", NEXT)
    d.press(ENTER)
    tap.ok(d.until("document.body.dataset.state === 'recording'") and d.says("#notices", "重复单号"), "station: a number typed by hand, seen before: 重复单号", d.text("#notices"))
    d.click("#cancel")
    d.there("#cancel-yes")
    d.click("#cancel-yes")
    tap.ok(d.until("['sealed', 'idle'].includes(document.body.dataset.state)"), "station: cancelled, after a question", state(d))
    s.scan("PS-ZZ99-STOP")
    tap.ok(d.says("#notices", "此码不收"), "station: another site's command is refused, in large letters", d.text("#notices"))
    s.scan(REFUNDED)
    tap.ok(d.until("document.body.dataset.state === 'refunded'") and d.says("#word", "已退款·勿发"), "station: 已退款·勿发, from the list that the clerk sent", d.text("#now"))
    tap.ok(d.serious()["bad"] == [], "station, refunded: axe-core finds nothing serious")
    d.picture("station-refunded")
    s.stop()
    tap.same(d.call(MODEL), MODEL_WANTED, "station: states that no film brings about")
    tap.same(d.call(WEDGE, [k for k, _ in WEDGE_CASES]), [w for _, w in WEDGE_CASES], "station: a typed scan is taken whole or not at all")
    heard = d.call("""const c = new AudioContext(), out = {};
        for (const name of ['tones/start', 'tones/alarm', 'zh-CN/recording', 'en/recording']) {
            const a = await fetch('/web/sounds/' + name + '.wav');
            out[name] = a.ok && (await c.decodeAudioData(await a.arrayBuffer())).duration > 0.05;
        }
        return out;""")
    tap.ok(all(heard.values()) and len(heard) == 4, "station: tones and words of both languages are there and can be played", heard)
    # It came back: a return under the waybill under which it went out.
    d.click("#return")
    d.says("#facts", "退货")
    s.scan(WAYBILL)
    tap.ok(d.says("#under", "退货"), "station: a return is named as one", d.text("#under"))
    time.sleep(2)
    s.stop()
    d.until("document.body.dataset.state === 'idle'")


def lost(d, viewer):
    """No old "ready" stands on a screen whose connection is gone."""
    tap.ok(d.until("document.body.dataset.state === 'idle'"), "station: ready, before the connection goes", state(d))
    viewer.stop()
    tap.ok(d.until("document.body.dataset.state === 'offline'") and d.says("#word", "连接中断"), "station: without the server it says 连接中断", d.text("#now"))
    d.picture("station-offline")
    viewer.start()
    tap.ok(d.until("document.body.dataset.state === 'idle'", seconds=40), "station: and is ready again by itself", state(d))


def search(d):
    tap.ok(d.there(".clips a"), "search: the latest clips are there", d.text("main"))
    tap.ok(d.says(".clips", HOSTILE_CODE) and not d.value("Boolean(document.querySelector('.codes img'))"), "search: codes are text, whatever they are", d.text(".clips"))
    check_page(d, "search")
    d.language("en")
    d.press("/")
    d.press(*"890123", ENTER)
    tap.ok(d.until("location.search === '?number=890123' && document.querySelectorAll('.clips a').length === 2"), "search: by keyboard, the last six digits find both clips of the parcel", d.value("location.href"), d.text("#results"))
    tap.ok(d.says(".clips", WAYBILL) and d.says(".clips", ITEM), "search: with all its codes", d.text(".clips"))
    tap.ok(d.until("document.querySelector('.thumb img')?.naturalWidth > 0"), "search: with a thumbnail", d.value("document.querySelector('.thumb').outerHTML"))
    d.picture("search")
    d.click("#number")
    d.type("#number", "no-such-number-4711")
    d.press(ENTER)
    tap.ok(d.says("#results", "No clip matches"), "search: nothing found is said", d.text("#results"))
    d.call("history.back()")
    tap.ok(d.until("document.getElementById('number').value === '890123' && document.querySelectorAll('.clips a').length === 2"), "search: back in the browser is back in the search")
    d.click("#filters summary")
    d.call("const k = document.querySelector('select[name=kind]'); k.value = 'audit'; k.dispatchEvent(new Event('change', {bubbles: true}))")
    tap.ok(d.says("#results", "No clip matches") and "kind=audit" in d.value("location.search"), "search: a filter counts, and stands in the address", d.value("location.href"))
    d.click("#clear")
    d.until("document.querySelectorAll('.clips a').length >= 4")
    d.call("document.getElementById('number').focus()")
    d.press(DOWN, DOWN, UP, DOWN)
    tap.ok(d.value("[...document.querySelectorAll('.clips a')].indexOf(document.activeElement)") == 1, "search: arrows go through the list")
    d.open("/?number=890123")
    d.there(".clips a")
    d.press(DOWN, DOWN, ENTER)
    tap.ok(d.until("location.pathname.startsWith('/clip/')"), "search: Enter opens the clip", d.value("location.href"))


APART = """
// How far the pictures of two films on the screen are apart, each time that either shows a new one.
const films = [...document.querySelectorAll('.film')], seen = [];
const end = performance.now() + args[0];
while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    const at = films.map(f => Number(f.dataset.shown));
    if (at.every(Number.isFinite)) seen.push(Math.abs(at[0] - at[1]));
}
seen.sort((a, b) => a - b);
return {n: seen.length, p50: seen[seen.length >> 1], p95: seen[Math.floor(seen.length * .95)], max: seen[seen.length - 1]};
"""


def watch(d):
    """Films: playing, seeking, stepping, in step."""
    tap.ok(d.until("[...document.querySelectorAll('.film video')].length === 2 && [...document.querySelectorAll('.film video')].every(v => v.readyState >= 2)"),
           "clip: both films are there", d.text("#film"))
    d.click("#play")
    tap.ok(d.until("[...document.querySelectorAll('.film video')].every(v => v.currentTime > 1)"), "clip: they play", d.text("#clock"))
    apart = d.call(APART, 1500)
    tap.diag("films apart while playing, ms: %r" % apart)
    tap.ok(apart["n"] >= 5 and apart["p50"] <= 1.5 * 1000 / FPS, "clip: two cameras play in step: half the time within a frame and a half of each other", apart)
    d.click("#play")
    for place in (3200, 700, 5100):
        d.call("const s = document.getElementById('slider'); s.value = args[0]; s.dispatchEvent(new Event('input'))", place)
        near = d.until("""(() => { const f = [...document.querySelectorAll('.film')].map(k => Number(k.dataset.shown));
            return [...document.querySelectorAll('.film video')].every(v => !v.seeking) && f.every(k => Math.abs(k - args[0]) <= 1000 / args[1] + 20)
                && Math.abs(f[0] - f[1]) <= 1000 / args[1] + 1 && f; })()""", place, FPS)
        tap.ok(near, "clip: seeking to %.1f s shows both films there, within one frame of each other" % (place / 1000),
               d.value("[...document.querySelectorAll('.film')].map(k => k.dataset.shown)"))
    before = d.value("Number(document.querySelector('.film').dataset.shown)")
    d.press(".")
    step = d.until("(() => { const k = Number(document.querySelector('.film').dataset.shown) - args[0]; return k > 1 && k; })()", before)
    tap.ok(step and step <= 2.1 * 1000 / FPS, "clip: one key, one frame on", step)
    d.press("]", "]")
    tap.ok(d.value("document.getElementById('speed').value") == "2", "clip: speed by keyboard", d.value("document.getElementById('speed').value"))
    d.call("const s = document.getElementById('slider'); s.value = 1000; s.dispatchEvent(new Event('input'))")
    d.press("i")
    d.call("const s = document.getElementById('slider'); s.value = 4000; s.dispatchEvent(new Event('input'))")
    d.press("o")
    tap.ok(d.says("#range-said", "0:01.0 – 0:04.0"), "clip: a range by keyboard", d.text("#range-said"))


def people(d):
    """Notes, tags, hold."""
    d.type("#note", HOSTILE + " 说明")
    d.click("#notes button[type=submit]")
    tap.ok(d.says("#notes .notes", HOSTILE + " 说明") and not d.value("Boolean(document.querySelector('.notes img'))"), "clip: a note is text, whatever it is", d.text("#notes"))
    for tag in ("急", "<b>x</b>"):
        d.type("#tag", tag)
        d.click("#tags button[type=submit]")
        tap.ok(d.says(".tag-list", tag), "clip: tag %s" % tag, d.text("#tags"))
    tap.ok(not d.value("Boolean(document.querySelector('.tag-list b'))"), "clip: tags are text")
    d.click(".tag-list .badge:nth-child(2) button")
    tap.ok(d.until("document.querySelectorAll('.tag-list .badge').length === 1"), "clip: a tag is taken away", d.text("#tags"))
    d.type("#hold-note", "buyer complains")
    d.click("#hold-now")
    tap.ok(d.there("#release") and d.says("#hold", "buyer complains"), "clip: held, with its reason", d.text("#hold"))


def export(d, s, folder):
    d.click("#export-open")
    d.there("#export-form")
    tap.ok(d.until("[...document.querySelectorAll('#export select[name=profile] option')].some(o => o.value === 'pdd')"), "export: the profiles of the station are offered", d.text("#export"))
    found = d.serious()
    tap.ok(not found["bad"], "export dialog: axe-core finds nothing serious", *found["bad"])
    d.picture("export")
    d.click("#export input[name=report]")
    d.click("#export-start")
    tap.ok(d.there("#download", seconds=90), "export: followed to its end", d.text("#export"))
    got = d.call("""const a = await fetch(document.getElementById('download').href), b = new Uint8Array(await a.arrayBuffer()); let text = '';
        for (let i = 0; i < b.length; i += 8192) text += String.fromCharCode(...b.subarray(i, i + 8192)); return btoa(text);""")
    import base64
    path = os.path.join(folder, "export.zip")
    with open(path, "wb") as f:
        f.write(base64.b64decode(got))
    with zipfile.ZipFile(path) as z:
        names = z.namelist()
        bundle = next((n for n in names if n.endswith(".zip")), None)
        tap.ok(bundle and any(n.endswith("verify.html") for n in names), "export: one download has bundle and checking page", names)
        if bundle:
            z.extract(bundle, folder)
            r = s.verify(os.path.join(folder, bundle))
            said = [json.loads(line) for line in r.stdout.decode().splitlines()]
            tap.ok(any(v.get("content") == "excerpt" for v in said), "export: the range is an excerpt to the checker", r.stdout)
    d.press(ESCAPE)
    tap.ok(d.until("!document.getElementById('export')"), "export: Escape closes the dialog")


def clip(d, s, folder):
    tap.ok(d.there("#film"), "clip: the page", d.text("main"))
    tap.ok(d.says("h1", WAYBILL) and d.says("h1", ITEM), "clip: of the codes that were asked for", d.text("h1"))
    watch(d)
    tap.ok(d.until("document.querySelector('#verdict [data-content]')?.dataset.content === 'intact'"), "clip: the verdict is computed: intact", d.text("#verdict"))
    tap.ok(d.until("[...document.querySelectorAll('#related .pair video')].filter(v => v.readyState >= 1).length === 2") and d.says("#related", "Returned"), "clip: the returned parcel beside the one that was sent", d.text("#related"))
    tap.ok(d.says("#statement", "signer observed") and d.says("#statement", "recorder stated"), "clip: the statement says who says what", d.text("#statement"))
    tap.ok(d.says("#film .events summary", "All events"), "clip: all events in words")
    tap.ok(d.value("document.querySelectorAll('.timeline .event').length") >= 3, "clip: and on the time line")
    check_page(d, "clip")
    for word in ("真实", "通过", "合格"):
        tap.ok(word not in d.text("body"), "clip: nowhere the word %s" % word)
    d.picture("clip-zh")
    d.language("en")
    d.picture("clip")
    people(d)
    export(d, s, folder)
    d.scheme(dark=True)
    found = d.serious()
    tap.ok(not found["bad"], "clip, dark: axe-core finds nothing serious", *found["bad"])
    d.picture("clip-dark")
    d.scheme(still=True)
    tap.same(d.value("matchMedia('(prefers-reduced-motion: reduce)').matches && getComputedStyle(document.body, '::before').animationName"), "none", "with reduced motion nothing moves by itself")
    d.scheme()
    again = d.call("return (await (await fetch('/api/v1/clips?number=' + args[0])).json()).clips.map(c => c.clip)", NEXT)
    d.open("/clip/" + again[0])
    tap.ok(d.says("#takes", "this one") and d.value("document.querySelectorAll('#takes li').length") == len(again) == 2, "clip: all takes of the order", again, d.text("#takes"))
    d.open("/clip/" + again[1])
    d.there("#film")
    d.until("document.querySelector('#verdict [data-content]')")
    d.call("document.querySelector('.events').open = true")
    tap.ok(d.says("h1", HOSTILE_CODE) and d.says("#statement", HOSTILE_CODE) and d.says(".events", HOSTILE_CODE) and not d.value("Boolean(document.querySelector('h1 img, #statement img, .events img'))"),
           "clip: a hostile code is text in heading, statement and events", d.text("h1"))
    d.open("/clip/ST03-9999999")
    tap.ok(d.says("main", "Not found"), "clip: one that is not there is said", d.text("main"))


def by_keyboard(d):
    """Every page can be walked by Tab, and shows where one is."""
    d.open("/")
    d.there(".clips a")
    d.call("document.activeElement.blur()")
    seen = []
    for _ in range(14):
        d.press(TAB)
        seen.append(d.value("(e => (e.id || e.textContent.trim().slice(0, 12)) + ':' + (e === document.body || getComputedStyle(e).outlineStyle !== 'none'))(document.activeElement)"))
    tap.ok(len(set(seen)) >= 8 and all(s.endswith(":true") for s in seen), "by keyboard: Tab goes through the page, and the focus is seen", seen)


class Viewer:
    """The viewer that `packseal run` started; gone and back as it would be after a fault of its own."""

    def __init__(self, station):
        self.station = station

    def stop(self):
        self.pid = self.station.children()["viewer"]
        os.kill(self.pid, signal.SIGSTOP)
        time.sleep(0)

    def start(self):
        os.kill(self.pid, signal.SIGCONT)


def main():
    need_programs()
    need_browser()
    work = tempfile.mkdtemp(prefix="packseal-viewer.")
    d = None
    try:
        with Station(films(work), settings={"min_seconds": 0}) as s:
            with open(s.path("packseal.conf"), encoding="utf-8") as f:
                text = f.read()
            with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
                f.write(text.replace("[station]\n", "[station]\nsite = HZ01\n", 1))
            port = free_port()
            listen_at(s, port)
            s.start()
            d = Desk("http://127.0.0.1:%d" % port, os.path.join(BUILD, "screenshots"))
            tap.diag("Chromium " + d.browser.version)
            set_up(d, s)
            tap.same(d.missing_words([n for n in os.listdir(os.path.join(SRC, "viewer", "web")) if n.endswith((".js", ".html"))]), [], "every word that a page names is in the table")
            settings(d)
            orders(d, work)
            pair(d, s)
            bench(d, s)
            lost(d, Viewer(s))
            d.open("/verify")
            tap.ok(d.there("#drop"), "the checking page is served")
            d.open("/login")
            d.call("await fetch('/api/v1/session', {method: 'DELETE', headers: {'X-PackSeal-CSRF': (await (await fetch('/api/v1/session')).json()).csrf}})")
            d.open("/login")
            d.there("input[name=password]")
            d.type("input[name=name]", "lisi")
            d.type("input[name=password]", PASSWORD)
            d.press(ENTER)
            tap.ok(d.at("/"), "a clerk signs in and is led to the search", d.value("location.href"))
            search(d)
            clip(d, s, work)
            by_keyboard(d)
            sign_out_and_in(d, "wang", "/station")
            bad = d.call("document.body.append(document.createElement('img'), Object.assign(document.createElement('button'), {type: 'button'}));" + d.axe +
                         "; return (await axe.run(document)).violations.map(v => v.id)")
            tap.ok("button-name" in bad and "image-alt" in bad, "axe-core finds what is wrong, when something is", bad)
            tap.same(d.complaints(), [], "no error on the console, and no breach of the content security policy")
    finally:
        if d:
            d.close()
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
