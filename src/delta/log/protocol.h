/* SPDX-License-Identifier: Apache-2.0 */
/* Which tables this program understands. */
#ifndef DF_DELTA_LOG_PROTOCOL_H
#define DF_DELTA_LOG_PROTOCOL_H

#include "delta/log/log.h"

/*
 * Whether the log of a table with this protocol may be read as files alone.
 *
 * DF_UNSUPPORTED for a reader version or a reader feature that is not known, DF_REFUSED for a table whose
 * commits are ratified by a catalog; the hint names `--force`. With `force` these become defects and DF_OK.
 * Unknown writer features are always only defects: they do not change what a log says. `metadata` may be
 * NULL.
 *
 * Lenient where writers are known to be sloppy: features listed below reader version 3 or writer version 7,
 * and versions 3 and 7 without a list, are taken as they are.
 */
DF_MUST_USE df_code delta_protocol_gate(const delta_protocol *protocol, const delta_metadata *metadata,
                                        bool force, delta_defects *defects, df_error *err);

/* Whether reader or writer features name it. */
bool delta_protocol_has(const delta_protocol *protocol, const char *feature);
/* Whether only the table's catalog knows its newest commits. */
bool delta_is_catalog_managed(const delta_protocol *protocol);

#endif
