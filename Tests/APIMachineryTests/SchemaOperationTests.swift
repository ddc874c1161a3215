import APIMachinery
import Testing

@Suite struct `Strict checks` {
    private func check(_ text: String) throws -> StrictReport {
        Sample.schema.check(try json(text), as: Sample.widget)
    }

    @Test func `name unknown fields by path`() throws {
        let report = try check(
            #"{"kind":"Widget","apiVersion":"sample/v1","bogus":1,"spec":{"containers":[{"name":"c","Image":"x"}],"x":{}}}"#
        )
        #expect(
            report.warnings == [
                #"unknown field "bogus""#, #"unknown field "spec.containers[0].Image""#, #"unknown field "spec.x""#,
            ])
        #expect(report.typeError == nil)
        #expect(
            report.strictText == #"strict decoding error: unknown field "bogus", "#
                + #"unknown field "spec.containers[0].Image", unknown field "spec.x""#)
    }

    @Test func `put duplicates first`() throws {
        var report = try check(#"{"bogus":1}"#)
        report.addDuplicates(["spec.replicas"])
        #expect(report.warnings == [#"duplicate field "spec.replicas""#, #"unknown field "bogus""#])
    }

    @Test(arguments: [
        (
            #"{"spec":{"replicas":"3"}}"#,
            "json: cannot unmarshal string into Go struct field WidgetSpec.spec.replicas of type int32"
        ),
        (
            #"{"spec":{"replicas":1.5}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field WidgetSpec.spec.replicas of type int32"
        ),
        (
            #"{"spec":{"containers":[{"name":5}]}}"#,
            "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string"
        ),
        (
            #"{"spec":{"containers":[{"resources":{"limits":["cpu"]}}]}}"#,
            "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of "
                + "type v1.ResourceList"
        ),
        (#"{"spec":"x"}"#, "json: cannot unmarshal string into Go struct field Widget.spec of type v1.WidgetSpec"),
        (
            #"{"spec":{"containers":{}}}"#,
            "json: cannot unmarshal object into Go struct field WidgetSpec.spec.containers of type []v1.Container"
        ),
        (#"[]"#, "json: cannot unmarshal array into Go value of type v1.Widget"),
        (
            #"{"metadata":{"labels":{"a":1}}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
        ),
        (
            #"{"spec":{"containers":[{"resources":{"limits":{"cpu":"1x"}}}]}}"#,
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ),
        (#"{"spec":{"containers":[{"secret":"%"}]}}"#, "illegal base64 data at input byte 0"),
        (
            #"{"spec":{"containers":[{"port":1.5}]}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field Container.spec.containers.port of type int32"
        ),
    ])
    func `name the wrong type as Go does`(text: String, message: String) throws {
        #expect(try check(text).typeError == message)
        #expect { try Sample.schema.normalised(try json(text), as: Sample.widget) } throws: { "\($0)" == message }
    }
}

@Suite struct `Normalisation` {
    @Test(arguments: [
        (#"{"spec":{}}"#, #"{"metadata":{},"spec":{"containers":null,"strategy":{}}}"#),
        (
            #"{"spec":{"replicas":0,"minReadySeconds":0,"paused":false,"hosts":[],"selector":{},"containers":[]}}"#,
            #"{"metadata":{},"spec":{"containers":[],"strategy":{}}}"#
        ),
        (
            #"{"apiVersion":"sample/v1","spec":{"containers":[{"image":"","unknown":1,"name":"c"}]},"kind":"Widget"}"#,
            #"{"kind":"Widget","apiVersion":"sample/v1","metadata":{},"spec":{"containers":[{"name":"c","#
                + #""protocol":"TCP","resources":{}}],"strategy":{}}}"#
        ),
        (
            #"{"spec":{"containers":[{"name":"c","protocol":"UDP","resources":{"limits":{"memory":"1024Mi","cpu":0.5}}}],"#
                + #""when":"2024-01-01T01:00:00+01:00","minReadySeconds":3}}"#,
            #"{"metadata":{},"spec":{"containers":[{"name":"c","protocol":"UDP","resources":{"limits":{"cpu":"500m","#
                + #""memory":"1Gi"}}}],"minReadySeconds":3,"strategy":{},"when":"2024-01-01T00:00:00Z"}}"#
        ),
        (#"{"spec":null,"metadata":null}"#, #"{"metadata":{}}"#),
        (
            #"{"metadata":{"labels":{"z":"1","a":null}}}"#, #"{"metadata":{"labels":{"a":"","z":"1"}}}"#
        ),
    ])
    func `is Go's round trip`(text: String, expected: String) throws {
        let normal = try Sample.schema.normalised(try json(text), as: Sample.widget)
        #expect(normal.jsonText == expected)
        #expect(try Sample.schema.normalised(normal, as: Sample.widget).jsonText == expected)
    }
}

@Suite struct `Protobuf transcoding` {
    private let text =
        #"{"kind":"Widget","apiVersion":"sample/v1","metadata":{"finalizers":["x","y"],"labels":{"a":"b","c":"d"},"#
        + #""name":"w"},"spec":{"containers":[{"args":["p","q"],"env":[{"name":"E","value":"v"}],"image":"i","#
        + #""name":"c","port":"http","resources":{"limits":{"cpu":"500m"}},"secret":"aGk="}],"replicas":-3,"#
        + #""strategy":{"rollingUpdate":{"maxSurge":1},"type":"R"},"when":"2024-01-01T00:00:00Z"}}"#

    @Test func `is lossless`() throws {
        let value = try json(text)
        let bytes = try Sample.schema.encodeProtobuf(value, as: Sample.widget)
        #expect(Array(bytes.prefix(4)) == [0x6B, 0x38, 0x73, 0])
        #expect(try Sample.schema.decodeProtobuf(bytes, as: Sample.widget) == value)
        let envelope = try ProtobufEnvelope(decoding: bytes)
        #expect(envelope.kind == "Widget" && envelope.apiVersion == "sample/v1")
    }

    @Test func `has upstream's bytes`() throws {
        let bytes = try Sample.schema.encodeProtobufMessage(["name": "A", "value": "b"], as: Sample.variable)
        #expect(bytes == [0x0A, 1, 0x41, 0x12, 1, 0x62])
        // A field that Go holds by value is written even when it is empty.
        #expect(try Sample.schema.encodeProtobufMessage([:], as: Sample.variable) == [0x0A, 0])
        // Negative numbers take ten bytes; structs embedded inline are messages of their own.
        let spec = try Sample.schema.encodeProtobufMessage(["replicas": -1], as: Sample.spec)
        #expect(spec.prefix(11) == [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
        #expect(
            try Sample.schema.encodeProtobufMessage(["type": "R"], as: Sample.strategy) == [0x0A, 1, 0x52, 0x12, 0])
    }

    @Test func `zero values of fields held by value are dropped`() throws {
        // paused: false, replicas: 0 (a pointer in nothing of the sample), an empty container name.
        let bytes: [UInt8] = [0x38, 0, 0x12, 2, 0x0A, 0]
        let value = try Sample.schema.decodeProtobufMessage(bytes, as: Sample.spec)
        #expect(value.jsonText == #"{"containers":[{"name":""}]}"#)
    }

    @Test func `truncations are refused, never crash`() throws {
        let bytes = try Sample.schema.encodeProtobuf(try json(text), as: Sample.widget)
        for length in 0..<bytes.count {
            _ = try? Sample.schema.decodeProtobuf(Array(bytes[..<length]), as: Sample.widget)
        }
        #expect(throws: SchemaError.self) { try ProtobufEnvelope(decoding: Array("{}".utf8)) }
    }
}
