import type { Pool } from "pointsman";

/** Makes the tables of the shop and puts its books on the shelf, where they are not there yet. */
export async function createSchema(pool: Pool): Promise<void> {
  await pool.query(`
    create table if not exists books (
      id int primary key,
      title text not null,
      price_cents int not null
    );
    create table if not exists orders (
      number bigint generated always as identity primary key,
      book_id int not null references books,
      placed_at timestamptz not null default now()
    );
    create or replace function price_of(book int) returns int language sql stable
      return (select price_cents from books where id = book);
    insert into books values
      (1, 'Mugby Junction', 799),
      (2, 'The Lost Special', 599),
      (3, 'The Railway Children', 899),
      (4, 'The Signal-Man', 550)
    on conflict do nothing`);
}
