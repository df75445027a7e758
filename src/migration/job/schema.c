/* SPDX-License-Identifier: Apache-2.0 */
/* The schema as it was at the last success, and as it is. */
#include "migration/job/job_int.h"

void job_keep_schema(df_migrate *m, const char *run_id)
{
    df_schema_snapshot snapshot = {0};
    df_error err = {0};
    if (m->config.no_schema_snapshot) return;
    df_code code = df_schema_snapshot_take(m->conn, &snapshot, &err);
    if (code == DF_OK)
        code = df_schema_keep(m->ledger, run_id, snapshot.digest, snapshot.objects, df_buf_str(&snapshot.text), &err);
    df_schema_snapshot_release(&snapshot);
    if (code != DF_OK)
        df_log(m->config.observer, DF_LOG_WARNING, "the schema could not be recorded, so that drift cannot be told: %s", err.message);
}

df_code df_migrate_schema_validate(df_migrate *m, df_migrate_drift *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_SCHEMA);
    df_schema_snapshot live = {0};
    char digest[65];
    df_str kept;
    *out = (df_migrate_drift){0};
    DF_TRY(job_connect(m, false, err));
    if (!df_ledger_exists(m->ledger)) {
        df_fail(err, DF_NOT_FOUND, "no schema was recorded yet");
        df_error_hint(err, "`dataflow up` records it after success, `dataflow schema accept` at any time");
        return DF_NOT_FOUND;
    }
    DF_TRY(df_schema_kept(m->ledger, arena, digest, &out->recorded_ms, &kept, err));
    df_code code = df_schema_snapshot_take(m->conn, &live, err);
    out->objects = live.objects;
    if (code == DF_OK && strcmp(live.digest, digest) != 0)
        code = df_schema_compare(kept, df_buf_str(&live.text), arena, &out->differences, &out->count, err);
    df_schema_snapshot_release(&live);
    if (code != DF_OK || !out->count) return code;
    df_fail(err, DF_MISMATCH, "the schema differs from the recorded one in %zu %s", out->count, out->count == 1 ? "object" : "objects");
    df_error_hint(err, "somebody changed it outside of migrations: take that back, or `dataflow schema accept --reason …`");
    return DF_MISMATCH;
}

df_code df_migrate_schema_dump(df_migrate *m, df_code (*write)(void *context, const char *text, size_t len, df_error *err), void *context,
                               df_error *err)
{
    df_schema_snapshot live = {0};
    DF_TRY(job_connect(m, false, err));
    df_code code = df_schema_snapshot_take(m->conn, &live, err);
    if (code == DF_OK) code = df_schema_print(df_buf_str(&live.text), write, context, err);
    df_schema_snapshot_release(&live);
    return code;
}

df_code df_migrate_schema_accept(df_migrate *m, const char *reason, df_error *err)
{
    df_schema_snapshot live = {0};
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_executor x;
    DF_TRY(job_ledger(m, NULL, err));
    job_executor(m, &x, job_report(m, REPORT_SCHEMA));
    df_code code = df_schema_snapshot_take(m->conn, &live, err);
    if (code == DF_OK) code = df_schema_keep(m->ledger, x.run_id, live.digest, live.objects, df_buf_str(&live.text), err);
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "action", "schema_accepted");
    df_json_add_text(&w, "digest", live.digest);
    df_json_add_text(&w, "reason", reason);
    df_json_end(&w, '}');
    if (code == DF_OK) code = df_audit_add(m->ledger, DF_AUDIT_REPAIRED, DF_STR_NONE, df_buf_str(&details), err);
    df_buf_release(&details);
    df_schema_snapshot_release(&live);
    return code;
}
