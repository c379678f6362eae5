// SPDX-License-Identifier: Apache-2.0
#include "mqtt_shim.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

// Bytes that one read of the socket may bring, and that one write may take away.
#define TLS_BUFFER_BYTES (64 * 1024)

struct mqtt_shim {
    struct mosquitto *mosq;
    mqtt_shim_callbacks callbacks;
    void *context;
    uint32_t session_expiry_seconds;
    int protocol_version;
    int keep_alive_seconds;
    BIO *write_buffer; // owned by the SSL object
    int callback_count;
    int8_t duplicate;
    bool watches_duplicates;
    bool is_connected;
};

// TLS, fewer system calls.
//
// libmosquitto reads a packet in three or more small reads and writes each packet with a write of
// its own. With read-ahead OpenSSL fetches all there is in one read; with a buffering BIO all the
// records of one mqtt_shim_write leave in one write. What read-ahead holds back poll can't see:
// that is why the owner reads until mqtt_shim_read says 0 before it polls.

static void buffer_tls(mqtt_shim *client) {
    SSL *ssl = mosquitto_ssl_get(client->mosq);
    if (!ssl) {
        return;
    }
    SSL_set_default_read_buffer_len(ssl, TLS_BUFFER_BYTES);
    SSL_set_read_ahead(ssl, 1);
    BIO *buffer = BIO_new(BIO_f_buffer());
    if (!buffer) {
        return;
    }
    BIO_set_write_buffer_size(buffer, TLS_BUFFER_BYTES);
    BIO *socket = SSL_get_wbio(ssl);
    BIO_up_ref(socket);
    BIO_push(buffer, socket);
    SSL_set0_wbio(ssl, buffer);
    client->write_buffer = buffer;
}

// libmosquitto closes the socket inside the write of a DISCONNECT, so it must not be buffered.
static void unbuffer_tls(mqtt_shim *client) {
    SSL *ssl = mosquitto_ssl_get(client->mosq);
    if (!ssl || !client->write_buffer) {
        return;
    }
    (void)BIO_flush(client->write_buffer);
    BIO *socket = SSL_get_rbio(ssl);
    BIO_up_ref(socket);
    SSL_set0_wbio(ssl, socket);
    client->write_buffer = NULL;
}

// Callbacks of libmosquitto.

static void on_connect(struct mosquitto *mosq, void *object, int reason, int flags,
                       const mosquitto_property *properties) {
    (void)mosq;
    mqtt_shim *client = object;
    uint16_t receive_maximum = UINT16_MAX;
    client->callback_count++;
    client->is_connected = reason == 0;
    mosquitto_property_read_int16(properties, MQTT_PROP_RECEIVE_MAXIMUM, &receive_maximum, false);
    if (reason == 0 && !client->watches_duplicates) {
        mosquitto_log_callback_set(client->mosq, NULL);
    }
    client->callbacks.connected(client->context, reason, (flags & 1) != 0, receive_maximum);
}

static void on_message(struct mosquitto *mosq, void *object, const struct mosquitto_message *message,
                       const mosquitto_property *properties) {
    (void)mosq;
    (void)properties;
    mqtt_shim *client = object;
    client->callback_count++;
    mqtt_shim_message copy = {
        .topic = message->topic,
        .topic_length = strlen(message->topic),
        .payload = message->payload,
        .payload_length = (size_t)message->payloadlen,
        .packet_id = (uint16_t)message->mid,
        .qos = (uint8_t)message->qos,
        .retain = message->retain,
        .duplicate = client->watches_duplicates ? client->duplicate : -1,
    };
    client->callbacks.received(client->context, &copy);
}

static void on_publish(struct mosquitto *mosq, void *object, int packet_id, int reason,
                       const mosquitto_property *properties) {
    (void)mosq;
    (void)properties;
    mqtt_shim *client = object;
    client->callback_count++;
    client->callbacks.published(client->context, (uint16_t)packet_id, reason);
}

static void on_subscribe(struct mosquitto *mosq, void *object, int packet_id, int count,
                         const int *granted, const mosquitto_property *properties) {
    (void)mosq;
    (void)packet_id;
    (void)properties;
    mqtt_shim *client = object;
    client->callback_count++;
    client->callbacks.subscribed(client->context, count, granted);
}

static void on_disconnect(struct mosquitto *mosq, void *object, int reason,
                          const mosquitto_property *properties) {
    (void)mosq;
    (void)properties;
    mqtt_shim *client = object;
    client->callback_count++;
    client->is_connected = false;
    client->write_buffer = NULL; // freed with the SSL object
    client->callbacks.disconnected(client->context, reason);
}

// The message callback has no DUP flag; the debug line that libmosquitto prints right before it has.
static void on_log(struct mosquitto *mosq, void *object, int level, const char *text) {
    (void)mosq;
    mqtt_shim *client = object;
    if (level == MOSQ_LOG_DEBUG) {
        const char *flag = strstr(text, "received PUBLISH (d");
        if (flag) {
            client->duplicate = flag[sizeof("received PUBLISH (d") - 1] == '1';
        }
    } else if (level == MOSQ_LOG_ERR || level == MOSQ_LOG_WARNING) {
        client->callbacks.logged(client->context, text);
    }
}

// Life of a client.

int mqtt_shim_library_start(void) {
    return -mosquitto_lib_init();
}

int mqtt_shim_library_version(void) {
    int major = 0, minor = 0, revision = 0;
    mosquitto_lib_version(&major, &minor, &revision);
    return major * 1000000 + minor * 1000 + revision;
}

static int configure(mqtt_shim *client, const mqtt_shim_options *options) {
    struct mosquitto *mosq = client->mosq;
    int version = options->protocol_version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
    int rc = mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, version);
    if (!rc) rc = mosquitto_int_option(mosq, MOSQ_OPT_RECEIVE_MAXIMUM, options->receive_maximum);
    if (!rc) rc = mosquitto_int_option(mosq, MOSQ_OPT_SEND_MAXIMUM, options->send_maximum);
    if (!rc) rc = mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
    // "Threaded" without a thread: packets are queued, and only our write sends them.
    if (!rc) rc = mosquitto_threaded_set(mosq, true);
    if (!rc && options->username) {
        rc = mosquitto_username_pw_set(mosq, options->username, options->password);
    }
    if (!rc && options->tls) {
        if (!options->ca_file) {
            rc = mosquitto_int_option(mosq, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
        }
        // Sets the verification of the peer and of its host name, which stay on.
        if (!rc && (options->ca_file || options->certificate_file)) {
            const char *directory = options->ca_file ? NULL : "/etc/ssl/certs";
            rc = mosquitto_tls_set(mosq, options->ca_file, directory, options->certificate_file,
                                   options->key_file, NULL);
        }
        if (!rc) rc = mosquitto_tls_opts_set(mosq, 1, NULL, NULL);
    }
    return rc;
}

int mqtt_shim_create(const mqtt_shim_options *options, const mqtt_shim_callbacks *callbacks,
                     void *context, mqtt_shim **result) {
    mqtt_shim *client = calloc(1, sizeof *client);
    if (!client) {
        return -MOSQ_ERR_NOMEM;
    }
    client->callbacks = *callbacks;
    client->context = context;
    client->session_expiry_seconds = options->session_expiry_seconds;
    client->protocol_version = options->protocol_version;
    client->keep_alive_seconds = options->keep_alive_seconds;
    client->mosq = mosquitto_new(options->client_id, options->clean_start, client);
    if (!client->mosq) {
        free(client);
        return -MOSQ_ERR_NOMEM;
    }
    int rc = configure(client, options);
    if (rc) {
        mosquitto_destroy(client->mosq);
        free(client);
        return -rc;
    }
    mosquitto_connect_v5_callback_set(client->mosq, on_connect);
    mosquitto_message_v5_callback_set(client->mosq, on_message);
    mosquitto_publish_v5_callback_set(client->mosq, on_publish);
    mosquitto_subscribe_v5_callback_set(client->mosq, on_subscribe);
    mosquitto_disconnect_v5_callback_set(client->mosq, on_disconnect);
    // Until the session is up: a refused certificate is only told to the log.
    mosquitto_log_callback_set(client->mosq, on_log);
    *result = client;
    return 0;
}

int mqtt_shim_connect(mqtt_shim *client, const char *host, int port) {
    mosquitto_property *properties = NULL;
    if (client->protocol_version == 5) {
        int rc = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                              client->session_expiry_seconds);
        if (rc) {
            return -rc;
        }
    }
    errno = 0;
    int rc = mosquitto_connect_bind_v5(client->mosq, host, port, client->keep_alive_seconds, NULL,
                                       properties);
    mosquitto_property_free_all(&properties);
    return -rc;
}

int mqtt_shim_socket(const mqtt_shim *client) {
    return mosquitto_socket(client->mosq);
}

// Reading and writing.

// A connection that breaks while TLS shakes hands: libmosquitto calls that success and would try
// for ever (net__socket_connect_tls takes SSL_ERROR_SYSCALL for "not yet"). Only errno tells, and
// only these values: looking for certificates leaves others behind.
static bool has_handshake_failed(const mqtt_shim *client, int error) {
    if (client->is_connected || !mosquitto_ssl_get(client->mosq)) {
        return false;
    }
    return error == EPIPE || error == ECONNRESET || error == ECONNABORTED || error == ENOTCONN ||
           error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH;
}

int mqtt_shim_read(mqtt_shim *client) {
    bool was_connected = client->is_connected;
    client->callback_count = 0;
    errno = 0;
    int rc = mosquitto_loop_read(client->mosq, 1);
    int read_errno = errno;
    if (rc) {
        return -rc;
    }
    if (client->callback_count == 0 && has_handshake_failed(client, read_errno)) {
        return -MOSQ_ERR_ERRNO;
    }
    if (!was_connected && client->is_connected) {
        buffer_tls(client);
    }
    if (client->callback_count > 0) {
        return 1;
    }
    // Before CONNACK nothing is read ahead, so poll sees whatever comes.
    // EAGAIN alone proves nothing: the write to libmosquitto's own full wake-up socket sets it too.
    return client->is_connected && read_errno != EAGAIN;
}

static void set_cork(const mqtt_shim *client, int on) {
    int socket = mosquitto_socket(client->mosq);
    if (socket >= 0 && !mosquitto_ssl_get(client->mosq)) {
        (void)setsockopt(socket, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    }
}

int mqtt_shim_write(mqtt_shim *client) {
    // A broker that refuses our certificate has said so and hung up by the time CONNECT leaves. The
    // write would fail, and libmosquitto would close the socket with the alert unread.
    if (!client->is_connected && mosquitto_ssl_get(client->mosq)) {
        int heard = mqtt_shim_read(client);
        if (heard < 0) {
            return heard;
        }
    }
    set_cork(client, 1);
    errno = 0;
    int rc = mosquitto_loop_write(client->mosq, 1);
    int write_errno = errno;
    set_cork(client, 0);
    errno = write_errno;
    if (rc) {
        return -rc;
    }
    if (client->write_buffer && BIO_flush(client->write_buffer) <= 0) {
        return BIO_should_retry(client->write_buffer) ? 1 : -MOSQ_ERR_CONN_LOST;
    }
    return mosquitto_want_write(client->mosq) ? 1 : 0;
}

bool mqtt_shim_wants_write(const mqtt_shim *client) {
    return mosquitto_want_write(client->mosq);
}

int mqtt_shim_tick(mqtt_shim *client) {
    return -mosquitto_loop_misc(client->mosq);
}

int mqtt_shim_subscribe(mqtt_shim *client, const char *const *filters, int count, int qos) {
    // libmosquitto reads the strings only; its parameter lacks a const.
    // A resumed session already had the retained messages (MQTT 5, section 3.8.3.1).
    return -mosquitto_subscribe_multiple(client->mosq, NULL, count, (char *const *)filters, qos,
                                         MQTT_SUB_OPT_SEND_RETAIN_NEW, NULL);
}

int mqtt_shim_unsubscribe(mqtt_shim *client, const char *const *filters, int count) {
    return -mosquitto_unsubscribe_multiple(client->mosq, NULL, count, (char *const *)filters, NULL);
}

int mqtt_shim_publish(mqtt_shim *client, const char *topic, const void *payload, size_t length,
                      int qos, bool retain, const mqtt_shim_property *properties,
                      int property_count, uint16_t *packet_id) {
    if (length > MQTT_MAX_PAYLOAD) {
        return -MOSQ_ERR_PAYLOAD_SIZE;
    }
    mosquitto_property *list = NULL;
    if (client->protocol_version == 5) {
        for (int i = 0; i < property_count; i++) {
            int rc = mosquitto_property_add_string_pair(&list, MQTT_PROP_USER_PROPERTY,
                                                        properties[i].name, properties[i].value);
            if (rc) {
                mosquitto_property_free_all(&list);
                return -rc;
            }
        }
    }
    int id = 0;
    int rc = mosquitto_publish_v5(client->mosq, &id, topic, (int)length, payload, qos, retain, list);
    mosquitto_property_free_all(&list);
    *packet_id = (uint16_t)id;
    return -rc;
}

void mqtt_shim_watch_duplicates(mqtt_shim *client, bool on) {
    client->watches_duplicates = on;
    mosquitto_log_callback_set(client->mosq, on || !client->is_connected ? on_log : NULL);
}

void mqtt_shim_disconnect(mqtt_shim *client) {
    unbuffer_tls(client);
    if (mosquitto_disconnect_v5(client->mosq, 0, NULL) == MOSQ_ERR_SUCCESS) {
        (void)mosquitto_loop_write(client->mosq, 1);
    }
}

void mqtt_shim_abort(mqtt_shim *client) {
    int socket = mosquitto_socket(client->mosq);
    if (socket >= 0) {
        (void)shutdown(socket, SHUT_RDWR);
    }
}

void mqtt_shim_destroy(mqtt_shim *client) {
    mosquitto_destroy(client->mosq);
    free(client);
}

// Words and facts.

const char *mqtt_shim_error_text(int error) {
    if (error == -MOSQ_ERR_ERRNO) {
        return strerror(errno);
    }
    return mosquitto_strerror(-error);
}

const char *mqtt_shim_reason_text(int reason) {
    return mosquitto_reason_string(reason);
}

bool mqtt_shim_topic_matches(const char *filter, const char *topic) {
    bool matches = false;
    return mosquitto_topic_matches_sub(filter, topic, &matches) == MOSQ_ERR_SUCCESS && matches;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t length) {
    const unsigned char *next = bytes;
    digest = mix(digest, length);
    for (; length >= 8; length -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        digest = mix(digest, word);
    }
    uint64_t tail = 0;
    if (length > 0) {
        memcpy(&tail, next, length);
    }
    return mix(digest, tail);
}

uint64_t mqtt_shim_digest(const mqtt_shim_message *message) {
    uint64_t digest = digest_bytes(0, message->topic, message->topic_length);
    return digest_bytes(digest, message->payload, message->payload_length);
}

int mqtt_shim_certificate_not_after(const char *path, int64_t *epoch_seconds) {
    FILE *file = fopen(path, "r");
    if (!file) {
        return -errno;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (!certificate) {
        return -EINVAL;
    }
    struct tm ends;
    int is_valid = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends);
    X509_free(certificate);
    if (!is_valid) {
        return -EINVAL;
    }
    *epoch_seconds = timegm(&ends);
    return 0;
}
