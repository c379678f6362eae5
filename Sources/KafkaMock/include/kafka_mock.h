// SPDX-License-Identifier: Apache-2.0
//
// librdkafka's mock cluster, for broker errors that no real broker makes on demand and as a far side
// that costs next to nothing. It has no isolation and no fencing: what is exactly once is proven
// against a real broker.
#ifndef KAFKA_MOCK_H
#define KAFKA_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct kafka_mock kafka_mock;

// Null if it can't be made.
kafka_mock *_Nullable kafka_mock_create(int brokers);
void kafka_mock_destroy(kafka_mock *mock);
const char *kafka_mock_brokers(const kafka_mock *mock);

void kafka_mock_create_topic(kafka_mock *mock, const char *topic, int partitions);
// The next requests of a kind (Kafka protocol, "API keys") are answered with these error codes.
void kafka_mock_push_errors(kafka_mock *mock, int16_t api_key, const int *codes, size_t count);
// Until it is set to 0, requests about a topic are answered with this error.
void kafka_mock_set_topic_error(kafka_mock *mock, const char *topic, int code);
void kafka_mock_set_up(kafka_mock *mock, int broker, bool is_up);
void kafka_mock_set_round_trip(kafka_mock *mock, int broker, int milliseconds);
// Moves the coordinator of a group or a transactional id to another broker.
void kafka_mock_move_group(kafka_mock *mock, const char *group, int broker);
void kafka_mock_move_transactions(kafka_mock *mock, const char *transactional_id, int broker);

#pragma clang assume_nonnull end
#endif
