// SPDX-License-Identifier: Apache-2.0
//
// The C face. No C++ exception crosses it.
#include "include/contract_shim.h"

#include "check.hpp"

#include <new>

extern "C" {

contract_shim_schema *contract_shim_compile(const uint8_t *text, size_t length) {
    auto *schema = new (std::nothrow) contract_shim_schema();
    if (!schema) {
        return nullptr;
    }
    try {
        contract::compile(*schema, text, length);
        return schema;
    } catch (const std::exception &) {
        delete schema;
        return nullptr;
    }
}

void contract_shim_destroy_schema(contract_shim_schema *schema) {
    delete schema;
}

size_t contract_shim_problem_count(const contract_shim_schema *schema) {
    return schema->problems.size();
}

const char *contract_shim_problem_pointer(const contract_shim_schema *schema, size_t index) {
    return schema->problems[index].pointer.c_str();
}

const char *contract_shim_problem_reason(const contract_shim_schema *schema, size_t index) {
    return schema->problems[index].reason.c_str();
}

const char *contract_shim_keywords(void) {
    return contract::keyword_list();
}

contract_shim_checker *contract_shim_create(uint32_t depth_max) {
    return new (std::nothrow) contract_shim_checker(depth_max);
}

void contract_shim_destroy(contract_shim_checker *checker) {
    delete checker;
}

int64_t contract_shim_read(contract_shim_checker *checker, const uint8_t *text, size_t length) {
    try {
        return checker->read(text, length);
    } catch (const std::exception &) {
        return -1;
    }
}

size_t contract_shim_check(contract_shim_checker *checker, const contract_shim_schema *schema, size_t element) {
    try {
        checker->check(*schema, element);
    } catch (const std::exception &) {
        checker->found.clear();
        checker->found.shrink_to_fit();
        checker->found.push_back({"", "takes too much memory to check"});
    }
    return checker->found.size();
}

const char *contract_shim_violation_pointer(const contract_shim_checker *checker, size_t index) {
    return checker->found[index].pointer.c_str();
}

const char *contract_shim_violation_reason(const contract_shim_checker *checker, size_t index) {
    return checker->found[index].reason.c_str();
}

} // extern "C"
