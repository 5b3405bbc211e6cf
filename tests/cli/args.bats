#!/usr/bin/env bats
# What holds for every command.

load common

setup() { fresh; }
teardown() { forget; }

commands='init run status scan stop cancel cameras find show verify export report reindex doctor'

@test "each command has --help, in English and Chinese" {
    for c in $commands; do
        run "$packseal" "$c" --help
        [ "$status" -eq 0 ]
        [[ ${lines[0]} == "usage: packseal $c"* ]]
        run "$packseal" "$c" --lang zh --help
        [ "$status" -eq 0 ]
        [[ $output == *用法* ]]
    done
}

@test "the list of commands names them all, in the language of the locale" {
    run env LC_ALL=zh_CN.UTF-8 "$packseal" --help
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == 用法* ]]
    for c in $commands; do
        [[ $output == *"$c"* ]]
    done
}

@test "each command has its place in the manual and in the completion" {
    for c in $commands; do
        grep -q "^\.It Cm $c\b" "$PACKSEAL_SRC/docs/man/packseal.1"
        grep -q "\b$c\b" "$PACKSEAL_SRC/cli/completion/packseal.bash"
    done
}

@test "an unknown command, option or language is refused in one line with status 2" {
    for words in "bend" "find --colour" "find --lang fr" "find --from" "status extra" "scan" "show" "export x"; do
        # shellcheck disable=SC2086 # words are words
        run "$packseal" $words
        [ "$status" -eq 2 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ ${lines[0]} == "packseal: "* ]]
    done
}

@test "an option given twice is refused; = and -- are understood" {
    run "$packseal" find --root "$dir" --root "$dir" x
    [ "$status" -eq 2 ]
    run "$packseal" find "--root=$dir" -- --json
    [ "$status" -eq 1 ]
    [[ $output == *"no index yet"*"packseal reindex"* ]]
}

@test "without a station, each command says so and what to do" {
    for c in status stop cancel "scan X" "find X" "show X" "export X -o $dir/x.zip" reindex run; do
        # shellcheck disable=SC2086
        run "$packseal" $c --root "$root"
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ ${lines[0]} == "packseal: "*": "*": "* ]]
    done
    [ ! -e "$root" ]
}

@test "a control character in an argument does not reach the terminal" {
    run "$packseal" find --root "$dir" --kind $'pa\x1b[2Jck\n'
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ $output != *$'\x1b'* ]]
}

@test "the root comes from the environment when it is not given" {
    new_station
    PACKSEAL_ROOT=$root run "$packseal" cameras --json
    [ "$status" -eq 0 ]
    [ "$(json "${lines[0]}" .name)" = top ]
}

@test "output that cannot be written is an error" {
    run bash -c "'$packseal' --help >/dev/full"
    [ "$status" -eq 1 ]
}

@test "the bash completion offers commands and options" {
    run bash -c "source '$PACKSEAL_SRC/cli/completion/packseal.bash'
        COMP_WORDS=(packseal rei) COMP_CWORD=1; _packseal; echo \"\${COMPREPLY[*]}\"
        COMP_WORDS=(packseal find --op) COMP_CWORD=2; _packseal; echo \"\${COMPREPLY[*]}\""
    [ "${lines[0]}" = reindex ]
    [ "${lines[1]}" = --operator ]
}
