-- @metadata {
--   "author": "ben",
--   "description": "Notifications, and what each user wants to be told",
--   "risk": "medium",
--   "estimatedDuration": 500,
--   "breakingChange": false,
--   "dataVolume": "medium",
--   "tags": ["schema", "notifications"],
--   "dependencies": ["001_create_users"],
--   "requiresDowntime": false,
--   "affectedTables": ["notifications", "notification_preferences", "users"],
--   "rollbackStrategy": "down drops both tables"
-- }

-- UP
CREATE TABLE notifications (
    id         BIGINT      NOT NULL PRIMARY KEY,
    user_id    BIGINT      NOT NULL,
    kind       VARCHAR(40) NOT NULL,
    body       TEXT        NOT NULL,
    read_at    TIMESTAMP   NULL,
    created_at TIMESTAMP   NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT notifications_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
);

CREATE INDEX notifications_unread ON notifications (user_id, read_at);

CREATE TABLE notification_preferences (
    user_id BIGINT      NOT NULL,
    channel VARCHAR(20) NOT NULL,
    enabled INTEGER     NOT NULL DEFAULT 1,
    PRIMARY KEY (user_id, channel),
    CONSTRAINT notification_preferences_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT notification_preferences_channel_check CHECK (channel IN ('email', 'push', 'sms'))
);

-- DOWN
DROP TABLE notification_preferences;
DROP TABLE notifications;
