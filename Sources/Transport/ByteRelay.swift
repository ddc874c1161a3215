/// Copies between two streams of bytes, both ways.
package enum ByteRelay {
    /// Returns when either side has ended or failed; both are closed then.
    package static func run(_ left: any ByteStream, _ right: any ByteStream) async {
        await withTaskGroup { group in
            group.addTask { await copy(left, to: right) }
            group.addTask { await copy(right, to: left) }
            await group.next()
            await left.close()
            await right.close()
            group.cancelAll()
        }
    }

    private static func copy(_ source: any ByteStream, to target: any ByteStream) async {
        // A broken connection is an end like any other: there is nobody left to tell.
        while let bytes = try? await source.read() {
            guard (try? await target.write(bytes)) != nil else { return }
        }
    }
}
