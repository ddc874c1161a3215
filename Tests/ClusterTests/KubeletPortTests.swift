import Foundation
import TestSupport
import Testing

/// The node agent's own port: who gets in, and what is there.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(16),
    .timeLimit(.minutes(5)))
struct `Kubelet port` {
    @Test
    func `nobody is anonymous, and everybody needs the right`() async throws {
        let port = try await KubeletPort()
        #expect(try await port.get("/metrics").status == 401)
        #expect(try await port.get("/healthz").status == 401)
        #expect(try await port.get("/pods", token: "not-a-token").status == 401)

        try await port.cluster.check("create", "serviceaccount", "collector")
        let token = try await port.token("collector")
        let refused = try await port.get("/metrics/resource", token: token)
        #expect(refused.status == 403)
        #expect(
            refused.body.contains("user=system:serviceaccount:default:collector, verb=get, resource=nodes")
                && refused.body.contains("subresource(s)=[metrics]"), "\(refused.body)")

        // As metrics-server's role: no more than it needs.
        try await port.cluster.check(
            "create", "clusterrole", "metrics-reader", "--verb=get", "--resource=nodes/metrics,nodes/stats")
        try await port.cluster.check(
            "create", "clusterrolebinding", "metrics-reader", "--clusterrole=metrics-reader",
            "--serviceaccount=default:collector")
        for path in ["/metrics", "/metrics/resource", "/metrics/cadvisor", "/metrics/probes", "/stats/summary"] {
            #expect(try await port.get(path, token: token).status == 200, "\(path)")
        }
        for path in ["/pods", "/configz", "/logs/", "/run/default/a/b", "/containerLogs/default/a/b", "/%65xec/a/b/c"] {
            #expect(try await port.get(path, token: token).status == 403, "\(path)")
        }
        // What is taken back is taken back at once.
        try await port.cluster.check("delete", "clusterrolebinding", "metrics-reader")
        #expect(try await port.get("/metrics", token: token).status == 403)
    }

    @Test
    func `narrow rights open narrow paths, and reading is no shell`() async throws {
        let port = try await KubeletPort()
        try await port.cluster.check("create", "serviceaccount", "narrow")
        let token = try await port.token("narrow")
        try await port.cluster.check(
            "create", "clusterrole", "narrow", "--verb=get", "--resource=nodes/pods,nodes/healthz,nodes/configz")
        try await port.cluster.check(
            "create", "clusterrolebinding", "narrow", "--clusterrole=narrow", "--serviceaccount=default:narrow")
        for path in ["/pods", "/runningpods/", "/healthz", "/configz"] {
            #expect(try await port.get(path, token: token).status == 200, "\(path)")
        }
        #expect(try await port.get("/stats/summary", token: token).status == 403)

        try await port.cluster.check("create", "clusterrole", "looker", "--verb=get", "--resource=nodes/proxy")
        try await port.cluster.check(
            "create", "clusterrolebinding", "looker", "--clusterrole=looker", "--serviceaccount=default:narrow")
        let path = "/exec/default/nothing/main?command=id&output=1"
        let shell = try await port.get(path, token: token, headers: KubeletPort.webSocket)
        #expect(shell.status == 403 && shell.body.contains("verb=create"), "\(shell)")
        let proxied = try await port.get(
            "/api/v1/nodes/\(port.node)/proxy" + path, token: token, port: port.cluster.port,
            headers: KubeletPort.webSocket)
        #expect(proxied.status == 403, "\(proxied)")
        let logs = try await port.get("/containerLogs/default/nothing/main", token: token)
        #expect(logs.status == 404, "\(logs)")
    }

    @Test
    func `certificates of the cluster get in, its own is of the cluster's authority, and others are foreign`()
        async throws
    {
        let port = try await KubeletPort()
        let tls = port.cluster.dataDirectory + "/tls"
        let own = try await Command.check(
            port.curl("/healthz") + [
                "--cacert", tls + "/ca.crt", "--cert", tls + "/admin.crt", "--key", tls + "/admin.key",
            ])
        #expect(own == "ok200")
        let mode = try FileManager.default.attributesOfItem(atPath: tls + "/kubelet.key")[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let foreign = port.cluster.directory + "/foreign"
        try await Command.check([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            foreign + ".key", "-out", foreign + ".crt", "-subj", "/O=system:masters/CN=admin",
        ])
        let refused = try await Command.check(
            port.curl("/healthz") + [
                "--cacert", tls + "/ca.crt", "--cert", foreign + ".crt", "--key", foreign + ".key",
            ])
        #expect(refused.hasSuffix("401"), "\(refused)")
    }

    @Test
    func `the node publishes its port, and both ways lead to the same figures`() async throws {
        let port = try await KubeletPort()
        let (cluster, node) = (port.cluster, port.node)
        let published = try await cluster.check(
            "get", "node", node, "-o", "jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}")
        #expect(published == "\(port.port)")
        for name in [node, "\(node):\(port.port)", "https:\(node):\(port.port)"] {
            let health = try await cluster.check("get", "--raw", "/api/v1/nodes/\(name)/proxy/healthz")
            #expect(health == "ok", "\(name)")
        }
        try await cluster.check(
            "run", "figures", "--image=skiff.example/hello:1", "--command", "--", "sleep", "1000")
        try await cluster.check("wait", "--for=condition=Ready", "pod/figures", "--timeout=60s")
        try await cluster.check("create", "serviceaccount", "all")
        try await cluster.check(
            "create", "clusterrolebinding", "all", "--clusterrole=system:kubelet-api-admin",
            "--serviceaccount=default:all")
        let token = try await port.token("all")
        try await eventually("cadvisor's figures show the pod") {
            let text = try await port.get("/metrics/cadvisor", token: token).body
            return text.contains(#"namespace="default",pod="figures""#)
                && text.contains("container_cpu_usage_seconds_total")
        }
        let summary = try await port.get("/stats/summary", token: token)
        #expect(summary.body.contains(#""podRef":{"name":"figures""#))
        let own = try await port.get("/metrics", token: token)
        #expect(
            own.body.contains("kubelet_running_pods 1\n") && own.body.contains("kubelet_node_name{node=\"\(node)\"} 1"))
        #expect(try await port.get("/runningpods/", token: token).body.contains("figures"))
        let configuration = try await port.get("/configz", token: token)
        #expect(configuration.body.contains("\"port\":\(port.port)"))
        let output = try await port.get("/run/default/figures/figures?cmd=echo%20hello", token: token, method: "POST")
        #expect(output.body == "hello\n", "\(output)")
        let log = try await port.get("/containerLogs/default/figures/figures", token: token)
        #expect(log.status == 200)
        try await cluster.check("delete", "pod", "figures", "--now")
    }

    @Test
    func `the machine's logs are shown, and nothing outside of them`() async throws {
        let port = try await KubeletPort()
        try await port.cluster.check("create", "serviceaccount", "logs")
        try await port.cluster.check("create", "clusterrole", "logs", "--verb=get", "--resource=nodes/log")
        try await port.cluster.check(
            "create", "clusterrolebinding", "logs", "--clusterrole=logs", "--serviceaccount=default:logs")
        let token = try await port.token("logs")
        let name = "skiff-test-\(UUID().uuidString)"
        let path = "/var/log/" + name
        defer { try? FileManager.default.removeItem(atPath: path) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("a line\n".utf8).write(to: URL(fileURLWithPath: path + "/file"))
        try FileManager.default.createSymbolicLink(atPath: path + "/link", withDestinationPath: "/etc/passwd")
        #expect(try await port.get("/logs/", token: token).body.contains(name))
        #expect(try await port.get("/logs/\(name)/file", token: token).body == "a line\n")
        for escape in [
            "\(name)/link", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "\(name)/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        ] {
            let answer = try await port.get("/logs/" + escape, token: token)
            #expect(answer.status >= 400 && !answer.body.contains("root:"), "\(escape): \(answer)")
        }
    }

    @Test
    func `a busy port is named, with what to do`() async throws {
        let port = try await KubeletPort()
        let other = try SkiffInstance(index: 17)
        let up = try await other.up(["--kubelet-arg", "port=\(port.port)"])
        #expect(!up.isSuccess)
        #expect(
            up.errors.contains("the node agent cannot listen on 0.0.0.0:\(port.port)")
                && up.errors.contains("--kubelet-arg port="), "\(up)")
        _ = try await other.delete()
    }
}

/// The port of the suite's cluster, and how to ask it.
struct KubeletPort {
    struct Answer {
        var status: Int
        var body: String
    }

    static let webSocket = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: v4.channel.k8s.io",
    ]

    let cluster: SkiffInstance
    let node: String
    let port: Int

    init() async throws {
        cluster = try ClusterTests.cluster()
        node = try await cluster.check("get", "node", "-o", "jsonpath={.items[0].metadata.name}")
        port = cluster.port - 6443 + 10_250
    }

    /// Prints the answer and then its status.
    func curl(_ path: String, port other: Int? = nil) -> [String] {
        [
            "curl", "--silent", "--http1.1", "--max-time", "20", "--path-as-is", "--write-out", "%{http_code}",
            "https://127.0.0.1:\(other ?? port)\(path)",
        ]
    }

    func get(
        _ path: String, token: String? = nil, port other: Int? = nil, method: String = "GET", headers: [String] = []
    ) async throws -> Answer {
        var arguments = curl(path, port: other) + ["--insecure", "--request", method]
        if let token { arguments += ["--header", "Authorization: Bearer \(token)"] }
        for header in headers { arguments += ["--header", header] }
        let output = try await Command.check(arguments)
        return Answer(status: Int(output.suffix(3)) ?? 0, body: String(output.dropLast(3)))
    }

    func token(_ account: String) async throws -> String {
        try await cluster.check("create", "token", account).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
