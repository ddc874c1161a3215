import Foundation

/// The kernel's nftables in a network namespace that ends with the command.
enum Namespace {
    struct Refusal: Error { let text: String }

    /// The lines of the rules that are there after `script`, in an order that does not depend on how they came there.
    static func listing(_ script: String) throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID().uuidString).nft")
        try script.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["-n", "sh", "-c", "nft -f '\(file.path)' && nft -nn list ruleset"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Refusal(text: text + script) }
        return text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
    }
}
