// SPDX-License-Identifier: Apache-2.0
//
// What the harnesses share: a condition that must hold, and texts with their padding.
#ifndef EXPECT_HPP
#define EXPECT_HPP

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <simdjson.h>
#include <string>
#include <string_view>

// The sanitizers and libFuzzer take it from there: a stack, and the input in a file.
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);    \
            std::abort();                                                                          \
        }                                                                                          \
    } while (0)

inline constexpr size_t padding = 64;

// A text of its own allocation, so that the address sanitizer sees each byte beyond the padding.
struct padded_text {
    std::unique_ptr<uint8_t[]> bytes;
    size_t length;

    padded_text(std::string_view text, uint8_t fill) : bytes(new uint8_t[text.size() + padding]), length(text.size()) {
        if (!text.empty()) std::memcpy(bytes.get(), text.data(), text.size());
        std::memset(bytes.get() + length, fill, padding);
    }
};

// What stands in the padding of a text: in the gateway the next message does, which may be anything.
inline uint8_t fill_for(std::string_view text) {
    static constexpr char fills[] = "[]{},:\"\\1e.-n \xFF";
    return (uint8_t)fills[text.size() % (sizeof fills - 1)];
}

// An input's part before its last byte FF, and that after it; all of it is the text if there is none.
// FF stands in no text that is valid, so that JSON files can be inputs as they are.
inline bool split(std::string_view input, std::string_view &head, std::string_view &text) {
    size_t mark = input.rfind('\xFF');
    head = mark == std::string_view::npos ? std::string_view() : input.substr(0, mark);
    text = mark == std::string_view::npos ? input : input.substr(mark + 1);
    return mark != std::string_view::npos;
}

inline bool is_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

#endif
