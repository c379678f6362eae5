// SPDX-License-Identifier: Apache-2.0
#include "compiler.hpp"

using simdjson::dom::element;

namespace contract {

void compiler::run(const uint8_t *text, size_t length) {
    simdjson::dom::parser parser;
    simdjson::padded_string padded((const char *)text, length);
    element root;
    simdjson::error_code code = parser.allocate(length, depth_max + 1);
    if (!code) {
        code = parser.parse(padded).get(root);
    }
    if (code) {
        report("", code == simdjson::DEPTH_ERROR ? "is nested more than " + std::to_string(depth_max) + " levels deep"
                                                 : std::string("can't be read: ") + simdjson::error_message(code));
        return;
    }
    schema.root = compile(root, "");
    resolve();
}

node *compiler::compile(element value, const std::string &place) {
    if (schema.nodes.size() >= nodes_max) {
        if (schema.nodes.size() == nodes_max) {
            report(place, "is one schema more than a contract may have (" + std::to_string(nodes_max) + ")");
        }
    }
    node &made = schema.nodes.emplace_back();
    if (schema.nodes.size() > nodes_max) {
        return &made;
    }
    places[place] = &made;
    bool flag;
    if (!value.get_bool().get(flag)) {
        made.is_never = !flag;
        return &made;
    }
    simdjson::dom::object object;
    if (value.get_object().get(object)) {
        report(place, "must be a schema: an object, true or false");
        return &made;
    }
    element target;
    bool is_reference = !object.at_key("$ref").get(target);
    for (auto field : object) {
        std::string inside = child(place, field.key);
        bool is_inert = field.key == "$ref" || field.key == "definitions" || field.key == "unit"
            || field.key == "title" || field.key == "description" || field.key == "$comment";
        if (is_reference && !is_inert && handlers().count(field.key)) {
            report(inside, "stands beside $ref, so that draft 7 ignores it; put both into an allOf");
            continue;
        }
        compile_keyword(made, field.key, field.value, inside);
    }
    if (is_reference) {
        refer(made, target, child(place, "$ref"));
    }
    return &made;
}

void compiler::compile_keyword(node &into, std::string_view keyword, element value, const std::string &place) {
    auto found = handlers().find(keyword);
    if (found != handlers().end()) {
        (this->*found->second)(into, value, place);
    } else if (keyword == "pattern" || keyword == "patternProperties") {
        report(place, "is not in the subset: a text that a device chooses can make a regular expression run for ever");
    } else {
        report(place, "unknown keyword");
    }
}

std::vector<const node *> compiler::list(element value, const std::string &place) {
    std::vector<const node *> result;
    simdjson::dom::array array;
    if (value.get_array().get(array) || array.begin() == array.end()) {
        report(place, "must be a list of schemas that is not empty");
        return result;
    }
    size_t index = 0;
    for (auto item : array) {
        result.push_back(compile(item, child(place, std::to_string(index++))));
    }
    return result;
}

std::optional<number> compiler::amount(element value, const std::string &place) {
    auto result = number::of(value);
    if (!result) {
        report(place, "must be a number");
    }
    return result;
}

std::optional<uint64_t> compiler::count(element value, const std::string &place) {
    auto result = number::of(value);
    if (!result || !result->is_whole() || compare(*result, {false, 0, 0}) < 0
        || compare(*result, {false, INT64_MAX, 0}) > 0) {
        report(place, "must be a whole number from 0");
        return std::nullopt;
    }
    return result->is_real ? (uint64_t)result->real : (uint64_t)result->whole;
}

// References.

static int hex(char digit) {
    return digit >= '0' && digit <= '9' ? digit - '0'
        : (digit | 32) >= 'a' && (digit | 32) <= 'f' ? (digit | 32) - 'a' + 10
                                                     : -1;
}

// A fragment of a URI may have any byte as %xx (RFC 3986, section 2.1).
static std::string decoded(std::string_view fragment) {
    std::string result;
    for (size_t i = 0; i < fragment.size(); i++) {
        if (fragment[i] == '%' && i + 2 < fragment.size() && hex(fragment[i + 1]) >= 0 && hex(fragment[i + 2]) >= 0) {
            result.push_back((char)(hex(fragment[i + 1]) * 16 + hex(fragment[i + 2])));
            i += 2;
        } else {
            result.push_back(fragment[i]);
        }
    }
    return result;
}

void compiler::refer(node &from, element value, const std::string &place) {
    std::string_view target;
    if (value.get_string().get(target)) {
        report(place, "must be a text");
    } else if (target != "#" && target.substr(0, 2) != "#/") {
        report(place, "must point into this schema, such as #/definitions/speed: nothing is fetched");
    } else {
        references.push_back({&from, decoded(target.substr(1)), place});
    }
}

void compiler::resolve() {
    for (auto &reference : references) {
        auto found = places.find(reference.target);
        if (found == places.end()) {
            report(reference.place, "points to no schema: there is none at '#" + reference.target + "'");
        } else {
            reference.from->ref = found->second;
        }
    }
    for (auto &reference : references) {
        if (goes_round(reference.from)) {
            report(reference.place, "comes back to itself without going deeper into the message");
            return;
        }
    }
}

// Whether a schema's check of one value comes to the same schema again, for the same value.
bool compiler::goes_round(const node *at) {
    if (!at) {
        return false;
    }
    uint8_t &visit = visits[at];
    if (visit) {
        return visit == 1;
    }
    visit = 1;
    bool found = goes_round(at->ref) || goes_round(at->negated) || goes_round(at->condition)
        || goes_round(at->consequence) || goes_round(at->alternative);
    for (auto *several : {&at->all_of, &at->any_of, &at->one_of}) {
        for (const node *one : *several) {
            found = found || goes_round(one);
        }
    }
    for (auto &dependency : at->dependencies) {
        found = found || goes_round(dependency.schema);
    }
    visit = 2;
    return found;
}

void compile(contract_shim_schema &schema, const uint8_t *text, size_t length) {
    compiler(schema).run(text, length);
}

} // namespace contract
