/**
 * The schema that keeps builtin functions which an imitation of Aurora refuses. By its name it is one
 * of PostgreSQL's own, so neither psql's lists nor pg_dump show it.
 */
export const HIDDEN_SCHEMA = "pg_not_on_aurora";
