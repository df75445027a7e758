/* SPDX-License-Identifier: Apache-2.0 */
/* The identity of a data file's path. */
#ifndef DF_DELTA_LOG_PATH_H
#define DF_DELTA_LOG_PATH_H

#include "base/buf.h"

/*
 * The canonical form of a path as a log writes it (an RFC 2396 URI reference):
 *
 *   - %XX is decoded once ('+' is never a blank), so "%2525" becomes "%25";
 *   - file:/x, file:///x and file://localhost/x become /x; other schemes keep theirs;
 *   - the result is UTF-8 without NUL: escapes that would break that stay as they are, and raw bytes that
 *     break it are written as escapes.
 *
 * Returns a view into `raw` when there is nothing to change, else into `scratch`, whose old content is lost.
 */
df_str delta_canonical_path(df_str raw, df_buf *scratch);

#endif
