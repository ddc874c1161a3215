internal import APIMachinery

/// The service account tokens in a pod's volumes, kept until they near their end:
/// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
struct VolumeTokens: Sendable {
    struct Key: Hashable, Sendable {
        let volume: String
        let path: String
    }

    struct Token: Sendable {
        let text: String
        let refreshAt: ContinuousClock.Instant

        /// Due at four fifths of its life, at the latest after a day; a tenth earlier at random, so that a node's pods
        /// do not all ask at once.
        init(text: String, life: Duration, now: ContinuousClock.Instant) {
            self.text = text
            let latest = min(life * 0.8, .seconds(86_400))
            refreshAt = now + latest * Double.random(in: 0.9...1)
        }
    }

    private var tokens: [Key: Token] = [:]

    /// The token to go on with; `nil` where a new one is due.
    func current(_ key: Key, now: ContinuousClock.Instant) -> String? {
        tokens[key].flatMap { $0.refreshAt > now ? $0.text : nil }
    }

    mutating func set(_ key: Key, _ token: Token) { tokens[key] = token }

    /// When the first of them is due.
    var refreshAt: ContinuousClock.Instant? { tokens.values.map(\.refreshAt).min() }
}
