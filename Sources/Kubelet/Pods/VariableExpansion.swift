/// Replaces `$(NAME)` by a variable's value; `$$` stands for `$`, and a name that is not known stays as it is written:
/// https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
enum VariableExpansion {
    /// `onMissing`: called with each name that is not known.
    static func expand(
        _ text: String, _ values: [String: String], onMissing: (String) -> Void = { _ in }
    ) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        var result: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "$"), index + 1 < bytes.count else {
                result.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "$"):
                result.append(UInt8(ascii: "$"))
                index += 2
            case UInt8(ascii: "("):
                guard let close = bytes[(index + 2)...].firstIndex(of: UInt8(ascii: ")")) else {
                    result += bytes[index...]
                    return String(decoding: result, as: UTF8.self)
                }
                let name = String(decoding: bytes[(index + 2)..<close], as: UTF8.self)
                if let value = values[name] {
                    result += Array(value.utf8)
                } else {
                    onMissing(name)
                    result += bytes[index...close]
                }
                index = close + 1
            default:
                result += bytes[index...(index + 1)]
                index += 2
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
