#!/usr/bin/env bats
# packseal verify with many paths: order, lists, threads, errors that stay alone. What it says of evidence is for
# tests/unit/test_tamper.c.

load common
bats_require_minimum_version 1.5.0

film=${PACKSEAL_SRC:?}/tests/golden/v1/film/a.mp4

setup() {
    fresh
    cd "$dir"
    cp "$film" film.mp4
    echo text >text
}
teardown() { forget; }

paths_of() { jq -r .path; }

@test "answers keep the order of the paths, whatever the number of threads" {
    for i in $(seq 60); do
        cp film.mp4 "$i.mp4"
        head -c $((i * 100)) film.mp4 >"$i-torn.mp4"
        printf '%s\n' "$i.mp4" "missing-$i" "$i-torn.mp4" text
    done >list
    grep -v missing list >there
    run --separate-stderr "$packseal" verify --json --files-from list --jobs 1
    [ "$status" -eq 1 ]
    one=$output
    one_err=$stderr
    [ "$(printf '%s\n' "$one" | paths_of)" = "$(cat there)" ]
    [ "$(printf '%s\n' "$one_err" | wc -l)" -eq 60 ]
    [[ $one_err == *missing-60* ]]
    for jobs in 2 7; do
        run --separate-stderr "$packseal" verify --json --files-from list --jobs "$jobs"
        [ "$status" -eq 1 ]
        [ "$output" = "$one" ]
        [ "$stderr" = "$one_err" ]
    done
}

@test "a list comes from a file or a pipe, in lines or NUL bytes, beside arguments" {
    printf 'film.mp4\n\ntext' >list
    printf 'film.mp4\0a\nb\0text\0' >list0
    cp film.mp4 "a
b"
    run "$packseal" verify --json --files-from list text
    [ "$(printf '%s\n' "$output" | paths_of)" = "$(printf 'text\nfilm.mp4\ntext')" ]
    run bash -c "'$packseal' verify --json --files-from - <list"
    [ "$(printf '%s\n' "$output" | paths_of)" = "$(printf 'film.mp4\ntext')" ]
    run bash -c "cat list0 | '$packseal' verify --json --files-from - -0"
    [ "$(printf '%s\n' "$output" | jq -r '.path | @json')" = "$(printf '"film.mp4"\n"a%%0Ab"\n"text"')" ]
}

@test "an answer is there as soon as it is known" {
    mkfifo paths
    "$packseal" verify --json --jobs 2 --files-from paths >answers 3>&- &
    exec 5>paths
    echo film.mp4 >&5
    for _ in $(seq 100); do
        [ -s answers ] && break
        sleep 0.1
    done
    [ "$(paths_of <answers)" = film.mp4 ]
    exec 5>&-
    status=0
    wait $! || status=$?
    [ "$status" -eq 1 ]
}

@test "exit is the worst of all; a list that breaks off is told" {
    run "$packseal" verify --json text
    [ "$status" -eq 2 ]
    run "$packseal" verify --json text film.mp4
    [ "$status" -eq 1 ]
    run "$packseal" verify --json --files-from nowhere
    [ "$status" -eq 2 ]
    [[ $output == *nowhere* ]]
    : >empty
    run "$packseal" verify --files-from empty
    [ "$status" -eq 2 ]
    [[ $output == *"nothing to judge"* ]]
    printf 'text\0film.mp4\0' >list0
    run "$packseal" verify --files-from list0
    [ "$status" -eq 2 ]
    [[ $output == *"--null"* ]]
    head -c 9000 /dev/zero | tr '\0' x >long
    echo >>long
    echo film.mp4 >>long
    run --separate-stderr "$packseal" verify --json --files-from long
    [ "$status" -eq 1 ]
    [ "$(printf '%s\n' "$output" | paths_of)" = film.mp4 ]
}

@test "the number of threads is checked" {
    for n in 0 -1 257 two ''; do
        run "$packseal" verify --jobs "$n" film.mp4
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
    done
}

@test "thousands of paths take no more memory than hundreds" {
    test -z "${PACKSEAL_SAN:-}" || skip "a sanitizer keeps what was freed"
    for n in 300 6000; do
        yes text | head -n "$n" >list
        /usr/bin/env python3 - "$packseal" >"peak.$n" <<'PY'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "verify", "--json", "--files-from", "list"], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
    done
    [ "$(cat peak.6000)" -lt $(($(cat peak.300) + 4096)) ]
}

@test "a reader that goes away ends it" {
    yes film.mp4 | head -n 100000 >list
    run timeout 60 bash -c "set -o pipefail; '$packseal' verify --json --files-from list | head -n 1 >first"
    [ "$status" -eq 2 ]
    [ "$(paths_of <first)" = film.mp4 ]
}
