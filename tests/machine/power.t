#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The power is cut while the station records, seals, stamps and prunes, and the disk's cache is lost with it.
# Real here: kernel, ext4 with its journal, uvcvideo, systemd, the programs as installed; the whole disk is behind a cache
# that forgets what was not flushed (nbdkit), each start is a real boot, and the time-stamp authority is outside the
# machine, over its network card. Emulated: processor, USB electronics.
# A cut falls upon a sign that the operation is under way: from outside, the authority's request; from inside, a file that
# appears or goes, watched by a program that starts no other. A cut that came too late is done again.
# CUTS=20 makes 20 of them (default 4), the same number of each kind; SEED repeats a run.
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import PATIENCE, SRC, Failure, tap, wait_for  # noqa: E402
from station_vm import Station, station_disk  # noqa: E402

CUTS = int(os.environ.get("CUTS", "4"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(10000))))
SEGMENT_S = 2
FPS = 10
TICKS = 90000
dice = random.Random(SEED)
tap.diag("CUTS=%d SEED=%d" % (CUTS, SEED))

# Beside the station: what the machine's own clock says, and how many pictures of the clip were encoded, over the shared
# folder, which a power cut does not touch. One program and one connection, for the station needs the processor.
WATCH = r"""
import json, os, socket, time

s = socket.socket(socket.AF_UNIX)
s.connect("/var/lib/packseal/run/control.sock")
f = s.makefile("rw", encoding="utf-8")
while True:
    f.write('{"do":"status"}\n')
    f.flush()
    said = json.loads(f.readline())
    with open("/mnt/host/alive.new", "w") as out:
        out.write("%f %d %s" % (time.clock_gettime(time.CLOCK_BOOTTIME), said["cameras"][0]["encoded"], said["state"]))
    os.rename("/mnt/host/alive.new", "/mnt/host/alive")
    time.sleep(.1)
"""
# The disk never has that much room: each run of the pruner removes what is old enough, which is everything sealed.
RETENTION = "[retention]\\ndays = 3650\\nmin_days = 0\\nreserve_mb = 1000000\\n"
CONF = "/etc/packseal/packseal.conf"


def statements(m):
    text = m.must("for f in /var/lib/packseal/clips/[0-9]*/*/*/*/clip.json; do test ! -e $f || { cat $f; echo '@@@'; }; done", 180)
    found = [json.loads(part) for part in text.split("@@@") if part.strip()]
    return {s["clip"]: s for s in found}


def lost_segments(s):
    return sum(b - a + 1 for t in s["tracks"] for a, b in t["lost"])


def film_s(track):
    """Seconds of film that are there: the durations of its records (FORMAT.md 3), without those stated as lost."""
    lost = {i for a, b in track["lost"] for i in range(a, b + 1)}
    return sum(int(r[32:48], 16) / TICKS for i, r in enumerate(track["segments"]) if i not in lost)


def pictures(track):
    """How many there are: the counts of its records."""
    lost = {i for a, b in track["lost"] for i in range(a, b + 1)}
    return sum(int(r[48:56], 16) for i, r in enumerate(track["segments"]) if i not in lost)


def alive(m):
    """Seconds since boot and pictures encoded, as they were heard last."""
    try:
        with open(os.path.join(m.share, "alive"), encoding="ascii") as f:
            up, encoded, _ = f.read().split()
            return float(up), int(encoded)
    except (OSError, ValueError):
        return 0.0, 0


def with_film(m):
    return int(m.must("ls /var/lib/packseal/clips/[0-9]*/*/*/*/*.mp4 2>/dev/null | wc -l"))


def tokens(m):
    return int(m.must("find /var/lib/packseal/tokens -type f | wc -l"))


# What is begun, and the signs upon which the power is cut, in turn. A clip that is removed is put aside when its tombstone is
# durable, emptied, and settled where statements are kept; then the next one is.
PHASES = {
    "recording": (None, ()),
    "sealing": ("packseal stop", ("statement", "stopping", "signature")),
    "stamping": ("systemctl start packseal-stamp@ST03.service", ("asked", "token")),
    "retention": ("systemctl start packseal-prune@ST03.service", ("aside", "settled")),
}
# Seconds from the sign to the cut, at most: some operations end soon after it.
AFTER = {"recording": 3, "stopping": 1.5, "asked": 1.5}
# Says when the sign is there. It reads with the shell alone, and sleeps by a pipe that nobody writes to: on this processor
# a process more takes longer than what is watched.
SENTINEL = r"""
shopt -s nullglob
cd /var/lib/packseal
mkfifo /run/sentinel 2>/dev/null
exec 3<>/run/sentinel
settled() { found=(clips/.removed/*/*/*/*); }
seen() {
    case $1 in
    stopping) read -r up encoded state </mnt/host/alive; test "$state" = sealing ;;
    statement) found=(clips/.part/*/clip.json); test ${#found[@]} -gt 0 ;;
    signature) found=(clips/.part/*/clip.json.minisig); test ${#found[@]} -gt 0 ;;
    token) test tokens/.part -nt /run/armed ;;
    aside) test clips/.removing -nt /run/armed ;;
    settled) settled; test ${#found[@]} -gt "$had_settled" ;;
    esac
}
settled
had_settled=${#found[@]}
echo >/run/armed
echo >/mnt/host/armed
until seen "$1"; do read -r -t .01 line <&3; done
echo >/mnt/host/sign
"""


def asked(m):
    """How many stamps the authority was asked for."""
    with urllib.request.urlopen(m.authority + "count", timeout=30) as r:
        return json.load(r)["count"]


def mode(m, **how):
    """How the authority behaves from now on."""
    urllib.request.urlopen(m.authority + "mode", data=json.dumps(how).encode(), timeout=30).close()


def host_sees(m, name, seconds):
    return wait_for(lambda: os.path.exists(os.path.join(m.share, name)), seconds * PATIENCE, 0.01)


def watched(m):
    gone(m, "alive")
    m.must("(setsid python3 /root/watch >/dev/null 2>&1 &)")
    if not host_sees(m, "alive", 60):
        raise Failure("nothing is heard of the station: " + m.run("timeout 5 python3 /root/watch"))


def gone(m, *names):
    for name in names:
        if os.path.exists(os.path.join(m.share, name)):
            os.unlink(os.path.join(m.share, name))


def begin(m, phase, sign):
    """Begins what the phase does; its end, when it comes before the cut, is told over the shared folder."""
    gone(m, "armed", "sign", "ended")
    if sign == "asked":
        mode(m, slow=60)  # the authority thinks for longer than the cut takes
    elif sign:
        m.must("(setsid bash /root/sentinel %s >/dev/null 2>&1 &)" % sign)
        if not host_sees(m, "armed", 60):
            return False
    if PHASES[phase][0]:
        m.must("(setsid sh -c '%s; echo >/mnt/host/ended' >/dev/null 2>&1 &)" % PHASES[phase][0])
    return True


def moment(m, phase, sign, row):
    """Waits for the sign, then a little more, and cuts. Whether the operation was under way: its sign was seen and its end
    was not."""
    if sign == "asked":
        row["begun"] = wait_for(lambda: asked(m) > row["asked_before"], 120 * PATIENCE, 0.02)
    else:
        row["begun"] = not sign or host_sees(m, "sign", 120)
    row["delay"] = dice.uniform(0, AFTER.get(sign or phase, 0.15))
    time.sleep(row["delay"])
    row["at"] = alive(m)
    m.cut_power()
    mode(m, slow=0)
    row["inside"] = bool(row["begun"]) and not os.path.exists(os.path.join(m.share, "ended"))


def films_to_remove(m):
    """At least three films that the pruner may take: more than a cut lets it."""
    while with_film(m) < 3:
        m.must("packseal scan SF%013d && sleep 3 && packseal stop" % dice.randrange(10 ** 12), 240)
    m.must("systemctl start packseal-stamp@ST03.service", 240)


def cycle(m, number, phase, sign, seen):
    """Records, cuts the power, boots, looks. Gives the line of the table."""
    code = "SF%013d" % (1000000000 + number)
    # By itself it would begin after three minutes, before its turn.
    m.must("systemctl stop packseal-prune@ST03.timer")
    if phase == "retention":
        films_to_remove(m)
        seen.update(statements(m))
    row = {"phase": phase, "sign": sign or "-", "films_before": with_film(m), "tokens_before": tokens(m)}
    if not m.scan(code, '"state":"recording".*%s' % code):
        return {**row, "bad": "no clip began: %s" % m.state()}
    watched(m)
    m.film(dice.randrange(20, 50))
    row["asked_before"] = asked(m)
    if not begin(m, phase, sign):
        return {**row, "bad": "nothing watches for " + sign}
    moment(m, phase, sign, row)
    up, encoded = row.pop("at")
    m.boot()
    able = m.able(240)  # and what was half-done is sealed meanwhile
    m.wait("test -z \"$(ls -A /var/lib/packseal/clips/.part 2>/dev/null)\"", 120)
    clips = statements(m)
    new = [s for k, s in clips.items() if k not in seen]
    mine = [s for s in new if any(code in json.dumps(c) for c in s["codes"])]
    status, said = m.status("packseal ledger check", 240)
    row.update(able=able, clips=len(new), ledger=status, films=with_film(m), tokens=tokens(m),
               half=m.must("ls -A /var/lib/packseal/clips/.part 2>/dev/null | wc -l").strip(),
               gone=[k for k in seen if k not in clips])
    if status != 0:
        row["ledger_said"] = said[-600:]
    if len(mine) == 1:
        s = mine[0]
        row.update(reason=s["end_reason"], film=film_s(s["tracks"][0]), stated=lost_segments(s), clip=s["clip"])
        if row["reason"] == "power-loss":
            # By the clock that runs from boot on, which counts what waited for this slow processor; and by what was encoded.
            row["loss"] = up - s["tracks"][0]["first"]["boot_ms"] / 1000 - row["film"]
            row["pictures"] = encoded - pictures(s["tracks"][0])
        row["verify"] = m.status("packseal verify --trust /var/lib/packseal/public/trust "
                                 "/var/lib/packseal/clips/[0-9]*/*/*/ST03-%07d" % s["clip"], 240)[0]
    tombs = re.search(r"(\d+) with a tombstone", said)
    row["tombstones"] = int(tombs.group(1)) if tombs else 0
    seen.update(clips)
    return row


def is_good(row):
    reasons = ("power-loss", "stop") if row["phase"] == "sealing" else ("power-loss",)
    return ("bad" not in row and row["able"] and row["ledger"] == 0 and row["half"] == "0" and len(row["gone"]) <= row["tombstones"] and
            row["begun"] and row["clips"] == 1 and row.get("reason") in reasons and row["stated"] <= 1 and
            row["verify"] == (1 if row["stated"] else 0))


def table(rows):
    line = "%-10s %-10s %7s %-7s %-12s %7s %7s %9s %7s %6s %6s"
    tap.diag(line % ("while", "cut upon", "+ s", "inside", "reason", "film s", "loss s", "pictures", "stated", "films", "tokens"))
    for r in rows:
        tap.diag(line % (r["phase"], r["sign"], "%.2f" % r.get("delay", 0), "yes" if r.get("inside") else "no",
                         r.get("reason", "-"), "%.2f" % r.get("film", 0), "%.2f" % r.get("loss", 0), r.get("pictures", "-"), r.get("stated", "-"),
                         "%d>%d" % (r["films_before"], r.get("films", -1)), "%d>%d" % (r["tokens_before"], r.get("tokens", -1))))


def inside(rows, phase):
    return sum(1 for r in rows if r["phase"] == phase and r.get("inside"))


def all_cuts(m, rows, seen):
    """Each kind in turn until there are enough of it that fell inside; half as many again may fall outside."""
    each = (CUTS + len(PHASES) - 1) // len(PHASES)
    tried = dict.fromkeys(PHASES, 0)
    while len(rows) < each * len(PHASES) * 3 // 2:
        wanted = [p for p in PHASES if inside(rows, p) < each]
        if not wanted:
            break
        phase = min(wanted, key=lambda p: tried[p])
        signs = PHASES[phase][1]
        sign = signs[tried[phase] % len(signs)] if signs else None
        tried[phase] += 1
        rows.append(cycle(m, len(rows), phase, sign, seen))
        if "bad" in rows[-1]:
            m.cut_power()
            m.boot()
        tap.diag(json.dumps(rows[-1], ensure_ascii=False))
        tap.ok(is_good(rows[-1]), "cut %d while %s: sealed with its true reason, nothing half-done, ledger in order" %
               (len(rows), phase))
    tap.same({p: inside(rows, p) for p in PHASES}, dict.fromkeys(PHASES, each), "of each kind %d cuts fell inside it" % each)


def with_authority(m):
    """A time-stamp authority outside the machine; its own process, ended with the test."""
    keys = os.path.join(m.dir, "tsa")
    tsa = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", "tsad.py"), "--dir", keys],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = json.loads(tsa.stdout.readline())
    m.authority = said["url"]
    shutil.copy(said["ca"], os.path.join(m.share, "tsa.pem"))
    m.must("cp /mnt/host/tsa.pem /etc/packseal/tsa.pem && chmod 644 /etc/packseal/tsa.pem")
    m.must("sed -i '/^\\[retention\\]/,/^\\[/{/^[a-z]/d}; /^\\[retention\\]/d; /^\\[time\\]/,/^\\[/{/^[a-z]/d}; /^\\[time\\]/d' " + CONF)
    m.must("printf '%s' >>%s; printf '[time]\\nauthority = http://10.0.2.2:%s/\\nca = /etc/packseal/tsa.pem\\n' >>%s" %
           (RETENTION, CONF, said["url"].rstrip("/").rsplit(":", 1)[1], CONF))
    return tsa


rows, seen = [], {}
base = station_disk()
with Station(lossy=True, base=base, network=True) as m:
    m.boot()
    tsa = with_authority(m)
    m.must("systemctl restart packseal-recorder@ST03", 240)
    tap.ok(m.able(240), "the station on a disk that forgets is ready", m.state())
    code, text = m.status("systemctl start packseal-stamp@ST03.service; packseal stamp --json --root /var/lib/packseal", 240)
    tap.ok(code == 0 and tokens(m) > 0, "an authority outside stamps its ledger", text)
    m.put("/root/watch", WATCH)
    m.put("/root/sentinel", SENTINEL)
    m.must("sync")
    all_cuts(m, rows, seen)
    table(rows)
    worst = max((r.get("pictures", 0) for r in rows), default=0)
    tap.diag("worst: %d pictures that were encoded, %.2f s by the clock" % (worst, max((r.get("loss", 0) for r in rows), default=0)))
    # The segment that ran, and of the one before it what was still on the way to the disk.
    tap.ok(worst <= 2 * SEGMENT_S * FPS, "the worst loss is about the segment that ran: %d pictures of %d in a segment" %
           (worst, SEGMENT_S * FPS))
    m.must("systemctl start packseal-stamp@ST03.service", 240)
    m.must("systemctl start packseal-prune@ST03.service; true", 240)
    tap.ok(with_film(m) == 0 and m.status("packseal ledger check", 240)[0] == 0,
           "at last all is stamped and pruned, and the ledger is in order",
           m.run("packseal ledger check; packseal prune --dry-run; journalctl -b -n 20 --no-pager -u packseal-prune@ST03"))
    tap.same(m.run("cd /var/lib/packseal && ls -A clips/.part clips/.removing; ls -d tokens/.part 2>/dev/null").split(),
             ["clips/.part:", "clips/.removing:"], "no half-made clip, removal or token is left")
    tsa.stdin.close()
    tsa.wait()
tap.done()
