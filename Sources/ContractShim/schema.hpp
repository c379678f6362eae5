// SPDX-License-Identifier: Apache-2.0
//
// A compiled schema: every place where a schema may stand is a node, and nodes point to nodes.
#pragma once

#include "number.hpp"

#include <deque>
#include <map>
#include <optional>
#include <simdjson.h>
#include <string>
#include <vector>

namespace contract {

enum type : uint8_t {
    type_null = 1,
    type_boolean = 2,
    type_integer = 4,
    type_number = 8,
    type_string = 16,
    type_array = 32,
    type_object = 64,
};

struct node;

// What must be there when `name` is.
struct dependency {
    uint32_t name;
    std::vector<uint32_t> names;
    const node *schema = nullptr;
};

struct node {
    bool is_never = false; // the schema `false`
    const node *ref = nullptr;

    uint8_t types = 0; // any
    std::string types_text;
    bool has_enum = false; // also a `const`, which is one with one value
    std::vector<std::string> enum_values; // canonical
    std::string enum_text;

    std::optional<number> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
    std::optional<uint64_t> min_length, max_length;

    // Every name that a keyword of this schema knows; what concerns one says its number.
    std::map<std::string, uint32_t, std::less<>> names;
    std::vector<const node *> properties; // by number; null for a name that only others know
    std::vector<uint32_t> required;
    std::vector<dependency> dependencies;
    const node *additional_properties = nullptr;
    std::optional<uint64_t> min_properties, max_properties;

    const node *items = nullptr;
    std::vector<const node *> items_by_place;
    bool has_items_by_place = false;
    const node *additional_items = nullptr;
    const node *contains = nullptr;
    std::optional<uint64_t> min_items, max_items;
    bool is_unique = false;

    std::vector<const node *> all_of, any_of, one_of;
    const node *negated = nullptr;
    const node *condition = nullptr, *consequence = nullptr, *alternative = nullptr;

    uint32_t number_of(std::string_view name) {
        auto found = names.try_emplace(std::string(name), (uint32_t)names.size()).first;
        properties.resize(names.size());
        return found->second;
    }
};

struct finding {
    std::string pointer;
    std::string reason;
};

// Appends a step to a JSON pointer (RFC 6901). A NUL, which would end a C string, is written out.
void step(std::string &pointer, std::string_view name);

// A text that two values share when, and only when, JSON Schema calls them equal. It takes a step from
// `steps` for each value in it, and is false when there are none left.
bool canonical(simdjson::dom::element value, std::string &text, uint64_t &steps);

} // namespace contract

struct contract_shim_schema {
    std::deque<contract::node> nodes;
    const contract::node *root = nullptr;
    std::vector<contract::finding> problems;
};

namespace contract {

void compile(contract_shim_schema &schema, const uint8_t *text, size_t length);
const char *keyword_list();

} // namespace contract
