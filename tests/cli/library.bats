#!/usr/bin/env bats
# The library as others get it: installed, found by pkg-config alone, used from C and from C++.

load common

setup() {
    fresh
    test -z "${PACKSEAL_SAN:-}" || skip "a sanitizer's objects need its flags"
    # Nothing is to be built here: what is under test is there already.
    make -s -o all -C "${PACKSEAL_SRC:?}" VARIANT="$(basename "${PACKSEAL_BUILD:?}")" DESTDIR="$dir" install >/dev/null
}
teardown() { forget; }

flags() {
    PKG_CONFIG_PATH=$dir/usr/lib/pkgconfig pkg-config --define-variable=prefix="$dir/usr" --static "$@" packseal-evidence
}

@test "what is installed: library, headers, pkg-config file, licence; no internal header" {
    for f in lib/libpackseal-evidence.a lib/pkgconfig/packseal-evidence.pc include/packseal/evidence/packseal.h \
        share/doc/libpackseal-evidence/LICENSE share/doc/libpackseal-evidence/examples/verify-bundle.c bin/packseal-verify; do
        [ -s "$dir/usr/$f" ]
    done
    [[ $(head -n 1 "$dir/usr/share/doc/libpackseal-evidence/LICENSE") == ISC* ]]
    [ -z "$(find "$dir/usr/include" -name '*_internal.h')" ]
}

@test "each installed header compiles alone, as C and as C++" {
    cd "$dir/usr/include/packseal"
    for h in evidence/*.h; do
        # shellcheck disable=SC2046 # flags are words
        echo "#include <$h>" | ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(flags --cflags) -xc -
        # shellcheck disable=SC2046
        echo "#include <$h>" | ${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(flags --cflags) -xc++ -
    done
}

@test "a C++ program and a shared object link it" {
    cd "$dir"
    cat >use.cc <<'CC'
#include <evidence/packseal.h>
extern "C" int judge_nothing() {
    struct ps_judge j = {};
    int answers = 0;
    j.answer = [](void *n, const ps_judge_answer *a) -> int { return ++*static_cast<int *>(n), a->v->content != PS_CONTENT_UNREADABLE; };
    j.answer_ctx = &answers;
    ps_blob none = ps_blob_of_memory("PK", 2);
    return ps_judge_file(&j, &none, "x.zip") == 0 && answers == 1 ? 0 : 1;
}
#ifndef SHARED
int main() { return judge_nothing(); }
#endif
CC
    # shellcheck disable=SC2046
    ${CXX:-c++} -Wall -Wextra -Werror -o use use.cc $(flags --cflags --libs)
    ./use
    # shellcheck disable=SC2046
    ${CXX:-c++} -DSHARED -shared -fPIC -Wl,-z,defs -o use.so use.cc $(flags --cflags --libs)
    python3 -c 'import ctypes; assert ctypes.CDLL("./use.so").judge_nothing() == 0'
}

@test "the example judges a bundle, a changed one, and one by a stranger, as packseal-verify does" {
    cd "$dir"
    # shellcheck disable=SC2046
    ${CC:-cc} -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -o example usr/share/doc/libpackseal-evidence/examples/verify-bundle.c \
        $(flags --cflags --libs)
    new_station >init.log
    start_station
    "$packseal" scan --root "$root" SF1234567890123
    sleep 1
    "$packseal" stop --root "$root"
    "$packseal" export --root "$root" SF1234567890123 -o good.zip
    stop_station
    python3 - <<'PY'
data = bytearray(open("good.zip", "rb").read())
data[data.index(b"mdat") + 2000] ^= 1
open("bad.zip", "wb").write(data)
PY
    run ./example good.zip "$root/public/trust"
    [ "$status" -eq 0 ]
    [[ $output == "ST03-0000001: content intact, key trusted"* ]]
    run ./example bad.zip "$root/public/trust"
    [ "$status" -eq 1 ]
    [[ $output == "ST03-0000001: content altered, key trusted"*segment-altered* ]]
    run ./example good.zip "$PACKSEAL_SRC/tests/golden/v1/clip.pub"
    [ "$status" -eq 3 ]
    [[ $output == *"key unknown"* ]]

    run usr/bin/packseal-verify --trust "$root/public/trust" --json good.zip bad.zip
    [ "$status" -eq 1 ]
    [ "$(json "${lines[0]}" .content)" = intact ]
    [ "$(json "${lines[1]}" .content)" = altered ]
    [ "$output" = "$("$packseal" verify --trust "$root/public/trust" --json good.zip bad.zip)" ]
}
