#!/usr/bin/env bats
# packseal init: a new station, and nothing overwritten.

load common

setup() { fresh; }
teardown() { forget; }

@test "init makes folders, keys and configuration, and prints fingerprints" {
    run new_station --operator 0017 --scanner main=serial:/dev/ttyACM0
    [ "$status" -eq 0 ]
    key=$(sed -n 2p "$root/public/clip.pub")
    [[ $output == *"$key"* ]]
    grep -qx 'id = ST03' "$root/packseal.conf"
    grep -qx 'name = 打包三号台' "$root/packseal.conf"
    grep -qx 'operator = 0017' "$root/packseal.conf"
    grep -qx '\[scanner main\]' "$root/packseal.conf"
    [ "$(stat -c %a "$root/signer")" = 700 ]
    [ "$(stat -c %a "$root/signer/clip.key")" = 600 ]
    [ "$(stat -c %a "$root/clips")" = 2750 ]
}

@test "init refuses a root that has a station, and leaves it as it is" {
    new_station
    before=$(cd "$root" && find . -type f -exec sha256sum {} + | sort)
    run new_station
    [ "$status" -eq 1 ]
    [[ $output == *"there is a station already"* ]]
    rm "$root/packseal.conf"
    run new_station
    [ "$status" -eq 1 ]
    [ ! -e "$root/packseal.conf" ]
    [[ $before == *signer/clip.key* ]]
    [ "$(cd "$root" && find . -type f -exec sha256sum {} + | sort)" = "$(grep -v packseal.conf <<<"$before")" ]
}

@test "the id is the name where it can be, else ST01" {
    "$packseal" init --root "$root" --station BENCH-7
    grep -qx 'id = BENCH-7' "$root/packseal.conf"
    "$packseal" init --root "$dir/two" --station "Bench 7"
    grep -qx 'id = ST01' "$dir/two/packseal.conf"
    grep -qx 'name = Bench 7' "$dir/two/packseal.conf"
}

@test "the web pages listen where --listen says, and nowhere by themselves" {
    new_station --listen 0.0.0.0:8480
    grep -qx 'listen = 0.0.0.0:8480' "$root/packseal.conf"
    "$packseal" init --root "$dir/two" --station A
    grep -qx '# listen = 127.0.0.1:8480' "$dir/two/packseal.conf"
    for bad in 8480 0.0.0.0 0.0.0.0:99999 $'127.0.0.1:1\n[station]'; do
        run "$packseal" init --root "$dir/three" --station A --listen "$bad"
        [ "$status" -eq 2 ]
        [ ! -e "$dir/three" ]
    done
}

@test "a film named from here is found from elsewhere" {
    touch "$dir/film.avi"
    cd "$dir"
    "$packseal" init --root root --station A --camera top=lavf:film.avi
    grep -qx "source = lavf:$(realpath film.avi)" root/packseal.conf
}

@test "what the configuration cannot hold is refused before anything is made" {
    for bad in "--camera top" "--camera top=/dev/video0" "--camera Top=lavf:x" "--scanner s=usb:1" "--id ST_03" \
        "--id ABCDEFGHIJKLMNOPQ"; do
        # shellcheck disable=SC2086
        run "$packseal" init --root "$root" --station A $bad
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
        [ ! -e "$root" ]
    done
    run "$packseal" init --root "$root" --station ""
    [ "$status" -eq 2 ]
    run "$packseal" init --root "$root" --station $'A\n[recording]\nqp = 40'
    [ "$status" -eq 2 ]
    run "$packseal" init --root "$root" --station 'A ; B'
    [ "$status" -eq 2 ]
    run "$packseal" init --root "$root" --station A --camera $'top=lavf:x\n[station]\nid = EVIL'
    [ "$status" -eq 2 ]
    [ ! -e "$root" ]
}

@test "doctor finds a new station well, and tells what was spoiled" {
    new_station
    run "$packseal" doctor --root "$root"
    [ "$status" -eq 0 ]
    [[ $output == *"is not running: start it: packseal run"* ]]
    chmod 644 "$root/signer/clip.key"
    run "$packseal" doctor --root "$root" --json
    [ "$status" -eq 1 ]
    [ "$(json "$output" 'select(.state == "mend") | .check')" = keys ]
    chmod 600 "$root/signer/clip.key"
    echo "zoom = 1" >>"$root/packseal.conf"
    run "$packseal" doctor --root "$root" --lang zh
    [ "$status" -eq 1 ]
    [[ $output == *处理*configuration*"unknown key"* ]]
}

@test "doctor names what others may write and what another user left, with the command that mends it" {
    new_station
    found() { "$packseal" doctor --root "$root" --json | jq -c 'select(.check == "permissions")'; }
    [ "$(json "$(found)" .state)" = ok ]
    chmod o+w "$root/clips" "$root/public/trust"
    mkdir -p "$root/tokens/a b"
    if [ "$(id -u)" = 0 ]; then chown nobody "$root/tokens/a b"; else chmod o+w "$root/tokens/a b"; fi
    rm -r "$root/run"
    said=$(found)
    [ "$(wc -l <<<"$said")" -eq 4 ]
    [ "$(json "$said" .state | sort -u)" = mend ]
    [[ $said == *"$root/public/trust is "*"mode 0666"* || $said == *"$root/public/trust is "*"mode 0646"* ]]
    json "$said" .todo | sh
    [ "$(json "$(found)" .state)" = ok ]
    [ -d "$root/run" ]
    # Many of them are not many lines.
    for i in $(seq 40); do echo x >"$root/clips/$i"; done
    chmod o+w "$root"/clips/*
    [ "$(found | wc -l)" -eq 13 ]
    [[ $(found | tail -n 1) == *"and 28 more"* ]]
    [[ $("$packseal" doctor --root "$root" --lang zh) == *处理*permissions*另有\ 28\ 处* ]]
}
