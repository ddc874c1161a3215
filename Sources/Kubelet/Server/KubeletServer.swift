internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient
internal import Logging
package import Transport

/// The node agent's HTTP interface, with the kubelet's own paths: logs, exec, attach and port-forward of the pods on
/// this node, and its figures. Who may call is decided before a request gets here: by the API server in this process,
/// by `KubeletGate` on the node's own port.
package struct KubeletServer: HTTPHandler {
    let index: PodRuntimeIndex
    let pods: NodePods
    let cri: CRIClient
    let logger: Logger
    let logs: ContainerLogs
    let meter: ResourceMeter
    let probes: ProbeTotals
    let configuration: KubeletConfiguration
    let startTime = Time.now()

    init(
        index: PodRuntimeIndex, pods: NodePods, cri: CRIClient, meter: ResourceMeter, probes: ProbeTotals,
        configuration: KubeletConfiguration, logger: Logger
    ) {
        self.meter = meter
        self.probes = probes
        self.configuration = configuration
        self.index = index
        self.pods = pods
        self.cri = cri
        self.logger = logger
        logs = ContainerLogs(watcher: DirectoryWatcher(), endings: ContainerEndings(index: index))
    }

    package func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        // The task belongs to the request: it ends with the session, or when the client's connection does.
        Task { await serve(request, responder) }
    }

    private func serve(_ request: HTTPRequest, _ responder: any HTTPResponder) async {
        let parts = request.path.split(separator: "/").map { String($0).removingPercentEncoding }
        do {
            if try await serveDocument(parts, request, responder) { return }
            switch (parts.first, parts.count) {
            case ("containerLogs", 4): try await serveLogs(target(parts), request, responder)
            // The longer form names the pod's uid, too.
            case ("exec", 4...5), ("attach", 4...5):
                try await serveSession(target(parts), isExec: parts[0] == "exec", request, responder)
            case ("run", 4...5): try await serveRun(target(parts), request, responder)
            case ("portForward", 3...4): try await servePortForward(target(parts), request, responder)
            default: throw KubeletRefusal(404, "NotFound", "404 page not found")
            }
        } catch let refusal as KubeletRefusal {
            refusal.send(to: responder)
        } catch is CancellationError {
            logger.debug("client left", metadata: ["path": "\(request.path)"])
        } catch {
            KubeletRefusal(500, "InternalError", "\(error)").send(to: responder)
        }
    }

    private func target(_ parts: [String]) -> ContainerTarget {
        ContainerTarget(
            pod: ObjectKey(namespace: parts[1], name: parts[2]),
            container: parts.count > 3 ? parts[parts.count - 1] : ""
        )
    }
}

/// Which container a request is about.
struct ContainerTarget: Sendable {
    var pod: ObjectKey
    var container: String
}

/// An answer that refuses, sent as a `Status`: in one process it goes straight to the user.
struct KubeletRefusal: Error, Equatable {
    var code: Int
    var reason: String
    var message: String
    /// Sent as bare text, which clients put behind their own `unable to upgrade connection:`.
    var isPlain = false

    init(_ code: Int, _ reason: String, _ message: String) {
        self.code = code
        self.reason = reason
        self.message = message
    }

    static func badRequest(_ message: String) -> KubeletRefusal { KubeletRefusal(400, "BadRequest", message) }

    /// Why a session cannot be opened.
    static func noSession(_ message: String) -> KubeletRefusal {
        var refusal = KubeletRefusal(500, "InternalError", message)
        refusal.isPlain = true
        return refusal
    }

    func send(to responder: any HTTPResponder) {
        guard !isPlain else {
            return responder.respond(
                status: code, headers: ["Content-Type": "text/plain; charset=utf-8"],
                body: .bytes(Array(message.utf8))
            )
        }
        responder.respond(
            status: code, headers: ["Content-Type": "application/json"], body: .bytes(status.jsonBytes())
        )
    }

    private var status: Status {
        var status = Status()
        status.status = "Failure"
        status.message = message
        status.reason = reason
        status.code = Int32(code)
        return status
    }
}

/// The parameters of a request, decoded.
struct QueryParameters {
    private let items: [(name: String, value: String)]

    init(_ query: String?) {
        items = (query ?? "").split(separator: "&").map { item in
            let mark = item.utf8.firstIndex(of: UInt8(ascii: "="))
            func decoded(_ text: Substring) -> String {
                String(text.map { $0 == "+" ? " " : $0 }).removingPercentEncoding
            }
            return (
                name: decoded(mark.map { item[..<$0] } ?? item),
                value: mark.map { decoded(item[item.utf8.index(after: $0)...]) } ?? ""
            )
        }
    }

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] {
        items.filter { $0.name == name }.map(\.value)
    }

    /// As upstream reads booleans: present and neither `false` nor `0`.
    func isTrue(_ name: String) -> Bool {
        self[name].map { $0 != "false" && $0 != "0" } ?? false
    }
}

extension String {
    /// `%41` becomes `A`; what is not an escape stays.
    var removingPercentEncoding: String {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        let bytes = Array(utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                result.append(value)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
