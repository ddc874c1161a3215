internal import FoundationEssentials
internal import SwiftASN1
internal import Testing
internal import X509

@testable internal import PKI

@Suite struct `Certificate requests` {
    private let directory: TemporaryDirectory

    private let pem = """
        -----BEGIN CERTIFICATE REQUEST-----
        MIHrMIGSAgEAMDAxFTATBgNVBAoMDHN5c3RlbTpub2RlczEXMBUGA1UEAwwOc3lz
        dGVtOm5vZGU6bjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASWqvXi81BV9C5a
        leDqWz/iYW5lUz+bOZLM413i/ukVc5UmlxNegHbzqYnWL3Cr3laLodmhLDuq019m
        WM4ZQktFoAAwCgYIKoZIzj0EAwIDSAAwRQIhANjxxDzStT2bNz4eeDtMUIAktpHO
        1BtLHYd1f4KlP2i4AiAmRAxbVjePb1yHmPxziN1bp5EYpW1pkJ1I2IolkyQzTg==
        -----END CERTIFICATE REQUEST-----

        """

    init() throws { directory = try TemporaryDirectory() }

    @Test func `are signed for what they ask, and tell friend from stranger`() throws {
        let request = try CertificateRequest(pem: Array(pem.utf8))
        #expect(request.commonName == "system:node:n1")
        #expect(request.organizations == ["system:nodes"])
        let ca = try ClusterCA.loadOrCreate(directory: directory.path)
        let signed = try ca.sign(request, usages: ["digital signature", "client auth"], lifetimeSeconds: 3600)
        let certificate = try Certificate(pemEncoded: String(decoding: signed, as: UTF8.self))
        #expect(certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore) == 3900)

        let now = ClusterCA.currentSeconds()
        let der = try certificate.serializeAsPEM().derBytes
        let verifier = try CertificateVerifier(authoritiesPEM: ca.certificatePEM)
        #expect(verifier.verify(der: der, at: now)?.name.commonName == "system:node:n1")
        #expect(verifier.verify(der: der, at: now + 3700) == nil)
        let server = try ca.sign(request, usages: ["server auth"], lifetimeSeconds: nil)
        let serverDER = try Certificate(pemEncoded: String(decoding: server, as: UTF8.self)).serializeAsPEM().derBytes
        #expect(verifier.verify(der: serverDER, at: now) == nil)
        let other = try TemporaryDirectory()
        let stranger = try ClusterCA.loadOrCreate(directory: other.path)
        #expect(
            try CertificateVerifier(authoritiesPEM: stranger.certificatePEM).verify(der: der, at: now) == nil)
    }

    @Test(arguments: ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `of another kind are refused`(_ text: String) {
        #expect(throws: PKIError.certificate(reason: "PEM block type must be CERTIFICATE REQUEST")) {
            try CertificateRequest(pem: Array(text.utf8))
        }
    }

    @Test func `with another key's signature are refused`() {
        let forged = pem.replacing("Aiam", with: "AiAm").replacing("iAmRAxb", with: "iAmRAxc")
        #expect(throws: PKIError.self) { try CertificateRequest(pem: Array(forged.utf8)) }
    }
}
