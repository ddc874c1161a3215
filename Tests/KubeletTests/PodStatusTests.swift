import APIMachinery
import CRI
import KubeAPI
import Testing

@testable import Kubelet

@Suite struct `Pod status` {
    private func pod() -> Pod {
        var container = Container()
        container.name = "a"
        container.image = "image:1"
        var pod = Pod()
        pod.metadata.name = "p"
        pod.metadata.uid = "u"
        pod.spec.containers = [container]
        return pod
    }

    private func status(
        _ pod: Pod, _ seen: PodObservation, verdict: PodVerdict? = nil, isTerminating: Bool = false
    ) -> PodStatus {
        PodStatusBuilder(
            pod: pod, seen: seen, nodeAddress: "192.0.2.1", verdict: verdict, isTerminating: isTerminating,
            now: Time(seconds: 1000)
        ).build()
    }

    private func running() -> PodObservation {
        var container = CRIContainerStatus()
        container.id = "c"
        container.state = .containerRunning
        container.startedAt = 5_000_000_000
        var record = ContainerRecord()
        record.status = container
        record.hasStarted = true
        var sandbox = CRIPodSandboxStatus()
        sandbox.id = "s"
        sandbox.state = .sandboxReady
        sandbox.network.ip = "10.244.0.9"
        var seen = PodObservation()
        seen.sandbox = SandboxRecord(sandbox)
        seen.containers["a"] = record
        return seen
    }

    private func condition(_ status: PodStatus, _ type: String) -> PodCondition? {
        status.conditions.first { $0.type == type }
    }

    @Test func `a new address takes the place of the old one`() throws {
        func status(_ address: String) -> PodStatus {
            var ip = PodIP()
            ip.ip = address
            var status = PodStatus()
            status.podIP = address
            status.podIPs = [ip]
            return status
        }
        let patch = try #require(
            StatusPublisher.patch(from: status("10.0.0.1"), to: status("10.0.0.2"), uid: "u"))
        #expect(
            patch["status"]?["podIPs"] == [["ip": "10.0.0.2"], ["ip": "10.0.0.1", "$patch": "delete"]],
            "\(patch)")
    }

    @Test func `before anything runs it is pending and creating`() {
        let status = status(pod(), PodObservation())
        #expect(status.phase == "Pending")
        #expect(status.containerStatuses.first?.state.waiting?.reason == "ContainerCreating")
        #expect(condition(status, "Ready")?.message == "containers with unready status: [a]")
        #expect(status.qosClass == "BestEffort")
    }

    @Test func `a running container makes it ready`() {
        let status = status(pod(), running())
        #expect(status.phase == "Running")
        #expect(status.podIP == "10.244.0.9")
        #expect(condition(status, "Ready")?.status == "True")
        #expect(status.containerStatuses.first?.containerID == "containerd://c")
        #expect(status.containerStatuses.first?.state.running?.startedAt == Time(seconds: 5))
    }

    @Test func `nothing new gives no patch, a difference only itself`() throws {
        let first = status(pod(), running())
        #expect(StatusPublisher.patch(from: first, to: first, uid: "u") == nil)
        var second = first
        second.message = "m"
        let patch = try #require(StatusPublisher.patch(from: first, to: second, uid: "u"))
        #expect(patch["status"]?.fields?.keys == ["message"])
        let back = try #require(StatusPublisher.patch(from: second, to: first, uid: "u"))
        #expect(back["status"]?["message"] == .null)
    }

    @Test func `a condition loses its words, and one that holds no more goes`() throws {
        var before = status(pod(), PodObservation())
        var extra = PodCondition()
        extra.type = "PodResizePending"
        before.conditions.append(extra)
        let patch = try #require(StatusPublisher.patch(from: before, to: status(pod(), running()), uid: "u"))
        guard case .array(let conditions)? = patch["status"]?["conditions"] else {
            Issue.record("no conditions: \(patch)")
            return
        }
        let ready = conditions.first { $0["type"]?.string == "Ready" }
        #expect(ready?["message"] == .null && ready?["reason"] == .null)
        #expect(conditions.last?["$patch"]?.string == "delete")
    }

    @Test func `resizes get what is there, once`() {
        let allocations = NodeAllocations()
        let node = ["cpu": Quantity(2), "memory": Quantity(1000)]
        allocations.set("a", ["cpu": Quantity(1)])
        allocations.set("b", ["cpu": Quantity(1)])
        #expect(
            allocations.resize("a", to: ["cpu": Quantity(3)], allocatable: node)
                == .infeasible("Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000"))
        #expect(
            allocations.resize("a", to: ["cpu": Quantity(2)], allocatable: node)
                == .deferred("Node didn't have enough resource: cpu, requested: 2000, used: 1000, capacity: 2000"))
        allocations.forget("b")
        #expect(allocations.resize("a", to: ["cpu": Quantity(2)], allocatable: node) == .granted)
        #expect(allocations["a"]?["cpu"] == Quantity(2))
    }

    @Test func `a transition keeps its time while the condition holds`() {
        var pod = pod()
        pod.status = status(pod, running())
        pod.status.conditions = pod.status.conditions.map {
            var condition = $0
            condition.lastTransitionTime = Time(seconds: 10)
            return condition
        }
        #expect(condition(status(pod, running()), "Ready")?.lastTransitionTime == Time(seconds: 10))
        #expect(condition(status(pod, PodObservation()), "Ready")?.lastTransitionTime == Time(seconds: 1000))
    }

    @Test func `a container in its back-off shows the crash behind it`() {
        var seen = running()
        seen.containers["a"]?.status?.state = .containerExited
        var ended = ContainerStateTerminated()
        ended.exitCode = 7
        seen.containers["a"]?.termination = ended
        seen.containers["a"]?.waiting = WaitingReason(reason: "CrashLoopBackOff", message: "back-off 10s")
        let container = status(pod(), seen).containerStatuses.first
        #expect(container?.state.waiting?.reason == "CrashLoopBackOff")
        #expect(container?.lastState.terminated?.exitCode == 7)
    }

    @Test func `the node's verdict fails the pod`() {
        let verdict = PodVerdict(reason: "OutOfcpu", message: "no")
        let status = status(pod(), PodObservation(), verdict: verdict)
        #expect(status.phase == "Failed")
        #expect(status.reason == "OutOfcpu")
    }
}
