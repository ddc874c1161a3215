internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// Why TLS material was refused.
package enum TLSError: Error, Equatable, CustomStringConvertible {
    /// `what` is `certificate`, `private key`, `client CA` or `server CA`; `reason` is the TLS library's.
    case unusable(what: String, reason: String)

    package var description: String {
        switch self {
        case .unusable(let what, let reason): "use TLS \(what): \(reason)"
        }
    }
}

/// What a server presents and whom it trusts. Connections made after `reload` use the new material; no restart.
package final class TLSServerContext: Sendable {
    private let context: Mutex<NIOSSLContext>

    /// The chain begins with the server's certificate. With `clientCAsPEM` clients may present a certificate, and are
    /// told that one of these should have issued it. Whether it did is for the handler to find out: a stranger gets an
    /// HTTP answer instead of a broken handshake.
    package init(certificateChainPEM: [UInt8], privateKeyPEM: [UInt8], clientCAsPEM: [UInt8]? = nil) throws(TLSError) {
        context = Mutex(try Self.make(certificateChainPEM, privateKeyPEM, clientCAsPEM))
    }

    /// Replaces everything. On failure the old material stays in use.
    package func reload(
        certificateChainPEM: [UInt8], privateKeyPEM: [UInt8], clientCAsPEM: [UInt8]? = nil
    ) throws(TLSError) {
        let fresh = try Self.make(certificateChainPEM, privateKeyPEM, clientCAsPEM)
        context.withLock { $0 = fresh }
    }

    var current: NIOSSLContext { context.withLock { $0 } }

    private static func make(
        _ chain: [UInt8], _ key: [UInt8], _ clientCAs: [UInt8]?
    ) throws(TLSError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try parse("certificate") {
                try NIOSSLCertificate.fromPEMBytes(chain).map { .certificate($0) }
            },
            privateKey: try parse("private key") { .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem)) }
        )
        configuration.minimumTLSVersion = .tlsv12
        // A peer that does not answer the closing alert must not hold up a shutdown.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = ["h2", "http/1.1"]
        if let clientCAs {
            configuration.trustRoots = .certificates(
                try parse("client CA") { try NIOSSLCertificate.fromPEMBytes(clientCAs) }
            )
            configuration.certificateVerification = .optionalVerification
            configuration.sendCANameList = true
        }
        return try parse("certificate") { try NIOSSLContext(configuration: configuration) }
    }
}

/// Whom a client trusts and what it presents.
package final class TLSClientContext: Sendable {
    let context: NIOSSLContext
    let isHostnameVerified: Bool

    /// Trusts `serverCAsPEM` only, or the system's roots where it is `nil`. Presents `certificateChainPEM`, if any.
    /// With `isVerified` false any server is accepted (`insecure-skip-tls-verify`).
    package init(
        serverCAsPEM: [UInt8]?, certificateChainPEM: [UInt8]? = nil, privateKeyPEM: [UInt8]? = nil,
        isVerified: Bool = true
    ) throws(TLSError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if !isVerified { configuration.certificateVerification = .none }
        isHostnameVerified = isVerified
        if let serverCAsPEM {
            configuration.trustRoots = .certificates(
                try parse("server CA") { try NIOSSLCertificate.fromPEMBytes(serverCAsPEM) }
            )
        }
        if let certificateChainPEM, let privateKeyPEM {
            configuration.certificateChain = try parse("certificate") {
                try NIOSSLCertificate.fromPEMBytes(certificateChainPEM).map { .certificate($0) }
            }
            configuration.privateKey = try parse("private key") {
                .privateKey(try NIOSSLPrivateKey(bytes: privateKeyPEM, format: .pem))
            }
        }
        context = try parse("certificate") { try NIOSSLContext(configuration: configuration) }
    }
}

private func parse<Result>(_ what: String, _ body: () throws -> Result) throws(TLSError) -> Result {
    do {
        return try body()
    } catch {
        throw .unusable(what: what, reason: "\(error)")
    }
}
