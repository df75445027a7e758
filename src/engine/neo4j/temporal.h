/* SPDX-License-Identifier: Apache-2.0 */
/* Structures without members that nest, as Cypher's toString() has them. */
#ifndef DF_ENGINE_NEO4J_TEMPORAL_H
#define DF_ENGINE_NEO4J_TEMPORAL_H

#include "engine/neo4j/packstream.h"

/* Whether ps_put_scalar knows structures of this tag. */
bool ps_is_scalar(uint8_t tag);
/* Appends a structure whose head was just read: dates, times, durations, points, vectors. */
DF_MUST_USE df_code ps_put_scalar(ps_reader *reader, const ps_item *head, df_buf *out, df_error *err);
/* As Java writes it: 1.0, 1.5E10, NaN, -Infinity. */
void ps_put_double(df_buf *out, double d);
void ps_put_hex(df_buf *out, df_str bytes); /* 0x… */

#endif
