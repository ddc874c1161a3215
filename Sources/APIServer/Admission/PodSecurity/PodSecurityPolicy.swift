internal import APIMachinery

/// How much a pod may ask for (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
enum PodSecurityLevel: Int, Sendable, Comparable {
    case privileged, baseline, restricted

    init?(_ text: String) {
        switch text {
        case "privileged": self = .privileged
        case "baseline": self = .baseline
        case "restricted": self = .restricted
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .privileged: "privileged"
        case .baseline: "baseline"
        case .restricted: "restricted"
        }
    }

    static func < (lhs: PodSecurityLevel, rhs: PodSecurityLevel) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// A level as one release of Kubernetes understood it.
struct PodSecurityStandard: Sendable, Hashable, CustomStringConvertible {
    var level = PodSecurityLevel.privileged
    /// Minor version of Kubernetes 1; `nil` is the newest.
    var minor: Int?

    var description: String { level.text + ":" + (minor.map { "v1.\($0)" } ?? "latest") }

    /// `latest` or `v1.N`.
    static func minor(_ text: String) -> Int?? {
        if text == "latest" { return .some(nil) }
        guard text.hasPrefix("v1.") else { return nil }
        let digits = text.dropFirst(3)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            digits == "0" || digits.first != "0", let minor = Int(digits)
        else { return nil }
        return .some(minor)
    }
}

/// What the labels of a namespace ask for.
struct PodSecurityPolicy: Sendable, Equatable {
    var enforce = PodSecurityStandard()
    var audit = PodSecurityStandard()
    var warn = PodSecurityStandard()
    var errors: [FieldError] = []

    static let labelPrefix = "pod-security.kubernetes.io/"

    init(labels: [String: String]) {
        guard labels.keys.contains(where: { $0.hasPrefix(Self.labelPrefix) }) else { return }
        let enforced = Reading(labels, "enforce", onError: .restricted)
        let audited = Reading(labels, "audit", onError: .privileged)
        let warned = Reading(labels, "warn", onError: .privileged)
        enforce = enforced.standard
        audit = audited.standard
        warn = warned.standard
        errors = enforced.errors + audited.errors + warned.errors
        // Who is held to a level is also warned of it, where templates are concerned.
        guard !warned.level.isGiven, enforced.level.isValid, enforce.level > warn.level else { return }
        warn.level = enforce.level
        if !warned.version.isGiven, enforced.version.isValid { warn.minor = enforce.minor }
    }

    /// The two labels of one mode.
    private struct Reading {
        struct Found {
            var isGiven = false
            var isValid = false
        }

        var standard = PodSecurityStandard()
        var level = Found()
        var version = Found()
        var errors: [FieldError] = []

        init(_ labels: [String: String], _ mode: String, onError fallback: PodSecurityLevel) {
            if let text = labels[labelPrefix + mode] {
                let known = PodSecurityLevel(text)
                level = Found(isGiven: true, isValid: known != nil)
                standard.level = known ?? fallback
                if known == nil { note(mode, text, "must be one of privileged, baseline, restricted") }
            }
            if let text = labels[labelPrefix + mode + "-version"] {
                let known = PodSecurityStandard.minor(text)
                version = Found(isGiven: true, isValid: known != nil)
                standard.minor = known ?? nil
                if known == nil { note(mode + "-version", text, "must be \"latest\" or \"v1.x\"") }
            }
        }

        private mutating func note(_ label: String, _ text: String, _ why: String) {
            errors.append(.invalid("metadata.labels[\(labelPrefix)\(label)]", text, why))
        }
    }

    var isPrivileged: Bool {
        errors.isEmpty && enforce.level == .privileged && audit.level == .privileged && warn.level == .privileged
    }
}

/// One thing about a pod that a standard does not allow.
struct PodSecurityViolation: Sendable, Hashable {
    var reason: String
    var detail: String

    init(_ reason: String, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

extension [PodSecurityViolation] {
    /// `hostPort (container "a" uses hostPort 80), privileged (…)`.
    var details: String {
        map { $0.detail.isEmpty ? $0.reason : "\($0.reason) (\($0.detail))" }.joined(separator: ", ")
    }

    var reasons: String { map(\.reason).joined(separator: ", ") }
}
