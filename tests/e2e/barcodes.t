#!/usr/bin/env python3
# The sheet of barcodes as a scanner sees it: printed to pixels by poppler at an office printer's 300 dots, read back by libzbar.
import ctypes
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from station import BUILD, PACKSEAL, run, tap

COMMANDS = ["STOP", "CANCEL", "PACK", "RETURN", "BOX", "MARK", "OUT"]
CODE128 = 128


def reader():
    z = ctypes.CDLL("libzbar.so.0")
    pointer, unsigned, number = ctypes.c_void_p, ctypes.c_uint, ctypes.c_int
    for name, result, takes in (("image_scanner_create", pointer, []), ("image_create", pointer, []),
                                ("image_scanner_set_config", number, [pointer, number, number, number]),
                                ("image_set_format", None, [pointer, ctypes.c_ulong]),
                                ("image_set_size", None, [pointer, unsigned, unsigned]),
                                ("image_set_data", None, [pointer, pointer, ctypes.c_ulong, pointer]),
                                ("scan_image", number, [pointer, pointer]), ("image_first_symbol", pointer, [pointer]),
                                ("symbol_next", pointer, [pointer]), ("symbol_get_data", ctypes.c_char_p, [pointer]),
                                ("symbol_get_type", number, [pointer]), ("symbol_get_quality", number, [pointer]),
                                ("image_destroy", None, [pointer]), ("image_scanner_destroy", None, [pointer])):
        f = getattr(z, "zbar_" + name)
        f.restype, f.argtypes = result, takes
    return z


Z = reader()


def pixels(path):
    with open(path, "rb") as f:
        head = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", f.read(64))
        f.seek(head.end())
        return int(head.group(1)), int(head.group(2)), f.read()


def codes_in(width, height, grey):
    """Codes of a picture: type and text."""
    s, image = Z.zbar_image_scanner_create(), Z.zbar_image_create()
    Z.zbar_image_scanner_set_config(s, 0, 0, 1)
    Z.zbar_image_set_format(image, int.from_bytes(b"Y800", "little"))
    Z.zbar_image_set_size(image, width, height)
    data = ctypes.create_string_buffer(grey, len(grey))
    Z.zbar_image_set_data(image, ctypes.cast(data, ctypes.c_void_p), len(grey), None)
    Z.zbar_scan_image(s, image)
    found, at = [], Z.zbar_image_first_symbol(image)
    while at:
        found.append((Z.zbar_symbol_get_type(at), Z.zbar_symbol_get_data(at).decode()))
        at = Z.zbar_symbol_next(at)
    Z.zbar_image_destroy(image)
    Z.zbar_image_scanner_destroy(s)
    return found


def narrowest(row):
    """Width of the narrowest bar of one line of pixels that crosses bars."""
    runs = [len(m) for m in re.findall(rb"[\x00-\x7f]+", row)]
    return min(runs) if len(runs) > 20 else None


def white_sides(row):
    """Pixels of white before the first and after the last bar."""
    dark = [i for i, v in enumerate(row) if v < 128]
    return dark[0], len(row) - 1 - dark[-1]


def main():
    folder = tempfile.mkdtemp(prefix="packseal-barcodes.")
    try:
        look(folder)
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            tap.diag("kept: " + folder)
    tap.done()


def cli(*args):
    return run(PACKSEAL, "barcodes", *args, env={**os.environ, "LC_ALL": "C.UTF-8", "PACKSEAL_ROOT": "/nonexistent"})


def look(folder):
    pdf = os.path.join(folder, "sheet.pdf")
    r = cli("--site", "hz01", "--operator", "0017=张三 & <b>", "--operator", "0018", "--operator", "ABCDEFGH12345678", "-o", pdf)
    tap.same((r.returncode, r.stdout.decode().strip(), r.stderr), (0, pdf, b""), "a sheet is made and named")
    run("pdftoppm", "-gray", "-r", "300", pdf, os.path.join(folder, "page"))
    pages = [pixels(os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith(".pgm")]
    tap.ok(len(pages) == 2 and all(abs(w - 2480) < 3 and abs(h - 3508) < 3 for w, h, _ in pages), "two pages of A4")
    wanted = ["PS-HZ01-" + c for c in COMMANDS] + ["PS-HZ01-OP-" + p for p in ("0017", "0018", "ABCDEFGH12345678")]
    read = [c for p in pages for c in codes_in(*p)]
    tap.same(sorted(read), sorted((CODE128, w) for w in wanted), "libzbar reads every code back, as Code 128, and nothing else")
    # The scanner's beam over each code: a line of pixels through its middle.
    least, quiet, rows = [], [], 0
    for width, height, grey in pages:
        for k in range(7):
            y = round((32 + 34 * k + 6 + 7.5) / 25.4 * 300)
            column = grey[y * width + round(93 / 25.4 * 300):y * width + width]  # right of the captions
            bar = narrowest(column)
            if bar is None:
                continue
            rows += 1
            least.append(bar)
            quiet.append(min(white_sides(column)) / bar)
    tap.same(rows, len(wanted), "every code stands on a line of its own")
    tap.ok(min(least) >= 3, "no bar is narrower than 0.25 mm", least)
    tap.ok(min(quiet) >= 9, "ten modules of white on each side (less the printer's rounding)", quiet)
    # A cheap scanner, or a poor printer: half the dots.
    run("pdftoppm", "-gray", "-r", "150", "-l", "1", pdf, os.path.join(folder, "coarse"))
    coarse = codes_in(*pixels(os.path.join(folder, next(f for f in sorted(os.listdir(folder)) if f.startswith("coarse")))))
    tap.same(sorted(t for _, t in coarse), sorted(wanted[:7]), "the commands are read at half the resolution, too")
    text = run("pdftotext", "-layout", pdf, "-").stdout.decode()
    tap.ok(all(w in text for w in wanted), "each code stands below its bars in letters")
    tap.ok(all(w in text for w in ("结束录像", "Stop", "取消", "Cancel", "退货", "Return", "签退", "Sign out")), "captions in both languages")
    tap.ok("张三 & <b>" in text, "a name is printed as it was given")
    with open(pdf, "rb") as f:
        first = f.read()

    r = cli("--site", "HZ01", "-o", pdf)
    tap.ok(r.returncode == 1 and b"is there already" in r.stderr, "what exists is not overwritten", r.stderr)
    with open(pdf, "rb") as f:
        tap.ok(f.read() == first, "and stays as it is")
    again = os.path.join(folder, "again.pdf")
    cli("--site", "HZ01", "--operator", "0017=张三 & <b>", "--operator", "0018", "--operator", "ABCDEFGH12345678", "-o", again)
    with open(again, "rb") as f:
        tap.ok(f.read() == first, "the same sheet has the same bytes")
    refuse(folder)
    from_station(folder)


def refuse(folder):
    out = os.path.join(folder, "bad.pdf")
    for name, args in {"a site of three": ["--site", "HZ1"], "of five": ["--site", "HZ011"], "with a sign": ["--site", "HZ-1"],
                       "in Chinese": ["--site", "杭州01"], "no site at all": [],
                       "a staff number with a blank": ["--site", "HZ01", "--operator", "00 17"],
                       "an empty one": ["--site", "HZ01", "--operator", "=张三"],
                       "one of 17": ["--site", "HZ01", "--operator", "12345678901234567"],
                       "one given twice": ["--site", "HZ01", "--operator", "0017", "--operator", "0017=B"],
                       "a name with a line break": ["--site", "HZ01", "--operator", "0017=A\nB"]}.items():
        r = cli(*args, "-o", out)
        lines = r.stderr.decode().splitlines()
        tap.ok(r.returncode == 2 and len(lines) == 1 and lines[0].startswith("packseal: ") and not os.path.exists(out),
               "refused in one line: " + name, r.returncode, r.stderr)
    r = run(os.path.join(BUILD, "packseal-report"), "--barcodes", "HZ\"1", "--out", out)
    tap.ok(r.returncode == 2 and not os.path.exists(out), "the program that draws looks for itself", r.stderr)


def from_station(folder):
    root, out = os.path.join(folder, "root"), os.path.join(folder, "own.pdf")
    os.mkdir(root)
    with open(os.path.join(root, "packseal.conf"), "w", encoding="utf-8") as f:
        f.write("[station]\nid = ST03\nname = 打包三号台\nsite = sh9a\n")
    r = cli("--root", root, "-o", out)
    text = run("pdftotext", "-layout", out, "-").stdout.decode() if r.returncode == 0 else ""
    tap.ok("PS-SH9A-STOP" in text and "打包三号台" in text, "site and name come from packseal.conf", r.stderr)


main()
