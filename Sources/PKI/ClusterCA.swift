internal import Crypto
internal import FoundationEssentials
internal import Glibc
internal import SwiftASN1
internal import X509

/// The cluster's certificate authority: signs the server's certificate and those of its clients.
package struct ClusterCA: Sendable {
    /// Ten years.
    static let lifetimeSeconds: Int64 = 3650 * 86_400
    /// Certificates are renewed while Skiff runs, so a year is only how long it may lie idle.
    static let leafLifetimeSeconds: Int64 = 365 * 86_400
    /// Clocks of nodes and clients may be this far behind.
    static let skewSeconds: Int64 = 3600

    private let certificate: Certificate
    private let key: Certificate.PrivateKey
    /// Where certificates live: `ca.crt`, `ca.key`, `server.crt`, …
    package let directory: String
    package let certificatePEM: [UInt8]
    /// Seconds since 1970.
    package let notAfter: Int64

    private init(
        _ certificate: Certificate, _ key: Certificate.PrivateKey, _ pair: IssuedCertificate, _ directory: String
    ) {
        self.certificate = certificate
        self.key = key
        self.directory = directory
        certificatePEM = pair.certificatePEM
        notAfter = pair.notAfter
    }

    /// The authority kept in `directory`, made on the first start. The directory must exist.
    ///
    /// - Throws: `.malformed` if there is one that cannot be read: making a new one would lock out every client.
    package static func loadOrCreate(directory: String) throws(PKIError) -> ClusterCA {
        let path = directory + "/ca"
        if let (certificate, pair) = try IssuedCertificate.load(path) {
            let key = try certificateErrors {
                try Certificate.PrivateKey(pemEncoded: String(decoding: pair.privateKeyPEM, as: UTF8.self))
            }
            return ClusterCA(certificate, key, pair, directory)
        }
        if try PrivateFile.read(path + ".crt") != nil {
            throw .malformed(path: path + ".crt", reason: "not a certificate with a matching private key in ca.key")
        }
        let now = currentSeconds()
        let (certificate, key) = try certificateErrors { try makeRoot(now) }
        let pair = try certificateErrors { try IssuedCertificate(certificate: certificate, key: key) }
        try pair.save(path)
        return ClusterCA(certificate, key, pair, directory)
    }

    private static func makeRoot(_ now: Int64) throws -> (Certificate, Certificate.PrivateKey) {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        // The time in the name tells apart authorities of clusters made one after the other on a machine.
        let name = try DistinguishedName { CommonName("skiff-ca@\(now)") }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: date(now - skewSeconds), notValidAfter: date(now + lifetimeSeconds), issuer: name,
            subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key
        )
        return (certificate, key)
    }

    // MARK: Certificates on file

    /// The server certificate in `NAME.crt`/`.key`, renewed if less than a third of its life remains, its names
    /// differ, or another authority made it.
    package func serverCertificate(
        named name: String = "server", commonName: String = "kube-apiserver", for names: ServerNames
    ) throws(PKIError) -> IssuedCertificate {
        try kept(name, names: try names.comparable()) { () throws(PKIError) in
            try issueServer(commonName: commonName, names: names)
        }
    }

    /// The client certificate in `NAME.crt`/`.key`, renewed as the server's is.
    package func clientCertificate(
        named name: String, commonName: String, organizations: [String]
    ) throws(PKIError) -> IssuedCertificate {
        try kept(name, names: []) { () throws(PKIError) in
            try issueClient(commonName: commonName, organizations: organizations)
        }
    }

    private func kept(
        _ name: String, names: Set<String>, make: () throws(PKIError) -> IssuedCertificate
    ) throws(PKIError) -> IssuedCertificate {
        let path = directory + "/" + name
        if let (known, pair) = try IssuedCertificate.load(path), known.issuer == certificate.subject,
            certificate.publicKey.isValidSignature(known.signature, for: known), pair.names == names,
            Self.currentSeconds() < pair.renewalTime
        {
            return pair
        }
        let fresh = try make()
        try fresh.save(path)
        return fresh
    }

    // MARK: Issuing

    package func issueServer(commonName: String, names: ServerNames) throws(PKIError) -> IssuedCertificate {
        let alternatives = SubjectAlternativeNames(try names.generalNames())
        return try issue(try certificateErrors { try DistinguishedName { CommonName(commonName) } }) { key in
            try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectKeyIdentifier(hash: key)
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
                alternatives
            }
        }
    }

    /// A certificate by which a client is known as the user `commonName` in the groups `organizations`.
    package func issueClient(commonName: String, organizations: [String]) throws(PKIError) -> IssuedCertificate {
        let subject = try certificateErrors {
            try DistinguishedName {
                for organization in organizations { OrganizationName(organization) }
                CommonName(commonName)
            }
        }
        return try issue(subject) { key in
            try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true, keyEncipherment: true))
                try ExtendedKeyUsage([.clientAuth])
                SubjectKeyIdentifier(hash: key)
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
            }
        }
    }

    /// Signs what somebody asked for, and gives the certificate as PEM.
    ///
    /// `lifetimeSeconds`: `nil` for a year, which is also the longest.
    package func sign(
        _ request: CertificateRequest, usages: [String], lifetimeSeconds: Int64?
    ) throws(PKIError) -> [UInt8] {
        try certificateErrors {
            let now = Self.currentSeconds()
            let lifetime = max(
                Self.requestedLifetimeMin, min(lifetimeSeconds ?? Self.leafLifetimeSeconds, Self.leafLifetimeSeconds))
            let extensions = try Certificate.Extensions {
                if let usage = RequestedUsages.keyUsage(usages) { Critical(usage) }
                if let usage = try RequestedUsages.extendedUsage(usages) { usage }
                Critical(BasicConstraints.notCertificateAuthority)
                AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
                if let names = request.alternativeNames { names }
            }
            let leaf = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: request.publicKey,
                notValidBefore: Self.date(now - Self.requestedSkew),
                notValidAfter: Self.date(min(now + lifetime, notAfter)), issuer: certificate.subject,
                subject: request.subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
                issuerPrivateKey: key
            )
            return Array((try leaf.serializeAsPEM().pemString + "\n").utf8)
        }
    }

    private static let requestedLifetimeMin: Int64 = 600
    private static let requestedSkew: Int64 = 300

    private func issue(
        _ subject: DistinguishedName, _ extensions: (Certificate.PublicKey) throws -> Certificate.Extensions
    ) throws(PKIError) -> IssuedCertificate {
        try certificateErrors {
            let leafKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
            let now = Self.currentSeconds()
            let leaf = try Certificate(
                version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: leafKey.publicKey,
                notValidBefore: Self.date(now - Self.skewSeconds),
                notValidAfter: Self.date(min(now + Self.leafLifetimeSeconds, notAfter)), issuer: certificate.subject,
                subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: try extensions(leafKey.publicKey),
                issuerPrivateKey: key
            )
            return try IssuedCertificate(certificate: leaf, key: leafKey)
        }
    }

    // MARK: Time

    static func currentSeconds() -> Int64 { Int64(time(nil)) }

    private static func date(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: Double(seconds)) }
}
