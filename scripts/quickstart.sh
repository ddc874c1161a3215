#!/usr/bin/env bash
# From a fresh Debian 12 with a Swift toolchain to a running Deployment: packages, build, cluster, example.
set -euo pipefail
cd "$(dirname "$0")/.."

summary=()
started=$(date +%s%N)
stage_started=$started
stage() { # stage NAME: closes the running stage and reports it.
    local now
    now=$(date +%s%N)
    summary+=("$(awk -v ns=$((now - stage_started)) -v name="$1" 'BEGIN { printf "%8.2f s  %s", ns / 1e9, name }')")
    echo "--- ${summary[-1]}"
    stage_started=$now
}

command -v swift >/dev/null || { echo "quickstart.sh: no swift in PATH; install Swift 6.2 or newer first" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "quickstart.sh: Skiff runs containers and needs root; try: sudo $0" >&2; exit 1; }

scripts/packages.sh build run
stage "Debian packages"

swift build -c release --static-swift-stdlib --product skiff
skiff=$(swift build -c release --static-swift-stdlib --show-bin-path)/skiff
stage "release build"

"$skiff" up
stage "skiff up: node Ready"

images=$(mktemp -d)
trap 'rm -rf "$images"' EXIT
examples/hello/build-images.sh "$images"
for image in "$images"/hello-*.tar; do "$skiff" image load "$image"; done
stage "example images built and loaded"

kubectl apply -f examples/hello/hello.yaml
kubectl rollout status deployment/hello --timeout=60s
stage "Deployment rolled out"

kubectl get all
echo
printf '%s\n' "${summary[@]}"
awk -v ns=$(($(date +%s%N) - started)) 'BEGIN { printf "%8.2f s  in all\n", ns / 1e9 }'
