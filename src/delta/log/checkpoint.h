/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint files in Parquet as actions: classic ones, parts of multi-part ones, V2 manifests and sidecars.
 */
#ifndef DF_DELTA_LOG_CHECKPOINT_H
#define DF_DELTA_LOG_CHECKPOINT_H

#include "base/log.h"
#include "delta/log/action.h"
#include "io/file.h"

/*
 * Gives every action of one file to the sink, in the order of its rows. `want` is of DELTA_WANT_*: columns of
 * what is not wanted are not decoded; DELTA_SIDECAR and DELTA_CHECKPOINT_METADATA are always given. Without
 * DELTA_WANT_STATS an add has neither stats nor num_records.
 *
 * DF_CORRUPT and DF_UNSUPPORTED name the column and page, DF_CANCELLED when the observer asks for it; a code
 * that the sink returns comes back as it is. What the sink got before a failure must be thrown away.
 */
DF_MUST_USE df_code delta_checkpoint_parquet(const df_input *input, unsigned want, delta_sink sink,
                                             const df_observer *observer, df_error *err);

#endif
