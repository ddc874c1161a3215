#!/usr/bin/env bash
# Everything that has to hold before a commit lands. `--quick` leaves out what needs root, containerd and a release build.
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { printf '\n=== %s (%ds)\n' "$1" "$SECONDS"; }

# Runs the tests that the arguments choose, for as many seconds as the first says. What failed is said once more at
# the end, where a reader of a long log looks.
tests() {
    local log status=0
    log=$(mktemp)
    timeout "$1" swift test --skip-build --no-parallel "${@:2}" 2>&1 | tee "$log" || status=$?
    if [ "$status" != 0 ]; then
        printf '\n=== what failed\n'
        grep -E '^(✘|↳|error:)' "$log" | head -n 100 || true
        [ "$status" != 124 ] || { printf 'not done after %d seconds; the last lines:\n' "$1"; tail -n 5 "$log"; }
    fi
    rm -f "$log"
    return "$status"
}

if [ "${1:-}" = --quick ]; then
    scripts/packages.sh build
    stage "checks"
    scripts/check.sh --fast
    stage "tests of the parts"
    swift test --skip ClusterTests --skip '^TutorialTests\.'
    exit 0
fi

scripts/packages.sh build run test
stage "checks"
scripts/check.sh
stage "debug build"
swift build --build-tests
stage "tests of the parts"
# One at a time: on two cores the tests with real time in them must not wait for the others.
tests 900 --skip ClusterTests --skip '^TutorialTests\.'
stage "release build"
swift build -c release --static-swift-stdlib --product skiff
SKIFF_BINARY=$(swift build -c release --static-swift-stdlib --show-bin-path)/skiff
export SKIFF_BINARY
stage "recorded requests, on the release build"
scripts/corpus.sh
stage "tests of the whole, on the release build"
# One suite at a time: each compares the machine before and after.
tests 1500 --filter ClusterTests
stage "the tutorial, on the release build"
tests 700 --filter '^TutorialTests\.'
stage "done"
