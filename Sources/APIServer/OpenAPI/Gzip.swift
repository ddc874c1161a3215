internal import CZlib

/// gzip (RFC 1952) of whole buffers.
enum Gzip {
    /// - Parameter level: 1 (fast) to 9 (small).
    static func compress(_ bytes: [UInt8], level: Int32 = 4) -> [UInt8] {
        var stream = GzipStream(level: level)
        stream.append(bytes)
        return stream.finish()
    }

    /// `nil` if the bytes are no complete gzip stream or grow past `bytesMax`.
    static func decompress(_ bytes: [UInt8], bytesMax: Int = 64 << 20) -> [UInt8]? {
        var stream = z_stream()
        // 15 bits of window, plus 16 for the gzip wrapper instead of zlib's.
        guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output: [UInt8] = []
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while status == Z_OK, output.count <= bytesMax {
                let chunk = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    status = inflate(&stream, Z_NO_FLUSH)
                    count = buffer.count - Int(stream.avail_out)
                }
                output += chunk
                if chunk.isEmpty, status == Z_OK { status = Z_DATA_ERROR }
            }
        }
        return status == Z_STREAM_END ? output : nil
    }
}

/// Compresses a document that is made piece by piece, so that it never exists uncompressed as a whole.
struct GzipStream: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private var output: [UInt8] = []

    init(level: Int32) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)
        )
        precondition(status == Z_OK, "zlib refused its own constants: \(status)")
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        deflateAll(bytes, flush: Z_NO_FLUSH)
    }

    /// The whole gzip stream, exactly sized.
    mutating func finish() -> [UInt8] {
        deflateAll([], flush: Z_FINISH)
        return Array(output[...])
    }

    private mutating func deflateAll(_ bytes: [UInt8], flush: Int32) {
        let stream = stream
        var input = bytes
        var produced: [UInt8] = []
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            var isDone = false
            while !isDone {
                produced += [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    let status = deflate(stream, flush)
                    isDone = stream.pointee.avail_out != 0 || status == Z_STREAM_END
                    count = buffer.count - Int(stream.pointee.avail_out)
                }
            }
            stream.pointee.next_in = nil
        }
        output += produced
    }
}
