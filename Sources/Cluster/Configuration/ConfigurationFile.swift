internal import APIMachinery
internal import PKI

extension Configuration {
    /// Takes the settings of a YAML file whose keys are the flags' names, as k3s has it.
    package mutating func read(file path: String, isRequired: Bool) throws(ClusterError) {
        let content: [UInt8]?
        do {
            content = try PrivateFile.read(path)
        } catch {
            throw .invalidConfiguration("\(error)")
        }
        guard let content else {
            if isRequired { throw .invalidConfiguration("read \(path): No such file or directory; see --config") }
            return
        }
        do {
            try take(try Value(yaml: content), from: path)
        } catch let error as ClusterError {
            throw error
        } catch {
            throw .invalidConfiguration("read \(path): \(error)")
        }
    }

    private mutating func take(_ value: Value, from path: String) throws(ClusterError) {
        if value.isNull { return }
        guard let fields = value.fields else {
            throw .invalidConfiguration("read \(path): the file must hold keys and values")
        }
        for (name, value) in fields.entries {
            guard let setting = Self.settings.first(where: { $0.name == name }) else {
                throw .invalidConfiguration("read \(path): unknown setting \(name)")
            }
            guard set(setting, to: value) else {
                throw .invalidConfiguration(
                    "read \(path): \(name) cannot be \(String(decoding: value.jsonBytes(), as: UTF8.self))")
            }
        }
    }

    private mutating func set(_ setting: Setting, to value: Value) -> Bool {
        switch setting.kind {
        case .text(let path):
            guard let text = value.string ?? value.int.map({ String($0) }) else { return false }
            self[keyPath: path] = text
        case .number(let path):
            guard let number = value.int ?? value.string.flatMap({ Int64($0) }) else { return false }
            self[keyPath: path] = Int(number)
        case .list(let path):
            guard let texts = value.array?.map(\.string) ?? value.string.map({ [$0] }) else { return false }
            for text in texts {
                guard let text else { return false }
                self[keyPath: path].append(text)
            }
        case .toggle(let path):
            guard let isOn = value.bool else { return false }
            self[keyPath: path] = isOn
        }
        return true
    }

    /// The same settings in the file's form: kept beside the data, so that `down`, `status` and `delete` know what
    /// `up` was told.
    var yaml: String {
        var value = Value.object(OrderedFields())
        for setting in Self.settings {
            switch setting.kind {
            case .text(let path): value[setting.name] = .string(self[keyPath: path])
            case .number(let path): value[setting.name] = .int(Int64(self[keyPath: path]))
            case .list(let path): value[setting.name] = .array(self[keyPath: path].map { .string($0) })
            case .toggle(let path): value[setting.name] = .bool(self[keyPath: path])
            }
        }
        return value.yaml()
    }

    /// The settings that the server on `dataDirectory` runs or last ran with; `nil` if there never was one.
    package static func lastUsed(dataDirectory: String) throws(ClusterError) -> Configuration? {
        let path = Paths(dataDirectory: dataDirectory).usedConfiguration
        do {
            guard try PrivateFile.read(path) != nil else { return nil }
        } catch {
            throw .invalidConfiguration("\(error)")
        }
        var configuration = Configuration()
        try configuration.read(file: path, isRequired: true)
        configuration.dataDirectory = dataDirectory
        return configuration
    }
}
