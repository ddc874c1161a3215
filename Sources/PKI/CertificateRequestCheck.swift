internal import APIMachinery
internal import SwiftASN1
internal import X509

/// Whether bytes are a request for a certificate, signed by the key that it names.
package enum CertificateRequestCheck {
    private static let label = "CERTIFICATE REQUEST"

    /// What is wrong, or `nil`.
    package static func problem(pem: [UInt8]) -> String? {
        guard let der = block(in: pem) else { return "PEM block type must be CERTIFICATE REQUEST" }
        guard let request = try? CertificateSigningRequest(derEncoded: der) else {
            return "asn1: structure error: not a certificate request"
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            return "x509: the signature does not belong to the request's key"
        }
        return nil
    }

    /// The first PEM block, if it is a certificate request.
    private static func block(in pem: [UInt8]) -> [UInt8]? {
        var body: [UInt8]?
        for line in pem.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("-----BEGIN ") {
                guard text.hasPrefix("-----BEGIN \(label)-----") else { return nil }
                body = []
            } else if text.hasPrefix("-----END \(label)-----") {
                return body.flatMap { Base64.decode($0) }
            } else if body != nil, !text.contains(":") {
                body?.append(contentsOf: line.filter { $0 != UInt8(ascii: " ") })
            }
        }
        return nil
    }

    /// What is wrong with an issued certificate, which may be a chain, or `nil`.
    package static func problem(certificates pem: [UInt8]) -> String? {
        var body: [UInt8]?
        var blocks = 0
        for line in pem.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("-----BEGIN "), text.hasSuffix("-----") {
                let label = String(text.dropFirst("-----BEGIN ".count).dropLast("-----".count))
                guard label == "CERTIFICATE" else {
                    return "only CERTIFICATE PEM blocks are allowed, found \"\(label)\""
                }
                body = []
            } else if text.hasPrefix("-----END "), let encoded = body {
                guard let der = Base64.decode(encoded), (try? Certificate(derEncoded: der)) != nil else {
                    return "asn1: structure error: not a certificate"
                }
                blocks += 1
                body = nil
            } else if body != nil {
                guard !text.contains(":") else { return "no PEM block headers are permitted" }
                body?.append(contentsOf: line.filter { $0 != UInt8(ascii: " ") })
            }
        }
        return blocks > 0 ? nil : "must contain at least one CERTIFICATE PEM block"
    }
}
