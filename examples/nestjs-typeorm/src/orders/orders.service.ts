import { ConflictException, Injectable, NotFoundException } from "@nestjs/common";
import { InjectDataSource, InjectRepository } from "@nestjs/typeorm";
import type { DataSource, Repository } from "typeorm";
import { Order, OrderLine, Stock } from "../entities.ts";
import { pointsNowhere } from "../problems.ts";

type Basket = readonly Pick<OrderLine, "bookId" | "quantity">[];

@Injectable()
export class OrdersService {
  constructor(
    @InjectDataSource() private readonly source: DataSource,
    @InjectRepository(Order) private readonly orders: Repository<Order>,
  ) {}

  /** Places an order: all of its books, or nothing at all. Returns its number. */
  async place(customerId: number, basket: Basket): Promise<number> {
    const wanted = quantitiesOf(basket);
    try {
      return await this.source.transaction(async (manager) => {
        // Locked in the order of their ids: two orders for the same books wait for each other,
        // instead of locking each other out.
        const shelves = await manager
          .createQueryBuilder(Stock, "stock")
          .innerJoinAndSelect("stock.book", "book")
          .where("stock.bookId in (:...ids)", { ids: [...wanted.keys()] })
          .orderBy("stock.bookId")
          .setLock("pessimistic_write", undefined, ["stock"])
          .getMany();
        const lines = linesOf(wanted, shelves);
        const totalCents = lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0);
        const { number } = await manager.save(manager.create(Order, { customerId, totalCents }));
        await manager.insert(
          OrderLine,
          lines.map((line) => ({ orderNumber: number, ...line })),
        );
        for (const { bookId, quantity } of lines) {
          await manager.decrement(Stock, { bookId }, "quantity", quantity);
        }
        return number;
      });
    } catch (error) {
      if (pointsNowhere(error)) throw new NotFoundException(`There is no customer ${customerId}.`);
      throw error;
    }
  }

  async order(number: number) {
    const order = await this.orders.findOne({
      where: { number },
      relations: { lines: { book: true } },
      order: { lines: { bookId: "ASC" } },
    });
    if (order === null) throw new NotFoundException(`There is no order ${number}.`);
    const lines = order.lines.map(({ bookId, book, quantity, priceCents }) => ({
      bookId,
      title: book.title,
      quantity,
      priceCents,
    }));
    return { ...order, lines };
  }
}

/** How many of each book a basket has. */
function quantitiesOf(basket: Basket): Map<number, number> {
  const quantities = new Map<number, number>();
  for (const { bookId, quantity } of basket) {
    quantities.set(bookId, (quantities.get(bookId) ?? 0) + quantity);
  }
  return quantities;
}

/** The lines of an order, once there is enough of every book. */
function linesOf(wanted: ReadonlyMap<number, number>, shelves: readonly Stock[]) {
  return [...wanted].map(([bookId, quantity]) => {
    const shelf = shelves.find((candidate) => candidate.bookId === bookId);
    if (shelf === undefined) throw new NotFoundException(`There is no book ${bookId}.`);
    if (shelf.quantity < quantity) {
      const message = `There are ${shelf.quantity} of “${shelf.book.title}”; nothing was ordered.`;
      throw new ConflictException(message, "out_of_stock");
    }
    return { bookId, quantity, priceCents: shelf.book.priceCents };
  });
}
