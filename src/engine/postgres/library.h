/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq, loaded at the first connection (see base/library.h): PQexec is pq->exec. A function that is to be
 * used needs its line here, and nothing else.
 */
#ifndef DF_ENGINE_POSTGRES_LIBRARY_H
#define DF_ENGINE_POSTGRES_LIBRARY_H

#include "base/library.h"

#include <libpq-fe.h>

/* clang-format off */
#define PQ_FUNCTIONS(X)                         \
    X(backendPID, PQbackendPID)                 \
    X(cancel, PQcancel)                         \
    X(clear, PQclear)                           \
    X(cmdStatus, PQcmdStatus)                   \
    X(cmdTuples, PQcmdTuples)                   \
    X(connectdbParams, PQconnectdbParams)       \
    X(conninfo, PQconninfo)                     \
    X(conninfoFree, PQconninfoFree)             \
    X(conninfoParse, PQconninfoParse)           \
    X(consumeInput, PQconsumeInput)             \
    X(enterPipelineMode, PQenterPipelineMode)   \
    X(db, PQdb)                                 \
    X(errorMessage, PQerrorMessage)             \
    X(exec, PQexec)                             \
    X(exitPipelineMode, PQexitPipelineMode)     \
    X(finish, PQfinish)                         \
    X(fname, PQfname)                           \
    X(freeCancel, PQfreeCancel)                 \
    X(freemem, PQfreemem)                       \
    X(ftype, PQftype)                           \
    X(getCancel, PQgetCancel)                   \
    X(getCopyData, PQgetCopyData)               \
    X(getResult, PQgetResult)                   \
    X(getisnull, PQgetisnull)                   \
    X(getlength, PQgetlength)                   \
    X(getvalue, PQgetvalue)                     \
    X(host, PQhost)                             \
    X(hostaddr, PQhostaddr)                     \
    X(isBusy, PQisBusy)                         \
    X(nfields, PQnfields)                       \
    X(ntuples, PQntuples)                       \
    X(parameterStatus, PQparameterStatus)       \
    X(pass, PQpass)                             \
    X(pipelineSync, PQpipelineSync)             \
    X(port, PQport)                             \
    X(putCopyData, PQputCopyData)               \
    X(putCopyEnd, PQputCopyEnd)                 \
    X(resultErrorField, PQresultErrorField)     \
    X(resultErrorMessage, PQresultErrorMessage) \
    X(resultStatus, PQresultStatus)             \
    X(sendPrepare, PQsendPrepare)               \
    X(sendQuery, PQsendQuery)                   \
    X(sendQueryParams, PQsendQueryParams)       \
    X(sendQueryPrepared, PQsendQueryPrepared)   \
    X(serverVersion, PQserverVersion)           \
    X(setNoticeReceiver, PQsetNoticeReceiver)   \
    X(setSingleRowMode, PQsetSingleRowMode)     \
    X(socket, PQsocket)                         \
    X(status, PQstatus)                         \
    X(transactionStatus, PQtransactionStatus)
/* clang-format on */

typedef struct pq_functions {
    PQ_FUNCTIONS(DF_LIBRARY_MEMBER)
} pq_functions;

/* Its members are NULL until pq_load has returned DF_OK once. */
extern const pq_functions *const pq;

/* DF_CONNECT when the library is not installed or cannot be used. From any thread, as often as you like. */
DF_MUST_USE df_code pq_load(df_error *err);

#endif
