/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts: the first one asks the work to stop cleanly, the second one ends the process. */
#include "cli/cli_int.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_bool interrupted;

static void on_signal(int signal_number)
{
    if (atomic_exchange(&interrupted, true)) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    static const char text[] = "\nstopping at the next safe point; once more to end at once\n";
    int saved = errno;
    ssize_t written = isatty(STDERR_FILENO) ? write(STDERR_FILENO, text, sizeof text - 1) : 0;
    (void)written; /* the message is a courtesy */
    errno = saved;
}

void cli_signals_open(void)
{
    signal(SIGPIPE, SIG_IGN);
    static const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        struct sigaction old, action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        /* nohup and shells that run something in the background ignore it for us on purpose. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

bool cli_interrupted(void)
{
    return atomic_load(&interrupted);
}
