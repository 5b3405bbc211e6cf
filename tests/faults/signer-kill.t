#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kill -9 before each system call that changes the disk or replies, one run each. A client that asks again after a
# restart must get every step done once: the ledger, its tiles and its checkpoint consistent, no clip signed in two ways.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

strace -o /dev/null true 2>/dev/null || skip_all 'strace may not trace here (ptrace is forbidden): no kill was tested'

# LeakSanitizer cannot run under a tracer.
ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
export ASAN_OPTIONS
packseal=$PACKSEAL_BUILD/packseal

cat >"$root/day" <<'EOF'
status
open SF1 2
segment 0 500
segment 1 500
segment 0 700 late
end
append 11 0 photographs
open SF1#2
segment 0 400
abort 1
EOF

# one CALL N: the day, with the signer killed at the N-th CALL. False when it was not reached.
one() {
    new_station
    killed=0
    start strace -D -o /dev/null -e "trace=$1" -e "inject=$1:signal=SIGKILL:when=$2" -- || killed=1
    if test "$killed" -eq 1; then
        wait "$pid" 2>/dev/null
        start -- || return 2
    fi
    # The first clip is sealed by a client that knows its records; so both are one process.
    sed 's/^end$/end\nseal\nreseal/' "$root/day" | "$ctl" -r "$root/s/run/signer.sock" >"$root/answers" &
    client=$!
    while kill -0 "$client" 2>/dev/null; do
        if ! kill -0 "$pid" 2>/dev/null; then
            killed=1
            wait "$pid" 2>/dev/null
            start -- || return 2
        fi
        sleep 0.02
    done
    wait "$client" || return 2
    test "$killed" -eq 1
}

# What must be true whatever was killed.
check() {
    grep -v -e '^STATUS' "$root/answers" >"$root/rest"
    test "$(cut -d' ' -f1 "$root/rest" | tr '\n' ' ')" = \
        'OPENED ACK ACK ACK ACK SEALED SEALED APPENDED OPENED ACK ACK ' || return 1
    test "$(sed -n 6p "$root/rest")" = "$(sed -n 7p "$root/rest")" || return 1
    test "$(field take "$(sed -n 1p "$root/rest")")" = 1 || return 1
    test "$(field take "$(sed -n 9p "$root/rest")")" = 2 || return 1
    stop
    start -- || return 1
    # Nothing pending; two opens, two ends, the rest start-ups; and the signer itself has checked all of it.
    say status >"$root/after"
    grep -q 'clip=' "$root/after" && return 1
    # Tiles, checkpoint and entries tell one story; this client publishes no folders of clips and photographs.
    "$packseal" ledger check --root "$root/s" --json >"$root/audit" 2>&1
    grep -q '"checkpoint":[1-9]' "$root/audit" || return 1
    grep '"problem"' "$root/audit" | grep -v -e '"clip-missing"' -e '"intake-missing"' && return 1
    test -e "$root/s/ledger/.new" && return 1
    perl -e '
        local $/; open F, "<", $ARGV[0] or die; $_ = <F>; my ($i, %n, %end) = (0);
        while (length) {
            my $n = unpack "n", $_; my $l = substr $_, 2, $n; $_ = substr $_, 2 + $n;
            my ($type, $index, $subject) = unpack "x4 C x19 Q> Q>", $l;
            exit 1 if $index != $i++; $n{$type}++;
            exit 1 if ($type == 3 || $type == 4) && $end{$subject}++;
        }
        exit !($n{2} == 2 && $n{3} == 1 && $n{4} == 1 && $n{11} == 1 && keys %end == 2)' "$root/s/ledger/entries"
}

for call in pwrite64 fdatasync fsync ftruncate renameat renameat2 mkdirat sendto; do
    n=1
    while :; do
        one "$call" "$n"
        reached=$?
        if test "$reached" -eq 2; then
            ok 1 "killed at $call $n: comes back"
            sed 's/^/# /' "$root/err"
            break
        fi
        check
        checked=$?
        if test "$reached" -eq 1; then
            ok "$checked" "$call is called $((n - 1)) times on such a day, and all of them were tried"
            stop
            break
        fi
        ok "$checked" "killed at $call $n: the same replies, each step once"
        test "$checked" -eq 0 || sed 's/^/# /' "$root/answers" "$root/err"
        stop
        n=$((n + 1))
    done
    test "$n" -ge 2
    ok $? "$call was reached"
done
done_testing
