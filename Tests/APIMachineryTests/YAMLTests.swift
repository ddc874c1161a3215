import APIMachinery
import Testing

private func parse(_ text: String) throws(YAMLError) -> Value { try Value(yaml: Array(text.utf8)) }

@Suite struct `Value from YAML` {
    @Test(arguments: [
        ("a: true", #"{"a":true}"#), ("a: yes", #"{"a":true}"#), ("a: off", #"{"a":false}"#), ("a: ~", #"{"a":null}"#),
        ("a:", #"{"a":null}"#), ("a: 012", #"{"a":10}"#), ("a: 0x1F", #"{"a":31}"#), ("a: 0o17", #"{"a":15}"#),
        ("a: 0b11", #"{"a":3}"#), ("a: 1_000", #"{"a":1000}"#), ("a: 1.5", #"{"a":1.5}"#), ("a: 1e3", #"{"a":1000}"#),
        ("a: \"1\"", #"{"a":"1"}"#), ("a: '1'", #"{"a":"1"}"#), ("a: !!str 1", #"{"a":"1"}"#),
        ("a: 1Gi", #"{"a":"1Gi"}"#),
        ("a: 2024-01-01", #"{"a":"2024-01-01"}"#), ("a: 09", #"{"a":9}"#), ("1: x", #"{"1":"x"}"#),
        ("true: x", #"{"true":"x"}"#), ("- a\n- b: c", #"["a",{"b":"c"}]"#), ("a: |\n  x\n  y\n", #"{"a":"x\ny\n"}"#),
        ("a: &x {b: 1}\nc: *x", #"{"a":{"b":1},"c":{"b":1}}"#),
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", #"{"a":{"b":1,"c":2},"d":{"c":3,"b":1}}"#),
        ("", "null"), ("# only a comment", "null"), (#"{"a": [1, "x"]}"#, #"{"a":[1,"x"]}"#),
        ("a: 1.2.3.4", #"{"a":"1.2.3.4"}"#),
        ("a: -5", #"{"a":-5}"#), ("a: 80:80", #"{"a":"80:80"}"#),
    ])
    func `has Kubernetes' types`(text: String, json: String) throws {
        #expect(try parse(text).jsonText == json)
    }

    @Test func `names the line of a syntax error`() {
        #expect { try parse("a: b\n\tc: d\n") } throws: { error in
            (error as? YAMLError)?.description == "yaml: line 2: found a tab character that violates indentation"
        }
    }

    @Test func `collects repeated keys`() throws {
        var duplicates: [String] = []
        let value = try Value.parse(yaml: Array("spec:\n  a: 1\n  a: 2\n".utf8), duplicates: &duplicates)
        #expect(duplicates == ["line 3: key \"a\" already set in map"])
        #expect(value[path: "spec", "a"] == 2)
    }

    @Test func `has several documents`() throws {
        let documents = try Value.documents(yaml: Array("a: 1\n---\n---\nb: 2\n".utf8))
        #expect(documents.map(\.jsonText) == [#"{"a":1}"#, #"{"b":2}"#])
    }

    @Test func `is refused when aliases multiply it`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        for level in 1..<12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ",")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(throws: YAMLError.self) { try parse(text) }
    }

    @Test func `is bounded in depth`() {
        #expect(throws: YAMLError.self) { try parse(String(repeating: "[", count: 50_000)) }
    }
}

@Suite struct `Value to YAML` {
    @Test func `is block style`() throws {
        let value: Value = [
            "kind": "ConfigMap", "metadata": ["name": "a", "labels": ["x": "true"]],
            "data": ["script": "#!/bin/sh\necho hi\n", "empty": ""], "list": ["a", ["b": 1, "c": [1, 2]]], "none": [:],
        ]
        #expect(
            value.yaml() == """
                kind: ConfigMap
                metadata:
                  name: a
                  labels:
                    x: "true"
                data:
                  script: |
                    #!/bin/sh
                    echo hi
                  empty: ""
                list:
                - a
                - b: 1
                  c:
                  - 1
                  - 2
                none: {}

                """)
    }

    @Test(arguments: [
        "1", "true", "null", "", "a: b", "- x", "#c", "a #b", "x\ny", "x\n", "\n", "  pad", "0x1", "é",
        "2024-01-01T00:00:00Z",
        "a\tb", "yes", "=", "*a", "&a", "!a", "%a", "@a", "`a", "'", "\"", "\u{7}", "a:", "~", "x\n\n", "\nx", " ", "-",
        "?",
    ])
    func `is read back as the same string`(text: String) throws {
        let value: Value = .object(OrderedFields([("k", .string(text)), ("l", .array([.string(text)]))]))
        #expect(try parse(value.yaml()) == value)
    }
}
