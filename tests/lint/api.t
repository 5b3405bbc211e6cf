#!/usr/bin/env python3
# The viewer's interface is written down three times: for people (docs/API.md), for machines (viewer/openapi.json), and in the
# program's tables. All three name the same requests, and who may make them.
import json
import os
import re
import subprocess
import sys

SRC = os.environ.get("PACKSEAL_SRC", ".")
BUILD = os.environ.get("PACKSEAL_BUILD", os.path.join(SRC, "build", "release"))
PEOPLE = {"packer", "clerk", "auditor", "admin"}
ALL = PEOPLE | {"nobody", "screen", "scan", "read", "export", "metrics"}
tests, bad = 0, 0


def none(name, findings):
    global tests, bad
    tests += 1
    print("%sok %d - %s" % ("not " if findings else "", tests, name))
    bad += bool(findings)
    for f in sorted(findings):
        print("#   " + f)


def program():
    said = subprocess.run([os.path.join(BUILD, "packseal-viewer"), "--routes"], stdout=subprocess.PIPE, check=True).stdout
    rows = [line.split() for line in said.decode().splitlines()]
    return {(m, p): (set(who.split(",")), kind) for m, p, who, kind in rows}, len(rows)


def roles(words, method):
    """The roles that a cell of the table means."""
    found = set()
    words = words.replace("anybody with `--verify-only`", "")
    for w in re.split(r"[,;]| or ", words):
        w = w.strip().strip("`")
        if w in ("", "once"):
            continue
        if w == "anybody":
            # Who carries a token has a name already; what signs in is for browsers.
            found |= ALL if method == "GET" else PEOPLE | {"nobody", "screen"}
        elif w == "signed in":
            found |= PEOPLE | {"screen"}
        elif w in ("person", "packer…"):
            found |= PEOPLE if method == "GET" or w == "person" else PEOPLE - {"auditor"}
        elif w.startswith("token "):
            found.add(w[6:])
        elif w == "loopback":
            found.add("nobody")
        elif w in ALL:
            found.add(w)
        else:
            found.add("what is %r?" % w)
    return found


def written():
    with open(os.path.join(SRC, "docs", "API.md"), encoding="utf-8") as f:
        text = f.read().split("\n## Requests\n")[1].split("\n## ")[0].split("\nA **row**")[0]
    found = {}
    for line in text.splitlines():
        cells = re.split(r"(?<!\\) ?\| ?", line.strip().strip("|"))
        for method, path in re.findall(r"`(GET|POST|DELETE|PUT) (/[^ `]*)`", cells[0]):
            found[method, "/api/v1" + path] = roles(cells[1], method)
            for alias in re.findall(r"also at `([^`]+)`", line):
                found[method, alias] = roles(cells[1], method)
    return found


def machine():
    with open(os.path.join(SRC, "viewer", "openapi.json"), encoding="utf-8") as f:
        doc = json.load(f)
    return doc, {(m.upper(), p): op for p, ops in doc["paths"].items() for m, op in ops.items()}


def references(x):
    if isinstance(x, dict):
        if "$ref" in x:
            yield x["$ref"]
        for v in x.values():
            yield from references(v)
    elif isinstance(x, list):
        for v in x:
            yield from references(v)


def same(one, other):
    return {"%s %s" % k for k in one if k not in other}


def main():
    routes, n = program()
    docs, (doc, ops) = written(), machine()
    none("the program serves some forty requests, each once", [] if n == len(routes) > 35 else ["%d rows, %d requests" % (n, len(routes))])
    none("docs/API.md has each of them", same(routes, docs))
    none("... and no other", same(docs, routes))
    none("... for the same roles", {"%s %s: program %s, page %s" % (*k, sorted(routes[k][0]), sorted(docs[k]))
                                    for k in routes if k in docs and routes[k][0] != docs[k]})
    none("openapi.json has each of them", same(routes, ops))
    none("... and no other", same(ops, routes))
    none("... for the same roles", {"%s %s: program %s, openapi %s" % (*k, sorted(routes[k][0]), sorted(ops[k]["x-roles"]))
                                    for k in routes if k in ops and routes[k][0] != set(ops[k]["x-roles"])})
    none("... with a body where the program takes one", {"%s %s" % k for k in routes if k in ops and (routes[k][1] != "none") != ("requestBody" in ops[k])})
    none("... and each name of its path", {"%s %s" % k for k, op in ops.items() if set(re.findall(r"\{(\w+)\}", k[1])) !=
                                           {p["name"] for p in op.get("parameters", []) if p["in"] == "path"}})
    wrong = set()
    for ref in references(doc):
        at = doc
        for part in ref.lstrip("#/").split("/"):
            at = at.get(part, {})
        if not at:
            wrong.add(ref)
    none("what it refers to is there", wrong)
    print("1..%d" % tests)
    sys.exit(1 if bad else 0)


main()
