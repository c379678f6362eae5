// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and the libraries that open payloads: zlib and libzstd unpack, libcbor
// and msgpack-c read. No exception crosses it, and nothing allocates more than its caller allows.
#ifndef PAYLOAD_SHIM_H
#define PAYLOAD_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma clang assume_nonnull begin

// Unpacking.

typedef enum payload_shim_packing : uint8_t {
    payload_shim_plain,
    payload_shim_gzip,
    payload_shim_zlib,
    payload_shim_zstd,
} payload_shim_packing;

// What the first bytes look like; `zlib` is two bytes that other payloads may begin with as well.
payload_shim_packing payload_shim_recognise(const uint8_t *bytes, size_t length);

typedef struct payload_shim_unpacker payload_shim_unpacker;

// `window_log_max`: binary logarithm of the largest window that a zstd frame may ask for.
payload_shim_unpacker *_Nullable payload_shim_unpacker_create(int window_log_max);
void payload_shim_unpacker_destroy(payload_shim_unpacker *unpacker);

// Begins a payload; false when there is no memory.
bool payload_shim_unpack_begin(payload_shim_unpacker *unpacker, payload_shim_packing packing);

typedef enum payload_shim_progress : uint8_t {
    payload_shim_done,
    payload_shim_more, // the room is full, and there may be more
    payload_shim_broken,
} payload_shim_progress;

// Goes on with the same payload, into the room that is given; `written` is how much of it was used.
payload_shim_progress payload_shim_unpack(payload_shim_unpacker *unpacker, const uint8_t *bytes, size_t length,
                                          uint8_t *room, size_t room_length, size_t *written);

// What was broken, and how many bytes of the payload were read before.
const char *payload_shim_unpack_error(const payload_shim_unpacker *unpacker);
size_t payload_shim_unpack_position(const payload_shim_unpacker *unpacker);

// Reading: one item of CBOR (RFC 8949) or MessagePack in, one JSON text out.

typedef struct payload_shim_reader payload_shim_reader;

payload_shim_reader *_Nullable payload_shim_reader_create(size_t depth_max, size_t text_max);
void payload_shim_reader_destroy(payload_shim_reader *reader);

typedef enum payload_shim_verdict : uint8_t {
    payload_shim_read,
    payload_shim_malformed,
    payload_shim_too_large, // the JSON text would be longer than allowed
} payload_shim_verdict;

typedef struct payload_shim_text {
    const char *_Nullable text; // valid until the reader's next payload
    size_t length;
    const char *_Nullable error;
    size_t position; // of the error
    payload_shim_verdict verdict;
} payload_shim_text;

payload_shim_text payload_shim_read_cbor(payload_shim_reader *reader, const uint8_t *bytes, size_t length);
payload_shim_text payload_shim_read_messagepack(payload_shim_reader *reader, const uint8_t *bytes, size_t length);

#pragma clang assume_nonnull end
#ifdef __cplusplus
}
#endif
#endif
