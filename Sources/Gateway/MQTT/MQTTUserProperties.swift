// SPDX-License-Identifier: Apache-2.0
import Foundation
import MQTTShim

/// User properties of a PUBLISH (MQTT 5, section 3.3.2.3.7) that are made once and sent with every
/// event: only numbers change between two sends, and they are written in place.
@safe final class MQTTUserProperties {
    /// Room for the longest Int64 and its end.
    private static let valueBytes = 24

    let count: Int
    let list: UnsafeMutablePointer<mqtt_shim_property>
    private let values: [UnsafeMutablePointer<CChar>]

    init(_ properties: [(name: String, value: String)]) {
        count = properties.count
        unsafe list = .allocate(capacity: properties.count)
        var values: [UnsafeMutablePointer<CChar>] = unsafe []
        for (index, property) in properties.enumerated() {
            let room = max(Self.valueBytes, property.value.utf8.count + 1)
            let value = UnsafeMutablePointer<CChar>.allocate(capacity: room)
            unsafe value.initialize(repeating: 0, count: room)
            unsafe strcpy(value, property.value)
            let name = UnsafeMutablePointer<CChar>
                .allocate(
                    capacity: property.name.utf8.count + 1
                )
            unsafe strcpy(name, property.name)
            unsafe (list + index).initialize(to: mqtt_shim_property(name: name, value: value))
            unsafe values.append(value)
        }
        unsafe self.values = unsafe values
    }

    deinit {
        for index in 0..<count {
            unsafe values[index].deallocate()
            unsafe UnsafeMutablePointer(mutating: list[index].name).deallocate()
        }
        unsafe list.deallocate()
    }

    /// Changes the value of a property to a number.
    func set(_ index: Int, _ number: Int64) {
        let digits = String(number)
        precondition(digits.utf8.count < Self.valueBytes, "an Int64 fits")
        unsafe strcpy(values[index], digits)
    }
}
