#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second reader of ledger, proof and certificate files, made from docs/FORMAT.md sections 13 and 14 and the public
specifications alone. Shares no code with the first."""
import base64
import hashlib
import json
import os
import sys

SRC = os.environ.get("PACKSEAL_SRC", ".")
sys.dont_write_bytecode = True
sys.path.insert(0, f"{SRC}/tests/golden")
import ed25519  # noqa: E402
import tlog  # noqa: E402

TESTS = 0
FAILED = 0
DASH = "\N{EM DASH} "


def check(good, name):
    global TESTS, FAILED
    TESTS += 1
    FAILED += not good
    print(f"{'ok' if good else 'not ok'} {TESTS} - {name}", flush=True)


def golden(name):
    with open(f"{SRC}/tests/golden/v1/{name}", "rb") as f:
        return f.read()


def read_note(data):
    """Text and signatures: (name, key id, signature)."""
    text, lines = data.decode().rsplit("\n\n", 1)
    out = []
    for line in lines.split("\n")[:-1]:
        assert line.startswith(DASH)
        name, value = line[len(DASH):].split(" ")
        raw = base64.b64decode(value, validate=True)
        out.append((name, raw[:4], raw[4:]))
    return text + "\n", out


def vkey(name, kind, key):
    typed = bytes([kind]) + key
    return tlog.sha256(name.encode() + b"\n" + typed)[:4], typed


def minisign_ok(public, data, signature):
    """minisign's prehashed signature and its trusted comment."""
    key = base64.b64decode(public.decode().split("\n")[-2])
    lines = signature.decode().split("\n")
    sig, whole = base64.b64decode(lines[1]), base64.b64decode(lines[3])
    comment = lines[2][len("trusted comment: "):].encode()
    return (
        key[:2] == b"Ed" and sig[:2] == b"ED" and sig[2:10] == key[2:10]
        and ed25519.verify(key[10:], sig[10:], hashlib.blake2b(data).digest())
        and ed25519.verify(key[10:], whole, sig[10:] + comment)
    )


kept = golden("tlog.txt").decode().split("\n")[:-1]
check(kept == list(tlog.vectors()), f"{len(kept)} vectors, computed anew")

clip = json.loads(golden("clip.json"))
station, ledger_key = clip["station"]["id"], bytes.fromhex(clip["ledger_key"])
origin = f"packseal.invalid/{station}"
text, signatures = read_note(golden("checkpoint"))
rows = text.split("\n")
log_id, typed = vkey(origin, 1, ledger_key)
name, key_id, signature = signatures[0]
check((rows[0], name, key_id) == (origin, origin, log_id), "the checkpoint is of the station's log, by name and key id")
check(ed25519.verify(ledger_key, signature, text.encode()), "the ledger's key has signed its text")
check(not ed25519.verify(ledger_key, signature, text.replace("130", "131").encode()), "and no other size")

with open(f"{SRC}/docs/FORMAT.md", encoding="utf-8") as f:
    page = f.read()
witness = next(w for w in page.replace("`", " ").split() if w.startswith("witness.example/w1+"))
witness_name, witness_id, witness_key = witness.split("+", 2)
witness_typed = base64.b64decode(witness_key)
name, key_id, cosignature = signatures[1]
time = int.from_bytes(cosignature[:8], "big")
check(name == witness_name and key_id.hex() == witness_id, "FORMAT.md shows the witness's key")
check(vkey(witness_name, 4, witness_typed[1:]) == (key_id, witness_typed), "whose id is made from name, type and key")
cosigned = f"cosignature/v1\ntime {time}\n{text}".encode()
check(ed25519.verify(witness_typed[1:], cosignature[8:], cosigned), "the witness has cosigned")
check(not ed25519.verify(witness_typed[1:], cosignature[8:], cosigned.replace(b"time 1", b"time 2")), "at that time only")

proof = golden("clip.tlog-proof")
leaf, index, siblings, checkpoint = tlog.read_proof(proof.decode())
check(checkpoint.encode() == golden("checkpoint"), "the proof holds the checkpoint")
check(leaf == golden("leaf-seal.bin"), "and the clip's seal leaf")
check(leaf[4] == 3 and int.from_bytes(leaf[24:32], "big") == index, "which says its own index")
check(int.from_bytes(leaf[32:40], "big") == clip["clip"], "and the clip's number as its subject")
check(leaf[8:24] == tlog.sha256(b"packseal/log/v1\0" + ledger_key)[:16], "and the ledger's key")
check(leaf[108:140] == tlog.sha256(golden("clip.json")), "and the statement's digest")
size, root = int(rows[1]), base64.b64decode(rows[2])
check(tlog.root_of(leaf, index, size, siblings) == root, "it is where the proof says")
check(tlog.root_of(golden("leaf-open.bin"), index, size, siblings) != root, "another leaf is not")
check(tlog.root_of(leaf, index + 1, size, siblings) != root, "nor it elsewhere")
check(tlog.root_of(leaf, index, size, siblings[:-1]) != root, "a shorter proof proves nothing")

cert = json.loads(golden("cert.json"))
check(minisign_ok(golden("root.pub"), golden("cert.json"), golden("cert.json.minisig")), "the root's key has signed the certificate")
check(not minisign_ok(golden("clip.pub"), golden("cert.json"), golden("cert.json.minisig")), "the clip's has not")
check(not minisign_ok(golden("root.pub"), golden("clip.json"), golden("cert.json.minisig")), "nor the root's anything else")
check(minisign_ok(golden("clip.pub"), golden("clip.json"), golden("clip.json.minisig")), "the clip's key has signed the statement")
check(cert["clip_key"] == clip["key"] and cert["station"] == station, "the certificate is of the clip's key and station")
check(cert["ledger_key"] == f"{origin}+{log_id.hex()}+{base64.b64encode(typed).decode()}", "and of its ledger")
comment = f"packseal v1 cert {station} serial {cert['serial']} sha256 {tlog.sha256(golden('cert.json')).hex()}"
check(comment in golden("cert.json.minisig").decode(), "its trusted comment")

example = page.split("\n## 13. ")[1]
check(golden("checkpoint").decode() in example, "FORMAT.md shows the checkpoint")
check(golden("cert.json").decode() in example, "FORMAT.md shows the certificate")
check(cert["ledger_key"] in example and root.hex() in example, "FORMAT.md shows the log's key and the root")

print(f"1..{TESTS}")
raise SystemExit(FAILED > 0)
