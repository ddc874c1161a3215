/// Media types of the describing documents.
enum DocumentMedia {
    static let json = "application/json"
    static let yaml = "application/yaml"
    static let protobuf = "application/vnd.kubernetes.protobuf"
    static let openAPIv2Protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    static let openAPIv3Protobuf = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
}
