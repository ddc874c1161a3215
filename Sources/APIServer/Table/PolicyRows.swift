internal import APIMachinery

/// Rows of access control, admission, scheduling, quotas of disruption, certificates and devices.
enum PolicyRows {
    static func binding(_ object: PrintedObject) -> PrintedRow {
        var users: [String] = []
        var groups: [String] = []
        var accounts: [String] = []
        for subject in object.list("subjects") {
            let name = subject["name"]?.string ?? ""
            switch subject["kind"]?.string {
            case "User": users.append(name)
            case "Group": groups.append(name)
            case "ServiceAccount": accounts.append((subject["namespace"]?.string ?? "") + "/" + name)
            default: break
            }
        }
        let role = object.string("roleRef", "kind") + "/" + object.string("roleRef", "name")
        return PrintedRow(
            [object.name, .string(role), object.age]
                + [users, groups, accounts].map { .string($0.joined(separator: ", ")) }
        )
    }

    static func disruptionBudget(_ object: PrintedObject) -> PrintedRow {
        func limit(_ name: String) -> Value {
            switch object["spec", name] {
            case .string(let text)?: .string(text)
            case .int(let count)?: .string(String(count))
            default: "N/A"
            }
        }
        return PrintedRow([
            object.name, limit("minAvailable"), limit("maxUnavailable"),
            .int(object.int("status", "disruptionsAllowed")), object.age,
        ])
    }

    static func priorityClass(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([
            object.name, .int(object.int("value")), .bool(object["globalDefault"]?.bool ?? false), object.age,
            object.string("preemptionPolicy", or: "PreemptLowerPriority"),
        ])
    }

    static func lease(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("spec", "holderIdentity")), object.age])
    }

    static func runtimeClass(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .string(object.string("handler")), object.age])
    }

    static func webhooks(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .int(object.count("webhooks")), object.age])
    }

    static func validatingPolicy(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .int(object.count("spec", "validations")), parameterKind(object), object.age])
    }

    static func mutatingPolicy(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([object.name, .int(object.count("spec", "mutations")), parameterKind(object), object.age])
    }

    private static func parameterKind(_ object: PrintedObject) -> Value {
        guard let kind = object["spec", "paramKind"], !kind.isNull else { return "<unset>" }
        return .string((kind["apiVersion"]?.string ?? "") + "/" + (kind["kind"]?.string ?? ""))
    }

    static func policyBinding(_ object: PrintedObject) -> PrintedRow {
        var reference: Value = "<unset>"
        if let parameter = object["spec", "paramRef"], !parameter.isNull {
            let namespace = parameter["namespace"]?.string ?? ""
            let name = parameter["name"]?.string ?? ""
            reference = .string((namespace.isEmpty ? "*" : namespace) + "/" + (name.isEmpty ? "*" : name))
        }
        return PrintedRow([object.name, .string(object.string("spec", "policyName")), reference, object.age])
    }

    static func certificateSigningRequest(_ object: PrintedObject) -> PrintedRow {
        let seconds = object["spec", "expirationSeconds"]?.int
        return PrintedRow([
            object.name, object.age, object.string("spec", "signerName", or: "<none>"),
            .string(object.string("spec", "username")),
            .string(seconds.map { HumanDuration.text(.seconds($0)) } ?? "<none>"),
            .string(certificateState(object)),
        ])
    }

    private static func certificateState(_ request: PrintedObject) -> String {
        let types = Set(request.list("status", "conditions").compactMap { $0["type"]?.string })
        var states: [String] = []
        if types.contains("Denied") {
            states.append("Denied")
        } else if types.contains("Approved") {
            states.append("Approved")
        } else {
            states.append("Pending")
        }
        if types.contains("Failed") { states.append("Failed") }
        if !request.string("status", "certificate").isEmpty { states.append("Issued") }
        return states.joined(separator: ",")
    }

    static func apiService(_ object: PrintedObject) -> PrintedRow {
        var service = "Local"
        if let reference = object["spec", "service"], !reference.isNull {
            service = (reference["namespace"]?.string ?? "") + "/" + (reference["name"]?.string ?? "")
        }
        var available = "Unknown"
        if let condition = object.condition("Available") {
            available = condition["status"]?.string ?? "Unknown"
            if available != "True", let reason = condition["reason"]?.string { available += " (\(reason))" }
        }
        return PrintedRow([object.name, .string(service), .string(available), object.age])
    }

    static func resourceClaim(_ object: PrintedObject) -> PrintedRow {
        var states: [String] = []
        if object.isBeingDeleted { states.append("deleted") }
        if let allocation = object["status", "allocation"], !allocation.isNull { states.append("allocated") }
        if object.count("status", "reservedFor") > 0 { states.append("reserved") }
        let state = states.isEmpty ? "pending" : states.joined(separator: ",")
        return PrintedRow([object.name, .string(state), object.age])
    }

    static func resourceSlice(_ object: PrintedObject) -> PrintedRow {
        PrintedRow([
            object.name, .string(object.string("spec", "nodeName")), .string(object.string("spec", "driver")),
            .string(object.string("spec", "pool", "name")), object.age,
        ])
    }

    static func flowSchema(_ object: PrintedObject) -> PrintedRow {
        let missing = object.condition("Dangling")?["status"]?.string ?? "?"
        return PrintedRow([
            object.name, .string(object.string("spec", "priorityLevelConfiguration", "name")),
            .int(object.int("spec", "matchingPrecedence")),
            object.string("spec", "distinguisherMethod", "type", or: "<none>"),
            object.age, .string(missing),
        ])
    }

    static func priorityLevel(_ object: PrintedObject) -> PrintedRow {
        func queuing(_ name: String) -> Value {
            object["spec", "limited", "limitResponse", "queuing", name] ?? "<none>"
        }
        let shares = object["spec", "limited", "nominalConcurrencyShares"]
        return PrintedRow([
            object.name, .string(object.string("spec", "type")), shares ?? "<none>",
            queuing("queues"),
            queuing("handSize"),
            queuing("queueLengthLimit"), object.age,
        ])
    }
}
