internal import APIMachinery
internal import Glibc
internal import Synchronization

/// Reads containers' logs: files in CRI's format that the runtime writes, put aside and begun anew when they are long.
struct ContainerLogs: Sendable {
    let watcher: DirectoryWatcher
    let endings: ContainerEndings

    static let blockBytes = 64 << 10
    /// How long the runtime may take to write the last lines into a file that was put aside.
    private static let settleTime = Duration.milliseconds(200)

    func exists(_ path: String) async -> Bool {
        await (try? BlockingWork.run { access(path, R_OK) == 0 }) ?? false
    }

    /// Hands the log to `sink`, and what is added to it until the container ends if it is followed.
    /// - Throws: what `sink` throws, `CancellationError`, or `LogFileError`.
    func write(
        _ container: PodRuntimeIndex.Container, _ options: LogOptions,
        to sink: @Sendable (_ bytes: [UInt8]) async throws -> Void
    ) async throws {
        guard options.tailLines != 0 || options.isFollowed else { return }
        // Subscribed before the first read, so that nothing written in between is missed.
        let bell = Bell()
        if options.isFollowed {
            watcher.add(bell, to: container.logPath)
            endings.add(bell, for: container.id)
        } else {
            bell.markEnded()
        }
        defer {
            watcher.remove(bell, from: container.logPath)
            endings.remove(bell, for: container.id)
        }
        var formatter = LogFormatter(options)
        /// The file that was put aside and is read once more before the next one.
        var asideSince: LogFile?
        var file = try await BlockingWork.run { try LogFile(container.logPath, tailLines: options.tailLines) }
        while !formatter.isFull {
            // Asked before reading: what a container wrote before it ended is in the file by then.
            let isEnded = bell.isEnded
            let block = try await BlockingWork.run { [file] in try file.read(Self.blockBytes) }
            if !block.isEmpty {
                let output = formatter.format(block)
                if !output.isEmpty { try await sink(output) }
                continue
            }
            let current = file
            if let successor = try await BlockingWork.run({ try current.successor() }) {
                if successor.isNewest, asideSince == nil {
                    // The runtime may still have lines for the file that was put aside.
                    asideSince = current
                    try await Task.sleep(for: Self.settleTime)
                    continue
                }
                asideSince = nil
                file = successor.file
            } else if isEnded {
                let rest = formatter.finish()
                if !rest.isEmpty { try await sink(rest) }
                return
            } else {
                try await bell.wait()
            }
        }
    }
}

/// Why a log could not be read.
struct LogFileError: Error, CustomStringConvertible {
    var path: String
    var operation: String
    var code: Int32

    var description: String { "\(operation) \(path): \(String(cString: strerror(code)))" }
}

/// An open log file. Its calls block: only for `BlockingWork`, one at a time.
final class LogFile: Sendable {
    private let path: String
    private let descriptor: Int32

    /// Opens the file, before its last `tailLines` lines.
    /// `name`: the log's, where `path` is that of a file put aside.
    init(_ path: String, tailLines: Int?, name: String? = nil) throws(LogFileError) {
        self.path = name ?? path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LogFileError(path: path, operation: "open", code: errno) }
        if let tailLines { lseek(descriptor, off_t(startOfTail(tailLines)), SEEK_SET) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Empty at the end of what there is now.
    func read(_ bytesMax: Int) throws(LogFileError) -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
            let result = Glibc.read(descriptor, buffer.baseAddress, bytesMax)
            count = max(0, result)
            if result < 0 { code = errno }
        }
        guard code == 0 else { throw LogFileError(path: path, operation: "read", code: code) }
        return bytes
    }

    /// A file that goes on where another ended.
    struct Successor {
        let file: LogFile
        /// It is the one that is written to.
        let isNewest: Bool
    }

    /// More files than this of one log are not looked for; the node's settings allow no more.
    private static let filesMax = 100

    /// The file that follows on this one, if this one was put aside and has been read to its end. A reader that is
    /// several files behind reads them all; one whose file is gone goes on with the oldest that is left.
    func successor() throws(LogFileError) -> Successor? {
        while true {
            // Between being put aside and being begun anew there is none: the directory's watch tells when.
            guard let place = try place() else { return nil }
            guard place > 0, isAtEnd else { return nil }
            let path = place == 1 ? path : "\(self.path).\(place - 1)"
            let next = try LogFile(path, tailLines: nil, name: self.path)
            // Files move up while they are looked at; what was opened is the next one if this one has stayed.
            if try self.place() == place { return Successor(file: next, isNewest: place == 1) }
        }
    }

    /// How many files have been begun since this one: 0 for the one that has the log's name. One beyond the oldest for
    /// a file that is gone. `nil` while none has the name.
    private func place() throws(LogFileError) -> Int? {
        var (ours, other) = (Glibc.stat(), Glibc.stat())
        guard fstat(descriptor, &ours) == 0, stat(path, &other) == 0 else { return nil }
        var place = 0
        while ours.st_ino != other.st_ino || ours.st_dev != other.st_dev {
            place += 1
            guard place < Self.filesMax, stat("\(path).\(place)", &other) == 0 else { return place }
        }
        return place
    }

    /// The runtime may have written between our last read and its change of files.
    private var isAtEnd: Bool {
        var facts = Glibc.stat()
        return fstat(descriptor, &facts) == 0 && lseek(descriptor, 0, SEEK_CUR) >= facts.st_size
    }

    private func startOfTail(_ lines: Int) -> Int {
        var info = Glibc.stat()
        guard fstat(descriptor, &info) == 0 else { return 0 }
        let size = Int(info.st_size)
        guard lines > 0 else { return size }
        var buffer = [UInt8](repeating: 0, count: ContainerLogs.blockBytes)
        var (end, found) = (size, 0)
        while end > 0 {
            let start = max(0, end - buffer.count)
            let count = pread(descriptor, &buffer, end - start, off_t(start))
            guard count > 0 else { return 0 }
            for index in stride(from: count - 1, through: 0, by: -1) where buffer[index] == UInt8(ascii: "\n") {
                // The newline at the very end closes the last line.
                if start + index == size - 1 { continue }
                found += 1
                if found == lines { return start + index + 1 }
            }
            end = start
        }
        return 0
    }
}

/// Turns CRI's log lines (`TIME STREAM TAG CONTENT`) into what users see.
struct LogFormatter {
    private let options: LogOptions
    private var partial: [UInt8] = []
    private var isLineOpen = false
    private var since: MicroTime?
    private var bytesLeft: Int

    init(_ options: LogOptions) {
        self.options = options
        since = options.since
        bytesLeft = options.bytesMax ?? .max
    }

    /// The wanted number of bytes has been given out.
    var isFull: Bool { bytesLeft == 0 }

    mutating func format(_ block: [UInt8]) -> [UInt8] {
        var input = partial.isEmpty ? block[...] : (partial + block)[...]
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        while let newline = input.firstIndex(of: UInt8(ascii: "\n")), !isFull {
            append(input[..<newline], to: &output)
            input = input[(newline + 1)...]
        }
        partial = Array(input)
        return output
    }

    /// What a runtime that died left without an end of line.
    mutating func finish() -> [UInt8] {
        var output: [UInt8] = []
        if !partial.isEmpty, !isFull { append(partial[...], to: &output) }
        partial = []
        return output
    }

    private mutating func append(_ line: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let space = UInt8(ascii: " ")
        guard let first = line.firstIndex(of: space),
            let second = line[(first + 1)...].firstIndex(of: space),
            let third = line[(second + 1)...].firstIndex(of: space)
        else { return }  // Not a line of ours; upstream skips it too.
        if let wanted = options.stream, !line[(first + 1)..<second].elementsEqual(wanted.utf8) { return }
        if let since {
            guard let time = MicroTime(String(decoding: line[..<first], as: UTF8.self)), time >= since else { return }
            // Lines come in order of time.
            self.since = nil
        }
        let start = output.count
        if options.hasTimestamps, !isLineOpen { output += line[...first] }
        output += line[(third + 1)...]
        // The tag is `P` where the line goes on in the next record; more tags may follow behind a colon.
        isLineOpen = line[second + 1] == UInt8(ascii: "P")
        if !isLineOpen { output.append(UInt8(ascii: "\n")) }
        let count = output.count - start
        if count > bytesLeft { output.removeLast(count - bytesLeft) }
        bytesLeft -= min(count, bytesLeft)
    }
}
