// SPDX-License-Identifier: Apache-2.0

/// Whom an outlier named, as it arrived upstream.
struct NamedOutlier: Sendable, Hashable {
    let id: String
    let vehicle: String
    let time: Timestamp
    let holder: Holder
}

/// Whether outliers named the plate and the customer of the reservation that held at their own time.
struct NamingAccount {
    let outlierCount: Int
    private(set) var rightCount = 0
    /// The first that did not, in words.
    private(set) var firstWrong: String?
    /// Vehicles whose outliers named one customer and then another.
    private(set) var changedVehicles: [String] = []

    init(_ outliers: [NamedOutlier], _ data: BusinessData) {
        outlierCount = outliers.count
        var customers: [String: Set<String>] = [:]
        for outlier in outliers {
            guard let holder = data.holder(of: outlier.vehicle, at: outlier.time),
                outlier.holder == holder
            else {
                let truth = data.holder(of: outlier.vehicle, at: outlier.time)
                firstWrong =
                    firstWrong
                    ?? "\(outlier.id) named \(Self.words(outlier.holder)), it was \(Self.words(truth))"
                continue
            }
            rightCount += 1
            customers[outlier.vehicle, default: []].insert(holder.customer ?? "")
        }
        changedVehicles = customers.filter { $0.value.count > 1 }.keys.sorted()
    }

    /// What a person wants to know of it.
    var lines: [String] {
        var lines = [
            "demo: \(rightCount) of \(outlierCount) outliers named the plate and the customer of the "
                + "reservation of their time; cars that changed hands between two of theirs: "
                + "\(changedVehicles.count)"
        ]
        if let firstWrong { lines.append("demo: WRONG: \(firstWrong)") }
        return lines
    }

    private static func words(_ holder: Holder?) -> String {
        "\(holder?.customer ?? "nobody") with \(holder?.plate ?? "no car")"
    }
}
