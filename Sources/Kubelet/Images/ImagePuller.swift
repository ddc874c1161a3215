internal import APIMachinery
internal import CRI
internal import KubeAPI
internal import KubeClient

/// Makes a container's image present, by its pull policy:
/// https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy
struct ImagePuller: Sendable {
    let cri: CRIClient
    let recorder: EventRecorder
    let access: ImageAccess
    let pulls: ImagePulls

    /// Why there is no image: the reason and message of the container's waiting state.
    struct Failure: Error {
        let waiting: WaitingReason
        /// A pull was tried, so the next one has to wait longer.
        let wasTried: Bool
    }

    /// One image for one pod.
    private struct Wish {
        /// As the pod names it.
        let image: String
        /// With `:latest` where it has neither tag nor digest.
        let name: String
        let reference: ObjectReference
        let credentials: [PullCredential]
    }

    /// Tells the pod's events what it does. Of `credentials` those for this image are tried one after the other.
    func ensure(
        _ container: Container, reference: ObjectReference, credentials: [PullCredential]
    ) async throws(Failure) -> CRIImage {
        let image = container.image ?? ""
        guard ImageReference.isValid(image) else {
            let text =
                "Failed to apply default image tag \"\(image)\": couldn't parse image name \"\(image)\": "
                + "invalid reference format" + ImageReference.complaint(image)
            recorder.record(reference, .warning, reason: "InspectFailed", text)
            throw failure("InvalidImageName", text, reference)
        }
        let name = ImageReference.withDefaultTag(image)
        let repository = ImageReference.repository(image)
        let wish = Wish(
            image: image, name: name, reference: reference,
            credentials: PullCredential.matching(repository, in: credentials))
        let policy = container.imagePullPolicy ?? (name.hasSuffix(":latest") ? "Always" : "IfNotPresent")
        guard policy != "Always" else { return try await pull(wish) }
        if let present = try await status(name, wish) {
            if await access.permits(name, id: present.id, repository: repository, credentials: wish.credentials) {
                recorder.record(
                    reference, .normal, reason: "Pulled",
                    "Container image \"\(image)\" already present on machine and can be accessed by the pod")
                return present
            }
            if policy == "Never" {
                throw neverPull(
                    "is present with pull policy of Never but does not have the proper credentials to "
                        + "access the image", wish)
            }
        } else if policy == "Never" {
            throw neverPull("is not present with pull policy of Never", wish)
        }
        return try await pull(wish)
    }

    private func neverPull(_ problem: String, _ wish: Wish) -> Failure {
        let text = "Container image \"\(wish.image)\" \(problem)"
        recorder.record(wish.reference, .warning, reason: "ErrImageNeverPull", text)
        return failure("ErrImageNeverPull", text, wish.reference)
    }

    private func failure(
        _ reason: String, _ text: String, _ reference: ObjectReference, wasTried: Bool = false
    ) -> Failure {
        recorder.record(reference, .warning, reason: "Failed", "Error: \(reason)")
        return Failure(waiting: WaitingReason(reason: reason, message: text), wasTried: wasTried)
    }

    private func pull(_ wish: Wish) async throws(Failure) -> CRIImage {
        let (image, reference) = (wish.image, wish.reference)
        recorder.record(reference, .normal, reason: "Pulling", "Pulling image \"\(image)\"")
        let began = ContinuousClock.now
        let text: String
        do {
            let pulled = try await pulls.pull(wish.name, credentials: wish.credentials)
            let waited = Self.text(ContinuousClock.now - began)
            if let present = try await status(pulled.id, wish) {
                recorder.record(
                    reference, .normal, reason: "Pulled",
                    "Successfully pulled image \"\(image)\" in \(Self.text(pulled.taken)) "
                        + "(\(waited) including waiting). Image size: \(present.size) bytes.")
                return present
            }
            text = "image \"\(image)\" vanished after its pull"
        } catch let error as Failure {
            throw error
        } catch {
            text = "\(error)"
        }
        if Task.isCancelled {
            // The pod is gone, or Skiff ends: nobody failed.
            throw Failure(waiting: .creating, wasTried: false)
        }
        recorder.record(reference, .warning, reason: "Failed", "Failed to pull image \"\(image)\": \(text)")
        throw failure("ErrImagePull", text, reference, wasTried: true)
    }

    private func status(_ name: String, _ wish: Wish) async throws(Failure) -> CRIImage? {
        do {
            return try await cri.imageStatus(name)
        } catch {
            let text = "Failed to inspect image \"\(wish.image)\": \(error)"
            recorder.record(wish.reference, .warning, reason: "InspectFailed", text)
            throw failure("ImageInspectError", text, wish.reference)
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
