/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests on a server that has one database for all of them (Neo4j): one at a time. tests/run.py names a folder for
 * locks in TEST_LOCKS; without it nobody else is there.
 */
#ifndef TESTS_ALONE_H
#define TESTS_ALONE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

/* Waits until no other test has the engine's server; it is ours until this process ends. */
static inline void alone_with(const char *engine)
{
    char path[4096];
    const char *folder = getenv("TEST_LOCKS");
    if (!folder) return;
    snprintf(path, sizeof path, "%s/%s", folder, engine);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) continue;
}

#endif
