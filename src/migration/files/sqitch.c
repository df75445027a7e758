/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sqitch: the order stands in sqitch.plan, each change has a deploy, a revert and a verify script. A change
 * that is planned again behind a tag ("rework") is a migration of its own; the scripts of the earlier one are
 * kept as name@tag.sql.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct sqitch_tag {
    df_str name; /* "@v1.0" */
    size_t change;
} sqitch_tag;

typedef struct sqitch {
    mf_set *s;
    const char *plan; /* relative to the folder */
    df_str project;
    df_str extension;
    df_keymap newest; /* name → index of its last instance */
    df_keymap by_tag; /* "@v1" → index of the tagged change */
    size_t *earlier;  /* per change: the instance before it, or SIZE_MAX */
    size_t n_earlier, earlier_cap;
    sqitch_tag *tags;
    size_t n_tags, tags_cap;
    int64_t line;
} sqitch;

static df_hash128 hash_of(df_str s)
{
    return df_hash(s.ptr, s.len);
}

/* ---- settings ---- */

/* Of [core], or of the engine's own section. */
static df_str setting(mf_set *s, df_str conf, const char *key)
{
    const char *engine = s->set.dialect->family == DF_SQL_POSTGRES ? "engine \"pg\""
                         : s->set.dialect->family == DF_SQL_SQLITE ? "engine \"sqlite\""
                                                                   : "engine \"mysql\"";
    df_str value = mf_setting(conf, engine, key);
    return value.ptr ? value : mf_setting(conf, "core", key);
}

static df_str folder_of(mf_set *s, df_str conf, const char *key, const char *top, const char *name)
{
    df_str value = setting(s, conf, key);
    return value.ptr ? df_arena_str(&s->set.arena, value) : df_str_from(mf_join(&s->set.arena, top, name));
}

static df_code read_conf(sqitch *q, const mf_listing *listing, df_error *err)
{
    mf_set *s = q->s;
    df_str conf = {"", 0};
    for (size_t i = 0; i < listing->count; i++)
        if (df_str_is(listing->items[i].name, "sqitch.conf"))
            DF_TRY(mf_read_text(s, "sqitch.conf", &conf, err));
    df_str top = setting(s, conf, "top_dir"), plan = setting(s, conf, "plan_file"),
           extension = setting(s, conf, "extension");
    const char *folder = top.ptr ? df_arena_cstr(&s->set.arena, top) : ".";
    q->plan = plan.ptr ? df_arena_cstr(&s->set.arena, plan) : mf_join(&s->set.arena, folder, "sqitch.plan");
    q->extension = extension.ptr ? extension : DF_STR("sql");
    s->plan = q->plan;
    s->deploy = folder_of(s, conf, "deploy_dir", folder, "deploy");
    s->revert = folder_of(s, conf, "revert_dir", folder, "revert");
    s->verify = folder_of(s, conf, "verify_dir", folder, "verify");
    return DF_OK;
}

/* ---- dependencies ---- */

/* The instance of `name` that was there when `tag` was set. */
static size_t instance_at(sqitch *q, size_t instance, size_t tagged)
{
    while (instance != SIZE_MAX && instance > tagged) instance = q->earlier[instance];
    return instance;
}

/* "change", "change@tag", "@tag"; SIZE_MAX when nothing of the plan so far is meant. */
static size_t resolve(sqitch *q, df_str text)
{
    const char *at = memchr(text.ptr, '@', text.len);
    df_str name = at ? mf_cut(text, 0, (size_t)(at - text.ptr)) : text;
    df_str tag = at ? df_str_skip(text, name.len) : DF_STR_NONE;
    const int64_t *tagged = at ? df_keymap_get(&q->by_tag, hash_of(tag)) : NULL;
    if (at && !tagged && !df_str_is(tag, "@HEAD")) return SIZE_MAX;
    if (!name.len) return tagged ? (size_t)*tagged : SIZE_MAX;
    const int64_t *instance = df_keymap_get(&q->newest, hash_of(name));
    if (!instance) return SIZE_MAX;
    return tagged ? instance_at(q, (size_t)*instance, (size_t)*tagged) : (size_t)*instance;
}

static void add_dependency(sqitch *q, df_str text, df_str **list, size_t *count, size_t *cap)
{
    mf_set *s = q->s;
    const char *colon = memchr(text.ptr, ':', text.len);
    df_str project = colon ? mf_cut(text, 0, (size_t)(colon - text.ptr)) : DF_STR_NONE;
    if (colon) text = df_str_skip(text, project.len + 1);
    if (!text.len) return;
    if (project.len && !df_str_eq(project, q->project)) {
        mf_find(s, "other-project", false, q->plan, q->line, NULL,
                "needs %.*s of the project %.*s, which is not looked at here", DF_FMT(text), DF_FMT(project));
        return;
    }
    size_t found = resolve(q, text);
    DF_PUSH(*list, *count, *cap) = found == SIZE_MAX ? text : s->drafts[found].id;
}

static df_str *keep_list(df_arena *arena, df_str *list, size_t count)
{
    df_str *kept = df_arena_alloc(arena, count * sizeof *list + 1);
    if (count) memcpy(kept, list, count * sizeof *list);
    free(list);
    return kept;
}

/* "users !old other:change @v1" */
static void read_dependencies(sqitch *q, mf_draft *draft, df_str words)
{
    df_str word, *needs = NULL, *clashes = NULL;
    size_t n_needs = 0, n_clashes = 0, needs_cap = 0, clashes_cap = 0;
    while ((word = mf_word(&words)).len) {
        if (word.ptr[0] == '!')
            add_dependency(q, df_str_skip(word, 1), &clashes, &n_clashes, &clashes_cap);
        else
            add_dependency(q, word, &needs, &n_needs, &needs_cap);
    }
    draft->requires = keep_list(&q->s->set.arena, needs, n_needs);
    draft->conflicts = keep_list(&q->s->set.arena, clashes, n_clashes);
    draft->n_requires = n_needs;
    draft->n_conflicts = n_clashes;
}

/* ---- lines ---- */

static df_code fail(const sqitch *q, df_error *err, const char *what, df_str name)
{
    return mf_fail(err, DF_CORRUPT, mf_path(q->s, q->plan), q->line, "%s: %.*s", what, DF_FMT(name));
}

static df_code read_tag(sqitch *q, df_str line, df_error *err)
{
    mf_set *s = q->s;
    df_str rest = line, name = mf_word(&rest);
    if (name.len < 2) return fail(q, err, "a tag without a name", line);
    if (!s->n_drafts) return fail(q, err, "a tag in front of the first change", name);
    bool added;
    int64_t *at = df_keymap_put(&q->by_tag, hash_of(name), &added);
    if (!added) return fail(q, err, "the tag is there already", name);
    *at = (int64_t)s->n_drafts - 1;
    DF_PUSH(q->tags, q->n_tags, q->tags_cap) = (sqitch_tag){name, s->n_drafts - 1};
    mf_draft *draft = &s->drafts[s->n_drafts - 1];
    draft->tag = df_str_from(df_arena_printf(&s->set.arena, "%.*s%s%.*s", DF_FMT(draft->tag),
                                             draft->tag.len ? " " : "", DF_FMT(name)));
    return DF_OK;
}

static df_str id_of(sqitch *q, df_str name, size_t earlier)
{
    size_t instances = 1;
    for (; earlier != SIZE_MAX; earlier = q->earlier[earlier]) instances++;
    if (instances == 1) return name;
    return df_str_from(df_arena_printf(&q->s->set.arena, "%.*s#%zu", DF_FMT(name), instances));
}

/* Behind the dependencies: "2024-01-31T12:00:00Z Name <mail> # note" */
static void read_rest(mf_draft *draft, df_str rest)
{
    const char *hash = memchr(rest.ptr, '#', rest.len);
    if (hash) draft->note = mf_trim(df_str_skip(rest, (size_t)(hash + 1 - rest.ptr)));
    if (hash) rest = mf_cut(rest, 0, (size_t)(hash - rest.ptr));
    (void)mf_word(&rest); /* the time */
    rest = mf_trim(rest);
    if (rest.len) draft->author = rest;
}

static df_code read_change(sqitch *q, df_str line, df_error *err)
{
    mf_set *s = q->s;
    if (line.ptr[0] == '-')
        return mf_fail(err, DF_UNSUPPORTED, mf_path(s, q->plan), q->line,
                       "the plan takes a change back (%.*s)", DF_FMT(line));
    if (line.ptr[0] == '+') line = mf_trim(df_str_skip(line, 1));
    df_str rest = line, name = mf_word(&rest);
    if (!name.len || memchr(name.ptr, '@', name.len) || name.ptr[0] == '[')
        return fail(q, err, "this line is no pragma, change or tag", line);
    bool added;
    int64_t *newest = df_keymap_put(&q->newest, hash_of(name), &added);
    size_t earlier = added ? SIZE_MAX : (size_t)*newest;
    if (!added && (!q->n_tags || q->tags[q->n_tags - 1].change < earlier)) {
        df_code code = fail(q, err, "the change is there already, with no tag in between", name);
        df_error_hint(err, "set a tag first, then rework the change: sqitch tag …, sqitch rework %.*s",
                      DF_FMT(name));
        return code;
    }
    mf_draft *draft = mf_add(s);
    draft->id = id_of(q, name, earlier);
    draft->name = draft->version = draft->order = name;
    draft->fixed = true;
    rest = mf_trim(rest);
    const char *end = rest.len && rest.ptr[0] == '[' ? memchr(rest.ptr, ']', rest.len) : NULL;
    if (rest.len && rest.ptr[0] == '[' && !end)
        return fail(q, err, "the list of dependencies does not end", rest);
    if (end) read_dependencies(q, draft, mf_cut(rest, 1, (size_t)(end - rest.ptr)));
    read_rest(draft, end ? df_str_skip(rest, (size_t)(end + 1 - rest.ptr)) : rest);
    *df_keymap_put(&q->newest, hash_of(name), NULL) = (int64_t)s->n_drafts - 1;
    DF_PUSH(q->earlier, q->n_earlier, q->earlier_cap) = earlier;
    return DF_OK;
}

static df_code read_plan(sqitch *q, df_error *err)
{
    df_str text, line;
    DF_TRY(mf_read_text(q->s, q->plan, &text, err));
    while (mf_line(&text, &line)) {
        q->line++;
        line = mf_trim(line);
        if (!line.len || line.ptr[0] == '#') continue;
        if (line.ptr[0] == '%') {
            if (df_str_starts(line, DF_STR("%project="))) q->project = mf_trim(df_str_skip(line, 9));
        } else if (line.ptr[0] == '@') {
            DF_TRY(read_tag(q, line, err));
        } else {
            DF_TRY(read_change(q, line, err));
        }
    }
    return DF_OK;
}

/* ---- scripts ---- */

static const char *script(sqitch *q, df_str folder, df_str name, df_str tag)
{
    df_arena *arena = &q->s->set.arena;
    return mf_join(arena, folder.ptr,
                   df_arena_printf(arena, "%.*s%.*s.%.*s", DF_FMT(name), DF_FMT(tag), DF_FMT(q->extension)));
}

/* The tag under which the scripts of an instance were kept when the change was reworked: of those in between
 * the first that has scripts; absent for the newest instance. */
static df_str kept_under(sqitch *q, size_t change, size_t reworked)
{
    df_str first = DF_STR_NONE;
    size_t low = 0, high = q->n_tags;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (q->tags[middle].change < change)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < q->n_tags && q->tags[i].change < reworked; i++) {
        if (!first.ptr) first = q->tags[i].name;
        if (mf_exists(q->s->fd, script(q, q->s->deploy, q->s->drafts[change].name, q->tags[i].name)))
            return q->tags[i].name;
    }
    return first;
}

static void add_scripts(sqitch *q, size_t change, df_str tag)
{
    mf_set *s = q->s;
    mf_draft *draft = &s->drafts[change];
    const char *deploy = script(q, s->deploy, draft->name, tag),
               *revert = script(q, s->revert, draft->name, tag);
    const char *verify = script(q, s->verify, draft->name, tag);
    draft->file = df_str_from(deploy);
    mf_add_file(draft, MF_UP, deploy, false);
    if (mf_exists(s->fd, revert)) mf_add_file(draft, MF_DOWN, revert, false);
    if (mf_exists(s->fd, verify)) mf_add_file(draft, MF_VERIFY, verify, false);
    if (!mf_exists(s->fd, deploy))
        mf_find(s, "missing-file", true, deploy, 0, "restore the script, or take the change out of the plan",
                "the plan names %.*s, but its script %s is not there", DF_FMT(draft->name), deploy);
}

/* Scripts that nobody planned do not run. */
static df_code find_unplanned(sqitch *q, df_error *err)
{
    mf_set *s = q->s;
    mf_listing listing;
    if (!mf_exists(s->fd, s->deploy.ptr)) return DF_OK;
    DF_TRY(mf_list(s->fd, s->deploy.ptr, mf_path(s, s->deploy.ptr), &s->set.arena, &listing, err));
    for (size_t i = 0; i < listing.count; i++) {
        df_str name = listing.items[i].name;
        if (listing.items[i].folder || !df_str_ends(name, q->extension) || name.len < q->extension.len + 2)
            continue;
        name.len -= q->extension.len + 1;
        if (memchr(name.ptr, '@', name.len) || df_keymap_get(&q->newest, hash_of(name))) continue;
        mf_find(s, "ignored-file", false, mf_join(&s->set.arena, s->deploy.ptr, listing.items[i].name.ptr), 0,
                "plan it: sqitch add", "%.*s is not in the plan; it does not run", DF_FMT(name));
    }
    return DF_OK;
}

static df_code collect(sqitch *q, const mf_listing *listing, df_error *err)
{
    mf_set *s = q->s;
    DF_TRY(read_conf(q, listing, err));
    DF_TRY(read_plan(q, err));
    size_t *reworked = df_alloc((s->n_drafts + 1) * sizeof *reworked);
    for (size_t i = 0; i < s->n_drafts; i++) reworked[i] = SIZE_MAX;
    for (size_t i = 0; i < s->n_drafts; i++)
        if (q->earlier[i] != SIZE_MAX) reworked[q->earlier[i]] = i;
    for (size_t i = 0; i < s->n_drafts; i++)
        add_scripts(q, i, reworked[i] == SIZE_MAX ? DF_STR_NONE : kept_under(q, i, reworked[i]));
    free(reworked);
    return find_unplanned(q, err);
}

df_code mf_collect_sqitch(mf_set *s, const mf_listing *listing, df_error *err)
{
    sqitch q = {.s = s};
    df_code code = collect(&q, listing, err);
    df_keymap_release(&q.newest);
    df_keymap_release(&q.by_tag);
    free(q.earlier);
    free(q.tags);
    return code;
}
