internal import Synchronization

/// Facts about where a request came from, shared by all requests of one connection.
package final class HTTPConnection: Sendable {
    /// `127.0.0.1:51234`, or `in-process`.
    package let remoteAddress: String
    /// DER of the client certificate, whose key the client has proven to hold. Who issued it has not been looked at;
    /// `nil` if none was sent.
    package let peerCertificate: [UInt8]?
    /// True for HTTP/2.
    package let isMultiplexed: Bool
    private let attachmentStorage: Mutex<(any Sendable)?>

    package init(
        remoteAddress: String, peerCertificate: [UInt8]? = nil, isMultiplexed: Bool = false,
        attachment: (any Sendable)? = nil
    ) {
        self.remoteAddress = remoteAddress
        self.peerCertificate = peerCertificate
        self.isMultiplexed = isMultiplexed
        attachmentStorage = Mutex(attachment)
    }

    /// What the handler wants to remember for the connection: the API server keeps the certificate's user here.
    /// An in-process client's connection carries its user from the start.
    package var attachment: (any Sendable)? {
        get { attachmentStorage.withLock { $0 } }
        set { attachmentStorage.withLock { $0 = newValue } }
    }
}
