internal import APIMachinery

/// SubjectAccessReview and its kin: may somebody do something?
extension APIServer {
    private static let reviewGroup = "authorization.k8s.io"

    /// `subject`: who is asked about; `nil` for whom the review names.
    func reviewAccess(_ review: inout Value, for caller: UserInfo?, _ context: RequestContext) throws(APIError) {
        let errors = AccessReviewValidation.errors(review, resource: context.resource)
        guard errors.isEmpty else { throw .invalid(group: Self.reviewGroup, kind: "", "", errors) }
        let spec = review["spec"] ?? [:]
        let user = caller ?? Self.subject(spec)
        var attributes = AccessAttributes(user: user, verb: "", isResourceRequest: false)
        if let resource = spec.present("resourceAttributes") {
            attributes.isResourceRequest = true
            attributes.verb = resource.text("verb")
            attributes.group = resource.text("group")
            attributes.version = resource.text("version")
            attributes.resource = resource.text("resource")
            attributes.subresource = resource.text("subresource")
            attributes.namespace = resource.text("namespace")
            attributes.name = resource.text("name")
            attributes.fieldSelector = Self.fieldSelector(resource)
        } else if let other = spec.present("nonResourceAttributes") {
            attributes.verb = other.text("verb")
            attributes.path = other.text("path")
        }
        let decision = authorizer.decide(attributes)
        var status: Value = ["allowed": .bool(decision.isAllowed)]
        if decision.outcome == .deny { status["denied"] = true }
        if !decision.reason.isEmpty { status["reason"] = .string(decision.reason) }
        review["status"] = status
    }

    private static func subject(_ spec: Value) -> UserInfo {
        var user = UserInfo(
            name: spec.text("user"), uid: spec.text("uid"), groups: spec.list("groups").compactMap(\.string))
        for entry in spec.entries("extra") { user.extra[entry.key] = entry.value.array?.compactMap(\.string) ?? [] }
        return user
    }

    /// What cannot be understood counts as no selector, which asks for more.
    private static func fieldSelector(_ resource: Value) -> FieldRequirements {
        guard let selector = resource.present("fieldSelector") else { return .everything }
        if let raw = selector["rawSelector"]?.string, !raw.isEmpty {
            return (try? FieldRequirements.parse(raw)) ?? .everything
        }
        return FieldRequirements(
            selector.list("requirements").compactMap { requirement in
                guard let value = requirement.list("values").first?.string, requirement.list("values").count == 1,
                    ["In", "NotIn"].contains(requirement.text("operator"))
                else { return nil }
                return .init(
                    field: requirement.text("key"), isEqual: requirement.text("operator") == "In", value: value)
            })
    }

    /// What `kubectl auth can-i --list` shows.
    func reviewRules(_ review: Value, for user: UserInfo) throws(APIError) -> Value {
        let namespace = review[path: "spec", "namespace"]?.string ?? ""
        guard !namespace.isEmpty else { throw .badRequest("no namespace on request") }
        let found = authorizer.rbac.rules(for: user, namespace: namespace)
        var resources: [Value] = []
        var paths: [Value] = []
        for rule in found.rules {
            if !rule.resources.isEmpty {
                var part = rule
                part.nonResourceURLs = []
                resources.append(part.value)
            }
            if !rule.nonResourceURLs.isEmpty {
                paths.append(PolicyRule(verbs: rule.verbs, nonResourceURLs: rule.nonResourceURLs).value)
            }
        }
        var status: Value = [
            "resourceRules": .array(resources), "nonResourceRules": .array(paths), "incomplete": false,
        ]
        if found.errors.count == 1 { status["evaluationError"] = .string(found.errors[0]) }
        if found.errors.count > 1 {
            status["evaluationError"] = .string("[" + found.errors.joined(separator: ", ") + "]")
        }
        return [
            "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": [:], "spec": [:],
            "status": status,
        ]
    }
}

/// What upstream requires of an access review.
enum AccessReviewValidation {
    static func errors(_ review: Value, resource: Resource) -> [FieldError] {
        let spec = review["spec"] ?? [:]
        let wanted = spec.present("resourceAttributes")
        let other = spec.present("nonResourceAttributes")
        var errors: [FieldError] = []
        if wanted != nil, let other {
            errors.append(
                .invalid(
                    "spec.nonResourceAttributes", internalForm(other),
                    "cannot be specified in combination with resourceAttributes"))
        }
        if wanted == nil, other == nil {
            errors.append(
                .invalid(
                    "spec.resourceAttributes", Value?.none,
                    "exactly one of nonResourceAttributes or resourceAttributes must be specified"))
        }
        if resource.kind.kind != "SelfSubjectAccessReview", spec.text("user").isEmpty, spec.list("groups").isEmpty {
            errors.append(.invalid("spec.user", "", "at least one of user or group must be specified"))
        }
        if let wanted {
            errors += selector(wanted.present("fieldSelector"), "spec.resourceAttributes.fieldSelector", isLabel: false)
            errors += selector(wanted.present("labelSelector"), "spec.resourceAttributes.labelSelector", isLabel: true)
        }
        errors += metadata(review, isNamespaced: resource.isNamespaced)
        guard resource.isNamespaced else { return errors }
        if let wanted, wanted.text("namespace") != review.namespace {
            errors.append(
                .invalid(
                    "spec.resourceAttributes.namespace", wanted.text("namespace"), "must match metadata.namespace"))
        }
        if let other {
            errors.append(
                .invalid("spec.nonResourceAttributes", internalForm(other), "disallowed on this kind of request"))
        }
        return errors
    }

    private static func metadata(_ review: Value, isNamespaced: Bool) -> [FieldError] {
        var metadata = review.metadata
        let shown = metadata
        metadata["managedFields"] = nil
        if isNamespaced { metadata["namespace"] = nil }
        let isEmpty = metadata.fields?.entries.allSatisfy { $0.value.isEmptyValue } ?? true
        return isEmpty
            ? []
            : [.invalid("metadata", shown, isNamespaced ? "must be empty except for namespace" : "must be empty")]
    }

    /// Upstream shows the structure under the names its code has for the fields.
    private static func internalForm(_ attributes: Value) -> Value {
        ["Path": .string(attributes.text("path")), "Verb": .string(attributes.text("verb"))]
    }

    private static func selector(_ selector: Value?, _ path: String, isLabel: Bool) -> [FieldError] {
        guard let selector else { return [] }
        var errors: [FieldError] = []
        let raw = selector.text("rawSelector")
        let requirements = selector.list("requirements")
        if !raw.isEmpty, !requirements.isEmpty {
            errors.append(
                .invalid("\(path).rawSelector", raw, "may not specified at the same time as requirements"))
        }
        if raw.isEmpty, requirements.isEmpty {
            errors.append(
                .required(
                    "\(path).requirements", "when \(path) is specified, requirements or rawSelector is required"))
        }
        for (index, requirement) in requirements.enumerated() {
            errors += check(requirement, "\(path).requirements[\(index)]", isLabel: isLabel)
        }
        return errors
    }

    /// Operators of newer clients are let through: they narrow, and not to know them only asks for more.
    private static func check(_ requirement: Value, _ path: String, isLabel: Bool) -> [FieldError] {
        var errors: [FieldError] = []
        let values = requirement.list("values")
        switch requirement.text("operator") {
        case "In", "NotIn":
            if values.isEmpty {
                errors.append(
                    .required("\(path).values", "must be specified when `operator` is 'In' or 'NotIn'"))
            }
        case "Exists", "DoesNotExist":
            if !values.isEmpty {
                errors.append(
                    .forbidden("\(path).values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
            }
        default: break
        }
        let key = requirement.text("key")
        if isLabel {
            errors += NameValidation.qualifiedName(key).map { FieldError.invalid("\(path).key", key, $0) }
        } else if key.isEmpty {
            errors.insert(.required("\(path).key", "must be specified"), at: 0)
        }
        return errors
    }
}
