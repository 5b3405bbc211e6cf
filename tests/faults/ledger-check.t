#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What is done to a ledger, and what `packseal ledger` and the signer's next start say of it.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

packseal=$PACKSEAL_BUILD/packseal
test -x "$packseal" || skip_all 'packseal is not built'
export LC_ALL=C

# clip NUMBER-OF-RUN: opens, records, seals and publishes one; its folder in $folder, its number in $number.
clip() {
    say "open SF$1" 'segment 0 500' "segment 0 50$1 late" end seal "save $root/c" >"$root/answers"
    number=$(field clip "$(sed -n 1p "$root/answers")")
    folder=$root/s/clips/2026/11/21/ST03-$(printf %07d "$number")
    mkdir -p "$folder"
    cp "$root/c.json" "$folder/clip.json"
    cp "$root/c.json.minisig" "$folder/clip.json.minisig"
    cp "$root/c.checkpoint" "$folder/checkpoint"
}
check() {
    "$packseal" ledger check --root "$root/s" --json >"$root/found" 2>&1
}
# finds CODE WHERE NAME: check fails with this, among others.
finds() {
    check
    like "$? $(grep "\"problem\":\"$1\"" "$root/found" | grep -F "$2" | head -n 1)" "1 *$2*" "$3"
}
clean() {
    check
    is "$? $(grep -c '"problem"' "$root/found")" '0 0' "$1"
    grep '"problem"' "$root/found" | sed 's/^/# /'
}
keep() {
    rm -rf "${root:?}/$1"
    cp -a "$root/s" "$root/$1"
}
restore() {
    rm -rf "$root/s"
    cp -a "$root/$1" "$root/s"
}
flip() {
    perl -e 'open F, "+<", $ARGV[0] or die; seek F, $ARGV[1], 0; read F, $b, 1; seek F, $ARGV[1], 0; print F chr(ord($b) ^ 4)' \
        "$1" "$2"
}
# refuses NAME PATTERN: the signer does not start on this, and says why.
refuses() {
    if start --; then
        ok 1 "$1"
        stop
        return
    fi
    wait "$pid"
    pid=
    like "$(cat "$root/err")" "packseal-signer: $2" "$1"
}
# edit PERL: the entries as a list of leaves in @e.
edit() {
    perl -e '
        my $code = shift; local $/; my (@e, $s); open F, "<", $ARGV[0] or die; $s = <F>;
        while (length $s) { my $n = unpack "n", $s; push @e, substr $s, 2, $n; $s = substr $s, 2 + $n }
        eval $code; die $@ if $@;
        open F, ">", $ARGV[0] or die; print F map { pack("n", length) . $_ } @e' "$1" "$root/s/ledger/entries"
}

new_station
start --
# Named by the station and its key's digest.
origin=packseal.invalid/ST03/$(sed 's/^[^+]*+[^+]*+//' "$root/s/public/log.vkey" | base64 -d | tail -c 32 | sha256sum | cut -c1-16)
like "$(cat "$root/s/ledger/checkpoint")" "$origin
1
*

— $origin *" 'a checkpoint is there when it serves'
is "$(find "$root/s/ledger/tile" -type f | sed "s|$root/s/ledger/||" | sort | tr '\n' ' ')" \
    'tile/0/000.p/1 tile/entries/000.p/1 ' 'and the first tiles'
clip 1
is "$(sed -n 2p "$folder/checkpoint")" 3 'a seal brings the checkpoint that ends with it'
cmp -s "$folder/checkpoint" "$root/s/ledger/checkpoint"
ok $? 'which is the ledger'\''s by then'
say 'append 8 0 weather 000000010000000200000304' >"$root/answers"
like "$(cat "$root/answers")" 'APPENDED index=3 *' 'a leaf by request'
sleep 2.5
is "$(sed -n 2p "$root/s/ledger/checkpoint")" 4 'is in the checkpoint a moment later'
say "append 9 1 bundle" "append 9 1 bundle" >"$root/answers"
stop
is "$(sed -n 2p "$root/s/ledger/checkpoint")" 5 'or at the end'
is "$(sed -n 1p "$root/answers")" "$(sed -n 2p "$root/answers")" 'asked twice, it is appended once'
test "$(stat -c %a "$root/s/ledger/tile/entries/000.p/5")" = 640
ok $? 'tiles can be read by the group'
start --
clip 2
stop
clean 'a ledger in order'
like "$(tail -n 1 "$root/found")" '{"ledger":"'"$origin"'","entries":8,"checkpoint":8,*"clips":2,"sealed":2,*"folders":2,"checkpoints":2,*"problems":0}' \
    'and how it is told'
like "$("$packseal" ledger check --root "$root/s" --lang zh)" '*没有问题*' 'in Chinese, too'
keep good

# ---- leaves and tiles
edit 'splice @e, 4, 1'
finds entry-broken 'entry 4' 'a leaf was removed'
refuses 'the signer will not go on from there' '*ledger*'
restore good
edit '@e[4, 5] = @e[5, 4]'
finds entry-broken 'entry 4' 'two leaves were swapped'
restore good
edit 'substr($e[4], 108, 1) ^= "\1"'
finds checkpoint-fork ledger/checkpoint 'a leaf was changed: the signed root is another'
finds checkpoint-fork clips/2026 'and each checkpoint since says so'
finds tile-differs tile/0/000.p/8 'the tiles, too'
restore good
edit 'pop @e'
finds checkpoint-ahead ledger/checkpoint 'the last leaf was removed'
start --
ok $? 'the signer has it in its journal'
stop
clean 'and writes it again'
restore good
flip "$root/s/ledger/tile/0/000.p/5" 40
finds tile-differs tile/0/000.p/5 'a changed tile'
refuses 'no tile is written over' 'tile/0/000.p/5: is not what the ledger*'
rm "$root/s/ledger/tile/0/000.p/5" "$root/s/ledger/tile/0/000.p/8"
finds tile-missing tile/0/000.p/8 'a missing tile'
start --
ok $? 'is made anew at the next start'
stop
clean 'with the same bytes'
restore good
echo x >"$root/s/ledger/tile/0/notes"
finds tile-unknown tile/0/notes 'something that is no tile'
restore good
rm "$root/s/ledger/checkpoint"
finds checkpoint-missing ledger/checkpoint 'a missing checkpoint'
restore good
sed -i 2s/8/7/ "$root/s/ledger/checkpoint"
finds checkpoint-invalid ledger/checkpoint 'a changed checkpoint'

# ---- clips
restore good
rm -r "$root/s/clips/2026/11/21/ST03-0000001"
finds clip-missing 'clip 1' 'a clip folder was deleted'
start --
say 'load '"$root/good/clips/2026/11/21/ST03-0000001/clip.json"' 1' 'append 5 1 - 01' 'append 5 1 - 01' 'append 5 1 other 01' \
    'append 5 6 - 01' >"$root/answers"
like "$(sed -n 2p "$root/answers")" 'APPENDED *' 'a tombstone'
is "$(sed -n 2p "$root/answers")" "$(sed -n 3p "$root/answers")" 'the same one again'
like "$(sed -n 4p "$root/answers")" 'REFUSED STATE *tombstone already*' 'but no second one'
like "$(sed -n 5p "$root/answers")" 'REFUSED STATE *another digest*' 'and none with the digest of another clip'
stop
clean 'a deletion that the ledger knows of'
restore good
cp "$root/s/clips/2026/11/21/ST03-0000006/clip.json" "$root/s/clips/2026/11/21/ST03-0000001/clip.json"
finds clip-missing 'clip 1' 'a statement was replaced by another clip'\''s'
restore good
sed -i 's/PackSeal 0.1.0/PackSeal 0.1.1/' "$root/s/clips/2026/11/21/ST03-0000001/clip.json"
finds clip-seal ST03-0000001 'a statement was changed'
restore good
start --
say 'open SF9' 'segment 0 500' >"$root/answers"
stop
finds open-without-end 'clip 9' 'a clip without an end'
mkdir -p "$root/s/clips/.part/01234567-89ab-cdef-0123-456789abcdef"
echo '{"log":"opened","clip":9,"take":1}' >"$root/s/clips/.part/01234567-89ab-cdef-0123-456789abcdef/recording.log"
check
is $? "$(test -s "$root/found" && grep -q 'open-without-end' "$root/found" && echo 1 || echo 0)" 'which is no problem while it is recorded'

# ---- two histories
restore good
start --
clip 3
stop
keep longer
cp "$root/s/ledger/checkpoint" "$root/head-a"
restore good
start --
say 'append 11 0 photographs' 'append 8 0 sun 000000010000000200000304' >"$root/answers"
stop
keep fork
compare() {
    "$packseal" ledger compare "$1" "$2" --key "$root/good/public/log.vkey" "${3:---json}" 2>&1
}
like "$(compare "$root/good/ledger" "$root/longer/ledger"; echo $?)" '{"result":"extends",*0' 'one extends the other'
like "$(compare "$root/longer/ledger" "$root/good/ledger/checkpoint"; echo $?)" '{"result":"extends",*0' 'whichever is named first'
like "$(compare "$root/good/ledger" "$root/good/ledger/checkpoint"; echo $?)" '{"result":"same",*0' 'the same'
like "$(compare "$root/longer/ledger/checkpoint" "$root/fork/ledger/checkpoint"; echo $?)" '{"result":"fork",*1' \
    'two heads of one size prove a fork'
start --
clip 4
stop
like "$(compare "$root/longer/ledger/checkpoint" "$root/s/ledger"; echo $?)" '{"result":"fork",*1' 'so do two of different sizes, by tiles'
like "$(compare "$root/longer/ledger/checkpoint" "$root/s/ledger/checkpoint"; echo $?)" '{"result":"unknown",*2' 'but not without them'
flip "$root/s/ledger/tile/0/000.p/$(sed -n 2p "$root/s/ledger/checkpoint")" 300
like "$(compare "$root/longer/ledger/checkpoint" "$root/s/ledger"; echo $?)" '{"result":"unknown",*2' 'nor with damaged ones'
like "$(compare "$root/longer/ledger" "$root/fork/ledger" --lang=en; echo $?)" 'FORK*1' 'in words'
sed 1s/ST03/ST04/ "$root/head-a" >"$root/head-b"
compare "$root/head-a" "$root/head-b" >"$root/found"
is $? 2 'a checkpoint that the key did not sign proves nothing'
restore fork
mkdir -p "$root/s/tokens/ab"
cp "$root/head-a" "$root/s/tokens/ab/checkpoint"
finds checkpoint-fork tokens/ab/checkpoint 'a stamped checkpoint of the other history'
refuses 'and the signer does not append to this one' 'tokens/ab/checkpoint: is of another history*'
done_testing
