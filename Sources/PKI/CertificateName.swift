internal import SwiftASN1
internal import X509

/// Who a client certificate says its holder is: upstream takes the user from the common name and the groups from the
/// organizations.
package struct CertificateName: Sendable, Equatable {
    /// Empty if the subject has none.
    package let commonName: String
    package let organizations: [String]

    /// Reads the subject of a certificate whose signature has been verified already.
    package init(der: [UInt8]) throws(PKIError) {
        let certificate = try certificateErrors { try Certificate(derEncoded: der) }
        var commonName = ""
        var organizations: [String] = []
        for attribute in certificate.subject.lazy.flatMap({ $0 }) {
            guard let value = String(attribute.value) else { continue }
            if attribute.type == .RDNAttributeType.commonName { commonName = value }
            if attribute.type == .RDNAttributeType.organizationName { organizations.append(value) }
        }
        self.commonName = commonName
        self.organizations = organizations
    }
}
