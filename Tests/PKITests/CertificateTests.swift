internal import Glibc
internal import SwiftASN1
internal import Testing
internal import X509

@testable internal import PKI

@Suite struct `Cluster CA` {
    private let directory: TemporaryDirectory
    private let otherDirectory: TemporaryDirectory
    private let names = ServerNames(["localhost", "kubernetes.default.svc", "10.96.0.1", "127.0.0.1", "::1"])

    init() throws {
        directory = try TemporaryDirectory()
        otherDirectory = try TemporaryDirectory()
    }

    private func certificate(_ pem: [UInt8]) throws -> Certificate {
        try Certificate(pemEncoded: String(decoding: pem, as: UTF8.self))
    }

    @Test func `is made once and kept in files that only their owner reads`() throws {
        let made = try ClusterCA.loadOrCreate(directory: directory.path)
        let loaded = try ClusterCA.loadOrCreate(directory: directory.path)
        #expect(made.certificatePEM == loaded.certificatePEM)
        #expect(directory.files == ["ca.crt", "ca.key"])
        #expect(mode(directory.path + "/ca.key") == 0o600)
        #expect(made.notAfter - ClusterCA.currentSeconds() > 3649 * 86_400)
    }

    @Test func `that cannot be read is not replaced`() throws {
        _ = try ClusterCA.loadOrCreate(directory: directory.path)
        try PrivateFile.write(Array("nonsense".utf8), to: directory.path + "/ca.key")
        #expect(
            throws: PKIError.malformed(
                path: directory.path + "/ca.crt", reason: "not a certificate with a matching private key in ca.key"
            )
        ) { try ClusterCA.loadOrCreate(directory: directory.path) }
    }

    @Test func `signs server certificates with every name and address`() async throws {
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        let issued = try ca.serverCertificate(for: names)
        let leaf = try certificate(issued.certificatePEM)
        let alternatives = try #require(try leaf.extensions.subjectAlternativeNames)
        #expect(alternatives.contains(.dnsName("kubernetes.default.svc")))
        #expect(alternatives.contains(.ipAddress(ASN1OctetString(contentBytes: [10, 96, 0, 1]))))
        #expect(Array(alternatives).count == 5)

        var verifier = Verifier(rootCertificates: CertificateStore([try certificate(ca.certificatePEM)])) {
            RFC5280Policy()
            ServerIdentityPolicy(serverHostname: "localhost", serverIP: nil)
        }
        guard case .validCertificate = await verifier.validate(leaf: leaf, intermediates: CertificateStore())
        else {
            Issue.record("the certificate is not valid for localhost")
            return
        }
    }

    @Test func `keeps a server certificate until its names change`() throws {
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        let first = try ca.serverCertificate(for: names)
        #expect(try ca.serverCertificate(for: names) == first)
        var more = names
        more.addresses.append("192.0.2.7")
        let second = try ca.serverCertificate(for: more)
        #expect(second != first)
        #expect(try ca.serverCertificate(for: more) == second)
        #expect(second.renewalTime < second.notAfter)

        let other = try ClusterCA.loadOrCreate(directory: otherDirectory.path)
        try PrivateFile.write(
            other.issueServer(commonName: "x", names: more).certificatePEM, to: directory.path + "/server.crt")
        #expect(try ca.serverCertificate(for: more) != second, "a certificate that is not ours is replaced")
    }

    @Test func `refuses a name that is no address`() throws {
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        #expect(throws: PKIError.invalidAddress("10.0.0")) {
            try ca.issueServer(commonName: "x", names: ServerNames(addresses: ["10.0.0"]))
        }
    }

    @Test func `signs clients whose name and groups are read back`() throws {
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        let issued = try ca.issueClient(commonName: "skiff-admin", organizations: ["system:masters", "others"])
        var serializer = DER.Serializer()
        try serializer.serialize(try certificate(issued.certificatePEM))
        let name = try CertificateName(der: serializer.serializedBytes)
        #expect(name.commonName == "skiff-admin")
        #expect(name.organizations == ["system:masters", "others"])
        #expect(throws: PKIError.self) { try CertificateName(der: [1, 2, 3]) }
    }

    @Test func `OpenSSL agrees`() throws {
        try #require(access("/usr/bin/openssl", X_OK) == 0)
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        _ = try ca.serverCertificate(for: names)
        _ = try ca.clientCertificate(named: "admin", commonName: "skiff-admin", organizations: ["system:masters"])
        let path = directory.path
        for (name, purpose) in [("server", "sslserver"), ("admin", "sslclient")] {
            let command =
                "/usr/bin/openssl verify -x509_strict -CAfile \(path)/ca.crt -purpose \(purpose) \(path)/\(name).crt >/dev/null 2>&1"
            #expect(system(command) == 0)
            #expect(system("/usr/bin/openssl pkey -in \(path)/\(name).key -noout") == 0)
        }
    }
}
