/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing old backups. Only files that are here count, and only those that the ledger knows: what another
 * machine has, or another database made, is not ours to judge.
 */
#include "operate/backup_int.h"

#include "base/clock.h"

#include <errno.h>
#include <unistd.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

typedef struct candidate {
    const df_backup_record *record;
    df_migrate_backup shown;
} candidate;

static bool is_over(const df_backup_record *r, int64_t now)
{
    return r->retention_days > 0 && r->created_ms + r->retention_days * DAY_MS < now;
}

/* The newest verified one stays whatever its age; where none is verified, the newest. */
static size_t untouchable(const candidate *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].record->verified_ms) return i;
    }
    return 0;
}

/* The file first: should the record not follow now, it shows a file that is not there. */
static df_code remove_one(const df_backup_place *place, const candidate *c, df_arena *arena, df_error *err)
{
    df_backup_record r = *c->record;
    if (unlink(c->shown.path) != 0 && errno != ENOENT)
        return df_fail_errno(err, errno, c->shown.path, "remove");
    r.metadata = bk_metadata_with_time(r.metadata, "pruned_at", df_now_ms(), arena);
    DF_TRY(df_begin(place->conn, err));
    df_code code = df_backup_record_update(place->ledger, &r, err);
    if (code == DF_OK) code = bk_audit(place, DF_AUDIT_BACKUP_PRUNED, c->shown.id, "size", r.size, err);
    if (code == DF_OK) code = df_commit(place->conn, err);
    df_rollback(place->conn);
    return code;
}

df_code df_backup_prune(const df_backup_place *place, int64_t keep, bool dry_run, df_arena *arena,
                        df_migrate_backup **removed, size_t *count, df_error *err)
{
    df_backup_record *records;
    size_t n = 0, n_here = 0;
    int64_t now = df_now_ms();
    *removed = NULL;
    *count = 0;
    DF_TRY(df_backup_recover(place, err));
    if (!dry_run) DF_TRY(bk_folder_clean(place->folder, err));
    DF_TRY(df_backup_record_list(place->ledger, arena, &records, &n, err));
    if (!n) return DF_OK;
    candidate *here = df_arena_alloc(arena, n * sizeof *here);
    for (size_t i = 0; i < n; i++) {
        here[n_here].record = &records[i];
        bk_from_record(place, arena, &records[i], &here[n_here].shown);
        n_here += here[n_here].shown.present;
    }
    *removed = df_arena_alloc(arena, (n_here + 1) * sizeof **removed);
    size_t stays = untouchable(here, n_here);
    for (size_t i = 0; i < n_here; i++) {
        bool too_many = keep > 0 && (int64_t)i >= keep;
        if (i == stays || (!too_many && !is_over(here[i].record, now))) continue;
        if (!dry_run) DF_TRY(remove_one(place, &here[i], arena, err));
        here[i].shown.present = dry_run;
        (*removed)[(*count)++] = here[i].shown;
    }
    return DF_OK;
}
