// SPDX-License-Identifier: Apache-2.0
// Goal: the gateway that is installed has the routes, over the log that it writes.
import Testing

@testable import DepotTesting
@testable import Gateway

extension IntegrationSuites {
    @Suite(.serialized) struct VehicleRecordTests {
        @Test("what a vehicle has sent, and what fires for it, is in its record")
        func recordFollowsTheVehicle() async throws {
            let depot = try LocalDepot.test()
            defer { depot.close() }
            try depot.startBroker()
            try depot.configure()
            try await depot.runGateway()
            try depot.publish([
                .state("car-1", 1, ignition: "off", headlights: true, speed: 0),
                .state("car-2", 2, ignition: "run", headlights: true, speed: 50),
            ])
            func isOn(_ vehicle: String) -> Bool {
                let record = parseJSON(depot.body("/api/vehicles/\(vehicle)"))
                return (record["signals"] as? [String: Any])?["headlights"] as? Bool == true
            }
            try await until("both are written", explain: { depot.explanation }) {
                isOn("car-1") && isOn("car-2")
            }
            let record = parseJSON(depot.body("/api/vehicles/car-1?times=true"))
            #expect(record["alerts"] as? [String] == ["headlights_left_on"])
            #expect((record["times"] as? [String: Any])?["headlights"] is Int)
            let page = parseJSON(depot.body("/api/vehicles?filter=speed_kmh%20%3E%2010"))
            let vehicles = page["vehicles"] as? [[String: Any]]
            #expect(vehicles?.compactMap { $0["vehicle"] as? String } == ["car-2"])
        }
    }
}
