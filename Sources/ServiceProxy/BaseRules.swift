/// The part of the table that is the same for all Services: where packets come in, and what they are looked up in.
struct BaseRules {
    let table: String
    let serviceCIDR: String
    /// Addresses of the cluster's pods, and of this node's.
    let clusterCIDR: String
    let podCIDR: String
    /// Answered by the node itself.
    let clusterDNS: String

    /// Makes the table anew, empty but for this.
    ///
    /// TCP is refused with a reset: of the node's own packets to the loopback link the kernel sends no ICMP back.
    /// Nothing here names a Service, so that a packet's way is as short with ten thousand of them as with one.
    var script: String {
        let mark = ServicePortRules.masqueradeMark
        let containers = RuleSet.Container.allCases.map { "    " + $0.declaration }.joined(separator: "\n")
        return """
            table ip \(table) {}
            delete table ip \(table)
            table ip \(table) {
            \(containers)
                chain services {
                    ip daddr . meta l4proto . th dport vmap @service-addresses
                    fib daddr type local meta l4proto . th dport vmap @host-ports
                    fib daddr type local meta l4proto . th dport vmap @node-ports
                }
                chain refusal {
                    meta l4proto tcp reject with tcp reset
                    reject
                }
                chain \(ServiceRangeRules.chain) {}
                chain rejected {
                    ip daddr . meta l4proto . th dport @rejected-addresses goto refusal
                    ip daddr \(serviceCIDR) ip daddr != \(clusterDNS) goto refusal
                    goto \(ServiceRangeRules.chain)
                }
                chain before-routing {
                    type nat hook prerouting priority dstnat; policy accept;
                    goto services
                }
                chain own-packets {
                    type nat hook output priority -100; policy accept;
                    goto services
                }
                chain after-routing {
                    type nat hook postrouting priority srcnat; policy accept;
                    meta mark & \(mark) == \(mark) meta mark set mark xor \(mark) masquerade
                    ip saddr . ip daddr @hairpins masquerade
                    ip saddr \(podCIDR) ip daddr != \(clusterCIDR) masquerade
                }
                chain loopback-from-outside {
                    type filter hook prerouting priority raw; policy accept;
                    iif != "lo" ip daddr 127.0.0.0/8 drop
                }
                chain forwarded {
                    type filter hook forward priority filter; policy accept;
                    ct state new jump rejected
                }
                chain received {
                    type filter hook input priority filter; policy accept;
                    ct state new ip daddr . meta l4proto . th dport @rejected-addresses goto refusal
                    ct state new meta l4proto . th dport @rejected-ports goto refusal
                }
                chain sent {
                    type filter hook output priority filter; policy accept;
                    ct state new jump rejected
                }
            }

            """
    }
}
