internal import Glibc
internal import Synchronization

/// Tells whoever started the server how far it is, line by line over a pipe, until the node is Ready.
final class Progress: Sendable {
    /// What a line begins with.
    enum Word: String {
        /// A stage has been reached.
        case stage
        /// The cluster is ready for use: nothing follows.
        case ready
        /// The server cannot start, for this reason: nothing follows.
        case failed
    }

    private let descriptor: Mutex<Int32>

    /// `nil` where nobody listens.
    init(descriptor: Int32?) {
        self.descriptor = Mutex(descriptor ?? -1)
        // The listener may be gone; that must not end the server.
        signal(SIGPIPE, SIG_IGN)
        if let descriptor { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }

    func report(_ word: Word, _ text: String = "") {
        let line = Array("\(word.rawValue) \(text.replacing("\n", with: " "))\n".utf8)
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            _ = Glibc.write(descriptor, line, line.count)
            if word != .stage {
                close(descriptor)
                descriptor = -1
            }
        }
    }
}

extension String {
    /// This text with every `character` exchanged.
    fileprivate func replacing(_ character: Character, with other: Character) -> String {
        String(map { $0 == character ? other : $0 })
    }
}
