#!/usr/bin/env bash
# Replays requests recorded from the real API server 1.36 against a Skiff without node and prints, area by area, how
# many answers are the same. Cases of CustomResourceDefinitions and admission policies, which Skiff does not have yet,
# are left out. Usage: corpus.sh [FAILURES.jsonl]      fails below 97 %
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=${SKIFF_CORPUS:-../shared/corpus}
if [ ! -e "$corpus/open.jsonl" ]; then
    echo "corpus.sh: skipped: $corpus/open.jsonl is not there (set SKIFF_CORPUS)"
    exit 0
fi
skiff=${SKIFF_BINARY:-$(swift build -c release --static-swift-stdlib --show-bin-path)/skiff}
port=${SKIFF_CORPUS_PORT:-16500}
work=$(mktemp -d)
"$skiff" server --disable-agent --data-dir "$work/data" --https-listen-port "$port" > "$work/log" 2>&1 &
pid=$!
finish() {
    kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT
for _ in $(seq 100); do [ -s "$work/data/skiff.kubeconfig" ] && break; sleep 0.1; done

python3 - "$corpus/open.jsonl" > "$work/cases.jsonl" <<'FILTER'
import json, re, sys
later = re.compile(r"apiextensions\.k8s\.io|admissionregistration\.k8s\.io/[^/]+/[a-z]*admissionpolic|/apis/[^/]*example\.com/")
for line in open(sys.argv[1]):
    case = json.loads(line)
    paths = [request["path"] for request in case.get("setup") or []] + [case["request"]["path"]]
    if not any(later.search(path) for path in paths):
        sys.stdout.write(line)
FILTER
echo "$(wc -l < "$work/cases.jsonl") of $(wc -l < "$corpus/open.jsonl") cases"
began=$SECONDS
python3 "$corpus/replay.py" --kubeconfig "$work/data/skiff.kubeconfig" --controllers --jobs 8 \
    --out "${1:-$work/failures.jsonl}" "$work/cases.jsonl" | tee "$work/table" || true
echo "$((SECONDS - began)) s"
awk '$1 == "TOTAL" { found = 1; if ($3 < 0.97 * $2) { print "corpus.sh: under 97 %"; exit 1 } } END { exit !found }' "$work/table"
