#!/usr/bin/env python3
# What the packer sees and hears of a scan: the stream of events, the first picture that bears the code, and the sound that
# is handed to ALSA.
import json
import os
import pty
import signal
import subprocess
import sys
import time
import wave

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from senses import Events, Player, banners, bears, code_columns
from station import BUILD, PACKSEAL, SANITIZED, SRC, Station, run, statement, tap, wait_for
import socket

A, B, C, ITEM = "SF1234567890123", "YT7654321098765", "SF9876543210987", "6901234567892"
WIDTH, HEIGHT, FPS = (320, 240, 15) if SANITIZED else (640, 360, 30)


def check_banners(clips):
    pictures = [banners(c, (0, FPS // 2, FPS - 2)) for c in clips]
    columns = code_columns(pictures[0], pictures[1])
    tap.ok(len(columns) > 40, "the two clips' banners show two codes", len(columns))
    for i in (0, 1):
        first, own, other = pictures[i][0], pictures[i][2], pictures[1 - i][2]
        tap.ok(bears(first, own, other, columns), "clip %d: its first picture bears its code, not the other's" % (i + 1))
        tap.ok(not bears(first, other, own, columns), "which is no likeness of any two")


def check_form(events):
    tap.ok(len(events) > 20 and all(e["event"] for e in events), "events came", len(events))
    steps = [y["seq"] - x["seq"] for x, y in zip(events, events[1:])]
    tap.ok(all(s == 1 for s in steps), "their numbers grow by one", [e["seq"] for e in events])
    tap.ok(all(e["at"][-5] == "." and e["at"].endswith("Z") and len(e["at"]) == 24 for e in events), "each tells the wall clock",
           [e["at"] for e in events][:3])
    stamps = [e["mono_ns"] for e in events]
    tap.ok(stamps == sorted(stamps) and stamps[0] > 0, "and the monotonic one, which does not go back")


def check_first_frames(s, scans, frames, clips):
    """At most two pictures between a scan and the first that bears its code, by the driver's stamps."""
    for scan, frame, clip in zip(scans, frames, clips):
        late = (frame["first_frame_mono_ns"] - scan["scan_mono_ns"]) * FPS / 1e9
        tap.ok(0 <= late <= 2, "%s: its first picture is at most two behind the scan" % scan["code"], late)
        stated = statement(clip)["tracks"][0]["first"]
        tap.ok(stated and frame["clip"] == os.path.basename(clip), "the event is about that clip's film", frame, clip)
    check_banners(clips)


def check_sounds(player, events):
    """Each sound belongs to an event, begins after it, and what ALSA got are the files' samples."""
    heard = []
    sound = player.next(5)
    while sound:
        heard.append(sound)
        sound = player.next(0.5)
    wanted = [(e["seq"], "tones/" + e["tone"] if "tone" in e else "", "zh-CN/" + e["say"] if "say" in e else "")
              for e in events if "tone" in e or "say" in e]
    tap.same([(h["seq"], h["tone"], h["say"]) for h in heard], wanted, "each event that has one is heard: tone, then word")
    tap.ok(all(h["card_mono_ns"] >= h["event_mono_ns"] for h in heard), "and none before it happened")
    tap.same(player.end(), 0, "the player ends on SIGTERM")
    frames = 0
    for _seq, tone, word in wanted:
        for name in filter(None, (tone, word)):
            with wave.open(os.path.join(BUILD, "sounds", name + ".wav")) as w:
                frames += w.getnframes() * 48000 // w.getframerate()
    # The file plug-in is told whole periods; where a sound ends within one, the rest of it is silence.
    got = os.path.getsize(player.heard) // 2
    tap.ok(frames <= got <= frames + len(wanted) * 1024, "ALSA was given each of their samples", got, frames)
    with open(player.heard, "rb") as f, wave.open(os.path.join(BUILD, "sounds", wanted[0][1] + ".wav")) as w:
        tone = w.readframes(w.getnframes())
        tap.ok(f.read(len(tone)) == tone, "the first are the first tone's, one by one")


def check_words():
    """Every tone and word that the recorder knows has its file, in both languages."""
    import re
    with open(os.path.join(SRC, "recorder", "announce.c"), encoding="utf-8") as f:
        text = f.read()
    tables = text[text.index("alarm_sounds[]"):text.index("static const struct sound *sound_of")]
    rows = re.findall(r'\{(?:"[^"]*"|PS_\w+), ("[\w-]+"|NULL), ("[\w-]+"|NULL)\}', tables)
    tap.ok(len(rows) > 30, "the recorder's tables were read", len(rows))
    names = {"tones/" + t.strip('"') for t, _ in rows if t != "NULL"}
    names |= {lang + w.strip('"') for _, w in rows if w != "NULL" for lang in ("zh-CN/", "en/")}
    missing = sorted(n for n in names if not os.path.exists(os.path.join(BUILD, "sounds", n + ".wav")))
    tap.same(missing, [], "each of their sounds is made")


def check_deaf(s):
    """Who does not read is dropped, and nobody waits for him."""
    deaf = socket.socket(socket.AF_UNIX)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(s.path("run", "control.sock"))
    deaf.sendall(b'{"do":"events"}\n')
    other = Events(s)
    asker = socket.socket(socket.AF_UNIX)
    asker.connect(s.path("run", "control.sock"))
    answers = asker.makefile("rb")
    for n in range(600):
        asker.sendall(b'{"do":"scan","code":"ITEM-%04d-%s"}\n' % (n, b"X" * 90))
        answers.readline()
        other.drain(0.001)
    tap.ok(other.until(5, code="ITEM-0599-" + "X" * 90) or other.all[-1]["seq"] > 600, "600 scans are told to who reads",
           other.all[-1:])
    got = b""
    deaf.settimeout(5)
    try:
        while True:
            data = deaf.recv(65536)
            if not data:
                break
            got += data
        ended = True
    except socket.timeout:
        ended = False
    tap.ok(ended and 1000 < len(got) < 1 << 20, "who does not is dropped, with a bounded backlog", ended, len(got))
    other.sock.sendall(b'{"do":"status"}\n')
    tap.ok(other.until(5, event="none") == {} and other.ended, "a listener that asks for more is ended")
    asker.close()


def check_many(s):
    """More listeners than places: refused in words, and commands still have theirs."""
    all_of = [Events(s) for _ in range(24)]
    tap.ok(all(e.welcome.get("ok") for e in all_of), "24 may listen")
    more = Events(s)
    tap.ok(more.welcome.get("ok") is False and "listeners" in more.welcome.get("error", ""), "the next is told why not", more.welcome)
    tap.same(s.cli("status").returncode, 0, "and the station still answers")
    for e in all_of + [more]:
        e.close()


def main():
    line, far = pty.openpty()
    with Station({"top": "lavf:lavfi:testsrc2=size=%dx%d:rate=%d" % (WIDTH, HEIGHT, FPS)},
                 scanners={"gun": "serial:" + os.ttyname(far)}) as s:
        with open(s.path("packseal.conf"), encoding="utf-8") as f:
            text = f.read()
        with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(text.replace("# site = HZ01", "site = HZ01"))
        player = Player(s)
        tap.ok(wait_for(lambda: "no recorder runs" in player.said(), 10), "a player without a recorder says so, and waits")
        s.start()
        tap.ok(wait_for(lambda: "the recorder is there" in player.said(), 20), "until there is one", player.said())
        events, second = Events(s), Events(s)
        tap.ok(events.welcome.get("ok") is True and events.status.get("state") == "idle" and events.status.get("cameras"),
               "a listener is welcomed with the status", events.welcome)

        scans, frames, opened = [], [], []

        def scan(code, **wanted):
            os.write(line, code.encode() + b"\r")
            return events.until(event="scan", code=code, **wanted)
        e = scan(A)
        scans.append(e)
        tap.same([e.get(k) for k in ("said", "why", "device", "entry", "warnings", "tone", "say")],
                 ["started", None, "gun", "scanner", [], "start", "recording"], "a scan, and what is heard of it")
        opened.append(events.until(event="opened"))
        tap.same([opened[0].get(k) for k in ("codes", "kind", "take")], [[A], "pack", 1], "the clip that it opened")
        e = events.until(event="state")
        tap.same([e.get(k) for k in ("state", "able", "codes", "clip", "operator", "take", "provisional", "box", "next_kind")],
                 ["recording", True, [A], opened[0]["clip"], "0017", 1, False, False, "pack"], "the state")
        frames.append(events.until(event="frame"))
        tap.same(scan(A).get("said"), "ignored", "the same code at once is ignored, audibly")
        time.sleep(1.2)
        tap.same(scan(ITEM).get("said"), "added", "an item joins")
        tap.same(scan("PS-HZ01-BOX").get("said"), "box", "a command barcode")
        tap.ok(events.until(event="state", box=True), "and the state that it changed")
        tap.same([scan("PS-HZ99-STOP").get(k) for k in ("said",)], ["refused"], "another site's is refused")
        tap.same(events.all[-1].get("why"), "foreign-command", "and why is said")
        scan("PS-HZ01-CANCEL")
        tap.same(events.all[-1].get("said"), "cancelled", "cancelled")
        e = events.until(event="sealed")
        tap.same([e.get(k) for k in ("clip", "codes", "reason", "kind", "unwitnessed", "say")],
                 [opened[0]["clip"], [A, ITEM], "cancelled", "pack", 0, "sealed"], "sealed, with what it holds")
        tap.ok(os.path.isdir(s.path(e["path"])) and e["seconds"] >= 1, "where the event says", e)
        tap.same(scan("PS-HZ01-STOP").get("why"), "nothing-to-end", "nothing to stop is refused, too")
        e = scan(B)
        scans.append(e)
        tap.same(e.get("said"), "started", "the next parcel")
        frames.append(events.until(event="frame"))
        time.sleep(1.2)
        # The signer is slow to open the next clip: longer than a lane keeps pictures between two clips.
        signer = s.children()["signer"]
        os.kill(signer, signal.SIGSTOP)
        try:
            e = scan(C)
            tap.same([e.get(k) for k in ("said", "tone", "say")], ["next", "next", "recording"], "the next one is told before the signer answers")
            time.sleep(0.7)
        finally:
            os.kill(signer, signal.SIGCONT)
        scans.append(e)
        frames.append(events.until(event="frame"))
        time.sleep(1.2)
        s.stop()
        e = events.until(event="ended", reason="stop")
        tap.same([e.get(k) for k in ("codes", "reason", "tone", "say")], [[C], "stop", "end", "sealing"], "a stop that was no scan is heard")
        events.until(event="sealed")
        events.drain()
        check_form(events.all)
        tap.same(second.drain(), events.all, "two listeners read the same")
        check_first_frames(s, scans, frames, s.clips())
        check_sounds(player, events.all)
        check_words()
        events.close()
        second.close()

        out = subprocess.Popen([PACKSEAL, "events", "--root", s.root, "--count", "2"], stdout=subprocess.PIPE,
                               env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": ""})
        raw = subprocess.Popen([PACKSEAL, "events", "--root", s.root, "--count", "2", "--json"], stdout=subprocess.PIPE)
        time.sleep(0.5)
        s.scan(A)
        lines = [json.loads(x) for x in raw.communicate(timeout=20)[0].splitlines()]
        tap.same([(x["event"], x.get("said")) for x in lines], [("scan", "started"), ("opened", None)], "packseal events --json")
        tap.same(lines[0]["warnings"], ["duplicate"], "which tells that it was recorded before")
        text = out.communicate(timeout=20)[0].decode()
        tap.ok(A in text and "started" in text and "duplicate" in text and len(text.splitlines()) == 2, "and in words", text)
        r = run(PACKSEAL, "events", "--root", s.root, "--count", "none")
        tap.ok(r.returncode == 2 and r.stderr.startswith(b"packseal: "), "a count that is none is refused", r.stderr)
        check_many(s)
        check_deaf(s)
        s.stop()
        tap.same(s.end(), 0, "run ends with 0")
    os.close(line)
    os.close(far)
    tap.done()


main()
