internal import Foundation
internal import TestSupport
internal import Testing

/// The Pod chapter of a tutorial, manifest by manifest: ours, and the tutorial's own where it lies beside the repository.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(8, images: .registry), .timeLimit(.minutes(6)))
struct `The Pod chapter` {
    private static let directories = [
        repositoryRoot + "/examples/tutorial", repositoryRoot + "/../shared/tutorial/manifests",
    ].filter { FileManager.default.fileExists(atPath: $0) }

    @Test
    func `shows what the text shows`() async throws {
        let cluster = try cluster()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, directory) in Self.directories.enumerated() {
                group.addTask {
                    try await Lesson(cluster: cluster, directory: directory, namespace: "lesson-\(number)").run()
                }
            }
            try await group.waitForAll()
        }
    }

    @Test
    func `memory over the limit ends a container as OOMKilled`() async throws {
        let cluster = try cluster()
        let manifest = """
            apiVersion: v1
            kind: Pod
            metadata: {name: greedy}
            spec:
              restartPolicy: Never
              terminationGracePeriodSeconds: 0
              containers:
              - name: greedy
                image: busybox:1.28
                command: [sh, -c, "tail /dev/zero"]
                resources: {limits: {memory: 20Mi}}
            """
        try await cluster.check("apply", "-f", "-", input: manifest)
        try await eventually("the container was ended") {
            try await cluster.check(
                "get", "pod", "greedy", "-o",
                "jsonpath={.status.phase} {.status.containerStatuses[0].state.terminated.reason} "
                    + "{.status.containerStatuses[0].state.terminated.exitCode}") == "Failed OOMKilled 137"
        }
        #expect(try await cluster.check("get", "pod", "greedy", "--no-headers").contains("OOMKilled"))
        try await cluster.check("delete", "pod", "greedy", "--now")
    }
}

/// One directory's manifests in a namespace of their own.
private struct Lesson {
    let cluster: SkiffInstance
    let directory: String
    let namespace: String

    func run() async throws {
        try await cluster.check("create", "namespace", namespace)
        try await refuseReferencesWithoutNames()
        for create in [
            ["serviceaccount", "sa-name"], ["configmap", "demo", "--from-literal=key-of-configmap=blue"],
            ["secret", "generic", "secret-name", "--from-literal=key-of-secret=hush"],
            ["secret", "generic", "mysecret", "--from-literal=password=hush"],
        ] { try await kubectl(["create"] + create) }
        for number in ["01", "02", "04", "05", "06", "07", "08"] {
            try await kubectl(["apply", "-f", try file(number)])
        }
        try await kubectl(["apply", "-f", "-"], input: try namedReferences())
        try await firstPod()
        try await environment()
        try await secretFiles()
        try await initContainers()
        try await privateImage()
        try await limits()
        try await liveness()
        try await cluster.check(
            "delete", "namespace", namespace, "--timeout=100s", timeout: .seconds(110))
    }

    /// 01
    private func firstPod() async throws {
        try await ready("pod/sample-node-app")
        let all = try await kubectl(["get", "all"])
        #expect(all.contains(#/pod/sample-node-app +1/1 +Running +0 +/#), "\(all)")
        let answer = try await exec("sample-node-app", "wget -qO- http://127.0.0.1:3000/")
        #expect(answer == "Hello from sample-node-app, version 0.0.1\n")
    }

    /// 03, as printed: each of the two references lacks its name.
    private func refuseReferencesWithoutNames() async throws {
        let without = try text("03").replacing("name: demo, ", with: "").replacing(
            "name: secret-name, key", with: "key")
        let refused = try await cluster.kubectl(["-n", namespace, "apply", "-f", "-"], input: without)
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errors.contains("The Pod \"envar-demo\" is invalid"), "\(refused)")
        for place in ["env[1].valueFrom.configMapKeyRef.name", "env[2].valueFrom.secretKeyRef.name"] {
            #expect(refused.errors.contains("spec.containers[0].\(place): Invalid value: \"\""), "\(refused)")
        }
    }

    private func namedReferences() throws -> String {
        try text("03").replacing(
            "configMapKeyRef:\n          key:", with: "configMapKeyRef:\n          name: demo\n          key:"
        ).replacing("secretKeyRef:\n          key:", with: "secretKeyRef:\n          name: secret-name\n          key:")
    }

    private func environment() async throws {
        try await ready("pod/envar-demo")
        let environment = try await kubectl(["exec", "envar-demo", "--", "printenv"]).split(separator: "\n").map(
            String.init)
        for expected in [
            "DEMO_ENV=Hello from the environment", "DEMO_CONFIGMAP=blue", "DEMO_SECRET=hush", "key-of-secret=hush",
            "player_initial_lives=3", "ui_properties_file_name=user-interface.properties",
        ] { #expect(environment.contains(expected), "\(expected) in \(environment)") }
        let described = try await kubectl(["describe", "pod", "envar-demo"])
        #expect(described.contains(/DEMO_CONFIGMAP: +<set to the key 'key-of-configmap' of config map 'demo'>/))
        #expect(described.contains(/DEMO_SECRET: +<set to the key 'key-of-secret' in secret 'secret-name'>/))
        try await eventually("the ServiceAccount's token is in its Secret") {
            try await kubectl(["get", "secret", "secret-sa-sample", "-o", "jsonpath={.data.token}"]).count > 100
        }
        #expect(try await kubectl(["get", "secret", "secret-sa-sample", "-o", "jsonpath={.data.extra}"]) == "YmFyCg==")
    }

    /// 06
    private func secretFiles() async throws {
        try await ready("pod/mypod")
        #expect(try await exec("mypod", "stat -L -c %a /etc/foo/password; cat /etc/foo/password") == "400\nhush")
        #expect(try await exec("mypod", "redis-cli ping") == "PONG\n")
    }

    /// 07
    private func initContainers() async throws {
        try await eventually("the first init container waits") {
            try await kubectl(["logs", "myapp-pod", "-c", "init-myservice"]).contains("waiting for myservice")
        }
        let line = try await kubectl(["get", "pod", "myapp-pod", "--no-headers"])
        #expect(line.contains(#/myapp-pod +0/1 +Init:0/2 +0 +/#), "\(line)")
        try await kubectl(["create", "service", "clusterip", "myservice", "--tcp=80:9376"])
        try await eventually("the second init container waits", timeout: .seconds(60)) {
            try await kubectl(["get", "pod", "myapp-pod", "--no-headers"]).contains("Init:1/2")
        }
        try await kubectl(["create", "service", "clusterip", "mydb", "--tcp=80:9377"])
        try await ready("pod/myapp-pod")
        #expect(try await kubectl(["logs", "myapp-pod"]) == "The app is running!\n")
    }

    /// 15, for which the first Pod makes room.
    private func privateImage() async throws {
        try await kubectl(["delete", "pod", "sample-node-app", "--now"])
        try await kubectl(["apply", "-f", try file("15")])
        try await eventually("without the Secret there is no image", timeout: .seconds(60)) {
            try await kubectl(["get", "pods", "-l", "app=sample-node-app", "--no-headers"]).contains("ImagePullBackOff")
        }
        let described = try await kubectl(["describe", "pod", "-l", "app=sample-node-app"])
        #expect(described.contains("Unable to retrieve some image pull secrets (container-reg-cred)"), "\(described)")
        try await kubectl([
            "create", "secret", "docker-registry", "container-reg-cred",
            "--docker-server=https://index.docker.io/v1/", "--docker-username=\(TestRegistry.user)",
            "--docker-password=\(TestRegistry.password)", "--docker-email=someone@example.com",
        ])
        try await kubectl(
            ["rollout", "status", "deployment/sample-node-app", "--timeout=100s"], timeout: .seconds(110))
        let answer = try await kubectl([
            "exec", "deployment/sample-node-app", "--", "wget", "-qO-", "http://127.0.0.1:3000/",
        ])
        #expect(answer.hasSuffix("version 0.0.2\n"), "\(answer)")
    }

    /// 08
    private func limits() async throws {
        try await kubectl(
            ["rollout", "status", "deployment/nginx-deployment", "--timeout=100s"], timeout: .seconds(110))
        try await eventually("the use of three pods is known", timeout: .seconds(40)) {
            let top = try await cluster.kubectl(["-n", namespace, "top", "pod", "-l", "app=nginx", "--no-headers"])
            return top.isSuccess && top.output.split(separator: "\n").count == 3
                && top.output.split(separator: "\n").allSatisfy { $0.contains(#/\d+m +\d+Mi/#) }
        }
        let described = try await kubectl(["describe", "pod", "-l", "app=nginx"])
        #expect(described.contains(/QoS Class: +Burstable/))
    }

    /// 02
    private func liveness() async throws {
        try await eventually("the server was restarted", timeout: .seconds(90)) {
            let count = try await kubectl([
                "get", "pod", "liveness-http", "-o", "jsonpath={.status.containerStatuses[0].restartCount}",
            ])
            return Int(count).map { $0 > 0 } ?? false
        }
        let described = try await kubectl(["describe", "pod", "liveness-http"])
        #expect(described.contains("Liveness probe failed: HTTP probe failed with statuscode: 500"), "\(described)")
        #expect(described.contains("Container liveness failed liveness probe, will be restarted"), "\(described)")
    }

    // MARK: - Words

    private func file(_ number: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        return directory + "/" + (try #require(names.first { $0.hasPrefix(number) }))
    }

    private func text(_ number: String) throws -> String {
        try String(contentsOfFile: try file(number), encoding: .utf8)
    }

    private func ready(_ name: String) async throws {
        try await kubectl(["wait", "--for=condition=Ready", name, "--timeout=100s"], timeout: .seconds(110))
    }

    private func exec(_ pod: String, _ command: String) async throws -> String {
        try await kubectl(["exec", pod, "--", "sh", "-c", command])
    }

    @discardableResult
    private func kubectl(
        _ arguments: [String], input: String? = nil, timeout: Duration = .seconds(60)
    ) async throws -> String {
        let result = try await cluster.kubectl(["-n", namespace] + arguments, input: input, timeout: timeout)
        guard result.isSuccess else { throw CommandFailure(result: result) }
        return result.output
    }
}
