/* SPDX-License-Identifier: Apache-2.0 */
/* What the open transaction has locked, rewritten, read and written: the difference from one look to the
 * next. */
#include "engine/postgres/private.h"

#include "base/hash.h"
#include "engine_postgres_observe.h"

#include <stdlib.h>

/* A relation as it was when it was looked at last. */
typedef struct relation {
    int64_t filenode, scanned, written, rank;
    df_str name;
    char kind;
    bool created; /* in this transaction */
} relation;

typedef struct pg_observer {
    df_observer_state base;
    df_arena names;
    df_keymap by_oid; /* places in `relations` */
    relation *relations;
    size_t count, cap;
    int64_t wal_begin;
} pg_observer;

/* One look in the making. */
typedef struct look {
    pg_observer *o;
    df_arena *arena;
    df_observation *out;
    size_t locks_cap, tables_cap;
} look;

static relation *find(pg_observer *o, int64_t oid, bool *added)
{
    int64_t *at = df_keymap_put(&o->by_oid, df_hash(&oid, sizeof oid), added);
    if (!*added) return &o->relations[*at];
    *at = (int64_t)o->count;
    relation *r = &DF_PUSH(o->relations, o->count, o->cap);
    *r = (relation){.rank = 0};
    return r;
}

/* The columns that both queries share, from values[0] = oid on. */
static void take_facts(pg_observer *o, relation *r, const df_value *values, bool added)
{
    r->kind = values[1].s.ptr[0];
    r->filenode = values[2].i;
    r->scanned = values[4].i;
    r->written = values[5].i;
    if (added) r->name = df_arena_str(&o->names, values[3].s);
}

static df_code note_relation(void *context, const df_row *row, df_error *err)
{
    (void)err;
    pg_observer *o = context;
    bool added;
    o->wal_begin = row->values[0].i;
    if (row->values[1].type == DF_NULL) return DF_OK;
    relation *r = find(o, row->values[1].i, &added);
    take_facts(o, r, row->values + 1, true);
    return DF_OK;
}

static const char *kind_name(char kind)
{
    switch (kind) {
    case 'r':
    case 'p': return "table";
    case 'i':
    case 'I': return "index";
    case 'S': return "sequence";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    default: return "relation";
    }
}

static df_str mode_name(int64_t rank)
{
    static const char *const names[] = {"",
                                        "AccessShareLock",
                                        "RowShareLock",
                                        "RowExclusiveLock",
                                        "ShareUpdateExclusiveLock",
                                        "ShareLock",
                                        "ShareRowExclusiveLock",
                                        "ExclusiveLock",
                                        "AccessExclusiveLock"};
    return df_str_from(names[rank > 0 && rank <= 8 ? rank : 0]);
}

/* Arrays in the caller's arena: the old one stays behind, so they grow by doubling. */
static void *more(df_arena *arena, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap) return items;
    size_t wanted = *cap ? *cap * 2 : 8;
    void *larger = df_arena_zalloc(arena, wanted * size);
    if (count) memcpy(larger, items, count * size);
    *cap = wanted;
    return larger;
}

static void add_lock(look *l, const relation *r, int64_t rank)
{
    df_observation *out = l->out;
    out->locks = more(l->arena, out->locks, out->n_locks, &l->locks_cap, sizeof *out->locks);
    out->locks[out->n_locks++] = (df_lock_seen){
        .relation = df_arena_str(l->arena, r->name),
        .kind = df_str_from(kind_name(r->kind)),
        .mode = mode_name(rank),
        .created = r->created,
    };
}

static void add_table(look *l, const relation *r, const df_value *now)
{
    df_table_seen seen = {
        .rewritten = !r->created && now[2].i != r->filenode,
        .scanned = now[4].i > r->scanned ? now[4].i - r->scanned : 0,
        .written = now[5].i > r->written ? now[5].i - r->written : 0,
    };
    if (!seen.rewritten && !seen.scanned && !seen.written) return;
    df_observation *out = l->out;
    seen.table = df_arena_str(l->arena, r->name);
    out->tables = more(l->arena, out->tables, out->n_tables, &l->tables_cap, sizeof *out->tables);
    out->tables[out->n_tables++] = seen;
}

static df_code compare_relation(void *context, const df_row *row, df_error *err)
{
    (void)err;
    look *l = context;
    const df_value *now = row->values + 2;
    bool added;
    l->out->wal_bytes = row->values[0].i - l->o->wal_begin;
    l->out->oldest_ms = row->values[1].d;
    if (now[0].type == DF_NULL) return DF_OK;
    bool gone = now[1].type == DF_NULL;
    relation *r = find(l->o, now[0].i, &added);
    if (added) r->created = true;
    if (added && !gone)
        take_facts(l->o, r, (df_value[6]){now[0], now[1], now[2], now[3], df_v_int(0), df_v_int(0)}, true);
    int64_t rank = now[6].i;
    if (rank > r->rank && r->name.ptr) add_lock(l, r, rank);
    r->rank = rank;
    if (gone) return DF_OK;
    if (r->kind == 'r' || r->kind == 'p' || r->kind == 'm') add_table(l, r, now);
    take_facts(l->o, r, now, false);
    return DF_OK;
}

static df_code observe(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                       df_error *err)
{
    int64_t ignored;
    look l = {.o = (pg_observer *)state, .arena = arena, .out = out};
    return pg_run(conn, SQL_observe, NULL, 0, compare_relation, &l, &ignored, err);
}

static void end(df_observer_state *state)
{
    pg_observer *o = (pg_observer *)state;
    df_arena_release(&o->names);
    df_keymap_release(&o->by_oid);
    free(o->relations);
    free(o);
}

df_code pg_observe_begin(df_conn *conn, df_observer_state **out, df_error *err)
{
    int64_t ignored;
    pg_observer *o = df_zalloc(sizeof *o);
    o->base = (df_observer_state){.observe = observe, .end = end};
    df_code code = pg_run(conn, SQL_observe_begin, NULL, 0, note_relation, o, &ignored, err);
    if (code == DF_OK) {
        *out = &o->base;
    } else {
        end(&o->base);
    }
    return code;
}
