-- @metadata {
--   "author": "anna",
--   "description": "What can be ordered",
--   "risk": "low",
--   "estimatedDuration": 100,
--   "dataVolume": "small",
--   "tags": ["schema"],
--   "affectedTables": ["products"]
-- }

-- UP
CREATE TABLE products (
    id    BIGINT         NOT NULL PRIMARY KEY,
    name  VARCHAR(255)   NOT NULL,
    price DECIMAL(12, 2) NOT NULL,
    CONSTRAINT products_price_check CHECK (price >= 0)
);

-- A semicolon inside of a text, and -- what looks like a comment, belong to the text.
INSERT INTO products (id, name, price) VALUES
    (1, 'Tea; loose', 4.50),
    (2, 'Coffee -- whole beans', 9.00),
    (3, 'Grandma''s jam', 3.25);

-- DOWN
DROP TABLE products;
