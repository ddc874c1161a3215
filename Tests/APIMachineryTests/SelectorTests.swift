import APIMachinery
import Testing

@Suite struct `Label selectors` {
    @Test(arguments: [
        ("", true), ("a=b", true), ("a==b", true), ("a!=b", false), ("a!=c", true), ("zz!=c", true), ("a", true),
        ("zz", false), ("!a", false), ("!zz", true), ("a in (b,c)", true), ("a in (c)", false), ("a notin (c)", true),
        ("zz notin (c)", true), ("n>4", true), ("n>5", false), ("n<6", true), ("a>1", false), ("a=b,n=5", true),
        ("a=b,n=6", false), (" a = b , n in ( 5 ) ", true), ("e=", true), ("a=", false), ("in=x", false),
        ("a in (,b)", true),
        ("example.com/x=y", true), ("a in ()", false), ("e in ()", true),
    ])
    func `match`(text: String, matches: Bool) throws {
        let labels = ["a": "b", "n": "5", "e": "", "example.com/x": "y"]
        let selector = try LabelRequirements.parse(text)
        #expect(selector.matches(labels) == matches)
        #expect(selector.matches { labels[$0] } == matches)
        let json = #"{"kind":"A","metadata":{"name":"x","labels":{"a":"b","e":"","example.com/x":"\u0079","n":"5"}}}"#
        #expect(ByteSelector(labels: selector, fields: []).matches(Array(json.utf8)) == matches)
    }

    @Test(arguments: [
        ("a exists", "unable to parse requirement: found 'exists', expected: in, notin, =, ==, !=, gt, lt"),
        ("a,,", "found ',', expected: identifier after ','"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a in a", "unable to parse requirement: found 'a' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in (b) value", "found 'value', expected: ',' or 'end of string'"),
        (
            "app=" + String(repeating: "a", count: 64),
            "unable to parse requirement: values[0][app]: Invalid value: \"" + String(repeating: "a", count: 64)
                + "\": must be no more than 63 bytes"
        ),
    ])
    func `are refused with upstream's words`(text: String, message: String) {
        #expect { try LabelRequirements.parse(text) } throws: { ($0 as? SelectorError)?.description == message }
    }

    @Test func `come from structured selectors`() throws {
        var selector = LabelSelector()
        selector.matchLabels = ["a": "b"]
        var expression = LabelSelectorRequirement()
        expression.key = "c"
        expression.operator = "NotIn"
        expression.values = ["d"]
        selector.matchExpressions = [expression]
        let requirements = try LabelRequirements(selector)
        #expect(requirements.matches(["a": "b"]))
        #expect(!requirements.matches(["a": "b", "c": "d"]))
        #expect(requirements.description == "a=b,c notin (d)")
        #expect(try LabelRequirements(LabelSelector()).isEmpty)
        #expect(try !LabelRequirements(value: nil).matches([:]))
        #expect(try LabelRequirements(value: ["matchLabels": ["a": "b"]]).matches(["a": "b"]))
        expression.operator = "Foo"
        selector.matchExpressions = [expression]
        #expect(throws: SelectorError.self) { try LabelRequirements(selector) }
    }
}

@Suite struct `Field selectors` {
    @Test func `match`() throws {
        let selector = try FieldRequirements.parse("metadata.name=a,spec.nodeName!=n1,status.phase==Running")
        let fields = ["metadata.name": "a", "status.phase": "Running"]
        #expect(selector.matches { fields[$0] })
        #expect(selector.requiredValue(of: "metadata.name") == "a")
        #expect(selector.requiredValue(of: "spec.nodeName") == nil)
        #expect(!selector.matches { $0 == "spec.nodeName" ? "n1" : fields[$0] })
        #expect(try FieldRequirements.parse("").isEmpty)
        #expect(try FieldRequirements.parse("spec.nodeName=").matches { _ in nil })
    }

    @Test func `escape`() throws {
        let selector = try FieldRequirements.parse(#"metadata.name=a\,b\=c\\"#)
        #expect(selector.requirements.first?.value == #"a,b=c\"#)
        #expect(try FieldRequirements.parse(selector.description) == selector)
    }

    @Test func `are refused with upstream's words`() {
        #expect { try FieldRequirements.parse("metadata.name") } throws: {
            "\($0)" == "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
        }
        #expect { try FieldRequirements.parse(#"a=b\x"#) } throws: {
            "\($0)" == #"invalid field selector: invalid escape sequence: \x"#
        }
    }
}

@Suite struct `Name validation` {
    @Test(arguments: ["a", "a-b", "a1", "1a"])
    func `accepts labels`(name: String) {
        #expect(NameValidation.dns1123Label(name).isEmpty)
        #expect(NameValidation.dns1123Subdomain(name).isEmpty)
    }

    @Test(arguments: ["", "-a", "a-", "A", "a_b", "a.b."])
    func `refuses subdomains`(name: String) {
        #expect(
            NameValidation.dns1123Subdomain(name) == [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
                    + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
                    + #"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
            ])
    }

    @Test func `has upstream's messages`() {
        #expect(
            NameValidation.dns1123Label("Bad_") == [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
                    + "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
                    + "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ])
        #expect(
            NameValidation.qualifiedName("bad key") == [
                "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
                    + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation "
                    + "is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ])
        #expect(NameValidation.qualifiedName("").first == "name part must be non-empty")
        #expect(NameValidation.qualifiedName("a/b/c").first?.hasPrefix("a valid label key must consist") == true)
        #expect(NameValidation.qualifiedName("example.com/Name").isEmpty)
        #expect(NameValidation.labelValue("").isEmpty && NameValidation.labelValue("a_b.C").isEmpty)
        #expect(NameValidation.configMapKey("..a") == ["must not start with '..'"])
        #expect(NameValidation.configMapKey("a b").first?.hasPrefix("a valid config key must consist of") == true)
        #expect(NameValidation.portNumber(0) == ["must be between 1 and 65535, inclusive"])
        #expect(NameValidation.dns1035Label("1a").first?.hasPrefix("a DNS-1035 label must consist of") == true)
        #expect(NameValidation.dns1035Label("a1").isEmpty)
        #expect(NameValidation.portName("http") == [] && !NameValidation.portName("a--b").isEmpty)
    }
}
