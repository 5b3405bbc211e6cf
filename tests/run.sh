#!/bin/sh
# How prove starts one test file. Bats files go through bats, fuzz targets replay their corpus,
# everything else starts as its own first line says. A test that hangs is ended after TEST_SECONDS.
set -eu
test=$1
name=$(basename "$test")
set -- timeout --kill-after=10 "${TEST_SECONDS:-600}"

case $test in
*.bats)
    exec "$@" bats --tap "$test"
    ;;
*/fuzz_*)
    exec "$@" "$test" "$PACKSEAL_SRC/tests/fuzz/corpus/${name#fuzz_}"
    ;;
*.t)
    read -r first <"$test" || true
    case $first in
    '#!'*perl*) exec "$@" perl "$test" ;;
    '#!'*bash*) exec "$@" bash "$test" ;;
    '#!'*python3*) exec "$@" python3 "$test" ;;
    '#!'*node*) exec "$@" node "$test" ;;
    '#!'*sh*) exec "$@" sh "$test" ;;
    esac
    echo "1..1"
    echo "not ok 1 - $test has a first line that says what runs it"
    exit 1
    ;;
esac
exec "$@" "$test"
