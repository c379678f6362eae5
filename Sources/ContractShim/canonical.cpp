// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

#include <algorithm>
#include <utility>

using simdjson::dom::element;
using simdjson::dom::element_type;

namespace contract {

void step(std::string &pointer, std::string_view name) {
    pointer.push_back('/');
    for (char byte : name) {
        switch (byte) {
        case '~':
            pointer.append("~0");
            break;
        case '/':
            pointer.append("~1");
            break;
        case '\0':
            pointer.append("\\u0000");
            break;
        default:
            pointer.push_back(byte);
        }
    }
}

// The length stands first, so that no text can be mistaken for the end of another.
static void append_string(std::string &text, std::string_view value) {
    text.push_back('"');
    text.append(std::to_string(value.size()));
    text.push_back(':');
    text.append(value);
}

static bool append_array(simdjson::dom::array array, std::string &text, uint64_t &steps) {
    text.push_back('[');
    for (auto item : array) {
        if (!canonical(item, text, steps)) {
            return false;
        }
    }
    text.push_back(']');
    return true;
}

static bool append_object(simdjson::dom::object object, std::string &text, uint64_t &steps) {
    std::vector<std::pair<std::string_view, element>> fields;
    for (auto field : object) {
        fields.emplace_back(field.key, field.value);
    }
    // Of a name that comes twice the order stays: names lie in memory as they came.
    std::sort(fields.begin(), fields.end(), [](auto &a, auto &b) {
        return a.first != b.first ? a.first < b.first : a.first.data() < b.first.data();
    });
    text.push_back('{');
    for (auto &field : fields) {
        append_string(text, field.first);
        if (!canonical(field.second, text, steps)) {
            return false;
        }
    }
    text.push_back('}');
    return true;
}

bool canonical(element value, std::string &text, uint64_t &steps) {
    if (steps == 0) {
        return false;
    }
    steps--;
    switch (value.type()) {
    case element_type::NULL_VALUE:
        text.push_back('n');
        return true;
    case element_type::BOOL:
        text.push_back(value.get_bool().value_unsafe() ? 't' : 'f');
        return true;
    case element_type::STRING:
        append_string(text, value.get_string().value_unsafe());
        return true;
    case element_type::ARRAY:
        return append_array(value.get_array().value_unsafe(), text, steps);
    case element_type::OBJECT:
        return append_object(value.get_object().value_unsafe(), text, steps);
    default:
        break;
    }
    number amount = *number::of(value);
    // 5.0 and 5 are one number.
    if (amount.is_real && amount.is_whole() && std::fabs(amount.real) < 1e30) {
        amount = number{false, (__int128)amount.real, 0};
    }
    if (!amount.is_real && (amount.whole > UINT64_MAX || amount.whole < INT64_MIN)) {
        amount = number{true, 0, (double)amount.whole};
    }
    text.append(contract::text(amount));
    text.push_back(',');
    return true;
}

} // namespace contract
