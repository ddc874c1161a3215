/// Why a piece of JSON was refused.
///
/// `offset` counts bytes from the start of the document. `path` is found from it only when somebody asks, so that
/// readers carry no path while they work.
@usableFromInline package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// Lower-case phrase: `expected a string, found a number`.
    @usableFromInline package let message: String
    @usableFromInline package let offset: Int
    /// `spec.containers[0].name`; empty at the root or where it is not known.
    @usableFromInline package private(set) var path: String

    @usableFromInline package init(message: String, offset: Int, path: String = "") {
        self.message = message
        self.offset = offset
        self.path = path
    }

    /// The same error, with the path of the value at `offset` in `bytes`.
    @usableFromInline package func located(in bytes: UnsafeBufferPointer<UInt8>) -> JSONError {
        guard path.isEmpty else { return self }
        var error = self
        error.path = JSONPathFinder(bytes: bytes, target: offset).path()
        return error
    }

    @usableFromInline package var description: String {
        path.isEmpty ? "\(message) at byte \(offset)" : "\(path): \(message) at byte \(offset)"
    }
}

/// Walks a (possibly broken) document up to a byte and names the place in it.
private struct JSONPathFinder {
    let bytes: UnsafeBufferPointer<UInt8>
    let target: Int

    /// One open object or array on the way to the target.
    private enum Level {
        case object(key: String)
        case array(index: Int)
    }

    func path() -> String {
        var levels: [Level] = []
        var index = 0
        var text = ""
        while index < min(target, bytes.count) {
            switch bytes[index] {
            case UInt8(ascii: "{"): levels.append(.object(key: ""))
            case UInt8(ascii: "["): levels.append(.array(index: 0))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
            case UInt8(ascii: ":"):
                if case .object = levels.last { levels[levels.count - 1] = .object(key: text) }
            case UInt8(ascii: ","):
                if case .array(let position) = levels.last {
                    levels[levels.count - 1] = .array(index: position + 1)
                }
            case UInt8(ascii: "\""):
                let start = index + 1
                index = endOfString(from: start)
                text = String(decoding: bytes[start..<max(start, min(index, bytes.count))], as: UTF8.self)
            default: break
            }
            index += 1
        }
        return render(levels)
    }

    private func endOfString(from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return index
    }

    private func render(_ levels: [Level]) -> String {
        var path = ""
        for level in levels.prefix(100) {
            switch level {
            case .object(let key): path += (path.isEmpty || key.isEmpty ? "" : ".") + key
            case .array(let index): path += "[\(index)]"
            }
        }
        return path
    }
}
