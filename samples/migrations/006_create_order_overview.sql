-- @metadata {
--   "author": "anna",
--   "description": "What support looks at",
--   "risk": "low",
--   "estimatedDuration": 50,
--   "tags": ["view"],
--   "dependencies": ["005_add_order_total"]
-- }

-- UP
CREATE VIEW order_overview AS
SELECT o.id, u.name AS customer, o.ordered_at, o.total
FROM orders o
JOIN users u ON u.id = o.user_id;

-- DOWN
DROP VIEW order_overview;
