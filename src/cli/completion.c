/* SPDX-License-Identifier: Apache-2.0 */
/* The bash completion: a script that knows the table by heart, so that completing never runs the program. */
#include "cli/cli_int.h"

#include <stdlib.h>

static bool is_any(const char *text, const char *const *list)
{
    for (; text && *list; list++)
        if (strcmp(text, *list) == 0) return true;
    return false;
}

/* Of commands of two words the first one, once. */
static void put_commands(df_buf *out, const cli_program *program)
{
    const cli_command *c;
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) {
        size_t len = strcspn(c->name, " ");
        df_str first = {c->name, len};
        char *group = df_strdup(first);
        if (!c->name[len] || (!cli_find_command(program, group) && cli_nth_of_group(program, group, 0) == c))
            df_buf_printf(out, "%s%.*s%s%s", i ? " " : "", DF_FMT(first), c->alias ? " " : "",
                          c->alias ? c->alias : "");
        free(group);
    }
}

/* "backup list" is known as backup\ list in patterns. */
static void put_pattern(df_buf *out, const char *name)
{
    for (; *name; name++) df_buf_printf(out, *name == ' ' ? "\\ " : "%c", *name);
}

/* The second words of a group: [name]=words pairs of an associative array. */
static void put_groups(df_buf *out, const cli_program *program)
{
    const cli_command *c, *member;
    df_buf_text(out, "  local -A groups=(");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) {
        size_t len = strcspn(c->name, " ");
        char *group = df_strdup((df_str){c->name, len});
        if (c->name[len] && cli_nth_of_group(program, group, 0) == c) {
            df_buf_printf(out, "[%s]='", group);
            for (size_t n = 0; (member = cli_nth_of_group(program, group, n)); n++)
                df_buf_printf(out, "%s%s", n ? " " : "", member->name + len + 1);
            df_buf_text(out, "' ");
        }
        free(group);
    }
    df_buf_text(out, ")\n");
}

/* What bash is to offer for a value: words, files, directories, or nothing. */
static void put_reply(df_buf *out, const cli_program *program, const cli_option *o)
{
    static const char *const files[] = {"FILE", "PATH", NULL}, *const dirs[] = {"DIR", NULL};
    const char *kind = o->operand ? o->name : o->arg;
    if (o->choices) {
        df_buf_text(out, "words='");
        for (const char *p = o->choices; *p; p++) df_buf_char(out, *p == '|' ? ' ' : *p);
        df_buf_text(out, "'");
    } else if (o->operand && strcmp(kind, "COMMAND") == 0) {
        df_buf_text(out, "words='");
        put_commands(out, program);
        df_buf_text(out, "'");
    } else if (is_any(kind, files))
        df_buf_text(out, "kind=-f");
    else if (is_any(kind, dirs))
        df_buf_text(out, "kind=-d");
    else
        df_buf_text(out, ":");
}

static void put_names(df_buf *out, const cli_option *options)
{
    for (const cli_option *o = options; o && o->name; o++) {
        if (o->operand) continue;
        df_buf_printf(out, " --%s", o->name);
        if (o->also) df_buf_printf(out, " --%s", o->also);
        if (o->type == CLI_FLAG && o->def && strcmp(o->def, "true") == 0)
            df_buf_printf(out, " --no-%s", o->name);
    }
}

/* The values of a command's options, by the option's name. */
static void put_values(df_buf *out, const cli_program *program, const char *command,
                       const cli_option *options)
{
    for (const cli_option *o = options; o && o->name; o++) {
        if (o->operand || !cli_takes_value(o)) continue;
        df_buf_text(out, "    ");
        put_pattern(out, command);
        df_buf_printf(out, ",--%s", o->name);
        if (o->also) {
            df_buf_char(out, '|');
            put_pattern(out, command);
            df_buf_printf(out, ",--%s", o->also);
        }
        df_buf_text(out, ") value=1; ");
        put_reply(out, program, o);
        df_buf_text(out, " ;;\n");
    }
}

static void put_operands(df_buf *out, const cli_program *program, const cli_command *command)
{
    size_t n = 0;
    for (const cli_option *o = command->options; o && o->name; o++) {
        if (!o->operand) continue;
        df_buf_text(out, "      ");
        put_pattern(out, command->name);
        if (o->type == CLI_LIST)
            df_buf_text(out, ",*) ");
        else
            df_buf_printf(out, ",%zu) ", n++);
        put_reply(out, program, o);
        df_buf_text(out, " ;;\n");
    }
}

static void put_canonical_names(df_buf *out, const cli_program *program)
{
    const cli_command *c;
    df_buf_text(out, "      case $word in\n");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++)
        if (c->alias) df_buf_printf(out, "        %s) word=%s ;;\n", c->alias, c->name);
    df_buf_text(out, "        *) ;;\n      esac\n");
}

/*
 * Bash parts words at = and :, so --option=value comes as three words; $prev is set to the option in both
 * spellings. Words before the cursor are counted to know which operand this is.
 */
static const char script_begin[] =
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= count=0 i word last\n"
    "  local words= kind= value=\n"
    "  COMPREPLY=()\n"
    "  if [[ $cur == = ]]; then cur=; fi\n"
    "  if [[ $prev == = ]] && ((COMP_CWORD > 1)); then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    word=${COMP_WORDS[i]} last=${COMP_WORDS[i-1]}\n"
    "    [[ $word == -* || $word == = || $last == = ]] && continue\n"
    "    [[ $takes_value == *\" $command,$last \"* || $takes_value == *\" *,$last \"* ]] && continue\n"
    "    if [[ -z $command ]]; then\n";

static const char script_middle[] = "      command=$word\n"
                                    "    elif ((count == 0)) && [[ ${groups[$command]} && \" "
                                    "${groups[$command]} \" == *\" $word \"* ]]; then\n"
                                    "      command+=\" $word\"\n"
                                    "    else\n"
                                    "      ((count++))\n"
                                    "    fi\n"
                                    "  done\n";

static const char script_end[] = "  if [[ $kind ]]; then\n"
                                 "    compopt -o filenames 2>/dev/null\n"
                                 "    mapfile -t COMPREPLY < <(compgen $kind -- \"$cur\")\n"
                                 "  elif [[ $words ]]; then\n"
                                 "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                                 "  fi\n"
                                 "}\n";

/* "import,--batch-size" for every option that takes a value, "*,--color" for those of every command. */
static void put_taking(df_buf *out, const char *command, const cli_option *options)
{
    for (const cli_option *o = options; o && o->name; o++) {
        if (o->operand || !cli_takes_value(o)) continue;
        df_buf_printf(out, "%s,--%s ", command, o->name);
        if (o->also) df_buf_printf(out, "%s,--%s ", command, o->also);
    }
}

static void put_takes_value(df_buf *out, const cli_program *program)
{
    const cli_command *c;
    df_buf_text(out, "  local takes_value=' ");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) put_taking(out, c->name, c->options);
    put_taking(out, "*", program->options);
    put_taking(out, "*", cli_global_options);
    df_buf_text(out, "'\n");
}

void cli_put_bash(df_buf *out, const cli_program *program)
{
    const cli_command *c;
    df_buf_printf(out,
                  "# bash completion of %s, made from its own table of commands; do not edit.\n_%s()\n{\n",
                  program->name, program->name);
    put_takes_value(out, program);
    put_groups(out, program);
    df_buf_text(out, script_begin);
    put_canonical_names(out, program);
    df_buf_text(out, script_middle);
    df_buf_text(out, "  case $command,$prev in\n");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) put_values(out, program, c->name, c->options);
    put_values(out, program, "*", program->options);
    put_values(out, program, "*", cli_global_options);
    df_buf_text(out, "    *) ;;\n  esac\n  if [[ -z $value && $cur == -* ]]; then\n    case $command in\n");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) {
        df_buf_text(out, "      ");
        put_pattern(out, c->name);
        df_buf_text(out, ") words='");
        put_names(out, c->options);
        df_buf_text(out, "' ;;\n");
    }
    df_buf_text(out, "      *) ;;\n    esac\n    words+='");
    put_names(out, program->options);
    put_names(out, cli_global_options);
    df_buf_text(out, "'\n  elif [[ -z $value && -z $command ]]; then\n    words='");
    put_commands(out, program);
    df_buf_text(out, "'\n  elif [[ -z $value ]]; then\n    case $command,$count in\n");
    for (size_t i = 0; (c = cli_nth_command(program, i)); i++) put_operands(out, program, c);
    df_buf_text(
        out,
        "      *) ;;\n    esac\n    if ((count == 0)); then words+=\" ${groups[$command]}\"; fi\n  fi\n");
    df_buf_text(out, script_end);
    df_buf_printf(out, "complete -F _%s %s\n", program->name, program->name);
}
