import Foundation
import TestSupport
import Testing

/// Pods that go, one way or another, and those who ask them meanwhile.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(17, images: .hello), .timeLimit(.minutes(4)))
struct `Pods on their way out` {
    private static let nodePort: UInt16 = 31717

    /// A Deployment of `hello` behind a Service; `pod` are more lines of the pod's spec, `container` of the container's.
    private func manifest(
        _ name: String, replicas: Int = 1, more: String = "", pod: String = "terminationGracePeriodSeconds: 1",
        container: String = "", nodePort: UInt16? = nil
    ) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec:
          type: \(nodePort == nil ? "ClusterIP" : "NodePort")
          selector: {app: \(name)}
          ports: [{port: 80, targetPort: 8080\(nodePort.map { ", nodePort: \($0)" } ?? "")}]
        ---
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: \(name)}
        spec:
          replicas: \(replicas)
          \(more)
          selector: {matchLabels: {app: \(name)}}
          template:
            metadata: {labels: {app: \(name)}}
            spec:
              \(pod)
              containers:
              - name: web
                image: skiff.example/hello:1
                \(container)
        """
    }

    private func apply(_ cluster: SkiffInstance, _ manifest: String) async throws {
        try await cluster.check("apply", "-f", "-", input: manifest)
    }

    private func rolledOut(_ cluster: SkiffInstance, _ name: String) async throws {
        try await cluster.check(
            "rollout", "status", "deployment/" + name, "--timeout=60s", timeout: .seconds(70))
    }

    /// `ready serving terminating` of each endpoint.
    private func endpoints(_ cluster: SkiffInstance, _ service: String) async throws -> String {
        try await cluster.check(
            "get", "endpointslices", "-l", "kubernetes.io/service-name=" + service, "-o",
            "jsonpath={range .items[*].endpoints[*]}{.conditions.ready} {.conditions.serving} "
                + "{.conditions.terminating};{end}")
    }

    @Test func `drain waits for the budget, empties the node, and uncordon fills it`() async throws {
        let cluster = try cluster()
        try await apply(cluster, manifest("web", replicas: 2))
        try await cluster.check("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=2")
        try await rolledOut(cluster, "web")
        try await eventually("counted") {
            try await cluster.check("get", "pdb", "web").contains(#/web +2 +N\/A +0 +/#)
        }
        let node = try await cluster.check("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
        func drain(_ seconds: Int) async throws -> CommandResult {
            try await cluster.kubectl([
                "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=\(seconds)s",
            ])
        }
        let refused = try await drain(2)
        #expect(!refused.isSuccess)
        #expect(refused.errors.contains("Cannot evict pod as it would violate the pod's disruption budget."))
        #expect(try await cluster.check("get", "nodes").contains("Ready,SchedulingDisabled"))
        try await cluster.check("patch", "pdb", "web", "-p", #"{"spec":{"minAvailable":0}}"#)
        let drained = try await drain(30)
        #expect(drained.isSuccess, "\(drained)")
        #expect(drained.output.contains("node/\(node) drained"))
        let pods = try await cluster.check("get", "pods", "-l", "app=web", "--no-headers")
        #expect(!pods.contains("Running") && pods.contains("Pending"), "\(pods)")
        try await cluster.check("uncordon", node)
        try await rolledOut(cluster, "web")
        try await cluster.check("delete", "deployment/web", "service/web", "pdb/web", "--now")
    }

    @Test func `the last pod answers until its hook has ended, and then is gone`() async throws {
        let cluster = try cluster()
        // Deaf to SIGTERM: after the hook only the end of the grace period is left.
        try await apply(
            cluster,
            manifest(
                "last", pod: "terminationGracePeriodSeconds: 5",
                container: """
                    command: [sh, -c, "trap '' TERM; mkdir /tmp/www; echo still here > /tmp/www/index.html; \
                    httpd -p 8080 -h /tmp/www; while :; do sleep 1; done"]
                            lifecycle: {preStop: {exec: {command: [sleep, "3"]}}}
                    """, nodePort: Self.nodePort))
        try await rolledOut(cluster, "last")
        let node = try await cluster.check(
            "get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
        @Sendable func answers() async throws -> Bool {
            try await Command.run(["curl", "-sf", "-m", "2", "http://\(node):\(Self.nodePort)/"]).output
                .contains("still here")
        }
        try await eventually("the node port answers") { try await answers() }
        try await cluster.check("scale", "deployment/last", "--replicas=0")
        try await eventually("terminating, and serving") {
            try await endpoints(cluster, "last") == "false true true;"
        }
        #expect(try await answers())
        try await eventually("gone", timeout: .seconds(30)) { try await endpoints(cluster, "last").isEmpty }
        #expect(try await !answers())

        // With less grace than the hook needs, the hook ends too.
        try await cluster.check("scale", "deployment/last", "--replicas=1")
        try await rolledOut(cluster, "last")
        let began = ContinuousClock.now
        try await cluster.check("delete", "pod", "-l", "app=last", "--grace-period=1", "--wait=true")
        #expect(ContinuousClock.now - began < .seconds(4.5), "\(ContinuousClock.now - began)")
        try await cluster.check("delete", "deployment/last", "service/last", "--now")
    }

    @Test func `an endpoint comes, goes and comes back with its probes`() async throws {
        let cluster = try cluster()
        try await apply(
            cluster,
            manifest(
                "moody",
                container: """
                    startupProbe: {exec: {command: [test, -e, /tmp/started]}, periodSeconds: 1, failureThreshold: 60}
                            readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1, failureThreshold: 1}
                    """))
        func run(_ command: String...) async throws {
            try await eventually("it runs \(command)") {
                try await cluster.kubectl(["exec", "deployment/moody", "--"] + command).isSuccess
            }
        }
        try await run("touch", "/tmp/ready")
        // Ready for the one probe, not asked before the other one.
        #expect(try await endpoints(cluster, "moody") == "false false false;")
        try await run("touch", "/tmp/started")
        for _ in 1...2 {
            try await eventually("ready") { try await endpoints(cluster, "moody") == "true true false;" }
            try await run("rm", "/tmp/ready")
            try await eventually("not ready") { try await endpoints(cluster, "moody") == "false false false;" }
            try await run("touch", "/tmp/ready")
        }
        try await eventually("ready") { try await endpoints(cluster, "moody") == "true true false;" }
        try await cluster.check("delete", "deployment/moody", "service/moody", "--now")
    }

    @Test func `a rolling update waits for gates and for minReadySeconds`() async throws {
        let cluster = try cluster()
        let rolling = """
            minReadySeconds: 2
              strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
            """
        try await apply(
            cluster,
            manifest(
                "gated", more: rolling,
                pod: "readinessGates: [{conditionType: example.com/checked}]\n      terminationGracePeriodSeconds: 1"))
        func pass(_ image: String) async throws {
            try await eventually("a pod to check") {
                let pod = try await cluster.check(
                    "get", "pods", "-l", "app=gated", "-o",
                    "jsonpath={range .items[?(@.spec.containers[0].image=='\(image)')]}{.metadata.name}{end}")
                guard !pod.isEmpty else { return false }
                return try await cluster.kubectl([
                    "patch", "pod", pod, "--subresource=status", "-p",
                    #"{"status":{"conditions":[{"type":"example.com/checked","status":"True"}]}}"#,
                ]).isSuccess
            }
        }
        @Sendable func counts() async throws -> String {
            try await cluster.check(
                "get", "deployment", "gated", "-o",
                "jsonpath={.status.replicas} {.status.readyReplicas} {.status.availableReplicas}")
        }
        try await pass("skiff.example/hello:1")
        try await eventually("available") { try await counts() == "1 1 1" }
        try await cluster.check("set", "image", "deployment/gated", "web=skiff.example/hello:2")
        try await eventually("the new pod's containers are ready") {
            try await cluster.check(
                "get", "pods", "-l", "app=gated", "-o",
                "jsonpath={range .items[*]}{.status.conditions[?(@.type=='ContainersReady')].status}{end}")
                == "TrueTrue"
        }
        #expect(try await counts() == "2 1 1", "the old pod stays while the gate is shut")
        try await pass("skiff.example/hello:2")
        try await eventually("ready, and not yet available") { try await counts() == "2 2 1" }
        try await eventually("done") { try await counts() == "1 1 1" }
        try await rolledOut(cluster, "gated")
        try await cluster.check("delete", "deployment/gated", "service/gated", "--now")
    }
}
