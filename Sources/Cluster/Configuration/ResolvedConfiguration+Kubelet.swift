internal import Kubelet

extension ResolvedConfiguration {
    /// What the node agent is told.
    var kubelet: KubeletConfiguration {
        KubeletConfiguration(
            nodeName: nodeName, nodeAddress: nodeIP, runtime: runtime, clusterDNS: clusterDNS,
            clusterDomain: settings.clusterDomain, version: Product.version,
            cgroupRoot: paths.cgroupRoot, port: 0, settings: nodeSettings
        )
    }

    var runtime: RuntimeConfiguration {
        let endpoint = settings.containerRuntimeEndpoint
        return RuntimeConfiguration(
            dataDirectory: paths.dataDirectory, runDirectory: paths.runDirectory,
            externalEndpoint: endpoint.isEmpty ? nil : endpoint, podCIDR: podCIDR, clusterCIDR: settings.clusterCIDR,
            bridgeName: paths.bridgeName, registriesFile: settings.privateRegistry
        )
    }
}
