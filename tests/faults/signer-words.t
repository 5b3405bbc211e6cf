#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Every word of the signer over its real socket: what it grants, and what it refuses and why.
set -u
. "$PACKSEAL_SRC/tests/faults/signer-lib.sh"

new_station
ok $? 'a station is made'
is "$(stat -c %a "$root/s/signer" "$root/s/signer/clip.key" "$root/s/signer/ledger.key" "$root/s/ledger/entries" |
    tr '\n' ' ')" '700 600 600 640 ' 'keys are for the signer alone, the ledger may be read by its group'
like "$(cat "$root/fingerprints")" '*station     ST03*clip key    RW*ledger key  sha256 *' 'fingerprints are printed'
if "$signer" --dir "$root/s/signer" --init --station ST03 2>"$root/err"; then ok 1 'keys are never overwritten'; else
    like "$(cat "$root/err")" '*clip.key: is there already*' 'keys are never overwritten'
fi
is "$(wc -l <"$root/s/public/trust" | tr -d ' ')" 3 'the trust file names the clip key and the log'

start --
ok $? 'it says ready'
is "$(stat -c %a "$root/s/run/signer.sock")" 660 'the socket is for user and group'
like "$(say status)" 'STATUS station=ST03 leaves=1 *' 'the ledger begins with a start-up leaf'

# ---- the ordinary day
got=$(say 'open SF1 2' 'segment 0 500' 'segment 1 600' 'segment 0 500' 'again 0' 'segment 0 400' records status end end \
    seal reseal "save $root/one" status 'again 0')
like "$(nth 1 "$got")" 'OPENED clip=1 take=1 leaf=50534c31*' 'open: the clip is the index of its leaf'
is "$(nth 2 "$got")$(nth 3 "$got")$(nth 4 "$got")$(nth 6 "$got")" ACKACKACKACK 'segments of two tracks are taken'
is "$(nth 5 "$got")" ACK 'the last segment once more is taken for a lost reply'
is "$(nth 7 "$got")" 'RECORDS n=4 late=0' 'and journaled once'
like "$(nth 8 "$got")" '*clip=1:open:same:4:0' 'status lists the open clip'
is "$(nth 9 "$got")$(nth 10 "$got")" ACKACK 'end, and end again'
like "$(nth 11 "$got")" 'SEALED clip=1 leaf=50534c31*' 'seal'
is "$(nth 12 "$got")" "$(nth 11 "$got")" 'the same statement again: the same reply'
like "$(nth 13 "$got")" 'STATUS station=ST03 leaves=3 *' 'open and seal are in the ledger'
like "$(nth 14 "$got")" 'REFUSED STATE *' 'nothing is added to a sealed clip'
sealed=$(nth 11 "$got")
minisign -V -H -q -p "$root/s/public/clip.pub" -m "$root/one.json" -x "$root/one.json.minisig" 2>"$root/err"
ok $? 'stock minisign verifies the signature'
sha=$(sha256sum <"$root/one.json" | cut -d' ' -f1)
like "$(sed -n 3p "$root/one.json.minisig")" \
    "trusted comment: packseal v1 clip ST03-0000001 ended 20??-??-??T??:??:??*Z sha256 $sha" 'its comment names the clip'
like "$(field leaf "$sealed")" "*$sha????" 'the seal leaf holds the digest of the statement'

got=$(say status "load $root/one.json 1" reseal)
stop
is "$status" 0 'SIGTERM ends it with 0'
start --
is "$(nth 3 "$(say status "load $root/one.json 1" reseal)")" "$sealed" 'after a restart: the same reply to the same statement'

# ---- refusals
refused() { # WHICH-LINE PATTERN NAME COMMAND ...
    line=$1 pattern=$2 name=$3
    shift 3
    like "$(nth "$line" "$(say "$@")")" "$pattern" "$name"
}
refused 3 'REFUSED STATE clip 1 was sealed with other bytes already' 'a sealed clip with other bytes' \
    status "load $root/s/public/trust 1" reseal
refused 1 'REFUSED FORMAT *' 'an unknown word' 'raw 0109000000'
refused 2 'HUNG-UP' 'and then the connection is over' 'raw 0109000000' status
refused 1 'REFUSED FORMAT unknown version' 'another version' 'raw 02010000'
refused 1 'REFUSED FORMAT *' 'a byte after the end' 'raw 0101000000'
refused 1 'REFUSED FORMAT *' 'an opening that is none' 'raw 0102000041'
refused 1 'REFUSED FORMAT *' 'a datagram that is too long' "raw 01010000$(printf '%016400d' 0)"
refused 1 'REFUSED FORMAT *' 'a descriptor with a word that takes none' 'fds 1'
refused 1 'REFUSED FORMAT *' 'two descriptors' 'fds 2'
refused 1 'REFUSED FORMAT *' 'sixteen descriptors' 'fds 16'
# It may have 64 files: leaked ones would soon leave none for a client.
i=0
while test "$i" -lt 20; do
    i=$((i + 1))
    printf 'fds %s\nreconnect\n' 1 2 8 16
done | "$ctl" "$root/s/run/signer.sock" >"$root/out2"
is "$(grep -c '^REFUSED FORMAT' "$root/out2")" 80 'more stray descriptors than it may have files'
like "$(say status)" 'STATUS *' 'were all closed'
refused 2 'REFUSED FORMAT *' 'a seal without its statement' 'open SF2' loose
refused 2 'REFUSED FORMAT the statement is no memfd sealed*' 'a statement that could still change' 'open SF2' unsealed
refused 3 'REFUSED STATE clip 4 is open*' 'a second open clip' 'open SF2' 'segment 0 500' 'open SF3'
refused 2 'REFUSED SEQUENCE track 0: segment 0 came where 1 is next' 'a segment that came before, with other content' \
    'open SF2' 'segment 0 400'
got=$(say 'open SF2' 'abort 3' 'abort 3' 'abort 2' 'open SF2#2' 'segment 0 60000')
is "$(nth 2 "$got")$(nth 3 "$got")" ACKACK 'abort, and abort again'
like "$(nth 4 "$got")" 'REFUSED STATE clip 4 was aborted for another reason*' 'abort again for another reason'
like "$(nth 5 "$got")" 'OPENED clip=6 take=2 *' 'the second clip of a code is its second take'
like "$(nth 6 "$got")" 'REFUSED FORMAT *' 'a segment of a minute'
got=$(say 'open SF2#2' 'segment 0 1000' 'segment 0 29000' 'bad seq' 'bad start' 'bad digest' 'segment 0 29000 late' \
    'segment 0 900' records)
is "$(nth 2 "$got")" ACK 'the clip is still open for the next connection'
like "$(nth 3 "$got")" 'REFUSED AHEAD track 0 segment 1: 30000 ms of film*' 'film ahead of the clock'
like "$(nth 4 "$got")" 'REFUSED SEQUENCE *' 'a hole in the sequence'
like "$(nth 5 "$got")" 'REFUSED SEQUENCE *starts at*' 'a start that is not the sum'
like "$(nth 6 "$got")" 'REFUSED SEQUENCE *in this clip before' 'a segment replayed'
is "$(nth 7 "$got")$(nth 8 "$got")" ACKACK 'late is taken without the clock, and does not use up its time'
is "$(nth 9 "$got")" 'RECORDS n=3 late=1' 'and is journaled as late'
say 'open SF2#2' 'abort 3' >"$root/out2"

refused_seal() { # TWIST PATTERN: of a clip with a witnessed, a late and a witnessed segment
    got=$(say "open SF9#$1" 'segment 0 500' 'segment 0 600 late' 'segment 0 300' end "seal $1" 'seal' 'abort 3')
    like "$(nth 6 "$got")" "REFUSED STATEMENT $2" "seal: $1"
    like "$(nth 7 "$got")" 'SEALED *' "the true one is sealed after it ($1)"
}
refused_seal upgraded 'tracks?0? segment 1: came late and must be listed as unwitnessed'
refused_seal downgraded 'tracks?0? segment 0: is listed as unwitnessed and was witnessed'
refused_seal cut 'tracks?0? segment 2: was journaled, and the statement lacks it'
refused_seal extra 'tracks?0? segment 3: was never journaled*'
refused_seal forged 'tracks?0? segment 0: is not the one that was journaled'
refused_seal station '*'
refused_seal key 'key: is not this signer*'
refused_seal exe 'software.signer_sha256: is not the running signer'
refused_seal future 'ended: is in the future*'
refused_seal backwards 'ended*'
refused_preroll() { # TWIST: of a clip with two segments of pre-roll, a late and a witnessed one
    got=$(say "open SF8#$1" 'segment 0 900 preroll' 'segment 0 900 preroll' 'segment 0 600 late' 'segment 0 300' 'segment 0 300 preroll' \
        end "seal $1" 'seal' 'abort 3')
    like "$(nth 6 "$got")" 'REFUSED SEQUENCE track 0 segment 4: pre-roll comes before all else of its track' "pre-roll after the clip began ($1)"
    like "$(nth 8 "$got")" 'REFUSED STATEMENT tracks?0?.preroll: is not the number of segments that came as pre-roll' "seal: $1"
    like "$(nth 9 "$got")" 'SEALED *' "the true one is sealed after it ($1)"
}
refused_preroll less-preroll
refused_preroll more-preroll
got=$(say 'open SF10' 'segment 0 500' 'segment 0 500' end 'seal lost' 'seal other-words')
like "$(nth 5 "$got")" 'SEALED *' 'a lost tail that was journaled is sealed'
like "$(nth 6 "$got")" 'REFUSED STATE *sealed with other bytes already' 'another statement of a sealed clip'
got=$(say 'open SF11' 'segment 0 500' end 'open SF12' end 'open SF13' end 'open SF14' end 'open SF15' end 'open SF16' end)
like "$(nth 10 "$got")" 'OPENED *' 'a clip may open beside four that wait for their seal'
like "$(nth 12 "$got")" 'REFUSED STATE 5 clips wait for their seal*' 'but none beside five'
is "$(say 'flood 300')" 'FLOOD taken' 'a burst of requests is taken'
is "$(say 'flood 2000')" 'FLOOD refused' 'a flood of requests is slowed down'

# ---- many clients
i=0
clients=
while test "$i" -lt 16; do
    i=$((i + 1))
    say status 'sleep 4000' >"$root/client$i" &
    clients="$clients $!"
done
tries=0
while test "$(cat "$root"/client* | grep -c STATUS)" -lt 16 && test "$tries" -lt 200; do
    tries=$((tries + 1))
    sleep 0.05
done
is "$(cat "$root"/client* | grep -c STATUS)" 16 'sixteen clients are served'
is "$(say status)" HUNG-UP 'a seventeenth is not'
stop
is "$status" 0 'it ends with 0 while clips wait, and clients'
# shellcheck disable=SC2086
wait $clients
start --
is "$(($(field confined "$(say status)") & 16))" 0 'the status says that users are not separate'
is "$(say status | tr ' ' '\n' | grep -c '^clip=.*:ended:same:')" 5 'they wait still after a restart'
stop

# ---- whose words
start -- --recorder-uid 65533
got=$(say status 'open SF20' status)
like "$(nth 1 "$got")" 'STATUS *' 'anybody who reaches the socket may ask for the status'
like "$(nth 2 "$got")" 'REFUSED PEER *' 'but recording is for the recorder'
is "$(($(field confined "$(nth 1 "$got")") & 16))" 16 'the status says that users are separate'
stop
done_testing
