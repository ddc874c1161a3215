internal import APIMachinery

/// A certificate request says who made it; the server fills that in.
struct CertificateSubject: AdmissionPlugin {
    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "certificates.k8s.io", plural: "certificatesigningrequests")
    }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .create, request.subresource.isEmpty,
            request.isFor("certificates.k8s.io", "certificatesigningrequests")
        else { return }
        let user = request.user
        request.object.editObject("spec") { spec in
            spec["username"] = .string(user.name)
            spec["uid"] = user.uid.isEmpty ? nil : .string(user.uid)
            spec["groups"] = user.groups.isEmpty ? nil : .strings(user.groups)
            spec["extra"] =
                user.extra.isEmpty
                ? nil : .record(user.extra.sorted { $0.key < $1.key }.map { ($0.key, .strings($0.value)) })
        }
    }
}

/// Approving a request and signing it take the right to do so for its signer, besides the right to write the object.
struct CertificateRights: AdmissionPlugin {
    let authorizer: AuthorizerChain

    func concerns(_ resource: Resource) -> Bool {
        resource.id == ResourceID(group: "certificates.k8s.io", plural: "certificatesigningrequests")
    }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        guard request.operation == .update, let old = request.old else { return }
        let signer = old[path: "spec", "signerName"]?.string ?? ""
        switch request.subresource {
        case "approval":
            guard !isAllowed(request.user, "approve", signer) else { return }
            throw request.forbidden("user not permitted to approve requests with signerName \(quoted(signer))")
        case "status":
            let before = old["status"] ?? [:]
            let after = request.object["status"] ?? [:]
            guard
                before["certificate"] != after["certificate"] || before.list("conditions") != after.list("conditions"),
                !isAllowed(request.user, "sign", signer)
            else { return }
            throw request.forbidden("user not permitted to sign requests with signerName \(quoted(signer))")
        default: return
        }
    }

    /// The right may be given for one signer or for all of a domain.
    private func isAllowed(_ user: UserInfo, _ verb: String, _ signer: String) -> Bool {
        let domain = signer.prefix { $0 != "/" } + "/*"
        return [signer, String(domain)].contains { name in
            authorizer.isAllowed(
                AccessAttributes(
                    user: user, verb: verb, isResourceRequest: true, group: "certificates.k8s.io", version: "*",
                    resource: "signers", name: name))
        }
    }
}
