import { salesReport } from "@/data/report.ts";
import { handler } from "@/lib/handler.ts";

export const GET = handler(async () => Response.json(await salesReport()));
