// SPDX-License-Identifier: Apache-2.0
#include "check.hpp"

#include "include/contract_shim.h"

#include <algorithm>
#include <set>

using simdjson::dom::element;
using simdjson::dom::element_type;

using namespace contract;

static constexpr uint32_t frames_max = 1000;
static constexpr size_t shown_bytes_max = 60;

// What people read.

static std::string cut(std::string text, size_t bytes_max) {
    if (text.size() <= bytes_max) {
        return text;
    }
    size_t end = bytes_max;
    while (end > 0 && ((uint8_t)text[end] & 0xC0) == 0x80) {
        end--;
    }
    return text.substr(0, end) + "…";
}

static std::string shown(element value) {
    switch (value.type()) {
    case element_type::OBJECT:
        return "an object";
    case element_type::ARRAY:
        return "an array";
    case element_type::STRING:
        return "\"" + cut(std::string(value.get_string().value_unsafe()), shown_bytes_max) + "\"";
    case element_type::BOOL:
        return value.get_bool().value_unsafe() ? "true" : "false";
    case element_type::NULL_VALUE:
        return "null";
    default:
        return text(*number::of(value));
    }
}

static uint8_t types_of(element value) {
    switch (value.type()) {
    case element_type::OBJECT:
        return type_object;
    case element_type::ARRAY:
        return type_array;
    case element_type::STRING:
        return type_string;
    case element_type::BOOL:
        return type_boolean;
    case element_type::NULL_VALUE:
        return type_null;
    default:
        return number::of(value)->is_whole() ? type_number | type_integer : type_number;
    }
}

bool contract_shim_checker::violated(bool reports, const std::string &reason) {
    if (reports && found.size() < CONTRACT_SHIM_VIOLATIONS_MAX) {
        std::string pointer;
        for (auto &place : path) {
            if (place.is_index) {
                pointer += "/" + std::to_string(place.index);
            } else {
                step(pointer, place.name);
            }
        }
        found.push_back({cut(pointer, 4 * shown_bytes_max), reason});
    }
    return false;
}

bool contract_shim_checker::goes_on(bool reports) const {
    return reports && found.size() < CONTRACT_SHIM_VIOLATIONS_MAX && !is_exhausted;
}

bool contract_shim_checker::spend() {
    if (steps == 0) {
        is_exhausted = true;
        return false;
    }
    steps--;
    return true;
}

// Reading.

int64_t contract_shim_checker::read(const uint8_t *text, size_t length) {
    roots.clear();
    // simdjson counts the scalar at the bottom as a level of its own.
    if (length > parser.capacity() || parser.max_depth() != depth_max + 1) {
        if (parser.allocate(std::max<size_t>(length, 4096), depth_max + 1)) {
            return -1;
        }
    }
    element root;
    if (parser.parse(text, length, false).get(root)) {
        return -1;
    }
    simdjson::dom::array array;
    if (!root.get_array().get(array)) {
        for (auto item : array) {
            roots.push_back(item);
        }
    } else {
        roots.push_back(root);
    }
    return (int64_t)roots.size();
}

void contract_shim_checker::check(const contract_shim_schema &schema, size_t place) {
    found.clear();
    path.clear();
    steps = CONTRACT_SHIM_STEPS_MAX;
    frames = 0;
    is_exhausted = false;
    if (place >= roots.size() || !schema.root) {
        found.push_back({"", "can't be read"});
        return;
    }
    check(*schema.root, roots[place], true);
    // Within `not` and `if` a check that was given up may even have looked like a success.
    if (is_exhausted) {
        found.clear();
        found.push_back({"", "takes too many steps to check"});
    }
}

// Checks.

bool contract_shim_checker::check(const node &node, element value, bool reports) {
    if (!spend() || frames >= frames_max) {
        is_exhausted = true;
        return false;
    }
    if (node.is_never) {
        return violated(reports, "is not allowed here");
    }
    frames++;
    bool is_good = node.ref ? check(*node.ref, value, reports) : check_plain(node, value, reports);
    if (!node.ref && (is_good || goes_on(reports))) {
        is_good = check_combined(node, value, reports) && is_good;
    }
    frames--;
    return is_good;
}

bool contract_shim_checker::check_plain(const node &node, element value, bool reports) {
    if (node.types && !(node.types & types_of(value))) {
        return violated(reports, "is " + shown(value) + ", must be " + node.types_text);
    }
    if (node.has_enum) {
        std::string text;
        if (!canonical(value, text, steps)) {
            is_exhausted = true;
            return false;
        }
        if (std::find(node.enum_values.begin(), node.enum_values.end(), text) == node.enum_values.end()) {
            bool is_one = node.enum_values.size() == 1;
            std::string wanted = cut(node.enum_text, 2 * shown_bytes_max);
            return violated(reports, shown(value) + (is_one ? " is not " : " is none of ") + wanted);
        }
    }
    switch (value.type()) {
    case element_type::OBJECT:
        return check_object(node, value, reports);
    case element_type::ARRAY:
        return check_array(node, value.get_array().value_unsafe(), reports);
    case element_type::STRING:
        return check_string(node, value.get_string().value_unsafe(), reports);
    case element_type::BOOL:
    case element_type::NULL_VALUE:
        return true;
    default:
        return check_number(node, *number::of(value), reports);
    }
}

bool contract_shim_checker::check_number(const node &node, const number &value, bool reports) {
    auto tell = [&](const char *relation, const number &bound) {
        return violated(reports, text(value) + relation + text(bound));
    };
    if (node.minimum && compare(value, *node.minimum) < 0) {
        return tell(" is below the minimum ", *node.minimum);
    }
    if (node.exclusive_minimum && compare(value, *node.exclusive_minimum) <= 0) {
        return tell(" must be above ", *node.exclusive_minimum);
    }
    if (node.maximum && compare(value, *node.maximum) > 0) {
        return tell(" is above the maximum ", *node.maximum);
    }
    if (node.exclusive_maximum && compare(value, *node.exclusive_maximum) >= 0) {
        return tell(" must be below ", *node.exclusive_maximum);
    }
    if (node.multiple_of && !is_multiple(value, *node.multiple_of)) {
        return tell(" is not a multiple of ", *node.multiple_of);
    }
    return true;
}

bool contract_shim_checker::check_string(const node &node, std::string_view value, bool reports) {
    if (!node.min_length && !node.max_length) {
        return true;
    }
    // Characters are code points: bytes that continue none.
    uint64_t length = (uint64_t)std::count_if(value.begin(), value.end(), [](char byte) {
        return ((uint8_t)byte & 0xC0) != 0x80;
    });
    if (node.min_length && length < *node.min_length) {
        return violated(reports, "has " + std::to_string(length) + " characters, fewer than "
                            + std::to_string(*node.min_length));
    }
    if (node.max_length && length > *node.max_length) {
        return violated(reports, "has " + std::to_string(length) + " characters, more than "
                            + std::to_string(*node.max_length));
    }
    return true;
}

bool contract_shim_checker::check_array(const node &node, simdjson::dom::array value, bool reports) {
    bool is_good = true;
    // An array tells its size only up to 2^24.
    uint64_t size = 0;
    if (node.min_items || node.max_items) {
        for (auto item : value) {
            (void)item;
            size++;
        }
    }
    if (node.min_items && size < *node.min_items) {
        is_good = violated(reports, "has " + std::to_string(size) + " elements, fewer than "
                               + std::to_string(*node.min_items));
    } else if (node.max_items && size > *node.max_items) {
        is_good = violated(reports, "has " + std::to_string(size) + " elements, more than "
                               + std::to_string(*node.max_items));
    }
    if (is_good || goes_on(reports)) {
        is_good = check_items(node, value, reports) && is_good;
    }
    if (node.is_unique && (is_good || goes_on(reports))) {
        is_good = check_unique(value, reports) && is_good;
    }
    return is_good;
}

bool contract_shim_checker::check_items(const node &node, simdjson::dom::array value, bool reports) {
    bool is_good = true;
    bool contains = !node.contains;
    size_t index = 0;
    for (auto item : value) {
        const contract::node *wanted = node.items;
        if (node.has_items_by_place) {
            bool is_listed = index < node.items_by_place.size();
            wanted = is_listed ? node.items_by_place[index] : node.additional_items;
        }
        if (wanted && (is_good || goes_on(reports))) {
            path.push_back({{}, index, true});
            is_good = check(*wanted, item, reports) && is_good;
            path.pop_back();
        }
        contains = contains || check(*node.contains, item, false);
        if (!is_good && !goes_on(reports)) {
            return false;
        }
        index++;
    }
    return contains ? is_good : violated(reports, "has no element that it must contain");
}

bool contract_shim_checker::check_unique(simdjson::dom::array value, bool reports) {
    std::set<std::string> seen;
    for (auto item : value) {
        std::string text;
        if (!canonical(item, text, steps)) {
            is_exhausted = true;
            return false;
        }
        if (!seen.insert(std::move(text)).second) {
            return violated(reports, "has " + shown(item) + " twice; its elements must differ");
        }
    }
    return true;
}

bool contract_shim_checker::check_object(const node &node, element value, bool reports) {
    simdjson::dom::object object = value.get_object().value_unsafe();
    if (node.names.empty() && !node.additional_properties && !node.min_properties && !node.max_properties) {
        return true;
    }
    uint64_t size = 0;
    for (auto field : object) {
        (void)field;
        if (!spend()) {
            return false;
        }
        size++;
    }
    if (node.min_properties && size < *node.min_properties) {
        return violated(reports, "has " + std::to_string(size) + " members, fewer than "
                            + std::to_string(*node.min_properties));
    }
    if (node.max_properties && size > *node.max_properties) {
        return violated(reports, "has " + std::to_string(size) + " members, more than "
                            + std::to_string(*node.max_properties));
    }
    return check_names(node, value, reports);
}

bool contract_shim_checker::check_names(const node &node, element value, bool reports) {
    bool is_good = true;
    std::vector<bool> has(node.names.size());
    simdjson::dom::object object = value.get_object().value_unsafe();
    for (auto field : object) {
        auto known = node.names.find(field.key);
        const contract::node *wanted = node.additional_properties;
        if (known != node.names.end()) {
            has[known->second] = true;
            if (node.properties[known->second]) {
                wanted = node.properties[known->second];
            }
        }
        if (!wanted) {
            continue;
        }
        path.push_back({field.key, 0, false});
        is_good = check(*wanted, field.value, reports) && is_good;
        path.pop_back();
        if (!is_good && !goes_on(reports)) {
            return false;
        }
    }
    auto name = [&](uint32_t number) {
        auto found = std::find_if(node.names.begin(), node.names.end(), [&](auto &entry) {
            return entry.second == number;
        });
        return "'" + cut(found->first, shown_bytes_max) + "'";
    };
    for (uint32_t number : node.required) {
        if (!has[number]) {
            is_good = violated(reports, name(number) + " is missing");
        }
    }
    for (auto &dependency : node.dependencies) {
        for (uint32_t number : dependency.names) {
            if (has[dependency.name] && !has[number]) {
                is_good = violated(reports, name(number) + " is missing, which " + name(dependency.name) + " needs");
            }
        }
        if (dependency.schema && has[dependency.name] && (is_good || goes_on(reports))) {
            is_good = check(*dependency.schema, value, reports) && is_good;
        }
    }
    return is_good;
}

// Combinations.

bool contract_shim_checker::check_combined(const node &node, element value, bool reports) {
    bool is_good = true;
    for (const contract::node *part : node.all_of) {
        is_good = check(*part, value, reports) && is_good;
        if (!is_good && !goes_on(reports)) {
            return false;
        }
    }
    auto holds = [&](const contract::node *part) { return check(*part, value, false); };
    if (!node.any_of.empty() && std::none_of(node.any_of.begin(), node.any_of.end(), holds)) {
        size_t count = node.any_of.size();
        is_good = violated(reports, shown(value) + " fits none of the " + std::to_string(count) + " schemas of anyOf");
    }
    if (!node.one_of.empty()) {
        auto fits = std::count_if(node.one_of.begin(), node.one_of.end(), holds);
        if (fits != 1) {
            is_good = violated(reports, shown(value) + " fits " + std::to_string(fits) + " of the "
                                   + std::to_string(node.one_of.size()) + " schemas of oneOf, must fit one");
        }
    }
    if (node.negated && holds(node.negated)) {
        is_good = violated(reports, shown(value) + " fits the schema of not");
    }
    if (node.condition && (is_good || goes_on(reports))) {
        is_good = check_condition(node, value, reports) && is_good;
    }
    return is_good;
}

bool contract_shim_checker::check_condition(const node &node, element value, bool reports) {
    const contract::node *next = check(*node.condition, value, false) ? node.consequence : node.alternative;
    return !next || check(*next, value, reports);
}
