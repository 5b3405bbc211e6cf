# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# For the signer's tests: a scratch station, a signer to start and stop, and TAP.
#
# Sanitizers make system calls that the filter kills, hence their builds run without it.

: "${PACKSEAL_BUILD:?start me with make test}"
signer=$PACKSEAL_BUILD/packseal-signer
ctl=$PACKSEAL_BUILD/tests/fakes/signerctl
unfiltered=
test -z "${PACKSEAL_SAN:-}" || unfiltered=--no-seccomp

root=$(mktemp -d)
pid=
tests=0
failed=0

finish() {
    test -z "$pid" || kill -KILL "$pid" 2>/dev/null || :
    rm -rf "$root"
}
trap finish EXIT

# ok STATUS NAME: $? of what was just tested.
ok() {
    tests=$((tests + 1))
    if test "$1" -eq 0; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        failed=$((failed + 1))
    fi
}

# like TEXT PATTERN NAME: a shell pattern.
like() {
    # shellcheck disable=SC2254
    case $1 in
    $2) ok 0 "$3" ;;
    *)
        ok 1 "$3"
        printf '%s\n' "got:    $1" "wanted: $2" | sed 's/^/# /'
        ;;
    esac
}

is() {
    test "$1" = "$2" && ok 0 "$3" && return
    ok 1 "$3"
    printf '%s\n' "got:    $1" "wanted: $2" | sed 's/^/# /'
}

skip_all() {
    echo "1..0 # SKIP $1"
    echo "# $1" >&2
    exit 0
}

done_testing() {
    echo "1..$tests"
    exit "$((failed > 0))"
}

# new_station: a fresh folder in $root/s.
new_station() {
    rm -rf "$root/s"
    mkdir "$root/s"
    "$signer" --dir "$root/s/signer" --init --station ST03 >"$root/fingerprints"
}

# start [BEFORE ...] -- [OPTION ...]: BEFORE runs it (strace …); waits until it serves. False when it ends first.
start() {
    wrapper=
    while test "$1" != --; do
        wrapper="$wrapper $1"
        shift
    done
    shift
    : >"$root/out"
    # shellcheck disable=SC2086
    $wrapper "$signer" --dir "$root/s/signer" $unfiltered "$@" >"$root/out" 2>"$root/err" </dev/null &
    pid=$!
    i=0
    while ! grep -q '^ready$' "$root/out"; do
        i=$((i + 1))
        if ! kill -0 "$pid" 2>/dev/null || test "$i" -gt 400; then
            return 1
        fi
        sleep 0.05
    done
}

# shellcheck disable=SC2034
# stop: ends it in order; its exit status in $status.
stop() {
    kill -TERM "$pid" 2>/dev/null || :
    status=0
    wait "$pid" 2>/dev/null || status=$?
    pid=
}

# say COMMAND ...: one line each for signerctl; its answers on standard output.
say() {
    printf '%s\n' "$@" | "$ctl" "$root/s/run/signer.sock"
}

# field NAME LINE: the value of NAME=… in an answer.
field() {
    printf '%s\n' "$2" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}

# nth N TEXT: its N-th line.
nth() {
    printf '%s\n' "$2" | sed -n "$1p"
}
