internal import Foundation
internal import TestSupport
internal import Testing

/// Claims and volumes with real pods: the built-in local-path provisioner and volumes made by hand.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"),
    .runningCluster(12), .timeLimit(.minutes(5)))
struct `Persistent volumes` {
    @Test func `wait for their first pod, outlive it, and go with their claim`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Manifest.claim("data"))
        try await eventually("the claim says what it waits for") {
            try await cluster.check("describe", "pvc", "data").contains(
                "waiting for first consumer to be created before binding")
        }
        #expect(try await cluster.check("get", "pvc", "data", "-o", "jsonpath={.status.phase}") == "Pending")
        let classes = try await cluster.check("get", "sc")
        #expect(classes.contains("local-path (default)"), "\(classes)")
        #expect(classes.contains("rancher.io/local-path   Delete          WaitForFirstConsumer"), "\(classes)")

        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod("writer", claim: "data", "echo kept > /data/file; id -u > /data/who"))
        try await cluster.check(
            "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
        let volume = try await cluster.check("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")
        let uid = try await cluster.check("get", "pvc", "data", "-o", "jsonpath={.metadata.uid}")
        #expect(volume == "pvc-" + uid)
        let directory = cluster.dataDirectory + "/storage/\(volume)_default_data"
        #expect(try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int == 0o777)
        try await checkTables(cluster, volume: volume, directory: directory)
        let growth = try await cluster.kubectl(
            ["patch", "pvc", "data", "-p", #"{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}"#])
        #expect(growth.errors.contains("the storageclass that provisions the pvc must support resize"), "\(growth)")

        try await cluster.check("delete", "pod", "writer")
        try await cluster.check(
            "apply", "-f", "-", input: Manifest.pod("reader", claim: "data", "cat /data/file; sleep 3600"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/reader", "--timeout=60s")
        #expect(try await cluster.check("logs", "reader") == "kept\n")

        // A claim in use stays until its pod is gone.
        try await cluster.check("delete", "pvc", "data", "--wait=false")
        #expect(try await cluster.check("get", "pvc", "data", "-o", "jsonpath={.metadata.finalizers[0]}") != "")
        #expect(FileManager.default.fileExists(atPath: directory + "/file"))
        try await cluster.check("delete", "pod", "reader")
        try await eventually("claim, volume and directory are gone") {
            let left = try await cluster.check("get", "pvc,pv", "-o", "name")
            return !left.contains("/data\n") && !left.contains(volume)
                && !FileManager.default.fileExists(atPath: directory)
        }
    }

    private func checkTables(_ cluster: SkiffInstance, volume: String, directory: String) async throws {
        let claims = try await cluster.check("get", "pvc", "data", "--no-headers")
        #expect(
            claims.split(whereSeparator: \.isWhitespace).prefix(6) == [
                "data", "Bound", volume[...], "1Mi", "RWO", "local-path",
            ], "\(claims)")
        let volumes = try await cluster.check("get", "pv", volume, "--no-headers")
        #expect(
            volumes.split(whereSeparator: \.isWhitespace).prefix(7) == [
                volume[...], "1Mi", "RWO", "Delete", "Bound", "default/data", "local-path",
            ], "\(volumes)")
        let description = try await cluster.check("describe", "pv", volume)
        for text in ["Type:  LocalVolume", "Path:  " + directory, "kubernetes.io/hostname in ["] {
            #expect(description.contains(text), "\(description)")
        }
        let events = try await cluster.check("describe", "pvc", "data")
        for text in ["ExternalProvisioning", "Successfully provisioned volume " + volume] {
            #expect(events.contains(text), "\(events)")
        }
    }

    @Test func `are kept where they are to be retained`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Manifest.claim("kept"))
        try await cluster.check(
            "apply", "-f", "-", input: Manifest.pod("keeper", claim: "kept", "echo precious > /data/file"))
        try await cluster.check(
            "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/keeper", "--timeout=60s")
        let volume = try await cluster.check("get", "pvc", "kept", "-o", "jsonpath={.spec.volumeName}")
        try await cluster.check("patch", "pv", volume, "-p", #"{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}"#)
        try await cluster.check("delete", "pod/keeper", "pvc/kept")
        try await cluster.check("wait", "--for=jsonpath={.status.phase}=Released", "pv/\(volume)", "--timeout=20s")
        try await cluster.check("delete", "pv", volume, "--timeout=20s")
        let file = cluster.dataDirectory + "/storage/\(volume)_default_kept/file"
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "precious\n")
    }

    @Test func `made by hand go to the claims that they fit`() async throws {
        let cluster = try cluster()
        let host = cluster.directory + "/host"
        for name in ["small", "large", "mine"] {
            try FileManager.default.createDirectory(atPath: host + "/" + name, withIntermediateDirectories: true)
        }
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.volume("large", "10Gi", "hostPath: {path: \(host)/large}")
                + Manifest.volume("small", "2Gi", "hostPath: {path: \(host)/small}")
                + Manifest.volume(
                    "mine", "5Gi", "hostPath: {path: \(host)/mine}, claimRef: {name: meant, namespace: default}"))
        try await eventually("the volumes are there to be had") {
            try await cluster.check("get", "pv", "-o", "jsonpath={.items[*].status.phase}").split(separator: " ")
                .filter { $0 == "Available" }.count == 3
        }
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.claim("fits", "1Gi", "storageClassName: manual")
                + Manifest.claim("meant", "1Gi", "storageClassName: manual")
                + Manifest.claim("named", "1Gi", "storageClassName: manual, volumeName: large")
                + Manifest.claim("toobig", "1Ti", "storageClassName: \"\""))
        try await cluster.check(
            "wait", "--for=jsonpath={.status.phase}=Bound", "pvc/fits", "pvc/meant", "pvc/named", "--timeout=20s")
        let bound = try await cluster.check(
            "get", "pvc", "fits", "meant", "named", "-o", "jsonpath={.items[*].spec.volumeName}")
        #expect(bound == "small mine large")
        #expect(
            try await cluster.check("describe", "pvc", "toobig").contains(
                "no persistent volumes available for this claim and no storage class is set"))

        // Two pods of one node share a volume; one of them may only read.
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod("first", claim: "fits", "echo shared > /data/file; sleep 3600")
                + Manifest.pod("second", claim: "fits", "sleep 3600", readOnly: true))
        try await cluster.check("wait", "--for=condition=Ready", "pod/first", "pod/second", "--timeout=60s")
        try await eventually("the second pod sees the file") {
            try await cluster.check("exec", "second", "--", "cat", "/data/file") == "shared\n"
        }
        let write = try await cluster.kubectl(["exec", "second", "--", "touch", "/data/other"])
        #expect(write.errors.contains("Read-only file system"), "\(write)")
        #expect(try String(contentsOfFile: host + "/small/file", encoding: .utf8) == "shared\n")
        try await cluster.check("delete", "pod/first", "pod/second", "pvc/fits", "pvc/meant", "pvc/named", "pvc/toobig")
        try await eventually("volumes whose claim is gone are released") {
            try await cluster.check("get", "pv", "small", "mine", "large", "-o", "jsonpath={.items[*].status.phase}")
                == "Released Released Released"
        }
        try await cluster.check("delete", "pv", "small", "mine", "large")
        #expect(FileManager.default.fileExists(atPath: host + "/small/file"), "a volume made by hand keeps its content")
    }

    @Test func `pods say what their claims lack, and start when it comes`() async throws {
        let cluster = try cluster()
        let node = try await cluster.check("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod("early", claim: "late", "sleep 3600")
                + Manifest.claim("odd", "1Gi", "storageClassName: nowhere")
                + Manifest.pod("unbound", claim: "odd", "sleep 3600")
                + Manifest.claim("direct", "1Gi", "storageClassName: manual")
                + Manifest.pod("placed", claim: "direct", "sleep 3600", extra: "nodeName: \(node)"))
        @Sendable func condition(_ pod: String) async throws -> String {
            try await cluster.check("get", "pod", pod, "-o", "jsonpath={.status.conditions[0].message}")
        }
        let end = ". preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        try await eventually("the pods say why they wait") {
            let early = try await condition("early")
            let unbound = try await condition("unbound")
            return early == "0/1 nodes are available: persistentvolumeclaim \"late\" not found" + end
                && unbound == "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims" + end
        }
        #expect(
            try await cluster.check("describe", "pvc", "odd").contains(
                "storageclass.storage.k8s.io \"nowhere\" not found"))
        try await eventually("the agent says that the claim is not bound") {
            try await cluster.check("events", "--for", "pod/placed").contains(
                "failed to process volumes=[data]: error processing PVC default/direct: PVC is not bound")
        }
        let host = cluster.directory + "/host/direct"
        try FileManager.default.createDirectory(atPath: host, withIntermediateDirectories: true)
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.claim("late") + Manifest.volume("direct", "1Gi", "hostPath: {path: \(host)}"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/early", "pod/placed", "--timeout=60s")
        try await cluster.check("delete", "pod/early", "pod/placed", "pod/unbound", "pvc/late", "pvc/odd", "pvc/direct")
        try await cluster.check("delete", "pv/direct")
    }

    @Test func `made for one pod go with it, and a claim for one pod refuses the second`() async throws {
        let cluster = try cluster()
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.claim("alone", "1Mi", "accessModes: [ReadWriteOncePod]")
                + Manifest.pod("sole", claim: "alone", "sleep 3600")
                    + """
                    ---
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: scratch}
                    spec:
                      terminationGracePeriodSeconds: 0
                      containers:
                      - name: c
                        image: skiff.example/hello:1
                        command: [sh, -c, "touch /own/file; sleep 3600"]
                        volumeMounts: [{name: own, mountPath: /own}]
                      volumes:
                      - name: own
                        ephemeral:
                          volumeClaimTemplate:
                            metadata: {labels: {made: here}}
                            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}

                    """)
        try await cluster.check("wait", "--for=condition=Ready", "pod/sole", "pod/scratch", "--timeout=60s")
        try await cluster.check("apply", "-f", "-", input: Manifest.pod("other", claim: "alone", "sleep 3600"))
        #expect(try await cluster.check("get", "pvc", "-l", "made=here", "-o", "name").contains("/scratch-own"))
        try await eventually("the second pod is told why it waits") {
            try await cluster.check("get", "pod", "other", "-o", "jsonpath={.status.conditions[0].message}").contains(
                "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode")
        }
        try await cluster.check("delete", "pod", "sole", "scratch")
        try await cluster.check("wait", "--for=condition=Ready", "pod/other", "--timeout=60s")
        try await eventually("the pod's own claim went with it") {
            try await cluster.check("get", "pvc,pv", "-o", "name").split(separator: "\n").count == 2
        }
        try await cluster.check("delete", "pod/other", "pvc/alone")
    }

    @Test func `as blocks are devices in the container`() async throws {
        let cluster = try cluster()
        let names = try FileManager.default.contentsOfDirectory(atPath: "/dev").sorted()
        let block = names.first {
            (try? FileManager.default.attributesOfItem(atPath: "/dev/" + $0))?[.type] as? FileAttributeType
                == .typeBlockSpecial
        }
        let device = "/dev/" + (try #require(block, "this machine has a block device"))
        let affinity =
            "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, "
            + "operator: Exists}]}]}}"
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.volume("disk", "1Gi", "volumeMode: Block, local: {path: \(device)}, \(affinity)")
                + Manifest.claim("disk", "1Gi", "storageClassName: manual, volumeMode: Block") + """
                    ---
                    apiVersion: v1
                    kind: Pod
                    metadata: {name: blocks}
                    spec:
                      terminationGracePeriodSeconds: 0
                      containers:
                      - name: c
                        image: skiff.example/hello:1
                        command: [sh, -c, "[ -b /dev/mine ] && echo block; sleep 3600"]
                        volumeDevices: [{name: data, devicePath: /dev/mine}]
                      volumes:
                      - {name: data, persistentVolumeClaim: {claimName: disk, readOnly: true}}
                    """)
        try await cluster.check("wait", "--for=condition=Ready", "pod/blocks", "--timeout=60s")
        try await eventually("the device is there") { try await cluster.check("logs", "blocks") == "block\n" }
        let write = try await cluster.kubectl(["exec", "blocks", "--", "sh", "-c", ": >> /dev/mine"])
        #expect(write.errors.contains("not permitted"), "\(write)")
        try await cluster.check("delete", "pod/blocks", "pvc/disk")
        try await cluster.check("delete", "pv/disk")
    }

    @Test func `belong to the pod's group, but nothing that they only link to does`() async throws {
        let cluster = try cluster()
        let outside = cluster.directory + "/host/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(filePath: outside + "/secret"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: outside + "/secret")
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.claim("owned")
                + Manifest.pod(
                    "linker", claim: "owned",
                    "mkdir -m 700 /data/d; touch /data/d/f; ln -s \(outside) /data/dir; ln -s \(outside)/secret /data/link"
                ))
        try await cluster.check("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/linker", "--timeout=60s")
        try await cluster.check("delete", "pod", "linker")
        try await cluster.check(
            "apply", "-f", "-",
            input: Manifest.pod(
                "grouped", claim: "owned", "stat -c '%g %a' /data /data/d /data/d/f; touch /data/new; sleep 3600",
                extra: "securityContext: {fsGroup: 2345, runAsUser: 1000}"))
        try await cluster.check("wait", "--for=condition=Ready", "pod/grouped", "--timeout=60s")
        try await eventually("the group has everything") {
            try await cluster.check("logs", "grouped") == "2345 2777\n2345 2770\n2345 664\n"
        }
        let secret = try FileManager.default.attributesOfItem(atPath: outside + "/secret")
        #expect(secret[.groupOwnerAccountID] as? Int == 0)
        #expect(secret[.posixPermissions] as? Int == 0o600)
        let directory = try FileManager.default.attributesOfItem(atPath: outside)
        #expect(directory[.groupOwnerAccountID] as? Int == 0)
        try await cluster.check("delete", "pod/grouped", "pvc/owned")
        try await eventually("the volume is gone, and what it linked to is not") {
            try await cluster.check("get", "pv", "-o", "name") == ""
        }
        #expect(FileManager.default.fileExists(atPath: outside + "/secret"))
    }
}

private enum Manifest {
    static func claim(_ name: String, _ size: String = "1Mi", _ extra: String = "") -> String {
        let modes = extra.contains("accessModes") ? "" : "accessModes: [ReadWriteOnce], "
        let more = extra.isEmpty ? "" : ", " + extra
        return """
            ---
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: \(name)}
            spec: {\(modes)resources: {requests: {storage: \(size)}}\(more)}

            """
    }

    static func volume(_ name: String, _ size: String, _ source: String) -> String {
        """
        ---
        apiVersion: v1
        kind: PersistentVolume
        metadata: {name: \(name)}
        spec: {accessModes: [ReadWriteOnce], capacity: {storage: \(size)}, storageClassName: manual, \(source)}

        """
    }

    static func pod(
        _ name: String, claim: String, _ script: String, readOnly: Bool = false, extra: String = ""
    ) -> String {
        """
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: \(name)}
        spec:
          terminationGracePeriodSeconds: 0
          restartPolicy: Never
          \(extra.isEmpty ? "enableServiceLinks: false" : extra)
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sh, -c, "\(script)"]
            volumeMounts: [{name: data, mountPath: /data}]
          volumes:
          - {name: data, persistentVolumeClaim: {claimName: \(claim), readOnly: \(readOnly)}}

        """
    }
}
