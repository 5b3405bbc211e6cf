#!/usr/bin/env bats
# packseal selftest: what it finds well, and what it names. Verified clips are in tests/system and tests/e2e.
load common

setup() { fresh; new_station; }
teardown() { forget; }

@test "selftest of a station that is well says so in one line" {
    run "$packseal" selftest --root "$root"
    [ "$status" -eq 1 ] # its ledger has no checkpoint before the signer ran
    [[ $output == *checkpoint-missing* ]]
    start_station
    run "$packseal" selftest --root "$root"
    if [ -n "${PACKSEAL_SAN:-}" ]; then # such a signer has no filter: that is named, and nothing else
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 2 ]
        [[ ${lines[0]} == *"system call filter"* ]]
        return
    fi
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ ${lines[0]} == "self-test passed:"*"0 of 0 clips"* ]]
    run "$packseal" selftest --root "$root" --json
    [ "$(jq -r '[.ok, .clips, (.failed | length)] | join(" ")' <<<"$output")" = 'true 0 0' ]
    run "$packseal" selftest --root "$root" --lang zh
    [[ $output == *自检正常* ]]
}

@test "selftest names what doctor and ledger check find" {
    chmod 755 "$root/signer"
    run "$packseal" selftest --root "$root"
    [ "$status" -eq 1 ]
    [[ $output == *"doctor: "*"0755"*"self-test failed:"* ]]
    chmod 700 "$root/signer"
    printf 'x' >>"$root/ledger/entries"
    run "$packseal" selftest --root "$root" --json
    [ "$status" -eq 1 ]
    [ "$(jq -r '.failed[].check' <<<"$output" | grep -c entry-broken)" -eq 1 ]
}

@test "selftest has a root and a number of clips" {
    run "$packseal" selftest --root "$root" --clips many
    [ "$status" -eq 2 ]
    run "$packseal" selftest --root "$root" --clips 1001
    [ "$status" -eq 2 ]
    run "$packseal" selftest --root "$root/none"
    [ "$status" -eq 1 ]
    [[ $output == *root* ]]
}

@test "init --no-start goes together with --service" {
    run "$packseal" init --root "$root/x" --station ST04 --no-start
    [ "$status" -eq 2 ]
    [ ! -e "$root/x" ]
}
