#!/usr/bin/env bats
# packseal trust: what several merchants hand in, in one file of a platform, by the real programs.

load common

# A passphrase costs half a second of a processor each time: the merchants are made once, and each test has its copy.
setup_file() {
    dir=$BATS_FILE_TMPDIR
    umask 022
    echo 'korrekt pferd batterie' >"$dir/pass"
    merchant a 义乌甲商贸
    merchant b 义乌乙商贸
    "$packseal" key root --merchant 义乌甲商贸 -o "$dir/second" --passphrase-file "$dir/pass" --moderate >/dev/null
}
setup() {
    fresh
    umask 022
    cp -a "$BATS_FILE_TMPDIR/." "$dir"
}
teardown() {
    forget
}

# A merchant with a station ST03, certified and enrolled: merchant FOLDER NAME
merchant() {
    mkdir -p "$dir/$1"
    "$packseal" init --root "$dir/$1/station" --station ST03 >/dev/null
    "$packseal" key root --merchant "$2" -o "$dir/$1/office" --passphrase-file "$dir/pass" --moderate >/dev/null
    "$packseal" key request --root "$dir/$1/station" -o "$dir/$1/request.json" >/dev/null
    "$packseal" key certify --root-key "$dir/$1/office/root.key" --request "$dir/$1/request.json" \
        --passphrase-file "$dir/pass" -o "$dir/$1/cert" >/dev/null
    "$packseal" key enrol --root-key "$dir/$1/office/root.key" --cert "$dir/$1/cert/cert.json" \
        --passphrase-file "$dir/pass" -o "$dir/$1/enrolment.note" >/dev/null
}
trust() {
    "$packseal" trust "$@"
}
print_of() {
    sed -n 2p "$1" | base64 -d | sha256sum | cut -c1-32 | tr a-f A-F | sed 's/..../& /g; s/ $//'
}

@test "two merchants with one station id stand in one trust file" {
    grep -q "^log $(cat "$dir/a/station/public/log.vkey")$" "$dir/a/enrolment.note.trust"
    run trust add "$dir/a/enrolment.note" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    [[ $output == *"$(print_of "$dir/a/office/root.pub")"* ]]
    run trust add "$dir/b/enrolment.note.trust" "$dir/b/station/public/trust" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    [ "$(grep -c '^root ' "$dir/trust")" = 2 ]
    [ "$(grep -c '^log packseal.invalid/ST03/' "$dir/trust")" = 2 ]
    [ "$(grep -c '^clip ' "$dir/trust")" = 1 ]
    grep -qF "root $(sed -n 2p "$dir/b/office/root.pub") merchant=\"义乌乙商贸\"" "$dir/trust"
    run trust check "$dir/trust"
    [ "$status" -eq 0 ]
    run trust list "$dir/trust" --json
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" = 5 ]
    [ "$(printf '%s\n' "$output" | jq -r 'select(.kind == "root") | .fingerprint' | sort)" = \
        "$({ print_of "$dir/a/office/root.pub" && print_of "$dir/b/office/root.pub"; } | sort)" ]
    # Once more: nothing doubled, nothing written.
    cp "$dir/trust" "$dir/before"
    run trust add "$dir/a/enrolment.note" "$dir/b/enrolment.note" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    [[ $output == *"is there already"* && $output == *"nothing new"* ]]
    cmp "$dir/before" "$dir/trust"
    # Unasked nothing is written either.
    run trust add "$dir/a/enrolment.note" --to "$dir/other" </dev/null
    [ "$status" -eq 1 ]
    [ ! -e "$dir/other" ]
    run trust add "$dir/a/enrolment.note" --to "$dir/other" <<<y
    [ "$status" -eq 0 ]
    [ -e "$dir/other" ]
    run trust add "$dir/a/enrolment.note" --to "$dir/zh" --yes --lang zh
    [[ $output == *新增* ]]
}

@test "what contradicts the file is told, and nothing is written" {
    trust add "$dir/a/enrolment.note" "$dir/a/station/public/trust" --to "$dir/trust" --yes
    cp "$dir/trust" "$dir/before"
    refused() {
        run trust add "$dir/in" --to "$dir/trust" --yes
        [ "$status" -eq 1 ]
        [[ $output == *"CONFLICT: $1"* ]]
        cmp "$dir/before" "$dir/trust"
    }
    root=$(sed -n 2p "$dir/a/office/root.pub") clip=$(sed -n 2p "$dir/a/station/public/clip.pub")
    printf 'packseal-trust 1\nroot %s merchant="别家"\n' "$root" >"$dir/in"
    refused "is registered as another merchant's"
    printf 'packseal-trust 1\nclip %s\n' "$root" >"$dir/in"
    refused "is registered as a root key"
    printf 'packseal-trust 1\nclip %s station=ST04\n' "$clip" >"$dir/in"
    refused "is registered with other limits"
    printf 'packseal-trust 1\nroot %s\n' "$clip" >"$dir/in"
    refused "is registered as a clip key"
    printf 'packseal-trust 1\nroot %s merchant=义乌甲商贸\n' "$(sed -n 2p "$dir/second/root.pub")" >"$dir/in"
    refused "this merchant has another root key here"
    # A ledger of the same name with another key: it is not the digest that the name holds.
    python3 - "$dir/a/station/public/log.vkey" >"$dir/in" <<'END'
import base64, hashlib, sys
name, key = open(sys.argv[1]).read().split("+")[0], bytes(range(32))
number = hashlib.sha256(name.encode() + b"\n\x01" + key).hexdigest()[:8]
print("packseal-trust 1\nlog %s+%s+%s" % (name, number, base64.b64encode(b"\x01" + key).decode()))
old = "packseal.invalid/ST03"
number = hashlib.sha256(old.encode() + b"\n\x01" + key).hexdigest()[:8]
open(sys.argv[1] + ".old", "w").write("packseal-trust 1\nlog %s+%s+%s\n" % (old, number, base64.b64encode(b"\x01" + key).decode()))
END
    refused "its name is that of another key"
    # One of the first version's names is left out, and found when it stands there.
    run trust add "$dir/a/station/public/log.vkey.old" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    [[ $output == *"left out: a name of the first version"* ]]
    cmp "$dir/before" "$dir/trust"
    run trust check "$dir/a/station/public/log.vkey.old"
    [ "$status" -eq 1 ]
    # Authorities only when asked for.
    printf 'packseal-trust 1\ntsa %064d name="根"\nrevoked %s since=2026-05-01T00:00:00Z\n' 0 "$clip" >"$dir/in"
    run trust add "$dir/in" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    [ "$(grep -c '^tsa' "$dir/trust")" = 0 ]
    grep -qF "revoked $clip since=2026-05-01T00:00:00.000Z" "$dir/trust"
    run trust add "$dir/in" --to "$dir/trust" --yes --authorities
    [ "$(grep -c '^tsa' "$dir/trust")" = 1 ]
    [ "$(grep -c '^revoked' "$dir/trust")" = 1 ]
}

@test "a note counts only with the signature of the root key that it names" {
    cp "$dir/a/enrolment.note" "$dir/note"
    run trust add "$dir/note" --to "$dir/trust" --yes
    [ "$status" -eq 1 ]
    [[ $output == *note.minisig* ]]
    cp "$dir/a/enrolment.note.minisig" "$dir/note.minisig"
    run trust add "$dir/note" --to "$dir/trust" --yes
    [ "$status" -eq 0 ]
    rm "$dir/trust"
    sed -i s/义乌甲/义乌乙/ "$dir/note"
    run trust add "$dir/note" --to "$dir/trust" --yes
    [ "$status" -eq 1 ]
    [[ $output == *"is not signed by the root key that it names"* ]]
    [ ! -e "$dir/trust" ]
    # A value that would be more than a value.
    sed 's/^merchant: .*/merchant: x" y="z/' "$dir/a/enrolment.note" >"$dir/note"
    run trust add "$dir/note" --to "$dir/trust" --yes
    [ "$status" -eq 1 ]
    [[ $output == *"cannot be read"* ]]
    run trust add "$dir/a/office/root.pub" --to "$dir/a/office/root.pub" --yes
    [ "$status" -eq 1 ]
    [[ $output == *"is a single public key"* ]]
    run trust add "$dir/pass" --to "$dir/trust" --yes
    [ "$status" -eq 1 ]
    run trust add "$dir/a/enrolment.note"
    [ "$status" -eq 2 ]
}
