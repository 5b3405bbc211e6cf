#!/usr/bin/env bats
# The completion offers what --help tells, of each command: whoever adds an option adds it there.

load common

setup() {
    fresh
    export LC_ALL=C.UTF-8
    # shellcheck source=/dev/null
    source "${PACKSEAL_SRC:?}/cli/completion/packseal.bash"
}
teardown() { forget; }

# offered WORD...: what is offered for the last word.
offered() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    "_$1"
    printf '%s\n' "${COMPREPLY[@]}" | sort -u
}

# options COMMAND: those of the text, but for what it says of other commands.
options() { sed -E "s/packseal $1 --/--/g; s/packseal [a-z]+ --[a-z-]+//g" | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

@test "each command of --help is offered, and no other" {
    told=$("$packseal" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u)
    [ "$(wc -l <<<"$told")" -gt 15 ]
    [ "$(printf '%s\n--help\n--version\n' "$told" | sort -u)" = "$(offered packseal '')" ]
}

@test "each option of each command is offered, and none that it does not take" {
    for c in $("$packseal" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
        told=$("$packseal" "$c" --help | options "$c")
        got=$(offered packseal "$c" --)
        missing=$(comm -23 <(printf '%s\n' "$told") <(printf '%s\n' "$got") | sed '/^$/d')
        [ -z "$missing" ] || { echo "$c takes, and completion lacks: ${missing//$'\n'/ }"; false; }
        # What is offered is known: refused for other reasons, or taken, but not unknown.
        for o in $(comm -13 <(printf '%s\n' "$told" --help --lang --root | sort) <(printf '%s\n' "$got")); do
            ! "$packseal" "$c" "$o" x --help 2>&1 | grep -q "unknown option" || { echo "$c has no $o"; false; }
        done
    done
}

@test "the words behind key, ledger and trust, and values of options" {
    for c in key ledger trust; do
        for w in $("$packseal" $c --help | grep -oE "packseal $c [a-z]+( \| [a-z]+)?" | sed "s/packseal $c//; s/|//"); do
            offered packseal $c "$w" | grep -qx "$w" || { echo "$c $w is not offered"; false; }
        done
    done
    [ "$(offered packseal find --kind r)" = return ]
    [ "$(offered packseal verify --lang z)" = zh ]
}

@test "packseal-verify is completed as packseal verify is" {
    told=$("${PACKSEAL_BUILD:?}/packseal-verify" --help | options verify)
    [ -n "$told" ]
    [ -z "$(comm -23 <(printf '%s\n' "$told") <(offered packseal-verify --))" ]
    cd "$dir"
    touch a.zip
    [ "$(offered packseal-verify a)" = a.zip ]
    [ "$(offered packseal-verify --require bou)" = bounded ]
}
