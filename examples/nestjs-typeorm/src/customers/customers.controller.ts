import { Body, Controller, Get, Inject, Param, Post, Redirect } from "@nestjs/common";
import { Checked, digits, emailAddress, object, text } from "../input.ts";
import { CustomersService } from "./customers.service.ts";

const newCustomer = object({ name: text(200), email: emailAddress });

@Controller("customers")
export class CustomersController {
  constructor(@Inject(CustomersService) private readonly customers: CustomersService) {}

  @Post()
  @Redirect("/", 303)
  async signUp(@Body(new Checked(newCustomer)) details: ReturnType<typeof newCustomer>) {
    const { id } = await this.customers.signUp(details);
    return { url: `/customers/${id}` };
  }

  @Get(":id")
  customer(@Param("id", new Checked(digits())) id: number) {
    return this.customers.customer(id);
  }
}
