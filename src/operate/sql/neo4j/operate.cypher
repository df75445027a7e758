// SPDX-License-Identifier: Apache-2.0
// What a Neo4j server is asked about its health. SHOW commands stand alone on servers of the 5.x line; procedures do not.
// The names with a 4 at the end are for servers of the 4.4 line, whose commands have fewer columns.

// name: facts
CALL dbms.components() YIELD versions, edition
WITH versions[0] AS version_text, edition LIMIT 1
CALL db.info() YIELD name
RETURN datetime().epochMillis AS now_ms, version_text, edition, name

// name: database
SHOW DATABASES YIELD name, access, currentStatus, statusMessage WHERE name = ?
RETURN access, currentStatus AS status, statusMessage AS reason

// name: database4
SHOW DATABASES YIELD name, access, currentStatus, error WHERE name = ?
RETURN access, currentStatus AS status, error AS reason

// On the Enterprise edition these need a right of their own.
// name: settings
CALL dbms.listConfig() YIELD name, value
WITH collect([name, value]) AS all
CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes
WITH all, attributes.Name.value AS vm
CALL dbms.listConnections() YIELD connectionId
RETURN vm, count(connectionId) AS connections,
    head([s IN all WHERE s[0] IN ['server.directories.data', 'dbms.directories.data'] | s[1]]) AS folder,
    head([s IN all WHERE s[0] IN ['db.transaction.timeout', 'dbms.transaction.timeout'] | s[1]]) AS timeout,
    head([s IN all WHERE s[0] IN ['db.lock.acquisition.timeout', 'dbms.lock.acquisition.timeout'] | s[1]]) AS lock_timeout,
    head([s IN all WHERE s[0] IN ['dbms.memory.transaction.total.max', 'dbms.memory.transaction.global_max_size'] | s[1]]) AS memory_all,
    head([s IN all WHERE s[0] IN ['db.memory.transaction.total.max', 'dbms.memory.transaction.database_max_size'] | s[1]]) AS memory_database,
    head([s IN all WHERE s[0] IN ['db.memory.transaction.max', 'dbms.memory.transaction.max_size'] | s[1]]) AS memory_one

// name: memory
CALL dbms.queryJmx('java.lang:type=Memory') YIELD attributes
WITH attributes.HeapMemoryUsage.value.properties AS heap
RETURN heap.used AS used, heap.max AS maximum

// name: graph
MATCH (n) RETURN 'nodes' AS what, count(n) AS count
UNION ALL
MATCH ()-[r]->() RETURN 'relationships' AS what, count(r) AS count

// name: rights
SHOW CURRENT USER YIELD user, roles RETURN user, roles

// name: sessions
SHOW TRANSACTIONS YIELD database, transactionId, connectionId, clientAddress, username, metaData, currentQuery, status,
    statusDetails, activeLockCount, elapsedTime, currentQueryElapsedTime, currentQueryWaitTime
RETURN transactionId AS transaction, connectionId AS connection, clientAddress AS address, username AS user_name,
    database, metaData.app AS application, metaData.dataflow_lock AS lock, metaData.dataflow_session AS companion_of,
    left(currentQuery, 600) AS query, status, statusDetails AS details, activeLockCount AS locks,
    elapsedTime.milliseconds / 1000.0 AS transaction_s, currentQueryElapsedTime.milliseconds / 1000.0 AS query_s,
    currentQueryWaitTime.milliseconds / 1000.0 AS waited_s
ORDER BY transaction_s DESC LIMIT 5000

// How long the query itself runs and waits is not told.
// name: sessions4
SHOW TRANSACTIONS YIELD database, transactionId, connectionId, clientAddress, username, metaData, currentQuery, status,
    statusDetails, activeLockCount, elapsedTime
RETURN transactionId AS transaction, connectionId AS connection, clientAddress AS address, username AS user_name,
    database, metaData.app AS application, metaData.dataflow_lock AS lock, metaData.dataflow_session AS companion_of,
    left(currentQuery, 600) AS query, status, statusDetails AS details, activeLockCount AS locks,
    elapsedTime.milliseconds / 1000.0 AS transaction_s
ORDER BY transaction_s DESC LIMIT 5000

// name: indexes
SHOW INDEXES YIELD name, state, populationPercent, type, labelsOrTypes, properties, owningConstraint, failureMessage,
    createStatement
WHERE state <> 'ONLINE'
RETURN name AS subject, CASE state WHEN 'POPULATING' THEN 'ok' ELSE 'critical' END AS status, state, type,
    populationPercent AS percent, failureMessage AS reason,
    CASE WHEN owningConstraint IS NULL THEN 'DROP INDEX `' + replace(name, '`', '``') + '`'
        ELSE 'DROP CONSTRAINT `' + replace(owningConstraint, '`', '``') + '`' END AS remedy,
    name, labelsOrTypes[0] AS table, state = 'POPULATING' AS building, createStatement AS definition
ORDER BY subject

// A constraint's index has the constraint's name.
// name: indexes4
SHOW INDEXES YIELD name, state, populationPercent, uniqueness, type, labelsOrTypes, properties, failureMessage, createStatement
WHERE state <> 'ONLINE'
RETURN name AS subject, CASE state WHEN 'POPULATING' THEN 'ok' ELSE 'critical' END AS status, state, type,
    populationPercent AS percent, failureMessage AS reason,
    CASE uniqueness WHEN 'UNIQUE' THEN 'DROP CONSTRAINT `' ELSE 'DROP INDEX `' END + replace(name, '`', '``') + '`' AS remedy,
    name, labelsOrTypes[0] AS table, state = 'POPULATING' AS building, createStatement AS definition
ORDER BY subject

// name: expired_locks
MATCH (l:_MigrationLock) WHERE l.expiresAt < datetime()
RETURN l.lockName + ' (' + l.acquiredBy + ')' AS subject, 'warning' AS status, toString(l.expiresAt) AS expires_at,
    'dataflow lock release' AS remedy
ORDER BY subject LIMIT 200
