// SPDX-License-Identifier: Apache-2.0
import Testing

/// One line of RFC 8949, Appendix A, with the JSON that it becomes.
struct AppendixA: Sendable, CustomTestStringConvertible {
    let hex: String
    let json: String

    var testDescription: String { hex }

    init(_ hex: String, _ json: String) {
        self.hex = hex
        self.json = json
    }

    static let examples = [
        AppendixA("00", #"0"#),
        AppendixA("01", #"1"#),
        AppendixA("0a", #"10"#),
        AppendixA("17", #"23"#),
        AppendixA("1818", #"24"#),
        AppendixA("1819", #"25"#),
        AppendixA("1864", #"100"#),
        AppendixA("1903e8", #"1000"#),
        AppendixA("1a000f4240", #"1000000"#),
        AppendixA("1b000000e8d4a51000", #"1000000000000"#),
        AppendixA("1bffffffffffffffff", #"18446744073709551615"#),
        AppendixA("c249010000000000000000", #"1.8446744073709552e+19"#),
        AppendixA("3bffffffffffffffff", #"-1.8446744073709552e+19"#),
        AppendixA("c349010000000000000000", #"-1.8446744073709552e+19"#),
        AppendixA("20", #"-1"#),
        AppendixA("29", #"-10"#),
        AppendixA("3863", #"-100"#),
        AppendixA("3903e7", #"-1000"#),
        AppendixA("f90000", #"0.0"#),
        AppendixA("f98000", #"-0.0"#),
        AppendixA("f93c00", #"1.0"#),
        AppendixA("fb3ff199999999999a", #"1.1"#),
        AppendixA("f93e00", #"1.5"#),
        AppendixA("f97bff", #"65504.0"#),
        AppendixA("fa47c35000", #"100000.0"#),
        AppendixA("fa7f7fffff", #"3.4028235e+38"#),
        AppendixA("fb7e37e43c8800759c", #"1e+300"#),
        AppendixA("f90001", #"5.9604645e-08"#),
        AppendixA("f90400", #"0.000061035156"#),
        AppendixA("f9c400", #"-4.0"#),
        AppendixA("fbc010666666666666", #"-4.1"#),
        AppendixA("f97c00", #"null"#),
        AppendixA("f97e00", #"null"#),
        AppendixA("f9fc00", #"null"#),
        AppendixA("fa7f800000", #"null"#),
        AppendixA("fa7fc00000", #"null"#),
        AppendixA("faff800000", #"null"#),
        AppendixA("fb7ff0000000000000", #"null"#),
        AppendixA("fb7ff8000000000000", #"null"#),
        AppendixA("fbfff0000000000000", #"null"#),
        AppendixA("f4", #"false"#),
        AppendixA("f5", #"true"#),
        AppendixA("f6", #"null"#),
        AppendixA("f7", #"null"#),
        AppendixA("c074323031332d30332d32315432303a30343a30305a", #""2013-03-21T20:04:00Z""#),
        AppendixA("c11a514b67b0", #"1363896240"#),
        AppendixA("c1fb41d452d9ec200000", #"1363896240.5"#),
        AppendixA("d74401020304", #""AQIDBA==""#),
        AppendixA("d818456449455446", #""ZElFVEY=""#),
        AppendixA(
            "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
            #""http://www.example.com""#
        ),
        AppendixA("40", #""""#),
        AppendixA("4401020304", #""AQIDBA==""#),
        AppendixA("60", #""""#),
        AppendixA("6161", #""a""#),
        AppendixA("6449455446", #""IETF""#),
        AppendixA("62225c", #""\"\\""#),
        AppendixA("62c3bc", #""ü""#),
        AppendixA("63e6b0b4", #""水""#),
        AppendixA("64f0908591", #""𐅑""#),
        AppendixA("80", #"[]"#),
        AppendixA("83010203", #"[1,2,3]"#),
        AppendixA("8301820203820405", #"[1,[2,3],[4,5]]"#),
        AppendixA(
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
            #"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"#
        ),
        AppendixA("a0", #"{}"#),
        AppendixA("a201020304", #"{"1":2,"3":4}"#),
        AppendixA("a26161016162820203", #"{"a":1,"b":[2,3]}"#),
        AppendixA("826161a161626163", #"["a",{"b":"c"}]"#),
        AppendixA(
            "a56161614161626142616361436164614461656145",
            #"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#
        ),
        AppendixA("5f42010243030405ff", #""AQIDBAU=""#),
        AppendixA("7f657374726561646d696e67ff", #""streaming""#),
        AppendixA("9fff", #"[]"#),
        AppendixA("9f018202039f0405ffff", #"[1,[2,3],[4,5]]"#),
        AppendixA("9f01820203820405ff", #"[1,[2,3],[4,5]]"#),
        AppendixA("83018202039f0405ff", #"[1,[2,3],[4,5]]"#),
        AppendixA("83019f0203ff820405", #"[1,[2,3],[4,5]]"#),
        AppendixA(
            "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
            #"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]"#
        ),
        AppendixA("bf61610161629f0203ffff", #"{"a":1,"b":[2,3]}"#),
        AppendixA("826161bf61626163ff", #"["a",{"b":"c"}]"#),
        AppendixA("bf6346756ef563416d7421ff", #"{"Fun":true,"Amt":-2}"#),
    ]
}
