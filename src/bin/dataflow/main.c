/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

int main(int argc, char **argv)
{
    return cli_main(&dataflow_program, argc, argv);
}
