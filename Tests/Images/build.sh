#!/usr/bin/env bash
# Makes the images that tests run, from what Debian's packages installed here, and prints the directory that holds them.
# Nothing is downloaded. The result is kept, and made anew only when this script or one of the packages changes.
#
# Usage: build.sh [CACHE]      CACHE is ~/.cache/skiff-test-images unless given
#   DIR/open, DIR/private      storage of a docker-registry, ready to be served: `serve.sh`
#   DIR/busybox.tar            busybox:1.28 alone, for `skiff image load`
set -euo pipefail

cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/skiff-test-images}
packages=$(dpkg-query -W busybox-static nginx-light redis-server nodejs perl-base libc6)
key=$( (cat "$0"; echo "$packages") | sha256sum | cut -c1-16)
result=$cache/$key
if [ -e "$result/done" ]; then echo "$result"; exit 0; fi

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -e "$result/done" ]; then echo "$result"; exit 0; fi
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf {} +
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
out=$work/out
mkdir -p "$out" "$work/layers"
architecture=$(dpkg --print-architecture)

digest() { sha256sum "$1" | cut -d' ' -f1; }
# layer NAME: the tree in $work/NAME becomes a layer; its digest is its name in $work/layers.
layer() {
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work/$1" -cf "$work/$1.tar" .
    local sum; sum=$(digest "$work/$1.tar")
    mv "$work/$1.tar" "$work/layers/$sum"
    echo "$sum"
}
# program ROOT FILE...: copies programs with the libraries that they load.
program() {
    local root=$1 file library; shift
    for file in "$@"; do
        install -D -m 755 "$(readlink -f "$file")" "$root$file"
        { ldd "$file" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
            [ -e "$root$library" ] || install -D -m 755 "$(readlink -f "$library")" "$root$library"
        done
    done
}
# blob STORE FILE DIGEST: puts a blob in a registry's storage.
blob() {
    local place=$out/$1/docker/registry/v2/blobs/sha256/${3:0:2}/$3
    mkdir -p "$place"
    [ -e "$place/data" ] || ln "$2" "$place/data" 2>/dev/null || cp "$2" "$place/data"
}
link() { mkdir -p "$1"; printf 'sha256:%s' "$2" > "$1/link"; }
# image STORE REPOSITORY TAG CONFIG LAYER...: an image as a push would have left it.
image() {
    local store=$1 repository=$2 tag=$3 config=$4; shift 4
    local place=$out/$store/docker/registry/v2/repositories/$repository sum layers="" ids="" file
    for sum in "$@"; do
        blob "$store" "$work/layers/$sum" "$sum"
        link "$place/_layers/sha256/$sum" "$sum"
        layers+="${layers:+,}{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":$(stat -c %s \
            "$work/layers/$sum"),\"digest\":\"sha256:$sum\"}"
        ids+="${ids:+,}\"sha256:$sum\""
    done
    file=$(mktemp "$work/json.XXXXXX")
    printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":{"type":"layers",%s}}' \
        "$architecture" "$config" "\"diff_ids\":[$ids]" > "$file"
    sum=$(digest "$file")
    blob "$store" "$file" "$sum"
    link "$place/_layers/sha256/$sum" "$sum"
    local description="{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":$(stat -c %s "$file")"
    file=$(mktemp "$work/json.XXXXXX")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",%s,"layers":[%s]}' \
        "\"config\":$description,\"digest\":\"sha256:$sum\"}" "$layers" > "$file"
    sum=$(digest "$file")
    blob "$store" "$file" "$sum"
    link "$place/_manifests/revisions/sha256/$sum" "$sum"
    link "$place/_manifests/tags/$tag/current" "$sum"
    link "$place/_manifests/tags/$tag/index/sha256/$sum" "$sum"
    echo "$store $repository:$tag sha256:$sum" >> "$out/list"
}
settings() { printf '{"Env":["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/",%s}' "$1"; }

# The base of all: busybox and its commands.
base=$work/base
mkdir -p "$base"/{bin,etc,tmp,proc,sys,dev,root,var/tmp,run}
chmod 1777 "$base/tmp" "$base/var/tmp"
cp "$(command -v busybox)" "$base/bin/busybox"
for applet in $(busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$base/bin/$applet"
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh www-data:x:33:33::/var/www:/bin/false redis:x:101:101::/:/bin/false \
    nobody:x:65534:65534:nobody:/:/bin/false > "$base/etc/passwd"
printf '%s\n' root:x:0: www-data:x:33: redis:x:101: nogroup:x:65534: > "$base/etc/group"
base=$(layer base)
for tag in 1.28 1.36 latest; do
    image open library/busybox "$tag" "$(settings '"Cmd":["sh"]')" "$base"
done

# A web server on port 80.
root=$work/nginx
program "$root" /usr/sbin/nginx
mkdir -p "$root"/{etc/nginx,var/lib/nginx,var/log/nginx,usr/share/nginx/html}
echo '<h1>Welcome to nginx!</h1>' > "$root/usr/share/nginx/html/index.html"
cat > "$root/etc/nginx/nginx.conf" <<'CONFIG'
user www-data;
worker_processes 1;
daemon off;
error_log /dev/stderr notice;
events { worker_connections 256; }
http {
    access_log /dev/stdout;
    server {
        listen 80;
        root /usr/share/nginx/html;
    }
}
CONFIG
nginx=$(layer nginx)
for tag in 1.14.2 1.16.1 latest; do
    image open library/nginx "$tag" \
        "$(settings '"Cmd":["nginx"],"ExposedPorts":{"80/tcp":{}},"StopSignal":"SIGQUIT"')" "$base" "$nginx"
done

# Redis, as its own user, with its data in /data.
root=$work/redis
program "$root" /usr/bin/redis-server /usr/bin/redis-cli
mkdir -p "$root/data"
redis=$(layer redis)
for tag in 7 latest; do
    image open library/redis "$tag" \
        "$(settings '"Cmd":["redis-server","--dir","/data","--protected-mode","no"],"ExposedPorts":{"6379/tcp":{}}')" \
        "$base" "$redis"
done

# Node.js and an application that tells its version on port 3000; port 8080 as node-hello.
root=$work/node
program "$root" /usr/bin/node /usr/bin/printenv
node=$(layer node)
# application VERSION PORT: prints the digest of the application's layer.
application() {
    local root=$work/app-$1-$2
    mkdir -p "$root/app"
    cat > "$root/app/server.js" <<SCRIPT
const http = require("http");
const os = require("os");
const answer = \`Hello from \${os.hostname()}, version $1\n\`;
const server = http.createServer((request, response) => response.end(answer));
server.listen($2, () => console.log("sample-node-app $1: listening on port $2"));
process.on("SIGTERM", () => process.exit(0));
SCRIPT
    layer "app-$1-$2"
}
run='"Cmd":["node","/app/server.js"]'
for store in open private; do
    image $store happynut/sample-node-app 0.0.1 "$(settings "$run")" "$base" "$node" "$(application 0.0.1 3000)"
done
# Only who has the password gets the second version.
image private happynut/sample-node-app 0.0.2 "$(settings "$run")" "$base" "$node" "$(application 0.0.2 3000)"
image open google-samples/node-hello 1.0 "$(settings "$run")" "$base" "$node" "$(application 1.0 8080)"

# A health server: /healthz is well for ten seconds, and then is not.
root=$work/liveness
program "$root" /usr/bin/perl
cat > "$root/server" <<'SCRIPT'
#!/usr/bin/perl
# Answers on port 8080. Takes no modules: a socket address is packed by hand.
my ($inet, $stream, $level, $reuse) = (2, 1, 1, 2);
my $began = time;
$SIG{TERM} = sub { exit 0 };
socket(my $server, $inet, $stream, 0) or die "socket: $!";
setsockopt($server, $level, $reuse, pack("l", 1));
bind($server, pack("S n a4 x8", $inet, 8080, "\0\0\0\0")) or die "bind: $!";
listen($server, 64) or die "listen: $!";
$| = 1;
print "listening on port 8080\n";
while (1) {
    accept(my $client, $server) or next;
    my $request = <$client>;
    while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/; }
    my $age = time - $began;
    my ($status, $body) = ("200 OK", "ok");
    ($status, $body) = ("500 Internal Server Error", "error: $age") if $request =~ m{ /healthz} && $age > 10;
    print $client "HTTP/1.1 $status\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body";
    close $client;
}
SCRIPT
chmod 755 "$root/server"
liveness=$(layer liveness)
image open liveness latest "$(settings '"Cmd":["/server"],"ExposedPorts":{"8080/tcp":{}}')" "$base" "$liveness"

# For tests of private images: small ones that no other test pulls.
for name in team/app team/tool other/app; do
    mkdir -p "$work/private-$name/etc"
    echo "$name" > "$work/private-$name/etc/private-image"
    image private "$name" 1 "$(settings '"Cmd":["sleep","3600"]')" "$base" "$(layer "private-$name")"
done
for number in 1 2 3 4; do
    mkdir -p "$work/small-$number/etc"
    echo "$number" > "$work/small-$number/etc/number"
    image open "small/app-$number" 1 "$(settings '"Cmd":["sleep","3600"]')" "$base" "$(layer "small-$number")"
done

# busybox alone as an archive.
mkdir "$work/archive"
ln "$work/layers/$base" "$work/archive/layer.tar"
printf '{"architecture":"%s","os":"linux","created":"1970-01-01T00:00:00Z","config":%s,"rootfs":%s}' "$architecture" \
    "$(settings '"Cmd":["sh"]')" "{\"type\":\"layers\",\"diff_ids\":[\"sha256:$base\"]}" > "$work/archive/config.json"
printf '[{"Config":"config.json","RepoTags":["busybox:1.28","busybox:latest"],"Layers":["layer.tar"]}]' \
    > "$work/archive/manifest.json"
tar -C "$work/archive" -cf "$out/busybox.tar" manifest.json config.json layer.tar

touch "$out/done"
rm -rf "$result"
mv "$out" "$result"
echo "$result"
