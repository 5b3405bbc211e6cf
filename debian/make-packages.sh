#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# make-packages.sh OUT [--unjudged]: the Debian packages of this tree, in OUT, and what lintian says of them. The tree is
# copied first, so that nothing is written into it and nobody's half-saved file comes between two compilers. What is up to
# date is left alone.
set -eu

out=${1:?usage: make-packages.sh OUT [--unjudged]}
judged=${2-}
src=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
out=$(cd "$out" && pwd -P) # one name for make and compiler alike, or debug information would tell the other one

list() { # names with blanks or line breaks there are none
    if git -C "$src" rev-parse --git-dir >/dev/null 2>&1; then
        git -C "$src" ls-files --cached --others --exclude-standard | while read -r f; do test ! -f "$src/$f" || echo "$f"; done
    else
        (cd "$src" && find . -path ./build -prune -o -type f -print)
    fi | LC_ALL=C sort
}

exec 9>"$out/lock"
flock 9
files=$(list)
key=$(cd "$src" && printf '%s\n' "$files" | grep -v '^\(\./\)\{0,1\}tests/' | xargs sha256sum | sha256sum | cut -c1-32)
if test -e "$out/key" && test "$(cat "$out/key")" = "$key"; then
    echo "packages are up to date: $out"
    exit 0
fi

rm -rf "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo "$out/key" "$out/tree"
mkdir "$out/tree"
(cd "$src" && printf '%s\n' "$files" | tar -cf - -T -) | tar -C "$out/tree" -xf -
# Of an outer make nothing is to come through: its variant, its jobs, its sanitizers.
if ! (cd "$out/tree" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -b -us -uc \
    -j"${PACKSEAL_JOBS:-$(nproc)}" >"$out/build.log" 2>&1); then
    tail -n 30 "$out/build.log" >&2
    echo "packseal: packages were not built: $out/build.log: mend what it ends with" >&2
    exit 1
fi
rm -rf "$out/tree"
test "$judged" = --unjudged || lintian --fail-on error,warning --tag-display-limit 0 --allow-root "$out"/packseal_*.changes 9>&-
echo "$key" >"$out/key"
ls -1 "$out"/*.deb
