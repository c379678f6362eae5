// SPDX-License-Identifier: Apache-2.0
#include "payload_shim.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

struct payload_shim_unpacker {
    payload_shim_packing packing;
    z_stream stream;
    bool has_stream;
    ZSTD_DStream *zstd;
    int window_log_max;
    size_t consumed;
    // Between two gzip members or zstd frames: the payload may end here.
    bool is_between;
    const char *error;
};

payload_shim_packing payload_shim_recognise(const uint8_t *bytes, size_t length) {
    // RFC 1952, section 2.3.1: the method is always 8.
    if (length >= 3 && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8) {
        return payload_shim_gzip;
    }
    // RFC 8878, sections 3.1.1 and 3.1.2: a frame, or one that is to be skipped.
    if (length >= 4 && bytes[1] == 0xB5 && bytes[0] == 0x28 && bytes[2] == 0x2F && bytes[3] == 0xFD) {
        return payload_shim_zstd;
    }
    if (length >= 8 && (bytes[0] & 0xF0) == 0x50 && bytes[1] == 0x2A && bytes[2] == 0x4D && bytes[3] == 0x18) {
        return payload_shim_zstd;
    }
    // RFC 1950, section 2.2: method 8, a window of at most 32 KiB, no preset dictionary, the check.
    if (length >= 2 && (bytes[0] & 0x0F) == 8 && (bytes[0] >> 4) <= 7 && (bytes[1] & 0x20) == 0 &&
        (bytes[0] * 256 + bytes[1]) % 31 == 0) {
        return payload_shim_zlib;
    }
    return payload_shim_plain;
}

payload_shim_unpacker *payload_shim_unpacker_create(int window_log_max) {
    payload_shim_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker) {
        unpacker->window_log_max = window_log_max;
    }
    return unpacker;
}

void payload_shim_unpacker_destroy(payload_shim_unpacker *unpacker) {
    if (unpacker->has_stream) {
        inflateEnd(&unpacker->stream);
    }
    ZSTD_freeDStream(unpacker->zstd);
    free(unpacker);
}

static bool begin_zstd(payload_shim_unpacker *unpacker) {
    if (!unpacker->zstd) {
        unpacker->zstd = ZSTD_createDStream();
        if (!unpacker->zstd) return false;
        ZSTD_DCtx_setParameter(unpacker->zstd, ZSTD_d_windowLogMax, unpacker->window_log_max);
    }
    return !ZSTD_isError(ZSTD_DCtx_reset(unpacker->zstd, ZSTD_reset_session_only));
}

bool payload_shim_unpack_begin(payload_shim_unpacker *unpacker, payload_shim_packing packing) {
    unpacker->packing = packing;
    unpacker->consumed = 0;
    unpacker->is_between = false;
    unpacker->error = NULL;
    if (packing == payload_shim_zstd) {
        return begin_zstd(unpacker);
    }
    // 15 bits of window; 16 more ask for a gzip header instead of zlib's.
    int bits = packing == payload_shim_gzip ? 15 + 16 : 15;
    if (unpacker->has_stream) {
        return inflateReset2(&unpacker->stream, bits) == Z_OK;
    }
    unpacker->has_stream = inflateInit2(&unpacker->stream, bits) == Z_OK;
    return unpacker->has_stream;
}

static payload_shim_progress broken(payload_shim_unpacker *unpacker, const char *error) {
    unpacker->error = error;
    return payload_shim_broken;
}

static payload_shim_progress unpack_zlib(payload_shim_unpacker *unpacker, const uint8_t *bytes, size_t length,
                                         uint8_t *room, size_t room_length, size_t *written) {
    z_stream *stream = &unpacker->stream;
    *written = 0;
    for (;;) {
        size_t rest = length - unpacker->consumed;
        if (unpacker->is_between) {
            if (rest == 0) return payload_shim_done;
            const uint8_t *next = bytes + unpacker->consumed;
            if (unpacker->packing != payload_shim_gzip || payload_shim_recognise(next, rest) != payload_shim_gzip) {
                return broken(unpacker, "bytes follow the compressed data");
            }
            inflateReset(stream);
            unpacker->is_between = false;
        }
        stream->next_in = (z_const Bytef *)(bytes + unpacker->consumed);
        stream->avail_in = (uInt)rest;
        stream->next_out = room + *written;
        stream->avail_out = (uInt)(room_length - *written);
        int code = inflate(stream, Z_NO_FLUSH);
        unpacker->consumed = length - stream->avail_in;
        *written = room_length - stream->avail_out;
        switch (code) {
        case Z_STREAM_END:
            unpacker->is_between = true;
            continue;
        case Z_OK:
        case Z_BUF_ERROR:
            if (stream->avail_out == 0) return payload_shim_more;
            return broken(unpacker, "the compressed data is cut off");
        case Z_MEM_ERROR:
            return broken(unpacker, "no memory");
        default:
            return broken(unpacker, stream->msg ? stream->msg : "the compressed data is broken");
        }
    }
}

// Whether a further frame begins here, as far as its magic is there.
static bool begins_zstd(const uint8_t *bytes, size_t length) {
    static const uint8_t frame[] = {0x28, 0xB5, 0x2F, 0xFD};
    static const uint8_t skippable[] = {0x50, 0x2A, 0x4D, 0x18};
    size_t known = length < 4 ? length : 4;
    return memcmp(bytes, frame, known) == 0 ||
           ((bytes[0] & 0xF0) == skippable[0] && memcmp(bytes + 1, skippable + 1, known - 1) == 0);
}

static payload_shim_progress unpack_zstd(payload_shim_unpacker *unpacker, const uint8_t *bytes, size_t length,
                                         uint8_t *room, size_t room_length, size_t *written) {
    ZSTD_inBuffer in = {bytes, length, unpacker->consumed};
    ZSTD_outBuffer out = {room, room_length, 0};
    for (;;) {
        if (unpacker->is_between) {
            if (in.pos == in.size) return payload_shim_done;
            // Debian's libzstd would go on into the formats of before 1.0.
            if (!begins_zstd(bytes + in.pos, in.size - in.pos)) {
                return broken(unpacker, "bytes follow the compressed data");
            }
        }
        size_t before = in.pos + out.pos;
        size_t code = ZSTD_decompressStream(unpacker->zstd, &out, &in);
        *written = out.pos;
        if (ZSTD_isError(code)) {
            // What is no frame begins where the last one has ended.
            if (!unpacker->is_between) unpacker->consumed = in.pos;
            return broken(unpacker, unpacker->is_between ? "bytes follow the compressed data"
                                                         : ZSTD_getErrorName(code));
        }
        unpacker->consumed = in.pos;
        unpacker->is_between = code == 0;
        if (code == 0) continue;
        if (out.pos == out.size) return payload_shim_more;
        if (in.pos == in.size && in.pos + out.pos == before) {
            return broken(unpacker, "the compressed data is cut off");
        }
    }
}

payload_shim_progress payload_shim_unpack(payload_shim_unpacker *unpacker, const uint8_t *bytes, size_t length,
                                          uint8_t *room, size_t room_length, size_t *written) {
    return unpacker->packing == payload_shim_zstd
               ? unpack_zstd(unpacker, bytes, length, room, room_length, written)
               : unpack_zlib(unpacker, bytes, length, room, room_length, written);
}

const char *payload_shim_unpack_error(const payload_shim_unpacker *unpacker) {
    return unpacker->error ? unpacker->error : "";
}

size_t payload_shim_unpack_position(const payload_shim_unpacker *unpacker) { return unpacker->consumed; }
