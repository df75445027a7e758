/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a statement of Cypher while it is read, and what follows from it. */
#include "sql/sql_int.h"

#define ROOM(list) (sizeof(list) / sizeof *(list))

static void add(df_str *list, size_t *n, size_t room, df_str name)
{
    for (size_t i = 0; i < *n; i++) {
        if (df_str_eq(list[i], name)) return;
    }
    if (*n < room) list[(*n)++] = name;
}

static bool has(const df_str *list, size_t n, df_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (df_str_eq(list[i], name)) return true;
    }
    return false;
}

/* ---- names ---- */

static size_t find_bound(const sql_graph *g, df_str name)
{
    size_t i = 0;
    while (i < g->n_bound && !df_str_eq(g->bound[i].name, name)) i++;
    return name.len ? i : g->n_bound;
}

void sql_note_bound(sql_graph *g, df_str name, df_sql_token label, bool relationship)
{
    if (!name.len || g->n_bound == ROOM(g->bound) || find_bound(g, name) < g->n_bound) return;
    g->bound[g->n_bound].name = name;
    g->bound[g->n_bound].label = sql_name_of(g->f, label);
    g->bound[g->n_bound++].relationship = relationship;
}

static void set_object(sql_graph *g, df_str name, bool relationship)
{
    df_sql_object *object = &g->f->facts.object;
    if (object->name.ptr || !name.ptr) return;
    *object = (df_sql_object){.kind = relationship ? "relationship type" : "label", .name = name};
    g->f->facts.table = *object;
}

void sql_note_object(sql_graph *g, df_sql_token label, bool relationship)
{
    if (!g->f->facts.object.name.ptr) set_object(g, sql_name_of(g->f, label), relationship);
}

void sql_note_row(sql_graph *g, df_str name)
{
    add(g->rows, &g->n_rows, ROOM(g->rows), name);
}

/* ---- properties ---- */

/* Too many to be remembered: then nothing is promised. */
void sql_note_set(sql_graph *g, df_sql_token key)
{
    if (g->n_set == ROOM(g->set)) g->unrepeatable = true;
    add(g->set, &g->n_set, ROOM(g->set), key.text);
}

void sql_note_read(sql_graph *g, df_sql_token key, df_str variable)
{
    df_str name = key.text;
    if (key.kind == DF_SQL_STRING && name.len >= 2) name = (df_str){name.ptr + 1, name.len - 2};
    for (size_t i = 0; i < g->n_read; i++) {
        if (df_str_eq(g->read[i].key, name) && df_str_eq(g->read[i].variable, variable)) return;
    }
    if (g->n_read == ROOM(g->read)) {
        g->unrepeatable = true;
        return;
    }
    g->read[g->n_read].key = name;
    g->read[g->n_read++].variable = variable;
}

/* ---- what is lost ---- */

static void lose(sql_graph *g, df_sql_loss loss)
{
    enum { COMPARED = 256 };
    sql_losses *l = g->f->losses;
    if (!l) return;
    for (size_t i = 0; i < l->count && i < COMPARED; i++) {
        const df_sql_loss *other = &l->items[i];
        if (other->kind == loss.kind && other->relationship == loss.relationship &&
            df_str_eq(other->label, loss.label) && df_str_eq(other->property, loss.property))
            return;
    }
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 8;
        df_sql_loss *items = df_arena_alloc(g->f->arena, room * sizeof *items);
        if (l->count) memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->room = room;
    }
    l->items[l->count++] = loss;
}

void sql_note_target(sql_graph *g, bool deletes)
{
    size_t i = find_bound(g, g->target);
    bool known = i < g->n_bound;
    df_str label = known ? g->bound[i].label : DF_STR_NONE;
    add(g->targets, &g->n_targets, ROOM(g->targets), g->target);
    if (g->n_targets == ROOM(g->targets)) g->unrepeatable = true;
    if (known) set_object(g, label, g->bound[i].relationship);
    if (!deletes) return;
    bool relationship = known && g->bound[i].relationship;
    lose(g, (df_sql_loss){.kind = relationship ? DF_SQL_LOSES_RELATIONSHIPS : DF_SQL_LOSES_NODES,
                          .relationship = relationship,
                          .label = label});
}

void sql_note_lost_property(sql_graph *g, const df_sql_token *key)
{
    sql_note_target(g, false);
    size_t i = find_bound(g, g->target);
    bool known = i < g->n_bound;
    lose(g, (df_sql_loss){.kind = DF_SQL_LOSES_PROPERTY,
                          .relationship = known && g->bound[i].relationship,
                          .label = known ? g->bound[i].label : DF_STR_NONE,
                          .property = key ? sql_name_of(g->f, *key) : DF_STR_NONE});
}

void sql_note_lost_label(sql_graph *g, df_sql_token label)
{
    lose(g, (df_sql_loss){.kind = DF_SQL_LOSES_LABEL, .label = sql_name_of(g->f, label)});
}

const df_sql_loss *df_sql_losses(const df_sql_dialect *dialect, df_str statement, df_arena *arena,
                                 size_t *count)
{
    sql_losses losses = {0};
    *count = 0;
    if (dialect->family != DF_SQL_CYPHER) return NULL;
    sql_facts f = {.arena = arena, .family = dialect->family, .losses = &losses};
    sql_reader_init(&f.r, dialect, statement);
    sql_read_cypher(&f);
    *count = losses.count;
    return losses.items;
}

/* ---- procedures ---- */

void sql_unescape(df_buf *out, df_str literal)
{
    static const char escapes[] = "n\nr\rt\tb\bf\f";
    for (size_t i = 1; i + 1 < literal.len; i++) {
        char c = literal.ptr[i];
        if (c == '\\' && i + 2 < literal.len) {
            c = literal.ptr[++i];
            const char *meant = strchr(escapes, c);
            if (meant && (c >= 'a' && c <= 'z')) c = meant[1];
        }
        df_buf_char(out, c);
    }
}

/* The statements that apoc.periodic.iterate and .commit are given as text, one behind the other: what the
 * second writes it has from the first. False when they are no literals. */
static bool take_inner(sql_graph *g, df_str name, df_buf *out)
{
    sql_reader r = g->f->r;
    if (!sql_take_symbol(&r, '(') || r.token.kind != DF_SQL_STRING) return false;
    sql_unescape(out, r.token.text);
    if (!df_str_is(name, "apoc.periodic.iterate")) return true;
    sql_read(&r);
    if (!sql_take_symbol(&r, ',') || r.token.kind != DF_SQL_STRING) return false;
    df_buf_char(out, '\n');
    sql_unescape(out, r.token.text);
    return true;
}

static void look_inside(sql_graph *g, df_str name)
{
    enum { DEEPEST = 2 };
    df_buf text = {0};
    if (g->f->depth < DEEPEST && take_inner(g, name, &text)) {
        df_str inner = df_arena_str(g->f->arena, df_buf_str(&text));
        sql_facts f = {
            .arena = g->f->arena, .family = g->f->family, .depth = g->f->depth + 1, .losses = g->f->losses, .writes = g->f->writes};
        sql_reader_init(&f.r, g->f->r.lexer.dialect, inner);
        sql_read_cypher(&f);
        g->f->facts.flags |= f.facts.flags & (DF_SQL_DESTROYS | DF_SQL_WHOLE_TABLE);
        if (f.facts.object.kind && f.facts.cls == DF_SQL_DML)
            set_object(g, f.facts.object.name, strcmp(f.facts.object.kind, "label") != 0);
        g->unrepeatable |= !f.repeatable;
    } else {
        g->unrepeatable = true;
    }
    df_buf_release(&text);
}

/* A name with points, without quotes; what is longer than any that is known is cut. */
static df_str take_procedure(sql_graph *g, char *name, size_t room)
{
    size_t len = 0;
    sql_reader *r = &g->f->r;
    for (;;) {
        df_str part = sql_name_of(g->f, r->token);
        if (!part.ptr || r->token.kind == DF_SQL_STRING) break;
        size_t n = part.len < room - len ? part.len : room - len;
        memcpy(name + len, part.ptr, n);
        len += n;
        sql_read(r);
        if (!sql_sees_symbol(r, '.')) break;
        sql_read(r);
        if (len < room) name[len++] = '.';
    }
    return (df_str){name, len};
}

void sql_note_call(sql_graph *g)
{
    char text[120];
    df_str name = take_procedure(g, text, sizeof text);
    if (!name.len) return;
    unsigned what = sql_procedure_of(name);
    if (!g->call) g->call = df_arena_printf(g->f->arena, "CALL %.*s", DF_FMT(name));
    g->procedures |= what;
    if (what & SQL_PROC_READS) return;
    g->unknown = true;
    bool inner = df_str_is(name, "apoc.periodic.iterate") || df_str_is(name, "apoc.periodic.commit");
    if (inner)
        look_inside(g, name);
    else
        g->unrepeatable = true;
}

/* ---- conclusions ---- */

/* Whether a property that is set is read of something that may be what is set. */
static bool depends_on_itself(const sql_graph *g)
{
    for (size_t i = 0; i < g->n_read; i++) {
        df_str variable = g->read[i].variable;
        bool row = has(g->rows, g->n_rows, variable) && !has(g->targets, g->n_targets, variable);
        if (!row && has(g->set, g->n_set, g->read[i].key)) return true;
    }
    return false;
}

void sql_conclude(sql_graph *g)
{
    sql_facts *f = g->f;
    if (*f->facts.tag) f->facts.cls = g->writes ? DF_SQL_DML : g->unknown ? DF_SQL_ROUTINE : DF_SQL_QUERY;
    bool changed = (g->reads_labels && g->writes_labels) || (g->looks && g->sets && g->deletes);
    f->repeatable = !g->creates && !g->unrepeatable && !changed && !depends_on_itself(g);
    if (g->unknown) sql_flag(f, DF_SQL_DYNAMIC);
    if (g->destroys || g->procedures & SQL_PROC_DESTROYS) sql_flag(f, DF_SQL_DESTROYS);
    if (g->changes && g->matches && !g->restricts) sql_flag(f, DF_SQL_WHOLE_TABLE);
    if (g->procedures & (SQL_PROC_SCHEMA | SQL_PROC_ADMIN)) sql_flag(f, DF_SQL_NO_TRANSACTION);
    if (g->procedures & SQL_PROC_ADMIN) sql_flag(f, DF_SQL_ADMINISTRATION);
    if (!g->batches && !(g->procedures & SQL_PROC_BATCHES)) return;
    sql_flag(f, DF_SQL_BATCHES | DF_SQL_NO_TRANSACTION);
    if (f->repeatable) sql_flag(f, DF_SQL_IF_EXISTS);
}
