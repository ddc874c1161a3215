internal import APIMachinery

/// Volumes of a pod: their names, and that each has exactly one source.
struct VolumeValidation {
    /// Sources in the order in which upstream looks at them: of several, the first counts and the others are forbidden.
    private static let kinds = [
        "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
        "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
        "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
        "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
    ]
    /// Where upstream's field path differs from the field's name: for a second source, and for what is wrong in it.
    private static let forbiddenNames = ["cephfs": "cephFS", "downwardAPI": "downwarAPI"]
    private static let pathNames = ["gcePersistentDisk": "persistentDisk"]

    let options: PodValidationOptions
    /// Name of the pod, empty in templates.
    let podName: String

    /// The errors, and the volumes that containers may use.
    func validate(_ volumes: [Value], _ path: FieldPath, _ errors: inout FieldErrors) -> [String: Value] {
        var valid: [String: Value] = [:]
        guard !volumes.isEmpty else { return valid }
        let created = claimsToCreate(volumes)
        for (index, volume) in volumes.enumerated() {
            let own = path[index]
            let name = volume.text("name")
            let before = errors.count
            source(volume, name, own, &errors)
            if name.isEmpty {
                errors.required(own["name"])
            } else {
                errors.violations(own["name"], name, NameValidation.dns1123Label(name))
            }
            if valid[name] != nil { errors.duplicate(own["name"], name) }
            if errors.count == before { valid[name] = volume }
            if let claim = volume["persistentVolumeClaim"]?["claimName"]?.string, created.contains(claim) {
                errors.invalid(
                    own["persistentVolumeClaim"]["claimName"], claim,
                    "must not reference a PVC that gets created for an ephemeral volume")
            }
        }
        return valid
    }

    private func claimsToCreate(_ volumes: [Value]) -> [String] {
        guard !podName.isEmpty else { return [] }
        return volumes.filter { $0.present("ephemeral") != nil }.map { podName + "-" + $0.text("name") }
    }

    private func source(_ volume: Value, _ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        var found = false
        let given = (volume.fields?.entries ?? []).filter { $0.key != "name" && !$0.value.isNull }
        guard !given.isEmpty else { return errors.required(path, "must specify a volume type") }
        // Nearly always there is one, and the order does not matter.
        let kinds =
            given.count == 1 ? given.map(\.key) : Self.kinds.filter { kind in given.contains { $0.key == kind } }
        for kind in kinds {
            guard let source = volume.present(kind) else { continue }
            if found, kind != "emptyDir" {
                errors.forbidden(path[Self.forbiddenNames[kind] ?? kind], "may not specify more than 1 volume type")
            } else {
                found = true
                let own = path[Self.pathNames[kind] ?? kind]
                VolumeSourceValidation(options: options).validate(kind, source, own, &errors)
                if kind == "ephemeral" { claimName(name, path, &errors) }
            }
            if kind == "iscsi", source.present("initiatorName") != nil,
                name.utf8.count + 1 + source.text("targetPortal").utf8.count > 64
            {
                errors.invalid(
                    path["name"], name,
                    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                        + "iscsi.initiatorName is specified.")
            }
        }
    }

    /// The claim of an ephemeral volume is named after pod and volume.
    private func claimName(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !podName.isEmpty, !name.isEmpty else { return }
        let claim = podName + "-" + name
        for violation in NameValidation.dns1123Subdomain(claim) {
            errors.invalid(path["name"], name, "PVC name \(quoted(claim)): \(violation)")
        }
    }
}

/// What differs between pods and templates.
struct PodValidationOptions: Sendable {
    /// The spec is a pod's own, not one that pods are made from later.
    var isPod: Bool
}
