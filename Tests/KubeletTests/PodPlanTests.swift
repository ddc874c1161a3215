import APIMachinery
import CRI
import KubeAPI
import Testing

@testable import Kubelet

@Suite struct `Pod plan` {
    private let now = ContinuousClock.now

    private func pod(restartPolicy: String = "Always", initContainers: [String] = [], _ names: [String]) -> Pod {
        var pod = Pod()
        pod.metadata.name = "p"
        pod.spec.restartPolicy = restartPolicy
        pod.spec.initContainers = initContainers.map(container)
        pod.spec.containers = names.map(container)
        return pod
    }

    private func container(_ name: String) -> Container {
        var container = Container()
        container.name = name
        container.image = "image:1"
        return container
    }

    private func record(_ container: Container, _ state: CRIContainerState, exitCode: Int32 = 0) -> ContainerRecord {
        var status = CRIContainerStatus()
        status.id = "id-" + container.name
        status.state = state
        status.exitCode = exitCode
        status.annotations[RuntimeLabels.containerHash] = RuntimeLabels.hash(of: container)
        var record = ContainerRecord()
        record.status = status
        record.sandboxID = "sandbox"
        record.hasStarted = state == .containerRunning
        if state == .containerExited {
            var ended = ContainerStateTerminated()
            ended.exitCode = exitCode
            record.termination = ended
        }
        return record
    }

    private func sandbox(isReady: Bool = true) -> SandboxRecord {
        var status = CRIPodSandboxStatus()
        status.id = "sandbox"
        status.state = isReady ? .sandboxReady : .sandboxNotready
        return SandboxRecord(status)
    }

    @Test func `a new pod gets a sandbox and its containers begin at once`() {
        let plan = PodPlan.make(pod(["a", "b"]), PodObservation(), now: now)
        #expect(plan.makeSandbox)
        #expect(plan.start == ["a", "b"])
    }

    @Test func `init containers run one after the other, before the others`() {
        let pod = pod(initContainers: ["i", "j"], ["a"])
        var seen = PodObservation()
        seen.sandbox = sandbox()
        #expect(PodPlan.make(pod, seen, now: now).start == ["i"])
        seen.containers["i"] = record(container("i"), .containerRunning)
        #expect(PodPlan.make(pod, seen, now: now).start == [])
        seen.containers["i"] = record(container("i"), .containerExited)
        #expect(PodPlan.make(pod, seen, now: now).start == ["j"])
        seen.containers["j"] = record(container("j"), .containerExited)
        #expect(PodPlan.make(pod, seen, now: now).start == ["a"])
    }

    @Test func `a sidecar must be up before the others and does not end the pod`() {
        var pod = pod(restartPolicy: "Never", initContainers: ["side"], ["a"])
        pod.spec.initContainers[0].restartPolicy = "Always"
        var seen = PodObservation()
        seen.sandbox = sandbox()
        #expect(PodPlan.make(pod, seen, now: now).start == ["side"])
        seen.containers["side"] = record(container("side"), .containerRunning)
        #expect(PodPlan.make(pod, seen, now: now).start == ["a"])
        seen.containers["a"] = record(container("a"), .containerExited)
        let plan = PodPlan.make(pod, seen, now: now)
        #expect(plan.isTerminal)
    }

    @Test(
        arguments: [
            ("Always", 0, true), ("Always", 1, true), ("OnFailure", 0, false), ("OnFailure", 1, true),
            ("Never", 0, false),
            ("Never", 1, false),
        ] as [(String, Int32, Bool)])
    func `the restart policy decides after an exit`(policy: String, code: Int32, restarts: Bool) {
        let pod = pod(restartPolicy: policy, ["a"])
        var seen = PodObservation()
        seen.sandbox = sandbox()
        seen.containers["a"] = record(container("a"), .containerExited, exitCode: code)
        let plan = PodPlan.make(pod, seen, now: now)
        #expect(plan.start == (restarts ? ["a"] : []))
        #expect(plan.isTerminal == !restarts)
    }

    @Test func `the second crash waits ten seconds, the third twenty`() {
        let pod = pod(["a"])
        var seen = PodObservation()
        seen.sandbox = sandbox()
        var crashed = record(container("a"), .containerExited, exitCode: 1)
        crashed.crash.restarted(at: now)
        seen.containers["a"] = crashed
        seen.exits["a"] = now
        let plan = PodPlan.make(pod, seen, now: now)
        #expect(plan.start == [])
        #expect(plan.deadline == now + .seconds(10))
        #expect(PodPlan.make(pod, seen, now: now + .seconds(10)).start == ["a"])
        crashed.crash.restarted(at: now)
        seen.containers["a"] = crashed
        #expect(PodPlan.make(pod, seen, now: now).deadline == now + .seconds(20))
    }

    @Test func `ten good minutes make a crash a first one again`() {
        var crash = CrashBackOff()
        for _ in 0..<10 { crash.restarted(at: now) }
        #expect(crash.delay == CrashBackOff.max)
        let later = now + CrashBackOff.forgetAfter + .seconds(1)
        #expect(crash.due(afterExit: later) == later)
    }

    @Test func `a dead sandbox is replaced and its containers start again`() {
        let pod = pod(initContainers: ["i"], ["a"])
        var seen = PodObservation()
        seen.sandbox = sandbox(isReady: false)
        seen.containers["i"] = record(container("i"), .containerExited)
        seen.containers["a"] = record(container("a"), .containerExited, exitCode: 137)
        #expect(PodPlan.make(pod, seen, now: now).makeSandbox)
        var status = CRIPodSandboxStatus()
        status.id = "another"
        status.state = .sandboxReady
        seen.sandbox = SandboxRecord(status)
        #expect(PodPlan.make(pod, seen, now: now).start == ["i"])
    }

    @Test func `another image restarts the container`() {
        var pod = pod(["a"])
        var seen = PodObservation()
        seen.sandbox = sandbox()
        seen.containers["a"] = record(container("a"), .containerRunning)
        #expect(PodPlan.make(pod, seen, now: now).stop.isEmpty)
        pod.spec.containers[0].image = "image:2"
        #expect(PodPlan.make(pod, seen, now: now).stop.keys.sorted() == ["a"])
    }
}
