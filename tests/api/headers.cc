/* SPDX-License-Identifier: Apache-2.0 */
#include <dataflow/delta.h>
#include <dataflow/migrate.h>
#include <dataflow/error.h>
#include <dataflow/observer.h>

int main(void)
{
    return (int)sizeof(df_delta_import_options) > 0 ? 0 : 1;
}
