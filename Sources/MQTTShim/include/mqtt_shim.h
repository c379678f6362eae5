// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and libmosquitto: one client, driven by its owner.
//
// Nothing here starts a thread. The owner polls `mqtt_shim_socket`, calls `mqtt_shim_read` while it
// says there is more, and calls `mqtt_shim_write` when it wants queued packets to leave. A PUBACK
// that libmosquitto queues while reading therefore leaves only at the next `mqtt_shim_write`: that
// is how a message becomes durable before it is acknowledged.
//
// A client belongs to one thread at a time. Results are 0 or positive for success and the negated
// MOSQ_ERR_* code for failure; `mqtt_shim_error_text` explains it. Strings that are passed in are
// copied; pointers in callbacks are valid until the callback returns.
#ifndef MQTT_SHIM_H
#define MQTT_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct mqtt_shim mqtt_shim;

// One PUBLISH as it arrived.
typedef struct mqtt_shim_message {
    const char *topic;
    size_t topic_length;
    const void *_Nullable payload;
    size_t payload_length;
    uint16_t packet_id; // 0 for QoS 0
    uint8_t qos;
    bool retain;
    // The DUP flag: 1 or 0, or -1 when it was not watched (see mqtt_shim_watch_duplicates).
    int8_t duplicate;
} mqtt_shim_message;

// Called from inside mqtt_shim_read and mqtt_shim_write, on the caller's thread.
typedef struct mqtt_shim_callbacks {
    // CONNACK: reason 0 is success, otherwise the MQTT 5 reason code or the 3.1.1 return code.
    void (*connected)(void *context, int reason, bool session_present, uint16_t receive_maximum);
    void (*received)(void *context, const mqtt_shim_message *message);
    // PUBACK for a QoS 1 publish, or the write of a QoS 0 one. Reasons from 0x80 up are refusals.
    void (*published)(void *context, uint16_t packet_id, int reason);
    // SUBACK: a granted value from 0x80 up is a refusal.
    void (*subscribed)(void *context, int count, const int *granted);
    // The connection has ended; reason is an MQTT 5 DISCONNECT reason or a MOSQ_ERR_* code.
    void (*disconnected)(void *context, int reason);
    // Errors and warnings of libmosquitto and OpenSSL, one line each.
    void (*logged)(void *context, const char *text);
} mqtt_shim_callbacks;

typedef struct mqtt_shim_options {
    const char *client_id;
    int protocol_version; // 5, or 4 for MQTT 3.1.1
    bool clean_start;
    uint32_t session_expiry_seconds; // MQTT 5
    uint16_t receive_maximum;        // MQTT 5: how much may be unacknowledged towards us
    uint16_t send_maximum;           // how much may be unacknowledged from us
    int keep_alive_seconds;
    const char *_Nullable username;
    const char *_Nullable password;
    bool tls;                       // minimum TLS 1.2, host name verified
    const char *_Nullable ca_file;  // null: the system's certificate authorities
    const char *_Nullable certificate_file;
    const char *_Nullable key_file;
} mqtt_shim_options;

// A user property of MQTT 5 (section 3.3.2.3.7).
typedef struct mqtt_shim_property {
    const char *name;
    const char *value;
} mqtt_shim_property;

// Once per process, before anything else.
int mqtt_shim_library_start(void);
// The library's version as major * 1'000'000 + minor * 1'000 + revision.
int mqtt_shim_library_version(void);

// The callbacks' context must outlive the client.
int mqtt_shim_create(const mqtt_shim_options *options, const mqtt_shim_callbacks *callbacks,
                     void *context, mqtt_shim *_Nullable *_Nonnull client);
// Resolves, connects and starts TLS. Blocks while the TCP connection is made.
int mqtt_shim_connect(mqtt_shim *client, const char *host, int port);
// -1 when there is no connection.
int mqtt_shim_socket(const mqtt_shim *client);

// Reads what one call of libmosquitto reads. 1: call again before polling; 0: nothing more.
int mqtt_shim_read(mqtt_shim *client);
// Writes every queued packet. 1: the socket is full, poll it for writing; 0: all has left.
int mqtt_shim_write(mqtt_shim *client);
// Whether there is something to write and TLS is ready for it.
bool mqtt_shim_wants_write(const mqtt_shim *client);
// Keeps the connection alive; call it about once a second, then write.
int mqtt_shim_tick(mqtt_shim *client);

int mqtt_shim_subscribe(mqtt_shim *client, const char *_Nonnull const *_Nonnull filters, int count,
                        int qos);
int mqtt_shim_unsubscribe(mqtt_shim *client, const char *_Nonnull const *_Nonnull filters, int count);
int mqtt_shim_publish(mqtt_shim *client, const char *topic, const void *_Nullable payload,
                      size_t length, int qos, bool retain,
                      const mqtt_shim_property *_Nullable properties, int property_count,
                      uint16_t *packet_id);

// While on, messages carry their DUP flag. It costs a formatted log line per packet.
void mqtt_shim_watch_duplicates(mqtt_shim *client, bool on);

// Ends the connection as the protocol says: what is queued leaves first, then DISCONNECT.
void mqtt_shim_disconnect(mqtt_shim *client);
// Ends the connection at once: nothing that is queued leaves.
void mqtt_shim_abort(mqtt_shim *client);
void mqtt_shim_destroy(mqtt_shim *client);

const char *mqtt_shim_error_text(int error);
const char *mqtt_shim_reason_text(int reason);

// Whether a topic matches a subscription filter (MQTT 5, section 4.7).
bool mqtt_shim_topic_matches(const char *filter, const char *topic);

// 64 bits that tell messages apart, the same in every run: part of the log's format.
uint64_t mqtt_shim_digest(const mqtt_shim_message *message);

// When the first certificate in a PEM file ends, in seconds since 1970. 0 or -errno.
int mqtt_shim_certificate_not_after(const char *path, int64_t *epoch_seconds);

#pragma clang assume_nonnull end
#endif
