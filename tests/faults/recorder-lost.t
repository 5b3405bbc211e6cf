#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# What a power cut leaves when the disk lost what it had promised to keep: segments that the signer journaled and the disk
# lost are stated as lost; a folder that is gone altogether is an abort in the ledger; another boot is a power loss.
import json
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import SANITIZED, Station, record_fields, statement, tap, verdict, wait_for

SIZE = "160x120" if SANITIZED else "320x240"
SCENE = "lavf:lavfi:testsrc2=size=%s:rate=15" % SIZE


def kill_recorder(s):
    os.kill(s.children()["recorder"], signal.SIGKILL)
    s.process.wait(30)
    s.end()


def log_lines(part):
    with open(os.path.join(part, "recording.log"), encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


def offsets_of_moofs(path):
    with open(path, "rb") as f:
        data = f.read()
    at, found = 0, []
    while at + 8 <= len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        if data[at + 4:at + 8] == b"moof":
            found.append(at)
        at += size
    return found


def pretend_another_boot(part):
    path = os.path.join(part, "recording.log")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    boot = json.loads(text.split("\n", 1)[0])["boot_id"]
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(boot, "00" * 16, 1))


with Station({"top": SCENE, "side": SCENE}) as s:
    s.start()
    s.scan("SF1234567890123")
    part = wait_for(s.half_done, 5)[0]
    wait_for(lambda: sum(l["log"] == "segment" for l in log_lines(part)) >= 7, 40)
    kill_recorder(s)
    logged = [record_fields(l["record"]) for l in log_lines(part) if l["log"] == "segment"]
    of_top = sum(r["track"] == 0 for r in logged)
    records = [l["record"] for l in log_lines(part) if l["log"] == "segment" and record_fields(l["record"])["track"] == 0]
    film = os.path.join(part, "top.mp4")
    moofs = offsets_of_moofs(film)
    os.truncate(film, moofs[-2] + 100)  # torn inside: the last two fragments and the rest of this one are gone
    kept = len(moofs) - 2
    side = os.path.join(part, "side.mp4")
    spoilt = len(offsets_of_moofs(side)) - 1  # its last fragment is of the right length, and holds zeros
    with open(side, "r+b") as f:
        f.seek(-200, os.SEEK_END)
        f.write(bytes(200))
    of_side = sum(r["track"] == 1 for r in logged)
    pretend_another_boot(part)
    s.start()
    tap.ok(wait_for(s.clips, 20), "the clip is recovered and sealed")
    folder = s.clips()[0]
    clip = statement(folder)
    top = clip["tracks"][0]
    tap.same(clip["end_reason"], "power-loss", "another boot: a power loss")
    tap.same(top["lost"], [[kept, of_top - 1]], "what the signer saw and the disk lost is stated as lost")
    tap.same(top["segments"][:of_top], records, "and their records are kept")
    tap.same(clip["tracks"][1]["lost"], [[spoilt, of_side - 1]] if spoilt < of_side else [],
             "so is a segment that is there with other bytes")
    r = s.verify(folder)
    v = verdict(r)
    tap.same((r.returncode, v["content"]), (0, "intact"), "what is left is intact")
    tap.ok(any(p["code"] == "segment-lost-stated" for p in v["problems"]), "the loss is shown", v["problems"])

    s.scan("SF1234567890124")
    part = wait_for(s.half_done, 5)[0]
    wait_for(lambda: sum(l["log"] == "segment" for l in log_lines(part)) >= 2, 30)
    kill_recorder(s)
    shutil.rmtree(part)
    s.start()
    opens = [x for x in s.leaves() if x[0] == 2]

    def aborted():
        return [x for x in s.leaves() if x[0] == 4 and x[2] == opens[-1][1]]
    tap.ok(wait_for(aborted, 10), "a folder that is gone is an abort leaf of its number", s.leaves())
    r = s.scan("SF1234567890125")
    tap.same(r.returncode, 0, "and the next clip records")
    time.sleep(1)
    s.stop()
    ends = [x[2] for x in s.leaves() if x[0] in (3, 4)]
    tap.same(sorted(ends), sorted(x[1] for x in s.leaves() if x[0] == 2), "every opened clip has exactly one end")
    tap.same(s.half_done(), [], "nothing is half done")
tap.done()
