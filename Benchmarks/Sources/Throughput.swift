internal import Glibc

/// Bytes over one TCP connection, as fast as two processes can: what iperf does.
///
/// This program starts itself with one of these words, each in a pod's network namespace.
enum Throughput: String {
    /// Reads whatever comes to a port until it is ended.
    case sink
    /// Writes to an address and a port for some milliseconds, and prints how many bytes a second it got rid of.
    case source

    private static let blockBytes = 128 << 10

    /// Whether the arguments are for this; it has run then.
    static func run(_ arguments: [String]) throws -> Bool {
        guard arguments.count > 1, let role = Throughput(rawValue: arguments[1]) else { return false }
        let numbers = arguments.dropFirst(2).compactMap { Int($0) }
        switch role {
        case .sink:
            guard let port = numbers.first else { throw BenchmarkError(description: "sink PORT") }
            try read(port: UInt16(port))
        case .source:
            guard arguments.count == 5, numbers.count == 2 else {
                throw BenchmarkError(description: "source ADDRESS PORT MILLISECONDS")
            }
            print(try write(arguments[2], port: UInt16(numbers[0]), for: .milliseconds(numbers[1])))
        }
        return true
    }

    private static func read(port: UInt16) throws {
        let server = try socket()
        var on: Int32 = 1
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        try check("bind") { with(address: "0.0.0.0", port) { bind(server, $0, $1) } }
        try check("listen") { listen(server, 8) }
        var block = [UInt8](repeating: 0, count: blockBytes)
        while true {
            let client = accept(server, nil, nil)
            guard client >= 0 else { continue }
            while Glibc.read(client, &block, block.count) > 0 {}
            close(client)
        }
    }

    private static func write(_ address: String, port: UInt16, for duration: Duration) throws -> Int {
        let client = try socket()
        defer { close(client) }
        try check("connect to \(address):\(port)") { with(address: address, port) { connect(client, $0, $1) } }
        let block = [UInt8](repeating: 1, count: blockBytes)
        let began = ContinuousClock.now
        var bytes = 0
        var passed = Duration.zero
        while passed < duration {
            let count = Glibc.write(client, block, block.count)
            guard count > 0 else { throw BenchmarkError(description: "write: \(String(cString: strerror(errno)))") }
            bytes += count
            passed = ContinuousClock.now - began
        }
        return Int(Double(bytes) / passed.milliseconds * 1000)
    }

    private static func socket() throws -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try check("socket") { min(descriptor, 0) }
        return descriptor
    }

    private static func check(_ what: String, _ call: () -> Int32) throws {
        guard call() == 0 else { throw BenchmarkError(description: "\(what): \(String(cString: strerror(errno)))") }
    }

    private static func with(
        address: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = port.bigEndian
        inet_pton(AF_INET, address, &peer.sin_addr)
        return withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
