internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A connection that sends bytes as they are.
enum RawConnection {
    enum Layer: Sendable {
        case tcp
        case tls
    }

    /// Sends `bytes`, reads what comes for a moment, and hangs up.
    static func send(_ bytes: [UInt8], over layer: Layer, isHTTP2: Bool, port: Int) async {
        do {
            let context = try tlsContext(isHTTP2: isHTTP2)
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(2))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard layer == .tls else { return }
                        try channel.pipeline.syncOperations.addHandler(
                            try NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
            // The server may close first, or wait for more for as long as it likes.
            let timer = channel.eventLoop.scheduleTask(in: .milliseconds(30)) { channel.close(promise: nil) }
            try await channel.closeFuture.get()
            timer.cancel()
        } catch {
            // Refused or cut off: either is an answer to garbage.
        }
    }

    private static func tlsContext(isHTTP2: Bool) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = [isHTTP2 ? "h2" : "http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
