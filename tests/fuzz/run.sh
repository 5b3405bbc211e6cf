#!/bin/sh
# run.sh FUZZER SECONDS: fuzzes from the kept corpus; new inputs stay under build/, findings too.
set -eu
fuzzer=$1
seconds=$2
name=$(basename "$fuzzer")
name=${name#fuzz_}
kept=tests/fuzz/corpus/$name
found=build/fuzz/found/$name
mkdir -p "$found"
test -d "$kept" || kept=
# The dictionary of a text format, when there is one.
dict=tests/fuzz/$name.dict
test -f "$dict" || dict=
echo "== $name, $seconds s"
exec "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
    ${dict:+-dict="$dict"} -artifact_prefix="build/fuzz/crash-$name-" "$found" ${kept:+"$kept"}
