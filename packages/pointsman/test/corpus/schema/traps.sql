-- Writes that no call in the text tells of: operators, casts, domains, aggregates, views, policies,
-- rules, collations of a schema that is looked into first.
CREATE FUNCTION plus_logging(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN log_plpgsql('plus') * 0 + a + b; END $$;
CREATE FUNCTION plus_locking(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN a + b; END $$;
CREATE FUNCTION plus_reading(a int, b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + b + (SELECT count(*) FROM notes); END $$;
CREATE FUNCTION same_logging(a int, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql(b); RETURN true; END $$;
CREATE FUNCTION minus_locking(b int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(2); RETURN -b; END $$;
CREATE OPERATOR +! (leftarg = int, rightarg = int, function = plus_logging);
CREATE OPERATOR +? (leftarg = int, rightarg = int, function = plus_locking);
CREATE OPERATOR +& (leftarg = int, rightarg = int, function = plus_reading);
CREATE OPERATOR =~~ (leftarg = int, rightarg = text, function = same_logging);
CREATE OPERATOR -? (rightarg = int, function = minus_locking);
CREATE FUNCTION before_logging(a mood, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql(b); RETURN true; END $$;
CREATE OPERATOR < (leftarg = mood, rightarg = text, function = before_logging);

CREATE FUNCTION to_place(line text) RETURNS place LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql(line); RETURN ROW(line, 'UK')::place; END $$;
CREATE CAST (text AS place) WITH FUNCTION to_place(text);
CREATE FUNCTION place_to_int(p place) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(3); RETURN 1; END $$;
CREATE CAST (place AS int) WITH FUNCTION place_to_int(place);
CREATE FUNCTION place_to_date(p place) RETURNS date LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT min(joined) FROM customers); END $$;
CREATE CAST (place AS date) WITH FUNCTION place_to_date(place);

CREATE FUNCTION checks_logging(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql('check'); RETURN true; END $$;
CREATE FUNCTION checks_locking(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4); RETURN true; END $$;
CREATE FUNCTION checks_reading(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN i < (SELECT count(*) + 1000 FROM notes); END $$;
CREATE DOMAIN logged_int AS int CHECK (checks_logging(VALUE));
CREATE DOMAIN locked_int AS int CHECK (checks_locking(VALUE));
CREATE DOMAIN read_int AS int CHECK (checks_reading(VALUE));

CREATE FUNCTION sum_logging(state int, i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql('sum'); RETURN state + i; END $$;
CREATE FUNCTION sum_locking(state int, i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(5); RETURN state + i; END $$;
CREATE FUNCTION sum_reading(state int, i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN state + i; END $$;
CREATE FUNCTION final_logging(state int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql('final'); RETURN state; END $$;
CREATE AGGREGATE logged_sum(int) (sfunc = sum_logging, stype = int, initcond = '0');
CREATE AGGREGATE locked_sum(int) (sfunc = sum_locking, stype = int, initcond = '0');
CREATE AGGREGATE finally_logged_sum(int) (sfunc = sum_reading, stype = int, finalfunc = final_logging, initcond = '0');
CREATE AGGREGATE read_sum(int) (sfunc = sum_reading, stype = int, initcond = '0');

CREATE VIEW next_ticket_view AS SELECT nextval('tickets') AS ticket;
CREATE VIEW next_ticket_nested AS SELECT ticket + 1 AS ticket FROM next_ticket_view;
CREATE VIEW logged_books AS SELECT id, title, log_plpgsql(title) AS logged FROM books WHERE id < 3;
CREATE VIEW logged_deep AS SELECT max(id) AS id FROM logged_books WHERE logged > 0;
CREATE VIEW locked_books AS SELECT id, title FROM books WHERE pg_try_advisory_xact_lock(id) AND id < 3;
CREATE VIEW locking_rows AS SELECT * FROM notes FOR UPDATE;
CREATE VIEW operator_books AS SELECT id +! 1 AS id FROM books WHERE id < 3;
CREATE VIEW cast_books AS SELECT title::place AS place FROM books WHERE id < 3;
CREATE VIEW domain_books AS SELECT id::logged_int AS id FROM books WHERE id < 3;
CREATE VIEW aggregate_books AS SELECT logged_sum(id) AS ids FROM books WHERE id < 3;
CREATE VIEW recovering AS SELECT pg_is_in_recovery() AS recovering;
CREATE VIEW set_by_view AS SELECT set_config('corpus.setting', 'view', false) AS setting;
CREATE VIEW reading_books AS SELECT id, total_for(id) AS total FROM books;
CREATE VIEW reading_deep AS SELECT sum(total) AS total FROM reading_books;
CREATE VIEW operator_read AS SELECT id +& 1 AS id FROM books;
CREATE VIEW of_sequences AS SELECT schemaname, sequencename, last_value FROM pg_sequences;
CREATE VIEW of_locks AS SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory';
CREATE FUNCTION reads_view() RETURNS int LANGUAGE sql AS $$ SELECT max(id) FROM logged_books $$;
CREATE VIEW view_over_function AS SELECT reads_view() AS id;
CREATE FUNCTION reads_reading_view() RETURNS numeric LANGUAGE sql AS $$ SELECT max(total) FROM reading_books $$;

-- Row-level security: for the clerk, the superuser passes by.
CREATE ROLE clerk LOGIN;
CREATE TABLE diaries (id int PRIMARY KEY, owner text, body text);
CREATE TABLE locked_diaries (id int PRIMARY KEY, body text);
CREATE TABLE read_diaries (id int PRIMARY KEY, body text);
CREATE TABLE plain_diaries (id int PRIMARY KEY, body text);
INSERT INTO diaries SELECT g, 'clerk', 'day ' || g FROM generate_series(1, 4) g;
INSERT INTO locked_diaries SELECT g, 'day ' || g FROM generate_series(1, 4) g;
INSERT INTO read_diaries SELECT g, 'day ' || g FROM generate_series(1, 4) g;
INSERT INTO plain_diaries SELECT g, 'day ' || g FROM generate_series(1, 4) g;
CREATE FUNCTION may_read(i int) RETURNS boolean SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql('policy'); RETURN true; END $$;
CREATE FUNCTION may_lock(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN pg_try_advisory_xact_lock(i) OR true; END $$;
CREATE FUNCTION may_look(i int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM customers); END $$;
ALTER TABLE diaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE locked_diaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE read_diaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain_diaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_policy ON diaries USING (may_read(id));
CREATE POLICY lock_policy ON locked_diaries USING (may_lock(id));
CREATE POLICY look_policy ON read_diaries USING (may_look(id));
CREATE POLICY plain_policy ON plain_diaries USING (id < 3);
CREATE VIEW diary_titles AS SELECT id FROM diaries;
ALTER VIEW diary_titles OWNER TO clerk;

-- Rules and triggers
CREATE TABLE ruled (id int, body text);
CREATE RULE ruled_insert AS ON INSERT TO ruled DO ALSO INSERT INTO audit (what) VALUES (NEW.body);
CREATE RULE ruled_delete AS ON DELETE TO ruled DO INSTEAD NOTHING;
CREATE VIEW ruled_view AS SELECT * FROM ruled;
CREATE RULE ruled_view_insert AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO ruled VALUES (NEW.*);
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql(TG_OP); RETURN NEW; END $$;
CREATE TABLE watched (id int PRIMARY KEY, body text);
INSERT INTO watched VALUES (1, 'one'), (2, 'two');
CREATE TRIGGER watched_change AFTER INSERT OR UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION note_change();

-- A schema that hides names of public, and names of builtins with other arguments.
CREATE SCHEMA traps;
CREATE TABLE traps.books (id int, title text);
INSERT INTO traps.books VALUES (1, 'of traps');
CREATE FUNCTION traps.lower(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN log_plpgsql('lower'); END $$;
CREATE FUNCTION public.lower(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN log_plpgsql('lower'); END $$;
CREATE FUNCTION public.initcap(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(6); RETURN i; END $$;
CREATE FUNCTION public.abs(t text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN octet_length(t); END $$;
CREATE FUNCTION logged_name(customers) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM log_plpgsql('attribute'); RETURN $1.name; END $$;
CREATE FUNCTION read_name(customers) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN $1.name; END $$;

-- Foreign tables, over a server that leads back to the writer; what they lead to is set by the run.
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION dblink;
CREATE EXTENSION file_fdw;

-- Plenty of rights for the clerk.
GRANT ALL ON SCHEMA public, traps TO clerk;
GRANT ALL ON ALL TABLES IN SCHEMA public TO clerk;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO clerk;
