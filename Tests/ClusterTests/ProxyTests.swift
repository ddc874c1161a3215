import Foundation
import TestSupport
import Testing

/// `/proxy` of Services and pods, with the clients that people use.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(15), .timeLimit(.minutes(4)))
struct `Proxy subresources` {
    private static let base = "/api/v1/namespaces/default"
    private static let megabytes = 50

    /// What the pod answers, a connection a process.
    private static let script = #"""
        read -r method path rest
        length=0
        while read -r line; do
          line=$(printf %s "$line" | tr -d '\r')
          [ -n "$line" ] || break
          case $line in
            [Cc]ontent-[Ll]ength:*) length=${line#*: } ;;
            [Aa]uthorization:*) leaked=" leaked" ;;
          esac
        done
        case $path in
          /echo*)
            body=$(head -c "$length"); answer="$method $path $body$leaked"
            printf 'HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n%s' "${#answer}" "$answer" ;;
          /large)
            printf 'HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n'; head -c 52428800 /dev/zero ;;
          /page)
            answer='<a href="/next">'
            printf 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 16\r\n\r\n%s' "$answer" ;;
          /socket)
            printf 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'; exec cat ;;
          *) printf 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' ;;
        esac
        """#

    private func prepared() async throws -> SkiffInstance {
        let cluster = try cluster()
        guard try await !cluster.kubectl(["get", "service", "web"]).isSuccess else { return cluster }
        let script = cluster.directory + "/answer.sh"
        try ("#!/bin/sh\n" + Self.script + "\n").write(toFile: script, atomically: true, encoding: .utf8)
        try await cluster.check("create", "configmap", "answer", "--from-file=answer.sh=" + script)
        try await cluster.apply(
            podManifest(
                "web",
                """
                  volumes: [{name: answer, configMap: {name: answer, defaultMode: 0755}}]
                  containers:
                  - name: c
                    image: "skiff.example/hello:1"
                    command: [nc, -ll, -p, "9000", -e, /answer/answer.sh]
                    ports: [{name: web, containerPort: 9000}]
                    volumeMounts: [{name: answer, mountPath: /answer}]
                """),
            """
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec:
              selector: {app: web}
              ports: [{name: http, port: 80, targetPort: web}, {name: dead, port: 81, targetPort: 9001}]
            """,
            """
            apiVersion: v1
            kind: Service
            metadata: {name: nobody}
            spec: {selector: {app: nobody}, ports: [{port: 80}]}
            """)
        try await cluster.check("wait", "--for=condition=Ready", "pod/web", "--timeout=60s", timeout: .seconds(70))
        try await eventually("the Service has an endpoint") {
            try await cluster.kubectl(["get", "--raw", Self.base + "/services/web:http/proxy/echo"]).isSuccess
        }
        return cluster
    }

    @Test func `a Service and a pod answer by number, name and scheme`() async throws {
        let cluster = try await prepared()
        for name in [
            "services/web:http", "services/web:80", "services/http:web:80", "pods/web", "pods/web:9000",
            "pods/http:web:9000",
        ] {
            let answer = try await cluster.check("get", "--raw", Self.base + "/\(name)/proxy/echo/a?b=c")
            #expect(answer == "GET /echo/a?b=c ", "\(name)")
        }
        let posted = try await cluster.check(
            "create", "--raw", Self.base + "/services/web:80/proxy/echo", "-f", "-", input: "hello")
        #expect(posted.trimmingCharacters(in: .newlines) == "POST /echo hello")
        let page = try await cluster.check("get", "--raw", Self.base + "/services/web:80/proxy/page")
        #expect(page == "<a href=\"\(Self.base)/services/web:80/proxy/next\">")
    }

    @Test func `what cannot be reached is said`() async throws {
        let cluster = try await prepared()
        for (path, message) in [
            ("/services/web:81/proxy/", "connect: connection refused"),
            ("/services/nobody/proxy/", "no endpoints available for service \"nobody\""),
            ("/services/web:82/proxy/", "no service port 82 found for service \"web\""),
            ("/services/web/proxy/", "no endpoints available for service \"web\""),
        ] {
            let result = try await cluster.kubectl(["get", "--raw", Self.base + path])
            #expect(result.status == 1 && result.errors.contains(message), "\(result)")
        }
    }

    @Test func `who may only look may not post`() async throws {
        let cluster = try await prepared()
        try await cluster.check("create", "serviceaccount", "looker")
        try await cluster.check("create", "role", "looker", "--verb=get", "--resource=services/proxy")
        try await cluster.check("create", "rolebinding", "looker", "--role=looker", "--serviceaccount=default:looker")
        let token = try await cluster.check("create", "token", "looker").trimmingCharacters(in: .newlines)
        func ask(_ method: String, _ path: String) async throws -> String {
            try await Command.check([
                "curl", "-sk", "-m", "10", "-X", method, "-H", "Authorization: Bearer \(token)",
                "https://127.0.0.1:\(cluster.port)" + Self.base + path,
            ])
        }
        // The token is for the API server: it must not reach the pod.
        #expect(try await ask("GET", "/services/web:80/proxy/echo") == "GET /echo ")
        #expect(try await ask("POST", "/services/web:80/proxy/echo").contains("cannot create resource"))
        #expect(try await ask("GET", "/pods/web/proxy/echo").contains("cannot get resource"))
    }

    @Test func `a long download passes through little memory`() async throws {
        let cluster = try await prepared()
        let pid = try #require(cluster.serverPID)
        func residentKilobytes() throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        }
        let before = try residentKilobytes()
        let token = try await cluster.check("create", "token", "default").trimmingCharacters(in: .newlines)
        try await cluster.check(
            "create", "clusterrolebinding", "downloads", "--clusterrole=cluster-admin",
            "--serviceaccount=default:default")
        let url = "https://127.0.0.1:\(cluster.port)" + Self.base + "/services/web:80/proxy/large"
        // Slowly, so that what is not passed on would have to be kept.
        async let download = Command.check(
            [
                "curl", "-sk", "-m", "60", "--limit-rate", "10M", "-o", "/dev/null", "-w", "%{size_download}", "-H",
                "Authorization: Bearer \(token)", url,
            ], timeout: .seconds(70))
        var highest = before
        for _ in 0..<15 {
            try await Task.sleep(for: .milliseconds(250))
            highest = max(highest, try residentKilobytes())
        }
        #expect(try await download == "\(Self.megabytes << 20)")
        #expect(highest - before < 20_000, "kilobytes more than before")
    }

    @Test func `a WebSocket is piped, through kubectl proxy too`() async throws {
        let cluster = try await prepared()
        let client = #"""
            import socket, subprocess, sys
            proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
            try:
                port = int(proxy.stdout.readline().rsplit(":", 1)[1])
                peer = socket.create_connection(("127.0.0.1", port), 20)
                peer.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                              % sys.argv[1]).encode())
                head = b""
                while b"\r\n\r\n" not in head: head += peer.recv(1)
                print(head.split(b"\r\n")[0].decode())
                for word in (b"hello", b"x" * 300000):
                    peer.sendall(word)
                    heard = b""
                    while len(heard) < len(word):
                        heard += peer.recv(65536)
                    print(len(heard), heard == word)
                peer.close()
            finally:
                proxy.terminate()
            """#
        for name in ["pods/web", "services/web:http"] {
            let output = try await Command.check(
                ["python3", "-c", client, Self.base + "/\(name)/proxy/socket"],
                environment: ["KUBECONFIG": cluster.kubeconfig])
            #expect(output == "HTTP/1.1 101 Switching Protocols\n5 True\n300000 True\n", "\(name)")
        }
    }
}
