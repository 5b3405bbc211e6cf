#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a proof or a whole ledger of PackSeal's with nothing of PackSeal: RFC 6962, C2SP signed-note, tlog-tiles and
tlog-proof from their own words, Ed25519 by openssl(1).

    tlog_check.py proof LOG.VKEY FILE.tlog-proof    the leaf is in a tree whose root the log signed
    tlog_check.py tiles LOG.VKEY LEDGER             every tile of the signed tree, and its entries

Prints what was found. Exit status 0 when all of it holds, 1 when not.
"""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile


class Wrong(Exception):
    pass


def sha256(data):
    return hashlib.sha256(data).digest()


def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Wrong("base64 in another spelling")
    return data


# ---- signed notes

def verify_ed25519(key, message, signature):
    """OpenSSL wants the key as X.509 SubjectPublicKeyInfo: twelve bytes that say Ed25519, then the key."""
    spki = bytes.fromhex("302a300506032b6570032100") + key
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("key", spki), ("message", message), ("signature", signature)):
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin", "-in", "message",
             "-sigfile", "signature"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def read_vkey(line):
    name, key_id, rest = line.strip().split("+", 2)
    typed = decode(rest)
    if len(typed) != 33 or typed[0] != 1:
        raise Wrong("the key is not of type Ed25519")
    if sha256(name.encode() + b"\n" + typed)[:4].hex() != key_id:
        raise Wrong("the key's name and its number do not fit")
    return name, bytes.fromhex(key_id), typed[1:]


def open_checkpoint(note, vkey):
    """Size and root that the log signed."""
    name, key_id, key = vkey
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        raw = decode(data)
        if dash == "\u2014" and signer == name and raw[:4] == key_id:
            if not verify_ed25519(key, text.encode(), raw[4:]):
                raise Wrong("the log's signature is wrong")
            break
    else:
        raise Wrong("the log has not signed this")
    origin, size, root = text.split("\n")[:3]
    if origin != name or str(int(size)) != size:
        raise Wrong("the checkpoint is of another log")
    return int(size), decode(root)


# ---- the tree

def node(left, right):
    return sha256(b"\1" + left + right)


def tree_hash(hashes):
    """RFC 6962 section 2.1, over hashes of leaves."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node(tree_hash(hashes[:k]), tree_hash(hashes[k:]))


def climb(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2: the root that a path leads to."""
    if index >= size:
        raise Wrong("the leaf is not in a tree of this size")
    at, last, value = index, size - 1, sha256(b"\0" + leaf)
    for sibling in path:
        if last == 0:
            raise Wrong("the path is too long")
        if at & 1 or at == last:
            value = node(sibling, value)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            value = node(value, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong("the path is too short")
    return value


def check_proof(vkey, path):
    with open(path, encoding="utf-8", newline="") as f:
        head, _, note = f.read().partition("\n\n")
    lines = head.split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise Wrong("no proof with its leaf")
    leaf, index = decode(lines[1][6:]), int(lines[2][6:])
    size, root = open_checkpoint(note, vkey)
    if climb(leaf, index, size, [decode(line) for line in lines[3:]]) != root:
        raise Wrong("the path does not lead to the signed root")
    print(f"leaf {index} is in the tree of {size} leaves that {vkey[0]} signed, sha256 {sha256(leaf).hex()}")


# ---- tiles

def tile_name(level, index, width):
    digits = f"{index:03d}"
    digits = digits.rjust((len(digits) + 2) // 3 * 3, "0")
    parts = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return f"tile/{level}/" + "/".join(["x" + p for p in parts[:-1]] + parts[-1:]) + (f".p/{width}" if width < 256 else "")


def read_tiles(ledger, level, count):
    """All bytes of a level with so many elements, tile by tile."""
    for index in range((count + 255) // 256):
        name = tile_name(level, index, min(256, count - 256 * index))
        with open(os.path.join(ledger, name), "rb") as f:
            yield name, f.read()


def check_tiles(vkey, ledger):
    with open(os.path.join(ledger, "checkpoint"), encoding="utf-8", newline="") as f:
        size, root = open_checkpoint(f.read(), vkey)
    hashes = []
    for name, data in read_tiles(ledger, "entries", size):
        at, before = 0, len(hashes)
        while at < len(data):
            n = int.from_bytes(data[at:at + 2], "big")
            if at + 2 + n > len(data):
                raise Wrong(name + " ends inside an entry")
            hashes.append(sha256(b"\0" + data[at + 2:at + 2 + n]))
            at += 2 + n
        if len(hashes) - before != min(256, size - before):
            raise Wrong(name + " has another number of entries")
    if tree_hash(hashes) != root:
        raise Wrong("the entries do not make the signed root")
    level, files = 0, 0
    while hashes:
        for i, (name, data) in enumerate(read_tiles(ledger, level, len(hashes))):
            if data != b"".join(hashes[256 * i:256 * i + 256]):
                raise Wrong(name + " is not made of what is below it")
            files += 1
        hashes = [tree_hash(hashes[i:i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
    print(f"{size} leaves make the root that {vkey[0]} signed; {files} tiles of hashes in {level} levels")


def main():
    kinds = {"proof": check_proof, "tiles": check_tiles}
    if len(sys.argv) != 4 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(sys.argv[2], encoding="utf-8") as f:
            vkey = read_vkey(f.read())
        kinds[sys.argv[1]](vkey, sys.argv[3])
    except (Wrong, OSError, ValueError, IndexError) as e:
        print(f"{sys.argv[3]}: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
