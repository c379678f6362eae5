// SPDX-License-Identifier: Apache-2.0
// A vehicle's row: its signals as `[["speed_kmh", 12.5, 1767600000123], …]`, each with its event
// time in milliseconds; SQLite's json_each reads it.

extension Vehicle {
    /// Writes the signals of the row.
    func encodeSignals(names: SignalTable, into json: inout JSONWriter) {
        json.raw("[")
        for (position, signal) in signals.enumerated() {
            json.raw(position == 0 ? "[" : ",[")
            json.string(names.name(of: signal))
            json.raw(",")
            json.value(values[position])
            json.raw(",")
            json.int(times[position].milliseconds)
            json.raw("]")
        }
        json.raw("]")
    }

    /// Takes the signals of a row back.
    func decodeSignals(_ text: String, names: SignalTable, parser: JSONParser) throws(JSONError) {
        let document = try parser.parse(text)
        for element in 0..<document.count {
            let leaves = document.leaves(of: element)
            guard leaves.count == 3, case .text(let name)? = document.value(at: leaves.lowerBound),
                let value = document.value(at: leaves.lowerBound + 1),
                case .int(let time)? = document.value(at: leaves.lowerBound + 2),
                let signal = names.id(ofName: name)
            else { continue }
            _ = merge(signal, value, at: Timestamp(milliseconds: time))
        }
    }
}
