internal import CLinux
internal import Glibc

/// The pods' bridge and addresses: what the CNI plugins are told, and the one firewall table that lets pods out.
struct PodNetwork: Sendable {
    let configuration: RuntimeConfiguration

    private var addressDirectory: String { configuration.networkDirectory + "/networks" }
    private var table: String { configuration.bridgeName + "-pods" }

    /// Writes the CNI configuration. The plugins keep their addresses below the data directory.
    func writeConfiguration() throws {
        let directory = configuration.networkDirectory + "/net.d"
        try FileSystem.createDirectory(directory)
        let text = """
            {
              "cniVersion": "0.4.0",
              "name": "\(configuration.bridgeName)",
              "plugins": [
                {
                  "type": "bridge",
                  "bridge": "\(configuration.bridgeName)",
                  "isGateway": true,
                  "hairpinMode": true,
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

    /// Lets pods reach the world behind the node's address, in one transaction.
    func installMasquerade() async throws {
        guard let nft = Command.find("nft") else { throw RuntimeError.missing("nft", package: "nftables") }
        let rules = """
            table ip \(table) {}
            delete table ip \(table)
            table ip \(table) {
                chain postrouting {
                    type nat hook postrouting priority srcnat; policy accept;
                    ip saddr \(configuration.podCIDR) ip daddr != \(configuration.clusterCIDR) \
            oifname != "\(configuration.bridgeName)" masquerade
                }
            }

            """
        try await Command.run(nft, ["-f", "-"], input: Array(rules.utf8))
    }

    /// Takes away the bridge and the table; the next start makes them anew. Idempotent. Blocks.
    func takeDown() {
        _ = clinux_link_delete(configuration.bridgeName)
        if let nft = Command.find("nft") {
            _ = try? Command.runBlocking(nft, ["delete", "table", "ip", table])
        }
    }

    /// Takes away all that the network ever made, with what the plugins remember. Idempotent. Blocks.
    func remove() {
        takeDown()
        let results = "/var/lib/cni/results"
        for name in FileSystem.entries(results) where name.hasPrefix(configuration.bridgeName + "-") {
            unlink(results + "/" + name)
        }
        // Only if nobody else uses them.
        for directory in [results, "/var/lib/cni"] { rmdir(directory) }
        try? FileSystem.remove(configuration.networkDirectory)
    }
}
