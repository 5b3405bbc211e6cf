#!/usr/bin/env python3
# verify.html on a bundle of more than 2 GiB, most of it a hole: read by slices to its end, in bounded memory, and the
# same answer as `packseal verify`.
import concurrent.futures
import hashlib
import os
import shutil
import struct
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import webdriver
from checkers import INPUT, PAGE, by_program, essence, need_browser, record
import bag
from station import SANITIZED, need_programs, skip_all, tap, wait_for

SIZE = (2 << 30) + (1 << 20)
BASE = "packseal-ST03-0000001/"

START = """
window.answer = null;
packsealVerify([document.getElementById('corpus').files[0]]).then(v => { window.answer = v; }, e => { window.answer = String(e.stack || e); });
"""


def zeros_digest(size):
    h, zeros = hashlib.sha256(), bytes(8 << 20)
    while size:
        h.update(zeros[:min(size, len(zeros))])
        size -= min(size, len(zeros))
    return h.hexdigest()


def write(path, clip, digest):
    """The clip's bundle with one more file of SIZE zeros, which the manifest lists."""
    manifest = bag.bag(clip)[BASE + "manifest-sha256.txt"] + ("%s  data/zz-large.bin\n" % digest).encode()
    files = bag.bag(clip, manifest=manifest)
    large, directory, at = BASE + "data/zz-large.bin", b"", 0
    with open(path, "wb") as f:
        for name in sorted([*files, large]):
            data = files.get(name, b"")
            size = len(data) if name in files else SIZE
            common = struct.pack("<HHHHHIIIHH", 10, 0, 0, 0, 33, zlib.crc32(data), size, size, len(name), 0)
            directory += b"PK\1\2\x1e\3" + common + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, at) + name.encode()
            f.seek(at)
            f.write(b"PK\3\4" + common + name.encode() + data)
            at += 30 + len(name) + size
        f.seek(at)
        n = len(files) + 1
        f.write(directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, n, n, len(directory), at, 0))


def resident(browser):
    """MB that the browser's processes hold in memory of their own."""
    total = 0
    for pid in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                if browser.profile.encode() not in f.read():
                    continue
            with open("/proc/%s/status" % pid, encoding="ascii", errors="replace") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
        except (OSError, ValueError):
            continue
    return total // 1024


def main():
    need_programs()
    if SANITIZED:
        skip_all("hashing gigabytes under a sanitizer says nothing more")
    need_browser()
    work = tempfile.mkdtemp(prefix="packseal-large.")
    beside = concurrent.futures.ThreadPoolExecutor(1)    # the digest while the station records, the program while the page reads
    browser = files = None
    try:
        digest = beside.submit(zeros_digest, SIZE)
        recorded, clip = record(work), {}
        folder = os.path.join(recorded, "clip0")
        for at, _folders, names in os.walk(folder):
            for n in names:
                with open(os.path.join(at, n), "rb") as f:
                    clip["ST03-0000001/" + os.path.relpath(os.path.join(at, n), folder)] = f.read()
        write(os.path.join(work, "large.zip"), clip, digest.result())
        asked = beside.submit(by_program, work, {"file": "large.zip", "trust": None})
        files = webdriver.Files({"verify.html": PAGE})
        browser = webdriver.Browser()
        browser.open(files.url + "verify.html")
        browser.call(INPUT)
        browser.attach("#corpus", [os.path.join(work, "large.zip")])
        before, most, began = resident(browser), 0, time.monotonic()
        browser.call(START)

        def answered():
            nonlocal most
            most = max(most, resident(browser))
            return browser.call("return window.answer")
        page, program = wait_for(answered, 220, every=1), asked.result()
        tap.diag("%d MiB took %.0f s; memory %d MB before, at most %d MB" % (SIZE >> 20, time.monotonic() - began, before, most))
        tap.same(essence(page or "no answer"), essence(program), "a bundle of more than 2 GiB: the same answer from both")
        tap.same([v[1] for v in essence(program)], ["intact"], "and it is intact")
        tap.ok(most - before < 700, "in bounded memory", before, most)
    finally:
        if browser:
            browser.close()
        if files:
            files.close()
        shutil.rmtree(work, ignore_errors=True)
    tap.done()


main()
