#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second reader of the golden files, made from docs/FORMAT.md alone and sharing no code with the first."""
import hashlib
import json
import os
import re
import struct

SRC = os.environ.get("PACKSEAL_SRC", ".")
TESTS = 0
FAILED = 0


def check(good, name):
    global TESTS, FAILED
    TESTS += 1
    FAILED += not good
    print(f"{'ok' if good else 'not ok'} {TESTS} - {name}", flush=True)


def golden(name):
    with open(f"{SRC}/tests/golden/v1/{name}", "rb") as f:
        return f.read()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def opening(clip):
    """Section 4.3, from clip.json."""
    kinds = {"pack": 1, "return": 2, "audit": 3}
    types = {"unknown": 0, "waybill": 1, "parcel": 2, "order": 3, "sku": 4}
    entries = {"scanner": 1, "camera": 2, "manual": 3, "api": 4}
    codes = [c for c in clip["codes"] if c["opening"]]
    tracks = [t for t in clip["tracks"] if t["opening"]]
    out = b"packseal/open/v1\0" + bytes.fromhex(clip["salt"]) + string(clip["station"]["id"])
    out += bytes([kinds[clip["kind"]]]) + string(clip["operator"]) + struct.pack(">H", len(codes))
    for c in codes:
        out += string(c["value"]) + string(c["raw"]) + bytes([types[c["type"]]])
        out += string(c["carrier"]) + bytes([entries[c["entry"]]]) + string(c["device"])
    out += struct.pack(">H", len(tracks)) + b"".join(string(t["camera"]) for t in tracks)
    return out + string(clip["freshness"]["code"]) + bytes.fromhex(clip["freshness"]["token_sha256"])


def leaf(data):
    """Section 4.1."""
    names = "magic type clock zero log index subject wall boot boot_id max_error head digest extra_len"
    out = dict(zip(names.split(), struct.unpack(">4sBBH16sQQqq16sI32s32sH", data[:142])))
    out["extra"] = data[142:]
    assert out["magic"] == b"PSL1" and out["zero"] == 0 and out["extra_len"] == len(out["extra"])
    return out


def track(i, t, head):
    """Sections 3 and 5; the final head."""
    start = frames = 0
    for seq, text in enumerate(t["segments"]):
        record = bytes.fromhex(text)
        fields = struct.unpack(">IIQQIQ32s32s32s", record)
        check(fields[:3] == (i, seq, start), f"track {i} segment {seq} stands where it should")
        start += fields[3]
        frames += fields[4]
        head = sha256(b"packseal/segment/v1\0", head, record)
    n = t["counts"]
    check(frames == n["encoded"] == n["captured"] - n["dropped"] - n["damaged"] + n["repeated"], f"track {i} counts add up")
    check(head.hex() == t["head"], f"track {i} head")
    return head


text = golden("clip.json")
clip = json.loads(text)
open_leaf, seal_leaf = leaf(golden("leaf-open.bin")), leaf(golden("leaf-seal.bin"))
log = sha256(b"packseal/log/v1\0", bytes.fromhex(clip["ledger_key"]))[:16]
check(bytes.fromhex(clip["open_leaf"]) == golden("leaf-open.bin"), "the statement holds the open leaf")
check(opening(clip) == golden("opening.bin"), "the opening rebuilt from the statement")
check(open_leaf["type"] == 2 and open_leaf["index"] == open_leaf["subject"] == clip["clip"], "the open leaf's index is the clip")
check(open_leaf["log"] == seal_leaf["log"] == log, "both leaves are of the ledger key's log")
check(open_leaf["digest"] == sha256(golden("opening.bin")), "the open leaf's digest")
check(struct.unpack(">I", open_leaf["extra"])[0] == clip["take"], "the open leaf's take")
head_0 = sha256(b"\0", golden("leaf-open.bin"))
heads = [track(i, t, head_0) for i, t in enumerate(clip["tracks"])]
check(golden("record.bin").hex() == clip["tracks"][0]["segments"][1], "record.bin is segment 1 of track 0")
check(seal_leaf["type"] == 3 and seal_leaf["subject"] == clip["clip"], "the seal leaf speaks of the clip")
all_heads = sha256(b"packseal/heads/v1\0", *(struct.pack(">I", i) + h for i, h in enumerate(heads)))
check(seal_leaf["head"] == all_heads, "the seal leaf's head")
check(seal_leaf["digest"] == sha256(text), "the seal leaf's digest is the statement's")
ended = clip["ended"]["wall"]
comment = f"trusted comment: packseal v1 clip ST03-0000123 ended {ended} sha256 {sha256(text).hex()}"
check(golden("clip.json.minisig").decode().split("\n")[2] == comment, "the trusted comment")

with open(f"{SRC}/docs/FORMAT.md", encoding="utf-8") as f:
    example = f.read().split("\n## 12. ")[1]
dumps = ["".join(re.findall(r"^[0-9a-f]{4}  ([0-9a-f ]+)$", block, re.M)).replace(" ", "") for block in example.split("```")]
check(golden("leaf-open.bin").hex() in dumps, "FORMAT.md shows the open leaf")
check(golden("record.bin").hex() in dumps, "FORMAT.md shows the record")
head_1 = sha256(b"packseal/segment/v1\0", head_0, bytes.fromhex(clip["tracks"][0]["segments"][0]))
head_2 = sha256(b"packseal/segment/v1\0", head_1, golden("record.bin"))
for name, value in [("log", log), ("digest", open_leaf["digest"]), ("head_0", head_0), ("head_1", head_1), ("head_2", head_2),
                    ("head", heads[0]), ("clip.json", sha256(text)), ("seal leaf", all_heads)]:
    check(value.hex() in example, f"FORMAT.md shows {name}")

print(f"1..{TESTS}")
raise SystemExit(FAILED > 0)
