import APIMachinery
import KubeAPI
import Testing

@testable import Controllers

@Suite struct `Pod deletion ranking` {
    private static let now = Time(seconds: 1_000_000)

    private static func pod(
        _ name: String, node: String? = "n1", phase: String = "Running", readyFor seconds: Int? = 1000,
        cost: String? = nil, restarts: Int32 = 0, age: Int = 2000
    ) -> Pod {
        var pod = Pod()
        pod.metadata.name = name
        pod.metadata.uid = name
        pod.metadata.creationTimestamp = now - .seconds(age)
        pod.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = cost
        pod.spec.nodeName = node
        pod.status.phase = phase
        var status = ContainerStatus()
        status.restartCount = restarts
        pod.status.containerStatuses = [status]
        if let seconds {
            var condition = PodCondition()
            condition.type = "Ready"
            condition.status = "True"
            condition.lastTransitionTime = now - .seconds(seconds)
            pod.status.conditions = [condition]
        }
        return pod
    }

    @Test(arguments: [
        (pod("unassigned", node: nil, phase: "Pending", readyFor: nil), pod("assigned", readyFor: nil)),
        (pod("pending", phase: "Pending", readyFor: nil), pod("running", readyFor: nil)),
        (pod("not-ready", readyFor: nil), pod("ready")),
        (pod("cheap", cost: "-10"), pod("dear")),
        (pod("just-ready", readyFor: 2), pod("long-ready", readyFor: 5000)),
        (pod("restarted", restarts: 4), pod("steady")),
        (pod("young", age: 3), pod("old", age: 90_000)),
    ])
    func `the lesser loss goes first`(first: Pod, second: Pod) {
        let ranking = PodDeletionRanking(related: [], now: Self.now)
        #expect(ranking.goesBefore(first, second))
        #expect(!ranking.goesBefore(second, first))
    }

    @Test func `a crowded node gives first`() {
        let crowd = [Self.pod("a", node: "full"), Self.pod("b", node: "full"), Self.pod("c", node: "free")]
        let ranking = PodDeletionRanking(related: crowd, now: Self.now)
        #expect(ranking.goesBefore(crowd[0], crowd[2]))
    }

    @Test func `selects as many as asked`() {
        let pods = (0..<5).map { Self.pod("p\($0)", readyFor: $0 == 3 ? nil : 100) }
        let ranking = PodDeletionRanking(related: pods, now: Self.now)
        #expect(ranking.select(1, of: pods).map(\.name) == ["p3"])
        #expect(ranking.select(5, of: pods).count == 5)
    }
}

@Suite struct `Replica status` {
    private let now = Time(seconds: 10_000)

    private func pod(readyAt seconds: Int64?, labels: [String: String] = ["app": "x"]) -> Pod {
        var pod = Pod()
        pod.metadata.labels = labels
        guard let seconds else { return pod }
        var condition = PodCondition()
        condition.type = "Ready"
        condition.status = "True"
        condition.lastTransitionTime = Time(seconds: seconds)
        pod.status.conditions = [condition]
        return pod
    }

    @Test func `counts ready, available and fully labelled pods`() {
        let pods = [
            pod(readyAt: 9_000), pod(readyAt: 9_995), pod(readyAt: nil), pod(readyAt: 9_000, labels: ["app": "y"]),
        ]
        let status = ReplicaStatus.counting(
            pods, terminating: 2, templateLabels: ["app": "x"], minReadySeconds: 10, now: now)
        #expect(status.replicas == 4)
        #expect(status.readyReplicas == 3)
        #expect(status.availableReplicas == 2)
        #expect(status.fullyLabeledReplicas == 3)
        #expect(status.terminatingReplicas == 2)
        #expect(pods[1].timeToAvailable(minReadySeconds: 10, now: now) == .seconds(5))
    }

    @Test func `survives being written and read`() {
        var set = ReplicaSet()
        var status = ReplicaStatus()
        status.replicas = 3
        status.terminatingReplicas = 0
        status.failure = ReplicaFailure(reason: "FailedCreate", message: "m", since: now)
        set.replicaStatus = status
        #expect(set.replicaStatus == status)
    }
}

@Suite struct `Slow start` {
    @Test func `stops after the batch that failed`() async {
        struct Refused: Error {}
        let (successes, error) = await SlowStart.run(count: 100) { index in
            if index >= 2 { throw Refused() }
        }
        #expect(successes == 2)
        #expect(error is Refused)
    }

    @Test func `does all where none fails`() async {
        let (successes, error) = await SlowStart.run(count: 100) { _ in }
        #expect(successes == 100)
        #expect(error == nil)
    }
}
