internal import Crypto
internal import FoundationEssentials
internal import SwiftASN1
internal import X509

/// Tells the client certificates of this cluster from others.
package struct CertificateVerifier: Sendable {
    private let authorities: [Certificate]

    /// `authoritiesPEM`: the certificates of those who may issue.
    package init(authoritiesPEM: [UInt8]) throws(PKIError) {
        authorities = try certificateErrors {
            try PEMDocument.parseMultiple(pemString: String(decoding: authoritiesPEM, as: UTF8.self)).map {
                try Certificate(pemDocument: $0)
            }
        }
    }

    /// Whom the certificate names; `nil` if another authority issued it, it is not valid at `now`, or not for clients.
    package func verify(der: [UInt8], at now: Int64) -> VerifiedCertificate? {
        guard let certificate = try? Certificate(derEncoded: der),
            let name = try? CertificateName(der: der),
            let usage = try? certificate.extensions.extendedKeyUsage,
            usage.contains(.clientAuth) || usage.contains(.any),
            authorities.contains(where: {
                $0.subject == certificate.issuer
                    && $0.publicKey.isValidSignature(certificate.signature, for: certificate)
            })
        else { return nil }
        let verified = VerifiedCertificate(
            name: name, notBefore: Int64(certificate.notValidBefore.timeIntervalSince1970),
            notAfter: Int64(certificate.notValidAfter.timeIntervalSince1970), fingerprint: Self.fingerprint(der))
        return verified.isValid(at: now) ? verified : nil
    }

    private static func fingerprint(_ der: [UInt8]) -> String {
        SHA256.hash(data: der).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// A client certificate that this cluster issued.
package struct VerifiedCertificate: Sendable {
    package let name: CertificateName
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    /// SHA-256 of the certificate, in hexadecimal digits.
    package let fingerprint: String

    package func isValid(at now: Int64) -> Bool { notBefore <= now && now <= notAfter }
}
