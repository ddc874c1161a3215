internal import APIMachinery
internal import CRI
internal import Foundation
internal import KubeAPI
internal import Logging
internal import Testing

@testable import Kubelet

@Suite struct `Credentials and records of images` {
    private func credential(_ key: String, _ user: String = "u", secret: String = "s") -> PullCredential {
        PullCredential(
            key: key, username: user, password: "p", identityToken: "",
            source: PullCredential.Source(uid: "1", namespace: "n", name: secret))
    }

    @Test(arguments: [
        ("nginx", "docker.io/library/nginx"), ("nginx:1.14.2", "docker.io/library/nginx"),
        ("team/app:1", "docker.io/team/app"), ("localhost:5000/a:1", "localhost:5000/a"),
        ("gcr.io/a/b@sha256:0123", "gcr.io/a/b"), ("docker.io/nginx:1", "docker.io/library/nginx"),
    ])
    func `a name's repository has neither tag nor digest`(image: String, repository: String) {
        #expect(ImageReference.repository(image) == repository)
    }

    @Test(arguments: [
        ("private.example", "private.example/team/app", true), ("private.example", "private.example:5000/app", false),
        ("*.example", "private.example/team/app", true), ("*.example", "a.private.example/app", false),
        ("private.example/team", "private.example/team/app", true),
        ("private.example/other", "private.example/team/app", false),
        ("p?ivate.*:5000", "private.example:5000/app", true), ("docker.io", "docker.io/library/nginx", true),
    ])
    func `a login is for a host, a port and a path`(key: String, repository: String, matches: Bool) {
        #expect(PullCredential.matches(key, repository) == matches)
    }

    @Test
    func `the most specific login comes first, Docker's own last`() {
        let all = [credential("a.example"), credential("a.example/team/app"), credential("a.example/team")]
        #expect(
            PullCredential.matching("a.example/team/app", in: all).map(\.key)
                == ["a.example/team/app", "a.example/team", "a.example"])
        let hub = [credential("index.docker.io")]
        #expect(PullCredential.matching("docker.io/library/nginx", in: hub) == hub)
        #expect(PullCredential.matching("a.example/nginx", in: hub) == [])
    }

    @Test(arguments: [
        ("https://index.docker.io/v1/", "index.docker.io"), ("a.example/v2/team", "a.example/team"),
        ("http://a.example:5000", "a.example:5000"), ("a.example/team", "a.example/team"),
    ])
    func `a server's address becomes a key`(server: String, key: String) {
        #expect(PullCredential.key(server) == key)
    }

    @Test
    func `secrets of both types are read, and what is bad in them passed over`() {
        var secret = Secret()
        secret.type = "kubernetes.io/dockerconfigjson"
        secret.data[".dockerconfigjson"] = Array(
            #"{"auths":{"a.example":{"auth":"dTpwOnE="},"b.example":{"auth":"!"},"c.example":{"username":"x"}}}"#.utf8)
        let found = PullCredential.read(secret)
        #expect(found.map(\.key) == ["a.example", "c.example"])
        #expect(found.map(\.username) == ["u", "x"])
        #expect(found.map(\.password) == ["p:q", ""])
        secret.type = "kubernetes.io/dockercfg"
        #expect(PullCredential.read(secret).isEmpty)
        secret.data[".dockercfg"] = Array(#"{"a.example":{"username":"u","password":"p"}}"#.utf8)
        #expect(PullCredential.read(secret).map(\.username) == ["u"])
        secret.type = "Opaque"
        #expect(PullCredential.read(secret).isEmpty)
    }

    @Test
    func `a record keeps its secrets within bounds, and survives its file`() throws {
        var record = ImageRecord(id: "sha256:1")
        for number in 1...5 { record.add(credential("a", secret: "s\(number)"), to: "a/b", secretsMax: 3) }
        record.add(credential("a", "new", secret: "s5"), to: "a/b", secretsMax: 3)
        #expect(record.repositories["a/b"]?.secrets.map(\.source.name) == ["s3", "s4", "s5"])
        #expect(record.repositories["a/b"]?.secrets.last?.hash == credential("a", "new").hash)
        record.add(nil, to: "c/d", secretsMax: 3)
        #expect(record.repositories["c/d"]?.isForAll == true)
        #expect(ImageRecord(json: record.json.jsonBytes()) == record)
        #expect(ImageRecord(json: Array("{".utf8)) == nil)
    }

    @Test
    func `an image is for who pulled it, also after a restart, until it goes`() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "skiff-access-\(UUID().uuidString)").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let client = try CRIClient(socketPath: "/nowhere")
        func open() -> ImageAccess {
            ImageAccess(directory: directory, cri: client, logger: Logger(label: "test"))
        }
        let (own, other) = (credential("a.example", secret: "own"), credential("a.example", "x", secret: "other"))
        var access = open()
        func permits(_ credentials: [PullCredential], _ repository: String = "a.example/app") async -> Bool {
            await access.permits("a.example/app:1", id: "sha256:1", repository: repository, credentials: credentials)
        }
        #expect(await permits([]), "nobody pulled it: it was loaded")
        try await access.begin("a.example/app:1")
        #expect(await permits([]) == false, "it may be there because of the pull under way")
        await access.pulled("a.example/app:1", id: "sha256:1", repository: "a.example/app", with: own)
        for _ in 1...2 {
            #expect(await permits([]) == false)
            #expect(await permits([other]) == false)
            #expect(await permits([own]))
            #expect(await permits([credential("a.example", secret: "copy")]), "the same login in another secret")
            #expect(await permits([credential("a.example", "new", secret: "own")]), "the secret with a new login")
            #expect(await permits([own], "b.example/app") == false, "the same image by another name")
            access = open()
        }
        let mode = try FileManager.default.attributesOfItem(atPath: directory + "/pulled/sha256-1")[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let before = ContinuousClock.now
        await access.pulled("b:1", id: "sha256:2", repository: "b", with: own)
        await access.retain([], asOf: before)
        #expect(FileManager.default.fileExists(atPath: directory + "/pulled/sha256-2"), "newer than the list")
        await access.retain([], asOf: .now)
        #expect(await permits([]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/pulled").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/pulling").isEmpty)
    }

    @Test
    func `a pull that never ended leaves no image for all`() async throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "skiff-access-\(UUID().uuidString)").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let client = try CRIClient(socketPath: "/nowhere")
        let logger = Logger(label: "test")
        try await ImageAccess(directory: directory, cri: client, logger: logger).begin("a.example/app:1")
        let next = ImageAccess(directory: directory, cri: client, logger: logger)
        #expect(
            await next.permits("a.example/app:1", id: "sha256:1", repository: "a.example/app", credentials: []) == false
        )
    }
}
