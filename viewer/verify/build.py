#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes verify.html: one file that needs nothing else and may load nothing else. Each module becomes a function of its own,
# so that names stay apart; the digests of script and style go into the page's Content-Security-Policy.
import base64
import hashlib
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
START = "page.js"

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z0-9]+)\.js";\n', re.M)
EXPORT = re.compile(r"^export (?=(?:const|let|class|function|async function) (\w+))", re.M)


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


def modules(name, seen, out):
    """Modules in the order in which they must run: what is imported comes first."""
    if name in seen:
        if seen[name] == "open":
            sys.exit("verify.html: %s imports itself, through others" % name)
        return
    seen[name] = "open"
    text = read(name)
    for found in IMPORT.finditer(text):
        modules(found.group(2) + ".js", seen, out)
    seen[name] = "done"
    out.append((name, text))


def wrapped(name, text):
    stem = name[:-3]
    body = IMPORT.sub(lambda m: "const {%s} = $%s;\n" % (m.group(1).replace(" as ", ": "), m.group(2)), text)
    names = [m.group(1) for m in EXPORT.finditer(body)]
    body = EXPORT.sub("", body)
    for left in ("\nimport ", "\nexport "):
        if left in "\n" + body:
            sys.exit("verify.html: %s: an import or export of a form that is not known here" % name)
    return "const $%s = (() => {\n%sreturn {%s};\n})();\n" % (stem, body, ", ".join(names))


def check_names(order):
    """Every name that is imported is exported by that name: else it would be undefined, silently."""
    exported = {n[:-3]: {m.group(1) for m in EXPORT.finditer(t)} for n, t in order}
    for name, text in order:
        for found in IMPORT.finditer(text):
            for wanted in re.split(r",\s*", found.group(1).strip()):
                if wanted.split(" as ")[0] not in exported[found.group(2)]:
                    sys.exit("verify.html: %s: %s.js exports no %s" % (name, found.group(2), wanted))


def digest(text):
    return "'sha256-%s'" % base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def main():
    version, target = sys.argv[1:]
    order = []
    modules(START, {}, order)
    check_names(order)
    script = '\n"use strict";\n' + "".join(wrapped(n, t) for n, t in order)
    style = "\n" + read("page.css")
    if "</script" in script.lower() or "<!--" in script or "</style" in style.lower():
        sys.exit("verify.html: script or style would end early")
    policy = "; ".join(["default-src 'none'", "script-src " + digest(script), "style-src " + digest(style), "img-src blob: data:",
                        "media-src blob:", "base-uri 'none'", "form-action 'none'"])
    page = read("page.html")
    for mark, value in (("@CSP@", policy), ("@VERSION@", version), ("@STYLE@", style), ("@SCRIPT@", script)):
        if page.count(mark) != 1:
            sys.exit("verify.html: %s must stand once in page.html" % mark)
        page = page.replace(mark, value)
    with open(target + ".new", "w", encoding="utf-8", newline="\n") as f:
        f.write(page)
    os.replace(target + ".new", target)


main()
