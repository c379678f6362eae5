// SPDX-License-Identifier: Apache-2.0
// CBOR (RFC 8949) by libcbor's streaming decoder: one head at a time, and the nesting kept here.
#include "reader.hpp"

#include <cbor.h>
#include <new>

namespace {

enum class Chunks { none, bytes, text };

struct Context {
    payload_shim_reader &reader;
    JSONText &json;
    const uint8_t *start;
    int64_t position = -1; // of the error, when it is not the item's
    Chunks chunks = Chunks::none;
    bool has_tag = false;
    uint64_t tag = 0;
    bool is_ok = true;

    Context(payload_shim_reader &r, const uint8_t *bytes) : reader(r), json(r.json), start(bytes) {}

    void take(bool ok) {
        has_tag = false;
        is_ok = ok;
    }

    // Inside a string in pieces nothing but pieces of its kind may stand.
    bool is_piece_missing() {
        if (chunks == Chunks::none) return false;
        take(json.fail("a string in pieces holds something else"));
        return true;
    }
};

Context &context(void *pointer) { return *static_cast<Context *>(pointer); }

void unsigned_integer(void *pointer, uint64_t value) {
    Context &self = context(pointer);
    if (!self.is_piece_missing()) self.take(self.json.unsigned_integer(value));
}

// The value is -1 - `value`. Below -2^63 no integer of 64 bits has it: it becomes the nearest double.
void negative_integer(void *pointer, uint64_t value) {
    Context &self = context(pointer);
    if (self.is_piece_missing()) return;
    if (value <= INT64_MAX) {
        self.take(self.json.signed_integer(-1 - (int64_t)value));
    } else if (self.json.expects_key()) {
        self.take(self.json.fail("a map key is an integer below -2^63"));
    } else {
        self.take(self.json.number(-1.0 - (double)value));
    }
}

// RFC 8949, section 3.4.3: the bytes of a number of any size.
void big_number(Context &self, const uint8_t *bytes, size_t length, bool is_negative) {
    while (length > 0 && *bytes == 0) {
        bytes++;
        length--;
    }
    if (length <= 8) {
        uint64_t value = 0;
        for (size_t i = 0; i < length; i++) value = value << 8 | bytes[i];
        is_negative ? negative_integer(&self, value) : unsigned_integer(&self, value);
        return;
    }
    double value = 0;
    for (size_t i = 0; i < length; i++) value = value * 256 + bytes[i];
    self.take(self.json.number(is_negative ? -1 - value : value));
}

void bytes_value(Context &self, const uint8_t *bytes, size_t length) {
    if (self.has_tag && (self.tag == 2 || self.tag == 3)) {
        return big_number(self, bytes, length, self.tag == 3);
    }
    self.take(self.json.bytes(bytes, length));
}

void bytes(void *pointer, cbor_data data, size_t length) {
    Context &self = context(pointer);
    if (self.chunks == Chunks::bytes) {
        self.reader.chunks.append((const char *)data, length);
    } else if (!self.is_piece_missing()) {
        bytes_value(self, data, length);
    }
}

void text(void *pointer, cbor_data data, size_t length) {
    Context &self = context(pointer);
    int64_t broken = JSONText::utf8_error(data, length);
    if (broken >= 0) {
        self.position = (data - self.start) + broken;
        return self.take(self.json.fail("a text string is not valid UTF-8"));
    }
    if (self.chunks == Chunks::text) {
        self.reader.chunks.append((const char *)data, length);
    } else if (!self.is_piece_missing()) {
        self.take(self.json.string({(const char *)data, length}));
    }
}

void begin_pieces(void *pointer, Chunks kind) {
    Context &self = context(pointer);
    if (self.is_piece_missing()) return;
    self.chunks = kind;
    self.reader.chunks.clear();
    self.is_ok = true;
}

void open(void *pointer, bool is_map, uint64_t count, bool is_open_ended) {
    Context &self = context(pointer);
    if (!self.is_piece_missing()) self.take(self.json.open(is_map, count, is_open_ended));
}

void end(void *pointer) {
    Context &self = context(pointer);
    if (self.chunks != Chunks::none) {
        Chunks kind = self.chunks;
        self.chunks = Chunks::none;
        const std::string &whole = self.reader.chunks;
        if (kind == Chunks::text) return self.take(self.json.string(whole));
        return bytes_value(self, (const uint8_t *)whole.data(), whole.size());
    }
    if (self.has_tag || !self.json.is_open_ended()) {
        return self.take(self.json.fail("an end stands where a value must"));
    }
    self.take(self.json.close());
}

template <typename Value> void number(void *pointer, Value value) {
    Context &self = context(pointer);
    if (!self.is_piece_missing()) self.take(self.json.number(value));
}

void literal(void *pointer, const char *word) {
    Context &self = context(pointer);
    if (!self.is_piece_missing()) self.take(self.json.literal(word));
}

void tag(void *pointer, uint64_t value) {
    Context &self = context(pointer);
    if (self.is_piece_missing()) return;
    self.has_tag = true;
    self.tag = value;
}

cbor_callbacks make_callbacks() {
    cbor_callbacks c{};
    c.uint8 = [](void *p, uint8_t v) { unsigned_integer(p, v); };
    c.uint16 = [](void *p, uint16_t v) { unsigned_integer(p, v); };
    c.uint32 = [](void *p, uint32_t v) { unsigned_integer(p, v); };
    c.uint64 = [](void *p, uint64_t v) { unsigned_integer(p, v); };
    c.negint8 = [](void *p, uint8_t v) { negative_integer(p, v); };
    c.negint16 = [](void *p, uint16_t v) { negative_integer(p, v); };
    c.negint32 = [](void *p, uint32_t v) { negative_integer(p, v); };
    c.negint64 = [](void *p, uint64_t v) { negative_integer(p, v); };
    c.byte_string = bytes;
    c.byte_string_start = [](void *p) { begin_pieces(p, Chunks::bytes); };
    c.string = text;
    c.string_start = [](void *p) { begin_pieces(p, Chunks::text); };
    c.array_start = [](void *p, size_t n) { open(p, false, n, false); };
    c.indef_array_start = [](void *p) { open(p, false, 0, true); };
    c.map_start = [](void *p, size_t n) { open(p, true, n, false); };
    c.indef_map_start = [](void *p) { open(p, true, 0, true); };
    c.tag = tag;
    c.float2 = [](void *p, float v) { number(p, v); };
    c.float4 = [](void *p, float v) { number(p, v); };
    c.float8 = [](void *p, double v) { number(p, v); };
    c.undefined = [](void *p) { literal(p, "null"); };
    c.null = [](void *p) { literal(p, "null"); };
    c.boolean = [](void *p, bool v) { literal(p, v ? "true" : "false"); };
    c.indef_break = end;
    return c;
}

payload_shim_text read_cbor(payload_shim_reader &reader, const uint8_t *bytes, size_t length) {
    static const cbor_callbacks callbacks = make_callbacks();
    reader.json.clear();
    Context context(reader, bytes);
    size_t offset = 0;
    while (!reader.json.is_complete()) {
        // libcbor 0.8 refuses the tags 6 to 20, which nobody had assigned when it was written.
        if (offset < length && bytes[offset] >= 0xC6 && bytes[offset] <= 0xD4) {
            tag(&context, bytes[offset] & 0x1F);
            if (!context.is_ok) return failure(reader, reader.json.error(), offset);
            offset++;
            continue;
        }
        cbor_decoder_result result = cbor_stream_decode(bytes + offset, length - offset, &callbacks, &context);
        if (result.status == CBOR_DECODER_NEDATA) {
            return failure(reader, length == 0 ? "empty payload" : "the payload is cut off", length);
        }
        if (result.status == CBOR_DECODER_ERROR) {
            return failure(reader, "no CBOR item begins here", offset);
        }
        if (!context.is_ok) {
            size_t position = context.position >= 0 ? (size_t)context.position : offset;
            return failure(reader, reader.json.error(), position);
        }
        offset += result.read;
    }
    if (offset != length) return failure(reader, "bytes follow the item", offset);
    return success(reader);
}

} // namespace

extern "C" {

payload_shim_reader *payload_shim_reader_create(size_t depth_max, size_t text_max) {
    return new (std::nothrow) payload_shim_reader(depth_max, text_max);
}

void payload_shim_reader_destroy(payload_shim_reader *reader) { delete reader; }

payload_shim_text payload_shim_read_cbor(payload_shim_reader *reader, const uint8_t *bytes, size_t length) {
    try {
        return read_cbor(*reader, bytes, length);
    } catch (const std::exception &) {
        return {nullptr, 0, "no memory", 0, payload_shim_malformed};
    }
}

} // extern "C"
