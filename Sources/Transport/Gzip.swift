internal import CZlib

/// Compression as `Content-Encoding: gzip`.
package struct Gzip: ~Copyable {
    /// Favours speed: a body is compressed once and thrown away.
    package static let defaultLevel: Int32 = 1

    private var stream: Deflater

    /// Compresses a body in parts: `append` as often as needed, then `finish` once.
    package init(level: Int32 = defaultLevel) {
        stream = Deflater(level: level, windowBits: 15 + 16)
    }

    /// Compresses `bytes`; returns what is ready, possibly nothing.
    package mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        stream.deflate(bytes, Z_NO_FLUSH)
    }

    /// Compresses `bytes` so that the receiver can read all of it now (a watch event).
    package mutating func flush(_ bytes: [UInt8] = []) -> [UInt8] {
        stream.deflate(bytes, Z_SYNC_FLUSH)
    }

    package mutating func finish() -> [UInt8] {
        stream.deflate([], Z_FINISH)
    }

    /// A whole body.
    package static func compress(_ bytes: [UInt8], level: Int32 = defaultLevel) -> [UInt8] {
        compress([bytes], level: level)
    }

    /// A whole body given in pieces.
    package static func compress(_ pieces: [[UInt8]], level: Int32 = defaultLevel) -> [UInt8] {
        var gzip = Gzip(level: level)
        var result: [UInt8] = []
        result.reserveCapacity(pieces.reduce(0) { $0 + $1.count } / 6)
        for piece in pieces where !piece.isEmpty { result += gzip.append(piece) }
        result += gzip.finish()
        return result
    }

    /// The original of a gzip body; `nil` if it is damaged or longer than `bytesMax`.
    package static func decompress(_ bytes: [UInt8], bytesMax: Int) -> [UInt8]? {
        var inflater = Inflater(windowBits: 15 + 16)
        guard let result = inflater.inflate(bytes, bytesMax: bytesMax), inflater.isEnded else { return nil }
        return result
    }
}

/// zlib's compressor. Owns C memory, hence not copyable.
struct Deflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int32, windowBits: Int32, dictionary: [UInt8] = []) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = deflateInit2_(
            stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        precondition(code == Z_OK, "zlib refused its parameters or is out of memory")
        if !dictionary.isEmpty { deflateSetDictionary(stream, dictionary, UInt32(dictionary.count)) }
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Compresses so that the receiver can decompress all of it now.
    mutating func sync(_ bytes: [UInt8]) -> [UInt8] {
        deflate(bytes, Z_SYNC_FLUSH)
    }

    mutating func deflate(_ bytes: [UInt8], _ flush: Int32) -> [UInt8] {
        var output: [UInt8] = []
        bytes.withUnsafeBufferPointer { input in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            var isFull = true
            while isFull {
                let chunk = [UInt8](unsafeUninitializedCapacity: 32 << 10) { buffer, count in
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    _ = CZlib.deflate(stream, flush)
                    count = buffer.count - Int(stream.pointee.avail_out)
                    isFull = stream.pointee.avail_out == 0
                }
                output += chunk
            }
            stream.pointee.next_in = nil
        }
        return output
    }
}

/// zlib's decompressor.
struct Inflater: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private let dictionary: [UInt8]
    /// The compressed stream has come to its end.
    private(set) var isEnded = false

    init(windowBits: Int32, dictionary: [UInt8] = []) {
        self.dictionary = dictionary
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(code == Z_OK, "zlib refused its parameters or is out of memory")
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// `nil` if the bytes are damaged or yield more than `bytesMax`.
    mutating func inflate(_ bytes: [UInt8], bytesMax: Int) -> [UInt8]? {
        var output: [UInt8] = []
        var isGood = true
        bytes.withUnsafeBufferPointer { input in
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            var isFull = true
            while isFull, isGood, !isEnded {
                let chunk = [UInt8](unsafeUninitializedCapacity: 32 << 10) { buffer, count in
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    var code = CZlib.inflate(stream, Z_SYNC_FLUSH)
                    if code == Z_NEED_DICT, !dictionary.isEmpty {
                        inflateSetDictionary(stream, dictionary, UInt32(dictionary.count))
                        code = CZlib.inflate(stream, Z_SYNC_FLUSH)
                    }
                    isEnded = code == Z_STREAM_END
                    isGood = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR
                    count = buffer.count - Int(stream.pointee.avail_out)
                    isFull = stream.pointee.avail_out == 0
                }
                output += chunk
                if output.count > bytesMax { isGood = false }
            }
            stream.pointee.next_in = nil
        }
        return isGood ? output : nil
    }
}
