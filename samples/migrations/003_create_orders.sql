-- @metadata {
--   "author": "ben",
--   "description": "Orders and their items",
--   "risk": "low",
--   "estimatedDuration": 200,
--   "dataVolume": "medium",
--   "tags": ["schema"],
--   "dependencies": ["001_create_users", "002_create_products"],
--   "affectedTables": ["orders", "order_items"]
-- }

-- UP
CREATE TABLE orders (
    id         BIGINT    NOT NULL PRIMARY KEY,
    user_id    BIGINT    NOT NULL,
    ordered_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX orders_by_user ON orders (user_id, ordered_at);

CREATE TABLE order_items (
    order_id   BIGINT         NOT NULL,
    product_id BIGINT         NOT NULL,
    quantity   INTEGER        NOT NULL,
    unit_price DECIMAL(12, 2) NOT NULL,
    PRIMARY KEY (order_id, product_id),
    CONSTRAINT order_items_order_fk FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT order_items_product_fk FOREIGN KEY (product_id) REFERENCES products (id)
);

INSERT INTO orders (id, user_id) VALUES (1, 1), (2, 1), (3, 2);

INSERT INTO order_items (order_id, product_id, quantity, unit_price) VALUES
    (1, 1, 2, 4.50),
    (1, 3, 1, 3.25),
    (2, 2, 1, 9.00),
    (3, 1, 5, 4.25);

-- DOWN
DROP TABLE order_items;
DROP TABLE orders;
