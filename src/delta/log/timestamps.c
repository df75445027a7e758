/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/timestamps.h"

#include "base/json.h"

void delta_commit_clock_init(delta_commit_clock *clock)
{
    *clock = (delta_commit_clock){.enablement_version = DELTA_ABSENT, .last = DELTA_ABSENT};
}

void delta_commit_clock_metadata(delta_commit_clock *clock, const delta_metadata *metadata)
{
    clock->in_commit = false;
    clock->enablement_version = DELTA_ABSENT;
    /* Nearly no table has it; most have a configuration. */
    static const char property[] = "delta.enableInCommitTimestamps";
    df_str text = metadata->configuration;
    if (!text.ptr || !memmem(text.ptr, text.len, property, sizeof property - 1)) return;
    df_json_parser *parser = df_json_parser_open();
    df_json configuration;
    if (df_json_parse(parser, text, &configuration, NULL) == DF_OK) {
        clock->in_commit = df_str_is(df_json_str(df_json_get(configuration, property)), "true");
        df_str version = df_json_str(df_json_get(configuration, "delta.inCommitTimestampEnablementVersion"));
        if (!version.ptr || !df_str_int64(version, &clock->enablement_version))
            clock->enablement_version = DELTA_ABSENT;
    }
    df_json_parser_close(parser);
}

int64_t delta_commit_clock_tick(delta_commit_clock *clock, int64_t version, const delta_commit_info *info,
                                int64_t mtime_ms, delta_time_source *source)
{
    bool in_commit = clock->in_commit &&
                     (clock->enablement_version == DELTA_ABSENT || version >= clock->enablement_version) &&
                     info && info->in_commit_timestamp != DELTA_ABSENT;
    delta_time_source from = DELTA_TIME_NONE;
    int64_t time = DELTA_ABSENT;
    if (in_commit) {
        time = info->in_commit_timestamp;
        from = DELTA_TIME_IN_COMMIT;
    } else if (info && info->timestamp != DELTA_ABSENT) {
        time = info->timestamp;
        from = DELTA_TIME_COMMIT;
    } else if (mtime_ms != DELTA_ABSENT) {
        time = mtime_ms;
        from = DELTA_TIME_FILE;
    }
    if (clock->last != DELTA_ABSENT && clock->last != INT64_MAX && time <= clock->last)
        time = clock->last + 1;
    if (time == DELTA_ABSENT) time = 0;
    clock->last = time;
    if (source) *source = from;
    return time;
}
