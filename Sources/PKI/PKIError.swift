/// Why certificates, keys or their files cannot be used.
package enum PKIError: Error, Equatable, CustomStringConvertible {
    /// A file could not be read or written; `reason` is the system's text.
    case file(operation: String, path: String, reason: String)
    /// A file holds something else than what belongs there.
    case malformed(path: String, reason: String)
    /// A certificate could not be made or read.
    case certificate(reason: String)
    /// Neither a host name nor an address that can stand in a certificate.
    case invalidAddress(String)

    package var description: String {
        switch self {
        case .file(let operation, let path, let reason): "\(operation) \(path): \(reason)"
        case .malformed(let path, let reason): "read \(path): \(reason)"
        case .certificate(let reason): "certificate: \(reason)"
        case .invalidAddress(let address): "certificate: \(address) is not an IP address"
        }
    }
}

/// Any library error as ours, with its text.
func certificateErrors<Result>(_ body: () throws -> Result) throws(PKIError) -> Result {
    do {
        return try body()
    } catch let error as PKIError {
        throw error
    } catch {
        throw .certificate(reason: "\(error)")
    }
}
