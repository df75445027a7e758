/* SPDX-License-Identifier: Apache-2.0 */
/* Making a new migration, as the folder has them. */
#include "migration/files/files_int.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct maker {
    const df_new_options *options;
    mf_set *s;
    df_arena *arena;
    df_str slug, version, gap; /* gap: what stands between version and name */
    const char *label;         /* the name for people, without a folder in front of it */
    const char *scope;         /* the environment's folder it goes into; "" where there are none */
    const char *ending;        /* ".sql", ".cypher", ".cql" */
    bool pair;                 /* SQLX: two files */
    const char *made[4];       /* for taking them back after a failure; folders last */
    size_t n_made;
    const char *first;
} maker;

/* ---- names ---- */

/* "Add notifications!" → add_notifications */
static df_str slug_of(df_arena *arena, const char *name)
{
    char *out = df_arena_alloc(arena, strlen(name) + 1);
    size_t n = 0;
    for (const char *p = name; *p; p++) {
        bool letter = mf_is_letter(*p) || mf_is_digit(*p) || (unsigned char)*p >= 0x80;
        if (letter)
            out[n++] = mf_lower(*p);
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n && out[n - 1] == '_') n--;
    out[n] = '\0';
    return (df_str){out, n};
}

/* add_notifications → AddNotifications */
static df_str camel_of(df_arena *arena, df_str slug)
{
    char *out = df_arena_alloc(arena, slug.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < slug.len; i++) {
        bool begins = i == 0 || slug.ptr[i - 1] == '_';
        if (slug.ptr[i] == '_') continue;
        out[n++] =
            begins && slug.ptr[i] >= 'a' && slug.ptr[i] <= 'z' ? (char)(slug.ptr[i] - 32) : slug.ptr[i];
    }
    out[n] = '\0';
    return (df_str){out, n};
}

static const mf_draft *newest_of(const mf_set *s)
{
    for (size_t i = s->n_drafts; i-- > 0;)
        if (s->drafts[i].kind == DF_VERSIONED || s->drafts[i].order.ptr) return &s->drafts[i];
    return NULL;
}

static bool is_v_name(df_layout layout)
{
    return layout == DF_LAYOUT_FLYWAY || layout == DF_LAYOUT_NEO4J_MIGRATIONS;
}

/* The version as it stands in the name V1_10__x: 1_10. */
static df_str version_as_written(const maker *m, const mf_draft *newest)
{
    if (!newest) return DF_STR_NONE;
    if (!is_v_name(m->s->set.layout)) return newest->version;
    return mf_cut(mf_base(newest->id), 1, 1 + newest->version.len);
}

static const char *author_of(const maker *m)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;
    if (m->options->author && m->options->author[0]) return m->options->author;
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found) {
        df_str name = df_str_from(entry.pw_gecos);
        const char *comma = name.len ? memchr(name.ptr, ',', name.len) : NULL;
        if (comma) name.len = (size_t)(comma - name.ptr);
        return df_arena_cstr(m->arena, name.len ? name : df_str_from(entry.pw_name));
    }
    const char *user = getenv("USER");
    return user && *user ? user : "unknown";
}

/* ---- files ---- */

static df_code conflict(maker *m, const char *path, df_error *err)
{
    df_fail(err, DF_CONFLICT, "%s is there already", mf_path(m->s, path));
    df_error_at(err, mf_path(m->s, path), 0);
    return DF_CONFLICT;
}

static df_code write_all(int fd, df_str text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR) return DF_IO;
        if (n > 0) text = df_str_skip(text, (size_t)n);
    }
    return DF_OK;
}

static df_code create(maker *m, const char *path, const df_buf *text, df_error *err)
{
    int fd = openat(m->s->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST) return conflict(m, path, err);
    if (fd < 0) return df_fail_errno(err, errno, mf_path(m->s, path), "create");
    m->made[m->n_made++] = path;
    df_code code = write_all(fd, df_buf_str(text));
    int failed = errno;
    if (close(fd) != 0 && code == DF_OK) {
        code = DF_IO;
        failed = errno;
    }
    if (code != DF_OK) return df_fail_errno(err, failed, mf_path(m->s, path), "write");
    if (!m->first) m->first = mf_path(m->s, path);
    return DF_OK;
}

static df_code create_folder(maker *m, const char *path, df_error *err)
{
    if (mkdirat(m->s->fd, path, 0777) == 0) {
        m->made[m->n_made++] = path;
        return DF_OK;
    }
    if (errno == EEXIST) return conflict(m, path, err);
    return df_fail_errno(err, errno, mf_path(m->s, path), "create");
}

static void take_back(maker *m)
{
    while (m->n_made) {
        const char *path = m->made[--m->n_made];
        if (unlinkat(m->s->fd, path, 0) != 0) unlinkat(m->s->fd, path, AT_REMOVEDIR);
    }
}

/* ---- what stands in them ---- */

static void put_member(df_buf *out, const char *mark, const char *name, const char *text, bool last)
{
    df_buf_printf(out, "%s   \"%s\": ", mark, name);
    df_json_put_str(out, df_str_from(text));
    df_buf_text(out, last ? "\n" : ",\n");
}

/* 2025-10-15_143022 → 2025.10.15.143022, as the block header has it. */
static void put_dotted(df_str version, df_buf *out)
{
    for (size_t i = 0; i < version.len; i++)
        df_buf_char(out, version.ptr[i] == '-' || version.ptr[i] == '_' ? '.' : version.ptr[i]);
}

/* A text inside of a block comment: it must not end it, and stays on its line. */
static void put_plain(const char *text, df_buf *out)
{
    for (const char *p = text; *p; p++) {
        bool ends = p[0] == '*' && p[1] == '/';
        df_buf_char(out, ends || (unsigned char)*p < ' ' ? ' ' : *p);
    }
}

/* The header that pairs in Cypher have. */
static void put_block(const maker *m, bool up, df_buf *out)
{
    df_buf_text(out, up ? "/*\n * Migration: " : "/*\n * Rollback Migration: ");
    put_plain(m->label, out);
    df_buf_text(out, "\n * Version: ");
    put_dotted(m->version, out);
    if (up) {
        df_buf_text(out, "\n * Author: ");
        put_plain(author_of(m), out);
        df_buf_text(out, "\n * Ticket:\n *\n * Description:\n * ");
        put_plain(m->label, out);
        df_buf_printf(out, "\n *\n * Dependencies:\n * - None\n *\n * Rollback: See %.*s%.*s%.*s.down%s",
                      DF_FMT(m->version), DF_FMT(m->gap), DF_FMT(m->slug), m->ending);
    }
    df_buf_text(out, "\n */\n\n");
}

static bool has_block(const maker *m)
{
    const df_new_options *o = m->options;
    return m->s->set.layout == DF_LAYOUT_PAIRS && m->s->set.dialect->family == DF_SQL_CYPHER &&
           !o->breaking && o->risk <= DF_RISK_LOW;
}

static void put_header(const maker *m, df_buf *out)
{
    const df_new_options *o = m->options;
    df_layout layout = m->s->set.layout;
    const char *mark = m->s->set.dialect->comment;
    bool always = layout == DF_LAYOUT_NATIVE || layout == DF_LAYOUT_PAIRS;
    if (has_block(m)) {
        put_block(m, true, out);
        return;
    }
    if (!always && !o->breaking && o->risk <= DF_RISK_LOW) return;
    df_buf_printf(out, "%s @metadata {\n", mark);
    put_member(out, mark, "author", author_of(m), false);
    put_member(out, mark, "description", m->label, false);
    put_member(out, mark, "risk", df_risk_name(o->risk ? o->risk : DF_RISK_LOW), false);
    df_buf_printf(out, "%s   \"breakingChange\": %s,\n", mark, o->breaking ? "true" : "false");
    df_buf_printf(out, "%s   \"dependencies\": [],\n%s   \"tags\": []\n%s }\n\n", mark, mark, mark);
}

/* The marks of a file with both directions. */
static void put_frame(const maker *m, df_buf *out)
{
    static const struct {
        df_layout layout;
        const char *up, *down;
    } frames[] = {{DF_LAYOUT_NATIVE, "UP", "DOWN"},
                  {DF_LAYOUT_GOOSE, "+goose Up", "+goose Down"},
                  {DF_LAYOUT_DBMATE, "migrate:up", "migrate:down"},
                  {DF_LAYOUT_SQL_MIGRATE, "+migrate Up", "+migrate Down"},
                  {DF_LAYOUT_EVOLUTIONS, "!Ups", "!Downs"},
                  {DF_LAYOUT_SHMIG, "==== UP ====", "==== DOWN ===="},
                  {DF_LAYOUT_RAMBLER, "rambler up", "rambler down"},
                  {DF_LAYOUT_NODE_PG, "Up Migration", "Down Migration"}};
    const char *mark = m->s->set.dialect->comment;
    df_layout layout = m->s->set.layout;
    if (layout == DF_LAYOUT_TERN) df_buf_text(out, "\n\n---- create above / drop below ----\n\n");
    if (layout == DF_LAYOUT_MYBATIS) df_buf_printf(out, "-- // %s\n\n\n-- //@UNDO\n\n", m->label);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        if (frames[i].layout == layout)
            df_buf_printf(out, "%s %s\n\n\n%s %s\n\n", mark, frames[i].up, mark, frames[i].down);
}

static df_code create_up(maker *m, const char *path, df_error *err)
{
    df_buf text = {0};
    put_header(m, &text);
    put_frame(m, &text);
    df_code code = create(m, path, &text, err);
    df_buf_release(&text);
    return code;
}

static df_code create_text(maker *m, const char *path, const char *content, df_error *err)
{
    df_buf text = {0};
    df_buf_text(&text, content);
    df_code code = create(m, path, &text, err);
    df_buf_release(&text);
    return code;
}

/* ---- by layout ---- */

static df_code make_single(maker *m, df_error *err)
{
    if (m->s->set.layout == DF_LAYOUT_EVOLUTIONS) /* a number alone is what Play looks for */
        return create_up(m, df_arena_printf(m->arena, "%.*s%s", DF_FMT(m->version), m->ending), err);
    const char *before = is_v_name(m->s->set.layout) ? "V" : "";
    const char *file = df_arena_printf(m->arena, "%s%.*s%.*s%.*s%s", before, DF_FMT(m->version),
                                       DF_FMT(m->gap), DF_FMT(m->slug), m->ending);
    return create_up(m, mf_join(m->arena, m->scope, file), err);
}

static df_code make_pair(maker *m, const char *stem, df_error *err)
{
    df_buf down = {0};
    const char *path = mf_join(m->arena, m->scope, stem);
    DF_TRY(create_up(m, df_arena_printf(m->arena, "%s.up%s", path, m->ending), err));
    if (has_block(m)) put_block(m, false, &down);
    df_code code = create(m, df_arena_printf(m->arena, "%s.down%s", path, m->ending), &down, err);
    df_buf_release(&down);
    return code;
}

/* ".postgres", ".mysql", ".sqlite3": as pop names them. */
static const char *kratos_dialect(const maker *m)
{
    const char *dialect = m->options->dialect;
    if (!dialect) return "";
    return strcmp(dialect, "sqlite") == 0    ? ".sqlite3"
           : strcmp(dialect, "mariadb") == 0 ? ".mysql"
                                             : ".postgres";
}

static df_code make_folder(maker *m, df_error *err)
{
    df_layout layout = m->s->set.layout;
    const df_sql_dialect *dialect = m->s->set.dialect;
    const char *folder = layout == DF_LAYOUT_TEMPORAL
                             ? df_arena_printf(m->arena, "v%.*s", DF_FMT(m->version))
                             : df_arena_printf(m->arena, "%.*s_%.*s", DF_FMT(m->version), DF_FMT(m->slug));
    DF_TRY(create_folder(m, folder, err));
    if (layout == DF_LAYOUT_PRISMA)
        return create_up(m, mf_join(m->arena, folder, mf_script(m->arena, "migration", dialect)), err);
    if (layout == DF_LAYOUT_DIESEL) {
        DF_TRY(create_up(m, mf_join(m->arena, folder, mf_script(m->arena, "up", dialect)), err));
        return create_text(m, mf_join(m->arena, folder, mf_script(m->arena, "down", dialect)), "", err);
    }
    const char *script = df_arena_printf(m->arena, "%.*s%s", DF_FMT(m->slug), m->ending);
    DF_TRY(create_up(m, mf_join(m->arena, folder, script), err));
    df_buf text = {0};
    df_json_writer w = {.out = &text, .indent = 2};
    df_json_begin(&w, NULL, '{');
    df_json_add_str(&w, "CurrVersion", m->version);
    df_json_add_text(&w, "MinCompatibleVersion", "1.0");
    df_json_add_text(&w, "Description", m->label);
    df_json_begin(&w, "SchemaUpdateCqlFiles", '[');
    df_json_add_text(&w, NULL, script);
    df_json_end(&w, ']');
    df_json_end(&w, '}');
    df_buf_char(&text, '\n');
    df_code code = create(m, mf_join(m->arena, folder, "manifest.json"), &text, err);
    df_buf_release(&text);
    return code;
}

/* One more line at the end of sqitch.plan. */
static df_code plan_change(maker *m, df_error *err)
{
    char time[40];
    df_time_format(df_now_ms(), time);
    const char *author = author_of(m), *mail = strchr(author, '<');
    char host[256] = "localhost";
    if (gethostname(host, sizeof host - 1) != 0) strcpy(host, "localhost");
    const char *planner = mail ? author
                               : df_arena_printf(m->arena, "%s <%s@%s>", author,
                                                 getenv("USER") ? getenv("USER") : "nobody", host);
    int fd = openat(m->s->fd, m->s->plan, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return df_fail_errno(err, errno, mf_path(m->s, m->s->plan), "open");
    const char *line =
        df_arena_printf(m->arena, "%.*s %.19sZ %s # %s\n", DF_FMT(m->slug), time, planner, m->label);
    df_code code = write_all(fd, df_str_from(line));
    int failed = errno;
    close(fd);
    return code == DF_OK ? DF_OK : df_fail_errno(err, failed, mf_path(m->s, m->s->plan), "write");
}

static df_code make_change(maker *m, df_error *err)
{
    static const char *const contents[] = {"BEGIN;\n\n\n\nCOMMIT;\n", "BEGIN;\n\n\n\nCOMMIT;\n",
                                           "BEGIN;\n\n\n\nROLLBACK;\n"};
    df_str folders[] = {m->s->deploy, m->s->revert, m->s->verify};
    const char *script = df_arena_printf(m->arena, "%.*s%s", DF_FMT(m->slug), m->ending);
    for (size_t i = 0; i < m->s->n_drafts; i++)
        if (df_str_eq(m->s->drafts[i].name, m->slug))
            return df_fail(err, DF_CONFLICT, "the plan has a change %.*s already", DF_FMT(m->slug));
    for (size_t i = 0; i < 3; i++) {
        if (mkdirat(m->s->fd, folders[i].ptr, 0777) != 0 && errno != EEXIST)
            return df_fail_errno(err, errno, mf_path(m->s, folders[i].ptr), "create");
        df_buf text = {0};
        if (i == 0) put_header(m, &text);
        df_buf_text(&text, contents[i]);
        df_code code = create(m, mf_join(m->arena, folders[i].ptr, script), &text, err);
        df_buf_release(&text);
        DF_TRY(code);
    }
    return plan_change(m, err);
}

/* One more changeset at the end of the last changelog. */
static df_code make_changeset(maker *m, df_error *err)
{
    const mf_draft *last = m->s->n_drafts ? &m->s->drafts[m->s->n_drafts - 1] : NULL;
    df_buf text = {0};
    df_str slug = m->slug;
    for (size_t i = 0; i < m->s->n_drafts; i++)
        if (df_str_eq(m->s->drafts[i].version, slug))
            return df_fail(err, DF_CONFLICT, "there is a changeset %.*s already", DF_FMT(slug));
    if (!last) df_buf_printf(&text, "--liquibase formatted %s\n", m->s->set.dialect->extension);
    df_buf_printf(&text, "\n--changeset \"%s\":%.*s\n--comment %s\n", author_of(m), DF_FMT(slug), m->label);
    const char *path = last ? last->files[0].path : df_arena_printf(m->arena, "changelog%s", m->ending);
    int fd = last ? openat(m->s->fd, path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    df_code code = DF_OK;
    if (!last) {
        code = create(m, path, &text, err);
    } else if (fd < 0 || write_all(fd, df_buf_str(&text)) != DF_OK) {
        code = df_fail_errno(err, errno, mf_path(m->s, path), "write");
    }
    if (fd >= 0) close(fd);
    df_buf_release(&text);
    if (last) m->first = mf_path(m->s, path);
    return code;
}

static df_code make(maker *m, df_error *err)
{
    switch (m->s->set.layout) {
    case DF_LAYOUT_DIESEL:
    case DF_LAYOUT_PRISMA:
    case DF_LAYOUT_TEMPORAL: return make_folder(m, err);
    case DF_LAYOUT_SQITCH: return make_change(m, err);
    case DF_LAYOUT_AUTHELIA:
        return make_pair(
            m,
            df_arena_printf(m->arena, "V%.*s.%.*s", DF_FMT(m->version), DF_FMT(camel_of(m->arena, m->slug))),
            err);
    case DF_LAYOUT_KRATOS:
        return make_pair(
            m,
            df_arena_printf(m->arena, "%.*s_%.*s%s", DF_FMT(m->version), DF_FMT(m->slug), kratos_dialect(m)),
            err);
    case DF_LAYOUT_PAIRS:
        return make_pair(m, df_arena_printf(m->arena, "%.*s_%.*s", DF_FMT(m->version), DF_FMT(m->slug)), err);
    case DF_LAYOUT_LIQUIBASE: return make_changeset(m, err);
    case DF_LAYOUT_SQLX:
        if (m->pair)
            return make_pair(m, df_arena_printf(m->arena, "%.*s_%.*s", DF_FMT(m->version), DF_FMT(m->slug)),
                             err);
        return make_single(m, err);
    default: return make_single(m, err);
    }
}

/* What stands between version and name: "_", or what the newest one has there. */
static df_str gap_of(df_layout layout, const mf_draft *newest)
{
    if (is_v_name(layout)) return DF_STR("__");
    bool dash = layout == DF_LAYOUT_SQL_MIGRATE || layout == DF_LAYOUT_SHMIG;
    if (!newest) return dash ? DF_STR("-") : DF_STR("_");
    if (layout != DF_LAYOUT_NATIVE && !dash) return DF_STR("_");
    df_str id = mf_base(newest->id);
    size_t at = newest->version.len, end = id.len - newest->name.len;
    df_str gap = at < end && newest->name.len ? mf_cut(id, at, end) : DF_STR("_");
    return df_str_is(gap, "-") || df_str_is(gap, "__") ? gap : DF_STR("_");
}

/* Where migrations are parted by environments: "dev/seed users" names the folder; else that of all. */
static void choose_scope(maker *m)
{
    const mf_set *s = m->s;
    const char *name = m->label, *slash = strchr(name, '/');
    m->scope = s->n_scopes ? s->scopes[0] : "";
    for (size_t i = 0; i < s->n_scopes; i++)
        if (df_str_is(DF_STR("common"), s->scopes[i])) m->scope = s->scopes[i];
    for (size_t i = 0; slash && i < s->n_scopes + s->n_other_scopes; i++) {
        const char *folder = i < s->n_scopes ? s->scopes[i] : s->other_scopes[i - s->n_scopes];
        if (!df_str_is((df_str){name, (size_t)(slash - name)}, folder)) continue;
        m->scope = folder;
        m->label = slash + 1;
    }
}

static const char *ending_of(const maker *m, const mf_draft *newest)
{
    bool own;
    df_str stem = newest ? newest->file : DF_STR_NONE;
    if (newest && mf_take_ending(&stem, m->s->set.dialect, &own) && own)
        return df_arena_cstr(m->arena, df_str_skip(newest->file, stem.len));
    return df_arena_printf(m->arena, ".%s", m->s->set.dialect->extension);
}

static df_code make_in(maker *m, df_error *err)
{
    df_migration_set *set = &m->s->set;
    const mf_draft *newest = newest_of(m->s);
    choose_scope(m);
    m->slug = slug_of(m->arena, m->label);
    if (!m->slug.len) {
        df_fail(err, DF_USAGE, "the name \"%s\" has no letter in it", m->label);
        df_error_hint(err, "say what it does: \"add notification system\"");
        return DF_USAGE;
    }
    m->version =
        mf_next_version(set->layout, version_as_written(m, newest), m->options->dated, df_now_ms(), m->arena);
    m->gap = gap_of(set->layout, newest);
    m->ending = ending_of(m, newest);
    m->pair = newest && newest->files[0].role == MF_UP;
    return make(m, err);
}

df_code df_migration_new(const df_new_options *options, df_arena *arena, const char **path, df_error *err)
{
    maker m = {.options = options, .arena = arena, .label = options->name ? options->name : ""};
    df_migration_set *set;
    const df_sql_dialect *dialect = options->dialect ? df_sql_dialect_of(options->dialect) : NULL;
    df_files_options files = {.folder = options->folder, .layout = options->layout, .dialect = dialect};
    DF_TRY(df_migrations_open(&files, &set, err));
    m.s = mf_impl(set);
    df_code code = make_in(&m, err);
    if (code == DF_OK)
        *path = df_arena_printf(arena, "%s", m.first);
    else
        take_back(&m);
    df_migrations_close(set);
    return code;
}
