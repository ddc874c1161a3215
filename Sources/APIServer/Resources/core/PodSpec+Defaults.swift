internal import APIMachinery

/// Defaults of a pod's spec, wherever it occurs.
enum PodDefaults {
    static let terminationGraceSeconds: Int64 = 30
    private static let fileMode: Int64 = 0o644
    private static let tokenLifetimeSeconds: Int64 = 3600

    /// `spec.template` of workloads, `template` of PodTemplates.
    static func applyTemplate(_ template: inout Value) {
        template.editObject("spec") { spec in
            PodFeatures.dropDisabled(&spec)
            applySpec(&spec)
        }
    }

    static func applySpec(_ spec: inout Value) {
        spec.setDefaultString("dnsPolicy", "ClusterFirst")
        spec.setDefaultString("restartPolicy", "Always")
        spec.setDefault("securityContext", [:])
        spec.setDefault("terminationGracePeriodSeconds", .int(terminationGraceSeconds))
        spec.setDefaultString("schedulerName", "default-scheduler")
        spec.edit("overhead") { QuantityDefaults.roundUp(&$0) }
        spec.edit("resources") { resources in
            for section in ["limits", "requests"] { resources.edit(section) { QuantityDefaults.roundUp(&$0) } }
        }
        // The old name of the field says the same as the new one.
        if spec.text("serviceAccountName").isEmpty { spec["serviceAccountName"] = spec.present("serviceAccount") }
        if let account = spec.present("serviceAccountName") { spec["serviceAccount"] = account }
        for containers in ["initContainers", "containers", "ephemeralContainers"] {
            spec.editEach(containers) { applyContainer(&$0) }
        }
        spec.editEach("volumes") { applyVolume(&$0) }
    }

    /// What holds for Pods but not for templates.
    static func applyPodOnly(_ spec: inout Value) {
        spec.setDefault("enableServiceLinks", true)
        applyPodResources(&spec)
        let isOnHostNetwork = spec["hostNetwork"]?.bool == true
        for containers in ["initContainers", "containers"] {
            spec.editEach(containers) { container in
                container.edit("resources") { requestsFromLimits(&$0) }
                guard isOnHostNetwork else { return }
                container.editEach("ports") { port in
                    if port["hostPort"]?.int ?? 0 == 0 { port["hostPort"] = port["containerPort"] }
                }
            }
        }
    }

    /// What the pod as a whole requests, where it has limits: what its containers request, or else the limits.
    private static func applyPodResources(_ spec: inout Value) {
        guard let limits = spec["resources"]?["limits"], !limits.isEmptyValue else { return }
        let sums = PodRequests.sum(spec).sorted { $0.key < $1.key }
        spec.edit("resources") { resources in
            resources.editObject("requests") { requests in
                for (name, sum) in sums where name == "cpu" || name == "memory" {
                    requests.setDefault(name, .string(sum.description))
                }
                for (name, quantity) in limits.fields?.entries ?? []
                where name == "cpu" || name == "memory" || name.hasPrefix("hugepages-") {
                    requests.setDefault(name, quantity)
                }
            }
        }
    }

    /// `podIP` is the first of `podIPs`, and wins where a client that knows only one of them says otherwise.
    static func applyStatus(_ status: inout Value) {
        let address = status.text("podIP")
        let first = status.list("podIPs").first?.text("ip") ?? ""
        if address.isEmpty {
            if !first.isEmpty { status["podIP"] = .string(first) }
        } else if address != first {
            status["podIPs"] = [["ip": .string(address)]]
        }
    }

    /// Who limits a resource without requesting it, requests the limit.
    private static func requestsFromLimits(_ resources: inout Value) {
        let limits = resources.entries("limits")
        guard !limits.isEmpty else { return }
        resources.editObject("requests") { requests in
            for (name, quantity) in limits { requests.setDefault(name, quantity) }
        }
    }

    static func applyContainer(_ container: inout Value) {
        container.edit("resources") { resources in
            for section in ["limits", "requests"] { resources.edit(section) { QuantityDefaults.roundUp(&$0) } }
        }
        container.setDefaultString("imagePullPolicy", imagePullPolicy(container.text("image")))
        container.setDefaultString("terminationMessagePath", "/dev/termination-log")
        container.setDefaultString("terminationMessagePolicy", "File")
        container.editEach("ports") { $0.setDefaultString("protocol", "TCP") }
        container.editEach("env") { variable in
            variable.edit("valueFrom") { source in
                source.edit("fieldRef") { $0.setDefaultString("apiVersion", "v1") }
                source.edit("fileKeyRef") { $0.setDefault("optional", false) }
            }
        }
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            container.edit(probe) { applyProbe(&$0) }
        }
        container.edit("lifecycle") { lifecycle in
            for hook in ["postStart", "preStop"] {
                lifecycle.edit(hook) { $0.edit("httpGet") { applyHTTPGet(&$0) } }
            }
        }
    }

    /// Images named by a digest or a tag other than `latest` do not change.
    static func imagePullPolicy(_ image: String) -> String {
        ImageReference.isLatest(image) ? "Always" : "IfNotPresent"
    }

    private static func applyProbe(_ probe: inout Value) {
        for (key, seconds) in [
            ("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3),
        ]
        where probe[key]?.int ?? 0 == 0 {
            probe[key] = .int(Int64(seconds))
        }
        probe.edit("httpGet") { applyHTTPGet(&$0) }
        probe.edit("grpc") { $0.setDefault("service", "") }
    }

    private static func applyHTTPGet(_ action: inout Value) {
        action.setDefaultString("path", "/")
        action.setDefaultString("scheme", "HTTP")
    }

    private static func applyVolume(_ volume: inout Value) {
        if !(volume.fields?.entries ?? []).contains(where: { $0.key != "name" && !$0.value.isNull }) {
            volume["emptyDir"] = [:]
        }
        for source in ["secret", "configMap", "downwardAPI", "projected"] {
            volume.edit(source) { $0.setDefault("defaultMode", .int(fileMode)) }
        }
        volume.edit("downwardAPI") { applyDownward(&$0) }
        volume.edit("projected") { projected in
            projected.editEach("sources") { source in
                source.edit("serviceAccountToken") { $0.setDefault("expirationSeconds", .int(tokenLifetimeSeconds)) }
                source.edit("downwardAPI") { applyDownward(&$0) }
            }
        }
        volume.edit("hostPath") { $0.setDefault("type", "") }
        volume.edit("iscsi") { $0.setDefaultString("iscsiInterface", "default") }
        volume.edit("rbd") { rbd in
            rbd.setDefaultString("pool", "rbd")
            rbd.setDefaultString("user", "admin")
            rbd.setDefaultString("keyring", "/etc/ceph/keyring")
        }
        volume.edit("azureDisk") { disk in
            disk.setDefault("cachingMode", "ReadWrite")
            disk.setDefault("kind", "Shared")
            disk.setDefault("fsType", "ext4")
            disk.setDefault("readOnly", false)
        }
        volume.edit("scaleIO") { source in
            source.setDefaultString("storageMode", "ThinProvisioned")
            source.setDefaultString("fsType", "xfs")
        }
        volume.edit("image") { $0.setDefaultString("pullPolicy", imagePullPolicy($0.text("reference"))) }
        volume.edit("ephemeral") { ephemeral in
            ephemeral.edit("volumeClaimTemplate") { claim in
                claim.editObject("spec") { spec in
                    spec.setDefaultString("volumeMode", "Filesystem")
                    spec.edit("resources") { resources in
                        for section in ["limits", "requests"] {
                            resources.edit(section) { QuantityDefaults.roundUp(&$0) }
                        }
                    }
                }
            }
        }
    }

    private static func applyDownward(_ source: inout Value) {
        source.editEach("items") { item in
            item.edit("fieldRef") { $0.setDefaultString("apiVersion", "v1") }
        }
    }
}
