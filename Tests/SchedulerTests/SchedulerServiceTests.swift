internal import APIMachinery
internal import KubeAPI
internal import KubeClient
internal import Testing

@testable import Scheduler

@Suite struct `Scheduler service` {
    private static func pod(_ name: String, cpu: String) -> Pod {
        makePod(name, cpu: cpu) { $0.metadata.uid = nil }
    }

    @Test(.timeLimit(.minutes(1)))
    func `binds a new pod and says so`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            try await cluster.client.create(Self.pod("a", cpu: "1"))
            try await cluster.eventually("a", "bound") { pod in
                pod.spec.nodeName == "n1"
                    && pod.status.conditions.contains { $0.type == "PodScheduled" && $0.status == "True" }
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `says why a pod fits nowhere, and binds it once there is room`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            try await cluster.client.create(Self.pod("a", cpu: "1500m"))
            try await cluster.eventually("a", "bound") { $0.spec.nodeName == "n1" }
            try await cluster.client.create(Self.pod("b", cpu: "1"))
            try await cluster.eventually("b", "unschedulable") { pod in
                pod.status.conditions.contains {
                    $0.reason == "Unschedulable" && $0.status == "False"
                        && $0.message?.hasPrefix("0/1 nodes are available: 1 Insufficient cpu.") == true
                }
            }
            var atOnce = DeleteOptions()
            atOnce.gracePeriodSeconds = 0
            try await cluster.client.delete(Pod.self, ObjectKey(namespace: "default", name: "a"), options: atOnce)
            try await cluster.eventually("b", "bound in the room that became free") { $0.spec.nodeName == "n1" }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `leaves pods of other schedulers alone`() async throws {
        try await SchedulingCluster.run { cluster in
            try await cluster.createNode("n1", cpu: "2")
            var foreign = Self.pod("foreign", cpu: "1")
            foreign.spec.schedulerName = "other"
            try await cluster.client.create(foreign)
            try await cluster.client.create(Self.pod("own", cpu: "1"))
            try await cluster.eventually("own", "bound") { $0.spec.nodeName == "n1" }
            let left = try await cluster.client.get(Pod.self, ObjectKey(namespace: "default", name: "foreign"))
            #expect(left.spec.nodeName == nil)
        }
    }
}
