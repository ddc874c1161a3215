internal import Crypto
internal import FoundationEssentials
internal import SwiftASN1
internal import X509

/// A PKCS #10 request for a certificate (RFC 2986), whose signature shows that its maker holds the key.
package struct CertificateRequest: Sendable {
    package let commonName: String
    package let organizations: [String]
    package let hasDNSNames: Bool
    package let hasAddresses: Bool
    package let hasEmails: Bool
    package let hasURIs: Bool
    private let content: CertificateSigningRequest

    /// - Throws: `.certificate` with upstream's reason.
    package init(pem: [UInt8]) throws(PKIError) {
        guard
            let document = try? PEMDocument(pemString: Self.firstBlock(String(decoding: pem, as: UTF8.self))),
            document.discriminator == "CERTIFICATE REQUEST"
        else { throw .certificate(reason: "PEM block type must be CERTIFICATE REQUEST") }
        guard let request = try? CertificateSigningRequest(derEncoded: document.derBytes) else {
            throw .certificate(reason: "asn1: structure error: not a certificate request")
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw .certificate(reason: "x509: signature of the request does not match its key")
        }
        content = request
        var commonName = ""
        var organizations: [String] = []
        for attribute in request.subject.lazy.flatMap({ $0 }) {
            guard let value = String(attribute.value) else { continue }
            if attribute.type == .RDNAttributeType.commonName { commonName = value }
            if attribute.type == .RDNAttributeType.organizationName { organizations.append(value) }
        }
        self.commonName = commonName
        self.organizations = organizations
        var (dns, address, email, uri) = (false, false, false, false)
        for name in Self.alternativeNames(request) ?? SubjectAlternativeNames([]) {
            switch name {
            case .dnsName: dns = true
            case .ipAddress: address = true
            case .rfc822Name: email = true
            case .uniformResourceIdentifier: uri = true
            default: break
            }
        }
        (hasDNSNames, hasAddresses, hasEmails, hasURIs) = (dns, address, email, uri)
    }

    var subject: DistinguishedName { content.subject }
    var publicKey: Certificate.PublicKey { content.publicKey }
    var alternativeNames: SubjectAlternativeNames? { Self.alternativeNames(content) }

    private static func alternativeNames(_ request: CertificateSigningRequest) -> SubjectAlternativeNames? {
        guard let wanted = try? request.attributes.extensionRequest else { return nil }
        return try? wanted.extensions.subjectAlternativeNames
    }

    /// What follows the first block is not looked at.
    private static func firstBlock(_ text: String) -> String {
        var lines: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let plain = line.last == "\r" ? line.dropLast() : line
            if lines.isEmpty, !plain.hasPrefix("-----BEGIN ") { continue }
            lines.append(plain)
            if plain.hasPrefix("-----END ") { break }
        }
        return lines.joined(separator: "\n")
    }
}

/// What a certificate that is made on request may be used for, in the words of `spec.usages`.
enum RequestedUsages {
    static func keyUsage(_ usages: [String]) -> KeyUsage? {
        let wanted = Set(usages)
        let usage = KeyUsage(
            digitalSignature: !wanted.isDisjoint(with: ["digital signature", "signing"]),
            nonRepudiation: wanted.contains("content commitment"),
            keyEncipherment: wanted.contains("key encipherment"),
            dataEncipherment: wanted.contains("data encipherment"), keyAgreement: wanted.contains("key agreement"),
            keyCertSign: wanted.contains("cert sign"), cRLSign: wanted.contains("crl sign"),
            encipherOnly: wanted.contains("encipher only"), decipherOnly: wanted.contains("decipher only"))
        return usage == KeyUsage() ? nil : usage
    }

    private static let extended: [(name: String, identifier: ASN1ObjectIdentifier)] = [
        ("any", [2, 5, 29, 37, 0]), ("server auth", [1, 3, 6, 1, 5, 5, 7, 3, 1]),
        ("client auth", [1, 3, 6, 1, 5, 5, 7, 3, 2]), ("code signing", [1, 3, 6, 1, 5, 5, 7, 3, 3]),
        ("email protection", [1, 3, 6, 1, 5, 5, 7, 3, 4]), ("s/mime", [1, 3, 6, 1, 5, 5, 7, 3, 4]),
        ("ipsec end system", [1, 3, 6, 1, 5, 5, 7, 3, 5]), ("ipsec tunnel", [1, 3, 6, 1, 5, 5, 7, 3, 6]),
        ("ipsec user", [1, 3, 6, 1, 5, 5, 7, 3, 7]), ("timestamping", [1, 3, 6, 1, 5, 5, 7, 3, 8]),
        ("ocsp signing", [1, 3, 6, 1, 5, 5, 7, 3, 9]), ("microsoft sgc", [1, 3, 6, 1, 4, 1, 311, 10, 3, 3]),
        ("netscape sgc", [2, 16, 840, 1, 113730, 4, 1]),
    ]

    static func extendedUsage(_ usages: [String]) throws -> ExtendedKeyUsage? {
        var seen: Set<ASN1ObjectIdentifier> = []
        let wanted = extended.filter { usages.contains($0.name) && seen.insert($0.identifier).inserted }
        return wanted.isEmpty ? nil : try ExtendedKeyUsage(wanted.map { .init(oid: $0.identifier) })
    }
}
