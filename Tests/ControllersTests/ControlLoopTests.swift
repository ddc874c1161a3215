import APIMachinery
import KubeAPI
import KubeClient
import Testing

@testable import Controllers

@Suite struct `Controllers on a real API server` {
    private static func deployment(_ name: String, replicas: Int32, image: String = "v1") -> Deployment {
        var deployment = Deployment()
        deployment.metadata.name = name
        deployment.metadata.namespace = "default"
        deployment.spec.replicas = replicas
        var selector = LabelSelector()
        selector.matchLabels = ["app": name]
        deployment.spec.selector = selector
        deployment.spec.template.metadata.labels = ["app": name]
        var container = Container()
        container.name = "c"
        container.image = image
        deployment.spec.template.spec.containers = [container]
        return deployment
    }

    private static func isRolledOut(_ deployment: Deployment) -> Bool {
        deployment.status.isComplete(deployment)
            && deployment.status.condition("Progressing")?.reason == "NewReplicaSetAvailable"
    }

    @Test func `namespaces get their service account and root certificate`() async throws {
        try await ControlPlane.run { plane in
            try await plane.eventually(Namespace.self, "default namespace") { !$0.isEmpty }
            var account: ServiceAccount?
            for _ in 0..<200 where account == nil {
                account = try? await plane.client.get(
                    ServiceAccount.self, ObjectKey(namespace: "kube-system", name: "default"))
                if account == nil { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(account != nil)
            var configMap: ConfigMap?
            for _ in 0..<200 where configMap == nil {
                configMap = try? await plane.client.get(
                    ConfigMap.self, ObjectKey(namespace: "default", name: "kube-root-ca.crt"))
                if configMap == nil { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(configMap?.data["ca.crt"] == "PEM")
        }
    }

    @Test func `a Deployment is rolled out, updated, scaled and undone`() async throws {
        try await ControlPlane.run { plane in
            let key = ObjectKey(namespace: "default", name: "web")
            try await plane.client.create(Self.deployment("web", replicas: 3))
            try await plane.eventually(Deployment.self, "first rollout") { $0.contains(where: Self.isRolledOut) }
            try await plane.eventually(Pod.self, "three pods") { $0.filter(\.isActive).count == 3 }

            try await plane.client.patch(
                Deployment.self, key,
                .strategic(
                    try Value(
                        json: Array(#"{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"v2"}]}}}}"#.utf8))
                ))
            try await plane.eventually(Deployment.self, "second rollout") { deployments in
                deployments.contains { $0.metadata.generation == 2 && Self.isRolledOut($0) }
            }
            try await plane.eventually(Pod.self, "only new pods") { pods in
                pods.count == 3 && pods.allSatisfy { $0.spec.containers[0].image == "v2" }
            }
            try await plane.eventually(Deployment.self, "revision 2") { deployments in
                deployments.first?.metadata.annotations[DeploymentAnnotations.revision] == "2"
            }
            try await plane.client.patch(
                Deployment.self, key, .merge(try Value(json: Array(#"{"spec":{"replicas":7}}"#.utf8))))
            try await plane.eventually(Pod.self, "seven pods") { $0.filter(\.isActive).count == 7 }
            try await plane.client.patch(
                Deployment.self, key,
                .strategic(
                    try Value(
                        json: Array(#"{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"v1"}]}}}}"#.utf8))
                ))
            try await plane.eventually(Pod.self, "all back at v1") { pods in
                pods.count == 7 && pods.allSatisfy { $0.spec.containers[0].image == "v1" }
            }
            try await plane.eventually(ReplicaSet.self, "two sets, the first is revision 3") { sets in
                sets.count == 2
                    && sets.contains {
                        $0.metadata.annotations[DeploymentAnnotations.revision] == "3" && $0.wantedReplicas == 7
                    }
            }
        }
    }

    @Test func `a rollout that cannot start keeps the old pods`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(Self.deployment("web", replicas: 4))
            try await plane.eventually(Deployment.self, "first rollout") { $0.contains(where: Self.isRolledOut) }
            try await plane.client.patch(
                Deployment.self, ObjectKey(namespace: "default", name: "web"),
                .strategic(
                    try Value(
                        json: Array(
                            #"{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"broken"}]}}}}"#.utf8))))
            try await plane.eventually(Deployment.self, "the rollout is under way") { deployments in
                deployments.first?.status.updatedReplicas == 2 && deployments.first?.status.observedGeneration == 2
            }
            try await plane.eventually(Pod.self, "3 old, 2 new") { pods in
                pods.filter { $0.isActive && $0.isReady }.count == 3 && pods.filter { !$0.isReady }.count == 2
            }
        }
    }

    @Test func `recreating ends all old pods first`() async throws {
        try await ControlPlane.run { plane in
            var deployment = Self.deployment("web", replicas: 2)
            deployment.spec.strategy.type = "Recreate"
            try await plane.client.create(deployment)
            try await plane.eventually(Deployment.self, "first rollout") { $0.contains(where: Self.isRolledOut) }
            try await plane.client.patch(
                Deployment.self, deployment.key,
                .strategic(
                    try Value(
                        json: Array(#"{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"v2"}]}}}}"#.utf8))
                ))
            try await plane.eventually(Pod.self, "new pods alone") { pods in
                pods.count == 2 && pods.allSatisfy { $0.spec.containers[0].image == "v2" && $0.isReady }
            }
        }
    }

    @Test func `a deleted pod is replaced, an orphan adopted`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(Self.deployment("web", replicas: 2))
            try await plane.eventually(Pod.self, "two pods") { $0.filter(\.isReady).count == 2 }
            let pods = try await plane.client.list(Pod.self, namespace: "default").items
            try await plane.client.delete(Pod.self, pods[0].key)
            try await plane.eventually(Pod.self, "a replacement") { current in
                current.filter(\.isReady).count == 2 && !current.contains { $0.uid == pods[0].uid }
            }
            // Takes a pod away from its ReplicaSet by changing a label; it lives on without it.
            try await plane.client.patch(
                Pod.self, pods[1].key, .merge(try Value(json: Array(#"{"metadata":{"labels":{"app":"other"}}}"#.utf8))))
            try await plane.eventually(Pod.self, "released and replaced") { current in
                current.count == 3 && current.contains { $0.uid == pods[1].uid && $0.controllerReference == nil }
            }
            try await plane.client.patch(
                Pod.self, pods[1].key, .merge(try Value(json: Array(#"{"metadata":{"labels":{"app":"web"}}}"#.utf8))))
            try await plane.eventually(Pod.self, "adopted again, one too many deleted") { current in
                current.count == 2 && current.allSatisfy { $0.controllerReference != nil }
            }
        }
    }

    @Test(arguments: ["Background", "Foreground"])
    func `deleting a Deployment takes its dependents along`(policy: String) async throws {
        try await ControlPlane.run { plane in
            let deployment = Self.deployment("web", replicas: 2)
            try await plane.client.create(deployment)
            try await plane.eventually(Pod.self, "two pods") { $0.filter(\.isReady).count == 2 }
            var options = DeleteOptions()
            options.propagationPolicy = policy
            try await plane.client.delete(Deployment.self, deployment.key, options: options)
            try await plane.eventually(Pod.self, "no pods") { $0.isEmpty }
            try await plane.eventually(ReplicaSet.self, "no sets") { $0.isEmpty }
            try await plane.eventually(Deployment.self, "no deployment") { $0.isEmpty }
        }
    }

    @Test func `orphaning deletion leaves the dependents`() async throws {
        try await ControlPlane.run { plane in
            let deployment = Self.deployment("web", replicas: 2)
            try await plane.client.create(deployment)
            try await plane.eventually(Pod.self, "two pods") { $0.filter(\.isReady).count == 2 }
            var options = DeleteOptions()
            options.propagationPolicy = "Orphan"
            try await plane.client.delete(Deployment.self, deployment.key, options: options)
            try await plane.eventually(Deployment.self, "no deployment") { $0.isEmpty }
            try await plane.eventually(ReplicaSet.self, "the set is free") { sets in
                sets.count == 1 && sets[0].controllerReference == nil
            }
            try await plane.eventually(Pod.self, "the pods stay") { $0.filter(\.isReady).count == 2 }
        }
    }

    @Test func `a deleted namespace is emptied and goes`() async throws {
        try await ControlPlane.run { plane in
            var namespace = Namespace()
            namespace.metadata.name = "team"
            try await plane.client.create(namespace)
            try await plane.eventually(Namespace.self, "it exists") { $0.contains { $0.name == "team" } }
            var deployment = Self.deployment("web", replicas: 2)
            deployment.metadata.namespace = "team"
            try await plane.client.create(deployment)
            try await plane.eventually(Pod.self, "two pods") { $0.filter(\.isReady).count == 2 }
            try await plane.client.delete(Namespace.self, ObjectKey(namespace: "", name: "team"))
            try await plane.eventually(Namespace.self, "it is gone") { !$0.contains { $0.name == "team" } }
            try await plane.eventually(Pod.self, "its pods too") { $0.isEmpty }
            #expect(try await plane.client.list(ConfigMap.self, namespace: "team").items.isEmpty)
        }
    }

    @Test func `an object whose owner does not exist is deleted`() async throws {
        try await ControlPlane.run { plane in
            var configMap = ConfigMap()
            configMap.metadata.namespace = "default"
            configMap.metadata.name = "child"
            var owner = OwnerReference()
            owner.apiVersion = "v1"
            owner.kind = "ConfigMap"
            owner.name = "nobody"
            owner.uid = "00000000-0000-0000-0000-000000000001"
            configMap.metadata.ownerReferences = [owner]
            try await plane.client.create(configMap)
            try await plane.eventually(ConfigMap.self, "the child goes") { !$0.contains { $0.name == "child" } }
        }
    }
}
