/* SPDX-License-Identifier: Apache-2.0 */
/* `_last_checkpoint`: read only to say whether it is right. What is read of a log is decided by its listing.
 */
#ifndef DF_DELTA_LOG_HINT_H
#define DF_DELTA_LOG_HINT_H

#include "delta/log/log.h"

/* Sets log->hint_version; a damaged, stale or dangling hint becomes a defect. The checkpoints must be listed.
 */
void delta_read_hint(delta_log *log, delta_defects *defects);

#endif
