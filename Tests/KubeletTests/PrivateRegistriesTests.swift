import APIMachinery
import Glibc
import Testing

@testable import Kubelet

@Suite struct `Private registries` {
    private func registries(_ text: String) throws -> PrivateRegistries {
        try PrivateRegistries(try Value(yaml: Array(text.utf8)))
    }

    @Test func `mirrors become hosts files and credentials a part of containerd's configuration`() throws {
        let found = try registries(
            """
            mirrors:
              docker.io: {endpoint: ["http://127.0.0.1:5000/", "mirror.example/v2"]}
              "*": {endpoint: "http://127.0.0.1:5001"}
            configs:
              127.0.0.1:5000:
                auth: {username: me, password: 'a"b\\c'}
              mirror.example:
                tls: {ca_file: /etc/ca.pem, insecure_skip_verify: true}
            """)
        let files = found.hostFiles
        #expect(files.map(\.directory) == ["docker.io", "_default", "mirror.example"])
        #expect(
            files[0].text == """
                server = "https://registry-1.docker.io"

                [host."http://127.0.0.1:5000"]
                  capabilities = ["pull", "resolve"]

                [host."https://mirror.example"]
                  capabilities = ["pull", "resolve"]
                  ca = ["/etc/ca.pem"]
                  skip_verify = true

                """)
        #expect(!files[1].text.contains("server ="))
        #expect(
            found.loginTables == """
                [plugins."io.containerd.grpc.v1.cri".registry.configs."127.0.0.1:5000".auth]
                username = "me"
                password = "a\\"b\\\\c"

                """)
    }

    @Test(arguments: [
        ("mirror: {}", "unknown section mirror; there are mirrors and configs"),
        ("mirrors: [a]", "mirrors must hold keys and values"),
        (#"mirrors: {a: {endpoint: ["ftp://x"]}}"#, "mirrors.a.endpoint must be URLs such as http://127.0.0.1:5000"),
        ("mirrors: {a: {rewrite: {}}}", "mirrors.a.rewrite is not supported by containerd; only endpoint is"),
        ("configs: {a: {auth: {user: x}}}", "unknown field configs.a.auth.user"),
    ])
    func `a mistake is named`(text: String, problem: String) {
        #expect(throws: PrivateRegistries.Problem(text: problem)) { try registries(text) }
    }

    @Test func `an absent file is no error and files that are no longer wanted go away`() throws {
        #expect(try PrivateRegistries(path: "/nonexistent/registries.yaml") == PrivateRegistries())
        var template = Array("/tmp/skiff-registries-XXXXXX".utf8CString)
        let directory = String(cString: try #require(mkdtemp(&template)))
        defer { try? FileSystem.remove(directory) }
        try registries("mirrors: {a.example: {endpoint: http://127.0.0.1:1}}").write(to: directory)
        #expect(FileSystem.text(directory + "/a.example/hosts.toml")?.contains("127.0.0.1:1") == true)
        try PrivateRegistries().write(to: directory)
        #expect(FileSystem.entries(directory).isEmpty)
    }
}
