#!/usr/bin/env python3
# The short bench day of tests/golden/bench-day, played through the running station in real time: its clips, codes,
# reasons and warnings must be those that the session's machine gave for the same scans (short-expected.txt), as the signed
# statements tell them. Then: links that are learned later, and a list of orders that changes.
import json
import os
import re
import shutil
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from benchtop import Keys, Scale
from station import SRC, Station, mjpeg_film, need_programs, statement, tap, verdict, wait_for
import tempfile

DAY = os.path.join(SRC, "tests", "golden", "bench-day")


class Scan:
    """One scan over the control socket; its answer is read when somebody asks for it."""

    def __init__(self, root, code):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.settimeout(60)
        self.s.connect(os.path.join(root, "run", "control.sock"))
        self.s.sendall(json.dumps({"do": "scan", "code": code}).encode() + b"\n")

    def answer(self):
        text = b""
        while not text.endswith(b"\n"):
            more = self.s.recv(65536)
            if not more:
                return None
            text += more
        self.s.close()
        return json.loads(text)


def weigh(st, bench, frame):
    """The scale tells this from now on; goes on when the station has read it."""
    bench.tell = frame.encode() + b"\r\n"
    grams = round(float(frame.split(",")[-1].strip("+ kg")) * 1000)
    tap.ok(wait_for(lambda: [x["grams"] for x in json.loads(st.cli("status", "--json").stdout)["scales"]] == [grams], 10, 0.05),
           "the scale shows %d g" % grams)


def tear(st, gun, text):
    """The keys of a scan with a pause where the bar is."""
    before = st.said().count("torn by a pause")
    gun.type(text.replace("|", "") + "\n", 5, torn_at=text.index("|"), pause_ms=400)
    tap.ok(wait_for(lambda: st.said().count("torn by a pause") > before, 10, 0.05), "a torn scan is told")


def play(st, gun, bench):
    """Each scan when the last one was answered and its time has come: gaps are never less than the day's. What ends a clip
    is answered when that is sealed, which nobody on a bench waits for."""
    answers, late, begun, before = {}, [], time.monotonic(), 0.0
    with open(os.path.join(DAY, "short.txt"), encoding="utf-8") as f:
        lines = [line.split(maxsplit=2) for line in f.read().splitlines() if line and not line.startswith("#")]
    ends = ("PS-HZ01-STOP", "PS-HZ01-CANCEL")
    for n, (at, what, *text) in enumerate(lines):
        h, m, s = at.split(":")
        due = int(h) * 3600 + int(m) * 60 + float(s)
        time.sleep(max(0.0, due - before))
        before = due
        if what == "shutdown":
            break
        if what == "weight":
            weigh(st, bench, text[0].split(maxsplit=1)[1])
            continue
        if what == "torn":
            tear(st, gun, text[0].split(maxsplit=1)[1])
            continue
        scan = Scan(st.root, text[0])
        if text[0] in ends or n + 1 < len(lines) and lines[n + 1][2:] == text and text[0].endswith("6789") and due > 10:
            late.append((n, text[0], scan))
        else:
            answers[n] = (text[0], scan.answer())
    tap.diag("the day took %.1f s" % (time.monotonic() - begun))
    for n, code, scan in late:
        answers[n] = (code, scan.answer())
    return answers


def told(folders):
    """The clips in the words of short-expected.txt: codes that came at the start or by a scan, then the time line."""
    out = []
    for n, folder in enumerate(folders, 1):
        c = statement(folder)
        out.append("clip %d %s %s %s" % (n, c["kind"], c["operator"] or "nobody", c["end_reason"]))
        out.append(sorted("code %s %s %s%s" % (k["type"], k["carrier"] or "-", k["value"],
                                               " list" if k["device"] == "orders" else "") for k in c["codes"]))
        ours = ("scan", "named", "ignored", "duplicate", "refunded", "box", "mark", "provisional", "unclassified", "operator",
                "signed-out", "nobody-signed-in", "next-kind", "foreign-command", "unknown-command", "list-differs", "short",
                "weight", "scan-torn")
        out.append(["%s %s" % (e["what"], e["text"]) if e["text"] else e["what"] for e in c["events"] if e["what"] in ours])
    return out


def expected():
    out = []
    with open(os.path.join(DAY, "short-expected.txt"), encoding="utf-8") as f:
        for line in f.read().splitlines():
            if line.startswith("clip "):
                out += [line, [], []]
            elif line.startswith("  code "):
                out[-2].append(line.strip())
            elif line.startswith("  "):
                out[-1].append(line.strip())
    for i in range(1, len(out), 3):
        out[i].sort()
    return out


def check_answers(answers):
    by_code = {}
    for n in sorted(answers):
        by_code.setdefault(answers[n][0], []).append(answers[n][1])
    said = {k: [a and (a.get("said") or (a.get("error") or a["state"])) for a in v] for k, v in by_code.items()}
    tap.same(said["JDVA00123456789"][:2], ["added", "ignored"], "JD's second code is added, and then ignored")
    tap.ok("another site" in said["PS-EVIL-STOP"][0], "another site's command is refused in words", said["PS-EVIL-STOP"])
    a = by_code["SF4000000000001"][0]
    tap.ok(a["warnings"] == ["refunded"] and a["codes"] == ["SF4000000000001", "251121-300000000000001"] and a["ended"],
           "the scan of a refunded parcel is answered with the warning, its order, and the clip that it ended", a)
    tap.same(said["YT0000000000031"], ["named"], "a label names the clip that an item began")
    tap.same((said["PS-HZ01-BOX"], said["PS-HZ01-OP-0042"]), (["box"], ["operator"]), "commands are said")
    tap.same(by_code["JDVA00123456789-1-1-"][-1]["warnings"], ["duplicate", "nobody-signed-in"],
             "the second take: warned of, and not blocked")
    tap.ok(said["JDVA00123456789"][-1] == "ignored", "the trigger's bounce at the end of a clip starts none",
           said["JDVA00123456789"])


def check_status(st):
    s = json.loads(st.cli("status", "--json").stdout)
    tap.same((s["operator"], s["next_kind"], s["box"], s["provisional"]), ("", "pack", False, False),
             "status tells who is signed in, and what comes next")
    tap.ok(any(a.startswith("duplicate: JDVA00123456789") for a in s["alarms"]),
           "status has the alarm while the clip runs", s["alarms"])


def check_link(st, folders):
    name = os.path.basename(folders[0])
    r = st.cli("link", name, "claim-88001", "--json")
    tap.same(r.returncode, 0, "packseal link")
    link = json.loads(r.stdout) if r.returncode == 0 else {}
    tap.ok([x for x in st.leaves() if x[0] == 10], "the ledger has a link leaf")
    tap.same([x["clip"] for x in st.find("CLAIM-88001")], [name], "the clip is found by the number")
    row = st.find("claim-88001")
    tap.ok(row and row[0]["links"] == ["claim-88001"] and "claim-88001" not in row[0]["codes"],
           "as a link, not as one of the codes that were scanned", row)
    again = st.cli("link", name, "claim-88001", "--json")
    tap.ok(again.returncode == 0 and json.loads(again.stdout).get("leaf") == link.get("leaf"),
           "the same link again is the same entry", again.stdout, again.stderr)
    shown = st.cli("show", name).stdout.decode()
    tap.ok(re.search(r"merchant.*claim-88001", shown), "show calls it the merchant's entry", shown[-600:])
    r = st.cli("reindex")
    tap.ok(r.returncode == 0 and [x["clip"] for x in st.find("claim-88001")] == [name], "and it outlives reindex", r.stderr)
    r = st.cli("link", "ST03-9999999", "x12345")
    tap.ok(r.returncode == 1 and r.stderr.startswith(b"packseal: "), "no such clip: one line", r.stderr)
    tap.same(verdict(st.verify(folders[0]))["content"], "intact", "the clip itself is untouched")
    bend_link(st, name, link.get("leaf", 0))


def bend_link(st, clip, leaf):
    """What `ledger check` says of a link's file that was changed, moved, or is gone."""
    folder, name = st.path("links", clip), "%07d" % leaf
    path, here = os.path.join(folder, name), "links/%s/%s" % (clip, name)
    with open(path, "rb") as f:
        text = f.read()

    def found():
        r = st.cli("ledger", "check", "--json")
        lines = [json.loads(x) for x in r.stdout.splitlines()]
        return r.returncode, sorted((x["problem"], x["where"]) for x in lines[:-1]), lines[-1]["links"]

    def case(what, wanted, new, at=path):
        os.unlink(path)
        if new is not None:
            os.makedirs(os.path.dirname(at), exist_ok=True)
            with open(at, "wb") as f:
                f.write(new)
        tap.same(found()[:2], (1, sorted(wanted)), "ledger check: " + what)
        if new is not None:
            os.unlink(at)
        with open(path, "wb") as f:
            f.write(text)
    missing = ("link-missing", "entry %d" % leaf)
    tap.same(found(), (0, [], 1), "ledger check: sound, with its link")
    case("the link's file is gone", [missing], None)
    case("another number in it", [("link-altered", here)], text.replace(b"claim-88001", b"claim-88002"))
    salt = text.index(b'"salt":"') + 8
    case("another salt", [("link-altered", here)], text[:salt] + (b"1" if text[salt:salt + 1] == b"0" else b"0") + text[salt + 1:])
    case("it is torn", [("link-unreadable", here), missing], text[:-9])
    case("of an entry that is no link", [("link-unknown", "links/%s/0000001" % clip), missing], text.replace(b'"leaf":%d' % leaf, b'"leaf":1'),
         os.path.join(folder, "0000001"))
    other = clip[:-7] + "0099999"
    case("beside another clip", [("link-altered", "links/%s/%s" % (other, name))], text.replace(clip.encode(), other.encode()),
         st.path("links", other, name))
    case("under another name", [("link-unreadable", "links/%s/0000001" % clip), missing], text, os.path.join(folder, "0000001"))
    os.rmdir(st.path("links", other))
    tap.same(found(), (0, [], 1), "and all is in order again")


def check_boxes(st):
    """The waybill's own barcode alone, which both boxes have: what the other one was, only the index knows."""
    bare = [Scan(st.root, "JDVG00000000007").answer()]
    Scan(st.root, "PS-HZ01-STOP").answer()
    bare.append(Scan(st.root, "JDVG00000000007").answer())
    Scan(st.root, "PS-HZ01-STOP").answer()
    tap.same([a["warnings"] for a in bare], [["nobody-signed-in"], ["duplicate", "nobody-signed-in"]],
             "the second of two boxes is no second take, the third is")


def check_list(st):
    """The list changes under the running station: a bad line is told with its number, the others stand."""
    path = st.path("orders.csv")
    with open(path, "wb") as f:
        f.write("订单号,运单号,退款状态,备注\r\n251121-700000000000001,SF7700000000001,已退款,加急\r\n"
                "6.95E+18,SF7700000000002,,\r\n251121-700000000000003,SF7700000000003,否,礼盒\r\n".encode("gb18030"))
    alarms = wait_for(lambda: [a for a in json.loads(st.cli("status", "--json").stdout)["alarms"] if "line 3" in a], 20, 0.3)
    tap.ok(alarms and "rounded" in alarms[0], "line 3 of the new list is told", alarms)
    a = Scan(st.root, "SF7700000000001").answer()
    tap.ok(a["ok"] and a["warnings"] == ["refunded", "nobody-signed-in"], "the lines beside it count, in GB18030", a)
    b = Scan(st.root, "SF7700000000003").answer()
    tap.same(b["codes"], ["SF7700000000003", "251121-700000000000003"], "both of them")
    r = st.cli("orders", "--json")
    o = json.loads(r.stdout) if r.stdout else {}
    tap.same((r.returncode, o.get("rows"), o.get("encoding"), [x["line"] for x in o.get("bad", [])]), (1, 2, "GB18030", [3]),
             "packseal orders tells the same beforehand")


def main():
    need_programs()
    tmp = tempfile.mkdtemp(prefix="packseal-day.")
    try:
        film = mjpeg_film(os.path.join(tmp, "top.mjpeg"), "320x240", 10, 5)
        with Station({"top": "lavf:" + film}, settings={"min_seconds": 0, "originals_every": 0}) as st:
            gun, bench = Keys(os.path.join(tmp, "event-gun")), Scale()
            conf = st.path("packseal.conf")
            with open(conf, encoding="utf-8") as f:
                text = f.read()
            text = text.replace("# site = HZ01", "site = HZ01").replace("operator = 0017", "")
            with open(conf, "w", encoding="utf-8") as f:
                f.write(text + "\n[orders]\nfile = orders.csv\n[scanner gun]\nsource = %s\n" % gun.source +
                        "[scale bench]\nsource = %s\nprotocol = st\n" % bench.source)
            shutil.copy(os.path.join(DAY, "orders.csv"), st.path("orders.csv"))
            st.start()
            answers = play(st, gun, bench)
            check_answers(answers)
            check_status(st)
            tap.same(st.end(), 0, "the station ends in the middle of a parcel")
            folders = st.clips()
            for got, want in zip(told(folders), expected()):
                tap.same(got, want, want if isinstance(want, str) else "  its codes and time line" if want else "  nothing more")
            tap.same(len(folders) * 3, len(expected()), "as many clips as the machine made")
            tap.same([verdict(st.verify(f))["content"] for f in folders], ["intact"] * len(folders), "all intact")
            tap.same(st.half_done(), [], "nothing is left open")
            st.start()
            check_link(st, folders)
            check_boxes(st)
            check_list(st)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    tap.done()


main()
