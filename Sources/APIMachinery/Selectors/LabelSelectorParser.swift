extension LabelRequirements {
    /// Parses `a=b,c!=d,e in (x,y),f notin (z),!g,h,i>1`. Empty selects everything.
    package static func parse(_ text: String) throws(SelectorError) -> LabelRequirements {
        var parser = LabelSelectorParser(text)
        return LabelRequirements(try parser.parse().sorted { $0.key < $1.key })
    }
}

/// The grammar of upstream's label selectors.
private struct LabelSelectorParser {
    private typealias Requirement = LabelRequirements.Requirement

    private enum Kind {
        case end, identifier, comma, openParenthesis, closeParenthesis, not
        case equals, doubleEquals, notEquals, greaterThan, lessThan, `in`, notIn, unknown
    }

    private struct Token {
        var kind: Kind
        var text: String
    }

    private var tokens: [Token] = []
    private var position = 0

    init(_ text: String) {
        var rest = Substring(text)
        while true {
            rest = rest.drop(while: Self.isSpace)
            guard let first = rest.first else { break }
            let run: Substring
            if Self.isSpecial(first) {
                run = Self.symbol(at: rest)
            } else {
                run = rest.prefix { !Self.isSpecial($0) && !Self.isSpace($0) }
            }
            tokens.append(Token(kind: Self.kind(of: run), text: String(run)))
            rest = rest.dropFirst(run.count)
        }
    }

    private static func isSpace(_ character: Character) -> Bool { " \t\r\n".contains(character) }
    private static func isSpecial(_ character: Character) -> Bool { "=!(),><".contains(character) }

    /// The longest known symbol, or the whole run of special characters.
    private static func symbol(at text: Substring) -> Substring {
        for length in [2, 1] where kind(of: text.prefix(length)) != .identifier { return text.prefix(length) }
        return text.prefix(while: isSpecial)
    }

    private static func kind(of text: Substring) -> Kind {
        switch text {
        case ",": .comma
        case "(": .openParenthesis
        case ")": .closeParenthesis
        case "!": .not
        case "=": .equals
        case "==": .doubleEquals
        case "!=": .notEquals
        case ">": .greaterThan
        case "<": .lessThan
        case "in": .in
        case "notin": .notIn
        default: .identifier
        }
    }

    /// `asValue`: the words `in` and `notin` are names here.
    private func look(asValue: Bool = true) -> Token {
        guard position < tokens.count else { return Token(kind: .end, text: "") }
        var token = tokens[position]
        if asValue, token.kind == .in || token.kind == .notIn { token.kind = .identifier }
        return token
    }

    private mutating func take(asValue: Bool = true) -> Token {
        let token = look(asValue: asValue)
        position += 1
        return token
    }

    private func expected(_ what: String, _ found: Token) -> SelectorError {
        SelectorError(description: "found '\(found.text)', expected: \(what)")
    }

    mutating func parse() throws(SelectorError) -> [LabelRequirements.Requirement] {
        var requirements: [Requirement] = []
        while true {
            let token = look()
            switch token.kind {
            case .end: return requirements
            case .identifier, .not:
                do throws(SelectorError) {
                    requirements.append(try requirement())
                } catch {
                    throw SelectorError(description: "unable to parse requirement: \(error)")
                }
                let next = take()
                switch next.kind {
                case .end: return requirements
                case .comma:
                    let after = look()
                    guard after.kind == .identifier || after.kind == .not else {
                        throw expected("identifier after ','", after)
                    }
                default: throw expected("',' or 'end of string'", next)
                }
            default: throw expected("!, identifier, or 'end of string'", token)
            }
        }
    }

    private mutating func requirement() throws(SelectorError) -> Requirement {
        var token = take()
        let isNegated = token.kind == .not
        if isNegated { token = take() }
        guard token.kind == .identifier else { throw expected("identifier", token) }
        let key = token.text
        try Requirement.checkKey(key)
        let next = look().kind
        if isNegated || next == .end || next == .comma {
            return try Requirement(key: key, operator: isNegated ? .doesNotExist : .exists, checking: [])
        }
        let symbol = take(asValue: false)
        switch symbol.kind {
        case .in: return try Requirement(key: key, operator: .in, checking: try values())
        case .notIn: return try Requirement(key: key, operator: .notIn, checking: try values())
        case .equals: return try Requirement(key: key, operator: .equals, checking: [try exactValue()])
        case .doubleEquals: return try Requirement(key: key, operator: .doubleEquals, checking: [try exactValue()])
        case .notEquals: return try Requirement(key: key, operator: .notEquals, checking: [try exactValue()])
        case .greaterThan: return try Requirement(key: key, operator: .greaterThan, checking: [try exactValue()])
        case .lessThan: return try Requirement(key: key, operator: .lessThan, checking: [try exactValue()])
        default: throw expected("in, notin, =, ==, !=, gt, lt", symbol)
        }
    }

    private mutating func exactValue() throws(SelectorError) -> String {
        let next = look()
        if next.kind == .end || next.kind == .comma { return "" }
        guard next.kind == .identifier else { throw expected("identifier", next) }
        position += 1
        return next.text
    }

    private mutating func values() throws(SelectorError) -> [String] {
        let open = take()
        guard open.kind == .openParenthesis else {
            throw SelectorError(description: "found '\(open.text)' expected: '('")
        }
        var found: Set<String> = []
        switch look().kind {
        case .closeParenthesis:
            // `()` is a list of one empty value.
            position += 1
            return [""]
        case .identifier, .comma: try identifiers(into: &found)
        default: throw expected("',', ')' or identifier", look())
        }
        let close = take()
        guard close.kind == .closeParenthesis else { throw expected("')'", close) }
        return found.sorted()
    }

    private mutating func identifiers(into found: inout Set<String>) throws(SelectorError) {
        while true {
            let token = take()
            switch token.kind {
            case .identifier:
                found.insert(token.text)
                let next = look()
                if next.kind == .closeParenthesis { return }
                guard next.kind == .comma else { throw expected("',' or ')'", next) }
            case .comma:
                if found.isEmpty { found.insert("") }
                if look().kind == .closeParenthesis {
                    found.insert("")
                    return
                }
                if look().kind == .comma {
                    position += 1
                    found.insert("")
                }
            default: throw expected("',', or identifier", token)
            }
        }
    }
}
