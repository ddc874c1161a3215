internal import APIMachinery

struct APIServiceStrategy: ResourceStrategy {
    var allowsUnconditionalUpdate: Bool { false }
    /// `v1.` is the core group's.
    var nameRule: NameRule { .pathSegment }

    func applyDefaults(_ object: inout Value) {
        object.edit("spec") { spec in
            spec.edit("service") { $0.setDefault("port", 443) }
        }
    }

    /// What this server answers itself is there at once.
    func prepareForCreate(_ object: inout Value) {
        guard object["spec"]?.present("service") == nil else { return }
        object["status"] = [
            "conditions": [
                [
                    "type": "Available", "status": "True", "lastTransitionTime": .string(Time.now().description),
                    "reason": "Local", "message": "Local APIServices are always available",
                ]
            ]
        ]
    }
}
