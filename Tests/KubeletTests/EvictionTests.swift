import APIMachinery
import KubeAPI
import Testing

@testable import Kubelet

@Suite struct `Eviction thresholds` {
    private func settings(_ arguments: String...) throws -> EvictionSettings {
        try NodeSettings(arguments: arguments).eviction
    }

    @Test func `have upstream's defaults`() throws {
        let hard = EvictionSettings().hard
        #expect(
            Set(hard.map(\.signal)) == [
                .memoryAvailable, .nodefsAvailable, .nodefsInodesFree, .imagefsAvailable, .imagefsInodesFree,
            ])
        #expect(hard.first?.amount.bytes(of: 1 << 40) == 100 << 20)
        #expect(hard.first { $0.signal == .imagefsAvailable }?.amount.bytes(of: 1000) == 150)
        #expect(EvictionSettings().transitionPeriod == .seconds(300))
    }

    @Test func `are read as the kubelet's flags`() throws {
        let settings = try settings(
            "eviction-hard=memory.available<1Gi,nodefs.available<0%", "--eviction-soft=pid.available<10%",
            "eviction-soft-grace-period=pid.available=1m30s", "eviction-minimum-reclaim=memory.available=200Mi")
        #expect(settings.hard.map(\.signal) == [.memoryAvailable], "0% switches a threshold off")
        #expect(settings.thresholds.map(\.signal) == [.memoryAvailable, .allocatableMemoryAvailable, .pidAvailable])
        #expect(settings.thresholds.last?.grace == .seconds(90))
        #expect(settings.thresholds.first?.minimumReclaim?.bytes(of: 0) == 200 << 20)
    }

    @Test(arguments: [
        "eviction-hard=memory.available", "eviction-hard=memory.free<1Gi", "eviction-hard=memory.available<lots",
        "eviction-hard=memory.available<101%", "eviction-hard=memory.available<1Gi,memory.available<2Gi",
        "eviction-soft=memory.available<1Gi", "image-gc-low-threshold=90", "pod-max-pids=many", "speed=high", "nothing",
        "image-maximum-gc-age=5", "container-log-max-files=1", "system-reserved=memory",
    ])
    func `that make no sense are refused`(argument: String) {
        #expect(throws: NodeSettingsError.self) { try NodeSettings(arguments: [argument]) }
    }

    @Test func `a soft one waits its grace, a hard one does not, and what is reclaimed goes beyond`() throws {
        var tracker = PressureTracker(
            try settings(
                "eviction-hard=memory.available<100", "eviction-soft=nodefs.available<50%",
                "eviction-soft-grace-period=nodefs.available=1m", "eviction-minimum-reclaim=memory.available=50",
                "eviction-pressure-transition-period=5m"))
        let start = ContinuousClock.now
        func see(_ memory: Int64, _ disk: Int64, after seconds: Int) -> [EvictionSignal] {
            tracker.observe(
                [
                    .memoryAvailable: SignalReading(available: memory, capacity: 1000),
                    .nodefsAvailable: SignalReading(available: disk, capacity: 1000),
                ], at: start + .seconds(seconds))
            return tracker.due.map(\.signal)
        }
        #expect(see(500, 800, after: 0) == [])
        #expect(tracker.pressures == [])
        #expect(see(500, 400, after: 10) == [], "in its grace")
        #expect(tracker.pressures == [.disk], "the condition shows at once")
        #expect(see(99, 400, after: 20) == [.memoryAvailable])
        #expect(see(120, 400, after: 30) == [.memoryAvailable], "50 more are to be reclaimed")
        #expect(see(150, 400, after: 40) == [])
        #expect(see(150, 400, after: 70) == [.nodefsAvailable])
        #expect(see(90, 400, after: 80) == [.memoryAvailable, .nodefsAvailable], "memory first")
        #expect(see(500, 800, after: 90) == [])
        #expect(tracker.pressures == [.memory, .disk])
        #expect(see(500, 800, after: 379) == [])
        #expect(tracker.pressures == [.memory, .disk], "five minutes after it was last seen")
        #expect(see(500, 800, after: 381) == [])
        #expect(tracker.pressures == [])
    }
}

@Suite struct `The order of evictions` {
    private func pod(_ name: String, request: Int64 = 0, priority: Int32 = 0) -> Pod {
        var container = Container()
        container.name = "c"
        if request > 0 { container.resources.requests["memory"] = Quantity(request << 20, format: .binarySI) }
        var pod = Pod()
        pod.metadata.name = name
        pod.metadata.uid = name
        pod.spec.containers = [container]
        pod.spec.priority = priority
        return pod
    }

    private func usage(_ megabytes: Int64, processes: Int64 = 0) -> PodUsage {
        var usage = PodUsage()
        usage.memory = megabytes << 20
        usage.processes = processes
        usage.containers["c"] = PodUsage.Container(memory: megabytes << 20)
        return usage
    }

    @Test func `is beyond the request, then priority, then how far beyond`() {
        let pods = [
            pod("within", request: 900), pod("important", priority: 10), pod("small"), pod("large", request: 100),
            pod("unimportant", priority: -5),
        ]
        let order = EvictionOrder(
            signal: .memoryAvailable,
            usages: [
                "within": usage(800), "important": usage(700), "small": usage(10), "large": usage(300),
                "unimportant": usage(1),
            ])
        #expect(
            order.sorted(pods).map { $0.metadata.name } == ["unimportant", "large", "small", "important", "within"])
    }

    @Test func `of processes knows no requests`() {
        let order = EvictionOrder(
            signal: .pidAvailable, usages: ["a": usage(1, processes: 5), "b": usage(1, processes: 50)])
        #expect(order.sorted([pod("a"), pod("b")]).map { $0.metadata.name } == ["b", "a"])
    }

    @Test func `comes with upstream's words`() throws {
        let order = EvictionOrder(signal: .memoryAvailable, usages: ["a": usage(300), "b": usage(1)])
        let threshold = try #require(EvictionSettings().thresholds.first)
        let reading = SignalReading(available: 96_000 << 10, capacity: 1 << 30)
        #expect(
            order.message(for: pod("a", request: 50), threshold, reading)
                == "The node was low on resource: memory. Threshold quantity: 100Mi, available: 96000Ki. "
                + "Container c was using 300Mi, request is 50Mi, has larger consumption of memory. ")
        #expect(
            order.message(for: pod("b", request: 50), threshold, reading)
                == "The node was low on resource: memory. Threshold quantity: 100Mi, available: 96000Ki. ")
    }
}

@Suite struct `Admission under pressure` {
    private let node = NodeFacts(name: "n", address: "192.0.2.1", dataDirectory: "/")

    private func refusal(
        _ pressures: Set<EvictionSignal.Pressure>, shuttingDown: Bool = false, _ change: (inout Pod) -> Void = { _ in }
    ) -> PodVerdict? {
        var container = Container()
        container.name = "c"
        var pod = Pod()
        pod.metadata.uid = "u"
        pod.spec.containers = [container]
        change(&pod)
        let state = NodeState.Value(pressures: pressures, isShuttingDown: shuttingDown)
        return PodAdmission(node: node, state: state).refusal(of: pod, among: [])
    }

    @Test func `refuses what asked for no memory, but not all of it`() {
        #expect(refusal([]) == nil)
        let refused = refusal([.memory])
        #expect(refused?.reason == "Evicted")
        #expect(refused?.message == "Pod was rejected: The node had condition: [MemoryPressure]. ")
        #expect(refusal([.memory]) { $0.spec.containers[0].resources.requests["memory"] = Quantity(1) } == nil)
        #expect(refusal([.disk]) { $0.spec.containers[0].resources.requests["memory"] = Quantity(1) } != nil)
        #expect(refusal([.disk, .memory]) { $0.spec.priority = 2_000_000_000 } == nil)
        #expect(
            refusal([.memory]) { pod in
                var toleration = Toleration()
                toleration.key = "node.kubernetes.io/memory-pressure"
                toleration.operator = "Exists"
                toleration.effect = "NoSchedule"
                pod.spec.tolerations = [toleration]
            } == nil)
        #expect(refusal([], shuttingDown: true)?.reason == "NodeShutdown")
    }
}
