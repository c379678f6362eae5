// SPDX-License-Identifier: Apache-2.0
//
// The contract between Swift and librdkafka: a producer that may be transactional, and a consumer
// whose positions are its owner's.
//
// librdkafka runs threads of its own, but everything that happens is told inside kafka_shim_poll (or
// a call that says so), on the caller's thread. A handle belongs to one thread at a time. Strings and
// bytes that are passed in are copied; pointers in callbacks are valid until the callback returns.
#ifndef KAFKA_SHIM_H
#define KAFKA_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct kafka_shim kafka_shim;
typedef struct kafka_shim_topic kafka_shim_topic;

// What went wrong, in librdkafka's words and by its own flags.
typedef struct kafka_shim_error {
    int code; // rd_kafka_resp_err_t: below 0 librdkafka's own, above 0 a broker's; 0 is none
    bool is_fatal;
    bool is_retriable;
    bool requires_abort;
    char text[512];
} kafka_shim_error;

// The codes that mean something to us beyond their flags; kafka_shim.c holds them to librdkafka's.
#define KAFKA_SHIM_TRANSPORT (-195)
#define KAFKA_SHIM_ALL_BROKERS_DOWN (-187)
#define KAFKA_SHIM_TIMED_OUT (-185)
#define KAFKA_SHIM_QUEUE_FULL (-184)
#define KAFKA_SHIM_PARTITION_EOF (-191)
#define KAFKA_SHIM_FENCED (-144)
#define KAFKA_SHIM_AUTO_OFFSET_RESET (-140)
#define KAFKA_SHIM_UNKNOWN_TOPIC_OR_PART 3
#define KAFKA_SHIM_MSG_SIZE_TOO_LARGE 10
#define KAFKA_SHIM_RECORD_LIST_TOO_LARGE 18
#define KAFKA_SHIM_GROUP_AUTHORIZATION_FAILED 30
#define KAFKA_SHIM_INVALID_TIMESTAMP 32
#define KAFKA_SHIM_INVALID_PRODUCER_EPOCH 47
#define KAFKA_SHIM_INVALID_RECORD 87
#define KAFKA_SHIM_PRODUCER_FENCED 90

// Called from inside kafka_shim_poll and the calls on transactions, on the caller's thread.
typedef struct kafka_shim_callbacks {
    // A record's fate; code 0 is success. With delivery.report.only.error only failures are told.
    void (*delivered)(void *context, int64_t tag, int code);
    // Something is wrong with a broker, with all of them, or with the client itself (fatal).
    void (*failed)(void *context, const kafka_shim_error *error);
    // The client's statistics, as JSON, every statistics.interval.ms.
    void (*measured)(void *context, const char *json, size_t length);
    // A bearer token is needed: answer with kafka_shim_set_token or kafka_shim_refuse_token.
    void (*token_needed)(void *context);
    // A line of librdkafka's log; levels are syslog's.
    void (*logged)(void *context, int level, const char *text);
} kafka_shim_callbacks;

// One of librdkafka's settings.
typedef struct kafka_shim_property {
    const char *name;
    const char *value;
} kafka_shim_property;

typedef struct kafka_shim_header {
    const char *name;
    const char *value;
    size_t length;
} kafka_shim_header;

typedef struct kafka_shim_record {
    const void *_Nullable key; // null: no key
    size_t key_length;
    const void *_Nullable value;
    size_t value_length;
    int64_t timestamp_ms;
    const kafka_shim_header *_Nullable headers;
    size_t header_count;
    int64_t tag; // comes back in `delivered`
} kafka_shim_record;

// A place in a partition, and what stands beside it when a group has committed it.
typedef struct kafka_shim_position {
    const char *_Nullable topic; // null only until it is filled in
    int32_t partition;
    int64_t offset; // -1: none
    char metadata[64];
} kafka_shim_position;

// The library's version, such as "2.0.2".
const char *kafka_shim_library_version(void);
const char *kafka_shim_error_text(int code);
const char *kafka_shim_error_name(int code);

// Whether librdkafka knows a setting and takes a value; otherwise says why not.
bool kafka_shim_property_is_valid(const char *name, const char *value, char *text, size_t length);

// A byte is written to wake_descriptor when there is something to poll; -1 does without. The
// callbacks' context must outlive the handle. Null, and an error, if it can't be made.
kafka_shim *_Nullable kafka_shim_producer_create(const kafka_shim_property *properties, size_t count,
                                                 const kafka_shim_callbacks *callbacks,
                                                 void *context, int wake_descriptor,
                                                 kafka_shim_error *error);
kafka_shim *_Nullable kafka_shim_consumer_create(const kafka_shim_property *properties, size_t count,
                                                 const kafka_shim_callbacks *callbacks,
                                                 void *context, kafka_shim_error *error);
// Ends the client at once: records that are still queued are dropped, an open transaction is left to
// the broker, which aborts it when the next producer comes or the time is up.
void kafka_shim_destroy(kafka_shim *shim);

// Tells what has happened since the last call, waiting for it if there is nothing.
void kafka_shim_poll(kafka_shim *shim, int timeout_ms);

// Producing.

kafka_shim_topic *_Nullable kafka_shim_topic_create(kafka_shim *shim, const char *name);
void kafka_shim_topic_destroy(kafka_shim_topic *topic);
// Queues a record. 0 or a code: RD_KAFKA_RESP_ERR__QUEUE_FULL and what is wrong with the record.
int kafka_shim_produce(kafka_shim *shim, kafka_shim_topic *topic, const kafka_shim_record *record);
// Waits until no record is in flight; false if some still are.
bool kafka_shim_flush(kafka_shim *shim, int timeout_ms);

// Transactions. Each may be called again after a retriable error, and then goes on with the same
// work; after a commit's nothing else may be called. True, or false with an error.
//
// kafka_shim_send_offsets does not keep its time-out while the group's coordinator is away and no
// other takes its place: librdkafka 2.0.2 waits for it without end, and so does kafka_shim_destroy.

bool kafka_shim_init_transactions(kafka_shim *shim, int timeout_ms, kafka_shim_error *error);
bool kafka_shim_begin_transaction(kafka_shim *shim, kafka_shim_error *error);
bool kafka_shim_send_offsets(kafka_shim *shim, const char *group,
                             const kafka_shim_position *positions, size_t count, int timeout_ms,
                             kafka_shim_error *error);
bool kafka_shim_commit_transaction(kafka_shim *shim, int timeout_ms, kafka_shim_error *error);
bool kafka_shim_abort_transaction(kafka_shim *shim, int timeout_ms, kafka_shim_error *error);

// Bearer tokens (RFC 7628).

bool kafka_shim_set_token(kafka_shim *shim, const char *token, int64_t expires_at_ms,
                          const char *principal, char *text, size_t length);
void kafka_shim_refuse_token(kafka_shim *shim, const char *reason);

// The cluster.

// Asks for what is known of one topic: its number of partitions, or a broker's error code for it
// (negated), or with an error when no broker answers.
bool kafka_shim_partition_count(kafka_shim *shim, const char *topic, int timeout_ms, int *partitions,
                                kafka_shim_error *error);
// Asks the leader of a partition for its first offset and for the one behind its last; with
// isolation.level=read_committed that is where the oldest open transaction begins, if there is one.
bool kafka_shim_watermarks(kafka_shim *shim, const char *topic, int32_t partition, int timeout_ms,
                           int64_t *low, int64_t *high, kafka_shim_error *error);

// Consuming.

// A record as it lies in librdkafka's memory, or a word about a partition and an offset in it.
typedef struct kafka_shim_message {
    int code; // 0: a record
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; // -1: none
    const void *_Nullable key;
    size_t key_length;
    const void *_Nullable value; // null: a tombstone
    size_t value_length;
} kafka_shim_message;

// Reads these partitions from these offsets on; a negative one of librdkafka's (-2 is the beginning)
// is a place by name. Nothing is ever committed: positions are kept by the owner.
bool kafka_shim_assign(kafka_shim *shim, const kafka_shim_position *positions, size_t count,
                       kafka_shim_error *error);
// What the consumer's group (group.id) has committed; offset -1 where it has nothing. With
// isolation.level=read_committed an offset that hangs on an unfinished transaction is a retriable
// error. A consumer is asked, because the same question to a producer, through the admin API, ends
// the process when the coordinator moves (librdkafka 2.0.2).
bool kafka_shim_committed(kafka_shim *shim, kafka_shim_position *positions, size_t count,
                          int timeout_ms, kafka_shim_error *error);
// Lends the next record. 1: there was one; 0: none in time; -1: an error.
//
// 2: no record but a word about a partition. KAFKA_SHIM_PARTITION_EOF: all there was has been read
// (with enable.partition.eof). KAFKA_SHIM_AUTO_OFFSET_RESET: nothing is at our offset, and the
// partition is no longer read until the next assign (with auto.offset.reset=error).
//
// It also tells what kafka_shim_poll does, which must not be called while partitions are assigned: it
// would take their records and drop them.
int kafka_shim_consume(kafka_shim *shim, int timeout_ms,
                       void (*body)(void *context, const kafka_shim_message *message),
                       kafka_shim_error *error);

#pragma clang assume_nonnull end
#endif
