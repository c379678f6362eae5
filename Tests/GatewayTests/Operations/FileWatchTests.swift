// SPDX-License-Identifier: Apache-2.0
// Renewed certificates are noticed once, and only when all of them are there.
import Foundation
import Testing

@testable import Gateway

@Suite struct FileWatchTests {
    private let folder: TemporaryFolder
    private let certificate: String
    private let key: String

    init() throws {
        folder = try TemporaryFolder()
        certificate = try folder.write("first", to: "gateway.pem")
        key = try folder.write("first", to: "gateway.key")
    }

    /// Puts something else where a file or link is, in one step.
    private func rename(_ new: String, to old: String) throws {
        let status = unsafe Foundation.rename(new, old)
        try #require(status == 0)
    }

    private func remove(_ file: String) throws {
        try FileManager.default.removeItem(atPath: file)
    }

    @Test func filesThatStayTheSameAreNeverTold() {
        var watch = FileWatch(files: [certificate, key])
        for second in 0..<20 as Range<Int64> {
            #expect(watch.hasChanged(now: .seconds(second)) == false)
        }
    }

    @Test func changeIsToldOnce() throws {
        var watch = FileWatch(files: [certificate, key])
        try folder.write("the second", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(1)) == true)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
        try folder.write("the very third", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(3)) == true)
        #expect(watch.hasChanged(now: .seconds(4)) == false)
    }

    @Test func changeBeforeTheFirstLookIsTold() throws {
        var watch = FileWatch(files: [certificate])
        try folder.write("the second", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(0)) == true)
    }

    @Test func fileReplacedByRenameIsTold() throws {
        var watch = FileWatch(files: [certificate])
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        // Of the same length: only the file is another.
        try rename(folder.write("other", to: "gateway.pem.new"), to: certificate)
        #expect(watch.hasChanged(now: .seconds(2)) == true)
        #expect(watch.hasChanged(now: .seconds(3)) == false)
    }

    @Test func newerDateIsTold() throws {
        var watch = FileWatch(files: [certificate])
        let date = Date(timeIntervalSince1970: 2_000_000_000)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: certificate)
        #expect(watch.hasChanged(now: .seconds(1)) == true)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
    }

    @Test func filesAreLookedAtOnceASecond() throws {
        var watch = FileWatch(files: [certificate])
        let start = Timestamp.seconds(0)
        #expect(watch.hasChanged(now: start) == false)
        try folder.write("the second", to: "gateway.pem")
        #expect(watch.hasChanged(now: start + 1) == false)
        #expect(watch.hasChanged(now: start + 999) == false)
        #expect(watch.hasChanged(now: start + 1_000) == true)
    }

    @Test func missingFileIsNotToldUntilItIsBack() throws {
        var watch = FileWatch(files: [certificate])
        try remove(certificate)
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
        try folder.write("the second", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(3)) == true)
        #expect(watch.hasChanged(now: .seconds(4)) == false)
    }

    @Test func fileThatWasOnlyAwayIsNotTold() throws {
        var watch = FileWatch(files: [certificate])
        try rename(certificate, to: "\(certificate).away")
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        try rename("\(certificate).away", to: certificate)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
    }

    @Test func fileThatComesLaterIsTold() throws {
        try remove(certificate)
        var watch = FileWatch(files: [certificate])
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        try folder.write("first", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(2)) == true)
        #expect(watch.hasChanged(now: .seconds(3)) == false)
    }

    @Test func changesBetweenTwoLooksAreOne() throws {
        var watch = FileWatch(files: [certificate, key])
        try folder.write("the second", to: "gateway.pem")
        try folder.write("the second", to: "gateway.key")
        #expect(watch.hasChanged(now: .seconds(1)) == true)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
    }

    @Test func missingFileHoldsTheOthersBack() throws {
        var watch = FileWatch(files: [certificate, key])
        try folder.write("the second", to: "gateway.pem")
        try remove(key)
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        try folder.write("the second", to: "gateway.key")
        #expect(watch.hasChanged(now: .seconds(2)) == true)
        #expect(watch.hasChanged(now: .seconds(3)) == false)
    }

    @Test func linkThatLeadsElsewhereIsTold() throws {
        // As certbot and Kubernetes renew: the files stay, a link is switched to the new ones.
        let link = "\(folder.path)/current.pem"
        let next = "\(folder.path)/next.pem"
        let files = FileManager.default
        try files.createSymbolicLink(atPath: link, withDestinationPath: certificate)
        var watch = FileWatch(files: [link])
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        try files.createSymbolicLink(atPath: next, withDestinationPath: key)
        try rename(next, to: link)
        #expect(watch.hasChanged(now: .seconds(2)) == true)
        #expect(watch.hasChanged(now: .seconds(3)) == false)
    }

    @Test func fileBehindALinkIsWatched() throws {
        let link = "\(folder.path)/current.pem"
        try FileManager.default.createSymbolicLink(
            atPath: link,
            withDestinationPath: certificate
        )
        var watch = FileWatch(files: [link])
        try folder.write("the second", to: "gateway.pem")
        #expect(watch.hasChanged(now: .seconds(1)) == true)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
    }

    @Test func nothingToWatchNeverChanges() {
        var watch = FileWatch(files: [])
        #expect(watch.hasChanged(now: .seconds(1)) == false)
        #expect(watch.hasChanged(now: .seconds(2)) == false)
    }

    @Test func clockThatIsSetBackHidesNoChange() throws {
        var watch = FileWatch(files: [certificate])
        #expect(watch.hasChanged(now: .seconds(86_400)) == false)
        try folder.write("the second", to: "gateway.pem")
        var isTold = false
        for second in 0..<60 as Range<Int64> where watch.hasChanged(now: .seconds(second)) {
            isTold = true
        }
        #expect(isTold)
    }
}
