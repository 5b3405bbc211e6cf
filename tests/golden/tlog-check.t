#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# The short checker that needs nothing of PackSeal, on the golden proof: it agrees, and it notices every change.
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
checker = os.path.join(here, "tlog_check.py")
count = bad = 0


def ok(good, name):
    global count, bad
    count += 1
    bad += not good
    print(f"{'' if good else 'not '}ok {count} - {name}")


def golden(name):
    with open(os.path.join(here, "v1", name), "rb") as f:
        return f.read()


with tempfile.TemporaryDirectory() as folder:
    def judge(vkey, proof):
        for name, data in (("vkey", vkey), ("proof", proof)):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        return subprocess.run([sys.executable, checker, "proof", os.path.join(folder, "vkey"), os.path.join(folder, "proof")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

    proof = golden("clip.tlog-proof")
    origin = proof.split(b"\n\n")[1].split(b"\n")[0]
    typed = b"\1" + bytes.fromhex(json.loads(golden("clip.json"))["ledger_key"])
    number = hashlib.sha256(origin + b"\n" + typed).digest()[:4].hex().encode()
    vkey = origin + b"+" + number + b"+" + base64.b64encode(typed) + b"\n"
    ok(judge(vkey, proof) == 0, "the golden proof holds")
    other = b"\1" + hashlib.sha256(typed).digest()
    number = hashlib.sha256(origin + b"\n" + other).digest()[:4].hex().encode()
    ok(judge(origin + b"+" + number + b"+" + base64.b64encode(other) + b"\n", proof) == 1, "but not by another key")
    lines = proof.split(b"\n")
    for i, line in enumerate(lines):
        if line.startswith("\u2014 ".encode()) and not line.startswith("\u2014 ".encode() + origin + b" "):
            continue  # a witness: not this log's word
        if not line:
            continue
        at = line.rfind(b" ") + 3
        changed = line[:at] + (b"B" if line[at:at + 1] != b"B" else b"C") + line[at + 1:]
        ok(judge(vkey, b"\n".join(lines[:i] + [changed] + lines[i + 1:])) == 1, f"line {i + 1}, changed")
        ok(judge(vkey, b"\n".join(lines[:i] + lines[i + 1:])) == 1, f"line {i + 1}, left out")
    moved = [i for i, line in enumerate(lines) if line.startswith(b"index ")][0]
    ok(judge(vkey, b"\n".join(lines[:moved] + [b"index 0"] + lines[moved + 1:])) == 1, "another index")

print(f"1..{count}")
sys.exit(bad > 0)
