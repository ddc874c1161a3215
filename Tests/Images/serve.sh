#!/usr/bin/env bash
# Serves the images of build.sh at two registries on loopback, and writes the registries.yaml that makes the
# well-known names lead to them. Returns when both answer; `serve.sh stop DIR` ends them.
#
# Usage: serve.sh start DIR PORT      DIR gets registries.yaml, a copy of the storage, logs and process ids
#   127.0.0.1:PORT       everyone's
#   127.0.0.1:PORT+1     with user tutorial, password opensesame
set -euo pipefail

stop() {
    local name pid
    for name in open private; do
        pid=$(cat "$1/$name.pid" 2>/dev/null || true)
        [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
        rm -f "$1/$name.pid"
    done
}
case "$1" in
    stop) stop "$2"; exit 0 ;;
    start) ;;
    *) echo "serve.sh: start or stop" >&2; exit 2 ;;
esac
dir=$2
port=$3
images=$("$(dirname "$0")/build.sh")
mkdir -p "$dir"
# Blobs never change, so links do; what a test may push to is a copy.
for name in open private; do
    rm -rf "${dir:?}/$name"
    mkdir -p "$dir/$name/docker/registry/v2"
    cp -al "$images/$name/docker/registry/v2/blobs" "$dir/$name/docker/registry/v2/blobs" 2>/dev/null ||
        cp -a "$images/$name/docker/registry/v2/blobs" "$dir/$name/docker/registry/v2/"
    cp -a "$images/$name/docker/registry/v2/repositories" "$dir/$name/docker/registry/v2/"
done
cp -f "$images/list" "$dir/list"
printf 'tutorial:%s\n' "$(perl -e 'print crypt("opensesame", q($2b$05$abcdefghijklmnopqrstuu))')" > "$dir/htpasswd"

serve() {
    local name=$1 port=$2
    cat > "$dir/$name.yml" <<CONFIG
version: 0.1
log: {level: warn, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $dir/$name}}
http: {addr: "127.0.0.1:$port"}
$3
CONFIG
    (
        # A test runner waits until nobody holds what it gave to its child.
        for descriptor in /proc/self/fd/*; do
            descriptor=${descriptor##*/}
            [ "$descriptor" -le 2 ] || eval "exec $descriptor>&-"
        done
        exec setsid docker-registry serve "$dir/$name.yml" > "$dir/$name.log" 2>&1 < /dev/null
    ) &
    echo $! > "$dir/$name.pid"
}
serve open "$port" ""
serve private $((port + 1)) "auth: {htpasswd: {realm: tests, path: $dir/htpasswd}}"
for try in $(seq 100); do
    if [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/v2/")" = 200 ] &&
        [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$((port + 1))/v2/")" = 401 ]; then
        break
    fi
    [ "$try" -lt 100 ] || { echo "serve.sh: the registries do not answer" >&2; cat "$dir"/*.log >&2; stop "$dir"; exit 1; }
    sleep 0.1
done
cat > "$dir/registries.yaml" <<CONFIG
mirrors:
  docker.io:
    endpoint: ["http://127.0.0.1:$port", "http://127.0.0.1:$((port + 1))"]
  k8s.gcr.io:
    endpoint: ["http://127.0.0.1:$port"]
  registry.k8s.io:
    endpoint: ["http://127.0.0.1:$port"]
  gcr.io:
    endpoint: ["http://127.0.0.1:$port"]
  open.example:
    endpoint: ["http://127.0.0.1:$port"]
  private.example:
    endpoint: ["http://127.0.0.1:$((port + 1))"]
CONFIG
