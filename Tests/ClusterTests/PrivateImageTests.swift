internal import Foundation
internal import TestSupport
internal import Testing

/// Images that need a login: who gets them, and who does not although they are there.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(9, images: [.registry, .busybox]), .timeLimit(.minutes(6)))
struct `Private images` {
    private static let image = "private.example/team/app:1"

    @Test
    func `are only for pods with the secret, whatever is on the node`() async throws {
        let cluster = try cluster()
        try await cluster.login("good", "private.example")
        try await cluster.login("wrong", "private.example", password: "wrong")
        try await cluster.login("elsewhere", "other.example")
        // `auth` in the old type; a wrong login for the host, a good one for the path.
        let auth = Data("\(TestRegistry.user):\(TestRegistry.password)".utf8).base64EncodedString()
        let old = #"{"https://*.example/team":{"auth":"\#(auth)"},"private.example":{"username":"a","password":"b"}}"#
        try await cluster.check(
            "create", "secret", "generic", "old", "--type=kubernetes.io/dockercfg", "--from-literal=.dockercfg=\(old)")
        try await cluster.check("create", "serviceaccount", "builder")
        try await cluster.check(
            "patch", "serviceaccount", "builder", "-p", #"{"imagePullSecrets":[{"name":"good"}]}"#)

        try await cluster.run([
            TestPod("none", Self.image), TestPod("bad", Self.image, secrets: ["wrong"]),
            TestPod("host", Self.image, secrets: ["elsewhere"]),
            TestPod("missing", Self.image, secrets: ["nowhere", "absent"]),
            TestPod("tool", "private.example/team/tool:1", secrets: ["old"]),
            TestPod("other", "private.example/other/app:1", account: "builder"),
        ])
        for name in ["tool", "other"] { try await cluster.ready(name) }
        #expect(
            try await cluster.check("get", "pod", "other", "-o", "jsonpath={.spec.imagePullSecrets[*].name}") == "good")
        for name in ["none", "bad", "host", "missing"] { try await cluster.waits(name, "ImagePullBackOff") }
        #expect(
            try await cluster.message("none").contains(
                "ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack image"))
        #expect(
            try await cluster.message("bad").contains(
                "ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack image"))
        let missing = try await cluster.events(of: "missing")
        #expect(
            missing.contains(
                "Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (nowhere, absent); "
                    + "attempting to pull the image may not succeed."), "\(missing)")
        try await cluster.check("delete", "pod", "bad", "host", "missing", "tool", "other", "--now")

        try await cluster.run([TestPod("allowed", Self.image, secrets: ["wrong", "good"])])
        try await cluster.ready("allowed")
        try await usesOfThePresentImage(cluster)
        try await records(cluster)
        // A new process knows it too.
        let down = try await cluster.skiff(["down", "--data-dir", cluster.dataDirectory])
        #expect(down.isSuccess, "\(down)")
        let up = try await cluster.up(["--private-registry", try registry().configuration])
        #expect(up.isSuccess, "\(up)")
        // Pods that wait for an image, in a sandbox that is new since then.
        try await cluster.check("delete", "pod", "stranger", "guest", "--now")
        try await usesOfThePresentImage(cluster)
        try await cluster.check("delete", "pod", "--all", "--grace-period=0", "--force")
    }

    /// The image is on the node by now.
    private func usesOfThePresentImage(_ cluster: SkiffInstance) async throws {
        try await cluster.run([
            TestPod("stranger", Self.image, policy: "Never"), TestPod("guest", Self.image, policy: "IfNotPresent"),
        ])
        try await cluster.waits("stranger", "ErrImageNeverPull")
        #expect(
            try await cluster.message("stranger")
                == "Container image \"\(Self.image)\" is present with pull policy of Never but does not have the proper "
                + "credentials to access the image")
        try await cluster.waits("guest", "ImagePullBackOff")
        let namespace = "friends"
        _ = try await cluster.kubectl(["create", "namespace", namespace])
        _ = try await cluster.kubectl(["-n", namespace, "delete", "secret", "same", "--ignore-not-found"])
        try await cluster.login("same", "private.example", in: namespace)
        try await cluster.run([TestPod("friend", Self.image, policy: "Never", secrets: ["same"])], in: namespace)
        try await cluster.ready("friend", in: namespace)
        let events = try await cluster.events(of: "friend", in: namespace)
        #expect(events.contains("already present on machine and can be accessed by the pod"), "\(events)")
        try await cluster.check("-n", namespace, "delete", "pod", "friend", "--now")
    }

    private func records(_ cluster: SkiffInstance) async throws {
        let found = try await Command.check([
            "find", cluster.dataDirectory, "-path", "*/image_manager/pulled/*", "-printf", "%m %p\n",
        ])
        let lines = found.split(separator: "\n")
        #expect(lines.count >= 3, "\(found)")
        #expect(lines.allSatisfy { $0.hasPrefix("600 ") }, "\(found)")
        for line in lines {
            let text = try String(contentsOfFile: String(line.dropFirst(4)), encoding: .utf8)
            #expect(!text.contains(TestRegistry.password) && !text.contains(TestRegistry.user), "\(text)")
        }
        let intents = try await Command.check([
            "find", cluster.dataDirectory, "-path", "*/image_manager/pulling/*",
        ])
        #expect(intents.isEmpty, "no pull is under way: \(intents)")
    }
}

extension SkiffInstance {
    fileprivate func login(
        _ name: String, _ server: String, password: String = TestRegistry.password, in namespace: String = "default"
    ) async throws {
        try await check(
            "-n", namespace, "create", "secret", "docker-registry", name, "--docker-server=\(server)",
            "--docker-username=\(TestRegistry.user)", "--docker-password=\(password)")
    }
}
