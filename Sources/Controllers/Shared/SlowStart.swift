/// Carries out equal operations in batches of 1, 2, 4, …: where all would fail (quota, admission), few are tried.
enum SlowStart {
    /// Operations in flight at once, at most.
    private static let batchMax = 64

    /// Runs `operation` up to `count` times. Stops after the batch in which one failed.
    /// Returns how many succeeded, and the first error.
    static func run(
        count: Int, operation: @escaping @Sendable (Int) async throws -> Void
    ) async -> (successes: Int, error: (any Error)?) {
        var successes = 0
        var started = 0
        var batch = min(1, count)
        while batch > 0 {
            let range = started..<(started + batch)
            let errors = await runBatch(range, operation)
            started += batch
            successes += batch - errors.count
            if let error = errors.first { return (successes, error) }
            batch = min(batch * 2, count - started, batchMax)
        }
        return (successes, nil)
    }

    /// Runs all of `range` at once and collects the errors.
    static func runBatch(
        _ range: Range<Int>, _ operation: @escaping @Sendable (Int) async throws -> Void
    ) async -> [any Error] {
        await withTaskGroup(of: (any Error)?.self) { group in
            for index in range {
                group.addTask {
                    do {
                        try await operation(index)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var errors: [any Error] = []
            for await error in group { if let error { errors.append(error) } }
            return errors
        }
    }
}
