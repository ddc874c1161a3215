import APIMachinery
import Testing

@Suite struct `Field sets` {
    private func set(_ text: String) throws -> FieldSet {
        try #require(FieldSet(fieldsV1: try json(text)))
    }

    @Test func `are algebra on FieldsV1`() throws {
        let a = try set(#"{"f:data":{".":{},"f:a":{},"f:b":{}},"f:x":{}}"#)
        let b = try set(#"{"f:data":{"f:b":{},"f:c":{}}}"#)
        #expect(a.union(b) == (try set(#"{"f:data":{".":{},"f:a":{},"f:b":{},"f:c":{}},"f:x":{}}"#)))
        #expect(a.subtracting(b) == (try set(#"{"f:data":{".":{},"f:a":{}},"f:x":{}}"#)))
        #expect(a.intersection(b) == (try set(#"{"f:data":{"f:b":{}}}"#)))
        #expect(b.subtracting(b).isEmpty)
    }

    @Test func `keep what is below a removed path, unless subtrees go`() throws {
        let a = try set(#"{"f:status":{".":{},"f:phase":{}}}"#)
        let b = try set(#"{"f:status":{}}"#)
        #expect(a.subtracting(b) == (try set(#"{"f:status":{"f:phase":{}}}"#)))
        #expect(a.subtractingSubtrees(b).isEmpty)
    }

    @Test func `are read in any order, without elements of a later version`() throws {
        #expect(
            try set(#"{"f:b":{},"q:new":{},"f:a":{"k:{\"b\":1,\"a\":2}":{}}}"#).value.jsonText
                == #"{"f:a":{"k:{\"a\":2,\"b\":1}":{}},"f:b":{}}"#)
        #expect(FieldSet(fieldsV1: try json(#"{"f:a":1}"#)) == nil)
        #expect(FieldSet(fieldsV1: try json(#"{"x":{}}"#)) == nil)
    }

    @Test func `print their paths as conflicts name them`() throws {
        let a = try set(
            #"{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}},"f:replicas":{}}}"#)
        #expect(
            a.pathTexts == [
                ".spec.replicas", #".spec.ports[port=80,protocol="TCP"]"#,
                #".spec.ports[port=80,protocol="TCP"].name"#,
            ])
    }

    @Test func `of patterns are what lies on the way and below`() throws {
        let a = try set(#"{"f:spec":{".":{},"f:a":{"k:{\"n\":1}":{".":{},"f:r":{"f:x":{}},"f:s":{}}},"f:b":{}}}"#)
        #expect(
            a.matching([["f:spec", "f:a", "*", "f:r"]])
                == (try set(#"{"f:spec":{".":{},"f:a":{"k:{\"n\":1}":{".":{},"f:r":{"f:x":{}}}}}}"#)))
    }
}

@Suite struct `Comparing, merging and removing by schema` {
    private let schema = Sample.schema

    private func fields(_ text: String) throws -> String {
        schema.fieldSet(of: try json(text), as: Sample.widget).value.jsonText
    }

    @Test func `an applier owns its leaves, map entries and list elements`() throws {
        #expect(
            try fields(#"{"spec":{"containers":[{"name":"c","image":"i"}],"selector":{"a":"b"},"hosts":["x"]}}"#)
                == #"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{}}},"#
                + #""f:hosts":{},"f:selector":{"f:a":{}}}}"#)
        #expect(try fields(#"{"spec":{"selector":{}}}"#) == #"{"f:spec":{"f:selector":{}}}"#)
        #expect(
            try fields(#"{"metadata":{"finalizers":["a/b"]}}"#) == #"{"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}}}}"#)
        #expect(
            try fields(#"{"spec":{"containers":[{"name":"c"},{"name":"c"}]}}"#)
                == #"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{}}}}"#)
    }

    @Test func `comparing names what was added, modified and removed`() throws {
        let old = try json(
            #"{"spec":{"replicas":1,"containers":[{"name":"c","image":"i"},{"name":"d"}],"selector":{"a":"1","b":"2"}}}"#
        )
        let new = try json(
            #"{"spec":{"replicas":2,"containers":[{"name":"c","image":"j"},{"name":"e"}],"selector":{"a":"1"}}}"#)
        let found = schema.compare(old, new, as: Sample.widget)
        #expect(found.modified.pathTexts == [".spec.replicas", #".spec.containers[name="c"].image"#])
        #expect(found.added.pathTexts == [#".spec.containers[name="e"]"#, #".spec.containers[name="e"].name"#])
        #expect(
            found.removed.pathTexts == [
                #".spec.containers[name="d"]"#, #".spec.containers[name="d"].name"#, ".spec.selector.b",
            ])
        #expect(schema.compare(old, old, as: Sample.widget).isEmpty)
    }

    @Test(arguments: [
        (["a", "b", "c"], ["c", "a"], ["b", "c", "a"]),
        (["a", "b"], ["b", "x", "a"], ["b", "x", "a"]),
        (["a", "b", "c"], ["x"], ["a", "b", "c", "x"]),
        (["a", "b", "c"], ["a", "x", "c"], ["a", "b", "x", "c"]),
        ([], ["x", "y"], ["x", "y"]),
    ])
    func `a merged list keeps the applier's order`(live: [String], applied: [String], merged: [String]) {
        func widget(_ names: [String]) -> Value {
            ["spec": ["containers": .array(names.map { ["name": .string($0)] })]]
        }
        let result = schema.merge(widget(applied), into: widget(live), as: Sample.widget)
        #expect(result == widget(merged))
    }

    @Test func `what is not mentioned stays, and null clears`() throws {
        let live = try json(#"{"spec":{"replicas":1,"paused":true,"hosts":["a"],"selector":{"a":"1"}}}"#)
        let applied = try json(#"{"spec":{"replicas":null,"hosts":["b"],"selector":{"b":"2"}}}"#)
        #expect(
            schema.merge(applied, into: live, as: Sample.widget)
                == (try json(#"{"spec":{"replicas":null,"paused":true,"hosts":["b"],"selector":{"a":"1","b":"2"}}}"#)))
    }

    @Test func `paths are removed, and what becomes empty is null`() throws {
        let object = try json(#"{"spec":{"replicas":1,"containers":[{"name":"c"},{"name":"d"}],"selector":{"a":"1"}}}"#)
        let set = try #require(
            FieldSet(
                fieldsV1: try json(#"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{}},"f:selector":{"f:a":{}}}}"#)))
        #expect(
            schema.removing(set, from: object, as: Sample.widget)
                == (try json(#"{"spec":{"replicas":1,"containers":[{"name":"d"}],"selector":null}}"#)))
    }

    @Test(arguments: [
        (#"{"spec":{"bogus":1}}"#, ".spec.bogus: field not declared in schema"),
        (
            #"{"spec":{"containers":[{"name":"c"},{"name":"c"}]}}"#,
            #".spec.containers: duplicate entries for key [name="c"]"#
        ),
        (#"{"spec":{"containers":{}}}"#, ".spec.containers: expected list, got &{map[]}"),
        (#"{"spec":{"selector":[]}}"#, ".spec.selector: expected map, got &{[]}"),
        (#"{"spec":{"replicas":"x"}}"#, ".spec.replicas: expected numeric (int or float), got string"),
        (#"{"spec":{"selector":{"a":1}}}"#, ".spec.selector.a: expected string, got &value.valueUnstructured{Value:1}"),
        (
            #"{"spec":{"selector":{"a":12500000}}}"#,
            ".spec.selector.a: expected string, got &value.valueUnstructured{Value:1.25e+07}"
        ),
        (#"{"spec":{"paused":1}}"#, ".spec.paused: expected boolean, got &{1}"),
    ])
    func `what cannot be applied is refused in upstream's words`(text: String, refusal: String) throws {
        #expect(schema.applyRefusal(of: try json(text), as: Sample.widget) == refusal)
    }
}
