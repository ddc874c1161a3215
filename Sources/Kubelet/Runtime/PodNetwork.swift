internal import CLinux
internal import Glibc

/// The pods' links and addresses: what the CNI plugins are told.
///
/// Each pod has a link of its own to the node (`ptp`), which routes between pods. On a bridge the answers of a pod to
/// another would pass the node by when the question came through a Service, and keep the wrong address.
struct PodNetwork: Sendable {
    let configuration: RuntimeConfiguration

    private var addressDirectory: String { configuration.networkDirectory + "/networks" }

    /// Writes the CNI configuration. The plugins keep their addresses below the data directory.
    func writeConfiguration() throws {
        let directory = configuration.networkDirectory + "/net.d"
        try FileSystem.createDirectory(directory)
        let text = """
            {
              "cniVersion": "0.4.0",
              "name": "\(configuration.networkName)",
              "plugins": [
                {
                  "type": "ptp",
                  "ipMasq": false,
                  "ipam": {
                    "type": "host-local",
                    "dataDir": "\(addressDirectory)",
                    "ranges": [[{ "subnet": "\(configuration.podCIDR)" }]],
                    "routes": [{ "dst": "0.0.0.0/0" }]
                  }
                }
              ]
            }

            """
        let file = directory + "/10-skiff.conflist"
        // containerd reloads on every write, so an unchanged file is left alone.
        if FileSystem.text(file).map({ $0 + "\n" }) != text { try FileSystem.write(file, text.utf8) }
    }

    /// Takes away the table of the service proxy and the routes to Services; the next start makes them anew. The links went
    /// with their pods. Idempotent. Blocks.
    func takeDown() {
        ServiceRoute(range: configuration.serviceCIDR, source: "").remove()
        ServiceRoutes(dataDirectory: configuration.dataDirectory, source: "").removeAll()
        if let nft = Command.find("nft") {
            _ = try? Command.runBlocking(nft, ["delete", "table", "ip", configuration.networkName])
        }
        forgetConnections()
    }

    /// Takes what pods and Services did out of the kernel's connection tracking: what pods or clients of Services began,
    /// and what pods answer. `conntrack` fails where there is nothing to delete.
    private func forgetConnections() {
        guard let conntrack = Command.find("conntrack") else { return }
        for filter in [["--orig-src", configuration.podCIDR], ["--orig-dst", configuration.serviceCIDR]] {
            _ = try? Command.runBlocking(conntrack, ["-D"] + filter)
        }
        // It takes ranges only for what began a connection.
        for address in answeringPods(conntrack) {
            _ = try? Command.runBlocking(conntrack, ["-D", "--reply-src", address])
        }
    }

    /// Addresses of this node's pods that answer somebody: of each line's two sources the second.
    private func answeringPods(_ conntrack: String) -> Set<String> {
        // A range of 256 addresses, so that three of the four numbers are the same.
        let start = "src=" + configuration.podCIDR.split(separator: ".").prefix(3).joined(separator: ".") + "."
        let lines = (try? Command.runBlocking(conntrack, ["-L"])) ?? []
        var addresses: Set<String> = []
        for line in String(decoding: lines, as: UTF8.self).split(separator: "\n") {
            let sources = line.split(separator: " ").filter { $0.hasPrefix("src=") }
            if sources.count == 2, sources[1].hasPrefix(start) { addresses.insert(String(sources[1].dropFirst(4))) }
        }
        return addresses
    }

    /// Takes away all that the network ever made, with what the plugins remember. Idempotent. Blocks.
    func remove() {
        takeDown()
        let results = "/var/lib/cni/results"
        for name in FileSystem.entries(results) where name.hasPrefix(configuration.networkName + "-") {
            unlink(results + "/" + name)
        }
        // Only if nobody else uses them.
        for directory in [results, "/var/lib/cni"] { rmdir(directory) }
        try? FileSystem.remove(configuration.networkDirectory)
    }
}
