// SPDX-License-Identifier: Apache-2.0
#include "compiler.hpp"

#include <set>

using simdjson::dom::element;

namespace contract {

const std::map<std::string_view, compiler::handler> &compiler::handlers() {
    using c = compiler;
    static const std::map<std::string_view, handler> known = {
        {"$comment", &c::annotation},
        {"$id", &c::identifier},
        {"$ref", &c::annotation}, // looked at before all others
        {"$schema", &c::dialect},
        {"additionalItems", &c::single<&node::additional_items>},
        {"additionalProperties", &c::single<&node::additional_properties>},
        {"allOf", &c::several<&node::all_of>},
        {"anyOf", &c::several<&node::any_of>},
        {"const", &c::constant},
        {"contains", &c::single<&node::contains>},
        {"default", &c::annotation},
        {"definitions", &c::definitions},
        {"dependencies", &c::dependencies},
        {"description", &c::text_annotation},
        {"else", &c::single<&node::alternative>},
        {"enum", &c::values},
        {"examples", &c::annotation},
        {"exclusiveMaximum", &c::bound<&node::exclusive_maximum>},
        {"exclusiveMinimum", &c::bound<&node::exclusive_minimum>},
        {"format", &c::text_annotation},
        {"if", &c::single<&node::condition>},
        {"items", &c::items},
        {"maxItems", &c::limit<&node::max_items>},
        {"maxLength", &c::limit<&node::max_length>},
        {"maxProperties", &c::limit<&node::max_properties>},
        {"maximum", &c::bound<&node::maximum>},
        {"minItems", &c::limit<&node::min_items>},
        {"minLength", &c::limit<&node::min_length>},
        {"minProperties", &c::limit<&node::min_properties>},
        {"minimum", &c::bound<&node::minimum>},
        {"multipleOf", &c::divisor},
        {"not", &c::single<&node::negated>},
        {"oneOf", &c::several<&node::one_of>},
        {"properties", &c::properties},
        {"readOnly", &c::annotation},
        {"required", &c::required},
        {"then", &c::single<&node::consequence>},
        {"title", &c::text_annotation},
        {"type", &c::types},
        {"uniqueItems", &c::unique},
        {"unit", &c::text_annotation},
        {"writeOnly", &c::annotation},
    };
    return known;
}

void compiler::text_annotation(node &, element value, const std::string &place) {
    if (!value.is_string()) {
        report(place, "must be a text");
    }
}

void compiler::identifier(node &, element value, const std::string &place) {
    if (!value.is_string()) {
        report(place, "must be a text");
    } else if (place != "/$id") {
        report(place, "only the whole schema may have an $id: inside, it would change what $ref means");
    }
}

void compiler::dialect(node &, element value, const std::string &place) {
    std::string_view name;
    static const std::set<std::string_view> known = {
        "http://json-schema.org/draft-07/schema#",
        "http://json-schema.org/draft-07/schema",
        "https://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft-07/schema",
    };
    if (value.get_string().get(name) || !known.count(name)) {
        report(place, "must be http://json-schema.org/draft-07/schema#: contracts are read as draft 7");
    }
}

void compiler::types(node &into, element value, const std::string &place) {
    static const std::map<std::string_view, std::pair<uint8_t, const char *>> known = {
        {"null", {type_null, "null"}},
        {"boolean", {type_boolean, "true or false"}},
        {"integer", {type_integer, "a whole number"}},
        {"number", {type_number, "a number"}},
        {"string", {type_string, "a string"}},
        {"array", {type_array, "an array"}},
        {"object", {type_object, "an object"}},
    };
    auto add = [&](element item) {
        std::string_view name;
        auto found = item.get_string().get(name) ? known.end() : known.find(name);
        if (found == known.end()) {
            report(place, "must be one of null, boolean, integer, number, string, array, object, or a list of these");
            return;
        }
        into.types |= found->second.first;
        into.types_text += (into.types_text.empty() ? "" : " or ") + std::string(found->second.second);
    };
    simdjson::dom::array array;
    if (value.get_array().get(array)) {
        add(value);
    } else if (array.begin() == array.end()) {
        report(place, "is an empty list, which nothing could satisfy");
    } else {
        for (auto item : array) {
            add(item);
        }
    }
}

void compiler::add_value(node &into, element value, const std::string &place) {
    std::string text;
    uint64_t steps = 100000;
    if (!canonical(value, text, steps)) {
        report(place, "is too large a value to compare with");
    }
    into.enum_values.push_back(text);
    into.enum_text += (into.enum_text.empty() ? "" : ", ") + simdjson::minify(value);
}

void compiler::values(node &into, element value, const std::string &place) {
    simdjson::dom::array array;
    if (value.get_array().get(array) || array.begin() == array.end()) {
        report(place, "must be a list of values that is not empty");
        return;
    }
    if (into.has_enum) {
        report(place, "stands beside const; one of them is enough");
        return;
    }
    into.has_enum = true;
    for (auto item : array) {
        add_value(into, item, place);
    }
}

void compiler::constant(node &into, element value, const std::string &place) {
    if (into.has_enum) {
        report(place, "stands beside enum; one of them is enough");
        return;
    }
    into.has_enum = true;
    add_value(into, value, place);
}

void compiler::divisor(node &into, element value, const std::string &place) {
    into.multiple_of = amount(value, place);
    if (into.multiple_of && compare(*into.multiple_of, {false, 0, 0}) <= 0) {
        report(place, "must be above 0");
        into.multiple_of.reset();
    }
}

void compiler::properties(node &into, element value, const std::string &place) {
    simdjson::dom::object object;
    if (value.get_object().get(object)) {
        report(place, "must be a mapping of names to schemas");
        return;
    }
    for (auto field : object) {
        uint32_t name = into.number_of(field.key);
        into.properties[name] = compile(field.value, child(place, field.key));
    }
}

void compiler::definitions(node &, element value, const std::string &place) {
    simdjson::dom::object object;
    if (value.get_object().get(object)) {
        report(place, "must be a mapping of names to schemas");
        return;
    }
    for (auto field : object) {
        compile(field.value, child(place, field.key));
    }
}

void compiler::required(node &into, element value, const std::string &place) {
    simdjson::dom::array array;
    bool is_bad = value.get_array().get(array);
    if (!is_bad) {
        for (auto item : array) {
            std::string_view name;
            is_bad = is_bad || item.get_string().get(name);
            if (!is_bad) {
                into.required.push_back(into.number_of(name));
            }
        }
    }
    if (is_bad) {
        report(place, "must be a list of names");
    }
}

void compiler::dependencies(node &into, element value, const std::string &place) {
    simdjson::dom::object object;
    if (value.get_object().get(object)) {
        report(place, "must be a mapping of names to lists of names or to schemas");
        return;
    }
    for (auto field : object) {
        dependency made{into.number_of(field.key), {}, nullptr};
        simdjson::dom::array array;
        if (field.value.get_array().get(array)) {
            made.schema = compile(field.value, child(place, field.key));
        } else {
            for (auto item : array) {
                std::string_view name;
                if (item.get_string().get(name)) {
                    report(child(place, field.key), "must be a list of names");
                    break;
                }
                made.names.push_back(into.number_of(name));
            }
        }
        into.dependencies.push_back(made);
    }
}

void compiler::items(node &into, element value, const std::string &place) {
    simdjson::dom::array array;
    if (value.get_array().get(array)) {
        into.items = compile(value, place);
        return;
    }
    into.has_items_by_place = true;
    size_t index = 0;
    for (auto item : array) {
        into.items_by_place.push_back(compile(item, child(place, std::to_string(index++))));
    }
}

void compiler::unique(node &into, element value, const std::string &place) {
    if (value.get_bool().get(into.is_unique)) {
        report(place, "must be true or false");
    }
}

const char *keyword_list() {
    static const std::string list = [] {
        std::string names;
        for (auto &entry : compiler::handlers()) {
            names += (names.empty() ? "" : " ") + std::string(entry.first);
        }
        return names;
    }();
    return list.c_str();
}

} // namespace contract
