internal import Foundation
internal import TestSupport
internal import Testing

/// Services as clients meet them: from pods, from the node, and from another machine, which is a network namespace here.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(19, images: [.hello, .registry]), .timeLimit(.minutes(5)))
struct Services {
    private static let nodePort = 30_519
    private static let udpNodePort = 30_520

    @Test func `answer at every address that they have, from everywhere`() async throws {
        let cluster = try await prepared()
        let outside = try await Outside.make()
        defer { outside.remove() }
        let (node, address) = (try await cluster.nodeAddress(), try await cluster.address(of: "web"))
        let names = try await cluster.names("app=web")
        for (host, port) in [
            (address, 80), (node, Self.nodePort), ("127.0.0.1", Self.nodePort), ("198.51.100.77", 80),
        ] {
            let answer = try await Client.node.ask(host, port)
            #expect(names.contains { answer.hasPrefix($0) }, "from the node, at \(host):\(port): \(answer)")
        }
        for (host, port) in [(address, 80), (node, Self.nodePort), ("web", 80), ("web.default.svc.cluster.local", 80)] {
            let answer = try await cluster.askFrom("client", host, port)
            #expect(names.contains { answer.hasPrefix($0) }, "from a pod, at \(host):\(port): \(answer)")
        }
        let answer = try await outside.client.ask(outside.nodeAddress, Self.nodePort)
        #expect(names.contains { answer.hasPrefix($0) }, "from outside: \(answer)")
        // A pod that is its own endpoint reaches itself.
        #expect(try await cluster.askFrom("client", "self", 80).hasPrefix("client "))
        // Named ports of the pods, and UDP beside TCP.
        let udp = try await Client.node.ask(address, 80, protocol: "udp")
        #expect(names.contains { udp.hasPrefix($0) }, "UDP: \(udp)")
        let udpOutside = try await outside.client.ask(outside.nodeAddress, Self.udpNodePort, protocol: "udp")
        #expect(names.contains { udpOutside.hasPrefix($0) }, "UDP from outside: \(udpOutside)")
        // A headless Service is only a name.
        let headless = try await cluster.check("exec", "client", "--", "nslookup", "bare.default.svc.cluster.local")
        let addresses = try await cluster.check(
            "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.podIP}")
        for address in addresses.split(separator: " ") { #expect(headless.contains(address), "\(headless)") }
        // The API server, as every pod finds it.
        let api = try await cluster.address(of: "kubernetes")
        #expect(try await Command.run(["curl", "-sk", "-m", "3", "https://\(api)/livez"]).output == "ok")
    }

    @Test func `refuse at once where nothing answers, and answer when something does`() async throws {
        let cluster = try await prepared()
        try await cluster.check("create", "deployment", "late", "--image=skiff.example/hello:1", "--replicas=0")
        try await cluster.check("expose", "deployment", "late", "--type=NodePort", "--port=80", "--target-port=8080")
        let (node, late) = (try await cluster.nodeAddress(), try await cluster.address(of: "late"))
        let port = try await cluster.check("get", "service", "late", "-o", "jsonpath={.spec.ports[0].nodePort}")
        let web = try await cluster.address(of: "web")
        let unused = "10.\(220 + cluster.index).250.250"
        for (host, port) in [(late, "80"), (node, port), (web, "81"), (unused, "80")] {
            let began = ContinuousClock.now
            let result = try await Command.run(["curl", "-sS", "-m", "5", "http://\(host):\(port)/"])
            #expect(result.status == 7, "from the node, at \(host):\(port): \(result)")
            let inPod = try await cluster.kubectl([
                "exec", "client", "--", "timeout", "5", "nc", "-w", "5", host, port,
            ])
            #expect(inPod.status == 1, "from a pod, at \(host):\(port): \(inPod)")
            #expect(ContinuousClock.now - began < .seconds(4), "refused, not forgotten, at \(host):\(port)")
        }
        try await cluster.check("scale", "deployment", "late", "--replicas=1")
        try await eventually("the Service answers") {
            try await Command.run(["curl", "-sS", "-m", "1", "http://\(late)/"]).output.contains("version 1")
        }
        #expect(try await Command.run(["curl", "-sS", "-m", "1", "http://\(node):\(port)/"]).isSuccess)
        try await cluster.check("delete", "service,deployment", "late")
        try await eventually("its address is refused") {
            try await Command.run(["curl", "-sS", "-m", "1", "http://\(late)/"]).status == 7
        }
    }

    @Test func `share clients out, or keep them, as they are told, over a restart of Skiff`() async throws {
        let cluster = try await prepared()
        func answers(_ service: String) async throws -> Set<String> {
            let address = try await cluster.address(of: service)
            var answers: Set<String> = []
            for _ in 0..<24 { answers.insert(try await Client.node.ask(address, 80)) }
            return answers
        }
        #expect(try await answers("web").count == 3)
        let kept = try await answers("sticky")
        #expect(kept.count == 1)
        try await cluster.restart()
        #expect(try await answers("sticky") == kept)
    }

    @Test func `never lose a connection over a restart of Skiff`() async throws {
        let cluster = try await prepared()
        let address = try await cluster.address(of: "echo")
        let script = """
            exec 3<>/dev/tcp/\(address)/80
            for i in $(seq 30); do echo "line $i" >&3; read -t 5 -r answer <&3 || exit 3; echo "$answer"; sleep 0.1; done
            """
        async let conversation = Command.run(["bash", "-c", script])
        try await Task.sleep(for: .milliseconds(300))
        try await cluster.restart()
        let result = try await conversation
        #expect(result.isSuccess, "\(result)")
        #expect(result.output.split(separator: "\n").count == 30)
    }

    @Test func `show pods the client's address, and shut out whom they should, as they are told`() async throws {
        let cluster = try await prepared()
        let outside = try await Outside.make()
        defer { outside.remove() }
        let answer = try await outside.client.ask(outside.nodeAddress, Self.nodePort)
        #expect(!answer.contains(outside.address), "the node stands between: \(answer)")
        try await cluster.check(
            "patch", "service", "web", "-p", #"{"spec":{"externalTrafficPolicy":"Local"}}"#)
        try await eventually("pods see the client") {
            try await outside.client.ask(outside.nodeAddress, Self.nodePort).contains(outside.address)
        }
        try await cluster.check(
            "patch", "service", "web", "-p", #"{"spec":{"externalTrafficPolicy":"Cluster"}}"#)

        try await cluster.check("apply", "-f", "-", input: Self.balanced(sources: "203.0.113.0/24"))
        try await cluster.setIngress("balanced", outside.nodeAddress)
        try await eventually("a stranger is shut out") {
            try await outside.client.run(outside.nodeAddress, 8519).isSuccess == false
        }
        let health = try await cluster.check("get", "service", "balanced", "-o", "jsonpath={.spec.healthCheckNodePort}")
        let check = ["curl", "-sS", "-m", "2", "http://127.0.0.1:\(health)/healthz"]
        try await eventually("the health check knows the endpoints") {
            try await Command.run(check).output.contains(#""localEndpoints":3"#)
        }
        try await cluster.check("apply", "-f", "-", input: Self.balanced(sources: "\(outside.address)/32"))
        try await eventually("a friend is let in, with its own address") {
            try await outside.client.ask(outside.nodeAddress, 8519).contains(outside.address)
        }
        try await cluster.check("delete", "service", "balanced")
        try await eventually("the health check's port is closed") { try await Command.run(check).status == 7 }
    }

    @Test func `of type LoadBalancer have the node's address, as long as they are`() async throws {
        let cluster = try await prepared()
        let node = try await cluster.nodeAddress()
        try await cluster.check(
            "expose", "deployment", "web", "--name=lb", "--type=LoadBalancer", "--port=8521", "--target-port=8080")
        @Sendable func ingress() async throws -> String {
            try await cluster.check("get", "service", "lb", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}")
        }
        try await eventually("the Service has the node's address") { try await ingress() == node }
        try await eventually("and answers there") { try await Client.node.ask(node, 8521).hasPrefix("web-") }
        try await cluster.check("patch", "service", "lb", "-p", #"{"spec":{"type":"ClusterIP"}}"#)
        try await eventually("the address is gone") { try await ingress().isEmpty }
        try await cluster.check("delete", "service", "lb")
    }

    @Test func `kube-dns is one of them, and comes back`() async throws {
        let cluster = try cluster()
        @Sendable func address() async throws -> String {
            try await cluster.kubectl([
                "get", "service", "kube-dns", "-n", "kube-system", "-o", "jsonpath={.spec.clusterIP}",
            ]).output
        }
        try await eventually("kube-dns is there") { try await address() == "10.\(220 + cluster.index).0.10" }
        try await cluster.check("delete", "service", "kube-dns", "-n", "kube-system")
        try await eventually("kube-dns is there again") { try await address() == "10.\(220 + cluster.index).0.10" }
    }

    @Test func `need no rules written twice when Skiff starts`() throws {
        let log = try String(contentsOfFile: cluster().dataDirectory + "/skiff.log", encoding: .utf8)
        #expect(!log.contains("another program removed the rules"))
    }

    @Test func `say so when a program listens on their port`() async throws {
        let cluster = try cluster()
        let listener = Process()
        listener.executableURL = URL(fileURLWithPath: "/bin/busybox")
        listener.arguments = ["nc", "-l", "-p", "30577"]
        try listener.run()
        // Children of this process ignore what `terminate` sends.
        defer { kill(listener.processIdentifier, SIGKILL) }
        try await cluster.check("create", "service", "nodeport", "shared", "--tcp=80", "--node-port=30577")
        try await eventually("an event tells who") {
            try await cluster.check("get", "events", "--field-selector=reason=PortInUse", "-o", "jsonpath={..message}")
                .contains("port 30577/TCP of the node is used by busybox (process \(listener.processIdentifier))")
        }
        try await cluster.check("delete", "service", "shared")
    }

    @Test func `move UDP clients on when their endpoint goes`() async throws {
        let cluster = try await prepared()
        try await cluster.check("scale", "deployment", "web", "--replicas=2")
        let address = try await cluster.address(of: "web")
        let script = """
            exec 3<>/dev/udp/\(address)/80
            for i in $(seq 60); do echo "x" >&3; timeout -s KILL 0.3 head -n 1 <&3; sleep 0.1; done
            """
        async let conversation = Command.run(["bash", "-c", script], timeout: .seconds(40))
        try await Task.sleep(for: .seconds(1))
        let first = try await Command.run(["conntrack", "-L", "-p", "udp", "--orig-dst", address]).output
        let pods = try await cluster.check(
            "get", "pods", "-l", "app=web", "-o",
            #"jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}"#)
        let talking = try #require(
            pods.split(separator: "\n").map { $0.split(separator: " ") }.first { first.contains("src=\($0[1]) ") })
        try await cluster.check("delete", "pod", String(talking[0]), "--grace-period=0", "--force")
        let answers = try await conversation.output.split(separator: "\n").map { $0.split(separator: " ")[0] }
        #expect(answers.first == talking[0])
        #expect(answers.last != talking[0], "the client went on with another endpoint: \(answers)")
        try await cluster.check("scale", "deployment", "web", "--replicas=3")
    }

    @Test func `pods have ports of the node`() async throws {
        let cluster = try await prepared()
        let outside = try await Outside.make()
        defer { outside.remove() }
        let node = try await cluster.nodeAddress()
        for host in [node, "127.0.0.1"] {
            #expect(try await Client.node.ask(host, 18_519).hasPrefix("client "), "at \(host)")
        }
        #expect(try await Client.node.ask(node, 18_519, protocol: "udp") == "client")
        #expect(try await outside.client.ask(outside.nodeAddress, 18_519) == "client \(outside.address)")
        #expect(try await Client.node.ask("127.0.0.1", 18_520).hasPrefix("client "))
        #expect(try await Client.node.run(node, 18_520).isSuccess == false, "only at the address that was asked for")
        #expect(try await cluster.askFrom("client", node, 18_519).hasPrefix("client "))
    }
}

extension Services {
    /// The pods and Services that every test needs; what is there already stays as it is.
    private func prepared() async throws -> SkiffInstance {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.objects)
        try await cluster.check("rollout", "status", "deployment/web", "--timeout=60s")
        try await cluster.check("wait", "--for=condition=Ready", "pod/client", "pod/echo", "--timeout=60s")
        return cluster
    }

    /// Says who it is and whom it sees, over TCP; who it is over UDP; and repeats what it hears on another port.
    private static let program = """
        const net = require("net"), name = require("os").hostname();
        const serve = (port, answer) => net.createServer(s => { s.on("error", () => {}); answer(s) }).listen(port);
        serve(8080, s => s.end(name + " " + s.remoteAddress.replace("::ffff:", "") + "\\n"));
        serve(8082, s => s.pipe(s));
        const udp = require("dgram").createSocket("udp4");
        udp.on("message", (_, from) => udp.send(name + " \\n", from.port, from.address));
        udp.bind(8081);
        """
    private static let server = """
        image: happynut/sample-node-app:0.0.1
        command: [node, -e, '\(program.replacing("\n", with: " "))']
        """.split(separator: "\n").joined(separator: ", ")

    private static let objects = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - {name: c, \(server), ports: [
                  {containerPort: 8080, name: hello}, {containerPort: 8081, name: hello-udp, protocol: UDP}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: client, labels: {app: client}}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - {name: c, \(server), ports: [
              {containerPort: 8080, hostPort: 18519}, {containerPort: 8081, hostPort: 18519, protocol: UDP},
              {containerPort: 8080, hostPort: 18520, hostIP: 127.0.0.1}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: echo, labels: {app: echo}}
        spec:
          terminationGracePeriodSeconds: 0
          containers:
          - {name: c, \(server)}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec:
          type: NodePort
          externalIPs: [198.51.100.77]
          selector: {app: web}
          ports:
          - {name: tcp, port: 80, targetPort: hello, nodePort: \(nodePort)}
          - {name: udp, port: 80, targetPort: hello-udp, protocol: UDP, nodePort: \(udpNodePort)}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: sticky}
        spec: {sessionAffinity: ClientIP, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: self}
        spec: {selector: {app: client}, ports: [{port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: echo}
        spec: {selector: {app: echo}, ports: [{port: 80, targetPort: 8082}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: bare}
        spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}

        """

    /// Keeps clients' addresses; its own address is written by the test, as a controller of load balancers would.
    private static func balanced(sources: String) -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: balanced}
        spec:
          type: LoadBalancer
          loadBalancerClass: skiff.example/by-hand
          externalTrafficPolicy: Local
          loadBalancerSourceRanges: ["\(sources)"]
          selector: {app: web}
          ports: [{port: 8519, targetPort: 8080}]

        """
    }
}

extension SkiffInstance {
    fileprivate func address(of service: String) async throws -> String {
        try await check("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
    }

    fileprivate func nodeAddress() async throws -> String {
        try await check("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    }

    fileprivate func names(_ selector: String) async throws -> [String] {
        try await check("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
            .split(separator: " ").map(String.init)
    }

    fileprivate func askFrom(_ pod: String, _ host: String, _ port: Int) async throws -> String {
        try await check("exec", pod, "--", "timeout", "5", "nc", host, "\(port)").trimmed
    }

    fileprivate func setIngress(_ service: String, _ address: String) async throws {
        try await check(
            "patch", "service", service, "--subresource=status", "--type=merge", "-p",
            #"{"status":{"loadBalancer":{"ingress":[{"ip":"\#(address)","ipMode":"VIP"}]}}}"#)
    }

    /// Kills Skiff as a crash would, and starts it again.
    fileprivate func restart() async throws {
        let pid = try #require(serverPID)
        try await Command.check(["kill", "-9", "\(pid)"])
        let result = try await up()
        #expect(result.isSuccess, "\(result)")
    }
}

/// Asks servers from the node or from a network namespace.
private struct Client {
    static let node = Client(prefix: [])

    let prefix: [String]

    func run(_ host: String, _ port: Int, protocol kind: String = "tcp") async throws -> CommandResult {
        let question = kind == "udp" ? "echo x >&3;" : ""
        return try await Command.run(
            prefix + [
                "timeout", "-s", "KILL", "3", "bash", "-c",
                "exec 3<>/dev/\(kind)/\(host)/\(port); \(question) head -n 1 <&3",
            ])
    }

    /// The first line of the answer.
    func ask(_ host: String, _ port: Int, protocol kind: String = "tcp") async throws -> String {
        try await run(host, port, protocol: kind).output.trimmed
    }
}

/// Another machine: a network namespace with a cable to this one.
private struct Outside {
    let name: String
    let address = "172.30.219.2"
    /// The node's end of the cable.
    let nodeAddress = "172.30.219.1"

    var client: Client { Client(prefix: ["ip", "netns", "exec", name]) }

    static func make() async throws -> Outside {
        let outside = Outside(name: "skt-outside-\(getpid())")
        let name = outside.name
        try await Command.check(["ip", "netns", "add", name])
        for command in [
            "ip link add skt-cable type veth peer name eth0 netns \(name)",
            "ip address add \(outside.nodeAddress)/30 dev skt-cable", "ip link set skt-cable up",
            "ip -n \(name) address add \(outside.address)/30 dev eth0", "ip -n \(name) link set eth0 up",
            "ip -n \(name) link set lo up", "ip -n \(name) route add default via \(outside.nodeAddress)",
        ] {
            try await Command.check(command.split(separator: " ").map(String.init))
        }
        return outside
    }

    /// The cable goes with it.
    func remove() {
        let remove = Process()
        remove.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        remove.arguments = ["sh", "-c", "ip link delete skt-cable; ip netns delete \(name)"]
        try? remove.run()
        remove.waitUntilExit()
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
