internal import Crypto
internal import FoundationEssentials
internal import SwiftASN1
internal import X509

/// A certificate with its private key.
package struct IssuedCertificate: Sendable, Equatable {
    /// The certificate, then those that lead to the root.
    package let certificatePEM: [UInt8]
    package let privateKeyPEM: [UInt8]
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    let names: Set<String>

    /// When less than a third of its life remains, a certificate is replaced.
    package var renewalTime: Int64 { notAfter - (notAfter - notBefore) / 3 }

    init(certificate: Certificate, key: Certificate.PrivateKey, keyPEM: [UInt8]? = nil) throws {
        let certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
        try self.init(
            certificate: certificate, certificatePEM: Array(certificatePEM.utf8),
            keyPEM: keyPEM ?? Array((key.serializeAsPEM().pemString + "\n").utf8)
        )
    }

    private init(certificate: Certificate, certificatePEM: [UInt8], keyPEM: [UInt8]) throws {
        self.certificatePEM = certificatePEM
        privateKeyPEM = keyPEM
        notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
        notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
        names = Set(try certificate.extensions.subjectAlternativeNames?.map(\.text) ?? [])
    }

    /// The pair in `NAME.crt` and `NAME.key`; `nil` if one is missing, unreadable as such, or they do not belong
    /// together: then it is simply made anew.
    static func load(_ path: String) throws(PKIError) -> (certificate: Certificate, pair: IssuedCertificate)? {
        guard let certificatePEM = try PrivateFile.read(path + ".crt"),
            let keyPEM = try PrivateFile.read(path + ".key")
        else { return nil }
        guard
            let certificate = try? Certificate(pemEncoded: String(decoding: certificatePEM, as: UTF8.self)),
            let key = try? Certificate.PrivateKey(pemEncoded: String(decoding: keyPEM, as: UTF8.self)),
            key.publicKey == certificate.publicKey
        else { return nil }
        return try certificateErrors {
            (
                certificate,
                try IssuedCertificate(certificate: certificate, certificatePEM: certificatePEM, keyPEM: keyPEM)
            )
        }
    }

    func save(_ path: String) throws(PKIError) {
        // The key goes first: a certificate without its key would be of no use, a key without certificate does no harm.
        try PrivateFile.write(privateKeyPEM, to: path + ".key")
        try PrivateFile.write(certificatePEM, to: path + ".crt")
    }
}

extension GeneralName {
    /// One spelling for each name, to compare.
    fileprivate var text: String {
        switch self {
        case .dnsName(let name): "dns:" + name
        case .ipAddress(let address): "ip:" + address.bytes.map { String($0) }.joined(separator: ".")
        default: "other:\(self)"
        }
    }
}

/// Host names and addresses that a server answers to.
package struct ServerNames: Sendable, Equatable {
    package var dnsNames: [String]
    package var addresses: [String]

    package init(dnsNames: [String] = [], addresses: [String] = []) {
        self.dnsNames = dnsNames
        self.addresses = addresses
    }

    /// Sorts words into names and addresses: what `--tls-san` takes.
    package init(_ words: some Sequence<String>) {
        self.init()
        var seen: Set<String> = []
        for word in words where !word.isEmpty && seen.insert(word).inserted {
            if IPAddress.bytes(of: word) == nil { dnsNames.append(word) } else { addresses.append(word) }
        }
    }

    func generalNames() throws(PKIError) -> [GeneralName] {
        var names = dnsNames.map { GeneralName.dnsName($0) }
        for address in addresses {
            guard let bytes = IPAddress.bytes(of: address) else { throw .invalidAddress(address) }
            names.append(.ipAddress(ASN1OctetString(contentBytes: bytes[...])))
        }
        return names
    }

    /// The same names in the spelling of `IssuedCertificate.names`.
    func comparable() throws(PKIError) -> Set<String> {
        Set(try generalNames().map(\.text))
    }
}

/// The dates of a certificate file, for those who only look.
package enum CertificateFile {
    /// Seconds since 1970 after which the certificate in the PEM file is no longer valid; `nil` if there is none.
    package static func notAfter(_ path: String) -> Int64? {
        guard let content = try? PrivateFile.read(path),
            let certificate = try? Certificate(pemEncoded: String(decoding: content, as: UTF8.self))
        else { return nil }
        return Int64(certificate.notValidAfter.timeIntervalSince1970)
    }
}
