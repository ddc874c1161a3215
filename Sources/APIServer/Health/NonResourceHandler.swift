internal import APIMachinery
internal import Transport

/// Health, version, metrics, discovery and OpenAPI.
extension APIServer {
    func answerNonResource(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query, _ reply: Reply
    ) throws(APIError) {
        for handler in documents {
            if let document = handler.respond(to: request) { return reply.send(document) }
        }
        let path =
            request.path.count > 1 && request.path.hasSuffix("/") ? String(request.path.dropLast()) : request.path
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case "healthz", "livez", "readyz": try health(parts, query, reply)
        case "version" where parts.count == 1:
            guard request.method == "GET" else { throw .methodNotAllowed }
            reply.complete(200, "application/json", .bytes(versionInfo.jsonBytes()))
        case "metrics" where parts.count == 1:
            reply.complete(200, "text/plain; version=0.0.4; charset=utf-8", .bytes(Array(metricsText().utf8)))
        case nil:
            let paths = [
                "/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz",
                "/version",
            ]
            let answer: Value = ["paths": .strings(paths)]
            reply.complete(200, "application/json", .bytes(answer.jsonBytes()))
        default: answerUnknown(reply)
        }
    }

    /// What lies outside the API has no `Status`.
    func answerUnknown(_ reply: Reply) {
        let headers: HTTPFields = ["X-Content-Type-Options": "nosniff"]
        reply.complete(
            404, "text/plain; charset=utf-8", .bytes(Array("404 page not found\n".utf8)), [], headers)
    }

    private func health(_ parts: [String], _ query: Query, _ reply: Reply) throws(APIError) {
        let endpoint = parts[0]
        let excluded = Set(query.values("exclude"))
        let all = readiness.checks(includingStart: endpoint != "livez")
        if parts.count > 1 {
            let name = parts.dropFirst().joined(separator: "/")
            guard let check = all.first(where: { $0.name == name }) else { return answerUnknown(reply) }
            let text = check.isReady ? "ok" : "internal server error: \(name) is not ready"
            return reply.complete(check.isReady ? 200 : 500, "text/plain; charset=utf-8", .bytes(Array(text.utf8)))
        }
        var lines = ""
        var isGood = true
        for check in all {
            if excluded.contains(check.name) {
                lines += "[+]\(check.name) excluded: ok\n"
            } else if check.isReady {
                lines += "[+]\(check.name) ok\n"
            } else {
                isGood = false
                lines += "[-]\(check.name) failed: reason withheld\n"
            }
        }
        var text = "ok"
        if !isGood {
            text = lines + "\(endpoint) check failed\n"
        } else if query["verbose"] != nil {
            text = lines + "\(endpoint) check passed\n"
        }
        let headers: HTTPFields = ["X-Content-Type-Options": "nosniff"]
        reply.complete(isGood ? 200 : 500, "text/plain; charset=utf-8", .bytes(Array(text.utf8)), [], headers)
    }

    private var versionInfo: Value {
        let numbers = configuration.version.drop { $0 == "v" }.split(separator: ".").map(String.init)
        let (major, minor) = (numbers.first ?? "1", numbers.dropFirst().first ?? "")
        return [
            "major": .string(major), "minor": .string(minor), "emulationMajor": .string(major),
            "emulationMinor": .string(minor), "minCompatibilityMajor": .string(major),
            "minCompatibilityMinor": .string(String((Int(minor) ?? 1) - 1)),
            "gitVersion": .string(configuration.version), "gitCommit": "", "gitTreeState": "clean", "buildDate": "",
            "goVersion": "", "compiler": "swiftc", "platform": .string("linux/" + Self.architecture),
        ]
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}
