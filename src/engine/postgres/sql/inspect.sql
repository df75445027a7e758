-- SPDX-License-Identifier: Apache-2.0
-- Every object of a database as (kind, schema, parent, name, definition). Run with an empty search path, so that names
-- are qualified wherever they are printed. What belongs to an extension or to the server is left out.
-- @13{new}{old}: the first for servers from version 13 on, the second for older ones.

-- name: schemas
SELECT 'schema', NULL, NULL, n.nspname, ''
  FROM pg_namespace n
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND n.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_namespace'::regclass AND deptype = 'e')

-- name: extensions
SELECT 'extension', NULL, NULL, e.extname, format('VERSION %L SCHEMA %I', e.extversion, n.nspname)
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace

-- name: enums
SELECT 'type', n.nspname, NULL, t.typname,
       'ENUM (' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                               FROM pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype = 'e' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')

-- name: composite_types
SELECT 'type', n.nspname, NULL, c.relname,
       'COMPOSITE (' || coalesce((
           SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) ||
                             CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
                                  THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END,
                             ', ' ORDER BY a.attnum)
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') || ')'
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'c' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.reltype NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')

-- name: ranges
SELECT 'type', n.nspname, NULL, t.typname,
       'RANGE (SUBTYPE = ' || format_type(r.rngsubtype, NULL) ||
       ', SUBTYPE_OPCLASS = ' || (SELECT format('%I.%I', o.nspname, k.opcname) FROM pg_opclass k
                                    JOIN pg_namespace o ON o.oid = k.opcnamespace WHERE k.oid = r.rngsubopc) ||
       CASE WHEN r.rngcollation <> 0 THEN ', COLLATION = ' || r.rngcollation::regcollation::text ELSE '' END ||
       CASE WHEN r.rngcanonical <> 0 THEN ', CANONICAL = ' || r.rngcanonical::text ELSE '' END ||
       CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::text ELSE '' END ||
       @14{', MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, NULL)}{''} || ')'
  FROM pg_range r
  JOIN pg_type t ON t.oid = r.rngtypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')

-- name: base_types
SELECT 'type', n.nspname, NULL, t.typname,
       CASE WHEN NOT t.typisdefined THEN 'SHELL' ELSE
       'BASE (INPUT = ' || t.typinput::text || ', OUTPUT = ' || t.typoutput::text || ', RECEIVE = ' || t.typreceive::text ||
       ', SEND = ' || t.typsend::text || ', TYPMOD_IN = ' || t.typmodin::text || ', TYPMOD_OUT = ' || t.typmodout::text ||
       ', ANALYZE = ' || t.typanalyze::text || ', LENGTH = ' || t.typlen || ', BY_VALUE = ' || t.typbyval ||
       ', ALIGNMENT = ' || t.typalign::text || ', STORAGE = ' || t.typstorage::text || ', CATEGORY = ' || quote_literal(t.typcategory::text) ||
       ', PREFERRED = ' || t.typispreferred || ', ELEMENT = ' || t.typelem::regtype::text || ', DELIMITER = ' ||
       quote_literal(t.typdelim::text) || ', COLLATABLE = ' || (t.typcollation <> 0) || ', DEFAULT = ' ||
       coalesce(quote_literal(t.typdefault), 'NULL') || ')' END
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE (t.typtype = 'b' OR (t.typtype = 'p' AND NOT t.typisdefined))
   AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')

-- name: domains
SELECT 'domain', n.nspname, NULL, t.typname,
       format_type(t.typbasetype, t.typtypmod) ||
       CASE WHEN t.typcollation <> b.typcollation AND t.typcollation <> 0
            THEN ' COLLATE ' || t.typcollation::regcollation::text ELSE '' END ||
       coalesce(' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 'pg_type'::regclass), t.typdefault), '') ||
       CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
       coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ''
                                   ORDER BY k.conname)
                   FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '')
  FROM pg_type t
  JOIN pg_type b ON b.oid = t.typbasetype
  JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype = 'd' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_type'::regclass AND deptype = 'e')

-- name: sequences
SELECT 'sequence', n.nspname, t.relname, c.relname,
       format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s', format_type(s.seqtypid, NULL), s.seqstart,
              s.seqincrement, s.seqmin, s.seqmax, s.seqcache) ||
       CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END || CASE WHEN c.relpersistence = 'u' THEN ' UNLOGGED' ELSE '' END ||
       CASE d.deptype WHEN 'a' THEN format(' OWNED BY %I.%I', t.relname, a.attname)
                      WHEN 'i' THEN format(' IDENTITY OF %I.%I', t.relname, a.attname) ELSE '' END
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_class t ON t.oid = d.refobjid
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: tables
SELECT CASE c.relkind WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname, NULL, c.relname,
       concat_ws(' ',
           CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END,
           CASE WHEN c.reloftype <> 0 THEN 'OF ' || c.reloftype::regtype::text END,
           CASE WHEN c.relispartition THEN (
               SELECT 'PARTITION OF ' || i.inhparent::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid) ||
                      CASE WHEN to_jsonb(i) ->> 'inhdetachpending' = 'true' THEN ' DETACH PENDING' ELSE '' END
                 FROM pg_inherits i WHERE i.inhrelid = c.oid)
           ELSE 'INHERITS (' || (
               SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                 FROM pg_inherits i WHERE i.inhrelid = c.oid) || ')' END,
           CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END,
           CASE WHEN m.amname <> 'heap' THEN 'USING ' || quote_ident(m.amname) END,
           'WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C")
                          FROM (SELECT unnest(c.reloptions)
                                UNION ALL SELECT 'toast.' || unnest(x.reloptions) FROM pg_class x
                                 WHERE x.oid = c.reltoastrelid) all_options (o)) || ')',
           CASE WHEN s.spcname IS NOT NULL THEN 'TABLESPACE ' || quote_ident(s.spcname) END,
           CASE WHEN c.relrowsecurity THEN 'ROW LEVEL SECURITY' END,
           CASE WHEN c.relforcerowsecurity THEN 'FORCE ROW LEVEL SECURITY' END,
           CASE c.relreplident WHEN 'n' THEN 'REPLICA IDENTITY NOTHING' WHEN 'f' THEN 'REPLICA IDENTITY FULL'
                               WHEN 'i' THEN 'REPLICA IDENTITY INDEX' END,
           CASE WHEN f.ftrelid IS NOT NULL THEN 'SERVER ' || (SELECT quote_ident(v.srvname) FROM pg_foreign_server v
                                                               WHERE v.oid = f.ftserver) END,
           'OPTIONS (' || (SELECT string_agg(CASE WHEN o ~* '^[^=]*(pass|secret|token|key|credential)'
                                                  THEN split_part(o, '=', 1) || '=***' ELSE o END, ', '
                                             ORDER BY o COLLATE "C") FROM unnest(f.ftoptions) o) || ')')
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
  LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- Without positions: a column that was dropped and added again stands elsewhere, and is the same.
-- name: columns
SELECT 'column', n.nspname, c.relname, a.attname,
       format_type(a.atttypid, a.atttypmod) ||
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
            THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END ||
       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END ||
       CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY'
                          WHEN 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY' ELSE '' END ||
       CASE a.attgenerated WHEN '' THEN coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
                           ELSE ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ')' ||
                                CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END END ||
       CASE WHEN a.attstorage <> t.typstorage
            THEN ' STORAGE ' || CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                                                  ELSE 'EXTENDED' END ELSE '' END ||
       @14{CASE a.attcompression WHEN 'p' THEN ' COMPRESSION pglz' WHEN 'l' THEN ' COMPRESSION lz4' ELSE '' END}{''} ||
       CASE WHEN a.attstattarget >= 0 THEN ' STATISTICS ' || a.attstattarget ELSE '' END ||
       coalesce(' WITH (' || array_to_string(a.attoptions, ', ') || ')', '') ||
       coalesce(' OPTIONS (' || (SELECT string_agg(CASE WHEN o ~* '^[^=]*(pass|secret|token|credential)'
                                                        THEN split_part(o, '=', 1) || '=***' ELSE o END, ', '
                                                   ORDER BY o COLLATE "C") FROM unnest(a.attfdwoptions) o) || ')', '') ||
       CASE WHEN a.attinhcount > 0 AND NOT a.attislocal AND NOT c.relispartition THEN ' INHERITED' ELSE '' END
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND (c.relkind IN ('r', 'p', 'f') OR
        (c.relkind IN ('v', 'm') AND (a.atthasdef OR a.attstattarget >= 0 OR a.attoptions IS NOT NULL
                                      OR a.attstorage <> t.typstorage)))
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- A partition's copies of foreign keys and inherited checks follow from the parent's. NOT NULL stands with its column.
-- name: constraints
SELECT 'constraint', n.nspname, c.relname, k.conname,
       pg_get_constraintdef(k.oid) ||
       CASE WHEN k.contype IN ('p', 'u', 'x') THEN
           coalesce(' WITH (' || array_to_string(x.reloptions, ', ') || ')', '') ||
           coalesce(' TABLESPACE ' || quote_ident(s.spcname), '') ||
           CASE WHEN i.indisclustered THEN ' CLUSTER' ELSE '' END ||
           CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END ||
           CASE WHEN NOT i.indisvalid THEN ' INVALID' ELSE '' END ||
           coalesce((SELECT ' ATTACHED TO ' || h.inhparent::regclass::text FROM pg_inherits h
                      WHERE h.inhrelid = k.conindid), '')
       ELSE '' END
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class x ON x.oid = k.conindid
  LEFT JOIN pg_index i ON i.indexrelid = k.conindid
  LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
 WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT (k.contype = 'f' AND k.conparentid <> 0) AND (k.contype <> 'c' OR k.conislocal)
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: indexes
SELECT 'index', n.nspname, c.relname, x.relname,
       pg_get_indexdef(i.indexrelid) ||
       coalesce(' TABLESPACE ' || quote_ident(s.spcname), '') ||
       CASE WHEN i.indisclustered THEN ' CLUSTER' ELSE '' END ||
       CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END ||
       CASE WHEN NOT i.indisvalid THEN ' INVALID' ELSE '' END ||
       coalesce((SELECT string_agg(format(' STATISTICS %s %s', a.attnum, a.attstattarget), '' ORDER BY a.attnum)
                   FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0), '') ||
       coalesce((SELECT ' ATTACHED TO ' || h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = x.oid), '')
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: views
SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, n.nspname, NULL, c.relname,
       concat_ws(' ',
           'WITH (' || (SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o) || ')',
           CASE WHEN m.amname <> 'heap' THEN 'USING ' || quote_ident(m.amname) END,
           CASE WHEN s.spcname IS NOT NULL THEN 'TABLESPACE ' || quote_ident(s.spcname) END,
           'AS' || chr(10) || pg_get_viewdef(c.oid))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_am m ON m.oid = c.relam
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
 WHERE c.relkind IN ('v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: functions
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, n.nspname, NULL,
       p.proname || '(' || oidvectortypes(p.proargtypes) || ')', pg_get_functiondef(p.oid)
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prokind <> 'a' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype IN ('e', 'i'))

-- name: aggregates
SELECT 'aggregate', n.nspname, NULL, p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
       format('(%s) KIND %s DIRECT %s SFUNC %s STYPE %s SSPACE %s FINALFUNC %s %s %s COMBINEFUNC %s SERIALFUNC %s DESERIALFUNC %s',
              pg_get_function_arguments(p.oid), a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggtranstype::regtype,
              a.aggtransspace, a.aggfinalfn, a.aggfinalextra, a.aggfinalmodify, a.aggcombinefn, a.aggserialfn,
              a.aggdeserialfn) ||
       format(' INITCOND %L MSFUNC %s MINVFUNC %s MSTYPE %s MSSPACE %s MFINALFUNC %s %s %s MINITCOND %L SORTOP %s PARALLEL %s',
              a.agginitval, a.aggmtransfn, a.aggminvtransfn, a.aggmtranstype::regtype, a.aggmtransspace, a.aggmfinalfn,
              a.aggmfinalextra, a.aggmfinalmodify, a.aggminitval, a.aggsortop::regoperator, p.proparallel)
  FROM pg_aggregate a
  JOIN pg_proc p ON p.oid = a.aggfnoid
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e')

-- A partition's copy of a trigger is told only when it is switched otherwise than its parent's.
-- name: triggers
SELECT 'trigger', n.nspname, c.relname, t.tgname,
       pg_get_triggerdef(t.oid) ||
       CASE t.tgenabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ENABLED REPLICA' WHEN 'A' THEN ' ENABLED ALWAYS'
                        ELSE '' END
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT t.tgisinternal AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   @13{AND (t.tgparentid = 0 OR t.tgenabled <> (SELECT o.tgenabled FROM pg_trigger o WHERE o.oid = t.tgparentid))}{}
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: event_triggers
SELECT 'event trigger', NULL, NULL, e.evtname,
       format('ON %s WHEN TAG IN (%s) EXECUTE FUNCTION %s', e.evtevent,
              (SELECT string_agg(quote_literal(tag), ', ' ORDER BY tag COLLATE "C") FROM unnest(e.evttags) tag),
              e.evtfoid::regprocedure) ||
       CASE e.evtenabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ENABLED REPLICA' WHEN 'A' THEN ' ENABLED ALWAYS'
                         ELSE '' END
  FROM pg_event_trigger e
 WHERE e.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_event_trigger'::regclass AND deptype = 'e')

-- name: rules
SELECT 'rule', n.nspname, c.relname, r.rulename,
       pg_get_ruledef(r.oid) ||
       CASE r.ev_enabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ENABLED REPLICA' WHEN 'A' THEN ' ENABLED ALWAYS'
                         ELSE '' END
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.rulename <> '_RETURN' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- name: policies
SELECT 'policy', n.nspname, c.relname, p.polname,
       format('AS %s FOR %s TO %s', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                            ELSE 'ALL' END,
              (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', '
                                 ORDER BY r = 0 DESC, pg_get_userbyid(r) COLLATE "C") FROM unnest(p.polroles) r)) ||
       coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') ||
       coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
  FROM pg_policy p
  JOIN pg_class c ON c.oid = p.polrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- Column privileges; those of whole objects follow.
-- name: column_grants
SELECT 'grant', n.nspname, c.relname,
       CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END || ': ' || g.privilege_type || ' (' ||
       a.attname || ')',
       'GRANTED' || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END ||
       CASE WHEN g.grantor <> c.relowner THEN ' BY ' || pg_get_userbyid(g.grantor) ELSE '' END
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL aclexplode(a.attacl) g
 WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'e')

-- Owners (those that are not the database's) and privileges (those that differ from what an object has when nobody
-- grants or revokes). The schema "public" belongs to the role pg_database_owner from the start.
-- name: grants
WITH member AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
owned (class, oid, schema, parent, label, kind, owner, acl) AS (
    SELECT 'pg_class'::regclass, c.oid, n.nspname, c.relname, '', CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END,
           c.relowner, c.relacl
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, n.nspname, NULL, 'SCHEMA ' || n.nspname || ': ', 'n', n.nspowner, n.nspacl
      FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, n.nspname, NULL,
           'ROUTINE ' || p.proname || '(' || oidvectortypes(p.proargtypes) || '): ', 'f', p.proowner, p.proacl
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT 1 FROM pg_depend d
                        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, n.nspname, NULL, 'TYPE ' || t.typname || ': ', 'T', t.typowner, t.typacl
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
      LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typtype IN ('b', 'c', 'd', 'e', 'r')
       AND (t.typrelid = 0 OR c.relkind = 'c') AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, NULL, NULL, 'FOREIGN DATA WRAPPER ' || w.fdwname || ': ', 'F',
           w.fdwowner, w.fdwacl
      FROM pg_foreign_data_wrapper w
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, NULL, NULL, 'FOREIGN SERVER ' || s.srvname || ': ', 'S', s.srvowner, s.srvacl
      FROM pg_foreign_server s
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, NULL, NULL, 'LANGUAGE ' || l.lanname || ': ', 'l', l.lanowner, l.lanacl
      FROM pg_language l WHERE l.oid >= 16384 OR l.lanacl IS NOT NULL
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, NULL, NULL, 'PUBLICATION ' || p.pubname || ': ', NULL, p.pubowner, NULL
      FROM pg_publication p
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, NULL, NULL, 'EVENT TRIGGER ' || e.evtname || ': ', NULL, e.evtowner, NULL
      FROM pg_event_trigger e
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, x.oid, n.nspname, c.relname, 'STATISTICS ' || x.stxname || ': ', NULL, x.stxowner, NULL
      FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace JOIN pg_class c ON c.oid = x.stxrelid
    UNION ALL
    SELECT 'pg_collation'::regclass, c.oid, n.nspname, NULL, 'COLLATION ' || c.collname || ': ', NULL, c.collowner, NULL
      FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'pg_database'::regclass, d.oid, NULL, NULL, 'DATABASE: ', 'd', d.datdba, d.datacl
      FROM pg_database d WHERE d.datname = current_database()
),
known AS MATERIALIZED (
    SELECT o.*, coalesce(i.initprivs, acldefault(o.kind::"char", o.owner)) AS usual
      FROM owned o
      LEFT JOIN pg_init_privs i ON i.classoid = o.class AND i.objoid = o.oid AND i.objsubid = 0 AND i.privtype = 'i'
     WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.classid = o.class AND m.objid = o.oid)
)
SELECT 'grant', schema, parent, label || 'owner', pg_get_userbyid(owner)
  FROM known
 WHERE owner <> (SELECT datdba FROM pg_database WHERE datname = current_database())
   AND pg_get_userbyid(owner) <> 'pg_database_owner'
UNION ALL
SELECT 'grant', k.schema, k.parent,
       k.label || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END || ': ' || g.privilege_type,
       'GRANTED' || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END ||
       CASE WHEN g.grantor <> k.owner THEN ' BY ' || pg_get_userbyid(g.grantor) ELSE '' END
  FROM known k
 CROSS JOIN LATERAL (SELECT * FROM aclexplode(k.acl) EXCEPT SELECT * FROM aclexplode(k.usual)) g
 WHERE k.acl IS NOT NULL
UNION ALL
SELECT 'grant', k.schema, k.parent,
       k.label || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END || ': ' || g.privilege_type,
       'REVOKED'
  FROM known k
 CROSS JOIN LATERAL (SELECT grantee, privilege_type FROM aclexplode(k.usual)
                     EXCEPT SELECT grantee, privilege_type FROM aclexplode(k.acl)) g
 WHERE k.acl IS NOT NULL

-- Global ones replace the server's defaults, those of a schema are added to them.
-- name: default_privileges
WITH defaults AS (
    SELECT d.oid, n.nspname, d.defaclrole, d.defaclacl,
           CASE WHEN d.defaclnamespace = 0
                THEN acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)
                ELSE NULL::aclitem[] END AS builtin,
           pg_get_userbyid(d.defaclrole) || ' ' ||
           CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                                WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE d.defaclobjtype::text END || ': ' AS label
      FROM pg_default_acl d
      LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
)
SELECT 'default privilege', d.nspname, NULL,
       d.label || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END || ': ' || g.privilege_type,
       'GRANTED' || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
  FROM defaults d CROSS JOIN LATERAL (SELECT * FROM aclexplode(d.defaclacl) EXCEPT SELECT * FROM aclexplode(d.builtin)) g
UNION ALL
SELECT 'default privilege', d.nspname, NULL,
       d.label || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(g.grantee) END || ': ' || g.privilege_type, 'REVOKED'
  FROM defaults d
 CROSS JOIN LATERAL (SELECT grantee, privilege_type FROM aclexplode(d.builtin)
                     EXCEPT SELECT grantee, privilege_type FROM aclexplode(d.defaclacl)) g

-- name: comments
SELECT 'comment', coalesce(o.schema, n.nspname), t.relname, o.type || ' ' || o.identity, d.description
  FROM pg_description d
  LEFT JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_constraint k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
  LEFT JOIN pg_trigger g ON d.classoid = 'pg_trigger'::regclass AND g.oid = d.objoid
  LEFT JOIN pg_rewrite r ON d.classoid = 'pg_rewrite'::regclass AND r.oid = d.objoid
  LEFT JOIN pg_policy p ON d.classoid = 'pg_policy'::regclass AND p.oid = d.objoid
  LEFT JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid, nullif(k.conrelid, 0), g.tgrelid, r.ev_class, p.polrelid)
  LEFT JOIN pg_namespace n ON n.oid = t.relnamespace
 CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o
 WHERE (d.objoid >= 16384 OR (d.classoid = 'pg_namespace'::regclass AND d.objoid = 2200 AND
                              d.description <> 'standard public schema'))
   AND d.classoid <> 'pg_largeobject'::regclass
   AND coalesce(o.schema, n.nspname, '') !~ '^pg_'
   AND NOT EXISTS (SELECT 1 FROM pg_depend m
                    WHERE m.deptype = 'e' AND ((m.classid = d.classoid AND m.objid = d.objoid) OR
                                               (m.classid = 'pg_class'::regclass AND m.objid = t.oid)))
UNION ALL
SELECT 'comment', NULL, NULL, 'database', d.description
  FROM pg_shdescription d
 WHERE d.classoid = 'pg_database'::regclass
   AND d.objoid = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: security_labels
SELECT 'security label', coalesce(o.schema, n.nspname), t.relname, l.provider || ' ' || o.type || ' ' || o.identity, l.label
  FROM pg_seclabel l
  LEFT JOIN pg_class t ON l.classoid = 'pg_class'::regclass AND t.oid = l.objoid
  LEFT JOIN pg_namespace n ON n.oid = t.relnamespace
 CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) o
 WHERE l.objoid >= 16384 AND l.classoid <> 'pg_largeobject'::regclass

-- name: settings
SELECT 'setting', NULL, NULL, CASE s.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(s.setrole) || ': ' END || split_part(o, '=', 1),
       substr(o, strpos(o, '=') + 1)
  FROM pg_db_role_setting s
 CROSS JOIN LATERAL unnest(s.setconfig) o
 WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: publications
SELECT 'publication', NULL, NULL, p.pubname, (to_jsonb(p) - 'oid' - 'pubname' - 'pubowner')::text
  FROM pg_publication p
 WHERE p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_publication'::regclass AND deptype = 'e')
UNION ALL
SELECT 'publication table', n.nspname, c.relname, p.pubname,
       concat_ws(' ', 'PUBLISHED',
           @15{'(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE "C")
                         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs)) || ')',
           'WHERE ' || pg_get_expr(r.prqual, r.prrelid)}{NULL})
  FROM pg_publication_rel r
  JOIN pg_publication p ON p.oid = r.prpubid
  JOIN pg_class c ON c.oid = r.prrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
@15{UNION ALL
SELECT 'publication schema', n.nspname, NULL, p.pubname, 'PUBLISHED'
  FROM pg_publication_namespace s
  JOIN pg_publication p ON p.oid = s.pnpubid
  JOIN pg_namespace n ON n.oid = s.pnnspid}{}

-- The connection string may hold a password, and only a superuser may read it.
-- name: subscriptions
SELECT 'subscription', NULL, NULL, s.subname,
       format('PUBLICATIONS %s SLOT %s SYNCHRONOUS_COMMIT %s ENABLED %s',
              array_to_string(s.subpublications, ', '), coalesce(s.subslotname, 'NONE'), s.subsynccommit, s.subenabled)
  FROM pg_subscription s
 WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: statistics
SELECT 'statistics', n.nspname, c.relname, s.stxname,
       pg_get_statisticsobjdef(s.oid) ||
       CASE WHEN (to_jsonb(s) ->> 'stxstattarget')::int >= 0 THEN ' STATISTICS ' || (to_jsonb(s) ->> 'stxstattarget')
            ELSE '' END
  FROM pg_statistic_ext s
  JOIN pg_namespace n ON n.oid = s.stxnamespace
  JOIN pg_class c ON c.oid = s.stxrelid
 WHERE s.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_statistic_ext'::regclass AND deptype = 'e')

-- Options whose name sounds like a secret are told without their value.
-- name: foreign_data
WITH options (id, text) AS (
    SELECT id, string_agg(CASE WHEN o ~* '^[^=]*(pass|secret|token|key|credential)' THEN split_part(o, '=', 1) || '=***'
                               ELSE o END, ', ' ORDER BY o COLLATE "C")
      FROM (SELECT oid, unnest(fdwoptions) FROM pg_foreign_data_wrapper
            UNION ALL SELECT oid, unnest(srvoptions) FROM pg_foreign_server
            UNION ALL SELECT umid, unnest(umoptions) FROM pg_user_mappings) x (id, o)
     GROUP BY id
)
SELECT 'foreign data wrapper', NULL, NULL, w.fdwname,
       format('HANDLER %s VALIDATOR %s OPTIONS (%s)', w.fdwhandler::regproc, w.fdwvalidator::regproc, o.text)
  FROM pg_foreign_data_wrapper w
  LEFT JOIN options o ON o.id = w.oid
 WHERE w.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_data_wrapper'::regclass AND deptype = 'e')
UNION ALL
SELECT 'foreign server', NULL, NULL, s.srvname,
       format('WRAPPER %I TYPE %L VERSION %L OPTIONS (%s)', w.fdwname, s.srvtype, s.srvversion, o.text)
  FROM pg_foreign_server s
  JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  LEFT JOIN options o ON o.id = s.oid
 WHERE s.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_foreign_server'::regclass AND deptype = 'e')
UNION ALL
SELECT 'user mapping', NULL, NULL, coalesce(u.usename, 'PUBLIC') || ' ON ' || u.srvname, format('OPTIONS (%s)', o.text)
  FROM pg_user_mappings u
  LEFT JOIN options o ON o.id = u.umid

-- The version of a collation is that of the library behind it.
-- name: collations
SELECT 'collation', n.nspname, NULL, c.collname,
       (to_jsonb(c) - 'oid' - 'collname' - 'collnamespace' - 'collowner' - 'collversion')::text
  FROM pg_collation c
  JOIN pg_namespace n ON n.oid = c.collnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_collation'::regclass AND deptype = 'e')

-- name: conversions
SELECT 'conversion', n.nspname, NULL, c.conname,
       format('FOR %L TO %L FROM %s%s', pg_encoding_to_char(c.conforencoding), pg_encoding_to_char(c.contoencoding),
              c.conproc, CASE WHEN c.condefault THEN ' DEFAULT' END)
  FROM pg_conversion c
  JOIN pg_namespace n ON n.oid = c.connamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_conversion'::regclass AND deptype = 'e')

-- name: casts
SELECT 'cast', NULL, NULL, format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL),
       CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure::text WHEN 'i' THEN 'WITH INOUT'
                         ELSE 'WITHOUT FUNCTION' END ||
       CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END
  FROM pg_cast c
 WHERE c.oid >= 16384
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_cast'::regclass AND deptype IN ('e', 'i'))

-- name: operators
SELECT 'operator', n.nspname, NULL, o.oprname || ' (' || format_type(nullif(o.oprleft, 0), NULL) || ', ' ||
       format_type(nullif(o.oprright, 0), NULL) || ')',
       format('FUNCTION %s COMMUTATOR %s NEGATOR %s RESTRICT %s JOIN %s%s%s', o.oprcode, o.oprcom::regoperator,
              o.oprnegate::regoperator, o.oprrest, o.oprjoin, CASE WHEN o.oprcanhash THEN ' HASHES' END,
              CASE WHEN o.oprcanmerge THEN ' MERGES' END)
  FROM pg_operator o
  JOIN pg_namespace n ON n.oid = o.oprnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_operator'::regclass AND deptype = 'e')

-- name: operator_classes
SELECT 'operator class', n.nspname, NULL, o.opcname || ' USING ' || m.amname,
       format('%sFOR TYPE %s FAMILY %I.%I STORAGE %s', CASE WHEN o.opcdefault THEN 'DEFAULT ' END,
              format_type(o.opcintype, NULL), fn.nspname, f.opfname,
              CASE o.opckeytype WHEN 0 THEN '-' ELSE format_type(o.opckeytype, NULL) END)
  FROM pg_opclass o
  JOIN pg_am m ON m.oid = o.opcmethod
  JOIN pg_opfamily f ON f.oid = o.opcfamily
  JOIN pg_namespace fn ON fn.oid = f.opfnamespace
  JOIN pg_namespace n ON n.oid = o.opcnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND o.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opclass'::regclass AND deptype = 'e')
UNION ALL
SELECT 'operator family', n.nspname, NULL, f.opfname || ' USING ' || m.amname,
       concat_ws(', ',
           (SELECT string_agg(format('OPERATOR %s %s%s', a.amopstrategy, a.amopopr::regoperator,
                                     CASE a.amoppurpose WHEN 'o' THEN ' FOR ORDER BY' END), ', '
                              ORDER BY a.amopstrategy, a.amopopr::regoperator::text COLLATE "C")
              FROM pg_amop a WHERE a.amopfamily = f.oid),
           (SELECT string_agg(format('FUNCTION %s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, NULL),
                                     format_type(p.amprocrighttype, NULL), p.amproc::regprocedure), ', '
                              ORDER BY p.amprocnum, p.amproc::regprocedure::text COLLATE "C")
              FROM pg_amproc p WHERE p.amprocfamily = f.oid))
  FROM pg_opfamily f
  JOIN pg_am m ON m.oid = f.opfmethod
  JOIN pg_namespace n ON n.oid = f.opfnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND f.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_opfamily'::regclass AND deptype = 'e')

-- name: text_search
SELECT 'text search configuration', n.nspname, NULL, c.cfgname,
       format('PARSER %I.%I', pn.nspname, p.prsname) ||
       coalesce((SELECT string_agg(' ' || mapping, '' ORDER BY mapping COLLATE "C")
                   FROM (SELECT k.alias || ': ' || string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno)
                           FROM pg_ts_config_map m
                           JOIN ts_token_type(c.cfgparser) k ON k.tokid = m.maptokentype
                          WHERE m.mapcfg = c.oid GROUP BY k.alias) all_mappings (mapping)), '')
  FROM pg_ts_config c
  JOIN pg_namespace n ON n.oid = c.cfgnamespace
  JOIN pg_ts_parser p ON p.oid = c.cfgparser
  JOIN pg_namespace pn ON pn.oid = p.prsnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_config'::regclass AND deptype = 'e')
UNION ALL
SELECT 'text search dictionary', n.nspname, NULL, d.dictname,
       format('TEMPLATE %I.%I %s', tn.nspname, t.tmplname, d.dictinitoption)
  FROM pg_ts_dict d
  JOIN pg_namespace n ON n.oid = d.dictnamespace
  JOIN pg_ts_template t ON t.oid = d.dicttemplate
  JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND d.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_dict'::regclass AND deptype = 'e')
UNION ALL
SELECT 'text search parser', n.nspname, NULL, p.prsname,
       format('START %s GETTOKEN %s END %s HEADLINE %s LEXTYPES %s', p.prsstart, p.prstoken, p.prsend, p.prsheadline, p.prslextype)
  FROM pg_ts_parser p
  JOIN pg_namespace n ON n.oid = p.prsnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_parser'::regclass AND deptype = 'e')
UNION ALL
SELECT 'text search template', n.nspname, NULL, t.tmplname, format('INIT %s LEXIZE %s', t.tmplinit, t.tmpllexize)
  FROM pg_ts_template t
  JOIN pg_namespace n ON n.oid = t.tmplnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_ts_template'::regclass AND deptype = 'e')

-- name: languages
SELECT 'language', NULL, NULL, l.lanname,
       format('HANDLER %s INLINE %s VALIDATOR %s%s', l.lanplcallfoid::regproc, l.laninline::regproc, l.lanvalidator::regproc,
              CASE WHEN l.lanpltrusted THEN ' TRUSTED' END)
  FROM pg_language l
 WHERE l.lanispl
   AND l.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_language'::regclass AND deptype = 'e')
UNION ALL
SELECT 'access method', NULL, NULL, m.amname, format('TYPE %s HANDLER %s', m.amtype, m.amhandler)
  FROM pg_am m
 WHERE m.oid >= 16384
   AND m.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_am'::regclass AND deptype = 'e')
UNION ALL
SELECT 'transform', NULL, NULL, format_type(t.trftype, NULL) || ' LANGUAGE ' || l.lanname,
       format('FROM SQL %s TO SQL %s', t.trffromsql::regprocedure, t.trftosql::regprocedure)
  FROM pg_transform t
  JOIN pg_language l ON l.oid = t.trflang
 WHERE t.oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_transform'::regclass AND deptype = 'e')
