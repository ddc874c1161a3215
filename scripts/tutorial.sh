#!/usr/bin/env bash
# Walks the tutorial, examples/tutorial/steps, with kubectl on a cluster of its own: shows each command and what it
# prints, waits for Enter on a terminal, and takes everything down at the end, also on Ctrl-C.
#
# Usage: scripts/tutorial.sh [--no-pause] [--manifests DIR]
#   --no-pause         does not wait for Enter
#   --manifests DIR    the same lessons with other manifests (01-..., 02-...) instead of examples/tutorial
# SKIFF_BINARY names the skiff to use; otherwise the release build, the debug build or the one in PATH is taken.
# Ends with status 1 as soon as a command does not print what steps says.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

pause=yes
manifests=$root/examples/tutorial
while [ $# -gt 0 ]; do
    case "$1" in
        --no-pause) pause=no; shift ;;
        --manifests) manifests=$(cd "${2:?--manifests needs a directory}" && pwd); shift 2 ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done
[ -t 0 ] && [ -t 1 ] || pause=no
die() { echo "tutorial.sh: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || die "Skiff runs containers and needs root; try: sudo $0"
for program in kubectl docker-registry curl; do
    command -v "$program" > /dev/null || die "no $program in PATH; scripts/packages.sh run test installs what is needed"
done
skiff=${SKIFF_BINARY:-}
for candidate in "$root/.build/release/skiff" "$root/.build/debug/skiff" "$(command -v skiff || true)"; do
    [ -n "$skiff" ] || [ ! -x "$candidate" ] || skiff=$candidate
done
[ -n "$skiff" ] || die "no skiff; build it with: swift build -c release --static-swift-stdlib --product skiff"
[ -x "$skiff" ] || die "$skiff is not a program that can be run"
skiff=$(realpath "$skiff")

# busy: whether something answers at a port of this machine.
busy() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
busy 30080 && die "port 30080 is in use, and the tutorial's Service wants it: is another cluster, or tutorial, running?"
for range in 10.217 10.237; do
    ! ip route | grep -q "^\(local \)\?$range\." || die "addresses $range.* are in use, and the tutorial's cluster wants them"
done
# The API, the node's own port and two registries, where nobody else is.
port=${TUTORIAL_PORT:-16460}
for try in $(seq 20); do
    ! { busy "$port" || busy $((port + 3807)) || busy $((port + 1400)) || busy $((port + 1401)); } || port=$((port + 2))
done
work=$(mktemp -d "${TMPDIR:-/tmp}/skiff-tutorial.XXXXXX")
export KUBECONFIG=$work/kubeconfig KUBECACHEDIR=$work/cache
running=""
cleanup() {
    local status=$?
    trap '' INT TERM
    trap - EXIT
    [ -z "$running" ] || kill "$running" 2> /dev/null || true
    [ "$status" = 0 ] || echo "--- taking the cluster down"
    # Nobody waits for the half minute that a pod may take to end.
    [ ! -e "$KUBECONFIG" ] || timeout 15 kubectl delete deployments,replicasets,pods --all --now > /dev/null 2>&1 || true
    if ! "$skiff" delete --data-dir "$work/data" > "$work/delete.log" 2>&1; then
        cat "$work/delete.log" >&2
        [ "$status" != 0 ] || status=1
    fi
    "$root/Tests/Images/serve.sh" stop "$work/registry" || true
    rm -rf "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "--- A cluster of its own in $work: building images, starting"
"$root/Tests/Images/serve.sh" start "$work/registry" $((port + 1400))
# The tutorial's second version is public as well.
(cd "$work/registry" && cp -an private/docker open/) || die "the images could not be published"
"$skiff" up --data-dir "$work/data" --https-listen-port "$port" --cluster-cidr 10.217.0.0/16 \
    --service-cidr 10.237.0.0/16 --private-registry "$work/registry/registries.yaml"
mkdir -p "$work/lesson/manifests" "$work/lesson/app"
cp "$root"/examples/tutorial/*.yaml "$work/lesson/manifests/"
if [ "$manifests" != "$root/examples/tutorial" ]; then
    rm -f "$work"/lesson/manifests/[01]*.yaml
    cp "$manifests"/*.yaml "$work/lesson/manifests/"
fi
cd "$work/lesson"

# An expected line as a regular expression: spaces are as many as kubectl likes, * is a word, ... is anything.
expression() {
    sed -e 's/[][\.^$+?(){}|]/\\&/g' -e 's/\*/\\S+/g' -e 's/\\\.\\\.\\\./.*/g' -e 's/  */ +/g' -e 's/^/^ */;s/$/ *$/' \
        <<< "$1"
}
# matches: whether the output shows all that it has to, and nothing that it must not. Says in $missing what is wrong.
matches() {
    local line
    for line in "${expected[@]}"; do
        missing="no line like: $line"
        grep -qE -- "$(expression "$line")" "$work/output" || return 1
    done
    for line in "${forbidden[@]}"; do
        missing="a line that must not be there: $line"
        ! grep -qE -- "$(expression "$line")" "$work/output" || return 1
    done
}
# perform: the step that was read last. Repeats a command marked ~ until it shows what is expected.
perform() {
    local status deadline=$((SECONDS + 100))
    [ -n "$command" ] || return 0
    printf '\n$ %s\n' "$command"
    while :; do
        status=0
        # Waited for, so that Ctrl-C counts at once.
        timeout 110 bash -c "$command" > "$work/output" 2>&1 < /dev/null &
        running=$!
        wait "$running" || status=$?
        running=""
        case "$mark" in
            '!') if [ "$status" = 0 ]; then missing="the command succeeded"; elif matches; then break; fi ;;
            *) if [ "$status" != 0 ]; then missing="status $status"; elif matches; then break; fi ;;
        esac
        if [ "$mark" != '~' ] || [ "$SECONDS" -ge "$deadline" ]; then
            cat "$work/output"
            echo "tutorial.sh: not as expected: $missing" >&2
            kubectl get events --sort-by=.metadata.creationTimestamp 2> /dev/null | tail -n 15 >&2 || true
            exit 1
        fi
        sleep 0.3
    done
    cat "$work/output"
    count=$((count + 1))
    command=""
    if [ "$pause" = yes ]; then read -r -p '[Enter] ' < /dev/tty || true; fi
}

count=0 command="" mark="" missing=""
expected=() forbidden=()
while IFS= read -r line <&3 || [ -n "$line" ]; do
    case "$line" in
        '$ '* | '~ '* | '! '*)
            perform
            mark=${line:0:1} command=${line:2} expected=() forbidden=()
            ;;
        '= '*) expected+=("${line:2}") ;;
        '- '*) forbidden+=("${line:2}") ;;
        '% '*) perform; bash -c "${line:2}" || die "behind the scenes: ${line:2}" ;;
        '# '*) perform; printf '\n=== %s (%ds)\n' "${line:2}" "$SECONDS" ;;
        '> '*) perform; printf '%s\n' "${line:2}" ;;
        '' | '## '*) ;;
        *) die "steps: a line of no kind: $line" ;;
    esac
done 3< "$root/examples/tutorial/steps"
perform
printf '\n=== %d commands printed what the text shows (%ds)\n' "$count" "$SECONDS"
