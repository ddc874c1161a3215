internal import APIMachinery

/// Why a certificate and its key are of no use, in the words of upstream's TLS library. Looks at the wrapping only:
/// what is inside is for those who use the pair.
enum KeyPairCheck {
    static func fault(certificate: [UInt8], key: [UInt8]) -> String? {
        let blocks = PEMBlocks.types(certificate)
        if blocks.isEmpty { return "tls: failed to find any PEM data in certificate input" }
        if !blocks.contains("CERTIFICATE") {
            if blocks.count == 1, blocks[0].hasSuffix("PRIVATE KEY") {
                return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM "
                    + "inputs may have been switched"
            }
            return
                "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the "
                + "following types: [\(blocks.joined(separator: " "))]"
        }
        let keys = PEMBlocks.types(key)
        guard !keys.contains(where: { $0 == "PRIVATE KEY" || $0.hasSuffix(" PRIVATE KEY") }) else { return nil }
        if keys.isEmpty { return "tls: failed to find any PEM data in key input" }
        if keys == ["CERTIFICATE"] {
            return "tls: found a certificate rather than a key in the PEM for the private key"
        }
        return
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks "
            + "of the following types: [\(keys.joined(separator: " "))]"
    }
}

/// The blocks of a PEM file.
private enum PEMBlocks {
    /// Types of the blocks that are whole, in their order.
    static func types(_ bytes: [UInt8]) -> [String] {
        let lines = String(decoding: bytes, as: UTF8.self).split { $0.isNewline }
        var types: [String] = []
        var open: (type: String, body: String)?
        for line in lines {
            if let type = label(line, "-----BEGIN ") {
                open = (type, "")
            } else if let type = label(line, "-----END ") {
                if let block = open, block.type == type, Base64.decode(block.body.utf8) != nil { types.append(type) }
                open = nil
            } else if let block = open, !line.contains(":") {
                open = (block.type, block.body + line)
            }
        }
        return types
    }

    private static func label(_ line: Substring, _ prefix: String) -> String? {
        guard line.hasPrefix(prefix), line.hasSuffix("-----") else { return nil }
        return String(line.dropFirst(prefix.count).dropLast(5))
    }
}
