internal import Foundation
internal import TestSupport
internal import Testing

/// Pulls, their policies and their events.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(9, images: [.registry, .busybox]), .timeLimit(.minutes(6)))
struct `Pulling images` {
    @Test
    func `follows the policy, says so in events, and heals`() async throws {
        let cluster = try cluster()
        let registry = try registry()
        let digest = try registry.digest("small/app-2:1")
        try await cluster.run([
            TestPod("always", "open.example/small/app-1:1", policy: "Always"),
            TestPod("present", "busybox:1.28", policy: "IfNotPresent"),
            TestPod("digest", "open.example/small/app-2@\(digest)"),
            TestPod("never", "open.example/small/app-4:1", policy: "Never"),
            TestPod("bad", "open.example/Small/App:1"),
            TestPod("absent", "open.example/later/app:1"),
        ])
        for name in ["always", "present", "digest"] { try await cluster.ready(name) }
        let always = try await cluster.events(of: "always")
        #expect(always.contains("Normal Pulling Pulling image \"open.example/small/app-1:1\""), "\(always)")
        let pulled =
            #/Normal Pulled Successfully pulled image "open.example/small/app-1:1" in [0-9.ms]+ /#
        #expect(always.contains(pulled), "\(always)")
        #expect(always.contains(#/\([0-9.ms]+ including waiting\)\. Image size: [1-9]\d{6} bytes\./#), "\(always)")
        let present = try await cluster.events(of: "present")
        #expect(
            present.contains(
                "Normal Pulled Container image \"busybox:1.28\" already present on machine and can be accessed by the pod"
            ),
            "\(present)")
        #expect(!present.contains("Pulling"), "\(present)")
        let imageID = try await cluster.check(
            "get", "pod", "digest", "-o", "jsonpath={.status.containerStatuses[0].imageID}")
        #expect(imageID == "open.example/small/app-2@\(digest)")

        try await cluster.waits("never", "ErrImageNeverPull")
        #expect(
            try await cluster.message("never")
                == "Container image \"open.example/small/app-4:1\" is not present with pull policy of Never")
        let never = try await cluster.events(of: "never")
        #expect(never.contains("Warning Failed Error: ErrImageNeverPull"), "\(never)")
        #expect(never.contains("Warning ErrImageNeverPull Container image"), "\(never)")

        try await cluster.waits("bad", "InvalidImageName")
        #expect(try await cluster.message("bad").contains("couldn't parse image name"))
        let bad = try await cluster.events(of: "bad")
        #expect(bad.contains("Warning InspectFailed Failed to apply default image tag"), "\(bad)")
        #expect(bad.contains("Warning Failed Error: InvalidImageName"), "\(bad)")

        try await cluster.waits("absent", "ImagePullBackOff")
        let reason = try await cluster.message("absent")
        #expect(
            reason.hasPrefix(
                "Back-off pulling image \"open.example/later/app:1\": ErrImagePull: rpc error: code = Unknown desc = "
                    + "failed to pull and unpack image \"open.example/later/app:1\""), "\(reason)")
        let absent = try await cluster.events(of: "absent")
        for expected in [
            "Warning Failed Failed to pull image \"open.example/later/app:1\": rpc error: code = Unknown",
            "Warning Failed Error: ErrImagePull", "Warning Failed Error: ImagePullBackOff",
            "Normal BackOff Back-off pulling image \"open.example/later/app:1\"",
        ] { #expect(absent.contains(expected), "\(expected) in \(absent)") }

        // The causes go: the image is pushed, the other is there now, and the bad name is corrected.
        try registry.publish("small/app-3", as: "later/app")
        try await cluster.run([TestPod("other", "open.example/small/app-4:1")])
        try await cluster.check("set", "image", "pod/bad", "main=busybox:1.28")
        for name in ["absent", "never", "bad", "other"] { try await cluster.ready(name) }
        try await cluster.check("delete", "pod", "--all", "--grace-period=0", "--force")
    }

    @Test
    func `is done once for pods that start together, and side by side for others`() async throws {
        let cluster = try cluster()
        let registry = try registry()
        let pods = (1...6).map { TestPod("same-\($0)", "happynut/sample-node-app:0.0.1", policy: "Always") }
        try await cluster.run(
            pods + [TestPod("web", "nginx:1.16.1"), TestPod("small", "open.example/small/app-3:1")])
        try await cluster.ready("small")
        try await cluster.ready("web")
        for pod in pods { try await cluster.ready(pod.name) }
        let blobs = try registry.layers("happynut/sample-node-app", "0.0.1")
        for blob in blobs {
            let count = try registry.fetches("GET", "/v2/happynut/sample-node-app/blobs/\(blob)")
            #expect(count <= 1, "\(blob) was fetched \(count) times")
        }
        #expect(try registry.fetches("GET", "/v2/happynut/sample-node-app/blobs/") > 0)
        for pod in pods {
            #expect(try await cluster.events(of: pod.name).contains("Normal Pulled Successfully pulled image"))
        }
        try await cluster.check("delete", "pod", "--all", "--grace-period=0", "--force")
    }
}

/// A pod of one container that sleeps.
struct TestPod {
    let name: String
    let image: String
    let policy: String?
    let secrets: [String]
    let account: String?

    init(_ name: String, _ image: String, policy: String? = nil, secrets: [String] = [], account: String? = nil) {
        self.name = name
        self.image = image
        self.policy = policy
        self.secrets = secrets
        self.account = account
    }

    var manifest: String {
        let secrets = secrets.map { "{\"name\":\"\($0)\"}" }.joined(separator: ",")
        return """
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"\(name)"},"spec":{
            "terminationGracePeriodSeconds":0,\(account.map { "\"serviceAccountName\":\"\($0)\"," } ?? "")
            "imagePullSecrets":[\(secrets)],"containers":[{"name":"main","image":"\(image)",
            \(policy.map { "\"imagePullPolicy\":\"\($0)\"," } ?? "")"command":["sleep","3600"]}]}}
            """
    }
}

extension SkiffInstance {
    func run(_ pods: [TestPod], in namespace: String = "default") async throws {
        try await check(
            "-n", namespace, "create", "-f", "-", input: pods.map(\.manifest).joined(separator: "\n"))
    }

    func ready(_ pod: String, in namespace: String = "default") async throws {
        try await check(
            "-n", namespace, "wait", "--for=condition=Ready", "pod/\(pod)", "--timeout=60s", timeout: .seconds(70))
    }

    /// Waits until the container waits for `reason`.
    func waits(_ pod: String, _ reason: String, in namespace: String = "default") async throws {
        try await eventually("\(pod) waits: \(reason)") {
            try await check(
                "-n", namespace, "get", "pod", pod, "-o",
                "jsonpath={.status.containerStatuses[0].state.waiting.reason}") == reason
        }
    }

    func message(_ pod: String, in namespace: String = "default") async throws -> String {
        try await check(
            "-n", namespace, "get", "pod", pod, "-o",
            "jsonpath={.status.containerStatuses[0].state.waiting.message}")
    }

    /// A line an event: type, reason, message.
    func events(of pod: String, in namespace: String = "default") async throws -> String {
        // They are written a moment after the status.
        try await Task.sleep(for: .milliseconds(300))
        return try await check(
            "-n", namespace, "get", "events", "--field-selector=involvedObject.name=\(pod)", "-o",
            #"jsonpath={range .items[*]}{.type} {.reason} {.message}{"\n"}{end}"#)
    }
}
