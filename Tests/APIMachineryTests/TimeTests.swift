import APIMachinery
import Testing

@Suite struct `Times` {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        ("2008-01-01T01:01:01Z", 1_199_149_261, "2008-01-01T01:01:01Z"),
        ("2024-02-29T23:59:59.999Z", 1_709_251_199, "2024-02-29T23:59:59Z"),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200, "2024-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59Z", -1, "1969-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", -62_135_596_800, "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59-00:30", 253_402_302_599, "10000"),
    ])
    func `are read and printed`(text: String, seconds: Int, printed: String) throws {
        let time = try #require(Time(text))
        #expect(time.seconds == Int64(seconds))
        if printed != "10000" { #expect(time.description == printed) }
    }

    @Test(arguments: [
        "", "2024", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zx", "2024-1-1T00:00:00Z",
    ])
    func `that are none are refused`(text: String) {
        #expect(Time(text) == nil)
    }

    @Test func `keep microseconds where they should`() throws {
        let time = try #require(MicroTime("2024-01-01T00:00:00.1234567Z"))
        #expect(time.description == "2024-01-01T00:00:00.123456Z")
        #expect((time + .milliseconds(900)).description == "2024-01-01T00:00:01.023456Z")
    }

    @Test func `add and subtract durations`() throws {
        let time = Time(seconds: 100)
        #expect(time + .seconds(20) == Time(seconds: 120))
        #expect(time - .seconds(20) == Time(seconds: 80))
        #expect(Time(seconds: 120) - time == .seconds(20))
        #expect(time < time + .seconds(1))
        #expect(Time.now().nanos == 0)
    }

    @Test(arguments: [
        ("1h", "1h0m0s"), ("90s", "1m30s"), ("1.5s", "1.5s"), ("300ms", "300ms"), ("0", "0s"), ("1us", "1µs"),
        ("-1m", "-1m0s"),
    ])
    func `Go durations are printed as Go prints them`(text: String, printed: String) {
        #expect(GoDuration(text)?.description == printed)
    }
}
