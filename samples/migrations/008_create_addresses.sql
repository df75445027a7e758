-- @metadata {
--   "author": "cleo",
--   "description": "Several addresses a user",
--   "risk": "low",
--   "estimatedDuration": 100,
--   "dataVolume": "medium",
--   "tags": ["schema"],
--   "dependencies": ["001_create_users"],
--   "affectedTables": ["addresses"]
-- }

-- UP
CREATE TABLE addresses (
    id      BIGINT       NOT NULL PRIMARY KEY,
    user_id BIGINT       NOT NULL,
    street  VARCHAR(255) NOT NULL,
    city    VARCHAR(255) NOT NULL,
    CONSTRAINT addresses_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX addresses_by_user ON addresses (user_id);

-- DOWN
DROP TABLE addresses;
