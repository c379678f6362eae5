// SPDX-License-Identifier: Apache-2.0
#ifndef JSON_PARSER_HPP
#define JSON_PARSER_HPP

#include "json_walk.hpp"

// Where an element's leaves came from, for its paths.
struct element_origin {
    element root;
    bool is_exploded;
    array exploded; // the array of which it is an element
    element item;
};

struct leaf_path {
    std::string path;
    std::string pattern;
};

struct json_shim_parser {
    simdjson::dom::parser dom;
    simdjson::ondemand::parser ondemand; // only to find where an error is
    const json_shim_arrays *arrays = nullptr; // of the last parse
    std::vector<json_shim_leaf> leaves;
    std::vector<json_shim_leaf> common; // those that stand outside an exploded array
    std::vector<json_shim_element> elements;
    std::vector<element_origin> origins;
    std::vector<leaf_path> paths; // of the element `paths_of`
    uint32_t paths_of = UINT32_MAX;
    uint64_t repeated_bytes = 0;
    uint32_t depth_max;
    uint64_t seed;

    json_shim_parser(uint32_t depth, uint64_t seed_) : depth_max(depth), seed(seed_) {}
};

static inline bool is_same(array left, array right) {
    return !(left.begin() != right.begin());
}

// Where a text that did not parse goes wrong; a byte position, or -1.
int64_t error_position(json_shim_parser *parser, const uint8_t *text, size_t length);

// What is wrong with the number at a position.
const char *describe_number(const uint8_t *text, size_t length, int64_t position);

#endif
