import Foundation
import TestSupport
import Testing

/// A Deployment behind a node port, under requests that never pause.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(18),
    .timeLimit(.minutes(6)))
struct `Updates without loss` {
    private static let nodePort: UInt16 = 31818
    private static let perSecond = 200
    /// As often as the promise is: three runs in a row where somebody asks for them, one in the daily tests.
    private static let rounds = Int(ProcessInfo.processInfo.environment["SKIFF_UPDATE_ROUNDS"] ?? "") ?? 1

    /// Ends as users' servers do that do not wait for the last requests themselves: `preStop` does.
    private func manifest(replicas: Int, strategy: String) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          selector: {app: web}
          ports: [{port: 80, targetPort: 8080, nodePort: \(Self.nodePort)}]
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: \(replicas)
          strategy: \(strategy)
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              terminationGracePeriodSeconds: 10
              containers:
              - name: web
                image: skiff.example/hello:1
                readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
                lifecycle: {preStop: {sleep: {seconds: 2}}}
        """
    }

    private func address(_ cluster: SkiffInstance) async throws -> String {
        try await cluster.check("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    }

    private func rolledOut(_ cluster: SkiffInstance) async throws {
        try await cluster.check(
            "rollout", "status", "deployment/web", "--timeout=100s", timeout: .seconds(110))
    }

    @Test func `a rolling update and its undo lose no request`() async throws {
        let cluster = try cluster()
        let rolling = "{type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}"
        try await cluster.check("apply", "-f", "-", input: manifest(replicas: 10, strategy: rolling))
        try await rolledOut(cluster)
        let node = try await address(cluster)
        try await eventually("the node port answers") {
            try await Command.run(["curl", "-sf", "-m", "2", "http://\(node):\(Self.nodePort)/"]).isSuccess
        }
        for round in 1...Self.rounds {
            let load = RequestLoad(address: node, port: Self.nodePort, perSecond: Self.perSecond)
            try await cluster.check("set", "image", "deployment/web", "web=skiff.example/hello:2")
            try await rolledOut(cluster)
            let updated = await load.stop()
            try await report("update \(round)", updated)
            #expect(updated.contains { $0.body.contains("version 1") }, "the load began before the update")

            let second = RequestLoad(address: node, port: Self.nodePort, perSecond: Self.perSecond)
            try await cluster.check("rollout", "undo", "deployment/web")
            try await rolledOut(cluster)
            try await eventually("the old version answers alone") {
                second.outcomes.suffix(50).allSatisfy { $0.body.contains("version 1") }
            }
            try await report("undo \(round)", await second.stop())
        }
    }

    @Test func `Recreate is away for no longer than a pod takes to start`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-", input: manifest(replicas: 10, strategy: "{type: Recreate, rollingUpdate: null}"))
        try await rolledOut(cluster)
        try await cluster.check("scale", "deployment/web", "--replicas=0")
        try await eventually("no pod is left") {
            try await cluster.check("get", "pods", "-l", "app=web", "-o", "name").isEmpty
        }
        let load = RequestLoad(address: try await address(cluster), port: Self.nodePort, perSecond: 50)
        let asked = ContinuousClock.now
        try await cluster.check("scale", "deployment/web", "--replicas=10")
        try await rolledOut(cluster)
        let first = try #require(load.outcomes.first { $0.failure == nil && $0.began > asked })
        let start = first.began - asked

        let updated = ContinuousClock.now
        try await cluster.check("set", "image", "deployment/web", "web=skiff.example/hello:2")
        try await rolledOut(cluster)
        let outcomes = await load.stop().filter { $0.began > updated }
        let lost = outcomes.filter { $0.failure != nil }
        let outage = (lost.last?.began ?? updated) - (lost.first?.began ?? updated)
        #expect(outcomes.last?.body.contains("version 2") == true)
        // A second: the old containers end, one after the other on a busy machine, before the first new one is made.
        #expect(outage <= start + .seconds(1), "away for \(outage), a start takes \(start)")
        print("Recreate: away for \(outage); from none to the first answer: \(start)")
    }

    @Test func `a readiness gate keeps a pod from its Service until its condition is True`() async throws {
        let cluster = try cluster()
        let pod = """
            apiVersion: v1
            kind: Pod
            metadata: {name: gated, labels: {app: gated}}
            spec:
              terminationGracePeriodSeconds: 0
              readinessGates: [{conditionType: example.com/ready}]
              containers: [{name: web, image: "skiff.example/hello:1"}]
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: gated}
            spec: {selector: {app: gated}, ports: [{port: 8080}]}
            """
        try await cluster.check("apply", "-f", "-", input: pod)
        @Sendable func ready() async throws -> String {
            try await cluster.check(
                "get", "pod", "gated", "-o",
                "jsonpath={range .status.conditions[?(@.type=='Ready')]}{.status} {.reason}{end}")
        }
        @Sendable func endpoint() async throws -> String {
            try await cluster.check(
                "get", "endpointslices", "-l", "kubernetes.io/service-name=gated", "-o",
                "jsonpath={.items[0].endpoints[0].conditions.ready} {.items[0].endpoints[0].conditions.serving}")
        }
        @Sendable func state() async throws -> String { "\(try await ready())/\(try await endpoint())" }
        func set(_ status: String) async throws {
            try await cluster.check(
                "patch", "pod", "gated", "--subresource=status", "-p",
                #"{"status":{"conditions":[{"type":"example.com/ready","status":"\#(status)"}]}}"#)
        }
        try await eventually("containers are ready, the pod is not") {
            try await state() == "False ReadinessGatesNotReady/false false"
        }
        let wide = try await cluster.check("get", "pod", "gated", "-o", "wide")
        #expect(wide.contains("READINESS GATES") && wide.contains(#/ 0/1 *\n$/#), "\(wide)")
        try await set("True")
        try await eventually("ready") { try await state() == "True /true true" }
        #expect(try await cluster.check("get", "pod", "gated", "-o", "wide").contains(#/ 1/1 *\n$/#))
        try await set("False")
        try await eventually("no longer") { try await state() == "False ReadinessGatesNotReady/false false" }
        try await cluster.check("delete", "pod/gated", "service/gated", "--now")
    }

    /// Says how the requests went. None may have failed.
    private func report(_ name: String, _ outcomes: [RequestLoad.Outcome]) async throws {
        let failures = outcomes.filter { $0.failure != nil }
        let times = outcomes.map(\.took).sorted()
        let begin = try #require(outcomes.first).began
        print(
            "\(name): \(outcomes.count) requests in \((outcomes.last?.began ?? begin) - begin), \(failures.count) failed, "
                + "median \(times[times.count / 2]), slowest \(times.last ?? .zero)")
        let reasons = failures.prefix(10).map { "\($0.began - begin): \($0.failure ?? "")" }
        #expect(failures.isEmpty, "\(name): \(failures.count) of \(outcomes.count): \(reasons.joined(separator: "; "))")
        #expect(outcomes.count >= 100, "so few requests show nothing")
    }
}
