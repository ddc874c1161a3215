#!/usr/bin/env bash
# What a reader should not have to check: format, generated code, undeclared imports, lengths of files and functions.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
fail() { echo "check.sh: $*" >&2; failed=1; }

mapfile -t sources < <(git ls-files -co --exclude-standard '*.swift' | grep -vE '/Generated/|\.pb\.swift$|\.grpc\.swift$')
swift format lint --strict --configuration .swift-format "${sources[@]}" || fail "format differs; run: swift format -i FILE"

if [ "${1:-}" != --fast ]; then
    before=$(git ls-files -co --exclude-standard '*/Generated/*' | sort | xargs sha256sum | sha256sum)
    swift run --package-path Tools --scratch-path .build-tools skiff-generate generate > /dev/null || fail "the generator failed"
    after=$(git ls-files -co --exclude-standard '*/Generated/*' | sort | xargs sha256sum | sha256sum)
    [ "$before" = "$after" ] || fail "generated code was not current; commit what the generator wrote"
fi

for file in "${sources[@]}"; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 500 ] || fail "$file: $lines lines; split it (500 at most)"
done
awk '
    FNR == 1 { inside = 0 }
    /^ *((@[A-Za-z]+|package|private|fileprivate|internal|static|mutating|nonisolated|consuming|borrowing|override|final|class) )*(func|init)[ (`<]/ && !inside && !/}$/ {
        match($0, /^ */); indent = RLENGTH; start = FNR; inside = 1; name = $0
    }
    inside && /^ *}$/ {
        match($0, /^ */)
        if (RLENGTH == indent) {
            if (FNR - start > 70) { printf "check.sh: %s:%d: function of %d lines; split it (70 at most)\n", FILENAME, start, FNR - start; bad = 1 }
            inside = 0
        }
    }
    inside && FNR > start && /^ *((@[A-Za-z]+|package|private|static) )*(func|init)[ (`<]/ && !/}$/ {
        match($0, /^ */); if (RLENGTH <= indent) { indent = RLENGTH; start = FNR }
    }
    END { exit bad }
' "${sources[@]}" || failed=1

exit $failed
