internal import TestSupport
internal import Testing

/// Content from the API in running containers.
@Suite(
    .serialized, .enabled(if: SkiffInstance.isRunnable, "needs SKIFF_BINARY, root and containerd"), .runningCluster(5),
    .timeLimit(.minutes(5)))
struct `Volumes of running pods` {
    @Test func `follow their ConfigMap, Secret and labels within two seconds`() async throws {
        let cluster = try cluster()
        try await cluster.check("create", "configmap", "words", "--from-literal=word=first")
        try await cluster.check("create", "secret", "generic", "hidden", "--from-literal=key=one")
        try await cluster.check("apply", "-f", "-", input: Self.pod)
        try await cluster.check("wait", "--for=condition=Ready", "pod/reader", "--timeout=60s")
        @Sendable func read(_ path: String) async throws -> String {
            try await cluster.check("exec", "reader", "--", "cat", path)
        }
        #expect(try await read("/words/word") == "first")
        #expect(try await read("/hidden/key") == "one")
        #expect(try await read("/about/labels") == #"tier="one""#)

        try await cluster.check("patch", "configmap", "words", "-p", #"{"data":{"word":"second","more":"x"}}"#)
        try await eventually("the file follows", timeout: .seconds(2)) { try await read("/words/word") == "second" }
        #expect(try await read("/words/more") == "x")
        try await cluster.check("patch", "secret", "hidden", "-p", #"{"stringData":{"key":"two"}}"#)
        try await eventually("the secret follows", timeout: .seconds(2)) { try await read("/hidden/key") == "two" }
        try await cluster.check("label", "pod", "reader", "tier=two", "--overwrite")
        try await eventually("the label follows", timeout: .seconds(2)) {
            try await read("/about/labels") == #"tier="two""#
        }
        // Optional content that comes later.
        try await cluster.check("create", "configmap", "later", "--from-literal=now=here")
        try await eventually("the late file comes", timeout: .seconds(2)) { try await read("/later/now") == "here" }
        try await cluster.check("delete", "pod", "reader", "--grace-period=0", "--force")
    }

    @Test func `a container waits for its ConfigMap and starts when it comes`() async throws {
        let cluster = try cluster()
        try await cluster.check("apply", "-f", "-", input: Self.waiting)
        try await eventually("the pod says what is missing") {
            try await cluster.check(
                "get", "pod", "waiting", "-o", "jsonpath={.status.containerStatuses[0].state.waiting}"
            ) == #"{"message":"configmap \"absent\" not found","reason":"CreateContainerConfigError"}"#
        }
        try await cluster.check("create", "configmap", "absent", "--from-literal=key=value")
        try await cluster.check("wait", "--for=condition=Ready", "pod/waiting", "--timeout=4s")
        try await cluster.check("delete", "pod", "waiting", "--grace-period=0", "--force")
    }

    private static let pod = """
        apiVersion: v1
        kind: Pod
        metadata: {name: reader, labels: {tier: one}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sleep, "3600"]
            volumeMounts:
            - {name: words, mountPath: /words}
            - {name: hidden, mountPath: /hidden}
            - {name: about, mountPath: /about}
            - {name: later, mountPath: /later}
          volumes:
          - {name: words, configMap: {name: words}}
          - {name: hidden, secret: {secretName: hidden}}
          - {name: later, configMap: {name: later, optional: true}}
          - name: about
            downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
        """

    private static let waiting = """
        apiVersion: v1
        kind: Pod
        metadata: {name: waiting}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: c
            image: skiff.example/hello:1
            command: [sleep, "3600"]
            env: [{name: KEY, valueFrom: {configMapKeyRef: {name: absent, key: key}}}]
        """
}
