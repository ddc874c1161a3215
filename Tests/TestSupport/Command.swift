import Foundation

/// A finished process.
package struct CommandResult: Sendable, CustomStringConvertible {
    package let arguments: [String]
    package let status: Int32
    package let output: String
    package let errors: String

    package var isSuccess: Bool { status == 0 }
    package var description: String {
        "\(arguments.joined(separator: " ")): exit \(status)\n\(output)\(errors)"
    }
}

package struct CommandFailure: Error, CustomStringConvertible {
    package let result: CommandResult
    package var description: String { result.description }

    package init(result: CommandResult) {
        self.result = result
    }
}

/// Runs other programs: what a person would type.
package enum Command {
    /// Runs `arguments[0]` (found in PATH) to its end, or kills it after `timeout`.
    @concurrent
    package static func run(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
        timeout: Duration = .seconds(60)
    ) async throws -> CommandResult {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let files = try CaptureFiles(input: input)
        defer { files.remove() }
        process.standardInput = files.input
        process.standardOutput = files.output
        process.standardError = files.errors

        let status: Int32 = try await withThrowingTaskGroup(of: Int32?.self) { group in
            let ended = AsyncStream<Int32>.makeStream()
            process.terminationHandler = {
                ended.continuation.yield($0.terminationStatus)
                ended.continuation.finish()
            }
            try process.run()
            let pid = process.processIdentifier
            group.addTask {
                for await status in ended.stream { return status }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                kill(pid, SIGKILL)
                return nil
            }
            for try await status in group {
                if let status {
                    group.cancelAll()
                    return status
                }
            }
            return -1
        }
        return CommandResult(
            arguments: arguments, status: status, output: try files.read(files.outputURL),
            errors: try files.read(files.errorsURL)
        )
    }

    /// As `run`, throwing `CommandFailure` unless the exit status is 0. Returns standard output.
    @discardableResult
    package static func check(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:],
        timeout: Duration = .seconds(60)
    ) async throws -> String {
        let result = try await run(arguments, input: input, environment: environment, timeout: timeout)
        guard result.isSuccess else { throw CommandFailure(result: result) }
        return result.output
    }
}

/// Files instead of pipes: a program that leaves a daemon behind would keep a pipe open for ever.
private struct CaptureFiles {
    let directory: URL
    let outputURL: URL
    let errorsURL: URL
    let input: FileHandle
    let output: FileHandle
    let errors: FileHandle

    init(input text: String?) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "skiff-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let inputURL = directory.appending(path: "in")
        outputURL = directory.appending(path: "out")
        errorsURL = directory.appending(path: "err")
        for url in [outputURL, errorsURL] { try Data().write(to: url) }
        try Data((text ?? "").utf8).write(to: inputURL)
        input = try FileHandle(forReadingFrom: inputURL)
        output = try FileHandle(forWritingTo: outputURL)
        errors = try FileHandle(forWritingTo: errorsURL)
    }

    func read(_ url: URL) throws -> String {
        String(decoding: try Data(contentsOf: url), as: UTF8.self)
    }

    func remove() {
        for handle in [input, output, errors] { try? handle.close() }
        try? FileManager.default.removeItem(at: directory)
    }
}
