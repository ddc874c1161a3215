internal import APIMachinery

/// The fields of each volume source.
struct VolumeSourceValidation {
    /// Fields that must not be empty, for the sources that need nothing else.
    private static let requiredFields: [String: [String]] = [
        "persistentVolumeClaim": ["claimName"], "glusterfs": ["endpoints", "path"], "rbd": ["monitors", "image"],
        "cephfs": ["monitors"], "vsphereVolume": ["volumePath"], "photonPersistentDisk": ["pdID"],
        "portworxVolume": ["volumeID"], "scaleIO": ["gateway", "system", "volumeName"],
        "azureFile": ["secretName", "shareName"], "gcePersistentDisk": ["pdName"], "awsElasticBlockStore": ["volumeID"],
        "azureDisk": ["diskName", "diskURI"], "cinder": ["volumeID"], "nfs": ["server", "path"],
        "flexVolume": ["driver"], "gitRepo": ["repository"], "secret": ["secretName"], "configMap": ["name"],
    ]
    private static let hostPathTypes = [
        "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
    ]

    let options: PodValidationOptions

    func validate(_ kind: String, _ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for field in Self.requiredFields[kind] ?? [] where source[field]?.isEmptyValue ?? true {
            errors.required(path[field])
        }
        switch kind {
        case "emptyDir": emptyDir(source, path, &errors)
        case "hostPath": hostPath(source, path, &errors)
        case "gitRepo": PathValidation.descending(source.text("directory"), path["directory"], &errors)
        case "gcePersistentDisk", "awsElasticBlockStore": partition(source, path, &errors)
        case "secret", "configMap": keys(source, path, &errors)
        case "nfs":
            let place = source.text("path")
            if !place.hasPrefix("/") { errors.invalid(path["path"], place, "must be an absolute path") }
        case "iscsi": LegacyVolumeValidation.iscsi(source, path, &errors)
        case "fc": LegacyVolumeValidation.fibreChannel(source, path, &errors)
        case "flocker": LegacyVolumeValidation.flocker(source, path, &errors)
        case "quobyte": LegacyVolumeValidation.quobyte(source, path, &errors)
        case "flexVolume": LegacyVolumeValidation.flexOptions(source, path, &errors)
        case "azureDisk": LegacyVolumeValidation.azureDisk(source, path, &errors)
        case "storageos": LegacyVolumeValidation.storageOS(source, path, &errors)
        case "cinder": secretName(source, "secretRef", path, &errors)
        case "downwardAPI":
            FileModeValidation.check(source["defaultMode"], path["defaultMode"], &errors)
            for item in source.list("items") { DownwardValidation.file(item, path, &errors) }
        case "projected": ProjectionValidation.validate(source, path, &errors)
        case "csi": csi(source, path, &errors)
        case "ephemeral": ephemeral(source, path, &errors)
        case "image":
            if options.isPod, source.text("reference").isEmpty { errors.required(path["reference"]) }
            errors.requiredOneOf(ContainerValidation.pullPolicies, path["pullPolicy"], source.text("pullPolicy"))
        default: break
        }
    }

    private func emptyDir(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let limit = source.present("sizeLimit"), let amount = Quantity(PodQuality.text(limit)), amount.sign < 0
        else { return }
        errors.forbidden(path["sizeLimit"], "SizeLimit field must be a valid resource quantity")
    }

    private func hostPath(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let place = source.text("path")
        guard !place.isEmpty else { return errors.required(path["path"]) }
        PathValidation.noBacksteps(place, path["path"], &errors)
        guard let type = source["type"]?.string else { return }
        errors.oneOf(Self.hostPathTypes, path["type"], type)
    }

    private func partition(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let partition = source["partition"]?.int ?? 0
        guard !(0...255).contains(partition) else { return }
        errors.invalid(path["partition"], partition, "must be between 1 and 255, inclusive")
    }

    private func keys(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        FileModeValidation.check(source["defaultMode"], path["defaultMode"], &errors)
        for (index, item) in source.list("items").enumerated() {
            FileModeValidation.keyToPath(item, path["items"][index], &errors)
        }
    }

    private func secretName(_ source: Value, _ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let reference = source.present(name), reference.text("name").isEmpty else { return }
        errors.required(path[name]["name"])
    }

    private func csi(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let driver = source.text("driver")
        if driver.isEmpty { errors.required(path["driver"]) }
        if driver.utf8.count > 63 { errors.append(.tooLong(path["driver"].text, max: 63)) }
        errors.violations(path["driver"], driver, NameValidation.dns1123Subdomain(driver.lowercased()))
        guard let reference = source.present("nodePublishSecretRef") else { return }
        let name = reference.text("name")
        if name.isEmpty {
            errors.required(path["nodePublishSecretRef"]["name"])
        } else {
            errors.violations(path["name"], name, NameValidation.dns1123Subdomain(name))
        }
    }

    private func ephemeral(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let claim = source.present("volumeClaimTemplate") else {
            return errors.required(path["volumeClaimTemplate"])
        }
        let own = path["volumeClaimTemplate"]
        let metadata = claim.metadata
        errors.append(ObjectMetaValidation.annotations(metadata, own["metadata"]["annotations"].text))
        errors.append(ObjectMetaValidation.labels(metadata, own["metadata"]["labels"].text))
        for (key, value) in metadata.fields?.entries ?? []
        where key != "labels" && key != "annotations" && !value.isEmptyValue {
            errors.forbidden(own["metadata"][key], "cannot be set")
        }
        errors.append(PersistentVolumeClaimStrategy.validateSpec(claim["spec"] ?? [:], own["spec"].text))
    }
}

/// Sources of storage that clusters of today rarely have.
enum LegacyVolumeValidation {
    static func iscsi(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if source.text("targetPortal").isEmpty { errors.required(path["targetPortal"]) }
        let name = source.text("iqn")
        if name.isEmpty { errors.required(path["iqn"]) } else { initiator(name, path["iqn"], &errors) }
        let unit = source["lun"]?.int ?? 0
        if !(0...255).contains(unit) { errors.invalid(path["lun"], unit, "must be between 0 and 255, inclusive") }
        let authenticates = source["chapAuthDiscovery"]?.bool == true || source["chapAuthSession"]?.bool == true
        if authenticates, source.present("secretRef") == nil { errors.required(path["secretRef"]) }
        if let name = source["initiatorName"]?.string { initiator(name, path["initiatorname"], &errors) }
    }

    private static func initiator(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard ["iqn", "eui", "naa"].contains(where: name.hasPrefix) else {
            return errors.invalid(path, name, "must be valid format starting with iqn, eui, or naa")
        }
        if !isInitiator(name) { errors.invalid(path, name, "must be valid format") }
    }

    /// `iqn.2020-01.com.example:disk`, `eui.` with 16 or `naa.` with 32 letters and digits.
    private static func isInitiator(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        if !name.hasPrefix("iqn") {
            return bytes.count == (name.hasPrefix("eui") ? 20 : 36) && bytes.dropFirst(4).allSatisfy(isAlphanumeric)
        }
        guard bytes.count > 12, bytes[3] == UInt8(ascii: "."), bytes[8] == UInt8(ascii: "-"),
            bytes[11] == UInt8(ascii: "."), (bytes[4..<8] + bytes[9..<11]).allSatisfy(isDigit)
        else { return false }
        let rest = bytes[12...]
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), colon > 12, colon + 1 < bytes.count else {
            return false
        }
        return rest[..<colon].allSatisfy { isAlphanumeric($0) || "-.".utf8.contains($0) }
            && rest[(colon + 1)...].allSatisfy { !",;*&$| \t\n\r\u{c}\u{b}".utf8.contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func fibreChannel(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (names, identifiers) = (source.list("targetWWNs"), source.list("wwids"))
        if names.isEmpty, identifiers.isEmpty {
            errors.required(path["targetWWNs"], "must specify either targetWWNs or wwids, but not both")
        }
        guard !names.isEmpty else { return }
        if !identifiers.isEmpty {
            errors.invalid(
                path["targetWWNs"], .array(names), "targetWWNs and wwids can not be specified simultaneously")
        }
        guard let unit = source["lun"]?.int else {
            return errors.required(path["lun"], "lun is required if targetWWNs is specified")
        }
        if !(0...255).contains(unit) { errors.invalid(path["lun"], unit, "must be between 0 and 255, inclusive") }
    }

    static func flocker(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (name, identifier) = (source.text("datasetName"), source.text("datasetUUID"))
        if name.isEmpty, identifier.isEmpty {
            errors.required(path, "one of datasetName and datasetUUID is required")
        }
        if !name.isEmpty, !identifier.isEmpty {
            errors.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
        }
        if name.contains("/") { errors.invalid(path["datasetName"], name, "must not contain '/'") }
    }

    static func quobyte(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let pair = "must be a host:port pair or multiple pairs separated by commas"
        let registry = source.text("registry")
        if registry.isEmpty {
            errors.required(path["registry"], pair)
        } else if source.text("tenant").utf8.count >= 65 {
            errors.required(path["tenant"], "must be a UUID and may not exceed a length of 64 characters")
        } else {
            for part in registry.split(separator: ",", omittingEmptySubsequences: false) where !isHostAndPort(part) {
                errors.invalid(path["registry"], registry, pair)
            }
        }
        if source.text("volume").isEmpty { errors.required(path["volume"]) }
    }

    private static func isHostAndPort(_ text: Substring) -> Bool {
        guard let colon = text.lastIndex(of: ":") else { return false }
        if text.hasPrefix("[") { return text[..<colon].hasSuffix("]") }
        return text.firstIndex(of: ":") == colon && !text.contains("[") && !text.contains("]")
    }

    /// Options may not pretend to be Kubernetes' own.
    static func flexOptions(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for (key, _) in source.entries("options") {
            let prefix = "." + key.prefix { $0 != "/" }.lowercased()
            guard prefix.hasSuffix(".kubernetes.io") || prefix.hasSuffix(".k8s.io") else { continue }
            errors.invalid(
                path["options"].key(key), key, "kubernetes.io and k8s.io namespaces are reserved")
        }
    }

    static func azureDisk(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let mode = source["cachingMode"]?.string {
            errors.oneOf(["None", "ReadOnly", "ReadWrite"], path["cachingMode"], mode)
        }
        guard let kind = source["kind"]?.string else { return }
        errors.oneOf(["Dedicated", "Managed", "Shared"], path["kind"], kind)
        let address = source.text("diskURI")
        if kind == "Managed", !address.hasPrefix("/subscriptions/") {
            errors.notSupported(
                path["diskURI"], address,
                [
                    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
                ])
        }
        if kind != "Managed", !address.hasPrefix("https://") {
            errors.notSupported(
                path["diskURI"], address,
                ["https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"])
        }
    }

    static func storageOS(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let name = source.text("volumeName")
        if name.isEmpty {
            errors.required(path["volumeName"])
        } else {
            errors.violations(path["volumeName"], name, NameValidation.dns1123Label(name))
        }
        let namespace = source.text("volumeNamespace")
        if !namespace.isEmpty {
            errors.violations(path["volumeNamespace"], namespace, NameValidation.dns1123Label(namespace))
        }
        if let reference = source.present("secretRef"), reference.text("name").isEmpty {
            errors.required(path["secretRef"]["name"])
        }
    }
}
