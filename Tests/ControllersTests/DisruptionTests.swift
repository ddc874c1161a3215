import APIMachinery
import KubeAPI
import KubeClient
import Testing

@testable import Controllers

@Suite struct `Disruption budgets` {
    private static let now = Time(seconds: 1_000_000)

    private static func pod(_ name: String, ready: Bool = true, deleted: Bool = false) -> Pod {
        var pod = Pod()
        pod.metadata.name = name
        pod.metadata.deletionTimestamp = deleted ? now : nil
        var condition = PodCondition()
        condition.type = "Ready"
        condition.status = ready ? "True" : "False"
        pod.status.conditions = [condition]
        return pod
    }

    private static func spec(least: IntOrString? = nil, most: IntOrString? = nil) -> PodDisruptionBudgetSpec {
        var spec = PodDisruptionBudgetSpec()
        spec.minAvailable = least
        spec.maxUnavailable = most
        return spec
    }

    @Test(arguments: [
        (spec(least: 2), 4, 3, 2, 1), (spec(least: 4), 4, 3, 4, 0), (spec(least: "50%"), 7, 7, 4, 3),
        (spec(most: 1), 5, 5, 4, 1), (spec(most: "30%"), 5, 5, 3, 2), (spec(most: 9), 5, 2, 0, 2),
        (spec(most: 0), 3, 3, 3, 0), (spec(), 3, 3, 0, 0),
    ])
    func `as many may go as are not needed`(
        spec: PodDisruptionBudgetSpec, wanted: Int, ready: Int, desired: Int, allowed: Int
    ) {
        let pods = (0..<wanted).map { Self.pod("p\($0)", ready: $0 < ready) }
        let count = DisruptionCount(spec, disrupted: [:], pods, now: Self.now) { wanted }
        #expect(count.desired == desired)
        #expect(count.healthy == ready)
        #expect(count.allowed == allowed)
    }

    @Test func `what was evicted does not count, for two minutes`() {
        let pods = [Self.pod("a"), Self.pod("b"), Self.pod("c"), Self.pod("d", deleted: true)]
        let before = ["a": Self.now - .seconds(30), "b": Self.now - .seconds(300), "d": Self.now, "gone": Self.now]
        let count = DisruptionCount(Self.spec(least: 1), disrupted: before, pods, now: Self.now) { 0 }
        #expect(count.healthy == 2)
        #expect(count.disrupted == ["a": Self.now - .seconds(30)])
        #expect(count.overdue.map(\.name) == ["b"])
        #expect(count.nextLook == .seconds(90))
    }

    @Test func `the condition keeps its time until it turns`() {
        let count = DisruptionCount(Self.spec(least: 1), disrupted: [:], [Self.pod("a"), Self.pod("b")], now: Self.now)
        {
            0
        }
        let first = count.status(from: PodDisruptionBudgetStatus(), generation: 3, now: Self.now)
        #expect(first.conditions.first?.reason == "SufficientPods")
        #expect(first.observedGeneration == 3)
        #expect(count.status(from: first, generation: 3, now: Self.now + .seconds(9)) == first)
        let none = DisruptionCount(Self.spec(least: 2), disrupted: [:], [Self.pod("a")], now: Self.now) { 0 }
            .status(from: first, generation: 4, now: Self.now + .seconds(9))
        #expect(none.conditions.map(\.reason) == ["InsufficientPods"])
        #expect(none.conditions.first?.lastTransitionTime == Self.now + .seconds(9))
    }

    // MARK: On a real API server

    private static func deployment(replicas: Int32) -> Deployment {
        var deployment = Deployment()
        deployment.metadata.name = "web"
        deployment.metadata.namespace = "default"
        deployment.spec.replicas = replicas
        var selector = LabelSelector()
        selector.matchLabels = ["app": "web"]
        deployment.spec.selector = selector
        deployment.spec.template.metadata.labels = ["app": "web"]
        var container = Container()
        container.name = "c"
        container.image = "v1"
        deployment.spec.template.spec.containers = [container]
        return deployment
    }

    private static func budget(_ spec: PodDisruptionBudgetSpec, app: String = "web") -> PodDisruptionBudget {
        var budget = PodDisruptionBudget()
        budget.metadata.name = app
        budget.metadata.namespace = "default"
        budget.spec = spec
        var selector = LabelSelector()
        selector.matchLabels = ["app": app]
        budget.spec.selector = selector
        return budget
    }

    private static func evict(_ pod: Pod, _ plane: ControlPlane) async throws(KubeClient.APIError) {
        var eviction = Eviction()
        eviction.metadata.name = pod.name
        eviction.metadata.namespace = pod.metadata.namespace
        let _: Status = try await plane.client.create(subresource: "eviction", of: Pod.resource, pod.key, eviction)
    }

    @Test func `evictions go as far as the budget, and on when the others are back`() async throws {
        try await ControlPlane.run { plane in
            try await plane.client.create(Self.deployment(replicas: 3))
            try await plane.client.create(Self.budget(Self.spec(most: "34%")))
            try await plane.eventually(PodDisruptionBudget.self, "two may go") { budgets in
                budgets.first?.status.disruptionsAllowed == 2 && budgets.first?.status.expectedPods == 3
            }
            try await plane.client.patch(
                PodDisruptionBudget.self, ObjectKey(namespace: "default", name: "web"),
                .merge(try Value(json: Array(#"{"spec":{"maxUnavailable":0}}"#.utf8))))
            try await plane.eventually(PodDisruptionBudget.self, "none may go") { budgets in
                budgets.first?.status.disruptionsAllowed == 0 && budgets.first?.status.observedGeneration == 2
            }
            let pods = try await plane.client.list(Pod.self, namespace: "default").items
            let refusal = await #expect(throws: KubeClient.APIError.self) { try await Self.evict(pods[0], plane) }
            #expect(refusal?.status?.code == 429)
            #expect(
                refusal?.message == "Cannot evict pod as it would violate the pod's disruption budget.")
            #expect(refusal?.status?.details?.causes.first?.reason == "DisruptionBudget")
            #expect(
                refusal?.status?.details?.causes.first?.message
                    == "The disruption budget web needs 3 healthy pods and has 3 currently")

            try await plane.client.patch(
                PodDisruptionBudget.self, ObjectKey(namespace: "default", name: "web"),
                .merge(try Value(json: Array(#"{"spec":{"maxUnavailable":1}}"#.utf8))))
            for pod in pods {
                try await plane.eventually(PodDisruptionBudget.self, "one may go") { budgets in
                    budgets.first?.status.disruptionsAllowed == 1 && budgets.first?.status.observedGeneration == 3
                }
                try await Self.evict(pod, plane)
            }
            try await plane.eventually(Pod.self, "all three replaced") { current in
                current.count == 3 && !current.contains { pod in pods.contains { $0.uid == pod.uid } }
            }
        }
    }

    @Test func `an evicted pod says why it ends, and one that is not ready goes where the budget says so`() async throws
    {
        try await ControlPlane.run(kubelet: false) { plane in
            var pod = Pod()
            pod.metadata.name = "sick"
            pod.metadata.namespace = "default"
            pod.metadata.labels = ["app": "sick"]
            pod.metadata.finalizers = ["example.com/look"]
            pod.spec.nodeName = "n1"
            var container = Container()
            container.name = "c"
            container.image = "v1"
            pod.spec.containers = [container]
            try await plane.client.create(Self.budget(Self.spec(least: 1), app: "sick"))
            try await plane.eventually(ServiceAccount.self, "an account") { accounts in
                accounts.contains { $0.key == ObjectKey(namespace: "default", name: "default") }
            }
            var running = try await plane.client.create(pod)
            running.status.phase = "Running"
            running = try await plane.client.updateStatus(running)
            try await plane.eventually(PodDisruptionBudget.self, "counted") { budgets in
                budgets.first?.status.observedGeneration == 1 && budgets.first?.status.expectedPods == 1
            }
            let refusal = await #expect(throws: KubeClient.APIError.self) { try await Self.evict(running, plane) }
            #expect(refusal?.status?.code == 429)
            try await plane.client.patch(
                PodDisruptionBudget.self, ObjectKey(namespace: "default", name: "sick"),
                .merge(try Value(json: Array(#"{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}"#.utf8))))
            try await Self.evict(running, plane)
            let evicted = try await plane.client.get(Pod.self, running.key)
            #expect(evicted.isBeingDeleted)
            #expect(evicted.condition("DisruptionTarget")?.reason == "EvictionByEvictionAPI")
            #expect(evicted.condition("DisruptionTarget")?.message == "Eviction API: evicting")
        }
    }

    @Test func `pods that nobody made cannot be counted by percentage`() async throws {
        try await ControlPlane.run { plane in
            var pod = Pod()
            pod.metadata.name = "stray"
            pod.metadata.namespace = "default"
            pod.metadata.labels = ["app": "stray"]
            var owner = OwnerReference()
            owner.apiVersion = "v1"
            owner.kind = "ConfigMap"
            owner.name = "kube-root-ca.crt"
            owner.controller = true
            try await plane.eventually(ConfigMap.self, "an owner") { maps in
                maps.contains { $0.key == ObjectKey(namespace: "default", name: "kube-root-ca.crt") }
            }
            owner.uid =
                try await plane.client.get(ConfigMap.self, ObjectKey(namespace: "default", name: owner.name)).uid
            pod.metadata.ownerReferences = [owner]
            var container = Container()
            container.name = "c"
            container.image = "v1"
            pod.spec.containers = [container]
            try await plane.client.create(Self.budget(Self.spec(most: 1), app: "stray"))
            try await plane.client.create(pod)
            try await plane.eventually(PodDisruptionBudget.self, "why not") { budgets in
                budgets.first?.status.conditions.first?.reason == "SyncFailed"
                    && budgets.first?.status.conditions.first?.message
                        == "configmaps does not implement the scale subresource"
            }
        }
    }
}
