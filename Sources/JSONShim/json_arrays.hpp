// SPDX-License-Identifier: Apache-2.0
//
// What the configuration says about arrays, and how a walk knows which of it concerns the place
// where it stands.
#ifndef JSON_ARRAYS_HPP
#define JSON_ARRAYS_HPP

#include "json_shim.h"

#include <string>
#include <string_view>
#include <vector>

// One configured array: its path, level by level; "*" is any one level.
struct array_rule {
    std::vector<std::string> segments;
    json_shim_array_mode mode;
    std::string key; // of a pivot
};

struct json_shim_arrays {
    std::vector<array_rule> rules; // at most JSON_SHIM_ARRAYS_MAX; an earlier one wins
    uint64_t repeated_bytes_max;
    bool explodes;
};

// A place of a walk: how deep it is, and the rules whose path fits so far, a bit for each.
struct level {
    uint32_t depth;
    uint32_t candidates;
};

static inline level first_level(const json_shim_arrays &arrays) {
    size_t count = arrays.rules.size();
    return {0, count == 32 ? UINT32_MAX : (uint32_t)((1u << count) - 1)};
}

// One level down, by the name that it has in paths.
static inline level step(const json_shim_arrays &arrays, level at, std::string_view segment) {
    uint32_t left = 0;
    for (uint32_t rest = at.candidates; rest; rest &= rest - 1) {
        uint32_t bit = (uint32_t)__builtin_ctz(rest);
        const std::vector<std::string> &segments = arrays.rules[bit].segments;
        if (at.depth < segments.size() && (segments[at.depth] == segment || segments[at.depth] == "*")) {
            left |= 1u << bit;
        }
    }
    return {at.depth + 1, left};
}

// A dot inside a key counts as one between levels: paths are compared as they are written.
static inline level step_key(const json_shim_arrays &arrays, level at, std::string_view key) {
    while (at.candidates) {
        size_t dot = key.find('.');
        at = step(arrays, at, key.substr(0, dot));
        if (dot == std::string_view::npos) {
            break;
        }
        key.remove_prefix(dot + 1);
    }
    return at;
}

// The rule for an array that stands here.
static inline const array_rule *rule_at(const json_shim_arrays &arrays, level at) {
    for (uint32_t rest = at.candidates; rest; rest &= rest - 1) {
        const array_rule &rule = arrays.rules[(size_t)__builtin_ctz(rest)];
        if (rule.segments.size() == at.depth) {
            return &rule;
        }
    }
    return nullptr;
}

#endif
