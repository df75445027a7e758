/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn RUNS COMMAND...: runs a command RUNS times, one after the other, with standard output thrown away,
 * and prints a JSON array of {wall_s, user_s, system_s, rss_kib, status}. A small process that forks small
 * children: what a large interpreter would measure is its own size and its own slow fork.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    if (runs < 1) {
        fprintf(stderr, "usage: spawn RUNS COMMAND...\n");
        return 2;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    printf("[");
    for (int i = 0; i < runs; i++) {
        pid_t pid;
        int status;
        struct rusage usage;
        double began = now();
        int rc = posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ);
        if (rc != 0) {
            fprintf(stderr, "%s: %s\n", argv[2], strerror(rc));
            return 1;
        }
        if (wait4(pid, &status, 0, &usage) != pid) return 1;
        double wall = now() - began;
        printf("%s{\"wall_s\": %.6f, \"user_s\": %.6f, \"system_s\": %.6f, \"rss_kib\": %ld, \"status\": %d}",
               i ? ",\n" : "", wall, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss,
               WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        fflush(stdout);
    }
    printf("]\n");
    return 0;
}
