internal import TestSupport
internal import Testing

/// What pods and the node use.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(7),
    .timeLimit(.minutes(5)))
struct `Resource usage` {
    @Test(arguments: Kubectl.programs)
    func `kubectl top shows pods, containers and the node`(kubectl: String) async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", program: kubectl, input: Self.busy)
        try await cluster.check("wait", "--for=condition=Ready", "pod/busy", "--timeout=60s", program: kubectl)
        try await eventually("the busy pod shows its CPU", timeout: .seconds(15)) {
            let top = try await cluster.kubectl(["top", "pod", "busy", "--no-headers"], program: kubectl)
            let columns = top.output.split(whereSeparator: \.isWhitespace)
            guard columns.count == 3, let milli = Int(columns[1].dropLast()) else { return false }
            return milli > 100 && columns[2].hasSuffix("Mi")
        }
        let containers = try await cluster.check("top", "pod", "--containers", "-l", "kind=busy", program: kubectl)
        #expect(containers.contains("loop") && containers.contains("POD"), "\(containers)")
        let node = try await cluster.check("top", "node", program: kubectl)
        #expect(node.contains("%") && node.contains("Mi"), "\(node)")
        let name = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}", program: kubectl)
        let summary = try await cluster.check(
            "get", "--raw", "/api/v1/nodes/\(name)/proxy/stats/summary", program: kubectl)
        #expect(summary.contains(#""podRef":{"name":"busy""#), "\(summary)")
        let figures = try await cluster.check(
            "get", "--raw", "/api/v1/nodes/\(name)/proxy/metrics/resource", program: kubectl)
        #expect(
            figures.contains(#"container_cpu_usage_seconds_total{container="loop",namespace="default",pod="busy"}"#))
        try await cluster.check("delete", "pod", "busy", program: kubectl)
    }

    private static let busy = """
        apiVersion: v1
        kind: Pod
        metadata: {name: busy, labels: {kind: busy}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - {name: loop, image: "skiff.example/hello:1", command: [sh, -c, "while :; do :; done"]}
        """
}
