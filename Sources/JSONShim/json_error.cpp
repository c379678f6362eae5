// SPDX-License-Identifier: Apache-2.0
#include "json_parser.hpp"

// Where an error is: simdjson's second interface reads forward and remembers its place.

// `scalar` is where a scalar stands that is none; simdjson forgets that place.
static simdjson::error_code walk(simdjson::ondemand::value value, uint32_t depth, const char *&scalar);

static simdjson::error_code walk_scalar(simdjson::ondemand::value &value, simdjson::ondemand::json_type type) {
    switch (type) {
    case simdjson::ondemand::json_type::string:
        return value.get_string().error();
    case simdjson::ondemand::json_type::number:
        return value.get_number().error();
    case simdjson::ondemand::json_type::boolean:
        return value.get_bool().error();
    default: {
        bool is_null = false;
        simdjson::error_code code = value.is_null().get(is_null);
        return code ? code : is_null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
    }
    }
}

static simdjson::error_code walk_array(simdjson::ondemand::array array, uint32_t depth, const char *&scalar) {
    for (auto item : array) {
        simdjson::ondemand::value next;
        simdjson::error_code code = item.get(next);
        if (!code) code = walk(next, depth, scalar);
        if (code) return code;
    }
    return simdjson::SUCCESS;
}

static simdjson::error_code walk_object(simdjson::ondemand::object object, uint32_t depth, const char *&scalar) {
    for (auto field : object) {
        simdjson::error_code code = field.unescaped_key().error();
        if (code) return code;
        simdjson::ondemand::value next;
        code = field.value().get(next);
        if (!code) code = walk(next, depth, scalar);
        if (code) return code;
    }
    return simdjson::SUCCESS;
}

static simdjson::error_code walk(simdjson::ondemand::value value, uint32_t depth, const char *&scalar) {
    if (depth == 0) {
        return simdjson::DEPTH_ERROR;
    }
    const char *start = value.raw_json_token().data();
    simdjson::ondemand::json_type type;
    simdjson::error_code code = value.type().get(type);
    if (code) {
        scalar = start;
        return code;
    }
    if (type == simdjson::ondemand::json_type::array) {
        simdjson::ondemand::array array;
        code = value.get_array().get(array);
        return code ? code : walk_array(array, depth - 1, scalar);
    }
    if (type == simdjson::ondemand::json_type::object) {
        simdjson::ondemand::object object;
        code = value.get_object().get(object);
        return code ? code : walk_object(object, depth - 1, scalar);
    }
    code = walk_scalar(value, type);
    if (code) {
        scalar = start;
    }
    return code;
}

// The first byte that does not continue a UTF-8 sequence (RFC 3629, section 4), or -1.
static int64_t utf8_error_position(const uint8_t *text, size_t length) {
    for (size_t i = 0; i < length;) {
        uint8_t lead = text[i];
        size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
        if (size == 0 || i + size > length || !simdjson::validate_utf8((const char *)text + i, size)) {
            return (int64_t)i;
        }
        i += size;
    }
    return -1;
}

int64_t error_position(json_shim_parser *parser, const uint8_t *text, size_t length) {
    int64_t broken = utf8_error_position(text, length);
    if (broken >= 0) {
        return broken;
    }
    // In a text that ends too early it reads on behind it, where the next message may stand. Zeros end it.
    simdjson::padded_string copy((const char *)text, length);
    if (copy.size() != length || parser->ondemand.allocate(length, parser->depth_max + 1)) {
        return -1;
    }
    simdjson::ondemand::document document;
    simdjson::error_code code = parser->ondemand.iterate(copy).get(document);
    if (code) {
        return code == simdjson::UNCLOSED_STRING ? (int64_t)length : code == simdjson::EMPTY ? 0 : -1;
    }
    simdjson::ondemand::value root;
    code = document.get_value().get(root);
    // A bare scalar has no walk; what is wrong with it starts where it starts.
    if (code == simdjson::SCALAR_DOCUMENT_AS_VALUE) {
        return 0;
    }
    const char *place = nullptr;
    if (!code) {
        code = walk(root, parser->depth_max + 1, place);
    }
    if (!place && document.current_location().get(place)) {
        return code ? -1 : (int64_t)length;
    }
    int64_t position = place - copy.data();
    return position < 0 ? 0 : position > (int64_t)length ? (int64_t)length : position;
}

// Numbers that are well formed and still can't be taken (RFC 8259, section 6, lets us decide).
const char *describe_number(const uint8_t *text, size_t length, int64_t position) {
    const uint8_t *at = text + (position < 0 ? (int64_t)length : position);
    const uint8_t *end = text + length;
    auto digits = [&] {
        const uint8_t *start = at;
        while (at < end && *at >= '0' && *at <= '9') at++;
        return at - start;
    };
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    if (at < end && *at == '-') at++;
    bool leads_with_zero = at < end && *at == '0';
    int64_t whole = digits();
    bool is_integer = true;
    bool is_well_formed = whole > 0 && !(leads_with_zero && whole > 1);
    if (at < end && *at == '.') {
        at++;
        is_integer = false;
        is_well_formed &= digits() > 0;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        is_integer = false;
        is_well_formed &= digits() > 0;
    }
    bool is_closed = at == end || std::string_view(" \t\n\r,]}").find((char)*at) != std::string_view::npos;
    if (!is_well_formed || !is_closed) {
        return "a number is malformed";
    }
    return is_integer ? "an integer needs more than 64 bits" : "a number is beyond what a double holds";
}
