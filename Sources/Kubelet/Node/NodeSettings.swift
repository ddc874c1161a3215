internal import APIMachinery

/// What an administrator may set about this node's resources, under the names of the kubelet's own flags
/// (https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/): `eviction-hard=memory.available<100Mi`.
package struct NodeSettings: Sendable, Equatable {
    /// Where the node's own HTTPS server listens; `nil` for what the instance's other settings make of it.
    package var address: String?
    package var port: Int?
    /// Directory of static pods' manifests; `nil` for the one in the data directory.
    package var staticPodDirectory: String?
    /// Pods that the node takes.
    var podsMax = 110
    /// Processes and threads that one pod may have; 0 or less for no bound. Upstream has no bound; a node that a
    /// single pod can fill with processes is of use to nobody, so there is one here.
    var podPIDsMax: Int64 = 4096
    /// What is kept for the system and for Kubernetes itself.
    var systemReserved: [String: Quantity] = [:]
    var kubeReserved: [String: Quantity] = [:]
    var eviction = EvictionSettings()
    var images = ImageCollectionSettings()
    /// Size from which a container's log is put aside, and how many files it may have.
    var containerLogBytesMax = 10 << 20
    var containerLogFilesMax = 5
    var shutdown = ShutdownSettings()

    package init() {}

    /// Takes `name=value` each; the last one of a name counts.
    package init(arguments: [String]) throws(NodeSettingsError) {
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw NodeSettingsError(argument, "it must be NAME=VALUE") }
            var name = parts[0]
            while name.hasPrefix("-") { name.removeFirst() }
            do {
                try set(name, to: parts[1])
            } catch {
                throw NodeSettingsError(argument, error.reason)
            }
        }
        try eviction.check()
        guard images.lowPercent < images.highPercent else {
            throw NodeSettingsError(
                "image-gc-low-threshold=\(images.lowPercent)",
                "it must be below image-gc-high-threshold, which is \(images.highPercent)")
        }
        guard shutdown.criticalGrace <= shutdown.grace else {
            throw NodeSettingsError(
                "shutdown-grace-period-critical-pods", "it must not be more than shutdown-grace-period")
        }
    }

    private mutating func set(_ name: String, to text: String) throws(SettingText.Refusal) {
        switch name {
        case "max-pods": podsMax = try SettingText.number(text, 1...10_000)
        case "pod-max-pids": podPIDsMax = Int64(try SettingText.number(text, -1...4_194_304))
        case "address": address = text
        case "port": port = try SettingText.number(text, 1...65_535)
        case "pod-manifest-path": staticPodDirectory = text
        case "system-reserved": systemReserved = try SettingText.quantities(text)
        case "kube-reserved": kubeReserved = try SettingText.quantities(text)
        case "eviction-hard": eviction.hard = try EvictionThreshold.parse(text)
        case "eviction-soft": eviction.soft = try EvictionThreshold.parse(text)
        case "eviction-soft-grace-period": eviction.softGrace = try EvictionThreshold.durations(text)
        case "eviction-minimum-reclaim": eviction.minimumReclaim = try EvictionThreshold.amounts(text)
        case "eviction-max-pod-grace-period": eviction.podGraceMax = Int64(try SettingText.number(text, 0...86_400))
        case "eviction-pressure-transition-period": eviction.transitionPeriod = try SettingText.duration(text)
        case "image-gc-high-threshold": images.highPercent = try SettingText.number(text, 0...100)
        case "image-gc-low-threshold": images.lowPercent = try SettingText.number(text, 0...100)
        case "minimum-image-ttl-duration", "image-minimum-gc-age": images.ageMin = try SettingText.duration(text)
        case "image-maximum-gc-age": images.ageMax = try SettingText.duration(text)
        case "container-log-max-size":
            guard let size = Quantity(text)?.value, size >= 4096 else {
                throw SettingText.Refusal("it must be a size of at least 4Ki, such as 10Mi")
            }
            containerLogBytesMax = Int(size)
        case "container-log-max-files": containerLogFilesMax = try SettingText.number(text, 2...100)
        case "shutdown-grace-period": shutdown.grace = try SettingText.duration(text)
        case "shutdown-grace-period-critical-pods": shutdown.criticalGrace = try SettingText.duration(text)
        case "shutdown-grace-period-by-pod-priority": shutdown.byPriority = try ShutdownSettings.groups(text)
        default: throw SettingText.Refusal("Skiff knows no such setting of the kubelet")
        }
    }
}

/// A setting of the kubelet that cannot be used.
package struct NodeSettingsError: Error, CustomStringConvertible {
    package let description: String

    init(_ argument: String, _ reason: String) {
        description = "--kubelet-arg \(argument): \(reason)"
    }
}

/// Reads values as the kubelet's flags write them.
enum SettingText {
    struct Refusal: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    static func number(_ text: String, _ range: ClosedRange<Int>) throws(Refusal) -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw Refusal("it must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// `cpu=500m,memory=1Gi`.
    static func quantities(_ text: String) throws(Refusal) -> [String: Quantity] {
        var result: [String: Quantity] = [:]
        for (name, value) in try pairs(text) {
            guard let quantity = Quantity(value), quantity.sign >= 0 else {
                throw Refusal("\"\(value)\" is no amount of \(name)")
            }
            result[name] = quantity
        }
        return result
    }

    /// `a=1,b=2`; empty for nothing.
    static func pairs(_ text: String) throws(Refusal) -> [(String, String)] {
        var result: [(String, String)] = []
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard sides.count == 2 else { throw Refusal("\"\(part)\" must be NAME=VALUE") }
            result.append((sides[0], sides[1]))
        }
        return result
    }

    /// Go's durations: `1h2m3.5s`, `100ms`, `0`.
    static func duration(_ text: String) throws(Refusal) -> Duration {
        if text == "0" { return .zero }
        let units: [(String, Double)] = [("ms", 0.001), ("us", 1e-6), ("ns", 1e-9), ("h", 3600), ("m", 60), ("s", 1)]
        var seconds = 0.0
        var rest = Substring(text)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isNumber || $0 == "." }
            let after = rest.dropFirst(digits.count)
            guard let number = Double(digits), let unit = units.first(where: { after.hasPrefix($0.0) }) else {
                throw Refusal("\"\(text)\" is no duration such as 30s or 5m0s")
            }
            seconds += number * unit.1
            rest = after.dropFirst(unit.0.count)
        }
        guard !text.isEmpty, seconds < 1e9 else { throw Refusal("\"\(text)\" is no duration such as 30s or 5m0s") }
        return .seconds(seconds)
    }
}
