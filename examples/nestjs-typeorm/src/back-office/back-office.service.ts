import { Injectable } from "@nestjs/common";
import { InjectDataSource } from "@nestjs/typeorm";
import type { DataSource, EntityManager } from "typeorm";
import { Order, OrderLine, Stock } from "../entities.ts";

@Injectable()
export class BackOfficeService {
  constructor(@InjectDataSource() private readonly source: DataSource) {}

  /** What was sold, and what is running out: both of one moment. */
  report() {
    return this.#inOneSnapshot(async (manager) => {
      const months = await manager
        .createQueryBuilder(OrderLine, "line")
        .innerJoin("line.order", "placed")
        .select("to_char(placed.placedAt, 'YYYY-MM')", "month")
        .addSelect("sum(line.quantity)::int", "books")
        .addSelect("sum(line.quantity * line.priceCents)::float8", "revenueCents")
        .groupBy("month")
        .orderBy("month", "DESC")
        .limit(12)
        .getRawMany<{ month: string; books: number; revenueCents: number }>();
      const orders = await manager.count(Order);
      const scarce = await manager
        .createQueryBuilder(Stock, "stock")
        .innerJoinAndSelect("stock.book", "book")
        .where("stock.quantity < 5")
        .orderBy("stock.quantity")
        .addOrderBy("stock.bookId")
        .take(20)
        .getMany();
      const runningOut = scarce.map(({ book, quantity }) => ({
        id: book.id,
        title: book.title,
        quantity,
      }));
      return { months, orders, runningOut };
    });
  }

  /**
   * Reads in one transaction on a reader. TypeORM's own `transaction()` cannot declare itself READ
   * ONLY, and then it would run on the writer; a query runner is given the words.
   */
  async #inOneSnapshot<T>(read: (manager: EntityManager) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    try {
      await runner.query("start transaction isolation level repeatable read read only");
      const found = await read(runner.manager);
      await runner.query("commit");
      return found;
    } catch (error) {
      await runner.query("rollback").catch(() => {});
      throw error;
    } finally {
      await runner.release();
    }
  }
}
