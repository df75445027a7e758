/* SPDX-License-Identifier: Apache-2.0 */
/* The footer's flat list of SchemaElements, made into a tree. */
#include "parquet/parquet_int.h"

#include <stdlib.h>

static void read_unit(thrift_reader *r, uint8_t type, parquet_node *node)
{
    if (!thrift_is_struct(r, type)) return;
    for (thrift_struct s = {0}; thrift_next(r, &s); thrift_skip(r, s.type))
        node->unit = s.id == 1 ? PARQUET_MILLIS : s.id == 2 ? PARQUET_MICROS : PARQUET_NANOS;
}

/* The members of whichever logical type it is; their ids mean different things in each. */
static void read_logical_members(thrift_reader *r, int32_t logical, parquet_node *node)
{
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        bool first = s.id == 1, second = s.id == 2;
        if (logical == 5 && first)
            node->scale = thrift_int32(r, s.type);
        else if (logical == 5 && second)
            node->precision = thrift_int32(r, s.type);
        else if ((logical == 7 || logical == 8) && first)
            node->utc = thrift_bool(r, s.type);
        else if ((logical == 7 || logical == 8) && second)
            read_unit(r, s.type, node);
        else if (logical == 10 && first)
            node->bits = (int)thrift_int(r, s.type);
        else if (logical == 10 && second)
            node->is_signed = thrift_bool(r, s.type);
        else
            thrift_skip(r, s.type);
    }
}

static void read_logical(thrift_reader *r, uint8_t type, parquet_node *node)
{
    static const parquet_meaning meanings[] = {
        [1] = PARQUET_STRING,   [2] = PARQUET_MAP,      [3] = PARQUET_LIST,     [4] = PARQUET_ENUM,
        [5] = PARQUET_DECIMAL,  [6] = PARQUET_DATE,     [7] = PARQUET_TIME,     [8] = PARQUET_TIMESTAMP,
        [9] = PARQUET_INTERVAL, [10] = PARQUET_INTEGER, [11] = PARQUET_NULLS,   [12] = PARQUET_JSON,
        [13] = PARQUET_BSON,    [14] = PARQUET_UUID,    [15] = PARQUET_FLOAT16,
    };
    if (!thrift_is_struct(r, type)) return;
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        bool known = s.id > 0 && (size_t)s.id < sizeof meanings / sizeof *meanings;
        node->meaning = known ? meanings[s.id] : PARQUET_OTHER;
        if (thrift_is_struct(r, s.type)) read_logical_members(r, s.id, node);
    }
}

static void apply_time(parquet_node *node, parquet_meaning meaning, parquet_unit unit)
{
    node->meaning = meaning;
    node->unit = unit;
    node->utc = true;
}

/* What the older annotation means, for writers that know no logical types. */
static void apply_converted(parquet_node *node)
{
    switch (node->converted_type) {
    case 0: node->meaning = PARQUET_STRING; break;
    case 1:
    case 2: node->meaning = PARQUET_MAP; break;
    case 3: node->meaning = PARQUET_LIST; break;
    case 4: node->meaning = PARQUET_ENUM; break;
    case 5: node->meaning = PARQUET_DECIMAL; break;
    case 6: node->meaning = PARQUET_DATE; break;
    case 7: apply_time(node, PARQUET_TIME, PARQUET_MILLIS); break;
    case 8: apply_time(node, PARQUET_TIME, PARQUET_MICROS); break;
    case 9: apply_time(node, PARQUET_TIMESTAMP, PARQUET_MILLIS); break;
    case 10: apply_time(node, PARQUET_TIMESTAMP, PARQUET_MICROS); break;
    case 19: node->meaning = PARQUET_JSON; break;
    case 20: node->meaning = PARQUET_BSON; break;
    case 21: node->meaning = PARQUET_INTERVAL; break;
    default:
        if (node->converted_type < 11 || node->converted_type > 18) break;
        node->meaning = PARQUET_INTEGER; /* 11…14 unsigned, 15…18 signed, of 8, 16, 32, 64 bits */
        node->is_signed = node->converted_type >= 15;
        node->bits = 8 << ((node->converted_type - 11) % 4);
        break;
    }
}

/* One SchemaElement as the file has it, before it is judged. */
typedef struct element {
    int32_t type, repetition, num_children;
    bool has_type, has_children, has_logical;
} element;

static void read_element(thrift_reader *r, parquet_node *node, element *e)
{
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1:
            e->type = thrift_int32(r, s.type);
            e->has_type = true;
            break;
        case 2: node->type_length = thrift_int32(r, s.type); break;
        case 3: e->repetition = thrift_int32(r, s.type); break;
        case 4: node->name = thrift_binary(r, s.type); break;
        case 5:
            e->num_children = thrift_int32(r, s.type);
            e->has_children = true;
            break;
        case 6: node->converted_type = thrift_int32(r, s.type); break;
        case 7: node->scale = thrift_int32(r, s.type); break;
        case 8: node->precision = thrift_int32(r, s.type); break;
        case 9: node->field_id = thrift_int32(r, s.type); break;
        case 10:
            read_logical(r, s.type, node);
            e->has_logical = true;
            break;
        default: thrift_skip(r, s.type); break;
        }
    }
}

static df_code check_element(parquet_node *node, const element *e, bool root, df_error *err)
{
    bool group = root || e->num_children > 0 || !e->has_type;
    if (e->num_children < 0 || (group && !root && !e->has_children))
        return df_fail(err, DF_CORRUPT, "schema element \"%.*s\" is neither a column nor a group",
                       DF_FMT(node->name));
    if (!group && (e->type < 0 || e->type > PARQUET_FIXED))
        return df_fail(err, DF_CORRUPT, "column \"%.*s\" has the unknown type %d", DF_FMT(node->name),
                       e->type);
    if (!root && (e->repetition < 0 || e->repetition > PARQUET_REPEATED))
        return df_fail(err, DF_CORRUPT, "schema element \"%.*s\" has the unknown repetition %d",
                       DF_FMT(node->name), e->repetition);
    node->type = group ? PARQUET_GROUP : (parquet_type)e->type;
    node->repetition = root ? PARQUET_REQUIRED : (parquet_repetition)e->repetition;
    if (node->type == PARQUET_INT96) node->type_length = 12;
    if (node->type == PARQUET_FIXED && node->type_length < 0)
        return df_fail(err, DF_CORRUPT, "column \"%.*s\" has the length %d", DF_FMT(node->name),
                       node->type_length);
    if (!node->name.ptr) node->name = DF_STR("");
    if (!e->has_logical || node->meaning == PARQUET_PLAIN) apply_converted(node);
    return DF_OK;
}

/* The groups that are still open, innermost last. */
typedef struct open_groups {
    struct {
        parquet_node *node, *last_child;
        int32_t missing; /* children still to come */
    } level[PARQUET_MAX_DEPTH];
    size_t depth;
} open_groups;

static void hang_below_parent(open_groups *open, parquet_node *node)
{
    if (!open->depth) return;
    parquet_node *parent = open->level[open->depth - 1].node;
    parquet_node *before = open->level[open->depth - 1].last_child;
    if (before)
        before->next = node;
    else
        parent->first_child = node;
    open->level[open->depth - 1].last_child = node;
    open->level[open->depth - 1].missing--;
    node->parent = parent;
    node->max_def = (uint8_t)(parent->max_def + (node->repetition != PARQUET_REQUIRED));
    node->max_rep = (uint8_t)(parent->max_rep + (node->repetition == PARQUET_REPEATED));
}

static void close_full_groups(parquet_file *file, open_groups *open)
{
    while (open->depth && open->level[open->depth - 1].missing == 0) {
        parquet_node *done = open->level[--open->depth].node;
        done->leaves = file->n_leaves - done->leaf;
    }
}

static df_code add_node(parquet_file *file, open_groups *open, parquet_node *node, const element *e,
                        df_error *err)
{
    if (file->n_nodes > 1 && !open->depth)
        return df_fail(err, DF_CORRUPT, "the schema has elements behind its last group");
    hang_below_parent(open, node);
    node->leaf = file->n_leaves;
    if (node->type != PARQUET_GROUP) {
        node->leaves = 1;
        file->leaves[file->n_leaves++] = node;
    } else if (open->depth == PARQUET_MAX_DEPTH) {
        return df_fail(err, DF_CORRUPT, "the schema is nested deeper than %d groups", PARQUET_MAX_DEPTH);
    } else {
        open->level[open->depth].node = node;
        open->level[open->depth].last_child = NULL;
        open->level[open->depth++].missing = e->num_children;
    }
    close_full_groups(file, open);
    return DF_OK;
}

df_code parquet_read_schema(parquet_file *file, thrift_reader *r, size_t count, df_error *err)
{
    if (count > PARQUET_MAX_NODES)
        return df_fail(err, DF_CORRUPT, "the schema has %zu elements; at most %d are read", count,
                       PARQUET_MAX_NODES);
    if (file->nodes) return df_fail(err, DF_CORRUPT, "the footer has two schemas");
    file->nodes = calloc(count + 1, sizeof *file->nodes);
    file->leaves = calloc(count + 1, sizeof *file->leaves);
    if (!file->nodes || !file->leaves) return df_fail(err, DF_NO_MEMORY, "not enough memory for the schema");
    open_groups open;
    open.depth = 0;
    for (size_t i = 0; i < count && !r->failed; i++) {
        parquet_node *node = &file->nodes[file->n_nodes++];
        node->converted_type = node->field_id = -1;
        element e = {0};
        read_element(r, node, &e);
        if (r->failed) break;
        DF_TRY(check_element(node, &e, i == 0, err));
        DF_TRY(add_node(file, &open, node, &e, err));
    }
    if (!r->failed && (!count || open.depth)) return df_fail(err, DF_CORRUPT, "the schema is cut short");
    return DF_OK;
}

const parquet_node *parquet_child(const parquet_node *group, const char *name)
{
    if (!group) return NULL;
    df_str wanted = df_str_from(name);
    for (const parquet_node *child = group->first_child; child; child = child->next)
        if (df_str_eq(child->name, wanted)) return child;
    return NULL;
}

void parquet_put_path(df_buf *out, const parquet_node *node)
{
    const parquet_node *chain[PARQUET_MAX_DEPTH + 1];
    size_t n = 0;
    for (; node && node->parent && n <= PARQUET_MAX_DEPTH; node = node->parent) chain[n++] = node;
    while (n) {
        df_buf_str_add(out, chain[--n]->name);
        if (n) df_buf_char(out, '.');
    }
}

/* The element is the repeated group itself when that has several members, or the name of a writer that meant
 * so. */
static bool is_element_itself(const parquet_node *list, const parquet_node *repeated)
{
    if (repeated->type != PARQUET_GROUP) return true;
    if (!repeated->first_child || repeated->first_child->next) return true;
    if (repeated->first_child->repetition == PARQUET_REPEATED) return true;
    if (df_str_is(repeated->name, "array")) return true;
    return repeated->name.len == list->name.len + 6 && df_str_starts(repeated->name, list->name) &&
           df_str_ends(repeated->name, DF_STR("_tuple"));
}

bool parquet_as_list(const parquet_node *node, parquet_list *out)
{
    if (!node) return false;
    if (node->repetition == PARQUET_REPEATED && node->meaning != PARQUET_LIST &&
        node->meaning != PARQUET_MAP) {
        *out = (parquet_list){node, node}; /* a repeated field without a group around it */
        return true;
    }
    const parquet_node *repeated = node->first_child;
    bool one_repeated = repeated && !repeated->next && repeated->repetition == PARQUET_REPEATED;
    if (node->type != PARQUET_GROUP || !one_repeated) return false;
    *out = (parquet_list){repeated, is_element_itself(node, repeated) ? repeated : repeated->first_child};
    return true;
}

bool parquet_as_map(const parquet_node *node, parquet_map *out)
{
    if (!node || node->type != PARQUET_GROUP) return false;
    const parquet_node *repeated = node->first_child;
    if (!repeated || repeated->next || repeated->repetition != PARQUET_REPEATED ||
        repeated->type != PARQUET_GROUP)
        return false;
    const parquet_node *key = repeated->first_child;
    if (!key || (key->next && key->next->next)) return false;
    if (!key->next && node->meaning != PARQUET_MAP) return false;
    *out = (parquet_map){repeated, key, key->next};
    return true;
}
