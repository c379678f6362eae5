// SPDX-License-Identifier: Apache-2.0
//
// The one walk that all flattening is made of: in document order, to every leaf. What is gathered
// on the way is the visitor's: hashes, lengths or names.
//
// A visitor has a type `place`, which says where the walk is; `key`, `index` and `pivot`, which give
// the place one level down; `leaf`; and `explode`, which takes an array whose elements become
// readings of their own, or leaves it to be walked by index. `everywhere` is false when only the
// configured paths matter to it.
#ifndef JSON_WALK_HPP
#define JSON_WALK_HPP

#include "json_arrays.hpp"

#include <charconv>
#include <simdjson.h>

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

// A loop goes over a variable: what `value_unsafe()` gives lives no longer than its own expression.

static inline bool is_filled_object(element value) {
    if (value.type() != element_type::OBJECT) return false;
    object fields = value.get_object().value_unsafe();
    return fields.begin() != fields.end();
}

static inline bool is_filled_array(element value) {
    if (value.type() != element_type::ARRAY) return false;
    array items = value.get_array().value_unsafe();
    return items.begin() != items.end();
}

// Where no configured path leads.
template <typename Visitor>
static void walk(element value, typename Visitor::place at, Visitor &visitor) {
    if (value.type() == element_type::OBJECT) {
        object fields = value.get_object().value_unsafe();
        if (fields.begin() != fields.end()) {
            for (auto field : fields) {
                walk(field.value, visitor.key(at, field.key), visitor);
            }
            return;
        }
    } else if (value.type() == element_type::ARRAY) {
        array items = value.get_array().value_unsafe();
        if (items.begin() != items.end()) {
            uint64_t index = 0;
            for (auto item : items) {
                walk(item, visitor.index(at, index++), visitor);
            }
            return;
        }
    }
    visitor.leaf(at, value);
}

template <typename Number>
static inline std::string_view write_digits(Number number, char (&digits)[24]) {
    return {digits, (size_t)(std::to_chars(digits, digits + sizeof digits, number).ptr - digits)};
}

// What a pivot's key says in an element: a text or an integer; false when it says nothing of the kind.
static inline bool pivot_name(element item, const std::string &key, char (&digits)[24], std::string_view &name) {
    if (item.type() != element_type::OBJECT) return false;
    bool is_found = false;
    element last;
    object fields = item.get_object().value_unsafe();
    for (auto field : fields) {
        if (field.key == key) {
            last = field.value;
            is_found = true;
        }
    }
    if (!is_found) return false;
    switch (last.type()) {
    case element_type::STRING:
        name = last.get_string().value_unsafe();
        return true;
    case element_type::INT64:
        name = write_digits(last.get_int64().value_unsafe(), digits);
        return true;
    case element_type::UINT64:
        name = write_digits(last.get_uint64().value_unsafe(), digits);
        return true;
    default:
        return false;
    }
}

template <typename Visitor>
static void walk_along(const json_shim_arrays &arrays, element value, level where, typename Visitor::place at,
                       Visitor &visitor);

// On from here: along configured paths while there are any.
template <typename Visitor>
static inline void walk_on(const json_shim_arrays &arrays, element value, level where, typename Visitor::place at,
                           Visitor &visitor) {
    if (where.candidates) {
        walk_along(arrays, value, where, at, visitor);
    } else if constexpr (Visitor::everywhere) {
        walk(value, at, visitor);
    }
}

// An element under the name that its key gives; the key itself is no leaf.
template <typename Visitor>
static void walk_pivoted(const json_shim_arrays &arrays, element item, const std::string &key, level where,
                         typename Visitor::place at, Visitor &visitor) {
    bool is_empty = true;
    object fields = item.get_object().value_unsafe();
    for (auto field : fields) {
        if (field.key == key) continue;
        is_empty = false;
        walk_on(arrays, field.value, step_key(arrays, where, field.key), visitor.key(at, field.key), visitor);
    }
    if (is_empty) visitor.leaf(at, item);
}

template <typename Visitor>
static void walk_items(const json_shim_arrays &arrays, array items, const array_rule *rule, level where,
                       typename Visitor::place at, Visitor &visitor) {
    char digits[24];
    std::string_view name;
    uint64_t index = 0;
    for (auto item : items) {
        uint64_t position = index++;
        if (rule && rule->mode == json_shim_pivot && pivot_name(item, rule->key, digits, name)) {
            walk_pivoted(arrays, item, rule->key, step(arrays, where, name), visitor.pivot(at, name), visitor);
        } else {
            level next = step(arrays, where, write_digits(position, digits));
            walk_on(arrays, item, next, visitor.index(at, position), visitor);
        }
    }
}

template <typename Visitor>
static void walk_along(const json_shim_arrays &arrays, element value, level where, typename Visitor::place at,
                       Visitor &visitor) {
    if (is_filled_object(value)) {
        object fields = value.get_object().value_unsafe();
        for (auto field : fields) {
            walk_on(arrays, field.value, step_key(arrays, where, field.key), visitor.key(at, field.key), visitor);
        }
    } else if (is_filled_array(value)) {
        array items = value.get_array().value_unsafe();
        const array_rule *rule = rule_at(arrays, where);
        if (!(rule && rule->mode == json_shim_explode && visitor.explode(items, where, at))) {
            walk_items(arrays, items, rule, where, at, visitor);
        }
    } else {
        visitor.leaf(at, value);
    }
}

#endif
