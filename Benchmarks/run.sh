#!/usr/bin/env bash
# Builds the release binary, measures it on a cluster of its own, and writes Benchmarks/results/DATE-LABEL.json.
# Usage: Benchmarks/run.sh [LABEL] [options of skiff-benchmark]. Needs root and an otherwise idle machine.
set -euo pipefail
cd "$(dirname "$0")/.."
label=unnamed
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
    label=$1
    shift
fi
[ "$(id -u)" -eq 0 ] || { echo "run.sh: Skiff runs containers and needs root; try: sudo $0" >&2; exit 1; }

if [ -z "${SKIFF_BINARY:-}" ]; then
    scripts/packages.sh build run
    swift build -c release --static-swift-stdlib --product skiff
    swift build -c release --static-swift-stdlib --product skiff-benchmark
    bin=$(swift build -c release --static-swift-stdlib --show-bin-path)
    SKIFF_BINARY=$bin/skiff
    SKIFF_BENCHMARK=$bin/skiff-benchmark
fi
mkdir -p Benchmarks/results
output=Benchmarks/results/$(date -u +%Y-%m-%d)-$label.json
"${SKIFF_BENCHMARK:?set it together with SKIFF_BINARY}" --skiff "$SKIFF_BINARY" --label "$label" --output "$output" "$@"
echo "results: $output"
