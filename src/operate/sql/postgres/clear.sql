-- SPDX-License-Identifier: Apache-2.0
-- Run by psql in front of a restored dump, in the same transaction: takes everything out of a database that a dump
-- will make again, and sets back what a dump takes for granted. Extensions stay where the backup had them, too: not
-- everybody who may restore may create them.

-- name: pg_clear
DO $clear$
DECLARE
    kept_extensions jsonb := current_setting('dataflow.extensions')::jsonb;
    kept_schemas jsonb := current_setting('dataflow.schemas')::jsonb;
    r record;
    g record;
    statements text[];
    statement text;
    kept oid[];
    public_owner oid := CASE WHEN current_setting('server_version_num')::int >= 150000
                             THEN 'pg_database_owner'::regrole::oid ELSE 10::oid END;
BEGIN
    FOR r IN SELECT s.subname FROM pg_subscription s
             WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) LOOP
        RAISE EXCEPTION 'the database receives a replication (subscription %)', quote_ident(r.subname)
            USING ERRCODE = '55006', HINT = 'DROP SUBSCRIPTION first; a backup holds no subscriptions';
    END LOOP;

    -- These would be called for what follows.
    FOR r IN SELECT t.evtname FROM pg_event_trigger t
             WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
                               AND d.objid = t.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP EVENT TRIGGER %I', r.evtname);
    END LOOP;
    FOR r IN SELECT p.pubname FROM pg_publication p LOOP
        EXECUTE format('DROP PUBLICATION %I', r.pubname);
    END LOOP;

    -- Schemas go with all that is in them, but those that must stay because something in them must.
    FOR r IN SELECT e.extname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
             WHERE e.extname <> 'plpgsql'
               AND (NOT kept_extensions @> jsonb_build_array(jsonb_build_array(e.extname, n.nspname))
                    OR NOT (n.nspname IN ('public', 'pg_catalog')
                            OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass
                                       AND d.objid = n.oid AND d.deptype = 'e'))) LOOP
        EXECUTE format('DROP EXTENSION IF EXISTS %I CASCADE', r.extname);
    END LOOP;
    FOR r IN SELECT n.nspname FROM pg_namespace n
             WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
               AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass
                               AND d.objid = n.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', r.nspname);
    END LOOP;

    -- What is in the remaining ones, one by one: names first, since dropping one object takes others along.
    SELECT array_agg(n.oid) INTO kept FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema';
    SELECT array_agg(format('DROP %s IF EXISTS %s CASCADE',
                            CASE i.type WHEN 'composite type' THEN 'TYPE' WHEN 'statistics object' THEN 'STATISTICS'
                                        WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER' ELSE i.type END, i.identity) ORDER BY o.place, o.objid)
    INTO statements
    FROM (SELECT 'pg_class'::regclass AS classid, c.oid AS objid,
                 CASE c.relkind WHEN 'v' THEN 1 WHEN 'm' THEN 2 WHEN 'S' THEN 4 ELSE 3 END AS place
          FROM pg_class c WHERE c.relnamespace = ANY (kept) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
          UNION ALL SELECT 'pg_proc'::regclass, p.oid, 5 FROM pg_proc p WHERE p.pronamespace = ANY (kept)
          UNION ALL SELECT 'pg_opclass'::regclass, p.oid, 6 FROM pg_opclass p WHERE p.opcnamespace = ANY (kept)
          UNION ALL SELECT 'pg_opfamily'::regclass, p.oid, 7 FROM pg_opfamily p WHERE p.opfnamespace = ANY (kept)
          UNION ALL SELECT 'pg_operator'::regclass, p.oid, 8 FROM pg_operator p WHERE p.oprnamespace = ANY (kept)
          UNION ALL SELECT 'pg_type'::regclass, t.oid, 9 FROM pg_type t
                    LEFT JOIN pg_class c ON c.oid = t.typrelid
                    WHERE t.typnamespace = ANY (kept) AND t.typtype <> 'm' AND (t.typrelid = 0 OR c.relkind = 'c')
                      AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
          UNION ALL SELECT 'pg_collation'::regclass, p.oid, 10 FROM pg_collation p WHERE p.collnamespace = ANY (kept)
          UNION ALL SELECT 'pg_conversion'::regclass, p.oid, 10 FROM pg_conversion p WHERE p.connamespace = ANY (kept)
          UNION ALL SELECT 'pg_statistic_ext'::regclass, p.oid, 10 FROM pg_statistic_ext p WHERE p.stxnamespace = ANY (kept)
          UNION ALL SELECT 'pg_ts_config'::regclass, p.oid, 11 FROM pg_ts_config p WHERE p.cfgnamespace = ANY (kept)
          UNION ALL SELECT 'pg_ts_dict'::regclass, p.oid, 12 FROM pg_ts_dict p WHERE p.dictnamespace = ANY (kept)
          UNION ALL SELECT 'pg_ts_parser'::regclass, p.oid, 13 FROM pg_ts_parser p WHERE p.prsnamespace = ANY (kept)
          UNION ALL SELECT 'pg_ts_template'::regclass, p.oid, 13 FROM pg_ts_template p WHERE p.tmplnamespace = ANY (kept)
          UNION ALL SELECT 'pg_cast'::regclass, p.oid, 14 FROM pg_cast p WHERE p.oid >= 16384
          UNION ALL SELECT 'pg_foreign_server'::regclass, p.oid, 15 FROM pg_foreign_server p
          UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, p.oid, 16 FROM pg_foreign_data_wrapper p
          UNION ALL SELECT 'pg_language'::regclass, p.oid, 17 FROM pg_language p WHERE p.oid >= 16384
          UNION ALL SELECT 'pg_am'::regclass, p.oid, 18 FROM pg_am p WHERE p.oid >= 16384) o,
         LATERAL pg_identify_object(o.classid, o.objid, 0) i
    WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid
                      AND d.objsubid = 0 AND d.deptype IN ('e', 'i'));
    FOREACH statement IN ARRAY coalesce(statements, '{}') LOOP
        EXECUTE statement;
    END LOOP;
    FOR r IN SELECT t.trftype::regtype AS type, l.lanname FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
             WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_transform'::regclass
                               AND d.objid = t.oid AND d.deptype = 'e') LOOP
        EXECUTE format('DROP TRANSFORM IF EXISTS FOR %s LANGUAGE %I CASCADE', r.type, r.lanname);
    END LOOP;
    PERFORM lo_unlink(m.oid) FROM pg_largeobject_metadata m;

    -- Default privileges, as they are when nobody has changed them.
    FOR r IN SELECT d.defaclrole::regrole AS role, d.defaclrole, n.nspname, d.defaclobjtype, d.defaclacl,
                    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                         WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS objects
             FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace LOOP
        statement := format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s', r.role, 'IN SCHEMA ' || quote_ident(r.nspname));
        FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
                 FROM aclexplode(r.defaclacl) a LOOP
            EXECUTE format('%s REVOKE ALL ON %s FROM %s', statement, r.objects, g.who);
        END LOOP;
        FOR g IN SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
                 FROM aclexplode(acldefault(CASE r.defaclobjtype WHEN 'S' THEN 's' ELSE r.defaclobjtype END,
                                            r.defaclrole)) a WHERE r.nspname IS NULL LOOP
            EXECUTE format('%s GRANT %s ON %s TO %s', statement, g.privilege_type, r.objects, g.who);
        END LOOP;
    END LOOP;

    -- Rows that a dump brings along for tables of extensions.
    FOR r IN SELECT c.oid::regclass AS name, x.condition
             FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS x (config, condition)
             JOIN pg_class c ON c.oid = x.config AND c.relkind = 'r' LOOP
        EXECUTE format('DELETE FROM %s %s', r.name, r.condition);
    END LOOP;

    -- The schema public, which a dump makes only where it is not as it was born.
    IF NOT kept_schemas ? 'public' THEN
        DROP SCHEMA IF EXISTS public CASCADE;
    ELSE
        IF to_regnamespace('public') IS NULL THEN
            EXECUTE format('CREATE SCHEMA public AUTHORIZATION %s', public_owner::regrole);
            GRANT USAGE ON SCHEMA public TO PUBLIC;
            IF public_owner = 10::oid THEN
                GRANT CREATE ON SCHEMA public TO PUBLIC;
            END IF;
        END IF;
        SELECT n.nspowner, n.nspacl, p.initprivs INTO r FROM pg_namespace n
        LEFT JOIN pg_init_privs p ON p.objoid = n.oid AND p.classoid = 'pg_namespace'::regclass AND p.objsubid = 0
        WHERE n.nspname = 'public';
        IF r.nspowner <> public_owner THEN
            EXECUTE format('ALTER SCHEMA public OWNER TO %s', public_owner::regrole);
        END IF;
        IF r.initprivs IS NOT NULL AND r.nspacl IS DISTINCT FROM r.initprivs THEN
            FOR g IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
                     FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public' LOOP
                EXECUTE format('REVOKE ALL ON SCHEMA public FROM %s', g.who);
            END LOOP;
            FOR g IN SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
                     FROM aclexplode(r.initprivs) a LOOP
                EXECUTE format('GRANT %s ON SCHEMA public TO %s', g.privilege_type, g.who);
            END LOOP;
        END IF;
        IF obj_description('public'::regnamespace, 'pg_namespace') IS DISTINCT FROM 'standard public schema' THEN
            COMMENT ON SCHEMA public IS 'standard public schema';
        END IF;
    END IF;
END
$clear$;
