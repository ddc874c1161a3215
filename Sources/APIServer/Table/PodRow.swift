internal import APIMachinery

/// What `kubectl get pods` shows of a pod: above all the one word for its state.
struct PodRow {
    private let pod: PrintedObject
    private var reason: String
    private var ready = 0
    private var restarts: Int64 = 0
    private var lastRestart: MicroTime?

    static func print(_ object: PrintedObject) -> PrintedRow {
        var row = PodRow(object)
        row.readContainers()
        return row.row
    }

    private init(_ pod: PrintedObject) {
        self.pod = pod
        reason = pod.string("status", "phase")
        let statusReason = pod.string("status", "reason")
        if !statusReason.isEmpty { reason = statusReason }
        if pod.condition("PodScheduled")?["reason"]?.string == "SchedulingGated" { reason = "SchedulingGated" }
    }

    private var row: PrintedRow {
        let total = pod.count("spec", "containers") + Int64(restartableInitNames.count)
        var restartText = "\(restarts)"
        if restarts != 0, let lastRestart {
            restartText += " (\(HumanDuration.text(pod.now - lastRestart.time)) ago)"
        }
        let address = pod.list("status", "podIPs").first?["ip"]?.string ?? pod.string("status", "podIP")
        return PrintedRow(
            [
                pod.name, .string("\(ready)/\(total)"), .string(state), .string(restartText), pod.age,
                .string(address.isEmpty ? "<none>" : address), pod.string("spec", "nodeName", or: "<none>"),
                pod.string("status", "nominatedNodeName", or: "<none>"), .string(readinessGates),
            ],
            conditions: completion
        )
    }

    /// The reason found in the containers, unless the pod is going away.
    private var state: String {
        guard pod.isBeingDeleted else { return reason }
        if pod.string("status", "reason") == "NodeLost" { return "Unknown" }
        return ["Succeeded", "Failed"].contains(pod.string("status", "phase")) ? reason : "Terminating"
    }

    private var readinessGates: String {
        let gates = pod.list("spec", "readinessGates")
        if gates.isEmpty { return "<none>" }
        let passed = gates.count { pod.isConditionTrue($0["conditionType"]?.string ?? "") }
        return "\(passed)/\(gates.count)"
    }

    private var completion: [Value] {
        switch pod.string("status", "phase") {
        case "Succeeded":
            [
                [
                    "type": "Completed", "status": "True", "reason": "Succeeded",
                    "message": "The pod has completed successfully.",
                ]
            ]
        case "Failed": [["type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."]]
        default: []
        }
    }

    /// Init containers that keep running beside the others (sidecars).
    private var restartableInitNames: Set<String> {
        Set(
            pod.list("spec", "initContainers").filter { $0["restartPolicy"]?.string == "Always" }
                .compactMap { $0["name"]?.string }
        )
    }

    private mutating func readContainers() {
        let isInitializing = readInitContainers()
        if isInitializing, !pod.isConditionTrue("Initialized") { return }
        var hasRunning = false
        // Backwards, so that the first container's reason wins.
        for status in pod.list("status", "containerStatuses").reversed() {
            count(status)
            let terminated = status[path: "state", "terminated"]
            if let waiting = status[path: "state", "waiting", "reason"]?.string, !waiting.isEmpty {
                reason = waiting
            } else if let ended = terminated?["reason"]?.string, !ended.isEmpty {
                reason = ended
            } else if let terminated {
                reason = Self.exit(terminated)
            } else if status["ready"]?.bool == true, status[path: "state", "running"] != nil {
                hasRunning = true
                ready += 1
            }
        }
        if reason == "Completed", hasRunning {
            reason = pod.isConditionTrue("Ready") ? "Running" : "NotReady"
        }
    }

    /// Finds the init container that the pod waits for. Once all are done, only restarts of sidecars count on.
    private mutating func readInitContainers() -> Bool {
        let restartable = restartableInitNames
        var sidecars = (restarts: Int64(0), last: MicroTime?.none)
        for (index, status) in pod.list("status", "initContainerStatuses").enumerated() {
            count(status)
            let isSidecar = restartable.contains(status["name"]?.string ?? "")
            if isSidecar {
                sidecars.restarts += status["restartCount"]?.int ?? 0
                if let finished = Self.lastFinish(status) {
                    sidecars.last = max(sidecars.last ?? finished, finished)
                }
            }
            let terminated = status[path: "state", "terminated"]
            if let terminated, terminated["exitCode"]?.int ?? 0 == 0 { continue }
            if isSidecar, status["started"]?.bool == true {
                if status["ready"]?.bool == true { ready += 1 }
                continue
            }
            if let terminated {
                let ended = terminated["reason"]?.string ?? ""
                reason = "Init:" + (ended.isEmpty ? Self.exit(terminated) : ended)
            } else if let waiting = status[path: "state", "waiting", "reason"]?.string,
                !waiting.isEmpty, waiting != "PodInitializing"
            {
                reason = "Init:" + waiting
            } else {
                reason = "Init:\(index)/\(pod.count("spec", "initContainers"))"
            }
            if pod.isConditionTrue("Initialized") { (restarts, lastRestart) = (sidecars.restarts, sidecars.last) }
            return true
        }
        (restarts, lastRestart) = (sidecars.restarts, sidecars.last)
        return false
    }

    private mutating func count(_ status: Value) {
        restarts += status["restartCount"]?.int ?? 0
        if let finished = Self.lastFinish(status) { lastRestart = max(lastRestart ?? finished, finished) }
    }

    private static func lastFinish(_ status: Value) -> MicroTime? {
        status[path: "lastState", "terminated", "finishedAt"]?.string.flatMap { MicroTime($0) }
    }

    private static func exit(_ terminated: Value) -> String {
        let signal = terminated["signal"]?.int ?? 0
        return signal != 0 ? "Signal:\(signal)" : "ExitCode:\(terminated["exitCode"]?.int ?? 0)"
    }
}
