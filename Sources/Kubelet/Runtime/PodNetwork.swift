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

    /// Takes away the table of the service proxy and the route to Services; the next start makes them anew. The links went
    /// with their pods. Idempotent. Blocks.
    func takeDown() {
        ServiceRoute(range: configuration.serviceCIDR, source: "").remove()
        if let nft = Command.find("nft") {
            _ = try? Command.runBlocking(nft, ["delete", "table", "ip", configuration.networkName])
        }
        forgetConnections()
    }

    /// Takes what pods and Services did out of the kernel's connection tracking: from pods, to Services, and answers of
    /// pods. `conntrack` fails where there is nothing to delete.
    private func forgetConnections() {
        guard let conntrack = Command.find("conntrack") else { return }
        let (pods, services) = (configuration.podCIDR, configuration.serviceCIDR)
        for filter in [["--orig-src", pods], ["--orig-dst", services], ["--reply-src", pods]] {
            _ = try? Command.runBlocking(conntrack, ["-D"] + filter)
        }
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
