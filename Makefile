# SPDX-License-Identifier: Apache-2.0
# Every target works on a fresh machine: it installs the Debian packages it needs, and says so.
SHELL := /bin/bash
.DEFAULT_GOAL := help

DURATION ?= 60
VEHICLES ?= 25
RATE ?= 100
TRACES ?=
SPEED ?=
KAFKA ?=
ROUNDS ?= 30
FUZZ_SECONDS ?= 60
BENCH_OUTPUT := Benchmarks/results/latest.json
PEER_MODULES := .build/peers
RELEASE := .build/release/gateway

.PHONY: help deps build demo test lint fuzz bench prove-kill prove-kafka prove-tables prove-schema certs clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 14

deps: ## install the Debian packages that building and running need
	@scripts/install-deps.sh

build: deps ## build the gateway, optimised
	@swift build -c release --product gateway

demo: build ## a broker, the gateway and a fleet on this machine, for a minute (KAFKA=1, TRACES=file, DURATION, VEHICLES, RATE, SPEED)
	@$(if $(KAFKA),scripts/install-kafka-broker.sh)
	@$(RELEASE) demo $(if $(KAFKA),--kafka) --duration $(DURATION) --vehicles $(VEHICLES) --rate $(RATE) \
		$(if $(TRACES),--traces $(TRACES)) $(if $(SPEED),--speed $(SPEED))

test: deps ## build, lint and run every test
	@scripts/install-kafka-broker.sh --client
	@scripts/test.sh

lint: ## check the formatting
	@swift format lint --strict --recursive Sources Tests Package.swift

fuzz: deps ## let libFuzzer look for what breaks the readers of payloads, for FUZZ_SECONDS
	@scripts/fuzz.sh $(FUZZ_SECONDS)

bench: build ## measure beside mosquitto's own bridge, in five minutes (PEERS=1: and mq-bridge; RECORD=1: append to docs/performance.md)
	@$(if $(PEERS),python3 -m pip install --quiet --target $(PEER_MODULES) mq-bridge==1.2.0)
	@$(RELEASE) bench --output $(BENCH_OUTPUT) $(if $(PEERS),--peers $(PEER_MODULES)) \
		$(if $(RECORD),--record docs/performance.md)

prove-kill: build ## kill the gateway ROUNDS times under load; nothing acknowledged may be lost
	@$(RELEASE) prove kill --rounds $(ROUNDS)

prove-kafka: build ## break the way into Kafka ROUNDS times under load; every event must arrive once
	@scripts/install-kafka-broker.sh
	@$(RELEASE) prove kafka --rounds $(ROUNDS)

prove-tables: build ## change tables over MQTT and Kafka for ROUNDS rounds, with kills; every join must be right
	@scripts/install-kafka-broker.sh
	@$(RELEASE) prove tables --rounds $(ROUNDS)

prove-schema: build ## send other makers' payloads and roll a firmware out; every change is told once (DATA=folder with formats/ and nested/)
	@$(RELEASE) prove schema $(if $(DATA),--data $(DATA))

certs: deps ## make development certificates in certs/out
	@certs/make-certs.sh

clean: ## remove what was built
	@rm -rf .build Benchmarks/results certs/out
