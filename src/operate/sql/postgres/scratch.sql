-- SPDX-License-Identifier: Apache-2.0
-- How a scratch database is made like the one that we are in.

-- Members of pg_database that only newer servers have are read through its row as JSON.
-- name: pg_scratch_options
SELECT 'TEMPLATE template0 ENCODING ' || quote_literal(pg_encoding_to_char(d.encoding)) ||
       ' LC_COLLATE ' || quote_literal(d.datcollate) || ' LC_CTYPE ' || quote_literal(d.datctype) ||
       CASE j.row ->> 'datlocprovider' WHEN 'i' THEN ' LOCALE_PROVIDER icu ICU_LOCALE ' ||
                quote_literal(coalesce(j.row ->> 'daticulocale', j.row ->> 'datlocale'))
            WHEN 'b' THEN ' LOCALE_PROVIDER builtin BUILTIN_LOCALE ' || quote_literal(j.row ->> 'datlocale')
            ELSE '' END
FROM pg_database d, LATERAL (SELECT to_jsonb(d) AS row) j
WHERE d.datname = current_database()

-- Settings of the database for all users: search_path, time zone …
-- name: pg_scratch_settings
SELECT quote_ident(split_part(s.setting, '=', 1)) || ' = ' ||
       CASE WHEN split_part(s.setting, '=', 1) IN ('search_path', 'DateStyle', 'temp_tablespaces', 'session_preload_libraries',
                                                  'local_preload_libraries')
            THEN coalesce(nullif(substr(s.setting, strpos(s.setting, '=') + 1), ''), '''''')
            ELSE quote_literal(substr(s.setting, strpos(s.setting, '=') + 1)) END
FROM pg_db_role_setting r, unnest(r.setconfig) AS s (setting)
WHERE r.setrole = 0 AND r.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
