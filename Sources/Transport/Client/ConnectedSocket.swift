internal import NIOCore
internal import NIOPosix

/// Sockets that somebody else has connected.
package enum ConnectedSocket {
    /// Takes over `descriptor`, which is closed with the stream, or at once if this fails.
    package static func stream(_ descriptor: Int32) async throws -> any HalfClosingByteStream {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let stream = ChannelByteStream(channel)
                    try channel.pipeline.syncOperations.addHandler(Holder(stream))
                    try channel.pipeline.syncOperations.addHandler(stream.makeHandler())
                }
            }
            .withConnectedSocket(descriptor).get()
        return try await channel.pipeline.handler(type: Holder.self).map { $0.stream }.get()
    }

    /// Keeps the stream where the channel's maker finds it.
    private final class Holder: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let stream: ChannelByteStream

        init(_ stream: ChannelByteStream) {
            self.stream = stream
        }
    }
}
