#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The ledger as others read it, past the first full tile; judged by a program that knows only the public specifications.
# And who may have which leaf appended.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

tlog() {
    python3 "$PACKSEAL_SRC/tests/golden/tlog_check.py" "$@" 2>&1
}
appends() {
    i=$1
    while test "$i" -lt "$2"; do
        echo "append 11 0 photograph-$i"
        i=$((i + 1))
    done
}

new_station
start --
{
    echo 'open SF1'
    echo 'segment 0 500'
    echo end
    echo seal
    appends 0 240
} | "$ctl" "$root/s/run/signer.sock" >"$root/answers"
sleep 2.5
like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '243 leaves make the root*1 tiles of hashes in 1 levels*0' \
    'one tile that is not full'
appends 240 270 | "$ctl" "$root/s/run/signer.sock" >>"$root/answers"
stop
like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '273 leaves make the root*3 tiles of hashes in 2 levels*0' \
    'a full one, a second, and one above'
is "$(grep -c '^APPENDED' "$root/answers")" 270 'all were appended'
is "$(ls "$root/s/ledger/tile/0/000.p" | wc -l)" "$(ls "$root/s/ledger/tile/entries/000.p" | wc -l)" 'partial tiles of both kinds'
cp -a "$root/s/ledger/tile" "$root/before"
start --
stop
test ! -e "$root/s/ledger/tile/0/000.p" && test ! -e "$root/s/ledger/tile/entries/000.p"
ok $? 'partial tiles whose full one is there are gone after a start'
cmp "$root/before/0/000" "$root/s/ledger/tile/0/000" && cmp "$root/before/entries/000" "$root/s/ledger/tile/entries/000"
ok $? 'a full one stays as it is'
like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '274 leaves*0' 'and all is consistent'

# ---- each of these must be noticed
spoil() {
    cp -a "$root/s/ledger" "$root/spoilt"
    perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F chr(ord($b) ^ 1)' \
        "$root/spoilt/$1" "$2"
    tlog tiles "$root/s/public/log.vkey" "$root/spoilt" >"$root/found"
    is $? 1 "a bit of $1"
    rm -rf "$root/spoilt"
}
spoil tile/entries/000 1000
spoil tile/0/000 1000
spoil tile/1/000.p/1 10
spoil tile/0/001.p/18 10
spoil checkpoint 30
sed 's/ST03/ST04/' "$root/s/public/log.vkey" >"$root/other.vkey"
tlog tiles "$root/other.vkey" "$root/s/ledger" >"$root/found"
is $? 1 'another name for the key'

# A ledger without tiles, as the first version left it, gets them at a start.
rm -r "$root/s/ledger/tile"
start --
like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '275 leaves*0' 'tiles are made of the entries alone'

# ---- APPEND
say 'append 11 0 photograph-269' 'append 11 0 photograph-0' 'append 11 1 x' 'append 9 2 x' 'append 10 99 x' 'append 6 0 x' 'append 7 0 0 0000000000000001' \
    'append 2 0 x 00000001' 'append 8 0 x 00' 'append 12 0 token' >"$root/found"
is "$(nth 1 "$(cat "$root/found")")" "$(grep '^APPENDED' "$root/answers" | sed -n 270p)" 'one of the last is known again, after restarts, too'
like "$(nth 2 "$(cat "$root/found")")" 'APPENDED index=275 *' 'one of long ago is not'
like "$(nth 3 "$(cat "$root/found")")" 'REFUSED FORMAT *' 'an intake speaks of no clip'
stop
start --
say 'append 9 2 x' 'append 10 99 x' 'append 6 0 x' 'append 12 0 token' >"$root/found"
like "$(nth 1 "$(cat "$root/found")")" 'REFUSED STATE clip 2 is not a sealed clip' 'an export of no clip'
like "$(nth 2 "$(cat "$root/found")")" 'REFUSED STATE *' 'a link to no clip'
like "$(nth 3 "$(cat "$root/found")")" 'REFUSED PEER *key*' 'keys are not changed by request'
like "$(nth 4 "$(cat "$root/found")")" 'APPENDED *' 'an anchor'
for bad in 'append 2 0 x 00000001' 'append 3 1 x' 'append 7 0 0 0000000000000001' 'append 13 0 x' 'append 1 0 x'; do
    like "$(say "$bad")" 'REFUSED PEER *' "no $bad"
done
like "$(say 'append 8 0 x 00')" 'REFUSED FORMAT *' 'health of one byte'
stop

# ---- what a try before has left lies in the way; the filter lets it be taken away
start --
echo left >"$root/s/ledger/.new"
like "$(say 'append 12 0 late')" 'APPENDED *' 'a file of a try that failed'
stop
test "$status" -eq 0 && test ! -e "$root/s/ledger/.new"
ok $? 'is taken away'
like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '*leaves*0' 'and replaced'

# ---- a disk that fails between the commit and the signature
if strace -o /dev/null true 2>/dev/null; then
    ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
    export ASAN_OPTIONS
    # failing CALL ERROR: of a seal the first such call of those that make tiles.
    failing() {
        new_station
        start --
        stop # the folders of the tiles are there now
        # strace fails a call by turning it into one that the filter does not know.
        start strace -D -o /dev/null -e "trace=$1" -e "inject=$1:error=$2:when=$3" -- --no-seccomp
        say 'open SF5' 'segment 0 500' end seal reseal >"$root/found"
    }
    failing renameat2 ENOSPC 3
    like "$(nth 4 "$(cat "$root/found")")" 'REFUSED DISK *' 'no room for a tile: the seal is not given away'
    like "$(nth 5 "$(cat "$root/found")")" 'SEALED *' 'and is, when asked again'
    stop
    like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '*leaves*0' 'with all tiles'
    failing renameat2 ENOSPC 4
    like "$(nth 4 "$(cat "$root/found")")" 'REFUSED DISK *' 'no room for the second of two tiles'
    like "$(nth 5 "$(cat "$root/found")")" 'SEALED *' 'is none for the first again'
    stop
    failing fsync EIO 6
    like "$(nth 4 "$(cat "$root/found")")" 'REFUSED DISK *' 'a sync that fails is not tried again'
    wait "$pid"
    is $? 1 'the signer ends'
    pid=
    start --
    ok $? 'and the next one reads what is there'
    stop
    like "$(tlog tiles "$root/s/public/log.vkey" "$root/s/ledger"; echo $?)" '*leaves*0' 'and makes the rest'
else
    echo '# strace may not trace here: failing disks are not tested' >&2
fi

# ---- whose leaves
if test "$(id -u)" -eq 0; then
    new_station
    start --
    say 'open SF1' 'segment 0 500' end seal >"$root/found"
    stop
    # This client is root: as the pruner of a station whose recorder is somebody else it may bury, and no more.
    start -- --recorder-uid 12345 --pruner-uid 0 --viewer-uid 12346
    like "$(say 'append 5 1 x 01')" 'REFUSED STATE *another digest' 'the pruner may speak of deletions'
    for bad in 'append 9 1 x' 'append 10 1 x' 'append 8 0 x 000000010000000200000304' 'append 11 0 x' 'append 12 0 x' 'open SF2' \
        'abort 1'; do
        like "$(say "$bad")" 'REFUSED PEER *' "but not $bad"
    done
    stop
    start -- --recorder-uid 12345 --viewer-uid 0
    like "$(say 'append 9 1 x')" 'APPENDED *' 'the viewer may speak of exports'
    like "$(say 'append 5 1 x 01')" 'REFUSED PEER *' 'but not of deletions'
    stop
    start -- --recorder-uid 12345 --stamp-uid 0
    like "$(say 'append 12 0 y')" 'APPENDED *' 'the stamp may speak of anchors'
    like "$(say 'append 9 1 y')" 'REFUSED PEER *' 'but not of exports'
    stop
else
    echo '# not root: users apart are not tested' >&2
fi
done_testing
