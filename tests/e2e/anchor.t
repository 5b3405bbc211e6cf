#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Tokens whose authority's certificate ends soon: named in the ledger once, and covered by the stamp that follows.
import hashlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from signing import Server, Signing
from station import PACKSEAL, run, tap

ANCHOR = 12


def authority(server, name="main"):
    return "authority.%s = %s\nca.%s = %s\n" % (name, server.url, name, server.said["ca"])


def digest(s, token):
    data = b""
    for name in ("token.tsr", "chain.pem"):
        with open(s.path("tokens", token, name), "rb") as f:
            data += f.read()
    return hashlib.sha256(data).digest()


def anchors(s):
    """What docs/FORMAT.md says of such leaves: (index, digest, size of the token's checkpoint)."""
    return [(i, x[108:140], int.from_bytes(x[142:], "big")) for i, x in enumerate(s.leaves()) if x[4] == ANCHOR]


def told(out, state):
    return [x for x in out if x["state"] == state]


lasting, ending, over = Server("tsad.py", "--days", 365), Server("tsad.py", "--days", 80), Server("tsad.py", "--days", 95)
with Signing() as s:
    s.clip()
    s.conf(authority(lasting, "long") + authority(over, "later"))
    status, out, err = s.stamp()
    s.clip()
    status, out, err = s.stamp()
    tap.ok(status == 0 and anchors(s) == [] and told(out, "anchored") == [],
           "tokens whose certificates last for more than 90 days are left alone", status, out, err)

    s.conf(authority(ending))
    status, out, err = s.stamp()
    token, size = out[0]["token"], s.size()
    tap.ok(status == 0 and out[0]["state"] == "stamped" and anchors(s) == [], "stamped by one that ends in 80 days", out, err)
    status, out, err = s.stamp()
    a = told(out, "anchored")
    tap.ok(status == 0 and len(a) == 1 and a[0]["token"] == token and a[0]["leaf"] == size, "the next run anchors its token",
           status, out, err)
    tap.same(anchors(s), [(size, digest(s, token), size)], "the leaf holds the digest of token and chain, and the token's size")
    b = told(out, "stamped")
    tap.ok(len(b) == 1 and b[0]["size"] > a[0]["leaf"], "and the stamp of the same run covers the leaf", out)
    grown = s.size()
    for _ in range(2):
        status, out, err = s.stamp()
        tap.ok(status == 0 and told(out, "anchored") == [] and s.size() == grown and out[0]["state"] == "current",
               "a ledger at rest does not grow by its own anchors", out, err, anchors(s))
    s.clip()
    status, out, err = s.stamp()
    tap.ok([x["token"] for x in told(out, "anchored")] == [b[0]["token"]] and len(anchors(s)) == 2,
           "a ledger that has grown anchors the new token, and none twice", out, err)

    s.clip()
    s.stop()
    count = len(s.leaves())
    status, out, err = s.stamp()
    tap.ok(status == 0 and told(out, "stamped") and told(out, "anchored") == [] and "not anchored yet" in err and
           len(s.leaves()) == count, "without the signer it is stamped, and said", status, out, err)
    s.start()
    s.conf(authority(lasting, "long"))
    status, out, err = s.stamp()
    tap.ok(status == 0 and len(told(out, "anchored")) == 2 and told(out, "stamped")[0]["size"] > told(out, "anchored")[-1]["leaf"],
           "with another authority the old tokens are carried on by one that lasts", status, out, err)
    names = [x["token"] for x in told(out, "anchored")]
    tap.same([x[1] for x in anchors(s)][-2:], [digest(s, n) for n in names], "each by its own leaf")
    r = run(PACKSEAL, "stamp", "--root", s.root)
    tap.ok(r.returncode == 0 and b"anchored" not in r.stdout, "all are named now", r.stdout)
    s.clip()
    for server in (lasting, ending, over):
        server.end()
tap.done()
