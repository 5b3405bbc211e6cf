#!/usr/bin/env python3
# kill -9 of the recorder, the signer and both, at random moments: in a clip, while the next code takes over, while a
# clip is being sealed. After the restart every clip verifies or its end is stated in the ledger, at most one segment is
# lost, and nothing half done is left.
#
#   KILLS=30 TEST_SECONDS=1800   the number a release is judged by (default 6; run.sh ends a test after 300 s)
#   SEED=N                       the same moments again
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import shutil
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import (PACKSEAL, SANITIZED, TICKS, Station, mjpeg_film, need_programs, seconds_of, statement, tap,
                     track_ticks, wait_for)

KILLS = int(os.environ.get("KILLS", "6"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(1 << 30))))
SEGMENT = 2.0
# From a frame's exposure to its record in the signer's journal: queue, encoder, two fsyncs, on a loaded machine.
LATENCY = 1.5 if SANITIZED else 1.0
OPEN, SEAL, ABORT = 2, 3, 4
ABORT_NOTHING = 1

rng = random.Random(SEED)


def kill(s, whom):
    """Kills the named programs; gives the wall clock of that moment."""
    pids = s.children()
    for name in whom:
        if name not in pids:
            raise RuntimeError("no %s among the children of packseal run: %r" % (name, pids))
    at = time.time()
    for name in whom:  # the signer first: `run` would end it properly once the recorder is gone
        os.kill(pids[name], signal.SIGKILL)
    return at


def in_background(s, *args):
    return subprocess.Popen([PACKSEAL, args[0], "--root", s.root, *args[1:]], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def one_kill(s, n, whom, phase):
    """One clip, one kill, one recovery. What happened, for the table."""
    code = "SF2%012d" % (n * 2)
    other = "SF2%012d" % (n * 2 + 1)
    if s.process is None:
        s.start()
    r = s.scan(code)
    if r.returncode != 0:
        raise RuntimeError("scan before kill %d: %s" % (n, r.stderr.decode()))
    time.sleep(rng.uniform(0.05, 5.5))
    asked = None
    if phase == "next-code":
        asked = in_background(s, "scan", other)
        time.sleep(rng.uniform(0, 0.4))
    elif phase == "stop":
        asked = in_background(s, "stop")
        time.sleep(rng.uniform(0, 0.4))
    at = kill(s, whom)
    if "recorder" in whom:
        ended = wait_for(lambda: s.process.poll() is not None, 20)
        tap.ok(ended, "kill %d (%s): packseal run ends when its recorder is gone" % (n, phase))
        s.end()
        s.start()
    else:
        # `run` starts a new signer by itself; the clip goes on.
        wait_for(lambda: "signer" in s.children(), 20)
        time.sleep(2.5)
        s.stop()
    if asked is not None:
        try:
            asked.wait(30)
        except subprocess.TimeoutExpired:
            asked.kill()
            asked.wait()
            tap.ok(False, "kill %d: packseal %s hangs" % (n, phase))
    wait_for(lambda: not s.half_done() and json.loads(s.cli("status", "--json").stdout or b"{}").get("state") == "idle", 30)
    return {"n": n, "whom": "+".join(whom), "phase": phase, "at": at, "codes": (code, other)}


def judge(s, kills):
    """After all of it: every clip, every leaf, and what each kill cost."""
    clips = {int(f.rsplit("-", 1)[1]): f for f in s.clips()}
    said = {n: statement(f) for n, f in clips.items()}
    ends, opened, opened_at, aborts = {}, [], {}, 0
    with open(s.path("ledger", "entries"), "rb") as f:
        raw = f.read()
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at:at + 2], "big")
        leaf = raw[at + 2:at + 2 + size]
        at += 2 + size
        kind, subject = leaf[4], int.from_bytes(leaf[32:40], "big")
        if kind == OPEN:
            opened.append(subject)
            opened_at[subject] = int.from_bytes(leaf[40:48], "big", signed=True) / 1e9
        elif kind in (SEAL, ABORT):
            ends.setdefault(subject, []).append((kind, leaf[142:]))
    for n in opened:
        end = ends.get(n, [])
        if not tap.ok(len(end) == 1, "leaf %d: opened, and ended exactly once" % n, end):
            continue
        if end[0][0] == SEAL:
            tap.ok(n in clips, "clip %d: sealed, and in its place" % n)
        else:
            aborts += 1
            tap.same(end[0][1], bytes([ABORT_NOTHING]), "clip %d: aborted because no segment of it was whole, and for nothing else" % n)
    r = s.verify(*clips.values())
    verdicts = {v["path"]: v for v in map(json.loads, r.stdout.decode().splitlines())}
    for n, folder in sorted(clips.items()):
        v = verdicts.get(folder) or next((v for p, v in verdicts.items() if p.endswith(os.path.basename(folder))), None)
        lost = any(t["lost"] for t in said[n]["tracks"])
        wanted = ("incomplete", "trusted") if lost else ("intact", "trusted")
        tap.same(v and (v["content"], v["key"]), wanted, "clip %d (%s): verifies%s"
                 % (n, said[n]["end_reason"], ", and states its loss" if lost else ""))

    tap.diag("seed %d; a segment has %g s" % (SEED, SEGMENT))
    tap.diag("%4s %-16s %-10s %8s %-10s %8s %11s %6s" % ("kill", "killed", "while", "clip s", "sealed as", "lost s",
                                                        "unwitnessed", "lost"))
    worst = 0.0
    for k in kills:
        # What was open at the moment of the kill: the last clip that was numbered before it.
        n = max(i for i in opened if opened_at[i] <= k["at"])
        before = [c for i, c in said.items() if i < n and c["codes"][0]["value"] in k["codes"]]
        for c in before:
            # It had ended already: whatever happened then, all of it must be there.
            t = c["tracks"][0]
            cost = opened_at[n] - seconds_of(t["first"]["wall"]) - track_ticks(t) / TICKS
            tap.ok(cost <= LATENCY, "kill %d: the clip before, sealed as %s, is whole (%.2f s)" % (k["n"], c["end_reason"], cost))
        if n not in said:
            cost = k["at"] - opened_at[n]
            worst = max(worst, cost)
            tap.diag("%4d %-16s %-10s %8s %-10s %8.2f" % (k["n"], k["whom"], k["phase"], "-", "aborted", cost))
            tap.ok(cost <= SEGMENT + LATENCY, "kill %d: no clip was lost that held a whole segment (%.2f s)" % (k["n"], cost))
            continue
        c = said[n]
        tap.ok(c["codes"][0]["value"] in k["codes"], "kill %d: it is the clip of that scan" % k["n"], c["codes"])
        t = c["tracks"][0]
        length = track_ticks(t) / TICKS
        reached = seconds_of(t["first"]["wall"]) + length
        crashed = c["end_reason"] in ("crash", "power-loss")
        cost = max(0.0, k["at"] - reached) if crashed else 0.0
        worst = max(worst, cost)
        late = sum(b - a + 1 for a, b in t["unwitnessed"])
        gone = sum(b - a + 1 for a, b in t["lost"])
        tap.diag("%4d %-16s %-10s %8.2f %-10s %8.2f %8d/%-2d %6d" % (k["n"], k["whom"], k["phase"], length, c["end_reason"],
                                                                    cost, late, len(t["segments"]), gone))
        tap.ok(cost <= SEGMENT + LATENCY, "kill %d: at most the segment being made was lost (%.2f s)" % (k["n"], cost))
        tap.ok(gone <= 1, "kill %d: the disk lost at most one segment that the signer knew" % k["n"])
        if "recorder" not in k["whom"]:
            tap.ok(not crashed, "kill %d: without the signer the clip went on to its end" % k["n"], c["end_reason"])
    tap.diag("%d kills, %d clips, %d aborted without a whole segment; worst loss %.2f s" % (len(kills), len(clips), aborts, worst))


def main():
    need_programs()
    work = tempfile.mkdtemp(prefix="packseal-film.")
    try:
        film = mjpeg_film(os.path.join(work, "film.avi"), "320x240", 15 if SANITIZED else 30, 8)
        with Station({"top": "lavf:" + film}) as s:
            plan = [(w, p) for p in ("recording", "next-code", "stop")
                    for w in (("recorder",), ("signer",), ("signer", "recorder"))]
            # Six kills see each program killed twice and each phase at least once.
            plan = [plan[i] for i in (0, 4, 2, 1, 6, 5, 3, 7, 8)]
            kills = [one_kill(s, n, *plan[n % len(plan)]) for n in range(KILLS)]
            tap.same(s.half_done(), [], "nothing half done is left")
            s.end()
            judge(s, kills)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
