package import CRI
package import KubeAPI
package import KubeClient
package import Logging
package import Transport

/// Placeholder by the lead until helper D's server lands: answers 404 to everything. D: overwrite this file.
package struct KubeletServer: HTTPHandler {
    package init(index: PodRuntimeIndex, pods: Lister<Pod>, cri: CRIClient, logger: Logger) {}

    package func handle(_ request: HTTPRequest, _ responder: any HTTPResponder) {
        responder.respond(status: 404, headers: [:], body: .bytes([]))
    }
}
