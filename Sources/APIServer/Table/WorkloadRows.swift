internal import APIMachinery

/// Rows of apps, batch and autoscaling.
enum WorkloadRows {
    private static func wide(_ object: PrintedObject) -> [Value] {
        object.containers("spec", "template", "spec", "containers")
    }

    static func deployment(_ object: PrintedObject) -> PrintedRow {
        let ready = "\(object.int("status", "readyReplicas"))/\(object.int("spec", "replicas"))"
        return PrintedRow(
            [
                object.name, .string(ready), .int(object.int("status", "updatedReplicas")),
                .int(object.int("status", "availableReplicas")), object.age,
            ] + wide(object) + [object.selector("spec", "selector")]
        )
    }

    static func replicaSet(_ object: PrintedObject) -> PrintedRow {
        PrintedRow(replicas(object) + wide(object) + [object.selector("spec", "selector")])
    }

    static func replicationController(_ object: PrintedObject) -> PrintedRow {
        PrintedRow(replicas(object) + wide(object) + [object.labels("spec", "selector")])
    }

    private static func replicas(_ object: PrintedObject) -> [Value] {
        [
            object.name, .int(object.int("spec", "replicas")), .int(object.int("status", "replicas")),
            .int(object.int("status", "readyReplicas")), object.age,
        ]
    }

    static func daemonSet(_ object: PrintedObject) -> PrintedRow {
        let counts = [
            "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled",
            "numberAvailable",
        ]
        return PrintedRow(
            [object.name] + counts.map { .int(object.int("status", $0)) }
                + [object.labels("spec", "template", "spec", "nodeSelector"), object.age]
                + wide(object) + [object.selector("spec", "selector")]
        )
    }

    static func statefulSet(_ object: PrintedObject) -> PrintedRow {
        let ready = "\(object.int("status", "readyReplicas"))/\(object.int("spec", "replicas"))"
        return PrintedRow([object.name, .string(ready), object.age] + wide(object))
    }

    static func controllerRevision(_ object: PrintedObject) -> PrintedRow {
        var owner = "<none>"
        let controller = object.list("metadata", "ownerReferences").first { $0["controller"]?.bool == true }
        if let controller {
            let apiVersion = controller["apiVersion"]?.string ?? ""
            let group = apiVersion.contains("/") ? "." + apiVersion.prefix { $0 != "/" } : ""
            owner = (controller["kind"]?.string ?? "").lowercased() + group + "/" + (controller["name"]?.string ?? "")
        }
        return PrintedRow([object.name, .string(owner), .int(object.int("revision")), object.age])
    }

    static func job(_ object: PrintedObject) -> PrintedRow {
        let succeeded = object.int("status", "succeeded")
        let parallelism = object.int("spec", "parallelism")
        let completions: String
        if let wanted = object["spec", "completions"]?.int {
            completions = "\(succeeded)/\(wanted)"
        } else {
            completions = parallelism > 1 ? "\(succeeded)/1 of \(parallelism)" : "\(succeeded)/1"
        }
        return PrintedRow(
            [
                object.name, .string(state(ofJob: object)), .string(completions), .string(duration(ofJob: object)),
                object.age,
            ] + wide(object) + [object.selector("spec", "selector")]
        )
    }

    private static func state(ofJob job: PrintedObject) -> String {
        if job.isConditionTrue("Complete") { return "Complete" }
        if job.isConditionTrue("Failed") { return "Failed" }
        if job.isBeingDeleted { return "Terminating" }
        return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].first { job.isConditionTrue($0) } ?? "Running"
    }

    private static func duration(ofJob job: PrintedObject) -> String {
        guard let start = job["status", "startTime"]?.string.flatMap({ Time($0) }) else { return "" }
        let end = job["status", "completionTime"]?.string.flatMap { Time($0) }
        return HumanDuration.text((end ?? job.now) - start)
    }

    static func cronJob(_ object: PrintedObject) -> PrintedRow {
        let lastRun = object["status", "lastScheduleTime"]?.string
        let suspended = object["spec", "suspend"]?.bool.map { $0 ? "True" : "False" } ?? "<unset>"
        return PrintedRow(
            [
                object.name, .string(object.string("spec", "schedule")),
                object.string("spec", "timeZone", or: "<none>"),
                .string(suspended), .int(object.count("status", "active")),
                .string(lastRun == nil ? "<none>" : object.since(object["status", "lastScheduleTime"])), object.age,
            ] + object.containers("spec", "jobTemplate", "spec", "template", "spec", "containers")
                + [object.selector("spec", "jobTemplate", "spec", "selector")]
        )
    }

    static func autoscaler(_ shown: PrintedObject) -> PrintedRow {
        // Version 1 keeps most metrics in annotations.
        let isFirst = shown.string("apiVersion") == "autoscaling/v1"
        let object = isFirst ? PrintedObject(value: AutoscalerAnnotations.expanded(shown.value), now: shown.now) : shown
        let target =
            object.string("spec", "scaleTargetRef", "kind") + "/" + object.string("spec", "scaleTargetRef", "name")
        return PrintedRow([
            object.name, .string(target), .string(AutoscalerMetrics.text(object)),
            .string(object["spec", "minReplicas"]?.int.map(String.init) ?? "<unset>"),
            .int(object.int("spec", "maxReplicas")), .int(object.int("status", "currentReplicas")), object.age,
        ])
    }
}

/// The `Targets` of an autoscaler: current against wanted value of each metric.
enum AutoscalerMetrics {
    static func text(_ object: PrintedObject) -> String {
        let metrics = object.list("spec", "metrics")
        if metrics.isEmpty { return "<none>" }
        let statuses = object.list("status", "currentMetrics")
        let texts = metrics.enumerated().map { index, metric in
            one(metric, index < statuses.count ? statuses[index] : nil)
        }
        let shown = texts.prefix(2).joined(separator: ", ")
        return texts.count > 2 ? shown + " + \(texts.count - 2) more..." : shown
    }

    private static func one(_ metric: Value, _ status: Value?) -> String {
        let type = metric["type"]?.string ?? ""
        let key = type.prefix(1).lowercased() + type.dropFirst()
        guard let source = metric[key], let target = source["target"] else { return "<unknown type>" }
        let current = status?[key]?["current"]
        let prefix = ["resource", "containerResource"].contains(key) ? (source["name"]?.string ?? "") + ": " : ""
        if let wanted = target["averageUtilization"]?.int {
            let now = current?["averageUtilization"]?.int.map { "\($0)%" } ?? "<unknown>"
            return "\(prefix)\(now)/\(wanted)%"
        }
        if let wanted = target["averageValue"]?.string {
            let suffix = key == "pods" || !prefix.isEmpty ? "" : " (avg)"
            return "\(prefix)\(current?["averageValue"]?.string ?? "<unknown>")/\(wanted)\(suffix)"
        }
        return "\(prefix)\(current?["value"]?.string ?? "<unknown>")/\(target["value"]?.string ?? "<auto>")"
    }
}
