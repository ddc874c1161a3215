internal import APIMachinery
internal import CLinux
internal import CRI
internal import Glibc
internal import KubeAPI
internal import KubeClient
internal import Transport

/// The node agent's paths that only tell something.
extension KubeletServer {
    /// Answers if `parts` names one of them.
    func serveDocument(
        _ parts: [String], _ request: HTTPRequest, _ responder: any HTTPResponder
    ) async throws -> Bool {
        switch parts.first {
        case "healthz" where parts.count == 1 || (parts.count == 2 && ["ping", "log", "syncloop"].contains(parts[1])):
            respond("ok", "text/plain; charset=utf-8", responder)
        case "pods" where parts.count == 1: respond(pods.all, responder)
        case "runningpods" where parts.count == 1: respond(runningPods, responder)
        case "stats" where parts.count == 2 && parts[1] == "summary":
            let summary = StatsSummary(
                usage: try await meter.usage(), nodeName: configuration.nodeName,
                dataDirectory: configuration.runtime.dataDirectory)
            respond(summary.value(), responder)
        case "metrics": return try await serveMetrics(parts.dropFirst().joined(separator: "/"), responder)
        case "configz" where parts.count == 1: respond(KubeletConfigurationDocument(configuration).value, responder)
        case "statusz" where parts.count == 1: respond(statusPage, "text/plain; charset=utf-8", responder)
        case "logs": try await SystemLogs.serve(parts.dropFirst(), responder)
        default: return false
        }
        return true
    }

    private func serveMetrics(_ name: String, _ responder: any HTTPResponder) async throws -> Bool {
        let text: String
        switch name {
        case "": text = KubeletFigures(configuration: configuration, pods: pods.all, index: index).text()
        case "resource": text = PrometheusFigures(usage: try await meter.usage()).resource()
        case "cadvisor": text = PrometheusFigures(usage: try await meter.usage()).cadvisor()
        case "probes": text = probes.text()
        default: return false
        }
        respond(text, "text/plain; version=0.0.4; charset=utf-8", responder)
        return true
    }

    private func respond(_ text: String, _ type: String, _ responder: any HTTPResponder) {
        responder.respond(status: 200, headers: ["Content-Type": type], body: .bytes(Array(text.utf8)))
    }

    private func respond(_ value: Value, _ responder: any HTTPResponder) {
        responder.respond(
            status: 200, headers: ["Content-Type": "application/json"], body: .bytes(value.jsonBytes()))
    }

    private func respond(_ pods: [Pod], _ responder: any HTTPResponder) {
        var list = ObjectList<Pod>()
        list.items = pods
        responder.respond(
            status: 200, headers: ["Content-Type": "application/json"], body: .bytes(list.jsonBytes()))
    }

    /// Pods as the runtime has them: names and the containers that run.
    private var runningPods: [Pod] {
        pods.all.compactMap { pod in
            guard let entry = index[pod.key] else { return nil }
            let running = entry.containers.values.filter(\.isRunning).map(\.name)
            guard !running.isEmpty else { return nil }
            var short = Pod()
            short.metadata.name = pod.metadata.name
            short.metadata.namespace = pod.metadata.namespace
            short.metadata.uid = pod.metadata.uid
            short.spec.containers = pod.runnableContainers.filter { running.contains($0.name) }.map { container in
                var short = Container()
                short.name = container.name
                short.image = container.image
                return short
            }
            return short
        }
    }

    private var statusPage: String {
        let up = max(0, (Time.now() - startTime).components.seconds)
        return """

            kubelet statusz
            Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees \
            and is for debugging purposes only.

            Started: \(startTime)
            Up: \(up / 3600) hr \(up / 60 % 60) min \(up % 60) sec
            Binary version: \(configuration.version)
            Paths: /configz /healthz /metrics

            """
    }
}

/// `/configz`: what the node agent goes by, under the names of the kubelet's configuration file
/// (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/).
struct KubeletConfigurationDocument {
    private let configuration: KubeletConfiguration

    init(_ configuration: KubeletConfiguration) {
        self.configuration = configuration
    }

    var value: Value {
        let settings = configuration.settings
        let document: Value = [
            "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "staticPodPath": .string(configuration.staticPodDirectory), "address": .string(configuration.listenAddress),
            "port": .int(Int64(configuration.port)), "enableServer": true,
            "authentication": [
                "anonymous": ["enabled": false], "webhook": ["enabled": true, "cacheTTL": "0s"], "x509": [:],
            ],
            "authorization": [
                "mode": "Webhook",
                "webhook": ["cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"],
            ],
            "clusterDomain": .string(configuration.clusterDomain),
            "clusterDNS": [.string(configuration.clusterDNS)],
            "maxPods": .int(Int64(settings.podsMax)), "podPidsLimit": .int(settings.podPIDsMax),
            "cgroupRoot": .string(configuration.cgroupRoot), "cgroupDriver": "cgroupfs",
            "imageGCHighThresholdPercent": .int(Int64(settings.images.highPercent)),
            "imageGCLowThresholdPercent": .int(Int64(settings.images.lowPercent)),
            "containerLogMaxSize": .string("\(settings.containerLogBytesMax)"),
            "containerLogMaxFiles": .int(Int64(settings.containerLogFilesMax)),
            "containerRuntimeEndpoint": .string("unix://" + configuration.runtime.socketPath),
        ]
        return ["kubeletconfig": document]
    }
}

/// `/logs/`: the machine's files below `/var/log`. Who may read them has `nodes/log`, which is as good as root's eyes;
/// links that lead out of the directory are still not followed, since pods may have written them.
enum SystemLogs {
    private static let root = "/var/log"
    private static let blockBytes = 64 << 10

    static func serve(_ parts: ArraySlice<String>, _ responder: any HTTPResponder) async throws {
        let path = parts.joined(separator: "/")
        let descriptor = try await BlockingWork.run { Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { if descriptor >= 0 { close(descriptor) } }
        let file = try await BlockingWork.run {
            clinux_open_within(
                descriptor, path.isEmpty ? "." : path, O_RDONLY | O_NONBLOCK, UInt32(CLINUX_BENEATH))
        }
        guard file >= 0 else { throw KubeletRefusal(404, "NotFound", "404 page not found") }
        let open = OpenFile(descriptor: file)
        if let names = try await BlockingWork.run({ open.names }) {
            let lines = names.map { "<a href=\"\(escaped($0))\">\(escaped($0))</a>\n" }.joined()
            return responder.respond(
                status: 200, headers: ["Content-Type": "text/html; charset=utf-8"],
                body: .bytes(Array("<pre>\n\(lines)</pre>\n".utf8)))
        }
        guard open.isRegular else { throw KubeletRefusal(404, "NotFound", "404 page not found") }
        let pipe = HTTPBodyPipe()
        responder.respond(status: 200, headers: ["Content-Type": "text/plain; charset=utf-8"], stream: pipe)
        while let bytes = try? await BlockingWork.run({ open.read(blockBytes) }), !bytes.isEmpty {
            guard (try? await pipe.write(bytes)) != nil else { break }
        }
        pipe.finish()
    }

    private static func escaped(_ name: String) -> String {
        var text = ""
        for character in name {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&#34;"
            default: text.append(character)
            }
        }
        return text
    }

    /// Closes with its last user. One reader at a time.
    private final class OpenFile: Sendable {
        private let descriptor: Int32

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        deinit { close(descriptor) }

        private func hasType(_ type: mode_t) -> Bool {
            var facts = Glibc.stat()
            return fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == type
        }

        var isRegular: Bool { hasType(S_IFREG) }

        /// A directory's entries, directories with a slash; `nil` for other files.
        var names: [String]? {
            guard hasType(S_IFDIR) else { return nil }
            let prefix = "/proc/self/fd/\(descriptor)"
            return FileSystem.entries(prefix).sorted().map { name in
                var facts = Glibc.stat()
                let isDirectory = lstat("\(prefix)/\(name)", &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
                return isDirectory ? name + "/" : name
            }
        }

        func read(_ count: Int) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
                used = Swift.max(0, Glibc.read(descriptor, buffer.baseAddress, count))
            }
        }
    }
}
