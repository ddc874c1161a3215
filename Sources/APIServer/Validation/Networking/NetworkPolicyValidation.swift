internal import APIMachinery

/// Network policies: peers, ports and ranges.
struct NetworkPolicyValidation {
    /// Ranges that were stored under older rules may stay.
    var keptRanges: [String] = []
    var allowsInvalidValues = false

    init() {}

    init(stored: Value) {
        let spec = stored["spec"] ?? [:]
        for (_, block) in Self.blocks(spec) {
            keptRanges.append(block.text("cidr"))
            keptRanges += block.list("except").compactMap(\.string)
        }
        var errors = FieldErrors()
        errors.selector(.root(""), spec.present("podSelector"))
        allowsInvalidValues = !errors.isEmpty
    }

    func validate(_ policy: Value) -> [FieldError] {
        let spec = policy["spec"] ?? [:]
        let path = FieldPath.root("spec")
        var errors = FieldErrors()
        selector(spec.present("podSelector"), path["podSelector"], &errors)
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for (index, rule) in spec.list(direction).enumerated() {
                let own = path[direction][index]
                for (number, port) in rule.list("ports").enumerated() {
                    Self.port(port, own["ports"][number], &errors)
                }
                for (number, peer) in rule.list(peers).enumerated() { self.peer(peer, own[peers][number], &errors) }
            }
        }
        let types = spec.list("policyTypes")
        if types.count > 2 {
            errors.invalid(path["policyTypes"], .array(types), "may not specify more than two policyTypes")
            return errors.list
        }
        for (index, type) in types.enumerated() {
            errors.oneOf(["Ingress", "Egress"], path["policyTypes"][index], type.string ?? "")
        }
        return errors.list
    }

    private func selector(_ selector: Value?, _ path: FieldPath, _ errors: inout FieldErrors) {
        LabelSelectorValidation.validate(selector, path, allowsInvalidValues: allowsInvalidValues, &errors)
    }

    private static func port(_ port: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if let transport = port["protocol"]?.string {
            errors.oneOf(["TCP", "UDP", "SCTP"], path["protocol"], transport)
        }
        let end = port["endPort"]?.int
        switch port.present("port") {
        case .int(let number):
            errors.portNumber(path["port"], number)
            guard let end else { return }
            if end < number { errors.invalid(path["endPort"], end, "must be greater than or equal to `port`") }
            errors.portNumber(path["endPort"], end)
        case let name?:
            if let end { errors.invalid(path["endPort"], end, "may not be specified when `port` is non-numeric") }
            errors.violations(path["port"], name.string ?? "", NameValidation.portName(name.string ?? ""))
        case nil:
            if let end { errors.invalid(path["endPort"], end, "may not be specified when `port` is not specified") }
        }
    }

    private func peer(_ peer: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        var count = 0
        for kind in ["podSelector", "namespaceSelector"] {
            guard let selector = peer.present(kind) else { continue }
            count += 1
            self.selector(selector, path[kind], &errors)
        }
        let block = peer.present("ipBlock")
        if let block {
            count += 1
            self.block(block, path["ipBlock"], &errors)
        }
        if count == 0 {
            errors.required(path, "must specify a peer")
        } else if count > 1, block != nil {
            errors.forbidden(path, "may not specify both ipBlock and another peer")
        }
    }

    private func block(_ block: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        let text = block.text("cidr")
        guard !text.isEmpty else { return errors.required(path["cidr"]) }
        errors.append(AddressValidation.range(text, path["cidr"].text, kept: keptRanges))
        guard let range = CIDRText(text) else { return }
        for (index, value) in block.list("except").enumerated() {
            let own = path["except"][index]
            let text = value.string ?? ""
            errors.append(AddressValidation.range(text, own.text, kept: keptRanges))
            guard let exception = CIDRText(text) else { continue }
            if !range.strictlyContains(exception) {
                errors.invalid(own, text, "must be a strict subset of `cidr`")
            }
        }
    }

    static func warnings(_ policy: Value) -> [String] {
        var warnings: [String] = []
        for (path, block) in blocks(policy["spec"] ?? [:]) {
            warnings += AddressValidation.rangeWarnings(block.text("cidr"), path["cidr"].text)
            for (index, value) in block.list("except").enumerated() {
                warnings += AddressValidation.rangeWarnings(value.string ?? "", path["except"][index].text)
            }
        }
        return warnings
    }

    private static func blocks(_ spec: Value) -> [(path: FieldPath, block: Value)] {
        var found: [(path: FieldPath, block: Value)] = []
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for (index, rule) in spec.list(direction).enumerated() {
                for (number, peer) in rule.list(peers).enumerated() {
                    guard let block = peer.present("ipBlock") else { continue }
                    found.append((FieldPath.root("spec")[direction][index][peers][number]["ipBlock"], block))
                }
            }
        }
        return found
    }
}
