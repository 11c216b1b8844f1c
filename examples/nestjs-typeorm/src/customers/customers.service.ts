import { ConflictException, Injectable, NotFoundException } from "@nestjs/common";
import { InjectRepository } from "@nestjs/typeorm";
import type { Repository } from "typeorm";
import { Customer } from "../entities.ts";
import { isDuplicate } from "../problems.ts";

@Injectable()
export class CustomersService {
  constructor(@InjectRepository(Customer) private readonly customers: Repository<Customer>) {}

  async signUp(details: Pick<Customer, "name" | "email">): Promise<Customer> {
    try {
      return await this.customers.save(this.customers.create(details));
    } catch (error) {
      if (isDuplicate(error, "one_customer_per_address")) {
        const message = "Somebody has signed up with this e-mail address already.";
        throw new ConflictException(message, "email_taken");
      }
      throw error;
    }
  }

  async customer(id: number): Promise<Customer> {
    const customer = await this.customers.findOneBy({ id });
    if (customer === null) throw new NotFoundException(`There is no customer ${id}.`);
    return customer;
  }
}
