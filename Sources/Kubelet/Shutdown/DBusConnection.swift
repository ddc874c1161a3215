internal import CLinux
internal import Glibc
internal import Synchronization

/// A connection to a bus of the system. Writes block for a moment at most; reads happen on a thread of their own.
final class DBusConnection: Sendable {
    /// A message, and the descriptor that came with it, which belongs to whoever takes it.
    struct Incoming: Sendable {
        let message: DBusMessage
        let descriptor: Int32
    }

    /// Every message for this connection; ends with it.
    let incoming: AsyncStream<Incoming>
    private let sink: AsyncStream<Incoming>.Continuation
    private let socket: Int32
    private let serial = Mutex<UInt32>(0)
    private static let bus = "org.freedesktop.DBus"
    private static let queueMax = 256

    /// The system's bus: `$DBUS_SYSTEM_BUS_ADDRESS`, or where it has always been.
    static var systemPath: String {
        let variable = getenv("DBUS_SYSTEM_BUS_ADDRESS").map { String(cString: $0) } ?? ""
        let path = variable.split(separator: ";").lazy.compactMap { address -> String? in
            guard address.hasPrefix("unix:path=") else { return nil }
            return address.dropFirst(10).split(separator: ",").first.map(String.init)
        }.first
        return path ?? "/run/dbus/system_bus_socket"
    }

    /// Connects and says who we are. Blocks.
    init(path: String) throws(SystemError) {
        guard let socket = UnixSocket.connected(path) else { throw SystemError("connect \(path)") }
        do {
            try Self.authenticate(socket)
        } catch {
            close(socket)
            throw error
        }
        self.socket = socket
        (incoming, sink) = AsyncStream.makeStream(of: Incoming.self, bufferingPolicy: .bufferingNewest(Self.queueMax))
        startReading()
        try send(Self.call("Hello", []))
    }

    deinit { close(socket) }

    /// Ends the connection; `incoming` ends with it.
    func shutDown() { shutdown(socket, Int32(SHUT_RDWR)) }

    /// A call to the bus itself.
    static func call(_ member: String, _ arguments: [DBusMessage.Argument]) -> DBusMessage {
        var message = DBusMessage(.call)
        message.destination = bus
        message.path = "/org/freedesktop/DBus"
        message.interface = bus
        message.member = member
        message.arguments = arguments
        return message
    }

    /// Returns the serial number that an answer will name.
    @discardableResult
    func send(_ message: DBusMessage, descriptor: Int32 = -1) throws(SystemError) -> UInt32 {
        // Held while writing: messages must not mix.
        let result = serial.withLock { last -> Result<UInt32, SystemError> in
            last += 1
            var message = message
            message.serial = last
            return Self.write(socket, message.bytes(), descriptor: descriptor)
                ? .success(last) : .failure(SystemError("write to the bus"))
        }
        return try result.get()
    }

    private static func write(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32 = -1) -> Bool {
        var done = 0
        var descriptor = descriptor
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                clinux_send(socket, $0.baseAddress, UInt($0.count), descriptor)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
            descriptor = -1
        }
        return true
    }

    /// The mechanism EXTERNAL: the kernel tells the bus who we are.
    private static func authenticate(_ socket: Int32) throws(SystemError) {
        let digits = String(geteuid()).utf8.map { String($0, radix: 16) }.joined()
        for (line, answer) in [
            ("\u{0}AUTH EXTERNAL \(digits)\r\n", "OK "), ("NEGOTIATE_UNIX_FD\r\n", "AGREE_UNIX_FD"),
        ] {
            guard write(socket, Array(line.utf8)), readLine(socket).hasPrefix(answer) else {
                throw SystemError("log in to the bus", errno: EACCES)
            }
        }
        guard write(socket, Array("BEGIN\r\n".utf8)) else { throw SystemError("log in to the bus") }
    }

    private static func readLine(_ socket: Int32) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < 512, read(socket, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    // MARK: - Reading

    private func startReading() {
        let context = Unmanaged.passRetained(Reader(connection: self))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Reader>.fromOpaque(argument).takeRetainedValue().connection.readAll()
                return nil
            }, context.toOpaque()
        )
        guard code == 0 else {
            context.release()
            return sink.finish()
        }
        pthread_detach(thread)
    }

    private final class Reader {
        let connection: DBusConnection
        init(connection: DBusConnection) { self.connection = connection }
    }

    private func readAll() {
        defer { sink.finish() }
        while true {
            var descriptor: Int32 = -1
            guard var bytes = readExactly(DBusMessage.prefixBytes, &descriptor),
                let length = DBusMessage.length(prefix: bytes),
                let rest = readExactly(length - bytes.count, &descriptor)
            else { return }
            bytes += rest
            if let message = DBusMessage(bytes: bytes) {
                sink.yield(Incoming(message: message, descriptor: descriptor))
            } else if descriptor >= 0 {
                close(descriptor)
            }
        }
    }

    private func readExactly(_ count: Int, _ descriptor: inout Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            var found: Int32 = -1
            let got = bytes.withUnsafeMutableBytes {
                clinux_receive(socket, $0.baseAddress.map { $0 + done }, UInt(count - done), &found)
            }
            if found >= 0 {
                if descriptor >= 0 { close(descriptor) }
                descriptor = found
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }
}
