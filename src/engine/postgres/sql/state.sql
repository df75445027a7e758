-- SPDX-License-Identifier: Apache-2.0
-- The state of one object: a digest of everything in the catalogs that a statement could have changed, no row when it
-- does not exist. Object numbers and file nodes are in it, so that DROP and CREATE, TRUNCATE and REINDEX show.
-- Parameters: schema (NULL: the search path), name, table.

-- A row of the catalogs is written anew when anything of it is changed, which its xmin shows.
-- name: state_relation
WITH wanted AS MATERIALIZED (
    SELECT to_regclass(coalesce(quote_ident(?::text) || '.', '') || quote_ident(?::text)) AS oid, ?::text AS p_table
)
SELECT md5(string_agg(t, ';' ORDER BY t COLLATE "C"))
  FROM (
       SELECT concat_ws('|', 'relation', c.oid, c.xmin, pg_relation_filenode(c.oid))
         FROM pg_class c WHERE c.oid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'column', a.attnum, a.xmin)
         FROM pg_attribute a WHERE a.attrelid = (SELECT oid FROM wanted) AND a.attnum > 0
       UNION ALL
       SELECT concat_ws('|', 'default', d.oid, d.xmin)
         FROM pg_attrdef d WHERE d.adrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'constraint', k.oid, k.xmin)
         FROM pg_constraint k WHERE k.conrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'index', i.indexrelid, i.xmin, x.xmin, pg_relation_filenode(x.oid))
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'trigger', g.oid, g.xmin)
         FROM pg_trigger g WHERE g.tgrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'rule', r.oid, r.xmin)
         FROM pg_rewrite r WHERE r.ev_class = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'policy', p.oid, p.xmin)
         FROM pg_policy p WHERE p.polrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'parent', h.inhparent, h.xmin)
         FROM pg_inherits h WHERE h.inhrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'child', h.inhrelid, h.xmin)
         FROM pg_inherits h WHERE h.inhparent = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'comment', d.objsubid, d.xmin)
         FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'sequence', s.xmin)
         FROM pg_sequence s WHERE s.seqrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'foreign', f.xmin)
         FROM pg_foreign_table f WHERE f.ftrelid = (SELECT oid FROM wanted)
       UNION ALL
       SELECT concat_ws('|', 'owned by', d.refobjid, d.refobjsubid, d.xmin)
         FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = (SELECT oid FROM wanted) AND d.deptype IN ('a', 'i')
       ) all_rows (t)
HAVING count(*) > 0

-- name: state_index
SELECT CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN 'valid ' ELSE 'invalid ' END ||
       md5(concat_ws('|', c.oid, c.relname, c.relnamespace, c.relowner, c.reltablespace, pg_relation_filenode(c.oid), c.reloptions,
                     i.indisclustered, i.indisreplident, i.indisvalid, i.indisready, pg_get_indexdef(c.oid),
       (SELECT string_agg(concat_ws(',', a.attnum, a.attstattarget), ';' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = c.oid),
       (SELECT string_agg(h.inhparent::text, ';') FROM pg_inherits h WHERE h.inhrelid = c.oid),
       obj_description(c.oid, 'pg_class')))
  FROM pg_class c
  JOIN pg_index i ON i.indexrelid = c.oid
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE c.oid = to_regclass(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_name))

-- name: state_type
SELECT md5(concat_ws('|', t.oid, t.typname, t.typnamespace, t.typowner, t.typtype, t.typbasetype, t.typtypmod,
                     t.typnotnull, t.typdefault, t.typacl, t.typcollation, t.typstorage, t.typanalyze, t.typisdefined,
       (SELECT string_agg(concat_ws(',', e.oid, e.enumlabel, e.enumsortorder), ';' ORDER BY e.enumsortorder)
          FROM pg_enum e WHERE e.enumtypid = t.oid),
       (SELECT string_agg(concat_ws(',', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attisdropped, a.attcollation), ';' ORDER BY a.attnum)
          FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0),
       (SELECT string_agg(concat_ws(',', k.oid, k.conname, k.convalidated, pg_get_constraintdef(k.oid)), ';' ORDER BY k.oid)
          FROM pg_constraint k WHERE k.contypid = t.oid),
       obj_description(t.oid, 'pg_type')))
  FROM pg_type t
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE t.oid = to_regtype(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_name))

-- All overloads of the name: the statement may say which one, the caller does not.
-- name: state_routine
SELECT md5(string_agg(concat_ws('|', p.oid, p.xmin, p.proname, p.pronamespace, p.proowner, p.proacl, p.prosrc, p.proconfig,
                                p.proargtypes, obj_description(p.oid, 'pg_proc')), ';' ORDER BY p.oid))
  FROM pg_proc p
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE p.proname = p_name
   AND CASE WHEN p_schema IS NULL THEN pg_function_is_visible(p.oid)
            ELSE p.pronamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = p_schema) END
HAVING count(*) > 0

-- name: state_trigger
SELECT md5(string_agg(concat_ws('|', t.oid, t.xmin, t.tgname, t.tgenabled, t.tgrelid, obj_description(t.oid, 'pg_trigger')), ';' ORDER BY t.oid))
  FROM pg_trigger t
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE t.tgname = p_name AND NOT t.tgisinternal
   AND (p_table IS NULL OR t.tgrelid = to_regclass(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_table)))
HAVING count(*) > 0

-- name: state_policy
SELECT md5(string_agg(concat_ws('|', p.oid, p.xmin, p.polname, p.polrelid), ';' ORDER BY p.oid))
  FROM pg_policy p
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE p.polname = p_name
   AND (p_table IS NULL OR p.polrelid = to_regclass(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_table)))
HAVING count(*) > 0

-- name: state_rule
SELECT md5(string_agg(concat_ws('|', r.oid, r.xmin, r.rulename, r.ev_class, r.ev_enabled), ';' ORDER BY r.oid))
  FROM pg_rewrite r
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE r.rulename = p_name
   AND (p_table IS NULL OR r.ev_class = to_regclass(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_table)))
HAVING count(*) > 0

-- name: state_constraint
SELECT md5(string_agg(concat_ws('|', k.oid, k.conname, k.convalidated, k.condeferrable, k.condeferred, k.conrelid, pg_get_constraintdef(k.oid)), ';' ORDER BY k.oid))
  FROM pg_constraint k
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE k.conname = p_name
   AND (p_table IS NULL OR k.conrelid = to_regclass(coalesce(quote_ident(p_schema) || '.', '') || quote_ident(p_table)))
HAVING count(*) > 0

-- name: state_schema
SELECT md5(concat_ws('|', n.oid, n.nspname, n.nspowner, n.nspacl, obj_description(n.oid, 'pg_namespace')))
  FROM pg_namespace n
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE n.nspname = p_name

-- name: state_extension
SELECT md5(concat_ws('|', e.oid, e.extname, e.extversion, e.extnamespace, e.extconfig))
  FROM pg_extension e
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE e.extname = p_name

-- name: state_database
SELECT md5(concat_ws('|', d.oid, d.datname, d.datdba, d.datacl, d.datconnlimit, d.datallowconn, d.datistemplate, d.dattablespace,
       (SELECT string_agg(concat_ws(',', s.setrole, s.setconfig), ';' ORDER BY s.setrole)
          FROM pg_db_role_setting s WHERE s.setdatabase = d.oid),
       shobj_description(d.oid, 'pg_database')))
  FROM pg_database d
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE d.datname = p_name

-- Without the password, which nobody may see; changing it shows nowhere.
-- name: state_role
SELECT md5(concat_ws('|', r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin,
                     r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, r.rolconfig,
       (SELECT string_agg(concat_ws(',', m.roleid, m.admin_option), ';' ORDER BY m.roleid)
          FROM pg_auth_members m WHERE m.member = r.oid)))
  FROM pg_roles r
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE r.rolname = p_name

-- name: state_publication
SELECT md5(concat_ws('|', p.oid, to_jsonb(p),
       (SELECT string_agg(to_jsonb(r)::text, ';' ORDER BY r.prrelid) FROM pg_publication_rel r WHERE r.prpubid = p.oid)))
  FROM pg_publication p
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE p.pubname = p_name

-- name: state_subscription
SELECT md5(concat_ws('|', s.oid, s.subname, s.subenabled, s.subslotname, s.subsynccommit, s.subpublications))
  FROM pg_subscription s
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE s.subname = p_name AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: state_statistics
SELECT md5(string_agg(concat_ws('|', s.oid, s.xmin, s.stxname), ';' ORDER BY s.oid))
  FROM pg_statistic_ext s
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE s.stxname = p_name
   AND CASE WHEN p_schema IS NULL THEN pg_statistics_obj_is_visible(s.oid)
            ELSE s.stxnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = p_schema) END
HAVING count(*) > 0

-- name: state_event_trigger
SELECT md5(concat_ws('|', e.oid, e.xmin, e.evtname, e.evtenabled))
  FROM pg_event_trigger e
 CROSS JOIN (SELECT ?::text AS p_schema, ?::text AS p_name, ?::text AS p_table) wanted
 WHERE e.evtname = p_name
