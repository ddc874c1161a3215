#!/usr/bin/env bash
# Makes two versions of the example's image, hello:1 and hello:2, from Debian's static busybox: no network, no Docker.
# Usage: build-images.sh DIRECTORY   writes DIRECTORY/hello-1.tar and DIRECTORY/hello-2.tar (docker-archive format).
set -euo pipefail

out=${1:?usage: build-images.sh DIRECTORY}
busybox=${BUSYBOX:-$(command -v busybox || true)}
[ -n "$busybox" ] || { echo "build-images.sh: busybox not found; install Debian's busybox-static" >&2; exit 1; }
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

digest() { sha256sum "$1" | cut -d' ' -f1; }
archive() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf "$2" .; }

for version in 1 2; do
    root=$work/root-$version
    mkdir -p "$root/bin" "$root/etc" "$root/app" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
    chmod 1777 "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    for applet in $("$busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
    echo "$version" > "$root/app/version"
    cat > "$root/app/serve" <<'SCRIPT'
#!/bin/sh
# Serves one page on port 8080; leaves at once on SIGTERM.
mkdir -p /tmp/www
echo "${GREETING:-Hello} from ${POD_NAME:-a container}, version $(cat /app/version)" > /tmp/www/index.html
echo "hello version $(cat /app/version): listening on port 8080"
trap 'kill "$child"; exit 0' TERM INT
httpd -f -p 8080 -h /tmp/www &
child=$!
wait "$child"
SCRIPT
    chmod 755 "$root/app/serve"

    image=$work/image-$version
    mkdir -p "$image"
    archive "$root" "$image/layer.tar"
    layer=$(digest "$image/layer.tar")
    cat > "$image/config.json" <<CONFIG
{"architecture":"$(dpkg --print-architecture 2>/dev/null || echo amd64)","os":"linux","created":"1970-01-01T00:00:00Z",
"config":{"Env":["PATH=/bin"],"Entrypoint":["/app/serve"],"ExposedPorts":{"8080/tcp":{}},"WorkingDir":"/"},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
"history":[{"created":"1970-01-01T00:00:00Z","created_by":"examples/hello/build-images.sh"}]}
CONFIG
    config=$(digest "$image/config.json")
    mv "$image/config.json" "$image/$config.json"
    printf '[{"Config":"%s.json","RepoTags":["skiff.example/hello:%s"],"Layers":["layer.tar"]}]\n' "$config" "$version" \
        > "$image/manifest.json"
    tar -C "$image" -cf "$out/hello-$version.tar" manifest.json "$config.json" layer.tar
    echo "$out/hello-$version.tar: skiff.example/hello:$version"
done
