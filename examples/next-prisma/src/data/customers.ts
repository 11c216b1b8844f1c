import { prisma } from "@/lib/database.ts";
import { conflict, isDuplicate, notFound } from "@/lib/problems.ts";

/** Signs a customer up and returns the new id. */
export async function signUp(name: string, email: string): Promise<number> {
  try {
    const { id } = await prisma.customer.create({ data: { name, email } });
    return id;
  } catch (error) {
    if (isDuplicate(error)) {
      throw conflict("email_taken", "Somebody has signed up with this e-mail address already.");
    }
    throw error;
  }
}

export async function customerPage(id: number) {
  const customer = await prisma.customer.findUnique({ where: { id } });
  if (customer === null) throw notFound(`There is no customer ${id}.`);
  return customer;
}
