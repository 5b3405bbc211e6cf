# SPDX-License-Identifier: GPL-3.0-or-later
# What tests of bundles share: an authority on loopback, a bag taken apart and put together again, and its verdict.
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

from station import PACKSEAL, SRC, run, verdict


class Authority:
    """tests/fakes/tsad.py: openssl's own time-stamp authority behind HTTP."""

    def __init__(self, *options):
        self.process = subprocess.Popen([sys.executable, os.path.join(SRC, "tests", "fakes", "tsad.py"), *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = json.loads(self.process.stdout.readline())
        self.url, self.ca = said["url"], said["ca"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def anchor(self):
        der = run("openssl", "x509", "-in", self.ca, "-outform", "DER").stdout
        return hashlib.sha256(der).hexdigest()


def read_zip(path):
    with zipfile.ZipFile(path) as z:
        return {n: z.read(n) for n in z.namelist()}


def base_of(files):
    return next(iter(files)).split("/", 1)[0] + "/"


def write_bag(path, files):
    """The same bag with its manifests made anew, as whoever tampers would: stored, sorted, 1980."""
    base = base_of(files)
    files = {n: p for n, p in files.items() if not n.endswith("manifest-sha256.txt")}

    def lines(names):
        return "".join("%s  %s\n" % (hashlib.sha256(files[n]).hexdigest(), n[len(base):]) for n in sorted(names)).encode()
    files[base + "manifest-sha256.txt"] = lines([n for n in files if n.startswith(base + "data/")])
    files[base + "tagmanifest-sha256.txt"] = lines([n for n in files if not n.startswith(base + "data/")])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as z:
        for n in sorted(files):
            i = zipfile.ZipInfo(n)
            i.external_attr = 0
            i.create_system = 0
            z.writestr(i, files[n])
    return path


def codes(v):
    return {p["code"] for p in v["problems"]}


def judge(path, trust, *more):
    r = run(PACKSEAL, "verify", "--json", "--trust", trust, *more, path)
    return r.returncode, verdict(r)


def config_of(s, authority):
    path = s.path("packseal.conf")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"(?m)^\[time\].*$", "", text) + "\n[time]\nauthority.test = %s\nca.test = %s\n" % (authority.url, authority.ca)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
