/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planning: which checkpoints and commits reach which versions. Nothing is read here; what turned out to be
 * damaged while reading comes back as checkpoint->bad and `bad_commits`, and the plan is made again.
 */
#include "base/buf.h"
#include "base/error.h"
#include "delta/log/log.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct planner {
    const delta_log *log;
    int64_t *bad_commits; /* sorted */
    size_t n_bad;
    int64_t target; /* the version to reach */
    delta_plan *plan;
    delta_defects *defects;
} planner;

#define LL(x) (long long)(x)

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_bad_commit(const planner *p, int64_t version)
{
    return p->n_bad && bsearch(&version, p->bad_commits, p->n_bad, sizeof version, by_value);
}

/* Index of the first commit at or after `version`. */
static size_t commit_index(const delta_log *log, int64_t version)
{
    size_t low = 0, high = log->commits.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->commits.items[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last version that good commits without a gap reach after `base`. */
static int64_t reach(const planner *p, int64_t base)
{
    int64_t last = base;
    if (base >= p->target) return base;
    for (size_t i = commit_index(p->log, base + 1); i < p->log->commits.count && last < p->target; i++) {
        int64_t version = p->log->commits.items[i].version;
        if (version != last + 1 || is_bad_commit(p, version)) break;
        last = version;
    }
    return last;
}

static bool usable(const delta_checkpoint *c)
{
    return c->complete && !c->bad;
}

/* The smallest usable checkpoint in from..target, the best of its version; -1 when there is none. */
static int oldest_checkpoint(const planner *p, int64_t from)
{
    int found = -1;
    for (size_t i = 0; i < p->log->n_checkpoints; i++) {
        const delta_checkpoint *c = &p->log->checkpoints[i];
        if (c->version < from || c->version > p->target || !usable(c)) continue;
        if (found >= 0 && p->log->checkpoints[found].version != c->version) break;
        found = (int)i;
    }
    return found;
}

static int newest_checkpoint(const planner *p)
{
    for (size_t i = p->log->n_checkpoints; i-- > 0;)
        if (p->log->checkpoints[i].version <= p->target && usable(&p->log->checkpoints[i])) return (int)i;
    return -1;
}

static void push_segment(planner *p, int checkpoint)
{
    int64_t base = checkpoint < 0 ? -1 : p->log->checkpoints[checkpoint].version;
    delta_segment segment = {.checkpoint = checkpoint, .base_version = base, .last = reach(p, base)};
    DF_PUSH(p->plan->segments, p->plan->count, p->plan->cap) = segment;
}

/* ---- what is said of the way around ---- */

/* A text that lives as long as the defects. */
#define TEXT(p, ...) df_arena_printf(&(p)->defects->arena, __VA_ARGS__)

/* What is done about the versions between segment `i` and the one before it. */
static const char *gap_fallback(const planner *p, size_t i)
{
    int64_t lost = p->plan->segments[i - 1].last + 1, base = p->plan->segments[i].base_version;
    if (lost == base) return TEXT(p, "the state at %lld is taken from its checkpoint", LL(base));
    if (lost == base - 1)
        return TEXT(p, "the state goes on from checkpoint %lld; version %lld cannot be reconstructed",
                    LL(base), LL(lost));
    return TEXT(p, "the state goes on from checkpoint %lld; versions %lld to %lld cannot be reconstructed",
                LL(base), LL(lost), LL(base - 1));
}

/* What gives the state at the checkpoint's version in this plan. */
static const char *way_around(const planner *p, const delta_checkpoint *c)
{
    for (size_t i = 0; i < p->plan->count; i++) {
        const delta_segment *s = &p->plan->segments[i];
        if (c->version > s->last) continue;
        if (s->checkpoint >= 0 && s->base_version == c->version)
            return TEXT(p, "%s, a checkpoint of the same version, is read instead",
                        p->log->checkpoints[s->checkpoint].parts.items[0].name);
        if (s->base_version < 0) return "the JSON commits from 0 on are read instead";
        if (s->base_version < c->version)
            return TEXT(p, "checkpoint %lld and the JSON commits after it are read instead",
                        LL(s->base_version));
        if (i == 0)
            return TEXT(p, "the state starts at checkpoint %lld; older versions cannot be reconstructed",
                        LL(s->base_version));
        return gap_fallback(p, i);
    }
    return "";
}

static void set_fallback(delta_defects *defects, delta_defect_kind kind, int64_t version,
                         const char *fallback)
{
    for (size_t i = 0; i < defects->count; i++)
        if (defects->items[i].kind == kind && defects->items[i].version == version)
            defects->items[i].fallback = fallback;
}

static void name_incomplete(const planner *p, const delta_checkpoint *c)
{
    delta_defect *d =
        delta_defects_add(p->defects, DELTA_DEFECT_INCOMPLETE_CHECKPOINT, c->parts.items[0].name, 0,
                          "only %zu of its %lld parts are there", c->parts.count, LL(c->expected_parts));
    d->version = c->version;
    d->fallback = way_around(p, c);
}

static void name_bad(const planner *p, const delta_checkpoint *c)
{
    /* The reader has said what is wrong; only a caller who set `bad` himself has not. */
    bool named = false;
    for (size_t i = 0; i < p->defects->count; i++) {
        const delta_defect *d = &p->defects->items[i];
        named |= d->version == c->version &&
                 (d->kind == DELTA_DEFECT_BAD_CHECKPOINT || d->kind == DELTA_DEFECT_MISSING_SIDECAR);
    }
    if (!named)
        delta_defects_add(p->defects, DELTA_DEFECT_BAD_CHECKPOINT, c->parts.items[0].name, 0,
                          "it cannot be read")
            ->version = c->version;
    const char *fallback = way_around(p, c);
    set_fallback(p->defects, DELTA_DEFECT_BAD_CHECKPOINT, c->version, fallback);
    set_fallback(p->defects, DELTA_DEFECT_MISSING_SIDECAR, c->version, fallback);
}

/* Names the checkpoints that were passed over, from version `from` on. */
static void name_checkpoints(const planner *p, int64_t from)
{
    for (size_t i = 0; i < p->log->n_checkpoints; i++) {
        const delta_checkpoint *c = &p->log->checkpoints[i];
        if (c->version < from || c->version > p->target) continue;
        if (!c->complete)
            name_incomplete(p, c);
        else if (c->bad)
            name_bad(p, c);
    }
}

static void name_gap(const planner *p, int64_t first, int64_t last, const char *fallback)
{
    delta_defect *d;
    if (first == last)
        d = delta_defects_add(p->defects, DELTA_DEFECT_GAP, NULL, 0, "commit %lld is missing", LL(first));
    else
        d = delta_defects_add(p->defects, DELTA_DEFECT_GAP, NULL, 0, "commits %lld to %lld are missing",
                              LL(first), LL(last));
    d->version = first;
    d->fallback = fallback;
}

/* Names every run of missing commits, and every bad commit, in from..to. */
static void name_gaps(const planner *p, int64_t from, int64_t to, const char *fallback)
{
    int64_t next = from;
    for (size_t i = commit_index(p->log, from); i < p->log->commits.count; i++) {
        int64_t version = p->log->commits.items[i].version;
        if (version > to) break;
        if (version > next) name_gap(p, next, version - 1, fallback);
        if (is_bad_commit(p, version)) set_fallback(p->defects, DELTA_DEFECT_BAD_COMMIT, version, fallback);
        if (version == INT64_MAX) return;
        next = version + 1;
    }
    if (next <= to) name_gap(p, next, to, fallback);
}

/* The stretches between the segments, and in what is left of the commits before the first base. */
static void name_all_gaps(const planner *p)
{
    const delta_segment *first = &p->plan->segments[0];
    if (first->base_version >= 0 && p->log->commits.count) {
        int64_t oldest = p->log->commits.items[0].version;
        /* A log that was cleaned up begins anywhere, but has no holes. */
        if (oldest <= first->base_version)
            name_gaps(p, oldest, first->base_version,
                      TEXT(p, "the state starts at checkpoint %lld; older versions cannot be reconstructed",
                           LL(first->base_version)));
    }
    for (size_t i = 1; i < p->plan->count; i++)
        name_gaps(p, p->plan->segments[i - 1].last + 1, p->plan->segments[i].base_version,
                  gap_fallback(p, i));
}

/* ---- planning ---- */

/* The commits end at `stop` - 1, and no checkpoint leads further. */
static df_code cannot_reach(const planner *p, int64_t stop, df_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "%020lld.json", LL(stop));
    if (is_bad_commit(p, stop))
        df_fail(err, DF_CORRUPT,
                "commit %lld cannot be read, and no usable checkpoint stands at or after it: "
                "version %lld cannot be reached",
                LL(stop), LL(p->target));
    else
        df_fail(err, DF_CORRUPT,
                "missing commit %lld: there is no %s, and no usable checkpoint at or after it: "
                "version %lld cannot be reached",
                LL(stop), name, LL(p->target));
    df_buf path = {0};
    df_buf_printf(&path, "%s/%s", p->log->directory, name);
    df_error_at(err, df_buf_cstr(&path), 0);
    df_buf_release(&path);
    if (stop > 0)
        df_error_hint(err,
                      "put %s back from a copy of the log; or read an older version: %lld is the newest "
                      "before the damage",
                      name, LL(stop - 1));
    else
        df_error_hint(err, "put %s, or a checkpoint, back from a copy of the log", name);
    return DF_CORRUPT;
}

/* Without commit 0, versions before the oldest checkpoint are gone, which is what log cleanup does. */
static df_code cleaned_up(const planner *p, df_error *err)
{
    planner whole = *p;
    whole.target = INT64_MAX;
    int first = oldest_checkpoint(&whole, 0);
    if (first < 0) return cannot_reach(p, 0, err);
    int64_t oldest = p->log->checkpoints[first].version;
    df_fail(err, DF_NOT_FOUND,
            "version %lld cannot be reconstructed: the log's oldest usable checkpoint is %lld", LL(p->target),
            LL(oldest));
    df_error_at(err, p->log->directory, 0);
    df_error_hint(err, "ask for version %lld or later", LL(oldest));
    return DF_NOT_FOUND;
}

/* Both: whether the target is reached; when not, *stop is the first version that cannot be read. */
static bool plan_latest(planner *p, int64_t *stop)
{
    push_segment(p, newest_checkpoint(p));
    int64_t last = p->plan->segments[0].last;
    *stop = last + 1;
    return last == p->target;
}

static bool plan_history(planner *p, int64_t *stop)
{
    bool from_zero = p->log->commits.count && p->log->commits.items[0].version == 0 && !is_bad_commit(p, 0);
    int base = from_zero ? -1 : oldest_checkpoint(p, 0);
    *stop = 0;
    if (!from_zero && base < 0) return false;
    for (;;) {
        push_segment(p, base);
        int64_t last = p->plan->segments[p->plan->count - 1].last;
        if (last == p->target) return true;
        *stop = last + 1;
        base = oldest_checkpoint(p, last + 1);
        if (base < 0) return false;
    }
}

static df_code set_target(planner *p, int64_t up_to, df_error *err)
{
    int64_t newest = delta_log_newest(p->log);
    p->target = newest;
    if (up_to < 0 || up_to == newest) return newest >= 0 ? DF_OK : cannot_reach(p, 0, err);
    if (up_to > newest) {
        df_fail(err, DF_NOT_FOUND, "version %lld does not exist: the newest is %lld", LL(up_to), LL(newest));
        df_error_at(err, p->log->directory, 0);
        return DF_NOT_FOUND;
    }
    p->target = up_to;
    return DF_OK;
}

df_code delta_log_plan(const delta_log *log, const delta_plan_options *options, const int64_t *bad_commits,
                       size_t n_bad_commits, delta_plan *out, delta_defects *defects, df_error *err)
{
    delta_plan plan = {0};
    planner p = {.log = log, .n_bad = n_bad_commits, .plan = &plan, .defects = defects};
    DF_TRY(set_target(&p, options->up_to, err));
    if (p.n_bad) {
        p.bad_commits = df_alloc(p.n_bad * sizeof *p.bad_commits);
        memcpy(p.bad_commits, bad_commits, p.n_bad * sizeof *p.bad_commits);
        qsort(p.bad_commits, p.n_bad, sizeof *p.bad_commits, by_value);
    }
    int64_t stop;
    bool reached = options->latest_only ? plan_latest(&p, &stop) : plan_history(&p, &stop);
    df_code code = DF_OK;
    if (reached) {
        plan.version = p.target;
        int64_t from = options->latest_only ? plan.segments[0].base_version : 0;
        name_checkpoints(&p, from);
        if (!options->latest_only) name_all_gaps(&p);
        *out = plan;
    } else {
        plan.count = 0; /* nothing was a way around */
        name_checkpoints(&p, 0);
        code = stop == 0 ? cleaned_up(&p, err) : cannot_reach(&p, stop, err);
        delta_plan_release(&plan);
    }
    free(p.bad_commits);
    return code;
}

void delta_plan_release(delta_plan *plan)
{
    free(plan->segments);
    *plan = (delta_plan){0};
}
