/* SPDX-License-Identifier: Apache-2.0 */
/* Children: what they get, what is heard of them, and that they end when they should. */
#include "io/process.h"

#include "base/clock.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static df_code start_shell(const char *script, int in, int out, const char *const *environment, df_process *p,
                           df_error *err)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    df_process_options options = {.argv = argv, .environment = environment, .in = in, .out = out};
    return df_process_start(&options, p, err);
}

/* Runs a script, and compares what it writes. */
static void says(const char *script, const char *const *environment, const char *expected, const char *what)
{
    df_process p;
    df_error err = {0};
    df_buf got = {0};
    char bytes[100];
    size_t n = 1;
    df_code code = start_shell(script, DF_PROCESS_NULL, DF_PROCESS_PIPE, environment, &p, &err);
    while (code == DF_OK && n) {
        code = df_process_read(&p, bytes, sizeof bytes, &n, NULL, &err);
        if (code == DF_OK) df_buf_add(&got, bytes, n);
    }
    if (code == DF_OK) code = df_process_end(&p, NULL, &err);
    check(code == DF_OK && df_str_is(df_buf_str(&got), expected), "%s", what);
    if (code != DF_OK) note("%s", err.message);
    if (!df_str_is(df_buf_str(&got), expected)) note("it wrote: %s", df_buf_cstr(&got));
    df_process_release(&p);
    df_buf_release(&got);
}

static void environments(void)
{
    setenv("DF_TEST_KEPT", "ours", 1);
    setenv("DF_TEST_SECRET", "hidden", 1);
    setenv("DF_TEST_CHANGED", "old", 1);
    const char *const wishes[] = {"DF_TEST_SECRET", "DF_TEST_CHANGED=new", "DF_TEST_ADDED=a=b", NULL};
    says("echo $DF_TEST_KEPT,$DF_TEST_SECRET,$DF_TEST_CHANGED,$DF_TEST_ADDED", wishes, "ours,,new,a=b\n",
         "variables are kept, taken out, changed and added");
}

static void files(void)
{
    char script[100];
    int fd, hidden = open("/dev/null", O_RDONLY); /* without O_CLOEXEC nothing could be said of it */
    df_error err;
    df_process p;
    char bytes[64] = "";
    check(df_memory_file(DF_STR("secret"), &fd, &err) == DF_OK, "a file in memory is made");
    snprintf(script, sizeof script, "cat /dev/fd/%d; stat -Lc %%a /dev/fd/%d", fd, fd);
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    df_process_options options = {
        .argv = argv, .in = DF_PROCESS_NULL, .out = DF_PROCESS_PIPE, .keep = &fd, .n_keep = 1};
    check(df_process_start(&options, &p, &err) == DF_OK, "a child is given a file");
    for (size_t at = 0, got = 1; got; at += got) {
        if (df_process_read(&p, bytes + at, sizeof bytes - 1 - at, &got, NULL, &err) != DF_OK) break;
    }
    check(df_process_end(&p, NULL, &err) == DF_OK && strcmp(bytes, "secret600\n") == 0,
          "it reads it under its number; nobody else may");
    df_process_release(&p);
    close(hidden);
    close(fd);
}

/* More than a pipe holds, there and back by way of a file. */
static void much_input(void)
{
    enum { PIECE = 100 * 1000, PIECES = 50 };
    char *piece = df_zalloc(PIECE), path[] = "/tmp/df-process-XXXXXX", script[200];
    df_error err = {0};
    df_process p;
    int file = mkstemp(path);
    snprintf(script, sizeof script, "wc -c > %s; seq 1 50000 >&2; echo last words >&2", path);
    df_code code = start_shell(script, DF_PROCESS_PIPE, DF_PROCESS_NULL, NULL, &p, &err);
    for (int i = 0; code == DF_OK && i < PIECES; i++) code = df_process_write(&p, piece, PIECE, NULL, &err);
    if (code == DF_OK) code = df_process_end(&p, NULL, &err);
    char count[32] = "";
    ssize_t n = read(file, count, sizeof count - 1);
    check(code == DF_OK && n > 0 && atoi(count) == PIECE * PIECES, "five megabytes reach the child: %d",
          atoi(count));
    check(p.said.len < 64 * 1024 && df_str_ends(df_buf_str(&p.said), DF_STR("last words\n")),
          "of much on standard error the end is kept (%zu bytes)", p.said.len);
    df_process_release(&p);
    close(file);
    unlink(path);
    free(piece);
}

static void failures(void)
{
    df_process p;
    df_error err = {0};
    const char *argv[] = {"/nowhere/program", NULL};
    df_process_options options = {.argv = argv, .in = DF_PROCESS_NULL, .out = DF_PROCESS_NULL};
    check(df_process_start(&options, &p, &err) == DF_NOT_FOUND && strstr(err.message, "/nowhere/program"),
          "a program that is not there is named: %s", err.message);
    df_process_release(&p);

    df_code code = start_shell("echo first >&2; echo second >&2; exit 3", DF_PROCESS_NULL, DF_PROCESS_NULL,
                               NULL, &p, &err);
    check(code == DF_OK && df_process_end(&p, NULL, &err) == DF_FAILED && strstr(err.message, "status 3") &&
              strstr(err.message, "first second"),
          "status and complaint of a failing child: %s", err.message);
    df_process_release(&p);

    code = start_shell("kill -9 $$", DF_PROCESS_NULL, DF_PROCESS_NULL, NULL, &p, &err);
    check(code == DF_OK && df_process_end(&p, NULL, &err) == DF_FAILED && strstr(err.message, "signal 9"),
          "a child that was killed: %s", err.message);
    df_process_release(&p);

    static char zeroes[1 << 20];
    code = start_shell("exit 0", DF_PROCESS_PIPE, DF_PROCESS_NULL, NULL, &p, &err);
    for (int i = 0; code == DF_OK && i < 10; i++)
        code = df_process_write(&p, zeroes, sizeof zeroes, NULL, &err);
    check(code == DF_FAILED && strstr(err.message, "ended before"),
          "a child that reads no more, without SIGPIPE: %s", err.message);
    df_process_release(&p);
}

/* Where the caller's program ignores SIGCHLD nobody can know how a child ended: that is not "well". */
static void unknown_end(void)
{
    df_process p;
    df_error err = {0};
    signal(SIGCHLD, SIG_IGN);
    df_code code = start_shell("exit 0", DF_PROCESS_NULL, DF_PROCESS_NULL, NULL, &p, &err);
    if (code == DF_OK) code = df_process_end(&p, NULL, &err);
    check(code == DF_FAILED, "an end that is not known counts as a failure: %s", err.message);
    df_process_release(&p);
    signal(SIGCHLD, SIG_DFL);
}

static bool is_alive(pid_t pid)
{
    return kill(pid, 0) == 0;
}

static bool cancel_now(void *context)
{
    return *(double *)context < df_monotonic_s();
}

static void stopping(void)
{
    df_process p;
    df_error err = {0};
    double when = df_monotonic_s() + 0.2;
    df_observer observer = {.context = &when, .cancelled = cancel_now};
    char byte;
    size_t n;
    df_code code = start_shell("exec sleep 100", DF_PROCESS_NULL, DF_PROCESS_PIPE, NULL, &p, &err);
    if (code == DF_OK) code = df_process_read(&p, &byte, 1, &n, &observer, &err);
    pid_t pid = p.pid;
    check(code == DF_CANCELLED && is_alive(pid), "reading from a silent child is cancelled");
    df_process_release(&p);
    check(!is_alive(pid), "and releasing it ends it");

    code = start_shell("trap '' TERM; while :; do sleep 0.1; done", DF_PROCESS_NULL, DF_PROCESS_NULL, NULL,
                       &p, &err);
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    pid = p.pid;
    df_process_release(&p);
    check(code == DF_OK && !is_alive(pid), "one that ignores SIGTERM is ended, too");
}

/* The child of a process that is killed does not live on. */
static void orphans(void)
{
    int report[2];
    pid_t child = -1;
    if (pipe(report) != 0) return;
    pid_t middle = fork();
    if (middle == 0) {
        df_process p;
        df_error err;
        if (start_shell("exec sleep 100", DF_PROCESS_NULL, DF_PROCESS_NULL, NULL, &p, &err) != DF_OK)
            _exit(1);
        ssize_t ignored = write(report[1], &p.pid, sizeof p.pid);
        (void)ignored;
        pause();
        _exit(0);
    }
    ssize_t n = read(report[0], &child, sizeof child);
    bool lived = n == sizeof child && is_alive(child);
    kill(middle, SIGKILL);
    waitpid(middle, NULL, 0);
    for (int i = 0; i < 200 && is_alive(child); i++) nanosleep(&(struct timespec){0, 10000000}, NULL);
    /* Nobody may be there to reap it: a zombie has ended, too. */
    char path[64], state = 'X';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
    FILE *stat = fopen(path, "r");
    if (stat && fscanf(stat, "%*d %*s %c", &state) != 1) state = '?';
    if (stat) fclose(stat);
    check(lived && (state == 'X' || state == 'Z'), "a child ends with the process that started it");
    close(report[0]);
    close(report[1]);
}

static void looking(void)
{
    df_arena arena = {0};
    const char *sh = df_program_find("sh", &arena);
    check(sh && access(sh, X_OK) == 0, "sh is found in PATH: %s", sh ? sh : "");
    check(!df_program_find("surely-no-such-program", &arena), "a program that is nowhere is not");
    df_arena_release(&arena);
}

int main(void)
{
    looking();
    environments();
    files();
    much_input();
    failures();
    unknown_end();
    stopping();
    orphans();
    return tap_done();
}
