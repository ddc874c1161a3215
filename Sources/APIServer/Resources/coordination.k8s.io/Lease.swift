internal import APIMachinery
internal import Storage

/// Heartbeats: batched, so that an idle cluster does not write to its disk all the time.
struct LeaseStrategy: ResourceStrategy {
    var allowsCreateOnUpdate: Bool { true }
    var allowsUnconditionalUpdate: Bool { false }
    var durability: StoreWrite.Durability { .batched }
    var metadataOnUpdate: MetadataRepetition { .update }

    /// Coordinated elections are a feature that is not on.
    private static let offFields = ["strategy", "preferredHolder"]

    func prepareForCreate(_ object: inout Value) { dropOffFields(&object) }

    func prepareForUpdate(_ object: inout Value, from old: Value) {
        guard Self.offFields.allSatisfy({ old["spec"]?.present($0) == nil }) else { return }
        dropOffFields(&object)
    }

    private func dropOffFields(_ object: inout Value) {
        guard let spec = object["spec"], Self.offFields.contains(where: { spec[$0] != nil }) else { return }
        object.edit("spec") { spec in
            for field in Self.offFields { spec[field] = nil }
        }
    }

    func validate(_ object: Value) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if let seconds = spec["leaseDurationSeconds"]?.int, seconds <= 0 {
            errors.append(.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
        }
        if let transitions = spec["leaseTransitions"]?.int, transitions < 0 {
            errors.append(.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
        }
        return errors
    }
}
