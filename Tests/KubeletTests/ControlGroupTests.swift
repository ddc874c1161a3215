import APIMachinery
import Foundation
import KubeAPI
import Logging
import Testing

@testable import Kubelet

/// A directory that stands for the kernel's tree.
private struct FakeTree {
    let root = NSTemporaryDirectory() + "groups-\(UUID().uuidString)"

    init(files: [String: String]) throws {
        for (name, text) in files { try put(name, text) }
    }

    func put(_ name: String, _ text: String) throws {
        let path = root + "/" + name
        try FileManager.default.createDirectory(
            atPath: path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 },
            withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// The newest value: a write to one of the kernel's files replaces what was there, whatever its length.
    func text(_ name: String) -> String? { try? String(contentsOfFile: root + "/" + name, encoding: .utf8) }

    func remove() { try? FileManager.default.removeItem(atPath: root) }
}

@Suite struct `Control groups` {
    private var limits: ControlGroupLimits {
        var limits = ControlGroupLimits()
        limits.cpuShares = 512
        limits.cpuQuota = 50_000
        limits.memory = 64 << 20
        limits.pids = 100
        limits.hugepages = ["2MB": 4 << 20]
        return limits
    }

    @Test func `of version 2 get weights, and controllers from above`() throws {
        let tree = try FakeTree(files: [
            "cgroup.controllers": "cpuset cpu io memory hugetlb pids\n", "cgroup.subtree_control": "",
        ])
        defer { tree.remove() }
        for file in ["cpu.weight", "cpu.max", "memory.max", "pids.max", "hugetlb.2MB.max", "cgroup.subtree_control"] {
            try tree.put("skiff/burstable/" + file, "")
        }
        let groups = ControlGroups(root: tree.root)
        #expect(groups.isUnified)
        try groups.set("/skiff/burstable", limits)
        #expect(tree.text("skiff/burstable/cpu.weight") == "20")
        #expect(tree.text("skiff/burstable/cpu.max") == "50000 100000")
        #expect(tree.text("skiff/burstable/memory.max") == "\(64 << 20)")
        #expect(tree.text("skiff/burstable/pids.max") == "100")
        #expect(tree.text("skiff/burstable/hugetlb.2MB.max") == "\(4 << 20)")
        #expect(tree.text("cgroup.subtree_control")?.hasPrefix("+") == true, "handed on from the root")
        var free = ControlGroupLimits()
        free.cpuQuota = -1
        free.memory = -1
        free.pids = -1
        for file in ["cpu.max", "memory.max", "pids.max"] { try tree.put("skiff/burstable/" + file, "") }
        try groups.set("/skiff/burstable", free)
        #expect(tree.text("skiff/burstable/cpu.max") == "max 100000")
        #expect(tree.text("skiff/burstable/memory.max") == "max")
        #expect(tree.text("skiff/burstable/pids.max") == "max")
    }

    @Test func `of version 1 are made below each controller`() throws {
        var files = ["skiff/cpu.shares", "skiff/cpu.cfs_period_us", "skiff/cpu.cfs_quota_us"].map { "cpu/" + $0 }
        files += ["memory/skiff/memory.limit_in_bytes", "pids/skiff/pids.max"]
        let tree = try FakeTree(files: Dictionary(uniqueKeysWithValues: files.map { ($0, "") }))
        defer { tree.remove() }
        let groups = ControlGroups(root: tree.root)
        #expect(!groups.isUnified)
        try groups.set("/skiff", limits)
        #expect(tree.text("cpu/skiff/cpu.shares") == "512")
        #expect(tree.text("cpu/skiff/cpu.cfs_period_us") == "100000")
        #expect(tree.text("cpu/skiff/cpu.cfs_quota_us") == "50000")
        #expect(tree.text("memory/skiff/memory.limit_in_bytes") == "\(64 << 20)")
        #expect(tree.text("pids/skiff/pids.max") == "100")
        groups.remove("/skiff/none")
    }

    @Test func `tell what they use on either version`() throws {
        let new = try FakeTree(files: [
            "cgroup.controllers": "memory pids", "skiff/memory.current": "1000\n",
            "skiff/memory.stat": "anon 5\ninactive_file 300\nactive_file 7\n", "skiff/pids.current": "12\n",
        ])
        let old = try FakeTree(files: [
            "memory/skiff/memory.usage_in_bytes": "1000\n",
            "memory/skiff/memory.stat": "inactive_file 1\ntotal_inactive_file 300\n", "pids/skiff/pids.current": "12\n",
        ])
        defer {
            new.remove()
            old.remove()
        }
        for tree in [new, old] {
            let groups = ControlGroups(root: tree.root)
            #expect(groups.workingSet("/skiff") == 700)
            #expect(groups.processes("/skiff") == 12)
            #expect(groups.workingSet("/none") == nil)
        }
    }

    @Test func `have shares and weights within the kernel's bounds`() {
        #expect(ControlGroupLimits.shares(milliCPU: 0) == 2)
        #expect(ControlGroupLimits.shares(milliCPU: 1000) == 1024)
        #expect(ControlGroupLimits.shares(milliCPU: 1_000_000) == 262_144)
        #expect(ControlGroupLimits.weight(shares: 2) == 1)
        #expect(ControlGroupLimits.weight(shares: 1024) == 39)
        #expect(ControlGroupLimits.weight(shares: 262_144) == 10_000)
        #expect(ControlGroupLimits.quota(milliCPU: 1) == 1000, "the kernel's least")
        #expect(PodLimits.pageSize("2Mi") == "2MB")
        #expect(PodLimits.pageSize("1Gi") == "1GB")
    }
}

@Suite struct `A pod's resources` {
    private func container(
        _ name: String, requests: [String: String] = [:], limits: [String: String] = [:], sidecar: Bool = false
    ) throws -> Container {
        var container = Container()
        container.name = name
        container.resources.requests = try requests.mapValues { try Quantity(parsing: $0) }
        container.resources.limits = try limits.mapValues { try Quantity(parsing: $0) }
        if sidecar { container.restartPolicy = "Always" }
        return container
    }

    private func pod(_ containers: [Container], initial: [Container] = []) -> Pod {
        var pod = Pod()
        pod.metadata.uid = "u"
        pod.spec.containers = containers
        pod.spec.initContainers = initial
        return pod
    }

    @Test func `decide its class`() throws {
        let whole = ["cpu": "1", "memory": "1Gi"]
        #expect(PodFacts.qosClass(pod([try container("a", limits: whole)])) == "Guaranteed")
        #expect(PodFacts.qosClass(pod([try container("a")])) == "BestEffort")
        #expect(PodFacts.qosClass(pod([try container("a", limits: whole), try container("b")])) == "Burstable")
        #expect(PodFacts.qosClass(pod([try container("a", limits: ["memory": "0.5Gi"])])) == "Burstable")
        var levelled = pod([try container("a"), try container("b", requests: ["cpu": "100m"])])
        var resources = ResourceRequirements()
        resources.limits = try whole.mapValues { try Quantity(parsing: $0) }
        resources.requests = resources.limits
        levelled.spec.resources = resources
        #expect(PodFacts.qosClass(levelled) == "Guaranteed", "the whole pod's resources decide")
        #expect(PodGroups.path(of: levelled, root: "/skiff") == "/skiff/podu")
    }

    @Test func `become the limits of its group`() throws {
        let bounded = pod(
            [try container("a", requests: ["cpu": "250m"], limits: ["cpu": "1", "memory": "0.1Gi"])],
            initial: [
                try container("side", limits: ["cpu": "500m", "memory": "1M"], sidecar: true),
                try container("first", limits: ["cpu": "2", "memory": "1Mi"]),
            ])
        let limits = PodLimits.of(bounded, pidsMax: 4096)
        #expect(limits.cpuShares == 2560, "the first container with the sidecar beside it")
        #expect(limits.cpuQuota == 250_000)
        #expect(limits.memory == 108_374_183, "fractions of a byte count as one")
        #expect(limits.pids == 4096)
        let open = PodLimits.of(pod([try container("a", limits: ["cpu": "1"]), try container("b")]), pidsMax: -1)
        #expect(open.cpuQuota == -1, "one container has no limit")
        #expect(open.memory == -1)
        #expect(open.pids == -1)
    }

    @Test func `decide who is killed when memory runs out`() throws {
        let capacity: Int64 = 4 << 30
        let main = try container("a", requests: ["memory": "1Gi"])
        let side = try container("s", requests: ["memory": "64Mi"], sidecar: true)
        let burstable = pod([main], initial: [side])
        func score(_ container: Container, _ pod: Pod) -> Int64 {
            PodFacts.oomScore(container, of: pod, memoryCapacity: capacity)
        }
        #expect(score(main, burstable) == 750)
        #expect(score(side, burstable) == 750, "no sooner than the one it serves")
        #expect(score(try container("a"), pod([try container("a")])) == 1000)
        let sure = try container("a", limits: ["cpu": "1", "memory": "1Gi"])
        #expect(score(sure, pod([sure])) == -997)
        let huge = try container("a", requests: ["memory": "5Gi"])
        #expect(score(huge, pod([huge])) == 3)
        let tiny = try container("a", requests: ["memory": "1Ki"])
        #expect(score(tiny, pod([tiny])) == 999)
        var critical = pod([tiny])
        critical.spec.priority = 2_000_001_000
        critical.spec.priorityClassName = "system-node-critical"
        #expect(score(tiny, critical) == -997)
    }

    @Test func `are the node's less what is kept`() throws {
        let settings = try NodeSettings(arguments: ["system-reserved=cpu=100m,memory=1Gi", "kube-reserved=memory=1Gi"])
        let facts = NodeFacts(name: "n", address: "192.0.2.1", dataDirectory: "/", settings: settings)
        let (capacity, allocatable) = (facts.capacity, facts.allocatable)
        #expect((capacity["cpu"]?.milliValue ?? 0) - (allocatable["cpu"]?.milliValue ?? 0) == 100)
        #expect((capacity["memory"]?.value ?? 0) - (allocatable["memory"]?.value ?? 0) == (2 << 30) + (100 << 20))
        #expect(facts.unreserved("memory").value == (capacity["memory"]?.value ?? 0) - (2 << 30))
        #expect(allocatable["pods"]?.value == 110)
    }
}

@Suite struct `Use of the disk` {
    @Test func `is counted as du does, without following links`() throws {
        let root = NSTemporaryDirectory() + "usage-\(UUID().uuidString)"
        let manager = FileManager.default
        defer { try? manager.removeItem(atPath: root) }
        try manager.createDirectory(atPath: root + "/a/b", withIntermediateDirectories: true)
        try Data(repeating: 1, count: 1 << 20).write(to: URL(fileURLWithPath: root + "/a/b/file"))
        try manager.linkItem(atPath: root + "/a/b/file", toPath: root + "/a/again")
        try manager.createSymbolicLink(atPath: root + "/out", withDestinationPath: "/usr")
        try manager.createSymbolicLink(atPath: root + "/a/loop", withDestinationPath: root)
        let usage = DiskUsage(of: root)
        #expect((1 << 20...(1 << 20) + 64 << 10).contains(usage.bytes))
        #expect(usage.inodes == 6)
        #expect(DiskUsage(of: root + "/none") == DiskUsage())
    }

    @Test func `has no bound of depth`() throws {
        let root = NSTemporaryDirectory() + "deep-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        var path = root
        for _ in 0..<300 { path += "/d" }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(DiskUsage(of: root).inodes == 301)
    }

    @Test func `beyond a limit has upstream's words`() throws {
        var container = Container()
        container.name = "c"
        container.resources.limits["ephemeral-storage"] = try Quantity(parsing: "10Mi")
        var volume = Volume()
        volume.name = "v"
        var source = EmptyDirVolumeSource()
        source.sizeLimit = try Quantity(parsing: "1Mi")
        volume.emptyDir = source
        var pod = Pod()
        pod.spec.containers = [container]
        pod.spec.volumes = [volume]
        #expect(LocalStorageLimits.applies(to: pod))
        #expect(!LocalStorageLimits.applies(to: Pod()))
        var usage = PodUsage()
        #expect(LocalStorageLimits.violation(pod, usage) == nil)
        usage.memoryVolumes["v"] = 2 << 20
        #expect(
            LocalStorageLimits.violation(pod, usage) == "Usage of EmptyDir volume \"v\" exceeds the limit \"1Mi\". ")
        usage.memoryVolumes["v"] = 1 << 20
        var used = PodUsage.Container()
        used.layer.bytes = 11 << 20
        usage.containers["c"] = used
        #expect(
            LocalStorageLimits.violation(pod, usage)
                == "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ")
        var roomy = container
        roomy.name = "d"
        pod.spec.containers.append(roomy)
        #expect(
            LocalStorageLimits.violation(pod, usage)
                == "Container c exceeded its local ephemeral storage limit \"10Mi\". ")
    }

    @Test func `a fast log is looked at before it is full`() {
        #expect(LogRotation.pause(left: 1 << 20, grown: 0, in: .seconds(2)) == .seconds(2))
        #expect(LogRotation.pause(left: 10 << 20, grown: 20 << 20, in: .seconds(1)) == .milliseconds(500))
        #expect(LogRotation.pause(left: 1, grown: 200 << 20, in: .seconds(1)) == .milliseconds(100))
    }
}
