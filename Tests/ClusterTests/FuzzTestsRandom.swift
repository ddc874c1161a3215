internal import APIMachinery
internal import Glibc

/// A small generator whose whole run follows from its seed (SplitMix64), so that a finding can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &self) }
    mutating func isHit(oneIn chances: Int) -> Bool { below(chances) == 0 }
    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}

/// Makes wrong things out of right ones.
struct Mutator {
    var random: SeededGenerator

    /// Texts that parsers and validators stumble over.
    private static let tokens = [
        "null", "true", "-1", "0", "1e999", "-0", "9223372036854775808", "99999999999999999999999", "0.1", "{}", "[]",
        "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"a/b\"", "\"..\"", "\"-\"", "\"1Ei\"", "\"-5m\"",
        "\"2026-01-01T00:00:00Z\"", "\"9999-99-99T99:99:99Z\"", ",", ":", "}", "]", "\\", "\"", "\u{feff}", "\n---\n",
        "&a", "*a", "!!binary", "[[[[[[[[", "{\"a\":", "%00", "%zz", "../", "k8s\u{0}",
    ]
    private static let values: [Value] = [
        .null, true, false, 0, -1, 1, .int(.max), .int(.min), 0.5, .double(1e300), "", "x", "-1", "a/b", "..", "0", [],
        [:], ["a"], [1, "a", .null], ["a": .null], ["name": "x"], [["name": "x"], ["name": "x"]], "1.5Gi", "-3",
        .string(String(repeating: "y", count: 70_000)), "\u{0}", "\u{202e}é日本",
    ]

    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) {
            let position = random.below(bytes.count + 1)
            let end = min(bytes.count, position + random.below(64))
            switch random.below(7) {
            case 0: if position < bytes.count { bytes[position] ^= 1 << UInt8(random.below(8)) }
            case 1: bytes.removeSubrange(position..<end)
            case 2: bytes.insert(contentsOf: bytes[position..<end], at: random.below(bytes.count))
            case 3: bytes.replaceSubrange(position..<end, with: Array(random.pick(Self.tokens).utf8))
            case 4: bytes.insert(contentsOf: Array(random.pick(Self.tokens).utf8), at: position)
            case 5: bytes.insert(contentsOf: random.bytes(random.below(32)), at: position)
            default: bytes.removeSubrange(position...)
            }
            if bytes.isEmpty { bytes = random.bytes(random.below(64)) }
        }
        return bytes
    }

    /// Replaces, removes or doubles something in the tree: well-formed, and wrong further in.
    mutating func mutated(_ value: Value) -> Value {
        if random.isHit(oneIn: 6) { return random.pick(Self.values) }
        switch value {
        case .array(var items):
            guard !items.isEmpty else { return random.pick(Self.values) }
            let index = random.below(items.count)
            switch random.below(4) {
            case 0: items.remove(at: index)
            case 1: items.append(items[index])
            default: items[index] = mutated(items[index])
            }
            return .array(items)
        case .object(let fields):
            guard !fields.isEmpty else { return random.pick(Self.values) }
            var value = value
            let key = random.pick(fields.keys)
            switch random.below(6) {
            case 0: value[key] = nil
            case 1: value["new" + key] = fields[key]
            default: value[key] = fields[key].map { mutated($0) }
            }
            return value
        default:
            return random.pick(Self.values)
        }
    }

    mutating func mutated(text: String) -> String {
        String(decoding: mutated(Array(text.utf8)), as: UTF8.self)
    }
}
