#!/usr/bin/env python3
# Two scales at one bench, over pseudo terminals: one tells its weight by itself, one when it is asked. What stands still while a clip runs is
# on its time line, once; nothing that they send is ever a code.
import json
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from benchtop import Scale
from station import SANITIZED, Station, statement, tap, wait_for

SIZE = "320x240" if SANITIZED else "640x360"


def configure(s, scales):
    with open(s.path("packseal.conf"), "a", encoding="utf-8") as f:
        for name, settings in scales.items():
            f.write("\n[scale %s]\n" % name + "".join("%s = %s\n" % kv for kv in settings.items()))


class Listener:
    """The stream of events."""

    def __init__(self, root):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(os.path.join(root, "run", "control.sock"))
        self.s.sendall(b'{"do":"events"}\n')
        self.s.settimeout(0.2)
        self.text = b""

    def weights(self):
        try:
            while True:
                self.text += self.s.recv(65536)
        except socket.timeout:
            pass
        lines = [json.loads(x) for x in self.text.split(b"\n")[1:-1]]
        return [(e["scale"], e["grams"], e["net"]) for e in lines if e.get("event") == "weight"]


def status(s):
    return json.loads(s.cli("status", "--json").stdout or b"{}")


def scale(s, name):
    return [x for x in status(s).get("scales", []) if x["name"] == name][0]


def weighs(s, name, grams):
    return wait_for(lambda: (lambda x: x["grams"] == grams and x["stable"])(scale(s, name)), 10, 0.1)


def main():
    bench, floor = Scale(), Scale()
    with Station({"top": "lavf:lavfi:testsrc2=size=%s:rate=10" % SIZE}) as s:
        try:
            configure(s, {"bench": {"source": bench.source + "?baud=2400", "protocol": "st", "line": "7e1"},
                          "floor": {"source": floor.source, "protocol": "sics", "ask": "SI", "ask_ms": 100, "change_grams": 50}})
            bench.tell = b"ST,GS,+ 2.500 kg\r\n"  # the parcel before, when nothing records
            s.start()
            listener = Listener(s.root)
            play(s, bench, floor)
            tell(s, bench, listener)
        finally:
            s.end()
            bench.on = floor.on = False
    tap.done()


def play(s, bench, floor):
    tap.ok(weighs(s, "bench", 2500), "a weight is in the status before any clip", scale(s, "bench"))
    tap.ok("2500 g" in s.cli("status").stdout.decode() and "2500 g" in s.cli("status", "--lang", "zh").stdout.decode(), "in words, too")
    listed = [json.loads(x) for x in s.cli("cameras", "--json").stdout.splitlines()]
    tap.same(sorted(x["name"] for x in listed if x["kind"] == "scale"), ["bench", "floor"], "packseal cameras lists both")
    tap.same(s.cli("doctor").stdout.decode().count("scale "), 2, "doctor looks at both")
    bench.tell = b"ST,GS,+ 0.000 kg\r\n"
    weighs(s, "bench", 0)
    floor.answer = b"S D      1.100 kg\r\n"
    s.cli("scan", "SF1234567890123")
    bench.tell = b"US,GS,+ 0.800 kg\r\n"  # not at rest: no weight
    tap.ok(wait_for(lambda: scale(s, "bench")["grams"] == 800, 10, 0.1), "a moving weight is in the status", scale(s, "bench"))
    bench.tell = b"ST,GS,+ 1.234 kg\r\n"
    weighs(s, "bench", 1234)
    time.sleep(1.2)
    bench.tell = b"ST,GS,+ 1.236 kg\r\n"  # as near as the last digit trembles
    weighs(s, "bench", 1236)
    bench.tell = b"ST,NT,- 0.264 kg\r\n"
    weighs(s, "bench", -264)
    floor.answer = b"S S     12.000 kg\r\n"
    weighs(s, "floor", 12000)
    tap.ok(set(floor.asked) == {b"SI"}, "the one that is asked was asked with its own word", set(floor.asked))
    # What is no weight: a code, commands, hostile bytes. Nothing comes of it but a word in the status.
    bench.tell = b"PS-HZ01-STOP\r\nYT7654321098765\r\nST,GS,+99999999999999999999 kg\r\n\x00\xff\x02" + b"S" * 300 + b"\r\n"
    tap.ok(wait_for(lambda: scale(s, "bench")["state"] == "strange", 10, 0.1), "what its protocol does not know is told as strange")
    tap.ok("protocol" in s.cli("status").stdout.decode(), "in words, too", s.cli("status").stdout)
    tap.ok("scale-strange: bench" in status(s)["alarms"] and status(s)["state"] == "recording", "as an alarm, and the clip runs on", status(s))
    bench.tell = b"ST,GS,+ 0.000 kg\r\n"
    tap.ok(weighs(s, "bench", 0) and not [a for a in status(s)["alarms"] if a.startswith("scale")], "and is over with the next weight",
           status(s)["alarms"])
    time.sleep(1.2)
    floor.unplug()
    tap.ok(wait_for(lambda: "scale-lost: floor" in status(s)["alarms"], 10, 0.1), "a scale that was pulled out is an alarm")
    bench.tell = b""
    tap.ok(wait_for(lambda: scale(s, "bench")["state"] == "silent", 10, 0.2) and scale(s, "bench")["grams"] is None,
           "a weight of three seconds ago is not told as one of now", scale(s, "bench"))
    s.cli("stop")
    bench.tell = b"ST,GS,+ 3.000 kg\r\n"  # behind the clip
    weighs(s, "bench", 3000)


def tell(s, bench, listener):
    weights = listener.weights()
    clips = wait_for(lambda: s.clips(), 15) or []
    c = statement(clips[0]) if clips else {"events": [], "codes": []}
    told = [(e["what"], e["text"]) for e in c["events"] if e["what"].startswith(("weight", "scale"))]
    tap.same(told, [("weight", "1234 g bench"), ("weight", "-264 g bench net"), ("weight", "12000 g floor"), ("weight", "0 g bench"),
                    ("scale-lost", "floor")], "the clip's weights, each once")
    tap.same(weights, [("bench", 1234, False), ("bench", -264, True), ("floor", 12000, False), ("bench", 0, False)],
             "the stream of events told the same")
    tap.same([k["value"] for k in c["codes"]], ["SF1234567890123"], "no weight became a code")
    tap.same(len(clips), 1, "none began or ended a clip")
    tap.same(s.end(), 0, "run ends with 0")
    tap.same(s.verify(*s.clips()).returncode, 0, "the clip verifies")


main()
