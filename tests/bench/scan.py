#!/usr/bin/env python3
# From the scan to what the packer sees and hears, through the running station: a line on a serial scanner (a pty) -> the
# driver's stamp of the first picture that bears the code -> the event on the stream -> the first sample handed to ALSA.
# Figures only: nothing here passes or fails by time, but each first picture is looked at.
#
#   SCAN_TURNS=200   SCAN_SIZE=1280x720   SCAN_FPS=30   SCAN_ALSA=NAME (a real card; else ALSA's file plug-in)
import os
import pty
import random
import select
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from senses import Events, Player, banners, bears, code_columns
from station import Station, mjpeg_film

TURNS = int(os.environ.get("SCAN_TURNS", "200"))
SIZE = os.environ.get("SCAN_SIZE", "1280x720")
FPS = int(os.environ.get("SCAN_FPS", "30"))


def spread(name, values, unit):
    v = sorted(values)
    pick = lambda q: v[min(len(v) - 1, int(q * len(v)))]  # noqa: E731
    print("%-46s %6.2f %6.2f %6.2f %6.2f  %s  (%d)" % (name, pick(0.5), pick(0.9), pick(0.99), v[-1], unit, len(v)))


def one_scan(line, events, code):
    """Writes a code; when it was written, its events, and when each arrived here."""
    sent = time.monotonic_ns()
    os.write(line, code.encode() + b"\r")
    got = {}
    while len(got) < 2:
        if b"\n" not in events.rest and not select.select([events.sock], [], [], 20)[0]:
            raise RuntimeError("no event of %s" % code)
        e = events.line(20)
        arrived = time.monotonic_ns()
        if e.get("event") == "scan" and e.get("code") == code:
            got["scan"] = (e, arrived)
        if e.get("event") == "frame" and "scan" in got:
            got["frame"] = (e, arrived)
    return sent, got["scan"], got["frame"]


def wrong_banners(clips):
    """Clips whose first picture does not bear the code that their later pictures do, where that differs from the clip before."""
    wrong, before = [], None
    for clip in clips:
        now = banners(clip, (0, FPS // 4, FPS // 2))
        if before:
            columns = code_columns(before, now)
            if not bears(now[0], now[2], before[2], columns):
                wrong.append(clip)
        before = now
    return wrong


def main():
    line, far = pty.openpty()
    size_film = "%s-%d" % (SIZE, FPS)
    with Station({"top": "lavf:FILM"}, scanners={"gun": "serial:" + os.ttyname(far)}) as s:
        film = mjpeg_film(os.path.join(s.dir, size_film + ".avi"), size=SIZE, fps=FPS, seconds=4)
        with open(s.path("packseal.conf"), encoding="utf-8") as f:
            text = f.read()
        with open(s.path("packseal.conf"), "w", encoding="utf-8") as f:
            f.write(text.replace("lavf:FILM", "lavf:" + film))
        s.start()
        device = os.environ.get("SCAN_ALSA")
        player, events = Player(s, device=device) if device else Player(s), Events(s)
        time.sleep(2)
        rows, sounds = [], {}
        dice = random.Random(1)  # scans come at any phase of a picture
        for _n in range(TURNS):
            sent, scan, frame = one_scan(line, events, "SF%013d" % dice.randrange(10 ** 12, 10 ** 13))
            rows.append((sent, scan, frame))
            sound = player.next(5)
            while sound and sound["seq"] < scan[0]["seq"]:
                sound = player.next(5)
            if sound:
                sounds[sound["seq"]] = sound
            time.sleep(0.8 + dice.random() * 0.5)
        s.stop()
        ms = 1e6
        print("%d scans, %s at %d/s, load %.1f of %d processors\n" % (TURNS, SIZE, FPS, os.getloadavg()[0], os.cpu_count()))
        print("%-46s %6s %6s %6s %6s" % ("", "p50", "p90", "p99", "max"))
        spread("line written -> scan read by the recorder", [(c[0]["scan_mono_ns"] - t) / ms for t, c, _ in rows], "ms")
        spread("scan -> first picture that bears the code", [(f[0]["first_frame_mono_ns"] - c[0]["scan_mono_ns"]) / ms for _, c, f in rows],
               "ms")
        spread("the same in pictures", [(f[0]["first_frame_mono_ns"] - c[0]["scan_mono_ns"]) * FPS / 1e9 for _, c, f in rows], "pictures")
        spread("scan -> event read by a listener", [(c[1] - c[0]["scan_mono_ns"]) / ms for _, c, _ in rows], "ms")
        heard = [(sounds[c[0]["seq"]]["card_mono_ns"] - c[0]["scan_mono_ns"]) / ms for _, c, _ in rows if c[0]["seq"] in sounds]
        spread("scan -> first sample at ALSA", heard or [-1], "ms")
        print("\nsounds that did not begin: %d; first pictures without their code: %d of %d clips" %
              (len(rows) - len(heard), len(wrong_banners(s.clips())), len(s.clips())))
        player.end()
    os.close(line)
    os.close(far)


main()
