/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/hint.h"

#include "base/error.h"
#include "base/json.h"
#include "io/file.h"

/* It may hold the checkpoint's whole schema, but not more. */
enum { HINT_LIMIT = 64 << 20 };

static const char hint_name[] = "_last_checkpoint";
static const char by_listing[] = "the checkpoint is chosen by listing the folder";

/* The version it names; -1 with `why` set when it names none. */
static int64_t hint_version(df_json_parser *parser, df_str text, df_error *why)
{
    df_json root;
    int64_t version;
    if (df_json_parse(parser, text, &root, why) != DF_OK) return -1;
    if (df_json_int(df_json_get(root, "version"), &version) && version >= 0) return version;
    df_fail(why, DF_CORRUPT, "it has no version");
    return -1;
}

static int64_t newest_checkpoint(const delta_log *log)
{
    for (size_t i = log->n_checkpoints; i-- > 0;)
        if (log->checkpoints[i].complete) return log->checkpoints[i].version;
    return -1;
}

static bool has_checkpoint(const delta_log *log, int64_t version)
{
    for (size_t i = 0; i < log->n_checkpoints; i++)
        if (log->checkpoints[i].version == version && log->checkpoints[i].complete) return true;
    return false;
}

static void judge(const delta_log *log, delta_defects *defects)
{
    int64_t named = log->hint_version, newest = newest_checkpoint(log);
    delta_defect *defect = NULL;
    if (!has_checkpoint(log, named))
        defect = delta_defects_add(defects, DELTA_DEFECT_DANGLING_HINT, hint_name, 0,
                                   "it names checkpoint %lld, which is not there or not complete",
                                   (long long)named);
    else if (named < newest)
        defect = delta_defects_add(defects, DELTA_DEFECT_STALE_HINT, hint_name, 0,
                                   "it names checkpoint %lld, the newest is %lld", (long long)named,
                                   (long long)newest);
    if (!defect) return;
    defect->version = named;
    defect->fallback = by_listing;
}

void delta_read_hint(delta_log *log, delta_defects *defects)
{
    df_buf path = {0}, text = {0};
    df_error why;
    df_buf_printf(&path, "%s/%s", log->directory, hint_name);
    df_code code = df_file_read_all(df_buf_cstr(&path), HINT_LIMIT, &text, &why);
    if (code == DF_OK) {
        df_json_parser *parser = df_json_parser_open();
        log->hint_version = hint_version(parser, df_buf_str(&text), &why);
        df_json_parser_close(parser);
    }
    if (log->hint_version >= 0)
        judge(log, defects);
    else if (code != DF_NOT_FOUND)
        delta_defects_add(defects, DELTA_DEFECT_BAD_HINT, hint_name, 0, "%s", why.message)->fallback =
            by_listing;
    df_buf_release(&path);
    df_buf_release(&text);
}
