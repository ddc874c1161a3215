internal import APIMachinery

/// `projected` volumes: several sources in one directory.
enum ProjectionValidation {
    private static let conflict = "conflicting duplicate paths"
    private static let tokenSecondsMin: Int64 = 600
    private static let tokenSecondsMax: Int64 = 1 << 32

    static func validate(_ projection: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        FileModeValidation.check(projection["defaultMode"], path["defaultMode"], &errors)
        var paths = Set<String>()
        for (index, source) in projection.list("sources").enumerated() {
            let own = path["sources"][index]
            var count = 0
            for kind in ["secret", "configMap"] {
                guard let keys = source.present(kind) else { continue }
                count += 1
                self.keys(keys, own[kind], path, &paths, &errors)
            }
            if let files = source.present("downwardAPI") {
                count += 1
                for file in files.list("items") {
                    DownwardValidation.file(file, own["downwardAPI"], &errors)
                    let place = file.text("path")
                    if !place.isEmpty, !paths.insert(place).inserted { errors.invalid(path, place, conflict) }
                }
            }
            if let token = source.present("serviceAccountToken") {
                count += 1
                self.token(token, own["serviceAccountToken"], path, &errors)
            }
            if let bundle = source.present("clusterTrustBundle") {
                count += 1
                trustBundle(bundle, own["clusterTrustBundle"], &errors)
                if !paths.insert(bundle.text("path")).inserted { errors.invalid(path, bundle.text("path"), conflict) }
            }
            if let certificate = source.present("podCertificate") {
                count += 1
                self.certificate(certificate, own["podCertificate"], path, &paths, &errors)
            }
            if count > 1 { errors.forbidden(own, "may not specify more than 1 volume type per source") }
        }
    }

    private static func keys(
        _ source: Value, _ own: FieldPath, _ volume: FieldPath, _ paths: inout Set<String>, _ errors: inout FieldErrors
    ) {
        let name = source.text("name")
        if name.isEmpty { errors.required(own["name"]) }
        for (index, item) in source.list("items").enumerated() {
            FileModeValidation.keyToPath(item, own["items"][index], &errors)
            let place = item.text("path")
            if !place.isEmpty, !paths.insert(place).inserted { errors.invalid(volume, name, conflict) }
        }
    }

    private static func token(
        _ token: Value, _ own: FieldPath, _ volume: FieldPath, _ errors: inout FieldErrors
    ) {
        let seconds = token["expirationSeconds"]?.int ?? 0
        if seconds < tokenSecondsMin {
            errors.invalid(own["expirationSeconds"], seconds, "may not specify a duration less than 10 minutes")
        }
        if seconds > tokenSecondsMax {
            errors.invalid(own["expirationSeconds"], seconds, "may not specify a duration larger than 2^32 seconds")
        }
        let place = token.text("path")
        if place.isEmpty {
            errors.required(volume["path"])
        } else {
            PathValidation.nonReserved(place, volume["path"], &errors)
        }
    }

    private static func trustBundle(_ bundle: Value, _ own: FieldPath, _ errors: inout FieldErrors) {
        let (name, signer) = (bundle.present("name")?.string, bundle.present("signerName")?.string)
        switch (name, signer) {
        case (.some, .some): errors.invalid(own, bundle, "only one of name and signerName may be used")
        case (let name?, nil):
            if name.isEmpty { errors.required(own["name"], "must be a valid object name") }
            for violation in NameValidation.dns1123Subdomain(String(name.split(separator: ":").last ?? "")) {
                errors.invalid(own["name"], name, "not a valid clustertrustbundlename: " + violation)
            }
            if let selector = bundle.present("labelSelector") {
                errors.invalid(own["labelSelector"], selector, "labelSelector must be unset if name is specified")
            }
        case (nil, let signer?):
            if signer.isEmpty { errors.required(own["signerName"], "must be a valid signer name") }
            LabelSelectorValidation.validate(bundle.present("labelSelector"), own["labelSelector"], &errors)
        case (nil, nil): errors.required(own, "either name or signerName must be specified")
        }
        let place = bundle.text("path")
        if place.isEmpty { errors.required(own["path"]) }
        PathValidation.nonReserved(place, own["path"], &errors)
    }

    private static let keyTypes = ["ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"]
    private static let certificateSeconds: ClosedRange<Int64> = 3600...(91 * 24 * 3600)

    private static func certificate(
        _ source: Value, _ own: FieldPath, _ volume: FieldPath, _ paths: inout Set<String>, _ errors: inout FieldErrors
    ) {
        if source.text("signerName").isEmpty { errors.required(own["signerName"]) }
        errors.oneOf(keyTypes, own["keyType"], source.text("keyType"))
        if let seconds = source["maxExpirationSeconds"]?.int, !certificateSeconds.contains(seconds) {
            errors.invalid(
                own["maxExpirationSeconds"], seconds,
                seconds < certificateSeconds.lowerBound
                    ? "if provided, maxExpirationSeconds must be >= 3600"
                    : "if provided, maxExpirationSeconds must be <= 7862400")
        }
        let places = ["credentialBundlePath", "keyPath", "certificateChainPath"].filter { !source.text($0).isEmpty }
        if places.isEmpty {
            errors.required(
                own, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath")
        }
        for field in places {
            let place = source.text(field)
            PathValidation.nonReserved(place, own[field], &errors)
            if !paths.insert(place).inserted { errors.invalid(volume, place, conflict) }
        }
    }
}

/// Permissions, and files made from keys.
enum FileModeValidation {
    static func check(_ mode: Value?, _ path: FieldPath, _ errors: inout FieldErrors) {
        guard let mode = mode?.int, !(0...0o777).contains(mode) else { return }
        errors.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")
    }

    static func keyToPath(_ item: Value, _ path: FieldPath, _ errors: inout FieldErrors) {
        if item.text("key").isEmpty { errors.required(path["key"]) }
        let place = item.text("path")
        if place.isEmpty { errors.required(path["path"]) }
        PathValidation.nonReserved(place, path["path"], &errors)
        check(item["mode"], path["mode"], &errors)
    }
}

/// Paths inside volumes.
enum PathValidation {
    static func noBacksteps(_ place: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if hasBacksteps(place) { errors.invalid(path, place, "must not contain '..'") }
    }

    static func hasBacksteps(_ place: String) -> Bool {
        var dots = 0
        for byte in place.utf8 {
            if byte == UInt8(ascii: "/") {
                if dots == 2 { return true }
                dots = 0
            } else {
                dots = byte == UInt8(ascii: ".") && dots >= 0 ? dots + 1 : -1
            }
        }
        return dots == 2
    }

    /// Relative, and never upwards.
    static func descending(_ place: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        if place.hasPrefix("/") { errors.invalid(path, place, "must be a relative path") }
        noBacksteps(place, path, &errors)
    }

    /// The same, and not one of the hidden names that the kubelet uses.
    static func nonReserved(_ place: String, _ path: FieldPath, _ errors: inout FieldErrors) {
        descending(place, path, &errors)
        if place.hasPrefix(".."), !place.hasPrefix("../") { errors.invalid(path, place, "must not start with '..'") }
    }
}
