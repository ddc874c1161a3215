internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient

/// Makes a container's image present, by its pull policy:
/// https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
struct ImagePuller: Sendable {
    let cri: CRIClient
    let recorder: EventRecorder

    /// Why there is no image: the reason and message of the container's waiting state.
    struct Failure: Error {
        let waiting: WaitingReason
        /// A pull was tried, so the next one has to wait longer.
        let wasTried: Bool
    }

    /// Tells the pod's events what it does. `auth` is tried one after the other.
    func ensure(
        _ container: Container, reference: ObjectReference, auth: [CRIAuthConfig]
    ) async throws(Failure) -> CRIImage {
        let image = container.image ?? ""
        guard ImageReference.isValid(image) else {
            let text =
                "Failed to apply default image tag \"\(image)\": couldn't parse image name \"\(image)\": "
                + "invalid reference format" + ImageReference.complaint(image)
            recorder.record(reference, .warning, reason: "InspectFailed", text)
            recorder.record(reference, .warning, reason: "Failed", "Error: InvalidImageName")
            throw Failure(waiting: WaitingReason(reason: "InvalidImageName", message: text), wasTried: false)
        }
        let name = ImageReference.withDefaultTag(image)
        let policy = container.imagePullPolicy ?? (name.hasSuffix(":latest") ? "Always" : "IfNotPresent")
        let present = try await status(name, image, reference)
        if policy != "Always" {
            if let present {
                recorder.record(
                    reference, .normal, reason: "Pulled",
                    "Container image \"\(image)\" already present on machine and can be accessed by the pod"
                )
                return present
            }
            if policy == "Never" {
                let text = "Container image \"\(image)\" is not present with pull policy of Never"
                recorder.record(reference, .warning, reason: "ErrImageNeverPull", text)
                recorder.record(reference, .warning, reason: "Failed", "Error: ErrImageNeverPull")
                throw Failure(waiting: WaitingReason(reason: "ErrImageNeverPull", message: text), wasTried: false)
            }
        }
        return try await pull(name, image, reference, auth)
    }

    private func pull(
        _ name: String, _ image: String, _ reference: ObjectReference, _ auth: [CRIAuthConfig]
    ) async throws(Failure) -> CRIImage {
        recorder.record(reference, .normal, reason: "Pulling", "Pulling image \"\(image)\"")
        let began = ContinuousClock.now
        var failure = ""
        for credentials in auth.isEmpty ? [nil] : auth.map(Optional.some) {
            do {
                let id = try await cri.pullImage(name, auth: credentials)
                let taken = Self.text(ContinuousClock.now - began)
                let pulled = try await status(id, image, reference)
                recorder.record(
                    reference, .normal, reason: "Pulled",
                    "Successfully pulled image \"\(image)\" in \(taken) (\(taken) including waiting). "
                        + "Image size: \(pulled?.size ?? 0) bytes."
                )
                if let pulled { return pulled }
                failure = "image \"\(image)\" vanished after its pull"
            } catch let error as CRIError {
                failure = error.description
            } catch let error as Failure {
                throw error
            } catch {
                failure = String(describing: error)
            }
        }
        recorder.record(reference, .warning, reason: "Failed", "Failed to pull image \"\(image)\": \(failure)")
        recorder.record(reference, .warning, reason: "Failed", "Error: ErrImagePull")
        throw Failure(waiting: WaitingReason(reason: "ErrImagePull", message: failure), wasTried: true)
    }

    private func status(
        _ name: String, _ image: String, _ reference: ObjectReference
    ) async throws(Failure) -> CRIImage? {
        do {
            return try await cri.imageStatus(name)
        } catch {
            let text = "Failed to inspect image \"\(image)\": \(error)"
            recorder.record(reference, .warning, reason: "InspectFailed", text)
            throw Failure(waiting: WaitingReason(reason: "ImageInspectError", message: text), wasTried: false)
        }
    }

    /// Go's way of writing a duration, to the millisecond.
    static func text(_ duration: Duration) -> String {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        if milliseconds < 1000 { return "\(milliseconds)ms" }
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000)
        var fraction = String(1000 + rest).dropFirst()
        while fraction.hasSuffix("0") { fraction.removeLast() }
        let tail = fraction.isEmpty ? "\(seconds % 60)s" : "\(seconds % 60).\(fraction)s"
        return seconds < 60 ? tail : "\(seconds / 60)m\(tail)"
    }
}

/// Names of images: `[registry/]path[:tag][@digest]`.
enum ImageReference {
    static func isValid(_ image: String) -> Bool {
        var rest = image[...]
        if let at = rest.firstIndex(of: "@") {
            let digest = rest[rest.index(after: at)...].split(separator: ":", omittingEmptySubsequences: false)
            guard digest.count == 2, digest[1].count >= 32, digest[1].allSatisfy(\.isHexDigit) else { return false }
            rest = rest[..<at]
        }
        var parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard var last = parts.popLast() else { return false }
        if let colon = last.firstIndex(of: ":") {
            let tag = last[last.index(after: colon)...]
            guard !tag.isEmpty, tag.count <= 128, tag.first != ".", tag.first != "-",
                tag.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_.-".contains($0)) })
            else { return false }
            last = last[..<colon]
        }
        // The first part may be a registry's host, where capitals and a port are allowed.
        if let host = parts.first, host.contains(".") || host.contains(":") || host == "localhost" {
            parts.removeFirst()
        }
        return (parts + [last]).allSatisfy { part in
            guard let first = part.first, let end = part.last, first != "-", end != "-" else { return false }
            return isWord(first) && isWord(end)
                && part.allSatisfy { isWord($0) || $0 == "." || $0 == "_" || $0 == "-" }
        }
    }

    /// What is wrong with a bad name, where it is the usual mistake.
    static func complaint(_ image: String) -> String {
        guard image != image.lowercased(), isValid(image.lowercased()) else { return "" }
        let path = image.split(separator: "@")[0]
        let name = path.split(separator: "/").count > 1 ? String(path) : "library/" + path
        let end = name.lastIndex(of: ":").flatMap { name[$0...].contains("/") ? nil : $0 } ?? name.endIndex
        return ": repository name (\(name[..<end])) must be lowercase"
    }

    /// Adds `:latest` where there is neither tag nor digest.
    static func withDefaultTag(_ image: String) -> String {
        if image.contains("@") { return image }
        let last = image.split(separator: "/").last ?? ""
        return last.contains(":") ? image : image + ":latest"
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isASCII && (character.isNumber || (character.isLetter && character.isLowercase))
    }
}
