internal import Glibc
internal import Storage

/// `/metrics` in Prometheus' text format 0.0.4.
extension APIServer {
    func metricsText() -> String {
        var text = ""
        requestMetrics(&text)
        header("apiserver_current_inflight_requests", "gauge", "Requests being answered.", &text)
        text += "apiserver_current_inflight_requests \(metrics.inFlight)\n"
        header("apiserver_longrunning_requests", "gauge", "Open watches.", &text)
        text += "apiserver_longrunning_requests{verb=\"WATCH\"} \(watches.count)\n"
        header("apiserver_storage_objects", "gauge", "Stored objects by resource.", &text)
        var seen = Set<String>()
        for resource in registry.all where resource.supports("list") && seen.insert(resource.keyPrefix).inserted {
            text +=
                "apiserver_storage_objects{resource=\"\(resource.id)\"} \(store.count(prefix: resource.keyPrefix))\n"
        }
        header("apiserver_storage_revision", "gauge", "Newest revision of the store.", &text)
        text += "apiserver_storage_revision \(store.revision)\n"
        processMetrics(&text)
        return text
    }

    private func requestMetrics(_ text: inout String) {
        let series = metrics.series.sorted { "\($0.key)" < "\($1.key)" }
        header("apiserver_request_total", "counter", "Answered requests.", &text)
        for (label, series) in series {
            text += "apiserver_request_total{\(labels(label)),code=\"\(label.code)\"} \(series.count)\n"
        }
        let duration = "apiserver_request_duration_seconds"
        header(duration, "histogram", "Seconds from a request to its answer (watches: to its head).", &text)
        for (label, series) in series {
            let labels = labels(label) + ",code=\"\(label.code)\""
            for (bound, count) in zip(RequestMetrics.bounds, series.buckets) {
                text += "\(duration)_bucket{\(labels),le=\"\(bound)\"} \(count)\n"
            }
            text += "\(duration)_bucket{\(labels),le=\"+Inf\"} \(series.count)\n"
            text += "\(duration)_sum{\(labels)} \(series.seconds)\n\(duration)_count{\(labels)} \(series.count)\n"
        }
    }

    private func labels(_ label: RequestMetrics.Label) -> String {
        "verb=\"\(label.verb)\",group=\"\(label.group)\",version=\"\(label.version)\","
            + "resource=\"\(label.resource)\",subresource=\"\(label.subresource)\""
    }

    private func header(_ name: String, _ type: String, _ help: String, _ text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private func processMetrics(_ text: inout String) {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
            let system = Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
            header("process_cpu_seconds_total", "counter", "User and system CPU time.", &text)
            text += "process_cpu_seconds_total \(user + system)\n"
        }
        if let pages = residentPages() {
            header("process_resident_memory_bytes", "gauge", "Resident memory.", &text)
            text += "process_resident_memory_bytes \(pages * Int(sysconf(Int32(_SC_PAGESIZE))))\n"
        }
    }

    /// The second number of `/proc/self/statm`.
    private func residentPages() -> Int? {
        let file = open("/proc/self/statm", O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) : nil
    }
}
