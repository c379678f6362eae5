// SPDX-License-Identifier: Apache-2.0
// Whether a number has changed its unit. Numbers are looked at in samples; a window of them whose range lies
// far off that of the windows before, by a factor that units are known to differ by, is a guess worth telling.

/// The range of a numeric path, in windows of samples.
struct NumberRange: Sendable {
    /// Samples of one window.
    static let windowSamples = 16
    /// Windows that make a range that others are compared with.
    static let referenceWindows = 2
    /// A number that hardly moves is a code or a constant, and may become another.
    static let movesMin = 8

    struct Window: Sendable, Equatable {
        var minimum = Double.infinity
        var maximum = -Double.infinity
        var samples = 0
        /// Samples above the one before, and below it.
        var rises = 0
        var falls = 0

        init(_ number: Double, after last: Double?) {
            minimum = number
            maximum = number
            samples = 1
            rises = last.map { number > $0 ? 1 : 0 } ?? 0
            falls = last.map { number < $0 ? 1 : 0 } ?? 0
        }

        init() {}

        /// A whole window of samples in motion.
        init(_ range: ClosedRange<Double>) {
            minimum = range.lowerBound
            maximum = range.upperBound
            samples = NumberRange.windowSamples
            rises = NumberRange.windowSamples / 2
            falls = NumberRange.windowSamples / 2
        }

        var moves: Int { rises + falls }

        var width: Double { maximum - minimum }
        var middle: Double { (minimum + maximum) / 2 }

        mutating func add(_ other: Window) {
            minimum = Swift.min(minimum, other.minimum)
            maximum = Swift.max(maximum, other.maximum)
            samples += other.samples
            rises += other.rises
            falls += other.falls
        }
    }

    /// Of everything that was ever sampled.
    private(set) var all = Window()
    /// The windows that were taken last, oldest first: those that others are compared with, and one in
    /// between, in which the jump may have happened.
    private var former: [Window] = []
    private var window = Window()
    private var last: Double?

    init() {}

    /// What an earlier run of the gateway had seen.
    init(all: ClosedRange<Double>, reference: ClosedRange<Double>?) {
        self.all = Window(all)
        if let reference { former = [Window](repeating: Window(reference), count: 3) }
    }

    /// What new windows are compared with; `nil` as long as there is too little.
    var reference: Window? {
        guard former.count > Self.referenceWindows else { return nil }
        return former.prefix(Self.referenceWindows).reduce(into: Window()) { $0.add($1) }
    }

    /// The same for a later run of the gateway; `nil` of a number that moves on by itself, as counters do:
    /// how far it moves in between is not known.
    var lasting: Window? {
        let steps = zip(former, former.dropFirst()).map { $1.middle - $0.middle }
        let stride = former.map(\.width).reduce(0, +) / Double(max(1, former.count)) / 2
        let isOnItsWay =
            steps.allSatisfy { $0 > stride } || steps.allSatisfy { $0 < -stride }
        return isOnItsWay ? nil : reference
    }

    /// Takes a sample; gives the guess, when it completes a window that smells of another unit.
    mutating func add(_ number: Double) -> UnitGuess? {
        let sample = Window(number, after: last)
        last = number
        all.add(sample)
        window.add(sample)
        guard window.samples == Self.windowSamples else { return nil }
        defer { window = Window() }
        guard let reference else {
            former.append(window)
            return nil
        }
        let guess = UnitGuess(from: reference, to: window)
        if guess == nil {
            former.removeFirst()
        } else {
            // The range that it has jumped to is the range from here on.
            former.removeAll()
        }
        former.append(window)
        return guess
    }
}

/// That a path is told in another unit, and what speaks for it.
struct UnitGuess: Sendable, Equatable {
    let before: ClosedRange<Double>
    let after: ClosedRange<Double>
    /// Such as `x 0.6214: km to mi`.
    let evidence: String

    /// Factors between units that vehicles measure in (NIST SP 811, appendix B).
    private static let factors: [(factor: Double, name: String)] = [
        (1.609344, "mi to km, or mph to km/h"), (3.6, "m/s to km/h"), (2.236936, "m/s to mph"),
        (3.785412, "gal to l"), (4.546092, "imperial gal to l"), (6.894757, "psi to kPa"),
        (14.50377, "bar to psi"), (4.1868, "kcal to kJ"), (1.34102, "kW to hp"),
        (57.29578, "rad to deg"), (1_000, "a prefix of 1,000"), (100, "a ratio to percent"),
        (60, "minutes to seconds"), (3_600, "hours to seconds"), (10, "a scale of 10"),
    ]

    /// How far a range may miss a factor: samples of a vehicle in motion are never the same.
    private static let tolerance = 0.12

    /// `nil` unless the ranges lie apart by a step that a unit explains.
    init?(from before: NumberRange.Window, to after: NumberRange.Window) {
        guard before.moves >= NumberRange.movesMin, after.moves >= NumberRange.movesMin,
            before.middle != 0, after.middle != 0
        else { return nil }
        // What only ever rises, as a counter does, has risen.
        let isRise = after.middle > before.middle
        guard isRise ? after.falls > 0 : after.rises > 0 else { return nil }
        let gap = max(after.minimum - before.maximum, before.minimum - after.maximum)
        // A ramp moves on by what it has moved before; a jump by much more.
        guard gap > 0, gap >= 2 * max(before.width, after.width) else { return nil }
        guard let evidence = Self.explain(before, after) else { return nil }
        self.before = before.minimum...before.maximum
        self.after = after.minimum...after.maximum
        self.evidence = evidence
    }

    private static func explain(
        _ before: NumberRange.Window,
        _ after: NumberRange.Window
    ) -> String? {
        let ratio = after.middle / before.middle
        func isNear(_ value: Double, _ wanted: Double) -> Bool {
            (value / wanted - 1).magnitude <= tolerance
        }
        for (factor, name) in factors {
            if isNear(ratio, factor) { return "x \(factor): \(name)" }
            if isNear(ratio, 1 / factor) {
                return "/ \(factor): the inverse of \(name)"
            }
        }
        if isNear(after.middle, before.middle * 1.8 + 32) {
            return "x 1.8 + 32: Celsius to Fahrenheit"
        }
        if isNear(after.middle, (before.middle - 32) / 1.8) {
            return "(- 32) / 1.8: Fahrenheit to Celsius"
        }
        let offset = after.middle - before.middle
        if (offset.magnitude - 273.15).magnitude <= 8 { return "offset 273.15: Celsius and Kelvin" }
        return nil
    }
}
