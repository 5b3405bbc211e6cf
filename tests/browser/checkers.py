# What the tests of verify.html share: clips recorded by the real programs, and the two checkers side by side.
import concurrent.futures
import json
import os
import re
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "corpus")]
import webdriver
from station import BUILD, PACKSEAL, Station, mjpeg_film, run, skip_all, tap

PAGE = os.path.join(BUILD, "verify.html")
BATCH = 25
SCENE = "smptebars=size=%s:rate=%d,hue=h=t*20"  # few bytes a picture, and no picture like another

# Each case's files are picked with one input; the verdicts come through the page's door for programs.
JUDGE = """
const [cases, trusts] = args, files = new Map(Array.from(document.getElementById('corpus').files, f => [f.name, f]));
const out = [], judge = async (c, i) => {
    try {
        out[i] = await packsealVerify([files.get(c.file)], c.trust ? trusts[c.trust] : '');
    } catch (e) {
        out[i] = String(e.stack || e);
    }
};
// Each waits mostly for slices of its file: some at a time.
let next = 0;
await Promise.all(Array.from({length: 6}, async () => {
    while (next < cases.length) {
        const i = next++;
        await judge(cases[i], i);
    }
}));
return out;
"""

INPUT = """
const i = document.createElement('input');
i.type = 'file'; i.multiple = true; i.id = 'corpus';
document.body.append(i);
"""


def need_browser():
    for what, there in (("chromium", webdriver.CHROMIUM), ("chromedriver", webdriver.DRIVER)):
        if not there:
            print("# NOT CHECKED: verify.html ran in no browser: %s is missing: run: make deps-check" % what, file=sys.stderr)
            skip_all(what + " is missing")
    if not os.path.exists(PAGE):
        print("Bail out! %s is not built: run: make" % PAGE)
        sys.exit(1)


def add_preroll(s):
    """A third clip, out of idle: with pre-roll, and begun by an item."""
    s.end()
    with open(s.path("packseal.conf"), encoding="utf-8") as f:
        text = f.read()
    with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
        f.write(text.replace("[recording]\n", "[recording]\npreroll_seconds = 2\n"))
    s.start()
    time.sleep(3)
    tap.same(s.scan("6901234567892").returncode, 0, "and one with pre-roll")
    time.sleep(1)
    s.scan("JDVA00012345678")
    time.sleep(1.5)
    tap.same(s.stop().returncode, 0, "that its label names")


def record(work, preroll=False):
    """Two clips of two cameras by the real programs, and perhaps one with pre-roll."""
    films = {n: mjpeg_film(os.path.join(work, n + ".avi"), size="320x240", fps=15, seconds=6, scene=SCENE) for n in ("top", "side")}
    out = os.path.join(work, "recorded")
    with Station({n: "lavf:" + f for n, f in films.items()}) as s:
        s.start()
        tap.same(s.scan("SF1234567890123").returncode, 0, "a clip is recorded")
        time.sleep(9)
        s.scan("YT7654321098765")
        time.sleep(5)
        tap.same(s.stop().returncode, 0, "and another one")
        if preroll:
            add_preroll(s)
        for i, folder in enumerate(s.clips()):
            shutil.copytree(folder, os.path.join(out, "clip%d" % i))
        shutil.copytree(s.path("public"), os.path.join(out, "public"))
        r = s.cli("export", "SF1234567890123", "-o", os.path.join(out, "as-exported.zip"))
        tap.same(r.returncode, 0, "and exported")
    return out


def all_by_program(folder, cases):
    """A function that gives by_program of each: the programs run while somebody does something else."""
    pool = concurrent.futures.ThreadPoolExecutor(2)
    answers = [pool.submit(by_program, folder, c) for c in cases]
    return lambda: [a.result() for a in answers]


def by_program(folder, case):
    trust = ["--trust", os.path.join(folder, case["trust"])] if case["trust"] else []
    r = run(PACKSEAL, "verify", "--json", *trust, os.path.join(folder, case["file"]))
    return [json.loads(line) for line in r.stdout.decode().splitlines()] or r.stderr.decode()


def place(where):
    """Where two parsers of JSON notice that a text is none is their own affair; that it is this text is not."""
    return re.sub(r"(\.json) byte \d+$", r"\1", where)


def essence(lines):
    """What two checkers must agree on, a tuple a verdict."""
    if isinstance(lines, str):
        return lines
    out = []
    for v in lines:
        own = v["bundle"]
        basis = None if own else v["time"]["basis"] if isinstance(v["time"], dict) else v["time"]
        out.append((v["clip"], v["content"], None if own else v["key"], basis, None if own else v["ledger"],
                    None if own else v["container"], tuple(sorted((p["code"], place(p["where"])) for p in v["problems"])),
                    tuple((w["name"], w["time"]) for w in v.get("witnesses") or ())))
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
    return "\n".join("%-44s %-11s %-8s %-13s %-12s %s" % (name if i == 0 else "", v[1], v[2] or "(bundle)", v[3] or "", v[4] or "",
                                                          " ".join(sorted({code for code, _where in v[6]})))
                     for i, v in enumerate(said))


def places(said, other):
    """The problems that the other does not have."""
    if isinstance(said, str) or isinstance(other, str):
        return ""
    theirs = {p for v in other for p in v[6]}
    return "\n".join("    %s: %s" % p for v in said for p in v[6] if p not in theirs)


def compare(name, cases, program, page, table=False):
    differ = []
    if table:
        tap.diag("%-44s %-11s %-8s %-13s %-12s %s" % ("case", "content", "key", "time", "ledger", "problems"))
    for c, a, b in zip(cases, map(essence, program), map(essence, page)):
        if table:
            tap.diag(row(c["name"], a))
        if a != b:
            differ.append("%s\n  packseal verify:\n%s\n%s\n  verify.html:\n%s\n%s" %
                          (c["name"], row("", a), places(a, b), row("", b), places(b, a)))
    tap.ok(not differ and len(page) == len(cases), "%s: %d bundles, the same answers from both" % (name, len(cases)), *differ)
