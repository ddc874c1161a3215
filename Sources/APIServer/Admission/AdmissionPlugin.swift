internal import APIMachinery

/// One write on its way through admission.
struct AdmissionRequest: Sendable {
    enum Operation: String, Sendable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    let operation: Operation
    let resource: Resource
    let subresource: String
    let namespace: String
    let name: String
    /// The state that is to be stored; `.null` for a delete.
    var object: Value
    /// The stored state; `nil` for a create.
    let old: Value?
    let user: UserInfo
    let isDryRun: Bool

    func isFor(_ group: String, _ plural: String) -> Bool {
        resource.id.plural == plural && resource.id.group == group
    }

    func forbidden(_ why: String, causes: [APIError.Cause] = []) -> APIError {
        .forbidden(resource.id, name, why, causes: causes)
    }
}

/// A built-in policy. Webhooks will be one more plug-in of this kind, hence `async`.
protocol AdmissionPlugin: Sendable {
    /// May change `request.object`, or refuse.
    func mutate(_ request: inout AdmissionRequest) async throws(APIError)
    /// May only refuse. Runs after the object was validated.
    func validate(_ request: AdmissionRequest) async throws(APIError)
    /// The write was not done after all: what `mutate` reserved is free again.
    func rollBack(_ request: AdmissionRequest)
    /// The write is done.
    func commit(_ request: AdmissionRequest)
}

extension AdmissionPlugin {
    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {}
    func validate(_ request: AdmissionRequest) async throws(APIError) {}
    func rollBack(_ request: AdmissionRequest) {}
    func commit(_ request: AdmissionRequest) {}
}

/// The plug-ins in the order they act.
struct AdmissionChain: Sendable {
    let plugins: [any AdmissionPlugin]

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        for (index, plugin) in plugins.enumerated() {
            do {
                try await plugin.mutate(&request)
            } catch {
                for done in plugins[...index] { done.rollBack(request) }
                throw error
            }
        }
    }

    func validate(_ request: AdmissionRequest) async throws(APIError) {
        for plugin in plugins { try await plugin.validate(request) }
    }

    func rollBack(_ request: AdmissionRequest) {
        for plugin in plugins { plugin.rollBack(request) }
    }

    func commit(_ request: AdmissionRequest) {
        for plugin in plugins { plugin.commit(request) }
    }
}
