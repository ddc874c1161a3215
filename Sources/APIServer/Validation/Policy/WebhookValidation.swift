internal import APIMachinery

/// Webhook configurations.
enum WebhookValidation {
    private static let reviewVersions = ["v1", "v1beta1"]
    private static let timeoutSeconds: ClosedRange<Int64> = 1...30

    static func validate(_ object: Value, isMutating: Bool) -> [FieldError] {
        var errors = FieldErrors()
        var names = Set<String>()
        for (index, hook) in object.list("webhooks").enumerated() {
            let path = FieldPath.root("webhooks")[index]
            webhook(hook, path, isMutating: isMutating, &errors)
            versions(
                hook.list("admissionReviewVersions").compactMap(\.string), path["admissionReviewVersions"], &errors)
            let name = hook.text("name")
            if !name.isEmpty, !names.insert(name).inserted { errors.duplicate(path["name"], name) }
        }
        return errors.list
    }

    private static func webhook(_ hook: Value, _ path: FieldPath, isMutating: Bool, _ errors: inout FieldErrors) {
        name(hook.text("name"), path["name"], &errors)
        for (index, rule) in hook.list("rules").enumerated() {
            AdmissionRules.operations(rule, path["rules"][index], &errors)
        }
        for (name, supported) in [("failurePolicy", ["Fail", "Ignore"]), ("matchPolicy", ["Equivalent", "Exact"])] {
            if let text = hook.present(name)?.string { errors.oneOf(supported, path[name], text) }
        }
        if let effects = hook.present("sideEffects")?.string {
            errors.oneOf(["None", "NoneOnDryRun"], path["sideEffects"], effects)
        } else {
            errors.required(path["sideEffects"], "must specify one of None, NoneOnDryRun")
        }
        if let seconds = hook["timeoutSeconds"]?.int, !timeoutSeconds.contains(seconds) {
            errors.invalid(
                path["timeoutSeconds"], seconds, "the timeout value must be between 1 and 30 seconds")
        }
        for name in ["namespaceSelector", "objectSelector"] { errors.selector(path[name], hook[name]) }
        if isMutating, let policy = hook.present("reinvocationPolicy")?.string {
            errors.oneOf(["IfNeeded", "Never"], path["reinvocationPolicy"], policy)
        }
        client(hook["clientConfig"] ?? [:], path["clientConfig"], &errors)
        AdmissionRules.matchConditions(hook.list("matchConditions"), path["matchConditions"], &errors)
    }

    private static func name(_ name: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !name.isEmpty else { return errors.required(path) }
        let violations = NameValidation.dns1123Subdomain(name)
        if !violations.isEmpty {
            errors.invalid(path, name, violations.joined(separator: ","))
        } else if name.split(separator: ".").count < 3 {
            errors.invalid(path, name, "should be a domain with at least three segments separated by dots")
        }
    }

    private static func versions(_ versions: [String], _ path: FieldPath, _ errors: inout FieldErrors) {
        guard !versions.isEmpty else {
            return errors.required(path, "must specify one of " + reviewVersions.joined(separator: ", "))
        }
        var seen = Set<String>()
        for (index, version) in versions.enumerated() {
            if seen.insert(version).inserted {
                errors.violations(path[index], version, NameValidation.dns1035Label(version))
            } else {
                errors.invalid(path[index], version, "duplicate version")
            }
        }
        guard seen.isDisjoint(with: reviewVersions) else { return }
        errors.invalid(
            path, .strings(versions), "must include at least one of " + reviewVersions.joined(separator: ", "))
    }

    private static func client(_ client: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let (url, service) = (client.present("url")?.string, client.present("service"))
        switch (url, service) {
        case (let url?, nil): WebhookAddress.url(url, path["url"], &errors)
        case (nil, let service?): WebhookAddress.service(service, path["service"], &errors)
        default: errors.required(path, "exactly one of url or service is required")
        }
    }
}

/// Where a webhook is called.
enum WebhookAddress {
    private static let form = "; desired format: https://host[/path]"

    static func url(_ url: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        var rest = Substring(url)
        func cut(after mark: Character) -> String {
            guard let index = rest.firstIndex(of: mark) else { return "" }
            defer { rest = rest[..<index] }
            return String(rest[rest.index(after: index)...])
        }
        let fragment = cut(after: "#")
        let query = cut(after: "?")
        let scheme = rest.firstIndex(of: ":").map { String(rest[..<$0]) } ?? ""
        var authority = ""
        if let start = rest.ranges(of: "://").first {
            authority = String(rest[start.upperBound...].prefix { $0 != "/" })
        }
        let parts = authority.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let (user, host) = parts.count == 2 ? (parts[0], parts[1]) : ("", authority)
        if url.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) || host.contains(" ") {
            return errors.required(path, "url must be a valid URL: parse \(quoted(url)): invalid character" + form)
        }
        if scheme.lowercased() != "https" {
            errors.invalid(path, scheme.lowercased(), "'https' is the only allowed URL scheme" + form)
        }
        if host.isEmpty { errors.invalid(path, host, "host must be specified" + form) }
        if parts.count == 2 { errors.invalid(path, user, "user information is not permitted in the URL") }
        if !fragment.isEmpty { errors.invalid(path, fragment, "fragments are not permitted in the URL") }
        if !query.isEmpty { errors.invalid(path, query, "query parameters are not permitted in the URL") }
    }

    static func service(_ service: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for part in ["name", "namespace"] where service.text(part).isEmpty { errors.required(path[part]) }
        errors.portNumber(path["port"], service["port"]?.int ?? 0, prefix: "port is not valid: ")
        let text = service.text("path")
        let own = path["path"]
        guard !text.isEmpty, text != "/" else { return }
        guard text != "//" else { return errors.invalid(own, text, "segment[0] may not be empty") }
        if !text.hasPrefix("/") { errors.invalid(own, text, "must start with a '/'") }
        var steps = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if steps.count > 1, steps.last == "" { steps.removeLast() }
        for (index, step) in steps.enumerated() {
            guard !step.isEmpty else {
                errors.invalid(own, text, "segment[\(index)] may not be empty")
                continue
            }
            for violation in NameValidation.dns1123Subdomain(step) {
                errors.invalid(own, text, "segment[\(index)]: \(violation)")
            }
        }
    }
}
