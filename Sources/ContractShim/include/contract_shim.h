// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and the check of messages against a JSON Schema (draft 7, the subset
// that docs/contracts.md lists). A schema is compiled once and is never written to again, so threads
// may share it. A checker belongs to one thread at a time.
#ifndef CONTRACT_SHIM_H
#define CONTRACT_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// Readable bytes that must follow every text that is read; their content does not matter.
#define CONTRACT_SHIM_PADDING 64
// More violations of one element are not looked for.
#define CONTRACT_SHIM_VIOLATIONS_MAX 5
// Steps that the check of one element may take: nothing that a device sends can hold the thread.
#define CONTRACT_SHIM_STEPS_MAX 1000000

typedef struct contract_shim_schema contract_shim_schema;
typedef struct contract_shim_checker contract_shim_checker;

// Compiles a schema; `text` needs no padding. NULL when there is no memory. A schema that has
// problems must not be checked against.
contract_shim_schema *_Nullable contract_shim_compile(const uint8_t *text, size_t length);
void contract_shim_destroy_schema(contract_shim_schema *schema);

// What is wrong with a schema: the place as a JSON pointer, and the reason.
size_t contract_shim_problem_count(const contract_shim_schema *schema);
const char *contract_shim_problem_pointer(const contract_shim_schema *schema, size_t index);
const char *contract_shim_problem_reason(const contract_shim_schema *schema, size_t index);

// The keywords that a schema may have, divided by spaces.
const char *contract_shim_keywords(void);

// NULL when there is no memory.
contract_shim_checker *_Nullable contract_shim_create(uint32_t depth_max);
void contract_shim_destroy(contract_shim_checker *checker);

// Reads a text with its padding, and tells how many elements it has: those of an array that is its
// root, otherwise one. -1 when it can't be read.
int64_t contract_shim_read(contract_shim_checker *checker, const uint8_t *text, size_t length);

// Checks one element of the text that was read last; gives how many violations were found. They are
// valid until the next call.
size_t contract_shim_check(contract_shim_checker *checker, const contract_shim_schema *schema, size_t element);
const char *contract_shim_violation_pointer(const contract_shim_checker *checker, size_t index);
const char *contract_shim_violation_reason(const contract_shim_checker *checker, size_t index);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
