import APIMachinery
import APIServer
import Storage
import Testing
import Transport

private let configMaps = "/api/v1/namespaces/default/configmaps"

@Suite(.timeLimit(.minutes(1))) struct `Watches` {
    @Test func `show each change once and in order`() async throws {
        try await TestServer.with { test in
            let watch = await test.watch(configMaps + "?resourceVersion=\(test.store.revision)")
            _ = await test.post(configMaps, Sample.configMap("a"))
            _ = await test.patch(configMaps + "/a", .merge, ["data": ["k": "w"]])
            _ = await test.delete(configMaps + "/a")
            try await watch.expect("ADDED a")
            try await watch.expect("MODIFIED a")
            let last = try #require(try await watch.next())
            #expect(last["type"] == "DELETED")
            #expect(last[path: "object", "metadata", "resourceVersion"]?.string == String(test.store.revision))
        }
    }

    @Test func `a streaming list ends with a marked bookmark`() async throws {
        try await TestServer.with { test in
            _ = await test.post(configMaps, Sample.configMap("a"))
            _ = await test.post(configMaps, Sample.configMap("b"))
            let watch = await test.watch(
                configMaps
                    + "?sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
            try await watch.expect("ADDED a")
            try await watch.expect("ADDED b")
            let bookmark = try #require(try await watch.next())
            #expect(bookmark["type"] == "BOOKMARK")
            let metadata = try #require(bookmark[path: "object", "metadata"])
            #expect(metadata["resourceVersion"]?.string == String(test.store.revision))
            #expect(metadata["annotations"]?["k8s.io/initial-events-end"] == "true")
            _ = await test.post(configMaps, Sample.configMap("c"))
            try await watch.expect("ADDED c")
        }
    }

    @Test func `objects enter and leave a selection`() async throws {
        try await TestServer.with { test in
            let watch = await test.watch(configMaps + "?labelSelector=x&resourceVersion=\(test.store.revision)")
            _ = await test.post(configMaps, Sample.configMap("a"))
            _ = await test.patch(configMaps + "/a", .merge, ["metadata": ["labels": ["x": "1"]]])
            _ = await test.patch(configMaps + "/a", .merge, ["data": ["k": "w"]])
            _ = await test.patch(configMaps + "/a", .merge, ["metadata": ["labels": ["x": .null]]])
            _ = await test.delete(configMaps + "/a")
            try await watch.expect("ADDED a")
            try await watch.expect("MODIFIED a")
            let left = try #require(try await watch.next())
            #expect(left["type"] == "DELETED")
            #expect(left[path: "object", "metadata", "labels", "x"] == "1", "shown as the client knew it")
            #expect(
                left[path: "object", "metadata", "resourceVersion"]?.string == String(test.store.revision - 1),
                "at the revision of the change")
        }
    }

    @Test func `end at their timeout`() async throws {
        try await TestServer.with { test in
            let watch = await test.watch(configMaps + "?timeoutSeconds=1&resourceVersion=\(test.store.revision)")
            let event = try await watch.next()
            #expect(event == nil)
        }
    }

    @Test func `from the beginning show what is there`() async throws {
        try await TestServer.with { test in
            let watch = await test.watch("/api/v1/namespaces?resourceVersion=0")
            var names: [String?] = []
            for _ in 0..<4 { names.append(try await watch.nextLine()) }
            #expect(
                names == ["ADDED default", "ADDED kube-node-lease", "ADDED kube-public", "ADDED kube-system"])
        }
    }
}
