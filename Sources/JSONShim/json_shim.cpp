// SPDX-License-Identifier: Apache-2.0
#include "json_shim.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <string>
#include <vector>

using simdjson::dom::element;
using simdjson::dom::element_type;

struct json_shim_parser {
    simdjson::dom::parser dom;
    simdjson::ondemand::parser ondemand; // only to find where an error is
    std::vector<json_shim_leaf> leaves;
    std::vector<json_shim_element> elements;
    std::vector<element> roots;
    std::vector<std::string> paths; // of the element `paths_of`
    uint32_t paths_of;
    uint32_t depth_max;
    uint64_t seed;

    json_shim_parser(uint32_t depth, uint64_t seed_) : paths_of(UINT32_MAX), depth_max(depth), seed(seed_) {}
};

// Hashing: 64 bits by multiplication, eight bytes at a time (after wyhash's mix).

static inline uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)(a ^ 0x9E3779B97F4A7C15ull) * (b ^ 0xD6E8FEB86659FD93ull);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_bytes(uint64_t seed, const char *bytes, size_t length) {
    uint64_t hash = mix(seed, length + 1);
    while (length >= 8) {
        uint64_t word;
        std::memcpy(&word, bytes, 8);
        hash = mix(hash, word);
        bytes += 8;
        length -= 8;
    }
    uint64_t tail = 0;
    std::memcpy(&tail, bytes, length);
    return mix(hash, tail);
}

// Flattening.

static inline json_shim_leaf make_leaf(element value) {
    json_shim_leaf leaf{};
    switch (value.type()) {
    case element_type::NULL_VALUE:
        leaf.kind = json_shim_null;
        break;
    case element_type::BOOL:
        leaf.kind = json_shim_bool;
        leaf.value.integer = value.get_bool().value_unsafe();
        break;
    case element_type::INT64:
        leaf.kind = json_shim_int;
        leaf.value.integer = value.get_int64().value_unsafe();
        break;
    case element_type::UINT64:
        leaf.kind = json_shim_double;
        leaf.value.real = (double)value.get_uint64().value_unsafe();
        break;
    case element_type::DOUBLE:
        leaf.kind = json_shim_double;
        leaf.value.real = value.get_double().value_unsafe();
        break;
    case element_type::STRING: {
        std::string_view text = value.get_string().value_unsafe();
        leaf.kind = json_shim_string;
        leaf.value.string = text.data();
        leaf.string_length = (uint32_t)text.size();
        break;
    }
    case element_type::ARRAY:
        leaf.kind = json_shim_empty_array;
        break;
    case element_type::OBJECT:
        leaf.kind = json_shim_empty_object;
        break;
    }
    return leaf;
}

// Integers and doubles are one kind here: 5 and 5.5 of the same signal are the same shape.
static inline uint64_t shape_kind(json_shim_kind kind) {
    return kind == json_shim_double ? json_shim_int : kind;
}

// `place` hashes the path down to `value`; `shape` gathers the leaves.
static void flatten(json_shim_parser *parser, element value, uint64_t place, uint64_t &shape, uint64_t &numbers) {
    if (value.type() == element_type::OBJECT) {
        simdjson::dom::object object = value.get_object().value_unsafe();
        if (object.begin() != object.end()) {
            for (auto field : object) {
                flatten(parser, field.value, hash_bytes(place, field.key.data(), field.key.size()), shape, numbers);
            }
            return;
        }
    } else if (value.type() == element_type::ARRAY) {
        simdjson::dom::array array = value.get_array().value_unsafe();
        if (array.begin() != array.end()) {
            uint64_t index = 0;
            for (auto item : array) {
                flatten(parser, item, mix(~place, ++index), shape, numbers);
            }
            return;
        }
    }
    json_shim_leaf leaf = make_leaf(value);
    shape = mix(shape, place + shape_kind(leaf.kind));
    numbers += leaf.kind == json_shim_double ? place : 0;
    parser->leaves.push_back(leaf);
}

static void add_element(json_shim_parser *parser, element root) {
    json_shim_element item{};
    item.first_leaf = (uint32_t)parser->leaves.size();
    item.is_object = root.type() == element_type::OBJECT;
    uint64_t shape = parser->seed;
    uint64_t numbers = 0;
    flatten(parser, root, parser->seed, shape, numbers);
    item.hash = shape;
    item.number_hash = numbers;
    item.leaf_count = (uint32_t)parser->leaves.size() - item.first_leaf;
    parser->elements.push_back(item);
    parser->roots.push_back(root);
}

static const char *describe(simdjson::error_code code) {
    switch (code) {
    case simdjson::EMPTY:
        return "empty payload";
    case simdjson::DEPTH_ERROR:
        return "nested too deeply";
    case simdjson::UTF8_ERROR:
        return "not valid UTF-8";
    case simdjson::UNCLOSED_STRING:
        return "a string is not closed";
    case simdjson::UNESCAPED_CHARS:
        return "a control character stands unescaped in a string";
    case simdjson::STRING_ERROR:
        return "a string has a broken escape";
    case simdjson::NUMBER_ERROR:
        return "a number is malformed or out of range";
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
        return "too large";
    default:
        return "not JSON";
    }
}

static json_shim_document parse(json_shim_parser *parser, const uint8_t *text, size_t length) {
    parser->leaves.clear();
    parser->elements.clear();
    parser->roots.clear();
    parser->paths_of = UINT32_MAX;
    // simdjson counts the scalar at the bottom as a level of its own.
    if (length > parser->dom.capacity() || parser->dom.max_depth() != parser->depth_max + 1) {
        simdjson::error_code grown = parser->dom.allocate(std::max<size_t>(length, 4096), parser->depth_max + 1);
        if (grown) {
            return {nullptr, nullptr, 0, describe(grown)};
        }
    }
    element root;
    simdjson::error_code code = parser->dom.parse(text, length, false).get(root);
    if (code) {
        return {nullptr, nullptr, 0, describe(code)};
    }
    if (root.type() == element_type::ARRAY) {
        for (auto item : root.get_array().value_unsafe()) {
            add_element(parser, item);
        }
    } else {
        add_element(parser, root);
    }
    return {parser->leaves.data(), parser->elements.data(), (uint32_t)parser->elements.size(), nullptr};
}

// Paths, for shapes that were not seen before.

static void list_paths(json_shim_parser *parser, element value, std::string &path) {
    size_t length = path.size();
    auto step = [&](std::string_view name) {
        if (length > 0) {
            path.push_back('.');
        }
        path.append(name);
    };
    if (value.type() == element_type::OBJECT && value.get_object().value_unsafe().size() > 0) {
        for (auto field : value.get_object().value_unsafe()) {
            step(field.key);
            list_paths(parser, field.value, path);
            path.resize(length);
        }
    } else if (value.type() == element_type::ARRAY && value.get_array().value_unsafe().size() > 0) {
        size_t index = 0;
        for (auto item : value.get_array().value_unsafe()) {
            step(std::to_string(index++));
            list_paths(parser, item, path);
            path.resize(length);
        }
    } else {
        parser->paths.push_back(path);
    }
}

// Where an error is: simdjson's second interface reads forward and remembers its place.

// `scalar` is where a scalar stands that is none; simdjson forgets that place.
static simdjson::error_code walk(simdjson::ondemand::value value, uint32_t depth, const char *&scalar);

static simdjson::error_code walk_scalar(simdjson::ondemand::value &value, simdjson::ondemand::json_type type) {
    switch (type) {
    case simdjson::ondemand::json_type::string:
        return value.get_string().error();
    case simdjson::ondemand::json_type::number:
        return value.get_number().error();
    case simdjson::ondemand::json_type::boolean:
        return value.get_bool().error();
    default: {
        bool is_null = false;
        simdjson::error_code code = value.is_null().get(is_null);
        return code ? code : is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
    }
}

static simdjson::error_code walk_array(simdjson::ondemand::array array, uint32_t depth, const char *&scalar) {
    for (auto item : array) {
        simdjson::ondemand::value next;
        simdjson::error_code code = item.get(next);
        if (!code) code = walk(next, depth, scalar);
        if (code) return code;
    }
    return simdjson::SUCCESS;
}

static simdjson::error_code walk_object(simdjson::ondemand::object object, uint32_t depth, const char *&scalar) {
    for (auto field : object) {
        simdjson::error_code code = field.unescaped_key().error();
        if (code) return code;
        simdjson::ondemand::value next;
        code = field.value().get(next);
        if (!code) code = walk(next, depth, scalar);
        if (code) return code;
    }
    return simdjson::SUCCESS;
}

static simdjson::error_code walk(simdjson::ondemand::value value, uint32_t depth, const char *&scalar) {
    if (depth == 0) {
        return simdjson::DEPTH_ERROR;
    }
    const char *start = value.raw_json_token().data();
    simdjson::ondemand::json_type type;
    simdjson::error_code code = value.type().get(type);
    if (code) {
        scalar = start;
        return code;
    }
    if (type == simdjson::ondemand::json_type::array) {
        simdjson::ondemand::array array;
        code = value.get_array().get(array);
        return code ? code : walk_array(array, depth - 1, scalar);
    }
    if (type == simdjson::ondemand::json_type::object) {
        simdjson::ondemand::object object;
        code = value.get_object().get(object);
        return code ? code : walk_object(object, depth - 1, scalar);
    }
    code = walk_scalar(value, type);
    if (code) {
        scalar = start;
    }
    return code;
}

// The first byte that does not continue a UTF-8 sequence (RFC 3629, section 4), or -1.
static int64_t utf8_error_position(const uint8_t *text, size_t length) {
    for (size_t i = 0; i < length;) {
        uint8_t lead = text[i];
        size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
        if (size == 0 || i + size > length || !simdjson::validate_utf8((const char *)text + i, size)) {
            return (int64_t)i;
        }
        i += size;
    }
    return -1;
}

static int64_t error_position(json_shim_parser *parser, const uint8_t *text, size_t length) {
    int64_t broken = utf8_error_position(text, length);
    if (broken >= 0) {
        return broken;
    }
    if (parser->ondemand.allocate(length, parser->depth_max + 1)) {
        return -1;
    }
    simdjson::ondemand::document document;
    simdjson::error_code code =
        parser->ondemand.iterate(text, length, length + JSON_SHIM_PADDING).get(document);
    if (code) {
        return code == simdjson::UNCLOSED_STRING ? (int64_t)length : code == simdjson::EMPTY ? 0 : -1;
    }
    simdjson::ondemand::value root;
    code = document.get_value().get(root);
    // A bare scalar has no walk; what is wrong with it starts where it starts.
    if (code == simdjson::SCALAR_DOCUMENT_AS_VALUE) {
        return 0;
    }
    const char *place = nullptr;
    if (!code) {
        code = walk(root, parser->depth_max + 1, place);
    }
    if (!place && document.current_location().get(place)) {
        return code ? -1 : (int64_t)length;
    }
    int64_t position = place - (const char *)text;
    return position < 0 ? 0 : position > (int64_t)length ? (int64_t)length : position;
}

// The C face. No C++ exception crosses it.

extern "C" {

json_shim_parser *json_shim_create(uint32_t depth_max, uint64_t seed) {
    return new (std::nothrow) json_shim_parser(depth_max, seed);
}

void json_shim_destroy(json_shim_parser *parser) {
    delete parser;
}

json_shim_document json_shim_parse(json_shim_parser *parser, const uint8_t *text, size_t length) {
    try {
        return parse(parser, text, length);
    } catch (const std::exception &) {
        return {nullptr, nullptr, 0, "too large"};
    }
}

const char *json_shim_path(json_shim_parser *parser, uint32_t element, uint32_t leaf, size_t *length) {
    if (parser->paths_of != element) {
        parser->paths.clear();
        std::string path;
        list_paths(parser, parser->roots[element], path);
        parser->paths_of = element;
    }
    const std::string &path = parser->paths[leaf - parser->elements[element].first_leaf];
    *length = path.size();
    return path.data();
}

int64_t json_shim_error_position(json_shim_parser *parser, const uint8_t *text, size_t length) {
    try {
        return error_position(parser, text, length);
    } catch (const std::exception &) {
        return -1;
    }
}

size_t json_shim_write_double(double value, char *buffer) {
    if (!std::isfinite(value)) {
        std::memcpy(buffer, "null", 4);
        return 4;
    }
    double size = std::fabs(value);
    bool is_plain = size == 0 || (size >= 1e-5 && size < 1e15);
    auto format = is_plain ? std::chars_format::fixed : std::chars_format::scientific;
    char *end = std::to_chars(buffer, buffer + 28, value, format).ptr;
    // 12.0 stays a number with a fraction: SQL divides integers and reals differently.
    if (!std::memchr(buffer, '.', end - buffer) && !std::memchr(buffer, 'e', end - buffer)) {
        *end++ = '.';
        *end++ = '0';
    }
    return (size_t)(end - buffer);
}

} // extern "C"
