import { signUp } from "@/data/customers.ts";
import { handler, seeOther } from "@/lib/handler.ts";
import { Fields } from "@/lib/input.ts";

export const POST = handler(async (request) => {
  const details = await Fields.of(request);
  const id = await signUp(details.text("name", 200), details.emailAddress("email"));
  return seeOther(`/customers/${id}`);
});
