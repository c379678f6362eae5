// SPDX-License-Identifier: Apache-2.0
// MessagePack by msgpack-c's visitor, which keeps its nesting in a vector and so does not recurse.
#include "reader.hpp"

#include <msgpack.hpp>

namespace {

struct Visitor : msgpack::null_visitor {
    JSONText &json;
    const char *start;
    int64_t position = -1; // of the error, when the visitor knows it
    const char *broken = nullptr;

    Visitor(JSONText &text, const uint8_t *bytes) : json(text), start((const char *)bytes) {}

    bool visit_nil() { return json.literal("null"); }
    bool visit_boolean(bool value) { return json.literal(value ? "true" : "false"); }
    bool visit_positive_integer(uint64_t value) { return json.unsigned_integer(value); }
    bool visit_negative_integer(int64_t value) { return json.signed_integer(value); }
    bool visit_float32(float value) { return json.number(value); }
    bool visit_float64(double value) { return json.number(value); }

    bool visit_str(const char *value, uint32_t size) {
        int64_t error = JSONText::utf8_error((const uint8_t *)value, size);
        if (error >= 0) {
            position = (value - start) + error;
            return json.fail("a text string is not valid UTF-8");
        }
        return json.string({value, size});
    }

    bool visit_bin(const char *value, uint32_t size) { return json.bytes((const uint8_t *)value, size); }

    // The type stands first. Type -1 is a time, which becomes seconds since 1970.
    bool visit_ext(const char *value, uint32_t size) {
        const uint8_t *data = (const uint8_t *)value + 1;
        if ((int8_t)value[0] != -1) return json.bytes(data, size - 1);
        switch (size - 1) {
        case 4:
            return time((int64_t)big_endian(data, 4), 0);
        case 8: {
            uint64_t both = big_endian(data, 8);
            return time((int64_t)(both & 0x3FFFFFFFFull), (uint32_t)(both >> 34));
        }
        case 12:
            return time((int64_t)big_endian(data + 4, 8), (uint32_t)big_endian(data, 4));
        default:
            position = value - start;
            return json.fail("a timestamp is not of 4, 8 or 12 bytes");
        }
    }

    bool start_array(uint32_t count) { return json.open(false, count, false); }
    bool start_map(uint32_t count) { return json.open(true, count, false); }

    void parse_error(size_t, size_t error_offset) {
        broken = "no MessagePack item begins here";
        position = (int64_t)error_offset;
    }

    void insufficient_bytes(size_t, size_t) { broken = "the payload is cut off"; }

private:
    static uint64_t big_endian(const uint8_t *bytes, size_t count) {
        uint64_t value = 0;
        for (size_t i = 0; i < count; i++) value = value << 8 | bytes[i];
        return value;
    }

    bool time(int64_t seconds, uint32_t nanoseconds) {
        if (nanoseconds == 0) return json.signed_integer(seconds);
        if (nanoseconds > 999999999) return json.fail("a timestamp has more than 999999999 nanoseconds");
        if (seconds < 0) return json.number((double)seconds + nanoseconds * 1e-9);
        std::string text = std::to_string(nanoseconds);
        text = std::to_string(seconds) + "." + std::string(9 - text.size(), '0') + text;
        text.erase(text.find_last_not_of('0') + 1);
        return json.literal(text);
    }
};

payload_shim_text read_messagepack(payload_shim_reader &reader, const uint8_t *bytes, size_t length) {
    reader.json.clear();
    if (length == 0) return failure(reader, "empty payload", 0);
    Visitor visitor(reader.json, bytes);
    size_t offset = 0;
    msgpack::parse((const char *)bytes, length, offset, visitor);
    if (reader.json.error()) {
        return failure(reader, reader.json.error(), visitor.position >= 0 ? (size_t)visitor.position : offset);
    }
    if (!reader.json.is_complete()) {
        bool is_placed = visitor.position >= 0;
        return failure(reader, visitor.broken ? visitor.broken : "the payload is cut off",
                       is_placed ? (size_t)visitor.position : length);
    }
    if (offset != length) return failure(reader, "bytes follow the item", offset);
    return success(reader);
}

} // namespace

extern "C" payload_shim_text payload_shim_read_messagepack(payload_shim_reader *reader, const uint8_t *bytes,
                                                           size_t length) {
    try {
        return read_messagepack(*reader, bytes, length);
    } catch (const std::exception &) {
        return {nullptr, 0, "no memory", 0, payload_shim_malformed};
    }
}
