package struct ConditionTimeout: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// Waits until `condition` holds; throws with `what` and the last error when it still does not after `timeout`.
@concurrent
package func eventually(
    _ what: String, timeout: Duration = .seconds(30), condition: @Sendable () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    var lastError: (any Error)?
    while ContinuousClock.now < deadline {
        do {
            if try await condition() { return }
            lastError = nil
        } catch {
            lastError = error
        }
        try await Task.sleep(for: .milliseconds(100))
    }
    throw ConditionTimeout(
        description: "not within \(timeout): \(what)\(lastError.map { "; last error: \($0)" } ?? "")")
}
