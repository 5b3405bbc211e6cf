#!/bin/sh
# A packing bench in a minute: set up, record two parcels, find, export, check with our program and with
# everybody's, then change one byte and see it named. `make demo` calls it.
#
#   PACKSEAL_DEMO_DIR     the folder to work in; must be new or empty (default: a fresh temporary one, kept)
#   PACKSEAL_DEMO_SOURCE  the camera, as in packseal.conf (default: a USB camera if there is one, else film)
#   PACKSEAL_DEMO_FILM    the film to use when there is no camera
set -eu

here=$(cd "$(dirname "$0")/../.." && pwd)
src=${PACKSEAL_SRC:-$here}
build=${PACKSEAL_BUILD:-$src/build/release}
packseal=$build/packseal
PATH=$build:$PATH
first=SF1234567890123
second=YT7654321098765
station_pid=

# ---- how it talks and ends --------------------------------------------------------------------------

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
test -t 1 || say() { printf '\n== %s\n' "$*"; }

# Shows a command, then runs it.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

fail() {
    printf '\ndemo: FAILED: %s\n' "$*" >&2
    if test -s "$dir/run.log"; then
        echo "demo: what the station said last:" >&2
        tail -n 20 "$dir/run.log" >&2
    fi
    exit 1
}

# expect STATUS COMMAND...: shows, runs, and insists on the exit status.
expect() {
    wanted=$1
    shift
    status=0
    run "$@" || status=$?
    echo "exit status $status"
    test "$status" -eq "$wanted" || fail "exit status $status instead of $wanted: $*"
}

stop_station() {
    if test -n "$station_pid"; then
        kill "$station_pid" 2>/dev/null || true
        wait "$station_pid" 2>/dev/null || true
        station_pid=
    fi
}
dir=
trap stop_station EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the pieces -------------------------------------------------------------------------------------

# The value of a key in lines of flat JSON; enough for paths.
json_text() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p'; }

# The first USB camera that gives a picture; nothing when there is none. Other video nodes (codecs, loopbacks,
# a camera's second node) are passed over.
usb_camera() {
    for node in /sys/class/video4linux/video*; do
        device=/dev/${node##*/}
        case $(readlink -f "$node/device") in
        */usb*) ;;
        *) continue ;;
        esac
        if timeout 5 ffmpeg -nostdin -v quiet -f v4l2 -i "$device" -frames:v 1 -f null - 2>/dev/null; then
            echo "v4l2:$device"
            return
        fi
    done
}

# Film as a USB camera delivers it: motion JPEG, 4:2:2, 1280x720. Recorded film when we have it.
make_film() {
    film=${PACKSEAL_DEMO_FILM:-$src/../shared/footage/box-640x480.mp4}
    if test -r "$film"; then
        echo "no USB camera: film of a packing table plays its part"
        set -- -i "$film" -vf 'crop=640:360,scale=1280:720:flags=bicubic:out_range=full,format=yuvj422p'
    else
        echo "no USB camera: a moving test picture plays its part"
        set -- -f lavfi -i testsrc2=size=1280x720:rate=30 -vf 'scale=out_range=full,format=yuvj422p'
    fi
    ffmpeg -nostdin -v fatal -y "$@" -t 15 -an -r 30 -fps_mode cfr -c:v mjpeg -huffman default -q:v 5 "$dir/film.avi" ||
        fail "ffmpeg could not make the film"
}

start_station() {
    printf '$ packseal run --root %s &\n' "$root"
    "$packseal" run --root "$root" >"$dir/run.log" 2>&1 &
    station_pid=$!
    tries=0
    until grep -q '^ready' "$dir/run.log" 2>/dev/null; do
        tries=$((tries + 1))
        test "$tries" -lt 300 || fail "the station was not ready after 30 seconds"
        kill -0 "$station_pid" 2>/dev/null || fail "the station ended before it was ready"
        sleep 0.1
    done
    echo ready
}

# The one published clip folder of a code, absolute.
clip_of() {
    path=$("$packseal" find --root "$root" --json "$1" | json_text path | head -n 1)
    test -n "$path" || fail "find does not know $1"
    case $path in
    /*) ;;
    *) path=$root/$path ;;
    esac
    test -r "$path/clip.json" || fail "no clip folder at $path"
    echo "$path"
}

# Offset of a byte in the middle of a coded picture of the middle of a film: picture data for certain, not
# one of the container's tables.
byte_of_video() {
    ffprobe -v error -select_streams v:0 -show_entries packet=pos,size -of csv=p=0 "$1" |
        awk -F, '$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9]+$/ { size[n] = $1; pos[n++] = $2 }
                 END { if (n) { i = int(n / 2); printf "%d\n", pos[i] + int(size[i] / 2) } }'
}

change_byte() {
    old=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    new=$((old ^ 1))
    # shellcheck disable=SC2059 # the format is the byte
    printf "\\$(printf '%03o' "$new")" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
    echo "byte $2 of $(basename "$1"): $old is now $new"
}

# ---- the day ----------------------------------------------------------------------------------------

test -x "$packseal" || { echo "demo: no $packseal: run: make" >&2; exit 1; }
for tool in ffmpeg ffprobe minisign unzip sha256sum; do
    command -v "$tool" >/dev/null || { echo "demo: $tool is missing: run: make deps" >&2; exit 1; }
done

dir=${PACKSEAL_DEMO_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/packseal-demo.XXXXXX")}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
test -z "$(ls -A "$dir")" || { echo "demo: $dir is not empty: name a new folder" >&2; exit 1; }
root=$dir/root

say "1. A new station"
source=${PACKSEAL_DEMO_SOURCE:-$(usb_camera)}
if test -z "$source"; then
    make_film
    source=lavf:$dir/film.avi
fi
run packseal init --root "$root" --station 打包三号台 --id ST03 --operator 0017 --camera "top=$source" ||
    fail "init"

say "2. Two parcels: each scan ends the clip before it and starts its own"
start_station
run packseal scan --root "$root" "$first" || fail "scan"
sleep 6
run packseal scan --root "$root" "$second" || fail "scan"
sleep 6
run packseal stop --root "$root" || fail "stop"
stop_station

say "3. Weeks later: find a clip by its number, export it for the platform"
run packseal find --root "$root" "$second" || fail "find"
clip=$(clip_of "$second")
grep -q '"captured":[1-9]' "$clip/clip.json" || fail "the camera gave no picture: $source"
name=$(basename "$clip")
bundle=$dir/$name.zip
run packseal export --root "$root" "$second" -o "$bundle" || fail "export"

say "4. The platform checks it, knowing the station's key"
expect 0 packseal verify --trust "$root/public/trust" "$bundle"

say "5. Once more without our software"
mkdir "$dir/unzipped"
unzip -q "$bundle" -d "$dir/unzipped"
bag=$(ls -d "$dir"/unzipped/*/)
bag=${bag%/}
cd "$bag"
key=keys/clip.pub
test -r "$key" || key=data/keys/clip.pub
expect 0 minisign -V -H -p "$key" -m "data/$name/clip.json"
expect 0 sha256sum -c manifest-sha256.txt
for film in "data/$name"/*.mp4; do
    run ffprobe -v warning "$film" >"$dir/ffprobe.txt" 2>&1 || fail "ffprobe cannot read $film"
    sed 1q "$dir/ffprobe.txt"
    test "$(wc -l <"$dir/ffprobe.txt")" -eq 1 || fail "ffprobe warns: $(sed 1d "$dir/ffprobe.txt")"
    echo "no warning"
done
cd "$dir"

say "6. Somebody changes one bit of the film"
cp -r "$bag/data/$name" "$dir/changed"
film=$dir/changed/top.mp4
offset=$(byte_of_video "$film")
test -n "$offset" || fail "no picture found in $film"
change_byte "$film" "$offset"
expect 1 packseal verify --trust "$root/public/trust" "$dir/changed" >"$dir/changed.txt"
cat "$dir/changed.txt"
grep -q "$(basename "$film") segment [0-9]" "$dir/changed.txt" || fail "the verdict names no segment"

say "7. A picture of it"
run ffmpeg -nostdin -v error -y -ss 3 -i "$clip/$(basename "$film")" -frames:v 1 "$dir/frame.png" ||
    fail "no picture"
test -s "$dir/frame.png" || fail "no picture"

say "Done: recorded, sealed, found, exported, checked four ways; the changed copy was told apart."
cat <<END
  everything          $dir
  the station         $root
  clip of $second  $clip
  bundle to send      $bundle
  key to register     $root/public/trust
  changed twin        $dir/changed  (verdict: changed.txt)
  a picture           $dir/frame.png
END
