# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on a bench: a scanner that types, and a scale. Real is how the recorder reads them; played is the device."""
import os
import pty
import select
import struct
import threading
import time

KEYS = {c: i + 2 for i, c in enumerate("1234567890")}
KEYS.update({c: k for k, c in zip(range(16, 26), "qwertyuiop")})
KEYS.update({c: k for k, c in zip(range(30, 39), "asdfghjkl")})
KEYS.update({c: k for k, c in zip(range(44, 51), "zxcvbnm")})
KEYS.update({"-": 12, "\n": 28, "\t": 15})
SHIFT = 42


class Keys:
    """A keyboard's event stream; its keys are so many milliseconds apart by their own stamps, the last one is now."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd, self.source = os.open(path, os.O_RDWR), "evdev:" + path

    def type(self, text, gap_ms, torn_at=None, pause_ms=0):
        """torn_at: the index of a key that comes so much later."""
        pressed = []
        for c in text:
            key = [(KEYS[c.lower()], 1), (KEYS[c.lower()], 0)]
            pressed.append([(SHIFT, 1)] + key + [(SHIFT, 0)] if c.isupper() else key)
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        out = b""
        for i, keys in enumerate(pressed):
            at = now - (len(pressed) - 1 - i) * gap_ms * 1000000
            if torn_at is not None and i < torn_at:
                at -= pause_ms * 1000000
            stamp = struct.pack("qq", at // 10**9, at % 10**9 // 1000)
            for code, value in keys:
                out += stamp + struct.pack("HHi", 1, code, value) + stamp + struct.pack("HHi", 0, 0, 0)
        os.write(self.fd, out)


class Scale:
    """A scale at the other end of a line. tell: what it sends by itself, ten times a second; answer: to each line it is sent."""

    def __init__(self):
        self.line, self.far = pty.openpty()
        self.source = "serial:" + os.ttyname(self.far)
        self.tell, self.answer, self.asked, self.on = b"", b"", [], True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        rest = b""
        while self.on:
            ready, _, _ = select.select([self.line], [], [], 0.1)
            if ready:
                try:
                    rest += os.read(self.line, 256)
                except OSError:
                    return
                while b"\r\n" in rest:
                    line, rest = rest.split(b"\r\n", 1)
                    self.asked.append(line)
                    if self.answer:
                        os.write(self.line, self.answer)
            elif self.tell:
                os.write(self.line, self.tell)

    def unplug(self):
        self.on = False
        self.thread.join()
        os.close(self.far)
        os.close(self.line)
