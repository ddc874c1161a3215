internal import APIMachinery
internal import CRI
internal import KubeAPI

/// A pod's sandbox as last seen in the runtime.
struct SandboxRecord: Sendable, Equatable {
    var id: String
    var attempt: UInt32
    /// Creation time in nanoseconds, to tell the newest.
    var createdAt: Int64
    var isReady: Bool
    var ips: [String]

    init(_ status: CRIPodSandboxStatus) {
        id = status.id
        attempt = status.metadata.attempt
        createdAt = status.createdAt
        isReady = status.state == .sandboxReady
        ips = status.network.ip.isEmpty ? [] : [status.network.ip] + status.network.additionalIps.map(\.ip)
    }
}

/// Why a container is not running, as `state.waiting` tells it.
struct WaitingReason: Sendable, Equatable {
    var reason: String
    var message: String?

    static let creating = WaitingReason(reason: "ContainerCreating")
    static let initializing = WaitingReason(reason: "PodInitializing")

    init(reason: String, message: String? = nil) {
        self.reason = reason
        self.message = message
    }
}

/// What is known of one container of a pod: its newest life in the runtime and the one before.
struct ContainerRecord: Sendable {
    /// What the worker is doing with the container right now.
    enum Activity: Sendable, Equatable {
        case idle
        case starting
        case stopping
    }

    var activity = Activity.idle
    /// The newest container as last read; `nil` before the first one exists.
    var status: CRIContainerStatus?
    /// The sandbox it was created in.
    var sandboxID: String?
    /// How the life before the newest ended.
    var lastTermination: ContainerStateTerminated?
    /// The container of that life, kept for its log.
    var previousID: String?
    /// How the newest life ended, with the message it left; set once it has exited.
    var termination: ContainerStateTerminated?
    /// What keeps the next life from starting.
    var waiting: WaitingReason?
    var crash = CrashBackOff()
    var image = ImageBackOff()
    /// A configuration or runtime error is tried again then.
    var retryAt: ContinuousClock.Instant?
    /// The restart count of the newest life; the API's word counts where the runtime has forgotten.
    var restartCount = 0
    /// `true` once the container has been up in this sandbox (with no startup probe: at once).
    var hasStarted = false

    /// A rule starts the pod over: this container lives again, however its last life ended.
    var startsOver = false
    /// Its new resources need a new life.
    var resizeRestarts = false
    /// The resources that the runtime was last told to hold it to.
    var given: ResourceRequirements?
    /// What the runtime really holds it to; `nil` until read.
    var actual: ResourceRequirements?

    /// What the readiness probe says; `true` where there is none.
    var isReady = true

    var isRunning: Bool { status?.state == .containerRunning }
    var hasExited: Bool { status?.state == .containerExited || (status == nil && termination != nil) }
    var exitCode: Int32? { hasExited ? termination?.exitCode ?? status?.exitCode : nil }
    var id: String? { status?.id }
}

/// The wait between restarts of a crashing container: none, 10 s, 20 s, ... 300 s; forgotten after ten good minutes.
struct CrashBackOff: Sendable, Equatable {
    static let first = Duration.seconds(10)
    static let max = Duration.seconds(300)
    static let forgetAfter = Duration.seconds(600)

    /// How long after the next exit the container has to wait.
    private(set) var delay = Duration.zero
    private var lastStart: ContinuousClock.Instant?

    /// Notes a (re)start after a crash.
    mutating func restarted(at now: ContinuousClock.Instant) {
        if let lastStart, now - lastStart > Self.forgetAfter { delay = .zero }
        delay = delay == .zero ? Self.first : Swift.min(delay * 2, Self.max)
        lastStart = now
    }

    /// When a container that exited at `exit` may start again.
    func due(afterExit exit: ContinuousClock.Instant) -> ContinuousClock.Instant {
        if let lastStart, exit - lastStart > Self.forgetAfter { return exit }
        return exit + delay
    }
}

/// The wait between pulls of an image that cannot be had: 10 s doubling to 300 s.
struct ImageBackOff: Sendable, Equatable {
    private(set) var delay = Duration.zero
    private(set) var until: ContinuousClock.Instant?
    /// When the failure has been shown long enough, and the wait is shown instead.
    private(set) var noticeAt: ContinuousClock.Instant?
    /// What the registry said last, with its reason.
    private(set) var lastError: WaitingReason?

    mutating func failed(_ error: WaitingReason, at now: ContinuousClock.Instant) {
        delay = delay == .zero ? .seconds(10) : Swift.min(delay * 2, .seconds(300))
        until = now + delay
        noticeAt = now + .seconds(2)
        lastError = error
    }

    mutating func reset() { self = ImageBackOff() }

    func isWaiting(at now: ContinuousClock.Instant) -> Bool { until.map { $0 > now } ?? false }
}
