/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page (roff, man macros) and the reference page (Markdown), from the table. */
#include "base/error.h"
#include "cli/cli_int.h"

#include <ctype.h>

typedef struct pages {
    df_buf *out;
    const cli_program *program;
    bool markdown; /* else roff */
} pages;

/* ---- pieces ---- */

/* Text with `code`; backslashes, and dots and quotes at the beginning of a line, mean something to roff. */
static void put_roff(df_buf *out, df_str text)
{
    bool bold = false;
    size_t len;
    for (size_t i = 0; i < text.len; i += len) {
        int32_t c = cli_decode(df_str_skip(text, i), &len);
        bool line_begin = i == 0 || text.ptr[i - 1] == '\n';
        if (line_begin && (c == '.' || c == '\'')) df_buf_text(out, "\\&");
        if (c == '`') {
            bold = !bold;
            df_buf_text(out, bold ? "\\fB" : "\\fR");
        } else if (c == '\\')
            df_buf_text(out, "\\e");
        else if (c == '-')
            df_buf_text(out, "\\-");
        else if (c >= 0x80)
            df_buf_printf(out, "\\[u%04X]", (unsigned)c);
        else if (c >= 0)
            df_buf_char(out, (char)c);
    }
    if (bold) df_buf_text(out, "\\fR");
}

/* In Markdown a | would part cells and < > would be a tag; inside of `code` nothing is special. */
static void put_md(df_buf *out, df_str text)
{
    bool code = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '`') code = !code;
        if (!code && strchr("*_<>|[]\\", c)) df_buf_char(out, '\\');
        df_buf_char(out, c);
    }
}

static void put_text(const pages *p, df_str text)
{
    if (p->markdown)
        put_md(p->out, text);
    else
        put_roff(p->out, text);
}

static void put_section(const pages *p, const char *title, const char *of)
{
    if (p->markdown)
        df_buf_printf(p->out, "\n## %s%s%s\n", title, of ? ": " : "", of ? of : "");
    else {
        df_buf_text(p->out, ".SH \"");
        for (const char *t = title; *t; t++) df_buf_char(p->out, (char)toupper((unsigned char)*t));
        df_buf_text(p->out, "\"\n");
    }
}

static void put_verbatim(const pages *p, df_str text)
{
    df_buf_text(p->out, p->markdown ? "\n```\n" : ".PP\n.nf\n.RS 4\n");
    if (p->markdown)
        df_buf_str_add(p->out, text);
    else
        put_roff(p->out, text);
    df_buf_text(p->out, p->markdown ? "\n```\n" : "\n.RE\n.fi\n");
}

static void put_paragraphs(const pages *p, const char *text)
{
    while (text && *text) {
        const char *end = strstr(text, "\n\n");
        size_t len = end ? (size_t)(end - text) : strlen(text);
        if (text[0] == ' ' && text[1] == ' ')
            put_verbatim(p, (df_str){text, len});
        else {
            df_buf_text(p->out, p->markdown ? "\n" : ".PP\n");
            put_text(p, (df_str){text, len});
            df_buf_char(p->out, '\n');
        }
        text += len + (end ? 2 : 0);
    }
}

/* The line that names a term, before what explains it. */
static void put_term(const pages *p, const char *term)
{
    df_buf_text(p->out, p->markdown ? "\n- `" : ".TP\n\\fB");
    if (p->markdown)
        df_buf_text(p->out, term);
    else
        put_roff(p->out, df_str_from(term));
    df_buf_text(p->out, p->markdown ? "`: " : "\\fR\n");
}

/* "Only letters of our own": the help lines have no capital and no full stop. */
static void put_sentence(const pages *p, const char *text)
{
    df_buf sentence = {0};
    df_buf_text(&sentence, text);
    if (sentence.len) sentence.ptr[0] = (char)toupper((unsigned char)sentence.ptr[0]);
    df_buf_char(&sentence, '.');
    put_text(p, df_buf_str(&sentence));
    df_buf_release(&sentence);
}

static void put_option(const pages *p, const cli_option *o)
{
    df_buf term = {0}, limits = {0};
    if (o->letter) df_buf_printf(&term, "-%c, ", o->letter);
    cli_put_usage(&term, o);
    put_term(p, df_buf_cstr(&term));
    put_sentence(p, o->help);
    if (o->required) df_buf_text(p->out, " Required.");
    cli_put_limits(&limits, o, "`");
    if (limits.len) {
        df_buf_char(p->out, ' ');
        put_sentence(p, df_buf_cstr(&limits));
    }
    df_buf_char(p->out, '\n');
    if (o->manual && p->markdown) {
        for (const char *text = o->manual; *text;) {
            const char *end = strstr(text, "\n\n");
            size_t len = end ? (size_t)(end - text) : strlen(text);
            df_buf_text(p->out, "\n  ");
            put_md(p->out, (df_str){text, len});
            df_buf_char(p->out, '\n');
            text += len + (end ? 2 : 0);
        }
    } else if (o->manual) {
        df_buf_text(p->out, ".RS 7\n");
        put_paragraphs(p, o->manual);
        df_buf_text(p->out, ".RE\n");
    }
    df_buf_release(&term);
    df_buf_release(&limits);
}

/* ---- the sections ---- */

static void put_command_name(const pages *p, const cli_command *c)
{
    df_buf synopsis = {0};
    df_buf_printf(&synopsis, "%s ", p->program->name);
    cli_put_synopsis(&synopsis, c);
    if (p->markdown) {
        df_buf_printf(p->out, "\n### %s\n\n", c->name);
        put_sentence(p, c->help);
        df_buf_printf(p->out, "\n\n```\n%s\n```\n", df_buf_cstr(&synopsis));
    } else {
        df_buf_printf(p->out, ".SS \"%s\"\n", c->name);
        put_sentence(p, c->help);
        df_buf_text(p->out, "\n.PP\n.RS 4\n");
        put_roff(p->out, df_buf_str(&synopsis));
        df_buf_text(p->out, "\n.RE\n");
    }
    df_buf_release(&synopsis);
    if (!c->alias) return;
    df_buf_text(p->out, p->markdown ? "\n" : ".PP\n");
    df_buf_printf(p->out, p->markdown ? "Another name: `%s`.\n" : "Another name: \\fB%s\\fR.\n", c->alias);
}

static void put_command(const pages *p, const cli_command *c)
{
    put_command_name(p, c);
    put_paragraphs(p, c->manual);
    for (const cli_option *o = c->options; o && o->name; o++)
        if (o->operand) put_option(p, o);
    for (const cli_option *o = c->options; o && o->name; o++)
        if (!o->operand) put_option(p, o);
    if (!c->examples) return;
    df_buf examples = {0};
    cli_put_examples(&examples, p->program, c->examples, "");
    examples.len--; /* the last line end */
    put_verbatim(p, df_buf_str(&examples));
    df_buf_release(&examples);
}

static void put_exit_statuses(const pages *p)
{
    int last = -1;
    put_section(p, "Exit status", NULL);
    for (int status = 0; status < 256; status++)
        for (df_code code = DF_OK; code < DF_CODE_COUNT; code++) {
            if (df_code_exit_status(code) != status) continue;
            char number[16];
            snprintf(number, sizeof number, "%d", status);
            if (status != last) put_term(p, number);
            if (status == last && p->markdown) df_buf_text(p->out, "  ");
            if (status == last && !p->markdown) df_buf_text(p->out, ".br\n");
            df_buf_printf(p->out, p->markdown ? "`%s`: " : "\\fB%s\\fR: ", df_code_name(code));
            put_text(p, df_str_from(df_code_text(code)));
            df_buf_text(p->out, p->markdown ? "  \n" : "\n");
            last = status;
        }
}

/* Variables that stand in for the options of one table, each once. */
static void put_variables_of(const pages *p, const cli_option *options, df_buf *seen)
{
    df_str name;
    for (const cli_option *o = options; o && o->name; o++)
        for (size_t i = 0; (name = cli_nth_env(o->env, i)).ptr; i++) {
            char wanted[128];
            snprintf(wanted, sizeof wanted, " %.*s ", DF_FMT(name));
            if (strstr(df_buf_cstr(seen), wanted)) continue;
            df_buf_text(seen, wanted);
            wanted[name.len + 1] = '\0';
            put_term(p, wanted + 1);
            df_buf_text(p->out, "Stands in for ");
            df_buf_printf(p->out, p->markdown ? "`--%s`.\n" : "\\fB\\-\\-%s\\fR.\n", o->name);
        }
}

static void put_environment(const pages *p)
{
    const cli_program *program = p->program;
    const cli_command *c;
    df_buf seen = {0};
    put_section(p, "Environment", NULL);
    put_variables_of(p, program->options, &seen);
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) put_variables_of(p, c->options, &seen);
    df_buf config = {0};
    cli_put_env_name(&config, program, "_CONFIG");
    put_term(p, df_buf_cstr(&config));
    df_buf_text(p->out, "The configuration file.\n");
    if (program->log_env) {
        put_term(p, program->log_env);
        df_buf_text(p->out,
                    "How much is logged: ERROR, WARN, INFO (as with --verbose), DEBUG (as with -vv).\n");
    }
    put_term(p, "NO_COLOR");
    df_buf_text(p->out, "When set and not empty, nothing is coloured.\n");
    if (program->env_file)
        put_paragraphs(
            p, "Lines `NAME=VALUE` of a file `.env` in the current directory, or of the one that --env-file "
               "names, stand in for variables that are not set, for the program and for what it starts. "
               "Comments, `export`, quotes and `${NAME}` are understood as by a shell.");
    df_buf_release(&config);
    df_buf_release(&seen);
}

static void put_configuration(const pages *p)
{
    const char *name = p->program->name;
    put_section(p, "Configuration", NULL);
    df_buf text = {0};
    df_buf_printf(
        &text,
        "What stands in the configuration file holds unless the environment says otherwise, and what is "
        "given on the command line wins over both. One file is read, the first of: `--config`, the "
        "environment variable named below, `%s.ini` in the current directory, `%s.ini` in "
        "`$XDG_CONFIG_HOME` or `~/.config`. It holds lines `option = value`, without the dashes, for every "
        "command that has the option, and below a line `[command]` for that command alone. Options that "
        "may be given several times may stand several times. Lines that begin with # or ; are comments. "
        "`%s config show` prints what holds, and where it came from.",
        name, name, name);
    put_paragraphs(p, df_buf_cstr(&text));
    df_buf_release(&text);
    if (p->program->environments)
        put_paragraphs(
            p, "Below a line `[env.NAME]` stand settings of the environment NAME; they win over the rest of "
               "the file. `${NAME}` in a value is replaced by the environment variable, `${NAME:-TEXT}` by "
               "TEXT when it is not set, so that passwords need not stand in the file. An unknown setting, "
               "command or environment is an error that names its line.");
    if (!p->program->options) return;
    put_section(p, "Settings", NULL);
    put_paragraphs(p, "Meant for the configuration file; each is also an option of every command.");
    for (const cli_option *o = p->program->options; o->name; o++)
        if (o->setting) put_option(p, o);
}

static void put_page(const pages *p)
{
    put_section(p, "Description", NULL);
    put_paragraphs(p, p->program->manual ? p->program->manual : p->program->help);
    put_paragraphs(
        p,
        "Standard output holds the result only; with --json it is exactly one JSON document, also when the "
        "command fails: `{\"error\":{\"code\",\"message\",\"file\",\"line\",\"hint\",\"engine\","
        "\"native\"}}`. Everything else goes to standard error. The first interrupt (SIGINT, SIGTERM) ends "
        "the work at the next safe point, the second at once.");
    put_section(p, "Commands", NULL);
    const cli_command *c;
    for (size_t i = 0; (c = cli_nth_command(p->program, i)); i++) put_command(p, c);
    put_section(p, "Options of every command", NULL);
    for (const cli_option *o = p->program->options; o && o->name; o++)
        if (!o->setting) put_option(p, o);
    for (const cli_option *o = cli_global_options; o->name; o++) put_option(p, o);
    put_configuration(p);
    put_environment(p);
    put_exit_statuses(p);
}

void cli_put_man(df_buf *out, const cli_program *program)
{
    const pages p = {out, program, false};
    df_buf_text(out, ".\\\" Made from the program's own table of commands; do not edit.\n.TH \"");
    for (const char *t = program->name; *t; t++) df_buf_char(out, (char)toupper((unsigned char)*t));
    df_buf_printf(out, "\" \"1\" \"\" \"%s %s\" \"User Commands\"\n.nh\n.ad l\n.SH NAME\n", program->name,
                  program->version);
    df_buf_text(out, program->name);
    df_buf_text(out, " \\- ");
    put_roff(out, df_str_from(program->help));
    df_buf_printf(out, "\n.SH SYNOPSIS\n\\fB%s\\fR COMMAND [OBJECT...] [\\-\\-OPTION...]\n", program->name);
    put_page(&p);
}

void cli_put_markdown(df_buf *out, const cli_program *program)
{
    const pages p = {out, program, true};
    df_buf_printf(
        out,
        "<!-- Made from the program's own table of commands (help --format markdown); do not edit. -->\n"
        "# %s\n\n",
        program->name);
    put_sentence(&p, program->help);
    df_buf_printf(out, "\n\n```\n%s COMMAND [OBJECT...] [--OPTION...]\n```\n", program->name);
    put_page(&p);
}
