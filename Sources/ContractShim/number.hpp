// SPDX-License-Identifier: Apache-2.0
//
// Numbers as JSON writes them: integers of 64 bits and doubles, compared without rounding either.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <string>

namespace contract {

struct number {
    bool is_real;
    __int128 whole; // when it is not real
    double real;

    static std::optional<number> of(simdjson::dom::element value) {
        switch (value.type()) {
        case simdjson::dom::element_type::INT64:
            return number{false, value.get_int64().value_unsafe(), 0};
        case simdjson::dom::element_type::UINT64:
            return number{false, value.get_uint64().value_unsafe(), 0};
        case simdjson::dom::element_type::DOUBLE:
            return number{true, 0, value.get_double().value_unsafe()};
        default:
            return std::nullopt;
        }
    }

    // 5.0 is as whole as 5 (JSON Schema, section 4.2.1 of draft 7).
    bool is_whole() const { return !is_real || real == std::trunc(real); }
};

// Negative, zero or positive, as `a` is below, equal to or above `b`.
inline int compare(const number &a, const number &b) {
    if (!a.is_real && !b.is_real) {
        return (a.whole > b.whole) - (a.whole < b.whole);
    }
    if (a.is_real && b.is_real) {
        return (a.real > b.real) - (a.real < b.real);
    }
    if (a.is_real) {
        return -compare(b, a);
    }
    if (std::fabs(b.real) > 1e30) { // far beyond what an integer can be
        return b.real > 0 ? -1 : 1;
    }
    __int128 truncated = (__int128)b.real;
    if (a.whole != truncated) {
        return a.whole < truncated ? -1 : 1;
    }
    double fraction = b.real - (double)truncated;
    return (fraction < 0) - (fraction > 0);
}

// The shortest decimal that reads back as the same number.
inline std::string text(const number &value) {
    char buffer[40];
    char *end;
    if (value.is_real && !(value.is_whole() && std::fabs(value.real) < 1e18)) {
        end = std::to_chars(buffer, buffer + sizeof buffer, value.real).ptr;
    } else {
        __int128 whole = value.is_real ? (__int128)value.real : value.whole;
        char *start = buffer;
        if (whole < 0) {
            *start++ = '-';
            whole = -whole;
        }
        end = std::to_chars(start, buffer + sizeof buffer, (uint64_t)whole).ptr;
    }
    return std::string(buffer, end);
}

// A number's amount as digits · 10^exponent. Of a double it is the shortest decimal that reads back as
// the same: who writes 0.01 means a hundredth, and no double is one.
struct decimal {
    unsigned __int128 digits; // below 2^64
    int exponent;

    static decimal of(const number &value) {
        if (!value.is_real) {
            return {(unsigned __int128)(value.whole < 0 ? -value.whole : value.whole), 0};
        }
        char buffer[40];
        auto format = std::chars_format::scientific;
        char *end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value.real), format).ptr;
        decimal result{0, 0};
        const char *next = buffer;
        for (bool is_fraction = false; next < end && *next != 'e'; next++) {
            if (*next == '.') {
                is_fraction = true;
            } else {
                result.digits = result.digits * 10 + (unsigned)(*next - '0');
                result.exponent -= is_fraction;
            }
        }
        int power = 0;
        if (next < end) {
            next += next[1] == '+' ? 2 : 1;
            std::from_chars(next, end, power);
        }
        result.exponent += power;
        return result;
    }
};

// Whether `value` is a whole number of times `divisor`, which is above 0. Exact, without division of
// doubles.
inline bool is_multiple(const number &value, const number &divisor) {
    decimal a = decimal::of(value);
    decimal b = decimal::of(divisor);
    if (a.digits == 0 || b.digits == 0) {
        return a.digits == 0;
    }
    if (a.exponent < b.exponent) {
        int shift = b.exponent - a.exponent;
        if (shift > 19) { // 10^20 is more than the digits can be
            return false;
        }
        unsigned __int128 scaled = b.digits;
        for (; shift > 0; shift--) {
            scaled *= 10;
        }
        return a.digits % scaled == 0;
    }
    unsigned __int128 rest = a.digits % b.digits;
    unsigned __int128 power = 10 % b.digits;
    for (unsigned left = (unsigned)(a.exponent - b.exponent); left > 0; left >>= 1) {
        if (left & 1) {
            rest = rest * power % b.digits;
        }
        power = power * power % b.digits;
    }
    return rest == 0;
}

} // namespace contract
