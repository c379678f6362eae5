// SPDX-License-Identifier: Apache-2.0
//
// JSONShim: whatever the bytes are, it gives leaves with their paths, or a reason with its place.
//
// An input is a text. Before a byte FF there may be modes of arrays, one a line: `p` (pivot), `e`
// (explode) or `i` (index), the path, and for a pivot `=` and the key.
#include "expect.hpp"

#include "json_parser.hpp"

#include <map>
#include <utility>

static constexpr uint64_t seed = 0x0123456789ABCDEF;
static constexpr uint32_t depth_max = 32;
static constexpr uint32_t depth_small = 4;
static constexpr uint64_t repeated_bytes_max = 4096;

using arrays_pointer = std::unique_ptr<json_shim_arrays, decltype(&json_shim_arrays_destroy)>;

static const uint8_t *bytes_of(std::string_view text) {
    return (const uint8_t *)text.data();
}

static arrays_pointer make_arrays(std::string_view lines) {
    arrays_pointer arrays(json_shim_arrays_create(repeated_bytes_max), json_shim_arrays_destroy);
    while (!lines.empty()) {
        std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        if (line.empty()) continue;
        auto mode = line[0] == 'p' ? json_shim_pivot : line[0] == 'e' ? json_shim_explode : json_shim_index;
        size_t sign = line.rfind('=');
        std::string_view path = line.substr(1, sign == std::string_view::npos ? sign : sign - 1);
        std::string_view key = sign == std::string_view::npos || sign == 0 ? "" : line.substr(sign + 1);
        json_shim_arrays_add(arrays.get(), bytes_of(path), path.size(), mode, bytes_of(key), key.size());
    }
    return arrays;
}

// Numbers are written so that they read back as the same, and within the room that is asked for.
static void check_double(double value) {
    char *room = new char[32];
    size_t length = json_shim_write_double(value, room);
    EXPECT(length <= 32);
    std::string text(room, length);
    delete[] room;
    EXPECT(std::strtod(text.c_str(), nullptr) == value);
}

static bool is_number(json_shim_kind kind) {
    return kind == json_shim_int || kind == json_shim_unsigned || kind == json_shim_double;
}

static std::string value_of(const json_shim_leaf &leaf) {
    switch (leaf.kind) {
    case json_shim_string: {
        std::string text(leaf.value.string, leaf.string_length);
        EXPECT(is_utf8(text));
        return text;
    }
    case json_shim_double:
        check_double(leaf.value.real);
        return std::to_string(leaf.value.natural);
    case json_shim_bool:
        EXPECT(leaf.value.integer == 0 || leaf.value.integer == 1);
        return std::to_string(leaf.value.integer);
    case json_shim_int:
    case json_shim_unsigned:
        return std::to_string(leaf.value.natural);
    default:
        return "";
    }
}

// The places and kinds of an element's leaves: what equal hashes promise, and what equal number hashes
// add to it.
struct shape {
    std::string kinds;
    std::string numbers;
};

static shape shape_of(json_shim_parser *parser, const json_shim_document &document, uint32_t number) {
    const json_shim_element &element = document.elements[number];
    shape result{element.is_object ? "o" : "-", ""};
    uint64_t path_bytes = 0;
    for (uint32_t leaf = element.first_leaf; leaf < element.first_leaf + element.leaf_count; leaf++) {
        size_t length, pattern_length;
        const char *path = json_shim_path(parser, number, leaf, &length);
        const char *pattern = json_shim_pattern(parser, number, leaf, &pattern_length);
        EXPECT(path && pattern);
        std::string_view name(path, length), general(pattern, pattern_length);
        EXPECT(is_utf8(name) && is_utf8(general));
        EXPECT(std::count(name.begin(), name.end(), '.') == std::count(general.begin(), general.end(), '.'));
        path_bytes += length;
        json_shim_kind kind = document.leaves[leaf].kind;
        result.kinds += std::to_string(length) + ":" + std::string(name) + std::string(general);
        result.kinds += is_number(kind) ? 'n' : (char)('0' + kind);
        result.numbers += kind == json_shim_double ? 'd' : '-';
    }
    EXPECT(element.leaf_count == 0 || parser->paths.size() == element.leaf_count);
    EXPECT(json_shim_path_bytes(parser, number) == path_bytes);
    return result;
}

static void check_shapes(json_shim_parser *parser, const json_shim_document &document) {
    std::map<uint64_t, std::string> by_hash;
    std::map<std::pair<uint64_t, uint64_t>, std::string> by_both;
    for (uint32_t number = 0; number < document.element_count; number++) {
        const json_shim_element &element = document.elements[number];
        shape found = shape_of(parser, document, number);
        EXPECT(by_hash.emplace(element.hash, found.kinds).first->second == found.kinds);
        auto both = std::make_pair(element.hash, element.number_hash);
        EXPECT(by_both.emplace(both, found.numbers).first->second == found.numbers);
    }
}

// All that a parse gives, as one text: two parses are the same when these are.
static std::string record(json_shim_parser *parser, const padded_text &text, const json_shim_arrays *arrays) {
    json_shim_document document = json_shim_parse(parser, text.bytes.get(), text.length, arrays);
    if (document.error) {
        EXPECT(*document.error && document.element_count == 0);
        if (document.is_over_limit) {
            EXPECT(arrays);
            return "over the limit";
        }
        int64_t position = json_shim_error_position(parser, text.bytes.get(), text.length);
        EXPECT(position >= -1 && position <= (int64_t)text.length);
        return "error " + std::string(document.error) + " at " + std::to_string(position);
    }
    std::string result = "read\n";
    uint32_t next = 0, root = 0;
    for (uint32_t number = 0; number < document.element_count; number++) {
        const json_shim_element &element = document.elements[number];
        // Elements stand one behind the other, in the order of the root array.
        EXPECT(element.first_leaf == next && element.root >= root);
        next += element.leaf_count;
        root = element.root;
        result += std::to_string(element.hash) + " " + std::to_string(element.number_hash) + "\n";
        for (uint32_t leaf = element.first_leaf; leaf < next; leaf++) {
            result += std::to_string(document.leaves[leaf].kind) + value_of(document.leaves[leaf]) + "\n";
        }
    }
    EXPECT(next == parser->leaves.size());
    check_shapes(parser, document);
    return result;
}

static bool is_error(const std::string &record) {
    return record.rfind("error ", 0) == 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static json_shim_parser *parser = json_shim_create(depth_max, seed);
    static json_shim_parser *shallow = json_shim_create(depth_small, seed);
    static const arrays_pointer vehicle = make_arrays("ptyres=position\npaxles.*.wheels=at\netrip.points\nicells");
    static const arrays_pointer several = make_arrays("p*=k\np*.*=k\nea.b");
    static const arrays_pointer indexed = make_arrays("i*\ni*.*\nia.b.*");

    std::string_view head, rest;
    split({(const char *)data, size}, head, rest);
    arrays_pointer own = make_arrays(head);
    padded_text text(rest, 0), other(rest.substr(0, rest.size() / 2), '"'), same(rest, fill_for(rest));

    std::string plain = record(parser, text, nullptr);
    for (json_shim_arrays *arrays : {vehicle.get(), several.get(), own.get()}) {
        std::string first = record(parser, text, arrays);
        // Whether it is JSON does not depend on what becomes of its arrays.
        EXPECT(is_error(first) == is_error(plain) && (!is_error(first) || first == plain));
        record(parser, other, arrays);
        EXPECT(record(parser, same, arrays) == first);
    }
    EXPECT(record(parser, same, nullptr) == plain);
    std::string by_index = record(parser, text, indexed.get());
    EXPECT(by_index == plain);

    std::string limited = record(shallow, text, nullptr);
    // The fewer levels are taken, the less is read, and what is read is the same.
    EXPECT(limited == plain || is_error(limited));
    return 0;
}
