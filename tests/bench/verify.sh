#!/bin/sh
# What judging costs: packseal-verify against `openssl dgst -sha256` of the same files, which reads and hashes every
# byte once. Verifying hashes each byte of film twice (the file, and the recorded pictures), so twice its CPU is the floor;
# on two processors both passes run at once. Two openssl at once tell what this machine has to give in that time. Two cases: one bundle of a minute with two cameras in 1280x720, and 1,000
# bundles of some seconds each. Recorded first, with our own station; then both programs take turns, files in the page
# cache; medians and ratios. Figures only: nothing here passes or fails by time.
#
#   BENCH_FILM=FILE    another film to make the cameras' pictures from    BENCH_TURNS=9   BENCH_BUNDLES=1000
#   BENCH_KEEP=DIR     keep what was recorded there, and take it when it is there already
set -eu

src=${PACKSEAL_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PACKSEAL_BUILD:-$src/build/release}
turns=${BENCH_TURNS:-9}
bundles=${BENCH_BUNDLES:-1000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/packseal-bench.XXXXXX")
keep=${BENCH_KEEP:-$dir/keep}
run_pid=

cleanup() {
    if test -n "$run_pid"; then
        kill "$run_pid" 2>/dev/null || true
        wait "$run_pid" 2>/dev/null || true
        run_pid=
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
    echo "bench: $*" >&2
    test ! -s "$keep/run.log" || tail -n 20 "$keep/run.log" >&2
    exit 1
}

make_film() {
    noise=noise=c0s=4:c0f=t:c1s=2:c1f=t:c2s=2:c2f=t,scale=out_range=full,format=yuvj422p
    given=${BENCH_FILM:-$src/../shared/footage/box-640x480.mp4}
    if test -r "$given"; then
        set -- -stream_loop -1 -i "$given" -vf "crop=640:360,scale=1280:720:flags=bicubic,$noise"
    else
        set -- -f lavfi -i testsrc2=size=1280x720:rate=30 -vf "$noise"
    fi
    ffmpeg -nostdin -v fatal -y "$@" -t 20 -an -r 30 -fps_mode cfr -c:v mjpeg -huffman default -q:v 6 "$keep/film.avi" ||
        die "ffmpeg could not make the film"
}

# One clip of a minute, ten of five seconds.
record() {
    mkdir -p "$keep"
    make_film
    root=$keep/root
    "$build/packseal" init --root "$root" --station 打包三号台 --id ST03 --camera "top=lavf:$keep/film.avi" \
        --camera "side=lavf:$keep/film.avi" >"$keep/init.log" || die "init"
    "$build/packseal" run --root "$root" >"$keep/run.log" 2>&1 &
    run_pid=$!
    tries=0
    until grep -qs '^ready' "$keep/run.log"; do
        tries=$((tries + 1))
        if test "$tries" -ge 300 || ! kill -0 "$run_pid" 2>/dev/null; then
            die "the station did not get ready"
        fi
        sleep 0.1
    done
    "$build/packseal" scan --root "$root" SF1234567890123 >"$keep/scan.log" || die "scan"
    sleep 60
    for i in 1 2 3 4 5 6 7 8 9 10; do
        "$build/packseal" scan --root "$root" "YT76543210987$((10 + i))" >"$keep/scan.log" || die "scan"
        sleep 5
    done
    "$build/packseal" stop --root "$root" >"$keep/stop.log" || die "stop"
    kill "$run_pid"
    wait "$run_pid" || die "packseal run ended with an error"
    run_pid=
    "$build/packseal" export --root "$root" SF1234567890123 -o "$keep/minute.zip" >"$keep/export.log" || die "export"
    for i in 1 2 3 4 5 6 7 8 9 10; do
        "$build/packseal" export --root "$root" "YT76543210987$((10 + i))" -o "$keep/short$i.zip" >"$keep/export.log" || die "export"
    done
}

# One line to "$dir/$1": wall and CPU seconds of the command that follows, run $2 times at once.
timed() {
    name=$1
    times=$2
    shift 2
    python3 - "$dir/$name" "$times" "$@" <<'PY'
import resource, subprocess, sys, time
def used():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime
before = used()
start = time.perf_counter()
running = [subprocess.Popen(sys.argv[3:], stdout=subprocess.DEVNULL) for _ in range(int(sys.argv[2]))]
status = [p.wait() for p in running]
wall = time.perf_counter() - start
if any(status):
    sys.exit("%s ended with %s" % (sys.argv[3], status))
with open(sys.argv[1], "a") as out:
    out.write("%.5f %.5f\n" % (wall, used() - before))
PY
}

median() { awk -v c="$2" '{ print $c }' "$dir/$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# compare NAME FILE...
compare() {
    case=$1
    shift
    cat "$@" >/dev/null
    turn=0
    while test "$turn" -lt "$turns"; do
        timed "$case.openssl" 1 openssl dgst -sha256 "$@"
        timed "$case.two" 2 openssl dgst -sha256 "$@"
        timed "$case.verify" 1 "$build/packseal-verify" --json --trust "$keep/root/public/trust" "$@"
        timed "$case.one" 1 "$build/packseal-verify" --json --jobs 1 --trust "$keep/root/public/trust" "$@"
        turn=$((turn + 1))
    done
    mb=$(cat "$@" | wc -c | awk '{ printf "%.1f", $1 / 1e6 }')
    printf '\n%s: %d files, %s MB, medians of %d turns\n' "$case" $# "$mb" "$turns"
    printf '%-28s %9s %9s %7s %7s\n' '' 'wall s' 'CPU s' wall CPU
    for program in openssl two verify one; do
        case $program in
        openssl) title='openssl dgst -sha256' ;;
        two) title='the same twice, at once' ;;
        verify) title='packseal-verify' ;;
        *) title='packseal-verify --jobs 1' ;;
        esac
        printf '%-28s %9s %9s %7s %7s\n' "$title" "$(median "$case.$program" 1)" "$(median "$case.$program" 2)" \
            "$(ratio "$case" "$program" 1)" "$(ratio "$case" "$program" 2)"
    done
}

# Of each turn, ours by theirs; the median of that.
ratio() {
    paste -d' ' "$dir/$1.$2" "$dir/$1.openssl" | awk -v c="$3" '{ if ($(c + 2) > 0) print $c / $(c + 2) }' >"$dir/ratio"
    sort -n "$dir/ratio" | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }'
}

test -x "$build/packseal-verify" || die "no $build/packseal-verify: run: make"
if test ! -e "$keep/short10.zip"; then
    echo "recording two minutes with two cameras ..."
    record
fi
echo "$(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); load $(cut -d' ' -f1-3 /proc/loadavg); $(openssl version)"
compare minute "$keep/minute.zip"
set --
i=0
while test "$i" -lt "$bundles"; do
    ln "$keep/short$((i % 10 + 1)).zip" "$dir/$i.zip" 2>/dev/null || cp "$keep/short$((i % 10 + 1)).zip" "$dir/$i.zip"
    set -- "$@" "$dir/$i.zip"
    i=$((i + 1))
done
compare bundles "$@"
