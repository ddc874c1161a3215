import APIMachinery
import KubeAPI
import KubeClient
import Testing

@testable import Controllers

@Suite struct `Node health` {
    private let now = Time(seconds: 1_000)

    private func node(ready: String?) -> Node {
        var node = Node()
        node.metadata.name = "n1"
        guard let ready else { return node }
        var condition = NodeCondition()
        condition.type = "Ready"
        condition.status = ready
        node.status.conditions = [condition]
        return node
    }

    @Test func `silence makes what was known unknown, and says what was never heard`() {
        let conditions = NodeHealth.conditionsAfterSilence(node(ready: "True"), now: now)
        #expect(conditions.map(\.type) == ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"])
        #expect(conditions.allSatisfy { $0.status == "Unknown" })
        #expect(conditions[0].reason == "NodeStatusUnknown")
        #expect(conditions[1].reason == "NodeStatusNeverUpdated")
    }

    @Test(arguments: [
        ("True", true, []),
        ("False", true, ["node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute"]),
        ("Unknown", true, ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]),
        ("Unknown", false, ["node.kubernetes.io/unreachable:NoSchedule"]),
    ])
    func `readiness becomes taints`(ready: String, mayEvict: Bool, expected: [String]) {
        let taints = NodeHealth.taints(of: node(ready: ready), mayEvict: mayEvict, now: now)
        #expect(taints.map { "\($0.key):\($0.effect)" } == expected)
    }

    @Test func `recovery takes our taints away and leaves others`() {
        var node = node(ready: "False")
        var other = Taint()
        other.key = "dedicated"
        other.effect = "NoExecute"
        node.spec.taints = [other] + NodeHealth.taints(of: node, mayEvict: true, now: now)
        node.status.conditions[0].status = "True"
        #expect(NodeHealth.taints(of: node, mayEvict: true, now: now) == [other])
    }

    @Test func `only a renewal is a sign of life`() {
        let heartbeats = Heartbeats()
        let start = ContinuousClock.now
        heartbeats.leaseSeen("n1", renewTime: MicroTime(seconds: 1), now: start)
        heartbeats.leaseSeen("n1", renewTime: MicroTime(seconds: 1), now: start + .seconds(30))
        #expect(heartbeats.silence(of: "n1", now: start + .seconds(41)) == .seconds(41))
        heartbeats.leaseSeen("n1", renewTime: MicroTime(seconds: 2), now: start + .seconds(42))
        #expect(heartbeats.silence(of: "n1", now: start + .seconds(43)) == .seconds(1))
    }
}

@Suite struct `Taint eviction` {
    private let now = Time(seconds: 1_000)

    private func taint() -> Taint {
        var taint = Taint()
        taint.key = "node.kubernetes.io/unreachable"
        taint.effect = "NoExecute"
        taint.timeAdded = now - .seconds(100)
        return taint
    }

    private func pod(tolerating seconds: [Int64?]) -> Pod {
        var pod = Pod()
        pod.spec.tolerations = seconds.map { seconds in
            var toleration = Toleration()
            toleration.key = "node.kubernetes.io/unreachable"
            toleration.operator = "Exists"
            toleration.effect = "NoExecute"
            toleration.tolerationSeconds = seconds
            return toleration
        }
        return pod
    }

    @Test func `follows the tolerations`() {
        let taints = [taint()]
        #expect(TaintEviction.verdict(on: pod(tolerating: []), taints: taints, now: now) == .goes(after: .zero))
        #expect(TaintEviction.verdict(on: pod(tolerating: [nil]), taints: taints, now: now) == .stays)
        #expect(
            TaintEviction.verdict(on: pod(tolerating: [300]), taints: taints, now: now) == .goes(after: .seconds(200)))
        #expect(
            TaintEviction.verdict(on: pod(tolerating: [300, 110]), taints: taints, now: now)
                == .goes(after: .seconds(10)))
        #expect(TaintEviction.verdict(on: pod(tolerating: []), taints: [], now: now) == .stays)
    }
}

@Suite struct `Namespace remains` {
    @Test func `are told as upstream tells them`() {
        var remains = NamespaceRemains()
        var object = PartialObjectMetadata()
        object.metadata.finalizers = ["example.com/hold"]
        remains.add([object, object], of: Pod.resource)
        let now = Time(seconds: 9)
        let conditions = remains.conditions(after: [], now: now)
        let remaining = conditions.first { $0.type == "NamespaceContentRemaining" }
        #expect(remaining?.message == "Some resources are remaining: pods. has 2 resource instances")
        let waiting = conditions.first { $0.type == "NamespaceFinalizersRemaining" }
        #expect(
            waiting?.message
                == "Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances")
        #expect(remains.conditions(after: conditions, now: now + .seconds(5)) == conditions)
    }
}
