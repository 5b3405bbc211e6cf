#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# A small disk: retention makes room, oldest first and no more than is needed; where nothing may go the station refuses
# the next clip before it begins, and says so before anybody scans; with room again it records.
import datetime
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import PACKSEAL, Station, run, skip_all, tap, wait_for

if os.geteuid() != 0:
    skip_all("not root: cannot mount a small file system")

MB = 1 << 20


class SmallDisk(Station):
    """A station whose root is a tmpfs of 32 MB."""

    def init(self):
        os.mkdir(self.root)
        if run("mount", "-t", "tmpfs", "-o", "size=32m", "none", self.root).returncode:
            self.remove()
            skip_all("mount of a tmpfs is not permitted here")
        super().init()

    def remove(self):
        run("umount", self.root)
        super().remove()

    def free(self):
        v = os.statvfs(self.root)
        return v.f_bavail * v.f_frsize

    def filled_up_to(self, left):
        """Something else takes the disk but for so many bytes."""
        with open(self.path("filler"), "ab", buffering=0) as f:
            f.write(bytes(max(0, self.free() - left)))

    def status(self):
        r = self.cli("status", "--json")
        return r.returncode, json.loads(r.stdout)

    def prune(self, *args):
        r = self.cli("prune", "--json", *args)
        lines = [json.loads(line) for line in r.stdout.decode().splitlines()]
        return r.returncode, lines[:-1], lines[-1]

    def outlook(self, *args):
        """What the doctor says of the disk."""
        lines = self.cli("doctor", "--json", *args).stdout.decode().splitlines()
        return [x for x in map(json.loads, lines) if x["check"] == "disk"][0]

    def rules(self, reserve_mb, min_days=0):
        with open(self.path("packseal.conf"), encoding="utf-8") as f:
            kept = re.sub(r"(?ms)^\[retention\].*", "", f.read())
        with open(self.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(kept + "[retention]\nreserve_percent = 0\nmin_days = %d\nreserve_mb = %d\n" % (min_days, reserve_mb))


NOISE = "lavf:lavfi:nullsrc=size=320x180:rate=30,geq=random(1)*255:128:128"
with SmallDisk({"top": NOISE}, settings={"min_free_mb": 4, "max_mbit": 0}) as s:
    s.start()
    code, now = s.status()
    tap.ok(code == 0 and any(a.startswith("disk-low") for a in now["alarms"]),
           "with less free than retention's reserve an alarm says so, and recording goes on", now)
    for i in range(4):
        s.scan("SF123456789012%d" % i)
        time.sleep(1.5)  # a film worth removing
        s.stop()
    folders = s.clips()
    number = [int(f.rsplit("-", 1)[1]) for f in folders]
    size = [sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(c) for f in files) for c in folders]
    tap.same(len(number), 4, "four clips, the smallest of %d KB" % (min(size) >> 10))

    s.rules(8)
    tap.same(s.prune()[:2], (0, []), "with more than the reserve free nothing goes")
    now = s.outlook()
    tap.ok(now["state"] == "ok" and now["refuses_on"] == "" and 0 <= now["keeps_days"] < 30 and now["day_mb"] >= sum(size) >> 20,
           "where clips of any age may go, the doctor finds that the disk never refuses one", now)
    s.rules(8, min_days=30)
    now = s.outlook()
    left = (s.free() - 4 * MB) / (now["day_mb"] * MB)
    when = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=now["refuses_days"])).date()
    tap.ok(now["state"] == "mend" and abs(now["refuses_days"] - left) <= 1.5 and abs(
        (datetime.date.fromisoformat(now["refuses_on"]) - when).days) <= 1 and now["refuses_on"] in now["text"],
           "where only those of thirty days may, it tells the day on which clips will be refused", now)
    tap.ok("起拒绝录像" in s.outlook("--lang", "zh")["text"], "in Chinese, too", s.outlook("--lang", "zh"))
    s.filled_up_to(8 * MB - size[0] // 2)
    code, told, total = s.prune()
    tap.same((code, told, total["short"]), (1, [], True), "young clips do not go even then, and that is an error")
    s.rules(8)
    code, told, total = s.prune()
    tap.same((code, [x["clip"][-7:] for x in told], [x["reason"] for x in told]), (0, ["%07d" % number[0]], ["space"]),
             "the oldest clip goes, and no more than is needed")
    tap.ok(s.free() >= 8 * MB, "the reserve is met", s.free())

    # ---- nothing may go
    for n in number[1:]:
        s.cli("hold", str(n))
    now = s.outlook()
    tap.ok(now["held_mb"] >= sum(size[1:]) >> 20 and "held clips take %d MB" % now["held_mb"] in now["text"],
           "the doctor counts what is held", now)
    s.filled_up_to(3 * MB)
    tap.ok(wait_for(lambda: "disk full, no clip will begin" in s.said(), 10), "the recorder says it before anybody scans", s.said())
    code, now = s.status()
    tap.ok(code != 0 and now["state"] == "faulted" and not now["able"] and any(a.startswith("disk-full") for a in now["alarms"]),
           "the status is faulted", now)
    r = s.scan("YT7654321098765")
    tap.ok(r.returncode != 0 and b"disk full, not recording" in r.stderr, "a scan begins no clip, loudly", r.stderr)
    tap.same((s.half_done(), len(s.clips())), ([], 3), "and leaves nothing half-done")
    code, told, total = s.prune()
    tap.same((code, {(x["did"], x["reason"]) for x in told}, total["kept"]["held"]), (1, {("kept", "held")}, 3),
             "retention says that nothing may go, and why")
    r = s.cli("prune")
    tap.ok(r.returncode == 1 and b"nothing more may go" in r.stderr and b"3 clips are kept" in r.stderr, "in words, too", r.stderr)

    # ---- not even room for a note
    s.cli("hold", str(number[1]), "--release")
    s.filled_up_to(0)
    with open(s.path("filler2"), "ab", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass
    code, told, total = s.prune()
    tap.ok(told and all(x["did"] in ("failed", "kept") for x in told if x["clip"][-7:] != "%07d" % number[1]), "on a full disk", told)
    tap.diag(told)
    gone = [x for x in told if x["did"] == "removed"]
    tombs = [x[2] for x in s.leaves() if x[0] == 5]
    there = os.path.exists(os.path.join(folders[1], "top.mp4"))
    tap.ok(there or number[1] in tombs, "nothing goes without its entry")
    os.unlink(s.path("filler2"))
    os.unlink(s.path("filler"))
    s.filled_up_to(3 * MB)
    tap.ok(wait_for(lambda: s.status()[1]["signer"] == "confined" or s.status()[1]["signer"] == "unconfined", 30), "the signer is there")
    code, told, total = s.prune()
    tap.same(([x["clip"][-7:] for x in told + gone if x["did"] == "removed"]), ["%07d" % number[1]], "with room for the entry it goes")

    # ---- room again
    os.unlink(s.path("filler"))
    tap.ok(wait_for(lambda: s.status()[0] == 0, 10), "with room again the station is able", s.status())
    tap.same(s.scan("YT7654321098765").returncode, 0, "and a clip begins")
    tap.same(s.stop().returncode, 0, "and is sealed")
    r = s.cli("ledger", "check", "--json")
    tap.same((r.returncode, json.loads(r.stdout.decode().splitlines()[-1])["tombstones"]), (0, 2), "the ledger is in order")
    r = s.verify(*s.clips())
    tap.same(r.returncode, 0, "and what is left is intact")
tap.done()
