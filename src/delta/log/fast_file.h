/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line that nearly all of a big log consists of, an add or remove as writers write it, read without a
 * general parser.
 */
#ifndef DF_DELTA_LOG_FAST_FILE_H
#define DF_DELTA_LOG_FAST_FILE_H

#include "delta/log/json_actions.h"

/*
 * Reads {"add":{…}} or {"remove":{…}} when the line is ASCII without blanks between its tokens, and holds
 * only members of the usual types and escapes. What it accepts it accepts exactly as the general parser
 * would; for anything else it gives false, which says nothing about the line. DF_JSON_PADDING readable bytes
 * must follow the line, to which `out` has views.
 */
bool delta_fast_file(df_str line, delta_scratch *scratch, delta_action *out);

#endif
