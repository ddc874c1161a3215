internal import Glibc

/// Signals as `lifecycle.stopSignal` names them.
enum StopSignal {
    /// The number of `SIGUSR1`, `SIGRTMIN+3` and the like on Linux; `nil` for a name that is none.
    static func number(_ name: String) -> UInt32? {
        if let number = numbers[name] { return UInt32(number) }
        // The C library keeps the first two real-time signals for itself.
        for (stem, base) in [("SIGRTMIN", 34), ("SIGRTMAX", 64)] where name.hasPrefix(stem) {
            let rest = name.dropFirst(stem.count)
            if rest.isEmpty { return UInt32(base) }
            guard let offset = Int(rest), (34...64).contains(base + offset) else { return nil }
            return UInt32(base + offset)
        }
        return nil
    }

    private static let numbers: [String: Int32] = [
        "SIGABRT": SIGABRT, "SIGALRM": SIGALRM, "SIGBUS": SIGBUS, "SIGCHLD": SIGCHLD, "SIGCLD": SIGCHLD,
        "SIGCONT": SIGCONT, "SIGFPE": SIGFPE, "SIGHUP": SIGHUP, "SIGILL": SIGILL, "SIGINT": SIGINT, "SIGIO": SIGIO,
        "SIGIOT": SIGABRT, "SIGKILL": SIGKILL, "SIGPIPE": SIGPIPE, "SIGPOLL": SIGIO, "SIGPROF": SIGPROF,
        "SIGPWR": SIGPWR, "SIGQUIT": SIGQUIT, "SIGSEGV": SIGSEGV, "SIGSTKFLT": SIGSTKFLT, "SIGSTOP": SIGSTOP,
        "SIGSYS": SIGSYS, "SIGTERM": SIGTERM, "SIGTRAP": SIGTRAP, "SIGTSTP": SIGTSTP, "SIGTTIN": SIGTTIN,
        "SIGTTOU": SIGTTOU, "SIGURG": SIGURG, "SIGUSR1": SIGUSR1, "SIGUSR2": SIGUSR2, "SIGVTALRM": SIGVTALRM,
        "SIGWINCH": SIGWINCH, "SIGXCPU": SIGXCPU, "SIGXFSZ": SIGXFSZ,
    ]
}
