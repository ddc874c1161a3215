internal import Glibc

/// What the commands print with. Whole lines, unbuffered, so that a log and a pipe see them at once.
enum Terminal {
    static func say(_ line: String) {
        write(line, to: STDOUT_FILENO)
    }

    static func say(error line: String) {
        write(line, to: STDERR_FILENO)
    }

    /// A stage and its time, aligned.
    static func stage(_ text: String, after duration: Duration) {
        say("  \(seconds(duration))  \(text)")
    }

    /// `1.2 s`, right-aligned to seven columns.
    static func seconds(_ duration: Duration) -> String {
        let hundredths = duration.components.seconds * 100 + duration.components.attoseconds / 10_000_000_000_000_000
        let fraction = hundredths % 100
        let text = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }

    private static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        // A closed terminal has no one to tell.
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
