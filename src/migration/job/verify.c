/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proof that migrations can be taken back: each is applied, taken back and applied again on a scratch database, and the
 * schema is compared around it, and where the engine has a digest of what is stored, that too. A down section that fails, leaves
 * something, or loses something is named.
 */
#include "base/clock.h"
#include "engine/copy.h"
#include "migration/job/job_int.h"

typedef struct prover {
    df_migrate *m;       /* the user's */
    df_migrate *scratch; /* the same files on the scratch database */
    df_scratch place;
    df_executor x;
    df_arena *arena;
    df_migrate_proof *out;
    bool own; /* the scratch database is ours to drop */
    const char *url; /* … else where it is */
    bool empty;      /* there was nothing in it, but for a ledger */
    job_outside outside;
} prover;

/* A database as it is at one moment. */
typedef struct look {
    df_schema_snapshot schema;
    df_content_snapshot content;
} look;

/* ---- the scratch database ---- */

/* Everything in a scratch database may be lost: so it is not the one that is worked on. */
static df_code refuse_same(prover *p, df_error *err)
{
    df_session ours = {0}, scratch = {0};
    if (!p->m->conn) return DF_OK;
    DF_TRY(df_session_get(p->m->conn, &ours, err));
    DF_TRY(df_session_get(p->scratch->conn, &scratch, err));
    if (!*ours.database || strcmp(ours.database, scratch.database) != 0) return DF_OK;
    df_fail(err, DF_REFUSED, "the scratch database is the database itself");
    df_error_hint(err, "give an empty one that may be written to and thrown away");
    return DF_REFUSED;
}

static df_code open_scratch(prover *p, const char *url, df_error *err)
{
    df_migrate_config config = p->m->config;
    config.database_url = url;
    config.hooks = NULL;
    config.n_hooks = 0;
    config.event = NULL;
    config.no_schema_snapshot = true;
    DF_TRY(df_migrate_open(&config, &p->scratch, err));
    DF_TRY(job_files(p->scratch, err));
    DF_TRY(job_connect(p->scratch, true, err));
    if (!p->own) DF_TRY(refuse_same(p, err));
    DF_TRY(job_ledger(p->scratch, NULL, err));
    job_executor(p->scratch, &p->x, p->arena);
    p->x.lease = job_lease(p->scratch, "verify");
    DF_TRY(df_lease_take(p->scratch->ledger, &p->x.lease, err));
    return DF_OK;
}

/* ---- what a scratch database does not hold ---- */

static df_code refuse_outside(prover *p, const df_migration *migration, const df_section *section,
                              df_arena *arena, df_error *err)
{
    df_steps steps;
    /* What cannot be read is told when it is its turn. */
    if (!section->present || df_section_steps(p->m->set, section, &p->m->placeholders, arena, &steps, NULL) != DF_OK) return DF_OK;
    for (size_t i = 0; i < steps.count; i++) {
        const df_sql_statement *statement = &steps.items[i].statement;
        const char *what = job_outside_find(&p->outside, &steps.items[i]);
        if (!what) continue;
        df_fail(err, DF_REFUSED, "%.*s, statement %d of its way %s: changes %s, which is no part of a scratch database and would be changed "
                "where it is", DF_FMT(migration->id), (int)statement->number, section == &migration->up ? "up" : "down", what);
        df_error_at(err, steps.items[i].path ? steps.items[i].path : section->path, statement->line);
        if (err) err->statement = statement->number;
        df_error_hint(err, "prove it on a server where that does no harm: --scratch-url with an empty database there");
        return DF_REFUSED;
    }
    return DF_OK;
}

/* The same server has what the migrations are about; they must not reach it from the scratch database. */
static df_code stay_inside(prover *p, const char *target, bool databases_only, df_error *err)
{
    df_arena arena = {0};
    df_migration *last = NULL;
    p->outside = (job_outside){.conn = p->m->conn, .dialect = p->m->dialect, .arena = p->arena, .databases_only = databases_only};
    if (target) DF_TRY(df_migration_find(p->m->set, df_str_from(target), &last, err));
    size_t count = last ? last->position + 1 : p->m->set->count;
    df_code code = job_outside_open(&p->outside, err);
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        df_migration *migration = &p->m->set->items[i];
        if (df_migration_load(p->m->set, migration, NULL) != DF_OK) continue;
        code = refuse_outside(p, migration, &migration->up, &arena, err);
        if (code == DF_OK) code = refuse_outside(p, migration, &migration->down, &arena, err);
        df_arena_reset(&arena);
    }
    df_arena_release(&arena);
    return code;
}

/* Sessions name their database behind their server. */
static bool same_server(const prover *p)
{
    df_session ours = {0}, scratch = {0};
    if (!p->m->conn || df_session_get(p->m->conn, &ours, NULL) != DF_OK || df_session_get(p->scratch->conn, &scratch, NULL) != DF_OK)
        return false;
    const char *end = strrchr(ours.database, '/');
    return end && strncmp(ours.database, scratch.database, (size_t)(end - ours.database) + 1) == 0;
}

static df_code make_scratch(prover *p, const char *url, df_error *err)
{
    p->url = url;
    if (url) return open_scratch(p, url, err);
    p->own = true;
    DF_TRY(df_scratch_create(p->m->conn, p->m->config.database_url, &p->place, err));
    p->out->scratch = df_arena_printf(p->arena, "%s", p->place.name);
    return open_scratch(p, p->place.url, err);
}

static void close_scratch(prover *p)
{
    if (p->x.conn) { /* else opening it ended before there was an executor */
        job_executor_done(p->scratch, &p->x);
        df_lease_give(p->scratch->ledger);
    }
    p->x = (df_executor){0};
    df_migrate_close(p->scratch);
    p->scratch = NULL;
}

static df_code drop_scratch(prover *p, df_error *err)
{
    close_scratch(p);
    if (!p->own || !p->place.name) return DF_OK;
    df_code code = df_scratch_drop(p->m->conn, &p->place, err);
    if (code == DF_OK) job_outside_clear(&p->outside, p->m->config.observer);
    return code;
}

/* ---- running one ---- */

/* The history has a row of it. */
static const df_applied taken_back = {.status = DF_APPLIED_ROLLED_BACK};

static df_code run(prover *p, size_t i, df_direction direction, const df_applied *before, df_error *err)
{
    if (!p->own && !before && direction == DF_UP) before = &taken_back; /* who knows what was done there */
    df_migrate_run_item item = {.estimated_ms = DF_MIGRATE_UNKNOWN};
    df_code code = df_execute(&p->x, &p->scratch->set->items[i], before, direction, &item, err);
    p->scratch->conn = p->x.conn;
    return code;
}

static df_code take(prover *p, look *out, df_error *err)
{
    df_schema_snapshot_release(&out->schema);
    DF_TRY(df_schema_snapshot_take(p->x.conn, &out->schema, err));
    return df_content_snapshot_take(p->x.conn, &out->content, err);
}

static bool same_look(const look *a, const look *b)
{
    return strcmp(a->schema.digest, b->schema.digest) == 0 && df_content_same(&a->content, &b->content);
}

static void release_look(look *l)
{
    df_schema_snapshot_release(&l->schema);
    df_content_snapshot_release(&l->content);
}

static bool nothing_there(const look *l)
{
    return l->content.known && !l->schema.objects && !l->content.content.nodes;
}

/* One that was given and was empty is emptied, where the engine can: all that is in it is what this proof has put there. */
static df_code empty_given(prover *p, df_error *err)
{
    bool graph = !(df_conn_caps(p->x.conn) & DF_CAP_SQL);
    if (!graph) return df_fail(err, DF_FAILED, "the scratch database cannot be made anew, since it was given");
    if (!p->empty) return df_fail(err, DF_FAILED, "the scratch database was not empty when it was given, and is not emptied");
    DF_TRY(refuse_same(p, err));
    df_lease_give(p->scratch->ledger);
    df_code code = df_wipe(p->x.conn, &(df_load_options){.observer = p->m->config.observer}, err);
    close_scratch(p);
    return code == DF_OK ? open_scratch(p, p->url, err) : df_error_prefix(err, "emptying the scratch database");
}

/*
 * What is not run here: by its preconditions, and where there is a baseline. That holds what the ones in front of it do, which
 * are proved one by one; only where none are left it is where all begins.
 */
static df_code choose(prover *p, size_t i, const char **passed_over, df_error *err)
{
    df_migration *items = p->scratch->set->items, *m = &items[i];
    *passed_over = NULL;
    if (m->kind == DF_BASELINE && i) *passed_over = "what it holds is made by the migrations in front of it";
    bool contained = items[0].kind == DF_BASELINE && m->kind == DF_VERSIONED && df_version_compare(m->version, items[0].version) <= 0;
    if (contained) *passed_over = df_arena_printf(p->arena, "%.*s contains it", DF_FMT(items[0].id));
    return *passed_over ? DF_OK : job_choose(p->scratch, m, false, p->arena, passed_over, err);
}

/* A fresh database with the first `count` migrations, after one could not be taken back and applied again. */
static df_code start_again(prover *p, size_t count, df_error *err)
{
    if (p->own) {
        DF_TRY(drop_scratch(p, err));
        p->place = (df_scratch){0};
        DF_TRY(make_scratch(p, NULL, err));
    } else {
        DF_TRY(empty_given(p, err));
    }
    for (size_t i = 0; i < count; i++) {
        const char *passed_over = NULL;
        DF_TRY(choose(p, i, &passed_over, err));
        if (!passed_over) DF_TRY(run(p, i, DF_UP, NULL, err));
    }
    return DF_OK;
}

/*
 * The same, for going on. Where it cannot be (roles and the like belong to the whole server, and are there already), what follows is
 * not judged, and the item says so.
 */
static df_code go_on_anew(prover *p, size_t count, df_migrate_proof_item *item, bool *go_on, df_error *err)
{
    df_error mine = {0};
    df_code code = start_again(p, count, &mine);
    if (code == DF_OK) return DF_OK;
    if (code == DF_CANCELLED || code == DF_CONNECT) return *err = mine, code;
    *go_on = false;
    item->detail = df_arena_printf(p->arena, "%s%swhat follows is not judged, since a new scratch database cannot be brought so far: %s",
                                   item->detail ? item->detail : "", item->detail ? "; " : "", mine.message);
    return DF_OK;
}

/* ---- judging ---- */

static void put_differences(df_buf *out, const df_migrate_difference *list, size_t count)
{
    enum { SHOWN = 12 };
    for (size_t i = 0; i < count && i < SHOWN; i++)
        df_buf_printf(out, "%s%s %s %s", i ? "; " : "", list[i].change, list[i].kind, list[i].name);
    if (count > SHOWN) df_buf_printf(out, "; and %zu more", count - SHOWN);
}

static const char *judge(const df_migrate_difference *list, size_t count)
{
    bool added = false, removed = false, changed = false;
    for (size_t i = 0; i < count; i++) {
        added |= strcmp(list[i].change, "added") == 0;
        removed |= strcmp(list[i].change, "removed") == 0;
        changed |= strcmp(list[i].change, "changed") == 0;
    }
    return changed || (added && removed) ? "differs" : added ? "left objects" : "lost objects";
}

/* false: they differ, and the item says how. */
static df_code compare(prover *p, const look *expected, const look *found, const char *when, df_migrate_proof_item *item, bool *same,
                       df_error *err)
{
    *same = same_look(expected, found);
    if (*same) return DF_OK;
    df_migrate_difference *list;
    size_t count;
    df_buf text = {0};
    DF_TRY(df_schema_compare(df_buf_str(&expected->schema.text), df_buf_str(&found->schema.text), p->arena, &list, &count, err));
    bool stored = !df_content_same(&expected->content, &found->content);
    *same = count == 0 && !stored;
    if (*same) return DF_OK;
    df_buf_printf(&text, "%s: ", when);
    put_differences(&text, list, count);
    item->state = count ? judge(list, count) : "differs";
    if (!count && stored) {
        df_buf data = {0};
        int direction = df_content_differences(&expected->content, &found->content, &data);
        item->state = direction > 0 ? "left data" : direction < 0 ? "lost data" : "differs";
        df_buf_str_add(&text, df_buf_str(&data));
        df_buf_release(&data);
    }
    item->detail = df_arena_cstr(p->arena, df_buf_str(&text));
    df_buf_release(&text);
    return DF_OK;
}

static void put_error(prover *p, df_migrate_proof_item *item, const char *state, const df_error *err)
{
    item->state = state;
    item->detail = df_arena_printf(p->arena, "%s", err->message);
}

typedef struct schemas {
    look before, applied, after_down, again;
} schemas;

/* Up is done; down and up again, with the schema looked at around both. */
static df_code prove_down(prover *p, size_t i, schemas *s, df_migrate_proof_item *item, bool *go_on, df_error *err)
{
    df_error mine = {0};
    bool same;
    df_code code = run(p, i, DF_DOWN, NULL, &mine);
    if (code == DF_CANCELLED) return *err = mine, code;
    if (code != DF_OK) {
        put_error(p, item, "down failed", &mine);
        /* In one transaction nothing of it is left; else only a new database is certain. */
        DF_TRY(take(p, &s->again, err));
        return same_look(&s->again, &s->applied) ? DF_OK : go_on_anew(p, i + 1, item, go_on, err);
    }
    DF_TRY(take(p, &s->after_down, err));
    DF_TRY(compare(p, &s->before, &s->after_down, "after the down", item, &same, err));
    code = run(p, i, DF_UP, &taken_back, &mine);
    if (code == DF_CANCELLED) return *err = mine, code;
    if (code != DF_OK) {
        if (same) put_error(p, item, "up again failed", &mine);
        return go_on_anew(p, i + 1, item, go_on, err);
    }
    DF_TRY(take(p, &s->again, err));
    if (!same) /* what the down lost is not there for those that follow */
        return same_look(&s->again, &s->applied) ? DF_OK : go_on_anew(p, i + 1, item, go_on, err);
    DF_TRY(compare(p, &s->applied, &s->again, "after up, down and up", item, &same, err));
    if (!same) return go_on_anew(p, i + 1, item, go_on, err);
    item->state = "proved";
    return DF_OK;
}

static df_code prove_one(prover *p, size_t i, schemas *s, df_migrate_proof_item *item, bool *go_on, df_error *err)
{
    df_error mine = {0};
    df_migration *migration = &p->scratch->set->items[i];
    item->id = df_arena_cstr(p->arena, migration->id);
    item->file = df_arena_cstr(p->arena, migration->file);
    const char *passed_over = NULL;
    DF_TRY(choose(p, i, &passed_over, err));
    if (passed_over) {
        item->state = "passed over";
        item->detail = passed_over;
        return DF_OK;
    }
    df_code code = run(p, i, DF_UP, NULL, &mine);
    if (code == DF_CANCELLED) return *err = mine, code;
    if (code != DF_OK) {
        put_error(p, item, "up failed", &mine);
        *go_on = false;
        return DF_OK;
    }
    if (!migration->down.present) {
        item->state = "no down";
        return DF_OK;
    }
    DF_TRY(take(p, &s->applied, err));
    return prove_down(p, i, s, item, go_on, err);
}

static void count_item(df_migrate_proof *out, const df_migrate_proof_item *item)
{
    if (strcmp(item->state, "proved") == 0) out->proved++;
    else if (strcmp(item->state, "no down") == 0) out->without_down++;
    else if (strcmp(item->state, "passed over") != 0) out->broken++;
}

static df_code prove_all(prover *p, const char *target, df_error *err)
{
    schemas s = {0};
    df_migration *last = NULL;
    bool go_on = true;
    df_code code = target ? df_migration_find(p->scratch->set, df_str_from(target), &last, err) : DF_OK;
    if (code == DF_OK && target && !last) code = df_fail(err, DF_NOT_FOUND, "no migration is called %s", target);
    size_t count = last ? last->position + 1 : p->scratch->set->count;
    p->out->items = df_arena_zalloc(p->arena, (count + 1) * sizeof *p->out->items);
    if (code == DF_OK) code = take(p, &s.before, err);
    p->empty = code == DF_OK && nothing_there(&s.before);
    for (size_t i = 0; code == DF_OK && go_on && i < count; i++) {
        df_migrate_proof_item *item = &p->out->items[p->out->count++];
        code = df_check_cancelled(p->m->config.observer, err);
        if (code == DF_OK) code = prove_one(p, i, &s, item, &go_on, err);
        if (code != DF_OK) break;
        count_item(p->out, item);
        df_report_progress(p->m->config.observer, "migrations", "verify", (int64_t)i + 1, (int64_t)count);
        df_log(p->m->config.observer, DF_LOG_INFO, "verify %s: %s%s%s", item->id, item->state, item->detail ? ": " : "",
               item->detail ? item->detail : "");
        if (go_on) code = take(p, &s.before, err);
    }
    release_look(&s.before);
    release_look(&s.applied);
    release_look(&s.after_down);
    release_look(&s.again);
    return code;
}

df_code df_migrate_verify(df_migrate *m, const char *scratch_url, const char *target, df_migrate_proof *out, df_error *err)
{
    df_error dropped = {0};
    prover p = {.m = m, .arena = job_report(m, REPORT_PROOF), .out = out};
    *out = (df_migrate_proof){.scratch = scratch_url ? "given" : ""};
    DF_TRY(job_files(m, err));
    if (m->config.database_url || !scratch_url) DF_TRY(job_connect(m, false, err));
    df_code code = scratch_url ? DF_OK : stay_inside(&p, target, false, err);
    if (code == DF_OK) code = make_scratch(&p, scratch_url, err);
    if (code == DF_OK && scratch_url && same_server(&p)) code = stay_inside(&p, target, true, err);
    if (code == DF_OK) code = prove_all(&p, target, err);
    df_code end = drop_scratch(&p, &dropped);
    if (end != DF_OK) df_log(m->config.observer, DF_LOG_WARNING, "the scratch database stays: %s", dropped.message);
    job_outside_close(&p.outside);
    if (code != DF_OK || !out->broken) return code;
    df_fail(err, DF_MISMATCH, "%zu of %zu migrations cannot be taken back as they say", out->broken, out->count);
    df_error_hint(err, "each is named with what its down section leaves, loses or fails at");
    return DF_MISMATCH;
}
