/// `runtime.Unknown` behind the magic `k8s\0`: how the API carries one protobuf object.
package struct ProtobufEnvelope: Equatable, Sendable {
    package var apiVersion: String
    package var kind: String
    /// The message itself.
    package var raw: [UInt8]
    package var contentEncoding = ""
    package var contentType = ""

    package static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    package init(apiVersion: String, kind: String, raw: [UInt8]) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.raw = raw
    }

    /// Reads an envelope with its magic.
    package init(decoding bytes: [UInt8]) throws(SchemaError) {
        guard bytes.starts(with: Self.magic) else {
            throw SchemaError(
                description: "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
        }
        self.init(apiVersion: "", kind: "", raw: [])
        do throws(ProtobufError) {
            try ProtobufReader.read(Array(bytes.dropFirst(Self.magic.count))) { reader throws(ProtobufError) in
                while let field = try reader.nextField() {
                    switch field {
                    case 1: try readType(from: &reader)
                    case 2: raw = try reader.bytes()
                    case 3: contentEncoding = try reader.string()
                    case 4: contentType = try reader.string()
                    default: try reader.skip()
                    }
                }
            }
        } catch {
            throw SchemaError(description: error.message)
        }
    }

    private mutating func readType(from reader: inout ProtobufReader) throws(ProtobufError) {
        try reader.message { reader throws(ProtobufError) in
            while let field = try reader.nextField() {
                switch field {
                case 1: apiVersion = try reader.string()
                case 2: kind = try reader.string()
                default: try reader.skip()
                }
            }
        }
    }

    /// The envelope with its magic.
    package func bytes() -> [UInt8] {
        ProtobufWriter.bytes(capacity: raw.count + 128) { writer in
            Self.magic.withUnsafeBytes { writer.append($0) }
            let type = writer.beginMessage(1)
            writer.string(1, apiVersion)
            writer.string(2, kind)
            writer.endMessage(type)
            writer.bytes(2, raw)
            writer.string(3, contentEncoding)
            writer.string(4, contentType)
        }
    }
}
