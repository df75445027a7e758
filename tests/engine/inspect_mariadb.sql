-- SPDX-License-Identifier: Apache-2.0
-- Changes of a schema, as in inspect_postgres.sql; mariadb-dump is asked after each.
CREATE TABLE users (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(40) NOT NULL DEFAULT 'it''s, (odd)' COMMENT 'their name, or `nick`',
    email VARCHAR(100) CHARACTER SET ascii,
    kind ENUM('a', 'b,c', 'd)') DEFAULT 'a',
    born DATE,
    made TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    more JSON,
    UNIQUE KEY mail (email)
) ENGINE=InnoDB
----
INSERT INTO users (name) VALUES ('x'), ('y')
----
ANALYZE TABLE users
----
ALTER TABLE users ADD COLUMN age INT CHECK (age > 0)
----
ALTER TABLE users ADD COLUMN twice INT AS (age * 2) PERSISTENT
----
ALTER TABLE users MODIFY name VARCHAR(80) NOT NULL
----
ALTER TABLE users CHANGE born birthday DATE
----
ALTER TABLE users ALTER COLUMN age SET DEFAULT 7
----
ALTER TABLE users MODIFY more JSON INVISIBLE
----
ALTER TABLE users ADD INDEX by_name (name(10), age DESC)
----
ALTER TABLE users RENAME INDEX by_name TO by_name_and_age
----
ALTER TABLE users ALTER INDEX by_name_and_age IGNORED
----
ALTER TABLE users ADD FULLTEXT INDEX words (name)
----
ALTER TABLE users ADD CONSTRAINT sane CHECK (age < 200)
----
ALTER TABLE users DROP CONSTRAINT sane
----
ALTER TABLE users COMMENT 'people, auto_increment=7'
----
ALTER TABLE users ROW_FORMAT=COMPRESSED
----
ALTER TABLE users AUTO_INCREMENT=1000
----
CREATE TABLE `odd ``table` (`odd, column` INT PRIMARY KEY, `b)` TEXT)
----
CREATE TABLE orders (
    id INT PRIMARY KEY,
    user_id INT UNSIGNED,
    begins DATE, ends DATE,
    PERIOD FOR valid (begins, ends),
    CONSTRAINT whose FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)
----
ALTER TABLE orders DROP FOREIGN KEY whose
----
ALTER TABLE orders ADD CONSTRAINT whose FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE
----
CREATE TABLE kept (id INT PRIMARY KEY) WITH SYSTEM VERSIONING
----
CREATE TABLE parts (id INT, at DATE) PARTITION BY RANGE (YEAR(at)) (PARTITION p1 VALUES LESS THAN (2024), PARTITION p2 VALUES LESS THAN MAXVALUE)
----
ALTER TABLE parts DROP PARTITION p2
----
CREATE VIEW v1 AS SELECT u.id, u.name FROM users u WHERE u.age > 3
----
CREATE OR REPLACE VIEW v1 AS SELECT u.id, u.name FROM users u WHERE u.age > 4
----
ALTER SQL SECURITY INVOKER VIEW v1 AS SELECT u.id, u.name FROM users u WHERE u.age > 4
----
CREATE ALGORITHM = MERGE VIEW v2 AS SELECT v1.id, orders.id AS other FROM v1 JOIN dataflow.orders ON orders.user_id = v1.id WITH CHECK OPTION
----
CREATE TRIGGER g1 BEFORE INSERT ON users FOR EACH ROW SET NEW.age = 1
----
CREATE TRIGGER g2 BEFORE INSERT ON users FOR EACH ROW PRECEDES g1 SET NEW.age = 2
----
DROP TRIGGER g1
----
CREATE PROCEDURE p1(IN a INT, OUT b VARCHAR(10)) COMMENT 'does' SELECT a INTO b
----
ALTER PROCEDURE p1 SQL SECURITY INVOKER
----
CREATE FUNCTION f1(a INT) RETURNS INT DETERMINISTIC RETURN a + 1
----
CREATE OR REPLACE FUNCTION f1(a INT) RETURNS INT DETERMINISTIC RETURN a + 2
----
CREATE EVENT e1 ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders
----
ALTER EVENT e1 DISABLE
----
ALTER EVENT e1 ON SCHEDULE EVERY 2 DAY
----
CREATE SEQUENCE s1 START WITH 5 INCREMENT BY 2
----
SELECT NEXTVAL(s1)
----
ALTER SEQUENCE s1 MAXVALUE 1000
----
ALTER DATABASE dataflow COLLATE utf8mb4_bin
----
CREATE USER IF NOT EXISTS inspect_reader
----
GRANT SELECT ON dataflow.* TO inspect_reader
----
GRANT INSERT, UPDATE (name) ON users TO inspect_reader
----
GRANT EXECUTE ON PROCEDURE p1 TO inspect_reader
----
REVOKE INSERT ON users FROM inspect_reader
----
DROP VIEW v2
----
ALTER TABLE orders DROP COLUMN user_id, DROP FOREIGN KEY whose
----
RENAME TABLE orders TO requests
----
DROP TABLE kept
----
SELECT 1
