-- @metadata {
--   "author": "anna",
--   "description": "People who order",
--   "risk": "low",
--   "estimatedDuration": 100,
--   "dataVolume": "small",
--   "tags": ["schema"],
--   "affectedTables": ["users"]
-- }

-- UP
CREATE TABLE users (
    id         BIGINT       NOT NULL PRIMARY KEY,
    email      VARCHAR(255) NOT NULL UNIQUE,
    name       VARCHAR(255) NOT NULL,
    created_at TIMESTAMP    NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO users (id, email, name) VALUES
    (1, 'ada@example.com', 'Ada'),
    (2, 'grace@example.com', 'Grace'),
    (3, 'linus@example.com', 'Linus');

-- DOWN
DROP TABLE users;
