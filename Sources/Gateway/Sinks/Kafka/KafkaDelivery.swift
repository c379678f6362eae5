// SPDX-License-Identifier: Apache-2.0

/// How a lane's events get into Kafka: what differs between exactly_once and at_least_once.
protocol KafkaDelivery: AnyObject {
    /// A new client is there: finds out where to go on.
    func begin() throws
    /// Sends what there is; tells whether there may be more to do at once.
    func step(now: Timestamp) throws -> Bool
    /// How long nothing needs to be done, unless something happens.
    func waitMilliseconds(now: Timestamp) -> Int64
    /// There may be new events in the log.
    func lookAgain(now: Timestamp)
    /// A step has failed: what was under way is sent again.
    func rewind()
    /// Whether the client may be replaced without sending anything twice; brings that about.
    func settle() throws -> Bool
    /// Where each stream is.
    var places: [(cursor: Int64, inFlight: Int)] { get }
}

/// What both ways of delivery stand on.
struct KafkaLane {
    /// A read of the log brings at most so many bytes of payload: what one transaction holds.
    static let readBytes = 4 << 20

    let streams: [KafkaLaneStream]
    let sink: String
    let link: KafkaLink
    let reader: LogReader
    let report: LaneReport
    let inbox: LogInbox
    let stop: StopSignal
    /// Events that may be under way at once.
    let window: Int
    let group: String
    /// Which log this is.
    let logID: String
    let lingerMilliseconds: Int64
    let transactionTimeoutMilliseconds: Int64

    /// The cursors in the log.
    func localCursors() throws -> [Int64] {
        try streams.map { try reader.cursor(sink: sink, stream: $0.stream) }
    }

    /// A record's stream and offset in one number, which librdkafka carries along.
    static func tag(_ index: Int, _ offset: Int64) -> Int64 { Int64(index) << 56 | offset }

    static func place(of tag: Int64) -> (index: Int, offset: Int64) {
        (Int(tag >> 56), tag & ((1 << 56) - 1))
    }

    /// Puts an event that Kafka will never take among the dead letters, and waits until it is there.
    ///
    /// Before that, no cursor may pass it. Gives the time at which the event came in.
    @discardableResult
    func refuse(_ index: Int, _ offset: Int64, because error: KafkaError) throws -> Timestamp {
        let events = try reader.read(
            streams[index].stream,
            after: offset - 1,
            count: 1,
            bytesMax: 1
        )
        // Retention may have taken it meanwhile.
        guard let event = events.first, event.offset == offset else { return .distantPast }
        let number = report.refuse(event, index, because: "Kafka refuses the record: \(error)")
        while !inbox.isRecorded(number) {
            guard !stop.isSet else { throw LaneStopped() }
            stop.wait(milliseconds: 5)
        }
        return event.arrival
    }
}
