internal import Synchronization

/// Looks at the chains of all tables now and then. Beside the loop that writes rules: nft takes its time where there are
/// many chains, and no change waits for that.
final class FirewallWatch: Sendable {
    /// How long somebody may have to wait until rules that another program threw away are back.
    private static let interval = Duration.seconds(60)

    private let chains = Mutex<[UInt8]?>(nil)

    /// Lists chains until the task is cancelled, and calls `onNews` after each time.
    func run(_ kernel: ServiceProxyService.Kernel, onNews: () -> Void) async {
        while !Task.isCancelled {
            if let listed = try? await kernel.chains() {
                chains.withLock { $0 = listed }
                onNews()
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// What was seen since the last call.
    func take() -> [UInt8]? {
        chains.withLock { chains in
            defer { chains = nil }
            return chains
        }
    }
}
