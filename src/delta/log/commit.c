/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "delta/log/reader.h"

df_code delta_bad_commit(delta_reader *reader, const delta_source *source, df_code code, df_error *err)
{
    if (reader->sink_failed) return code;
    if (code == DF_CORRUPT) {
        delta_defect *d =
            delta_defects_add(reader->defects, DELTA_DEFECT_BAD_COMMIT, source->name, err ? err->line : 0,
                              "%s", err ? err->message : "it cannot be read");
        d->version = source->version;
    }
    df_error_at(err, delta_reader_path(reader, source->name), 0);
    return err && err->line ? df_error_prefix(err, "%s, line %lld", source->name, (long long)err->line)
           : err            ? df_error_prefix(err, "%s", source->name)
                            : code;
}

df_code delta_read_commit(delta_reader *reader, const delta_log_file *commit, delta_sink sink, df_error *err)
{
    df_error own;
    if (!err) err = &own;
    delta_source source = {.name = commit->name, .version = commit->version, .is_commit = true};
    reader->sink_failed = false;
    df_file *file;
    df_code code = df_file_open(delta_reader_path(reader, commit->name), &file, err);
    if (code == DF_OK) {
        if (!file->input.size) {
            delta_defect *d = delta_defects_add(reader->defects, DELTA_DEFECT_BAD_COMMIT, commit->name, 0,
                                                "the file is empty");
            d->version = commit->version;
            d->fallback = "it is read as a commit without actions";
        }
        code = delta_read_lines(reader, &source, &file->input, &sink, err);
        df_file_close(file);
    }
    return code == DF_OK ? code : delta_bad_commit(reader, &source, code, err);
}
