internal import Glibc
internal import Logging
internal import Storage

// Writes objects to the store in the directory named by its argument until it is killed, several at a time. Each key
// is printed once its write has been acknowledged. `StoreCrashTests` kills it and looks for what was printed.

let arguments = CommandLine.arguments
let store = try await SQLiteStore.open(directory: arguments[1], logger: Logger(label: "store-writer"))
let run = arguments[2]

/// One `write` call a line, so that a kill cuts between lines.
@Sendable func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

say("revision \(store.revision)")
await withTaskGroup(of: Void.self) { group in
    for writer in 0..<8 {
        group.addTask {
            for number in 0..<1_000_000 {
                let key = "/registry/configmaps/default/\(run)-\(writer)-\(number)"
                let value = UnrevisionedValue(bytes: Array(#"{"resourceVersion":""}"#.utf8), revisionOffset: 20)
                // Every fourth write is a batched one, which may be lost, but whose revision must not come again.
                let isBatched = number % 4 == 3
                do {
                    let stored = try await store.write(
                        StoreWrite(
                            key: key, operation: .put(value), precondition: .absent,
                            durability: isBatched ? .batched : .durable
                        )
                    )
                    say("\(isBatched ? "batched" : "durable") \(key) \(stored.revision)")
                } catch {
                    say("failed \(error)")
                    return
                }
            }
        }
    }
}
