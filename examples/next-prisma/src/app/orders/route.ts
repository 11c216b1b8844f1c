import { placeOrder } from "@/data/orders.ts";
import { handler, seeOther } from "@/lib/handler.ts";
import { Fields } from "@/lib/input.ts";

export const POST = handler(async (request) => {
  const order = await Fields.of(request);
  const lines = order.list("lines", 100).map((line) => ({
    bookId: line.integer("bookId"),
    quantity: line.integer("quantity", 1, 1000),
  }));
  return seeOther(`/orders/${await placeOrder(order.integer("customerId"), lines)}`);
});
