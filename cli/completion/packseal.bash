# bash completion for packseal(1)
# shellcheck shell=bash

_packseal_root() {
    local i
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i - 1]} == --root ]]; then
            printf '%s\n' "${COMP_WORDS[i]}"
            return
        fi
    done
    printf '%s\n' "${PACKSEAL_ROOT:-/var/lib/packseal}"
}

# Names of the newest clips, for show and export.
_packseal_clips() {
    packseal find --root "$(_packseal_root)" --json --limit 50 2>/dev/null |
        sed -n 's/.*"clip":"\([^"]*\)".*/\1/p'
}

_packseal() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'init run status events scan stop cancel cameras barcodes code find link orders show verify export report
            intake stamp ledger key trust hold prune reindex doctor selftest --help --version' -- "$word")
        return
    fi
    case $before in
    --root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --trust | --key | --output | -o | --out | --passphrase-file | --current-passphrase-file | --root-key | --request | \
        --cert | --revocation | --root-pub)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --reason)
        [[ $command == key ]] && mapfile -t COMPREPLY < <(compgen -W 'lost stolen replaced closed' -- "$word")
        return
        ;;
    --lang)
        mapfile -t COMPREPLY < <(compgen -W "en zh$([[ $command == report ]] && printf ' both')" -- "$word")
        return
        ;;
    --profile)
        mapfile -t COMPREPLY < <(compgen -W 'generic-20mb pdd shopee' -- "$word")
        return
        ;;
    --kind)
        mapfile -t COMPREPLY < <(compgen -W 'pack return audit' -- "$word")
        return
        ;;
    --require)
        mapfile -t COMPREPLY < <(compgen -W 'bounded included not-after not-before trusted' -- "$word")
        return
        ;;
    esac
    if [[ $command == key ]] && ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'list root certify revoke enrol request install rotate protect unprotect' -- "$word")
        return
    fi
    if [[ $command == ledger ]] && ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'check compare' -- "$word")
        return
    fi
    if [[ $command == trust ]] && ((COMP_CWORD == 2)) && [[ $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'add list check' -- "$word")
        return
    fi
    options='--root --lang --help'
    case $command in
    ledger) options+=' --key --json' ;;
    init) options+=' --station --id --camera --scanner --operator --listen --passphrase-file --service --no-start' ;;
    run) options+=' --scan-stdin --unconfined --passphrase-file' ;;
    scan) options+=' --manual --json' ;;
    events) options+=' --count --json' ;;
    find) options+=' --from --to --operator --kind --flagged --flag --limit --json' ;;
    verify) options+=' --trust --require --files-from --null --jobs --json' ;;
    key) options+=' --out --passphrase-file --current-passphrase-file --merchant --moderate --root-key --request --from --until
        --clip-key --since --reason --cert --revocation --tsa --root-pub --new-root --json' ;;
    trust) options+=' --to --yes --authorities --json' ;;
    stamp) options+=' --force --if-configured --json' ;;
    intake) options+=' --order --note --check --stamp --proof --json' ;;
    export) options+=' --output --from --to --intake --no-page --report --profile --reason --printed --picked-up --delivered --claimed --json --progress' ;;
    report) options+=' --output --printed --picked-up --delivered --claimed --trust' ;;
    selftest) options+=' --clips --json' ;;
    hold) options+=' --note --release --json' ;;
    code) options+=' --output --json' ;;
    barcodes) options+=' --site --operator --output' ;;
    prune) options+=' --dry-run --reason --erase --yes --json' ;;
    *) options+=' --json' ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $command == verify || $command == intake || $command == key || $command == ledger || $command == trust || $command == orders ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ $command == show || $command == export || $command == report || $command == hold || $command == prune || $command == link ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_packseal_clips)" -- "$word")
    fi
}

# The checker alone takes what packseal verify takes.
_packseal-verify() {
    COMP_WORDS=(packseal verify "${COMP_WORDS[@]:1}")
    COMP_CWORD=$((COMP_CWORD + 1))
    _packseal
}

complete -o filenames -F _packseal packseal
complete -o filenames -F _packseal-verify packseal-verify
