#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the migration runners that dataflow is measured and tested against into a folder of their own:
#
#   bench/peers.sh [FOLDER] [NAME...]         default: build/bench-peers, all of them
#
# Each is had from the package registry that its users take it from, by that registry's ordinary client (npm, go, mvn,
# apt-get), and started by FOLDER/bin/NAME. What cannot be had is said and left out; what is there is not installed again.
# Nothing here is part of the project or of its build. The versions are those that the figures in docs/benchmarks.md were
# made with.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-${here%/*}/build/bench-peers}
shift || true
mkdir -p "$folder/bin" "$folder/log" && folder=$(cd "$folder" && pwd) || exit 1
names=("$@")
((${#names[@]})) || names=(dbmate node-pg-migrate goose golang-migrate sqitch flyway liquibase)

dbmate_version=2.36.0
node_pg_migrate_version=9.0.0
pg_version=8.23.1
goose_version=v3.27.3
golang_migrate_version=v4.19.1
flyway_version=13.12.0
liquibase_version=4.33.0 # the last under the Apache licence
picocli_version=4.7.7
postgres_jdbc=42.7.14
mariadb_jdbc=3.5.6
sqlite_jdbc=3.50.3.0

# launcher NAME COMMAND...: FOLDER/bin/NAME, which runs the command with its own arguments behind.
launcher() {
    local name=$1
    shift
    printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$folder/bin/$name" && chmod +x "$folder/bin/$name"
}

install_dbmate() {
    npm install --prefix "$folder/dbmate" --no-audit --no-fund "dbmate@$dbmate_version" || return
    # The package's own command is a Node program that starts the binary; the binary itself is the faster of the two.
    local binary
    binary=$(find "$folder/dbmate/node_modules/@dbmate" -type f -path '*/bin/dbmate' | head -1)
    [[ -n $binary ]] && ln -sf "$binary" "$folder/bin/dbmate"
}

install_node-pg-migrate() {
    npm install --prefix "$folder/node-pg-migrate" --no-audit --no-fund "node-pg-migrate@$node_pg_migrate_version" "pg@$pg_version" &&
        ln -sf "$folder/node-pg-migrate/node_modules/.bin/node-pg-migrate" "$folder/bin/node-pg-migrate"
}

# go_install TAGS PACKAGE@VERSION
go_install() {
    local go
    go=$(command -v go || echo /usr/local/go/bin/go)
    GOFLAGS=-p=1 GOBIN="$folder/bin" nice "$go" install -trimpath -ldflags='-s -w' -tags "$1" "$2"
}

install_goose() {
    go_install 'no_clickhouse no_mssql no_ydb no_vertica no_libsql no_spanner no_duckdb no_turso no_snowflake' \
        "github.com/pressly/goose/v3/cmd/goose@$goose_version"
}

install_golang-migrate() {
    go_install 'postgres mysql sqlite3' "github.com/golang-migrate/migrate/v4/cmd/migrate@$golang_migrate_version" &&
        mv "$folder/bin/migrate" "$folder/bin/golang-migrate"
}

install_sqitch() {
    local sudo=
    ((EUID == 0)) || sudo=sudo
    command -v sqitch >/dev/null ||
        $sudo apt-get install -y --no-install-recommends sqitch libdbd-pg-perl libdbd-sqlite3-perl libdbd-mysql-perl || return
    ln -sf "$(command -v sqitch)" "$folder/bin/sqitch"
}

# maven NAME GROUP:ARTIFACT:VERSION[:alone]...: the packages and (unless alone) what they need, as jars in FOLDER/NAME/jars.
maven() {
    local name=$1 artifact group version alone
    shift
    mkdir -p "$folder/$name"
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>peers</groupId><artifactId>peers</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
        for artifact in "$@"; do
            IFS=: read -r group artifact version alone <<<"$artifact"
            printf '<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>' "$group" "$artifact" "$version"
            [[ -n $alone ]] && printf '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>'
            printf '</dependency>\n'
        done
        echo '</dependencies></project>'
    } >"$folder/$name/pom.xml"
    mvn -q -B -f "$folder/$name/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/$name/jars" -DincludeScope=runtime
}

install_flyway() {
    maven flyway "org.flywaydb:flyway-core:$flyway_version" "org.flywaydb:flyway-database-postgresql:$flyway_version" \
        "org.flywaydb:flyway-mysql:$flyway_version" "org.postgresql:postgresql:$postgres_jdbc" \
        "org.mariadb.jdbc:mariadb-java-client:$mariadb_jdbc" "org.xerial:sqlite-jdbc:$sqlite_jdbc" &&
        javac -cp "$folder/flyway/jars/*" -d "$folder/flyway/classes" "$here/FlywayMain.java" &&
        launcher flyway java -cp "'$folder/flyway/classes:$folder/flyway/jars/*'" FlywayMain
}

# Its command line names a part of the core as a package of its own, which is in the core already: without what it asks for.
install_liquibase() {
    maven liquibase "org.liquibase:liquibase-core:$liquibase_version" "org.liquibase:liquibase-cli:$liquibase_version:alone" \
        "info.picocli:picocli:$picocli_version" "org.postgresql:postgresql:$postgres_jdbc" \
        "org.mariadb.jdbc:mariadb-java-client:$mariadb_jdbc" "org.xerial:sqlite-jdbc:$sqlite_jdbc" &&
        launcher liquibase java -cp "'$folder/liquibase/jars/*'" liquibase.integration.commandline.LiquibaseCommandLine
}

missing=0
for name in "${names[@]}"; do
    if [[ -x $folder/bin/$name ]]; then
        echo "$name: is there"
    elif [[ $(type -t "install_$name") == function ]] && "install_$name" >"$folder/log/$name.log" 2>&1; then
        echo "$name: installed"
    else
        echo "$name: cannot be had ($folder/log/$name.log)" >&2
        missing=1
    fi
done
exit $missing
