#!/usr/bin/env bats
# packseal key: the life of keys, by the real programs, with stock minisign as the second opinion.

load common

# Each passphrase that opens a key costs half a second of a processor and 256 MB, as it must. So what many of these tests begin with
# is made once, by the same commands, and each test has its copy: root keys of two merchants, a station, its
# certificate, and a station with its keys under a passphrase.
setup_file() {
    dir=$BATS_FILE_TMPDIR root=$BATS_FILE_TMPDIR/station
    umask 022
    words
    root_key >"$dir/office.said"
    key root --merchant Other -o "$dir/other" --passphrase-file "$dir/root.pass" --moderate
    new_station >/dev/null
    key request --root "$root" -o "$dir/request.json"
    certify --from 2026-01-01 --until 2027-12-31 -o "$dir/cert"
    root=$dir/locked
    new_station --passphrase-file "$dir/station.pass" >/dev/null
}
words() {
    echo 'korrekt pferd batterie' >"$dir/root.pass"
    echo 'station under one word' >"$dir/station.pass"
}
# Copies for this test: office, other, cert by their names; station with its request, or the locked one, as $root.
given() {
    for what in "$@"; do
        case $what in
        station) cp -a "$BATS_FILE_TMPDIR/station" "$root" && cp "$BATS_FILE_TMPDIR"/request.json* "$dir" ;;
        locked) cp -a "$BATS_FILE_TMPDIR/locked" "$root" ;;
        *) cp -a "$BATS_FILE_TMPDIR/$what" "$dir" ;;
        esac
    done
}

setup() {
    fresh
    umask 022
    words
    # Sanitizer builds run the signer without its filter.
    unfiltered=
    test -z "${PACKSEAL_SAN:-}" || unfiltered=--no-seccomp
}
teardown() {
    if [ -n "${signer_pid:-}" ]; then kill "$signer_pid" 2>/dev/null || true; fi
    forget
}

key() {
    "$packseal" key "$@"
}

root_key() {
    key root --merchant 义乌某某商贸 -o "$dir/office" --passphrase-file "$dir/root.pass" --moderate
}

certify() {
    key certify --root-key "$dir/office/root.key" --request "$dir/request.json" \
        --passphrase-file "$dir/root.pass" "$@"
}

# Starts the signer alone until it is ready.
start_signer() {
    "${PACKSEAL_BUILD:?}/packseal-signer" --dir "$root/signer" $unfiltered "$@" \
        >"$dir/signer.out" 2>"$dir/signer.err" </dev/null 3>&- 4>&- &
    signer_pid=$!
    for _ in $(seq 300); do
        grep -q '^ready$' "$dir/signer.out" && return 0
        kill -0 "$signer_pid" 2>/dev/null || break
        sleep 0.05
    done
    wait "$signer_pid" || true
    signer_pid=
    return 1
}
stop_signer() {
    kill "$signer_pid"
    wait "$signer_pid"
    signer_pid=
}

# Leaf types in the ledger, one a line.
leaves() {
    python3 - "$root/ledger/entries" <<'END'
import sys
data, at = open(sys.argv[1], 'rb').read(), 0
while at < len(data):
    n = int.from_bytes(data[at:at + 2], 'big')
    leaf = data[at + 2:at + 2 + n]
    print(leaf[4], leaf[108:140].hex())
    at += 2 + n
END
}

@test "a root key certifies a station, and stock minisign agrees" {
    given office station cert
    output=$(cat "$BATS_FILE_TMPDIR/office.said")
    [ "$(stat -c %a "$dir/office/root.key")" = 600 ]
    print=$(sed -n 2p "$dir/office/root.pub" | base64 -d | sha256sum | cut -c1-32 | tr a-f A-F | sed 's/..../& /g; s/ $//')
    [[ $output == *"fingerprint  $print"* ]]
    minisign -V -H -p "$root/public/clip.pub" -m "$dir/request.json"
    minisign -V -H -p "$dir/office/root.pub" -m "$dir/cert/cert.json"
    [ "$(jq -r .station "$dir/cert/cert.json")" = ST03 ]
    [ "$(jq -r .merchant "$dir/cert/cert.json")" = 义乌某某商贸 ]
    [ "$(jq -r .clip_key "$dir/cert/cert.json")" = "$(sed -n 2p "$root/public/clip.pub")" ]
    [ "$(jq -r .ledger_key "$dir/cert/cert.json")" = "$(cat "$root/public/log.vkey")" ]
    [ "$(jq -r .from "$dir/cert/cert.json")" = 2026-01-01T00:00:00.000Z ]
    run key install --root "$root" "$dir/cert/cert.json"
    [ "$status" -eq 0 ]
    [[ $output == *"$print"* ]]
    cmp "$dir/cert/cert.json" "$root/public/cert.json"
    cmp "$dir/cert/cert.json.minisig" "$root/public/cert.json.minisig"
    run key list --root "$root" --json
    [ "$status" -eq 0 ]
    [ "$(json "$output" 'select(.key == "clip") | [.certified, .at_rest, .merchant] | join(" ")')" = "true plain 义乌某某商贸" ]
    [ "$(json "$output" 'select(.key == "ledger") | .public')" = "$(cat "$root/public/log.vkey")" ]
    [ "$(json "$output" 'select(.key == "root") | .fingerprint')" = "$print" ]
}

@test "nothing is certified without proof, passphrase, or in the place of something else" {
    given office station
    cp "$dir/request.json" "$dir/kept.json"
    sed -i "s/\"made\":\"20/\"made\":\"21/" "$dir/request.json"
    run certify -o "$dir/cert"
    [ "$status" -eq 1 ]
    [[ $output == *"is not signed by the clip key that it names"* ]]
    mv "$dir/kept.json" "$dir/request.json"
    echo 'korrekt pferd battery' >"$dir/other.pass"
    run key certify --root-key "$dir/office/root.key" --request "$dir/request.json" -o "$dir/cert" \
        --passphrase-file "$dir/other.pass"
    [ "$status" -eq 1 ]
    [[ $output == *"the passphrase is wrong, or the file was changed"* ]]
    [ ! -e "$dir/cert/cert.json" ]
    run certify --from 2027-01-01 --until 2026-01-01 -o "$dir/cert"
    [ "$status" -eq 2 ]
    given cert
    run certify -o "$dir/cert"
    [ "$status" -eq 1 ]
    [[ $output == *"is there already"* ]]
    run root_key
    [ "$status" -eq 1 ]
    [[ $output == *"is there already"* ]]
    echo short >"$dir/short.pass"
    run key root --merchant M -o "$dir/two" --passphrase-file "$dir/short.pass" --moderate
    [ "$status" -eq 1 ]
    [ ! -e "$dir/two/root.key" ]
}

@test "a station installs only what the root signed for just its keys" {
    given office other station cert
    cp -r "$dir/cert" "$dir/forged"
    sed -i s/义乌/金华/ "$dir/forged/cert.json"
    run key install --root "$root" "$dir/forged/cert.json"
    [ "$status" -eq 1 ]
    [[ $output == *"does not verify"* ]]
    "$packseal" init --root "$dir/two" --station ST03 >/dev/null
    run key install --root "$dir/two" "$dir/cert/cert.json"
    [ "$status" -eq 1 ]
    [[ $output == *"another clip key"* ]]
    [ ! -e "$dir/two/public/cert.json" ]
    key install --root "$root" "$dir/cert/cert.json"
    # Another merchant's root does not take the place of the first unasked.
    key certify --root-key "$dir/other/root.key" --request "$dir/request.json" -o "$dir/cert2" \
        --passphrase-file "$dir/root.pass"
    run key install --root "$root" "$dir/cert2/cert.json"
    [ "$status" -eq 1 ]
    [[ $output == *"--new-root"* ]]
    [ "$(jq -r .merchant "$root/public/cert.json")" = 义乌某某商贸 ]
    key install --root "$root" --new-root "$dir/cert2/cert.json"
    [ "$(jq -r .merchant "$root/public/cert.json")" = Other ]
    [ "$(find "$root/public/old" -name 'cert-*.json' | wc -l)" -eq 1 ]
}

@test "a new clip key waits for the signer to stop, and the ledger tells of it" {
    given office station cert
    key install --root "$root" "$dir/cert/cert.json"
    start_signer
    run key rotate --root "$root"
    [ "$status" -eq 1 ]
    [[ $output == *"stop the station first"* ]]
    stop_signer
    old=$(sed -n 2p "$root/public/clip.pub")
    run key rotate --root "$root"
    [ "$status" -eq 0 ]
    new=$(sed -n 2p "$root/public/clip.pub")
    [ "$old" != "$new" ]
    [[ $output == *"$new"* ]]
    [ "$(cat "$root"/public/old/clip-*.pub | sed -n 2p)" = "$old" ]
    [ ! -e "$root/public/cert.json" ]
    [ "$(find "$root/public/old" -name 'cert-*.json' | wc -l)" -eq 1 ]
    grep -q "^clip $old" "$root/public/trust"
    grep -q "^clip $new" "$root/public/trust"
    start_signer
    stop_signer
    digest=$(printf %s "$new" | base64 -d | tail -c 32 | sha256sum | cut -c1-64)
    [ "$(leaves | grep -c "^6 $digest$")" -eq 1 ]
    start_signer
    stop_signer
    [ "$(leaves | grep -c '^6 ')" -eq 2 ] # and the certificate of before
    rm "$dir/request.json" "$dir/request.json.minisig"
    key request --root "$root" -o "$dir/request.json"
    certify -o "$dir/cert2"
    key install --root "$root" "$dir/cert2/cert.json"
    [ "$(jq -r .clip_key "$root/public/cert.json")" = "$new" ]
}

@test "no new clip key while a clip is not sealed" {
    new_station >/dev/null
    start_signer
    printf '%s\n' 'open SF1' 'segment 0 500' | "$PACKSEAL_BUILD/tests/fakes/signerctl" "$root/run/signer.sock"
    stop_signer
    before=$(sha256sum "$root/signer/clip.key")
    run key rotate --root "$root"
    [ "$status" -eq 1 ]
    [[ $output == *"not sealed yet"* ]]
    [ "$(sha256sum "$root/signer/clip.key")" = "$before" ]
}

@test "what the root key signed is told by the ledger, once" {
    digest() {
        sha256sum <"$1" | cut -c1-64
    }
    given office other station cert
    start_signer
    # Whose root was not known when it started waits for the next start.
    run key install --root "$root" "$dir/cert/cert.json"
    [ "$status" -eq 0 ]
    [[ $output == *"tells it when the signer starts next"* ]]
    stop_signer
    [ "$(leaves | grep -c '^6 ')" -eq 0 ]
    start_signer
    [ "$(leaves | grep -c "^6 $(digest "$dir/cert/cert.json")$")" -eq 1 ]
    # A running one is asked, and asked again it gives the same entry.
    certify --until 2099-01-01 -o "$dir/cert2"
    run key install --root "$root" "$dir/cert2/cert.json"
    [ "$status" -eq 0 ]
    [[ $output == *"ledger       entry "* ]]
    again=$(key install --root "$root" "$dir/cert2/cert.json")
    [ "${again##*entry }" = "${output##*entry }" ]
    [ "$(leaves | grep -c "^6 $(digest "$dir/cert2/cert.json")$")" -eq 1 ]
    # A revocation by the installed root, for whose number a bundle looks.
    clip=$(sed -n 2p "$root/public/clip.pub")
    key revoke --root-key "$dir/office/root.key" --clip-key "$clip" --since 2026-12-01 --reason stolen \
        --passphrase-file "$dir/root.pass" -o "$dir/gone" >/dev/null
    revocation=$(find "$dir/gone" -name 'revocation-*.json')
    run key install --root "$root" "$revocation"
    [ "$status" -eq 0 ]
    [[ $output == *"revoked      $clip"* && $output == *"ledger       entry "* ]]
    cmp "$revocation" "$root/public/${revocation##*/}"
    minisign -V -H -p "$root/public/root.pub" -m "$root/public/${revocation##*/}"
    [ "$(leaves | grep -c "^6 $(digest "$revocation")$")" -eq 1 ]
    # Another root's is not taken, by neither door.
    key revoke --root-key "$dir/other/root.key" --clip-key "$clip" --since 2026-01-01 --reason stolen \
        --passphrase-file "$dir/root.pass" -o "$dir/foreign" >/dev/null
    foreign=$(find "$dir/foreign" -name 'revocation-*.json')
    run key install --root "$root" "$foreign"
    [ "$status" -eq 1 ]
    run python3 - "$root/run/signer.sock" "$foreign" <<'END'
import socket, struct, sys
text, sig = (open(sys.argv[2] + e, "rb").read() for e in ("", ".minisig"))
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.connect(sys.argv[1])
    s.send(struct.pack(">BBHH", 1, 9, 0, len(text)) + text + struct.pack(">H", len(sig)) + sig)
    answer = s.recv(8192)
print(answer[1], answer[4], answer[7:].decode())
END
    [[ $output == "255 2 signature: was made with another key than the root's" ]]
    run key install --root "$root" "$foreign" --root-pub "$dir/other/root.pub"
    [ "$status" -eq 1 ]
    stop_signer
    start_signer
    stop_signer
    [ "$(leaves | grep -c '^6 ')" -eq 3 ]
    [ "$("$packseal" ledger check --root "$root" --json | tail -n 1 | jq .keys)" = 3 ]
}

@test "a rotation that was cut short is completed by the next request" {
    new_station >/dev/null
    cp -r "$root" "$dir/before"
    key rotate --root "$root"
    new=$(sed -n 2p "$root/public/clip.pub")
    # As a power cut right after the secret key's rename leaves it.
    rm -r "$root/public"
    cp -r "$dir/before/public" "$root/public"
    key request --root "$root" -o "$dir/request.json"
    [ "$(sed -n 2p "$root/public/clip.pub")" = "$new" ]
    [ "$(jq -r .clip_key "$dir/request.json")" = "$new" ]
    [ "$(find "$root/public/old" -name 'clip-*.pub' | wc -l)" -eq 1 ]
}

@test "keys under a passphrase open with it, and with it alone" {
    given locked
    [ "$(cut -d' ' -f1-3 "$root/signer/clip.key")" = "packseal-key 2 clip" ]
    run key list --root "$root" --json
    [ "$(json "$output" 'select(.key == "clip") | .at_rest')" = passphrase ]
    run start_signer
    [ "$status" -ne 0 ]
    grep -q '\.key: is encrypted: give its passphrase' "$dir/signer.err"
    run start_signer --passphrase-file "$dir/root.pass"
    [ "$status" -ne 0 ]
    grep -q '\.key: the passphrase is wrong, or the file was changed' "$dir/signer.err"
    start_signer --passphrase-file "$dir/station.pass"
    stop_signer
    mkdir "$dir/credentials"
    cp "$dir/station.pass" "$dir/credentials/packseal-passphrase"
    CREDENTIALS_DIRECTORY=$dir/credentials start_signer
    stop_signer
    run key rotate --root "$root" --passphrase-file "$dir/root.pass"
    [ "$status" -eq 1 ]
    key rotate --root "$root" --passphrase-file "$dir/station.pass"
    start_signer --passphrase-file "$dir/station.pass"
    stop_signer
    key unprotect --root "$root" --passphrase-file "$dir/station.pass"
    start_signer
    stop_signer
}

@test "plain keys are put under a passphrase, and under another, with the same public halves" {
    new_station >/dev/null
    before=$(cat "$root/public/clip.pub" "$root/public/log.vkey")
    seed=$(cut -d' ' -f5 "$root/signer/clip.key")
    run key protect --root "$root" --passphrase-file "$dir/station.pass"
    [ "$status" -eq 0 ]
    [ -z "$(grep -rl "$seed" "$root/signer")" ]
    start_signer --passphrase-file "$dir/station.pass"
    stop_signer
    key protect --root "$root" --current-passphrase-file "$dir/station.pass" --passphrase-file "$dir/root.pass"
    run start_signer --passphrase-file "$dir/station.pass"
    [ "$status" -ne 0 ]
    start_signer --passphrase-file "$dir/root.pass"
    stop_signer
    key request --root "$root" -o "$dir/request.json" --passphrase-file "$dir/root.pass"
    minisign -V -H -p "$root/public/clip.pub" -m "$dir/request.json"
    [ "$(cat "$root/public/clip.pub" "$root/public/log.vkey")" = "$before" ]
}

@test "systemd's credentials take the place of key files" {
    new_station >/dev/null
    mkdir "$dir/credentials"
    mv "$root/signer/clip.key" "$root/signer/ledger.key" "$dir/credentials"
    run start_signer
    [ "$status" -ne 0 ]
    export CREDENTIALS_DIRECTORY=$dir/credentials
    start_signer
    stop_signer
    run key list --root "$root" --json
    [ "$(json "$output" 'select(.key == "clip") | .at_rest')" = credential ]
    run key rotate --root "$root"
    [ "$status" -eq 1 ]
    [[ $output == *"systemd keeps these keys"* ]]
}

@test "the enrolment note lists stations, revocations and authorities, and its trust file is read" {
    given office station cert
    key revoke --root-key "$dir/office/root.key" --clip-key "$(sed -n 2p "$root/public/clip.pub")" \
        --since 2026-12-01 --reason stolen -o "$dir/cert" --passphrase-file "$dir/root.pass"
    revocation=$(echo "$dir"/cert/revocation-*.json)
    minisign -V -H -p "$dir/office/root.pub" -m "$revocation"
    [ "$(jq -r .reason "$revocation")" = stolen ]
    openssl req -x509 -newkey ed25519 -nodes -subj /CN=TSA -keyout /dev/null -out "$dir/ca.pem" 2>/dev/null
    run key enrol --root-key "$dir/office/root.key" --cert "$dir/cert/cert.json" --revocation "$revocation" \
        --tsa "Test authority=$dir/ca.pem" -o "$dir/enrolment.note" --passphrase-file "$dir/root.pass"
    [ "$status" -eq 0 ]
    minisign -V -H -p "$dir/office/root.pub" -m "$dir/enrolment.note"
    grep -qx 'station: ST03' "$dir/enrolment.note"
    grep -qx "clip-key: $(sed -n 2p "$root/public/clip.pub")" "$dir/enrolment.note"
    grep -qx "ledger-key: $(cat "$root/public/log.vkey")" "$dir/enrolment.note"
    grep -qx 'reason: stolen' "$dir/enrolment.note"
    anchor=$(openssl x509 -in "$dir/ca.pem" -outform DER | sha256sum | cut -c1-64)
    grep -qx "anchor-sha256: $anchor" "$dir/enrolment.note"
    grep -qx "tsa $anchor name=\"Test authority\"" "$dir/enrolment.note.trust"
    grep -qx "root $(sed -n 2p "$dir/office/root.pub") merchant=\"义乌某某商贸\"" "$dir/enrolment.note.trust"
    # Nothing is there to judge; the trust file is read first, and a broken one would be told.
    mkdir "$dir/empty"
    run "$packseal" verify --trust "$dir/enrolment.note.trust" "$dir/empty"
    [ "$status" -eq 2 ]
    [[ $output == *"Registered keys from: $dir/enrolment.note.trust"* ]]
    sed -i s/义乌/金华/ "$dir/cert/cert.json"
    run key enrol --root-key "$dir/office/root.key" --cert "$dir/cert/cert.json" -o "$dir/second.note" \
        --passphrase-file "$dir/root.pass"
    [ "$status" -eq 1 ]
    [ ! -e "$dir/second.note" ]
}

@test "clips are trusted through the root key, those of an old clip key too" {
    given office other locked
    key request --root "$root" -o "$dir/request.json" --passphrase-file "$dir/station.pass"
    certify -o "$dir/cert"
    key install --root "$root" "$dir/cert/cert.json"
    key enrol --root-key "$dir/office/root.key" --cert "$dir/cert/cert.json" -o "$dir/note" \
        --passphrase-file "$dir/root.pass"
    start_station --passphrase-file "$dir/station.pass"
    "$packseal" scan --root "$root" SF1234567890123
    sleep 3
    "$packseal" stop --root "$root"
    stop_station
    key rotate --root "$root" --passphrase-file "$dir/station.pass"
    "$packseal" export --root "$root" SF1234567890123 -o "$dir/one.zip"
    run "$packseal" verify --json --trust "$dir/note.trust" "$dir/one.zip"
    [ "$status" -eq 0 ]
    [ "$(json "$output" '[.content, .key] | join(" ")')" = "intact trusted" ]
    # Another merchant's root knows nothing of it; a revoked key is revoked.
    printf 'packseal-trust 1\nroot %s\n' "$(sed -n 2p "$dir/other/root.pub")" >"$dir/other.trust"
    run "$packseal" verify --json --trust "$dir/other.trust" "$dir/one.zip"
    [ "$status" -eq 3 ]
    [ "$(json "$output" .key)" = unknown ]
    run key revoke --root-key "$dir/office/root.key" --clip-key "$(jq -r .clip_key "$dir/cert/cert.json")" \
        --since 2026-01-01 --reason stolen -o "$dir/cert" --passphrase-file "$dir/root.pass"
    printf '%s\n' "$output" | grep '^revoked ' >>"$dir/note.trust"
    run "$packseal" verify --json --trust "$dir/note.trust" "$dir/one.zip"
    [ "$status" -eq 1 ]
    [ "$(json "$output" .key)" = revoked ]
}

@test "wrong use is told, and nothing is made" {
    for bad in "" "unknown" "root" "certify" "revoke --root-key x" "enrol" "install" "list more"; do
        # shellcheck disable=SC2086
        run key $bad --root "$root"
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
    done
    run setsid -w "$packseal" key root --merchant M -o "$dir/office" </dev/null
    [ "$status" -eq 1 ]
    [[ $output == *"no terminal"*"--passphrase-file"* ]]
    [ ! -e "$dir/office/root.key" ]
    run key root --help --lang zh
    [ "$status" -eq 0 ]
    [[ $output == *"用法:packseal key"* ]]
}
