// SPDX-License-Identifier: Apache-2.0
//
// JSON text written from events, flat: depth, size and the form of keys are checked as they come, so a
// reader needs neither recursion nor a tree of values.
#ifndef JSON_TEXT_HPP
#define JSON_TEXT_HPP

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

class JSONText {
public:
    JSONText(size_t depth_max, size_t size_max) : depth_max_(depth_max), size_max_(size_max) {}

    void clear() {
        text_.clear();
        levels_.clear();
        error_ = nullptr;
        is_too_large_ = false;
        is_complete_ = false;
    }

    const std::string &text() const { return text_; }
    const char *error() const { return error_; }
    bool is_too_large() const { return is_too_large_; }
    // The value at the root has ended.
    bool is_complete() const { return is_complete_; }
    bool expects_key() const { return !levels_.empty() && levels_.back().is_map && !levels_.back().has_key; }
    bool is_open_ended() const { return !levels_.empty() && levels_.back().is_open_ended; }

    bool fail(const char *error) {
        error_ = error;
        return false;
    }

    // Of arrays and maps that tell their length, `count` elements or pairs follow; others end by `close`.
    bool open(bool is_map, uint64_t count, bool is_open_ended) {
        if (levels_.size() >= depth_max_) return fail("nested too deeply");
        if (!begin_value("a map key is an array or a map")) return false;
        text_.push_back(is_map ? '{' : '[');
        levels_.push_back({is_map, is_open_ended, false, true, count});
        return !is_open_ended && count == 0 ? close() : fits();
    }

    bool close() {
        if (levels_.empty()) return fail("an end without a beginning");
        if (levels_.back().has_key) return fail("a map ends after a key without its value");
        text_.push_back(levels_.back().is_map ? '}' : ']');
        levels_.pop_back();
        return end_value();
    }

    bool literal(std::string_view word) {
        if (!begin_value("a map key is neither text nor an integer")) return false;
        text_.append(word);
        return end_value();
    }

    // An integer, also as a key.
    bool integer(std::string_view digits) {
        if (!expects_key()) return literal(digits);
        begin_key();
        text_.append(digits);
        return end_key();
    }

    bool unsigned_integer(uint64_t value) {
        char digits[24];
        return integer({digits, size_t(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
    }

    bool signed_integer(int64_t value) {
        char digits[24];
        return integer({digits, size_t(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
    }

    // The shortest decimal that reads back as the same number of the same width; null when it is none.
    template <typename Float> bool number(Float value) {
        if (!std::isfinite(value)) return literal("null");
        char digits[64];
        double size = std::fabs(double(value));
        bool is_plain = size == 0 || (size >= 1e-5 && size < 1e15);
        auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
        char *end = std::to_chars(digits, digits + sizeof digits - 2, value, format).ptr;
        if (!std::memchr(digits, '.', end - digits) && !std::memchr(digits, 'e', end - digits)) {
            *end++ = '.';
            *end++ = '0';
        }
        return literal({digits, size_t(end - digits)});
    }

    bool string(std::string_view value) {
        if (expects_key()) {
            begin_key();
            return escape(value) && end_key();
        }
        if (!begin_value("")) return false;
        text_.push_back('"');
        if (!escape(value)) return false;
        text_.push_back('"');
        return end_value();
    }

    // Bytes, as Base64 (RFC 4648, section 4).
    bool bytes(const uint8_t *bytes, size_t length) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        if (!begin_value("a map key is a byte string")) return false;
        if (text_.size() + length / 3 * 4 > size_max_) return too_large();
        text_.push_back('"');
        for (size_t i = 0; i < length; i += 3) {
            size_t rest = length - i;
            uint32_t group = bytes[i] << 16 | (rest > 1 ? bytes[i + 1] << 8 : 0) | (rest > 2 ? bytes[i + 2] : 0);
            text_.push_back(digits[group >> 18]);
            text_.push_back(digits[group >> 12 & 63]);
            text_.push_back(rest > 1 ? digits[group >> 6 & 63] : '=');
            text_.push_back(rest > 2 ? digits[group & 63] : '=');
        }
        text_.push_back('"');
        return end_value();
    }

    // The first byte that does not continue a UTF-8 sequence (RFC 3629, section 4), or -1.
    static int64_t utf8_error(const uint8_t *text, size_t length) {
        for (size_t i = 0; i < length;) {
            uint8_t lead = text[i];
            if (lead < 0x80) {
                i++;
                continue;
            }
            size_t size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
            if (size == 0 || i + size > length) return (int64_t)i;
            uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
            uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
            if (text[i + 1] < low || text[i + 1] > high) return (int64_t)i;
            for (size_t k = 2; k < size; k++) {
                if ((text[i + k] & 0xC0) != 0x80) return (int64_t)i;
            }
            i += size;
        }
        return -1;
    }

private:
    struct Level {
        bool is_map;
        bool is_open_ended;
        bool has_key;
        bool is_first;
        uint64_t left; // elements or pairs
    };

    bool too_large() {
        is_too_large_ = true;
        return fail("too large");
    }

    bool fits() { return text_.size() <= size_max_ || too_large(); }

    void separate() {
        if (!levels_.back().is_first) text_.push_back(',');
        levels_.back().is_first = false;
    }

    bool begin_value(const char *error_as_key) {
        if (expects_key()) return fail(error_as_key);
        if (!levels_.empty() && !levels_.back().is_map) separate();
        return true;
    }

    // What ends with this value ends as well: the array that it fills, and so on outwards.
    bool end_value() {
        while (!levels_.empty()) {
            Level &level = levels_.back();
            level.has_key = false;
            if (level.is_open_ended || --level.left > 0) return fits();
            text_.push_back(level.is_map ? '}' : ']');
            levels_.pop_back();
        }
        is_complete_ = true;
        return fits();
    }

    void begin_key() {
        separate();
        text_.push_back('"');
    }

    bool end_key() {
        text_.append("\":");
        levels_.back().has_key = true;
        return fits();
    }

    bool escape(std::string_view value) {
        if (text_.size() + value.size() > size_max_) return too_large();
        for (unsigned char byte : value) {
            if (byte == '"' || byte == '\\') {
                text_.push_back('\\');
                text_.push_back((char)byte);
            } else if (byte < 0x20) {
                static const char digits[] = "0123456789abcdef";
                text_.append("\\u00");
                text_.push_back(digits[byte >> 4]);
                text_.push_back(digits[byte & 15]);
                if (text_.size() > size_max_) return too_large();
            } else {
                text_.push_back((char)byte);
            }
        }
        return true;
    }

    size_t depth_max_;
    size_t size_max_;
    std::string text_;
    std::vector<Level> levels_;
    const char *error_ = nullptr;
    bool is_too_large_ = false;
    bool is_complete_ = false;
};

#endif
