# SPDX-License-Identifier: Apache-2.0
"""Arguments, environment, configuration file and defaults, and every way in which they can be wrong."""
import json
import os
import subprocess
import sys
import tempfile

from tap import check, contains, done, environment, equal, run

demo = os.path.abspath(sys.argv[1])


def parse(*args, **kwargs):
    result = run(demo, "--json", "parse-all", *args, **kwargs)
    return json.loads(result.stdout) if result.returncode == 0 else {"status": result.returncode, "text": result.stderr}


def fails(args, message, hint=None, status=2, **kwargs):
    result = run(demo, *args, **kwargs)
    name = " ".join(args) or "(nothing)"
    equal(result.returncode, status, f"{name}: status {status}")
    equal(result.stdout, "", f"{name}: nothing on standard output")
    contains(result.stderr, f"error: {message}\n", f"{name}: says what is wrong")
    if hint:
        contains(result.stderr, f" hint: {hint}", f"{name}: says what to do")
    document = json.loads(run(demo, *args[:1], "--json", *args[1:], **kwargs).stdout)
    equal(list(document["error"]), ["code", "message", "file", "line", "hint", "engine", "native"],
          f"{name}: the same as a JSON document")
    equal(document["error"]["message"], message, f"{name}: with the same message")


# where options may stand, and how they may be written
equal(parse("x")["path"], "x", "an operand")
equal(parse("x", "y")["dir"], "y", "two operands")
for args in (("x", "--batch-size", "7"), ("--batch-size", "7", "x"), ("--batch-size=7", "x"), ("x", "--batch-size=7")):
    got = parse(*args)
    equal((got["path"], got["batch_size"]), ("x", 7), " ".join(args))
equal(parse("x", "-p", "5")["port"], 5, "-p 5")
equal(parse("x", "-p5")["port"], 5, "-p5")
equal(parse("x", "--port", "-3")["port"], -3, "a negative number as a value")
equal(parse("x", "--port", "9223372036854775807")["port"], 2**63 - 1, "the largest number")
equal(parse("--deep", "--", "--deep")["path"], "--deep", "-- ends the options")
equal(parse("-")["path"], "-", "a dash alone is an operand")
equal(parse("x", "--deep")["deep"], True, "a flag")
equal(parse("x", "--deep", "--no-deep")["deep"], False, "--no-deep behind --deep")
equal((parse("x")["cache"], parse("x", "--no-cache")["cache"]), (True, False), "--no-cache turns a default off")
equal(parse("x", "--exclude", "a", "--exclude=b*")["exclude"], ["a", "b*"], "an option given twice")
equal(parse("x")["exclude"], [], "an option not given at all")
equal(parse("x", "--database-url", "")["url"], "", "an empty text is not the same as none")
equal(parse("x", "--exclude=--odd")["exclude"], ["--odd"], "a value that begins with --")
equal(parse("x", "-vv", "-v", "--verbose")["verbose"], 4, "-vv -v --verbose counts")
equal(parse("x", "-qv")["quiet"], True, "letters together")
equal(parse("x", "--version", "3")["version"], 3, "a command's --version is not the program's")
equal(parse("x", "--share", "0.25")["share"], 0.25, "a number with a fraction")
equal(parse("x")["share"], None, "a number not given")
equal(run(demo, "--json", "parse", "x").returncode, 0, "an alias, with a global option before it")
equal(parse("x", "--mode", "fast")["mode"], "fast", "a choice")
equal((parse("x")["mode"], parse("x")["batch_size"]), ("safe", 100), "defaults")
equal(parse("x", "--batch-size", "5", "--batch-size", "6")["batch_size"], 6, "the last one wins")
check("status" not in parse("--database-url", "sqlite:x"), "one of two is enough")
check("status" not in parse("x", "--database-url", "sqlite:x"), "and both are allowed where they do not exclude")

# what is wrong
fails([], "which command?", "all commands: demo --help")
fails(["parze"], 'unknown command "parze"', "did you mean parse?")
fails(["row"], 'unknown command "row"', "did you mean rows?")
fails(["frobnicate"], 'unknown command "frobnicate"', "all commands: demo --help")
fails(["parse", "x", "--databse-url", "u"], "parse-all: unknown option --databse-url", "did you mean --database-url?")
fails(["parse", "x", "--batchsize=3"], "parse-all: unknown option --batchsize", "did you mean --batch-size?")
fails(["parse", "x", "--zzzzzz"], "parse-all: unknown option --zzzzzz", "see: demo parse-all --help")
fails(["parse", "x", "--no-batch-size"], "parse-all: unknown option --no-batch-size")
fails(["--deep", "parse"], "unknown option --deep", "options of a command stand behind its name")
fails(["parse", "x", "-z"], "unknown option -z", "see: demo --help")
fails(["parse", "x", "--batch-size"], "--batch-size needs a value: --batch-size N")
fails(["parse", "x", "--batch-size", "--deep"], "--batch-size needs a value: --batch-size N",
      "a value that begins with -- is written --batch-size=VALUE")
fails(["parse", "x", "--batch-size", "many"], '--batch-size needs a whole number from 1 to 1000, not "many"')
fails(["parse", "x", "--batch-size", "0"], '--batch-size needs a whole number from 1 to 1000, not "0"')
fails(["parse", "x", "--batch-size=1001"], '--batch-size needs a whole number from 1 to 1000, not "1001"')
fails(["parse", "x", "--batch-size", ""], '--batch-size needs a whole number from 1 to 1000, not ""')
fails(["parse", "x", "--port", "9223372036854775808"], '--port needs a whole number, not "9223372036854775808"')
fails(["parse", "x", "--port", "1.5"], '--port needs a whole number, not "1.5"')
fails(["parse", "x", "--version", "-1"], '--version needs a whole number of at least 0, not "-1"')
fails(["parse", "x", "--share", "2"], '--share needs a number from 0 to 1, not "2"')
fails(["parse", "x", "--share", "nan"], '--share needs a number from 0 to 1, not "nan"')
fails(["parse", "x", "--mode", "turbo"], '--mode is fast, slow or safe, not "turbo"')
fails(["parse", "x", "--deep=yes"], "--deep takes no value", "write --deep or --no-deep")
fails(["parse", "x", "y", "z"], 'parse-all: "z" is one argument too many', "see: demo parse-all --help")
fails(["parse"], "parse-all needs PATH or --database-url URL")
fails(["parse", ""], "PATH is empty")
fails(["parse", "x", "--version", "1", "--timestamp", "t"],
      "--version and --timestamp exclude each other: give one of them")
fails(["fail"], "fail needs KIND")
fails(["help", "rowz"], 'unknown command "rowz"; did you mean rows?')

# flag over environment over file over default
with tempfile.TemporaryDirectory() as folder:
    def write(text, name="demo.ini", mode=0o600):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def origin(*args, env=None):
        got = parse(*args, env=env, cwd=folder)
        return got["batch_size"], got["batch_size_origin"]

    equal(origin("x"), (100, "default"), "default")
    write("# comment\n\n batch-size = 20 \nmode=\"fast\"\nexclude = a\nexclude = b\n[rows]\ncount = 3\n")
    equal(origin("x"), (20, "demo.ini:3"), "file over default")
    got = parse("x", cwd=folder)
    equal((got["mode"], got["exclude"]), ("fast", ["a", "b"]), "quotes, repeated options")
    write("batch-size = 20\n[parse-all]\nbatch-size = 30\n")
    equal(origin("x"), (30, "demo.ini:3"), "the command's section over the rest of the file")
    equal(origin("x", env={"DEMO_BATCH_SIZE": "40"}), (40, "environment variable DEMO_BATCH_SIZE"),
          "environment over file")
    equal(origin("x", "--batch-size", "50", env={"DEMO_BATCH_SIZE": "40"}), (50, "option --batch-size"),
          "flag over environment")
    equal(origin("x", env={"DEMO_BATCH_SIZE": ""}), (30, "demo.ini:3"), "an empty variable is none")
    fails(["parse", "x"], 'environment variable DEMO_BATCH_SIZE needs a whole number from 1 to 1000, not "x"',
          env={"DEMO_BATCH_SIZE": "x"})

    write("version = 3\n")
    equal(parse("x", "--timestamp", "t", cwd=folder)["version"], None, "a flag overrules the file's alternative to it")
    equal(parse("x", cwd=folder)["version"], 3, "which holds otherwise")

    write("batch-size = 2000\n")
    fails(["parse", "x"], 'demo.ini:1: batch-size needs a whole number from 1 to 1000, not "2000"', cwd=folder)
    write("\nbatchsize = 2\n")
    fails(["parse", "x"], 'demo.ini:2: no command has an option "batchsize"', "did you mean batch-size?", cwd=folder)
    write("[rows]\nbatch-size = 2\n")
    fails(["parse", "x"], 'demo.ini:2: rows has no option "batch-size"', cwd=folder)
    write("[rowz]\n")
    fails(["parse", "x"], "demo.ini:1: section [rowz] is no command of demo", "did you mean [rows]?", cwd=folder)
    write("batch-size 3\n")
    fails(["parse", "x"], "demo.ini:1: neither `option = value` nor `[command]`", cwd=folder)
    equal(run(demo, "--help", cwd=folder).returncode, 0, "--help does not mind a bad file")

    write("batch-size = 1\n")
    other = write("batch-size = 2\nquiet = true\n", "other.ini")
    equal(origin("x", "--config", other)[0], 2, "--config names the file")
    equal(parse("x", "--config", other)["quiet"], True, "global options may stand in it")
    equal(origin("x", env={"DEMO_CONFIG": other})[0], 2, "DEMO_CONFIG names the file")
    result = run(demo, "parse", "x", "--config", os.path.join(folder, "none.ini"))
    equal(result.returncode, 1, "a file that was named but is not there is an error")
    contains(result.stderr, "none.ini", "which names it")
    os.mkdir(os.path.join(folder, "demo"))
    write("batch-size = 9\n", "demo/demo.ini")
    got = parse("x", env={"XDG_CONFIG_HOME": os.path.join(folder, "demo")}, cwd="/")
    equal(got["batch_size"], 9, "the file in XDG_CONFIG_HOME")

    secret = write("database-url = postgresql://me:secret@host/db\n", mode=0o644)
    result = run(demo, "parse", "x", "--json", cwd=folder)
    contains(result.stderr, "others can read it", "a readable file with a secret is warned of")
    write("database-url = postgresql://me:secret@host/db\n")
    equal(run(demo, "parse", "x", "--json", cwd=folder).stderr, "", "one that is private is not")
    result = run(demo, "config", "show", cwd=folder)
    check("secret" not in result.stdout + result.stderr, "config show hides what may be a password", result.stdout)
    contains(result.stdout, "demo.ini:1", "config show says where a value came from")
    rows = json.loads(run(demo, "config", "show", "parse-all", "--json", env={"DEMO_BATCH_SIZE": "7"}).stdout)
    row = [r for r in rows if r["option"] == "batch-size"][0]
    equal((row["value"], row["origin"]), ("7", "environment variable DEMO_BATCH_SIZE"), "config show --json")

# passwords in the arguments
arguments = [demo, "work", "--progress", "json", "--steps", "100", "--token", "topsecret", "--token=topsecret"]
process = subprocess.Popen(arguments, env=environment(), stderr=subprocess.PIPE)
process.stderr.readline()
with open(f"/proc/{process.pid}/cmdline", encoding="utf-8") as file:
    shown = file.read()
process.kill()
process.wait()
process.stderr.close()
check("topsecret" not in shown, "a secret is not seen in the list of processes", shown)
equal(parse("x", "--database-url=postgresql://u:topsecret@h/d")["url"], "postgresql://u:topsecret@h/d",
      "the command itself gets it")
result = run(demo, "parse", "x", "--database-url", "postgresql://u:topsecret@h/d", "--mode", "x")
check("topsecret" not in result.stderr, "a message about another option does not show it")

# the program's own options
equal(run(demo, "--version").stdout, "demo 1.2.3\na library 1.0\n", "--version")
equal(json.loads(run(demo, "--version", "--json").stdout), {"program": "demo", "version": "1.2.3"}, "--version --json")
done()
