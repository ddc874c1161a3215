import Glibc
import Testing

@testable import Kubelet

@Suite struct `Files of the node agent` {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/skiff-kubelet-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let directory = String(cString: made)
        defer { try? FileSystem.remove(directory) }
        try body(directory)
    }

    @Test func `a volume's content changes all at once`() throws {
        try withDirectory { directory in
            let volume = AtomicDirectory(path: directory + "/volume", group: nil)
            var payload = VolumePayload()
            payload.files["a"] = VolumePayload.File(content: Array("1".utf8), mode: 0o644)
            payload.files["sub/b"] = VolumePayload.File(content: Array("2".utf8), mode: 0o600)
            try volume.write(payload)
            #expect(FileSystem.text(volume.path + "/a") == "1")
            #expect(FileSystem.text(volume.path + "/sub/b") == "2")
            let before = FileSystem.entries(volume.path)
            try volume.write(payload)
            #expect(FileSystem.entries(volume.path) == before)
            payload.files["a"] = nil
            payload.files["c"] = VolumePayload.File(content: Array("3".utf8), mode: 0o644)
            try volume.write(payload)
            #expect(FileSystem.text(volume.path + "/a") == nil)
            #expect(FileSystem.text(volume.path + "/c") == "3")
            #expect(FileSystem.entries(volume.path).filter { $0.hasPrefix("..") }.count == 2)
        }
    }

    @Test func `a log past its bound is put aside and five files stay`() throws {
        try withDirectory { directory in
            let log = directory + "/0.log"
            for number in 1...7 {
                try FileSystem.write(log, "\(number)".utf8)
                try LogRotation.putAside(log)
            }
            #expect(FileSystem.entries(directory) == ["0.log.1", "0.log.2", "0.log.3", "0.log.4"])
            #expect(FileSystem.text(log + ".1") == "7")
        }
    }

    @Test func `an archive can be read by tar`() throws {
        try withDirectory { directory in
            var tar = TarWriter()
            tar.addDirectory("d")
            tar.addFile("d/f", Array("content".utf8), isExecutable: true)
            try FileSystem.write(directory + "/a.tar", tar.finish())
            let program = try #require(Command.find("tar"))
            let said = try Command.runBlocking(program, ["-xOf", directory + "/a.tar", "d/f"])
            #expect(String(decoding: said, as: UTF8.self) == "content")
        }
    }

    @Test func `a program's failure says what it said`() throws {
        let shell = try #require(Command.find("sh"))
        let error = #expect(throws: CommandError.self) {
            try Command.runBlocking(shell, ["-c", "echo no >&2; exit 3"])
        }
        #expect(error?.exitCode == 3)
        #expect(error.map { String(decoding: $0.output, as: UTF8.self) } == "no\n")
    }

    @Test func `input reaches a program`() throws {
        let cat = try #require(Command.find("cat"))
        #expect(try Command.runBlocking(cat, [], input: Array("x".utf8)) == Array("x".utf8))
    }
}
