internal import APIMachinery
internal import Glibc

/// One figure: named numbers, each name with its unit. Order is kept.
struct Figure: Sendable {
    var numbers: [(name: String, value: Double)]

    init(_ numbers: KeyValuePairs<String, Double>) {
        self.numbers = numbers.map { ($0.key, $0.value) }
    }

    subscript(name: String) -> Double? { numbers.first { $0.name == name }?.value }

    /// The middle of several runs, number by number.
    static func median(_ runs: [Figure]) -> Figure {
        var result = Figure([:])
        for (name, _) in runs.first?.numbers ?? [] {
            let values = runs.compactMap { $0[name] }.sorted()
            let middle = values.count / 2
            let value = values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
            result.numbers.append((name, value))
        }
        return result
    }
}

/// The results so far, written after every figure so that an accident costs little.
struct Report {
    private var value: Value
    private let path: String

    init(label: String, version: String, path: String) {
        self.path = path
        value = [
            "what": "medians; server_cpu_ms_per_op is user and system time of the whole Skiff process, per answer",
            "label": .string(label),
            "date": .string(Self.date),
            "version": .string(version),
            "machine": Self.machine,
        ]
    }

    mutating func add(_ part: String, _ name: String, _ runs: [Figure]) throws {
        var figure = Figure.median(runs)
        figure.numbers.append(("runs", Double(runs.count)))
        value.set(Self.value(figure), at: [part, name])
        if let upstream = Upstream.figure(part, name) {
            value.set(Self.value(upstream), at: [part, name, "upstream"])
        }
        let shown = figure.numbers.map { "\($0.name)=\(Self.rounded($0.value))" }.joined(separator: " ")
        print("\(part) \(name): \(shown)")
        // What is not a terminal would be written at the very end.
        fflush(nil)
        try SmallFile.write(Self.indented(value, "") + "\n", to: path)
    }

    private static func value(_ figure: Figure) -> Value {
        var value: Value = [:]
        for (name, number) in figure.numbers {
            let number = rounded(number)
            value[name] = number == number.rounded() ? .int(Int64(number)) : .double(number)
        }
        return value
    }

    private static func rounded(_ number: Double) -> Double { (number * 1000).rounded() / 1000 }

    /// JSON for people: results are committed and read in diffs.
    private static func indented(_ value: Value, _ indent: String) -> String {
        guard case .object(let fields) = value, !fields.isEmpty else { return value.jsonText }
        let lines = fields.entries.map { "\(indent)  \"\($0.key)\": \(indented($0.value, indent + "  "))" }
        return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    }

    // MARK: Circumstances

    private static var date: String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static var machine: Value {
        let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        let kernel = (try? SmallFile.read("/proc/sys/kernel/osrelease"))?.split(separator: "\n").first
        let processor = (try? SmallFile.read("/proc/cpuinfo"))?.split(separator: "\n")
            .first { $0.hasPrefix("model name") }?.split(separator: ":").last?.drop { $0 == " " }
        let load = (try? SmallFile.read("/proc/loadavg"))?.split(separator: " ").first
        return [
            "cores": .int(Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            "memory_mib": .int(Int64(memory >> 20)),
            "kernel": .string(kernel.map(String.init) ?? "unknown"),
            "processor": .string(processor.map(String.init) ?? "unknown"),
            "load_average_before": .string(load.map(String.init) ?? "unknown"),
        ]
    }
}
