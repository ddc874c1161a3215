internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL
internal import NIOTLS

/// What all connections of one server have in common, and how their pipelines are put together.
final class ServerShared: Sendable {
    let configuration: HTTPServer.Configuration
    let connections: ConnectionRegistry
    let date = HTTPDate()

    init(configuration: HTTPServer.Configuration, connections: ConnectionRegistry) {
        self.configuration = configuration
        self.connections = connections
    }

    /// Prepares an accepted connection. On its event loop.
    func configure(_ channel: any Channel) throws {
        guard connections.add(channel, max: configuration.connectionsMax) else {
            channel.close(promise: nil)
            return
        }
        guard let tls = configuration.tls else {
            try addHTTP1(channel, peerCertificate: nil)
            return
        }
        try channel.pipeline.syncOperations.addHandler(
            NIOSSLServerHandler(context: tls.current) { _, verified in verified.succeed(.certificateVerified) })
        try channel.pipeline.syncOperations.addHandler(NegotiationHandler(self))
    }

    func addHTTP1(_ channel: any Channel, peerCertificate: [UInt8]?) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.headBytesMax
        limits.maxHeaderFieldSize = configuration.headBytesMax
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        )
        let connection = HTTPConnection(
            remoteAddress: channel.remoteAddressText, peerCertificate: peerCertificate, isMultiplexed: false
        )
        try channel.pipeline.syncOperations.addHandlers(decoder, HTTP1ServerHandler(self, connection, decoder, channel))
    }

    func addHTTP2(_ channel: any Channel, peerCertificate: [UInt8]?) throws {
        let connection = HTTPConnection(
            remoteAddress: channel.remoteAddressText, peerCertificate: peerCertificate, isMultiplexed: true
        )
        let streams = HTTP2ActiveStreams()
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: channel.eventLoop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: .init(configuration.shutdownGrace),
                keepalive: .init(pingInterval: .seconds(30), ackTimeout: .seconds(15))
            )
        )
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: http2Connection,
            streamConfiguration: http2Stream, streamDelegate: management.http2StreamDelegate
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(HTTP2StreamHandler(self, connection, streams, stream))
            }
        }
        try channel.pipeline.syncOperations.addHandlers(handler, management, HTTP2QuiesceHandler(streams))
    }

    private var http2Connection: NIOHTTP2Handler.ConnectionConfiguration {
        var result = NIOHTTP2Handler.ConnectionConfiguration()
        result.targetWindowSize = 32 << 20
        result.initialSettings = [
            // Every watch of a client shares one connection.
            HTTP2Setting(parameter: .maxConcurrentStreams, value: 1000),
            HTTP2Setting(parameter: .initialWindowSize, value: 512 << 10),
            HTTP2Setting(parameter: .maxHeaderListSize, value: configuration.headBytesMax),
        ]
        return result
    }

    private var http2Stream: NIOHTTP2Handler.StreamConfiguration {
        var result = NIOHTTP2Handler.StreamConfiguration()
        result.targetWindowSize = 512 << 10
        result.outboundBufferSizeHighWatermark = BodyPump.inFlightBytesMax
        result.outboundBufferSizeLowWatermark = BodyPump.inFlightBytesMax / 2
        // A client that ends many watches resets as many streams; each costs us little.
        result.streamResetFrameRateLimit.maximumCount = 2000
        return result
    }
}

/// Waits for the TLS handshake, then installs the protocol that was agreed on.
private final class NegotiationHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any
    private let shared: ServerShared
    private var timeout: Scheduled<Void>?
    private var early: [NIOAny] = []

    init(_ shared: ServerShared) {
        self.shared = shared
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: .init(shared.configuration.requestTimeout)) {
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        early.append(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted(let agreed)? = event as? TLSUserEvent else {
            // An ending server has nothing to wait for here.
            if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
            return context.fireUserInboundEventTriggered(event)
        }
        timeout?.cancel()
        do {
            let certificate = try context.channel.pipeline.syncOperations.nioSSL_peerCertificate()?.toDERBytes()
            if agreed == "h2" {
                try shared.addHTTP2(context.channel, peerCertificate: certificate)
            } else {
                try shared.addHTTP1(context.channel, peerCertificate: certificate)
            }
        } catch {
            return context.close(promise: nil)
        }
        for data in early { context.fireChannelRead(data) }
        early = []
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A failed handshake: the peer has been told by a TLS alert.
        context.close(promise: nil)
    }
}

extension Channel {
    fileprivate var remoteAddressText: String {
        switch remoteAddress {
        case .v4: "\(remoteAddress?.ipAddress ?? ""):\(remoteAddress?.port ?? 0)"
        case .v6: "[\(remoteAddress?.ipAddress ?? "")]:\(remoteAddress?.port ?? 0)"
        case .unixDomainSocket, nil: "unix"
        }
    }
}
