internal import APIMachinery
internal import Storage

/// Refuses what would exceed a quota of its namespace, and charges the rest to it.
///
/// The last plug-in of the chain: what it charges is only given back when the write fails.
struct ResourceQuotaAdmission: AdmissionPlugin {
    let ledger: QuotaLedger

    func concerns(_ resource: Resource) -> Bool {
        resource.isNamespaced && resource.id.plural != "events" && resource.supports("list")
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard Self.isCharged(request), ledger.hasQuotas(request.namespace) else { return }
        request.quotaCharge = try await ledger.charge(request)
    }

    func rollBack(_ request: AdmissionRequest) {
        guard let charge = request.quotaCharge else { return }
        ledger.settle(charge, request.namespace)
        ledger.recount(request.namespace)
    }

    func commit(_ request: AdmissionRequest) {
        if let charge = request.quotaCharge { ledger.settle(charge, request.namespace) }
        guard Self.mayFree(request) else { return }
        ledger.recount(request.namespace)
    }

    private static func isCharged(_ request: AdmissionRequest) -> Bool {
        let evaluator = QuotaEvaluator(request.resource.id)
        switch (request.operation, request.subresource) {
        case (.create, ""): return true
        case (.update, ""):
            if case .services = evaluator { return true }
            if case .claims = evaluator { return true }
            return false
        case (.update, "resize"):
            if case .pods = evaluator { return true }
            return false
        default: return false
        }
    }

    /// Writes after which less may be used, or after which a quota says something else.
    private static func mayFree(_ request: AdmissionRequest) -> Bool {
        if request.isFor("", "resourcequotas") { return request.subresource.isEmpty || request.operation == .delete }
        switch request.operation {
        case .delete: return true
        case .create, .connect: return false
        case .update:
            switch QuotaEvaluator(request.resource.id) {
            case .objects: return false
            case .services, .claims, .resourceClaims: return request.object["spec"] != request.old?["spec"]
            case .pods:
                if !request.subresource.isEmpty, request.subresource != "status" { return true }
                return request.object[path: "status", "phase"] != request.old?[path: "status", "phase"]
                    || request.object["spec"] != request.old?["spec"]
            }
        }
    }
}
