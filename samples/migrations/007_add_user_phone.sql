-- @metadata {
--   "author": "cleo",
--   "description": "A telephone number for deliveries",
--   "risk": "low",
--   "estimatedDuration": 50,
--   "dataVolume": "small",
--   "affectedTables": ["users"],
--   "rollbackStrategy": "the numbers are lost; back them up first"
-- }

-- UP
ALTER TABLE users ADD COLUMN phone VARCHAR(40);

-- DOWN
ALTER TABLE users DROP COLUMN phone;
