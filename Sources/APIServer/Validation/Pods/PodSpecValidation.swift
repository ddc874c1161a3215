internal import APIMachinery

/// The spec of a pod or of a template, in upstream's order.
struct PodSpecValidation {
    private static let restartPolicies = ["Always", "OnFailure", "Never"]
    private static let dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]

    let options: PodValidationOptions
    /// Empty in templates.
    var podName = ""
    /// Volumes that the workload itself adds: a StatefulSet's claims.
    var claimVolumes: [String] = []

    func validate(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let grace = spec["terminationGracePeriodSeconds"]?.int
        if grace == nil { errors.required(path["terminationGracePeriodSeconds"]) }
        var volumes = VolumeValidation(options: options, podName: podName)
            .validate(spec.list("volumes"), path["volumes"], &errors)
        for name in claimVolumes { volumes[name] = ["persistentVolumeClaim": ["claimName": .string(name)]] }
        let claims = spec.list("resourceClaims")
        let claimNames = Set(claims.map { $0.text("name") }.filter { !$0.isEmpty })
        resourceClaims(claims, path["resourceClaims"], &errors)
        let containers = ContainerValidation(
            volumes: volumes, claims: claimNames, podRestartPolicy: spec.text("restartPolicy"),
            gracePeriodSeconds: grace, hostUsers: spec["hostUsers"]?.bool != false,
            os: spec["os"]?.text("name") ?? "")
        let (regular, initial) = (spec.list("containers"), spec.list("initContainers"))
        containers.regular(regular, path["containers"], &errors)
        containers.initial(initial, besides: regular, path["initContainers"], &errors)
        containers.ephemeral(
            spec.list("ephemeralContainers"), besides: regular + initial, path["ephemeralContainers"], &errors)
        ResourceRequirementsValidation(claims: claimNames).pod(spec, path["resources"], &errors)
        hostNetworkPorts(spec, path, &errors)
        errors.requiredOneOf(Self.restartPolicies, path["restartPolicy"], spec.text("restartPolicy"))
        errors.requiredOneOf(Self.dnsPolicies, path["dnsPolicy"], spec.text("dnsPolicy"))
        if let selector = spec.present("nodeSelector") {
            errors.append(ObjectMetaValidation.labelMap(selector, path["nodeSelector"].text))
        }
        SecurityContextValidation.pod(spec, path["securityContext"], &errors)
        if let affinity = spec.present("affinity") {
            AffinityValidation.validate(affinity, path["affinity"], &errors)
        }
        SchedulingValidation.dns(spec, path["dnsConfig"], &errors)
        SchedulingValidation.gates(spec, path, &errors)
        SchedulingValidation.spread(
            spec.list("topologySpreadConstraints"), path["topologySpreadConstraints"], &errors)
        WindowsValidation.hostProcess(spec, path, &errors)
        hostUsers(spec, path, &errors)
        names(spec, path, &errors)
        remainder(spec, path, &errors)
    }

    /// Names of other objects, and of the pod inside itself.
    private func names(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for field in ["serviceAccountName", "nodeName"] {
            let name = spec.text(field)
            if !name.isEmpty { errors.violations(path[field], name, NameValidation.dns1123Subdomain(name)) }
        }
        if let seconds = spec["activeDeadlineSeconds"]?.int, !(1...Int64(Int32.max)).contains(seconds) {
            errors.invalid(path["activeDeadlineSeconds"], seconds, "must be between 1 and 2147483647, inclusive")
        }
        for field in ["hostname", "subdomain"] {
            let name = spec.text(field)
            if !name.isEmpty { errors.violations(path[field], name, NameValidation.dns1123Label(name)) }
        }
        guard let name = spec.present("hostnameOverride")?.string else { return }
        if spec["setHostnameAsFQDN"]?.bool == true {
            errors.forbidden(path["hostnameOverride"], "may not be specified when setHostnameAsFQDN is true")
        }
        if spec["hostNetwork"]?.bool == true {
            errors.forbidden(path["hostnameOverride"], "may not be specified when hostNetwork is true")
        }
        if name.utf8.count > 64 { errors.append(.tooLong(path["hostnameOverride"].text, max: 64)) }
        errors.violations(path["hostnameOverride"], name, NameValidation.dns1123Subdomain(name))
    }

    private func remainder(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        SchedulingValidation.tolerations(spec.list("tolerations"), path["tolerations"], &errors)
        for (index, alias) in spec.list("hostAliases").enumerated() {
            let own = path["hostAliases"][index]
            errors.append(AddressValidation.address(alias.text("ip"), own["ip"].text))
            for (number, name) in alias.list("hostnames").enumerated() {
                let text = name.string ?? ""
                errors.violations(own["hostnames"][number], text, NameValidation.dns1123Subdomain(text))
            }
        }
        let priorityClass = spec.text("priorityClassName")
        if !priorityClass.isEmpty {
            errors.violations(
                path["priorityClassName"], priorityClass, NameValidation.dns1123Subdomain(priorityClass))
        }
        if let name = spec.present("runtimeClassName")?.string {
            errors.violations(path["runtimeClassName"], name, NameValidation.dns1123Subdomain(name))
        }
        if let policy = spec.present("preemptionPolicy")?.string {
            errors.requiredOneOf(["PreemptLowerPriority", "Never"], path["preemptionPolicy"], policy)
        }
        if let overhead = spec.present("overhead") {
            ResourceRequirementsValidation(claims: []).overhead(overhead, path["overhead"], &errors)
        }
        WindowsValidation.os(spec, path, &errors)
    }

    private func resourceClaims(_ claims: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var names = Set<String>()
        for (index, claim) in claims.enumerated() {
            let own = path[index]
            let name = claim.text("name")
            if name.isEmpty {
                errors.required(own["name"])
            } else if !names.insert(name).inserted {
                errors.duplicate(own["name"], name)
            } else {
                errors.violations(own["name"], name, NameValidation.dns1123Label(name))
            }
            let sources = ["resourceClaimName", "resourceClaimTemplateName"].filter { claim.present($0) != nil }
            let shown = GoShape.value(claim, "PodResourceClaim")
            if sources.count == 2 {
                errors.invalid(
                    own, shown, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
            }
            if sources.isEmpty {
                errors.invalid(
                    own, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
            }
            for source in sources {
                errors.violations(
                    own[source], claim.text(source), NameValidation.dns1123Subdomain(claim.text(source)))
            }
        }
    }

    /// On the host's network a port is the host's port. In templates it may be left out.
    private func hostNetworkPorts(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard spec["hostNetwork"]?.bool == true else { return }
        for (index, container) in spec.list("containers").enumerated() {
            for (number, port) in container.list("ports").enumerated() {
                let host = port["hostPort"]?.int ?? 0
                guard options.isPod || host != 0, host != port["containerPort"]?.int ?? 0 else { continue }
                errors.invalid(
                    path["containers"][index]["ports"][number]["hostPort"], host,
                    "must match `containerPort` when `hostNetwork` is true")
            }
        }
    }

    /// Users of its own exclude sharing other namespaces with the host.
    private func hostUsers(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard spec["hostUsers"]?.bool == false else { return }
        for (field, shown) in [("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")]
        where spec[field]?.bool == true {
            errors.forbidden(path[shown], "when `pod.Spec.HostUsers` is false")
        }
    }
}
