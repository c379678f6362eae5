// SPDX-License-Identifier: Apache-2.0
//
// A schema's text to nodes. Whatever would be ignored silently when messages are checked is a problem
// here.
#pragma once

#include "schema.hpp"

#include <unordered_map>

namespace contract {

inline constexpr uint32_t depth_max = 64;
inline constexpr size_t nodes_max = 10000;
inline constexpr size_t problems_max = 50;

struct reference {
    node *from;
    std::string target;
    std::string place;
};

class compiler {
  public:
    explicit compiler(contract_shim_schema &schema) : schema(schema) {}
    void run(const uint8_t *text, size_t length);

    using handler = void (compiler::*)(node &, simdjson::dom::element, const std::string &);
    static const std::map<std::string_view, handler> &handlers();

  private:

    contract_shim_schema &schema;
    std::unordered_map<std::string, node *> places; // by JSON pointer
    std::vector<reference> references;
    std::map<const node *, uint8_t> visits; // 1: being looked through, 2: done


    void report(const std::string &place, std::string reason) {
        if (schema.problems.size() < problems_max) {
            schema.problems.push_back({place, std::move(reason)});
        }
    }

    node *compile(simdjson::dom::element value, const std::string &place);
    void compile_keyword(node &into, std::string_view keyword, simdjson::dom::element value, const std::string &place);
    std::vector<const node *> list(simdjson::dom::element value, const std::string &place);
    std::optional<number> amount(simdjson::dom::element value, const std::string &place);
    std::optional<uint64_t> count(simdjson::dom::element value, const std::string &place);
    void refer(node &from, simdjson::dom::element value, const std::string &place);
    void resolve();
    bool goes_round(const node *at);
    void add_value(node &into, simdjson::dom::element value, const std::string &place);

    void annotation(node &, simdjson::dom::element, const std::string &) {}
    void text_annotation(node &into, simdjson::dom::element value, const std::string &place);
    void identifier(node &into, simdjson::dom::element value, const std::string &place);
    void dialect(node &into, simdjson::dom::element value, const std::string &place);
    void types(node &into, simdjson::dom::element value, const std::string &place);
    void values(node &into, simdjson::dom::element value, const std::string &place);
    void constant(node &into, simdjson::dom::element value, const std::string &place);
    void divisor(node &into, simdjson::dom::element value, const std::string &place);
    void properties(node &into, simdjson::dom::element value, const std::string &place);
    void definitions(node &into, simdjson::dom::element value, const std::string &place);
    void required(node &into, simdjson::dom::element value, const std::string &place);
    void dependencies(node &into, simdjson::dom::element value, const std::string &place);
    void items(node &into, simdjson::dom::element value, const std::string &place);
    void unique(node &into, simdjson::dom::element value, const std::string &place);

    template <std::optional<number> node::*Member>
    void bound(node &into, simdjson::dom::element value, const std::string &place) {
        into.*Member = amount(value, place);
    }

    template <std::optional<uint64_t> node::*Member>
    void limit(node &into, simdjson::dom::element value, const std::string &place) {
        into.*Member = count(value, place);
    }

    template <const node *node::*Member>
    void single(node &into, simdjson::dom::element value, const std::string &place) {
        into.*Member = compile(value, place);
    }

    template <std::vector<const node *> node::*Member>
    void several(node &into, simdjson::dom::element value, const std::string &place) {
        into.*Member = list(value, place);
    }
};

inline std::string child(const std::string &place, std::string_view name) {
    std::string result = place;
    step(result, name);
    return result;
}

} // namespace contract
