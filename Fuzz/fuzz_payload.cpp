// SPDX-License-Identifier: Apache-2.0
//
// PayloadShim: any bytes are unpacked and read within their bounds, or refused with the place; what
// is read of CBOR and MessagePack is JSON.
//
// An input is a payload. It is tried as each kind, also as some that it does not look like.
#include "expect.hpp"

#include "json_shim.h"
#include "payload_shim.h"

static constexpr size_t depth_max = 32;
static constexpr size_t text_max = 8192;
static constexpr size_t unpacked_max = 65536;
static constexpr int window_log_max = 23;

static const char *const names[] = {"plain", "gzip", "zlib", "zstd"};

// What comes out in rooms of one size, up to the bound, and how it ends.
static std::string unpacked(payload_shim_unpacker *unpacker, payload_shim_packing packing, std::string_view payload,
                            size_t room_length, std::string &ending) {
    std::string result;
    EXPECT(payload_shim_unpack_begin(unpacker, packing));
    for (;;) {
        std::unique_ptr<uint8_t[]> room(new uint8_t[room_length]);
        size_t written = 0;
        auto progress = payload_shim_unpack(unpacker, (const uint8_t *)payload.data(), payload.size(), room.get(),
                                            room_length, &written);
        EXPECT(written <= room_length);
        EXPECT(payload_shim_unpack_position(unpacker) <= payload.size());
        result.append((const char *)room.get(), written);
        if (result.size() > unpacked_max) {
            ending = "over the limit";
            return result.substr(0, unpacked_max);
        }
        if (progress == payload_shim_more) {
            EXPECT(written > 0);
            continue;
        }
        ending = names[packing];
        if (progress == payload_shim_broken) {
            EXPECT(*payload_shim_unpack_error(unpacker));
            ending += " broken";
        }
        return result;
    }
}

static void check_unpacking(payload_shim_unpacker *unpacker, std::string_view payload) {
    auto looks_like = payload_shim_recognise((const uint8_t *)payload.data(), payload.size());
    for (auto packing : {payload_shim_gzip, payload_shim_zlib, payload_shim_zstd}) {
        // What does not look like zstd may be a format from before its 1.0, which nobody asks for.
        if (packing == payload_shim_zstd && looks_like != packing) continue;
        std::string ending, ending_again, half;
        std::string first = unpacked(unpacker, packing, payload, unpacked_max + 1, ending);
        unpacked(unpacker, packing, payload.substr(0, payload.size() / 2), unpacked_max + 1, half);
        // The same comes out, however small the rooms are.
        std::string again = unpacked(unpacker, packing, payload, 1000, ending_again);
        EXPECT((ending == names[packing]) == (ending_again == names[packing]));
        // Of what is broken, how much comes out before that is seen depends on the room.
        EXPECT(ending != names[packing] || first == again);
    }
}

using read_function = payload_shim_text (*)(payload_shim_reader *, const uint8_t *, size_t);

static std::string read(payload_shim_reader *reader, read_function function, std::string_view payload) {
    payload_shim_text text = function(reader, (const uint8_t *)payload.data(), payload.size());
    if (text.verdict == payload_shim_read) {
        EXPECT(text.text && !text.error && text.length <= text_max);
        return "read " + std::string(text.text, text.length);
    }
    EXPECT(text.error && *text.error && text.position <= payload.size());
    return std::string(text.error) + " at " + std::to_string(text.position);
}

static void check_reading(payload_shim_reader *reader, json_shim_parser *parser, std::string_view payload,
                          read_function function) {
    std::string first = read(reader, function, payload);
    read(reader, function, payload.substr(0, payload.size() / 2));
    EXPECT(read(reader, function, payload) == first);
    if (first.rfind("read ", 0) != 0) return;
    padded_text text(std::string_view(first).substr(5), fill_for(first));
    json_shim_document document = json_shim_parse(parser, text.bytes.get(), text.length, nullptr);
    EXPECT(!document.error);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static payload_shim_unpacker *unpacker = payload_shim_unpacker_create(window_log_max);
    static payload_shim_reader *reader = payload_shim_reader_create(depth_max, text_max);
    static json_shim_parser *parser = json_shim_create(depth_max, 1);
    std::string_view payload((const char *)data, size);
    check_unpacking(unpacker, payload);
    check_reading(reader, parser, payload, payload_shim_read_cbor);
    check_reading(reader, parser, payload, payload_shim_read_messagepack);
    return 0;
}
