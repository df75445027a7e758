# SPDX-License-Identifier: Apache-2.0
"""Settings: environments, the file .env, references, durations, precedence; commands of two words; log levels."""
import json
import os
import subprocess
import sys
import tempfile

from tap import check, contains, done, environment, equal, run, run_pty

depot = os.path.abspath(sys.argv[1])
folder = tempfile.TemporaryDirectory()
here = folder.name


def write(name, text, mode=0o600):
    path = os.path.join(here, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def forget(*names):
    for name in names:
        if os.path.exists(os.path.join(here, name)):
            os.unlink(os.path.join(here, name))


def show(*args, env=None):
    result = run(depot, "show", "--json", *args, env=env, cwd=here)
    return json.loads(result.stdout) if result.returncode == 0 else {"error": result.stderr}


def fails(args, message, hint="", env=None, status=2):
    result = run(depot, *args, env=env, cwd=here)
    name = " ".join(args)
    equal(result.returncode, status, f"{name}: status {status}")
    contains(result.stderr, f"error: {message}", f"{name}: {message}")
    contains(result.stderr, hint, f"{name}: what to do")
    equal(result.stdout, "", f"{name}: nothing on standard output")
    return result.stderr


# ---- durations ----
for text, ms in (("0", 0), ("500ms", 500), ("30s", 30000), ("10min", 600000), ("10m", 600000), ("2h", 7200000), ("1d", 86400000),
                 ("1h 30min", 5400000), ("1h30min", 5400000), ("1.5 s", 1500), ("0.25s", 250), ("none", -1)):
    equal(show("--timeout", text)["timeout"], ms, f"--timeout {text}")
for text in ("5", "", "s", "5 parsecs", "-1s", "1.s.", "99999999999999999999s", "9223372036854775807s", "10 min x", "nan"):
    fails(["show", f"--timeout={text}"], f'--timeout needs a duration with its unit, or none, not "{text}"', "500ms, 30s, 10min")
fails(["show", "--wait", "none"], '--wait needs a duration with its unit, not "none"')
rows = {r["option"]: r for r in json.loads(run(depot, "config", "show", "--json", "--wait", "90min", cwd=here).stdout)}
equal((rows["wait"]["value"], rows["timeout"]["value"]), ("90min", "2s"), "durations are shown with the unit that fits")
equal(show("--wait", rows["wait"]["value"])["wait"], 5400000, "and read back as the same")

# ---- precedence, each against the next ----
FILE = """url = file-top
timeout = 3s
hook = top hook
placeholder.a = top-a
placeholder.b = top-b
[show]
timeout = 4s
[env.production]
url = file-production
timeout = 5s
hook = first
hook = second ${HOME}
placeholder.a = production-a
[env.staging]
url = ${STAGING_URL}
retries = 9
"""
equal((show()["timeout"], show()["timeout_origin"]), (2000, "default"), "default")
write("depot.ini", FILE)
equal((show()["timeout"], show()["timeout_origin"]), (4000, "depot.ini:7"), "the command's section over the file's top")
got = show("--env", "production")
equal((got["timeout"], got["timeout_origin"]), (5000, "depot.ini:10"), "the environment's section over both")
equal((got["url"], got["url_origin"], got["env_origin"]), ("file-production", "depot.ini:9", "option --env"), "its URL")
equal(got["hook"], ["first", "second ${HOME}"], "a list of the environment stands instead of the top's; hooks are left to the shell")
equal(sorted(got["placeholder"]), ["a=production-a", "b=top-b"], "names with values are merged by name")
equal(sorted(show("--env", "production", "--placeholder", "a=flag", "--placeholder", "c=flag")["placeholder"]),
      ["a=flag", "b=top-b", "c=flag"], "flags over the file, by name")
equal(show()["hook"], ["top hook"], "the top's list without an environment")
equal(show("--hook", "mine")["hook"], ["mine"], "a flag's list stands instead of the file's")
write(".env", "DATABASE_URL=dotenv\n")
got = show("--env", "production")
equal((got["url"], got["url_origin"]), ("dotenv", ".env:1: DATABASE_URL"), ".env over the environment's section")
equal((got["url_overruled"], got["url_overruled_at"]), ("file-production", "depot.ini:9"), "and what it overruled is known")
equal(show()["url_overruled"], None, "which matters for an environment's section only")
got = show("--env", "production", env={"DATABASE_URL": "real"})
equal((got["url"], got["url_origin"]), ("real", "environment variable DATABASE_URL"), "the environment over .env")
got = show(env={"DATABASE_URL": "second", "DEPOT_DATABASE_URL": "first"})
equal(got["url"], "first", "of two variables the first")
write(".env", "DEPOT_DATABASE_URL=dotenv\n")
equal(show(env={"DATABASE_URL": "real"})["url"], "real", "a variable that is set over any in .env")
equal(show("--url", "flag", env={"DATABASE_URL": "real"})["url"], "flag", "a flag over all, by its second name")
equal(show("--database-url", "flag")["url_origin"], "option --database-url", "and by its first")
forget(".env")

# ---- which environment ----
equal(show(env={"DEPOT_ENV": "production"})["env"], "production", "DEPOT_ENV chooses the environment")
equal(show(env={"DEPOT_ENV": "production"})["timeout"], 5000, "and so its section")
write(".env", "DEPOT_ENV=production\n")
equal(show()["timeout"], 5000, "also from .env")
forget(".env")
text = fails(["show", "--env", "prodution"], 'unknown environment "prodution"', "did you mean production? (depot.ini has production, staging)")
contains(text, "at: depot.ini", "the file is named")
fails(["show", "--env", "xyz"], 'unknown environment "xyz"', "a section [env.xyz] in depot.ini makes it one")
fails(["show", "--env", "development"], 'unknown environment "development"', "depot.ini has production, staging")
equal(show()["env"], "development", "the default needs no section")
write("depot.ini", "env = prod\n[env.production]\n")
text = fails(["show"], 'unknown environment "prod"', "did you mean production?")
contains(text, "at: depot.ini:1", "with the line that chose it")
write("depot.ini", "env = production\n[env.production]\nretries = 7\n")
equal((show()["retries"], show()["env_origin"]), (7, "depot.ini:1"), "the file's top may choose it")
equal(show("--env", "production")["retries"], 7, "and a flag, too")
forget("depot.ini")
equal(show("--env", "production")["env"], "production", "without a file the names that the program knows")
fails(["show", "--env", "staging"], 'unknown environment "staging"', "there are development, production")

# ---- references ----
write("depot.ini", FILE)
got = show("--env", "staging")
equal((got["url"], got["url_lack"]), (None, "depot.ini:15: the environment variable STAGING_URL is not set"),
      "a secret that is not set is missing, with the reason, and no other stands in for it")
equal(show("--env", "staging", env={"STAGING_URL": "s"})["url"], "s", "and is taken when it is")
contains(run(depot, "config", "show", "--env", "staging", cwd=here).stdout, "STAGING_URL is not set", "config show says so, too")
got = show("--env", "staging", env={"DATABASE_URL": "real"})
equal((got["url"], got["url_overruled_at"]), ("real", "depot.ini:15"), "a variable over a reference that is not set is noticed")
write("depot.ini", "folder = ${TOP:-there}/x\n")
equal((show()["folder"], show(env={"TOP": "here"})["folder"]), ("there/x", "here/x"), "${NAME:-instead}")
write("depot.ini", "\nfolder = ${TOP}/x\n")
text = fails(["show"], "depot.ini:2: folder: the environment variable TOP is not set", "write ${TOP:-VALUE}")
contains(text, "at: depot.ini:2", "with its line")
write("depot.ini", "folder = a$b ${ c} $${\n")
equal(show()["folder"], "a$b ${ c} $${", "what is no reference stays")
write("depot.ini", "url = u\n[env.production]\nurl-file = f\n")
got = show("--env", "production")
equal((got["url"], got["url_file"]), (None, "f"), "of entries that exclude each other the stronger part's holds")
equal(show()["url"], "u", "elsewhere the other one")
equal(show("--env", "production", env={"DATABASE_URL": "real"})["url_file"], None, "a variable excludes it, too")
write("depot.ini", "url = u\nurl-file = f\n")
fails(["show"], "--database-url and --url-file exclude each other")

# ---- mistakes in the file ----
write("depot.ini", "[env.production]\nretrys = 3\n")
text = fails(["show"], 'depot.ini:2: an environment has no setting "retrys"', "did you mean retries?")
contains(text, "at: depot.ini:2", "also of an environment that was not chosen")
write("depot.ini", "[env.production]\nenv = x\n")
fails(["show"], 'depot.ini:2: an environment has no setting "env"')
write("depot.ini", "folder = x\nfoldr = y\n")
fails(["show"], 'depot.ini:2: there is no setting or option "foldr"', "did you mean folder?")
write("depot.ini", "[production]\n")
fails(["show"], "depot.ini:1: section [production] is no command of depot and no environment", "an environment is written [env.NAME]")
write("depot.ini", "[env.production]\nretries = many\n")
fails(["show", "--env", "production"], "depot.ini:2: retries needs a whole number")
write("depot.ini", "[env.production]\nplaceholder = many\n")
fails(["show", "--env", "production"], 'depot.ini:2: an environment has no setting "placeholder"')
write("depot.ini", "[stack push]\nkeep = 3\n[stack:push]\nkeep = 4\n")
check("error" not in show(), "a section of a command of two words")
write("depot.ini", "url = postgresql://u:secret@h/d\n", mode=0o644)
contains(run(depot, "show", cwd=here).stderr, "others can read it", "a password that others can read is warned of")
for text in ("url = sqlite:x.db\n", "url = ${X:-u}\n", "url = postgresql://me@host/db?a=b\n".replace("me@", "")):
    write("depot.ini", text, mode=0o644)
    equal(run(depot, "show", cwd=here).stderr, "", f"{text.strip()} is no password")
write("depot.ini", "url = postgresql://u:secret@h/d\nkey = k1\n")
text = run(depot, "config", "show", cwd=here).stdout
contains(text, "masked 25", "secrets are shown as the program masks them")
check("secret" not in text and "k1" not in text, "and not otherwise", text)
forget("depot.ini")

# ---- the file .env ----
write(".env", """# comment
export DEPOT_DATABASE_URL = "a b\\n\\"c\\" ${HOME} \\$x" # behind
PLAIN=x#y z  # comment
SINGLE='${HOME} "q"'
MULTI="one
two"
EMPTY=
TWICE=1
TWICE=2
REFERS=${PLAIN}/${NOTHING:-instead}
""")
got = show(env={"HOME": "/h"})
equal((got["url"], got["url_origin"]), ('a b\n"c" /h $x', ".env:2: DEPOT_DATABASE_URL"), "quotes, escapes, export, references")


def variable(name, env=None):
    write("depot.ini", f"folder = ${{{name}:-none}}\n")
    return show(env=env)["folder"]


equal(variable("PLAIN"), "x#y z", "a bare value ends at a # behind a blank")
equal(variable("SINGLE"), '${HOME} "q"', "single quotes keep everything")
equal(variable("MULTI"), "one\ntwo", "a value of several lines")
equal(variable("EMPTY"), "none", "an empty one is none")
equal(variable("TWICE"), "2", "the last one wins")
equal(variable("TWICE", env={"TWICE": "0"}), "0", "the environment is never overridden")
equal(variable("REFERS"), "x#y z/instead", "references to earlier lines")
forget("depot.ini")
write(".env", "\ufeffA=1\nthis is no assignment\nB = 2\nC='open\n")
result = run(depot, "show", "--json", cwd=here)
equal(result.returncode, 0, "a line that is not understood does no harm")
contains(result.stderr, "warning: .env:2: not a line NAME=VALUE; left out", "and is named")
contains(result.stderr, ".env:4:", "as is a quote that does not end")
equal((variable("A"), variable("B")), ("1", "2"), "the others hold")
other = write("other.env", "DATABASE_URL=other\n")
equal(show("--env-file", other)["url"], "other", "--env-file names another file")
fails(["show", "--env-file", "none.env"], "file of variables", status=1)
forget(".env", "other.env", "depot.ini")
os.mkdir(os.path.join(here, ".env"))
fails(["show"], "file of variables: .env is not a regular file", status=1)
os.rmdir(os.path.join(here, ".env"))

# ---- commands of two words ----


def command(*args):
    result = run(depot, *args, "--json", cwd=here)
    return json.loads(result.stdout).get("command") if result.returncode == 0 else result.stderr


equal(command("stack"), "stack", "a command that is also the first word of others")
equal(command("stack", "pop"), "stack pop", "two words")
equal(command("stack:pop"), "stack pop", "with a colon")
equal(command("stack", "--wait", "1s", "pop"), "stack pop", "an option of the program may stand between them")
equal(command("--env", "production", "box", "open"), "box open", "or before them")
equal(command("stack", "push", "--keep", "2", "red"), "stack push", "with options and operands of its own")
fails(["stack", "psh"], 'unknown command "stack psh"', "did you mean stack push?")
fails(["stack", "push"], "stack push needs ITEM", "")
fails(["stack", "push", "blue"], 'ITEM is red or green, not "blue"')
fails(["stack", "--dry-run", "pop"], "stack pop: --dry-run stands in the middle of the command", "options stand behind it")
fails(["box"], "which command? box open, box close", "see: depot box --help")
fails(["box", "opn"], 'unknown command "box opn"', "did you mean box open?")
fails(["stac"], 'unknown command "stac"', "did you mean stack?")
contains(run(depot, "box", "--help").stdout, "box close                 close it", "--help behind a first word lists them")
equal(run(depot, "help", "box").stdout, run(depot, "box", "--help").stdout, "help does the same")
contains(run(depot, "stack", "--help").stdout, "stack push                push one", "a command names those behind it")
equal(run(depot, "help", "stack", "push").stdout, run(depot, "stack", "push", "--help").stdout, "help of two words")
contains(run(depot, "help", "settings").stdout, "--placeholder NAME=VALUE", "help settings")
check("--placeholder" not in run(depot, "stack", "--help").stdout, "settings do not crowd the help of commands")

# ---- pages ----
man, page = run(depot, "help", "--format", "man"), run(depot, "help", "--format", "markdown")
equal((man.returncode, page.returncode), (0, 0), "the table has no faults")
for part in ("\n### stack push\n", "\n## Settings\n", "[env.NAME]", "- `DEPOT_DATABASE_URL`: Stands in for `--database-url`.",
             "- `DATABASE_URL`: Stands in for `--database-url`.", "`LOG_LEVEL`", "also `--url`", "with a unit, as `30s`"):
    contains(page.stdout.replace("\\[", "[").replace("\\]", "]").replace("With", "with").replace("Also", "also"), part,
             f"the reference has {part.strip()}")

script = run(depot, "help", "--format", "bash").stdout


def complete(*words):
    words = ["depot", *words]
    quoted = " ".join("'" + word + "'" for word in words)
    code = f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _depot; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    result = subprocess.run(["bash", "-c", code], env=environment(), cwd=here, text=True, capture_output=True, check=False)
    return result.stderr or sorted(line for line in result.stdout.split("\n") if line)


equal(complete(""), ["box", "config", "help", "log", "show", "stack"], "completion: first words, each once")
equal(complete("stack", ""), ["pop", "push"], "completion: second words")
equal(complete("box", "o"), ["open"], "completion: of a word that is no command by itself")
equal(complete("stack", "push", ""), ["green", "red"], "completion: operands behind both")
equal(complete("stack", "push", "--ke"), ["--keep", "--key"], "completion: its options and the program's")
equal(complete("stack", "--dr"), ["--dry-run"], "completion: those of the first word alone")
equal(complete("show", "--url", "x", "--ur"), ["--url", "--url-command", "--url-file"], "completion: second names of options")

# ---- the log ----


def levels(*args, **env):
    text = run(depot, "log", *args, env=env, cwd=here).stderr
    return [part for part in ("an error", "a warning", "some information", "Lock wanted", "PROGRESS half", "a detail") if part in text]


usual = ["an error", "a warning", "Lock wanted", "PROGRESS half"]
everything = ["an error", "a warning", "some information", "Lock wanted", "PROGRESS half", "a detail"]
equal(levels(), usual, "warnings, progress, and what people wait for")
equal(levels(LOG_LEVEL="DEBUG"), everything, "LOG_LEVEL=DEBUG")
equal(levels(LOG_LEVEL="info"), everything[:5], "LOG_LEVEL=info")
equal(levels(LOG_LEVEL="Warning"), usual, "LOG_LEVEL=Warning")
equal(levels(LOG_LEVEL="ERROR"), ["an error"], "LOG_LEVEL=ERROR")
equal(levels("--quiet", LOG_LEVEL="DEBUG"), ["an error"], "--quiet over LOG_LEVEL")
equal(levels("-vv", LOG_LEVEL="ERROR"), everything, "--verbose over LOG_LEVEL")
contains(run(depot, "log", env={"LOG_LEVEL": "loud"}).stderr, "warning: LOG_LEVEL=loud is none of", "a level that nobody knows")
write(".env", "LOG_LEVEL=DEBUG\n")
equal(levels(), everything, "LOG_LEVEL in .env")
forget(".env")
text = run(depot, "log").stderr
check("\nLock wanted\n" in text, "what scripts look for has no time before it", text)
check(any(line.endswith("Z PROGRESS half") for line in text.splitlines()), "progress has", text)
status, text, _ = run_pty(depot, "log")
check("PROGRESS half" not in text and "Lock wanted" in text, "on a terminal the redrawn line tells the progress", text)
equal(show(env={"npm_lifecycle_event": "x", "npm_config_loglevel": "verbose"})["verbose"], 1, "npm run x --verbose is --verbose")
equal(show(env={"npm_config_loglevel": "verbose"})["verbose"], 0, "but only below npm run")

# ---- an error within a document ----
result = run(depot, "log", "--json")
document = json.loads(result.stdout)
equal((result.returncode, list(document), document["took"]), (1, ["took", "error"], 1500), "how far the work came, and the error")
equal((document["error"]["statement"], document["error"]["line"]), (3, 12), "with the statement")
contains(run(depot, "log").stderr, "at: a.sql:12 (statement 3)", "and for people")

# ---- marks where nothing says what people can see ----
equal(run(depot, "config", "show", env={"LANG": None}, cwd=here).stdout, run(depot, "config", "show", cwd=here).stdout,
      "without a locale, files and pipes get UTF-8")
folder.cleanup()
done()
