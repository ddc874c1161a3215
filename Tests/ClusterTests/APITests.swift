internal import APIMachinery
internal import Foundation
internal import TestSupport
internal import Testing
internal import Transport

@testable internal import Cluster

/// What people see of ownership, permissions and limits, through real kubectl against a server without a node.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .timeLimit(.minutes(5)))
struct `The API with kubectl` {
    @Test func `a service account can do what its role says and nothing else`() async throws {
        try await withServer { server in
            let admin = KubectlUser(server)
            try await admin.check("create", "serviceaccount", "reader")
            try await admin.check("create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log")
            try await admin.check("create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:reader")
            try await admin.check("create", "secret", "generic", "hidden", "--from-literal=key=unseen")
            let token = try await admin.check("create", "token", "reader").trimmingCharacters(in: .newlines)
            let reader = KubectlUser(server, token: token)

            let rights = try await reader.check("auth", "can-i", "--list")
            let own = rights.split(separator: "\n").filter { $0.hasPrefix("pods") }
            #expect(own.count == 2 && own.allSatisfy { $0.hasSuffix("[get list]") }, "\(rights)")
            #expect(!rights.contains("secrets"), "\(rights)")
            #expect(try await reader.run("auth", "can-i", "list", "pods").output == "yes\n")
            #expect(try await reader.run("auth", "can-i", "delete", "pods").output == "no\n")

            try await reader.check("get", "pods")
            for refused in [
                ["get", "secrets"], ["get", "secret", "hidden", "-o", "yaml"], ["delete", "pod", "some"],
                ["get", "pods", "-n", "kube-system"], ["create", "configmap", "new"],
            ] {
                let result = try await reader.run(refused)
                #expect(result.status != 0 && result.errors.contains("is forbidden"), "\(refused): \(result)")
                #expect(!result.output.contains("unseen") && !result.errors.contains("unseen"))
            }
            try await admin.check("delete", "rolebinding", "reader")
            let after = try await reader.run("get", "pods")
            #expect(
                after.errors.contains("cannot list resource \"pods\" in API group \"\" in the namespace \"default\""))
            try await admin.check("delete", "serviceaccount", "reader")
            #expect(try await reader.run("get", "pods").errors.contains("Unauthorized"))
        }
    }

    @Test(arguments: Kubectl.programs)
    func `two managers of one Deployment conflict, force and give up`(kubectl: String) async throws {
        try await withServer { server in
            let admin = KubectlUser(server, program: kubectl)
            func apply(_ replicas: Int?, _ manager: String, _ options: String...) async throws -> CommandResult {
                try await admin.run(
                    ["apply", "--server-side", "--field-manager", manager, "-f", "-"] + options,
                    input: Self.deployment(replicas))
            }
            #expect(try await apply(2, "one").output == "deployment.apps/shared serverside-applied\n")
            let conflict = try await apply(3, "two")
            #expect(conflict.status != 0)
            #expect(
                conflict.errors.contains("Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"),
                "\(conflict)")
            #expect(try await apply(3, "two", "--force-conflicts").isSuccess)
            let replicas = ["get", "deployment", "shared", "-o", "jsonpath={.spec.replicas}"]
            #expect(try await admin.check(replicas) == "3")
            // The first gives the field up: it stays, as the second's.
            #expect(try await apply(nil, "one").isSuccess)
            #expect(try await admin.check(replicas) == "3")
            let before = try await admin.check([
                "get", "deployment", "shared", "-o", "jsonpath={.metadata.resourceVersion}",
            ])
            #expect(try await apply(3, "two").isSuccess)
            let after = try await admin.check([
                "get", "deployment", "shared", "-o", "jsonpath={.metadata.resourceVersion}",
            ])
            #expect(before == after, "an apply that changes nothing must not write")
            // Nobody's field goes back to its default.
            #expect(try await apply(nil, "two").isSuccess)
            #expect(try await admin.check(replicas) == "1")
        }
    }

    @Test func `a client-side applied object moves to server-side apply`() async throws {
        try await withServer { server in
            let admin = KubectlUser(server)
            try await admin.check(["apply", "-f", "-"], input: Self.deployment(2))
            try await admin.check(["apply", "--server-side", "-f", "-"], input: Self.deployment(4))
            try await admin.check(["apply", "--server-side", "-f", "-"], input: Self.deployment(nil))
            #expect(
                try await admin.check("get", "deployment", "shared", "-o", "jsonpath={.spec.replicas}") == "1",
                "the field was kubectl's alone")
        }
    }

    @Test func `quota and limits of a namespace are shown and enforced`() async throws {
        try await withServer { server in
            let admin = KubectlUser(server)
            try await admin.check(["apply", "-f", "-"], input: Self.limits)
            let limits = try await admin.check("describe", "limits")
            let words = limits.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(words.contains("Container cpu 100m 800m 110m 700m -"), "\(limits)")
            #expect(words.contains("Container memory 99Mi 1Gi 111Mi 900Mi -"), "\(limits)")
            try await admin.check("run", "defaulted", "--image=nginx")
            let resources = try await admin.check(
                "get", "pod", "defaulted", "-o", "jsonpath={.spec.containers[0].resources}")
            #expect(resources.contains(#""limits":{"cpu":"700m","memory":"900Mi"}"#), "\(resources)")
            let large = try await admin.run(
                "run", "large", "--image=nginx",
                #"--overrides={"spec":{"containers":[{"name":"large","image":"nginx","resources":{"limits":{"cpu":"2"}}}]}}"#
            )
            #expect(large.errors.contains("maximum cpu usage per Container is 800m, but limit is 2"), "\(large)")

            try await admin.check("create", "namespace", "counted")
            try await admin.check("create", "quota", "ten", "--hard=count/configmaps=11,secrets=5", "-n", "counted")
            // kube-root-ca.crt is one of the eleven.
            try await eventually("the quota counts what is there") {
                try await admin.check("get", "quota", "ten", "-n", "counted", "-o", "jsonpath={.status.used}")
                    .contains(#""count/configmaps":"1""#)
            }
            let made = try await Self.createAtOnce(100, server)
            #expect(made == 10)
            let described = try await admin.check("describe", "resourcequotas", "-n", "counted")
            let rows = described.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(rows.contains("count/configmaps 11 11"), "\(described)")
            #expect(rows.contains("secrets 0 5"), "\(described)")
        }
    }

    /// ConfigMaps made in `counted` by that many requests at the same time.
    private static func createAtOnce(_ count: Int, _ server: ServerProcess) async throws -> Int {
        let http = try server.makeClient()
        defer { http.shutdown() }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await http.send(
                        HTTPClientRequest(
                            method: "POST", target: "/api/v1/namespaces/counted/configmaps",
                            headers: ["Content-Type": "application/json"],
                            body: Array(#"{"metadata":{"name":"c\#(number)"}}"#.utf8))
                    ).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0 == 201 || $0 == 403 }, "\(Set(statuses))")
        return statuses.count { $0 == 201 }
    }

    private static let limits = """
        apiVersion: v1
        kind: LimitRange
        metadata: {name: per-container}
        spec:
          limits:
          - type: Container
            max: {cpu: 800m, memory: 1Gi}
            min: {cpu: 100m, memory: 99Mi}
            default: {cpu: 700m, memory: 900Mi}
            defaultRequest: {cpu: 110m, memory: 111Mi}
        """

    private static func deployment(_ replicas: Int?) -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: shared}
        spec:
          \(replicas.map { "replicas: \($0)" } ?? "revisionHistoryLimit: 10")
          selector: {matchLabels: {app: shared}}
          template:
            metadata: {labels: {app: shared}}
            spec: {containers: [{name: c, image: nginx}]}
        """
    }
}

/// The user's own manifests, byte for byte, where they are at hand.
@Suite(
    .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .enabled(if: TutorialManifests.directory != nil, "the tutorial's manifests are not beside the checkout"),
    .timeLimit(.minutes(5)))
struct `The tutorial's manifests` {
    private static let generation = ["-o", "jsonpath={.metadata.generation}"]

    @Test(arguments: Kubectl.programs)
    func `apply, and the second time change nothing`(kubectl: String) async throws {
        let directory = try #require(TutorialManifests.directory)
        try await withServer { server in
            let admin = KubectlUser(server, program: kubectl)
            // 05 is a token of this account; the token controller deletes one whose account is not there.
            try await admin.check("create", "serviceaccount", "sa-name")
            for name in try FileManager.default.contentsOfDirectory(atPath: directory).sorted() {
                let file = directory + "/" + name
                let first = try await admin.run("apply", "-f", file)
                switch name.prefix(2) {
                case "03":
                    #expect(
                        first.errors.contains(
                            "spec.containers[0].env[1].valueFrom.configMapKeyRef.name: Invalid value"), "\(first)")
                    #expect(
                        first.errors.contains("spec.containers[0].env[2].valueFrom.secretKeyRef.name: Invalid value"),
                        "\(first)")
                case "13":
                    #expect(!first.isSuccess, "\(first)")
                default:
                    #expect(first.isSuccess, "\(name): \(first)")
                    let before = try await admin.check(["get", "-f", file] + Self.generation)
                    let second = try await admin.check("apply", "-f", file)
                    #expect(try await admin.check(["get", "-f", file] + Self.generation) == before, "\(name)")
                    // kubectl itself calls a Pod with volumes configured: the token's volume, which the server added,
                    // makes it send the order of its own. Nothing changes.
                    let word = name.hasPrefix("06") ? " configured" : " unchanged"
                    let lines = second.split(separator: "\n")
                    #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix(word) }, "\(name): \(second)")
                    let diff = try await admin.run("diff", "-f", file)
                    #expect(diff.status == 0, "\(name): \(diff)")
                }
            }
        }
    }
}

enum TutorialManifests {
    static let directory: String? = {
        let path = repositoryRoot + "/../shared/tutorial/manifests"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}

/// kubectl as somebody: the administrator, or the bearer of a token.
struct KubectlUser: Sendable {
    let server: ServerProcess
    let program: String
    let token: String?

    init(_ server: ServerProcess, program: String = "kubectl", token: String? = nil) {
        self.server = server
        self.program = program
        self.token = token
    }

    func run(_ arguments: String..., input: String? = nil) async throws -> CommandResult {
        try await run(arguments, input: input)
    }

    func run(_ arguments: [String], input: String? = nil) async throws -> CommandResult {
        let directory = server.dataDirectory
        var command = [program, "--kubeconfig"]
        if let token {
            // A kubeconfig's client certificate would win over the token.
            let file = directory + "/token-\(abs(token.hashValue)).kubeconfig"
            if !FileManager.default.fileExists(atPath: file) {
                try Self.kubeconfig(token, server).write(toFile: file, atomically: true, encoding: .utf8)
            }
            command.append(file)
        } else {
            command.append(directory + "/skiff.kubeconfig")
        }
        return try await Command.run(
            command + ["--cache-dir", directory + "/cache"] + arguments, input: input, environment: [:],
            timeout: .seconds(60))
    }

    @discardableResult
    func check(_ arguments: String..., input: String? = nil) async throws -> String {
        try await check(arguments, input: input)
    }

    @discardableResult
    func check(_ arguments: [String], input: String? = nil) async throws -> String {
        let result = try await run(arguments, input: input)
        try #require(result.isSuccess, "\(result)")
        return result.output
    }

    private static func kubeconfig(_ token: String, _ server: ServerProcess) throws -> String {
        """
        apiVersion: v1
        kind: Config
        current-context: c
        contexts: [{name: c, context: {cluster: c, user: u}}]
        clusters:
        - name: c
          cluster: {server: "https://127.0.0.1:\(server.port)", certificate-authority: "\(server.dataDirectory)/tls/ca.crt"}
        users: [{name: u, user: {token: "\(token)"}}]
        """
    }
}
