/// Bounds on what one request may ask of the server.
enum RequestLimits {
    /// Upstream's own limit.
    static let bodyBytesMax = 3 * 1024 * 1024
    /// Attempts of an unconditional write before a conflict is reported.
    static let writeAttemptsMax = 20
    /// Attempts to find a free name for `generateName`, as upstream.
    static let generateNameAttemptsMax = 8
    /// Lists longer than this are sent as a stream to peers over a socket, so that memory stays small.
    static let listBytesBufferedMax = 512 * 1024
    /// Answers shorter than this are not worth compressing.
    static let gzipBytesMin = 128 * 1024
}
