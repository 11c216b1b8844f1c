declare module "knex/lib/dialects/postgres/index.js" {
  /** What the tests use of it; Knex has no types for its clients. */
  export default class PostgresClient {
    _driver(): object;
  }
}
