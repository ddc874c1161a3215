internal import Kubelet

extension ResolvedConfiguration {
    /// What the node agent is told.
    var kubelet: KubeletConfiguration {
        KubeletConfiguration(
            nodeName: nodeName, nodeAddress: nodeIP, runtime: runtime, clusterDNS: clusterDNS,
            clusterDomain: settings.clusterDomain, version: Product.version,
            cgroupRoot: paths.cgroupRoot, listenAddress: kubeletAddress, port: Int32(kubeletPort),
            staticPodDirectory: nodeSettings.staticPodDirectory ?? paths.staticPodDirectory, settings: nodeSettings
        )
    }

    /// Where the node's own server listens: 10250 as everywhere; for another instance beside the machine's first, as far
    /// from its API server's port as 10250 is from 6443, so that it needs no further flag.
    var kubeletPort: Int {
        if let port = nodeSettings.port { return port }
        let usual = 10_250
        if paths.suffix.isEmpty { return usual }
        let distance = usual - Configuration().httpsListenPort
        let port = settings.httpsListenPort + distance
        return port <= 65_535 ? port : settings.httpsListenPort - distance
    }

    var kubeletAddress: String { nodeSettings.address ?? settings.bindAddress }

    var runtime: RuntimeConfiguration {
        let endpoint = settings.containerRuntimeEndpoint
        return RuntimeConfiguration(
            dataDirectory: paths.dataDirectory, runDirectory: paths.runDirectory,
            externalEndpoint: endpoint.isEmpty ? nil : endpoint, podCIDR: podCIDR, clusterCIDR: settings.clusterCIDR,
            serviceCIDR: settings.serviceCIDR, networkName: paths.networkName, registriesFile: settings.privateRegistry
        )
    }
}
