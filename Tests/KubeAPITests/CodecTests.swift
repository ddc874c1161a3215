internal import APIMachinery
internal import KubeAPI
internal import Testing

@Suite struct `JSON reader and writer` {
    @Test(arguments: [
        #"{"metadata":{"name":"a"},}"#, #"{"metadata":{"name":"a"}} x"#, #"{"metadata":{"name":"a}"#, "", "{", "[",
        #"{"spec":{"containers":[{"name":"a"},]}}"#, #"{"spec" 1}"#, #"{"spec":{"priority":01}}"#, #"{"a":nul}"#,
        "{\"metadata\":{\"name\":\"a\nb\"}}", #"{"metadata":{"name":"\x"}}"#, #"{"metadata":{"name":"\u12"}}"#,
    ])
    func `broken documents are refused`(text: String) {
        #expect(throws: JSONError.self) { try Pod(json: Array(text.utf8)) }
    }

    @Test func `errors name the place`() {
        let error = #expect(throws: JSONError.self) {
            try Pod(json: Array(#"{"spec":{"containers":[{"name":"a"},{"name":5}]}}"#.utf8))
        }
        #expect(error?.path == "spec.containers[1].name")
        #expect(error?.message == "expected a string, found a number")
    }

    @Test func `escapes, surrogates and broken UTF-8 are read as Go reads them`() throws {
        let text = #"{"metadata":{"name":"a\"\\\/\n\u00e9\ud83d\ude00\ud800x","namesp\u0061ce":"n"}}"#
        let pod = try Pod(json: Array(text.utf8))
        #expect(pod.metadata.name == "a\"\\/\né😀\u{FFFD}x")
        #expect(pod.metadata.namespace == "n")
        let broken = try Pod(json: Array(#"{"metadata":{"name":""#.utf8) + [0xFF, 0x61] + Array(#""}}"#.utf8))
        #expect(broken.metadata.name == "\u{FFFD}a")
        #expect(try Pod(json: pod.jsonBytes()) == pod)
    }

    @Test func `control characters and quotes are escaped`() {
        #expect("a\"b\\c\n\t\u{01}é".jsonBytes() == Array(#""a\"b\\c\n\t\u0001é""#.utf8))
    }

    @Test(arguments: [
        ("1", 1.0), ("-0.5", -0.5), ("1e3", 1000), ("1.5e-7", 1.5e-7), ("12345678901234567890", 1.2345678901234567e19),
    ])
    func `numbers keep their value`(text: String, value: Double) throws {
        #expect(try Double(json: Array(text.utf8)) == value)
        #expect(try Double(json: value.jsonBytes()) == value)
    }

    @Test func `integers are exact to the last of 64 bits`() throws {
        for value in [Int64.min, -1, 0, 9, 10, .max] { #expect(try Int64(json: value.jsonBytes()) == value) }
        #expect(throws: JSONError.self) { try Int32(json: Array("2147483648".utf8)) }
        #expect(throws: JSONError.self) { try Int64(json: Array("1.5".utf8)) }
    }

    @Test func `depth is bounded`() {
        let deep = Array(repeating: UInt8(ascii: "["), count: 200_000)
        #expect(throws: JSONError.self) { try Pod(json: Array(#"{"x":"#.utf8) + deep) }
    }

    @Test func `base64 of every remainder comes back`() {
        for count in 0..<10 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(Base64.decode(Array("a".utf8)) == nil)
        #expect(Base64.decode(Array("aGk".utf8)) == nil)
        #expect(Base64.decode(Array("aGk=".utf8)) == Array("hi".utf8))
    }
}

@Suite struct `Generated structs` {
    @Test func `boxed parts are values`() {
        var one = Pod()
        one.spec.nodeName = "a"
        var other = one
        other.spec.nodeName = "b"
        other.spec.affinity = Affinity()
        #expect(one.spec.nodeName == "a" && one.spec.affinity == nil)
        other.spec.affinity = nil
        other.spec.nodeName = "a"
        #expect(one == other)
    }

    @Test func `what upstream always writes is written, the rest only when set`() throws {
        var pod = Pod()
        pod.metadata.name = "a"
        var container = Container()
        container.name = "c"
        pod.spec.containers = [container]
        let text = String(decoding: pod.jsonBytes(), as: UTF8.self)
        #expect(
            text == #"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"#
                + #""spec":{"containers":[{"name":"c","resources":{}}]},"status":{}}"#
        )
    }

    @Test func `broken protobuf is refused`() throws {
        var pod = Pod()
        pod.metadata.name = "a"
        pod.spec.nodeName = "node"
        let bytes = pod.protobufBytes()
        #expect(try Pod(protobuf: bytes) == pod)
        for length in 1..<bytes.count { _ = try? Pod(protobuf: Array(bytes[..<length])) }
        #expect(throws: ProtobufError.self) { try Pod(protobuf: [0x0A, 0x7F, 0x00]) }
        #expect(throws: ProtobufError.self) {
            try Pod(protobuf: [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
        }
    }
}
