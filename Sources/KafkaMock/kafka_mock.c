// SPDX-License-Identifier: Apache-2.0
#include "kafka_mock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct kafka_mock {
    rd_kafka_t *host; // the mock lives on a client's threads
    rd_kafka_mock_cluster_t *cluster;
};

kafka_mock *kafka_mock_create(int brokers) {
    char text[256];
    kafka_mock *mock = calloc(1, sizeof *mock);
    if (!mock) {
        return NULL;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    mock->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    mock->cluster = mock->host ? rd_kafka_mock_cluster_new(mock->host, brokers) : NULL;
    if (mock->cluster) {
        return mock;
    }
    if (mock->host) {
        rd_kafka_destroy(mock->host);
    } else {
        rd_kafka_conf_destroy(conf);
    }
    free(mock);
    return NULL;
}

void kafka_mock_destroy(kafka_mock *mock) {
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->host);
    free(mock);
}

const char *kafka_mock_brokers(const kafka_mock *mock) {
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

void kafka_mock_create_topic(kafka_mock *mock, const char *topic, int partitions) {
    (void)rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1);
}

void kafka_mock_push_errors(kafka_mock *mock, int16_t api_key, const int *codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)codes[i];
        rd_kafka_mock_push_request_errors_array(mock->cluster, api_key, 1, &code);
    }
}

void kafka_mock_set_topic_error(kafka_mock *mock, const char *topic, int code) {
    rd_kafka_mock_topic_set_error(mock->cluster, topic, (rd_kafka_resp_err_t)code);
}

void kafka_mock_set_up(kafka_mock *mock, int broker, bool is_up) {
    (void)(is_up ? rd_kafka_mock_broker_set_up(mock->cluster, broker)
                 : rd_kafka_mock_broker_set_down(mock->cluster, broker));
}

void kafka_mock_set_round_trip(kafka_mock *mock, int broker, int milliseconds) {
    (void)rd_kafka_mock_broker_set_rtt(mock->cluster, broker, milliseconds);
}

void kafka_mock_move_group(kafka_mock *mock, const char *group, int broker) {
    (void)rd_kafka_mock_coordinator_set(mock->cluster, "group", group, broker);
}

void kafka_mock_move_transactions(kafka_mock *mock, const char *transactional_id, int broker) {
    (void)rd_kafka_mock_coordinator_set(mock->cluster, "transaction", transactional_id, broker);
}
