internal import Synchronization

/// A message, whole.
package struct WebSocketMessage: Sendable, Equatable {
    package var isText: Bool
    package var bytes: [UInt8]

    package init(isText: Bool = false, bytes: [UInt8]) {
        self.isText = isText
        self.bytes = bytes
    }
}

/// Why a WebSocket ended other than by a close frame.
package enum WebSocketError: Error, Equatable {
    /// The peer broke RFC 6455.
    case protocolViolation(String)
    case messageTooLarge(limit: Int)
}

/// Messages over a stream of bytes after the handshake (RFC 6455). One reader; any number of writers.
package final class WebSocket: Sendable {
    package enum Role: Sendable {
        /// Masks what it sends.
        case client
        case server
    }

    package enum CloseCode {
        package static let normal: UInt16 = 1000
        package static let protocolError: UInt16 = 1002
        package static let tooLarge: UInt16 = 1009
        package static let internalError: UInt16 = 1011
    }

    private struct State {
        var decoder: WebSocketDecoder
        var isCloseSent = false
        var closeCode: UInt16?
    }

    private let stream: any ByteStream
    private let role: Role
    private let state: Mutex<State>
    private let writing = AsyncLock()

    /// A message longer than `messageBytesMax` ends the connection with code 1009.
    package init(_ stream: any ByteStream, role: Role, messageBytesMax: Int = 1 << 20) {
        self.stream = stream
        self.role = role
        state = Mutex(
            State(decoder: WebSocketDecoder(isMaskExpected: role == .server, messageBytesMax: messageBytesMax)))
    }

    /// The code of the peer's close frame, once `receive` has returned `nil`.
    package var closeCode: UInt16? { state.withLock { $0.closeCode } }

    /// The next message; `nil` once the peer has closed. Answers pings meanwhile.
    package func receive() async throws -> WebSocketMessage? {
        while true {
            let event: WebSocketDecoder.Event?
            do {
                event = try state.withLock { try $0.decoder.next() }
            } catch let error as WebSocketError {
                if case .messageTooLarge = error {
                    try? await close(code: CloseCode.tooLarge)
                } else {
                    try? await close(code: CloseCode.protocolError)
                }
                throw error
            }
            switch event {
            case .message(let message): return message
            case .ping(let payload): try await send(opcode: 0xA, payload)
            case .pong: continue
            case .close(let code):
                state.withLock { $0.closeCode = code }
                try? await close(code: code ?? CloseCode.normal)
                return nil
            case nil:
                guard let bytes = try await stream.read() else { return nil }
                state.withLock { $0.decoder.append(bytes) }
            }
        }
    }

    package func send(_ bytes: [UInt8], isText: Bool = false) async throws {
        try await send(opcode: isText ? 0x1 : 0x2, bytes)
    }

    package func ping() async throws {
        try await send(opcode: 0x9, [])
    }

    /// Sends a close frame (once) and leaves the stream open until the peer has answered, or `shutdown`.
    package func close(code: UInt16 = CloseCode.normal, reason: String = "") async throws {
        let isFirst = state.withLock { state in
            defer { state.isCloseSent = true }
            return !state.isCloseSent
        }
        guard isFirst else { return }
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)] + reason.utf8.prefix(120)
        try await write(opcode: 0x8, payload)
    }

    /// Closes the stream beneath.
    package func shutdown() async {
        await stream.close()
    }

    private func send(opcode: UInt8, _ payload: [UInt8]) async throws {
        guard !state.withLock({ $0.isCloseSent }) else { throw HTTPUpgradeError.connectionClosed }
        try await write(opcode: opcode, payload)
    }

    private func write(opcode: UInt8, _ payload: [UInt8]) async throws {
        let frame = WebSocketEncoder.frame(opcode: opcode, payload, isMasked: role == .client)
        // Frames must not mix, and order is the caller's.
        try await writing.withLock { try await self.stream.write(frame) }
    }
}
