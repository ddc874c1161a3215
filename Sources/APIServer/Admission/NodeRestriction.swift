internal import APIMachinery
internal import Storage

/// A node writes only what is its own: its Node, its lease, and the pods that run on it
/// (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction).
struct NodeRestriction: AdmissionPlugin {
    let store: any Store
    /// `/registry/pods/`
    let pods: String
    /// `/registry/minions/`
    let nodes: String

    private static let resources: Set<ResourceID> = [
        ResourceID(group: "", plural: "pods"), ResourceID(group: "", plural: "nodes"),
        ResourceID(group: "", plural: "persistentvolumeclaims"), ResourceID(group: "", plural: "serviceaccounts"),
        ResourceID(group: "coordination.k8s.io", plural: "leases"),
        ResourceID(group: "storage.k8s.io", plural: "csinodes"),
        ResourceID(group: "resource.k8s.io", plural: "resourceslices"),
    ]

    func concerns(_ resource: Resource) -> Bool { Self.resources.contains(resource.id) }

    func mutate(_ request: inout AdmissionRequest) async throws(APIError) { try check(request) }

    func validate(_ request: inout AdmissionRequest) async throws(APIError) {
        // Deletes pass only here.
        if request.operation == .delete { try check(request) }
    }

    private func check(_ request: AdmissionRequest) throws(APIError) {
        let prefix = "system:node:"
        guard request.user.name.hasPrefix(prefix), request.user.groups.contains("system:nodes") else { return }
        let node = String(request.user.name.dropFirst(prefix.utf8.count))
        guard !node.isEmpty else {
            throw request.forbidden("could not determine node from user \(quoted(request.user.name))")
        }
        let name = request.name.isEmpty ? request.object.name : request.name
        switch request.resource.id.plural {
        case "pods": try checkPod(request, node)
        case "nodes": try NodeOwnRules.check(request, node, name)
        case "persistentvolumeclaims": try checkClaim(request, node)
        case "serviceaccounts": try checkToken(request, node)
        case "leases":
            guard request.namespace == "kube-node-lease" else {
                throw request.forbidden("can only access leases in the \"kube-node-lease\" system namespace")
            }
            guard name == node else {
                throw request.forbidden("can only access node lease with the same name as the requesting node")
            }
        case "csinodes":
            guard name == node else {
                throw request.forbidden("can only access CSINode with the same name as the requesting node")
            }
        case "resourceslices": try checkSlice(request, node)
        default: break
        }
    }

    private func checkSlice(_ request: AdmissionRequest, _ node: String) throws(APIError) {
        guard request.operation != .update else { return }
        let slice = request.operation == .create ? request.object : request.old ?? [:]
        guard slice[path: "spec", "nodeName"]?.string != node else { return }
        throw request.forbidden(
            "can only \(request.operation.rawValue.lowercased()) ResourceSlice with the same NodeName as the requesting node"
        )
    }

    // MARK: Pods

    private func checkPod(_ request: AdmissionRequest, _ node: String) throws(APIError) {
        let isOwn = request.old?[path: "spec", "nodeName"]?.string == node
        switch (request.subresource, request.operation) {
        case ("", .create): try MirrorPodRules(request: request, node: node).check(storedNode(node))
        case ("", .delete):
            guard isOwn else {
                throw request.forbidden("node \(quoted(node)) can only delete pods with spec.nodeName set to itself")
            }
        case ("", _):
            throw request.forbidden(
                "unexpected operation \(quoted(request.operation.rawValue)), node \(quoted(node)) can only create and "
                    + "delete mirror pods")
        case ("status", .update):
            guard isOwn else {
                throw request.forbidden(
                    "node \(quoted(node)) can only update pod status for pods with spec.nodeName set to itself")
            }
            guard request.object.metadata.stringMap("labels") == request.old?.metadata.stringMap("labels") else {
                throw request.forbidden("node \(quoted(node)) cannot update labels through pod status")
            }
            guard
                (request.object["status"] ?? [:]).list("resourceClaimStatuses")
                    == (request.old?["status"] ?? [:]).list("resourceClaimStatuses")
            else { throw request.forbidden("node \(quoted(node)) cannot update resource claim statues") }
        case ("status", _):
            throw request.forbidden("unexpected operation \(quoted(request.operation.rawValue))")
        case ("eviction", _):
            guard pod(request.namespace, request.name)?[path: "spec", "nodeName"]?.string == node else {
                throw request.forbidden("node \(node) can only evict pods with spec.nodeName set to itself")
            }
        default:
            throw request.forbidden(
                "unexpected pod subresource \(quoted(request.subresource)), only 'status' and 'eviction' are allowed")
        }
    }

    private func pod(_ namespace: String, _ name: String) -> Value? {
        store.get(pods + namespace + "/" + name).flatMap { try? Value(json: $0.value) }
    }

    private func storedNode(_ name: String) -> Value? {
        store.get(nodes + name).flatMap { try? Value(json: $0.value) }
    }

    // MARK: Claims and tokens

    private func checkClaim(_ request: AdmissionRequest, _ node: String) throws(APIError) {
        guard request.subresource == "status" else { throw request.forbidden("may only update PVC status") }
        guard request.operation == .update, let old = request.old else {
            throw request.forbidden("unexpected operation \(quoted(request.operation.rawValue))")
        }
        func fixed(_ claim: Value) -> Value {
            var claim = claim
            claim.editMetadata {
                $0["resourceVersion"] = nil
                $0["managedFields"] = nil
            }
            claim.edit("status") { status in
                for key in ["capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"] {
                    status[key] = nil
                }
            }
            if claim["status"]?.isEmptyValue == true { claim["status"] = nil }
            return claim
        }
        guard fixed(request.object) == fixed(old) else {
            throw request.forbidden(
                "node \(quoted(node)) is not allowed to update fields other than status.capacity and status.conditions")
        }
    }

    /// A node gets tokens only for pods that run on it, and only with the audiences these pods ask for.
    private func checkToken(_ request: AdmissionRequest, _ node: String) throws(APIError) {
        guard request.operation == .create, request.subresource == "token" else { return }
        let reference = request.object[path: "spec", "boundObjectRef"] ?? [:]
        guard reference.text("apiVersion") == "v1", reference.text("kind") == "Pod", !reference.text("name").isEmpty
        else { throw request.forbidden("node requested token not bound to a pod") }
        let uid = reference.text("uid")
        guard !uid.isEmpty else { throw request.forbidden("node requested token with a pod binding without a uid") }
        guard let pod = pod(request.namespace, reference.text("name")) else {
            throw .notFound(ResourceID(group: "", plural: "pods"), reference.text("name"))
        }
        guard uid == pod.uid else {
            throw request.forbidden(
                "the UID in the bound object reference (\(uid)) does not match the UID in record. The object might have "
                    + "been deleted and then recreated")
        }
        guard pod[path: "spec", "nodeName"]?.string == node else {
            throw request.forbidden("node requested token bound to a pod scheduled on a different node")
        }
        let audiences = (request.object["spec"] ?? [:]).list("audiences").compactMap(\.string)
        guard audiences.count < 2 else { throw request.forbidden("node may only request 0 or 1 audiences") }
        let audience = audiences.first ?? ""
        guard Self.asks(pod, for: audience) else {
            throw request.forbidden("audience \(quoted(audience)) not found in pod spec volume")
        }
    }

    private static func asks(_ pod: Value, for audience: String) -> Bool {
        (pod["spec"] ?? [:]).list("volumes").contains { volume in
            // What a storage driver asks for is in its CSIDriver; such volumes are not told apart here.
            if ["csi", "persistentVolumeClaim", "ephemeral"].contains(where: { volume.present($0) != nil }) {
                return true
            }
            return (volume["projected"]?.list("sources") ?? []).contains {
                $0.present("serviceAccountToken")?.text("audience") == audience
            }
        }
    }
}

/// The only pods a node makes itself: images of those it runs from files of its own.
struct MirrorPodRules {
    let request: AdmissionRequest
    let node: String

    func check(_ stored: Value?) throws(APIError) {
        let pod = request.object
        let spec = pod["spec"] ?? [:]
        guard pod.metadata["annotations"]?[ServiceAccountAdmission.mirrorAnnotation] != nil else {
            throw request.forbidden(
                "pod does not have \(quoted(ServiceAccountAdmission.mirrorAnnotation)) annotation, node \(quoted(node)) "
                    + "can only create mirror pods")
        }
        guard spec.text("nodeName") == node else {
            throw refusal("can only create pods with spec.nodeName set to itself")
        }
        try checkOwner(pod.metadata.list("ownerReferences"), stored)
        if !spec.text("serviceAccountName").isEmpty {
            throw refusal("can not create pods that reference a service account")
        }
        if PodReferences.hasSecrets(spec) { throw refusal("can not create pods that reference secrets") }
        if PodReferences.hasConfigMaps(spec) { throw refusal("can not create pods that reference configmaps") }
        for volume in spec.list("volumes") {
            if (volume["projected"]?.list("sources") ?? []).contains(where: { $0.present("clusterTrustBundle") != nil })
            {
                throw refusal("can not create pods that reference clustertrustbundles")
            }
        }
        if spec.list("volumes").contains(where: { $0.present("persistentVolumeClaim") != nil }) {
            throw refusal("can not create pods that reference persistentvolumeclaims")
        }
        if !spec.list("resourceClaims").isEmpty { throw refusal("can not create pods that reference resourceclaims") }
    }

    private func checkOwner(_ owners: [Value], _ stored: Value?) throws(APIError) {
        guard owners.count < 2 else {
            throw refusal("can only create pods with a single owner reference set to itself")
        }
        guard let owner = owners.first, owner.text("apiVersion") == "v1", owner.text("kind") == "Node",
            owner.text("name") == node
        else { throw refusal("can only create pods with an owner reference set to itself") }
        guard owner["controller"]?.bool == true else {
            throw refusal("can only create pods with a controller owner reference set to itself")
        }
        guard owner["blockOwnerDeletion"]?.bool != true else {
            throw refusal("must not set blockOwnerDeletion on an owner reference")
        }
        guard let stored else { throw .notFound(ResourceID(group: "", plural: "nodes"), node) }
        guard owner.text("uid") == stored.uid else {
            throw request.forbidden("node \(node) UID mismatch: expected \(owner.text("uid")) got \(stored.uid)")
        }
    }

    private func refusal(_ why: String) -> APIError { request.forbidden("node \(quoted(node)) \(why)") }
}

/// What a node may say of itself.
enum NodeOwnRules {
    static func check(_ request: AdmissionRequest, _ node: String, _ name: String) throws(APIError) {
        guard name == node else {
            throw request.forbidden("node \(quoted(node)) is not allowed to modify node \(quoted(name))")
        }
        let source = request.object[path: "spec", "configSource"]
        let labels = request.object.metadata.stringMap("labels")
        switch request.operation {
        case .create:
            if let source, !source.isNull {
                throw request.forbidden(
                    "node \(quoted(node)) is not allowed to create pods with a non-nil configSource")
            }
            let refused = refusedLabels(labels, [:])
            guard refused.isEmpty else {
                throw request.forbidden(
                    "node \(quoted(node)) is not allowed to set the following labels: \(refused.joined(separator: ", "))"
                )
            }
        case .update:
            let old = request.old ?? [:]
            if let source, !source.isNull, source != old[path: "spec", "configSource"] {
                throw request.forbidden(
                    "node \(quoted(node)) is not allowed to update configSource to a new non-nil configSource")
            }
            guard (request.object["spec"] ?? [:]).list("taints") == (old["spec"] ?? [:]).list("taints") else {
                throw request.forbidden("node \(quoted(node)) is not allowed to modify taints")
            }
            let refused = refusedLabels(labels, old.metadata.stringMap("labels"))
            guard refused.isEmpty else {
                throw request.forbidden("is not allowed to modify labels: \(refused.joined(separator: ", "))")
            }
        case .delete, .connect: break
        }
    }

    private static let restricted = "node-restriction.kubernetes.io"
    private static let own: Set<String> = [
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region", "node.kubernetes.io/instance-type",
        "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
        "node.kubernetes.io/windows-build",
    ]

    /// Of the labels that change those that a node may not choose, as pods are steered by them.
    private static func refusedLabels(_ labels: [String: String], _ old: [String: String]) -> [String] {
        Set(labels.keys).union(old.keys).filter { labels[$0] != old[$0] && isRefused($0) }.sorted()
    }

    private static func isRefused(_ label: String) -> Bool {
        guard let slash = label.firstIndex(of: "/") else { return false }
        let domain = String(label[..<slash])
        func isBelow(_ root: String) -> Bool { domain == root || domain.hasSuffix("." + root) }
        if isBelow(restricted) { return true }
        guard isBelow("kubernetes.io") || isBelow("k8s.io") else { return false }
        return !own.contains(label) && !isBelow("kubelet.kubernetes.io") && !isBelow("node.kubernetes.io")
    }
}
