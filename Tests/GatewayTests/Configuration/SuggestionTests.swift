// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Gateway

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3),
        ("ab", "ba", 1), ("speed", "sped", 1), ("ü", "u", 1),
    ])
    func editDistanceCountsEditsAndSwaps(left: String, right: String, distance: Int) {
        #expect(Suggestion.editDistance(left, right) == distance)
        #expect(Suggestion.editDistance(right, left) == distance)
    }

    @Test func nearestWordIsSuggested() {
        let known = ["headlights", "ignition", "speed_kmh", "sped_kmh"]
        #expect(Suggestion.nearest(to: "headlight", among: known) == "headlights")
        #expect(Suggestion.nearest(to: "speed_khm", among: known) == "speed_kmh")
        #expect(Suggestion.nearest(to: "IGNITION", among: known) == "ignition")
    }

    @Test func wordThatIsFarFromAllHasNoSuggestion() {
        #expect(Suggestion.nearest(to: "colour", among: ["ignition", "speed"]) == nil)
        #expect(Suggestion.sentence(for: "colour", among: ["ignition", "speed"]).isEmpty)
    }

    @Test func wordItselfIsNotSuggested() {
        #expect(Suggestion.nearest(to: "speed", among: ["speed"]) == nil)
    }

    @Test func sentenceFollowsAnError() {
        #expect(Suggestion.sentence(for: "sped", among: ["speed"]) == "; did you mean 'speed'?")
    }
}
