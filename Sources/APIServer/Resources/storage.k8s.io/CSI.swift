internal import APIMachinery

struct CSIDriverStrategy: ResourceStrategy {
    private static let policies = ["File", "None", "ReadWriteOnceWithFSType"]
    private static let tokenSecondsMin: Int64 = 600
    private static let tokenSecondsMax: Int64 = 1 << 32
    private static let updatePeriodSecondsMin: Int64 = 10

    var allowsUnconditionalUpdate: Bool { false }
    var metadataOnUpdate: MetadataRepetition { .update }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefault("attachRequired", true)
            spec.setDefault("podInfoOnMount", false)
            spec.setDefault("storageCapacity", false)
            spec.setDefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
            if spec.list("volumeLifecycleModes").isEmpty { spec["volumeLifecycleModes"] = ["Persistent"] }
            spec.setDefault("requiresRepublish", false)
            spec.setDefault("seLinuxMount", false)
        }
    }

    /// The generation counts changes of what may change, from none on.
    func prepareForUpdate(_ object: inout Value, from old: Value) {
        let counted = [
            "tokenRequests", "requiresRepublish", "seLinuxMount", "nodeAllocatableUpdatePeriodSeconds",
            "serviceAccountTokenInSecrets",
        ]
        let (new, kept) = (object["spec"] ?? [:], old["spec"] ?? [:])
        guard counted.contains(where: { (new.present($0) ?? .null) != (kept.present($0) ?? .null) }) else { return }
        object.editMetadata { $0["generation"] = .int(old.generation + 1) }
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        if let policy = spec["fsGroupPolicy"]?.string { errors.oneOf(Self.policies, path["fsGroupPolicy"], policy) }
        tokenRequests(spec.list("tokenRequests"), path["tokenRequests"], &errors)
        for mode in spec.list("volumeLifecycleModes") {
            errors.oneOf(["Persistent", "Ephemeral"], path["volumeLifecycleModes"], mode.string ?? "")
        }
        if let period = spec["nodeAllocatableUpdatePeriodSeconds"]?.int, period < Self.updatePeriodSecondsMin {
            errors.invalid(
                path["nodeAllocatableUpdatePeriodSeconds"], period, "must be greater than or equal to 10 seconds")
        }
        if let inSecrets = spec.present("serviceAccountTokenInSecrets"), spec.list("tokenRequests").isEmpty {
            errors.invalid(
                path["serviceAccountTokenInSecrets"], inSecrets, "must be unset when no tokenRequests are specified")
        }
        return errors.list
    }

    private func tokenRequests(_ requests: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        var audiences = Set<String>()
        for (index, request) in requests.enumerated() {
            let own = path[index]
            let audience = request.text("audience")
            guard audiences.insert(audience).inserted else {
                errors.duplicate(own["audience"], audience)
                continue
            }
            guard let seconds = request["expirationSeconds"]?.int else { continue }
            if seconds < Self.tokenSecondsMin {
                errors.invalid(
                    own["expirationSeconds"], seconds, "may not specify a duration less than 10 minutes")
            }
            if seconds > Self.tokenSecondsMax {
                errors.invalid(
                    own["expirationSeconds"], seconds, "may not specify a duration larger than 2^32 seconds")
            }
        }
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        for (key, shown) in [("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes")] {
            errors.immutable(.root("spec." + shown), object[path: "spec", key], old[path: "spec", key])
        }
        return errors.list
    }

    func warnings(_ object: Value) -> [String] {
        let spec = object["spec"] ?? [:]
        guard !spec.list("tokenRequests").isEmpty, spec.present("serviceAccountTokenInSecrets") == nil else {
            return []
        }
        return [
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible "
                + "logging of tokens in volume attributes"
        ]
    }
}

struct CSINodeStrategy: ResourceStrategy {
    private static let nodeIDBytesMax = 192
    /// What drivers may have that registered under older rules.
    private static let longNodeIDBytesMax = 256

    var allowsUnconditionalUpdate: Bool { false }
    var metadataOnUpdate: MetadataRepetition { .bothAndFull }

    func validateCreate(_ object: Value) -> [FieldError] { drivers(object, idBytesMax: Self.nodeIDBytesMax) }

    private func drivers(_ object: Value, idBytesMax: Int) -> [FieldError] {
        let path = FieldPath.root("spec.drivers")
        var errors = FieldErrors()
        var names = Set<String>()
        for (index, driver) in (object["spec"] ?? [:]).list("drivers").enumerated() {
            let own = path[index]
            let (name, node) = (driver.text("name"), driver.text("nodeID"))
            PersistentSourceValidation.driver(name, own["name"], &errors)
            if node.isEmpty { errors.required(own["nodeID"]) }
            if node.utf8.count > idBytesMax {
                errors.invalid(own["nodeID"], node, "must be \(idBytesMax) characters or less")
            }
            errors.nonnegative(own["allocatable"]["count"], driver[path: "allocatable", "count"]?.int)
            if !names.insert(name).inserted { errors.duplicate(own["name"], name) }
            var keys = Set<String>()
            for key in driver.list("topologyKeys").map({ $0.string ?? "" }) {
                if key.isEmpty { errors.required(own) }
                if !keys.insert(key).inserted { errors.duplicate(own, key) }
                errors.qualifiedName(own, key)
            }
        }
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let kept = (old["spec"] ?? [:]).list("drivers")
        let isLong = kept.contains { $0.text("nodeID").utf8.count > Self.nodeIDBytesMax }
        let own = drivers(object, idBytesMax: isLong ? Self.longNodeIDBytesMax : Self.nodeIDBytesMax)
        var errors = FieldErrors()
        for before in kept {
            for driver in (object["spec"] ?? [:]).list("drivers") where driver["name"] == before["name"] {
                var (new, old) = (driver, before)
                // How many volumes fit may be found out later.
                new["allocatable"] = nil
                old["allocatable"] = nil
                guard new != old else { continue }
                errors.invalid(
                    .root("spec.drivers"), GoShape.value(new, "CSINodeDriver"), "field is immutable")
            }
        }
        return own + own + errors.list
    }
}

struct CSIStorageCapacityStrategy: ResourceStrategy {
    var allowsUnconditionalUpdate: Bool { false }
    var metadataOnUpdate: MetadataRepetition { .both }

    func validate(_ object: Value) -> [FieldError] {
        var errors = FieldErrors()
        errors.selector(.root("nodeTopology"), object.present("nodeTopology"))
        errors.subdomain(.root("storageClassName"), object.text("storageClassName"))
        if let value = object.present("capacity"), let quantity = Quantity(PodQuality.text(value)), quantity.sign < 0 {
            errors.invalid(.root("capacity"), quantity.description, "must be greater than or equal to 0")
        }
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors = FieldErrors()
        for key in ["nodeTopology", "storageClassName"] { errors.immutable(.root(key), object[key], old[key]) }
        return errors.list
    }

    func warnings(_ object: Value) -> [String] {
        object.present("nodeTopology").map { NodeLabelWarnings.selector($0, "nodeTopology") } ?? []
    }
}

struct VolumeAttachmentStrategy: ResourceStrategy {
    private static let metadataBytesMax = 256 * 1024
    private static let messageBytesMax = 1024
    private static let oneSource = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"

    var allowsUnconditionalUpdate: Bool { false }
    var metadataOnUpdate: MetadataRepetition { .bothAndFull }

    func validateCreate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors = FieldErrors()
        errors.append(validate(object))
        // New ones are checked more strictly.
        let attacher = spec.text("attacher")
        if !attacher.isEmpty { PersistentSourceValidation.driver(attacher, .root("spec.attacher"), &errors) }
        if let name = spec[path: "source", "persistentVolumeName"]?.string {
            errors.subdomain(.root("spec.source.persistentVolumeName"), name)
        }
        return errors.list
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        if spec.text("attacher").isEmpty { errors.required(path["attacher"]) }
        source(spec["source"] ?? [:], path["source"], &errors)
        errors.subdomain(path["nodeName"], spec.text("nodeName"))
        errors.append(status(object))
        return errors.list
    }

    private func source(_ source: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        switch (source.present("inlineVolumeSpec"), source["persistentVolumeName"]?.string) {
        case (nil, nil): errors.required(path, Self.oneSource)
        case (.some, .some): errors.forbidden(path, Self.oneSource)
        case (nil, ""): errors.required(path["persistentVolumeName"], "must specify non empty persistentVolumeName")
        case (let spec?, nil):
            PersistentVolumeValidation(isInline: true).validate(spec, path["inlineVolumeSpec"], &errors)
        case (nil, .some): break
        }
    }

    private func status(_ object: Value) -> [FieldError] {
        let status = object["status"] ?? [:]
        let path = FieldPath.root("status")
        var errors = FieldErrors()
        let bytes = status.entries("attachmentMetadata").reduce(0) {
            $0 + $1.key.utf8.count + ($1.value.string ?? "").utf8.count
        }
        if bytes > Self.metadataBytesMax { errors.tooLong(path["attachmentMetadata"], max: Self.metadataBytesMax) }
        for name in ["attachError", "detachError"] {
            guard let error = status.present(name) else { continue }
            if error.text("message").utf8.count > Self.messageBytesMax {
                errors.tooLong(path[name]["message"], max: Self.metadataBytesMax)
            }
            if let code = error["errorCode"]?.int, code < 0 {
                errors.invalid(path[name]["errorCode"], code, "must be between 0 and 2147483647, inclusive")
            }
        }
        return errors.list
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        let own = validate(object)
        guard object["spec"] != old["spec"] else { return own }
        let shown = GoShape.value(object["spec"] ?? [:], "VolumeAttachmentSpec")
        return own + [.invalid("spec", shown, "field is immutable")]
    }

    func validateStatusUpdate(_ object: Value, from old: Value) -> [FieldError] {
        validate(object) + validateUpdate(object, from: old)
    }
}
