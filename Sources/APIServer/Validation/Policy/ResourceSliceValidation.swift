internal import APIMachinery

/// ResourceSlices: the devices that a driver offers.
enum ResourceSliceValidation {
    private static let spec = FieldPath.root("spec")
    private static let devicesMax = 128
    private static let countersMax = 32
    private static let attributesMax = 32
    private static let poolBytesMax = 253
    private static let textBytesMax = 64
    private static let taintsMax = 16

    static func validate(_ object: Value, from old: Value? = nil) -> [FieldError] {
        let value = object["spec"] ?? [:]
        var errors = FieldErrors()
        DeviceClaimValidation.driver(value.text("driver"), spec["driver"], &errors)
        pool(value["pool"] ?? [:], spec["pool"], &errors)
        if let kept = old?["spec"] {
            errors.immutable(spec["pool"]["name"], value[path: "pool", "name"], kept[path: "pool", "name"])
            errors.immutable(spec["driver"], value["driver"], kept["driver"])
            errors.immutable(spec["nodeName"], value["nodeName"], kept["nodeName"])
        }
        nodes(value, &errors)
        DeviceClaimValidation.set(
            value.list("sharedCounters"), max: countersMax, key: { $0.text("name") }, "name", spec["sharedCounters"],
            &errors
        ) { set, path, errors in
            label(set.text("name"), path["name"], &errors)
            if set.entries("counters").isEmpty { errors.required(path["counters"]) }
        }
        let isPerDevice = value["perDeviceNodeSelection"]?.bool == true
        DeviceClaimValidation.set(
            value.list("devices"), max: devicesMax, key: { $0.text("name") }, "name", spec["devices"], &errors
        ) { device, path, errors in
            self.device(device, path, isPerDevice: isPerDevice, &errors)
        }
        return errors.list
    }

    private static func label(_ text: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if text.isEmpty {
            errors.required(path)
        } else {
            errors.violations(path, text, NameValidation.dns1123Label(text))
        }
    }

    private static func pool(_ pool: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let name = pool.text("name")
        if name.isEmpty {
            errors.required(path["name"])
        } else {
            if name.utf8.count > poolBytesMax { errors.tooLong(path["name"], max: poolBytesMax) }
            for part in name.split(separator: "/", omittingEmptySubsequences: false) {
                errors.subdomain(path["name"], String(part))
            }
        }
        let count = pool["resourceSliceCount"]?.int ?? 0
        if count <= 0 { errors.invalid(path["resourceSliceCount"], count, "must be greater than zero") }
        if let generation = pool["generation"]?.int, generation < 0 {
            errors.invalid(path["generation"], generation, "must be greater than or equal to zero")
        }
    }

    /// Which nodes reach the devices is said in exactly one way.
    private static func nodes(_ value: Value, _ errors: inout FieldErrors) {
        var ways: [String] = []
        if let name = value.present("nodeName")?.string {
            if name.isEmpty {
                errors.invalid(spec["nodeName"], name, "must be either unset or set to a non-empty string")
            } else {
                ways.append("`nodeName`")
                errors.subdomain(spec["nodeName"], name)
            }
        }
        if let selector = value.present("nodeSelector") {
            ways.append("`nodeSelector`")
            self.selector(selector, spec["nodeSelector"], &errors)
        }
        for name in ["allNodes", "perDeviceNodeSelection"] {
            guard let flag = value.present(name)?.bool else { continue }
            if flag {
                ways.append("`\(name)`")
            } else {
                errors.invalid(spec[name], false, "must be either unset or set to true")
            }
        }
        let words = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
        if ways.isEmpty { errors.required(spec, words) }
        if ways.count > 1 {
            errors.invalid(spec, "{\(ways.joined(separator: ", "))}", words + ", but multiple fields are set")
        }
    }

    private static func selector(_ selector: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let terms = selector.list("nodeSelectorTerms")
        AffinityValidation.nodeSelector(selector, path, &errors)
        if terms.count != 1 {
            errors.invalid(
                path["nodeSelectorTerms"], .array(terms), "must have exactly one node selector term")
        }
    }

    private static func device(
        _ device: Value, _ path: FieldPath, isPerDevice: Bool, _ errors: inout FieldErrors
    ) {
        label(device.text("name"), path["name"], &errors)
        let (attributes, capacity) = (device.entries("attributes"), device.entries("capacity"))
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            let own = path["attributes"].key(name)
            DeviceClaimValidation.qualified(name, own, &errors)
            attribute(value, own, &errors)
        }
        for (name, _) in capacity.sorted(by: { $0.key < $1.key }) {
            DeviceClaimValidation.qualified(name, path["capacity"].key(name), &errors)
        }
        if attributes.count + capacity.count > attributesMax {
            errors.invalid(
                path, .int(Int64(attributes.count + capacity.count)),
                "the total number of attributes and capacities must not exceed \(attributesMax)")
        }
        DeviceClaimValidation.slice(device.list("taints"), max: taintsMax, path["taints"], &errors) {
            taint, path, errors in
            errors.qualifiedName(path["key"], taint.text("key"))
            errors.violations(path["value"], taint.text("value"), NameValidation.labelValue(taint.text("value")))
            errors.requiredOneOf(["NoExecute", "NoSchedule", "None"], path["effect"], taint.text("effect"))
        }
        let ways = ["nodeName", "nodeSelector", "allNodes"].filter { device.present($0) != nil }
        if isPerDevice {
            let words =
                "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when "
                + "`perDeviceNodeSelection` is set to true in the ResourceSlice spec"
            if ways.isEmpty { errors.required(path, words) }
            if ways.count > 1 {
                let list = ways.map { "`\($0)`" }.joined(separator: ", ")
                errors.invalid(path, "{\(list)}", words)
            }
        } else {
            for way in ways {
                errors.invalid(
                    path[way], device[way],
                    "`\(way)` is only allowed if `perDeviceNodeSelection` is set to true in the ResourceSlice spec")
            }
        }
    }

    private static let attributeKinds = [
        "bool", "int", "string", "version", "bools", "ints", "strings", "versions",
    ]

    private static func attribute(_ value: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let kinds = attributeKinds.filter { value.present($0) != nil }
        if let text = value.present("string")?.string, text.utf8.count > textBytesMax {
            errors.tooLong(path["string"], max: textBytesMax)
        }
        if let text = value.present("version")?.string {
            if !isVersion(text) {
                errors.invalid(path["version"], text, "must be a string compatible with semver.org spec 2.0.0")
            }
            if text.utf8.count > textBytesMax { errors.tooLong(path["version"], max: textBytesMax) }
        }
        switch kinds.count {
        case 0: errors.required(path, "exactly one value must be specified")
        case 1: break
        default: errors.invalid(path, value, "exactly one value must be specified")
        }
    }

    /// `1.2.3-beta.1+build`
    private static func isVersion(_ text: String) -> Bool {
        let core = text.prefix { $0 != "-" && $0 != "+" }
        let numbers = core.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 3
            && numbers.allSatisfy { number in
                !number.isEmpty && number.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
                    && (number.count == 1 || !number.hasPrefix("0"))
            }
    }
}
