// SPDX-License-Identifier: Apache-2.0
//
// ContractShim: any text can be compiled as a schema and checked against one, with the same findings
// each time.
//
// An input is a text, which is also tried as a schema. Before a byte FF there may be a schema for it.
#include "expect.hpp"

#include "contract_shim.h"
#include "json_shim.h"

#include <vector>

static constexpr uint32_t depth_max = 32;

using schema_pointer = std::unique_ptr<contract_shim_schema, decltype(&contract_shim_destroy_schema)>;

static schema_pointer compile(std::string_view text) {
    // It needs no padding: what it reads beyond the end is seen.
    std::unique_ptr<uint8_t[]> bytes(new uint8_t[text.size()]);
    if (!text.empty()) std::memcpy(bytes.get(), text.data(), text.size());
    schema_pointer schema(contract_shim_compile(bytes.get(), text.size()), contract_shim_destroy_schema);
    EXPECT(schema);
    return schema;
}

// A schema that has problems must not be checked against.
static bool is_usable(const contract_shim_schema &schema) {
    size_t count = contract_shim_problem_count(&schema);
    for (size_t index = 0; index < count; index++) {
        EXPECT(contract_shim_problem_pointer(&schema, index));
        EXPECT(*contract_shim_problem_reason(&schema, index));
    }
    return count == 0;
}

static std::vector<schema_pointer> make_fixed() {
    const char *texts[] = {
        R"({"type":"object","required":["vin","speed"],"properties":{
            "vin":{"type":"string","minLength":2,"maxLength":17},
            "speed":{"type":"number","minimum":0,"exclusiveMaximum":400,"multipleOf":0.1},
            "tyres":{"type":"array","minItems":1,"maxItems":4,"uniqueItems":true,"items":{
                "type":"object","required":["position"],"additionalProperties":false,"properties":{
                    "position":{"enum":["front_left","front_right"]},"bar":{"type":["number","null"]}}}}},
            "dependencies":{"trip":["vin"],"a":{"required":["b"]}},"maxProperties":20})",
        R"({"definitions":{"tree":{"type":"object","properties":{"a":{"$ref":"#/definitions/tree"},
            "b":{"type":"array","items":{"$ref":"#/definitions/tree"}}},
            "additionalProperties":{"type":["integer","string","array"]}}},"$ref":"#/definitions/tree"})",
        R"({"anyOf":[{"type":"integer","multipleOf":3},{"type":"string","maxLength":3},{"type":"array"}],
            "oneOf":[{"const":9},{"minimum":9},{"contains":{"enum":[1,1.5,"x",null,{"a":[1.0]}]}}],
            "not":{"const":12},"if":{"type":"number"},"then":{"maximum":1e300},
            "else":{"items":[{"type":"number"},false],"additionalItems":{"type":"string"}}})",
    };
    std::vector<schema_pointer> schemas;
    for (const char *text : texts) {
        schemas.push_back(compile(text));
        EXPECT(is_usable(*schemas.back()));
    }
    return schemas;
}

static std::string findings(contract_shim_checker *checker, const contract_shim_schema &schema, size_t element) {
    size_t count = contract_shim_check(checker, &schema, element);
    EXPECT(count <= CONTRACT_SHIM_VIOLATIONS_MAX);
    std::string result;
    for (size_t index = 0; index < count; index++) {
        std::string_view pointer = contract_shim_violation_pointer(checker, index);
        std::string_view reason = contract_shim_violation_reason(checker, index);
        EXPECT(is_utf8(pointer) && (pointer.empty() || pointer[0] == '/'));
        EXPECT(is_utf8(reason) && !reason.empty());
        result += std::string(pointer) + ": " + std::string(reason) + "\n";
    }
    return result;
}

static std::string findings(contract_shim_checker *checker, const contract_shim_schema &schema,
                            const padded_text &text) {
    int64_t count = contract_shim_read(checker, text.bytes.get(), text.length);
    EXPECT(count >= -1);
    std::string result = std::to_string(count) + "\n";
    // One more than there are is told as such.
    for (int64_t element = 0; element <= count && element < 20; element++) {
        result += findings(checker, schema, (size_t)element);
    }
    return result;
}

// Both shims read the same texts, and find the same elements at their root.
static void check_reading(json_shim_parser *parser, contract_shim_checker *checker, const padded_text &text) {
    int64_t count = contract_shim_read(checker, text.bytes.get(), text.length);
    json_shim_document document = json_shim_parse(parser, text.bytes.get(), text.length, nullptr);
    EXPECT((count < 0) == (document.error != nullptr));
    EXPECT(document.error || (int64_t)document.element_count == count);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static contract_shim_checker *checker = contract_shim_create(depth_max);
    static json_shim_parser *parser = json_shim_create(depth_max, 1);
    static const std::vector<schema_pointer> fixed = make_fixed();

    std::string_view head, rest;
    bool has_schema = split({(const char *)data, size}, head, rest);
    padded_text text(rest, 0), other(rest.substr(0, rest.size() / 2), '"'), same(rest, fill_for(rest));
    check_reading(parser, checker, text);

    schema_pointer own = compile(has_schema ? head : rest);
    std::vector<const contract_shim_schema *> schemas;
    for (auto &schema : fixed) schemas.push_back(schema.get());
    if (is_usable(*own)) schemas.push_back(own.get());
    for (const contract_shim_schema *schema : schemas) {
        std::string first = findings(checker, *schema, text);
        findings(checker, *schema, other);
        EXPECT(findings(checker, *schema, same) == first);
    }
    return 0;
}
