/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding (RFC 3986, section 2.1). */
#ifndef DF_BASE_URI_H
#define DF_BASE_URI_H

#include "base/buf.h"

/* Appends `s` with every valid %XX decoded once; other '%' and '+' stay as they are. */
void df_percent_decode(df_buf *out, df_str s);
/* Appends `s` with everything but unreserved characters and those in `also_plain` encoded, hex in upper case.
 */
void df_percent_encode(df_buf *out, df_str s, const char *also_plain);

#endif
