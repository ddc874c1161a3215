/// When images that nothing uses go: https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images
struct ImageCollectionSettings: Sendable, Equatable {
    /// Use of the disk, in percent, from which images are removed, and down to which.
    var highPercent = 85
    var lowPercent = 80
    /// Younger images stay.
    var ageMin = Duration.seconds(120)
    /// Images that nothing has used for this long go whatever room there is; zero for never.
    var ageMax = Duration.zero
}
