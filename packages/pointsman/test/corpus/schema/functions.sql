-- Functions that write, lock, set or raise, and those that only read, in each way to write them.
-- Writing, in SQL and PL/pgSQL.
CREATE FUNCTION log_sql(what text) RETURNS int LANGUAGE sql AS
  $$ INSERT INTO audit (what) VALUES (what) RETURNING id $$;
CREATE FUNCTION log_plpgsql(line text) RETURNS int LANGUAGE plpgsql AS
  $$ DECLARE given int; BEGIN INSERT INTO audit (what) VALUES (line) RETURNING id INTO given; RETURN given; END $$;
CREATE FUNCTION log_standard(what text) RETURNS int LANGUAGE sql
  BEGIN ATOMIC INSERT INTO audit (what) VALUES (what) RETURNING id; END;
CREATE FUNCTION log_stable(line text) RETURNS int STABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_plpgsql(line); END $$;
CREATE FUNCTION log_immutable(line text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_plpgsql(line); END $$;
CREATE FUNCTION log_nested(line text) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_standard(line); END $$;
CREATE FUNCTION log_dynamic(line text) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE 'INSERT INTO audit (what) VALUES ($1)' USING line; RETURN 1; END $$;
CREATE FUNCTION log_definer(line text) RETURNS int SECURITY DEFINER SET search_path = public LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_plpgsql(line); END $$;
CREATE FUNCTION log_sometimes(id int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN IF id > 0 THEN DELETE FROM notes WHERE notes.id = log_sometimes.id; END IF; RETURN id; END $$;
CREATE FUNCTION log_any(thing anyelement) RETURNS anyelement LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit (what) VALUES (thing::text); RETURN thing; END $$;
CREATE FUNCTION log_variadic(VARIADIC things text[]) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_plpgsql(array_to_string(things, ' ')); END $$;
CREATE FUNCTION log_default(line text DEFAULT 'nothing') RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN RETURN log_plpgsql(line); END $$;
CREATE FUNCTION moved_notes() RETURNS SETOF notes LANGUAGE sql AS
  $$ UPDATE notes SET body = body || '.' RETURNING * $$;
CREATE FUNCTION merged_totals() RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO totals (id, pence) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET pence = 1; RETURN 1; END $$;
CREATE FUNCTION emptied() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE notes; END $$;
CREATE FUNCTION next_ticket() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('tickets') $$;
CREATE FUNCTION set_ticket(i bigint) RETURNS bigint LANGUAGE plpgsql AS
  $$ BEGIN PERFORM setval('tickets', i); RETURN i; END $$;
CREATE FUNCTION tell(line text) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN NOTIFY corpus; PERFORM pg_notify('corpus', line); END $$;
CREATE FUNCTION locked_note(wanted int) RETURNS notes LANGUAGE plpgsql AS
  $$ DECLARE found_note notes; BEGIN SELECT * INTO found_note FROM notes WHERE id = wanted FOR UPDATE; RETURN found_note; END $$;
CREATE FUNCTION locked_table() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN LOCK TABLE notes IN SHARE ROW EXCLUSIVE MODE; END $$;
CREATE FUNCTION made_table() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN CREATE TEMPORARY TABLE made_by_function (id int) ON COMMIT DROP; END $$;
CREATE FUNCTION writing_cte() RETURNS bigint LANGUAGE sql AS
  $$ WITH gone AS (DELETE FROM notes WHERE id = 5 RETURNING *) SELECT count(*) FROM gone $$;
CREATE FUNCTION writing_loop() RETURNS int LANGUAGE plpgsql AS
  $$ DECLARE one record; BEGIN FOR one IN UPDATE notes SET body = 'x' WHERE id < 3 RETURNING id LOOP NULL; END LOOP; RETURN 1; END $$;
CREATE FUNCTION reads_sequence() RETURNS int LANGUAGE sql AS $$ SELECT last_value::int FROM cached_tickets $$;
CREATE FUNCTION count_carts() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM carts $$;
CREATE FUNCTION unless_recovering() RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN IF NOT pg_is_in_recovery() THEN INSERT INTO audit (what) VALUES ('writer'); END IF; RETURN true; END $$;
CREATE FUNCTION on_which_server() RETURNS boolean STABLE LANGUAGE sql AS $$ SELECT pg_is_in_recovery() $$;

-- Locks and settings, which a reader accepts.
CREATE FUNCTION lock_key(key bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_lock(key); END $$;
CREATE FUNCTION lock_key_sql(key bigint) RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(key) $$;
CREATE FUNCTION try_key(key bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_try_advisory_lock(key) $$;
CREATE FUNCTION try_key_standard(key int) RETURNS boolean LANGUAGE sql RETURN pg_try_advisory_xact_lock(key, key);
CREATE FUNCTION lock_stable(key bigint) RETURNS boolean STABLE LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_xact_lock(key); RETURN true; END $$;
CREATE FUNCTION lock_nested(key bigint) RETURNS boolean STABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN lock_stable(key); END $$;
CREATE FUNCTION lock_dynamic(key bigint) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN EXECUTE format('SELECT pg_advisory_lock(%s)', key); END $$;
CREATE FUNCTION lock_and_unlock(key bigint) RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE answer bigint; BEGIN PERFORM pg_advisory_lock(key); SELECT count(*) INTO answer FROM notes;
     PERFORM pg_advisory_unlock(key); RETURN answer; END $$;
CREATE FUNCTION unlock_key(key bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_advisory_unlock(key) $$;
CREATE FUNCTION set_tenant(tenant text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('corpus.setting', tenant, false) $$;
CREATE FUNCTION set_tenant_plpgsql(tenant text) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN PERFORM set_config('corpus.setting', tenant, false); END $$;
CREATE FUNCTION set_path() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET search_path = traps, public; END $$;
CREATE FUNCTION set_memory() RETURNS void LANGUAGE sql AS $$ SET work_mem = '7MB' $$;
CREATE FUNCTION set_stable() RETURNS text STABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN set_config('corpus.setting', 'stable', false); END $$;
CREATE FUNCTION reset_memory() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RESET corpus.setting; END $$;
CREATE FUNCTION set_role() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET ROLE clerk; END $$;
CREATE FUNCTION seeded() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM setseed(0.5); RETURN true; END $$;
CREATE FUNCTION prepares() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'PREPARE by_function AS SELECT 1'; END $$;
CREATE FUNCTION lock_unless_there(key bigint) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN IF EXISTS (SELECT FROM notes WHERE id = 1) THEN RETURN pg_try_advisory_lock(key); END IF; RETURN false; END $$;

-- Overloads: one reads, the other writes.
CREATE FUNCTION amount(i int) RETURNS int LANGUAGE sql AS $$ SELECT count(*)::int FROM orders WHERE id = i $$;
CREATE FUNCTION amount(i text) RETURNS int LANGUAGE sql AS $$ SELECT log_sql(i) $$;
CREATE FUNCTION amount(i int, j int) RETURNS int LANGUAGE sql AS $$ SELECT i + j $$;

-- Only reading, though VOLATILE, as most functions are left.
CREATE FUNCTION total_for(wanted int) RETURNS bigint LANGUAGE sql AS
  $$ SELECT sum(pence) FROM order_sums WHERE order_id = wanted $$;
CREATE FUNCTION total_standard(wanted int) RETURNS bigint LANGUAGE sql
  BEGIN ATOMIC SELECT sum(pence) FROM order_sums WHERE order_id = wanted; END;
CREATE FUNCTION doubled(i int) RETURNS int LANGUAGE sql RETURN i * 2;
CREATE FUNCTION total_plpgsql(wanted int) RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE answer bigint; BEGIN SELECT sum(pence) INTO answer FROM order_sums WHERE order_id = wanted; RETURN answer; END $$;
CREATE FUNCTION total_nested(wanted int) RETURNS bigint LANGUAGE plpgsql AS
  $$ BEGIN RETURN coalesce(total_for(wanted), 0) + total_plpgsql(wanted); END $$;
CREATE FUNCTION titles(most int) RETURNS SETOF text LANGUAGE plpgsql AS
  $$ DECLARE one record; BEGIN FOR one IN SELECT title FROM books WHERE pence <= most ORDER BY id LOOP RETURN NEXT one.title; END LOOP; END $$;
CREATE FUNCTION books_below(most int) RETURNS TABLE (id int, title text) LANGUAGE sql AS
  $$ SELECT id, title FROM books WHERE pence < most $$;
CREATE FUNCTION books_query(most int) RETURNS SETOF books LANGUAGE plpgsql AS
  $$ BEGIN RETURN QUERY SELECT * FROM books WHERE pence < most; END $$;
CREATE FUNCTION fibonacci(n int) RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE a bigint := 0; b bigint := 1; c bigint; BEGIN FOR i IN 1..n LOOP c := a + b; a := b; b := c; END LOOP; RETURN a; END $$;
CREATE FUNCTION checked(i int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN IF i < 0 THEN RAISE EXCEPTION 'negative'; END IF; RAISE NOTICE 'checked %', i; RETURN i; END $$;
CREATE FUNCTION caught(i int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN RETURN 1 / i; EXCEPTION WHEN division_by_zero THEN RETURN NULL; END $$;
CREATE FUNCTION cursor_sum() RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE every CURSOR FOR SELECT pence FROM books; one int; answer bigint := 0; BEGIN OPEN every;
     LOOP FETCH every INTO one; EXIT WHEN NOT FOUND; answer := answer + one; END LOOP; CLOSE every; RETURN answer; END $$;
CREATE FUNCTION first_of(things anyarray) RETURNS anyelement LANGUAGE plpgsql AS $$ BEGIN RETURN things[1]; END $$;
CREATE FUNCTION city_of(customer customers) RETURNS text LANGUAGE sql AS $$ SELECT customer.city $$;
CREATE FUNCTION place_of(wanted int, OUT city text, OUT country text) LANGUAGE plpgsql AS
  $$ BEGIN SELECT customers.city, 'UK' INTO city, country FROM customers WHERE id = wanted; END $$;
CREATE FUNCTION price_json(wanted int) RETURNS jsonb LANGUAGE sql AS
  $$ SELECT jsonb_build_object('title', title, 'pence', pence) FROM books WHERE id = wanted $$;
CREATE FUNCTION depth(n int) RETURNS int LANGUAGE plpgsql AS
  $$ BEGIN IF n <= 0 THEN RETURN 0; END IF; RETURN depth(n - 1) + 1; END $$;
CREATE FUNCTION search(wanted text DEFAULT 'all') RETURNS SETOF int LANGUAGE sql AS
  $$ SELECT id FROM documents WHERE words @@ plainto_tsquery('simple', wanted) ORDER BY id $$;
CREATE FUNCTION dice() RETURNS int LANGUAGE sql AS $$ SELECT (random() * 0)::int $$;
CREATE FUNCTION dynamic_count(wanted text) RETURNS bigint LANGUAGE plpgsql AS
  $$ DECLARE answer bigint; BEGIN EXECUTE format('SELECT count(*) FROM %I', wanted) INTO answer; RETURN answer; END $$;
CREATE FUNCTION joined(VARIADIC things text[]) RETURNS text LANGUAGE sql AS $$ SELECT array_to_string(things, '-') $$;
CREATE FUNCTION with_setting(i int) RETURNS int SET work_mem = '8MB' LANGUAGE plpgsql AS $$ BEGIN RETURN i; END $$;
CREATE FUNCTION by_definer(wanted int) RETURNS bigint SECURITY DEFINER LANGUAGE sql AS $$ SELECT total_for(wanted) $$;
CREATE FUNCTION stock_level(wanted int) RETURNS text LANGUAGE plpgsql AS
  $$ DECLARE left_over int; BEGIN SELECT stock INTO STRICT left_over FROM books WHERE id = wanted;
     CASE WHEN left_over = 0 THEN RETURN 'none'; WHEN left_over < 3 THEN RETURN 'few'; ELSE RETURN 'many'; END CASE;
     EXCEPTION WHEN no_data_found THEN RETURN NULL; END $$;
CREATE FUNCTION best_customer() RETURNS customers LANGUAGE plpgsql AS
  $$ DECLARE best customers%ROWTYPE; BEGIN SELECT c.* INTO best FROM customers c JOIN orders o ON o.customer_id = c.id
     GROUP BY c.id ORDER BY count(*) DESC, c.id LIMIT 1; RETURN best; END $$;
CREATE FUNCTION revenue(since date, until date DEFAULT '2027-01-01') RETURNS TABLE (month text, pence bigint) LANGUAGE plpgsql AS
  $$ BEGIN RETURN QUERY SELECT to_char(o.at, 'YYYY-MM'), sum(l.quantity * b.pence) FROM orders o
     JOIN order_lines l ON l.order_id = o.id JOIN books b ON b.id = l.book_id
     WHERE o.at >= since AND o.at < until GROUP BY 1 ORDER BY 1; END $$;
CREATE FUNCTION each_squared(numbers int[]) RETURNS int[] LANGUAGE plpgsql AS
  $$ DECLARE n int; answer int[] := '{}'; BEGIN FOREACH n IN ARRAY numbers LOOP answer := answer || n * n; END LOOP; RETURN answer; END $$;
CREATE FUNCTION slug(title text) RETURNS text LANGUAGE sql AS
  $$ SELECT trim(both '-' from regexp_replace(title, '[^a-zA-Z0-9]+', '-', 'g')) $$;
CREATE FUNCTION is_known(wanted int) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN PERFORM FROM customers WHERE id = wanted; RETURN FOUND; END $$;
CREATE FUNCTION ranked_books() RETURNS TABLE (id int, place bigint) LANGUAGE sql AS
  $$ SELECT id, row_number() OVER (ORDER BY pence DESC, id) FROM books $$;
CREATE FUNCTION descending(n int) RETURNS SETOF int LANGUAGE plpgsql AS
  $$ BEGIN WHILE n > 0 LOOP RETURN NEXT n; n := n - 1; END LOOP; END $$;
CREATE FUNCTION order_json(wanted int) RETURNS jsonb LANGUAGE plpgsql AS
  $$ DECLARE answer jsonb; BEGIN SELECT jsonb_agg(to_jsonb(l) ORDER BY l.book_id) INTO answer FROM order_lines l WHERE l.order_id = wanted;
     RETURN jsonb_build_object('id', wanted, 'lines', coalesce(answer, '[]')); END $$;
CREATE FUNCTION age_in_days(of_customer int) RETURNS int LANGUAGE sql AS
  $$ SELECT date '2026-12-31' - joined FROM customers WHERE id = of_customer $$;

-- Procedures
CREATE PROCEDURE logs(line text) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (line); END $$;
CREATE PROCEDURE logs_and_commits(line text) LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit (what) VALUES (line); COMMIT; INSERT INTO audit (what) VALUES (line); END $$;
CREATE PROCEDURE logs_sql(line text) LANGUAGE sql AS $$ INSERT INTO audit (what) VALUES (line) $$;
CREATE PROCEDURE looks(INOUT answer bigint) LANGUAGE plpgsql AS $$ BEGIN SELECT count(*) INTO answer FROM notes; END $$;
