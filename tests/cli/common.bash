# Shared by the tests of the command line.
# shellcheck shell=bash
packseal=${PACKSEAL_BUILD:?}/packseal
export LC_ALL=C.UTF-8 TZ=UTC
unset PACKSEAL_ROOT

fresh() {
    dir=$(mktemp -d "${TMPDIR:-/tmp}/packseal-cli.XXXXXX")
    root=$dir/root
}

forget() {
    stop_station
    rm -rf "${dir:?}"
}

# A camera that needs no device: a moving picture, paced in real time.
camera='top=lavf:lavfi:testsrc2=size=320x240:rate=15'

new_station() {
    "$packseal" init --root "$root" --station 打包三号台 --id ST03 --camera "$camera" "$@"
}

# Starts `packseal run`; descriptor 3 is of bats and must not be held by what lives on.
start_station() {
    "$packseal" run --root "$root" "$@" <&0 >"$dir/run.log" 2>&1 3>&- 4>&- &
    station=$!
    for _ in $(seq 400); do
        grep -q '^ready$' "$dir/run.log" && return 0
        kill -0 "$station" 2>/dev/null || break
        sleep 0.1
    done
    cat "$dir/run.log"
    return 1
}

# Ends it as an operator does; its exit status is in $ended.
# shellcheck disable=SC2034 # which tests read
stop_station() {
    ended=
    test -n "${station:-}" || return 0
    kill "$station" 2>/dev/null || true
    ended=0
    wait "$station" || ended=$?
    station=
}

# One value out of a line of JSON.
json() {
    printf '%s\n' "$1" | jq -r "$2"
}
