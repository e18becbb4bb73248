import RhoSyncCore

// Values are written as Swift's own: `["name": "Lamp", "price": 12.5, "sold": nil]`.

extension Value: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self = .text(text) }
}

extension Value: ExpressibleByIntegerLiteral {
    public init(integerLiteral number: Int64) { self = .integer(number) }
}

extension Value: ExpressibleByFloatLiteral {
    public init(floatLiteral number: Double) { self = .float(number) }
}

extension Value: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension Value: ExpressibleByNilLiteral {
    public init(nilLiteral: ()) { self = .null }
}

extension Value {
    /// A text; a list or an object is the text of its JSON.
    public init(_ text: String) { self = .text(text) }

    public init<Number: BinaryInteger>(_ number: Number) { self = .integer(Int64(number)) }

    public init(_ number: Double) { self = .float(number) }

    public init(_ value: Bool) { self = .boolean(value) }

    /// It, if it is a text.
    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    /// It, if it is a whole number.
    public var integer: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }

    /// It, if it is a number.
    public var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .float(let number): number
        default: nil
        }
    }

    /// It, if it is a truth value. SQLite has none: a query answers `integer`.
    public var boolean: Bool? {
        if case .boolean(let value) = self { value } else { nil }
    }
}

extension Value: CustomStringConvertible {
    public var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let number): "\(number)"
        case .float(let number): "\(number)"
        case .text(let text): text
        }
    }
}
