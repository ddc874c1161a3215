internal import APIMachinery

struct StorageClassStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout Value) {
        object.setDefaultString("reclaimPolicy", "Delete")
        object.setDefaultString("volumeBindingMode", "Immediate")
    }

    func validate(_ object: Value) -> [FieldError] {
        var errors: [FieldError] = []
        if object.text("provisioner").isEmpty { errors.append(.required("provisioner")) }
        let mode = object.text("volumeBindingMode")
        if !["Immediate", "WaitForFirstConsumer"].contains(mode) {
            errors.append(.notSupported("volumeBindingMode", mode, ["Immediate", "WaitForFirstConsumer"]))
        }
        return errors
    }

    func validateUpdate(_ object: Value, from old: Value) -> [FieldError] {
        var errors: [FieldError] = []
        if object["parameters"] != old["parameters"] {
            errors.append(.forbidden("parameters", "updates to parameters are forbidden."))
        }
        if object["provisioner"] != old["provisioner"] {
            errors.append(.forbidden("provisioner", "updates to provisioner are forbidden."))
        }
        if object["reclaimPolicy"] != old["reclaimPolicy"] {
            errors.append(.forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."))
        }
        return errors
    }
}

struct CSIDriverStrategy: ResourceStrategy {
    var allowsUnconditionalUpdate: Bool { false }

    func applyDefaults(_ object: inout Value) {
        object.editObject("spec") { spec in
            spec.setDefault("attachRequired", true)
            spec.setDefault("podInfoOnMount", false)
            spec.setDefault("storageCapacity", false)
            spec.setDefaultString("fsGroupPolicy", "ReadWriteOnceWithFSType")
            if spec.list("volumeLifecycleModes").isEmpty { spec["volumeLifecycleModes"] = ["Persistent"] }
            spec.setDefault("requiresRepublish", false)
            spec.setDefault("seLinuxMount", false)
        }
    }
}
