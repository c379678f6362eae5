// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and simdjson: one JSON text in, its leaves out, in document order.
//
// A leaf is a scalar, an empty array or an empty object. Where it stands is told twice: by the
// element's hash, which covers the path and kind of every leaf and so names the element's shape,
// and, on demand, by `json_shim_path`. A message of a shape that was seen before needs only the
// first. A parser belongs to one thread at a time.
#ifndef JSON_SHIM_H
#define JSON_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// Readable bytes that must follow every text that is parsed; their content does not matter.
#define JSON_SHIM_PADDING 64

typedef struct json_shim_parser json_shim_parser;

typedef enum json_shim_kind : uint8_t {
    json_shim_null,
    json_shim_bool,
    json_shim_int,
    json_shim_double, // also integers from 2^63 up
    json_shim_string,
    json_shim_empty_array,
    json_shim_empty_object,
} json_shim_kind;

typedef struct json_shim_leaf {
    union {
        int64_t integer; // also 0 and 1 of a bool
        double real;
        const char *string; // UTF-8, valid until the next parse
    } value;
    uint32_t string_length;
    json_shim_kind kind;
} json_shim_leaf;

// The whole text, or one element of the array that is its root.
typedef struct json_shim_element {
    uint64_t hash;
    // Which leaves are doubles; integers and doubles are one kind to `hash`.
    uint64_t number_hash;
    uint32_t first_leaf;
    uint32_t leaf_count;
    bool is_object;
} json_shim_element;

typedef struct json_shim_document {
    const json_shim_leaf *_Nullable leaves;
    const json_shim_element *_Nullable elements;
    uint32_t element_count;
    // Null on success, otherwise what is wrong with the text.
    const char *_Nullable error;
} json_shim_document;

// `seed` makes the hashes of this process unpredictable. Null when memory is short.
json_shim_parser *_Nullable json_shim_create(uint32_t depth_max, uint64_t seed);
void json_shim_destroy(json_shim_parser *parser);

// Parses and flattens; a root array gives one element for each of its own elements.
json_shim_document json_shim_parse(json_shim_parser *parser, const uint8_t *text, size_t length);

// The dotted path of a leaf of the last parse, not terminated; empty for a bare scalar.
// Costs a walk over the element that holds it.
const char *json_shim_path(json_shim_parser *parser, uint32_t element, uint32_t leaf,
                           size_t *length);

// Where a text that did not parse goes wrong: a byte position, or -1 when that can't be told.
int64_t json_shim_error_position(json_shim_parser *parser, const uint8_t *text, size_t length);

// The shortest decimal that reads back as the same number; at least 32 bytes of room.
size_t json_shim_write_double(double value, char *buffer);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
