/* SPDX-License-Identifier: Apache-2.0 */
#include "io/process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 100, /* how often the observer is asked while nothing happens */
    KEPT_TEXT = 16 * 1024,
    TERM_WAIT_MS = 2000,
    PIPE_BYTES = 1 << 20,
    LOST_STATUS = 127 << 8,
};

extern char **environ;

const char *df_program_find(const char *name, df_arena *arena)
{
    const char *path = getenv("PATH");
    if (!path || !*path) path = "/usr/bin:/bin";
    while (*path) {
        size_t len = strcspn(path, ":");
        const char *file = df_arena_printf(arena, "%.*s/%s", len ? (int)len : 1, len ? path : ".", name);
        struct stat st;
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0) return file;
        path += len;
        path += *path == ':';
    }
    return NULL;
}

df_code df_memory_file(df_str content, int *fd, df_error *err)
{
    *fd = memfd_create("dataflow", MFD_CLOEXEC);
    if (*fd < 0) return df_fail_errno(err, errno, "a file in memory", "create");
    /* MariaDB's programs do not read option files that everybody could write to. */
    int failed = fchmod(*fd, 0600) == 0 ? 0 : errno;
    for (size_t at = 0; !failed && at < content.len;) {
        ssize_t n = pwrite(*fd, content.ptr + at, content.len - at, (off_t)at);
        if (n > 0) at += (size_t)n;
        if (n < 0 && errno != EINTR) failed = errno;
    }
    if (!failed) return DF_OK;
    close(*fd);
    *fd = -1;
    return df_fail_errno(err, failed, "a file in memory", "write");
}

df_code df_process_pipe(int ends[2], df_error *err)
{
    if (pipe2(ends, O_CLOEXEC) == 0) return DF_OK;
    return df_fail_errno(err, errno, "a pipe", "make");
}

/* ---- starting ---- */

/* Whether one of the wishes is about this variable of ours. */
static bool is_wished(const char *const *wishes, const char *variable)
{
    size_t len = strcspn(variable, "=");
    for (; wishes && *wishes; wishes++) {
        if (strncmp(*wishes, variable, len) == 0 && ((*wishes)[len] == '=' || !(*wishes)[len])) return true;
    }
    return false;
}

static char **make_environment(const char *const *wishes)
{
    char **list = NULL;
    size_t count = 0, cap = 0;
    for (char **ours = environ; ours && *ours; ours++) {
        if (!is_wished(wishes, *ours)) DF_PUSH(list, count, cap) = *ours;
    }
    for (const char *const *wish = wishes; wish && *wish; wish++) {
        if (strchr(*wish, '=')) DF_PUSH(list, count, cap) = (char *)(uintptr_t)*wish;
    }
    DF_PUSH(list, count, cap) = NULL;
    return list;
}

/* Everything the child needs, made before the fork: after it only what is safe in a signal handler may be
 * called. */
typedef struct birth {
    const df_process_options *options;
    char **environment;
    int in[2], out[2], errors[2], report[2]; /* [0] is read from; `in` is a pair of sockets */
    int null;
    pid_t parent;
} birth;

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0) close(pair[i]);
        pair[i] = -1;
    }
}

static void close_all(birth *b)
{
    close_pair(b->in);
    close_pair(b->out);
    close_pair(b->errors);
    close_pair(b->report);
    if (b->null >= 0) close(b->null);
    free(b->environment);
}

static int open_all(birth *b)
{
    /* A socket, because a write to it can be told not to raise SIGPIPE. */
    if (b->options->in == DF_PROCESS_PIPE && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b->in) != 0)
        return errno;
    if (b->options->out == DF_PROCESS_PIPE) {
        if (pipe2(b->out, O_CLOEXEC) != 0) return errno;
        /* The child goes on while we are busy with what it has written; a smaller one is fine, too. */
        fcntl(b->out[0], F_SETPIPE_SZ, PIPE_BYTES);
    }
    if (pipe2(b->errors, O_CLOEXEC) != 0 || pipe2(b->report, O_CLOEXEC) != 0) return errno;
    b->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return b->null < 0 ? errno : 0;
}

static int given(int wanted, const int pair[2], int side, int null)
{
    if (wanted == DF_PROCESS_PIPE) return pair[side];
    return wanted == DF_PROCESS_NULL ? null : wanted;
}

/* A file of ours that happens to be 0, 1 or 2 must not be overwritten before it is used. */
static int above(int fd)
{
    return fd > 2 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void run_child(const birth *b)
{
    const df_process_options *o = b->options;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != b->parent) _exit(127);
    int in = above(given(o->in, b->in, 0, b->null)), out = above(given(o->out, b->out, 1, b->null));
    int errors = above(b->errors[1]), report = above(b->report[1]);
    bool ready = dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(errors, 2) == 2;
    for (size_t i = 0; ready && i < o->n_keep; i++) ready = fcntl(o->keep[i], F_SETFD, 0) == 0;
    if (ready) execve(o->argv[0], (char *const *)(uintptr_t)o->argv, b->environment);
    int failed = errno;
    ssize_t ignored = write(report, &failed, sizeof failed);
    (void)ignored;
    _exit(127);
}

/* What execve said; 0 when the program runs. */
static int exec_error(int report)
{
    int failed = 0;
    ssize_t n;
    do n = read(report, &failed, sizeof failed);
    while (n < 0 && errno == EINTR);
    return n == sizeof failed ? failed : 0;
}

static int take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    if (taken >= 0) fcntl(taken, F_SETFL, fcntl(taken, F_GETFL) | O_NONBLOCK);
    return taken;
}

df_code df_process_start(const df_process_options *options, df_process *out, df_error *err)
{
    birth b = {options, make_environment(options->environment), {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1,
               getpid()};
    *out = (df_process){.in = -1, .out = -1, .errors = -1, .pid = -1};
    int failed = open_all(&b);
    if (!failed) {
        out->pid = fork();
        if (out->pid == 0) run_child(&b);
        failed = out->pid < 0 ? errno : 0;
    }
    if (!failed) {
        close(b.report[1]);
        b.report[1] = -1;
        failed = exec_error(b.report[0]);
        if (failed) waitpid(out->pid, &out->status, 0);
    }
    if (failed) {
        close_all(&b);
        *out = (df_process){.in = -1, .out = -1, .errors = -1, .pid = -1, .ended = true};
        return df_fail_errno(err, failed, options->argv[0], "run");
    }
    const char *slash = strrchr(options->argv[0], '/');
    out->name = df_strdup(df_str_from(slash ? slash + 1 : options->argv[0]));
    out->in = take(&b.in[1]);
    out->out = take(&b.out[0]);
    out->errors = take(&b.errors[0]);
    close_all(&b);
    return DF_OK;
}

/* ---- talking ---- */

/* Keeps the last KEPT_TEXT bytes. */
static void keep_said(df_process *process, const char *bytes, size_t len)
{
    df_buf *said = &process->said;
    df_buf_add(said, bytes, len);
    if (said->len <= (size_t)2 * KEPT_TEXT) return;
    memmove(said->ptr, said->ptr + said->len - KEPT_TEXT, KEPT_TEXT);
    said->len = KEPT_TEXT;
}

static void hear(df_process *process)
{
    char bytes[4096];
    while (process->errors >= 0) {
        ssize_t n = read(process->errors, bytes, sizeof bytes);
        if (n > 0) {
            keep_said(process, bytes, (size_t)n);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close(process->errors);
            process->errors = -1;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

/* Waits until `fd` (-1: none) is ready, or for LOOK_MS. */
static df_code wait_for(df_process *process, int fd, short events, const df_observer *observer, df_error *err)
{
    df_process *beside = process->beside;
    struct pollfd fds[] = {{.fd = fd, .events = events},
                           {.fd = process->errors, .events = POLLIN},
                           {.fd = beside ? beside->errors : -1, .events = POLLIN}};
    DF_TRY(df_check_cancelled(observer, err));
    if (poll(fds, 3, LOOK_MS) > 0) {
        if (fds[1].revents) hear(process);
        if (fds[2].revents) hear(beside);
    }
    return DF_OK;
}

df_code df_process_write(df_process *process, const void *bytes, size_t len, const df_observer *observer,
                         df_error *err)
{
    const char *from = bytes;
    while (len) {
        ssize_t n = process->in < 0 ? -1 : send(process->in, from, len, MSG_NOSIGNAL);
        if (n >= 0) {
            from += n;
            len -= (size_t)n;
        } else if (process->in >= 0 && errno == EAGAIN) {
            DF_TRY(wait_for(process, process->in, POLLOUT, observer, err));
        } else if (process->in < 0 || errno != EINTR) {
            return df_fail(err, DF_FAILED, "%s ended before it had read all", process->name);
        }
    }
    return DF_OK;
}

df_code df_process_read(df_process *process, void *bytes, size_t cap, size_t *len,
                        const df_observer *observer, df_error *err)
{
    *len = 0;
    while (process->out >= 0) {
        ssize_t n = read(process->out, bytes, cap);
        if (n >= 0) {
            *len = (size_t)n;
            return DF_OK;
        }
        if (errno == EAGAIN) {
            DF_TRY(wait_for(process, process->out, POLLIN, observer, err));
        } else if (errno != EINTR) {
            return df_fail_errno(err, errno, process->name, "read from");
        }
    }
    return DF_OK;
}

void df_process_close_in(df_process *process)
{
    if (process->in >= 0) close(process->in);
    process->in = -1;
}

/* ---- ending ---- */

static bool try_wait(df_process *process)
{
    if (process->ended) return true;
    pid_t got = waitpid(process->pid, &process->status, WNOHANG);
    process->ended = got == process->pid || (got < 0 && errno != EINTR);
    /* Somebody else has waited for it, or SIGCHLD is ignored: how it ended is not known, which is not "well".
     */
    if (got < 0 && process->ended) process->status = LOST_STATUS;
    return process->ended;
}

/* Reads and forgets, so that the child can go on to its end; true at the end of its output. */
static bool drain(df_process *process)
{
    char bytes[16384];
    while (process->out >= 0) {
        ssize_t n = read(process->out, bytes, sizeof bytes);
        if (n > 0 || (n < 0 && errno == EINTR)) continue;
        if (n < 0 && errno == EAGAIN) return false;
        close(process->out);
        process->out = -1;
    }
    return true;
}

df_code df_process_end(df_process *process, const df_observer *observer, df_error *err)
{
    df_process_close_in(process);
    /* The end of both streams comes with the end of the program, and poll can wait for it. */
    while (!drain(process) || process->errors >= 0) {
        if (try_wait(process)) break;
        DF_TRY(wait_for(process, process->out, POLLIN, observer, err));
        hear(process);
    }
    while (!try_wait(process)) {
        DF_TRY(df_check_cancelled(observer, err));
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    hear(process);
    if (WIFEXITED(process->status) && WEXITSTATUS(process->status) == 0) return DF_OK;
    return df_process_failed(process, err);
}

/* The last lines, as one; what programs say on several lines belongs together. */
static void last_lines(df_str said, size_t most, df_buf *out)
{
    while (said.len && (said.ptr[said.len - 1] == '\n' || said.ptr[said.len - 1] == ' ')) said.len--;
    if (said.len > most) {
        size_t skip = said.len - most;
        const char *line = memchr(said.ptr + skip, '\n', said.len - skip);
        said = df_str_skip(said, line ? (size_t)(line - said.ptr) + 1 : skip);
    }
    for (size_t i = 0; i < said.len; i++) {
        unsigned char c = (unsigned char)said.ptr[i];
        df_buf_char(out, c < ' ' ? ' ' : said.ptr[i]);
    }
}

df_code df_process_failed(const df_process *process, df_error *err)
{
    df_buf text = {0};
    last_lines(df_buf_str(&process->said), 700, &text);
    if (WIFSIGNALED(process->status)) {
        df_fail(err, DF_FAILED, "%s was killed by signal %d (%s)%s%s", process->name,
                WTERMSIG(process->status), strsignal(WTERMSIG(process->status)), text.len ? ": " : "",
                df_buf_cstr(&text));
    } else {
        df_fail(err, DF_FAILED, "%s failed (status %d)%s%s", process->name, WEXITSTATUS(process->status),
                text.len ? ": " : "", df_buf_cstr(&text));
    }
    df_buf_release(&text);
    return DF_FAILED;
}

static void stop(df_process *process)
{
    double end = df_monotonic_s() + TERM_WAIT_MS / 1000.0;
    kill(-process->pid, SIGTERM);
    while (!try_wait(process) && df_monotonic_s() < end) {
        drain(process);
        hear(process);
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    if (process->ended) return;
    kill(-process->pid, SIGKILL);
    while (waitpid(process->pid, &process->status, 0) < 0 && errno == EINTR) continue;
    process->ended = true;
}

void df_process_release(df_process *process)
{
    if (!process->name) return;
    if (!process->ended && !try_wait(process)) stop(process);
    df_process_close_in(process);
    if (process->out >= 0) close(process->out);
    if (process->errors >= 0) close(process->errors);
    df_buf_release(&process->said);
    free(process->name);
    *process = (df_process){.in = -1, .out = -1, .errors = -1, .pid = -1, .ended = true};
}
