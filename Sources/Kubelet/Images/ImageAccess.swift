internal import APIMachinery
internal import CRI
internal import Logging

/// Who may use which image of this node: one that was pulled with a secret is only for pods that have the secret, or
/// the same login in another. Images that Skiff did not pull, such as loaded ones, are for all:
/// https://kubernetes.io/docs/concepts/containers/images/#ensureimagepullcredentialverification
///
/// The records are files, a file an image, so that they outlive this process.
actor ImageAccess {
    /// Records kept; the oldest goes first. A node has no room for that many images.
    static let recordsMax = 2000
    /// Secrets remembered for one repository of an image.
    static let secretsMax = 100

    private let directory: String
    private let cri: CRIClient
    private let logger: Logger
    private var records: [String: ImageRecord] = [:]
    /// Names being pulled, with how often: such an image may be there before its record is.
    private var intents: [String: Int] = [:]
    /// When the record was written, to tell those of images that a list made before cannot have.
    private var written: [String: ContinuousClock.Instant] = [:]
    private var loading: Task<Bool, Never>?

    init(directory: String, cri: CRIClient, logger: Logger) {
        self.directory = directory
        self.cri = cri
        self.logger = logger
    }

    private var pulledDirectory: String { directory + "/pulled" }
    private var pullingDirectory: String { directory + "/pulling" }

    /// False where the pod has to prove by a pull that it may have the image.
    func permits(_ name: String, id: String, repository: String, credentials: [PullCredential]) async -> Bool {
        guard await load() else { return false }
        guard let record = records[id] else { return intents[name] == nil }
        guard let allowed = record.repositories[repository] else { return false }
        if allowed.isForAll { return true }
        for credential in credentials {
            let hash = credential.hash
            let isKnown = allowed.secrets.contains { $0.source == credential.source }
            let isSame = allowed.secrets.contains { !$0.hash.isEmpty && $0.hash == hash }
            guard isKnown || isSame else { continue }
            if !(isKnown && isSame) { await note(id, repository, credential) }
            return true
        }
        return false
    }

    /// Before a pull. A crash from here on leaves a sign that the image was not there by itself.
    func begin(_ name: String) async throws {
        guard await load() else { throw ConfigurationError("the records in \(directory) cannot be read") }
        intents[name, default: 0] += 1
        guard intents[name] == 1 else { return }
        let path = intentPath(name)
        try await BlockingWork.run { try FileSystem.write(path, name.utf8, mode: 0o600) }
    }

    func failed(_ name: String) async {
        await end(name)
    }

    /// After a pull. `credential` is the one that worked; without one the image is for all pods of the node.
    func pulled(_ name: String, id: String, repository: String, with credential: PullCredential?) async {
        await note(id, repository, credential)
        await end(name)
    }

    /// Forgets the images that are not in `ids`, a list that was made at `time` or later.
    func retain(_ ids: Set<String>, asOf time: ContinuousClock.Instant) async {
        guard await load() else { return }
        for id in records.keys where !ids.contains(id) {
            if let moment = written[id], moment > time { continue }
            await forget(id)
        }
    }

    // MARK: - Files

    private func note(_ id: String, _ repository: String, _ credential: PullCredential?) async {
        var record = records[id] ?? ImageRecord(id: id)
        record.add(credential, to: repository, secretsMax: Self.secretsMax)
        records[id] = record
        written[id] = .now
        if records.count > Self.recordsMax, let oldest = written.min(by: { $0.value < $1.value })?.key {
            await forget(oldest)
        }
        let (path, bytes) = (recordPath(id), record.json.jsonBytes())
        do {
            try await BlockingWork.run { try FileSystem.write(path, bytes, mode: 0o600) }
        } catch {
            logger.warning("cannot note who may use image \(id): \(error)")
        }
    }

    private func forget(_ id: String) async {
        records[id] = nil
        written[id] = nil
        let path = recordPath(id)
        try? await BlockingWork.run { try FileSystem.remove(path) }
    }

    private func end(_ name: String) async {
        guard let count = intents[name] else { return }
        intents[name] = count > 1 ? count - 1 : nil
        guard count == 1 else { return }
        let path = intentPath(name)
        try? await BlockingWork.run { try FileSystem.remove(path) }
    }

    private func recordPath(_ id: String) -> String {
        pulledDirectory + "/" + String(id.map { $0 == ":" || $0 == "/" ? "-" : $0 })
    }

    /// A name of 255 bytes or more would be no file's.
    private func intentPath(_ name: String) -> String {
        pullingDirectory + "/" + ImageRecord.digest(name)
    }

    /// Reads the files once; false where that fails, to be tried again.
    private func load() async -> Bool {
        if let loading { return await loading.value }
        let task = Task { await self.read() }
        loading = task
        let isRead = await task.value
        if !isRead { loading = nil }
        return isRead
    }

    /// Reads what the process before left. A pull that it did not end may have brought an image that nobody has a
    /// record for: then nobody may use it without a pull.
    private func read() async -> Bool {
        let (pulled, pulling) = (pulledDirectory, pullingDirectory)
        do {
            let (kept, names) = try await BlockingWork.run { () -> ([ImageRecord], [String]) in
                try FileSystem.createDirectory(pulled, mode: 0o700)
                try FileSystem.createDirectory(pulling, mode: 0o700)
                let records = FileSystem.entries(pulled).prefix(Self.recordsMax).compactMap { name in
                    (try? FileSystem.read(pulled + "/" + name, bytesMax: 1 << 20)).flatMap(ImageRecord.init(json:))
                }
                let names = FileSystem.entries(pulling).prefix(Self.recordsMax).compactMap {
                    FileSystem.text(pulling + "/" + $0)
                }
                return (records, names)
            }
            for record in kept {
                records[record.id] = record
                written[record.id] = .now
            }
            for name in names { await settle(name) }
            return true
        } catch {
            logger.warning("cannot read who may use which image: \(error)")
            return false
        }
    }

    private func settle(_ name: String) async {
        do {
            if let image = try await cri.imageStatus(name), records[image.id] == nil {
                let record = ImageRecord(id: image.id)
                records[image.id] = record
                written[image.id] = .now
                let (path, bytes) = (recordPath(image.id), record.json.jsonBytes())
                try await BlockingWork.run { try FileSystem.write(path, bytes, mode: 0o600) }
            }
            let path = intentPath(name)
            try await BlockingWork.run { try FileSystem.remove(path) }
        } catch {
            // Not known is not for all: the sign stays.
            intents[name, default: 0] += 1
        }
    }
}
