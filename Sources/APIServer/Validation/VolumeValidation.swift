internal import APIMachinery

/// Volumes of a pod and where containers mount them.
enum VolumeValidation {
    static func validate(_ volumes: [Value], _ field: String) -> (errors: [FieldError], names: Set<String>) {
        var errors: [FieldError] = []
        var names = Set<String>()
        for (index, volume) in volumes.enumerated() {
            let path = "\(field)[\(index)]"
            let name = volume.text("name")
            if name.isEmpty {
                errors.append(.required(path + ".name"))
            } else {
                errors += NameValidation.dns1123Label(name).map { .invalid(path + ".name", name, $0) }
                if !names.insert(name).inserted { errors.append(.duplicate(path + ".name", name)) }
            }
            errors += source(volume, path)
        }
        return (errors, names)
    }

    private static func source(_ volume: Value, _ path: String) -> [FieldError] {
        let given = (volume.fields?.entries ?? []).filter { $0.key != "name" && !$0.value.isNull }.map(\.key)
        guard let kind = given.first else { return [.required(path, "must specify a volume type")] }
        var errors = given.dropFirst().map {
            FieldError.forbidden("\(path).\($0)", "may not specify more than 1 volume type")
        }
        let source = volume[kind] ?? [:]
        let own = path + "." + kind
        switch kind {
        case "secret":
            if source.text("secretName").isEmpty { errors.append(.required(own + ".secretName")) }
            errors += modesAndItems(source, own)
        case "configMap":
            if source.text("name").isEmpty { errors.append(.required(own + ".name")) }
            errors += modesAndItems(source, own)
        case "hostPath":
            let location = source.text("path")
            if location.isEmpty { errors.append(.required(own + ".path")) }
            errors += backsteps(location, own + ".path")
        case "persistentVolumeClaim" where source.text("claimName").isEmpty:
            errors.append(.required(own + ".claimName"))
        case "nfs":
            if source.text("server").isEmpty { errors.append(.required(own + ".server")) }
            if source.text("path").isEmpty { errors.append(.required(own + ".path")) }
            if !source.text("path").isEmpty, !source.text("path").hasPrefix("/") {
                errors.append(.invalid(own + ".path", source.text("path"), "must be an absolute path"))
            }
        case "ephemeral": errors += ephemeral(source, own)
        case "projected": errors += mode(source["defaultMode"], own + ".defaultMode")
        case "downwardAPI": errors += mode(source["defaultMode"], own + ".defaultMode")
        default: break
        }
        return errors
    }

    private static func ephemeral(_ source: Value, _ own: String) -> [FieldError] {
        guard let claim = source.present("volumeClaimTemplate") else {
            return [.required(own + ".volumeClaimTemplate")]
        }
        return PersistentVolumeClaimStrategy.validateSpec(claim["spec"] ?? [:], own + ".volumeClaimTemplate.spec")
    }

    private static func modesAndItems(_ source: Value, _ own: String) -> [FieldError] {
        var errors = mode(source["defaultMode"], own + ".defaultMode")
        for (index, item) in source.list("items").enumerated() {
            let path = "\(own).items[\(index)]"
            if item.text("key").isEmpty { errors.append(.required(path + ".key")) }
            let location = item.text("path")
            if location.isEmpty {
                errors.append(.required(path + ".path"))
            } else {
                errors += relative(location, path + ".path")
            }
            errors += mode(item["mode"], path + ".mode")
        }
        return errors
    }

    private static func mode(_ value: Value?, _ field: String) -> [FieldError] {
        guard let number = value?.int, !(0...0o777).contains(number) else { return [] }
        return [.invalid(field, number, "must be a number between 0 and 0777 (octal), both inclusive")]
    }

    static func relative(_ path: String, _ field: String) -> [FieldError] {
        if path.hasPrefix("/") { return [.invalid(field, path, "must be a relative path")] }
        return backsteps(path, field)
    }

    private static func backsteps(_ path: String, _ field: String) -> [FieldError] {
        path.split(separator: "/").contains("..") ? [.invalid(field, path, "must not contain '..'")] : []
    }

    static func mounts(_ container: Value, _ path: String, volumes: Set<String>) -> [FieldError] {
        var errors: [FieldError] = []
        var places = Set<String>()
        for (index, mount) in container.list("volumeMounts").enumerated() {
            let own = "\(path).volumeMounts[\(index)]"
            let name = mount.text("name")
            if name.isEmpty {
                errors.append(.required(own + ".name"))
            } else if !volumes.contains(name) {
                errors.append(.notFound(own + ".name", name))
            }
            let place = mount.text("mountPath")
            if place.isEmpty {
                errors.append(.required(own + ".mountPath"))
            } else if !places.insert(place).inserted {
                errors.append(.invalid(own + ".mountPath", place, "must be unique"))
            }
            if !mount.text("subPath").isEmpty { errors += relative(mount.text("subPath"), own + ".subPath") }
            let propagation = mount.text("mountPropagation")
            let known = ["Bidirectional", "HostToContainer", "None"]
            if !propagation.isEmpty, !known.contains(propagation) {
                errors.append(.notSupported(own + ".mountPropagation", propagation, known))
            }
        }
        return errors
    }
}
