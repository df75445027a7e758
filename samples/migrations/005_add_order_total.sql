-- @metadata {
--   "author": "ben",
--   "description": "An order's total, filled in batches so that no transaction is long",
--   "risk": "medium",
--   "estimatedDuration": 2000,
--   "dataVolume": "large",
--   "tags": ["schema", "backfill"],
--   "dependencies": ["003_create_orders"],
--   "affectedTables": ["orders"]
-- }

-- UP
ALTER TABLE orders ADD COLUMN total DECIMAL(12, 2);

-- @batch table=orders key=id size=10000
UPDATE orders
SET total = (SELECT SUM(i.quantity * i.unit_price) FROM order_items i WHERE i.order_id = orders.id)
WHERE total IS NULL;

-- DOWN
ALTER TABLE orders DROP COLUMN total;
