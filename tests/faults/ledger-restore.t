#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# An old copy of the station is put back: with memory outside of it, and without. And how a station goes on with another
# ledger, also when that is cut short.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

packseal=$PACKSEAL_BUILD/packseal
test -x "$packseal" || skip_all 'packseal is not built'

clip() {
    say "open SF$1" 'segment 0 500' "segment 0 50$1 late" end seal "save $root/c" >"$root/answers"
    number=$(field clip "$(sed -n 1p "$root/answers")")
    folder=$root/s/clips/2026/11/2$1/ST03-$(printf %07d "$number")
    mkdir -p "$folder"
    cp "$root/c.json" "$folder/clip.json"
    cp "$root/c.json.minisig" "$folder/clip.json.minisig"
    cp "$root/c.checkpoint" "$folder/checkpoint"
}
# The signer's folder and the ledger, as a disk image of an earlier day has them.
backup() {
    rm -rf "${root:?}/$1"
    mkdir "$root/$1"
    cp -a "$root/s/signer" "$root/s/ledger" "$root/s/public" "$root/$1"
}
put_back() {
    rm -rf "$root/s/signer" "$root/s/ledger" "$root/s/public"
    cp -a "$root/$1/." "$root/s"
}
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
recover() {
    "$signer" --dir "$root/s/signer" --recover >"$root/report" 2>"$root/err"
}
problems() {
    "$packseal" ledger check --root "$root/s" --json | sed -n 's/.*"problems":\([0-9]*\).*/\1/p'
}

new_station
start --
clip 1
stop
backup old
start --
clip 2
clip 3
stop
backup new
entries=$(sed -n 2p "$root/s/ledger/checkpoint")
last=$folder

put_back old
refuses 'an old copy, and the clips that it does not know' \
    'clips/2026/11/23/ST03-*/checkpoint: is of a ledger with *entries, and this one has *: an old copy was restored*'
mv "$root/s/clips" "$root/clips"
mkdir -p "$root/s/tokens/0123" "$root/s/witness"
cp "$last/checkpoint" "$root/s/tokens/0123/checkpoint" 2>/dev/null || cp "$root/clips/2026/11/23/"*/checkpoint "$root/s/tokens/0123/checkpoint"
refuses 'an old copy, and a time stamp' 'tokens/0123/checkpoint: is of a ledger with *'
mv "$root/s/tokens/0123/checkpoint" "$root/s/witness/somebody"
refuses 'an old copy, and a witness' 'witness/somebody: is of a ledger with *'
sed -i 1s/ST03/ST04/ "$root/s/witness/somebody"
start --
ok $? 'a checkpoint that its key did not sign says nothing'
stop
like "$(sed -n 2p "$root/s/ledger/checkpoint")" '[3-9]' 'and without any memory outside an old copy is a ledger like any other'

# The copy went on: with the clips of the true history beside it the fork shows.
rm -rf "$root/s/clips" "$root/s/witness" "$root/s/tokens"
mv "$root/clips" "$root/s/clips"
start --
test $? -ne 0
ok $? 'until the clips are there again'
wait "$pid" 2>/dev/null
pid=
"$packseal" ledger compare "$root/s/ledger" "$root/new/ledger" --key "$root/new/public/log.vkey" >"$root/found"
is $? 1 'and the two copies prove it'

# ---- the newer copy is found after all
put_back new
start --
ok $? 'the right copy starts'
stop
is "$(problems)" 0 'and is in order'

# ---- it is not
put_back old
origin=$(cat "$root/s/signer/origin")
like "$origin" 'packseal.invalid/ST03/????????????????' 'a ledger has the name of its first key'
recover
is $? 0 'the station goes on with another ledger'
like "$(cat "$root/report")" "*$origin/2+*old ledger  $origin, $entries entries known: kept in ledger.1*" \
    'the report says which'
like "$(cat "$root/s/public/log.vkey")" "$origin/2+*" 'its key is to be registered'
is "$(grep -c '^log ' "$root/s/public/trust")" 2 'the trust file has both'
test -f "$root/s/ledger.1/entries" && test -f "$root/s/signer/old.1/ledger.key" && test -f "$root/s/public/log.vkey.1"
ok $? 'nothing of the old one is thrown away'
start --
ok $? 'the signer starts on it'
clip 4
stop
is "$number" 2 'numbers begin anew'
is "$(perl -e 'local $/; $_ = <>; print unpack "x2 x4 C", $_' "$root/s/ledger/entries")" 13 'the first leaf is a recovery'
digest=$(sha256sum <"$last/checkpoint" | cut -d' ' -f1)
is "$(perl -e 'local $/; $_ = <>; print unpack "x2 x108 H64", $_' "$root/s/ledger/entries")" "$digest" \
    'that names the newest checkpoint that was found'
is "$(perl -e 'local $/; $_ = <>; my ($n, $o) = unpack "x2 x142 Q> n/a", $_; print "$n $o"' "$root/s/ledger/entries")" \
    "$entries $origin" 'its size and origin'
like "$(sed -n 1p "$folder/checkpoint")" "$origin/2" 'checkpoints have the new origin'
is "$(problems)" 0 'the new ledger is in order, and the old clips are no part of it'
like "$("$packseal" ledger check --root "$root/s" --json)" '*"folders":4,*"earlier":6,*' 'which is told'
start --
ok $? 'and it starts again'
stop
"$signer" --dir "$root/s/signer" --recover --init --station ST03 2>"$root/err"
is $? 2 'a new ledger is no new station'

# ---- cut short
if strace -o /dev/null true 2>/dev/null; then
    n=1
    half=0
    wrong=0
    while :; do
        put_back new
        rm -rf "$root/s/ledger.1" "$root/s/clips/2026/11/24"
        strace -o /dev/null -e trace=rename,renameat,mkdir,mkdirat,fsync,openat \
            -e "inject=rename,renameat,mkdir,mkdirat,fsync:signal=SIGKILL:when=$n" \
            "$signer" --dir "$root/s/signer" --recover >"$root/report" 2>"$root/err"
        reached=$?
        if start --; then
            stop
        else
            wait "$pid" 2>/dev/null
            half=$((half + 1))
        fi
        pid=
        if test "$(cat "$root/s/signer/origin")" = "$origin"; then
            recover || wrong=$((wrong + 1))
        fi
        { start -- && stop && test "$(problems)" = 0 && test "$(head -n 1 "$root/s/ledger/checkpoint")" = "$origin/2"; } ||
            wrong=$((wrong + 1))
        test "$reached" -ne 0 || break
        n=$((n + 1))
        test "$n" -lt 60 || break
    done
    test "$half" -gt 3
    ok $? "a recovery that was cut short keeps the signer from starting ($half of $n places)"
    is "$wrong" 0 'and goes on where it stopped'
else
    echo '# strace may not trace here: a recovery that is cut short is not tested' >&2
fi

# ---- by root, for it renames in a folder that is root's, on another user's station; one cut short, too
if test "$(id -u)" = 0 && id nobody >/dev/null 2>&1; then
    put_back new
    rm -rf "$root/s/ledger.1"
    chown -R nobody "$root/s/signer" "$root/s/ledger" "$root/s/public"
    recover
    is "$? $(find "$root/s/signer" "$root/s/ledger" "$root/s/ledger.1" "$root/s/public" ! -user nobody)" '0 ' \
        "root recovers another user's station, and leaves nothing of its own"
    is "$(stat -c %a "$root/s/ledger" "$root/s/signer/ledger.key" | tr '\n' ' ')" '2750 600 ' 'with the modes as they were'
    chown root "$root/s/signer/ledger.key"
    "$signer" --dir "$root/s/signer" --socket "$root/sock" >"$root/report" 2>"$root/err" 3<&-
    like "$? $(cat "$root/err")" '1 packseal-signer: keys: belong to another user*' 'but serves no such station'
    rm -rf "$root/s/ledger.1"
else
    echo '# not root: a recovery by root is not tested' >&2
fi

# ---- nothing left to name
put_back old
rm -rf "$root/s/clips" "$root/s/ledger.1"
rm "$root/s/ledger/checkpoint"
recover
like "$? $(cat "$root/err")" '1 packseal-signer: checkpoint: no copy of one is left*' 'a ledger that nobody remembers has no successor'
done_testing
