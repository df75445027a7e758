/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log compaction files: the reconciled actions of commits x..y in one file. They are never needed; what they
 * give must equal what the commits give, which is what they are read for. A reconciled file mentions each key
 * once; some writers only string the commits together, newest first, so where a key is mentioned again the
 * first mention counts.
 *
 * Source: Delta Transaction Log Protocol, section "Log Compaction Files".
 */
#include "base/error.h"
#include "delta/log/reader.h"

df_code delta_read_compaction(delta_reader *reader, const delta_log_file *compaction, delta_sink sink,
                              df_error *err)
{
    df_error own;
    if (!err) err = &own;
    delta_source source = {.name = compaction->name, .version = compaction->version};
    reader->sink_failed = false;
    df_file *file;
    const char *path = delta_reader_path(reader, compaction->name);
    df_code code = df_file_open(path, &file, err);
    if (code == DF_OK) {
        /* Commits x..y hold at least a commitInfo or a file: nothing at all is a file that was never written.
         */
        if (!file->input.size)
            code = df_fail(err, DF_CORRUPT, "the file is empty");
        else
            code = delta_read_lines(reader, &source, &file->input, &sink, err);
        df_file_close(file);
    }
    if (code == DF_OK || reader->sink_failed) return code;
    if (code == DF_CORRUPT) {
        delta_defect *d = delta_defects_add(reader->defects, DELTA_DEFECT_BAD_COMPACTION, compaction->name,
                                            err->line, "%s", err->message);
        d->version = compaction->version;
        d->fallback = "the commits it stands for are read";
    }
    df_error_at(err, path, 0);
    return df_error_prefix(err, "%s", compaction->name);
}
