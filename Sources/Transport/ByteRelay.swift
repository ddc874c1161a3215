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

    /// As `run`, but what one side has ended is only ended on the other, which may still have something to say. Returns
    /// when both have ended, or one has failed; both are closed then.
    package static func runToBothEnds(_ left: any HalfClosingByteStream, _ right: any HalfClosingByteStream) async {
        await withTaskGroup { group in
            group.addTask { await copyWithEnd(left, to: right) }
            group.addTask { await copyWithEnd(right, to: left) }
            if await group.next() == true { _ = await group.next() }
            await left.close()
            await right.close()
            group.cancelAll()
        }
    }

    /// False where a side has failed.
    private static func copyWithEnd(_ source: any ByteStream, to target: any HalfClosingByteStream) async -> Bool {
        do {
            while let bytes = try await source.read() { try await target.write(bytes) }
        } catch {
            return false
        }
        await target.finish()
        return true
    }

    private static func copy(_ source: any ByteStream, to target: any ByteStream) async {
        // A broken connection is an end like any other: there is nobody left to tell.
        while let bytes = try? await source.read() {
            guard (try? await target.write(bytes)) != nil else { return }
        }
    }
}
