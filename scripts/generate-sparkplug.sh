#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes Sources/SparkplugProtocol/sparkplug_b.pb.swift from the .proto beside it. The result is committed,
# so that nobody needs a protocol compiler to build the gateway: run this only after a change of the .proto
# or of swift-protobuf's major version.
#
# Needs protoc (Debian: protobuf-compiler) and protoc-gen-swift on the PATH. The latter is a product of
# swift-protobuf; in a clone of it, at the version that Package.resolved names:
#
#     swift build --configuration release --product protoc-gen-swift
#     export PATH="$(swift build --configuration release --show-bin-path):$PATH"
set -euo pipefail

cd "$(dirname "$0")/../Sources/SparkplugProtocol"
for tool in protoc protoc-gen-swift; do
    if ! command -v "$tool" >/dev/null; then
        printf 'generate-sparkplug: %s is not on the PATH; the head of this script says where it is from\n' "$tool" >&2
        exit 1
    fi
done

protoc --swift_out=. --swift_opt=Visibility=Public --swift_opt=UseAccessLevelOnImports=true sparkplug_b.proto
{
    printf '// SPDX-License-Identifier: Apache-2.0\n'
    cat sparkplug_b.pb.swift
} >sparkplug_b.pb.swift.new
mv sparkplug_b.pb.swift.new sparkplug_b.pb.swift
