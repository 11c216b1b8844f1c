import { Body, Controller, Get, Inject, Param, Post, Redirect } from "@nestjs/common";
import { Checked, digits, list, object, wholeNumber } from "../input.ts";
import { OrdersService } from "./orders.service.ts";

const newOrder = object({
  customerId: wholeNumber(),
  lines: list(100, object({ bookId: wholeNumber(), quantity: wholeNumber(1, 1000) })),
});

@Controller("orders")
export class OrdersController {
  constructor(@Inject(OrdersService) private readonly orders: OrdersService) {}

  @Post()
  @Redirect("/", 303)
  async place(@Body(new Checked(newOrder)) order: ReturnType<typeof newOrder>) {
    return { url: `/orders/${await this.orders.place(order.customerId, order.lines)}` };
  }

  @Get(":number")
  order(@Param("number", new Checked(digits())) number: number) {
    return this.orders.order(number);
  }
}
