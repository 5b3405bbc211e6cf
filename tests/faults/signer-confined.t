#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What the signer gives up before it serves, and what it refuses to start on.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

new_station
start --
status_of() {
    sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"
}
limit_of() {
    sed -n "s/^$1 *\([^ ]*\) .*/\1/p" "/proc/$pid/limits"
}
is "$(status_of NoNewPrivs)" 1 'no new privileges'
is "$(limit_of 'Max core file size')" 0 'no core dumps'
is "$(limit_of 'Max open files')" 64 'few open files'
bits=$(field confined "$(say status)")
if test -n "$unfiltered"; then
    is "$((bits & 31))" 11 'a sanitizer build says that it has no filter'
    like "$(cat "$root/err")" '*seccomp: left out*' 'and says so aloud'
else
    is "$(status_of Seccomp)" 2 'a system call filter'
    is "$((bits & 31))" 15 'the status says that all of it holds'
    stop
    start -- --no-seccomp
    is "$(status_of Seccomp)" 0 'no filter when told so'
    is "$(($(field confined "$(say status)") & 4))" 0 'the status tells'
    like "$(cat "$root/err")" '*seccomp: left out*' 'and standard error'
    stop
    # A kernel without the filter: the call fails.
    if strace -o /dev/null -e inject=seccomp:error=EINVAL true 2>/dev/null; then
        start strace -D -o /dev/null -e inject=seccomp:error=EINVAL --
        test $? -ne 0 && grep -q '^packseal-signer: seccomp: ' "$root/err"
        ok $? 'it refuses to run half-confined'
        wait "$pid"
        start strace -D -o /dev/null -e inject=seccomp:error=EINVAL -- --allow-unconfined
        is "$(($(field confined "$(say status)") & 4))" 0 'but for --allow-unconfined, and the status tells'
    else
        echo '# strace may not trace here: the kernel without seccomp is not tested' >&2
    fi
fi
stop

# ---- how it is started and says so
mkdir -p "$root/s/run"
rm -f "$root/s/run/signer.sock"
perl -MSocket -MFcntl -e '
    socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die; my $path = shift;
    bind $s, sockaddr_un($path) and listen $s, 16 or die; fcntl $s, F_SETFD, 0;
    exec @ARGV, "--fd", fileno $s' "$root/s/run/signer.sock" "$signer" --dir "$root/s/signer" $unfiltered >"$root/out" 2>"$root/err" &
pid=$!
like "$(say status)" 'STATUS *' 'it serves on an inherited socket'
stop
rm -f "$root/s/run/signer.sock"
perl -MSocket -MPOSIX -e '
    socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die; my $path = shift;
    bind $s, sockaddr_un($path) and listen $s, 16 or die; dup2(fileno $s, 3) or fileno $s == 3 or die;
    $^F = 9; open my $keep, "<&=3" or die; fcntl $keep, 2, 0;
    $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_PID} = $$; exec @ARGV' "$root/s/run/signer.sock" "$signer" --dir "$root/s/signer" $unfiltered \
    >"$root/out" 2>"$root/err" &
pid=$!
like "$(say status)" 'STATUS *' 'it serves on the socket that systemd opened'
stop
LISTEN_FDS=2 LISTEN_PID=1 "$signer" --dir "$root/s/signer" --fd 0 $unfiltered </dev/null 2>"$root/err"
grep -q -e '--fd: is no listening' "$root/err"
ok $? "but not on one meant for another process"
"$signer" --dir "$root/s/signer" $unfiltered --fd 0 </dev/null 2>"$root/err"
test $? -eq 1 && grep -q -e '--fd: is no listening Unix socket' "$root/err"
ok $? 'but not on anything else'
perl -MSocket -e '
    socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die; my $path = shift; bind $s, sockaddr_un($path) or die;
    my $pid = fork // die; if (!$pid) { $ENV{NOTIFY_SOCKET} = $path; open STDOUT, ">", "$path.out"; exec @ARGV }
    alarm 60; recv $s, my $said, 100, 0; kill TERM => $pid; wait; print "$said $?"' "$root/notify" \
    "$signer" --dir "$root/s/signer" $unfiltered >"$root/said" 2>/dev/null
is "$(cat "$root/said")" 'READY=1 0' 'it tells the service manager'
is "$(cat "$root/notify.out")" '' 'and then nobody else'
start --
"$signer" --dir "$root/s/signer" $unfiltered >"$root/out2" 2>"$root/err2"
test $? -eq 1 && grep -q 'another signer runs' "$root/err2"
ok $? 'one signer at a time'
say 'open SF1' 'segment 0 500' end seal >"$root/out2"
like "$(sed -n 4p "$root/out2")" 'SEALED *' 'it seals, confined as it is'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
start --
ok $? 'the socket of a dead signer is replaced'
stop

# refuses NAME PATTERN: it does not start, and says why.
refuses() {
    if start --; then
        ok 1 "$1"
        stop
        return
    fi
    wait "$pid"
    like "$? $(cat "$root/err")" "1 packseal-signer: $2" "$1"
    pid=
}
keep() {
    rm -rf "$root/kept"
    cp -a "$root/s" "$root/kept"
}
restore() {
    rm -rf "$root/s"
    cp -a "$root/kept" "$root/s"
}
# flip FILE OFFSET
flip() {
    perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F chr(ord($b) ^ 4)' \
        "$1" "$2"
}
current() {
    find "$root/s/signer" -name 'journal.*' -size +0 | head -n 1
}

start --
say 'open SF2' 'segment 0 500' 'segment 0 600' >"$root/out2"
stop
keep
flip "$(current)" 450
refuses 'a damaged journal' 'journal.?: damaged at byte *'
restore
: >"$(current)"
refuses 'a lost journal' 'journal: is missing or damaged, but the ledger has entries*'
restore
truncate -s -1 "$(current)"
start --
like "$(say status)" '* clip=*:open:same:1:0' 'a torn end is cut, and the rest is there'
stop
restore
truncate -s 0 "$root/s/ledger/entries"
refuses 'a lost ledger' 'ledger: has 0 entries, the journal knows of *'
restore
flip "$root/s/ledger/entries" 60
refuses 'a changed ledger' 'ledger: its first * entries are not those that this signer wrote*'
restore
cat "$root/s/ledger/entries" >"$root/double"
cat "$root/double" >>"$root/s/ledger/entries"
refuses 'a ledger with foreign entries' 'ledger entry *'
restore
truncate -s -24 "$root/s/signer/takes"
start --
ok $? 'a lost take is found in the journal'
stop
restore
truncate -s 40 "$root/s/signer/takes"
refuses 'lost takes' 'takes: counts * clips, the ledger has *'
restore
chmod 640 "$root/s/signer/clip.key"
refuses 'a key that others can read' 'clip.key: must be a file of the signer*'
restore
flip "$root/s/signer/clip.key" 60
refuses 'a damaged key' 'clip.key: *'
restore
for f in clip ledger; do
    sed "s/$f/other/" "$root/s/signer/$f.key" >"$root/k"
done
cp "$root/s/signer/ledger.key" "$root/s/signer/clip.key"
refuses 'a key of the wrong kind' 'clip.key: is no key file'
restore
start --
ok $? 'the restored station starts'
stop
done_testing
