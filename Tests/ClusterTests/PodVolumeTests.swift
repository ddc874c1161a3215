internal import Foundation
internal import TestSupport
internal import Testing

/// Every kind of volume that a pod may name, mounted by real containers.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(13), .timeLimit(.minutes(5)))
struct `Volumes of pods` {
    @Test func `emptyDir is shared, on disk or in memory, and belongs to the group`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "empty", mounts: "[{name: disk, mountPath: /disk}, {name: memory, mountPath: /memory}]",
                volumes: "[{name: disk, emptyDir: {}}, {name: memory, emptyDir: {medium: Memory, sizeLimit: 8Mi}}]",
                more: """
                      - name: second
                        image: skiff.example/hello:1
                        command: [sh, -c, "until cat /disk/word 2>/dev/null; do sleep 0.1; done; sleep 3600"]
                        volumeMounts: [{name: disk, mountPath: /disk, readOnly: true}]
                    """)
                + Manifest.pod(
                    "grouped", mounts: "[{name: disk, mountPath: /disk}]", volumes: "[{name: disk, emptyDir: {}}]",
                    extra: "securityContext: {fsGroup: 777, runAsUser: 1000, runAsGroup: 1000}"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/empty", "pod/grouped", "--timeout=60s")
        try await cluster.check("exec", "empty", "-c", "c", "--", "sh", "-c", "echo hello > /disk/word")
        try await eventually("the other container reads it") {
            try await cluster.check("logs", "empty", "-c", "second") == "hello\n"
        }
        let denied = try await cluster.kubectl(["exec", "empty", "-c", "second", "--", "touch", "/disk/x"])
        #expect(denied.errors.contains("Read-only file system"), "\(denied)")
        #expect(try await cluster.check("exec", "empty", "-c", "c", "--", "stat", "-c", "%a", "/disk") == "777\n")
        let told = try await cluster.check(
            "get", "pod", "empty", "-o",
            "jsonpath={.status.containerStatuses[?(@.name==\"second\")].volumeMounts[?(@.name==\"disk\")]}")
        #expect(told == #"{"mountPath":"/disk","name":"disk","readOnly":true,"recursiveReadOnly":"Disabled"}"#)
        let mounts = try await cluster.check("exec", "empty", "-c", "c", "--", "grep", " /memory ", "/proc/mounts")
        #expect(mounts.contains("tmpfs") && mounts.contains("size=8192k"), "\(mounts)")
        let full = try await cluster.kubectl(
            ["exec", "empty", "-c", "c", "--", "dd", "if=/dev/zero", "of=/memory/big", "bs=1M", "count=20"])
        #expect(full.errors.contains("No space left on device"), "\(full)")
        let group = try await cluster.check(
            "exec", "grouped", "--", "sh", "-c", "touch /disk/f; stat -c '%g %a' /disk; stat -c '%u %g' /disk/f")
        #expect(group == "777 2777\n1000 777\n")
        try await cluster.check("delete", "pod", "empty", "grouped")
    }

    @Test func `hostPath is checked or made as its type says`() async throws {
        let cluster = try cluster()
        let host = cluster.directory + "/types"
        try FileManager.default.createDirectory(atPath: host + "/directory", withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(filePath: host + "/file"))
        let socket = try Self.listen(at: host + "/socket")
        defer { close(socket) }
        let blocks = try FileManager.default.contentsOfDirectory(atPath: "/dev").sorted().filter {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "/dev/" + $0)
            return attributes?[.type] as? FileAttributeType == .typeBlockSpecial
        }
        let block = "/dev/" + (try #require(blocks.first, "this machine has a block device"))
        let good = [
            ("s", "\(host)/socket", "Socket"), ("g", block, "BlockDevice"),
            ("a", "\(host)/directory", "Directory"), ("b", "\(host)/file", "File"), ("c", "/dev/null", "CharDevice"),
            ("d", "\(host)/made/deep", "DirectoryOrCreate"), ("e", "\(host)/made.txt", "FileOrCreate"),
            ("f", "\(host)/unchecked", ""),
        ]
        let bad = [
            ("bad-directory", "\(host)/file", "Directory", "is not a directory"),
            ("bad-file", "\(host)/directory", "File", "is not a file"),
            ("bad-socket", "\(host)/file", "Socket", "is not a socket file"),
            ("bad-char", "\(host)/file", "CharDevice", "is not a character device"),
            ("bad-block", "\(host)/file", "BlockDevice", "is not a block device"),
            ("bad-missing", "\(host)/absent", "Directory", "is not a directory"),
        ]
        let volumes = good.map { "{name: \($0.0), hostPath: {path: \($0.1), type: \"\($0.2)\"}}" }
        let mounts = good.map { "{name: \($0.0), mountPath: /\($0.0)}" }
        var input = Manifest.pod(
            "types", mounts: "[\(mounts.joined(separator: ", "))]", volumes: "[\(volumes.joined(separator: ", "))]")
        for (name, path, type, _) in bad {
            input += Manifest.pod(
                name, mounts: "[{name: v, mountPath: /v}]",
                volumes: "[{name: v, hostPath: {path: \(path), type: \(type)}}]")
        }
        try await cluster.check("apply", "-f", "-", input: input)
        try await cluster.check("wait", "--for=condition=Ready", "pod/types", "--timeout=60s")
        var isDirectory: ObjCBool = false
        #expect(FileManager.default.fileExists(atPath: host + "/made/deep", isDirectory: &isDirectory))
        #expect(isDirectory.boolValue)
        #expect(FileManager.default.fileExists(atPath: host + "/made.txt", isDirectory: &isDirectory))
        #expect(!isDirectory.boolValue)
        for (name, path, _, words) in bad {
            let text =
                "MountVolume.SetUp failed for volume \"v\" : hostPath type check failed: \(path) \(words)"
            try await eventually("\(name) says what is wrong") {
                let events = try await cluster.check("events", "--for", "pod/\(name)")
                return events.contains("FailedMount") && events.contains(text)
            }
        }
        // It heals when what was missing comes.
        try FileManager.default.createDirectory(atPath: host + "/absent", withIntermediateDirectories: true)
        try await cluster.check("wait", "--for=condition=Ready", "pod/bad-missing", "--timeout=20s")
        try await cluster.check("delete", "pod", "types", "bad-missing")
        try await cluster.check(
            "delete", "pod", "bad-directory", "bad-file", "bad-socket", "bad-char", "bad-block")
    }

    private static func listen(at path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        try #require(isBound, "a socket at \(path)")
        return descriptor
    }

    @Test func `files have the modes and words that they are to have`() async throws {
        let cluster = try cluster()
        try await cluster.check("create", "configmap", "words", "--from-literal=one=1", "--from-literal=two=2")
        try await cluster.check("create", "secret", "generic", "keys", "--from-literal=key=hidden")
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "files",
                mounts: """
                    [{name: map, mountPath: /map}, {name: secret, mountPath: /secret}, {name: all, mountPath: /all},
                    {name: about, mountPath: /about}]
                    """,
                volumes: """
                    [{name: map, configMap: {name: words, defaultMode: 0440, items: [{key: one, path: deep/er/one},
                    {key: two, path: two, mode: 0400}]}}, {name: secret, secret: {secretName: keys, defaultMode: 0400}},
                    {name: all, projected: {defaultMode: 0444, sources: [{configMap: {name: words, items: [{key: one,
                    path: one}]}}, {secret: {name: keys, items: [{key: key, path: key, mode: 0600}]}},
                    {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}},
                    {serviceAccountToken: {path: token, expirationSeconds: 600, audience: mine}}]}},
                    {name: about, downwardAPI: {items: [{path: cpu, resourceFieldRef: {containerName: c,
                    resource: limits.cpu, divisor: 1m}}, {path: memory, resourceFieldRef: {containerName: c,
                    resource: requests.memory, divisor: 1Mi}}, {path: whole, resourceFieldRef: {containerName: c,
                    resource: limits.cpu}}, {path: uid, fieldRef: {fieldPath: metadata.uid}, mode: 0600}]}}]
                    """,
                resources: "resources: {limits: {cpu: 250m, memory: 64Mi}, requests: {memory: 33Mi}}"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/files", "--timeout=60s")
        let modes = try await cluster.check(
            "exec", "files", "--", "stat", "-L", "-c", "%n %a", "/map/deep/er/one", "/map/two", "/secret/key",
            "/all/one", "/all/key", "/all/name", "/about/uid", "/about/cpu")
        #expect(
            modes == """
                /map/deep/er/one 440
                /map/two 400
                /secret/key 400
                /all/one 444
                /all/key 600
                /all/name 444
                /about/uid 600
                /about/cpu 644

                """)
        let words = try await cluster.check(
            "exec", "files", "--", "sh", "-c",
            "cat /map/deep/er/one /map/two /secret/key /all/name; echo; cat /about/cpu; echo; cat /about/memory; echo; "
                + "cat /about/whole; echo; wc -c < /all/token")
        let lines = words.split(separator: "\n")
        #expect(lines.prefix(4) == ["12hiddenfiles", "250", "33", "1"], "\(words)")
        #expect(lines.last.flatMap { Int($0) }.map { $0 > 100 } == true, "\(words)")
        let write = try await cluster.kubectl(["exec", "files", "--", "touch", "/map/new"])
        #expect(write.errors.contains("Read-only file system"), "\(write)")
        try await cluster.check("delete", "pod", "files")
    }

    @Test func `images are shown read-only, whole or in part, and leave nothing`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "shown",
                mounts: """
                    [{name: image, mountPath: /image}, {name: image, mountPath: /bin2, subPath: bin}]
                    """,
                volumes: "[{name: image, image: {reference: \"skiff.example/hello:2\", pullPolicy: IfNotPresent}}]")
                + Manifest.pod(
                    "absent", mounts: "[{name: image, mountPath: /image}]",
                    volumes: "[{name: image, image: {reference: \"skiff.example/none:1\", pullPolicy: Never}}]"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/shown", "--timeout=60s")
        let uid = try await cluster.check("get", "pod", "shown", "-o", "jsonpath={.metadata.uid}")
        let found = try await cluster.check("exec", "shown", "--", "sh", "-c", "ls /image; ls /bin2 | wc -l")
        #expect(found.contains("bin\n"), "\(found)")
        #expect(found.split(separator: "\n").last.flatMap { Int($0) }.map { $0 > 0 } == true, "\(found)")
        let write = try await cluster.kubectl(["exec", "shown", "--", "touch", "/image/new"])
        #expect(write.errors.contains("Read-only file system"), "\(write)")
        try await eventually("the other pod says that its image is missing") {
            try await cluster.check(
                "get", "pod", "absent", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
                == "ErrImageNeverPull"
        }
        try await cluster.check("delete", "pod", "shown", "absent")
        try await eventually("the pod's directory is gone") {
            !FileManager.default.fileExists(atPath: cluster.dataDirectory + "/pods/" + uid)
        }
        let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)
        #expect(!mounts.contains(uid), "its mounts are gone")
    }

    @Test func `what cannot be mounted says so`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "foreign", mounts: "[{name: v, mountPath: /v}]",
                volumes: "[{name: v, csi: {driver: nobody.example}}]")
                + Manifest.pod(
                    "recursive",
                    mounts: "[{name: v, mountPath: /v, readOnly: true, recursiveReadOnly: Enabled}]",
                    volumes: "[{name: v, emptyDir: {}}]")
                + Manifest.pod(
                    "nameless", mounts: "[{name: v, mountPath: /v, subPathExpr: $(NOBODY)}]",
                    volumes: "[{name: v, emptyDir: {}}]"))
        try await eventually("no plugin matches") {
            let events = try await cluster.check("events", "--for", "pod/foreign")
            return events.contains("FailedMount") && events.contains("err=no volume plugin matched")
        }
        try await eventually("the runtime cannot do it") {
            try await cluster.check(
                "get", "pod", "recursive", "-o", "jsonpath={.status.containerStatuses[0].state.waiting}"
            ).contains("requested recursive read-only mode, but it is not supported by the runtime")
        }
        try await eventually("a variable is missing") {
            try await cluster.check(
                "get", "pod", "nameless", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}"
            ) == "missing value for \"NOBODY\""
        }
        try await cluster.check("delete", "pod", "foreign", "recursive", "nameless")
    }

    @Test func `mounts made by one container reach another where both want it`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "mounting", mounts: "[{name: v, mountPath: /v, mountPropagation: Bidirectional}]",
                volumes: "[{name: v, emptyDir: {}}]", resources: "securityContext: {privileged: true}",
                more: """
                      - name: seeing
                        image: skiff.example/hello:1
                        command: [sleep, "3600"]
                        volumeMounts: [{name: v, mountPath: /v, mountPropagation: HostToContainer}]
                      - name: private
                        image: skiff.example/hello:1
                        command: [sleep, "3600"]
                        volumeMounts: [{name: v, mountPath: /v}]
                    """))
        try await cluster.check("wait", "--for=condition=Ready", "pod/mounting", "--timeout=60s")
        try await cluster.check(
            "exec", "mounting", "-c", "c", "--", "sh", "-c",
            "mkdir '/v/a b'; mount -t tmpfs none '/v/a b' && touch '/v/a b/file'")
        #expect(try await cluster.check("exec", "mounting", "-c", "seeing", "--", "ls", "/v/a b") == "file\n")
        #expect(try await cluster.check("exec", "mounting", "-c", "private", "--", "ls", "/v/a b") == "")
        let uid = try await cluster.check("get", "pod", "mounting", "-o", "jsonpath={.metadata.uid}")
        try await cluster.check("delete", "pod", "mounting")
        try await eventually("the pod's directory and what was mounted in it are gone") {
            !FileManager.default.fileExists(atPath: cluster.dataDirectory + "/pods/" + uid)
        }
        #expect(try !String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).contains(uid))
    }
}

private enum Manifest {
    static func pod(
        _ name: String, mounts: String, volumes: String, extra: String = "", resources: String = "", more: String = ""
    ) -> String {
        """
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          \(extra.isEmpty ? "enableServiceLinks: false" : extra)
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sleep, "3600"]
            \(resources.isEmpty ? "imagePullPolicy: IfNotPresent" : resources)
            volumeMounts: \(mounts.split(separator: "\n").joined(separator: " "))
        \(more.isEmpty ? "" : more)
          volumes: \(volumes.split(separator: "\n").joined(separator: " "))

        """
    }
}
