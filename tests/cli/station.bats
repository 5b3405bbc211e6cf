#!/usr/bin/env bats
# A station that runs: scan, stop, find, show, export, and what happens when a part of it dies.

load common

setup() { fresh; new_station >"$dir/init.log"; }
teardown() { forget; }

@test "a working day: scan, scan, stop, find, show, export, reindex" {
    start_station
    run "$packseal" status --root "$root" --json
    [ "$status" -eq 0 ]
    [ "$(json "$output" .state)" = idle ]
    [ "$(json "$output" '.cameras[0].state')" = live ]

    run "$packseal" scan --root "$root" SF1234567890123
    [ "$status" -eq 0 ]
    [[ $output == recording*ST03-0000001*SF1234567890123* ]]
    sleep 2
    run "$packseal" scan --root "$root" --json YT7654321098765
    [ "$(json "$output" .ended)" = ST03-0000001 ]
    sleep 2
    run "$packseal" doctor --root "$root" --json
    [ "$(json "$output" 'select(.check == "signer") | .state')" = ok ]
    run "$packseal" stop --root "$root" --json
    [ "$status" -eq 0 ]
    [ "$(json "$output" .state)" = idle ]
    path=$(json "$output" .path)
    [ -s "$root/$path/clip.json.minisig" ]
    name=$(basename "$path")

    row=$("$packseal" find --root "$root" --json 54321098765 2>"$dir/note")
    grep -q "these end with it" "$dir/note"
    [ "$(json "$row" .clip)" = "$name" ]
    [ "$(json "$row" '.codes[0]')" = YT7654321098765 ]
    [ "$(json "$row" .path)" = "$root/$path" ]
    run "$packseal" find --root "$root"
    [ "${#lines[@]}" -eq 3 ]
    run "$packseal" find --root "$root" --from "2099-01-01"
    [ "$status" -eq 1 ]
    run "$packseal" find --root "$root" --to "2099-01-01" --kind pack --json
    [ "${#lines[@]}" -eq 2 ]

    run "$packseal" show --root "$root" YT7654321098765 --lang zh
    [[ $output == *"[S] 录像"*"$name"*"[R] 号码"*YT7654321098765* ]]
    "$packseal" show --root "$root" "$name" --json | cmp - "$root/$path/clip.json"

    run "$packseal" export --root "$root" YT7654321098765 "$root/$path" -o "$dir/bundle.zip"
    [ "$status" -eq 0 ]
    unzip -tq "$dir/bundle.zip"
    python3 -m zipfile -t "$dir/bundle.zip"
    run "$packseal" verify --trust "$root/public/trust" "$dir/bundle.zip"
    [ "$status" -eq 0 ]
    unzip -q "$dir/bundle.zip" -d "$dir"
    cd "$dir/packseal-$name"
    sha256sum --quiet -c manifest-sha256.txt tagmanifest-sha256.txt
    minisign -V -q -H -p data/keys/clip.pub -m "data/$name/clip.json"
    run "$packseal" export --root "$root" YT7654321098765 -o "$dir/bundle.zip"
    [ "$status" -eq 1 ]

    before=$("$packseal" find --root "$root" --json)
    rm "$root"/index.db*
    run "$packseal" reindex --root "$root" --json
    [ "$output" = '{"clips":2,"bad":0}' ]
    [ "$("$packseal" find --root "$root" --json)" = "$before" ]

    stop_station
    [ "$ended" -eq 0 ]
    [ "$(grep -c '^ready$' "$dir/run.log")" -eq 1 ]
}

@test "a station runs once" {
    start_station
    run "$packseal" run --root "$root"
    [ "$status" -eq 1 ]
    [[ $output == *"runs already"* ]]
}

@test "two takes of a code: show asks which, export takes both" {
    start_station
    "$packseal" scan --root "$root" SF1234567890123
    sleep 1
    "$packseal" stop --root "$root"
    "$packseal" scan --root "$root" SF1234567890123
    sleep 1
    "$packseal" cancel --root "$root"
    run "$packseal" find --root "$root" --json SF1234567890123
    [ "$(json "${lines[0]}" .take)" = 2 ]
    [ "$(json "${lines[0]}" .reason)" = cancelled ]
    run "$packseal" show --root "$root" SF1234567890123
    [ "$status" -eq 1 ]
    [[ $output == *"more than one clip"* ]]
    run "$packseal" export --root "$root" SF1234567890123 -o "$dir/both.zip" --json
    [ "$(json "$output" '.clips | length')" = 2 ]
    run "$packseal" verify --trust "$root/public/clip.pub" "$dir/both.zip"
    [ "$status" -eq 0 ]
}

@test "the end of run ends and seals the clip" {
    start_station
    "$packseal" scan --root "$root" SF1234567890123
    sleep 1
    stop_station
    [ "$ended" -eq 0 ]
    run "$packseal" find --root "$root" --json SF1234567890123
    [ "$(json "$output" .reason)" = shutdown ]
}

@test "a signer that dies is started again and the clip goes on" {
    start_station
    "$packseal" scan --root "$root" SF1234567890123
    kill -KILL "$(pgrep -P "$station" -f packseal-signer)"
    for _ in $(seq 100); do
        grep -q 'the signer ended' "$dir/run.log" && pgrep -P "$station" -f packseal-signer >"$dir/pid" && break
        sleep 0.1
    done
    [ -s "$dir/pid" ]
    sleep 2
    run "$packseal" stop --root "$root" --json
    [ "$status" -eq 0 ]
    path=$(json "$output" .path)
    run "$packseal" verify --trust "$root/public/trust" "$root/$path"
    [ "$status" -eq 0 ]
    stop_station
    [ "$ended" -eq 0 ]
}

@test "run ends with an error when the recorder dies, and takes the signer with it" {
    start_station
    signer=$(pgrep -P "$station" -f packseal-signer)
    kill -KILL "$(pgrep -P "$station" -f packseal-recorder)"
    ended=0
    wait "$station" || ended=$?
    station=
    [ "$ended" -eq 1 ]
    grep -q 'the recorder ended: killed by signal 9' "$dir/run.log"
    run kill -0 "$signer"
    [ "$status" -ne 0 ]
}

@test "codes come from standard input" {
    mkfifo "$dir/codes"
    sleep 60 >"$dir/codes" 3>&- &
    feeder=$!
    start_station --scan-stdin <"$dir/codes"
    echo SF1234567890123 >"$dir/codes"
    for _ in $(seq 100); do
        run "$packseal" status --root "$root" --json
        [ "$(json "$output" .state)" = recording ] && break
        sleep 0.1
    done
    kill "$feeder"
    [ "$(json "$output" '.codes[0]')" = SF1234567890123 ]
}
