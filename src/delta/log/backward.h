/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file of actions from its end to its beginning: the last action of a commit is the newest. Shares
 * the JSON parser with the forward reader, but neither its cutting into lines nor its order.
 */
#ifndef DF_DELTA_LOG_BACKWARD_H
#define DF_DELTA_LOG_BACKWARD_H

#include "delta/log/reader.h"

/* Gives all actions to the sink, last first. The same texts are accepted, and the same errors given, as
 * forward. */
DF_MUST_USE df_code delta_read_backward(delta_reader *reader, delta_source *source, const df_input *input,
                                        const delta_sink *sink, df_error *err);

#endif
