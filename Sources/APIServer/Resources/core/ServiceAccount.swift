internal import APIMachinery

struct ServiceAccountStrategy: ResourceStrategy {
    var returnsDeletedObject: Bool { true }
}
