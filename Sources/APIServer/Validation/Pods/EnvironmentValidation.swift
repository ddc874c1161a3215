internal import APIMachinery

/// `env` and `envFrom`.
struct EnvironmentValidation {
    let volumes: [String: Value]

    func validate(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (index, variable) in container.list("env").enumerated() {
            let name = variable.text("name")
            if name.isEmpty {
                errors.required(path["env"][index]["name"])
            } else {
                errors.violations(path["env"][index]["name"], name, NameValidation.environmentName(name))
            }
            guard let source = variable.present("valueFrom") else { continue }
            valueFrom(source, hasValue: !variable.text("value").isEmpty, path["env"][index]["valueFrom"], &errors)
        }
        for (index, source) in container.list("envFrom").enumerated() {
            envFrom(source, path["envFrom"], path["envFrom"][index], &errors)
        }
    }

    private func valueFrom(_ source: Value, hasValue: Bool, _ path: FieldPath, _ errors: inout FieldErrors) {
        var count = 0
        if let reference = source.present("fieldRef") {
            count += 1
            DownwardValidation.environmentField(reference, path["fieldRef"], &errors)
        }
        if let reference = source.present("resourceFieldRef") {
            count += 1
            DownwardValidation.resource(reference, path["resourceFieldRef"], needsContainer: false, &errors)
        }
        for kind in ["configMapKeyRef", "secretKeyRef"] {
            guard let reference = source.present(kind) else { continue }
            count += 1
            key(reference, path[kind], &errors)
        }
        if let reference = source.present("fileKeyRef") {
            count += 1
            fileKey(reference, path["fileKeyRef"], &errors)
        }
        if count == 0 {
            errors.invalid(
                path, "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            )
        } else if hasValue {
            errors.invalid(path, "", "may not be specified when `value` is not empty")
        } else if count > 1 {
            errors.invalid(path, "", "may not have more than one field specified at a time")
        }
    }

    private func key(_ reference: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (name, key) = (reference.text("name"), reference.text("key"))
        errors.violations(path["name"], name, NameValidation.dns1123Subdomain(name))
        if key.isEmpty {
            errors.required(path["key"])
        } else {
            errors.violations(path["key"], key, NameValidation.configMapKey(key))
        }
    }

    private func fileKey(_ reference: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (key, place, volume) = (reference.text("key"), reference.text("path"), reference.text("volumeName"))
        if key.isEmpty {
            errors.required(path["key"])
        } else {
            errors.violations(path["key"], key, NameValidation.environmentName(key))
        }
        if place.isEmpty {
            errors.required(path["path"])
        } else {
            PathValidation.nonReserved(place, path["path"], &errors)
        }
        if volume.isEmpty {
            errors.required(path["volumeName"])
        } else if volumes[volume] == nil {
            errors.notFound(path["volumeName"], volume)
        } else if volumes[volume]?.present("emptyDir") == nil {
            errors.invalid(path["volumeName"], volume, "referenced volume must be of type emptyDir")
        }
    }

    private func envFrom(_ source: Value, _ list: FieldPath, _ path: FieldPath, _ errors: inout FieldErrors) {
        let prefix = source.text("prefix")
        if !prefix.isEmpty { errors.violations(path["prefix"], prefix, NameValidation.environmentName(prefix)) }
        var count = 0
        for kind in ["configMapRef", "secretRef"] {
            guard let reference = source.present(kind) else { continue }
            count += 1
            let name = reference.text("name")
            if name.isEmpty {
                errors.required(path[kind]["name"])
            } else {
                errors.violations(path[kind]["name"], name, NameRule.subdomain.violations(name, isPrefix: true))
            }
        }
        if count == 0 { errors.invalid(list, "", "must specify one of: `configMapRef` or `secretRef`") }
        if count > 1 { errors.invalid(list, "", "may not have more than one field specified at a time") }
    }
}

/// Where volumes appear in a container.
struct MountValidation {
    private static let propagations = ["Bidirectional", "HostToContainer", "None"]
    private static let readOnlyModes = ["Disabled", "Enabled", "IfPossible"]

    let volumes: [String: Value]

    func validate(_ container: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (mounts, devices) = (container.list("volumeMounts"), container.list("volumeDevices"))
        if !mounts.isEmpty { self.mounts(mounts, devices, container, path["volumeMounts"], &errors) }
        if !devices.isEmpty { self.devices(devices, mounts, path["volumeDevices"], &errors) }
    }

    private func mounts(
        _ mounts: [Value], _ devices: [Value], _ container: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let isPrivileged = container["securityContext"]?["privileged"]?.bool == true
        var places = Set<String>()
        for (index, mount) in mounts.enumerated() {
            let own = path[index]
            let (name, place) = (mount.text("name"), mount.text("mountPath"))
            if name.isEmpty { errors.required(own["name"]) }
            let volume = volumes[name]
            if volume == nil { errors.notFound(own["name"], name) }
            if place.isEmpty { errors.required(own["mountPath"]) }
            if !places.insert(place).inserted { errors.invalid(own["mountPath"], place, "must be unique") }
            for device in devices where device.text("name") == name {
                errors.invalid(own["name"], name, "must not already exist in volumeDevices")
                break
            }
            for device in devices where device.text("devicePath") == place {
                errors.invalid(own["mountPath"], place, "must not already exist as a path in volumeDevices")
                break
            }
            // From here on upstream names the list, not the mount.
            subPaths(mount, own, path, &errors)
            if let propagation = mount["mountPropagation"]?.string {
                errors.oneOf(Self.propagations, path["mountPropagation"], propagation)
                if propagation == "Bidirectional", !isPrivileged {
                    errors.forbidden(
                        path["mountPropagation"],
                        "Bidirectional mount propagation is available only to privileged containers")
                }
            }
            recursiveReadOnly(mount, path["recursiveReadOnly"], &errors)
        }
    }

    private func subPaths(
        _ mount: Value, _ own: FieldPath, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        let (plain, expanded) = (mount.text("subPath"), mount.text("subPathExpr"))
        if !plain.isEmpty { PathValidation.descending(plain, path["subPath"], &errors) }
        guard !expanded.isEmpty else { return }
        if !plain.isEmpty {
            errors.invalid(own["subPathExpr"], expanded, "subPathExpr and subPath are mutually exclusive")
        }
        PathValidation.descending(expanded, path["subPathExpr"], &errors)
    }

    private func recursiveReadOnly(_ mount: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let mode = mount["recursiveReadOnly"]?.string, mode != "Disabled" else { return }
        guard Self.readOnlyModes.contains(mode) else {
            return errors.notSupported(path, mode, Self.readOnlyModes)
        }
        if mount["readOnly"]?.bool != true {
            errors.forbidden(path, "may only be specified when readOnly is true")
        }
        if let propagation = mount["mountPropagation"]?.string, propagation != "None" {
            errors.forbidden(path, "may only be specified when mountPropagation is None or not specified")
        }
    }

    private func devices(_ devices: [Value], _ mounts: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var names = Set<String>()
        var places = Set<String>()
        for (index, device) in devices.enumerated() {
            let own = path[index]
            let (name, place) = (device.text("name"), device.text("devicePath"))
            if name.isEmpty { errors.required(own["name"]) }
            if names.contains(name) { errors.invalid(own["name"], name, "must be unique") }
            if let volume = volumes[name] {
                if volume.present("persistentVolumeClaim") == nil, volume.present("ephemeral") == nil {
                    errors.invalid(
                        own["name"], name,
                        "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode")
                }
            } else {
                errors.notFound(own["name"], name)
            }
            if place.isEmpty { errors.required(own["devicePath"]) }
            if places.contains(place) { errors.invalid(own["devicePath"], place, "must be unique") }
            if PathValidation.hasBacksteps(place) {
                errors.invalid(own["devicePath"], place, "can not contain backsteps ('..')")
            } else {
                places.insert(place)
            }
            if mounts.contains(where: { $0.text("name") == name }) {
                errors.invalid(own["name"], name, "must not already exist in volumeMounts")
            }
            if mounts.contains(where: { $0.text("mountPath") == place }) {
                errors.invalid(own["devicePath"], place, "must not already exist as a path in volumeMounts")
            }
            if !name.isEmpty { names.insert(name) }
        }
    }
}
