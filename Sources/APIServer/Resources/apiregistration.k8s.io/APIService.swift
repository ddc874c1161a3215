internal import APIMachinery

struct APIServiceStrategy: ResourceStrategy {
    var allowsUnconditionalUpdate: Bool { false }

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.edit("service") { $0.setDefault("port", 443) }
        }
    }
}
