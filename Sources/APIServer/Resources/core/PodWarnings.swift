internal import APIMachinery

/// Advice about pods and templates, in upstream's words and order.
struct PodWarnings {
    private static let labels = [
        "beta.kubernetes.io/arch": "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os": "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region":
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        "failure-domain.beta.kubernetes.io/zone": "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "beta.kubernetes.io/instance-type": "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ]
    private static let annotations = [
        (
            "scheduler.alpha.kubernetes.io/critical-pod",
            "non-functional in v1.16+; use the \"priorityClassName\" field instead"
        ),
        ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
        ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ]
    private static let volumes = [
        ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
        ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
        ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
        ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
        ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("ephemeral", ""),
        ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ]

    private let spec: Value
    private let metadata: Value
    private let isTemplate: Bool
    private let path: FieldPath
    private let metadataPath: FieldPath
    private(set) var found: [String] = []

    /// A pod, when it is made.
    static func pod(_ pod: Value) -> [String] {
        var warnings = PodWarnings(pod, nil)
        warnings.gather()
        let violations = NameValidation.dns1123Label(pod.name)
        guard !violations.isEmpty else { return warnings.found }
        return [
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is "
                + "recommended: [\(violations.joined(separator: " "))]"
        ] + warnings.found
    }

    /// A template. `field`: `spec.template`.
    static func template(_ template: Value, _ field: String) -> [String] {
        var warnings = PodWarnings(template, FieldPath.root(field))
        warnings.gather()
        return warnings.found
    }

    private init(_ owner: Value, _ root: FieldPath?) {
        spec = owner["spec"] ?? [:]
        metadata = owner.metadata
        isTemplate = root != nil
        path = root?["spec"] ?? .root("spec")
        metadataPath = (root?["metadata"] ?? .root("metadata"))["annotations"]
    }

    private mutating func warn(_ path: FieldPath, _ text: String) { found.append(path.text + ": " + text) }

    private mutating func gather() {
        placement()
        for (key, text) in Self.annotations where metadata["annotations"]?[key] != nil {
            warn(metadataPath.key(key), text)
        }
        for (index, volume) in spec.list("volumes").enumerated() { self.volume(volume, path["volumes"][index]) }
        found += VolumePathWarnings.of(spec.list("volumes"))
        duplicates()
        fractions(spec["overhead"], path["overhead"])
        annotationsAndContainers()
        ports()
        if let grace = spec["terminationGracePeriodSeconds"]?.int, grace < 0 {
            warn(
                path["terminationGracePeriodSeconds"],
                "must be >= 0; negative values are invalid and will be treated as 1")
        }
        podAffinity()
        addresses()
    }
}

/// Where the pod runs.
extension PodWarnings {
    private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
    private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    private static let matchesNothing = "a null labelSelector results in matching no pod"

    private mutating func placement() {
        for (key, _) in spec["nodeSelector"]?.fields?.sorted().entries ?? [] {
            if let text = Self.labels[key] { warn(path["nodeSelector"].key(key), text) }
        }
        if let node = spec["affinity"]?.present("nodeAffinity") {
            let own = path["affinity"]["nodeAffinity"]
            for (index, term) in (node[Self.required]?.list("nodeSelectorTerms") ?? []).enumerated() {
                nodeTerm(term, own[Self.required]["nodeSelectorTerms"][index], checksValues: false)
            }
            for (index, term) in node.list(Self.preferred).enumerated() {
                nodeTerm(term["preference"] ?? [:], own[Self.preferred][index]["preference"], checksValues: true)
            }
        }
        for (index, constraint) in spec.list("topologySpreadConstraints").enumerated() {
            let own = path["topologySpreadConstraints"][index]
            let key = constraint.text("topologyKey")
            if let text = Self.labels[key] { warn(own["topologyKey"], "\(key) is \(text)") }
            if constraint.present("labelSelector") == nil { warn(own["labelSelector"], Self.matchesNothing) }
        }
    }

    private mutating func nodeTerm(_ term: Value, _ path: FieldPath, checksValues: Bool) {
        for (index, expression) in term.list("matchExpressions").enumerated() {
            let own = path["matchExpressions"][index]
            let key = expression.text("key")
            if let text = Self.labels[key] { warn(own["key"], "\(key) is \(text)") }
            guard checksValues else { continue }
            for (number, value) in expression.list("values").enumerated() {
                let text = value.string ?? ""
                for violation in NameValidation.labelValue(text) {
                    warn(own["values"][number], "\(quoted(text)) is invalid, \(violation)")
                }
            }
        }
    }

    private mutating func podAffinity() {
        for kind in ["podAffinity", "podAntiAffinity"] {
            guard let pods = spec["affinity"]?.present(kind) else { continue }
            let own = path["affinity"][kind]
            for (index, term) in pods.list(Self.required).enumerated() where term.present("labelSelector") == nil {
                warn(own[Self.required][index]["labelSelector"], Self.matchesNothing)
            }
            for (index, term) in pods.list(Self.preferred).enumerated()
            where term["podAffinityTerm"]?.present("labelSelector") == nil {
                warn(own[Self.preferred][index]["podAffinityTerm"]["labelSelector"], Self.matchesNothing)
            }
        }
    }

    private mutating func addresses() {
        for (index, server) in (spec["dnsConfig"]?.list("nameservers") ?? []).enumerated() {
            found += AddressWarnings.of(server.string ?? "", path["dnsConfig"]["nameservers"][index])
        }
        for (index, alias) in spec.list("hostAliases").enumerated() {
            found += AddressWarnings.of(alias.text("ip"), path["hostAliases"][index]["ip"])
        }
    }
}

/// What the pod brings along.
extension PodWarnings {
    private mutating func volume(_ volume: Value, _ path: FieldPath) {
        for (kind, text) in Self.volumes {
            guard let source = volume.present(kind) else { continue }
            if kind != "ephemeral" {
                warn(path[kind], text)
            } else if let claim = source.present("volumeClaimTemplate") {
                let own = path[kind]["volumeClaimTemplate"]["spec"]["resources"]
                for section in ["requests", "limits"] {
                    fraction(claim["spec"]?["resources"]?[section], "storage", own[section])
                }
            }
        }
    }

    private mutating func duplicates() {
        var addresses = Set<String>()
        for (index, alias) in spec.list("hostAliases").enumerated()
        where !addresses.insert(alias.text("ip")).inserted {
            warn(path["hostAliases"][index]["ip"], "duplicate ip \(quoted(alias.text("ip")))")
        }
        var names = Set<String>()
        let secrets = spec.list("imagePullSecrets")
        for (index, secret) in secrets.enumerated() where !names.insert(secret.text("name")).inserted {
            warn(path["imagePullSecrets"][index]["name"], "duplicate name \(quoted(secret.text("name")))")
        }
        for (index, secret) in secrets.enumerated() where secret.text("name").isEmpty {
            warn(path["imagePullSecrets"][index]["name"], "invalid empty name \"\"")
        }
    }

    private mutating func fractions(_ amounts: Value?, _ path: FieldPath) {
        guard let amounts, !amounts.isEmptyValue else { return }
        for name in ["memory", "ephemeral-storage"] { fraction(amounts, name, path) }
    }

    /// Half a byte cannot be had.
    private mutating func fraction(_ amounts: Value?, _ name: String, _ path: FieldPath) {
        guard let value = amounts?[name], let amount = Quantity(PodQuality.text(value)),
            amount.milliValue % 1000 != 0
        else { return }
        warn(path.key(name), "fractional byte value \(quoted(amount.description)) is invalid, must be an integer")
    }

    private mutating func annotationsAndContainers() {
        let annotations = metadata["annotations"] ?? [:]
        let context = spec["securityContext"] ?? [:]
        let nonFunctional = "non-functional in v1.27+; use the \"seccompProfile\" field instead"
        if context.present("seccompProfile") == nil, annotations[PodAnnotationValidation.seccompPod] != nil {
            warn(metadataPath.key(PodAnnotationValidation.seccompPod), nonFunctional)
        }
        for kind in ["initContainers", "containers", "ephemeralContainers"] {
            for (index, container) in spec.list(kind).enumerated() {
                if !annotations.isEmptyValue {
                    let own = container["securityContext"] ?? [:]
                    let seccomp = PodAnnotationValidation.seccompContainer + container.text("name")
                    if own.present("seccompProfile") == nil, annotations[seccomp] != nil {
                        warn(metadataPath.key(seccomp), nonFunctional)
                    }
                    let appArmor = PodAnnotationValidation.appArmor + container.text("name")
                    if isTemplate, annotations[appArmor] != nil, own.present("appArmorProfile") == nil,
                        context.present("appArmorProfile") == nil
                    {
                        warn(metadataPath.key(appArmor), PodAppArmor.deprecation)
                    }
                }
                self.container(container, path[kind][index])
            }
        }
    }

    private mutating func container(_ container: Value, _ path: FieldPath) {
        if let resources = container.present("resources"), !resources.isEmptyValue {
            for name in ["memory", "ephemeral-storage"] {
                for section in ["limits", "requests"] {
                    fraction(resources[section], name, path["resources"][section])
                }
            }
        }
        let variables = container.list("env")
        guard variables.count > 1 else { return }
        var seen = Set<String>()
        for (index, variable) in variables.enumerated() {
            let name = variable.text("name")
            guard !seen.insert(name).inserted else { continue }
            // A new value that is made of the old one is meant so.
            let reference = "$(\(name))"
            let value = variable.text("value")
            if variable.present("valueFrom") == nil, value != reference, value.contains(reference) { continue }
            warn(
                path["env"][index],
                "hides previous definition of \(quoted(name)), which may be dropped when using apply")
        }
    }
}

/// Ports that get in each other's way.
extension PodWarnings {
    private struct Port {
        let path: FieldPath
        let number: Int64
        let host: Int64
        let address: String
        let transport: String
        let name: String
        /// Of a container that runs as long as the pod.
        let isLasting: Bool

        var text: String {
            "{Name:\(name) HostPort:\(host) ContainerPort:\(number) Protocol:\(transport) HostIP:\(address)}"
        }
    }

    private mutating func ports() {
        var ports: [Port] = []
        for kind in ["initContainers", "containers", "ephemeralContainers"] {
            for (index, container) in spec.list(kind).enumerated() {
                let isLasting = kind != "initContainers" || container.text("restartPolicy") == "Always"
                for (number, port) in container.list("ports").enumerated() {
                    ports.append(
                        Port(
                            path: path[kind][index]["ports"][number], number: port["containerPort"]?.int ?? 0,
                            host: port["hostPort"]?.int ?? 0, address: port.text("hostIP"),
                            transport: port.text("protocol"), name: port.text("name"), isLasting: isLasting))
                }
            }
        }
        for (index, port) in ports.enumerated() {
            if !port.address.isEmpty, port.host == 0 {
                warn(port.path, "hostIP set without hostPort: " + port.text)
            }
            for other in ports[..<index] where other.number == port.number && other.transport == port.transport {
                if port.address == other.address, port.host == other.host {
                    warn(port.path, "duplicate port definition with " + other.path.text)
                } else if port.host == 0 || other.host == 0 {
                    warn(port.path, "overlapping port definition with " + other.path.text)
                } else if port.host == other.host, port.address.isEmpty != other.address.isEmpty {
                    warn(port.path, "dangerously ambiguous port definition with " + other.path.text)
                }
            }
        }
        names(ports)
    }

    private mutating func names(_ ports: [Port]) {
        var first: [String: FieldPath] = [:]
        for port in ports where !port.name.isEmpty && port.isLasting {
            guard let other = first[port.name]?.text else {
                first[port.name] = port.path
                continue
            }
            warn(
                port.path,
                "duplicate port name \(quoted(port.name)) with \(other), services and probes that select ports by name "
                    + "will use \(other)")
        }
    }
}
