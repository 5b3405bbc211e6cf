#!/usr/bin/env python3
# A scanner on a serial line starts, switches and ends clips: a pty plays the line, as a CDC-ACM scanner would look.
import os
import pty
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import SANITIZED, Station, statement, tap, wait_for
import json
import termios

SIZE = "320x240" if SANITIZED else "640x360"


def state(s):
    return json.loads(s.cli("status", "--json").stdout or b"{}").get("state")


def main():
    line, far = pty.openpty()
    # As a serial port comes up, echoing and in line mode: the recorder must make it raw by itself.
    name = os.ttyname(far)
    cooked = termios.tcgetattr(far)
    tap.ok(cooked[3] & termios.ECHO, "the line starts with echo, as a fresh port does")
    with Station({"top": "lavf:lavfi:testsrc2=size=%s:rate=15" % SIZE}, scanners={"gun": "serial:" + name}) as s:
        s.start()
        os.write(line, b"SF1234567890123\r\n")
        tap.ok(wait_for(lambda: state(s) == "recording", 10, 0.2), "a scanned line starts a clip")
        time.sleep(2.5)
        # In pieces, as a slow line delivers it, with CR alone at the end.
        for piece in (b"YT76543", b"21098", b"765\r"):
            os.write(line, piece)
            time.sleep(0.05)
        time.sleep(3)
        os.write(line, b"\r\n\r\n")  # empty lines mean nothing
        time.sleep(0.3)
        tap.same(state(s), "recording", "an empty line is no code")
        # The same code within five seconds is ignored; later it ends the clip.
        time.sleep(2.5)
        os.write(line, b"YT7654321098765\n")
        tap.ok(wait_for(lambda: state(s) == "idle", 15, 0.2), "the same code again ends the clip")
        clips = [statement(c) for c in wait_for(lambda: len(s.clips()) == 2 and s.clips(), 15) or s.clips()]
        tap.same([c["codes"][0]["value"] for c in clips], ["SF1234567890123", "YT7654321098765"], "two clips, by their codes")
        tap.same([c["end_reason"] for c in clips], ["next-code", "same-code"], "and their ends")
        tap.same([(c["codes"][0]["entry"], c["codes"][0]["device"], c["codes"][0]["raw"]) for c in clips],
                 [("scanner", "gun", "SF1234567890123"), ("scanner", "gun", "YT7654321098765")], "the statement names the scanner")
        tap.same(s.end(), 0, "run ends with 0")
        r = s.verify(*s.clips())
        tap.same(r.returncode, 0, "both verify")
    os.close(line)
    os.close(far)
    tap.done()


main()
