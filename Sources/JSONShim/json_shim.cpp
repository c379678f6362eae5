// SPDX-License-Identifier: Apache-2.0
#include "json_parser.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

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
        leaf.kind = json_shim_unsigned;
        leaf.value.natural = value.get_uint64().value_unsafe();
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
    return kind == json_shim_double || kind == json_shim_unsigned ? json_shim_int : kind;
}

// Gathers the leaves, and hashes their places and kinds.
struct leaf_visitor {
    using place = uint64_t;
    static constexpr bool everywhere = true;

    json_shim_parser *parser;
    uint64_t shape;
    uint64_t numbers = 0;
    const array *exploded = nullptr; // the array that is left out
    // Where it stands: among the leaves, in the hash and on the walk.
    size_t split = 0;
    uint64_t shape_before = 0;
    place exploded_place = 0;
    level exploded_level{0, 0};

    place key(place at, std::string_view name) { return hash_bytes(at, name.data(), name.size()); }
    place index(place at, uint64_t index) { return mix(~at, index + 1); }
    place pivot(place at, std::string_view name) { return hash_bytes(at + 1, name.data(), name.size()); }

    void leaf(place at, element value) {
        json_shim_leaf leaf = make_leaf(value);
        shape = mix(shape, at + shape_kind(leaf.kind));
        // The hash so far tells this leaf from all others, also from one of the same name.
        if (leaf.kind == json_shim_double) {
            numbers += shape;
        }
        parser->leaves.push_back(leaf);
    }

    bool explode(array items, level where, place at) {
        if (!exploded || !is_same(items, *exploded)) return false;
        split = parser->leaves.size();
        shape_before = shape;
        shape = parser->seed;
        exploded_place = at;
        exploded_level = where;
        return true;
    }
};

// Finds the array to explode: the last of those at its path, should there be several.
struct find_visitor {
    struct place {};
    static constexpr bool everywhere = false;

    array found;
    bool is_found = false;

    place key(place, std::string_view) { return {}; }
    place index(place, uint64_t) { return {}; }
    place pivot(place, std::string_view) { return {}; }
    void leaf(place, element) {}

    bool explode(array items, level, place) {
        found = items;
        is_found = true;
        return true;
    }
};

// Measures paths and texts; of an exploded array only the element that is asked for.
struct size_visitor {
    struct place {
        uint64_t length;
        bool is_root;
    };
    static constexpr bool everywhere = true;

    const json_shim_arrays *arrays;
    const element_origin *origin;
    bool counts_item;
    uint64_t path_bytes = 0;
    uint64_t text_bytes = 0;
    uint64_t leaf_count = 0;

    place down(place at, uint64_t length) { return {at.length + !at.is_root + length, false}; }
    place key(place at, std::string_view name) { return down(at, name.size()); }
    place pivot(place at, std::string_view name) { return down(at, name.size()); }
    place index(place at, uint64_t index) {
        uint64_t digits = 1;
        while (index /= 10) digits++;
        return down(at, digits);
    }

    void leaf(place at, element value) {
        leaf_count++;
        path_bytes += at.length;
        if (value.type() == element_type::STRING) {
            text_bytes += value.get_string().value_unsafe().size();
        }
    }

    bool explode(array items, level where, place at) {
        if (!origin->is_exploded || !is_same(items, origin->exploded)) return false;
        if (counts_item) walk_along(*arrays, origin->item, where, at, *this);
        return true;
    }
};

// Writes paths, and patterns beside them.
struct path_visitor {
    struct place {
        size_t path;
        size_t pattern;
        bool is_root;
    };
    static constexpr bool everywhere = true;

    json_shim_parser *parser;
    const element_origin *origin;
    // The path of the place that was gone to last; that of a place above is its beginning.
    leaf_path current;

    place down(place at, std::string_view name, std::string_view general) {
        current.path.resize(at.path);
        current.pattern.resize(at.pattern);
        if (!at.is_root) {
            current.path.push_back('.');
            current.pattern.push_back('.');
        }
        current.path.append(name);
        current.pattern.append(general);
        return {current.path.size(), current.pattern.size(), false};
    }
    place key(place at, std::string_view name) { return down(at, name, name); }
    place pivot(place at, std::string_view name) { return down(at, name, name); }
    place index(place at, uint64_t index) {
        char digits[24];
        return down(at, write_digits(index, digits), "*");
    }

    void leaf(place at, element) {
        current.path.resize(at.path);
        current.pattern.resize(at.pattern);
        parser->paths.push_back(current);
    }

    bool explode(array items, level where, place at) {
        if (!origin->is_exploded || !is_same(items, origin->exploded)) return false;
        walk_along(*parser->arrays, origin->item, where, at, *this);
        return true;
    }
};

template <typename Visitor>
static void walk_root(const json_shim_arrays *arrays, element root, typename Visitor::place at, Visitor &visitor) {
    if (arrays) {
        walk_along(*arrays, root, first_level(*arrays), at, visitor);
    } else {
        walk(root, at, visitor);
    }
}

static void add_plain(json_shim_parser *parser, element root) {
    json_shim_element item{};
    item.first_leaf = (uint32_t)parser->leaves.size();
    item.is_object = root.type() == element_type::OBJECT;
    leaf_visitor visitor{parser, parser->seed};
    walk_root(parser->arrays, root, parser->seed, visitor);
    item.hash = visitor.shape;
    item.number_hash = visitor.numbers;
    item.leaf_count = (uint32_t)parser->leaves.size() - item.first_leaf;
    parser->elements.push_back(item);
    parser->origins.push_back({root, false, {}, {}});
}

// One element for each item of `items`, with the leaves outside it as they stand around it; false
// when that would be too much.
static bool add_exploded(json_shim_parser *parser, element root, array items) {
    const json_shim_arrays &arrays = *parser->arrays;
    element_origin origin{root, true, items, {}};
    size_visitor size{&arrays, &origin, false};
    walk_root(&arrays, root, {0, true}, size);
    uint64_t repeated = size.path_bytes + size.text_bytes + size.leaf_count * sizeof(json_shim_leaf);

    size_t first = parser->leaves.size();
    leaf_visitor outside{parser, parser->seed};
    outside.exploded = &items;
    walk_root(&arrays, root, parser->seed, outside);
    auto begin = parser->leaves.begin();
    parser->common.assign(begin + (ptrdiff_t)first, parser->leaves.end());
    parser->leaves.resize(first);
    auto split = parser->common.begin() + (ptrdiff_t)(outside.split - first);
    for (auto item : items) {
        parser->repeated_bytes += repeated;
        if (parser->repeated_bytes > arrays.repeated_bytes_max) return false;
        json_shim_element part{};
        part.first_leaf = (uint32_t)parser->leaves.size();
        part.is_object = root.type() == element_type::OBJECT;
        parser->leaves.insert(parser->leaves.end(), parser->common.begin(), split);
        leaf_visitor inside{parser, outside.shape_before};
        walk_along(arrays, item, outside.exploded_level, outside.exploded_place, inside);
        parser->leaves.insert(parser->leaves.end(), split, parser->common.end());
        part.hash = mix(inside.shape, outside.shape);
        part.number_hash = outside.numbers + inside.numbers;
        part.leaf_count = (uint32_t)parser->leaves.size() - part.first_leaf;
        parser->elements.push_back(part);
        origin.item = item;
        parser->origins.push_back(origin);
    }
    return true;
}

static bool add_elements(json_shim_parser *parser, element root) {
    if (parser->arrays && parser->arrays->explodes) {
        find_visitor finder;
        walk_root(parser->arrays, root, find_visitor::place{}, finder);
        if (finder.is_found) return add_exploded(parser, root, finder.found);
    }
    add_plain(parser, root);
    return true;
}

static bool add_root(json_shim_parser *parser, element root, uint32_t index) {
    size_t first = parser->elements.size();
    bool fits = add_elements(parser, root);
    for (size_t added = first; added < parser->elements.size(); ++added) parser->elements[added].root = index;
    return fits;
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
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY:
        return "too large";
    default:
        return "not JSON";
    }
}

static json_shim_document failure(const char *error) {
    return {nullptr, nullptr, 0, error, false};
}

static json_shim_document parse(json_shim_parser *parser, const uint8_t *text, size_t length,
                                const json_shim_arrays *arrays) {
    parser->leaves.clear();
    parser->elements.clear();
    parser->origins.clear();
    parser->paths_of = UINT32_MAX;
    parser->repeated_bytes = 0;
    parser->arrays = arrays;
    // simdjson counts the scalar at the bottom as a level of its own.
    if (length > parser->dom.capacity() || parser->dom.max_depth() != parser->depth_max + 1) {
        simdjson::error_code grown = parser->dom.allocate(std::max<size_t>(length, 4096), parser->depth_max + 1);
        if (grown) return failure(describe(grown));
    }
    element root;
    simdjson::error_code code = parser->dom.parse(text, length, false).get(root);
    if (code == simdjson::NUMBER_ERROR) {
        return failure(describe_number(text, length, error_position(parser, text, length)));
    }
    if (code) return failure(describe(code));
    bool fits = true;
    if (root.type() == element_type::ARRAY) {
        simdjson::dom::array items = root.get_array().value_unsafe();
        uint32_t index = 0;
        for (auto item : items) {
            fits = fits && add_root(parser, item, index++);
        }
    } else {
        fits = add_root(parser, root, 0);
    }
    if (!fits) return {nullptr, nullptr, 0, "exploded, it repeats too much", true};
    return {parser->leaves.data(), parser->elements.data(), (uint32_t)parser->elements.size(), nullptr, false};
}

// Paths, for shapes that were not seen before.

static const leaf_path *path_of(json_shim_parser *parser, uint32_t index, uint32_t leaf) {
    try {
        if (parser->paths_of != index) {
            const element_origin &origin = parser->origins[index];
            parser->paths.clear();
            path_visitor visitor{parser, &origin, {}};
            walk_root(parser->arrays, origin.root, {0, 0, true}, visitor);
            parser->paths_of = index;
        }
        return &parser->paths[leaf - parser->elements[index].first_leaf];
    } catch (const std::exception &) {
        parser->paths_of = UINT32_MAX;
        return nullptr;
    }
}

// The C face. No C++ exception crosses it.

extern "C" {

json_shim_parser *json_shim_create(uint32_t depth_max, uint64_t seed) {
    return new (std::nothrow) json_shim_parser(depth_max, seed);
}

void json_shim_destroy(json_shim_parser *parser) {
    delete parser;
}

json_shim_arrays *json_shim_arrays_create(uint64_t repeated_bytes_max) {
    return new (std::nothrow) json_shim_arrays{{}, repeated_bytes_max, false};
}

void json_shim_arrays_destroy(json_shim_arrays *arrays) {
    delete arrays;
}

bool json_shim_arrays_add(json_shim_arrays *arrays, const uint8_t *path, size_t path_length,
                          json_shim_array_mode mode, const uint8_t *key, size_t key_length) {
    if (arrays->rules.size() == JSON_SHIM_ARRAYS_MAX) return false;
    try {
        array_rule rule{{}, mode, std::string((const char *)key, key_length)};
        std::string_view rest((const char *)path, path_length);
        for (size_t dot; (dot = rest.find('.')) != std::string_view::npos; rest.remove_prefix(dot + 1)) {
            rule.segments.emplace_back(rest.substr(0, dot));
        }
        rule.segments.emplace_back(rest);
        arrays->rules.push_back(std::move(rule));
        arrays->explodes |= mode == json_shim_explode;
        return true;
    } catch (const std::exception &) {
        return false;
    }
}

json_shim_document json_shim_parse(json_shim_parser *parser, const uint8_t *text, size_t length,
                                   const json_shim_arrays *arrays) {
    try {
        return parse(parser, text, length, arrays);
    } catch (const std::exception &) {
        return failure("too large");
    }
}

const char *json_shim_path(json_shim_parser *parser, uint32_t element, uint32_t leaf, size_t *length) {
    const leaf_path *found = path_of(parser, element, leaf);
    *length = found ? found->path.size() : 0;
    return found ? found->path.data() : nullptr;
}

const char *json_shim_pattern(json_shim_parser *parser, uint32_t element, uint32_t leaf, size_t *length) {
    const leaf_path *found = path_of(parser, element, leaf);
    *length = found ? found->pattern.size() : 0;
    return found ? found->pattern.data() : nullptr;
}

uint64_t json_shim_path_bytes(json_shim_parser *parser, uint32_t element) {
    const element_origin &origin = parser->origins[element];
    size_visitor visitor{parser->arrays, &origin, true};
    walk_root(parser->arrays, origin.root, {0, true}, visitor);
    return visitor.path_bytes;
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
