-- @metadata {
--   "author": "anna",
--   "description": "How many are left; a constant default is no rewrite",
--   "risk": "low",
--   "estimatedDuration": 50,
--   "dataVolume": "small",
--   "tags": ["schema"],
--   "affectedTables": ["products"]
-- }

-- UP
ALTER TABLE products ADD COLUMN stock INTEGER NOT NULL DEFAULT 0;

-- DOWN
ALTER TABLE products DROP COLUMN stock;
