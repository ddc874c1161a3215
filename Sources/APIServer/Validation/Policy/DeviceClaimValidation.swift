internal import APIMachinery

/// Claims of devices, alone or as a template, and the classes they name.
enum DeviceClaimValidation {
    private static let listMax = 32
    private static let alternativesMax = 8
    private static let expressionBytesMax = 10 * 1024
    private static let driverBytesMax = 63

    static func claim(_ spec: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (devices, own) = (spec["devices"] ?? [:], path["devices"])
        let requests = devices.list("requests")
        let names = Set(
            requests.flatMap { request in
                [request.text("name")]
                    + request.list("firstAvailable").map { request.text("name") + "/" + $0.text("name") }
            })
        set(requests, max: listMax, key: { $0.text("name") }, "name", own["requests"], &errors) {
            request, path, errors in
            self.request(request, path, &errors)
        }
        slice(devices.list("constraints"), max: listMax, own["constraints"], &errors) { constraint, path, errors in
            references(constraint, names, path["requests"], &errors)
            let attribute = constraint.present("matchAttribute")?.string
            if let attribute {
                fullyQualified(attribute, path["matchAttribute"], &errors)
            } else if let distinct = constraint.present("distinctAttribute")?.string {
                fullyQualified(distinct, path["distinctAttribute"], &errors)
            } else {
                errors.required(path["matchAttribute"])
            }
        }
        slice(devices.list("config"), max: listMax, own["config"], &errors) { config, path, errors in
            references(config, names, path["requests"], &errors)
            configuration(config, path, &errors)
        }
    }

    static func slice(
        _ list: [Value], max: Int, _ path: FieldPath, _ errors: inout FieldErrors,
        _ check: (Value, FieldPath, inout FieldErrors) -> Void
    ) {
        if list.count > max { errors.tooMany(path, list.count, max: max) }
        for (index, element) in list.enumerated() { check(element, path[index], &errors) }
    }

    /// A list whose elements differ in one field.
    static func set(
        _ list: [Value], max: Int, key: (Value) -> String, _ field: String, _ path: FieldPath,
        _ errors: inout FieldErrors, _ check: (Value, FieldPath, inout FieldErrors) -> Void
    ) {
        if list.count > max { errors.tooMany(path, list.count, max: max) }
        var seen = Set<String>()
        for (index, element) in list.enumerated() {
            check(element, path[index], &errors)
            let text = key(element)
            if !seen.insert(text).inserted { errors.duplicate(field.isEmpty ? path[index] : path[index][field], text) }
        }
    }

    private static func name(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if name.isEmpty {
            errors.required(path)
        } else {
            errors.violations(path, name, NameValidation.dns1123Label(name))
        }
    }

    private static func references(
        _ value: Value, _ names: Set<String>, _ path: FieldPath, _ errors: inout FieldErrors
    ) {
        set(value.list("requests"), max: listMax, key: { $0.string ?? "" }, "", path, &errors) { name, path, errors in
            let text = name.string ?? ""
            for part in text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false) {
                self.name(String(part), path, &errors)
            }
            if !names.contains(text) { errors.invalid(path, text, "must be the name of a request in the claim") }
        }
    }

    private static func request(_ request: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        name(request.text("name"), path["name"], &errors)
        let (exactly, alternatives) = (request.present("exactly"), request.list("firstAvailable"))
        if !alternatives.isEmpty {
            set(
                alternatives, max: alternativesMax, key: { $0.text("name") }, "name", path["firstAvailable"], &errors
            ) { alternative, path, errors in
                name(alternative.text("name"), path["name"], &errors)
                device(alternative, path, &errors)
            }
        }
        if let exactly { device(exactly, path["exactly"], &errors) }
        let words = "exactly one of `exactly` or `firstAvailable` is required"
        switch (exactly != nil, !alternatives.isEmpty) {
        case (false, false): errors.required(path, words)
        case (true, true): errors.invalid(path, nil as Value?, words + ", but multiple fields are set")
        default: break
        }
    }

    private static func device(_ request: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let deviceClass = request.text("deviceClassName")
        if deviceClass.isEmpty {
            errors.required(path["deviceClassName"])
        } else {
            errors.subdomain(path["deviceClassName"], deviceClass)
        }
        selectors(request.list("selectors"), path["selectors"], &errors)
        let (mode, count) = (request.text("allocationMode"), request["count"]?.int ?? 0)
        switch mode {
        case "All":
            if count != 0 {
                errors.invalid(path["count"], count, "must not be specified when allocationMode is 'All'")
            }
        case "ExactCount":
            if count <= 0 { errors.invalid(path["count"], count, "must be greater than zero") }
        default: errors.notSupported(path["allocationMode"], mode, ["All", "ExactCount"])
        }
        for (index, toleration) in request.list("tolerations").enumerated() {
            self.toleration(toleration, path["tolerations"][index], &errors)
        }
    }

    private static func toleration(_ toleration: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (key, operation) = (toleration.text("key"), toleration.text("operator"))
        if !key.isEmpty { errors.qualifiedName(path["key"], key) }
        switch operation {
        case "Exists":
            if !toleration.text("value").isEmpty {
                errors.invalid(path["value"], toleration.text("value"), "must be empty for operator `Exists`")
            }
        case "Equal":
            if key.isEmpty { errors.required(path["key"], "must be set for operator `Equal`") }
            errors.violations(
                path["value"], toleration.text("value"), NameValidation.labelValue(toleration.text("value")))
        case "": errors.required(path["operator"])
        default: errors.notSupported(path["operator"], operation, ["Equal", "Exists"])
        }
        let effect = toleration.text("effect")
        if !effect.isEmpty { errors.oneOf(["NoExecute", "NoSchedule", "None"], path["effect"], effect) }
    }

    static func selectors(_ selectors: [Value], _ path: FieldPath, _ errors: inout FieldErrors) {
        slice(selectors, max: listMax, path, &errors) { selector, path, errors in
            guard let cel = selector.present("cel") else { return errors.required(path["cel"]) }
            let expression = cel.text("expression")
            if expression.utf8.count > expressionBytesMax {
                errors.tooLong(path["cel"]["expression"], max: expressionBytesMax)
            } else if AdmissionRules.isBlank(expression) {
                errors.required(path["cel"]["expression"])
            }
        }
    }

    /// `d.example.com/attribute`
    private static func fullyQualified(_ text: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !text.isEmpty else { return errors.required(path) }
        guard text.contains("/") else { return errors.invalid(path, text, "must include a domain") }
        qualified(text, path, &errors)
    }

    private static let identifierBytesMax = 32

    /// An attribute's name: a C identifier, with the domain of its driver or without.
    static func qualified(_ text: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            if parts[0].isEmpty {
                errors.required(path, "the domain must not be empty")
            } else {
                driver(parts[0], path, &errors)
            }
        }
        let name = parts.last ?? ""
        guard !name.isEmpty else { return errors.required(path, "the name must not be empty") }
        if name.utf8.count > identifierBytesMax { errors.tooLong(path, max: identifierBytesMax) }
        let bytes = Array(name.utf8)
        func isLetter(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || (byte | 0x20) &- UInt8(ascii: "a") < 26 }
        guard !isLetter(bytes[0]) || !bytes.allSatisfy({ isLetter($0) || $0 &- UInt8(ascii: "0") < 10 }) else { return }
        errors.invalid(
            path, name,
            "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
                + "characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is "
                + "'[A-Za-z_][A-Za-z0-9_]*')")
    }

    static func driver(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !name.isEmpty else { return errors.required(path) }
        if name.utf8.count > driverBytesMax { errors.tooLong(path, max: driverBytesMax) }
        errors.violations(path, name, NameValidation.dns1123Subdomain(name.lowercased()))
    }

    static func configuration(_ config: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let opaque = config.present("opaque") else { return errors.required(path["opaque"]) }
        driver(opaque.text("driver"), path["opaque"]["driver"], &errors)
        switch opaque["parameters"] {
        case nil, .null: errors.required(path["opaque"]["parameters"])
        case .object: break
        default: errors.invalid(path["opaque"]["parameters"], "<value omitted>", "must be a valid JSON object")
        }
    }

    static func deviceClass(_ object: Value) -> [FieldError] {
        let (spec, path) = (object["spec"] ?? [:], FieldPath.root("spec"))
        var errors = FieldErrors()
        selectors(spec.list("selectors"), path["selectors"], &errors)
        slice(spec.list("config"), max: listMax, path["config"], &errors) { config, path, errors in
            configuration(config, path, &errors)
        }
        if let name = spec.present("extendedResourceName")?.string {
            let isExtended =
                name.contains("/") && !name.contains("kubernetes.io/") && !name.hasPrefix("requests.")
                && NameValidation.qualifiedName("requests." + name).isEmpty
            if !isExtended {
                errors.invalid(path["extendedResourceName"], name, "must be a valid extended resource name")
            }
        }
        return errors.list
    }
}
