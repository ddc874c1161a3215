extension CRIClient {
    private static let imageService = "runtime.v1.ImageService"

    package func listImages() async throws(CRIError) -> [CRIImage] {
        let response: CRIListImagesResponse = try await call(
            "ListImages", CRIListImagesRequest(), service: Self.imageService
        )
        return response.images
    }

    /// The image that `reference` names on this node; `nil` where it is not present.
    package func imageStatus(_ reference: String) async throws(CRIError) -> CRIImage? {
        var request = CRIImageStatusRequest()
        request.image.image = reference
        let response: CRIImageStatusResponse = try await call(
            "ImageStatus", request, service: Self.imageService
        )
        return response.hasImage ? response.image : nil
    }

    /// The snapshot that holds all of an image's layers; `nil` where the image is not present.
    package func imageChainID(_ reference: String) async throws(CRIError) -> String? {
        var request = CRIImageStatusRequest()
        request.image.image = reference
        request.verbose = true
        let response: CRIImageStatusResponse = try await call("ImageStatus", request, service: Self.imageService)
        return response.info["info"].flatMap(Self.chainID)
    }

    /// The runtime's own JSON: `{"chainID":"sha256:...","imageSpec":{...}}`. It writes the id first.
    static func chainID(_ info: String) -> String? {
        let name = "\"chainID\":\""
        guard let start = info.firstRange(of: name)?.upperBound else { return nil }
        let value = info[start...].prefix { $0 != "\"" }
        return value.isEmpty ? nil : String(value)
    }

    /// Fetches an image from its registry. Returns the id it has on this node.
    package func pullImage(
        _ reference: String, auth: CRIAuthConfig? = nil, sandbox: CRIPodSandboxConfig? = nil
    ) async throws(CRIError) -> String {
        var request = CRIPullImageRequest()
        request.image.image = reference
        if let auth { request.auth = auth }
        if let sandbox { request.sandboxConfig = sandbox }
        let response: CRIPullImageResponse = try await call(
            "PullImage", request, service: Self.imageService, timeout: nil
        )
        return response.imageRef
    }

    /// Idempotent.
    package func removeImage(_ reference: String) async throws(CRIError) {
        var request = CRIRemoveImageRequest()
        request.image.image = reference
        let _: CRIRemoveImageResponse = try await call("RemoveImage", request, service: Self.imageService)
    }
}
