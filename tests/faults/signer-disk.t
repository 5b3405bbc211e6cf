#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes and syncs that fail: what the signer promised is there, what it refused is not, and a disk that lied
# once is not believed again.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

strace -o /dev/null true 2>/dev/null || skip_all 'strace may not trace here (ptrace is forbidden): no fault was tested'
ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
export ASAN_OPTIONS

# Where strace makes a call fail it replaces its number by -1, which the filter would kill: hence --no-seccomp.

# calls CALL: how often a signer makes it until it is ready.
calls() {
    new_station
    start strace -D -o "$root/trace" -e "trace=$1" -- --no-seccomp
    stop
    grep -c "^$1" "$root/trace"
}

# A full disk: the append is taken back, the next one works.
before=$(calls pwrite64)
new_station
start strace -D -o /dev/null -e inject="pwrite64:error=ENOSPC:when=$((before + 1))" -- --no-seccomp
got=$(say 'open SF1' 'open SF1' 'segment 0 500' status)
like "$(nth 1 "$got")" 'REFUSED DISK the journal cannot be written: No space left*' 'a full disk is a refusal'
like "$(nth 2 "$got")" 'OPENED clip=1 take=1 *' 'when there is room again, the same signer goes on'
is "$(nth 3 "$got")" ACK 'with the next words too'
stop
is "$status" 0 'and ends in order'
start --
like "$(say status)" '*clip=1:open:same:1:0' 'the journal is as if nothing had failed'
stop

# A sync that fails: what is on the disk is unknown, so the process ends and the next one reads.
before=$(calls fdatasync)
new_station
start strace -D -o /dev/null -e inject="fdatasync:error=EIO:when=$((before + 1))" -- --no-seccomp
got=$(say 'open SF1' status)
like "$(nth 1 "$got")" 'REFUSED DISK *Input/output error' 'a failed sync is a refusal'
is "$(nth 2 "$got")" HUNG-UP 'and the end of the process'
wait "$pid"
is $? 1 'with an error'
pid=
like "$(cat "$root/err")" '*journal: a write or fsync failed: free or replace the disk*' 'that says what to do'
start --
like "$(say 'open SF1')" 'OPENED *take=1 *' 'the next signer reads what is there, and nothing was counted twice'
stop

# The same for the ledger's sync, after the commit point.
new_station
start strace -D -o /dev/null -e inject="fdatasync:error=EIO:when=$((before + 2))" -- --no-seccomp
got=$(say 'open SF1')
like "$got" 'REFUSED DISK *' 'a failed sync of the ledger, after the journal has it'
wait "$pid"
pid=
start --
like "$(say 'open SF1')" 'OPENED clip=1 take=1 *' 'the clip was opened; asking again gives its leaf'
stop
done_testing
