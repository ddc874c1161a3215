internal import APIMachinery
internal import Testing

@testable internal import Cluster

@Suite struct `Kubeconfig file` {
    private static let others = """
        apiVersion: v1
        kind: Config
        clusters:
        - {name: work, cluster: {server: "https://work.example"}}
        contexts:
        - {name: work, context: {cluster: work, user: me}}
        users:
        - {name: me, user: {token: secret}}
        current-context: work
        preferences: {colors: true}
        """

    private func merged(_ text: String, into name: String = "skiff") throws -> Kubeconfig {
        var kubeconfig = try Kubeconfig(yaml: Array(text.utf8))
        kubeconfig.set(
            name, server: "https://127.0.0.1:6443", caPEM: Array("ca".utf8), certificatePEM: Array("cert".utf8),
            keyPEM: Array("key".utf8)
        )
        return kubeconfig
    }

    @Test func `gets our entries and keeps the others'`() throws {
        let kubeconfig = try merged(Self.others)
        let read = try Value(yaml: kubeconfig.yaml)
        #expect(read["clusters"]?.array?.count == 2)
        #expect(read["users"]?.array?.first?[path: "user", "token"]?.string == "secret")
        #expect(read[path: "preferences", "colors"]?.bool == true)
        #expect(read["current-context"]?.string == "skiff")
        let cluster = try #require(read["clusters"]?.array?.last)
        #expect(cluster[path: "cluster", "server"]?.string == "https://127.0.0.1:6443")
        #expect(cluster[path: "cluster", "certificate-authority-data"]?.string == "Y2E=")
    }

    @Test func `is the same when merged twice, and the namespace chosen for the context stays`() throws {
        let once = String(decoding: try merged(Self.others).yaml, as: UTF8.self)
        #expect(String(decoding: try merged(once).yaml, as: UTF8.self) == once)
        var value = try Value(yaml: Array(once.utf8))
        var contexts = try #require(value["contexts"]?.array)
        contexts[1].set("team", at: ["context", "namespace"])
        value["contexts"] = .array(contexts)
        let again = try merged(value.yaml())
        #expect(again.value["contexts"]?.array?.last?[path: "context", "namespace"]?.string == "team")
    }

    @Test func `loses only our entries`() throws {
        var kubeconfig = try merged(Self.others)
        kubeconfig.remove("skiff")
        #expect(!kubeconfig.contains("skiff"))
        #expect(!kubeconfig.isEmpty)
        #expect(kubeconfig.value["current-context"]?.string == "")
        kubeconfig.setCurrent("work")
        kubeconfig.remove("skiff")
        #expect(kubeconfig.value["current-context"]?.string == "work")
        var alone = try merged("")
        alone.remove("skiff")
        #expect(alone.isEmpty)
    }

    @Test(arguments: ["[1]", "clusters: 3", "a: ["])
    func `that makes no sense is not touched`(text: String) {
        #expect(throws: (any Error).self) { try Kubeconfig(yaml: Array(text.utf8)) }
    }
}

@Suite struct `Status report` {
    @Test func `says sizes and times as people do`() {
        #expect(StatusReport.text(bytes: 0) == "0.0 MiB")
        #expect(StatusReport.text(bytes: 3 << 19) == "1.5 MiB")
        #expect(StatusReport.text(bytes: 64 << 20) == "64 MiB")
        #expect(StatusReport.text(seconds: 5) == "5 s")
        #expect(StatusReport.text(seconds: 7260) == "2 h 1 min")
    }
}
