#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The disk runs full in the middle of a clip: the clip ends and says why, nothing that was recorded is lost, it is sealed
# when there is room again; and with too little room no clip begins.
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from station import Station, run, skip_all, statement, tap, verdict, wait_for

if os.geteuid() != 0:
    skip_all("not root: cannot mount a small file system")


class SmallDisk(Station):
    """A station whose root is a tmpfs of 24 MB."""

    def init(self):
        os.mkdir(self.root)
        if run("mount", "-t", "tmpfs", "-o", "size=24m", "none", self.root).returncode:
            self.remove()
            skip_all("mount of a tmpfs is not permitted here")
        super().init()
        with open(self.path("packseal.conf"), encoding="utf-8") as f:
            text = re.sub(r"(?m)^#? *(min_free_mb|max_mbit) *=.*$", "", f.read())
        with open(self.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(text.replace("[recording]", "[recording]\nmin_free_mb = 4\nmax_mbit = 0"))

    def remove(self):
        run("umount", self.root)
        super().remove()


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(65536))
        except OSError:
            pass


NOISE = "lavf:lavfi:nullsrc=size=640x360:rate=30,geq=random(1)*255:128:128"
with SmallDisk({"top": NOISE}) as s:
    s.start()
    r = s.scan("SF1234567890123")
    tap.same(r.returncode, 0, "with room a clip begins")
    log = os.path.join(wait_for(s.half_done, 5)[0], "recording.log")
    tap.ok(wait_for(lambda: '"log":"segment"' in open(log, encoding="utf-8").read(), 30), "a segment is recorded")
    filler = s.path("filler")
    fill(filler)
    tap.ok(wait_for(lambda: s.cli("status", "--json").stdout.find(b'"recording"') < 0, 15), "on a full disk the clip ends")
    r = s.scan("YT7654321098765")
    tap.ok(r.returncode != 0 and b"disk" in r.stderr, "and no other begins, loudly", r.stderr)
    tap.same(s.clips(), [], "it cannot be sealed yet")
    tap.same(len(s.half_done()), 1, "and waits")
    os.unlink(filler)
    tap.ok(wait_for(s.clips, 20), "with room again it is sealed")
    clip = statement(s.clips()[0])
    tap.same(clip["end_reason"], "disk-full", "with its true reason")
    v = s.verify(s.clips()[0])
    tap.same((v.returncode, verdict(v)["content"]), (0, "intact"), "intact")
    tap.ok(sum(t["counts"]["encoded"] for t in clip["tracks"]) > 20, "and what was recorded before is there")
    tap.same(s.scan("YT7654321098765").returncode, 0, "a new clip begins")
    r = s.stop()
    tap.same((r.returncode, r.stderr), (0, b""), "and ends")
    tap.same(len(s.clips()), 2, "and is sealed")
tap.done()
