#!/usr/bin/env bash
# Fills a local registry with stand-ins for the images that other projects' tests name: same paths, same behaviour as
# far as those tests look, made of Debian's static busybox. Usage: images.sh REGISTRY   (such as 127.0.0.1:5055)
set -euo pipefail
registry=${1:?usage: images.sh REGISTRY}
busybox=$(command -v busybox)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
digest() { sha256sum "$1" | cut -d' ' -f1; }

# push NAME ENTRYPOINT TAG...
push() {
    local name=$1 entrypoint=$2 root=$work/root image=$work/image
    shift 2
    rm -rf "$root" "$image"
    mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/usr/share/nginx/html" "$image"
    chmod 1777 "$root/tmp"
    cp "$busybox" "$root/bin/busybox"
    for applet in $("$busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"; done
    echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
    echo '<html><body><h1>Welcome to nginx!</h1></body></html>' > "$root/usr/share/nginx/html/index.html"
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$image/layer.tar" .
    cat > "$image/config.json" <<CONFIG
{"architecture":"$(dpkg --print-architecture)","os":"linux","created":"1970-01-01T00:00:00Z",
"config":{"Env":["PATH=/bin"],"Entrypoint":$entrypoint},
"rootfs":{"type":"layers","diff_ids":["sha256:$(digest "$image/layer.tar")"]}}
CONFIG
    printf '[{"Config":"config.json","RepoTags":["%s:latest"],"Layers":["layer.tar"]}]\n' "$name" > "$image/manifest.json"
    tar -C "$image" -cf "$work/image.tar" manifest.json config.json layer.tar
    for tag in "$@"; do
        skopeo copy --quiet --dest-tls-verify=false "docker-archive:$work/image.tar" "docker://$registry/$name:$tag"
    done
}

push library/nginx '["httpd","-f","-p","80","-h","/usr/share/nginx/html"]' latest stable 1.14.2
push library/ubuntu '["sleep","86400"]' latest
push google_containers/pause '["sleep","86400"]' latest
