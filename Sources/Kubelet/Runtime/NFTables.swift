internal import Glibc
internal import Synchronization

/// nftables, through the library that the program `nft` is made of.
///
/// The program would do, and costs more than the change itself: it is started for each, and on its way out the kernel
/// makes it wait until what it deleted is free, which with 1,000 Services is 15 ms of 20. Here the library's socket to
/// the kernel stays open, and a change takes 3 ms. The library belongs to the same package as the program.
final class NFTables: Sendable {
    static let shared = NFTables()

    private let library = Mutex<Library?>(nil)

    private init() {}

    /// Runs commands as one transaction. Throws what the kernel or the library says of them.
    func run(_ script: String) async throws {
        _ = try await use { try $0.run(script, output: []) }
    }

    /// What a command prints, as JSON.
    func json(_ command: String) async throws -> [UInt8] {
        try await use { try $0.run(command, output: .json) }
    }

    /// The library is not made for several threads, so one command waits for the one before.
    private func use(_ body: @escaping @Sendable (Library) throws -> [UInt8]) async throws -> [UInt8] {
        try await BlockingWork.run { [self] in
            try library.withLock { library in
                if let library { return try body(library) }
                let loaded = try Library()
                library = loaded
                return try body(loaded)
            }
        }
    }
}

/// What the commands were refused with, in the library's words.
struct NFTablesError: Error, CustomStringConvertible {
    let message: String

    var description: String { "nft: \(message)" }
}

extension NFTables {
    /// The functions of `libnftables.so.1` (libnftables(3)) and a context of theirs, which lives as long as the process.
    private struct Library {
        struct Output: OptionSet {
            let rawValue: UInt32
            static let json = Output(rawValue: 1 << 4)
        }

        private typealias Make = @convention(c) (UInt32) -> OpaquePointer?
        private typealias SetFlags = @convention(c) (OpaquePointer, UInt32) -> Void
        private typealias Switch = @convention(c) (OpaquePointer) -> Int32
        private typealias Run = @convention(c) (OpaquePointer, UnsafePointer<CChar>) -> Int32
        private typealias Buffer = @convention(c) (OpaquePointer) -> UnsafePointer<CChar>?

        private let context: OpaquePointer
        private let runCommands: Run
        private let setOutputFlags: SetFlags
        private let output: Buffer
        private let errors: Buffer

        init() throws {
            guard let handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL) else {
                throw RuntimeError.missing("libnftables.so.1", package: "nftables")
            }
            runCommands = try Self.symbol("nft_run_cmd_from_buffer", handle, Run.self)
            setOutputFlags = try Self.symbol("nft_ctx_output_set_flags", handle, SetFlags.self)
            output = try Self.symbol("nft_ctx_get_output_buffer", handle, Buffer.self)
            errors = try Self.symbol("nft_ctx_get_error_buffer", handle, Buffer.self)
            let bufferOutput = try Self.symbol("nft_ctx_buffer_output", handle, Switch.self)
            let bufferErrors = try Self.symbol("nft_ctx_buffer_error", handle, Switch.self)
            // 0: the context opens its socket at once.
            guard let context = try Self.symbol("nft_ctx_new", handle, Make.self)(0) else {
                throw NFTablesError(message: "cannot speak to the kernel's nftables")
            }
            self.context = context
            guard bufferOutput(context) == 0, bufferErrors(context) == 0 else {
                throw NFTablesError(message: "out of memory")
            }
        }

        func run(_ commands: String, output flags: Output) throws -> [UInt8] {
            setOutputFlags(context, flags.rawValue)
            // Both buffers start anew with every run.
            guard commands.withCString({ runCommands(context, $0) }) == 0 else {
                let text = errors(context).map { String(cString: $0) } ?? ""
                throw NFTablesError(message: Self.excerpt(text))
            }
            guard let text = output(context) else { return [] }
            return Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
        }

        /// The first of what may be a line or more for each command.
        private static func excerpt(_ text: String) -> String {
            let limit = 1_000
            return text.count > limit ? text.prefix(limit) + "…" : text
        }

        private static func symbol<Function>(
            _ name: String, _ handle: UnsafeMutableRawPointer, _: Function.Type
        ) throws -> Function {
            guard let address = dlsym(handle, name) else {
                throw NFTablesError(message: "libnftables.so.1 has no \(name)")
            }
            return unsafeBitCast(address, to: Function.self)
        }
    }
}
