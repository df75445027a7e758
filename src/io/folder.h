/* SPDX-License-Identifier: Apache-2.0 */
/* Folders: made, made durable, walked through. */
#ifndef DF_IO_FOLDER_H
#define DF_IO_FOLDER_H

#include "base/buf.h"

/* Makes a folder and those above it; one that is there is fine. New ones have `mode` (0700: ours alone). */
DF_MUST_USE df_code df_folder_make(const char *path, unsigned mode, df_error *err);
/* Names that were made, renamed or removed in the folder survive a loss of power. */
DF_MUST_USE df_code df_folder_sync(const char *path, df_error *err);
/* The names in a folder, sorted, without "." and ".."; in `arena`. A folder that is not there has none. */
DF_MUST_USE df_code df_folder_list(const char *path, df_arena *arena, const char ***names, size_t *count,
                                   df_error *err);

#endif
