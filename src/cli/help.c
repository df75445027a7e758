/* SPDX-License-Identifier: Apache-2.0 */
/* `--help`, of the program and of each command, from the table. */
#include "base/error.h"
#include "cli/cli_int.h"

typedef struct printer {
    df_buf *out;
    const cli_context *cli;
    size_t width; /* of the screen */
} printer;

static void heading(const printer *p, const char *text)
{
    if (p->cli->color)
        df_buf_printf(p->out, "\n%s%s%s\n", cli_style_on(CLI_BOLD), text, CLI_STYLE_OFF);
    else
        df_buf_printf(p->out, "\n%s\n", text);
}

static void pad(df_buf *out, size_t n)
{
    while (n--) df_buf_char(out, ' ');
}

/* One word; of `code` the quotes become bold where there are colours. */
static void put_word(const printer *p, df_str word, bool *bold)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] != '`' || !p->cli->color) {
            df_buf_char(p->out, word.ptr[i]);
            continue;
        }
        *bold = !*bold;
        df_buf_text(p->out, *bold ? cli_style_on(CLI_BOLD) : CLI_STYLE_OFF);
    }
}

static size_t word_length(df_str text, bool whole)
{
    size_t len = 0, depth = 0;
    for (; len < text.len; len++) {
        char c = text.ptr[len];
        if (c == '[') depth++;
        if (c == ']' && depth) depth--;
        if ((c == ' ' || c == '\n') && !(whole && depth)) break;
    }
    return len;
}

/*
 * Fills lines with the words of `text`; the first begins at `column`, the others at `indent`. What stands in
 * brackets stays together when `whole`.
 */
static void put_filled(const printer *p, df_str text, size_t column, size_t indent, bool whole)
{
    bool first = true, bold = false;
    while (text.len) {
        size_t len = word_length(text, whole);
        df_str word = {text.ptr, len};
        text = df_str_skip(text, len + (len < text.len));
        if (!len) continue;
        size_t width = cli_width(word);
        if (!first && column + 1 + width > p->width) {
            df_buf_char(p->out, '\n');
            pad(p->out, indent);
            column = indent;
        } else if (!first) {
            df_buf_char(p->out, ' ');
            column++;
        }
        put_word(p, word, &bold);
        column += width;
        first = false;
    }
    df_buf_char(p->out, '\n');
}

/* Paragraphs; one that begins with two blanks stays as it is. */
static void put_paragraphs(const printer *p, const char *text)
{
    while (text && *text) {
        const char *end = strstr(text, "\n\n");
        size_t len = end ? (size_t)(end - text) : strlen(text);
        df_buf_char(p->out, '\n');
        if (text[0] == ' ' && text[1] == ' ')
            df_buf_printf(p->out, "%.*s\n", (int)len, text);
        else
            put_filled(p, (df_str){text, len}, 0, 0, false);
        text += len + (end ? 2 : 0);
    }
}

enum { NAME_COLUMN = 2, TEXT_COLUMN = 28 };

/* "  -v, --verbose             tell more" */
static void put_entry(const printer *p, const char *name, const char *text)
{
    size_t width = cli_width(df_str_from(name));
    pad(p->out, NAME_COLUMN);
    df_buf_text(p->out, name);
    if (NAME_COLUMN + width + 2 > TEXT_COLUMN) {
        df_buf_char(p->out, '\n');
        pad(p->out, TEXT_COLUMN);
    } else {
        pad(p->out, TEXT_COLUMN - NAME_COLUMN - width);
    }
    put_filled(p, df_str_from(text), TEXT_COLUMN, TEXT_COLUMN, false);
}

static void put_option(const printer *p, const cli_option *o)
{
    df_buf name = {0}, text = {0}, limits = {0};
    if (!o->operand) df_buf_text(&name, "    ");
    if (o->letter) memcpy(name.ptr, (char[]){'-', o->letter, ',', ' '}, 4);
    cli_put_usage(&name, o);
    df_buf_text(&text, o->help);
    cli_put_limits(&limits, o, "");
    if (limits.len) df_buf_printf(&text, " (%s)", df_buf_cstr(&limits));
    put_entry(p, df_buf_cstr(&name), df_buf_cstr(&text));
    df_buf_release(&name);
    df_buf_release(&text);
    df_buf_release(&limits);
}

typedef enum which { OPERANDS, OPTIONS, SETTINGS } which;

static bool is_of(const cli_option *o, which wanted)
{
    return wanted == (o->operand ? OPERANDS : o->setting ? SETTINGS : OPTIONS);
}

static void put_options(const printer *p, const cli_option *options, which wanted, const char *title)
{
    for (const cli_option *o = options; o && o->name; o++) {
        if (!is_of(o, wanted)) continue;
        if (title) heading(p, title);
        title = NULL;
        put_option(p, o);
    }
}

/* The program's own options come first. */
static void put_options_of_every_command(const printer *p)
{
    const cli_option *own = p->cli->program->options;
    heading(p, "Options of every command");
    put_options(p, own, OPTIONS, NULL);
    put_options(p, cli_global_options, OPTIONS, NULL);
    if (own)
        df_buf_printf(p->out, "\nSettings, which may also be given as options: %s help settings\n",
                      p->cli->program->name);
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void put_group(const printer *p, const char *group)
{
    const cli_command *command;
    heading(p, group ? group : "Commands");
    for (size_t i = 0; (command = cli_nth_command(p->cli->program, i)); i++)
        if (same(command->group, group)) put_entry(p, command->name, command->help);
}

/* The commands whose first word is `group`. */
static void put_members(const printer *p, const char *group)
{
    const cli_command *command;
    heading(p, "Commands");
    for (size_t i = 0; (command = cli_nth_of_group(p->cli->program, group, i)); i++)
        put_entry(p, command->name, command->help);
}

/* Of the codes that share a status the first one speaks for it; the manual lists them all. */
static void put_exit_statuses(const printer *p)
{
    heading(p, "Exit status");
    for (int status = 0; status < 256; status++)
        for (df_code code = DF_OK; code < DF_CODE_COUNT; code++) {
            if (df_code_exit_status(code) != status) continue;
            char number[16];
            snprintf(number, sizeof number, "%d", status);
            put_entry(p, number, df_code_text(code));
            break;
        }
}

void cli_put_program_help(df_buf *out, const cli_context *cli, size_t width)
{
    const printer p = {out, cli, width};
    const cli_program *program = cli->program;
    df_buf_printf(out, "%s: %s\n\nUsage: %s COMMAND [OBJECT...] [--OPTION...]\n", program->name,
                  program->help, program->name);
    const cli_command *command, *earlier;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++) {
        bool seen = false;
        for (size_t k = 0; k < i && (earlier = cli_nth_command(program, k)); k++)
            seen = seen || same(earlier->group, command->group);
        if (!seen) put_group(&p, command->group);
    }
    put_options_of_every_command(&p);
    put_exit_statuses(&p);
    df_buf_printf(out, "\nHelp on a command: %s COMMAND --help\n", program->name);
    if (program->see) df_buf_printf(out, "%s\n", program->see);
}

void cli_put_command_help(df_buf *out, const cli_context *cli, const cli_command *command, size_t width)
{
    const printer p = {out, cli, width};
    df_buf_printf(out, "%s %s: ", cli->program->name, command->name);
    size_t column = strlen(cli->program->name) + strlen(command->name) + 3;
    put_filled(&p, df_str_from(command->help), column, 2, false);
    df_buf_char(out, '\n');
    df_buf synopsis = {0};
    cli_put_synopsis(&synopsis, command);
    size_t indent = strlen("Usage: ") + strlen(cli->program->name) + 1;
    df_buf_printf(out, "Usage: %s ", cli->program->name);
    put_filled(&p, df_buf_str(&synopsis), indent, indent, true);
    df_buf_release(&synopsis);
    if (command->alias) df_buf_printf(out, "Also: %s %s\n", cli->program->name, command->alias);
    put_paragraphs(&p, command->manual);
    put_options(&p, command->options, OPERANDS, "Objects");
    put_options(&p, command->options, OPTIONS, "Options");
    if (cli_nth_of_group(cli->program, command->name, 0)) put_members(&p, command->name);
    put_options_of_every_command(&p);
    if (!command->examples) return;
    heading(&p, "Examples");
    cli_put_examples(out, cli->program, command->examples, "  ");
}

void cli_put_group_help(df_buf *out, const cli_context *cli, const char *group, size_t width)
{
    const printer p = {out, cli, width};
    df_buf_printf(out, "Usage: %s %s COMMAND [OBJECT...] [--OPTION...]\n", cli->program->name, group);
    put_members(&p, group);
    df_buf_printf(out, "\nHelp on a command: %s %s COMMAND --help\n", cli->program->name, group);
}

void cli_put_settings_help(df_buf *out, const cli_context *cli, size_t width)
{
    const printer p = {out, cli, width};
    const char *name = cli->program->name;
    df_buf text = {0};
    df_buf_printf(
        &text,
        "Lines `name = value` of %s.ini, for all environments at its top, for one below a line "
        "`[env.NAME]`. Each is also an option of every command. `%s config show` prints what holds, and "
        "where it came from.",
        name, name);
    df_buf_printf(out, "%s: settings\n", name);
    put_paragraphs(&p, df_buf_cstr(&text));
    put_options(&p, cli->program->options, OPTIONS, "What to work on");
    put_options(&p, cli->program->options, SETTINGS, "Settings");
    df_buf_release(&text);
}
