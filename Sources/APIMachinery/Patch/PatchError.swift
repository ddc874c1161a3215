/// Why a patch was refused, with upstream's text and the class of answer it gets.
package enum PatchError: Error, Equatable, CustomStringConvertible {
    /// The patch itself is not well formed: 400.
    case malformed(String)
    /// The patch does not apply to this object: 422.
    case invalid(String)
    /// Upstream answers 500 without a reason.
    case internalError(String)
    /// Past a bound: 413.
    case tooLarge(String)

    package var description: String {
        switch self {
        case .malformed(let text), .invalid(let text), .internalError(let text), .tooLarge(let text): text
        }
    }
}
