/* SPDX-License-Identifier: Apache-2.0 */
/* What a named time zone is ahead of UTC, by the system's database (RFC 8536; TZDIR, or /usr/share/zoneinfo).
 */
#ifndef DF_ENGINE_NEO4J_ZONE_H
#define DF_ENGINE_NEO4J_ZONE_H

#include "base/str.h"

/* false: the zone is not known here, or has no transitions for that time. */
bool zone_offset(df_str zone, int64_t utc_seconds, int64_t *offset_seconds);

#endif
