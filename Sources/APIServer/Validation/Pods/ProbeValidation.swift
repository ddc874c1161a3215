internal import APIMachinery

/// Probes and hooks.
struct ProbeValidation {
    private static let actions = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"]
    private static let schemes = ["HTTP", "HTTPS"]
    private static let counts = [
        "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
    ]

    /// The pod's, which sleeping may not exceed.
    let gracePeriodSeconds: Int64?
    let os: String

    func probe(_ probe: Value, _ kind: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        handler(probe, path, &errors)
        for count in Self.counts { errors.nonnegative(path[count], probe[count]?.int) }
        let grace = probe["terminationGracePeriodSeconds"]?.int
        if let grace, grace <= 0 {
            errors.invalid(path["terminationGracePeriodSeconds"], grace, "must be greater than 0")
        }
        if kind == "readinessProbe" {
            guard let grace else { return }
            errors.invalid(
                path["terminationGracePeriodSeconds"], grace, "must not be set for readinessProbes")
        } else if let threshold = probe["successThreshold"]?.int, threshold != 1 {
            errors.invalid(path["successThreshold"], threshold, "must be 1")
        }
    }

    func lifecycle(_ lifecycle: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        for hook in ["postStart", "preStop"] {
            guard let handler = lifecycle.present(hook) else { continue }
            self.handler(handler, path[hook], &errors)
        }
        guard let signal = lifecycle["stopSignal"]?.string else { return }
        switch os {
        case "": errors.forbidden(path["stopSignal"], "may not be set for containers with empty `spec.os.name`")
        case "windows": errors.oneOf(["SIGKILL", "SIGTERM"], path["stopSignal"], signal)
        default: errors.oneOf(Self.signals, path["stopSignal"], signal)
        }
    }

    private static let signals: [String] =
        [
            "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT",
            "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGRTMAX",
            "SIGRTMIN", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN",
            "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ",
        ] + (1...15).map { "SIGRTMIN+\($0)" } + (1...14).map { "SIGRTMAX-\($0)" }

    private func handler(_ handler: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        var found = false
        for kind in Self.actions {
            guard let action = handler.present(kind) else { continue }
            if found {
                errors.forbidden(path[kind], "may not specify more than 1 handler type")
            } else {
                found = true
                self.action(kind, action, path[kind], &errors)
            }
        }
        if !found { errors.required(path, "must specify a handler type") }
    }

    private func action(_ kind: String, _ action: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        switch kind {
        case "exec": if action.list("command").isEmpty { errors.required(path["command"]) }
        case "httpGet":
            if action.text("path").isEmpty { errors.required(path["path"]) }
            PortNumber.orName(action["port"], path["port"], &errors)
            errors.oneOf(Self.schemes, path["scheme"], action.text("scheme"))
            for header in action.list("httpHeaders") {
                let name = header.text("name")
                errors.violations(path["httpHeaders"], name, NameValidation.httpHeaderName(name))
            }
        case "tcpSocket": PortNumber.orName(action["port"], path["port"], &errors)
        case "grpc": PortNumber.check(action["port"]?.int ?? 0, path["port"], &errors)
        default:
            guard let gracePeriodSeconds else { return }
            let seconds = action["seconds"]?.int ?? 0
            guard seconds < 0 || seconds > gracePeriodSeconds else { return }
            errors.invalid(
                path, seconds,
                "must be non-negative and less than terminationGracePeriodSeconds (\(gracePeriodSeconds))")
        }
    }
}
