// SPDX-License-Identifier: Apache-2.0
#include "kafka_shim.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kafka_shim {
    rd_kafka_t *client;
    kafka_shim_callbacks callbacks;
    void *context;
    // Asked by name for each use, because librdkafka has no way to change the group of one.
    rd_kafka_consumer_group_metadata_t *group;
    char *group_name;
    bool is_consumer;
};

// Errors.

#define HOLD(name, code) _Static_assert(KAFKA_SHIM_##name == RD_KAFKA_RESP_ERR_##code, #name)
HOLD(ALL_BROKERS_DOWN, _ALL_BROKERS_DOWN);
HOLD(TRANSPORT, _TRANSPORT);
HOLD(TIMED_OUT, _TIMED_OUT);
HOLD(QUEUE_FULL, _QUEUE_FULL);
HOLD(PARTITION_EOF, _PARTITION_EOF);
HOLD(FENCED, _FENCED);
HOLD(AUTO_OFFSET_RESET, _AUTO_OFFSET_RESET);
HOLD(UNKNOWN_TOPIC_OR_PART, UNKNOWN_TOPIC_OR_PART);
HOLD(MSG_SIZE_TOO_LARGE, MSG_SIZE_TOO_LARGE);
HOLD(RECORD_LIST_TOO_LARGE, RECORD_LIST_TOO_LARGE);
HOLD(GROUP_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED);
HOLD(INVALID_TIMESTAMP, INVALID_TIMESTAMP);
HOLD(INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_EPOCH);
HOLD(INVALID_RECORD, INVALID_RECORD);
HOLD(PRODUCER_FENCED, PRODUCER_FENCED);
#undef HOLD

static void describe(kafka_shim_error *error, int code, const char *text) {
    *error = (kafka_shim_error){.code = code};
    (void)snprintf(error->text, sizeof error->text, "%s", text);
}

// Takes over an error object. True if there is none.
static bool taken(kafka_shim *shim, rd_kafka_error_t *_Nullable found, kafka_shim_error *error) {
    if (!found) {
        return true;
    }
    describe(error, rd_kafka_error_code(found), rd_kafka_error_string(found));
    error->is_fatal = rd_kafka_error_is_fatal(found);
    error->is_retriable = rd_kafka_error_is_retriable(found);
    error->requires_abort = rd_kafka_error_txn_requires_abort(found);
    rd_kafka_error_destroy(found);
    // After a fatal error a call may answer with the late result of another (librdkafka 2.0.2), so
    // the client is asked itself.
    char text[sizeof error->text];
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(shim->client, text, sizeof text);
    if (cause && !error->is_fatal) {
        describe(error, cause, text);
        error->is_fatal = true;
    }
    return false;
}

const char *kafka_shim_library_version(void) { return rd_kafka_version_str(); }
const char *kafka_shim_error_text(int code) { return rd_kafka_err2str((rd_kafka_resp_err_t)code); }
const char *kafka_shim_error_name(int code) { return rd_kafka_err2name((rd_kafka_resp_err_t)code); }

// Callbacks of librdkafka.

static void on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    kafka_shim *shim = opaque;
    shim->callbacks.delivered(shim->context, (int64_t)(intptr_t)message->_private, message->err);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    kafka_shim *shim = opaque;
    kafka_shim_error error;
    describe(&error, code, reason);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char text[sizeof error.text];
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text, sizeof text);
        describe(&error, cause, text);
        error.is_fatal = true;
    }
    shim->callbacks.failed(shim->context, &error);
}

static int on_statistics(rd_kafka_t *client, char *json, size_t length, void *opaque) {
    (void)client;
    kafka_shim *shim = opaque;
    shim->callbacks.measured(shim->context, json, length);
    return 0; // librdkafka frees it
}

static void on_token_needed(rd_kafka_t *client, const char *configuration, void *opaque) {
    (void)client;
    (void)configuration;
    kafka_shim *shim = opaque;
    shim->callbacks.token_needed(shim->context);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    (void)facility;
    // Lines from before the handle is complete have nowhere to go.
    kafka_shim *shim = client ? rd_kafka_opaque(client) : NULL;
    if (shim && shim->client) {
        shim->callbacks.logged(shim->context, level, text);
    }
}

// Life.

bool kafka_shim_property_is_valid(const char *name, const char *value, char *text, size_t length) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool is_valid = rd_kafka_conf_set(conf, name, value, text, length) == RD_KAFKA_CONF_OK;
    rd_kafka_conf_destroy(conf);
    return is_valid;
}

static bool asks_for_tokens(rd_kafka_conf_t *conf) {
    char value[32];
    size_t length = sizeof value;
    bool is_bearer = rd_kafka_conf_get(conf, "sasl.mechanism", value, &length) == RD_KAFKA_CONF_OK &&
                     strcmp(value, "OAUTHBEARER") == 0;
    length = sizeof value;
    bool is_oidc =
        rd_kafka_conf_get(conf, "sasl.oauthbearer.method", value, &length) == RD_KAFKA_CONF_OK &&
        strcmp(value, "oidc") == 0;
    return is_bearer && !is_oidc;
}

static kafka_shim *create(rd_kafka_type_t type, const kafka_shim_property *properties, size_t count,
                          const kafka_shim_callbacks *callbacks, void *context,
                          kafka_shim_error *error) {
    char text[sizeof error->text];
    kafka_shim *shim = calloc(1, sizeof *shim);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!shim) {
        describe(error, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, "no memory");
        goto failed;
    }
    shim->callbacks = *callbacks;
    shim->context = context;
    shim->is_consumer = type == RD_KAFKA_CONSUMER;
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_conf_set(conf, properties[i].name, properties[i].value, text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            describe(error, RD_KAFKA_RESP_ERR__INVALID_ARG, text);
            goto failed;
        }
    }
    // Log lines come through the queue, so that they too are told on the caller's thread.
    (void)rd_kafka_conf_set(conf, "log.queue", "true", text, sizeof text);
    rd_kafka_conf_set_opaque(conf, shim);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (!shim->is_consumer) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    }
    if (asks_for_tokens(conf)) {
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token_needed);
    }
    shim->client = rd_kafka_new(type, conf, text, sizeof text);
    if (!shim->client) {
        describe(error, RD_KAFKA_RESP_ERR__INVALID_ARG, text);
        goto failed;
    }
    (void)rd_kafka_set_log_queue(shim->client, NULL);
    return shim;

failed:
    rd_kafka_conf_destroy(conf);
    free(shim);
    return NULL;
}

kafka_shim *kafka_shim_producer_create(const kafka_shim_property *properties, size_t count,
                                       const kafka_shim_callbacks *callbacks, void *context,
                                       int wake_descriptor, kafka_shim_error *error) {
    kafka_shim *shim = create(RD_KAFKA_PRODUCER, properties, count, callbacks, context, error);
    if (shim && wake_descriptor >= 0) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_main(shim->client);
        rd_kafka_queue_io_event_enable(queue, wake_descriptor, "k", 1);
        rd_kafka_queue_destroy(queue);
    }
    return shim;
}

kafka_shim *kafka_shim_consumer_create(const kafka_shim_property *properties, size_t count,
                                       const kafka_shim_callbacks *callbacks, void *context,
                                       kafka_shim_error *error) {
    kafka_shim *shim = create(RD_KAFKA_CONSUMER, properties, count, callbacks, context, error);
    if (shim) {
        (void)rd_kafka_poll_set_consumer(shim->client);
    }
    return shim;
}

void kafka_shim_destroy(kafka_shim *shim) {
    if (shim->group) {
        rd_kafka_consumer_group_metadata_destroy(shim->group);
    }
    if (!shim->is_consumer) {
        // A destroy waits for queued records; nobody waits for their reports any more.
        (void)rd_kafka_purge(shim->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                               RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
    rd_kafka_destroy_flags(shim->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(shim->group_name);
    free(shim);
}

void kafka_shim_poll(kafka_shim *shim, int timeout_ms) { rd_kafka_poll(shim->client, timeout_ms); }

// Producing.

kafka_shim_topic *kafka_shim_topic_create(kafka_shim *shim, const char *name) {
    return (kafka_shim_topic *)rd_kafka_topic_new(shim->client, name, NULL);
}

void kafka_shim_topic_destroy(kafka_shim_topic *topic) {
    rd_kafka_topic_destroy((rd_kafka_topic_t *)topic);
}

int kafka_shim_produce(kafka_shim *shim, kafka_shim_topic *topic, const kafka_shim_record *record) {
    // A list of our own stays ours when produceva fails; one that it makes itself, 2.0.2 frees twice.
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const kafka_shim_header *header = &record->headers[i];
        (void)rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->length);
    }
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = (rd_kafka_topic_t *)topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)record->key, record->key_length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)record->value, record->value_length}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)record->tag},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(shim->client, values, sizeof values / sizeof values[0]);
    if (!error) {
        return 0; // the record owns the headers now
    }
    int code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    return code;
}

bool kafka_shim_flush(kafka_shim *shim, int timeout_ms) {
    return rd_kafka_flush(shim->client, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

// Positions.

static rd_kafka_topic_partition_list_t *partitions(const kafka_shim_position *positions,
                                                   size_t count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++) {
        const kafka_shim_position *position = &positions[i];
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_add(list, position->topic, position->partition);
        entry->offset = position->offset;
        size_t length = strnlen(position->metadata, sizeof position->metadata);
        if (length > 0) {
            entry->metadata = strndup(position->metadata, length); // freed with the list
            entry->metadata_size = length;
        }
    }
    return list;
}

// Transactions.

bool kafka_shim_init_transactions(kafka_shim *shim, int timeout_ms, kafka_shim_error *error) {
    return taken(shim, rd_kafka_init_transactions(shim->client, timeout_ms), error);
}

bool kafka_shim_begin_transaction(kafka_shim *shim, kafka_shim_error *error) {
    return taken(shim, rd_kafka_begin_transaction(shim->client), error);
}

static bool knows_group(kafka_shim *shim, const char *group, kafka_shim_error *error) {
    if (shim->group && strcmp(shim->group_name, group) == 0) {
        return true;
    }
    if (shim->group) {
        rd_kafka_consumer_group_metadata_destroy(shim->group);
        free(shim->group_name);
    }
    shim->group = rd_kafka_consumer_group_metadata_new(group);
    shim->group_name = strdup(group);
    if (!shim->group || !shim->group_name) {
        describe(error, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, "no memory");
        return false;
    }
    return true;
}

bool kafka_shim_send_offsets(kafka_shim *shim, const char *group,
                             const kafka_shim_position *positions, size_t count, int timeout_ms,
                             kafka_shim_error *error) {
    if (!knows_group(shim, group, error)) {
        return false;
    }
    rd_kafka_topic_partition_list_t *list = partitions(positions, count);
    rd_kafka_error_t *found =
        rd_kafka_send_offsets_to_transaction(shim->client, list, shim->group, timeout_ms);
    rd_kafka_topic_partition_list_destroy(list);
    return taken(shim, found, error);
}

bool kafka_shim_commit_transaction(kafka_shim *shim, int timeout_ms, kafka_shim_error *error) {
    return taken(shim, rd_kafka_commit_transaction(shim->client, timeout_ms), error);
}

bool kafka_shim_abort_transaction(kafka_shim *shim, int timeout_ms, kafka_shim_error *error) {
    return taken(shim, rd_kafka_abort_transaction(shim->client, timeout_ms), error);
}

// The cluster.

bool kafka_shim_committed(kafka_shim *shim, kafka_shim_position *positions, size_t count,
                          int timeout_ms, kafka_shim_error *error) {
    rd_kafka_topic_partition_list_t *list = partitions(positions, count);
    rd_kafka_poll(shim->client, 0); // a token may be asked for
    rd_kafka_resp_err_t code = rd_kafka_committed(shim->client, list, timeout_ms);
    bool is_done = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; is_done && i < count; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        // For a topic that does not exist yet nothing was ever committed.
        if (entry->err && entry->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            code = entry->err;
            is_done = false;
            break;
        }
        positions[i].offset = entry->offset < 0 ? -1 : entry->offset;
        (void)snprintf(positions[i].metadata, sizeof positions[i].metadata, "%.*s",
                       (int)entry->metadata_size,
                       entry->metadata ? (const char *)entry->metadata : "");
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (!is_done) {
        describe(error, code, rd_kafka_err2str(code));
        // What a broker that is away, moving or busy with a transaction says; librdkafka gives no
        // flags here.
        error->is_retriable = code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                              code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                              code == RD_KAFKA_RESP_ERR__WAIT_COORD ||
                              code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                              code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
                              code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
                              code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
    }
    return is_done;
}

bool kafka_shim_partition_count(kafka_shim *shim, const char *topic, int timeout_ms, int *partitions,
                                kafka_shim_error *error) {
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(shim->client, topic, NULL);
    rd_kafka_resp_err_t code =
        handle ? rd_kafka_metadata(shim->client, 0, handle, &metadata, timeout_ms)
               : rd_kafka_last_error();
    if (handle) {
        rd_kafka_topic_destroy(handle);
    }
    if (code) {
        describe(error, code, rd_kafka_err2str(code));
        return false;
    }
    bool is_found = metadata->topic_cnt == 1;
    if (is_found) {
        *partitions = metadata->topics[0].err ? -metadata->topics[0].err
                                              : metadata->topics[0].partition_cnt;
    } else {
        describe(error, RD_KAFKA_RESP_ERR__FAIL, "the broker's answer does not name the topic");
    }
    rd_kafka_metadata_destroy(metadata);
    return is_found;
}

bool kafka_shim_watermarks(kafka_shim *shim, const char *topic, int32_t partition, int timeout_ms,
                           int64_t *low, int64_t *high, kafka_shim_error *error) {
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(shim->client, topic, partition, low,
                                                                high, timeout_ms);
    if (code) {
        describe(error, code, rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

// Bearer tokens.

bool kafka_shim_set_token(kafka_shim *shim, const char *token, int64_t expires_at_ms,
                          const char *principal, char *text, size_t length) {
    return rd_kafka_oauthbearer_set_token(shim->client, token, expires_at_ms, principal, NULL, 0,
                                          text, length) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_shim_refuse_token(kafka_shim *shim, const char *reason) {
    (void)rd_kafka_oauthbearer_set_token_failure(shim->client, reason);
}

// Consuming.

bool kafka_shim_assign(kafka_shim *shim, const kafka_shim_position *positions, size_t count,
                       kafka_shim_error *error) {
    rd_kafka_topic_partition_list_t *list = partitions(positions, count);
    rd_kafka_resp_err_t code = rd_kafka_assign(shim->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code) {
        describe(error, code, rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

int kafka_shim_consume(kafka_shim *shim, int timeout_ms,
                       void (*body)(void *context, const kafka_shim_message *message),
                       kafka_shim_error *error) {
    rd_kafka_message_t *found = rd_kafka_consumer_poll(shim->client, timeout_ms);
    if (!found) {
        return 0;
    }
    bool is_about_partition = found->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
                              found->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
    int result = found->err ? 2 : 1;
    if (found->err && !is_about_partition) {
        describe(error, found->err, rd_kafka_message_errstr(found));
        result = -1;
    } else {
        kafka_shim_message message = {
            .code = found->err,
            .topic = rd_kafka_topic_name(found->rkt),
            .partition = found->partition,
            .offset = found->offset,
            .timestamp_ms = -1,
        };
        if (!found->err) { // otherwise the payload is the error's text
            rd_kafka_timestamp_type_t type;
            message.timestamp_ms = rd_kafka_message_timestamp(found, &type);
            message.key = found->key;
            message.key_length = found->key_len;
            message.value = found->payload;
            message.value_length = found->len;
        }
        body(shim->context, &message);
    }
    rd_kafka_message_destroy(found);
    return result;
}
