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
