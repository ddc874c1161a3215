#!/usr/bin/env bash
# A client that speaks protobuf alone, made with the protobuf library from PyPI, against Skiff's API.
# Usage: protobuf.sh [KUBECONFIG]; without one it starts `skiff server --disable-agent` from the release build.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
pid=
finish() {
    [ -z "$pid" ] || kill "$pid" 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT

python3 -m venv "$work/python"
"$work/python/bin/pip" --disable-pip-version-check --quiet install protobuf pyyaml
kubeconfig=${1:-}
if [ -z "$kubeconfig" ]; then
    skiff=${SKIFF_BINARY:-$(swift build -c release --static-swift-stdlib --show-bin-path)/skiff}
    "$skiff" server --disable-agent --data-dir "$work/data" --https-listen-port "${SKIFF_CLIENTS_PORT:-16400}" \
        > "$work/server.log" 2>&1 &
    pid=$!
    kubeconfig=$work/data/skiff.kubeconfig
    until [ -s "$kubeconfig" ]; do sleep 0.1; done
    sleep 1
fi
PYTHONDONTWRITEBYTECODE=1 "$work/python/bin/python" Tests/Clients/protobuf_client.py "$kubeconfig" Schema
