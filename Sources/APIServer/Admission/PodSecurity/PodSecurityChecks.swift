internal import APIMachinery

/// One check of the pod security standards, in the versions it has had.
struct PodSecurityCheck: Sendable {
    /// The pod as a check sees it.
    struct Subject {
        let annotations: [String: String]
        let spec: Value
        /// Init containers first, then the others, then ephemeral ones.
        let containers: [Value]

        init(metadata: Value, spec: Value) {
            annotations = metadata.stringMap("annotations")
            self.spec = spec
            containers = PodReferences.containers(spec)
        }

        var isWindows: Bool { spec["os"]?.text("name") == "windows" }
        var security: Value { spec["securityContext"] ?? .null }
    }

    typealias Body = @Sendable (Subject) -> PodSecurityViolation?

    let id: String
    /// First minor version that has the rule, and the rule; ascending.
    let versions: [(minor: Int, check: Body)]
    /// Checks of the baseline that this one takes the place of.
    var overrides: [String] = []

    func rule(for minor: Int?) -> Body? {
        guard let minor else { return versions.last?.check }
        return versions.last { $0.minor <= minor }?.check
    }
}

enum PodSecurityChecks {
    /// What `standard` forbids about a pod: first the checks of the baseline, then those of `restricted`.
    static func violations(_ standard: PodSecurityStandard, metadata: Value, spec: Value) -> [PodSecurityViolation] {
        guard standard.level > .privileged else { return [] }
        let subject = PodSecurityCheck.Subject(metadata: metadata, spec: spec)
        var checks: [(id: String, rule: PodSecurityCheck.Body)] = []
        var overridden = Set<String>()
        if standard.level == .restricted {
            for check in restricted {
                guard let rule = check.rule(for: standard.minor) else { continue }
                checks.append((check.id, rule))
                overridden.formUnion(check.overrides)
            }
        }
        let base = baseline.compactMap { check in
            overridden.contains(check.id) ? nil : check.rule(for: standard.minor).map { (check.id, $0) }
        }
        return (base + checks).compactMap { $0.1(subject) }
    }

    /// Sorted by their names, as upstream's messages are.
    static let baseline: [PodSecurityCheck] = [
        PodSecurityCheck(id: "appArmorProfile", versions: [(0, BaselineRules.appArmor)]),
        PodSecurityCheck(id: "capabilities_baseline", versions: [(0, BaselineRules.capabilities)]),
        PodSecurityCheck(id: "hostNamespaces", versions: [(0, BaselineRules.hostNamespaces)]),
        PodSecurityCheck(id: "hostPathVolumes", versions: [(0, BaselineRules.hostPathVolumes)]),
        PodSecurityCheck(id: "hostPorts", versions: [(0, BaselineRules.hostPorts)]),
        PodSecurityCheck(id: "hostProbesAndHostLifecycle", versions: [(34, BaselineRules.probeHosts)]),
        PodSecurityCheck(id: "privileged", versions: [(0, BaselineRules.privileged)]),
        PodSecurityCheck(
            id: "procMount",
            versions: [
                (0, { BaselineRules.procMount($0) }),
                // A pod with users of its own may see all of /proc: it is not the host's root there.
                (35, { $0.spec["hostUsers"]?.bool == false ? nil : BaselineRules.procMount($0) }),
            ]),
        PodSecurityCheck(
            id: "seLinuxOptions",
            versions: [
                (0, { BaselineRules.seLinux($0, BaselineRules.seLinuxTypes) }),
                (31, { BaselineRules.seLinux($0, BaselineRules.seLinuxTypes.union(["container_engine_t"])) }),
            ]),
        PodSecurityCheck(
            id: "seccompProfile_baseline",
            versions: [(0, BaselineRules.seccompAnnotations), (19, BaselineRules.seccomp)]),
        PodSecurityCheck(
            id: "sysctls",
            versions: BaselineRules.sysctlVersions.map { minor, allowed in
                (minor, { @Sendable in BaselineRules.sysctls($0, allowed) })
            }),
        PodSecurityCheck(id: "windowsHostProcess", versions: [(0, BaselineRules.hostProcess)]),
    ]

    static let restricted: [PodSecurityCheck] = [
        PodSecurityCheck(
            id: "allowPrivilegeEscalation",
            versions: [
                (8, RestrictedRules.privilegeEscalation), (25, notOnWindows(RestrictedRules.privilegeEscalation)),
            ]),
        PodSecurityCheck(
            id: "capabilities_restricted",
            versions: [(22, RestrictedRules.capabilities), (25, notOnWindows(RestrictedRules.capabilities))],
            overrides: ["capabilities_baseline"]),
        PodSecurityCheck(
            id: "restrictedVolumes", versions: [(0, RestrictedRules.volumes)], overrides: ["hostPathVolumes"]),
        PodSecurityCheck(id: "runAsNonRoot", versions: [(0, RestrictedRules.runAsNonRoot)]),
        PodSecurityCheck(id: "runAsUser", versions: [(23, RestrictedRules.runAsUser)]),
        PodSecurityCheck(
            id: "seccompProfile_restricted",
            versions: [(19, RestrictedRules.seccomp), (25, notOnWindows(RestrictedRules.seccomp))],
            overrides: ["seccompProfile_baseline"]),
    ]

    private static func notOnWindows(_ rule: @escaping PodSecurityCheck.Body) -> PodSecurityCheck.Body {
        { $0.isWindows ? nil : rule($0) }
    }
}

/// The words of the messages.
enum PodSecurityText {
    static func quote(_ items: [String]) -> String { "\"" + items.joined(separator: "\", \"") + "\"" }

    static func plural(_ word: String, _ count: Int, _ many: String? = nil) -> String {
        count == 1 ? word : many ?? word + "s"
    }

    /// `containers "a", "b"`.
    static func containers(_ names: [String]) -> String { plural("container", names.count) + " " + quote(names) }

    /// `pod and container "a"`.
    static func setters(pod: Bool, _ containers: [String]) -> String {
        var setters: [String] = pod ? ["pod"] : []
        if !containers.isEmpty { setters.append(Self.containers(containers)) }
        return setters.joined(separator: " and ")
    }
}
