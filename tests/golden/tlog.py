#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees, proofs and tile names from the words of RFC 6962 section 2.1 and C2SP tlog-tiles, as slow as they like.

    python3 tests/golden/tlog.py            the vectors that tests/golden/v1/tlog.txt keeps
    python3 tests/golden/tlog.py check LEAF.bin FILE.tlog-proof
                                            is this leaf where the proof says? (signatures: see ed25519.py)

Leaf i of the vectors is i in four bytes, big-endian. Digests are cut to eight bytes.
"""
import base64
import hashlib
import sys

SMALL = range(0, 601)
LARGE = [65535, 65536, 65537, 65791, 65792, 65793, 70000]


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(data):
    return sha256(b"\x00" + data)


def node(left, right):
    return sha256(b"\x01" + left + right)


def split(n):
    """The largest power of two smaller than n."""
    return 1 << ((n - 1).bit_length() - 1)


class Tree:
    def __init__(self, leaf):
        self.leaf = leaf
        self.known = {}

    def mth(self, start, end):
        if start == end:
            return sha256(b"")
        if (start, end) not in self.known:
            if end - start == 1:
                value = leaf_hash(self.leaf(start))
            else:
                k = split(end - start)
                value = node(self.mth(start, start + k), self.mth(start + k, end))
            self.known[start, end] = value
        return self.known[start, end]

    def path(self, m, start, end):
        n = end - start
        if n == 1:
            return []
        k = split(n)
        if m < k:
            return self.path(m, start, start + k) + [self.mth(start + k, end)]
        return self.path(m - k, start + k, end) + [self.mth(start, start + k)]

    def subproof(self, m, start, end, whole):
        n = end - start
        if m == n:
            return [] if whole else [self.mth(start, end)]
        k = split(n)
        if m <= k:
            return self.subproof(m, start, start + k, whole) + [self.mth(start + k, end)]
        return self.subproof(m - k, start + k, end, False) + [self.mth(start, start + k)]

    def consistency(self, m, n):
        return self.subproof(m, 0, n, True) if m > 0 else []


def tile_path(level, index, width):
    groups = [index % 1000]
    while index >= 1000:
        index //= 1000
        groups.insert(0, index % 1000)
    names = [f"x{g:03d}" for g in groups[:-1]] + [f"{groups[-1]:03d}"]
    return "/".join(["tile", "entries" if level < 0 else str(level)] + names) + (f".p/{width}" if width < 256 else "")


def tiles(size):
    """Every tile that a tree of this size has."""
    out = []
    for level in [-1] + list(range(8)):
        have = size // 256 ** max(level, 0)
        out += [tile_path(level, i, 256) for i in range(have // 256)]
        if have % 256:
            out.append(tile_path(level, have // 256, have % 256))
    return out


def short(data):
    return sha256(data).hex()[:16]


def listed(proofs):
    return short(b"".join(bytes([len(p)]) + b"".join(p) for p in proofs))


def lines(names):
    return short("".join(n + "\n" for n in names).encode())


def vectors():
    tree = Tree(lambda i: i.to_bytes(4, "big"))
    for n in list(SMALL) + LARGE:
        if n <= SMALL[-1]:
            step = 1 if n <= 130 else n // 40 + 1
            indices, sizes = list(range(0, n, step)) + [n - 1], list(range(0, n + 1, step)) + [n]
            indices = indices if n > 0 else []
        else:
            indices = [0, 1, 255, 256, 257, n // 2, n - 257, n - 256, n - 2, n - 1]
            sizes = [0, 1, 2, 255, 256, 257, 511, 512, 32768, 65534, 65535, n - 257, n - 256, n - 1, n]
        yield "tree %d %s %s %s %s" % (
            n,
            tree.mth(0, n).hex()[:16],
            listed(tree.path(i, 0, n) for i in indices),
            listed(tree.consistency(m, n) for m in sizes),
            lines(tiles(n)),
        )
    for old, n in [(0, 1), (1, 2), (255, 256), (256, 256), (256, 257), (255, 257), (300, 900), (511, 513), (65535, 65537), (65280, 65536), (65536, 70000)]:
        had = set(tiles(old))
        yield f"new {old} {n} {lines(t for t in tiles(n) if t not in had)}"
    for level, index, width in [(0, 0, 256), (0, 0, 1), (0, 7, 255), (1, 999, 256), (2, 1000, 17), (0, 1234067, 256), (63, 10**15, 9), (-1, 0, 256), (-1, 1000000, 112), (5, 2**64 - 1, 128)]:
        yield f"path {level} {index} {width} {tile_path(level, index, width)}"


def read_proof(text):
    """A .tlog-proof: leaf, index, siblings, the checkpoint's text."""
    head, checkpoint = text.split("\n\n", 1)
    rows = head.split("\n")
    assert rows[0] == "c2sp.org/tlog-proof@v1" and rows[1].startswith("extra ") and rows[2].startswith("index ")
    return base64.b64decode(rows[1][6:]), int(rows[2][6:]), [base64.b64decode(r) for r in rows[3:]], checkpoint


def root_of(leaf, index, size, siblings):
    """The root that a proof leads to; None when it has too few or too many steps."""
    rest = list(siblings)

    def climb(m, n):
        if n == 1:
            return leaf_hash(leaf)
        k = split(n)
        below = climb(m, k) if m < k else climb(m - k, n - k)
        if below is None or not rest:
            return None
        return node(below, rest.pop(0)) if m < k else node(rest.pop(0), below)

    root = climb(index, size) if index < size else None
    return None if rest else root


def check(leaf_file, proof_file):
    with open(leaf_file, "rb") as f:
        leaf = f.read()
    with open(proof_file, encoding="utf-8") as f:
        extra, index, siblings, checkpoint = read_proof(f.read())
    origin, size, root = checkpoint.split("\n")[:3]
    good = extra == leaf and root_of(leaf, index, int(size), siblings) == base64.b64decode(root)
    print(f"{leaf_file}: {'is' if good else 'IS NOT'} entry {index} of {size} in {origin}")
    return 0 if good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["check"] and len(sys.argv) == 4:
        sys.exit(check(sys.argv[2], sys.argv[3]))
    for row in vectors():
        print(row)
