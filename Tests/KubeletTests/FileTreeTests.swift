internal import APIMachinery
internal import Foundation
internal import KubeAPI
internal import Synchronization
internal import Testing

@testable import Kubelet

/// File work on trees that somebody else may change meanwhile.
@Suite struct `Trees of files` {
    @Test func `a subPath stays in its volume while a directory is swapped for a link`() throws {
        try Scratch.with { scratch in
            let (volume, outside) = (scratch + "/volume", scratch + "/outside")
            for directory in [volume + "/real/b", outside + "/b"] {
                try FileSystem.createDirectory(directory)
            }
            let isDone = Mutex(false)
            let swapper = Thread {
                var isReal = true
                while !isDone.withLock({ $0 }) {
                    unlink(volume + "/next")
                    symlink(isReal ? "real" : outside, volume + "/next")
                    rename(volume + "/next", volume + "/a")
                    isReal.toggle()
                }
            }
            symlink("real", volume + "/a")
            swapper.start()
            defer { isDone.withLock { $0 = true } }
            var (inside, refused) = (0, 0)
            for _ in 0..<5000 {
                guard let descriptor = try? SubPath(volume: volume, subPath: "a/b").open() else {
                    refused += 1
                    continue
                }
                defer { close(descriptor) }
                let found = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
                #expect(found == volume + "/real/b")
                inside += 1
            }
            #expect(inside > 0 && refused > 0, "the swap was seen in both states: \(inside), \(refused)")
        }
    }

    @Test(arguments: ["out", "up", "far/b", "file", "again", "magic"])
    func `a subPath through a link that leads out is refused`(_ name: String) throws {
        try Scratch.with { scratch in
            let volume = scratch + "/volume"
            try FileSystem.createDirectory(volume)
            try FileSystem.createDirectory(scratch + "/outside/b")
            try FileSystem.write(scratch + "/outside/file", [])
            symlink(scratch + "/outside", volume + "/out")
            symlink("..", volume + "/up")
            symlink("../outside", volume + "/far")
            symlink(scratch + "/outside/file", volume + "/file")
            symlink("again", volume + "/again")
            symlink("/proc/self/root", volume + "/magic")
            #expect(throws: ConfigurationError.self) { try SubPath(volume: volume, subPath: name).open() }
            #expect(throws: (any Error).self) { try SubPath(volume: volume, subPath: name + "/new").open() }
            #expect(FileSystem.entries(scratch + "/outside") == ["b", "file"], "nothing was made there")
        }
    }

    @Test func `a missing subPath is made with the volume's mode, and links within the volume are followed`() throws {
        try Scratch.with { scratch in
            let volume = scratch + "/volume"
            try FileSystem.createDirectory(volume, mode: 0o2770)
            try FileSystem.createDirectory(volume + "/there")
            symlink("there", volume + "/link")
            close(try SubPath(volume: volume, subPath: "link/x//./y").open())
            var info = stat()
            #expect(stat(volume + "/there/x/y", &info) == 0)
            #expect(info.st_mode & 0o7777 == 0o2770)
        }
    }

    @Test func `removal copes with any depth and leaves what links point to`() throws {
        try Scratch.with { scratch in
            let (tree, outside) = (scratch + "/tree", scratch + "/outside")
            try FileSystem.createDirectory(outside)
            try FileSystem.write(outside + "/kept", [])
            try FileSystem.createDirectory(tree)
            var current = open(tree, O_RDONLY | O_DIRECTORY)
            for _ in 0..<3000 {
                mkdirat(current, "directory", 0o755)
                symlinkat(outside, current, "link")
                let next = openat(current, "directory", O_RDONLY | O_DIRECTORY)
                close(current)
                current = next
            }
            close(current)
            try FileSystem.remove(tree)
            #expect(!FileSystem.exists(tree))
            #expect(FileSystem.exists(outside + "/kept"))
            try FileSystem.remove(tree)
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root")) func `removal stops at a mount, also of the same disk`() throws {
        try Scratch.with { scratch in
            let (tree, outside) = (scratch + "/tree", scratch + "/outside")
            try FileSystem.createDirectory(outside)
            try FileSystem.write(outside + "/kept", [])
            try FileSystem.createDirectory(tree + "/mounted here")
            try SubPath(volume: outside, subPath: ".").mount(at: tree + "/mounted here")
            #expect(throws: SystemError.self) { try FileSystem.remove(tree) }
            #expect(FileSystem.exists(outside + "/kept"))
            FileSystem.unmountAll(below: tree)
            try FileSystem.remove(tree)
            #expect(FileSystem.exists(outside + "/kept"))
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root")) func `a group gets a tree, but not what it links to`() throws {
        try Scratch.with { scratch in
            let (tree, outside) = (scratch + "/tree", scratch + "/outside")
            try FileSystem.createDirectory(outside, mode: 0o700)
            try FileSystem.write(outside + "/file", [], mode: 0o600)
            try FileSystem.createDirectory(tree + "/inner", mode: 0o700)
            try FileSystem.write(tree + "/inner/file", [], mode: 0o600)
            symlink(outside, tree + "/directory")
            symlink(outside + "/file", tree + "/inner/link")
            #expect(!FileTree.hasGroup(tree, 4321))
            try FileTree.setGroup(tree, 4321)
            #expect(FileTree.hasGroup(tree, 4321))
            func look(_ path: String) -> [UInt32] {
                var info = stat()
                lstat(path, &info)
                return [info.st_gid, info.st_mode & 0o7777]
            }
            #expect(look(tree + "/inner") == [4321, 0o2770])
            #expect(look(tree + "/inner/file") == [4321, 0o660])
            #expect(look(outside) == [0, 0o700])
            #expect(look(outside + "/file") == [0, 0o600])
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root")) func `emptyDir of huge pages takes the size that is asked for`()
        throws
    {
        try Scratch.with { scratch in
            var source = EmptyDirVolumeSource()
            source.medium = "HugePages"
            func make(_ sizes: Set<String>) throws {
                try EmptyDirectory(
                    path: scratch + "/pages", source: source, group: nil, memoryMax: 0, pageSizes: sizes
                ).make()
            }
            #expect(throws: ConfigurationError.self, "no container asks for any") { try make([]) }
            #expect(throws: ConfigurationError.self, "which of them?") { try make(["2Mi", "1Gi"]) }
            source.medium = "HugePages-1Gi"
            #expect(throws: ConfigurationError.self, "another size than asked for") { try make(["2Mi"]) }
            source.medium = "HugePages-2Mi"
            try make(["2Mi", "1Gi"])
            let mounts = FileSystem.text("/proc/self/mounts") ?? ""
            #expect(mounts.contains("\(scratch)/pages hugetlbfs") && mounts.contains("pagesize=2M"))
        }
    }

    @Test(.enabled(if: getuid() == 0, "needs root")) func `mounts are found behind a link, whatever their names`()
        throws
    {
        try Scratch.with { scratch in
            try FileSystem.createDirectory(scratch + "/real/a b")
            symlink("real", scratch + "/link")
            try FileSystem.createDirectory(scratch + "/other")
            try SubPath(volume: scratch + "/other", subPath: ".").mount(at: scratch + "/link/a b")
            #expect(FileSystem.isMountPoint(scratch + "/link/a b"))
            FileSystem.unmountAll(below: scratch + "/link")
            #expect(!FileSystem.isMountPoint(scratch + "/link/a b"))
            // Not where the machine's mounts are shared already, and else once.
            for _ in 0..<3 { try SharedMount.ensure(scratch + "/link/a b") }
            #expect(FileSystem.mounts(below: scratch + "/link").count <= 1)
            FileSystem.unmountAll(below: scratch + "/link")
            #expect(FileSystem.mounts(below: scratch).isEmpty)
        }
    }

    @Test func `local-path removes nothing but a volume's own directory`() throws {
        try Scratch.with { scratch in
            let directories = LocalPathDirectories(root: scratch + "/storage")
            let own = directories.path(volume: "pvc-1", claim: .init(namespace: "default", name: "data"))
            try directories.make(own)
            try FileSystem.createDirectory(scratch + "/pvc-1_x")
            for lie in [scratch, scratch + "/storage", own + "/..", scratch + "/pvc-1_x", own + "/../pvc-1_x"] {
                #expect(throws: ConfigurationError.self) { try directories.remove(lie, volume: "pvc-1") }
            }
            #expect(throws: ConfigurationError.self) { try directories.remove(own, volume: "pvc-2") }
            #expect(FileSystem.exists(own))
            try directories.remove(own, volume: "pvc-1")
            #expect(!FileSystem.exists(own))
            let long = directories.path(
                volume: "pvc-1", claim: ObjectKey(namespace: "n", name: String(repeating: "x", count: 253)))
            try directories.make(long)
        }
    }
}

/// A directory of a test's own.
private enum Scratch {
    static func with(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/skiff-tree-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer {
            FileSystem.unmountAll(below: directory)
            try? FileSystem.remove(directory)
        }
        try body(directory)
    }
}
