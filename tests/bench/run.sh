#!/bin/sh
# What recording costs: one 1080p30 motion JPEG camera played from film, our station against ffmpeg as people write
# it (drawtext, libx264 superfast crf 26, fragmented MP4). Same film, both in real time, taking turns three times in one
# run; medians and the ratio. Figures only: nothing here passes or fails by time.
#
#   BENCH_FILM=FILE   another film to make the camera's pictures from     BENCH_SECONDS=20   BENCH_TURNS=3
set -eu

src=${PACKSEAL_SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PACKSEAL_BUILD:-$src/build/release}
seconds=${BENCH_SECONDS:-20}
turns=${BENCH_TURNS:-3}
font=/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc
hz=$(getconf CLK_TCK)
dir=$(mktemp -d "${TMPDIR:-/tmp}/packseal-bench.XXXXXX")
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
    test ! -s "$dir/run.log" || tail -n 20 "$dir/run.log" >&2
    exit 1
}

# Like a USB camera: 4:2:2, full range, standard Huffman tables, noise of a sensor in every pixel.
make_film() {
    given=${BENCH_FILM:-$src/../shared/footage/box-640x480.mp4}
    if test -r "$given"; then
        set -- -stream_loop -1 -i "$given" -vf "crop=640:360,scale=1920:1080:flags=bicubic,$1"
    else
        set -- -f lavfi -i testsrc2=size=1920x1080:rate=30 -vf "$1"
    fi
    ffmpeg -nostdin -v fatal -y "$@" -t "$seconds" -an -r 30 -fps_mode cfr -c:v mjpeg -huffman default -q:v 6 "$film" ||
        die "ffmpeg could not make the film"
}

# CPU ticks of a process so far (user and system, all threads).
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# The child of $run_pid that runs the named program.
child() {
    for stat in /proc/[0-9]*/stat; do
        pid=${stat#/proc/}
        pid=${pid%/stat}
        parent=$(sed 's/.*) //' "$stat" 2>/dev/null | awk '{ print $2 }') || continue
        if test "$parent" = "$run_pid"; then
            case $(readlink "/proc/$pid/exe") in
            */"$1") echo "$pid" && return ;;
            esac
        fi
    done
    die "packseal run has no $1"
}

# CPU of each thread by name, for "where the time goes".
threads() {
    for task in "/proc/$1"/task/*; do
        printf '%s %s\n' "$(sed 's/.*) //' "$task/stat" | awk '{ print $12 + $13 }')" "$(cat "$task/comm")"
    done
}

peak_mb() { awk '/^VmHWM:/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }

size_mbit() { stat -c %s "$1" | awk -v s="$2" '{ printf "%.2f", $1 * 8 / s / 1e6 }'; }

# One line to "$dir/ours": CPU, of it the signer, MB, Mbit/s.
ours() {
    root=$dir/root$1
    "$build/packseal" init --root "$root" --station 打包三号台 --id ST03 --operator 0017 --camera "top=lavf:$film" >"$dir/init.log" || die "init"
    rm -f "$dir/run.log" # or the last turn's "ready" might be taken for this one's
    "$build/packseal" run --root "$root" >"$dir/run.log" 2>&1 &
    run_pid=$!
    tries=0
    until grep -qs '^ready' "$dir/run.log"; do
        tries=$((tries + 1))
        if test "$tries" -ge 300 || ! kill -0 "$run_pid" 2>/dev/null; then
            die "the station did not get ready"
        fi
        sleep 0.1
    done
    recorder=$(child packseal-recorder)
    signer=$(child packseal-signer)
    "$build/packseal" scan --root "$root" SF1234567890123 >"$dir/scan.log" || die "scan"
    threads "$recorder" >"$dir/threads.before"
    from_r=$(ticks "$recorder")
    from_s=$(ticks "$signer")
    sleep "$seconds"
    to_r=$(ticks "$recorder")
    to_s=$(ticks "$signer")
    threads "$recorder" >"$dir/threads.after"
    mb=$(peak_mb "$recorder")
    "$build/packseal" stop --root "$root" >"$dir/stop.log" || die "stop"
    clip=$(find "$root/clips" -name top.mp4)
    "$build/packseal" show --lang en --root "$root" "$(basename "$(dirname "$clip")")" | sed -n 's/.* frames  *//p' >"$dir/frames"
    length=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$clip")
    kill "$run_pid"
    wait "$run_pid" || die "packseal run ended with an error"
    run_pid=
    awk -v r="$((to_r - from_r))" -v s="$((to_s - from_s))" -v hz="$hz" -v t="$seconds" -v mb="$mb" \
        -v rate="$(size_mbit "$clip" "$length")" \
        'BEGIN { printf "%.3f %.4f %d %s\n", (r + s) / hz / t, s / hz / t, mb, rate }' >>"$dir/ours"
    rm -rf "$root"
}

# One line to "$dir/theirs": CPU, MB, Mbit/s. ffmpeg's own -benchmark counts user and system time. One thread each,
# as with us: more threads cost ffmpeg some CPU, and the comparison is not to live on that.
theirs() {
    out=$dir/theirs.mp4
    text="SF1234567890123  %{localtime\\:%Y-%m-%d %T}  打包三号台"
    ffmpeg -nostdin -hide_banner -nostats -loglevel info -benchmark -y -threads 1 -re -i "$film" -filter_threads 1 \
        -vf "drawtext=fontfile=$font:text='$text':x=16:y=16:fontsize=36:fontcolor=white:box=1:boxborderw=8:boxcolor=black" \
        -pix_fmt yuv420p -c:v libx264 -preset superfast -crf 26 -g 60 -threads 1 \
        -movflags +frag_keyframe+empty_moov+default_base_moof "$out" >"$dir/ffmpeg.log" 2>&1 || die "$(tail -n 3 "$dir/ffmpeg.log")"
    user=$(sed -n 's/.*bench: utime=\([0-9.]*\)s stime=\([0-9.]*\)s.*/\1 \2/p' "$dir/ffmpeg.log")
    max=$(sed -n 's/.*bench: maxrss=\([0-9]*\).*/\1/p' "$dir/ffmpeg.log")
    echo "$user $max $(size_mbit "$out" "$seconds")" |
        awk -v t="$seconds" '{ printf "%.3f %d %s\n", ($1 + $2) / t, $3 / 1024, $4 }' >>"$dir/theirs"
    rm -f "$out"
}

# Median of column $2 of file $1.
median() { awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

test -x "$build/packseal" || die "no $build/packseal: run: make"
test -r "$font" || die "no $font: run: make deps"
film=$dir/film.avi
noise=noise=c0s=4:c0f=t:c1s=2:c1f=t:c2s=2:c2f=t,scale=out_range=full,format=yuvj422p
echo "making $seconds s of 1080p30 motion JPEG ..."
make_film "$noise"
echo "$(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1); load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "film: $(size_mbit "$film" "$seconds") Mbit/s, $(ffmpeg -version | sed -n '1s/ Copyright.*//p')"
turn=1
while test "$turn" -le "$turns"; do
    ours "$turn"
    theirs
    printf 'turn %d: packseal %s of a core, ffmpeg %s\n' "$turn" \
        "$(tail -n 1 "$dir/ours" | cut -d' ' -f1)" "$(tail -n 1 "$dir/theirs" | cut -d' ' -f1)"
    turn=$((turn + 1))
done

a=$(median "$dir/ours" 1)
b=$(median "$dir/theirs" 1)
printf '\nmedians of %d turns, CPU is user + system per second of film\n' "$turns"
printf '%-42s %8s %8s %8s\n' '' CPU 'MB peak' Mbit/s
printf '%-42s %8s %8s %8s\n' 'packseal (recorder and signer)' "$a" "$(median "$dir/ours" 3)" "$(median "$dir/ours" 4)"
printf '%-42s %8s %8s %8s\n' 'ffmpeg drawtext libx264 superfast crf 26' "$b" "$(median "$dir/theirs" 2)" "$(median "$dir/theirs" 3)"
awk -v a="$a" -v b="$b" 'BEGIN { if (a > 0) printf "ffmpeg takes %.2f times the CPU of packseal\n", b / a }'
printf 'of it the signer %s; frames of the last turn: %s\n' "$(median "$dir/ours" 2)" "$(cat "$dir/frames")"
echo "threads of the recorder in the last turn, share of a core:"
awk -v hz="$hz" -v t="$seconds" 'NR == FNR { had[$2] += $1; next } { got[$2] += $1 }
    END { for (n in got) printf "  %-16s %.3f\n", n, (got[n] - had[n]) / hz / t }' "$dir/threads.before" "$dir/threads.after" | sort -k2 -rn
