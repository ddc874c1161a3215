internal import KubeAPI
internal import KubeClient
internal import Logging

/// Says so when a Service or a pod gets a port of the node on which another program listens: from then on connections
/// reach the Service, and the program waits in vain.
struct PortConflicts {
    let kernel: ServiceProxyService.Kernel
    let events: EventRecorder
    let logger: Logger
    private var told: [RuleSet.Source: Set<String>] = [:]

    init(kernel: ServiceProxyService.Kernel, events: EventRecorder, logger: Logger) {
        self.kernel = kernel
        self.events = events
        self.logger = logger
    }

    /// `ports`: of each source, as keys of the table, `tcp . 30080`. Each is told once, as long as it stays.
    mutating func look(at ports: [RuleSet.Source: Set<String>]) async {
        var fresh: [RuleSet.Source: Set<String>] = [:]
        for (source, all) in ports {
            let new = all.subtracting(told[source] ?? [])
            told[source] = all.isEmpty ? nil : all
            if !new.isEmpty { fresh[source] = new }
        }
        guard !fresh.isEmpty else { return }
        let holders = await kernel.portHolders(Set(fresh.values.joined()))
        guard !holders.isEmpty else { return }
        for (source, keys) in fresh {
            for key in keys.sorted() {
                guard let holder = holders[key] else { continue }
                let words = key.split(separator: " ")
                let port = "\(words.last ?? "")/\((words.first ?? "").uppercased())"
                let message =
                    "port \(port) of the node is used by \(holder), which connections do not reach any more: "
                    + "choose another port, or stop that program"
                logger.warning("\(source.text): \(message)")
                if let reference = source.reference {
                    events.record(reference, .warning, reason: "PortInUse", message)
                }
            }
        }
    }
}

extension RuleSet.Source {
    fileprivate var text: String {
        switch self {
        case .service(let namespace, let name): "Service \(namespace)/\(name)"
        case .pod(let namespace, let name): "pod \(namespace)/\(name)"
        case .ranges: "ranges"
        }
    }

    fileprivate var reference: ObjectReference? {
        var reference = ObjectReference()
        reference.apiVersion = "v1"
        switch self {
        case .service(let namespace, let name):
            reference.kind = "Service"
            (reference.namespace, reference.name) = (namespace, name)
        case .pod(let namespace, let name):
            reference.kind = "Pod"
            (reference.namespace, reference.name) = (namespace, name)
        case .ranges: return nil
        }
        return reference
    }
}
