// SPDX-License-Identifier: Apache-2.0
//
// Checks values against nodes. Where it only wants to know, as within anyOf, it stops at the first
// violation; where it reports, it goes on to a few.
#pragma once

#include "schema.hpp"

struct contract_shim_checker {
    explicit contract_shim_checker(uint32_t depth) : depth_max(depth) {}

    int64_t read(const uint8_t *text, size_t length);
    void check(const contract_shim_schema &schema, size_t element);

    std::vector<contract::finding> found;

  private:
    // Where the check is: a name, or a place in an array.
    struct place {
        std::string_view name;
        size_t index;
        bool is_index;
    };

    uint32_t depth_max;
    simdjson::dom::parser parser;
    std::vector<simdjson::dom::element> roots;
    std::vector<place> path;
    uint64_t steps = 0;
    uint32_t frames = 0;
    bool is_exhausted = false;

    bool check(const contract::node &node, simdjson::dom::element value, bool reports);
    bool check_plain(const contract::node &node, simdjson::dom::element value, bool reports);
    bool check_number(const contract::node &node, const contract::number &value, bool reports);
    bool check_string(const contract::node &node, std::string_view value, bool reports);
    bool check_array(const contract::node &node, simdjson::dom::array value, bool reports);
    bool check_items(const contract::node &node, simdjson::dom::array value, bool reports);
    bool check_unique(simdjson::dom::array value, bool reports);
    bool check_object(const contract::node &node, simdjson::dom::element value, bool reports);
    bool check_names(const contract::node &node, simdjson::dom::element value, bool reports);
    bool check_combined(const contract::node &node, simdjson::dom::element value, bool reports);
    bool check_condition(const contract::node &node, simdjson::dom::element value, bool reports);

    bool violated(bool reports, const std::string &reason);
    bool spend();
    // Whether there is any use in going on after a violation.
    bool goes_on(bool reports) const;
};
