import APIMachinery
import Testing

private func parse(_ text: String) throws(JSONError) -> Value { try Value(json: Array(text.utf8)) }

@Suite struct `Value from JSON` {
    @Test(arguments: [
        #"{"a":1,"b":[true,false,null],"c":{"d":"x"}}"#, #"[]"#, #"{}"#, #""""#, #"-12"#, #"1.5"#, #""é\n\t\"\\""#,
        #"[9223372036854775807,-9223372036854775808]"#, #"{"z":1,"a":2}"#,
    ])
    func `prints what it read`(text: String) throws {
        #expect(try parse(text).jsonText == text)
    }

    @Test func `unescapes`() throws {
        #expect(try parse(#""é😀\/\b""#).string == "é😀/\u{8}")
        #expect(try parse(#""\ud83dx""#).string == "\u{FFFD}x")
    }

    @Test func `numbers keep their kind`() throws {
        #expect(try parse("10") == .int(10))
        #expect(try parse("1e1") == .double(10))
        #expect(try parse("9223372036854775808") == .double(9.223372036854775808e18))
        #expect(try parse("100.0").jsonText == "100")
    }

    @Test(arguments: [
        ("", "unexpected end of JSON input"), ("{", "unexpected end of JSON input"),
        ("{'a':1}", #"invalid character '\'' looking for beginning of object key string"#),
        ("d", "invalid character 'd' looking for beginning of value"),
        (#"{"a":1 1"#, "invalid character '1' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        (#"{"a" 1}"#, "invalid character '1' after object key"),
        (#""\x""#, "invalid character 'x' in string escape code"),
        ("{}x", "invalid character 'x' after top-level value"),
        ("nul", "unexpected end of JSON input"), ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
        ("01", "invalid character '1' after top-level value"), ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("\"a\nb\"", #"invalid character '\n' in string literal"#),
        (#""\u12g4""#, #"invalid character 'g' in \u hexadecimal character escape"#),
    ])
    func `is refused with Go's words`(text: String, message: String) {
        #expect { try parse(text) } throws: { ($0 as? JSONError)?.message == message }
    }

    @Test func `is bounded in depth`() {
        let text = String(repeating: "[", count: 100_000)
        #expect { try parse(text) } throws: { ($0 as? JSONError)?.message == "exceeded max depth" }
    }

    @Test func `collects duplicate fields with their paths`() throws {
        var duplicates: [String] = []
        let text = #"{"spec":{"replicas":1,"replicas":2,"list":[{"a":1},{"a":1,"a":2}]},"kind":"A","kind":"B"}"#
        let value = try Value.parse(json: Array(text.utf8), duplicates: &duplicates)
        #expect(duplicates == ["spec.replicas", "spec.list[1].a", "kind"])
        #expect(value[path: "spec", "replicas"] == 2)
    }

    @Test func `finds duplicates in large objects`() throws {
        let members = (0..<1000).map { #""k\#($0)":\#($0)"# } + [#""k500":-1"#]
        var duplicates: [String] = []
        let text = "{" + members.joined(separator: ",") + "}"
        let value = try Value.parse(json: Array(text.utf8), duplicates: &duplicates)
        #expect(duplicates == ["k500"])
        #expect(value["k500"] == -1)
        #expect(value.fields?.count == 1000)
    }

    @Test func `equality ignores the order of members`() throws {
        let left = try parse(#"{"a":1,"b":{"c":[1,2],"d":null}}"#)
        let right = try parse(#"{"b":{"d":null,"c":[1,2]},"a":1}"#)
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left.sortedJSONBytes() == right.sortedJSONBytes())
        #expect(try left != parse(#"{"a":1,"b":{"c":[2,1],"d":null}}"#))
    }

    @Test func `members are set and removed at paths`() throws {
        var value = try parse(#"{"metadata":{"name":"a"}}"#)
        value.set("b", at: ["metadata", "labels", "x"])
        #expect(value.jsonText == #"{"metadata":{"name":"a","labels":{"x":"b"}}}"#)
        value.set(nil, at: ["metadata", "labels"])
        #expect(value.jsonText == #"{"metadata":{"name":"a"}}"#)
    }
}

@Suite struct `Metadata scanner` {
    private let json = Array(
        #"""
        {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7",
        "labels":{"app":"x\"}{","e":"é"},"finalizers":["f1","f2"],"deletionTimestamp":"2024-01-01T00:00:00Z",
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"rs","uid":"o","controller":true}],
        "managedFields":[{"x":{"y":[1,2,{"z":"}"}]}}]},"spec":{"nodeName":"n1","n":5},"status":{"phase":"Running"}}
        """#.utf8)

    @Test func `reads metadata`() {
        let metadata = MetadataScanner(json: json).metadata
        #expect(metadata.name == "a" && metadata.namespace == "b" && metadata.uid == "u")
        #expect(metadata.resourceVersion == "7" && metadata.hasDeletionTimestamp)
        #expect(metadata.labels == ["app": "x\"}{", "e": "é"] && metadata.finalizers == ["f1", "f2"])
        #expect(metadata.ownerReferences.map(\.uid) == ["o"] && metadata.ownerReferences[0].isController)
    }

    @Test func `reads values at paths`() {
        let scanner = MetadataScanner(json: json)
        #expect(scanner.string(at: ["spec", "nodeName"]) == "n1")
        #expect(scanner.string(at: ["spec", "n"]) == "5")
        #expect(scanner.string(at: ["status", "phase"]) == "Running")
        #expect(scanner.string(at: ["status", "none"]) == nil)
        #expect(scanner.string(at: ["spec"]) == nil)
        #expect(
            scanner.raw(at: ["status"]).map { String(decoding: json[$0], as: UTF8.self) } == #"{"phase":"Running"}"#)
    }

    @Test func `survives every truncation`() {
        for length in 0..<json.count {
            let scanner = MetadataScanner(json: Array(json[..<length]))
            _ = scanner.metadata
            _ = scanner.string(at: ["status", "phase"])
        }
    }
}
