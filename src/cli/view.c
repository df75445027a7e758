/* SPDX-License-Identifier: Apache-2.0 */
/* Views: one sequence of values that becomes a table, a block, CSV, lines or JSON. */
#include "base/clock.h"
#include "cli/cli_int.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

typedef struct cell {
    size_t at, len, width; /* in view->text; columns on a terminal */
    cli_style style;
    bool number;
} cell;

struct cli_view {
    cli_context *cli;
    cli_view *parent;
    cli_format format; /* never CLI_AUTO */
    bool record;
    bool bracket; /* a JSON bracket of ours is open */

    const cli_column *columns; /* rows */
    size_t n_columns, column;  /* column: of the next value */
    size_t *widths;
    bool *numeric, *seen;
    bool header_printed;

    const char *name, *label; /* record: of the next value */

    df_buf text; /* what the cells point into */
    cell *cells; /* rows: n_columns a row; record: label and value */
    size_t count, cap;
};

/* ---- opening and closing ---- */

static cli_view *view_open(cli_context *cli, cli_format format)
{
    if (format == CLI_AUTO) format = cli->json ? CLI_AS_JSON : CLI_AS_TABLE;
    if (format == CLI_AS_JSON) cli->json = true;
    if (cli->state->view) cli_view_flush(cli->state->view);
    cli_view *view = df_zalloc(sizeof *view);
    *view = (cli_view){.cli = cli, .parent = cli->state->view, .format = format};
    cli->state->view = view;
    if (format == CLI_AS_TABLE) cli->state->said = true;
    return view;
}

static void begin_bracket(cli_view *view, const char *name, char bracket)
{
    df_json_writer *w = &view->cli->state->json;
    df_json_begin(w, w->depth ? name : NULL, bracket);
    view->bracket = true;
}

static const char *title_of(cli_view *view, size_t n)
{
    const cli_column *column = &view->columns[n];
    if (column->title) return column->title;
    char *title = df_arena_cstr(&view->cli->arena, df_str_from(column->name ? column->name : ""));
    for (char *p = title; *p; p++)
        *p = *p == '_' ? ' ' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    return title;
}

static void put_csv_field(df_buf *out, df_str text)
{
    bool quote = !text.len;
    for (size_t i = 0; i < text.len && !quote; i++) quote = strchr(",\"\r\n", text.ptr[i]) != NULL;
    if (quote) df_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') df_buf_char(out, '"');
        df_buf_char(out, text.ptr[i]);
    }
    if (quote) df_buf_char(out, '"');
}

static bool machine_column(const cli_view *view, size_t n)
{
    return view->columns[n].name != NULL;
}

/* The comma between fields, the line end behind the last one. `n` is the field that was just written. */
static void after_csv_field(cli_view *view, df_buf *out, size_t n)
{
    for (size_t i = n + 1; i < view->n_columns; i++)
        if (machine_column(view, i)) {
            df_buf_char(out, ',');
            return;
        }
    df_buf_text(out, "\r\n");
}

cli_view *cli_rows(cli_context *cli, const char *name, const cli_column *columns, size_t n_columns,
                   cli_format format)
{
    cli_view *view = view_open(cli, format);
    view->columns = columns;
    view->n_columns = n_columns;
    view->widths = df_zalloc(n_columns * sizeof *view->widths + 1);
    view->numeric = df_zalloc(n_columns * sizeof *view->numeric + 1);
    view->seen = df_zalloc(n_columns * sizeof *view->seen + 1);
    if (view->format == CLI_AS_JSON) begin_bracket(view, name, '[');
    if (view->format == CLI_AS_CSV)
        for (size_t i = 0; i < n_columns; i++) {
            if (!machine_column(view, i)) continue;
            put_csv_field(&cli->state->out, df_str_from(columns[i].name));
            after_csv_field(view, &cli->state->out, i);
        }
    return view;
}

cli_view *cli_record(cli_context *cli, const char *name)
{
    cli_view *view = view_open(cli, CLI_AUTO);
    view->record = true;
    if (view->format == CLI_AS_JSON) begin_bracket(view, name, '{');
    return view;
}

cli_view *cli_field(cli_view *record, const char *name, const char *label)
{
    record->name = name;
    record->label = label;
    return record;
}

static void view_free(cli_view *view)
{
    view->cli->state->view = view->parent;
    free(view->widths);
    free(view->numeric);
    free(view->seen);
    free(view->cells);
    df_buf_release(&view->text);
    free(view);
}

void cli_views_drop(cli_context *cli)
{
    while (cli->state->view) view_free(cli->state->view);
}

void cli_done(cli_view *view)
{
    cli_view_flush(view);
    cli_context *cli = view->cli;
    if (view->bracket) df_json_end(&cli->state->json, view->record ? '}' : ']');
    view_free(view);
    if (cli->terminal && !cli->json) cli_flush(cli);
}

/* ---- laying out for people ---- */

static void put_pad(df_buf *out, size_t n)
{
    while (n--) df_buf_char(out, ' ');
}

static void put_painted(cli_view *view, df_buf *out, cli_style style, df_str text)
{
    bool paint = view->cli->color && style != CLI_PLAIN;
    if (paint) df_buf_text(out, cli_style_on(style));
    df_buf_str_add(out, text);
    if (paint) df_buf_text(out, CLI_STYLE_OFF);
}

static df_str cell_text(const cli_view *view, const cell *c)
{
    return (df_str){view->text.ptr ? view->text.ptr + c->at : "", c->len};
}

/* Takes columns of the screen from the widest column that may be cut, until the row fits. */
static void fit_to_terminal(cli_view *view)
{
    size_t screen = cli_columns(1), total = 0;
    for (size_t i = 0; i < view->n_columns; i++) total += view->widths[i] + (i ? 2 : 0);
    while (screen && total > screen) {
        size_t widest = SIZE_MAX;
        for (size_t i = 0; i < view->n_columns; i++) {
            if (view->columns[i].cut == CLI_CUT_NEVER || view->numeric[i] || view->widths[i] <= 8) continue;
            if (widest == SIZE_MAX || view->widths[i] > view->widths[widest]) widest = i;
        }
        if (widest == SIZE_MAX) return;
        view->widths[widest]--;
        total--;
    }
}

/* One field of a line; blanks at the end of a line are left out. */
static void put_field(cli_view *view, df_buf *out, size_t n, df_str text, cli_style style, bool right)
{
    df_buf fitted = {0};
    cli_cut cut = view->numeric[n] ? CLI_CUT_NEVER : view->columns[n].cut;
    cli_put_cut(&fitted, text, view->widths[n], cut, view->cli->unicode);
    size_t width = cli_width(df_buf_str(&fitted));
    size_t pad = width < view->widths[n] ? view->widths[n] - width : 0;
    if (right) put_pad(out, pad);
    put_painted(view, out, style, df_buf_str(&fitted));
    if (n + 1 < view->n_columns) put_pad(out, (right ? 0 : pad) + 2);
    df_buf_release(&fitted);
}

/* A row ends with its last field that holds something. */
static void trim_line(df_buf *out, size_t from)
{
    while (out->len > from && out->ptr[out->len - 1] == ' ') out->len--;
    df_buf_char(out, '\n');
}

static void measure(cli_view *view)
{
    for (size_t i = 0; i < view->n_columns; i++) {
        size_t title = cli_width(df_str_from(title_of(view, i)));
        if (view->widths[i] < title && !view->header_printed) view->widths[i] = title;
    }
    for (size_t i = 0; i < view->count; i++) {
        size_t n = i % view->n_columns;
        if (view->widths[n] < view->cells[i].width) view->widths[n] = view->cells[i].width;
    }
    fit_to_terminal(view);
}

static void put_header(cli_view *view, df_buf *out)
{
    size_t from = out->len;
    for (size_t i = 0; i < view->n_columns; i++)
        put_field(view, out, i, df_str_from(title_of(view, i)), CLI_BOLD, view->numeric[i]);
    trim_line(out, from);
    view->header_printed = true;
}

static void flush_table(cli_view *view)
{
    df_buf *out = &view->cli->state->out;
    measure(view);
    if (!view->header_printed) put_header(view, out);
    for (size_t i = 0; i + view->n_columns <= view->count; i += view->n_columns) {
        size_t from = out->len;
        for (size_t n = 0; n < view->n_columns; n++) {
            const cell *c = &view->cells[i + n];
            put_field(view, out, n, cell_text(view, c), c->style, c->number && view->numeric[n]);
        }
        trim_line(out, from);
    }
}

/* Long values of a record go on under their beginning; nothing is cut. */
static void flush_record(cli_view *view)
{
    df_buf *out = &view->cli->state->out;
    size_t width = 0;
    for (size_t i = 0; i < view->count; i += 2)
        if (view->cells[i].width > width) width = view->cells[i].width;
    for (size_t i = 0; i + 1 < view->count; i += 2) {
        const cell *label = &view->cells[i], *value = &view->cells[i + 1];
        put_painted(view, out, CLI_DIM, cell_text(view, label));
        put_pad(out, width - label->width + 2);
        put_painted(view, out, value->style, cell_text(view, value));
        df_buf_char(out, '\n');
    }
}

void cli_view_flush(cli_view *view)
{
    if (view->format != CLI_AS_TABLE) return;
    if (view->record)
        flush_record(view);
    else if (view->count || !view->header_printed)
        flush_table(view);
    view->count = 0;
    df_buf_clear(&view->text);
    cli_out(view->cli, DF_STR(""));
}

/* ---- values ---- */

static void add_cell(cli_view *view, df_str text, cli_style style, bool number)
{
    size_t at = view->text.len;
    cli_put_escaped(&view->text, text);
    df_str escaped = {view->text.ptr ? view->text.ptr + at : "", view->text.len - at};
    cell c = {.at = at, .len = escaped.len, .width = cli_width(escaped), .style = style, .number = number};
    DF_PUSH(view->cells, view->count, view->cap) = c;
}

/* Begins an object before a row's first value; the JSON name of the value. */
static const char *json_name(cli_view *view)
{
    if (view->record) return view->name;
    if (view->column == 0) df_json_begin(&view->cli->state->json, NULL, '{');
    return view->columns[view->column].name;
}

static void row_step(cli_view *view)
{
    if (++view->column < view->n_columns) return;
    view->column = 0;
    if (view->format == CLI_AS_JSON) df_json_end(&view->cli->state->json, '}');
    if (view->format == CLI_AS_TABLE && view->count >= view->n_columns * CLI_TABLE_BATCH)
        cli_view_flush(view);
    cli_out(view->cli, DF_STR("")); /* when the buffer is long */
}

/* A value as it goes out; `people` differs from `machine` where the number is made readable. */
typedef struct shown {
    df_str people, machine; /* machine absent: NULL */
    bool number, json;      /* json: `machine` is JSON already, else it is a text */
    cli_style style;
} shown;

static void put_json(cli_view *view, shown v)
{
    const char *name = json_name(view);
    df_json_writer *w = &view->cli->state->json;
    if (!name) return;
    if (v.json)
        df_json_add_raw(w, name, v.machine);
    else
        df_json_add_str(w, name, v.machine);
}

static void put_people(cli_view *view, shown v)
{
    bool null = !v.machine.ptr;
    df_str text = v.people.ptr ? v.people : view->cli->unicode ? DF_STR("–") : DF_STR("-");
    if (view->record) {
        if (!view->label) return;
        add_cell(view, df_str_from(view->label), CLI_PLAIN, false);
        add_cell(view, text, v.style, false);
        return;
    }
    size_t n = view->column;
    if (!null) {
        view->numeric[n] = view->seen[n] ? view->numeric[n] && v.number : v.number;
        view->seen[n] = true;
    }
    add_cell(view, text, null ? CLI_DIM : v.style, v.number || null);
}

static void put_value(cli_view *view, shown v)
{
    df_buf *out = &view->cli->state->out;
    switch (view->format) {
    case CLI_AUTO:
    case CLI_AS_TABLE: put_people(view, v); break;
    case CLI_AS_JSON: put_json(view, v); break;
    case CLI_AS_CSV:
        if (!machine_column(view, view->column)) break;
        if (v.machine.ptr) put_csv_field(out, v.machine);
        after_csv_field(view, out, view->column);
        break;
    case CLI_AS_LINES:
        if (view->column) break;
        df_buf_str_add(out, v.machine);
        df_buf_char(out, '\n');
        break;
    }
    if (!view->record) row_step(view);
}

void cli_put_str(cli_view *view, df_str text)
{
    put_value(view, (shown){.people = text, .machine = text});
}

void cli_put_text(cli_view *view, const char *text)
{
    cli_put_str(view, df_str_from(text));
}

void cli_put_null(cli_view *view)
{
    cli_put_str(view, DF_STR_NONE);
}

void cli_put_styled(cli_view *view, cli_style style, const char *text)
{
    df_str s = df_str_from(text);
    put_value(view, (shown){.people = s, .machine = s, .style = style});
}

void cli_put_format(cli_view *view, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    cli_put_str(view, len < 0 ? DF_STR("") : (df_str){text, (size_t)len});
    if (len >= 0) free(text);
}

/* A number: `machine` digits, `people` what a unit makes of it. */
static void put_number(cli_view *view, df_buf *people, const char *machine)
{
    df_str m = df_str_from(machine);
    put_value(view,
              (shown){.people = people ? df_buf_str(people) : m, .machine = m, .number = true, .json = true});
    if (people) df_buf_release(people);
}

static const char *digits(int64_t value, char out[24])
{
    snprintf(out, 24, "%lld", (long long)value);
    return out;
}

void cli_put_int(cli_view *view, int64_t n)
{
    char text[24];
    put_number(view, NULL, digits(n, text));
}

void cli_put_count(cli_view *view, int64_t n)
{
    char text[24];
    df_buf people = {0};
    df_put_count(&people, n);
    put_number(view, &people, digits(n, text));
}

void cli_put_bytes(cli_view *view, int64_t bytes)
{
    char text[24];
    df_buf people = {0};
    df_put_bytes(&people, bytes);
    put_number(view, &people, digits(bytes, text));
}

static void put_double(cli_view *view, df_buf *people, double number)
{
    df_buf machine = {0};
    if (isfinite(number)) {
        df_json_put_double(&machine, number);
        put_number(view, people, df_buf_cstr(&machine));
        df_buf_release(&machine);
        return;
    }
    df_buf_release(people);
    cli_put_null(view);
}

void cli_put_duration(cli_view *view, double seconds)
{
    df_buf people = {0};
    df_put_duration(&people, isfinite(seconds) ? seconds : 0);
    put_double(view, &people, seconds);
}

void cli_put_ms(cli_view *view, int64_t ms)
{
    if (ms < 0) {
        cli_put_null(view);
        return;
    }
    char text[24];
    df_buf people = {0};
    if (ms < 1000)
        df_buf_printf(&people, "%lld ms", (long long)ms);
    else
        df_put_duration(&people, (double)ms / 1000);
    put_number(view, &people, digits(ms, text));
}

void cli_put_double(cli_view *view, double number, int decimals)
{
    df_buf people = {0};
    df_buf_printf(&people, "%.*f", decimals, number);
    put_double(view, &people, number);
}

void cli_put_time(cli_view *view, int64_t ms)
{
    char text[40], people[40];
    df_time_format(ms, text);
    snprintf(people, sizeof people, "%s", text);
    char *t = strchr(people, 'T'), *dot = strrchr(people, '.');
    if (t) *t = ' ';
    if (dot) *dot = '\0';
    put_value(view, (shown){.people = df_str_from(people), .machine = df_str_from(text)});
}

void cli_put_bool(cli_view *view, bool yes)
{
    df_str machine = yes ? DF_STR("true") : DF_STR("false");
    put_value(view, (shown){.people = yes ? DF_STR("yes") : DF_STR("no"), .machine = machine, .json = true});
}

void cli_put_mark(cli_view *view, cli_mark mark)
{
    static const char *const names[] = {"ok", "failed", "warning", NULL};
    shown v = {.people = df_str_from(cli_mark_text(view->cli, mark)), .machine = df_str_from(names[mark])};
    v.style = cli_mark_style(mark);
    put_value(view, v);
}

void cli_put_list(cli_view *view, const df_str *items, size_t count)
{
    df_buf people = {0}, machine = {0};
    df_json_writer w = {.out = &machine};
    df_json_begin(&w, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) df_buf_text(&people, ", ");
        df_buf_str_add(&people, items[i]);
        df_json_add_str(&w, NULL, items[i]);
    }
    df_json_end(&w, ']');
    bool json = view->format == CLI_AS_JSON;
    put_value(view, (shown){.people = df_buf_str(&people),
                            .machine = json ? df_buf_str(&machine) : df_buf_str(&people),
                            .json = json});
    df_buf_release(&people);
    df_buf_release(&machine);
}

void cli_put_raw(cli_view *view, df_str json)
{
    put_value(view, (shown){.people = json, .machine = json, .json = view->format == CLI_AS_JSON});
}
