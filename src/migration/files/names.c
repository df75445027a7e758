/* SPDX-License-Identifier: Apache-2.0 */
/* What file names say: version, name, direction, dialect. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- dialects ---- */

static const struct {
    const char *word, *engine; /* engine NULL: one that we do not have */
} dialects[] = {
    {"postgres", "postgres"}, {"postgresql", "postgres"},
    {"pg", "postgres"},       {"pgsql", "postgres"},
    {"sqlite", "sqlite"},     {"sqlite3", "sqlite"},
    {"mysql", "mariadb"},     {"mariadb", "mariadb"},
    {"neo4j", "neo4j"},       {"cypher", "neo4j"},
    {"cockroach", NULL},      {"cockroachdb", NULL},
    {"crdb", NULL},           {"mssql", NULL},
    {"sqlserver", NULL},      {"oracle", NULL},
    {"clickhouse", NULL},     {"h2", NULL},
};

bool mf_is_dialect(df_str word, const df_sql_dialect *dialect, bool *same)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        if (!mf_same(word, dialects[i].word)) continue;
        if (same) *same = dialects[i].engine && dialect == df_sql_dialect_of(dialects[i].engine);
        return true;
    }
    return false;
}

/* ---- endings ---- */

static const struct {
    const char *ending, *extension; /* extension: of the dialects whose files have it */
} endings[] = {{".sql", "sql"}, {".cypher", "cypher"}, {".cql", "cypher"}};

bool mf_take_ending(df_str *file, const df_sql_dialect *dialect, bool *own)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (!mf_ends(*file, endings[i].ending)) continue;
        *own = strcmp(endings[i].extension, dialect->extension) == 0;
        file->len -= strlen(endings[i].ending);
        return true;
    }
    return false;
}

bool mf_ends_own(df_str file, const df_sql_dialect *dialect)
{
    bool own;
    return mf_take_ending(&file, dialect, &own) && own;
}

const char *mf_script(df_arena *arena, const char *stem, const df_sql_dialect *dialect)
{
    return df_arena_printf(arena, "%s.%s", stem, dialect->extension);
}

const char *mf_language(const df_sql_dialect *dialect)
{
    return dialect->family == DF_SQL_CYPHER ? "Cypher" : "SQL";
}

/* ---- versions in front of names ---- */

static size_t digits_at(df_str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && mf_is_digit(s.ptr[at + n])) n++;
    return n;
}

static bool is_end(df_str s, size_t at)
{
    return at == s.len || strchr("._- ", s.ptr[at]);
}

/* Length of the "_143022" at `at`; 0 when it is no time of a day. */
static size_t time_length(df_str s, size_t at)
{
    if (at >= s.len || s.ptr[at] != '_' || digits_at(s, at + 1) != 6 || !is_end(s, at + 7)) return 0;
    const char *time = s.ptr + at + 1;
    return memcmp(time, "24", 2) < 0 && time[2] <= '5' && time[4] <= '5' ? 7 : 0;
}

/* "20251015_143022" */
static size_t stamp_length(df_str s)
{
    if (digits_at(s, 0) != 8) return 0;
    const char *month = s.ptr + 4, *day = s.ptr + 6;
    bool date = memcmp(month, "01", 2) >= 0 && memcmp(month, "12", 2) <= 0 && memcmp(day, "01", 2) >= 0 &&
                memcmp(day, "31", 2) <= 0;
    size_t time = date ? time_length(s, 8) : 0;
    return time ? 8 + time : 0;
}

/* "2017-09-23", "2017-09-23-182408", "2026-07-30-140000-0000", "2025-10-15_143022" */
static size_t date_length(df_str s)
{
    if (digits_at(s, 0) != 4 || s.len < 10 || s.ptr[4] != '-' || digits_at(s, 5) != 2 || s.ptr[7] != '-' ||
        digits_at(s, 8) != 2)
        return 0;
    size_t at = 10;
    while (at < s.len && s.ptr[at] == '-') {
        size_t n = digits_at(s, at + 1);
        if (n < 4 || !is_end(s, at + 1 + n)) break; /* a time, not the "2" of a name */
        at += 1 + n;
    }
    return at == 10 ? at + time_length(s, at) : at;
}

/* "-rc.1" behind "1.2.3" */
static size_t prerelease_length(df_str s, size_t at)
{
    static const char *const words[] = {"alpha", "beta", "rc", "pre", "dev", "snapshot"};
    if (at >= s.len || s.ptr[at] != '-') return 0;
    df_str rest = df_str_skip(s, at + 1);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (rest.len < n || !mf_same(mf_cut(rest, 0, n), words[i])) continue;
        while (n < rest.len && (mf_is_digit(rest.ptr[n]) || rest.ptr[n] == '.')) n++;
        return is_end(rest, n) ? n + 1 : 0;
    }
    return 0;
}

bool mf_split_version(df_str text, df_str *version, df_str *name)
{
    size_t at = date_length(text);
    if (!at) at = stamp_length(text);
    if (!at) {
        at = digits_at(text, 0);
        if (!at) return false;
        bool dotted = false;
        while (at < text.len && text.ptr[at] == '.') {
            size_t n = digits_at(text, at + 1);
            if (!n || !is_end(text, at + 1 + n)) break;
            at += 1 + n;
            dotted = true;
        }
        if (dotted) at += prerelease_length(text, at);
    }
    if (!is_end(text, at)) return false;
    *version = mf_cut(text, 0, at);
    while (at < text.len && strchr("_- .", text.ptr[at])) at++;
    *name = df_str_skip(text, at);
    return true;
}

/* ---- whole names ---- */

static bool take_suffix(df_str *s, const char *suffix)
{
    if (!mf_ends(*s, suffix)) return false;
    s->len -= strlen(suffix);
    return true;
}

static bool is_code(df_str file)
{
    static const char *const programs[] = {".go",  ".js",   ".ts", ".mjs",    ".cjs",  ".py",
                                           ".rb",  ".java", ".kt", ".rs",     ".ex",   ".exs",
                                           ".php", ".cs",   ".sh", ".groovy", ".scala"};
    if (mf_ends(file, "_test.go") || mf_ends(file, ".d.ts")) return false;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (mf_ends(file, programs[i])) return true;
    return false;
}

/* What neo4j-migrations reads beside Cypher. */
static bool is_format(df_str file)
{
    static const char *const formats[] = {".adoc", ".md", ".csv"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (mf_ends(file, formats[i])) return true;
    return false;
}

static df_str with_dots(df_str version, df_arena *scratch)
{
    if (!memchr(version.ptr, '_', version.len)) return version;
    df_str copy = df_arena_str(scratch, version);
    char *p = df_arena_alloc(scratch, copy.len + 1);
    for (size_t i = 0; i < copy.len; i++) p[i] = copy.ptr[i] == '_' ? '.' : copy.ptr[i];
    p[copy.len] = '\0';
    return (df_str){p, copy.len};
}

/* V1_10__name, U1_10__name, B7__name, and in Cypher R1_10__name */
static bool parse_flyway(df_str stem, df_arena *scratch, mf_name *out)
{
    size_t at = 1;
    while (at < stem.len && (mf_is_digit(stem.ptr[at]) || stem.ptr[at] == '.' ||
                             (stem.ptr[at] == '_' && at + 1 < stem.len && mf_is_digit(stem.ptr[at + 1]))))
        at++;
    if (at == 1 || stem.len - at < 2 || stem.ptr[at] != '_' || stem.ptr[at + 1] != '_') return false;
    out->cls = MF_FLYWAY_V;
    out->kind = stem.ptr[0] == 'B' ? DF_BASELINE : stem.ptr[0] == 'R' ? DF_REPEATABLE : DF_VERSIONED;
    out->role = stem.ptr[0] == 'U' ? MF_DOWN : MF_UP;
    out->raw_version = mf_cut(stem, 1, at);
    out->version = with_dots(out->raw_version, scratch);
    out->name = df_str_skip(stem, at + 2);
    out->id = stem;
    return true;
}

/* V0001.Name.up */
static bool parse_authelia(df_str stem, mf_name *out)
{
    size_t n = digits_at(stem, 1);
    bool up = mf_ends(stem, ".up"), down = mf_ends(stem, ".down");
    if (!n || n + 1 >= stem.len || stem.ptr[n + 1] != '.' || !(up || down)) return false;
    stem.len -= up ? 3 : 5;
    if (n + 2 > stem.len) return false;
    out->cls = MF_AUTHELIA_V;
    out->role = up ? MF_UP : MF_DOWN;
    out->version = out->raw_version = mf_cut(stem, 1, n + 1);
    out->name = df_str_skip(stem, n + 2);
    out->id = stem;
    return true;
}

/* 001.do.name, 001.undo.name: postgrator's */
static bool take_do(mf_name *out)
{
    df_str rest = out->name;
    bool undo = df_str_starts(rest, DF_STR("undo")), is_do = df_str_starts(rest, DF_STR("do"));
    if (!undo && !is_do) return false;
    rest = df_str_skip(rest, undo ? 4 : 2);
    if (rest.len && *rest.ptr != '.') return false;
    if (out->id.ptr[out->version.len] != '.') return false;
    out->name = rest.len ? df_str_skip(rest, 1) : rest;
    out->role = undo ? MF_DOWN : MF_UP;
    out->cls = MF_PAIR;
    return true;
}

/* 001_name, 001_name.up, 001_name.autocommit.postgres.up, 001_name.rollback */
static bool parse_numbered(df_str stem, mf_name *out)
{
    bool undo = take_suffix(&stem, ".undo");
    if (undo || take_suffix(&stem, ".rollback")) {
        *out = (mf_name){.cls = MF_BESIDE, .role = MF_DOWN, .id = stem};
        if (!mf_split_version(stem, &out->version, &out->name)) return false;
        if (undo && !out->name.len) out->cls = MF_PAIR; /* of 001.do */
        out->raw_version = out->version;
        return true;
    }
    bool up = take_suffix(&stem, ".up") || take_suffix(&stem, ".UP");
    bool down = !up && (take_suffix(&stem, ".down") || take_suffix(&stem, ".DOWN"));
    out->role = up ? MF_UP : down ? MF_DOWN : MF_BOTH;
    out->cls = out->role == MF_BOTH ? MF_SINGLE : MF_PAIR;
    while (out->cls == MF_PAIR) {
        const char *dot = memrchr(stem.ptr, '.', stem.len);
        df_str word = dot ? df_str_skip(stem, (size_t)(dot + 1 - stem.ptr)) : DF_STR_NONE;
        if (dot && df_str_is(word, "autocommit") && !out->autocommit)
            out->autocommit = true;
        else if (dot && !out->dialect.ptr && mf_is_dialect(word, NULL, NULL))
            out->dialect = word;
        else
            break;
        stem = mf_cut(stem, 0, (size_t)(dot - stem.ptr));
    }
    out->id = stem;
    if (!mf_split_version(stem, &out->version, &out->name)) return false;
    out->raw_version = out->version;
    if (out->cls == MF_SINGLE) take_do(out);
    return true;
}

/* Version20240131120000, Migration20240131120000, m240131_120000_name, 2024-01-31T12-00-00_name: with a stamp
 * that is no version here. */
static bool is_stamped(df_str stem)
{
    enum { SHORTEST_STAMP = 6 };
    size_t letters = 0;
    while (letters < stem.len && (unsigned)((stem.ptr[letters] | 32) - 'a') < 26) letters++;
    df_str word = mf_cut(stem, 0, letters);
    if (letters)
        return digits_at(stem, letters) >= SHORTEST_STAMP &&
               (mf_same(word, "version") || mf_same(word, "migration") || df_str_is(word, "m"));
    return digits_at(stem, 0) == 4 && stem.len > 11 && stem.ptr[4] == '-' && stem.ptr[7] == '-' &&
           stem.ptr[10] == 'T' && mf_is_digit(stem.ptr[11]);
}

/* 001_name.go, V1__name.java: what their tool runs, and here nobody can. */
static mf_name parse_code(df_str file, const df_sql_dialect *dialect, df_arena *scratch)
{
    mf_name none = {0}, out = {0};
    bool graph = dialect->family == DF_SQL_CYPHER;
    if (!is_code(file) && !(graph && is_format(file))) return none;
    const char *dot = memrchr(file.ptr, '.', file.len);
    df_str stem = mf_cut(file, 0, (size_t)(dot - file.ptr));
    char first = stem.len > 1 ? stem.ptr[0] : '\0';
    bool versioned = mf_is_digit(first) ? is_code(file) && mf_split_version(stem, &out.version, &out.name)
                     : first == 'V' || (graph && first == 'R') ? parse_flyway(stem, scratch, &out)
                                                               : false;
    if (!versioned && is_code(file)) versioned = is_stamped(stem);
    out.cls = MF_CODE;
    return versioned ? out : none;
}

/* What one file holds, by its name without the ending. */
static mf_name parse_stem(df_str stem, const df_sql_dialect *dialect, df_arena *scratch)
{
    mf_name none = {0}, out = {0};
    if (!stem.len) return none;
    char first = stem.ptr[0];
    if (first == 'R' && stem.len > 2 && stem.ptr[1] == '_') {
        out = (mf_name){.cls = MF_REPEATABLE, .kind = DF_REPEATABLE, .id = stem};
        out.name = df_str_skip(stem, stem.ptr[2] == '_' ? 3 : 2);
        return out.name.len ? out : none;
    }
    bool versioned = first == 'V' || first == 'U' || first == 'B' ||
                     (first == 'R' && dialect->family == DF_SQL_CYPHER); /* neo4j-migrations' have versions */
    if (versioned) {
        if (parse_flyway(stem, scratch, &out)) return out;
        return first == 'V' && parse_authelia(stem, &out) ? out : none;
    }
    return mf_is_digit(first) && parse_numbered(stem, &out) ? out : none;
}

mf_name mf_name_parse(df_str file, const df_sql_dialect *dialect, df_arena *scratch)
{
    bool own;
    df_str stem = file;
    if (dialect->family == DF_SQL_CYPHER && take_suffix(&stem, ".xml")) { /* a catalog */
        mf_name out = {0};
        bool versioned =
            stem.len > 1 && (stem.ptr[0] == 'V' || stem.ptr[0] == 'R') && parse_flyway(stem, scratch, &out);
        return versioned ? out : (mf_name){0};
    }
    if (!mf_take_ending(&stem, dialect, &own)) return parse_code(file, dialect, scratch);
    mf_name out = parse_stem(stem, dialect, scratch);
    if (!own) out = (mf_name){.cls = MF_FOREIGN};
    return out;
}

/* ---- names among others ---- */

static int by_name(const void *key, const void *entry)
{
    return df_str_cmp(*(const df_str *)key, ((const mf_entry *)entry)->name);
}

/* Whether the folder has `stem`, `more` and the ending of `file` as a name. */
static bool is_there(const mf_listing *listing, df_str stem, const char *more, df_str file, df_str whole_stem,
                     df_arena *scratch)
{
    df_str name = df_str_from(df_arena_printf(scratch, "%.*s%s%.*s", DF_FMT(stem), more,
                                              DF_FMT(df_str_skip(file, whole_stem.len))));
    return bsearch(&name, listing->items, listing->count, sizeof *listing->items, by_name) != NULL;
}

/* 001_name_up beside 001_name_down, 001_name_rollback beside 001_name: without its suffix. */
mf_name mf_name_among(const mf_listing *listing, df_str file, const df_sql_dialect *dialect,
                      df_arena *scratch)
{
    static const struct {
        const char *suffix, *other;
        mf_class cls;
        mf_role role;
    } suffixes[] = {{"_up", "_down", MF_PAIR, MF_UP},      {"_down", "_up", MF_PAIR, MF_DOWN},
                    {"-up", "-down", MF_PAIR, MF_UP},      {"-down", "-up", MF_PAIR, MF_DOWN},
                    {"_rollback", "", MF_BESIDE, MF_DOWN}, {"-rollback", "", MF_BESIDE, MF_DOWN},
                    {"_undo", "", MF_BESIDE, MF_DOWN},     {"_revert", "", MF_BESIDE, MF_DOWN},
                    {"_down", "", MF_BESIDE, MF_DOWN},     {".down", "", MF_BESIDE, MF_DOWN}};
    mf_name name = mf_name_parse(file, dialect, scratch), out = name;
    bool dotted = name.cls == MF_PAIR && name.role == MF_DOWN && !name.dialect.ptr && !name.autocommit;
    df_str whole = file;
    bool own;
    if ((name.cls != MF_SINGLE && !dotted) || !mf_take_ending(&whole, dialect, &own)) return name;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        df_str stem = whole;
        if ((suffixes[i].suffix[0] == '.') != dotted || !take_suffix(&stem, suffixes[i].suffix) ||
            stem.len < name.version.len || (dotted && is_there(listing, stem, ".up", file, whole, scratch)) ||
            !is_there(listing, stem, suffixes[i].other, file, whole, scratch))
            continue;
        out.cls = suffixes[i].cls;
        out.role = suffixes[i].role;
        out.id = stem;
        if (!mf_split_version(stem, &out.version, &out.name)) return name;
        out.raw_version = out.version;
        return out;
    }
    return name;
}

df_str mf_longer_version(const mf_name *name, df_arena *scratch, df_str *rest)
{
    df_str stem = name->id;
    size_t from = (size_t)(name->version.ptr - stem.ptr), at = from + name->version.len;
    bool more = false;
    while (at < stem.len && strchr("_-", stem.ptr[at])) {
        size_t n = digits_at(stem, at + 1);
        if (!n || !is_end(stem, at + 1 + n)) break;
        at += 1 + n;
        more = true;
    }
    if (!more) return DF_STR_NONE;
    char *version = df_arena_alloc(scratch, at - from + 1);
    for (size_t i = from; i < at; i++)
        version[i - from] = stem.ptr[i] == '_' || stem.ptr[i] == '-' ? '.' : stem.ptr[i];
    version[at - from] = '\0';
    *rest = df_str_skip(stem, at);
    while (rest->len && strchr("_- .", *rest->ptr)) *rest = df_str_skip(*rest, 1);
    return (df_str){version, at - from};
}
