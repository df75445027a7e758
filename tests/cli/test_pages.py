# SPDX-License-Identifier: Apache-2.0
"""Help, manual page, reference page and bash completion say the same, and what the parser does."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from tap import check, contains, done, environment, equal, run, run_pty, skip

demo = os.path.abspath(sys.argv[1])
COMMANDS = ["parse-all", "rows", "nest", "fail", "work", "width", "config", "help"]


def options_in(text):
    return set(re.findall(r"--(?:\[no-\])?[a-z][a-z-]*", text))


def plain(text):
    return re.sub(r"\s+", " ", text)


# help
program_help = run(demo, "--help")
equal((program_help.returncode, program_help.stderr), (0, ""), "--help ends well")
equal(run(demo, "help").stdout, program_help.stdout, "help is the same as --help")
equal(run(demo, "-h").stdout, program_help.stdout, "-h too")
command_help = {}
for name in COMMANDS:
    contains(program_help.stdout, f"\n  {name} ", f"--help lists {name}")
    result = run(demo, name, "--help")
    command_help[name] = result.stdout
    equal((result.returncode, result.stderr), (0, ""), f"{name} --help ends well, with nothing that it requires")
    equal(run(demo, "help", name).stdout, result.stdout, f"help {name} is the same")
    contains(result.stdout, f"\nUsage: demo {name}", f"{name} --help shows the synopsis")
    check(all(len(line) <= 80 for line in result.stdout.splitlines()), f"{name} --help fits 80 columns", result.stdout)
check(all(len(line) <= 80 for line in program_help.stdout.splitlines()), "--help fits 80 columns")
groups = [program_help.stdout.index(f"\n{group}\n") for group in ("First group", "Second group", "About the program")]
equal(groups, sorted(groups), "the groups of commands in their order")
for status in (0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 130):
    check(re.search(rf"^  {status} +\S", program_help.stdout, re.M), f"--help explains exit status {status}")
contains(plain(command_help["parse-all"]), "files a batch (1 to 1000; default 100; environment variable DEMO_BATCH_SIZE)",
         "range, default and environment variable in the help")
contains(plain(command_help["parse-all"]), "PATH|--database-url URL [DIR]", "alternatives in the synopsis")
contains(plain(command_help["parse-all"]), "[--version N|--timestamp T]", "alternatives that may be left out")
status, text, _ = run_pty(demo, "parse-all", "--help", columns=50)
check(max(len(re.sub(r"\033\[[0-9]*m", "", line)) for line in text.splitlines()[:12]) <= 50, "help fits the terminal", text)
contains(text, "\033[1mcode\033[0m", "code is bold on a terminal")

# manual page and reference
man = run(demo, "help", "--format", "man")
page = run(demo, "help", "--format", "markdown")
equal((man.returncode, page.returncode), (0, 0), "both pages are made")
if shutil.which("groff"):
    warnings = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=man.stdout, text=True,
                              capture_output=True, check=False)
    equal((warnings.returncode, warnings.stderr), (0, ""), "groff finds nothing wrong with the manual page")
    formatted = subprocess.run(["groff", "-man", "-Tutf8", "-rLL=10000n", "-P-c", "-P-b", "-P-u"], input=man.stdout,
                               text=True, capture_output=True, check=False).stdout
    formatted = formatted.replace("\u2010", "-").replace("−", "-")
    contains(plain(formatted), "with code, .dots and \\backslashes that", "dots and backslashes come out of the manual")
    contains(formatted, "\n       .second paragraph", "also at the beginning of a paragraph")
else:
    skip("groff", "groff is not installed")
    formatted = man.stdout.replace("\\-", "-")
markdown = page.stdout
for name in COMMANDS:
    own = options_in(command_help[name])
    section = markdown[markdown.index(f"\n### {name}\n"):]
    section = section[:section.index("\n##", 5)]
    everywhere = markdown[markdown.index("## Options of every command"):markdown.index("## Configuration")]
    equal(sorted(own), sorted(options_in(section) | options_in(everywhere)),
          f"{name}: reference and help have the same options")
    synopsis = plain(re.search(r"Usage: (.*?)\n(?:Also|\n)", command_help[name], re.S).group(1)).strip()
    contains(plain(section), synopsis, f"{name}: the same synopsis in the reference")
    contains(plain(formatted), synopsis, f"{name}: and in the manual page")
    for option in own:
        check(option in formatted, f"{name}: {option} is in the manual page")
for code in ("not_found", "refused", "mismatch", "connect", "locked", "incomplete", "cancelled", "bug"):
    contains(markdown, f"`{code}`: ", f"error code {code} is in the reference")
    contains(man.stdout, f"\\fB{code}\\fR: ", f"error code {code} is in the manual page")
contains(markdown, "- `DEMO_DATABASE_URL`: Stands in for `--database-url`.", "environment variables are listed")

# completion, in a real bash
script = run(demo, "help", "--format", "bash").stdout
folder = tempfile.mkdtemp()
for name in ("some-file", "a b"):
    open(os.path.join(folder, name), "w", encoding="utf-8").close()
os.mkdir(os.path.join(folder, "some-dir"))


def complete(*words):
    """What bash offers behind these words; the last one is being typed."""
    words = ["demo", *words]
    quoted = " ".join("'" + word + "'" for word in words)
    code = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _demo; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    result = subprocess.run(["bash", "-c", code], env=environment(), cwd=folder, text=True, capture_output=True, check=False)
    if result.stderr:
        return result.stderr
    return sorted(line for line in result.stdout.split("\n") if line)


equal(complete("r"), ["rows"], "a command's name")
equal(complete(""), sorted(COMMANDS + ["parse"]), "all commands and aliases")
equal(complete("rows", "--f"), ["--format"], "a command's option")
equal(complete("rows", "--format", ""), ["auto", "csv", "json", "lines", "table"], "the choices of an option")
equal(complete("rows", "--format", "=", "c"), ["csv"], "the choices behind =, as bash parts the words")
equal(complete("rows", "--format", "="), ["auto", "csv", "json", "lines", "table"], "all of them")
equal(complete("--color", "n"), ["never"], "a global option before the command")
equal(complete("--color", "never", "r"), ["rows"], "whose value is not the command")
equal(complete("parse", "--mo"), ["--mode"], "an alias has the options of its command")
equal(complete("parse-all", "--no"), ["--no-cache"], "--no- for a flag that is on")
equal(complete("parse-all", "s"), ["some-dir", "some-file"], "a PATH completes to files")
equal(complete("parse-all", "x", ""), ["some-dir"], "a DIR completes to directories")
equal(complete("parse-all", "--version", "3", "x", ""), ["some-dir"], "values of options are not counted as operands")
equal(complete("parse-all", "--batch-size", ""), [], "nothing is offered for a number")
equal(complete("fail", ""), ["bug", "engine", "file", "half", "usage"], "the choices of an operand")
equal(complete("help", "ro"), ["rows"], "commands for help")
equal(complete("rows", "--config", "some"), ["some-dir", "some-file"], "a FILE")
contains(" ".join(complete("rows", "--")), "--verbose", "global options are offered behind a command")
shutil.rmtree(folder)
done()
