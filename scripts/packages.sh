#!/usr/bin/env bash
# Installs the Debian packages that are missing here. Usage: packages.sh build|run|test|clients ...
# Called by quickstart.sh and test.sh, or by hand. Needs root only when something is missing.
set -euo pipefail

declare -A packages=(
    [build]="libsqlite3-dev libyaml-dev zlib1g-dev pkg-config git ca-certificates"
    [run]="containerd runc containernetworking-plugins iproute2 nftables conntrack busybox-static catatonit"
    [test]="curl openssl procps util-linux python3 python3-yaml docker-registry nginx-light redis-server nodejs"
    [clients]="docker-registry skopeo python3-venv python3-pip"
)

missing=()
for group in "$@"; do
    for package in ${packages[$group]:?unknown group $group}; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
done
case " $* " in
    *" run "*) command -v kubectl >/dev/null || missing+=(kubernetes-client) ;;
esac
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
    echo "packages.sh: not root; run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Debian would start a containerd of its own; Skiff brings its own, so services stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
