// SPDX-License-Identifier: Apache-2.0
// The service manager's notification protocol: see sd_notify(3).
#include <systemd/sd-daemon.h>
