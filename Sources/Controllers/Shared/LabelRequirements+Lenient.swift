internal import APIMachinery

extension LabelRequirements {
    /// A selector of a stored object. Matches nothing where it is missing, empty or (which validation prevents)
    /// malformed: a controller must never take every pod for its own.
    init(lenient selector: LabelSelector?) {
        guard let selector, !(selector.matchLabels.isEmpty && selector.matchExpressions.isEmpty),
            let requirements = try? LabelRequirements(selector)
        else {
            self = .nothing
            return
        }
        self = requirements
    }

    /// The plain form of older kinds: every label must be there with this value.
    init(equalTo labels: [String: String]) {
        var selector = LabelSelector()
        selector.matchLabels = labels
        self.init(lenient: selector)
    }
}
