/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a section's statements into units. Pure: what an engine can is handed in. */
#include "safety/execution/execution_int.h"

typedef struct unit_maker {
    const df_sql_dialect *dialect;
    const df_section *section;
    const df_steps *steps;
    df_arena *arena;
    df_units *out;
    size_t cap;
} unit_maker;

static bool has(const df_step *step, uint32_t flag)
{
    return (step->facts.flags & flag) != 0;
}

static void add(unit_maker *m, df_unit_mode mode, size_t first, size_t count)
{
    df_units *out = m->out;
    if (out->count == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 8;
        df_unit *items = df_arena_alloc(m->arena, cap * sizeof *items);
        if (out->count) memcpy(items, out->items, out->count * sizeof *items);
        out->items = items;
        m->cap = cap;
    }
    out->items[out->count++] = (df_unit){.mode = mode, .first = first, .count = count};
}

static df_code fail_at(const unit_maker *m, size_t step, df_error *err, const char *what, const char *hint)
{
    const df_sql_statement *s = &m->steps->items[step].statement;
    df_fail(err, DF_CORRUPT, "statement %d: %s", (int)s->number, what);
    df_error_at(err, m->section->path, s->line);
    if (err) err->statement = s->number;
    df_error_hint(err, "%s", hint);
    return DF_CORRUPT;
}

/* Whether a later statement uses a label that this ALTER TYPE … ADD VALUE adds: then a commit must lie between. */
static bool label_is_used(const unit_maker *m, size_t at)
{
    df_str label = m->steps->items[at].facts.value;
    if (!label.len) return false;
    for (size_t i = at + 1; i < m->steps->count; i++) {
        const df_step *later = &m->steps->items[i];
        if (has(later, DF_SQL_ADD_VALUE)) continue;
        if (memmem(later->statement.text.ptr, later->statement.text.len, label.ptr, label.len)) return true;
    }
    return false;
}

/* Why the section is no single transaction; NULL when it can be one. */
static const char *why_not_whole(const unit_maker *m)
{
    if (m->dialect->ddl_commits) return "this engine commits every change of the schema at once";
    if (m->section->no_transaction) return "the file asks to run outside of a transaction";
    for (size_t i = m->out->hoisted; i < m->steps->count - m->out->lowered; i++) {
        const df_step *step = &m->steps->items[i];
        int number = step->statement.number;
        if (step->batch) return df_arena_printf(m->arena, "statement %d runs in batches", number);
        if (has(step, DF_SQL_NO_TRANSACTION))
            return df_arena_printf(m->arena, "%s (statement %d) cannot run in a transaction", step->facts.tag, number);
        if (has(step, DF_SQL_BEGIN | DF_SQL_COMMIT | DF_SQL_ROLLBACK))
            return df_arena_printf(m->arena, "the file has transactions of its own (statement %d)", number);
        if (has(step, DF_SQL_ADD_VALUE) && label_is_used(m, i))
            return df_arena_printf(m->arena, "the label that statement %d adds is used later, and can be only after a commit",
                                   number);
    }
    return NULL;
}

/*
 * PRAGMA foreign_keys at the beginning and at the end of a file (the rebuild of a table) does nothing inside a
 * transaction; around it, it does what its author meant. So are BEGIN and COMMIT around everything: they are ours then.
 */
static void find_frame(unit_maker *m)
{
    const df_steps *steps = m->steps;
    size_t first = 0, last = steps->count;
    while (first < last && steps->items[first].facts.cls == DF_SQL_SESSION && has(&steps->items[first], DF_SQL_NO_TRANSACTION))
        first++;
    while (last > first && steps->items[last - 1].facts.cls == DF_SQL_SESSION &&
           has(&steps->items[last - 1], DF_SQL_NO_TRANSACTION))
        last--;
    m->out->hoisted = first;
    m->out->lowered = steps->count - last;
}

/*
 * The only COMMIT is last, and the only BEGIN first or not there (some write a COMMIT alone, knowing that their tool has begun
 * a transaction): what lies between is the transaction that we make anyway. `*first` SIZE_MAX: there is no BEGIN.
 */
static bool framed_by_transaction(const unit_maker *m, size_t *first, size_t *last)
{
    const df_steps *steps = m->steps;
    size_t from = m->out->hoisted, to = steps->count - m->out->lowered;
    if (to <= from || !has(&steps->items[to - 1], DF_SQL_COMMIT)) return false;
    while (from < to && steps->items[from].facts.cls == DF_SQL_SESSION && !has(&steps->items[from], DF_SQL_BEGIN)) from++;
    bool begins = has(&steps->items[from], DF_SQL_BEGIN);
    for (size_t i = begins ? from + 1 : from; i < to - 1; i++) {
        if (has(&steps->items[i], DF_SQL_BEGIN | DF_SQL_COMMIT | DF_SQL_ROLLBACK | DF_SQL_NO_TRANSACTION)) return false;
        if (steps->items[i].batch || (has(&steps->items[i], DF_SQL_ADD_VALUE) && label_is_used(m, i))) return false;
    }
    *first = begins ? from : SIZE_MAX;
    *last = to - 1;
    return true;
}

static bool make_whole(unit_maker *m)
{
    size_t begin = SIZE_MAX, commit = SIZE_MAX;
    find_frame(m);
    bool framed = !m->dialect->ddl_commits && !m->section->no_transaction && framed_by_transaction(m, &begin, &commit);
    m->out->why = framed ? NULL : why_not_whole(m);
    if (m->out->why) return false;
    m->out->whole = true;
    size_t last = m->steps->count - m->out->lowered;
    size_t from = m->out->hoisted;
    if (m->out->hoisted) add(m, DF_UNIT_SESSION, 0, m->out->hoisted);
    if (framed) { /* without the file's own BEGIN and COMMIT */
        if (begin != SIZE_MAX && begin > from) add(m, DF_UNIT_TRANSACTION, from, begin - from);
        size_t inner = begin == SIZE_MAX ? from : begin + 1;
        if (commit > inner) add(m, DF_UNIT_TRANSACTION, inner, commit - inner);
    } else if (last > from) {
        add(m, DF_UNIT_TRANSACTION, from, last - from);
    }
    if (m->out->lowered) add(m, DF_UNIT_SESSION, last, m->out->lowered);
    return true;
}

static bool is_plain_commit(const df_step *step)
{
    return has(step, DF_SQL_COMMIT) && !has(step, DF_SQL_BEGIN | DF_SQL_ROLLBACK);
}

/*
 * Whether the step is a COMMIT in front of everything but settings. Its author knows that the tool has begun a transaction, and
 * ends it for what cannot run in one; the BEGIN behind that is the tool's to commit.
 */
static bool ends_the_tools(const unit_maker *m, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (m->steps->items[i].facts.cls != DF_SQL_SESSION) return false;
    return is_plain_commit(&m->steps->items[at]);
}

static bool gives_back(const unit_maker *m)
{
    size_t at = 0;
    while (at < m->steps->count && m->steps->items[at].facts.cls == DF_SQL_SESSION) at++;
    return at < m->steps->count && ends_the_tools(m, at);
}

/* From the step that begins a transaction to the one that ends it, which is left in `*ends`. */
static df_code take_transaction(unit_maker *m, size_t begin, size_t *ends, df_error *err)
{
    size_t end = begin + 1;
    const df_steps *steps = m->steps;
    for (; end < steps->count; end++) {
        const df_step *step = &steps->items[end];
        if (has(step, DF_SQL_COMMIT | DF_SQL_ROLLBACK)) break;
        if (has(step, DF_SQL_BEGIN))
            return fail_at(m, end, err, "a transaction begins inside a transaction", "end the first one before it");
        if (has(step, DF_SQL_NO_TRANSACTION))
            return fail_at(m, end, err, "it cannot run inside the transaction that the file opens",
                           "move it behind the COMMIT, or into a migration of its own");
        if (step->batch)
            return fail_at(m, end, err, "it runs in batches, each a transaction, and cannot stand inside one",
                           "move it behind the COMMIT");
    }
    bool open = end == steps->count;
    if (open && !gives_back(m))
        return fail_at(m, begin, err, "the transaction that begins here is never committed", "add COMMIT, or remove BEGIN");
    bool commits_itself = false; /* MariaDB: then the block is none, and each statement is on its own */
    for (size_t i = begin + 1; i < end; i++) commits_itself |= has(&steps->items[i], DF_SQL_IMPLICIT_COMMIT);
    if (commits_itself) {
        for (size_t i = begin + 1; i < end; i++)
            add(m, has(&steps->items[i], DF_SQL_IMPLICIT_COMMIT) ? DF_UNIT_ALONE : DF_UNIT_TRANSACTION, i, 1);
    } else if (end > begin + 1) {
        add(m, DF_UNIT_TRANSACTION, begin + 1, end - begin - 1);
        m->out->items[m->out->count - 1].roll_back = !open && has(&steps->items[end], DF_SQL_ROLLBACK);
    }
    *ends = open ? end - 1 : end;
    return DF_OK;
}

/* From BEGIN to its COMMIT or ROLLBACK, or to the last of those that COMMIT AND CHAIN begins; `*at` is left behind it. */
static df_code take_block(unit_maker *m, size_t *at, df_error *err)
{
    size_t end = *at;
    do DF_TRY(take_transaction(m, end, &end, err));
    while (has(&m->steps->items[end], DF_SQL_BEGIN) && end + 1 < m->steps->count);
    *at = end + 1;
    return DF_OK;
}

/*
 * MariaDB takes a COMMIT of nothing without a word, and scripts end with one as dumps do (SET autocommit = 0 in front): what
 * stands before it was committed statement by statement.
 */
static bool is_idle_commit(const unit_maker *m, const df_step *step)
{
    return m->dialect->ddl_commits && is_plain_commit(step);
}

static df_unit_mode mode_of(const unit_maker *m, const df_step *step)
{
    if (step->batch) return DF_UNIT_BATCHED;
    if (step->facts.cls == DF_SQL_SESSION || has(step, DF_SQL_TEMPORARY)) return DF_UNIT_SESSION;
    if (has(step, DF_SQL_NO_TRANSACTION | DF_SQL_IMPLICIT_COMMIT)) return DF_UNIT_ALONE;
    /* What it does is not in its text: the engine could commit half of it, or the routine commits by itself, which is
     * why the file wants no transaction. */
    bool call = strcmp(step->facts.tag, "CALL") == 0 && m->section->no_transaction;
    if (has(step, DF_SQL_DYNAMIC) && (call || m->dialect->ddl_commits)) return DF_UNIT_ALONE;
    return DF_UNIT_TRANSACTION;
}

static bool is_constraint(const df_step *step)
{
    return step->facts.object.kind && strcmp(step->facts.object.kind, "constraint") == 0;
}

/*
 * Changes of the schema go together if they only make or only drop: a name may not come and go in one transaction. One
 * constraint at most, since the server checks all that is there while it holds the label's lock until the commit.
 */
static bool shares_schema(const unit_maker *m, const df_unit *last, size_t at)
{
    const df_step *step = &m->steps->items[at], *before = &m->steps->items[last->first];
    bool constraint = is_constraint(step);
    size_t verb = strcspn(step->facts.tag, " ") + 1;
    if (step->facts.cls != DF_SQL_DDL || before->facts.cls != DF_SQL_DDL) return false;
    for (size_t i = last->first; constraint && i < at; i++) constraint = !is_constraint(&m->steps->items[i]);
    return constraint == is_constraint(step) && strncmp(step->facts.tag, before->facts.tag, verb) == 0;
}

static bool joins_last(const unit_maker *m, df_unit_mode mode, size_t at)
{
    if (!m->out->count) return false;
    const df_unit *last = &m->out->items[m->out->count - 1];
    if (last->mode != mode || last->first + last->count != at) return false;
    if (m->section->no_transaction) return false;
    if (m->dialect->ddl_commits) return mode == DF_UNIT_TRANSACTION && unit_takes_row(m->steps, last, at);
    if (!m->dialect->neighbours_share) return false;
    return mode == DF_UNIT_ALONE ? m->dialect->schema_apart && shares_schema(m, last, at)
                                 : mode == DF_UNIT_TRANSACTION && !last->roll_back;
}

df_code df_units_make(const df_sql_dialect *dialect, const df_section *section, const df_steps *steps, df_arena *arena,
                      df_units *out, df_error *err)
{
    unit_maker m = {dialect, section, steps, arena, out, 0};
    *out = (df_units){0};
    if (make_whole(&m)) return DF_OK;
    out->hoisted = out->lowered = 0;
    for (size_t at = 0; at < steps->count;) {
        const df_step *step = &steps->items[at];
        if (has(step, DF_SQL_BEGIN) && !has(step, DF_SQL_COMMIT | DF_SQL_ROLLBACK)) {
            DF_TRY(take_block(&m, &at, err));
            continue;
        }
        if (is_idle_commit(&m, step) || ends_the_tools(&m, at)) {
            at++;
            continue;
        }
        if (has(step, DF_SQL_COMMIT | DF_SQL_ROLLBACK))
            return fail_at(&m, at, err, "it ends a transaction that the file did not begin", "remove it, or add BEGIN");
        df_unit_mode mode = mode_of(&m, step);
        if (joins_last(&m, mode, at)) {
            out->items[out->count - 1].count++;
            out->items[out->count - 1].shared = dialect->ddl_commits;
        } else {
            add(&m, mode, at, 1);
        }
        at++;
    }
    return DF_OK;
}
