// SPDX-License-Identifier: Apache-2.0
#ifndef READER_HPP
#define READER_HPP

#include "json_text.hpp"
#include "payload_shim.h"

struct payload_shim_reader {
    JSONText json;
    std::string chunks; // of a CBOR string that comes in pieces

    payload_shim_reader(size_t depth_max, size_t text_max) : json(depth_max, text_max) {}
};

inline payload_shim_text failure(const payload_shim_reader &reader, const char *error, size_t position) {
    bool is_large = reader.json.is_too_large();
    return {nullptr, 0, error, position, is_large ? payload_shim_too_large : payload_shim_malformed};
}

inline payload_shim_text success(const payload_shim_reader &reader) {
    const std::string &text = reader.json.text();
    return {text.data(), text.size(), nullptr, 0, payload_shim_read};
}

#endif
