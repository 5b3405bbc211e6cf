#!/usr/bin/env python3
# Several scanners at one bench, each of another kind, in one clip. Real: the recorder and its reading, a pty's line discipline, the
# hidraw calls of the kernel's interface, answered by a FUSE file. Played: key events, which come through a FIFO with time stamps of
# their own (tests/machine has real keyboards, and the grab).
import json
import os
import pty
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from benchtop import Keys
from station import BUILD, SANITIZED, Station, skip_all, statement, tap, wait_for

SIZE = "320x240" if SANITIZED else "640x360"
POS = ("058c0902a1010912a1028502150026ff00750895010501093b8102058c09fb09fc09fd9503810209fe95388202019502"
       "0666ff090409008102058c09ff95017501810275078103c0c0")
VENDOR = "0600ff0901a10109021500" + "26ff00750895408102c0"
KEYBOARD = "05010906a1010507" + "19e029e715002501750195088102c0"


class Hid:
    """A HID scanner that is a file."""

    def __init__(self, folder, descriptor):
        self.at = folder
        os.mkdir(folder)
        self.p = subprocess.Popen([os.path.join(BUILD, "tests", "fakes", "fusehid"), folder, descriptor], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        if self.p.stdout.readline() != "ready\n":
            raise RuntimeError("no HID scanner could be mounted")
        self.source = "hidraw:" + os.path.join(folder, "hidraw0")

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def scan(self, data):
        """A point-of-sale report, or two of them."""
        while True:
            piece, data = data[:56], data[56:]
            self.say("report " + (bytes([2, len(piece)]) + b"]C0" + piece.ljust(56, b"\0") + b"s\0" + bytes([bool(data)])).hex())
            if not data:
                return

    def send(self, data):
        self.say("report " + (bytes([len(data)]) + data).ljust(64, b"\0").hex())

    def end(self):
        self.p.stdin.close()
        self.p.wait(20)


def sections(s, scanners):
    with open(s.path("packseal.conf"), encoding="utf-8") as f:
        text = f.read().replace("# site = HZ01", "site = HZ01")
    for name, settings in scanners.items():
        text += "\n[scanner %s]\n" % name + "".join("%s = %s\n" % kv for kv in settings.items())
    with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
        f.write(text)


def status(s):
    return json.loads(s.cli("status", "--json").stdout or b"{}")


def listed(s, text):
    """The running clip has a code with this in it."""
    return wait_for(lambda: text in json.dumps(status(s).get("codes")), 20, 0.1)


def main():
    if not os.path.exists("/dev/fuse") or os.geteuid() != 0:
        skip_all("no /dev/fuse, or not root: the HID scanner cannot be mounted")
    line, far = pty.openpty()
    hids = []
    with Station({"top": "lavf:lavfi:testsrc2=size=%s:rate=10" % SIZE}) as s:
        try:
            for name, descriptor in (("pos", POS), ("com", VENDOR), ("keyboard", KEYBOARD)):
                hids.append(Hid(os.path.join(s.dir, name), descriptor))
            bench(s, hids, line, os.ttyname(far))
        finally:
            s.end()
            for h in hids:
                h.end()
    os.close(line)
    os.close(far)
    tap.done()


def torn(s, gun, erp, pos):
    """Scans with a pause inside: the rest of each would be a code, and another parcel's at that."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    ear.connect(os.path.join(s.root, "run", "control.sock"))
    ear.sendall(b'{"do":"events"}\n')
    stream = ear.makefile("rb")
    stream.readline()
    gun.type("XXSF4000000000009\n", 5, torn_at=2, pause_ms=300)
    ends = wait_for(lambda: "scanner gun: a scan was dropped: torn" in s.said(), 10, 0.1)
    erp.type("SF4000000000009\n", 5, torn_at=13, pause_ms=120)
    wait_for(lambda: "scanner erp: a scan was dropped: torn" in s.said(), 10, 0.1)
    pos.say("report " + (bytes([2, 2]) + b"]C0" + b"XX".ljust(56, b"\0") + b"s\0" + b"\1").hex())
    time.sleep(0.8)
    pos.scan(b"SF4000000000009")
    wait_for(lambda: "scanner pos: a scan was dropped: torn" in s.said(), 10, 0.1)
    tap.ok(ends, "a torn scan is told at its end", s.said()[-500:])
    heard = []
    while len(heard) < 3:
        event = json.loads(stream.readline() or b'{"event":"scan"}')
        if event["event"] == "scan":
            heard.append((event.get("device"), event.get("said"), event.get("why"), event.get("tone")))
    ear.close()
    tap.same(heard, [(d, "refused", "scan-torn", "refused") for d in ("gun", "erp", "pos")], "and the packer hears it refused")
    gun.type("gun-item-8\n", 5)
    tap.ok(listed(s, "GUN-ITEM-8"), "the next scan is well")


def bench(s, hids, line, name):
    pos, com, keyboard = hids
    erp, bare = Keys(os.path.join(s.dir, "event-erp")), Keys(os.path.join(s.dir, "event-bare"))
    gun = Keys(os.path.join(s.dir, "event-gun"))
    sections(s, {"pos": {"source": pos.source}, "com": {"source": com.source}, "board": {"source": keyboard.source},
                 "erp": {"source": erp.source, "share": "yes"}, "gun": {"source": gun.source}, "bare": {"source": bare.source, "end": "none"},
                 "line": {"source": "serial:" + name, "end": "none", "prefix": "~"}})
    s.start()
    told = wait_for(lambda: "types as a keyboard" in s.said(), 10)
    tap.ok(told, "a HID device that is a keyboard is refused, and the right word is told", s.said()[-500:])

    # A person types on what is shared with the ERP: nothing of it is a scan.
    erp.type("SF1234567890123\n", 150)
    erp.type("1234567\n", 70)
    erp.type("42\n", 5)
    pos.scan(b"SF9876543210987")
    tap.ok(wait_for(lambda: status(s).get("state") == "recording", 10, 0.1), "a point-of-sale report starts a clip")
    erp.type("ERP-ITEM-7\n", 6)
    bare.type("BARE-ITEM-1", 6)
    listed(s, "BARE-ITEM-1")
    bare.type("BARE-ITEM-2", 6)
    com.send(b"COM-IT")
    com.send(b"EM-3\r\nCOM-ITEM-4")  # the first in two reports, the second without a line end
    pos.scan(b"POS-" + b"7" * 60)  # longer than one report holds
    pos.say("report 02ff")  # not as such a scanner sends it
    os.write(line, b"~LINE-ITEM-5")
    listed(s, "LINE-ITEM-5")  # ended by nothing but the pause
    os.write(line, b"\x02\xff\x00garbage\x1b")
    listed(s, "garbage")
    os.write(line, b"~LINE-ITEM-6\r\n")
    wanted = [("SF9876543210987", "pos"), ("ERP-ITEM-7", "erp"), ("BARE-ITEM-1", "bare"), ("BARE-ITEM-2", "bare"), ("COM-ITEM-3", "com"),
              ("COM-ITEM-4", "com"), ("POS-" + "7" * 60, "pos"), ("LINE-ITEM-5", "line"), ("%02%FF%00garbage%1B", "line"), ("LINE-ITEM-6", "line"), ("gun-item-8", "gun")]
    tap.ok(listed(s, "LINE-ITEM-6") and listed(s, "COM-ITEM-4"), "all of them have come", status(s))
    torn(s, gun, erp, pos)
    com.say("unplug")
    tap.ok(wait_for(lambda: "scanner com went away" in s.said(), 10), "a HID scanner that is pulled out is told")
    com.say("plug")
    back = wait_for(lambda: "scanner com is there" in s.said(), 20)
    tap.ok(back, "and taken back", s.said()[-500:])
    com.send(b"PS-HZ01-STOP\r")
    tap.ok(wait_for(lambda: status(s).get("state") == "idle", 20, 0.2), "its command barcode ends the clip")
    clips = wait_for(lambda: s.clips(), 15) or []
    tap.same(len(clips), 1, "one clip was made")
    c = statement(clips[0]) if clips else {"codes": []}
    tap.same(sorted((k["raw"], k["device"]) for k in c["codes"]), sorted(wanted), "every code stands there whole, with its device")
    tap.same({k["entry"] for k in c["codes"]}, {"scanner"}, "all scanned, none typed")
    tap.same(c.get("end_reason"), "stop", "ended by the barcode")
    tap.same([(e["what"], e["text"]) for e in c.get("events", []) if e["what"].startswith("scan-")],
             [("scan-unreadable", "pos"), ("scan-torn", "gun"), ("scan-torn", "erp"), ("scan-torn", "pos")], "what was dropped is on the time line")
    tap.ok("scanner pos: a scan was dropped" in s.said(), "a report that is not as the layout has it is told")
    tap.same(s.said().count("scanner erp: "), 1, "what people typed is not told as lost")
    tap.same(s.end(), 0, "run ends with 0")
    tap.same(s.verify(*s.clips()).returncode, 0, "the clip verifies")


main()
