import APIMachinery
import Testing

@Suite struct `Quantity text` {
    @Test(arguments: [
        ("0", "0"), ("1", "1"), ("100m", "100m"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("1024Mi", "1Gi"),
        ("1000m", "1"), ("1000", "1k"), ("1500", "1500"), ("1500m", "1500m"), ("1.5", "1500m"), ("2000M", "2G"),
        ("1e3", "1e3"), ("12e6", "12e6"), ("1E", "1E"), ("1Ei", "1Ei"), ("0.1Ki", "102400m"), ("100Ki", "100Ki"),
        ("-1Gi", "-1Gi"), ("+2", "2"), ("1n", "1n"), ("1u", "1u"), ("0.0000000001", "1n"), ("512", "512"),
        ("1023Ki", "1023Ki"), ("0.5Gi", "512Mi"), ("1.25Ki", "1280"), ("64Mi", "64Mi"), ("1e-3", "1e-3"),
        ("123456789", "123456789"), ("0Mi", "0"), ("00.5", "500m"), (".5", "500m"), ("5.", "5"), ("1E3", "1e3"),
        ("9223372036854775807", "9223372036854775807"), ("100000000000000000000", "100E"),
    ])
    func `is printed canonically`(text: String, canonical: String) throws {
        #expect(try Quantity(parsing: text).description == canonical)
    }

    @Test(arguments: ["", "abc", "1x", "1.2.3", "--1", "1 Gi", "1e", "mi", "1kk", "1Gi1", "0x10", "1e99999999999"])
    func `that is none is refused`(text: String) {
        #expect(Quantity(text) == nil)
    }

    @Test func `is refused with upstream's words`() {
        #expect(
            throws: QuantityError.format,
            performing: { try Quantity(parsing: "1x") })
        #expect(throws: QuantityError.suffix) { try Quantity(parsing: "1mi") }
        #expect(
            QuantityError.format.description
                == "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    }
}

@Suite struct `Quantity arithmetic` {
    @Test func `compares across notations`() throws {
        #expect(try Quantity(parsing: "1") == Quantity(parsing: "1000m"))
        #expect(try Quantity(parsing: "1Gi") > Quantity(parsing: "1G"))
        #expect(try Quantity(parsing: "-1") < Quantity(parsing: "1n"))
        #expect(try Quantity(parsing: "1Ki").hashValue == Quantity(parsing: "1024").hashValue)
    }

    @Test func `rounds away from zero`() throws {
        #expect(try Quantity(parsing: "1500m").value == 2)
        #expect(try Quantity(parsing: "-1500m").value == -2)
        #expect(try Quantity(parsing: "1").milliValue == 1000)
        #expect(try Quantity(parsing: "1n").milliValue == 1)
        #expect(try Quantity(parsing: "8Ei").value == Int64.max)
        #expect(try Quantity(parsing: "1Gi").value == 1 << 30)
    }

    @Test func `adds and subtracts exactly`() throws {
        #expect(try (Quantity(parsing: "100m") + Quantity(parsing: "1")).description == "1100m")
        #expect(try (Quantity(parsing: "1Gi") - Quantity(parsing: "512Mi")).description == "512Mi")
        #expect(try (Quantity.zero + Quantity(parsing: "1Mi")).description == "1Mi")
        #expect(try (Quantity(parsing: "1") - Quantity(parsing: "1")).isZero)
        var total = Quantity.zero
        for _ in 0..<10 { total += Quantity(milli: 100) }
        #expect(total.description == "1")
    }
}

@Suite struct `Int or string` {
    @Test func `scales per cents`() {
        #expect(IntOrString.string("25%").scaled(of: 10, roundingUp: true) == 3)
        #expect(IntOrString.string("25%").scaled(of: 10, roundingUp: false) == 2)
        #expect(IntOrString.int(4).scaled(of: 10, roundingUp: true) == 4)
        #expect(IntOrString.string("x").scaled(of: 10, roundingUp: true) == nil)
        #expect(IntOrString.string("80").intValue == 80)
    }
}
