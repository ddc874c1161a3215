import APIMachinery
import Testing

@Suite struct `JSON patch` {
    private static let document = #"{"data":{"a":"1","b":"2"},"list":[1,2,3],"m~n":{"x/y":0}}"#

    @Test(arguments: [
        (
            #"[{"op":"add","path":"/data/c","value":"3"}]"#,
            #"{"data":{"a":"1","b":"2","c":"3"},"list":[1,2,3],"m~n":{"x/y":0}}"#
        ),
        (#"[{"op":"remove","path":"/data/a"}]"#, #"{"data":{"b":"2"},"list":[1,2,3],"m~n":{"x/y":0}}"#),
        (
            #"[{"op":"replace","path":"/data/a","value":{}}]"#,
            #"{"data":{"a":{},"b":"2"},"list":[1,2,3],"m~n":{"x/y":0}}"#
        ),
        (
            #"[{"op":"add","path":"/list/-","value":4}]"#,
            #"{"data":{"a":"1","b":"2"},"list":[1,2,3,4],"m~n":{"x/y":0}}"#
        ),
        (
            #"[{"op":"add","path":"/list/0","value":0}]"#,
            #"{"data":{"a":"1","b":"2"},"list":[0,1,2,3],"m~n":{"x/y":0}}"#
        ),
        (#"[{"op":"remove","path":"/list/-1"}]"#, #"{"data":{"a":"1","b":"2"},"list":[1,2],"m~n":{"x/y":0}}"#),
        (
            #"[{"op":"replace","path":"/m~0n/x~1y","value":1}]"#,
            #"{"data":{"a":"1","b":"2"},"list":[1,2,3],"m~n":{"x/y":1}}"#
        ),
        (
            #"[{"op":"move","from":"/data/a","path":"/data/c"}]"#,
            #"{"data":{"b":"2","c":"1"},"list":[1,2,3],"m~n":{"x/y":0}}"#
        ),
        (
            #"[{"op":"copy","from":"/data/a","path":"/q"}]"#,
            #"{"data":{"a":"1","b":"2"},"list":[1,2,3],"m~n":{"x/y":0},"q":"1"}"#
        ),
        (#"[{"op":"test","path":"/data/a","value":"1"},{"op":"test","path":"/data/zz","value":null}]"#, document),
        (#"[{"op":"test","path":"/list/0","value":1.0}]"#, document),
        (
            #"[{"op":"add","path":"data/q","value":"x"}]"#,
            #"{"data":{"a":"1","b":"2"},"list":[1,2,3],"m~n":{"x/y":0},"q":"x"}"#
        ),
        (#"[{"op":"replace","path":"","value":{}}]"#, "{}"), ("[]", document),
    ])
    func `applies`(patch: String, expected: String) throws {
        #expect(try JSONPatch(json: Array(patch.utf8)).apply(to: try json(Self.document)).jsonText == expected)
    }

    @Test(arguments: [
        #"[{"op":"remove","path":"/data/zz"}]"#, #"[{"op":"replace","path":"/data/zz","value":1}]"#,
        #"[{"op":"add","path":"/no/where","value":1}]"#, #"[{"op":"add","path":"/list/9","value":1}]"#,
        #"[{"op":"test","path":"/data/a","value":"2"}]"#, #"[{"op":"move","from":"/zz","path":"/data/c"}]"#,
        #"[{"op":"foo","path":"/data/a"}]"#, #"[{"op":"add","value":"x"}]"#, #"[{"op":"remove","path":"/list/3"}]"#,
        #"[{"op":"remove","path":""}]"#, #"[{"op":"add","path":"/data/a/b/c","value":1}]"#,
        #"[{"op":"add","path":"/list/-4","value":1}]"#, #"[{"op":"remove","path":"/list/-"}]"#,
    ])
    func `that does not fit is invalid`(patch: String) throws {
        let patch = try JSONPatch(json: Array(patch.utf8))
        #expect { try patch.apply(to: try json(Self.document)) } throws: {
            if case .invalid? = $0 as? PatchError { true } else { false }
        }
    }

    @Test(arguments: [
        ("[", "error decoding patch: unexpected end of JSON input"),
        (
            #"{"op":"add"}"#,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
        ),
        (#""x""#, "error decoding patch: json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp"),
    ])
    func `that is none is malformed`(patch: String, message: String) {
        #expect(throws: PatchError.malformed(message)) { try JSONPatch(json: Array(patch.utf8)) }
    }

    @Test func `is bounded`() throws {
        let operations = Array(repeating: #"{"op":"test","path":"/a","value":null}"#, count: 10_002)
        let message = "The allowed maximum operations in a JSON patch is 10000, got 10002"
        #expect(throws: PatchError.tooLarge(message)) {
            try JSONPatch(json: Array("[\(operations.joined(separator: ","))]".utf8))
        }
        let doubling = (0..<60).map { #"{"op":"copy","from":"","path":"/x\#($0)"}"# }
        let patch = try JSONPatch(json: Array("[\(doubling.joined(separator: ","))]".utf8))
        #expect { try patch.apply(to: try json(#"{"a":"0123456789"}"#)) } throws: {
            if case .invalid? = $0 as? PatchError { true } else { false }
        }
    }

    @Test func `cannot nest without end`() throws {
        let nesting = (0..<600).map { #"{"op":"add","path":"\#(String(repeating: "/x", count: $0 + 1))","value":{}}"# }
        let patch = try JSONPatch(json: Array("[\(nesting.joined(separator: ","))]".utf8))
        #expect(throws: PatchError.invalid("exceeded max depth")) { try patch.apply(to: [:]) }
    }

    @Test func `reports unknown fields of operations`() throws {
        let patch = try JSONPatch(json: Array(#"[{"op":"test","foo":1,"path":"/a"}]"#.utf8))
        #expect(patch.warnings == [#"json patch unknown field "[0].foo""#])
    }
}

@Suite struct `Merge patch` {
    @Test(arguments: [
        (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
        (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#), (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
        (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
        (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
        (#"{}"#, #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), (#"{"a":"x"}"#, #"{"a":{"b":1}}"#, #"{"a":{"b":1}}"#),
    ])
    func `follows RFC 7386`(target: String, patch: String, expected: String) throws {
        let result = MergePatch.apply(try MergePatch.parse(json: Array(patch.utf8)), to: try json(target))
        #expect(result.jsonText == expected)
    }

    @Test(arguments: [
        ("[]", "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ("null", "Invalid JSON Patch"), ("{", "error decoding patch: unexpected end of JSON input"),
    ])
    func `that is none is malformed`(patch: String, message: String) {
        #expect(throws: PatchError.malformed(message)) { try MergePatch.parse(json: Array(patch.utf8)) }
    }
}

@Suite struct `Strategic merge patch` {
    private static let target = #"""
        {"metadata":{"finalizers":["a","b"],"labels":{"l":"m"},"name":"w"},"spec":{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"image":"nginx","name":"c"},{"image":"busybox","name":"d"}],"hosts":["h1","h2"],"replicas":2,"selector":{"app":"a"},"strategy":{"rollingUpdate":{"maxSurge":1},"type":"RollingUpdate"}}}
        """#

    private func apply(_ patch: String) throws -> Value {
        let patch = try StrategicMergePatch.parse(json: Array(patch.utf8))
        return try StrategicMergePatch.apply(
            patch, to: try json(Self.target), as: Sample.widget, schema: Sample.schema)
    }

    /// The patch, a path, and what is there afterwards.
    @Test(arguments: [
        // Lists with a merge key merge; new elements come first.
        (#"{"spec":{"containers":[{"name":"e","image":"i"}]}}"#, "spec.containers.name", "e c d"),
        (#"{"spec":{"containers":[{"name":"d","image":"z"}]}}"#, "spec.containers.image", "nginx z"),
        (
            #"{"spec":{"containers":[{"name":"c","env":[{"name":"B","value":"9"}]}]}}"#, "spec.containers.0.env.value",
            "1 9"
        ),
        // Deleting, replacing.
        (#"{"spec":{"containers":[{"name":"c","$patch":"delete"}]}}"#, "spec.containers.name", "d"),
        (#"{"spec":{"containers":[{"$patch":"replace"},{"name":"x"}]}}"#, "spec.containers.name", "x"),
        (#"{"spec":{"selector":{"$patch":"replace","q":"r"}}}"#, "spec.selector", #"{"q":"r"}"#),
        (#"{"spec":{"selector":{"$patch":"delete"}}}"#, "spec.selector", "{}"),
        (#"{"spec":{"selector":null}}"#, "spec.selector", "-"), (#"{"spec":{"replicas":5}}"#, "spec.replicas", "5"),
        (#"{"spec":{"selector":{"b":"c"}}}"#, "spec.selector", #"{"app":"a","b":"c"}"#),
        (#"{"spec":{"selector":{"app":null,"b":"c"}}}"#, "spec.selector", #"{"b":"c"}"#),
        // Lists without a strategy are replaced.
        (#"{"spec":{"hosts":["x"]}}"#, "spec.hosts", #"["x"]"#),
        // Sets of scalars.
        (#"{"metadata":{"finalizers":["c","a"]}}"#, "metadata.finalizers", #"["c","a","b"]"#),
        (#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}"#, "metadata.finalizers", #"["b"]"#),
        (#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["zz"]}}"#, "metadata.finalizers", #"["a","b"]"#),
        (
            #"{"metadata":{"$setElementOrder/finalizers":["b","c","a"],"finalizers":["c"]}}"#, "metadata.finalizers",
            #"["b","c","a"]"#
        ),
        (
            #"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["c","b"],"finalizers":["c"]}}"#,
            "metadata.finalizers", #"["c","b"]"#
        ),
        // Order of elements.
        (
            #"{"spec":{"$setElementOrder/containers":[{"name":"d"},{"name":"c"}],"containers":[{"name":"c","image":"q"}]}}"#,
            "spec.containers.name", "d c"
        ),
        (#"{"spec":{"$setElementOrder/containers":[{"name":"d"},{"name":"c"}]}}"#, "spec.containers.name", "d c"),
        (
            #"{"spec":{"$setElementOrder/containers":[{"name":"c"},{"name":"e"},{"name":"d"}],"containers":[{"name":"e"}]}}"#,
            "spec.containers.name", "c e d"
        ),
        (
            #"{"spec":{"$setElementOrder/containers":[{"name":"e"},{"name":"d"}],"containers":[{"name":"e"}]}}"#,
            "spec.containers.name", "e c d"
        ),
        // Only the named members stay.
        (
            #"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#, "spec.strategy",
            #"{"type":"Recreate"}"#
        ),
        (
            #"{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":null,"type":"Recreate"}}}"#,
            "spec.strategy", #"{"type":"Recreate"}"#
        ),
        // Directives and nulls with nothing to act on disappear.
        (
            #"{"spec":{"containers":[{"name":"n","env":[{"name":"X","$patch":"delete"}],"image":null}]}}"#,
            "spec.containers.0", #"{"name":"n","env":[]}"#
        ),
        (#"{"metadata":{"annotations":{"a":null,"b":"c"}}}"#, "metadata.annotations", #"{"b":"c"}"#),
        ("null", "spec.replicas", "2"),
    ])
    func `merges`(patch: String, path: String, expected: String) throws {
        #expect(show(try apply(patch), path) == expected)
    }

    /// The value at a path; a name after a list collects that member of every element.
    private func show(_ value: Value, _ path: String) -> String {
        var current: Value? = value
        for name in path.split(separator: ".").map(String.init) {
            if let elements = current?.array {
                guard let index = Int(name) else {
                    return elements.map { $0[name]?.string ?? "-" }.joined(separator: " ")
                }
                current = elements[index]
            } else {
                current = current?[name]
            }
        }
        return current?.jsonText ?? "-"
    }

    @Test(arguments: [
        (
            #"{"spec":{"containers":[{"name":"c","$patch":"foo"}]}}"#,
            PatchError.internalError("unknown patch type: foo in map: map[$patch:foo name:c]")
        ),
        (
            #"{"spec":{"containers":[{"name":"c","$setElementOrder/env":[{"name":"B"}],"env":[{"name":"C","value":"3"}]}]}}"#,
            .internalError(
                "The order in patch list:\n[map[name:C value:3]]\n doesn't match $setElementOrder list:\n[map[name:B]]\n"
            )
        ),
        (
            #"{"spec":{"containers":[{"image":"x"}]}}"#,
            .internalError("map: map[image:x] does not contain declared merge key: name")
        ),
        (
            #"{"spec":{"strategy":{"$retainKeys":["type"],"type":"R","rollingUpdate":{}}}}"#,
            .malformed("invalid patch format of retainKeys")
        ),
        (
            #"{"metadata":{"$setElementOrder/finalizers":"x"}}"#,
            .malformed("invalid patch format of setElementOrder list")
        ),
    ])
    func `that does not fit is refused`(patch: String, error: PatchError) {
        #expect(throws: error) { try apply(patch) }
    }

    @Test func `that is no object is malformed`() {
        #expect(
            throws: PatchError.malformed("json: cannot unmarshal array into Go value of type map[string]interface {}")
        ) {
            try StrategicMergePatch.parse(json: Array("[]".utf8))
        }
    }
}
