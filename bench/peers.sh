#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what dataflow is measured and tested against, migration runners and Neo4j's own tools, into a folder of their own:
#
#   bench/peers.sh [FOLDER] [NAME...]         default: build/bench-peers, all of them
#
# Each is had from the package registry that its users take it from, by that registry's ordinary client (npm, go, mvn,
# pip, apt-get), and started by FOLDER/bin/NAME. What cannot be had is said and left out; what is there is not installed again.
# Nothing here is part of the project or of its build. The versions are those that the figures in docs/benchmarks.md were
# made with.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-${here%/*}/build/bench-peers}
shift || true
mkdir -p "$folder/bin" "$folder/log" && folder=$(cd "$folder" && pwd) || exit 1
names=("$@")
((${#names[@]})) || names=(dbmate node-pg-migrate goose golang-migrate sqitch flyway liquibase
    neo4j-migrations cypher-shell neo4j-python neo4j-python-rust)

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
neo4j_migrations_version=2.19.2
neo4j_java_driver=5.28.15
classgraph_version=4.8.184
cypher_shell_version=5.26.30
neo4j_python_version=6.4.1

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
        echo '<groupId>peers</groupId><artifactId>peers</artifactId><version>1</version><packaging>pom</packaging>'
        [[ -d $folder/$name/parents ]] &&
            echo "<repositories><repository><id>parents</id><url>file://$folder/$name/parents</url></repository></repositories>"
        echo '<dependencies>'
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

# parent NAME GROUP ARTIFACT VERSION: a stand-in for a parent project that is not to be had; it says nothing of versions, so
# that what a package needs must be named.
parent() {
    local place="$folder/$1/parents/${2//.//}/$3/$4"
    mkdir -p "$place" &&
        printf '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version><packaging>pom</packaging></project>\n' \
            "$2" "$3" "$4" >"$place/$3-$4.pom"
}

install_neo4j-migrations() {
    local group=eu.michael-simons.neo4j version=$neo4j_migrations_version
    parent neo4j-migrations "$group" neo4j-migrations-parent "$version" &&
        maven neo4j-migrations "$group:neo4j-migrations-cli:$version:alone" "$group:neo4j-migrations:$version:alone" \
            "info.picocli:picocli:$picocli_version" "io.github.classgraph:classgraph:$classgraph_version" \
            "org.neo4j.driver:neo4j-java-driver:$neo4j_java_driver" &&
        launcher neo4j-migrations java -cp "'$folder/neo4j-migrations/jars/*'" ac.simons.neo4j.migrations.cli.MigrationsCli
}

install_cypher-shell() {
    maven cypher-shell "org.neo4j:cypher-shell:$cypher_shell_version" &&
        launcher cypher-shell java -cp "'$folder/cypher-shell/jars/*'" org.neo4j.shell.Main
}

# python_with NAME PACKAGE...: FOLDER/bin/NAME is a Python that has the packages.
python_with() {
    local name=$1
    shift
    python3 -m venv "$folder/$name" && "$folder/$name/bin/pip" install -q --disable-pip-version-check "$@" &&
        launcher "$name" "'$folder/$name/bin/python'"
}

install_neo4j-python() { python_with neo4j-python "neo4j==$neo4j_python_version"; }

# The same driver with the part that packs and unpacks in Rust.
install_neo4j-python-rust() { python_with neo4j-python-rust "neo4j-rust-ext==$neo4j_python_version.*"; }

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
