extension Schema {
    /// The value with the members of every struct in the order in which upstream's Go structs declare them, which is
    /// that of the field numbers with few exceptions. Patched objects are quoted in that order.
    package func goOrdered(_ value: Value, as type: TypeID) -> Value { goOrdered(value, .object(type)) }

    private func goOrdered(_ value: Value, _ type: FieldType) -> Value {
        switch (type, value) {
        case (.object(let id), .object(let fields)):
            let type = self[id]
            var ranked: [(rank: [UInt32], key: String, value: Value)] = []
            for (key, member) in fields.entries {
                let field = type.field(key)
                let rank: [UInt32] =
                    switch key {
                    case "kind" where !type.kinds.isEmpty: [0, 0]
                    case "apiVersion" where !type.kinds.isEmpty: [0, 1]
                    default: GoOrder.rank(of: key, in: type) ?? field?.tags ?? [.max]
                    }
                ranked.append((rank, key, field.map { goOrdered(member, $0.type) } ?? member))
            }
            ranked.sort { $0.rank.lexicographicallyPrecedes($1.rank) }
            return .object(OrderedFields(ranked.map { ($0.key, $0.value) }))
        case (.map(let element), .object(let fields)):
            return .object(OrderedFields(fields.sorted().entries.map { ($0.key, goOrdered($0.value, element)) }))
        case (.array(let element), .array(let elements)): return .array(elements.map { goOrdered($0, element) })
        default: return value
        }
    }

    /// As `goOrdered`, but with sorted members in the objects that a JSON patch library has taken apart: the root, and
    /// whatever `touched` says of a path of keys.
    package func patchOrdered(_ value: Value, as type: TypeID, touched: ([String]) -> Bool) -> Value {
        patchOrdered(goOrdered(value, as: type), path: [], touched: touched)
    }

    private func patchOrdered(_ value: Value, path: [String], touched: ([String]) -> Bool) -> Value {
        guard path.isEmpty || touched(path) else { return value }
        switch value {
        case .object(let fields):
            return .object(
                OrderedFields(
                    fields.sorted().entries.map { (key: String, member: Value) in
                        (key, patchOrdered(member, path: path + [key], touched: touched))
                    }))
        case .array(let elements):
            return .array(
                elements.enumerated().map { index, member in
                    patchOrdered(member, path: path + [String(index)], touched: touched)
                })
        default: return value
        }
    }
}

/// The structs whose later fields stand between earlier ones.
private enum GoOrder {
    /// `nil` where the field numbers tell.
    static func rank(of field: String, in type: TypeSchema) -> [UInt32]? {
        guard let place = places[type.shortName] else { return nil }
        return place[field].map { [2, UInt32($0)] } ?? [field == "metadata" ? 1 : 3]
    }

    private static let places: [String: [String: Int]] = orders.mapValues { order in
        Dictionary(
            order.split(whereSeparator: { $0 == " " || $0 == "\n" }).enumerated().map { (String($1), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    private static let container = """
        name image command args workingDir ports envFrom env resources resizePolicy restartPolicy restartPolicyRules
        volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath
        terminationMessagePolicy imagePullPolicy securityContext stdin stdinOnce tty targetContainerName
        """

    private static let orders = [
        "Container": container,
        "EphemeralContainer": container,
        "PodSpec": """
        volumes initContainers containers ephemeralContainers restartPolicy terminationGracePeriodSeconds
        activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount automountServiceAccountToken
        nodeName hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets hostname subdomain
        affinity schedulerName tolerations hostAliases priorityClassName priority dnsConfig readinessGates
        runtimeClassName enableServiceLinks preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN os
        hostUsers schedulingGates resourceClaims resources hostnameOverride
        """,
        "ServiceSpec": """
        ports selector clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP loadBalancerSourceRanges
        externalName externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig ipFamilies
        ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution
        """,
        "Secret": "immutable data stringData type",
        "ConfigMap": "immutable data binaryData",
        "DeploymentStatus": """
        observedGeneration replicas updatedReplicas readyReplicas availableReplicas unavailableReplicas
        terminatingReplicas conditions collisionCount
        """,
    ]
}
