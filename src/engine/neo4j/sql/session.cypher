// SPDX-License-Identifier: Apache-2.0
// Connections and their transactions. SHOW commands stand alone on servers of the 5.x line, so there are several.

// name: session
CALL dbms.listConnections() YIELD connectionId, connectTime, username, clientAddress
WITH * WHERE connectionId = $connection
RETURN connectTime, username, clientAddress

// name: alive
CALL dbms.listConnections() YIELD connectionId, connectTime
WITH * WHERE connectionId = $connection
RETURN connectTime

// name: rights
SHOW CURRENT USER YIELD user, roles RETURN user, roles

// name: transactions_of
SHOW TRANSACTIONS YIELD transactionId, connectionId, metaData
WHERE connectionId = $connection OR metaData.dataflow_session = $connection
RETURN transactionId

// name: transaction_of
SHOW TRANSACTIONS YIELD transactionId, connectionId
WHERE connectionId = $connection
RETURN transactionId

// name: companions_of
SHOW TRANSACTIONS YIELD connectionId, metaData
WHERE metaData.dataflow_session = $connection
RETURN connectionId

// name: kill
CALL dbms.killConnection($connection)

// Who waits for the lock is blocked, who has only begun has locked nothing.
// name: lock_held
SHOW TRANSACTIONS YIELD database, connectionId, metaData, status, activeLockCount
WHERE database = $database AND metaData.dataflow_lock = $name AND connectionId <> $not
  AND status = 'Running' AND activeLockCount > 0
RETURN 1

// name: lock_constraint
SHOW CONSTRAINTS YIELD labelsOrTypes, properties
WHERE labelsOrTypes = ['__DataflowLock'] AND properties = ['name']
RETURN 1

// name: waiting
SHOW TRANSACTIONS YIELD connectionId, status, currentQueryWaitTime
WHERE connectionId = $connection AND status STARTS WITH 'Blocked by'
RETURN status, currentQueryWaitTime.milliseconds AS waited

// On servers of the 4.4 line the transaction tells by whom, and the query for how long.
// name: blocked4
SHOW TRANSACTIONS YIELD connectionId, status
WHERE connectionId = $connection AND status STARTS WITH 'Blocked by'
RETURN status, 0 AS waited

// name: waited4
CALL dbms.listQueries() YIELD connectionId, waitTimeMillis
WITH * WHERE connectionId = $connection
RETURN 'Blocked by: ' AS status, waitTimeMillis AS waited ORDER BY waited DESC LIMIT 1
