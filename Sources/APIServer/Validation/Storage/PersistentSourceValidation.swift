internal import APIMachinery

/// Sources of persistent volumes. Where they are as a pod's, the pods' rules hold.
enum PersistentSourceValidation {
    private static let requiredFields: [String: [String]] = [
        "glusterfs": ["endpoints", "path"], "rbd": ["monitors", "image"], "cephfs": ["monitors"],
        "cinder": ["volumeID"], "azureFile": ["secretName", "shareName"],
        "scaleIO": ["gateway", "system", "volumeName"], "local": ["path"],
    ]

    static func validate(_ kind: String, _ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let required = requiredFields[kind] else {
            return validateOther(kind, source, path, &errors)
        }
        for field in required where source[field]?.isEmptyValue ?? true { errors.required(path[field]) }
        switch kind {
        case "glusterfs": namespace(source["endpointsNamespace"]?.string, path["endpointsNamespace"], &errors)
        case "cinder": secret(source.present("secretRef"), path["secretRef"], &errors)
        case "azureFile":
            if source["secretNamespace"]?.string == "" { errors.required(path["secretNamespace"]) }
        case "local":
            if !source.text("path").isEmpty {
                PathValidation.noBacksteps(source.text("path"), path["path"], &errors)
            }
        default: break
        }
    }

    private static func validateOther(
        _ kind: String, _ source: Value, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        switch kind {
        case "csi": csi(source, path, &errors)
        case "storageos":
            LegacyVolumeValidation.storageOS(source, path, &errors)
            if let reference = source.present("secretRef"), reference.text("namespace").isEmpty {
                errors.required(path["secretRef"]["namespace"])
            }
        case "iscsi":
            LegacyVolumeValidation.iscsi(source, path, &errors)
            if let reference = source.present("secretRef"), reference.text("name").isEmpty {
                errors.required(path["secretRef"]["name"])
            }
        default:
            VolumeSourceValidation(options: PodValidationOptions(isPod: false)).validate(kind, source, path, &errors)
        }
    }

    private static func namespace(_ name: String?, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let name else { return }
        if name.isEmpty {
            errors.invalid(
                path, name,
                "if the endpointnamespace is set, it must be a valid namespace name")
        } else {
            errors.violations(path, name, NameValidation.dns1123Label(name))
        }
    }

    private static func secret(_ reference: Value?, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let reference else { return }
        for part in ["name", "namespace"] where reference.text(part).isEmpty { errors.required(path[part]) }
    }

    static func driver(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if name.isEmpty { errors.required(path) }
        if name.utf8.count > 63 { errors.tooLong(path, max: 63) }
        errors.violations(path, name, NameValidation.dns1123Subdomain(name.lowercased()))
    }

    private static func csi(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        driver(source.text("driver"), path["driver"], &errors)
        if source.text("volumeHandle").isEmpty { errors.required(path["volumeHandle"]) }
        for name in [
            "controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef",
        ] {
            guard let reference = source.present(name) else { continue }
            let own = path[name]
            let (secret, namespace) = (reference.text("name"), reference.text("namespace"))
            if secret.isEmpty { errors.required(own["name"]) } else { errors.subdomain(own["name"], secret) }
            if namespace.isEmpty {
                errors.required(own["namespace"])
            } else {
                errors.violations(own["namespace"], namespace, NameValidation.dns1123Label(namespace))
            }
        }
    }
}
