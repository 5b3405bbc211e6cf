#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The power is cut while the station records, seals, stamps and prunes, and the disk's cache is lost with it.
# Real here: kernel, ext4 with its journal, uvcvideo, systemd, the programs as installed; the whole disk is behind a cache
# that forgets what was not flushed (nbdkit), and each start is a real boot. Emulated: processor, USB electronics.
# CUTS=20 makes 20 cycles (default 4); SEED repeats a run.
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import tap  # noqa: E402
from station_vm import Station, station_disk  # noqa: E402

CUTS = int(os.environ.get("CUTS", "4"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(10000))))
SEGMENT_S = 2.0
TICKS = 90000
dice = random.Random(SEED)
tap.diag("CUTS=%d SEED=%d" % (CUTS, SEED))

# Beside the station: what the machine's own clock says, over the shared folder, which a power cut does not touch.
WATCH = """
while sleep .2; do
    read -r up rest </proc/uptime
    echo "$up" >/mnt/host/alive.new && mv /mnt/host/alive.new /mnt/host/alive
done
"""


def statements(m):
    text = m.must("for f in /var/lib/packseal/clips/[0-9]*/*/*/*/clip.json; do test ! -e $f || { cat $f; echo; }; done", 180)
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {s["clip"]: s for s in found}


def film_s(track):
    """Seconds of film that are there: the durations of its records (FORMAT.md 3), without those stated as lost."""
    lost = {i for a, b in track["lost"] for i in range(a, b + 1)}
    return sum(int(r[32:48], 16) / TICKS for i, r in enumerate(track["segments"]) if i not in lost)


def lost_segments(s):
    return sum(b - a + 1 for t in s["tracks"] for a, b in t["lost"])


def begin(m, code):
    """A clip that runs; whether one does."""
    m.type("gun", code + "\n")
    if not m.until('"state":"recording".*%s' % code, 60):
        return False
    m.must("(setsid bash /root/watch >/dev/null 2>&1 &)")
    return True


def alive(m):
    try:
        with open(os.path.join(m.share, "alive"), encoding="ascii") as f:
            return float(f.read() or 0)
    except (OSError, ValueError):
        return 0.0


PHASES = {
    "recording": None,
    "sealing": "packseal stop",
    "stamping": "systemctl start packseal-stamp@ST03.service",
    "retention": "systemctl start packseal-prune@ST03.service",
}


def cycle(m, number, phase, seen):
    """Records, cuts the power, boots, looks. Gives the line of the table."""
    code = "SF%013d" % (1000000000 + number)
    if not begin(m, code):
        return {"phase": phase, "bad": "no clip began: %s" % m.state()}
    m.run("sleep %.1f" % dice.uniform(5, 9))
    if PHASES[phase]:
        m.must("(setsid %s >/dev/null 2>&1 &)" % PHASES[phase])
    delay = dice.uniform(0, 3)
    time.sleep(delay)
    up = alive(m)
    m.cut_power()
    m.boot()
    able = m.able(240)
    clips = statements(m)
    new = [s for k, s in clips.items() if k not in seen]
    mine = [s for s in new if any(code in json.dumps(c) for c in s["codes"])]
    row = {"phase": phase, "delay": delay, "able": able, "clips": len(new), "ledger": m.status("packseal ledger check", 180)[0],
           "half": m.run("ls /var/lib/packseal/clips/.part 2>/dev/null | wc -l").strip(),
           "gone": [k for k in seen if k not in clips]}
    if len(mine) == 1:
        s = mine[0]
        row.update(reason=s["end_reason"], film=film_s(s["tracks"][0]), stated=lost_segments(s), clip=s["clip"])
        # Both are of the clock that runs from boot on.
        row["loss"] = up - s["tracks"][0]["first"]["boot_ms"] / 1000 - row["film"] if row["reason"] == "power-loss" else 0.0
    seen.update(clips)
    return row


rows, seen = [], {}
base = station_disk()
with Station(lossy=True, base=base) as m:
    m.boot()
    tap.ok(m.able(240), "the station on a disk that forgets is ready", m.state())
    m.put("/root/watch", WATCH)
    m.must("sync")
    names = list(PHASES)
    for n in range(CUTS):
        phase = names[n % len(names)]
        row = cycle(m, n, phase, seen)
        rows.append(row)
        tap.diag(json.dumps(row, ensure_ascii=False))
        good = ("bad" not in row and row["able"] and row["ledger"] == 0 and row["half"] == "0" and not row["gone"] and
                row.get("reason") in (("power-loss", "stopped") if phase == "sealing" else ("power-loss",)) and
                row["stated"] <= 1)
        tap.ok(good, "cut %d while %s: sealed with its true reason, nothing half-done, ledger in order" % (n + 1, phase), row)
    tap.diag("%-10s %8s %-12s %8s %8s %7s" % ("moment", "after s", "reason", "film s", "loss s", "stated"))
    for r in rows:
        tap.diag("%-10s %8.2f %-12s %8.2f %8.2f %7s" % (r["phase"], r.get("delay", 0), r.get("reason", "-"), r.get("film", 0),
                                                       r.get("loss", 0), r.get("stated", "-")))
    worst = max((r.get("loss", 0) for r in rows), default=0)
    # The running segment, and what the pipeline held: a frame or two, and the encoder's wait on this slow processor.
    tap.ok(worst <= 2 * SEGMENT_S, "the worst loss is the segment that ran: %.2f s" % worst)
tap.done()
