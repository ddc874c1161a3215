internal import APIMachinery

/// The lines in which two values differ, as `diff -u` without its header: what upstream appends to "may not change".
enum UnifiedDiff {
    private static let contextLines = 3

    static func text(_ old: Value, _ new: Value) -> String {
        let before = old.indentedJSON.split(separator: "\n", omittingEmptySubsequences: false)
        let after = new.indentedJSON.split(separator: "\n", omittingEmptySubsequences: false)
        var text = ""
        for group in groups(SequenceMatcher(before, after).operations()) {
            guard let first = group.first, let last = group.last else { continue }
            let (old, new) = (first.old.lowerBound..<last.old.upperBound, first.new.lowerBound..<last.new.upperBound)
            text += "@@ -\(range(old)) +\(range(new)) @@\n"
            for operation in group {
                if operation.isEqual {
                    for line in before[operation.old] { text += " " + line + "\n" }
                } else {
                    for line in before[operation.old] { text += "-" + line + "\n" }
                    for line in after[operation.new] { text += "+" + line + "\n" }
                }
            }
        }
        return text
    }

    /// `3,7`: first line and count; a count of one is left out, and of none, the line before is named.
    private static func range(_ range: Range<Int>) -> String {
        if range.count == 1 { return String(range.lowerBound + 1) }
        return "\(range.isEmpty ? range.lowerBound : range.lowerBound + 1),\(range.count)"
    }

    /// Cuts long equal stretches to their ends.
    private static func groups(_ operations: [SequenceMatcher.Operation]) -> [[SequenceMatcher.Operation]] {
        var groups: [[SequenceMatcher.Operation]] = []
        var group: [SequenceMatcher.Operation] = []
        for (index, var operation) in operations.enumerated() {
            if operation.isEqual, index == 0 { operation = operation.suffix(contextLines) }
            if operation.isEqual, index == operations.count - 1 { operation = operation.prefix(contextLines) }
            if operation.isEqual, operation.old.count > 2 * contextLines {
                group.append(operation.prefix(contextLines))
                groups.append(group)
                group = []
                operation = operation.suffix(contextLines)
            }
            group.append(operation)
        }
        if group.contains(where: { !$0.isEqual }) { groups.append(group) }
        return groups
    }
}

/// Which lines two texts have in common, by Ratcliff and Obershelp's method: the longest common stretch, then the same
/// on both sides of it. Lines that are all over a long text do not begin a stretch.
struct SequenceMatcher {
    struct Operation {
        let isEqual: Bool
        let old: Range<Int>
        let new: Range<Int>

        func prefix(_ count: Int) -> Operation {
            Operation(isEqual: isEqual, old: old.prefix(count), new: new.prefix(count))
        }
        func suffix(_ count: Int) -> Operation {
            Operation(isEqual: isEqual, old: old.suffix(count), new: new.suffix(count))
        }
    }

    private struct Match {
        var old: Int
        var new: Int
        var count: Int
    }

    /// From this many lines on, frequent ones are ignored.
    private static let popularLinesMin = 200

    private let before: [Substring]
    private let after: [Substring]
    private var positions: [Substring: [Int]] = [:]

    init(_ before: [Substring], _ after: [Substring]) {
        self.before = before
        self.after = after
        for (index, line) in after.enumerated() { positions[line, default: []].append(index) }
        if after.count >= Self.popularLinesMin {
            let limit = after.count / 100 + 1
            positions = positions.filter { $0.value.count <= limit }
        }
    }

    /// Equal and differing stretches in turn, covering both texts.
    func operations() -> [Operation] {
        var operations: [Operation] = []
        var (old, new) = (0, 0)
        for match in matches() + [Match(old: before.count, new: after.count, count: 0)] {
            if old < match.old || new < match.new {
                operations.append(Operation(isEqual: false, old: old..<match.old, new: new..<match.new))
            }
            (old, new) = (match.old + match.count, match.new + match.count)
            if match.count > 0 {
                operations.append(Operation(isEqual: true, old: match.old..<old, new: match.new..<new))
            }
        }
        return operations
    }

    /// In order; those that follow each other without a gap are one.
    private func matches() -> [Match] {
        var pending = [(before.indices, after.indices)]
        var found: [Match] = []
        while let (old, new) = pending.popLast() {
            let match = longest(old, new)
            guard match.count > 0 else { continue }
            found.append(match)
            pending.append((old.lowerBound..<match.old, new.lowerBound..<match.new))
            pending.append((match.old + match.count..<old.upperBound, match.new + match.count..<new.upperBound))
        }
        found.sort { ($0.old, $0.new) < ($1.old, $1.new) }
        var joined: [Match] = []
        for match in found {
            if let last = joined.last, last.old + last.count == match.old, last.new + last.count == match.new {
                joined[joined.count - 1].count += match.count
            } else {
                joined.append(match)
            }
        }
        return joined
    }

    private func longest(_ old: Range<Int>, _ new: Range<Int>) -> Match {
        var best = Match(old: old.lowerBound, new: new.lowerBound, count: 0)
        // Length of the common stretch that ends at each line of the new text and at the line before the current one.
        var lengths: [Int: Int] = [:]
        for line in old {
            var next: [Int: Int] = [:]
            for position in positions[before[line]] ?? [] where position >= new.lowerBound {
                if position >= new.upperBound { break }
                let length = (lengths[position - 1] ?? 0) + 1
                next[position] = length
                if length > best.count {
                    best = Match(old: line - length + 1, new: position - length + 1, count: length)
                }
            }
            lengths = next
        }
        while best.old > old.lowerBound, best.new > new.lowerBound, before[best.old - 1] == after[best.new - 1] {
            best.old -= 1
            best.new -= 1
            best.count += 1
        }
        while best.old + best.count < old.upperBound, best.new + best.count < new.upperBound,
            before[best.old + best.count] == after[best.new + best.count]
        {
            best.count += 1
        }
        return best
    }
}
