#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# fuzz.sh [SECONDS]    builds the harnesses in Fuzz/ and lets libFuzzer look for SECONDS in all (60)
# fuzz.sh --merge      takes what earlier runs came upon into Fuzz/corpus, as few files as will do
#
# Ends with 0 when nothing was found, with 77 when this machine's compiler has no fuzzer, and with 1
# otherwise; then the input that did it lies in .build/fuzz/found, and is a seed for ever once it is
# copied to Fuzz/corpus/HARNESS/found-WHAT.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly build=.build/fuzz
readonly skipped=77
# Longer inputs find the same, later.
readonly length_max=2048
readonly flags=(
    -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
    -Wall -Wextra -Werror -DMSGPACK_NO_BOOST
)

say() {
    printf 'fuzz: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

harnesses=(json contract)
# The shim that unpacks payloads, where there is one.
[[ -d Sources/PayloadShim ]] && harnesses+=(payload)

# What a harness is made of, beside its own file: the shims that it calls.
shims_of() {
    case $1 in
    json) echo JSONShim ;;
    contract) echo JSONShim ContractShim ;;
    payload) echo JSONShim PayloadShim ;;
    esac
}

libraries_of() {
    echo -lsimdjson
    [[ $1 == payload ]] && printf '%s\n' -lcbor -lz -lzstd
    return 0
}

# Swift's own clang has the runtime; a Debian clang has it with libclang-rt-dev.
find_compiler() {
    local candidate linker
    local probe=$build/probe
    printf '#include <cstddef>\n%s\n' \
        'extern "C" int LLVMFuzzerTestOneInput(const unsigned char *, size_t) { return 0; }' >"$probe.cpp"
    for candidate in "$(dirname "$(readlink -f "$(command -v swift || echo /)")")/clang" "$(command -v clang || true)"; do
        [[ -x $candidate && -x $candidate++ ]] || continue
        for linker in -fuse-ld=lld ''; do
            if "$candidate++" "${flags[@]}" ${linker:+"$linker"} "$probe.cpp" -o "$probe" 2>"$probe.log" &&
                "$probe" -runs=1 >>"$probe.log" 2>&1; then
                printf '%s %s\n' "$candidate" "$linker"
                return 0
            fi
        done
    done
    return 1
}

build_harness() {
    local harness=$1 program=$build/$1 shim source object objects=() includes=(-IFuzz)
    local shims sources=("Fuzz/fuzz_$harness.cpp")
    read -ra shims <<<"$(shims_of "$harness")"
    for shim in "${shims[@]}"; do
        includes+=("-ISources/$shim" "-ISources/$shim/include")
        sources+=("Sources/$shim"/*.c*)
    done
    if [[ -x $program && -z $(find Fuzz "${shims[@]/#/Sources/}" scripts/fuzz.sh -type f \
        -not -path 'Fuzz/corpus/*' -newer "$program" -print -quit) ]]; then
        return 0
    fi
    say "building $harness"
    mkdir -p "$build/objects/$harness"
    for source in "${sources[@]}"; do
        object=$build/objects/$harness/$(basename "$source").o
        case $source in
        *.c) "$clang" -std=c17 "${flags[@]}" "${includes[@]}" -c "$source" -o "$object" ;;
        *) "$clang++" -std=c++17 "${flags[@]}" "${includes[@]}" -c "$source" -o "$object" ;;
        esac
        objects+=("$object")
    done
    local libraries
    mapfile -t libraries < <(libraries_of "$harness")
    "$clang++" "${flags[@]}" ${linker:+"$linker"} "${objects[@]}" "${libraries[@]}" -o "$program"
}

run_harness() {
    local harness=$1 seconds=$2 log=$build/$1.log
    mkdir -p "$build/work/$harness" "$build/found"
    say "$harness, $seconds s (log: $log)"
    if ! "$build/$harness" -max_len="$length_max" -timeout=25 -rss_limit_mb=4096 \
        -runs=$((seconds * 50000)) -max_total_time="$seconds" -print_final_stats=1 \
        -dict=Fuzz/words.dict -artifact_prefix="$build/found/$harness-" \
        "$build/work/$harness" "Fuzz/corpus/$harness" Tests/Fixtures/JSONTestSuite/test_parsing \
        >"$log" 2>&1; then
        grep -E -A 20 'does not hold|ERROR: |runtime error' "$log" | head -n 40 >&2 || tail -n 40 "$log" >&2
        fail "$harness has found something: see $build/found and $log"
    fi
    sed -nE 's/^stat::number_of_executed_units: *//p' "$log" |
        { read -r runs && say "$harness: $runs runs, nothing found"; }
}

# The fewest files that reach all that is reached; what was once found stays.
merge_harness() {
    local harness=$1 fresh=$build/merged/$1 corpus=Fuzz/corpus/$1 file
    rm -rf "$fresh"
    mkdir -p "$fresh" "$build/work/$harness" "$corpus"
    "$build/$harness" -set_cover_merge=1 -use_counters=0 -max_len=512 "$fresh" "$corpus" "$build/work/$harness" \
        >"$build/$harness-merge.log" 2>&1 || fail "merging failed: see $build/$harness-merge.log"
    for file in "$corpus"/*; do
        [[ -f $file && $(basename "$file") != found-* ]] && rm "$file"
    done
    cp "$fresh"/* "$corpus"
    say "$harness: $(find "$corpus" -type f | wc -l) files"
}

[[ ${1:-60} =~ ^([1-9][0-9]*|--merge)$ ]] || fail 'usage: fuzz.sh [SECONDS | --merge]'
mkdir -p "$build"
if ! read -r clang linker < <(find_compiler); then
    say 'SKIPPED: no clang++ here builds with -fsanitize=fuzzer,address,undefined. The one that comes with'
    say "Swift does (looked beside $(command -v swift || echo 'swift, which is not on the PATH')); see $build/probe.log"
    exit "$skipped"
fi
for harness in "${harnesses[@]}"; do
    build_harness "$harness"
done
for harness in "${harnesses[@]}"; do
    if [[ ${1:-} == --merge ]]; then
        merge_harness "$harness"
    else
        seconds=$((${1:-60} / ${#harnesses[@]}))
        run_harness "$harness" "$((seconds > 0 ? seconds : 1))"
    fi
done
