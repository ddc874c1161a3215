internal import Foundation
internal import TestSupport
internal import Testing

/// Parts of volumes, and what containers try with links in them.
extension `Volumes of pods` {
    @Test func `subPath and subPathExpr show a part of a volume`() async throws {
        let cluster = try cluster()
        try await cluster.check("create", "configmap", "parts", "--from-literal=app.conf=on")
        try await cluster.check(
            "apply", "-f", "-",
            input: """
                apiVersion: v1
                kind: Pod
                metadata: {name: parts}
                spec:
                  terminationGracePeriodSeconds: 0
                  securityContext: {fsGroup: 555}
                  containers:
                  - name: c
                    image: skiff.example/hello:1
                    command: [sh, -c, "echo one >> /own/lives; [ -e /own/stop ] && sleep 3600; touch /own/stop; exit 3"]
                    env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
                    volumeMounts:
                    - {name: v, mountPath: /own, subPathExpr: logs/$(NAME)}
                    - {name: v, mountPath: /whole}
                    - {name: map, mountPath: /etc/app.conf, subPath: app.conf}
                    - {name: v, mountPath: /fixed, subPath: logs, readOnly: true}
                  volumes: [{name: v, emptyDir: {}}, {name: map, configMap: {name: parts}}]
                """)
        try await eventually("the container lives again") {
            try await cluster.check("get", "pod", "parts", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
                == "1"
        }
        try await cluster.check("wait", "--for=condition=Ready", "pod/parts", "--timeout=60s")
        let seen = try await cluster.check(
            "exec", "parts", "--", "sh", "-c",
            "cat /own/lives /whole/logs/parts/lives /fixed/parts/lives /etc/app.conf; echo; stat -c '%g %a' /own")
        #expect(seen == "one\none\none\none\none\none\non\n555 2777\n")
        let denied = try await cluster.kubectl(["exec", "parts", "--", "touch", "/fixed/x"])
        #expect(denied.errors.contains("Read-only file system"), "\(denied)")
        let uid = try await cluster.check("get", "pod", "parts", "-o", "jsonpath={.metadata.uid}")
        try await cluster.check("delete", "pod", "parts")
        try await eventually("nothing of the pod is left") {
            !FileManager.default.fileExists(atPath: cluster.dataDirectory + "/pods/" + uid)
        }
    }

    @Test func `links in a volume never lead a subPath to the host`() async throws {
        let cluster = try cluster()
        let host = try canary(cluster)
        let tricks = [
            "root", "up", "host", "root/etc", "inner/far", "hostfile", "proc", "again",
        ]
        let containers = tricks.enumerated().map { index, path in
            """
              - name: c\(index)
                image: skiff.example/hello:1
                command: [sh, -c, "ls -aR /part | head -50; cat /part; sleep 3600"]
                volumeMounts: [{name: v, mountPath: /part, subPath: \(path)}]
            """
        }
        try await cluster.check(
            "apply", "-f", "-",
            input: """
                apiVersion: v1
                kind: Pod
                metadata: {name: tricks}
                spec:
                  terminationGracePeriodSeconds: 0
                  initContainers:
                  - name: i
                    image: skiff.example/hello:1
                    command:
                    - sh
                    - -c
                    - >-
                      cd /v && mkdir inner ok && ln -s / root && ln -s ../../../../.. up && ln -s \(host) host &&
                      ln -s ../../.. inner/far && ln -s \(host)/secret hostfile && ln -s /proc/self/root proc &&
                      ln -s again again && ln -s ok good && echo fine > ok/file
                    volumeMounts: [{name: v, mountPath: /v}]
                  containers:
                \(containers.joined(separator: "\n"))
                  - name: honest
                    image: skiff.example/hello:1
                    command: [sh, -c, "cat /part/file; sleep 3600"]
                    volumeMounts: [{name: v, mountPath: /part, subPath: good}]
                  volumes: [{name: v, emptyDir: {}}]
                """)
        try await eventually("a link within the volume is followed") {
            try await cluster.check("logs", "tricks", "-c", "honest") == "fine\n"
        }
        try await eventually("every other container is refused", timeout: .seconds(40)) {
            let reasons = try await cluster.check(
                "get", "pod", "tricks", "-o", "jsonpath={.status.containerStatuses[*].state.waiting.reason}")
            return reasons.split(separator: " ").filter { $0 == "CreateContainerConfigError" }.count == tricks.count
        }
        let message = try await cluster.check(
            "get", "pod", "tricks", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.message}")
        #expect(message.contains("failed to prepare subPath for volumeMount \"v\" of container \"c0\""), "\(message)")
        try await cluster.check("delete", "pod", "tricks")
        #expect(FileManager.default.fileExists(atPath: host + "/secret"))
    }

    @Test func `a directory that is swapped for a link while others start never shows the host`() async throws {
        let cluster = try cluster()
        let host = try canary(cluster)
        let victims = (0..<10).map { index in
            """
              - name: victim\(index)
                image: skiff.example/hello:1
                command: [sh, -c, "ls -a /part; cat /part/secret; sleep 3600"]
                volumeMounts: [{name: v, mountPath: /part, subPath: a/b}]
            """
        }
        try await cluster.check(
            "apply", "-f", "-",
            input: """
                apiVersion: v1
                kind: Pod
                metadata: {name: swapping}
                spec:
                  terminationGracePeriodSeconds: 0
                  containers:
                  - name: swapper
                    image: skiff.example/hello:1
                    command:
                    - sh
                    - -c
                    - >-
                      cd /v; mkdir -p real/b; ln -s \(host) evil; mkdir links; ln -s \(host) links/b;
                      while true; do ln -sfn real a; ln -sfn links a; ln -sfn evil a; rm -rf a; mkdir -p a; ln -sfn
                      \(host) a/b; rm -rf a; done
                    volumeMounts: [{name: v, mountPath: /v}]
                \(victims.joined(separator: "\n"))
                  volumes: [{name: v, emptyDir: {}}]
                """)
        try await eventually("every victim has run or was refused", timeout: .seconds(60)) {
            let states = try await cluster.check(
                "get", "pod", "swapping", "-o",
                "jsonpath={range .status.containerStatuses[*]}{.state.running.startedAt}"
                    + "{.state.waiting.reason}{.restartCount}{\"\\n\"}{end}")
            let lines = states.split(separator: "\n")
            return lines.count == 11 && !lines.contains { $0 == "0" || $0.hasPrefix("ContainerCreating") }
        }
        let shown = try await cluster.kubectl(["logs", "swapping", "--all-containers", "--ignore-errors"])
        #expect(!shown.output.contains("this is the host"), "\(shown)")
        #expect(!shown.output.contains("secret\n"), "\(shown)")
        try await cluster.check("delete", "pod", "swapping")
        #expect(try String(contentsOfFile: host + "/secret", encoding: .utf8) == "this is the host\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: host) == ["secret"], "nothing was made there")
    }

    @Test func `what a pod leaves is removed, and what it links to is not`() async throws {
        let cluster = try cluster()
        let host = try canary(cluster)
        try await cluster.check(
            "apply", "-f", "-",
            input: """
                apiVersion: v1
                kind: Pod
                metadata: {name: leaving}
                spec:
                  terminationGracePeriodSeconds: 0
                  containers:
                  - name: c
                    image: skiff.example/hello:1
                    command:
                    - sh
                    - -c
                    - >-
                      cd /v; ln -s \(host) dir; ln -s \(host)/secret file; ln -s / root; mkfifo pipe; mkdir deep; cd deep;
                      i=0; while [ $i -lt 600 ]; do mkdir directory; ln -s \(host) to; touch file; cd directory;
                      i=$((i+1)); done; touch /v/done; sleep 3600
                    volumeMounts: [{name: v, mountPath: /v}, {name: host, mountPath: /host}]
                  volumes: [{name: v, emptyDir: {}}, {name: host, hostPath: {path: \(host)}}]
                """)
        try await cluster.check("wait", "--for=condition=Ready", "pod/leaving", "--timeout=60s")
        try await eventually("the tree is there") {
            try await cluster.kubectl(["exec", "leaving", "--", "test", "-e", "/v/done"]).isSuccess
        }
        let uid = try await cluster.check("get", "pod", "leaving", "-o", "jsonpath={.metadata.uid}")
        try await cluster.check("delete", "pod", "leaving")
        try await eventually("the pod's directory is gone") {
            !FileManager.default.fileExists(atPath: cluster.dataDirectory + "/pods/" + uid)
        }
        #expect(try String(contentsOfFile: host + "/secret", encoding: .utf8) == "this is the host\n")
    }

    /// A directory of the host that no pod may reach through a link.
    private func canary(_ cluster: SkiffInstance) throws -> String {
        let host = cluster.directory + "/canary"
        try FileManager.default.createDirectory(atPath: host, withIntermediateDirectories: true)
        try Data("this is the host\n".utf8).write(to: URL(filePath: host + "/secret"))
        return host
    }
}
