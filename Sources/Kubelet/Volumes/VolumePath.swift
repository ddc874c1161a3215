internal import CLinux
internal import Glibc

/// Files of a volume whose content somebody else may have written.
enum VolumePath {
    /// The text of a regular file, which links cannot move out of the volume; `nil` where there is none. Blocks.
    static func text(_ path: String, in volume: String, bytesMax: Int) -> String? {
        let directory = open(volume, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return nil }
        defer { close(directory) }
        // Not to wait for the other end of a pipe.
        let flags = O_RDONLY | O_NONBLOCK
        let descriptor = clinux_open_within(directory, path, flags, UInt32(CLINUX_BENEATH))
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size <= bytesMax else {
            return nil
        }
        return String(decoding: FileSystem.readAll(descriptor: descriptor, bytesMax: bytesMax), as: UTF8.self)
    }
}
